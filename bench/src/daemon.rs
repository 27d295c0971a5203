//! A daemon as the kernel sees it: how long it takes to start, and what it uses.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;

/// How long a daemon may take to be ready: with a million tokens to read, and others at work.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a daemon may take to end: the index is brought up to date.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// How often a child is looked at while somebody waits for it.
const GLANCE: Duration = Duration::from_millis(5);
/// The kernel counts time for `/proc/PID/stat` in hundredths of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A command that ends when this program does, however that ends.
pub(crate) fn leashed(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running daemon; killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// From its start until it said that it is ready.
    pub(crate) start: Duration,
}

impl Daemon {
    /// Starts `command` and waits until it notifies readiness (sd_notify(3)). Its log goes to
    /// `NAME.log` in `folder`.
    pub(crate) fn start(name: &str, folder: &Path, command: &mut Command) -> Result<Self, Failure> {
        let notify = folder.join("notify");
        let socket = UnixDatagram::bind(&notify)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log)?;
        command
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        let started = Instant::now();
        let mut daemon = Self {
            child: command.spawn()?,
            start: Duration::ZERO,
        };
        let ready = daemon.wait_until_ready(&socket, started);
        daemon.start = started.elapsed();
        fs::remove_file(&notify)?;
        match ready {
            true => Ok(daemon),
            false => {
                let log = fs::read_to_string(&log).unwrap_or_default();
                Err(format!("{name} did not start:\n{log}").into())
            }
        }
    }

    fn wait_until_ready(&mut self, socket: &UnixDatagram, started: Instant) -> bool {
        let mut message = [0; 512];
        while started.elapsed() < START_LIMIT {
            let said = socket.recv(&mut message).map(|length| &message[..length]);
            if said.is_ok_and(|said| said.starts_with(b"READY=1")) {
                return true;
            }
            if self.ended().is_some() {
                return false;
            }
        }
        false
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(mut self) -> Result<Duration, Failure> {
        let started = Instant::now();
        kill_process(self.pid(), Signal::TERM)?;
        while started.elapsed() < STOP_LIMIT {
            match self.ended() {
                Some(status) if status.success() => return Ok(started.elapsed()),
                Some(status) => return Err(format!("a daemon ended with {status}").into()),
                None => thread::sleep(GLANCE),
            }
        }
        Err("a daemon did not end".into())
    }

    /// kill -9.
    pub(crate) fn kill(self) {}

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64, Failure> {
        self.status_mib("VmRSS:")
    }

    /// The most resident memory that it ever had, in MiB.
    pub(crate) fn resident_peak_mib(&self) -> Result<f64, Failure> {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, key: &str) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.split_whitespace().next())
            .ok_or("the kernel does not tell how much memory is resident")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// The processor time of all its threads so far.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        processor_time(&self.child.id().to_string())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // What is gone already needs no killing.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The processor time of this program so far.
pub(crate) fn own_processor_time() -> Result<Duration, Failure> {
    processor_time("self")
}

/// User and system time of a process: fields 14 and 15 of proc_pid_stat(5).
fn processor_time(process: &str) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, field 2, is in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("no processor time")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    Ok(TICK * ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_grows_with_work() {
        let before = own_processor_time().expect("this program is in /proc");
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(200) {
            std::hint::black_box(started);
        }
        assert!(own_processor_time().expect("still") > before);
    }
}
