//! The socket: who may ask, and how many at once.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::{User, geteuid};
use rustix::fs::{Access, access};
use sekisho_daemon::Log;
use sekisho_settings::Settings;
use sekisho_verifier_socket::password::{Judged, QUESTION_OCTETS_MAX, Question};
use zeroize::Zeroizing;

use crate::Failure;
use crate::check::{self, Outcome};

/// Connections that are served or wait for their turn.
const CONNECTIONS_MAX: usize = 512;
/// How long a question may take to arrive. Its sender writes it at once.
const QUESTION_TIME: Duration = Duration::from_secs(1);
/// How long an answer may take to be written.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// A wrong password that takes so much longer than a hash has been delayed by a module.
const SLOW: Duration = Duration::from_millis(1_000);
/// How often the same trouble is logged.
const TELL_AGAIN: Duration = Duration::from_secs(60);
/// What pam_unix judges by. Other modules do without.
const SHADOW: &str = "/etc/shadow";
/// How long to rest when connections can not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The signals that end the daemon.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// From here on they end nothing by themselves, in threads that start later neither.
    pub(crate) fn block() -> io::Result<Self> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGTERM);
        set.add(Signal::SIGINT);
        set.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&set, flags)?))
    }
}

/// What all connections share.
struct Shared {
    service: String,
    time: Duration,
    slots: Slots,
    connections: AtomicUsize,
    /// Who may ask, besides root.
    askers: Vec<u32>,
    log: Log,
    trouble: Mutex<Option<Instant>>,
    slow: Mutex<Option<Instant>>,
}

/// Answers questions until a signal comes.
pub(crate) fn serve(settings: &Settings, signals: &Signals, log: &Log) -> Result<(), Failure> {
    let pam = &settings.radius.pam;
    let user_name = &settings.verifier.radius_user;
    let user = User::from_name(user_name)?;
    if user.is_none() {
        log.warning(format!("no user {user_name}: it can not ask"));
    }
    let verifier = User::from_name(&settings.verifier.user)?;
    let askers = [&user, &verifier].into_iter().flatten();
    let group = user.as_ref().map(|user| user.gid.as_raw());
    let listener = bind(&pam.socket, group)
        .map_err(|error| format!("can not listen on {}: {error}", pam.socket.display()))?;
    listener.set_nonblocking(true)?;
    let shared = Arc::new(Shared {
        service: pam.service.clone(),
        time: Duration::from_millis(pam.timeout_ms.value()),
        slots: Slots::new(usize::try_from(pam.checks.value())?),
        connections: AtomicUsize::new(0),
        askers: askers.map(|user| user.uid.as_raw()).collect(),
        log: log.clone(),
        trouble: Mutex::default(),
        slow: Mutex::default(),
    });
    let _socket = Socket(pam.socket.clone());
    if access(SHADOW, Access::READ_OK).is_err() {
        log.warning(format!(
            "{SHADOW} can not be read: pam_unix can judge no password but our own"
        ));
    }
    log.info(format!(
        "judging passwords by the PAM service {}",
        pam.service
    ));
    sekisho_daemon::notify_ready();
    while wait(&listener, signals)? {
        accept(&listener, &shared);
    }
    sekisho_daemon::notify_stopping();
    log.info("stopping");
    Ok(())
}

/// Removes the socket at the end.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // The next start removes it as well.
        let _ = fs::remove_file(&self.0);
    }
}

/// Binds the socket: root may connect, and the group of the RADIUS server's user, to which we must
/// belong unless we are root, and the verifier's user, to ask.
fn bind(path: &Path, group: Option<u32>) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    if group.is_some() {
        chown(path, None, group)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    }
    Ok(listener)
}

/// Removes the socket of a daemon that has ended. One that runs keeps its own.
fn remove_stale(path: &Path) -> io::Result<()> {
    let taken = |what| Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    let known = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !known.file_type().is_socket() || known.uid() != geteuid().as_raw() {
        return taken("something that is not our socket is there");
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => taken("another daemon listens there"),
    }
}

/// Waits for a connection; `false` at a signal.
fn wait(listener: &UnixListener, signals: &Signals) -> io::Result<bool> {
    let mut fds = [
        PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.0.as_fd(), PollFlags::POLLIN),
    ];
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) => Ok(!fds[1].any().unwrap_or(true)),
        Err(nix::errno::Errno::EINTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    let stream = match listener.accept() {
        Ok((stream, _)) => stream,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
        Err(error) => {
            shared.tell(format_args!("can not accept connections: {error}"));
            return thread::sleep(ACCEPT_PAUSE);
        }
    };
    if let Err(who) = shared.admit(&stream) {
        return shared.tell(who);
    }
    let open = Open::count(shared);
    if shared.connections.load(Ordering::Relaxed) > CONNECTIONS_MAX {
        return shared.tell("too many checks wait");
    }
    let builder = thread::Builder::new().name("check".into());
    if let Err(error) = builder.spawn(move || open.0.answer(stream)) {
        shared.tell(format_args!("no thread for a check: {error}"));
    }
}

/// Counts a connection until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn count(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// Whether root, the RADIUS server or the verifier is on the other end, as the kernel tells.
    fn admit(&self, stream: &UnixStream) -> Result<(), String> {
        let peer = getsockopt(stream, PeerCredentials)
            .map_err(|error| format!("nobody knows who asks: {error}"))?
            .uid();
        if peer == 0 || self.askers.contains(&peer) {
            return Ok(());
        }
        Err(format!("user {peer} may not ask"))
    }

    /// One connection, from its question to its answer.
    fn answer(&self, mut stream: UnixStream) {
        let began = Instant::now();
        // A question that can not be read gets no answer.
        let octets = match read_question(&mut stream, began + QUESTION_TIME) {
            Ok(octets) => octets,
            Err(error) => return self.tell(format_args!("no question: {error}")),
        };
        let deadline = began + self.time;
        let slot = self.slots.take(deadline);
        let started = Instant::now();
        let outcome = match slot {
            Some(_slot) => check::run(&octets, &self.service, deadline),
            None => Outcome::Late,
        };
        let judged = outcome.judged();
        self.note(judged, &outcome, started.elapsed());
        let written = stream
            .set_write_timeout(Some(ANSWER_TIME))
            .and_then(|()| stream.write_all(&[judged.octet()]));
        if let Err(error) = written {
            self.log
                .debug(format!("nobody waits for an answer: {error}"));
        }
    }

    fn note(&self, judged: Judged, outcome: &Outcome, took: Duration) {
        let milliseconds = took.as_millis();
        self.log
            .debug(format!("{outcome}, after {milliseconds} ms"));
        match judged {
            Judged::Unavailable => self.tell(outcome),
            Judged::Wrong if took >= SLOW && is_due(&self.slow) => self.log.warning(format!(
                "a wrong password took {milliseconds} ms: if a module of {} delays them, its time \
                 tells that the password was wrong; see `nodelay` in pam_unix(8)",
                self.service
            )),
            Judged::Right | Judged::Wrong => {}
        }
    }

    /// Logs trouble, but not all of it: whoever causes it may cause much.
    fn tell(&self, what: impl std::fmt::Display) {
        if is_due(&self.trouble) {
            self.log.error(what);
        }
    }
}

/// Whether the last time is long ago.
fn is_due(last: &Mutex<Option<Instant>>) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let due = last.is_none_or(|told| told.elapsed() >= TELL_AGAIN);
    if due {
        *last = Some(Instant::now());
    }
    due
}

/// The whole question, its length included, checked.
fn read_question(stream: &mut UnixStream, deadline: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    stream.set_nonblocking(false)?;
    let mut octets = Zeroizing::new(vec![0; QUESTION_OCTETS_MAX]);
    let (length, rest) = octets
        .split_first_chunk_mut()
        .ok_or(io::ErrorKind::InvalidData)?;
    read_until(stream, length, deadline)?;
    let size = Question::length(*length).ok_or(io::ErrorKind::InvalidData)?;
    read_until(stream, &mut rest[..size], deadline)?;
    Question::decode(&rest[..size]).ok_or(io::ErrorKind::InvalidData)?;
    octets.truncate(size + 2);
    Ok(octets)
}

fn read_until(stream: &mut UnixStream, mut octets: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !octets.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(octets) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => octets = &mut octets[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How many checks may run at once.
struct Slots {
    free: Mutex<usize>,
    returned: Condvar,
}

/// Leave to run a check.
struct Slot<'s>(&'s Slots);

impl Slots {
    fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count),
            returned: Condvar::new(),
        }
    }

    /// Waits until one is free; `None` if none was before `deadline`.
    fn take(&self, deadline: Instant) -> Option<Slot<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .returned
            .wait_timeout_while(free, left, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_checks_run_than_there_are_slots() {
        let slots = Slots::new(2);
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = slots.take(soon());
        let second = slots.take(soon());
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(soon()).is_none());
        drop(first);
        assert!(slots.take(soon()).is_some());
    }

    #[test]
    fn trouble_is_told_once_in_a_while() {
        let last = Mutex::default();
        assert!(is_due(&last));
        assert!(!is_due(&last));
    }
}
