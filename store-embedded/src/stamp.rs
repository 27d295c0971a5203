//! Stamps: what tells that a frame was written by a verifier of this store.
//!
//! The chain and the checksums need no key, so whoever can write to the disk could add a frame that
//! fits, with an old record and its old tag, say. A checkpoint would sign it a moment later. So each
//! frame that bears on records is stamped with a data key, together with the place where it stands;
//! a stamp fits nowhere else.

use sekisho_verifier::seal::{DataKey, Keyring, TAG_OCTETS, Tag};

use crate::frame::{ChainHash, FrameKind};

/// What the key of a stamp begins with; no record is found by such a key.
const PURPOSE: &[u8] = b"journal frame\0";

/// Of what was not written yet.
pub(crate) const NO_STAMP: Tag = Tag::from_octets([0; TAG_OCTETS]);

/// Whether one of these keys has made the stamp; `None` if its key is not among them: it may have
/// been destroyed since.
pub(crate) fn fits(keyring: &Keyring, place: &[u8], octets: &[u8], stamp: &Tag) -> Option<bool> {
    let known = keyring.numbers().contains(&stamp.key_number());
    known.then(|| keyring.check(place, octets, stamp).is_ok())
}

/// Where a frame stands, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamped<'a> {
    pub(crate) kind: FrameKind,
    pub(crate) position: u64,
    /// Chain hash of the frame before.
    pub(crate) previous: &'a ChainHash,
}

impl Stamped<'_> {
    /// What a stamp is found by, as a tag is by the key of its record.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let position = self.position.to_be_bytes();
        [PURPOSE, &[self.kind.octet()], &position, self.previous].concat()
    }

    /// The stamp of a body that begins with these octets.
    pub(crate) fn stamp(&self, key: &DataKey, body: &[u8]) -> Tag {
        key.tag(&self.octets(), body)
    }
}
