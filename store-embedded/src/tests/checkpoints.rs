//! Checkpoints come in time, state what is so, and are told outside.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::{PublicKey, Signer};
use sekisho_verifier::store::{Change, Position, Store};
use sekisho_verifier::testing::sample::{spend, token};

use crate::disk::Disk;
use crate::error::{Damage, OpenError};
use crate::frame::{self, ChainHash, FrameKind, Place};
use crate::open::{Found, Options, open_on};
use crate::scan::Scanner;
use crate::segment::{HEADER_OCTETS, file_name};
use crate::store::EmbeddedStore;
use crate::tests::sim::Sim;
use crate::tests::{HOW, SMALL, commit, content, open, options, restamp, script};

/// A frame as it stands in the journal.
struct Read {
    position: Position,
    kind: FrameKind,
    hash: ChainHash,
    body: Vec<u8>,
    segment: u64,
    offset: u64,
    last_of_group: bool,
    group: u64,
}

fn frames(disk: &Sim) -> Vec<Read> {
    let mut frames = Vec::new();
    for number in 1.. {
        let Ok(file) = disk.open(&file_name(number)) else {
            break;
        };
        let mut scanner = Scanner::new(&*file, file.octets().expect("a length"));
        let mut offset = HEADER_OCTETS as u64;
        while let Some(read) = scanner.frame(offset).expect("a read") {
            frames.push(Read {
                position: read.head.position,
                kind: read.head.kind,
                hash: frame::hash(read.octets),
                body: read.body().to_vec(),
                segment: number,
                offset,
                last_of_group: read.head.last_of_group,
                group: read.head.group,
            });
            offset += read.head.frame_octets();
        }
    }
    frames
}

fn key(store: &EmbeddedStore) -> PublicKey {
    store.signer().expect("it was given a key").public()
}

fn stated(key: &PublicKey, frame: &Read) -> Checkpoint {
    let note: &str = minicbor::decode(&frame.body).expect("a text");
    Checkpoint::open(key, note).expect("it is signed")
}

/// The longest run of events without a checkpoint.
fn longest_run(frames: &[Read]) -> u64 {
    let (mut longest, mut run) = (0, 0);
    for frame in frames {
        match frame.kind {
            FrameKind::Change => run += 1,
            FrameKind::Checkpoint => run = 0,
            _ => {}
        }
        longest = longest.max(run);
    }
    longest
}

#[test]
fn checkpoints_come_in_time_and_state_what_is_so() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    // Also within one group.
    let large: Vec<Change> = (0..23).map(|n| spend(n, 1)).collect();
    commit(&mut store, &large).expect("a commit");
    let key = key(&store);
    let frames = frames(&disk);
    assert_eq!(longest_run(&frames), SMALL.pace.events);
    let mut checkpoints = 0;
    for (before, frame) in frames.iter().zip(&frames[1..]) {
        match frame.kind {
            FrameKind::Checkpoint => {
                checkpoints += 1;
                let stated = stated(&key, frame);
                assert_eq!(
                    (stated.position, stated.hash),
                    (before.position, before.hash)
                );
                assert_eq!(stated.origin, Checkpoint::origin_of(&store.id()));
                assert!(stated.time.millis() > 1_700_000_000_000);
            }
            FrameKind::Seal => {
                assert_eq!(before.kind, FrameKind::Checkpoint, "one before each seal");
                assert!(frame.last_of_group && frame.group == frame.position);
            }
            _ => {}
        }
    }
    assert!(checkpoints > 10, "{checkpoints}");
}

type Told = Arc<Mutex<Vec<String>>>;

fn open_telling(disk: &Arc<Sim>, after: Duration, told: Duration) -> (EmbeddedStore, Told) {
    let heard = Told::default();
    let hears = Arc::clone(&heard);
    let mut how = HOW;
    (how.sizes.pace.after, how.sizes.pace.told) = (after, told);
    let options = Options {
        publish: Some(Box::new(move |note| {
            hears.lock().expect("nobody panicked").push(note.to_owned());
        })),
        ..options()
    };
    let find = || Found {
        index: None,
        thrown_away: None,
    };
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    let store = open_on(disk, false, find, how, options).expect("it opens");
    (store, heard)
}

#[test]
fn an_event_that_waits_gets_one_while_nobody_asks() {
    let disk = Sim::new();
    let (mut store, told) = open_telling(&disk, Duration::ZERO, Duration::ZERO);
    store.idle().expect("it lives");
    assert!(!store.wants_idle(), "nothing has happened");
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    assert!(store.wants_idle());
    store.idle().expect("it lives");
    assert!(!store.wants_idle());
    let before = frames(&disk).len();
    store.idle().expect("it lives");
    assert_eq!(frames(&disk).len(), before, "one is enough");
    let told = told.lock().expect("nobody panicked").clone();
    assert_eq!(told.len(), 1);
    let stated = Checkpoint::open(&key(&store), &told[0]).expect("it is signed");
    assert_eq!(stated.position, 1);
}

/// While events come without a pause, a group that comes late enough carries one itself.
#[test]
fn a_group_behind_an_event_that_has_waited_carries_one() {
    let disk = Sim::new();
    let (mut store, _) = open_telling(&disk, Duration::ZERO, Duration::ZERO);
    commit(&mut store, &[spend(1, 1)]).expect("a commit");
    commit(&mut store, &[spend(1, 2)]).expect("a commit");
    let kinds: Vec<FrameKind> = frames(&disk).iter().map(|frame| frame.kind).collect();
    let (change, checkpoint) = (FrameKind::Change, FrameKind::Checkpoint);
    assert_eq!(kinds, [change, change, checkpoint]);
}

/// Many checkpoints in a moment are one message; the last of all is told at the end.
#[test]
fn they_are_told_outside_no_more_often_than_agreed() {
    let disk = Sim::new();
    let (mut store, told) = open_telling(&disk, Duration::ZERO, Duration::from_secs(1_000));
    for step in 1..20 {
        commit(&mut store, &[spend(1, step)]).expect("a commit");
    }
    assert_eq!(told.lock().expect("nobody panicked").len(), 1);
    store.idle().expect("it lives");
    store.close();
    let told = told.lock().expect("nobody panicked").clone();
    assert_eq!(told.len(), 2);
    let last = frames(&disk).pop().expect("frames");
    let text: &str = minicbor::decode(&last.body).expect("a text");
    assert_eq!(told[1], text);
}

/// A start does not know how many events are without one, so the next event stands behind one.
#[test]
fn crashes_do_not_put_them_off() {
    let disk = Sim::new();
    for step in 1..30 {
        let mut store = open(&disk).expect("it opens");
        commit(&mut store, &[spend(1, step), spend(2, step)]).expect("a commit");
    }
    assert!(longest_run(&frames(&disk)) <= SMALL.pace.events);
}

/// Makes all frames from the one at `index` on anew, so that checksums and chain are right.
fn forge_from(disk: &Sim, index: usize, change: impl Fn(usize, &mut Vec<u8>)) -> Arc<Sim> {
    let mut files = disk.files();
    let frames = frames(disk);
    let mut previous = frames[index - 1].hash;
    for (at, read) in frames.iter().enumerate().skip(index) {
        let file = files.get_mut(&file_name(read.segment)).expect("a file");
        let mut body = read.body.clone();
        change(at, &mut body);
        assert_eq!(
            body.len(),
            read.body.len(),
            "the next stands where it stood"
        );
        // The forger has the key of the stamps, so that checkpoints alone are left.
        restamp(read.kind, read.position, &previous, &mut body);
        let mut octets = vec![0; frame::HEAD_OCTETS];
        octets.extend(body);
        let place = Place {
            position: read.position,
            group: read.group,
            last_of_group: read.last_of_group,
            previous,
        };
        previous = frame::finish(&mut octets, read.kind, &place);
        let from = read.offset as usize;
        file[from..from + octets.len()].copy_from_slice(&octets);
    }
    Sim::holding(&files)
}

fn damage(disk: &Arc<Sim>) -> Damage {
    match open(disk).expect_err("it is forged") {
        OpenError::Damaged { damage, .. } => damage,
        error => panic!("{error}"),
    }
}

/// Who makes everything right but the signature is found out by the next checkpoint.
#[test]
fn a_forged_journal_does_not_fit_its_checkpoints() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for n in 0..3 {
        commit(&mut store, &[spend(n, 1)]).expect("a commit");
    }
    drop(store);
    let (mut store, _) = open_telling(&disk, Duration::ZERO, Duration::ZERO);
    store.idle().expect("it lives");
    let key = key(&store);
    let forged_time = |at: usize, body: &mut Vec<u8>| {
        if at == 1 {
            // The lowest octet of the event's time.
            body[10] ^= 1;
        }
    };
    let forged = forge_from(&disk, 1, forged_time);
    assert_eq!(
        damage(&forged),
        Damage::Checkpoint,
        "another hash is stated"
    );

    // With a checkpoint that states what is so now, by another key, or with the old signature.
    let read = frames(&forged);
    let other = Signer::new(key.name(), &[1; 32]).expect("a signer");
    let of = |index: usize, signature: Option<&Signer>| {
        let (before, own) = (&read[index - 1], &read[index]);
        let note: &str = minicbor::decode(&own.body).expect("a text");
        let (text, old) = note.split_once("\n\n").expect("a note");
        let mut stated = Checkpoint::parse(&format!("{text}\n")).expect("a checkpoint");
        (stated.position, stated.hash) = (before.position, before.hash);
        let note = match signature {
            Some(signer) => signer.sign(&stated.text()),
            None => format!("{}\n{old}", stated.text()),
        };
        minicbor::to_vec(&note).expect("it encodes")
    };
    let last = read.len() - 1;
    assert_eq!(read[last].kind, FrameKind::Checkpoint);
    for signer in [Some(&other), None] {
        let note = of(last, signer);
        let again = forge_from(&forged, last, |_, body| body.clone_from(&note));
        assert_eq!(damage(&again), Damage::Checkpoint, "it is not signed");
    }
    // The control: the key itself would be believed.
    let own = store.signer().expect("it has one");
    let note = of(last, Some(&own));
    let again = forge_from(&forged, last, |_, body| body.clone_from(&note));
    open(&again).expect("nobody could tell");
}

/// A checkpoint may stand between the parts of a change, or behind anything.
#[test]
fn checkpoints_between_large_changes_do_no_harm() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let large = |step| Change {
        written: (0..4_000).map(|n| token(n, step)).collect(),
        ..spend(1, step)
    };
    let group: Vec<Change> = (1..9)
        .map(|n| spend(n, 1))
        .chain([large(2), large(3)])
        .collect();
    commit(&mut store, &group).expect("a commit");
    let holds = content(&store);
    drop(store);
    assert!(content(&open(&disk).expect("it opens")) == holds);
}

/// What a later version writes is not cut off as a torn end, and not skipped if it may matter.
#[test]
fn a_kind_of_a_later_version_stops_or_is_skipped() {
    let with = |kind: u8, flags: u8, torn: bool| {
        let disk = Sim::new();
        let mut store = open(&disk).expect("a new store");
        commit(&mut store, &[spend(1, 1)]).expect("a commit");
        drop(store);
        let mut files = disk.files();
        let last = frames(&disk).pop().expect("a frame");
        let file = files.get_mut(&file_name(1)).expect("a file");
        let from = file.iter().rposition(|&octet| octet != 0).expect("frames") + 1;
        let mut octets = vec![0; frame::HEAD_OCTETS];
        octets.extend([7; 41]);
        let place = Place {
            position: last.position + 1,
            group: last.position + 1,
            last_of_group: true,
            previous: last.hash,
        };
        frame::finish(&mut octets, FrameKind::WithoutEffect(kind), &place);
        octets[25] |= flags;
        let crc = crc32c::crc32c(&octets[4..64]).to_be_bytes();
        octets[..4].copy_from_slice(&crc);
        frame::pad(&mut octets);
        if torn {
            octets.truncate(80);
        }
        file[from..from + octets.len()].copy_from_slice(&octets);
        (open(&Sim::holding(&files)), from as u64)
    };
    for torn in [false, true] {
        for (kind, flags) in [(0, 0), (4, 0), (127, 0), (200, 2), (1, 0x80)] {
            let (opened, from) = with(kind, flags, torn);
            match opened.expect_err("it is of a later version") {
                OpenError::LaterVersion { offset, .. } => assert_eq!(offset, from),
                error => panic!("kind {kind}, torn {torn}: {error}"),
            }
        }
    }
    let (opened, _) = with(200, 0, false);
    assert_eq!(opened.expect("it has no effect").counts().position, 1);
    let (opened, _) = with(200, 0, true);
    assert!(opened.expect("it is torn").opened().torn_octets > 0);
}
