//! Segments: the files that the journal consists of.

use std::ops::Range;

use sekisho_verifier::seal::{DataKey, Keyring, TAG_OCTETS, Tag};
use sha2::{Digest, Sha256};

use crate::frame::{ChainHash, u32_at, u64_at};
use crate::stamp::{self, NO_STAMP};

/// Octets of a segment's header; the first frame begins behind it. A whole sector, so that no
/// later write ever touches it.
pub(crate) const HEADER_OCTETS: usize = 512;
/// The version of the format.
pub(crate) const FORMAT: u32 = 2;

const MAGIC: &[u8; 8] = b"SEKISHOJ";
/// What the stamp stands for.
const STAMPED: Range<usize> = 0..80;
const STAMP: Range<usize> = STAMPED.end..STAMPED.end + TAG_OCTETS;
const RESERVED: Range<usize> = STAMP.end..CRC_AT;
/// What the stamp of a header is made for.
const PURPOSE: &[u8] = b"journal segment\0";
const CRC_AT: usize = HEADER_OCTETS - 4;
const EXTENSION: &str = ".journal";
/// What the chain begins with.
const GENESIS: &[u8] = b"sekisho journal 2\0";

/// The name of a segment that is not yet part of the journal.
pub(crate) const TEMPORARY: &str = "next.tmp";
/// The number of the first segment.
pub(crate) const FIRST: u64 = 1;

/// Which store a file belongs to: 16 random octets.
pub(crate) type StoreId = [u8; 16];

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u32,
    pub(crate) store: StoreId,
    pub(crate) number: u64,
    /// Position of its first frame.
    pub(crate) first_position: u64,
    /// Chain hash of the frame before its first one.
    pub(crate) previous: ChainHash,
    /// As it was read; see [`crate::stamp`]. One that was not written yet has none.
    pub(crate) stamp: Tag,
}

/// Why octets are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    Damaged,
    Format(u32),
}

impl Header {
    /// Of the first segment of a new store.
    pub(crate) fn first(store: StoreId, epoch: u32) -> Self {
        let hash = Sha256::new()
            .chain_update(GENESIS)
            .chain_update(store)
            .chain_update(epoch.to_be_bytes());
        Self {
            epoch,
            store,
            number: FIRST,
            first_position: 1,
            previous: hash.finalize().into(),
            stamp: NO_STAMP,
        }
    }

    /// Whether it is that of the first segment of a store.
    pub(crate) fn is_first(&self) -> bool {
        let first = Self {
            stamp: self.stamp,
            ..Self::first(self.store, self.epoch)
        };
        *self == first
    }

    /// What is written, stamped by `key`.
    pub(crate) fn octets(&self, key: &DataKey) -> [u8; HEADER_OCTETS] {
        let mut octets = [0; HEADER_OCTETS];
        let stamped = self.stamped();
        octets[STAMPED].copy_from_slice(&stamped);
        let stamp = key.tag(PURPOSE, &stamped);
        octets[STAMP].copy_from_slice(stamp.octets());
        let crc = crc32c::crc32c(&octets[..CRC_AT]);
        octets[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
        octets
    }

    /// Whether one of these keys has stamped it; `None` if its key is not among them.
    pub(crate) fn is_stamped(&self, keyring: &Keyring) -> Option<bool> {
        stamp::fits(keyring, PURPOSE, &self.stamped(), &self.stamp)
    }

    fn stamped(&self) -> [u8; STAMPED.end] {
        let mut octets = [0; STAMPED.end];
        octets[..8].copy_from_slice(MAGIC);
        octets[8..12].copy_from_slice(&FORMAT.to_be_bytes());
        octets[12..16].copy_from_slice(&self.epoch.to_be_bytes());
        octets[16..32].copy_from_slice(&self.store);
        octets[32..40].copy_from_slice(&self.number.to_be_bytes());
        octets[40..48].copy_from_slice(&self.first_position.to_be_bytes());
        octets[48..80].copy_from_slice(&self.previous);
        octets
    }

    pub(crate) fn parse(octets: &[u8; HEADER_OCTETS]) -> Result<Self, HeaderError> {
        let intact = crc32c::crc32c(&octets[..CRC_AT]) == u32_at(octets, CRC_AT);
        if !intact || octets[..8] != *MAGIC {
            return Err(HeaderError::Damaged);
        }
        let format = u32_at(octets, 8);
        if format != FORMAT {
            return Err(HeaderError::Format(format));
        }
        if octets[RESERVED].iter().any(|&octet| octet != 0) {
            return Err(HeaderError::Damaged);
        }
        let mut store = [0; 16];
        store.copy_from_slice(&octets[16..32]);
        let mut previous = [0; 32];
        previous.copy_from_slice(&octets[48..80]);
        let mut stamp = [0; TAG_OCTETS];
        stamp.copy_from_slice(&octets[STAMP]);
        Ok(Self {
            epoch: u32_at(octets, 12),
            store,
            number: u64_at(octets, 32),
            first_position: u64_at(octets, 40),
            previous,
            stamp: Tag::from_octets(stamp),
        })
    }
}

/// As `0000000001.journal`.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}{EXTENSION}")
}

/// The number of a segment's file.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(EXTENSION)?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}
