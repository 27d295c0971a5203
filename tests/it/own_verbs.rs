//! What people do with their own accounts, by `sekisho self`: who they are is the kernel's word, and
//! their login password is judged first.

use sekisho_tests::installation::{Plan, ask};
use sekisho_tests::namespace::PASSWORD;
use sekisho_tests::{Door, Machine, Token, Verdict};
use sekisho_verifier_socket::admin::{
    Answer, Change, OwnVerb, OwnView, ReceiptView, Refusal, RefusalKind, Verb,
};
use sekisho_verifier_socket::{Secret, Wanted};

/// How many wrong passwords a user may give in a minute.
const PASSWORDS: usize = 5;

fn old() -> Token {
    Token::new("hana", "SKTS00000001")
}

/// A token in stock.
fn spare() -> Token {
    Token::new("", "SKTS00000002")
}

fn machine(tokens: &[&Token]) -> Machine {
    let machine = Machine::start(Plan::default());
    // An account is what an admin made; nobody makes one by having a login here.
    let words = ["account", "set", "hana", "--account-language", "en"];
    machine.made.json(&words);
    machine.made.import(tokens);
    machine
}

#[track_caller]
fn own(
    machine: &Machine,
    user: &str,
    password: Option<&str>,
    verb: OwnVerb,
) -> Result<Answer, Refusal> {
    let verb = Verb::Own {
        password: password.map(Secret::from),
        verb,
    };
    ask(&mut machine.connect_as(user), verb).expect("the verifier answers")
}

#[track_caller]
fn receipt(answer: Result<Answer, Refusal>) -> ReceiptView {
    match answer {
        Ok(Answer::Receipt(receipt)) => receipt,
        other => panic!("no receipt: {other:?}"),
    }
}

#[track_caller]
fn status(machine: &Machine, user: &str) -> OwnView {
    match own(machine, user, None, OwnVerb::Status) {
        Ok(Answer::Own(view)) => *view,
        other => panic!("no status: {other:?}"),
    }
}

#[track_caller]
fn wanted(machine: &Machine, user: &str) -> Option<Wanted> {
    match own(machine, user, Some(PASSWORD), OwnVerb::Wanted) {
        Ok(Answer::Wanted(wanted)) => wanted,
        other => panic!("not told: {other:?}"),
    }
}

fn start(machine: &Machine, exchange: bool, token: &Token, old_code: Option<&str>) -> OwnVerb {
    OwnVerb::Start {
        exchange,
        serial: token.serial.clone(),
        code: machine.made.code(token, 0).as_str().into(),
        old_code: old_code.map(Secret::from),
        characters: None,
        code_required: Some(true),
    }
}

#[track_caller]
fn gets_in(machine: &Machine, token: &Token, offset: i64) -> bool {
    let code = machine.made.code(token, offset);
    machine.made.login(Door::Pam, "hana", &code) == Verdict::Accept
}

#[test]
fn first_token_is_put_into_use_by_its_owner() {
    let spare = spare();
    let machine = machine(&[&spare]);
    let asked = wanted(&machine, "hana").expect("the first one is wanted");
    assert!(
        !asked.exchange && !asked.old_code && asked.positions.is_empty(),
        "{asked:?}"
    );
    let verb = start(&machine, false, &spare, None);
    for password in [None, Some("incorrect horse"), Some("")] {
        own(&machine, "hana", password, verb.clone()).expect_err("without the password");
    }
    let receipt = receipt(own(&machine, "hana", Some(PASSWORD), verb.clone()));
    assert_eq!(receipt.serial.as_deref(), Some(&*spare.serial));
    assert_eq!(receipt.account.as_deref(), Some("hana"));
    assert!(receipt.actor.starts_with("hana"), "{receipt:?}");
    assert_eq!(receipt.channel, "self");
    let shown = machine.made.json(&["receipt", "show", &receipt.number]);
    assert_eq!(shown["number"], receipt.number.as_str());
    let view = status(&machine, "hana");
    assert_eq!(view.tokens.len(), 1);
    assert!(view.account.code_required);
    assert!(!gets_in(&machine, &spare, 0), "its code is spent");
    assert!(gets_in(&machine, &spare, 1));
    // Once: a second first token would be a token that nobody proved anything for.
    let other = Token::new("", "SKTS00000003");
    machine.made.import(&[&other]);
    let again = start(&machine, false, &other, None);
    own(&machine, "hana", Some(PASSWORD), again).expect_err("there is one in use");
}

#[test]
fn exchange_takes_the_code_of_the_token_in_use() {
    let (old, spare) = (old(), spare());
    let machine = machine(&[&old, &spare]);
    let asked = wanted(&machine, "hana").expect("another one can take its place");
    assert!(asked.exchange && asked.old_code, "{asked:?}");
    let exchange = |code: Option<&str>| {
        let verb = start(&machine, true, &spare, code);
        own(&machine, "hana", Some(PASSWORD), verb)
    };
    exchange(None).expect_err("without it");
    exchange(Some(&machine.made.wrong_code(&old, 0))).expect_err("with a wrong one");
    let code = machine.made.code(&old, 0);
    let receipt = receipt(exchange(Some(&code)));
    assert_eq!(receipt.operation, "exchange");
    machine.made.clock().advance(90);
    assert!(!gets_in(&machine, &old, 0));
    assert!(gets_in(&machine, &spare, 0));
    let view = status(&machine, "hana");
    assert_eq!(view.tokens.len(), 1, "{view:?}");
}

#[test]
fn exchange_after_a_start_code_takes_no_old_code_and_is_offered_once() {
    let (old, spare) = (old(), spare());
    let machine = machine(&[&old, &spare]);
    machine.made.json(&["lost", &old.serial]);
    let without = start(&machine, true, &spare, None);
    own(&machine, "hana", Some(PASSWORD), without).expect_err("nothing proves it");
    let verb = Verb::StartCode {
        account: "hana".into(),
        note: None,
    };
    let Some(Ok(Answer::Codes(codes))) = ask(&mut machine.made.connect(), verb) else {
        panic!("no start code");
    };
    let code = String::from_utf8_lossy(codes.codes[0].expose()).into_owned();
    let verb = start(&machine, true, &spare, Some(&code));
    receipt(own(&machine, "hana", Some(PASSWORD), verb));
    machine.made.clock().advance(90);
    assert!(gets_in(&machine, &spare, 0));
    let third = Token::new("", "SKTS00000003");
    machine.made.import(&[&third]);
    let again = start(&machine, true, &third, Some(&code));
    own(&machine, "hana", Some(PASSWORD), again).expect_err("it was good once");
}

#[test]
fn choice_is_changed_with_a_code_and_each_change_has_a_receipt() {
    let old = old();
    let machine = machine(&[&old]);
    let choose = |code_required, code: &str| {
        let verb = OwnVerb::Choose {
            code_required,
            code: code.into(),
        };
        own(&machine, "hana", Some(PASSWORD), verb)
    };
    choose(false, &machine.made.wrong_code(&old, 0)).expect_err("a wrong code");
    assert!(status(&machine, "hana").account.code_required);
    machine.made.pam().service("sshd", "");
    let code = machine.made.code(&old, 0);
    let first = receipt(choose(false, &code));
    assert!(!status(&machine, "hana").account.code_required);
    choose(true, &code).expect_err("a code is good once");
    // sshd asks nothing then, and sudo does.
    machine.made.pam().service("sudo", "");
    for (service, prompts) in [("sshd", 0), ("sudo", 1)] {
        let report = &machine.made.pam().drive(&[], service, "hana", &["000000x"])[0];
        assert_eq!(report.prompts, prompts, "{service}");
    }
    let second = receipt(choose(true, &machine.made.code(&old, 1)));
    assert_ne!(first.number, second.number);
    let report = &machine.made.pam().drive(&[], "sshd", "hana", &["000000x"])[0];
    assert_eq!(report.prompts, 1);
    // By an admin too, with a receipt as well.
    machine
        .made
        .json(&["account", "set", "hana", "--code", "not-required"]);
    assert!(!status(&machine, "hana").account.code_required);
}

#[test]
fn stop_takes_a_code_and_lost_takes_none() {
    let old = old();
    let machine = machine(&[&old]);
    let stop = |code: &str| {
        let verb = OwnVerb::Stop {
            serial: old.serial.clone(),
            code: code.into(),
        };
        own(&machine, "hana", Some(PASSWORD), verb)
    };
    stop(&machine.made.wrong_code(&old, 0)).expect_err("a wrong code");
    assert!(gets_in(&machine, &old, 0), "still in use");
    receipt(stop(&machine.made.code(&old, 1)));
    machine.made.clock().advance(90);
    assert!(!gets_in(&machine, &old, 0));
    assert_eq!(
        machine.made.json(&["token", "show", &old.serial])["state"],
        "stopped"
    );

    let jiro = Token::new("jiro", "SKTS00000003");
    machine.made.import(&[&jiro]);
    let lost = OwnVerb::Lost {
        serial: jiro.serial.clone(),
    };
    own(&machine, "hana", Some(PASSWORD), lost.clone()).expect_err("of somebody else");
    own(&machine, "jiro", Some("incorrect horse"), lost.clone()).expect_err("a wrong password");
    receipt(own(&machine, "jiro", Some(PASSWORD), lost));
    assert_eq!(
        machine.made.json(&["token", "show", &jiro.serial])["state"],
        "lost"
    );
}

#[test]
fn everybody_sees_and_changes_their_own_account_only() {
    let (old, jiro) = (old(), Token::new("jiro", "SKTS00000003"));
    let machine = machine(&[&old, &jiro]);
    for (user, serial) in [("hana", &old.serial), ("jiro", &jiro.serial)] {
        let view = status(&machine, user);
        assert_eq!(view.account.name, user);
        let serials: Vec<_> = view.tokens.iter().map(|token| &token.serial).collect();
        assert_eq!(serials, [serial]);
    }
    // An admin's own account is the admin's, whoever else they may serve.
    let stop = OwnVerb::Stop {
        serial: old.serial.clone(),
        code: machine.made.code(&old, 0).as_str().into(),
    };
    own(&machine, "mori", Some(PASSWORD), stop).expect_err("of somebody else");
    // And an owner is no admin.
    let change = Verb::Change {
        change: Change::Stop,
        serial: old.serial.clone(),
        note: None,
        keep_sessions: false,
    };
    match ask(&mut machine.connect_as("hana"), change) {
        Some(Err(refusal)) => assert_eq!(refusal.kind, RefusalKind::NotPermitted),
        other => panic!("{other:?}"),
    }
    assert!(gets_in(&machine, &old, 0));
}

#[test]
fn wrong_passwords_are_bounded_and_charged_to_nobodys_codes() {
    let old = old();
    let machine = machine(&[&old]);
    let lost = || OwnVerb::Lost {
        serial: old.serial.clone(),
    };
    for _ in 0..PASSWORDS * 3 {
        own(&machine, "hana", Some("incorrect horse"), lost()).expect_err("a wrong password");
    }
    own(&machine, "hana", Some(PASSWORD), lost()).expect_err("too many before it");
    let view = status(&machine, "hana");
    assert_eq!(
        (view.account.wrong_codes, view.account.locked_until_ms),
        (0, None)
    );
    assert!(gets_in(&machine, &old, 0));
    // Nobody else pays for it.
    let jiro = Token::new("jiro", "SKTS00000003");
    machine.made.import(&[&jiro]);
    let verb = OwnVerb::Lost {
        serial: jiro.serial.clone(),
    };
    receipt(own(&machine, "jiro", Some(PASSWORD), verb));
}

#[test]
fn nothing_is_done_while_nobody_can_judge_the_password() {
    let old = old();
    let mut machine = machine(&[&old]);
    let daemon = machine.passwords().take().expect("it runs");
    daemon.freeze();
    let lost = || OwnVerb::Lost {
        serial: old.serial.clone(),
    };
    let refusal = own(&machine, "hana", Some(PASSWORD), lost()).expect_err("it is frozen");
    assert_eq!(refusal.kind, RefusalKind::Unavailable, "{refusal:?}");
    daemon.kill();
    let refusal = own(&machine, "hana", Some(PASSWORD), lost()).expect_err("it is gone");
    assert_eq!(refusal.kind, RefusalKind::Unavailable, "{refusal:?}");
    // What needs no password, and what an admin does, goes on.
    assert_eq!(status(&machine, "hana").tokens.len(), 1);
    machine.made.json(&["lost", &old.serial]);
}

#[test]
fn start_of_use_password_is_asked_for_in_places_that_asking_again_does_not_change() {
    let spare = spare();
    let machine = machine(&[&spare]);
    let verb = Verb::StartPassword {
        account: "hana".into(),
        remove: false,
        note: None,
    };
    let Some(Ok(Answer::Codes(codes))) = ask(&mut machine.made.connect(), verb) else {
        panic!("no start-of-use password");
    };
    let password = String::from_utf8_lossy(codes.codes[0].expose()).into_owned();
    let digits: Vec<char> = password.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits.len(), 10, "{password}");
    let positions = || wanted(&machine, "hana").expect("wanted").positions;
    let asked = positions();
    assert_eq!(asked.len(), 2);
    for _ in 0..5 {
        assert_eq!(
            positions(),
            asked,
            "asking is free, so it must change nothing"
        );
    }
    let characters = |positions: &[u8]| -> String {
        positions
            .iter()
            .map(|at| digits[usize::from(*at) - 1])
            .collect()
    };
    let begin = |characters: Option<&str>, offset: i64| {
        let verb = OwnVerb::Start {
            exchange: false,
            serial: spare.serial.clone(),
            code: machine.made.code(&spare, offset).as_str().into(),
            old_code: None,
            characters: characters.map(Secret::from),
            code_required: None,
        };
        own(&machine, "hana", Some(PASSWORD), verb)
    };
    let right = characters(&asked);
    let wrong: String = right
        .chars()
        .map(|digit| char::from_digit((digit.to_digit(10).unwrap_or(0) + 1) % 10, 10))
        .map(|digit| digit.expect("a digit"))
        .collect();
    begin(None, 0).expect_err("without");
    begin(Some(&wrong), 0).expect_err("wrong ones");
    begin(Some(""), 0).expect_err("empty");
    begin(Some(&password), 0).expect_err("all of them");
    let view = status(&machine, "hana");
    assert!(
        view.account.wrong_codes > 0,
        "each try was charged: {view:?}"
    );
    machine.made.json(&["unlock", "hana"]);
    let asked = positions();
    receipt(begin(Some(&characters(&asked)), 1));
    let asked = wanted(&machine, "hana").expect("an exchange");
    assert!(asked.positions.is_empty(), "{asked:?}");
}
