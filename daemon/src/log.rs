//! The log: standard error and syslog (RFC 5424, facility authpriv), written by a thread of its own.
//!
//! A full disk or a stopped syslog must not hold up logins, so lines wait in a bounded queue; when
//! it is full they are counted and dropped. The audit trail is the journal, not this.
//!
//! A line is one line whatever strangers have put into it: control characters are escaped, and so
//! is the backslash, so that nobody can write `\n` and have it read as a line break.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sekisho_settings::LogLevel;
use syslog::{Facility, Formatter5424, LoggerBackend};

/// Lines that may wait to be written.
const QUEUE_LINES: usize = 4_096;
/// How long to do without syslog after it could not be reached.
const SYSLOG_PAUSE: Duration = Duration::from_secs(5);

/// Writes lines; clones write to the same place.
#[derive(Debug, Clone)]
pub struct Log {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    level: LogLevel,
}

#[derive(Debug)]
enum Message {
    Line(LogLevel, String),
    /// Everything before it is written when its sender is dropped.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the thread that writes. `program` is what syslog calls us.
    pub fn start(settings: &sekisho_settings::Log, program: &'static str) -> std::io::Result<Self> {
        let (lines, queue) = sync_channel(QUEUE_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            stderr: settings.stderr,
            syslog: settings.syslog.then(|| Syslog::new(program)),
            dropped: Arc::clone(&dropped),
        };
        spawn(writer, queue)?;
        Ok(Self {
            lines,
            dropped,
            level: settings.level,
        })
    }

    /// Whether lines of `level` are written; for lines that are dear to make.
    pub fn writes(&self, level: LogLevel) -> bool {
        level <= self.level
    }

    /// Something is broken.
    pub fn error(&self, line: impl fmt::Display) {
        self.write(LogLevel::Error, line);
    }

    /// Something needs attention.
    pub fn warning(&self, line: impl fmt::Display) {
        self.write(LogLevel::Warning, line);
    }

    /// What operators want to know.
    pub fn info(&self, line: impl fmt::Display) {
        self.write(LogLevel::Info, line);
    }

    /// What developers want to know.
    pub fn debug(&self, line: impl fmt::Display) {
        self.write(LogLevel::Debug, line);
    }

    /// A line of `level`.
    pub fn write(&self, level: LogLevel, line: impl fmt::Display) {
        if !self.writes(level) {
            return;
        }
        let message = Message::Line(level, escaped(line.to_string()));
        if self.lines.try_send(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything so far is written: for the last words before an exit.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.lines.send(Message::Flush(done)).is_ok() {
            // An error means that the sender was dropped, which is what we wait for.
            let _ = wait.recv();
        }
    }
}

/// `line` without control characters, and without a backslash that escapes nothing.
fn escaped(line: String) -> String {
    let special = |c: char| c == '\\' || c.is_control();
    if !line.contains(special) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        match special(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    escaped
}

fn spawn(mut writer: Writer, queue: Receiver<Message>) -> std::io::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("log".into());
    thread.spawn(move || {
        for message in queue {
            match message {
                Message::Line(level, line) => writer.write(level, &line),
                Message::Flush(done) => drop(done),
            }
        }
    })
}

struct Writer {
    stderr: bool,
    syslog: Option<Syslog>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    fn write(&mut self, level: LogLevel, line: &str) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} log lines were dropped, the log is too slow");
            self.write_one(LogLevel::Warning, &text);
        }
        self.write_one(level, line);
    }

    fn write_one(&mut self, level: LogLevel, line: &str) {
        if self.stderr {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{}: {line}", word(level));
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.write(level, line);
        }
    }
}

/// As the kernel has it; without one, syslog's own word stands there.
fn hostname() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

struct Syslog {
    program: &'static str,
    logger: Option<syslog::Logger<LoggerBackend, Formatter5424>>,
    retry_at: Instant,
}

impl Syslog {
    fn new(program: &'static str) -> Self {
        Self {
            program,
            logger: None,
            retry_at: Instant::now(),
        }
    }

    /// Without a syslog each call would cost milliseconds, so one failure pauses the next tries.
    fn write(&mut self, level: LogLevel, line: &str) {
        if self.logger.is_none() && Instant::now() >= self.retry_at {
            self.logger = syslog::unix(self.formatter()).ok();
        }
        let written = self.logger.as_mut().map(|logger| {
            let message = (0, BTreeMap::new(), line);
            match level {
                LogLevel::Error => logger.err(message),
                LogLevel::Warning => logger.warning(message),
                LogLevel::Info => logger.info(message),
                LogLevel::Debug => logger.debug(message),
            }
        });
        if !matches!(written, Some(Ok(()))) {
            self.logger = None;
            self.retry_at = Instant::now() + SYSLOG_PAUSE;
        }
    }

    fn formatter(&self) -> Formatter5424 {
        Formatter5424 {
            facility: Facility::LOG_AUTHPRIV,
            hostname: hostname(),
            process: self.program.into(),
            pid: std::process::id(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn line_stays_one_line_and_tells_a_line_break_from_what_looks_like_one() {
        for (line, written) in [
            (
                "reject hana at pam:sshd pts/3",
                "reject hana at pam:sshd pts/3",
            ),
            ("checkpoint sekisho/00\n1\n", r"checkpoint sekisho/00\n1\n"),
            (
                r"from sekisho/z\n1\n\nsekisho/z",
                r"from sekisho/z\\n1\\n\\nsekisho/z",
            ),
            ("a\r\u{1b}[2J\u{85}b", r"a\r\u{1b}[2J\u{85}b"),
            ("\u{2014} h\u{e9}", "\u{2014} h\u{e9}"),
        ] {
            assert_eq!(escaped(line.to_owned()), written);
        }
    }
}
