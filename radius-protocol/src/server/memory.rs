//! What one server remembers between requests, besides duplicates. All of it is bounded, and none
//! of it is needed for safety alone: the verifier takes each code and each round once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::client::{Client, MessageAuthenticatorRule};

/// How many accounts' challenges are counted in one minute. Beyond it new names are not counted:
/// who sends that many is bounded by the rate of its client, and each guess by the verifier.
const COUNTED_MAX: usize = 1 << 16;
/// The window in which challenges are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// How many acknowledged conversations are remembered until their State expires. One more is
/// refused: to forget one would be to let its State be used again.
const USED_MAX: usize = 1 << 17;
/// How many accepts wait for their acknowledgement with attributes that no State had room for.
const KEPT_MAX: usize = 1 << 12;

/// What `auto` has come to, for each client.
#[derive(Debug, Default)]
pub(super) struct Learned {
    by_client: HashMap<Box<str>, MessageAuthenticatorRule>,
}

impl Learned {
    /// The rule for the next packet.
    pub(super) fn rule(&self, client: &Client) -> MessageAuthenticatorRule {
        match client.message_authenticator {
            MessageAuthenticatorRule::Auto => self
                .of(&client.name)
                // Undecided: it may be missing, and then that decides.
                .unwrap_or(MessageAuthenticatorRule::Off),
            set => set,
        }
    }

    pub(super) fn of(&self, client: &str) -> Option<MessageAuthenticatorRule> {
        self.by_client.get(client).copied()
    }

    /// Takes note of a packet that was admitted.
    pub(super) fn note(&mut self, client: &Client, is_signed: bool, has_eap: bool) {
        let decides = client.message_authenticator == MessageAuthenticatorRule::Auto
            && !client.is_network
            && !has_eap
            && !self.by_client.contains_key(&client.name);
        if decides {
            let rule = if is_signed {
                MessageAuthenticatorRule::Require
            } else {
                MessageAuthenticatorRule::Off
            };
            self.by_client.insert(client.name.clone(), rule);
        }
    }
}

/// Counts the challenges of each account name, minute by minute.
#[derive(Debug)]
pub(super) struct Challenges {
    per_minute: u32,
    since: Duration,
    counts: HashMap<Box<str>, u32>,
}

impl Challenges {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            since: Duration::ZERO,
            counts: HashMap::new(),
        }
    }

    /// Counts one more, or says that there were too many. Every spelling of a name counts as one.
    pub(super) fn take(&mut self, now: Duration, account: &str) -> bool {
        if now.saturating_sub(self.since) >= MINUTE {
            self.since = now;
            self.counts.clear();
        }
        let folded = account.to_lowercase();
        if let Some(count) = self.counts.get_mut(folded.as_str()) {
            *count = count.saturating_add(1);
            return *count <= self.per_minute;
        }
        if self.counts.len() < COUNTED_MAX {
            self.counts.insert(folded.into(), 1);
        }
        self.per_minute > 0
    }
}

/// Conversations that have ended in an accept by acknowledgement: their State is used up.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// With the time since 1970 at which the State expires.
    by_id: HashMap<[u8; 16], Duration>,
    /// In the order of use.
    order: VecDeque<[u8; 16]>,
}

impl Used {
    /// Notes the use; false if it was used before, or if nothing more can be noted.
    pub(super) fn take(&mut self, wall: Duration, id: [u8; 16], expires: Duration) -> bool {
        while let Some(oldest) = self.order.front() {
            if self.by_id.get(oldest).is_some_and(|&until| until > wall) {
                break;
            }
            self.by_id.remove(oldest);
            self.order.pop_front();
        }
        if self.by_id.contains_key(&id) || self.order.len() >= USED_MAX {
            return false;
        }
        self.by_id.insert(id, expires);
        self.order.push_back(id);
        true
    }
}

/// Attributes that wait for the acknowledgement of their accept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    by_id: HashMap<[u8; 16], Box<[u8]>>,
    order: VecDeque<[u8; 16]>,
}

impl Kept {
    /// Keeps them; the oldest go when there are too many.
    pub(super) fn keep(&mut self, id: [u8; 16], attributes: &[u8]) {
        if self.by_id.insert(id, attributes.into()).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > KEPT_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.by_id.remove(&oldest);
            }
        }
    }

    pub(super) fn take(&mut self, id: &[u8; 16]) -> Option<Box<[u8]>> {
        // Its place in the order stays until it is the oldest.
        self.by_id.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_secs(1000);
    const LATER: Duration = Duration::from_secs(1030);

    fn id(number: usize) -> [u8; 16] {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn used_conversation_is_not_forgotten_before_it_expires_even_when_there_are_many() {
        let mut used = Used::default();
        for number in 0..USED_MAX {
            assert!(used.take(WALL, id(number), LATER));
        }
        assert!(!used.take(WALL, id(USED_MAX), LATER), "no room");
        assert!(!used.take(WALL, id(0), LATER), "used before");
        let last = LATER - Duration::from_millis(1);
        assert!(!used.take(last, id(0), LATER));
        assert!(used.take(LATER, id(USED_MAX), LATER + LATER));
        assert_eq!((used.by_id.len(), used.order.len()), (1, 1));
    }

    #[test]
    fn attributes_are_kept_for_the_newest_conversations() {
        let mut kept = Kept::default();
        for number in 0..=KEPT_MAX {
            kept.keep(id(number), b"class");
        }
        assert_eq!(kept.take(&id(0)), None);
        assert_eq!(kept.take(&id(1)).as_deref(), Some(b"class".as_slice()));
        assert_eq!(kept.take(&id(1)), None);
        assert_eq!(kept.by_id.len(), KEPT_MAX - 1);
    }

    #[test]
    fn challenges_are_counted_for_each_name_and_minute_in_bounded_memory() {
        let mut challenges = Challenges::new(2);
        let now = Duration::from_secs(600);
        assert!(challenges.take(now, "Hana") && challenges.take(now, "hana"));
        assert!(!challenges.take(now, "HANA"));
        for number in 0..2 * COUNTED_MAX {
            assert!(challenges.take(now, &number.to_string()));
        }
        assert_eq!(challenges.counts.len(), COUNTED_MAX);
        assert!(!challenges.take(now, "hana"), "who is counted stays so");
        assert!(challenges.take(now + MINUTE, "hana"));
        assert!(!Challenges::new(0).take(now, "hana"));
    }
}
