//! Reports of sessions: notes 1.3, and of 1.4 and 1.5 what belongs to the accounting port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use proptest::prelude::*;
use sekisho_radius_protocol::accounting::{Accounting, Action, Ignored, Report, Status};
use sekisho_radius_protocol::authenticator::is_response_authentic;
use sekisho_radius_protocol::duplicate::{Bounds, Ticket};
use sekisho_radius_protocol::framed::Framed;
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{Arrival, Buffer, Client, Moment, Random, SendCause};
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{AUTHENTICATOR, Raw, SECRET, client, secret};

/// A report as a good NAS sends it, its Authenticator still missing.
fn report(status: u32) -> Raw {
    Raw::new(Code::ACCOUNTING_REQUEST)
        .with(AttributeType::ACCT_STATUS_TYPE, &status.to_be_bytes())
        .with(AttributeType::ACCT_SESSION_ID, b"5F00-1")
        .with(AttributeType::USER_NAME, b"hanako")
        .with(AttributeType::NAS_IDENTIFIER, b"vpn-1")
}

/// Puts the Request Authenticator of RFC 2866 into a packet, computed here.
fn digested(mut octets: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    octets[4..20].fill(0);
    let mut digest = Md5::new();
    digest.update(&octets);
    digest.update(secret);
    octets[4..20].copy_from_slice(&digest.finalize());
    octets
}

fn sent(raw: &Raw) -> Vec<u8> {
    digested(raw.octets(), SECRET)
}

/// With a Message-Authenticator that counts the Authenticator as what it is given here.
fn signed(raw: &Raw, authenticator: [u8; 16]) -> Vec<u8> {
    let mut octets = raw
        .clone()
        .with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])
        .octets();
    octets[4..20].copy_from_slice(&authenticator);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET).expect("any key will do");
    mac.update(&octets);
    let at = octets.len() - 16;
    octets[at..].copy_from_slice(&mac.finalize().into_bytes());
    digested(octets, SECRET)
}

struct Port {
    accounting: Accounting,
    client: Arc<Client>,
    now: Duration,
    peer: SocketAddr,
    ready: bool,
    out: Box<Buffer>,
}

/// What came of a datagram, without borrows.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Ignored(Ignored),
    Sent(Vec<u8>, SendCause),
    Store(Ticket),
}

impl Port {
    fn new() -> Self {
        Self {
            accounting: Accounting::new(Bounds::default()),
            client: Arc::new(client()),
            now: Duration::from_secs(1000),
            peer: "192.0.2.1:40000".parse().expect("an address"),
            ready: true,
            out: Box::new([0; 4096]),
        }
    }

    fn receive_then(&mut self, datagram: &[u8], look: impl FnOnce(&Report<'_>)) -> Came {
        let arrival = Arrival {
            at: Moment {
                now: self.now,
                wall: Duration::from_secs(1_800_000_000),
            },
            peer: self.peer,
            socket: 0,
            ready: self.ready,
            random: Random([0; Random::OCTETS]),
        };
        match self
            .accounting
            .handle(&arrival, &self.client, datagram, &mut self.out)
        {
            Action::Ignore(why) => Came::Ignored(why),
            Action::Send(resend) => Came::Sent(self.out[..resend.length].to_vec(), resend.cause),
            Action::Store(question) => {
                look(&question.report);
                Came::Store(question.ticket)
            }
        }
    }

    fn receive(&mut self, datagram: &[u8]) -> Came {
        self.receive_then(datagram, |_| {})
    }

    fn stored(&mut self, ticket: Ticket) -> Option<Vec<u8>> {
        let outgoing = self.accounting.stored(self.now, ticket, &mut self.out)?;
        assert_eq!(outgoing.peer, self.peer);
        Some(outgoing.octets.to_vec())
    }

    #[track_caller]
    fn store(&mut self, datagram: &[u8]) -> Vec<u8> {
        match self.receive(datagram) {
            Came::Store(ticket) => self.stored(ticket).expect("the NAS waits for this"),
            other => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn ignored(raw: &Raw) -> Ignored {
    match Port::new().receive(&sent(raw)) {
        Came::Ignored(why) => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn is_authentic(response: &[u8], request: &[u8]) {
    let packet = Packet::parse(response).expect("well-formed");
    assert_eq!(packet.code(), Code::ACCOUNTING_RESPONSE);
    assert_eq!(packet.identifier(), request[1]);
    let authenticator = request[4..20].try_into().expect("16 octets");
    assert!(is_response_authentic(&secret(), &packet, &authenticator));
}

#[test]
fn every_status_is_read_and_answered() {
    for (value, status) in [
        (1, Status::Start),
        (2, Status::Stop),
        (3, Status::Interim),
        (7, Status::On),
        (8, Status::Off),
        (9, Status::Other(9)),
        (15, Status::Other(15)),
    ] {
        let mut port = Port::new();
        let request = sent(&report(value));
        let came = port.receive_then(&request, |report| assert_eq!(report.status, status));
        let Came::Store(ticket) = came else {
            panic!("{came:?}");
        };
        is_authentic(&port.stored(ticket).unwrap(), &request);
    }
}

#[test]
fn everything_that_is_known_of_a_session_is_read() {
    let request = report(2)
        .with(AttributeType::NAS_IP_ADDRESS, &[192, 0, 2, 7])
        .with(AttributeType::NAS_PORT, &[0, 0, 1, 0])
        .with(AttributeType::NAS_PORT_ID, "ポート".as_bytes())
        .with(
            AttributeType::FRAMED_IPV6_PREFIX,
            &[0, 32, 0x20, 1, 0xd, 0xb8],
        )
        .with(AttributeType::FRAMED_IP_ADDRESS, &[10, 9, 0, 1])
        .with(AttributeType::CALLING_STATION_ID, b"198.51.100.4")
        .with(AttributeType::CLASS, b"OU=staff;")
        .with(
            AttributeType::EVENT_TIMESTAMP,
            &1_800_000_000u32.to_be_bytes(),
        )
        .with(AttributeType::ACCT_DELAY_TIME, &[0, 0, 0, 4])
        .with(AttributeType::ACCT_SESSION_TIME, &[0, 0, 0, 60])
        .with(AttributeType::ACCT_INPUT_OCTETS, &[0, 0, 0, 5])
        .with(AttributeType::ACCT_INPUT_GIGAWORDS, &[0, 0, 0, 2])
        .with(AttributeType::ACCT_OUTPUT_OCTETS, &[0xff; 4])
        .with(AttributeType::ACCT_INPUT_PACKETS, &[0, 0, 0, 9])
        .with(AttributeType::ACCT_TERMINATE_CAUSE, &[0, 0, 0, 1]);
    Port::new().receive_then(&sent(&request), |report| {
        let expected = Report {
            status: Status::Stop,
            session_id: "5F00-1",
            user_name: Some("hanako"),
            nas_identifier: Some("vpn-1"),
            nas_address: Some([192, 0, 2, 7].into()),
            nas_port: Some(256),
            nas_port_id: Some("ポート"),
            framed: Some(Framed::Ipv4([10, 9, 0, 1].into())),
            calling_station: Some("198.51.100.4"),
            class: Some(b"OU=staff;"),
            event_timestamp: Some(1_800_000_000),
            delay_seconds: 4,
            session_seconds: Some(60),
            octets_in: Some(2 << 32 | 5),
            octets_out: Some(u64::from(u32::MAX)),
            packets_in: Some(9),
            packets_out: None,
            terminate_cause: Some(1),
        };
        assert_eq!(*report, expected);
    });
}

#[test]
fn time_is_that_of_the_event_or_now_less_the_delay() {
    let now = 2_000_000_000;
    for (stamp, delay, expected) in [
        (Some(1_999_999_000u32), 5, 1_999_999_000),
        (None, 5u32, now - 5),
        (None, u32::MAX, 0),
        (Some(0), 5, now - 5),
        (Some(946_684_800), 5, now - 5),
        (Some(1_577_836_799), 5, now - 5),
        (Some(1_577_836_800), 5, 1_577_836_800),
        (Some(u32::MAX), 0, now),
    ] {
        let mut request = report(1).with(AttributeType::ACCT_DELAY_TIME, &delay.to_be_bytes());
        if let Some(stamp) = stamp {
            request = request.with(AttributeType::EVENT_TIMESTAMP, &stamp.to_be_bytes());
        }
        Port::new().receive_then(&sent(&request), |report| {
            assert_eq!(report.happened_at(now), expected);
        });
    }
}

#[test]
fn session_id_is_needed_except_for_a_whole_nas() {
    for status in [1, 2, 3, 7, 8, 9] {
        for id in [None, Some(&b""[..]), Some(b"\xff")] {
            let mut request = report(status).without(AttributeType::ACCT_SESSION_ID);
            if let Some(id) = id {
                request = request.with(AttributeType::ACCT_SESSION_ID, id);
            }
            match Port::new().receive(&sent(&request)) {
                Came::Store(_) => assert!(matches!(status, 7 | 8)),
                Came::Ignored(why) => {
                    assert_eq!(why, Ignored::NoSessionId);
                    assert!(!matches!(status, 7 | 8));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let no_status = report(1).without(AttributeType::ACCT_STATUS_TYPE);
    assert_eq!(ignored(&no_status), Ignored::NoStatus);
}

#[test]
fn attribute_of_the_wrong_size_is_as_if_it_were_not_there() {
    for size in (0..=8).filter(|size| *size != 4) {
        let value = vec![1; size];
        let request = report(1)
            .with(AttributeType::NAS_PORT, &value)
            .with(AttributeType::NAS_IP_ADDRESS, &value)
            .with(AttributeType::FRAMED_IP_ADDRESS, &value)
            .with(AttributeType::ACCT_INPUT_OCTETS, &value)
            .with(AttributeType::EVENT_TIMESTAMP, &value)
            .with(AttributeType::NAS_IPV6_ADDRESS, &value)
            .with(AttributeType::FRAMED_IPV6_PREFIX, &[0, 129, 9]);
        let came = Port::new().receive_then(&sent(&request), |report| {
            assert_eq!(report.nas_port, None);
            assert_eq!(report.nas_address, None);
            assert_eq!(report.framed, None);
            assert_eq!(report.octets_in, None);
            assert_eq!(report.event_timestamp, None);
        });
        assert!(matches!(came, Came::Store(_)), "{size}: {came:?}");
    }
}

#[test]
fn wrong_request_authenticator_is_met_with_silence() {
    let right = sent(&report(1));
    for bit in 0..right.len() * 8 {
        let mut changed = right.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(Port::new().receive(&changed), Came::Ignored(_)));
    }
    let other = digested(report(1).octets(), b"another");
    assert_eq!(
        Port::new().receive(&other),
        Came::Ignored(Ignored::RequestAuthenticator)
    );
}

#[test]
fn what_has_no_place_in_a_report_is_met_with_silence() {
    for kind in [
        AttributeType::USER_PASSWORD,
        AttributeType::CHAP_PASSWORD,
        AttributeType::REPLY_MESSAGE,
        AttributeType::STATE,
        AttributeType::EAP_MESSAGE,
    ] {
        let request = report(1).with(kind, &[1; 16]);
        assert_eq!(ignored(&request), Ignored::Forbidden(kind));
    }
    let class = report(1).with(AttributeType::CLASS, b"c");
    assert!(matches!(Port::new().receive(&sent(&class)), Came::Store(_)));
}

#[test]
fn report_of_a_nas_that_the_client_is_not_set_to_is_met_with_silence() {
    for (names, is_stored) in [(&["vpn-1"][..], true), (&["vpn-2"], false), (&[], true)] {
        let mut port = Port::new();
        let client = Arc::get_mut(&mut port.client).unwrap();
        client.nas_identifiers = names.iter().map(|&name| name.to_owned()).collect();
        let came = port.receive(&sent(&report(1)));
        assert_eq!(matches!(came, Came::Store(_)), is_stored, "{came:?}");
    }
}

#[test]
fn only_reports_and_status_server_are_served() {
    for code in 0..=u8::MAX {
        let came = Port::new().receive(&sent(&Raw { code, ..report(1) }));
        match code {
            4 => assert!(matches!(came, Came::Store(_))),
            12 => assert_eq!(came, Came::Ignored(Ignored::NoMessageAuthenticator)),
            _ => assert_eq!(came, Came::Ignored(Ignored::Code), "{code}"),
        }
    }
}

#[test]
fn proxy_states_come_back_and_nothing_else() {
    let request = report(1)
        .with(AttributeType::PROXY_STATE, b"b")
        .with(AttributeType::PROXY_STATE, b"")
        .with(AttributeType::PROXY_STATE, &[7; 253]);
    let request = sent(&request);
    let response = Port::new().store(&request);
    is_authentic(&response, &request);
    let packet = Packet::parse(&response).unwrap();
    let states: Vec<&[u8]> = packet.attributes().map(|state| state.value).collect();
    assert_eq!(states, [b"b", &b""[..], &[7; 253]]);
    assert_eq!(packet.count(AttributeType::PROXY_STATE), 3);
}

#[test]
fn nothing_is_answered_before_it_is_stored() {
    let mut port = Port::new();
    let request = sent(&report(1));
    let Came::Store(ticket) = port.receive(&request) else {
        panic!("not to be stored");
    };
    assert_eq!(port.receive(&request), Came::Ignored(Ignored::InProgress));
    port.accounting.forget(ticket);
    assert_eq!(port.stored(ticket), None, "the store has failed");
    let response = port.store(&request);
    is_authentic(&response, &request);
}

#[test]
fn duplicate_of_a_stored_report_gets_the_same_octets_and_is_not_stored_again() {
    let mut port = Port::new();
    let request = sent(&report(1));
    let response = port.store(&request);
    for _ in 0..3 {
        assert_eq!(
            port.receive(&request),
            Came::Sent(response.clone(), SendCause::Duplicate)
        );
    }
    // With a new Identifier, because of another Acct-Delay-Time, it is another report.
    let again = report(1)
        .with(AttributeType::ACCT_DELAY_TIME, &[0, 0, 0, 3])
        .with_identifier(8);
    let octets = sent(&Raw {
        authenticator: AUTHENTICATOR,
        ..again
    });
    assert!(matches!(port.receive(&octets), Came::Store(_)));
}

#[test]
fn forged_report_does_not_touch_the_cache() {
    let mut port = Port::new();
    let request = sent(&report(1));
    let response = port.store(&request);
    let forged = digested(report(2).octets(), b"guess");
    assert!(matches!(port.receive(&forged), Came::Ignored(_)));
    assert_eq!(port.accounting.remembered(), 1);
    assert_eq!(
        port.receive(&request),
        Came::Sent(response, SendCause::Duplicate)
    );
}

#[test]
fn status_server_on_the_accounting_port_gets_an_accounting_response() {
    let request = Raw::new(Code::STATUS_SERVER).signed();
    let mut port = Port::new();
    let Came::Sent(reply, SendCause::Status) = port.receive(&request) else {
        panic!("no reply");
    };
    let packet = check_reply(&secret(), 7, &AUTHENTICATOR, &reply).unwrap();
    assert_eq!(packet.code(), Code::ACCOUNTING_RESPONSE);
    port.ready = false;
    assert_eq!(port.receive(&request), Came::Ignored(Ignored::NotReady));
    let wrong = Raw::new(Code::STATUS_SERVER).signed_with(b"another");
    assert_eq!(
        port.receive(&wrong),
        Came::Ignored(Ignored::WrongMessageAuthenticator)
    );
    Arc::get_mut(&mut port.client).unwrap().status_server = false;
    assert_eq!(
        port.receive(&request),
        Came::Ignored(Ignored::StatusServerOff)
    );
}

/// FreeRADIUS CVE-2022-41860: an unknown option led to a missing lookup.
#[test]
fn r36_unknown_attributes_vendors_and_status_of_a_report_are_ignored() {
    for kind in 180..=255 {
        let request = report(200)
            .with(AttributeType(kind), b"\x00\x80\x01")
            .with(AttributeType::VENDOR_SPECIFIC, &[0, 0xff, 0xff, kind, 1, 0]);
        let came = Port::new().receive(&sent(&request));
        assert!(matches!(came, Came::Store(_)), "{kind}: {came:?}");
    }
}

/// Cisco ISE CVE-2025-20152: one request ended the service. The NAS that sends these knows the
/// secret.
#[test]
fn r37_no_change_of_one_octet_of_a_report_ends_the_service() {
    let request = report(2)
        .with(
            AttributeType::FRAMED_IPV6_PREFIX,
            &[0, 64, 1, 2, 3, 4, 5, 6, 7, 8],
        )
        .with(AttributeType::PROXY_STATE, b"p")
        .octets();
    let mut port = Port::new();
    for at in 0..request.len() {
        for octet in 0..=u8::MAX {
            let mut mutated = request.clone();
            mutated[at] = octet;
            if let Came::Store(ticket) = port.receive(&digested(mutated, SECRET)) {
                port.stored(ticket);
            }
        }
    }
    let request = sent(&report(3).with_identifier(99));
    assert!(matches!(port.receive(&request), Came::Store(_)));
}

/// FreeRADIUS 2017, CVE-2017-10978 to 10988: lengths in decoders.
#[test]
fn r39_every_length_of_every_used_attribute_of_a_report_is_survived() {
    for kind in [
        1, 4, 5, 8, 25, 26, 31, 32, 33, 40, 41, 42, 43, 44, 46, 47, 48, 49, 52, 53, 55, 80, 87, 95,
        97, 168,
    ] {
        for length in 0..=253 {
            let request = report(1)
                .without(AttributeType(kind))
                .with(AttributeType(kind), &vec![0xff; length]);
            Port::new().receive(&sent(&request));
        }
    }
}

/// radsecproxy 1.11.2: Message-Authenticator of a report was verified with the wrong octets.
#[test]
fn r38_message_authenticator_of_a_report_counts_the_authenticator_as_zeros() {
    let right = signed(&report(1), [0; 16]);
    assert!(matches!(Port::new().receive(&right), Came::Store(_)));
    let wrong = signed(&report(1), AUTHENTICATOR);
    assert_eq!(
        Port::new().receive(&wrong),
        Came::Ignored(Ignored::WrongMessageAuthenticator)
    );
}

/// In the `radius` crate the Length of a packet that became too large wraps. The Proxy-States of
/// the largest report fit into the response, since a report has what a response has not.
#[test]
fn p15_response_to_the_largest_report_is_no_larger_than_a_packet() {
    let mut request = report(1);
    while request.octets().len() + 255 <= 4096 {
        request = request.with(AttributeType::PROXY_STATE, &[7; 253]);
    }
    let rest = 4096 - request.octets().len() - 2;
    let request = sent(&request.with(AttributeType::PROXY_STATE, &vec![8; rest]));
    assert_eq!(request.len(), 4096);
    let response = Port::new().store(&request);
    is_authentic(&response, &request);
    assert_eq!(
        response.len(),
        usize::from(u16::from_be_bytes([response[2], response[3]]))
    );
}

/// The `radius` crate hashes what is behind Length, and so refuses padded reports.
#[test]
fn p15_padded_report_is_stored() {
    let mut request = sent(&report(1));
    request.extend([0; 4]);
    let response = Port::new().store(&request);
    is_authentic(&response, &request);
}

#[test]
fn response_is_read_alike_by_an_independent_decoder() {
    let request = sent(&report(1).with(AttributeType::PROXY_STATE, b"p"));
    let response = Port::new().store(&request);
    assert!(radius::core::packet::Packet::is_authentic_response(
        &response, &request, SECRET
    ));
}

proptest! {
    #[test]
    fn no_report_panics_the_server(
        attributes in proptest::collection::vec(
            (prop_oneof![any::<u8>(), Just(40u8), Just(44), Just(8), Just(97), Just(33), Just(80)],
             proptest::collection::vec(any::<u8>(), 0..=40)), 0..12),
        status in 0u32..20,
    ) {
        let mut request = report(status);
        request.attributes.extend(attributes);
        let request = sent(&request);
        let mut port = Port::new();
        if let Came::Store(ticket) = port.receive(&request) {
            let response = port.stored(ticket).unwrap();
            let packet = Packet::parse(&response).unwrap();
            let authenticator = request[4..20].try_into().unwrap();
            prop_assert!(is_response_authentic(&secret(), &packet, &authenticator));
        }
    }

    #[test]
    fn framed_address_survives_its_text(bits in 0u8..=128, address: u128, version in 0..3) {
        let framed = match version {
            0 => Framed::Ipv4((address as u32).into()),
            1 => Framed::Ipv6(address.into()),
            _ => Framed::Prefix(address.into(), bits),
        };
        prop_assert_eq!(framed.to_string().parse(), Ok(framed));
    }
}
