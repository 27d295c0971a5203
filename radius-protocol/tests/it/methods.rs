//! Methods, modes and what a client can be set to: notes 1.1, 1.6, 1.8 and 3.4 to 3.6.

use radius::core::packet::Packet as Other;
use radius::core::rfc2865;
use sekisho_radius_protocol::attribute::microsoft;
use sekisho_radius_protocol::mppe;
use sekisho_radius_protocol::server::{
    Answer, Client, MessageAuthenticatorRule, Method, Methods, Mode, MsChapKeys, Quirks, SendCause,
    Verdict,
};
use sekisho_radius_protocol::state::FirstFactor;
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{
    AUTHENTICATOR, Asked, AskedFirst, CODE, Gate, Outcome, Raw, SECRET, kinds, only, read, secret,
};

/// RFC 2759 section 9.2 and RFC 3079 section 5.3; the second key is made up.
pub(crate) const CHALLENGE: [u8; 16] = *b"[]|}{?/><,`!2&&(";
pub(crate) const PEER_CHALLENGE: [u8; 16] = *b"!@#$%^&*()_+:3|~";
pub(crate) const NT_RESPONSE: [u8; 24] = [
    0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39, 0x81, 0xcd, 0x83, 0x54,
    0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf,
];
pub(crate) const SUCCESS: &[u8] = b"S=407A5589115FD0D6209F510FE9C04566932CDA56";
pub(crate) const SEND: [u8; 16] = [
    0x8b, 0x7c, 0xdc, 0x14, 0x9b, 0x99, 0x3a, 0x1b, 0xa1, 0x18, 0xcb, 0x15, 0x3f, 0x56, 0xdc, 0xcb,
];
pub(crate) const RECEIVE: [u8; 16] = [0x77; 16];

pub(crate) fn ms_chap_keys() -> MsChapKeys {
    MsChapKeys {
        authenticator_response: [
            0x40, 0x7a, 0x55, 0x89, 0x11, 0x5f, 0xd0, 0xd6, 0x20, 0x9f, 0x51, 0x0f, 0xe9, 0xc0,
            0x45, 0x66, 0x93, 0x2c, 0xda, 0x56,
        ],
        send: SEND,
        receive: RECEIVE,
    }
}

pub(crate) fn all_methods(client: &mut Client) {
    client.methods = Methods::from_iter(Method::ALL);
}

fn named(name: &[u8]) -> Raw {
    Raw::new(Code::ACCESS_REQUEST).with(AttributeType::USER_NAME, name)
}

fn chap() -> Raw {
    let mut value = vec![9];
    value.extend([0xc4; 16]);
    named(b"hanako").with(AttributeType::CHAP_PASSWORD, &value)
}

fn vendor(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut all = vec![0, 0, 1, 55, kind, value.len() as u8 + 2];
    all.extend(value);
    all
}

fn ms_chap_response() -> Vec<u8> {
    let mut response = vec![5, 0];
    response.extend(PEER_CHALLENGE);
    response.extend([0; 8]);
    response.extend(NT_RESPONSE);
    response
}

fn ms_chap(name: &[u8]) -> Raw {
    let response = vendor(25, &ms_chap_response());
    named(name)
        .with(AttributeType::VENDOR_SPECIFIC, &response)
        .with(AttributeType::VENDOR_SPECIFIC, &vendor(11, &CHALLENGE))
}

#[track_caller]
fn check(change: impl FnOnce(&mut Client), request: &Raw, expected: &str) {
    let outcome = Gate::with(change).receive(&request.signed());
    assert_eq!(outcome.kind(), expected);
}

#[track_caller]
fn asked(change: impl FnOnce(&mut Client), request: &Raw) -> (String, Asked, AskedFirst) {
    match Gate::with(change).receive(&request.signed()) {
        Outcome::Asked {
            account,
            proof,
            first,
            ..
        } => (account, proof, first),
        other => panic!("{other:?}"),
    }
}

#[test]
fn chap_takes_its_challenge_from_attribute_60_or_else_from_the_authenticator() {
    let none = AskedFirst::Known(FirstFactor::None);
    let of = |challenge: &[u8]| Asked::Chap(9, challenge.to_vec(), [0xc4; 16]);
    let (account, proof, first) = asked(all_methods, &chap());
    assert_eq!((account.as_str(), first), ("hanako", none));
    assert_eq!(proof, of(&AUTHENTICATOR));
    for challenge in [b"c".as_slice(), &[7; 16], &[8; 253]] {
        let request = chap().with(AttributeType::CHAP_CHALLENGE, challenge);
        assert_eq!(asked(all_methods, &request).1, of(challenge));
    }
}

#[test]
fn chap_of_the_wrong_form_is_refused_without_an_attempt() {
    for size in [0, 1, 16, 18, 253] {
        let request = named(b"hanako").with(AttributeType::CHAP_PASSWORD, &vec![1; size]);
        check(all_methods, &request, "refused ProofForm");
    }
    let empty = chap().with(AttributeType::CHAP_CHALLENGE, b"");
    check(all_methods, &empty, "refused ProofForm");
    let two = chap()
        .with(AttributeType::CHAP_CHALLENGE, b"a")
        .with(AttributeType::CHAP_CHALLENGE, b"b");
    check(all_methods, &two, "refused ProofForm");
    let stateful = chap().with(AttributeType::STATE, b"s");
    check(all_methods, &stateful, "refused BadState");
}

#[test]
fn ms_chap_v2_is_read_whole_and_the_domain_is_not_part_of_the_name() {
    let (account, proof, first) = asked(all_methods, &ms_chap(b"CORP\\User"));
    assert_eq!(account, "CORP\\User");
    assert_eq!(first, AskedFirst::Known(FirstFactor::None));
    let expected = Asked::MsChapV2 {
        challenge: CHALLENGE,
        peer_challenge: PEER_CHALLENGE,
        response: NT_RESPONSE,
        user_name: b"User".to_vec(),
    };
    assert_eq!(proof, expected);
    let both = {
        let mut inner = vendor(11, &CHALLENGE);
        inner.extend(&vendor(25, &ms_chap_response())[4..]);
        inner
    };
    let request = named(b"User").with(AttributeType::VENDOR_SPECIFIC, &both);
    assert_eq!(asked(all_methods, &request).1, expected);
}

#[test]
fn ms_chap_v2_of_the_wrong_form_is_refused_without_an_attempt() {
    let with = |challenge: &[u8], response: &[u8]| {
        named(b"User")
            .with(AttributeType::VENDOR_SPECIFIC, &vendor(11, challenge))
            .with(AttributeType::VENDOR_SPECIFIC, &vendor(25, response))
    };
    let response = ms_chap_response();
    for request in [
        with(&CHALLENGE[..8], &response),
        with(&[1; 17], &response),
        with(&CHALLENGE, &response[..49]),
        with(&CHALLENGE, &[0; 51]),
        with(&CHALLENGE, &[]),
        with(&CHALLENGE, &response).with(AttributeType::VENDOR_SPECIFIC, &vendor(11, &CHALLENGE)),
    ] {
        check(all_methods, &request, "refused ProofForm");
    }
    let alone = named(b"User").with(AttributeType::VENDOR_SPECIFIC, &vendor(25, &response));
    check(all_methods, &alone, "refused ProofForm");
    let v1 = named(b"User").with(AttributeType::VENDOR_SPECIFIC, &vendor(1, &[0; 50]));
    check(all_methods, &v1, "refused MethodOff");
    let two = ms_chap(b"User").with(AttributeType::VENDOR_SPECIFIC, &vendor(1, &[0; 50]));
    check(all_methods, &two, "refused SeveralMethods");
}

#[test]
fn ms_chap_v2_accept_proves_that_we_know_the_code_and_brings_the_keys() {
    let mut gate = Gate::with(all_methods);
    let request = ms_chap(b"User");
    let ticket = gate.receive(&request.signed()).ticket();
    let keys = ms_chap_keys();
    let answer = Answer::from(Verdict::Accept)
        .with_attributes(b"\x19\x05vpn")
        .with_ms_chap(&keys);
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    let packet = read(&request, &reply);
    assert_eq!(packet.code(), Code::ACCESS_ACCEPT);
    let found: Vec<_> = packet.vendor(microsoft::VENDOR_ID).collect();
    let of = |kind: u8| {
        let mut values = found.iter().filter(|a| a.kind == kind).map(|a| a.value);
        let value = values.next().unwrap();
        assert_eq!(values.next(), None);
        value
    };
    assert_eq!(of(26), [&[5], SUCCESS].concat());
    assert_eq!((of(7), of(8)), (&[0, 0, 0, 1][..], &[0, 0, 0, 6][..]));
    let reveal = |kind| mppe::reveal(&secret(), &AUTHENTICATOR, of(kind)).unwrap();
    assert_eq!(*reveal(16), SEND);
    assert_eq!(*reveal(17), RECEIVE);
    assert_ne!(of(16)[..2], of(17)[..2], "each has its own salt");
    assert!(of(16)[0] & of(17)[0] & 0x80 != 0);
    assert_eq!(only(&packet, AttributeType::CLASS), b"vpn");
}

#[test]
fn ms_chap_v2_accept_without_keys_lets_nobody_in() {
    let mut gate = Gate::with(all_methods);
    let request = ms_chap(b"User");
    let ticket = gate.receive(&request.signed()).ticket();
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    assert_eq!(read(&request, &reply).code(), Code::ACCESS_REJECT);
}

#[test]
fn ms_chap_v2_reject_says_error_691_and_forbids_a_retry() {
    let mut errors = Vec::new();
    for (change, request) in [
        (all_methods as fn(&mut Client), ms_chap(b"User")),
        (all_methods, ms_chap(b"")),
        (|_| {}, ms_chap(b"User")),
    ] {
        let mut gate = Gate::with(change);
        let reply = match gate.receive(&request.signed()) {
            Outcome::Asked { ticket, .. } => gate.conclude(ticket, Verdict::Reject),
            Outcome::Held(ticket, _) => gate.release(ticket),
            other => panic!("{other:?}"),
        }
        .unwrap();
        let packet = read(&request, &reply);
        assert_eq!(packet.code(), Code::ACCESS_REJECT);
        assert_eq!(kinds(&packet), [80, 26]);
        let error = packet.vendor(microsoft::VENDOR_ID).next().unwrap();
        assert_eq!(error.kind, 2);
        assert_eq!(error.value[0], 5);
        let text = std::str::from_utf8(&error.value[1..]).unwrap().to_owned();
        let (head, rest) = text.split_at("E=691 R=0 C=".len());
        let (challenge, tail) = rest.split_at(32);
        assert_eq!((head, tail), ("E=691 R=0 C=", " V=3 M=Login failed"));
        assert!(challenge.bytes().all(|c| c.is_ascii_hexdigit()));
        errors.push(challenge.to_owned());
    }
    assert_eq!(errors.len(), 3);
}

#[test]
fn each_method_is_taken_only_where_it_is_on_and_can_be_judged() {
    let identity = named(b"User").eap(b"\x02\x01\x00\x09\x01User");
    for (method, request) in [
        (Method::Pap, Raw::login()),
        (Method::Chap, chap()),
        (Method::MsChapV2, ms_chap(b"User")),
        (Method::EapGtc, identity.clone()),
        (Method::EapMsChapV2, identity),
    ] {
        let taken = |mode: Mode, methods: Methods| {
            let outcome = Gate::with(|client| {
                client.mode = mode;
                client.methods = methods;
            })
            .receive(&request.signed());
            match outcome.kind().as_str() {
                "refused MethodOff" => false,
                "asked" | "sent Challenge" => true,
                other => panic!("{method:?} {other}"),
            }
        };
        let only = Methods::from_iter([method]);
        let others = Methods::from_iter(Method::ALL.into_iter().filter(|m| match method {
            Method::EapGtc | Method::EapMsChapV2 => {
                !matches!(m, Method::EapGtc | Method::EapMsChapV2)
            }
            _ => *m != method,
        }));
        assert!(taken(Mode::Code, only), "{method:?}");
        assert!(!taken(Mode::Code, others), "{method:?}");
        assert!(!taken(Mode::Code, Methods::NONE), "{method:?}");
        let in_rounds = matches!(method, Method::Pap | Method::EapGtc);
        assert_eq!(taken(Mode::Challenge { rounds: 3 }, only), in_rounds);
    }
}

#[test]
fn password_and_code_are_split_by_length_alone() {
    let split = |typed: &[u8], code_length, code_at_end| {
        let request = Raw::login()
            .without(AttributeType::USER_PASSWORD)
            .password(typed);
        let outcome = Gate::with(|client| {
            client.first_factor = true;
            client.mode = Mode::PasswordAndCode {
                code_length,
                code_at_end,
            };
        })
        .receive(&request.signed());
        match outcome {
            Outcome::Asked {
                proof: Asked::Code(code),
                first: AskedFirst::Password(password),
                ..
            } => Some((password, code)),
            Outcome::Held(..) => None,
            other => panic!("{other:?}"),
        }
    };
    let pair = |a: &[u8], b: &[u8]| Some((a.to_vec(), b.to_vec()));
    assert_eq!(
        split(b"hunter2123456", 6, true),
        pair(b"hunter2", b"123456")
    );
    assert_eq!(
        split(b"123456hunter2", 6, false),
        pair(b"hunter2", b"123456")
    );
    assert_eq!(split(b"0012345678", 8, true), pair(b"00", b"12345678"));
    assert_eq!(
        split("パス123456".as_bytes(), 6, true),
        pair("パス".as_bytes(), b"123456")
    );
    let longest = [&[b'p'; 122][..], b"123456"].concat();
    assert_eq!(split(&longest, 6, true), pair(&[b'p'; 122], b"123456"));
    for typed in [b"".as_slice(), b"1", b"12345", b"123456"] {
        assert_eq!(
            split(typed, 6, true),
            None,
            "nothing is left for one of them"
        );
        assert_eq!(split(typed, 6, false), None);
    }
}

#[test]
fn quirks_change_the_account_and_nothing_else() {
    let quirks = |strip_realm, strip_domain| Quirks {
        strip_realm,
        strip_domain,
        ..Quirks::default()
    };
    for (name, plain, realm, domain, both) in [
        ("hana", "hana", "hana", "hana", "hana"),
        ("hana@corp", "hana@corp", "hana", "hana@corp", "hana"),
        ("a@b@corp", "a@b@corp", "a@b", "a@b@corp", "a@b"),
        ("CORP\\hana", "CORP\\hana", "CORP\\hana", "hana", "hana"),
        ("C\\D\\h@x", "C\\D\\h@x", "C\\D\\h", "D\\h@x", "D\\h"),
    ] {
        for (strip_realm, strip_domain, expected) in [
            (false, false, plain),
            (true, false, realm),
            (false, true, domain),
            (true, true, both),
        ] {
            let mut request = Raw::login();
            request.attributes[0].1 = name.into();
            let change = |client: &mut Client| client.quirks = quirks(strip_realm, strip_domain);
            assert_eq!(asked(change, &request).0, expected);
        }
    }
    for name in ["@corp", "CORP\\"] {
        let mut request = Raw::login();
        request.attributes[0].1 = name.into();
        let change = |client: &mut Client| client.quirks = quirks(true, true);
        check(change, &request, "refused UserName");
    }
}

#[test]
fn replies_without_message_authenticator_are_for_the_quirk_alone_and_never_for_eap() {
    let omit = |client: &mut Client| {
        all_methods(client);
        client.quirks.omit_message_authenticator = true;
    };
    let mut gate = Gate::with(omit);
    let reply = gate.accept(&Raw::login().signed());
    let packet = Packet::parse(&reply).unwrap();
    assert_eq!(packet.count(AttributeType::MESSAGE_AUTHENTICATOR), 0);
    assert!(Other::is_authentic_response(
        &reply,
        &Raw::login().signed(),
        SECRET
    ));
    let request = named(b"User").eap(b"\x02\x01\x00\x09\x01User");
    match gate.receive(&request.with_identifier(8).signed()) {
        Outcome::Sent(reply, SendCause::Challenge) => assert_eq!(reply[20..22], [80, 18]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nas_identifier_that_is_not_listed_is_dropped_and_leaves_no_trace() {
    let listed = |client: &mut Client| {
        client.nas_identifiers = vec!["vpn-1".to_owned(), "vpn-2".to_owned()];
    };
    let bare = Raw::login().without(AttributeType::NAS_IDENTIFIER);
    let of = |name: &[u8]| bare.clone().with(AttributeType::NAS_IDENTIFIER, name);
    for (request, expected) in [
        (of(b"vpn-1"), "asked"),
        (of(b"vpn-2"), "asked"),
        (of(b"vpn-3"), "ignored NasIdentifier"),
        (of(b"VPN-1"), "ignored NasIdentifier"),
        (of(b""), "ignored NasIdentifier"),
        (bare.clone(), "ignored NasIdentifier"),
    ] {
        let mut gate = Gate::with(listed);
        assert_eq!(gate.receive(&request.signed()).kind(), expected);
        assert_eq!(gate.server.remembered(), usize::from(expected == "asked"));
        check(|_| {}, &request, "asked");
    }
}

#[test]
fn auto_learns_from_the_first_packet_whether_message_authenticator_must_be_there() {
    let auto = |client: &mut Client| {
        all_methods(client);
        client.message_authenticator = MessageAuthenticatorRule::Auto;
    };
    let bare = |n: u8| Raw::login().with_identifier(n).octets();
    let signed = |n: u8| Raw::login().with_identifier(n).signed();
    let eap = |n: u8| {
        let identity = named(b"User").eap(b"\x02\x01\x00\x09\x01User");
        identity.with_identifier(n).signed()
    };
    let forged = |n: u8| Raw::login().with_identifier(n).signed_with(b"guess");

    let mut gate = Gate::with(auto);
    assert_eq!(gate.server.learned("vpn-1"), None);
    assert_eq!(gate.receive(&eap(1)).kind(), "sent Challenge");
    assert_eq!(gate.server.learned("vpn-1"), None, "EAP decides nothing");
    gate.receive(&forged(2));
    assert_eq!(gate.server.learned("vpn-1"), None, "nor does a forgery");
    assert_eq!(gate.receive(&signed(3)).kind(), "asked");
    let learned = gate.server.learned("vpn-1");
    assert_eq!(learned, Some(MessageAuthenticatorRule::Require));
    assert_eq!(
        gate.receive(&bare(4)).kind(),
        "ignored NoMessageAuthenticator"
    );

    let mut gate = Gate::with(auto);
    assert_eq!(gate.receive(&bare(1)).kind(), "asked");
    let learned = gate.server.learned("vpn-1");
    assert_eq!(learned, Some(MessageAuthenticatorRule::Off));
    assert_eq!(gate.receive(&bare(2)).kind(), "asked");

    let mut network = Gate::with(|client| {
        auto(client);
        client.is_network = true;
    });
    assert_eq!(network.receive(&signed(1)).kind(), "asked");
    assert_eq!(network.receive(&bare(2)).kind(), "asked");
    assert_eq!(network.server.learned("vpn-1"), None);
}

/// An unsigned packet shows nothing about who has sent it.
#[test]
fn one_forged_packet_does_not_turn_auto_off_for_a_client_that_signs() {
    let auto = |client: &mut Client| {
        all_methods(client);
        client.message_authenticator = MessageAuthenticatorRule::Auto;
    };
    let bare = |n: u8| Raw::login().with_identifier(n).octets();
    let mut gate = Gate::with(auto);
    assert_eq!(gate.receive(&bare(1)).kind(), "asked");
    let identity = named(b"User").eap(b"\x02\x01\x00\x09\x01User");
    gate.receive(&identity.with_identifier(2).signed());
    gate.receive(&Raw::login().with_identifier(3).signed_with(b"guess"));
    let learned = gate.server.learned("vpn-1");
    assert_eq!(learned, Some(MessageAuthenticatorRule::Off));
    let signed = Raw::login().with_identifier(4).signed();
    assert_eq!(gate.receive(&signed).kind(), "asked");
    let learned = gate.server.learned("vpn-1");
    assert_eq!(learned, Some(MessageAuthenticatorRule::Require));
    for n in 5..8 {
        let outcome = gate.receive(&bare(n));
        assert_eq!(outcome.kind(), "ignored NoMessageAuthenticator");
    }
    let learned = gate.server.learned("vpn-1");
    assert_eq!(learned, Some(MessageAuthenticatorRule::Require));
}

/// Attributes that would be forged, doubled or refused if an answer could set them.
#[test]
fn accept_holds_the_attributes_of_the_answer_but_none_of_the_protocols_own() {
    let mut gate = Gate::new();
    let ticket = gate.receive(&Raw::login().signed()).ticket();
    let mut attributes = Vec::new();
    for kind in [25, 2, 3, 60, 24, 33, 79, 80, 11, 26, 18, 8] {
        let value = [0, 0, 0, 9, 1, 3, 7];
        attributes.extend([kind, value.len() as u8 + 2]);
        attributes.extend(value);
    }
    let answer = Answer::from(Verdict::Accept).with_attributes(&attributes);
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    assert_eq!(kinds(&read(&Raw::login(), &reply)), [80, 25, 11, 26, 18, 8]);
}

#[test]
fn attributes_without_room_are_left_out_from_the_end_and_counted() {
    let many = [[25, 255].to_vec(), vec![1; 253]].concat().repeat(20);
    for (proxies, there) in [(0, 15), (2, 13), (15, 0)] {
        let mut request = Raw::login();
        for _ in 0..proxies {
            request = request.with(AttributeType::PROXY_STATE, &[1; 253]);
        }
        let mut gate = Gate::new();
        let ticket = gate.receive(&request.signed()).ticket();
        let answer = Answer::from(Verdict::Accept).with_attributes(&many);
        let (reply, left_out) = gate.conclude_counting(ticket, &answer);
        let packet = read(&request, &reply);
        assert_eq!(packet.count(AttributeType::CLASS), there);
        assert_eq!(left_out, 20 - there);
        assert_eq!(packet.count(AttributeType::PROXY_STATE), proxies);
    }
}

#[test]
fn attributes_and_challenges_are_read_alike_by_an_independent_decoder() {
    let mut gate = Gate::with(|client| client.mode = Mode::Challenge { rounds: 3 });
    let request = Raw::login();
    let Outcome::Sent(reply, SendCause::Challenge) = gate.receive(&request.signed()) else {
        panic!("no challenge");
    };
    assert!(Other::is_authentic_response(
        &reply,
        &request.signed(),
        SECRET
    ));
    let other = Other::decode(&reply, SECRET).unwrap();
    assert_eq!(other.get_code(), radius::core::code::Code::AccessChallenge);
    let state = rfc2865::lookup_state(&other).unwrap();
    assert_eq!(
        rfc2865::lookup_session_timeout(&other).unwrap().unwrap(),
        120
    );
    let second = request.next(&state).password(CODE);
    let ticket = gate.receive(&second.signed()).ticket();
    let answer = Answer::from(Verdict::Accept).with_attributes(b"\x19\x05vpn\x0b\x04ab");
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    let other = Other::decode(&reply, SECRET).unwrap();
    assert_eq!(rfc2865::lookup_class(&other).unwrap(), b"vpn");
    assert_eq!(rfc2865::lookup_filter_id(&other).unwrap().unwrap(), "ab");
}
