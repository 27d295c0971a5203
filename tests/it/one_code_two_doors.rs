//! The main promise: a code is good once, whichever door it comes through.

use sekisho_tests::{Door, Installation, Token, Verdict};

#[test]
fn a_code_spent_at_one_door_is_refused_at_both() {
    for door in Door::BOTH {
        let hana = Token::new("hana", "SKTS00000001");
        let made = Installation::with(&[&hana]);
        let code = made.code(&hana, 0);
        assert_eq!(made.login(door, "hana", &code), Verdict::Accept, "{door:?}");
        for again in [door.other(), door] {
            assert_eq!(made.login(again, "hana", &code), Verdict::Reject);
        }
        let next = made.code(&hana, 1);
        assert_eq!(made.login(door.other(), "hana", &next), Verdict::Accept);
    }
}
