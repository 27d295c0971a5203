//! What owners do themselves: start of use, exchange, stop, choice. One way to do each, many to be
//! refused, and no guess for nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::account::Account;
use sekisho_verifier::event::{Channel, OperationKind, OperationOutcome, Reason, What};
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{
    AccountChange, Done, Operation, Order, Refusal, Start, StateChange,
};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::spare::{START_GRANTED, SpareKind};
use sekisho_verifier::start_password::{START_TRIES_MAX, StartPassword};
use sekisho_verifier::store::{Key, Record, Store, View};
use sekisho_verifier::testing::sample;
use sekisho_verifier::verify::Phase;

use crate::common::desk::{Desk, Device, data_key, name, of_root, place};
use crate::common::people::{
    digits, emergency, instead, password, proof, spare, start, start_code, start_password, wanted,
};
use crate::common::{START, config, moved, seconds};

/// Two devices in stock, and two accounts without any.
fn stocked() -> (Desk, Device, Device) {
    let (first, second) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::new(Policy::default());
    desk.stock(&first);
    desk.stock(&second);
    desk.make("mori");
    desk.make("sato");
    (desk, first, second)
}

/// `mori` with the first device in use, and the second in stock.
fn in_use() -> (Desk, Device, Device) {
    let (mut desk, first, second) = stocked();
    desk.started(start("mori", &first, &first.shows(START)));
    desk.pass(60);
    (desk, first, second)
}

fn asked(desk: &mut Desk, account: &str) -> Vec<u8> {
    wanted(desk.ask(account, &place(Door::Pam), Phase::Change)).positions
}

fn with_digits(start: Start, digits: &str) -> Start {
    Start {
        characters: Some(digits.as_bytes().to_vec().into()),
        ..start
    }
}

fn wrong_digits(password: &StartPassword, positions: &[u8]) -> String {
    let right = digits(password, positions);
    if right == "00" {
        "11".into()
    } else {
        "00".into()
    }
}

#[test]
fn the_first_token_of_an_account_is_started_by_serial_and_code() {
    let (mut desk, first, _) = stocked();
    let code = first.shows(desk.now);
    let ask = Operation::Start(Box::new(Start {
        code_required: Some(false),
        ..start("Mori", &first, &code)
    }));
    let order = Order {
        channel: Channel::Own,
        ..of_root()
    };
    let (done, ..) = desk.ordered(&ask, &order);
    let Done::Receipt(_, event) = done else {
        panic!("{done:?}");
    };
    assert_eq!(event.operation, OperationKind::Start);
    assert_eq!(event.serial, Some(first.serial.clone()));
    assert_eq!(
        (event.new_serial, event.account),
        (None, Some(name("mori")))
    );
    assert_eq!(event.channel.name(), "self");
    assert_eq!(
        event.detail.expect("a detail").as_str(),
        "code required: no"
    );
    let (token, account) = (desk.token(&first), desk.account("mori"));
    assert_eq!(
        (token.state, token.account),
        (TokenState::Active, Some(name("mori")))
    );
    assert!(!account.code_required);
    assert_eq!(account.serials, std::slice::from_ref(&first.serial));
    // Its code is spent.
    assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
    desk.pass(30);
    assert!(desk.login("mori", &first.shows(desk.now)).accepted());
}

#[test]
fn an_exchange_by_the_old_code_spends_both_and_ends_the_old_token() {
    let (mut desk, first, second) = in_use();
    let (code, old_code) = (second.shows(desk.now), first.shows(desk.now));
    let done = desk.start(instead("mori", &second, &code, &old_code));
    let Done::Receipt(_, event) = done else {
        panic!("{done:?}");
    };
    assert_eq!(event.operation, OperationKind::Exchange);
    assert_eq!(event.serial, Some(first.serial.clone()));
    assert_eq!(event.new_serial, Some(second.serial.clone()));
    assert_eq!(desk.token(&first).state, TokenState::Exchanged);
    let account = desk.account("mori");
    assert_eq!(account.serials, std::slice::from_ref(&second.serial));
    assert_eq!(account.ended, std::slice::from_ref(&first.serial));
    for code in [&code, &old_code] {
        assert_eq!(desk.reason("mori", code), Some(Reason::AlreadyUsed));
    }
    assert_eq!(desk.token(&first).spent[0], first.step(desk.now));
}

#[test]
fn an_exchange_without_the_old_token_takes_a_start_code_once() {
    let granted = |desk: &mut Desk| {
        desk.done(&start_code("mori", 1));
        assert!(
            desk.with_spare("mori", &spare(SpareKind::Start, 1))
                .accepted()
        );
    };
    // A start code that was used at the login, or one that is typed here.
    for at_login in [true, false] {
        let (mut desk, first, second) = in_use();
        let code = second.shows(desk.now);
        let ask = |code: &str| match at_login {
            true => start("mori", &second, code),
            false => instead("mori", &second, code, &spare(SpareKind::Start, 1).show()),
        };
        desk.not_started(ask(&code));
        desk.unlock("mori");
        match at_login {
            true => granted(&mut desk),
            false => _ = desk.done(&start_code("mori", 1)),
        }
        desk.started(ask(&code));
        assert_eq!(desk.token(&first).state, TokenState::Exchanged);
        assert_eq!(desk.account("mori").start_code, None);
        assert!(!desk.account("mori").is_granted(desk.now));
        // It is over with that.
        let third = Device::usual(3);
        desk.stock(&third);
        let code = third.shows(desk.now);
        let again = match at_login {
            true => start("mori", &third, &code),
            false => instead("mori", &third, &code, &spare(SpareKind::Start, 1).show()),
        };
        desk.not_started(again);
        assert_eq!(desk.token(&third).state, TokenState::InStock);
    }
    // The one of before, once more: ten minutes later it is nothing.
    let (mut desk, _, second) = in_use();
    granted(&mut desk);
    desk.now = desk.now.after(START_GRANTED);
    let code = second.shows(desk.now);
    let refusal = desk.not_started(start("mori", &second, &code));
    assert_eq!(refusal, Refusal::OldTokenNeeded(name("mori")));
}

#[test]
fn a_grant_that_would_last_longer_than_it_can_is_none() {
    let (mut desk, _, second) = in_use();
    let far = Account {
        start_granted_until: Some(desk.now.after(START_GRANTED).after(seconds(1))),
        ..desk.account("mori")
    };
    let change = sekisho_verifier::store::Change {
        written: vec![Record::Account(far)],
        ..sekisho_verifier::store::Change::event_only(desk.newest())
    };
    desk.store
        .commit(&mut [&mut sample::Write(change)])
        .expect("a commit");
    let code = second.shows(desk.now);
    desk.not_started(start("mori", &second, &code));
}

#[test]
fn an_account_whose_tokens_are_gone_starts_only_with_a_grant() {
    for change in [StateChange::Lost, StateChange::Stop] {
        let (mut desk, first, second) = in_use();
        desk.change(change, &first);
        let code = second.shows(desk.now);
        let refusal = desk.not_started(start("mori", &second, &code));
        assert_eq!(refusal, Refusal::OldTokenNeeded(name("mori")));
        // Nor is an emergency code a word for it.
        desk.done(&emergency("mori", 1, 1, 600));
        let shown = spare(SpareKind::Emergency, 1).show();
        desk.not_started(instead("mori", &second, &code, &shown));
        assert_eq!(
            desk.account("mori").emergency.len(),
            1,
            "and it is not spent"
        );
        assert_eq!(desk.account("mori").guesses.wrong, 1);
        desk.done(&start_code("mori", 1));
        desk.started(Start {
            exchange: Some(change == StateChange::Lost),
            ..instead("mori", &second, &code, &spare(SpareKind::Start, 1).show())
        });
        assert_ne!(desk.token(&first).state, TokenState::Exchanged);
        assert_eq!(
            desk.account("mori").serials,
            std::slice::from_ref(&second.serial)
        );
    }
}

#[test]
fn a_suspended_token_is_exchanged_by_a_start_code_and_gives_none_itself() {
    let (mut desk, first, second) = in_use();
    desk.change(StateChange::Suspend, &first);
    let (code, old) = (second.shows(desk.now), first.shows(desk.now));
    desk.not_started(instead("mori", &second, &code, &old));
    desk.done(&start_code("mori", 1));
    desk.started(instead(
        "mori",
        &second,
        &code,
        &spare(SpareKind::Start, 1).show(),
    ));
    assert_eq!(desk.token(&first).state, TokenState::Exchanged);
}

#[test]
fn with_several_tokens_the_one_that_gave_the_code_ends() {
    let (mut desk, first, second) = in_use();
    let other = Device::usual(3);
    desk.give("mori", &other);
    let (code, old) = (second.shows(desk.now), other.shows(desk.now));
    desk.started(instead("mori", &second, &code, &old));
    assert_eq!(desk.token(&other).state, TokenState::Exchanged);
    assert_eq!(desk.token(&first).state, TokenState::Active);
}

/// What each of them costs, too: `account` and `token` are the charges.
#[test]
fn every_refusal_changes_no_token_and_costs_what_it_guessed() {
    type Arrange = fn(&mut Desk, &Device, &Device);
    type Ask = fn(&Desk, &Device, &Device) -> Start;
    struct Case {
        what: &'static str,
        arrange: Arrange,
        ask: Ask,
        reason: Option<Reason>,
        account: u32,
        token: u32,
    }
    let nothing: Arrange = |_, _, _| {};
    let right: Ask =
        |desk, old, new| instead("mori", new, &new.shows(desk.now), &old.shows(desk.now));
    let cases = [
        Case {
            what: "a wrong old code",
            arrange: nothing,
            ask: |desk, old, new| instead("mori", new, &new.shows(desk.now), &old.wrong(desk.now)),
            reason: Some(Reason::WrongCode),
            account: 1,
            token: 0,
        },
        Case {
            what: "a wrong new code",
            arrange: nothing,
            ask: |desk, old, new| instead("mori", new, &new.wrong(desk.now), &old.shows(desk.now)),
            reason: Some(Reason::WrongCode),
            account: 1,
            token: 1,
        },
        Case {
            what: "an old code that was used",
            arrange: |desk, old, _| {
                let code = old.shows(desk.now);
                assert!(desk.login("mori", &code).accepted());
            },
            ask: right,
            reason: Some(Reason::AlreadyUsed),
            account: 0,
            token: 0,
        },
        Case {
            what: "no old code",
            arrange: nothing,
            ask: |desk, _, new| start("mori", new, &new.shows(desk.now)),
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "an old code that is none",
            arrange: nothing,
            ask: |desk, _, new| instead("mori", new, &new.shows(desk.now), "12345"),
            reason: Some(Reason::MalformedCode),
            account: 0,
            token: 0,
        },
        Case {
            what: "a new code that is none",
            arrange: nothing,
            ask: |desk, old, new| instead("mori", new, "", &old.shows(desk.now)),
            reason: Some(Reason::MalformedCode),
            account: 0,
            token: 0,
        },
        Case {
            what: "a start code that is wrong",
            arrange: |desk, _, _| {
                desk.done(&start_code("mori", 1));
            },
            ask: |desk, _, new| {
                let code = spare(SpareKind::Start, 2).show();
                instead("mori", new, &new.shows(desk.now), &code)
            },
            reason: Some(Reason::WrongCode),
            account: 1,
            token: 0,
        },
        Case {
            what: "a serial that there is not",
            arrange: nothing,
            ask: |desk, old, _| {
                let none = Device::usual(99);
                instead("mori", &none, &none.shows(desk.now), &old.wrong(desk.now))
            },
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "the token that is in use",
            arrange: nothing,
            ask: |desk, old, _| {
                let code = old.shows(desk.now);
                instead("mori", old, &code, &code)
            },
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "somebody else's token",
            arrange: |desk, _, new| {
                let code = new.shows(desk.now);
                desk.started(start("sato", new, &code));
                desk.pass(30);
            },
            ask: right,
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "a token that was lost in the drawer",
            arrange: |desk, _, new| {
                desk.change(StateChange::Lost, new);
            },
            ask: right,
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "a disabled account",
            arrange: |desk, _, _| {
                let disabled = Some(true);
                desk.set(
                    "mori",
                    AccountChange {
                        disabled,
                        ..AccountChange::default()
                    },
                );
            },
            ask: right,
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "a clock that is doubted",
            arrange: |desk, _, _| desk.steady = false,
            ask: right,
            reason: Some(Reason::ClockStepped),
            account: 0,
            token: 0,
        },
        Case {
            what: "a clock that went back",
            arrange: |desk, _, _| {
                desk.pass(600);
                desk.give("sato", &Device::usual(7));
                desk.now = moved(desk.now, -300_000);
            },
            ask: right,
            reason: Some(Reason::ClockBackwards),
            account: 0,
            token: 0,
        },
        Case {
            what: "a first start of who has a token",
            arrange: nothing,
            ask: |desk, old, new| Start {
                exchange: Some(false),
                ..instead("mori", new, &new.shows(desk.now), &old.shows(desk.now))
            },
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "an exchange by who has none",
            arrange: nothing,
            ask: |desk, _, new| Start {
                exchange: Some(true),
                ..start("sato", new, &new.shows(desk.now))
            },
            reason: None,
            account: 0,
            token: 0,
        },
        Case {
            what: "an old code of somebody who has none",
            arrange: nothing,
            ask: |desk, old, new| instead("sato", new, &new.shows(desk.now), &old.shows(desk.now)),
            reason: Some(Reason::NoToken),
            account: 0,
            token: 0,
        },
    ];
    for case in cases {
        let (mut desk, old, new) = in_use();
        (case.arrange)(&mut desk, &old, &new);
        let before = desk.records();
        let guesses = desk.account("mori").guesses;
        let ask = (case.ask)(&desk, &old, &new);
        let events = desk.events().len();
        desk.not_started(ask);
        let what = case.what;
        let (account, token) = (desk.account("mori"), desk.token(&new));
        assert_eq!(
            account.guesses.in_a_row - guesses.in_a_row,
            case.account,
            "{what}"
        );
        assert_eq!(token.proofs.in_a_row, case.token, "{what}");
        // Nothing else has changed.
        let uncharged = |records: Vec<Record>| -> Vec<Record> {
            let uncharged = |record| match record {
                Record::Account(mut account) => {
                    account.guesses.clear();
                    Record::Account(account)
                }
                Record::Token(mut token) => {
                    token.proofs.clear();
                    Record::Token(token)
                }
                other => other,
            };
            records.into_iter().map(uncharged).collect()
        };
        assert_eq!(uncharged(desk.records()), uncharged(before), "{what}");
        let told = &desk.events()[events..];
        assert_eq!(told.len(), usize::from(case.reason.is_some()), "{what}");
        if let (Some(reason), Some(event)) = (case.reason, told.first()) {
            let What::Operation(event) = &event.what else {
                panic!("an operation");
            };
            assert_eq!(event.outcome, OperationOutcome::NotProven(reason), "{what}");
            assert!(event.account.is_some(), "{what}");
        }
    }
}

#[test]
fn i03_wrong_answers_lock_the_account_and_then_nothing_is_judged() {
    let (mut desk, first, second) = in_use();
    for n in 1..=10 {
        desk.wait("mori");
        let (code, old) = (second.shows(desk.now), first.wrong(desk.now));
        let refusal = desk.not_started(instead("mori", &second, &code, &old));
        assert_eq!(refusal, Refusal::NotOwner(name("mori"), Reason::WrongCode));
        assert_eq!(desk.account("mori").guesses.wrong, n);
    }
    let (code, old) = (second.shows(desk.now), first.shows(desk.now));
    let refusal = desk.not_started(instead("mori", &second, &code, &old));
    assert_eq!(refusal, Refusal::NotOwner(name("mori"), Reason::Locked));
    assert_eq!(
        desk.login("mori", &old).reason,
        Some(Reason::Locked),
        "at every door"
    );
    desk.wait("mori");
    let (code, old) = (second.shows(desk.now), first.shows(desk.now));
    desk.started(instead("mori", &second, &code, &old));
    assert!(desk.account("mori").guesses.is_clear());
}

/// Serials rise by one. Somebody who tries them all is charged for each.
#[test]
fn i03_whoever_tries_the_stock_is_locked_before_it_is() {
    let mut desk = Desk::new(Policy::default());
    let devices: Vec<Device> = (1..=30).map(Device::usual).collect();
    devices.iter().for_each(|device| desk.stock(device));
    desk.make("mallory");
    let mut judged = 0;
    for device in &devices {
        let code = device.wrong(desk.now);
        match desk.not_started(start("mallory", device, &code)) {
            Refusal::NotProven(_, Reason::WrongCode) => judged += 1,
            Refusal::NotOwner(_, Reason::Waiting | Reason::Locked) => {}
            other => panic!("{other:?}"),
        }
        if judged < 10 {
            desk.wait("mallory");
        }
    }
    assert_eq!(judged, 10);
    let charged = devices
        .iter()
        .filter(|device| !desk.token(device).proofs.is_clear());
    assert_eq!(charged.count(), 10);
}

#[test]
fn a_start_of_use_password_is_asked_for_and_over_when_used() {
    let (mut desk, first, second) = stocked();
    desk.done(&start_password("mori", 7));
    let code = first.shows(desk.now);
    let refusal = desk.not_started(start("mori", &first, &code));
    assert_eq!(
        refusal,
        Refusal::NotOwner(name("mori"), Reason::MalformedCode)
    );
    assert!(desk.account("mori").guesses.is_clear(), "no guess");
    let positions = asked(&mut desk, "mori");
    let wrong = wrong_digits(&password(7), &positions);
    let refusal = desk.not_started(with_digits(start("mori", &first, &code), &wrong));
    assert_eq!(
        refusal,
        Refusal::NotOwner(name("mori"), Reason::WrongStartPassword)
    );
    assert_eq!(desk.account("mori").guesses.wrong, 1);
    assert_eq!(desk.account("mori").start_tries, 1);
    assert_eq!(desk.token(&first).state, TokenState::InStock);
    let right = digits(&password(7), &asked(&mut desk, "mori"));
    desk.started(with_digits(start("mori", &first, &code), &right));
    let account = desk.account("mori");
    assert_eq!((account.start_password, account.start_tries), (None, 0));
    desk.pass(60);
    // The next exchange does without.
    let (code, old) = (second.shows(desk.now), first.shows(desk.now));
    desk.started(instead("mori", &second, &code, &old));
}

/// Two digits are right once in a hundred tries. There are not so many.
#[test]
fn i03_a_start_of_use_password_is_used_up_by_wrong_answers() {
    let (mut desk, first, _) = stocked();
    desk.done(&start_password("mori", 7));
    for _ in 0..START_TRIES_MAX {
        desk.unlock("mori");
        let positions = asked(&mut desk, "mori");
        let wrong = wrong_digits(&password(7), &positions);
        let code = first.shows(desk.now);
        desk.not_started(with_digits(start("mori", &first, &code), &wrong));
    }
    desk.unlock("mori");
    desk.pass(3_600);
    let right = digits(&password(7), &asked(&mut desk, "mori"));
    let code = first.shows(desk.now);
    let ask = || with_digits(start("mori", &first, &code), &right);
    let refusal = desk.not_started(ask());
    assert_eq!(refusal, Refusal::StartPasswordUsedUp(name("mori")));
    desk.done(&start_password("mori", 8));
    let right = digits(&password(8), &asked(&mut desk, "mori"));
    desk.started(with_digits(start("mori", &first, &code), &right));
}

#[test]
fn a_start_of_use_password_can_be_taken_away() {
    let (mut desk, first, _) = stocked();
    let remove = |account: &str| Operation::StartPassword {
        account: name(account),
        password: None,
        nonce: [0; 12],
    };
    assert_eq!(
        desk.refused(&remove("nobody")),
        Refusal::NoSuchAccount(name("nobody"))
    );
    desk.done(&start_password("mori", 7));
    desk.done(&remove("mori"));
    assert_eq!(
        desk.refused(&remove("mori")),
        Refusal::NoStartPassword(name("mori"))
    );
    assert!(asked(&mut desk, "mori").is_empty());
    let code = first.shows(desk.now);
    desk.started(start("mori", &first, &code));
}

#[test]
fn i10_a_start_of_use_password_outlives_a_rotation_and_asks_for_the_same_digits() {
    let (mut desk, first, _) = stocked();
    desk.done(&start_password("mori", 7));
    desk.done(&emergency("mori", 1, 1, 86_400));
    let (before, positions) = (desk.account("mori"), asked(&mut desk, "mori"));
    desk.verifier.keyring().make_current(data_key(2));
    assert_eq!(asked(&mut desk, "mori"), positions);
    desk.reseals(100)
        .iter()
        .for_each(|part| _ = desk.done(part));
    desk.verifier.keyring().forget(1);
    let after = desk.account("mori");
    assert_ne!(after.start_password, before.start_password);
    let number = |account: &Account| account.start_password.as_ref()?.key_number();
    assert_eq!((number(&before), number(&after)), (Some(1), Some(2)));
    assert_eq!(asked(&mut desk, "mori"), positions);
    let (code, right) = (first.shows(desk.now), digits(&password(7), &positions));
    desk.started(with_digits(start("mori", &first, &code), &right));
}

#[test]
fn i10_a_start_of_use_password_is_nowhere_in_clear_and_opens_for_its_account_only() {
    let (mut desk, first, _) = stocked();
    desk.done(&start_password("mori", 7));
    let shown = password(7).show();
    let mut text = Vec::new();
    for record in desk.records() {
        text.extend(minicbor::to_vec(&record).expect("a record"));
        text.extend(format!("{record:?}").into_bytes());
    }
    for event in desk.events() {
        text.extend(minicbor::to_vec(&event).expect("an event"));
        text.extend(format!("{event:?}").into_bytes());
    }
    text.extend(format!("{:?} {:?}", password(7), start_password("mori", 7)).into_bytes());
    assert!(!String::from_utf8_lossy(&text).contains(&**shown));
    // Put into another's record it is no password, and none is not what that one has.
    let mut sato = Account::new(name("sato"), desk.now);
    sato.start_password = desk.account("mori").start_password;
    let change = sekisho_verifier::store::Change {
        written: vec![Record::Account(sato)],
        ..sekisho_verifier::store::Change::event_only(desk.newest())
    };
    desk.store
        .commit(&mut [&mut sample::Write(change)])
        .expect("a commit");
    let code = first.shows(desk.now);
    let ask = start("sato", &first, &code);
    assert_eq!(desk.start(ask), Done::NotDone);
}

#[test]
fn i04_a_start_is_all_or_nothing() {
    use sekisho_verifier::testing::faulty::{Call, Fault};
    for fault in [
        Fault::Refused,
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::Conflict,
    ] {
        for (call, at) in [
            (Call::Commit, 1),
            (Call::Read, 1),
            (Call::Read, 3),
            (Call::Read, 4),
        ] {
            let (desk, first, second) = in_use();
            let now = desk.now;
            let mut calls = 0;
            let plan = move |made| {
                calls += usize::from(made == call);
                (made == call && calls == at).then_some(fault)
            };
            let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
            desk.now = now;
            let (code, old) = (second.shows(now), first.shows(now));
            let done = desk.start(instead("mori", &second, &code, &old));
            let states = (desk.token(&first).state, desk.token(&second).state);
            let whole = (TokenState::Exchanged, TokenState::Active);
            let none = (TokenState::Active, TokenState::InStock);
            assert!(states == whole || states == none, "{states:?}");
            match done {
                Done::Receipt(..) => assert_eq!(states, whole),
                Done::NotDone => assert_eq!(states, none),
                _ => {}
            }
        }
    }
}

/// A host may know one person by several names. Where none of them is an account's, nothing starts.
#[test]
fn r26_nobody_starts_a_token_for_a_name_without_an_account() {
    let (mut desk, first, _) = stocked();
    let code = first.shows(desk.now);
    for name_of_nobody in ["mori@branch.example", "m.mori", "nobody"] {
        let before = (desk.records(), desk.events());
        let refusal = desk.not_started(start(name_of_nobody, &first, &code));
        assert_eq!(refusal, Refusal::NoSuchAccount(name(name_of_nobody)));
        let exchange = Start {
            exchange: Some(true),
            ..instead(name_of_nobody, &first, &code, "123456")
        };
        desk.not_started(exchange);
        assert_eq!((desk.records(), desk.events()), before);
    }
}

#[test]
fn r26_a_start_by_another_name_is_for_the_account_that_it_means() {
    let (mut desk, _, second) = in_use();
    let add_alias = Some(name("h.mori"));
    desk.set(
        "mori",
        AccountChange {
            add_alias,
            ..AccountChange::default()
        },
    );
    let code = second.shows(desk.now);
    // No second account with tokens of its own.
    let refusal = desk.not_started(start("H.Mori", &second, &code));
    assert_eq!(refusal, Refusal::OldTokenNeeded(name("mori")));
    let none = desk.store.inner().record(&Key::Account(name("h.mori")));
    assert_eq!(none, Ok(None));
}

#[test]
fn an_owner_stops_a_token_by_its_code_only() {
    let (mut desk, first, second) = in_use();
    let other = Device::usual(3);
    desk.give("mori", &other);
    let stop = |code: &str, device: &Device| {
        Operation::OwnStop(proof("mori", code), device.serial.clone())
    };
    let code = other.shows(desk.now);
    let refusal = desk.refused(&stop(&code, &first));
    assert_eq!(refusal, Refusal::NotOwner(name("mori"), Reason::WrongCode));
    assert_eq!(desk.account("mori").guesses.wrong, 1);
    let refusal = desk.refused(&stop(&code, &second));
    assert_eq!(
        refusal,
        Refusal::NotTheirs(name("mori"), second.serial.clone())
    );
    let code = first.shows(desk.now);
    desk.done(&stop(&code, &first));
    assert_eq!(desk.token(&first).state, TokenState::Stopped);
    assert_eq!(
        desk.account("mori").serials,
        std::slice::from_ref(&other.serial)
    );
    assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
    desk.change(StateChange::Suspend, &other);
    let code = other.shows(desk.now);
    desk.refused(&stop(&code, &other));
    let nobody = Operation::OwnStop(proof("nobody", &code), other.serial.clone());
    assert_eq!(
        desk.refused(&nobody),
        Refusal::NoSuchAccount(name("nobody"))
    );
}

#[test]
fn an_owner_chooses_by_a_code_that_is_spent() {
    let (mut desk, first, _) = in_use();
    let choose = |code: &str, required| Operation::OwnChoice(proof("mori", code), required);
    let code = first.wrong(desk.now);
    desk.refused(&choose(&code, false));
    assert!(desk.account("mori").code_required);
    assert_eq!(desk.account("mori").guesses.wrong, 1);
    let code = first.shows(desk.now);
    desk.done(&choose(&code, false));
    let What::Operation(event) = desk.newest().what else {
        panic!("an operation");
    };
    assert_eq!(event.operation, OperationKind::AccountSet);
    assert_eq!(
        event.detail.expect("a detail").as_str(),
        "code required: no"
    );
    assert!(!desk.account("mori").code_required);
    let refusal = desk.refused(&choose(&code, true));
    assert_eq!(
        refusal,
        Refusal::NotOwner(name("mori"), Reason::AlreadyUsed)
    );
    // Nor is a spare code a word for it.
    desk.done(&emergency("mori", 1, 1, 600));
    let shown = spare(SpareKind::Emergency, 1).show();
    desk.refused(&choose(&shown, true));
    assert_eq!(desk.account("mori").emergency.len(), 1);
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn the_digits_that_are_asked_for_are_two_of_ten(random in any::<[u8; 32]>(), tries in 0..12u32) {
        let (mut desk, ..) = stocked();
        let password = StartPassword::new(random);
        prop_assert_eq!(password.show().len(), 10);
        prop_assert!(password.show().bytes().all(|digit| digit.is_ascii_digit()));
        desk.done(&Operation::StartPassword {
            account: name("mori"),
            password: Some(password),
            nonce: [1; 12],
        });
        let mut account = desk.account("mori");
        account.start_tries = tries;
        let change = sekisho_verifier::store::Change {
            written: vec![Record::Account(account)],
            ..sekisho_verifier::store::Change::event_only(desk.newest())
        };
        desk.store.commit(&mut [&mut sample::Write(change)]).expect("a commit");
        let positions = asked(&mut desk, "mori");
        prop_assert!(matches!(positions[..], [a, b] if 1 <= a && a < b && b <= 10));
    }

    /// Whatever an owner types: the account has at most one more token than before, a token is never in
    /// use for two, and what is in use was proven.
    #[test]
    fn i01_i08_starts_and_exchanges_leave_one_owner_to_a_token(
        tries in vec((0..2u8, 0..4u64, 0..6u8, 0..6u8, 0..70u64), 1..60),
    ) {
        let devices: Vec<Device> = (1..=4).map(Device::usual).collect();
        let accounts = ["mori", "sato"];
        let mut desk = Desk::new(Policy::default());
        devices.iter().for_each(|device| desk.stock(device));
        accounts.iter().for_each(|account| desk.make(account));
        for (account, device, old, help, pause) in tries {
            desk.pass(pause);
            let account = accounts[usize::from(account)];
            let device = &devices[device as usize];
            if help == 0 {
                desk.operate(&start_code(account, 1));
            }
            if help == 1 {
                desk.unlock(account);
            }
            if help == 2 && pause < 10 {
                desk.operate(&Operation::Change(StateChange::Lost, device.serial.clone()));
            }
            let code = device.shows(desk.now);
            let start = match old {
                0 | 1 => start(account, device, &code),
                2 => instead(account, device, &code, &spare(SpareKind::Start, 1).show()),
                n => {
                    let old = devices[usize::from(n) % 4].shows(desk.now);
                    instead(account, device, &code, &old)
                }
            };
            let before: Vec<_> = devices.iter().map(|device| desk.token(device)).collect();
            let done = desk.start(start);
            let known = |account: &str| desk.store.inner().account(&name(account)).expect("a read");
            for (token, before) in devices.iter().map(|device| desk.token(device)).zip(before) {
                let owners = accounts.iter().filter_map(|account| known(account));
                let owners: Vec<_> = owners
                    .filter(|owner| owner.serials.contains(&token.serial))
                    .map(|owner| owner.name)
                    .collect();
                prop_assert!(owners.len() <= 1);
                let live = matches!(token.state, TokenState::Active | TokenState::Suspended);
                prop_assert_eq!(live, owners.len() == 1);
                if live {
                    prop_assert_eq!(token.account.as_ref(), owners.first());
                }
                prop_assert!(before.watermark() <= token.watermark());
                let began = before.state == TokenState::InStock && live;
                let is_done = matches!(done, Done::Receipt(..));
                prop_assert_eq!(began, is_done && token.serial == device.serial);
                prop_assert!(!live || token.watermark().is_some(), "it was proven");
            }
            for account in accounts {
                let live = known(account).map_or(0, |account| account.serials.len());
                prop_assert!(live <= 1);
            }
        }
    }
}
