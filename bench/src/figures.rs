//! The figures of a run: name and number, the unit at the end of the name.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::Failure;

/// What was measured. A figure taken several times counts by its median.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    /// Adds one measurement.
    pub(crate) fn put(&mut self, name: impl Into<String>, value: f64) {
        self.0.entry(name.into()).or_default().push(value);
    }

    /// Adds the median and the 99th percentile of `times` as `NAME_p50_us` and `NAME_p99_us`.
    pub(crate) fn put_percentiles(&mut self, name: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        for (percent, word) in [(50, "p50"), (99, "p99")] {
            if let Some(time) = times.get(times.len() * percent / 100) {
                self.put(format!("{name}_{word}_us"), micros(*time));
            }
        }
    }

    /// The median of what was measured under `name`.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        median(self.0.get(name)?)
    }

    /// The largest that was measured under `name`: for what must never happen at all.
    pub(crate) fn largest(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.iter().copied().reduce(f64::max)
    }

    /// Writes all medians as one flat object.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let flat: Map<String, Value> = self
            .0
            .iter()
            .filter_map(|(name, values)| Some((name.clone(), rounded(self.value(name, values)?))))
            .collect();
        let text = serde_json::to_string_pretty(&flat)?;
        Ok(std::fs::write(file, text + "\n")?)
    }

    /// Lost packets are added up nowhere: the worst run counts.
    fn value(&self, name: &str, values: &[f64]) -> Option<f64> {
        match name.ends_with("_lost_packets") {
            true => self.largest(name),
            false => median(values),
        }
    }
}

/// The one in the middle, or the mean of the two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// Microseconds of `time`.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// Four digits are more than any of this is worth.
fn rounded(value: f64) -> Value {
    let text = if value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    };
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_follow_outliers() {
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[4.0, 1.0], Some(2.5)),
            (&[900.0, 2.0, 1.0], Some(2.0)),
        ] {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn percentiles_are_those_of_all_times() {
        let mut figures = Figures::default();
        let times = (1..=1_000).rev().map(Duration::from_micros).collect();
        figures.put_percentiles("login", times);
        assert_eq!(figures.median("login_p50_us"), Some(501.0));
        assert_eq!(figures.median("login_p99_us"), Some(991.0));
    }

    #[test]
    fn of_lost_packets_the_worst_run_is_written() {
        let mut figures = Figures::default();
        for lost in [0.0, 7.0, 0.0] {
            figures.put("burst_lost_packets", lost);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("figures.json");
        figures.write(&file).expect("it can be written");
        let text = std::fs::read_to_string(file).expect("it can be read");
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(read["burst_lost_packets"], 7.0);
    }
}
