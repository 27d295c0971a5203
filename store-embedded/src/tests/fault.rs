//! The n-th call to the disk fails, for every n.

use std::sync::Arc;

use sekisho_verifier::store::{Change, Outcome, Store, StoreError};
use sekisho_verifier::testing::sample::spend;

use crate::tests::sim::{Call, Cut, EINTR, EIO, ENOSPC, Fault, Random, Sim};
use crate::tests::{Oracle, campaign, commit, content, open, script};

/// Runs the script with a fault at call `n` behind opening, and goes on as long as the store
/// does. What is durable in the end must be what was acknowledged.
fn run_with(n: u64, fault: Fault) {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    disk.plan(move |call, _| (call == n).then_some(fault));
    let mut oracle = Oracle::new();
    let alive = script()
        .iter()
        .all(|group| oracle.commit(&mut store, group));
    // The fault may have hit the last group.
    let alive = alive
        && oracle.commit(&mut store, &[spend(6, 1)])
        && oracle.commit(&mut store, &[spend(6, 2)]);
    if alive {
        assert_eq!(store.warnings(), Vec::<String>::new(), "it has recovered");
        let same = content(&store) == content(&oracle.model);
        assert!(same, "call {n}, {fault:?}");
    }
    drop(store);
    for cut in [Cut::Nothing, Cut::All, Cut::Torn(512)] {
        let image = disk.cut(cut, &mut Random(n));
        let store = open(&image).unwrap_or_else(|error| panic!("call {n}, {fault:?}: {error}"));
        assert!(oracle.holds(&store), "call {n}, {fault:?}, {cut:?}");
    }
}

fn calls() -> u64 {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    disk.plan(|_, _| None);
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    disk.calls()
}

#[test]
fn a_call_that_fails_takes_nothing_back_and_gives_nothing() {
    for n in 1..=calls() {
        for fault in faults(n) {
            run_with(n, fault);
        }
    }
}

fn faults(n: u64) -> [Fault; 4] {
    let short = [0, 1, 100, 511, 512, 700][n as usize % 6];
    [
        Fault::Error(EIO),
        Fault::Error(ENOSPC),
        Fault::Error(EINTR),
        Fault::Short(short),
    ]
}

/// Commits one group after the other from where the last one left the disk, and each of them once
/// for every call that it makes, which then fails.
#[test]
fn each_of_the_first_2000_calls_fails_and_gives_nothing() {
    let mut disk = Sim::new();
    drop(open(&disk).expect("a new store"));
    let mut model = Oracle::new();
    let mut number = 0;
    for round in 0.. {
        let group = [spend(round % 7, round), spend(round % 5 + 7, round)];
        let calls = calls_of(&disk, &group);
        for call in 1..=calls {
            number += 1;
            let kinds = faults(number);
            let some = (number % 4) as usize..=(number % 4) as usize;
            let all = 0..=3;
            let kinds = &kinds[if campaign() > 1 { all } else { some }];
            for &fault in kinds {
                let disk = disk.restarted();
                let mut store = open(&disk).expect("it opens");
                disk.plan(move |n, _| (n == call).then_some(fault));
                let mut oracle = model.clone();
                let alive = oracle.commit(&mut store, &group);
                let alive = alive && oracle.commit(&mut store, &[spend(1, round + 9)]);
                drop(store);
                let cut = [Cut::Nothing, Cut::All, Cut::Torn(512)][number as usize % 3];
                let image = disk.cut(cut, &mut Random(number));
                let store = open(&image);
                let store = store.unwrap_or_else(|e| panic!("call {number}, {fault:?}: {e}"));
                assert!(
                    oracle.holds_records(&store),
                    "call {number}, {fault:?}, {alive}"
                );
            }
        }
        let mut store = open(&disk).expect("it opens");
        assert!(model.commit(&mut store, &group));
        drop(store);
        disk = disk.restarted();
        if number >= 2_000 {
            break;
        }
    }
}

fn calls_of(disk: &Sim, group: &[Change]) -> u64 {
    let disk = disk.restarted();
    let mut store = open(&disk).expect("it opens");
    disk.plan(|_, _| None);
    commit(&mut store, group).expect("a commit");
    disk.calls()
}

/// Opening reads, and writes at its end. Whatever fails there: the store opens with all that was
/// acknowledged, or not at all, and then at the next start.
#[test]
fn a_call_that_fails_while_opening_loses_nothing() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let mut oracle = Oracle::new();
    for group in script().iter().take(8) {
        assert!(oracle.commit(&mut store, group));
    }
    drop(store);
    let calls = |disk: &Arc<Sim>| {
        disk.count_reads();
        drop(open(disk).expect("it opens"));
        disk.calls()
    };
    let torn = disk.restarted();
    let mut store = open(&torn).expect("it opens");
    torn.plan(|_, call| (call == Call::Sync).then_some(Fault::Dead));
    assert!(!oracle.commit(&mut store, &[spend(1, 77)]));
    drop(store);
    let torn = torn.cut(Cut::Torn(512), &mut Random(3));
    let mut refused = 0;
    for disk in [disk, torn] {
        for n in 1..=calls(&disk.restarted()) {
            for fault in faults(n) {
                let disk = disk.restarted();
                disk.count_reads();
                disk.plan(move |call, _| (call == n).then_some(fault));
                match open(&disk) {
                    Ok(store) => assert!(oracle.holds(&store), "call {n}, {fault:?}"),
                    Err(_) => refused += 1,
                }
                let store = open(&disk.cut(Cut::Nothing, &mut Random(n)));
                let store = store.unwrap_or_else(|error| panic!("call {n}, {fault:?}: {error}"));
                assert!(oracle.holds(&store), "call {n}, {fault:?}: afterwards");
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

/// Trying it again would turn a loss into a success.
#[test]
fn a_failed_sync_is_fatal_for_ever() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    let mut syncs = 0;
    disk.plan(move |_, call| {
        syncs += u64::from(call == Call::Sync);
        (call == Call::Sync && syncs == 1).then_some(Fault::Error(EIO))
    });
    for _ in 0..3 {
        assert_eq!(commit(&mut store, &[spend(1, 2)]), Err(StoreError::Fatal));
    }
    let key = sekisho_verifier::testing::sample::token_key(1);
    assert_eq!(store.view().record(&key), Err(StoreError::Fatal));
    assert_ne!(store.warnings(), Vec::<String>::new());
}

/// After a failed sync the system may hold in memory what the disk does not have. Who opens the
/// store sees it there, and relies on it, so it must be written once more.
#[test]
fn what_is_seen_after_a_failed_sync_and_a_restart_is_durable() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    disk.plan(|_, call| (call == Call::Sync).then_some(Fault::Error(EIO)));
    assert_eq!(commit(&mut store, &[spend(1, 2)]), Err(StoreError::Fatal));
    drop(store);
    let disk = disk.restarted();
    let seen = content(&open(&disk).expect("it opens"));
    let image = disk.cut(Cut::Nothing, &mut Random(1));
    assert!(content(&open(&image).expect("it opens")) == seen);
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let mut oracle = Oracle::new();
    // Cutting back needs no space.
    let full = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let seen = std::sync::Arc::clone(&full);
    let mut refusals = 0;
    disk.plan(move |_, call| {
        let refuse = call == Call::Write && seen.load(std::sync::atomic::Ordering::Relaxed);
        refusals += u32::from(refuse);
        // Of the two writes of a refused group the first fails: the second is zeros.
        (refuse && refusals % 2 == 1).then_some(Fault::Error(ENOSPC))
    });
    for _ in 0..5 {
        let outcomes = commit(&mut store, &[spend(1, 1), spend(2, 1)]);
        assert_eq!(outcomes, Ok(vec![Outcome::NotApplied; 2]));
        assert!(store.warnings()[0].contains("cannot be written"));
        assert!(content(&store) == content(&oracle.model));
    }
    full.store(false, std::sync::atomic::Ordering::Relaxed);
    assert!(oracle.commit(&mut store, &[spend(1, 1)]));
    assert_eq!(store.warnings(), Vec::<String>::new());
    drop(store);
    let image = disk.cut(Cut::Nothing, &mut Random(1));
    assert!(oracle.holds(&open(&image).expect("it opens")));
}
