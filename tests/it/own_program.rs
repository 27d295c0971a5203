//! `sekisho self` itself, from what a person types to what the store holds: first use, choice,
//! exchange, loss; and an exchange after a start code that the help of an admin printed.

use sekisho_tests::installation::Plan;
use sekisho_tests::namespace::PASSWORD;
use sekisho_tests::process::Finished;
use sekisho_tests::{Door, Machine, Token, Verdict};
use serde_json::Value;

/// What is typed, a line each.
fn lines(secrets: &[&str]) -> String {
    secrets.iter().map(|secret| format!("{secret}\n")).collect()
}

/// What Hana gets who types this.
fn typed(machine: &Machine, words: &[&str], secrets: &[&str]) -> Finished {
    let words = [&["--json", "self"] as &[&str], words].concat();
    machine.sekisho_as("hana", &words, &lines(secrets))
}

/// Hana at her terminal.
#[track_caller]
fn hana(machine: &Machine, words: &[&str], secrets: &[&str]) -> Value {
    let done = typed(machine, words, secrets).expect_success();
    serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done}"))
}

#[track_caller]
fn refused(machine: &Machine, words: &[&str], secrets: &[&str]) -> String {
    let done = typed(machine, words, secrets);
    for secret in secrets {
        assert!(!done.stderr.contains(secret), "{done}");
    }
    assert!(!done.stderr.is_empty() && done.stdout.is_empty(), "{done}");
    done.stderr
}

#[test]
fn a_life_of_tokens_in_the_owners_hands() {
    let (first, second) = (
        Token::new("", "SKTS00000001"),
        Token::new("", "SKTS00000002"),
    );
    let machine = Machine::start(Plan::default());
    machine.made.import(&[&first, &second]);
    let made = &machine.made;
    made.json(&["account", "set", "hana", "--code", "required"]);

    let start = ["start", "SKTS00000001", "--yes", "--stdin"];
    let code = made.code(&first, 0);
    refused(&machine, &start, &["incorrect horse", &code]);
    let receipt = hana(&machine, &start, &[PASSWORD, &code]);
    assert_eq!(
        (&receipt["operation"], &receipt["channel"]),
        (&"start".into(), &"self".into())
    );
    let again = refused(
        &machine,
        &["start", "SKTS00000002", "--yes", "--stdin"],
        &[PASSWORD],
    );
    assert!(again.contains("sekisho self exchange"), "{again}");

    let code = made.code(&first, 1);
    hana(
        &machine,
        &["choose", "not-required", "--stdin"],
        &[PASSWORD, &code],
    );
    hana(&machine, &["language", "ja", "--stdin"], &[PASSWORD]);
    let status = hana(&machine, &["status"], &[]);
    assert_eq!(status["account"]["code_required"], false);
    assert_eq!(status["account"]["language"], "ja");
    assert_eq!(status["tokens"][0]["serial"], "SKTS00000001");

    made.clock().advance(90);
    let code = made.code(&first, 0);
    hana(
        &machine,
        &["choose", "required", "--stdin"],
        &[PASSWORD, &code],
    );
    let (old, new) = (made.code(&first, 1), made.code(&second, 0));
    let exchange = ["exchange", "SKTS00000002", "--stdin"];
    let receipt = hana(&machine, &exchange, &[PASSWORD, &old, &new]);
    assert_eq!(receipt["operation"], "exchange");
    made.clock().advance(90);
    let login = |token| made.login(Door::Pam, "hana", &made.code(token, 0));
    assert_eq!(login(&first), Verdict::Reject);
    assert_eq!(login(&second), Verdict::Accept);

    let lost = ["lost", "SKTS00000002", "--yes", "--stdin"];
    assert_eq!(hana(&machine, &lost, &[PASSWORD])["operation"], "lost");
    let status = hana(&machine, &["status"], &[]);
    assert_eq!(status["tokens"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_start_code_that_was_printed_stands_for_the_lost_token() {
    let (old, new) = (
        Token::new("hana", "SKTS00000001"),
        Token::new("", "SKTS00000002"),
    );
    let machine = Machine::start(Plan::default());
    machine.made.import(&[&old, &new]);
    let made = &machine.made;
    made.json(&["lost", "SKTS00000001"]);
    let told = made
        .sekisho(&["account", "start-code", "hana"])
        .expect_success()
        .stdout;
    // As it is read out: in groups, and typed in small letters with blanks.
    let code = told
        .lines()
        .find_map(|line| line.strip_prefix("  "))
        .expect("the code on a line of its own");
    assert_eq!(
        code.split('-').map(str::len).collect::<Vec<_>>(),
        [4, 4, 4, 4],
        "{code}"
    );
    let typed = code.to_lowercase().replace('-', " ");
    let exchange = ["exchange", "SKTS00000002", "--stdin"];
    hana(
        &machine,
        &exchange,
        &[PASSWORD, &typed, &made.code(&new, 0)],
    );
    made.clock().advance(90);
    assert_eq!(
        made.login(Door::Pam, "hana", &made.code(&new, 0)),
        Verdict::Accept
    );
}
