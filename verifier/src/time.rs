//! Moments of the wall clock.

use std::time::Duration;

use minicbor::{Decode, Encode};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Time(u64);

impl Time {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    /// This moment and `duration` later, or the last moment there is.
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// What the clocks say when something is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock.
    pub time: Time,
    /// Whether the wall clock has run as fast as time does, as far as anybody can tell. While it has
    /// not, no code is judged.
    pub steady: bool,
}

impl From<Time> for Now {
    /// A clock that nobody doubts.
    fn from(time: Time) -> Self {
        Self { time, steady: true }
    }
}
