//! What waits for the processor: datagrams from the listeners, opinions from the authority.
//!
//! Two sets of buffers change places, so that the processor takes everything that waits under one
//! short lock, and the busier the daemon is, the more it takes at once.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_radius_protocol::server::Ticket;

/// Datagrams that may wait. They come from anybody, so there must be a limit; above it the newest
/// are lost, as they would be in the kernel's buffer.
pub(crate) const DATAGRAMS_MAX: usize = 16_384;
/// Their octets that may wait.
pub(crate) const OCTETS_MAX: usize = 16 * 1024 * 1024;

/// What the verifier said about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// The code was right and is spent, durably.
    Accept,
    /// Anything else that was decided.
    Reject,
    /// Nothing is known: no answer, or none that can be trusted.
    Undecided,
}

/// One datagram that waits.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) peer: SocketAddr,
    /// Which of our sockets, and which of its addresses, received it.
    pub(crate) endpoint: u16,
    octets: Range<usize>,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(crate) struct Work {
    octets: Vec<u8>,
    pub(crate) datagrams: Vec<Datagram>,
    pub(crate) opinions: Vec<(Ticket, Opinion)>,
    /// The daemon is about to end; no more datagrams come.
    pub(crate) stopping: bool,
}

impl Work {
    /// The octets of one of its datagrams.
    pub(crate) fn octets(&self, datagram: &Datagram) -> &[u8] {
        &self.octets[datagram.octets.clone()]
    }

    fn has_room(&self, octets: usize) -> bool {
        self.datagrams.len() < DATAGRAMS_MAX && self.octets.len() + octets <= OCTETS_MAX
    }

    fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.opinions.is_empty()
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.datagrams.clear();
        self.opinions.clear();
    }
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
        datagrams: impl Iterator<Item = (SocketAddr, u16, &'d [u8])>,
    ) -> usize {
        let mut state = self.lock();
        let mut lost = 0;
        for (peer, endpoint, octets) in datagrams {
            if state.stopping || !state.work.has_room(octets.len()) {
                lost += 1;
                continue;
            }
            let work = &mut state.work;
            let start = work.octets.len();
            work.octets.extend_from_slice(octets);
            work.datagrams.push(Datagram {
                peer,
                endpoint,
                octets: start..work.octets.len(),
            });
        }
        self.wake(state);
        lost
    }

    /// Puts opinions in and empties `opinions`. There are never more than attempts in flight.
    pub(crate) fn post(&self, opinions: &mut Vec<(Ticket, Opinion)>) {
        if opinions.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.work.opinions.append(opinions);
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
        mailbox.deliver(std::iter::repeat_n((peer(), 0, octets), times))
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

    #[test]
    fn datagrams_over_the_limit_are_lost_and_counted() {
        let mailbox = Mailbox::default();
        assert_eq!(deliver(&mailbox, b"x", DATAGRAMS_MAX + 3), 3);
        let mut work = Work::default();
        mailbox.take(&mut work, SOON);
        assert_eq!(work.datagrams.len(), DATAGRAMS_MAX);
        assert_eq!(deliver(&mailbox, &[0; 4096], OCTETS_MAX / 4096 + 1), 1);
    }

    #[test]
    fn after_stop_no_datagram_is_taken_and_opinions_still_are() {
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
