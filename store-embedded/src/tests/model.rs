//! Random histories against the memory store.

use proptest::prelude::*;
use sekisho_verifier::event::OperationKind;
use sekisho_verifier::store::{Change, Store};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::{
    account, account_key, alias, login, operation, session, session_event, session_key, time,
    token, token_key,
};

use crate::tests::index::Kept;
use crate::tests::sim::{Cut, Random, Sim};
use crate::tests::{commit, content, open, open_with};

#[derive(Debug, Clone)]
enum Act {
    Commit(Vec<Change>),
    /// Close, with the index up to date, and open.
    Close,
    /// Drop, and open.
    Drop,
    /// Power cut between two commits.
    Cut(u64),
}

fn changes() -> impl Strategy<Value = Change> {
    let number = 0..6u64;
    let written = prop_oneof![
        (number.clone(), 0..500u64).prop_map(|(n, step)| token(n, step)),
        (number.clone(), 0..9u32).prop_map(|(n, wrong)| account(n, wrong)),
        number.clone().prop_map(alias),
        (number.clone(), 0..9u64).prop_map(|(n, updated)| session(n, updated)),
    ];
    let removed = prop_oneof![
        number.clone().prop_map(token_key),
        number.clone().prop_map(account_key),
        number.clone().prop_map(session_key),
        number.prop_map(|n| alias(n).key()),
    ];
    let event = prop_oneof![
        9 => (0..1_000u64).prop_map(|at| login(1, at, time(at))),
        1 => (0..1_000u64).prop_map(|at| session_event(1, time(at))),
        1 => (0..1_000u64).prop_map(|at| operation(OperationKind::ClockTrust, time(at))),
    ];
    let written = prop::collection::vec(written, 0..4);
    let removed = prop::collection::vec(removed, 0..3);
    (event, written, removed).prop_map(|(event, written, removed)| Change {
        event,
        written,
        removed,
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => prop::collection::vec(changes(), 1..5).prop_map(Act::Commit),
        1 => Just(Act::Close),
        1 => Just(Act::Drop),
        1 => any::<u64>().prop_map(Act::Cut),
    ];
    prop::collection::vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_memory_store_does(acts in acts()) {
        let mut disk = Sim::new();
        let index = Kept::default();
        let mut model = MemoryStore::new();
        drop(open(&disk).expect("a new store"));
        let mut store = open_with(&disk, index.clone()).expect("it opens");
        for act in acts {
            match act {
                Act::Commit(changes) => {
                    let outcomes = commit(&mut store, &changes).expect("a commit");
                    commit(&mut model, &changes).expect("a commit");
                    prop_assert_eq!(outcomes.len(), changes.len());
                    continue;
                }
                Act::Close => store.close(),
                Act::Drop => drop(store),
                Act::Cut(seed) => {
                    drop(store);
                    disk = disk.cut(Cut::Torn(512), &mut Random(seed));
                }
            }
            store = open_with(&disk, index.clone()).expect("it opens");
            prop_assert!(content(&store) == content(&model));
        }
        prop_assert!(content(&store) == content(&model));
        prop_assert_eq!(store.counts().tokens, model.counts().tokens);
    }
}
