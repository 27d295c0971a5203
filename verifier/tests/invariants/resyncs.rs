//! Resync: two codes in a row say how far a token is off, and neither is good again.

use proptest::prelude::*;
use sekisho_verifier::event::{OperationOutcome, Reason, What};
use sekisho_verifier::operation::{
    AccountChange, Operation, RESYNC_COUNTERS, RESYNC_STEPS, Refusal, StateChange,
};
use sekisho_verifier::policy::Policy;

use crate::common::desk::{Desk, Device, name, policy};
use crate::common::{config, moved};

fn resync(device: &Device, first: &str, second: &str) -> Operation {
    Operation::Resync {
        serial: device.serial.clone(),
        first: first.as_bytes().to_vec().into(),
        second: second.as_bytes().to_vec().into(),
    }
}

/// `mori` with a token whose clock may be learned to be off so far.
fn drifting(device: &Device, drift: i64) -> Desk {
    let mut desk = Desk::new(policy(1, drift));
    desk.give("mori", device);
    desk
}

/// The codes of a step and the one after it.
fn two(device: &Device, step: u64) -> (String, String) {
    (device.code(step), device.code(step + 1))
}

#[test]
fn a_token_that_is_off_is_found_by_two_codes_in_a_row() {
    let device = Device::usual(1);
    for off in [-20_i64, -7, -1, 0, 3, 20] {
        let mut desk = drifting(&device, 20);
        let shows = |desk: &Desk| device.step(desk.now).saturating_add_signed(off);
        if off.abs() > 1 {
            let code = device.code(shows(&desk));
            assert_eq!(desk.reason("mori", &code), Some(Reason::WrongCode));
        }
        let last = shows(&desk);
        let (first, second) = two(&device, last - 1);
        desk.done(&resync(&device, &first, &second));
        let token = desk.token(&device);
        assert_eq!((token.drift, token.watermark()), (off, Some(last)));
        for code in [first, second] {
            assert_eq!(
                desk.reason("mori", &code),
                Some(Reason::AlreadyUsed),
                "{off}"
            );
        }
        desk.pass(30);
        let code = device.code(shows(&desk));
        assert!(desk.login("mori", &code).accepted(), "{off}");
    }
}

/// LinOTP's CVE-2019-12887: a resync by codes that had been used let them be used again.
#[test]
fn r04_a_resync_never_accepts_a_step_at_or_below_the_watermark() {
    let device = Device::usual(1);
    let mut desk = drifting(&device, 20);
    let step = device.step(desk.now);
    assert!(desk.login("mori", &device.code(step)).accepted());
    for back in 0..=RESYNC_STEPS {
        let (first, second) = two(&device, step - back);
        let refusal = desk.refused(&resync(&device, &first, &second));
        let reason = Reason::AlreadyUsed;
        assert_eq!(
            refusal,
            Refusal::NotProven(device.serial.clone(), reason),
            "{back}"
        );
    }
    assert_eq!(desk.token(&device).watermark(), Some(step));
    assert!(desk.token(&device).proofs.is_clear(), "no guess");
    // And a string that was accepted is not good at any step.
    let (first, second) = two(&device, step + 1);
    desk.done(&resync(&device, &first, &second));
    for (first, second) in [(&first, &second), (&second, &device.code(step + 3))] {
        let refusal = desk.refused(&resync(&device, first, second));
        let reason = Reason::AlreadyUsed;
        assert_eq!(refusal, Refusal::NotProven(device.serial.clone(), reason));
    }
}

#[test]
fn i01_a_string_that_comes_again_at_a_later_step_is_spent_for_a_resync_too() {
    // Its code of 1862261050 is that of the step after it, too, which is outside of a strict window.
    let device = Device::known(1);
    let mut desk = Desk::new(policy(0, 20));
    desk.give("mori", &device);
    let step = device.step(desk.now);
    assert_eq!(device.code(step), device.code(step + 1));
    assert!(desk.login("mori", &device.code(step)).accepted());
    assert_eq!(desk.token(&device).watermark(), Some(step));
    let (first, second) = two(&device, step + 1);
    let refusal = desk.refused(&resync(&device, &first, &second));
    let reason = Reason::AlreadyUsed;
    assert_eq!(refusal, Refusal::NotProven(device.serial.clone(), reason));
    let (first, second) = two(&device, step + 2);
    desk.done(&resync(&device, &first, &second));
}

/// Both are remembered at any age, like every code that was accepted.
#[test]
fn i01_both_codes_of_a_resync_are_known_as_used_long_after() {
    let device = Device::usual(1);
    let mut desk = drifting(&device, 4);
    let (first, second) = two(&device, device.step(desk.now) - 1);
    desk.done(&resync(&device, &first, &second));
    desk.pass(86_400);
    for code in [&first, &second] {
        assert_eq!(desk.reason("mori", code), Some(Reason::AlreadyUsed));
    }
    assert!(desk.account("mori").guesses.is_clear());
}

/// What a restore raised is a watermark though nobody knows a code of it.
#[test]
fn r04_a_resync_after_a_restore_accepts_no_step_up_to_what_was_raised() {
    let device = Device::usual(1);
    let mut desk = drifting(&device, 4);
    desk.done(&desk.restore());
    let raised = desk.token(&device).watermark().expect("a step");
    for first in raised - 3..=raised {
        let (one, other) = two(&device, first);
        let refusal = desk.refused(&resync(&device, &one, &other));
        let reason = Reason::AlreadyUsed;
        assert_eq!(
            refusal,
            Refusal::NotProven(device.serial.clone(), reason),
            "{first}"
        );
    }
    desk.pass(300);
    let (one, other) = two(&device, raised + 1);
    desk.done(&resync(&device, &one, &other));
}

#[test]
fn i11_a_resync_looks_so_far_and_no_farther() {
    let device = Device::usual(1);
    let reach = RESYNC_STEPS as i64;
    for (off, found) in [
        (-reach, true),
        (reach, true),
        (-reach - 1, false),
        (reach + 1, false),
    ] {
        let mut desk = drifting(&device, 20);
        let last = device.step(desk.now).saturating_add_signed(off);
        let (first, second) = two(&device, last - 1);
        if found {
            desk.done(&resync(&device, &first, &second));
        } else {
            let refusal = desk.refused(&resync(&device, &first, &second));
            let reason = Reason::WrongCode;
            assert_eq!(refusal, Refusal::NotProven(device.serial.clone(), reason));
        }
    }
    // What the policy does not let a token be, it is not.
    let mut desk = drifting(&device, 4);
    let (first, second) = two(&device, device.step(desk.now) + 5);
    let refusal = desk.refused(&resync(&device, &first, &second));
    assert_eq!(refusal, Refusal::TooFarOff(device.serial.clone(), 6));
    assert_eq!(desk.token(&device).watermark(), None);
}

#[test]
fn a_counter_that_ran_ahead_is_found_by_two_codes_in_a_row() {
    let device = Device::counting(1, 5);
    for ahead in [0, 11, RESYNC_COUNTERS] {
        let mut desk = drifting(&device, 4);
        let (first, second) = two(&device, 5 + ahead);
        desk.done(&resync(&device, &first, &second));
        let token = desk.token(&device);
        assert_eq!((token.watermark(), token.drift), (Some(6 + ahead), 0));
        let refusal = desk.refused(&resync(&device, &first, &second));
        assert!(matches!(
            refusal,
            Refusal::NotProven(_, Reason::AlreadyUsed)
        ));
        assert!(desk.login("mori", &device.code(7 + ahead)).accepted());
    }
    let mut desk = drifting(&device, 4);
    let (first, second) = two(&device, 6 + RESYNC_COUNTERS);
    let refusal = desk.refused(&resync(&device, &first, &second));
    assert!(matches!(refusal, Refusal::NotProven(_, Reason::WrongCode)));
    // The last counters there are.
    let device = Device::counting(1, u64::MAX - 3);
    for first in [u64::MAX - 3, u64::MAX - 1] {
        let mut desk = drifting(&device, 4);
        let (one, other) = two(&device, first);
        desk.done(&resync(&device, &one, &other));
        assert_eq!(desk.token(&device).watermark(), Some(first + 1));
    }
    let mut desk = drifting(&device, 4);
    let last = device.code(u64::MAX);
    desk.refused(&resync(&device, &last, &last));
}

#[test]
fn i03_wrong_codes_of_a_resync_are_charged_to_the_token_and_lock_it() {
    let device = Device::usual(1);
    let mut desk = drifting(&device, 4);
    let (first, second) = two(&device, device.step(desk.now));
    let wrong = device.wrong(desk.now);
    for (one, other) in [
        (&wrong, &wrong),
        (&first, &wrong),
        (&wrong, &second),
        (&second, &first),
        (&first, &device.code(device.step(desk.now) + 2)),
    ] {
        desk.now = desk.token(&device).proofs.until.unwrap_or(desk.now);
        let before = desk.token(&device).proofs.in_a_row;
        desk.refused(&resync(&device, one, other));
        assert_eq!(desk.token(&device).proofs.in_a_row, before + 1);
        let What::Operation(event) = desk.events().pop().expect("an event").what else {
            panic!("an operation");
        };
        assert_eq!(
            event.outcome,
            OperationOutcome::NotProven(Reason::WrongCode)
        );
    }
    let refusal = desk.refused(&resync(&device, &first, &second));
    assert_eq!(
        refusal,
        Refusal::NotProven(device.serial.clone(), Reason::Waiting)
    );
    for none in ["", "12345", "abcdef", "123456789"] {
        desk.now = desk.token(&device).proofs.until.unwrap_or(desk.now);
        let refusal = desk.refused(&resync(&device, none, &second));
        assert!(matches!(
            refusal,
            Refusal::NotProven(_, Reason::MalformedCode)
        ));
    }
    assert!(
        desk.account("mori").guesses.is_clear(),
        "its owner is not locked out by it"
    );
}

#[test]
fn a_resync_is_for_a_token_in_use_by_a_good_clock() {
    let device = Device::usual(1);
    let ask = |desk: &mut Desk| {
        let (first, second) = two(&device, device.step(desk.now));
        desk.refused(&resync(&device, &first, &second))
    };
    let mut desk = drifting(&device, 4);
    desk.steady = false;
    assert!(matches!(
        ask(&mut desk),
        Refusal::NotProven(_, Reason::ClockStepped)
    ));
    desk.steady = true;
    desk.now = moved(desk.now, -1);
    assert!(matches!(
        ask(&mut desk),
        Refusal::NotProven(_, Reason::ClockBackwards)
    ));
    desk.now = moved(desk.now, 1);
    desk.set(
        "mori",
        AccountChange {
            disabled: Some(true),
            ..AccountChange::default()
        },
    );
    assert_eq!(ask(&mut desk), Refusal::AccountDisabled(name("mori")));
    desk.set(
        "mori",
        AccountChange {
            disabled: Some(false),
            ..AccountChange::default()
        },
    );
    desk.change(StateChange::Suspend, &device);
    assert!(matches!(ask(&mut desk), Refusal::State(..)));
    desk.change(StateChange::Lost, &device);
    assert!(matches!(ask(&mut desk), Refusal::State(..)));
    let mut desk = Desk::new(Policy::default());
    assert!(matches!(ask(&mut desk), Refusal::NoSuchToken(_)));
    desk.stock(&device);
    assert!(matches!(ask(&mut desk), Refusal::State(..)));
}

/// Many failures in a row disable a token. Two codes are no way around its enrollment.
#[test]
fn a_resync_does_not_enable_a_token_that_failures_disabled() {
    let device = Device::usual(1);
    let mut desk = drifting(&device, 4);
    for _ in 0..100 {
        desk.now = desk.account("mori").guesses.until.unwrap_or(desk.now);
        let code = device.wrong(desk.now);
        desk.login("mori", &code);
    }
    assert!(desk.token(&device).disabled);
    let (first, second) = two(&device, device.step(desk.now));
    let refusal = desk.refused(&resync(&device, &first, &second));
    assert!(matches!(
        refusal,
        Refusal::NotProven(_, Reason::TokenDisabled)
    ));
}

#[test]
fn a_code_is_found_where_it_would_fit_and_nowhere_else() {
    let device = Device::usual(1);
    let desk = drifting(&device, 4);
    let token = desk.token(&device);
    let here = device.step(desk.now);
    let fits = |code: &str, reach| {
        desk.verifier
            .fits(&token, code.as_bytes(), desk.now, (reach, reach))
    };
    for off in [-2_880_i64, -4, 0, 1, 2_880] {
        let code = device.code(here.saturating_add_signed(off));
        let found = fits(&code, 2_880).expect("a step");
        assert!(found.abs() <= off.abs(), "{found} is nearer than {off}");
        assert_eq!(device.code(here.saturating_add_signed(found)), code);
        assert_eq!(fits(&code, off.unsigned_abs()), Some(found));
    }
    assert_eq!(fits("12345", 2_880), None);
    assert_eq!(fits("", 2_880), None);
    let wrong = device.wrong(desk.now);
    assert_eq!(fits(&wrong, 4), None);
    // Of a token that is early in time, and of a counter.
    assert_eq!(
        desk.verifier
            .fits(&token, b"123456", moved(desk.now, i64::MIN), (30, 30)),
        None
    );
    let counting = Device::counting(2, 100);
    let mut desk = drifting(&device, 4);
    desk.give("sato", &counting);
    let token = desk.token(&counting);
    let at = |counter: u64| {
        let code = counting.code(counter);
        desk.verifier
            .fits(&token, code.as_bytes(), desk.now, (50, 50))
    };
    assert_eq!(at(100), Some(0));
    assert_eq!(at(130), Some(30));
    assert_eq!(at(90), Some(-10));
}

proptest! {
    #![proptest_config(config(64))]

    /// Wherever the token is and whatever was accepted: a resync raises the watermark or changes nothing,
    /// and what it took is not taken again, by itself or at a login.
    #[test]
    fn i01_r04_a_resync_only_raises(
        drift in 0..=20i64,
        used in prop::collection::vec(-2..=2i64, 0..4),
        tries in prop::collection::vec((-24..=24i64, -1..=2i64, 0..90u64), 1..12),
    ) {
        let device = Device::usual(1);
        let mut desk = drifting(&device, drift);
        for off in used {
            desk.pass(45);
            let code = device.code(device.step(desk.now).saturating_add_signed(off));
            desk.login("mori", &code);
            desk.unlock("mori");
        }
        for (off, next, pause) in tries {
            desk.pass(pause);
            let first = device.step(desk.now).saturating_add_signed(off);
            let second = first.saturating_add_signed(next);
            let (one, other) = (device.code(first), device.code(second));
            let before = desk.token(&device);
            desk.now = before.proofs.until.unwrap_or(desk.now).max(desk.now);
            let done = desk.operate(&resync(&device, &one, &other));
            let after = desk.token(&device);
            if matches!(done, sekisho_verifier::operation::Done::Receipt(..)) {
                prop_assert!(before.watermark() < after.watermark());
                prop_assert!(after.drift.abs() <= drift);
                let mark = after.watermark().expect("a step");
                prop_assert_eq!(&device.code(mark), &other);
                prop_assert_eq!(&device.code(mark - 1), &one);
                prop_assert!(before.watermark().is_none_or(|before| before < mark - 1));
                for code in [&one, &other] {
                    prop_assert_eq!(desk.reason("mori", code), Some(Reason::AlreadyUsed));
                }
                let again = desk.operate(&resync(&device, &one, &other));
                prop_assert!(matches!(again, sekisho_verifier::operation::Done::Refused(_)));
            } else {
                prop_assert_eq!(before.watermark(), after.watermark());
                prop_assert_eq!(before.drift, after.drift);
            }
        }
    }
}
