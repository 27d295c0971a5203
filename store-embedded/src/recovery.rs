//! Opening: finds the end of the journal, verifies and replays what the index does not hold.

use std::collections::BTreeMap;
use std::ops::Range;

use sekisho_verifier::event::Event;
use sekisho_verifier::store::Position;

use crate::body::{self, Step};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::frame::{self, ChainHash, FrameKind};
use crate::scan::{Frame, Scanner};
use crate::segment::{FIRST, HEADER_OCTETS, Header, file_name};
use crate::segments::{damaged, headers, open};
use crate::settle::settle;
use crate::tail::{self, Stop, Tail};

/// A group of frames in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupPlace {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// A point of the journal that can be gone on from: the end of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Position of the last frame.
    pub(crate) position: u64,
    /// Its chain hash.
    pub(crate) hash: ChainHash,
    /// The group that it belongs to; `None` where there is none yet.
    pub(crate) group: Option<GroupPlace>,
}

/// What is known of the journal before it is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Start {
    /// Everything up to here need not be replayed.
    pub(crate) point: Option<Point>,
    /// The journal once reached this position, durably.
    pub(crate) seen: Position,
}

/// One replayed change.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) position: Position,
    pub(crate) event: Event,
    pub(crate) steps: Vec<Step>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// All segments: number and position of the first frame.
    pub(crate) segments: Vec<(u64, Position)>,
    /// The last segment.
    pub(crate) last: Header,
    /// Where the next group goes.
    pub(crate) end: u64,
    pub(crate) point: Point,
    /// Octets of a torn group that was never acknowledged.
    pub(crate) torn: u64,
}

/// What a replay tells others.
pub(crate) struct Listener<'a> {
    /// Takes the changes behind the starting point, in order.
    pub(crate) apply: &'a mut dyn FnMut(Replayed),
    /// Octets done, octets in all.
    pub(crate) progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

/// Finds all segments, verifies and replays from `start` on, and makes the end durable.
pub(crate) fn recover(
    disk: &dyn Disk,
    start: Start,
    listener: Listener<'_>,
) -> Result<Recovered, OpenError> {
    let headers = headers(disk)?;
    let mut replay = Replay::new(disk, &headers, start, listener)?;
    let end = replay.run()?;
    let recovered = replay.recovered(end);
    settle(disk, &recovered, &headers)?;
    Ok(recovered)
}

/// The end of the journal.
#[derive(Debug)]
struct End {
    segment: u64,
    offset: u64,
    torn: Option<Range<u64>>,
}

/// How a segment ended.
enum SegmentEnd {
    /// By a seal; the next segment follows.
    Sealed,
    /// It is the last one.
    Last(End),
}

struct Replay<'a, 'l> {
    disk: &'a dyn Disk,
    headers: &'a BTreeMap<u64, Header>,
    listener: Listener<'l>,
    start: Start,
    point: Point,
    /// The group that is being read: where it begins, and its first position.
    group: Option<(u64, u64)>,
    /// Changes of that group.
    changes: Vec<Replayed>,
    /// Records of a change whose last frame has not come yet.
    parts: Vec<Step>,
    done: u64,
    total: u64,
}

impl<'a, 'l> Replay<'a, 'l> {
    fn new(
        disk: &'a dyn Disk,
        headers: &'a BTreeMap<u64, Header>,
        start: Start,
        listener: Listener<'l>,
    ) -> Result<Self, OpenError> {
        let (Some(first), Some(last)) = (headers.values().next(), headers.keys().next_back())
        else {
            let file = disk.path(&file_name(FIRST));
            return Err(OpenError::Missing { file });
        };
        if let Some(group) = start.point.and_then(|point| point.group)
            && group.segment > *last
        {
            let file = disk.path(&file_name(last + 1));
            return Err(OpenError::Missing { file });
        }
        Ok(Self {
            disk,
            headers,
            listener,
            start,
            point: Point {
                position: first.first_position - 1,
                hash: first.previous,
                group: None,
            },
            group: None,
            changes: Vec::new(),
            parts: Vec::new(),
            done: 0,
            total: 0,
        })
    }

    fn run(&mut self) -> Result<End, OpenError> {
        let (mut number, mut offset) = self.enter()?;
        self.total = self.octets_from(number, offset)?;
        loop {
            match self.segment(number, offset)? {
                SegmentEnd::Last(end) => {
                    self.reaches_what_was_seen(end.segment)?;
                    return Ok(end);
                }
                SegmentEnd::Sealed => {
                    number += 1;
                    offset = HEADER_OCTETS as u64;
                    self.join(number)?;
                }
            }
        }
    }

    /// Where to begin: at the group that the starting point belongs to, if it is there.
    fn enter(&mut self) -> Result<(u64, u64), OpenError> {
        let beginning = (FIRST, HEADER_OCTETS as u64);
        let Some(group) = self.start.point.and_then(|point| point.group) else {
            return Ok(beginning);
        };
        let file = open(self.disk, group.segment)?;
        let end = self.octets(&*file, group.segment)?;
        let mut scanner = Scanner::new(&*file, end).reading(frame::HEAD_OCTETS);
        let head = self.read(group.segment, scanner.head(group.offset))?;
        if let Some(head) = head.filter(|head| head.group == head.position) {
            self.point = Point {
                position: head.position - 1,
                hash: head.previous,
                group: None,
            };
            return Ok((group.segment, group.offset));
        }
        // It is not there. What this segment holds will tell why.
        let header = &self.headers[&group.segment];
        self.point.position = header.first_position - 1;
        self.point.hash = header.previous;
        Ok((group.segment, HEADER_OCTETS as u64))
    }

    fn octets_from(&self, number: u64, offset: u64) -> Result<u64, OpenError> {
        let mut total = 0;
        for &number in self.headers.range(number..).map(|(number, _)| number) {
            total += self.octets(&*open(self.disk, number)?, number)?;
        }
        Ok(total.saturating_sub(offset))
    }

    fn octets(&self, file: &dyn DiskFile, number: u64) -> Result<u64, OpenError> {
        self.read(number, file.octets())
    }

    fn read<T>(&self, number: u64, result: std::io::Result<T>) -> Result<T, OpenError> {
        let path = self.disk.path(&file_name(number));
        result.map_err(|error| OpenError::io(&path, "read", &error))
    }

    /// Reads the frames of one segment.
    fn segment(&mut self, number: u64, mut offset: u64) -> Result<SegmentEnd, OpenError> {
        let file = open(self.disk, number)?;
        let mut scanner = Scanner::new(&*file, self.octets(&*file, number)?);
        loop {
            let frame = self.read(number, scanner.frame(offset))?;
            let Some(frame) = frame else {
                return self.stopped(&mut scanner, number, offset);
            };
            let sealed = frame.head.kind == FrameKind::Seal;
            let octets = frame.head.frame_octets();
            self.frame(&frame, number, offset)?;
            offset += octets;
            self.done += octets;
            (self.listener.progress)(self.done, self.total);
            if sealed {
                return self.sealed(&mut scanner, number, offset);
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, number: u64, offset: u64) -> Result<(), OpenError> {
        let damage = |damage| Err(damaged(self.disk, number, offset, damage));
        let head = &frame.head;
        let (group_offset, group) = self.group.unwrap_or((offset, head.position));
        if head.position != self.point.position + 1 || head.group != group {
            return damage(Damage::Order);
        }
        if head.previous != self.point.hash {
            return damage(Damage::Chain);
        }
        self.group = Some((group_offset, group));
        self.point.position = head.position;
        self.point.hash = frame::hash(frame.octets);
        let start = self.start.point;
        if start.is_none_or(|start| head.position > start.position) {
            self.take(frame, number, offset)?;
        }
        if let Some(start) = start
            && head.position == start.position
            && start.hash != self.point.hash
        {
            return Err(OpenError::Rewritten {
                file: self.disk.path(&file_name(number)),
                position: head.position,
            });
        }
        if head.last_of_group {
            self.end_group(number, offset, group_offset)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, number: u64, offset: u64) -> Result<(), OpenError> {
        let position = frame.head.position;
        let unreadable = || damaged(self.disk, number, offset, Damage::Body);
        if !matches!(frame.head.kind, FrameKind::Change | FrameKind::Part) {
            return Ok(());
        }
        let body = body::parse(frame.body()).map_err(|_| unreadable())?;
        let mut steps = std::mem::take(&mut self.parts);
        if steps.is_empty() {
            steps = body.steps;
        } else {
            steps.extend(body.steps);
        }
        match (frame.head.kind, body.event) {
            (FrameKind::Part, None) => self.parts = steps,
            (FrameKind::Change, Some(event)) => self.changes.push(Replayed {
                position,
                event,
                steps,
            }),
            _ => return Err(unreadable()),
        }
        Ok(())
    }

    fn end_group(&mut self, number: u64, offset: u64, group: u64) -> Result<(), OpenError> {
        if !self.parts.is_empty() {
            return Err(damaged(self.disk, number, offset, Damage::Order));
        }
        self.changes.drain(..).for_each(&mut *self.listener.apply);
        self.group = None;
        self.point.group = Some(GroupPlace {
            segment: number,
            offset: group,
        });
        Ok(())
    }

    /// A sealed segment holds nothing behind its seal, and is followed by another.
    fn sealed(
        &mut self,
        scanner: &mut Scanner<'_>,
        number: u64,
        offset: u64,
    ) -> Result<SegmentEnd, OpenError> {
        if self.group.is_some() {
            return Err(damaged(self.disk, number, offset, Damage::Order));
        }
        if let Some(written) = self.read(number, scanner.written(offset))? {
            return Err(damaged(self.disk, number, written.start, Damage::BehindEnd));
        }
        if !self.headers.contains_key(&(number + 1)) {
            let file = self.disk.path(&file_name(number + 1));
            return Err(OpenError::Missing { file });
        }
        Ok(SegmentEnd::Sealed)
    }

    /// No frame can be read at `offset`.
    fn stopped(
        &mut self,
        scanner: &mut Scanner<'_>,
        number: u64,
        offset: u64,
    ) -> Result<SegmentEnd, OpenError> {
        let last = number + 1;
        if self.headers.contains_key(&last) && !self.half_made(last)? {
            return Err(damaged(self.disk, number, offset, Damage::Frame));
        }
        let (group_offset, group) = self.group.unwrap_or((offset, self.point.position + 1));
        let stop = Stop {
            group_offset,
            group,
            offset,
        };
        let torn = match self.read(number, tail::look(scanner, stop))? {
            Tail::Clean => None,
            Tail::Torn(range) => Some(range),
            Tail::Damaged(offset) => {
                return Err(damaged(self.disk, number, offset, Damage::Frame));
            }
        };
        self.give_up_group(scanner, number)?;
        Ok(SegmentEnd::Last(End {
            segment: number,
            offset: group_offset,
            torn,
        }))
    }

    /// Goes back to the end of the group before the torn one.
    fn give_up_group(&mut self, scanner: &mut Scanner<'_>, number: u64) -> Result<(), OpenError> {
        self.changes.clear();
        self.parts.clear();
        let Some((offset, position)) = self.group.take() else {
            return Ok(());
        };
        let first = self.read(number, scanner.head(offset))?;
        let Some(first) = first else {
            return Err(damaged(self.disk, number, offset, Damage::Frame));
        };
        self.point.position = position - 1;
        self.point.hash = first.previous;
        Ok(())
    }

    /// Whether segment `number` was made but never used: the last one, without any frame. The one
    /// before it was not sealed yet.
    fn half_made(&self, number: u64) -> Result<bool, OpenError> {
        if self.headers.contains_key(&(number + 1)) {
            return Ok(false);
        }
        let file = open(self.disk, number)?;
        let mut scanner = Scanner::new(&*file, self.octets(&*file, number)?);
        let written = self.read(number, scanner.written(HEADER_OCTETS as u64))?;
        Ok(written.is_none())
    }

    fn join(&self, number: u64) -> Result<(), OpenError> {
        let header = &self.headers[&number];
        let joins = header.first_position == self.point.position + 1
            && header.previous == self.point.hash
            && header.epoch >= self.headers[&(number - 1)].epoch;
        if !joins {
            return Err(damaged(self.disk, number, 0, Damage::Joint));
        }
        Ok(())
    }

    /// The journal must reach at least to where the index has been.
    fn reaches_what_was_seen(&self, segment: u64) -> Result<(), OpenError> {
        if self.point.position < self.start.seen {
            return Err(OpenError::EndLost {
                file: self.disk.path(&file_name(segment)),
                end: self.point.position,
                seen: self.start.seen,
            });
        }
        Ok(())
    }

    fn recovered(&self, end: End) -> Recovered {
        let used = self.headers.range(..=end.segment);
        Recovered {
            segments: used
                .map(|(&number, header)| (number, header.first_position))
                .collect(),
            last: self.headers[&end.segment],
            end: end.offset,
            point: self.point,
            torn: end.torn.map_or(0, |torn| torn.end - torn.start),
        }
    }
}
