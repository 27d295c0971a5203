//! `audit verify`: from the files alone.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_store_embedded::{Fault, Verified, verify as verify_journal};
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::time::Time;
use serde_json::{Value, json};

use super::checkpoints;
use crate::Stop;
use crate::cli::{AuditVerify, Global};
use crate::evidence::{self, Key};
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::{Output, hint, time};

/// What takes no longer needs no bar.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn verify(
    verify: &AuditVerify,
    global: &Global,
    output: &mut Output,
) -> Result<(), Stop> {
    let data = evidence::data(verify.evidence.data.as_deref(), global)?;
    evidence::readable(&data)?;
    let key = Key::find(&verify.evidence, &data)?;
    let elsewhere = match &verify.checkpoints {
        Some(file) => checkpoints::read(file)?,
        None => Vec::new(),
    };
    let mut progress = Progress::new(output);
    let verified = verify_journal(
        &data,
        key.as_ref().map(|found| &found.key),
        &elsewhere,
        &mut |done, all| progress.tell(done, all),
    );
    drop(progress);
    let verified = verified.map_err(failure)?;
    if output.is_json() {
        return Ok(output.value(&value(&verified, key.as_ref()))?);
    }
    output.text(&block(&verified).render())?;
    output.line(&format!("\n{}", verdict(&verified)))?;
    output.finish()?;
    match &key {
        Some(key) => key.warn(),
        None => hint("note: no signature was verified, for want of a key: give one with --key"),
    }
    Ok(())
}

/// The first bad place, and what to do.
pub(crate) fn failure(fault: Fault) -> Failure {
    let (message, way_out) = fault.text.split_once('\n').unwrap_or((&fault.text, ""));
    let mut at = fault.file.display().to_string();
    if let Some(octet) = fault.octet {
        at += &format!(", octet {octet}");
    }
    if let Some(position) = fault.position {
        at += &format!(", position {position}");
    }
    let mut failure = Failure::new(Kind::NotTrusted, format!("{at}: {message}"), way_out.trim());
    failure.place = Some(json!({
        "file": fault.file.display().to_string(),
        "octet": fault.octet,
        "position": fault.position,
    }));
    failure
}

fn verdict(verified: &Verified) -> String {
    let good = "Good: nothing was changed, left out or put in";
    match &verified.signed {
        Some(signed) if verified.signatures > 0 => {
            let position = signed.position;
            format!("{good}, as far as what was signed at position {position} can tell.")
        }
        _ => format!("{good}, as far as the chain alone can tell."),
    }
}

fn block(verified: &Verified) -> Block {
    let of = |checkpoint: &Checkpoint| {
        let at = time::local(checkpoint.time.millis());
        format!("position {}, {at}", checkpoint.position)
    };
    let local = |time: Time| time::local(time.millis());
    let nonzero = |number: u64| (number > 0).then(|| number.to_string());
    Block::new()
        .with("Journal", Checkpoint::origin_of(&verified.store))
        .with_some("Restores", nonzero(verified.epoch.into()))
        .with("Segments", verified.segments.to_string())
        .with_some("Compressed", nonzero(verified.compressed))
        .with_some(
            "Snapshot",
            verified.snapshot.map(|at| format!("position {at}")),
        )
        .with(
            "Positions",
            format!("{} to {}", verified.first, verified.last),
        )
        .with("Events", verified.events.to_string())
        .with_some("Oldest event", verified.oldest.map(local))
        .with_some("Newest event", verified.newest.map(local))
        .with("Checkpoints", verified.checkpoints.to_string())
        .with("Signatures", verified.signatures.to_string())
        .with_some("From elsewhere", nonzero(verified.elsewhere))
        .with_some("Signed up to", verified.signed.as_ref().map(of))
        .with_some("Events behind", nonzero(verified.unsigned_events))
        .with_some(
            "Unfinished",
            nonzero(verified.torn_octets).map(|n| n + " octets"),
        )
}

fn value(verified: &Verified, key: Option<&Key>) -> Value {
    let time = |at: Option<Time>| at.and_then(|at| time::rfc3339(at.millis()));
    let millis = |at: Option<Time>| at.map(Time::millis);
    let signed = verified.signed.as_ref();
    let signed_at = signed.map(|signed| signed.time);
    json!({
        "good": true,
        "journal": Checkpoint::origin_of(&verified.store),
        "restores": verified.epoch,
        "segments": verified.segments,
        "compressed": verified.compressed,
        "snapshot_position": verified.snapshot,
        "first_position": verified.first,
        "last_position": verified.last,
        "hash": data_encoding::BASE64.encode(&verified.hash),
        "events": verified.events,
        "oldest": time(verified.oldest),
        "oldest_ms": millis(verified.oldest),
        "newest": time(verified.newest),
        "newest_ms": millis(verified.newest),
        "checkpoints": verified.checkpoints,
        "signatures": verified.signatures,
        "elsewhere": verified.elsewhere,
        "signed_position": signed.map(|signed| signed.position),
        "signed_at": time(signed_at),
        "signed_at_ms": millis(signed_at),
        "unsigned_events": verified.unsigned_events,
        "torn_octets": verified.torn_octets,
        "key": key.map(|found| found.key.to_string()),
        "key_from_data": key.map(|found| found.own),
    })
}

/// A bar on standard error, if that is a terminal, people look at it, and it takes long.
struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
    json: bool,
}

impl Progress {
    fn new(output: &Output) -> Self {
        Self {
            begun: Instant::now(),
            bar: None,
            json: output.is_json(),
        }
    }

    fn tell(&mut self, done: u64, all: u64) {
        if self.json || self.begun.elapsed() < PROGRESS_AFTER {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("verifying {wide_bar} {percent:>3} %");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
