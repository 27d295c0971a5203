//! A wall clock that somebody sets while the verifier runs.

use sekisho_tests::{Door, Installation, Token, Verdict};

const SERIAL: &str = "SKTS00000001";
const HOUR: i64 = 3_600;

fn hana() -> Token {
    Token::new("hana", SERIAL)
}

#[track_caller]
fn is_refused(made: &Installation, token: &Token) {
    for door in Door::BOTH {
        let code = made.code(token, 0);
        assert_eq!(made.login(door, "hana", &code), Verdict::Reject, "{door:?}");
    }
}

#[track_caller]
fn works(made: &Installation, token: &Token) {
    made.clock().advance(90);
    let code = made.code(token, 0);
    assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Accept);
}

fn warnings(made: &Installation) -> String {
    made.json(&["status"])["warnings"].to_string()
}

#[test]
fn step_gives_no_accepts_until_it_is_taken_back_and_leaves_no_lock_out() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    works(&made, &hana);
    assert!(
        !warnings(&made).contains("clock"),
        "time that passes is no step"
    );
    made.clock().step(HOUR);
    is_refused(&made, &hana);
    assert!(
        warnings(&made).contains("forward by 3600 s"),
        "{}",
        warnings(&made)
    );
    assert!(made.count("clock-stepped") > 0);
    let explained = made.json(&["explain", "hana"]).to_string();
    assert!(explained.contains("clock"), "{explained}");
    // Nothing of the wrong hour is left when it is over.
    made.clock().step(-HOUR);
    works(&made, &hana);
    assert!(!warnings(&made).contains("clock"), "{}", warnings(&made));
}

#[test]
fn admin_can_trust_a_clock_that_was_set_right() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    works(&made, &hana);
    made.clock().step(HOUR);
    is_refused(&made, &hana);
    made.json(&[
        "clock",
        "trust",
        "--note",
        "the clock had been an hour behind",
    ]);
    works(&made, &hana);
    let again = made.sekisho(&["clock", "trust"]);
    assert_eq!(again.status.code(), Some(4), "{again}");
}

/// No time service says anything here.
#[test]
fn step_that_nobody_takes_back_is_believed_after_ten_minutes() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    works(&made, &hana);
    made.clock().step(HOUR);
    is_refused(&made, &hana);
    assert!(
        warnings(&made).contains("trusted in 600 s"),
        "{}",
        warnings(&made)
    );
    made.clock().advance(599);
    is_refused(&made, &hana);
    made.clock().advance(1);
    assert!(!warnings(&made).contains("clock"), "{}", warnings(&made));
    works(&made, &hana);
}

/// It is started while the clock is a day ahead, so nothing tells it that the clock is wrong.
#[test]
fn wrong_codes_under_a_wrong_clock_lock_nobody_out_when_it_is_right_and_it_is_restarted() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    works(&made, &hana);
    let right = made.clock().now();
    made.clock().step(24 * HOUR);
    made.restart_verifier();
    for door in Door::BOTH {
        let wrong = made.wrong_code(&hana, 0);
        assert_eq!(
            made.login(door, "hana", &wrong),
            Verdict::Reject,
            "{door:?}"
        );
        assert_eq!(made.login(door, "nobody", &wrong), Verdict::Reject);
    }
    made.clock().step(-24 * HOUR);
    made.restart_verifier();
    works(&made, &hana);
    assert_eq!(made.clock().now(), right + 90);
    assert!(!warnings(&made).contains("clock"), "{}", warnings(&made));
}

#[test]
fn small_correction_is_no_step() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    for seconds in [9, -9] {
        made.clock().step(seconds);
        works(&made, &hana);
    }
    assert_eq!(made.count("clock-stepped"), 0);
}
