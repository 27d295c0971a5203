//! Questions to the owner of an account: secrets without echo, other answers with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

use sekisho_admin_cli::text;
use sekisho_verifier_socket::Secret;

use crate::cli::{Answers, SecretInput};
use crate::failure::{Failure, Kind, describe};
use crate::prompt;

/// The terminal, also when standard input is something else.
const TERMINAL: &str = "/dev/tty";
/// The longest answer that is read.
const ANSWER_OCTETS_MAX: usize = 256;
/// What means yes, and no, in every language.
const YES: [&str; 3] = ["y", "yes", "はい"];
const NO: [&str; 3] = ["n", "no", "いいえ"];

/// The login password.
pub(crate) fn password(secrets: &SecretInput) -> Result<Secret, Failure> {
    let empty = || (text!("self-no-password"), text!("self-no-password-way-out"));
    secret(&text!("self-ask-password"), secrets, empty)
}

/// A code of a token, or one that stands for it.
pub(crate) fn code(question: &str, secrets: &SecretInput) -> Result<Secret, Failure> {
    let empty = || (text!("self-no-code"), text!("self-no-code-way-out"));
    secret(question, secrets, empty)
}

/// Some digits of the start-of-use password, by their places.
pub(crate) fn digits(positions: &[u8], secrets: &SecretInput) -> Result<Secret, Failure> {
    let question = match positions {
        [first, second] => text!("self-ask-digits", first = first, second = second),
        _ => {
            let positions: Vec<String> = positions.iter().map(u8::to_string).collect();
            text!("self-ask-digits-listed", positions = positions.join(", "))
        }
    };
    let empty = || (text!("self-no-digits"), text!("self-no-digits-way-out"));
    secret(&question, secrets, empty)
}

/// The serial: given, else typed; `usual` is taken for an empty answer.
pub(crate) fn serial(
    given: Option<&str>,
    question: &str,
    usual: Option<&str>,
) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let typed = visible(question, &text!("self-no-terminal-serial"))?;
    let typed = match (typed.as_str(), usual) {
        ("", Some(usual)) => usual.to_owned(),
        _ => typed,
    };
    if typed.is_empty() {
        let way_out = text!("self-no-serial-way-out");
        return Err(Failure::new(
            Kind::Invalid,
            text!("self-no-serial"),
            way_out,
        ));
    }
    Ok(typed)
}

/// Whether `question` is answered with yes; an empty answer is `usual`.
pub(crate) fn yes(question: &str, usual: bool, otherwise: &str) -> Result<bool, Failure> {
    let answer = visible(question, otherwise)?.to_lowercase();
    match answer.as_str() {
        "" => Ok(usual),
        yes if YES.contains(&yes) => Ok(true),
        no if NO.contains(&no) => Ok(false),
        _ => Err(Failure::new(
            Kind::Invalid,
            text!("self-no-yes-or-no"),
            text!("self-no-yes-or-no-way-out"),
        )),
    }
}

/// Ends it unless `question` is answered with yes.
pub(crate) fn confirm(question: &str, answers: &Answers) -> Result<(), Failure> {
    if answers.yes || yes(question, false, &text!("self-no-terminal-answer"))? {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Failed,
        text!("self-not-confirmed"),
        text!("self-not-confirmed-way-out"),
    ))
}

fn secret(
    question: &str,
    secrets: &SecretInput,
    empty: impl FnOnce() -> (String, String),
) -> Result<Secret, Failure> {
    let secret = match secrets.stdin {
        true => prompt::next_line()?,
        false => prompt::typed(&spaced(question), &text!("self-no-terminal-secret"))?,
    };
    if secret.expose().is_empty() {
        let (message, way_out) = empty();
        return Err(Failure::new(Kind::Invalid, message, way_out));
    }
    Ok(secret)
}

/// An answer that may be seen, without blanks around it.
fn visible(question: &str, otherwise: &str) -> Result<String, Failure> {
    let cannot = |error: io::Error| {
        let message = text!("self-no-terminal", error = describe(&error));
        Failure::new(Kind::Failed, message, otherwise)
    };
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open(TERMINAL)
        .map_err(cannot)?;
    terminal
        .write_all(spaced(question).as_bytes())
        .map_err(cannot)?;
    let mut answer = String::new();
    let limit = ANSWER_OCTETS_MAX as u64 + 1;
    let mut line = BufReader::new(terminal).take(limit);
    line.read_line(&mut answer).map_err(cannot)?;
    if answer.trim_end().len() >= ANSWER_OCTETS_MAX {
        let message = text!("self-too-long", octets = ANSWER_OCTETS_MAX);
        let way_out = text!("self-too-long-way-out");
        return Err(Failure::new(Kind::Invalid, message, way_out));
    }
    if answer.is_empty() {
        let message = text!("self-nothing-typed");
        let way_out = text!("self-not-confirmed-way-out");
        return Err(Failure::new(Kind::Failed, message, way_out));
    }
    Ok(answer.trim().to_owned())
}

/// A question, and a blank before the answer.
fn spaced(question: &str) -> String {
    format!("{question} ")
}
