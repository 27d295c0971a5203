//! The one place where the daemon reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use sekisho_verifier::time::Time;

/// Now. A clock before 1970 reads as 1970, which no journal is older than: no accepts.
pub(crate) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
