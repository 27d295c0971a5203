//! `pam_chauthtok`.

use pam_sekisho::change::{Flags, change};
use pam_sekisho::handle::{Echo, Level, NoAnswer};
use pam_sekisho::return_code::ReturnCode::{self, *};
use pam_sekisho::verifier::{ASK_LIMIT, LIMIT};
use sekisho_verifier_socket::Phase;

use crate::script::{CODE, DUMMY, Does, EVERYTHING, Says, ScriptedHandle, ScriptedVerifier, types};
use Says::*;

const SERIAL: &str = "skts00012345";

const FIRST: Flags = Flags {
    first_pass: true,
    expired: true,
    silent: false,
};
const SECOND: Flags = Flags {
    first_pass: false,
    ..FIRST
};

fn pass(
    handle: &mut ScriptedHandle,
    verifier: &mut ScriptedVerifier,
    options: &str,
    flags: Flags,
) -> ReturnCode {
    let words: Vec<&[u8]> = options.split_whitespace().map(str::as_bytes).collect();
    change(handle, verifier, &words, flags)
}

/// Both passes, as libpam runs them: the second only after a success or an ignored first.
fn both(
    handle: &mut ScriptedHandle,
    verifier: &mut ScriptedVerifier,
    options: &str,
    flags: Flags,
) -> (ReturnCode, Option<ReturnCode>) {
    let first = pass(handle, verifier, options, flags);
    let second = matches!(first, Success | Ignore).then(|| {
        let flags = Flags {
            first_pass: false,
            ..flags
        };
        pass(handle, verifier, options, flags)
    });
    (first, second)
}

/// What somebody types to get all that a reply wants right.
fn answers(wanted: Says) -> Vec<Does> {
    let words: &[&str] = match wanted {
        AllWanted => &[SERIAL, CODE, "10", "yes"],
        ExchangeWanted => &[SERIAL, CODE, "314159"],
        GrantWanted => &[SERIAL, CODE, "27"],
        _ => &[SERIAL, CODE, "no"],
    };
    words.iter().map(|word| types(word)).collect()
}

const WANTS: [Says; 4] = [StartWanted, AllWanted, ExchangeWanted, GrantWanted];

#[test]
fn each_conversation_asks_what_is_wanted_and_sends_it_once() {
    for wanted in WANTS {
        let mut handle = ScriptedHandle::new(None, &answers(wanted));
        let mut verifier = ScriptedVerifier::starts(&[wanted], &[InUse]);
        let codes = both(&mut handle, &mut verifier, "", FIRST);
        assert_eq!(codes, (Success, Some(Success)), "{wanted:?}");
        let [start] = &verifier.started[..] else {
            panic!("one start")
        };
        assert_eq!(start.account, "alice");
        assert_eq!(start.serial, SERIAL);
        assert_eq!(start.code.expose(), CODE.as_bytes());
        let old = start.old_code.as_ref().map(|code| code.expose().to_vec());
        let characters = start.characters.as_ref();
        let characters = characters.map(|typed| typed.expose().to_vec());
        let (expected, questions): (_, &[&str]) = match wanted {
            AllWanted => (
                (None, Some(b"10".to_vec()), Some(true)),
                &[
                    "Serial number of your token: ",
                    "One-time code that it shows now: ",
                    "Characters 1 and 10 of the start-of-use password: ",
                    "Ask for a one-time code at login, where you may choose? (yes/no): ",
                ],
            ),
            ExchangeWanted => (
                (Some(b"314159".to_vec()), None, None),
                &[
                    "Serial number of the new token: ",
                    "One-time code that it shows now: ",
                    "One-time code of the old token: ",
                ],
            ),
            GrantWanted => (
                (None, Some(b"27".to_vec()), None),
                &[
                    "Serial number of the new token: ",
                    "One-time code that it shows now: ",
                    "Characters 2 and 7 of the start-of-use password: ",
                ],
            ),
            _ => (
                (None, None, Some(false)),
                &[
                    "Serial number of your token: ",
                    "One-time code that it shows now: ",
                    "Ask for a one-time code at login, where you may choose? (yes/no): ",
                ],
            ),
        };
        assert_eq!((old, characters, start.code_required), expected);
        assert_eq!(handle.questions(), questions);
        assert_eq!(handle.prompts[0].0, Echo::On, "the serial");
        assert_eq!(handle.prompts[1].0, Echo::Off, "the code");
        // What it is about, and the receipt.
        assert_eq!(handle.told.len(), 2);
        let until = handle.told[0].contains("2026-12-01 09:00");
        assert_eq!(until, wanted == AllWanted);
        assert!(handle.told[1].contains("4711") && handle.told[1].contains("2026-11-22 20:15:03"));
        assert!(handle.delays.is_empty());
        assert_eq!(handle.authtok, None, "no code is handed on");
        let logged = handle.logged.borrow();
        assert_eq!(logged.len(), 1);
        assert_eq!(logged[0].0, Level::Notice);
        assert!(logged[0].1.contains("SKTS00012345") && !logged[0].1.contains(CODE));
    }
}

#[test]
fn each_reply_to_the_question_has_its_return_code_in_both_passes() {
    for (options, expired) in [
        ("", true),
        ("exchange", true),
        ("exchange", false),
        ("", false),
    ] {
        for ask in EVERYTHING {
            let flags = Flags { expired, ..FIRST };
            let mut handle = ScriptedHandle::new(None, &answers(ask));
            let mut verifier = ScriptedVerifier::starts(&[ask], &[InUse]);
            let codes = both(&mut handle, &mut verifier, options, flags);
            let done = (Success, Some(Success));
            let nothing = (Ignore, Some(Ignore));
            let case = format!("{options} {expired} {ask:?}");
            let expected = match ask {
                // `passwd` is about the password.
                _ if !expired && options.is_empty() => nothing,
                StartWanted | AllWanted | ExchangeWanted | GrantWanted => done,
                Needed | NotNeeded if expired => nothing,
                NothingWanted if !expired => nothing,
                NotPermitted => (ServiceErr, None),
                _ => (AuthinfoUnavail, None),
            };
            assert_eq!(codes, expected, "{case}");
            if !expired && options.is_empty() {
                assert_eq!(verifier.asked(), 0, "{case}");
            } else {
                let phase = if expired {
                    Phase::Account
                } else {
                    Phase::Change
                };
                assert!(verifier.phases.iter().all(|asked| *asked == phase));
            }
            if codes != done {
                assert!(verifier.started.is_empty() && handle.prompts.is_empty());
            }
        }
    }
}

/// Who has to exchange a token has shown its code or a start code before; who wants to has not.
#[test]
fn start_code_is_asked_for_where_nobody_had_to_log_in_with_it() {
    for (expired, question) in [
        (true, "One-time code of the old token: "),
        (
            false,
            "One-time code of the old token, or your start code: ",
        ),
    ] {
        let flags = Flags { expired, ..FIRST };
        let mut handle = ScriptedHandle::new(None, &answers(ExchangeWanted));
        let mut verifier = ScriptedVerifier::starts(&[ExchangeWanted], &[InUse]);
        let codes = both(&mut handle, &mut verifier, "exchange", flags);
        assert_eq!(codes, (Success, Some(Success)));
        assert_eq!(handle.questions()[2], question);
    }
}

/// What the first pass found holds in the second: an ignored second pass behind a wanted first one
/// would run the second pass of `pam_unix` without its first.
#[test]
fn second_pass_goes_by_the_first_and_never_ignores_what_was_wanted() {
    for second in EVERYTHING {
        let mut handle = ScriptedHandle::new(None, &answers(second));
        let mut verifier = ScriptedVerifier::starts(&[StartWanted, second], &[InUse]);
        assert_eq!(pass(&mut handle, &mut verifier, "", FIRST), Success);
        let code = pass(&mut handle, &mut verifier, "", SECOND);
        let expected = match second {
            StartWanted | AllWanted | ExchangeWanted | GrantWanted => Success,
            Needed | NotNeeded | NotPermitted => ServiceErr,
            _ => AuthinfoUnavail,
        };
        assert_eq!(code, expected, "{second:?}");

        let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
        let mut verifier = ScriptedVerifier::starts(&[Needed, second], &[InUse]);
        assert_eq!(pass(&mut handle, &mut verifier, "", FIRST), Ignore);
        assert_eq!(pass(&mut handle, &mut verifier, "", SECOND), Ignore);
        assert!(verifier.started.is_empty() && verifier.asked() == 1);

        // Without a first pass.
        let mut handle = ScriptedHandle::new(None, &answers(second));
        let mut verifier = ScriptedVerifier::starts(&[second], &[InUse]);
        let code = pass(&mut handle, &mut verifier, "", SECOND);
        assert_eq!(code, ServiceErr);
        assert_eq!(verifier.asked(), 0);
    }
}

#[test]
fn each_reply_to_a_start_has_its_return_code() {
    for reply in EVERYTHING {
        for wanted in WANTS {
            let mut handle = ScriptedHandle::new(None, &answers(wanted));
            let mut verifier = ScriptedVerifier::starts(&[wanted], &[reply]);
            let (_, code) = both(&mut handle, &mut verifier, "", FIRST);
            let expected = match reply {
                InUse => Success,
                // Asked again, and what is typed then is no choice, or it is.
                NotStarted => continue,
                NotPermitted => ServiceErr,
                _ => AuthinfoUnavail,
            };
            assert_eq!(code, Some(expected), "{wanted:?} {reply:?}");
            assert_eq!(verifier.started.len(), 1, "sent once");
            assert_eq!(handle.delays.len(), usize::from(reply != InUse));
            let told_of_it = handle.told.iter().any(|text| text.contains("4711"));
            assert_eq!(told_of_it, reply == InUse);
        }
    }
}

#[test]
fn three_tries_and_each_asks_the_verifier_anew() {
    for (starts, expected, sent) in [
        (&[NotStarted] as &[Says], MaxTries, 3),
        (&[NotStarted, InUse], Success, 2),
        (&[NotStarted, NotStarted, InUse], Success, 3),
        (&[NotStarted, NotStarted, NotStarted, InUse], MaxTries, 3),
        (&[NotStarted, Late], AuthinfoUnavail, 2),
        (&[NotStarted, NotPermitted], ServiceErr, 2),
    ] {
        let typed: Vec<Does> = std::iter::repeat_n(answers(StartWanted), 3)
            .flatten()
            .collect();
        let mut handle = ScriptedHandle::new(None, &typed);
        let mut verifier = ScriptedVerifier::starts(&[StartWanted], starts);
        let codes = both(&mut handle, &mut verifier, "", FIRST);
        assert_eq!(codes, (Success, Some(expected)), "{starts:?}");
        assert_eq!(verifier.started.len(), sent);
        assert_eq!(verifier.asked(), 1 + sent, "the first pass and each try");
        let refused = handle.told.iter().filter(|text| *text == "Not accepted.");
        let expected = sent - usize::from(expected != MaxTries);
        assert_eq!(refused.count(), expected, "{starts:?}");
    }

    // Other characters are asked for after a try that was charged.
    let mut typed = answers(AllWanted);
    typed.extend([SERIAL, CODE, "27"].map(types));
    let mut handle = ScriptedHandle::new(None, &typed);
    let mut verifier =
        ScriptedVerifier::starts(&[AllWanted, AllWanted, GrantWanted], &[NotStarted, InUse]);
    let codes = both(&mut handle, &mut verifier, "", FIRST);
    assert_eq!(codes, (Success, Some(Success)));
    assert!(handle.questions()[2].contains("1 and 10"));
    assert!(handle.questions()[6].contains("2 and 7"));
}

/// Ctrl-C, end of input, nothing, too much, junk: at each prompt of each conversation.
#[test]
fn r27_conversation_that_breaks_off_anywhere_leaves_nothing_half_done() {
    let breaks = [
        Does::Null,
        Does::Fails,
        types(""),
        types("   "),
        types("\n"),
        types(DUMMY),
        types(&"1".repeat(129)),
        types(&"1".repeat(513)),
        types(&"1".repeat(65_536)),
    ];
    let mut runs = 0;
    for wanted in WANTS {
        let typed = answers(wanted);
        for at in 0..typed.len() {
            for broken in &breaks {
                for options in ["", "prompt_only", "echo", "lang=ja", "exchange debug"] {
                    let mut typed = typed.clone();
                    typed[at] = broken.clone();
                    let mut handle = ScriptedHandle::new(Some("the password"), &typed);
                    let mut verifier = ScriptedVerifier::starts(&[wanted], &[InUse]);
                    let codes = both(&mut handle, &mut verifier, options, FIRST);
                    let case = format!("{wanted:?} {at} {broken:?} {options}");
                    assert_eq!(codes, (Success, Some(AuthtokErr)), "{case}");
                    assert!(verifier.started.is_empty(), "{case}");
                    assert_eq!(handle.prompts.len(), at + 1, "ends at once: {case}");
                    assert_eq!(handle.delays.len(), 1, "{case}");
                    assert_eq!(handle.authtok.as_deref(), Some("the password"));
                    assert_eq!(handle.user, Ok(b"alice".to_vec()));
                    runs += 1;
                }
            }
        }
    }
    assert_eq!(runs, (3 + 4 + 3 + 3) * breaks.len() * 5);
}

#[test]
fn choice_is_asked_again_and_never_guessed() {
    for (typed, expected) in [
        (&["maybe", "yes"] as &[&str], Ok(true)),
        (&["maybe", "perhaps", "いいえ"], Ok(false)),
        (&["1", "2", "3", "yes"], Err(AuthtokErr)),
        (&["maybe", ""], Err(AuthtokErr)),
    ] {
        let words = [SERIAL, CODE].iter().chain(typed).map(|word| types(word));
        let mut handle = ScriptedHandle::new(None, &words.collect::<Vec<_>>());
        let mut verifier = ScriptedVerifier::starts(&[StartWanted], &[InUse]);
        let (_, code) = both(&mut handle, &mut verifier, "", FIRST);
        match expected {
            Ok(choice) => {
                assert_eq!(code, Some(Success));
                assert_eq!(verifier.started[0].code_required, Some(choice));
            }
            Err(expected) => {
                assert_eq!(code, Some(expected));
                assert!(verifier.started.is_empty());
            }
        }
    }
}

#[test]
fn receipt_is_a_question_where_messages_are_not_shown_and_its_answer_does_not_matter() {
    for last in [types(""), Does::Null, Does::Fails] {
        let mut typed = answers(StartWanted);
        typed.push(last);
        let mut handle = ScriptedHandle::new(None, &typed);
        let mut verifier = ScriptedVerifier::starts(&[StartWanted], &[InUse]);
        let codes = both(&mut handle, &mut verifier, "prompt_only", FIRST);
        assert_eq!(codes, (Success, Some(Success)));
        assert!(handle.told.is_empty());
        let (echo, text) = handle.prompts.last().expect("a question");
        assert_eq!(*echo, Echo::On);
        assert!(text.contains("4711") && text.ends_with("Press Enter: "));
    }
    // PAM_SILENT wants no text but the questions.
    let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
    let mut verifier = ScriptedVerifier::starts(&[StartWanted], &[InUse]);
    let silent = Flags {
        silent: true,
        ..FIRST
    };
    let codes = both(&mut handle, &mut verifier, "", silent);
    assert_eq!(codes, (Success, Some(Success)));
    assert!(handle.told.is_empty() && handle.prompts.len() == 3);
}

#[test]
fn wrong_options_and_hosts_without_a_name_are_never_ignored() {
    for options in ["nosuch", "lang=de", "digits=6", "exchange exchange"] {
        for expired in [true, false] {
            for first_pass in [true, false] {
                let flags = Flags {
                    first_pass,
                    expired,
                    silent: false,
                };
                let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
                handle.wanted = Some(false);
                let mut verifier = ScriptedVerifier::starts(&[Needed], &[InUse]);
                let code = pass(&mut handle, &mut verifier, options, flags);
                assert_eq!(code, ServiceErr, "{options} {flags:?}");
                assert_eq!(handle.delays.len(), 1);
                assert_eq!(verifier.asked(), 0);
            }
        }
    }
    for no in [NoAnswer::Conversation, NoAnswer::Nothing] {
        let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
        handle.user = Err(no);
        let mut verifier = ScriptedVerifier::starts(&[Needed], &[InUse]);
        assert_eq!(pass(&mut handle, &mut verifier, "", FIRST), AuthtokErr);
    }
    for user in [&b""[..], b"\xff", &[b'a'; 257]] {
        let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
        handle.user = Ok(user.to_vec());
        let mut verifier = ScriptedVerifier::starts(&[Needed], &[InUse]);
        assert_eq!(pass(&mut handle, &mut verifier, "", FIRST), AuthtokErr);
        assert_eq!(verifier.asked(), 0);
    }
    // libpam has no memory left.
    for ask in [Needed, StartWanted] {
        let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
        handle.room = false;
        let mut verifier = ScriptedVerifier::starts(&[ask], &[InUse]);
        assert_eq!(pass(&mut handle, &mut verifier, "", FIRST), ServiceErr);
    }
}

#[test]
fn each_call_has_its_share_of_three_seconds() {
    let mut handle = ScriptedHandle::new(None, &answers(StartWanted));
    let mut verifier = ScriptedVerifier::starts(&[StartWanted], &[InUse]);
    both(&mut handle, &mut verifier, "", FIRST);
    let [first, second, start] = verifier.deadlines[..] else {
        panic!("two questions, one start")
    };
    assert!(first <= ASK_LIMIT && second <= ASK_LIMIT && start <= LIMIT);
}

/// Every option × every reply to each request × every conversation × every kind of call.
#[test]
fn r27_token_is_in_use_after_success_and_nothing_was_wanted_after_ignore() {
    let optionses = [
        "",
        "lang=ja",
        "prompt_only",
        "exchange",
        "combined digits=8",
        "echo debug retry=3 fail_delay_ms=5",
        "use_first_pass",
        "nosuch",
    ];
    let conversations = [
        vec![types(SERIAL), types(CODE), types("yes")],
        vec![types("yes")],
        vec![types("")],
        vec![types(SERIAL), Does::Fails],
        vec![types(SERIAL), types(CODE), Does::Null],
    ];
    let mut runs = 0;
    for options in optionses {
        for first in EVERYTHING {
            for second in EVERYTHING {
                for start in EVERYTHING {
                    for does in &conversations {
                        for expired in [true, false] {
                            let flags = Flags {
                                expired,
                                silent: runs % 2 == 0,
                                ..FIRST
                            };
                            invariants(options, [first, second, start], does, flags);
                            runs += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(runs > 900_000, "{runs}");
}

fn invariants(options: &str, [first, second, start]: [Says; 3], does: &[Does], flags: Flags) {
    let mut handle = ScriptedHandle::new(Some("the password"), does);
    let mut verifier = ScriptedVerifier::starts(&[first, second], &[start]);
    let (one, two) = both(&mut handle, &mut verifier, options, flags);
    let case = || format!("{options} {first:?} {second:?} {start:?} {does:?} {flags:?}");
    // What it takes to have nothing to do.
    let nothing = match (flags.expired, options) {
        (_, "nosuch") => false,
        (true, _) => matches!(first, Needed | NotNeeded),
        (false, "exchange") => first == NothingWanted,
        (false, _) => true,
    };
    assert_eq!(one == Ignore, nothing, "{}", case());
    assert_eq!(two == Some(Ignore), one == Ignore, "{}", case());
    let in_use = verifier.last_start == Some(InUse);
    assert_eq!(two == Some(Success), in_use, "{}", case());
    let denied = !matches!(one, Success | Ignore) || !matches!(two, Some(Success | Ignore));
    assert_eq!(handle.delays.len(), usize::from(denied), "{}", case());
    assert!(handle.prompts.len() <= 19 && verifier.started.len() <= 3);
    assert_eq!(handle.authtok.as_deref(), Some("the password"));
    if flags.silent || options == "prompt_only" {
        assert!(handle.told.is_empty(), "{}", case());
    }
    assert!(!handle.log_text().contains(CODE), "{}", case());
}
