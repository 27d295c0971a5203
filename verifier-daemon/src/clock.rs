//! The one place where the daemon reads clocks: what time it is, and whether that can be believed.
//!
//! The wall clock can be set; the clock that counts since the machine was started can not, and goes
//! on while it sleeps. Both run at the same rate, so the difference between them changes only when
//! somebody sets the wall clock. A step of more than [`STEP_MAX`] is not believed: until it is taken
//! back, the time service says that it was right, or an admin does, no code is judged.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use sekisho_verifier::time::{Now, Time};

/// A larger step of the wall clock is not believed.
const STEP_MAX: Duration = Duration::from_secs(10);
/// Smaller steps are forgotten at a rate of one in so many: 10 s in an hour. Else many of them would
/// be taken for a large one, or a large one could be made of many.
const FORGOTTEN: u64 = 360;
/// How long a stepped clock must have run on before the time service is believed.
const HEALING: Duration = Duration::from_secs(60);
/// systemd-timesyncd touches this each time that it has compared the clock with a server.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// Now. A clock before 1970 reads as 1970, which no journal is older than: no accepts.
pub(crate) fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
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
            guard: Mutex::new(Guard::new(read())),
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

    /// How far the wall clock was set, in seconds, if that is not believed.
    pub(crate) fn step(&self) -> Option<i64> {
        let mut guard = self.lock();
        let reading = read();
        let steady = guard.judge(reading, &synchronised);
        (!steady).then(|| guard.off(reading) / 1_000)
    }

    /// An admin says that it is right as it is now.
    pub(crate) fn trust(&self) {
        self.lock().trust(read());
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In words for `status` and `explain`.
pub(crate) fn told(step: i64) -> String {
    let direction = if step < 0 { "back" } else { "forward" };
    let seconds = step.unsigned_abs();
    format!("the server's clock was set {direction} by {seconds} s while the verifier ran")
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

/// A stamp that changes whenever the time service finds the clock to be right.
fn synchronised() -> Option<i64> {
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
    stepped: Option<Stepped>,
}

/// A step that is not believed.
#[derive(Debug)]
struct Stepped {
    /// Wall clock less running clock since then.
    difference: i64,
    /// The running clock when it was noticed.
    since: u64,
    /// The time service's stamp then.
    stamp: Option<i64>,
}

impl Guard {
    fn new(reading: Reading) -> Self {
        Self {
            anchor: difference(reading),
            last: reading.running,
            stepped: None,
        }
    }

    /// Whether the wall clock can be believed at this reading; `stamp` is that of the time service.
    fn judge(&mut self, reading: Reading, stamp: &dyn Fn() -> Option<i64>) -> bool {
        let since_last = reading.running.saturating_sub(self.last);
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
                self.stepped = Some(Stepped {
                    difference,
                    since: reading.running,
                    stamp: stamp(),
                });
            }
            Some(stepped) => {
                let ran_on = reading.running.saturating_sub(stepped.since);
                let now = stamp();
                if ran_on >= millis(HEALING) && now.is_some() && now != stepped.stamp {
                    self.trust(reading);
                }
            }
        }
        self.stepped.is_none()
    }

    fn trust(&mut self, reading: Reading) {
        *self = Self::new(reading);
    }

    /// How far the wall clock is off, in milliseconds; ahead is positive.
    fn off(&self, reading: Reading) -> i64 {
        difference(reading).saturating_sub(self.anchor)
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
                guard: Guard::new(at),
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
            assert!(!machine.pass(HOUR), "{step}");
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
        assert!(!machine.pass(HOUR), "its stamp is from before");
        machine.stamp = Some(2);
        assert!(machine.pass(1));

        let mut machine = Machine::new();
        assert!(!machine.step(-HOUR));
        machine.stamp = Some(2);
        assert!(!machine.pass(59_999));
        assert!(machine.pass(1));

        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        machine.stamp = None;
        assert!(!machine.pass(HOUR), "there is no time service");
    }

    #[test]
    fn another_step_begins_the_wait_anew() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        assert!(!machine.pass(59_000));
        assert!(!machine.step(HOUR));
        machine.stamp = Some(2);
        assert!(!machine.pass(59_000), "this step is not a minute old");
        machine.stamp = Some(3);
        assert!(machine.pass(1_000));
    }

    #[test]
    fn admin_can_trust_it_and_the_next_step_is_measured_from_there() {
        let mut machine = Machine::new();
        assert!(!machine.step(HOUR));
        machine.guard.trust(machine.at);
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
        let text = told(-3_600);
        assert_eq!(
            text,
            "the server's clock was set back by 3600 s while the verifier ran"
        );
    }
}
