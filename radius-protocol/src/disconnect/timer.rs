//! When to send again, and when to give up (RFC 5080 section 2.2.1).

use std::time::Duration;

/// The first wait.
pub const IRT: Duration = Duration::from_secs(2);
/// The longest wait.
pub const MRT: Duration = Duration::from_secs(16);
/// How often a request is sent at most.
pub const MRC: u8 = 5;
/// How long an order is tried at most, requests with fewer attributes included.
pub const MRD: Duration = Duration::from_secs(30);

/// The requests of one order: with everything, with the names, with the id alone.
const REQUESTS_MAX: usize = 3;
/// One octet for each time that a packet is sent.
pub(super) const JITTER_OCTETS: usize = REQUESTS_MAX * MRC as usize;

/// The timer of one order.
#[derive(Debug)]
pub(super) struct Timer {
    random: [u8; JITTER_OCTETS],
    /// How much of `random` is used.
    used: usize,
    /// When the order was first sent.
    since: Option<Duration>,
    /// How often the open request was sent.
    sent: u8,
    /// The wait that runs, before it was cut by [`MRD`].
    wait: Duration,
    /// When it ends.
    due: Option<Duration>,
}

impl Timer {
    pub(super) fn new(random: [u8; JITTER_OCTETS]) -> Self {
        Self {
            random,
            used: 0,
            since: None,
            sent: 0,
            wait: Duration::ZERO,
            due: None,
        }
    }

    /// The request is sent now; returns when to look again.
    pub(super) fn start(&mut self, now: Duration) -> Duration {
        let since = *self.since.get_or_insert(now);
        let jitter = self.jitter();
        self.wait = match self.sent {
            0 => jittered(IRT, jitter),
            _ => self.wait + jittered(self.wait, jitter),
        };
        if self.wait > MRT {
            self.wait = jittered(MRT, jitter);
        }
        self.sent += 1;
        let due = (now + self.wait).min(since + MRD);
        self.due = Some(due);
        due
    }

    /// The open request is done with; returns what was to come. The time of the order runs on.
    pub(super) fn stop(&mut self) -> Option<Duration> {
        self.sent = 0;
        self.due.take()
    }

    /// True if the time of the order is up, or the request was sent often enough.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        let since = self.since.unwrap_or(now);
        self.sent >= MRC || now.saturating_sub(since) >= MRD
    }

    /// Between 900 and 1,100 thousandths.
    fn jitter(&mut self) -> u32 {
        let octet = self.random.get(self.used).copied().unwrap_or(0x80);
        self.used += 1;
        900 + u32::from(octet) * 200 / 255
    }
}

fn jittered(wait: Duration, thousandths: u32) -> Duration {
    wait * thousandths / 1000
}
