//! Every bit of a small store is turned over: it is found, or without effect.

use std::sync::Arc;

use sekisho_verifier::testing::sample::spend;

use crate::beginning::Beginning;
use crate::body::Step;
use crate::disk::Disk;
use crate::frame::ChainHash;
use crate::index::Index;
use crate::open::{Found, Opened, load};
use crate::records::Records;
use crate::recovery::{self, GroupPlace, Listener, Point, Replayed, Start};
use crate::scan::Scanner;
use crate::segment::{HEADER_OCTETS, file_name};
use crate::tests::index::Kept;
use crate::tests::sim::{Random, Sim};
use crate::tests::{campaign, commit, digests, open, open_with, options, records};

/// So much of the journal is turned over.
const OCTETS: usize = 64 << 10;

/// So much damage is done at random.
const RANDOM: u64 = 100_000;

/// A journal of so many octets or more.
fn used(octets: usize) -> Arc<Sim> {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for step in 1.. {
        let group: Vec<_> = (0..step % 3 + 1).map(|n| spend(n, step)).collect();
        commit(&mut store, &group).expect("a commit");
        if disk.octets() >= octets {
            break;
        }
    }
    disk
}

/// Where a group begins, and where the journal can be gone on from before it.
#[derive(Debug, Clone, Copy)]
struct Group {
    segment: u64,
    from: u64,
    to: u64,
    before: Option<Point>,
}

fn groups(disk: &Sim) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut before: Option<Point> = None;
    for number in 1.. {
        let Ok(file) = disk.open(&file_name(number)) else {
            break;
        };
        let mut scanner = Scanner::new(&*file, file.octets().expect("a length"));
        let (mut offset, mut from) = (HEADER_OCTETS as u64, HEADER_OCTETS as u64);
        while let Some(frame) = scanner.frame(offset).expect("a read") {
            let hash: ChainHash = crate::frame::hash(frame.octets);
            offset += frame.head.frame_octets();
            if !frame.head.last_of_group {
                continue;
            }
            let group = GroupPlace {
                segment: number,
                offset: from,
            };
            groups.push(Group {
                segment: number,
                from,
                to: offset,
                before,
            });
            before = Some(Point {
                position: frame.head.position,
                hash,
                group: Some(group),
            });
            from = offset;
        }
    }
    groups
}

/// What a replay from `start` says.
fn replayed(disk: &Sim, start: Option<Point>) -> Result<(Point, Vec<Vec<Step>>), String> {
    let mut steps = Vec::new();
    let start = Start {
        point: start,
        seen: 0,
    };
    let mut apply = |replayed: Replayed| steps.push(replayed.steps);
    let listener = Listener {
        apply: &mut apply,
        progress: &mut |_, _| {},
        key: None,
        keyring: Some(sekisho_verifier::testing::sample::keyring()),
        watch: None,
        live: false,
    };
    let recovered = recovery::recover(disk, start, listener);
    let recovered = recovered.map_err(|error| error.to_string())?;
    assert_eq!(recovered.torn, 0, "no bit looks like a torn end");
    Ok((recovered.point, steps))
}

/// Each bit of the journal, read from the group before it, which is what an index leaves to be
/// read; what comes before is as it was. A whole start for each would take hours; some take one
/// in `damage`.
#[test]
fn every_bit_of_the_journal_is_found_or_without_effect() {
    let disk = used(OCTETS + (8 << 10));
    let (groups, files) = (groups(&disk), disk.files());
    let (mut octets, mut found, mut without_effect) = (0, 0, 0);
    for group in &groups {
        let as_written = replayed(&disk, group.before);
        as_written.as_ref().expect("it is as it was written");
        let name = file_name(group.segment);
        // The header goes with the first group of its segment.
        let header = group.from == HEADER_OCTETS as u64;
        let from = if header { 0 } else { group.from };
        for offset in from..group.to {
            octets += 1;
            for bit in (0..8).map(|bit| 1 << bit) {
                let octet = files[&name][offset as usize];
                disk.set(&name, offset as usize, octet ^ bit);
                match replayed(&disk, group.before) {
                    Err(_) => found += 1,
                    now => {
                        assert!(now == as_written, "{name} at {offset}, bit {bit:#x}");
                        without_effect += 1;
                    }
                }
                disk.set(&name, offset as usize, octet);
            }
        }
    }
    assert!(octets >= OCTETS * 3 / 4, "{octets}");
    assert!(
        found > octets * 9 / 10,
        "{found} of {octets}, {without_effect} without effect"
    );
}

/// Some octets of one group are something else. (What becomes of zeros in the last group is told in
/// `crash`: it may be its torn end.)
#[test]
fn random_damage_is_found_or_without_effect() {
    let disk = used(16 << 10);
    let (mut groups, files) = (groups(&disk), disk.files());
    groups.pop();
    let as_written: Vec<_> = groups
        .iter()
        .map(|group| replayed(&disk, group.before).expect("it is as it was written"))
        .collect();
    let mut random = Random(5);
    let mut found = 0;
    for _ in 0..RANDOM * campaign() {
        let index = random.below(groups.len() as u64) as usize;
        let group = groups[index];
        let name = file_name(group.segment);
        let octets = 1 + random.below(12);
        let from = group.from + random.below(group.to - group.from - octets);
        for offset in from..from + octets {
            let octet = if octets > 8 { 0 } else { random.next() as u8 };
            disk.set(&name, offset as usize, octet);
        }
        match replayed(&disk, group.before) {
            Err(_) => found += 1,
            Ok(now) => assert!(
                now == as_written[index],
                "{name}: {octets} octets at {from}"
            ),
        }
        for offset in from..from + octets {
            disk.set(&name, offset as usize, files[&name][offset as usize]);
        }
    }
    assert!(found > RANDOM * campaign() * 9 / 10, "{found}");
}

/// Turns bits of keys, values and the mark over. What can not be believed is thrown away.
#[test]
fn every_bit_of_the_index_is_found_or_without_effect() {
    let (disk, index) = (Sim::new(), Kept::default());
    drop(open(&disk).expect("a new store"));
    let mut store = open_with(&disk, index.clone()).expect("it opens");
    for n in 0..8 {
        commit(&mut store, &[spend(n, n + 5)]).expect("a commit");
    }
    let holds = records(&store);
    store.close();
    let beginning = Beginning::find(&*disk)
        .expect("it reads")
        .expect("a journal");
    let mut believed = 0;
    let mut bits = 0;
    let mut check = |spoil: &dyn Fn(&Kept)| {
        bits += 1;
        let spoilt = Kept::default();
        spoilt.edit(|state| {
            let now = index.0.lock().expect("nobody panicked");
            (state.entries, state.mark) = (now.entries.clone(), now.mark.clone());
        });
        spoil(&spoilt);
        let mut read = Records::new(Arc::clone(&options().keyring), digests());
        let mut found = Found {
            index: Some(Box::new(spoilt) as Box<dyn Index>),
            thrown_away: None,
        };
        let mut opened = Opened::default();
        let (start, _) = load(&mut found, &beginning, &mut read, &options(), &mut opened);
        if start.point.is_some() {
            believed += 1;
        } else {
            assert!(opened.index_rebuilt.is_some());
            assert_eq!(read.counts().tokens, 0, "nothing of it is used");
        }
    };
    check(&|_| {});
    let (entries, mark) = {
        let now = index.0.lock().expect("nobody panicked");
        (now.entries.clone(), now.mark.clone().expect("a mark"))
    };
    for (key, value) in &entries {
        for bit in 0..value.len() * 8 {
            check(&|index| {
                index.edit(|state| {
                    state.entries.get_mut(key).expect("an entry")[bit / 8] ^= 1 << (bit % 8);
                });
            });
        }
        for bit in 0..key.len() * 8 {
            check(&|index| {
                index.edit(|state| {
                    let value = state.entries.remove(key).expect("an entry");
                    let mut key = key.clone();
                    key[bit / 8] ^= 1 << (bit % 8);
                    state.entries.insert(key, value);
                });
            });
        }
    }
    for bit in 0..mark.len() * 8 {
        check(&|index| {
            index.edit(|state| state.mark.as_mut().expect("a mark")[bit / 8] ^= 1 << (bit % 8));
        });
    }
    assert_eq!(believed, 1, "the one that was not spoilt, of {bits}");
    assert!(bits > 15_000, "{bits}");
    let store = open_with(&disk, index).expect("it opens");
    assert!(records(&store) == holds);
}
