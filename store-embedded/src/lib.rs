//! Sekisho's store for one machine: the journal is the truth, sled is its index.
//!
//! All live records stand in memory, so that a decision waits for the disk only once: for the sync
//! of the journal that makes a whole group of decisions durable. The index holds the records as of
//! some position of the journal, for a quick start; it is written behind, and thrown away when it
//! is in doubt. `docs/formats/journal.md` describes the files.

#![warn(missing_docs)]

mod anchor;
mod archive;
mod audit;
mod beginning;
mod body;
mod checkpoints;
mod disk;
mod error;
mod folder;
mod frame;
mod group;
mod index;
mod indexer;
mod journal;
mod keeper;
mod misfits;
mod open;
mod records;
mod recovery;
mod scan;
mod segment;
mod segments;
mod settle;
mod sled_index;
mod snapshot;
mod stamp;
mod store;
mod tail;
mod tracker;
mod verify;
mod walk;

#[cfg(test)]
mod tests;

pub use anchor::Reached;
pub use error::{Damage, FolderProblem, OpenError};
pub use indexer::INDEX_THREAD;
pub use keeper::{Compressed, Exported, KeepError, Keeper, MISFITS_NAMED, Removed, Scrubbed, Sink};
pub use open::{Opened, Options, Progress, Publish, SEGMENT_OCTETS, begin_epoch};
pub use store::{AuditReader, CHANGE_RECORDS_MAX, EmbeddedStore};
pub use verify::{Fault, FoundEvent, LeftOut, Lookup, Verified, find, origin, verify};
