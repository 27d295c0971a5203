//! `emergency …`, `account start-code`, `account start-password`: what is shown once; and `resync`.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::{Answer, CodesView, ReceiptView, Verb};
use serde_json::json;
use zeroize::Zeroizing;

use crate::Stop;
use crate::cli::{
    EMERGENCY_SECONDS, EmergencyIssue, EmergencyRevoke, Resync, StartCode, StartPassword,
};
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::{Output, clean, hint, json, receipt, time};
use crate::prompt;

/// Characters of a group: what people can read out and type in one go.
const GROUP: usize = 4;

pub(crate) fn issue(
    issue: &EmergencyIssue,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Emergency {
        account: issue.account.clone(),
        count: issue.count,
        valid_s: issue.valid.unwrap_or(EMERGENCY_SECONDS),
        note: issue.note.text.clone(),
    };
    let words = Words {
        label: text!("codes-emergency"),
        how: text!("codes-emergency-how"),
        in_groups: true,
    };
    shown_once(verb, &words, verifier, output)
}

pub(crate) fn revoke(
    revoke: &EmergencyRevoke,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Emergency {
        account: revoke.account.clone(),
        count: 0,
        valid_s: 0,
        note: revoke.note.text.clone(),
    };
    only_receipt(verb, verifier, output)
}

pub(crate) fn start_code(
    start: &StartCode,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::StartCode {
        account: start.account.clone(),
        note: start.note.text.clone(),
    };
    let words = Words {
        label: text!("codes-start"),
        how: text!("codes-start-how", account = clean(&start.account)),
        in_groups: true,
    };
    shown_once(verb, &words, verifier, output)
}

pub(crate) fn start_password(
    start: &StartPassword,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::StartPassword {
        account: start.account.clone(),
        remove: start.remove,
        note: start.note.text.clone(),
    };
    if start.remove {
        return only_receipt(verb, verifier, output);
    }
    let words = Words {
        label: text!("codes-start-password"),
        how: text!("codes-start-password-how", account = clean(&start.account)),
        // Its digits are counted.
        in_groups: false,
    };
    shown_once(verb, &words, verifier, output)
}

pub(crate) fn resync(
    resync: &Resync,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let stdin = resync.code.code_stdin;
    let first = text!("codes-first", serial = clean(&resync.serial));
    let verb = Verb::Resync {
        serial: resync.serial.clone(),
        first: prompt::code(&format!("{first} "), stdin)?,
        second: prompt::code(&format!("{} ", text!("codes-second")), stdin)?,
        note: resync.note.text.clone(),
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

/// What is said about codes that are shown once.
struct Words {
    label: String,
    how: String,
    in_groups: bool,
}

fn shown_once(
    verb: Verb,
    words: &Words,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let codes = match verifier.ask(verb)? {
        Answer::Codes(codes) => codes,
        Answer::Receipt(receipt) if receipt.repeated => return repeated(&receipt, output),
        _ => return Err(Failure::strange_answer().into()),
    };
    match output.is_json() {
        true => in_json(&codes, output),
        false => for_people(&codes, words, output),
    }
}

fn only_receipt(verb: Verb, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let receipt = match verifier.ask(verb)? {
        Answer::Receipt(receipt) => receipt,
        Answer::Codes(codes) if codes.codes.is_empty() => codes.receipt,
        _ => return Err(Failure::strange_answer().into()),
    };
    Ok(receipt::show(output, &receipt)?)
}

/// They were made before, and shown then.
fn repeated(receipt: &ReceiptView, output: &mut Output) -> Result<(), Stop> {
    if output.is_json() {
        return Ok(output.value(&json!({
            "codes": null,
            "until_ms": null,
            "until": null,
            "receipt": json::value(receipt),
        }))?);
    }
    receipt::show(output, receipt)?;
    output.finish()?;
    hint(&text!("codes-shown-then"));
    Ok(())
}

fn in_json(codes: &CodesView, output: &mut Output) -> Result<(), Stop> {
    let shown: Result<Vec<_>, Failure> = codes.codes.iter().map(text).collect();
    let value = json::value(&json!({
        "until_ms": codes.until_ms,
        "receipt": codes.receipt,
        "codes": shown?,
    }));
    Ok(output.value(&value)?)
}

fn for_people(codes: &CodesView, words: &Words, output: &mut Output) -> Result<(), Stop> {
    output.text(&receipt::block(&codes.receipt).render())?;
    output.line(&format!("\n{}", words.label))?;
    for code in &codes.codes {
        output.text("  ")?;
        let code = text(code)?;
        match words.in_groups {
            true => output.line(&grouped(code))?,
            false => output.line(code)?,
        }
    }
    if let Some(until) = codes.until_ms {
        let label = text!("codes-good-until");
        output.line(&format!("{label}  {}", time::local(until)))?;
    }
    output.finish()?;
    hint(&words.how);
    Ok(())
}

/// The verifier makes it of letters, digits and perhaps dashes.
fn text(code: &Secret) -> Result<&str, Failure> {
    std::str::from_utf8(code.expose())
        .ok()
        .filter(|text| text.bytes().all(|octet| octet.is_ascii_graphic()))
        .ok_or_else(Failure::strange_answer)
}

/// With dashes between groups, as it may also be typed.
fn grouped(code: &str) -> Zeroizing<String> {
    // No longer than this, so that no copy is left behind by growing.
    let mut shown = Zeroizing::new(String::with_capacity(2 * code.len()));
    let plain = code.chars().filter(|&character| character != '-');
    for (at, character) in plain.enumerate() {
        if at > 0 && at % GROUP == 0 {
            shown.push('-');
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn codes_are_shown_in_groups_of_four() {
        for (code, shown) in [
            ("KXQ7M2WAR4TD", "KXQ7-M2WA-R4TD"),
            ("KXQ7-M2WA-R4TD", "KXQ7-M2WA-R4TD"),
            ("KXQ7M2WAR4TDKXQ7", "KXQ7-M2WA-R4TD-KXQ7"),
            ("KXQ", "KXQ"),
            ("", ""),
        ] {
            assert_eq!(*grouped(code), shown);
        }
    }
}
