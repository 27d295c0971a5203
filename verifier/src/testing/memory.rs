//! A store in memory: the model that the durable ones are compared with.

use std::collections::BTreeMap;
use std::ops::Bound;

use sha2::{Digest, Sha256};

use crate::checkpoint::Hash;
use crate::event::{Event, OperationEvent, RequestKey, What};
use crate::store::{
    Change, Counts, Decider, EventPage, Key, Kind, Outcome, Position, REQUESTS_KEPT, Record, Store,
    StoreError, View,
};
use crate::time::Time;

/// Records and events in memory. Nothing is durable.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    records: BTreeMap<Key, Record>,
    /// The event at position `n` is at index `n - 1`.
    events: Vec<Event>,
    newest: Option<Time>,
    requests: BTreeMap<(u32, RequestKey), Position>,
    epoch: u32,
}

impl MemoryStore {
    /// An empty store of epoch 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store whose receipts belong to `epoch`.
    pub fn in_epoch(epoch: u32) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// All records in order of key.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    fn apply(&mut self, change: Change) -> Position {
        for record in change.written {
            self.records.insert(record.key(), record);
        }
        for key in &change.removed {
            self.records.remove(key);
        }
        self.newest = change.event.newest(self.newest);
        self.remember_request(&change.event);
        self.events.push(change.event);
        self.position()
    }

    fn remember_request(&mut self, event: &Event) {
        let What::Operation(OperationEvent {
            actor,
            request: Some(key),
            ..
        }) = &event.what
        else {
            return;
        };
        let position = self.position() + 1;
        self.requests.insert((actor.uid, key.clone()), position);
        if self.requests.len() > REQUESTS_KEPT {
            let oldest = self.requests.iter().min_by_key(|(_, position)| **position);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| self.requests.remove(&key));
        }
    }

    fn position(&self) -> Position {
        self.events.len() as Position
    }
}

impl View for MemoryStore {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        Ok(self.records.get(key).cloned())
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        Ok(self.newest)
    }

    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError> {
        Ok(self.requests.get(&(uid, key.clone())).copied())
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, group: &mut [&mut dyn Decider]) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(group.len());
        for decider in group {
            outcomes.push(match decider.decide(self) {
                Ok(Some(change)) => Outcome::Applied(self.apply(change)),
                Ok(None) => Outcome::Nothing,
                Err(StoreError::Fatal) => return Err(StoreError::Fatal),
                Err(_) => Outcome::NotApplied,
            });
        }
        Ok(outcomes)
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
        let of_kind = |key: &Key| match kind {
            Kind::Tokens => matches!(key, Key::Token(_)),
            Kind::Accounts => matches!(key, Key::Account(_)),
            Kind::Aliases => matches!(key, Key::Alias(_)),
            Kind::Sessions => matches!(key, Key::Session(_)),
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.records.range((from, Bound::Unbounded));
        let wanted = behind.filter(|(key, _)| of_kind(key)).take(limit);
        Ok(wanted.map(|(_, record)| record.clone()).collect())
    }

    fn event(&self, position: Position) -> Result<Option<Event>, StoreError> {
        let index = position.checked_sub(1).map(usize::try_from);
        let Some(Ok(index)) = index else {
            return Ok(None);
        };
        Ok(self.events.get(index).cloned())
    }

    fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError> {
        let behind = self.position() + 1;
        let mut next = before.unwrap_or(behind).clamp(1, behind);
        let mut page = EventPage::default();
        let mut looked = 0;
        while next > 1 && looked < look && page.events.len() < limit {
            next -= 1;
            looked += 1;
            if let Some(event) = self.event(next)?.filter(wanted) {
                page.events.push((next, event));
            }
        }
        page.more_before = (next > 1).then_some(next);
        Ok(page)
    }

    /// Hashed anew each time, from the first event on.
    fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        let count = usize::try_from(position).unwrap_or(usize::MAX);
        if count == 0 || count > self.events.len() {
            return Ok(None);
        }
        let mut hash = Hash::default();
        for event in &self.events[..count] {
            let event = minicbor::to_vec(event).map_err(|_| StoreError::Corrupt)?;
            let next = Sha256::new().chain_update(hash).chain_update(event);
            hash = next.finalize().into();
        }
        Ok(Some(hash))
    }

    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn counts(&self) -> Counts {
        let count = |wanted: fn(&Record) -> bool| {
            self.records
                .values()
                .filter(|record| wanted(record))
                .count() as u64
        };
        Counts {
            tokens: count(|record| matches!(record, Record::Token(_))),
            accounts: count(|record| matches!(record, Record::Account(_))),
            sessions: count(|record| matches!(record, Record::Session(_))),
            position: self.position(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
