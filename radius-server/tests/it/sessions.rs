//! Accounting, and the end of sessions.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use sekisho_radius_protocol::packet::PacketWriter;
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};
use sekisho_verifier_socket::radius::{EndOutcome, Order, SessionStatus};

use crate::daemon::{Daemon, PATIENCE, Place, settings, settings_with};
use crate::gateway::{Gateway, Request, SECRET};
use crate::verifier::{Manner, Verifier};

const START: &[u8] = &[0, 0, 0, 1];
const STOP: &[u8] = &[0, 0, 0, 2];
const ON: &[u8] = &[0, 0, 0, 7];
const TUNNEL_START: &[u8] = &[0, 0, 0, 9];

fn with_accounting() -> String {
    settings().replace(
        "accounting-listen = []",
        "accounting-listen = [\"127.0.0.1:0\"]",
    )
}

fn report(gateway: &mut Gateway, status: &[u8]) -> Request {
    gateway.accounting_request(&[
        (AttributeType::ACCT_STATUS_TYPE, status),
        (AttributeType::ACCT_SESSION_ID, b"session-1"),
        (AttributeType::USER_NAME, b"hanako@corp.example"),
        (AttributeType::NAS_IDENTIFIER, b"gate"),
        (AttributeType::NAS_PORT, &[0, 0, 0, 9]),
        (AttributeType::CALLING_STATION_ID, b"203.0.113.9"),
        (AttributeType::FRAMED_IP_ADDRESS, &[10, 0, 0, 7]),
        (AttributeType::PROXY_STATE, b"mine"),
    ])
}

/// Accounting-Response has no Message-Authenticator, so it is checked by hand.
#[track_caller]
fn check(request: &Request, reply: &[u8]) {
    let secret = Secret::new(SECRET.as_bytes()).expect("not empty");
    let packet = Packet::parse(reply).expect("a packet");
    assert_eq!(packet.code(), Code::ACCOUNTING_RESPONSE);
    assert_eq!(packet.identifier(), request.identifier);
    assert!(
        sekisho_radius_protocol::authenticator::is_response_authentic(
            &secret,
            &packet,
            &request.authenticator
        )
    );
}

#[test]
fn report_is_answered_once_stored_and_its_copy_with_the_same_octets() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let quirks = with_accounting() + "quirks = [\"strip-realm\"]\n";
    let mut daemon = Daemon::start_ready(&place, &quirks);
    let mut gateway = Gateway::new(daemon.accounting());
    let request = report(&mut gateway, START);
    gateway.send(&request.octets);
    let reply = gateway.receive().expect("it is stored");
    check(&request, &reply);
    let packet = Packet::parse(&reply).unwrap();
    let states: Vec<_> = packet.all(AttributeType::PROXY_STATE).collect();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].value, b"mine");
    gateway.send(&request.octets);
    assert_eq!(gateway.receive(), Some(reply));

    let [told] = &verifier.sessions()[..] else {
        panic!("{:?}", verifier.sessions());
    };
    assert_eq!(told.status, SessionStatus::Start);
    assert_eq!(told.client, "vpn");
    assert_eq!(told.from, "127.0.0.1");
    assert_eq!(told.session, "session-1");
    assert_eq!(told.user_name.as_deref(), Some("hanako@corp.example"));
    assert_eq!(told.account.as_deref(), Some("hanako"));
    assert_eq!(told.nas_identifier.as_deref(), Some("gate"));
    assert_eq!(told.framed_address.as_deref(), Some("10.0.0.7"));
    assert_eq!(told.calling_station.as_deref(), Some("203.0.113.9"));
    assert_eq!(told.nas_port, Some(9));
    assert!(told.time_ms > 1_700_000_000_000);
}

#[test]
fn report_that_can_not_be_stored_gets_silence_until_it_can() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Unavailable);
    let mut daemon = Daemon::start_ready(&place, &with_accounting());
    let mut gateway = Gateway::new(daemon.accounting());
    let request = report(&mut gateway, STOP);
    gateway.send(&request.octets);
    assert_eq!(gateway.receive(), None);
    assert!(verifier.sessions().is_empty());
    verifier.behave(Manner::Judge);
    gateway.send(&request.octets);
    check(&request, &gateway.receive().expect("it is stored now"));
    assert_eq!(verifier.sessions().len(), 1);
}

#[test]
fn forged_reports_and_those_without_a_session_get_silence_and_change_nothing() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &with_accounting());
    let mut gateway = Gateway::new(daemon.accounting());
    let good = report(&mut gateway, START);
    let mut forged = good.octets.clone();
    forged[40] ^= 1;
    gateway.send(&forged);
    let nameless = gateway.accounting_request(&[(AttributeType::ACCT_STATUS_TYPE, START)]);
    gateway.send(&nameless.octets);
    // A login has nothing to do here, and a report nothing there.
    let login = gateway.request("hanako", "123456");
    gateway.send(&login.octets);
    let other = Gateway::new(daemon.address());
    other.send(&good.octets);
    assert_eq!(gateway.receive(), None);
    assert_eq!(other.receive(), None);
    assert!(verifier.sessions().is_empty() && verifier.attempts().is_empty());
    daemon.wait_for_line("client vpn: wrong-request-authenticator");
    gateway.send(&good.octets);
    check(
        &good,
        &gateway.receive().expect("and the true one is taken"),
    );
}

#[test]
fn gateway_that_has_just_started_needs_no_session_and_tunnels_are_answered_unstored() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &with_accounting());
    let mut gateway = Gateway::new(daemon.accounting());
    let on = gateway.accounting_request(&[
        (AttributeType::ACCT_STATUS_TYPE, ON),
        (AttributeType::NAS_IDENTIFIER, b"gate"),
    ]);
    gateway.send(&on.octets);
    check(&on, &gateway.receive().expect("stored"));
    let tunnel = report(&mut gateway, TUNNEL_START);
    gateway.send(&tunnel.octets);
    check(&tunnel, &gateway.receive().expect("nothing to store"));
    let sessions = verifier.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].status, SessionStatus::On);
    assert_eq!(sessions[0].session, "");
}

#[test]
fn r38_padded_report_is_taken_and_status_server_is_answered_on_this_port() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &with_accounting());
    let mut gateway = Gateway::new(daemon.accounting());
    let request = report(&mut gateway, START);
    let mut padded = request.octets.clone();
    padded.extend([0; 4]);
    gateway.send(&padded);
    check(&request, &gateway.receive().expect("padding is no content"));
    assert_eq!(verifier.sessions().len(), 1);
    assert_eq!(gateway.status_server(), Some(Code::ACCOUNTING_RESPONSE));
}

/// A gateway that is asked to end sessions.
struct Nas {
    socket: UdpSocket,
    secret: Secret,
}

impl Nas {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
        Self {
            socket,
            secret: Secret::new(SECRET.as_bytes()).expect("not empty"),
        }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().expect("it is bound").port()
    }

    fn receive(&self) -> (Vec<u8>, std::net::SocketAddr) {
        let mut buffer = [0; 4096];
        let (length, from) = self.socket.recv_from(&mut buffer).expect("a request");
        let octets = buffer[..length].to_vec();
        let packet = Packet::parse(&octets).expect("a packet");
        assert_eq!(packet.code(), Code::DISCONNECT_REQUEST);
        let is_ours = sekisho_radius_protocol::authenticator::is_digested_authentic;
        assert!(is_ours(&self.secret, &packet));
        (octets, from)
    }

    fn reply(&self, request: &[u8], to: std::net::SocketAddr, code: Code, cause: Option<u32>) {
        let request = Packet::parse(request).expect("a packet");
        let mut buffer = [0; 256];
        let mut writer = PacketWriter::reply(
            &mut buffer,
            code,
            request.identifier(),
            &request.authenticator(),
        )
        .expect("room");
        if let Some(cause) = cause {
            let cause = cause.to_be_bytes();
            writer
                .attribute(AttributeType::ERROR_CAUSE, &cause)
                .expect("room");
        }
        let length = writer.seal(&self.secret);
        self.socket
            .send_to(&buffer[..length], to)
            .expect("loopback takes it");
    }

    fn settings(&self) -> String {
        settings_with("", &format!("disconnect = {{ port = {} }}", self.port()))
    }
}

fn order(id: u64) -> Order {
    Order {
        id,
        client: "vpn".into(),
        from: "127.0.0.1".into(),
        nas_identifier: Some("gate".into()),
        nas_address: None,
        session: format!("session-{id}"),
        user_name: Some("hanako".into()),
        framed_address: Some("10.0.0.7".into()),
        calling_station: Some("203.0.113.9".into()),
        nas_port: Some(9),
    }
}

#[track_caller]
fn wait_for_end(verifier: &Verifier, id: u64, expected: EndOutcome) {
    let start = Instant::now();
    loop {
        if let Some((_, outcome)) = verifier.ended().iter().find(|(ended, _)| *ended == id) {
            return assert_eq!(*outcome, expected);
        }
        assert!(start.elapsed() < PATIENCE, "nothing became of it");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn session_is_ended_and_what_became_of_it_is_told() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let nas = Nas::new();
    let _daemon = Daemon::start_ready(&place, &nas.settings());
    for (id, code, cause, expected) in [
        (1, Code::DISCONNECT_ACK, None, EndOutcome::Ended),
        (2, Code::DISCONNECT_NAK, Some(503), EndOutcome::Gone),
        (3, Code::DISCONNECT_NAK, Some(406), EndOutcome::Unsupported),
        (
            4,
            Code::DISCONNECT_NAK,
            Some(501),
            EndOutcome::Refused(Some(501)),
        ),
    ] {
        verifier.order(order(id));
        let (request, from) = nas.receive();
        let packet = Packet::parse(&request).unwrap();
        let session = packet.first(AttributeType::ACCT_SESSION_ID).unwrap();
        assert_eq!(session.text(), Some(format!("session-{id}").as_str()));
        nas.reply(&request, from, code, cause);
        if cause == Some(503) {
            // Perhaps one of the attributes did not fit: the session is asked for by name.
            let (request, from) = nas.receive();
            nas.reply(&request, from, code, cause);
        }
        wait_for_end(&verifier, id, expected);
    }
}

/// RFC 5176 section 2.3: the same octets, so that a NAS can answer the copy as it did the first.
#[test]
fn disconnect_is_sent_again_unchanged_until_it_is_answered() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let nas = Nas::new();
    let _daemon = Daemon::start_ready(&place, &nas.settings());
    verifier.order(order(7));
    let (first, from) = nas.receive();
    let start = Instant::now();
    // Who does not know the secret ends nothing.
    let stranger = Nas {
        secret: Secret::new(*b"of somebody else").unwrap(),
        socket: nas.socket.try_clone().unwrap(),
    };
    stranger.reply(&first, from, Code::DISCONNECT_ACK, None);
    let (again, same) = nas.receive();
    assert!(start.elapsed() > Duration::from_millis(1_500));
    assert_eq!((&again, same), (&first, from));
    assert!(verifier.ended().is_empty());
    nas.reply(&again, from, Code::DISCONNECT_ACK, None);
    wait_for_end(&verifier, 7, EndOutcome::Ended);
}

#[test]
fn attribute_that_a_gateway_does_not_know_is_left_out_the_next_time() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let nas = Nas::new();
    let _daemon = Daemon::start_ready(&place, &nas.settings());
    verifier.order(order(8));
    let (first, from) = nas.receive();
    nas.reply(&first, from, Code::DISCONNECT_NAK, Some(401));
    let (second, from) = nas.receive();
    assert!(second.len() < first.len());
    nas.reply(&second, from, Code::DISCONNECT_ACK, None);
    wait_for_end(&verifier, 8, EndOutcome::Ended);
}

#[test]
fn nothing_is_sent_to_strangers_nor_where_it_is_off() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let nas = Nas::new();
    let text = nas.settings()
        + "[[radius.client]]\nname = \"quiet\"\naddress = [\"192.0.2.1\"]\n\
           disconnect = { enabled = false }\nsecret = \"another secret, 16 octets at least\"\n";
    let mut daemon = Daemon::start_ready(&place, &text);
    for (id, client, from) in [
        (1, "nobody", "127.0.0.1"),
        (2, "vpn", "198.51.100.7"),
        (3, "vpn", "not an address"),
        (4, "quiet", "192.0.2.1"),
    ] {
        verifier.order(Order {
            client: client.into(),
            from: from.into(),
            ..order(id)
        });
        wait_for_end(&verifier, id, EndOutcome::NotSent);
    }
    daemon.signal(rustix::process::Signal::USR1);
    let line = daemon.wait_for_line("since the start");
    assert!(line.contains("disconnect-not-sent=4"), "{line}");
    assert!(!line.contains("disconnect-sent="), "{line}");
}
