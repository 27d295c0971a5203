//! Power cuts: at every call to the disk, with what was not synced lost, kept, torn or reordered.

use std::sync::Arc;

use crate::store::EmbeddedStore;
use crate::tests::sim::{Cut, Fault, Random, Sim};
use crate::tests::{Oracle, campaign, commit, content, open, script};

use sekisho_verifier::testing::sample::spend;

/// At each call: what was not synced lost, kept, and some of it in any order.
const CUTS: [(Cut, u64); 4] = [
    (Cut::Nothing, 1),
    (Cut::All, 1),
    (Cut::Torn(512), 12),
    (Cut::Torn(4_096), 6),
];
/// So many images at least.
const IMAGES: u64 = 2_000;

/// Runs the script on a disk whose power goes off at call `n`.
fn run_until(n: u64, lie: bool) -> (Arc<Sim>, Oracle) {
    let disk = Sim::new();
    if lie {
        disk.lie();
    }
    disk.plan(move |call, _| (call >= n).then_some(Fault::Dead));
    let mut oracle = Oracle::new();
    if let Ok(mut store) = open(&disk) {
        for group in script() {
            if !dies(&mut oracle, &mut store, &group) {
                break;
            }
        }
    }
    (disk, oracle)
}

fn dies(
    oracle: &mut Oracle,
    store: &mut EmbeddedStore,
    group: &[sekisho_verifier::store::Change],
) -> bool {
    oracle.commit(store, group)
}

fn calls() -> u64 {
    let (disk, _) = run_until(u64::MAX, false);
    disk.calls()
}

/// What a cut must leave: a store that opens, holds what was acknowledged and nothing half, and
/// goes on from there.
fn check(image: &Arc<Sim>, oracle: &Oracle) -> Result<(), String> {
    let mut store = open(image).map_err(|error| format!("does not open: {error}"))?;
    if !oracle.holds(&store) {
        return Err("does not hold what was acknowledged, or holds half of something".into());
    }
    let next = [spend(7, 9_999)];
    commit(&mut store, &next).map_err(|error| format!("does not go on: {error}"))?;
    let after = content(&store);
    drop(store);
    let store = open(image).map_err(|error| format!("does not open again: {error}"))?;
    if content(&store) != after {
        return Err("opens with something else".into());
    }
    Ok(())
}

/// Returns how many images there were, and what was wrong with some.
fn images(lie: bool, step: usize) -> (u64, Vec<String>) {
    let mut random = Random(7);
    let mut failures = Vec::new();
    let mut images = 0;
    for n in (1..=calls() + 1).step_by(step) {
        let (disk, oracle) = run_until(n, lie);
        for (cut, times) in CUTS {
            for round in 0..times * campaign() {
                images += 1;
                let image = disk.cut(cut, &mut random);
                if let Err(failure) = check(&image, &oracle) {
                    failures.push(format!("call {n}, {cut:?}, round {round}: {failure}"));
                }
            }
        }
    }
    (images, failures)
}

#[test]
fn p14_what_was_acknowledged_survives_every_power_cut() {
    let (images, failures) = images(false, 1);
    assert!(images >= IMAGES, "the script does too little: {images}");
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The control: the test above would find a store that acknowledges before the sync.
#[test]
fn a_disk_that_only_says_that_it_syncs_is_found_out() {
    let (_, failures) = images(true, 5);
    let lost = |failure: &&String| failure.contains("does not hold");
    assert!(failures.iter().filter(lost).count() > 20, "{failures:#?}");
}

/// Opening writes too: a cut while a torn tail is cut off must leave a torn tail.
#[test]
fn a_power_cut_while_opening_does_no_harm() {
    let mut random = Random(11);
    for n in (1..=calls()).step_by(7) {
        let (disk, oracle) = run_until(n, false);
        let torn = disk.cut(Cut::Torn(512), &mut random);
        for second in 1..=12 {
            let again = torn.restarted();
            again.plan(move |call, _| (call >= second).then_some(Fault::Dead));
            let _ = open(&again);
            for cut in [Cut::Nothing, Cut::All, Cut::Torn(512)] {
                let image = again.cut(cut, &mut random);
                let checked = check(&image, &oracle);
                assert_eq!(checked, Ok(()), "call {n}, then call {second}, {cut:?}");
            }
        }
    }
}

/// The process is killed, the machine goes on: nothing is lost of what was written.
#[test]
fn a_killed_process_leaves_every_written_group() {
    for n in 1..=calls() + 1 {
        let (disk, oracle) = run_until(n, false);
        assert_eq!(check(&disk.restarted(), &oracle), Ok(()), "call {n}");
    }
}
