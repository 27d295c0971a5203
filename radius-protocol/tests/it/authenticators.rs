//! Message-Authenticator and Response Authenticator: notes 1.1 row 10, 1.6 tests b, c and d.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use proptest::prelude::*;
use sekisho_radius_protocol::authenticator::{Authenticity, authenticity_of_request};
use sekisho_radius_protocol::error::ReplyError;
use sekisho_radius_protocol::packet::PacketWriter;
use sekisho_radius_protocol::request::{check_reply, pap};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

use crate::nas::{AUTHENTICATOR, Raw, SECRET, secret};

#[track_caller]
fn check(datagram: &[u8], expected: Authenticity) {
    let packet = Packet::parse(datagram).expect("well-formed");
    assert_eq!(authenticity_of_request(&secret(), &packet), expected);
}

#[test]
fn empty_secret_is_refused_and_a_short_one_is_known_as_short() {
    assert!(Secret::new(*b"").is_err());
    assert!(Secret::new([b'a'; 15]).unwrap().is_short());
    assert!(!Secret::new([b'a'; 16]).unwrap().is_short());
}

#[test]
fn message_authenticator_is_valid_wherever_it_stands() {
    check(&Raw::login().octets(), Authenticity::Absent);
    check(&Raw::login().signed(), Authenticity::Valid);
    let mut buffer = [0; 256];
    let length = pap(&mut buffer, &secret(), 1, &AUTHENTICATOR, b"hanako", b"1").unwrap();
    assert_eq!(buffer[20..22], [80, 18]);
    check(&buffer[..length], Authenticity::Valid);
}

#[test]
fn message_authenticator_of_the_wrong_kind_is_invalid() {
    let kind = AttributeType::MESSAGE_AUTHENTICATOR;
    let right = Raw::login().signed();
    let value = right[right.len() - 16..].to_vec();
    for size in [0, 1, 15, 17, 32] {
        check(
            &Raw::login().with(kind, &vec![0; size]).octets(),
            Authenticity::Invalid,
        );
    }
    check(
        &Raw::login().with(kind, &[0; 16]).octets(),
        Authenticity::Invalid,
    );
    check(
        &Raw::login().with(kind, &value).signed(),
        Authenticity::Invalid,
    );
    check(&Raw::login().signed_with(b"another"), Authenticity::Invalid);
    let mut of_another_request = right.clone();
    of_another_request[4] ^= 1;
    check(&of_another_request, Authenticity::Invalid);
}

/// Even when the first of the two is right for the packet as it stands.
#[test]
fn second_message_authenticator_makes_a_packet_invalid() {
    let kind = AttributeType::MESSAGE_AUTHENTICATOR;
    let mut octets = Raw::login().with(kind, &[0; 16]).octets();
    let first = octets.len() - 16;
    octets.extend([80, 18]);
    octets.extend([7; 16]);
    octets[3] += 18;
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET).unwrap();
    mac.update(&octets);
    octets[first..first + 16].copy_from_slice(&mac.finalize().into_bytes());
    check(&octets, Authenticity::Invalid);
}

#[test]
fn every_bit_of_a_packet_is_covered() {
    let right = Raw::login().signed();
    for bit in 0..right.len() * 8 {
        let mut changed = right.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(packet) = Packet::parse(&changed) {
            let found = authenticity_of_request(&secret(), &packet);
            assert_ne!(found, Authenticity::Valid, "bit {bit}");
        }
    }
}

#[test]
fn padding_is_not_covered() {
    let mut padded = Raw::login().signed();
    padded.extend([0; 4]);
    check(&padded, Authenticity::Valid);
}

fn reply() -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut writer = PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 7, &AUTHENTICATOR)
        .expect("room for a header");
    writer
        .attribute(AttributeType::REPLY_MESSAGE, b"welcome")
        .expect("room for a text");
    let length = writer.seal(&secret());
    buffer[..length].to_vec()
}

#[test]
fn client_believes_the_reply_to_its_own_request_only() {
    let reply = reply();
    let accepted = check_reply(&secret(), 7, &AUTHENTICATOR, &reply).unwrap();
    assert_eq!(accepted.code(), Code::ACCESS_ACCEPT);
    for (identifier, authenticator, secret, expected) in [
        (8, AUTHENTICATOR, secret(), ReplyError::Identifier),
        (7, [0; 16], secret(), ReplyError::ResponseAuthenticator),
        (
            7,
            AUTHENTICATOR,
            Secret::new(*b"another").unwrap(),
            ReplyError::ResponseAuthenticator,
        ),
    ] {
        let refused = check_reply(&secret, identifier, &authenticator, &reply);
        assert_eq!(refused.err(), Some(expected));
    }
}

#[test]
fn client_believes_no_reply_with_a_changed_bit() {
    let right = reply();
    for bit in 0..right.len() * 8 {
        let mut changed = right.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(check_reply(&secret(), 7, &AUTHENTICATOR, &changed).is_err());
    }
}

proptest! {
    #[test]
    fn request_written_by_us_is_authentic_and_carries_what_was_typed(
        name in "[a-z]{1,30}", password in "[0-9]{1,64}", identifier: u8, authenticator: [u8; 16],
    ) {
        let mut buffer = [0; 4096];
        let length = pap(&mut buffer, &secret(), identifier, &authenticator,
            name.as_bytes(), password.as_bytes()).unwrap();
        let packet = Packet::parse(&buffer[..length]).unwrap();
        prop_assert_eq!(authenticity_of_request(&secret(), &packet), Authenticity::Valid);
        prop_assert_eq!(packet.first(AttributeType::USER_NAME).unwrap().value, name.as_bytes());
    }
}
