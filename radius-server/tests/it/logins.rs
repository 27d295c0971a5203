//! What gateways see when all is well.

use std::time::{Duration, Instant};

use sekisho_radius_protocol::packet::PacketWriter;
use sekisho_radius_protocol::request::access_request;
use sekisho_radius_protocol::{AttributeType, Code, Secret};
use sekisho_verifier_socket::Door;

use crate::daemon::{Daemon, PATIENCE, Place, settings};
use crate::gateway::{Gateway, Request, SECRET};
use crate::verifier::{Manner, RIGHT};

fn both_families() -> String {
    settings().replace("\"127.0.0.1:0\"", "\"127.0.0.1:0\", \"[::1]:0\"")
}

#[test]
fn right_code_is_accepted_over_ipv4_and_ipv6() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &both_families());
    for &address in &daemon.addresses {
        let mut gateway = Gateway::new(address);
        assert_eq!(gateway.login("hanako", RIGHT), Some(Code::ACCESS_ACCEPT));
    }
    assert_eq!(verifier.tries()["hanako"], 2);
}

#[test]
fn verifier_is_told_who_and_where() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let gateway = Gateway::new(daemon.address());
    let secret = Secret::new(SECRET.as_bytes()).unwrap();
    let mut buffer = [0; 512];
    let mut writer = access_request(&mut buffer, 1, &[9; 16]).unwrap();
    for (kind, value) in [
        (AttributeType::USER_NAME, &b"Hanako@EXAMPLE"[..]),
        (AttributeType::CALLING_STATION_ID, b"203.0.113.9"),
        (AttributeType::NAS_PORT_ID, b"ssl.root"),
        (AttributeType::NAS_IDENTIFIER, b"not-who-it-says"),
    ] {
        writer.attribute(kind, value).unwrap();
    }
    writer.user_password(&secret, b"00 12\x0034").unwrap();
    let length = writer.seal(&secret);
    gateway.send(&buffer[..length]);
    let start = Instant::now();
    while verifier.attempts().is_empty() {
        assert!(start.elapsed() < PATIENCE);
    }
    let attempt = &verifier.attempts()[0];
    assert_eq!(attempt.account, "Hanako@EXAMPLE");
    let sekisho_verifier_socket::Answer::Code(code) = &attempt.answer else {
        panic!("{attempt:?}");
    };
    assert_eq!(code.expose(), b"00 12\x0034");
    assert_eq!(attempt.place.door, Door::Radius);
    assert_eq!(attempt.place.name, "vpn");
    assert_eq!(attempt.place.remote.as_deref(), Some("203.0.113.9"));
    assert_eq!(attempt.place.terminal.as_deref(), Some("ssl.root"));
}

#[test]
fn reject_waits_its_second_and_nobody_waits_with_it() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut guesser = Gateway::new(daemon.address());
    guesser.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let wrong = guesser.request("mallory", "000000");
    let sent = Instant::now();
    guesser.send(&wrong.octets);

    let mut gateway = Gateway::new(daemon.address());
    for _ in 0..50 {
        assert_eq!(gateway.login("hanako", RIGHT), Some(Code::ACCESS_ACCEPT));
    }
    assert!(
        sent.elapsed() < Duration::from_millis(900),
        "fifty logins took {:?}",
        sent.elapsed()
    );

    let reply = guesser.receive().unwrap();
    assert_eq!(guesser.check(&wrong, &reply), Code::ACCESS_REJECT);
    assert!(sent.elapsed() >= Duration::from_secs(1));
    assert!(sent.elapsed() < Duration::from_secs(2));
}

#[test]
fn reject_delays_differ() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..20 {
        let wrong = gateway.request("mallory", "000000");
        gateway.send(&wrong.octets);
    }
    gateway.receive().unwrap();
    let first = Instant::now();
    for _ in 1..20 {
        gateway.receive().unwrap();
    }
    // Twenty draws from a quarter of a second.
    assert!(first.elapsed() > Duration::from_millis(50));
}

/// Reply lost, held back, or on its way: a retransmission is judged once.
#[test]
fn p11_retransmissions_get_identical_octets_and_are_judged_once() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    gateway
        .socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    for (account, code) in [("hanako", RIGHT), ("mallory", "000000")] {
        let request = gateway.request(account, code);
        for _ in 0..3 {
            gateway.send(&request.octets);
        }
        let first = gateway.receive().unwrap();
        gateway.check(&request, &first);
        // Of the three, those that came while there was no reply yet are ignored.
        while let Some(again) = gateway.receive() {
            assert_eq!(again, first);
        }
        gateway.send(&request.octets);
        assert_eq!(gateway.receive().unwrap(), first);
        assert_eq!(verifier.tries()[account], 1);
    }
}

/// FreeRADIUS leaves the receive buffer as the system has it: a burst of 256 loses 63.
#[test]
fn p17_burst_of_1024_is_answered_without_a_loss() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut burst: Vec<(Gateway, Vec<Request>)> = (0..4)
        .map(|_| {
            let mut gateway = Gateway::new(daemon.address());
            let requests = (0..256).map(|_| gateway.request("hanako", RIGHT)).collect();
            (gateway, requests)
        })
        .collect();
    let start = Instant::now();
    for at in 0..256 {
        for (gateway, requests) in &burst {
            gateway.send(&requests[at].octets);
        }
    }
    let sent = start.elapsed();
    let mut answered = 0;
    for (gateway, requests) in &mut burst {
        let mut open: Vec<Option<Request>> = vec![None; 256];
        for request in requests.drain(..) {
            let at = usize::from(request.identifier);
            open[at] = Some(request);
        }
        while let Some(reply) = gateway.receive() {
            let request = open[usize::from(reply[1])].take().expect("one reply each");
            assert_eq!(gateway.check(&request, &reply), Code::ACCESS_ACCEPT);
            answered += 1;
            if open.iter().all(Option::is_none) {
                break;
            }
        }
    }
    println!("sent in {sent:?}, answered in {:?}", start.elapsed());
    assert_eq!(answered, 1024);
    assert_eq!(verifier.tries()["hanako"], 1024);
}

/// A method that is off must not burn a code.
#[test]
fn chap_is_rejected_and_the_verifier_hears_nothing_of_it() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let gateway = Gateway::new(daemon.address());
    gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let secret = Secret::new(SECRET.as_bytes()).unwrap();
    let mut buffer = [0; 512];
    let authenticator = [3; 16];
    let mut writer = access_request(&mut buffer, 1, &authenticator).unwrap();
    writer
        .attribute(AttributeType::USER_NAME, b"hanako")
        .unwrap();
    writer
        .attribute(AttributeType::CHAP_PASSWORD, &[7; 17])
        .unwrap();
    let length = writer.seal(&secret);
    let sent = Instant::now();
    gateway.send(&buffer[..length]);
    let reply = gateway.receive().unwrap();
    assert!(
        sent.elapsed() >= Duration::from_secs(1),
        "its time must not tell it from other rejects"
    );
    let request = Request {
        octets: Vec::new(),
        identifier: 1,
        authenticator,
    };
    assert_eq!(gateway.check(&request, &reply), Code::ACCESS_REJECT);
    assert!(verifier.attempts().is_empty());
}

/// On a socket for all addresses the reply must leave from the address that was asked.
#[test]
fn reply_comes_from_the_address_that_was_asked() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let listen = settings().replace("\"127.0.0.1:0\"", "\"0.0.0.0:0\", \"[::]:0\"");
    let daemon = Daemon::start(&place, &listen);
    let (v4, v6) = (daemon.addresses[0].port(), daemon.addresses[1].port());
    let mut ready = Gateway::new(([127, 0, 0, 1], v4).into());
    let start = Instant::now();
    while ready.status_server().is_none() {
        assert!(start.elapsed() < PATIENCE);
    }
    for server in [
        format!("127.0.0.1:{v4}"),
        format!("127.0.0.5:{v4}"),
        format!("127.99.0.1:{v4}"),
        format!("[::1]:{v6}"),
    ] {
        let mut gateway = Gateway::new(server.parse().unwrap());
        for _ in 0..3 {
            assert_eq!(
                gateway.login("hanako", RIGHT),
                Some(Code::ACCESS_ACCEPT),
                "{server}"
            );
        }
    }
}

#[test]
fn request_without_message_authenticator_is_taken_only_where_the_settings_say_so() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let both = settings()
        + "[[radius.client]]\nname = \"old\"\naddress = [\"127.0.0.2\"]\n\
           message-authenticator = \"off\"\nsecret = \"another secret, 16 octets at least\"\n";
    let mut daemon = Daemon::start_ready(&place, &both);
    daemon.wait_for_line("client old: requests without message-authenticator are taken");
    for (from, secret, expected) in [
        ("127.0.0.1:0", SECRET, false),
        ("127.0.0.2:0", "another secret, 16 octets at least", true),
    ] {
        let gateway = Gateway::at(from, daemon.address(), secret);
        let secret = Secret::new(secret.as_bytes()).unwrap();
        let mut buffer = [0; 512];
        let mut writer =
            PacketWriter::request(&mut buffer, Code::ACCESS_REQUEST, 1, &[4; 16]).unwrap();
        writer
            .attribute(AttributeType::USER_NAME, b"hanako")
            .unwrap();
        writer.user_password(&secret, RIGHT.as_bytes()).unwrap();
        let length = writer.seal(&secret);
        gateway.send(&buffer[..length]);
        assert_eq!(gateway.receive().is_some(), expected, "{from}");
    }
}
