//! A group of frames on its way to the disk.

use sekisho_verifier::seal::DataKey;
use sekisho_verifier::store::{Change, Key, Position};

use crate::body::{
    Next, Step, Written, append, append_body, append_seal, append_stamp, key_octets,
};
use crate::checkpoints::Signing;
use crate::frame::{self, ChainHash, FrameKind, Place};
use crate::stamp::Stamped;

/// A body is closed when it has grown to this; the rest goes into further frames.
const PART_OCTETS: usize = 1 << 20;
/// So many keys of removed records go into one frame.
const PART_REMOVED: usize = 10_000;

/// Frames that become durable together.
#[derive(Debug)]
pub(crate) struct Group {
    /// Frames that are not on disk yet.
    buffer: Vec<u8>,
    /// The newest frame, which may still turn out to be the last of the group.
    open: Option<Open>,
    first: Position,
    next: Position,
    previous: ChainHash,
    /// Where in the segment the next octets go.
    offset: u64,
    /// Reused from change to change.
    written: Written,
    /// Events since the last checkpoint.
    unsigned: u64,
    /// The newest checkpoint in it.
    checkpoint: Option<String>,
    /// It may take the room that is set aside for a full disk.
    pub(crate) may_use_reserve: bool,
}

#[derive(Debug)]
struct Open {
    start: usize,
    /// Where its body ends; padding follows.
    end: usize,
    kind: FrameKind,
}

impl Group {
    /// A group that begins at position `first` and at `offset` of the segment, behind a frame with
    /// the hash `previous` and so many events without a checkpoint.
    pub(crate) fn new(first: Position, previous: ChainHash, offset: u64, unsigned: u64) -> Self {
        Self {
            buffer: Vec::new(),
            open: None,
            first,
            next: first,
            previous,
            offset,
            written: Written::default(),
            unsigned,
            checkpoint: None,
            may_use_reserve: false,
        }
    }

    /// Whether there is any frame.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Where in the segment [`Self::finished`] goes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Position of its newest frame.
    pub(crate) fn last(&self) -> Position {
        self.next - 1
    }

    /// Adds a change, in one frame or more, its records tagged by `key`. `step` gets each record as
    /// it is kept in memory, and `flush` may take away the frames that are finished.
    pub(crate) fn change<E>(
        &mut self,
        change: Change,
        key: &DataKey,
        step: &mut dyn FnMut(Step),
        flush: &mut dyn FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<Position, E> {
        let Change {
            event,
            written: records,
            removed,
        } = change;
        let mut written = std::mem::take(&mut self.written);
        written.clear();
        for record in records {
            if written.octets() >= PART_OCTETS {
                self.part(&written, &[], key);
                flush(self)?;
                written.clear();
            }
            step(written.push(&record, key));
        }
        let mut removed = &removed[..];
        while removed.len() > PART_REMOVED {
            let (now, later) = removed.split_at(PART_REMOVED);
            self.part(&written, now, key);
            flush(self)?;
            written.clear();
            removed = later;
            now.iter().for_each(|key| step((key_octets(key), None)));
        }
        removed.iter().for_each(|key| step((key_octets(key), None)));
        self.push_stamped(FrameKind::Change, key, |out| {
            append_body(out, Some(&event), &written, removed);
        });
        self.unsigned += 1;
        self.written = written;
        Ok(self.last())
    }

    fn part(&mut self, written: &Written, removed: &[Key], key: &DataKey) {
        self.push_stamped(FrameKind::Part, key, |out| {
            append_body(out, None, written, removed);
        });
    }

    /// Events since the last checkpoint.
    pub(crate) fn unsigned(&self) -> u64 {
        self.unsigned
    }

    /// Adds a checkpoint of everything up to here.
    pub(crate) fn checkpoint(&mut self, signing: &Signing) {
        self.close(false);
        let note = signing.note(self.last(), self.previous);
        self.push(FrameKind::Checkpoint, |out| append(out, &note.as_str()));
        self.unsigned = 0;
        self.checkpoint = Some(note);
    }

    /// The newest checkpoint in it.
    pub(crate) fn take_checkpoint(&mut self) -> Option<String> {
        self.checkpoint.take()
    }

    /// Adds the frame that ends a segment.
    pub(crate) fn seal(&mut self, next: &Next, key: &DataKey) {
        self.push_stamped(FrameKind::Seal, key, |out| append_seal(out, next));
    }

    fn push_stamped(&mut self, kind: FrameKind, key: &DataKey, body: impl FnOnce(&mut Vec<u8>)) {
        self.close(false);
        let place = Stamped {
            kind,
            position: self.next,
            previous: &{ self.previous },
        };
        self.push(kind, |out| {
            let from = out.len();
            body(out);
            let stamp = place.stamp(key, &out[from..]);
            append_stamp(out, &stamp);
        });
    }

    fn push(&mut self, kind: FrameKind, body: impl FnOnce(&mut Vec<u8>)) {
        self.close(false);
        let start = frame::begin(&mut self.buffer);
        body(&mut self.buffer);
        let end = self.buffer.len();
        frame::pad(&mut self.buffer);
        self.open = Some(Open { start, end, kind });
        self.next += 1;
    }

    /// Finishes the newest frame.
    fn close(&mut self, last_of_group: bool) {
        let Some(open) = self.open.take() else {
            return;
        };
        let place = Place {
            position: self.last(),
            group: self.first,
            last_of_group,
            previous: self.previous,
        };
        let octets = &mut self.buffer[open.start..open.end];
        self.previous = frame::finish(octets, open.kind, &place);
    }

    /// Octets of frames that are finished and not on disk.
    pub(crate) fn finished(&self) -> &[u8] {
        let end = self
            .open
            .as_ref()
            .map_or(self.buffer.len(), |open| open.start);
        &self.buffer[..end]
    }

    /// Forgets what [`Self::finished`] gave: it is in the file.
    pub(crate) fn forget_finished(&mut self) {
        let octets = self.finished().len();
        self.offset += octets as u64;
        self.buffer.drain(..octets);
        if let Some(open) = &mut self.open {
            open.start -= octets;
            open.end -= octets;
        }
    }

    /// Ends the group: the newest frame is its last. Returns that frame's hash.
    pub(crate) fn end(&mut self) -> ChainHash {
        self.close(true);
        self.previous
    }
}
