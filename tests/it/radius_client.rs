//! The VPN's door, with the real radclient and with packets that it can not send.

use std::time::{Duration, Instant};

use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::{AttributeType, Code, Packet, request};
use sekisho_tests::installation::Plan;
use sekisho_tests::radius::{Nas, Request, radclient, radclient_login, random, secret};
use sekisho_tests::{Door, Installation, Token, Verdict};

const SOON: Duration = Duration::from_secs(5);
/// Long enough to see that nothing comes.
const QUIET: Duration = Duration::from_millis(700);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[test]
fn radclient_gets_accept_and_then_reject_for_the_same_code() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let server = made.radius_address();
    assert_eq!(
        radclient_login(server, "hana", &made.wrong_code(&hana, 0)),
        Verdict::Reject
    );
    assert_eq!(radclient_login(server, "hana", &code), Verdict::Accept);
    assert_eq!(radclient_login(server, "hana", &code), Verdict::Reject);
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Reject);
    let next = made.code(&hana, 1);
    assert_eq!(made.login(Door::Pam, "hana", &next), Verdict::Accept);
    assert_eq!(radclient_login(server, "hana", &next), Verdict::Reject);
}

#[test]
fn radclient_sees_its_proxy_states_again_in_order() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let attributes = format!(
        "User-Name = hana\nUser-Password = {}\nMessage-Authenticator = 0x00\n\
         Proxy-State = 0x6f6e65\nProxy-State = 0x74776f\n",
        made.code(&hana, 0)
    );
    let done = radclient(made.radius_address(), &attributes).expect_success();
    let reply = &done.stdout[done.stdout.find("Received").expect("a reply")..];
    let (one, two) = (reply.find("0x6f6e65"), reply.find("0x74776f"));
    assert!(one.is_some() && one < two, "{done}");
}

#[test]
fn p11_retransmission_gets_the_identical_octets_and_is_judged_once() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut nas = made.nas();
    for code in [made.code(&hana, 0), made.wrong_code(&hana, 0)] {
        let request = nas.prepare("hana", &code);
        nas.send(&request);
        let first = nas.receive(SOON).expect("a reply");
        let before = made.events().len();
        for _ in 0..3 {
            nas.send(&request);
            assert_eq!(nas.receive(SOON).as_ref(), Some(&first));
        }
        assert_eq!(made.events().len(), before);
    }
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("wrong-code"), 1);
    assert_eq!(made.count("already-used"), 0);
}

#[test]
fn the_same_code_in_a_new_request_is_a_replay() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut nas = made.nas();
    let code = made.code(&hana, 0);
    assert_eq!(nas.login("hana", &code), Verdict::Accept);
    assert_eq!(nas.login("hana", &code), Verdict::Reject);
    // The same identifier from the same port, but not the same packet.
    let first = Request::pap(9, b"hana", code.as_bytes());
    let second = Request::pap(9, b"hana", code.as_bytes());
    assert_eq!(nas.ask(&first, SOON), Verdict::Reject);
    assert_eq!(nas.ask(&second, SOON), Verdict::Reject);
    assert_eq!(made.count("already-used"), 3);
}

#[test]
fn p12_retransmission_from_a_new_port_is_never_a_second_accept_nor_a_guess() {
    // openvpn-auth-radius: the same Identifier and session, a new port and a new authenticator.
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let verdicts: Vec<Verdict> = (0..4)
        .map(|_| {
            let authenticator = random();
            let mut buffer = [0; PACKET_MAX];
            let mut writer =
                request::access_request(&mut buffer, 1, &authenticator).expect("a header fits");
            for (kind, value) in [
                (AttributeType::USER_NAME, "hana"),
                (AttributeType::ACCT_SESSION_ID, "ABCDEF0123456789"),
            ] {
                writer.attribute(kind, value.as_bytes()).expect("it fits");
            }
            writer
                .user_password(&secret(), code.as_bytes())
                .expect("it fits");
            let length = writer.seal(&secret());
            let request = Request::of(buffer[..length].to_vec());
            made.nas().ask(&request, SOON)
        })
        .collect();
    assert_eq!(verdicts[0], Verdict::Accept);
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("wrong-code"), 0);
}

#[test]
fn reject_waits_and_holds_up_nobody() {
    let hana = hana();
    let made = Plan::default().radius("").start();
    made.import(&[&hana]);
    let (mut slow, mut quick) = (made.nas(), made.nas());
    let wrong = slow.prepare("hana", &made.wrong_code(&hana, 0));
    let sent = Instant::now();
    slow.send(&wrong);
    assert_eq!(quick.login("hana", &made.code(&hana, 0)), Verdict::Accept);
    assert!(
        sent.elapsed() < Duration::from_millis(700),
        "{:?}",
        sent.elapsed()
    );
    let reply = slow.receive(SOON).expect("a reject");
    assert_eq!(wrong.verdict(&reply), Verdict::Reject);
    assert!(
        sent.elapsed() > Duration::from_millis(700),
        "{:?}",
        sent.elapsed()
    );
}

#[test]
fn r05_r41_every_reject_looks_the_same() {
    let (hana, lost) = (hana(), Token::new("lost", "SKTS00000002"));
    let made = Installation::with(&[&hana, &lost]);
    made.sekisho(&["lost", "SKTS00000002"]).expect_success();
    let spent = made.code(&hana, 0);
    let wrong = made.wrong_code(&hana, 0);
    let mut nas = made.nas();
    assert_eq!(nas.login("hana", &spent), Verdict::Accept);
    for (user, code) in [
        ("hana", spent.as_str()),
        ("hana", &wrong),
        ("hana", "12345"),
        ("lost", &made.code(&lost, 0)),
        ("nobody", &wrong),
        ("no body", &wrong),
    ] {
        let request = nas.prepare(user, code);
        nas.send(&request);
        let reply = nas.receive(SOON).expect("a reply");
        assert_eq!(request.verdict(&reply), Verdict::Reject);
        let packet = Packet::parse(&reply).expect("a packet");
        let kinds: Vec<u8> = packet.attributes().map(|a| a.kind.0).collect();
        assert_eq!(
            kinds,
            [AttributeType::MESSAGE_AUTHENTICATOR.0],
            "{user} {code}"
        );
    }
}

/// A login that is put together by hand.
fn login_with(code: &str, extra: &[(u8, &[u8])], message_authenticator: bool) -> Request {
    let authenticator = random();
    let mut buffer = [0; PACKET_MAX];
    let mut writer = sekisho_radius_protocol::packet::PacketWriter::request(
        &mut buffer,
        Code::ACCESS_REQUEST,
        3,
        &authenticator,
    )
    .expect("a header fits");
    writer
        .attribute(AttributeType::USER_NAME, b"hana")
        .expect("it fits");
    writer
        .user_password(&secret(), code.as_bytes())
        .expect("it fits");
    for (kind, value) in extra {
        writer.copy(AttributeType(*kind), value).expect("it fits");
    }
    if message_authenticator {
        writer.message_authenticator().expect("it fits");
    }
    let length = writer.seal(&secret());
    Request::of(buffer[..length].to_vec())
}

#[test]
fn r35_request_without_message_authenticator_is_dropped_and_changes_nothing() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    for extra in [&[] as &[(u8, &[u8])], &[(33, b"state of a proxy")]] {
        let request = login_with(&code, extra, false);
        assert_eq!(made.nas().ask(&request, QUIET), Verdict::Silent);
    }
    let mut forged = login_with(&code, &[], true);
    let last = forged.octets.len() - 1;
    forged.octets[last] ^= 1;
    assert_eq!(made.nas().ask(&forged, QUIET), Verdict::Silent);
    assert_eq!(made.nas().login("hana", &code), Verdict::Accept);
}

#[test]
fn r36_unknown_attributes_are_ignored() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let request = login_with(
        &made.code(&hana, 0),
        &[
            (241, b"\x01extended"),
            (200, b"unknown"),
            (26, b"\x00\x00\xff\xffvendor"),
            (5, b"123"),
        ],
        true,
    );
    assert_eq!(made.nas().ask(&request, SOON), Verdict::Accept);
}

#[test]
fn r37_r39_malformed_packets_are_dropped_and_the_server_lives() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let nas = made.nas();
    let good = login_with(&made.code(&hana, 0), &[(33, b"x")], true).octets;
    let before = made.events().len();
    for length in 0..good.len() {
        nas.send(&Request::of(padded(&good[..length])));
    }
    for position in 0..good.len() {
        for value in [0, 1, 2, 0x7f, 0xff] {
            if good[position] != value {
                let mut bad = good.clone();
                bad[position] = value;
                nas.send(&Request::of(bad));
            }
        }
    }
    nas.send(&Request::of(vec![0xff; 4096]));
    // What could be read as a request of ours was none: none has a right Message-Authenticator.
    assert_eq!(nas.receive(QUIET), None);
    assert_eq!(made.events().len(), before);
    assert!(made.radius().runs());
    assert_eq!(
        made.nas().login("hana", &made.code(&hana, 0)),
        Verdict::Accept
    );
}

/// `Request::of` needs a header; a shorter packet is one whose Length says more than there is.
fn padded(octets: &[u8]) -> Vec<u8> {
    let mut all = octets.to_vec();
    all.resize(octets.len().max(20), 0);
    all
}

#[test]
fn status_server_is_answered_while_the_verifier_is_there() {
    let mut made = Installation::with(&[]);
    let nas = made.nas();
    assert_eq!(nas.ask(&Request::status(1), QUIET), Verdict::Accept);
    made.take_verifier().stop();
    assert_eq!(nas.ask(&Request::status(2), QUIET), Verdict::Silent);
    made.start_verifier();
    assert_eq!(nas.insist(&Request::status(3), QUIET), Verdict::Accept);
}

#[test]
fn probe_of_the_cli_tells_what_a_gateway_would_see() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let secret = made.folder().join("secret");
    std::fs::write(&secret, sekisho_tests::radius::SECRET).expect("a secret file");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("its mode");
    let (server, secret) = (
        made.radius_address().to_string(),
        secret.display().to_string(),
    );
    let probe = ["radius", "probe", &server, "--secret-file", &secret];
    made.sekisho(&probe).expect_success();
    let login = [&probe as &[&str], &["--user", "hana", "--code-stdin"]].concat();
    let code = made.code(&hana, 0);
    made.sekisho_with(&login, &code).expect_success();
    assert_eq!(made.sekisho_with(&login, &code).status.code(), Some(5));
}

#[test]
fn p17_burst_of_1024_packets_loses_none() {
    let tokens: Vec<Token> = (0..64)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let made = Installation::with(&tokens.iter().collect::<Vec<_>>());
    let mut gateways: Vec<Nas> = (0..16).map(|_| made.nas()).collect();
    let mut requests = Vec::new();
    for gateway in &mut gateways {
        for token in &tokens {
            requests.push(gateway.prepare(&token.account, &made.code(token, 0)));
        }
    }
    for (gateway, burst) in gateways.iter().zip(requests.chunks(tokens.len())) {
        burst.iter().for_each(|request| gateway.send(request));
    }
    let replies: usize = gateways
        .iter()
        .map(|gateway| {
            (0..tokens.len())
                .filter(|_| gateway.receive(SOON).is_some())
                .count()
        })
        .sum();
    assert_eq!(replies, 1024);
    assert_eq!(made.count("right-code"), tokens.len());
}

#[test]
fn p10_more_live_requests_than_the_cache_holds_do_not_stall_it() {
    let hana = hana();
    let made = Plan::default()
        .radius("reject-delay-ms = 0\nduplicate-entries = 1024")
        .start();
    made.import(&[&hana]);
    let code = made.code(&hana, 0);
    let mut gateways: Vec<Nas> = (0..128).map(|_| made.nas()).collect();
    let (mut accepted, mut answered) = (0, 0);
    let started = Instant::now();
    for _ in 0..64 {
        let sent: Vec<Request> = gateways
            .iter_mut()
            .map(|gateway| {
                let request = gateway.prepare("hana", &code);
                gateway.send(&request);
                request
            })
            .collect();
        for (gateway, request) in gateways.iter().zip(&sent) {
            let reply = gateway.receive(SOON).expect("no request is forgotten");
            answered += 1;
            accepted += usize::from(request.verdict(&reply) == Verdict::Accept);
        }
    }
    assert_eq!((accepted, answered), (1, 128 * 64));
    // 8,192 live entries for 1,024 places: far from the collapse to 1,639 a second.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
