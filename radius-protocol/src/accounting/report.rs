//! What an Accounting-Request says (RFC 2866, RFC 2869 section 5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::attribute::{Attribute, AttributeType};
use crate::framed::Framed;
use crate::packet::Packet;

/// 2020-01-01. A clock that is further back was never set.
const STAMP_MIN: u32 = 1_577_836_800;

/// Acct-Status-Type: what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The session began.
    Start,
    /// The session is over.
    Stop,
    /// The session goes on.
    Interim,
    /// The NAS has just started: all its sessions are over.
    On,
    /// The NAS is about to end: all its sessions are over.
    Off,
    /// Something else (tunnels, failures). It changes no session; to be answered all the same, or
    /// the NAS says it again and again.
    Other(u32),
}

impl Status {
    fn of(value: u32) -> Self {
        match value {
            1 => Self::Start,
            2 => Self::Stop,
            3 => Self::Interim,
            7 => Self::On,
            8 => Self::Off,
            other => Self::Other(other),
        }
    }

    /// True if it is about the NAS and not about one session.
    pub fn is_of_nas(self) -> bool {
        matches!(self, Self::On | Self::Off)
    }
}

/// One report of a session, or of a NAS.
///
/// An attribute of the wrong size, or a text that is not UTF-8, is as if it were not there
/// (RFC 6929 section 2.8). Of several of one type the first counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'d> {
    /// Acct-Status-Type.
    pub status: Status,
    /// Acct-Session-Id. Empty only where [`Status::is_of_nas`].
    pub session_id: &'d str,
    /// User-Name, as sent.
    pub user_name: Option<&'d str>,
    /// NAS-Identifier.
    pub nas_identifier: Option<&'d str>,
    /// NAS-IP-Address, else NAS-IPv6-Address.
    pub nas_address: Option<IpAddr>,
    /// NAS-Port.
    pub nas_port: Option<u32>,
    /// NAS-Port-Id.
    pub nas_port_id: Option<&'d str>,
    /// Framed-IP-Address, else Framed-IPv6-Address, else Framed-IPv6-Prefix.
    pub framed: Option<Framed>,
    /// Calling-Station-Id.
    pub calling_station: Option<&'d str>,
    /// Class, as it was given in the accept.
    pub class: Option<&'d [u8]>,
    /// Event-Timestamp, in seconds since 1970.
    pub event_timestamp: Option<u32>,
    /// Acct-Delay-Time, in seconds.
    pub delay_seconds: u32,
    /// Acct-Session-Time, in seconds.
    pub session_seconds: Option<u32>,
    /// Octets from the user, with gigawords.
    pub octets_in: Option<u64>,
    /// Octets to the user, with gigawords.
    pub octets_out: Option<u64>,
    /// Packets from the user.
    pub packets_in: Option<u32>,
    /// Packets to the user.
    pub packets_out: Option<u32>,
    /// Acct-Terminate-Cause.
    pub terminate_cause: Option<u32>,
}

/// Why a packet is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoReport {
    /// Acct-Status-Type is missing.
    Status,
    /// Acct-Session-Id is missing, empty, or not UTF-8.
    SessionId,
}

impl<'d> Report<'d> {
    pub(super) fn of(packet: &Packet<'d>) -> Result<Self, NoReport> {
        let fields = Fields(packet);
        let status = fields
            .integer(AttributeType::ACCT_STATUS_TYPE)
            .map(Status::of)
            .ok_or(NoReport::Status)?;
        let session_id = match fields.text(AttributeType::ACCT_SESSION_ID) {
            Some(id) => id,
            None if status.is_of_nas() => "",
            None => return Err(NoReport::SessionId),
        };
        Ok(Self {
            status,
            session_id,
            user_name: fields.text(AttributeType::USER_NAME),
            nas_identifier: fields.text(AttributeType::NAS_IDENTIFIER),
            nas_address: fields.nas_address(),
            nas_port: fields.integer(AttributeType::NAS_PORT),
            nas_port_id: fields.text(AttributeType::NAS_PORT_ID),
            framed: fields.framed(),
            calling_station: fields.text(AttributeType::CALLING_STATION_ID),
            class: packet.first(AttributeType::CLASS).map(|class| class.value),
            event_timestamp: fields.integer(AttributeType::EVENT_TIMESTAMP),
            delay_seconds: fields
                .integer(AttributeType::ACCT_DELAY_TIME)
                .unwrap_or_default(),
            session_seconds: fields.integer(AttributeType::ACCT_SESSION_TIME),
            octets_in: fields.octets(
                AttributeType::ACCT_INPUT_OCTETS,
                AttributeType::ACCT_INPUT_GIGAWORDS,
            ),
            octets_out: fields.octets(
                AttributeType::ACCT_OUTPUT_OCTETS,
                AttributeType::ACCT_OUTPUT_GIGAWORDS,
            ),
            packets_in: fields.integer(AttributeType::ACCT_INPUT_PACKETS),
            packets_out: fields.integer(AttributeType::ACCT_OUTPUT_PACKETS),
            terminate_cause: fields.integer(AttributeType::ACCT_TERMINATE_CAUSE),
        })
    }

    /// When it happened, in seconds since 1970: Event-Timestamp, else now less Acct-Delay-Time.
    ///
    /// A NAS without a clock says 1970, the year it was made, or some year to come: what is before
    /// 2020 is no timestamp, and what is later than now is now.
    pub fn happened_at(&self, now_unix_seconds: u64) -> u64 {
        match self.event_timestamp {
            Some(stamp) if stamp >= STAMP_MIN => u64::from(stamp).min(now_unix_seconds),
            _ => now_unix_seconds.saturating_sub(u64::from(self.delay_seconds)),
        }
    }
}

/// Reads one attribute after the other.
struct Fields<'p, 'd>(&'p Packet<'d>);

impl<'d> Fields<'_, 'd> {
    /// The first that can be read.
    fn read<T>(
        &self,
        kind: AttributeType,
        read: impl Fn(&Attribute<'d>) -> Option<T>,
    ) -> Option<T> {
        self.0.all(kind).find_map(|attribute| read(&attribute))
    }

    fn integer(&self, kind: AttributeType) -> Option<u32> {
        self.read(kind, Attribute::integer)
    }

    fn text(&self, kind: AttributeType) -> Option<&'d str> {
        self.read(kind, Attribute::text)
            .filter(|text| !text.is_empty())
    }

    fn nas_address(&self) -> Option<IpAddr> {
        let ipv4: Option<Ipv4Addr> = self.read(AttributeType::NAS_IP_ADDRESS, Attribute::address);
        let ipv6 = || -> Option<Ipv6Addr> {
            self.read(AttributeType::NAS_IPV6_ADDRESS, Attribute::ipv6_address)
        };
        ipv4.map(IpAddr::from).or_else(|| ipv6().map(IpAddr::from))
    }

    fn framed(&self) -> Option<Framed> {
        [
            AttributeType::FRAMED_IP_ADDRESS,
            AttributeType::FRAMED_IPV6_ADDRESS,
            AttributeType::FRAMED_IPV6_PREFIX,
        ]
        .into_iter()
        .find_map(|kind| self.read(kind, Framed::of))
    }

    fn octets(&self, low: AttributeType, gigawords: AttributeType) -> Option<u64> {
        let low = self.integer(low)?;
        let high = self.integer(gigawords).unwrap_or_default();
        Some(u64::from(high) << 32 | u64::from(low))
    }
}
