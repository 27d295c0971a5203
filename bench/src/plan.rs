//! How much is measured.

use std::time::Duration;

/// Sizes of a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often each figure is taken.
    pub(crate) rounds: usize,
    /// How long a limit of the disk is measured each time.
    pub(crate) disk: Duration,
    /// How long the store, and each file beside it, is measured each time.
    pub(crate) store: Duration,
    /// Tokens that the events of the store are of.
    pub(crate) store_tokens: u64,
    /// Event counts for opening, rebuilding and verifying a store, rising.
    pub(crate) histories: &'static [u64],
    /// Accounts of the pure core's store.
    pub(crate) core_accounts: u64,
    /// Token counts for memory and start time, rising.
    pub(crate) token_counts: &'static [u64],
    /// Tokens of the installation that throughput is measured on.
    pub(crate) throughput_tokens: u64,
    /// Accepts with 1, 16 and 256 attempts waiting at the verifier.
    pub(crate) verifier_accepts: [(usize, usize); 3],
    /// Accepts of each run over RADIUS.
    pub(crate) radius_accepts: usize,
    /// Accepts of the run with 128 sockets of 256 identifiers.
    pub(crate) radius_many_accepts: usize,
    /// Bursts of each round.
    pub(crate) bursts: usize,
    /// Logins through PAM of each round.
    pub(crate) pam_logins: usize,
    /// Accepts of each RADIUS method of each round.
    pub(crate) method_accepts: usize,
}

impl Plan {
    /// The short one when `BENCH_QUICK` is set to anything but nothing or 0.
    pub(crate) fn of_environment() -> Self {
        let quick = std::env::var("BENCH_QUICK").is_ok_and(|set| !matches!(&*set, "" | "0"));
        if quick { Self::quick() } else { Self::full() }
    }

    fn full() -> Self {
        Self {
            rounds: 3,
            disk: Duration::from_millis(500),
            store: Duration::from_secs(1),
            store_tokens: 100_000,
            histories: &[1_000_000, 10_000_000],
            core_accounts: 50_000,
            token_counts: &[1, 100_000, 1_000_000],
            throughput_tokens: 400_000,
            verifier_accepts: [(1, 4_000), (16, 30_000), (256, 80_000)],
            radius_accepts: 80_000,
            radius_many_accepts: 100_000,
            bursts: 4,
            pam_logins: 300,
            method_accepts: 20_000,
        }
    }

    fn quick() -> Self {
        Self {
            rounds: 1,
            disk: Duration::from_millis(300),
            store: Duration::from_millis(300),
            store_tokens: 20_000,
            histories: &[200_000],
            core_accounts: 10_000,
            token_counts: &[1, 100_000],
            throughput_tokens: 150_000,
            verifier_accepts: [(1, 1_500), (16, 10_000), (256, 30_000)],
            radius_accepts: 30_000,
            radius_many_accepts: 66_000,
            bursts: 2,
            pam_logins: 300,
            method_accepts: 8_000,
        }
    }
}

/// Tells whoever waits what is going on.
pub(crate) fn say(what: impl std::fmt::Display) {
    eprintln!("bench: {what}");
}
