//! `audit key` and `audit checkpoint`: what to keep elsewhere.

use std::path::Path;

use sekisho_admin_cli::text;
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::NOTE_OCTETS_MAX;
use sekisho_verifier_socket::admin::{Answer, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::{Evidence, Global};
use crate::connection::Verifier;
use crate::evidence::{Key, read_written};
use crate::failure::{Failure, Kind};
use crate::output::Output;

/// Prints the public key: of the data folder if one is named, else of the verifier.
pub(crate) fn key(data: Option<&Path>, global: &Global, output: &mut Output) -> Result<(), Stop> {
    let key = match data {
        Some(data) => of_folder(data)?,
        None => ask(global)?.0,
    };
    if output.is_json() {
        return Ok(output.value(&json!({ "key": key }))?);
    }
    Ok(output.line(&key)?)
}

/// Prints the newest checkpoint.
pub(crate) fn checkpoint(
    data: Option<&Path>,
    global: &Global,
    output: &mut Output,
) -> Result<(), Stop> {
    let checkpoint = match data {
        Some(data) => kept(data)?,
        None => ask(global)?.1,
    };
    let checkpoint = checkpoint.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            text!("checkpoint-none"),
            text!("checkpoint-none-way"),
        )
    })?;
    if output.is_json() {
        return Ok(output.value(&json!({ "checkpoint": checkpoint }))?);
    }
    Ok(output.text(&checkpoint)?)
}

/// The checkpoint in the data folder. Nothing else that may be there is ever shown.
fn kept(data: &Path) -> Result<Option<String>, Failure> {
    let path = data.join("checkpoint");
    let text = read_written(&path, NOTE_OCTETS_MAX as u64)?;
    // It is not synced: a power cut may leave zeros.
    let text = text.filter(|text| text.bytes().any(|octet| octet != 0));
    match text {
        Some(text) if !has_form(&text) => Err(Failure::new(
            Kind::NotTrusted,
            text!("checkpoint-bad", path = path.display().to_string()),
            text!("checkpoint-bad-way"),
        )),
        text => Ok(text),
    }
}

/// Whether it has the form of a checkpoint, in which nothing else fits than names and numbers.
fn has_form(note: &str) -> bool {
    let plain = note.chars().all(|c| c == '\n' || !c.is_control());
    let checkpoint = note.split_once("\n\n").and_then(|(text, signature)| {
        let line = signature.strip_suffix('\n')?;
        let by = line.strip_prefix("\u{2014} ")?.split(' ').next()?;
        let checkpoint = Checkpoint::parse(&format!("{text}\n"))?;
        (checkpoint.origin == by && !line.contains('\n')).then_some(checkpoint)
    });
    plain && checkpoint.is_some()
}

fn of_folder(data: &Path) -> Result<String, Failure> {
    let found = Key::find(&Evidence::default(), data)?;
    let found = found.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            text!("audit-pub-none", path = data.display().to_string()),
            text!("audit-pub-none-way"),
        )
    })?;
    Ok(found.key.to_string())
}

fn ask(global: &Global) -> Result<(String, Option<String>), Failure> {
    match Verifier::new(global)?.ask(Verb::AuditKey)? {
        Answer::AuditKey { key, checkpoint } => Ok((key, checkpoint)),
        _ => Err(Failure::strange_answer()),
    }
}
