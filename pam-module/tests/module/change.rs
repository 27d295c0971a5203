//! A token is put into use: `pam_acct_mgmt` and `pam_chauthtok`.

use sekisho_verifier_socket::{Language, Phase, Reply, Request, Speech, Verdict, Wanted};

use crate::driver::{
    AUTHINFO_UNAVAIL, AUTHTOK_ERR, Driver, LIMIT_US, MAXTRIES, NEW_AUTHTOK_REQD, PERM_DENIED,
    SERVICE_ERR, SUCCESS,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, all_wanted, decided, start_wanted, started};

/// What is typed for [`start_wanted`], and for [`all_wanted`].
const START: [&str; 3] = ["skts00012345", CODE, "yes"];
const ALL: [&str; 4] = ["skts00012345", CODE, "314159", "10"];

fn typed(driver: Driver, answers: &[&str]) -> Driver {
    answers
        .iter()
        .fold(driver, |driver, text| driver.answer(text))
}

fn changing(verifier: &FakeVerifier, options: &str) -> Driver {
    Driver::new(verifier.path(), options).words(&["--call", "chauthtok", "--expired"])
}

#[test]
fn token_is_asked_for_put_into_use_and_told_with_its_receipt() {
    let wanted = Wanted {
        positions: vec![1, 10],
        grace_until: Some("2026-12-01 09:00".into()),
        ..start_wanted()
    };
    let verifier = FakeVerifier::starts(wanted, |_| Does::Says(started()));
    let driver = Driver::new(verifier.path(), "")
        .words(&["--call", "acct_mgmt", "--call", "chauthtok", "--expired"])
        .words(&["--tty", "pts/3", "--rhost", "192.0.2.7"]);
    let noticed = typed(driver, &["skts00012345", CODE, "10", "no"]).run();
    assert_eq!(noticed.code("acct_mgmt"), NEW_AUTHTOK_REQD);
    assert_eq!(noticed.code("chauthtok"), SUCCESS);
    let shown = |word: &str| -> Vec<_> {
        let lines = noticed.lines(word);
        let shown = lines.iter().map(|line| (line["style"], line["text"]));
        shown
            .map(|(style, text)| format!("{style} {text}"))
            .collect()
    };
    assert_eq!(
        shown("prompt"),
        [
            "2 Serial number of your token: ",
            "1 One-time code that it shows now: ",
            "1 Characters 1 and 10 of the start-of-use password: ",
            "2 Ask for a one-time code at login, where you may choose? (yes/no): ",
        ]
    );
    assert_eq!(
        shown("message"),
        [
            "4 Please put your token into use now. Without one you can log in until 2026-12-01 09:00.",
            "4 You can now use token SKTS00012345. Receipt number: 4711, 2026-11-22 20:15:03. The code that you typed \
             is used up: wait for the next one.",
        ]
    );
    let log = noticed.log();
    assert_eq!((log.len(), log[0].0), (1, 5), "{log:?}");
    assert!(log[0].1.contains("receipt=4711") && !log[0].1.contains(CODE));
    assert_eq!(noticed.total("renamed"), 0);

    let [start] = &verifier.started()[..] else {
        panic!("one start")
    };
    assert_eq!((&*start.account, &*start.serial), ("alice", "skts00012345"));
    assert_eq!(start.code.expose(), CODE.as_bytes());
    let characters = start.characters.as_ref().expect("characters");
    assert_eq!(characters.expose(), b"10");
    assert_eq!((&start.old_code, start.code_required), (&None, Some(false)));
    assert_eq!(start.place.name, "sekisho-test");
    assert_eq!(start.place.terminal.as_deref(), Some("pts/3"));
    assert_eq!(start.place.remote.as_deref(), Some("192.0.2.7"));
}

#[test]
fn exchange_asks_for_the_code_of_the_old_token() {
    let verifier = FakeVerifier::starts(all_wanted(), |start| {
        let right = start.old_code.as_ref().map(|code| code.expose()) == Some(b"314159");
        Does::Says(if right { started() } else { Reply::NotStarted })
    });
    let noticed = typed(changing(&verifier, ""), &ALL).run();
    assert_eq!(noticed.code("chauthtok"), SUCCESS);
    assert_eq!(
        noticed.lines("prompt")[2]["text"],
        "One-time code of the old token: "
    );
    assert_eq!(verifier.started()[0].code_required, None, "as it was");

    let wrong = ["skts00012345", CODE, "000000", "10"];
    let noticed = typed(changing(&verifier, ""), &wrong).word("--cycle").run();
    assert_eq!(noticed.code("chauthtok"), MAXTRIES);
    assert_eq!(noticed.total("prompts"), 12, "three times all of it");
    let refusals = noticed.lines("message");
    let refusals = refusals.iter().filter(|line| line["style"] == "3");
    assert_eq!(refusals.count(), 3);
}

#[test]
fn japanese_is_spoken_to_whoever_chose_it() {
    let japanese = Speech {
        chosen: Some(Language::Japanese),
        usual: Language::English,
    };
    let wanted = Wanted {
        speech: japanese,
        ..start_wanted()
    };
    let verifier = FakeVerifier::starts(wanted, |_| Does::Says(started()));
    let noticed = typed(changing(&verifier, "lang=en"), &["SKTS1", CODE, "はい"]).run();
    assert_eq!(noticed.code("chauthtok"), SUCCESS);
    assert_eq!(
        noticed.lines("prompt")[0]["text"],
        "トークンのシリアル番号（半角英数字）: "
    );
    let message = noticed.lines("message")[1]["text"].to_owned();
    assert!(
        message.contains("受付番号: 4711") && message.contains("受付時刻: 2026-11-22 20:15:03"),
        "{message}"
    );
    assert_eq!(verifier.started()[0].code_required, Some(true));

    let verifier = FakeVerifier::asks(Does::Says(Reply::CodeNeeded(japanese)));
    let noticed = Driver::new(verifier.path(), "").answer(CODE).run();
    assert_eq!(
        noticed.lines("prompt")[0]["text"],
        "ワンタイムパスワード（半角）: "
    );
}

/// pam_yubico CVE-2011-4120 took an empty answer. Each kind of answer that is none, at each prompt.
#[test]
fn r27_conversation_that_breaks_off_at_any_prompt_is_an_error_and_sends_nothing() {
    let breaks: [&[&str]; 9] = [
        &["--answer-null"],
        &["--answer-no-array"],
        &["--conv-error"],
        &["--answer", ""],
        &["--answer", "  "],
        &["--answer-hex", "080a0d7f494e434f5252454354"],
        &["--answer-size", "129"],
        &["--answer-size", "513"],
        &["--answer-size", "65536"],
    ];
    for (wanted, answers) in [(start_wanted(), &START[..]), (all_wanted(), &ALL[..])] {
        let verifier = FakeVerifier::starts(wanted, |_| Does::Says(started()));
        for at in 0..answers.len() {
            for broken in breaks {
                let noticed = typed(changing(&verifier, ""), &answers[..at])
                    .words(broken)
                    .run();
                let case = format!("{at} {broken:?}");
                assert_eq!(noticed.code("chauthtok"), AUTHTOK_ERR, "{case}");
                assert_eq!(noticed.total("prompts"), at as u64 + 1, "{case}");
                assert_eq!(noticed.total("renamed"), 0, "{case}");
                assert_eq!(noticed.total("delays"), 1, "{case}");
            }
        }
        let noticed = changing(&verifier, "").word("--no-conv").run();
        assert_eq!(noticed.code("chauthtok"), AUTHTOK_ERR);
        assert!(verifier.started().is_empty(), "nothing half done");
    }
}

fn faults() -> Vec<(Does, i32)> {
    let accept = || decided(Verdict::Accept, "alice");
    vec![
        (Does::Says(accept()), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::Taken), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::Unavailable), AUTHINFO_UNAVAIL),
        (Does::Says(Reply::NotPermitted), SERVICE_ERR),
        (Does::WrongId(started()), AUTHINFO_UNAVAIL),
        (Does::CutShort(started(), 1), AUTHINFO_UNAVAIL),
        (Does::CutShort(started(), 4), AUTHINFO_UNAVAIL),
        (Does::CutShort(started(), 20), AUTHINFO_UNAVAIL),
        (Does::Sends(vec![0xff; 64]), AUTHINFO_UNAVAIL),
        (Does::Sends(vec![0, 0, 0, 2, 1, 0xff]), AUTHINFO_UNAVAIL),
        (Does::Closes, AUTHINFO_UNAVAIL),
        (Does::Nothing, AUTHINFO_UNAVAIL),
        (Does::Drips, AUTHINFO_UNAVAIL),
    ]
}

/// A verifier that goes wrong at the request `at` of a change: the first pass's question, the second's,
/// the start.
fn wrong_at(at: usize, does: Does) -> FakeVerifier {
    let requests = std::sync::atomic::AtomicUsize::new(0);
    FakeVerifier::start(move |request| {
        if requests.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == at {
            return does.clone();
        }
        Does::Says(match request {
            Request::Start(_) => started(),
            _ => Reply::TokenWanted(Box::new(start_wanted())),
        })
    })
}

#[test]
fn r27_fault_of_the_verifier_at_any_step_of_a_change_is_an_error_in_time() {
    for (does, expected) in faults() {
        for at in 0..3 {
            let case = format!("{at} {does:?}");
            let verifier = wrong_at(at, does.clone());
            let noticed = typed(changing(&verifier, ""), &START).run();
            assert_eq!(noticed.code("chauthtok"), expected, "{case}");
            assert!(noticed.total("first_us") < LIMIT_US, "{case}");
            assert_eq!(noticed.total("renamed"), 0, "{case}");
            // Nothing is asked twice, and no receipt is told that nobody gave.
            assert_eq!(verifier.seen().len(), at + 1, "{case}");
            assert!(!noticed.output.contains("4711"), "{case}");
            let prompts = if at == 2 { 3 } else { 0 };
            assert_eq!(noticed.total("prompts"), prompts, "{case}");
        }
    }
    // Replies to the other questions are out of turn too.
    for (at, reply) in [
        (0, started()),
        (0, Reply::NotStarted),
        (0, Reply::NothingWanted(Speech::default())),
        (1, started()),
        (1, Reply::NothingWanted(Speech::default())),
        (2, Reply::TokenWanted(Box::new(start_wanted()))),
        (2, Reply::CodeNotNeeded(Speech::default())),
        (2, Reply::NothingWanted(Speech::default())),
    ] {
        let verifier = wrong_at(at, Does::Says(reply.clone()));
        let noticed = typed(changing(&verifier, ""), &START).run();
        let code = noticed.code("chauthtok");
        assert_eq!(code, AUTHINFO_UNAVAIL, "{at} {reply:?}");
    }
    // And who was wanted in the first pass is not let go in the second.
    for reply in [
        Reply::CodeNeeded(Speech::default()),
        Reply::CodeNotNeeded(Speech::default()),
    ] {
        let verifier = wrong_at(1, Does::Says(reply));
        let noticed = typed(changing(&verifier, ""), &START).run();
        assert_eq!(noticed.code("chauthtok"), SERVICE_ERR);
    }
}

#[test]
fn p06_each_odd_reply_in_account_management_is_a_denial() {
    for (does, expected) in faults() {
        let case = format!("{does:?}");
        let verifier = FakeVerifier::asks(does);
        let noticed = Driver::new(verifier.path(), "")
            .words(&["--call", "acct_mgmt"])
            .run();
        assert_eq!(noticed.code("acct_mgmt"), expected, "{case}");
        assert!(noticed.total("first_us") < LIMIT_US, "{case}");
    }
}

#[test]
fn change_that_nobody_must_make_is_asked_for_with_the_option_only() {
    let verifier = FakeVerifier::starts(start_wanted(), |_| Does::Says(started()));
    let run = |options: &str| {
        let driver = Driver::new(verifier.path(), options).words(&["--call", "chauthtok"]);
        typed(driver, &START).run()
    };
    let noticed = run("");
    // Nobody succeeded: the module is alone here.
    assert_eq!(noticed.code("chauthtok"), PERM_DENIED);
    assert!(verifier.seen().is_empty() && noticed.total("prompts") == 0);

    assert_eq!(run("exchange").code("chauthtok"), SUCCESS);
    let seen = verifier.seen();
    let Request::Ask(ask) = &seen[0] else {
        panic!("a question first")
    };
    assert_eq!(ask.phase, Phase::Change);

    let verifier = FakeVerifier::honest();
    let driver = Driver::new(verifier.path(), "exchange").words(&["--call", "chauthtok"]);
    let noticed = typed(driver, &START).run();
    assert_eq!(noticed.code("chauthtok"), PERM_DENIED);
    let message = noticed.lines("message")[0]["text"].to_owned();
    assert_eq!(message, "There is no token to put into use.");
}

#[test]
fn r43_texts_of_both_languages_are_in_the_object_and_fluent_is_not() {
    let object = std::fs::read(crate::driver::module()).expect("object");
    let holds = |words: &str| {
        object
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    assert!(holds("Serial number of your token") && holds("受付番号"));
    assert!(!holds("fluent") && !holds(".ftl"));
}
