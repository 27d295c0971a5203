//! No seed and no code in any output, except in the URI of `token issue` and in what is shown once;
//! and what is typed reaches the verifier unchanged.

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::verifier::FakeVerifier;
use harness::{answers, run, sekisho};
use sekisho_verifier_socket::Reply;
use sekisho_verifier_socket::admin::{OwnVerb, Verb};

const CODE: &str = "493817";
const HEX: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";
const BASE32: &str = "LSQ2WHS4UGVR4XFBVMPFZINLDZOKDKY6";

/// Runs with a verifier that gives `replies`; gives all output and what was asked.
fn run_with(replies: &[&str], arguments: &[&str], input: &str, file: &str) -> (String, Vec<Verb>) {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("verifier.sock");
    let path = folder.path().join("file");
    fs::write(&path, file).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    let replies: Vec<Reply> = replies.iter().map(|line| answers::reply(line)).collect();
    let verifier = (!replies.is_empty()).then(|| FakeVerifier::start(&socket, replies));
    let mut command = sekisho();
    command.arg("--socket").arg(&socket);
    for argument in arguments {
        command.arg(if *argument == "FILE" {
            path.as_os_str()
        } else {
            Path::new(argument).as_os_str()
        });
    }
    let done = run(&mut command, input);
    let output = [done.stdout, done.stderr].concat();
    let asked = verifier.map(FakeVerifier::asked).unwrap_or_default();
    let asked = asked.into_iter().map(|asked| asked.verb).collect();
    (String::from_utf8(output).expect("UTF-8"), asked)
}

fn check_silent(output: &str) {
    let lower = output.to_lowercase();
    for secret in [CODE, HEX, &HEX[..16], &BASE32.to_lowercase()] {
        assert!(!lower.contains(secret), "{output}");
    }
}

#[test]
fn codes_reach_the_verifier_and_no_output() {
    for (arguments, replies) in [
        (
            &["enroll", "alice", "S1", "--code-stdin"][..],
            &["receipt operation=enroll"][..],
        ),
        (
            &["exchange", "S1", "S2", "--code-stdin"],
            &["receipt operation=exchange"],
        ),
        (
            &["enroll", "alice", "S1", "--code-stdin", "--json"],
            &["unavailable"],
        ),
        (
            &["exchange", "S1", "S2", "--code-stdin"],
            &["refused:not-proven message=no way_out=again"],
        ),
    ] {
        let (output, asked) = run_with(replies, arguments, &format!("{CODE}\n"), "");
        check_silent(&output);
        match &asked[..] {
            [Verb::Enroll { code, .. } | Verb::Exchange { code, .. }] => {
                assert_eq!(code.expose(), CODE.as_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_code_is_not_changed_on_its_way() {
    // Canonical or not is the verifier's to judge; only the end of the line goes.
    for (typed, sent) in [
        (" 123456 \n", " 123456 "),
        ("123456\r\n", "123456"),
        ("12\u{ff13}", "12\u{ff13}"),
    ] {
        let (_, asked) = run_with(
            &["receipt operation=enroll"],
            &["enroll", "a", "S1", "--code-stdin"],
            typed,
            "",
        );
        let [Verb::Enroll { code, .. }] = &asked[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(code.expose(), sent.as_bytes());
    }
}

#[test]
fn passwords_reach_the_verifier_and_no_output() {
    for replies in [
        &["receipt operation=password-set account=alice"][..],
        &["unavailable"],
        &["refused:invalid message=no way_out=again"],
    ] {
        let arguments = ["account", "password", "alice", "--stdin"];
        let (output, asked) = run_with(replies, &arguments, &format!("{HEX}\n"), "");
        check_silent(&output);
        let [Verb::AccountPassword { password, .. }] = &asked[..] else {
            panic!("{asked:?}")
        };
        let password = password.as_ref().expect("one");
        assert_eq!(password.expose(), HEX.as_bytes());
    }
    // Too short, and typed where others see it.
    for (arguments, input) in [
        (&["account", "password", "alice", "--stdin"][..], CODE),
        (&["account", "password", "alice", HEX], ""),
    ] {
        let (output, asked) = run_with(&[], arguments, input, "");
        check_silent(&output);
        assert!(output.contains("error") && asked.is_empty(), "{output}");
    }
}

#[test]
fn codes_typed_in_the_wrong_place_are_not_repeated() {
    let value = format!("--code-stdin={CODE}");
    let unknown = format!("--code={CODE}");
    for arguments in [
        &["enroll", "alice", "S1", CODE][..],
        &["exchange", "S1", "S2", CODE],
        &["--json", "exchange", "S1", "S2", CODE],
        &["enroll", "alice", "S1", &value],
        &["enroll", "alice", "S1", &unknown],
        &["radius", "probe", "localhost", CODE],
        &["radius", "probe", "localhost", "--user", "alice", CODE],
        &["stop", "S1", CODE],
        &["resync", "S1", CODE],
        &["self", CODE],
        &["self", "start", "S1", CODE],
        &["self", "start", "--choice", CODE],
        &["self", "start", &unknown],
        &["self", "exchange", "S1", CODE],
        &["self", "stop", "S1", CODE],
        &["self", "lost", "S1", CODE],
        &["self", "choose", CODE],
        &["self", "choose", "required", CODE],
        &["self", "language", CODE],
        &["--json", "self", "choose", CODE],
        &["--language", "ja", "self", "choose", CODE],
        &["account", "start-password", "hana", CODE],
        &["emergency", CODE],
    ] {
        let (output, asked) = run_with(&[], arguments, "", "");
        check_silent(&output);
        let refused = ["error", "エラー"].iter().any(|word| output.contains(word));
        assert!(refused, "{output}");
        assert!(asked.is_empty());
    }
}

/// What is typed in a dialogue of one's own, one line each.
#[test]
fn what_owners_type_reaches_the_verifier_and_no_output() {
    let typed = format!("{HEX}\n{CODE}\n");
    for (arguments, replies) in [
        (
            &["self", "start", "S1", "--yes", "--stdin"][..],
            &["wanted exchange=no", "receipt operation=start"][..],
        ),
        (
            &["--json", "self", "start", "S1", "--yes", "--stdin"],
            &["wanted exchange=no", "unavailable"],
        ),
        (
            &["self", "exchange", "S1", "--stdin"],
            &[
                "wanted exchange=yes",
                "refused:not-proven message=no way_out=again",
            ],
        ),
        (
            &["self", "stop", "S1", "--yes", "--stdin"],
            &["receipt operation=stop"],
        ),
        (
            &["self", "choose", "required", "--stdin"],
            &["refused:not-permitted message=no way_out=again"],
        ),
    ] {
        let (output, asked) = run_with(replies, arguments, &typed, "");
        check_silent(&output);
        let Some(Verb::Own {
            password: Some(password),
            verb:
                OwnVerb::Start { code, .. } | OwnVerb::Stop { code, .. } | OwnVerb::Choose { code, .. },
        }) = asked.last()
        else {
            panic!("{asked:?}");
        };
        assert_eq!(password.expose(), HEX.as_bytes());
        assert_eq!(code.expose(), CODE.as_bytes());
    }
}

#[test]
fn codes_of_a_resync_reach_the_verifier_and_no_output() {
    let typed = format!("{CODE}\n{HEX}\n");
    let arguments = ["resync", "S1", "--code-stdin"];
    let (output, asked) = run_with(&["receipt operation=resync"], &arguments, &typed, "");
    check_silent(&output);
    let [Verb::Resync { first, second, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (first.expose(), second.expose()),
        (CODE.as_bytes(), HEX.as_bytes())
    );
}

#[test]
fn what_is_shown_once_stands_on_standard_output_once() {
    const SPARE: &str = "KXQ7M2WAR4TD";
    let codes = format!("codes operation=emergency account=hana codes={SPARE} until_ms=1");
    for arguments in [
        &["emergency", "issue", "hana"][..],
        &["--json", "emergency", "issue", "hana"],
        &["account", "start-code", "hana"],
        &["account", "start-password", "hana"],
    ] {
        let (output, _) = run_with(&[&codes], arguments, "", "");
        assert_eq!(
            output.replace('-', "").matches(SPARE).count(),
            1,
            "{output}"
        );
    }
}

#[test]
fn seeds_of_an_import_reach_the_verifier_and_no_output() {
    for file in [
        format!("account,serial,secret_hex\nalice,S1,{HEX}\n"),
        format!("otpauth://totp/S1?secret={BASE32}\n"),
    ] {
        let replies = ["ready", "ready", "receipt operation=import count=1"];
        let (output, asked) = run_with(&replies, &["token", "import", "FILE"], "", &file);
        check_silent(&output);
        let Verb::ImportRows(rows) = &asked[1] else {
            panic!("{asked:?}")
        };
        let seed = data_encoding::HEXLOWER.decode(HEX.as_bytes()).expect("hex");
        assert_eq!(rows[0].seed.expose(), seed);
    }
}

#[test]
fn seeds_in_bad_files_are_not_repeated() {
    for file in [
        format!("account,serial,secret_hex\n{HEX},{BASE32}\n"),
        format!("account,serial,secret_hex\n,{HEX}{HEX},S1\n"),
        format!("serial,secret_hex\nS1,{HEX}\n"),
        format!("otpauth://totp/S1?sekret={BASE32}\n"),
        format!("otpauth://totp/{BASE32}{BASE32}?secret={BASE32}\n"),
        format!("otpauth://totp/S1?secret={BASE32}1\n"),
        format!("{BASE32}\n"),
        HEX.to_owned(),
    ] {
        for arguments in [
            &["token", "import", "FILE"][..],
            &["--json", "token", "import", "FILE"],
        ] {
            let (output, asked) = run_with(&[], arguments, "", &file);
            check_silent(&output);
            assert!(output.contains("nothing was imported"), "{output}");
            assert!(asked.is_empty());
        }
    }
}

#[test]
fn only_the_uri_of_issue_holds_the_seed() {
    let issued = format!("issued operation=issue serial=S1 uri=otpauth://totp/S1?secret={BASE32}");
    for arguments in [&["token", "issue"][..], &["--json", "token", "issue"]] {
        let (output, _) = run_with(&[&issued], arguments, "", "");
        assert_eq!(output.matches(BASE32).count(), 1);
        check_silent(&output.replace(&format!("otpauth://totp/S1?secret={BASE32}"), ""));
    }
}

#[test]
fn a_uri_that_would_steer_the_terminal_is_refused() {
    let issued = "issued operation=issue serial=S1 uri=\"otpauth://totp/S1?secret=\\x1b[2J\"";
    let (output, _) = run_with(&[issued], &["token", "issue"], "", "");
    assert!(
        !output.contains('\u{1b}') && output.contains("does not fit"),
        "{output}"
    );
}
