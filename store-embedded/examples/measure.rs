//! Measures the embedded store beside a bare file, and prints lines of `name value`.
//!
//! `measure commits [FOLDER]`: durable commits per second in groups of 1, 16, 64 and 256, and the
//! same number of octets appended and synced without a store. `measure events N FOLDER`: N logins.
//! `measure keep FOLDER`: compresses, and hands out a snapshot. `measure verify FOLDER`: verifies. `measure fill N FOLDER`: N tokens and
//! N accounts, then resident memory. `measure open FOLDER`: start time and resident memory.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sekisho_store_embedded::{EmbeddedStore, Options, Sink, verify};
use sekisho_verifier::event::OperationKind;
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::store::{Change, Decider, Outcome, Store, StoreError, View};
use sekisho_verifier::testing::sample::{Write, account, keyring, operation, spend, time, token};
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Hands over its change without a copy.
struct Once(Option<Change>);

impl Decider for Once {
    fn decide(&mut self, _: &dyn View) -> std::result::Result<Option<Change>, StoreError> {
        Ok(self.0.take())
    }
}

/// As in a verifier: with checkpoints, and an anchor on a file system in memory if there is one.
fn options() -> Options {
    let anchor = Path::new("/dev/shm");
    Options {
        signing_key: Some(Zeroizing::new([7; SIGNING_KEY_OCTETS])),
        anchor: anchor
            .is_dir()
            .then(|| anchor.join("sekisho-measure-anchor")),
        ..Options::new(keyring())
    }
}

const RUN: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const TOKENS: u64 = 10_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["commits"] => commits(tempfile::tempdir()?.path()),
        ["commits", folder] => commits(Path::new(folder)),
        ["fill", tokens, folder] => fill(tokens.parse()?, Path::new(folder)),
        ["open", folder] => open(Path::new(folder)),
        ["events", events, folder] => events_in(events.parse()?, Path::new(folder)),
        ["keep", folder] => keep(Path::new(folder)),
        ["verify", folder] => verified(Path::new(folder)),
        _ => Err(
            "measure commits [FOLDER] | fill N FOLDER | open FOLDER | events N FOLDER \
            | keep FOLDER | verify FOLDER"
                .into(),
        ),
    }
}

/// Logins of some tokens, in groups as under load.
fn events_in(events: u64, data: &Path) -> Result<()> {
    const GROUP: u64 = 256;
    std::fs::create_dir_all(data)?;
    let mut store = EmbeddedStore::open(data, options())?;
    for from in (0..events).step_by(GROUP as usize) {
        let logins = from..events.min(from + GROUP);
        let mut writes: Vec<Once> = logins
            .map(|n| Once(Some(spend(n % TOKENS, n / TOKENS))))
            .collect();
        let mut group: Vec<&mut dyn Decider> = Vec::new();
        for write in &mut writes {
            group.push(write);
        }
        store.commit(&mut group)?;
    }
    let public = store.signer().ok_or("no signer")?.public();
    std::fs::write(data.join("audit.pub"), public.to_string())?;
    store.close();
    Ok(())
}

/// Counts what it is given.
struct Counting(u64);

impl Sink for Counting {
    fn file(&mut self, _: &str, octets: u64, content: &mut dyn Read) -> std::io::Result<()> {
        self.0 += octets;
        std::io::copy(content, &mut std::io::sink()).map(drop)
    }
}

fn keep(data: &Path) -> Result<()> {
    let store = EmbeddedStore::open(data, options())?;
    let keeper = store.keeper();
    let begin = Instant::now();
    let compressed = keeper.compress(&mut || true)?;
    println!("compress_s {:.3}", begin.elapsed().as_secs_f64());
    println!("octets_before {}", compressed.octets_before);
    println!("octets_after {}", compressed.octets_after);
    let (begin, mut sink) = (Instant::now(), Counting(0));
    keeper.export(false, &mut sink)?;
    println!("snapshot_s {:.3}", begin.elapsed().as_secs_f64());
    println!("snapshot_octets {}", sink.0);
    Ok(())
}

fn verified(data: &Path) -> Result<()> {
    let key = std::fs::read_to_string(data.join("audit.pub"))?;
    let begin = Instant::now();
    let found = verify(data, Some(&key.parse()?), &[], &mut |_, _| {})?;
    println!("verify_s {:.3}", begin.elapsed().as_secs_f64());
    println!("events {}", found.events);
    println!("signatures {}", found.signatures);
    Ok(())
}

/// Three rounds, ours and the bare file by turns: the machine is not alone.
fn commits(folder: &Path) -> Result<()> {
    let data = folder.join("data");
    std::fs::create_dir(&data)?;
    let mut store = EmbeddedStore::open(&data, options())?;
    for n in 0..TOKENS {
        store.commit(&mut [&mut Write(spend(n, 1))])?;
    }
    for group in [1, 16, 64, 256] {
        for round in 0..ROUNDS {
            let before = journal_octets(&data)?;
            let (ours, commits) = commit_for(&mut store, group, RUN)?;
            let octets = (journal_octets(&data)? - before) / commits.max(1);
            let raw = append_for(&folder.join("raw"), octets.max(400) as usize * group, RUN)?;
            let raw = raw * group as f64;
            println!("round {round}: commits_per_s_{group} {ours:.0}");
            println!("round {round}: append_fdatasync_records_per_s_{group} {raw:.0}");
            println!("round {round}: share_{group} {:.2}", ours / raw);
        }
    }
    for warning in store.warnings() {
        println!("warning {warning}");
    }
    store.close();
    Ok(())
}

/// The journal grows by whole steps, so this is rough; a floor stands in for it.
fn journal_octets(data: &Path) -> Result<u64> {
    let mut octets = 0;
    for entry in std::fs::read_dir(data.join("journal"))? {
        octets += entry?.metadata()?.len();
    }
    Ok(octets)
}

fn commit_for(store: &mut EmbeddedStore, group: usize, run: Duration) -> Result<(f64, u64)> {
    let mut step = 2;
    let mut done = 0;
    let mut spent = Duration::ZERO;
    while spent < run {
        // What the verifier would have made of the attempts is not measured here.
        let mut writes: Vec<Once> = (0..group as u64)
            .map(|n| Once(Some(spend((step * 97 + n) % TOKENS, step))))
            .collect();
        let mut deciders: Vec<&mut dyn Decider> = Vec::with_capacity(group);
        for write in &mut writes {
            deciders.push(write);
        }
        let began = Instant::now();
        let outcomes = store.commit(&mut deciders)?;
        spent += began.elapsed();
        let applied = |outcome: &&Outcome| matches!(outcome, Outcome::Applied(_));
        assert_eq!(outcomes.iter().filter(applied).count(), group);
        done += group as u64;
        step += 1;
    }
    Ok((done as f64 / spent.as_secs_f64(), done))
}

fn append_for(path: &Path, octets: usize, run: Duration) -> Result<f64> {
    let file = File::create(path)?;
    let record = vec![0xA5; octets];
    let started = Instant::now();
    let (mut offset, mut done) = (0, 0u64);
    while started.elapsed() < run {
        file.write_all_at(&record, offset)?;
        file.sync_data()?;
        offset += octets as u64;
        done += 1;
    }
    std::fs::remove_file(path)?;
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

fn fill(tokens: u64, folder: &Path) -> Result<()> {
    let mut store = EmbeddedStore::open(folder, options())?;
    let started = Instant::now();
    let import = Change {
        event: operation(OperationKind::Import, time(1)),
        written: (1..=tokens).map(|n| token(n, 1)).collect(),
        removed: Vec::new(),
    };
    println!("rss_of_change_mib {}", rss_mib()?);
    let outcome = store.commit(&mut [&mut Once(Some(import))])?;
    println!(
        "import_s {:.2} {outcome:?}",
        started.elapsed().as_secs_f64()
    );
    let accounts = Change {
        event: operation(OperationKind::AccountSet, time(2)),
        written: (1..=tokens).map(|n| account(n, 0)).collect(),
        removed: Vec::new(),
    };
    store.commit(&mut [&mut Once(Some(accounts))])?;
    println!("fill_s {:.2}", started.elapsed().as_secs_f64());
    println!("rss_mib {}", rss_mib()?);
    let started = Instant::now();
    store.close();
    println!("close_s {:.2}", started.elapsed().as_secs_f64());
    println!("rss_after_close_mib {}", rss_mib()?);
    Ok(())
}

fn open(folder: &Path) -> Result<()> {
    let started = Instant::now();
    let mut store = EmbeddedStore::open(folder, options())?;
    println!("open_s {:.2}", started.elapsed().as_secs_f64());
    println!("opened {:?}", store.opened());
    println!("counts {:?}", store.counts());
    println!("rss_mib {}", rss_mib()?);
    let (rate, _) = commit_for(&mut store, 64, RUN)?;
    println!("commits_per_s_64 {rate:.0}");
    println!("rss_under_load_mib {}", rss_mib()?);
    let started = Instant::now();
    store.close();
    println!("close_s {:.2}", started.elapsed().as_secs_f64());
    println!("index_mib {}", folder_octets(folder.join("index"))? >> 20);
    Ok(())
}

fn folder_octets(folder: PathBuf) -> Result<u64> {
    let mut octets = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        octets += if entry.file_type()?.is_dir() {
            folder_octets(entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(octets)
}

fn rss_mib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? >> 10)
}
