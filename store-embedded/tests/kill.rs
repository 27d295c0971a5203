//! `kill -9` at random moments: what was acknowledged is there, and the store opens by itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sekisho_store_embedded::{EmbeddedStore, Options};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::store::{Decider, Outcome, Position, Store};
use sekisho_verifier::testing::sample::{SpendNext, keyring, spent};
use zeroize::Zeroizing;

const FOLDER: &str = "SEKISHO_KILL_FOLDER";
/// How many kills: `SEKISHO_KILLS=1000 cargo test`.
const KILLS: &str = "SEKISHO_KILLS";
const KILLS_USUALLY: u64 = 20;
const TOKENS: u64 = 40;
const SEGMENT_OCTETS: u64 = 1 << 20;

/// As in a verifier: with checkpoints and an anchor.
fn options(folder: &Path) -> Options {
    Options {
        segment_octets: Some(SEGMENT_OCTETS),
        signing_key: Some(Zeroizing::new([3; SIGNING_KEY_OCTETS])),
        anchor: Some(folder.with_extension("anchor")),
        ..Options::new(keyring())
    }
}

/// Commits until it is killed, and says what was acknowledged.
fn child(folder: &Path) {
    let mut store = EmbeddedStore::open(folder, options(folder)).expect("the store opens");
    let mut out = std::io::stdout().lock();
    for round in 0.. {
        let mut deciders: Vec<SpendNext> = (0..1 + round % 17)
            .map(|n| SpendNext::new((round * 7 + n) % TOKENS))
            .collect();
        let mut group: Vec<&mut dyn Decider> = Vec::new();
        for decider in &mut deciders {
            group.push(decider);
        }
        let outcomes = store.commit(&mut group).expect("a commit");
        if round % 5 == 0 && store.wants_idle() {
            store.idle().expect("it lives");
        }
        for (decider, outcome) in deciders.iter().zip(outcomes) {
            let Outcome::Applied(position) = outcome else {
                panic!("{outcome:?}");
            };
            writeln!(out, "ack {} {} {position}", decider.n, decider.step).expect("a pipe");
        }
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "acknowledged_changes_survive_kill_9",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Lets a child run for `time` and kills it. Returns what it acknowledged.
fn run(folder: &Path, time: Duration) -> Vec<(u64, u64, Position)> {
    let mut child = start(folder);
    let out = child.stdout.take().expect("a pipe");
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    thread::sleep(time);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    reader.join().expect("the reader ends");
    // The last line may be cut: it then lacks a word or part of a number, so it does not count.
    let mut lines: Vec<String> = receive.iter().collect();
    lines.pop();
    lines
        .iter()
        .filter_map(|line| acknowledgement(line))
        .collect()
}

fn acknowledgement(line: &str) -> Option<(u64, u64, Position)> {
    let mut words = line.strip_prefix("ack ")?.split(' ').map(str::parse);
    match (words.next(), words.next(), words.next()) {
        (Some(Ok(n)), Some(Ok(step)), Some(Ok(position))) => Some((n, step, position)),
        _ => None,
    }
}

#[test]
fn acknowledged_changes_survive_kill_9() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return child(&PathBuf::from(folder));
    }
    let kills = std::env::var(KILLS).ok();
    let kills = kills.map_or(KILLS_USUALLY, |kills| kills.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut last = 0;
    let mut total = 0;
    for kill in 0..kills {
        // Some are killed while they open.
        let time = Duration::from_millis(kill * 37 % 251);
        for (n, step, position) in run(folder.path(), time) {
            assert!(position > last, "position {position} after {last}");
            last = position;
            let before = acknowledged.insert(n, step);
            assert!(before.is_none_or(|before| step > before), "a step twice");
            total += 1;
        }
        let options = Options {
            replay_all: kill % 5 == 4,
            ..options(folder.path())
        };
        let store = EmbeddedStore::open(folder.path(), options).expect("the store opens");
        for (&n, &step) in &acknowledged {
            let stored = spent(store.view(), n).expect("a read");
            assert!(
                stored >= Some(step),
                "token {n}: {stored:?}, acknowledged {step}"
            );
        }
        assert!(store.counts().position >= last);
        assert_eq!(store.warnings(), Vec::<String>::new());
        if kill % 3 == 0 {
            store.close();
        }
    }
    assert!(total > 100, "only {total} acknowledged");
    for entry in std::fs::read_dir(folder.path().parent().expect("a folder")).expect("a list") {
        let path = entry.expect("an entry").path();
        let anchor = folder.path().with_extension("anchor-");
        let name = anchor
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path
            .file_name()
            .is_some_and(|own| own.to_string_lossy().starts_with(&name))
        {
            std::fs::remove_file(path).expect("an anchor");
        }
    }
    println!("{kills} kills, {total} acknowledged, none lost");
}
