//! Copies all records as they are at one moment, while decisions go on.
//!
//! The walk goes over the records in the order of their keys, a few at a time. What changes ahead
//! of it is kept as it was, until the walk comes there.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::body::{KeyOctets, ValueOctets};

/// So much of what was there before is kept. More changes only when nearly everything does, while
/// a snapshot is made that takes seconds.
pub(crate) const KEPT_OCTETS_MAX: usize = 256 << 20;
/// What an entry takes besides its octets, about.
const ENTRY_OCTETS: usize = 128;

/// An entry: what is found by a key.
pub(crate) type Entry = (KeyOctets, ValueOctets);

/// Too much has changed since the walk began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyChanges;

/// A walk that has begun.
#[derive(Debug)]
pub(crate) struct Walk {
    /// All up to here have been copied; `None` before the first.
    taken: Option<KeyOctets>,
    /// What was there in the beginning, where it has changed since; `None` for nothing.
    before: BTreeMap<KeyOctets, Option<ValueOctets>>,
    octets: usize,
    octets_max: usize,
}

impl Walk {
    /// Begins: what is copied is what is there now.
    pub(crate) fn new(octets_max: usize) -> Self {
        Self {
            taken: None,
            before: BTreeMap::new(),
            octets: 0,
            octets_max,
        }
    }

    /// What is found by `key` is about to change from `old`.
    pub(crate) fn note(&mut self, key: &[u8], old: Option<&[u8]>) {
        let behind = self.taken.as_deref().is_some_and(|taken| key <= taken);
        if behind || self.is_lost() || self.before.contains_key(key) {
            return;
        }
        self.octets += octets(key, old);
        self.before.insert(key.into(), old.map(Into::into));
        if self.is_lost() {
            self.before.clear();
        }
    }

    fn is_lost(&self) -> bool {
        self.octets > self.octets_max
    }

    /// The next entries, about `limit` of them, perhaps none; `None` at the end.
    pub(crate) fn take(
        &mut self,
        map: &BTreeMap<KeyOctets, ValueOctets>,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>, TooManyChanges> {
        if self.is_lost() {
            return Err(TooManyChanges);
        }
        if self.taken.as_deref() == Some(END) {
            return Ok(None);
        }
        Ok(Some(self.next(map, limit)))
    }

    fn next(&mut self, map: &BTreeMap<KeyOctets, ValueOctets>, limit: usize) -> Vec<Entry> {
        let from: Bound<&[u8]> = match &self.taken {
            None => Bound::Unbounded,
            Some(taken) => Bound::Excluded(taken),
        };
        let mut walk = map.range::<[u8], _>((from, Bound::Unbounded));
        let now: Vec<_> = walk.by_ref().take(limit).collect();
        // Behind the last of all there may still be some that were removed since.
        let last = walk.next().and(now.last()).map(|(key, _)| (*key).clone());
        let later = match &last {
            Some(last) => self.before.split_off::<[u8]>(&behind(last)),
            None => BTreeMap::new(),
        };
        let before = std::mem::replace(&mut self.before, later);
        for (key, value) in &before {
            self.octets -= octets(key, value.as_deref());
        }
        let entries = merge(&now, before);
        self.taken = last.or_else(|| Some(END.into()));
        entries
    }
}

/// Behind all keys.
const END: &[u8] = &[u8::MAX];

/// The first key behind `key`.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

fn octets(key: &[u8], value: Option<&[u8]>) -> usize {
    key.len() + value.map_or(0, <[u8]>::len) + ENTRY_OCTETS
}

/// What is there, or was where that is known, in the order of the keys.
fn merge(
    now: &[(&KeyOctets, &ValueOctets)],
    before: BTreeMap<KeyOctets, Option<ValueOctets>>,
) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(now.len());
    let mut now = now.iter().peekable();
    for (key, value) in before {
        while let Some((next, value)) = now.next_if(|(next, _)| **next < key) {
            entries.push(((*next).clone(), (*value).clone()));
        }
        now.next_if(|(next, _)| **next == key);
        entries.extend(value.map(|value| (key, value)));
    }
    entries.extend(now.map(|(key, value)| ((*key).clone(), (*value).clone())));
    entries
}
