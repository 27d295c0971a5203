//! The anchor: a small file that does not come back with the data folder, and remembers how far the
//! journal was acknowledged.
//!
//! Who puts yesterday's data folder back makes codes that were spent today good again, and nothing
//! in that folder can tell. So the newest position is also kept beside the socket, on a file system
//! that ends with the machine's run. It is written after the sync of each group, so it is never
//! ahead of what is durable; a crash between the two leaves it behind by one group, which does no
//! harm.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sekisho_verifier::store::{Position, StoreError};

use crate::audit::Audit;
use crate::error::OpenError;
use crate::frame::{ChainHash, u32_at, u64_at};
use crate::segment::StoreId;

const MAGIC: &[u8; 8] = b"SEKISHOA";
const FORMAT: u32 = 1;
const OCTETS: usize = 76;
const CRC_AT: usize = OCTETS - 4;
/// Nobody but the owner may write to it.
const OTHERS_WRITE: u32 = 0o022;

/// Each store has an anchor of its own: who starts an empty one for a moment must not make that of
/// the old one be forgotten.
pub(crate) fn path_of(path: &Path, store: &StoreId) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-");
    for octet in store {
        name.push(format!("{octet:02x}"));
    }
    name.into()
}

/// How far a journal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub(crate) epoch: u32,
    pub(crate) store: StoreId,
    pub(crate) position: Position,
    pub(crate) hash: ChainHash,
}

impl Reached {
    /// Remembers this in the anchor of the store, for a restore that is finished: what this machine
    /// has acknowledged before does not count any more. Without an anchor there is nothing to do.
    /// Returns what is wrong with it.
    pub fn put_into(&self, anchor: &Path) -> Option<String> {
        let path = path_of(anchor, &self.store);
        std::fs::symlink_metadata(&path).ok()?;
        let mut anchor = Anchor::open(&path);
        anchor.remember(self);
        // One that was not readable is readable now.
        match anchor.file {
            Some(_) => None,
            None => anchor.warning,
        }
    }

    fn octets(&self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        octets[..8].copy_from_slice(MAGIC);
        octets[8..12].copy_from_slice(&FORMAT.to_be_bytes());
        octets[12..16].copy_from_slice(&self.epoch.to_be_bytes());
        octets[16..32].copy_from_slice(&self.store);
        octets[32..40].copy_from_slice(&self.position.to_be_bytes());
        octets[40..72].copy_from_slice(&self.hash);
        let crc = crc32c::crc32c(&octets[..CRC_AT]);
        octets[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
        octets
    }

    fn parse(octets: &[u8; OCTETS]) -> Option<Self> {
        let intact = crc32c::crc32c(&octets[..CRC_AT]) == u32_at(octets, CRC_AT);
        if !intact || octets[..8] != *MAGIC || u32_at(octets, 8) != FORMAT {
            return None;
        }
        let mut store = [0; 16];
        store.copy_from_slice(&octets[16..32]);
        let mut hash = [0; 32];
        hash.copy_from_slice(&octets[40..72]);
        Some(Self {
            epoch: u32_at(octets, 12),
            store,
            position: u64_at(octets, 32),
            hash,
        })
    }
}

/// The file, if it can be used.
#[derive(Debug)]
pub(crate) struct Anchor {
    path: PathBuf,
    file: Option<File>,
    /// What was in it when it was opened.
    found: Option<Reached>,
    warning: Option<String>,
}

impl Anchor {
    /// Opens it, or makes it. What can not be used is left alone, with a warning.
    pub(crate) fn open(path: &Path) -> Self {
        let mut anchor = Self {
            path: path.into(),
            file: None,
            found: None,
            warning: None,
        };
        match anchor.open_file() {
            Ok((file, found)) => (anchor.file, anchor.found) = (Some(file), found),
            Err(error) => anchor.warn(&error),
        }
        anchor
    }

    fn warn(&mut self, error: &dyn std::fmt::Display) {
        let path = self.path.display();
        self.warning = Some(format!(
            "{path}: the anchor cannot be used ({error}): a data folder that is put back by hand \
             will not be noticed"
        ));
    }

    fn open_file(&mut self) -> io::Result<(File, Option<Reached>)> {
        // A pipe in its place must not make us wait.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let make = flags | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = match rustix::fs::open(&self.path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => {
                return Ok((rustix::fs::open(&self.path, make, mode)?.into(), None));
            }
            Err(errno) => return Err(errno.into()),
        };
        let file = File::from(file);
        is_ours(&file)?;
        let mut octets = [0; OCTETS];
        let whole = file.metadata()?.len() == OCTETS as u64;
        let found = match whole {
            true => file
                .read_exact_at(&mut octets, 0)
                .map(|()| Reached::parse(&octets))?,
            false => None,
        };
        if found.is_none() {
            self.warning = Some(format!(
                "{}: the anchor was not readable and is made anew: whether an older data folder \
                 was put back is not known",
                self.path.display()
            ));
            file.set_len(0)?;
        }
        Ok((file, found))
    }

    /// Refuses a journal that ends before what this machine has acknowledged. An anchor of another
    /// store, or of an epoch before this one, says nothing.
    pub(crate) fn check(
        &mut self,
        journal: &Path,
        now: &Reached,
        audit: &Audit,
    ) -> Result<(), OpenError> {
        let Some(seen) = self.found else {
            return Ok(());
        };
        if seen.store != now.store {
            self.warning = Some(format!(
                "{}: this was the anchor of another store, and says nothing about this one",
                self.path.display()
            ));
            return Ok(());
        }
        if seen.epoch < now.epoch {
            return Ok(());
        }
        let reached = (now.epoch, now.position) >= (seen.epoch, seen.position);
        if reached && has(&seen, now, audit) {
            return Ok(());
        }
        Err(OpenError::PutBack {
            file: journal.into(),
            anchor: self.path.clone(),
            end: now.position,
            epoch: now.epoch,
            seen: seen.position,
            seen_epoch: seen.epoch,
            differs: reached,
        })
    }

    /// Remembers what has become durable: one write into a file of memory.
    pub(crate) fn remember(&mut self, now: &Reached) {
        let Some(file) = &self.file else {
            return;
        };
        if let Err(error) = file.write_all_at(&now.octets(), 0) {
            // It stays behind, which does no harm.
            self.file = None;
            self.warn(&error);
        }
    }

    /// What is wrong with it.
    pub(crate) fn warning(&self) -> Option<String> {
        self.warning.clone()
    }
}

/// Whether the journal holds what was seen. A place that can not be read is the matter of who reads
/// it next.
fn has(seen: &Reached, now: &Reached, audit: &Audit) -> bool {
    if seen.position == now.position {
        return seen.hash == now.hash;
    }
    match audit.frame_hash(seen.position) {
        Ok(Some(hash)) => hash == seen.hash,
        // Positions that an epoch has skipped, or a part of the journal that is no longer there.
        Ok(None) | Err(StoreError::Unavailable) => true,
        Err(_) => false,
    }
}

fn is_ours(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    let ours = rustix::process::geteuid().as_raw();
    let other = |what: String| io::Error::other(what);
    if !metadata.is_file() {
        return Err(other("it is no file".into()));
    }
    if metadata.uid() != ours {
        return Err(other(format!("it belongs to uid {}", metadata.uid())));
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return Err(other("others may write to it".into()));
    }
    Ok(())
}
