//! `sekisho-verifierd`: the one process that holds seeds and decides.
//!
//! A tokio shell around the core: `service` accepts connections, `connection` turns frames into
//! jobs, `decider` decides them in groups on a thread of its own and commits each group with one
//! sync. `admin` serves the verbs of admins, help desk and auditors.

mod admin;
mod approvals;
mod backup;
mod clock;
mod connection;
mod counters;
mod current;
mod decider;
mod explain;
mod findings;
mod health;
mod kept_policy;
mod keys;
mod logins;
mod orders;
mod outbox;
mod owners;
mod passwords;
mod peer;
mod policy;
mod progress;
mod rate;
mod requests;
mod restore;
mod restored;
mod sealed_file;
mod second_use;
mod seeds;
mod seen;
mod service;
mod sessions;
mod speech;
mod staff;
mod status;
mod tickets;
mod upkeep;
mod uri;
mod views;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::{Parser, Subcommand};
use sekisho_daemon::Log;
use sekisho_settings::{Approved, DEFAULT_FILE, Settings};
use sekisho_store_embedded::{EmbeddedStore, INDEX_THREAD, Options};
use sekisho_verifier::store::{Counts, Store};
use sekisho_verifier::verify::Verifier;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::approvals::{Approvals, NUMBER_CHARACTERS};
use crate::backup::{BACKUP_THREAD, Backups};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::current::Current;
use crate::decider::{Deciding, Queue};
use crate::findings::{Finder, Findings};
use crate::kept_policy::{KeptPolicy, Rules};
use crate::keys::{Keys, NOT_LOCKED};
use crate::owners::Owners;
use crate::passwords::Passwords;
use crate::peer::Directory;
use crate::progress::Progress;
use crate::rate::Rates;
use crate::restore::Restore;
use crate::restored::Hold;
use crate::second_use::SecondUse;
use crate::seen::Seen;
use crate::service::{Service, Shared};
use crate::sessions::Sessions;
use crate::upkeep::Upkeep;

/// What the names of sled's own threads begin with. The index is rebuilt when one of them fails.
const SLED_THREADS: &str = "sled";
/// How long connections may take to end after the daemon was asked to.
const FAREWELL: Duration = Duration::from_secs(5);
/// Beside the socket: remembers how far the journal was acknowledged.
const ANCHOR: &str = "anchor";

/// Decides who gets in: holds seeds, spends codes, keeps the journal.
#[derive(Debug, Parser)]
#[command(name = "sekisho-verifierd", version)]
struct Arguments {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, global = true)]
    settings: PathBuf,
    /// Check the settings and end.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else this program does: whatever needs the keys.
#[derive(Debug, Subcommand)]
enum Command {
    Restore(Restore),
}

/// Anything that keeps the daemon from running; told once, on standard error.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    sekisho_daemon::abort_on_panic(&[INDEX_THREAD, SLED_THREADS, BACKUP_THREAD]);
    let arguments = Arguments::parse();
    if let Some(Command::Restore(restore)) = &arguments.command {
        return restore::run(&arguments.settings, restore);
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "sekisho-verifierd: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (settings, text) = Settings::load_with_text(&arguments.settings)?;
    let rules = Rules::new(&settings, text)?;
    if arguments.check {
        return Ok(());
    }
    sekisho_daemon::close_memory()?;
    // sled makes its files as the mask lets it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let log = Log::start(&settings.log, "sekisho-verifierd")?;
    let unlocked = sekisho_daemon::lock_memory().err();
    if let Some(error) = &unlocked {
        log.warning(format_args!("{NOT_LOCKED}: {error}"));
    }
    restore::refuse_unfinished(&settings.verifier.data)?;
    let keys = Arc::new(keys::open(&settings)?.with_memory_locked(unlocked.is_none()));
    let keyring = Arc::clone(keys.keyring());
    let data = &settings.verifier.data;
    let kept = KeptPolicy::take(&arguments.settings, data, &keyring, rules, &log);
    let verifier = Arc::new(Verifier::new(kept.rules().policy, keyring)?);
    let store = open_store(&settings, &keys, &log)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(
        settings,
        Arc::new(kept),
        verifier,
        keys,
        store,
        log.clone(),
    ));
    // Connections that did not end in time must not keep the process.
    runtime.shutdown_background();
    log.flush();
    served
}

async fn serve(
    settings: Settings,
    kept_policy: Arc<KeptPolicy>,
    verifier: Arc<Verifier>,
    keys: Arc<Keys>,
    store: EmbeddedStore,
    log: Log,
) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let path = settings.verifier.socket.clone();
    let listener = service::bind(&path).map_err(|error| {
        let (path, folder) = (path.display(), path.parent().unwrap_or(&path).display());
        format!("{path}: {error}\n  make sure that {folder} is there, is ours, and that no other verifier runs")
    })?;
    let counters = Arc::new(Counters::default());
    let (end_connections, ending) = watch::channel(false);
    let clock = Arc::new(Clock::new());
    let signer = store.signer();
    if let Some(signer) = &signer
        && let Err(error) = keys.publish(&signer.public().to_string())
    {
        log.warning(format_args!("the public key can not be written: {error}"));
    }
    let keeper = store.keeper();
    let upkeep = Upkeep::start(keeper.clone(), log.clone(), ending.clone())?;
    let backups = Backups::new(&settings, keeper.clone(), Arc::clone(&keys), signer.clone());
    let sessions = Arc::new(Sessions::new(first_order()?));
    let speech = policy::speech(&settings);
    let data = &settings.verifier.data;
    let kept = findings::load(data, verifier.keyring(), clock::now(), &log);
    let findings = Arc::new(Findings::new(kept));
    let rules = kept_policy.rules();
    let second_use = Arc::new(SecondUse::new(&rules.pam));
    let first = store.counts().position == 0;
    let current = Arc::new(Current::new(Arc::clone(&verifier)));
    let takes_two = rules.operations.contains(&Approved::Restore);
    let approvals = Approvals::new(rules.operations);
    let data = &settings.verifier.data;
    let hold = Hold::take(data, takes_two, &approvals, number()?, &log);
    let deciding = Deciding {
        store,
        current: Arc::clone(&current),
        counters: Arc::clone(&counters),
        clock: Arc::clone(&clock),
        sessions: Arc::clone(&sessions),
        findings: Arc::clone(&findings),
        second_use: Arc::clone(&second_use),
        speech,
        log: log.clone(),
        late: false,
    };
    let (queue, deciding) = start_deciding(deciding)?;
    let finder = Finder {
        findings: Arc::clone(&findings),
        verifier: Arc::clone(&verifier),
        queue: queue.clone(),
        data: settings.verifier.data.clone(),
        log: log.clone(),
        clock: clock::now,
    };
    let finder = finder.start()?;
    let watching = Arc::clone(&clock).watch(log.clone(), ending.clone());
    let (rotations, rotator) =
        keys::rotator(&keys, keeper, queue.clone(), log.clone(), ending.clone());
    let directory = Arc::new(Directory::new(&settings.verifier));
    let service = Service {
        listener,
        directory: Arc::clone(&directory),
        shared: Arc::new(Shared {
            keyring: Arc::clone(verifier.keyring()),
            current,
            kept_policy: Arc::clone(&kept_policy),
            queue,
            keys,
            rotations,
            counters,
            clock,
            signer,
            log: log.clone(),
            serial_prefix: settings.verifier.serial_prefix.clone(),
            started: clock::now(),
            import_turn: Arc::new(Semaphore::new(1)),
            backups,
            upkeep,
            data: settings.verifier.data.clone(),
            retention: settings.audit.retention(),
            rates: Rates::default(),
            passwords: Passwords::start()?,
            sessions,
            seen: Seen::new(&settings),
            approvals,
            directory,
            hold,
            findings: Arc::clone(&findings),
            second_use,
            owners: Owners::new(&settings),
            speech,
            ending,
        }),
        limits: settings.verifier,
        open: Arc::new(Mutex::default()),
    };
    sekisho_daemon::notify_ready();
    log.info(format_args!("ready on {}", path.display()));
    let mut tasks = JoinSet::new();
    tasks.spawn(rotator.run());
    tasks.spawn(watching);
    tasks.spawn(Arc::clone(&kept_policy).tell(first, service.shared.queue.clone(), log.clone()));
    tasks.spawn(kept_policy.keep(log.clone(), service.shared.ending.clone()));
    tasks.spawn(sessions::keep(Arc::clone(&service.shared)));
    tokio::select! {
        () = service.run(&mut tasks) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sekisho_daemon::notify_stopping();
    log.info("stopping");
    end_connections.send_replace(true);
    findings.end();
    // It may ask the decider for a last time, which still runs.
    let _ = tokio::task::spawn_blocking(move || finder.join()).await;
    end(service, tasks, deciding, &path).await
}

/// Stops taking requests, answers what is in flight, and closes the store.
async fn end(
    service: Service,
    mut tasks: JoinSet<()>,
    deciding: JoinHandle<EmbeddedStore>,
    path: &std::path::Path,
) -> Result<(), Failure> {
    // Removed first, so that a new verifier's socket is never taken away.
    let _ = std::fs::remove_file(path);
    drop(service);
    let gone = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, gone).await;
    tasks.shutdown().await;
    // The last queue is gone with the last connection, so the thread ends.
    let store = tokio::task::spawn_blocking(move || deciding.join()).await?;
    match store {
        Ok(store) => {
            store.close();
            Ok(())
        }
        Err(_) => Err("the deciding thread has panicked".into()),
    }
}

fn open_store(settings: &Settings, keys: &Keys, log: &Log) -> Result<EmbeddedStore, Failure> {
    let mut progress = Progress::new(log.clone());
    let options = Options {
        signing_key: Some(keys.signing_key()),
        progress: Some(Box::new(move |done, all| progress.tell(done, all))),
        publish: Some(Box::new(publish(log.clone()))),
        anchor: Some(settings.verifier.socket.with_file_name(ANCHOR)),
        ..Options::new(Arc::clone(keys.keyring()))
    };
    let store = EmbeddedStore::open(&settings.verifier.data, options)?;
    let opened = store.opened();
    if let Some(why) = &opened.index_rebuilt {
        log.warning(format_args!(
            "the index was rebuilt from the journal: {why}"
        ));
    }
    if opened.torn_octets > 0 {
        let octets = opened.torn_octets;
        log.warning(format_args!(
            "{octets} octets of an unfinished write were cut off"
        ));
    }
    let Counts {
        tokens,
        accounts,
        sessions,
        position,
    } = store.counts();
    let replayed = opened.replayed;
    log.info(format_args!(
        "store open: {tokens} tokens, {accounts} accounts, {sessions} sessions, newest event {position}, {replayed} replayed"
    ));
    Ok(store)
}

/// Sends each checkpoint to the log, and so out of the data folder, in one line as syslog wants it.
fn publish(log: Log) -> impl FnMut(&str) + Send {
    move |note| log.info(format_args!("checkpoint {note}"))
}

/// The number of an approval.
fn number() -> Result<String, Failure> {
    let mut octets = [0; NUMBER_CHARACTERS];
    getrandom::fill(&mut octets).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(approvals::number(octets))
}

/// What the ids of orders begin at, in the lower half of all numbers.
fn first_order() -> Result<u64, Failure> {
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(u64::from_be_bytes(octets) >> 1)
}

fn start_deciding(
    deciding: Deciding<EmbeddedStore>,
) -> Result<(Queue, JoinHandle<EmbeddedStore>), Failure> {
    let (queue, jobs) = decider::queue();
    let thread = std::thread::Builder::new().name("decider".into());
    let handle = thread.spawn(move || deciding.run(&jobs))?;
    Ok((queue, handle))
}
