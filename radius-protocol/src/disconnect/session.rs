//! What names a session to its NAS.

use std::net::IpAddr;

use super::cause::ErrorCause;
use crate::attribute::AttributeType;
use crate::authenticator::Authenticator;
use crate::error::WriteError;
use crate::framed::Framed;
use crate::packet::{AUTHENTICATOR_RANGE, Code, Digested, PACKET_MAX, PacketWriter};
use crate::secret::Secret;

/// A session, as it was reported in accounting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Acct-Session-Id.
    pub session_id: String,
    /// User-Name.
    pub user_name: Option<String>,
    /// NAS-Identifier.
    pub nas_identifier: Option<String>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    pub nas_address: Option<IpAddr>,
    /// The user's address or prefix.
    pub framed: Option<Framed>,
    /// Calling-Station-Id.
    pub calling_station: Option<String>,
    /// NAS-Port.
    pub nas_port: Option<u32>,
}

impl Session {
    /// A session of which only the name is known.
    pub fn new(session_id: impl Into<String>) -> Self {
        Self {
            session_id: session_id.into(),
            user_name: None,
            nas_identifier: None,
            nas_address: None,
            framed: None,
            calling_station: None,
            nas_port: None,
        }
    }

    fn has_more_than_names(&self) -> bool {
        self.nas_identifier.is_some()
            || self.nas_address.is_some()
            || self.framed.is_some()
            || self.calling_station.is_some()
            || self.nas_port.is_some()
    }
}

/// How much of what is known of a session stands in a request. All of it must fit the session
/// (RFC 5176 section 3), so more is safer against mix-ups, and less is better understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything.
    Full,
    /// Acct-Session-Id and User-Name.
    Names,
    /// Acct-Session-Id.
    SessionId,
}

impl Extent {
    pub(super) fn first(session: &Session) -> Self {
        if session.has_more_than_names() {
            Self::Full
        } else if session.user_name.is_some() {
            Self::Names
        } else {
            Self::SessionId
        }
    }

    /// What to try next after a refusal, if saying less may help.
    ///
    /// `SESSION_CONTEXT_NOT_FOUND` is among it: what a session was called in accounting may have
    /// changed since (an address, a port), and only a refusal of its name alone says that it is
    /// gone. So is a refusal without a cause.
    pub(super) fn after(self, cause: Option<ErrorCause>, session: &Session) -> Option<Self> {
        let fewer = match self {
            Self::Full if session.user_name.is_some() => Some(Self::Names),
            Self::Full => Some(Self::SessionId),
            Self::Names | Self::SessionId => None,
        };
        match cause {
            None
            | Some(
                ErrorCause::UNSUPPORTED_ATTRIBUTE
                | ErrorCause::MISSING_ATTRIBUTE
                | ErrorCause::NAS_IDENTIFICATION_MISMATCH
                | ErrorCause::INVALID_REQUEST
                | ErrorCause::INVALID_ATTRIBUTE_VALUE
                | ErrorCause::SESSION_CONTEXT_NOT_FOUND,
            ) => fewer,
            // The user has several sessions; the one is named by its id.
            Some(ErrorCause::MULTIPLE_SESSIONS) if self != Self::SessionId => Some(Self::SessionId),
            Some(_) => None,
        }
    }
}

/// A Disconnect-Request as it is sent, and sent again.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) octets: Box<[u8]>,
    pub(super) authenticator: Authenticator,
}

/// Writes a Disconnect-Request. It holds only what names the NAS and the session, the time, and
/// Message-Authenticator (RFC 5176 section 3.6).
pub(super) fn write(
    session: &Session,
    extent: Extent,
    identifier: u8,
    unix_seconds: u64,
    secret: &Secret,
    has_message_authenticator: bool,
) -> Result<Written, WriteError> {
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::digested(&mut buffer, Code::DISCONNECT_REQUEST, identifier)?;
    if has_message_authenticator {
        writer.message_authenticator()?;
    }
    if extent == Extent::Full {
        write_nas(session, &mut writer)?;
    }
    if extent != Extent::SessionId {
        text(&mut writer, AttributeType::USER_NAME, &session.user_name)?;
    }
    writer.attribute(
        AttributeType::ACCT_SESSION_ID,
        session.session_id.as_bytes(),
    )?;
    if extent == Extent::Full {
        write_link(session, &mut writer)?;
    }
    // Seconds of 32 bits end in 2106; until then nothing is lost.
    let seconds = unix_seconds as u32;
    writer.attribute(AttributeType::EVENT_TIMESTAMP, &seconds.to_be_bytes())?;
    let length = writer.seal(secret);
    let mut authenticator = Authenticator::default();
    authenticator.copy_from_slice(&buffer[AUTHENTICATOR_RANGE]);
    Ok(Written {
        octets: Box::from(&buffer[..length]),
        authenticator,
    })
}

fn write_nas(session: &Session, writer: &mut PacketWriter<'_, Digested>) -> Result<(), WriteError> {
    match session.nas_address {
        Some(IpAddr::V4(address)) => {
            writer.attribute(AttributeType::NAS_IP_ADDRESS, &address.octets())?;
        }
        Some(IpAddr::V6(address)) => {
            writer.attribute(AttributeType::NAS_IPV6_ADDRESS, &address.octets())?;
        }
        None => {}
    }
    text(
        writer,
        AttributeType::NAS_IDENTIFIER,
        &session.nas_identifier,
    )
}

fn write_link(
    session: &Session,
    writer: &mut PacketWriter<'_, Digested>,
) -> Result<(), WriteError> {
    if let Some(framed) = &session.framed {
        writer.attribute(framed.kind(), &framed.value())?;
    }
    text(
        writer,
        AttributeType::CALLING_STATION_ID,
        &session.calling_station,
    )?;
    if let Some(port) = session.nas_port {
        writer.attribute(AttributeType::NAS_PORT, &port.to_be_bytes())?;
    }
    Ok(())
}

fn text(
    writer: &mut PacketWriter<'_, Digested>,
    kind: AttributeType,
    text: &Option<String>,
) -> Result<(), WriteError> {
    match text.as_deref() {
        Some("") | None => Ok(()),
        Some(text) => writer.attribute(kind, text.as_bytes()),
    }
}
