//! Judging spare codes.

use std::time::Duration;

use zeroize::Zeroizing;

use super::Verifier;
use crate::account::{Account, AccountName, EMERGENCY_CODES_MAX, SpareMark};
use crate::mark::same;
use crate::proof::Proof;
use crate::seal::{DoesNotOpen, SecretKind};
use crate::spare::{EMERGENCY_SECONDS, SpareCode, SpareKind};
use crate::time::Time;

/// What a spare code means to an account.
#[derive(Debug)]
pub(crate) enum Spare {
    /// It is one that is good: the account without it.
    Fits(Box<Account>),
    /// It was used.
    Spent,
    /// It is none.
    Unknown,
}

/// The spare code that was typed, if that is what it looks like.
pub(crate) fn spare_of(proof: &Proof) -> Option<SpareCode> {
    match proof {
        Proof::Code(typed) => SpareCode::parse(typed),
        Proof::Chap(_) | Proof::MsChapV2(_) => None,
    }
}

impl Verifier {
    /// What `code` means to `account` at `now`. All marks are compared, whatever the others gave.
    pub(crate) fn judge_spare(
        &self,
        account: &Account,
        code: &SpareCode,
        now: Time,
    ) -> Result<Spare, DoesNotOpen> {
        let Some(key) = self.spare_key(account)? else {
            return Ok(Spare::Unknown);
        };
        let typed = code.mark(&key, &account.name);
        let is_good = |spare: &SpareMark| same(&spare.mark, &typed) & lasts(spare, now);
        let mut left = account.clone();
        let mut fits = false;
        match code.kind() {
            SpareKind::Emergency => left.emergency.retain(|spare| {
                let good = is_good(spare);
                fits |= good;
                !good
            }),
            SpareKind::Start => {
                left.start_code = left.start_code.filter(|spare| {
                    fits = is_good(spare);
                    !fits
                });
            }
        }
        let mut spent = false;
        for mark in &account.emergency_spent {
            spent |= same(mark, &typed);
        }
        if fits && code.kind() == SpareKind::Emergency {
            if left.emergency_spent.len() >= EMERGENCY_CODES_MAX {
                left.emergency_spent.remove(0);
            }
            left.emergency_spent.push(typed);
        }
        left.drop_unused_spare_key();
        Ok(match (fits, spent) {
            (true, _) => Spare::Fits(Box::new(left)),
            (false, true) => Spare::Spent,
            (false, false) => Spare::Unknown,
        })
    }

    fn spare_key(&self, account: &Account) -> Result<Option<Zeroizing<Vec<u8>>>, DoesNotOpen> {
        let Some(sealed) = &account.spare_key else {
            return Ok(None);
        };
        let kind = SecretKind::SpareKey;
        let name: &AccountName = &account.name;
        self.keyring.open_secret(kind, name, sealed).map(Some)
    }
}

/// What would last longer than it can was made by a clock that has been set back since.
fn lasts(spare: &SpareMark, now: Time) -> bool {
    let latest = now.after(Duration::from_secs(*EMERGENCY_SECONDS.end()));
    now < spare.until && spare.until <= latest
}

/// Whether some spare code of this kind is good at `now`.
pub(crate) fn has_spare(account: &Account, kind: SpareKind, now: Time) -> bool {
    let is_good = |spare: &SpareMark| lasts(spare, now);
    match kind {
        SpareKind::Emergency => account.emergency.iter().any(is_good),
        SpareKind::Start => account.start_code.as_ref().is_some_and(is_good),
    }
}
