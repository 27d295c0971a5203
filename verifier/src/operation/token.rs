//! The life of one token: issue, enroll, exchange, stop, lost, suspend, resume.

use super::{Decided, Draft, Failed, Operate, Refusal, Refused, give};
use crate::account::{Account, AccountName};
use crate::event::Reason;
use crate::lifecycle::{self, TokenState, Transition};
use crate::otp::{Code, Seed};
use crate::proof::Answer;
use crate::seal::NONCE_OCTETS;
use crate::serial::Serial;
use crate::store::{Record, StoreError, View};
use crate::token::{Finding, Shape, Token};
use crate::verify::{clock_obstacle, reason_of};

/// So many numbers are tried for the next free serial.
const SERIALS_TRIED_MAX: u64 = 10_000;

/// Which serial a new token gets.
#[derive(Debug, Clone)]
pub enum SerialChoice {
    /// This one.
    Given(Serial),
    /// The first free one of `prefix` from `from` on.
    NextFree {
        /// Vendor prefix.
        prefix: String,
        /// The first number to try.
        from: u64,
    },
}

/// A change of a token's state that needs no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// Given up; final.
    Stop,
    /// Lost; final.
    Lost,
    /// Out of use for a while.
    Suspend,
    /// In use again.
    Resume,
}

impl Operate<'_> {
    pub(super) fn issue(
        &self,
        view: &dyn View,
        choice: &SerialChoice,
        seed: &Seed,
        nonce: [u8; NONCE_OCTETS],
        shape: Shape,
    ) -> Decided<Draft> {
        let serial = or_refuse!(free_serial(view, choice)?);
        let sealed = self
            .verifier
            .keyring()
            .current()
            .seal(&serial, 1, seed, nonce);
        let token = Token::in_stock(serial.clone(), sealed, shape, self.now.time);
        Ok(Ok(Draft {
            serial: Some(serial),
            written: vec![Record::Token(token)],
            ..Draft::default()
        }))
    }

    pub(super) fn enroll(
        &self,
        view: &dyn View,
        name: &AccountName,
        serial: &Serial,
        code: &[u8],
    ) -> Decided<Draft> {
        let token = or_refuse!(token(view, serial)?);
        let mut account = self.account_or_new(view, name)?;
        if account.disabled {
            return Ok(Err(Refusal::AccountDisabled(account.name).into()));
        }
        let mut token = if token.disabled && token.account.as_ref() == Some(&account.name) {
            // The way back for a token that too many failures disabled.
            or_refuse!(in_state(&token, TokenState::Active));
            or_refuse!(self.prove(view, token, code)?)
        } else {
            let state = or_refuse!(next(&token, Transition::Enroll));
            let mut token = or_refuse!(self.prove(view, token, code)?);
            or_refuse!(give(&mut account, &token));
            token.state = state;
            token
        };
        token.disabled = false;
        token.account = Some(account.name.clone());
        account.guesses.clear();
        account.token_started();
        Ok(Ok(Draft {
            serial: Some(serial.clone()),
            account: Some(account.name.clone()),
            written: vec![Record::Token(token), Record::Account(account)],
            ..Draft::default()
        }))
    }

    pub(super) fn exchange(
        &self,
        view: &dyn View,
        old: &Serial,
        new: &Serial,
        code: &[u8],
    ) -> Decided<Draft> {
        if old == new {
            return Ok(Err(Refusal::SameToken(old.clone()).into()));
        }
        let mut old_token = or_refuse!(token(view, old)?);
        let new_token = or_refuse!(token(view, new)?);
        old_token.state = or_refuse!(next(&old_token, Transition::Exchange));
        old_token.answered = None;
        let state = or_refuse!(next(&new_token, Transition::Succeed));
        let mut account = owner(view, &old_token)?.ok_or(StoreError::Corrupt)?;
        if account.disabled {
            return Ok(Err(Refusal::AccountDisabled(account.name).into()));
        }
        let mut new_token = or_refuse!(self.prove(view, new_token, code)?);
        account.end_token(old);
        or_refuse!(give(&mut account, &new_token));
        account.guesses.clear();
        new_token.state = state;
        new_token.account = Some(account.name.clone());
        Ok(Ok(Draft {
            serial: Some(old.clone()),
            new_serial: Some(new.clone()),
            account: Some(account.name.clone()),
            written: vec![
                Record::Token(old_token),
                Record::Token(new_token),
                Record::Account(account),
            ],
            ..Draft::default()
        }))
    }

    /// Judges a code that shall prove `token`, and spends it. Serial and code prove together: the
    /// token is the one named, no other is looked at.
    pub(super) fn prove(&self, view: &dyn View, mut token: Token, code: &[u8]) -> Decided<Token> {
        let policy = self.verifier.policy();
        let reason = match self.judge_proof(view, &token, code)? {
            Ok(step) => {
                token.spend(step, &policy.acceptance, self.now.time, None);
                token.proofs.clear();
                return Ok(Ok(token));
            }
            Err(reason) => reason,
        };
        let refusal = Refusal::NotProven(token.serial.clone(), reason);
        let serial = Some(token.serial.clone());
        let changed = match reason {
            Reason::WrongCode => {
                token.proofs.charge(&policy.limits, self.now.time);
                true
            }
            Reason::Waiting | Reason::Locked => {
                token.proofs.begin_again(&policy.limits, self.now.time)
            }
            _ => false,
        };
        let failed = Failed {
            serial,
            account: None,
            reason,
            written: changed
                .then_some(Record::Token(token))
                .into_iter()
                .collect(),
            locked_out: false,
        };
        Ok(Err(Refused {
            refusal,
            failed: Some(Box::new(failed)),
        }))
    }

    /// What keeps a proof of `token` from being looked at.
    pub(super) fn proof_obstacle(
        &self,
        view: &dyn View,
        token: &Token,
    ) -> Result<Option<Reason>, StoreError> {
        if let Some(reason) = clock_obstacle(self.now, view)? {
            return Ok(Some(reason));
        }
        let limits = &self.verifier.policy().limits;
        if token.proofs.exhausted(limits) {
            // Whoever tries this long does not hold it. It can only be replaced.
            return Ok(Some(Reason::TokenDisabled));
        }
        let closed = token.proofs.closed(limits, self.now.time);
        Ok(closed.map(reason_of))
    }

    fn judge_proof(
        &self,
        view: &dyn View,
        token: &Token,
        code: &[u8],
    ) -> Result<Result<u64, Reason>, StoreError> {
        if let Some(reason) = self.proof_obstacle(view, token)? {
            return Ok(Err(reason));
        }
        let Ok(code) = Code::parse(code) else {
            return Ok(Err(Reason::MalformedCode));
        };
        let answer = Answer::from(code);
        Ok(match self.verifier.judge(token, &answer, self.now.time) {
            Ok(Finding::Fresh(step)) => Ok(step),
            Ok(Finding::Spent) => Err(Reason::AlreadyUsed),
            Ok(Finding::Unknown) => Err(Reason::WrongCode),
            Err(_) => Err(Reason::SeedDoesNotOpen),
        })
    }
}

fn free_serial(
    view: &dyn View,
    choice: &SerialChoice,
) -> Result<Result<Serial, Refusal>, StoreError> {
    match choice {
        SerialChoice::Given(serial) => Ok(match view.token(serial)? {
            None => Ok(serial.clone()),
            Some(_) => Err(Refusal::TokenExists(serial.clone())),
        }),
        SerialChoice::NextFree { prefix, from } => {
            for number in *from..from.saturating_add(SERIALS_TRIED_MAX) {
                let Ok(serial) = Serial::numbered(prefix, number) else {
                    break;
                };
                if view.token(&serial)?.is_none() {
                    return Ok(Ok(serial));
                }
            }
            Ok(Err(Refusal::NoFreeSerial(prefix.clone())))
        }
    }
}

pub(super) fn change_state(
    view: &dyn View,
    change: StateChange,
    serial: &Serial,
) -> Decided<Draft> {
    let mut token = or_refuse!(token(view, serial)?);
    let transition = match change {
        StateChange::Stop => Transition::Stop,
        StateChange::Lost => Transition::Lost,
        StateChange::Suspend => Transition::Suspend,
        StateChange::Resume => Transition::Resume,
    };
    token.state = or_refuse!(next(&token, transition));
    // What was accepted just before is not answered again, not even after a resume.
    token.answered = None;
    let account = owner(view, &token)?;
    let mut draft = Draft {
        serial: Some(serial.clone()),
        account: token.account.clone(),
        ..Draft::default()
    };
    if let Some(mut account) = account.filter(|_| token.state.is_final()) {
        account.end_token(serial);
        draft.written.push(Record::Account(account));
    }
    draft.written.push(Record::Token(token));
    Ok(Ok(draft))
}

pub(super) fn token(
    view: &dyn View,
    serial: &Serial,
) -> Result<Result<Token, Refusal>, StoreError> {
    let found = view.token(serial)?;
    Ok(found.ok_or_else(|| Refusal::NoSuchToken(serial.clone())))
}

pub(super) fn owner(view: &dyn View, token: &Token) -> Result<Option<Account>, StoreError> {
    match &token.account {
        None => Ok(None),
        Some(name) => view.account(name)?.map(Some).ok_or(StoreError::Corrupt),
    }
}

pub(super) fn next(token: &Token, transition: Transition) -> Result<TokenState, Refusal> {
    lifecycle::next(token.state, transition)
        .ok_or_else(|| Refusal::State(token.serial.clone(), token.state))
}

pub(super) fn in_state(token: &Token, state: TokenState) -> Result<(), Refusal> {
    if token.state == state {
        return Ok(());
    }
    Err(Refusal::State(token.serial.clone(), token.state))
}
