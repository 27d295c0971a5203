//! What proves that a packet comes from somebody who knows the secret.
//!
//! Every comparison here takes the same time whatever the octets are: a comparison that stops
//! early would let a sender on the same network find the right value octet by octet.

use hmac::Mac;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::attribute::AttributeType;
use crate::packet::{AUTHENTICATOR_RANGE, HEADER_OCTETS, Packet};
use crate::secret::Secret;

/// Octets of an MD5 digest, and so of every authenticator.
pub const DIGEST_OCTETS: usize = 16;

/// The 16 octets in the header: random in an Access-Request, a digest in a reply.
pub type Authenticator = [u8; DIGEST_OCTETS];

/// What a packet's Message-Authenticator is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticity {
    /// There is none.
    Absent,
    /// There is one, and the sender knew the secret.
    Valid,
    /// There is a wrong one, one of the wrong size, or more than one. To believe such a packet
    /// is to be attacked.
    Invalid,
}

/// The Message-Authenticator (RFC 3579 section 3.2) of `packet`, whose value stands at `offset`.
///
/// The digest is taken with that value as 16 zero octets in place, whatever stands there now, and
/// with the header as it stands: for a reply the caller has the Request Authenticator in it.
pub(crate) fn message_authenticator(
    secret: &Secret,
    packet: &[u8],
    offset: usize,
) -> Authenticator {
    let mut mac = secret.hmac();
    mac.update(&packet[..offset]);
    mac.update(&[0; DIGEST_OCTETS]);
    mac.update(&packet[offset + DIGEST_OCTETS..]);
    mac.finalize().into_bytes().into()
}

/// MD5 over the packet as it stands and the secret.
///
/// This is the Response Authenticator (RFC 2865 section 3) if the header holds the Request
/// Authenticator, and the Request Authenticator of RFC 2866 section 3 if it holds zeros.
pub(crate) fn digest(secret: &Secret, packet: &[u8]) -> Authenticator {
    let mut digest = Md5::new();
    digest.update(packet);
    digest.update(secret.octets());
    digest.finalize().into()
}

/// Checks the Message-Authenticator of an Access-Request or a Status-Server.
pub fn authenticity_of_request(secret: &Secret, packet: &Packet<'_>) -> Authenticity {
    authenticity(secret, packet, &packet.authenticator())
}

/// Checks the Message-Authenticator of an Accounting-Request, a Disconnect-Request or a
/// CoA-Request: there the Authenticator counts as 16 zero octets (RFC 5176 section 3.4).
pub fn authenticity_of_digested(secret: &Secret, packet: &Packet<'_>) -> Authenticity {
    authenticity(secret, packet, &Authenticator::default())
}

/// Checks the Message-Authenticator of a reply to the request with this Request Authenticator.
pub fn authenticity_of_reply(
    secret: &Secret,
    packet: &Packet<'_>,
    request: &Authenticator,
) -> Authenticity {
    authenticity(secret, packet, request)
}

/// Checks the Message-Authenticator with this Authenticator in the place of the one that stands
/// in the header.
fn authenticity(
    secret: &Secret,
    packet: &Packet<'_>,
    authenticator: &Authenticator,
) -> Authenticity {
    let mut found = packet.all(AttributeType::MESSAGE_AUTHENTICATOR);
    let Some(attribute) = found.next() else {
        return Authenticity::Absent;
    };
    if found.next().is_some() || attribute.value.len() != DIGEST_OCTETS {
        return Authenticity::Invalid;
    }
    let octets = packet.octets();
    let mut mac = secret.hmac();
    mac.update(&octets[..AUTHENTICATOR_RANGE.start]);
    mac.update(authenticator);
    mac.update(&octets[HEADER_OCTETS..attribute.offset]);
    mac.update(&[0; DIGEST_OCTETS]);
    mac.update(&octets[attribute.offset + DIGEST_OCTETS..]);
    verdict(&mac.finalize().into_bytes(), attribute.value)
}

/// Checks the Request Authenticator of an Accounting-Request, a Disconnect-Request or a
/// CoA-Request (RFC 2866 section 3).
pub fn is_digested_authentic(secret: &Secret, packet: &Packet<'_>) -> bool {
    // The same digest as of a reply, with zeros in the place of the Request Authenticator.
    is_response_authentic(secret, packet, &Authenticator::default())
}

/// Checks the Response Authenticator of a reply.
pub fn is_response_authentic(
    secret: &Secret,
    packet: &Packet<'_>,
    request: &Authenticator,
) -> bool {
    let octets = packet.octets();
    let mut digest = Md5::new();
    digest.update(&octets[..AUTHENTICATOR_RANGE.start]);
    digest.update(request);
    digest.update(&octets[HEADER_OCTETS..]);
    digest.update(secret.octets());
    digest.finalize().ct_eq(&packet.authenticator()).into()
}

fn verdict(expected: &[u8], found: &[u8]) -> Authenticity {
    if expected.ct_eq(found).into() {
        Authenticity::Valid
    } else {
        Authenticity::Invalid
    }
}
