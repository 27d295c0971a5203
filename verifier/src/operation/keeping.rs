//! Keeping the store: sealing anew under another data key, raising steps after a restore, and what
//! is only taken note of.

use super::{Decided, Draft, Operate};
use crate::account::{Account, AccountName};
use crate::event::{Note, OperationKind};
use crate::lifecycle::TokenState;
use crate::seal::{DoesNotOpen, NONCE_OCTETS, SecretKind};
use crate::serial::Serial;
use crate::store::{Key, Record, StoreError, View};
use crate::token::{Factor, Token};

/// The most records that one [`super::Operation::Reseal`] takes, so that logins are not held up.
pub const RESEAL_RECORDS_MAX: usize = 256;

/// What changes no record and is an event all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// A new data key seals from now on.
    KeyRotate,
    /// An old data key is about to be destroyed.
    KeyDestroy,
    /// Old parts of the journal are about to be removed.
    Retain,
    /// A backup was made.
    Backup,
    /// Something was asked for that takes a second person.
    ApprovalAsk,
    /// A second person let it go on.
    Approve,
    /// A second person refused it.
    ApprovalRefuse,
    /// Another policy takes effect.
    PolicyApply,
}

impl Keeping {
    pub(super) fn kind(self) -> OperationKind {
        match self {
            Self::KeyRotate => OperationKind::KeyRotate,
            Self::KeyDestroy => OperationKind::KeyDestroy,
            Self::Retain => OperationKind::Retain,
            Self::Backup => OperationKind::Backup,
            Self::ApprovalAsk => OperationKind::ApprovalAsk,
            Self::Approve => OperationKind::Approve,
            Self::ApprovalRefuse => OperationKind::ApprovalRefuse,
            Self::PolicyApply => OperationKind::PolicyApply,
        }
    }
}

impl Operate<'_> {
    /// Writes each record anew, with seeds sealed by the current key; the store tags with it too. A
    /// token whose seed is sealed by it was written since, and stays; so does what is damaged or
    /// does not open.
    pub(super) fn reseal(
        &self,
        view: &dyn View,
        items: &[(Key, [u8; NONCE_OCTETS])],
    ) -> Decided<Draft> {
        let mut draft = Draft::default();
        let mut damaged = 0_u64;
        for (key, nonce) in items {
            match view.record(key) {
                Ok(None) => {}
                Ok(Some(Record::Token(token))) => match self.resealed(token, *nonce) {
                    Ok(Some(token)) => draft.written.push(Record::Token(token)),
                    Ok(None) => {}
                    Err(()) => damaged += 1,
                },
                Ok(Some(Record::Account(account))) => {
                    let (account, whole) = self.resealed_account(account, *nonce);
                    damaged += u64::from(!whole);
                    draft.written.push(Record::Account(account));
                }
                Ok(Some(other)) => draft.written.push(other),
                Err(StoreError::Corrupt) => damaged += 1,
                Err(error) => return Err(error),
            }
        }
        draft.count = Some(draft.written.len() as u64);
        if damaged > 0 {
            draft.detail = Note::new(&left_as_they_are(damaged));
        }
        Ok(Ok(draft))
    }

    fn resealed(&self, mut token: Token, nonce: [u8; NONCE_OCTETS]) -> Result<Option<Token>, ()> {
        let keys = self.verifier.keyring();
        let current = keys.current();
        if token.seed.key_number() == Some(current.number()) {
            return Ok(None);
        }
        let opened = keys.open(&token.serial, token.seal, &token.seed);
        let seed = opened.map_err(|_| ())?;
        token.seal += 1;
        token.seed = current.seal(&token.serial, token.seal, &seed, nonce);
        Ok(Some(token))
    }

    /// An account is written anew in any case, or its tag would go with the old key. A secret of it that
    /// does not open stays as it is: it is of no use, and that it is there still counts.
    fn resealed_account(&self, mut account: Account, nonce: [u8; NONCE_OCTETS]) -> (Account, bool) {
        let keys = self.verifier.keyring();
        let current = keys.current();
        let mut whole = true;
        let sealed = [
            (SecretKind::StartPassword, &mut account.start_password),
            (SecretKind::SpareKey, &mut account.spare_key),
        ];
        for (kind, sealed) in sealed {
            let Some(old) = sealed else {
                continue;
            };
            if old.key_number() == Some(current.number()) {
                continue;
            }
            match keys.open_secret(kind, &account.name, old) {
                Ok(secret) => *old = current.seal_secret(kind, &account.name, &secret, nonce),
                Err(DoesNotOpen) => whole = false,
            }
        }
        (account, whole)
    }

    /// No code that was good before `now` is good afterwards: whoever used one may have done so
    /// after the backup was made, and nobody knows. The watermark of each TOTP token is raised past
    /// every step that can be accepted now. The counter of a HOTP token says nothing about time: one
    /// that is in use is disabled until it is enrolled again, with a code that its owner reads off
    /// it, and the counters up to that one are spent.
    ///
    /// Spare codes are dropped for the same cause, and what a used one permits.
    ///
    /// Nobody gets in by a record that is damaged, so none of those stands in the way of the others.
    pub(super) fn restore(
        &self,
        view: &dyn View,
        serials: &[Serial],
        accounts: &[AccountName],
        mut damaged: u64,
    ) -> Decided<Draft> {
        let acceptance = &self.verifier.policy().acceptance;
        // A clock that is behind the backup must not make this weaker.
        let now = view.newest()?.unwrap_or(self.now.time).max(self.now.time);
        let mut draft = Draft::default();
        let mut disabled = 0_u64;
        for serial in serials {
            let mut token = match view.token(serial) {
                Ok(Some(token)) => token,
                Err(StoreError::Corrupt) => {
                    damaged += 1;
                    continue;
                }
                Ok(None) => return Err(StoreError::Corrupt),
                Err(error) => return Err(error),
            };
            token.answered = None;
            match token.factor {
                Factor::Totp { .. } => token.raise(acceptance, now),
                Factor::Hotp { .. } if in_use(token.state) => {
                    token.disabled = true;
                    disabled += 1;
                }
                Factor::Hotp { .. } => continue,
            }
            draft.written.push(Record::Token(token));
        }
        draft.count = Some(draft.written.len() as u64);
        for name in accounts {
            match view.account(name) {
                Ok(Some(mut account)) => {
                    if account.drop_spare_codes() {
                        draft.written.push(Record::Account(account));
                    }
                }
                Err(StoreError::Corrupt) => damaged += 1,
                Ok(None) => return Err(StoreError::Corrupt),
                Err(error) => return Err(error),
            }
        }
        let mut details = Vec::new();
        if disabled > 0 {
            details.push(format!("{disabled} HOTP tokens are to be enrolled again"));
        }
        if damaged > 0 {
            details.push(left_as_they_are(damaged));
        }
        draft.detail = Note::new(&details.join("; "));
        Ok(Ok(draft))
    }
}

/// What the event of an operation that goes through all records tells of those that do not read.
pub fn left_as_they_are(damaged: u64) -> String {
    let (records, were) = match damaged {
        1 => ("record", "was left as it is"),
        _ => ("records", "were left as they are"),
    };
    format!("{damaged} damaged {records} {were}")
}

fn in_use(state: TokenState) -> bool {
    matches!(state, TokenState::Active | TokenState::Suspended)
}
