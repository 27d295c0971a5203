//! The description of the journal says enough to check one: `docs/formats/check_journal.py` follows
//! it, shares no code with the store, and comes to the same verdicts.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use sekisho_store_embedded::{EmbeddedStore, OpenError, Options, begin_epoch};
use sekisho_verifier::event::{OperationKind, What};
use sekisho_verifier::note::{SIGNING_KEY_OCTETS, Signer};
use sekisho_verifier::store::{Change, Decider, Key, Outcome, Position, Record, Store};
use sekisho_verifier::testing::sample::{
    Write, account, account_key, alias, keyring, operation, session, session_event, session_key,
    spend, time, token, token_key,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

const CHECKER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/formats/check_journal.py"
);
const HEADER_OCTETS: usize = 512;
const HEAD_OCTETS: usize = 64;
const SEGMENT_OCTETS: u64 = 16 << 10;
const CHANGED_OCTETS: usize = 64;
const THREADS: usize = 4;
const TOKENS: u64 = 12;
const ROUNDS: u64 = 20;
/// More than go into one frame.
const MANY_KEYS: u64 = 10_500;

fn options() -> Options {
    Options {
        segment_octets: Some(SEGMENT_OCTETS),
        ..Options::new(keyring())
    }
}

/// What stands in the segments, by number, and what was acknowledged.
#[derive(Clone)]
struct Journal {
    segments: BTreeMap<u64, Vec<u8>>,
    last: Position,
    events: BTreeMap<String, u64>,
}

/// A frame: where it begins, and where its body and its filling end.
#[derive(Debug, Clone, Copy)]
struct Frame {
    start: usize,
    body_end: usize,
    end: usize,
    group: u64,
}

fn number_at(octets: &[u8], range: Range<usize>) -> u64 {
    let octets = &octets[range];
    octets
        .iter()
        .fold(0, |number, &octet| number << 8 | u64::from(octet))
}

fn frames(segment: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut start = HEADER_OCTETS;
    while start + HEAD_OCTETS <= segment.len() && segment[start..start + 4] != [0; 4] {
        let body_end = start + HEAD_OCTETS + number_at(segment, start + 4..start + 8) as usize;
        frames.push(Frame {
            start,
            body_end,
            end: (body_end / 8 + 1) * 8,
            group: number_at(segment, start + 16..start + 24),
        });
        start = frames[frames.len() - 1].end;
    }
    frames
}

fn change(kind: OperationKind, millis: u64, written: Vec<Record>, removed: Vec<Key>) -> Change {
    Change {
        event: operation(kind, time(millis)),
        written,
        removed,
    }
}

/// A change that does not fit into one frame.
fn long_change() -> Change {
    let keys = (0..MANY_KEYS).map(|n| account_key(1_000 + n)).collect();
    change(OperationKind::Stop, 0, vec![alias(1)], keys)
}

/// Logins, operations, records, other names and removals, alone and together.
fn groups() -> Vec<Vec<Change>> {
    let mut groups = Vec::new();
    for n in 0..TOKENS {
        let tokens = vec![token(n, 0)];
        groups.push(vec![change(OperationKind::Issue, n, tokens, vec![])]);
        let accounts = vec![account(n, 0), alias(n)];
        groups.push(vec![change(OperationKind::AccountSet, n, accounts, vec![])]);
    }
    for round in 1..=ROUNDS {
        for n in 0..TOKENS {
            groups.push(vec![spend(n, round)]);
        }
        let together = (0..1 + round % 5).map(|n| spend(n, round + 1)).collect();
        groups.push(together);
        groups.push(vec![change(
            OperationKind::Suspend,
            round,
            vec![account(round % TOKENS, round as u32)],
            vec![token_key(TOKENS + round)],
        )]);
    }
    for n in 0..4 {
        let reported = Change {
            written: vec![session(n, n)],
            removed: vec![session_key(n / 2)],
            ..Change::event_only(session_event(n, time(n)))
        };
        groups.push(vec![reported]);
    }
    groups.push((0..3).map(|n| spend(n, ROUNDS + 9)).collect());
    groups
}

fn event_kind(change: &Change) -> String {
    match &change.event.what {
        What::Login(_) => "login right-code".into(),
        What::Operation(event) => {
            format!("operation {}", event.operation.name())
        }
        What::Session(_) => "session interim".into(),
    }
}

fn commit(store: &mut EmbeddedStore, group: Vec<Change>) -> Position {
    let mut writes: Vec<Write> = group.into_iter().map(Write).collect();
    let mut deciders: Vec<&mut dyn Decider> = Vec::new();
    for write in &mut writes {
        deciders.push(write);
    }
    let outcomes = store.commit(&mut deciders).expect("it commits");
    match outcomes.last() {
        Some(Outcome::Applied(position)) => *position,
        other => panic!("applied: {other:?}"),
    }
}

impl Journal {
    /// The same one for all tests.
    fn made() -> Self {
        static MADE: OnceLock<Journal> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let mut journal = Self::make(groups());
            // Most of what the store makes ready would be zeros to read, again and again.
            journal.last_segment().truncate(SEGMENT_OCTETS as usize);
            journal
        });
        made.clone()
    }

    /// Of a store that was used and closed.
    fn make(groups: Vec<Vec<Change>>) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut store = EmbeddedStore::open(data.path(), options()).expect("it opens");
        let mut journal = Self {
            segments: BTreeMap::new(),
            last: 0,
            events: BTreeMap::new(),
        };
        for group in groups {
            for change in &group {
                *journal.events.entry(event_kind(change)).or_default() += 1;
            }
            journal.last = commit(&mut store, group);
        }
        store.close();
        let names = fs::read_dir(data.path().join("journal")).expect("the journal");
        for path in names.map(|entry| entry.expect("a segment").path()) {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let number = stem.and_then(|stem| stem.parse().ok()).expect("a number");
            journal
                .segments
                .insert(number, fs::read(&path).expect("readable"));
        }
        assert!(journal.segments.len() > 4, "several segments");
        journal
    }

    fn last_segment(&mut self) -> &mut Vec<u8> {
        let last = self.segments.values_mut().next_back();
        last.expect("a segment")
    }

    /// The frames of the last group; it is of several, and reaches over more than a sector.
    fn last_group(&mut self) -> Vec<Frame> {
        let frames = frames(self.last_segment());
        let group = frames[frames.len() - 1].group;
        let group: Vec<Frame> = frames.into_iter().filter(|f| f.group == group).collect();
        assert_eq!(group.len(), 3);
        group
    }

    /// A data folder without an index.
    fn folder(&self) -> TempDir {
        let data = tempfile::tempdir().expect("a folder");
        fs::create_dir(data.path().join("journal")).expect("a folder");
        for (number, octets) in &self.segments {
            fs::write(segment(data.path(), *number), octets).expect("a segment");
        }
        data
    }

    /// What the checker says; the store must agree on whether the journal is usable.
    fn judge(&self) -> Option<Verdict> {
        let python = python()?;
        let data = self.folder();
        let output = Command::new(python)
            .arg(CHECKER)
            .arg(data.path().join("journal"))
            .output()
            .expect("python runs");
        let store = EmbeddedStore::open(data.path(), options());
        let verdict = Verdict {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            torn_octets: store.as_ref().map_or(0, |store| store.opened().torn_octets),
            data,
        };
        match &store {
            Ok(store) => {
                verdict.fits();
                let newest = store.counts().position;
                // A seal has a position too, and is no event.
                let reached = [newest, newest + 1].map(|at| format!("last position {at}, "));
                let agree = reached.iter().any(|text| verdict.out.contains(text));
                assert!(agree, "{newest}: {}", verdict.out);
            }
            Err(error) => assert_eq!(verdict.code, Some(1), "{error}\n{}", verdict.out),
        }
        Some(verdict)
    }
}

fn segment(data: &Path, number: u64) -> PathBuf {
    data.join(format!("journal/{number:010}.journal"))
}

struct Verdict {
    code: Option<i32>,
    out: String,
    err: String,
    /// What the store dropped.
    torn_octets: u64,
    data: TempDir,
}

impl Verdict {
    fn fits(&self) {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
    }

    #[track_caller]
    fn bad(&self, number: u64, offset: usize) {
        let place = format!("{}:{offset}: ", segment(self.data.path(), number).display());
        assert!(self.err.starts_with(&place), "{place}: {}", self.err);
        assert_eq!(self.code, Some(1), "{}", self.out);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
    }
}

/// Without Python nothing is checked; where the tests must run, that is a failure.
fn python() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&path));
    let python = folders
        .map(|folder| folder.join("python3"))
        .find(|python| python.is_file());
    if python.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no python3");
        eprintln!("not checked: there is no python3; scripts/needs installs it");
    }
    python
}

#[test]
fn a_stranger_reads_what_the_store_wrote() {
    let mut groups = groups();
    groups.insert(100, vec![long_change(), spend(1, 1)]);
    let journal = Journal::make(groups);
    let Some(verdict) = journal.judge() else {
        return;
    };
    verdict.fits();
    let mut expected = vec!["no signature was checked".to_owned()];
    let events = journal.events.iter();
    expected.extend(events.map(|(kind, count)| format!("{count} {kind}")));
    let frames: usize = journal.segments.values().map(|s| frames(s).len()).sum();
    let changes: u64 = journal.events.values().sum();
    expected.push(format!(
        "{} segments, {frames} frames, {changes} changes, last position {}, chain ",
        journal.segments.len(),
        journal.last,
    ));
    let lines: Vec<&str> = verdict.out.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{}", verdict.out);
    for (line, wanted) in lines.iter().zip(&expected) {
        assert!(line.starts_with(wanted), "{line}: {wanted}");
    }
    let seals = journal.segments.len() as u64 - 1;
    assert_eq!(frames as u64, changes + seals + 1, "one part of a change");
}

/// Changes an octet and says where the checker must point, or that the octet means nothing.
fn change_octet(journal: &mut Journal, number: u64, at: usize, bit: usize) -> Option<usize> {
    let octets = journal.segments.get_mut(&number).expect("a segment");
    let frame = frames(octets).into_iter().find(|f| at < f.end);
    octets[at] ^= 1 << (bit % 8);
    match frame {
        _ if at < HEADER_OCTETS => Some(0),
        frame => frame.map(|frame| frame.start),
    }
}

/// The filling of the last frame of all may be anything.
fn is_last_filling(whole: &Journal, number: u64, at: usize) -> bool {
    let last = whole.segments.last_key_value();
    let (last, octets) = last.expect("a segment");
    let frames = frames(octets);
    *last == number && frames.last().is_some_and(|f| at >= f.body_end)
}

fn judge_changed(whole: &Journal, number: u64, at: usize, bit: usize) {
    let mut journal = whole.clone();
    let bad = change_octet(&mut journal, number, at, bit);
    let bad = bad.filter(|_| !is_last_filling(whole, number, at));
    let Some(verdict) = journal.judge() else {
        return;
    };
    match bad {
        Some(offset) => verdict.bad(number, offset),
        None => verdict.fits(),
    }
}

#[test]
fn a_changed_octet_is_found_wherever_octets_mean_something() {
    let whole = Journal::made();
    let used: Vec<(u64, usize)> = whole
        .segments
        .iter()
        .flat_map(|(&number, octets)| {
            let end = frames(octets).last().map_or(HEADER_OCTETS, |f| f.end);
            (0..end).map(move |at| (number, at))
        })
        .collect();
    let last_group = whole.clone().last_group();
    let last = *whole.segments.keys().next_back().expect("a segment");
    // All over, and in all fields of the heads of the last group and in its filling.
    let mut places: Vec<(u64, usize)> = (0..CHANGED_OCTETS)
        .map(|n| used[n * used.len() / CHANGED_OCTETS + n % 7])
        .collect();
    for frame in [&last_group[0], &last_group[2]] {
        places.extend([0, 5, 7, 9, 20, 24, 25, 29, 40].map(|at| (last, frame.start + at)));
        places.extend([frame.body_end - 1, frame.body_end].map(|at| (last, at)));
    }
    thread::scope(|scope| {
        for places in places.chunks(places.len().div_ceil(THREADS)) {
            let whole = &whole;
            scope.spawn(move || {
                for (bit, &(number, at)) in places.iter().enumerate() {
                    judge_changed(whole, number, at, bit);
                }
            });
        }
    });
}

#[test]
fn a_forged_frame_breaks_the_chain_at_the_next() {
    /// In the lowest octet of the event's time.
    const CHANGED: usize = HEAD_OCTETS + 10;
    let mut journal = Journal::made();
    let octets = journal.segments.get_mut(&2).expect("a segment");
    let frames = frames(octets);
    let frame = &mut octets[frames[3].start..frames[3].body_end];
    frame[CHANGED] ^= 1;
    let body = crc32c::crc32c(&frame[HEAD_OCTETS..]);
    frame[28..32].copy_from_slice(&body.to_be_bytes());
    let head = crc32c::crc32c(&frame[4..HEAD_OCTETS]);
    frame[..4].copy_from_slice(&head.to_be_bytes());
    if let Some(verdict) = journal.judge() {
        verdict.bad(2, frames[4].start);
        assert!(verdict.err.contains("chain"), "{}", verdict.err);
    }
}

#[test]
fn a_missing_segment_is_named() {
    let whole = Journal::made();
    let last = whole.segments.len() as u64;
    for number in [1, 2, last - 1, last] {
        let mut journal = whole.clone();
        journal.segments.remove(&number);
        let Some(verdict) = journal.judge() else {
            return;
        };
        verdict.bad(number, 0);
    }
}

#[test]
fn swapped_segments_are_named() {
    let mut journal = Journal::made();
    let second = journal.segments.insert(2, journal.segments[&3].clone());
    journal.segments.insert(3, second.expect("a segment"));
    if let Some(verdict) = journal.judge() {
        verdict.bad(2, 32);
    }
}

#[test]
fn what_stands_behind_a_seal_is_found() {
    let mut journal = Journal::made();
    let sealed = journal.segments.get_mut(&1).expect("a segment");
    let end = frames(sealed).last().expect("a seal").end;
    sealed.resize(end + 100, 0);
    sealed[end + 70] = 1;
    if let Some(verdict) = journal.judge() {
        verdict.bad(1, end);
    }
}

#[test]
fn a_torn_group_is_told_apart_from_damage() {
    let whole = Journal::made();
    let group = whole.clone().last_group();
    let (first, last) = (group[0], group[2]);
    let sector = (first.start / 512 + 1) * 512;
    // What the power cut left: octets up to here, and zeros in these.
    let cuts = [
        (first.start + 10, 0..0),
        (first.body_end, 0..0),
        (last.start + 30, 0..0),
        (last.body_end - 1, 0..0),
        (last.end, first.start..sector),
        (last.end, sector..sector + 512),
        (last.end, sector..last.end),
    ];
    for (end, zeros) in cuts {
        let mut journal = whole.clone();
        journal.last_segment().truncate(end);
        journal.last_segment()[zeros].fill(0);
        let Some(verdict) = journal.judge() else {
            return;
        };
        verdict.fits();
        let before = whole.last - group.len() as u64;
        let position = format!("last position {before}, ");
        assert!(verdict.out.contains("a torn group"), "{}", verdict.out);
        assert!(verdict.out.contains(&position), "{}", verdict.out);
        assert!(verdict.torn_octets > 0);
    }
}

#[test]
fn a_frame_that_lacks_its_filling_alone_is_whole() {
    let mut journal = Journal::made();
    let end = journal.last_group()[2].body_end;
    journal.last_segment().truncate(end);
    if let Some(verdict) = journal.judge() {
        verdict.fits();
        assert!(!verdict.out.contains("note"), "{}", verdict.out);
        assert_eq!(verdict.torn_octets, 0);
    }
}

#[test]
fn a_segment_that_was_made_and_not_used_is_no_damage() {
    let mut journal = Journal::made();
    journal.segments.retain(|&number, _| number <= 3);
    journal.last_segment().truncate(HEADER_OCTETS);
    let Some(verdict) = journal.judge() else {
        return;
    };
    verdict.fits();
    assert!(!verdict.out.contains("note"), "the seal is there");
    // The cut was before the seal was written.
    let before = journal.segments.get_mut(&2).expect("a segment");
    let seal = *frames(before).last().expect("a seal");
    before[seal.start..seal.end].fill(0);
    if let Some(verdict) = journal.judge() {
        verdict.fits();
        assert!(verdict.out.contains("never used"), "{}", verdict.out);
    }
}

/// What the checker says of a folder.
fn check(data: &Path, key: Option<&Path>) -> Option<(Option<i32>, String)> {
    let output = Command::new(python()?)
        .arg(CHECKER)
        .arg(data.join("journal"))
        .args(key)
        .output()
        .expect("python runs");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    Some((output.status.code(), text))
}

fn signing_options(key: u8) -> Options {
    Options {
        signing_key: Some(Zeroizing::new([key; SIGNING_KEY_OCTETS])),
        ..options()
    }
}

/// A child of another test holds the lock of a store until it runs its program: it was born with it.
fn begin_when_free(data: &Path, now: sekisho_verifier::time::Time) -> EmbeddedStore {
    for _ in 0..100 {
        match begin_epoch(data, signing_options(5), now) {
            Err(OpenError::InUse { .. }) => thread::sleep(Duration::from_millis(20)),
            begun => return begun.expect("an epoch"),
        }
    }
    panic!("the lock is never free");
}

/// A store that signs, is looked after, and was restored once.
fn kept(data: &Path) -> Position {
    let mut store = EmbeddedStore::open(data, signing_options(5)).expect("it opens");
    for group in groups() {
        commit(&mut store, group);
    }
    let keeper = store.keeper();
    keeper.compress(&mut || true).expect("it compresses");
    drop(keeper);
    store.close();
    let later = time(1 << 40);
    let mut store = begin_when_free(data, later);
    let restore = operation(OperationKind::Restore, later);
    commit(&mut store, vec![Change::event_only(restore)]);
    commit(&mut store, vec![spend(1, 5_000)]);
    let public = store.signer().expect("a key").public();
    fs::write(data.join("audit.pub"), public.to_string()).expect("a file");
    let position = store.counts().position;
    store.close();
    position
}

#[test]
fn a_stranger_reads_what_is_compressed_signed_and_of_two_epochs() {
    let data = tempfile::tempdir().expect("a folder");
    let position = kept(data.path());
    let key = data.path().join("audit.pub");
    let Some((code, text)) = check(data.path(), Some(&key)) else {
        return;
    };
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("last position {position}, ")),
        "{text}"
    );

    let other = data.path().join("other.pub");
    let text = fs::read_to_string(&key).expect("a key");
    let name = text.split('+').next().expect("a name");
    let signer = Signer::new(name, &[6; SIGNING_KEY_OCTETS]).expect("a signer");
    fs::write(&other, signer.public().to_string()).expect("a file");
    let (code, text) = check(data.path(), Some(&other)).expect("python");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("not signed by this key"), "{text}");
}

#[test]
fn a_stranger_begins_with_the_snapshot_when_old_segments_are_gone() {
    let data = tempfile::tempdir().expect("a folder");
    kept(data.path());
    let mut store = EmbeddedStore::open(data.path(), signing_options(5)).expect("it opens");
    let keeper = store.keeper();
    let removed = keeper.retain(time(1 << 41), &mut |removed| {
        let mut event = operation(OperationKind::Retain, time(1 << 40));
        if let What::Operation(retain) = &mut event.what {
            retain.count = Some(removed.first_kept);
        }
        commit(&mut store, vec![Change::event_only(event)]);
        true
    });
    let removed = removed.expect("it removes").expect("something");
    assert!(removed.segments > 2);
    drop(keeper);
    let position = store.counts().position;
    store.close();
    let key = data.path().join("audit.pub");
    let Some((code, text)) = check(data.path(), Some(&key)) else {
        return;
    };
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("last position {position}, ")),
        "{text}"
    );

    let folder = data.path().join("journal");
    let names = fs::read_dir(&folder).expect("the journal");
    let paths = names.map(|entry| entry.expect("a file").path());
    let snapshot = paths
        .into_iter()
        .find(|path| path.extension() == Some("snapshot".as_ref()));
    let snapshot = snapshot.expect("a snapshot");
    let whole = fs::read(&snapshot).expect("a file");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for (octets, what) in [(Some(changed), "zstd"), (None, "no snapshot stands for it")] {
        match octets {
            Some(octets) => fs::write(&snapshot, octets).expect("a file"),
            None => fs::remove_file(&snapshot).expect("it is there"),
        }
        let (code, text) = check(data.path(), None).expect("python");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(what), "{text}");
        assert!(EmbeddedStore::open(data.path(), signing_options(5)).is_err());
    }
}

/// What somebody adds who can write, and has no signing key.
fn add_unsigned(data: &Path, epoch: bool, groups: Vec<Vec<Change>>) {
    let later = time(1 << 41);
    let store = match epoch {
        true => begin_epoch(data, options(), later),
        false => EmbeddedStore::open(data, options()),
    };
    let mut store = store.expect("it opens");
    for group in groups {
        commit(&mut store, group);
    }
    store.close();
}

#[test]
fn a_stranger_names_what_nobody_signed_and_epochs_that_no_restore_began() {
    let many: Vec<_> = (0..1_001).map(|n| spend(1, 9_000 + n)).collect();
    let one = vec![spend(1, 9_000)];
    for (epoch, groups, code, said) in [
        (
            false,
            vec![one.clone()],
            0,
            "events at the end are not signed yet",
        ),
        (false, vec![many], 1, "events at the end are not signed"),
        (true, vec![one], 1, "begins with no restore"),
    ] {
        let data = tempfile::tempdir().expect("a folder");
        kept(data.path());
        add_unsigned(data.path(), epoch, groups);
        let Some((found, text)) = check(data.path(), Some(&data.path().join("audit.pub"))) else {
            return;
        };
        assert!(text.contains(said), "{said}: {text}");
        assert_eq!(found, Some(code), "{text}");
    }
}

#[test]
fn a_stranger_names_a_journal_without_any_signature() {
    let data = tempfile::tempdir().expect("a folder");
    add_unsigned(data.path(), false, vec![vec![spend(1, 1)]]);
    let store = EmbeddedStore::open(data.path(), signing_options(5)).expect("it opens");
    let key = data.path().join("audit.pub");
    let public = store.signer().expect("a key").public();
    fs::write(&key, public.to_string()).expect("a file");
    store.close();
    let Some((code, text)) = check(data.path(), Some(&key)) else {
        return;
    };
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("nothing is signed"), "{text}");
}

#[test]
fn wrong_usage_is_told_apart() {
    let Some(python) = python() else {
        return;
    };
    let status = Command::new(python).arg(CHECKER).output().expect("it runs");
    assert_eq!(status.status.code(), Some(2));
    assert!(status.stderr.starts_with(b"usage: "));
}
