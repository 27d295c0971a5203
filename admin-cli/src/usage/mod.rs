//! Help pages and what is wrong with the arguments: clap's own in English, from the same tree of
//! commands in other languages.

mod errors;
mod help;
mod wrap;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, FromArgMatches};
use sekisho_admin_cli::{language, text};
use sekisho_settings::{DEFAULT_FILE, Settings, Tongue};
use sekisho_verifier_socket::Language;

use crate::cli::Cli;
use crate::failure::{Failure, Kind};
use crate::output;

pub(crate) use wrap::width;

/// Options with a value that may stand before a command.
const GLOBAL_WITH_VALUE: [&str; 3] = ["--socket", "--settings", "--language"];

/// What was typed; or the exit code if it was not understood, or asked for help only.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let typed = Typed(env::args_os().collect());
    language::speak(typed.language());
    let mut command = Cli::command();
    let parsed = command.try_get_matches_from_mut(&typed.0);
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| refuse(&error.format(&mut command), &mut command, &typed))
}

/// The command line as it came, for what has to be known before it is understood.
#[derive(Debug)]
struct Typed(Vec<OsString>);

impl Typed {
    /// What is no value of something before it.
    fn options(&self) -> impl Iterator<Item = &OsStr> {
        let all = self.0.iter().skip(1).map(OsString::as_os_str);
        all.take_while(|word| *word != "--")
    }

    fn has(&self, option: &str) -> bool {
        self.options().any(|word| word == option)
    }

    /// The last value of an option, as `--option value` or `--option=value`.
    fn value(&self, option: &str) -> Option<&OsStr> {
        let mut value = None;
        let mut words = self.options();
        while let Some(word) = words.next() {
            if word == option {
                value = words.next().or(value);
            } else if let Some(rest) = word.to_str().and_then(|word| word.strip_prefix(option)) {
                value = rest.strip_prefix('=').map(OsStr::new).or(value);
            }
        }
        value
    }

    /// The option, else the caller's locale, else the settings, else English; for programs English.
    fn language(&self) -> Language {
        if self.has("--json") {
            return Language::English;
        }
        let option = self.value("--language").and_then(OsStr::to_str);
        let locale = || {
            let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].map(env::var_os);
            language::of_locale(variables.iter().flatten().map(OsString::as_os_str))
        };
        let option = option.and_then(Language::from_tag).or_else(locale);
        option.or_else(|| self.of_settings()).unwrap_or_default()
    }

    /// What is wrong with the settings is said where they are needed.
    fn of_settings(&self) -> Option<Language> {
        let path = self.value("--settings").unwrap_or(OsStr::new(DEFAULT_FILE));
        let path = PathBuf::from(path);
        // What can be read only once is not for us.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        Some(match Settings::load(&path).ok()?.language.default {
            Tongue::English => Language::English,
            Tongue::Japanese => Language::Japanese,
        })
    }

    /// The names of the command whose page is asked for.
    fn command(&self, root: &Command) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = root;
        let mut words = self.options();
        while let Some(word) = words.next().and_then(OsStr::to_str) {
            if GLOBAL_WITH_VALUE.contains(&word) {
                words.next();
            } else if let Some(next) = at.find_subcommand(word) {
                path.push(next.get_name().to_owned());
                at = next;
            }
        }
        path
    }
}

/// Help and version, or what is wrong with the arguments.
fn refuse(error: &clap::Error, root: &mut Command, typed: &Typed) -> ExitCode {
    let english = language::language() == Language::English;
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let page = (is_help && !english).then(|| {
        root.build();
        help::page(root, &typed.command(root), typed.has("--help"))
    });
    if !error.use_stderr() {
        // A broken pipe behind `--help` is no failure.
        let _ = match page {
            Some(page) => io::stdout().write_all(page.as_bytes()),
            None => error.print(),
        };
        return ExitCode::SUCCESS;
    }
    // The arguments were not understood, so nobody knows yet whether a program reads this.
    let json = typed.has("--json");
    if is_surplus(error) {
        output::failure(&surplus(), json);
    } else if json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("error: ");
        let failed = Failure::new(Kind::Invalid, message, "see: sekisho --help");
        output::failure(&failed, json);
    } else if english {
        let _ = error.print();
    } else {
        let text = page.unwrap_or_else(|| errors::text(error));
        let _ = io::stderr().write_all(text.as_bytes());
    }
    ExitCode::from(Kind::Invalid as u8)
}

/// Whether something was given for which there is no place, and which clap would repeat.
fn is_surplus(error: &clap::Error) -> bool {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            word(ContextKind::InvalidArg).is_some_and(|word| !word.starts_with('-'))
        }
        ErrorKind::TooManyValues => true,
        ErrorKind::InvalidSubcommand => {
            word(ContextKind::InvalidSubcommand).is_some_and(is_like_a_code)
        }
        // Where one of a few words is wanted.
        ErrorKind::InvalidValue if error.get(ContextKind::ValidValue).is_some() => {
            word(ContextKind::InvalidValue).is_some_and(is_like_a_code)
        }
        _ => false,
    }
}

/// A code has 6 digits or more; one that stands for it has 12 characters or more.
fn is_like_a_code(word: &str) -> bool {
    let mut plain = word.bytes().filter(|&octet| octet != b'-');
    let count = plain.clone().count();
    let digits = plain.clone().filter(u8::is_ascii_digit).count();
    let whole = plain.all(|octet| octet.is_ascii_alphanumeric());
    whole && ((digits >= 6 && digits == count) || (digits > 0 && count >= 12))
}

/// Most likely a code: it must not be repeated where a log keeps it.
fn surplus() -> Failure {
    Failure::new(
        Kind::Invalid,
        text!("usage-surplus"),
        text!("usage-surplus-way"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Typed {
        let words = ["sekisho"].iter().chain(words);
        Typed(words.map(OsString::from).collect())
    }

    #[test]
    fn options_are_found_before_the_whole_is_understood() {
        for (words, value) in [
            (&["--language", "ja", "status"][..], Some("ja")),
            (&["status", "--language=ja"], Some("ja")),
            (&["status", "--language=ja", "--language", "en"], Some("en")),
            (&["status", "--languages=ja"], None),
            (&["lost", "--", "--language", "ja"], None),
            (&["status", "--language"], None),
        ] {
            let typed = typed(words);
            assert_eq!(
                typed.value("--language"),
                value.map(OsStr::new),
                "{words:?}"
            );
        }
        assert_eq!(
            typed(&["--json", "--language", "ja"]).language(),
            Language::English,
            "programs read English"
        );
    }

    #[test]
    fn the_command_of_a_page_is_found() {
        let mut root = Cli::command();
        root.build();
        for (words, path) in [
            (&["--help"][..], &[][..]),
            (&["token", "issue", "--help"], &["token", "issue"]),
            (&["--socket", "token", "status", "-h"], &["status"]),
            (
                &["--socket=token", "audit", "--json", "list", "-h"],
                &["audit", "list"],
            ),
        ] {
            assert_eq!(typed(words).command(&root), path, "{words:?}");
        }
    }
}
