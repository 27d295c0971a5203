//! Knows which records the index does not hold as they are, and what it holds in their place.
//!
//! The index is filled while decisions go on, a few records at a time, so it may hold some records
//! newer than the position that it stands for. That does no harm: a replay from that position sets
//! every record that was changed since, in order, to what it is in the end.
//!
//! Each entry of the index has a digest, and the sum of all of them is written with the position.
//! A write that the disk has lost makes the sum wrong, so an index that is older than it says is
//! found and thrown away.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, TAG_OCTETS};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::body::{KeyOctets, Step, ValueOctets};

/// Of the entries of the index; they are added up.
pub(crate) type Sum = u128;

/// What the key of the digests is derived with.
const PURPOSE: &[u8] = b"sekisho index digests 1\0";

/// Which records the index lacks.
#[derive(Debug)]
pub(crate) struct Tracker {
    digests: Digests,
    /// Changed since the run began; with the digest of what the index holds, 0 for nothing.
    changed: BTreeMap<KeyOctets, Sum>,
    /// Changed before the run began, and not yet taken.
    due: BTreeMap<KeyOctets, Sum>,
    pass: Pass,
    sum: Sum,
}

/// Filling an empty index goes once over all records, in order.
#[derive(Debug, Default, PartialEq, Eq)]
enum Pass {
    /// None: the index holds all that was not changed.
    #[default]
    None,
    /// All up to here have been taken; `None` before the first.
    UpTo(Option<KeyOctets>),
}

/// Some records for the index.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) steps: Vec<Step>,
    /// The sum over the index once it holds them.
    pub(crate) sum: Sum,
    /// Nothing is left of the run.
    pub(crate) done: bool,
}

impl Tracker {
    /// Of an index that holds nothing, for records of which there are none.
    pub(crate) fn new(digests: Digests) -> Self {
        Self {
            digests,
            changed: BTreeMap::new(),
            due: BTreeMap::new(),
            pass: Pass::None,
            sum: 0,
        }
    }

    /// What makes digests.
    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The index holds exactly what has been loaded.
    pub(crate) fn index_holds(&mut self, sum: Sum) {
        self.sum = sum;
    }

    /// The index is empty: everything has to be written to it.
    pub(crate) fn index_is_empty(&mut self) {
        *self = Self {
            pass: Pass::UpTo(None),
            ..Self::new(self.digests.clone())
        };
    }

    /// The record of `key` is about to change from `old`.
    pub(crate) fn note(&mut self, key: &[u8], old: Option<&[u8]>) {
        let ahead = match &self.pass {
            Pass::None => false,
            Pass::UpTo(None) => true,
            Pass::UpTo(Some(taken)) => *key > **taken,
        };
        if ahead || self.due.contains_key(key) || self.changed.contains_key(key) {
            return;
        }
        let held = old.map_or(0, |old| self.digests.of(key, old));
        self.changed.insert(key.into(), held);
    }

    /// Whether the index lacks anything.
    pub(crate) fn is_behind(&self) -> bool {
        self.pass != Pass::None || !self.due.is_empty() || !self.changed.is_empty()
    }

    /// Begins a run over all that the index lacks now.
    pub(crate) fn begin_run(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        self.due.append(&mut changed);
    }

    /// The next records of the run.
    pub(crate) fn take(&mut self, map: &BTreeMap<KeyOctets, ValueOctets>, limit: usize) -> Chunk {
        let mut steps = Vec::with_capacity(limit);
        while steps.len() < limit {
            let Some((key, held)) = self.due.pop_first() else {
                break;
            };
            let value = map.get(&key).cloned();
            self.replace(&key, held, value.as_deref());
            steps.push((key, value));
        }
        self.walk(map, limit, &mut steps);
        Chunk {
            steps,
            sum: self.sum,
            done: self.due.is_empty() && self.pass == Pass::None,
        }
    }

    fn walk(
        &mut self,
        map: &BTreeMap<KeyOctets, ValueOctets>,
        limit: usize,
        steps: &mut Vec<Step>,
    ) {
        let Pass::UpTo(taken) = &mut self.pass else {
            return;
        };
        let mut taken = taken.take();
        let from: Bound<&[u8]> = match &taken {
            None => Bound::Unbounded,
            Some(taken) => Bound::Excluded(taken),
        };
        let mut ended = false;
        let mut walk = map.range::<[u8], _>((from, Bound::Unbounded));
        let mut last = None;
        while steps.len() < limit {
            let Some((key, value)) = walk.next() else {
                ended = true;
                break;
            };
            self.sum = self.sum.wrapping_add(self.digests.of(key, value));
            steps.push((key.clone(), Some(value.clone())));
            last = Some(key);
        }
        if let Some(last) = last {
            taken = Some(last.clone());
        }
        self.pass = if ended { Pass::None } else { Pass::UpTo(taken) };
    }

    fn replace(&mut self, key: &[u8], held: Sum, value: Option<&[u8]>) {
        let holds = value.map_or(0, |value| self.digests.of(key, value));
        self.sum = self.sum.wrapping_sub(held).wrapping_add(holds);
    }
}

/// Makes the digests of entries. They are keyed: sums of digests that anybody can compute could be
/// made right again after a change, by entries that are chosen for it. The key is one that no
/// rotation takes away.
#[derive(Debug, Clone)]
pub(crate) struct Digests(Arc<DataKey>);

impl Digests {
    /// From the signing key, or from nothing where there is none.
    pub(crate) fn new(signing_key: Option<&[u8; SIGNING_KEY_OCTETS]>) -> Self {
        let hash = Sha256::new()
            .chain_update(PURPOSE)
            .chain_update(signing_key.map_or(&[][..], |key| &key[..]))
            .finalize();
        let key = Zeroizing::new(<[u8; KEY_OCTETS]>::from(hash));
        Self(Arc::new(DataKey::new(0, &key)))
    }

    /// The digest of an entry.
    pub(crate) fn of(&self, key: &[u8], value: &[u8]) -> Sum {
        let tag = self.0.tag(key, value);
        let mut code = [0; 16];
        code.copy_from_slice(&tag.octets()[TAG_OCTETS - 16..]);
        Sum::from_be_bytes(code)
    }
}
