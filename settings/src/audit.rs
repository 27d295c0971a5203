//! `[audit]`.

use std::time::Duration;

use serde::Deserialize;

use crate::Bounded;

/// The audit trail: how long it is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Audit {
    /// `sekisho audit retain` removes segments of the journal whose events are all older; nobody
    /// can make it remove younger ones.
    retention_days: Bounded<1, 36_500>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            retention_days: Bounded::new(400),
        }
    }
}

impl Audit {
    /// How long events are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_days.value() * 86_400)
    }
}
