//! What one server remembers between requests, besides duplicates. All of it is bounded, and none
//! of it is needed for safety alone: the verifier takes each code and each round once.

use std::collections::HashMap;
use std::time::Duration;

use super::client::{Client, MessageAuthenticatorRule};

/// How many accounts are counted in one minute. Beyond it new names are not counted:
/// who sends that many is bounded by the rate of its client, and each guess by the verifier.
const COUNTED_MAX: usize = 1 << 16;
/// The window in which is counted.
const MINUTE: Duration = Duration::from_secs(60);

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

    /// Takes note of a packet that was admitted. The first decides, and after one without a
    /// Message-Authenticator the first with one: anybody can have sent the former, and the latter
    /// shows that the client can do better.
    pub(super) fn note(&mut self, client: &Client, is_signed: bool, has_eap: bool) {
        let decides = client.message_authenticator == MessageAuthenticatorRule::Auto
            && !client.is_network
            && !has_eap;
        let rule = match is_signed {
            true => MessageAuthenticatorRule::Require,
            false => MessageAuthenticatorRule::Off,
        };
        match self.by_client.get_mut(&client.name) {
            _ if !decides => {}
            // An unsigned one is not admitted where they are required, so this never goes back.
            Some(known) => {
                if is_signed {
                    *known = rule;
                }
            }
            None => {
                self.by_client.insert(client.name.clone(), rule);
            }
        }
    }
}

/// Counts what each account is asked, or somebody is asked about it, without a charge by the
/// verifier: challenges, and passwords that come with their code. Minute by minute.
#[derive(Debug)]
pub(super) struct Asked {
    per_minute: u32,
    since: Duration,
    counts: HashMap<Box<str>, u32>,
}

impl Asked {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            since: Duration::ZERO,
            counts: HashMap::new(),
        }
    }

    /// Counts one more, or says that there were too many. `account` is what the client's quirks
    /// leave of a name; every spelling of it counts as one.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_counted_for_each_name_and_minute_in_bounded_memory() {
        let mut asked = Asked::new(2);
        let now = Duration::from_secs(600);
        assert!(asked.take(now, "Hana") && asked.take(now, "hana"));
        assert!(!asked.take(now, "HANA"));
        for number in 0..2 * COUNTED_MAX {
            assert!(asked.take(now, &number.to_string()));
        }
        assert_eq!(asked.counts.len(), COUNTED_MAX);
        assert!(!asked.take(now, "hana"), "who is counted stays so");
        assert!(asked.take(now + MINUTE, "hana"));
        assert!(!Asked::new(0).take(now, "hana"));
    }
}
