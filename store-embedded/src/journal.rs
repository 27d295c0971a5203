//! The journal as it is written: a group of frames, one sync, and it counts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_verifier::seal::{DataKey, Keyring};
use sekisho_verifier::store::Position;

use crate::anchor::Reached;
use crate::audit::Audit;
use crate::body::Next;
use crate::checkpoints::{Pace, Signing};
use crate::disk::{Disk, DiskFile, ZEROS_OCTETS, write_full, write_zeros};
use crate::frame::ChainHash;
use crate::group::Group;
use crate::recovery::{GroupPlace, Point, Recovered};
use crate::segment::{HEADER_OCTETS, Header, StoreId, TEMPORARY, file_name};

/// The file grows by so many zeros at a time. Writing into space that exists saves a quarter of
/// a sync, and what a torn write leaves is then zeros and nothing else.
pub(crate) const GROW_OCTETS: u64 = 4 << 20;
/// A larger group goes to the file piece by piece, to bound the memory that it takes.
const FLUSH_OCTETS: usize = 4 << 20;

/// So many zeros always stand behind what logins may fill. They are for what takes rights away, and
/// for what mends a full disk: some hundred operations.
pub(crate) const RESERVE_OCTETS: u64 = 256 << 10;
/// A full disk has space again when there is room for this part of [`GROW_OCTETS`].
const SOME_LOGINS: u64 = 16;
/// Space is looked for again no more often than this.
const RETRY: Duration = Duration::from_secs(1);

/// Why a group is not in the journal.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// It is certainly not, and never will be.
    NotWritten(io::Error),
    /// The same, because nothing is left but the reserve, or not even that.
    Full(io::Error),
    /// Nobody knows.
    Fatal,
}

/// The end of the journal.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    audit: Arc<Audit>,
    file: Box<dyn DiskFile>,
    header: Header,
    /// Where the next group goes.
    offset: u64,
    /// The file holds zeros up to here.
    room: u64,
    /// The file could not grow, or the next segment not be made: when, and why.
    failed: Option<(Instant, io::ErrorKind, String)>,
    point: Point,
    last_octets: u64,
    sizes: Sizes,
    signing: Option<Signing>,
    /// For the stamps of seals.
    keyring: Arc<Keyring>,
    /// Events since the last checkpoint.
    unsigned: u64,
    /// When the oldest of them was committed.
    unsigned_since: Option<Instant>,
    /// The newest checkpoint, until somebody takes it.
    checkpoint: Option<String>,
}

/// How large the files are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// A segment is sealed when it has grown to this.
    pub(crate) segment_octets: u64,
    /// See [`GROW_OCTETS`].
    pub(crate) grow_octets: u64,
    /// See [`RESERVE_OCTETS`].
    pub(crate) reserve_octets: u64,
    /// See [`RETRY`].
    pub(crate) retry: Duration,
    /// How often checkpoints come.
    pub(crate) pace: Pace,
}

impl Sizes {
    /// The usual ones.
    pub(crate) fn new(segment_octets: u64) -> Self {
        Self {
            segment_octets,
            grow_octets: GROW_OCTETS,
            reserve_octets: RESERVE_OCTETS,
            retry: RETRY,
            pace: Pace::USUAL,
        }
    }
}

/// Makes the first segment of a new store.
pub(crate) fn create(
    disk: &dyn Disk,
    header: &Header,
    key: &DataKey,
    sizes: Sizes,
) -> io::Result<()> {
    make_segment(disk, header, key, sizes.grow_octets).map(drop)
}

/// Makes a segment under another name and gives it its own when it is whole and durable, so that a
/// segment never has half a header.
fn make_segment(
    disk: &dyn Disk,
    header: &Header,
    key: &DataKey,
    octets: u64,
) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(TEMPORARY) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(TEMPORARY)?;
    write_full(&*file, &header.octets(key), 0)?;
    write_zeros(&*file, HEADER_OCTETS as u64, octets)?;
    file.sync()?;
    disk.rename(TEMPORARY, &file_name(header.number))?;
    disk.sync_names()?;
    Ok(file)
}

impl Journal {
    /// Goes on where the journal was found to end.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        audit: Arc<Audit>,
        recovered: &Recovered,
        sizes: Sizes,
        signing: Option<Signing>,
        keyring: Arc<Keyring>,
    ) -> io::Result<Self> {
        let file = disk.open(&file_name(recovered.last.number))?;
        let room = file.octets()?;
        Ok(Self {
            disk,
            audit,
            file,
            header: recovered.last,
            offset: recovered.end,
            room,
            failed: None,
            point: recovered.point,
            last_octets: 0,
            sizes,
            signing,
            keyring,
            // How many there are is not known, so the next event stands behind a checkpoint.
            unsigned: match recovered.signed {
                true => 0,
                false => sizes.pace.events,
            },
            unsigned_since: (!recovered.signed).then(Instant::now),
            checkpoint: None,
        })
    }

    /// The end of the last group.
    pub(crate) fn point(&self) -> &Point {
        &self.point
    }

    /// The same, for the anchor.
    pub(crate) fn reached(&self) -> Reached {
        Reached {
            epoch: self.header.epoch,
            store: self.header.store,
            position: self.point.position,
            hash: self.point.hash,
        }
    }

    /// Where the last segment is.
    pub(crate) fn path(&self) -> PathBuf {
        self.disk.path(&file_name(self.header.number))
    }

    /// How much the last group took.
    pub(crate) fn last_octets(&self) -> u64 {
        self.last_octets
    }

    /// Which store it belongs to.
    pub(crate) fn store(&self) -> StoreId {
        self.header.store
    }

    /// The epoch of this part of the journal.
    pub(crate) fn epoch(&self) -> u32 {
        self.header.epoch
    }

    /// What signs checkpoints.
    pub(crate) fn signing(&self) -> Option<&Signing> {
        self.signing.as_ref()
    }

    /// The newest checkpoint, if nobody has taken it.
    pub(crate) fn take_checkpoint(&mut self) -> Option<String> {
        self.checkpoint.take()
    }

    /// Begins a group, in a new segment when this one is full. When the next segment can not be
    /// made, this one takes what it has room for, the reserve included.
    pub(crate) fn begin(&mut self, may_use_reserve: bool) -> Result<Group, CommitError> {
        if self.is_overdue() && self.may_try_again() {
            self.failed = None;
            match self.seal(self.header.epoch, 0) {
                Err(CommitError::Fatal) => return Err(CommitError::Fatal),
                Err(CommitError::NotWritten(error) | CommitError::Full(error)) => {
                    self.note_failure(&error);
                }
                Ok(()) => {}
            }
        }
        Ok(self.group(may_use_reserve))
    }

    fn group(&self, may_use_reserve: bool) -> Group {
        let (first, previous) = (self.point.position + 1, self.point.hash);
        let mut group = Group::new(first, previous, self.offset, self.unsigned);
        group.may_use_reserve = may_use_reserve;
        group
    }

    /// Whether this segment should have been sealed.
    fn is_overdue(&self) -> bool {
        self.offset >= self.sizes.segment_octets
    }

    /// Looking for space takes time, and comes before each group.
    fn may_try_again(&self) -> bool {
        let failed = self.failed.as_ref().map(|(when, ..)| when.elapsed());
        failed.is_none_or(|since| since >= self.sizes.retry)
    }

    fn note_failure(&mut self, error: &io::Error) {
        self.failed = Some((Instant::now(), error.kind(), error.to_string()));
    }

    /// Adds a checkpoint if so many events are without one that the next may not come before it.
    pub(crate) fn checkpoint_before_change(&self, group: &mut Group) {
        if let Some(signing) = &self.signing
            && group.unsigned() >= signing.pace.events
        {
            group.checkpoint(signing);
        }
    }

    /// Adds a checkpoint behind the last change by a key that is about to be destroyed: the stamps
    /// of that key can not be checked any more, the signature can.
    pub(crate) fn checkpoint_before_key_is_gone(&self, group: &mut Group) {
        if let Some(signing) = &self.signing {
            group.checkpoint(signing);
        }
    }

    /// Writes what is finished of a large group.
    pub(crate) fn flush(&mut self, group: &mut Group) -> Result<(), CommitError> {
        if group.finished().len() < FLUSH_OCTETS {
            return Ok(());
        }
        self.write(group)
    }

    fn write(&mut self, group: &mut Group) -> Result<(), CommitError> {
        let octets = group.finished();
        let end = group.offset() + octets.len() as u64;
        if let Err(error) = self.make_room(end, group.may_use_reserve) {
            self.abandon(group)?;
            return Err(CommitError::Full(error));
        }
        if let Err(error) = write_full(&*self.file, octets, group.offset()) {
            self.cut_back(end)?;
            return Err(CommitError::NotWritten(error));
        }
        group.forget_finished();
        Ok(())
    }

    /// Grows the file, so that the reserve stands behind `end`. Who may use the reserve needs none
    /// behind it.
    fn make_room(&mut self, end: u64, may_use_reserve: bool) -> io::Result<()> {
        let wanted = end + self.sizes.reserve_octets;
        match self.grow(wanted) {
            Err(_) if may_use_reserve && end <= self.room => Ok(()),
            grown => grown,
        }
    }

    fn grow(&mut self, wanted: u64) -> io::Result<()> {
        if wanted <= self.room {
            return Ok(());
        }
        if let Some((_, kind, error)) = &self.failed
            && (!self.may_try_again() || self.is_overdue())
        {
            // A segment that is to be sealed does not grow any more.
            return Err(io::Error::new(*kind, error.clone()));
        }
        let room = wanted.next_multiple_of(self.sizes.grow_octets);
        while self.room < room {
            let next = room.min(self.room + ZEROS_OCTETS);
            match write_zeros(&*self.file, self.room, next) {
                Ok(()) => self.room = next,
                Err(_) if wanted <= self.room => break,
                Err(error) => {
                    self.note_failure(&error);
                    return Err(error);
                }
            }
        }
        self.failed = None;
        Ok(())
    }

    /// Looks for space again. Whether there is enough for some logins and not only for the next.
    pub(crate) fn look_for_room(&mut self) -> Result<bool, CommitError> {
        let end = self.begin(false)?.offset();
        let some = self.sizes.grow_octets / SOME_LOGINS;
        Ok(self.grow(end + some + self.sizes.reserve_octets).is_ok())
    }

    /// Takes a group that failed out of the file again, so that not even a part of it can be found
    /// after a crash.
    fn cut_back(&self, end: u64) -> Result<(), CommitError> {
        let end = end.min(self.room);
        write_zeros(&*self.file, self.offset, end).map_err(|_| CommitError::Fatal)?;
        self.file.sync().map_err(|_| CommitError::Fatal)
    }

    /// Takes a group back that was not ended.
    pub(crate) fn abandon(&self, group: &Group) -> Result<(), CommitError> {
        if group.offset() == self.offset {
            return Ok(());
        }
        self.cut_back(group.offset())
    }

    /// Makes the group durable. When this returns, it counts.
    pub(crate) fn commit(&mut self, mut group: Group) -> Result<(), CommitError> {
        if let Some(signing) = &self.signing
            && group.unsigned() > 0
            && (group.unsigned() >= signing.pace.events || self.has_waited(signing))
        {
            group.checkpoint(signing);
        }
        let hash = group.end();
        self.write(&mut group)?;
        // A sync that failed is never tried again: the system may have dropped what it could not
        // write, and would report success.
        self.file.sync().map_err(|_| CommitError::Fatal)?;
        self.advance(&mut group, hash);
        Ok(())
    }

    fn advance(&mut self, group: &mut Group, hash: ChainHash) {
        self.point = Point {
            position: group.last(),
            hash,
            group: Some(GroupPlace {
                segment: self.header.number,
                offset: self.offset,
            }),
        };
        self.last_octets = group.offset() - self.offset;
        self.offset = group.offset();
        self.audit.reaches(self.offset);
        self.unsigned = group.unsigned();
        if let Some(checkpoint) = group.take_checkpoint() {
            self.checkpoint = Some(checkpoint);
            self.unsigned_since = None;
        }
        if self.unsigned > 0 && self.unsigned_since.is_none() {
            self.unsigned_since = Some(Instant::now());
        }
    }

    fn has_waited(&self, signing: &Signing) -> bool {
        let waited = self.unsigned_since.map(|since| since.elapsed());
        waited.is_some_and(|waited| waited >= signing.pace.after)
    }

    /// Whether there are events that no checkpoint stands for, now or soon.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.signing.is_some() && self.unsigned > 0
    }

    /// Writes a checkpoint if an event has waited for it long enough. Whether it did.
    pub(crate) fn checkpoint_if_due(&mut self) -> Result<bool, CommitError> {
        match &self.signing {
            Some(signing) if self.unsigned > 0 && self.has_waited(signing) => {
                self.checkpoint().map(|()| true)
            }
            _ => Ok(false),
        }
    }

    fn checkpoint(&mut self) -> Result<(), CommitError> {
        let Some(signing) = self.signing.as_ref().filter(|_| self.unsigned > 0) else {
            return Ok(());
        };
        let mut group = self.group(true);
        group.checkpoint(signing);
        self.commit(group)
    }

    /// Ends this segment, and goes on in the next epoch: at `floor`, if the journal has not come so
    /// far.
    pub(crate) fn begin_epoch(&mut self, floor: Position) -> Result<(), CommitError> {
        self.seal(self.header.epoch.saturating_add(1), floor)
    }

    /// Ends this segment and begins the next. The next one is there, whole and durable, before the
    /// seal says so; and it is used only when the seal is durable.
    fn seal(&mut self, epoch: u32, floor: Position) -> Result<(), CommitError> {
        self.checkpoint()?;
        let mut group = self.group(true);
        let follows = Next {
            segment: self.header.number + 1,
            epoch,
            // The seal takes the next position.
            first_position: floor.max(self.point.position + 2),
        };
        let key = self.keyring.current();
        group.seal(&follows, &key);
        let next = Header {
            epoch,
            number: follows.segment,
            first_position: follows.first_position,
            previous: group.end(),
            ..self.header
        };
        let room = self.sizes.grow_octets.max(self.sizes.reserve_octets);
        let file = match make_segment(&*self.disk, &next, &key, room) {
            Ok(file) => file,
            Err(error) => return self.give_up_segment(next.number, error),
        };
        match self.write(&mut group) {
            Ok(()) => {}
            Err(CommitError::NotWritten(error) | CommitError::Full(error)) => {
                return self.give_up_segment(next.number, error);
            }
            Err(CommitError::Fatal) => return Err(CommitError::Fatal),
        }
        self.file.sync().map_err(|_| CommitError::Fatal)?;
        self.advance(&mut group, next.previous);
        // Where positions jump, what was skipped counts as reached.
        self.point.position = next.first_position - 1;
        self.file = file;
        self.header = next;
        self.offset = HEADER_OCTETS as u64;
        self.room = room;
        self.audit
            .begins(next.number, next.first_position, self.offset);
        Ok(())
    }

    /// Removes a segment that was not taken into use.
    fn give_up_segment(&self, number: u64, error: io::Error) -> Result<(), CommitError> {
        for name in [TEMPORARY, &file_name(number)] {
            match self.disk.remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CommitError::Fatal);
                }
                _ => {}
            }
        }
        self.disk.sync_names().map_err(|_| CommitError::Fatal)?;
        Err(CommitError::NotWritten(error))
    }
}
