//! What is given to who has no token at hand: emergency codes, a start code, a start-of-use password.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Decided, Draft, Operate, Refusal};
use crate::account::{Account, AccountName, EMERGENCY_CODES_MAX, SpareMark};
use crate::event::Note;
use crate::seal::{NONCE_OCTETS, SecretKind};
use crate::spare::{EMERGENCY_SECONDS, START_CODE_LASTS, SpareCode, SpareKey, SpareKind};
use crate::start_password::StartPassword;
use crate::store::{Record, StoreError, View};

impl Operate<'_> {
    pub(super) fn emergency(
        &self,
        view: &dyn View,
        name: &AccountName,
        codes: &[SpareCode],
        valid: Duration,
        key: &SpareKey,
        nonce: [u8; NONCE_OCTETS],
    ) -> Decided<Draft> {
        let mut account = or_refuse!(enabled(view, name)?);
        let of_kind = codes.iter().all(|code| code.kind() == SpareKind::Emergency);
        let fits = codes.is_empty() || EMERGENCY_SECONDS.contains(&valid.as_secs());
        if codes.len() > EMERGENCY_CODES_MAX || !fits || !of_kind {
            return Ok(Err(Refusal::EmergencyBounds.into()));
        }
        if codes.is_empty() && account.emergency.is_empty() {
            return Ok(Err(Refusal::NothingToChange(account.name).into()));
        }
        let until = self.now.time.after(valid);
        account.emergency.clear();
        account.emergency_spent.clear();
        account.spare_answered = None;
        account.drop_unused_spare_key();
        if !codes.is_empty() {
            let key = self.spare_key(&mut account, key, nonce);
            let mark = |code: &SpareCode| SpareMark {
                mark: code.mark(&key, &account.name),
                until,
            };
            account.emergency = codes.iter().map(mark).collect();
        }
        Ok(Ok(Draft {
            account: Some(account.name.clone()),
            count: Some(codes.len() as u64),
            detail: emergency_detail(codes.len(), valid),
            written: vec![Record::Account(account)],
            ..Draft::default()
        }))
    }

    pub(super) fn start_code(
        &self,
        view: &dyn View,
        name: &AccountName,
        code: &SpareCode,
        key: &SpareKey,
        nonce: [u8; NONCE_OCTETS],
    ) -> Decided<Draft> {
        let mut account = or_refuse!(enabled(view, name)?);
        if code.kind() != SpareKind::Start {
            return Ok(Err(Refusal::EmergencyBounds.into()));
        }
        if account.serials.len() > 1 {
            // It stands for one token, and nobody could tell for which.
            return Ok(Err(Refusal::SeveralTokens(account.name).into()));
        }
        let key = self.spare_key(&mut account, key, nonce);
        account.start_code = Some(SpareMark {
            mark: code.mark(&key, &account.name),
            until: self.now.time.after(START_CODE_LASTS),
        });
        Ok(Ok(Draft {
            account: Some(account.name.clone()),
            written: vec![Record::Account(account)],
            ..Draft::default()
        }))
    }

    pub(super) fn start_password(
        &self,
        view: &dyn View,
        name: &AccountName,
        password: Option<&StartPassword>,
        nonce: [u8; NONCE_OCTETS],
    ) -> Decided<Draft> {
        let known = view.account_by_any_name(name)?;
        if password.is_none() {
            let Some(account) = &known else {
                return Ok(Err(Refusal::NoSuchAccount(name.clone()).into()));
            };
            if account.start_password.is_none() {
                return Ok(Err(Refusal::NoStartPassword(account.name.clone()).into()));
            }
        }
        let mut account = self.account_or_new(view, name)?;
        if account.disabled && password.is_some() {
            return Ok(Err(Refusal::AccountDisabled(account.name).into()));
        }
        let key = self.verifier.keyring().current();
        account.start_password = password.map(|password| {
            let kind = SecretKind::StartPassword;
            key.seal_secret(kind, &account.name, password.octets(), nonce)
        });
        account.start_tries = 0;
        Ok(Ok(Draft {
            account: Some(account.name.clone()),
            detail: super::account::set_or_removed(password.is_some()),
            written: vec![Record::Account(account)],
            ..Draft::default()
        }))
    }

    /// The key of the account's marks: the one that it has, or a new one. Marks by one that does not
    /// open are of no use, and go with it.
    fn spare_key(
        &self,
        account: &mut Account,
        new: &SpareKey,
        nonce: [u8; NONCE_OCTETS],
    ) -> Zeroizing<Vec<u8>> {
        let keyring = self.verifier.keyring();
        let kind = SecretKind::SpareKey;
        let known = account.spare_key.as_ref().and_then(|sealed| {
            let opened = keyring.open_secret(kind, &account.name, sealed);
            opened.ok()
        });
        known.unwrap_or_else(|| {
            account.emergency.clear();
            account.emergency_spent.clear();
            account.start_code = None;
            let current = keyring.current();
            account.spare_key = Some(current.seal_secret(kind, &account.name, &new.0, nonce));
            Zeroizing::new(new.0.to_vec())
        })
    }
}

/// What an event tells of emergency codes.
pub(super) fn emergency_detail(count: usize, valid: Duration) -> Option<Note> {
    match count {
        0 => Note::new("revoked"),
        _ => Note::new(&format!("good for {} seconds", valid.as_secs())),
    }
}

fn enabled(view: &dyn View, name: &AccountName) -> Result<Result<Account, Refusal>, StoreError> {
    Ok(match view.account_by_any_name(name)? {
        None => Err(Refusal::NoSuchAccount(name.clone())),
        Some(account) if account.disabled => Err(Refusal::AccountDisabled(account.name)),
        Some(account) => Ok(account),
    })
}
