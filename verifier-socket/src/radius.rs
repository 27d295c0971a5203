//! What the RADIUS server asks besides attempts: passwords, State keys, sessions and their end.
//!
//! Times are milliseconds since 1970-01-01T00:00:00Z.

use minicbor::{Decode, Encode};

use crate::{Place, Secret};

/// The most orders in one reply.
pub const ORDERS_MAX: usize = 16;
/// The most clients in one `Seen`.
pub const SEEN_MAX: usize = 64;
/// The longest text in a session report; what is longer is cut.
pub const SESSION_TEXT_OCTETS_MAX: usize = 253;

/// A password to be judged by the hash in the store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PasswordCheck {
    /// The account name as sent.
    #[n(0)]
    pub account: String,
    /// The password as typed.
    #[n(1)]
    pub password: Secret,
    /// Where the login happens.
    #[n(2)]
    pub place: Place,
}

/// A key that seals RADIUS State. Every RADIUS server of one store gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StateKey {
    /// Rises with each rotation; stands in the State.
    #[n(0)]
    pub number: u32,
    /// 32 octets.
    #[n(1)]
    pub key: Secret,
}

/// What a report says happened to a session (Acct-Status-Type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SessionStatus {
    /// It began.
    #[n(0)]
    Start,
    /// It goes on.
    #[n(1)]
    Interim,
    /// It is over.
    #[n(2)]
    Stop,
    /// The NAS has just started: all its sessions are over.
    #[n(3)]
    On,
    /// The NAS is about to end: all its sessions are over.
    #[n(4)]
    Off,
}

/// One Accounting-Request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionReport {
    /// What happened.
    #[n(0)]
    pub status: SessionStatus,
    /// The RADIUS client's name in the settings.
    #[n(1)]
    pub client: String,
    /// The address that the report came from.
    #[n(2)]
    pub from: String,
    /// NAS-Identifier.
    #[n(3)]
    pub nas_identifier: Option<String>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    #[n(4)]
    pub nas_address: Option<String>,
    /// Acct-Session-Id; empty with `On` and `Off`.
    #[n(5)]
    pub session: String,
    /// User-Name, as sent.
    #[n(6)]
    pub user_name: Option<String>,
    /// User-Name after the client's quirks: what attempts of this client are made with.
    #[n(7)]
    pub account: Option<String>,
    /// Framed-IP-Address or the first Framed-IPv6-Prefix.
    #[n(8)]
    pub framed_address: Option<String>,
    /// Calling-Station-Id.
    #[n(9)]
    pub calling_station: Option<String>,
    /// NAS-Port.
    #[n(10)]
    pub nas_port: Option<u32>,
    /// NAS-Port-Id.
    #[n(11)]
    pub nas_port_id: Option<String>,
    /// When it happened, by the NAS: Event-Timestamp, else now less Acct-Delay-Time.
    #[n(12)]
    pub time_ms: u64,
    /// Acct-Session-Time, in seconds.
    #[n(13)]
    pub seconds: Option<u32>,
    /// Octets from the user, with Gigawords.
    #[n(14)]
    pub octets_in: Option<u64>,
    /// Octets to the user, with Gigawords.
    #[n(15)]
    pub octets_out: Option<u64>,
    /// Acct-Terminate-Cause.
    #[n(16)]
    pub cause: Option<u32>,
}

/// A session to be ended by a Disconnect-Request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    /// Names the order.
    #[n(0)]
    pub id: u64,
    /// The RADIUS client's name in the settings.
    #[n(1)]
    pub client: String,
    /// The address that the session was reported from.
    #[n(2)]
    pub from: String,
    /// NAS-Identifier.
    #[n(3)]
    pub nas_identifier: Option<String>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    #[n(4)]
    pub nas_address: Option<String>,
    /// Acct-Session-Id.
    #[n(5)]
    pub session: String,
    /// User-Name, as it was reported.
    #[n(6)]
    pub user_name: Option<String>,
    /// Framed-IP-Address, as it was reported.
    #[n(7)]
    pub framed_address: Option<String>,
    /// Calling-Station-Id, as it was reported.
    #[n(8)]
    pub calling_station: Option<String>,
    /// NAS-Port, as it was reported.
    #[n(9)]
    pub nas_port: Option<u32>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ended {
    /// Which order.
    #[n(0)]
    pub id: u64,
    /// What became of it.
    #[n(1)]
    pub outcome: EndOutcome,
}

/// How a Disconnect-Request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum EndOutcome {
    /// The NAS has ended the session.
    #[n(0)]
    Ended,
    /// The NAS knows no such session (any more).
    #[n(1)]
    Gone,
    /// The NAS refused, with this Error-Cause (RFC 5176 section 3.5), if it gave one.
    #[n(2)]
    Refused(#[n(0)] Option<u32>),
    /// The NAS does not do this (Error-Cause 406).
    #[n(3)]
    Unsupported,
    /// No answer.
    #[n(4)]
    Timeout,
    /// It could not be sent: no such client in the settings, or Disconnect is off for it.
    #[n(5)]
    NotSent,
}

/// What a RADIUS client was seen to send since the RADIUS server started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ClientSeen {
    /// Its name in the settings.
    #[n(0)]
    pub client: String,
    /// Methods that it used, as in the settings; also those that are off.
    #[n(1)]
    pub methods: Vec<String>,
    /// Requests with a Message-Authenticator.
    #[n(2)]
    pub with_message_authenticator: u64,
    /// Requests without one.
    #[n(3)]
    pub without_message_authenticator: u64,
    /// Retransmissions that were recognised as such.
    #[n(4)]
    pub retransmissions: u64,
    /// The shortest time after which it sent again, in milliseconds.
    #[n(5)]
    pub retry_ms_min: Option<u32>,
    /// The longest.
    #[n(6)]
    pub retry_ms_max: Option<u32>,
    /// Accepts.
    #[n(7)]
    pub accepts: u64,
    /// Rejects.
    #[n(8)]
    pub rejects: u64,
    /// Packets that were dropped.
    #[n(9)]
    pub dropped: u64,
    /// Why the last of them was.
    #[n(10)]
    pub last_drop: Option<String>,
    /// When it sent something last.
    #[n(11)]
    pub last_seen_ms: Option<u64>,
    /// When it was given the last accept.
    #[n(12)]
    pub last_accept_ms: Option<u64>,
    /// Accounting-Requests that were stored.
    #[n(13)]
    pub accounting: u64,
    /// What `message-authenticator = "auto"` has come to: `require`, `off` or `undecided`.
    #[n(14)]
    pub auto: Option<String>,
}
