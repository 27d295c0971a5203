//! `self …`: what owners do with their own account. The verifier knows who asks, and decides.

use std::time::Duration;

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{AccountView, Answer, OwnVerb, OwnView, TokenView, Verb};
use sekisho_verifier_socket::{Secret, Wanted};

use crate::Stop;
use crate::cli::{
    CodeChoice, Own, OwnChoose, OwnExchange, OwnLanguage, OwnLost, OwnStart, OwnStop, SecretInput,
};
use crate::connection::Verifier;
use crate::dialogue;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::{Output, hint, json, receipt, table, time};

/// How long a question may take: PAM judges the password, and takes its time for a wrong one.
const PATIENCE: Duration = Duration::from_secs(30);

const TOKENS: &[&str] = &[
    "self-label-serial",
    "self-label-state",
    "self-label-last-used",
    "self-label-where",
];

pub(crate) fn run(own: &Own, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    match own {
        Own::Start(start) => begin(&start.into(), verifier, output),
        Own::Exchange(exchange) => begin(&exchange.into(), verifier, output),
        Own::Stop(stop) => end(stop, verifier, output),
        Own::Lost(lost) => report_lost(lost, verifier, output),
        Own::Status => show(verifier, output),
        Own::Choose(choose) => choice(choose, verifier, output),
        Own::Language(language) => speak(language, verifier, output),
    }
}

/// A start of use, or an exchange.
struct Begin<'a> {
    exchange: bool,
    serial: Option<&'a str>,
    choice: Option<CodeChoice>,
    yes: bool,
    secrets: &'a SecretInput,
}

impl<'a> From<&'a OwnStart> for Begin<'a> {
    fn from(start: &'a OwnStart) -> Self {
        Self {
            exchange: false,
            serial: start.serial.as_deref(),
            choice: start.choice,
            yes: start.answers.yes,
            secrets: &start.secrets,
        }
    }
}

impl<'a> From<&'a OwnExchange> for Begin<'a> {
    fn from(exchange: &'a OwnExchange) -> Self {
        Self {
            exchange: true,
            serial: exchange.serial.as_deref(),
            choice: None,
            // The choice of before stays.
            yes: false,
            secrets: &exchange.secrets,
        }
    }
}

fn begin(begin: &Begin<'_>, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let password = dialogue::password(begin.secrets)?;
    let wanted = wanted(begin, &password, verifier)?;
    // Codes come last: they do not live long.
    let question = match begin.exchange {
        true => text!("self-ask-new-serial"),
        false => text!("self-ask-serial"),
    };
    let serial = dialogue::serial(begin.serial, &question, None)?;
    let code_required = match (begin.choice, begin.exchange) {
        (Some(choice), _) => Some(choice == CodeChoice::Required),
        (None, true) => None,
        (None, false) => Some(begin.yes || ask_choice()?),
    };
    let characters = match wanted.positions.as_slice() {
        [] => None,
        positions => Some(dialogue::digits(positions, begin.secrets)?),
    };
    let old_code = match wanted.old_code {
        true => Some(dialogue::code(&text!("self-ask-old-code"), begin.secrets)?),
        false => None,
    };
    let question = match begin.exchange {
        true => text!("self-ask-new-code"),
        false => text!("self-ask-code"),
    };
    let code = dialogue::code(&question, begin.secrets)?;
    let verb = OwnVerb::Start {
        exchange: begin.exchange,
        serial,
        code,
        old_code,
        characters,
        code_required,
    };
    receipt_of(password, verb, verifier, output)?;
    if !output.is_json() {
        output.finish()?;
        hint(&text!("self-spent"));
    }
    Ok(())
}

/// What is to be asked for, if the command fits what the account has.
fn wanted(
    begin: &Begin<'_>,
    password: &Secret,
    verifier: &mut Verifier,
) -> Result<Wanted, Failure> {
    let refuse = |message, way_out| Failure::new(Kind::Conflict, message, way_out);
    let Answer::Wanted(wanted) = ask(Some(password.clone()), OwnVerb::Wanted, verifier)? else {
        return Err(Failure::strange_answer());
    };
    match wanted {
        None => Err(refuse(
            text!("self-nothing-wanted"),
            text!("self-nothing-wanted-start"),
        )),
        Some(wanted) if wanted.exchange && !begin.exchange => Err(refuse(
            text!("self-use-exchange"),
            text!("self-use-exchange-way-out"),
        )),
        Some(wanted) if !wanted.exchange && begin.exchange => Err(refuse(
            text!("self-use-start"),
            text!("self-use-start-way-out"),
        )),
        Some(wanted) => Ok(wanted),
    }
}

fn ask_choice() -> Result<bool, Failure> {
    let otherwise = text!("self-no-terminal-choice");
    dialogue::yes(&text!("self-ask-choice"), true, &otherwise)
}

fn end(stop: &OwnStop, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let serial = own_serial(stop.serial.as_deref(), verifier)?;
    let question = text!("self-ask-stop", serial = serial.as_str());
    dialogue::confirm(&question, &stop.answers)?;
    let password = dialogue::password(&stop.secrets)?;
    let code = dialogue::code(&text!("self-ask-code"), &stop.secrets)?;
    receipt_of(password, OwnVerb::Stop { serial, code }, verifier, output)
}

fn report_lost(lost: &OwnLost, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let serial = own_serial(lost.serial.as_deref(), verifier)?;
    let question = text!("self-ask-lost", serial = serial.as_str());
    dialogue::confirm(&question, &lost.answers)?;
    let password = dialogue::password(&lost.secrets)?;
    receipt_of(password, OwnVerb::Lost { serial }, verifier, output)
}

/// The serial of a token of one's own; the only one in use need not be typed.
fn own_serial(given: Option<&str>, verifier: &mut Verifier) -> Result<String, Failure> {
    if given.is_some() {
        return dialogue::serial(given, "", None);
    }
    let view = status(verifier)?;
    match view.tokens.as_slice() {
        [only] => {
            let serial = only.serial.as_str();
            let question = text!("self-ask-serial-usual", serial = serial);
            dialogue::serial(None, &question, Some(serial))
        }
        _ => dialogue::serial(None, &text!("self-ask-serial"), None),
    }
}

fn choice(choose: &OwnChoose, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let password = dialogue::password(&choose.secrets)?;
    let verb = OwnVerb::Choose {
        code_required: choose.choice == CodeChoice::Required,
        code: dialogue::code(&text!("self-ask-any-code"), &choose.secrets)?,
    };
    receipt_of(password, verb, verifier, output)
}

fn speak(language: &OwnLanguage, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let password = dialogue::password(&language.secrets)?;
    let verb = OwnVerb::Language(language.choice.tag().to_owned());
    receipt_of(password, verb, verifier, output)
}

fn receipt_of(
    password: Secret,
    verb: OwnVerb,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    match ask(Some(password), verb, verifier)? {
        Answer::Receipt(receipt) => Ok(receipt::show(output, &receipt)?),
        _ => Err(Failure::strange_answer().into()),
    }
}

fn ask(
    password: Option<Secret>,
    verb: OwnVerb,
    verifier: &mut Verifier,
) -> Result<Answer, Failure> {
    let answer = verifier.ask_patiently(Verb::Own { password, verb }, PATIENCE);
    answer.map_err(|mut failure| {
        // Events are for others to read.
        if failure.way_out == text!("verifier-look-first-way") {
            failure.way_out = text!("self-look-first");
        }
        failure
    })
}

fn status(verifier: &mut Verifier) -> Result<Box<OwnView>, Failure> {
    match ask(None, OwnVerb::Status, verifier)? {
        Answer::Own(view) => Ok(view),
        _ => Err(Failure::strange_answer()),
    }
}

fn show(verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let view = status(verifier)?;
    if output.is_json() {
        return Ok(output.value(&json::value(&view))?);
    }
    output.text(&block(&view.account).render())?;
    output.line("")?;
    if view.tokens.is_empty() {
        return Ok(output.line(&text!("self-no-tokens"))?);
    }
    let rows: Vec<_> = view.tokens.iter().map(row).collect();
    Ok(output.text(&table::render_used(TOKENS, &rows))?)
}

fn block(account: &AccountView) -> Block {
    let code = match account.code_required {
        true => text!("self-code-required"),
        false => text!("self-code-not-required"),
    };
    let state = match account.disabled {
        true => text!("self-disabled"),
        false => text!("self-enabled"),
    };
    let next = account
        .exchange_required
        .then(|| text!("self-next-login-exchange"));
    let until = |ms| text!("self-until", until = time::local(ms));
    Block::new()
        .with("self-label-account", &account.name)
        .with("self-label-code", code)
        .with("self-label-state", state)
        .with_some(
            "self-label-locked-until",
            account.locked_until_ms.map(time::local),
        )
        .with("self-label-language", language(account))
        .with_some("self-label-next-login", next)
        .with_some(
            "self-label-emergency-codes",
            super::account::emergency(account),
        )
        .with_some(
            "self-label-start-code",
            account.start_code_until_ms.map(until),
        )
}

/// What it has chosen, for people.
pub(super) fn language(account: &AccountView) -> String {
    match account.language.as_deref() {
        None => text!("self-language-none"),
        Some("en") => text!("self-language-en"),
        Some("ja") => text!("self-language-ja"),
        Some(other) => other.to_owned(),
    }
}

fn row(token: &TokenView) -> Vec<String> {
    vec![
        token.serial.clone(),
        super::token::state(token),
        token.last_used_ms.map(time::local).unwrap_or_default(),
        token.last_used_at.clone().unwrap_or_default(),
    ]
}
