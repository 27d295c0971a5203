//! What happens on a terminal: codes are not echoed, QR codes are drawn. `script` makes the terminal.

mod harness;

use std::io::Write;
use std::thread;
use std::time::Duration;

use harness::answers;
use harness::terminal::{on_terminal, read_until};
use harness::verifier::{Asked, FakeVerifier};
use sekisho_verifier_socket::Language;
use sekisho_verifier_socket::admin::Verb;

const CODE: &str = "493817";
const PROMPT: &str = "Code that S1 shows now: ";

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

/// Types `first` and `second` where the new password is asked for; gives what was printed and asked.
fn set_password(first: &str, second: &str, replies: &[&str]) -> (Option<i32>, String, Vec<Asked>) {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let replies: Vec<_> = replies.iter().map(|line| answers::reply(line)).collect();
    let verifier = (!replies.is_empty()).then(|| FakeVerifier::start(&socket, replies));
    let mut child = on_terminal(&socket, "account password alice");
    let mut stdin = child.stdin.take().expect("piped");
    let mut printed = String::new();
    for (prompt, typed) in [
        ("New password of alice: ", first),
        ("The same again: ", second),
    ] {
        printed += &read_until(&mut child, prompt);
        thread::sleep(Duration::from_millis(300));
        stdin
            .write_all(format!("{typed}\n").as_bytes())
            .expect("script reads");
    }
    printed += &read_until(&mut child, "");
    let code = child.wait().expect("ends").code();
    let asked = verifier.map(FakeVerifier::asked).unwrap_or_default();
    (code, printed, asked)
}

#[test]
fn a_new_password_is_typed_twice_and_not_echoed() {
    const PASSWORD: &str = "correct horse battery staple";
    let receipt = ["receipt operation=password-set account=alice"];
    let (code, printed, asked) = set_password(PASSWORD, PASSWORD, &receipt);
    assert_eq!(code, Some(0), "{printed}");
    assert!(!printed.contains("horse"), "{printed}");
    let [
        Asked {
            verb: Verb::AccountPassword { password, .. },
            ..
        },
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    let password = password.as_ref().expect("one");
    assert_eq!(password.expose(), PASSWORD.as_bytes());
    let (code, printed, asked) = set_password(PASSWORD, "correct horse battery stable", &[]);
    assert_eq!((code, asked.len()), (Some(2), 0), "{printed}");
    assert!(printed.contains("two different passwords"), "{printed}");
    assert!(!printed.contains("horse"), "{printed}");
}

/// Who interrupts the waiting for sessions has the receipt.
#[test]
fn a_receipt_is_printed_before_sessions_are_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let receipt = "receipt operation=lost serial=S1 account=alice sessions=1";
    let verifier = FakeVerifier::start_slow(&socket, vec![answers::reply(receipt)]);
    let mut child = on_terminal(&socket, "lost S1");
    let printed = read_until(&mut child, "is done already");
    assert!(printed.contains("K7QM-2WXA-R4TD"), "{printed}");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"\x03").expect("script reads");
    read_until(&mut child, "");
    assert_ne!(child.wait().expect("ends").code(), Some(0));
    // Whether it had asked already what became of them depends on who was quicker.
    assert!(!verifier.asked().is_empty());
}

#[test]
fn prompts_speak_the_language_that_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let verifier = FakeVerifier::start(&socket, vec![answers::reply("receipt operation=enroll")]);
    let mut child = on_terminal(&socket, "--language ja enroll alice S1");
    let prompt = "S1 に表示されているワンタイムパスワード: ";
    let printed = read_until(&mut child, prompt);
    assert!(printed.ends_with(prompt), "{printed}");
    let mut stdin = child.stdin.take().expect("piped");
    thread::sleep(Duration::from_millis(300));
    stdin
        .write_all(format!("{CODE}\n").as_bytes())
        .expect("script reads");
    let rest = read_until(&mut child, "");
    assert_eq!(child.wait().expect("ends").code(), Some(0), "{rest}");
    assert!(rest.contains("受付番号  K7QM-2WXA-R4TD"), "{rest}");
    assert!(!rest.contains(CODE), "{rest}");
    let asked = verifier.asked();
    assert_eq!(asked[0].language, Some(Language::Japanese));
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
