//! Entries at fixed places, and queues that run through them.
//!
//! A queue is a list threaded through the slots, so that an entry can leave from its middle in
//! constant time. A slot is in exactly one queue, or free.

use std::ops::{Index, IndexMut};

use super::Ticket;

const NONE: u32 = u32::MAX;

/// Places for entries; a freed place is used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    /// Rises with every use of the place, so that tickets of earlier uses are known as stale.
    generation: u32,
    previous: u32,
    next: u32,
    entry: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    pub(super) fn insert(&mut self, entry: T) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| self.add_place());
        let place = &mut self.places[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.entry = Some(entry);
        Ticket {
            slot,
            generation: place.generation,
        }
    }

    fn add_place(&mut self) -> u32 {
        // CAPACITY_MAX is far below 2^32, and below NONE.
        let slot = self.places.len() as u32;
        self.places.push(Place {
            generation: 0,
            previous: NONE,
            next: NONE,
            entry: None,
        });
        slot
    }

    /// Takes out an entry that is in no queue any more.
    pub(super) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        taken(self.places[slot as usize].entry.take())
    }

    pub(super) fn of(&self, ticket: Ticket) -> Option<&T> {
        let place = self.places.get(ticket.slot as usize)?;
        (place.generation == ticket.generation)
            .then_some(place.entry.as_ref())
            .flatten()
    }

    pub(super) fn of_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        let place = self.places.get_mut(ticket.slot as usize)?;
        (place.generation == ticket.generation)
            .then_some(place.entry.as_mut())
            .flatten()
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        taken(self.places[slot as usize].entry.as_ref())
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        taken(self.places[slot as usize].entry.as_mut())
    }
}

/// Queues and the map by key name taken slots only; a free one here is our own mistake.
#[expect(clippy::expect_used, reason = "an invariant of this folder, not input")]
fn taken<T>(entry: Option<T>) -> T {
    entry.expect("a queue names a free slot")
}

/// A queue of slots, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    oldest: u32,
    newest: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            oldest: NONE,
            newest: NONE,
        }
    }
}

impl Queue {
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Appends a slot that is in no queue.
    pub(super) fn push<T>(&mut self, slots: &mut Slots<T>, slot: u32) {
        let place = &mut slots.places[slot as usize];
        place.previous = self.newest;
        place.next = NONE;
        match self.newest {
            NONE => self.oldest = slot,
            newest => slots.places[newest as usize].next = slot,
        }
        self.newest = slot;
    }

    /// Takes out a slot that is in this queue.
    pub(super) fn unlink<T>(&mut self, slots: &mut Slots<T>, slot: u32) {
        let Place { previous, next, .. } = slots.places[slot as usize];
        match previous {
            NONE => self.oldest = next,
            previous => slots.places[previous as usize].next = next,
        }
        match next {
            NONE => self.newest = previous,
            next => slots.places[next as usize].previous = previous,
        }
    }
}
