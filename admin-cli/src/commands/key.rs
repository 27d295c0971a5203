//! `key rotate` and `key status`.

use sekisho_verifier_socket::admin::{Answer, KeyStatusView, Verb};

use crate::Stop;
use crate::cli::KeyRotate;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::block::Block;
use crate::output::{Output, hint, json, receipt};

pub(crate) fn rotate(
    rotate: &KeyRotate,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let note = rotate.note.text.clone();
    let receipt = verifier.ask_for_receipt(Verb::KeyRotate { note })?;
    receipt::show(output, &receipt)?;
    if !output.is_json() {
        hint("Everything is sealed anew now, while logins go on; see: sekisho key status");
    }
    Ok(())
}

pub(crate) fn status(verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Keys(keys) = verifier.ask(Verb::KeyStatus)? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(&keys))?);
    }
    Ok(output.text(&block(&keys).render())?)
}

fn block(keys: &KeyStatusView) -> Block {
    let master = format!("version {}, source {}", keys.master_version, keys.source);
    let numbers: Vec<String> = keys.data_keys.iter().map(u32::to_string).collect();
    let rotation = keys.rotation.map(|rotation| {
        let (done, all) = (rotation.done, rotation.all);
        format!("{done} of {all} records are sealed anew")
    });
    let locked = if keys.memory_locked { "yes" } else { "no" };
    Block::new()
        .with("Master key", master)
        .with("Data key", keys.data_key.to_string())
        .with("Data keys kept", numbers.join(", "))
        .with("Rotation", rotation.as_deref().unwrap_or("none"))
        .with("Memory locked", locked)
        .with_some("Public key", keys.public_key.as_ref())
}
