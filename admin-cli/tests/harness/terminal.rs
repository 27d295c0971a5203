//! The program on a terminal, which `script` makes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::answers;
use super::verifier::{Asked, FakeVerifier};

/// How long a person needs before the first key.
const PAUSE: Duration = Duration::from_millis(300);

/// What came of a dialogue.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) code: Option<i32>,
    /// All that stood on the screen.
    pub(crate) screen: String,
    pub(crate) asked: Vec<Asked>,
}

/// Starts `sekisho` with `arguments`, and at each prompt types what is behind it. A verifier gives
/// `replies` and then says nothing.
pub(crate) fn dialogue(arguments: &str, typed: &[(&str, &str)], replies: &[&str]) -> Dialogue {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let replies: Vec<_> = replies.iter().map(|line| answers::reply(line)).collect();
    let verifier = FakeVerifier::start_slow(&socket, replies);
    let mut child = on_terminal(&socket, arguments);
    let mut stdin = child.stdin.take().expect("piped");
    let mut screen = String::new();
    for (prompt, keys) in typed {
        screen += &read_until(&mut child, prompt);
        assert!(
            screen.ends_with(prompt),
            "{prompt:?} does not come: {screen}"
        );
        thread::sleep(PAUSE);
        stdin.write_all(keys.as_bytes()).expect("script reads");
    }
    screen += &read_until(&mut child, "");
    Dialogue {
        code: child.wait().expect("ends").code(),
        screen,
        asked: verifier.asked(),
    }
}

pub(crate) fn on_terminal(socket: &Path, arguments: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_sekisho");
    let command = format!("{program} --socket {} {arguments}", socket.display());
    // A prompt that nobody answers is a failure, not the end of all tests.
    Command::new("timeout")
        .args([
            "30",
            "script",
            "--quiet",
            "--return",
            "--command",
            &command,
            "/dev/null",
        ])
        .env("TZ", "JST-9")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts")
}

/// Reads until `end` has come, or all.
pub(crate) fn read_until(child: &mut Child, end: &str) -> String {
    let stdout = child.stdout.as_mut().expect("piped");
    let mut octets = Vec::new();
    let mut octet = [0];
    while !String::from_utf8_lossy(&octets).ends_with(end) || end.is_empty() {
        match stdout.read(&mut octet) {
            Ok(1) => octets.push(octet[0]),
            _ => break,
        }
    }
    String::from_utf8(octets).expect("UTF-8")
}
