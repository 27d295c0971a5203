//! The table for people: what was measured, the machine's own limit beside it, and the marks.

use std::fmt::Write;

use crate::embedded::GROUPS;
use crate::figures::Figures;

/// Lines of the table: a title, or a name with the figures that stand behind it. Figures that a
/// short run does not take are left out.
const TABLE: &[(&str, &[&str])] = &[
    ("the disk alone", &[]),
    ("fdatasync of one record, /s", &["fdatasync_per_s"]),
    (
        "16 records each, records/s",
        &["append_fdatasync_records_per_s_16"],
    ),
    (
        "64 records each, records/s",
        &["append_fdatasync_records_per_s_64"],
    ),
    (
        "256 records each, records/s",
        &["append_fdatasync_records_per_s_256"],
    ),
    ("pure core in memory, decisions/s", &[]),
    ("right code", &["core_accept_per_s"]),
    ("code used before", &["core_replay_per_s"]),
    ("wrong code", &["core_wrong_per_s"]),
];

/// What is printed of each way in: its name, and what its figures begin with.
const DOORS: &[(&str, &str)] = &[
    ("verifier, 1 waiting", "verifier_waiting_1"),
    ("verifier, 16 waiting", "verifier_waiting_16"),
    ("verifier, 256 waiting", "verifier_waiting_256"),
    ("RADIUS, window 64", "radius_window_64"),
    ("RADIUS, window 256", "radius_window_256"),
    ("RADIUS, window 1,024", "radius_window_1024"),
    ("RADIUS, 128 sockets", "radius_128_sockets"),
];

/// RADIUS methods: their names, and what their figures are called by.
const METHODS: &[(&str, &str)] = &[
    ("PAP", "pap"),
    ("CHAP", "chap"),
    ("MS-CHAPv2", "ms_chap_v2"),
    ("EAP-GTC, 2 rounds", "eap_gtc"),
    ("EAP-MSCHAPv2, 3 rounds", "eap_ms_chap_v2"),
    ("challenge, 2 rounds", "challenge"),
];

const HISTORIES: &[(u64, &str)] = &[
    (200_000, "200,000"),
    (1_000_000, "1,000,000"),
    (10_000_000, "10,000,000"),
];

const COUNTS: &[(u64, &str)] = &[(1, "1"), (100_000, "100,000"), (1_000_000, "1,000,000")];

/// The whole report.
pub(crate) fn text(figures: &Figures) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = limits(&mut out, figures)
        .and_then(|()| store(&mut out, figures))
        .and_then(|()| histories(&mut out, figures))
        .and_then(|()| doors(&mut out, figures))
        .and_then(|()| methods(&mut out, figures))
        .and_then(|()| linux_logins(&mut out, figures))
        .and_then(|()| memory(&mut out, figures))
        .and_then(|()| marks(&mut out, figures));
    out
}

fn limits(out: &mut String, figures: &Figures) -> std::fmt::Result {
    for (name, keys) in TABLE {
        match keys.first() {
            None => writeln!(out, "\n{name}")?,
            Some(key) => writeln!(out, "  {name:<34} {:>12}", number(figures.median(key)))?,
        }
    }
    Ok(())
}

fn store(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "\nthe store alone, durable events in groups")?;
    writeln!(
        out,
        "  {:<22} {:>9} {:>13} {:>13} {:>13}",
        "", "events/s", "octets/event", "of appending", "of in place"
    )?;
    for group in GROUPS {
        let get = |what: &str| figures.median(&format!("store_events_{group}_{what}"));
        writeln!(
            out,
            "  {:<22} {:>9} {:>13} {:>11} % {:>11} %",
            format!("{} at once", number(Some(group as f64))),
            number(get("per_s")),
            number(get("octets")),
            number(get("of_append_percent")),
            number(get("of_in_place_percent")),
        )?;
    }
    writeln!(
        out,
        "  of: what one file syncs, as many octets at a time, that grows, or that was there in full"
    )
}

fn histories(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "\nthe store alone, seconds")?;
    writeln!(
        out,
        "  {:>10} {:>12} {:>9} {:>9} {:>15} {:>13}",
        "events", "journal MiB", "verify", "open", "without index", "made in"
    )?;
    for (count, name) in HISTORIES {
        let get = |what: &str| figures.median(&format!("history_{count}_{what}"));
        if get("open_s").is_none() {
            continue;
        }
        writeln!(
            out,
            "  {name:>10} {:>12} {:>9} {:>9} {:>15} {:>13}",
            number(get("journal_mib")),
            seconds(get("verify_s")),
            seconds(get("open_s")),
            seconds(get("rebuild_s")),
            seconds(get("fill_s")),
        )?;
    }
    Ok(())
}

fn doors(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(
        out,
        "\ndurable accepts, {} tokens",
        number(figures.median("throughput_tokens"))
    )?;
    writeln!(
        out,
        "  {:<22} {:>9} {:>8} {:>9} {:>9} {:>21} {:>6}",
        "", "accepts/s", "of disk", "p50 µs", "p99 µs", "CPU µs/accept", "lost"
    )?;
    writeln!(
        out,
        "  {:<22} {:>9} {:>8} {:>9} {:>9} {:>7} {:>8} {:>4}",
        "", "", "", "", "", "radiusd", "verifierd", "load"
    )?;
    for (name, prefix) in DOORS {
        let get = |what: &str| figures.median(&format!("{prefix}_{what}"));
        writeln!(
            out,
            "  {name:<22} {:>9} {:>6} % {:>9} {:>9} {:>7} {:>8} {:>5} {:>6}",
            number(get("accepts_per_s")),
            number(get("of_disk_percent")),
            number(get("p50_us")),
            number(get("p99_us")),
            number(get("radiusd_cpu_us")),
            number(get("verifierd_cpu_us")),
            number(get("load_cpu_us")),
            number(figures.largest(&format!("{prefix}_lost_packets"))),
        )?;
    }
    let burst = figures.median("radius_burst_1024_all_answered_us");
    let lost = figures.largest("radius_burst_1024_lost_packets");
    writeln!(
        out,
        "  burst of 1,024 packets: all answered in {} µs, {} lost at worst",
        number(burst),
        number(lost)
    )?;
    writeln!(
        out,
        "  of disk: records/s that this disk syncs at that moment, as many at a time. A busy machine\n  \
         keeps the one thread that measures this waiting longer than the verifier's several."
    )
}

fn methods(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(
        out,
        "\nRADIUS methods, 64 conversations at once, a simple load"
    )?;
    writeln!(
        out,
        "  {:<22} {:>9} {:>8} {:>9} {:>9}",
        "", "accepts/s", "of PAP", "p50 µs", "p99 µs"
    )?;
    for (name, prefix) in METHODS {
        let get = |what: &str| figures.median(&format!("method_{prefix}_{what}"));
        writeln!(
            out,
            "  {name:<22} {:>9} {:>6} % {:>9} {:>9}",
            number(get("accepts_per_s")),
            number(get("of_pap_percent")),
            number(get("p50_us")),
            number(get("p99_us")),
        )?;
    }
    Ok(())
}

fn linux_logins(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "\none login through PAM, µs")?;
    for (name, key) in [
        ("pam_permit, the floor", "pam_permit_us"),
        ("one append and fdatasync", "pam_fdatasync_us"),
        ("pam_sekisho, code spent durably", "pam_login_us"),
        (
            "beyond both, of the quickest tenth",
            "pam_login_beyond_floor_and_sync_us",
        ),
    ] {
        writeln!(out, "  {name:<36} {:>10}", number(figures.median(key)))?;
    }
    Ok(())
}

fn memory(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(
        out,
        "\nverifier's memory and start: seconds until ready, and of a processor"
    )?;
    writeln!(
        out,
        "  {:>10} {:>9} {:>15} {:>15} {:>15} {:>15} {:>9} {:>8}",
        "tokens",
        "RSS MiB",
        "clean",
        "after kill -9",
        "without index",
        "after import",
        "import s",
        "stop s"
    )?;
    for (count, name) in COUNTS {
        let get = |what: &str| figures.median(&format!("tokens_{count}_{what}"));
        if get("rss_mib").is_none() {
            continue;
        }
        let start = |how: &str| {
            let (wall, used) = (get(&format!("{how}_s")), get(&format!("{how}_cpu_s")));
            format!("{} / {}", seconds(wall), seconds(used))
        };
        writeln!(
            out,
            "  {name:>10} {:>9} {:>15} {:>15} {:>15} {:>15} {:>9} {:>8}",
            number(get("rss_mib")),
            start("start_clean"),
            start("start_after_kill"),
            start("start_without_index"),
            start("start_after_crash_in_import"),
            seconds(get("import_s")),
            seconds(get("stop_s")),
        )?;
    }
    writeln!(
        out,
        "  after import: killed before the index held anything, so the journal was replayed"
    )
}

fn marks(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "\nmarks")?;
    for mark in all_marks(figures) {
        let verdict = match mark.value {
            None => "not measured",
            Some(value) if (mark.reached)(value) => "reached",
            Some(_) => "MISSED",
        };
        writeln!(
            out,
            "  {verdict:<12} {}: {} {}",
            mark.what,
            number(mark.value),
            mark.unit
        )?;
    }
    Ok(())
}

struct Mark {
    what: &'static str,
    value: Option<f64>,
    unit: &'static str,
    reached: fn(f64) -> bool,
}

fn all_marks(figures: &Figures) -> [Mark; 7] {
    let best = ["64", "256", "1024"]
        .iter()
        .filter_map(|window| figures.median(&format!("radius_window_{window}_accepts_per_s")))
        .reduce(f64::max);
    let slowest_start = ["clean", "after_kill"]
        .iter()
        .filter_map(|how| figures.median(&format!("tokens_1000000_start_{how}_s")))
        .reduce(f64::max);
    [
        Mark {
            what: "30,000 durable RADIUS accepts/s at a window of 64 or more",
            value: best,
            unit: "/s",
            reached: |rate| rate >= 30_000.0,
        },
        Mark {
            what: "a burst of 1,024 packets, none lost",
            value: figures.largest("radius_burst_1024_lost_packets"),
            unit: "lost",
            reached: |lost| lost == 0.0,
        },
        Mark {
            what: "a PAM login within one fdatasync + 400 µs of the floor",
            value: figures.median("pam_login_beyond_floor_and_sync_us"),
            unit: "µs beyond floor and sync",
            reached: |micros| micros <= 400.0,
        },
        Mark {
            what: "1,000,000 tokens in 1 GiB",
            value: figures.median("tokens_1000000_rss_mib"),
            unit: "MiB",
            reached: |mib| mib <= 1_024.0,
        },
        Mark {
            what: "1,000,000 tokens ready in 5 s, clean or after kill -9",
            value: slowest_start,
            unit: "s",
            reached: |seconds| seconds <= 5.0,
        },
        Mark {
            what: "256 durable events at once, 60 % of what one file appends and syncs",
            value: figures.median("store_events_256_of_append_percent"),
            unit: "%",
            reached: |percent| percent >= 60.0,
        },
        Mark {
            what: "1,000,000 events verified in 5 s",
            value: figures.median("history_1000000_verify_s"),
            unit: "s",
            reached: |seconds| seconds <= 5.0,
        },
    ]
}

/// Whole numbers in groups of three; small ones with a digit behind the point.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".into();
    };
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn seconds(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (value, expected) in [
            (0.0, "0"),
            (7.26, "7.3"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
        ] {
            assert_eq!(number(Some(value)), expected);
        }
    }

    #[test]
    fn a_mark_that_was_not_measured_is_neither_reached_nor_missed() {
        let mut figures = Figures::default();
        figures.put("tokens_1000000_rss_mib", 2_000.0);
        figures.put("radius_burst_1024_lost_packets", 0.0);
        let report = text(&figures);
        assert!(report.contains("MISSED       1,000,000 tokens in 1 GiB: 2,000 MiB"));
        assert!(report.contains("reached      a burst of 1,024 packets, none lost: 0 lost"));
        assert!(report.contains("not measured a PAM login"));
    }
}
