//! An auditor beside a verifier that is running: nothing that it does meanwhile looks like damage.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sekisho_store_embedded::{EmbeddedStore, Lookup, Options, find, verify};
use sekisho_verifier::event::{OperationKind, What};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::store::{Change, Decider, Outcome, Position, Store};
use sekisho_verifier::testing::sample::{Write, keyring, operation, spend, time};
use zeroize::Zeroizing;

const GROUPS: u64 = 600;
const GROUP: u64 = 16;

fn options() -> Options {
    Options {
        signing_key: Some(Zeroizing::new([4; SIGNING_KEY_OCTETS])),
        segment_octets: Some(256 << 10),
        ..Options::new(keyring())
    }
}

/// Commits logins; returns the position of the last.
fn commit(store: &mut EmbeddedStore, round: u64) -> Position {
    let mut writes: Vec<Write> = (0..GROUP).map(|n| Write(spend(n, round))).collect();
    let mut group: Vec<&mut dyn Decider> = Vec::new();
    // What the keeper removes meanwhile is foretold.
    let mut event = operation(OperationKind::Retain, time(round));
    if let What::Operation(retain) = &mut event.what {
        retain.count = Some(u64::MAX);
    }
    writes.insert(0, Write(Change::event_only(event)));
    for write in &mut writes {
        group.push(write);
    }
    match store.commit(&mut group).expect("a commit").last() {
        Some(Outcome::Applied(position)) => *position,
        other => panic!("{other:?}"),
    }
}

fn folder(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(path, options()).expect("it opens")
}

#[test]
fn a_journal_that_is_written_to_is_verified_meanwhile() {
    let data = tempfile::tempdir().expect("a folder");
    let mut store = folder(data.path());
    commit(&mut store, 1);
    let (keeper, key) = (store.keeper(), store.signer().expect("a key").public());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 2..GROUPS {
                commit(&mut store, round);
                store.idle().expect("idle");
            }
            done.store(true, Ordering::Relaxed);
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                keeper.compress(&mut || true).expect("it compresses");
                // A part of what is there, so that there are segments to verify.
                let removed = keeper.retain(time(GROUPS / 4), &mut |_| true);
                removed.expect("it removes");
            }
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let found = verify(data.path(), Some(&key), &[], &mut |_, _| {});
            let found = found.unwrap_or_else(|fault| panic!("{fault}"));
            assert!(found.last >= last, "it grows");
            last = found.last;
        }
    });
    drop(keeper);
    store.close();
    let note = std::fs::read_to_string(data.path().join("checkpoint")).expect("a checkpoint");
    let found = verify(data.path(), Some(&key), &[note], &mut |_, _| {}).expect("it is whole");
    assert_eq!((found.elsewhere, found.torn_octets), (1, 0));
    assert!(
        found.first > 1 && found.compressed > 0 && found.signatures > 0,
        "{found:?}"
    );
    let store = folder(data.path());
    assert_eq!(store.counts().tokens, GROUP);
}

#[test]
fn an_event_is_found_with_the_checkpoint_that_vouches_for_it() {
    let data = tempfile::tempdir().expect("a folder");
    let mut store = folder(data.path());
    let positions: Vec<Position> = (1..200).map(|round| commit(&mut store, round)).collect();
    let key = store.signer().expect("a key").public();
    let last = store.counts().position;
    for &position in positions.iter().step_by(17) {
        match find(data.path(), position, Some(&key)).expect("it is whole") {
            Lookup::Event(found) => {
                assert_eq!(store.event(position), Ok(Some(found.event)));
                assert_eq!(store.hash(position), Ok(Some(found.hash)));
                let vouches = found.checkpoint.map(|checkpoint| checkpoint.position);
                assert!(vouches.is_none_or(|vouches| vouches >= position));
                assert!(vouches.is_some() || last - position < 1_000 + GROUP);
            }
            other => panic!("{other:?}"),
        }
    }
    let behind = find(data.path(), last + 1_000, None).expect("it is whole");
    assert!(matches!(behind, Lookup::Behind { .. }), "{behind:?}");
    assert_eq!(
        find(data.path(), 0, None).expect("it is whole"),
        Lookup::NoEvent
    );
}

#[test]
fn a_folder_without_a_journal_is_named() {
    let data = tempfile::tempdir().expect("a folder");
    let fault = verify(data.path(), None, &[], &mut |_, _| {}).expect_err("nothing there");
    assert_eq!(fault.file, data.path().join("journal"));
    std::fs::create_dir(&fault.file).expect("a folder");
    let fault = verify(data.path(), None, &[], &mut |_, _| {}).expect_err("nothing in it");
    assert!(fault.file.ends_with("0000000001.journal"), "{fault}");
    assert_eq!(fault.text.lines().count(), 2);
}
