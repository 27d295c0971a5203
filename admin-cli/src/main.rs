//! `sekisho`: the tool of admins, help desk and auditors.
//!
//! A client of the verifier like any other: what a user may do here is decided there.

mod cli;
mod commands;
mod connection;
mod dialogue;
mod doctor;
mod evidence;
mod failure;
mod output;
mod probe;
mod prompt;
mod secret_line;
mod usage;

use std::process::ExitCode;

use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let mut output = Output::new(cli.global.json);
    let done = commands::run(&cli, &mut output).and_then(|()| Ok(output.finish()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failure(failure)) => {
            // What was printed before the failure belongs before it.
            let _ = output.finish();
            output::failure(&failure, cli.global.json);
            ExitCode::from(failure.kind as u8)
        }
        Err(Stop::Code(code)) => match output.finish() {
            Ok(()) => ExitCode::from(code),
            Err(error) => output::unwritable(&error, cli.global.json),
        },
        Err(Stop::Output(error)) => output::unwritable(&error, cli.global.json),
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Failure(Failure),
    /// Standard output can not be written.
    Output(std::io::Error),
    /// All is said; only the exit code is left.
    Code(u8),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}
