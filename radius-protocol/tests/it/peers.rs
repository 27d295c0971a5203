//! Failures that peers had, one test for each row, and the `radius` crate as a second reader of
//! our replies.

use std::time::Duration;

use radius::core::packet::Packet as Other;
use radius::core::{rfc2865, rfc2869};
use sekisho_radius_protocol::duplicate::{Bounds, LIFETIME_MIN};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{
    Answer, Client, Ignored, MessageAuthenticatorRule, Mode, Refusal, SendCause, Server, Verdict,
};
use sekisho_radius_protocol::state::FirstFactor;
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{
    AUTHENTICATOR, Asked, AskedFirst, CODE, Gate, Outcome, Raw, SECRET, client, only, read, secret,
    state_keys,
};

/// BlastRADIUS, CVE-2024-3596: a forged reply by an MD5 collision through Proxy-State.
#[test]
fn r35_proxy_state_without_message_authenticator_is_dropped() {
    let attack = Raw::login()
        .with(AttributeType::PROXY_STATE, &[0x41; 253])
        .octets();
    assert_eq!(
        Gate::new().receive(&attack),
        Outcome::Ignored(Ignored::NoMessageAuthenticator)
    );
    assert_eq!(
        Gate::lenient().receive(&attack),
        Outcome::Ignored(Ignored::ProxyState)
    );
}

/// Notes 1.6 (a): what is required, Proxy-State, Message-Authenticator.
#[test]
fn r35_whether_a_request_is_looked_at_follows_the_table() {
    use MessageAuthenticatorRule::{Auto, Off, Require};
    for (rule, is_limited, has_proxy_state, is_signed, expected) in [
        (
            Require,
            true,
            false,
            false,
            "ignored NoMessageAuthenticator",
        ),
        (Require, true, true, false, "ignored NoMessageAuthenticator"),
        (
            Require,
            false,
            true,
            false,
            "ignored NoMessageAuthenticator",
        ),
        (Require, true, false, true, "asked"),
        (Require, true, true, true, "asked"),
        (Auto, true, false, false, "asked"),
        (Auto, true, true, false, "ignored ProxyState"),
        (Auto, false, true, false, "asked"),
        (Auto, true, false, true, "asked"),
        (Auto, true, true, true, "asked"),
        (Off, true, false, false, "asked"),
        (Off, true, true, false, "ignored ProxyState"),
        (Off, false, true, false, "asked"),
        (Off, true, false, true, "asked"),
        (Off, true, true, true, "asked"),
    ] {
        let mut request = Raw::login();
        if has_proxy_state {
            request = request.with(AttributeType::PROXY_STATE, b"p");
        }
        let datagram = if is_signed {
            request.signed()
        } else {
            request.octets()
        };
        let mut gate = Gate::with(|client| {
            client.message_authenticator = rule;
            client.limit_proxy_state = is_limited;
        });
        let row = format!("{rule:?} {is_limited} {has_proxy_state} {is_signed}");
        assert_eq!(gate.receive(&datagram).kind(), expected, "{row}");
        let learned = gate.server.learned("vpn-1");
        let decides = rule == Auto && expected == "asked";
        assert_eq!(learned.is_some(), decides, "{row}");
    }
}

/// Notes 1.6 (d): every wrong Message-Authenticator is worse than none.
#[test]
fn r35_wrong_message_authenticator_is_dropped_whatever_the_client_is_set_to() {
    let signed = Raw::login().signed();
    let right = signed[signed.len() - 16..].to_vec();
    let with = |value: &[u8]| Raw::login().with(AttributeType::MESSAGE_AUTHENTICATOR, value);
    let moved = {
        let mut octets = signed.clone();
        octets[4] ^= 1;
        octets
    };
    for datagram in [
        with(&[0; 15]).octets(),
        with(&[0; 17]).octets(),
        with(&right[..15]).octets(),
        with(b"").octets(),
        with(&[0; 16]).octets(),
        with(&[0; 16]).signed(),
        Raw::login().signed_with(b"another secret"),
        moved,
    ] {
        for rule in [
            MessageAuthenticatorRule::Require,
            MessageAuthenticatorRule::Auto,
            MessageAuthenticatorRule::Off,
        ] {
            let mut gate = Gate::with(|client| client.message_authenticator = rule);
            assert_eq!(
                gate.receive(&datagram).kind(),
                "ignored WrongMessageAuthenticator"
            );
            assert_eq!(gate.server.learned("vpn-1"), None);
        }
    }
}

/// Notes 1.6 (f): the attack needs a reply whose beginning it can foretell. Whatever is injected,
/// the reply begins with a keyed value, challenges (which the attack turns into accepts) included.
#[test]
fn r35_no_reply_begins_with_what_a_sender_chose() {
    for mode in [Mode::Code, Mode::Challenge { rounds: 3 }] {
        let mut seen = Vec::new();
        for filling in [0x00, 0x41, 0xff] {
            let mut request = Raw::login();
            for _ in 0..3 {
                request = request.with(AttributeType::PROXY_STATE, &[filling; 253]);
            }
            let mut gate = Gate::with(|client| {
                client.message_authenticator = MessageAuthenticatorRule::Off;
                client.limit_proxy_state = false;
                client.mode = mode;
            });
            let reply = match gate.receive(&request.octets()) {
                Outcome::Sent(reply, SendCause::Challenge) => reply,
                Outcome::Asked { ticket, .. } => gate.conclude(ticket, Verdict::Reject).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(reply[20..22], [80, 18]);
            seen.push(reply[22..38].to_vec());
        }
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }
}

/// AIL CVE-2026-56450, Nagios Fusion CVE-2025-60424: a fresh challenge gave fresh tries.
#[test]
fn r24_challenges_of_one_account_are_bounded_in_time_and_each_conversation_in_rounds() {
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 3 });
    let login = |n: u8| Raw::login().with_authenticator([n; 16]).with_identifier(n);
    for n in 0..10 {
        let outcome = gate.receive(&login(n).signed());
        assert_eq!(outcome.kind(), "sent Challenge");
    }
    for n in 10..30 {
        let outcome = gate.receive(&login(n).signed());
        assert_eq!(outcome.kind(), "refused TooManyChallenges");
    }
    let mut other = login(40);
    other.attributes[0].1 = b"taro".to_vec();
    assert_eq!(gate.receive(&other.signed()).kind(), "sent Challenge");
    gate.now += Duration::from_secs(60);
    let outcome = gate.receive(&login(41).signed());
    assert_eq!(outcome.kind(), "sent Challenge");
}

/// And a wrong code does not renew the right to be challenged.
#[test]
fn r24_new_challenge_after_a_wrong_code_counts_like_any_other() {
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 5 });
    gate.server = Server::new(Bounds::default()).with_challenges_per_minute(2);
    gate.server.set_state_keys(state_keys());
    let first = Raw::login();
    let Outcome::Sent(reply, _) = gate.receive(&first.signed()) else {
        panic!("no challenge");
    };
    let state = only(&read(&first, &reply), AttributeType::STATE).to_vec();
    let second = first.next(&state).password(CODE);
    let ticket = gate.receive(&second.signed()).ticket();
    gate.hold(ticket, &Answer::from(Verdict::Reject));
    let reply = gate.release(ticket).unwrap();
    let packet = read(&second, &reply);
    assert_eq!(packet.code(), Code::ACCESS_CHALLENGE);
    let state = only(&packet, AttributeType::STATE).to_vec();
    let third = second.next(&state).password(CODE);
    let ticket = gate.receive(&third.signed()).ticket();
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    assert_eq!(read(&third, &reply).code(), Code::ACCESS_REJECT);
}

/// privacyIDEA: the challenge step counted as a failure and could lock the user.
#[test]
fn r25_challenge_step_is_no_attempt_and_a_wrong_password_is_one_with_its_code() {
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 3 });
    for n in 0..10 {
        let login = Raw::login().with_authenticator([n; 16]);
        let outcome = gate.receive(&login.signed());
        assert_eq!(
            outcome.kind(),
            "sent Challenge",
            "the verifier hears nothing"
        );
    }
    let mut gate = Gate::with(|client| {
        client.mode = Mode::Challenge { rounds: 3 };
        client.first_factor = true;
    });
    let first = Raw::login();
    let Outcome::Asked { ticket, proof, .. } = gate.receive(&first.signed()) else {
        panic!("not asked");
    };
    assert_eq!(proof, Asked::Password, "no code is judged yet");
    let reply = gate
        .conclude(ticket, Verdict::Challenge(FirstFactor::Wrong))
        .unwrap();
    let state = only(&read(&first, &reply), AttributeType::STATE).to_vec();
    let second = first.next(&state).password(CODE);
    let Outcome::Asked { first, .. } = gate.receive(&second.signed()) else {
        panic!("not asked");
    };
    assert_eq!(first, AskedFirst::Known(FirstFactor::Wrong));
}

/// FortiOS CVE-2020-12812: a user name in other case skipped the second factor.
#[test]
fn r26_every_spelling_of_a_name_has_one_conversation_and_one_bound() {
    let challenging = |client: &mut Client| client.mode = Mode::Challenge { rounds: 3 };
    let named = |request: Raw, name: &str| {
        request
            .without(AttributeType::USER_NAME)
            .with(AttributeType::USER_NAME, name.as_bytes())
    };
    let mut gate = Gate::with(challenging);
    let first = named(Raw::login(), "Hanako");
    let Outcome::Sent(reply, _) = gate.receive(&first.signed()) else {
        panic!("no challenge");
    };
    let state = only(&read(&first, &reply), AttributeType::STATE).to_vec();
    for (name, expected) in [
        ("Hanako", "asked"),
        ("hanako", "asked"),
        ("HANAKO", "asked"),
        ("hanako ", "refused BadState"),
        ("hanakó", "refused BadState"),
    ] {
        let second = named(first.clone().next(&state).password(CODE), name);
        let mut server = gate.other_server();
        assert_eq!(server.receive(&second.signed()).kind(), expected, "{name}");
    }
    let mut gate = Gate::with(challenging);
    let spellings = ["hanako", "Hanako", "hAnako", "haNako", "hanAko", "hanaKo"];
    for (n, name) in spellings.iter().cycle().take(12).enumerate() {
        let login = Raw::login().with_authenticator([n as u8; 16]);
        let kind = gate.receive(&named(login, name).signed()).kind();
        let expected = if n < 10 {
            "sent Challenge"
        } else {
            "refused TooManyChallenges"
        };
        assert_eq!(kind, expected);
    }
}

/// And a gateway's quirks make no more of them: hana@1, hana@2 and X\\hana are one account.
#[test]
fn r26_spellings_that_quirks_make_one_account_have_one_bound() {
    let named = |request: Raw, n: u8| {
        let name = match n % 3 {
            0 => format!("hanako@{n}"),
            1 => format!("CORP{n}\\Hanako"),
            _ => format!("{n}\\HANAKO@{n}"),
        };
        request
            .without(AttributeType::USER_NAME)
            .with(AttributeType::USER_NAME, name.as_bytes())
    };
    let mut gate = Gate::with(|client| {
        client.mode = Mode::Challenge { rounds: 3 };
        client.quirks.strip_realm = true;
        client.quirks.strip_domain = true;
    });
    let mut last = None;
    for n in 0..12 {
        let login = named(Raw::login().with_authenticator([n; 16]), n);
        let outcome = gate.receive(&login.signed());
        let expected = if n < 10 {
            "sent Challenge"
        } else {
            "refused TooManyChallenges"
        };
        assert_eq!(outcome.kind(), expected);
        if let Outcome::Sent(reply, _) = outcome {
            let state = only(&read(&login, &reply), AttributeType::STATE).to_vec();
            last = Some(login.next(&state).password(CODE));
        }
    }
    // A new challenge after a wrong code is counted for the same account.
    let last = last.unwrap();
    let ticket = gate.receive(&last.signed()).ticket();
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    assert_eq!(read(&last, &reply).code(), Code::ACCESS_REJECT);
}

/// Whoever forgets the code, or sends octets under another secret, is charged nothing, and no
/// directory hears of it.
#[test]
fn what_is_no_code_is_refused_before_the_password_is_judged_or_counted() {
    let with_code_at = |code_at_end| {
        Gate::with(|client| {
            client.first_factor = true;
            client.mode = Mode::PasswordAndCode {
                code_length: 6,
                code_at_end,
            };
        })
    };
    let login = |typed: &[u8], n: u8| {
        Raw::login()
            .with_identifier(n)
            .without(AttributeType::USER_PASSWORD)
            .password(typed)
    };
    for code_at_end in [true, false] {
        let mut gate = with_code_at(code_at_end);
        for (n, typed) in [
            b"a long password".as_slice(),
            b"secret12345",
            b"12345secret",
            b"secret12345x",
            b"12345xsecret",
            b"secret 12345",
            b"\xff\x00\x17\x80\xc3\x28\xa0\xa1",
            "秘密１２３４５６".as_bytes(),
            b"++++++-----+++++",
            b"a1b2c3a1b2c3",
            b"12345\x00345",
        ]
        .into_iter()
        .chain([b"a long password".as_slice(); 20])
        .enumerate()
        {
            let login = login(typed, n as u8);
            let outcome = gate.receive(&login.signed());
            assert_eq!(outcome.kind(), "refused NotACode", "{typed:?}");
            let reply = gate.release(outcome.ticket()).unwrap();
            assert_eq!(read(&login, &reply).code(), Code::ACCESS_REJECT);
        }
        let outcome = gate.receive(&login(b"123456and654321", 99).signed());
        assert_eq!(outcome.kind(), "asked");
    }
}

/// Without a bound everybody could lock the accounts of a directory through the VPN's page, those
/// that are locked, disabled or unknown here, too.
#[test]
fn passwords_that_come_with_their_code_are_bounded_for_each_account_before_anybody_judges() {
    let login = |n: u8, name: &[u8]| {
        Raw::login()
            .without(AttributeType::USER_NAME)
            .with(AttributeType::USER_NAME, name)
            .with_authenticator([n; 16])
            .without(AttributeType::USER_PASSWORD)
            .password(b"guess123456")
            .with_identifier(n)
    };
    let spelling = |n: u8| match n % 2 {
        0 => b"hanako".as_slice(),
        _ => b"HANAKO@corp",
    };
    let mut gate = Gate::with(|client| {
        client.first_factor = true;
        client.quirks.strip_realm = true;
        client.mode = Mode::PasswordAndCode {
            code_length: 6,
            code_at_end: true,
        };
    });
    for n in 0..10 {
        let login = login(n, spelling(n)).signed();
        let outcome = gate.receive(&login);
        assert_eq!(outcome.kind(), "asked");
        gate.conclude(outcome.ticket(), Verdict::Reject);
        for _ in 0..5 {
            let again = gate.receive(&login).kind();
            assert_eq!(again, "sent Duplicate", "a retransmission does not count");
        }
    }
    for n in 20..25 {
        let login = login(n, spelling(n));
        let outcome = gate.receive(&login.signed());
        assert_eq!(outcome.kind(), "refused TooManyPasswords");
        let reply = gate.release(outcome.ticket()).unwrap();
        assert_eq!(read(&login, &reply).code(), Code::ACCESS_REJECT);
    }
    let taro = gate.receive(&login(30, b"taro").signed());
    assert_eq!(taro.kind(), "asked");
    gate.now += Duration::from_secs(60);
    let later = gate.receive(&login(31, b"hanako").signed());
    assert_eq!(later.kind(), "asked");
}

#[test]
fn r35_every_reply_begins_with_message_authenticator() {
    let proxied = Raw::login().with(AttributeType::PROXY_STATE, b"p").signed();
    let mut replies = vec![
        Gate::new().accept(&proxied),
        Gate::lenient().accept(&proxied),
    ];
    let mut gate = Gate::new();
    let ticket = gate.receive(&proxied).ticket();
    replies.push(gate.conclude(ticket, Verdict::Reject).unwrap());
    let refused = Raw::login().without(AttributeType::USER_NAME).signed();
    let mut gate = Gate::new();
    let ticket = gate.receive(&refused).ticket();
    replies.push(gate.release(ticket).unwrap());
    match Gate::new().receive(&Raw::new(Code::STATUS_SERVER).signed()) {
        Outcome::Sent(reply, SendCause::Status) => replies.push(reply),
        other => panic!("{other:?}"),
    }
    for reply in replies {
        assert_eq!(reply[20..22], [80, 18]);
        assert!(check_reply(&secret(), 7, &AUTHENTICATOR, &reply).is_ok());
    }
}

/// FreeRADIUS CVE-2022-41860: an unknown option led to a missing lookup.
#[test]
fn r36_unknown_attributes_and_vendors_are_ignored() {
    let mut gate = Gate::new();
    for kind in (200..=255).filter(|&kind| kind != AttributeType::MESSAGE_AUTHENTICATOR.0) {
        let mut authenticator = AUTHENTICATOR;
        authenticator[0] = kind;
        let request = Raw::login()
            .with(AttributeType(kind), b"\x00\x80\x01")
            .with(
                AttributeType::VENDOR_SPECIFIC,
                &[0, 0xff, 0xff, kind, 1, 0, 9],
            )
            .with(AttributeType::VENDOR_SPECIFIC, &[0, 0, 1, 55, 200, 1])
            .with_authenticator(authenticator);
        let outcome = gate.receive(&request.signed());
        assert!(matches!(outcome, Outcome::Asked { .. }), "{kind}");
    }
}

/// Cisco ISE CVE-2025-20152: one request ended the service. Here a small mutator; the fuzz target
/// runs for longer.
#[test]
fn r37_no_change_of_one_octet_ends_the_service() {
    let request = Raw::login()
        .with(AttributeType::PROXY_STATE, b"p")
        .with(AttributeType::VENDOR_SPECIFIC, b"\x00\x00\x01\x37\x19\x34")
        .octets();
    let mut gate = Gate::lenient();
    for at in 0..request.len() {
        for octet in 0..=u8::MAX {
            let mut mutated = request.clone();
            mutated[at] = octet;
            gate.receive(&mutated);
        }
    }
    let outcome = gate.receive(&Raw::login().with_authenticator([9; 16]).signed());
    assert!(matches!(outcome, Outcome::Asked { .. }));
}

/// radsecproxy 1.11.x: an outgoing packet could become too big.
#[test]
fn r38_no_packet_over_4096_octets_is_written() {
    let mut buffer = [0; 2 * PACKET_MAX];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 1, &AUTHENTICATOR).unwrap();
    while writer
        .attribute(AttributeType::PROXY_STATE, &[1; 253])
        .is_ok()
    {}
    while writer.attribute(AttributeType::PROXY_STATE, &[1]).is_ok() {}
    let length = writer.seal(&secret());
    assert!((PACKET_MAX - 2..=PACKET_MAX).contains(&length));
    assert!(Packet::parse(&buffer[..length]).is_ok());
}

/// FreeRADIUS 2017, CVE-2017-10978 to 10988: lengths in decoders.
#[test]
fn r39_every_length_of_every_used_attribute_is_survived() {
    let mut gate = Gate::new();
    for kind in [
        1, 2, 3, 4, 5, 6, 18, 24, 26, 31, 32, 33, 44, 60, 70, 79, 80, 87, 103,
    ] {
        for length in 0..=253 {
            let request = Raw::login()
                .without(AttributeType(kind))
                .with(AttributeType(kind), &vec![0; length]);
            let mut gate_for_each = Gate::new();
            gate_for_each.receive(&request.signed());
            gate.receive(&request.octets());
        }
    }
    assert!(matches!(
        gate.receive(&Raw::login().signed()),
        Outcome::Asked { .. }
    ));
}

/// FreeIPA CVE-2020-1722, OpenSSH CVE-2016-6515: very long passwords burn the CPU.
#[test]
fn r40_password_over_128_octets_is_refused_before_it_is_read() {
    for size in [144, 240] {
        let request = Raw::login()
            .without(AttributeType::USER_PASSWORD)
            .with(AttributeType::USER_PASSWORD, &vec![1; size]);
        assert!(matches!(
            Gate::new().receive(&request.signed()),
            Outcome::Held(_, Refusal::PasswordSize)
        ));
    }
}

/// FreeRADIUS with more live pairs of port and Identifier than its limit: 42,000/s became 1,639/s.
#[test]
fn p10_128_sockets_with_256_identifiers_are_served_by_a_smaller_cache() {
    let bounds = Bounds::new(LIFETIME_MIN, 16_384).unwrap();
    let mut gate = Gate::with_bounds(client(), bounds);
    for identifier in 0..=u8::MAX {
        let request = Raw::login().with_identifier(identifier).signed();
        for port in 0..128 {
            gate.peer.set_port(40_000 + port);
            let ticket = gate.receive(&request).ticket();
            assert!(gate.conclude(ticket, Verdict::Accept).is_some());
        }
        assert!(gate.server.remembered() <= 16_384);
    }
    assert_eq!(gate.server.remembered(), 16_384);
    let newest = Raw::login().with_identifier(u8::MAX).signed();
    assert!(matches!(
        gate.receive(&newest),
        Outcome::Sent(_, SendCause::Duplicate)
    ));
}

/// RADIUS servers in Rust and Go remember a request only while it is handled, so a retransmission
/// after a lost reply is judged again, and refused.
#[test]
fn p11_retransmission_after_a_lost_reply_gets_the_same_octets() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let lost = gate.accept(&request);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(lost.clone(), SendCause::Duplicate)
    );
    gate.now += LIFETIME_MIN - Duration::from_millis(1);
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(lost, SendCause::Duplicate)
    );
}

/// pam_radius 2.0.0 answers challenges at the end of its input for ever, 9,000 times a second.
#[test]
fn p13_client_that_answers_every_challenge_at_once_comes_to_an_end() {
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 3 });
    let mut attempts = 0;
    let mut rejects = 0;
    let mut request = Raw::login();
    for n in 0..1000u16 {
        request.identifier = n as u8;
        request.authenticator[..2].copy_from_slice(&n.to_be_bytes());
        request = request
            .without(AttributeType::USER_PASSWORD)
            .password(b"000000");
        let reply = match gate.receive(&request.signed()) {
            Outcome::Sent(reply, SendCause::Challenge) => reply,
            Outcome::Asked { ticket, .. } => {
                attempts += 1;
                gate.hold(ticket, &Answer::from(Verdict::Reject));
                gate.release(ticket).unwrap()
            }
            Outcome::Held(ticket, _) => gate.release(ticket).unwrap(),
            other => panic!("{other:?}"),
        };
        request = request.without(AttributeType::STATE);
        let packet = Packet::parse(&reply).unwrap();
        match packet.first(AttributeType::STATE) {
            Some(state) => request = request.with(AttributeType::STATE, state.value),
            None => rejects += 1,
        }
    }
    assert!(attempts <= 10, "{attempts}");
    assert!(rejects >= 980, "{rejects}");
}

/// What the `radius` crate lacks, a vector for each.
#[test]
fn p15_password_is_not_cut_at_a_nul_inside() {
    let request = Raw::login()
        .without(AttributeType::USER_PASSWORD)
        .password(b"ab\0cd");
    match Gate::new().receive(&request.signed()) {
        Outcome::Asked { proof, .. } => assert_eq!(proof, Asked::Code(b"ab\0cd".to_vec())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn p15_request_over_1500_octets_and_with_padding_is_read() {
    let mut request = Raw::login();
    for _ in 0..15 {
        request = request.with(AttributeType(200), &[1; 253]);
    }
    let mut datagram = request.signed();
    datagram.extend([0; 100]);
    assert!(datagram.len() > 3900);
    assert!(matches!(
        Gate::new().receive(&datagram),
        Outcome::Asked { .. }
    ));
}

#[test]
fn p15_message_authenticator_is_demanded_and_verified() {
    let zero = Raw::login()
        .with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])
        .octets();
    assert_eq!(
        Gate::new().receive(&zero),
        Outcome::Ignored(Ignored::WrongMessageAuthenticator)
    );
}

/// The `radius` crate reads our replies, and agrees about every attribute and the authenticator.
#[test]
fn replies_are_read_alike_by_an_independent_decoder() {
    let request = Raw::login()
        .with(AttributeType::PROXY_STATE, b"first")
        .with(AttributeType::PROXY_STATE, b"second")
        .signed();
    for (verdict, code) in [
        (Verdict::Accept, radius::core::code::Code::AccessAccept),
        (Verdict::Reject, radius::core::code::Code::AccessReject),
    ] {
        let mut gate = Gate::with(|client| client.texts.rejected = "関所".to_owned());
        let ticket = gate.receive(&request).ticket();
        let answer = Answer::from(verdict).with_reply_message("関所");
        let reply = gate.conclude_with(ticket, &answer).unwrap();
        assert!(Other::is_authentic_response(&reply, &request, SECRET));
        let other = Other::decode(&reply, SECRET).unwrap();
        assert_eq!(other.get_code(), code);
        assert_eq!(other.get_identifier(), 7);
        let text = rfc2865::lookup_reply_message(&other).unwrap().unwrap();
        assert_eq!(text, "関所");
        assert_eq!(
            rfc2865::lookup_all_proxy_state(&other),
            [b"first".to_vec(), b"second".to_vec()]
        );
        assert_eq!(
            rfc2869::lookup_message_authenticator(&other).unwrap().len(),
            16
        );
    }
}

/// And it writes a request that we read: it knows User-Password, but no Message-Authenticator.
#[test]
fn request_of_an_independent_encoder_is_read() {
    let mut request =
        Other::new_with_identifier(radius::core::code::Code::AccessRequest, SECRET, 42);
    rfc2865::add_user_name(&mut request, "hanako");
    rfc2865::add_user_password(&mut request, CODE).unwrap();
    let datagram = request.encode().unwrap();
    match Gate::lenient().receive(&datagram) {
        Outcome::Asked { account, proof, .. } => {
            assert_eq!(
                (account.as_str(), proof),
                ("hanako", Asked::Code(CODE.to_vec()))
            );
        }
        other => panic!("{other:?}"),
    }
}
