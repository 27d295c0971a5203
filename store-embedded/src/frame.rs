//! Frames: what the journal is made of. `docs/formats/journal.md` has the lay-out.
//!
//! A frame carries its position, that of the first frame of its group, and the hash of the frame
//! before it. The first tells a gap, the second tells the torn tail of a group that was never
//! acknowledged from damage, and the third makes of all frames one chain.

use sha2::{Digest, Sha256};

/// Octets before the body.
pub(crate) const HEAD_OCTETS: usize = 64;
/// The longest body. Larger changes are split.
pub(crate) const BODY_OCTETS_MAX: usize = 4 << 20;
/// Frames begin at multiples of this, so that a sector never holds less than this of a frame.
pub(crate) const ALIGNMENT: usize = 8;
/// Fills up the last octets of a frame, at least one. It is not zero, so that the last sector of a
/// frame that was written never reads like one that was not.
const PADDING: u8 = 0xFF;
const FLAG_LAST_OF_GROUP: u8 = 1;
/// Kinds from here on have no effect on records, and may be skipped by who does not know them.
const KIND_WITHOUT_EFFECT: u8 = 128;
const CHECKPOINT: u8 = KIND_WITHOUT_EFFECT;

/// SHA-256 over a frame without its padding.
pub(crate) type ChainHash = [u8; 32];

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// An event, with (the rest of) its records.
    Change,
    /// Records of a change that is too large for one frame; of effect only with the change.
    Part,
    /// The last frame of a segment.
    Seal,
    /// A signed statement of how far the journal reached.
    Checkpoint,
    /// A later kind that has no effect on records.
    WithoutEffect(u8),
}

impl FrameKind {
    pub(crate) fn octet(self) -> u8 {
        match self {
            Self::Change => 1,
            Self::Part => 2,
            Self::Seal => 3,
            Self::Checkpoint => CHECKPOINT,
            Self::WithoutEffect(octet) => octet,
        }
    }

    fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Change),
            2 => Some(Self::Part),
            3 => Some(Self::Seal),
            CHECKPOINT => Some(Self::Checkpoint),
            _ if octet > CHECKPOINT => Some(Self::WithoutEffect(octet)),
            _ => None,
        }
    }
}

/// What stands before the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) body_octets: usize,
    pub(crate) position: u64,
    /// Position of the first frame of the group.
    pub(crate) group: u64,
    pub(crate) kind: FrameKind,
    pub(crate) last_of_group: bool,
    body_crc: u32,
    /// Chain hash of the frame before.
    pub(crate) previous: ChainHash,
}

impl Head {
    /// Octets of the frame with its padding.
    pub(crate) fn frame_octets(&self) -> u64 {
        padded(HEAD_OCTETS + self.body_octets) as u64
    }

    /// Whether `body` is what was written.
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        body.len() == self.body_octets && crc32c::crc32c(body) == self.body_crc
    }

    /// Whether this was written as a head, but not by this version: its checksum is right, and
    /// what it says makes no sense here. It is never the torn end of a write of ours.
    pub(crate) fn is_of_later_version(octets: &[u8; HEAD_OCTETS]) -> bool {
        checksum_is_right(octets) && Self::parse(octets).is_none()
    }

    /// Reads a head whose own checksum is right.
    pub(crate) fn parse(octets: &[u8; HEAD_OCTETS]) -> Option<Self> {
        if !checksum_is_right(octets) {
            return None;
        }
        let (kind, flags, reserved) = (octets[24], octets[25], &octets[26..28]);
        let body_octets = u32_at(octets, 4) as usize;
        let known = flags & !FLAG_LAST_OF_GROUP == 0 && reserved == [0, 0];
        if !known || body_octets > BODY_OCTETS_MAX {
            return None;
        }
        let mut previous = [0; 32];
        previous.copy_from_slice(&octets[32..]);
        Some(Self {
            body_octets,
            position: u64_at(octets, 8),
            group: u64_at(octets, 16),
            kind: FrameKind::from_octet(kind)?,
            last_of_group: flags & FLAG_LAST_OF_GROUP != 0,
            body_crc: u32_at(octets, 28),
            previous,
        })
    }
}

fn checksum_is_right(head: &[u8; HEAD_OCTETS]) -> bool {
    crc32c::crc32c(&head[4..]) == u32_at(head, 0)
}

/// Makes room for a head at the end of `out`; the body is appended by the caller.
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    debug_assert_eq!(out.len() % ALIGNMENT, 0);
    let start = out.len();
    out.resize(start + HEAD_OCTETS, 0);
    start
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: u64,
    pub(crate) group: u64,
    pub(crate) last_of_group: bool,
    pub(crate) previous: ChainHash,
}

/// Fills in the head of the frame that begins at `start` and ends at `end`. Returns its hash.
pub(crate) fn finish(frame: &mut [u8], kind: FrameKind, place: &Place) -> ChainHash {
    let (head, body) = frame.split_at_mut(HEAD_OCTETS);
    // Bodies are bounded far below 4 GiB.
    head[4..8].copy_from_slice(&(body.len() as u32).to_be_bytes());
    head[8..16].copy_from_slice(&place.position.to_be_bytes());
    head[16..24].copy_from_slice(&place.group.to_be_bytes());
    head[24] = kind.octet();
    head[25] = u8::from(place.last_of_group) * FLAG_LAST_OF_GROUP;
    head[28..32].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    head[32..64].copy_from_slice(&place.previous);
    let crc = crc32c::crc32c(&head[4..]);
    head[..4].copy_from_slice(&crc.to_be_bytes());
    hash(frame)
}

/// Fills up to the next multiple of [`ALIGNMENT`], with at least one octet.
pub(crate) fn pad(out: &mut Vec<u8>) {
    out.resize(padded(out.len()), PADDING);
}

/// Whether this is what stands between a body and the next frame.
pub(crate) fn is_filled(filling: &[u8]) -> bool {
    filling.iter().all(|&octet| octet == PADDING)
}

const fn padded(octets: usize) -> usize {
    (octets / ALIGNMENT + 1) * ALIGNMENT
}

/// The chain hash of a frame without its padding.
pub(crate) fn hash(frame: &[u8]) -> ChainHash {
    Sha256::digest(frame).into()
}

pub(crate) fn u32_at(octets: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&octets[at..at + 4]);
    u32::from_be_bytes(word)
}

pub(crate) fn u64_at(octets: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&octets[at..at + 8]);
    u64::from_be_bytes(word)
}
