//! Checkpoints: signed statements of how far the journal reached, written into it and told outside.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::{NOTE_OCTETS_MAX, PublicKey, Signer};
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

use crate::frame::ChainHash;
use crate::open::Publish;

/// The newest checkpoint, in the data folder.
const FILE: &str = "checkpoint";
const TEMPORARY: &str = "checkpoint.tmp";

/// How often checkpoints come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// One stands behind so many events, also inside a group.
    pub(crate) events: u64,
    /// An event waits no longer than this for one, while there are commits, or calls of `idle`.
    pub(crate) after: Duration,
    /// They are told outside no more often than this.
    pub(crate) told: Duration,
}

impl Pace {
    /// What the description of the journal promises, a second, is twice the time that an event may
    /// wait: who calls `idle` does so twice a second or more often.
    pub(crate) const USUAL: Self = Self {
        events: 1_000,
        after: Duration::from_millis(500),
        told: Duration::from_secs(1),
    };
}

/// Makes checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    pub(crate) signer: Arc<Signer>,
    pub(crate) pace: Pace,
}

impl Signing {
    /// States that the frame at `position` has this hash, and signs it.
    pub(crate) fn note(&self, position: Position, hash: ChainHash) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let checkpoint = Checkpoint {
            origin: self.signer.name().to_owned(),
            position,
            hash,
            time: Time::from_millis(0).after(since.unwrap_or_default()),
        };
        self.signer.sign(&checkpoint.text())
    }
}

/// What `note` states. Its signature is not looked at.
pub(crate) fn parse(note: &str) -> Option<Checkpoint> {
    let (text, _) = note.split_once("\n\n")?;
    Checkpoint::parse(&format!("{text}\n"))
}

/// Whether `note` states that the frame at `position` of the journal `origin` has this hash.
pub(crate) fn states(note: &str, origin: &str, position: Position, hash: &ChainHash) -> bool {
    parse(note).is_some_and(|stated| {
        stated.origin == origin && stated.position == position && stated.hash == *hash
    })
}

/// Whether `key` has signed `note`.
pub(crate) fn is_signed(note: &str, key: &PublicKey) -> bool {
    Checkpoint::open(key, note).is_some()
}

/// Tells the newest checkpoint outside: to whom it may concern, and to a file in the data folder.
#[derive(Default)]
pub(crate) struct Teller {
    publish: Option<Publish>,
    /// The data folder.
    folder: Option<OwnedFd>,
    pace: Duration,
    /// The newest checkpoint that has not been told.
    due: Option<String>,
    last: Option<Instant>,
    warning: Option<String>,
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller")
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}

impl Teller {
    pub(crate) fn new(publish: Option<Publish>, pace: Pace) -> Self {
        Self {
            publish,
            pace: pace.told,
            ..Self::default()
        }
    }

    /// Also keeps the newest checkpoint in this folder.
    pub(crate) fn keep_in(&mut self, folder: OwnedFd) {
        tidy(&folder);
        self.folder = Some(folder);
    }

    /// Takes a checkpoint that is durable, in the place of an older one that was not told.
    pub(crate) fn take(&mut self, note: String) {
        self.due = Some(note);
    }

    /// Whether there is anything to tell, now or later.
    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Tells, unless it did a moment ago.
    pub(crate) fn tell(&mut self) {
        let rested = self.last.is_none_or(|last| last.elapsed() >= self.pace);
        if rested && let Some(note) = self.due.take() {
            self.tell_now(&note);
        }
    }

    /// Tells what is left at the end.
    pub(crate) fn tell_last(&mut self) {
        if let Some(note) = self.due.take() {
            self.tell_now(&note);
        }
    }

    fn tell_now(&mut self, note: &str) {
        self.last = Some(Instant::now());
        if let Some(publish) = &mut self.publish {
            publish(note);
        }
        let kept = self
            .folder
            .as_ref()
            .map_or(Ok(()), |folder| keep(folder, note));
        self.warning = kept.err().map(|error| {
            format!("the file {FILE} in the data folder is not written ({error}): it is behind")
        });
    }

    /// What is wrong with telling.
    pub(crate) fn warning(&self) -> Option<String> {
        self.warning.clone()
    }
}

/// The checkpoint in the data folder, if there is one that `key` has signed.
pub(crate) fn kept(folder: &OwnedFd, key: &PublicKey) -> Option<Checkpoint> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, FILE, flags, Mode::empty()).ok()?;
    let mut note = String::new();
    File::from(file)
        .take(NOTE_OCTETS_MAX as u64)
        .read_to_string(&mut note)
        .ok()?;
    Checkpoint::open(key, &note)
}

/// Nothing of a checkpoint that could not be written is left.
fn tidy(folder: &OwnedFd) {
    let _ = rustix::fs::unlinkat(folder, TEMPORARY, AtFlags::empty());
}

/// Readers find the old one or the new one, and never half of one. It is in the journal as well,
/// so it is not synced.
fn keep(folder: &OwnedFd, note: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(folder, TEMPORARY, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    let file = rustix::fs::openat(folder, TEMPORARY, flags, mode)?;
    let written = File::from(file)
        .write_all(note.as_bytes())
        .and_then(|()| Ok(rustix::fs::renameat(folder, TEMPORARY, folder, FILE)?));
    written.inspect_err(|_| tidy(folder))
}
