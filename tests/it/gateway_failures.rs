//! Rows of the table of how peers failed that are about gateways; each test is named by its row.

use std::time::{Duration, Instant};

use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{AttributeType, Packet};
use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::eapol::Eapol;
use sekisho_tests::installation::Plan;
use sekisho_tests::radius::{Nas, Raw, Request};
use sekisho_tests::{Installation, Network, Token, Verdict};

use crate::gateway_passwords::{PASSWORD, give_password};

const SOON: Duration = Duration::from_secs(20);
const CHALLENGE: &str = "mode = \"challenge\"\nfirst-factor = \"stored\"";
const CHALLENGE_CODE: u8 = 11;
/// Wrong codes until an account waits for an admin or a right code of its own.
const GUESSES: usize = 10;

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn with_client(client: &str, token: &Token) -> Installation {
    let made = Plan::default().client(client).start();
    made.import(&[token]);
    made
}

/// A reply to a login with these extra attributes, whatever it is.
#[track_caller]
fn ask(nas: &Nas, user: &str, password: &str, state: Option<&[u8]>) -> (Request, Vec<u8>) {
    let mut packet = Raw::access(rand_identifier(), user).password(password.as_bytes());
    if let Some(state) = state {
        packet = packet.with(AttributeType::STATE.0, state);
    }
    let request = packet.sealed().build();
    nas.send(&request);
    let reply = nas.receive(SOON).expect("a reply");
    (request, reply)
}

fn rand_identifier() -> u8 {
    sekisho_tests::radius::random()[0]
}

#[test]
fn r24_fresh_challenges_give_no_fresh_tries() {
    let hana = hana();
    let made = Plan::default()
        .radius("reject-delay-ms = 0\nchallenges-per-minute = 600")
        .client(CHALLENGE)
        .start();
    made.import(&[&hana]);
    give_password(&made, "hana");
    let nas = made.nas();
    let mut challenges = 0;
    for nth in 0..3 * GUESSES {
        let (request, reply) = ask(&nas, "hana", PASSWORD, None);
        if reply[0] == CHALLENGE_CODE {
            challenges += 1;
            let state = request.state(&reply);
            let wrong = made.wrong_code(&hana, nth);
            let (_, reply) = ask(&nas, "hana", &wrong, Some(&state));
            assert_ne!(reply[0], 2);
        }
        made.clock().advance(70);
    }
    assert!(challenges <= 3 * GUESSES);
    assert_eq!(
        made.count("wrong-code"),
        GUESSES,
        "one counter for all conversations"
    );
}

#[test]
fn r24_conversations_of_an_account_are_bounded_in_time() {
    let hana = hana();
    let made = Plan::default()
        .radius("reject-delay-ms = 0\nchallenges-per-minute = 5")
        .client(CHALLENGE)
        .start();
    made.import(&[&hana]);
    let nas = made.nas();
    // In any spelling.
    let challenges = (0..20)
        .filter(|nth| {
            let name = if nth % 2 == 0 { "hana" } else { "HANA" };
            ask(&nas, name, PASSWORD, None).1[0] == CHALLENGE_CODE
        })
        .count();
    assert_eq!(challenges, 5);
    assert_eq!(ask(&nas, "jiro", PASSWORD, None).1[0], CHALLENGE_CODE);
}

#[test]
fn r26_name_in_another_spelling_skips_no_factor_by_any_method() {
    let hana = hana();
    let made = with_client(
        "methods = [\"pap\", \"chap\"]\nquirks = [\"strip-realm\", \"strip-domain\"]",
        &hana,
    );
    let nas = made.nas();
    let spellings = ["HANA", "Hana@corp.example"];
    let code = made.code(&hana, 0);
    let wrong = made.wrong_code(&hana, 0);
    for spelling in spellings {
        for password in ["", &wrong] {
            let pap = Raw::access(1, spelling)
                .password(password.as_bytes())
                .sealed();
            let chap = Raw::access(2, spelling).chap(password.as_bytes()).sealed();
            for packet in [pap, chap] {
                assert_eq!(
                    nas.ask(&packet.build(), SOON),
                    Verdict::Reject,
                    "{spelling}"
                );
            }
        }
        // Nobody of this name has no code to ask for, and is not let in for it.
        let nobody = spelling.to_lowercase().replace("hana", "nobody");
        let packet = Raw::access(3, &nobody).password(code.as_bytes()).sealed();
        assert_eq!(nas.ask(&packet.build(), SOON), Verdict::Reject, "{nobody}");
    }
    let chap = |name: &str| Raw::access(4, name).chap(code.as_bytes()).sealed().build();
    made.clock().advance(3_600);
    let code = made.code(&hana, 0);
    let pap = |name: &str| {
        Raw::access(5, name)
            .password(code.as_bytes())
            .sealed()
            .build()
    };
    assert_eq!(nas.ask(&pap("CORP\\HANA"), SOON), Verdict::Accept);
    for spelling in spellings {
        assert_eq!(
            nas.ask(&pap(spelling), SOON),
            Verdict::Reject,
            "{spelling}: it is spent"
        );
        assert_eq!(
            nas.ask(&chap(spelling), SOON),
            Verdict::Reject,
            "{spelling}"
        );
    }
}

#[test]
fn r33_no_tunnel_is_offered_that_could_be_resumed_around_a_login() {
    let _network = Network::enter();
    let hana = hana();
    let made = with_client("methods = [\"eap-gtc\", \"eap-ms-chap-v2\"]", &hana);
    let stage = Stage::new(made.folder());
    let code = made.code(&hana, 0);
    let before = made.events().len();
    for (method, lines) in [
        ("TTLS", "phase2=\"auth=PAP\""),
        ("PEAP", "phase2=\"auth=GTC\""),
        (
            "FAST",
            "phase1=\"fast_provisioning=1\"\npac_file=\"blob://pac\"",
        ),
    ] {
        let login = Eapol {
            method,
            identity: "hana",
            password: &code,
            keys: false,
            lines,
        };
        assert!(!login.succeeds(&stage, made.radius_address()), "{method}");
    }
    assert_eq!(made.events().len(), before);
}

#[test]
fn r38_reply_never_has_more_than_4096_octets() {
    let hana = hana();
    let reply = (0..40)
        .map(|nth| {
            let text = format!("{nth:02}").repeat(120);
            format!("[[radius.client.reply]]\nattribute = \"Reply-Message\"\nvalue = \"{text}{{group}}\"\n")
        })
        .collect::<String>();
    let made = with_client(&reply, &hana);
    made.sekisho(&["account", "set", "hana", "--group", "staff"])
        .expect_success();
    let nas = made.nas();
    let mut packet = Raw::access(1, "hana").password(made.code(&hana, 0).as_bytes());
    for nth in 0..14 {
        packet = packet.with(AttributeType::PROXY_STATE.0, &[nth; 250]);
    }
    let request = packet.sealed().build();
    assert!(request.octets.len() < PACKET_MAX);
    nas.send(&request);
    let reply = nas.receive(SOON).expect("a reply");
    assert!(reply.len() <= PACKET_MAX);
    assert_eq!(request.verdict(&reply), Verdict::Accept);
    let packet = Packet::parse(&reply).expect("a packet");
    let states = packet
        .attributes()
        .filter(|a| a.kind == AttributeType::PROXY_STATE);
    assert_eq!(states.count(), 14, "what a proxy needs is never cut");
}

#[test]
fn r41_challenge_tells_nothing_of_an_account_nor_of_its_password() {
    let hana = hana();
    let lost = Token::new("lost", "SKTS00000002");
    let made = with_client(CHALLENGE, &hana);
    made.import(&[&lost]);
    give_password(&made, "hana");
    made.sekisho(&["lost", "SKTS00000002"]).expect_success();
    let nas = made.nas();
    let mut shapes = Vec::new();
    // Names of one length: the State holds the name as it was sent, and shows how long that is.
    for (user, password, code) in [
        ("hana", PASSWORD, made.wrong_code(&hana, 0)),
        ("hana", "wrong horse", made.code(&hana, 0)),
        ("lost", PASSWORD, made.code(&lost, 0)),
        ("none", PASSWORD, made.wrong_code(&hana, 1)),
        ("n ne", PASSWORD, made.wrong_code(&hana, 2)),
    ] {
        let started = Instant::now();
        let (request, reply) = ask(&nas, user, password, None);
        let first = started.elapsed();
        let state = request.state(&reply);
        let (_, last) = ask(&nas, user, &code, Some(&state));
        assert_ne!(last[0], 2, "{user} {password}");
        assert!(first < SOON);
        shapes.push((format!("{user} {password:?}"), shape(&reply), shape(&last)));
    }
    let (_, first, last) = &shapes[0];
    for (user, challenge, verdict) in &shapes {
        assert_eq!(challenge, first, "{user}");
        assert_eq!(verdict, last, "{user}");
    }
    // Nobody needs to look at an empty password, whose State is shorter: for everybody.
    let empty = |user| shape(&ask(&nas, user, "", None).1);
    assert_eq!(empty("hana"), empty("none"));
    assert_eq!(made.count("right-code"), 0);
    let (request, reply) = ask(&nas, "hana", PASSWORD, None);
    let state = request.state(&reply);
    let code = made.code(&hana, 0);
    assert_eq!(
        ask(&nas, "hana", &code, Some(&state)).1[0],
        2,
        "nothing was spent"
    );
    // A reply that was lost is told again; another code is another login, and needs its own State.
    let other = made.code(&hana, 1);
    assert_ne!(ask(&nas, "hana", &other, Some(&state)).1[0], 2);
    assert_eq!(made.count("right-code"), 1);
}

/// What of a reply can be told from another: its code, its attributes in order, and what they say,
/// but for the State and the seal.
fn shape(reply: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let packet = Packet::parse(reply).expect("a packet");
    let mut shape = vec![(reply[0], Vec::new())];
    shape.extend(packet.attributes().map(|attribute| {
        let secret = [AttributeType::STATE, AttributeType::MESSAGE_AUTHENTICATOR];
        let value = if secret.contains(&attribute.kind) {
            vec![0; attribute.value.len()]
        } else {
            attribute.value.to_vec()
        };
        (attribute.kind.0, value)
    }));
    shape
}

#[test]
fn p10_128_sockets_with_256_identifiers_each_do_not_collapse_it() {
    let _network = Network::enter_unseen();
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let gateways: Vec<Nas> = (0..128).map(|_| made.nas()).collect();
    let code = made.code(&hana, 0);
    let (mut accepted, mut slowest) = (0, Duration::ZERO);
    for identifier in 0..=255 {
        let started = Instant::now();
        let sent: Vec<Request> = gateways
            .iter()
            .map(|gateway| {
                let request = Request::pap(identifier, b"hana", code.as_bytes());
                gateway.send(&request);
                request
            })
            .collect();
        for (gateway, request) in gateways.iter().zip(&sent) {
            let reply = gateway.receive(SOON).expect("no request is forgotten");
            accepted += usize::from(request.verdict(&reply) == Verdict::Accept);
        }
        slowest = slowest.max(started.elapsed());
    }
    // 32,768 live entries. The collapse of others was to 13 of these rounds in a second.
    assert_eq!(accepted, 1);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
