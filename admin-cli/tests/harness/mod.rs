//! What the tests share: the program, a folder of its own, and a verifier that answers by script.
#![allow(dead_code)] // Not every test binary needs all of it.

pub(crate) mod answers;
pub(crate) mod terminal;
pub(crate) mod verifier;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with nothing of our own environment, in a fixed zone.
pub(crate) fn sekisho() -> Command {
    // In a session of its own it has no terminal to ask on, even if the tests have one.
    let mut command = Command::new("setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_sekisho")]);
    // A zone without a name needs no zone files on the machine.
    command.env_clear().env("TZ", "JST-9");
    command
}

/// Runs it without a terminal, with `input` as standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("program starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that refuses its arguments reads nothing.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("program ends")
}

pub(crate) fn text(octets: &[u8], folder: &Path) -> String {
    let folder = folder.to_str().expect("UTF-8");
    String::from_utf8_lossy(octets).replace(folder, "{dir}")
}
