//! What the tests of the core share: devices as their owners hold them, a desk that decides on a
//! store, random histories, and an oracle that knows what ought to come of them.

pub(crate) mod desk;
pub(crate) mod history;
pub(crate) mod oracle;
pub(crate) mod people;

use std::time::Duration;

use proptest::prelude::ProptestConfig;
use sekisho_verifier::time::Time;

/// Where histories begin: a moment within the step of 1862261050, whose code comes twice.
pub(crate) const START: Time = Time::from_millis(1_862_261_050_000);

/// So many cases by default that the whole file is done in a minute; `PROPTEST_CASES` scales it.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let scaled = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if scaled { default.cases } else { cases },
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..default
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `now`, moved by so many milliseconds.
pub(crate) fn moved(now: Time, millis: i64) -> Time {
    Time::from_millis(now.millis().saturating_add_signed(millis))
}
