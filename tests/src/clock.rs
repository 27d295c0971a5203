//! Clocks that only the test moves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::programs;

/// Where a test begins: ten seconds into a step of thirty, so that nothing is near an edge.
pub const BEGINNING: u64 = 1_940_000_410;

/// The clocks of one daemon, by a library in front of libc: the wall clock, and the time since the
/// machine was started. They stand still unless they are moved: together, as time does, or the wall
/// clock alone, as somebody who sets it does. Monotonic time is left alone, so that time-outs work.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    seconds: AtomicU64,
    /// How far the wall clock was set, all in all.
    stepped: AtomicI64,
}

impl Clock {
    /// A clock at `seconds` since 1970, kept in `folder`.
    pub fn new(folder: &Path, seconds: u64) -> Self {
        let clock = Self {
            file: folder.join("clock"),
            seconds: AtomicU64::new(seconds),
            stepped: AtomicI64::new(0),
        };
        clock.show();
        clock
    }

    /// Now.
    pub fn now(&self) -> u64 {
        self.seconds.load(Ordering::SeqCst)
    }

    /// Lets time pass until then. A test may also let it run backwards, as nothing but a test can.
    pub fn set(&self, seconds: u64) {
        self.seconds.store(seconds, Ordering::SeqCst);
        self.show();
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: u64) {
        self.set(self.now() + seconds);
    }

    /// Sets the wall clock alone, forwards or backwards.
    pub fn step(&self, seconds: i64) {
        self.stepped.fetch_add(seconds, Ordering::SeqCst);
        let now = self.now().saturating_add_signed(seconds);
        self.set(now);
    }

    /// Sets the wall clock back.
    pub fn set_back(&self, seconds: u64) {
        self.step(-i64::try_from(seconds).expect("a span of this age"));
    }

    fn show(&self) {
        let wall = self.now();
        let running = wall.saturating_add_signed(-self.stepped.load(Ordering::SeqCst));
        // Renamed into place: a daemon that reads half a number would be at a strange time.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{wall} {running}\n")).expect("the clock can be written");
        fs::rename(&new, &self.file).expect("the clock can be moved");
    }

    /// Gives `command` this clock.
    pub fn wind(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", programs::clock_library())
            .env("SEKISHO_TEST_CLOCK", &self.file)
            .env("TZ", "UTC");
    }
}
