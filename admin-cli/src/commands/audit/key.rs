//! `audit key` and `audit checkpoint`: what to keep elsewhere.

use std::fs;
use std::path::Path;

use sekisho_verifier_socket::admin::{Answer, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::{Evidence, Global};
use crate::connection::Verifier;
use crate::evidence::Key;
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
        Some(data) => fs::read_to_string(data.join("checkpoint")).ok(),
        None => ask(global)?.1,
    };
    let checkpoint = checkpoint.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            "there is no checkpoint yet",
            "the first one follows the first event within a second",
        )
    })?;
    if output.is_json() {
        return Ok(output.value(&json!({ "checkpoint": checkpoint }))?);
    }
    Ok(output.text(&checkpoint)?)
}

fn of_folder(data: &Path) -> Result<String, Failure> {
    let found = Key::find(&Evidence::default(), data)?;
    let found = found.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            format!("{}: there is no audit.pub in it", data.display()),
            "the verifier writes it when it starts",
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
