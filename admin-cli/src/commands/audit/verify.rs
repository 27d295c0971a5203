//! `audit verify`: from the files alone.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_admin_cli::text;
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
        at += &text!("journal-at-octet", octet = octet);
    }
    if let Some(position) = fault.position {
        at += &text!("journal-at-position", position = position);
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
        (_, None) => text!("journal-chain-fits"),
        (Some(signed), Some(_)) => text!(
            "journal-good",
            first = verified.first,
            last = signed.position,
            time = time::local(signed.time.millis())
        ),
        (None, Some(_)) => text!("journal-empty"),
    }];
    let since = verified.unsigned_since.map(|at| time::local(at.millis()));
    if let (Some(since), Some(_)) = (since, key) {
        told.push(text!(
            "journal-unsigned",
            count = verified.unsigned_events,
            since = since
        ));
    }
    told.extend(elsewhere(verified));
    told.extend(skipped(kept));
    told.extend(key.and_then(Key::caveat));
    told
}

/// What checkpoints from elsewhere say, or would.
fn elsewhere(verified: &Verified) -> Vec<String> {
    let mut told = vec![match verified.elsewhere {
        0 => text!("journal-end-unknown"),
        compared => text!("journal-borne-out", count = compared),
    }];
    if verified.older > 0 {
        told.push(text!(
            "journal-older",
            count = verified.older,
            first = verified.first
        ));
    }
    told.extend(verified.left_out.iter().map(|left_out| {
        text!(
            "journal-left-out",
            count = left_out.checkpoints,
            time = time::local(left_out.restored.millis())
        )
    }));
    told
}

/// What the file with checkpoints holds besides, which says nothing about the journal.
fn skipped(kept: &Kept) -> Vec<String> {
    let mut told = Vec::new();
    if kept.others > 0 {
        told.push(text!("journal-of-others", count = kept.others));
    }
    if kept.not_signed > 0 {
        told.push(text!("journal-not-signed", count = kept.not_signed));
    }
    told
}

/// So many checkpoints from elsewhere are of what restores have left out.
fn left_out(verified: &Verified) -> u64 {
    let left_out = verified.left_out.iter();
    left_out.map(|left_out| left_out.checkpoints).sum()
}

fn block(verified: &Verified, signed: bool) -> Block {
    let of = |checkpoint: &Checkpoint| {
        let at = time::local(checkpoint.time.millis());
        text!(
            "value-position-at",
            position = checkpoint.position,
            time = at
        )
    };
    let local = |time: Time| time::local(time.millis());
    let nonzero = |number: u64| (number > 0).then(|| number.to_string());
    Block::new()
        .with("label-journal", Checkpoint::origin_of(&verified.store))
        .with_some("label-restores", nonzero(verified.epoch.into()))
        .with("label-segments", verified.segments.to_string())
        .with_some("label-compressed", nonzero(verified.compressed))
        .with_some(
            "label-snapshot",
            verified
                .snapshot
                .map(|at| text!("value-position", position = at)),
        )
        .with(
            "label-positions",
            text!(
                "value-from-to",
                first = verified.first,
                last = verified.last
            ),
        )
        .with("label-events", verified.events.to_string())
        .with_some("label-oldest-event", verified.oldest.map(local))
        .with_some("label-newest-event", verified.newest.map(local))
        .with("label-checkpoints", verified.checkpoints.to_string())
        .with("label-signatures", verified.signatures.to_string())
        .with_some("label-from-elsewhere", nonzero(verified.elsewhere))
        .with_some("label-of-removed", nonzero(verified.older))
        .with_some("label-of-left-out", nonzero(left_out(verified)))
        .with_some(
            "label-signed-up-to",
            verified.signed.as_ref().filter(|_| signed).map(of),
        )
        .with_some(
            "label-not-signed",
            nonzero(verified.unsigned_events).filter(|_| signed),
        )
        .with_some(
            "label-unfinished",
            nonzero(verified.torn_octets).map(|n| text!("value-octets", octets = n)),
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
            let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(text!("journal-verifying"));
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
