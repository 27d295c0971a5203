//! What a login is told that it needs, in each of its parts.

use sekisho_verifier::account::Language;
use sekisho_verifier::event::{Reason, What};
use sekisho_verifier::operation::{AccountChange, StateChange};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::spare::SpareKind;
use sekisho_verifier::store::{Outcome, Store, View};
use sekisho_verifier::verify::{Ask, Asked, Phase, Question, Wanted};

use crate::common::desk::{Desk, Device, name, place};
use crate::common::people::{digits, password, spare, start, start_code, start_password, wanted};
use crate::common::{START, seconds};

fn graceful() -> Desk {
    let mut policy = Policy::default();
    policy.asking.grace_until = Some(START.after(seconds(3_600)));
    Desk::new(policy)
}

fn sudo() -> Place {
    Place::new(Door::Pam, "sudo", Some("pts/3"), None)
}

fn first() -> Asked {
    Asked::TokenWanted(Wanted {
        exchange: false,
        old_code: false,
        positions: Vec::new(),
        grace_until: None,
    })
}

fn instead(old_code: bool) -> Asked {
    Asked::TokenWanted(Wanted {
        exchange: true,
        old_code,
        positions: Vec::new(),
        grace_until: None,
    })
}

#[test]
fn in_grace_one_is_let_in_and_told_to_put_a_token_into_use() {
    let mut desk = graceful();
    let sshd = place(Door::Pam);
    for account in ["mori", "sato"] {
        desk.make(account);
        let events = desk.events().len();
        assert_eq!(
            desk.ask(account, &sshd, Phase::Authenticate),
            Asked::CodeNotNeeded
        );
        assert_eq!(desk.events().len(), events + 1);
        let What::Login(event) = desk.newest().what else {
            panic!("a login");
        };
        assert_eq!(event.reason, Reason::Grace);
        assert_eq!(event.account, Some(name(account)));
        let Wanted {
            exchange,
            old_code,
            grace_until,
            ..
        } = wanted(desk.ask(account, &sshd, Phase::Account));
        assert!(!exchange && !old_code);
        assert_eq!(grace_until, Some(START.after(seconds(3_600))));
        assert_eq!(desk.events().len(), events + 1, "the answer writes nothing");
    }
    // Not at a gateway.
    let gateway = place(Door::Radius);
    assert_eq!(
        desk.ask("mori", &gateway, Phase::Authenticate),
        Asked::CodeNeeded
    );
    // Nor for a name that nobody made an account for: a host may know somebody by several.
    for typed in ["kato", "mori@branch.example", "mori mori", "", "-x"] {
        assert_eq!(
            desk.ask(typed, &sshd, Phase::Authenticate),
            Asked::CodeNeeded
        );
        assert_eq!(desk.ask(typed, &sshd, Phase::Account), Asked::CodeNeeded);
        assert_eq!(desk.ask(typed, &sshd, Phase::Change), Asked::NothingWanted);
    }
}

#[test]
fn grace_is_over_with_the_first_token_even_when_that_is_lost() {
    let mut desk = graceful();
    let device = Device::usual(1);
    desk.stock(&device);
    desk.make("mori");
    desk.started(start("mori", &device, &device.shows(desk.now)));
    let sshd = place(Door::Pam);
    for change in [None, Some(StateChange::Suspend), Some(StateChange::Lost)] {
        if let Some(change) = change {
            desk.change(change, &device);
        }
        for phase in [Phase::Authenticate, Phase::Account] {
            assert_eq!(
                desk.ask("mori", &sshd, phase),
                Asked::CodeNeeded,
                "{change:?}"
            );
        }
    }
}

#[test]
fn i12_a_clock_that_went_back_or_is_doubted_gives_no_grace() {
    let mut desk = graceful();
    desk.make("mori");
    desk.pass(3_000);
    desk.give("sato", &Device::usual(1));
    let sshd = place(Door::Pam);
    desk.steady = false;
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNeeded
    );
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    desk.steady = true;
    desk.now = START;
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNeeded
    );
    desk.pass(3_000);
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNotNeeded
    );
    desk.pass(600);
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNeeded
    );
}

#[test]
fn a_login_with_a_token_is_asked_for_a_code_and_goes_on() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    for place in [place(Door::Pam), sudo()] {
        let events = desk.events().len();
        for phase in [Phase::Authenticate, Phase::Account] {
            assert_eq!(desk.ask("MORI", &place, phase), Asked::CodeNeeded);
            assert_eq!(desk.ask("nobody", &place, phase), Asked::CodeNeeded);
        }
        assert_eq!(desk.ask("mori", &place, Phase::Change), instead(true));
        assert_eq!(
            desk.ask("nobody", &place, Phase::Change),
            Asked::NothingWanted
        );
        assert_eq!(desk.events().len(), events);
    }
    desk.change(StateChange::Suspend, &device);
    assert_eq!(
        desk.ask("mori", &sudo(), Phase::Change),
        Asked::NothingWanted
    );
    desk.change(StateChange::Lost, &device);
    assert_eq!(
        desk.ask("mori", &sudo(), Phase::Change),
        Asked::NothingWanted
    );
    assert_eq!(desk.ask("mori", &sudo(), Phase::Account), Asked::CodeNeeded);
    // A start code that was not used can be typed where the old code is asked for.
    desk.done(&start_code("mori", 1));
    assert_eq!(desk.ask("mori", &sudo(), Phase::Change), instead(true));
    desk.pass(600);
    let asked = desk.ask("mori", &sudo(), Phase::Change);
    assert_eq!(asked, Asked::NothingWanted);
}

#[test]
fn where_no_code_is_asked_only_the_first_part_of_a_login_writes_it_down() {
    let mut desk = Desk::of_mori(&Device::usual(1));
    desk.set(
        "mori",
        AccountChange {
            code_required: Some(false),
            ..AccountChange::default()
        },
    );
    let events = desk.events().len();
    let sshd = place(Door::Pam);
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Account),
        Asked::CodeNotNeeded
    );
    assert_eq!(desk.events().len(), events);
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNotNeeded
    );
    assert_eq!(desk.events().len(), events + 1);
    assert_eq!(desk.newest_reason(), Reason::NotAsked);
    assert_eq!(
        desk.ask("mori", &sudo(), Phase::Authenticate),
        Asked::CodeNeeded
    );
}

/// Nor does it let anybody in who needs one.
#[test]
fn a_damaged_token_keeps_nobody_out_who_needs_no_code() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let change = sekisho_verifier::store::Change {
        removed: vec![sekisho_verifier::store::Key::Token(device.serial.clone())],
        ..sekisho_verifier::store::Change::event_only(desk.newest())
    };
    let mut write = sekisho_verifier::testing::sample::Write(change);
    desk.store.commit(&mut [&mut write]).expect("a commit");
    let sshd = place(Door::Pam);
    let asked = desk.ask("mori", &sshd, Phase::Authenticate);
    assert_eq!(asked, Asked::CodeNeeded);
    let asked = desk.ask_again("mori", &sudo(), &device.serial);
    assert_eq!(asked, Asked::Undecided);
    desk.set(
        "mori",
        AccountChange {
            code_required: Some(false),
            ..AccountChange::default()
        },
    );
    let asked = desk.ask("mori", &sshd, Phase::Authenticate);
    assert_eq!(asked, Asked::CodeNotNeeded);
    let asked = desk.ask("mori", &sshd, Phase::Change);
    assert_eq!(asked, Asked::Undecided);
}

#[test]
fn an_account_that_must_exchange_is_told_so_while_it_can() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.set(
        "mori",
        AccountChange {
            exchange_required: Some(true),
            ..AccountChange::default()
        },
    );
    let sshd = place(Door::Pam);
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNeeded
    );
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), instead(true));
    desk.change(StateChange::Suspend, &device);
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    desk.change(StateChange::Resume, &device);
    desk.set(
        "mori",
        AccountChange {
            disabled: Some(true),
            ..AccountChange::default()
        },
    );
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    assert_eq!(desk.ask("mori", &sshd, Phase::Change), Asked::NothingWanted);
}

#[test]
fn after_a_start_code_a_token_is_wanted_for_ten_minutes_without_the_old_one() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let sshd = place(Door::Pam);
    desk.done(&start_code("mori", 1));
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    assert!(
        desk.with_spare("mori", &spare(SpareKind::Start, 1))
            .accepted()
    );
    for phase in [Phase::Account, Phase::Change] {
        assert_eq!(desk.ask("mori", &sshd, phase), instead(false));
    }
    // Its use does not let anybody in once more.
    assert_eq!(
        desk.ask("mori", &sshd, Phase::Authenticate),
        Asked::CodeNeeded
    );
    desk.steady = false;
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    desk.steady = true;
    desk.change(StateChange::Lost, &device);
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), first());
    desk.pass(600);
    assert_eq!(desk.ask("mori", &sshd, Phase::Account), Asked::CodeNeeded);
    assert_eq!(desk.ask("mori", &sshd, Phase::Change), Asked::NothingWanted);
}

#[test]
fn the_digits_that_are_asked_for_stay_until_a_wrong_answer_was_charged() {
    let mut desk = Desk::new(Policy::default());
    let device = Device::usual(1);
    desk.stock(&device);
    desk.done(&start_password("mori", 7));
    let sshd = place(Door::Pam);
    let asked = |desk: &mut Desk| wanted(desk.ask("mori", &sshd, Phase::Change)).positions;
    let positions = asked(&mut desk);
    assert_eq!(positions.len(), 2);
    assert!(positions[0] < positions[1] && positions[1] <= 10 && positions[0] >= 1);
    for _ in 0..5 {
        desk.pass(1_000);
        assert_eq!(asked(&mut desk), positions);
    }
    // A wrong code changes nothing about them, nor does an answer that is none.
    let code = device.wrong(desk.now);
    let right = digits(&password(7), &positions);
    let with = |code: &str, digits: &str| sekisho_verifier::operation::Start {
        characters: Some(digits.as_bytes().to_vec().into()),
        ..start("mori", &device, code)
    };
    desk.not_started(with(&code, &right));
    assert_eq!(asked(&mut desk), positions);
    let code = device.shows(desk.now);
    for none in ["", "1", "123", "ab", "\u{ff11}"] {
        desk.not_started(with(&code, none));
        assert_eq!(asked(&mut desk), positions, "{none:?}");
    }
    assert_eq!(desk.account("mori").start_tries, 0);
    // A wrong answer does; among many the positions differ.
    let mut seen = vec![positions.clone()];
    for _ in 0..9 {
        let positions = asked(&mut desk);
        let right = digits(&password(7), &positions);
        let wrong = if right == "00" { "01" } else { "00" };
        desk.wait("mori");
        desk.not_started(with(&device.shows(desk.now), wrong));
        seen.push(asked(&mut desk));
        desk.unlock("mori");
    }
    assert!(seen.iter().any(|other| *other != positions), "{seen:?}");
}

#[test]
fn i10_the_digits_of_one_account_tell_nothing_of_another() {
    let mut desk = Desk::new(Policy::default());
    let mut seen = std::collections::BTreeSet::new();
    let sshd = place(Door::Pam);
    for n in 0..60 {
        // The same digits, with another salt.
        let account = format!("user{n}");
        desk.done(&start_password(&account, n));
        seen.insert(wanted(desk.ask(&account, &sshd, Phase::Change)).positions);
    }
    assert!(seen.len() > 20, "of 45: {seen:?}");
}

#[test]
fn r30_a_second_use_needs_the_token_that_gave_the_first() {
    let (device, other) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&device);
    desk.give("sato", &other);
    let serial = device.serial.clone();
    let events = desk.events().len();
    assert_eq!(
        desk.ask_again("mori", &sudo(), &serial),
        Asked::CodeNotNeeded
    );
    let What::Login(event) = desk.newest().what else {
        panic!("a login");
    };
    assert_eq!(
        (event.reason, event.serial),
        (Reason::SecondUse, Some(serial.clone()))
    );
    assert_eq!(desk.events().len(), events + 1);
    let newest = desk.store.inner().newest();
    assert_eq!(newest, Ok(Some(START)), "it moves no clock");
    // Not another's, nor for another, nor at a gateway, nor in another part of a login.
    assert_eq!(
        desk.ask_again("mori", &sudo(), &other.serial),
        Asked::CodeNeeded
    );
    assert_eq!(desk.ask_again("sato", &sudo(), &serial), Asked::CodeNeeded);
    assert_eq!(
        desk.ask_again("nobody", &sudo(), &serial),
        Asked::CodeNeeded
    );
    assert_eq!(
        desk.ask_again("mori", &place(Door::Radius), &serial),
        Asked::CodeNeeded
    );
    desk.steady = false;
    assert_eq!(desk.ask_again("mori", &sudo(), &serial), Asked::CodeNeeded);
    desk.steady = true;
    for change in [StateChange::Suspend, StateChange::Lost] {
        desk.change(change, &device);
        assert_eq!(desk.ask_again("mori", &sudo(), &serial), Asked::CodeNeeded);
    }
}

#[test]
fn r30_a_second_use_ends_with_the_account_and_with_a_lock() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let serial = device.serial.clone();
    let disabled = |disabled| AccountChange {
        disabled: Some(disabled),
        ..AccountChange::default()
    };
    desk.set("mori", disabled(true));
    assert_eq!(desk.ask_again("mori", &sudo(), &serial), Asked::CodeNeeded);
    desk.set("mori", disabled(false));
    assert_eq!(
        desk.ask_again("mori", &sudo(), &serial),
        Asked::CodeNotNeeded
    );
    for _ in 0..10 {
        desk.wait("mori");
        desk.login("mori", &device.wrong(desk.now));
    }
    assert_eq!(desk.ask_again("mori", &sudo(), &serial), Asked::CodeNeeded);
}

#[test]
fn the_language_that_an_account_chose_goes_with_every_answer() {
    let mut desk = Desk::of_mori(&Device::usual(1));
    let language = |desk: &mut Desk, account: &str| {
        let place = sudo();
        let mut ask = Ask::new(&desk.verifier, Question::of(account, &place), desk.now);
        let outcomes = desk.store.commit(&mut [&mut ask]).expect("a commit");
        assert_eq!(outcomes[0], Outcome::Nothing);
        ask.language()
    };
    assert_eq!(language(&mut desk, "mori"), None);
    for chosen in Language::ALL {
        let change = AccountChange {
            language: Some(Some(chosen)),
            ..AccountChange::default()
        };
        desk.set("mori", change);
        assert_eq!(language(&mut desk, "Mori"), Some(chosen));
        assert_eq!(Language::from_tag(chosen.tag()), Some(chosen));
    }
    assert_eq!(language(&mut desk, "nobody"), None);
    let change = AccountChange {
        language: Some(None),
        ..AccountChange::default()
    };
    desk.set("mori", change);
    assert_eq!(language(&mut desk, "mori"), None);
}
