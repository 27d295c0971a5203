//! The embedded store alone: durable events beside one file that is appended to and synced, and how
//! long it takes to open it, to rebuild it from its journal, and to verify what it recorded.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_store_embedded::{EmbeddedStore, Options, verify};
use sekisho_verifier::note::{PublicKey, SIGNING_KEY_OCTETS};
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::store::{Change, Decider, Outcome, Record, Store, StoreError, View};
use sekisho_verifier::testing::sample::{account, keyring, login, time, token};
use sekisho_verifier::token::Token;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::Failure;
use crate::disk::{GrowingFile, RawFile, Syncs};
use crate::figures::Figures;
use crate::plan::{Plan, say};

/// Events that are made durable together.
pub(crate) const GROUPS: [usize; 4] = [1, 16, 256, 4_096];
/// The disk is another one a second later, so each is measured in so many parts.
const TURNS: u32 = 10;
/// Events of a group while a history is made that is opened and verified afterwards.
const FILL_GROUP: usize = 4_096;
/// Where files are in memory, so that the anchor costs what it does in an installation.
const MEMORY_FOLDER: &str = "/dev/shm";

/// Measures commits, and then opening and verifying.
pub(crate) fn measure(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    commits(plan, folder, figures)?;
    histories(plan, folder, figures)
}

/// Ours, a file that grows and a file that is there in full, by short turns.
fn commits(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    say("durable events of the store alone");
    let mut subject = Subject::new(folder, plan.store_tokens)?;
    let mut store = subject.open()?;
    let mut in_place = RawFile::create(subject.folder.path())?;
    let turn = plan.store / TURNS;
    for _ in 0..plan.rounds {
        for group in GROUPS {
            let mut appended = GrowingFile::create(subject.folder.path())?;
            let mut syncs = [Syncs::default(); 3];
            let mut octets = 0;
            for _ in 0..TURNS {
                let before = journal_octets(&subject.data)?;
                let ours = subject.commit_for(&mut store, group, turn)?;
                let written = (journal_octets(&subject.data)? - before).div_ceil(ours.count);
                octets = usize::try_from(written)?;
                syncs[0] += ours;
                syncs[1] += appended.run(octets, turn)?;
                syncs[2] += in_place.run(octets, turn)?;
            }
            let [ours, appended, in_place] = syncs.map(|syncs| syncs.per_s());
            let mut put = |what: &str, value| {
                figures.put(format!("store_events_{group}_{what}"), value);
            };
            put("per_s", ours * group as f64);
            put("octets", octets as f64 / group as f64);
            put("of_append_percent", percent(ours, appended));
            put("of_in_place_percent", percent(ours, in_place));
        }
    }
    store.close();
    Ok(())
}

fn percent(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}

/// One store that grows from each number of events to the next.
fn histories(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    let mut subject = Subject::new(folder, plan.store_tokens)?;
    for &events in plan.histories {
        say(format_args!("a history of {events} events"));
        let mut put = |what: &str, value| figures.put(format!("history_{events}_{what}"), value);
        let mut store = subject.open()?;
        let public = store.signer().ok_or("no key signs")?.public();
        let started = Instant::now();
        subject.fill(&mut store, events)?;
        put("fill_s", started.elapsed().as_secs_f64());
        store.close();
        put("journal_mib", (journal_octets(&subject.data)? >> 20) as f64);
        put(
            "verify_s",
            verified(&subject.data, &public, events)?.as_secs_f64(),
        );
        put("open_s", subject.opened(false)?.as_secs_f64());
        fs::remove_dir_all(subject.data.join("index"))?;
        put("rebuild_s", subject.opened(true)?.as_secs_f64());
    }
    Ok(())
}

fn verified(data: &Path, public: &PublicKey, events: u64) -> Result<Duration, Failure> {
    let started = Instant::now();
    let verified = verify(data, Some(public), &[], &mut |_, _| {}).map_err(|fault| fault.text)?;
    let took = started.elapsed();
    if verified.events < events || verified.signatures == 0 {
        let (found, signed) = (verified.events, verified.signatures);
        return Err(format!("{found} events and {signed} signatures were verified").into());
    }
    Ok(took)
}

/// A folder with a store, and tokens to use.
struct Subject {
    folder: TempDir,
    /// The anchor of the store, in memory.
    _memory: Option<TempDir>,
    anchor: Option<PathBuf>,
    data: PathBuf,
    keyring: Arc<Keyring>,
    tokens: Vec<Token>,
    /// How many logins there were.
    logins: u64,
}

impl Subject {
    fn new(parent: &Path, tokens: u64) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("store-")
            .tempdir_in(parent)?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let memory = tempfile::Builder::new()
            .prefix("sekisho-bench-")
            .tempdir_in(MEMORY_FOLDER)
            .ok();
        let mut subject = Self {
            anchor: memory.as_ref().map(|memory| memory.path().join("anchor")),
            _memory: memory,
            folder,
            data,
            keyring: keyring(),
            tokens: Vec::new(),
            logins: 0,
        };
        subject.make_tokens(tokens)?;
        Ok(subject)
    }

    /// As the verifier opens it: with checkpoints and an anchor.
    fn open(&self) -> Result<EmbeddedStore, Failure> {
        let options = Options {
            signing_key: Some(Zeroizing::new([7; SIGNING_KEY_OCTETS])),
            anchor: self.anchor.clone(),
            ..Options::new(Arc::clone(&self.keyring))
        };
        Ok(EmbeddedStore::open(&self.data, options)?)
    }

    /// How long it takes until it is open.
    fn opened(&self, rebuilt: bool) -> Result<Duration, Failure> {
        let started = Instant::now();
        let store = self.open()?;
        let took = started.elapsed();
        let replayed = store.opened().replayed;
        store.close();
        if rebuilt != (replayed >= self.logins) {
            return Err(format!("{replayed} changes were replayed").into());
        }
        Ok(took)
    }

    fn make_tokens(&mut self, tokens: u64) -> Result<(), Failure> {
        let mut store = self.open()?;
        let numbers: Vec<u64> = (0..tokens).collect();
        for part in numbers.chunks(FILL_GROUP) {
            let change = |n: &u64| Change {
                written: vec![token(*n, 1), account(*n, 0)],
                ..Change::event_only(login(*n, 1, time(1)))
            };
            commit(&mut store, part.iter().map(change).collect())?;
        }
        for n in numbers {
            if let Record::Token(token) = token(n, 1) {
                self.tokens.push(token);
            }
        }
        store.close();
        Ok(())
    }

    /// Logins of one token after the other: each writes the token and an event.
    fn logins(&mut self, count: usize) -> Vec<Change> {
        let tokens = self.tokens.len() as u64;
        let change = |logins: u64| {
            let n = logins % tokens;
            let step = 2 + logins / tokens;
            let token = &mut self.tokens[n as usize];
            token.spent.insert(0, step);
            token.spent.truncate(8);
            Change {
                event: login(n, step, time(logins)),
                written: vec![Record::Token(token.clone())],
                removed: Vec::new(),
            }
        };
        let first = self.logins;
        self.logins += count as u64;
        (first..self.logins).map(change).collect()
    }

    /// Commits groups for `time`. What the verifier would have made of the attempts is not measured.
    fn commit_for(
        &mut self,
        store: &mut EmbeddedStore,
        group: usize,
        time: Duration,
    ) -> Result<Syncs, Failure> {
        let mut syncs = Syncs::default();
        while syncs.elapsed < time {
            syncs.elapsed += commit(store, self.logins(group))?;
            syncs.count += 1;
        }
        Ok(syncs)
    }

    /// Logs in until there are so many logins.
    fn fill(&mut self, store: &mut EmbeddedStore, logins: u64) -> Result<(), Failure> {
        while self.logins < logins {
            let missing = usize::try_from(logins - self.logins)?;
            let logins = self.logins(missing.min(FILL_GROUP));
            commit(store, logins)?;
        }
        Ok(())
    }
}

/// Hands over its change without a copy.
struct Once(Option<Change>);

impl Decider for Once {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        Ok(self.0.take())
    }
}

/// Makes all changes durable as one group; returns how long that took.
fn commit(store: &mut EmbeddedStore, changes: Vec<Change>) -> Result<Duration, Failure> {
    let mut deciders: Vec<Once> = changes.into_iter().map(|c| Once(Some(c))).collect();
    let mut group: Vec<&mut dyn Decider> = Vec::with_capacity(deciders.len());
    for decider in &mut deciders {
        group.push(decider);
    }
    let started = Instant::now();
    let outcomes = store.commit(&mut group)?;
    let took = started.elapsed();
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied(_));
    if !outcomes.iter().all(applied) {
        return Err(format!("a change was not applied: {:?}", store.warnings()).into());
    }
    Ok(took)
}

/// Octets that the journal holds, without the room at its end.
fn journal_octets(data: &Path) -> Result<u64, Failure> {
    let mut octets = 0;
    for entry in fs::read_dir(data.join("journal"))? {
        octets += written_octets(&entry?.path())?;
    }
    Ok(octets)
}

/// Up to the last octet that is not zero.
fn written_octets(path: &Path) -> Result<u64, Failure> {
    let mut file = File::open(path)?;
    let mut end = file.metadata()?.len();
    let mut part = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(1 << 20);
        file.seek(SeekFrom::Start(begin))?;
        part.clear();
        Read::by_ref(&mut file)
            .take(end - begin)
            .read_to_end(&mut part)?;
        if let Some(last) = part.iter().rposition(|octet| *octet != 0) {
            return Ok(begin + last as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_takes_every_figure() {
        let plan = Plan {
            rounds: 1,
            store: Duration::from_millis(20),
            store_tokens: 100,
            histories: &[2_000, 5_000],
            ..Plan::of_environment()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut figures = Figures::default();
        measure(&plan, folder.path(), &mut figures).expect("figures");
        for group in GROUPS {
            for what in [
                "per_s",
                "octets",
                "of_append_percent",
                "of_in_place_percent",
            ] {
                let figure = figures.median(&format!("store_events_{group}_{what}"));
                assert!(figure > Some(0.0), "{group} {what}");
            }
        }
        for events in [2_000, 5_000] {
            for what in ["fill_s", "verify_s", "open_s", "rebuild_s"] {
                let figure = figures.median(&format!("history_{events}_{what}"));
                assert!(figure > Some(0.0), "{events} {what}");
            }
        }
    }
}
