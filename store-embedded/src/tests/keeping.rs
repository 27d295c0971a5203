//! Compression, snapshots, retention and export: exact, and whole after a crash at any call.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use sekisho_verifier::event::{OperationKind, RequestKey, What};
use sekisho_verifier::receipt::floor;
use sekisho_verifier::store::{Change, Position, Store};
use sekisho_verifier::testing::sample::{operation, spend, time};
use sekisho_verifier::time::Time;

use crate::archive;
use crate::body::{KeyOctets, ValueOctets};
use crate::disk::Disk;
use crate::error::{Damage, OpenError};
use crate::keeper::{Keeper, Removed, Sink};
use crate::open::{Found, How, open_on};
use crate::segment::{self, file_name};
use crate::snapshot;
use crate::store::EmbeddedStore;
use crate::tests::index::Kept;
use crate::tests::sim::{Cut, EIO, ENOSPC, Fault, Random, Sim};
use crate::tests::{Content, HOW, SMALL, commit, content, open, open_with, options, script};
use crate::verify::{Lookup, Verified, find_on, verify_on};
use crate::walk::{TooManyChanges, Walk};

type Files = BTreeMap<String, Vec<u8>>;

const CUTS: [Cut; 4] = [Cut::Nothing, Cut::All, Cut::Torn(512), Cut::Torn(4_096)];
/// Behind everything that the script does.
const LATER: Time = Time::from_millis(1_800_000_000_000);

fn used() -> (Arc<Sim>, EmbeddedStore) {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    // What tests remove is foretold, so that a journal without it verifies.
    commit(&mut store, &[retention(u64::MAX)]).expect("a commit");
    (disk, store)
}

/// The event that tells what a retention keeps.
fn retention(first_kept: Position) -> Change {
    let mut event = operation(OperationKind::Retain, time(1));
    if let What::Operation(retain) = &mut event.what {
        retain.count = Some(first_kept);
    }
    Change::event_only(event)
}

fn names(disk: &Sim, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    disk.files()
        .into_keys()
        .filter(|name| wanted(name))
        .collect()
}

fn plain(disk: &Sim) -> usize {
    names(disk, |name| segment::number_of(name).is_some()).len()
}

fn compressed(disk: &Sim) -> usize {
    names(disk, |name| archive::number_of(name).is_some()).len()
}

fn compress(keeper: &Keeper) {
    keeper.compress(&mut || true).expect("it compresses");
}

fn retain(keeper: &Keeper) -> bool {
    let removed = keeper.retain(LATER, &mut |_| true);
    removed.expect("it removes").is_some()
}

fn verified(disk: &dyn Disk, store: &EmbeddedStore) -> Verified {
    let key = store.signer().map(|signer| signer.public());
    let data = std::path::Path::new("data");
    let verified = verify_on(disk, data, key.as_ref(), None, &[], &mut |_, _| {});
    verified.unwrap_or_else(|fault| panic!("{fault}"))
}

/// Without what retention takes away.
fn records(store: &EmbeddedStore) -> Content {
    Content {
        events: Vec::new(),
        ..content(store)
    }
}

#[test]
fn compressed_segments_read_as_before() {
    let (disk, store) = used();
    let before = content(&store);
    let segments = plain(&disk);
    compress(&store.keeper());
    assert_eq!((plain(&disk), compressed(&disk)), (1, segments - 1));
    assert!(content(&store) == before, "while it is open");
    let found = verified(&*disk, &store);
    assert_eq!(found.compressed, segments as u64 - 1);
    drop(store);
    let store = open(&disk).expect("it opens");
    assert!(content(&store) == before, "after a start");
    let all = store.events(None, usize::MAX, usize::MAX, &|_| true);
    for (position, event) in all.expect("events").events {
        assert_eq!(store.event(position), Ok(Some(event.clone())));
        let hash = store.hash(position).expect("a read");
        match find_on(&*disk, position, None).expect("it is whole") {
            Lookup::Event(found) => assert_eq!((found.event, Some(found.hash)), (event, hash)),
            other => panic!("{other:?}"),
        }
    }
}

/// Every change of a compressed segment is found, also one that has no effect.
#[test]
fn every_changed_octet_of_a_compressed_segment_is_found_and_named() {
    let (disk, store) = used();
    compress(&store.keeper());
    let key = store.signer().map(|signer| signer.public());
    let mut files = disk.files();
    let name = archive::file_name(2);
    let octets = files[&name].clone();
    for (offset, &octet) in octets.iter().enumerate() {
        files.get_mut(&name).expect("it is there")[offset] ^= 1 << (offset % 8);
        let data = std::path::Path::new("data");
        let changed = Sim::holding(&files);
        let found = verify_on(&*changed, data, key.as_ref(), None, &[], &mut |_, _| {});
        let fault = found.expect_err("it is changed");
        assert!(fault.file.ends_with(&name), "{offset}: {fault}");
        files.get_mut(&name).expect("it is there")[offset] = octet;
    }
}

/// Runs `work` on a used store whose disk dies at call `n`. `None` when the work was done before.
fn dies_at(n: u64, work: impl Fn(&Keeper)) -> Option<Arc<Sim>> {
    let (disk, store) = used();
    disk.plan(move |call, _| (call >= n).then_some(Fault::Dead));
    work(&store.keeper());
    let done = disk.calls() < n;
    drop(store);
    (!done).then_some(disk)
}

/// The work may fail; what there is afterwards must be whole.
fn try_compress(keeper: &Keeper) {
    let _ = keeper.compress(&mut || true);
}

fn try_retain(keeper: &Keeper) {
    let _ = keeper.retain(LATER, &mut |_| true);
}

fn everything(keeper: &Keeper) {
    try_compress(keeper);
    try_retain(keeper);
}

#[test]
fn a_power_cut_while_files_are_looked_after_loses_nothing() {
    let mut random = Random(3);
    let (_, store) = used();
    let whole = content(&store);
    let mut images = 0;
    for work in [try_compress, try_retain, everything] {
        for n in 1.. {
            let Some(disk) = dies_at(n, work) else { break };
            for cut in CUTS {
                let image = disk.cut(cut, &mut random);
                let store = open(&image).unwrap_or_else(|error| panic!("{n}, {cut:?}: {error}"));
                let now = content(&store);
                assert!(whole.events.starts_with(&now.events), "{n}, {cut:?}");
                assert!(
                    records(&store)
                        == Content {
                            events: vec![],
                            ..whole.clone()
                        }
                );
                verified(&*image, &store);
                // And it is done in the end.
                compress(&store.keeper());
                try_retain(&store.keeper());
                assert!(
                    records(&store)
                        == Content {
                            events: vec![],
                            ..whole.clone()
                        }
                );
                drop(store);
                let left = names(&image, |name| name.ends_with(".tmp"));
                assert_eq!(left, Vec::<String>::new(), "{n}, {cut:?}");
                let store = open(&image).expect("it opens again");
                assert!(
                    records(&store)
                        == Content {
                            events: vec![],
                            ..whole.clone()
                        }
                );
                images += 1;
            }
        }
    }
    assert!(images > 200, "{images}");
}

/// A full disk, or one that fails, costs the work, and nothing else.
#[test]
fn a_call_that_fails_while_files_are_looked_after_loses_nothing() {
    for error in [EIO, ENOSPC] {
        for n in 1.. {
            let (disk, mut store) = used();
            let before = content(&store);
            disk.plan(move |call, _| (call == n).then_some(Fault::Error(error)));
            everything(&store.keeper());
            let done = disk.calls() < n;
            disk.plan(|_, _| None);
            assert!(before.events.starts_with(&content(&store).events), "{n}");
            commit(&mut store, &[spend(1, 5_000)]).expect("logins go on");
            let now = records(&store);
            drop(store);
            let store = open(&disk).unwrap_or_else(|error| panic!("{n}: {error}"));
            assert!(records(&store) == now, "{n}");
            if done {
                break;
            }
        }
    }
}

#[test]
fn what_is_old_is_removed_and_the_rest_is_verified_from_the_snapshot() {
    let (disk, mut store) = used();
    let before = content(&store);
    let segments = plain(&disk);
    let keeper = store.keeper();
    assert_eq!(
        keeper.retain(time(0), &mut |_| true).ok(),
        Some(None),
        "nothing is so old"
    );
    assert_eq!(
        keeper.retain(LATER, &mut |_| false).ok(),
        Some(None),
        "it was forbidden"
    );
    assert_eq!(plain(&disk), segments);

    let mut told = None;
    let mut note = |removed: &Removed| {
        told = Some(*removed);
        commit(&mut store, &[retention(removed.first_kept)]).is_ok()
    };
    let removed = keeper
        .retain(LATER, &mut note)
        .expect("it removes")
        .expect("something");
    assert_eq!(Some(removed), told);
    assert!(removed.segments >= 2 && removed.snapshot >= removed.first_kept - 1);
    assert_eq!(plain(&disk) as u64, segments as u64 - removed.segments);
    let now = content(&store);
    assert!(now.events.len() < before.events.len(), "they are gone");
    assert_eq!(store.event(removed.first_kept - 1), Ok(None));

    let found = verified(&*disk, &store);
    assert_eq!(
        (found.first, found.snapshot),
        (removed.first_kept, Some(removed.snapshot))
    );
    let older = find_on(&*disk, 1, None).expect("it is whole");
    assert_eq!(
        older,
        Lookup::Removed {
            first: removed.first_kept
        }
    );
    drop((store, keeper));
    let store = open(&disk).expect("it opens");
    assert!(content(&store) == now);
    assert!(store.opened().replayed <= 3, "{}", store.opened().replayed);
    assert!(
        retain(&store.keeper()) || plain(&disk) <= 2,
        "as often as is wanted"
    );
}

fn removed() -> (Arc<Sim>, u64) {
    let (disk, store) = used();
    assert!(retain(&store.keeper()));
    drop(store);
    let first = names(&disk, |name| segment::number_of(name).is_some());
    let first = segment::number_of(&first[0]).expect("a number");
    (disk, first)
}

fn the_snapshot(disk: &Sim) -> String {
    let found = names(disk, |name| snapshot::number_of(name).is_some());
    assert_eq!(found.len(), 1, "older ones are removed");
    found[0].clone()
}

#[test]
fn without_a_snapshot_that_fits_no_segment_may_be_missing() {
    let (disk, first) = removed();
    let name = the_snapshot(&disk);
    let missing = |number: u64| OpenError::Missing {
        file: disk.path(&file_name(number)),
    };
    let mut files = disk.files();
    let snapshot = files.remove(&name).expect("it is there");
    let found = open(&Sim::holding(&files)).expect_err("it is needed");
    assert_eq!(found, missing(first - 1));

    // Of another store.
    let (other, _) = removed();
    files.insert(name.clone(), other.files()[&the_snapshot(&other)].clone());
    match open(&Sim::holding(&files)).expect_err("of another store") {
        OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::SnapshotJoint),
        error => panic!("{error}"),
    }

    // One segment more is gone than it stands for.
    files.insert(name.clone(), snapshot);
    assert!(open(&Sim::holding(&files)).is_ok());
    let mut fewer = files.clone();
    while fewer.remove(&file_name(first)).is_none() {}
    let last = files.keys().rev().find_map(|name| segment::number_of(name));
    if last > Some(first + 1) {
        let later = open(&Sim::holding(&fewer));
        assert!(later.is_err() || later.is_ok_and(|store| records(&store).counts.0 > 0));
    }
}

#[test]
fn every_changed_octet_of_a_snapshot_that_is_needed_is_found_and_named() {
    let (disk, _) = removed();
    let name = the_snapshot(&disk);
    let mut files = disk.files();
    let octets = files[&name].clone();
    for (offset, &octet) in octets.iter().enumerate() {
        files.get_mut(&name).expect("it is there")[offset] ^= 1 << (offset % 8);
        match open(&Sim::holding(&files)).expect_err("it is changed") {
            OpenError::Damaged { file, .. } => assert!(file.ends_with(&name)),
            error => panic!("{offset}: {error}"),
        }
        files.get_mut(&name).expect("it is there")[offset] = octet;
    }
}

#[test]
fn a_snapshot_that_another_key_signed_is_refused() {
    let (disk, _) = removed();
    let mut other = options();
    other.signing_key = Some(zeroize::Zeroizing::new([1; 32]));
    let found = open_as(&disk, HOW, other);
    match found.expect_err("another key") {
        OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::Unsigned),
        error => panic!("{error}"),
    }
}

fn open_as(
    disk: &Arc<Sim>,
    how: How,
    options: crate::open::Options,
) -> Result<EmbeddedStore, OpenError> {
    let find = || Found {
        index: None,
        thrown_away: None,
    };
    open_on(Arc::clone(disk) as Arc<dyn Disk>, false, find, how, options)
}

/// The index is behind what was removed: the snapshot takes its place.
#[test]
fn an_index_older_than_what_was_removed_is_made_anew() {
    let disk = Sim::new();
    let index = Kept::default();
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    store.close();
    let mut store = open(&disk).expect("it opens without its index");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    let now = records(&store);
    assert!(retain(&store.keeper()));
    drop(store);
    let store = open_with(&disk, index).expect("it opens");
    assert!(store.opened().index_rebuilt.is_some());
    assert!(records(&store) == now);
}

/// Takes files, and lets a store go on meanwhile.
struct Taken<'a> {
    files: Files,
    meanwhile: Option<&'a mut EmbeddedStore>,
}

impl Sink for Taken<'_> {
    fn file(&mut self, name: &str, octets: u64, content: &mut dyn Read) -> io::Result<()> {
        if let Some(store) = &mut self.meanwhile {
            let step = 10_000 + self.files.len() as u64;
            commit(*store, &[spend(2, step), spend(900 + step, 1)]).expect("a commit");
        }
        let mut read = Vec::new();
        content.read_to_end(&mut read)?;
        assert_eq!(read.len() as u64, octets);
        self.files.insert(name.into(), read);
        Ok(())
    }
}

#[test]
fn an_export_is_what_there_was_at_its_position() {
    for history in [true, false] {
        for retained in [false, true] {
            let (disk, mut store) = used();
            if retained {
                compress(&store.keeper());
                assert!(retain(&store.keeper()));
            }
            let before = content(&store);
            let position = store.counts().position;
            let keeper = store.keeper();
            let mut taken = Taken {
                files: Files::new(),
                meanwhile: Some(&mut store),
            };
            let exported = keeper.export(history, &mut taken).expect("an export");
            assert!(exported.position >= position && exported.files == taken.files.len() as u64);
            let files = taken.files;
            assert_eq!(
                names(&disk, |name| name.ends_with(".tmp")),
                Vec::<String>::new()
            );
            let copy = Sim::holding(&files);
            if history {
                let restored = open(&copy).expect("it opens");
                assert!(content(&restored) == before);
                assert_eq!(verified(&*copy, &restored).last, exported.position);
            } else {
                let events = Vec::new();
                assert!(restored(&copy) == Content { events, ..before });
            }
        }
    }
}

/// Opens a backup without history, and tries what follows. Returns what it held.
fn restored(copy: &Arc<Sim>) -> Content {
    let missing = open(copy).expect_err("it is no store by itself");
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
    let how = How {
        new_epoch: Some(LATER),
        ..HOW
    };
    let mut store = open_as(copy, how, options()).expect("it opens");
    let before = records(&store);
    restore(&mut store);
    assert_eq!(store.epoch(), 1);
    assert!(Some(store.counts().position) >= floor(LATER, 0));
    drop(store);
    let store = open(copy).expect("it opens as any other");
    assert!(records(&store).tokens == before.tokens);
    verified(&**copy, &store);
    before
}

/// Who can write to the folder takes the snapshot of a backup that is being made, and removes what
/// it seems to stand for.
#[test]
fn a_snapshot_of_a_backup_does_not_stand_for_what_was_removed() {
    let (disk, store) = used();
    let mut taken = Taken {
        files: Files::new(),
        meanwhile: None,
    };
    store.keeper().export(false, &mut taken).expect("an export");
    let key = store.signer().map(|signer| signer.public());
    drop(store);
    let (name, stolen) = taken.files.pop_first().expect("a snapshot");
    let mut files = disk.files();
    let segments = names(&disk, |name| segment::number_of(name).is_some());
    let (last, removed) = segments.split_last().expect("segments");
    for segment in removed {
        files.remove(segment);
    }
    let number = segment::number_of(last).expect("a number");
    for name in [
        name,
        snapshot::file_name(number - 1),
        snapshot::file_name(number + 1),
    ] {
        let mut files = files.clone();
        files.insert(name, stolen.clone());
        let forged = Sim::holding(&files);
        for found in [open(&forged), open_with(&forged, Kept::default())] {
            match found.expect_err("it was made for a backup") {
                OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::Exported),
                error => panic!("{error}"),
            }
        }
        let data = std::path::Path::new("data");
        let found = verify_on(&*forged, data, key.as_ref(), None, &[], &mut |_, _| {});
        let fault = found.expect_err("it was made for a backup");
        assert!(fault.text.contains("made for a backup"), "{fault}");
    }
}

/// Nor does yesterday's snapshot of the store stand for what is removed today.
#[test]
fn what_no_retention_tells_of_must_be_there() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let key = store.signer().map(|signer| signer.public());
    let check = |disk: &dyn Disk| {
        let data = std::path::Path::new("data");
        verify_on(disk, data, key.as_ref(), None, &[], &mut |_, _| {})
    };
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    let keeper = store.keeper();
    keeper.retain(LATER, &mut |_| true).expect("it removes");
    let fault = check(&*disk).expect_err("nothing tells of it");
    assert!(fault.text.contains("no retention says so"), "{fault}");
    let first = keeper.audit.extent().0[0].0;
    let header = crate::segments::headers(&*disk).expect("headers")[&first];
    let kept = header.first_position;
    for (said, good) in [(kept + 9, true), (kept, true), (kept - 1, false)] {
        commit(&mut store, &[retention(said)]).expect("a commit");
        assert_eq!(check(&*disk).is_ok(), good, "{said}");
    }
}

/// What a restore ends with.
fn restore(store: &mut EmbeddedStore) {
    let event = operation(OperationKind::Restore, LATER);
    commit(store, &[Change::event_only(event)]).expect("a commit");
}

/// The newest checkpoint in a journal.
fn newest_checkpoint(disk: &Sim, store: &EmbeddedStore) -> String {
    let signed = verified(disk, store).signed.expect("a checkpoint");
    let signer = store.signer().expect("a signer");
    signer.sign(&signed.text())
}

/// Statements from elsewhere about what is not there for a reason are told, and no fault.
#[test]
fn what_was_removed_or_left_out_by_a_restore_is_told() {
    let (disk, mut store) = used();
    let early = newest_checkpoint(&disk, &store);
    let mut taken = Taken {
        files: Files::new(),
        meanwhile: None,
    };
    let keeper = store.keeper();
    keeper.export(true, &mut taken).expect("an export");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    commit(&mut store, &[retention(u64::MAX)]).expect("a commit");
    let late = newest_checkpoint(&disk, &store);
    let key = store.signer().map(|signer| signer.public());
    let check = |disk: &dyn Disk| {
        let data = std::path::Path::new("data");
        let given = [early.clone(), late.clone()];
        verify_on(disk, data, key.as_ref(), None, &given, &mut |_, _| {})
    };
    let told = |found: Verified| (found.elsewhere, found.older, found.left_out.len());
    assert_eq!(check(&*disk).map(told), Ok((2, 0, 0)));

    let copy = Sim::holding(&taken.files);
    let lost = check(&*copy).expect_err("its end is not in the backup");
    assert!(lost.text.contains("its end is gone"), "{lost}");
    let how = How {
        new_epoch: Some(LATER),
        ..HOW
    };
    let forged = Sim::holding(&taken.files);
    for (disk, by_restore) in [(&forged, false), (&copy, true)] {
        let mut store = open_as(disk, how, options()).expect("it opens");
        // Nothing says yet why the late one is not there.
        let skipped = check(&**disk).expect_err("no restore is signed for");
        assert!(
            skipped.text.contains("no restore that is signed"),
            "{skipped}"
        );
        match by_restore {
            true => restore(&mut store),
            false => drop(commit(&mut store, &[spend(1, 9)]).expect("a commit")),
        }
        for step in 0..SMALL.pace.events {
            commit(&mut store, &[spend(2, 10_000 + step)]).expect("a commit");
        }
    }
    assert_eq!(check(&*copy).map(told), Ok((1, 0, 1)));
    let forged = check(&*forged).expect_err("no restore began it");
    assert!(forged.text.contains("no restore"), "{forged}");
    let data = std::path::Path::new("data");
    let no_key = verify_on(
        &*copy,
        data,
        None,
        None,
        std::slice::from_ref(&late),
        &mut |_, _| {},
    );
    assert!(
        no_key
            .expect_err("nobody can tell")
            .text
            .contains("without a key")
    );

    commit(&mut store, &[retention(u64::MAX)]).expect("a commit");
    assert!(retain(&keeper));
    assert_eq!(check(&*disk).map(told), Ok((1, 1, 0)));
}

/// Idempotency keys are part of a snapshot.
#[test]
fn a_request_is_known_after_a_start_from_a_snapshot() {
    let (disk, mut store) = used();
    let key = RequestKey::parse("ticket-17").expect("a key");
    let mut event = operation(OperationKind::Stop, time(1));
    if let What::Operation(operation) = &mut event.what {
        operation.request = Some(key.clone());
    }
    commit(&mut store, &[Change::event_only(event)]).expect("a commit");
    let known = store.view().request(0, &key).expect("a read");
    assert!(known.is_some());
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    assert!(retain(&store.keeper()));
    drop(store);
    let store = open(&disk).expect("it opens");
    assert_eq!(store.view().request(0, &key), Ok(known));
    assert_eq!(
        store.event(known.unwrap_or_default()),
        Ok(None),
        "its event is gone"
    );
}

/// Whatever changes while the walk goes on, it copies what was there when it began.
#[test]
fn a_walk_copies_what_was_there_when_it_began() {
    let mut random = Random(5);
    for _ in 0..300 {
        let mut map: BTreeMap<KeyOctets, ValueOctets> = BTreeMap::new();
        let key = |random: &mut Random| -> KeyOctets { [random.below(40) as u8].into() };
        for _ in 0..random.below(60) {
            map.insert(key(&mut random), [random.below(9) as u8].into());
        }
        let began: Vec<_> = map.clone().into_iter().collect();
        let mut walk = Walk::new(usize::MAX);
        let mut copied = Vec::new();
        while let Some(entries) = walk.take(&map, 1 + random.below(6) as usize).expect("room") {
            copied.extend(entries);
            for _ in 0..random.below(8) {
                let key = key(&mut random);
                walk.note(&key, map.get(&key).map(|value| &**value));
                match random.below(3) {
                    0 => map.remove(&key),
                    _ => map.insert(key, [random.below(9) as u8].into()),
                };
            }
        }
        assert!(copied == began);
    }
}

#[test]
fn a_walk_that_too_much_changes_under_is_given_up() {
    let map: BTreeMap<KeyOctets, ValueOctets> =
        (0..100u8).map(|n| ([n].into(), [n].into())).collect();
    let mut walk = Walk::new(2_000);
    assert!(walk.take(&map, 5).is_ok());
    for n in 5..100 {
        walk.note(&[n], Some(&[n]));
    }
    assert_eq!(walk.take(&map, 5), Err(TooManyChanges));
}
