//! Spare codes: emergency codes and start codes, good once, not for long, and charged like any guess.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::account::EMERGENCY_CODES_MAX;
use sekisho_verifier::event::{OperationKind, Reason, What};
use sekisho_verifier::operation::{AccountChange, Operation, Refusal, StateChange};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::spare::{
    EMERGENCY_SECONDS, START_CODE_LASTS, START_GRANTED, SpareCode, SpareKey, SpareKind,
};
use sekisho_verifier::store::{Record, Store, View};
use sekisho_verifier::testing::sample;
use sekisho_verifier::verify::Verdict;

use crate::common::desk::{
    Desk, Device, Method, Tied, attempt, data_key, enroll, exchange, name, proof, tied,
};
use crate::common::people::{emergency, instead, octets, spare, start, start_code};
use crate::common::{START, config, seconds};

use SpareKind::{Emergency, Start};

/// `mori`, whose token is lost, with emergency codes of the numbers 1 to `count` for a day.
fn lost(count: u64) -> Desk {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.change(StateChange::Lost, &device);
    desk.done(&emergency("mori", 1, count, 86_400));
    desk
}

fn code(n: u64) -> SpareCode {
    spare(Emergency, n)
}

#[test]
fn an_emergency_code_lets_in_once_at_either_door() {
    for door in [Door::Pam, Door::Radius] {
        let mut desk = lost(2);
        let attempt = attempt("Mori", &code(1).show(), door);
        let told = desk.logins(std::slice::from_ref(&attempt)).remove(0);
        assert!(told.accepted());
        assert_eq!(told.reason, Some(Reason::EmergencyCode));
        assert_eq!(told.granted.expect("a grant").account, name("mori"));
        let What::Login(event) = desk.newest().what else {
            panic!("a login");
        };
        assert_eq!(event.reason, Reason::EmergencyCode);
        assert_eq!((event.serial, event.step), (None, None));
        // Who types it again has not guessed, and gets in no more.
        let told = desk.logins(&[attempt]).remove(0);
        assert_eq!(
            (told.verdict, told.reason),
            (Verdict::Reject, Some(Reason::AlreadyUsed))
        );
        assert!(desk.account("mori").guesses.is_clear());
        assert!(desk.with_spare("mori", &code(2)).accepted());
        assert_eq!(desk.account("mori").emergency, []);
        let reason = desk.with_spare("mori", &code(2)).reason;
        assert_eq!(reason, Some(Reason::AlreadyUsed));
        let reason = desk.with_spare("mori", &code(3)).reason;
        assert_eq!(reason, Some(Reason::WrongCode));
        assert_eq!(desk.account("mori").guesses.wrong, 1);
    }
}

#[test]
fn i11_so_many_used_codes_are_remembered_and_go_with_new_ones() {
    let mut desk = lost(20);
    (1..=20).for_each(|n| assert!(desk.with_spare("mori", &code(n)).accepted()));
    let account = desk.account("mori");
    assert_eq!(account.emergency_spent.len(), EMERGENCY_CODES_MAX);
    for n in [1, 20] {
        let reason = desk.with_spare("mori", &code(n)).reason;
        assert_eq!(reason, Some(Reason::AlreadyUsed));
    }
    desk.done(&emergency("mori", 40, 2, 600));
    assert_eq!(desk.account("mori").emergency_spent, []);
    assert_ne!(desk.account("mori").spare_key, account.spare_key);
    let reason = desk.with_spare("mori", &code(1)).reason;
    assert_eq!(reason, Some(Reason::WrongCode));
}

#[test]
fn i01_of_all_who_use_an_emergency_code_at_once_one_gets_in() {
    for count in [2, 64] {
        let mut desk = lost(1);
        let attempts: Vec<_> = (0..count)
            .map(|n| {
                let door = if n % 2 == 0 { Door::Pam } else { Door::Radius };
                attempt("mori", &code(1).show(), door)
            })
            .collect();
        let told = desk.logins(&attempts);
        assert_eq!(told.iter().filter(|told| told.accepted()).count(), 1);
    }
}

#[test]
fn i02_an_emergency_code_is_not_told_to_be_right_before_it_is_spent() {
    use sekisho_verifier::testing::faulty::{Call, Fault};
    for fault in [
        Fault::Refused,
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::Conflict,
    ] {
        let inner = lost(1).store.into_inner();
        let mut calls = 0;
        let plan = move |call| {
            calls += usize::from(call == Call::Commit);
            (call == Call::Commit && calls == 1).then_some(fault)
        };
        let mut desk = Desk::on(inner, Policy::default(), plan);
        let first = desk.with_spare("mori", &code(1));
        let again = desk.with_spare("mori", &code(1));
        let accepted = [&first, &again]
            .iter()
            .filter(|told| told.accepted())
            .count();
        assert!(accepted <= 1, "{fault:?}");
        let spent = desk.account("mori").emergency.is_empty();
        assert!(spent || accepted == 0, "{fault:?}");
    }
}

#[test]
fn a_spare_code_is_typed_in_either_case_and_with_blanks_and_dashes() {
    let shown = code(1).show();
    let bare = shown.replace('-', "");
    for typed in [
        shown.to_string(),
        shown.to_lowercase(),
        bare.clone(),
        format!(" {} {} ", &bare[..5].to_lowercase(), &bare[5..]),
        bare.chars().flat_map(|c| [c, '-']).collect(),
    ] {
        assert!(lost(1).at_pam("mori", &typed).accepted(), "{typed}");
    }
    for typed in [
        format!("{bare}\n"),
        format!("{bare}\0"),
        format!("{bare}-")[1..].to_owned(),
        bare[..11].to_owned(),
        format!("{bare}{}", &bare[..1]),
        bare.replace(&bare[..1], "0"),
        bare.chars().flat_map(|c| [c, '-', '-']).collect(),
        shown.replace('-', "_"),
        shown.replace('-', "\u{2010}"),
        shown.chars().rev().collect(),
    ] {
        assert!(!lost(1).at_pam("mori", &typed).accepted(), "{typed}");
    }
}

#[test]
fn i11_a_spare_code_is_bounded_by_number_and_time() {
    let mut desk = Desk::of_mori(&Device::usual(1));
    let most = EMERGENCY_CODES_MAX as u64;
    for (count, valid) in [
        (most + 1, 86_400),
        (1, EMERGENCY_SECONDS.start() - 1),
        (1, EMERGENCY_SECONDS.end() + 1),
        (1, 0),
        (1, u64::MAX),
    ] {
        let refusal = desk.refused(&emergency("mori", 1, count, valid));
        assert_eq!(refusal, Refusal::EmergencyBounds);
    }
    desk.done(&emergency("mori", 1, most, *EMERGENCY_SECONDS.end()));
    assert_eq!(desk.account("mori").emergency.len(), EMERGENCY_CODES_MAX);
    let What::Operation(event) = desk.newest().what else {
        panic!("an operation");
    };
    assert_eq!(
        (event.operation, event.count),
        (OperationKind::Emergency, Some(most))
    );
    assert_eq!(
        event.detail.expect("a detail").as_str(),
        "good for 604800 seconds"
    );
    // A start code is none, and has no place in these.
    let mixed = Operation::Emergency {
        account: name("mori"),
        codes: vec![spare(Start, 1)],
        valid: seconds(600),
        key: SpareKey::new(octets(1)),
        nonce: octets(2),
    };
    assert_eq!(desk.refused(&mixed), Refusal::EmergencyBounds);
    assert_eq!(
        desk.refused(&emergency("nobody", 1, 1, 600)),
        Refusal::NoSuchAccount(name("nobody"))
    );
}

#[test]
fn an_emergency_code_is_good_until_its_moment() {
    for (late, good) in [(86_399, true), (86_400, false), (86_401, false)] {
        let mut desk = lost(1);
        desk.pass(late);
        assert_eq!(desk.with_spare("mori", &code(1)).accepted(), good, "{late}");
    }
    // Codes that were made while the clock was years ahead do not last for years.
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.pass(86_400 * 365);
    desk.done(&emergency("mori", 1, 1, 86_400));
    desk.now = START;
    desk.done(&Operation::ClockTrust);
    assert!(!desk.with_spare("mori", &code(1)).accepted());
}

#[test]
fn new_emergency_codes_revoke_the_old_and_none_revoke_all() {
    let mut desk = lost(3);
    desk.done(&emergency("mori", 11, 2, 86_400));
    assert!(!desk.with_spare("mori", &code(1)).accepted());
    assert!(desk.with_spare("mori", &code(11)).accepted());
    desk.done(&emergency("mori", 50, 0, 0));
    let What::Operation(event) = desk.newest().what else {
        panic!("an operation");
    };
    assert_eq!(event.detail.expect("a detail").as_str(), "revoked");
    assert!(!desk.with_spare("mori", &code(12)).accepted());
    let refusal = desk.refused(&emergency("mori", 50, 0, 0));
    assert_eq!(refusal, Refusal::NothingToChange(name("mori")));
}

/// For whom no token is at hand: whatever became of it, until another is put into use.
#[test]
fn emergency_codes_outlive_what_is_taken_away_and_end_with_the_next_token() {
    let device = Device::usual(1);
    for change in [StateChange::Suspend, StateChange::Lost, StateChange::Stop] {
        let mut desk = Desk::of_mori(&device);
        desk.done(&emergency("mori", 1, 2, 86_400));
        desk.change(change, &device);
        assert!(desk.with_spare("mori", &code(1)).accepted(), "{change:?}");
    }
    type Step = fn(&mut Desk, &Device, &Device);
    let steps: [Step; 4] = [
        |desk, _, new| {
            let code = new.shows(desk.now);
            desk.done(&enroll("mori", new, &code));
        },
        |desk, old, new| {
            let code = new.shows(desk.now);
            desk.done(&exchange(old, new, &code));
        },
        |desk, old, new| {
            let (code, old_code) = (new.shows(desk.now), old.shows(desk.now));
            desk.started(instead("mori", new, &code, &old_code));
        },
        |desk, _, _| desk.give("mori", &Device::usual(3)),
    ];
    for step in steps {
        let new = Device::usual(2);
        let mut desk = Desk::of_mori(&device);
        desk.stock(&new);
        desk.done(&emergency("mori", 1, 2, 86_400));
        desk.done(&start_code("mori", 1));
        step(&mut desk, &device, &new);
        let account = desk.account("mori");
        assert_eq!((account.spare_key, account.start_code), (None, None));
        assert!(account.emergency.is_empty());
        assert!(!desk.with_spare("mori", &code(1)).accepted());
        assert!(!desk.with_spare("mori", &spare(Start, 1)).accepted());
    }
}

#[test]
fn i03_a_wrong_spare_code_is_charged_like_a_wrong_code_and_locks() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.done(&emergency("mori", 1, 1, 86_400));
    for n in 1..=10 {
        desk.wait("mori");
        let told = desk.with_spare("mori", &code(100 + n));
        assert_eq!(told.reason, Some(Reason::WrongCode));
        assert_eq!(desk.account("mori").guesses.wrong, n as u32);
        assert_eq!(told.locked_out, n == 10);
    }
    // Locked for every kind of code, and no guess is told about.
    let told = desk.with_spare("mori", &code(1));
    assert_eq!(
        (told.verdict, told.reason),
        (Verdict::Reject, Some(Reason::Locked))
    );
    let told = desk.at_pam("mori", &device.shows(desk.now));
    assert_eq!(told.reason, Some(Reason::Locked));
    desk.wait("mori");
    assert!(desk.with_spare("mori", &code(1)).accepted());
    assert!(desk.account("mori").guesses.is_clear());
}

#[test]
fn i03_what_looks_like_a_spare_code_is_a_guess_whoever_has_none() {
    let mut desk = Desk::of_mori(&Device::usual(1));
    assert_eq!(
        desk.with_spare("mori", &code(1)).reason,
        Some(Reason::WrongCode)
    );
    assert_eq!(desk.account("mori").guesses.wrong, 1);
    // With nothing to guess there is no guess, as with other codes.
    desk.change(StateChange::Lost, &Device::usual(1));
    assert_eq!(
        desk.with_spare("mori", &code(1)).reason,
        Some(Reason::NoToken)
    );
    assert_eq!(desk.account("mori").guesses.wrong, 1);
    assert_eq!(
        desk.with_spare("nobody", &code(1)).reason,
        Some(Reason::UnknownAccount)
    );
}

#[test]
fn i12_no_spare_code_is_judged_by_a_bad_clock_or_of_a_disabled_account() {
    let disabled = |disabled| AccountChange {
        disabled: Some(disabled),
        ..AccountChange::default()
    };
    let mut desk = lost(1);
    desk.set("mori", disabled(true));
    let reason = desk.with_spare("mori", &code(1)).reason;
    assert_eq!(reason, Some(Reason::AccountDisabled));
    assert_eq!(
        desk.refused(&emergency("mori", 5, 1, 600)),
        Refusal::AccountDisabled(name("mori"))
    );
    desk.set("mori", disabled(false));
    desk.steady = false;
    let reason = desk.with_spare("mori", &code(1)).reason;
    assert_eq!(reason, Some(Reason::ClockStepped));
    desk.steady = true;
    desk.now = crate::common::moved(START, -1);
    let reason = desk.with_spare("mori", &code(1)).reason;
    assert_eq!(reason, Some(Reason::ClockBackwards));
    desk.now = START;
    assert!(desk.with_spare("mori", &code(1)).accepted());
}

/// A code for an emergency is as good a word for the time as any other.
#[test]
fn i12_an_accepted_spare_code_moves_the_clock_and_a_wrong_one_does_not() {
    let mut desk = lost(1);
    desk.pass(100);
    desk.with_spare("mori", &code(9));
    assert_eq!(desk.store.inner().newest(), Ok(Some(START)));
    assert!(desk.with_spare("mori", &code(1)).accepted());
    assert_eq!(desk.store.inner().newest(), Ok(Some(desk.now)));
}

#[test]
fn i10_a_spare_code_of_one_account_is_none_of_another() {
    let mut desk = lost(1);
    desk.give("sato", &Device::usual(2));
    // The same random octets for both, of keys and of codes.
    desk.done(&emergency("sato", 1, 1, 86_400));
    let (mori, sato) = (desk.account("mori"), desk.account("sato"));
    assert_ne!(mori.emergency[0].mark, sato.emergency[0].mark);
    assert_ne!(mori.spare_key, sato.spare_key);
    // What is put into another's record opens nothing there.
    let forged = sekisho_verifier::account::Account {
        emergency: mori.emergency.clone(),
        spare_key: mori.spare_key.clone(),
        ..sato
    };
    let change = sekisho_verifier::store::Change {
        written: vec![Record::Account(forged)],
        ..sekisho_verifier::store::Change::event_only(desk.newest())
    };
    desk.store
        .commit(&mut [&mut sample::Write(change)])
        .expect("a commit");
    let told = desk.with_spare("sato", &code(1));
    assert_eq!(told.reason, Some(Reason::SeedDoesNotOpen));
    assert!(!told.accepted());
    assert_eq!(
        desk.account("sato").guesses.wrong,
        0,
        "nothing was compared"
    );
    // New codes mend it.
    desk.done(&emergency("sato", 30, 1, 86_400));
    assert!(desk.with_spare("sato", &code(30)).accepted());
}

#[test]
fn i10_spare_codes_outlive_a_rotation_of_keys_and_old_records_do_not_open() {
    let mut desk = lost(2);
    desk.done(&start_code("mori", 1));
    let old = desk.account("mori");
    desk.verifier.keyring().make_current(data_key(2));
    // In the middle of it.
    assert!(desk.with_spare("mori", &code(1)).accepted());
    desk.reseals(100)
        .iter()
        .for_each(|part| _ = desk.done(part));
    desk.verifier.keyring().forget(1);
    let new = desk.account("mori");
    assert_ne!(old.spare_key, new.spare_key);
    assert_eq!(
        new.spare_key
            .as_ref()
            .and_then(|sealed| sealed.key_number()),
        Some(2)
    );
    assert!(desk.with_spare("mori", &code(2)).accepted());
    // What is kept of it in an old journal is noise: the old record opens with no key that is left.
    let change = sekisho_verifier::store::Change {
        written: vec![Record::Account(old)],
        ..sekisho_verifier::store::Change::event_only(desk.newest())
    };
    desk.store
        .commit(&mut [&mut sample::Write(change)])
        .expect("a commit");
    let told = desk.with_spare("mori", &code(2));
    assert_eq!(told.reason, Some(Reason::SeedDoesNotOpen));
}

#[test]
fn i10_a_rotation_writes_an_account_anew_whose_codes_do_not_open_and_says_so() {
    let mut desk = lost(1);
    desk.verifier = crate::common::desk::verifier(Policy::default(), 7, &[7; 32]);
    let before = desk.account("mori");
    let reseal = Operation::Reseal(vec![(
        sekisho_verifier::store::Key::Account(name("mori")),
        [9; 12],
    )]);
    desk.done(&reseal);
    let What::Operation(event) = desk.newest().what else {
        panic!("an operation");
    };
    assert_eq!(
        event.detail.expect("a detail").as_str(),
        "1 damaged record was left as it is"
    );
    assert_eq!(event.count, Some(1), "its tag must not go with the old key");
    assert_eq!(desk.account("mori"), before);
}

#[test]
fn i01_after_a_restore_no_spare_code_of_before_is_good_nor_what_one_permitted() {
    let mut desk = lost(3);
    desk.done(&start_code("mori", 1));
    desk.done(&start_code("mori", 2));
    assert!(desk.with_spare("mori", &spare(Start, 2)).accepted());
    desk.done(&start_code("mori", 3));
    assert!(desk.account("mori").is_granted(desk.now));
    desk.done(&desk.restore());
    let account = desk.account("mori");
    assert!(!account.is_granted(desk.now));
    assert_eq!((account.spare_key, account.start_code), (None, None));
    for spare in [code(1), spare(Start, 3)] {
        assert!(!desk.with_spare("mori", &spare).accepted());
    }
    desk.unlock("mori");
    desk.done(&emergency("mori", 20, 1, 86_400));
    assert!(desk.with_spare("mori", &code(20)).accepted());
}

#[test]
fn a_start_code_lets_in_once_at_a_linux_login_and_permits_an_exchange() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.done(&start_code("mori", 1));
    let attempt = attempt("mori", &spare(Start, 1).show(), Door::Radius);
    let told = desk.logins(&[attempt]).remove(0);
    assert_eq!(
        (told.verdict, told.reason),
        (Verdict::Reject, Some(Reason::WrongCode))
    );
    let told = desk.with_spare("mori", &spare(Start, 1));
    assert!(told.accepted());
    assert_eq!(told.reason, Some(Reason::StartCode));
    let account = desk.account("mori");
    assert_eq!(account.start_code, None);
    assert_eq!(
        account.start_granted_until,
        Some(desk.now.after(START_GRANTED))
    );
    assert!(!desk.with_spare("mori", &spare(Start, 1)).accepted());
    // The old token goes on until another takes its place.
    desk.unlock("mori");
    assert!(desk.at_pam("mori", &device.shows(desk.now)).accepted());
}

#[test]
fn a_start_code_lasts_ten_minutes_and_the_next_one_revokes_it() {
    let device = Device::usual(1);
    for (late, good) in [(599, true), (600, false)] {
        let mut desk = Desk::of_mori(&device);
        desk.done(&start_code("mori", 1));
        desk.pass(late);
        assert_eq!(desk.with_spare("mori", &spare(Start, 1)).accepted(), good);
    }
    assert_eq!(START_CODE_LASTS, seconds(600));
    let mut desk = Desk::of_mori(&device);
    desk.done(&start_code("mori", 1));
    desk.done(&start_code("mori", 2));
    assert!(!desk.with_spare("mori", &spare(Start, 1)).accepted());
    assert!(desk.with_spare("mori", &spare(Start, 2)).accepted());
    let wrong_kind = Operation::StartCode {
        account: name("mori"),
        code: code(1),
        key: SpareKey::new(octets(1)),
        nonce: octets(2),
    };
    desk.refused(&wrong_kind);
    desk.give("mori", &Device::usual(2));
    let refusal = desk.refused(&start_code("mori", 3));
    assert_eq!(refusal, Refusal::SeveralTokens(name("mori")));
}

/// What a response is computed from is no text that was typed.
#[test]
fn only_what_was_typed_can_be_a_spare_code() {
    let mut desk = lost(1);
    for method in [Method::Chap, Method::MsChapV2] {
        let shown = code(1).show();
        let bare = shown.replace('-', "");
        for text in [&*shown, &*bare] {
            let told = desk.logins(&[sekisho_verifier::verify::Attempt {
                proof: proof(method, text),
                ..attempt("mori", "", Door::Radius)
            }]);
            assert!(!told[0].accepted());
        }
    }
    assert_eq!(desk.account("mori").emergency.len(), 1);
}

#[test]
fn a_spare_code_behind_a_wrong_password_is_not_spent() {
    use sekisho_verifier::proof::First;
    let mut desk = lost(1);
    for (first, reason) in [
        (First::Wrong, Reason::WrongPassword),
        (First::Unavailable, Reason::FirstFactorUnavailable),
    ] {
        let with = Tied {
            first,
            ..Tied::default()
        };
        let attempt = tied("mori", &code(1).show(), Door::Radius, &with);
        let told = desk.logins(&[attempt]).remove(0);
        assert_eq!(told.reason, Some(reason));
    }
    let with = Tied {
        first: First::Right,
        ..Tied::default()
    };
    let attempt = tied("mori", &code(1).show(), Door::Radius, &with);
    assert!(desk.logins(&[attempt]).remove(0).accepted());
}

/// As a gateway does that has lost the answer: the person at it can not type the code again.
#[test]
fn i07_an_emergency_code_is_given_again_to_the_request_that_it_was_for() {
    let with = |correlation| Tied {
        correlation: Some(correlation),
        ..Tied::default()
    };
    let shown = code(1).show();
    let ask = |desk: &mut Desk, typed: &str, correlation| {
        let told = desk.tied("mori", typed, &with(correlation));
        (told.accepted(), told.reason.expect("a reason"))
    };
    let mut desk = lost(2);
    assert_eq!(ask(&mut desk, &shown, 1), (true, Reason::EmergencyCode));
    for _ in 0..4 {
        desk.pass(2);
        assert_eq!(ask(&mut desk, &shown, 1), (true, Reason::AnsweredAgain));
    }
    assert_eq!(
        ask(&mut desk, &shown, 1),
        (false, Reason::AlreadyUsed),
        "so often at most"
    );
    // Not to another request, nor for another code or spelling of it, nor at the other door, nor late.
    type Other = fn(&mut Desk, &str) -> (bool, Reason);
    let others: [Other; 5] = [
        |desk, shown| {
            let told = desk.tied(
                "mori",
                shown,
                &Tied {
                    correlation: Some(2),
                    ..Tied::default()
                },
            );
            (told.accepted(), told.reason.expect("a reason"))
        },
        |desk, shown| {
            let told = desk.tied(
                "mori",
                &shown.to_lowercase(),
                &Tied {
                    correlation: Some(1),
                    ..Tied::default()
                },
            );
            (told.accepted(), told.reason.expect("a reason"))
        },
        |desk, shown| {
            let told = desk.at_pam("mori", shown);
            (told.accepted(), told.reason.expect("a reason"))
        },
        |desk, shown| {
            desk.pass(10);
            let told = desk.tied(
                "mori",
                shown,
                &Tied {
                    correlation: Some(1),
                    ..Tied::default()
                },
            );
            (told.accepted(), told.reason.expect("a reason"))
        },
        |desk, shown| {
            desk.done(&emergency("mori", 30, 1, 600));
            let told = desk.tied(
                "mori",
                shown,
                &Tied {
                    correlation: Some(1),
                    ..Tied::default()
                },
            );
            (told.accepted(), told.reason.expect("a reason"))
        },
    ];
    for other in others {
        let mut desk = lost(2);
        assert_eq!(ask(&mut desk, &shown, 1), (true, Reason::EmergencyCode));
        let (accepted, reason) = other(&mut desk, &shown);
        assert!(!accepted);
        let revoked = desk.account("mori").emergency_spent.is_empty();
        let expected = if revoked {
            Reason::WrongCode
        } else {
            Reason::AlreadyUsed
        };
        assert_eq!(reason, expected);
    }
    // And what takes the account or the code away ends it.
    let disabled = |disabled| AccountChange {
        disabled: Some(disabled),
        ..AccountChange::default()
    };
    let mut desk = lost(2);
    ask(&mut desk, &shown, 1);
    desk.set("mori", disabled(true));
    desk.set("mori", disabled(false));
    assert_eq!(ask(&mut desk, &shown, 1), (false, Reason::AlreadyUsed));
    let mut desk = lost(2);
    ask(&mut desk, &shown, 1);
    desk.done(&desk.restore());
    assert!(!ask(&mut desk, &shown, 1).0);
}

#[test]
fn i10_a_name_that_could_be_a_spare_code_is_not_kept() {
    let mut desk = Desk::new(Policy::default());
    for (typed, kept) in [
        (code(1).show().to_string(), false),
        (code(1).show().replace('-', "").to_lowercase(), false),
        (spare(Start, 1).show().to_string(), false),
        ("mori.hanako".to_owned(), true),
    ] {
        desk.login(&typed, "123456");
        let What::Login(event) = desk.newest().what else {
            panic!("a login");
        };
        assert_eq!(event.account.is_some(), kept, "{typed}");
    }
}

#[test]
fn i10_spare_codes_are_in_nothing_that_is_kept_or_printed() {
    let mut desk = lost(3);
    desk.done(&start_code("mori", 1));
    desk.with_spare("mori", &code(1));
    desk.with_spare("mori", &code(77));
    let mut text = Vec::new();
    for record in desk.records() {
        text.extend(minicbor::to_vec(&record).expect("a record"));
        text.extend(format!("{record:?}").into_bytes());
    }
    for event in desk.events() {
        text.extend(minicbor::to_vec(&event).expect("an event"));
        text.extend(format!("{event:?}").into_bytes());
    }
    text.extend(format!("{:?}{:?}", code(1), emergency("mori", 1, 3, 600)).into_bytes());
    text.extend(format!("{:?}", start_code("mori", 1)).into_bytes());
    let text = String::from_utf8_lossy(&text).to_uppercase();
    for spare in [code(1), code(2), code(3), code(77), spare(Start, 1)] {
        let shown = spare.show();
        assert!(!text.contains(&*shown) && !text.contains(&shown.replace('-', "")));
    }
    let key: [u8; 32] = octets(1_001);
    assert!(!text.contains(&format!("{:?}", key)[1..40].to_uppercase()));
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn every_code_that_is_made_is_read_again(random in any::<[u8; 16]>(), upper: bool) {
        for (kind, length) in [(Emergency, 14), (Start, 19)] {
            let code = SpareCode::new(kind, random);
            let shown = code.show();
            prop_assert_eq!(shown.len(), length);
            let typed = if upper { shown.to_string() } else { shown.to_lowercase() };
            let read = SpareCode::parse(typed.as_bytes()).expect("a code");
            prop_assert_eq!(read.kind(), kind);
            prop_assert_eq!(read.show(), shown);
        }
    }

    #[test]
    fn whatever_is_typed_has_one_form_or_none(typed in vec(any::<u8>(), 0..40)) {
        if let Some(code) = SpareCode::parse(&typed) {
            let read = SpareCode::parse(code.show().as_bytes()).expect("a code");
            prop_assert_eq!(read.show(), code.show());
        }
        // No code of a token is ever taken for one.
        let digits: Vec<u8> = typed.iter().take(8).map(|octet| b'0' + octet % 10).collect();
        prop_assert!(SpareCode::parse(&digits).is_none());
    }

    /// Whatever is done in between: each spare code is accepted at most once, never after its moment and
    /// never after what revokes it.
    #[test]
    fn i01_a_spare_code_is_accepted_at_most_once(
        actions in vec((0..12u8, 1..6u64, 0..40_000u64), 1..60),
    ) {
        let device = Device::usual(1);
        let mut desk = Desk::of_mori(&device);
        let mut good = std::collections::BTreeMap::new();
        let mut next = 10;
        for (action, n, pause) in actions {
            match action {
                0 | 1 => {
                    good.clear();
                    desk.done(&emergency("mori", next, n, 60_000));
                    let until = desk.now.after(seconds(60_000));
                    good.extend((next..next + n).map(|n| (n, until)));
                    next += n;
                }
                2 => _ = desk.operate(&start_code("mori", next)),
                3 => desk.pass(pause),
                4 => {
                    if desk.operate(&emergency("mori", 0, 0, 0)) != sekisho_verifier::operation::Done::Refused(Refusal::NothingToChange(name("mori"))) {
                        good.clear();
                    }
                }
                5 => {
                    desk.done(&desk.restore());
                    good.clear();
                }
                6 => _ = desk.operate(&Operation::Change(StateChange::Suspend, device.serial.clone())),
                7 => _ = desk.operate(&Operation::Change(StateChange::Resume, device.serial.clone())),
                8 => _ = desk.operate(&emergency("nobody", 0, 1, 600)),
                _ => {
                    desk.wait("mori");
                    desk.unlock("mori");
                    let n = next.saturating_sub(n);
                    let right = good.get(&n).is_some_and(|until| desk.now < *until);
                    let told = desk.with_spare("mori", &code(n));
                    prop_assert_eq!(told.accepted(), right, "{} of {:?}", n, good);
                    if right {
                        good.remove(&n);
                    }
                }
            }
        }
        let none = start("mori", &device, "123456");
        desk.start(none);
    }
}
