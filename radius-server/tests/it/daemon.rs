//! The daemon in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::gateway::{Gateway, SECRET};
use crate::verifier::{Manner, Verifier};

/// Longer than anything here takes, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of most tests: everybody on loopback is one client.
pub(crate) fn settings() -> String {
    format!(
        "[radius]\nlisten = [\"127.0.0.1:0\"]\naccounting-listen = []\nreject-delay-ms = 1000\n\
         [[radius.client]]\nname = \"vpn\"\naddress = [\"127.0.0.0/8\", \"::1\"]\n\
         secret = \"{SECRET}\"\nrequests-per-second = 1000000\n"
    )
}

/// The same, and more for the client and for what is before it.
pub(crate) fn settings_with(radius: &str, client: &str) -> String {
    settings().replace("[radius]\n", &format!("[radius]\n{radius}\n")) + client + "\n"
}

/// A place for settings and socket.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().expect("room in the temporary folder"),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("verifier.sock")
    }

    /// Where the daemon says that it is ready, if somebody listens there.
    pub(crate) fn notify(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    pub(crate) fn write_settings(&self, radius: &str) -> PathBuf {
        let file = self.folder.path().join("sekisho.toml");
        let text = format!(
            "[verifier]\nsocket = \"{}\"\n[log]\nsyslog = false\n{radius}",
            self.socket().display()
        );
        fs::write(&file, text).expect("room in the temporary folder");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our file");
        file
    }

    pub(crate) fn verifier(&self, manner: Manner) -> Verifier {
        Verifier::start(&self.socket(), manner)
    }
}

pub(crate) struct Daemon {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Where it takes accounting, if it does.
fn accounting(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("taking accounting on ")?;
    rest.split_once(',')?.0.parse().ok()
}

impl Daemon {
    /// Starts it and waits until it listens everywhere.
    pub(crate) fn start(place: &Place, radius: &str) -> Self {
        let mut child = command(place, radius).spawn().expect("the daemon starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&lines);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                ours.lock().expect("no panic").push(line);
            }
        });
        let mut daemon = Self {
            child,
            lines,
            addresses: Vec::new(),
        };
        let expected = radius.lines().find(|line| line.starts_with("listen"));
        let expected = expected.map_or(1, |line| 1 + line.matches(',').count());
        daemon.wait_for(|daemon| {
            daemon.addresses = daemon.lines().iter().filter_map(|l| listening(l)).collect();
            daemon.addresses.len() == expected
        });
        daemon
    }

    /// Starts it and waits until it has found the verifier.
    pub(crate) fn start_ready(place: &Place, radius: &str) -> Self {
        let daemon = Self::start(place, radius);
        let mut gateway = Gateway::new(daemon.address());
        let start = Instant::now();
        while gateway.status_server().is_none() {
            assert!(start.elapsed() < PATIENCE, "{:?}", daemon.lines());
        }
        daemon
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it takes accounting.
    pub(crate) fn accounting(&mut self) -> SocketAddr {
        let line = self.wait_for_line("taking accounting on ");
        accounting(&line).expect("an address")
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let mut found = None;
        self.wait_for(|daemon| {
            found = daemon.lines().into_iter().find(|line| line.contains(part));
            found.is_some()
        });
        found.expect("it was found")
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, mut condition: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < PATIENCE, "{:?}", self.lines());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_child(&self.child);
        kill_process(process, signal).expect("our child");
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "{:?}", self.lines());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a daemon that is expected to refuse to start.
pub(crate) fn refused(place: &Place, radius: &str) -> String {
    let output = command(place, radius).output().expect("the daemon starts");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("text")
}

fn command(place: &Place, radius: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-radiusd"));
    command
        .arg("--settings")
        .arg(place.write_settings(radius))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let notify = place.notify();
    if notify.exists() {
        command.env("NOTIFY_SOCKET", notify);
    }
    command
}

fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    rest.split_once(',')?.0.parse().ok()
}
