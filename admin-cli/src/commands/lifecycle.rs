//! `enroll`, `exchange`, `stop`, `lost`, `suspend`, `resume`: each ends in a receipt.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Change, Verb};

use super::session;
use crate::Stop;
use crate::cli::{EndingToken, Enroll, Exchange, OneToken};
use crate::connection::Verifier;
use crate::output::{Output, clean, receipt};
use crate::prompt;

pub(crate) fn enroll(
    enroll: &Enroll,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let ask = text!("token-code-prompt", serial = clean(&enroll.serial));
    let verb = Verb::Enroll {
        account: enroll.account.clone(),
        serial: enroll.serial.clone(),
        code: prompt::code(&ask, enroll.code.code_stdin)?,
        note: enroll.note.text.clone(),
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

pub(crate) fn exchange(
    exchange: &Exchange,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let ask = text!("token-code-prompt", serial = clean(&exchange.new));
    let verb = Verb::Exchange {
        old: exchange.old.clone(),
        new: exchange.new.clone(),
        code: prompt::code(&ask, exchange.code.code_stdin)?,
        note: exchange.note.text.clone(),
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}

/// Stop, lost and suspend take the right to log in, and so end what it was used for.
pub(crate) fn take_away(
    change: Change,
    ending: &EndingToken,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Change {
        change,
        serial: ending.token.serial.clone(),
        note: ending.token.note.text.clone(),
        keep_sessions: ending.sessions.keep_sessions,
    };
    session::ended_by(verb, verifier, output)
}

pub(crate) fn resume(
    token: &OneToken,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let verb = Verb::Change {
        change: Change::Resume,
        serial: token.serial.clone(),
        note: token.note.text.clone(),
        keep_sessions: true,
    };
    Ok(receipt::show(output, &verifier.ask_for_receipt(verb)?)?)
}
