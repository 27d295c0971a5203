//! What is accepted, what wrong codes lead to, and where a code is asked.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::account::Account;
use crate::place::{Door, Place};

/// Bounds of [`Limits::wrong_codes`].
pub const WRONG_CODES: RangeInclusive<u32> = 3..=20;
/// Bounds of [`Limits::failures_in_a_row`].
pub const FAILURES_IN_A_ROW: RangeInclusive<u32> = 20..=1_000;
/// Bounds of [`Limits::lock`], in seconds.
pub const LOCK_SECONDS: RangeInclusive<u64> = 60..=86_400;
/// Bounds of [`Acceptance::window`].
pub const WINDOW: RangeInclusive<u64> = 0..=1;
/// Bounds of [`Acceptance::drift`].
pub const DRIFT: RangeInclusive<i64> = 0..=20;
/// Bounds of [`Acceptance::look_ahead`].
pub const LOOK_AHEAD: RangeInclusive<u64> = 1..=100;
/// Bounds of [`Acceptance::answer_again`], in seconds.
pub const ANSWER_AGAIN_SECONDS: RangeInclusive<u64> = 1..=60;

/// Everything that the decision depends on besides records and time.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Which codes are accepted.
    pub acceptance: Acceptance,
    /// What wrong codes lead to.
    pub limits: Limits,
    /// Where a code is asked.
    pub asking: Asking,
}

/// A policy value that is out of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is out of its bounds")]
pub struct OutOfBounds(&'static str);

impl Policy {
    /// Refuses what is out of bounds. The daemon calls it before it opens its socket.
    pub fn check(&self) -> Result<(), OutOfBounds> {
        let Self {
            acceptance, limits, ..
        } = self;
        let fits = |holds: bool, name| {
            if holds {
                Ok(())
            } else {
                Err(OutOfBounds(name))
            }
        };
        fits(WINDOW.contains(&acceptance.window), "window")?;
        fits(DRIFT.contains(&acceptance.drift), "drift")?;
        fits(LOOK_AHEAD.contains(&acceptance.look_ahead), "look-ahead")?;
        fits(
            ANSWER_AGAIN_SECONDS.contains(&acceptance.answer_again.as_secs()),
            "answer-again",
        )?;
        fits(WRONG_CODES.contains(&limits.wrong_codes), "wrong-codes")?;
        fits(LOCK_SECONDS.contains(&limits.lock.as_secs()), "lock")?;
        fits(
            FAILURES_IN_A_ROW.contains(&limits.failures_in_a_row),
            "failures-in-a-row",
        )
    }
}

/// Which codes are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// Steps on each side of the current one: 0 is the profile `strict`, 1 is `standard`.
    pub window: u64,
    /// How many whole steps a TOTP token's clock may be learned to be off.
    pub drift: i64,
    /// How many counters a HOTP token may be ahead.
    pub look_ahead: u64,
    /// How long a gateway that asks again about the same login gets the same verdict.
    pub answer_again: Duration,
}

impl Default for Acceptance {
    fn default() -> Self {
        Self {
            window: 1,
            drift: 4,
            look_ahead: 10,
            answer_again: Duration::from_secs(10),
        }
    }
}

/// What wrong codes lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many wrong codes lock the account's codes.
    pub wrong_codes: u32,
    /// For so long.
    pub lock: Duration,
    /// So many failures in a row disable the account's tokens until they are enrolled again.
    pub failures_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong_codes: 10,
            lock: Duration::from_secs(30 * 60),
            failures_in_a_row: 100,
        }
    }
}

/// Whether a code is asked at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CodeRule {
    /// Of everybody.
    #[default]
    Always,
    /// Of accounts that chose so.
    AccountChoice,
    /// Of nobody.
    Never,
}

/// Where a code is asked: by PAM service. What is not named, and every RADIUS client, always asks.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// Rules by PAM service.
    pub services: BTreeMap<Box<str>, CodeRule>,
}

impl Asking {
    /// The rule that holds at `place`.
    pub fn rule(&self, place: &Place) -> CodeRule {
        match place.door {
            Door::Radius => CodeRule::Always,
            Door::Pam => self.services.get(&place.name).copied().unwrap_or_default(),
        }
    }

    /// Whether `account` is asked for a code at `place`. Somebody unknown is asked like anybody. A
    /// disabled account is asked everywhere, so that it gets in nowhere.
    pub fn needs_code(&self, place: &Place, account: Option<&Account>) -> bool {
        if account.is_some_and(|account| account.disabled) {
            return true;
        }
        match self.rule(place) {
            CodeRule::Always => true,
            CodeRule::Never => false,
            CodeRule::AccountChoice => account.is_none_or(|account| account.code_required),
        }
    }
}
