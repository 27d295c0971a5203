//! What waits for the processor: datagrams from the listeners, and words from those that it asked.
//!
//! Two sets of buffers change places, so that the processor takes everything that waits under one
//! short lock, and the busier the daemon is, the more it takes at once.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_radius_protocol::AttributeType;
use sekisho_radius_protocol::packet::HEADER_OCTETS;
use sekisho_radius_protocol::server::Ticket;
use sekisho_verifier_socket::radius::StateKey;
use sekisho_verifier_socket::{Accepted, Secret};

use crate::authority::Errand;
use crate::first_factor::Judged;

/// Datagrams that may wait. They come from anybody, so there must be a limit; above it the newest
/// are lost, as they would be in the kernel's buffer.
pub(crate) const DATAGRAMS_MAX: usize = 16_384;
/// Their octets that may wait.
pub(crate) const OCTETS_MAX: usize = 16 * 1024 * 1024;
/// The part of both that is kept for datagrams with a State: under overload, who is in the middle
/// of a conversation goes first (RFC 5080 section 2.2.1).
const RESERVE_DIVISOR: usize = 4;

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Logins.
    Authentication,
    /// Reports of sessions.
    Accounting,
}

/// What the verifier said.
#[derive(Debug)]
pub(crate) enum Opinion {
    /// The code was right and is spent, durably.
    Accept(Box<Accepted>),
    /// Anything else that was decided.
    Reject,
    /// Whether a password was right, sealed.
    Ticket(Secret),
    /// The report of a session is stored, durably.
    Stored,
    /// Nothing is known: no answer, or none that can be trusted.
    Undecided,
}

/// What somebody said who was asked.
#[derive(Debug)]
pub(crate) enum Word {
    /// The verifier.
    Opinion(Errand, Opinion),
    /// Who judges passwords.
    Judged(Ticket, Judged),
    /// Who knows groups; nothing if nobody could be asked.
    Groups(Ticket, Option<Vec<String>>),
}

/// One datagram that waits.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) peer: SocketAddr,
    /// Which of our sockets, and which of its addresses, received it.
    pub(crate) endpoint: u16,
    pub(crate) port: Port,
    octets: Range<usize>,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(crate) struct Work {
    octets: Vec<u8>,
    pub(crate) datagrams: Vec<Datagram>,
    pub(crate) words: Vec<Word>,
    /// State keys that have come.
    pub(crate) keys: Option<Vec<StateKey>>,
    /// The daemon is about to end; no more datagrams come.
    pub(crate) stopping: bool,
}

impl Work {
    /// The octets of one of its datagrams.
    pub(crate) fn octets(&self, datagram: &Datagram) -> &[u8] {
        &self.octets[datagram.octets.clone()]
    }

    fn has_room(&self, octets: &[u8]) -> bool {
        let preferred = has_state(octets);
        let limit = |max: usize| match preferred {
            true => max,
            false => max - max / RESERVE_DIVISOR,
        };
        self.datagrams.len() < limit(DATAGRAMS_MAX)
            && self.octets.len() + octets.len() <= limit(OCTETS_MAX)
    }

    fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.words.is_empty() && self.keys.is_none()
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.datagrams.clear();
        self.words.clear();
        self.keys = None;
    }
}

/// Looks no closer than it must: whether the State is one of ours is found out later.
fn has_state(octets: &[u8]) -> bool {
    let mut rest = octets.get(HEADER_OCTETS..).unwrap_or_default();
    while let &[kind, length, ..] = rest {
        if kind == AttributeType::STATE.0 {
            return true;
        }
        // A length of 0 or 1 would stand still.
        rest = rest.get(usize::from(length).max(2)..).unwrap_or_default();
    }
    false
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    stopping: bool,
    /// The processor sleeps. Waking it costs a system call, so it is done only then.
    sleeping: bool,
}

/// The place where the threads meet.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    arrived: Condvar,
}

impl Mailbox {
    /// Puts datagrams in; returns how many found no room.
    pub(crate) fn deliver<'d>(
        &self,
        port: Port,
        datagrams: impl Iterator<Item = (SocketAddr, u16, &'d [u8])>,
    ) -> usize {
        let mut state = self.lock();
        let mut lost = 0;
        for (peer, endpoint, octets) in datagrams {
            if state.stopping || !state.work.has_room(octets) {
                lost += 1;
                continue;
            }
            let work = &mut state.work;
            let start = work.octets.len();
            work.octets.extend_from_slice(octets);
            work.datagrams.push(Datagram {
                peer,
                endpoint,
                port,
                octets: start..work.octets.len(),
            });
        }
        self.wake(state);
        lost
    }

    /// Puts words in and empties `words`. There are never more than were asked for.
    pub(crate) fn post(&self, words: &mut Vec<Word>) {
        if words.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.work.words.append(words);
        self.wake(state);
    }

    /// Puts State keys in, instead of those that may wait there.
    pub(crate) fn post_keys(&self, keys: Vec<StateKey>) {
        let mut state = self.lock();
        state.work.keys = Some(keys);
        self.wake(state);
    }

    /// Takes no more datagrams, and tells the processor to finish.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        self.wake(state);
    }

    /// Exchanges `work`, which is cleared, for what waits; sleeps for at most `patience` if
    /// nothing does.
    pub(crate) fn take(&self, work: &mut Work, patience: Duration) {
        work.clear();
        let mut state = self.lock();
        if state.work.is_empty() && state.stopping == work.stopping {
            state.sleeping = true;
            state = match self.arrived.wait_timeout(state, patience) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
            state.sleeping = false;
        }
        std::mem::swap(&mut state.work, work);
        work.stopping = state.stopping;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic aborts the daemon, so a poisoned lock is never seen.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let sleeping = state.sleeping;
        drop(state);
        if sleeping {
            self.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn peer() -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn deliver(mailbox: &Mailbox, octets: &[u8], times: usize) -> usize {
        let datagrams = std::iter::repeat_n((peer(), 0, octets), times);
        mailbox.deliver(Port::Authentication, datagrams)
    }

    #[test]
    fn what_was_delivered_is_taken_once_and_in_order() {
        let mailbox = Mailbox::default();
        deliver(&mailbox, b"one", 1);
        deliver(&mailbox, b"", 1);
        deliver(&mailbox, b"three", 1);
        let mut work = Work::default();
        mailbox.take(&mut work, SOON);
        let taken: Vec<&[u8]> = work.datagrams.iter().map(|d| work.octets(d)).collect();
        assert_eq!(taken, [&b"one"[..], b"", b"three"]);
        mailbox.take(&mut work, SOON);
        assert!(work.is_empty());
    }

    /// RFC 5080 section 2.2.1: otherwise a flood of first rounds ends all conversations.
    #[test]
    fn datagrams_over_the_limit_are_lost_and_those_with_a_state_come_in_for_longer() {
        let mut with_state = [0; HEADER_OCTETS + 7];
        with_state[HEADER_OCTETS..].copy_from_slice(&[1, 3, b'a', 24, 4, 0, 0]);
        let mailbox = Mailbox::default();
        let plain = DATAGRAMS_MAX * 3 / 4;
        assert_eq!(deliver(&mailbox, &[0; 30], plain + 3), 3);
        assert_eq!(deliver(&mailbox, &with_state, DATAGRAMS_MAX - plain + 2), 2);
        let mut work = Work::default();
        mailbox.take(&mut work, SOON);
        assert_eq!(work.datagrams.len(), DATAGRAMS_MAX);
        let fit = OCTETS_MAX * 3 / 4 / 4096;
        assert_eq!(deliver(&mailbox, &[0; 4096], fit + 1), 1);
    }

    #[test]
    fn after_stop_no_datagram_is_taken_and_words_still_are() {
        let mailbox = Mailbox::default();
        mailbox.stop();
        let mut work = Work::default();
        mailbox.take(&mut work, Duration::from_secs(60));
        assert!(work.stopping);
        assert_eq!(deliver(&mailbox, b"late", 1), 1);
        mailbox.take(&mut work, SOON);
        assert!(work.stopping && work.is_empty());
    }
}
