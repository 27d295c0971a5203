//! I2, I4, I5, I8: the write is the decision, everything fails closed, and every reject is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sekisho_verifier::event::{Reason, What};
use sekisho_verifier::operation::{AccountChange, Done, Operation, StateChange};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::{CodeRule, Policy};
use sekisho_verifier::proof::{First, Round};
use sekisho_verifier::store::{Outcome, Store, StoreError};
use sekisho_verifier::testing::faulty::{Call, Fault};
use sekisho_verifier::verify::{Ask, Asked, Question, Verdict};

use crate::common::START;
use crate::common::desk::{
    Desk, Device, Tied, attempt, enroll, exchange, name, of_root, place, verifier,
};

/// Fails the `nth` call of a kind (from 1) once.
fn once(call: Call, nth: usize, fault: Fault) -> impl FnMut(Call) -> Option<Fault> + Send {
    let mut count = 0;
    move |made| {
        count += usize::from(made == call);
        (made == call && count == nth).then_some(fault)
    }
}

/// Mori with one token in use, and another in stock.
fn two() -> (Desk, Device, Device) {
    let (first, second) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&first);
    desk.stock(&second);
    (desk, first, second)
}

#[test]
fn i02_accept_needs_the_word_that_it_is_durable() {
    let check = |fault, outcome, afterwards| {
        let (desk, device, _) = two();
        let plan = once(Call::Commit, 1, fault);
        let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
        let code = device.shows(desk.now);
        let told = desk.login("mori", &code);
        assert_eq!(told.outcome, outcome);
        let durable = matches!(outcome, Outcome::Applied(_));
        assert_eq!(told.accepted(), durable, "{fault:?}");
        assert_eq!(told.verdict == Verdict::Undecided, !durable);
        assert_eq!(desk.reason("mori", &code), Some(afterwards), "{fault:?}");
    };
    check(Fault::Refused, Outcome::NotApplied, Reason::RightCode);
    check(Fault::RequestLost, Outcome::Unknown, Reason::RightCode);
    check(Fault::AnswerLost, Outcome::Unknown, Reason::AlreadyUsed);
    check(Fault::Conflict, Outcome::Applied(3), Reason::AlreadyUsed);
}

#[test]
fn i02_a_receipt_needs_the_word_that_it_is_durable() {
    let check = |fault, expected: Done, applied: bool| {
        let (desk, device, _) = two();
        let plan = once(Call::Commit, 1, fault);
        let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
        let lost = Operation::Change(StateChange::Lost, device.serial.clone());
        assert_eq!(desk.operate(&lost), expected);
        let reason = desk.reason("mori", &device.shows(desk.now));
        let expected = if applied {
            Reason::NoToken
        } else {
            Reason::RightCode
        };
        assert_eq!(reason, Some(expected), "{fault:?}");
    };
    check(Fault::Refused, Done::NotDone, false);
    check(Fault::RequestLost, Done::Unknown, false);
    check(Fault::AnswerLost, Done::Unknown, true);
}

#[test]
fn i02_a_store_that_is_given_up_tells_nobody_anything() {
    let (desk, device, _) = two();
    let plan = once(Call::Commit, 1, Fault::Fatal);
    let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
    let attempts = [attempt("mori", &device.shows(START), Door::Pam)];
    assert!(desk.logins(&attempts).is_empty());
    assert_eq!(desk.token(&device).watermark(), None);
}

/// Each read of each decision fails once, in each way.
#[test]
fn i04_any_failed_read_decides_nothing() {
    let (_, first, second) = two();
    let proof = second.shows(START);
    let alias = AccountChange {
        add_alias: Some(name("h.mori")),
        ..AccountChange::default()
    };
    let serial = || first.serial.clone();
    let operations = [
        Operation::Import(vec![Device::usual(3).imported(1, Some("mori"))]),
        enroll("mori", &second, &proof),
        exchange(&first, &second, &proof),
        Operation::Change(StateChange::Lost, serial()),
        Operation::Change(StateChange::Suspend, serial()),
        Operation::Unlock(name("mori")),
        Operation::AccountSet(name("mori"), alias),
        Operation::ClockTrust,
    ];
    let logins = [first.shows(START), first.wrong(START), "1".to_owned()];
    for fault in [Fault::Refused, Fault::Corrupt, Fault::Fatal] {
        for code in &logins {
            let failed = each_read(fault, |desk| {
                let told = desk.logins(&[attempt("mori", code, Door::Pam)]);
                told.iter().all(|told| told.verdict == Verdict::Undecided)
            });
            assert!(failed >= 2, "{code}: {failed} reads");
        }
    }
    for operation in &operations {
        let failed = each_read(Fault::Corrupt, |desk| {
            desk.operate(operation) == Done::NotDone
        });
        assert!(failed >= 1, "{operation:?}");
    }
}

/// Fails the first, the second … read, until there is none to fail, and tells how many there were.
fn each_read(fault: Fault, closed: impl Fn(&mut Desk) -> bool) -> usize {
    for nth in 1.. {
        let (desk, ..) = two();
        let reads = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reads);
        let mut fails = once(Call::Read, nth, fault);
        let plan = move |call| {
            count.fetch_add(usize::from(call == Call::Read), Ordering::Relaxed);
            fails(call)
        };
        let mut desk = Desk::on(desk.store.into_inner(), Policy::default(), plan);
        let before = (desk.records(), desk.events());
        let closed = closed(&mut desk);
        if reads.load(Ordering::Relaxed) < nth {
            return nth - 1;
        }
        assert!(closed, "read {nth} failed with {fault:?}");
        assert_eq!((desk.records(), desk.events()), before);
    }
    unreachable!("a decision has an end")
}

#[test]
fn i04_a_token_that_is_missing_decides_nothing() {
    let (mut desk, device, _) = two();
    let change = sekisho_verifier::store::Change {
        removed: vec![sekisho_verifier::store::Key::Token(device.serial.clone())],
        ..sekisho_verifier::store::Change::event_only(desk.events().pop().expect("an event"))
    };
    let mut write = sekisho_verifier::testing::sample::Write(change);
    desk.store.commit(&mut [&mut write]).expect("a commit");
    let told = desk.login("mori", &device.shows(START));
    assert_eq!((told.verdict, told.reason), (Verdict::Undecided, None));
}

/// The question whether a code is needed fails closed too, and asks those it does not know.
#[test]
fn i04_a_failed_question_is_not_answered_with_no() {
    let mut policy = Policy::default();
    policy
        .asking
        .services
        .insert("sshd".into(), CodeRule::AccountChoice.into());
    let ask = |desk: &mut Desk, account: &str, door| {
        let (place, verifier) = (place(door), verifier(policy.clone(), 1, &[0; 32]));
        let mut ask = Ask::new(&verifier, Question::of(account, &place), desk.now);
        let outcome = desk
            .store
            .commit(&mut [&mut ask])
            .map(|outcomes| outcomes[0]);
        outcome.map(|outcome| ask.answer(outcome))
    };
    let fresh = || {
        let (mut desk, ..) = two();
        let change = AccountChange {
            code_required: Some(false),
            ..AccountChange::default()
        };
        desk.set("mori", change);
        desk
    };
    for (account, door, expected) in [
        ("mori", Door::Pam, Asked::CodeNotNeeded),
        ("MORI", Door::Pam, Asked::CodeNotNeeded),
        ("mori", Door::Radius, Asked::CodeNeeded),
        ("nobody", Door::Pam, Asked::CodeNeeded),
        ("mori ", Door::Pam, Asked::CodeNeeded),
        ("", Door::Pam, Asked::CodeNeeded),
    ] {
        let mut desk = fresh();
        let events = desk.events().len();
        let told = usize::from(expected == Asked::CodeNotNeeded);
        assert_eq!(ask(&mut desk, account, door), Ok(expected), "{account:?}");
        assert_eq!(desk.events().len(), events + told);
    }
    let faults = [Fault::Refused, Fault::RequestLost, Fault::AnswerLost];
    let reads = [(Call::Read, Fault::Refused), (Call::Read, Fault::Corrupt)];
    let commits = faults.map(|fault| (Call::Commit, fault));
    for (call, fault) in commits.into_iter().chain(reads) {
        let inner = fresh().store.into_inner();
        let mut desk = Desk::on(inner, Policy::default(), once(call, 1, fault));
        assert_eq!(
            ask(&mut desk, "mori", Door::Pam),
            Ok(Asked::Undecided),
            "{fault:?}"
        );
    }
    let inner = fresh().store.into_inner();
    let mut desk = Desk::on(inner, Policy::default(), once(Call::Read, 1, Fault::Fatal));
    assert_eq!(ask(&mut desk, "mori", Door::Pam), Err(StoreError::Fatal));
}

/// One verdict for every cause, one event, and the reason inside it.
#[test]
fn i05_every_cause_gives_one_reject_and_one_event() {
    let check =
        |reason, arrange: fn(&mut Desk, &Device), account: &str, code: fn(&Device) -> String| {
            let device = Device::usual(1);
            let mut desk = Desk::of_mori(&device);
            arrange(&mut desk, &device);
            let events = desk.events().len();
            let told = match reason {
                Reason::RejectedAgain | Reason::WrongPassword => {
                    desk.tied(account, &code(&device), &with(First::Wrong))
                }
                Reason::FirstFactorUnavailable => {
                    desk.tied(account, &code(&device), &with(First::Unavailable))
                }
                Reason::RoundExpired => {
                    let round = Round {
                        id: [1; 16],
                        until: desk.now,
                    };
                    let tied = Tied {
                        round: Some(round),
                        ..Tied::default()
                    };
                    desk.tied(account, &code(&device), &tied)
                }
                _ => desk.login(account, &code(&device)),
            };
            assert_eq!((told.verdict, told.reason), (Verdict::Reject, Some(reason)));
            let written = &desk.events()[events..];
            assert_eq!(written.len(), 1);
            assert!(matches!(&written[0].what, What::Login(event) if event.reason == reason));
            reason
        };
    fn with(first: First) -> Tied {
        Tied {
            first,
            correlation: Some(1),
            ..Tied::default()
        }
    }
    let right = |device: &Device| device.shows(START);
    let wrong = |device: &Device| device.wrong(START);
    let nothing = |_: &mut Desk, _: &Device| {};
    use Reason as R;
    let shown = [
        check(R::MalformedName, nothing, "mori mori", right),
        check(R::UnknownAccount, nothing, "sato", right),
        check(
            R::AccountDisabled,
            |desk, _| {
                let disabled = Some(true);
                desk.set(
                    "mori",
                    AccountChange {
                        disabled,
                        ..AccountChange::default()
                    },
                );
            },
            "mori",
            right,
        ),
        check(
            R::NoToken,
            |desk, device| {
                desk.change(StateChange::Stop, device);
            },
            "mori",
            right,
        ),
        check(
            R::TokenSuspended,
            |desk, device| {
                desk.change(StateChange::Suspend, device);
            },
            "mori",
            right,
        ),
        check(
            R::TokenDisabled,
            |desk, device| {
                for _ in 0..100 {
                    desk.now = desk.account("mori").guesses.until.unwrap_or(desk.now);
                    desk.login("mori", &device.wrong(desk.now));
                }
                desk.pass(3_600);
            },
            "mori",
            right,
        ),
        check(R::MalformedCode, nothing, "mori", |_| "12345".into()),
        check(
            R::AlreadyUsed,
            |desk, device| {
                desk.login("mori", &device.shows(desk.now));
            },
            "mori",
            right,
        ),
        check(R::WrongCode, nothing, "mori", wrong),
        check(
            R::Waiting,
            |desk, device| {
                (0..3).for_each(|_| drop(desk.login("mori", &device.wrong(desk.now))));
            },
            "mori",
            right,
        ),
        check(
            R::Locked,
            |desk, device| {
                for _ in 0..10 {
                    desk.now = desk.account("mori").guesses.until.unwrap_or(desk.now);
                    desk.login("mori", &device.wrong(desk.now));
                }
            },
            "mori",
            right,
        ),
        check(
            R::ClockBackwards,
            |desk, device| {
                desk.pass(60);
                desk.give(
                    "sato",
                    &Device {
                        serial: crate::bounds::serial("OTHER1"),
                        ..device.clone()
                    },
                );
                desk.now = START;
            },
            "mori",
            right,
        ),
        check(
            R::ClockStepped,
            |desk, _| desk.steady = false,
            "mori",
            right,
        ),
        check(
            R::SeedDoesNotOpen,
            |desk, _| {
                desk.verifier = verifier(Policy::default(), 2, &[1; 32]);
            },
            "mori",
            right,
        ),
        check(
            R::RejectedAgain,
            |desk, device| {
                desk.tied("mori", &device.shows(START), &with(First::Wrong));
            },
            "mori",
            right,
        ),
        check(R::RoundExpired, nothing, "mori", right),
        check(R::WrongPassword, nothing, "mori", right),
        check(R::FirstFactorUnavailable, nothing, "mori", right),
    ];
    // Repetitions have tests of their own, and so has what is no login by a code of a token.
    let others = [
        R::RightCode,
        R::AnsweredAgain,
        R::NotAsked,
        R::RoundUsed,
        R::Grace,
        R::SecondUse,
        R::EmergencyCode,
        R::StartCode,
        R::WrongStartPassword,
    ];
    assert!(
        R::ALL
            .iter()
            .all(|reason| shown.contains(reason) || others.contains(reason))
    );
}

#[test]
fn i08_nothing_is_accepted_of_a_token_that_ended() {
    let check = |end: fn(&mut Desk, &Device, &Device), reason| {
        let (mut desk, old, new) = two();
        end(&mut desk, &old, &new);
        for _ in 0..5 {
            desk.pass(61);
            let code = old.shows(desk.now);
            assert_eq!(desk.reason("mori", &code), Some(reason));
            assert!(!matches!(
                desk.operate(&enroll("mori", &old, &code)),
                Done::Receipt(..)
            ));
            assert!(!matches!(
                desk.operate(&exchange(&new, &old, &code)),
                Done::Receipt(..)
            ));
        }
    };
    check(
        |desk, old, _| _ = desk.change(StateChange::Stop, old),
        Reason::NoToken,
    );
    check(
        |desk, old, _| _ = desk.change(StateChange::Lost, old),
        Reason::NoToken,
    );
    check(
        |desk, old, _| _ = desk.change(StateChange::Suspend, old),
        Reason::TokenSuspended,
    );
    check(
        |desk, old, new| {
            desk.done(&exchange(old, new, &new.shows(START)));
            desk.change(StateChange::Suspend, new);
        },
        Reason::TokenSuspended,
    );
}

#[test]
fn i08_a_resumed_token_is_accepted_again() {
    let (mut desk, device, _) = two();
    let code = device.shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    desk.change(StateChange::Suspend, &device);
    desk.change(StateChange::Resume, &device);
    assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
    desk.pass(61);
    assert!(desk.login("mori", &device.shows(desk.now)).accepted());
}

/// In one group with the operation, and behind it.
#[test]
fn i08_a_login_decided_behind_a_loss_is_not_accepted() {
    use sekisho_verifier::operation::Operate;
    use sekisho_verifier::verify::Login;
    let (mut desk, device, _) = two();
    let lost = Operation::Change(StateChange::Lost, device.serial.clone());
    let order = of_root();
    let attempt = attempt("mori", &device.shows(START), Door::Pam);
    let mut operate = Operate::new(&desk.verifier, &lost, &order, desk.now);
    let mut login = Login::new(&desk.verifier, &attempt, desk.now);
    let outcomes = desk
        .store
        .commit(&mut [&mut operate, &mut login])
        .expect("a commit");
    assert!(matches!(operate.done(outcomes[0]), Done::Receipt(..)));
    assert_eq!(login.verdict(outcomes[1]), Verdict::Reject);
}
