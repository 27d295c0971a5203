//! All live records in memory, as octets: decisions never wait for a disk to read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use sekisho_verifier::event::{Event, OperationEvent, RequestKey, What};
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::store::{
    Counts, Key, Kind, Position, REQUESTS_KEPT, Record, StoreError, View,
};
use sekisho_verifier::time::Time;

use crate::body::{self, KeyOctets, Step, ValueOctets, key_octets, kind_octet, request_octets};
use crate::misfits::Misfits;
use crate::tracker::{Digests, Tracker};
use crate::walk::{Entry, KEPT_OCTETS_MAX, TooManyChanges, Walk};

/// Records, and what is known about all of them together.
#[derive(Debug)]
pub(crate) struct Records {
    keyring: Arc<Keyring>,
    /// Records, and the positions of requests.
    map: BTreeMap<KeyOctets, ValueOctets>,
    /// Requests by position, so that the oldest is found.
    requests: BTreeMap<Position, KeyOctets>,
    /// Found out while reading.
    misfits: RefCell<Misfits>,
    tokens: u64,
    accounts: u64,
    sessions: u64,
    octets: u64,
    summary: Summary,
    tracker: Tracker,
    /// A snapshot that is being made.
    walk: Option<Walk>,
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
    /// None yet; their tags are checked with `keyring`.
    pub(crate) fn new(keyring: Arc<Keyring>, digests: Digests) -> Self {
        Self {
            keyring,
            map: BTreeMap::new(),
            requests: BTreeMap::new(),
            misfits: RefCell::default(),
            tokens: 0,
            accounts: 0,
            sessions: 0,
            octets: 0,
            summary: Summary::default(),
            tracker: Tracker::new(digests),
            walk: None,
        }
    }

    /// What checks the tags.
    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

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
        self.summary.newest = event.newest(self.summary.newest);
        self.summary.position = position;
    }

    /// What an event changes besides the records of its change: it may carry an idempotency key,
    /// and then an older one is forgotten.
    pub(crate) fn requested(&self, event: &Event, position: Position) -> Vec<Step> {
        let What::Operation(OperationEvent {
            actor,
            request: Some(key),
            ..
        }) = &event.what
        else {
            return Vec::new();
        };
        let key = request_octets(actor.uid, key);
        let mut steps = Vec::new();
        if self.requests.len() >= REQUESTS_KEPT
            && !self.map.contains_key(&key)
            && let Some((_, oldest)) = self.requests.first_key_value()
        {
            steps.push((oldest.clone(), None));
        }
        steps.push((key, Some(position.to_be_bytes().into())));
        steps
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
        self.misfits.get_mut().forget(&key);
        if body::is_request(&key) {
            self.note_request(&key, value.as_deref());
        }
        let old = match self.map.get_mut(&key) {
            Some(stored) => {
                self.tracker.note(&key, Some(stored));
                if let Some(walk) = &mut self.walk {
                    walk.note(&key, Some(stored));
                }
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
                if let Some(walk) = &mut self.walk {
                    walk.note(&key, None);
                }
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
        if body::is_request(&key) {
            self.note_request(&key, Some(&value));
        }
        self.insert(key, value);
    }

    /// Takes what goes with the records from the index.
    pub(crate) fn set_summary(&mut self, summary: Summary) {
        self.summary = summary;
    }

    fn note_request(&mut self, key: &[u8], value: Option<&[u8]>) {
        let old = self.map.get(key);
        if let Some(old) = old.and_then(|old| body::request_position(old)) {
            self.requests.remove(&old);
        }
        if let Some(position) = value.and_then(body::request_position) {
            self.requests.insert(position, key.into());
        }
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
        let counts = [
            (Kind::Tokens, &mut self.tokens),
            (Kind::Accounts, &mut self.accounts),
            (Kind::Sessions, &mut self.sessions),
        ];
        let counted = |(of, count)| (kind == kind_octet(of)).then_some(count);
        counts.into_iter().find_map(counted)
    }

    /// At most `limit` records of `kind` behind `after`; fewer only at the end. Those that are not
    /// what was written are left out, so that one of them does not stop whoever needs the others.
    pub(crate) fn list(&self, kind: Kind, after: Option<&Key>, limit: usize) -> Vec<Record> {
        let beginning: KeyOctets = [kind_octet(kind)].into();
        let after = after.map(key_octets).filter(|after| *after > beginning);
        let from = after.unwrap_or(beginning);
        let behind: Bound<&[u8]> = Bound::Excluded(&from);
        self.map
            .range::<[u8], _>((behind, Bound::Unbounded))
            .take_while(|(key, _)| key.first() == Some(&kind_octet(kind)))
            .filter_map(|(key, value)| self.read(key, value).ok())
            .take(limit)
            .collect()
    }

    fn read(&self, key: &[u8], value: &[u8]) -> Result<Record, StoreError> {
        let read = body::record(&self.keyring, key, value);
        if read.is_err() {
            self.misfits.borrow_mut().note(key);
        }
        read
    }

    /// Checks up to `limit` entries behind `after`. Returns the last one, or `None` when there
    /// are no more.
    pub(crate) fn scrub(&self, after: Option<&[u8]>, limit: usize) -> Option<KeyOctets> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        let mut checked = 0;
        for (key, value) in self
            .map
            .range::<[u8], _>((from, Bound::Unbounded))
            .take(limit)
        {
            if !body::fits(&self.keyring, key, value) {
                self.misfits.borrow_mut().note(key);
            }
            last = Some(key);
            checked += 1;
        }
        last.filter(|_| checked == limit).cloned()
    }

    /// How many records are not what was written, as far as they have been read, and the names
    /// of the first.
    pub(crate) fn misfits(&self, limit: usize) -> (u64, Vec<String>) {
        self.misfits.borrow().named(limit)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u64 {
        self.map.len() as u64
    }

    /// Which records are not what was written, as far as they have been read.
    pub(crate) fn warning(&self) -> Option<String> {
        self.misfits.borrow().warning()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            tokens: self.tokens,
            accounts: self.accounts,
            sessions: self.sessions,
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

    /// What makes digests of entries of the index.
    pub(crate) fn digests(&self) -> Digests {
        self.tracker.digests().clone()
    }

    /// What the index does not hold yet.
    pub(crate) fn tracker(&mut self) -> &mut Tracker {
        &mut self.tracker
    }

    /// Begins to copy everything as it is now.
    pub(crate) fn begin_walk(&mut self) {
        self.walk = Some(Walk::new(KEPT_OCTETS_MAX));
    }

    /// The next entries of the copy; `None` at the end.
    pub(crate) fn walk(&mut self, limit: usize) -> Result<Option<Vec<Entry>>, TooManyChanges> {
        match &mut self.walk {
            Some(walk) => walk.take(&self.map, limit),
            None => Ok(None),
        }
    }

    /// Ends the copy, or gives it up.
    pub(crate) fn end_walk(&mut self) {
        self.walk = None;
    }

    /// The next records that the index is to take.
    pub(crate) fn changed(&mut self, limit: usize) -> crate::tracker::Chunk {
        self.tracker.take(&self.map, limit)
    }
}

impl View for Records {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let key = key_octets(key);
        let value = self.map.get(&key);
        value.map(|value| self.read(&key, value)).transpose()
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        Ok(self.summary.newest)
    }

    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError> {
        let Some(value) = self.map.get(&request_octets(uid, key)) else {
            return Ok(None);
        };
        let position = body::request_position(value);
        position.map(Some).ok_or(StoreError::Corrupt)
    }
}
