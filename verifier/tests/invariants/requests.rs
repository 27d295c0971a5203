//! I9: with an idempotency key, what is asked for again is told again and not done again.

use sekisho_verifier::event::{
    Actor, OperationEvent, OperationOutcome, REQUEST_KEY_OCTETS_MAX, RequestKey, What,
};
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{Done, Operate, Operation, Order, Refusal, StateChange};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::store::{Outcome, Store};
use sekisho_verifier::testing::faulty::{Call, Fault};

use crate::common::desk::{Desk, Device, enroll};

fn order(uid: u32, key: &str) -> Order {
    Order {
        request: Some(RequestKey::parse(key).expect("a key")),
        ..Order::of(Actor::new(uid, "root"))
    }
}

fn change(change: StateChange, device: &Device) -> Operation {
    Operation::Change(change, device.serial.clone())
}

fn receipt(done: Done) -> u64 {
    match done {
        Done::Receipt(position, _) => position,
        other => panic!("{other:?}"),
    }
}

#[test]
fn i09_a_repeated_request_is_told_where_it_was_done() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let suspend = change(StateChange::Suspend, &device);
    let first = receipt(desk.ordered(&suspend, &order(0, "a")).0);
    let before = (desk.records(), desk.events());
    for _ in 0..3 {
        let (done, outcome, change) = desk.ordered(&suspend, &order(0, "a"));
        assert_eq!((done, outcome), (Done::Before(first), Outcome::Nothing));
        assert_eq!(change, None);
    }
    assert_eq!((desk.records(), desk.events()), before);
    let What::Operation(OperationEvent {
        request, outcome, ..
    }) = &before.1[first as usize - 1].what
    else {
        panic!("an operation");
    };
    assert_eq!(*outcome, OperationOutcome::Done);
    assert_eq!(*request, RequestKey::parse("a"));
}

/// Whether it is the same operation is for the caller to see; here nothing more is done.
#[test]
fn i09_a_key_stands_for_one_request_whatever_it_asks_for() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let first = receipt(
        desk.ordered(&change(StateChange::Suspend, &device), &order(0, "a"))
            .0,
    );
    let resume = change(StateChange::Resume, &device);
    assert_eq!(desk.ordered(&resume, &order(0, "a")).0, Done::Before(first));
    assert_eq!(desk.token(&device).state, TokenState::Suspended);
    receipt(desk.ordered(&resume, &order(0, "b")).0);
    assert_eq!(desk.token(&device).state, TokenState::Active);
}

#[test]
fn i09_each_user_has_request_keys_of_its_own() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let suspend = change(StateChange::Suspend, &device);
    let resume = change(StateChange::Resume, &device);
    let first = receipt(desk.ordered(&suspend, &order(0, "a")).0);
    let other = receipt(desk.ordered(&resume, &order(1, "a")).0);
    assert_eq!(desk.ordered(&resume, &order(0, "a")).0, Done::Before(first));
    assert_eq!(desk.ordered(&resume, &order(1, "a")).0, Done::Before(other));
    // The name of a user may change, the key is by number.
    let renamed = Order {
        actor: Actor::new(0, "toor"),
        ..order(0, "a")
    };
    assert_eq!(desk.ordered(&resume, &renamed).0, Done::Before(first));
}

#[test]
fn i09_a_refused_or_unproven_try_does_not_use_a_key_up() {
    let device = Device::usual(1);
    let mut desk = Desk::new(Policy::default());
    let key = order(0, "a");
    let wrong = enroll("mori", &device, &device.wrong(desk.now));
    let refused = desk.ordered(&wrong, &key).0;
    assert_eq!(
        refused,
        Done::Refused(Refusal::NoSuchToken(device.serial.clone()))
    );
    desk.stock(&device);
    let refused = desk.ordered(&wrong, &key).0;
    assert!(matches!(refused, Done::Refused(Refusal::NotProven(..))));
    let enroll = enroll("mori", &device, &device.shows(desk.now));
    let position = receipt(desk.ordered(&enroll, &key).0);
    // A proof that is repeated with it is neither judged nor charged.
    for again in [&wrong, &enroll] {
        assert_eq!(desk.ordered(again, &key).0, Done::Before(position));
    }
    assert!(desk.token(&device).proofs.is_clear());
}

#[test]
fn i09_a_request_whose_answer_was_lost_is_not_done_twice() {
    let check = |fault, applied: bool| {
        let device = Device::usual(1);
        let mut desk = Desk::new(Policy::default());
        desk.give("mori", &device);
        let mut faults = Some(fault);
        let plan = move |call| (call == Call::Commit).then(|| faults.take()).flatten();
        let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
        let suspend = change(StateChange::Suspend, &device);
        let first = desk.ordered(&suspend, &order(0, "a")).0;
        assert!(matches!(first, Done::Unknown | Done::NotDone), "{first:?}");
        let events = desk.events().len();
        let again = desk.ordered(&suspend, &order(0, "a")).0;
        match applied {
            true => assert_eq!(again, Done::Before(events as u64)),
            false => assert_eq!(receipt(again), events as u64 + 1),
        }
        assert_eq!(desk.token(&device).state, TokenState::Suspended);
    };
    check(Fault::AnswerLost, true);
    check(Fault::RequestLost, false);
    check(Fault::Refused, false);
}

/// Two that race for one key in one group: one is done, the other is told of it.
#[test]
fn i09_of_racing_requests_with_one_key_one_is_done() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let (suspend, key) = (change(StateChange::Suspend, &device), order(0, "a"));
    let mut first = Operate::new(&desk.verifier, &suspend, &key, desk.now);
    let mut second = Operate::new(&desk.verifier, &suspend, &key, desk.now);
    let outcomes = desk.store.commit(&mut [&mut first, &mut second]);
    let outcomes = outcomes.expect("a commit");
    let position = receipt(first.done(outcomes[0]));
    assert_eq!(second.done(outcomes[1]), Done::Before(position));
}

#[test]
fn i04_a_request_that_can_not_be_looked_up_is_not_done() {
    for fault in [Fault::Refused, Fault::Corrupt] {
        let device = Device::usual(1);
        let mut reads = 0;
        let plan = move |call| {
            reads += usize::from(call == Call::Read);
            (call == Call::Read && reads == 1).then_some(fault)
        };
        let desk = Desk::of_mori(&device);
        let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
        let suspend = change(StateChange::Suspend, &device);
        assert_eq!(desk.ordered(&suspend, &order(0, "a")).0, Done::NotDone);
        assert_eq!(desk.token(&device).state, TokenState::Active);
    }
}

#[test]
fn i11_a_request_key_is_short_and_printable() {
    let longest = "k".repeat(REQUEST_KEY_OCTETS_MAX);
    for text in ["a", "ticket-4711/2", "~!\"#", &longest] {
        assert_eq!(RequestKey::parse(text).expect("a key").as_str(), text);
    }
    let longer = format!("{longest}k");
    for text in ["", " ", "a b", "a\n", "\u{7f}", "é", "\u{202e}a", &longer] {
        assert_eq!(RequestKey::parse(text), None, "{text:?}");
        let octets = minicbor::to_vec(text).expect("octets");
        assert!(minicbor::decode::<RequestKey>(&octets).is_err());
    }
}
