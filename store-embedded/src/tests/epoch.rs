//! A restored store goes on in a new epoch, at positions that nobody has seen.

use std::sync::Arc;

use sekisho_verifier::receipt;
use sekisho_verifier::store::{Outcome, Position, Store};
use sekisho_verifier::testing::sample::{spend, time};
use sekisho_verifier::time::Time;

use crate::error::{Damage, OpenError};
use crate::open::How;
use crate::segment::file_name;
use crate::store::EmbeddedStore;
use crate::tests::index::Kept;
use crate::tests::sim::{Cut, Fault, Random, Sim};
use crate::tests::{HOW, commit, content, open, open_how, open_with};

/// 2026-11-22.
const NOW: Time = Time::from_millis(1_795_305_600_000);

fn begin(disk: &Arc<Sim>) -> Result<EmbeddedStore, OpenError> {
    let how = How {
        new_epoch: Some(NOW),
        ..HOW
    };
    open_how(disk, false, None, how)
}

fn used() -> Arc<Sim> {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for step in 1..=7 {
        commit(&mut store, &[spend(step % 3, step)]).expect("a commit");
    }
    disk
}

fn position(store: &mut EmbeddedStore, step: u64) -> Position {
    match commit(store, &[spend(1, step)]).expect("a commit")[0] {
        Outcome::Applied(position) => position,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn positions_jump_and_everything_before_is_still_there() {
    let disk = used();
    let holds = content(&open(&disk).expect("it opens"));
    let mut store = begin(&disk).expect("it begins");
    assert_eq!(store.epoch(), 1);
    assert!(content(&store) == holds);
    let first = position(&mut store, 100);
    assert!(first >= receipt::floor(NOW, 20).expect("numbers are left"));
    assert!(store.event(first).expect("a read").is_some());
    assert!(store.hash(first).expect("a read").is_some());
    assert_eq!(store.event(first - 1), Ok(None), "nothing was there");
    assert!(store.event(3).expect("a read").is_some());
    let holds = content(&store);
    assert_eq!(holds.events.len(), 8);
    drop(store);
    let mut store = open(&disk).expect("it opens");
    assert_eq!(store.epoch(), 1);
    assert!(content(&store) == holds);
    assert!(position(&mut store, 101) > first);
    drop(store);

    // And once more, while the clock stands still.
    let mut store = begin(&disk).expect("it begins");
    assert_eq!(store.epoch(), 2);
    assert!(position(&mut store, 102) > first + 1_000_000);
}

/// The wall clock of the machine that a backup is restored on may be years behind.
#[test]
fn the_newest_time_in_the_backup_counts_as_well() {
    let disk = used();
    let how = How {
        new_epoch: Some(time(0)),
        ..HOW
    };
    let mut store = open_how(&disk, false, None, how).expect("it begins");
    assert!(position(&mut store, 100) > 1_000_000);
}

#[test]
fn an_index_reaches_over_the_jump_and_one_from_before_is_not_believed() {
    let (disk, index) = (used(), Kept::default());
    open_with(&disk, index.clone()).expect("it opens").close();
    let mut store = begin(&disk).expect("it begins");
    let holds = content(&store);
    drop(store);
    store = open_with(&disk, index.clone()).expect("it opens");
    assert!(store.opened().index_rebuilt.is_some());
    assert!(content(&store) == holds);
    store.close();
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    assert_eq!(
        store.opened().replayed,
        0,
        "from the index, right behind the jump"
    );
    position(&mut store, 100);
    store.close();
    let store = open_with(&disk, index).expect("it opens");
    assert_eq!(store.opened().replayed, 0);
    assert_eq!(store.epoch(), 1);
}

/// Whenever the power goes off, the epoch has begun or it has not, and it can be begun again.
#[test]
fn a_power_cut_while_an_epoch_begins_does_no_harm() {
    let mut epochs = [0, 0];
    for n in 1..60 {
        let disk = used();
        let holds = content(&open(&disk).expect("it opens"));
        disk.plan(move |call, _| (call >= n).then_some(Fault::Dead));
        let _ = begin(&disk);
        for cut in [Cut::Nothing, Cut::All, Cut::Torn(512)] {
            let image = disk.cut(cut, &mut Random(n));
            let store = open(&image).unwrap_or_else(|error| panic!("call {n}, {cut:?}: {error}"));
            assert!(content(&store) == holds);
            epochs[store.epoch() as usize] += 1;
            let epoch = store.epoch();
            drop(store);
            let mut store = begin(&image).expect("it begins");
            assert_eq!(store.epoch(), epoch + 1);
            assert!(position(&mut store, 100) > 1_000_000);
        }
    }
    assert!(epochs[0] > 10 && epochs[1] > 10, "{epochs:?}");
}

/// Who raises the positions without an epoch has taken something out.
#[test]
fn positions_may_jump_nowhere_else() {
    let disk = used();
    position(&mut begin(&disk).expect("it begins"), 100);
    let mut files = disk.files();
    let (name, last) = files.last_key_value().expect("segments");
    let (name, mut last) = (name.clone(), last.clone());
    assert_ne!(name, file_name(1));
    last[12..16].fill(0);
    let crc = crc32c::crc32c(&last[..508]).to_be_bytes();
    last[508..512].copy_from_slice(&crc);
    files.insert(name, last);
    match open(&Sim::holding(&files)).expect_err("the epoch does not rise") {
        OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::Joint),
        error => panic!("{error}"),
    }
}
