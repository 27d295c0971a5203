//! The end of the daemon, and what signals ask for before it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sekisho_daemon::Log;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::mailbox::Mailbox;
use crate::metrics::{Metrics, Snapshot};

/// How often the counters are logged, if they have changed.
const METRICS_INTERVAL: Duration = Duration::from_secs(60);
/// How long the end may take: the verdict of the last attempt, and its reject delay.
const DRAIN_MAX: Duration = Duration::from_secs(15);
/// How often to look whether all is done.
const DRAIN_TICK: Duration = Duration::from_millis(10);

/// The signals we listen to.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    user: Signal,
}

impl Signals {
    /// From here on, none of them ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// Logs counters now and then and at SIGUSR1; returns at SIGTERM or SIGINT.
    pub(crate) async fn watch(&mut self, metrics: &Metrics, log: &Log) {
        let mut told = Snapshot::default();
        // Not at once: what came between readiness and here is not a minute.
        let mut ticks = interval_at(Instant::now() + METRICS_INTERVAL, METRICS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.user.recv() => tell_all(metrics, log),
                _ = ticks.tick() => {
                    let now = metrics.snapshot();
                    if let Some(line) = now.since(&told) {
                        log.info(format!("in the last minute: {line}"));
                    }
                    told = now;
                }
            }
        }
    }
}

/// Takes no more datagrams, and waits until those that were taken have got what they will get.
pub(crate) async fn drain(mailbox: &Mailbox, finished: &Arc<AtomicBool>, log: &Log) {
    sekisho_daemon::notify_stopping();
    mailbox.stop();
    log.info("stopping");
    let end = Instant::now() + DRAIN_MAX;
    while !finished.load(Ordering::Acquire) {
        if Instant::now() >= end {
            return log.warning("stopped with open requests");
        }
        sleep(DRAIN_TICK).await;
    }
}

/// Logs all counters since the start.
pub(crate) fn tell_all(metrics: &Metrics, log: &Log) {
    let line = metrics.snapshot().since(&Snapshot::default());
    log.info(format!(
        "since the start: {}",
        line.as_deref().unwrap_or("nothing")
    ));
}
