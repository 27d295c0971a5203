//! The socket: who may connect, and how many.

use std::collections::HashMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use sekisho_daemon::Log;
use sekisho_settings as settings;
use sekisho_verifier::note::Signer;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::time::Time;
use sekisho_verifier_socket::Speech;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::approvals::Approvals;
use crate::backup::Backups;
use crate::clock::Clock;
use crate::connection;
use crate::counters::Counters;
use crate::current::Current;
use crate::decider::Queue;
use crate::findings::Findings;
use crate::kept_policy::KeptPolicy;
use crate::keys::{Keys, Rotations};
use crate::owners::Owners;
use crate::passwords::Passwords;
use crate::peer::{self, Directory, Peer};
use crate::rate::Rates;
use crate::restored::Hold;
use crate::second_use::SecondUse;
use crate::seen::Seen;
use crate::sessions::Sessions;
use crate::upkeep::Upkeep;

/// Of every four connections, at most so many belong to users who are neither root nor a daemon.
const UNTRUSTED_QUARTERS: u64 = 3;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) current: Arc<Current>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) kept_policy: Arc<KeptPolicy>,
    pub(crate) queue: Queue,
    pub(crate) keys: Arc<Keys>,
    pub(crate) rotations: Rotations,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Arc<Clock>,
    /// Signs receipts, if there is a signing key.
    pub(crate) signer: Option<Arc<Signer>>,
    pub(crate) log: Log,
    pub(crate) serial_prefix: String,
    pub(crate) started: Time,
    pub(crate) import_turn: Arc<Semaphore>,
    pub(crate) backups: Backups,
    pub(crate) upkeep: Upkeep,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// How long events are kept.
    pub(crate) retention: Duration,
    pub(crate) rates: Rates,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) seen: Seen,
    pub(crate) approvals: Approvals,
    pub(crate) directory: Arc<Directory>,
    pub(crate) hold: Hold,
    pub(crate) findings: Arc<Findings>,
    pub(crate) second_use: Arc<SecondUse>,
    pub(crate) owners: Owners,
    /// How to speak with who has chosen no language.
    pub(crate) speech: Speech,
    /// Becomes true when the daemon ends: connections then take no further request.
    pub(crate) ending: watch::Receiver<bool>,
}

/// Accepts connections and serves them.
pub(crate) struct Service {
    pub(crate) listener: UnixListener,
    pub(crate) directory: Arc<Directory>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) limits: settings::Verifier,
    pub(crate) open: Arc<Mutex<HashMap<u32, u64>>>,
}

/// Binds the socket at `path`. Every user may connect: each request is judged by who asks.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Removes the socket of a verifier that has ended. A verifier that runs keeps its own.
fn remove_stale(path: &Path) -> io::Result<()> {
    let known = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let ours = known.uid() == nix::unistd::geteuid().as_raw();
    if !known.file_type().is_socket() || !ours {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is not our socket is there",
        ));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another verifier is running",
        )),
    }
}

impl Service {
    /// Serves until the future is dropped; connections go on in `tasks`.
    pub(crate) async fn run(&self, tasks: &mut JoinSet<()>) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.admit(stream, tasks),
                    Err(error) => self.pause(&error).await,
                },
                // Reaps what has ended.
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    /// Out of descriptors: those that are open go on, new ones wait.
    async fn pause(&self, error: &io::Error) {
        let log = &self.shared.log;
        log.warning(format_args!("no connection can be taken: {error}"));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    fn admit(&self, stream: UnixStream, tasks: &mut JoinSet<()>) {
        let Ok(credentials) = stream.peer_cred() else {
            return;
        };
        let (uid, gid, pid) = (credentials.uid(), credentials.gid(), credentials.pid());
        let known = self.directory.trusted(uid);
        let Some(place) = self.take_place(uid, known.is_some()) else {
            // Dropping the stream closes it: the client sees that nothing was decided.
            self.shared.counters.refused_connections.add();
            return;
        };
        let directory = Arc::clone(&self.directory);
        let shared = Arc::clone(&self.shared);
        tasks.spawn(async move {
            let _place = place;
            let peer = match known {
                Some(peer) => Some(peer),
                None => look_up(directory, uid, gid).await,
            };
            if let Some(peer) = peer {
                let login_uid = pid.and_then(peer::login_uid);
                let peer = Peer {
                    pid,
                    login_uid,
                    ..peer
                };
                connection::serve(stream, peer, shared).await;
            }
        });
    }

    /// Counts a connection of `uid` in, if there is room for it.
    fn take_place(&self, uid: u32, trusted: bool) -> Option<PlaceTaken> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u64 = open.values().sum();
        let own = open.get(&uid).copied().unwrap_or(0);
        let limit = self.limits.connections.value();
        let room = if trusted {
            all < limit
        } else {
            all < limit / 4 * UNTRUSTED_QUARTERS && own < self.limits.connections_per_user.value()
        };
        room.then(|| {
            *open.entry(uid).or_default() += 1;
            self.shared.counters.connections.add();
            PlaceTaken {
                uid,
                open: Arc::clone(&self.open),
                counters: Arc::clone(&self.shared.counters),
            }
        })
    }
}

/// Looks a user up on a thread that may wait for a directory service.
async fn look_up(directory: Arc<Directory>, uid: u32, gid: u32) -> Option<Peer> {
    tokio::task::spawn_blocking(move || directory.look_up(uid, gid))
        .await
        .ok()
        .flatten()
}

/// One connection that is counted; counted out when dropped.
struct PlaceTaken {
    uid: u32,
    open: Arc<Mutex<HashMap<u32, u64>>>,
    counters: Arc<Counters>,
}

impl Drop for PlaceTaken {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.uid);
            }
        }
        self.counters.connections.take_away();
    }
}
