//! Opening: finds the end of the journal, verifies and replays what the index does not hold.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::event::Event;
use sekisho_verifier::note::PublicKey;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::store::Position;

use crate::body::{self, Next, Step};
use crate::checkpoints::{self, Pace};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::frame::{self, ChainHash, FrameKind};
use crate::scan::{Frame, Scanner};
use crate::segment::{FIRST, HEADER_OCTETS, Header, file_name};
use crate::segments::{self, damaged, headers, open, path};
use crate::settle::settle;
use crate::stamp::{self, Stamped};
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
    /// No event stands behind the last checkpoint.
    pub(crate) signed: bool,
}

/// What a replay tells others.
pub(crate) struct Listener<'a> {
    /// Takes the changes behind the starting point, in order.
    pub(crate) apply: &'a mut dyn FnMut(Replayed),
    /// Octets done, octets in all.
    pub(crate) progress: &'a mut (dyn FnMut(u64, u64) + Send),
    /// What the last checkpoint must be signed with.
    pub(crate) key: Option<PublicKey>,
    /// What stamps must have been made with; who has no keys can not tell.
    pub(crate) keyring: Option<Arc<Keyring>>,
    /// Looks at more than a replay needs.
    pub(crate) watch: Option<&'a mut dyn Watch>,
    /// The journal may be written to meanwhile.
    pub(crate) live: bool,
}

/// Looks on while a journal is read.
pub(crate) trait Watch {
    /// A segment begins, and joins what was read before.
    fn segment(&mut self, header: &Header) -> Result<(), Damage>;
    /// A frame fits what was read before; it has this hash.
    fn frame(
        &mut self,
        frame: &Frame<'_>,
        place: GroupPlace,
        hash: &ChainHash,
    ) -> Result<(), Damage>;
    /// Whether nothing more needs to be read.
    fn has_enough(&self) -> bool {
        false
    }
}

/// Finds all segments, verifies and replays from `start` on, and makes the end durable.
pub(crate) fn recover(
    disk: &dyn Disk,
    start: Start,
    listener: Listener<'_>,
) -> Result<Recovered, OpenError> {
    let mut replay = Replay::new(disk, headers(disk)?, start, listener)?;
    let end = replay.run()?;
    let recovered = replay.recovered(end);
    settle(disk, &recovered, &replay.headers)?;
    Ok(recovered)
}

/// Verifies what [`recover`] does, in segments that have these headers, and changes nothing.
pub(crate) fn examine(
    disk: &dyn Disk,
    headers: BTreeMap<u64, Header>,
    start: Start,
    listener: Listener<'_>,
) -> Result<Recovered, OpenError> {
    let mut replay = Replay::new(disk, headers, start, listener)?;
    let end = replay.run()?;
    Ok(replay.recovered(end))
}

/// The end of the journal.
#[derive(Debug)]
struct End {
    segment: u64,
    offset: u64,
    torn: Option<Range<u64>>,
}

/// Events that no checkpoint stands behind, as far as was read.
#[derive(Debug, Clone, Copy, Default)]
struct Unsigned {
    events: u64,
    /// Where the first of them is.
    since: Option<GroupPlace>,
}

/// A checkpoint that was read.
#[derive(Debug, Clone)]
struct Stated {
    position: Position,
    segment: u64,
    offset: u64,
    note: String,
}

/// How a segment ended.
enum SegmentEnd {
    /// By a seal; the next segment follows.
    Sealed,
    /// It is the last one.
    Last(End),
    /// Who looks on has seen enough.
    Enough(End),
}

struct Replay<'a, 'l> {
    disk: &'a dyn Disk,
    headers: BTreeMap<u64, Header>,
    listener: Listener<'l>,
    start: Start,
    point: Point,
    /// The frame before has not the filling that it should have. Only the last one of all may be
    /// so: its filling is made whole when the journal is opened.
    unfilled: Option<GroupPlace>,
    /// The group that is being read: where it begins, and its first position.
    group: Option<(u64, u64)>,
    /// Changes of that group.
    changes: Vec<Replayed>,
    /// Records of a change whose last frame has not come yet.
    parts: Vec<Step>,
    /// No event stands behind the last checkpoint: in the group that is being read, and before.
    signed: (bool, bool),
    /// Which do, of what is replayed: in the group that is being read, and before.
    unsigned: (Unsigned, Unsigned),
    /// The last checkpoint: of the group that is being read, and before.
    checkpoint: (Option<Stated>, Option<Stated>),
    /// The last position whose stamp is by a key that is not there any more, and where it is. A
    /// checkpoint behind it must stand for it.
    unproven: Option<(Position, GroupPlace)>,
    /// What the seal that was read says of the segment that follows.
    next: Option<Next>,
    done: u64,
    total: u64,
}

impl<'a, 'l> Replay<'a, 'l> {
    fn new(
        disk: &'a dyn Disk,
        headers: BTreeMap<u64, Header>,
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
        let point = Point {
            position: first.first_position - 1,
            hash: first.previous,
            group: None,
        };
        Ok(Self {
            disk,
            headers,
            listener,
            start,
            point,
            unfilled: None,
            group: None,
            changes: Vec::new(),
            parts: Vec::new(),
            signed: (true, true),
            unsigned: Default::default(),
            checkpoint: (None, None),
            unproven: None,
            next: None,
            done: 0,
            total: 0,
        })
    }

    fn run(&mut self) -> Result<End, OpenError> {
        let (mut number, mut offset) = self.enter()?;
        self.total = self.octets_from(number, offset)?;
        self.begins(number)?;
        loop {
            match self.segment(number, offset)? {
                SegmentEnd::Enough(end) => return Ok(end),
                SegmentEnd::Last(end) => {
                    self.reaches_what_was_seen(end.segment)?;
                    self.last_checkpoint_is_signed()?;
                    self.few_are_unsigned()?;
                    self.all_is_proven()?;
                    return Ok(end);
                }
                SegmentEnd::Sealed => {
                    number += 1;
                    offset = HEADER_OCTETS as u64;
                    self.join(number)?;
                    self.begins(number)?;
                }
            }
        }
    }

    fn begins(&mut self, number: u64) -> Result<(), OpenError> {
        self.header_is_stamped(number)?;
        let Some(watch) = &mut self.listener.watch else {
            return Ok(());
        };
        let header = &self.headers[&number];
        let watched = watch.segment(header);
        watched.map_err(|damage| damaged(self.disk, number, 0, damage))
    }

    /// Where to begin: at the group that the starting point belongs to, if it is there.
    fn enter(&mut self) -> Result<(u64, u64), OpenError> {
        let first = self.headers.keys().next().copied().unwrap_or(FIRST);
        let beginning = (first, HEADER_OCTETS as u64);
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
        result.map_err(|error| segments::failed(self.disk, number, "read", &error))
    }

    /// Reads the frames of one segment.
    fn segment(&mut self, number: u64, mut offset: u64) -> Result<SegmentEnd, OpenError> {
        let file = open(self.disk, number)?;
        let mut scanner = Scanner::new(&*file, self.octets(&*file, number)?);
        loop {
            let frame = self.read(number, scanner.frame(offset))?;
            let Some(frame) = frame else {
                if self.has_come(&*file, number, offset)? {
                    scanner = Scanner::new(&*file, self.octets(&*file, number)?);
                    continue;
                }
                match self.stopped(&mut scanner, number, offset) {
                    Err(_) if self.has_come(&*file, number, offset)? => continue,
                    stopped => return stopped,
                }
            };
            let (kind, octets) = (frame.head.kind, frame.head.frame_octets());
            self.frame(&frame, number, offset)?;
            if !self.read(number, scanner.is_filled(offset))? {
                self.unfilled = Some(GroupPlace {
                    segment: number,
                    offset,
                });
            }
            offset += octets;
            self.done += octets;
            (self.listener.progress)(self.done, self.total);
            if self.has_enough() {
                return Ok(SegmentEnd::Enough(End {
                    segment: number,
                    offset,
                    torn: None,
                }));
            }
            if kind == FrameKind::Seal {
                return self.sealed(&mut scanner, number, offset);
            }
        }
    }

    /// Whether a frame that could not be read a moment ago has been written meanwhile.
    fn has_come(&self, file: &dyn DiskFile, number: u64, offset: u64) -> Result<bool, OpenError> {
        if !self.listener.live {
            return Ok(false);
        }
        let mut scanner = Scanner::new(file, self.octets(file, number)?);
        Ok(self.read(number, scanner.frame(offset))?.is_some())
    }

    fn has_enough(&self) -> bool {
        let watch = self.listener.watch.as_ref();
        watch.is_some_and(|watch| watch.has_enough())
    }

    fn frame(&mut self, frame: &Frame<'_>, number: u64, offset: u64) -> Result<(), OpenError> {
        if let Some(place) = self.unfilled.take() {
            let (number, offset) = (place.segment, place.offset);
            return Err(damaged(self.disk, number, offset, Damage::Filling));
        }
        let damage = |damage| Err(damaged(self.disk, number, offset, damage));
        let head = &frame.head;
        let (group_offset, group) = self.group.unwrap_or((offset, head.position));
        if head.position != self.point.position + 1 || head.group != group {
            return damage(Damage::Order);
        }
        if head.previous != self.point.hash {
            return damage(Damage::Chain);
        }
        if frame.body().last() == Some(&0) {
            return damage(Damage::Body);
        }
        self.group = Some((group_offset, group));
        self.signed.0 &= head.kind != FrameKind::Change;
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
                file: path(self.disk, number),
                position: head.position,
            });
        }
        if let Some(watch) = &mut self.listener.watch {
            let place = GroupPlace {
                segment: number,
                offset,
            };
            let watched = watch.frame(frame, place, &self.point.hash);
            watched.map_err(|damage| damaged(self.disk, number, offset, damage))?;
        }
        if head.last_of_group {
            self.end_group(number, offset, group_offset)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, number: u64, offset: u64) -> Result<(), OpenError> {
        let position = frame.head.position;
        let unreadable = || damaged(self.disk, number, offset, Damage::Body);
        match frame.head.kind {
            FrameKind::Change | FrameKind::Part => {}
            FrameKind::Checkpoint => return self.take_checkpoint(frame, number, offset),
            FrameKind::Seal => return self.take_seal(frame, number, offset),
            FrameKind::WithoutEffect(_) => return Ok(()),
        }
        if frame.head.kind == FrameKind::Change {
            self.unsigned.0.events += 1;
            self.unsigned.0.since.get_or_insert(GroupPlace {
                segment: number,
                offset,
            });
        }
        let body = body::parse(frame.body()).map_err(|_| unreadable())?;
        self.is_stamped(frame, &body.end, number, offset)?;
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

    /// What it states must be so. Its signature matters only if it is the last: what stands before
    /// that one is what was signed.
    fn take_checkpoint(
        &mut self,
        frame: &Frame<'_>,
        number: u64,
        offset: u64,
    ) -> Result<(), OpenError> {
        let origin = Checkpoint::origin_of(&self.headers[&number].store);
        let (position, hash) = (frame.head.position - 1, &frame.head.previous);
        let note = minicbor::decode::<&str>(frame.body()).unwrap_or_default();
        if !checkpoints::states(note, &origin, position, hash) {
            return Err(damaged(self.disk, number, offset, Damage::Checkpoint));
        }
        self.signed.0 = true;
        self.unsigned.0 = Unsigned::default();
        self.checkpoint.0 = Some(Stated {
            position,
            segment: number,
            offset,
            note: note.into(),
        });
        Ok(())
    }

    /// What it says of the next segment is compared when that begins.
    fn take_seal(&mut self, frame: &Frame<'_>, number: u64, offset: u64) -> Result<(), OpenError> {
        let unreadable = || damaged(self.disk, number, offset, Damage::Body);
        let (next, end) = body::parse_seal(frame.body()).map_err(|_| unreadable())?;
        let alone = frame.head.last_of_group && frame.head.group == frame.head.position;
        if !alone || next.segment != number + 1 {
            return Err(unreadable());
        }
        self.next = Some(next);
        self.is_stamped(frame, &end, number, offset)
    }

    /// Whether a verifier of this store has written this frame, and for this place.
    fn is_stamped(
        &mut self,
        frame: &Frame<'_>,
        end: &body::End,
        number: u64,
        offset: u64,
    ) -> Result<(), OpenError> {
        let Some(keyring) = &self.listener.keyring else {
            return Ok(());
        };
        let place = Stamped {
            kind: frame.head.kind,
            position: frame.head.position,
            previous: &frame.head.previous,
        };
        let stamped = &frame.body()[..end.stamped];
        match stamp::fits(keyring, &place.octets(), stamped, &end.stamp) {
            Some(true) => {}
            Some(false) => return Err(damaged(self.disk, number, offset, Damage::Forged)),
            None => self.is_unproven(frame.head.position, number, offset),
        }
        Ok(())
    }

    /// A header could make an epoch begin, in which other rules hold.
    fn header_is_stamped(&mut self, number: u64) -> Result<(), OpenError> {
        let Some(keyring) = &self.listener.keyring else {
            return Ok(());
        };
        let header = &self.headers[&number];
        let start = self.start.point.map_or(0, |start| start.position);
        match header.is_stamped(keyring) {
            Some(true) => {}
            // Where the replay begins is proven, and so is what stands before it.
            None if header.first_position <= start => {}
            Some(false) => return Err(damaged(self.disk, number, 0, Damage::Forged)),
            None => self.is_unproven(header.first_position, number, 0),
        }
        Ok(())
    }

    fn is_unproven(&mut self, position: Position, segment: u64, offset: u64) {
        self.unproven = Some((position, GroupPlace { segment, offset }));
    }

    /// What no key can prove any more is proven by a signed checkpoint behind it.
    fn all_is_proven(&self) -> Result<(), OpenError> {
        let Some((position, place)) = self.unproven else {
            return Ok(());
        };
        let signed = match (&self.listener.key, &self.checkpoint.1) {
            (Some(_), Some(last)) => last.position,
            _ => 0,
        };
        // What was cut off as torn needs no proof; a header without any frame does.
        if position <= signed || (position > self.point.position && place.offset > 0) {
            return Ok(());
        }
        let (number, offset) = (place.segment, place.offset);
        Err(damaged(self.disk, number, offset, Damage::Unproven))
    }

    fn last_checkpoint_is_signed(&self) -> Result<(), OpenError> {
        let (Some(key), Some(last)) = (&self.listener.key, &self.checkpoint.1) else {
            return Ok(());
        };
        if checkpoints::is_signed(&last.note, key) {
            return Ok(());
        }
        let damage = Damage::Checkpoint;
        Err(damaged(self.disk, last.segment, last.offset, damage))
    }

    /// A verifier that signs leaves only the newest events without a checkpoint.
    fn few_are_unsigned(&self) -> Result<(), OpenError> {
        let unsigned = self.unsigned.1;
        // An auditor, who has no keyring, counts for himself.
        let signs = self.listener.key.is_some() && self.listener.keyring.is_some();
        match unsigned.since {
            Some(since) if signs && unsigned.events > Pace::USUAL.events => Err(damaged(
                self.disk,
                since.segment,
                since.offset,
                Damage::NotSigned,
            )),
            _ => Ok(()),
        }
    }

    fn end_group(&mut self, number: u64, offset: u64, group: u64) -> Result<(), OpenError> {
        if !self.parts.is_empty() {
            return Err(damaged(self.disk, number, offset, Damage::Order));
        }
        self.changes.drain(..).for_each(&mut *self.listener.apply);
        self.group = None;
        self.signed.1 = self.signed.0;
        self.unsigned.1 = self.unsigned.0;
        if let Some(checkpoint) = self.checkpoint.0.take() {
            self.checkpoint.1 = Some(checkpoint);
        }
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
        let next = number + 1;
        if self.listener.live && !self.headers.contains_key(&next) {
            // What was removed meanwhile has been read already.
            for (number, header) in headers(self.disk)? {
                self.headers.entry(number).or_insert(header);
            }
        }
        if !self.headers.contains_key(&next) {
            let file = self.disk.path(&file_name(next));
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
        if self.read(number, scanner.is_of_later_version(offset))? {
            let file = path(self.disk, number);
            return Err(OpenError::LaterVersion { file, offset });
        }
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
            Tail::LaterVersion(offset) => {
                let file = path(self.disk, number);
                return Err(OpenError::LaterVersion { file, offset });
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
        self.signed.0 = self.signed.1;
        self.unsigned.0 = self.unsigned.1;
        self.checkpoint.0 = None;
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

    /// The next segment must follow on this one. Positions may jump where an epoch begins, and
    /// nowhere else; what was skipped counts as reached.
    fn join(&mut self, number: u64) -> Result<(), OpenError> {
        let header = &self.headers[&number];
        let next = self.point.position + 1;
        let before = self.headers[&(number - 1)].epoch;
        let follows = match header.epoch.cmp(&before) {
            Ordering::Less => false,
            Ordering::Equal => header.first_position == next,
            Ordering::Greater => header.first_position >= next,
        };
        let told = self.next.take().is_none_or(|next| {
            next.epoch == header.epoch && next.first_position == header.first_position
        });
        if !follows || !told || header.previous != self.point.hash {
            return Err(damaged(self.disk, number, 0, Damage::Joint));
        }
        self.point.position = header.first_position - 1;
        Ok(())
    }

    /// The journal must reach at least to where the index has been.
    fn reaches_what_was_seen(&self, segment: u64) -> Result<(), OpenError> {
        if self.point.position < self.start.seen {
            return Err(OpenError::EndLost {
                file: path(self.disk, segment),
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
            signed: self.signed.1,
        }
    }
}
