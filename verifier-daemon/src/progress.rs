//! How far a long replay has come: for who watches a terminal, the log, and systemd.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_daemon::Log;

/// Nothing is told of what takes no longer, and then once in so long.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a bar moves.
const BAR_PAUSE: Duration = Duration::from_millis(100);
/// How long systemd shall wait for the next word.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells of one replay.
pub(crate) struct Progress {
    log: Log,
    told: Instant,
    bar: Option<ProgressBar>,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            log,
            told: Instant::now(),
            bar: None,
            terminal: stderr().is_terminal(),
        }
    }

    /// `done` octets of `all` are replayed.
    pub(crate) fn tell(&mut self, done: u64, all: u64) {
        let pause = if self.bar.is_some() { BAR_PAUSE } else { PAUSE };
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        let percent = done.saturating_mul(100) / all.max(1);
        let line = format!("replaying the journal: {percent} %");
        sekisho_daemon::notify_progress(&line, PATIENCE);
        if self.terminal {
            self.bar.get_or_insert_with(bar).set_length(all.max(1));
            self.bar.iter().for_each(|bar| bar.set_position(done));
        } else {
            self.log.info(line);
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("replaying the journal {wide_bar} {percent:>3} %");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
