//! A private installation: settings, data and sockets in folders that are gone afterwards.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;
use crate::attempts::import_file;
use crate::daemon::{Daemon, leashed};
use crate::methods;

/// What gateways share with the server.
pub(crate) const SECRET: &str = "a shared secret of 32 octets....";

/// An installation.
#[derive(Debug)]
pub(crate) struct Installation {
    /// On the disk that is measured.
    folder: TempDir,
    /// The paths of sockets must be short.
    sockets: TempDir,
    /// Where its RADIUS server listens.
    pub(crate) radius: SocketAddr,
}

impl Installation {
    /// Makes one by `sekisho init` in a folder in `parent`.
    pub(crate) fn new(parent: &Path) -> Result<Self, Failure> {
        let made = Self {
            folder: tempfile::Builder::new().prefix("run-").tempdir_in(parent)?,
            sockets: tempfile::Builder::new().prefix("sekisho-").tempdir()?,
            radius: free_address()?,
        };
        let (settings, data, socket) = (made.settings(), made.data(), made.socket());
        made.sekisho(&[
            "init".as_ref(),
            "--settings".as_ref(),
            settings.as_ref(),
            "--data".as_ref(),
            data.as_ref(),
            "--socket".as_ref(),
            socket.as_ref(),
            "--owner".as_ref(),
            "root".as_ref(),
        ])?;
        // In place, so that owner and mode stay as they were made.
        fs::write(&settings, made.settings_text())?;
        Ok(made)
    }

    /// Defaults, but for what a measurement needs. A learned drift would move the window away from
    /// codes that were computed before the clock starts.
    fn settings_text(&self) -> String {
        format!(
            "[verifier]\ndata = {:?}\nsocket = {:?}\n\n[acceptance]\ndrift-steps = 0\n\n\
             [approval]\noperations = []\n\n[log]\nsyslog = false\n\n[radius]\nlisten = [\"{}\"]\naccounting-listen = []\n\n\
             [[radius.client]]\nname = \"vpn\"\naddress = [\"127.0.0.0/8\"]\nsecret = \"{SECRET}\"\n\
             requests-per-second = 1000000\n\n{}",
            self.data(),
            self.socket(),
            self.radius,
            methods::clients(),
        )
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> PathBuf {
        self.folder().join("etc/sekisho.toml")
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The verifier's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.sockets.path().join("run/verifier.sock")
    }

    /// Where the verifier logs.
    pub(crate) fn verifier_log(&self) -> PathBuf {
        self.folder().join("sekisho-verifierd.log")
    }

    /// Octets of the journal's files.
    pub(crate) fn journal_octets(&self) -> Result<u64, Failure> {
        let mut octets = 0;
        for file in fs::read_dir(self.data().join("journal"))? {
            octets += file?.metadata()?.len();
        }
        Ok(octets)
    }

    /// Takes the index away from a verifier that does not run.
    pub(crate) fn remove_index(&self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.data().join("index"))?)
    }

    /// Starts the verifier.
    pub(crate) fn start_verifier(&self) -> Result<Daemon, Failure> {
        self.start("sekisho-verifierd")
    }

    /// Starts the RADIUS server.
    pub(crate) fn start_radius(&self) -> Result<Daemon, Failure> {
        self.start("sekisho-radiusd")
    }

    fn start(&self, program: &str) -> Result<Daemon, Failure> {
        let mut command = leashed(&ours(program)?);
        command.arg("--settings").arg(self.settings());
        Daemon::start(program, self.folder(), &mut command)
    }

    /// Imports so many tokens, enrolled at once; returns how long that took.
    pub(crate) fn import(&self, tokens: u64) -> Result<Duration, Failure> {
        let file = self.folder().join("tokens.csv");
        fs::write(&file, import_file(tokens))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        let settings = self.settings();
        let started = Instant::now();
        self.sekisho(&[
            "--settings".as_ref(),
            settings.as_ref(),
            "token".as_ref(),
            "import".as_ref(),
            file.as_ref(),
        ])?;
        let took = started.elapsed();
        fs::remove_file(&file)?;
        Ok(took)
    }

    /// Runs the CLI to its end. It bounds its own time.
    fn sekisho(&self, words: &[&std::ffi::OsStr]) -> Result<(), Failure> {
        let mut command = leashed(&ours("sekisho")?);
        let done = command.args(words).stdin(Stdio::null()).output()?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        Err(format!("sekisho {words:?}: {said}").into())
    }
}

/// What cargo built beside this program.
pub(crate) fn ours(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(format!(
        "{} is missing\n  run: make bench, which builds it",
        path.display()
    )
    .into())
}

/// A port of loopback that nobody uses now.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
