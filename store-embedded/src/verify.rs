//! Verifies a journal offline: from the files alone, without any secret, also while a verifier
//! writes to them. It does what opening does, and more: octets without meaning must be as they
//! were written, and signed statements must be true.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::event::Event;
use sekisho_verifier::note::{NOTE_OCTETS_MAX, PublicKey};
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;

use crate::beginning::Beginning;
use crate::checkpoints;
use crate::disk::{Disk, ReadOnly};
use crate::error::{Damage, OpenError, WAY_OUT};
use crate::frame::{ChainHash, FrameKind};
use crate::recovery::{self, GroupPlace, Listener, Recovered, Replayed, Start, Watch};
use crate::scan::Frame;
use crate::segment::{FIRST, Header, file_name};
use crate::{archive, body, segments, snapshot};

/// Signatures of checkpoints that follow one another more closely are skipped: what a signature
/// stands for includes everything before it. That of the last one is always looked at.
const SIGNATURE_EVERY: u64 = 1_000;
/// How often it begins again when segments are removed under it.
const TRIES: usize = 3;
const CHECKPOINT: &str = "checkpoint";

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
    /// So many statements from elsewhere were compared, and are true.
    pub elsewhere: u64,
    /// So many statements from elsewhere are of before the first position: what they state was
    /// removed.
    pub older: u64,
    /// So many statements from elsewhere are of positions that a restore has left out: the store
    /// went on after the backup was made, and that is lost.
    pub left_out: u64,
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
    let disk = open(data)?;
    // The file is written after the journal, so it is read before.
    let kept = kept_checkpoint(data)?;
    patiently(&disk, || {
        verify_on(&disk, data, key, kept.as_deref(), elsewhere, progress)
    })
}

fn open(data: &Path) -> Result<ReadOnly, Fault> {
    let folder = data.join("journal");
    ReadOnly::open(&folder).map_err(|error| OpenError::io(&folder, "open", &error).into())
}

/// Does `work` again if the first segments were removed meanwhile, as they may.
fn patiently<T>(disk: &dyn Disk, mut work: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut tries = 0;
    loop {
        let before = first_segment(disk);
        tries += 1;
        match work() {
            Err(_) if tries < TRIES && first_segment(disk) != before => {}
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
    let failed = |error: std::io::Error| OpenError::io(&path, "read", &error).into();
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > NOTE_OCTETS_MAX as u64 => {
            return Err(Fault::of_statement(path, None, NO_CHECKPOINT));
        }
        Ok(_) => {}
    }
    let octets = std::fs::read(&path).map_err(failed)?;
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
    /// Where it comes from.
    file: PathBuf,
    checkpoint: Checkpoint,
    is_from_elsewhere: bool,
    met: bool,
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
    let Some(beginning) = Beginning::find(disk)? else {
        let file = disk.path(&file_name(FIRST));
        return Err(OpenError::Missing { file }.into());
    };
    let origin = Checkpoint::origin_of(&beginning.first.store);
    if key.is_some_and(|key| key.name() != origin) {
        return Err(Fault::of_key(data, &origin));
    }
    let mut statements = Vec::new();
    let given = elsewhere.iter().enumerate().map(|(number, note)| {
        let file = format!("checkpoint {} from elsewhere", number + 1);
        (PathBuf::from(file), note.as_str(), true)
    });
    let kept = kept.map(|note| (data.join(CHECKPOINT), note, false));
    for (file, note, is_from_elsewhere) in kept.into_iter().chain(given) {
        statements.push(Statement {
            checkpoint: statement(file.clone(), note, &origin, key)?,
            file,
            is_from_elsewhere,
            met: false,
        });
    }
    let snapshot = verify_snapshot(disk, key, &mut statements)?;
    let stated = Cell::new(0);
    let mut auditor = Auditor::new(disk, key, &stated, statements);
    let mut events = Events::default();
    let listener = Listener {
        apply: &mut |replayed| events.take(&replayed, stated.get()),
        progress,
        key: key.cloned(),
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

/// Verifies the snapshot, and takes what it states. Returns its position.
fn verify_snapshot(
    disk: &dyn Disk,
    key: Option<&PublicKey>,
    statements: &mut Vec<Statement>,
) -> Result<Option<Position>, Fault> {
    let Some(name) = snapshot::newest(disk)? else {
        return Ok(None);
    };
    let head = snapshot::read(disk, &name, key, &mut |_, _| {})?;
    statements.push(Statement {
        file: disk.path(&name),
        checkpoint: Checkpoint {
            origin: String::new(),
            position: head.point.position,
            hash: head.point.hash,
            time: head.summary.newest.unwrap_or(Time::from_millis(0)),
        },
        is_from_elsewhere: false,
        met: false,
    });
    Ok(Some(head.point.position))
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
}

impl Events {
    /// `stated` is the position of the last checkpoint that was read, which may stand behind it.
    fn take(&mut self, replayed: &Replayed, stated: Position) {
        self.count += 1;
        self.oldest = self.oldest.or(Some(replayed.event.time));
        self.newest = Some(replayed.event.time);
        if stated > self.last {
            self.behind = 0;
        }
        self.last = replayed.position;
        self.behind += u64::from(replayed.position > stated);
    }
}

/// Looks at what a replay does not need.
struct Auditor<'a> {
    disk: &'a dyn Disk,
    key: Option<&'a PublicKey>,
    /// Position of the last checkpoint.
    stated: &'a Cell<Position>,
    statements: Vec<Statement>,
    /// Which of them are of a position.
    wanted: BTreeMap<Position, Vec<usize>>,
    /// A statement that is not true: which, and at what position.
    untrue: Option<usize>,
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
        stated: &'a Cell<Position>,
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
            stated,
            statements,
            wanted,
            untrue: None,
            position: 0,
            group: 0,
            compressed: 0,
            checkpoints: 0,
            signatures: 0,
            signed_at: 0,
            last: (None, None),
        }
    }

    /// The journal has come to `position`, with this hash.
    fn reaches(&mut self, position: Position, hash: &ChainHash) -> Result<(), Damage> {
        self.position = position;
        for &index in self.wanted.get(&position).into_iter().flatten() {
            if self.statements[index].checkpoint.hash != *hash {
                self.untrue = Some(index);
                return Err(Damage::Checkpoint);
            }
            self.statements[index].met = true;
        }
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
        self.stated.set(position);
        self.last.0 = Some(note.into());
        Ok(())
    }

    /// Says where reading has come to.
    fn fault(&self, error: OpenError) -> Fault {
        match self.untrue.and_then(|index| self.statements.get(index)) {
            Some(untrue) => {
                let position = Some(untrue.checkpoint.position);
                Fault::of_statement(untrue.file.clone(), position, DIFFERS)
            }
            None => Fault::at(error, self.position + 1),
        }
    }

    fn verified(
        mut self,
        beginning: &Beginning,
        recovered: &Recovered,
        events: &Events,
    ) -> Result<Verified, Fault> {
        let (first, last) = (beginning.first.first_position, recovered.point.position);
        let (mut elsewhere, mut older, mut left_out) = (0, 0, 0);
        for statement in &self.statements {
            let position = statement.checkpoint.position;
            if position > last {
                return Err(Fault::end_lost(statement, &recovered.last, self.disk, last));
            }
            let outside = u64::from(statement.is_from_elsewhere);
            match statement.met {
                true => elsewhere += outside,
                false if position < first => older += outside,
                false if statement.is_from_elsewhere => left_out += 1,
                false => {
                    let (file, position) = (statement.file.clone(), Some(position));
                    return Err(Fault::of_statement(file, position, DIFFERS));
                }
            }
        }
        // A torn group may end with a checkpoint; then that is not the last.
        let in_journal = |note: &Option<String>| {
            let stated = checkpoints::parse(note.as_deref()?)?;
            (stated.position < last).then_some(stated)
        };
        let signed = in_journal(&self.last.0).or_else(|| in_journal(&self.last.1));
        if self.key.is_some()
            && signed
                .as_ref()
                .is_some_and(|signed| signed.position >= self.signed_at)
        {
            // The replay has looked at this one.
            self.signatures += 1;
        }
        let signed_to = signed.as_ref().map_or(0, |signed| signed.position);
        let behind = if signed_to >= events.last {
            0
        } else {
            events.behind
        };
        Ok(Verified {
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
            snapshot: None,
            elsewhere,
            older,
            left_out,
            torn_octets: recovered.torn,
        })
    }
}

impl Watch for Auditor<'_> {
    fn segment(&mut self, header: &Header) -> Result<(), Damage> {
        if segments::is_compressed(self.disk, header.number) {
            let archive = archive::open(self.disk, header.number);
            let checked = archive.and_then(|archive| archive.check());
            checked.map_err(|_| Damage::Compressed)?;
            self.compressed += 1;
        }
        self.reaches(header.first_position - 1, &header.previous)
    }

    fn frame(&mut self, frame: &Frame<'_>, _: GroupPlace, hash: &ChainHash) -> Result<(), Damage> {
        if frame.head.group != self.group {
            self.group = frame.head.group;
            self.last.1 = self.last.0.take().or(self.last.1.take());
        }
        self.reaches(frame.head.position, hash)?;
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
        }
    }
}

impl Fault {
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
        }
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

/// Looks up what stands at `position`, and whether a checkpoint vouches for it.
pub fn find(data: &Path, position: Position, key: Option<&PublicKey>) -> Result<Lookup, Fault> {
    let disk = open(data)?;
    patiently(&disk, || find_on(&disk, position, key))
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
        enough: false,
        reached: 0,
    };
    let listener = Listener {
        apply: &mut |_| {},
        progress: &mut |_, _| {},
        key: None,
        watch: Some(&mut finder),
        live: true,
    };
    let headers = beginning.headers.split_off(&from);
    let read = recovery::examine(disk, headers, Start::default(), listener);
    let recovered = read.map_err(|error| Fault::at(error, finder.reached + 1))?;
    let last = recovered.point.position;
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
