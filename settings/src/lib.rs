//! Sekisho's one configuration file, `/etc/sekisho/sekisho.toml`, its types and its checks.
//!
//! Every program reads the same file through [`Settings::load`] and so refuses the same mistakes:
//! an unknown key, a number out of its bounds, a secret that others can read. An error names the
//! file and the line, and its second line says the way out. Every default is safe; zero never
//! means unlimited.

#![warn(missing_docs)]

mod asking;
mod audit;
mod backup;
mod bounded;
mod error;
mod load;
mod master_key;
mod prefix;
mod radius;
mod secret;
mod verifier;

pub use audit::Audit;
pub use backup::{Backup, Recipient};
pub use bounded::Bounded;
pub use error::Error;
pub use load::{DEFAULT_FILE, FILE_OCTETS_MAX};
pub use master_key::{MasterKey, Pkcs11, Source};
pub use prefix::Prefix;
pub use radius::{
    Client, CodeAt, Disconnect, FirstFactor, GroupSource, Ldap, MessageAuthenticator, Method, Mode,
    PasswordDaemon, Quirk, Radius, ReplyAttribute,
};
pub use secret::{SECRET_OCTETS_ADVISED, Secret};
pub use verifier::{
    Acceptance, Approval, Approved, Code, Day, Language, Limits, Log, LogLevel, Network, Pam,
    Profile, Rule, Service, Tongue, Verifier,
};

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The verifier: where its data and its socket are, and who may ask what.
    pub verifier: Verifier,
    /// The master key: what wraps the keys that seal seeds, and where it is kept.
    pub master_key: MasterKey,
    /// Which codes are accepted.
    pub acceptance: Acceptance,
    /// What wrong codes lead to.
    pub limits: Limits,
    /// Where Linux logins ask for a code.
    pub pam: Pam,
    /// The RADIUS server and its clients.
    pub radius: Radius,
    /// The audit trail: how long it is kept.
    pub audit: Audit,
    /// Backups: who can read them.
    pub backup: Backup,
    /// What takes two people.
    pub approval: Approval,
    /// Texts for people.
    pub language: Language,
    /// Logging of the daemons.
    pub log: Log,
}
