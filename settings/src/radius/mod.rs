//! `[radius]`: the door for VPN gateways.

mod check;
mod client;
mod first_factor;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::Bounded;

pub use client::{
    Client, CodeAt, Disconnect, FirstFactor, GroupSource, MessageAuthenticator, Method, Mode,
    Quirk, ReplyAttribute,
};
pub use first_factor::{Ldap, PasswordDaemon};

/// The RADIUS server.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Radius {
    /// Where to listen for logins; UDP.
    pub listen: Vec<SocketAddr>,
    /// Where to listen for accounting; UDP. Empty: nowhere.
    pub accounting_listen: Vec<SocketAddr>,
    /// How long a reject waits before it goes out, against guessing.
    reject_delay_ms: Bounded<0, 10_000>,
    /// How long an answered request is remembered (RFC 5080 section 2.2.2: 5 to 30 s).
    duplicate_seconds: Bounded<5, 30>,
    /// How many requests are remembered.
    pub duplicate_entries: Bounded<1_024, 1_048_576>,
    /// The receive buffer asked of the kernel for each socket.
    pub receive_buffer_octets: Bounded<65_536, 268_435_456>,
    /// How many attempts may wait for the verifier.
    pub attempts_in_flight: Bounded<16, 65_536>,
    /// How many passwords may be judged at once by LDAP or PAM.
    pub passwords_in_flight: Bounded<1, 1_024>,
    /// How long a challenge can be answered.
    challenge_seconds: Bounded<30, 600>,
    /// How many codes can be tried in one conversation.
    pub challenge_rounds: Bounded<1, 5>,
    /// How many conversations an account can begin in a minute.
    pub challenges_per_minute: Bounded<1, 600>,
    /// What a challenge asks for; nothing: in the language of the settings.
    pub challenge_text: Option<String>,
    /// Files with more attribute names, in FreeRADIUS's dictionary format.
    pub dictionary: Vec<PathBuf>,
    /// The directory that judges passwords for `first-factor = "ldap"` and knows groups.
    pub ldap: Option<Ldap>,
    /// The helper that judges passwords for `first-factor = "pam"`.
    pub pam: PasswordDaemon,
    /// Attributes of groups, for replies: `[radius.group.NAME]`.
    pub group: BTreeMap<String, BTreeMap<String, String>>,
    /// The gateways.
    pub client: Vec<Spanned<Client>>,
}

impl Default for Radius {
    fn default() -> Self {
        Self {
            listen: vec![
                SocketAddr::from(([0, 0, 0, 0], 1812)),
                SocketAddr::from(([0u16; 8], 1812)),
            ],
            accounting_listen: vec![
                SocketAddr::from(([0, 0, 0, 0], 1813)),
                SocketAddr::from(([0u16; 8], 1813)),
            ],
            reject_delay_ms: Bounded::new(1_000),
            duplicate_seconds: Bounded::new(10),
            duplicate_entries: Bounded::new(131_072),
            receive_buffer_octets: Bounded::new(16 * 1024 * 1024),
            attempts_in_flight: Bounded::new(4_096),
            passwords_in_flight: Bounded::new(64),
            challenge_seconds: Bounded::new(120),
            challenge_rounds: Bounded::new(3),
            challenges_per_minute: Bounded::new(10),
            challenge_text: None,
            dictionary: Vec::new(),
            ldap: None,
            pam: PasswordDaemon::default(),
            group: BTreeMap::new(),
            client: Vec::new(),
        }
    }
}

impl Radius {
    /// How long a reject waits before it goes out, before jitter.
    pub fn reject_delay(&self) -> Duration {
        Duration::from_millis(self.reject_delay_ms.value())
    }

    /// How long a challenge can be answered.
    pub fn challenge_life(&self) -> Duration {
        Duration::from_secs(self.challenge_seconds.value())
    }

    /// How long an answered request is remembered.
    pub fn duplicate_life(&self) -> Duration {
        Duration::from_secs(self.duplicate_seconds.value())
    }
}
