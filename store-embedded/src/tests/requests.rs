//! Idempotency keys are remembered: in memory, in the index, and when all is replayed.

use std::sync::Arc;

use sekisho_verifier::event::{Event, OperationKind, RequestKey, What};
use sekisho_verifier::store::{
    Change, Decider, Outcome, Position, REQUESTS_KEPT, Store, StoreError, View,
};
use sekisho_verifier::testing::sample::{operation, spend, time};

use crate::tests::index::Kept;
use crate::tests::sim::{Cut, EIO, Fault, Random, Sim};
use crate::tests::{commit, open, open_with};

fn key(n: u64) -> RequestKey {
    RequestKey::parse(&format!("request-{n}")).expect("a key")
}

/// An operation that was asked for with a key.
fn asked(n: u64) -> Change {
    let mut event: Event = operation(OperationKind::Suspend, time(n));
    if let What::Operation(operation) = &mut event.what {
        operation.request = Some(key(n));
    }
    Change::event_only(event)
}

fn found(store: &dyn Store, n: u64) -> Option<Position> {
    store.view().request(0, &key(n)).expect("a read")
}

#[test]
fn the_newest_requests_are_found_after_every_kind_of_start() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    let all = REQUESTS_KEPT as u64 + 50;
    let groups: Vec<Vec<Change>> = (0..all)
        .collect::<Vec<_>>()
        .chunks(500)
        .map(|chunk| chunk.iter().map(|&n| asked(n)).collect())
        .collect();
    let mut positions = Vec::new();
    for group in groups {
        for outcome in commit(&mut store, &group).expect("a commit") {
            let Outcome::Applied(position) = outcome else {
                panic!("{outcome:?}");
            };
            positions.push(position);
        }
    }
    let check = |store: &dyn Store, how: &str| {
        for n in [0, 49, 50, 51, all - 1, all] {
            let wanted = positions.get(n as usize).copied().filter(|_| n >= 50);
            assert_eq!(found(store, n), wanted, "{how}: request {n}");
        }
        let other = store.view().request(1, &key(60)).expect("a read");
        assert_eq!(other, None, "{how}: each user has keys of its own");
    };
    check(&store, "in memory");
    store.close();
    let store = open_with(&disk, index).expect("it opens");
    assert_eq!(store.opened().replayed, 0);
    check(&store, "from the index");
    drop(store);
    check(&open(&disk).expect("it opens"), "replayed");
}

/// Looks for a request that an earlier one of the same group was asked for with.
struct Look(u64, Option<Position>);

impl Decider for Look {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.1 = view.request(0, &key(self.0))?;
        Ok(None)
    }
}

#[test]
fn a_request_is_found_in_its_group_and_gone_with_it() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    commit(&mut store, &[asked(1)]).expect("a commit");
    let mut first = sekisho_verifier::testing::sample::Write(asked(2));
    let mut look = Look(2, None);
    let outcomes = store
        .commit(&mut [&mut first, &mut look])
        .expect("a commit");
    let Outcome::Applied(position) = outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(look.1, Some(position));
    let mut calls = 0;
    disk.plan(move |_, _| {
        calls += 1;
        (calls == 1).then_some(Fault::Error(EIO))
    });
    let refused = commit(&mut store, &[asked(3), asked(2)]);
    assert_eq!(refused, Ok(vec![Outcome::NotApplied; 2]));
    assert_eq!(found(&store, 3), None, "taken back");
    assert_eq!(found(&store, 2), Some(position), "as before");
    drop(store);
    let image: Arc<Sim> = disk.cut(Cut::Nothing, &mut Random(1));
    let mut store = open(&image).expect("it opens");
    assert_eq!(found(&store, 2), Some(position));
    assert_eq!(found(&store, 3), None);
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
}
