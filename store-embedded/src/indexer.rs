//! Keeps the index up to date, behind the decisions and out of their way.
//!
//! Records are handed over a few at a time. While decisions are made it is the deciding thread
//! that does it, between two groups: a thread of low priority that held the lock could be kept
//! from the processor while logins wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use sekisho_verifier::seal::Keyring;

use crate::body::Step;
use crate::index::{Base, Index, IndexError, Mark};
use crate::records::Records;
use crate::recovery::Point;
use crate::tracker::Chunk;
use crate::walk::{Entry, TooManyChanges};

/// The thread that writes the index, and the one that opens it. A panic in them comes from sled
/// and costs the index, not the process.
pub const INDEX_THREAD: &str = "sekisho-index";

/// The index is brought up to date when the journal is so far ahead: replaying it takes a second.
const BEHIND_OCTETS: u64 = 64 << 20;
/// But not more often than this.
const INTERVAL: Duration = Duration::from_secs(30);
/// Or when nothing has been committed for so long.
const IDLE: Duration = Duration::from_secs(10);
/// How often it looks whether there is anything to do.
const TICK: Duration = Duration::from_secs(1);
/// So many records are handed over at once: some 20 microseconds.
const CHUNK_RECORDS: usize = 64;
/// So many go into one batch of the index.
const BATCH_RECORDS: usize = 1_024;
/// How long it waits for a commit that hands records over, before it takes them itself.
const HAND_OVER: Duration = Duration::from_millis(20);
/// The index is rewritten when it takes more space than this times that of the records, and more.
const GROWTH: u64 = 12;
const GROWTH_FREE_OCTETS: u64 = 512 << 20;
/// Nice value of the thread: the lowest.
const NICE: i32 = 19;

/// What the deciding thread and the indexing thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the indexing thread.
    wake: Condvar,
    /// Wakes who makes a snapshot.
    walked: Condvar,
    /// Held by each work that relies on the files of the journal staying where they are.
    pub(crate) keeping: Mutex<()>,
}

/// Records, and how far the index is behind them.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) records: Records,
    /// End of the journal that the records stand for.
    pub(crate) point: Point,
    /// The store has to be given up.
    pub(crate) fatal: bool,
    /// Octets of the journal since the last run began.
    pub(crate) behind_octets: u64,
    /// When a group was committed last.
    pub(crate) committed: Option<Instant>,
    /// What is wrong with the index.
    pub(crate) warning: Option<String>,
    wanted: bool,
    chunk: Option<Chunk>,
    stop: Option<Stop>,
    /// As `wanted` and `chunk`, for a snapshot.
    walk_wanted: bool,
    walk_chunk: Option<Walked>,
}

/// Some entries of a snapshot; `None` at the end.
pub(crate) type Walked = Result<Option<Vec<Entry>>, TooManyChanges>;

/// How long the end waits for the index: a restart should not take longer for it than the replay
/// that it saves.
const CLOSE: Duration = Duration::from_secs(5);
/// How often the end looks whether the index is done.
const CLOSE_PAUSE: Duration = Duration::from_millis(2);

/// How the indexing thread is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// With the index up to date.
    UpToDate,
    /// At once.
    AtOnce,
}

impl State {
    /// Records as they are at `point` of the journal.
    pub(crate) fn new(records: Records, point: Point) -> Self {
        Self {
            records,
            point,
            fatal: false,
            behind_octets: 0,
            committed: None,
            warning: None,
            wanted: false,
            chunk: None,
            stop: None,
            walk_wanted: false,
            walk_chunk: None,
        }
    }
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            walked: Condvar::new(),
            keeping: Mutex::new(()),
        }
    }

    /// The state. Who panicked while holding it may have left half a group there, so the store is
    /// given up.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = PoisonError::into_inner(poisoned);
            state.fatal = true;
            state
        })
    }

    /// Hands over records if they are wanted. Called between two groups.
    pub(crate) fn hand_over(&self, state: &mut State) {
        if state.wanted && state.chunk.is_none() {
            state.chunk = Some(state.records.changed(CHUNK_RECORDS));
            self.wake.notify_one();
        }
        if state.walk_wanted && state.walk_chunk.is_none() {
            state.walk_chunk = Some(state.records.walk(CHUNK_RECORDS));
            self.walked.notify_one();
        }
    }

    /// Begins to copy all records as they are now. Only one copy is made at a time.
    pub(crate) fn begin_walk(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.walk_chunk = None;
        state.records.begin_walk();
        state
    }

    /// The next entries of the copy, from the deciding thread or, when that rests, by ourselves.
    pub(crate) fn walk(&self) -> Walked {
        let mut state = self.lock();
        let idle = state
            .committed
            .is_none_or(|last| last.elapsed() >= HAND_OVER);
        if !idle {
            state.walk_wanted = true;
            let waiting = |state: &mut State| state.walk_chunk.is_none();
            let waited = self.walked.wait_timeout_while(state, HAND_OVER, waiting);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.walk_wanted = false;
        match state.walk_chunk.take() {
            Some(chunk) => chunk,
            None => state.records.walk(CHUNK_RECORDS),
        }
    }

    /// Ends the copy, or gives it up.
    pub(crate) fn end_walk(&self) {
        let mut state = self.lock();
        state.walk_chunk = None;
        state.records.end_walk();
    }
}

/// The indexing thread.
#[derive(Debug)]
pub(crate) struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts it. `mark` tells which store it is for, and what the index holds already.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        index: Box<dyn Index>,
        mark: Mark,
    ) -> std::io::Result<Self> {
        let worker = Worker {
            keyring: Arc::clone(shared.lock().records.keyring()),
            shared: Arc::clone(shared),
            index,
            mark,
            last_run: None,
        };
        let thread = Builder::new()
            .name(INDEX_THREAD.into())
            .spawn(move || worker.work())?;
        Ok(Self {
            shared: Arc::clone(shared),
            thread: Some(thread),
        })
    }

    /// Ends it, and waits for that; but no longer than [`CLOSE`] for an index that is up to date.
    /// What is missing then is replayed from the journal at the next start.
    pub(crate) fn stop(&mut self, how: Stop) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.ask_to_stop(how);
        let deadline = Instant::now() + CLOSE;
        while how == Stop::UpToDate && !thread.is_finished() {
            if Instant::now() >= deadline {
                self.ask_to_stop(Stop::AtOnce);
                break;
            }
            std::thread::sleep(CLOSE_PAUSE);
        }
        // Its panics are caught inside.
        let _ = thread.join();
    }

    fn ask_to_stop(&self, how: Stop) {
        self.shared.lock().stop = Some(how);
        self.shared.wake.notify_all();
    }
}

struct Worker {
    shared: Arc<Shared>,
    keyring: Arc<Keyring>,
    index: Box<dyn Index>,
    mark: Mark,
    last_run: Option<Instant>,
}

/// Why a run ended before its end.
enum Interrupted {
    Stopped,
    Failed(IndexError),
}

impl From<IndexError> for Interrupted {
    fn from(error: IndexError) -> Self {
        Self::Failed(error)
    }
}

impl Worker {
    fn work(mut self) {
        lower_priority();
        while self.wait() {
            let run = catch_unwind(AssertUnwindSafe(|| self.run()));
            match run {
                Ok(Ok(())) => self.shared.lock().warning = None,
                Ok(Err(Interrupted::Stopped)) => return,
                Ok(Err(Interrupted::Failed(error))) => self.failed(&error.to_string()),
                Err(_) => self.failed("sled panicked"),
            }
            self.last_run = Some(Instant::now());
        }
        // Dropping sled joins its threads; what it panics of then is of no interest.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(self)));
    }

    /// Waits until there is something to do. `false` when it is time to end.
    fn wait(&self) -> bool {
        let mut state = self.shared.lock();
        loop {
            let stop = state.stop;
            match stop {
                Some(Stop::AtOnce) => return false,
                Some(Stop::UpToDate) => return self.is_behind(&mut state) && !self.gave_up(&state),
                None if self.is_due(&mut state) => return true,
                None => {}
            }
            let waited = self.shared.wake.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn is_behind(&self, state: &mut State) -> bool {
        let stands_for = self.mark.base.map(|base| base.point);
        state.records.tracker().is_behind() || stands_for != Some(state.point)
    }

    /// At the end a failure is not tried again.
    fn gave_up(&self, state: &State) -> bool {
        state.warning.is_some()
    }

    fn is_due(&self, state: &mut State) -> bool {
        if state.fatal || !self.is_behind(state) {
            return false;
        }
        let rested = self.last_run.is_none_or(|run| run.elapsed() >= INTERVAL);
        let idle = state.committed.is_none_or(|last| last.elapsed() >= IDLE);
        let first = self.mark.base.is_none() && self.last_run.is_none();
        first
            || (idle && (rested || state.warning.is_none()))
            || (rested && state.behind_octets >= BEHIND_OCTETS)
    }

    fn run(&mut self) -> Result<(), Interrupted> {
        if self.shared.lock().warning.is_some() {
            self.start_anew()?;
        }
        self.fill()?;
        if self.outgrown() {
            self.start_anew()?;
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Interrupted> {
        let base = self.begin_run();
        loop {
            let (chunk, seen) = self.batch()?;
            self.mark.sum = chunk.sum;
            self.mark.seen = seen;
            self.write(chunk.steps)?;
            if chunk.done {
                break;
            }
        }
        // Entries first, then what they stand for.
        self.index.sync()?;
        self.mark.base = Some(base);
        self.write(Vec::new())?;
        Ok(self.index.sync()?)
    }

    fn write(&mut self, steps: Vec<Step>) -> Result<(), IndexError> {
        let mark = self.mark.octets(&self.keyring.current());
        self.index.write(steps, &mark)
    }

    fn begin_run(&self) -> Base {
        let mut state = self.shared.lock();
        state.behind_octets = 0;
        state.records.tracker().begin_run();
        Base {
            point: state.point,
            summary: state.records.summary(),
        }
    }

    /// A batch, and the position that it may be as new as.
    fn batch(&self) -> Result<(Chunk, u64), Interrupted> {
        let mut batch = Chunk::default();
        loop {
            let (chunk, seen) = self.chunk()?;
            batch.steps.extend(chunk.steps);
            batch.sum = chunk.sum;
            batch.done = chunk.done;
            if batch.done || batch.steps.len() >= BATCH_RECORDS {
                return Ok((batch, seen));
            }
        }
    }

    /// Some records, from the deciding thread or, when that rests, by ourselves.
    fn chunk(&self) -> Result<(Chunk, u64), Interrupted> {
        let mut state = self.shared.lock();
        if state.stop == Some(Stop::AtOnce) || state.fatal {
            return Err(Interrupted::Stopped);
        }
        let idle = state
            .committed
            .is_none_or(|last| last.elapsed() >= HAND_OVER);
        if !idle {
            state.wanted = true;
            let waiting = |state: &mut State| state.chunk.is_none() && state.stop.is_none();
            let waited = self
                .shared
                .wake
                .wait_timeout_while(state, HAND_OVER, waiting);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.wanted = false;
        let chunk = match state.chunk.take() {
            Some(chunk) => chunk,
            None => state.records.changed(CHUNK_RECORDS),
        };
        let seen = state.point.position;
        Ok((chunk, seen))
    }

    fn failed(&mut self, why: &str) {
        self.mark.base = None;
        let mut state = self.shared.lock();
        state.warning = Some(format!(
            "the index cannot be written ({why}); nothing is lost, but the next start takes longer"
        ));
    }

    /// Throws the index away and fills it from the beginning.
    fn start_anew(&mut self) -> Result<(), IndexError> {
        self.mark.base = None;
        self.index.clear()?;
        let mut state = self.shared.lock();
        state.chunk = None;
        state.records.tracker().index_is_empty();
        Ok(())
    }

    /// sled's files never shrink, so an index that has grown far beyond its records is rewritten.
    fn outgrown(&self) -> bool {
        let live = self.shared.lock().records.octets();
        self.index.octets() > live * GROWTH + GROWTH_FREE_OCTETS
    }
}

fn lower_priority() {
    // Without the permission it just runs like any other thread.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}
