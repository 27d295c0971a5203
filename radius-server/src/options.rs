//! The command line.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use sekisho_settings::DEFAULT_FILE;

const HELP: &str = "\
sekisho-radiusd: lets RADIUS clients log in with one-time codes

usage: sekisho-radiusd [--settings FILE]

  --settings FILE  read FILE instead of /etc/sekisho/sekisho.toml
  --version        print the version
  --help           print this

SIGUSR1 logs the counters; SIGTERM and SIGINT end the daemon after open requests are answered.
";

/// The exit code of a command line that can not be understood.
const EXIT_USAGE: u8 = 2;

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The settings file.
    pub(crate) settings: PathBuf,
}

impl Options {
    /// The options, or the exit code if there is nothing more to do.
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Self, ExitCode> {
        let mut settings = PathBuf::from(DEFAULT_FILE);
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--settings") => match words.next() {
                    Some(file) => settings = file.into(),
                    None => return Err(misunderstood()),
                },
                Some("--version") => return Err(print(&version())),
                Some("--help") => return Err(print(HELP)),
                _ => return Err(misunderstood()),
            }
        }
        Ok(Self { settings })
    }
}

fn version() -> String {
    format!("sekisho-radiusd {}\n", env!("CARGO_PKG_VERSION"))
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn misunderstood() -> ExitCode {
    let _ = std::io::stderr().write_all(HELP.as_bytes());
    ExitCode::from(EXIT_USAGE)
}

/// Says why the daemon does not start, before or without a log.
pub(crate) fn complain(failure: &dyn std::error::Error) {
    let _ = writeln!(std::io::stderr(), "sekisho-radiusd: {failure}");
}
