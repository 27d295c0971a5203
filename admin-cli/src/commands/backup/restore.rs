//! `restore`: hands over to the verifier's program, the only one that handles keys.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use sekisho_admin_cli::text;

use crate::cli::{Global, Restore};
use crate::failure::Failure;

const PROGRAM: &str = "sekisho-verifierd";
/// Where packages put it, which is in the PATH of root alone.
const FOLDER: &str = "/usr/sbin";

/// Becomes the verifier's program, which then answers for output and exit code.
pub(crate) fn restore(global: &Global, restore: &Restore) -> Failure {
    let program = program();
    let mut command = Command::new(&program);
    command.arg("restore").arg("--identity");
    command.arg(&restore.identity);
    if let Some(settings) = &global.settings {
        command.arg("--settings").arg(settings);
    }
    if let Some(key) = &restore.audit_key {
        command.arg("--audit-key").arg(key);
    }
    if restore.trust_clock {
        command.arg("--trust-clock");
    }
    if let Some(note) = &restore.note.text {
        command.arg("--note").arg(note);
    }
    if global.json {
        command.arg("--json");
    }
    // Behind a `--`, so that no name is taken for an option.
    command.arg("--").arg(&restore.file);
    let error = command.exec();
    Failure::local(program.display(), &error, text!("restore-no-program-way"))
}

/// Beside this program, else in a folder of the PATH, else where packages put it.
fn program() -> PathBuf {
    let beside = env::current_exe().ok();
    let beside = beside.and_then(|own| own.parent().map(PathBuf::from));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(env::split_paths(&path));
    let mut found = folders.map(|folder| folder.join(PROGRAM));
    found
        .find(|program| program.is_file())
        .unwrap_or_else(|| PathBuf::from(FOLDER).join(PROGRAM))
}
