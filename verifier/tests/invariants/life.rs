//! The life of a token is one table: what it lists is done, everything else is refused.

use sekisho_verifier::event::Reason;
use sekisho_verifier::lifecycle::{TokenState, Transition};
use sekisho_verifier::operation::{Done, Operation, Refusal, StateChange};
use sekisho_verifier::policy::Policy;

use crate::common::desk::{Desk, Device, enroll, exchange};

use TokenState as S;
use Transition as T;

/// What is permitted, written down once more.
const LISTED: [(TokenState, Transition, TokenState); 12] = [
    (S::InStock, T::Enroll, S::Active),
    (S::InStock, T::Succeed, S::Active),
    (S::InStock, T::Stop, S::Stopped),
    (S::InStock, T::Lost, S::Lost),
    (S::Active, T::Exchange, S::Exchanged),
    (S::Active, T::Stop, S::Stopped),
    (S::Active, T::Lost, S::Lost),
    (S::Active, T::Suspend, S::Suspended),
    (S::Suspended, T::Exchange, S::Exchanged),
    (S::Suspended, T::Stop, S::Stopped),
    (S::Suspended, T::Lost, S::Lost),
    (S::Suspended, T::Resume, S::Active),
];

const SUBJECT: u64 = 1;
const IN_USE: u64 = 2;
const IN_STOCK: u64 = 3;

/// A desk where the subject is in `state`, Mori has another token in use, and one is in stock.
fn desk(state: TokenState) -> Desk {
    let subject = Device::usual(SUBJECT);
    let mut desk = Desk::new(Policy::default());
    desk.give("mori", &Device::usual(IN_USE));
    desk.stock(&Device::usual(IN_STOCK));
    if state == S::InStock {
        desk.stock(&subject);
        return desk;
    }
    desk.give("mori", &subject);
    match state {
        S::InStock | S::Active => {}
        S::Suspended => _ = desk.change(StateChange::Suspend, &subject),
        S::Stopped => _ = desk.change(StateChange::Stop, &subject),
        S::Lost => _ = desk.change(StateChange::Lost, &subject),
        S::Exchanged => {
            let next = Device::usual(9);
            desk.stock(&next);
            desk.done(&exchange(&subject, &next, &next.shows(desk.now)));
            desk.pass(61);
        }
    }
    assert_eq!(desk.token(&subject).state, state);
    desk
}

fn operation(transition: Transition, desk: &Desk) -> Operation {
    let [subject, in_use, in_stock] = [SUBJECT, IN_USE, IN_STOCK].map(Device::usual);
    let change = |change| Operation::Change(change, subject.serial.clone());
    match transition {
        T::Enroll => enroll("mori", &subject, &subject.shows(desk.now)),
        T::Succeed => exchange(&in_use, &subject, &subject.shows(desk.now)),
        T::Exchange => exchange(&subject, &in_stock, &in_stock.shows(desk.now)),
        T::Stop => change(StateChange::Stop),
        T::Lost => change(StateChange::Lost),
        T::Suspend => change(StateChange::Suspend),
        T::Resume => change(StateChange::Resume),
    }
}

#[test]
fn a_change_of_state_that_is_not_listed_is_refused_and_changes_nothing() {
    let subject = Device::usual(SUBJECT);
    let mut done = 0;
    for state in S::ALL {
        for transition in T::ALL {
            let mut desk = desk(state);
            let operation = operation(transition, &desk);
            let before = (desk.records(), desk.events());
            let listed = LISTED
                .iter()
                .find(|(from, through, _)| (*from, *through) == (state, transition));
            match (desk.operate(&operation), listed) {
                (Done::Receipt(position, _), Some((_, _, to))) => {
                    assert_eq!(desk.token(&subject).state, *to, "{state} {transition:?}");
                    assert_eq!(position as usize, before.1.len() + 1);
                    done += 1;
                }
                (Done::Refused(refusal), None) => {
                    let expected = Refusal::State(subject.serial.clone(), state);
                    assert_eq!(refusal, expected, "{transition:?}");
                    assert_eq!((desk.records(), desk.events()), before);
                }
                (other, _) => panic!("{state} {transition:?}: {other:?}"),
            }
        }
    }
    assert_eq!(done, LISTED.len());
}

#[test]
fn a_code_counts_in_use_only() {
    for state in S::ALL {
        let subject = Device::usual(SUBJECT);
        let mut desk = desk(state);
        let told = desk.login("mori", &subject.shows(desk.now));
        assert_eq!(told.accepted(), state == S::Active, "{state}");
    }
}

#[test]
fn a_token_is_live_or_ended_and_never_both() {
    for state in S::ALL {
        for transition in T::ALL {
            let mut desk = desk(state);
            let operation = operation(transition, &desk);
            desk.operate(&operation);
            let account = desk.account("mori");
            for device in [SUBJECT, IN_USE, IN_STOCK].map(Device::usual) {
                let state = desk.token(&device).state;
                let live = account
                    .serials
                    .iter()
                    .filter(|s| **s == device.serial)
                    .count();
                let ended = account
                    .ended
                    .iter()
                    .filter(|s| **s == device.serial)
                    .count();
                let owned = desk.token(&device).account.is_some();
                let expected = match state {
                    S::Active | S::Suspended => (1, 0),
                    S::InStock => (0, 0),
                    _ => (0, usize::from(owned)),
                };
                assert_eq!((live, ended), expected, "{state} {transition:?}");
            }
        }
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let (subject, missing) = (Device::usual(SUBJECT), Device::usual(77));
    let mut desk = desk(S::Active);
    let before = desk.records();
    let none = Refusal::NoSuchToken(missing.serial.clone());
    let stop = Operation::Change(StateChange::Stop, missing.serial.clone());
    for operation in [
        stop,
        enroll("mori", &missing, "123456"),
        exchange(&subject, &missing, "123456"),
        exchange(&missing, &Device::usual(IN_STOCK), "123456"),
    ] {
        assert_eq!(desk.refused(&operation), none, "{operation:?}");
    }
    let same = desk.refused(&exchange(&subject, &subject, &subject.shows(desk.now)));
    assert_eq!(same, Refusal::SameToken(subject.serial));
    let unlock = |name| Operation::Unlock(crate::common::desk::name(name));
    assert!(matches!(
        desk.refused(&unlock("sato")),
        Refusal::NoSuchAccount(_)
    ));
    assert!(matches!(
        desk.refused(&unlock("mori")),
        Refusal::NotLocked(_)
    ));
    assert_eq!(
        desk.refused(&Operation::ClockTrust),
        Refusal::ClockIsTrusted
    );
    assert_eq!(desk.records(), before);
}

#[test]
fn a_proof_is_of_the_token_that_is_named() {
    let [subject, in_use] = [SUBJECT, IN_USE].map(Device::usual);
    let mut desk = desk(S::InStock);
    for (code, reason) in [
        (in_use.shows(desk.now), Reason::WrongCode),
        (
            format!("{} ", subject.shows(desk.now)),
            Reason::MalformedCode,
        ),
        (String::new(), Reason::MalformedCode),
    ] {
        let events = desk.events().len();
        let refusal = desk.refused(&enroll("mori", &subject, &code));
        assert_eq!(refusal, Refusal::NotProven(subject.serial.clone(), reason));
        assert_eq!(desk.events().len(), events + 1, "it has its event");
        assert_eq!(desk.token(&subject).state, S::InStock);
    }
}
