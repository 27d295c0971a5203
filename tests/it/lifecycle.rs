//! What works and what is refused after each operation, at both doors.

use sekisho_tests::{Door, Installation, Token, Verdict};
use serde_json::Value;

const OLD: &str = "SKTS00000001";
const NEW: &str = "SKTS00000002";

fn hana() -> Token {
    Token::new("hana", OLD)
}

/// Nobody gets in with what `token` shows, at either door.
#[track_caller]
fn is_dead(made: &Installation, token: &Token) {
    for door in Door::BOTH {
        for offset in [-1, 0, 1] {
            let code = made.code(token, offset);
            assert_eq!(
                made.login(door, "hana", &code),
                Verdict::Reject,
                "{door:?} {offset}"
            );
        }
    }
}

/// `token` lets its owner in at both doors, with one code each.
#[track_caller]
fn works(made: &Installation, token: &Token) {
    made.clock().advance(90);
    for (door, offset) in Door::BOTH.into_iter().zip([0, 1]) {
        let code = made.code(token, offset);
        assert_eq!(made.login(door, "hana", &code), Verdict::Accept, "{door:?}");
    }
}

/// Takes a receipt back by its number, and returns it.
#[track_caller]
fn receipt(made: &Installation, words: &[&str], input: &str) -> Value {
    let mut given = made.json_with(words, input);
    let number = given["number"].as_str().expect("a receipt has a number");
    let shown = made.json(&["receipt", "show", number]);
    // What became of sessions is told once, and is no part of the receipt.
    if let Some(endings) = given.as_object_mut().and_then(|all| all.remove("endings")) {
        assert_eq!(endings, serde_json::json!([]));
    }
    assert_eq!(shown, given);
    assert_eq!(shown["operation"], words[0]);
    given
}

#[test]
fn lost_or_stopped_token_is_dead_at_once_and_for_good() {
    for operation in ["lost", "stop"] {
        let hana = hana();
        let mut made = Installation::with(&[&hana]);
        works(&made, &hana);
        made.clock().advance(90);
        let receipt = receipt(&made, &[operation, OLD, "--note", "left in a taxi"], "");
        assert_eq!(receipt["serial"], OLD);
        assert_eq!(receipt["account"], "hana");
        assert_eq!(receipt["note"], "left in a taxi");
        is_dead(&made, &hana);
        for undo in ["resume", "suspend", "stop", "lost"] {
            assert_eq!(made.sekisho(&[undo, OLD]).status.code(), Some(4), "{undo}");
        }
        made.crash_verifier();
        is_dead(&made, &hana);
        let code = made.code(&hana, 0);
        let again = made.sekisho_with(&["enroll", "hana", OLD, "--code-stdin"], &code);
        assert_eq!(again.status.code(), Some(4), "{again}");
    }
}

#[test]
fn suspended_token_is_refused_until_it_is_resumed() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    receipt(&made, &["suspend", OLD], "");
    is_dead(&made, &hana);
    made.restart_verifier();
    is_dead(&made, &hana);
    receipt(&made, &["resume", OLD], "");
    works(&made, &hana);
}

#[test]
fn code_that_was_spent_before_a_suspension_stays_spent() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
    receipt(&made, &["suspend", OLD], "");
    receipt(&made, &["resume", OLD], "");
    for door in Door::BOTH {
        assert_eq!(made.login(door, "hana", &code), Verdict::Reject);
    }
}

#[test]
fn exchange_ends_the_old_token_and_starts_the_new_one() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let issued = made.json(&["token", "issue", NEW]);
    let uri = issued["uri"].as_str().expect("a new token has a URI");
    let new = Token::from_uri("hana", NEW, uri);
    is_dead(&made, &new);
    // Copies of unknown codes were guesses.
    receipt(&made, &["unlock", "hana"], "");
    made.clock().advance(90);
    let exchange = ["exchange", OLD, NEW, "--code-stdin"];
    let wrong = made.sekisho_with(&exchange, &made.wrong_code(&new, 0));
    assert_eq!(wrong.status.code(), Some(5), "{wrong}");
    assert_eq!(
        made.login(Door::Pam, "hana", &made.code(&hana, 0)),
        Verdict::Accept
    );
    let proof = made.code(&new, 0);
    let receipt = receipt(&made, &exchange, &proof);
    assert_eq!(
        (&receipt["serial"], &receipt["new_serial"]),
        (&OLD.into(), &NEW.into())
    );
    is_dead(&made, &hana);
    receipt_of_unlock(&made);
    assert_eq!(
        made.login(Door::Radius, "hana", &proof),
        Verdict::Reject,
        "spent as proof"
    );
    works(&made, &new);
}

#[track_caller]
fn receipt_of_unlock(made: &Installation) {
    receipt(made, &["unlock", "hana"], "");
}

#[test]
fn enrolling_needs_serial_and_code_together_and_spends_the_code() {
    let made = Installation::with(&[]);
    let issued = made.json(&["token", "issue"]);
    let serial = issued["serial"].as_str().expect("a serial");
    let hana = Token::from_uri("hana", serial, issued["uri"].as_str().expect("a URI"));
    let other = made.json(&["token", "issue"]);
    let other = other["serial"].as_str().expect("a serial");
    let enroll = |serial: &str, code: &str| {
        let words = ["enroll", "hana", serial, "--code-stdin"];
        made.sekisho_with(&words, code).status.code()
    };
    let code = made.code(&hana, 0);
    assert_eq!(enroll(serial, &made.wrong_code(&hana, 0)), Some(5));
    assert_eq!(enroll(other, &code), Some(5));
    assert_eq!(enroll("SKTS99999999", &code), Some(3));
    assert_eq!(enroll(serial, &code), Some(0));
    assert_eq!(enroll(serial, &made.code(&hana, 1)), Some(4));
    for door in Door::BOTH {
        assert_eq!(made.login(door, "hana", &code), Verdict::Reject);
    }
    works(&made, &hana);
}

#[test]
fn unlock_ends_a_lock_and_gives_a_receipt() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut nas = made.nas();
    for n in 0..10 {
        assert_eq!(
            nas.login("hana", &made.wrong_code(&hana, n)),
            Verdict::Reject
        );
        made.clock().advance(70);
    }
    for (door, offset) in Door::BOTH.into_iter().zip([0, 1]) {
        let code = made.code(&hana, offset);
        assert_eq!(made.login(door, "hana", &code), Verdict::Reject, "locked");
    }
    assert_eq!(made.count("locked"), 2);
    let explained = made.json(&["explain", "hana"]);
    assert!(
        explained["findings"].to_string().contains("lock"),
        "{explained}"
    );
    receipt(&made, &["unlock", "hana"], "");
    works(&made, &hana);
}

#[test]
fn lock_ends_by_itself_after_half_an_hour() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut nas = made.nas();
    for n in 0..10 {
        nas.login("hana", &made.wrong_code(&hana, n));
        made.clock().advance(70);
    }
    made.clock().advance(30 * 60 - 70 - 10);
    assert_eq!(nas.login("hana", &made.code(&hana, 0)), Verdict::Reject);
    made.clock().advance(20);
    works(&made, &hana);
}

#[test]
fn hundred_failures_in_a_row_disable_the_token_until_it_is_enrolled_again() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut nas = made.nas();
    for n in 0..100 {
        nas.login("hana", &made.wrong_code(&hana, n));
        made.clock().advance(31 * 60);
    }
    assert_eq!(made.count("wrong-code"), 100);
    is_dead(&made, &hana);
    receipt(&made, &["unlock", "hana"], "");
    is_dead(&made, &hana);
    made.clock().advance(90);
    let code = made.code(&hana, 0);
    receipt(&made, &["enroll", "hana", OLD, "--code-stdin"], &code);
    works(&made, &hana);
}

#[test]
fn disabled_account_gets_no_accept_until_it_is_enabled() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    made.json(&["account", "set", "hana", "--disable"]);
    is_dead(&made, &hana);
    made.json(&["account", "set", "hana", "--enable"]);
    works(&made, &hana);
}

#[test]
fn receipt_numbers_rise_and_never_repeat() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let mut positions = Vec::new();
    let mut numbers = std::collections::HashSet::new();
    for _ in 0..5 {
        for operation in ["suspend", "resume"] {
            let receipt = receipt(&made, &[operation, OLD], "");
            positions.push(receipt["position"].as_u64().expect("a position"));
            assert!(numbers.insert(receipt["number"].to_string()));
        }
        made.crash_verifier();
    }
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
}

#[test]
fn every_decision_has_exactly_one_event() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let before = made.events().len();
    let code = made.code(&hana, 0);
    for _ in 0..3 {
        made.login(Door::Pam, "hana", &code);
        made.login(Door::Radius, "hana", &code);
    }
    receipt(&made, &["suspend", OLD], "");
    let events = made.events();
    assert_eq!(events.len(), before + 7);
    let positions: Vec<u64> = events
        .iter()
        .filter_map(|e| e["position"].as_u64())
        .collect();
    assert!(positions.is_sorted_by(|a, b| a + 1 == *b), "{positions:?}");
}
