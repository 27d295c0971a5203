//! A wall clock that only the test moves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::programs;

/// Where a test begins: ten seconds into a step of thirty, so that nothing is near an edge.
pub const BEGINNING: u64 = 1_940_000_410;

/// The wall clock of one daemon, by libfaketime. It stands still unless it is moved, and
/// monotonic time is left alone, so that time-outs work.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    seconds: AtomicU64,
}

impl Clock {
    /// A clock at `seconds` since 1970, kept in `folder`.
    pub fn new(folder: &Path, seconds: u64) -> Self {
        let clock = Self {
            file: folder.join("clock"),
            seconds: AtomicU64::new(seconds),
        };
        clock.set(seconds);
        clock
    }

    /// Now.
    pub fn now(&self) -> u64 {
        self.seconds.load(Ordering::SeqCst)
    }

    /// Moves it there, forwards or backwards.
    pub fn set(&self, seconds: u64) {
        // Renamed into place: a daemon that reads half a number would be at a strange time.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds}\n")).expect("the clock can be written");
        fs::rename(&new, &self.file).expect("the clock can be moved");
        self.seconds.store(seconds, Ordering::SeqCst);
    }

    /// Moves it forwards.
    pub fn advance(&self, seconds: u64) {
        self.set(self.now() + seconds);
    }

    /// Moves it backwards.
    pub fn set_back(&self, seconds: u64) {
        self.set(self.now() - seconds);
    }

    /// Gives `command` this clock.
    pub fn wind(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", programs::faketime())
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_FMT", "%s")
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env("TZ", "UTC");
    }
}

/// libfaketime leaves these behind when a process is killed.
pub(crate) fn sweep(process: u32) {
    for name in [
        format!("faketime_shm_{process}"),
        format!("sem.faketime_sem_{process}"),
    ] {
        let _ = fs::remove_file(Path::new("/dev/shm").join(name));
    }
}
