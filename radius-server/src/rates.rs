//! How many requests each client may send.
//!
//! Only what is authentic is counted: else anybody could use a gateway's rate up by sending in its
//! name. What is over the rate gets silence, and nobody is asked about it.

use std::time::Duration;

/// How much may come at once: what is permitted in this time.
const BURST: Duration = Duration::from_secs(2);

/// The rate of one client.
#[derive(Debug)]
struct Bucket {
    /// The time that one request takes of the rate.
    interval: Duration,
    /// When all that came so far would have come, had it come at the rate.
    paid_until: Duration,
}

/// The rates of all clients, by their numbers.
#[derive(Debug)]
pub(crate) struct Rates {
    buckets: Vec<Bucket>,
}

impl Rates {
    /// Each client with its requests per second.
    pub(crate) fn new(per_second: impl Iterator<Item = u64>) -> Self {
        let bucket = |per_second: u64| Bucket {
            interval: Duration::from_nanos(1_000_000_000 / per_second.max(1)),
            paid_until: Duration::ZERO,
        };
        Self {
            buckets: per_second.map(bucket).collect(),
        }
    }

    /// Counts one request of a client; false if it is one too many.
    pub(crate) fn take(&mut self, client: usize, now: Duration) -> bool {
        let Some(bucket) = self.buckets.get_mut(client) else {
            return false;
        };
        let paid = bucket.paid_until.max(now) + bucket.interval;
        let permitted = paid <= now + BURST;
        if permitted {
            bucket.paid_until = paid;
        }
        permitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);

    fn taken(rates: &mut Rates, client: usize, now: Duration, tries: usize) -> usize {
        (0..tries).filter(|_| rates.take(client, now)).count()
    }

    #[test]
    fn twice_the_rate_comes_at_once_and_then_the_rate() {
        let mut rates = Rates::new([10, 1_000_000].into_iter());
        assert_eq!(taken(&mut rates, 0, START, 100), 20);
        assert_eq!(taken(&mut rates, 0, START, 100), 0);
        assert_eq!(
            taken(&mut rates, 0, START + Duration::from_secs(1), 100),
            10
        );
        assert_eq!(
            taken(&mut rates, 0, START + Duration::from_secs(60), 100),
            20
        );
    }

    #[test]
    fn one_client_takes_nothing_from_another() {
        let mut rates = Rates::new([1, 1].into_iter());
        assert_eq!(taken(&mut rates, 0, START, 100), 2);
        assert_eq!(taken(&mut rates, 1, START, 100), 2);
        assert!(!rates.take(2, START), "no such client");
    }
}
