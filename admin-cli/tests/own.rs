//! `sekisho self` on a terminal: what is asked, what is echoed, what is sent.

mod harness;

use harness::terminal::{Dialogue, dialogue};
use sekisho_verifier_socket::admin::{OwnVerb, Verb};

const PASSWORD: &str = "correct horse";
const CODE: &str = "493817";
const OLD_CODE: &str = "204612";

/// The verbs of one's own, with the passwords that they came with.
fn own(dialogue: &Dialogue) -> Vec<(Option<&[u8]>, &OwnVerb)> {
    let asked = dialogue.asked.iter();
    asked
        .map(|asked| match &asked.verb {
            Verb::Own { password, verb } => {
                (password.as_ref().map(|password| password.expose()), verb)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_start_of_use_asks_for_all_that_is_wanted_and_echoes_no_secret() {
    let played = dialogue(
        "--language en self start",
        &[
            ("Your login password: ", "correct horse\n"),
            ("Serial number of the token: ", "SKTS00000001\n"),
            ("(yes/no) [yes]: ", "no\n"),
            ("Digits 3 and 10 of your start-of-use password: ", "75\n"),
            ("Code that it shows now: ", "493817\n"),
        ],
        &[
            "wanted exchange=no positions=3;10",
            "receipt operation=start serial=SKTS00000001 account=hana",
        ],
    );
    assert_eq!(played.code, Some(0), "{}", played.screen);
    for secret in [PASSWORD, CODE, "75"] {
        assert!(!played.screen.contains(secret), "{}", played.screen);
    }
    for shown in ["K7QM-2WXA-R4TD", "SKTS00000001", "needs the next one"] {
        assert!(played.screen.contains(shown), "{}", played.screen);
    }
    let own = own(&played);
    let [
        (Some(first), OwnVerb::Wanted),
        (
            Some(second),
            OwnVerb::Start {
                exchange: false,
                serial,
                code,
                old_code: None,
                characters: Some(characters),
                code_required: Some(false),
            },
        ),
    ] = own[..]
    else {
        panic!("{own:?}");
    };
    assert_eq!((first, second), (PASSWORD.as_bytes(), PASSWORD.as_bytes()));
    assert_eq!(serial, "SKTS00000001");
    assert_eq!(code.expose(), CODE.as_bytes());
    assert_eq!(characters.expose(), b"75");
}

#[test]
fn an_exchange_asks_for_the_code_of_the_old_token_and_leaves_the_choice() {
    let played = dialogue(
        "--language en self exchange",
        &[
            ("Your login password: ", "correct horse\n"),
            ("Serial number of the new token: ", "SKTS00000002\n"),
            ("or your start code: ", "204612\n"),
            ("Code that the new token shows now: ", "493817\n"),
        ],
        &[
            "wanted exchange=yes old_code=yes",
            "receipt operation=exchange serial=SKTS00000001 new_serial=SKTS00000002",
        ],
    );
    assert_eq!(played.code, Some(0), "{}", played.screen);
    assert!(!played.screen.contains(OLD_CODE), "{}", played.screen);
    let own = own(&played);
    let Some((
        _,
        OwnVerb::Start {
            exchange: true,
            old_code: Some(old_code),
            code_required: None,
            ..
        },
    )) = own.last()
    else {
        panic!("{own:?}");
    };
    assert_eq!(old_code.expose(), OLD_CODE.as_bytes());
}

#[test]
fn the_only_token_in_use_need_not_be_typed_to_report_it_lost() {
    let played = dialogue(
        "--language en self lost",
        &[
            ("Serial number of the token [SKTS00000001]: ", "\n"),
            ("(yes/no) [no]: ", "yes\n"),
            ("Your login password: ", "correct horse\n"),
        ],
        &[
            "own name=hana | serial=SKTS00000001 state=active",
            "receipt operation=lost serial=SKTS00000001",
        ],
    );
    assert_eq!(played.code, Some(0), "{}", played.screen);
    let own = own(&played);
    let [(None, OwnVerb::Status), (Some(_), OwnVerb::Lost { serial })] = own[..] else {
        panic!("{own:?}");
    };
    assert_eq!(serial, "SKTS00000001");
}

#[test]
fn nothing_ends_without_a_yes() {
    for (answer, code) in [
        ("\n", 1),
        ("no\n", 1),
        ("N\n", 1),
        ("いいえ\n", 1),
        ("\u{4}", 1),
        ("ja\n", 2),
        ("yes please\n", 2),
        ("1\n", 2),
        ("yesyes\n", 2),
        ("いえ\n", 2),
    ] {
        let typed = [("(yes/no) [no]: ", answer)];
        let played = dialogue("--language en self stop S1", &typed, &[]);
        let asked = played.asked.len();
        let got = (played.code, asked);
        assert_eq!(got, (Some(code), 0), "{answer:?}: {}", played.screen);
    }
}

#[test]
fn a_dialogue_in_japanese_takes_a_japanese_yes() {
    let played = dialogue(
        "--language ja self lost SKTS00000001",
        &[
            ("（はい/いいえ）[いいえ]: ", "はい\n"),
            ("ログインパスワード: ", "correct horse\n"),
        ],
        &["receipt operation=lost serial=SKTS00000001"],
    );
    assert_eq!(played.code, Some(0), "{}", played.screen);
    assert!(played.screen.contains("受付番号"), "{}", played.screen);
    assert_eq!(own(&played).len(), 1);
}

#[test]
fn what_is_no_serial_is_not_sent() {
    let long = "S".repeat(300) + "\n";
    for (typed, code) in [("\n", 2), ("  \n", 2), (long.as_str(), 2), ("\u{4}", 1)] {
        let played = dialogue(
            "--language en self start",
            &[
                ("Your login password: ", "correct horse\n"),
                ("Serial number of the token: ", typed),
            ],
            &["wanted exchange=no"],
        );
        let got = (played.code, played.asked.len());
        assert_eq!(got, (Some(code), 1), "{typed:?}: {}", played.screen);
    }
}

/// The first of two people goes home: what waits goes on waiting.
#[test]
fn who_interrupts_the_waiting_for_a_second_person_takes_nothing_back() {
    let played = dialogue(
        "--language en policy apply",
        &[(
            "go on later with the same command and --approval 7F3-A9C\r\n",
            "\u{3}",
        )],
        &["waiting"],
    );
    assert_ne!(played.code, Some(0), "{}", played.screen);
    let told = played
        .asked
        .iter()
        .all(|asked| matches!(asked.verb, Verb::PolicyApply { .. } | Verb::ApprovalWait(_)));
    assert!(told, "{:?}", played.asked);
}
