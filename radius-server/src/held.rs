//! Rejects that wait for their time.
//!
//! A reject is delayed against guessing, with jitter so that its time says nothing about what the
//! server did before. It waits here, not in a thread: nothing else waits with it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use sekisho_radius_protocol::server::Ticket;

/// The jitter, as a part of the delay: one fourth on top.
const JITTER_DIVISOR: u32 = 4;

/// The rejects that wait.
#[derive(Debug)]
pub(crate) struct Held {
    delay: Duration,
    capacity: usize,
    by_time: BinaryHeap<Reverse<(Duration, Ticket)>>,
}

impl Held {
    /// None waits yet; at most `capacity` may.
    pub(crate) fn new(delay: Duration, capacity: usize) -> Self {
        Self {
            delay,
            capacity,
            by_time: BinaryHeap::new(),
        }
    }

    /// Holds a reject back; false if too many wait. `random` decides about the jitter.
    pub(crate) fn hold(&mut self, now: Duration, ticket: Ticket, random: u32) -> bool {
        if self.by_time.len() >= self.capacity {
            return false;
        }
        let fraction = f64::from(random) / f64::from(u32::MAX);
        let jitter = (self.delay / JITTER_DIVISOR).mul_f64(fraction);
        self.by_time
            .push(Reverse((now + self.delay + jitter, ticket)));
        true
    }

    /// The next reject whose time has come.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Ticket> {
        let &Reverse((time, ticket)) = self.by_time.peek()?;
        if time > now {
            return None;
        }
        self.by_time.pop();
        Some(ticket)
    }

    /// How long until the next one is due.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let Reverse((time, _)) = self.by_time.peek()?;
        Some(time.saturating_sub(now))
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}
