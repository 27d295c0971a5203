//! Verifies a journal offline: from the files alone, without any secret, also while a verifier
//! writes to them. It does what opening does, and more: octets without meaning must be as they
//! were written, and signed statements must be true.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::event::{Event, OperationKind, OperationOutcome, What};
use sekisho_verifier::note::{NOTE_OCTETS_MAX, PublicKey};
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

use crate::beginning::Beginning;
use crate::checkpoints::{self, Pace};
use crate::disk::{Disk, ReadOnly, read_short};
use crate::error::{Damage, OpenError, WAY_OUT};
use crate::frame::{ChainHash, FrameKind};
use crate::recovery::{self, GroupPlace, Listener, Recovered, Replayed, Start, Watch};
use crate::scan::Frame;
use crate::segment::{FIRST, Header, file_name};
use crate::{archive, body, segments, snapshot};

/// Signatures of checkpoints that follow one another more closely are skipped: what a signature
/// stands for includes everything before it. That of the last one is always looked at.
const SIGNATURE_EVERY: u64 = 1_000;
/// How often it begins again when the journal changes under it.
const TRIES: usize = 3;
/// How long it waits then for what may come: two times of this are longer than the first event of
/// a store waits for its checkpoint.
const MOMENT: Duration = Duration::from_millis(700);
/// A verifier that signs leaves no more events without a checkpoint.
const UNSIGNED_MOST: u64 = Pace::USUAL.events;
const CHECKPOINT: &str = "checkpoint";
const FIRST_POSITION: Position = 1;

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
    /// Time of the first of them.
    pub unsigned_since: Option<Time>,
    /// Position that the snapshot stands for, if there is one.
    pub snapshot: Option<Position>,
    /// So many statements from elsewhere were compared, and are true.
    pub elsewhere: u64,
    /// So many statements from elsewhere are of before the first position: what they state was
    /// removed.
    pub older: u64,
    /// Statements from elsewhere that are of what a restore has left out: the store went on after
    /// the backup was made, and that is lost. A signed checkpoint stands behind each restore.
    pub left_out: Vec<LeftOut>,
    /// So many octets at the end are of a group that is being written, or was when the power went
    /// off. It was never acknowledged; this is no fault.
    pub torn_octets: u64,
}

/// What a restore has left out, as far as statements from elsewhere tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// So many statements.
    pub checkpoints: u64,
    /// When it was restored.
    pub restored: Time,
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
    /// A verifier that is running may be about to do something about it.
    may_pass: bool,
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
    let disk = open(data)?;
    // The file is written after the journal, so it is read before.
    let kept = kept_checkpoint(data)?;
    patiently(&disk, || {
        verify_on(&disk, data, key, kept.as_deref(), elsewhere, progress)
    })
}

/// The name of the journal in the data folder `data`, as it says itself.
pub fn origin(data: &Path) -> Result<String, Fault> {
    let disk = open(data)?;
    patiently(&disk, || {
        Ok(Checkpoint::origin_of(&begins(&disk)?.first.store))
    })
}

fn begins(disk: &dyn Disk) -> Result<Beginning, Fault> {
    let missing = || OpenError::Missing {
        file: disk.path(&file_name(FIRST)),
    };
    Ok(Beginning::find(disk)?.ok_or_else(missing)?)
}

fn open(data: &Path) -> Result<ReadOnly, Fault> {
    let folder = data.join("journal");
    ReadOnly::open(&folder).map_err(|error| OpenError::io(&folder, "open", &error).into())
}

/// Does `work` again if the first segments were removed meanwhile, as they may, and if what is
/// wrong may pass.
fn patiently<T>(disk: &dyn Disk, mut work: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut tries = 0;
    loop {
        let before = first_segment(disk);
        tries += 1;
        match work() {
            Err(_) if tries < TRIES && first_segment(disk) != before => {}
            Err(fault) if tries < TRIES && fault.may_pass => thread::sleep(MOMENT),
            done => return done,
        }
    }
}

fn first_segment(disk: &dyn Disk) -> Option<u64> {
    let names = disk.names().ok()?;
    let number = |name: &String| crate::segment::number_of(name).or(archive::number_of(name));
    names.iter().filter_map(number).min()
}

/// The newest checkpoint that the verifier has written beside the journal. It is not synced, so
/// after a power cut it may be empty.
fn kept_checkpoint(data: &Path) -> Result<Option<String>, Fault> {
    let path = data.join(CHECKPOINT);
    let octets = match read_short(&path, NOTE_OCTETS_MAX) {
        Ok(octets) => octets,
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => return Ok(None),
            std::io::ErrorKind::FileTooLarge => {
                return Err(Fault::of_statement(path, None, NO_CHECKPOINT));
            }
            _ => return Err(OpenError::io(&path, "read", &error).into()),
        },
    };
    if octets.iter().all(|&octet| octet == 0) {
        return Ok(None);
    }
    let text = String::from_utf8(octets);
    text.map(Some)
        .map_err(|_| Fault::of_statement(path, None, NO_CHECKPOINT))
}

const NO_CHECKPOINT: &str = "this is no checkpoint";
const NOT_SIGNED: &str = "this checkpoint is not signed by this store";
const OTHER_STORE: &str = "this checkpoint is of another store";
const DIFFERS: &str = "this checkpoint states another hash: what stands before it in the journal \
    is not what was signed";

/// A statement that the journal must bear out.
struct Statement {
    source: Source,
    /// The file that holds it.
    file: PathBuf,
    checkpoint: Checkpoint,
    met: Met,
}

/// What was found where a statement tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Nothing,
    WhatItSays,
    /// Something else; but an epoch begins right behind that.
    LeftOut,
}

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// From the file that the verifier keeps beside the journal.
    Beside,
    Snapshot,
    Elsewhere,
}

/// Reads a statement.
fn statement(
    file: PathBuf,
    note: &str,
    origin: &str,
    key: Option<&PublicKey>,
) -> Result<Checkpoint, Fault> {
    let fault = |what| Err(Fault::of_statement(file.clone(), None, what));
    let Some(checkpoint) = checkpoints::parse(note) else {
        return fault(NO_CHECKPOINT);
    };
    if checkpoint.origin != origin {
        return fault(OTHER_STORE);
    }
    if key.is_some_and(|key| !checkpoints::is_signed(note, key)) {
        return fault(NOT_SIGNED);
    }
    Ok(checkpoint)
}

pub(crate) fn verify_on(
    disk: &dyn Disk,
    data: &Path,
    key: Option<&PublicKey>,
    kept: Option<&str>,
    elsewhere: &[String],
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Verified, Fault> {
    let beginning = begins(disk)?;
    let origin = Checkpoint::origin_of(&beginning.first.store);
    if key.is_some_and(|key| key.name() != origin) {
        return Err(Fault::of_key(data, &origin));
    }
    let mut statements = Vec::new();
    let given = elsewhere.iter().enumerate().map(|(number, note)| {
        let file = format!("checkpoint {} from elsewhere", number + 1);
        (Source::Elsewhere, PathBuf::from(file), note.as_str())
    });
    let kept = kept.map(|note| (Source::Beside, data.join(CHECKPOINT), note));
    for (source, file, note) in kept.into_iter().chain(given) {
        statements.push(Statement {
            checkpoint: statement(file.clone(), note, &origin, key)?,
            source,
            file,
            met: Met::Nothing,
        });
    }
    let snapshot = verify_snapshot(disk, key, origin, &mut statements)?;
    let seen = Seen::default();
    let mut auditor = Auditor::new(disk, key, &seen, statements);
    auditor.begins_epoch_behind = begins_epoch_behind(&beginning);
    let mut events = Events::default();
    let listener = Listener {
        apply: &mut |replayed| events.take(&replayed, &seen),
        progress,
        key: key.cloned(),
        keyring: None,
        watch: Some(&mut auditor),
        live: true,
    };
    let headers = beginning.headers.clone();
    let read = recovery::examine(disk, headers, Start::default(), listener);
    let recovered = read.map_err(|error| auditor.fault(error))?;
    let verified = auditor.verified(&beginning, &recovered, &events)?;
    Ok(Verified {
        snapshot,
        ..verified
    })
}

/// Behind which position an epoch begins with the first segment, if one is known to.
fn begins_epoch_behind(beginning: &Beginning) -> Option<Position> {
    let first = &beginning.first;
    if beginning.is_whole() {
        return (first.epoch > 0).then_some(0);
    }
    let (_, head) = beginning.snapshot.as_ref()?;
    let begins = head.epoch < first.epoch && head.point.hash == first.previous;
    begins.then_some(head.point.position)
}

/// Verifies the snapshot, and takes what it states. Returns its position.
fn verify_snapshot(
    disk: &dyn Disk,
    key: Option<&PublicKey>,
    origin: String,
    statements: &mut Vec<Statement>,
) -> Result<Option<Position>, Fault> {
    let Some(name) = snapshot::newest(disk)? else {
        return Ok(None);
    };
    let head = snapshot::read(disk, &name, key, &mut |_, _| {})?;
    statements.push(Statement {
        source: Source::Snapshot,
        file: disk.path(&name),
        checkpoint: Checkpoint {
            origin,
            position: head.point.position,
            hash: head.point.hash,
            time: head.summary.newest.unwrap_or(Time::from_millis(0)),
        },
        met: Met::Nothing,
    });
    Ok(Some(head.point.position))
}

/// What was seen on the way to an event, and concerns it.
#[derive(Default)]
struct Seen {
    /// Position of the last checkpoint, or of what the snapshot stands for.
    stated: Cell<Position>,
    epochs: RefCell<Vec<Epoch>>,
}

/// An epoch that begins in what was read.
struct Epoch {
    number: u32,
    segment: u64,
    /// The last position before it.
    behind: Position,
    /// Its first position.
    first: Position,
    /// The event that it begins with.
    begun: Option<Begun>,
    /// So many statements from elsewhere are of what is not in the journal because it began.
    left_out: u64,
}

struct Begun {
    position: Position,
    time: Time,
    is_restore: bool,
}

impl Begun {
    /// `None` for an event that may stand before the restore: somebody has said that the clock is
    /// right, else there could be none.
    fn by(replayed: &Replayed) -> Option<Self> {
        let is_restore = match &replayed.event.what {
            What::Operation(done) if done.operation == OperationKind::ClockTrust => return None,
            What::Operation(done) => {
                done.operation == OperationKind::Restore && done.outcome == OperationOutcome::Done
            }
            What::Login(_) | What::Session(_) => false,
        };
        Some(Self {
            position: replayed.position,
            time: replayed.event.time,
            is_restore,
        })
    }
}

/// The events of a journal.
#[derive(Default)]
struct Events {
    count: u64,
    oldest: Option<Time>,
    newest: Option<Time>,
    last: Position,
    /// Behind the last checkpoint.
    behind: u64,
    /// Time of the first of these.
    behind_since: Option<Time>,
    /// The position of the first.
    first: Option<Position>,
    /// Before which position everything may have been removed, as the newest event says.
    removed_before: Option<Position>,
}

impl Events {
    fn take(&mut self, replayed: &Replayed, seen: &Seen) {
        let time = replayed.event.time;
        self.count += 1;
        self.first = self.first.or(Some(replayed.position));
        self.removed_before = removed_before(replayed).or(self.removed_before);
        self.oldest = self.oldest.or(Some(time));
        self.newest = Some(time);
        // The last checkpoint that was read may stand behind this event, in its group.
        let stated = seen.stated.get();
        if stated > self.last {
            (self.behind, self.behind_since) = (0, None);
        }
        self.last = replayed.position;
        if replayed.position > stated {
            self.behind += 1;
            self.behind_since = self.behind_since.or(Some(time));
        }
        if let Some(epoch) = seen.epochs.borrow_mut().last_mut()
            && epoch.begun.is_none()
        {
            epoch.begun = Begun::by(replayed);
        }
    }
}

/// What a retention says that it is about to remove.
fn removed_before(replayed: &Replayed) -> Option<Position> {
    match &replayed.event.what {
        What::Operation(done)
            if done.operation == OperationKind::Retain
                && done.outcome == OperationOutcome::Done =>
        {
            done.count
        }
        _ => None,
    }
}

/// Looks at what a replay does not need.
struct Auditor<'a> {
    disk: &'a dyn Disk,
    key: Option<&'a PublicKey>,
    seen: &'a Seen,
    statements: Vec<Statement>,
    /// Which of them are of a position.
    wanted: BTreeMap<Position, Vec<usize>>,
    /// A statement that is not true: which, and at what position.
    untrue: Option<usize>,
    /// Statements from elsewhere about the frames that end a segment, which are not true. Before a
    /// restore the store went on at these positions; else nothing explains them.
    doubtful: Vec<usize>,
    /// An epoch begins with the first segment; this is the last position before.
    begins_epoch_behind: Option<Position>,
    /// That of the segment that is being read.
    epoch: Option<u32>,
    /// Where reading has come to.
    position: Position,
    group: Position,
    compressed: u64,
    checkpoints: u64,
    signatures: u64,
    /// Where a signature was verified last.
    signed_at: Position,
    /// The last checkpoint, of the group that is being read and of those before.
    last: (Option<String>, Option<String>),
}

impl<'a> Auditor<'a> {
    fn new(
        disk: &'a dyn Disk,
        key: Option<&'a PublicKey>,
        seen: &'a Seen,
        statements: Vec<Statement>,
    ) -> Self {
        let mut wanted: BTreeMap<Position, Vec<usize>> = BTreeMap::new();
        for (index, statement) in statements.iter().enumerate() {
            let position = statement.checkpoint.position;
            wanted.entry(position).or_default().push(index);
        }
        Self {
            disk,
            key,
            seen,
            statements,
            wanted,
            untrue: None,
            doubtful: Vec::new(),
            begins_epoch_behind: None,
            epoch: None,
            position: 0,
            group: 0,
            compressed: 0,
            checkpoints: 0,
            signatures: 0,
            signed_at: 0,
            last: (None, None),
        }
    }

    /// The journal has come to `position`, with this hash. `ends` is whether a segment may end with
    /// what stands there.
    fn reaches(&mut self, position: Position, hash: &ChainHash, ends: bool) -> Result<(), Damage> {
        self.position = position;
        for &index in self.wanted.get(&position).into_iter().flatten() {
            let statement = &mut self.statements[index];
            match statement.source {
                source if statement.checkpoint.hash == *hash => {
                    statement.met = Met::WhatItSays;
                    if source == Source::Snapshot {
                        self.seen.stated.set(position);
                    }
                }
                Source::Elsewhere if ends => self.doubtful.push(index),
                _ => {
                    self.untrue = Some(index);
                    return Err(Damage::Checkpoint);
                }
            }
        }
        Ok(())
    }

    /// No epoch begins behind what is doubtful.
    fn doubts_no_more(&mut self) -> Result<(), Damage> {
        match self.doubtful.first() {
            Some(&index) => {
                self.untrue = Some(index);
                Err(Damage::Checkpoint)
            }
            None => Ok(()),
        }
    }

    /// A segment begins; an epoch may begin with it.
    fn enters(&mut self, header: &Header) -> Result<(), Damage> {
        let before = self.epoch.replace(header.epoch);
        let behind = match before {
            Some(before) => (header.epoch > before).then_some(self.position),
            None => self.begins_epoch_behind,
        };
        let Some(behind) = behind else {
            return self.doubts_no_more();
        };
        let doubtful = std::mem::take(&mut self.doubtful);
        for &index in &doubtful {
            self.statements[index].met = Met::LeftOut;
        }
        self.seen.epochs.borrow_mut().push(Epoch {
            number: header.epoch,
            segment: header.number,
            behind,
            first: header.first_position,
            begun: None,
            left_out: doubtful.len() as u64,
        });
        Ok(())
    }

    fn take_checkpoint(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        let position = frame.head.position;
        let note = minicbor::decode::<&str>(frame.body()).map_err(|_| Damage::Checkpoint)?;
        if let Some(key) = self.key
            && position >= self.signed_at + SIGNATURE_EVERY
        {
            if !checkpoints::is_signed(note, key) {
                return Err(Damage::Checkpoint);
            }
            self.signatures += 1;
            self.signed_at = position;
        }
        self.checkpoints += 1;
        self.seen.stated.set(position);
        self.last.0 = Some(note.into());
        Ok(())
    }

    /// Says where reading has come to.
    fn fault(&self, error: OpenError) -> Fault {
        match self.untrue.and_then(|index| self.statements.get(index)) {
            Some(untrue) => Fault::untrue(untrue),
            None => Fault::at(error, self.position + 1),
        }
    }

    fn verified(
        mut self,
        beginning: &Beginning,
        recovered: &Recovered,
        events: &Events,
    ) -> Result<Verified, Fault> {
        if let Some(&index) = self.doubtful.first() {
            return Err(Fault::untrue(&self.statements[index]));
        }
        let (first, last) = (beginning.first.first_position, recovered.point.position);
        let (elsewhere, older) = self.compared(first, recovered)?;
        // A torn group may end with a checkpoint; then that is not the last.
        let in_journal = |note: &Option<String>| {
            let stated = checkpoints::parse(note.as_deref()?)?;
            (stated.position < last).then_some(stated)
        };
        let mut signed = in_journal(&self.last.0).or_else(|| in_journal(&self.last.1));
        if self.key.is_some()
            && signed
                .as_ref()
                .is_some_and(|signed| signed.position >= self.signed_at)
        {
            // The replay has looked at this one.
            self.signatures += 1;
        }
        let snapshot = self
            .statements
            .iter()
            .find(|one| one.source == Source::Snapshot);
        if let Some(snapshot) = snapshot {
            self.signatures += u64::from(self.key.is_some());
            let is_newer = |signed: &Checkpoint| signed.position < snapshot.checkpoint.position;
            if signed.as_ref().is_none_or(is_newer) {
                signed = Some(snapshot.checkpoint.clone());
            }
        }
        let signed_to = signed.as_ref().map_or(0, |signed| signed.position);
        let (behind, behind_since) = match signed_to >= events.last {
            true => (0, None),
            false => (events.behind, events.behind_since),
        };
        let left_out = self.left_out(signed_to)?;
        self.nothing_removed_unsaid(beginning, events)?;
        let verified = Verified {
            store: beginning.first.store,
            epoch: recovered.last.epoch,
            segments: recovered.segments.len() as u64,
            compressed: self.compressed,
            first,
            last,
            hash: recovered.point.hash,
            events: events.count,
            oldest: events.oldest,
            newest: events.newest,
            checkpoints: self.checkpoints,
            signed,
            signatures: self.signatures,
            unsigned_events: behind,
            unsigned_since: behind_since,
            snapshot: None,
            elsewhere,
            older,
            left_out,
            torn_octets: recovered.torn,
        };
        if self.key.is_some() {
            let file = segments::path(self.disk, recovered.last.number);
            is_signed_enough(&verified, file)?;
        }
        Ok(verified)
    }

    /// How many statements from elsewhere are true, and how many are of what was removed. Counts
    /// what may have been left out with the epochs.
    fn compared(&self, first: Position, recovered: &Recovered) -> Result<(u64, u64), Fault> {
        let last = recovered.point.position;
        let (mut elsewhere, mut older) = (0, 0);
        for statement in &self.statements {
            let position = statement.checkpoint.position;
            if position > last {
                return Err(Fault::end_lost(statement, &recovered.last, self.disk, last));
            }
            let from_elsewhere = statement.source == Source::Elsewhere;
            match statement.met {
                Met::WhatItSays => elsewhere += u64::from(from_elsewhere),
                Met::LeftOut => {}
                Met::Nothing => {
                    let mut epochs = self.seen.epochs.borrow_mut();
                    let skips =
                        |epoch: &&mut Epoch| epoch.behind < position && position < epoch.first;
                    match epochs.iter_mut().find(skips) {
                        Some(epoch) if from_elsewhere => epoch.left_out += 1,
                        _ if position < first => older += u64::from(from_elsewhere),
                        _ => return Err(Fault::untrue(statement)),
                    }
                }
            }
        }
        Ok((elsewhere, older))
    }

    /// What is not there was removed by a retention that says so, or the store was restored from a
    /// backup without history: an epoch begins before its first event. A crash in a retention leaves
    /// more than it says, never less.
    fn nothing_removed_unsaid(&self, beginning: &Beginning, events: &Events) -> Result<(), Fault> {
        let first = &beginning.first;
        let said = events.removed_before.unwrap_or(FIRST_POSITION);
        let epochs = self.seen.epochs.borrow();
        let restored = epochs.first().is_some_and(|epoch| {
            epoch.segment > first.number && events.first.is_none_or(|at| at >= epoch.first)
        });
        match first.first_position > said && !beginning.is_whole() && !restored {
            true => Err(Fault::removed(
                segments::path(self.disk, first.number),
                first.first_position,
                events.removed_before,
            )),
            false => Ok(()),
        }
    }

    /// What restores have left out. An epoch that no restore began, or that has taken something
    /// away without a signature, is a fault.
    fn left_out(&self, signed_to: Position) -> Result<Vec<LeftOut>, Fault> {
        let mut left_out = Vec::new();
        for epoch in self.seen.epochs.borrow().iter() {
            let file = segments::path(self.disk, epoch.segment);
            let restored = match &epoch.begun {
                Some(begun) if begun.is_restore => Some(begun),
                Some(begun) => return Err(Fault::of_epoch(file, epoch, begun.position)),
                None => None,
            };
            if epoch.left_out == 0 {
                continue;
            }
            match restored {
                Some(_) if self.key.is_none() => return Err(Fault::left_out(file, epoch, NO_KEY)),
                Some(begun) if begun.position <= signed_to => left_out.push(LeftOut {
                    checkpoints: epoch.left_out,
                    restored: begun.time,
                }),
                _ => return Err(Fault::left_out(file, epoch, NO_RESTORE)),
            }
        }
        Ok(left_out)
    }
}

const NO_KEY: (&str, &str) = (
    "and without a key nobody can tell whether a restore that is signed for has left them out",
    "give the public key",
);
const NO_RESTORE: (&str, &str) = (
    "and no restore that is signed for has left them out",
    WAY_OUT,
);

/// A store that signs has signed nearly everything. Else whoever has rewritten the journal need only
/// leave the checkpoints out.
fn is_signed_enough(verified: &Verified, file: PathBuf) -> Result<(), Fault> {
    if verified.events > 0 && verified.signatures == 0 {
        return Err(Fault::nothing_signed(file, verified.events));
    }
    if verified.unsigned_events > UNSIGNED_MOST {
        let signed_to = verified.signed.as_ref().map_or(0, |signed| signed.position);
        let events = verified.unsigned_events;
        return Err(Fault::not_signed(file, signed_to, events));
    }
    Ok(())
}

impl Watch for Auditor<'_> {
    fn segment(&mut self, header: &Header) -> Result<(), Damage> {
        if segments::is_compressed(self.disk, header.number) {
            let archive = archive::open(self.disk, header.number);
            let checked = archive.and_then(|archive| archive.check());
            checked.map_err(|_| Damage::Compressed)?;
            self.compressed += 1;
        }
        self.enters(header)?;
        self.reaches(header.first_position - 1, &header.previous, false)
    }

    fn frame(&mut self, frame: &Frame<'_>, _: GroupPlace, hash: &ChainHash) -> Result<(), Damage> {
        if frame.head.group != self.group {
            self.group = frame.head.group;
            self.last.1 = self.last.0.take().or(self.last.1.take());
        }
        let ends = matches!(frame.head.kind, FrameKind::Checkpoint | FrameKind::Seal);
        if !ends {
            self.doubts_no_more()?;
        }
        self.reaches(frame.head.position, hash, ends)?;
        match frame.head.kind {
            FrameKind::Checkpoint => self.take_checkpoint(frame),
            _ => Ok(()),
        }
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        let (file, octet) = match &error {
            OpenError::Damaged { file, offset, .. } | OpenError::LaterVersion { file, offset } => {
                (file.clone(), Some(*offset))
            }
            OpenError::Io { path: file, .. }
            | OpenError::InUse { path: file }
            | OpenError::Folder { path: file, .. }
            | OpenError::Missing { file }
            | OpenError::Format { file, .. }
            | OpenError::EndLost { file, .. }
            | OpenError::PutBack { file, .. }
            | OpenError::Rewritten { file, .. } => (file.clone(), None),
        };
        Self {
            file,
            octet,
            position: None,
            text: error.to_string(),
            may_pass: false,
        }
    }
}

impl Fault {
    /// Whether it is only that no checkpoint has been written yet, which a running verifier does within
    /// a second.
    pub fn is_only_unsigned(&self) -> bool {
        self.may_pass
    }

    /// What was found behind the position before.
    fn at(error: OpenError, position: Position) -> Self {
        let mut fault = Self::from(error);
        if fault.octet.is_some() {
            let place = format!(" (position {position})\n");
            fault.text = fault.text.replacen('\n', &place, 1);
            fault.position = Some(position);
        }
        fault
    }

    fn of_statement(file: PathBuf, position: Option<Position>, what: &str) -> Self {
        let place = position.map_or(String::new(), |at| format!(" (position {at})"));
        Self {
            text: format!("{}: {what}{place}\n{WAY_OUT}", file.display()),
            file,
            octet: None,
            position,
            may_pass: false,
        }
    }

    /// What stands at its position is not what a statement says.
    fn untrue(statement: &Statement) -> Self {
        let position = Some(statement.checkpoint.position);
        Self::of_statement(statement.file.clone(), position, DIFFERS)
    }

    fn of_journal(file: PathBuf, position: Position, what: &str, way_out: &str) -> Self {
        Self {
            text: format!("{}: {what}\n{way_out}", file.display()),
            file,
            octet: None,
            position: Some(position),
            may_pass: false,
        }
    }

    fn of_epoch(file: PathBuf, epoch: &Epoch, position: Position) -> Self {
        let number = epoch.number;
        let what = format!(
            "epoch {number} begins here, and its first event (position {position}) is no restore: \
             nothing else begins an epoch"
        );
        Self::of_journal(file, position, &what, WAY_OUT)
    }

    fn left_out(file: PathBuf, epoch: &Epoch, (why, way_out): (&str, &str)) -> Self {
        let (left_out, behind, first) = (epoch.left_out, epoch.behind, epoch.first);
        let what = format!(
            "checkpoints from elsewhere ({left_out} of them) are of events that are not there: the \
             journal skips from position {behind} to {first}, {why}"
        );
        Self::of_journal(file, behind + 1, &what, way_out)
    }

    fn removed(file: PathBuf, first: Position, said: Option<Position>) -> Self {
        let said = match said {
            Some(said) => format!("the last retention kept everything from position {said} on"),
            None => "no retention says so".to_owned(),
        };
        let what = format!("everything before position {first} was removed, and {said}");
        Self::of_journal(file, first, &what, WAY_OUT)
    }

    fn nothing_signed(file: PathBuf, events: u64) -> Self {
        let what = format!("there are {events} events, and nothing is signed");
        let way_out = "if the store is new, start its verifier, which signs what it finds to be its \
            own, and verify again; else restore the last backup";
        Self {
            may_pass: true,
            ..Self::of_journal(file, 1, &what, way_out)
        }
    }

    fn not_signed(file: PathBuf, signed_to: Position, events: u64) -> Self {
        let what = format!(
            "from position {} on {events} events are not signed; a verifier leaves no more than \
             {UNSIGNED_MOST} of them so",
            signed_to + 1
        );
        Self::of_journal(file, signed_to + 1, &what, WAY_OUT)
    }

    fn of_key(data: &Path, origin: &str) -> Self {
        let text = format!(
            "{}: this is the store {origin}, and the public key is of another one\nname the \
             public key of this store: the file audit.pub of its data folder, or a copy of it",
            data.display()
        );
        Self {
            file: data.into(),
            octet: None,
            position: None,
            text,
            may_pass: false,
        }
    }

    /// A statement says that there was more.
    fn end_lost(statement: &Statement, last: &Header, disk: &dyn Disk, end: Position) -> Self {
        let file = segments::path(disk, last.number);
        let stated = statement.checkpoint.position;
        let text = format!(
            "{}: the journal ends at position {end}, but {} states that it reached position \
             {stated}: its end is gone, or it was put back to what it was before\n{WAY_OUT}",
            file.display(),
            statement.file.display(),
        );
        Self {
            file,
            octet: None,
            position: Some(end + 1),
            text,
            may_pass: false,
        }
    }
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

/// Looks up what stands at `position`, and whether a checkpoint vouches for it. Where there is a key
/// it waits for the checkpoint that a running verifier is about to write.
pub fn find(data: &Path, position: Position, key: Option<&PublicKey>) -> Result<Lookup, Fault> {
    let disk = open(data)?;
    let mut tries = 0;
    loop {
        let found = patiently(&disk, || find_on(&disk, position, key))?;
        tries += 1;
        let waits = matches!(&found, Lookup::Event(event) if event.checkpoint.is_none());
        if !waits || key.is_none() || tries == TRIES {
            return Ok(found);
        }
        thread::sleep(MOMENT);
    }
}

pub(crate) fn find_on(
    disk: &dyn Disk,
    position: Position,
    key: Option<&PublicKey>,
) -> Result<Lookup, Fault> {
    let Some(mut beginning) = Beginning::find(disk)? else {
        let file = disk.path(&file_name(FIRST));
        return Err(OpenError::Missing { file }.into());
    };
    let first = beginning.first.first_position;
    if position < first {
        return Ok(match beginning.is_whole() {
            true => Lookup::NoEvent,
            false => Lookup::Removed { first },
        });
    }
    let begins_before = |header: &&Header| header.first_position <= position;
    let before = beginning.headers.values().rev().find(begins_before);
    let from = before.map_or(FIRST, |header| header.number);
    let mut finder = Finder {
        position,
        key,
        found: None,
        behind: 0,
        enough: false,
        reached: 0,
    };
    let listener = Listener {
        apply: &mut |_| {},
        progress: &mut |_, _| {},
        key: None,
        keyring: None,
        watch: Some(&mut finder),
        live: true,
    };
    let headers = beginning.headers.split_off(&from);
    let read = recovery::examine(disk, headers, Start::default(), listener);
    let recovered = read.map_err(|error| Fault::at(error, finder.reached + 1))?;
    let last = recovered.point.position;
    if key.is_some() && finder.behind > UNSIGNED_MOST {
        let file = segments::path(disk, recovered.last.number);
        return Err(Fault::not_signed(file, position - 1, finder.behind));
    }
    Ok(match finder.found {
        _ if position > last => Lookup::Behind { last },
        Some(found) => Lookup::Event(Box::new(found)),
        None => Lookup::NoEvent,
    })
}

/// Looks for an event, and the first checkpoint behind it.
struct Finder<'a> {
    position: Position,
    key: Option<&'a PublicKey>,
    found: Option<FoundEvent>,
    /// So many events stand there without a checkpoint behind them, this one included.
    behind: u64,
    enough: bool,
    reached: Position,
}

impl Watch for Finder<'_> {
    fn segment(&mut self, _: &Header) -> Result<(), Damage> {
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>, _: GroupPlace, hash: &ChainHash) -> Result<(), Damage> {
        let head = &frame.head;
        self.reached = head.position;
        if head.position == self.position && head.kind == FrameKind::Change {
            let event = body::event_of(frame.body()).ok().flatten();
            self.found = Some(FoundEvent {
                event: event.ok_or(Damage::Body)?,
                hash: *hash,
                checkpoint: None,
            });
        }
        let is_unsigned = |found: &FoundEvent| found.checkpoint.is_none();
        if head.kind == FrameKind::Change && self.found.as_ref().is_some_and(is_unsigned) {
            self.behind += 1;
        }
        if head.kind == FrameKind::Checkpoint
            && let Some(found) = &mut self.found
            && found.checkpoint.is_none()
        {
            let note = minicbor::decode::<&str>(frame.body()).map_err(|_| Damage::Checkpoint)?;
            if self
                .key
                .is_some_and(|key| !checkpoints::is_signed(note, key))
            {
                return Err(Damage::Checkpoint);
            }
            found.checkpoint = checkpoints::parse(note);
            self.behind = 0;
        }
        let vouched = self
            .found
            .as_ref()
            .is_some_and(|found| found.checkpoint.is_some());
        let in_vain = self.found.is_none() && head.position >= self.position;
        self.enough = head.last_of_group && (vouched || in_vain);
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.enough
    }
}
