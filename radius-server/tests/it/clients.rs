//! What is set for each client, and what is told of it.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sekisho_radius_protocol::{AttributeType, Code, Packet};
use sekisho_verifier_socket::Accepted;
use sekisho_verifier_socket::radius::ClientSeen;

use crate::daemon::{Daemon, PATIENCE, Place, refused, settings, settings_with};
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
                disconnect = { secret = \"short\" }\n";
    let quirky = another("quirks = [\"omit-message-authenticator\"]");
    let mut daemon = Daemon::start(&place, &(settings() + more + &quirky));
    for part in [
        "client vpn: ms-chap-v2 is on",
        "client vpn: eap-gtc is on",
        "client other: replies go out without message-authenticator",
        "client vpn: the secret for disconnect",
    ] {
        daemon.wait_for_line(part);
    }
}

/// The values of all attributes of one type in an accept.
fn values(reply: &[u8], kind: AttributeType) -> Vec<String> {
    let packet = Packet::parse(reply).expect("a packet");
    packet
        .all(kind)
        .map(|attribute| String::from_utf8_lossy(attribute.value).into_owned())
        .collect()
}

fn reply(attribute: &str, value: &str, groups: &str) -> String {
    format!(
        "[[radius.client.reply]]\nattribute = \"{attribute}\"\nvalue = \"{value}\"\n\
         groups = [{groups}]\n"
    )
}

const FILTER_ID: AttributeType = AttributeType(11);
const PLANT_VPN_ENG: &[&str] = &["plant", "vpn-eng"];

fn accepted() -> Accepted {
    Accepted {
        account: "hanako".into(),
        groups: PLANT_VPN_ENG.iter().map(|&group| group.into()).collect(),
        attributes: vec![("room".into(), "b4".into())],
        ms_chap: None,
    }
}

#[test]
fn accept_carries_what_the_account_and_its_groups_give_and_a_reject_nothing() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    verifier.accept_with(accepted());
    let text = settings()
        + &reply("Class", "OU={group};", "\"vpn*\"")
        + &reply(
            "Filter-Id",
            "{account}/{attribute:room}/{attribute:floor}",
            "",
        )
        + &reply("Reply-Message", "{attribute:nothing}", "")
        + &reply("26.12356.1", "staff", "\"nobody\"")
        + "[radius.group.plant]\nfloor = \"2\"\nroom = \"c1\"\n";
    let daemon = Daemon::start_ready(&place, &text);
    let mut gateway = Gateway::new(daemon.address());
    gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = gateway.request("HANAKO", RIGHT);
    let (code, accept) = gateway.ask(&request).unwrap();
    assert_eq!(code, Code::ACCESS_ACCEPT);
    assert_eq!(values(&accept, AttributeType::CLASS), ["OU=vpn-eng;"]);
    assert_eq!(values(&accept, FILTER_ID), ["hanako/b4/2"]);
    assert!(values(&accept, AttributeType::REPLY_MESSAGE).is_empty());
    assert!(values(&accept, AttributeType::VENDOR_SPECIFIC).is_empty());
    let request = gateway.request("hanako", "000000");
    let (code, reject) = gateway.ask(&request).unwrap();
    assert_eq!(code, Code::ACCESS_REJECT);
    assert!(values(&reject, FILTER_ID).is_empty());
}

/// An accept without the attributes that groups give could be one with more rights.
#[test]
fn login_whose_groups_can_not_be_had_gets_silence_and_is_asked_again_when_it_comes_again() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    verifier.accept_with(accepted());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let text = settings()
        + "groups = [\"store\", \"ldap\"]\n"
        + &reply("Class", "{group}", "")
        + &format!(
            "[radius.ldap]\nservers = [\"ldap://127.0.0.1:{port}\"]\nstart-tls = false\n\
             allow-plain = true\nuser-dn = \"uid={{account}},dc=example\"\n\
             bind-dn = \"cn=searcher,dc=example\"\nbind-password = \"of the searcher\"\n"
        );
    let mut daemon = Daemon::start_ready(&place, &text);
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    gateway.send(&request.octets);
    daemon.wait_for_line("client vpn: groups-unavailable: no answer");
    assert_eq!(gateway.receive(), None);
    gateway.send(&request.octets);
    let start = Instant::now();
    while verifier.attempts().len() < 2 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    let attempts = verifier.attempts();
    assert_eq!(
        attempts[0], attempts[1],
        "the verifier can tell that it is the same"
    );
}

#[test]
fn groups_of_the_system_come_with_the_accept() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    verifier.accept_with(Accepted {
        account: "root".into(),
        ..accepted()
    });
    let text = settings() + "groups = [\"unix\", \"store\"]\n" + &reply("Class", "{group}", "");
    let daemon = Daemon::start_ready(&place, &text);
    let mut gateway = Gateway::new(daemon.address());
    gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = gateway.request("root", RIGHT);
    let (_, accept) = gateway.ask(&request).unwrap();
    let classes = values(&accept, AttributeType::CLASS);
    assert!(classes.contains(&"root".into()), "{classes:?}");
    assert!(
        classes.ends_with(&["plant".into(), "vpn-eng".into()]),
        "{classes:?}"
    );
}

#[test]
fn attribute_that_no_dictionary_knows_is_refused_with_file_line_and_client() {
    let place = Place::new();
    let text = settings() + &reply("Frobnicate", "1", "");
    let complaint = refused(&place, &text);
    assert!(
        complaint.contains("sekisho.toml:9: client vpn: reply Frobnicate"),
        "{complaint}"
    );

    let dictionary = place.folder.path().join("dictionary.own");
    std::fs::write(&dictionary, "ATTRIBUTE Frobnicate 200 integer\n").unwrap();
    let with = text.replace(
        "[radius]\n",
        &format!("[radius]\ndictionary = [\"{}\"]\n", dictionary.display()),
    );
    let _verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &with);
    let mut gateway = Gateway::new(daemon.address());
    let request = gateway.request("hanako", RIGHT);
    let (_, accept) = gateway.ask(&request).unwrap();
    let packet = Packet::parse(&accept).unwrap();
    let found = packet.first(AttributeType(200)).unwrap();
    assert_eq!(found.value, [0, 0, 0, 1]);
}
