//! `sekisho-passwordd`: judges passwords through PAM, for the RADIUS server, and for the verifier when
//! somebody wants something of their own account.
//!
//! PAM needs the shadow file, and runs other people's code. The process that parses
//! what strangers send over the network must have neither, so it asks this one over a socket that
//! nobody else may connect to. Here each question is judged in a child of its own (`judge`),
//! which is told one password, is given little time, and ends: a module that hangs, crashes or
//! leaks takes one check with it and no more.
//!
//! `service` accepts connections, `check` runs the children.

mod check;
mod judge;
mod service;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sekisho_daemon::Log;
use sekisho_settings::{DEFAULT_FILE, Settings};

const PROGRAM: &str = "sekisho-passwordd";

/// Judges passwords through PAM for sekisho-radiusd and sekisho-verifierd.
///
/// SIGTERM and SIGINT end the daemon.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    settings: PathBuf,
    /// Check the settings and end.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge the question on standard input, and say so by the exit code. What the daemon calls.
    #[command(hide = true)]
    Judge {
        /// The PAM service.
        service: String,
    },
}

/// Anything that keeps the daemon from running; told once, on standard error.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    sekisho_daemon::abort_on_panic(&[]);
    let arguments = Arguments::parse();
    if let Some(Command::Judge { service }) = &arguments.command {
        return judge::run(service).into();
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "{PROGRAM}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = Settings::load(&arguments.settings)?;
    if !judge::is_service_name(&settings.radius.pam.service) {
        return Err("radius.pam.service is no name of a PAM service".into());
    }
    if arguments.check {
        return Ok(());
    }
    // Passwords pass through here.
    sekisho_daemon::close_memory()?;
    // Before any thread is started, so that no thread gets the signals another waits for.
    let signals = service::Signals::block()?;
    let log = Log::start(&settings.log, PROGRAM)?;
    if let Err(error) = sekisho_daemon::lock_memory() {
        log.warning(format_args!(
            "memory can not be locked, passwords may be swapped out: {error}"
        ));
    }
    let served = service::serve(&settings, &signals, &log);
    log.flush();
    served
}
