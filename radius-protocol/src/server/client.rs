//! A RADIUS client: its secret, what we demand of its packets, and how its users are asked.

use std::time::Duration;

use super::refusal::Ignored;
use super::summary::Summary;
use crate::attribute::VALUE_MAX;
use crate::authenticator::{Authenticity, authenticity_of_request};
use crate::packet::Packet;
use crate::secret::Secret;

/// How long an answer to a challenge is waited for unless told otherwise. Gateways give their
/// users up to two minutes.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(120);

/// Whether an Access-Request without Message-Authenticator is looked at. A wrong one is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MessageAuthenticatorRule {
    /// It must be there.
    #[default]
    Require,
    /// The first packet decides. One with it and without EAP: it must be there from now on. One
    /// without it: it may be missing, until the first that has it. EAP decides nothing, since there
    /// it must be.
    Auto,
    /// It may be missing: for clients that never send one. Anybody on the path can then change
    /// the packets of this client.
    Off,
}

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// User-Password.
    Pap,
    /// CHAP-Password (RFC 1994).
    Chap,
    /// MS-CHAP2-Response (RFC 2759). MS-CHAP version 1 is never taken.
    MsChapV2,
    /// EAP type 6.
    EapGtc,
    /// EAP type 26.
    EapMsChapV2,
}

impl Method {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Pap,
        Self::Chap,
        Self::MsChapV2,
        Self::EapGtc,
        Self::EapMsChapV2,
    ];
}

/// A set of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// None.
    pub const NONE: Self = Self(0);

    /// True if `method` is in it.
    pub fn has(self, method: Method) -> bool {
        self.0 & Self::bit(method) != 0
    }

    fn bit(method: Method) -> u8 {
        1 << method as u8
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        Self(
            methods
                .into_iter()
                .map(Self::bit)
                .fold(0, |all, bit| all | bit),
        )
    }
}

/// How a user is asked for the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// What is sent as the password is the code.
    #[default]
    Code,
    /// Password and code in one, split by length and never guessed.
    PasswordAndCode {
        /// Octets of the code.
        code_length: u8,
        /// The code is at the end; else at the start.
        code_at_end: bool,
    },
    /// First the password, then, by Access-Challenge, the code.
    Challenge {
        /// How many codes may be tried in one conversation.
        rounds: u8,
    },
}

/// Peculiarities of gateways that are yielded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// Send replies without Message-Authenticator, except to EAP: some gateways drop replies that
    /// have one. Anybody on the path can forge such a reply.
    pub omit_message_authenticator: bool,
    /// `hana@corp` is the account `hana`.
    pub strip_realm: bool,
    /// `CORP\hana` is the account `hana`.
    pub strip_domain: bool,
}

/// What users read. Never anything that the request said. Texts that ask must not be empty, and
/// are cut at [`Texts::OCTETS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// Asks for the code.
    pub code: String,
    /// Asks for the password (EAP-GTC).
    pub password: String,
    /// Asks for both in one (EAP-GTC).
    pub password_and_code: String,
    /// Says that the login failed: what follows `M=` in MS-CHAP-Error.
    pub failed: String,
    /// The Reply-Message of every reject, of whatever cause; empty for none.
    pub rejected: String,
}

impl Texts {
    /// The longest text: what one attribute holds.
    pub const OCTETS_MAX: usize = VALUE_MAX;

    pub(super) fn cut(text: &str) -> &str {
        &text[..text.floor_char_boundary(Self::OCTETS_MAX)]
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            code: "Enter your one-time code".to_owned(),
            password: "Enter your password".to_owned(),
            password_and_code: "Enter your password and one-time code".to_owned(),
            failed: "Login failed".to_owned(),
            rejected: String::new(),
        }
    }
}

/// What the server knows about one client.
#[derive(Debug)]
pub struct Client {
    /// Its name in the settings. State is bound to it.
    pub name: Box<str>,
    /// The shared secret.
    pub secret: Secret,
    /// True if its addresses are a network, so that several gateways may be behind this entry:
    /// then nothing is learned from the first packet.
    pub is_network: bool,
    /// Whether Message-Authenticator must be there.
    pub message_authenticator: MessageAuthenticatorRule,
    /// Where it may be missing: drop such packets when they have a Proxy-State, the place that
    /// the attack on MD5 (CVE-2024-3596) writes to.
    pub limit_proxy_state: bool,
    /// Whether Status-Server is answered.
    pub status_server: bool,
    /// If there is any: NAS-Identifier must be one of these.
    pub nas_identifiers: Vec<String>,
    /// The methods that are on. CHAP and its like work in [`Mode::Code`] alone.
    pub methods: Methods,
    /// How users are asked.
    pub mode: Mode,
    /// Whether the password is judged by us. If not, what stands in its place in the first round
    /// of [`Mode::Challenge`] is ignored.
    pub first_factor: bool,
    /// Peculiarities.
    pub quirks: Quirks,
    /// What users read.
    pub texts: Texts,
    /// How long an answer to a challenge is waited for.
    pub challenge_lifetime: Duration,
}

impl Client {
    /// A client with the safe settings: PAP, and the code in the place of the password.
    pub fn new(name: impl Into<Box<str>>, secret: Secret) -> Self {
        Self {
            name: name.into(),
            secret,
            is_network: false,
            message_authenticator: MessageAuthenticatorRule::default(),
            limit_proxy_state: true,
            status_server: true,
            nas_identifiers: Vec::new(),
            methods: Methods::from_iter([Method::Pap]),
            mode: Mode::default(),
            first_factor: false,
            quirks: Quirks::default(),
            texts: Texts::default(),
            challenge_lifetime: CHALLENGE_LIFETIME,
        }
    }

    /// True if `method` is on and can be judged in this mode: what is computed from the code
    /// can not hold a password as well.
    pub(super) fn takes(&self, method: Method) -> bool {
        let in_mode = match method {
            Method::Pap | Method::EapGtc => true,
            Method::Chap | Method::MsChapV2 | Method::EapMsChapV2 => self.mode == Mode::Code,
        };
        in_mode && self.methods.has(method)
    }

    /// User-Name as the account that the verifier is asked about.
    pub fn account<'n>(&self, mut name: &'n str) -> &'n str {
        if self.quirks.strip_domain {
            name = name.split_once('\\').map_or(name, |(_, account)| account);
        }
        if self.quirks.strip_realm {
            name = name.rsplit_once('@').map_or(name, |(account, _)| account);
        }
        name
    }

    /// Whether an Access-Request may be looked at, and if so, whether it has a
    /// Message-Authenticator. What is refused here leaves no trace.
    pub(super) fn admits(
        &self,
        rule: MessageAuthenticatorRule,
        packet: &Packet<'_>,
        summary: &Summary<'_>,
    ) -> Result<bool, Ignored> {
        let is_signed = match authenticity_of_request(&self.secret, packet) {
            Authenticity::Valid => true,
            Authenticity::Invalid => return Err(Ignored::WrongMessageAuthenticator),
            Authenticity::Absent => {
                self.admits_unauthenticated(rule, summary)?;
                false
            }
        };
        self.admits_nas(summary.nas_identifier)?;
        Ok(is_signed)
    }

    fn admits_unauthenticated(
        &self,
        rule: MessageAuthenticatorRule,
        summary: &Summary<'_>,
    ) -> Result<(), Ignored> {
        if rule == MessageAuthenticatorRule::Require || summary.has_eap() {
            // For EAP-Message this is RFC 3579 section 3.2, whatever the settings say.
            return Err(Ignored::NoMessageAuthenticator);
        }
        if self.limit_proxy_state && summary.has_proxy_state {
            return Err(Ignored::ProxyState);
        }
        if !summary.has_proof() {
            // RFC 3579 section 3.3, note 1.
            return Err(Ignored::NothingToJudge);
        }
        Ok(())
    }

    /// NAS-Identifier chooses no secret; it only narrows who is served behind an address.
    pub(crate) fn admits_nas(&self, identifier: Option<&[u8]>) -> Result<(), Ignored> {
        let is_listed = |found: &[u8]| {
            self.nas_identifiers
                .iter()
                .any(|listed| listed.as_bytes() == found)
        };
        if self.nas_identifiers.is_empty() || identifier.is_some_and(is_listed) {
            return Ok(());
        }
        Err(Ignored::NasIdentifier)
    }

    pub(super) fn admits_status(&self, packet: &Packet<'_>) -> Result<(), Ignored> {
        if !self.status_server {
            return Err(Ignored::StatusServerOff);
        }
        match authenticity_of_request(&self.secret, packet) {
            Authenticity::Valid => Ok(()),
            Authenticity::Invalid => Err(Ignored::WrongMessageAuthenticator),
            Authenticity::Absent => Err(Ignored::NoMessageAuthenticator),
        }
    }
}
