//! Accounting-Requests on their way through the server: notes 1.3.

use std::time::Duration;

use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::server::{AccountingAction, SendCause};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

use crate::nas::{Gate, Raw, SECRET, client, secret};

/// An Accounting-Request as the writer of this crate seals it.
fn report(secret: &Secret, is_signed: bool, proxy_states: &[&[u8]]) -> Vec<u8> {
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::digested(&mut buffer, Code::ACCOUNTING_REQUEST, 7).unwrap();
    let session = [(AttributeType::ACCT_STATUS_TYPE, &[0, 0, 0, 1][..])];
    for (kind, value) in session {
        writer.attribute(kind, value).unwrap();
    }
    writer
        .attribute(AttributeType::NAS_IDENTIFIER, b"vpn-1")
        .unwrap();
    for state in proxy_states {
        writer.copy(AttributeType::PROXY_STATE, state).unwrap();
    }
    if is_signed {
        writer.message_authenticator().unwrap();
    }
    let length = writer.seal(secret);
    buffer[..length].to_vec()
}

#[track_caller]
fn ignored(gate: &mut Gate, datagram: &[u8], expected: &str) {
    let mut out = [0; PACKET_MAX];
    match gate.report(datagram, &mut out) {
        AccountingAction::Ignore(why) => assert_eq!(format!("{why:?}"), expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn report_is_answered_once_it_is_stored_and_its_duplicates_alike() {
    let mut gate = Gate::new();
    let request = report(&secret(), false, &[b"a", b"", b"b"]);
    let mut out = [0; PACKET_MAX];
    let AccountingAction::Account(packet, ticket) = gate.report(&request, &mut out) else {
        panic!("not taken");
    };
    assert_eq!(packet.code(), Code::ACCOUNTING_REQUEST);
    ignored(&mut gate, &request, "InProgress");
    let mut out = [0; PACKET_MAX];
    let sent = gate
        .server
        .conclude_accounting(gate.now, ticket, &mut out)
        .unwrap();
    let reply = sent.octets.to_vec();
    assert_eq!((sent.peer, sent.socket), (gate.peer, gate.socket));
    let packet = Packet::parse(&reply).unwrap();
    assert_eq!(packet.code(), Code::ACCOUNTING_RESPONSE);
    let found: Vec<_> = packet.attributes().map(|a| (a.kind.0, a.value)).collect();
    assert_eq!(found, [(33, b"a".as_slice()), (33, b""), (33, b"b")]);
    let asked = Packet::parse(&request).unwrap().authenticator();
    assert!(
        sekisho_radius_protocol::authenticator::is_response_authentic(&secret(), &packet, &asked)
    );
    assert!(radius::core::packet::Packet::is_authentic_response(
        &reply, &request, SECRET
    ));
    match gate.report(&request, &mut out) {
        AccountingAction::Send(resend) => {
            assert_eq!(resend.cause, SendCause::Duplicate);
            assert_eq!(out[..resend.length], reply);
        }
        other => panic!("{other:?}"),
    }
    assert!(
        gate.server
            .conclude_accounting(gate.now, ticket, &mut out)
            .is_none()
    );
}

#[test]
fn report_that_could_not_be_stored_is_met_with_silence_and_taken_again() {
    let mut gate = Gate::new();
    let request = report(&secret(), false, &[]);
    let mut out = [0; PACKET_MAX];
    for _ in 0..2 {
        let AccountingAction::Account(_, ticket) = gate.report(&request, &mut out) else {
            panic!("not taken");
        };
        gate.server.forget_accounting(ticket);
        let mut reply = [0; PACKET_MAX];
        assert!(
            gate.server
                .conclude_accounting(gate.now, ticket, &mut reply)
                .is_none()
        );
    }
}

#[test]
fn report_with_a_wrong_authenticator_or_secret_is_dropped() {
    let mut gate = Gate::new();
    let good = report(&secret(), false, &[]);
    let mut flipped = good.clone();
    flipped[25] ^= 1;
    ignored(&mut gate, &flipped, "WrongAuthenticator");
    let mut flipped = good.clone();
    flipped[4] ^= 1;
    ignored(&mut gate, &flipped, "WrongAuthenticator");
    let other = Secret::new(b"another".as_slice()).unwrap();
    ignored(&mut gate, &report(&other, false, &[]), "WrongAuthenticator");
}

/// radsecproxy 1.11.2: the check was wrong for accounting. The NAS should not send it, but some
/// do.
#[test]
fn r38_message_authenticator_of_a_report_is_checked_if_it_is_there() {
    let mut out = [0; PACKET_MAX];
    let signed = report(&secret(), true, &[]);
    assert!(matches!(
        Gate::new().report(&signed, &mut out),
        AccountingAction::Account(..)
    ));
    // Right Request Authenticator over a wrong Message-Authenticator.
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::digested(&mut buffer, Code::ACCOUNTING_REQUEST, 7).unwrap();
    writer
        .attribute(AttributeType::MESSAGE_AUTHENTICATOR, &[1; 16])
        .unwrap();
    let length = writer.seal(&secret());
    ignored(
        &mut Gate::new(),
        &buffer[..length],
        "WrongMessageAuthenticator",
    );
}

#[test]
fn padded_report_is_taken() {
    let mut padded = report(&secret(), false, &[]);
    padded.extend([0; 4]);
    let mut out = [0; PACKET_MAX];
    assert!(matches!(
        Gate::new().report(&padded, &mut out),
        AccountingAction::Account(..)
    ));
}

#[test]
fn other_codes_are_not_served_on_the_port_for_accounting_nor_reports_on_the_other() {
    let mut gate = Gate::new();
    ignored(&mut gate, &Raw::login().signed(), "Code");
    let report = report(&secret(), false, &[]);
    assert_eq!(gate.receive(&report).kind(), "ignored Code");
}

#[test]
fn status_server_is_answered_by_an_accounting_response() {
    let mut gate = Gate::new();
    let request = Raw::new(Code::STATUS_SERVER);
    let mut out = [0; PACKET_MAX];
    match gate.report(&request.signed(), &mut out) {
        AccountingAction::Send(resend) => {
            assert_eq!(resend.cause, SendCause::Status);
            let packet = crate::nas::read(&request, &out[..resend.length]);
            assert_eq!(packet.code(), Code::ACCOUNTING_RESPONSE);
        }
        other => panic!("{other:?}"),
    }
    ignored(&mut gate, &request.octets(), "NoMessageAuthenticator");
    gate.ready = false;
    ignored(&mut gate, &request.signed(), "NotReady");
}

#[test]
fn nas_identifier_is_filtered_as_with_logins() {
    let mut other = client();
    other.nas_identifiers = vec!["vpn-2".to_owned()];
    ignored(
        &mut Gate::of(other),
        &report(&secret(), false, &[]),
        "NasIdentifier",
    );
}

#[test]
fn reports_and_logins_do_not_push_each_other_out() {
    let bounds = Bounds::new(Duration::from_secs(5), 1).unwrap();
    let mut gate = Gate::with_bounds(client(), bounds);
    let login = Raw::login().signed();
    let accept = gate.accept(&login);
    let mut out = [0; PACKET_MAX];
    let report = report(&secret(), false, &[]);
    assert!(matches!(
        gate.report(&report, &mut out),
        AccountingAction::Account(..)
    ));
    let again = gate.receive(&login);
    assert_eq!(
        again,
        crate::nas::Outcome::Sent(accept, SendCause::Duplicate)
    );
}
