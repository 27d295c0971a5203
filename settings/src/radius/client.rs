//! `[[radius.client]]`: one gateway.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::{Bounded, Code, Prefix, Rule, Secret};

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
    /// Where a Message-Authenticator may be missing: drop requests that carry a Proxy-State.
    #[serde(default = "yes")]
    pub limit_proxy_state: bool,
    /// Whether Status-Server (RFC 5997) is answered.
    #[serde(default = "yes")]
    pub status_server: bool,
    /// How it asks: see [`Mode`].
    #[serde(default)]
    pub mode: Mode,
    /// Who judges the password that comes before the code.
    #[serde(default)]
    pub first_factor: FirstFactor,
    /// With `mode = "password-and-code"`: how many digits of the field are the code.
    #[serde(default = "six")]
    pub code_length: Bounded<6, 8>,
    /// With `mode = "password-and-code"`: on which side of the password they stand.
    #[serde(default)]
    pub code_at: CodeAt,
    /// What it may prove a code by. What is not here is refused before any token is looked at.
    #[serde(default = "pap_only")]
    pub methods: Vec<Method>,
    /// Its own time for a reject to wait, instead of `radius.reject-delay-ms`.
    #[serde(default)]
    reject_delay_ms: Option<Bounded<0, 10_000>>,
    /// Which NAS-Identifiers it may have; empty: any, and none.
    #[serde(default)]
    pub nas_identifier: Vec<String>,
    /// How many requests it may send in a second; twice as many at once.
    #[serde(default = "requests_per_second")]
    pub requests_per_second: Bounded<1, 1_000_000>,
    /// What is done differently because it can not do better.
    #[serde(default)]
    pub quirks: Vec<Quirk>,
    /// Where the groups in its replies come from.
    #[serde(default = "store_only")]
    pub groups: Vec<GroupSource>,
    /// What its Access-Accepts carry.
    #[serde(default)]
    pub reply: Vec<ReplyAttribute>,
    /// How its sessions are ended.
    #[serde(default)]
    pub disconnect: Disconnect,
    /// Whether it asks for a code, where no rule fits. In this version every login over RADIUS does:
    /// anything but `always` is refused.
    #[serde(default)]
    pub code: Code,
    /// The first that fits goes before `code`. In this version refused.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

impl Client {
    /// How long a reject waits, if this client has a time of its own.
    pub fn reject_delay(&self) -> Option<Duration> {
        let delay = self.reject_delay_ms?;
        Some(Duration::from_millis(delay.value()))
    }
}

fn yes() -> bool {
    true
}

fn six() -> Bounded<6, 8> {
    Bounded::new(6)
}

fn pap_only() -> Vec<Method> {
    vec![Method::Pap]
}

fn store_only() -> Vec<GroupSource> {
    vec![GroupSource::Store]
}

fn requests_per_second() -> Bounded<1, 1_000_000> {
    Bounded::new(500)
}

/// Whether requests must carry a Message-Authenticator (RFC 3579 section 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageAuthenticator {
    /// Requests without it are dropped.
    #[default]
    Require,
    /// The first request decides for as long as the server runs. Warned about until one had it.
    Auto,
    /// Requests without it are taken: for gateways that can not send it. Warned about.
    Off,
}

/// How a gateway asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The password field is the code.
    #[default]
    Code,
    /// The password field is password and code, one behind the other.
    PasswordAndCode,
    /// First the password; then the gateway asks for the code.
    Challenge,
}

/// Who judges the password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstFactor {
    /// Nobody here: the gateway did, or none is wanted.
    #[default]
    None,
    /// The hash in the store: `sekisho account password`.
    Stored,
    /// A PAM service on this server: `[radius.pam]`.
    Pam,
    /// A directory: `[radius.ldap]`.
    Ldap,
}

/// On which side of the password the code stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeAt {
    /// Behind it.
    #[default]
    End,
    /// Before it.
    Start,
}

/// What a code can be proved by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// User-Password (RFC 2865).
    Pap,
    /// CHAP-Password (RFC 2865).
    Chap,
    /// MS-CHAP2-Response (RFC 2548). Over plain UDP it is as good as clear text; warned about.
    MsChapV2,
    /// EAP with Generic Token Card (RFC 3748). The code stands in the packet in clear; warned about.
    EapGtc,
    /// EAP with MS-CHAPv2.
    EapMsChapV2,
}

impl Method {
    /// The word for it, as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pap => "pap",
            Self::Chap => "chap",
            Self::MsChapV2 => "ms-chap-v2",
            Self::EapGtc => "eap-gtc",
            Self::EapMsChapV2 => "eap-ms-chap-v2",
        }
    }
}

/// What is done differently for a gateway that can not do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// No Message-Authenticator in what is sent to it: some versions of Check Point drop packets that
    /// hold one. Replies can then be forged (CVE-2024-3596); warned about.
    OmitMessageAuthenticator,
    /// `hana@corp.example` is the account `hana`.
    StripRealm,
    /// `CORP\\hana` is the account `hana`.
    StripDomain,
}

impl Quirk {
    /// The word for it, as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OmitMessageAuthenticator => "omit-message-authenticator",
            Self::StripRealm => "strip-realm",
            Self::StripDomain => "strip-domain",
        }
    }
}

/// Where groups come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupSource {
    /// The account in the store.
    Store,
    /// The Unix user of the same name.
    Unix,
    /// The directory.
    Ldap,
}

/// One attribute of an Access-Accept; see `sekisho.toml(5)`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplyAttribute {
    /// Its name in the dictionary, or `26.12356.1`.
    pub attribute: String,
    /// Its value, with `{account}`, `{group}` and `{attribute:NAME}`.
    pub value: String,
    /// Only for members of a group that fits one of these patterns; empty: for all.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// How the sessions of a client are ended (RFC 5176).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Disconnect {
    /// Whether Disconnect-Requests are sent to it.
    pub enabled: bool,
    /// Where to; without it, to the address that reported the session.
    pub address: Option<SocketAddr>,
    /// Which port, when `address` is not given.
    pub port: Bounded<1, 65_535>,
    /// Its secret, if it is another than the client's.
    pub secret: Option<Secret>,
}

impl Default for Disconnect {
    fn default() -> Self {
        Self {
            enabled: true,
            address: None,
            port: Bounded::new(3_799),
            secret: None,
        }
    }
}
