//! Why a store does not open.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store does not open. The text names the file and what is wrong with it; its second line
/// says the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data folder can not be trusted or used.
    #[error("{}: {}\n{}", path.display(), problem.text(), problem.way_out())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: FolderProblem,
    },
    /// Another process has the store open.
    #[error(
        "{}: another process has the store open\nonly one verifier can use a data folder; stop the other one first",
        path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A file can not be read or written.
    #[error("{}: cannot {doing}: {error}\nmake the file readable and writable for the verifier, check disk and file system, then start again", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        doing: &'static str,
        /// What the system said.
        error: String,
    },
    /// The journal is not what was written.
    #[error("{}: at octet {offset}: {}\n{WAY_OUT}", file.display(), damage.text())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// A segment is not there.
    #[error("{}: this part of the journal is missing\n{WAY_OUT}", file.display())]
    Missing {
        /// The segment.
        file: PathBuf,
    },
    /// A later version of the program wrote the journal.
    #[error(
        "{}: format {format} of the journal is not known to this version\nuse the version that wrote it, or a later one",
        file.display()
    )]
    Format {
        /// The segment.
        file: PathBuf,
        /// What its header says.
        format: u32,
    },
    /// A later version of the program wrote a part of the journal.
    #[error(
        "{}: at octet {offset}: a later version wrote this entry of the journal\nuse the version that wrote it, or a later one",
        file.display()
    )]
    LaterVersion {
        /// The segment.
        file: PathBuf,
        /// Where in the file.
        offset: u64,
    },
    /// The index has seen more of this journal than there is: acknowledged changes are gone.
    #[error(
        "{}: the journal ends at position {end}, but position {seen} was acknowledged: its end is lost\n{WAY_OUT}",
        file.display()
    )]
    EndLost {
        /// The last segment.
        file: PathBuf,
        /// Where it ends.
        end: u64,
        /// Where it once ended, or later.
        seen: u64,
    },
    /// The journal is older than what this machine has acknowledged since it was switched on, or
    /// is another one.
    #[error(
        "{}: the journal ends at position {end} of epoch {epoch}, but {} remembers position {seen} of epoch {seen_epoch}{}\n{PUT_BACK}",
        file.display(), anchor.display(), if *differs { " with another content" } else { "" }
    )]
    PutBack {
        /// The last segment.
        file: PathBuf,
        /// What remembers.
        anchor: PathBuf,
        /// Where the journal ends.
        end: u64,
        /// In which epoch.
        epoch: u32,
        /// What was acknowledged.
        seen: u64,
        /// In which epoch.
        seen_epoch: u32,
        /// The journal reaches so far, and is another one there.
        differs: bool,
    },
    /// The journal is another one than the index was made from, though it has the same name.
    #[error(
        "{}: the journal differs at position {position} from what it was when the index was made\n{WAY_OUT}",
        file.display()
    )]
    Rewritten {
        /// The segment.
        file: PathBuf,
        /// The position.
        position: u64,
    },
}

/// What a data folder that was put back by hand needs.
const PUT_BACK: &str = "somebody has put an older data folder back: put the newest one back, or \
    restore a backup with `sekisho restore`, which makes everything that was spent or told since \
    worthless";

/// A store that goes on from an older state accepts spent codes again, so this is never done
/// without an operator's word.
pub(crate) const WAY_OUT: &str = "put the missing or original file back, or restore the last backup; do not \
    delete parts of the journal, codes that are spent would be accepted again";

/// What is wrong with the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderProblem {
    /// There is no such folder.
    Absent,
    /// It is a symbolic link or no folder.
    NoFolder,
    /// It belongs to another user than the one that runs the store.
    Owner {
        /// Whose it is.
        uid: u32,
        /// Who runs the store.
        ours: u32,
    },
    /// Others may write to it.
    Writable {
        /// Its permissions.
        mode: u32,
    },
}

impl FolderProblem {
    fn text(self) -> String {
        match self {
            Self::Absent => "there is no such folder".into(),
            Self::NoFolder => "this is a symbolic link or no folder".into(),
            Self::Owner { uid, ours } => format!("belongs to uid {uid}, the store runs as {ours}"),
            Self::Writable { mode } => format!("others may write to it (mode {mode:03o})"),
        }
    }

    fn way_out(self) -> &'static str {
        match self {
            Self::Absent => "make it with `sekisho init`",
            Self::NoFolder => "name the folder itself in the settings",
            Self::Owner { .. } => "run the verifier as its owner, or change the owner",
            Self::Writable { .. } => "take the permission away: chmod go-w",
        }
    }
}

/// What is wrong with a place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The header of a segment.
    Header,
    /// The segment belongs to another store.
    OtherStore,
    /// The segment does not join the one before.
    Joint,
    /// A frame is damaged, and it is no torn tail.
    Frame,
    /// A frame is out of order: a position or a group is missing, or comes twice.
    Order,
    /// A frame does not carry the hash of the one before.
    Chain,
    /// The body of a frame can not be read.
    Body,
    /// A checkpoint does not state what stands before it, or this store has not signed it.
    Checkpoint,
    /// It fits what stands before it, and was not written by a verifier of this store.
    Forged,
    /// Nothing that is still there proves that a verifier of this store has written it.
    Unproven,
    /// More events are without a checkpoint than a verifier ever leaves so.
    NotSigned,
    /// There is something behind the end of a segment.
    BehindEnd,
    /// The filling behind a frame is not what is always written there.
    Filling,
    /// A compressed file is not what was written.
    Compressed,
    /// A snapshot is not what was written.
    Snapshot,
    /// A snapshot is not signed by this store.
    Unsigned,
    /// A snapshot does not fit the journal beside it.
    SnapshotJoint,
    /// A snapshot that was made for a backup stands where one of the store belongs.
    Exported,
}

impl Damage {
    fn text(self) -> &'static str {
        match self {
            Self::Header => "the header of this part of the journal is damaged",
            Self::OtherStore => "this part of the journal belongs to another store",
            Self::Joint => "this part of the journal does not join the one before it",
            Self::Frame => "the journal is damaged, and this is not the torn end of a write",
            Self::Order => "an entry of the journal is missing, or stands twice",
            Self::Chain => "an entry of the journal does not fit the one before it",
            Self::Body => "an entry of the journal can not be read",
            Self::Checkpoint => {
                "a checkpoint does not fit what stands before it, or is not signed by this store"
            }
            Self::Forged => {
                "this was not written by the verifier of this store: somebody has added it"
            }
            Self::Unproven => {
                "no checkpoint stands behind this, and the key that could prove it is destroyed"
            }
            Self::NotSigned => {
                "from here on more than 1,000 events are not signed; a verifier of this store signs earlier"
            }
            Self::BehindEnd => "there is something behind the end of this part of the journal",
            Self::Filling => "an octet between two entries of the journal is changed",
            Self::Compressed => "this compressed file is damaged",
            Self::Snapshot => "this snapshot is damaged",
            Self::Unsigned => "this snapshot is not signed by this store",
            Self::SnapshotJoint => {
                "this snapshot does not fit the journal: there is another entry where it ends"
            }
            Self::Exported => {
                "this snapshot was made for a backup, and this journal was not restored from it"
            }
        }
    }
}

impl OpenError {
    pub(crate) fn io(path: &Path, doing: &'static str, error: &io::Error) -> Self {
        Self::Io {
            path: path.into(),
            doing,
            error: error.to_string(),
        }
    }
}
