//! What every store must do. [`store_conformance!`](crate::store_conformance) makes one test of
//! each case, so that a failure names the promise that is broken.

use std::collections::BTreeSet;

use crate::checkpoint::Hash;
use crate::event::{Event, OperationKind, OperationOutcome, Reason, What};
use crate::store::{
    Change, Counts, Decider, Key, Kind, Outcome, Position, REQUESTS_KEPT, Record, Store,
    StoreError, View,
};
use crate::testing::sample::{
    Abstain, Fail, Reserved, SpendNext, Write, account, account_key, alias, alias_name,
    helped_account, login, name, operation, request, requested, serial, session, session_event,
    session_id, session_key, spend, spent, time, token, token_key,
};

/// A store under test, empty at first.
pub trait Subject {
    /// The store.
    fn store(&mut self) -> &mut dyn Store;

    /// Closes the store and opens it again; what was acknowledged must be there.
    fn reopen(&mut self);

    /// How many records a change can have and still be all or nothing.
    fn large_change(&self) -> u64 {
        20_000
    }
}

/// Makes a module of tests out of an expression that makes a new [`Subject`].
#[macro_export]
macro_rules! store_conformance {
    ($module:ident, $subject:expr) => {
        $crate::store_conformance! { @cases $module, $subject,
            an_empty_store_holds_nothing
            an_applied_change_is_read_back_whole
            a_change_is_there_after_reopening
            outcomes_come_in_the_order_of_the_group
            a_later_decider_sees_the_earlier_one
            a_hundred_deciders_on_one_token_spend_a_hundred_steps
            a_decider_that_fails_changes_nothing
            a_decider_that_abstains_changes_nothing
            a_record_is_replaced_whole
            a_removed_record_is_gone
            a_key_that_is_written_and_removed_is_gone
            names_and_other_names_are_kept_apart
            sessions_are_kept_beside_the_others
            an_alias_leads_to_its_account
            an_account_keeps_what_stands_in_for_a_token
            lists_are_in_order_and_of_one_kind
            list_pages_join_without_gap
            positions_rise_over_groups_and_reopening
            events_are_found_by_their_position
            events_come_newest_first
            event_pages_join_without_gap
            events_are_looked_at_no_further_than_asked
            events_are_read_between_commits
            the_newest_time_does_not_fall
            clock_trust_sets_the_newest_time_back
            a_doubted_clock_does_not_move_the_newest_time
            only_accepts_and_what_was_done_move_the_newest_time
            counts_follow_the_records
            a_request_is_found_by_its_user_and_key
            a_request_is_seen_by_the_next_decider
            requests_are_there_after_reopening
            requests_are_kept_up_to_their_bound
            hashes_tell_events_apart
            what_is_done_while_idle_changes_nothing
            the_reserve_changes_nothing_while_there_is_room
            a_large_change_is_applied_whole
            a_large_change_is_seen_by_the_next_decider
        }
    };
    (@cases $module:ident, $subject:expr, $($case:ident)+) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::testing::suite::$case(&mut $subject);
                }
            )+
        }
    };
}

/// Commits `deciders` as one group.
pub fn commit(store: &mut dyn Store, deciders: &mut [&mut dyn Decider]) -> Vec<Outcome> {
    let count = deciders.len();
    let outcomes = store.commit(deciders).expect("a commit");
    assert_eq!(outcomes.len(), count, "one outcome for each decider");
    outcomes
}

/// Commits `change` alone and tells its position.
pub fn apply(store: &mut dyn Store, change: Change) -> Position {
    match commit(store, &mut [&mut Write(change)])[..] {
        [Outcome::Applied(position)] => position,
        ref other => panic!("not applied: {other:?}"),
    }
}

fn read(store: &dyn Store, key: &Key) -> Option<Record> {
    store.view().record(key).expect("a read")
}

fn all(store: &dyn Store, kind: Kind) -> Vec<Record> {
    store.list(kind, None, usize::MAX).expect("a list")
}

fn every_event(store: &dyn Store) -> Vec<(Position, Event)> {
    let page = store.events(None, usize::MAX, usize::MAX, &|_| true);
    let page = page.expect("events");
    assert_eq!(page.more_before, None);
    page.events
}

/// Nothing is there, and asking is no error.
pub fn an_empty_store_holds_nothing(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(store.counts(), Counts::default());
    assert_eq!(store.view().newest(), Ok(None));
    assert_eq!(read(store, &token_key(1)), None);
    assert_eq!(store.list(Kind::Tokens, None, 10), Ok(Vec::new()));
    assert_eq!(store.event(0), Ok(None));
    assert_eq!(store.event(1), Ok(None));
    assert_eq!(every_event(store), []);
    assert_eq!(store.warnings(), Vec::<String>::new());
    assert_eq!(commit(store, &mut []), []);
}

/// Several records and the event of one change.
pub fn an_applied_change_is_read_back_whole(subject: &mut dyn Subject) {
    let store = subject.store();
    let change = Change {
        written: vec![token(1, 5), account(1, 2), alias(1)],
        ..spend(1, 5)
    };
    let position = apply(store, change.clone());
    for record in &change.written {
        assert_eq!(read(store, &record.key()).as_ref(), Some(record));
    }
    assert_eq!(store.event(position), Ok(Some(change.event)));
    assert_eq!(store.view().newest(), Ok(Some(time(5))));
}

/// Acknowledged is durable: records, event, newest time, counts, epoch.
pub fn a_change_is_there_after_reopening(subject: &mut dyn Subject) {
    let store = subject.store();
    let position = apply(store, spend(1, 5));
    apply(store, spend(2, 7));
    let (counts, epoch, events) = (store.counts(), store.epoch(), every_event(store));
    subject.reopen();
    let store = subject.store();
    assert_eq!(read(store, &token_key(1)), Some(token(1, 5)));
    assert_eq!(read(store, &account_key(2)), Some(account(2, 0)));
    assert_eq!(store.event(position), Ok(Some(login(1, 5, time(5)))));
    assert_eq!(store.view().newest(), Ok(Some(time(7))));
    assert_eq!((store.counts(), store.epoch()), (counts, epoch));
    assert_eq!(every_event(store), events);
}

/// Applied, nothing and not applied side by side; positions rise inside the group.
pub fn outcomes_come_in_the_order_of_the_group(subject: &mut dyn Subject) {
    let store = subject.store();
    let mut group: [&mut dyn Decider; 4] = [
        &mut Write(spend(1, 1)),
        &mut Abstain,
        &mut Fail(StoreError::Unavailable),
        &mut Write(spend(2, 1)),
    ];
    let outcomes = commit(store, &mut group);
    let [
        Outcome::Applied(first),
        Outcome::Nothing,
        Outcome::NotApplied,
        Outcome::Applied(last),
    ] = outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert!(first < last);
    assert_eq!(store.event(first), Ok(Some(spend(1, 1).event)));
    assert_eq!(store.event(last), Ok(Some(spend(2, 1).event)));
}

/// I1 rests on this: the second attempt with one code sees that it is spent.
pub fn a_later_decider_sees_the_earlier_one(subject: &mut dyn Subject) {
    struct Expects(u64);
    impl Decider for Expects {
        fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
            assert_eq!(spent(view, 1), Ok(Some(self.0)));
            assert_eq!(view.newest(), Ok(Some(time(self.0))));
            Ok(None)
        }
    }
    let store = subject.store();
    let mut group: [&mut dyn Decider; 4] = [
        &mut Write(spend(1, 8)),
        &mut Expects(8),
        &mut Write(spend(1, 9)),
        &mut Expects(9),
    ];
    commit(store, &mut group);
}

/// Every one of them has a step of its own.
pub fn a_hundred_deciders_on_one_token_spend_a_hundred_steps(subject: &mut dyn Subject) {
    let store = subject.store();
    let mut deciders: Vec<SpendNext> = (0..100).map(|_| SpendNext::new(1)).collect();
    for part in deciders.chunks_mut(40) {
        let mut group: Vec<&mut dyn Decider> = part
            .iter_mut()
            .map(|decider| decider as &mut dyn Decider)
            .collect();
        let outcomes = commit(store, &mut group);
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied(_));
        assert!(outcomes.iter().all(applied), "{outcomes:?}");
    }
    let steps: BTreeSet<u64> = deciders.iter().map(|decider| decider.step).collect();
    assert_eq!(steps, (1..=100).collect());
    assert_eq!(spent(store.view(), 1), Ok(Some(100)));
}

/// No record, no event, no time, and those around it are not disturbed.
pub fn a_decider_that_fails_changes_nothing(subject: &mut dyn Subject) {
    let store = subject.store();
    let mut group: [&mut dyn Decider; 2] = [
        &mut Fail(StoreError::Corrupt),
        &mut Fail(StoreError::Unavailable),
    ];
    assert_eq!(commit(store, &mut group), [Outcome::NotApplied; 2]);
    assert_eq!(store.counts(), Counts::default());
    assert_eq!(every_event(store), []);
    apply(store, spend(1, 1));
    assert_eq!(every_event(store).len(), 1);
}

/// Nothing to write is no event.
pub fn a_decider_that_abstains_changes_nothing(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, spend(1, 1));
    let before = store.counts();
    assert_eq!(
        commit(store, &mut [&mut Abstain, &mut Abstain]),
        [Outcome::Nothing; 2]
    );
    assert_eq!(store.counts(), before);
}

/// A record does not keep anything of what it was.
pub fn a_record_is_replaced_whole(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, spend(1, 1));
    apply(store, spend(1, 2));
    assert_eq!(read(store, &token_key(1)), Some(token(1, 2)));
    assert_eq!(store.counts().tokens, 1);
}

/// Also after reopening, and what is beside it stays.
pub fn a_removed_record_is_gone(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, spend(1, 1));
    apply(store, spend(2, 1));
    let removal = Change {
        removed: vec![token_key(1), token_key(77)],
        ..Change::event_only(operation(OperationKind::Stop, time(2)))
    };
    apply(store, removal);
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(read(store, &token_key(1)), None);
        assert_eq!(read(store, &account_key(1)), Some(account(1, 0)));
        assert_eq!(all(store, Kind::Tokens), [token(2, 1)]);
        subject.reopen();
    }
}

/// Removal comes behind writing.
pub fn a_key_that_is_written_and_removed_is_gone(subject: &mut dyn Subject) {
    let store = subject.store();
    let change = Change {
        removed: vec![token_key(1)],
        ..spend(1, 1)
    };
    apply(store, change);
    assert_eq!(read(store, &token_key(1)), None);
    subject.reopen();
    assert_eq!(read(subject.store(), &token_key(1)), None);
}

/// A token, an account and another name that read the same are three records.
pub fn names_and_other_names_are_kept_apart(subject: &mut dyn Subject) {
    let store = subject.store();
    let same = Record::Alias {
        alias: name(1),
        account: name(2),
    };
    let change = Change {
        written: vec![account(1, 3), same.clone()],
        ..spend(1, 1)
    };
    apply(store, change);
    assert_eq!(read(store, &account_key(1)), Some(account(1, 3)));
    assert_eq!(read(store, &Key::Alias(name(1))), Some(same));
    let as_serial = crate::serial::Serial::parse(name(1).as_str()).expect("a serial");
    assert_eq!(read(store, &Key::Token(as_serial)), None);
}

/// The account is found by both of its names.
pub fn an_alias_leads_to_its_account(subject: &mut dyn Subject) {
    let store = subject.store();
    let change = Change {
        written: vec![account(1, 0), alias(1)],
        ..spend(1, 1)
    };
    apply(store, change);
    for known in [name(1), alias_name(1)] {
        let found = store.view().account_by_any_name(&known).expect("a read");
        assert_eq!(found.expect("an account").name, name(1));
    }
}

/// What stands in for a token is kept with the account and goes with it, to the octet.
pub fn an_account_keeps_what_stands_in_for_a_token(subject: &mut dyn Subject) {
    let full = helped_account(1);
    let change = Change {
        written: vec![full.clone()],
        ..spend(1, 1)
    };
    apply(subject.store(), change);
    for _ in 0..2 {
        assert_eq!(read(subject.store(), &account_key(1)), Some(full.clone()));
        subject.reopen();
    }
    let change = Change {
        written: vec![account(1, 0)],
        ..spend(1, 2)
    };
    apply(subject.store(), change);
    for _ in 0..2 {
        assert_eq!(read(subject.store(), &account_key(1)), Some(account(1, 0)));
        subject.reopen();
    }
}

/// Tokens by serial, accounts and other names by name, and nothing else.
pub fn lists_are_in_order_and_of_one_kind(subject: &mut dyn Subject) {
    let store = subject.store();
    for n in [30, 4, 100, 2] {
        apply(store, spend(n, 1));
        let other = Change {
            written: vec![alias(n)],
            ..spend(n, 1)
        };
        apply(store, other);
    }
    let tokens = [2, 4, 30, 100].map(|n| token(n, 1));
    let accounts = [2, 4, 30, 100].map(|n| account(n, 0));
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(all(store, Kind::Tokens), tokens);
        assert_eq!(all(store, Kind::Accounts), accounts);
        assert_eq!(all(store, Kind::Aliases), [2, 4, 30, 100].map(alias));
        subject.reopen();
    }
}

/// Each page begins behind the key that the last one ended with, whether or not it still exists.
pub fn list_pages_join_without_gap(subject: &mut dyn Subject) {
    let store = subject.store();
    for n in 1..=10 {
        let other = Change {
            written: vec![token(n, 1), account(n, 0), alias(n), session(n, 1)],
            ..spend(n, 1)
        };
        apply(store, other);
    }
    for kind in [Kind::Tokens, Kind::Accounts, Kind::Aliases, Kind::Sessions] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = store.list(kind, after.as_ref(), 3).expect("a page");
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            seen.extend(page);
        }
        assert_eq!(seen, all(store, kind));
        assert_eq!(seen.len(), 10);
        assert_eq!(store.list(kind, None, 0), Ok(Vec::new()));
    }
    let removal = Change {
        removed: vec![token_key(5)],
        ..Change::event_only(operation(OperationKind::Stop, time(2)))
    };
    apply(store, removal);
    let behind = store.list(Kind::Tokens, Some(&token_key(5)), 1);
    assert_eq!(behind, Ok(vec![token(6, 1)]));
}

/// I9: a position is never given twice.
pub fn positions_rise_over_groups_and_reopening(subject: &mut dyn Subject) {
    let mut last = 0;
    for round in 1..=4 {
        let store = subject.store();
        for step in 0..3 {
            let mut first = Write(spend(1, round * 10 + step));
            let mut second = Write(spend(2, round * 10 + step));
            for outcome in commit(store, &mut [&mut first, &mut Abstain, &mut second]) {
                if let Outcome::Applied(position) = outcome {
                    assert!(position > last, "{position} after {last}");
                    last = position;
                }
            }
        }
        assert_eq!(store.counts().position, last);
        subject.reopen();
    }
}

/// And only by theirs.
pub fn events_are_found_by_their_position(subject: &mut dyn Subject) {
    let store = subject.store();
    let written: Vec<(Position, Event)> = (1..=50)
        .map(|step| (apply(store, spend(1, step)), spend(1, step).event))
        .collect();
    let last = store.counts().position;
    let mut found = Vec::new();
    for position in 0..=last + 3 {
        let event = store.event(position).expect("a read");
        found.extend(event.map(|event| (position, event)));
    }
    assert_eq!(found, written);
    assert_eq!(store.event(Position::MAX), Ok(None));
}

/// Every event once, in falling order of position.
pub fn events_come_newest_first(subject: &mut dyn Subject) {
    let store = subject.store();
    let mut written: Vec<(Position, Event)> = (1..=20)
        .map(|step| (apply(store, spend(1, step)), spend(1, step).event))
        .collect();
    written.reverse();
    assert_eq!(every_event(store), written);
    let wanted = |event: &Event| event.time == time(7);
    let found = store.events(None, 5, 100, &wanted).expect("events");
    assert_eq!(found.events.len(), 1);
    assert_eq!(found.more_before, None);
}

/// A page goes on where the last one told.
pub fn event_pages_join_without_gap(subject: &mut dyn Subject) {
    let store = subject.store();
    for step in 1..=10 {
        apply(store, spend(1, step));
    }
    let whole = every_event(store);
    for limit in 1..=11 {
        let mut joined = Vec::new();
        let mut before = None;
        loop {
            let page = store.events(before, limit, 100, &|_| true).expect("events");
            assert!(page.events.len() <= limit);
            joined.extend(page.events);
            before = page.more_before;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(joined, whole, "pages of {limit}");
    }
}

/// A search that finds nothing stops, and tells where to go on.
pub fn events_are_looked_at_no_further_than_asked(subject: &mut dyn Subject) {
    let store = subject.store();
    for step in 1..=10 {
        apply(store, spend(1, step));
    }
    let oldest = |event: &Event| event.time == time(1);
    let mut before = None;
    for _ in 0..3 {
        let page = store.events(before, 5, 3, &oldest).expect("events");
        assert_eq!(page.events, []);
        assert!(page.more_before.is_some());
        before = page.more_before;
    }
    let page = store.events(before, 5, 3, &oldest).expect("events");
    assert_eq!(page.events.len(), 1);
    assert_eq!(page.more_before, None);
}

/// What a reader has looked up before is no reason to miss what came after.
pub fn events_are_read_between_commits(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(every_event(store), []);
    let mut written = Vec::new();
    for step in 1..=60 {
        let position = apply(store, spend(1, step));
        assert_eq!(store.event(position), Ok(Some(spend(1, step).event)));
        written.insert(0, (position, spend(1, step).event));
        assert_eq!(every_event(store), written);
    }
}

/// I12: an event of a clock that went back does not make it good.
pub fn the_newest_time_does_not_fall(subject: &mut dyn Subject) {
    let store = subject.store();
    for (millis, newest) in [(5, 5), (3, 5), (9, 9), (8, 9)] {
        let event = login(1, 1, time(millis));
        apply(store, Change::event_only(event));
        assert_eq!(store.view().newest(), Ok(Some(time(newest))));
    }
    subject.reopen();
    assert_eq!(subject.store().view().newest(), Ok(Some(time(9))));
}

/// The operator's word counts, and what comes after it.
pub fn clock_trust_sets_the_newest_time_back(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, Change::event_only(login(1, 1, time(1_000_000))));
    let trust = operation(OperationKind::ClockTrust, time(50));
    apply(store, Change::event_only(trust));
    assert_eq!(store.view().newest(), Ok(Some(time(50))));
    subject.reopen();
    assert_eq!(subject.store().view().newest(), Ok(Some(time(50))));
    let store = subject.store();
    apply(store, Change::event_only(login(1, 1, time(60))));
    assert_eq!(store.view().newest(), Ok(Some(time(60))));
}

/// A stranger can bring about everything else, also while the clock is wrong.
pub fn only_accepts_and_what_was_done_move_the_newest_time(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, Change::event_only(login(1, 1, time(5))));
    let moves = [Reason::RightCode, Reason::EmergencyCode, Reason::StartCode];
    let others = Reason::ALL.into_iter().filter(|it| !moves.contains(it));
    for reason in others {
        let mut event = login(1, 1, time(7_000));
        if let What::Login(login) = &mut event.what {
            login.reason = reason;
        }
        apply(store, Change::event_only(event));
        let mut event = operation(OperationKind::Enroll, time(8_000));
        if let What::Operation(operation) = &mut event.what {
            operation.outcome = OperationOutcome::NotProven(reason);
        }
        apply(store, Change::event_only(event));
    }
    for _ in 0..2 {
        assert_eq!(subject.store().view().newest(), Ok(Some(time(5))));
        subject.reopen();
    }
    for (reason, at) in moves.into_iter().zip(6..) {
        let mut event = login(1, 1, time(at));
        if let What::Login(login) = &mut event.what {
            login.reason = reason;
        }
        apply(subject.store(), Change::event_only(event));
        assert_eq!(subject.store().view().newest(), Ok(Some(time(at))));
    }
    let done = operation(OperationKind::Enroll, time(9_000));
    apply(subject.store(), Change::event_only(done));
    for _ in 0..2 {
        assert_eq!(subject.store().view().newest(), Ok(Some(time(9_000))));
        subject.reopen();
    }
}

/// It may be ahead by years, and nobody shall be locked out by it once it is right again.
pub fn a_doubted_clock_does_not_move_the_newest_time(subject: &mut dyn Subject) {
    let doubted = |event: Event| {
        let doubted = true;
        Change::event_only(Event { doubted, ..event })
    };
    let store = subject.store();
    apply(store, doubted(login(1, 1, time(7_000))));
    assert_eq!(store.view().newest(), Ok(None));
    apply(store, Change::event_only(login(1, 1, time(5))));
    apply(store, doubted(login(1, 1, time(9_000))));
    for _ in 0..2 {
        assert_eq!(subject.store().view().newest(), Ok(Some(time(5))));
        subject.reopen();
    }
    let trust = operation(OperationKind::ClockTrust, time(8_000));
    apply(subject.store(), doubted(trust));
    for _ in 0..2 {
        assert_eq!(subject.store().view().newest(), Ok(Some(time(8_000))));
        subject.reopen();
    }
}

/// Written, written again, removed, removed again.
pub fn counts_follow_the_records(subject: &mut dyn Subject) {
    let store = subject.store();
    for n in 1..=5 {
        apply(store, spend(n, 1));
    }
    apply(store, spend(5, 2));
    for _ in 0..2 {
        let removal = Change {
            written: vec![alias(1)],
            removed: vec![token_key(2), account_key(3), account_key(4)],
            ..Change::event_only(operation(OperationKind::Stop, time(2)))
        };
        apply(subject.store(), removal);
        let counts = subject.store().counts();
        assert_eq!((counts.tokens, counts.accounts), (4, 3));
        subject.reopen();
    }
    let counts = subject.store().counts();
    assert_eq!((counts.tokens, counts.accounts), (4, 3));
}

fn request_at(store: &dyn Store, uid: u32, n: u64) -> Option<Position> {
    store.view().request(uid, &request(n)).expect("a read")
}

/// And by no other.
pub fn a_request_is_found_by_its_user_and_key(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(request_at(store, 0, 1), None);
    let first = apply(store, requested(0, 1, time(1)));
    let second = apply(store, requested(7, 1, time(1)));
    let third = apply(store, requested(0, 2, time(1)));
    apply(
        store,
        Change::event_only(operation(OperationKind::Unlock, time(2))),
    );
    let found = [(0, 1), (7, 1), (0, 2)].map(|(uid, n)| request_at(store, uid, n));
    assert_eq!(found, [Some(first), Some(second), Some(third)]);
    for (uid, n) in [(7, 2), (1, 1), (0, 3), (0, 12), (u32::MAX, 1)] {
        assert_eq!(request_at(store, uid, n), None, "{uid} {n}");
    }
    let event = requested(7, 1, time(1)).event;
    assert_eq!(store.event(second), Ok(Some(event)));
}

/// I9 rests on this: the second of two that came together sees that the first was done.
pub fn a_request_is_seen_by_the_next_decider(subject: &mut dyn Subject) {
    struct Seen(Option<Position>);
    impl Decider for Seen {
        fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
            self.0 = view.request(0, &request(1))?;
            Ok(None)
        }
    }
    let (mut before, mut behind) = (Seen(None), Seen(None));
    let mut first = Write(requested(0, 1, time(1)));
    let mut group: [&mut dyn Decider; 3] = [&mut before, &mut first, &mut behind];
    let outcomes = commit(subject.store(), &mut group);
    let Outcome::Applied(position) = outcomes[1] else {
        panic!("{outcomes:?}");
    };
    assert_eq!((before.0, behind.0), (None, Some(position)));
}

/// Also after a second time, when they come from what the first left behind.
pub fn requests_are_there_after_reopening(subject: &mut dyn Subject) {
    let mut done = Vec::new();
    for n in 1..=30 {
        let store = subject.store();
        done.push((n, apply(store, requested(0, n, time(n)))));
        apply(store, spend(1, n));
        if n % 10 == 0 {
            subject.reopen();
        }
        for (n, position) in &done {
            assert_eq!(request_at(subject.store(), 0, *n), Some(*position));
        }
    }
}

/// The newest are kept, whoever's they are, and a key that is forgotten can be used again.
pub fn requests_are_kept_up_to_their_bound(subject: &mut dyn Subject) {
    let kept = REQUESTS_KEPT as u64;
    let numbers: Vec<u64> = (1..=kept + 3).collect();
    let uid = |n: u64| u32::from(n.is_multiple_of(2));
    for part in numbers.chunks(500) {
        let change = |n: &u64| Write(requested(uid(*n), *n, time(1)));
        let mut writes: Vec<Write> = part.iter().map(change).collect();
        let mut group: Vec<&mut dyn Decider> = writes.iter_mut().map(|w| w as _).collect();
        commit(subject.store(), &mut group);
    }
    for _ in 0..2 {
        let store = subject.store();
        for n in 1..=3 {
            assert_eq!(request_at(store, uid(n), n), None, "{n}");
        }
        let rest: Vec<Position> = (4..=kept + 3)
            .filter_map(|n| request_at(store, uid(n), n))
            .collect();
        assert_eq!(rest.len(), REQUESTS_KEPT);
        assert!(rest.is_sorted());
        subject.reopen();
    }
    let again = apply(subject.store(), requested(1, 2, time(2)));
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(request_at(store, 1, 2), Some(again));
        assert_eq!(request_at(store, uid(4), 4), None);
        assert!(request_at(store, uid(5), 5).is_some());
        subject.reopen();
    }
}

/// Where there is a chain, each event has a hash of its own, which stays.
pub fn hashes_tell_events_apart(subject: &mut dyn Subject) {
    let store = subject.store();
    let mut positions = Vec::new();
    for step in 1..=20 {
        positions.push(apply(store, spend(1, step)));
        // The same event once more is another event.
        positions.push(apply(store, spend(1, step)));
    }
    let hashes = |store: &dyn Store| -> Vec<Option<Hash>> {
        let hash = |position: &Position| store.hash(*position).expect("a read");
        positions.iter().map(hash).collect()
    };
    let before = hashes(store);
    let known: BTreeSet<Hash> = before.iter().copied().flatten().collect();
    assert!(known.is_empty() || known.len() == positions.len());
    let last = store.counts().position;
    for position in [0, last + 1_000, Position::MAX] {
        assert_eq!(store.hash(position), Ok(None), "{position}");
    }
    apply(store, spend(1, 99));
    subject.reopen();
    apply(subject.store(), spend(1, 100));
    assert_eq!(hashes(subject.store()), before);
}

/// Wanted or not: it is the store's own work.
pub fn what_is_done_while_idle_changes_nothing(subject: &mut dyn Subject) {
    for round in 1..=3 {
        let store = subject.store();
        apply(store, spend(1, round));
        apply(store, requested(0, round, time(round)));
        let before = (store.counts(), every_event(store), store.view().newest());
        for _ in 0..3 {
            store.wants_idle();
            store.idle().expect("idle work");
        }
        assert_eq!(
            (store.counts(), every_event(store), store.view().newest()),
            before
        );
        assert_eq!(spent(store.view(), 1), Ok(Some(round)));
        assert!(request_at(store, 0, round).is_some());
        let position = apply(store, spend(2, round));
        assert!(position > before.0.position);
        subject.reopen();
        let store = subject.store();
        assert_eq!(store.counts().position, position);
        assert_eq!(every_event(store)[1..], before.1);
    }
}

/// Whoever may take the reserve is decided in turn, like all others.
pub fn the_reserve_changes_nothing_while_there_is_room(subject: &mut dyn Subject) {
    let store = subject.store();
    let (mut first, mut third) = (SpendNext::new(1), SpendNext::new(1));
    let mut second = Reserved(SpendNext::new(1));
    let outcomes = commit(store, &mut [&mut first, &mut second, &mut third]);
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied(_));
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    assert_eq!([first.step, second.0.step, third.step], [1, 2, 3]);
    let refused = commit(store, &mut [&mut Reserved(Fail(StoreError::Corrupt))]);
    assert_eq!(refused, [Outcome::NotApplied]);
    assert_eq!(every_event(store).len(), 3);
}

fn import(records: u64) -> Change {
    Change {
        event: operation(OperationKind::Import, time(1)),
        written: (1..=records).map(|n| token(n, 1)).collect(),
        removed: vec![account_key(9)],
    }
}

/// Written, heard of again, listed, counted and gone; none of it moves the newest time.
pub fn sessions_are_kept_beside_the_others(subject: &mut dyn Subject) {
    let store = subject.store();
    apply(store, spend(1, 1));
    let newest = store.view().newest();
    // Ids are octets of all kinds, and come in their order.
    let ids = [0, 1, 0x80, 0xFF00, 1 << 40, u64::MAX];
    for n in ids {
        let change = Change {
            written: vec![session(n, 5)],
            ..Change::event_only(session_event(n, time(5)))
        };
        apply(store, change);
    }
    let again = Change {
        written: vec![session(1, 9)],
        ..Change::event_only(session_event(1, time(9)))
    };
    let position = apply(store, again.clone());
    let gone = Change {
        removed: vec![session_key(0x80), session_key(77)],
        ..Change::event_only(session_event(0x80, time(10)))
    };
    apply(store, gone);
    let expected = [(0, 5), (1, 9), (0xFF00, 5), (1 << 40, 5), (u64::MAX, 5)];
    let expected = expected.map(|(n, updated)| session(n, updated));
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(all(store, Kind::Sessions), expected);
        assert_eq!(all(store, Kind::Tokens), [token(1, 1)]);
        let counts = store.counts();
        assert_eq!((counts.tokens, counts.accounts, counts.sessions), (1, 1, 5));
        assert_eq!(read(store, &session_key(0x80)), None);
        assert_eq!(store.event(position), Ok(Some(again.event.clone())));
        let found = store.view().session(session_id(1)).expect("a read");
        assert_eq!(found.map(Record::Session), Some(session(1, 9)));
        assert_eq!(store.view().newest(), newest);
        subject.reopen();
    }
}

/// A list of tokens comes into stock whole, as one event.
pub fn a_large_change_is_applied_whole(subject: &mut dyn Subject) {
    let records = subject.large_change();
    let store = subject.store();
    apply(store, spend(9, 1));
    let position = apply(store, import(records));
    apply(store, spend(1, 2));
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(store.counts().tokens, records);
        assert_eq!(store.event(position), Ok(Some(import(1).event)));
        assert_eq!(every_event(store).len(), 3);
        assert_eq!(read(store, &token_key(1)), Some(token(1, 2)));
        assert_eq!(read(store, &token_key(records)), Some(token(records, 1)));
        assert_eq!(read(store, &account_key(9)), None);
        subject.reopen();
    }
}

/// In the same group.
pub fn a_large_change_is_seen_by_the_next_decider(subject: &mut dyn Subject) {
    let records = subject.large_change();
    let mut large = Write(import(records));
    let mut next = SpendNext::new(records);
    let outcomes = commit(subject.store(), &mut [&mut large, &mut next]);
    assert!(matches!(outcomes[1], Outcome::Applied(_)), "{outcomes:?}");
    assert_eq!(next.step, 2);
    subject.reopen();
    assert_eq!(spent(subject.store().view(), records), Ok(Some(2)));
    let serial = serial(records);
    let found = subject.store().view().token(&serial).expect("a read");
    assert_eq!(found.expect("a token").serial, serial);
}
