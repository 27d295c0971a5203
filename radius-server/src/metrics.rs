//! Counters. Their names are a closed list: nothing that a packet says can make a new one.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_radius_protocol::server::{Ignored, Refusal};

macro_rules! counters {
    ($($name:ident $text:literal,)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Counter { $($name,)* }

        const NAMES: &[&str] = &[$($text,)*];
    };
}

counters! {
    Received "received",
    QueueFull "dropped-queue-full",
    UnknownClient "dropped-unknown-client",
    Malformed "dropped-malformed",
    Code "dropped-code",
    NoMessageAuthenticator "dropped-no-message-authenticator",
    WrongMessageAuthenticator "dropped-wrong-message-authenticator",
    ProxyState "dropped-proxy-state",
    NothingToJudge "dropped-nothing-to-judge",
    StatusServerOff "dropped-status-server-off",
    NotReady "dropped-status-server-not-ready",
    InProgress "dropped-duplicate-in-progress",
    CacheFull "dropped-duplicate-cache-full",
    ReplyTooLarge "dropped-reply-too-large",
    Asked "asked",
    Accepted "accepted",
    Rejected "rejected",
    Refused "refused-without-attempt",
    RefusedMethod "refused-method-off",
    Undecided "undecided",
    VerifierAway "dropped-verifier-away",
    TooManyAttempts "dropped-too-many-attempts",
    TooManyRejects "dropped-too-many-held-rejects",
    Duplicate "duplicates-answered",
    Status "status-server-answered",
    Abandoned "abandoned-by-client",
    SendFailed "send-failed",
}

/// All counters of the daemon.
#[derive(Debug)]
pub(crate) struct Metrics {
    values: [AtomicU64; NAMES.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            values: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Metrics {
    pub(crate) fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(crate) fn add(&self, counter: Counter, by: usize) {
        self.values[counter as usize].fetch_add(by as u64, Ordering::Relaxed);
    }

    pub(crate) fn ignored(&self, why: Ignored) {
        self.count(match why {
            Ignored::Malformed(_) => Counter::Malformed,
            Ignored::Code => Counter::Code,
            Ignored::NoMessageAuthenticator => Counter::NoMessageAuthenticator,
            Ignored::WrongMessageAuthenticator => Counter::WrongMessageAuthenticator,
            Ignored::ProxyState => Counter::ProxyState,
            Ignored::NothingToJudge => Counter::NothingToJudge,
            Ignored::StatusServerOff => Counter::StatusServerOff,
            Ignored::NotReady => Counter::NotReady,
            Ignored::InProgress => Counter::InProgress,
            Ignored::CacheFull => Counter::CacheFull,
            Ignored::ReplyTooLarge => Counter::ReplyTooLarge,
            // The protocol crate may learn new reasons before we give them a counter.
            _ => Counter::Malformed,
        });
    }

    pub(crate) fn refused(&self, why: Refusal) {
        self.count(match why {
            Refusal::MethodOff => Counter::RefusedMethod,
            _ => Counter::Refused,
        });
    }

    /// All values at one time.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(std::array::from_fn(|at| {
            self.values[at].load(Ordering::Relaxed)
        }))
    }
}

/// The counters as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot([u64; NAMES.len()]);

impl Default for Snapshot {
    fn default() -> Self {
        Self([0; NAMES.len()])
    }
}

impl Snapshot {
    /// What was counted since `earlier`, as `name=value`, or nothing if nothing was.
    pub(crate) fn since(&self, earlier: &Self) -> Option<String> {
        let mut line = String::new();
        for (at, name) in NAMES.iter().enumerate() {
            let grown = self.0[at].wrapping_sub(earlier.0[at]);
            if grown > 0 {
                let gap = if line.is_empty() { "" } else { " " };
                // Writing to a String does not fail.
                let _ = write!(line, "{gap}{name}={grown}");
            }
        }
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_changed_is_told() {
        let metrics = Metrics::default();
        let start = metrics.snapshot();
        assert_eq!(start.since(&start), None);
        metrics.count(Counter::Received);
        metrics.add(Counter::SendFailed, 2);
        let told = metrics.snapshot().since(&start);
        assert_eq!(told.as_deref(), Some("received=1 send-failed=2"));
    }
}
