//! `token issue`: the only command that shows a seed.

use std::env;
use std::io;

use sekisho_admin_cli::text;
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::{Answer, NewToken, ReceiptView, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::{Issue, name_of};
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::{Output, hint, json, qr, receipt};

pub(crate) fn run(issue: &Issue, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Some(count) = issue.count else {
        return one(issue, "", verifier, output);
    };
    // An array, for programs.
    let (start, next, end) = match output.is_json() {
        true => ("[", ",", "]\n"),
        false => ("", "\n", ""),
    };
    // Each token is printed before the next is made: whatever happens then, no seed is lost.
    let mut before = start;
    for _ in 0..count {
        let done = one(issue, before, verifier, output);
        if done.is_err() && before == next {
            // What was issued stays readable.
            output.text(end)?;
        }
        done?;
        before = next;
    }
    Ok(output.text(end)?)
}

/// Makes a token and prints it behind `before`.
fn one(
    issue: &Issue,
    before: &str,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let (receipt, uri) = match verifier.ask(Verb::Issue(new_token(issue)))? {
        Answer::Issued { receipt, uri } => (receipt, uri),
        Answer::Receipt(receipt) if receipt.repeated => return repeated(&receipt, output),
        _ => return Err(Failure::strange_answer().into()),
    };
    output.text(before)?;
    if output.is_json() {
        in_json(&receipt, &uri, output)?;
    } else {
        for_people(issue, &receipt, &uri, output)?;
    }
    Ok(output.finish()?)
}

/// It was issued before, and its seed shown then.
fn repeated(receipt: &ReceiptView, output: &mut Output) -> Result<(), Stop> {
    if output.is_json() {
        return Ok(output.value(&json!({
            "serial": receipt.serial,
            "uri": null,
            "receipt": json::value(receipt),
        }))?);
    }
    receipt::show(output, receipt)?;
    output.finish()?;
    hint(&text!("issue-shown-then"));
    Ok(())
}

fn new_token(issue: &Issue) -> NewToken {
    NewToken {
        serial: issue.serial.clone(),
        algorithm: issue.algorithm.and_then(name_of),
        digits: issue.digits,
        period: issue.period,
        counter: issue.hotp.then(|| issue.counter.unwrap_or(0)),
        note: issue.note.text.clone(),
    }
}

fn in_json(receipt: &ReceiptView, uri: &Secret, output: &mut Output) -> Result<(), Stop> {
    Ok(output.value(&json!({
        "serial": receipt.serial,
        "uri": text(uri)?,
        "receipt": json::value(receipt),
    }))?)
}

fn for_people(
    issue: &Issue,
    receipt: &ReceiptView,
    uri: &Secret,
    output: &mut Output,
) -> Result<(), Stop> {
    let block = receipt::block(receipt);
    output.text(&block.render())?;
    // Apart from the block, which would keep a copy of the seed.
    output.text(&block.label("label-uri"))?;
    output.line(text(uri)?)?;
    let wanted = issue.qr || (output.is_terminal() && !issue.no_qr);
    if wanted {
        draw(uri, output)?;
    }
    Ok(())
}

/// The verifier makes it of percent-encoded ASCII.
fn text(uri: &Secret) -> Result<&str, Failure> {
    std::str::from_utf8(uri.expose())
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(Failure::strange_answer)
}

fn draw(uri: &Secret, output: &mut Output) -> io::Result<()> {
    let colours = output.is_terminal() && env::var_os("NO_COLOR").is_none();
    match qr::draw(uri.expose(), colours) {
        Some(code) => output.text(&code),
        None => {
            hint(&text!("issue-no-qr"));
            Ok(())
        }
    }
}
