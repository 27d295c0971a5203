//! I4: what a store sets aside for a full disk is for what takes rights away, and for mending.

use sekisho_verifier::operation::{
    AccountChange, Keeping, Operate, Operation, SerialChoice, StateChange,
};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::NONCE_OCTETS;
use sekisho_verifier::store::Decider;
use sekisho_verifier::token::Shape;
use sekisho_verifier::verify::{Ask, Login, Question};

use crate::common::START;
use crate::common::desk::{Desk, Device, attempt, enroll, exchange, name, of_root, place};
use crate::common::people::{emergency, proof, start, start_code, start_password};

#[test]
fn i04_logins_and_questions_never_take_the_reserve() {
    let device = Device::usual(1);
    let desk = Desk::of_mori(&device);
    for code in [device.shows(START), device.wrong(START), String::new()] {
        for door in [Door::Pam, Door::Radius] {
            let attempt = attempt("mori", &code, door);
            let mut login = Login::new(&desk.verifier, &attempt, desk.now);
            assert!(!login.may_use_reserve());
            login.decide(desk.store.inner()).expect("a decision");
            assert!(!login.may_use_reserve());
        }
    }
    let place = place(Door::Pam);
    assert!(!Ask::new(&desk.verifier, Question::of("mori", &place), desk.now).may_use_reserve());
}

#[test]
fn i04_operations_take_the_reserve_only_to_take_away_or_to_mend() {
    let (first, second) = (Device::usual(1), Device::usual(2));
    let desk = Desk::new(Policy::default());
    let order = of_root();
    let may = |operation: &Operation| {
        Operate::new(&desk.verifier, operation, &order, START).may_use_reserve()
    };
    let change = |change| Operation::Change(change, first.serial.clone());
    let set = |change| Operation::AccountSet(name("mori"), change);
    let keep = |what| Operation::Keep {
        what,
        count: None,
        detail: None,
    };
    let none = AccountChange::default;
    for operation in [
        change(StateChange::Stop),
        change(StateChange::Lost),
        change(StateChange::Suspend),
        Operation::Unlock(name("mori")),
        Operation::ClockTrust,
        keep(Keeping::Retain),
        Operation::AccountsDisable(vec![name("mori")]),
        Operation::OwnStop(proof("mori", "123456"), first.serial.clone()),
        Operation::OwnChoice(proof("mori", "123456"), true),
        emergency("mori", 1, 0, 0),
        set(AccountChange {
            exchange_required: Some(true),
            ..none()
        }),
        set(AccountChange {
            disabled: Some(true),
            ..none()
        }),
        set(AccountChange {
            code_required: Some(true),
            remove_alias: Some(name("h.mori")),
            ..none()
        }),
    ] {
        assert!(may(&operation), "{operation:?}");
    }
    for operation in [
        Operation::Issue {
            serial: SerialChoice::Given(first.serial.clone()),
            seed: first.seed(),
            nonce: [0; NONCE_OCTETS],
            shape: Shape::default(),
        },
        Operation::Import(vec![first.imported(1, None)]),
        enroll("mori", &first, "123456"),
        exchange(&first, &second, "123456"),
        change(StateChange::Resume),
        set(none()),
        set(AccountChange {
            disabled: Some(false),
            ..none()
        }),
        set(AccountChange {
            disabled: Some(true),
            code_required: Some(false),
            ..none()
        }),
        set(AccountChange {
            remove_alias: Some(name("h.mori")),
            add_alias: Some(name("m.mori")),
            ..none()
        }),
        set(AccountChange {
            exchange_required: Some(false),
            ..none()
        }),
        set(AccountChange {
            language: Some(None),
            ..none()
        }),
        Operation::Start(Box::new(start("mori", &first, "123456"))),
        Operation::OwnChoice(proof("mori", "123456"), false),
        emergency("mori", 1, 1, 600),
        start_code("mori", 1),
        start_password("mori", 1),
        Operation::StartPassword {
            account: name("mori"),
            password: None,
            nonce: [0; NONCE_OCTETS],
        },
        Operation::Resync {
            serial: first.serial.clone(),
            first: b"123456".to_vec().into(),
            second: b"123456".to_vec().into(),
        },
        keep(Keeping::ApprovalAsk),
        keep(Keeping::Approve),
        keep(Keeping::PolicyApply),
        Operation::Reseal(Vec::new()),
        Operation::Restore {
            serials: Vec::new(),
            accounts: Vec::new(),
            damaged: 0,
        },
        keep(Keeping::KeyRotate),
        keep(Keeping::KeyDestroy),
        keep(Keeping::Backup),
    ] {
        assert!(!may(&operation), "{operation:?}");
    }
}
