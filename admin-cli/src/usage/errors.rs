//! What is wrong with the arguments, said as clap says it in English.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use sekisho_admin_cli::text;

/// The whole text, with usage and suggestions.
pub(super) fn text(error: &clap::Error) -> String {
    let mut text = text!("failure-error", message = message(error)) + "\n";
    let suggestions = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let similar: Vec<String> = suggestions
        .into_iter()
        .flat_map(|kind| values(error, kind))
        .collect();
    if !similar.is_empty() {
        let similar = quoted(&similar);
        text += &format!("\n  {}\n", text!("usage-similar", names = similar));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let usage = usage.trim().trim_start_matches("Usage:").trim_start();
        text += &format!("\n{} {usage}\n", text!("usage-usage"));
    }
    text + &format!("\n{}\n", text!("usage-see-help"))
}

fn message(error: &clap::Error) -> String {
    let argument = || values(error, ContextKind::InvalidArg).join(" ");
    let value = || values(error, ContextKind::InvalidValue).join(" ");
    match error.kind() {
        ErrorKind::UnknownArgument => text!("usage-unknown-argument", argument = argument()),
        ErrorKind::InvalidSubcommand => {
            let name = values(error, ContextKind::InvalidSubcommand).join(" ");
            text!("usage-unknown-command", name = name)
        }
        ErrorKind::MissingSubcommand => text!("usage-no-command"),
        ErrorKind::MissingRequiredArgument => {
            let missing = values(error, ContextKind::InvalidArg);
            listed(text!("usage-required"), &missing)
        }
        ErrorKind::ArgumentConflict => conflict(error, &argument()),
        ErrorKind::InvalidValue if value().is_empty() => {
            with_choices(error, text!("usage-no-value", argument = argument()))
        }
        ErrorKind::InvalidValue => with_choices(
            error,
            text!("usage-wrong-value", argument = argument(), value = value()),
        ),
        ErrorKind::ValueValidation => {
            let wrong = text!("usage-wrong-value", argument = argument(), value = value());
            match error.source() {
                Some(source) => text!(
                    "usage-wrong-value-because",
                    wrong = wrong,
                    cause = cause(&source.to_string())
                ),
                None => wrong,
            }
        }
        ErrorKind::InvalidUtf8 => text!("usage-not-utf8"),
        // Nothing of ours takes several values at once.
        _ => text!("usage-wrong"),
    }
}

fn conflict(error: &clap::Error, argument: &str) -> String {
    let others = values(error, ContextKind::PriorArg);
    match &others[..] {
        [other] if other == argument => text!("usage-twice", argument = argument),
        [other] => text!("usage-conflict", argument = argument, other = other),
        others => listed(text!("usage-conflicts", argument = argument), others),
    }
}

/// What a value's own check said. Those of ours speak the language of the run; those of clap are
/// about whole numbers.
fn cause(english: &str) -> String {
    if let Some((_, range)) = english.split_once(" is not in ")
        && let Some((low, high)) = range.split_once("..=")
    {
        return text!("usage-not-in-range", low = low, high = high);
    }
    match english.starts_with("invalid digit") || english.starts_with("cannot parse integer") {
        true => text!("usage-no-number"),
        false => english.to_owned(),
    }
}

fn with_choices(error: &clap::Error, text: String) -> String {
    let choices = values(error, ContextKind::ValidValue);
    match choices.is_empty() {
        true => text,
        false => format!(
            "{text}\n  {}",
            text!("usage-choices", names = choices.join(", "))
        ),
    }
}

fn listed(text: String, names: &[String]) -> String {
    names
        .iter()
        .fold(text, |text, name| format!("{text}\n  {name}"))
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}

fn values(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(value)) => vec![value.clone()],
        Some(ContextValue::Strings(values)) => values.clone(),
        _ => Vec::new(),
    }
}
