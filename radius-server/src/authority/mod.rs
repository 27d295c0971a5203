//! The one place where RADIUS meets the verifier.
//!
//! Attempts of all gateways share one connection: many in one write, replies in any order. If the
//! verifier is away, or takes too long, nothing is known about an attempt, and it becomes
//! [`Opinion::Undecided`]: neither accept nor reject.

mod conversation;
mod wiping;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_daemon::Log;
use sekisho_radius_protocol::server::Ticket;
use sekisho_verifier_socket::{
    ATTEMPT_FRAME_MAX, Attempt, Envelope, FrameError, Request, check_peer, encode,
};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::mailbox::{Mailbox, Opinion};
use crate::metrics::{Counter, Metrics};
use conversation::Conversation;
use wiping::WipingBuffer;

/// How long an attempt waits for its verdict. Gateways give up after 3 to 10 s, and a verdict that
/// comes later would only go stale in the duplicate cache.
const VERDICT_TIME: Duration = Duration::from_secs(3);
/// The pause before the first try to connect again; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between tries to connect.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// An attempt that was sent, or is about to be.
#[derive(Debug)]
struct Asked {
    id: u64,
    ticket: Ticket,
    /// The reply must name it, so that no reply serves another's attempt.
    account: String,
}

/// Attempts on their way to the verifier.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    frames: WipingBuffer,
    asked: Vec<Asked>,
}

impl Attempts {
    fn append(&mut self, other: &mut Self) {
        self.frames.append(&mut other.frames);
        self.asked.append(&mut other.asked);
    }

    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }
}

/// What the processor needs to ask.
#[derive(Debug)]
pub(crate) struct Authority {
    waiting: Mutex<Attempts>,
    arrived: Notify,
    ready: AtomicBool,
    /// Attempts that were given to us and have no opinion yet.
    open: AtomicUsize,
    open_max: usize,
}

impl Authority {
    /// At most `open_max` attempts may be without an opinion at a time.
    pub(crate) fn new(open_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            ready: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            open_max,
        }
    }

    /// Whether the verifier is there to be asked.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether another `attempts` may be asked.
    pub(crate) fn has_room(&self, attempts: usize) -> bool {
        self.open.load(Ordering::Relaxed) + attempts <= self.open_max
    }

    /// Attempts that have no opinion yet.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Hands attempts over and empties `attempts`. Each will get an opinion through the mailbox.
    pub(crate) fn submit(&self, attempts: &mut Attempts) {
        if attempts.asked.is_empty() {
            return;
        }
        self.open.fetch_add(attempts.len(), Ordering::Relaxed);
        self.lock().append(attempts);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        // A panic aborts the daemon, so a poisoned lock is never seen.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes attempts into frames. Ids rise and are never used twice, whatever connection they go to.
#[derive(Debug)]
pub(crate) struct Writer {
    frame: Zeroizing<Vec<u8>>,
    next_id: u64,
}

impl Writer {
    pub(crate) fn new() -> Self {
        // With this room the frame never moves, and so leaves no copy behind.
        Self {
            frame: Zeroizing::new(Vec::with_capacity(2 * ATTEMPT_FRAME_MAX)),
            next_id: 1,
        }
    }

    /// Appends one attempt to `attempts`.
    pub(crate) fn write(
        &mut self,
        ticket: Ticket,
        attempt: Attempt,
        attempts: &mut Attempts,
    ) -> Result<(), FrameError> {
        let id = self.next_id;
        let envelope = Envelope {
            id,
            body: Request::Attempt(attempt),
        };
        self.frame.clear();
        encode(&envelope, &mut self.frame)?;
        attempts.frames.push(&self.frame);
        self.next_id += 1;
        if let Request::Attempt(attempt) = envelope.body {
            attempts.asked.push(Asked {
                id,
                ticket,
                account: attempt.account,
            });
        }
        Ok(())
    }
}

/// The side of the connection. Runs until the process ends.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) authority: Arc<Authority>,
    pub(crate) socket: PathBuf,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Log,
}

impl Connection {
    /// Connects, talks, and connects again, for ever.
    pub(crate) async fn run(self) {
        let mut pause = PAUSE_MIN;
        let mut known_as_away = false;
        loop {
            let (why, has_answered) = match self.connect().await {
                Ok(stream) => self.talk(stream, &mut known_as_away).await,
                Err(error) => (error, false),
            };
            if has_answered {
                pause = PAUSE_MIN;
            }
            if !known_as_away {
                known_as_away = true;
                self.log.error(format!(
                    "verifier away, gateways get no answer: {}: {why}",
                    self.socket.display()
                ));
            }
            self.discard();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.socket).await?.into_std()?;
        // Before any code is written into it.
        check_peer(&self.socket, &stream).map_err(io::Error::other)?;
        UnixStream::from_std(stream)
    }

    /// Talks until the connection ends; returns why, and whether the verifier ever answered.
    async fn talk(&self, stream: UnixStream, known_as_away: &mut bool) -> (io::Error, bool) {
        self.authority.ready.store(true, Ordering::Relaxed);
        let mut conversation = Conversation::new(self, stream);
        let why = loop {
            if let Err(why) = conversation.turn().await {
                break why;
            }
            if *known_as_away && conversation.has_answered() {
                *known_as_away = false;
                self.log.info("verifier answers again");
            }
        };
        self.authority.ready.store(false, Ordering::Relaxed);
        conversation.abandon();
        (why, conversation.has_answered())
    }

    /// Gives up attempts that were handed over while the verifier was lost. To keep them for the
    /// next connection would spend codes for gateways that have long stopped to wait.
    fn discard(&self) {
        let late = std::mem::take(&mut *self.authority.lock());
        let mut opinions = late
            .asked
            .iter()
            .map(|asked| (asked.ticket, Opinion::Undecided))
            .collect();
        self.settle(&mut opinions);
    }

    /// Counts and passes on what is known now.
    fn settle(&self, opinions: &mut Vec<(Ticket, Opinion)>) {
        let undecided = opinions
            .iter()
            .filter(|(_, opinion)| *opinion == Opinion::Undecided)
            .count();
        self.metrics.add(Counter::Undecided, undecided);
        let settled = opinions.len();
        self.mailbox.post(opinions);
        // After the post: whoever sees no open attempt has all opinions in the mailbox.
        self.authority.open.fetch_sub(settled, Ordering::Release);
    }
}
