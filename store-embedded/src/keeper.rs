//! Looks after the files of the journal while decisions go on: compresses what is sealed, removes
//! what is old, hands out what a backup needs.

use std::io::{self, Read};
use std::sync::{Arc, MutexGuard, PoisonError};

use sekisho_verifier::checkpoint::Hash;
use sekisho_verifier::note::Signer;
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

use crate::archive;
use crate::audit::Audit;
use crate::body::{self, KeyOctets};
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::folder::DataFolder;
use crate::frame::FrameKind;
use crate::indexer::{Shared, State};
use crate::scan::Scanner;
use crate::segment::{HEADER_OCTETS, StoreId, file_name};
use crate::segments;
use crate::snapshot::{self, Head};
use crate::walk::{Entry, TooManyChanges};

/// So many records are checked at once: some milliseconds.
const SCRUB_RECORDS: usize = 1_024;

/// Looks after the files of a store, beside it; see [`EmbeddedStore::keeper`]. It may be used from
/// any thread; its work takes seconds, best in a thread of low priority. What would get in each
/// other's way waits for each other; decisions never wait for more than a few records being copied.
///
/// The data folder stays locked as long as there is a keeper.
///
/// [`EmbeddedStore::keeper`]: crate::EmbeddedStore::keeper
#[derive(Debug, Clone)]
pub struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) signer: Option<Arc<Signer>>,
    pub(crate) store: StoreId,
    pub(crate) epoch: u32,
    /// Keeps the folder locked.
    pub(crate) _folder: Option<Arc<DataFolder>>,
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
    /// The first of those, at most [`MISFITS_NAMED`]: `token SKTS00012345`.
    pub named: Vec<String>,
}

/// So many records that do not fit their tags are named.
pub const MISFITS_NAMED: usize = 100;

/// A segment as far as retention is concerned.
enum Age {
    /// Its newest event is of this time; `None` if it has no event.
    Old(Option<Time>),
    /// Some event in it has to be kept.
    Young,
}

impl Keeper {
    /// Compresses every sealed segment that is not compressed yet. `go_on` is asked before each;
    /// what is left is done at the next call. A segment takes about a second of one processor, and
    /// some MiB of memory.
    pub fn compress(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Compressed, KeepError> {
        let _work = self.work()?;
        let mut done = Compressed::default();
        for number in self.sealed() {
            if segments::is_compressed(self.disk(), number) {
                continue;
            }
            if !go_on() {
                break;
            }
            let (before, after) = archive::compress(self.disk(), number)?;
            done.segments += 1;
            done.octets_before += before;
            done.octets_after += after;
        }
        Ok(done)
    }

    /// Removes the oldest segments: those, from the first on, that are sealed and have no event
    /// from `before` or later. A snapshot that stands for them is durable before. Then `note` is
    /// called, which commits an event that tells of it; if it says no, nothing is removed. `None`
    /// if nothing was removed.
    pub fn retain(
        &self,
        before: Time,
        note: &mut dyn FnMut(&Removed) -> bool,
    ) -> Result<Option<Removed>, KeepError> {
        let _work = self.work()?;
        let (old, newest) = self.old_segments(before)?;
        let (Some(&last), Some(newest)) = (old.last(), newest) else {
            return Ok(None);
        };
        let head = self.renew_snapshot()?;
        let headers = segments::headers(self.disk())?;
        let Some(kept) = headers.get(&(last + 1)) else {
            return Ok(None);
        };
        let mut removed = Removed {
            segments: old.len() as u64,
            octets: 0,
            first_kept: kept.first_position,
            newest,
            snapshot: head.point.position,
        };
        for &number in &old {
            let octets = segments::open_stored(self.disk(), number).and_then(|(_, f)| f.octets());
            removed.octets += octets.map_err(self.failed(number, "examine"))?;
        }
        if !note(&removed) {
            return Ok(None);
        }
        // From here on nobody looks for them.
        self.audit.forget_before(kept.number);
        for &number in &old {
            self.remove(number)?;
        }
        Ok(Some(removed))
    }

    /// Hands out everything that a backup needs, as of one committed position: with `history` all
    /// segments up to there, and the snapshot that stands for those that were removed; without it
    /// a fresh snapshot alone. Nothing is changed in the store. While `sink` takes the files, no
    /// lock is held that decisions wait for, so it may be slow.
    pub fn export(&self, history: bool, sink: &mut dyn Sink) -> Result<Exported, KeepError> {
        let _work = self.work()?;
        if history {
            return self.export_history(sink);
        }
        let exported = self.export_snapshot(sink);
        let removed = remove_if_there(self.disk(), snapshot::EXPORTED);
        let exported = exported?;
        removed.map_err(self.failed_at(snapshot::EXPORTED, "remove"))?;
        Ok(exported)
    }

    /// Checks the tag of every record.
    pub fn scrub(&self) -> Result<Scrubbed, KeepError> {
        let mut scrubbed = Scrubbed::default();
        let mut after: Option<KeyOctets> = None;
        loop {
            let state = self.state()?;
            after = state.records.scrub(after.as_deref(), SCRUB_RECORDS);
            if after.is_none() {
                let (misfits, named) = state.records.misfits(MISFITS_NAMED);
                scrubbed.records = state.records.len();
                scrubbed.misfits = misfits;
                scrubbed.named = named;
                return Ok(scrubbed);
            }
        }
    }

    fn disk(&self) -> &dyn Disk {
        &**self.audit.disk()
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, KeepError> {
        let state = self.shared.lock();
        match state.fatal {
            true => Err(KeepError::Fatal),
            false => Ok(state),
        }
    }

    /// Waits for other work on the files.
    fn work(&self) -> Result<MutexGuard<'_, ()>, KeepError> {
        let work = self.shared.keeping.lock();
        // What a work that panicked has left is what a crash leaves.
        let work = work.unwrap_or_else(PoisonError::into_inner);
        self.state().map(|_| work)
    }

    fn failed(&self, number: u64, doing: &'static str) -> impl Fn(io::Error) -> OpenError {
        move |error| segments::failed(self.disk(), number, doing, &error)
    }

    fn failed_at(&self, name: &str, doing: &'static str) -> impl Fn(io::Error) -> OpenError {
        let path = self.disk().path(name);
        move |error| OpenError::io(&path, doing, &error)
    }

    /// The numbers of all sealed segments, rising.
    fn sealed(&self) -> Vec<u64> {
        let (segments, _) = self.audit.extent();
        let numbers = segments.iter().map(|&(number, _)| number);
        numbers.take(segments.len().saturating_sub(1)).collect()
    }

    /// The segments that are old enough to be removed, and the time of the newest event in them.
    fn old_segments(&self, before: Time) -> Result<(Vec<u64>, Option<Time>), KeepError> {
        // A start from the snapshot begins at the last group that it stands for.
        let needed = self.state()?.point.group.map_or(0, |group| group.segment);
        let (mut old, mut newest) = (Vec::new(), None);
        for number in self.sealed().into_iter().filter(|&number| number < needed) {
            match self.age(number, before)? {
                Age::Young => break,
                Age::Old(time) => newest = newest.max(time),
            }
            old.push(number);
        }
        Ok((old, newest))
    }

    fn age(&self, number: u64, before: Time) -> Result<Age, OpenError> {
        let failed = self.failed(number, "read");
        let file = segments::open(self.disk(), number)?;
        let end = file.octets().map_err(&failed)?;
        let mut scanner = Scanner::new(&*file, end);
        let (mut offset, mut newest) = (HEADER_OCTETS as u64, None);
        loop {
            let damaged = |damage| segments::damaged(self.disk(), number, offset, damage);
            let frame = scanner.frame(offset).map_err(&failed)?;
            let frame = frame.ok_or_else(|| damaged(Damage::Frame))?;
            if frame.head.kind == FrameKind::Change {
                let event = body::event_of(frame.body());
                let event = event.ok().flatten().ok_or_else(|| damaged(Damage::Body))?;
                if event.time >= before {
                    return Ok(Age::Young);
                }
                newest = newest.max(Some(event.time));
            }
            if frame.head.kind == FrameKind::Seal {
                return Ok(Age::Old(newest));
            }
            offset += frame.head.frame_octets();
        }
    }

    /// Removes a segment, in whatever form it is there, durably: so there is never a gap.
    fn remove(&self, number: u64) -> Result<(), KeepError> {
        for name in [file_name(number), archive::file_name(number)] {
            remove_if_there(self.disk(), &name).map_err(self.failed_at(&name, "remove"))?;
        }
        let synced = self.disk().sync_names();
        Ok(synced.map_err(self.failed_at(&file_name(number), "sync the folder of"))?)
    }

    /// Puts a snapshot of all records into the journal, durably, in the place of older ones.
    fn renew_snapshot(&self) -> Result<Head, KeepError> {
        let disk = self.disk();
        let head = self.make_snapshot(snapshot::TEMPORARY)?;
        let name = snapshot::file_name(head.segment);
        disk.rename(snapshot::TEMPORARY, &name)
            .map_err(self.failed_at(&name, "rename"))?;
        let synced = disk.sync_names();
        synced.map_err(self.failed_at(&name, "sync the folder of"))?;
        let names = disk
            .names()
            .map_err(self.failed_at("", "list the folder"))?;
        for older in names {
            if snapshot::number_of(&older).is_some_and(|number| number < head.segment) {
                remove_if_there(disk, &older).map_err(self.failed_at(&older, "remove"))?;
            }
        }
        Ok(head)
    }

    /// Writes all records as they are now into a file, and reads it again. Decisions go on.
    fn make_snapshot(&self, name: &str) -> Result<Head, KeepError> {
        let made = self.write_snapshot(name, name == snapshot::EXPORTED);
        self.shared.end_walk();
        let made = made.and_then(|head| {
            let key = self.signer.as_ref().map(|signer| signer.public());
            snapshot::read(self.disk(), name, key.as_ref(), &mut |_, _| {})?;
            Ok(head)
        });
        if made.is_err() {
            // It takes room that logins may need.
            let _ = remove_if_there(self.disk(), name);
        }
        made
    }

    fn write_snapshot(&self, name: &str, exported: bool) -> Result<Head, KeepError> {
        let head = {
            let state = self.shared.begin_walk();
            if state.fatal {
                return Err(KeepError::Fatal);
            }
            let (segments, _) = self.audit.extent();
            Head {
                store: self.store,
                epoch: self.epoch,
                segment: segments.last().map_or(0, |&(number, _)| number),
                point: state.point,
                summary: state.records.summary(),
                exported,
            }
        };
        let mut next = || self.next_entries();
        snapshot::write(self.disk(), name, &head, self.signer.as_deref(), &mut next)?;
        Ok(head)
    }

    fn next_entries(&self) -> Result<Option<Vec<Entry>>, KeepError> {
        drop(self.state()?);
        let walked = self.shared.walk();
        walked.map_err(|TooManyChanges| KeepError::TooManyChanges)
    }

    fn export_snapshot(&self, sink: &mut dyn Sink) -> Result<Exported, KeepError> {
        let head = self.make_snapshot(snapshot::EXPORTED)?;
        let mut exported = self.exported(head.point.position, head.point.hash);
        let file = self.disk().open(snapshot::EXPORTED);
        let file = file.map_err(self.failed_at(snapshot::EXPORTED, "open"))?;
        let name = snapshot::file_name(head.segment);
        self.hand_out(&name, &*file, None, sink, &mut exported)?;
        Ok(exported)
    }

    fn export_history(&self, sink: &mut dyn Sink) -> Result<Exported, KeepError> {
        let (point, (segments, end)) = {
            let state = self.state()?;
            (state.point, self.audit.extent())
        };
        let mut exported = self.exported(point.position, point.hash);
        if let Some(name) = snapshot::newest(self.disk())? {
            let file = self.disk().open(&name);
            let file = file.map_err(self.failed_at(&name, "open"))?;
            self.hand_out(&name, &*file, None, sink, &mut exported)?;
        }
        let last = segments.last().map(|&(number, _)| number);
        for &(number, _) in &segments {
            let opened = segments::open_stored(self.disk(), number);
            let (name, file) = opened.map_err(self.failed(number, "open"))?;
            let end = (Some(number) == last).then_some(end);
            self.hand_out(&name, &*file, end, sink, &mut exported)?;
        }
        Ok(exported)
    }

    fn exported(&self, position: Position, hash: Hash) -> Exported {
        Exported {
            store: self.store,
            epoch: self.epoch,
            position,
            hash,
            files: 0,
            octets: 0,
        }
    }

    fn hand_out(
        &self,
        name: &str,
        file: &dyn DiskFile,
        end: Option<u64>,
        sink: &mut dyn Sink,
        exported: &mut Exported,
    ) -> Result<(), KeepError> {
        let whole = file.octets().map_err(self.failed_at(name, "examine"))?;
        let end = end.unwrap_or(whole);
        let mut content = Content { file, at: 0, end };
        sink.file(name, end, &mut content)
            .map_err(KeepError::Sink)?;
        if content.at != end {
            let error = io::Error::other(format!("{name} was not taken whole"));
            return Err(KeepError::Sink(error));
        }
        exported.files += 1;
        exported.octets += end;
        Ok(())
    }
}

/// A file that is handed out.
struct Content<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    end: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = (self.end - self.at).min(buffer.len() as u64) as usize;
        if octets == 0 {
            return Ok(0);
        }
        match read_full(self.file, &mut buffer[..octets], self.at)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.at += read as u64;
                Ok(read)
            }
        }
    }
}

fn remove_if_there(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
