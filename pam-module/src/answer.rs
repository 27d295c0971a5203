//! What somebody typed, looked at before it is sent.
//!
//! Only what can not be a code in any case is held back here; every other judgement is the
//! verifier's. What is held back costs the account no guess, and gives the guesser none.

use sekisho_verifier_socket::Secret;

/// The longest answer that is looked at: `PAM_MAX_RESP_SIZE` of Linux-PAM.
pub const ANSWER_MAX: usize = 512;
/// The longest answer in the conversation about a token.
pub const SHORT_ANSWER_MAX: usize = 128;
/// Characters of a group of an emergency or start code.
const GROUP: usize = 4;
/// An emergency code as it is handed out, in three groups.
const EMERGENCY_CODE: usize = 3 * GROUP + 2;
/// A start code, in four.
const START_CODE: usize = 4 * GROUP + 3;
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
    /// Of password and code in one answer, one is missing.
    OnePart,
    /// Neither yes nor no, or no text at all.
    Unclear,
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

/// The password and the code behind it, out of one answer.
///
/// What ends neither in `digits` digits nor in an emergency or start code as it was handed out has no
/// code and is not sent: it would be a guess that nobody made. Neither part may be missing, or one
/// factor would be judged in the place of two.
pub fn split(answer: &Secret, digits: usize) -> Result<(Secret, Secret), Unfit> {
    check(answer)?;
    let octets = answer.expose();
    let behind = |length: usize, is_code: fn(&[u8]) -> bool| {
        let at = octets.len().checked_sub(length)?;
        (at > 0 && is_code(&octets[at..])).then_some(at)
    };
    let at = behind(digits, |code| code.iter().all(u8::is_ascii_digit))
        .or_else(|| behind(START_CODE, is_in_groups))
        .or_else(|| behind(EMERGENCY_CODE, is_in_groups))
        .ok_or(Unfit::OnePart)?;
    let (password, code) = octets.split_at(at);
    Ok((Secret::new(password.to_vec()), Secret::new(code.to_vec())))
}

/// Whether `octets` are groups of four letters and digits with a dash between, as spare codes are
/// handed out.
fn is_in_groups(octets: &[u8]) -> bool {
    let mut places = octets.iter().zip(1..);
    places.all(|(octet, place)| match place % (GROUP + 1) {
        0 => *octet == b'-',
        _ => octet.is_ascii_alphanumeric(),
    })
}

/// Checks an answer in the conversation about a token, as [`check`] does, but within fewer octets:
/// four of them share a frame.
pub fn check_short(answer: &Secret) -> Result<(), Unfit> {
    if answer.expose().len() > SHORT_ANSWER_MAX {
        return Err(Unfit::TooLong);
    }
    check(answer)
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
    fn r28_of_password_and_code_neither_may_be_missing() {
        let split = |answer: &str, digits| {
            split(&Secret::from(answer), digits).map(|(password, code)| {
                let text = |part: &Secret| String::from_utf8_lossy(part.expose()).into_owned();
                (text(&password), text(&code))
            })
        };
        let parts = |password: &str, code: &str| Ok((password.to_owned(), code.to_owned()));
        assert_eq!(split("hunter2271828", 6), parts("hunter2", "271828"));
        assert_eq!(split("hunter2271828", 8), Err(Unfit::OnePart));
        assert_eq!(split("pass12345678", 8), parts("pass", "12345678"));
        assert_eq!(split("あ271828", 6), parts("あ", "271828"));
        assert_eq!(
            split("hunter23T9M-n6pd-EEWK", 6),
            parts("hunter2", "3T9M-n6pd-EEWK")
        );
        assert_eq!(
            split("hunter23T9M-N6PD-EEWK-7777", 6),
            parts("hunter2", "3T9M-N6PD-EEWK-7777")
        );
        assert_eq!(split("3T9M-N6PD-EEWK", 6), Err(Unfit::OnePart));
        assert_eq!(split("hunter23T9M-N6PDEEWK", 6), Err(Unfit::OnePart));
        // A blank belongs to the password: it may end in one.
        assert_eq!(split("a b 271828", 6), parts("a b ", "271828"));
        for no in [
            "271828",
            "27182",
            "hunter2",
            "hunter2 27182x",
            "hunter2271828 ",
            "1",
        ] {
            assert_eq!(split(no, 6), Err(Unfit::OnePart), "{no:?}");
        }
        assert_eq!(split("", 6), Err(Unfit::Empty));
        assert_eq!(split("\x08\n\r\x7fIN271828", 6), Err(Unfit::Withheld));
        assert_eq!(split(&"1".repeat(ANSWER_MAX + 1), 6), Err(Unfit::TooLong));
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
