//! What somebody typed, looked at before it is sent.
//!
//! Only what can not be a code in any case is held back here; every other judgement is the
//! verifier's. What is held back costs the account no guess, and gives the guesser none.

use sekisho_verifier_socket::Secret;

/// The longest answer that is looked at: `PAM_MAX_RESP_SIZE` of Linux-PAM.
pub const ANSWER_MAX: usize = 512;
/// The fewest and the most digits of a code.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 6..=8;
/// For unknown users, and for root where root may not log in, sshd replaces the answer by a
/// repeated junk string of the same length, which begins with this. The junk that replaces a short
/// answer is cut short, so one octet must do. Counted as a guess it would let anybody lock root.
const SSHD_DUMMY_START: u8 = b'\x08';

/// Why an answer is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing, or only blanks.
    Empty,
    /// Over [`ANSWER_MAX`].
    TooLong,
    /// sshd withheld what was typed.
    Withheld,
}

/// Checks whether the verifier shall see `answer`.
pub fn check(answer: &Secret) -> Result<(), Unfit> {
    let octets = answer.expose();
    if octets.len() > ANSWER_MAX {
        Err(Unfit::TooLong)
    } else if octets.first() == Some(&SSHD_DUMMY_START) {
        Err(Unfit::Withheld)
    } else if octets.iter().all(u8::is_ascii_whitespace) {
        Err(Unfit::Empty)
    } else {
        Ok(())
    }
}

/// Whether a first pass has the shape of a code.
///
/// `PAM_AUTHTOK` mostly is the login password. It is none of the verifier's business, and sent as
/// a code it would cost a guess at each login until the account is locked.
pub fn has_shape_of_code(answer: &Secret) -> bool {
    let octets = answer.expose();
    CODE_DIGITS.contains(&octets.len()) && octets.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_not_be_a_code_is_held_back() {
        let long = "1".repeat(ANSWER_MAX);
        let too_long = "1".repeat(ANSWER_MAX + 1);
        let cases: &[(&str, Result<(), Unfit>)] = &[
            ("123456", Ok(())),
            (" 123456", Ok(())),
            ("hunter2", Ok(())),
            ("0", Ok(())),
            (&long, Ok(())),
            (&too_long, Err(Unfit::TooLong)),
            ("", Err(Unfit::Empty)),
            ("   ", Err(Unfit::Empty)),
            ("\r\n", Err(Unfit::Empty)),
            ("\x08\n\r\x7fIN", Err(Unfit::Withheld)),
            ("\x08", Err(Unfit::Withheld)),
        ];
        for (answer, expected) in cases {
            assert_eq!(check(&Secret::from(*answer)), *expected, "{answer:?}");
        }
    }

    #[test]
    fn first_pass_has_the_shape_of_a_code_or_not() {
        for yes in ["123456", "0000000", "99999999"] {
            assert!(has_shape_of_code(&Secret::from(yes)), "{yes}");
        }
        for no in [
            "",
            "12345",
            "123456789",
            "12345a",
            "123 456",
            "123456\n",
            "１２",
        ] {
            assert!(!has_shape_of_code(&Secret::from(no)), "{no:?}");
        }
    }
}
