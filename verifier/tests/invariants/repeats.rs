//! The same login twice is not two logins, and nothing else passes for it; responses, rounds and the
//! factor before the code are charged and spent like codes.

use sekisho_verifier::account::ROUNDS_MAX;
use sekisho_verifier::event::{Reason, What};
use sekisho_verifier::operation::{AccountChange, Operation, StateChange};
use sekisho_verifier::otp::Algorithm;
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::proof::{First, Proof, Round};
use sekisho_verifier::seal::DataKey;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{ANSWERS_AGAIN_MAX, Factor};
use sekisho_verifier::verify::Attempt;

use crate::common::desk::{
    Desk, Device, Method, Tied, Told, chap, exchange, ms_chap, name, shape, tied, totp,
};
use crate::common::{START, moved, seconds};

/// A gateway's word for one login.
fn word(n: u8) -> Tied {
    Tied {
        correlation: Some(n),
        ..Tied::default()
    }
}

fn in_round(n: u8, until: Time) -> Tied {
    Tied {
        round: Some(Round { id: [n; 16], until }),
        ..Tied::default()
    }
}

fn one(desk: &mut Desk, attempt: &Attempt) -> Told {
    let told = desk.logins(std::slice::from_ref(attempt));
    told.into_iter().next().expect("one answer")
}

/// A desk at second 0 of a step, where mori has just logged in at the gateway with the word 1.
fn logged_in(device: &Device) -> (Desk, String) {
    let mut desk = Desk::of_mori(device);
    desk.now = Time::from_millis((device.step(START) + 1) * 30_000);
    let code = device.shows(desk.now);
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::RightCode));
    (desk, code)
}

fn reasons(desk: &Desk, wanted: Reason) -> usize {
    let is_wanted = |what: &What| matches!(what, What::Login(event) if event.reason == wanted);
    let events = desk.events();
    events.iter().filter(|event| is_wanted(&event.what)).count()
}

fn charged(desk: &Desk) -> u32 {
    desk.account("mori").guesses.in_a_row
}

#[test]
fn p12_a_login_that_is_sent_again_from_a_new_port_gets_the_same_verdict_once() {
    let device = Device::usual(1);
    let (mut desk, code) = logged_in(&device);
    let step = device.step(desk.now);
    for times in 1..=ANSWERS_AGAIN_MAX {
        desk.pass(1);
        let told = desk.tied("mori", &code, &word(1));
        assert!(told.accepted());
        assert_eq!(told.reason, Some(Reason::AnsweredAgain));
        assert_eq!(told.granted.expect("a profile").account, name("mori"));
        let token = desk.token(&device);
        assert_eq!(token.answered.expect("an accept").times, times);
        assert_eq!(token.spent, [step], "spent once");
    }
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::AlreadyUsed), "not without end");
    assert_eq!(reasons(&desk, Reason::RightCode), 1, "one login");
    assert_eq!(charged(&desk), 0);
}

#[test]
fn p12_an_answer_that_is_given_again_needs_a_commit() {
    let device = Device::usual(1);
    let (desk, code) = logged_in(&device);
    let now = desk.now;
    let policy = desk.verifier.policy().clone();
    let store = desk.store.into_inner();
    let mut desk = Desk::on(store, policy, |_| {
        Some(sekisho_verifier::testing::faulty::Fault::AnswerLost)
    });
    desk.now = now;
    let told = desk.tied("mori", &code, &word(1));
    assert!(!told.accepted(), "unknown is no accept");
    assert_eq!(told.granted, None);
}

/// Notes 3.2: who saw the code uses it from elsewhere within the bound.
#[test]
fn who_saw_the_code_is_not_answered_again() {
    let device = Device::usual(1);
    let (mut desk, code) = logged_in(&device);
    desk.give("sato", &Device::usual(2));
    desk.pass(1);
    // Another session, calling station, NAS port: another word.
    let told = desk.tied("mori", &code, &word(2));
    assert_eq!(told.reason, Some(Reason::AlreadyUsed));
    // None at all: strict.
    let told = desk.tied("mori", &code, &Tied::default());
    assert_eq!(told.reason, Some(Reason::AlreadyUsed));
    let same = tied("mori", &code, Door::Radius, &word(1));
    let empty = Attempt {
        correlation: Some(Vec::new()),
        ..same.clone()
    };
    assert_eq!(one(&mut desk, &empty).reason, Some(Reason::AlreadyUsed));
    // Another RADIUS client that says the same.
    let client = Attempt {
        place: Place::new(Door::Radius, "vpn-gateway-2", None, None),
        ..same.clone()
    };
    assert_eq!(one(&mut desk, &client).reason, Some(Reason::AlreadyUsed));
    // PAM, with the same word and even the same name of a place.
    let pam = Attempt {
        place: Place::new(Door::Pam, "vpn-gateway", None, None),
        ..same.clone()
    };
    assert_eq!(one(&mut desk, &pam).reason, Some(Reason::AlreadyUsed));
    // Another account with the word of this one.
    let told = desk.tied("sato", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    // With another code, and with a wrong password.
    let other = device.wrong(desk.now);
    let told = desk.tied("mori", &other, &word(1));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    let wrong = Tied {
        first: First::Wrong,
        ..word(1)
    };
    let told = desk.tied("mori", &code, &wrong);
    assert_eq!(told.reason, Some(Reason::WrongPassword));
    // Where the caller sits is not looked at: the word says it.
    assert!(one(&mut desk, &same).accepted(), "the gateway itself");
}

/// What the word says is in what stands before it: parts can not be shifted from one to the other.
#[test]
fn a_word_that_ends_as_another_clients_name_begins_is_another() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let at = |client: &str, word: &[u8]| Attempt {
        correlation: Some(word.to_vec()),
        place: Place::new(Door::Radius, client, None, None),
        ..tied("mori", &code, Door::Radius, &word_of_none())
    };
    assert!(one(&mut desk, &at("gate", b"way-1")).accepted());
    let told = one(&mut desk, &at("gateway", b"-1"));
    assert_eq!(told.reason, Some(Reason::AlreadyUsed));
    assert!(one(&mut desk, &at("gate", b"way-1")).accepted());
}

/// A word that says nothing ties nothing together.
#[test]
fn an_empty_word_is_none() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let attempt = |code: &str| Attempt {
        correlation: Some(Vec::new()),
        packet: Some(Vec::new()),
        ..tied("mori", code, Door::Radius, &Tied::default())
    };
    let (right, wrong) = (device.shows(desk.now), device.wrong(desk.now));
    for count in 1..=2 {
        let told = one(&mut desk, &attempt(&wrong));
        assert_eq!(told.reason, Some(Reason::WrongCode));
        assert_eq!(charged(&desk), count);
    }
    assert!(one(&mut desk, &attempt(&right)).accepted());
    let told = one(&mut desk, &attempt(&right));
    assert_eq!(told.reason, Some(Reason::AlreadyUsed));
}

fn word_of_none() -> Tied {
    Tied::default()
}

#[test]
fn an_answer_is_given_again_within_its_bound_only() {
    let device = Device::usual(1);
    for (millis, accepted) in [(0, true), (9_999, true), (10_000, false), (29_999, false)] {
        let (mut desk, code) = logged_in(&device);
        desk.now = moved(desk.now, millis);
        let told = desk.tied("mori", &code, &word(1));
        assert_eq!(told.accepted(), accepted, "{millis}");
        assert_eq!(told.reason == Some(Reason::AlreadyUsed), !accepted);
    }
}

/// However long the bound is: the code has one of its own.
#[test]
fn an_answer_is_not_given_again_past_the_codes_window() {
    for (window, last) in [(0, 14), (1, 29)] {
        let device = Device::new(1, shape(Algorithm::Sha1, 6, totp(15)));
        let mut policy = crate::common::desk::policy(window, 4);
        policy.acceptance.answer_again = seconds(60);
        let mut desk = Desk::new(policy);
        desk.give("mori", &device);
        desk.now = Time::from_millis((device.step(START) + 1) * 15_000);
        let code = device.shows(desk.now);
        assert!(desk.tied("mori", &code, &word(1)).accepted());
        let begun = desk.now;
        desk.now = moved(begun, last * 1_000);
        assert!(desk.tied("mori", &code, &word(1)).accepted());
        desk.now = moved(begun, (last + 1) * 1_000);
        assert!(!desk.tied("mori", &code, &word(1)).accepted());
    }
}

#[test]
fn i08_an_answer_is_not_given_again_after_its_token_was_taken_away() {
    let device = Device::usual(1);
    type Act = fn(&mut Desk, &Device);
    let disable: Act = |desk, _| {
        for disabled in [Some(true), Some(false)] {
            let change = AccountChange {
                disabled,
                ..AccountChange::default()
            };
            desk.set("mori", change);
        }
    };
    let acts: [(&str, Act); 7] = [
        ("stop", |desk, d| _ = desk.change(StateChange::Stop, d)),
        ("lost", |desk, d| _ = desk.change(StateChange::Lost, d)),
        ("suspend", |desk, d| {
            _ = desk.change(StateChange::Suspend, d)
        }),
        ("suspend and resume", |desk, d| {
            desk.change(StateChange::Suspend, d);
            desk.change(StateChange::Resume, d);
        }),
        ("exchange", |desk, d| {
            let new = Device::usual(9);
            desk.stock(&new);
            let code = new.shows(desk.now);
            desk.done(&exchange(d, &new, &code));
        }),
        ("disable and enable", disable),
        ("restore", |desk, _| _ = desk.done(&desk.restore())),
    ];
    for (what, act) in acts {
        let (mut desk, code) = logged_in(&device);
        assert!(desk.tied("mori", &code, &word(1)).accepted());
        act(&mut desk, &device);
        let told = desk.tied("mori", &code, &word(1));
        assert!(!told.accepted(), "{what}: {told:?}");
    }
    let (mut desk, code) = logged_in(&device);
    let off = AccountChange {
        disabled: Some(true),
        ..AccountChange::default()
    };
    desk.set("mori", off);
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::AccountDisabled));
}

#[test]
fn an_answer_is_not_given_again_while_the_clock_is_bad() {
    let device = Device::usual(1);
    let (mut desk, code) = logged_in(&device);
    desk.steady = false;
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::ClockStepped));
    desk.steady = true;
    desk.now = moved(desk.now, -1);
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(told.reason, Some(Reason::ClockBackwards));
}

/// Another login between them: what was accepted before it is of the past.
#[test]
fn only_the_newest_answer_is_given_again() {
    let device = Device::usual(1);
    let (mut desk, code) = logged_in(&device);
    let next = device.code(device.step(desk.now) + 1);
    assert!(desk.tied("mori", &next, &word(2)).accepted());
    assert!(!desk.tied("mori", &code, &word(1)).accepted());
    assert!(desk.tied("mori", &next, &word(2)).accepted());
}

#[test]
fn after_a_rotation_of_keys_repetitions_are_new_logins() {
    let device = Device::usual(1);
    let (mut desk, code) = logged_in(&device);
    let keyring = std::sync::Arc::clone(desk.verifier.keyring());
    keyring.make_current(DataKey::new(2, &[9; 32]));
    let told = desk.tied("mori", &code, &word(1));
    assert_eq!(
        told.reason,
        Some(Reason::AlreadyUsed),
        "strict, and no guess"
    );
}

#[test]
fn r25_a_wrong_code_that_is_sent_again_is_charged_once() {
    let device = Device::usual(1);
    let (mut desk, _) = logged_in(&device);
    let wrong = device.wrong(desk.now);
    let told = desk.tied("mori", &wrong, &word(3));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    for _ in 0..5 {
        let told = desk.tied("mori", &wrong, &word(3));
        assert_eq!(told.reason, Some(Reason::RejectedAgain));
        assert!(told.change.expect("a change").written.is_empty());
    }
    assert_eq!(charged(&desk), 1);
    // Another wrong code, the same in another session, and without a word.
    let other = if wrong == "000000" {
        "000001"
    } else {
        "000000"
    };
    assert_eq!(
        desk.tied("mori", other, &word(3)).reason,
        Some(Reason::WrongCode)
    );
    assert_eq!(charged(&desk), 2);
    assert_eq!(
        desk.tied("mori", &wrong, &word(4)).reason,
        Some(Reason::WrongCode)
    );
    desk.pass(1);
    let told = desk.tied("mori", &wrong, &Tied::default());
    assert_eq!(told.reason, Some(Reason::WrongCode));
    desk.pass(2);
    assert_eq!(charged(&desk), 4);
    // It ends.
    desk.unlock("mori");
    desk.pass(10);
    assert_eq!(
        desk.tied("mori", &wrong, &word(3)).reason,
        Some(Reason::WrongCode)
    );
}

/// A sniffer has no secret, but can send what it recorded from another port, at any later time.
#[test]
fn r25_a_packet_that_was_recorded_is_charged_once_however_late() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let wrong = device.wrong(desk.now);
    let packet = |n: u8, code: &str| Attempt {
        packet: Some(vec![n; 16]),
        ..tied("mori", code, Door::Radius, &Tied::default())
    };
    let told = one(&mut desk, &packet(1, &wrong));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    for pause in [0, 1, 60, 86_400] {
        desk.pass(pause);
        let told = one(&mut desk, &packet(1, &wrong));
        assert_eq!(told.reason, Some(Reason::RejectedAgain));
        assert!(told.change.expect("a change").written.is_empty());
    }
    assert_eq!(charged(&desk), 1);
    // Another packet, the same with another code, and at another client: guesses.
    let attempts = [
        packet(2, &wrong),
        packet(
            1,
            if wrong == "000000" {
                "000001"
            } else {
                "000000"
            },
        ),
        Attempt {
            place: Place::new(Door::Radius, "other", None, None),
            ..packet(1, &wrong)
        },
        Attempt {
            first: First::Wrong,
            ..packet(1, &wrong)
        },
    ];
    for (count, attempt) in (2..).zip(&attempts) {
        desk.pass(60);
        assert!(
            one(&mut desk, attempt)
                .reason
                .is_some_and(Reason::is_charged)
        );
        assert_eq!(charged(&desk), count);
    }
}

/// A packet can be recorded and sent again from anywhere: it says that a wrong proof is the same, and
/// nothing about an accept.
#[test]
fn p12_a_packet_without_a_word_gets_no_second_accept() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let recorded = Attempt {
        packet: Some(vec![9; 16]),
        ..tied("mori", &code, Door::Radius, &Tied::default())
    };
    assert!(one(&mut desk, &recorded).accepted());
    let told = one(&mut desk, &recorded);
    assert_eq!(told.reason, Some(Reason::AlreadyUsed));
}

/// EAP-MSCHAPv2 asks once more: the peer has acknowledged that we know the code too.
#[test]
fn an_accept_can_be_acknowledged_for_ten_seconds_whatever_the_window() {
    let device = Device::new(1, shape(Algorithm::Sha1, 6, totp(15)));
    let mut policy = crate::common::desk::policy(0, 4);
    policy.acceptance.answer_again = seconds(1);
    let mut desk = Desk::new(policy);
    desk.give("mori", &device);
    // The last moment of its step.
    desk.now = Time::from_millis((device.step(START) + 1) * 15_000 + 14_900);
    let code = device.shows(desk.now);
    let with = |method| Tied {
        method,
        correlation: Some(1),
        ..in_round(1, desk.now.after(seconds(60)))
    };
    let (eap, pap) = (with(Method::MsChapV2), with(Method::Code));
    let fresh = Tied {
        round: None,
        ..eap.clone()
    };
    assert!(desk.tied("mori", &code, &eap).accepted());
    desk.pass(9);
    assert_eq!(
        desk.tied("mori", &code, &eap).reason,
        Some(Reason::AnsweredAgain)
    );
    assert_eq!(
        desk.tied("mori", &code, &pap).reason,
        Some(Reason::RoundUsed)
    );
    let told = desk.tied("mori", &code, &fresh);
    assert!(!told.accepted(), "it is of no round");
    desk.pass(1);
    assert_eq!(
        desk.tied("mori", &code, &eap).reason,
        Some(Reason::RoundUsed)
    );
    // And not after the token is gone.
    desk.pass(15);
    let code = device.shows(desk.now);
    let again = Tied {
        round: Some(Round {
            id: [2; 16],
            until: desk.now.after(seconds(60)),
        }),
        ..eap.clone()
    };
    assert!(desk.tied("mori", &code, &again).accepted());
    desk.change(StateChange::Lost, &device);
    assert!(!desk.tied("mori", &code, &again).accepted());
}

/// Who has typed no code has not guessed a password.
#[test]
fn r25_a_malformed_code_is_no_wrong_password() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    for first in [First::Wrong, First::Right, First::Unavailable, First::None] {
        let with = Tied {
            first,
            ..Tied::default()
        };
        let told = desk.tied("mori", "secret", &with);
        assert_eq!(told.reason, Some(Reason::MalformedCode));
    }
    assert_eq!(charged(&desk), 0);
}

/// Both directions: neither a false count nor a free guess.
#[test]
fn r25_a_wrong_password_is_charged_once_and_spends_no_code() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let with = |first| Tied {
        first,
        ..Tied::default()
    };
    let told = desk.tied("mori", &code, &with(First::Wrong));
    assert_eq!(told.reason, Some(Reason::WrongPassword));
    assert_eq!(charged(&desk), 1);
    assert_eq!(desk.token(&device).spent, [0; 0], "not judged, not spent");
    let told = desk.tied("mori", &code, &with(First::Unavailable));
    assert_eq!(told.reason, Some(Reason::FirstFactorUnavailable));
    assert_eq!(charged(&desk), 1, "nobody judged it");
    let wrong = device.wrong(desk.now);
    let told = desk.tied("mori", &wrong, &with(First::Right));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    assert_eq!(charged(&desk), 2, "a wrong code is one more");
    let told = desk.tied("mori", &code, &with(First::Right));
    assert_eq!(told.reason, Some(Reason::RightCode));
    assert_eq!(charged(&desk), 0);
    // Passwords lock as codes do, for all doors together.
    for _ in 0..10 {
        let until = desk.account("mori").guesses.until.unwrap_or(desk.now);
        desk.now = desk.now.max(until);
        let told = desk.tied("mori", "123456", &with(First::Wrong));
        assert_eq!(told.reason, Some(Reason::WrongPassword));
    }
    let code = device.shows(desk.now);
    assert_eq!(desk.reason("mori", &code), Some(Reason::Locked));
}

#[test]
fn r24_a_round_is_taken_once_and_gives_no_tries_of_its_own() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let until = desk.now.after(seconds(120));
    let wrong = device.wrong(desk.now);
    let told = desk.tied("mori", &wrong, &in_round(1, until));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    let code = device.shows(desk.now);
    let told = desk.tied("mori", &code, &in_round(1, until));
    assert_eq!(
        told.reason,
        Some(Reason::RoundUsed),
        "also with the right code"
    );
    assert_eq!(charged(&desk), 1, "no guess");
    // As many fresh challenges as somebody likes: the tries are those of the account.
    let mut judged = 1;
    for n in 2..60 {
        judged += u32::from(
            desk.tied("mori", &wrong, &in_round(n, until)).reason == Some(Reason::WrongCode),
        );
    }
    assert_eq!(judged, 3, "then it waits");
    assert_eq!(charged(&desk), judged);
}

#[test]
fn r24_a_round_is_taken_by_whatever_verdict_it_gets() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let until = desk.now.after(seconds(120));
    let code = device.shows(desk.now);
    let with = |n, first| Tied {
        first,
        ..in_round(n, until)
    };
    let cases = [
        (1, "no code", First::None, Reason::MalformedCode),
        (2, &code, First::Wrong, Reason::WrongPassword),
        (3, &code, First::Unavailable, Reason::FirstFactorUnavailable),
        (4, &code, First::Right, Reason::RightCode),
        (5, &code, First::Right, Reason::AlreadyUsed),
    ];
    for (n, code, first, reason) in cases {
        let told = desk.tied("mori", code, &with(n, first));
        assert_eq!(told.reason, Some(reason), "{n}");
    }
    desk.change(StateChange::Suspend, &device);
    let told = desk.tied("mori", &code, &with(6, First::None));
    assert_eq!(told.reason, Some(Reason::TokenSuspended));
    for n in 1..=6 {
        let told = desk.tied("mori", &code, &with(n, First::None));
        assert_eq!(told.reason, Some(Reason::RoundUsed), "{n}");
    }
}

#[test]
fn a_round_that_is_over_or_claims_too_much_is_not_taken() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    for until in [
        desk.now,
        moved(desk.now, -1),
        Time::from_millis(0),
        moved(desk.now, 600_001),
        Time::from_millis(u64::MAX),
    ] {
        let told = desk.tied("mori", &code, &in_round(1, until));
        assert_eq!(told.reason, Some(Reason::RoundExpired), "{until:?}");
        assert!(desk.account("mori").rounds.is_empty());
    }
    let told = desk.tied("mori", &code, &in_round(1, moved(desk.now, 600_000)));
    assert_eq!(told.reason, Some(Reason::RightCode));
}

/// With no room to remember a round it could be taken twice.
#[test]
fn rounds_that_can_not_be_remembered_are_not_taken() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let until = desk.now.after(seconds(60));
    let rounds = u8::try_from(ROUNDS_MAX).expect("few");
    for n in 0..rounds {
        desk.tied("mori", "no code", &in_round(n, until));
    }
    let code = device.shows(desk.now);
    let told = desk.tied("mori", &code, &in_round(200, until));
    assert_eq!(told.reason, Some(Reason::RoundUsed));
    assert_eq!(desk.account("mori").rounds.len(), ROUNDS_MAX);
    desk.pass(60);
    let until = desk.now.after(seconds(60));
    let code = device.shows(desk.now);
    let told = desk.tied("mori", &code, &in_round(201, until));
    assert_eq!(told.reason, Some(Reason::RightCode), "they end");
    assert_eq!(desk.account("mori").rounds.len(), 1);
}

/// The answer to the second round was lost, and the gateway sends it again.
#[test]
fn a_round_that_is_sent_again_gets_the_same_verdict() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let until = desk.now.after(seconds(120));
    let with = |n| Tied {
        correlation: Some(1),
        ..in_round(n, until)
    };
    let (code, wrong) = (device.shows(desk.now), device.wrong(desk.now));
    for reason in [Reason::WrongCode, Reason::RejectedAgain] {
        assert_eq!(desk.tied("mori", &wrong, &with(1)).reason, Some(reason));
    }
    assert_eq!(
        desk.tied("mori", &code, &with(1)).reason,
        Some(Reason::RoundUsed),
        "another code in the same round"
    );
    for reason in [Reason::RightCode, Reason::AnsweredAgain] {
        assert_eq!(desk.tied("mori", &code, &with(2)).reason, Some(reason));
    }
    assert_eq!(
        desk.tied("mori", &wrong, &with(2)).reason,
        Some(Reason::RejectedAgain)
    );
    let other = Tied {
        correlation: Some(2),
        ..with(2)
    };
    assert_eq!(
        desk.tied("mori", &code, &other).reason,
        Some(Reason::RoundUsed)
    );
    assert_eq!(charged(&desk), 0);
}

#[test]
fn r26_every_spelling_of_a_name_shares_rounds_repetitions_and_tries() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.set(
        "mori",
        AccountChange {
            add_alias: Some(name("mori@vpn.example")),
            ..AccountChange::default()
        },
    );
    let until = desk.now.after(seconds(120));
    let wrong = device.wrong(desk.now);
    assert_eq!(
        desk.tied("MORI", &wrong, &word(1)).reason,
        Some(Reason::WrongCode)
    );
    assert_eq!(
        desk.tied("Mori@VPN.example", &wrong, &word(1)).reason,
        Some(Reason::RejectedAgain)
    );
    assert_eq!(charged(&desk), 1);
    desk.tied("mOrI", "no code", &in_round(1, until));
    let told = desk.tied("mori@vpn.example", &wrong, &in_round(1, until));
    assert_eq!(told.reason, Some(Reason::RoundUsed));
    for odd in ["mori ", "m\u{43e}ri", "CORP\\mori", "mori\0"] {
        let told = desk.tied(odd, &device.shows(desk.now), &word(1));
        assert_eq!(told.reason, Some(Reason::MalformedName), "{odd:?}");
    }
    let told = desk.tied("moriko", &device.shows(desk.now), &word(1));
    assert_eq!(told.reason, Some(Reason::UnknownAccount));
}

/// Every method spends the same codes, and recognises what another has spent.
#[test]
fn i01_a_code_is_good_once_however_it_is_proved() {
    let methods = [Method::Code, Method::Chap, Method::MsChapV2];
    for first in methods {
        for second in methods {
            for (digits, algorithm) in [(6, Algorithm::Sha1), (8, Algorithm::Sha512)] {
                let device = Device::new(1, shape(algorithm, digits, totp(30)));
                let mut desk = Desk::of_mori(&device);
                let code = device.shows(desk.now);
                let by = |method| Tied {
                    method,
                    ..Tied::default()
                };
                let told = desk.tied("mori", &code, &by(first));
                assert_eq!(told.reason, Some(Reason::RightCode), "{first:?}");
                assert_eq!(
                    told.granted.expect("a profile").ms_chap.is_some(),
                    first == Method::MsChapV2
                );
                let told = desk.tied("mori", &code, &by(second));
                assert_eq!(told.reason, Some(Reason::AlreadyUsed), "{second:?}");
                assert_eq!(charged(&desk), 0);
            }
        }
    }
}

/// One packet is one guess, however many codes it is held against.
#[test]
fn i03_a_wrong_response_is_one_guess() {
    let device = Device::counting(1, 100);
    for method in [Method::Chap, Method::MsChapV2] {
        let mut desk = Desk::of_mori(&device);
        let with = Tied {
            method,
            ..Tied::default()
        };
        for count in 1..=3 {
            let told = desk.tied("mori", "000000", &with);
            assert_eq!(told.reason, Some(Reason::WrongCode));
            assert_eq!(charged(&desk), count);
        }
        // A response that was computed from no code at all is a wrong one, not a malformed one.
        desk.pass(60);
        let told = desk.tied("mori", " 000000", &with);
        assert_eq!(told.reason, Some(Reason::WrongCode));
    }
}

/// CHAP and MS-CHAPv2 are bound to their challenge.
#[test]
fn a_response_to_another_challenge_is_wrong() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let attempt = |proof| Attempt {
        proof,
        ..tied("mori", &code, Door::Radius, &Tied::default())
    };
    let mut other = chap(7, b"one challenge", &code);
    other.challenge = b"two challenge".to_vec();
    let told = one(&mut desk, &attempt(Proof::Chap(other)));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    let mut other = chap(7, b"one challenge", &code);
    other.identifier = 8;
    let told = one(&mut desk, &attempt(Proof::Chap(other)));
    assert_eq!(told.reason, Some(Reason::WrongCode));
    let mut other = ms_chap([1; 16], &code);
    other.user_name = b"sato".to_vec();
    let told = one(&mut desk, &attempt(Proof::MsChapV2(other)));
    assert_eq!(told.reason, Some(Reason::WrongCode));
}

/// The second accept is to another response, so its keys are others.
#[test]
fn an_answer_that_is_given_again_has_the_keys_of_its_own_response() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let mut keys = Vec::new();
    for peer_challenge in [[1; 16], [2; 16]] {
        let attempt = Attempt {
            proof: Proof::MsChapV2(ms_chap(peer_challenge, &code)),
            ..tied("mori", &code, Door::Radius, &word(1))
        };
        let told = one(&mut desk, &attempt);
        assert!(told.accepted());
        keys.push(told.granted.expect("a profile").ms_chap.expect("keys"));
    }
    assert_ne!(keys[0], keys[1]);
    assert_eq!(reasons(&desk, Reason::AnsweredAgain), 1);
    // The same code by another method to the same word is the same login too.
    let by_code = tied("mori", &code, Door::Radius, &word(1));
    assert_eq!(one(&mut desk, &by_code).reason, Some(Reason::AnsweredAgain));
}

/// A counter does not run out by itself; the bound holds all the same.
#[test]
fn a_counted_code_is_answered_again_within_the_bound() {
    let device = Device::counting(1, 5);
    let Factor::Hotp { first } = device.shape.factor else {
        panic!("it counts");
    };
    let mut desk = Desk::of_mori(&device);
    let code = device.code(first);
    assert!(desk.tied("mori", &code, &word(1)).accepted());
    desk.pass(9);
    assert!(desk.tied("mori", &code, &word(1)).accepted());
    desk.pass(1);
    assert!(!desk.tied("mori", &code, &word(1)).accepted());
}

#[test]
fn what_a_gateway_is_told_goes_with_an_accept_only() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let group = |text| sekisho_verifier::account::GroupName::parse(text).expect("a group");
    desk.set(
        "mori",
        AccountChange {
            add_groups: vec![group("VPN-Staff"), group("wheel")],
            ..AccountChange::default()
        },
    );
    let told = desk.tied("mori", &device.wrong(desk.now), &Tied::default());
    assert_eq!(told.granted, None);
    let code = device.shows(desk.now);
    let told = desk.tied("mori", &code, &Tied::default());
    let granted = told.granted.expect("a profile");
    assert_eq!(granted.groups, [group("VPN-Staff"), group("wheel")]);
    let password = Operation::AccountPassword(name("mori"), None);
    assert!(desk.refused(&password).to_string().contains("no password"));
}
