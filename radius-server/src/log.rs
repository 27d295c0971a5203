//! Log lines to standard error and to syslog (RFC 5424, facility authpriv).
//!
//! A thread of its own writes them: without a reader behind /dev/log a line costs milliseconds,
//! and no login may wait for that. Nothing here is ever given a code, a password or a secret.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sekisho_settings::{Log as Wanted, LogLevel};
use syslog::{Facility, Formatter5424, Logger, LoggerBackend};

const NAME: &str = "sekisho-radiusd";
/// Lines that may wait for the writer; more are lost, for a login must not wait for a log.
const LINES_MAX: usize = 1_024;

type Line = (LogLevel, String);

/// Where lines are given to the writer. Dropping it writes what waits.
#[derive(Debug)]
pub(crate) struct Log {
    level: LogLevel,
    lines: Option<SyncSender<Line>>,
    writer: Option<JoinHandle<()>>,
}

impl Log {
    /// Starts the writer.
    pub(crate) fn start(wanted: &Wanted) -> std::io::Result<Self> {
        let (lines, received) = sync_channel(LINES_MAX);
        let mut out = Out {
            stderr: wanted.stderr,
            syslog: wanted.syslog.then(open_syslog).flatten(),
        };
        let writer = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || out.write_all(&received))?;
        Ok(Self {
            level: wanted.level,
            lines: Some(lines),
            writer: Some(writer),
        })
    }

    pub(crate) fn error(&self, text: impl Into<String>) {
        self.line(LogLevel::Error, text.into());
    }

    pub(crate) fn warning(&self, text: impl Into<String>) {
        self.line(LogLevel::Warning, text.into());
    }

    pub(crate) fn info(&self, text: impl Into<String>) {
        self.line(LogLevel::Info, text.into());
    }

    fn line(&self, level: LogLevel, text: String) {
        if level > self.level {
            return;
        }
        if let Some(lines) = &self.lines {
            // Full: the line is lost, see LINES_MAX.
            let _ = lines.try_send((level, text));
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.lines.take());
        if let Some(writer) = self.writer.take() {
            // A panic there has been reported by the panic hook.
            let _ = writer.join();
        }
    }
}

struct Out {
    stderr: bool,
    syslog: Option<Logger<LoggerBackend, Formatter5424>>,
}

impl Out {
    fn write_all(&mut self, lines: &Receiver<Line>) {
        for (level, text) in lines {
            if self.stderr {
                // There is nobody to tell that standard error is gone.
                let _ = writeln!(std::io::stderr(), "{}: {text}", word(level));
            }
            let written = self.syslog.as_mut().map(|to| to_syslog(to, level, &text));
            if matches!(written, Some(Err(_))) {
                // The reader was restarted, or is gone.
                self.syslog = open_syslog();
            }
        }
    }
}

fn to_syslog(
    syslog: &mut Logger<LoggerBackend, Formatter5424>,
    level: LogLevel,
    text: &str,
) -> syslog::Result<()> {
    let message = (0, BTreeMap::new(), text);
    match level {
        LogLevel::Error => syslog.err(message),
        LogLevel::Warning => syslog.warning(message),
        LogLevel::Info => syslog.info(message),
        LogLevel::Debug => syslog.debug(message),
    }
}

fn open_syslog() -> Option<Logger<LoggerBackend, Formatter5424>> {
    syslog::unix(Formatter5424 {
        facility: Facility::LOG_AUTHPRIV,
        process: NAME.into(),
        ..Formatter5424::default()
    })
    .ok()
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}
