//! What an auditor finds: every change, deletion, swap and cut of a journal, wherever it is.
//!
//! The journal is read again for each of many thousand changes, but not from its beginning: from
//! the group before the change, as it is read at opening from where the index ends.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use sekisho_verifier::note::{PublicKey, Signer};
use sekisho_verifier::store::Change;
use sekisho_verifier::testing::sample::{login, spend, time};

use crate::checkpoints::{self, Pace};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::frame::ChainHash;
use crate::journal::Sizes;
use crate::open::{Found, How, open_on};
use crate::recovery::{self, GroupPlace, Listener, Point, Recovered, Start, Watch};
use crate::scan::Frame;
use crate::segment::{HEADER_OCTETS, Header, file_name};
use crate::segments;
use crate::tests::sim::{Random, Sim};
use crate::tests::{SIGNING_KEY, SMALL, commit, options};
use crate::verify::{Fault, Verified, verify_on};

type Files = BTreeMap<String, Vec<u8>>;

const THREADS: usize = 2;
const SIZES: Sizes = Sizes {
    segment_octets: 16 << 10,
    pace: Pace {
        events: 10,
        ..SMALL.pace
    },
    ..SMALL
};
/// So many changes are read again from the beginning of the journal.
const FROM_THE_BEGINNING: usize = 40;

fn events() -> u64 {
    match std::env::var_os("SEKISHO_CAMPAIGN") {
        Some(_) => 10_000,
        None => 1_000,
    }
}

/// A frame of the journal.
#[derive(Debug, Clone, Copy)]
struct At {
    segment: u64,
    offset: usize,
    end: usize,
    /// Where to begin to find a change in it: behind the group before.
    start: Option<Point>,
}

struct Journal {
    files: Files,
    headers: BTreeMap<u64, Header>,
    frames: Vec<At>,
    /// The newest checkpoint, as the verifier leaves it beside the journal.
    checkpoint: String,
    key: PublicKey,
    /// Files and checkpoint at some moments before.
    yesterdays: Vec<(Files, String)>,
}

/// Collects where frames are.
#[derive(Default)]
struct Frames {
    frames: Vec<At>,
    before: Option<Point>,
    group: Option<GroupPlace>,
    newest: Option<String>,
}

impl Watch for Frames {
    fn segment(&mut self, _: &Header) -> Result<(), Damage> {
        Ok(())
    }

    fn frame(
        &mut self,
        frame: &Frame<'_>,
        place: GroupPlace,
        hash: &ChainHash,
    ) -> Result<(), Damage> {
        let offset = place.offset as usize;
        self.frames.push(At {
            segment: place.segment,
            offset,
            end: offset + frame.head.frame_octets() as usize,
            start: self.before,
        });
        self.group = self.group.or(Some(place));
        if let Ok(note) = minicbor::decode::<&str>(frame.body()) {
            self.newest = Some(note.into());
        }
        if frame.head.last_of_group {
            self.before = Some(Point {
                position: frame.head.position,
                hash: *hash,
                group: self.group.take(),
            });
        }
        Ok(())
    }
}

fn changes() -> impl Iterator<Item = Vec<Change>> {
    let one = |n: u64| match n % 5 {
        0 => spend(n % 7, n),
        _ => Change::event_only(login(n % 7, n, time(n))),
    };
    let mut n = 0;
    std::iter::from_fn(move || {
        let group = (n..events().min(n + 1 + n % 3)).map(one).collect();
        n += 1 + n % 3;
        (n <= events() + 2).then_some(group)
    })
}

impl Journal {
    fn make() -> Self {
        let disk = Sim::new();
        let find = || Found {
            index: None,
            thrown_away: None,
        };
        let how = How {
            sizes: SIZES,
            new_epoch: None,
        };
        let shared = Arc::clone(&disk) as Arc<dyn Disk>;
        let mut store = open_on(shared, false, find, how, options()).expect("a new store");
        let mut yesterdays = Vec::new();
        for (number, group) in changes().enumerate() {
            if number % 50 == 49 {
                yesterdays.push((disk.files(), String::new()));
            }
            commit(&mut store, &group).expect("a commit");
        }
        let key = store.signer().expect("a key").public();
        drop(store);
        let files = disk.files();
        let (watched, _) = watched(&Held::new(&files)).expect("it is whole");
        for (files, checkpoint) in &mut yesterdays {
            let (watched, _) = self::watched(&Held::new(files)).expect("it was whole");
            *checkpoint = watched.newest.expect("a checkpoint");
        }
        Self {
            headers: segments::headers(&Held::new(&files)).expect("headers"),
            files,
            frames: watched.frames,
            checkpoint: watched.newest.expect("a checkpoint"),
            key,
            yesterdays,
        }
    }

    fn checkpoint_position(&self) -> u64 {
        let stated = checkpoints::parse(&self.checkpoint);
        stated.expect("a checkpoint").position
    }

    fn last_segment(&self) -> u64 {
        *self.headers.keys().next_back().expect("a segment")
    }

    /// The frames that the last checkpoint stands for, and that one.
    fn signed(&self) -> &[At] {
        // Positions begin with 1, and nothing was skipped.
        &self.frames[..=self.checkpoint_position() as usize]
    }

    /// What reading finds that begins before the frame `at`.
    fn read(&self, disk: &Held, at: &At) -> Result<Recovered, OpenError> {
        let from = at.start.map_or(at.segment, |start| {
            start.group.map_or(at.segment, |group| group.segment)
        });
        let headers = self.headers.range(from..=at.segment + 2);
        let headers = headers.map(|(&number, &header)| (number, header)).collect();
        let start = Start {
            point: at.start,
            seen: 0,
        };
        examine(disk, headers, start, None)
    }

    fn verify(&self, disk: &Held, kept: Option<&str>, given: &[String]) -> Result<Verified, Fault> {
        let data = Path::new("data");
        verify_on(disk, data, Some(&self.key), kept, given, &mut |_, _| {})
    }

    /// Does `work` for each signed frame, in several threads, each with files of its own.
    fn each(&self, work: impl Fn(&Held, &At, &mut Random) + Sync) {
        let signed = self.signed();
        thread::scope(|scope| {
            for frames in signed.chunks(signed.len().div_ceil(THREADS)) {
                let work = &work;
                scope.spawn(move || {
                    let disk = Held::new(&self.files);
                    let mut random = Random(frames[0].offset as u64);
                    for at in frames {
                        work(&disk, at, &mut random);
                    }
                });
            }
        });
    }
}

fn examine(
    disk: &Held,
    headers: BTreeMap<u64, Header>,
    start: Start,
    watch: Option<&mut dyn Watch>,
) -> Result<Recovered, OpenError> {
    let listener = Listener {
        apply: &mut |_| {},
        progress: &mut |_, _| {},
        key: None,
        keyring: None,
        watch: watch.map(|watch| watch as &mut dyn Watch),
        live: false,
    };
    recovery::examine(disk, headers, start, listener)
}

fn watched(disk: &Held) -> Result<(Frames, Recovered), OpenError> {
    let mut frames = Frames::default();
    let headers = segments::headers(disk)?;
    let read = examine(disk, headers, Start::default(), Some(&mut frames))?;
    Ok((frames, read))
}

/// Files that can be changed, and changed back.
#[derive(Debug, Clone)]
struct Held(BTreeMap<String, Content>);

#[derive(Debug, Clone)]
struct Content(Arc<Mutex<Vec<u8>>>);

impl Held {
    fn new(files: &Files) -> Self {
        let content = |octets: &Vec<u8>| Content(Arc::new(Mutex::new(octets.clone())));
        let files = files.iter();
        Self(
            files
                .map(|(name, octets)| (name.clone(), content(octets)))
                .collect(),
        )
    }

    /// Changes a segment, looks, and changes it back.
    fn with<T>(
        &self,
        segment: u64,
        change: impl FnOnce(&mut Vec<u8>),
        look: impl FnOnce(&Self) -> T,
    ) -> T {
        let content = &self.0[&file_name(segment)];
        let mut octets = content.0.lock().expect("nobody panicked");
        let whole = octets.clone();
        change(&mut octets);
        drop(octets);
        let found = look(self);
        *content.0.lock().expect("nobody panicked") = whole;
        found
    }

    /// The same for one octet.
    fn with_octet<T>(&self, segment: u64, at: usize, mask: u8, look: impl FnOnce(&Self) -> T) -> T {
        let flip = || {
            let content = &self.0[&file_name(segment)];
            content.0.lock().expect("nobody panicked")[at] ^= mask;
        };
        flip();
        let found = look(self);
        flip();
        found
    }
}

impl Disk for Held {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        match self.0.get(name) {
            Some(content) => Ok(Box::new(content.clone())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn create(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
        unreachable!("an auditor changes nothing")
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        unreachable!("an auditor changes nothing")
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        unreachable!("an auditor changes nothing")
    }

    fn sync_names(&self) -> io::Result<()> {
        unreachable!("an auditor changes nothing")
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new("journal").join(name)
    }
}

impl DiskFile for Content {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.lock().expect("nobody panicked").len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let octets = self.0.lock().expect("nobody panicked");
        let from = octets.len().min(offset as usize);
        let length = buffer.len().min(octets.len() - from);
        buffer[..length].copy_from_slice(&octets[from..from + length]);
        Ok(length)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        unreachable!("an auditor changes nothing")
    }

    fn sync(&self) -> io::Result<()> {
        unreachable!("an auditor changes nothing")
    }
}

/// Asserts that damage was found in this segment, and says at which octet.
#[track_caller]
fn damaged_in(segment: u64, found: Result<Recovered, OpenError>, what: &str) -> u64 {
    match found {
        Err(OpenError::Damaged { file, offset, .. }) => {
            assert_eq!(
                file,
                Path::new("journal").join(file_name(segment)),
                "{what}"
            );
            offset
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn a_mask(random: &mut Random) -> u8 {
    (random.below(255) + 1) as u8
}

/// The last frame of the last checkpoint may lack its filling: the power may have gone off.
fn octets_of(at: &At, is_last: bool) -> std::ops::Range<usize> {
    at.offset..at.end - if is_last { 8 } else { 0 }
}

#[test]
fn every_changed_octet_is_found_and_named() {
    let journal = Journal::make();
    let last = journal.signed().last().expect("a frame").offset;
    let last = (journal.last_segment(), last);
    journal.each(|disk, at, random| {
        for octet in octets_of(at, (at.segment, at.offset) == last) {
            // One change of each octet; all 255 of every thousandth.
            let masks = match octet % 1_000 {
                0 => (1..=255).collect(),
                _ => vec![a_mask(random)],
            };
            for mask in masks {
                let found = disk.with_octet(at.segment, octet, mask, |disk| journal.read(disk, at));
                let what = format!("segment {}, octet {octet} ^ {mask:#x}", at.segment);
                assert_eq!(
                    damaged_in(at.segment, found, &what),
                    at.offset as u64,
                    "{what}"
                );
            }
        }
    });
    // Headers, and what stands behind the seals.
    let disk = Held::new(&journal.files);
    for &segment in journal.headers.keys() {
        let octets = &journal.files[&file_name(segment)];
        for octet in 0..HEADER_OCTETS {
            let found = disk.with_octet(segment, octet, 1 << (octet % 8), |disk| {
                watched(disk).map(|(_, read)| read)
            });
            assert_eq!(damaged_in(segment, found, "header"), 0, "octet {octet}");
        }
        let seal = journal.frames.iter().rev().find(|at| at.segment == segment);
        let seal = seal.expect("a frame");
        if segment != journal.last_segment() {
            for octet in (seal.end..octets.len()).step_by(7) {
                let found = disk.with_octet(segment, octet, 4, |disk| journal.read(disk, seal));
                assert_eq!(damaged_in(segment, found, "behind"), octet as u64);
            }
        }
    }
}

#[test]
fn every_removed_or_swapped_octet_is_found_and_named() {
    let journal = Journal::make();
    let last = journal.signed().last().expect("a frame").offset;
    let last = (journal.last_segment(), last);
    journal.each(|disk, at, _| {
        for octet in octets_of(at, (at.segment, at.offset) == last) {
            let what = format!("segment {}, octet {octet}", at.segment);
            let read = |disk: &Held| journal.read(disk, at);
            let remove = |octets: &mut Vec<u8>| {
                octets.remove(octet);
            };
            let found = disk.with(at.segment, remove, read);
            let offset = damaged_in(at.segment, found, &what);
            assert!(offset >= at.offset as u64, "{what}: {offset}");

            let octets = &journal.files[&file_name(at.segment)];
            let same = octets[octet] == octets[octet + 1];
            if !same && octet + 1 < at.end {
                let found = disk.with(at.segment, |octets| octets.swap(octet, octet + 1), read);
                assert_eq!(damaged_in(at.segment, found, &what), at.offset as u64);
            }
        }
    });
}

#[test]
fn every_removed_doubled_or_swapped_entry_is_found_and_named() {
    let journal = Journal::make();
    journal.each(|disk, at, _| {
        let what = format!("segment {}, entry at {}", at.segment, at.offset);
        let read = |disk: &Held| journal.read(disk, at);
        let entry = at.offset..at.end;
        let remove = |octets: &mut Vec<u8>| drop(octets.drain(entry.clone()));
        let double = |octets: &mut Vec<u8>| {
            let copy = octets[entry.clone()].to_vec();
            octets.splice(at.offset..at.offset, copy);
        };
        let change_with_next = |octets: &mut Vec<u8>| {
            octets[at.offset..].rotate_left(at.end - at.offset);
        };
        for found in [
            disk.with(at.segment, remove, read),
            disk.with(at.segment, double, read),
            disk.with(at.segment, change_with_next, read),
        ] {
            // The last one may be gone with all that follows; then its segment ends too soon, or
            // what vouches for it is not there.
            match found {
                Ok(found) => assert!(found.point.position < journal.checkpoint_position() + 1),
                found => {
                    let offset = damaged_in(at.segment, found, &what);
                    assert!(offset >= at.offset as u64, "{what}: {offset}");
                }
            }
        }
    });
}

/// Where a segment follows, that is seen from the segments alone; in the last one, the newest
/// checkpoint tells.
#[test]
fn every_cut_is_found_and_named() {
    let journal = Journal::make();
    let last = journal.last_segment();
    journal.each(|disk, at, _| {
        for octet in at.offset..at.end.min(at.offset + 80) {
            let what = format!("segment {} cut at {octet}", at.segment);
            let cut = |octets: &mut Vec<u8>| octets.truncate(octet);
            let found = disk.with(at.segment, cut, |disk| journal.read(disk, at));
            match found {
                Ok(found) if at.segment == last => {
                    // Without its checkpoint frame, everything may still be there.
                    assert!(
                        found.point.position <= journal.checkpoint_position(),
                        "{what}"
                    );
                }
                found => assert_eq!(damaged_in(at.segment, found, &what), at.offset as u64),
            }
        }
    });
    let disk = Held::new(&journal.files);
    let frames: Vec<&At> = journal
        .signed()
        .iter()
        .filter(|at| at.segment == last)
        .collect();
    let lost = &frames[..frames.len().saturating_sub(1)];
    for at in lost.iter().rev().take(FROM_THE_BEGINNING) {
        let cut = |octets: &mut Vec<u8>| octets.truncate(at.offset + 3);
        let fault = disk.with(last, cut, |disk| {
            journal.verify(disk, Some(&journal.checkpoint), &[])
        });
        let fault = fault.expect_err("its end is gone");
        assert_eq!(fault.file, Path::new("journal").join(file_name(last)));
        assert!(fault.text.contains("its end is gone"), "{fault}");
    }
}

#[test]
fn a_journal_of_yesterday_is_found_out_by_either_checkpoint() {
    let journal = Journal::make();
    let today = [journal.checkpoint.clone()];
    for (files, checkpoint) in &journal.yesterdays {
        assert_ne!(*checkpoint, journal.checkpoint);
        let disk = Held::new(files);
        let kept = journal.verify(&disk, Some(&journal.checkpoint), &[]);
        assert!(
            kept.expect_err("it is old")
                .text
                .contains("its end is gone")
        );
        let given = journal.verify(&disk, Some(checkpoint), &today);
        assert!(
            given
                .expect_err("it is old")
                .text
                .contains("its end is gone")
        );
        // The control: nothing else tells.
        let nothing = journal.verify(&disk, Some(checkpoint), &[]);
        assert!(nothing.is_ok(), "{nothing:?}");
    }
    assert!(journal.yesterdays.len() >= 5);
}

/// Read from the beginning, with all that an auditor is told.
#[test]
fn an_auditor_is_told_what_is_signed_and_where_the_first_damage_is() {
    let journal = Journal::make();
    let disk = Held::new(&journal.files);
    let whole = journal.verify(
        &disk,
        Some(&journal.checkpoint),
        std::slice::from_ref(&journal.checkpoint),
    );
    let whole = whole.expect("it is whole");
    assert_eq!(whole.events, events());
    assert_eq!(whole.oldest, Some(time(0)));
    assert_eq!(whole.newest, Some(time(events() - 1)));
    assert_eq!((whole.elsewhere, whole.torn_octets, whole.first), (1, 0, 1));
    let signed = whole.signed.expect("a checkpoint");
    assert_eq!(signed.position, journal.checkpoint_position());
    assert!(whole.unsigned_events < 10, "{}", whole.unsigned_events);
    assert!(whole.signatures >= 1 && whole.checkpoints > 15);

    let signed = journal.signed();
    for n in 0..FROM_THE_BEGINNING {
        let at = &signed[n * signed.len() / FROM_THE_BEGINNING];
        let octet = at.offset + n;
        let fault = disk.with_octet(at.segment, octet, 1, |disk| {
            journal.verify(disk, Some(&journal.checkpoint), &[])
        });
        let fault = fault.expect_err("it is changed");
        assert_eq!(fault.octet, Some(at.offset as u64), "{fault}");
        assert_eq!(
            fault.position,
            Some((n * signed.len() / FROM_THE_BEGINNING) as u64 + 1)
        );
        assert_eq!(fault.text.lines().count(), 2, "{fault}");
    }
}

#[test]
fn what_another_key_signed_is_refused() {
    let journal = Journal::make();
    let disk = Held::new(&journal.files);
    let name = journal.key.name();
    let other = Signer::new(name, &[3; SIGNING_KEY.len()]).expect("a signer");
    let mut forger = journal;
    forger.key = other.public();
    let fault = forger.verify(&disk, None, &[]).expect_err("another key");
    assert!(fault.text.contains("not signed"), "{fault}");
    let kept = forger.verify(&disk, Some(&forger.checkpoint), &[]);
    assert!(kept.expect_err("another key").text.contains("not signed"));
    let elsewhere = Signer::new("sekisho/00", &SIGNING_KEY).expect("a signer");
    forger.key = elsewhere.public();
    let fault = forger.verify(&disk, None, &[]).expect_err("another store");
    assert!(fault.text.contains("another one"), "{fault}");
}
