//! What the verifier answers, and what the host is told.

use sekisho_verifier_socket::{Reply, Request, Speech, Verdict};

use crate::driver::{
    AUTH_ERR, AUTHINFO_UNAVAIL, Driver, LIMIT_US, MAXTRIES, PERM_DENIED, SERVICE_ERR, SUCCESS,
    module,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, decided, start_wanted};

fn accept() -> Reply {
    decided(Verdict::Accept, "alice")
}

#[test]
fn right_code_gets_in_and_the_verifier_hears_where() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .answer(CODE)
        .words(&["--tty", "pts/3", "--rhost", "192.0.2.7"])
        .run();
    assert_eq!(noticed.codes(), [SUCCESS, SUCCESS, SUCCESS]);
    let prompts = noticed.lines("prompt");
    assert_eq!(prompts.len(), 1);
    assert_eq!(prompts[0]["text"], "One-time code: ");
    assert_eq!(prompts[0]["style"], "1");
    assert!(noticed.lines("message").is_empty());
    assert!(noticed.log().is_empty());
    assert_eq!(noticed.total("renamed"), 0);

    let Request::Attempt(attempt) = &verifier.seen()[1] else {
        panic!("the second request is the attempt")
    };
    assert_eq!(attempt.account, "alice");
    assert_eq!(attempt.place.name, "sekisho-test");
    assert_eq!(attempt.place.terminal.as_deref(), Some("pts/3"));
    assert_eq!(attempt.place.remote.as_deref(), Some("192.0.2.7"));
}

#[test]
fn wrong_code_stays_out_and_a_delay_is_asked_for() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "").answer("314159").run();
    assert_eq!(noticed.code("authenticate"), AUTH_ERR);
    let log = noticed.log();
    assert_eq!((log.len(), log[0].0), (1, 5), "one line at NOTICE");
    assert!(log[0].1.contains("user=\"alice\"") && !log[0].1.contains("314159"));
    // libpam varies the delay by half in both directions.
    let delay: u64 = noticed.lines("delay")[0]["us"].parse().expect("number");
    assert!((1_000_000..=3_000_000).contains(&delay), "{delay}");

    let noticed = Driver::new(verifier.path(), "fail_delay_ms=10000")
        .answer("314159")
        .run();
    let delay: u64 = noticed.lines("delay")[0]["us"].parse().expect("number");
    assert!((5_000_000..=15_000_000).contains(&delay), "{delay}");
}

#[test]
fn each_odd_reply_to_an_attempt_is_a_denial_in_time() {
    let reply_length = 4;
    for (does, expected) in [
        (Does::Says(decided(Verdict::Reject, "alice")), AUTH_ERR),
        (Does::Says(decided(Verdict::Accept, "mallory")), AUTH_ERR),
        (Does::Says(decided(Verdict::Accept, "Alice")), AUTH_ERR),
        (Does::Says(decided(Verdict::Accept, "")), AUTH_ERR),
        (Does::Says(Reply::Unavailable), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::NotPermitted), SERVICE_ERR),
        (
            Does::Says(Reply::CodeNotNeeded(Speech::default())),
            AUTHINFO_UNAVAIL,
        ),
        (
            Does::Says(Reply::CodeNeeded(Speech::default())),
            AUTHINFO_UNAVAIL,
        ),
        (Does::WrongId(accept()), AUTHINFO_UNAVAIL),
        (Does::CutShort(accept(), 1), AUTHINFO_UNAVAIL),
        (Does::CutShort(accept(), reply_length), AUTHINFO_UNAVAIL),
        (Does::CutShort(accept(), 10), AUTHINFO_UNAVAIL),
        (
            Does::Sends(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            AUTHINFO_UNAVAIL,
        ),
        (Does::Sends(vec![0xff; 4096]), AUTHINFO_UNAVAIL),
        (Does::Sends(vec![0; 64]), AUTHINFO_UNAVAIL),
        (Does::Sends(vec![0, 0, 0, 2, 1, 0xff]), AUTHINFO_UNAVAIL),
        (Does::Sends(vec![0, 0, 0, 2, 2, 0xf6]), AUTHINFO_UNAVAIL),
        (Does::Closes, AUTHINFO_UNAVAIL),
        (Does::Nothing, AUTHINFO_UNAVAIL),
        (Does::Drips, AUTHINFO_UNAVAIL),
    ] {
        let case = format!("{does:?}");
        let verifier = FakeVerifier::attempts(move |_| does.clone());
        let noticed = Driver::new(verifier.path(), "").answer(CODE).run();
        assert_eq!(noticed.code("authenticate"), expected, "{case}");
        assert!(noticed.total("first_us") < LIMIT_US, "{case}");
        assert_eq!(verifier.attempted().len(), 1, "sent once: {case}");
        assert_eq!(noticed.total("delays"), 1, "{case}");
    }
}

#[test]
fn p06_each_odd_reply_to_the_question_is_a_denial_in_both_phases() {
    for (does, expected) in [
        (Does::Says(accept()), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::Unavailable), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::NotPermitted), SERVICE_ERR),
        (
            Does::WrongId(Reply::CodeNotNeeded(Speech::default())),
            AUTHINFO_UNAVAIL,
        ),
        (
            Does::WrongId(Reply::CodeNeeded(Speech::default())),
            AUTHINFO_UNAVAIL,
        ),
        (
            Does::CutShort(Reply::CodeNotNeeded(Speech::default()), 7),
            AUTHINFO_UNAVAIL,
        ),
        (Does::Sends(vec![0xff; 64]), AUTHINFO_UNAVAIL),
        (Does::Closes, AUTHINFO_UNAVAIL),
        (Does::Nothing, AUTHINFO_UNAVAIL),
    ] {
        let case = format!("{does:?}");
        let verifier = FakeVerifier::asks(does);
        let noticed = Driver::new(verifier.path(), "").answer(CODE).run();
        assert_eq!(noticed.code("authenticate"), expected, "{case}");
        assert_eq!(noticed.code("acct_mgmt"), expected, "{case}");
        assert!(noticed.total("mean_us") < LIMIT_US, "both phases: {case}");
        assert_eq!(noticed.total("prompts"), 0, "{case}");
        assert!(verifier.attempted().is_empty(), "{case}");
    }
}

#[test]
fn r31_no_stack_lets_anybody_in_while_the_verifier_is_away() {
    let gone = FakeVerifier::honest().path().to_owned();
    for rest in [
        "auth required pam_permit.so",
        "auth optional pam_permit.so",
        "",
    ] {
        for control in ["required", "requisite", "[success=ok default=die]"] {
            let noticed = Driver::stack(&format!(
                "auth {control} {} socket={}\n{rest}\naccount required pam_permit.so\n",
                module().display(),
                gone.display()
            ))
            .answer(CODE)
            .run();
            assert_eq!(noticed.code("authenticate"), AUTHINFO_UNAVAIL);
        }
    }
}

#[test]
fn r27_exemption_is_the_only_ignore_and_is_logged() {
    let verifier = FakeVerifier::asks(Does::Says(Reply::CodeNotNeeded(Speech::default())));
    let alone = Driver::new(verifier.path(), "").answer(CODE).run();
    assert_eq!(alone.code("authenticate"), PERM_DENIED, "nobody succeeded");
    assert_eq!(alone.total("prompts"), 0);
    let log = alone.log();
    assert_eq!(log[0].0, 5, "NOTICE");
    assert!(log[0].1.contains("no code needed"), "{log:?}");

    let line = format!(
        "required {} socket={}",
        module().display(),
        verifier.path().display()
    );
    let stack = format!("auth {line}\nauth required pam_permit.so\naccount {line}\n");
    let with_another = Driver::stack(&stack).answer(CODE).run();
    assert_eq!(with_another.codes(), [SUCCESS; 3]);
}

#[test]
fn retry_prompts_again_and_ends_in_maxtries() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "retry=3")
        .answer("000000")
        .run();
    assert_eq!(noticed.code("authenticate"), MAXTRIES);
    assert_eq!(noticed.total("prompts"), 3);
    assert_eq!(noticed.lines("message").len(), 2);
    assert_eq!(verifier.attempted().len(), 3);

    let noticed = Driver::new(verifier.path(), "retry=3")
        .answer("000000")
        .answer(CODE)
        .run();
    assert_eq!(noticed.code("authenticate"), SUCCESS);
}

/// OpenSSH CVE-2015-5600: a limit in the caller is no limit. Each conversation is one attempt at the
/// verifier, which counts; the module neither adds tries of its own nor answers from memory.
#[test]
fn r21_a_thousand_conversations_in_one_handle_are_a_thousand_attempts() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .answer("000000")
        .words(&[
            "--call",
            "authenticate",
            "--repeat",
            "1000",
            "--same-handle",
        ])
        .run();
    assert_eq!(noticed.total("successes"), 0);
    assert_eq!(noticed.total("prompts"), 1000);
    assert_eq!(noticed.total("delays"), 1000);
    assert_eq!(verifier.attempted().len(), 1000);
    assert_eq!(verifier.questions(), 1000);
}

/// The same for a change: three tries in each, and not one more or less however often it is called.
#[test]
fn r21_a_thousand_changes_in_one_handle_are_three_thousand_starts() {
    let verifier = FakeVerifier::starts(start_wanted(), |_| Does::Says(Reply::NotStarted));
    let noticed = Driver::new(verifier.path(), "")
        .words(&["--answer", "SKTS1", "--answer", CODE, "--answer", "yes"])
        .words(&["--cycle", "--call", "chauthtok", "--expired"])
        .words(&["--repeat", "1000", "--same-handle"])
        .run();
    assert_eq!(noticed.code("chauthtok"), MAXTRIES);
    assert_eq!(noticed.total("differing"), 0);
    assert_eq!(noticed.total("prompts"), 9_000);
    assert_eq!(verifier.started().len(), 3_000);
    assert_eq!(verifier.questions(), 4_000);
}

/// Dovecot CVE-2026-27855: a cache answered for a code that was spent.
#[test]
fn r10_nothing_is_answered_from_memory() {
    let spent = std::sync::atomic::AtomicBool::new(false);
    let verifier = FakeVerifier::attempts(move |account| {
        let verdict = if spent.swap(true, std::sync::atomic::Ordering::SeqCst) {
            Verdict::Reject
        } else {
            Verdict::Accept
        };
        Does::Says(decided(verdict, account))
    });
    let noticed = Driver::new(verifier.path(), "")
        .answer(CODE)
        .words(&["--call", "authenticate", "--repeat", "20", "--same-handle"])
        .run();
    assert_eq!(noticed.total("successes"), 1);
    assert_eq!(noticed.code("authenticate"), AUTH_ERR);
}

/// OpenSSH CVE-2016-6210: unknown users were told apart. The verifier asks for a code from all.
#[test]
fn r41_unknown_and_impossible_names_get_the_same_prompt_and_the_same_code() {
    let verifier = FakeVerifier::attempts(|account| Does::Says(decided(Verdict::Reject, account)));
    let shape = |user: &[u8]| {
        let hex: String = user.iter().map(|octet| format!("{octet:02x}")).collect();
        let noticed = Driver::new(verifier.path(), "")
            .answer(CODE)
            .words(&["--user-hex", &hex])
            .run();
        assert_eq!(noticed.total("renamed"), 0);
        let prompts: Vec<_> = noticed
            .lines("prompt")
            .iter()
            .map(|line| line["text"].to_owned())
            .collect();
        (
            noticed.code("authenticate"),
            prompts,
            noticed.lines("message").len(),
            noticed.total("delays"),
        )
    };
    let alice = shape(b"alice");
    assert_eq!(alice.0, AUTH_ERR);
    for user in [&b"nosuchuser"[..], b"\xff\xfe", b"\xe3\x81", &[b'a'; 300]] {
        assert_eq!(shape(user), alice, "{user:?}");
    }
}

#[test]
fn r34_names_that_look_like_paths_reach_the_verifier_unchanged() {
    for name in [
        "../../etc/shadow",
        "/etc/passwd",
        "..",
        "a b",
        "a:b",
        "%n%n",
        "-x",
    ] {
        let verifier = FakeVerifier::honest();
        let hex: String = name.bytes().map(|octet| format!("{octet:02x}")).collect();
        let noticed = Driver::new(verifier.path(), "")
            .answer("000000")
            .words(&["--user-hex", &hex])
            .run();
        assert_eq!(noticed.code("authenticate"), AUTH_ERR);
        assert_eq!(verifier.attempted()[0].0, name);
        assert_eq!(noticed.log().len(), 1, "{noticed:?}");
    }
}
