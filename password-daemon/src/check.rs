//! One check: a child that is asked, waited for, and killed when it takes too long.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use sekisho_verifier_socket::password::Judged;

use crate::PROGRAM;
use crate::judge::Ended;

/// What modules find that call other programs by their names.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Ourselves, also when the file was replaced by a newer version since the start.
const OURSELVES: &str = "/proc/self/exe";

/// What a check came to, for operators.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The child said it.
    Ended(Ended),
    /// The child ended otherwise: a module ended it, or crashed.
    Strange(ExitStatus),
    /// The child took too long and was killed.
    Late,
    /// There was no child.
    NoChild(io::Error),
}

impl Outcome {
    pub(crate) fn judged(&self) -> Judged {
        match self {
            Self::Ended(Ended::Right) => Judged::Right,
            Self::Ended(Ended::Wrong) => Judged::Wrong,
            _ => Judged::Unavailable,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(ended) => f.write_str(ended.text()),
            Self::Strange(status) => write!(f, "a module ended the check: {status}"),
            Self::Late => f.write_str("took too long and was killed"),
            Self::NoChild(error) => write!(f, "no process for it: {error}"),
        }
    }
}

/// Judges `question`, as it came over the socket, by the PAM service `service`.
pub(crate) fn run(question: &[u8], service: &str, deadline: Instant) -> Outcome {
    start(question, service).map_or_else(Outcome::NoChild, |child| finish(child, deadline))
}

fn start(question: &[u8], service: &str) -> io::Result<Child> {
    let mut child = Command::new(OURSELVES)
        .arg0(PROGRAM)
        .args(["judge", service])
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        // Modules that print must not be taken for anything.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What a module starts is killed with it.
        .process_group(0)
        .spawn()?;
    // It fits into the pipe, so this waits for nobody. A child that does not read it says so.
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(question);
    }
    Ok(child)
}

fn finish(mut child: Child, deadline: Instant) -> Outcome {
    let pid = Pid::from_child(&child);
    let in_time = wait_until(pid, deadline);
    // Before the child is waited for: until then its number, and its group's, are nobody else's.
    let _ = kill_process_group(pid, Signal::KILL);
    match (child.wait(), in_time) {
        (Ok(_), Ok(false)) => Outcome::Late,
        (Ok(status), Ok(true)) => status
            .code()
            .and_then(Ended::from_code)
            .map_or(Outcome::Strange(status), Outcome::Ended),
        (Err(error), _) | (_, Err(error)) => Outcome::NoChild(error),
    }
}

/// Whether the process ended before `deadline`. It is left to be waited for.
fn wait_until(pid: Pid, deadline: Instant) -> io::Result<bool> {
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&process, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Times here are seconds; what does not fit would be for ever.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec::try_from(time).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    })
}
