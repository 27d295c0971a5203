//! Logins in several rounds, by Access-Challenge: notes 3.6 and 3.7.

use std::time::Duration;

use sekisho_radius_protocol::server::{Answer, Client, Mode, SendCause, Verdict};
use sekisho_radius_protocol::state::{FirstFactor, FirstTicket, StateKeys};
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{Asked, AskedFirst, CODE, Gate, Outcome, Raw, client, kinds, only, read, secret};

fn challenging(client: &mut Client) {
    client.mode = Mode::Challenge { rounds: 3 };
}

fn with_passwords(client: &mut Client) {
    challenging(client);
    client.first_factor = true;
}

/// A login with something in the place of the password.
fn login(typed: &[u8]) -> Raw {
    Raw::login()
        .without(AttributeType::USER_PASSWORD)
        .password(typed)
}

/// Sends the first round and returns the State of the challenge.
#[track_caller]
fn begin(gate: &mut Gate, request: &Raw) -> Vec<u8> {
    match gate.receive(&request.signed()) {
        Outcome::Sent(reply, SendCause::Challenge) => state_of(request, &reply),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn state_of(request: &Raw, reply: &[u8]) -> Vec<u8> {
    let packet = read(request, reply);
    assert_eq!(packet.code(), Code::ACCESS_CHALLENGE);
    only(&packet, AttributeType::STATE).to_vec()
}

/// What came of a code, with what was asked of the verifier.
#[track_caller]
fn check(gate: &mut Gate, request: &Raw, expected: &str) {
    assert_eq!(gate.receive(&request.signed()).kind(), expected);
}

#[test]
fn challenge_has_state_text_prompt_and_time_and_nothing_of_the_request() {
    let mut gate = Gate::with(challenging);
    let request = login(b"anything").with(AttributeType::PROXY_STATE, b"p");
    let Outcome::Sent(reply, SendCause::Challenge) = gate.receive(&request.signed()) else {
        panic!("no challenge");
    };
    let packet = read(&request, &reply);
    assert_eq!(packet.code(), Code::ACCESS_CHALLENGE);
    assert_eq!(kinds(&packet), [80, 24, 18, 76, 27, 33]);
    let text = only(&packet, AttributeType::REPLY_MESSAGE);
    assert_eq!(text, b"Enter your one-time code");
    assert_eq!(only(&packet, AttributeType::PROMPT), [0; 4]);
    assert_eq!(
        only(&packet, AttributeType::SESSION_TIMEOUT),
        [0, 0, 0, 120]
    );
    let found = |what: &[u8]| reply.windows(what.len()).any(|part| part == what);
    assert!(!found(b"hanako") && !found(b"anything") && !found(b"vpn-1"));
}

#[test]
fn code_after_the_challenge_is_asked_with_the_conversation_and_accepted() {
    let mut gate = Gate::with(challenging);
    let first = login(b"the password that the gateway has checked");
    let state = begin(&mut gate, &first);
    let second = first.next(&state).password(CODE);
    let outcome = gate.receive(&second.signed());
    let Outcome::Asked {
        ticket,
        account,
        proof,
        first,
        conversation,
        is_final,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(is_final);
    assert_eq!(account, "hanako");
    assert_eq!(proof, Asked::Code(CODE.to_vec()));
    assert_eq!(first, AskedFirst::Known(FirstFactor::None));
    let until = conversation.unwrap().until;
    assert_eq!(until, gate.at().wall + Duration::from_secs(120));
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    assert_eq!(read(&second, &reply).code(), Code::ACCESS_ACCEPT);
}

#[test]
fn without_a_first_factor_of_ours_the_first_password_is_ignored_even_if_empty() {
    for typed in [b"".as_slice(), b"x", &[b'y'; 128]] {
        begin(&mut Gate::with(challenging), &login(typed));
    }
}

#[test]
fn password_is_asked_alone_and_its_verdict_comes_back_with_the_code() {
    let ticket = FirstTicket::new(&[0xaa; 64]).unwrap();
    for first in [
        FirstFactor::Right,
        FirstFactor::Wrong,
        FirstFactor::Ticket(ticket),
    ] {
        let mut gate = Gate::with(with_passwords);
        let request = login(b"secret");
        let outcome = gate.receive(&request.signed());
        let Outcome::Asked {
            ticket,
            proof: Asked::Password,
            first: AskedFirst::Password(password),
            conversation: None,
            is_final: false,
            ..
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(password, b"secret");
        let reply = gate.conclude(ticket, Verdict::Challenge(first)).unwrap();
        let second = request.clone().next(&state_of(&request, &reply));
        match gate.receive(&second.password(CODE).signed()) {
            Outcome::Asked { first: known, .. } => assert_eq!(known, AskedFirst::Known(first)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn challenge_looks_the_same_whatever_the_password_was() {
    let ticket = FirstTicket::new(&[0xaa; 64]).unwrap();
    let [right, wrong, sealed] = [
        FirstFactor::Right,
        FirstFactor::Wrong,
        FirstFactor::Ticket(ticket),
    ]
    .map(|first| {
        let mut gate = Gate::with(with_passwords);
        let asked = gate.receive(&login(b"secret").signed()).ticket();
        gate.conclude(asked, Verdict::Challenge(first)).unwrap()
    });
    assert_eq!(right.len(), wrong.len());
    for reply in [&right, &wrong, &sealed] {
        let packet = Packet::parse(reply).unwrap();
        assert_eq!(kinds(&packet), [80, 24, 18, 76, 27]);
    }
}

#[test]
fn empty_password_is_wrong_and_no_directory_is_asked() {
    let mut gate = Gate::with(with_passwords);
    let request = login(b"");
    let state = begin(&mut gate, &request);
    match gate.receive(&request.next(&state).password(CODE).signed()) {
        Outcome::Asked { first, .. } => assert_eq!(first, AskedFirst::Known(FirstFactor::Wrong)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn password_alone_never_lets_anybody_in() {
    let mut gate = Gate::with(with_passwords);
    let request = login(b"secret");
    let ticket = gate.receive(&request.signed()).ticket();
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    assert_eq!(read(&request, &reply).code(), Code::ACCESS_REJECT);
    let mut gate = Gate::new();
    let ticket = gate.receive(&Raw::login().signed()).ticket();
    let verdict = Verdict::Challenge(FirstFactor::Right);
    let reply = gate.conclude(ticket, verdict).unwrap();
    assert_eq!(read(&Raw::login(), &reply).code(), Code::ACCESS_REJECT);
}

#[test]
fn directory_that_is_down_is_a_reject_at_the_first_round() {
    let mut gate = Gate::with(with_passwords);
    let request = login(b"secret");
    let ticket = gate.receive(&request.signed()).ticket();
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    assert_eq!(read(&request, &reply).code(), Code::ACCESS_REJECT);
}

#[test]
fn wrong_code_is_held_back_and_asked_again_until_the_rounds_are_used_up() {
    let mut gate = Gate::with(challenging);
    let mut request = login(b"x");
    let mut state = begin(&mut gate, &request);
    let mut ids = Vec::new();
    for round in 1..=3 {
        request = request.next(&state).password(CODE);
        let outcome = gate.receive(&request.signed());
        let ticket = outcome.ticket();
        if let Outcome::Asked { conversation, .. } = outcome {
            ids.push(conversation.unwrap().id);
        }
        gate.hold(ticket, &Answer::from(Verdict::Reject));
        check(&mut gate, &request, "ignored InProgress");
        let reply = gate.release(ticket).unwrap();
        let packet = read(&request, &reply);
        if round == 3 {
            assert_eq!(packet.code(), Code::ACCESS_REJECT);
            assert_eq!(kinds(&packet), [80]);
        } else {
            assert_eq!(kinds(&packet), [80, 24, 18, 76, 27]);
            let next = state_of(&request, &reply);
            assert_ne!(next, state);
            state = next;
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each round is one of its own");
}

#[test]
fn first_factor_is_carried_through_all_rounds() {
    let mut gate = Gate::with(with_passwords);
    let mut request = login(b"secret");
    let mut ticket = gate.receive(&request.signed()).ticket();
    let mut reply = gate
        .conclude(ticket, Verdict::Challenge(FirstFactor::Wrong))
        .unwrap();
    for _ in 0..3 {
        let state = state_of(&request, &reply);
        request = request.next(&state).password(CODE);
        match gate.receive(&request.signed()) {
            Outcome::Asked {
                ticket: asked,
                first,
                ..
            } => {
                assert_eq!(first, AskedFirst::Known(FirstFactor::Wrong));
                ticket = asked;
            }
            other => panic!("{other:?}"),
        }
        reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    }
}

#[test]
fn one_state_is_one_round_for_the_verifier_however_often_it_is_sent() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let mut rounds = Vec::new();
    let mut other = gate.other_server();
    for (port, code) in [(40_000, b"111111"), (50_000, b"222222")] {
        for server in [&mut gate, &mut other] {
            server.peer.set_port(port);
            let mut again = first.clone().next(&state);
            again.authenticator[1] = code[0];
            match server.receive(&again.password(code).signed()) {
                Outcome::Asked { conversation, .. } => rounds.push(conversation.unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }
    rounds.dedup();
    assert_eq!(rounds.len(), 1);
}

#[test]
fn another_port_identifier_and_server_can_go_on() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let mut other = gate.other_server();
    other.peer = "198.51.100.7:1".parse().unwrap();
    let second = first.next(&state).with_identifier(200).password(CODE);
    let ticket = other.receive(&second.signed()).ticket();
    let reply = other.conclude(ticket, Verdict::Accept).unwrap();
    assert_eq!(read(&second, &reply).code(), Code::ACCESS_ACCEPT);
}

#[test]
fn duplicate_of_any_round_gets_the_same_octets() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let Outcome::Sent(challenge, SendCause::Challenge) = gate.receive(&first.signed()) else {
        panic!("no challenge");
    };
    let again = gate.receive(&first.signed());
    assert_eq!(
        again,
        Outcome::Sent(challenge.clone(), SendCause::Duplicate)
    );
    let second = first
        .clone()
        .next(&state_of(&first, &challenge))
        .password(CODE);
    let accept = gate.accept(&second.signed());
    let again = gate.receive(&second.signed());
    assert_eq!(again, Outcome::Sent(accept, SendCause::Duplicate));
}

#[test]
fn round_without_a_verdict_can_be_sent_again() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let second = first.next(&state).password(CODE);
    let ticket = gate.receive(&second.signed()).ticket();
    gate.server.forget(ticket);
    check(&mut gate, &second, "asked");
}

#[test]
fn state_that_is_not_for_this_is_refused_and_brings_no_new_challenge() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let second = || first.clone().next(&state).password(CODE);
    let mut altered = state.clone();
    altered[30] ^= 1;
    let renamed = |name: &[u8]| {
        second()
            .without(AttributeType::USER_NAME)
            .with(AttributeType::USER_NAME, name)
    };
    for (request, expected) in [
        (first.clone().next(&altered).password(CODE), "BadState"),
        (first.clone().next(&state[1..]).password(CODE), "BadState"),
        (first.clone().next(b"").password(CODE), "BadState"),
        (first.clone().next(&[1; 253]).password(CODE), "BadState"),
        (second().with(AttributeType::STATE, &state), "BadState"),
        (renamed(b"taro"), "BadState"),
        (renamed(b"hanako@corp"), "BadState"),
    ] {
        let mut server = gate.other_server();
        let held = server.receive(&request.signed());
        assert_eq!(held.kind(), format!("refused {expected}"));
        let reply = server.release(held.ticket()).unwrap();
        assert_eq!(kinds(&read(&request, &reply)), [80]);
    }
    let mut other_client = Gate::with(|client| {
        challenging(client);
        client.name = "vpn-2".into();
    });
    check(&mut other_client, &second(), "refused BadState");
    let mut other_keys = gate.other_server();
    let keys = StateKeys::new([(1, &[2; 32])]);
    other_keys.server.set_state_keys(keys);
    check(&mut other_keys, &second(), "refused BadState");
    let mut code_mode = Gate::of(client());
    check(&mut code_mode, &second(), "refused BadState");
    check(&mut gate, &second(), "asked");
}

#[test]
fn state_expires_when_it_says() {
    for (seconds, expected) in [(119, "asked"), (120, "refused BadState")] {
        let mut gate = Gate::with(challenging);
        let first = login(b"x");
        let state = begin(&mut gate, &first);
        gate.now += Duration::from_secs(seconds);
        check(&mut gate, &first.next(&state).password(CODE), expected);
    }
}

/// The verifier remembers a round until it expires. If a State could be answered late to get the
/// next round once more, with a longer life, that round could be taken twice.
#[test]
fn next_round_is_the_same_however_often_and_late_the_one_before_is_answered() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let begun = gate.at().wall;
    let state = begin(&mut gate, &first);
    let mut rounds = Vec::new();
    for later in [0, 50, 60] {
        gate.now += Duration::from_secs(later);
        let again = first.clone().next(&state).password(b"000000");
        let ticket = gate.receive(&again.signed()).ticket();
        gate.hold(ticket, &Answer::from(Verdict::Reject));
        let reply = gate.release(ticket).unwrap();
        let timeout = only(&read(&again, &reply), AttributeType::SESSION_TIMEOUT).to_vec();
        let left = begun + Duration::from_secs(240) - gate.at().wall;
        assert_eq!(timeout, (left.as_secs() as u32).to_be_bytes());
        let next = again.clone().next(&state_of(&again, &reply));
        match gate.receive(&next.password(CODE).signed()) {
            Outcome::Asked { conversation, .. } => rounds.push(conversation.unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rounds[0].until, begun + Duration::from_secs(240));
    rounds.dedup();
    assert_eq!(rounds.len(), 1);
}

/// What claims more than ten minutes the verifier refuses.
#[test]
fn no_round_claims_more_time_than_the_verifier_gives_it() {
    for lifetime in [30, 120, 300, 599, 600] {
        for rounds in [1, 3, 5] {
            let mut gate = Gate::with(|client| {
                client.mode = Mode::Challenge { rounds };
                client.challenge_lifetime = Duration::from_secs(lifetime);
            });
            let mut request = login(b"x");
            let mut state = begin(&mut gate, &request);
            for round in 1..=rounds {
                request = request.next(&state).password(b"000000");
                let outcome = gate.receive(&request.signed());
                let ticket = outcome.ticket();
                if let Outcome::Asked { conversation, .. } = outcome {
                    let claimed = conversation.unwrap().until - gate.at().wall;
                    assert!(claimed <= Duration::from_secs(600), "{lifetime} {round}");
                    assert!(claimed > Duration::from_secs(lifetime.min(500) / 2));
                }
                gate.hold(ticket, &Answer::from(Verdict::Reject));
                let reply = gate.release(ticket).unwrap();
                if round < rounds {
                    state = state_of(&request, &reply);
                }
            }
        }
    }
}

#[test]
fn keys_can_be_rotated_in_the_middle_of_a_conversation() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let old = begin(&mut gate, &first);
    let keys = StateKeys::new([(1, &[1; 32]), (2, &[2; 32])]);
    gate.server.set_state_keys(keys);
    let new = begin(&mut gate, &first.clone().with_identifier(99));
    let refused = "refused BadState";
    for (state, with_old, with_new) in [(old, "asked", refused), (new, refused, "asked")] {
        for (keys, expected) in [
            (StateKeys::new([(2, &[2; 32]), (1, &[1; 32])]), "asked"),
            (StateKeys::new([(1, &[1; 32])]), with_old),
            (StateKeys::new([(2, &[2; 32])]), with_new),
        ] {
            let mut server = gate.other_server();
            server.server.set_state_keys(keys);
            let request = first.clone().next(&state).password(CODE);
            check(&mut server, &request, expected);
        }
    }
}

#[test]
fn without_keys_there_is_silence_and_the_gateway_tries_the_next_server() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    for change in [challenging, with_passwords] {
        let mut keyless = Gate::with(change);
        keyless.server.set_state_keys(StateKeys::default());
        check(&mut keyless, &first, "ignored NoStateKeys");
        let second = first.clone().next(&state).password(CODE);
        check(&mut keyless, &second, "ignored NoStateKeys");
        assert_eq!(keyless.server.remembered(), 0);
    }
}

#[test]
fn empty_code_ends_the_conversation_without_an_attempt() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let second = first.next(&state).password(b"");
    check(&mut gate, &second, "refused PasswordEmpty");
}

#[test]
fn packets_with_a_valid_state_can_be_told_from_others_at_once() {
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let continues = |request: &Raw| {
        gate.server
            .continues(gate.at().wall, &gate.client, &request.octets())
    };
    assert!(!continues(&first));
    assert!(!continues(&first.clone().next(b"made up").password(CODE)));
    let second = first.clone().next(&state).password(CODE);
    assert!(continues(&second));
    let renamed = second
        .without(AttributeType::USER_NAME)
        .with(AttributeType::USER_NAME, b"taro");
    assert!(!continues(&renamed));
    let late = gate.at().wall + Duration::from_secs(120);
    let second = first.next(&state).password(CODE).octets();
    assert!(!gate.server.continues(late, &gate.client, &second));
}

#[test]
fn texts_of_the_client_are_shown_and_cut_between_characters() {
    let mut gate = Gate::with(|client| {
        challenging(client);
        client.texts.code = "認証コード".repeat(30);
    });
    let request = login(b"x");
    let Outcome::Sent(reply, _) = gate.receive(&request.signed()) else {
        panic!("no challenge");
    };
    let packet = read(&request, &reply);
    let text = packet.first(AttributeType::REPLY_MESSAGE).unwrap();
    assert_eq!(text.text().unwrap().chars().count(), 84);
    assert_eq!(packet.count(AttributeType::REPLY_MESSAGE), 1);
}

#[test]
fn each_client_secret_reads_only_its_own_challenges() {
    // A State is bound to the client's name, so a gateway can not hand a conversation to another,
    // even under the same secret.
    let mut gate = Gate::with(challenging);
    let first = login(b"x");
    let state = begin(&mut gate, &first);
    let mut other = client();
    other.name = "vpn-".into();
    other.secret = secret();
    challenging(&mut other);
    check(
        &mut Gate::of(other),
        &first.next(&state).password(CODE),
        "refused BadState",
    );
}
