//! Upkeep of the journal's files, on a thread of low priority: sealed segments are compressed, old
//! ones are removed when an admin asks for it, and after the start all records are checked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use sekisho_daemon::Log;
use sekisho_store_embedded::{Keeper, Removed};
use sekisho_verifier::event::Note;
use sekisho_verifier::operation::{Done, Keeping, Operation, Order};
use sekisho_verifier::time::Time;
use tokio::sync::{oneshot, watch};

use crate::decider::Queue;

/// How often is looked for segments that can be compressed.
const PAUSE: Duration = Duration::from_secs(60);
/// Admins who may wait for the thread.
const TASKS: usize = 4;
/// As low as can be.
const NICENESS: i32 = 19;

/// Old segments to remove.
#[derive(Debug)]
pub(crate) struct Retain {
    /// Those whose events are all older.
    pub(crate) before: Time,
    /// Only say what would be removed.
    pub(crate) dry_run: bool,
    pub(crate) order: Order,
    /// The way to the decider. It comes with the task: the decider ends when nobody has one.
    pub(crate) queue: Queue,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Retained {
    /// Nothing is old enough.
    Nothing,
    /// This would be removed.
    Would(Removed),
    /// It is removed, or is not because the event that tells of it was not decided.
    Decided(Removed, Box<(Done, Operation)>),
    /// Nothing was removed, or nobody knows what.
    Failed(String),
}

type Task = (Retain, oneshot::Sender<Retained>);

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Upkeep {
    tasks: SyncSender<Task>,
    damaged: Arc<AtomicU64>,
}

impl Upkeep {
    /// Starts the thread, which ends when this is dropped.
    pub(crate) fn start(
        keeper: Keeper,
        log: Log,
        ending: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let (tasks, queue) = sync_channel(TASKS);
        let damaged = Arc::new(AtomicU64::new(0));
        let worker = Worker {
            damaged: Arc::clone(&damaged),
            keeper,
            log,
            ending,
        };
        let thread = std::thread::Builder::new().name("upkeep".into());
        thread.spawn(move || worker.run(&queue))?;
        Ok(Self { tasks, damaged })
    }

    /// How many records were not as they were written when the verifier started.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// `None` if the thread is busy with others, or gone.
    pub(crate) async fn retain(&self, retain: Retain) -> Option<Retained> {
        let (to, done) = oneshot::channel();
        self.tasks.try_send((retain, to)).ok()?;
        done.await.ok()
    }
}

struct Worker {
    damaged: Arc<AtomicU64>,
    keeper: Keeper,
    log: Log,
    ending: watch::Receiver<bool>,
}

impl Worker {
    fn run(&self, tasks: &Receiver<Task>) {
        // Of this thread alone. Where it is not allowed, the work is done all the same.
        let _ = rustix::process::nice(NICENESS);
        self.scrub();
        let mut pause = Duration::ZERO;
        loop {
            match tasks.recv_timeout(pause) {
                Ok((retain, to)) => {
                    // The connection may be gone; the receipt is in the journal.
                    let _ = to.send(self.retain(&retain));
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.compress();
                    pause = PAUSE;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn scrub(&self) {
        match self.keeper.scrub() {
            Ok(scrubbed) if scrubbed.misfits > 0 => {
                let misfits = scrubbed.misfits;
                self.damaged.store(misfits, Ordering::Relaxed);
                self.log.error(format_args!(
                    "{misfits} records are not as they were written; see sekisho status"
                ));
            }
            Ok(scrubbed) => {
                let records = scrubbed.records;
                self.log
                    .debug(format_args!("{records} records are as they were written"));
            }
            Err(error) => self.log.error(one_line(&error)),
        }
    }

    fn compress(&self) {
        let mut go_on = || !*self.ending.borrow();
        match self.keeper.compress(&mut go_on) {
            Ok(done) if done.segments > 0 => {
                let (segments, before, after) =
                    (done.segments, done.octets_before, done.octets_after);
                self.log.info(format_args!(
                    "{segments} segments of the journal were compressed, from {before} to {after} octets"
                ));
            }
            Ok(_) => {}
            Err(error) => self.log.warning(format_args!(
                "the journal can not be compressed: {}",
                one_line(&error)
            )),
        }
    }

    fn retain(&self, retain: &Retain) -> Retained {
        let mut came = None;
        let mut note = |removed: &Removed| {
            if retain.dry_run {
                came = Some(Retained::Would(*removed));
                return false;
            }
            let operation = Operation::Keep {
                what: Keeping::Retain,
                count: Some(removed.first_kept),
                detail: Note::new(&format!("all before position {}", removed.first_kept)),
            };
            let order = retain.order.clone();
            let Ok(Some(decided)) = retain.queue.operate_here(operation, order) else {
                return false;
            };
            let go_on = matches!(decided.0, Done::Receipt(..));
            came = Some(Retained::Decided(*removed, Box::new(decided)));
            go_on
        };
        match self.keeper.retain(retain.before, &mut note) {
            Err(error) => Retained::Failed(one_line(&error)),
            Ok(Some(_)) => came.unwrap_or_else(undecided),
            Ok(None) => came.unwrap_or(Retained::Nothing),
        }
    }
}

fn undecided() -> Retained {
    Retained::Failed("it could not be decided".to_owned())
}

/// The first line of an error; the second one tells operators of the daemon what to do.
fn one_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().collect::<Vec<_>>().join("; ")
}
