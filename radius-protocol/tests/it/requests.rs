//! What the server does with a datagram: notes 1.1, 1.4, 1.5 and 1.6.

use std::time::Duration;

use proptest::prelude::*;
use sekisho_radius_protocol::request::{check_reply, status_server};
use sekisho_radius_protocol::server::{Answer, Ignored, Mode, SendCause, Verdict};
use sekisho_radius_protocol::state::FirstFactor;
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{AUTHENTICATOR, Asked, AskedFirst, CODE, Gate, Outcome, Raw, client, secret};

#[track_caller]
fn check(gate: &mut Gate, datagram: &[u8], expected: &str) {
    assert_eq!(gate.receive(datagram).kind(), expected);
}

/// Each on its own server, so that no duplicate is in the way.
#[track_caller]
fn check_signed(request: &Raw, expected: &str) {
    check(&mut Gate::new(), &request.signed(), expected);
}

#[test]
fn login_is_asked_with_name_and_password_and_accepted() {
    let mut gate = Gate::new();
    let outcome = gate.receive(&Raw::login().signed());
    let Outcome::Asked {
        ticket,
        account,
        proof,
        first,
        conversation,
        is_final: true,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(account, "hanako");
    assert_eq!(proof, Asked::Code(CODE.to_vec()));
    assert_eq!(first, AskedFirst::Known(FirstFactor::None));
    assert_eq!(conversation, None);
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    let packet = check_reply(&secret(), 7, &AUTHENTICATOR, &reply).unwrap();
    assert_eq!(packet.code(), Code::ACCESS_ACCEPT);
}

#[test]
fn every_code_but_access_request_and_status_server_is_ignored() {
    for code in 0..=u8::MAX {
        let outcome = Gate::new().receive(
            &Raw {
                code,
                ..Raw::login()
            }
            .signed(),
        );
        match code {
            1 => assert!(matches!(outcome, Outcome::Asked { .. })),
            12 => assert!(matches!(outcome, Outcome::Sent(_, SendCause::Status))),
            _ => assert_eq!(outcome, Outcome::Ignored(Ignored::Code)),
        }
    }
}

#[test]
fn padded_request_is_answered_like_the_exact_one() {
    let mut padded = Raw::login().signed();
    padded.extend([0; 4]);
    check(&mut Gate::new(), &padded, "asked");
}

#[test]
fn malformed_packet_is_ignored() {
    let mut datagram = Raw::login().signed();
    datagram[21] = 1;
    check(
        &mut Gate::new(),
        &datagram,
        "ignored Malformed(MalformedAttribute)",
    );
}

#[test]
fn message_authenticator_rules_are_as_the_client_is_set() {
    let bare = Raw::login();
    let proxied = Raw::login().with(AttributeType::PROXY_STATE, b"p");
    let forged = Raw::login().with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16]);
    let eap = Raw::new(Code::ACCESS_REQUEST)
        .with(AttributeType::USER_NAME, b"hanako")
        .with(AttributeType::EAP_MESSAGE, b"\x02\x01\x00\x0b\x01hanako");
    let nothing = Raw::login().without(AttributeType::USER_PASSWORD);
    let unlimited = || {
        let mut gate = Gate::lenient();
        let client = std::sync::Arc::get_mut(&mut gate.client).unwrap();
        client.limit_proxy_state = false;
        gate
    };
    // Columns: required; off; off and Proxy-State not limited.
    for (datagram, expected) in [
        (
            bare.octets(),
            ["ignored NoMessageAuthenticator", "asked", "asked"],
        ),
        (bare.signed(), ["asked"; 3]),
        (
            proxied.octets(),
            [
                "ignored NoMessageAuthenticator",
                "ignored ProxyState",
                "asked",
            ],
        ),
        (proxied.signed(), ["asked"; 3]),
        (forged.octets(), ["ignored WrongMessageAuthenticator"; 3]),
        (
            bare.signed_with(b"another"),
            ["ignored WrongMessageAuthenticator"; 3],
        ),
        (eap.octets(), ["ignored NoMessageAuthenticator"; 3]),
        (eap.signed(), ["refused MethodOff"; 3]),
        (
            nothing.octets(),
            [
                "ignored NoMessageAuthenticator",
                "ignored NothingToJudge",
                "ignored NothingToJudge",
            ],
        ),
        (nothing.signed(), ["refused NoMethod"; 3]),
    ] {
        let gates = [Gate::new(), Gate::lenient(), unlimited()];
        for (mut gate, expected) in gates.into_iter().zip(expected) {
            check(&mut gate, &datagram, expected);
        }
    }
}

#[test]
fn method_that_is_off_is_refused_before_the_verifier_hears_of_it() {
    let name = Raw::new(Code::ACCESS_REQUEST).with(AttributeType::USER_NAME, b"hanako");
    let ms_chap = |kind: u8, length: usize| {
        let mut value = vec![0, 0, 1, 55, kind, length as u8 + 2];
        value.extend(vec![0; length]);
        value
    };
    let mut with_challenge = vec![0, 0, 1, 55, 11, 18];
    with_challenge.extend([0; 16]);
    with_challenge.extend(&ms_chap(25, 50)[4..]);
    for (kind, value) in [
        (AttributeType::CHAP_PASSWORD, vec![0; 17]),
        (AttributeType::ARAP_PASSWORD, vec![0; 16]),
        (AttributeType::EAP_MESSAGE, vec![2, 1, 0, 5, 1]),
        (AttributeType::DIGEST_RESPONSE, vec![b'0'; 32]),
        (AttributeType::VENDOR_SPECIFIC, ms_chap(1, 50)),
        (AttributeType::VENDOR_SPECIFIC, ms_chap(25, 50)),
        (AttributeType::VENDOR_SPECIFIC, with_challenge),
    ] {
        check_signed(&name.clone().with(kind, &value), "refused MethodOff");
        check_signed(&Raw::login().with(kind, &value), "refused SeveralMethods");
    }
}

#[test]
fn request_that_is_no_clear_login_is_refused_without_an_attempt() {
    let service = |value: u32| Raw::login().with(AttributeType::SERVICE_TYPE, &value.to_be_bytes());
    let no_name = || Raw::login().without(AttributeType::USER_NAME);
    let hidden = |size: usize| {
        Raw::login()
            .without(AttributeType::USER_PASSWORD)
            .with(AttributeType::USER_PASSWORD, &vec![1; size])
    };
    let typed = |clear: &[u8]| {
        Raw::login()
            .without(AttributeType::USER_PASSWORD)
            .password(clear)
    };
    for (request, expected) in [
        (Raw::login().password(CODE), "refused SeveralMethods"),
        (
            Raw::login().without(AttributeType::USER_PASSWORD),
            "refused NoMethod",
        ),
        (
            Raw::new(Code::ACCESS_REQUEST).with(AttributeType::STATE, b"stale"),
            "refused NoMethod",
        ),
        (service(17), "refused NotALogin"),
        (service(10), "refused NotALogin"),
        (service(1), "asked"),
        (service(8), "asked"),
        (no_name(), "refused UserName"),
        (
            no_name().with(AttributeType::USER_NAME, b""),
            "refused UserName",
        ),
        (
            Raw::login().with(AttributeType::USER_NAME, b"taro"),
            "refused UserName",
        ),
        (
            no_name().with(AttributeType::USER_NAME, b"\xff\xfe"),
            "refused UserNameNotText",
        ),
        (hidden(0), "refused PasswordSize"),
        (hidden(15), "refused PasswordSize"),
        (hidden(20), "refused PasswordSize"),
        (hidden(144), "refused PasswordSize"),
        (hidden(128), "asked"),
        (typed(b""), "refused PasswordEmpty"),
        (typed(b"12\x003456"), "asked"),
    ] {
        check_signed(&request, expected);
    }
}

#[test]
fn state_in_a_fresh_login_is_refused() {
    let fresh = |count| {
        (0..count).fold(Raw::login(), |login, _| {
            login.with(AttributeType::STATE, b"stale")
        })
    };
    check_signed(&fresh(1), "refused BadState");
    check_signed(&fresh(2), "refused BadState");
}

#[test]
fn attributes_of_the_wrong_size_that_we_do_not_use_are_ignored() {
    for size in 0..=8 {
        let value = vec![0; size];
        check_signed(&Raw::login().with(AttributeType::NAS_PORT, &value), "asked");
        check_signed(
            &Raw::login().with(AttributeType::NAS_IP_ADDRESS, &value),
            "asked",
        );
        check_signed(
            &Raw::login().with(AttributeType::SERVICE_TYPE, &value),
            "asked",
        );
        check_signed(
            &Raw::login().with(AttributeType::VENDOR_SPECIFIC, &value),
            "asked",
        );
    }
}

#[test]
fn order_of_attributes_does_not_matter() {
    let mut request = Raw::login().with(AttributeType::PROXY_STATE, b"p");
    request.attributes.reverse();
    check_signed(&request, "asked");
}

#[test]
fn every_proxy_state_comes_back_unmodified_and_in_order_and_no_other() {
    let twenty: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; usize::from(n)]).collect();
    for states in [
        vec![],
        vec![b"one".to_vec()],
        vec![b"b".to_vec(), b"a".to_vec()],
        vec![vec![]],
        vec![vec![0; 253]],
        twenty,
    ] {
        for verdict in [Verdict::Accept, Verdict::Reject] {
            let mut request = Raw::login();
            for state in &states {
                request = request
                    .with(AttributeType::PROXY_STATE, state)
                    .with(AttributeType::NAS_PORT, &[0, 0, 0, 1]);
            }
            let mut gate = Gate::new();
            let ticket = gate.receive(&request.signed()).ticket();
            let reply = gate.conclude(ticket, verdict).unwrap();
            let packet = check_reply(&secret(), 7, &AUTHENTICATOR, &reply).unwrap();
            let returned: Vec<Vec<u8>> = packet
                .all(AttributeType::PROXY_STATE)
                .map(|attribute| attribute.value.to_vec())
                .collect();
            assert_eq!(returned, states);
            assert_eq!(packet.attributes().count(), 1 + states.len());
        }
    }
}

#[test]
fn reply_message_comes_before_proxy_state_and_gives_way_to_it() {
    let text = "Access denied. ".repeat(10);
    let answer = Answer::from(Verdict::Accept).with_reply_message(&text);
    let small = Raw::login().with(AttributeType::PROXY_STATE, b"p");
    let mut large = Raw::login();
    for _ in 0..15 {
        large = large.with(AttributeType::PROXY_STATE, &[1; 253]);
    }
    large = large.with(AttributeType::PROXY_STATE, &[1; 170]);
    for (request, kinds) in [(small, &[80, 18, 33][..]), (large, &[80, 33])] {
        let mut gate = Gate::new();
        let ticket = gate.receive(&request.signed()).ticket();
        let reply = gate.conclude_with(ticket, &answer).unwrap();
        let packet = Packet::parse(&reply).unwrap();
        let mut found: Vec<u8> = packet.attributes().map(|a| a.kind.0).collect();
        found.dedup();
        assert_eq!(found, kinds, "{}", reply.len());
    }
}

#[test]
fn reject_says_the_same_whatever_its_cause() {
    let requests = [
        Raw::login(),
        Raw::login().without(AttributeType::USER_NAME),
        Raw::login().with(AttributeType::CHAP_PASSWORD, &[0; 17]),
    ];
    let replies: Vec<Vec<u8>> = requests
        .iter()
        .map(|request| {
            let mut gate = Gate::with(|client| client.texts.rejected = "No.".to_owned());
            match gate.receive(&request.signed()) {
                Outcome::Asked { ticket, .. } => {
                    let answer = Answer::from(Verdict::Reject)
                        .with_reply_message("not this")
                        .with_attributes(b"\x19\x05not");
                    gate.conclude_with(ticket, &answer).unwrap()
                }
                Outcome::Held(ticket, _) => gate.release(ticket).unwrap(),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(replies[0], replies[1]);
    assert_eq!(replies[0], replies[2]);
    let packet = Packet::parse(&replies[0]).unwrap();
    let attributes: Vec<_> = packet.attributes().map(|a| (a.kind.0, a.value)).collect();
    assert_eq!(attributes[1..], [(18, b"No.".as_slice())]);
}

#[test]
fn refused_request_is_a_duplicate_like_any_other() {
    let mut gate = Gate::new();
    let request = Raw::login().without(AttributeType::USER_NAME).signed();
    let ticket = gate.receive(&request).ticket();
    check(&mut gate, &request, "ignored InProgress");
    let reply = gate.release(ticket).unwrap();
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(reply, SendCause::Duplicate)
    );
}

#[test]
fn duplicate_during_work_is_ignored_and_judged_once() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let ticket = gate.receive(&request).ticket();
    check(&mut gate, &request, "ignored InProgress");
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    assert_eq!(gate.conclude(ticket, Verdict::Reject), None);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(reply, SendCause::Duplicate)
    );
}

#[test]
fn duplicate_of_a_reject_that_is_held_back_is_ignored() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let ticket = gate.receive(&request).ticket();
    gate.hold(ticket, &Answer::from(Verdict::Reject));
    check(&mut gate, &request, "ignored InProgress");
    gate.now += Duration::from_millis(999);
    check(&mut gate, &request, "ignored InProgress");
    let reply = gate.release(ticket).unwrap();
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(reply, SendCause::Duplicate)
    );
}

#[test]
fn same_identifier_with_a_new_authenticator_is_a_new_request() {
    let mut gate = Gate::new();
    let old = gate.receive(&Raw::login().signed()).ticket();
    let new = gate
        .receive(&Raw::login().with_authenticator([1; 16]).signed())
        .ticket();
    assert_eq!(gate.conclude(old, Verdict::Accept), None);
    let reply = gate.conclude(new, Verdict::Accept).unwrap();
    assert!(check_reply(&secret(), 7, &[1; 16], &reply).is_ok());
}

#[test]
fn forged_packet_does_not_touch_the_cache() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let reply = gate.accept(&request);
    for forged in [
        Raw::login()
            .with_authenticator([1; 16])
            .signed_with(b"guess"),
        Raw::login().with_authenticator([1; 16]).octets(),
        Raw::login().signed_with(b"guess"),
    ] {
        assert!(matches!(gate.receive(&forged), Outcome::Ignored(_)));
    }
    assert_eq!(gate.server.remembered(), 1);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(reply, SendCause::Duplicate)
    );
}

#[test]
fn without_a_verdict_there_is_silence_and_the_retransmission_is_asked_afresh() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let ticket = gate.receive(&request).ticket();
    gate.server.forget(ticket);
    assert_eq!(gate.conclude(ticket, Verdict::Accept), None);
    check(&mut gate, &request, "asked");
}

#[test]
fn status_server_is_answered_when_signed_ready_and_permitted() {
    let mut buffer = [0; 64];
    let length = status_server(&mut buffer, &secret(), 9, &AUTHENTICATOR).unwrap();
    let request = &buffer[..length];
    let mut gate = Gate::new();
    let Outcome::Sent(reply, SendCause::Status) = gate.receive(request) else {
        panic!("no reply");
    };
    let packet = check_reply(&secret(), 9, &AUTHENTICATOR, &reply).unwrap();
    assert_eq!(packet.code(), Code::ACCESS_ACCEPT);
    assert_eq!(gate.server.remembered(), 0);

    gate.ready = false;
    check(&mut gate, request, "ignored NotReady");
    let mut off = client();
    off.status_server = false;
    check(&mut Gate::of(off), request, "ignored StatusServerOff");
    let bare = Raw::new(Code::STATUS_SERVER);
    for mut gate in [Gate::new(), Gate::lenient()] {
        check(&mut gate, &bare.octets(), "ignored NoMessageAuthenticator");
        check(
            &mut gate,
            &bare.signed_with(b"another"),
            "ignored WrongMessageAuthenticator",
        );
    }
}

#[test]
fn proxy_states_that_leave_no_room_for_a_reply_are_met_with_silence() {
    let mut gate = Gate::lenient();
    std::sync::Arc::get_mut(&mut gate.client)
        .unwrap()
        .limit_proxy_state = false;
    let mut request = Raw::new(Code::ACCESS_REQUEST).with(AttributeType::CHAP_PASSWORD, b"");
    for _ in 0..15 {
        request = request.with(AttributeType::PROXY_STATE, &[1; 253]);
    }
    request = request.with(AttributeType::PROXY_STATE, &[1; 247]);
    assert_eq!(request.octets().len(), 4096);
    check(&mut gate, &request.octets(), "ignored ReplyTooLarge");
    assert_eq!(gate.server.remembered(), 0);
}

proptest! {
    #[test]
    fn no_datagram_panics_the_server(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        code in prop_oneof![Just(1u8), Just(12), any::<u8>()],
        lenient: bool,
    ) {
        let mut octets = vec![code, 7, 0, 0];
        octets.extend(AUTHENTICATOR);
        octets.extend(body);
        let length = (octets.len() as u16).to_be_bytes();
        octets[2..4].copy_from_slice(&length);
        let mut gate = if lenient { Gate::lenient() } else { Gate::new() };
        gate.receive(&octets);
    }

    #[test]
    fn no_authentic_packet_panics_the_server(
        attributes in proptest::collection::vec(
            (prop_oneof![any::<u8>(), Just(1u8), Just(2), Just(3), Just(24), Just(26), Just(33), Just(79)],
             proptest::collection::vec(any::<u8>(), 0..=40)), 0..12),
        mode in prop_oneof![
            Just(Mode::Code),
            Just(Mode::PasswordAndCode { code_length: 6, code_at_end: true }),
            Just(Mode::Challenge { rounds: 3 }),
        ],
        first_factor: bool,
        verdict in prop_oneof![
            Just(Verdict::Accept),
            Just(Verdict::Reject),
            Just(Verdict::Challenge(FirstFactor::Wrong)),
        ],
    ) {
        let request = Raw { attributes, ..Raw::new(Code::ACCESS_REQUEST) };
        let mut gate = Gate::with(|client| {
            crate::methods::all_methods(client);
            client.mode = mode;
            client.first_factor = first_factor;
        });
        let reply = match gate.receive(&request.signed()) {
            Outcome::Asked { ticket, .. } => gate.conclude(ticket, verdict),
            Outcome::Held(ticket, _) => gate.release(ticket),
            Outcome::Sent(reply, _) => Some(reply),
            Outcome::Ignored(_) => None,
        };
        if let Some(reply) = reply {
            prop_assert!(check_reply(&secret(), 7, &AUTHENTICATOR, &reply).is_ok());
        }
    }
}
