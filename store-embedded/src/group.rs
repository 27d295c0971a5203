//! A group of frames on its way to the disk.

use sekisho_verifier::store::{Change, Position};

use crate::body::{Step, append, append_array, append_null, key_octets};
use crate::frame::{self, ChainHash, FrameKind, Place};

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
    items: Vec<u8>,
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
    /// the hash `previous`.
    pub(crate) fn new(first: Position, previous: ChainHash, offset: u64) -> Self {
        Self {
            buffer: Vec::new(),
            open: None,
            first,
            next: first,
            previous,
            offset,
            items: Vec::new(),
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

    /// Adds a change, in one frame or more. `step` gets each record as it is kept in memory, and
    /// `flush` may take away the frames that are finished.
    pub(crate) fn change<E>(
        &mut self,
        change: Change,
        step: &mut dyn FnMut(Step),
        flush: &mut dyn FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<Position, E> {
        let Change {
            event,
            written,
            removed,
        } = change;
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        let mut count = 0;
        for record in written {
            if items.len() >= PART_OCTETS {
                self.part(count, &items, &[]);
                flush(self)?;
                items.clear();
                count = 0;
            }
            let from = items.len();
            append(&mut items, &record);
            count += 1;
            step((key_octets(&record.key()), Some(items[from..].into())));
        }
        let mut removed = &removed[..];
        while removed.len() > PART_REMOVED {
            let (now, later) = removed.split_at(PART_REMOVED);
            self.part(count, &items, now);
            flush(self)?;
            items.clear();
            (count, removed) = (0, later);
            now.iter().for_each(|key| step((key_octets(key), None)));
        }
        removed.iter().for_each(|key| step((key_octets(key), None)));
        self.push(FrameKind::Change, |out| {
            append_array(out, 3);
            append(out, &event);
            records(out, count, &items, removed);
        });
        self.items = items;
        Ok(self.last())
    }

    fn part(&mut self, count: u64, items: &[u8], removed: &[sekisho_verifier::store::Key]) {
        self.push(FrameKind::Part, |out| {
            append_array(out, 3);
            append_null(out);
            records(out, count, items, removed);
        });
    }

    /// Adds the frame that ends a segment.
    pub(crate) fn seal(&mut self, next_segment: u64) {
        self.push(FrameKind::Seal, |out| {
            append_array(out, 2);
            append(out, &next_segment);
            append(out, &true);
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

fn records(out: &mut Vec<u8>, count: u64, items: &[u8], removed: &[sekisho_verifier::store::Key]) {
    append_array(out, count);
    out.extend_from_slice(items);
    append_array(out, removed.len() as u64);
    for key in removed {
        append(out, key);
    }
}
