//! Which Identifier, on which of our ports, names the next request to one NAS.

use std::collections::VecDeque;

/// One of our ports and an Identifier on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) slot: u16,
    pub(super) identifier: u8,
}

/// The places of one NAS. The one that was free for the longest time is used next: a NAS that
/// knows duplicates by port and Identifier alone would else answer with what it said before.
#[derive(Debug)]
pub(super) struct Identifiers {
    slots: u16,
    /// The Identifier that is used first. Not always the same: the NAS may remember who used
    /// this port before us.
    start: u8,
    /// How many places were ever used.
    used: u32,
    /// Places that were used and are free again, the longest free first.
    free: VecDeque<Place>,
}

impl Identifiers {
    pub(super) fn new(slots: u16, start: u8) -> Self {
        Self {
            slots,
            start,
            used: 0,
            free: VecDeque::new(),
        }
    }

    /// A place that no open request has, or nothing if each has one.
    pub(super) fn take(&mut self) -> Option<Place> {
        self.unused().or_else(|| self.free.pop_front())
    }

    fn unused(&mut self) -> Option<Place> {
        let round = u8::try_from(self.used / u32::from(self.slots)).ok()?;
        // The remainder is below `slots`.
        let slot = (self.used % u32::from(self.slots)) as u16;
        self.used += 1;
        Some(Place {
            slot,
            identifier: self.start.wrapping_add(round),
        })
    }

    /// The request was answered, or given up.
    pub(super) fn give_back(&mut self, place: Place) {
        self.free.push_back(place);
    }

    /// True if no open request has a place.
    pub(super) fn is_idle(&self) -> bool {
        self.free.len() == self.used as usize
    }
}
