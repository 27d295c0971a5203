//! Real gateways and what stands around them, as Debian packages them; a module for each.
//!
//! None of them is installed: `scripts/needs` unpacks them into one tree, and what is started here
//! sees that tree laid over `/usr` and `/etc`, in a mount namespace of its own. See
//! [`crate::network`] for where they listen.

pub mod certificate;
pub mod eapol;
pub mod ocserv;
pub mod openvpn;
pub mod pam_radius;
pub mod radsecproxy;
pub mod relay;
pub mod slapd;
pub mod strongswan;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::process::{Guarded, leashed};
use crate::programs;

/// How long a gateway may take to be ready.
const START_LIMIT: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);
const SHOWN_LINES: usize = 80;

/// Lays the tree in `$1` and the files in `$2` over the machine's, and runs the rest.
const ENTER: &str = r#"
set -e
tree=$1 etc=$2
shift 2
mount -t overlay overlay -o "lowerdir=$tree/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$etc:$tree/etc:/etc" /etc
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /var/log
exec "$@"
"#;

/// Where the programs of gateways run: with the unpacked tree over `/usr`, and with files of our
/// own over `/etc`.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// A stage that keeps its files in `folder`.
    pub fn new(folder: &Path) -> Self {
        programs::require_root();
        let stage = Self {
            folder: folder.join("stage"),
        };
        fs::create_dir_all(stage.folder.join("etc")).expect("a folder for /etc");
        stage
    }

    /// Its own folder, for configuration and keys.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file into its folder, and says where.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        write(self.folder.join(name), text)
    }

    /// Writes a file of its `/etc`. What runs already may not see it.
    pub fn etc(&self, name: &str, text: &str) -> PathBuf {
        write(self.folder.join("etc").join(name), text)
    }

    /// Turns `command` into one that runs on the stage.
    pub fn enter(&self, command: Command) -> Command {
        let mut inside = leashed("unshare");
        inside
            .args(["--mount", "--propagation", "private", "--"])
            .args(["/bin/sh", "-c", ENTER, "sh"])
            .arg(programs::gateways())
            .arg(self.folder.join("etc"))
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// A command on the stage.
    pub fn command(&self, program: &str) -> Command {
        self.enter(Command::new(program))
    }

    /// Starts `command`, which is to run until it is dropped, and waits until it is `ready`.
    #[track_caller]
    pub fn start(
        &self,
        name: &str,
        command: &mut Command,
        ready: impl FnMut(&Program) -> bool,
    ) -> Program {
        Program::start(name, &self.folder, command, ready)
    }
}

#[track_caller]
fn write(path: PathBuf, text: &str) -> PathBuf {
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("a folder can be made");
    fs::write(&path, text).expect("a file can be written");
    // Several of them refuse files with secrets that others can read.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode can be set");
    path
}

/// A program that runs in the background. It ends when this is dropped; what it said is shown if
/// the test failed.
#[derive(Debug)]
pub struct Program {
    name: String,
    process: Guarded,
    log: PathBuf,
}

impl Program {
    /// Starts it, and waits until it is `ready`.
    #[track_caller]
    pub fn start(
        name: &str,
        folder: &Path,
        command: &mut Command,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = folder.join(format!("{name}-{number}.log"));
        let out = File::create(&log).expect("a log file");
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out);
        let mut program = Self {
            name: name.to_owned(),
            process: Guarded::spawn(command),
            log,
        };
        let deadline = Instant::now() + START_LIMIT;
        while !ready(&program) {
            let ended = program.process.ended();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{name} is not ready ({ended:?})"
            );
            thread::sleep(GLANCE);
        }
        program
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        let octets = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Waits until it says `words`; `false` if it does not by then.
    pub fn says(&self, words: &str, limit: Duration) -> bool {
        within(limit, || self.log().contains(words))
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Asks it to end, and kills it if it does not.
    pub fn stop(mut self, limit: Duration) {
        let _ = kill_process(self.process.pid(), Signal::TERM);
        let _ = self.process.wait_until(Instant::now() + limit);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process.pid(), signal).expect("our own child can be signalled");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("--- log of {}\n{}", self.name, shown.join("\n"));
        }
    }
}

/// Whether `condition` becomes true in time.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(GLANCE);
    }
}
