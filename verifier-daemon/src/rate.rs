//! How often users who are neither root nor a daemon may ask.
//!
//! Each decision is an event in the journal, so whoever may ask as often as they like can fill the
//! disk, and then nobody logs in. A locker or a `su` asks a few times a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many requests at once.
const BURST: u32 = 20;
/// One more after each of these.
const PAUSE: Duration = Duration::from_secs(3);
/// Users that are remembered; those that have not asked for long are forgotten first.
const USERS: usize = 4_096;

/// For each user, when the requests so far will all have been made up for.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<u32, Instant>>);

impl Rates {
    /// Whether user `uid` may ask once more at `now`, which then counts.
    pub(crate) fn take(&self, uid: u32, now: Instant) -> bool {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS && !users.contains_key(&uid) {
            users.retain(|_, paid| *paid > now);
            if users.len() >= USERS {
                return false;
            }
        }
        let paid = users.entry(uid).or_insert(now);
        let next = (*paid).max(now) + PAUSE;
        if next > now + PAUSE * BURST {
            return false;
        }
        *paid = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_asks_a_burst_and_then_once_in_a_while() {
        let rates = Rates::default();
        let now = Instant::now();
        let at_once = (0..1_000).filter(|_| rates.take(7, now)).count();
        assert_eq!(at_once, BURST as usize);
        assert!(rates.take(8, now), "another user is not held up");
        assert!(!rates.take(7, now + PAUSE - Duration::from_millis(1)));
        assert!(rates.take(7, now + PAUSE));
        assert!(!rates.take(7, now + PAUSE));
    }

    #[test]
    fn the_memory_is_bounded_and_fails_closed() {
        let rates = Rates::default();
        let now = Instant::now();
        for uid in 0..USERS as u32 {
            assert!(rates.take(uid, now));
        }
        assert!(!rates.take(u32::MAX, now));
        assert!(rates.take(u32::MAX, now + PAUSE));
    }
}
