//! Counting wrong codes.

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::policy::Limits;
use crate::time::Time;

/// Wrong codes of one account, or wrong proofs of one token in stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Guesses {
    /// Since the last success or the end of the last lock.
    #[n(0)]
    pub wrong: u32,
    /// Since the last success.
    #[n(1)]
    pub in_a_row: u32,
    /// No code is judged before this moment.
    #[n(2)]
    pub until: Option<Time>,
}

/// Why no code is judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The growing wait between wrong codes.
    Waiting(Time),
    /// Too many wrong codes.
    Locked(Time),
}

impl Closed {
    /// When codes are judged again.
    pub fn until(self) -> Time {
        match self {
            Self::Waiting(until) | Self::Locked(until) => until,
        }
    }
}

/// So many wrong codes are free of a wait.
const FREE_OF_WAIT: u32 = 2;
/// The first wait; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

impl Guesses {
    /// Whether codes are judged at `now`.
    ///
    /// What would end later than it can last was begun by a clock that has been set back since. It
    /// begins again: neither must a clock that ran ahead for a moment lock anybody out for years,
    /// nor one that goes back end a lock.
    pub fn closed(&self, limits: &Limits, now: Time) -> Option<Closed> {
        let until = self.until?.min(self.latest(limits, now));
        if until <= now {
            return None;
        }
        if self.wrong >= limits.wrong_codes {
            return Some(Closed::Locked(until));
        }
        Some(Closed::Waiting(until))
    }

    /// Lets a wait that would last longer than it can begin again at `now`. Whether it did: then
    /// that must be written, or it would begin again for ever.
    pub fn begin_again(&mut self, limits: &Limits, now: Time) -> bool {
        let latest = self.latest(limits, now);
        let begins = self.until.is_some_and(|until| until > latest);
        if begins {
            self.until = Some(latest);
        }
        begins
    }

    /// When a wait ends that begins at `now`.
    fn latest(&self, limits: &Limits, now: Time) -> Time {
        now.after(wait(self.wrong, limits))
    }

    /// Charges one wrong code that is judged at `now`.
    pub fn charge(&mut self, limits: &Limits, now: Time) {
        if self.wrong >= limits.wrong_codes {
            // The lock is over, or this code would not have been judged.
            self.wrong = 0;
        }
        self.wrong += 1;
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.until = match wait(self.wrong, limits) {
            Duration::ZERO => None,
            wait => Some(now.after(wait)),
        };
    }

    /// Whether so many failures came in a row that the tokens are disabled.
    pub fn exhausted(&self, limits: &Limits) -> bool {
        self.in_a_row >= limits.failures_in_a_row
    }

    /// A right code, or an operator's unlock.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there is nothing to clear.
    pub fn is_clear(&self) -> bool {
        *self == Self::default()
    }
}

/// How long no code is judged after the `wrong`-th wrong one: 0, 0, 1 s, 2 s, 4 s … then the lock.
fn wait(wrong: u32, limits: &Limits) -> Duration {
    if wrong >= limits.wrong_codes {
        return limits.lock;
    }
    let Some(doublings) = wrong.checked_sub(FREE_OF_WAIT + 1) else {
        return Duration::ZERO;
    };
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(factor).min(limits.lock)
}
