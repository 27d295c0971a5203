//! The index: records as they were at some position of the journal, so that a start need not
//! replay everything. It is disposable: what is in doubt is thrown away and rebuilt.

use std::fmt;

use minicbor::{Decode, Encode};
use sekisho_verifier::seal::{DataKey, Keyring, TAG_OCTETS, Tag};
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

use crate::body::Step;
use crate::frame::ChainHash;
use crate::records::Summary;
use crate::recovery::{GroupPlace, Point};
use crate::segment::StoreId;
use crate::tracker::Sum;

/// Something that keeps entries, and one mark.
pub(crate) trait Index: Send + fmt::Debug {
    /// The mark, if there is one.
    fn mark(&mut self) -> Result<Option<Vec<u8>>, IndexError>;
    /// Gives all entries but the mark.
    fn load(&mut self, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), IndexError>;
    /// Writes entries and mark, all or nothing.
    fn write(&mut self, steps: Vec<Step>, mark: &[u8]) -> Result<(), IndexError>;
    /// Makes all that was written durable.
    fn sync(&mut self) -> Result<(), IndexError>;
    /// How much space it takes.
    fn octets(&self) -> u64;
    /// Throws everything away.
    fn clear(&mut self) -> Result<(), IndexError>;
}

/// Why the index can not be used; for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct IndexError(pub(crate) String);

/// What the index stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) store: StoreId,
    pub(crate) epoch: u32,
    /// All changes up to here are in the entries. `None` while it is filled for the first time.
    pub(crate) base: Option<Base>,
    /// Some entries may be as new as this.
    pub(crate) seen: Position,
    /// Sum of the digests of all entries.
    pub(crate) sum: Sum,
}

/// A point of the journal, and what was known there besides the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) point: Point,
    pub(crate) summary: Summary,
}

const MARK_FORMAT: u32 = 2;
/// What the mark is tagged under; no key of a record is like it.
const MARK_NAME: &[u8] = b"index mark";

#[derive(Encode, Decode)]
struct StoredMark {
    #[n(0)]
    format: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    store: StoreId,
    #[n(2)]
    epoch: u32,
    #[n(3)]
    base: Option<StoredBase>,
    #[n(4)]
    seen: u64,
    #[cbor(n(5), with = "minicbor::bytes")]
    sum: [u8; 16],
}

#[derive(Encode, Decode)]
struct StoredBase {
    #[n(0)]
    position: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    hash: ChainHash,
    #[n(2)]
    segment: u64,
    #[n(3)]
    offset: u64,
    #[n(4)]
    event: u64,
    #[n(5)]
    newest: Option<Time>,
}

impl Mark {
    /// CBOR and its tag. Nobody without the key can make the index stand for what it does not
    /// hold: the sum of all entries is in it.
    pub(crate) fn octets(&self, key: &DataKey) -> Vec<u8> {
        let stored = StoredMark {
            format: MARK_FORMAT,
            store: self.store,
            epoch: self.epoch,
            base: self.base.map(StoredBase::from),
            seen: self.seen,
            sum: self.sum.to_be_bytes(),
        };
        let mut octets = Vec::new();
        crate::body::append(&mut octets, &stored);
        let tag = key.tag(MARK_NAME, &octets);
        octets.extend_from_slice(tag.octets());
        octets
    }

    /// Reads a mark, if it is one.
    pub(crate) fn parse(octets: &[u8], keyring: &Keyring) -> Option<Self> {
        let (body, tag) = octets.split_last_chunk::<TAG_OCTETS>()?;
        let tag = Tag::from_octets(*tag);
        keyring.check(MARK_NAME, body, &tag).ok()?;
        let stored: StoredMark = minicbor::decode(body).ok()?;
        (stored.format == MARK_FORMAT).then(|| Self {
            store: stored.store,
            epoch: stored.epoch,
            base: stored.base.map(Base::from),
            seen: stored.seen,
            sum: Sum::from_be_bytes(stored.sum),
        })
    }
}

impl From<Base> for StoredBase {
    fn from(base: Base) -> Self {
        let group = base.point.group;
        Self {
            position: base.point.position,
            hash: base.point.hash,
            segment: group.map_or(0, |group| group.segment),
            offset: group.map_or(0, |group| group.offset),
            event: base.summary.position,
            newest: base.summary.newest,
        }
    }
}

impl From<StoredBase> for Base {
    fn from(stored: StoredBase) -> Self {
        let group = (stored.segment > 0).then_some(GroupPlace {
            segment: stored.segment,
            offset: stored.offset,
        });
        Self {
            point: Point {
                position: stored.position,
                hash: stored.hash,
                group,
            },
            summary: Summary {
                newest: stored.newest,
                position: stored.event,
            },
        }
    }
}
