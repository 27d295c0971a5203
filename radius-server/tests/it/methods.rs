//! Ways to prove a code, and logins in several rounds.

use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use sekisho_radius_protocol::{AttributeType, Code, Packet};
use sekisho_verifier_socket::{Answer, First};

use crate::daemon::{Daemon, PATIENCE, Place, settings, settings_with};
use crate::gateway::{Gateway, Request};
use crate::verifier::{Manner, PASSWORD, RIGHT, RIGHT_RESPONSE};

/// The State of a challenge.
fn state(reply: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(reply).expect("a packet");
    let state = packet.first(AttributeType::STATE).expect("a State");
    state.value.to_vec()
}

fn patient(daemon: &Daemon) -> Gateway {
    let gateway = Gateway::new(daemon.address());
    gateway
        .socket
        .set_read_timeout(Some(PATIENCE))
        .expect("not zero");
    gateway
}

fn second_round(gateway: &mut Gateway, account: &str, code: &str, state: &[u8]) -> Request {
    gateway.request_with(account, code, &[(AttributeType::STATE, state)])
}

#[test]
fn chap_response_reaches_the_verifier_with_the_challenge_it_is_for() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let with = settings_with("", "methods = [\"pap\", \"chap\"]");
    let daemon = Daemon::start_ready(&place, &with);
    let mut gateway = patient(&daemon);
    for (challenge, code, expected) in [
        (
            Some(&b"a challenge of our own"[..]),
            RIGHT,
            Code::ACCESS_ACCEPT,
        ),
        (None, RIGHT, Code::ACCESS_ACCEPT),
        (None, "654321", Code::ACCESS_REJECT),
    ] {
        // Of our requests the Authenticator is known before they are made.
        let probe = gateway.request("hanako", "1");
        let mut next = u64::from_be_bytes(probe.authenticator[..8].try_into().unwrap());
        next += 1;
        let mut authenticator = [0; 16];
        authenticator[..8].copy_from_slice(&next.to_be_bytes());
        let mut digest = Md5::new_with_prefix([5]);
        digest.update(code);
        digest.update(challenge.unwrap_or(&authenticator));
        let response = [&[5][..], &digest.finalize()].concat();
        let request = gateway.access_request(|writer, _| {
            writer
                .attribute(AttributeType::USER_NAME, b"hanako")
                .unwrap();
            writer
                .attribute(AttributeType::CHAP_PASSWORD, &response)
                .unwrap();
            if let Some(challenge) = challenge {
                writer
                    .attribute(AttributeType::CHAP_CHALLENGE, challenge)
                    .unwrap();
            }
        });
        let (answer, _) = gateway.ask(&request).unwrap();
        assert_eq!(answer, expected);
    }
    assert_eq!(verifier.attempts().len(), 3);
}

#[test]
fn ms_chap_v2_is_off_unless_told_and_then_its_accept_carries_keys() {
    const MICROSOFT: u32 = 311;
    let response = [&[1, 0][..], &[4; 16], &[0; 8], &RIGHT_RESPONSE].concat();
    for (methods, expected) in [
        ("methods = [\"pap\"]", Code::ACCESS_REJECT),
        ("methods = [\"ms-chap-v2\"]", Code::ACCESS_ACCEPT),
    ] {
        let place = Place::new();
        let verifier = place.verifier(Manner::Judge);
        let mut daemon = Daemon::start_ready(&place, &settings_with("", methods));
        let mut gateway = patient(&daemon);
        let request = gateway.access_request(|writer, _| {
            let name = br"CORP\hanako";
            writer.attribute(AttributeType::USER_NAME, name).unwrap();
            writer.vendor(MICROSOFT, 11, &[6; 16]).unwrap();
            writer.vendor(MICROSOFT, 25, &response).unwrap();
        });
        let (answer, reply) = gateway.ask(&request).unwrap();
        assert_eq!(answer, expected, "{methods}");
        if answer == Code::ACCESS_REJECT {
            assert!(verifier.attempts().is_empty());
            continue;
        }
        daemon.wait_for_line("client vpn: ms-chap-v2 is on");
        let kinds: Vec<u8> = Packet::parse(&reply)
            .unwrap()
            .vendor(MICROSOFT)
            .map(|attribute| attribute.kind)
            .collect();
        for kind in [26, 16, 17] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        let Answer::MsChapV2 {
            challenge,
            peer_challenge,
            user_name,
            ..
        } = &verifier.attempts()[0].answer
        else {
            panic!("{:?}", verifier.attempts());
        };
        assert_eq!((challenge, peer_challenge), (&[6; 16], &[4; 16]));
        assert_eq!(user_name, b"hanako");
    }
}

#[test]
fn challenge_is_the_same_for_all_and_the_code_is_judged_with_the_password() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let with = settings_with("", "mode = \"challenge\"\nfirst-factor = \"stored\"");
    let daemon = Daemon::start_ready(&place, &with);
    let mut lengths = Vec::new();
    for (password, expected) in [
        (PASSWORD, Code::ACCESS_ACCEPT),
        ("wrong", Code::ACCESS_CHALLENGE),
    ] {
        let mut gateway = patient(&daemon);
        let first = gateway.request("hanako", password);
        let (answer, reply) = gateway.ask(&first).unwrap();
        assert_eq!(answer, Code::ACCESS_CHALLENGE);
        lengths.push(reply.len());
        let packet = Packet::parse(&reply).unwrap();
        let text = packet.first(AttributeType::REPLY_MESSAGE).unwrap();
        assert_eq!(text.text(), Some("Enter your one-time code"));
        let state = state(&reply);

        // The next round comes from another port, and its copy is judged once.
        let mut other = patient(&daemon);
        let second = second_round(&mut other, "hanako", RIGHT, &state);
        let (answer, reply) = other.ask(&second).unwrap();
        assert_eq!(answer, expected);
        let (_, again) = other.ask(&second).unwrap();
        assert_eq!(reply, again);
    }
    assert_eq!(lengths[0], lengths[1]);
    assert_eq!(verifier.passwords().len(), 2);
    let attempts = verifier.attempts();
    assert_eq!(attempts.len(), 2);
    for attempt in &attempts {
        assert!(matches!(attempt.first, Some(First::Ticket(_))));
        assert!(attempt.conversation.is_some() && attempt.correlation.is_some());
    }
    assert_ne!(attempts[0].correlation, attempts[1].correlation);
}

#[test]
fn another_server_with_the_same_keys_goes_on_with_a_conversation() {
    let (one, two) = (Place::new(), Place::new());
    let _first_verifier = one.verifier(Manner::Judge);
    let verifier = two.verifier(Manner::Judge);
    let with = settings_with("", "mode = \"challenge\"");
    let first = Daemon::start_ready(&one, &with);
    let second = Daemon::start_ready(&two, &with);
    let mut gateway = patient(&first);
    let request = gateway.request("hanako", "whatever the gateway has taken");
    let (_, challenge) = gateway.ask(&request).unwrap();
    let state = state(&challenge);
    let mut gateway = patient(&second);
    let request = second_round(&mut gateway, "hanako", RIGHT, &state);
    let (answer, _) = gateway.ask(&request).unwrap();
    assert_eq!(answer, Code::ACCESS_ACCEPT);
    assert_eq!(verifier.attempts()[0].first, None);

    // In another packet: the verifier knows the round.
    let request = second_round(&mut gateway, "hanako", RIGHT, &state);
    let (answer, _) = gateway.ask(&request).unwrap();
    assert_eq!(answer, Code::ACCESS_ACCEPT);
    let attempts = verifier.attempts();
    assert_eq!(attempts[0].conversation, attempts[1].conversation);
    assert_eq!(attempts[0].correlation, attempts[1].correlation);
    assert_ne!(attempts[0].packet, attempts[1].packet);
}

const EAP_REQUEST: u8 = 1;
const EAP_RESPONSE: u8 = 2;
const EAP_SUCCESS: u8 = 3;
const IDENTITY: u8 = 1;
const GTC: u8 = 6;
const MS_CHAP_V2: u8 = 26;

/// One round of EAP: the type and the data of a response; the code and the octets of the reply.
#[track_caller]
fn eap(
    gateway: &mut Gateway,
    identifier: u8,
    kind: u8,
    data: &[u8],
    state: Option<&[u8]>,
) -> (Code, Vec<u8>) {
    let length = 5 + data.len() as u8;
    let response = [&[EAP_RESPONSE, identifier, 0, length, kind], data].concat();
    let request = gateway.access_request(|writer, _| {
        let name = b"hanako";
        writer
            .attribute(AttributeType::USER_NAME, name)
            .expect("room");
        writer
            .attribute(AttributeType::EAP_MESSAGE, &response)
            .expect("room");
        if let Some(state) = state {
            writer.attribute(AttributeType::STATE, state).expect("room");
        }
    });
    gateway.ask(&request).expect("a reply")
}

fn eap_of(reply: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(reply).expect("a packet");
    packet
        .concatenated(AttributeType::EAP_MESSAGE)
        .expect("EAP")
}

#[test]
fn eap_gtc_asks_for_the_code_and_ends_in_success() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &settings_with("", "methods = [\"eap-gtc\"]"));
    daemon.wait_for_line("client vpn: eap-gtc is on");
    let mut gateway = patient(&daemon);
    let (code, asked) = eap(&mut gateway, 1, IDENTITY, b"hanako", None);
    assert_eq!(code, Code::ACCESS_CHALLENGE);
    let request = eap_of(&asked);
    assert_eq!((request[0], request[4]), (EAP_REQUEST, GTC));
    let (code, reply) = eap(
        &mut gateway,
        request[1],
        GTC,
        RIGHT.as_bytes(),
        Some(&state(&asked)),
    );
    assert_eq!(code, Code::ACCESS_ACCEPT);
    assert_eq!(eap_of(&reply)[0], EAP_SUCCESS);
    assert!(verifier.attempts()[0].conversation.is_some());
}

/// The peer takes its time to acknowledge, and the verifier is asked again whether it may come in.
#[test]
fn eap_ms_chap_v2_lets_in_when_the_peer_has_acknowledged_and_counts_once() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let more = "methods = [\"eap-ms-chap-v2\"]\n[[radius.client.reply]]\n\
                attribute = \"Class\"\nvalue = \"{account}\"";
    let mut daemon = Daemon::start_ready(&place, &settings_with("", more));
    let mut gateway = patient(&daemon);
    let (_, asked) = eap(&mut gateway, 1, IDENTITY, b"hanako", None);
    let request = eap_of(&asked);
    assert_eq!(request[4], MS_CHAP_V2);
    let value = [&[4; 16][..], &[0; 8], &RIGHT_RESPONSE, &[0]].concat();
    let response = [&[2, request[1], 0, 60, 49][..], &value, b"hanako"].concat();
    let (code, shown) = eap(
        &mut gateway,
        request[1],
        MS_CHAP_V2,
        &response,
        Some(&state(&asked)),
    );
    assert_eq!(code, Code::ACCESS_CHALLENGE);
    let packet = Packet::parse(&shown).unwrap();
    assert!(packet.first(AttributeType::CLASS).is_none());
    let request = eap_of(&shown);
    let (code, reply) = eap(
        &mut gateway,
        request[1],
        MS_CHAP_V2,
        &[3],
        Some(&state(&shown)),
    );
    assert_eq!(code, Code::ACCESS_ACCEPT);
    assert_eq!(eap_of(&reply)[0], EAP_SUCCESS);
    let packet = Packet::parse(&reply).unwrap();
    let class = packet.first(AttributeType::CLASS).unwrap();
    assert_eq!(class.text(), Some("hanako"));
    assert_eq!(
        packet
            .vendor(311)
            .filter(|key| matches!(key.kind, 16 | 17))
            .count(),
        2
    );

    let attempts = verifier.attempts();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].answer, attempts[1].answer);
    assert_eq!(attempts[0].correlation, attempts[1].correlation);
    daemon.signal(rustix::process::Signal::USR1);
    let line = daemon.wait_for_line("since the start");
    for part in [" accepted=1", "accepted-not-acknowledged=1"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn wrong_code_gets_a_new_challenge_until_the_rounds_are_used_up() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let with = settings_with(
        "challenge-rounds = 2",
        "mode = \"challenge\"\nreject-delay-ms = 100",
    );
    let daemon = Daemon::start_ready(&place, &with);
    let mut gateway = patient(&daemon);
    let request = gateway.request("hanako", "ignored");
    let (_, challenge) = gateway.ask(&request).unwrap();
    let first = state(&challenge);
    let request = second_round(&mut gateway, "hanako", "000000", &first);
    let (answer, challenge) = gateway.ask(&request).unwrap();
    assert_eq!(answer, Code::ACCESS_CHALLENGE);
    let second = state(&challenge);
    assert_ne!(first, second);
    let request = second_round(&mut gateway, "hanako", "000000", &second);
    let (answer, _) = gateway.ask(&request).unwrap();
    assert_eq!(answer, Code::ACCESS_REJECT);
    let rounds: Vec<_> = verifier
        .attempts()
        .iter()
        .map(|attempt| attempt.conversation.unwrap().id)
        .collect();
    assert_ne!(rounds[0], rounds[1]);
}

/// A State of somebody else, of nobody, or none of ours: a plain reject, after the delay.
#[test]
fn bad_state_is_rejected_and_nobody_is_asked() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &settings_with("", "mode = \"challenge\""));
    let mut gateway = patient(&daemon);
    let request = gateway.request("hanako", "ignored");
    let (_, challenge) = gateway.ask(&request).unwrap();
    let mut state = state(&challenge);
    for (account, change) in [("taro", 0), ("hanako", 1)] {
        state[20] ^= change;
        let request = second_round(&mut gateway, account, RIGHT, &state);
        let sent = Instant::now();
        let (answer, _) = gateway.ask(&request).unwrap();
        assert_eq!(answer, Code::ACCESS_REJECT);
        assert!(sent.elapsed() >= Duration::from_secs(1));
    }
    assert!(verifier.attempts().is_empty());
    daemon.wait_for_line("client vpn: bad-state");
}

/// pam_radius 2.0.0 answers challenges 9,000 times a second when its input is at an end.
#[test]
fn p13_challenges_of_one_account_are_bounded_whatever_its_spelling() {
    let place = Place::new();
    let _verifier = place.verifier(Manner::Judge);
    let with = settings_with(
        "challenges-per-minute = 3",
        "mode = \"challenge\"\nreject-delay-ms = 0",
    );
    let daemon = Daemon::start_ready(&place, &with);
    let mut gateway = patient(&daemon);
    let mut answers = Vec::new();
    for account in ["hanako", "HANAKO", "Hanako", "hanako", "hAnAkO"] {
        let request = gateway.request(account, "ignored");
        answers.push(gateway.ask(&request).unwrap().0);
    }
    let (challenge, reject) = (Code::ACCESS_CHALLENGE, Code::ACCESS_REJECT);
    assert_eq!(answers, [challenge, challenge, challenge, reject, reject]);
}

#[test]
fn password_and_code_are_split_by_length_and_the_verifier_gets_both() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let with = settings_with(
        "",
        "mode = \"password-and-code\"\nfirst-factor = \"stored\"",
    );
    let daemon = Daemon::start_ready(&place, &with);
    let mut gateway = patient(&daemon);
    for (typed, expected) in [
        (format!("{PASSWORD}{RIGHT}"), Code::ACCESS_ACCEPT),
        (format!("wrong{RIGHT}"), Code::ACCESS_REJECT),
        (RIGHT.to_owned(), Code::ACCESS_REJECT),
    ] {
        let request = gateway.request("hanako", &typed);
        assert_eq!(gateway.ask(&request).unwrap().0, expected, "{typed}");
    }
    assert_eq!(
        verifier.attempts().len(),
        2,
        "without a password nobody is asked"
    );
}

/// The settings name a directory that is not there.
#[test]
fn first_factor_that_is_away_rejects_and_holds_up_nobody_else() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    // Takes connections and says nothing.
    let directory = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = directory.local_addr().unwrap().port();
    let text = settings()
        + "[[radius.client]]\nname = \"ldap\"\naddress = [\"127.0.0.2\"]\nmode = \"challenge\"\n\
           first-factor = \"ldap\"\nreject-delay-ms = 0\n\
           secret = \"another secret, 16 octets at least\"\n"
        + &format!(
            "[radius.ldap]\nservers = [\"ldap://127.0.0.1:{port}\"]\nstart-tls = false\n\
             allow-plain = true\nuser-dn = \"uid={{account}},dc=example\"\n\
             timeout-ms = 1500\ntotal-ms = 2000\n"
        );
    let mut daemon = Daemon::start_ready(&place, &text);
    daemon.wait_for_line("allow-plain");
    let secret = "another secret, 16 octets at least";
    let mut slow = Gateway::at("127.0.0.2:0", daemon.address(), secret);
    slow.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let waiting = slow.request("hanako", PASSWORD);
    let sent = Instant::now();
    slow.send(&waiting.octets);
    // The same again, while it is judged: silence.
    slow.send(&waiting.octets);

    let mut gateway = Gateway::new(daemon.address());
    for _ in 0..100 {
        assert_eq!(gateway.login("taro", RIGHT), Some(Code::ACCESS_ACCEPT));
    }
    assert!(
        sent.elapsed() < Duration::from_millis(1_400),
        "nobody waits"
    );

    let reply = slow.receive().unwrap();
    assert_eq!(slow.check(&waiting, &reply), Code::ACCESS_REJECT);
    assert!(
        sent.elapsed() < Duration::from_secs(5),
        "{:?}",
        sent.elapsed()
    );
    assert!(!verifier.tries().contains_key("hanako"));
    daemon.wait_for_line("client ldap: first-factor-unavailable");
}

/// openvpn-auth-radius sends a login again from another port, with another Authenticator. Behind one
/// address, without a port of their own, there may be many.
#[test]
fn p12_correlation_is_the_same_for_a_login_that_comes_again_and_for_no_other() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    type Attributes<'a> = &'a [(AttributeType, &'a [u8])];
    const STATION: (AttributeType, &[u8]) = (AttributeType::CALLING_STATION_ID, b"203.0.113.9");
    const PORT: (AttributeType, &[u8]) = (AttributeType::NAS_PORT, &[0, 0, 0, 1]);
    const SESSION: (AttributeType, &[u8]) = (AttributeType::ACCT_SESSION_ID, b"a1");
    const NO_PORT: (AttributeType, &[u8]) = (AttributeType::NAS_PORT, &[0; 4]);
    const NAMED: (AttributeType, &[u8]) = (AttributeType::NAS_PORT_ID, b"all of them");
    let logins: [(Attributes<'_>, bool); 11] = [
        (&[SESSION], true),
        (&[(AttributeType::ACCT_SESSION_ID, b"a2")], true),
        (&[SESSION, (AttributeType::NAS_IDENTIFIER, b"other")], true),
        // A gateway that sends one session id for all.
        (&[SESSION, STATION], true),
        (&[SESSION, PORT], true),
        (&[STATION, PORT], true),
        (&[STATION, (AttributeType::NAS_PORT, &[0, 0, 0, 2])], true),
        (&[STATION, NO_PORT], false),
        (&[STATION, NAMED], false),
        (&[STATION], false),
        (&[PORT], false),
    ];
    for (attributes, _) in &logins {
        for _ in 0..2 {
            let mut gateway = Gateway::new(daemon.address());
            let request = gateway.request_with("hanako", RIGHT, attributes);
            assert!(gateway.ask(&request).is_some());
        }
    }
    let attempts = verifier.attempts();
    let mut all = Vec::new();
    for (pair, (attributes, expected)) in attempts.chunks(2).zip(&logins) {
        let same = pair[0].correlation == pair[1].correlation;
        assert_eq!(same, *expected, "{attributes:?}");
        all.extend(pair[0].correlation.clone());
        if !same {
            all.extend(pair[1].correlation.clone());
        }
    }
    let before = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), before, "two logins are never one");
}

#[test]
fn terminal_is_the_name_of_the_port_else_its_number() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    let port = (AttributeType::NAS_PORT, &[0, 0, 1, 0][..]);
    for more in [&[port][..], &[port, (AttributeType::NAS_PORT_ID, b"eth0")]] {
        let request = gateway.request_with("hanako", RIGHT, more);
        assert!(gateway.ask(&request).is_some());
    }
    let terminals: Vec<_> = verifier
        .attempts()
        .iter()
        .map(|attempt| attempt.place.terminal.clone())
        .collect();
    assert_eq!(terminals, [Some("256".into()), Some("eth0".into())]);
}
