//! The machine's clock: codes are made of time.

use std::path::Path;
use std::process::{Command, Stdio};

use super::finding::{Finding, Found, Kind};

const TIMEDATECTL: &str = "/usr/bin/timedatectl";
const CHRONYC: &str = "/usr/bin/chronyc";
/// Half a step of 30 s: codes of a token that is right come out one step off.
const OFF_MS: u64 = 15_000;
/// In the output of `chronyc -c tracking`: by how many seconds the system's clock is off.
const OFFSET_FIELD: usize = 4;

/// Asks whoever keeps it right.
pub(crate) fn look(found: &mut Found) {
    match run(
        TIMEDATECTL,
        &["show", "--property=NTPSynchronized", "--value"],
    ) {
        Ok(text) if text.trim() == "yes" => {}
        Ok(_) => {
            let mend = "timedatectl set-ntp true";
            found.add(Finding::new(Kind::ClockNotSynchronised, mend));
        }
        Err(error) => found.unseen("clock", error),
    }
    if !Path::new(CHRONYC).exists() {
        return;
    }
    if let Ok(text) = run(CHRONYC, &["-c", "tracking"])
        && let Some(off) = offset_ms(&text)
    {
        look_at_offset(off, found);
    }
}

fn look_at_offset(off_ms: u64, found: &mut Found) {
    if off_ms >= OFF_MS {
        let finding = Finding::new(Kind::ClockOff, "timedatectl set-ntp true");
        found.add(finding.with("ms", off_ms.to_string()));
    }
}

fn offset_ms(tracking: &str) -> Option<u64> {
    let field = tracking.trim().split(',').nth(OFFSET_FIELD)?;
    let (whole, rest) = field.trim_start_matches(['-', '+']).split_once('.')?;
    let thousandths = rest.get(..3)?;
    let seconds: u64 = whole.parse().ok()?;
    seconds
        .checked_mul(1_000)?
        .checked_add(thousandths.parse().ok()?)
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&done.stderr);
    let first = text.lines().next().unwrap_or_default();
    Err(format!("{program}: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_read_from_what_chrony_prints() {
        let line =
            "C0A80001,gw,3,1795306442.1,-17.250123456,0.1,0.2,1.5,0.1,0.2,0.3,0.4,64.2,Normal\n";
        assert_eq!(offset_ms(line), Some(17_250));
        assert_eq!(offset_ms("506 Cannot talk to daemon\n"), None);
        let mut found = Found::default();
        look_at_offset(OFF_MS - 1, &mut found);
        assert!(found.findings.is_empty());
        look_at_offset(OFF_MS, &mut found);
        assert_eq!(found.findings[0].kind, Kind::ClockOff);
    }
}
