//! The one place where RADIUS meets the verifier.
//!
//! Everything shares one connection: attempts of all gateways, many in one write, and what goes on
//! beside them, replies in any order. If the verifier is away, or takes too long, nothing is known
//! about what was asked, and it becomes [`Opinion::Undecided`]: neither accept nor reject.

mod conversation;
mod errands;
mod liveness;
mod wiping;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_daemon::Log;
use sekisho_verifier_socket::check_peer;
use sekisho_verifier_socket::radius::{Ended, Order};
use tokio::net::UnixStream;
use tokio::sync::{Notify, mpsc};

use crate::mailbox::{Mailbox, Opinion, Word};
use crate::metrics::{Counter, Metrics};
use crate::seen::Seen;
use conversation::Conversation;
pub(crate) use errands::{Errand, Errands, Writer};

/// The pause before the first try to connect again; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between tries to connect.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Reports of ended sessions that may wait for the verifier. It makes fewer orders at a time.
const ENDED_MAX: usize = 4_096;
/// The part of the attempts in flight that is kept for users who are in the middle of a
/// conversation: under overload they go first (RFC 5080 section 2.2.1).
const RESERVE_DIVISOR: usize = 8;
/// How long the last words may take.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// What the others need to ask.
#[derive(Debug)]
pub(crate) struct Authority {
    waiting: Mutex<Errands>,
    arrived: Notify,
    /// There is a connection.
    connected: AtomicBool,
    /// The verifier has given State keys, and answers in time.
    live: AtomicBool,
    /// Errands that were given to us and have no opinion yet.
    open: AtomicUsize,
    open_max: usize,
    /// What became of sessions, until the verifier has taken it.
    ended: Mutex<VecDeque<Ended>>,
    /// State keys have come, for the first time.
    first_keys: Notify,
    leaving: AtomicBool,
    left: Notify,
}

impl Authority {
    /// At most `open_max` errands may be without an opinion at a time.
    pub(crate) fn new(open_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            connected: AtomicBool::new(false),
            live: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            open_max,
            ended: Mutex::default(),
            first_keys: Notify::new(),
            leaving: AtomicBool::new(false),
            left: Notify::new(),
        }
    }

    /// Whether the verifier is there to be asked.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether whoever asks can hope for an answer. A verifier that is there and says nothing is
    /// worse than none: gateways must learn of it, and try the next server.
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether another `errands` may be asked. Those who are `preferred` find room for longer.
    pub(crate) fn has_room(&self, errands: usize, preferred: bool) -> bool {
        let reserve = if preferred {
            0
        } else {
            self.open_max / RESERVE_DIVISOR
        };
        self.open.load(Ordering::Relaxed) + errands <= self.open_max - reserve
    }

    /// Hands errands over and empties `errands`. Each will get an opinion through the mailbox.
    pub(crate) fn submit(&self, errands: &mut Errands) {
        if errands.is_empty() {
            return;
        }
        self.open.fetch_add(errands.len(), Ordering::Relaxed);
        lock(&self.waiting).append(errands);
        self.arrived.notify_one();
    }

    /// What became of a session, for the verifier to know. Kept until it is taken.
    pub(crate) fn report(&self, ended: Ended) {
        let mut all = lock(&self.ended);
        if all.len() < ENDED_MAX {
            all.push_back(ended);
        }
        drop(all);
        self.arrived.notify_one();
    }

    /// Waits until the verifier was found and has given keys.
    pub(crate) async fn first_keys(&self) {
        self.first_keys.notified().await;
    }

    /// Lets the last words be said, in bounded time.
    pub(crate) async fn leave(&self) {
        if !self.is_connected() {
            return;
        }
        self.leaving.store(true, Ordering::Relaxed);
        self.arrived.notify_one();
        // Late: then what was seen in the last seconds is not told.
        let _ = tokio::time::timeout(FAREWELL_MAX, self.left.notified()).await;
    }
}

/// A panic aborts the daemon, so a poisoned lock is never seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The side of the connection. Runs until the process ends.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) authority: Arc<Authority>,
    pub(crate) socket: PathBuf,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) seen: Arc<Seen>,
    /// To whom sessions are told that are to be ended.
    pub(crate) orders: mpsc::Sender<Order>,
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
        self.authority.connected.store(true, Ordering::Relaxed);
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
        self.authority.connected.store(false, Ordering::Relaxed);
        self.authority.live.store(false, Ordering::Relaxed);
        conversation.abandon();
        (why, conversation.has_answered())
    }

    /// Gives up errands that were handed over while the verifier was lost. To keep them for the
    /// next connection would spend codes for gateways that have long stopped to wait.
    fn discard(&self) {
        let late = std::mem::take(&mut *lock(&self.authority.waiting));
        let mut opinions = late
            .into_errands()
            .map(|errand| Word::Opinion(errand, Opinion::Undecided))
            .collect();
        self.settle(&mut opinions);
    }

    /// Counts and passes on what is known now.
    fn settle(&self, opinions: &mut Vec<Word>) {
        let undecided = opinions
            .iter()
            .filter(|word| matches!(word, Word::Opinion(_, Opinion::Undecided)))
            .count();
        self.metrics.add(Counter::Undecided, undecided);
        let settled = opinions.len();
        self.mailbox.post(opinions);
        // After the post: whoever sees no open errand has all opinions in the mailbox.
        self.authority.open.fetch_sub(settled, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_leaves_room_for_those_in_the_middle_of_a_conversation() {
        let authority = Authority::new(16);
        assert!(authority.has_room(14, false));
        assert!(!authority.has_room(15, false));
        assert!(authority.has_room(16, true));
        assert!(!authority.has_room(17, true));
    }
}
