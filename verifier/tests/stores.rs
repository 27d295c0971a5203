//! The memory store, and the faulty store without faults, pass the suite of all stores.
#![cfg(feature = "testing")]

use sekisho_verifier::store::{Outcome, Store, StoreError};
use sekisho_verifier::testing::faulty::{Call, Fault, FaultyStore};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::{SpendNext, spent};
use sekisho_verifier::testing::suite::Subject;

struct Memory(MemoryStore);

impl Subject for Memory {
    fn store(&mut self) -> &mut dyn Store {
        &mut self.0
    }

    fn reopen(&mut self) {}
}

struct Faulty(FaultyStore<MemoryStore>);

impl Subject for Faulty {
    fn store(&mut self) -> &mut dyn Store {
        &mut self.0
    }

    fn reopen(&mut self) {}
}

fn conflicting() -> FaultyStore<MemoryStore> {
    FaultyStore::new(MemoryStore::new(), |call| {
        (call == Call::Commit).then_some(Fault::Conflict)
    })
}

sekisho_verifier::store_conformance!(memory, Memory(MemoryStore::new()));
sekisho_verifier::store_conformance!(faulty_with_conflicts, Faulty(conflicting()));

#[test]
fn each_fault_leaves_what_it_says() {
    let check = |fault, expected: Result<Vec<Outcome>, StoreError>, applied: bool| {
        let mut faults = Some(fault);
        let mut store = FaultyStore::new(MemoryStore::new(), move |call| {
            (call == Call::Commit).then(|| faults.take()).flatten()
        });
        assert_eq!(store.commit(&mut [&mut SpendNext::new(1)]), expected);
        let found = spent(store.view(), 1).unwrap();
        assert_eq!(found.is_some(), applied, "{fault:?}");
    };
    check(Fault::Refused, Ok(vec![Outcome::NotApplied]), false);
    check(Fault::RequestLost, Ok(vec![Outcome::Unknown]), false);
    check(Fault::AnswerLost, Ok(vec![Outcome::Unknown]), true);
    check(Fault::Conflict, Ok(vec![Outcome::Applied(1)]), true);
    check(Fault::Fatal, Err(StoreError::Fatal), false);
}
