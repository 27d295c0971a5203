//! `[verifier]`, `[acceptance]`, `[limits]`, `[pam]` and `[log]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::Bounded;

/// The verifier: where its data and its socket are, and who may ask what.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Verifier {
    /// The folder of journal, index and key.
    pub data: PathBuf,
    /// The socket that PAM, RADIUS and the CLI connect to.
    pub socket: PathBuf,
    /// The user that `sekisho-radiusd` runs as: may send attempts for anybody, and nothing else.
    pub radius_user: String,
    /// Members may use every verb.
    pub admin_group: String,
    /// Members may explain, report lost, suspend and unlock.
    pub help_desk_group: String,
    /// Members may read.
    pub auditor_group: String,
    /// The letters before the number of a serial that `token issue` makes.
    pub serial_prefix: String,
    /// Open connections, all peers together.
    pub connections: Bounded<16, 65_536>,
    /// Open connections of one user who is neither root nor a daemon.
    pub connections_per_user: Bounded<1, 1_024>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            data: "/var/lib/sekisho".into(),
            socket: "/run/sekisho/verifier.sock".into(),
            radius_user: "sekisho-radius".into(),
            admin_group: "sekisho-admin".into(),
            help_desk_group: "sekisho-help-desk".into(),
            auditor_group: "sekisho-auditor".into(),
            serial_prefix: "SKTS".into(),
            connections: Bounded::new(1_024),
            connections_per_user: Bounded::new(16),
        }
    }
}

/// Which codes are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Acceptance {
    /// How far a code's step may be from now.
    pub profile: Profile,
    /// How many whole steps a token's clock may be learned to be off; 0 learns nothing.
    pub drift_steps: Bounded<0, 20>,
    /// How many counters a HOTP token may be ahead.
    pub look_ahead: Bounded<1, 100>,
    /// How long a gateway that asks again about the same login gets the same verdict.
    answer_again_seconds: Bounded<1, 60>,
}

impl Default for Acceptance {
    fn default() -> Self {
        Self {
            profile: Profile::Standard,
            drift_steps: Bounded::new(4),
            look_ahead: Bounded::new(10),
            answer_again_seconds: Bounded::new(10),
        }
    }
}

impl Acceptance {
    /// How long a gateway that asks again about the same login gets the same verdict.
    pub fn answer_again(&self) -> Duration {
        Duration::from_secs(self.answer_again_seconds.value())
    }
}

/// How far a code's step may be from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Only the current step.
    Strict,
    /// The current step and one on each side.
    Standard,
}

/// What wrong codes lead to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// So many wrong codes lock the account's codes.
    pub wrong_codes: Bounded<3, 20>,
    /// For so long.
    lock_minutes: Bounded<1, 1_440>,
    /// So many failures in a row disable the account's tokens until they are enrolled again.
    pub failures_in_a_row: Bounded<20, 1_000>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong_codes: Bounded::new(10),
            lock_minutes: Bounded::new(30),
            failures_in_a_row: Bounded::new(100),
        }
    }
}

impl Limits {
    /// How long a lock lasts.
    pub fn lock(&self) -> Duration {
        Duration::from_secs(60 * self.lock_minutes.value())
    }
}

/// Where Linux logins ask for a code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Pam {
    /// By PAM service name; a service that is not listed always asks.
    pub service: BTreeMap<String, Service>,
}

/// One PAM service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// Whether it asks for a code.
    pub code: Code,
}

/// Whether a code is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Of everybody.
    #[default]
    Always,
    /// Of accounts that chose so; new accounts do.
    AccountChoice,
    /// Of nobody. PAM then goes on without us, and that is logged.
    Never,
}

/// Logging of the daemons.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// To syslog (RFC 5424, facility authpriv).
    pub syslog: bool,
    /// To standard error.
    pub stderr: bool,
    /// The least important line that is written.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            syslog: true,
            stderr: true,
            level: LogLevel::Info,
        }
    }
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something needs attention.
    Warning,
    /// What operators want to know.
    Info,
    /// What developers want to know. Holds no seed, no code and no secret either.
    Debug,
}
