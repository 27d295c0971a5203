//! What is written is what `docs/formats/journal.md` says.

use sekisho_verifier::store::Change;
use sekisho_verifier::testing::sample::{keyring, spend};
use sha2::{Digest, Sha256};

use crate::frame::{FrameKind, HEAD_OCTETS, u32_at, u64_at};
use crate::group::Group;
use crate::scan::Scanner;
use crate::segment::{FIRST, HEADER_OCTETS, file_name};
use crate::tests::sim::Sim;
use crate::tests::{commit, import, open, script};
use crate::{body, disk::Disk};

/// Read with nothing but numbers from the document.
#[test]
fn the_file_is_laid_out_as_documented() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    let change = spend(1, 5);
    commit(&mut store, &[change.clone(), spend(2, 6)]).expect("a commit");
    let files = disk.files();
    let file = &files["0000000001.journal"];
    assert_eq!(&file[..8], b"SEKISHOJ");
    assert_eq!((u32_at(file, 8), u32_at(file, 12)), (2, 0));
    assert_eq!((u64_at(file, 32), u64_at(file, 40)), (1, 1));
    let mut genesis = b"sekisho journal 2\0".to_vec();
    genesis.extend_from_slice(&file[16..32]);
    genesis.extend_from_slice(&[0; 4]);
    assert_eq!(file[48..80], Sha256::digest(&genesis)[..]);
    assert_eq!(u32_at(file, 508), crc32c::crc32c(&file[..508]));

    let frame = &file[512..];
    let length = u32_at(frame, 4) as usize;
    let body = &frame[64..64 + length];
    assert_eq!(u32_at(frame, 0), crc32c::crc32c(&frame[4..64]));
    assert_eq!((u64_at(frame, 8), u64_at(frame, 16)), (1, 1));
    assert_eq!(frame[24..28], [1, 0, 0, 0]);
    assert_eq!(u32_at(frame, 28), crc32c::crc32c(body));
    assert_eq!(frame[32..64], file[48..80]);
    let mut expected = vec![0x86];
    expected.extend(&minicbor::to_vec(&change).expect("it encodes")[1..]);
    // Two records, so a byte string of 40 octets; then the stamp, and true.
    expected.extend([0x58, 40]);
    for record in &change.written {
        let key = body::key_octets(&record.key());
        let value = minicbor::to_vec(record).expect("it encodes");
        expected.extend(keyring().current().tag(&key, &value).octets());
    }
    let place = [b"journal frame\0", &[1][..], &frame[8..16], &frame[32..64]].concat();
    let stamp = keyring().current().tag(&place, &expected);
    expected.push(0x54);
    expected.extend(stamp.octets());
    expected.push(0xF5);
    assert_eq!(body, expected);
    let padded = (64 + length) / 8 * 8 + 8;
    assert!(
        frame[64 + length..padded]
            .iter()
            .all(|&octet| octet == 0xFF)
    );

    let second = &frame[padded..];
    assert_eq!((u64_at(second, 8), u64_at(second, 16)), (2, 1));
    assert_eq!(second[24..28], [1, 1, 0, 0], "the last of its group");
    assert_eq!(second[32..64], Sha256::digest(&frame[..64 + length])[..]);
}

/// A cut is told from a changed octet by this.
#[test]
fn no_body_ends_in_a_zero() {
    let disk = Sim::new();
    let mut store = open(&disk).expect("a new store");
    for group in script() {
        commit(&mut store, &group).expect("a commit");
    }
    let mut seals = 0;
    for number in FIRST..FIRST + disk.files().len() as u64 {
        let file = disk.open(&file_name(number)).expect("it is there");
        let mut scanner = Scanner::new(&*file, file.octets().expect("a length"));
        let mut offset = HEADER_OCTETS as u64;
        while let Some(frame) = scanner.frame(offset).expect("a read") {
            assert_ne!(frame.body().last(), Some(&0));
            seals += u64::from(frame.head.kind == FrameKind::Seal);
            offset += frame.head.frame_octets();
        }
    }
    assert_eq!(seals + 1, disk.files().len() as u64);
}

/// The parts and the change together say what the change said.
#[test]
fn a_change_in_parts_reads_as_the_whole() {
    let keys = |n: u64| sekisho_verifier::testing::sample::token_key(n);
    let large = Change {
        written: (0..9_000)
            .map(|n| sekisho_verifier::testing::sample::token(n, 1))
            .collect(),
        removed: (5_000..30_000).map(keys).collect(),
        ..import()
    };
    let mut told = Vec::new();
    let mut group = Group::new(1, [0; 32], 0, 0);
    let key = keyring().current();
    let step = &mut |step| told.push(step);
    let last = group.change::<()>(large.clone(), &key, step, &mut |_| Ok(()));
    let last = last.expect("nothing fails");
    group.end();
    let octets = group.finished().to_vec();
    let disk = Sim::holding(&[(file_name(1), octets.clone())].into());
    let file = disk.open(&file_name(1)).expect("it is there");
    let mut scanner = Scanner::new(&*file, octets.len() as u64);
    let mut read = Vec::new();
    let (mut offset, mut frames) = (0, 0);
    while let Some(frame) = scanner.frame(offset).expect("a read") {
        frames += 1;
        assert_eq!(frame.head.position, frames);
        assert_eq!(frame.head.last_of_group, frames == last);
        let body = body::parse(frame.body()).expect("a body");
        let is_last = (frames == last).then(|| large.event.clone());
        assert_eq!(body.event, is_last);
        read.extend(body.steps);
        offset += frame.head.frame_octets();
    }
    assert!(frames >= 4, "{frames}");
    assert_eq!(frames, last);
    assert!(read == told);
    assert_eq!(read.len(), large.written.len() + large.removed.len());
    assert_eq!(HEAD_OCTETS, 64);
}
