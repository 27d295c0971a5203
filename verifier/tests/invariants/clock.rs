//! I12: while the clock is doubted no code is judged, and afterwards nobody is locked out by it.

use proptest::prelude::*;
use sekisho_verifier::event::{Reason, What};
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{Operation, Refusal, StateChange};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::{CodeRule, Policy};
use sekisho_verifier::store::{Store, View};
use sekisho_verifier::verify::{Ask, Asked, Question};

use crate::common::desk::{Desk, Device, enroll, exchange, place};
use crate::common::{START, config, seconds};

/// Mori with one token in use and one in stock, and a clock that is doubted.
fn doubted() -> (Desk, Device, Device) {
    let (first, second) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&first);
    desk.stock(&second);
    desk.steady = false;
    (desk, first, second)
}

#[test]
fn i12_a_doubted_clock_judges_spends_and_charges_nothing() {
    let (mut desk, first, second) = doubted();
    let before = desk.records();
    for _ in 0..30 {
        for code in [first.shows(desk.now), first.wrong(desk.now), "1".into()] {
            let told = desk.login("mori", &code);
            assert_eq!(told.reason, Some(Reason::ClockStepped));
            assert!(!told.accepted() && !told.locked_out);
        }
        for operation in [
            enroll("mori", &second, &second.shows(desk.now)),
            enroll("mori", &second, &second.wrong(desk.now)),
            exchange(&first, &second, &second.shows(desk.now)),
        ] {
            let refusal = desk.refused(&operation);
            let expected = Refusal::NotProven(second.serial.clone(), Reason::ClockStepped);
            assert_eq!(refusal, expected);
        }
    }
    assert_eq!(desk.records(), before);
    // What was shown meanwhile is good when the clock is.
    desk.steady = true;
    assert!(desk.login("mori", &first.shows(desk.now)).accepted());
    desk.done(&enroll("mori", &second, &second.shows(desk.now)));
}

#[test]
fn i12_a_doubted_clock_keeps_nobody_from_reporting_a_loss() {
    let (mut desk, first, second) = doubted();
    desk.change(StateChange::Suspend, &first);
    desk.change(StateChange::Resume, &first);
    desk.change(StateChange::Lost, &first);
    desk.change(StateChange::Stop, &second);
    assert_eq!(desk.token(&first).state, TokenState::Lost);
    let reason = desk.reason("mori", &first.shows(desk.now));
    assert_eq!(reason, Some(Reason::ClockStepped));
}

#[test]
fn i12_a_doubted_clock_can_be_trusted_and_a_good_one_need_not() {
    let (mut desk, ..) = doubted();
    desk.done(&Operation::ClockTrust);
    desk.pass(3_600);
    desk.done(&Operation::ClockTrust);
    assert_eq!(desk.store.inner().newest(), Ok(Some(desk.now)));
    desk.steady = true;
    let refusal = desk.refused(&Operation::ClockTrust);
    assert_eq!(refusal, Refusal::ClockIsTrusted);
}

/// An account that needs no code gets in: there is nothing to judge.
#[test]
fn i12_what_needs_no_code_needs_no_clock() {
    let mut policy = Policy::default();
    let services = &mut policy.asking.services;
    services.insert("sshd".into(), CodeRule::Never.into());
    let mut desk = Desk::new(policy);
    desk.give("mori", &Device::usual(1));
    desk.steady = false;
    desk.pass(86_400 * 365);
    let place = place(Door::Pam);
    let mut ask = Ask::new(&desk.verifier, Question::of("mori", &place), desk.clock());
    let outcomes = desk.store.commit(&mut [&mut ask]).expect("a commit");
    assert_eq!(ask.answer(outcomes[0]), Asked::CodeNotNeeded);
    assert!(desk.events().pop().expect("an event").doubted);
    assert_eq!(desk.store.inner().newest(), Ok(Some(START)));
}

/// A verifier that starts while the clock is wrong has no reason to doubt it. What a stranger can
/// bring about then must not count once it is right.
#[test]
fn i12_a_stranger_can_not_hold_the_store_to_a_wrong_clock() {
    let mut policy = Policy::default();
    let services = &mut policy.asking.services;
    services.insert("sshd".into(), CodeRule::Never.into());
    let (device, stock) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::new(policy);
    desk.give("mori", &device);
    desk.stock(&stock);
    desk.pass(86_400);
    let right = desk.now;
    desk.pass(86_400);
    for (account, code) in [
        ("mori", device.wrong(desk.now)),
        ("mori", "1".into()),
        ("nobody", "123456".into()),
        ("!", "123456".into()),
    ] {
        assert!(!desk.login(account, &code).accepted());
    }
    let place = place(Door::Pam);
    let mut ask = Ask::new(&desk.verifier, Question::of("mori", &place), desk.clock());
    let outcomes = desk.store.commit(&mut [&mut ask]).expect("a commit");
    assert_eq!(ask.answer(outcomes[0]), Asked::CodeNotNeeded);
    desk.refused(&enroll("sato", &stock, &stock.wrong(desk.now)));
    assert_eq!(desk.store.inner().newest(), Ok(Some(START)));
    desk.now = right;
    assert!(desk.login("mori", &device.shows(right)).accepted());
    assert_eq!(desk.store.inner().newest(), Ok(Some(right)));
}

#[test]
fn i10_a_name_that_could_be_a_code_is_not_kept_where_none_is_asked() {
    let mut policy = Policy::default();
    let services = &mut policy.asking.services;
    services.insert("sshd".into(), CodeRule::Never.into());
    let mut desk = Desk::new(policy);
    let place = place(Door::Pam);
    for (typed, kept) in [("123456", None), ("mori", Some("mori"))] {
        let mut ask = Ask::new(&desk.verifier, Question::of(typed, &place), desk.clock());
        desk.store.commit(&mut [&mut ask]).expect("a commit");
        let What::Login(event) = desk.events().pop().expect("an event").what else {
            panic!("a login");
        };
        let account = event.account.map(|name| name.to_string());
        assert_eq!(account.as_deref(), kept);
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// Whatever happens while the clock is ahead and doubted: once it is right again, it has not
    /// gone backwards, and every code of before is as good as it was.
    #[test]
    fn i12_a_clock_that_was_ahead_and_doubted_locks_nobody_out(
        ahead in 1..4_000_000_000u64,
        passed in 61..1_000u64,
        operates: bool,
    ) {
        let (mut desk, device, other) = doubted();
        desk.now = START.after(seconds(ahead));
        prop_assert!(!desk.login("mori", &device.shows(desk.now)).accepted());
        prop_assert!(!desk.login("mori", &device.shows(START)).accepted());
        desk.login("nobody", "123456");
        if operates {
            desk.change(StateChange::Stop, &other);
        }
        desk.steady = true;
        desk.now = START.after(seconds(passed));
        prop_assert_eq!(desk.store.inner().newest(), Ok(Some(START)));
        let code = device.shows(desk.now);
        prop_assert!(desk.login("mori", &code).accepted());
    }
}
