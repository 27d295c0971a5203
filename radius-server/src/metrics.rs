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
    TooFast "dropped-over-the-rate",
    Malformed "dropped-malformed",
    Code "dropped-code",
    NoMessageAuthenticator "dropped-no-message-authenticator",
    WrongMessageAuthenticator "dropped-wrong-message-authenticator",
    WrongAuthenticator "dropped-wrong-request-authenticator",
    ProxyState "dropped-proxy-state",
    NasIdentifier "dropped-nas-identifier",
    NothingToJudge "dropped-nothing-to-judge",
    Eap "dropped-eap",
    NoStateKeys "dropped-no-state-keys",
    StatusServerOff "dropped-status-server-off",
    NotReady "dropped-status-server-not-ready",
    InProgress "dropped-duplicate-in-progress",
    CacheFull "dropped-duplicate-cache-full",
    ReplyTooLarge "dropped-reply-too-large",
    NoRandomness "dropped-no-randomness",
    Asked "asked",
    Accepted "accepted",
    Rejected "rejected",
    Challenged "challenged",
    HalfAccepted "accepted-not-acknowledged",
    Refused "refused-without-attempt",
    RefusedMethod "refused-method-off",
    RefusedSeveralMethods "refused-several-methods",
    RefusedState "refused-bad-state",
    RefusedNotACode "refused-not-a-code",
    RefusedChallenges "refused-too-many-challenges",
    RefusedPasswords "refused-too-many-passwords",
    RefusedEap "refused-eap",
    Undecided "undecided",
    VerifierAway "dropped-verifier-away",
    TooManyAttempts "dropped-too-many-attempts",
    TooManyPasswords "dropped-too-many-passwords",
    TooManyRejects "dropped-too-many-held-rejects",
    FirstFactorAway "first-factor-unavailable",
    GroupsAway "dropped-groups-unavailable",
    AttributesLeftOut "reply-attributes-left-out",
    Duplicate "duplicates-answered",
    Status "status-server-answered",
    Abandoned "abandoned-by-client",
    SendFailed "send-failed",
    AccountingStored "accounting-stored",
    AccountingOther "accounting-answered-not-stored",
    AccountingForbidden "dropped-accounting-forbidden-attribute",
    AccountingNoStatus "dropped-accounting-no-status-type",
    AccountingNoSession "dropped-accounting-no-session-id",
    DisconnectOrders "disconnect-orders",
    DisconnectSent "disconnect-sent",
    DisconnectAgain "disconnect-sent-again",
    DisconnectEnded "disconnect-ended",
    DisconnectGone "disconnect-session-gone",
    DisconnectRefused "disconnect-refused",
    DisconnectTimeout "disconnect-timeout",
    DisconnectNotSent "disconnect-not-sent",
    DisconnectNoReply "disconnect-reply-not-believed",
}

impl Counter {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Its name, as a reason for whoever reads of it.
    pub(crate) fn reason(self) -> &'static str {
        let name = self.name();
        ["dropped-", "refused-"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name)
    }

    /// True for what an admin can do something about. Nonsense that strangers send in the name of a
    /// client is not.
    pub(crate) fn is_worth_a_line(self) -> bool {
        matches!(
            self,
            Self::TooFast
                | Self::NoMessageAuthenticator
                | Self::WrongMessageAuthenticator
                | Self::WrongAuthenticator
                | Self::ProxyState
                | Self::NasIdentifier
                | Self::CacheFull
                | Self::ReplyTooLarge
                | Self::NoRandomness
                | Self::TooManyAttempts
                | Self::TooManyPasswords
                | Self::GroupsAway
                | Self::AccountingForbidden
                | Self::AccountingNoSession
        )
    }

    /// Why a packet is ignored.
    pub(crate) fn of_ignored(why: Ignored) -> Self {
        match why {
            Ignored::Malformed(_) => Self::Malformed,
            Ignored::Code => Self::Code,
            Ignored::NoMessageAuthenticator => Self::NoMessageAuthenticator,
            Ignored::WrongMessageAuthenticator => Self::WrongMessageAuthenticator,
            Ignored::ProxyState => Self::ProxyState,
            Ignored::NasIdentifier => Self::NasIdentifier,
            Ignored::NothingToJudge => Self::NothingToJudge,
            Ignored::Eap => Self::Eap,
            Ignored::NoStateKeys => Self::NoStateKeys,
            Ignored::StatusServerOff => Self::StatusServerOff,
            Ignored::NotReady => Self::NotReady,
            Ignored::InProgress => Self::InProgress,
            Ignored::CacheFull => Self::CacheFull,
            Ignored::ReplyTooLarge => Self::ReplyTooLarge,
            // The protocol crate may learn new reasons before we give them a counter.
            _ => Self::Malformed,
        }
    }

    /// Why a request is rejected without asking the verifier.
    pub(crate) fn of_refusal(why: Refusal) -> Self {
        match why {
            Refusal::MethodOff => Self::RefusedMethod,
            Refusal::SeveralMethods => Self::RefusedSeveralMethods,
            Refusal::BadState => Self::RefusedState,
            Refusal::NotACode => Self::RefusedNotACode,
            Refusal::TooManyChallenges => Self::RefusedChallenges,
            Refusal::TooManyPasswords => Self::RefusedPasswords,
            Refusal::EapDeclined | Refusal::Identity => Self::RefusedEap,
            _ => Self::Refused,
        }
    }
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

    #[test]
    fn names_are_told_once_each() {
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
        assert_eq!(Counter::DisconnectNoReply.name(), NAMES[NAMES.len() - 1]);
        assert_eq!(Counter::RefusedMethod.reason(), "method-off");
        assert_eq!(Counter::TooFast.reason(), "over-the-rate");
    }
}
