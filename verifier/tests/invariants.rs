//! What must always hold: I1 to I12 over random histories, each told by an oracle outside the
//! core; the life of tokens, imports, and how peers failed, case by case.
#![cfg(feature = "testing")]

#[path = "invariants/asks.rs"]
mod asks;
#[path = "invariants/bounds.rs"]
mod bounds;
#[path = "invariants/clock.rs"]
mod clock;
mod common;
#[path = "invariants/duplicates.rs"]
mod duplicates;
#[path = "invariants/faults.rs"]
mod faults;
#[path = "invariants/guesses.rs"]
mod guesses;
#[path = "invariants/import.rs"]
mod import;
#[path = "invariants/keyring.rs"]
mod keyring;
#[path = "invariants/life.rs"]
mod life;
#[path = "invariants/notes.rs"]
mod notes;
#[path = "invariants/peers.rs"]
mod peers;
#[path = "invariants/policy.rs"]
mod policy;
#[path = "invariants/profiles.rs"]
mod profiles;
#[path = "invariants/repeats.rs"]
mod repeats;
#[path = "invariants/replay.rs"]
mod replay;
#[path = "invariants/requests.rs"]
mod requests;
#[path = "invariants/reserve.rs"]
mod reserve;
#[path = "invariants/restore.rs"]
mod restore;
#[path = "invariants/resyncs.rs"]
mod resyncs;
#[path = "invariants/secrets.rs"]
mod secrets;
#[path = "invariants/sessions.rs"]
mod sessions;
#[path = "invariants/spares.rs"]
mod spares;
#[path = "invariants/starts.rs"]
mod starts;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sekisho_verifier::account::{
    ALIASES_MAX, EMERGENCY_CODES_MAX, ENDED_TOKENS_MAX, ROUNDS_MAX, TOKENS_MAX, WRONG_PACKETS_MAX,
    WRONG_PROOFS_MAX,
};
use sekisho_verifier::event::{OperationOutcome, Reason, RequestKey, What};
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{Done, Refusal};
use sekisho_verifier::receipt::ReceiptNumber;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Outcome, Record, Store, View};
use sekisho_verifier::testing::faulty::{Call, Fault};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{ANSWERS_AGAIN_MAX, SPENT_MEMORY};
use sekisho_verifier::verify::Verdict;

use common::config;
use common::desk::data_key;
use common::history::{Did, History, Run, Seen, histories, request, written_tokens};
use common::oracle::could_be_a_code;

/// Plays `history` on a store without faults and asks whether `claim` holds of it.
fn check(history: &History, claim: fn(&Run)) {
    claim(&Run::of(history, |_| None));
}

/// Plays `history` on a store where every `every`-th call of a kind fails with the next of `faults`.
fn check_failing(
    history: &History,
    every: usize,
    call: Call,
    faults: &'static [Fault],
    claim: fn(&Run),
) {
    let mut calls = 0;
    let plan = move |made| {
        calls += usize::from(made == call);
        let fails = made == call && calls % every == 0;
        fails.then(|| faults[calls / every % faults.len()])
    };
    claim(&Run::of(history, plan));
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn i01_a_code_is_accepted_at_most_once(history in histories()) {
        check(&history, steps_rise_and_strings_do_not_return);
    }

    #[test]
    fn i01_an_emergency_code_is_accepted_at_most_once(history in histories(), every in 1..5usize) {
        const FAULTS: &[Fault] =
            &[Fault::Refused, Fault::RequestLost, Fault::AnswerLost, Fault::Conflict];
        check_failing(&history, every, Call::Commit, FAULTS, spare_codes_do_not_return);
        check(&history, spare_codes_do_not_return);
    }

    #[test]
    fn i01_learning_drift_stays_in_its_bound(history in histories()) {
        check(&history, drift_is_bounded_and_as_expected);
    }

    #[test]
    fn i02_accept_is_told_only_of_what_is_durable(history in histories(), every in 1..5usize) {
        const FAULTS: &[Fault] =
            &[Fault::Refused, Fault::RequestLost, Fault::AnswerLost, Fault::Conflict];
        check_failing(&history, every, Call::Commit, FAULTS, |run| {
            accepts_are_applied(run);
            steps_rise_and_strings_do_not_return(run);
            reasons_are_as_expected(run);
        });
    }

    #[test]
    fn i03_a_wrong_code_is_charged_in_the_change_that_tells_of_it(history in histories()) {
        check(&history, wrong_codes_are_charged);
    }

    #[test]
    fn i04_a_failed_read_decides_nothing_and_writes_nothing(
        history in histories(),
        every in 2..40usize,
    ) {
        const FAULTS: &[Fault] = &[Fault::Refused, Fault::Corrupt];
        check_failing(&history, every, Call::Read, FAULTS, |run| {
            what_is_not_applied_is_undecided(run);
            accepts_are_applied(run);
            reasons_are_as_expected(run);
        });
    }

    #[test]
    fn i05_every_reject_is_the_same_and_has_its_reason_inside(history in histories()) {
        check(&history, reasons_are_as_expected);
    }

    #[test]
    fn i06_every_spelling_of_a_name_is_one_account_or_refused(history in histories()) {
        check(&history, names_and_codes_are_canonical);
    }

    #[test]
    fn i07_a_copy_is_refused_reported_and_no_guess(history in histories()) {
        check(&history, copies_change_nothing);
    }

    #[test]
    fn i07_an_answer_is_given_again_to_whom_it_was_given(history in histories()) {
        check(&history, answers_are_given_again_to_whom_they_were_given);
    }

    #[test]
    fn i08_a_token_that_is_out_of_use_is_not_accepted(history in histories()) {
        check(&history, only_active_tokens_are_accepted);
    }

    #[test]
    fn i09_each_decision_and_change_has_exactly_one_event(history in histories()) {
        check(&history, one_event_each);
    }

    #[test]
    fn i10_no_seed_and_no_code_is_in_what_is_kept_or_printed(history in histories()) {
        check(&history, secrets::nothing_secret_is_kept);
    }

    #[test]
    fn i11_everything_stored_has_its_bound(history in histories()) {
        check(&history, records_are_bounded);
    }

    #[test]
    fn i12_a_clock_that_is_back_accepts_nothing(history in histories()) {
        check(&history, a_clock_that_is_bad_decides_nothing);
    }

    #[test]
    fn i09_a_request_key_is_done_at_most_once(history in histories(), every in 1..5usize) {
        const FAULTS: &[Fault] =
            &[Fault::Refused, Fault::RequestLost, Fault::AnswerLost, Fault::Conflict];
        check_failing(&history, every, Call::Commit, FAULTS, requests_are_done_once);
        check(&history, requests_are_done_once);
    }

    #[test]
    fn i10_after_a_rotation_the_old_key_opens_nothing(history in histories(), every in 1..5usize) {
        const FAULTS: &[Fault] = &[Fault::Refused, Fault::AnswerLost, Fault::Conflict];
        check_failing(&history, every, Call::Commit, FAULTS, |run| {
            seeds_open_with_keys_that_are_kept(run);
            reasons_are_as_expected(run);
        });
        check(&history, |run| {
            seeds_open_with_keys_that_are_kept(run);
            assert_eq!(run.desk.verifier.keyring().numbers().len(), 1);
        });
    }
}

/// Histories that never come to a thing show nothing about it.
#[test]
fn histories_come_to_every_reason_and_every_operation() {
    let mut runner = TestRunner::deterministic();
    let mut reasons = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let (mut repeated, mut spares_again) = (0, 0);
    for _ in 0..100 {
        let history = histories().new_tree(&mut runner).expect("a history");
        let run = Run::of(&history.current(), |_| None);
        spares_again += run.seen.iter().filter(|seen| seen.spare_again()).count();
        let dones = run.seen.iter().map(|seen| &seen.did);
        repeated += dones
            .filter(
                |did| matches!(did, Did::Operation { done, .. } if matches!(done, Done::Before(_))),
            )
            .count();
        for event in run.desk.events() {
            match event.what {
                What::Login(event) => *reasons.entry(event.reason.name()).or_insert(0) += 1,
                What::Operation(event) => _ = kinds.insert(event.operation.name()),
                What::Session(event) => panic!("nobody reported anything: {event:?}"),
            }
        }
    }
    // These need another key, another question, or what stands in for a token.
    let others = [
        Reason::NotAsked,
        Reason::SeedDoesNotOpen,
        Reason::Grace,
        Reason::SecondUse,
        Reason::StartCode,
        Reason::WrongStartPassword,
    ];
    for reason in Reason::ALL.iter().filter(|reason| !others.contains(reason)) {
        assert!(reasons.contains_key(reason.name()), "{reason}: {reasons:?}");
    }
    assert!(reasons["right-code"] > 100, "{reasons:?}");
    assert_eq!(kinds.len(), 19, "all but issue: {kinds:?}");
    assert!(repeated > 20, "{repeated}");
    assert!(spares_again > 5, "{spares_again}");
}

fn steps_rise_and_strings_do_not_return(run: &Run) {
    let mut accepted: BTreeMap<_, Vec<(u64, String)>> = BTreeMap::new();
    for seen in &run.seen {
        let Some((serial, step, code)) = seen.spends() else {
            let other = answered_again(seen) || seen.by_spare().is_some();
            assert!(!seen.accepted() || other, "without spending: {seen:?}");
            continue;
        };
        let device = run.devices.iter().find(|device| device.serial == serial);
        let device = device.expect("a device");
        assert_eq!(device.code(step), code, "the step is that of the code");
        let before = accepted.entry(serial).or_default();
        let mark = before.last().map(|(mark, _)| *mark);
        assert!(mark < Some(step), "{step} after {mark:?}");
        let remembered = before.iter().rev().take(SPENT_MEMORY);
        assert!(remembered.into_iter().all(|(_, spent)| *spent != code));
        if let Did::Login { expected, .. } = &seen.did {
            let highest = expected.spends.as_ref().map(|(_, step)| *step);
            assert_eq!(Some(step), highest, "the highest step that fits is spent");
        }
        before.push((step, code));
    }
    for (serial, before) in accepted {
        let steps: Vec<u64> = before.iter().rev().map(|(step, _)| *step).collect();
        let device = run.devices.iter().find(|device| device.serial == serial);
        let spent = run.desk.token(device.expect("a device")).spent;
        assert_eq!(spent, steps[..steps.len().min(SPENT_MEMORY)]);
    }
}

/// Whatever was told: what was spent once is gone for good, and the account that has it says so.
fn spare_codes_do_not_return(run: &Run) {
    let mut spent = BTreeSet::new();
    for seen in &run.seen {
        let Some(spare) = seen.by_spare() else {
            continue;
        };
        assert!(!spent.contains(&spare), "{seen:?}");
        if seen.applied {
            spent.insert(spare);
        }
        assert!(seen.applied || !seen.accepted(), "{seen:?}");
    }
    for (name, owner) in &run.oracle.owners {
        let account = run.desk.account(name);
        let kept: Vec<Time> = account.emergency.iter().map(|spare| spare.until).collect();
        let known: Vec<Time> = owner.spares.iter().map(|(_, until)| *until).collect();
        assert_eq!(kept, known, "{name}");
    }
}

fn answered_again(seen: &Seen) -> bool {
    matches!(&seen.did, Did::Login { told, .. } if told.reason == Some(Reason::AnsweredAgain))
}

/// An accept that is given again is the newest of its token, with the same code to the same request of
/// the same gateway; nothing but the count of it changes, and it ends.
fn answers_are_given_again_to_whom_they_were_given(run: &Run) {
    let mut given: BTreeMap<Serial, (u64, String, Option<u8>, Time, u8)> = BTreeMap::new();
    for seen in run.seen.iter().filter(|seen| seen.applied) {
        let change = seen.change.as_ref().expect("a change");
        if let Some((serial, step, code)) = seen.spends() {
            let word = match &seen.did {
                Did::Login { tied, .. } => tied.correlation,
                Did::Operation { .. } => None,
            };
            given.insert(serial, (step, code, word, seen.now, 0));
        }
        let (true, Did::Login { code, tied, .. }) = (answered_again(seen), &seen.did) else {
            continue;
        };
        let Some(token) = written_tokens(change).next() else {
            assert!(seen.spare_again(), "{seen:?}");
            continue;
        };
        let (step, of, word, at, times) = given.get_mut(&token.serial).expect("an accept");
        assert_eq!((&*of, *word), (code, tied.correlation), "{seen:?}");
        assert_eq!(token.watermark(), Some(*step));
        assert_eq!(token.last_use.as_ref().expect("a use").time, *at);
        // Which is ten seconds, as an acknowledgement has at least.
        assert!(seen.now < at.after(run.oracle.policy.acceptance.answer_again));
        *times += 1;
        assert!(*times <= ANSWERS_AGAIN_MAX, "{seen:?}");
        assert!(matches!(&change.event.what, What::Login(event) if event.step == Some(*step)));
    }
}

fn drift_is_bounded_and_as_expected(run: &Run) {
    let bound = run.oracle.policy.acceptance.drift;
    let mut drifts = BTreeMap::new();
    for change in run.seen.iter().filter_map(|seen| seen.change.as_ref()) {
        for token in written_tokens(change) {
            let before = drifts.insert(token.serial.clone(), token.drift);
            assert!(token.drift.abs() <= bound, "{token:?}");
            assert!(
                (token.drift - before.unwrap_or(0)).abs() <= 1,
                "one step at a time"
            );
        }
    }
    for device in &run.devices {
        let expected = run.oracle.tokens[&device.serial].drift;
        assert_eq!(run.desk.token(device).drift, expected);
    }
}

fn accepts_are_applied(run: &Run) {
    for seen in &run.seen {
        let durable = matches!(seen.outcome, Outcome::Applied(_)) && seen.applied;
        assert!(durable || !seen.accepted(), "{seen:?}");
        if let Did::Operation { done, .. } = &seen.did {
            let receipt = matches!(done, Done::Receipt(..));
            assert!(durable || !receipt, "{seen:?}");
            assert_eq!(*done == Done::Unknown, seen.outcome == Outcome::Unknown);
        }
    }
}

fn what_is_not_applied_is_undecided(run: &Run) {
    for seen in &run.seen {
        let (Did::Login { told, .. }, Outcome::NotApplied) = (&seen.did, seen.outcome) else {
            continue;
        };
        assert_eq!(told.verdict, Verdict::Undecided);
        assert_eq!((told.reason, &seen.change), (None, &None));
    }
}

fn reasons_are_as_expected(run: &Run) {
    for seen in &run.seen {
        let Did::Login { expected, told, .. } = &seen.did else {
            continue;
        };
        let verdict = told.verdict;
        match seen.outcome {
            Outcome::Applied(_) if expected.reason.accepts() => {
                assert!(matches!(verdict, Verdict::Accept(_)), "{seen:?}");
            }
            Outcome::Applied(_) => assert_eq!(verdict, Verdict::Reject, "{seen:?}"),
            _ => assert_eq!(verdict, Verdict::Undecided),
        }
        if seen.applied {
            assert_eq!(told.reason, Some(expected.reason), "{seen:?}");
        }
    }
}

fn wrong_codes_are_charged(run: &Run) {
    let mut row: BTreeMap<String, u32> = BTreeMap::new();
    for seen in &run.seen {
        let change = seen.change.as_ref();
        let accounts = change.into_iter().flat_map(|change| &change.written);
        for record in accounts {
            let Record::Account(account) = record else {
                continue;
            };
            let before = row.insert(account.name.to_string(), account.guesses.in_a_row);
            let grown = account.guesses.in_a_row > before.unwrap_or(0);
            assert_eq!(grown, wrong_code(seen), "{seen:?}");
        }
        if let (true, Did::Login { expected, .. }) = (wrong_code(seen), &seen.did) {
            let account = expected.account.as_deref().expect("an account");
            let charged = |record: &Record| matches!(record, Record::Account(charged) if charged.name.as_str() == account);
            let change = change.expect("a change");
            assert!(change.written.iter().any(charged), "{seen:?}");
            assert_eq!(event_account(&change.event.what), Some(account.to_owned()));
        }
    }
    for (name, owner) in &run.oracle.owners {
        let guesses = run.desk.account(name).guesses;
        let counted = (guesses.wrong, guesses.in_a_row, guesses.until);
        assert_eq!(counted, (owner.wrong, owner.row, owner.until), "{name}");
    }
}

fn wrong_code(seen: &common::history::Seen) -> bool {
    matches!(&seen.did, Did::Login { expected, .. } if expected.reason.is_charged())
}

fn event_account(what: &What) -> Option<String> {
    let account = match what {
        What::Login(event) => &event.account,
        What::Operation(event) => &event.account,
        What::Session(event) => &event.account,
    };
    account.as_ref().map(ToString::to_string)
}

fn names_and_codes_are_canonical(run: &Run) {
    let canonical: BTreeSet<&String> = run.oracle.owners.keys().collect();
    for seen in &run.seen {
        let Did::Login {
            account,
            code,
            expected,
            ..
        } = &seen.did
        else {
            continue;
        };
        let change = seen.change.as_ref().expect("a change");
        let told = event_account(&change.event.what);
        assert_eq!(told, expected.account, "{account:?}");
        let spare = seen.by_spare().is_some() || seen.spare_again();
        assert!(could_be_a_code(code) || spare || !seen.accepted());
        for record in &change.written {
            let Record::Account(written) = record else {
                continue;
            };
            assert!(canonical.contains(&written.name.to_string()));
            assert_eq!(Some(written.name.to_string()), told);
        }
    }
    let records = run.desk.records();
    let accounts = records.iter().filter(|r| matches!(r, Record::Account(_)));
    assert_eq!(accounts.count(), canonical.len());
}

fn copies_change_nothing(run: &Run) {
    for seen in &run.seen {
        let Did::Login {
            expected,
            told,
            tied,
            ..
        } = &seen.did
        else {
            continue;
        };
        if expected.reason == Reason::AlreadyUsed {
            assert_eq!(told.reason, Some(Reason::AlreadyUsed), "{seen:?}");
            assert_eq!(told.verdict, Verdict::Reject);
            let change = seen.change.as_ref().expect("a change");
            assert_eq!(written_tokens(change).count(), 0);
            // That the round was taken is written down.
            assert_eq!(change.written.len(), usize::from(tied.round.is_some()));
            assert!(change.removed.is_empty());
        }
    }
}

fn only_active_tokens_are_accepted(run: &Run) {
    let by_token =
        |seen: &&Seen| seen.accepted() && seen.by_spare().is_none() && !seen.spare_again();
    for seen in run.seen.iter().filter(by_token) {
        let serial = match seen.spends() {
            Some((serial, ..)) => serial,
            None => {
                assert!(answered_again(seen), "{seen:?}");
                let change = seen.change.as_ref().expect("a change");
                let token = written_tokens(change).next().expect("a token");
                token.serial.clone()
            }
        };
        let state = seen.states.iter().find(|(known, _)| *known == serial);
        let state = state.map(|(_, state)| *state);
        let expected = match &seen.did {
            Did::Login { .. } => vec![TokenState::Active],
            // Its use begins, or it was disabled.
            Did::Operation { .. } => vec![TokenState::InStock, TokenState::Active],
        };
        assert!(
            state.is_some_and(|state| expected.contains(&state)),
            "{seen:?}"
        );
    }
    for device in &run.devices {
        assert_eq!(
            run.desk.token(device).state,
            run.oracle.tokens[&device.serial].state
        );
    }
}

fn one_event_each(run: &Run) {
    let store = run.desk.store.inner();
    let (mut last, mut told) = (0, 0);
    let mut receipts = BTreeSet::new();
    for seen in &run.seen {
        let Outcome::Applied(position) = seen.outcome else {
            match &seen.did {
                Did::Operation {
                    done: Done::Refused(Refusal::NotProven(..)),
                    ..
                }
                | Did::Login { .. } => panic!("no event: {seen:?}"),
                Did::Operation {
                    done: Done::Refused(_) | Done::Before(_),
                    ..
                } => continue,
                Did::Operation { .. } => panic!("no word: {seen:?}"),
            }
        };
        assert!(position > last, "{position} after {last}");
        last = position;
        told += 1;
        let change = seen.change.as_ref().expect("a change");
        let event = store.event(position).expect("a read").expect("an event");
        assert_eq!(event, change.event);
        assert_eq!(event.time, seen.now);
        match (&seen.did, &event.what) {
            (Did::Login { told, .. }, What::Login(event)) => {
                assert_eq!(told.reason, Some(event.reason));
            }
            (Did::Operation { done, .. }, What::Operation(event)) => {
                let receipt = matches!(done, Done::Receipt(at, e) if *at == position && e == event);
                assert_eq!(receipt, event.outcome == OperationOutcome::Done, "{done:?}");
            }
            other => panic!("another's event: {other:?}"),
        }
        let number = ReceiptNumber::new(position).expect("a number");
        assert!(receipts.insert(number.to_string()));
        assert_eq!(number.to_string().parse(), Ok(number));
    }
    let before = run.devices.len() as u64;
    assert_eq!(store.counts().position, before + told);
}

/// With an idempotency key that was done before, nothing is done, and the caller is told where it
/// was; without, nobody is told so. What was refused or not proven does not use a key up.
fn requests_are_done_once(run: &Run) {
    let mut known = BTreeMap::new();
    for seen in &run.seen {
        let Did::Operation {
            order,
            before,
            done,
            ..
        } = &seen.did
        else {
            continue;
        };
        let key = request(order);
        let first = key.as_ref().and_then(|key| known.get(key)).copied();
        assert_eq!(first, *before);
        if let Some(position) = first {
            assert!(!seen.applied && seen.change.is_none(), "{seen:?}");
            let told = matches!(seen.outcome, Outcome::Nothing);
            assert_eq!(*done == Done::Before(position), told, "{seen:?}");
            continue;
        }
        assert!(!matches!(done, Done::Before(_)), "{seen:?}");
        let Some(change) = seen.change.as_ref().filter(|_| seen.applied) else {
            continue;
        };
        let What::Operation(event) = &change.event.what else {
            panic!("another's event: {seen:?}");
        };
        let is_done = event.outcome == OperationOutcome::Done;
        assert_eq!(event.request.is_some(), is_done && key.is_some());
        known.extend(key.filter(|_| is_done).map(|key| (key, seen.newest)));
    }
    for ((uid, key), position) in known {
        let key = RequestKey::parse(&key).expect("a key");
        assert_eq!(
            run.desk.store.inner().request(uid, &key),
            Ok(Some(position))
        );
    }
}

/// Every seed opens with the keys that are kept, and none with one that was forgotten.
fn seeds_open_with_keys_that_are_kept(run: &Run) {
    let keyring = run.desk.verifier.keyring();
    for device in &run.devices {
        let token = run.desk.token(device);
        let seed = keyring.open(&token.serial, token.seal, &token.seed);
        assert_eq!(seed.expect("a seed").expose(), device.seed);
        let number = token.seed.key_number().expect("a number");
        assert!(keyring.numbers().contains(&number));
        for other in (1..=keyring.current().number()).filter(|other| *other != number) {
            let opened = data_key(other).open(&token.serial, token.seal, &token.seed);
            assert!(opened.is_err(), "key {other}");
        }
    }
}

fn records_are_bounded(run: &Run) {
    let mut records = run.desk.records();
    let changes = run.seen.iter().filter_map(|seen| seen.change.clone());
    records.extend(changes.flat_map(|change| change.written));
    for record in records {
        match record {
            Record::Token(token) => assert!(token.spent.len() <= SPENT_MEMORY),
            Record::Account(account) => {
                assert!(account.serials.len() <= TOKENS_MAX);
                assert!(account.ended.len() <= ENDED_TOKENS_MAX);
                assert!(account.aliases.len() <= ALIASES_MAX);
                assert!(account.rounds.len() <= ROUNDS_MAX);
                assert!(account.wrong_proofs.len() <= WRONG_PROOFS_MAX);
                assert!(account.wrong_packets.len() <= WRONG_PACKETS_MAX);
                assert!(account.emergency.len() <= EMERGENCY_CODES_MAX);
                assert!(account.emergency_spent.len() <= EMERGENCY_CODES_MAX);
                let any = !account.emergency.is_empty()
                    || !account.emergency_spent.is_empty()
                    || account.start_code.is_some();
                assert_eq!(
                    account.spare_key.is_some(),
                    any,
                    "a key for the marks there are"
                );
            }
            Record::Session(session) => panic!("nobody reported it: {session:?}"),
            Record::Alias { alias, account } => assert_ne!(alias, account),
        }
    }
}

fn a_clock_that_is_bad_decides_nothing(run: &Run) {
    for seen in run.seen.iter().filter(|seen| seen.clock_is_bad) {
        assert!(!seen.accepted(), "{seen:?}");
        match &seen.did {
            Did::Login { .. } => {
                let change = seen.change.as_ref().expect("a change");
                assert!(
                    change.written.is_empty(),
                    "not charged, not spent: {seen:?}"
                );
            }
            Did::Operation {
                proof: Some((_, _, fit)),
                done,
                ..
            } => {
                assert!(!matches!(done, Done::Receipt(..)), "{fit:?}: {seen:?}");
                let written = seen.change.iter().map(|change| change.written.len());
                assert_eq!(written.sum::<usize>(), 0, "not charged: {seen:?}");
            }
            Did::Operation { .. } => {}
        }
    }
}
