//! `[radius]`: the door for VPN gateways.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::{Bounded, Prefix, Secret};

/// The RADIUS server.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Radius {
    /// Where to listen; UDP.
    pub listen: Vec<SocketAddr>,
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
            reject_delay_ms: Bounded::new(1_000),
            duplicate_seconds: Bounded::new(10),
            duplicate_entries: Bounded::new(131_072),
            receive_buffer_octets: Bounded::new(16 * 1024 * 1024),
            attempts_in_flight: Bounded::new(4_096),
            client: Vec::new(),
        }
    }
}

impl Radius {
    /// How long a reject waits before it goes out, before jitter.
    pub fn reject_delay(&self) -> Duration {
        Duration::from_millis(self.reject_delay_ms.value())
    }

    /// How long an answered request is remembered.
    pub fn duplicate_life(&self) -> Duration {
        Duration::from_secs(self.duplicate_seconds.value())
    }
}

/// One gateway, or a network of them that share a secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// The name in logs, audit and policy.
    pub name: String,
    /// Addresses and networks it sends from; the longest match wins over all clients.
    pub address: Vec<Prefix>,
    /// What it shares with us.
    pub secret: Secret,
    /// Whether its requests must carry a Message-Authenticator.
    #[serde(default)]
    pub message_authenticator: MessageAuthenticator,
    /// With `message-authenticator = "off"`: drop requests that carry a Proxy-State.
    #[serde(default = "yes")]
    pub limit_proxy_state: bool,
    /// Whether Status-Server (RFC 5997) is answered.
    #[serde(default = "yes")]
    pub status_server: bool,
}

fn yes() -> bool {
    true
}

/// Whether requests must carry a Message-Authenticator (RFC 3579 section 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageAuthenticator {
    /// Requests without it are dropped.
    #[default]
    Require,
    /// Requests without it are taken: for gateways that can not send it. Warned about.
    Off,
}
