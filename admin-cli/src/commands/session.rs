//! `session list`, `session end`, and what becomes of sessions that an operation ends.

use std::time::Duration;

use sekisho_admin_cli::language::texts;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{
    Answer, EndingView, ReceiptView, SessionFilter, SessionView, Verb,
};
use serde_json::Value;

use super::pages;
use crate::Stop;
use crate::cli::{SessionEnd, SessionList};
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::list::Columns;
use crate::output::{Output, hint, json, receipt, table, time};

/// How long sessions are waited for: the verifier answers within half a minute, and a bit.
const PATIENCE: Duration = Duration::from_secs(35);

const HEADER: &[&str] = &[
    "label-session",
    "label-account",
    "label-client",
    "label-nas",
    "label-address",
    "label-from",
    "label-began",
    "label-last-report",
];
const ENDINGS_HEADER: &[&str] = &[
    "label-session",
    "label-client",
    "label-nas",
    "label-address",
    "label-from",
    "label-outcome",
];

pub(crate) fn list(
    list: &SessionList,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let mut filter = SessionFilter {
        after: list.after.clone(),
        account: list.account.clone(),
        client: list.client.clone(),
        limit: 0,
    };
    let columns = Columns {
        name: "sessions",
        header: HEADER,
        row,
    };
    pages::print(&list.limit, columns, output, |rows| {
        filter.limit = rows;
        let Answer::Sessions(page) = verifier.ask(Verb::SessionList(filter.clone()))? else {
            return Err(Failure::strange_answer());
        };
        if let Some(last) = page.last() {
            filter.after = Some(last.id.clone());
        }
        Ok(page)
    })
}

pub(crate) fn end(
    end: &SessionEnd,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::SessionEnd {
        account: end.account.clone(),
        session: end.session.clone(),
        note: end.note.text.clone(),
    };
    ended_by(verb, verifier, output)
}

/// Asks for something that ends sessions. Its receipt comes first and stands whatever becomes of
/// them: who interrupts the waiting interrupts nothing else.
pub(super) fn ended_by(
    verb: Verb,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let receipt = verifier.ask_for_receipt(verb)?;
    let wait = receipt.sessions > 0;
    if output.is_json() {
        return in_json(&receipt, wait, verifier, output);
    }
    receipt::show(output, &receipt)?;
    if !wait {
        return Ok(());
    }
    output.finish()?;
    hint(&text!(
        "sessions-waiting",
        sessions = sessions(receipt.sessions)
    ));
    let endings = endings(&receipt, verifier)?;
    output.line("")?;
    let rows: Vec<_> = endings.iter().map(ending_row).collect();
    output.text(&table::render_used(ENDINGS_HEADER, &rows))?;
    Ok(judge(&endings, &receipt)?)
}

/// One object: the receipt, with `endings` behind it. It is not whole before they have come.
fn in_json(
    receipt: &ReceiptView,
    wait: bool,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let object = json::value(receipt).to_string();
    output.text(object.strip_suffix('}').unwrap_or(&object))?;
    output.finish()?;
    let endings = match wait {
        true => endings(receipt, verifier),
        false => Ok(Vec::new()),
    };
    let shown = match &endings {
        Ok(endings) => json::value(endings),
        Err(_) => Value::Null,
    };
    output.line(&format!(",\"endings\":{shown}}}"))?;
    Ok(judge(&endings?, receipt)?)
}

fn endings(receipt: &ReceiptView, verifier: &mut Verifier) -> Result<Vec<EndingView>, Failure> {
    let unknown = |failure: Failure| {
        let message = text!(
            "sessions-unknown",
            sessions = sessions(receipt.sessions),
            why = failure.message
        );
        Failure::new(Kind::NotEnded, message, text!("sessions-unknown-way"))
    };
    match verifier.ask_patiently(Verb::SessionEndings(receipt.position), PATIENCE) {
        // A verifier that was started again meanwhile has forgotten whom it asked.
        Ok(Answer::Endings(endings)) if endings.is_empty() => {
            let failure = text!("sessions-forgotten");
            Err(unknown(Failure::new(Kind::NotEnded, failure, "")))
        }
        Ok(Answer::Endings(endings)) => Ok(endings),
        Ok(_) => Err(unknown(Failure::strange_answer())),
        Err(failure) => Err(unknown(failure)),
    }
}

/// The exit code, as an error if a session goes on.
fn judge(endings: &[EndingView], receipt: &ReceiptView) -> Result<(), Failure> {
    let on = endings.iter().filter(|ending| !is_over(ending)).count();
    if on == 0 {
        return Ok(());
    }
    let message = text!(
        "sessions-go-on",
        count = on,
        sessions = sessions(endings.len() as u64)
    );
    let way_out = match &receipt.account {
        Some(account) => text!("sessions-go-on-again-way", account = account),
        None => text!("sessions-go-on-way"),
    };
    Err(Failure::new(Kind::NotEnded, message, way_out))
}

fn is_over(ending: &EndingView) -> bool {
    matches!(ending.outcome.as_str(), "ended" | "gone")
}

fn sessions(count: u64) -> String {
    text!("sessions-counted", count = count)
}

fn row(session: &SessionView) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let account = session.account.as_ref().or(session.user_name.as_ref());
    vec![
        session.id.clone(),
        some(&account.cloned()),
        session.client.clone(),
        session.nas.clone(),
        some(&session.framed_address),
        some(&session.calling_station),
        time::local(session.started_ms),
        time::local(session.updated_ms),
    ]
}

fn ending_row(ending: &EndingView) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let session = &ending.session;
    vec![
        session.id.clone(),
        session.client.clone(),
        session.nas.clone(),
        some(&session.framed_address),
        some(&session.calling_station),
        outcome(ending),
    ]
}

/// What became of it, for people.
fn outcome(ending: &EndingView) -> String {
    match ending.outcome.as_str() {
        "ended" => text!("sessions-ended"),
        "gone" => text!("sessions-gone"),
        "refused" => match ending.error_cause {
            Some(number) => text!("sessions-refused-because", cause = cause(number)),
            None => text!("sessions-refused"),
        },
        "unsupported" => text!("sessions-unsupported"),
        "timeout" => text!("sessions-timeout"),
        "not-sent" => text!("sessions-not-sent"),
        "waiting" => text!("sessions-settling"),
        other => other.to_owned(),
    }
}

/// Error-Cause (RFC 5176 section 3.5).
fn cause(number: u32) -> String {
    match texts().find(&format!("cause-{number}"), &[]) {
        Some(meaning) => text!("cause-meaning", meaning = meaning, number = number),
        None => text!("cause-number", number = number),
    }
}
