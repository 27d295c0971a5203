//! Failures that peers had, one test for each row, and the `radius` crate as a second reader of
//! our replies.

use radius::core::packet::Packet as Other;
use radius::core::{rfc2865, rfc2869};
use sekisho_radius_protocol::duplicate::{Bounds, LIFETIME_MIN};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{Answer, Ignored, Refusal, SendCause, Verdict};
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{AUTHENTICATOR, Asked, CODE, Gate, Outcome, Raw, SECRET, client, secret};

/// BlastRADIUS, CVE-2024-3596: a forged reply by an MD5 collision through Proxy-State.
#[test]
fn r35_proxy_state_without_message_authenticator_is_dropped() {
    let attack = Raw::login()
        .with(AttributeType::PROXY_STATE, &[0x41; 253])
        .octets();
    assert_eq!(
        Gate::new().receive(&attack),
        Outcome::Ignored(Ignored::NoMessageAuthenticator)
    );
    assert_eq!(
        Gate::lenient().receive(&attack),
        Outcome::Ignored(Ignored::ProxyState)
    );
}

#[test]
fn r35_every_reply_begins_with_message_authenticator() {
    let proxied = Raw::login().with(AttributeType::PROXY_STATE, b"p").signed();
    let mut replies = vec![
        Gate::new().accept(&proxied),
        Gate::lenient().accept(&proxied),
    ];
    let mut gate = Gate::new();
    let ticket = gate.receive(&proxied).ticket();
    let answer = Answer::from(Verdict::Reject).with_reply_message("no");
    replies.push(gate.conclude_with(ticket, &answer).unwrap());
    let refused = Raw::login().without(AttributeType::USER_NAME).signed();
    let mut gate = Gate::new();
    let ticket = gate.receive(&refused).ticket();
    replies.push(gate.release(ticket).unwrap());
    match Gate::new().receive(&Raw::new(Code::STATUS_SERVER).signed()) {
        Outcome::Sent(reply, SendCause::Status) => replies.push(reply),
        other => panic!("{other:?}"),
    }
    for reply in replies {
        assert_eq!(reply[20..22], [80, 18]);
        assert!(check_reply(&secret(), 7, &AUTHENTICATOR, &reply).is_ok());
    }
}

/// FreeRADIUS CVE-2022-41860: an unknown option led to a missing lookup.
#[test]
fn r36_unknown_attributes_and_vendors_are_ignored() {
    let mut gate = Gate::new();
    for kind in (200..=255).filter(|&kind| kind != AttributeType::MESSAGE_AUTHENTICATOR.0) {
        let mut authenticator = AUTHENTICATOR;
        authenticator[0] = kind;
        let request = Raw::login()
            .with(AttributeType(kind), b"\x00\x80\x01")
            .with(
                AttributeType::VENDOR_SPECIFIC,
                &[0, 0xff, 0xff, kind, 1, 0, 9],
            )
            .with(AttributeType::VENDOR_SPECIFIC, &[0, 0, 1, 55, 200, 1])
            .with_authenticator(authenticator);
        let outcome = gate.receive(&request.signed());
        assert!(matches!(outcome, Outcome::Asked { .. }), "{kind}");
    }
}

/// Cisco ISE CVE-2025-20152: one request ended the service. Here a small mutator; the fuzz target
/// runs for longer.
#[test]
fn r37_no_change_of_one_octet_ends_the_service() {
    let request = Raw::login()
        .with(AttributeType::PROXY_STATE, b"p")
        .with(AttributeType::VENDOR_SPECIFIC, b"\x00\x00\x01\x37\x19\x34")
        .octets();
    let mut gate = Gate::lenient();
    for at in 0..request.len() {
        for octet in 0..=u8::MAX {
            let mut mutated = request.clone();
            mutated[at] = octet;
            gate.receive(&mutated);
        }
    }
    let outcome = gate.receive(&Raw::login().with_authenticator([9; 16]).signed());
    assert!(matches!(outcome, Outcome::Asked { .. }));
}

/// radsecproxy 1.11.x: an outgoing packet could become too big.
#[test]
fn r38_no_packet_over_4096_octets_is_written() {
    let mut buffer = [0; 2 * PACKET_MAX];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 1, &AUTHENTICATOR).unwrap();
    while writer
        .attribute(AttributeType::PROXY_STATE, &[1; 253])
        .is_ok()
    {}
    while writer.attribute(AttributeType::PROXY_STATE, &[1]).is_ok() {}
    let length = writer.seal(&secret());
    assert!((PACKET_MAX - 2..=PACKET_MAX).contains(&length));
    assert!(Packet::parse(&buffer[..length]).is_ok());
}

/// FreeRADIUS 2017, CVE-2017-10978 to 10988: lengths in decoders.
#[test]
fn r39_every_length_of_every_used_attribute_is_survived() {
    let mut gate = Gate::new();
    for kind in [
        1, 2, 3, 4, 5, 6, 18, 24, 26, 31, 32, 33, 44, 60, 70, 79, 80, 87, 103,
    ] {
        for length in 0..=253 {
            let request = Raw::login()
                .without(AttributeType(kind))
                .with(AttributeType(kind), &vec![0; length]);
            let mut gate_for_each = Gate::new();
            gate_for_each.receive(&request.signed());
            gate.receive(&request.octets());
        }
    }
    assert!(matches!(
        gate.receive(&Raw::login().signed()),
        Outcome::Asked { .. }
    ));
}

/// FreeIPA CVE-2020-1722, OpenSSH CVE-2016-6515: very long passwords burn the CPU.
#[test]
fn r40_password_over_128_octets_is_refused_before_it_is_read() {
    for size in [144, 240] {
        let request = Raw::login()
            .without(AttributeType::USER_PASSWORD)
            .with(AttributeType::USER_PASSWORD, &vec![1; size]);
        assert!(matches!(
            Gate::new().receive(&request.signed()),
            Outcome::Held(_, Refusal::PasswordSize)
        ));
    }
}

/// FreeRADIUS with more live pairs of port and Identifier than its limit: 42,000/s became 1,639/s.
#[test]
fn p10_128_sockets_with_256_identifiers_are_served_by_a_smaller_cache() {
    let bounds = Bounds::new(LIFETIME_MIN, 16_384).unwrap();
    let mut gate = Gate::with_bounds(client(), bounds);
    for identifier in 0..=u8::MAX {
        let request = Raw::login().with_identifier(identifier).signed();
        for port in 0..128 {
            gate.peer.set_port(40_000 + port);
            let ticket = gate.receive(&request).ticket();
            assert!(gate.conclude(ticket, Verdict::Accept).is_some());
        }
        assert!(gate.server.remembered() <= 16_384);
    }
    assert_eq!(gate.server.remembered(), 16_384);
    let newest = Raw::login().with_identifier(u8::MAX).signed();
    assert!(matches!(
        gate.receive(&newest),
        Outcome::Sent(_, SendCause::Duplicate)
    ));
}

/// RADIUS servers in Rust and Go remember a request only while it is handled, so a retransmission
/// after a lost reply is judged again, and refused.
#[test]
fn p11_retransmission_after_a_lost_reply_gets_the_same_octets() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let lost = gate.accept(&request);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(lost.clone(), SendCause::Duplicate)
    );
    gate.now += LIFETIME_MIN - std::time::Duration::from_millis(1);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(lost, SendCause::Duplicate)
    );
}

/// What the `radius` crate lacks, a vector for each.
#[test]
fn p15_password_is_not_cut_at_a_nul_inside() {
    let request = Raw::login()
        .without(AttributeType::USER_PASSWORD)
        .password(b"ab\0cd");
    match Gate::new().receive(&request.signed()) {
        Outcome::Asked { proof, .. } => assert_eq!(proof, Asked::Code(b"ab\0cd".to_vec())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn p15_request_over_1500_octets_and_with_padding_is_read() {
    let mut request = Raw::login();
    for _ in 0..15 {
        request = request.with(AttributeType(200), &[1; 253]);
    }
    let mut datagram = request.signed();
    datagram.extend([0; 100]);
    assert!(datagram.len() > 3900);
    assert!(matches!(
        Gate::new().receive(&datagram),
        Outcome::Asked { .. }
    ));
}

#[test]
fn p15_message_authenticator_is_demanded_and_verified() {
    let zero = Raw::login()
        .with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])
        .octets();
    assert_eq!(
        Gate::new().receive(&zero),
        Outcome::Ignored(Ignored::WrongMessageAuthenticator)
    );
}

/// The `radius` crate reads our replies, and agrees about every attribute and the authenticator.
#[test]
fn replies_are_read_alike_by_an_independent_decoder() {
    let request = Raw::login()
        .with(AttributeType::PROXY_STATE, b"first")
        .with(AttributeType::PROXY_STATE, b"second")
        .signed();
    for (verdict, code) in [
        (Verdict::Accept, radius::core::code::Code::AccessAccept),
        (Verdict::Reject, radius::core::code::Code::AccessReject),
    ] {
        let mut gate = Gate::new();
        let ticket = gate.receive(&request).ticket();
        let answer = Answer::from(verdict).with_reply_message("関所");
        let reply = gate.conclude_with(ticket, &answer).unwrap();
        assert!(Other::is_authentic_response(&reply, &request, SECRET));
        let other = Other::decode(&reply, SECRET).unwrap();
        assert_eq!(other.get_code(), code);
        assert_eq!(other.get_identifier(), 7);
        let text = rfc2865::lookup_reply_message(&other).unwrap().unwrap();
        assert_eq!(text, "関所");
        assert_eq!(
            rfc2865::lookup_all_proxy_state(&other),
            [b"first".to_vec(), b"second".to_vec()]
        );
        assert_eq!(
            rfc2869::lookup_message_authenticator(&other).unwrap().len(),
            16
        );
    }
}

/// And it writes a request that we read: it knows User-Password, but no Message-Authenticator.
#[test]
fn request_of_an_independent_encoder_is_read() {
    let mut request =
        Other::new_with_identifier(radius::core::code::Code::AccessRequest, SECRET, 42);
    rfc2865::add_user_name(&mut request, "hanako");
    rfc2865::add_user_password(&mut request, CODE).unwrap();
    let datagram = request.encode().unwrap();
    match Gate::lenient().receive(&datagram) {
        Outcome::Asked { account, proof, .. } => {
            assert_eq!(
                (account.as_str(), proof),
                ("hanako", Asked::Code(CODE.to_vec()))
            );
        }
        other => panic!("{other:?}"),
    }
}
