//! What people and programs see: standard output and standard error.

pub(crate) mod block;
mod clean;
pub(crate) mod events;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod qr;
pub(crate) mod receipt;
pub(crate) mod table;
pub(crate) mod time;

use std::io::{self, IsTerminal, StdoutLock, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;
use serde_json::json;

pub(crate) use clean::clean;

use crate::failure::{Failure, Kind};

/// Standard output, for people or for programs.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    out: StdoutLock<'static>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            out: io::stdout().lock(),
        }
    }

    /// Whether a program reads this.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }

    /// Text as it is; what came from outside went through `clean` before.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// One JSON value on one line.
    pub(crate) fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        writeln!(self.out)
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A line for people on standard error that is no error.
pub(crate) fn hint(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells on standard error why nothing was done.
pub(crate) fn failure(failure: &Failure, json: bool) {
    let text = if json {
        error_value(failure).to_string() + "\n"
    } else {
        error_text(failure)
    };
    let _ = io::stderr().write_all(text.as_bytes());
}

fn error_text(failure: &Failure) -> String {
    let mut text = format!("error: {}\n", clean(&failure.message));
    for bad in &failure.bad_lines {
        text += &format!("  {bad}\n");
    }
    text + &format!("  {}\n", clean(&failure.way_out))
}

fn error_value(failure: &Failure) -> serde_json::Value {
    let mut error = json!({
        "kind": failure.kind,
        "exit_code": failure.kind as u8,
        "message": failure.message,
        "way_out": failure.way_out,
    });
    if !failure.bad_lines.is_empty() {
        let lines = failure.bad_lines.iter();
        error["lines"] = lines
            .map(|bad| json!({ "line": bad.line, "message": bad.message }))
            .collect();
    }
    if let Some(place) = &failure.place {
        error["place"] = place.clone();
    }
    json!({ "error": error })
}

/// Help and version, or what is wrong with the arguments.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A broken pipe behind `--help` is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    // The arguments were not understood, so nobody knows yet whether a program reads this.
    let json = std::env::args_os().any(|argument| argument == "--json");
    if is_surplus(error) {
        failure(&surplus(), json);
    } else if json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("error: ");
        let failed = Failure::new(Kind::Invalid, message, "see: sekisho --help");
        failure(&failed, json);
    } else {
        let _ = error.print();
    }
    ExitCode::from(Kind::Invalid as u8)
}

/// Whether something was given for which there is no place, and which clap would repeat.
fn is_surplus(error: &clap::Error) -> bool {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) => !word.starts_with('-'),
        (ErrorKind::TooManyValues, _) => true,
        _ => false,
    }
}

/// Most likely a code: it must not be repeated where a log keeps it.
fn surplus() -> Failure {
    Failure::new(
        Kind::Invalid,
        "an argument too many; codes and secrets are never given as arguments, where others see them",
        "see --help; if it was a code, wait for the next one and type that when you are asked",
    )
}

/// Standard output can not be written.
pub(crate) fn unwritable(error: &io::Error, json: bool) -> ExitCode {
    // Who stopped reading, as `head` does, has seen enough.
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    let way_out = "what was asked may have been done: look before you try again";
    failure(
        &Failure::new(
            Kind::Failed,
            format!("the output can not be written: {error}"),
            way_out,
        ),
        json,
    );
    ExitCode::from(Kind::Failed as u8)
}
