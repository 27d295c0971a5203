//! The checklist that the protocol was built by, a test for each row: `n1_1_row_06` is row 6 of
//! the packet level (RFC 2865), `n1_2` the difference of malformed and invalid (RFC 6929), `n1_3`
//! accounting (RFC 2866), `n1_4` RFC 5080, `n1_5` Status-Server (RFC 5997), `n1_6` the answers to
//! the attack on MD5 (CVE-2024-3596).
//!
//! Here stands what one packet brings. How conversations go is in `challenges` and `eap`.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sekisho_radius_protocol::accounting::{self, Accounting};
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::server::{
    Answer, Arrival, Client, Ignored, MessageAuthenticatorRule, Method, Methods, Mode, Random,
    SendCause, Verdict,
};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

use crate::nas::{AUTHENTICATOR, CODE, Gate, Outcome, Raw, SECRET, fresh_authenticator, secret};

const PAP_IS_ASKED: &str = "asked";

/// What is done with a packet that is not signed, by a server that takes such packets, and
/// whether the same packet signed has the same fate.
#[track_caller]
fn check(datagram: &[u8], expected: &str) {
    assert_eq!(Gate::lenient().receive(datagram).kind(), expected);
}

#[track_caller]
fn check_signed(request: &Raw, expected: &str) {
    assert_eq!(Gate::new().receive(&request.signed()).kind(), expected);
}

fn without_password() -> Raw {
    Raw::login().without(AttributeType::USER_PASSWORD)
}

/// What the accounting port does with a packet: `store`, `send` or why it is ignored.
fn on_accounting_port(client: Client, datagram: &[u8]) -> String {
    let mut out = Box::new([0; 4096]);
    let arrival = Arrival {
        at: Gate::new().at(),
        peer: Gate::new().peer,
        socket: 0,
        ready: true,
        random: Random([0; Random::OCTETS]),
    };
    let mut accounting = Accounting::new(Bounds::default());
    match accounting.handle(&arrival, &Arc::new(client), datagram, &mut out) {
        accounting::Action::Ignore(why) => format!("ignored {why:?}"),
        accounting::Action::Send(_) => "sent".to_owned(),
        accounting::Action::Store(_) => "store".to_owned(),
    }
}

/// The Request Authenticator of RFC 2866 section 3, computed here.
fn digested(raw: &Raw) -> Vec<u8> {
    let mut octets = raw.octets();
    octets[4..20].fill(0);
    let sealed = Md5::new_with_prefix(&octets).chain_update(SECRET);
    octets[4..20].copy_from_slice(&sealed.finalize());
    octets
}

fn report() -> Raw {
    Raw::new(Code::ACCOUNTING_REQUEST)
        .with(AttributeType::ACCT_STATUS_TYPE, &[0, 0, 0, 1])
        .with(AttributeType::ACCT_SESSION_ID, b"5F00-1")
}

/// Checks both authenticators of a reply without the crate under test.
#[track_caller]
fn is_true_reply(reply: &[u8], request: &[u8]) {
    assert_eq!(reply[1], request[1]);
    assert_eq!(
        reply.len(),
        usize::from(u16::from_be_bytes([reply[2], reply[3]]))
    );
    let mut with_request = reply.to_vec();
    with_request[4..20].copy_from_slice(&request[4..20]);
    let sealed = Md5::new_with_prefix(&with_request).chain_update(SECRET);
    assert_eq!(sealed.finalize()[..], reply[4..20]);
    assert_eq!(reply[20..22], [80, 18]);
    with_request[22..38].fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET).expect("any key will do");
    mac.update(&with_request);
    assert_eq!(mac.finalize().into_bytes()[..], reply[22..38]);
}

fn kinds(reply: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(reply).expect("well-formed");
    packet
        .attributes()
        .map(|attribute| attribute.kind.0)
        .collect()
}

/// One reply of each kind to the same request.
fn replies(request: &Raw) -> [(Code, Vec<u8>); 3] {
    let answer = |verdict| Answer::from(verdict).with_reply_message("text");
    let concluded = |verdict| {
        let mut gate = Gate::new();
        let ticket = gate.receive(&request.signed()).ticket();
        let answer = answer(verdict).with_attributes(b"\x19\x03c\x21\x03p\x18\x03s");
        gate.conclude_with(ticket, &answer)
            .expect("it is waited for")
    };
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 3 });
    let Outcome::Sent(challenge, _) = gate.receive(&request.signed()) else {
        panic!("no challenge");
    };
    [
        (Code::ACCESS_ACCEPT, concluded(Verdict::Accept)),
        (Code::ACCESS_REJECT, concluded(Verdict::Reject)),
        (Code::ACCESS_CHALLENGE, challenge),
    ]
}

#[test]
fn n1_1_row_01_length_below_20_or_above_4096_is_dropped() {
    let whole = Raw::login().octets();
    for size in 0..20 {
        let outcome = Gate::lenient().receive(&whole[..size]);
        assert!(matches!(outcome, Outcome::Ignored(Ignored::Malformed(_))));
    }
    let mut large = vec![0; 5000];
    large[..whole.len()].copy_from_slice(&whole);
    for length in [0u16, 1, 19, 4097, 5000, u16::MAX] {
        large[2..4].copy_from_slice(&length.to_be_bytes());
        check(&large, "ignored Malformed(LengthOutOfRange)");
        let client = Gate::new().client.name.to_string();
        let port = on_accounting_port(Client::new(client, secret()), &large);
        assert_eq!(port, "ignored Malformed(LengthOutOfRange)");
    }
}

#[test]
fn n1_1_row_02_shorter_than_length_is_dropped_and_longer_is_padding() {
    let whole = Raw::login().octets();
    for size in 20..whole.len() {
        check(&whole[..size], "ignored Malformed(Truncated)");
    }
    for padding in [1, 4, 1000] {
        for mut datagram in [whole.clone(), Raw::login().signed()] {
            datagram.resize(datagram.len() + padding, 0xee);
            check(&datagram, PAP_IS_ASKED);
        }
        let mut datagram = digested(&report());
        datagram.resize(datagram.len() + padding, 0xee);
        assert_eq!(on_accounting_port(crate::nas::client(), &datagram), "store");
    }
}

#[test]
fn n1_1_row_03_invalid_code_is_dropped() {
    for code in 0..=u8::MAX {
        let request = Raw {
            code,
            ..Raw::login()
        };
        let expected = match Code(code) {
            Code::ACCESS_REQUEST => PAP_IS_ASKED,
            Code::STATUS_SERVER => "sent Status",
            _ => "ignored Code",
        };
        check_signed(&request, expected);
        let request = Raw { code, ..report() };
        let expected = match Code(code) {
            Code::ACCOUNTING_REQUEST => "store",
            Code::STATUS_SERVER => "ignored NoMessageAuthenticator",
            _ => "ignored Code",
        };
        let port = on_accounting_port(crate::nas::client(), &digested(&request));
        assert_eq!(port, expected, "{code}");
    }
}

/// Who has no secret is settled before this crate: the client is an argument. That nothing in the
/// packet changes it, is settled here.
#[test]
fn n1_1_row_04_secret_is_not_chosen_by_what_the_packet_says_of_its_nas() {
    let spoofed = Raw::login()
        .without(AttributeType::NAS_IDENTIFIER)
        .with(AttributeType::NAS_IP_ADDRESS, &[198, 51, 100, 1])
        .with(AttributeType::NAS_IDENTIFIER, b"another");
    check_signed(&spoofed, PAP_IS_ASKED);
    let outcome = Gate::new().receive(&spoofed.signed_with(b"secret of another"));
    assert_eq!(outcome.kind(), "ignored WrongMessageAuthenticator");
}

#[test]
fn n1_1_row_05_secret_is_not_empty_and_a_short_one_is_known() {
    assert!(Secret::new(*b"").is_err());
    for (octets, is_short) in [(1, true), (12, true), (16, false), (32, false), (64, false)] {
        let secret = Secret::new(vec![b's'; octets]).unwrap();
        assert_eq!(secret.is_short(), is_short, "{octets}");
    }
}

#[test]
fn n1_1_row_06_user_password_is_16_to_128_octets_in_blocks_and_only_its_end_is_padding() {
    for size in [0, 1, 15, 16, 17, 20, 32, 112, 127, 128, 144, 253] {
        let request = without_password().with(AttributeType::USER_PASSWORD, &vec![1; size]);
        let is_right = (16..=128).contains(&size) && size % 16 == 0;
        let expected = if is_right {
            PAP_IS_ASKED
        } else {
            "refused PasswordSize"
        };
        check_signed(&request, expected);
    }
    for (typed, read) in [
        (&b"ab\0cd"[..], &b"ab\0cd"[..]),
        (b"ab\0\0", b"ab"),
        (b"\0ab", b"\0ab"),
        (&[b'a'; 128], &[b'a'; 128]),
    ] {
        match Gate::new().receive(&without_password().password(typed).signed()) {
            Outcome::Asked { proof, .. } => {
                assert_eq!(proof, crate::nas::Asked::Code(read.to_vec()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn n1_1_row_07_one_proof_is_needed_and_two_are_refused() {
    let chap = |raw: Raw| raw.with(AttributeType::CHAP_PASSWORD, &[1; 17]);
    for (request, signed, bare) in [
        (
            without_password(),
            "refused NoMethod",
            "ignored NothingToJudge",
        ),
        (
            chap(Raw::login()),
            "refused SeveralMethods",
            "refused SeveralMethods",
        ),
        (
            Raw::login().password(CODE),
            "refused SeveralMethods",
            "refused SeveralMethods",
        ),
        (
            chap(chap(without_password())),
            "refused SeveralMethods",
            "refused SeveralMethods",
        ),
        (
            Raw::login().eap(&[2, 1, 0, 6, 1, b'h']),
            "refused SeveralMethods",
            "ignored NoMessageAuthenticator",
        ),
    ] {
        let all = |client: &mut Client| {
            client.methods = Methods::from_iter(Method::ALL);
            client.message_authenticator = MessageAuthenticatorRule::Off;
        };
        assert_eq!(Gate::with(all).receive(&request.signed()).kind(), signed);
        assert_eq!(Gate::with(all).receive(&request.octets()).kind(), bare);
    }
}

#[test]
fn n1_1_row_08_chap_takes_its_challenge_from_attribute_60_or_the_authenticator() {
    let on = |client: &mut Client| client.methods = Methods::from_iter([Method::Chap]);
    let chap = without_password().with(AttributeType::CHAP_PASSWORD, &[7; 17]);
    for (challenge, expected) in [
        (None, AUTHENTICATOR.to_vec()),
        (Some(vec![1; 16]), vec![1; 16]),
        (Some(vec![2; 8]), vec![2; 8]),
        (Some(vec![3; 40]), vec![3; 40]),
    ] {
        let request = match challenge {
            Some(challenge) => chap.clone().with(AttributeType::CHAP_CHALLENGE, &challenge),
            None => chap.clone(),
        };
        match Gate::with(on).receive(&request.signed()) {
            Outcome::Asked { proof, .. } => {
                assert_eq!(proof, crate::nas::Asked::Chap(7, expected, [7; 16]));
            }
            other => panic!("{other:?}"),
        }
    }
    for size in (0..=253).filter(|size| *size != 17) {
        let request = without_password().with(AttributeType::CHAP_PASSWORD, &vec![7; size]);
        let outcome = Gate::with(on).receive(&request.signed());
        assert_eq!(outcome.kind(), "refused ProofForm", "{size}");
    }
}

#[test]
fn n1_1_row_09_method_that_is_not_supported_is_rejected() {
    for kind in [AttributeType::ARAP_PASSWORD, AttributeType::DIGEST_RESPONSE] {
        let mut gate = Gate::new();
        let outcome = gate.receive(&without_password().with(kind, &[1; 16]).signed());
        assert_eq!(outcome.kind(), "refused MethodOff");
        let reply = gate.release(outcome.ticket()).unwrap();
        assert_eq!(reply[0], Code::ACCESS_REJECT.0);
    }
}

#[test]
fn n1_1_row_10_reply_has_the_identifier_and_a_true_authenticator() {
    for identifier in [0, 7, 255] {
        let request = Raw::login().with_identifier(identifier);
        for (code, reply) in replies(&request) {
            assert_eq!(reply[0], code.0);
            is_true_reply(&reply, &request.signed());
        }
    }
}

#[test]
fn n1_1_row_11_every_proxy_state_is_copied_unmodified_and_in_order() {
    let twenty: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; 12]).collect();
    for states in [
        vec![],
        vec![vec![0; 253]],
        vec![b"b".to_vec(), b"a".to_vec()],
        vec![vec![], b"after an empty one".to_vec()],
        twenty,
    ] {
        let mut request = Raw::login();
        for state in &states {
            request = request
                .with(AttributeType::PROXY_STATE, state)
                .with(AttributeType(200), b"between");
        }
        for (_, reply) in replies(&request) {
            let packet = Packet::parse(&reply).unwrap();
            let copied: Vec<&[u8]> = packet
                .all(AttributeType::PROXY_STATE)
                .map(|a| a.value)
                .collect();
            assert_eq!(copied, states);
        }
    }
}

/// What a challenge does with its State is in `challenges`.
#[test]
fn n1_1_row_12_two_states_or_one_that_is_not_ours_are_refused() {
    let challenging = |client: &mut Client| client.mode = Mode::Challenge { rounds: 3 };
    let stale = Raw::login().with(AttributeType::STATE, b"stale");
    let two = stale.clone().with(AttributeType::STATE, b"second");
    for request in [stale, two] {
        for mut gate in [Gate::new(), Gate::with(challenging)] {
            assert_eq!(gate.receive(&request.signed()).kind(), "refused BadState");
        }
    }
}

#[test]
fn n1_1_row_13_each_reply_holds_only_what_it_may() {
    let request = Raw::login().with(AttributeType::PROXY_STATE, b"p");
    let permitted = |code: Code, kind: u8| match code {
        // Reply-Message, State, Vendor-Specific, time-outs, Prompt.
        Code::ACCESS_CHALLENGE => matches!(kind, 18 | 24 | 26 | 27 | 28 | 76),
        Code::ACCESS_REJECT => kind == 18,
        // Nothing of what only the protocol itself may set, whoever asked for it.
        _ => !matches!(kind, 2 | 3 | 24 | 60 | 79),
    };
    for (code, reply) in replies(&request) {
        for kind in kinds(&reply) {
            assert!(
                matches!(kind, 33 | 80) || permitted(code, kind),
                "{kind} in {code:?}"
            );
        }
        assert_eq!(
            Packet::parse(&reply)
                .unwrap()
                .count(AttributeType::PROXY_STATE),
            1
        );
        assert_eq!(
            Packet::parse(&reply)
                .unwrap()
                .count(AttributeType::MESSAGE_AUTHENTICATOR),
            1
        );
    }
}

#[test]
fn n1_1_row_14_order_does_not_matter_and_unknown_attributes_are_ignored() {
    let long: Vec<u8> = (0..253).map(|n| n as u8).collect();
    let mut request = Raw::login();
    for kind in [200, 241, 242, 243, 244, 245, 246, 255] {
        request = request
            .with(AttributeType(kind), &long)
            .with(AttributeType(kind), b"");
    }
    request = request.with(
        AttributeType::VENDOR_SPECIFIC,
        &[0, 0xff, 0xff, 0xff, 1, 3, 9],
    );
    for turn in 0..request.attributes.len() {
        request.attributes.rotate_left(1);
        request.authenticator = fresh_authenticator();
        let authenticator = request.authenticator;
        let turned = request.clone().with_authenticator(authenticator);
        let outcome = Gate::new().receive(&turned.signed());
        assert_eq!(outcome.kind(), PAP_IS_ASKED, "{turn}");
    }
}

/// Every Length octet of a packet with several attributes, set to every value.
#[test]
fn n1_1_row_15_attribute_that_is_too_short_or_overruns_drops_the_packet() {
    let request = Raw::login()
        .with(AttributeType::PROXY_STATE, b"proxy")
        .octets();
    let mut at = 20;
    while at < request.len() {
        let right = request[at + 1];
        for length in (0..=u8::MAX).filter(|length| *length != right) {
            let mut changed = request.clone();
            changed[at + 1] = length;
            let outcome = Gate::lenient().receive(&changed);
            let overruns = at + usize::from(length) > request.len();
            if length < 2 || overruns {
                assert_eq!(outcome.kind(), "ignored Malformed(MalformedAttribute)");
            }
        }
        at += usize::from(right);
    }
}

#[test]
fn n1_1_row_16_packet_without_a_name_of_its_nas_is_served() {
    check_signed(
        &Raw::login().without(AttributeType::NAS_IDENTIFIER),
        PAP_IS_ASKED,
    );
}

#[test]
fn n1_1_row_17_authorize_only_and_call_check_are_no_logins() {
    for (service, expected) in [
        (17u32, "refused NotALogin"),
        (10, "refused NotALogin"),
        (8, PAP_IS_ASKED),
        (2, PAP_IS_ASKED),
        (u32::MAX, PAP_IS_ASKED),
    ] {
        let request = Raw::login().with(AttributeType::SERVICE_TYPE, &service.to_be_bytes());
        check_signed(&request, expected);
    }
}

#[test]
fn n1_1_row_18_long_text_is_cut_between_characters_and_keeps_its_order() {
    for text in ["関所".repeat(60), "a".repeat(600), "b".repeat(253)] {
        let mut gate = Gate::new();
        let ticket = gate.receive(&Raw::login().signed()).ticket();
        let answer = Answer::from(Verdict::Accept).with_reply_message(&text);
        let reply = gate.conclude_with(ticket, &answer).unwrap();
        let packet = Packet::parse(&reply).unwrap();
        let pieces: Vec<&str> = packet
            .all(AttributeType::REPLY_MESSAGE)
            .map(|piece| piece.text().expect("whole characters"))
            .collect();
        assert!(
            pieces
                .iter()
                .all(|piece| !piece.is_empty() && piece.len() <= 253)
        );
        assert_eq!(pieces.concat(), text);
    }
}

#[test]
fn n1_2_row_1_value_of_the_wrong_size_is_ignored_and_the_packet_is_not() {
    for kind in [
        4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 27, 28, 29, 37, 38, 55, 61, 62, 85, 95, 97,
    ] {
        for size in 0..=8 {
            let request = Raw::login().with(AttributeType(kind), &vec![0; size]);
            check_signed(&request, PAP_IS_ASKED);
        }
    }
}

#[test]
fn n1_2_row_2_extended_attributes_are_passed_over_without_loss() {
    let long = [&[26, 0x80][..], &[7; 251]].concat();
    for value in [
        // Extended, long extended with More, one that has More and is short, TLV in TLV, and a
        // vendor's, well and badly formed.
        &[1][..],
        &[26, 0, 0, 0, 9, 1, 5, 6],
        &long,
        &[26, 0x80, 1],
        &[1, 2, 4, 1, 2],
        &[1, 2, 255, 1],
        &[26, 0, 0],
    ] {
        for kind in 241..=246 {
            let request = Raw::login()
                .with(AttributeType(kind), value)
                .with(AttributeType::PROXY_STATE, b"behind");
            let reply = Gate::new().accept(&request.signed());
            let packet = Packet::parse(&reply).unwrap();
            assert_eq!(
                packet.first(AttributeType::PROXY_STATE).unwrap().value,
                b"behind"
            );
        }
    }
}

#[test]
fn n1_2_row_3_vendor_data_with_a_wrong_inner_length_is_opaque() {
    let vendor = |inner: &[u8]| [&[0, 0, 1, 55][..], inner].concat();
    let response = [&[25, 52][..], &[1; 50]].concat();
    for (inner, expected) in [
        (&b""[..], PAP_IS_ASKED),
        (&[25], PAP_IS_ASKED),
        (&[25, 0], PAP_IS_ASKED),
        (&[25, 1], PAP_IS_ASKED),
        (&[25, 60, 1], PAP_IS_ASKED),
        // What cannot be a response is none; what is one, is a second proof.
        (&response[..51], PAP_IS_ASKED),
        (&response, "refused SeveralMethods"),
    ] {
        let request = Raw::login().with(AttributeType::VENDOR_SPECIFIC, &vendor(inner));
        check_signed(&request, expected);
    }
    // Shorter than a vendor's number, and types of 2 octets, and none at all.
    for value in [
        &[][..],
        &[0, 0, 1],
        &[0, 0, 0, 7, 1, 2, 0, 6, 1, 1],
        &[0, 0, 0, 8, 1, 2, 3, 4],
    ] {
        check_signed(
            &Raw::login().with(AttributeType::VENDOR_SPECIFIC, value),
            PAP_IS_ASKED,
        );
    }
}

#[test]
fn n1_3_row_1_request_authenticator_of_a_report_is_verified() {
    let right = digested(&report());
    assert_eq!(on_accounting_port(crate::nas::client(), &right), "store");
    for bit in 32..right.len() * 8 {
        let mut changed = right.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(on_accounting_port(crate::nas::client(), &changed).starts_with("ignored"));
    }
    let other = Client::new("vpn-1", Secret::new(*b"another").unwrap());
    assert_eq!(
        on_accounting_port(other, &right),
        "ignored RequestAuthenticator"
    );
}

/// That nothing is answered before it is stored: `accounting`.
#[test]
fn n1_3_row_3_message_authenticator_in_a_report_is_verified_and_eap_is_dropped() {
    let wrong = report().with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16]);
    assert_eq!(
        on_accounting_port(crate::nas::client(), &digested(&wrong)),
        "ignored WrongMessageAuthenticator"
    );
    let eap = report().with(AttributeType::EAP_MESSAGE, &[2, 1, 0, 4]);
    assert_eq!(
        on_accounting_port(crate::nas::client(), &digested(&eap)),
        "ignored Forbidden(AttributeType(79))"
    );
}

#[test]
fn n1_3_row_4_proofs_state_and_text_have_no_place_in_a_report_and_a_session_id_has() {
    for kind in [2, 3, 18, 24] {
        let request = report().with(AttributeType(kind), &[1; 16]);
        assert_eq!(
            on_accounting_port(crate::nas::client(), &digested(&request)),
            format!("ignored Forbidden(AttributeType({kind}))")
        );
    }
    let nameless = report().without(AttributeType::ACCT_SESSION_ID);
    assert_eq!(
        on_accounting_port(crate::nas::client(), &digested(&nameless)),
        "ignored NoSessionId"
    );
}

#[test]
fn n1_4_row_1_same_datagram_three_times_is_judged_once_and_answered_alike() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let reply = gate.accept(&request);
    for _ in 0..2 {
        let expected = Outcome::Sent(reply.clone(), SendCause::Duplicate);
        assert_eq!(gate.receive(&request), expected);
    }
    // Each of port and socket makes it another request.
    gate.peer.set_port(40_001);
    assert_eq!(gate.receive(&request).kind(), PAP_IS_ASKED);
    gate.socket = 1;
    assert_eq!(gate.receive(&request).kind(), PAP_IS_ASKED);
}

#[test]
fn n1_4_row_2_same_key_with_another_authenticator_replaces_the_old_request() {
    let mut gate = Gate::new();
    let old = Raw::login().signed();
    gate.accept(&old);
    let new = Raw::login().with_authenticator([1; 16]).signed();
    assert_eq!(gate.receive(&new).kind(), PAP_IS_ASKED);
    assert_eq!(gate.server.remembered(), 1);
    assert_eq!(
        gate.receive(&old).kind(),
        PAP_IS_ASKED,
        "the old one is forgotten"
    );
}

#[test]
fn n1_4_row_3_packet_with_a_wrong_message_authenticator_does_not_touch_the_cache() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let reply = gate.accept(&request);
    let forged = Raw::login()
        .with_authenticator([1; 16])
        .signed_with(b"guess");
    assert_eq!(
        gate.receive(&forged).kind(),
        "ignored WrongMessageAuthenticator"
    );
    assert_eq!(
        gate.receive(&request),
        Outcome::Sent(reply, SendCause::Duplicate)
    );
}

#[test]
fn n1_4_row_4_duplicate_while_still_working_starts_nothing_and_gets_one_reply() {
    let mut gate = Gate::new();
    let request = Raw::login().signed();
    let ticket = gate.receive(&request).ticket();
    for _ in 0..3 {
        gate.now += Duration::from_secs(2);
        assert_eq!(gate.receive(&request).kind(), "ignored InProgress");
    }
    assert!(gate.conclude(ticket, Verdict::Accept).is_some());
    assert!(gate.conclude(ticket, Verdict::Accept).is_none());
}

#[test]
fn n1_5_status_server_needs_a_valid_message_authenticator_and_changes_nothing() {
    let status = Raw::new(Code::STATUS_SERVER);
    let wrong = status
        .clone()
        .with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16]);
    check(&status.octets(), "ignored NoMessageAuthenticator");
    check(&wrong.octets(), "ignored WrongMessageAuthenticator");
    check(
        &status.signed_with(b"another"),
        "ignored WrongMessageAuthenticator",
    );
    // Other attributes are ignored, even a proof.
    for request in [
        status,
        Raw {
            code: 12,
            ..Raw::login()
        },
    ] {
        let mut gate = Gate::new();
        for _ in 0..1000 {
            let Outcome::Sent(reply, SendCause::Status) = gate.receive(&request.signed()) else {
                panic!("no reply");
            };
            assert_eq!(reply[0], Code::ACCESS_ACCEPT.0);
            is_true_reply(&reply, &request.signed());
            assert_eq!(kinds(&reply), [80]);
        }
        assert_eq!(gate.server.remembered(), 0);
        gate.ready = false;
        assert_eq!(gate.receive(&request.signed()).kind(), "ignored NotReady");
        let mut off = Gate::with(|client| client.status_server = false);
        assert_eq!(
            off.receive(&request.signed()).kind(),
            "ignored StatusServerOff"
        );
        assert_eq!(
            on_accounting_port(crate::nas::client(), &request.signed()),
            "sent"
        );
    }
}

/// What `auto` learns is in `methods`; here is what its first packet brings.
#[test]
fn n1_6_test_a_rules_proxy_state_and_message_authenticator_in_all_combinations() {
    use MessageAuthenticatorRule::{Auto, Off, Require};
    let asked = PAP_IS_ASKED;
    let missing = "ignored NoMessageAuthenticator";
    let proxied = "ignored ProxyState";
    // Columns: neither; Proxy-State; Message-Authenticator; both.
    for (rule, limited, expected) in [
        (Require, true, [missing, missing, asked, asked]),
        (Require, false, [missing, missing, asked, asked]),
        (Auto, true, [asked, proxied, asked, asked]),
        (Auto, false, [asked, asked, asked, asked]),
        (Off, true, [asked, proxied, asked, asked]),
        (Off, false, [asked, asked, asked, asked]),
    ] {
        let proxy = Raw::login().with(AttributeType::PROXY_STATE, b"p");
        let datagrams = [
            Raw::login().octets(),
            proxy.octets(),
            Raw::login().signed(),
            proxy.signed(),
        ];
        for (datagram, expected) in datagrams.iter().zip(expected) {
            let mut gate = Gate::with(|client| {
                client.message_authenticator = rule;
                client.limit_proxy_state = limited;
            });
            assert_eq!(
                gate.receive(datagram).kind(),
                expected,
                "{rule:?} {limited}"
            );
        }
    }
}

#[test]
fn n1_6_tests_b_c_every_reply_begins_with_a_true_message_authenticator() {
    let request = Raw::login().with(AttributeType::PROXY_STATE, b"p");
    for (_, reply) in replies(&request) {
        assert_eq!(reply[20..22], [80, 18]);
        is_true_reply(&reply, &request.signed());
    }
}

#[test]
fn n1_6_test_d_message_authenticator_of_any_wrong_kind_drops_the_packet() {
    let kind = AttributeType::MESSAGE_AUTHENTICATOR;
    let right = Raw::login().signed();
    let value = right[right.len() - 16..].to_vec();
    let mut of_another = right.clone();
    of_another[4] ^= 1;
    for datagram in [
        Raw::login().with(kind, &[0; 15]).octets(),
        Raw::login().with(kind, &[0; 17]).octets(),
        Raw::login().with(kind, &value).signed(),
        Raw::login().with(kind, &[0; 16]).octets(),
        Raw::login().signed_with(b"wrong secret"),
        of_another,
    ] {
        for mut gate in [Gate::new(), Gate::lenient()] {
            let outcome = gate.receive(&datagram);
            assert_eq!(outcome.kind(), "ignored WrongMessageAuthenticator");
        }
    }
}

#[test]
fn n1_6_test_e_eap_without_message_authenticator_is_dropped_always() {
    let eap = without_password().eap(b"\x02\x01\x00\x0b\x01hanako");
    for rule in [
        MessageAuthenticatorRule::Require,
        MessageAuthenticatorRule::Auto,
        MessageAuthenticatorRule::Off,
    ] {
        let mut gate = Gate::with(|client| {
            client.message_authenticator = rule;
            client.methods = Methods::from_iter(Method::ALL);
        });
        let outcome = gate.receive(&eap.octets());
        assert_eq!(outcome.kind(), "ignored NoMessageAuthenticator");
    }
}

/// The attack writes its collision into Proxy-States that the server sends back. Either there is
/// no reply, or the keyed value stands before them, where it can not be foreseen.
#[test]
fn n1_6_test_f_reply_gives_the_attack_no_prefix() {
    let mut attack = Raw::login();
    for _ in 0..4 {
        attack = attack.with(AttributeType::PROXY_STATE, &[0x41; 253]);
    }
    check(&attack.octets(), "ignored ProxyState");
    let mut gate = Gate::with(|client| {
        client.message_authenticator = MessageAuthenticatorRule::Off;
        client.limit_proxy_state = false;
    });
    let reply = gate.accept(&attack.octets());
    is_true_reply(&reply, &attack.octets());
    let found = kinds(&reply);
    assert_eq!(found, [80, 33, 33, 33, 33]);
}
