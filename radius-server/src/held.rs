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
    capacity: usize,
    by_time: BinaryHeap<Reverse<(Duration, Ticket)>>,
}

impl Held {
    /// None waits yet; at most `capacity` may.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            by_time: BinaryHeap::new(),
        }
    }

    /// Holds a reject back for `delay`; false if too many wait. `random` decides about the jitter.
    pub(crate) fn hold(
        &mut self,
        now: Duration,
        delay: Duration,
        ticket: Ticket,
        random: u32,
    ) -> bool {
        if self.by_time.len() >= self.capacity {
            return false;
        }
        let fraction = f64::from(random) / f64::from(u32::MAX);
        let jitter = (delay / JITTER_DIVISOR).mul_f64(fraction);
        self.by_time.push(Reverse((now + delay + jitter, ticket)));
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

#[cfg(test)]
mod tests {
    use sekisho_radius_protocol::duplicate::{Admission, Bounds, DuplicateCache, Key};

    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const DELAY: Duration = Duration::from_secs(1);

    fn tickets() -> Vec<Ticket> {
        let mut cache = DuplicateCache::new(Bounds::default());
        (0..4)
            .map(|identifier| {
                let peer = ([127, 0, 0, 1], 1).into();
                let key = Key {
                    peer,
                    socket: 0,
                    identifier,
                };
                match cache.admit(NOW, key, &[0; 16], || ()) {
                    Admission::New(ticket) => ticket,
                    other => panic!("{other:?}"),
                }
            })
            .collect()
    }

    #[test]
    fn jitter_lengthens_the_delay_by_a_fourth_at_most() {
        let tickets = tickets();
        for (random, expected) in [
            (0, DELAY),
            (u32::MAX / 2, DELAY.mul_f64(1.125)),
            (u32::MAX, DELAY.mul_f64(1.25)),
        ] {
            let mut held = Held::new(4);
            assert!(held.hold(NOW, DELAY, tickets[0], random));
            let wait = held.wait(NOW).unwrap();
            assert!(
                wait.abs_diff(expected) < Duration::from_millis(1),
                "{wait:?}"
            );
            assert_eq!(held.due(NOW + wait - Duration::from_nanos(1)), None);
            assert_eq!(held.due(NOW + wait), Some(tickets[0]));
            assert_eq!(held.due(NOW + wait), None);
        }
    }

    #[test]
    fn rejects_leave_in_the_order_of_their_times() {
        let tickets = tickets();
        let mut held = Held::new(4);
        for (ticket, random) in tickets.iter().zip([4000, 1000, 3000, 2000]) {
            assert!(held.hold(NOW, DELAY, *ticket, random << 16));
        }
        let order: Vec<Ticket> = std::iter::from_fn(|| held.due(NOW + 2 * DELAY)).collect();
        let expected = [tickets[1], tickets[3], tickets[2], tickets[0]];
        assert_eq!(order, expected);
        assert_eq!((held.len(), held.wait(NOW)), (0, None));
    }

    #[test]
    fn each_waits_for_its_own_delay() {
        let tickets = tickets();
        let mut held = Held::new(4);
        assert!(held.hold(NOW, 3 * DELAY, tickets[0], 0));
        assert!(held.hold(NOW, DELAY, tickets[1], 0));
        assert_eq!(held.due(NOW + DELAY), Some(tickets[1]));
        assert_eq!(held.due(NOW + DELAY), None);
        assert_eq!(held.due(NOW + 3 * DELAY), Some(tickets[0]));
    }

    #[test]
    fn more_than_the_capacity_are_not_held() {
        let tickets = tickets();
        let mut held = Held::new(1);
        assert!(held.hold(NOW, DELAY, tickets[0], 0));
        assert!(!held.hold(NOW, DELAY, tickets[1], 0));
    }

    #[test]
    fn without_a_delay_a_reject_is_due_at_once() {
        let mut held = Held::new(1);
        assert!(held.hold(NOW, Duration::ZERO, tickets()[0], u32::MAX));
        assert!(held.due(NOW).is_some());
    }
}
