//! The index is believed only as far as it deserves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sekisho_verifier::store::Change;
use sekisho_verifier::testing::sample::{keyring, spend, token};

use crate::body::{KeyOctets, Step, ValueOctets};
use crate::error::OpenError;
use crate::index::{Index, IndexError, Mark};
use crate::store::EmbeddedStore;
use crate::tests::sim::Sim;
use crate::tests::{Content, commit, content, open, open_with, script};

/// An index in memory that outlives the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(pub(super) Arc<Mutex<KeptState>>);

type Entries = BTreeMap<KeyOctets, ValueOctets>;

#[derive(Debug, Clone, Default)]
pub(super) struct KeptState {
    pub(super) entries: Entries,
    pub(super) mark: Option<Vec<u8>>,
    /// Every state that was ever written, to go back to.
    pub(super) history: Vec<(Entries, Option<Vec<u8>>)>,
    pub(super) fails: bool,
    /// How much space it says that it takes.
    pub(super) octets: u64,
    /// How often it was thrown away.
    pub(super) clears: u32,
    /// What was written last when it was synced: the mark.
    pub(super) synced: Vec<Option<Vec<u8>>>,
}

impl Kept {
    pub(super) fn edit(&self, edit: impl FnOnce(&mut KeptState)) {
        edit(&mut self.0.lock().expect("nobody panicked"));
    }

    pub(super) fn mark_now(&self) -> Mark {
        let state = self.0.lock().expect("nobody panicked");
        Mark::parse(state.mark.as_ref().expect("a mark"), &keyring()).expect("it reads")
    }

    pub(super) fn set_mark(&self, mark: Mark) {
        self.edit(|state| state.mark = Some(mark.octets(&keyring().current())));
    }
}

impl Index for Kept {
    fn mark(&mut self) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.0.lock().expect("nobody panicked").mark.clone())
    }

    fn load(&mut self, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), IndexError> {
        let state = self.0.lock().expect("nobody panicked");
        state
            .entries
            .iter()
            .for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn write(&mut self, steps: Vec<Step>, mark: &[u8]) -> Result<(), IndexError> {
        let mut state = self.0.lock().expect("nobody panicked");
        if state.fails {
            return Err(IndexError("it is meant to".into()));
        }
        for (key, value) in steps {
            match value {
                Some(value) => state.entries.insert(key, value),
                None => state.entries.remove(&key),
            };
        }
        state.mark = Some(mark.into());
        let now = (state.entries.clone(), state.mark.clone());
        state.history.push(now);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), IndexError> {
        self.edit(|state| state.synced.push(state.mark.clone()));
        Ok(())
    }

    fn octets(&self) -> u64 {
        self.0.lock().expect("nobody panicked").octets
    }

    fn clear(&mut self) -> Result<(), IndexError> {
        let mut state = self.0.lock().expect("nobody panicked");
        state.entries.clear();
        state.mark = None;
        state.octets = 0;
        state.clears += 1;
        Ok(())
    }
}

/// A journal, its index as of the middle, and what the journal holds.
fn half_indexed() -> (Arc<Sim>, Kept, Content) {
    let (disk, index) = (Sim::new(), Kept::default());
    // The first start of a store finds no index.
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    let script = script();
    let (early, late) = script.split_at(script.len() / 2);
    for group in early {
        commit(&mut store, group).expect("a commit");
    }
    store.close();
    let mut store = open(&disk).expect("it opens");
    for group in late {
        commit(&mut store, group).expect("a commit");
    }
    let holds = content(&store);
    (disk, index, holds)
}

fn opened(disk: &Arc<Sim>, index: &Kept) -> Result<EmbeddedStore, OpenError> {
    open_with(&disk.restarted(), index.clone())
}

#[test]
fn an_index_that_is_behind_is_brought_up_to_date() {
    let (disk, index, holds) = half_indexed();
    let store = opened(&disk, &index).expect("it opens");
    assert!(content(&store) == holds);
    let events = holds.events.len() as u64;
    let replayed = store.opened().replayed;
    assert!(replayed > 0 && replayed < events, "{replayed} of {events}");
    assert_eq!(store.opened().index_rebuilt, None);
    store.close();
    let store = opened(&disk, &index).expect("it opens");
    assert!(content(&store) == holds);
    assert_eq!(store.opened().replayed, 0);
}

/// Each state that the index goes through while it is filled is good to start from, whenever the
/// power goes off, although it is a mixture of ages.
#[test]
fn every_state_of_the_index_leads_to_the_same_records() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    for group in script() {
        let mut store = open_with(&disk, index.clone()).expect("it opens");
        commit(&mut store, &group).expect("a commit");
        store.close();
    }
    let holds = content(&open(&disk).expect("it opens"));
    let history = index.0.lock().expect("nobody panicked").history.clone();
    assert!(history.len() > 20);
    for (entries, mark) in history {
        let then = Kept::default();
        then.edit(|state| (state.entries, state.mark) = (entries, mark));
        let store = opened(&disk, &then).expect("it opens");
        assert!(content(&store) == holds);
    }
}

/// Many records take many batches; none but the last makes the index complete.
#[test]
fn every_batch_of_a_large_index_leads_to_the_same_records() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    let large = |step| Change {
        written: (0..3_000).map(|n| token(n, step)).collect(),
        ..spend(1, step)
    };
    for step in [1, 2] {
        commit(&mut store, &[large(step)]).expect("a commit");
        store.close();
        store = open_with(&disk, index.clone()).expect("it opens");
    }
    let holds = content(&store);
    drop(store);
    let history = index.0.lock().expect("nobody panicked").history.clone();
    assert!(history.len() >= 8, "{}", history.len());
    for (entries, mark) in history {
        let then = Kept::default();
        then.edit(|state| (state.entries, state.mark) = (entries, mark));
        let store = opened(&disk, &then).expect("it opens");
        assert!(content(&store) == holds);
    }
}

/// Whatever is wrong with it: the journal is replayed and the index made anew.
#[test]
fn an_index_in_doubt_is_thrown_away() {
    let (disk, index, holds) = half_indexed();
    let check = |what: &str, spoil: &dyn Fn(&Kept)| {
        let spoilt = Kept::default();
        spoilt.edit(|state| {
            *state = index.0.lock().expect("nobody panicked").clone();
        });
        spoil(&spoilt);
        let store = opened(&disk, &spoilt).expect(what);
        assert!(content(&store) == holds, "{what}");
        let events = holds.events.len() as u64;
        assert_eq!(store.opened().replayed, events, "{what}");
        assert!(store.opened().index_rebuilt.is_some(), "{what}");
        store.close();
        let store = opened(&disk, &spoilt).expect(what);
        assert!(content(&store) == holds, "{what}");
        assert_eq!(store.opened().replayed, 0, "{what}: it is made anew");
    };
    check("no mark", &|index| index.edit(|state| state.mark = None));
    check("a damaged mark", &|index| {
        index.edit(|state| state.mark.as_mut().expect("a mark")[5] ^= 1);
    });
    check("an entry lost", &|index| {
        index.edit(|state| drop(state.entries.pop_first()));
    });
    check("an entry changed", &|index| {
        index.edit(|state| {
            let value = state.entries.values_mut().next().expect("an entry");
            value[20] ^= 1;
        });
    });
    check("an entry older than it should be", &|index| {
        index.edit(|state| {
            let key = crate::body::key_octets(&spend(1, 1).written[0].key());
            let value = minicbor::to_vec(&spend(1, 1).written[0]).expect("it encodes");
            state.entries.insert(key, value.into());
        });
    });
    check("of another store", &|index| {
        let mark = index.mark_now();
        index.set_mark(Mark {
            store: [7; 16],
            ..mark
        });
    });
    check("of another epoch", &|index| {
        let mark = index.mark_now();
        index.set_mark(Mark { epoch: 1, ..mark });
    });
    check("never complete", &|index| {
        let mark = index.mark_now();
        index.set_mark(Mark { base: None, ..mark });
    });
}

/// Yesterday's journal would accept today's codes again. The index knows of today.
#[test]
fn a_journal_older_than_its_index_is_refused() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    let script = script();
    let mut yesterday = disk.restarted();
    for group in &script {
        yesterday = disk.restarted();
        let mut store = open(&disk).expect("it opens");
        commit(&mut store, group).expect("a commit");
    }
    open_with(&disk, index.clone()).expect("it opens").close();
    let is_refused = |error: &OpenError| match error {
        OpenError::EndLost { .. } => true,
        // Today another segment has begun.
        OpenError::Missing { .. } => !yesterday.files().contains_key("0000000007.journal"),
        _ => false,
    };
    let error = opened(&yesterday, &index).expect_err("it is older");
    assert!(is_refused(&error), "{error}");
    // Nor does it matter whether the index can be used.
    index.edit(|state| drop(state.entries.pop_first()));
    let error = opened(&yesterday, &index).expect_err("it is older");
    assert!(matches!(error, OpenError::EndLost { .. }), "{error}");
}

#[test]
fn a_journal_that_is_gone_or_another_is_refused() {
    let (disk, index, _) = half_indexed();
    let error = open_with(&Sim::new(), index.clone()).expect_err("it is gone");
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    let mark = index.mark_now();
    let mut base = mark.base.expect("a base");
    base.point.hash[0] ^= 1;
    index.set_mark(Mark {
        base: Some(base),
        ..mark
    });
    let error = opened(&disk, &index).expect_err("it is another");
    assert!(matches!(error, OpenError::Rewritten { .. }), "{error}");
}

/// The index is a convenience: without it nothing is lost, and there is a warning.
#[test]
fn an_index_that_cannot_be_written_costs_nothing_but_time() {
    let (disk, index, holds) = half_indexed();
    index.edit(|state| state.fails = true);
    let store = opened(&disk, &index).expect("it opens");
    let disk = disk.restarted();
    assert!(content(&store) == holds);
    store.close();
    let mut store = open_with(&disk, index).expect("it opens");
    commit(&mut store, &[spend(1, 3_000)]).expect("a commit");
    drop(store);
    let store = open(&disk).expect("it opens");
    assert_eq!(content(&store).events.len(), holds.events.len() + 1);
}

/// What sled's files grow to is bounded: beyond 12 times the records and 512 MiB they are made
/// anew, and hold the same.
#[test]
fn an_index_that_has_outgrown_its_records_is_rewritten() {
    let (disk, index, mut holds) = half_indexed();
    for (octets, clears) in [(512 << 20, 0), (513 << 20, 1)] {
        index.edit(|state| (state.octets, state.clears) = (octets, 0));
        let mut store = open_with(&disk, index.clone()).expect("it opens");
        commit(&mut store, &[spend(1, octets)]).expect("a commit");
        holds = content(&store);
        store.close();
        assert_eq!(index.0.lock().expect("nobody panicked").clears, clears);
    }
    let store = open_with(&disk, index).expect("it opens");
    assert_eq!(store.opened().replayed, 0);
    assert!(content(&store) == holds);
}

/// The entries are durable before the mark says that they are there, and then the mark.
#[test]
fn p14_entries_are_synced_before_the_mark_that_stands_for_them() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    store.close();
    let synced = index.0.lock().expect("nobody panicked").synced.clone();
    let base = |mark: &Option<Vec<u8>>| {
        let mark = Mark::parse(mark.as_ref().expect("a mark"), &keyring());
        mark.expect("it reads").base.map(|base| base.point.position)
    };
    let (before, last) = (&synced[synced.len() - 2], &synced[synced.len() - 1]);
    assert!(base(before) < base(last), "the mark moves behind a sync");
    assert_eq!(
        base(last),
        base(&index.0.lock().expect("nobody panicked").mark)
    );
}
