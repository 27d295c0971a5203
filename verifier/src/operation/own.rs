//! What owners do themselves, with a code: start of use, exchange, stop, choice.
//!
//! Whoever asks was let in by the login password, and no more is known of them. Every wrong guess
//! is charged to the account, so that somebody else's tokens can not be tried without an end.

use zeroize::Zeroizing;

use super::{Decided, Draft, Failed, Operate, Refusal, Refused, give, token};
use crate::account::{Account, AccountName};
use crate::event::{Note, OperationKind, Reason};
use crate::lifecycle::Transition;
use crate::place::Place;
use crate::proof::Proof;
use crate::serial::Serial;
use crate::spare::SpareKind;
use crate::start_password::START_TRIES_MAX;
use crate::store::{Record, StoreError, View};
use crate::token::Token;
use crate::verify::{self, Spare};

/// A token to be put into use, as its owner gave it.
#[derive(Debug)]
pub struct Start {
    /// Whose.
    pub account: AccountName,
    /// Where.
    pub place: Option<Place>,
    /// Whether it shall take the place of another; `None` where that is for the verifier to see.
    pub exchange: Option<bool>,
    /// The token.
    pub serial: Serial,
    /// What it shows now.
    pub code: Zeroizing<Vec<u8>>,
    /// What the token in use shows, or a start code.
    pub old_code: Option<Zeroizing<Vec<u8>>>,
    /// The digits of the start-of-use password that were asked for.
    pub characters: Option<Zeroizing<Vec<u8>>>,
    /// Whether logins where the account may choose ask for a code; `None` leaves it.
    pub code_required: Option<bool>,
}

/// Who owns an account, as shown by a code of a token in use.
#[derive(Debug)]
pub struct OwnProof {
    /// The account.
    pub account: AccountName,
    /// Where.
    pub place: Option<Place>,
    /// The code.
    pub code: Zeroizing<Vec<u8>>,
}

/// What shows that the old token's owner asks.
enum Old {
    /// There is none, and there never was.
    First,
    /// A start code stands for it.
    Granted,
    /// Its code, which is spent.
    Token(Box<Token>),
}

impl Operate<'_> {
    pub(super) fn start(&self, view: &dyn View, start: &Start) -> Decided<Draft> {
        // Not one that is made by it: another spelling of a name must not be another account.
        let Some(account) = view.account_by_any_name(&start.account)? else {
            return Ok(Err(Refusal::NoSuchAccount(start.account.clone()).into()));
        };
        or_refuse!(self.may_prove(view, &account)?);
        let new = or_refuse!(token::token(view, &start.serial)?);
        or_refuse!(token::next(&new, Transition::Enroll));
        let (mut account, old) = or_refuse!(self.old(view, account, start)?);
        let new = match self.prove(view, new, &start.code)? {
            Ok(new) => new,
            Err(refused) => return self.charged_as_well(view, account, refused),
        };
        account = or_refuse!(self.start_digits(view, account, start)?);
        self.started(view, account, old, new, start)
    }

    /// What keeps every proof of an account from being looked at.
    fn may_prove(&self, view: &dyn View, account: &Account) -> Decided<()> {
        if account.disabled {
            return Ok(Err(Refusal::AccountDisabled(account.name.clone()).into()));
        }
        if let Some(reason) = verify::clock_obstacle(self.now, view)? {
            return Ok(Err(self.not_owner(account, reason)));
        }
        let limits = &self.verifier.policy().limits;
        let Some(closed) = account.guesses.closed(limits, self.now.time) else {
            return Ok(Ok(()));
        };
        let mut refused = self.not_owner(account, verify::reason_of(closed));
        let mut account = account.clone();
        if account.guesses.begin_again(limits, self.now.time) {
            refused = refused.with(vec![Record::Account(account)]);
        }
        Ok(Err(refused))
    }

    fn not_owner(&self, account: &Account, reason: Reason) -> Refused {
        Refused {
            refusal: Refusal::NotOwner(account.name.clone(), reason),
            failed: Some(Box::new(Failed {
                serial: None,
                account: Some(account.name.clone()),
                reason,
                written: Vec::new(),
                locked_out: false,
            })),
        }
    }

    /// A wrong guess: it is charged to the account.
    fn charged(&self, view: &dyn View, account: Account, reason: Reason) -> Decided<Refused> {
        let mut refused = self.not_owner(&account, reason);
        let tokens = verify::load(view, &account.serials)?;
        let charge = self.verifier.charge(account, tokens, self.now.time);
        if let Some(failed) = &mut refused.failed {
            failed.locked_out = charge.locked_out;
            failed.written.extend(charge.written);
        }
        Ok(Ok(refused))
    }

    /// The code of the new token failed. A wrong one is charged to the account as well: the tokens in
    /// stock are many, and their serials can be told in advance.
    fn charged_as_well(
        &self,
        view: &dyn View,
        account: Account,
        mut refused: Refused,
    ) -> Decided<Draft> {
        if let Some(failed) = &mut refused.failed {
            failed.account = Some(account.name.clone());
            if failed.reason == Reason::WrongCode {
                let tokens = verify::load(view, &account.serials)?;
                let charge = self.verifier.charge(account, tokens, self.now.time);
                failed.locked_out = charge.locked_out;
                failed.written.extend(charge.written);
            }
        }
        Ok(Err(refused))
    }

    /// Whether the account may put another token into use, and what for.
    fn old(&self, view: &dyn View, account: Account, start: &Start) -> Decided<(Account, Old)> {
        if let Some(typed) = &start.old_code {
            return self.old_by_code(view, account, start, typed);
        }
        let old = if account.is_granted(self.now.time) {
            Old::Granted
        } else if account.had_token() {
            return Ok(Err(Refusal::OldTokenNeeded(account.name).into()));
        } else {
            Old::First
        };
        self.agreed(account, old, start)
    }

    fn old_by_code(
        &self,
        view: &dyn View,
        account: Account,
        start: &Start,
        typed: &Zeroizing<Vec<u8>>,
    ) -> Decided<(Account, Old)> {
        let proof = Proof::Code(typed.clone());
        if let Some(code) = verify::spare_of(&proof) {
            return match self.verifier.judge_spare(&account, &code, self.now.time) {
                Ok(Spare::Fits(_)) if code.kind() == SpareKind::Start => {
                    self.agreed(account, Old::Granted, start)
                }
                Ok(Spare::Spent) => Ok(Err(self.not_owner(&account, Reason::AlreadyUsed))),
                Ok(_) => {
                    let refused = or_refuse!(self.charged(view, account, Reason::WrongCode)?);
                    Ok(Err(refused))
                }
                Err(_) => Err(StoreError::Corrupt),
            };
        }
        let (account, token) =
            or_refuse!(self.prove_owner(view, account, typed, start.place.as_ref(), None)?);
        self.agreed(account, Old::Token(Box::new(token)), start)
    }

    /// Whether it comes to what the owner meant to do.
    fn agreed(&self, account: Account, old: Old, start: &Start) -> Decided<(Account, Old)> {
        let exchange = match &old {
            Old::First => false,
            Old::Granted => match account.serials.as_slice() {
                // Who has lost a token may well mean to exchange it.
                [] => return Ok(Ok((account, old))),
                [_] => true,
                // Nobody can tell which of them is gone.
                _ => return Ok(Err(Refusal::SeveralTokens(account.name).into())),
            },
            Old::Token(_) => true,
        };
        match start.exchange {
            Some(true) if !exchange => Ok(Err(Refusal::NoOldToken(account.name).into())),
            Some(false) if exchange => Ok(Err(Refusal::HasToken(account.name).into())),
            _ => Ok(Ok((account, old))),
        }
    }

    /// Judges the digits of the start-of-use password, if the account has one.
    fn start_digits(&self, view: &dyn View, account: Account, start: &Start) -> Decided<Account> {
        let Some(password) = verify::start_password(self.verifier, &account)? else {
            return Ok(Ok(account));
        };
        if account.start_tries >= START_TRIES_MAX {
            return Ok(Err(Refusal::StartPasswordUsedUp(account.name).into()));
        }
        let positions = password.positions(&account.name, account.start_tries);
        let digits = start.characters.as_deref().map(Vec::as_slice);
        let is_guess =
            |typed: &&[u8]| typed.len() == positions.len() && typed.iter().all(u8::is_ascii_digit);
        let Some(typed) = digits.filter(is_guess) else {
            return Ok(Err(self.not_owner(&account, Reason::MalformedCode)));
        };
        if password.fits(positions, typed) {
            return Ok(Ok(account));
        }
        let mut account = account;
        account.start_tries += 1;
        let refused = or_refuse!(self.charged(view, account, Reason::WrongStartPassword)?);
        Ok(Err(refused))
    }

    fn started(
        &self,
        view: &dyn View,
        mut account: Account,
        old: Old,
        mut new: Token,
        start: &Start,
    ) -> Decided<Draft> {
        let mut draft = Draft::default();
        let ended = match old {
            Old::First => None,
            Old::Granted => match account.serials.first() {
                Some(serial) => Some(view.token(serial)?.ok_or(StoreError::Corrupt)?),
                None => None,
            },
            Old::Token(token) => Some(*token),
        };
        let transition = match &ended {
            Some(_) => Transition::Succeed,
            None => Transition::Enroll,
        };
        new.state = or_refuse!(token::next(&new, transition));
        if let Some(mut ended) = ended {
            ended.state = or_refuse!(token::next(&ended, Transition::Exchange));
            ended.answered = None;
            account.end_token(&ended.serial);
            draft.kind = Some(OperationKind::Exchange);
            draft.serial = Some(ended.serial.clone());
            draft.new_serial = Some(new.serial.clone());
            draft.written.push(Record::Token(ended));
        } else {
            draft.serial = Some(new.serial.clone());
        }
        or_refuse!(give(&mut account, &new));
        account.guesses.clear();
        if let Some(required) = start.code_required {
            account.code_required = required;
            draft.detail = required_detail(required);
        }
        new.account = Some(account.name.clone());
        draft.account = Some(account.name.clone());
        draft.written.push(Record::Token(new));
        draft.written.push(Record::Account(account));
        Ok(Ok(draft))
    }

    /// Judges a code by every token that the account has in use, and spends it. The change of the
    /// token is for the caller to write.
    fn prove_owner(
        &self,
        view: &dyn View,
        account: Account,
        typed: &Zeroizing<Vec<u8>>,
        place: Option<&Place>,
        only: Option<&Serial>,
    ) -> Decided<(Account, Token)> {
        let mut tokens = verify::load(view, &account.serials)?;
        tokens.retain(|token| only.is_none_or(|only| token.serial == *only));
        if let Some(reason) = verify::nothing_usable(&tokens) {
            return Ok(Err(self.not_owner(&account, reason)));
        }
        let proof = Proof::Code(typed.clone());
        let Ok(answer) = proof.answer() else {
            return Ok(Err(self.not_owner(&account, Reason::MalformedCode)));
        };
        let ended = verify::load(view, &account.ended)?;
        let now = self.now.time;
        let reason = match self.verifier.judge_all(&tokens, &ended, &answer, now) {
            verify::Found::Fresh(index, step) => {
                let mut token = tokens.swap_remove(index);
                let acceptance = &self.verifier.policy().acceptance;
                token.spend(step, acceptance, now, place.cloned());
                return Ok(Ok((account, token)));
            }
            verify::Found::Spent(_) => Reason::AlreadyUsed,
            verify::Found::Broken(_) => Reason::SeedDoesNotOpen,
            verify::Found::Nothing => {
                let refused = or_refuse!(self.charged(view, account, Reason::WrongCode)?);
                return Ok(Err(refused));
            }
        };
        Ok(Err(self.not_owner(&account, reason)))
    }

    /// The account of a proof, and its token with the code spent; `only` this one is judged.
    fn owner_by(
        &self,
        view: &dyn View,
        proof: &OwnProof,
        only: Option<&Serial>,
    ) -> Decided<(Account, Token)> {
        let Some(account) = view.account_by_any_name(&proof.account)? else {
            return Ok(Err(Refusal::NoSuchAccount(proof.account.clone()).into()));
        };
        or_refuse!(self.may_prove(view, &account)?);
        let theirs = only.is_none_or(|only| account.serials.contains(only));
        if let Some(serial) = only.filter(|_| !theirs) {
            return Ok(Err(Refusal::NotTheirs(account.name, serial.clone()).into()));
        }
        self.prove_owner(view, account, &proof.code, proof.place.as_ref(), only)
    }

    pub(super) fn own_stop(
        &self,
        view: &dyn View,
        proof: &OwnProof,
        serial: &Serial,
    ) -> Decided<Draft> {
        let (mut account, mut token) = or_refuse!(self.owner_by(view, proof, Some(serial))?);
        token.state = or_refuse!(token::next(&token, Transition::Stop));
        account.end_token(serial);
        account.guesses.clear();
        Ok(Ok(Draft {
            serial: Some(serial.clone()),
            account: Some(account.name.clone()),
            written: vec![Record::Token(token), Record::Account(account)],
            ..Draft::default()
        }))
    }

    pub(super) fn own_choice(
        &self,
        view: &dyn View,
        proof: &OwnProof,
        required: bool,
    ) -> Decided<Draft> {
        let (mut account, token) = or_refuse!(self.owner_by(view, proof, None)?);
        account.code_required = required;
        account.guesses.clear();
        Ok(Ok(Draft {
            account: Some(account.name.clone()),
            detail: required_detail(required),
            written: vec![Record::Token(token), Record::Account(account)],
            ..Draft::default()
        }))
    }
}

impl Refused {
    fn with(mut self, written: Vec<Record>) -> Self {
        if let Some(failed) = &mut self.failed {
            failed.written.extend(written);
        }
        self
    }
}

pub(super) fn required_detail(required: bool) -> Option<Note> {
    Note::new(match required {
        true => "code required: yes",
        false => "code required: no",
    })
}
