//! Replies: whose are they, and what do they say.

use md5::{Digest, Md5};
use radius::core::code::Code;
use radius::core::packet::Packet;
use radius::core::rfc2869::MESSAGE_AUTHENTICATOR_TYPE;
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::attribute::{self, Attribute};
use super::{AUTHENTICATOR, AUTHENTICATOR_OCTETS, HEADER_OCTETS, message_authenticator};

/// What is to be said about a reply's Message-Authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MessageAuthenticator {
    Valid,
    Missing,
    /// Wrong, of another length, or there twice.
    Wrong,
}

/// A well-formed reply to our identifier.
#[derive(Debug)]
pub(crate) struct Reply {
    pub code: u8,
    pub response_authenticator: bool,
    pub message_authenticator: MessageAuthenticator,
    /// As deprecating-radius wants it, against chosen prefixes (CVE-2024-3596).
    pub message_authenticator_first: bool,
    pub attributes: Vec<Attribute>,
}

impl Reply {
    /// Reads a datagram; `None` if it is no packet, or one that answers another request.
    pub(crate) fn read(datagram: &[u8], request: &[u8], secret: &[u8]) -> Option<Self> {
        let packet = Packet::decode(datagram, secret).ok()?;
        if packet.get_identifier() != request[1] {
            return None;
        }
        // What lies behind the length is padding and part of no hash (RFC 2865 section 3).
        let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
        let octets = &datagram[..length];
        Some(Self {
            code: octets[0],
            response_authenticator: is_response_to(octets, request, secret),
            message_authenticator: check_message(octets, request, secret),
            message_authenticator_first: octets.get(HEADER_OCTETS)
                == Some(&MESSAGE_AUTHENTICATOR_TYPE),
            attributes: attribute::all(&packet),
        })
    }

    /// Whether it comes from somebody who knows the secret and has seen the request.
    pub(crate) fn is_authentic(&self) -> bool {
        self.response_authenticator && self.message_authenticator == MessageAuthenticator::Valid
    }

    pub(crate) fn name(&self) -> String {
        match Code::from(self.code) {
            Code::Invalid => format!("code {}", self.code),
            code => code.string().to_owned(),
        }
    }
}

/// RFC 2865 section 3: MD5 over code, identifier, length, request authenticator, attributes, secret.
fn is_response_to(reply: &[u8], request: &[u8], secret: &[u8]) -> bool {
    let hash = Md5::new()
        .chain_update(&reply[..AUTHENTICATOR.start])
        .chain_update(&request[AUTHENTICATOR])
        .chain_update(&reply[HEADER_OCTETS..])
        .chain_update(secret)
        .finalize();
    hash.as_slice().ct_eq(&reply[AUTHENTICATOR]).into()
}

/// RFC 3579 section 3.2: over the reply with the request's authenticator in its header and zeros in
/// the attribute's place.
fn check_message(reply: &[u8], request: &[u8], secret: &[u8]) -> MessageAuthenticator {
    let mut values = values_of(reply, MESSAGE_AUTHENTICATOR_TYPE);
    let Some(value) = values.next() else {
        return MessageAuthenticator::Missing;
    };
    if values.next().is_some() || value.len() != AUTHENTICATOR_OCTETS {
        return MessageAuthenticator::Wrong;
    }
    let mut octets = reply.to_vec();
    octets[AUTHENTICATOR].copy_from_slice(&request[AUTHENTICATOR]);
    octets[value.clone()].fill(0);
    let mac = message_authenticator(secret, &octets);
    match mac.ct_eq(&reply[value]).into() {
        true => MessageAuthenticator::Valid,
        false => MessageAuthenticator::Wrong,
    }
}

/// Where the values of a type of attribute lie.
fn values_of(reply: &[u8], kind: u8) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = HEADER_OCTETS;
    let all = std::iter::from_fn(move || {
        let (&kind, &length) = (reply.get(at)?, reply.get(at + 1)?);
        let end = at + usize::from(length);
        // The decoder has checked this; a second look costs nothing.
        if length < 2 || end > reply.len() {
            return None;
        }
        let value = at + 2..end;
        at = end;
        Some((kind, value))
    });
    all.filter_map(move |(found, value)| (found == kind).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Question;

    const SECRET: &[u8] = b"a secret of some length";

    /// A reply as a server makes it, with Message-Authenticator first.
    fn reply(request: &[u8], code: u8, attributes: &[u8]) -> Vec<u8> {
        let length = (HEADER_OCTETS + 18 + attributes.len()) as u16;
        let mut octets = vec![code, request[1]];
        octets.extend(length.to_be_bytes());
        octets.extend(&request[AUTHENTICATOR]);
        octets.extend([MESSAGE_AUTHENTICATOR_TYPE, 18]);
        octets.extend([0; AUTHENTICATOR_OCTETS]);
        octets.extend(attributes);
        let mac = message_authenticator(SECRET, &octets);
        octets[22..38].copy_from_slice(&mac);
        sign(&mut octets, request);
        octets
    }

    fn sign(octets: &mut [u8], request: &[u8]) {
        octets[AUTHENTICATOR].copy_from_slice(&request[AUTHENTICATOR]);
        let hash = Md5::new()
            .chain_update(&*octets)
            .chain_update(SECRET)
            .finalize();
        octets[AUTHENTICATOR].copy_from_slice(&hash);
    }

    fn request() -> Vec<u8> {
        Question::Status.encode(SECRET).expect("a small packet")
    }

    #[test]
    fn a_good_reply_is_authentic_with_padding_too() {
        let request = request();
        let mut octets = reply(&request, 2, b"\x12\x04hi");
        octets.extend([0; 7]);
        let reply = Reply::read(&octets, &request, SECRET).expect("a reply");
        assert!(reply.is_authentic() && reply.message_authenticator_first);
        assert_eq!((reply.code, reply.name()), (2, "Access-Accept".into()));
    }

    #[test]
    fn every_changed_bit_is_found() {
        let request = request();
        let good = reply(&request, 2, b"\x12\x04hi");
        for bit in 0..good.len() * 8 {
            let mut octets = good.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            if let Some(reply) = Reply::read(&octets, &request, SECRET) {
                assert!(!reply.is_authentic(), "bit {bit}");
            }
        }
    }

    #[test]
    fn r35_a_reply_without_message_authenticator_is_not_authentic() {
        let request = request();
        let mut octets = vec![2, request[1], 0, 20];
        octets.extend([0; 16]);
        sign(&mut octets, &request);
        let reply = Reply::read(&octets, &request, SECRET).expect("a reply");
        assert!(reply.response_authenticator && !reply.is_authentic());
        assert_eq!(reply.message_authenticator, MessageAuthenticator::Missing);
    }

    #[test]
    fn two_message_authenticators_and_short_ones_are_wrong() {
        let request = request();
        for attributes in [
            &[MESSAGE_AUTHENTICATOR_TYPE, 2][..],
            &[MESSAGE_AUTHENTICATOR_TYPE; 80],
        ] {
            let octets = reply(&request, 2, attributes);
            let reply = Reply::read(&octets, &request, SECRET).expect("a reply");
            assert_eq!(reply.message_authenticator, MessageAuthenticator::Wrong);
        }
    }

    #[test]
    fn the_request_begins_with_its_message_authenticator() {
        let code = sekisho_verifier_socket::Secret::from("123456");
        let login = Question::Login {
            user: "alice",
            code: &code,
        };
        let mut octets = login.encode(SECRET).expect("a small packet");
        assert_eq!(
            octets[HEADER_OCTETS..HEADER_OCTETS + 2],
            [MESSAGE_AUTHENTICATOR_TYPE, 18]
        );
        let mac = octets[22..38].to_vec();
        octets[22..38].fill(0);
        assert_eq!(mac, message_authenticator(SECRET, &octets));
        assert!(!octets.windows(6).any(|window| window == b"123456"));
    }
}
