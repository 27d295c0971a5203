//! A full disk: logins end, what takes a right away goes on, and all goes on when there is space.

use std::sync::Arc;

use sekisho_verifier::store::{Change, Decider, Outcome, Store, StoreError, View};
use sekisho_verifier::testing::sample::spend;

use crate::journal::Sizes;
use crate::open::How;
use crate::store::EmbeddedStore;
use crate::tests::sim::{Cut, Random, Sim};
use crate::tests::{HOW, commit, content, open, open_how};

/// What may use the reserve.
struct Stop(Change);

impl Decider for Stop {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        Ok(Some(self.0.clone()))
    }

    fn may_use_reserve(&self) -> bool {
        true
    }
}

/// What may not.
struct Login(Change, u64);

impl Decider for Login {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        self.1 += 1;
        Ok(Some(self.0.clone()))
    }
}

fn stop(store: &mut EmbeddedStore, n: u64) -> Outcome {
    store
        .commit(&mut [&mut Stop(spend(n, n))])
        .expect("it lives")[0]
}

fn login(store: &mut EmbeddedStore, n: u64) -> Outcome {
    commit(store, &[spend(n, n)]).expect("it lives")[0]
}

fn applied(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Applied(_))
}

/// Logs in until nothing more can be written. Returns how often it could be.
fn fill(store: &mut EmbeddedStore) -> u64 {
    let full = (1..1_000).find(|n| !applied(login(store, n % 9)));
    full.expect("it is full at some time")
}

const RESERVE: u64 = 8 << 10;

fn large_reserve(segment_octets: u64) -> How {
    How {
        sizes: Sizes {
            segment_octets,
            grow_octets: 16 << 10,
            reserve_octets: RESERVE,
            ..HOW.sizes
        },
        ..HOW
    }
}

fn open_large(disk: &Arc<Sim>, segment_octets: u64) -> EmbeddedStore {
    open_how(disk, false, None, large_reserve(segment_octets)).expect("it opens")
}

#[test]
fn a_full_disk_ends_logins_and_leaves_room_for_what_takes_rights_away() {
    let disk = Sim::new();
    let mut store = open_large(&disk, 1 << 20);
    disk.hold(disk.octets() + (20 << 10));
    let logins = fill(&mut store);
    assert!(logins > 10, "{logins}");
    let warning = store.warnings().join("\n");
    assert!(
        warning.contains("the journal cannot be written"),
        "{warning}"
    );
    assert!(warning.contains("space"), "{warning}");

    // In one group: each decides in its turn, if it may.
    let (mut first, mut second) = (Stop(spend(20, 1)), Stop(spend(21, 1)));
    let mut between = Login(spend(22, 1), 0);
    let outcomes = store.commit(&mut [&mut first, &mut between, &mut second]);
    let outcomes = outcomes.expect("it lives");
    assert!(applied(outcomes[0]) && applied(outcomes[2]), "{outcomes:?}");
    assert_eq!(outcomes[1], Outcome::NotApplied);
    assert_eq!(between.1, 1, "asked once, before it was known");
    assert!(!store.warnings().is_empty(), "it is still full");

    let stops = (1..100)
        .take_while(|&n| applied(stop(&mut store, n % 9)))
        .count();
    let octets = stops as u64 * 700;
    assert!(octets > RESERVE / 2, "{stops} only");
    assert!(!applied(login(&mut store, 1)));
    let holds = content(&store);
    drop(store);

    // Neither a restart nor a power cut changes that, nor takes anything away.
    let mut store = open_large(&disk.cut(Cut::Nothing, &mut Random(1)), 1 << 20);
    assert!(content(&store) == holds);
    assert!(
        applied(login(&mut store, 1)),
        "there is no bound on this one"
    );
    let mut store = open_large(&disk, 1 << 20);
    assert!(!applied(login(&mut store, 1)));
    assert!(content(&store) == holds);

    disk.hold(0);
    assert!(applied(login(&mut store, 1)), "without a hand");
    assert!(store.warnings().is_empty());
}

/// Nobody needs to try: the store looks by itself.
#[test]
fn space_that_returns_is_found_while_nobody_asks() {
    let disk = Sim::new();
    let mut store = open_large(&disk, 1 << 20);
    disk.hold(disk.octets());
    fill(&mut store);
    assert!(store.wants_idle());
    store.idle().expect("it lives");
    assert!(!store.warnings().is_empty());
    disk.hold(0);
    store.idle().expect("it lives");
    assert!(store.warnings().is_empty());
    assert!(applied(login(&mut store, 1)));
}

/// Also when the reserve is used up, and a checkpoint finds no room either.
#[test]
fn a_reserve_that_is_used_up_comes_back() {
    let disk = Sim::new();
    let mut how = large_reserve(1 << 20);
    how.sizes.pace.after = std::time::Duration::ZERO;
    let mut store = open_how(&disk, false, None, how).expect("it opens");
    disk.hold(disk.octets());
    fill(&mut store);
    while applied(stop(&mut store, 1)) {}
    for _ in 0..3 {
        store.idle().expect("it lives");
        let warnings = store.warnings().join("\n");
        assert!(warnings.contains("space"), "{warnings}");
        assert!(store.wants_idle());
    }
    disk.hold(0);
    store.idle().expect("it lives");
    assert_eq!(store.warnings(), Vec::<String>::new());
    assert!(applied(login(&mut store, 1)));
    drop(store);
    open(&disk).expect("it opens");
}

/// A segment is then not followed by another, grows beyond its bound by what it has room for, and
/// the reserve is still there.
#[test]
fn a_full_disk_at_the_end_of_a_segment_leaves_the_reserve() {
    for spare in [0, 3 << 10, 15 << 10] {
        let disk = Sim::new();
        let mut store = open_large(&disk, 4 << 10);
        disk.hold(disk.octets() + spare);
        fill(&mut store);
        let files = disk.files().len();
        let stops = (1..5).filter(|&n| applied(stop(&mut store, n))).count();
        assert_eq!(stops, 4, "spare {spare}");
        let holds = content(&store);
        drop(store);
        let mut store = open_large(&disk, 4 << 10);
        assert!(content(&store) == holds);
        assert_eq!(disk.files().len(), files, "nothing half made is left");
        assert!(applied(stop(&mut store, 1)), "also after a restart");
        disk.hold(0);
        assert!(applied(login(&mut store, 1)));
        assert!(disk.files().len() > files, "the next segment");
        assert!(store.warnings().is_empty());
    }
}

/// The control: without a reserve nothing could be stopped.
#[test]
fn without_a_reserve_a_full_disk_stops_everything() {
    let disk = Sim::new();
    let mut how = large_reserve(1 << 20);
    how.sizes.reserve_octets = 0;
    let mut store = open_how(&disk, false, None, how).expect("it opens");
    disk.hold(disk.octets());
    fill(&mut store);
    assert!(!applied(stop(&mut store, 1)));
}

/// A group that is too large for what is left is taken back whole, also what was flushed of it.
#[test]
fn a_group_that_finds_no_room_half_way_leaves_nothing() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    assert!(applied(login(&mut store, 1)));
    let before = content(&store);
    disk.hold(disk.octets() + (6 << 20));
    let large = Change {
        written: (0..45_000)
            .map(|n| sekisho_verifier::testing::sample::token(n, 1))
            .collect(),
        ..spend(1, 2)
    };
    let outcomes = commit(&mut store, &[large]).expect("it lives");
    assert_eq!(outcomes, [Outcome::NotApplied]);
    assert!(content(&store) == before);
    drop(store);
    let image = disk.cut(Cut::All, &mut Random(1));
    assert!(content(&open(&image).expect("it opens")) == before);
    let mut store = open(&disk).expect("it opens");
    assert!(applied(login(&mut store, 2)), "what is small finds room");
}
