//! Rounds of conversations: each is taken once.

use std::time::Duration;

use super::login::{Findings, Login};
use crate::account::{Account, ROUNDS_MAX, UsedRound};
use crate::event::Reason;
use crate::store::Record;

/// The longest that a round of a conversation can be continued; one that claims more is refused.
pub const ROUND_LASTS_MAX: Duration = Duration::from_secs(600);

/// Whether a round of a conversation may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It may; or there is none to take.
    Now,
    /// It was taken before: at most the same verdict is given again.
    Before,
    /// It is over, or claims too much.
    Expired,
    /// It could not be remembered.
    NoRoom,
}

impl Login<'_> {
    /// Whether the round that this attempt is may be taken.
    pub(super) fn round(&self, account: &Account) -> Taken {
        let Some(round) = &self.attempt.round else {
            return Taken::Now;
        };
        let now = self.now.time;
        if round.until <= now || round.until > now.after(ROUND_LASTS_MAX) {
            return Taken::Expired;
        }
        if account.rounds.iter().any(|used| used.id == round.id) {
            return Taken::Before;
        }
        // With no room to remember it, it could be taken twice.
        match account
            .rounds
            .iter()
            .filter(|used| used.until > now)
            .count()
        {
            ROUNDS_MAX.. => Taken::NoRoom,
            _ => Taken::Now,
        }
    }

    /// Takes note that this round was taken, whatever the verdict. Where nothing was looked at it is not:
    /// a disabled account judges nothing, and no time can be held against a bad clock.
    pub(super) fn take_round(&self, account: Account, findings: &mut Findings) {
        let looked_at = !matches!(
            findings.reason,
            Reason::AccountDisabled | Reason::ClockBackwards | Reason::ClockStepped
        );
        let Some(round) = self.attempt.round.filter(|_| looked_at) else {
            return;
        };
        if self.round(&account) != Taken::Now {
            return;
        }
        let written = findings.written.iter_mut().find_map(|record| match record {
            Record::Account(account) => Some(account),
            _ => None,
        });
        let note = |account: &mut Account| {
            account.rounds.retain(|used| used.until > self.now.time);
            account.rounds.push(UsedRound {
                id: round.id,
                until: round.until,
            });
        };
        match written {
            Some(written) => note(written),
            None => {
                let mut account = account;
                note(&mut account);
                findings.written.push(Record::Account(account));
            }
        }
    }
}
