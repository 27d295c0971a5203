//! The packet level: notes 1.1 rows 1 to 3, 14, 15 and 18; RFC 2865 sections 3 and 5.

use proptest::prelude::*;
use sekisho_radius_protocol::error::{PacketError, WriteError};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{AUTHENTICATOR, Raw, secret};

fn with_length(mut datagram: Vec<u8>, length: u16) -> Vec<u8> {
    datagram[2..4].copy_from_slice(&length.to_be_bytes());
    datagram
}

#[test]
fn datagram_shorter_than_a_header_is_no_packet() {
    let whole = Raw::new(Code::ACCESS_REQUEST).octets();
    for length in 0..20 {
        assert!(Packet::parse(&whole[..length]).is_err(), "{length}");
    }
    assert!(Packet::parse(&whole).is_ok());
}

#[test]
fn length_field_decides_and_its_limits_are_20_and_4096() {
    let large = vec![0; 5000];
    for (length, expected) in [
        (0, Some(PacketError::LengthOutOfRange)),
        (19, Some(PacketError::LengthOutOfRange)),
        (20, None),
        (4097, Some(PacketError::LengthOutOfRange)),
        (u16::MAX, Some(PacketError::LengthOutOfRange)),
    ] {
        let datagram = with_length(large.clone(), length);
        assert_eq!(Packet::parse(&datagram).err(), expected, "{length}");
    }
    let short = with_length(Raw::login().octets(), 200);
    assert_eq!(Packet::parse(&short).err(), Some(PacketError::Truncated));
}

#[test]
fn octets_after_length_are_padding_and_not_seen() {
    let exact = Raw::login().octets();
    let mut padded = exact.clone();
    padded.extend([0, 0, 0, 0xff]);
    assert_eq!(Packet::parse(&padded).unwrap().octets(), exact);
}

#[test]
fn attribute_of_length_0_or_1_or_over_the_end_is_malformed() {
    let good = Raw::login().octets();
    // The Length octet of the last attribute, NAS-Identifier: 5 octets and its header.
    let at = good.len() - 6;
    assert_eq!(good[at], 7);
    for length in 0..=u8::MAX {
        let mut datagram = good.clone();
        datagram[at] = length;
        let parsed = Packet::parse(&datagram);
        if length == 7 {
            assert!(parsed.is_ok());
        } else if matches!(length, 0 | 1 | 6 | 8..) {
            // With 6, one octet is left: a Type without a Length.
            assert_eq!(parsed.err(), Some(PacketError::MalformedAttribute));
        }
    }
}

#[test]
fn zero_length_values_are_read_and_never_made() {
    let datagram = Raw::new(Code::ACCESS_REQUEST)
        .with(AttributeType::PROXY_STATE, b"")
        .octets();
    let packet = Packet::parse(&datagram).unwrap();
    assert_eq!(packet.first(AttributeType::PROXY_STATE).unwrap().value, b"");
    let mut buffer = [0; 64];
    let mut writer =
        PacketWriter::request(&mut buffer, Code::ACCESS_REQUEST, 1, &AUTHENTICATOR).unwrap();
    assert_eq!(
        writer.attribute(AttributeType::USER_NAME, b""),
        Err(WriteError::AttributeEmpty)
    );
}

#[test]
fn value_over_253_octets_is_refused() {
    let mut buffer = [0; PACKET_MAX];
    let mut writer =
        PacketWriter::request(&mut buffer, Code::ACCESS_REQUEST, 1, &AUTHENTICATOR).unwrap();
    assert_eq!(
        writer.attribute(AttributeType::USER_NAME, &[b'a'; 254]),
        Err(WriteError::AttributeTooLong)
    );
    assert_eq!(
        writer.attribute(AttributeType::USER_NAME, &[b'a'; 253]),
        Ok(())
    );
    assert_eq!(writer.seal(&secret()), 20 + 255);
}

#[test]
fn second_message_authenticator_is_refused() {
    let mut buffer = [0; 128];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_REJECT, 1, &AUTHENTICATOR).unwrap();
    assert_eq!(
        writer.message_authenticator(),
        Err(WriteError::SecondMessageAuthenticator)
    );
}

#[test]
fn long_text_is_cut_between_characters_and_keeps_its_order() {
    let text = "関所".repeat(100);
    let mut buffer = [0; PACKET_MAX];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_REJECT, 1, &AUTHENTICATOR).unwrap();
    writer.text(AttributeType::REPLY_MESSAGE, &text).unwrap();
    let length = writer.seal(&secret());
    let packet = Packet::parse(&buffer[..length]).unwrap();
    let pieces: Vec<&str> = packet
        .all(AttributeType::REPLY_MESSAGE)
        .map(|attribute| attribute.text().expect("whole characters"))
        .collect();
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces.concat(), text);
}

#[test]
fn text_that_does_not_fit_leaves_no_trace() {
    let mut buffer = [0; 60];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_REJECT, 1, &AUTHENTICATOR).unwrap();
    assert_eq!(
        writer.text(AttributeType::REPLY_MESSAGE, &"a".repeat(300)),
        Err(WriteError::PacketTooLarge)
    );
    assert_eq!(writer.seal(&secret()), 38);
}

#[test]
fn integer_of_the_wrong_size_is_no_integer() {
    for size in 0..=8 {
        let datagram = Raw::new(Code::ACCESS_REQUEST)
            .with(AttributeType::NAS_PORT, &vec![1; size])
            .octets();
        let packet = Packet::parse(&datagram).unwrap();
        let port = packet.first(AttributeType::NAS_PORT).unwrap();
        assert_eq!(port.integer().is_some(), size == 4, "{size}");
    }
}

proptest! {
    #[test]
    fn no_datagram_panics(octets in proptest::collection::vec(any::<u8>(), 0..5000)) {
        if let Ok(packet) = Packet::parse(&octets) {
            prop_assert_eq!(packet.attributes().map(|a| a.value.len() + 2).sum::<usize>() + 20,
                packet.octets().len());
        }
    }

    #[test]
    fn no_body_under_a_good_header_panics(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        claimed in 0u16..400,
    ) {
        let mut octets = vec![1, 2, 0, 0];
        octets.extend(AUTHENTICATOR);
        octets.extend(body);
        let _ = Packet::parse(&with_length(octets, claimed));
    }

    #[test]
    fn what_is_written_is_read(
        attributes in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(any::<u8>(), 1..=253)), 0..30),
        identifier: u8,
        authenticator: [u8; 16],
    ) {
        let mut buffer = [0; PACKET_MAX];
        let mut writer = PacketWriter::request(
            &mut buffer, Code::ACCESS_REQUEST, identifier, &authenticator).unwrap();
        let mut written = Vec::new();
        for (kind, value) in attributes {
            if writer.attribute(AttributeType(kind), &value).is_ok() {
                written.push((kind, value));
            }
        }
        let length = writer.seal(&secret());
        let packet = Packet::parse(&buffer[..length]).unwrap();
        prop_assert_eq!(packet.identifier(), identifier);
        prop_assert_eq!(packet.authenticator(), authenticator);
        let read: Vec<(u8, Vec<u8>)> =
            packet.attributes().map(|a| (a.kind.0, a.value.to_vec())).collect();
        prop_assert_eq!(read, written);
    }
}
