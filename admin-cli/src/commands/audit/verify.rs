//! `audit verify`: from the files alone.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_store_embedded::{Fault, LeftOut, Verified, origin, verify as verify_journal};
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::time::Time;
use serde_json::{Value, json};

use super::checkpoints::{self, Kept};
use crate::Stop;
use crate::cli::{AuditVerify, Global};
use crate::evidence::{self, Key};
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::{Output, time};

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
    let public = key.as_ref().map(|found| &found.key);
    let kept = match &verify.checkpoints {
        Some(file) => {
            let origin = match public {
                Some(key) => key.name().to_owned(),
                None => origin(&data).map_err(failure)?,
            };
            checkpoints::read(file, &origin, public)?
        }
        None => Kept::default(),
    };
    let mut progress = Progress::new(output);
    let verified = verify_journal(&data, public, &kept.notes, &mut |done, all| {
        progress.tell(done, all);
    });
    drop(progress);
    let verified = verified.map_err(failure)?;
    if let Some(file) = &verify.checkpoints {
        kept.enough(file)?;
    }
    if output.is_json() {
        return Ok(output.value(&value(&verified, &kept, key.as_ref()))?);
    }
    output.text(&block(&verified, key.is_some()).render())?;
    output.line("")?;
    for sentence in verdict(&verified, &kept, key.as_ref()) {
        output.line(&sentence)?;
    }
    output.finish()?;
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

/// What was found out, a sentence in each line, and nothing that was not looked at.
fn verdict(verified: &Verified, kept: &Kept, key: Option<&Key>) -> Vec<String> {
    let mut told = vec![match (&verified.signed, key) {
        (_, None) => NOT_CHECKED.to_owned(),
        (Some(signed), Some(_)) => format!(
            "Good: from position {} to {}, nothing was changed, left out or put in since it was \
             signed at {}.",
            verified.first,
            signed.position,
            time::local(signed.time.millis())
        ),
        (None, Some(_)) => "The journal holds no event, so there is nothing to verify.".to_owned(),
    }];
    let since = verified.unsigned_since.map(|at| time::local(at.millis()));
    if let (Some(since), Some(_)) = (since, key) {
        told.push(format!(
            "{} behind the last checkpoint {} not signed yet (since {since}).",
            counted(verified.unsigned_events, "event"),
            is_or_are(verified.unsigned_events),
        ));
    }
    told.extend(elsewhere(verified));
    told.extend(skipped(kept));
    told.extend(key.and_then(Key::caveat).map(str::to_owned));
    told
}

const NOT_CHECKED: &str = "The chain fits. No signature was checked, for want of a key (--key): \
    whoever could write to the data folder could have made all of it anew.";

/// What checkpoints from elsewhere say, or would.
fn elsewhere(verified: &Verified) -> Vec<String> {
    let compared = verified.elsewhere;
    let mut told = Vec::new();
    if compared == 0 {
        told.push(
            "That its end was not cut off is not known: compare with checkpoints that were kept \
             elsewhere (--checkpoints)."
                .to_owned(),
        );
    } else {
        told.push(format!(
            "{} from elsewhere {} what it says.",
            counted(compared, "checkpoint"),
            if compared == 1 {
                "bears out"
            } else {
                "bear out"
            },
        ));
    }
    if verified.older > 0 {
        told.push(format!(
            "{} from elsewhere {} of before position {}: that was removed, and could not be \
             compared.",
            counted(verified.older, "checkpoint"),
            is_or_are(verified.older),
            verified.first,
        ));
    }
    told.extend(verified.left_out.iter().map(|left_out| {
        format!(
            "{} from elsewhere {} of events that were left out by the restore of {}.",
            counted(left_out.checkpoints, "checkpoint"),
            is_or_are(left_out.checkpoints),
            time::local(left_out.restored.millis()),
        )
    }));
    told
}

/// What the file with checkpoints holds besides, which says nothing about the journal.
fn skipped(kept: &Kept) -> Vec<String> {
    let mut told = Vec::new();
    if kept.others > 0 {
        told.push(format!(
            "{} from elsewhere {} of other journals, and skipped.",
            counted(kept.others, "checkpoint"),
            is_or_are(kept.others),
        ));
    }
    if kept.not_signed > 0 {
        told.push(format!(
            "Warning: {} from elsewhere {} a checkpoint of this journal and {} not signed by this \
             key, and skipped: find out who wrote that.",
            counted(kept.not_signed, "line"),
            if kept.not_signed == 1 {
                "looks like"
            } else {
                "look like"
            },
            is_or_are(kept.not_signed),
        ));
    }
    told
}

fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn is_or_are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// So many checkpoints from elsewhere are of what restores have left out.
fn left_out(verified: &Verified) -> u64 {
    let left_out = verified.left_out.iter();
    left_out.map(|left_out| left_out.checkpoints).sum()
}

fn block(verified: &Verified, signed: bool) -> Block {
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
        .with_some("Of removed", nonzero(verified.older))
        .with_some("Of left out", nonzero(left_out(verified)))
        .with_some(
            "Signed up to",
            verified.signed.as_ref().filter(|_| signed).map(of),
        )
        .with_some(
            "Not signed",
            nonzero(verified.unsigned_events).filter(|_| signed),
        )
        .with_some(
            "Unfinished",
            nonzero(verified.torn_octets).map(|n| n + " octets"),
        )
}

fn value(verified: &Verified, kept: &Kept, key: Option<&Key>) -> Value {
    let time = |at: Option<Time>| at.and_then(|at| time::rfc3339(at.millis()));
    let millis = |at: Option<Time>| at.map(Time::millis);
    // Without a key it is only said to be signed.
    let signed = verified.signed.as_ref().filter(|_| key.is_some());
    let unsigned_events = key.map(|_| verified.unsigned_events);
    let unsigned_since = verified.unsigned_since.filter(|_| key.is_some());
    let restores = |left_out: &LeftOut| {
        json!({
            "checkpoints": left_out.checkpoints,
            "restored": time(Some(left_out.restored)),
            "restored_ms": left_out.restored.millis(),
        })
    };
    let signed_at = signed.map(|signed| signed.time);
    json!({
        "good": key.map(|_| true),
        "signatures_checked": key.is_some(),
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
        "elsewhere_not_signed": kept.not_signed,
        "elsewhere_of_others": kept.others,
        "older": verified.older,
        "left_out": left_out(verified),
        "left_out_by": verified.left_out.iter().map(restores).collect::<Vec<_>>(),
        "signed_position": signed.map(|signed| signed.position),
        "signed_at": time(signed_at),
        "signed_at_ms": millis(signed_at),
        "unsigned_events": unsigned_events,
        "unsigned_since": time(unsigned_since),
        "unsigned_since_ms": millis(unsigned_since),
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
