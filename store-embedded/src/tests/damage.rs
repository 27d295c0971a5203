//! Every change of a small journal is found, or has no effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::Signer;
use sekisho_verifier::seal::{DataKey, Keyring};
use sekisho_verifier::store::StoreError;
use sekisho_verifier::testing::sample::{keyring, spend};

use crate::audit::{Audit, Proof};
use crate::error::{Damage, OpenError};
use crate::segment::{FIRST, file_name};
use crate::tests::sim::Sim;
use crate::tests::{Content, SIGNING_KEY, campaign, commit, content, open, script};

type Files = BTreeMap<String, Vec<u8>>;

/// Some segments, and what they hold.
fn journal() -> (Files, Content) {
    let (files, holds, _) = journal_and_before();
    (files, holds)
}

/// And what they held before the last group.
fn journal_and_before() -> (Files, Content, Content) {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let mut before = content(&store);
    for group in script().iter().take(12) {
        before = content(&store);
        commit(&mut store, group).expect("a commit");
    }
    let holds = content(&store);
    drop(store);
    let files = disk.files();
    assert!(files.len() >= 3, "{} segments", files.len());
    (files, holds, before)
}

fn opened(files: &Files) -> Result<Content, OpenError> {
    open(&Sim::holding(files)).map(|store| content(&store))
}

/// Also in the last group: a changed octet does not look like the torn end of a write.
#[test]
fn every_changed_octet_is_found_or_without_effect() {
    let (files, holds) = journal();
    assert_eq!(opened(&files).as_ref(), Ok(&holds));
    let mut found = 0;
    for (name, octets) in &files {
        let mut changed = files.clone();
        // All of them are turned over one by one in `flips`, without the way through a whole start.
        let step = if campaign() > 1 { 1 } else { 5 };
        for (offset, &octet) in octets.iter().enumerate().step_by(step) {
            for new in [octet ^ 1, octet ^ 0x80, !octet, 0] {
                changed.get_mut(name).expect("the same files")[offset] = new;
                match opened(&changed) {
                    Err(_) => found += 1,
                    Ok(opened) => assert!(opened == holds, "{name} at {offset}: {new:#x}"),
                }
            }
            changed.get_mut(name).expect("the same files")[offset] = octet;
        }
    }
    assert!(found > 1_000, "{found}");
}

/// What is shifted in the last group may look like its torn end: it is then gone as a whole. (The
/// index, or later a checkpoint, knows better.)
#[test]
fn removed_inserted_and_swapped_octets_are_found() {
    let (files, holds, before) = journal_and_before();
    let last = files.keys().next_back().expect("files");
    let check = |what: &str, name: &String, files: &Files| match opened(files) {
        Err(_) => {}
        Ok(found) if name == last && found == before => {}
        Ok(found) => assert!(found == holds, "{what}: not found, and not without effect"),
    };
    for (name, octets) in &files {
        for offset in (0..octets.len() - 8).step_by(41) {
            for length in [1, 8, 64] {
                let mut shorter = files.clone();
                let file = shorter.get_mut(name).expect("the same files");
                file.drain(offset..(offset + length).min(octets.len()));
                check(&format!("{name}: {length} off at {offset}"), name, &shorter);
                let mut longer = files.clone();
                let file = longer.get_mut(name).expect("the same files");
                file.splice(offset..offset, vec![0x55; length]);
                check(&format!("{name}: {length} in at {offset}"), name, &longer);
            }
            let mut swapped = files.clone();
            swapped
                .get_mut(name)
                .expect("the same files")
                .swap(offset, offset + 7);
            check(&format!("{name}: swapped at {offset}"), name, &swapped);
        }
    }
}

/// A segment that is not the last may not be cut, lost or put in the place of another.
#[test]
fn every_missing_cut_or_foreign_segment_is_named() {
    let (files, _) = journal();
    let last = files.keys().next_back().expect("files").clone();
    for name in files.keys() {
        let mut lost = files.clone();
        lost.remove(name);
        let missing = OpenError::Missing {
            file: std::path::Path::new("journal").join(name),
        };
        assert_eq!(opened(&lost).expect_err("it is missing"), missing);
    }
    for name in files.keys().filter(|name| **name != last) {
        let mut cut = files.clone();
        let file = cut.get_mut(name).expect("the same files");
        let half = file.len() / 2;
        file[half..].fill(0);
        let found = opened(&cut).expect_err("it is cut");
        assert!(matches!(found, OpenError::Damaged { .. }), "{found}");
    }
    let (other, _) = journal();
    let mut mixed = files.clone();
    mixed.insert(last.clone(), other[&last].clone());
    match opened(&mixed).expect_err("it belongs to another store") {
        OpenError::Damaged { damage, .. } => assert_eq!(damage, Damage::OtherStore),
        error => panic!("{error}"),
    }
}

/// What stands between frames of acknowledged groups is no torn tail.
#[test]
fn a_group_in_the_middle_that_is_zero_is_damage() {
    let (mut files, _) = journal();
    let file = files.get_mut(&file_name(FIRST)).expect("the first");
    file[512..1_536].fill(0);
    match opened(&files).expect_err("it is damaged") {
        OpenError::Damaged { offset, damage, .. } => {
            assert_eq!((offset, damage), (512, Damage::Frame));
        }
        error => panic!("{error}"),
    }
}

/// The same in the last segment: a frame of a later group tells that this one was acknowledged.
#[test]
fn a_lost_sector_before_the_last_group_is_damage() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for step in 1..=4 {
        commit(&mut store, &[spend(1, step)]).expect("a commit");
    }
    let files = disk.files();
    let name = file_name(FIRST);
    assert_eq!(files.len(), 1);
    let written = files[&name].iter().rposition(|&octet| octet != 0);
    let sectors = written.expect("it is not empty") / 512;
    // The last group may begin in the sector before the last.
    for sector in 1..sectors - 1 {
        let mut lost = files.clone();
        let file = lost.get_mut(&name).expect("the same files");
        file[sector * 512..(sector + 1) * 512].fill(0);
        let error = opened(&lost).expect_err("it is damaged");
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

/// Who makes the checksums right as well is found out by the next frame.
#[test]
fn a_forged_frame_does_not_fit_its_stamp() {
    let (mut files, _) = journal();
    let file = files.get_mut(&file_name(FIRST)).expect("the first");
    let frame = &mut file[512..];
    let length = crate::frame::u32_at(frame, 4) as usize;
    let at = 64 + length / 2;
    frame[at] ^= 1;
    let body = crc32c::crc32c(&frame[64..64 + length]).to_be_bytes();
    frame[28..32].copy_from_slice(&body);
    let head = crc32c::crc32c(&frame[4..64]).to_be_bytes();
    frame[..4].copy_from_slice(&head);
    match opened(&files).expect_err("it is forged") {
        OpenError::Damaged { offset, damage, .. } => {
            assert_eq!((offset, damage), (512, Damage::Forged));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_later_format_is_refused_and_named() {
    let (mut files, _) = journal();
    let file = files.get_mut(&file_name(FIRST)).expect("the first");
    file[11] = 3;
    let crc = crc32c::crc32c(&file[..508]).to_be_bytes();
    file[508..512].copy_from_slice(&crc);
    let error = opened(&files).expect_err("a later format");
    assert!(matches!(error, OpenError::Format { format: 3, .. }));
    assert!(error.to_string().contains("\n"), "a way out: {error}");
}

/// What a header may not say, with a checksum that is right.
#[test]
fn a_header_that_says_what_none_may_is_refused() {
    let (files, _) = journal();
    let second = file_name(FIRST + 1);
    let cases = [
        (
            file_name(FIRST),
            100,
            Damage::Header,
            "what is reserved is not zero",
        ),
        (file_name(FIRST), 99, Damage::Forged, "it is stamped"),
        (file_name(FIRST), 507, Damage::Header, "up to its end"),
        (
            file_name(FIRST),
            12,
            Damage::Header,
            "the chain begins with the epoch",
        ),
        (
            file_name(FIRST),
            47,
            Damage::Header,
            "positions begin with 1",
        ),
        (
            file_name(FIRST),
            48,
            Damage::Header,
            "the chain begins with the store",
        ),
        (
            second.clone(),
            39,
            Damage::Header,
            "its number is its name's",
        ),
        (
            second.clone(),
            16,
            Damage::OtherStore,
            "all are of one store",
        ),
        (
            second.clone(),
            47,
            Damage::Joint,
            "its first position follows",
        ),
        (second, 48, Damage::Joint, "its chain follows"),
    ];
    for (name, at, wanted, what) in cases {
        let mut files = files.clone();
        let file = files.get_mut(&name).expect("a segment");
        file[at] ^= 1;
        let crc = crc32c::crc32c(&file[..508]).to_be_bytes();
        file[508..512].copy_from_slice(&crc);
        match opened(&files).expect_err(what) {
            OpenError::Damaged { damage, .. } => assert_eq!(damage, wanted, "{what}"),
            error => panic!("{what}: {error}"),
        }
    }
}

/// Receipts are signed for what is read from the file: a change under the running verifier, with
/// the checksums made right, must not become one.
#[test]
fn an_event_that_was_changed_meanwhile_is_not_read() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    store.close();
    let mut files = disk.files();
    let read = |files: &BTreeMap<String, Vec<u8>>, keyring: Arc<Keyring>| {
        let octets = files[&file_name(FIRST)].len() as u64;
        let signer = Signer::new(&origin(files), &SIGNING_KEY).expect("a signer");
        let proof = Proof {
            keyring,
            key: Some(signer.public()),
        };
        let audit = Audit::new(Sim::holding(files), vec![(FIRST, 1)], octets, proof);
        audit.event(1)
    };
    // The key of the stamps is destroyed: the chain leads to a signed checkpoint.
    let others = Arc::new(Keyring::new(DataKey::new(9, &[9; 32])));
    let sound = read(&files, keyring()).expect("it is sound");
    assert!(sound.is_some());
    assert_eq!(read(&files, Arc::clone(&others)), Ok(sound));
    let frame = &mut files.get_mut(&file_name(FIRST)).expect("a file")[512..];
    let length = crate::frame::u32_at(frame, 4) as usize;
    frame[64 + 10] ^= 1;
    let body = crc32c::crc32c(&frame[64..64 + length]).to_be_bytes();
    frame[28..32].copy_from_slice(&body);
    let head = crc32c::crc32c(&frame[4..64]).to_be_bytes();
    frame[..4].copy_from_slice(&head);
    assert_eq!(read(&files, keyring()), Err(StoreError::Corrupt));
    assert_eq!(read(&files, others), Err(StoreError::Corrupt));
}

fn origin(files: &BTreeMap<String, Vec<u8>>) -> String {
    let id = files[&file_name(FIRST)][16..32].try_into();
    Checkpoint::origin_of(&id.expect("an id"))
}
