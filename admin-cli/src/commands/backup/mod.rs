//! `backup`: from the running verifier into one encrypted file.

mod file;
mod key;
mod restore;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, ReceiptView, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::Backup;
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::{Output, hint, json, receipt};

use file::NewFile;
pub(crate) use key::new_key;
pub(crate) use restore::restore;

/// How long the verifier may take for the next piece: before the first it writes down its state.
const PATIENCE: Duration = Duration::from_secs(120);
const OWNER_ONLY: u32 = 0o600;
/// The name that stands for standard output.
const STANDARD_OUTPUT: &str = "-";

pub(crate) fn run(
    backup: &Backup,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let piped = backup.file.as_os_str() == STANDARD_OUTPUT;
    let mut target = if piped {
        Target::Pipe(piped_output()?)
    } else {
        Target::File(NewFile::create(&backup.file, OWNER_ONLY)?)
    };
    let done = fetch(backup, verifier, &mut target, output.is_json())?;
    match target {
        Target::File(file) => file
            .keep()
            .map_err(|failure| made_for_nothing(failure, &done))?,
        Target::Pipe(mut out) => out.flush()?,
    }
    let told = if output.is_json() {
        let mut value = json::value(&done.receipt);
        value["file"] = json!(backup.file);
        value["octets"] = json!(done.octets);
        value["recipients"] = json!(done.recipients);
        value["damaged"] = json!(done.damaged);
        format!("{value}\n")
    } else {
        let block = receipt::block(&done.receipt).with("label-octets", done.octets.to_string());
        let who = done.recipients.iter().enumerate();
        let block = who.fold(block, |block, (number, who)| {
            let label = if number == 0 { "label-readable-by" } else { "" };
            block.with(label, who)
        });
        block.render()
    };
    match piped {
        // Standard output holds the backup itself.
        true => hint(told.trim_end()),
        false => output.text(&told)?,
    }
    if done.damaged > 0 {
        hint(&text!("backup-damaged", count = done.damaged));
    }
    Ok(())
}

/// Where the backup goes.
#[derive(Debug)]
enum Target {
    File(NewFile),
    Pipe(io::StdoutLock<'static>),
}

impl Target {
    fn write(&mut self, octets: &[u8]) -> Result<(), Stop> {
        match self {
            Self::File(file) => Ok(file.write(octets)?),
            Self::Pipe(out) => Ok(out.write_all(octets)?),
        }
    }
}

fn piped_output() -> Result<io::StdoutLock<'static>, Failure> {
    let out = io::stdout().lock();
    if out.is_terminal() {
        return Err(Failure::new(
            Kind::Invalid,
            text!("backup-terminal"),
            text!("backup-terminal-way"),
        ));
    }
    Ok(out)
}

struct Fetched {
    receipt: ReceiptView,
    recipients: Vec<String>,
    octets: u64,
    damaged: u64,
}

fn fetch(
    backup: &Backup,
    verifier: &mut Verifier,
    target: &mut Target,
    quiet: bool,
) -> Result<Fetched, Stop> {
    let begin = Verb::Backup {
        history: !backup.without_history,
        note: backup.note.text.clone(),
    };
    let Answer::BackupBegun { octets, recipients } = verifier.ask_patiently(begin, PATIENCE)?
    else {
        return Err(Failure::strange_answer().into());
    };
    let bar = progress(octets, quiet);
    let mut fetched = 0;
    let (receipt, damaged) = loop {
        match verifier.ask_patiently(Verb::BackupNext, PATIENCE)? {
            Answer::BackupPiece(piece) => {
                target.write(&piece)?;
                fetched += piece.len() as u64;
                // The size was an estimate.
                bar.set_length(octets.max(fetched));
                bar.set_position(fetched);
            }
            Answer::BackupWhole { receipt, damaged } => break (receipt, damaged),
            _ => return Err(Failure::strange_answer().into()),
        }
    };
    bar.finish_and_clear();
    Ok(Fetched {
        receipt,
        recipients,
        octets: fetched,
        damaged,
    })
}

/// On standard error, if that is a terminal and people look at it.
fn progress(octets: u64, quiet: bool) -> ProgressBar {
    let target = match quiet {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(octets), target);
    let style = ProgressStyle::with_template("{bytes:>10} {wide_bar} {percent:>3} %");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// The journal says that there is a backup, and there is none.
fn made_for_nothing(mut failure: Failure, done: &Fetched) -> Failure {
    failure.message = text!(
        "backup-of-no-use",
        message = failure.message,
        number = &done.receipt.number
    );
    failure
}
