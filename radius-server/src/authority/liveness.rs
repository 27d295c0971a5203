//! Whether the verifier answers in time.
//!
//! What is decided and what is merely looked up take different ways through the verifier, and one
//! can be stuck while the other is not, so each has a lane of its own.

use std::time::Duration;

use tokio::time::Instant;

/// How long the verifier may say nothing on a lane while it is asked.
const ANSWER_TIME: Duration = Duration::from_millis(2_500);
/// How long a lane is remembered as slow when nobody asks any more: the next who asks will see.
const SLOW_MEMORY: Duration = Duration::from_secs(10);

/// Questions of one kind.
#[derive(Debug, Default)]
pub(super) struct Lane {
    open: usize,
    /// Since when something is open and nothing was answered.
    since: Option<Instant>,
}

impl Lane {
    pub(super) fn asked(&mut self, now: Instant) {
        self.open += 1;
        self.since.get_or_insert(now);
    }

    pub(super) fn answered(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        self.since = (self.open > 0).then_some(now);
    }

    /// Nobody waits for one of them any more. That is no answer.
    pub(super) fn given_up(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        let Some(since) = self.since else {
            return false;
        };
        let silence = now.saturating_duration_since(since);
        if self.open == 0 && silence > SLOW_MEMORY {
            self.since = None;
            return false;
        }
        silence > ANSWER_TIME
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOVE: Duration = Duration::from_millis(2_600);

    #[test]
    fn lane_is_slow_only_while_something_is_open_and_nothing_is_answered() {
        let start = Instant::now();
        let mut lane = Lane::default();
        assert!(!lane.is_slow(start + ABOVE));
        lane.asked(start);
        lane.asked(start);
        assert!(!lane.is_slow(start));
        assert!(lane.is_slow(start + ABOVE));
        lane.answered(start + ABOVE);
        assert!(!lane.is_slow(start + ABOVE));
        assert!(lane.is_slow(start + 2 * ABOVE));
        lane.answered(start + 2 * ABOVE);
        assert!(!lane.is_slow(start + 9 * ABOVE));
    }

    #[test]
    fn to_give_up_is_no_answer_and_is_forgotten_after_a_while() {
        let start = Instant::now();
        let mut lane = Lane::default();
        lane.asked(start);
        lane.given_up();
        assert!(lane.is_slow(start + ABOVE));
        assert!(!lane.is_slow(start + Duration::from_secs(11)));
    }
}
