//! `key rotate` and `key status`.

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
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
        hint(&text!("key-rotating"));
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
    let master = text!(
        "key-master",
        version = keys.master_version,
        source = word("source", &keys.source)
    );
    let numbers: Vec<String> = keys.data_keys.iter().map(u32::to_string).collect();
    let rotation = keys.rotation.map(|rotation| {
        let (done, all) = (rotation.done, rotation.all);
        text!("key-rotation", done = done, all = all)
    });
    let locked = match keys.memory_locked {
        true => text!("word-yes"),
        false => text!("word-no"),
    };
    Block::new()
        .with("label-master-key", master)
        .with("label-data-key", keys.data_key.to_string())
        .with("label-data-keys-kept", numbers.join(", "))
        .with(
            "label-rotation",
            rotation.unwrap_or_else(|| text!("word-none")),
        )
        .with("label-memory-locked", locked)
        .with_some("label-public-key", keys.public_key.as_ref())
}
