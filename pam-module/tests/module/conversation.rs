//! What people type, and what hosts make of a conversation.

use crate::driver::{AUTH_ERR, Driver, SERVICE_ERR, SUCCESS, compiled, module};
use crate::fake_verifier::{CODE, FakeVerifier};

fn check(words: &[&str], expected: i32, sent: &[&[u8]]) {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "").words(words).run();
    assert_eq!(noticed.code("authenticate"), expected, "{words:?}");
    let attempted = verifier.attempted();
    let attempted: Vec<_> = attempted.iter().map(|(_, code)| &code[..]).collect();
    assert_eq!(attempted, sent, "{words:?}");
}

#[test]
fn answers_that_can_not_be_a_code_are_not_sent() {
    check(&["--answer", ""], AUTH_ERR, &[]);
    check(&["--answer", "    "], AUTH_ERR, &[]);
    check(&["--answer-hex", "0a"], AUTH_ERR, &[]);
    check(&["--answer-hex", "00323731383238"], AUTH_ERR, &[]);
    check(&["--answer-null"], AUTH_ERR, &[]);
    check(&["--answer-no-array"], AUTH_ERR, &[]);
    check(&["--conv-error"], AUTH_ERR, &[]);
    check(&["--no-conv"], AUTH_ERR, &[]);
}

#[test]
fn answers_are_sent_as_typed() {
    // Strict judgement is the verifier's, for all doors alike.
    check(&["--answer", " 271828"], AUTH_ERR, &[b" 271828"]);
    check(&["--answer", "271828 "], AUTH_ERR, &[b"271828 "]);
    check(&["--answer", "271828\n"], AUTH_ERR, &[b"271828\n"]);
    check(&["--answer-hex", "ff"], AUTH_ERR, &[b"\xff"]);
    // A C string ends at its first NUL; what is behind it does not exist for PAM.
    check(&["--answer-hex", "3237313832380039"], SUCCESS, &[b"271828"]);
}

/// pam_radius CVE-2015-9542, FreeIPA CVE-2020-1722: long answers overflowed or burnt time.
#[test]
fn r40_answers_over_512_octets_are_refused_unsent() {
    let most = [b'1'; 512];
    check(&["--answer-size", "512"], AUTH_ERR, &[&most]);
    for size in ["513", "4096", "65536", "1048576"] {
        check(&["--answer-size", size], AUTH_ERR, &[]);
    }
}

/// sshd answers for root in the place of root, so that anybody could lock root's token.
#[test]
fn junk_that_sshd_answers_for_users_it_refuses_is_no_guess() {
    for hex in ["080a0d7f494e434f5252454354", "080a0d7f494e", "08"] {
        check(&["--answer-hex", hex], AUTH_ERR, &[]);
    }
}

#[test]
fn silent_turns_messages_off_and_leaves_the_prompt() {
    let verifier = FakeVerifier::honest();
    let run = |more: &[&str]| {
        Driver::new(verifier.path(), "retry=3")
            .answer("000000")
            .words(more)
            .run()
    };
    let loud = run(&[]);
    let silent = run(&["--silent"]);
    assert_eq!(loud.lines("message").len(), 2);
    assert_eq!(silent.lines("message").len(), 0);
    assert_eq!(silent.total("prompts"), 3);
    assert_eq!(loud.codes()[0], silent.codes()[0]);

    let gone = verifier.folder().join("gone");
    let silent = Driver::new(&gone, "").word("--silent").run();
    assert!(silent.lines("message").is_empty());
}

#[test]
fn message_without_response_array_changes_nothing() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "retry=2")
        .answer("000000")
        .answer(CODE)
        .word("--messages-no-array")
        .run();
    assert_eq!(noticed.code("authenticate"), SUCCESS);
    assert_eq!(noticed.lines("message").len(), 1);
}

#[test]
fn disallow_null_authtok_has_no_effect_since_empty_codes_are_never_right() {
    for (code, expected) in [(CODE, SUCCESS), ("", AUTH_ERR)] {
        let verifier = FakeVerifier::honest();
        let noticed = Driver::new(verifier.path(), "")
            .answer(code)
            .word("--disallow-null")
            .run();
        assert_eq!(noticed.code("authenticate"), expected);
    }
}

#[test]
fn prompt_and_echo_follow_the_options() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "echo [prompt=Tegata, please: ]")
        .answer(CODE)
        .run();
    let prompts = noticed.lines("prompt");
    assert_eq!(prompts[0]["style"], "2");
    assert_eq!(prompts[0]["text"], "Tegata, please: ");
}

#[test]
fn first_pass_is_read_and_never_written() {
    let probe = compiled("authtok.so");
    for (before, options, expected, prompts, sent) in [
        ("set=271828", "use_first_pass", SUCCESS, 0, "271828"),
        ("set=000000", "use_first_pass", AUTH_ERR, 0, "000000"),
        ("set=hunter2", "use_first_pass", AUTH_ERR, 0, ""),
        ("", "use_first_pass", AUTH_ERR, 0, ""),
        ("set=271828", "try_first_pass", SUCCESS, 0, "271828"),
        ("set=hunter2", "try_first_pass", SUCCESS, 1, "271828"),
        ("", "try_first_pass", SUCCESS, 1, "271828"),
        ("set=hunter2", "", SUCCESS, 1, "271828"),
        ("", "", SUCCESS, 1, "271828"),
    ] {
        let verifier = FakeVerifier::honest();
        let noticed = Driver::stack(&format!(
            "auth optional {probe} {before}\nauth required {module} socket={socket} {options}\n\
             auth optional {probe} show\naccount required pam_permit.so\n",
            probe = probe.display(),
            module = module().display(),
            socket = verifier.path().display(),
        ))
        .answer(CODE)
        .run();
        let case = format!("{before} {options}");
        assert_eq!(noticed.code("authenticate"), expected, "{case}");
        assert_eq!(noticed.total("prompts"), prompts, "{case}");
        let attempted = verifier.attempted();
        let attempted = attempted.first().map_or(&b""[..], |(_, code)| code);
        assert_eq!(attempted, sent.as_bytes(), "{case}");
        let held = before.strip_prefix("set=").unwrap_or("(none)");
        assert_eq!(noticed.lines("authtok")[0]["value"], held, "{case}");
    }
}

#[test]
fn unknown_option_is_a_denial_that_names_it() {
    let verifier = FakeVerifier::honest();
    for (option, name) in [
        ("nullok", "nullok"),
        ("retry=0", "retry"),
        ("debug debug", "debug"),
        ("secret=hunter2", "secret"),
    ] {
        let noticed = Driver::new(verifier.path(), option).answer(CODE).run();
        assert_eq!(noticed.codes()[0], SERVICE_ERR, "{option}");
        assert_eq!(noticed.codes()[2], SERVICE_ERR, "{option}");
        let log = noticed.log();
        assert_eq!(log[0].0, 3, "ERR");
        assert!(
            log[0].1.contains(name) && !log[0].1.contains("hunter2"),
            "{log:?}"
        );
        assert_eq!(noticed.total("prompts"), 0);
    }
    assert!(verifier.seen().is_empty());
}

/// Behind us, the password goes on; in memory, nothing stays of an answer that was refused.
#[test]
fn combined_hands_on_the_password_and_never_the_code() {
    let probe = compiled("authtok.so");
    for (before, options, typed, expected, held) in [
        ("", "", "hunter2271828", SUCCESS, "hunter2"),
        ("set=old", "", "hunter2271828", SUCCESS, "hunter2"),
        ("", "", "hunter2000000", AUTH_ERR, "(none)"),
        ("set=old", "", "hunter2000000", AUTH_ERR, "old"),
        ("", "", "271828", AUTH_ERR, "(none)"),
        ("", "", "hunter2", AUTH_ERR, "(none)"),
        ("", "digits=8", "hunter2271828", AUTH_ERR, "(none)"),
        ("", "lang=ja", "パスワード271828", SUCCESS, "パスワード"),
    ] {
        let verifier = FakeVerifier::honest();
        let noticed = Driver::stack(&format!(
            "auth optional {probe} {before}\n\
             auth required {module} socket={socket} combined {options}\n\
             auth optional {probe} show\naccount required pam_permit.so\n",
            probe = probe.display(),
            module = module().display(),
            socket = verifier.path().display(),
        ))
        .answer(typed)
        .run();
        let case = format!("{before} {options} {typed}");
        assert_eq!(noticed.code("authenticate"), expected, "{case}");
        assert_eq!(noticed.lines("authtok")[0]["value"], held, "{case}");
        assert_eq!(noticed.lines("prompt")[0]["style"], "1", "{case}");
        assert!(!noticed.output.contains("271828"), "{case}");
    }
}

#[test]
fn prompt_only_tells_nothing() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "prompt_only retry=3")
        .answer("000000")
        .run();
    assert_eq!(noticed.total("prompts"), 3);
    assert!(noticed.lines("message").is_empty());
    let gone = verifier.folder().join("gone");
    let noticed = Driver::new(&gone, "prompt_only").run();
    assert!(noticed.lines("message").is_empty());
}

#[test]
fn what_was_typed_is_wiped() {
    let verifier = FakeVerifier::honest();
    let typed = "4c6f6e672066656e63652c206f70656e2067617465";
    let in_one = format!("{typed}303030303030");
    let long = format!("{}{typed}", "20".repeat(600));
    for (hex, options, but) in [
        (typed, "", "0"),
        (&long, "", "0"),
        (typed, "combined", "0"),
        (&in_one, "combined", "0"),
        // The password alone.
        (&in_one, "combined", "6"),
    ] {
        let noticed = Driver::new(verifier.path(), options)
            .words(&["--answer-hex", hex, "--scan-but", but])
            .words(&["--call", "authenticate"])
            .run();
        assert_eq!(noticed.code("authenticate"), AUTH_ERR);
        let scan = &noticed.lines("scan")[0];
        assert_ne!(scan["searched"], "0");
        assert_eq!(scan["found"], "0", "{noticed:?}");
    }
}

#[test]
fn host_that_does_not_know_the_user_is_asked_by_libpam() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .word("--no-user")
        .answer("bob")
        .answer(CODE)
        .run();
    assert_eq!(noticed.codes(), [SUCCESS; 3]);
    assert_eq!(noticed.total("prompts"), 2);
    assert_eq!(verifier.attempted()[0].0, "bob");

    let noticed = Driver::new(verifier.path(), "")
        .words(&["--no-user", "--conv-error"])
        .run();
    assert_eq!(noticed.code("authenticate"), AUTH_ERR);
    assert_eq!(noticed.total("delays"), 1);
}
