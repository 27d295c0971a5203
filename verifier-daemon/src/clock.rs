//! The one place where the daemon reads clocks: what time it is, and whether that can be believed.
//!
//! The wall clock can be set; the clock that counts since the machine was started can not, and goes
//! on while it sleeps. Both run at the same rate, so the difference between them changes only when
//! somebody sets the wall clock. A step of more than [`STEP_MAX`] is not believed: until it is taken
//! back, the time service says that it was right, or an admin does, no code is judged. One that
//! nobody takes back for [`SETTLED`] was a correction: most time services tell nobody what they do.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fmt, fs};

use nix::time::{ClockId, clock_gettime};
use sekisho_daemon::Log;
use sekisho_verifier::time::{Now, Time};
use tokio::sync::watch;

/// A larger step of the wall clock is not believed.
const STEP_MAX: Duration = Duration::from_secs(10);
/// Smaller steps are forgotten at a rate of one in so many: 10 s in an hour. Else many of them would
/// be taken for a large one, or a large one could be made of many.
const FORGOTTEN: u64 = 360;
/// How long a stepped clock must have run on before the time service is believed.
const HEALING: Duration = Duration::from_secs(60);
/// How long a step must have held to be believed without anybody's word.
const SETTLED: Duration = Duration::from_secs(600);
/// How often the clocks are looked at while nobody asks, so that it is known when a step was made.
const PAUSE: Duration = Duration::from_secs(5);
/// What the time service said since the last look counts as said after a step that is noticed now,
/// if that look was no longer ago than this.
const FRESH: Duration = Duration::from_secs(15);
/// systemd-timesyncd touches this each time that it has compared the clock with a server.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// Now. A clock before 1970 reads as 1970, which no journal is older than: no accepts.
pub(crate) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The wall clock, and the clock that nobody sets, for what lasts a while: it is over when either of
/// them says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) wall: Time,
    pub(crate) running: Instant,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self::of(now(), Instant::now())
    }

    pub(crate) fn of(wall: Time, running: Instant) -> Self {
        Self { wall, running }
    }

    /// How long ago `earlier` was, by the clock that says more.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.millis().saturating_sub(earlier.wall.millis());
        let running = self.running.saturating_duration_since(earlier.running);
        running.max(Duration::from_millis(wall))
    }
}

/// The clocks of this machine, watched.
#[derive(Debug)]
pub(crate) struct Clock {
    guard: Mutex<Guard>,
}

impl Clock {
    /// Takes the wall clock as it is now for right.
    pub(crate) fn new() -> Self {
        Self {
            guard: Mutex::new(Guard::new(read(), synchronised())),
        }
    }

    /// Now, and whether the wall clock is steady.
    pub(crate) fn now(&self) -> Now {
        let reading = read();
        let steady = self.lock().judge(reading, &synchronised);
        Now {
            time: Time::from_millis(reading.wall),
            steady,
        }
    }

    /// Why the wall clock is not believed, if it is not.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        let mut guard = self.lock();
        let reading = read();
        guard.judge(reading, &synchronised);
        guard.doubt(reading)
    }

    /// Looks at the clocks every now and then, and tells the log what comes of it.
    pub(crate) async fn watch(self: Arc<Self>, log: Log, mut ending: watch::Receiver<bool>) {
        let mut doubted = false;
        loop {
            let doubt = self.doubt();
            match &doubt {
                Some(doubt) if !doubted => log.warning(format_args!(
                    "{doubt}: no code is accepted until it is set right, or for {} s",
                    doubt.settles_in
                )),
                None if doubted => log.info("the server's clock is trusted again"),
                _ => {}
            }
            doubted = doubt.is_some();
            let ended = ending.wait_for(|ending| *ending);
            if tokio::time::timeout(PAUSE, ended).await.is_ok() {
                return;
            }
        }
    }

    /// An admin says that it is right as it is now.
    pub(crate) fn trust(&self) {
        self.lock().trust(read(), synchronised());
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step that is not believed, in words for `status` and `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// How far the wall clock was set, in seconds; ahead is positive.
    pub(crate) step: i64,
    /// After so many seconds it is believed without anybody's word.
    pub(crate) settles_in: u64,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.step < 0 { "back" } else { "forward" };
        let seconds = self.step.unsigned_abs();
        write!(
            f,
            "the server's clock was set {direction} by {seconds} s while the verifier ran"
        )
    }
}

/// Both clocks, read together, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    wall: u64,
    /// Since the machine was started.
    running: u64,
}

fn read() -> Reading {
    // This clock is always there; at zero, every wall clock would look like a step.
    let running = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let time = Duration::from(time);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    });
    Reading {
        wall: now().millis(),
        running,
    }
}

/// The stamp now.
fn synchronised() -> Stamp {
    let about = fs::metadata(SYNCHRONISED).ok()?;
    Some(about.mtime() * 1_000_000_000 + about.mtime_nsec())
}

/// Judges one reading after the other.
#[derive(Debug)]
struct Guard {
    /// Wall clock less running clock, in milliseconds, while the wall clock was believed.
    anchor: i64,
    /// The running clock at the last reading.
    last: u64,
    /// The time service's stamp then.
    stamp: Stamp,
    stepped: Option<Stepped>,
}

/// A stamp that changes whenever the time service finds the clock to be right, if there is one.
type Stamp = Option<i64>;

/// A step that is not believed.
#[derive(Debug)]
struct Stepped {
    /// Wall clock less running clock since then.
    difference: i64,
    /// The running clock when it was noticed.
    since: u64,
    /// The time service's stamp before it: it steps the clock and says so at once, so that by the
    /// time the step is noticed it has often spoken already.
    stamp: Stamp,
}

impl Guard {
    fn new(reading: Reading, stamp: Stamp) -> Self {
        Self {
            anchor: difference(reading),
            last: reading.running,
            stamp,
            stepped: None,
        }
    }

    /// Whether the wall clock can be believed at this reading; `stamp` is that of the time service.
    fn judge(&mut self, reading: Reading, stamp: &dyn Fn() -> Stamp) -> bool {
        let since_last = reading.running.saturating_sub(self.last);
        let stamp = stamp();
        let stamp_before = std::mem::replace(&mut self.stamp, stamp);
        self.last = reading.running;
        let off = self.off(reading);
        if off.unsigned_abs() <= millis(STEP_MAX) {
            let forgotten = i64::try_from(since_last / FORGOTTEN).unwrap_or(i64::MAX);
            self.anchor += off.clamp(-forgotten, forgotten);
            self.stepped = None;
            return true;
        }
        let difference = difference(reading);
        let same_step =
            |stepped: &&Stepped| difference.abs_diff(stepped.difference) <= millis(STEP_MAX);
        match self.stepped.as_ref().filter(same_step) {
            None => {
                let looked = since_last <= millis(FRESH);
                self.stepped = Some(Stepped {
                    difference,
                    since: reading.running,
                    stamp: if looked { stamp_before } else { stamp },
                });
            }
            Some(stepped) => {
                let ran_on = stepped.ran_on(reading);
                let confirmed = stamp.is_some() && stamp != stepped.stamp;
                if ran_on >= millis(SETTLED) || (ran_on >= millis(HEALING) && confirmed) {
                    self.trust(reading, stamp);
                }
            }
        }
        self.stepped.is_none()
    }

    fn trust(&mut self, reading: Reading, stamp: Stamp) {
        *self = Self::new(reading, stamp);
    }

    /// Why the wall clock was not believed at this reading.
    fn doubt(&self, reading: Reading) -> Option<Doubt> {
        let stepped = self.stepped.as_ref()?;
        let left = millis(SETTLED).saturating_sub(stepped.ran_on(reading));
        Some(Doubt {
            step: self.off(reading) / 1_000,
            settles_in: left.div_ceil(1_000),
        })
    }

    /// How far the wall clock is off, in milliseconds; ahead is positive.
    fn off(&self, reading: Reading) -> i64 {
        difference(reading).saturating_sub(self.anchor)
    }
}

impl Stepped {
    /// How long the wall clock has run on since.
    fn ran_on(&self, reading: Reading) -> u64 {
        reading.running.saturating_sub(self.since)
    }
}

fn difference(reading: Reading) -> i64 {
    let signed = |millis| i64::try_from(millis).unwrap_or(i64::MAX);
    signed(reading.wall).saturating_sub(signed(reading.running))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: u64 = 1_795_306_442_000;
    const RUNNING: u64 = 5_000_000;
    const HOUR: i64 = 3_600_000;
    const SETTLED: i64 = 600_000;

    /// A machine whose clocks a test moves, and the verdicts on them.
    struct Machine {
        guard: Guard,
        at: Reading,
        stamp: Option<i64>,
    }

    impl Machine {
        fn new() -> Self {
            let at = Reading {
                wall: WALL,
                running: RUNNING,
            };
            Self {
                guard: Guard::new(at, Some(1)),
                at,
                stamp: Some(1),
            }
        }

        /// Time passes.
        fn pass(&mut self, millis: i64) -> bool {
            self.at.running = self.at.running.saturating_add_signed(millis);
            self.step(millis)
        }

        /// The wall clock is set.
        fn step(&mut self, millis: i64) -> bool {
            self.at.wall = self.at.wall.saturating_add_signed(millis);
            let stamp = self.stamp;
            self.guard.judge(self.at, &|| stamp)
        }
    }

    #[test]
    fn time_that_passes_is_no_step() {
        let mut machine = Machine::new();
        for millis in [0, 1, 30_000, HOUR, 10_000 * HOUR] {
            assert!(machine.pass(millis), "{millis}");
        }
    }

    #[test]
    fn step_over_the_bound_is_not_believed_until_it_is_taken_back() {
        for step in [10_001, HOUR, -10_001, -HOUR] {
            let mut machine = Machine::new();
            assert!(!machine.step(step), "{step}");
            assert!(!machine.pass(SETTLED - 1), "{step}");
            assert_eq!(machine.guard.off(machine.at), step);
            assert!(machine.step(-step), "{step}");
        }
    }

    #[test]
    fn step_up_to_the_bound_is_believed() {
        for step in [10_000, -10_000, 1] {
            assert!(Machine::new().step(step), "{step}");
        }
    }

    #[test]
    fn many_small_steps_are_a_large_one_unless_time_passes_between() {
        let mut machine = Machine::new();
        assert!(machine.step(6_000));
        assert!(!machine.step(6_000));

        let mut machine = Machine::new();
        for _ in 0..100 {
            assert!(machine.step(6_000));
            assert!(machine.pass(HOUR));
        }
    }

    #[test]
    fn time_service_heals_a_step_after_a_minute_and_only_if_it_spoke_after_it() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(SETTLED - 1), "its stamp is from before");

        for step in [HOUR, -HOUR] {
            let mut machine = Machine::new();
            assert!(!machine.step(step));
            machine.stamp = Some(2);
            assert!(!machine.pass(59_999));
            assert!(machine.pass(1));
        }

        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        machine.stamp = None;
        assert!(!machine.pass(SETTLED - 1), "there is no time service");
    }

    #[test]
    fn time_service_that_made_the_step_itself_has_spoken() {
        let mut machine = Machine::new();
        assert!(machine.pass(15_000));
        machine.stamp = Some(2);
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(59_999));
        assert!(machine.pass(1));
    }

    #[test]
    fn time_service_that_spoke_while_nobody_looked_may_have_spoken_before_the_step() {
        let mut machine = Machine::new();
        machine.stamp = Some(2);
        machine.at.running += 15_001;
        machine.at.wall += 15_001;
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(SETTLED - 1));
    }

    #[test]
    fn step_that_holds_for_ten_minutes_was_a_correction() {
        for (step, stamp) in [(HOUR, Some(1)), (-HOUR, None), (10_001, Some(1))] {
            let mut machine = Machine::new();
            machine.stamp = stamp;
            assert!(!machine.step(step));
            for _ in 0..119 {
                assert!(!machine.pass(5_000));
            }
            assert!(!machine.pass(4_999));
            assert!(machine.pass(1));
            assert!(!machine.step(-step), "the next one is measured from there");
        }
    }

    #[test]
    fn time_that_is_left_is_told() {
        let mut machine = Machine::new();
        assert_eq!(machine.guard.doubt(machine.at), None);
        machine.step(-HOUR);
        for (millis, settles_in) in [(0, 600), (1, 600), (999, 599), (598_999, 1)] {
            machine.pass(millis);
            let expected = Doubt {
                step: -3_600,
                settles_in,
            };
            assert_eq!(machine.guard.doubt(machine.at), Some(expected));
        }
        machine.pass(1);
        assert_eq!(machine.guard.doubt(machine.at), None);
    }

    #[test]
    fn another_step_begins_the_wait_anew() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(59_000));
        machine.stamp = Some(2);
        assert!(!machine.step(HOUR));
        machine.stamp = Some(3);
        assert!(!machine.pass(59_000), "this step is not a minute old");
        assert!(machine.pass(1_000));

        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(SETTLED - 1));
        assert!(!machine.step(10_001));
        assert!(
            !machine.pass(SETTLED - 1),
            "this step is not ten minutes old"
        );
        assert!(machine.pass(1));
    }

    /// Nor is one that is made of small ones.
    #[test]
    fn clock_that_does_not_come_to_rest_is_not_believed() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        for _ in 0..100 {
            assert!(!machine.pass(SETTLED / 4));
            assert!(!machine.step(6_000));
        }
    }

    #[test]
    fn admin_can_trust_it_and_the_next_step_is_measured_from_there() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        machine.guard.trust(machine.at, machine.stamp);
        assert!(machine.pass(1_000));
        assert!(!machine.step(-HOUR));
    }

    #[test]
    fn clocks_out_of_all_bounds_do_not_panic() {
        for (wall, running) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
            let mut machine = Machine::new();
            machine.at = Reading { wall, running };
            machine.pass(1);
            machine.pass(-1);
        }
    }

    #[test]
    fn step_is_told_in_words() {
        let doubt = Doubt {
            step: -3_600,
            settles_in: 600,
        };
        assert_eq!(
            doubt.to_string(),
            "the server's clock was set back by 3600 s while the verifier ran"
        );
    }
}
