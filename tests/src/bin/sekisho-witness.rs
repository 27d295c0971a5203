//! Runs what its arguments say, and looks at every RADIUS reply that passed meanwhile. Fails if one
//! of them is not what it shall be, or if what was run fails.

#![allow(clippy::print_stderr, reason = "it says what it saw")]

use std::path::Path;
use std::process::{Command, ExitCode};

use sekisho_tests::gateways::Stage;
use sekisho_tests::witness::{Capture, FOLDER, Findings, look_at};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: sekisho-witness PROGRAM [ARGUMENT...]");
        return ExitCode::from(64);
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let capture = Capture::start(folder.path());
    let status = Command::new(program)
        .args(words)
        .env(FOLDER, folder.path())
        .status();
    capture.stop();
    let status = status.expect("the program can be run");
    let findings = look_at_all(folder.path());
    eprintln!("\nwitness: {findings}");
    if status.success() && findings.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn look_at_all(folder: &Path) -> Findings {
    let stage = Stage::new(folder);
    let mut all = Findings::default();
    let files = std::fs::read_dir(folder).expect("its own folder").flatten();
    for file in files.map(|entry| entry.path()) {
        if file.extension().is_some_and(|end| end == "pcapng") {
            all.add(look_at(&stage, &file));
        }
    }
    all
}
