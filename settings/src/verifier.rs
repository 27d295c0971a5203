//! `[verifier]`, `[acceptance]`, `[limits]`, `[pam]` and `[log]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::{Bounded, Prefix};

/// The verifier: where its data and its socket are, and who may ask what.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Verifier {
    /// The folder of journal, index and key.
    pub data: PathBuf,
    /// The socket that PAM, RADIUS and the CLI connect to.
    pub socket: PathBuf,
    /// The user that `sekisho-verifierd` runs as: may ask `sekisho-passwordd`.
    pub user: String,
    /// The user that `sekisho-radiusd` runs as: may send attempts for anybody, and nothing else.
    pub radius_user: String,
    /// Members may use every verb.
    pub admin_group: String,
    /// Members may help people who can not log in: explain, lost, suspend, unlock, resync, emergency.
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
            user: "sekisho".into(),
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
    /// By PAM service name; a service that is not listed has the rule of the default table.
    pub service: BTreeMap<String, Service>,
    /// Until the end of this day (UTC) accounts without a token are let in where a code is needed, to
    /// put their first token into use.
    pub grace_until: Option<Day>,
    /// How long after a login's code the services of `second-use-services` ask for none, in the same
    /// login session on the same terminal; without it they always ask.
    second_use_seconds: Option<Bounded<1, 300>>,
    /// Which services.
    pub second_use_services: Vec<String>,
}

impl Pam {
    /// How long a second use in the same login session needs no code; `None`: it always does.
    pub fn second_use(&self) -> Option<Duration> {
        self.second_use_seconds
            .map(|seconds| Duration::from_secs(seconds.value()))
    }
}

/// One PAM service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// Whether it asks for a code, where no rule fits.
    pub code: Code,
    /// The first that fits goes before `code`.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

/// A rule with conditions. Every condition that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// The account is in one of these groups of the store; empty: any account.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The login comes from one of these; empty: from anywhere.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Whether it asks for a code then.
    pub code: Code,
}

/// Where a login comes from: a network, or `local` for the machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Network {
    /// No remote host.
    Local,
    /// An address in this network. A host name lies in none.
    Remote(Prefix),
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "local" => Ok(Self::Local),
            other => Ok(Self::Remote(other.parse()?)),
        }
    }
}

/// A day, as `2026-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Day {
    /// Milliseconds since 1970-01-01T00:00:00Z at its end, in UTC.
    pub end_ms: u64,
}

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// The years that a [`Day`] may be in.
const YEARS: std::ops::RangeInclusive<u64> = 2_020..=2_199;

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let day = || {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let number = |text: &str, digits: usize| {
                let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
                plain.then(|| text.parse::<u64>().ok()).flatten()
            };
            days_since_1970(number(year, 4)?, number(month, 2)?, number(day, 2)?)
        };
        let days = day().ok_or("a day is written as 2026-12-31, in the years 2020 to 2199")?;
        Ok(Self {
            end_ms: (days + 1) * DAY_MS,
        })
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let of_month = |month: u64| match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    };
    let fits =
        YEARS.contains(&year) && (1..=12).contains(&month) && (1..=of_month(month)).contains(&day);
    let years: u64 = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let months: u64 = (1..month).map(of_month).sum();
    fits.then(|| years + months + day - 1)
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

/// Texts for people.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Language {
    /// For who has chosen nothing.
    pub default: Tongue,
}

/// The languages that there are texts in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Tongue {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Japanese.
    #[serde(rename = "ja")]
    Japanese,
}

/// What takes two people.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Approval {
    /// These wait for a second admin; empty: none.
    pub operations: Vec<Approved>,
}

impl Default for Approval {
    fn default() -> Self {
        use Approved::{Backup, BulkDisable, KeyRotate, Policy, Restore};
        Self {
            operations: vec![Backup, Restore, KeyRotate, Policy, BulkDisable],
        }
    }
}

/// An operation that can take two people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approved {
    /// A backup: all seeds leave the machine.
    Backup,
    /// The first accept after a restore.
    Restore,
    /// A change of keys.
    KeyRotate,
    /// A change of the policy.
    Policy,
    /// Disabling several accounts at once.
    BulkDisable,
}
