//! Tells operators of trouble once in a while, and when it is over.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sekisho_daemon::Log;

/// How often trouble that goes on is told of: a line for each login would only hide it.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// What is known about somebody whom we ask.
#[derive(Debug)]
pub(super) struct Report {
    log: Log,
    who: &'static str,
    /// When trouble was told of that is not over.
    told: Mutex<Option<Instant>>,
}

impl Report {
    pub(super) fn new(log: &Log, who: &'static str) -> Self {
        Self {
            log: log.clone(),
            who,
            told: Mutex::default(),
        }
    }

    /// Something went wrong.
    pub(super) fn trouble(&self, what: impl fmt::Display) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            *told = Some(Instant::now());
            self.log.error(format!("{}: {what}", self.who));
        }
    }

    /// An answer came.
    pub(super) fn fine(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.take().is_some() {
            self.log.info(format!("{} answers again", self.who));
        }
    }
}
