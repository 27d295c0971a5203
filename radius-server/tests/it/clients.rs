//! What is set for each client, and what is told of it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sekisho_radius_protocol::{AttributeType, Code};
use sekisho_verifier_socket::radius::ClientSeen;

use crate::daemon::{Daemon, PATIENCE, Place, settings, settings_with};
use crate::gateway::Gateway;
use crate::verifier::{Manner, RIGHT, Verifier};

const OTHER: &str = "another secret, 16 octets at least";

fn another(more: &str) -> String {
    format!(
        "[[radius.client]]\nname = \"other\"\naddress = [\"127.0.0.2\"]\n\
         secret = \"{OTHER}\"\n{more}\n"
    )
}

#[test]
fn each_client_has_its_reject_delay() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let text = settings() + &another("reject-delay-ms = 200");
    let daemon = Daemon::start_ready(&place, &text);
    let slow = Gateway::new(daemon.address());
    let quick = Gateway::at("127.0.0.2:0", daemon.address(), OTHER);
    for (mut gateway, least, most) in [(slow, 1_000, 2_000), (quick, 200, 900)] {
        gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let sent = Instant::now();
        assert_eq!(gateway.login("hanako", "000000"), Some(Code::ACCESS_REJECT));
        let took = sent.elapsed();
        assert!(took >= Duration::from_millis(least), "{took:?}");
        assert!(took < Duration::from_millis(most), "{took:?}");
    }
}

#[test]
fn client_over_its_rate_gets_silence_and_others_do_not_notice() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let text = settings() + &another("requests-per-second = 2");
    let mut daemon = Daemon::start_ready(&place, &text);
    let mut wild = Gateway::at("127.0.0.2:0", daemon.address(), OTHER);
    for _ in 0..50 {
        let request = wild.request("hanako", RIGHT);
        wild.send(&request.octets);
    }
    let mut gateway = Gateway::new(daemon.address());
    for _ in 0..20 {
        assert_eq!(gateway.login("taro", RIGHT), Some(Code::ACCESS_ACCEPT));
    }
    let answered = std::iter::from_fn(|| wild.receive()).count();
    assert!((4..=6).contains(&answered), "{answered}");
    daemon.wait_for_line("client other: over-the-rate");
    daemon.signal(Signal::USR1);
    let line = daemon.wait_for_line("since the start");
    assert!(line.contains("dropped-over-the-rate="), "{line}");
}

#[test]
fn only_the_nas_of_the_settings_is_answered() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let with = settings_with("", "nas-identifier = [\"gate-1\"]");
    let mut daemon = Daemon::start_ready(&place, &with);
    let mut gateway = Gateway::new(daemon.address());
    for (name, expected) in [("gate-1", true), ("gate-2", false)] {
        let nas = (AttributeType::NAS_IDENTIFIER, name.as_bytes());
        let request = gateway.request_with("hanako", RIGHT, &[nas]);
        assert_eq!(gateway.ask(&request).is_some(), expected, "{name}");
    }
    daemon.wait_for_line("client vpn: nas-identifier");
}

#[test]
fn quirks_strip_what_they_say_and_nothing_more() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let text = settings() + &another("quirks = [\"strip-realm\", \"strip-domain\"]");
    let daemon = Daemon::start_ready(&place, &text);
    let mut plain = Gateway::new(daemon.address());
    let mut quirky = Gateway::at("127.0.0.2:0", daemon.address(), OTHER);
    for name in [r"CORP\hanako", "hanako@corp.example"] {
        assert_eq!(plain.login(name, RIGHT), Some(Code::ACCESS_ACCEPT));
        assert_eq!(quirky.login(name, RIGHT), Some(Code::ACCESS_ACCEPT));
    }
    let accounts: Vec<String> = verifier.attempts().into_iter().map(|a| a.account).collect();
    let expected = [r"CORP\hanako", "hanako", "hanako@corp.example", "hanako"];
    assert_eq!(accounts, expected);
}

#[track_caller]
fn wait_for_seen(verifier: &Verifier, client: &str) -> ClientSeen {
    let start = Instant::now();
    loop {
        if let Some(seen) = verifier.seen(client) {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What is told at the end is all there is.
#[test]
fn verifier_is_told_what_each_client_was_seen_to_send() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let text = settings() + &another("message-authenticator = \"off\"\nreject-delay-ms = 0");
    let mut daemon = Daemon::start_ready(&place, &text);
    let mut gateway = Gateway::at("127.0.0.2:0", daemon.address(), OTHER);
    let right = gateway.request("hanako", RIGHT);
    for _ in 0..2 {
        gateway.send(&right.octets);
        assert!(gateway.receive().is_some());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(gateway.login("hanako", "000000"), Some(Code::ACCESS_REJECT));
    let chap = gateway.access_request(|writer, _| {
        writer
            .attribute(AttributeType::USER_NAME, b"hanako")
            .unwrap();
        writer
            .attribute(AttributeType::CHAP_PASSWORD, &[1; 17])
            .unwrap();
    });
    assert_eq!(gateway.ask(&chap).unwrap().0, Code::ACCESS_REJECT);
    let mut forged = gateway.request("hanako", RIGHT).octets;
    forged[30] ^= 1;
    gateway.send(&forged);
    daemon.wait_for_line("client other: wrong-message-authenticator: no answer");
    daemon.signal(Signal::TERM);
    let seen = wait_for_seen(&verifier, "other");
    assert_eq!(seen.methods, ["pap", "chap"], "also what is off");
    assert_eq!(seen.with_message_authenticator, 3);
    assert_eq!(seen.without_message_authenticator, 0);
    assert_eq!((seen.accepts, seen.rejects), (1, 2));
    assert_eq!(seen.retransmissions, 1);
    assert!(
        seen.retry_ms_min
            .is_some_and(|ms| (45..5_000).contains(&ms))
    );
    assert_eq!(seen.retry_ms_min, seen.retry_ms_max);
    assert_eq!(seen.dropped, 1);
    assert_eq!(
        seen.last_drop.as_deref(),
        Some("wrong-message-authenticator")
    );
    assert!(seen.last_accept_ms <= seen.last_seen_ms);
    assert_eq!(daemon.end().code(), Some(0));
}

#[test]
fn auto_is_what_the_first_request_makes_of_it() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let text = settings() + &another("message-authenticator = \"auto\"");
    let mut daemon = Daemon::start_ready(&place, &text);
    daemon.wait_for_line("client other: requests without message-authenticator");
    let mut gateway = Gateway::at("127.0.0.2:0", daemon.address(), OTHER);
    assert_eq!(gateway.login("hanako", RIGHT), Some(Code::ACCESS_ACCEPT));
    let bare = gateway.bare_request("hanako", RIGHT);
    gateway.send(&bare.octets);
    assert_eq!(gateway.receive(), None, "it has shown that it can");
    daemon.wait_for_line("client other: no-message-authenticator: no answer");
    daemon.signal(Signal::TERM);
    assert_eq!(
        wait_for_seen(&verifier, "other").auto.as_deref(),
        Some("require")
    );
}

#[test]
fn settings_that_are_not_good_are_warned_about() {
    let place = Place::new();
    let more = "methods = [\"pap\", \"ms-chap-v2\", \"eap-gtc\"]\n\
                quirks = [\"omit-message-authenticator\"]\n\
                disconnect = { secret = \"short\" }\n";
    let mut daemon = Daemon::start(&place, &(settings() + more));
    for part in [
        "client vpn: ms-chap-v2 is on",
        "client vpn: eap-gtc is on",
        "client vpn: replies go out without message-authenticator",
        "client vpn: the secret for disconnect",
    ] {
        daemon.wait_for_line(part);
    }
}
