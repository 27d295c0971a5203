//! `[radius.ldap]` and `[radius.pam]`: who judges passwords.

use std::path::PathBuf;

use serde::Deserialize;

use crate::{Bounded, Secret};

/// An LDAP directory, Active Directory among them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ldap {
    /// `ldaps://dc1.example`, `ldap://dc1.example`, `ldapi://…`; tried in this order.
    pub servers: Vec<String>,
    /// Whether `ldap://` is encrypted by StartTLS.
    #[serde(default = "yes")]
    pub start_tls: bool,
    /// Whether `ldap://` without StartTLS is taken. Passwords can then be read on the way.
    #[serde(default)]
    pub allow_plain: bool,
    /// The certificates that are trusted, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The DN of a user: `uid={account},ou=people,dc=example`. Without it users are searched for.
    #[serde(default)]
    pub user_dn: Option<String>,
    /// Who searches.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// The password of who searches.
    #[serde(default)]
    pub bind_password: Option<Secret>,
    /// Where users are searched for.
    #[serde(default)]
    pub base: Option<String>,
    /// What finds a user: `(&(objectClass=person)(sAMAccountName={account}))`.
    #[serde(default = "filter")]
    pub filter: String,
    /// The attribute of a user that names groups by their DNs.
    #[serde(default = "group_attribute")]
    pub group_attribute: String,
    /// Where groups are searched for, if not by `group-attribute`.
    #[serde(default)]
    pub group_base: Option<String>,
    /// What finds the groups of a user: `(memberUid={account})` or `(member={dn})`.
    #[serde(default)]
    pub group_filter: Option<String>,
    /// How long one server may take, for each step.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: Bounded<100, 10_000>,
    /// How long all of it may take, over all servers.
    #[serde(default = "total_ms")]
    pub total_ms: Bounded<200, 20_000>,
}

fn yes() -> bool {
    true
}

fn filter() -> String {
    "(uid={account})".into()
}

fn group_attribute() -> String {
    "memberOf".into()
}

fn timeout_ms() -> Bounded<100, 10_000> {
    Bounded::new(1_500)
}

fn total_ms() -> Bounded<200, 20_000> {
    Bounded::new(2_500)
}

/// The helper that judges passwords through PAM, so that the RADIUS server needs no privileges.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PasswordDaemon {
    /// Its socket.
    pub socket: PathBuf,
    /// The PAM service that judges.
    pub service: String,
    /// How long one check may take.
    pub timeout_ms: Bounded<100, 20_000>,
    /// How many checks may run at once.
    pub checks: Bounded<1, 256>,
}

impl Default for PasswordDaemon {
    fn default() -> Self {
        Self {
            socket: "/run/sekisho-passwordd/socket".into(),
            service: "sekisho-password".into(),
            timeout_ms: Bounded::new(2_500),
            checks: Bounded::new(16),
        }
    }
}
