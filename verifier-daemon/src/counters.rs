//! What the daemon counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start, for `status`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepts: Counter,
    pub(crate) rejects: Counter,
    pub(crate) connections: Counter,
    /// Requests that were not decided because the queue was full or the store not ready.
    pub(crate) undecided: Counter,
    pub(crate) refused_connections: Counter,
}

/// One number that threads share.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_away(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
