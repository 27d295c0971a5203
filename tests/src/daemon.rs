//! A daemon: started until it says that it is ready, stopped, killed, frozen.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::process::Guarded;

/// How long a daemon may take to be ready. A machine that builds at the same time is slow.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a daemon may take to end when asked to.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How much of a log a failed test shows.
const SHOWN_LINES: usize = 60;

/// A running daemon. Killed on drop; its log is shown when the test failed.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    process: Guarded,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` and waits until it notifies readiness (sd_notify(3)); its log goes into a
    /// new file in `folder`.
    #[track_caller]
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        match Self::try_start(name, folder, command) {
            Ok(daemon) => daemon,
            Err((status, log)) => panic!("{name} did not start: {status:?}\n{log}"),
        }
    }

    /// Like [`start`](Self::start), or how it ended instead and its log.
    pub fn try_start(
        name: &str,
        folder: &Path,
        command: &mut Command,
    ) -> Result<Self, (Option<ExitStatus>, String)> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = folder.join(format!("{name}-{number}.log"));
        let notify = folder.join(format!("notify-{number}"));
        let socket = UnixDatagram::bind(&notify).expect("a notify socket");
        let out = File::create(&log).expect("a log file");
        command
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out);
        let mut daemon = Self {
            name: name.to_owned(),
            process: Guarded::spawn(command),
            log,
        };
        let ready = daemon.is_ready(&socket);
        let _ = fs::remove_file(&notify);
        if ready {
            return Ok(daemon);
        }
        let status = daemon.process.ended();
        daemon.process.kill();
        Err((status, daemon.log()))
    }

    fn is_ready(&mut self, socket: &UnixDatagram) -> bool {
        let deadline = Instant::now() + START_LIMIT;
        let glance = Duration::from_millis(50);
        socket
            .set_read_timeout(Some(glance))
            .expect("a time limit can be set");
        let mut message = [0; 512];
        while Instant::now() < deadline {
            let said = socket.recv(&mut message).map(|length| &message[..length]);
            let ready = |said: &[u8]| said.split(|o| *o == b'\n').any(|line| line == b"READY=1");
            if said.is_ok_and(ready) {
                return true;
            }
            if self.process.ended().is_some() {
                return false;
            }
        }
        false
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.process.pid().as_raw_nonzero().get().cast_unsigned()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Asks it to end, as systemd does, and expects that it does, without complaint.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.process.wait_until(Instant::now() + STOP_LIMIT);
        let ended_well = status.is_some_and(|status| status.success());
        assert!(ended_well, "{} on SIGTERM: {status:?}", self.name);
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Stops it where it stands: it keeps its sockets and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process.pid(), signal).expect("our own child can be signalled");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("--- log of {}\n{}", self.name, shown.join("\n"));
        }
    }
}
