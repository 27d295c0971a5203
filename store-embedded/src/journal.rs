//! The journal as it is written: a group of frames, one sync, and it counts.

use std::io;
use std::sync::Arc;

use sekisho_verifier::store::Position;

use crate::audit::Audit;
use crate::disk::{Disk, DiskFile, write_full, write_zeros};
use crate::frame::ChainHash;
use crate::group::Group;
use crate::recovery::{GroupPlace, Point, Recovered};
use crate::segment::{HEADER_OCTETS, Header, StoreId, TEMPORARY, file_name};

/// The file grows by so many zeros at a time. Writing into space that exists saves a quarter of
/// a sync, and what a torn write leaves is then zeros and nothing else.
pub(crate) const GROW_OCTETS: u64 = 4 << 20;
/// A larger group goes to the file piece by piece, to bound the memory that it takes.
const FLUSH_OCTETS: usize = 4 << 20;

/// Why a group is not in the journal.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// It is certainly not, and never will be.
    NotWritten(io::Error),
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
    point: Point,
    last_octets: u64,
    sizes: Sizes,
}

/// How large the files are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// A segment is sealed when it has grown to this.
    pub(crate) segment_octets: u64,
    /// See [`GROW_OCTETS`].
    pub(crate) grow_octets: u64,
}

/// Makes the first segment of a new store.
pub(crate) fn create(disk: &dyn Disk, header: &Header, sizes: Sizes) -> io::Result<()> {
    make_segment(disk, header, sizes.grow_octets).map(drop)
}

/// Makes a segment under another name and gives it its own when it is whole and durable, so that a
/// segment never has half a header.
fn make_segment(disk: &dyn Disk, header: &Header, octets: u64) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(TEMPORARY) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(TEMPORARY)?;
    write_full(&*file, &header.octets(), 0)?;
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
            point: recovered.point,
            last_octets: 0,
            sizes,
        })
    }

    /// The end of the last group.
    pub(crate) fn point(&self) -> &Point {
        &self.point
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

    /// Begins a group, in a new segment when this one is full.
    pub(crate) fn begin(&mut self) -> Result<Group, CommitError> {
        if self.offset >= self.sizes.segment_octets {
            self.seal()?;
        }
        Ok(self.group())
    }

    fn group(&self) -> Group {
        Group::new(self.point.position + 1, self.point.hash, self.offset)
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
        let written = self
            .make_room(end)
            .and_then(|()| write_full(&*self.file, octets, group.offset()));
        if let Err(error) = written {
            self.cut_back(end)?;
            return Err(CommitError::NotWritten(error));
        }
        group.forget_finished();
        Ok(())
    }

    /// Grows the file.
    fn make_room(&mut self, end: u64) -> io::Result<()> {
        if end <= self.room {
            return Ok(());
        }
        let room = end.next_multiple_of(self.sizes.grow_octets);
        write_zeros(&*self.file, self.room, room)?;
        self.room = room;
        Ok(())
    }

    /// Takes a group that failed out of the file again, so that not even a part of it can be found
    /// after a crash.
    fn cut_back(&self, end: u64) -> Result<(), CommitError> {
        let end = end.min(self.room);
        write_zeros(&*self.file, self.offset, end).map_err(|_| CommitError::Fatal)?;
        self.file.sync().map_err(|_| CommitError::Fatal)
    }

    /// Takes a group back that was not ended.
    pub(crate) fn abandon(&mut self, group: &Group) -> Result<(), CommitError> {
        if group.offset() == self.offset {
            return Ok(());
        }
        self.cut_back(group.offset())
    }

    /// Makes the group durable. When this returns, it counts.
    pub(crate) fn commit(&mut self, mut group: Group) -> Result<(), CommitError> {
        let hash = group.end();
        self.write(&mut group)?;
        // A sync that failed is never tried again: the system may have dropped what it could not
        // write, and would report success.
        self.file.sync().map_err(|_| CommitError::Fatal)?;
        self.advance(&group, hash);
        Ok(())
    }

    fn advance(&mut self, group: &Group, hash: ChainHash) {
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
    }

    /// Ends this segment and begins the next. The next one is there, whole and durable, before the
    /// seal says so; and it is used only when the seal is durable.
    fn seal(&mut self) -> Result<(), CommitError> {
        let mut group = self.group();
        group.seal(self.header.number + 1);
        let first_position: Position = group.last() + 1;
        let next = Header {
            number: self.header.number + 1,
            first_position,
            previous: group.end(),
            ..self.header
        };
        let file = match make_segment(&*self.disk, &next, self.sizes.grow_octets) {
            Ok(file) => file,
            Err(error) => return self.give_up_segment(next.number, error),
        };
        match self.write(&mut group) {
            Ok(()) => {}
            Err(CommitError::NotWritten(error)) => {
                return self.give_up_segment(next.number, error);
            }
            Err(CommitError::Fatal) => return Err(CommitError::Fatal),
        }
        self.file.sync().map_err(|_| CommitError::Fatal)?;
        self.advance(&group, next.previous);
        self.file = file;
        self.header = next;
        self.offset = HEADER_OCTETS as u64;
        self.room = self.sizes.grow_octets;
        self.audit.begins(next.number, first_position, self.offset);
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
