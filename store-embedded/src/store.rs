//! The store: decides on records in memory, and commits to the journal.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sekisho_verifier::checkpoint::Hash;
use sekisho_verifier::event::{Event, OperationEvent, OperationKind, RequestKey, What};
use sekisho_verifier::note::Signer;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::store::{
    Change, Counts, Decider, EventPage, Key, Kind, Outcome, Position, Record, Store, StoreError,
    View,
};
use sekisho_verifier::time::Time;

use crate::anchor::{Anchor, Reached};
use crate::audit::Audit;
use crate::body::KeyOctets;
use crate::checkpoints::Teller;
use crate::error::OpenError;
use crate::folder::DataFolder;
use crate::group::Group;
use crate::indexer::{Indexer, Shared, State, Stop};
use crate::journal::{CommitError, Journal};
use crate::keeper::Keeper;
use crate::open::{self, Opened, Options};
use crate::records::Undo;

/// The most records of one change; a larger one is not applied.
pub const CHANGE_RECORDS_MAX: usize = 4_000_000;

/// So many records are checked in one call of `idle`: some milliseconds.
const SCRUB_RECORDS: usize = 4_096;

/// What a store consists of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) journal: Journal,
    pub(crate) audit: Arc<Audit>,
    pub(crate) indexer: Option<Indexer>,
    pub(crate) teller: Teller,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) opened: Opened,
}

/// Why nothing can be written.
#[derive(Debug, Clone)]
enum NotWritten {
    /// The last group, for this reason.
    LastGroup(String),
    /// Nothing but the reserve is left.
    Full(String),
}

impl NotWritten {
    fn because(error: &CommitError) -> Option<Self> {
        match error {
            CommitError::NotWritten(error) => Some(Self::LastGroup(error.to_string())),
            CommitError::Full(error) => Some(Self::Full(error.to_string())),
            CommitError::Fatal => None,
        }
    }

    fn warning(&self) -> String {
        match self {
            Self::LastGroup(error) => {
                format!("the journal cannot be written ({error}): nobody can log in until it can")
            }
            Self::Full(error) => format!(
                "the journal cannot be written ({error}): nobody can log in until there is space \
                 on the disk; tokens can still be stopped, as long as the reserve lasts"
            ),
        }
    }
}

/// How far the check of all records has come that follows opening.
#[derive(Debug)]
enum Scrub {
    /// Behind this key.
    From(Option<KeyOctets>),
    Done,
}

/// A store in a folder of one machine.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    journal: Journal,
    audit: Arc<Audit>,
    indexer: Option<Indexer>,
    keyring: Arc<Keyring>,
    /// Why the last group could not be written, if it could not.
    not_written: Option<NotWritten>,
    pub(crate) teller: Teller,
    anchor: Option<Anchor>,
    scrub: Scrub,
    opened: Opened,
    /// Ends the lock when everything else is closed.
    pub(crate) folder: Option<Arc<DataFolder>>,
}

impl EmbeddedStore {
    /// Opens the store in the folder `data`, which must exist and be ours; makes a new store if
    /// the folder is empty.
    pub fn open(data: &Path, options: Options) -> Result<Self, OpenError> {
        open::open(data, options)
    }

    pub(crate) fn new(parts: Parts) -> Self {
        let keyring = Arc::clone(parts.shared.lock().records.keyring());
        let mut store = Self {
            shared: parts.shared,
            journal: parts.journal,
            audit: parts.audit,
            indexer: parts.indexer,
            keyring,
            not_written: None,
            teller: parts.teller,
            anchor: parts.anchor,
            scrub: Scrub::From(None),
            opened: parts.opened,
            folder: None,
        };
        store.remember();
        store
    }

    /// What opening came upon.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Which store this is.
    pub fn id(&self) -> [u8; 16] {
        self.journal.store()
    }

    /// How far the journal has come.
    pub fn how_far(&self) -> Reached {
        self.journal.reached()
    }

    /// Signs in the name of this store, if it was given a key.
    pub fn signer(&self) -> Option<Arc<Signer>> {
        let signing = self.journal.signing();
        signing.map(|signing| Arc::clone(&signing.signer))
    }

    /// Reads events beside the store, in another thread.
    pub fn audit(&self) -> AuditReader {
        AuditReader(Arc::clone(&self.audit))
    }

    /// Looks after the files of the journal beside the store, in another thread.
    pub fn keeper(&self) -> Keeper {
        Keeper {
            shared: Arc::clone(&self.shared),
            audit: Arc::clone(&self.audit),
            signer: self.signer(),
            store: self.id(),
            epoch: self.journal.epoch(),
            _folder: self.folder.clone(),
        }
    }

    /// Brings the index up to date and closes the store, so that the next start is quick. A store
    /// that is dropped loses nothing either.
    pub fn close(mut self) {
        self.teller.tell_last();
        self.stop(Stop::UpToDate);
    }

    fn stop(&mut self, how: Stop) {
        if let Some(indexer) = &mut self.indexer {
            indexer.stop(how);
        }
    }

    /// Lets everybody decide, and writes what they want. On an error the records are as before.
    /// When the disk is full, those decide again that may use the reserve, and they alone.
    fn write_group(
        &mut self,
        state: &mut State,
        deciders: &mut [&mut dyn Decider],
    ) -> Result<Vec<Outcome>, CommitError> {
        match self.write_all(state, deciders, false) {
            Err(error @ CommitError::Full(_)) => {
                self.not_written = NotWritten::because(&error);
                if deciders.iter().any(|decider| decider.may_use_reserve()) {
                    return self.write_all(state, deciders, true);
                }
                Err(error)
            }
            result => result,
        }
    }

    fn write_all(
        &mut self,
        state: &mut State,
        deciders: &mut [&mut dyn Decider],
        reserve: bool,
    ) -> Result<Vec<Outcome>, CommitError> {
        let mut group = self.journal.begin(reserve)?;
        let mut undo = state.records.begin();
        let result = match self.decide(state, deciders, &mut group, &mut undo) {
            Ok(outcomes) if group.is_empty() => return Ok(outcomes),
            Ok(outcomes) => self.journal.commit(group).map(|()| outcomes),
            Err(Failed::Commit(error)) => Err(error),
            Err(Failed::Decider) => match self.journal.abandon(&group) {
                Ok(()) => Err(CommitError::Fatal),
                Err(error) => Err(error),
            },
        };
        if result.is_err() {
            state.records.undo(undo);
        } else if !reserve {
            self.not_written = None;
        }
        result
    }

    fn decide(
        &mut self,
        state: &mut State,
        deciders: &mut [&mut dyn Decider],
        group: &mut Group,
        undo: &mut Undo,
    ) -> Result<Vec<Outcome>, Failed> {
        let mut outcomes = Vec::with_capacity(deciders.len());
        for decider in deciders {
            if group.may_use_reserve && !decider.may_use_reserve() {
                outcomes.push(Outcome::NotApplied);
                continue;
            }
            outcomes.push(match decider.decide(&state.records) {
                Ok(None) => Outcome::Nothing,
                Ok(Some(change)) if records_in(&change) > CHANGE_RECORDS_MAX => Outcome::NotApplied,
                Ok(Some(change)) => {
                    self.journal.checkpoint_before_change(group);
                    Outcome::Applied(self.apply(state, change, group, undo)?)
                }
                Err(StoreError::Fatal) => return Err(Failed::Decider),
                Err(_) => Outcome::NotApplied,
            });
        }
        Ok(outcomes)
    }

    fn apply(
        &mut self,
        state: &mut State,
        change: Change,
        group: &mut Group,
        undo: &mut Undo,
    ) -> Result<Position, CommitError> {
        let event = change.event.clone();
        // Taken behind the decision, so that no record is tagged by an older key than its seed is
        // sealed by: a rotation goes by the seal.
        let key = self.keyring.current();
        let journal = &mut self.journal;
        let records = &mut state.records;
        let position = group.change(
            change,
            &key,
            &mut |step| records.apply(step, undo),
            &mut |group| journal.flush(group),
        )?;
        for step in records.requested(&event, position) {
            records.apply(step, undo);
        }
        records.happened(&event, position);
        if destroys_a_key(&event) {
            self.journal.checkpoint_before_key_is_gone(group);
        }
        Ok(position)
    }

    fn committed(&mut self, state: &mut State) {
        state.committed = Some(Instant::now());
        state.behind_octets += self.journal.last_octets();
        self.shared.hand_over(state);
    }

    /// Takes note of where the journal ends now.
    fn reached(&mut self, state: &mut State) {
        state.point = *self.journal.point();
        self.remember();
        if let Some(checkpoint) = self.journal.take_checkpoint() {
            self.teller.take(checkpoint);
        }
        self.teller.tell();
    }

    /// Where the journal ends.
    pub(crate) fn end(&self) -> Position {
        self.journal.point().position
    }

    /// The chain hash of a frame of any kind.
    pub(crate) fn frame_hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.audit.frame_hash(position)
    }

    fn remember(&mut self) {
        if let Some(anchor) = &mut self.anchor {
            anchor.remember(&self.journal.reached());
        }
    }

    fn is_full(&self) -> bool {
        matches!(self.not_written, Some(NotWritten::Full(_)))
    }

    /// What is to be done while nobody asks for anything.
    fn tidy(&mut self, state: &mut State) -> Result<(), CommitError> {
        match self.journal.checkpoint_if_due() {
            Ok(true) if !self.is_full() => self.not_written = None,
            Ok(_) => {}
            Err(CommitError::Fatal) => return Err(CommitError::Fatal),
            Err(error) => self.not_written = NotWritten::because(&error),
        }
        if self.is_full() && self.journal.look_for_room()? {
            self.not_written = None;
        }
        if let Scrub::From(after) = &self.scrub {
            let last = state.records.scrub(after.as_deref(), SCRUB_RECORDS);
            self.scrub = last.map_or(Scrub::Done, |last| Scrub::From(Some(last)));
        }
        Ok(())
    }
}

/// Why a group ends early.
enum Failed {
    Commit(CommitError),
    /// A decider says that all is lost.
    Decider,
}

impl From<CommitError> for Failed {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

fn destroys_a_key(event: &Event) -> bool {
    matches!(
        &event.what,
        What::Operation(OperationEvent {
            operation: OperationKind::KeyDestroy,
            ..
        })
    )
}

fn records_in(change: &Change) -> usize {
    change.written.len().saturating_add(change.removed.len())
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.stop(Stop::AtOnce);
    }
}

impl View for EmbeddedStore {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.readable()?.records.record(key)
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        self.readable()?.records.newest()
    }

    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError> {
        self.readable()?.records.request(uid, key)
    }
}

impl EmbeddedStore {
    fn readable(&self) -> Result<std::sync::MutexGuard<'_, State>, StoreError> {
        let state = self.shared.lock();
        if state.fatal {
            return Err(StoreError::Fatal);
        }
        Ok(state)
    }
}

impl Store for EmbeddedStore {
    fn commit(&mut self, group: &mut [&mut dyn Decider]) -> Result<Vec<Outcome>, StoreError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.fatal {
            return Err(StoreError::Fatal);
        }
        let before = self.journal.point().position;
        let result = self.write_group(&mut state, group);
        if matches!(result, Err(CommitError::Fatal)) {
            state.fatal = true;
            return Err(StoreError::Fatal);
        }
        // Also when the group was not written: a segment may have been sealed all the same.
        if self.journal.point().position != before {
            self.reached(&mut state);
        }
        match result {
            Ok(outcomes) => {
                if self.journal.point().position != before {
                    self.committed(&mut state);
                }
                Ok(outcomes)
            }
            Err(error) => {
                self.not_written = NotWritten::because(&error);
                Ok(vec![Outcome::NotApplied; group.len()])
            }
        }
    }

    fn view(&self) -> &dyn View {
        self
    }

    fn list(
        &self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        Ok(self.readable()?.records.list(kind, after, limit))
    }

    fn event(&self, position: Position) -> Result<Option<Event>, StoreError> {
        self.audit.event(position)
    }

    fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError> {
        self.audit.events(before, limit, look, wanted)
    }

    fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.audit.hash(position)
    }

    fn epoch(&self) -> u32 {
        self.journal.epoch()
    }

    fn counts(&self) -> Counts {
        self.shared.lock().records.counts()
    }

    fn warnings(&self) -> Vec<String> {
        let state = self.shared.lock();
        let fatal = state
            .fatal
            .then(|| "the disk failed: what is durable is not known; restart the verifier".into());
        let warnings = [
            fatal,
            self.not_written.as_ref().map(NotWritten::warning),
            state.records.warning(),
            self.anchor.as_ref().and_then(Anchor::warning),
            self.teller.warning(),
            state.warning.clone(),
        ];
        warnings.into_iter().flatten().collect()
    }

    fn wants_idle(&self) -> bool {
        self.journal.wants_checkpoint()
            || self.teller.is_due()
            || self.is_full()
            || matches!(self.scrub, Scrub::From(_))
    }

    fn idle(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.fatal {
            return Err(StoreError::Fatal);
        }
        let tidied = self.tidy(&mut state);
        if tidied.is_err() {
            state.fatal = true;
            return Err(StoreError::Fatal);
        }
        self.reached(&mut state);
        Ok(())
    }
}

/// Reads events from the journal while the store goes on; see [`EmbeddedStore::audit`].
#[derive(Debug, Clone)]
pub struct AuditReader(Arc<Audit>);

impl AuditReader {
    /// As [`Store::event`].
    pub fn event(&self, position: Position) -> Result<Option<Event>, StoreError> {
        self.0.event(position)
    }

    /// As [`Store::hash`].
    pub fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.0.hash(position)
    }

    /// As [`Store::events`].
    pub fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError> {
        self.0.events(before, limit, look, wanted)
    }
}
