//! The duplicate cache of RFC 5080 section 2.2.2.
//!
//! A retransmission is not a replay. When a reply is lost, the client sends the same packet
//! again; a server that judged it again would find the code spent and refuse a login it has just
//! accepted. So the reply is kept for a while, and the same packet gets the same octets.
//!
//! Only packets that passed every check of authenticity may come here. Otherwise a stranger's
//! packet could push out the reply that a client still waits for.
//!
//! All operations take constant time. When the cache is full, the oldest finished entry goes: a
//! cache that refused new requests instead would stop the service when it is busiest.

mod slots;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::time::Duration;

use crate::authenticator::Authenticator;
use slots::{Queue, Slots};

/// The shortest life of a finished entry (RFC 5080 section 2.2.2).
pub const LIFETIME_MIN: Duration = Duration::from_secs(5);
/// The longest life of a finished entry (RFC 5080 section 2.2.2).
pub const LIFETIME_MAX: Duration = Duration::from_secs(30);
/// The most entries that can be configured.
pub const CAPACITY_MAX: usize = 1 << 20;
/// How long an entry may stay unfinished. Whoever works on it gives up long before; this only
/// keeps a mistake there from filling the cache for ever.
pub const WORK_MAX: Duration = Duration::from_secs(60);

/// How much the cache keeps, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    lifetime: Duration,
    capacity: usize,
}

impl Bounds {
    /// Refuses what is outside of `LIFETIME_MIN..=LIFETIME_MAX` and `1..=CAPACITY_MAX`.
    pub fn new(lifetime: Duration, capacity: usize) -> Option<Self> {
        let permitted = (LIFETIME_MIN..=LIFETIME_MAX).contains(&lifetime)
            && (1..=CAPACITY_MAX).contains(&capacity);
        permitted.then_some(Self { lifetime, capacity })
    }
}

/// Five seconds, as peers do, and 65,536 entries: twice what 128 client sockets with 256
/// Identifiers each can have open.
impl Default for Bounds {
    fn default() -> Self {
        Self {
            lifetime: LIFETIME_MIN,
            capacity: 1 << 16,
        }
    }
}

/// What makes two requests the same one, apart from the Request Authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Source address and port.
    pub peer: SocketAddr,
    /// Which of our sockets received it.
    pub socket: u16,
    /// The Identifier.
    pub identifier: u8,
}

/// Names one entry for as long as it lives. A ticket of an entry that is gone, or that was
/// replaced, does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// What the cache says about a request.
#[derive(Debug)]
pub enum Admission<'c> {
    /// Not seen before, or the client has begun to use this Identifier for something else.
    New(Ticket),
    /// The same request, on which we still work, or whose reject is still held back.
    InProgress,
    /// The same request again; send these octets again.
    Answered(&'c [u8]),
    /// Every entry is being worked on. Nothing was kept; the client will ask again.
    Full,
}

/// Where an entry stands. `Work` is what the caller wants to remember until there is a verdict.
#[derive(Debug)]
enum Stage<Work> {
    Judging(Work),
    Held(Box<[u8]>),
    Finished(Box<[u8]>),
}

#[derive(Debug)]
struct Request<Work> {
    key: Key,
    authenticator: Authenticator,
    /// When it entered the queue it is in.
    since: Duration,
    stage: Stage<Work>,
}

/// The cache. `now` is monotonic time since some origin, the same for all calls.
#[derive(Debug)]
pub struct DuplicateCache<Work> {
    bounds: Bounds,
    by_key: HashMap<Key, u32>,
    slots: Slots<Request<Work>>,
    /// Judging or held, oldest first.
    working: Queue,
    /// Finished, oldest first; all live equally long, so this is also the order of expiry.
    finished: Queue,
}

impl<Work> DuplicateCache<Work> {
    /// An empty cache. Memory is taken as entries come.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            by_key: HashMap::new(),
            slots: Slots::default(),
            working: Queue::default(),
            finished: Queue::default(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Looks an authentic request up, and takes it in if it is new.
    pub fn admit(
        &mut self,
        now: Duration,
        key: Key,
        authenticator: &Authenticator,
        work: impl FnOnce() -> Work,
    ) -> Admission<'_> {
        self.expire(now);
        if let Some(&slot) = self.by_key.get(&key) {
            if self.slots[slot].authenticator == *authenticator {
                return self.again(slot);
            }
            // The client has given the old request up; so do we (RFC 5080 section 2.2.2).
            self.remove(slot);
        }
        if self.len() >= self.bounds.capacity {
            match self.finished.oldest() {
                Some(slot) => self.remove(slot),
                None => return Admission::Full,
            }
        }
        Admission::New(self.insert(now, key, authenticator, work()))
    }

    fn again(&self, slot: u32) -> Admission<'_> {
        match &self.slots[slot].stage {
            Stage::Finished(reply) => Admission::Answered(reply),
            Stage::Judging(_) | Stage::Held(_) => Admission::InProgress,
        }
    }

    fn insert(
        &mut self,
        now: Duration,
        key: Key,
        authenticator: &Authenticator,
        work: Work,
    ) -> Ticket {
        let ticket = self.slots.insert(Request {
            key,
            authenticator: *authenticator,
            since: now,
            stage: Stage::Judging(work),
        });
        self.working.push(&mut self.slots, ticket.slot);
        match self.by_key.entry(key) {
            Entry::Vacant(vacant) => vacant.insert(ticket.slot),
            Entry::Occupied(_) => unreachable!("the key was looked up and removed before"),
        };
        ticket
    }

    /// What was remembered for a request that waits for its verdict.
    pub fn judging(&self, ticket: Ticket) -> Option<(&Key, &Authenticator, &Work)> {
        let request = self.slots.of(ticket)?;
        match &request.stage {
            Stage::Judging(work) => Some((&request.key, &request.authenticator, work)),
            Stage::Held(_) | Stage::Finished(_) => None,
        }
    }

    /// The same, to note more.
    pub fn judging_mut(&mut self, ticket: Ticket) -> Option<&mut Work> {
        match &mut self.slots.of_mut(ticket)?.stage {
            Stage::Judging(work) => Some(work),
            Stage::Held(_) | Stage::Finished(_) => None,
        }
    }

    /// Keeps the reply to a judged request for [`release`](Self::release). Until then, duplicates
    /// stay without an answer: to answer them would be to tell the verdict before its time.
    pub fn hold(&mut self, ticket: Ticket, reply: Box<[u8]>) -> bool {
        match self.slots.of_mut(ticket) {
            Some(request) if matches!(request.stage, Stage::Judging(_)) => {
                request.stage = Stage::Held(reply);
                true
            }
            _ => false,
        }
    }

    /// The reply that was held, to be sent now. From here on duplicates get the same octets.
    pub fn release(&mut self, now: Duration, ticket: Ticket) -> Option<(&Key, &[u8])> {
        let request = self.slots.of_mut(ticket)?;
        let Stage::Held(reply) = &mut request.stage else {
            return None;
        };
        request.stage = Stage::Finished(std::mem::take(reply));
        request.since = now;
        self.working.unlink(&mut self.slots, ticket.slot);
        self.finished.push(&mut self.slots, ticket.slot);
        let request = &self.slots[ticket.slot];
        match &request.stage {
            Stage::Finished(reply) => Some((&request.key, reply)),
            Stage::Judging(_) | Stage::Held(_) => None,
        }
    }

    /// Drops an unfinished request, as if it had never come: its retransmission is a new request.
    pub fn forget(&mut self, ticket: Ticket) {
        match self.slots.of(ticket).map(|request| &request.stage) {
            Some(Stage::Judging(_) | Stage::Held(_)) => self.remove(ticket.slot),
            Some(Stage::Finished(_)) | None => {}
        }
    }

    /// Drops what is too old. Called by [`admit`](Self::admit); every entry is dropped once.
    pub fn expire(&mut self, now: Duration) {
        while let Some(slot) = self.finished.oldest() {
            if !self.is_older(now, slot, self.bounds.lifetime) {
                break;
            }
            self.remove(slot);
        }
        while let Some(slot) = self.working.oldest() {
            if !self.is_older(now, slot, WORK_MAX) {
                break;
            }
            self.remove(slot);
        }
    }

    fn is_older(&self, now: Duration, slot: u32, life: Duration) -> bool {
        now.saturating_sub(self.slots[slot].since) >= life
    }

    fn remove(&mut self, slot: u32) {
        let queue = match self.slots[slot].stage {
            Stage::Finished(_) => &mut self.finished,
            Stage::Judging(_) | Stage::Held(_) => &mut self.working,
        };
        queue.unlink(&mut self.slots, slot);
        let request = self.slots.remove(slot);
        self.by_key.remove(&request.key);
    }
}
