//! Reads events from the journal. It needs nothing of the store but where the journal ends, so an
//! audit can run beside the decisions.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::event::Event;
use sekisho_verifier::note::PublicKey;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::store::{EventPage, Position, StoreError};

use crate::archive;
use crate::body;
use crate::disk::{Disk, DiskFile};
use crate::frame::{self, FrameKind};
use crate::scan::{Frame, Scanner};
use crate::segment::{HEADER_OCTETS, file_name};
use crate::stamp::{self, Stamped};

/// One frame in so many octets has its place remembered.
const BLOCK_OCTETS: u64 = 64 << 10;
/// So many segments have the places of their blocks remembered.
const TABLES_MAX: usize = 64;
/// So much is read at once while places are looked for, and while a block is read.
const READ_OCTETS: usize = 128 << 10;

/// Where the journal ends, and where in it things are.
#[derive(Debug)]
pub(crate) struct Audit {
    disk: Arc<dyn Disk>,
    proof: Proof,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number and position of the first frame.
    segments: Vec<(u64, Position)>,
    /// Where the last segment ends.
    end: u64,
    tables: BTreeMap<u64, Arc<Table>>,
    /// The compressed segment that was read last: what it holds decompressed serves the next read.
    archive: Option<(u64, Arc<dyn DiskFile>)>,
}

/// The blocks of a segment.
#[derive(Debug, Clone)]
struct Table {
    /// First position and offset.
    blocks: Vec<(Position, u64)>,
    /// What comes behind the last frame looked at.
    next: (Position, u64),
    /// That was the seal: nothing follows, though the next segment may begin at a much higher
    /// position.
    sealed: bool,
}

/// How far a segment reaches.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// Up to the frame before this one, with which the next segment begins.
    Position(Position),
    /// Up to here; it is the last.
    Offset(u64),
}

impl Table {
    fn reaches(&self, bound: Bound) -> bool {
        match bound {
            _ if self.sealed => true,
            Bound::Position(next) => self.next.0 >= next,
            Bound::Offset(end) => self.next.1 >= end,
        }
    }
}

/// A part of a segment.
#[derive(Debug, Clone, Copy)]
struct Block {
    segment: u64,
    from: u64,
    to: u64,
    first: Position,
}

/// What tells that a frame is as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) key: Option<PublicKey>,
}

impl Proof {
    /// Whether the stamp of a change fits; `None` if its key is destroyed.
    fn stamp(&self, frame: &Frame<'_>) -> Option<bool> {
        let Ok(body) = body::parse(frame.body()) else {
            return Some(false);
        };
        let place = Stamped {
            kind: frame.head.kind,
            position: frame.head.position,
            previous: &frame.head.previous,
        };
        let stamped = &frame.body()[..body.end.stamped];
        stamp::fits(&self.keyring, &place.octets(), stamped, &body.end.stamp)
    }

    /// Whether it is a checkpoint that we have signed, for the frame before it.
    fn is_checkpoint(&self, frame: &Frame<'_>) -> bool {
        let (Some(key), FrameKind::Checkpoint) = (&self.key, frame.head.kind) else {
            return false;
        };
        let note = minicbor::decode::<&str>(frame.body()).unwrap_or_default();
        Checkpoint::open(key, note).is_some_and(|stated| {
            stated.position + 1 == frame.head.position && stated.hash == frame.head.previous
        })
    }
}

impl Audit {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        segments: Vec<(u64, Position)>,
        end: u64,
        proof: Proof,
    ) -> Self {
        let state = State {
            segments,
            end,
            tables: BTreeMap::new(),
            archive: None,
        };
        Self {
            disk,
            proof,
            state: Mutex::new(state),
        }
    }

    /// The last segment is durable up to here.
    pub(crate) fn reaches(&self, end: u64) {
        self.state().end = end;
    }

    /// Another segment has become the last one.
    pub(crate) fn begins(&self, segment: u64, first: Position, end: u64) {
        let mut state = self.state();
        state.segments.push((segment, first));
        state.end = end;
    }

    /// What the journal is read from.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// All segments, with the positions of their first frames, and where the last one ends.
    pub(crate) fn extent(&self) -> (Vec<(u64, Position)>, u64) {
        let state = self.state();
        (state.segments.clone(), state.end)
    }

    /// Segments before this one are no more.
    pub(crate) fn forget_before(&self, segment: u64) {
        let mut state = self.state();
        state.segments.retain(|&(number, _)| number >= segment);
        state.tables.retain(|&number, _| number >= segment);
        state.archive = None;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing that can panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event at `position`, if it is as it was written: receipts are signed for what is read here,
    /// so that a change of the file under a running verifier must not be believed.
    pub(crate) fn event(&self, position: Position) -> Result<Option<Event>, StoreError> {
        let Some(before) = position.checked_add(1) else {
            return Ok(None);
        };
        let Some(block) = self.block_before(before)? else {
            return Ok(None);
        };
        let mut found = None;
        self.read(&block, &mut |at, frame| {
            if at == position && is_change(frame) {
                found = Some(frame.body().to_vec());
            }
        })?;
        match found {
            None => Ok(None),
            Some(_) if !self.is_proven(&block, position)? => Err(StoreError::Corrupt),
            Some(octets) => decode(&octets).map(Some),
        }
    }

    /// Whether the stamp of the change at `position` fits, or, where its key is destroyed, whether the
    /// chain leads from it to a signed checkpoint.
    fn is_proven(&self, block: &Block, position: Position) -> Result<bool, StoreError> {
        let file = self.open(block.segment)?;
        let mut end = file.octets().map_err(unavailable)?;
        {
            let state = self.state();
            if state
                .segments
                .last()
                .is_some_and(|last| last.0 == block.segment)
            {
                end = end.min(state.end);
            }
        }
        let mut scanner = Scanner::new(&*file, end).reading(READ_OCTETS);
        let (mut offset, mut at) = (block.from, block.first);
        let mut previous = None;
        while let Some(frame) = scanner.frame(offset).map_err(unavailable)? {
            let joined = previous.is_none_or(|previous| frame.head.previous == previous);
            if frame.head.position != at || !joined {
                return Ok(false);
            }
            if at == position {
                match self.proof.stamp(&frame) {
                    Some(fits) => return Ok(fits),
                    None => previous = Some(frame::hash(frame.octets)),
                }
            } else if at > position {
                if self.proof.is_checkpoint(&frame) {
                    return Ok(true);
                }
                previous = Some(frame::hash(frame.octets));
            }
            offset += frame.head.frame_octets();
            at += 1;
        }
        Ok(false)
    }

    /// The chain hash of the event at `position`.
    pub(crate) fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.hash_if(position, &is_change)
    }

    /// The chain hash of the frame at `position`, whatever it is.
    pub(crate) fn frame_hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.hash_if(position, &|_| true)
    }

    fn hash_if(
        &self,
        position: Position,
        wanted: &dyn Fn(&Frame<'_>) -> bool,
    ) -> Result<Option<Hash>, StoreError> {
        let Some(before) = position.checked_add(1) else {
            return Ok(None);
        };
        let Some(block) = self.block_before(before)? else {
            return Ok(None);
        };
        let mut found = None;
        self.read(&block, &mut |at, frame| {
            if at == position && wanted(frame) {
                found = Some(frame::hash(frame.octets));
            }
        })?;
        Ok(found)
    }

    /// See [`Store::events`](sekisho_verifier::store::Store::events).
    pub(crate) fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError> {
        let mut page = EventPage::default();
        let mut looked = 0;
        let mut before = before.unwrap_or(Position::MAX);
        while let Some(block) = self.block_before(before)? {
            for (position, octets) in self.changes(&block, before)?.iter().rev() {
                if looked == look || page.events.len() == limit {
                    page.more_before = Some(position + 1);
                    return Ok(page);
                }
                looked += 1;
                let event = decode(octets)?;
                if wanted(&event) {
                    page.events.push((*position, event));
                }
            }
            before = block.first;
        }
        Ok(page)
    }

    /// Positions and bodies of the changes of a block.
    fn changes(
        &self,
        block: &Block,
        before: Position,
    ) -> Result<Vec<(Position, Vec<u8>)>, StoreError> {
        let mut changes = Vec::new();
        self.read(block, &mut |position, frame| {
            if position < before && is_change(frame) {
                changes.push((position, frame.body().to_vec()));
            }
        })?;
        Ok(changes)
    }

    fn read(
        &self,
        block: &Block,
        each: &mut dyn FnMut(Position, &Frame<'_>),
    ) -> Result<(), StoreError> {
        let file = self.open(block.segment)?;
        let mut scanner = Scanner::new(&*file, block.to).reading(READ_OCTETS);
        let (mut offset, mut position) = (block.from, block.first);
        while offset < block.to {
            let frame = scanner.frame(offset).map_err(unavailable)?;
            let frame = frame.filter(|frame| frame.head.position == position);
            let frame = frame.ok_or(StoreError::Corrupt)?;
            each(position, &frame);
            offset += frame.head.frame_octets();
            position += 1;
        }
        Ok(())
    }

    /// The last block that begins before `before`.
    fn block_before(&self, before: Position) -> Result<Option<Block>, StoreError> {
        let Some((segment, first, bound)) = self.segment_before(before) else {
            return Ok(None);
        };
        let table = self.table(segment, first, bound)?;
        let index = table.blocks.partition_point(|&(at, _)| at < before);
        let Some(index) = index.checked_sub(1) else {
            // A segment without frames; the one before it, if any, has what is asked for.
            return match before.min(first) {
                lower if lower < before => self.block_before(lower),
                _ => Ok(None),
            };
        };
        let (first, from) = table.blocks[index];
        let to = table
            .blocks
            .get(index + 1)
            .map_or(table.next.1, |next| next.1);
        Ok(Some(Block {
            segment,
            from,
            to,
            first,
        }))
    }

    /// The last segment that begins before `before`: number, first position, and where it ends.
    fn segment_before(&self, before: Position) -> Option<(u64, Position, Bound)> {
        let state = self.state();
        let behind = state.segments.partition_point(|&(_, first)| first < before);
        let (segment, first) = *state.segments.get(behind.checked_sub(1)?)?;
        let bound = match state.segments.get(behind) {
            Some(&(_, next)) => Bound::Position(next),
            None => Bound::Offset(state.end),
        };
        Some((segment, first, bound))
    }

    /// Where the blocks of a segment are; looked up once and kept.
    fn table(&self, segment: u64, first: Position, bound: Bound) -> Result<Arc<Table>, StoreError> {
        let known = self.state().tables.get(&segment).cloned();
        let mut table = match known {
            Some(known) if known.reaches(bound) => return Ok(known),
            Some(known) => Table::clone(&known),
            None => Table {
                blocks: Vec::new(),
                next: (first, HEADER_OCTETS as u64),
                sealed: false,
            },
        };
        self.extend(segment, &mut table, bound)?;
        let table = Arc::new(table);
        let mut state = self.state();
        while state.tables.len() >= TABLES_MAX && !state.tables.contains_key(&segment) {
            state.tables.pop_first();
        }
        state.tables.insert(segment, Arc::clone(&table));
        Ok(table)
    }

    fn extend(&self, segment: u64, table: &mut Table, bound: Bound) -> Result<(), StoreError> {
        let file = self.open(segment)?;
        let end = match bound {
            Bound::Offset(end) => end,
            Bound::Position(_) => file.octets().map_err(unavailable)?,
        };
        let mut scanner = Scanner::new(&*file, end).reading(READ_OCTETS);
        let (mut position, mut offset) = table.next;
        while !table.reaches(bound) {
            let head = scanner.head(offset).map_err(unavailable)?;
            let Some(head) = head.filter(|head| head.position == position) else {
                return Err(StoreError::Corrupt);
            };
            let last_block = table.blocks.last();
            if last_block.is_none_or(|&(_, from)| offset - from >= BLOCK_OCTETS) {
                table.blocks.push((position, offset));
            }
            position += 1;
            offset += head.frame_octets();
            table.next = (position, offset);
            table.sealed = head.kind == FrameKind::Seal;
        }
        Ok(())
    }

    fn open(&self, segment: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
        if let Some((number, archive)) = &self.state().archive
            && *number == segment
        {
            return Ok(Arc::clone(archive));
        }
        match self.disk.open(&file_name(segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened.map(Arc::from).map_err(unavailable),
        }
        let archive = archive::open(&*self.disk, segment).map_err(unavailable)?;
        let archive: Arc<dyn DiskFile> = Arc::new(archive);
        self.state().archive = Some((segment, Arc::clone(&archive)));
        Ok(archive)
    }
}

fn unavailable(_: io::Error) -> StoreError {
    StoreError::Unavailable
}

fn decode(body: &[u8]) -> Result<Event, StoreError> {
    match body::event_of(body) {
        Ok(Some(event)) => Ok(event),
        _ => Err(StoreError::Corrupt),
    }
}

fn is_change(frame: &Frame<'_>) -> bool {
    frame.head.kind == FrameKind::Change
}
