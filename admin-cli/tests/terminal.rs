//! What happens on a terminal: codes are not echoed, QR codes are drawn. `script` makes the terminal.

mod harness;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use harness::answers;
use harness::verifier::{Asked, FakeVerifier};
use sekisho_verifier_socket::admin::Verb;

const CODE: &str = "493817";
const PROMPT: &str = "Code that S1 shows now: ";

fn on_terminal(socket: &Path, arguments: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_sekisho");
    let command = format!("{program} --socket {} {arguments}", socket.display());
    Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TZ", "JST-9")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts")
}

/// Reads until `end` has come, or all.
fn read_until(child: &mut Child, end: &str) -> String {
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

#[test]
fn a_typed_code_reaches_the_verifier_and_is_not_echoed() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let verifier = FakeVerifier::start(&socket, vec![answers::reply("receipt operation=enroll")]);
    let mut child = on_terminal(&socket, "enroll alice S1");
    let prompt = read_until(&mut child, PROMPT);
    assert!(prompt.ends_with(PROMPT), "{prompt}");
    let mut stdin = child.stdin.take().expect("piped");
    // A person needs longer as well to type after the prompt.
    thread::sleep(Duration::from_millis(300));
    stdin
        .write_all(format!("{CODE}\n").as_bytes())
        .expect("script reads");
    let rest = read_until(&mut child, "");
    assert_eq!(child.wait().expect("ends").code(), Some(0), "{rest}");
    assert!(!rest.contains(CODE), "{rest}");
    let asked = verifier.asked();
    let [
        Asked {
            verb: Verb::Enroll { code, .. },
            ..
        },
    ] = &asked[..]
    else {
        panic!("not an enroll");
    };
    assert_eq!(code.expose(), CODE.as_bytes());
}

#[test]
fn an_interrupted_prompt_asks_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let mut child = on_terminal(&socket, "enroll alice S1");
    read_until(&mut child, PROMPT);
    let mut stdin = child.stdin.take().expect("piped");
    thread::sleep(Duration::from_millis(300));
    stdin.write_all(b"49\x03").expect("script reads");
    let rest = read_until(&mut child, "");
    assert_ne!(child.wait().expect("ends").code(), Some(0));
    assert!(!rest.contains("49"), "{rest}");
}

#[test]
fn a_terminal_gets_a_qr_code_in_fixed_colours_unless_told_not_to() {
    for (arguments, drawn) in [
        ("token issue", true),
        ("token issue --no-qr", false),
        ("--json token issue", false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("verifier.sock");
        let issued =
            "issued operation=issue serial=S1 uri=otpauth://totp/S1?secret=GEZDGNBVGY3TQOJQ";
        let verifier = FakeVerifier::start(&socket, vec![answers::reply(issued)]);
        let mut child = on_terminal(&socket, arguments);
        let output = read_until(&mut child, "");
        child.wait().expect("ends");
        verifier.asked();
        assert!(output.contains("GEZDGNBVGY3TQOJQ"), "{output}");
        assert_eq!(
            output.contains("\u{1b}[38;5;16;48;5;231m"),
            drawn,
            "{arguments}"
        );
    }
}
