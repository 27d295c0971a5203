//! The other side: what a NAS does. For the probe, for tests and for load generators.

use crate::attribute::AttributeType;
use crate::authenticator::{self, Authenticator, Authenticity};
use crate::error::{ReplyError, WriteError};
use crate::packet::{Code, Packet, PacketWriter, Requesting};
use crate::secret::Secret;

/// Begins an Access-Request with Message-Authenticator first. Append what else is wanted, then
/// [`seal`](PacketWriter::seal) it.
pub fn access_request<'b>(
    buffer: &'b mut [u8],
    identifier: u8,
    authenticator: &Authenticator,
) -> Result<PacketWriter<'b, Requesting>, WriteError> {
    let mut writer =
        PacketWriter::request(buffer, Code::ACCESS_REQUEST, identifier, authenticator)?;
    writer.message_authenticator()?;
    Ok(writer)
}

/// Writes an Access-Request with User-Name and User-Password; returns its length.
pub fn pap(
    buffer: &mut [u8],
    secret: &Secret,
    identifier: u8,
    authenticator: &Authenticator,
    user_name: &[u8],
    password: &[u8],
) -> Result<usize, WriteError> {
    let mut writer = access_request(buffer, identifier, authenticator)?;
    writer.attribute(AttributeType::USER_NAME, user_name)?;
    writer.user_password(secret, password)?;
    Ok(writer.seal(secret))
}

/// Writes a Status-Server (RFC 5997); returns its length.
pub fn status_server(
    buffer: &mut [u8],
    secret: &Secret,
    identifier: u8,
    authenticator: &Authenticator,
) -> Result<usize, WriteError> {
    let mut writer = PacketWriter::request(buffer, Code::STATUS_SERVER, identifier, authenticator)?;
    writer.message_authenticator()?;
    Ok(writer.seal(secret))
}

/// Reads the reply to a request, or says why it must not be believed.
///
/// A reply without a Message-Authenticator in front is refused, although RFC 2865 allows it: such
/// a reply can be forged (CVE-2024-3596).
pub fn check_reply<'a>(
    secret: &Secret,
    identifier: u8,
    request: &Authenticator,
    datagram: &'a [u8],
) -> Result<Packet<'a>, ReplyError> {
    let packet = Packet::parse(datagram)?;
    if packet.identifier() != identifier {
        return Err(ReplyError::Identifier);
    }
    if !authenticator::is_response_authentic(secret, &packet, request) {
        return Err(ReplyError::ResponseAuthenticator);
    }
    match packet.attributes().next() {
        Some(first) if first.kind == AttributeType::MESSAGE_AUTHENTICATOR => {}
        _ => return Err(ReplyError::NoMessageAuthenticator),
    }
    match authenticator::authenticity_of_reply(secret, &packet, request) {
        Authenticity::Valid => Ok(packet),
        Authenticity::Absent => Err(ReplyError::NoMessageAuthenticator),
        Authenticity::Invalid => Err(ReplyError::MessageAuthenticator),
    }
}
