//! What one server remembers between requests, besides duplicates. All of it is bounded, and none
//! of it is needed for safety alone: the verifier takes each code and each round once.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::client::{Client, MessageAuthenticatorRule};

/// The window in which is counted.
const MINUTE: Duration = Duration::from_secs(60);
/// How many counts there are for each hash of a name, and how many hashes a name has.
const CELLS: usize = 1 << u16::BITS;
const HASHES: usize = 4;

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
///
/// The table has one size whatever names are sent, and forgets none of them: no flood of invented
/// ones takes the bound off anybody. A name's count is the least of its cells, and can only be too
/// high: if others have filled all of them in the same minute.
#[derive(Debug)]
pub(super) struct Asked {
    per_minute: u32,
    since: Duration,
    hasher: RandomState,
    counts: Vec<u32>,
}

impl Asked {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            since: Duration::ZERO,
            hasher: RandomState::new(),
            counts: vec![0; HASHES * CELLS],
        }
    }

    /// Counts one more, or says that there were too many. `account` is what the client's quirks
    /// leave of a name; every spelling of it counts as one.
    pub(super) fn take(&mut self, now: Duration, account: &str) -> bool {
        if now.saturating_sub(self.since) >= MINUTE {
            self.since = now;
            self.counts = vec![0; HASHES * CELLS];
        }
        let cells = self.cells(&account.to_lowercase());
        let count = cells.map(|cell| self.counts[cell]).into_iter().min();
        let count = count.unwrap_or(u32::MAX);
        if count >= self.per_minute {
            return false;
        }
        for cell in cells {
            self.counts[cell] = self.counts[cell].max(count + 1);
        }
        true
    }

    fn cells(&self, name: &str) -> [usize; HASHES] {
        let hash = self.hasher.hash_one(name).to_be_bytes();
        std::array::from_fn(|n| {
            let cell = u16::from_be_bytes([hash[2 * n], hash[2 * n + 1]]);
            n * CELLS + usize::from(cell)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(600);

    #[test]
    fn spellings_of_one_name_are_counted_together_and_minute_by_minute() {
        let mut asked = Asked::new(2);
        assert!(asked.take(NOW, "Hana") && asked.take(NOW, "hana"));
        assert!(!asked.take(NOW, "HANA"));
        assert!(asked.take(NOW, "taro"));
        assert!(asked.take(NOW + MINUTE, "hana"));
        assert!(!Asked::new(0).take(NOW, "hana"));
    }

    #[test]
    fn flood_of_invented_names_takes_the_bound_off_nobody_and_fills_it_for_nobody() {
        let mut asked = Asked::new(10);
        let taken = |asked: &mut Asked, name: &str| {
            let all = (0..20).filter(|_| asked.take(NOW, name));
            all.count()
        };
        assert_eq!(taken(&mut asked, "hana"), 10);
        for number in 0..2 * CELLS {
            asked.take(NOW, &number.to_string());
        }
        assert_eq!(asked.counts.len(), HASHES * CELLS);
        assert_eq!(taken(&mut asked, "hana"), 0, "who is counted stays so");
        assert!((5..=10).contains(&taken(&mut asked, "taro")));
    }
}
