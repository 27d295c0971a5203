//! Keys and tunnel passwords under a salt: notes 1.8; RFC 2548 section 2.4.2, RFC 2868 section 3.5.

use proptest::prelude::*;
use sekisho_radius_protocol::attribute::microsoft;
use sekisho_radius_protocol::error::WriteError;
use sekisho_radius_protocol::mppe::{CLEAR_MAX, Keys, Salt, hide, reveal, write_keys};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::{Code, Packet, Secret};

use crate::nas::{AUTHENTICATOR, secret};

/// Computed by another program from the formula of the RFC.
#[test]
fn hidden_octets_are_those_of_the_formula() {
    let clear: Vec<u8> = (0..16).collect();
    for (salt, clear, expected) in [
        (
            [0x01, 0x23],
            &clear[..],
            "81 23 d5 fd 9a d5 34 d7 35 f2 04 bc 37 44 e4 59 29 ce \
             c5 a2 d1 7d 1a 86 09 90 cb f1 a7 07 80 41 07 80",
        ),
        (
            [0xff, 0xff],
            b"",
            "bf ff f2 33 a7 25 09 cc dc a3 c4 5c c3 93 f2 88 72 4c",
        ),
    ] {
        let hidden = hide(&secret(), &AUTHENTICATOR, Salt::new(salt), clear).unwrap();
        let hexadecimal: Vec<String> = hidden.octets().iter().map(|o| format!("{o:02x}")).collect();
        assert_eq!(hexadecimal.join(" "), expected);
    }
}

#[test]
fn every_salt_has_its_top_bit_and_no_two_of_a_packet_are_the_same() {
    let mut seen = std::collections::HashSet::new();
    for first in [Salt::new([0xff, 0xf0]), Salt::for_templates([0x3f, 0xf0])] {
        let mut salt = first;
        for _ in 0..1 << 14 {
            let hidden = hide(&secret(), &AUTHENTICATOR, salt, b"key").unwrap();
            let octets = [hidden.octets()[0], hidden.octets()[1]];
            assert_eq!(octets[0] & 0x80, 0x80);
            assert!(seen.insert(octets), "{octets:?} came twice");
            salt = salt.next();
        }
        assert_eq!(salt, first);
    }
}

#[test]
fn keys_of_one_accept_stand_under_different_salts_and_a_nas_reads_them() {
    let keys = Keys {
        receive: &[1; 32],
        send: &[1; 32],
    };
    let mut buffer = [0; PACKET_MAX];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 7, &AUTHENTICATOR).unwrap();
    let salt = Salt::new([3, 4]);
    write_keys(&mut writer, &secret(), &AUTHENTICATOR, salt, &keys).unwrap();
    let length = writer.seal(&secret());
    let packet = Packet::parse(&buffer[..length]).unwrap();
    let found: Vec<(u8, &[u8])> = packet
        .vendor(microsoft::VENDOR_ID)
        .map(|attribute| (attribute.kind, attribute.value))
        .collect();
    let kinds: Vec<u8> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [microsoft::MPPE_RECV_KEY, microsoft::MPPE_SEND_KEY]);
    assert_ne!(found[0].1, found[1].1, "one key, but two salts");
    for (_, hidden) in found {
        let clear = reveal(&secret(), &AUTHENTICATOR, hidden).unwrap();
        assert_eq!(*clear, [1; 32]);
    }
}

#[test]
fn keys_that_do_not_both_fit_leave_no_trace() {
    let keys = Keys {
        receive: &[1; 16],
        send: &[2; 16],
    };
    let salt = Salt::new([3, 4]);
    let mut buffer = [0; 120];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 7, &AUTHENTICATOR).unwrap();
    assert_eq!(
        write_keys(&mut writer, &secret(), &AUTHENTICATOR, salt, &keys),
        Err(WriteError::PacketTooLarge)
    );
    assert_eq!(writer.seal(&secret()), 38);
}

#[test]
fn value_of_the_wrong_size_or_with_a_length_over_its_end_is_refused() {
    for size in (0..=253).filter(|size| *size < 18 || (size - 2) % 16 != 0) {
        assert!(reveal(&secret(), &AUTHENTICATOR, &vec![1; size]).is_err());
    }
    let hidden = hide(&secret(), &AUTHENTICATOR, Salt::new([1, 1]), &[9; 15]).unwrap();
    let mut longer = hidden.octets().to_vec();
    // The first octet under the pad: 15 becomes 16, one more than there is.
    longer[2] ^= 15 ^ 16;
    assert!(reveal(&secret(), &AUTHENTICATOR, &longer).is_err());
    let other = Secret::new(*b"another").unwrap();
    let wrong = reveal(&other, &AUTHENTICATOR, hidden.octets());
    assert!(wrong.is_err() || *wrong.unwrap() != [9; 15]);
    let long = hide(&secret(), &AUTHENTICATOR, Salt::new([1, 1]), &[0; 240]);
    assert_eq!(long.err(), Some(WriteError::AttributeTooLong));
}

proptest! {
    #[test]
    fn hidden_then_revealed_is_what_it_was(
        clear in proptest::collection::vec(any::<u8>(), 0..=CLEAR_MAX),
        authenticator: [u8; 16],
        salt: [u8; 2],
    ) {
        let hidden = hide(&secret(), &authenticator, Salt::new(salt), &clear).unwrap();
        let revealed = reveal(&secret(), &authenticator, hidden.octets()).unwrap();
        prop_assert_eq!(&*revealed, &clear);
    }

    #[test]
    fn no_hidden_value_panics(value in proptest::collection::vec(any::<u8>(), 0..=300)) {
        let _ = reveal(&secret(), &AUTHENTICATOR, &value);
    }
}
