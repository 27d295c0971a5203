//! I1, I6, I7, I12: a code is accepted once, in one spelling, and copies harm nobody.

use proptest::prelude::*;
use sekisho_verifier::event::Reason;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{Operation, Refusal, StateChange};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::SPENT_MEMORY;

use crate::common::desk::{Desk, Device, attempt, enroll, exchange, policy};
use crate::common::history::respelt;
use crate::common::{START, config, moved};

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1_000)
}

/// First steps of near ones with equal codes, and how far apart they are: all there are between
/// steps 60,138,748 and 65,343,997 of the known key, found by trying each.
const TWINS: [(u64, u64); 8] = [
    (60_138_748, 3),
    (60_397_274, 3),
    (60_892_080, 3),
    (61_331_809, 2),
    (62_075_368, 1),
    (62_207_444, 2),
    (63_266_190, 2),
    (65_343_997, 1),
];

#[test]
fn i01_equal_strings_at_neighbouring_steps_are_one_code() {
    let device = Device::known(1);
    let (first, second) = (at(1_862_261_050), at(1_862_261_075));
    assert_eq!(device.step(first) + 1, device.step(second));
    for now in [first, second] {
        assert_eq!(device.shows(now), "235522");
    }
    let mut desk = Desk::of_mori(&device);
    desk.now = first;
    assert!(desk.login("mori", "235522").accepted());
    // It matches both steps of the window, and the higher is spent.
    assert_eq!(desk.token(&device).spent, [device.step(second)]);
    for seconds in [0, 25, 30, 60] {
        desk.now = first;
        desk.pass(seconds);
        assert_eq!(
            desk.reason("mori", "235522"),
            Some(Reason::AlreadyUsed),
            "{seconds}"
        );
    }
}

#[test]
fn i01_a_string_that_comes_again_is_refused_while_it_is_remembered() {
    let device = Device::known(1);
    for (first, apart) in TWINS {
        let (second, code) = (first + apart, device.code(first));
        assert_eq!(device.code(second), code);
        // Typed at each step between, under both profiles.
        for (window, typed) in [(0, first), (1, first), (1, first + 1), (1, second)] {
            let mut desk = Desk::new(policy(window, 4));
            desk.now = at(typed * 30);
            desk.give("mori", &device);
            let near = typed.abs_diff(first) <= window || typed.abs_diff(second) <= window;
            assert_eq!(desk.login("mori", &code).accepted(), near, "{typed}");
            if !near {
                continue;
            }
            let reached = typed + window >= second;
            let highest = if reached { second } else { first };
            assert_eq!(desk.token(&device).watermark(), Some(highest));
            for later in typed..=second + 1 {
                desk.now = at(later * 30 + 29);
                assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
            }
            desk.now = at((second + 2) * 30);
            let next = device.shows(desk.now);
            assert!(desk.login("mori", &next).accepted());
        }
    }
}

#[test]
fn i01_a_proof_spends_its_code() {
    let (old, new) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::new(Policy::default());
    desk.stock(&old);
    desk.stock(&new);
    desk.done(&enroll("mori", &old, &old.shows(START)));
    assert_eq!(
        desk.reason("mori", &old.shows(START)),
        Some(Reason::AlreadyUsed)
    );
    desk.pass(90);
    desk.done(&exchange(&old, &new, &new.shows(desk.now)));
    assert_eq!(
        desk.reason("mori", &new.shows(desk.now)),
        Some(Reason::AlreadyUsed)
    );
    desk.pass(60);
    assert!(desk.login("mori", &new.shows(desk.now)).accepted());
}

#[test]
fn i01_a_code_that_was_not_proven_is_not_spent() {
    let (mine, other) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&mine);
    desk.stock(&other);
    // The code of a token proves that token only, however right it is for another.
    let refusal = desk.refused(&enroll("mori", &other, &mine.shows(START)));
    let expected = Refusal::NotProven(other.serial.clone(), Reason::WrongCode);
    assert_eq!(refusal, expected);
    assert!(desk.login("mori", &mine.shows(START)).accepted());
}

#[test]
fn i01_a_counter_at_the_end_of_its_range_does_not_wrap() {
    let device = Device::counting(1, u64::MAX - 1);
    let mut desk = Desk::of_mori(&device);
    for counter in [u64::MAX - 1, u64::MAX] {
        assert!(
            desk.login("mori", &device.code(counter)).accepted(),
            "{counter}"
        );
    }
    for counter in [u64::MAX - 1, u64::MAX] {
        let reason = desk.reason("mori", &device.code(counter));
        assert_eq!(reason, Some(Reason::AlreadyUsed));
    }
    for counter in [0, 1, 2] {
        assert!(!desk.login("mori", &device.code(counter)).accepted());
        desk.pass(10);
    }
}

#[test]
fn i01_a_counter_may_be_ahead_by_the_bound_and_no_further() {
    let check = |ahead: u64, accepted: bool| {
        let device = Device::counting(1, 100);
        let mut desk = Desk::of_mori(&device);
        assert!(desk.login("mori", &device.code(100)).accepted());
        let told = desk.login("mori", &device.code(101 + ahead));
        assert_eq!(told.accepted(), accepted, "{ahead}");
    };
    for (ahead, accepted) in [(0, true), (10, true), (11, false), (12, false)] {
        check(ahead, accepted);
    }
}

proptest! {
    #![proptest_config(config(24))]

    /// A clock that runs away slowly is followed up to the bound, and no further.
    #[test]
    fn i01_a_token_whose_clock_is_off_becomes_usable_when_it_drifts_slowly(
        bound in 0..=20i64,
        off in 1..=22u64,
        ahead: bool,
    ) {
        let device = Device::usual(1);
        let mut desk = Desk::new(policy(1, bound));
        desk.give("mori", &device);
        let offset = |steps: u64| if ahead { steps as i64 } else { -(steps as i64) };
        for steps in 1..=off {
            let mut accepted = false;
            for _ in 0..4 {
                desk.pass(300);
                let step = device.step(desk.now).saturating_add_signed(offset(steps));
                let mark = desk.token(&device).watermark();
                accepted |= desk.login("mori", &device.code(step)).accepted();
                prop_assert!(desk.token(&device).watermark() >= mark);
                desk.pass(3_600);
            }
            // The window reaches one step further than the drift.
            prop_assert_eq!(accepted, steps as i64 <= bound + 1, "{} steps", steps);
            prop_assert!(desk.token(&device).drift.abs() <= bound);
        }
    }

    #[test]
    fn i07_copies_of_any_remembered_age_lock_nobody(age in 0..SPENT_MEMORY, pause in 0..100_000u64) {
        let device = Device::usual(1);
        let mut desk = Desk::of_mori(&device);
        let mut codes = Vec::new();
        for _ in 0..SPENT_MEMORY {
            desk.pass(61);
            let code = device.shows(desk.now);
            prop_assert!(desk.login("mori", &code).accepted());
            codes.push(code);
        }
        desk.pass(pause);
        let before = desk.account("mori");
        let copy = &codes[SPENT_MEMORY - 1 - age];
        for _ in 0..4 {
            let doors = [Door::Pam, Door::Radius].into_iter().cycle();
            let copies: Vec<_> = doors.take(64).map(|door| attempt("mori", copy, door)).collect();
            for told in desk.logins(&copies) {
                prop_assert_eq!(told.reason, Some(Reason::AlreadyUsed));
                prop_assert!(!told.accepted());
            }
        }
        prop_assert_eq!(desk.account("mori"), before);
        desk.pass(61);
        prop_assert!(desk.login("mori", &device.shows(desk.now)).accepted());
    }

    #[test]
    fn i12_a_code_is_good_again_once_the_clock_is(back in 1..50_000i64, trusted: bool) {
        let device = Device::usual(1);
        let mut desk = Desk::of_mori(&device);
        let right = START;
        desk.now = moved(right, -back);
        for code in [device.shows(desk.now), device.wrong(desk.now)] {
            prop_assert_eq!(desk.reason("mori", &code), Some(Reason::ClockBackwards));
        }
        prop_assert!(desk.account("mori").guesses.is_clear());
        prop_assert_eq!(desk.token(&device).watermark(), None);
        if trusted {
            desk.done(&Operation::ClockTrust);
        } else {
            desk.now = right;
        }
        let code = device.shows(desk.now);
        prop_assert!(desk.login("mori", &code).accepted());
    }
}

#[test]
fn i07_a_thousand_copies_lock_nobody() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    for _ in 0..1_000 {
        assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
        desk.now = moved(desk.now, 37);
    }
    desk.pass(60);
    assert!(desk.login("mori", &device.shows(desk.now)).accepted());
}

/// A gateway that keeps sending the code it saved must not lock out the owner of a new device:
/// what a token of the account has spent is a copy, also when that token is out of use.
#[test]
fn i07_copies_of_a_code_of_a_token_out_of_use_lock_nobody() {
    let check = |out_of_use: fn(&mut Desk, &Device, &Device)| {
        let (first, second) = (Device::usual(1), Device::usual(2));
        let mut desk = Desk::of_mori(&first);
        let saved = first.shows(desk.now);
        assert!(desk.login("mori", &saved).accepted());
        out_of_use(&mut desk, &first, &second);
        for _ in 0..20 {
            desk.pass(600);
            desk.login("mori", &saved);
        }
        assert_eq!(desk.reason("mori", &saved), Some(Reason::AlreadyUsed));
        assert_eq!(desk.account("mori").guesses.in_a_row, 0);
    };
    check(|desk, first, second| {
        desk.stock(second);
        desk.done(&exchange(first, second, &second.shows(START)));
    });
    check(|desk, first, second| {
        desk.give("mori", second);
        desk.change(StateChange::Suspend, first);
    });
    check(|desk, first, second| {
        desk.give("mori", second);
        desk.change(StateChange::Stop, first);
    });
    check(|desk, first, second| {
        desk.give("mori", second);
        desk.change(StateChange::Lost, first);
    });
}

#[test]
fn i06_a_code_has_one_spelling() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    for spelling in 1..12 {
        let respelt = respelt(&code, spelling);
        assert!(!desk.login("mori", &respelt).accepted(), "{respelt:?}");
    }
    desk.done(&Operation::Unlock(crate::common::desk::name("mori")));
    assert!(desk.login("mori", &code).accepted());
}

#[test]
fn i06_a_serial_in_any_case_is_one_token() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    for text in ["skts00000001", "Skts00000001", "SKTS00000001"] {
        let serial = Serial::parse(text).expect("a serial");
        assert_eq!(serial, device.serial);
        let again = Device {
            serial,
            ..Device::usual(2)
        };
        let import = Operation::Import(vec![again.imported(7, None)]);
        let fault = format!("there is a token {} already", device.serial);
        assert_eq!(desk.refused(&import), Refusal::Import(vec![(7, fault)]));
    }
    assert_eq!(desk.token(&device).state, TokenState::Active);
}
