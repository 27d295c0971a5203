//! Times: local for people, RFC 3339 in UTC for programs.

use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sekisho_admin_cli::text;

/// As `2026-11-22 09:14:02` in the local zone.
pub(crate) fn local(ms: u64) -> String {
    match timestamp(ms) {
        Some(time) => Zoned::new(time, TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        None => text!("word-ms", ms = ms.to_string()),
    }
}

/// As `2026-11-22T00:14:02.123Z`; nothing for a time beyond the calendar.
pub(crate) fn rfc3339(ms: u64) -> Option<String> {
    timestamp(ms).map(|time| format!("{time:.3}"))
}

fn timestamp(ms: u64) -> Option<Timestamp> {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

/// A moment in the past: an absolute one, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    pub ms: u64,
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let now = Timestamp::now();
        let time = ago(text, now)
            .or_else(|| text.parse().ok())
            .or_else(|| local_time(text))
            .ok_or_else(|| text!("usage-time"))?;
        u64::try_from(time.as_millisecond())
            .map(|ms| Self { ms })
            .map_err(|_| text!("usage-before-1970"))
    }
}

fn local_time(text: &str) -> Option<Timestamp> {
    let time: civil::DateTime = text.parse().ok()?;
    Some(time.to_zoned(TimeZone::system()).ok()?.timestamp())
}

/// `30m`, `12h`, `7d`.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms = digits.parse::<i64>().ok()?.checked_mul(seconds * 1_000)?;
    Timestamp::from_millisecond(now.as_millisecond().checked_sub(ms)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_long_ago_is_read() {
        let now = Timestamp::from_second(1_000_000).expect("valid");
        for (text, second) in [
            ("90s", Some(999_910)),
            ("30m", Some(998_200)),
            ("1d", Some(913_600)),
            ("d", None),
            ("-1d", None),
            ("99999999999999999d", None),
            ("1y", None),
        ] {
            assert_eq!(
                ago(text, now).map(|time| time.as_second()),
                second,
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_with_a_zone_is_absolute() {
        assert_eq!(
            "2026-11-22T00:14:00Z".parse(),
            Ok(Since {
                ms: 1_795_306_440_000
            })
        );
        assert!("yesterday".parse::<Since>().is_err());
        assert!("1969-01-01T00:00:00Z".parse::<Since>().is_err());
    }

    #[test]
    fn times_beyond_the_calendar_do_not_panic() {
        assert_eq!(local(u64::MAX), format!("{} ms", u64::MAX));
        assert_eq!(rfc3339(u64::MAX), None);
        assert_eq!(
            rfc3339(1_795_306_442_123).as_deref(),
            Some("2026-11-22T00:14:02.123Z")
        );
    }
}
