//! The store: records that change only together with an event, durably, one decision at a time.
//!
//! A decider is handed a [`View`] of the records, and says what to write and which event tells of
//! it. The store makes sure that what was read is still so when it is written: one machine does it
//! by deciding in one place and one order, a cluster by comparing the versions of everything that
//! the decider read. So a decider can not forget a condition, and it may run more than once; only
//! the change of its last run counts.
//!
//! A wrong implementation is an attack: a store that says [`Outcome::Applied`] before the change
//! is durable lets a code be accepted twice.

use minicbor::{Decode, Encode};

use crate::account::{Account, AccountName};
use crate::checkpoint::Hash;
use crate::event::{Event, RequestKey};
use crate::serial::Serial;
use crate::session::{Session, SessionId};
use crate::time::Time;
use crate::token::Token;

/// What a record is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Key {
    /// A token by its serial.
    #[n(0)]
    Token(#[n(0)] Serial),
    /// An account by its canonical name.
    #[n(1)]
    Account(#[n(0)] AccountName),
    /// An account by another name.
    #[n(2)]
    Alias(#[n(0)] AccountName),
    /// A live session at a gateway.
    #[n(4)]
    Session(#[n(0)] SessionId),
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    /// A token.
    #[n(0)]
    Token(#[n(0)] Token),
    /// An account.
    #[n(1)]
    Account(#[n(0)] Account),
    /// Another name for an account.
    #[n(2)]
    Alias {
        /// The other name.
        #[n(0)]
        alias: AccountName,
        /// The account it means.
        #[n(1)]
        account: AccountName,
    },
    /// A live session at a gateway.
    #[n(4)]
    Session(#[n(0)] Session),
}

impl Record {
    /// What it is found by.
    pub fn key(&self) -> Key {
        match self {
            Self::Token(token) => Key::Token(token.serial.clone()),
            Self::Account(account) => Key::Account(account.name.clone()),
            Self::Alias { alias, .. } => Key::Alias(alias.clone()),
            Self::Session(session) => Key::Session(session.id),
        }
    }
}

/// Where an event stands in the journal: rises from 1, may skip, is never given twice.
pub type Position = u64;

/// Idempotency keys are remembered for so many operations.
pub const REQUESTS_KEPT: usize = 10_000;

/// One decision's writes and the one event that tells of it; all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// What happened.
    #[n(0)]
    pub event: Event,
    /// Records as they are from now on.
    #[n(1)]
    pub written: Vec<Record>,
    /// Records that are no more.
    #[n(2)]
    pub removed: Vec<Key>,
}

impl Change {
    /// An event that changes no record.
    pub fn event_only(event: Event) -> Self {
        Self {
            event,
            written: Vec::new(),
            removed: Vec::new(),
        }
    }
}

/// Reads records as they are at this point of the order of all decisions.
pub trait View {
    /// The record of `key`.
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The latest time that the clock was seen at when a code was accepted or something was done,
    /// or what an operator set with `clock trust`: see [`Event::newest`].
    fn newest(&self) -> Result<Option<Time>, StoreError>;

    /// Where the operation stands that the user `uid` asked for with this idempotency key, if it is
    /// among the newest [`REQUESTS_KEPT`] that were done with one.
    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError>;

    /// A token.
    fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        match self.record(&Key::Token(serial.clone()))? {
            None => Ok(None),
            Some(Record::Token(token)) if token.serial == *serial => Ok(Some(token)),
            Some(_) => Err(StoreError::Corrupt),
        }
    }

    /// An account by its canonical name.
    fn account(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        match self.record(&Key::Account(name.clone()))? {
            None => Ok(None),
            Some(Record::Account(account)) if account.name == *name => Ok(Some(account)),
            Some(_) => Err(StoreError::Corrupt),
        }
    }

    /// The account that another name stands for.
    fn alias(&self, name: &AccountName) -> Result<Option<AccountName>, StoreError> {
        match self.record(&Key::Alias(name.clone()))? {
            None => Ok(None),
            Some(Record::Alias { alias, account }) if alias == *name => Ok(Some(account)),
            Some(_) => Err(StoreError::Corrupt),
        }
    }

    /// A live session.
    fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        match self.record(&Key::Session(id))? {
            None => Ok(None),
            Some(Record::Session(session)) if session.id == id => Ok(Some(session)),
            Some(_) => Err(StoreError::Corrupt),
        }
    }

    /// The account of a typed name, or of what the name is another name for.
    fn account_by_any_name(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        if let Some(account) = self.account(name)? {
            return Ok(Some(account));
        }
        match self.alias(name)? {
            Some(canonical) => self.account(&canonical),
            None => Ok(None),
        }
    }
}

/// Something that decides on what it reads.
pub trait Decider {
    /// Reads through `view` and says what to write, or that there is nothing to write. May be
    /// called again when what it read has changed meanwhile; it then decides anew.
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError>;

    /// Whether it may take what a store sets aside for a full disk: it takes a right away, or is
    /// needed to mend things. An accept never may.
    fn may_use_reserve(&self) -> bool {
        false
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Durable, at this position.
    Applied(Position),
    /// The decider wanted nothing written.
    Nothing,
    /// Certainly not applied; may be tried again.
    NotApplied,
    /// Perhaps applied. A login is rejected, an operation is looked up; nothing is repeated.
    Unknown,
}

/// Why a store can not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not now; nothing has changed.
    #[error("the store can not be read or written now")]
    Unavailable,
    /// What is stored is not what was written.
    #[error("a record in the store is damaged")]
    Corrupt,
    /// A sync failed or a file is gone: what is durable is no longer known, and the process must
    /// end. Trying the sync again would turn a loss into a success.
    #[error("the store can no longer tell what is durable")]
    Fatal,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens in every state.
    pub tokens: u64,
    /// Accounts.
    pub accounts: u64,
    /// Live sessions at gateways.
    pub sessions: u64,
    /// Position of the newest event.
    pub position: Position,
}

/// Which records to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tokens in order of serial.
    Tokens,
    /// Accounts in order of name.
    Accounts,
    /// Other names of accounts, in order.
    Aliases,
    /// Live sessions at gateways, in order of id.
    Sessions,
}

/// A store of records and events.
pub trait Store: Send {
    /// Lets each of `group` decide, in this order, each on what those before it left, and makes
    /// all changes durable before it returns. One outcome for each, in the same order.
    ///
    /// [`StoreError::Fatal`] means that nothing may be told to anybody and the process must end.
    fn commit(&mut self, group: &mut [&mut dyn Decider]) -> Result<Vec<Outcome>, StoreError>;

    /// Reads records as they are after the last commit.
    fn view(&self) -> &dyn View;

    /// At most `limit` records of `kind` whose keys come behind `after`, in rising order; fewer only
    /// at the end. A record that is damaged is left out: it must not be in the way of the others.
    /// [`View::record`] says that it is, and so do [`Self::warnings`].
    fn list(
        &self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// The event at `position`, if there is one.
    fn event(&self, position: Position) -> Result<Option<Event>, StoreError>;

    /// Events before `before` (or the newest), newest first, for which `wanted` says yes: at most
    /// `limit`, looking at no more than `look` events. Also tells where to go on, if there is more.
    fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError>;

    /// The chain hash of the event at `position`, if there is an event and a chain.
    fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError>;

    /// How often the store was restored from a backup.
    fn epoch(&self) -> u32;

    /// How much there is.
    fn counts(&self) -> Counts;

    /// What needs an operator's attention; empty when all is well.
    fn warnings(&self) -> Vec<String>;

    /// Whether [`Self::idle`] has something to do when nobody asks for anything.
    fn wants_idle(&self) -> bool {
        false
    }

    /// Called now and then while nobody asks for anything, and only if it is wanted: a checkpoint
    /// that is due, say.
    fn idle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Some events, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<(Position, Event)>,
    /// Where to go on, unless this was the oldest.
    pub more_before: Option<Position>,
}
