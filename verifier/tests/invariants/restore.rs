//! I1, I12: after a restore no code of before is good, whatever was accepted since the backup.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::event::{OperationKind, Reason, What};
use sekisho_verifier::operation::{Operation, StateChange};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::receipt::{self, EVENTS_PER_SECOND_MAX, POSITIONS, ReceiptNumber};
use sekisho_verifier::store::Record;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{SPENT_MEMORY, Shape, Token};

use crate::common::desk::{Desk, Device, enroll, policy, totp};
use crate::common::{START, config, seconds};

/// The desk as its backup was, at the time of now.
fn put_back(desk: &Desk, backup: &sekisho_verifier::testing::memory::MemoryStore) -> Desk {
    let policy = desk.verifier.policy().clone();
    let mut restored = Desk::on(backup.clone(), policy, |_| None);
    restored.now = desk.now;
    restored.done(&restored.restore());
    restored
}

fn device(period: u32) -> Device {
    let factor = totp(period);
    Device::new(
        1,
        Shape {
            factor,
            ..Shape::default()
        },
    )
}

proptest! {
    #![proptest_config(config(48))]

    /// Every code of every step that could be accepted before, tried at every later moment at which
    /// it could be.
    #[test]
    fn i01_after_a_restore_no_code_of_before_is_accepted(
        window in 0..=1u64,
        drift in 0..=20i64,
        period in prop_oneof![Just(15), Just(30), Just(60), Just(120)],
        learned in vec((0..200u64, -2..=2i64), 0..12),
        accepted in vec((30..200u64, -2..=2i64), 1..5),
        late in 0..5_000u64,
    ) {
        let device = device(period);
        let mut desk = Desk::new(policy(window, drift));
        desk.give("mori", &device);
        let shown = |desk: &Desk, off: i64| {
            let drift = desk.token(&device).drift;
            device.step(desk.now).saturating_add_signed(off + drift)
        };
        for (pause, off) in learned {
            desk.pass(pause);
            let code = device.code(shown(&desk, off));
            desk.login("mori", &code);
            desk.unlock("mori");
        }
        let backup = desk.store.inner().clone();
        let mut used = Vec::new();
        for (pause, off) in accepted {
            desk.pass(pause);
            let step = shown(&desk, off);
            if desk.login("mori", &device.code(step)).accepted() {
                used.push(step);
            }
            desk.unlock("mori");
        }
        desk.pass(late % 100);
        let mut restored = put_back(&desk, &backup);
        let now = device.step(desk.now);
        let furthest = now + window + drift.unsigned_abs();
        let mark = restored.token(&device).watermark();
        prop_assert_eq!(mark, Some(furthest).max(backup_mark(&backup, &device)));
        prop_assert!(used.iter().all(|step| Some(*step) <= mark));
        for step in (now - 30)..=furthest {
            let code = device.code(step);
            // A later step may have the same code, a few times in a million.
            let again = (furthest + 1..furthest + 60).any(|later| device.code(later) == code);
            let store = restored.store.inner().clone();
            let mut tried = Desk::on(store, restored.verifier.policy().clone(), |_| None);
            tried.now = desk.now;
            for _ in 0..(furthest + 30 - now) {
                prop_assert!(again || !tried.login("mori", &code).accepted());
                tried.unlock("mori");
                tried.pass(u64::from(period));
            }
        }
        // What comes later is good.
        restored.now = desk.now.after(seconds(60 * u64::from(period) + late));
        restored.unlock("mori");
        let code = device.code(shown(&restored, 0));
        prop_assert!(restored.login("mori", &code).accepted());
    }

    #[test]
    fn i01_a_restore_never_lowers_a_watermark_and_forgets_no_code(
        accepted in 0..20usize,
        back in 0..100_000u64,
    ) {
        let device = Device::usual(1);
        let mut desk = Desk::of_mori(&device);
        let mut codes = Vec::new();
        for _ in 0..accepted {
            desk.pass(61);
            codes.push(device.shows(desk.now));
            prop_assert!(desk.login("mori", &device.shows(desk.now)).accepted());
        }
        let before = desk.token(&device);
        // The clock may even be behind.
        desk.now = Time::from_millis(desk.now.millis() - back);
        for _ in 0..3 {
            desk.done(&desk.restore());
        }
        let after = desk.token(&device);
        prop_assert!(after.watermark() > before.watermark());
        prop_assert_eq!(&after.spent, &before.spent);
        desk.now = START.after(seconds(200_000));
        for copy in codes.iter().rev().take(SPENT_MEMORY) {
            prop_assert_eq!(desk.reason("mori", copy), Some(Reason::AlreadyUsed));
        }
        let code = device.shows(desk.now);
        prop_assert!(desk.login("mori", &code).accepted());
    }

    #[test]
    fn i09_no_receipt_number_of_before_a_restore_comes_again(
        last in 0..POSITIONS / 2,
        at in 1_767_225_600..4_000_000_000u64,
        since in 0..400 * 86_400u64,
    ) {
        // Whatever a run could record since the backup, at the most it can.
        let then = Time::from_millis(at * 1_000);
        let now = then.after(seconds(since));
        let first = receipt::floor(now, last).expect("a number");
        prop_assert!(first > last);
        let reached = last.saturating_add(since * EVENTS_PER_SECOND_MAX);
        let explained = (at - 1_767_225_600) * EVENTS_PER_SECOND_MAX;
        if last < explained {
            // No store is further than its clock explains.
            prop_assert!(first >= explained + since * EVENTS_PER_SECOND_MAX);
        } else if last > (at + since - 1_767_225_600) * EVENTS_PER_SECOND_MAX && since < 366 * 86_400 {
            prop_assert!(first > reached);
        }
        prop_assert!(ReceiptNumber::new(first).is_some());
    }
}

fn backup_mark(
    backup: &sekisho_verifier::testing::memory::MemoryStore,
    device: &Device,
) -> Option<u64> {
    let token = backup.records().find_map(|record| match record {
        Record::Token(token) if token.serial == device.serial => Some(token.clone()),
        _ => None,
    });
    token.and_then(|token: Token| token.watermark())
}

#[test]
fn i09_a_restore_by_any_clock_finds_a_number_or_says_there_is_none() {
    for seconds in [
        0,
        1,
        1_767_225_599,
        1_767_225_600,
        1_767_225_601,
        u64::MAX / 1_000,
    ] {
        for last in [0, 1, POSITIONS / 2, POSITIONS - 1, POSITIONS, u64::MAX] {
            let now = Time::from_millis(seconds.saturating_mul(1_000));
            match receipt::floor(now, last) {
                Some(first) => assert!(first > last && first < POSITIONS),
                None => assert!(last >= POSITIONS / 2 || seconds > 5_000_000_000),
            }
        }
    }
    // A clock that stands at its beginning skips a year.
    let first = receipt::floor(Time::from_millis(0), 5_000).expect("a number");
    assert_eq!(first, 5_000 + 366 * 86_400 * EVENTS_PER_SECOND_MAX);
}

/// A counter tells nothing about time: nobody knows how far it was when the disk was lost.
#[test]
fn i01_a_counter_is_believed_again_when_its_owner_shows_it() {
    for suspended in [false, true] {
        let device = Device::counting(1, 100);
        let mut desk = Desk::of_mori(&device);
        assert!(desk.login("mori", &device.code(100)).accepted());
        if suspended {
            desk.change(StateChange::Suspend, &device);
        }
        let backup = desk.store.inner().clone();
        if suspended {
            desk.change(StateChange::Resume, &device);
        }
        let used = [101, 102, 103].map(|counter| device.code(counter));
        for code in &used {
            assert!(desk.login("mori", code).accepted());
        }
        let mut restored = put_back(&desk, &backup);
        let told = |event: What| match event {
            What::Operation(event) => (event.operation, event.count, event.detail),
            What::Login(_) | What::Session(_) => panic!("an operation"),
        };
        let (kind, count, detail) = told(restored.events().pop().expect("an event").what);
        assert_eq!((kind, count), (OperationKind::Restore, Some(1)));
        let detail = detail.expect("a detail");
        assert_eq!(detail.as_str(), "1 HOTP tokens are to be enrolled again");
        if suspended {
            restored.change(StateChange::Resume, &device);
        }
        for code in used.iter().chain([&device.code(104)]) {
            assert_eq!(restored.reason("mori", code), Some(Reason::TokenDisabled));
        }
        restored.done(&enroll("mori", &device, &device.code(104)));
        for code in &used {
            assert!(!restored.login("mori", code).accepted());
            restored.unlock("mori");
            restored.pass(60);
        }
        assert!(restored.login("mori", &device.code(105)).accepted());
    }
}

#[test]
fn i01_a_restore_touches_no_counter_out_of_use() {
    let device = Device::counting(1, 100);
    let mut desk = Desk::new(Policy::default());
    desk.stock(&device);
    let before = desk.token(&device);
    desk.done(&desk.restore());
    assert_eq!(desk.token(&device), before);
}

#[test]
fn i04_a_restore_of_a_token_that_is_missing_does_nothing() {
    let (known, missing) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&known);
    let before = desk.records();
    let restore = Operation::Restore {
        serials: vec![known.serial, missing.serial],
        accounts: Vec::new(),
        damaged: 0,
    };
    assert_eq!(
        desk.operate(&restore),
        sekisho_verifier::operation::Done::NotDone
    );
    assert_eq!(desk.records(), before);
}
