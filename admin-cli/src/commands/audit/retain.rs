//! `audit retain`: the journal is not kept for ever.

use std::time::Duration;

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, RemovedView, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::Retain;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::block::Block;
use crate::output::{Output, hint, json, receipt, time};

/// How long the verifier may take to make a snapshot of a million tokens.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn retain(
    retain: &Retain,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Retain {
        older_than_s: retain.older_than,
        dry_run: retain.dry_run,
        note: retain.note.text.clone(),
    };
    let Answer::Retained { removed, receipt } = verifier.ask_patiently(verb, PATIENCE)? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json!({
            "removed": json::value(&removed),
            "dry_run": retain.dry_run,
            "receipt": json::value(&receipt),
        }))?);
    }
    if let Some(receipt) = &receipt {
        receipt::show(output, receipt)?;
    }
    if let Some(removed) = &removed {
        if receipt.is_some() {
            output.line("")?;
        }
        output.text(&block(removed))?;
        if retain.dry_run {
            output.finish()?;
            hint(&text!("retain-dry-run"));
        }
    }
    if removed.is_none() && receipt.is_none() {
        hint(&text!("retain-nothing"));
    }
    Ok(())
}

fn block(removed: &RemovedView) -> String {
    Block::new()
        .with("label-segments", removed.segments.to_string())
        .with("label-octets", removed.octets.to_string())
        .with("label-newest-event", time::local(removed.newest_ms))
        .with("label-first-kept", removed.first_kept.to_string())
        .render()
}
