//! Accepts each second at every door, durable, with the limits of the disk in between.

use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::attempts::Tokens;
use crate::client_verifier;
use crate::daemon::{Daemon, own_processor_time};
use crate::disk::RawFile;
use crate::figures::{Figures, micros};
use crate::gateway::{Gateways, IDENTIFIERS};
use crate::installation::Installation;
use crate::pam::Host;
use crate::plan::{Plan, say};

/// Attempts that wait at once, over so many sockets.
const WINDOWS: [usize; 3] = [64, 256, 1_024];
const SOCKETS: usize = 8;
/// So many sockets use all their identifiers, while the server remembers each for 10 s.
const MANY_SOCKETS: usize = 128;
/// The largest batch that the disk alone is measured with.
const LARGEST_BATCH: usize = 256;
/// Packets of a burst.
const BURST: usize = 1_024;

/// Measures all doors of one installation, by turns.
pub(crate) fn measure(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    let tokens = plan.throughput_tokens;
    say(format_args!("importing {tokens} tokens for throughput"));
    let installation = Installation::new(folder)?;
    let verifier = installation.start_verifier()?;
    installation.import(tokens)?;
    figures.put("throughput_tokens", tokens as f64);
    let mut bench = Bench {
        plan,
        host: Host::new(&installation)?,
        raw: RawFile::create(installation.folder())?,
        radius: installation.start_radius()?,
        verifier,
        tokens: Tokens::new(tokens),
        installation,
        figures,
    };
    let log = bench.installation.verifier_log();
    bench.run().map_err(|failure| match first_reject(&log) {
        Some(line) => format!("{failure}\n  the verifier's log: {line}").into(),
        None => failure,
    })?;
    bench.radius.stop()?;
    bench.verifier.stop()?;
    Ok(())
}

/// Every code was right, so the first reject is what went wrong.
fn first_reject(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let line = text.lines().find(|line| line.contains("reject"))?;
    Some(line.to_owned())
}

struct Bench<'f> {
    plan: &'f Plan,
    // Daemons are dropped before their folder.
    radius: Daemon,
    verifier: Daemon,
    host: Host,
    raw: RawFile,
    tokens: Tokens,
    installation: Installation,
    figures: &'f mut Figures,
}

impl Bench<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let before = self.installation.journal_octets()?;
        let mut accepts = 0;
        for round in 1..=self.plan.rounds {
            say(format_args!("round {round} of {}", self.plan.rounds));
            accepts += self.round()?;
        }
        let octets = self.installation.journal_octets()? - before;
        self.figures
            .put("journal_octets_per_accept", octets as f64 / accepts as f64);
        let resident = self.radius.resident_mib()?;
        self.figures.put("radiusd_rss_mib", resident);
        let resident = self.verifier.resident_mib()?;
        self.figures.put("verifierd_rss_after_load_mib", resident);
        Ok(())
    }

    /// Everything once; returns how many logins were accepted.
    fn round(&mut self) -> Result<usize, Failure> {
        let mut accepts = self.pam()?;
        for (waiting, count) in self.plan.verifier_accepts {
            accepts += self.verifier(waiting, count)?;
        }
        for window in WINDOWS {
            let name = format!("radius_window_{window}");
            accepts += self.radius(&name, SOCKETS, window, self.plan.radius_accepts)?;
        }
        let name = format!("radius_{MANY_SOCKETS}_sockets");
        accepts += self.radius(&name, MANY_SOCKETS, BURST, self.plan.radius_many_accepts)?;
        for _ in 0..self.plan.bursts {
            accepts += self.burst()?;
        }
        Ok(accepts)
    }

    fn pam(&mut self) -> Result<usize, Failure> {
        let logins = self.tokens.logins(self.plan.pam_logins)?;
        self.host.measure(&logins, &self.raw, self.figures)?;
        Ok(logins.len())
    }

    fn verifier(&mut self, waiting: usize, count: usize) -> Result<usize, Failure> {
        let logins = self.tokens.logins(count)?;
        let name = format!("verifier_waiting_{waiting}");
        let limit = self.limit(waiting)?;
        let before = self.verifier.processor_time()?;
        let outcome = client_verifier::run(&self.installation.socket(), &logins, waiting)?;
        let used = self.verifier.processor_time()? - before;
        self.put_rate(&name, count, outcome.elapsed, limit);
        self.put_processor_time(&name, "verifierd", used, count);
        self.figures.put_percentiles(&name, outcome.times);
        Ok(count)
    }

    fn radius(
        &mut self,
        name: &str,
        sockets: usize,
        window: usize,
        count: usize,
    ) -> Result<usize, Failure> {
        let logins = self.tokens.logins(count)?;
        let gateways = Gateways::prepare(self.installation.radius, sockets, &logins)?;
        let limit = self.limit(window)?;
        let before = self.processor_times()?;
        let outcome = gateways.run(window / sockets)?;
        let after = self.processor_times()?;
        let accepts = outcome.times.len();
        self.put_rate(name, accepts, outcome.elapsed, limit);
        for (index, who) in ["radiusd", "verifierd", "load"].into_iter().enumerate() {
            self.put_processor_time(name, who, after[index] - before[index], accepts);
        }
        let lost = outcome.lost as f64;
        self.figures.put(format!("{name}_lost_packets"), lost);
        self.figures.put_percentiles(name, outcome.times);
        Ok(accepts)
    }

    /// What the disk alone can do with so many records to a sync, measured at this moment: it is
    /// another limit a few seconds later.
    fn limit(&mut self, waiting: usize) -> Result<f64, Failure> {
        let records = waiting.min(LARGEST_BATCH);
        self.raw.measure(records, self.plan.disk, self.figures)
    }

    /// All at once, as after a power cut of a building.
    fn burst(&mut self) -> Result<usize, Failure> {
        let logins = self.tokens.logins(BURST)?;
        let sockets = BURST / IDENTIFIERS;
        let gateways = Gateways::prepare(self.installation.radius, sockets, &logins)?;
        let outcome = gateways.run(IDENTIFIERS)?;
        let name = format!("radius_burst_{BURST}");
        self.figures
            .put(format!("{name}_lost_packets"), outcome.lost as f64);
        self.figures
            .put(format!("{name}_all_answered_us"), micros(outcome.elapsed));
        Ok(outcome.times.len())
    }

    fn processor_times(&self) -> Result<[Duration; 3], Failure> {
        Ok([
            self.radius.processor_time()?,
            self.verifier.processor_time()?,
            own_processor_time()?,
        ])
    }

    fn put_rate(&mut self, name: &str, accepts: usize, elapsed: Duration, limit: f64) {
        let rate = accepts as f64 / elapsed.as_secs_f64();
        self.figures.put(format!("{name}_accepts_per_s"), rate);
        let share = 100.0 * rate / limit;
        self.figures.put(format!("{name}_of_disk_percent"), share);
    }

    fn put_processor_time(&mut self, name: &str, who: &str, used: Duration, accepts: usize) {
        let each = micros(used) / accepts as f64;
        self.figures.put(format!("{name}_{who}_cpu_us"), each);
    }
}
