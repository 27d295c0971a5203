//! Child processes with a time limit, captured output, and no survivors.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often a child is looked at while somebody waits for it.
const GLANCE: Duration = Duration::from_millis(2);

/// How a child ended, and what it said.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Finished {
    /// Panics unless it ended with 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.success(), "failed: {self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            status,
            stdout,
            stderr,
            took,
        } = self;
        write!(
            f,
            "{status} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// A command that dies with the thread that starts it, should the test be killed.
pub fn leashed(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.as_ref())
        // Cargo's own, and nothing that a real host would have.
        .env_remove("LD_LIBRARY_PATH");
    command
}

/// A child in a process group of its own; the whole group is killed on drop.
#[derive(Debug)]
pub struct Guarded(Child);

impl Guarded {
    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Self {
        match command.process_group(0).spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("{command:?} can not be started: {error}"),
        }
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("children can be waited for")
    }

    /// Waits for its end, but not past `deadline`.
    pub fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(GLANCE);
        }
    }

    /// Kills the group and waits.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            // What is gone already needs no killing.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `command` to its end with `input` as its standard input; panics when that takes longer
/// than `limit`.
#[track_caller]
pub fn run(command: &mut Command, input: &[u8], limit: Duration) -> Finished {
    let started = Instant::now();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Guarded::spawn(command);
    let stdin = child.child().stdin.take();
    let stdout = reader(child.child().stdout.take());
    let stderr = reader(child.child().stderr.take());
    if let Some(mut stdin) = stdin {
        // A program that does not read its input to the end is no failure of the harness.
        let _ = stdin.write_all(input);
    }
    let status = child.wait_until(started + limit);
    // Whoever of the group is left would keep the pipes open.
    child.kill();
    let finished = |status| Finished {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
        took: started.elapsed(),
    };
    match status {
        Some(status) => finished(status),
        None => {
            let last = child.ended().unwrap_or_default();
            panic!("{command:?} ran into its limit: {}", finished(last))
        }
    }
}

fn reader<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut octets = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut octets);
        }
        String::from_utf8_lossy(&octets).into_owned()
    })
}
