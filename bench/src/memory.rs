//! Memory and start time with few tokens and with many.

use std::path::Path;

use crate::Failure;
use crate::daemon::Daemon;
use crate::figures::Figures;
use crate::installation::Installation;
use crate::plan::{Plan, say};

/// Measures a verifier with each number of tokens.
pub(crate) fn measure(plan: &Plan, folder: &Path, figures: &mut Figures) -> Result<(), Failure> {
    for &tokens in plan.token_counts {
        say(format_args!("memory and start with {tokens} tokens"));
        let installation = Installation::new(folder)?;
        measure_one(&installation, tokens, figures)?;
    }
    Ok(())
}

fn measure_one(
    installation: &Installation,
    tokens: u64,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let mut put = |what: &str, value: f64| figures.put(format!("tokens_{tokens}_{what}"), value);
    let verifier = installation.start_verifier()?;
    put("import_s", installation.import(tokens)?.as_secs_f64());
    put("import_peak_rss_mib", verifier.resident_peak_mib()?);
    // Nothing of the import is in the index yet: the journal is replayed from its beginning.
    verifier.kill();
    let verifier = started(installation, "start_after_crash_in_import", &mut put)?;
    put("stop_s", verifier.stop()?.as_secs_f64());
    let verifier = started(installation, "start_clean", &mut put)?;
    put("rss_mib", verifier.resident_mib()?);
    verifier.kill();
    let verifier = started(installation, "start_after_kill", &mut put)?;
    verifier.stop()?;
    installation.remove_index()?;
    let verifier = started(installation, "start_without_index", &mut put)?;
    verifier.stop()?;
    Ok(())
}

fn started(
    installation: &Installation,
    what: &str,
    put: &mut impl FnMut(&str, f64),
) -> Result<Daemon, Failure> {
    let verifier = installation.start_verifier()?;
    put(&format!("{what}_s"), verifier.start.as_secs_f64());
    // What it would take on a machine that does nothing else.
    let used = verifier.processor_time()?.as_secs_f64();
    put(&format!("{what}_cpu_s"), used);
    Ok(verifier)
}
