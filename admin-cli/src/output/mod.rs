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

use sekisho_admin_cli::language::texts;
use sekisho_admin_cli::text;
use serde::Serialize;
use serde_json::json;

pub(crate) use clean::clean;

use crate::failure::{Failure, Kind, describe};

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

/// The text of an id; what is no id is a text already.
pub(crate) fn heading(id: &str) -> String {
    texts().find(id, &[]).unwrap_or_else(|| id.to_owned())
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
    let mut text = text!("failure-error", message = clean(&failure.message)) + "\n";
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
    if let Some(approval) = &failure.approval {
        error["approval"] = (**approval).clone();
    }
    json!({ "error": error })
}

/// Standard output can not be written.
pub(crate) fn unwritable(error: &io::Error, json: bool) -> ExitCode {
    // Who stopped reading, as `head` does, has seen enough.
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    failure(
        &Failure::new(
            Kind::Failed,
            text!("output-unwritable", error = describe(error)),
            text!("output-unwritable-way"),
        ),
        json,
    );
    ExitCode::from(Kind::Failed as u8)
}
