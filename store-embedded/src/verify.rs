//! Verifies a journal offline: from the files alone, without any secret, also while a verifier
//! writes to them. It does what opening does, and more: octets without meaning must be as they
//! were written, and signed statements must be true.

use std::path::{Path, PathBuf};

use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::event::Event;
use sekisho_verifier::note::PublicKey;
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

/// What a journal was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which store.
    pub store: [u8; 16],
    /// How often it was restored from a backup.
    pub epoch: u32,
    /// So many segments.
    pub segments: u64,
    /// So many of them are compressed.
    pub compressed: u64,
    /// Position of the first frame that is there; above 1 when older ones were removed.
    pub first: Position,
    /// Position of the last frame.
    pub last: Position,
    /// Its chain hash.
    pub hash: Hash,
    /// So many events.
    pub events: u64,
    /// Time of the first event.
    pub oldest: Option<Time>,
    /// Time of the last event.
    pub newest: Option<Time>,
    /// So many checkpoints stand in the journal.
    pub checkpoints: u64,
    /// The last statement that holds: everything up to its position is as it was when that was
    /// signed. Whether its signature was looked at is told by [`Self::signatures`].
    pub signed: Option<Checkpoint>,
    /// So many signatures were verified; none without a key.
    pub signatures: u64,
    /// So many events stand behind [`Self::signed`]: only the chain speaks for them.
    pub unsigned_events: u64,
    /// Position that the snapshot stands for, if there is one.
    pub snapshot: Option<Position>,
    /// So many statements from elsewhere were compared.
    pub elsewhere: u64,
    /// So many octets at the end are of a group that is being written, or was when the power went
    /// off. It was never acknowledged; this is no fault.
    pub torn_octets: u64,
}

/// What is wrong, in the first bad place. The text has two lines; the second one says the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// In which file.
    pub file: PathBuf,
    /// At which octet of it; of what is in it, if it is compressed.
    pub octet: Option<u64>,
    /// At which position of the journal.
    pub position: Option<Position>,
    /// What it is, in plain words, and the way out.
    pub text: String,
}

/// Verifies the journal in the data folder `data`. Signatures are verified by `key`; without it
/// only what the statements say is compared. `elsewhere` are signed statements that were kept
/// outside: from the system log, say. `progress` is told octets done and octets in all.
pub fn verify(
    data: &Path,
    key: Option<&PublicKey>,
    elsewhere: &[String],
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Verified, Fault> {
    let _ = (key, elsewhere, progress);
    Err(Fault {
        file: data.into(),
        octet: None,
        position: None,
        text: String::new(),
    })
}

/// What stands at a position of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// An event.
    Event(Box<FoundEvent>),
    /// Something else than an event, or nothing: no receipt has this number.
    NoEvent,
    /// Older than what is kept: segments up to there were removed.
    Removed {
        /// The first position that is kept.
        first: Position,
    },
    /// Behind the end of the journal.
    Behind {
        /// The last position.
        last: Position,
    },
}

/// An event, and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEvent {
    /// The event.
    pub event: Event,
    /// Its chain hash.
    pub hash: Hash,
    /// The first checkpoint behind it; the chain from the event to there was verified, and the
    /// signature as well if there was a key.
    pub checkpoint: Option<Checkpoint>,
}

/// Looks up what stands at `position`, and whether a checkpoint vouches for it.
pub fn find(data: &Path, position: Position, key: Option<&PublicKey>) -> Result<Lookup, Fault> {
    let _ = (position, key);
    Err(Fault {
        file: data.into(),
        octet: None,
        position: None,
        text: String::new(),
    })
}
