//! The store: decides on records in memory, and commits to the journal.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sekisho_verifier::checkpoint::Hash;
use sekisho_verifier::event::{Event, RequestKey};
use sekisho_verifier::note::Signer;
use sekisho_verifier::store::{
    Change, Counts, Decider, EventPage, Key, Kind, Outcome, Position, Record, Store, StoreError,
    View,
};
use sekisho_verifier::time::Time;

use crate::audit::Audit;
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

/// A store in a folder of one machine.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    journal: Journal,
    audit: Arc<Audit>,
    indexer: Option<Indexer>,
    /// Why the last group could not be written, if it could not.
    not_written: Option<String>,
    opened: Opened,
    epoch: u32,
    pub(crate) signer: Option<Arc<Signer>>,
    /// Ends the lock when everything else is closed.
    pub(crate) folder: Option<DataFolder>,
}

impl EmbeddedStore {
    /// Opens the store in the folder `data`, which must exist and be ours; makes a new store if
    /// the folder is empty.
    pub fn open(data: &Path, options: Options) -> Result<Self, OpenError> {
        open::open(data, options)
    }

    pub(crate) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        audit: Arc<Audit>,
        indexer: Option<Indexer>,
        opened: Opened,
    ) -> Self {
        Self {
            epoch: journal.epoch(),
            shared,
            journal,
            audit,
            indexer,
            not_written: None,
            opened,
            signer: None,
            folder: None,
        }
    }

    /// What opening came upon.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Which store this is.
    pub fn id(&self) -> [u8; 16] {
        self.journal.store()
    }

    /// Signs in the name of this store, if it was given a key.
    pub fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.clone()
    }

    /// Reads events beside the store, in another thread.
    pub fn audit(&self) -> AuditReader {
        AuditReader(Arc::clone(&self.audit))
    }

    /// Looks after the files of the journal beside the store, in another thread.
    pub fn keeper(&self) -> Keeper {
        Keeper::new()
    }

    /// Brings the index up to date and closes the store, so that the next start is quick. A store
    /// that is dropped loses nothing either.
    pub fn close(mut self) {
        self.stop(Stop::UpToDate);
    }

    fn stop(&mut self, how: Stop) {
        if let Some(indexer) = &mut self.indexer {
            indexer.stop(how);
        }
    }

    /// Lets everybody decide, and writes what they want. On an error the records are as before.
    fn write_group(
        &mut self,
        state: &mut State,
        deciders: &mut [&mut dyn Decider],
    ) -> Result<Vec<Outcome>, CommitError> {
        let mut group = self.journal.begin()?;
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
            outcomes.push(match decider.decide(&state.records) {
                Ok(None) => Outcome::Nothing,
                Ok(Some(change)) if records_in(&change) > CHANGE_RECORDS_MAX => Outcome::NotApplied,
                Ok(Some(change)) => Outcome::Applied(self.apply(state, change, group, undo)?),
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
        let journal = &mut self.journal;
        let records = &mut state.records;
        let position = group.change(
            change,
            &mut |step| records.apply(step, undo),
            &mut |group| journal.flush(group),
        )?;
        records.happened(&event, position);
        Ok(position)
    }

    fn committed(&mut self, state: &mut State) {
        self.not_written = None;
        state.point = Some(*self.journal.point());
        state.committed = Some(Instant::now());
        state.behind_octets += self.journal.last_octets();
        self.shared.hand_over(state);
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
        match self.write_group(&mut state, group) {
            Ok(outcomes) => {
                if self.journal.point().position != before {
                    self.committed(&mut state);
                }
                Ok(outcomes)
            }
            Err(CommitError::NotWritten(error)) => {
                self.not_written = Some(error.to_string());
                // A segment may have been sealed all the same.
                state.point = Some(*self.journal.point());
                Ok(vec![Outcome::NotApplied; group.len()])
            }
            Err(CommitError::Fatal) => {
                state.fatal = true;
                Err(StoreError::Fatal)
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
        self.readable()?.records.list(kind, after, limit)
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
        self.epoch
    }

    fn counts(&self) -> Counts {
        self.shared.lock().records.counts()
    }

    fn warnings(&self) -> Vec<String> {
        let state = self.shared.lock();
        let fatal = state
            .fatal
            .then(|| "the disk failed: what is durable is not known; restart the verifier".into());
        let not_written = self.not_written.as_ref().map(|error| {
            format!("the journal cannot be written ({error}): nobody can log in until it can")
        });
        let index = state.warning.clone();
        [fatal, not_written, index].into_iter().flatten().collect()
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
