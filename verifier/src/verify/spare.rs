//! Judging spare codes.

use std::time::Duration;

use zeroize::Zeroizing;

use super::Verifier;
use crate::account::{Account, AccountName, SpareMark};
use crate::mark::same;
use crate::proof::Proof;
use crate::seal::{DoesNotOpen, SecretKind};
use crate::spare::{EMERGENCY_SECONDS, SpareCode, SpareKind};
use crate::time::Time;

/// What a spare code means to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spare {
    /// It is one that is good.
    Fits,
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
        let mut fits = false;
        match code.kind() {
            SpareKind::Emergency => {
                for spare in &account.emergency {
                    fits |= is_good(spare);
                }
            }
            SpareKind::Start => fits = account.start_code.as_ref().is_some_and(is_good),
        }
        Ok(if fits { Spare::Fits } else { Spare::Unknown })
    }

    /// Takes the spare code away that fitted.
    pub(crate) fn spend_spare(&self, account: &mut Account, code: &SpareCode) {
        let Ok(Some(key)) = self.spare_key(account) else {
            return;
        };
        let typed = code.mark(&key, &account.name);
        match code.kind() {
            SpareKind::Emergency => account.emergency.retain(|it| !same(&it.mark, &typed)),
            SpareKind::Start => account.start_code = None,
        }
        if account.emergency.is_empty() && account.start_code.is_none() {
            account.spare_key = None;
        }
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
pub(super) fn has_spare(account: &Account, kind: SpareKind, now: Time) -> bool {
    let is_good = |spare: &SpareMark| lasts(spare, now);
    match kind {
        SpareKind::Emergency => account.emergency.iter().any(is_good),
        SpareKind::Start => account.start_code.as_ref().is_some_and(is_good),
    }
}
