//! Operations: what admins and owners do to tokens and accounts.
//!
//! Each is decided like a login, on records as they are in the order of all decisions, and each
//! that is done has one event, whose position makes the receipt number. A code that is given as
//! proof is judged by the same rules as at a login, charged when it is wrong, and spent when it
//! is right.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::account::{ALIASES_MAX, Account, AccountName, TOKENS_MAX};
use crate::event::{
    Actor, Event, Note, OperationEvent, OperationKind, OperationOutcome, Reason, What,
};
use crate::lifecycle::{self, TokenState, Transition};
use crate::otp::{Code, Seed};
use crate::seal::{NONCE_OCTETS, SealedSeed};
use crate::serial::Serial;
use crate::store::{Change, Decider, Key, Outcome, Position, Record, StoreError, View};
use crate::time::Time;
use crate::token::{Finding, Shape, Token};
use crate::verify::{Verifier, reason_of};

/// So many numbers are tried for the next free serial.
const SERIALS_TRIED_MAX: u64 = 10_000;
/// So many faulty lines of an import are named.
pub const IMPORT_FAULTS_MAX: usize = 10;
/// The most tokens of one import.
pub const IMPORT_TOKENS_MAX: usize = 1_000_000;

/// What to do.
#[derive(Debug)]
pub enum Operation {
    /// Take a new token into stock.
    Issue {
        /// Its serial.
        serial: SerialChoice,
        /// Its seed, fresh from the random source.
        seed: Seed,
        /// For sealing the seed.
        nonce: [u8; NONCE_OCTETS],
        /// How its codes are made.
        shape: Shape,
    },
    /// Take in a list of tokens, whole or not at all.
    Import(Vec<Imported>),
    /// Start the use of a token.
    Enroll {
        /// Who will own it.
        account: AccountName,
        /// The token.
        serial: Serial,
        /// What it shows now.
        code: Zeroizing<Vec<u8>>,
    },
    /// Put a token in the place of another.
    Exchange {
        /// The one that ends.
        old: Serial,
        /// The one that starts.
        new: Serial,
        /// What the new one shows now.
        code: Zeroizing<Vec<u8>>,
    },
    /// Stop, lost, suspend, resume.
    Change(StateChange, Serial),
    /// End an account's lock.
    Unlock(AccountName),
    /// Make or change an account.
    AccountSet(AccountName, AccountChange),
    /// Accept the wall clock as it is.
    ClockTrust,
}

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

/// One token of an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Line in the file, for messages.
    pub line: u64,
    /// Enrolls it at once, without proof.
    pub account: Option<AccountName>,
    /// Its serial.
    pub serial: Serial,
    /// Its seed, sealed for this serial.
    pub seed: SealedSeed,
    /// How its codes are made.
    pub shape: Shape,
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

/// What changes about an account; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Whether logins where accounts may choose ask for a code.
    pub code_required: Option<bool>,
    /// Whether no login is accepted at all.
    pub disabled: Option<bool>,
    /// Another name to add.
    pub add_alias: Option<AccountName>,
    /// Another name to remove.
    pub remove_alias: Option<AccountName>,
}

/// Why an operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such token.
    #[error("there is no token {0}")]
    NoSuchToken(Serial),
    /// No such account.
    #[error("there is no account {0}")]
    NoSuchAccount(AccountName),
    /// The serial is taken.
    #[error("there is a token {0} already")]
    TokenExists(Serial),
    /// No free serial was found.
    #[error("no free serial was found for the prefix {0}")]
    NoFreeSerial(String),
    /// The token's state does not permit it.
    #[error("token {0} is {1}")]
    State(Serial, TokenState),
    /// An exchange for itself.
    #[error("token {0} can not be exchanged for itself")]
    SameToken(Serial),
    /// The code does not prove the token.
    #[error("the code does not prove token {0}: {1}")]
    NotProven(Serial, Reason),
    /// The account has all the tokens it may have.
    #[error("account {0} has {TOKENS_MAX} live tokens, the most there may be")]
    TooManyTokens(AccountName),
    /// The account is disabled.
    #[error("account {0} is disabled")]
    AccountDisabled(AccountName),
    /// The account is not locked.
    #[error("account {0} is not locked")]
    NotLocked(AccountName),
    /// The change changes nothing.
    #[error("account {0} is so already")]
    NothingToChange(AccountName),
    /// The name is in use.
    #[error("the name {0} is in use")]
    NameTaken(AccountName),
    /// Too many other names.
    #[error("account {0} has {ALIASES_MAX} other names, the most there may be")]
    TooManyAliases(AccountName),
    /// Not another name of this account.
    #[error("{1} is not another name of account {0}")]
    NotAnAlias(AccountName, AccountName),
    /// The clock is right as it is.
    #[error("the clock is trusted")]
    ClockIsTrusted,
    /// Lines of an import, with what is wrong.
    #[error("{}", faults(.0))]
    Import(Vec<(u64, String)>),
    /// More tokens than an import may have.
    #[error("an import has at most {IMPORT_TOKENS_MAX} tokens")]
    ImportTooLarge,
    /// An import of nothing.
    #[error("the import holds no token")]
    EmptyImport,
}

fn faults(lines: &[(u64, String)]) -> String {
    let text: Vec<_> = lines
        .iter()
        .map(|(line, fault)| format!("line {line}: {fault}"))
        .collect();
    text.join("; ")
}

/// An operation on its way to its receipt.
#[derive(Debug)]
pub struct Operate<'a> {
    verifier: &'a Verifier,
    operation: &'a Operation,
    actor: &'a Actor,
    note: Option<&'a Note>,
    now: Time,
    result: Option<Result<OperationEvent, Refusal>>,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Done, durably: the event at this position is its receipt.
    Receipt(Position, OperationEvent),
    /// Refused; only a wrong proof was charged.
    Refused(Refusal),
    /// Certainly not done; may be tried again.
    NotDone,
    /// Perhaps done: look it up before trying again.
    Unknown,
}

/// Refused, with or without something to write (the charge of a wrong proof).
struct Refused {
    refusal: Refusal,
    charge: Option<Token>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            charge: None,
        }
    }
}

type Decided<T> = Result<Result<T, Refused>, StoreError>;

/// What an operation writes, and what its event tells.
#[derive(Default)]
struct Draft {
    serial: Option<Serial>,
    new_serial: Option<Serial>,
    account: Option<AccountName>,
    count: Option<u64>,
    detail: Option<Note>,
    written: Vec<Record>,
    removed: Vec<Key>,
}

/// Ends the function with a refusal that an inner step came to.
macro_rules! or_refuse {
    ($decided:expr) => {
        match $decided {
            Ok(value) => value,
            Err(refused) => return Ok(Err(refused.into())),
        }
    };
}

impl<'a> Operate<'a> {
    /// An operation to be decided at `now`.
    pub fn new(
        verifier: &'a Verifier,
        operation: &'a Operation,
        actor: &'a Actor,
        note: Option<&'a Note>,
        now: Time,
    ) -> Self {
        Self {
            verifier,
            operation,
            actor,
            note,
            now,
            result: None,
        }
    }

    /// What came of it, against the store's word.
    pub fn done(self, outcome: Outcome) -> Done {
        match (outcome, self.result) {
            (Outcome::Applied(position), Some(Ok(event))) => Done::Receipt(position, event),
            (Outcome::Applied(_) | Outcome::Nothing, Some(Err(refusal))) => Done::Refused(refusal),
            (Outcome::Unknown, _) => Done::Unknown,
            _ => Done::NotDone,
        }
    }

    fn draft(&self, view: &dyn View) -> Decided<Draft> {
        match self.operation {
            Operation::Issue {
                serial,
                seed,
                nonce,
                shape,
            } => self.issue(view, serial, seed, *nonce, *shape),
            Operation::Import(tokens) => self.import(view, tokens),
            Operation::Enroll {
                account,
                serial,
                code,
            } => self.enroll(view, account, serial, code),
            Operation::Exchange { old, new, code } => self.exchange(view, old, new, code),
            Operation::Change(change, serial) => change_state(view, *change, serial),
            Operation::Unlock(account) => unlock(view, account),
            Operation::AccountSet(account, change) => self.account_set(view, account, change),
            Operation::ClockTrust => self.clock_trust(view),
        }
    }

    fn issue(
        &self,
        view: &dyn View,
        choice: &SerialChoice,
        seed: &Seed,
        nonce: [u8; NONCE_OCTETS],
        shape: Shape,
    ) -> Decided<Draft> {
        let serial = or_refuse!(free_serial(view, choice)?);
        let sealed = self.verifier.key().seal(&serial, seed, nonce);
        let token = Token::in_stock(serial.clone(), sealed, shape, self.now);
        Ok(Ok(Draft {
            serial: Some(serial),
            written: vec![Record::Token(token)],
            ..Draft::default()
        }))
    }

    fn import(&self, view: &dyn View, tokens: &[Imported]) -> Decided<Draft> {
        if tokens.is_empty() {
            return Ok(Err(Refusal::EmptyImport.into()));
        }
        if tokens.len() > IMPORT_TOKENS_MAX {
            return Ok(Err(Refusal::ImportTooLarge.into()));
        }
        let mut faults = Vec::new();
        let mut serials = BTreeSet::new();
        let mut accounts = BTreeMap::new();
        let mut written = Vec::with_capacity(tokens.len());
        for imported in tokens {
            match self.import_one(view, imported, &mut serials, &mut accounts)? {
                Ok(token) => written.push(Record::Token(token)),
                Err(refused) => faults.push((imported.line, refused.refusal.to_string())),
            }
            if faults.len() == IMPORT_FAULTS_MAX {
                break;
            }
        }
        if !faults.is_empty() {
            return Ok(Err(Refusal::Import(faults).into()));
        }
        written.extend(accounts.into_values().map(Record::Account));
        Ok(Ok(Draft {
            count: Some(tokens.len() as u64),
            written,
            ..Draft::default()
        }))
    }

    fn import_one<'t>(
        &self,
        view: &dyn View,
        imported: &'t Imported,
        serials: &mut BTreeSet<&'t Serial>,
        accounts: &mut BTreeMap<AccountName, Account>,
    ) -> Decided<Token> {
        let serial = &imported.serial;
        if !serials.insert(serial) || view.token(serial)?.is_some() {
            return Ok(Err(Refusal::TokenExists(serial.clone()).into()));
        }
        let (seed, shape) = (imported.seed.clone(), imported.shape);
        let mut token = Token::in_stock(serial.clone(), seed, shape, self.now);
        let Some(name) = &imported.account else {
            return Ok(Ok(token));
        };
        let canonical = match view.account(name)? {
            Some(_) => name.clone(),
            None => view.alias(name)?.unwrap_or_else(|| name.clone()),
        };
        if !accounts.contains_key(&canonical) {
            let account = self.account_or_new(view, &canonical)?;
            accounts.insert(canonical.clone(), account);
        }
        if let Some(account) = accounts.get_mut(&canonical) {
            or_refuse!(give(account, &token));
            token.account = Some(canonical);
            token.state = TokenState::Active;
        }
        Ok(Ok(token))
    }

    fn enroll(
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
        Ok(Ok(Draft {
            serial: Some(serial.clone()),
            account: Some(account.name.clone()),
            written: vec![Record::Token(token), Record::Account(account)],
            ..Draft::default()
        }))
    }

    fn exchange(&self, view: &dyn View, old: &Serial, new: &Serial, code: &[u8]) -> Decided<Draft> {
        if old == new {
            return Ok(Err(Refusal::SameToken(old.clone()).into()));
        }
        let mut old_token = or_refuse!(token(view, old)?);
        let new_token = or_refuse!(token(view, new)?);
        old_token.state = or_refuse!(next(&old_token, Transition::Exchange));
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

    fn account_set(
        &self,
        view: &dyn View,
        name: &AccountName,
        change: &AccountChange,
    ) -> Decided<Draft> {
        let known = view.account_by_any_name(name)?;
        let mut account = self.account_or_new(view, name)?;
        let mut draft = Draft::default();
        let mut details = Vec::new();
        if let Some(required) = change.code_required {
            account.code_required = required;
            details.push(format!("code required: {}", yes_or_no(required)));
        }
        if let Some(disabled) = change.disabled {
            account.disabled = disabled;
            details.push(format!("disabled: {}", yes_or_no(disabled)));
        }
        if let Some(alias) = &change.add_alias {
            or_refuse!(add_alias(view, &mut account, alias)?);
            draft.written.push(Record::Alias {
                alias: alias.clone(),
                account: account.name.clone(),
            });
            details.push(format!("name added: {alias}"));
        }
        if let Some(alias) = &change.remove_alias {
            or_refuse!(remove_alias(&mut account, alias));
            draft.removed.push(Key::Alias(alias.clone()));
            details.push(format!("name removed: {alias}"));
        }
        if known.as_ref() == Some(&account) {
            return Ok(Err(Refusal::NothingToChange(account.name).into()));
        }
        draft.account = Some(account.name.clone());
        draft.detail = Note::new(&details.join(", "));
        draft.written.push(Record::Account(account));
        Ok(Ok(draft))
    }

    fn clock_trust(&self, view: &dyn View) -> Decided<Draft> {
        match view.newest()? {
            Some(newest) if self.now < newest => Ok(Ok(Draft::default())),
            _ => Ok(Err(Refusal::ClockIsTrusted.into())),
        }
    }

    /// Judges a code that shall prove `token`, and spends it. Serial and code prove together: the
    /// token is the one named, no other is looked at.
    fn prove(&self, view: &dyn View, mut token: Token, code: &[u8]) -> Decided<Token> {
        let policy = self.verifier.policy();
        let reason = match self.judge_proof(view, &token, code)? {
            Ok(step) => {
                token.spend(step, &policy.acceptance, self.now, None);
                token.proofs.clear();
                return Ok(Ok(token));
            }
            Err(reason) => reason,
        };
        let refusal = Refusal::NotProven(token.serial.clone(), reason);
        let charge = (reason == Reason::WrongCode).then(|| {
            token.proofs.charge(&policy.limits, self.now);
            token
        });
        Ok(Err(Refused { refusal, charge }))
    }

    fn judge_proof(
        &self,
        view: &dyn View,
        token: &Token,
        code: &[u8],
    ) -> Result<Result<u64, Reason>, StoreError> {
        if view.newest()?.is_some_and(|newest| self.now < newest) {
            return Ok(Err(Reason::ClockBackwards));
        }
        let limits = &self.verifier.policy().limits;
        if token.proofs.exhausted(limits) {
            // Whoever tries this long does not hold it. It can only be replaced.
            return Ok(Err(Reason::TokenDisabled));
        }
        if let Some(closed) = token.proofs.closed(limits, self.now) {
            return Ok(Err(reason_of(closed)));
        }
        let Ok(code) = Code::parse(code) else {
            return Ok(Err(Reason::MalformedCode));
        };
        Ok(match self.verifier.judge(token, &code, self.now) {
            Ok(Finding::Fresh(step)) => Ok(step),
            Ok(Finding::Spent) => Err(Reason::AlreadyUsed),
            Ok(Finding::Unknown) => Err(Reason::WrongCode),
            Err(_) => Err(Reason::SeedDoesNotOpen),
        })
    }

    fn account_or_new(&self, view: &dyn View, name: &AccountName) -> Result<Account, StoreError> {
        let known = view.account_by_any_name(name)?;
        Ok(known.unwrap_or_else(|| Account::new(name.clone(), self.now)))
    }

    fn event(&self, draft: &mut Draft, outcome: OperationOutcome) -> OperationEvent {
        OperationEvent {
            operation: self.operation.kind(),
            outcome,
            serial: draft.serial.take(),
            new_serial: draft.new_serial.take(),
            account: draft.account.take(),
            actor: self.actor.clone(),
            note: self.note.cloned(),
            count: draft.count.take(),
            detail: draft.detail.take(),
        }
    }

    fn change(&self, event: OperationEvent, written: Vec<Record>, removed: Vec<Key>) -> Change {
        Change {
            event: Event {
                time: self.now,
                what: What::Operation(event),
            },
            written,
            removed,
        }
    }

    /// A proof that failed is a decision and has its event, charged or not.
    fn not_proven(&self, refused: Refused) -> (Refusal, Option<Change>) {
        let Refusal::NotProven(serial, reason) = &refused.refusal else {
            return (refused.refusal, None);
        };
        let mut draft = Draft {
            serial: Some(serial.clone()),
            ..Draft::default()
        };
        let event = self.event(&mut draft, OperationOutcome::NotProven(*reason));
        let written = refused.charge.into_iter().map(Record::Token).collect();
        let change = self.change(event, written, Vec::new());
        (refused.refusal, Some(change))
    }
}

impl Decider for Operate<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.result = None;
        let (result, change) = match self.draft(view)? {
            Ok(mut draft) => {
                let event = self.event(&mut draft, OperationOutcome::Done);
                let change = self.change(event.clone(), draft.written, draft.removed);
                (Ok(event), Some(change))
            }
            Err(refused) => {
                let (refusal, change) = self.not_proven(refused);
                (Err(refusal), change)
            }
        };
        self.result = Some(result);
        Ok(change)
    }
}

impl Operation {
    fn kind(&self) -> OperationKind {
        match self {
            Self::Issue { .. } => OperationKind::Issue,
            Self::Import(_) => OperationKind::Import,
            Self::Enroll { .. } => OperationKind::Enroll,
            Self::Exchange { .. } => OperationKind::Exchange,
            Self::Change(StateChange::Stop, _) => OperationKind::Stop,
            Self::Change(StateChange::Lost, _) => OperationKind::Lost,
            Self::Change(StateChange::Suspend, _) => OperationKind::Suspend,
            Self::Change(StateChange::Resume, _) => OperationKind::Resume,
            Self::Unlock(_) => OperationKind::Unlock,
            Self::AccountSet(..) => OperationKind::AccountSet,
            Self::ClockTrust => OperationKind::ClockTrust,
        }
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

fn change_state(view: &dyn View, change: StateChange, serial: &Serial) -> Decided<Draft> {
    let mut token = or_refuse!(token(view, serial)?);
    let transition = match change {
        StateChange::Stop => Transition::Stop,
        StateChange::Lost => Transition::Lost,
        StateChange::Suspend => Transition::Suspend,
        StateChange::Resume => Transition::Resume,
    };
    token.state = or_refuse!(next(&token, transition));
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

/// Ends the lock and the waits. The failures in a row stay counted: only a right code or a new
/// proof shows that the owner is back.
fn unlock(view: &dyn View, name: &AccountName) -> Decided<Draft> {
    let Some(mut account) = view.account_by_any_name(name)? else {
        return Ok(Err(Refusal::NoSuchAccount(name.clone()).into()));
    };
    if account.guesses.wrong == 0 {
        return Ok(Err(Refusal::NotLocked(account.name).into()));
    }
    account.guesses.wrong = 0;
    account.guesses.until = None;
    Ok(Ok(Draft {
        account: Some(account.name.clone()),
        written: vec![Record::Account(account)],
        ..Draft::default()
    }))
}

fn token(view: &dyn View, serial: &Serial) -> Result<Result<Token, Refusal>, StoreError> {
    let found = view.token(serial)?;
    Ok(found.ok_or_else(|| Refusal::NoSuchToken(serial.clone())))
}

fn owner(view: &dyn View, token: &Token) -> Result<Option<Account>, StoreError> {
    match &token.account {
        None => Ok(None),
        Some(name) => view.account(name)?.map(Some).ok_or(StoreError::Corrupt),
    }
}

fn next(token: &Token, transition: Transition) -> Result<TokenState, Refusal> {
    lifecycle::next(token.state, transition)
        .ok_or_else(|| Refusal::State(token.serial.clone(), token.state))
}

fn in_state(token: &Token, state: TokenState) -> Result<(), Refusal> {
    if token.state == state {
        return Ok(());
    }
    Err(Refusal::State(token.serial.clone(), token.state))
}

fn give(account: &mut Account, token: &Token) -> Result<(), Refusal> {
    if account.serials.len() >= TOKENS_MAX {
        return Err(Refusal::TooManyTokens(account.name.clone()));
    }
    account.serials.push(token.serial.clone());
    Ok(())
}

fn add_alias(view: &dyn View, account: &mut Account, alias: &AccountName) -> Decided<()> {
    if *alias == account.name || view.account_by_any_name(alias)?.is_some() {
        return Ok(Err(Refusal::NameTaken(alias.clone()).into()));
    }
    if account.aliases.len() >= ALIASES_MAX {
        return Ok(Err(Refusal::TooManyAliases(account.name.clone()).into()));
    }
    account.aliases.push(alias.clone());
    Ok(Ok(()))
}

fn remove_alias(account: &mut Account, alias: &AccountName) -> Result<(), Refusal> {
    let known = account.aliases.len();
    account.aliases.retain(|name| name != alias);
    if account.aliases.len() == known {
        return Err(Refusal::NotAnAlias(account.name.clone(), alias.clone()));
    }
    Ok(())
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
