//! Operations: what admins and owners do to tokens and accounts.
//!
//! Each is decided like a login, on records as they are in the order of all decisions, and each
//! that is done has one event, whose position makes the receipt number. A code that is given as
//! proof is judged by the same rules as at a login, charged when it is wrong, and spent when it
//! is right.

/// Ends the function with a refusal that an inner step came to.
macro_rules! or_refuse {
    ($decided:expr) => {
        match $decided {
            Ok(value) => value,
            Err(refused) => return Ok(Err(refused.into())),
        }
    };
}

mod account;
mod import;
mod keeping;
mod own;
mod refusal;
mod repeat;
mod resync;
mod spare;
mod token;

use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::{Account, AccountName, PasswordHash, TOKENS_MAX};
use crate::event::{
    Actor, Channel, Event, Note, OperationEvent, OperationKind, OperationOutcome, Reason,
    RequestKey, What,
};
use crate::otp::Seed;
use crate::seal::NONCE_OCTETS;
use crate::serial::Serial;
use crate::spare::{SpareCode, SpareKey};
use crate::start_password::StartPassword;
use crate::store::{Change, Decider, Key, Outcome, Position, Record, StoreError, View};
use crate::time::Now;
use crate::token::{Shape, Token};
use crate::verify::Verifier;

pub use account::{AccountChange, BULK_MAX, SessionChoice};
pub use import::{IMPORT_FAULTS_MAX, IMPORT_TOKENS_MAX, Imported};
pub use keeping::{Keeping, RESEAL_RECORDS_MAX, left_as_they_are};
pub use own::{OwnProof, Start};
pub use refusal::Refusal;
pub use resync::{RESYNC_COUNTERS, RESYNC_STEPS};
pub use token::{SerialChoice, StateChange};

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
    /// Set the hash of an account's password, or remove it.
    AccountPassword(AccountName, Option<PasswordHash>),
    /// End sessions at gateways.
    SessionEnd(SessionChoice),
    /// Accept the wall clock as it is.
    ClockTrust,
    /// Seal these records anew by the current data key, each with a nonce for its seed; at most
    /// [`RESEAL_RECORDS_MAX`].
    Reseal(Vec<(Key, [u8; NONCE_OCTETS])>),
    /// Raise the accepted steps of all these tokens past now, after a restore.
    Restore {
        /// All of them that can be read.
        serials: Vec<Serial>,
        /// All accounts that can be read: spare codes that they have may have been used since.
        accounts: Vec<AccountName>,
        /// How many records are damaged; told in the event.
        damaged: u64,
    },
    /// Take note of what was done beside the records.
    Keep {
        /// What.
        what: Keeping,
        /// How many.
        count: Option<u64>,
        /// Which key, file or part.
        detail: Option<Note>,
    },
    /// Put a token into use, by the owner of the account.
    Start(Box<Start>),
    /// Give a token up, by the owner of the account.
    OwnStop(OwnProof, Serial),
    /// Choose whether logins where accounts may choose ask for a code, by the owner of the account.
    OwnChoice(OwnProof, bool),
    /// Make emergency codes for an account, in the place of those of before.
    Emergency {
        /// Whose.
        account: AccountName,
        /// The codes, fresh; none revokes those of before.
        codes: Vec<SpareCode>,
        /// For how long they are good.
        valid: Duration,
        /// For the marks, if there are none yet.
        key: SpareKey,
        /// For sealing that key.
        nonce: [u8; NONCE_OCTETS],
    },
    /// Make a start code for an account, in the place of the one of before.
    StartCode {
        /// Whose.
        account: AccountName,
        /// The code, fresh.
        code: SpareCode,
        /// For the marks, if there are none yet.
        key: SpareKey,
        /// For sealing that key.
        nonce: [u8; NONCE_OCTETS],
    },
    /// Give an account a start-of-use password, or take it away.
    StartPassword {
        /// Whose; made if there is none yet.
        account: AccountName,
        /// The password, fresh.
        password: Option<StartPassword>,
        /// For sealing it.
        nonce: [u8; NONCE_OCTETS],
    },
    /// Learn anew how far a token is off, from two codes in a row.
    Resync {
        /// The token.
        serial: Serial,
        /// A code.
        first: Zeroizing<Vec<u8>>,
        /// The one after it.
        second: Zeroizing<Vec<u8>>,
    },
    /// Disable several accounts at once; at most [`BULK_MAX`].
    AccountsDisable(Vec<AccountName>),
}

/// Who wants an operation done, and how it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who.
    pub actor: Actor,
    /// Through which door.
    pub channel: Channel,
    /// A word for the receipt.
    pub note: Option<Note>,
    /// The idempotency key, if it came with one.
    pub request: Option<RequestKey>,
    /// Who let it go on, where it took a second person.
    pub approver: Option<Actor>,
}

impl Order {
    /// An order through the CLI, with nothing else to it.
    pub fn of(actor: Actor) -> Self {
        Self {
            actor,
            channel: Channel::Cli,
            note: None,
            request: None,
            approver: None,
        }
    }
}

/// An operation on its way to its receipt.
#[derive(Debug)]
pub struct Operate<'a> {
    verifier: &'a Verifier,
    operation: &'a Operation,
    order: &'a Order,
    now: Now,
    result: Option<Came>,
    locked_out: bool,
}

/// What the newest run of the decider came to.
#[derive(Debug)]
enum Came {
    Done(OperationEvent),
    Refused(Refusal),
    /// It was done before.
    Before(Position),
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Done, durably: the event at this position is its receipt.
    Receipt(Position, OperationEvent),
    /// An operation with this idempotency key was done before, and nothing was done now. Its event
    /// is at this position; whether it is the same operation is for the caller to see.
    Before(Position),
    /// Refused; only what a wrong proof costs was written.
    Refused(Refusal),
    /// Certainly not done; may be tried again.
    NotDone,
    /// Perhaps done: look it up before trying again.
    Unknown,
}

/// Refused, with or without an event: a proof that failed has one.
struct Refused {
    refusal: Refusal,
    failed: Option<Box<Failed>>,
}

/// A proof that failed.
struct Failed {
    serial: Option<Serial>,
    account: Option<AccountName>,
    reason: Reason,
    /// What it costs, or a wait that begins again.
    written: Vec<Record>,
    locked_out: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            failed: None,
        }
    }
}

type Decided<T> = Result<Result<T, Refused>, StoreError>;

/// What an operation writes, and what its event tells.
#[derive(Default)]
struct Draft {
    /// If it is not what was asked for by name: a start may be an exchange.
    kind: Option<OperationKind>,
    serial: Option<Serial>,
    new_serial: Option<Serial>,
    account: Option<AccountName>,
    count: Option<u64>,
    detail: Option<Note>,
    written: Vec<Record>,
    removed: Vec<Key>,
}

impl<'a> Operate<'a> {
    /// An operation to be decided at `now`.
    pub fn new(
        verifier: &'a Verifier,
        operation: &'a Operation,
        order: &'a Order,
        now: impl Into<Now>,
    ) -> Self {
        Self {
            verifier,
            operation,
            order,
            now: now.into(),
            result: None,
            locked_out: false,
        }
    }

    /// Whether this was the wrong code that locked the account, which operators are alarmed of.
    pub fn locked_out(&self) -> bool {
        self.locked_out
    }

    /// What came of it, against the store's word.
    pub fn done(self, outcome: Outcome) -> Done {
        match (outcome, self.result) {
            (Outcome::Applied(position), Some(Came::Done(event))) => Done::Receipt(position, event),
            (Outcome::Applied(_) | Outcome::Nothing, Some(Came::Refused(refusal))) => {
                Done::Refused(refusal)
            }
            (Outcome::Nothing, Some(Came::Before(position))) => Done::Before(position),
            (Outcome::Unknown, _) => Done::Unknown,
            _ => Done::NotDone,
        }
    }

    /// Where it was done before, if it was.
    fn before(&self, view: &dyn View) -> Result<Option<Position>, StoreError> {
        match &self.order.request {
            Some(key) => view.request(self.order.actor.uid, key),
            None => Ok(None),
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
            Operation::Change(change, serial) => token::change_state(view, *change, serial),
            Operation::Unlock(account) => account::unlock(view, account),
            Operation::AccountSet(account, change) => self.account_set(view, account, change),
            Operation::AccountPassword(account, password) => {
                self.password_set(view, account, password.as_ref())
            }
            Operation::SessionEnd(which) => account::session_end(view, which),
            Operation::ClockTrust => self.clock_trust(view),
            Operation::Reseal(items) => self.reseal(view, items),
            Operation::Restore {
                serials,
                accounts,
                damaged,
            } => self.restore(view, serials, accounts, *damaged),
            Operation::Start(start) => self.start(view, start),
            Operation::OwnStop(proof, serial) => self.own_stop(view, proof, serial),
            Operation::OwnChoice(proof, required) => self.own_choice(view, proof, *required),
            Operation::Emergency {
                account,
                codes,
                valid,
                key,
                nonce,
            } => self.emergency(view, account, codes, *valid, key, *nonce),
            Operation::StartCode {
                account,
                code,
                key,
                nonce,
            } => self.start_code(view, account, code, key, *nonce),
            Operation::StartPassword {
                account,
                password,
                nonce,
            } => self.start_password(view, account, password.as_ref(), *nonce),
            Operation::Resync {
                serial,
                first,
                second,
            } => self.resync(view, serial, first, second),
            Operation::AccountsDisable(accounts) => account::disable_all(view, accounts),
            Operation::Keep { count, detail, .. } => Ok(Ok(Draft {
                count: *count,
                detail: detail.clone(),
                ..Draft::default()
            })),
        }
    }

    fn clock_trust(&self, view: &dyn View) -> Decided<Draft> {
        match view.newest()? {
            Some(newest) if self.now.time < newest => Ok(Ok(Draft::default())),
            _ if !self.now.steady => Ok(Ok(Draft::default())),
            _ => Ok(Err(Refusal::ClockIsTrusted.into())),
        }
    }

    fn account_or_new(&self, view: &dyn View, name: &AccountName) -> Result<Account, StoreError> {
        let known = view.account_by_any_name(name)?;
        Ok(known.unwrap_or_else(|| Account::new(name.clone(), self.now.time)))
    }

    fn event(&self, draft: &mut Draft, outcome: OperationOutcome) -> OperationEvent {
        OperationEvent {
            operation: draft.kind.unwrap_or_else(|| self.operation.kind()),
            outcome,
            serial: draft.serial.take(),
            new_serial: draft.new_serial.take(),
            account: draft.account.take(),
            actor: self.order.actor.clone(),
            note: self.order.note.clone(),
            count: draft.count.take(),
            detail: draft.detail.take(),
            channel: self.order.channel,
            // A request that was refused may be asked for again.
            request: match outcome {
                OperationOutcome::Done => self.order.request.clone(),
                OperationOutcome::NotProven(_) => None,
            },
            approver: self.order.approver.clone(),
        }
    }

    fn change(&self, event: OperationEvent, written: Vec<Record>, removed: Vec<Key>) -> Change {
        Change {
            event: Event::at(self.now, What::Operation(event)),
            written,
            removed,
        }
    }

    /// A proof that failed is a decision and has its event, charged or not.
    fn not_proven(&self, refused: Refused) -> (Refusal, Option<Change>) {
        let Some(failed) = refused.failed else {
            return (refused.refusal, None);
        };
        let mut draft = Draft {
            serial: failed.serial,
            account: failed.account,
            ..Draft::default()
        };
        let event = self.event(&mut draft, OperationOutcome::NotProven(failed.reason));
        let change = self.change(event, failed.written, Vec::new());
        (refused.refusal, Some(change))
    }
}

impl Decider for Operate<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.result = None;
        self.locked_out = false;
        if let Some(position) = self.before(view)? {
            self.result = Some(Came::Before(position));
            return Ok(None);
        }
        let (result, change) = match self.draft(view)? {
            Ok(mut draft) => {
                let event = self.event(&mut draft, OperationOutcome::Done);
                let change = self.change(event.clone(), draft.written, draft.removed);
                (Came::Done(event), Some(change))
            }
            Err(refused) => {
                self.locked_out = refused.failed.as_ref().is_some_and(|it| it.locked_out);
                let (refusal, change) = self.not_proven(refused);
                (Came::Refused(refusal), change)
            }
        };
        self.result = Some(result);
        Ok(change)
    }

    /// On a full disk a lost token must still die, and what stands in the way of logins must still
    /// be mended. What gives rights waits for room.
    fn may_use_reserve(&self) -> bool {
        match self.operation {
            Operation::Change(change, _) => *change != StateChange::Resume,
            Operation::AccountSet(_, change) => change.takes_away(),
            Operation::Unlock(_) | Operation::ClockTrust | Operation::SessionEnd(_) => true,
            Operation::AccountPassword(_, password) => password.is_none(),
            Operation::Keep { what, .. } => *what == Keeping::Retain,
            Operation::AccountsDisable(_) | Operation::OwnStop(..) => true,
            Operation::OwnChoice(_, required) => *required,
            Operation::Emergency { codes, .. } => codes.is_empty(),
            Operation::Issue { .. }
            | Operation::Import(_)
            | Operation::Enroll { .. }
            | Operation::Exchange { .. }
            | Operation::Reseal(_)
            | Operation::Restore { .. }
            | Operation::Start(_)
            | Operation::StartCode { .. }
            // What was taken away would stand in the way of a start without it.
            | Operation::StartPassword { .. }
            | Operation::Resync { .. } => false,
        }
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
            Self::AccountPassword(..) => OperationKind::PasswordSet,
            Self::SessionEnd(_) => OperationKind::SessionEnd,
            Self::ClockTrust => OperationKind::ClockTrust,
            Self::Reseal(_) => OperationKind::Reseal,
            Self::Restore { .. } => OperationKind::Restore,
            Self::Keep { what, .. } => what.kind(),
            Self::Start(_) => OperationKind::Start,
            Self::OwnStop(..) => OperationKind::Stop,
            Self::OwnChoice(..) => OperationKind::AccountSet,
            Self::Emergency { .. } => OperationKind::Emergency,
            Self::StartCode { .. } => OperationKind::StartCode,
            Self::StartPassword { .. } => OperationKind::StartPassword,
            Self::Resync { .. } => OperationKind::Resync,
            Self::AccountsDisable(_) => OperationKind::AccountsDisable,
        }
    }
}

fn give(account: &mut Account, token: &Token) -> Result<(), Refusal> {
    if account.serials.len() >= TOKENS_MAX {
        return Err(Refusal::TooManyTokens(account.name.clone()));
    }
    account.serials.push(token.serial.clone());
    account.token_started();
    Ok(())
}
