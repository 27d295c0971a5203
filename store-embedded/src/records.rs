//! All live records in memory, as octets: decisions never wait for a disk to read.

use std::collections::BTreeMap;
use std::ops::Bound;

use sekisho_verifier::event::{Event, RequestKey};
use sekisho_verifier::store::{Counts, Key, Kind, Position, Record, StoreError, View};
use sekisho_verifier::time::Time;

use crate::body::{self, KeyOctets, Step, ValueOctets, key_octets, kind_octet};
use crate::tracker::Tracker;

/// Records, and what is known about all of them together.
#[derive(Debug, Default)]
pub(crate) struct Records {
    map: BTreeMap<KeyOctets, ValueOctets>,
    tokens: u64,
    accounts: u64,
    octets: u64,
    summary: Summary,
    tracker: Tracker,
}

/// What is known besides the records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The latest time that the clock was seen at.
    pub(crate) newest: Option<Time>,
    /// Position of the newest event.
    pub(crate) position: Position,
}

/// How to take back what a group has changed.
#[derive(Debug)]
pub(crate) struct Undo {
    steps: Vec<Step>,
    summary: Summary,
}

impl Records {
    /// Begins to take notes for [`Self::undo`].
    pub(crate) fn begin(&self) -> Undo {
        Undo {
            steps: Vec::new(),
            summary: self.summary,
        }
    }

    /// Sets or removes a record.
    pub(crate) fn apply(&mut self, (key, value): Step, undo: &mut Undo) {
        let old = self.put(key.clone(), value);
        undo.steps.push((key, old));
    }

    /// Takes note of an event.
    pub(crate) fn happened(&mut self, event: &Event, position: Position) {
        self.summary.newest = Some(event.newest(self.summary.newest));
        self.summary.position = position;
    }

    /// Takes back everything since [`Self::begin`].
    pub(crate) fn undo(&mut self, undo: Undo) {
        for (key, value) in undo.steps.into_iter().rev() {
            self.put(key, value);
        }
        self.summary = undo.summary;
    }

    /// Sets or removes a record for good. Returns what was there.
    pub(crate) fn put(
        &mut self,
        key: KeyOctets,
        value: Option<ValueOctets>,
    ) -> Option<ValueOctets> {
        let old = match self.map.get_mut(&key) {
            Some(stored) => {
                self.tracker.note(&key, Some(stored));
                match value {
                    Some(value) => {
                        self.octets = self.octets + value.len() as u64 - stored.len() as u64;
                        return Some(std::mem::replace(stored, value));
                    }
                    None => self.map.remove(&key),
                }
            }
            None => {
                self.tracker.note(&key, None);
                None
            }
        };
        match value {
            Some(value) => self.insert(key, value),
            None => self.forget(&key, old.as_deref()),
        }
        old
    }

    /// Takes a record from the index, which must not be told of it.
    pub(crate) fn load(&mut self, key: KeyOctets, value: ValueOctets) {
        self.insert(key, value);
    }

    /// Takes what goes with the records from the index.
    pub(crate) fn set_summary(&mut self, summary: Summary) {
        self.summary = summary;
    }

    fn insert(&mut self, key: KeyOctets, value: ValueOctets) {
        self.octets += (key.len() + value.len()) as u64;
        if let Some(count) = self.count(&key) {
            *count += 1;
        }
        self.map.insert(key, value);
    }

    fn forget(&mut self, key: &[u8], old: Option<&[u8]>) {
        let Some(old) = old else { return };
        self.octets -= (key.len() + old.len()) as u64;
        if let Some(count) = self.count(key) {
            *count -= 1;
        }
    }

    fn count(&mut self, key: &[u8]) -> Option<&mut u64> {
        let kind = *key.first()?;
        if kind == kind_octet(Kind::Tokens) {
            return Some(&mut self.tokens);
        }
        (kind == kind_octet(Kind::Accounts)).then_some(&mut self.accounts)
    }

    /// At most `limit` records of `kind` behind `after`.
    pub(crate) fn list(
        &self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let beginning: KeyOctets = [kind_octet(kind)].into();
        let after = after.map(key_octets).filter(|after| *after > beginning);
        let from = after.unwrap_or(beginning);
        let behind: Bound<&[u8]> = Bound::Excluded(&from);
        self.map
            .range::<[u8], _>((behind, Bound::Unbounded))
            .take_while(|(key, _)| key.first() == Some(&kind_octet(kind)))
            .take(limit)
            .map(|(_, value)| body::record(value).map_err(|_| StoreError::Corrupt))
            .collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            tokens: self.tokens,
            accounts: self.accounts,
            position: self.summary.position,
        }
    }

    /// Octets of all keys and values.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// What the index does not hold yet.
    pub(crate) fn tracker(&mut self) -> &mut Tracker {
        &mut self.tracker
    }

    /// The next records that the index is to take.
    pub(crate) fn changed(&mut self, limit: usize) -> crate::tracker::Chunk {
        self.tracker.take(&self.map, limit)
    }
}

impl View for Records {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        match self.map.get(&key_octets(key)) {
            None => Ok(None),
            Some(value) => body::record(value)
                .map(Some)
                .map_err(|_| StoreError::Corrupt),
        }
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        Ok(self.summary.newest)
    }

    fn request(&self, _: u32, _: &RequestKey) -> Result<Option<Position>, StoreError> {
        Ok(None)
    }
}
