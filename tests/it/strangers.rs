//! Ways in that an attack on the product found, and that are closed.

use sekisho_tests::{Door, Installation, Token, Verdict};

const HEADER: &str = "account,serial,secret_hex\n";

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

/// A vendor's list that is sent again under other serials would make a code good twice, and a lost
/// token live on.
#[test]
fn seed_that_is_there_already_is_not_imported_under_another_serial() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let fresh = Token::new("taro", "SKTS00000002");
    let again = hana.csv_line().replace("SKTS00000001", "VEND00000001");
    for (text, told) in [
        (
            format!("{HEADER}{}{again}", fresh.csv_line()),
            "line 3: its seed is that of token SKTS00000001",
        ),
        (
            format!(
                "{HEADER}{}{}",
                fresh.csv_line(),
                fresh.csv_line().replace("SKTS", "VEND")
            ),
            "line 3: its seed is also on line 2",
        ),
    ] {
        let done = made.import_text(&text);
        assert_eq!(done.status.code(), Some(4), "{done}");
        assert!(done.stderr.contains(told), "{done}");
    }
    let tokens = made.json(&["token", "list"]);
    assert_eq!(
        tokens["tokens"].as_array().map(Vec::len),
        Some(1),
        "whole or not at all"
    );
    made.import(&[&fresh]);
}

/// Who types the code at the prompt for the name has a code that is still good.
#[test]
fn code_typed_as_a_name_is_written_nowhere() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    for door in Door::BOTH {
        assert_eq!(made.login(door, &code, "hana"), Verdict::Reject);
    }
    let mut written = made.verifier().log();
    written += &made.radius().log();
    for event in made.events() {
        written += &event.to_string();
    }
    assert!(!written.contains(&code), "{written}");
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
}
