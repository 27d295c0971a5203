//! Live sessions at gateways, as they report them (RFC 2866).
//!
//! A report is a decision like a login: it changes the record of its session and has one event. The
//! order of reports is not that of what they tell, because they travel by UDP: what is older than
//! what is known changes nothing.

mod end;
mod report;

use std::fmt;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::account::AccountName;
use crate::event::printable;
use crate::time::Time;

pub use end::EndSession;
pub use report::{Report, Restarted, Room};

/// The longest text of a session; what is longer is cut.
pub const SESSION_TEXT_OCTETS_MAX: usize = 253;
/// The most live sessions in the store. What comes on top pushes out the one that was heard of
/// longest ago.
pub const SESSIONS_MAX: u64 = 200_000;
/// The most sessions that one decision about a gateway as a whole takes, so that logins are not held
/// up.
pub const RESTARTED_SESSIONS_MAX: usize = 256;

/// Names a session: the beginning of a SHA-256 over client, NAS and Acct-Session-Id, each with its
/// length before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SessionId(#[cbor(with = "minicbor::bytes")] pub [u8; 8]);

impl SessionId {
    /// The session of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let fits = text.len() == 16 && text.bytes().all(lower_hex);
        let number = u64::from_str_radix(text, 16).ok().filter(|_| fits)?;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for SessionId {
    /// 16 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Which gateway, as it names itself in every report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Nas {
    /// The RADIUS client's name in the settings.
    pub client: Box<str>,
    /// The address that reports come from.
    pub from: Box<str>,
    /// NAS-Identifier.
    pub identifier: Option<Box<str>>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    pub address: Option<Box<str>>,
}

impl Nas {
    /// What people call it: its identifier or its address.
    pub fn name(&self) -> &str {
        let named = self.identifier.as_deref().or(self.address.as_deref());
        named.unwrap_or(&self.from)
    }

    /// The session that it calls so.
    pub fn session(&self, name: &str) -> SessionId {
        let absent = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        let parts = [
            self.client.to_string(),
            self.from.to_string(),
            absent(&self.identifier),
            absent(&self.address),
            name.to_owned(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut id = [0; 8];
        id.copy_from_slice(&hash.finalize()[..8]);
        SessionId(id)
    }
}

/// A live session as stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Session {
    /// What it is found by.
    #[n(0)]
    pub id: SessionId,
    /// Whose, if the reported name is an account.
    #[n(1)]
    pub account: Option<AccountName>,
    /// The RADIUS client's name in the settings.
    #[n(2)]
    pub client: Box<str>,
    /// The address that reports came from.
    #[n(3)]
    pub from: Box<str>,
    /// NAS-Identifier.
    #[n(4)]
    pub nas_identifier: Option<Box<str>>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    #[n(5)]
    pub nas_address: Option<Box<str>>,
    /// Acct-Session-Id.
    #[n(6)]
    pub session: Box<str>,
    /// User-Name as reported.
    #[n(7)]
    pub user_name: Option<Box<str>>,
    /// Framed-IP-Address or the first Framed-IPv6-Prefix.
    #[n(8)]
    pub framed_address: Option<Box<str>>,
    /// Calling-Station-Id.
    #[n(9)]
    pub calling_station: Option<Box<str>>,
    /// NAS-Port.
    #[n(10)]
    pub nas_port: Option<u32>,
    /// When it began.
    #[n(11)]
    pub started: Time,
    /// When it was heard of last, by our clock.
    #[n(12)]
    pub updated: Time,
    /// Octets from the user.
    #[n(13)]
    pub octets_in: u64,
    /// Octets to the user.
    #[n(14)]
    pub octets_out: u64,
    /// The time of the newest report, as the gateway tells it. An older one changes nothing.
    #[n(15)]
    pub told: Time,
}

impl Session {
    /// The gateway.
    pub fn nas(&self) -> Nas {
        Nas {
            client: self.client.clone(),
            from: self.from.clone(),
            identifier: self.nas_identifier.clone(),
            address: self.nas_address.clone(),
        }
    }
}

/// What a report says happened (Acct-Status-Type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A session began.
    Start,
    /// It goes on.
    Interim,
    /// It is over.
    Stop,
    /// The gateway has just started: all its sessions are over.
    On,
    /// The gateway is about to end: all its sessions are over.
    Off,
}

/// One report of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionReport {
    /// What happened.
    pub status: Status,
    /// Where.
    pub nas: Nas,
    /// Acct-Session-Id.
    pub session: Box<str>,
    /// User-Name as reported.
    pub user_name: Option<Box<str>>,
    /// The name that logins there are decided with.
    pub account: Option<Box<str>>,
    /// Framed-IP-Address or the first Framed-IPv6-Prefix.
    pub framed_address: Option<Box<str>>,
    /// Calling-Station-Id.
    pub calling_station: Option<Box<str>>,
    /// NAS-Port.
    pub nas_port: Option<u32>,
    /// When it happened, as the gateway tells.
    pub told: Time,
    /// How long the session has lasted.
    pub seconds: Option<u32>,
    /// Octets from the user.
    pub octets_in: Option<u64>,
    /// Octets to the user.
    pub octets_out: Option<u64>,
    /// Why it is over.
    pub cause: Option<u32>,
}

/// Cleans and cuts a text of a report: it comes from the network and ends in terminals and logs.
pub fn session_text(text: &str) -> Box<str> {
    printable(text, SESSION_TEXT_OCTETS_MAX).into()
}

/// What became of our asking a gateway to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum EndOutcome {
    /// The gateway has ended it.
    #[n(0)]
    Ended,
    /// The gateway knows no such session (any more).
    #[n(1)]
    Gone,
    /// The gateway refused, with this Error-Cause (RFC 5176 section 3.5), if it gave one.
    #[n(2)]
    Refused(#[n(0)] Option<u32>),
    /// The gateway does not do this.
    #[n(3)]
    Unsupported,
    /// No answer.
    #[n(4)]
    Timeout,
    /// It could not be sent.
    #[n(5)]
    NotSent,
}

impl EndOutcome {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Gone => "gone",
            Self::Refused(_) => "refused",
            Self::Unsupported => "unsupported",
            Self::Timeout => "timeout",
            Self::NotSent => "not-sent",
        }
    }

    /// Whether there is no such session any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Gone)
    }
}
