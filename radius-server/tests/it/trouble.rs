//! Verifier away, slow or odd; strangers; nonsense.

use std::time::{Duration, Instant};

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
fn strangers_and_nonsense_get_silence_a_count_and_no_line() {
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
    assert_eq!(daemon.lines().len(), before, "{:?}", daemon.lines());

    gateway.send(&good);
    assert!(gateway.receive().is_some(), "and the daemon lives");
    daemon.signal("USR1");
    let line = daemon.wait_for_line("since the start");
    for part in [
        "dropped-unknown-client=",
        "dropped-malformed=",
        "dropped-wrong-message-authenticator=1",
        "accepted=1",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
