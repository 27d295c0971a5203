//! `pam_authenticate`.

use std::time::Duration;

use pam_sekisho::authenticate::authenticate;
use pam_sekisho::handle::{Echo, Level, NoAnswer};
use pam_sekisho::return_code::ReturnCode::{self, *};
use pam_sekisho::verifier::{ASK_LIMIT, LIMIT};
use sekisho_verifier_socket::Language;

use crate::script::{CODE, DUMMY, Does, EVERYTHING, Says, ScriptedHandle, ScriptedVerifier, types};
use Says::*;

fn run(
    handle: &mut ScriptedHandle,
    verifier: &mut ScriptedVerifier,
    options: &str,
    silent: bool,
) -> ReturnCode {
    let words: Vec<&[u8]> = options.split_whitespace().map(str::as_bytes).collect();
    authenticate(handle, verifier, &words, silent)
}

fn check(options: &str, ask: Says, attempts: &[Says], does: &[Does], expected: ReturnCode) {
    let mut handle = ScriptedHandle::new(None, does);
    let mut verifier = ScriptedVerifier::new(ask, attempts);
    let code = run(&mut handle, &mut verifier, options, false);
    assert_eq!(code, expected, "{options} {ask:?} {attempts:?} {does:?}");
}

#[test]
fn each_reply_to_the_question_has_its_return_code() {
    for (ask, expected) in [
        (Needed, Success),
        (NotNeeded, Ignore),
        (Accept, AuthinfoUnavail),
        (Reject, AuthinfoUnavail),
        (AcceptOther, AuthinfoUnavail),
        (RejectOther, AuthinfoUnavail),
        (Unavailable, AuthinfoUnavail),
        (NotPermitted, ServiceErr),
        (NoSocket, AuthinfoUnavail),
        (Late, AuthinfoUnavail),
        (CutShort, AuthinfoUnavail),
        (Malformed, AuthinfoUnavail),
        (WrongReply, AuthinfoUnavail),
        (Untrusted, AuthinfoUnavail),
    ] {
        check("", ask, &[Accept], &[types(CODE)], expected);
    }
}

#[test]
fn each_reply_to_an_attempt_has_its_return_code() {
    for (attempt, expected) in [
        (Needed, AuthinfoUnavail),
        (NotNeeded, AuthinfoUnavail),
        (Accept, Success),
        (Reject, AuthErr),
        (AcceptOther, AuthErr),
        (RejectOther, AuthErr),
        (Unavailable, AuthinfoUnavail),
        (NotPermitted, ServiceErr),
        (NoSocket, AuthinfoUnavail),
        (Late, AuthinfoUnavail),
        (CutShort, AuthinfoUnavail),
        (Malformed, AuthinfoUnavail),
        (WrongReply, AuthinfoUnavail),
        (Untrusted, AuthinfoUnavail),
    ] {
        check("", Needed, &[attempt], &[types(CODE)], expected);
    }
}

#[test]
fn each_answer_that_can_not_be_a_code_is_denied_and_not_sent() {
    for does in [
        types(""),
        types(" "),
        types("\n"),
        types(DUMMY),
        types(&DUMMY[..1]),
        types(&"1".repeat(513)),
        types(&"1".repeat(65_536)),
        Does::Null,
        Does::Fails,
    ] {
        for options in ["", "retry=3", "try_first_pass"] {
            let mut handle = ScriptedHandle::new(None, std::slice::from_ref(&does));
            let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
            let code = run(&mut handle, &mut verifier, options, false);
            assert_eq!(code, AuthErr);
            assert_eq!(handle.prompts.len(), 1, "ends at once");
            assert!(verifier.sent.is_empty(), "costs no guess");
        }
    }
}

#[test]
fn first_pass_is_taken_when_it_has_the_shape_of_a_code() {
    type Row<'a> = (
        &'a str,
        Option<&'a str>,
        &'a [Says],
        ReturnCode,
        usize,
        &'a [&'a str],
    );
    let rows: &[Row<'_>] = &[
        // options, AUTHTOK, verdicts, expected, prompts, sent
        ("", Some(CODE), &[Accept], Success, 1, &["typed"]),
        ("use_first_pass", Some(CODE), &[Accept], Success, 0, &[CODE]),
        ("use_first_pass", Some(CODE), &[Reject], AuthErr, 0, &[CODE]),
        (
            "use_first_pass",
            Some(CODE),
            &[Unavailable],
            AuthinfoUnavail,
            0,
            &[CODE],
        ),
        (
            "use_first_pass",
            Some("the password"),
            &[Accept],
            AuthErr,
            0,
            &[],
        ),
        ("use_first_pass", Some(""), &[Accept], AuthErr, 0, &[]),
        ("use_first_pass", Some(DUMMY), &[Accept], AuthErr, 0, &[]),
        ("use_first_pass", None, &[Accept], AuthErr, 0, &[]),
        ("try_first_pass", Some(CODE), &[Accept], Success, 0, &[CODE]),
        (
            "try_first_pass",
            Some(CODE),
            &[Reject, Accept],
            Success,
            1,
            &[CODE, "typed"],
        ),
        (
            "try_first_pass",
            Some(CODE),
            &[Reject],
            AuthErr,
            1,
            &[CODE, "typed"],
        ),
        (
            "try_first_pass",
            Some(CODE),
            &[Late],
            AuthinfoUnavail,
            0,
            &[CODE],
        ),
        (
            "try_first_pass",
            Some("the password"),
            &[Accept],
            Success,
            1,
            &["typed"],
        ),
        ("try_first_pass", None, &[Accept], Success, 1, &["typed"]),
    ];
    for (options, authtok, attempts, expected, prompts, sent) in rows {
        let mut handle = ScriptedHandle::new(*authtok, &[types("typed")]);
        let mut verifier = ScriptedVerifier::new(Needed, attempts);
        let code = run(&mut handle, &mut verifier, options, false);
        let seen: Vec<_> = verifier.sent.iter().map(|(_, code)| &code[..]).collect();
        let sent: Vec<_> = sent.iter().map(|code| code.as_bytes()).collect();
        assert_eq!(
            (code, handle.prompts.len(), seen),
            (*expected, *prompts, sent),
            "{options} {authtok:?} {attempts:?}"
        );
    }
}

#[test]
fn retry_prompts_again_and_ends_in_maxtries() {
    for (options, attempts, expected, prompts) in [
        ("", &[Reject] as &[Says], AuthErr, 1),
        ("retry=1", &[Reject], AuthErr, 1),
        ("retry=2", &[Reject], MaxTries, 2),
        ("retry=3", &[Reject], MaxTries, 3),
        ("retry=3", &[Reject, Reject, Accept], Success, 3),
        ("retry=3", &[Reject, Accept], Success, 2),
        ("retry=3", &[Reject, Late], AuthinfoUnavail, 2),
        ("retry=3", &[Reject, NotPermitted], ServiceErr, 2),
        ("retry=3", &[RejectOther], AuthErr, 1),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(Needed, attempts);
        let code = run(&mut handle, &mut verifier, options, false);
        assert_eq!(
            (code, handle.prompts.len()),
            (expected, prompts),
            "{options} {attempts:?}"
        );
    }
}

#[test]
fn names_that_no_account_can_have_are_prompted_like_others_and_never_sent() {
    let long = vec![b'a'; 257];
    for user in [&b""[..], b"\xff\xfe", &long] {
        for (options, expected, prompts) in [
            ("", AuthErr, 1),
            ("retry=3", MaxTries, 3),
            ("use_first_pass", AuthErr, 0),
            ("try_first_pass", AuthErr, 1),
        ] {
            let mut handle = ScriptedHandle::new(Some(CODE), &[types(CODE)]);
            handle.user = Ok(user.to_vec());
            // Even a verifier that exempts everybody is not asked.
            let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
            let code = run(&mut handle, &mut verifier, options, false);
            assert_eq!((code, handle.prompts.len()), (expected, prompts));
            assert!(verifier.sent.is_empty() && verifier.asked() == 0);
        }
    }
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    handle.user = Ok(vec![b'a'; 256]);
    let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
    assert_eq!(run(&mut handle, &mut verifier, "", false), Success);
}

#[test]
fn r34_names_are_passed_on_as_they_are_and_never_become_paths() {
    for name in ["../../etc/passwd", "/", ".", "a:b", "a\nb", "~root", "%s%n"] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.user = Ok(name.into());
        let mut verifier = ScriptedVerifier::new(Needed, &[Reject]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), AuthErr);
        assert_eq!(verifier.sent[0].0, name);
        assert!(!handle.logged.borrow()[0].1.contains('\n'));
    }
}

#[test]
fn host_without_user_or_service_gets_a_denial() {
    for no in [NoAnswer::Conversation, NoAnswer::Nothing] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.user = Err(no);
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), AuthErr);
        assert_eq!(handle.delays.len(), 1);
    }
    for service in [
        None,
        Some(vec![]),
        Some(vec![b's'; 256]),
        Some(b"\xff".to_vec()),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        handle.service = service;
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, "", false), ServiceErr);
        assert_eq!(handle.delays.len(), 1);
    }
}

#[test]
fn verifier_has_three_seconds_in_all() {
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    let mut verifier = ScriptedVerifier::new(Needed, &[Reject]);
    run(&mut handle, &mut verifier, "", false);
    let [ask, attempt] = verifier.deadlines[..] else {
        panic!("one question, one attempt")
    };
    assert!(ask <= ASK_LIMIT && attempt <= LIMIT);
    assert!(attempt + Duration::from_millis(100) >= LIMIT - ASK_LIMIT);
    assert_eq!(LIMIT, Duration::from_secs(3));
}

#[test]
fn exemption_is_logged_at_notice_and_nothing_is_prompted() {
    let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
    let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
    assert_eq!(run(&mut handle, &mut verifier, "", false), Ignore);
    assert!(handle.prompts.is_empty() && handle.delays.is_empty());
    let logged = handle.logged.borrow();
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].0, Level::Notice);
    assert!(logged[0].1.contains("no code needed") && logged[0].1.contains("\"alice\""));
}

#[test]
fn verifier_that_is_away_is_told_before_anybody_types() {
    for ask in [Unavailable, NoSocket, Late, Untrusted] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(ask, &[Accept]);
        run(&mut handle, &mut verifier, "", false);
        assert!(handle.prompts.is_empty());
        assert_eq!(handle.told.len(), 1);
    }
}

#[test]
fn wrong_option_is_a_denial_and_its_name_is_logged() {
    for (options, name) in [
        ("nullok", "nullok"),
        ("retry=0", "retry"),
        ("retry=4", "retry"),
        ("socket=x", "socket"),
        ("use_first_pass try_first_pass", "use_first_pass"),
        ("debug nosuch=1", "nosuch"),
    ] {
        let mut handle = ScriptedHandle::new(Some(CODE), &[types(CODE)]);
        // The verifier would even exempt.
        let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
        assert_eq!(run(&mut handle, &mut verifier, options, false), ServiceErr);
        assert!(handle.log_text().contains(name), "{}", handle.log_text());
        assert_eq!(handle.delays.len(), 1);
        assert_eq!(verifier.asked(), 0);
    }
}

#[test]
fn prompt_and_echo_follow_the_options() {
    for (words, echo, text) in [
        (&[] as &[&[u8]], Echo::Off, "One-time code: "),
        (&[b"echo"], Echo::On, "One-time code: "),
        (&[b"prompt=Tegata: "], Echo::Off, "Tegata: "),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
        let code = authenticate(&mut handle, &mut verifier, words, false);
        assert_eq!(code, Success);
        assert_eq!(handle.prompts, [(echo, text.to_owned())]);
    }
}

#[test]
fn account_goes_before_option_before_settings_in_what_is_asked() {
    use Language::{English, Japanese};
    let ja = "ワンタイムパスワード（半角）: ";
    let en = "One-time code: ";
    for (options, chosen, usual, expected) in [
        ("", None, English, en),
        ("", None, Japanese, ja),
        ("lang=ja", None, English, ja),
        ("lang=en", None, Japanese, en),
        ("lang=ja", Some(English), Japanese, en),
        ("", Some(Japanese), English, ja),
        // What the operator wrote is in the operator's language.
        ("prompt=Tegata:", Some(Japanese), Japanese, "Tegata:"),
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(NeededIn(chosen, usual), &[Reject, Accept]);
        let options = format!("{options} retry=2");
        assert_eq!(run(&mut handle, &mut verifier, &options, false), Success);
        assert_eq!(handle.questions(), [expected; 2], "{options}");
        let spoken = chosen.map_or(options.contains("ja"), |chosen| chosen == Japanese)
            || chosen.is_none() && !options.contains("lang=") && usual == Japanese;
        assert_eq!(handle.told[0].is_ascii(), !spoken, "{options}");
    }
    // Before the verifier has said anything, there is the option.
    for (options, english) in [("", true), ("lang=ja", false), ("lang=en", true)] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(NoSocket, &[Accept]);
        run(&mut handle, &mut verifier, options, false);
        assert_eq!(handle.told[0].is_ascii(), english, "{options}");
    }
}

#[test]
fn prompt_only_tells_nothing_at_all() {
    for (ask, attempt) in [(Needed, Reject), (NoSocket, Accept), (Needed, Late)] {
        let mut handle = ScriptedHandle::new(None, &[types(CODE)]);
        let mut verifier = ScriptedVerifier::new(ask, &[attempt]);
        run(&mut handle, &mut verifier, "prompt_only retry=3", false);
        assert!(handle.told.is_empty());
    }
}

#[test]
fn combined_hands_the_password_on_after_the_code_was_accepted_and_not_before() {
    for (options, typed, attempt, expected, sent, handed_on) in [
        (
            "",
            "hunter2271828",
            Accept,
            Success,
            "271828",
            Some("hunter2"),
        ),
        (
            "digits=8",
            "hunter212345678",
            Accept,
            Success,
            "12345678",
            Some("hunter2"),
        ),
        (
            "digits=7",
            "x 1234567",
            Accept,
            Success,
            "1234567",
            Some("x "),
        ),
        (
            "",
            "パスワード271828",
            Accept,
            Success,
            "271828",
            Some("パスワード"),
        ),
        ("", "hunter2271828", Reject, AuthErr, "271828", None),
        ("retry=2", "hunter2271828", Reject, MaxTries, "271828", None),
        ("", "hunter2271828", Late, AuthinfoUnavail, "271828", None),
        ("", "hunter2271828", AcceptOther, AuthErr, "271828", None),
    ] {
        let options = format!("combined {options}");
        let mut handle = ScriptedHandle::new(None, &[types(typed)]);
        let mut verifier = ScriptedVerifier::new(Needed, &[attempt]);
        let code = run(&mut handle, &mut verifier, &options, false);
        assert_eq!(code, expected, "{options} {typed}");
        assert!(
            verifier
                .sent
                .iter()
                .all(|(_, code)| code == sent.as_bytes())
        );
        assert_eq!(handle.authtok.as_deref(), handed_on, "{options} {typed}");
        assert_eq!(handle.prompts[0].0, Echo::Off);
        assert!(
            handle.prompts[0]
                .1
                .starts_with("Password and one-time code")
        );
    }
    // Nothing is handed on, and so nobody gets in, when libpam can not keep it.
    let mut handle = ScriptedHandle::new(None, &[types("hunter2271828")]);
    handle.room = false;
    let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
    let code = run(&mut handle, &mut verifier, "combined", false);
    assert_eq!((code, handle.delays.len()), (ServiceErr, 1));
    // An exemption is about the code: what stood there stays.
    let mut handle = ScriptedHandle::new(Some("before"), &[types("hunter2271828")]);
    let mut verifier = ScriptedVerifier::new(NotNeeded, &[Accept]);
    assert_eq!(run(&mut handle, &mut verifier, "combined", false), Ignore);
    assert_eq!(handle.authtok.as_deref(), Some("before"));
}

/// pam-u2f, CVE-2021-31924: one of two factors could be left out.
#[test]
fn r28_neither_part_of_a_combined_answer_may_be_missing() {
    for typed in [
        "271828",
        "hunter2",
        "",
        " ",
        "hunter227182x",
        "hunter2 271828 ",
        DUMMY,
    ] {
        let mut handle = ScriptedHandle::new(None, &[types(typed)]);
        let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
        let code = run(&mut handle, &mut verifier, "combined retry=3", false);
        assert_eq!(code, AuthErr, "{typed:?}");
        assert!(verifier.sent.is_empty(), "{typed:?}");
        assert_eq!(handle.authtok, None, "{typed:?}");
    }
}

/// privacyIDEA counted the question itself. Here nothing but what a person typed is an attempt, and
/// all that was typed is one.
#[test]
fn r25_questions_and_conversations_that_break_off_are_no_attempts() {
    for options in ["", "combined", "try_first_pass", "retry=3", "prompt_only"] {
        for does in [Does::Null, Does::Fails, types(""), types(DUMMY)] {
            let mut handle = ScriptedHandle::new(None, &[does]);
            let mut verifier = ScriptedVerifier::new(Needed, &[Accept]);
            for _ in 0..100 {
                run(&mut handle, &mut verifier, options, false);
            }
            assert_eq!((verifier.asked(), verifier.sent.len()), (100, 0));
        }
    }
    let mut handle = ScriptedHandle::new(None, &[types("000000")]);
    let mut verifier = ScriptedVerifier::new(Needed, &[Reject]);
    for _ in 0..100 {
        run(&mut handle, &mut verifier, "", false);
    }
    assert_eq!(verifier.sent.len(), 100);
}

/// Every option × every reply to the question × every reply to an attempt × every conversation.
#[test]
fn r27_success_needs_an_accept_and_ignore_needs_an_exemption() {
    let optionses = [
        "",
        "echo",
        "debug",
        "prompt=Code:",
        "retry=2",
        "retry=3",
        "use_first_pass",
        "try_first_pass",
        "try_first_pass retry=3 debug",
        "socket=/run/x",
        "fail_delay_ms=5",
        "lang=ja prompt_only",
        "combined",
        "combined digits=8 retry=2",
        "exchange",
        "nosuch",
        "retry=0",
    ];
    let conversations = [
        vec![types(CODE)],
        vec![types("wrong"), types(CODE)],
        vec![types("")],
        vec![types(DUMMY)],
        vec![types(&"9".repeat(65_536))],
        vec![Does::Null],
        vec![Does::Fails],
        vec![types("wrong"), Does::Fails],
        vec![types("the word 271828"), types("another 12345678")],
    ];
    let authtoks = [None, Some(CODE), Some("the password")];
    let mut runs = 0;
    for options in optionses {
        for ask in EVERYTHING {
            for attempt in EVERYTHING {
                for attempts in [&[attempt][..], &[Reject, attempt]] {
                    for does in &conversations {
                        for authtok in authtoks {
                            for silent in [false, true] {
                                invariants(options, ask, attempts, does, authtok, silent);
                                runs += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(runs > 200_000, "{runs}");
}

fn invariants(
    options: &str,
    ask: Says,
    attempts: &[Says],
    does: &[Does],
    authtok: Option<&str>,
    silent: bool,
) {
    let case = format!("{options} {ask:?} {attempts:?} {does:?} {authtok:?} {silent}");
    let mut handle = ScriptedHandle::new(authtok, does);
    let mut verifier = ScriptedVerifier::new(ask, attempts);
    let code = run(&mut handle, &mut verifier, options, silent);

    let good_options = options != "nosuch" && options != "retry=0";
    let accepted = ask == Needed && verifier.last_attempt == Some(Accept) && good_options;
    assert_eq!(code == Success, accepted, "{case}");
    let exempt = ask == NotNeeded && good_options;
    assert_eq!(code == Ignore, exempt, "{case}");
    if ask != Needed || !good_options {
        assert!(
            verifier.sent.is_empty() && handle.prompts.is_empty(),
            "{case}"
        );
    }
    let denied = !accepted && !exempt;
    assert_eq!(handle.delays.len(), usize::from(denied), "{case}");
    if silent || options.contains("prompt_only") {
        assert!(handle.told.is_empty(), "{case}");
    }
    assert!(handle.prompts.len() <= 3 && verifier.sent.len() <= 4);
    if !accepted || !options.contains("combined") {
        assert_eq!(handle.authtok.as_deref(), authtok, "{case}");
    }
    assert_eq!(handle.user, Ok(b"alice".to_vec()));
    let logs = handle.log_text();
    assert!(!logs.contains(CODE) && !logs.contains("the password") && !logs.contains("wrong"));
}
