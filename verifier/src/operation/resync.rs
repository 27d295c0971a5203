//! Learning anew how far a token is off.

use std::ops::RangeInclusive;

use super::{Decided, Draft, Failed, Operate, Refusal, Refused, token};
use crate::event::Reason;
use crate::lifecycle::TokenState;
use crate::otp::{Code, Generator};
use crate::serial::Serial;
use crate::store::{Record, StoreError, View};
use crate::time::Time;
use crate::token::{Factor, Token};

/// So many steps of a TOTP token are looked at, on each side of the current one.
pub const RESYNC_STEPS: u64 = 20;
/// So many counters of a HOTP token are looked at.
pub const RESYNC_COUNTERS: u64 = 1_000;

impl Operate<'_> {
    /// Two codes in a row say where a token is. Both are spent, as at a login: neither at nor below the
    /// watermark is anything accepted (LinOTP's CVE-2019-12887).
    pub(super) fn resync(
        &self,
        view: &dyn View,
        serial: &Serial,
        first: &[u8],
        second: &[u8],
    ) -> Decided<Draft> {
        let mut token = or_refuse!(token::token(view, serial)?);
        or_refuse!(token::in_state(&token, TokenState::Active));
        let owner = token::owner(view, &token)?;
        if let Some(owner) = owner.filter(|owner| owner.disabled) {
            return Ok(Err(Refusal::AccountDisabled(owner.name).into()));
        }
        let policy = self.verifier.policy();
        let step = match self.two_in_a_row(view, &token, first, second)? {
            Ok(step) => step,
            Err(reason) => return Ok(Err(self.not_in_a_row(token, reason))),
        };
        let off = token.off_by(step + 1, self.now.time);
        if off.unsigned_abs() > policy.acceptance.drift.unsigned_abs() {
            return Ok(Err(Refusal::TooFarOff(token.serial, off).into()));
        }
        token.resync(step, &policy.acceptance, self.now.time);
        token.proofs.clear();
        Ok(Ok(Draft {
            serial: Some(token.serial.clone()),
            account: token.account.clone(),
            written: vec![Record::Token(token)],
            ..Draft::default()
        }))
    }

    /// The step of the first code, if the second is the one after it.
    fn two_in_a_row(
        &self,
        view: &dyn View,
        token: &Token,
        first: &[u8],
        second: &[u8],
    ) -> Result<Result<u64, Reason>, StoreError> {
        if let Some(reason) = self.proof_obstacle(view, token)? {
            return Ok(Err(reason));
        }
        if token.disabled {
            return Ok(Err(Reason::TokenDisabled));
        }
        let (Ok(first), Ok(second)) = (Code::parse(first), Code::parse(second)) else {
            return Ok(Err(Reason::MalformedCode));
        };
        let Ok(generator) = self.verifier.generator(token) else {
            return Ok(Err(Reason::SeedDoesNotOpen));
        };
        Ok(self.find_two(token, &generator, first, second))
    }

    fn find_two(
        &self,
        token: &Token,
        generator: &Generator,
        first: Code,
        second: Code,
    ) -> Result<u64, Reason> {
        let (mut fresh, mut old) = (None, false);
        let fits = |code: &Code, step: u64| generator.matches(code, step);
        for step in resync_window(token, self.now.time) {
            let Some(next) = step.checked_add(1) else {
                break;
            };
            let both = fits(&first, step) & fits(&second, next);
            if token.watermark().is_some_and(|mark| step <= mark) {
                old |= both;
            } else if both {
                fresh = fresh.or(Some(step));
            }
        }
        // A string that was accepted is spent wherever else it fits.
        let spent =
            token.has_spent(generator, &first.into()) | token.has_spent(generator, &second.into());
        match fresh {
            _ if spent || (old && fresh.is_none()) => Err(Reason::AlreadyUsed),
            Some(step) => Ok(step),
            None => Err(Reason::WrongCode),
        }
    }

    fn not_in_a_row(&self, mut token: Token, reason: Reason) -> Refused {
        let limits = &self.verifier.policy().limits;
        let serial = token.serial.clone();
        let account = token.account.clone();
        let changed = match reason {
            Reason::WrongCode => {
                token.proofs.charge(limits, self.now.time);
                true
            }
            Reason::Waiting | Reason::Locked => token.proofs.begin_again(limits, self.now.time),
            _ => false,
        };
        Refused {
            refusal: Refusal::NotProven(serial.clone(), reason),
            failed: Some(Box::new(Failed {
                serial: Some(serial),
                account,
                reason,
                written: changed
                    .then_some(Record::Token(token))
                    .into_iter()
                    .collect(),
                locked_out: false,
            })),
        }
    }
}

/// The steps that the first code may be of. The second is the one that was shown last.
fn resync_window(token: &Token, now: Time) -> RangeInclusive<u64> {
    let here = token.here(now);
    match token.factor {
        Factor::Totp { .. } => {
            let first = here.saturating_sub(1);
            first.saturating_sub(RESYNC_STEPS)..=first.saturating_add(RESYNC_STEPS)
        }
        Factor::Hotp { .. } => here..=here.saturating_add(RESYNC_COUNTERS),
    }
}
