//! Verifier away, slow or odd; strangers; nonsense.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sekisho_radius_protocol::Code;

use crate::daemon::{Daemon, PATIENCE, Place, settings};
use crate::gateway::Gateway;
use crate::verifier::{Manner, RIGHT};

#[test]
fn without_a_verifier_there_is_silence_and_with_it_the_same_packet_is_answered() {
    let place = Place::new();
    let mut daemon = Daemon::start(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    gateway.send(&request.octets);
    assert_eq!(gateway.receive(), None);
    assert_eq!(gateway.status_server(), None);
    daemon.wait_for_line("verifier away");

    let verifier = place.verifier(Manner::Judge);
    let start = Instant::now();
    let reply = loop {
        gateway.send(&request.octets);
        if let Some(reply) = gateway.receive() {
            break reply;
        }
        assert!(start.elapsed() < PATIENCE);
    };
    assert_eq!(gateway.check(&request, &reply), Code::ACCESS_ACCEPT);
    assert_eq!(verifier.tries()["hanako"], 1);
    daemon.wait_for_line("verifier answers again");

    verifier.stop();
    assert_eq!(gateway.login("hanako", RIGHT), None);
    gateway.send(&request.octets);
    assert_eq!(
        gateway.receive(),
        Some(reply),
        "what was answered stays answered"
    );
}

#[test]
fn connection_lost_with_open_attempts_leaves_nothing_behind() {
    let place = Place::new();
    let silent = place.verifier(Manner::Silent);
    let mut daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    gateway.send(&request.octets);
    let start = Instant::now();
    while silent.attempts().is_empty() {
        assert!(start.elapsed() < PATIENCE);
    }
    silent.stop();
    daemon.wait_for_line("verifier away");
    let while_away = gateway.request("taro", RIGHT);
    gateway.send(&while_away.octets);
    assert_eq!(gateway.receive(), None);

    let verifier = place.verifier(Manner::Judge);
    let reply = loop {
        gateway.send(&request.octets);
        if let Some(reply) = gateway.receive() {
            break reply;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    };
    assert_eq!(gateway.check(&request, &reply), Code::ACCESS_ACCEPT);
    assert!(
        !verifier.tries().contains_key("taro"),
        "nothing is kept for later"
    );
}

/// None of these is a verdict, so none of them may become a reply.
#[test]
fn reply_that_is_none_is_met_with_silence() {
    for manner in [
        Manner::Unavailable,
        Manner::WrongAccount,
        Manner::WrongId,
        Manner::CutShort,
        Manner::Garbage,
    ] {
        let place = Place::new();
        let verifier = place.verifier(manner);
        let daemon = Daemon::start_ready(&place, &settings());
        let mut gateway = Gateway::new(daemon.address());
        gateway
            .socket
            .set_read_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        assert_eq!(gateway.login("hanako", RIGHT), None, "{manner:?}");
        assert_eq!(verifier.tries()["hanako"], 1, "{manner:?}");
        verifier.behave(Manner::Judge);
        let start = Instant::now();
        while gateway.login("hanako", RIGHT) != Some(Code::ACCESS_ACCEPT) {
            assert!(start.elapsed() < PATIENCE, "{manner:?}");
        }
    }
}

#[test]
fn verifier_that_says_nothing_is_given_up_after_three_seconds() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Silent);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    let start = Instant::now();
    gateway.send(&request.octets);
    while start.elapsed() < Duration::from_millis(2_000) {
        gateway.send(&request.octets);
        assert_eq!(gateway.receive(), None);
    }
    assert_eq!(verifier.tries()["hanako"], 1, "duplicates are not judged");
    verifier.behave(Manner::Judge);
    while start.elapsed() < Duration::from_millis(3_500) {
        std::thread::sleep(Duration::from_millis(50));
    }
    gateway.send(&request.octets);
    let reply = gateway.receive().expect("it is asked afresh");
    assert_eq!(gateway.check(&request, &reply), Code::ACCESS_ACCEPT);
    assert_eq!(verifier.tries()["hanako"], 2);
}

/// A gateway must learn that this server is of no use, and try the next one.
#[test]
fn status_server_gets_no_answer_while_the_verifier_is_there_and_says_nothing() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    verifier.behave(Manner::Dead);
    let start = Instant::now();
    while gateway.status_server().is_some() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(gateway.status_server(), None);
}

/// The one who keeps the decisions is stuck, and the rest of the verifier is not.
#[test]
fn status_server_gets_no_answer_after_a_login_got_none() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Silent);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    gateway.send(&request.octets);
    std::thread::sleep(Duration::from_millis(3_200));
    assert_eq!(gateway.status_server(), None);
    verifier.behave(Manner::Judge);
    let start = Instant::now();
    while gateway.login("hanako", RIGHT).is_none() {
        assert!(start.elapsed() < PATIENCE);
    }
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(gateway.status_server(), Some(Code::ACCESS_ACCEPT));
}

/// LinOTP: a race over shared state logged the wrong user in. Here hundreds of logins of many
/// users are open at a time, and each reply must be the one to its own request.
#[test]
fn r17_replies_of_concurrent_users_are_never_exchanged() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let at_once = settings().replace("reject-delay-ms = 1000", "reject-delay-ms = 0");
    let daemon = Daemon::start_ready(&place, &at_once);
    let mut gateways: Vec<Gateway> = (0..8).map(|_| Gateway::new(daemon.address())).collect();
    for round in 0..10 {
        let mut open = Vec::new();
        for gateway in &mut gateways {
            for n in 0..64 {
                let is_right = (n * 7 + round) % 3 == 0;
                let code = if is_right { RIGHT } else { "000000" };
                let request = gateway.request(&format!("user-{n}"), code);
                gateway.send(&request.octets);
                open.push((request, is_right));
            }
        }
        for (gateway, sent) in gateways.iter().zip(open.chunks(64)) {
            for _ in 0..64 {
                let reply = gateway.receive().expect("a reply to each");
                let (request, is_right) = sent
                    .iter()
                    .find(|(request, _)| request.identifier == reply[1])
                    .expect("one of ours");
                let is_accepted = gateway.check(request, &reply) == Code::ACCESS_ACCEPT;
                assert_eq!(is_accepted, *is_right);
            }
        }
    }
    assert_eq!(verifier.attempts().len(), 10 * 8 * 64);
}

/// FreeRADIUS with more live pairs of port and Identifier than its limit loses packets and falls
/// from 42,000/s to 1,639/s.
#[test]
fn p10_128_sockets_with_256_identifiers_are_all_answered() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let small = settings().replace("[radius]", "[radius]\nduplicate-entries = 16384");
    let daemon = Daemon::start_ready(&place, &small);
    let mut gateways: Vec<Gateway> = (0..128).map(|_| Gateway::new(daemon.address())).collect();
    for _ in 0..32 {
        for gateway in &mut gateways {
            for _ in 0..8 {
                let request = gateway.request("hanako", RIGHT);
                gateway.send(&request.octets);
            }
        }
        for gateway in &gateways {
            for _ in 0..8 {
                assert!(gateway.receive().is_some(), "a reply to each");
            }
        }
    }
}

#[test]
fn secret_follows_the_source_address_with_the_longest_match() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let two = settings()
        + "[[radius.client]]\nname = \"other\"\naddress = [\"127.0.0.2\"]\n\
           secret = \"another secret, 16 octets at least\"\n";
    let daemon = Daemon::start_ready(&place, &two);
    let general = crate::gateway::SECRET;
    let special = "another secret, 16 octets at least";
    for (from, secret, expected) in [
        ("127.0.0.2:0", special, Some(Code::ACCESS_ACCEPT)),
        ("127.0.0.2:0", general, None),
        ("127.0.0.3:0", general, Some(Code::ACCESS_ACCEPT)),
        ("127.0.0.3:0", special, None),
    ] {
        let mut gateway = Gateway::at(from, daemon.address(), secret);
        assert_eq!(gateway.login("hanako", RIGHT), expected, "{from}");
    }
}

#[test]
fn strangers_and_nonsense_get_silence_a_count_and_one_line_at_most() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let narrow = settings().replace("127.0.0.0/8", "127.0.0.1");
    let mut daemon = Daemon::start_ready(&place, &narrow);
    let before = daemon.lines().len();

    let mut stranger = Gateway::at("127.0.0.9:0", daemon.address(), crate::gateway::SECRET);
    assert_eq!(stranger.login("hanako", RIGHT), None);
    let mut gateway = Gateway::new(daemon.address());
    let good = gateway.request("hanako", RIGHT).octets;
    for length in 0..good.len() {
        gateway.send(&good[..length]);
        stranger.send(&good[..length]);
    }
    let mut forged = good.clone();
    forged[30] ^= 1;
    gateway.send(&forged);
    gateway.send(&[0xff; 4096]);
    gateway.send(&[0x01; 9000]);
    assert_eq!(gateway.receive(), None);
    assert!(verifier.attempts().is_empty());
    // What is wrong with a Message-Authenticator is a wrong secret, as often as not.
    let line = daemon.wait_for_line("client vpn: wrong-message-authenticator: no answer");
    assert!(line.starts_with("warning: "), "{line}");
    for _ in 0..100 {
        gateway.send(&forged);
    }
    assert_eq!(gateway.receive(), None);
    assert_eq!(daemon.lines().len(), before + 1, "{:?}", daemon.lines());

    gateway.send(&good);
    assert!(gateway.receive().is_some(), "and the daemon lives");
    daemon.signal(Signal::USR1);
    let line = daemon.wait_for_line("since the start");
    for part in [
        "dropped-unknown-client=",
        "dropped-malformed=",
        "dropped-wrong-message-authenticator=101",
        "accepted=1",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
