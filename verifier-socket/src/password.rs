//! What `sekisho-radiusd` asks `sekisho-passwordd`: is this the password of this account?
//!
//! One connection is one check. The question is a length (2 octets, big endian, the octets that
//! follow), one octet version, and three fields: account, password, and where the user is. Each
//! field is a length (2 octets) and so many octets. The answer is one octet; a connection that ends
//! without one has not answered.

use zeroize::Zeroizing;

/// The only version there is.
const VERSION: u8 = 1;
/// The octets of a length.
const LENGTH: usize = 2;
/// The longest account name.
pub const ACCOUNT_OCTETS_MAX: usize = 253;
/// The longest password: what fits into RADIUS (RFC 2865 section 5.2).
pub const PASSWORD_OCTETS_MAX: usize = 128;
/// The longest text about where the user is.
pub const REMOTE_OCTETS_MAX: usize = 253;
/// The longest question, its length included.
pub const QUESTION_OCTETS_MAX: usize =
    4 * LENGTH + 1 + ACCOUNT_OCTETS_MAX + PASSWORD_OCTETS_MAX + REMOTE_OCTETS_MAX;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It is this account's password, and the account may log in.
    Right,
    /// It is not, or the account may not log in.
    Wrong,
    /// Nothing is known.
    Unavailable,
}

impl Judged {
    /// The octet that says it.
    pub const fn octet(self) -> u8 {
        match self {
            Self::Right => b'R',
            Self::Wrong => b'W',
            Self::Unavailable => b'U',
        }
    }

    /// What an octet says: what is not known to mean something means that nothing is known.
    pub const fn from_octet(octet: u8) -> Self {
        match octet {
            b'R' => Self::Right,
            b'W' => Self::Wrong,
            _ => Self::Unavailable,
        }
    }
}

/// One question, borrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Question<'q> {
    /// The account name as typed.
    pub account: &'q str,
    /// The password as typed. Never empty: an empty one is wrong without asking.
    pub password: &'q [u8],
    /// Where the user is, as the gateway tells; empty if it does not.
    pub remote: &'q str,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut written = f.debug_struct("Question");
        written.field("account", &self.account);
        written.finish_non_exhaustive()
    }
}

impl<'q> Question<'q> {
    /// The octets to send; `None` if a field is longer than it may be, or holds what a C string or
    /// a log line can not.
    pub fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        if !self.is_askable() {
            return None;
        }
        // With this room it never moves, and so leaves no copy behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(QUESTION_OCTETS_MAX));
        octets.extend([0; LENGTH]);
        octets.push(VERSION);
        for field in [
            self.account.as_bytes(),
            self.password,
            self.remote.as_bytes(),
        ] {
            octets.extend(length_octets(field.len())?);
            octets.extend_from_slice(field);
        }
        let length = length_octets(octets.len() - LENGTH)?;
        octets[..LENGTH].copy_from_slice(&length);
        Some(octets)
    }

    /// Reads what [`Question::encode`] wrote, behind the first length.
    pub fn decode(octets: &'q [u8]) -> Option<Self> {
        let (&version, mut rest) = octets.split_first()?;
        let account = text(take(&mut rest)?)?;
        let password = take(&mut rest)?;
        let remote = text(take(&mut rest)?)?;
        let question = Self {
            account,
            password,
            remote,
        };
        (version == VERSION && rest.is_empty() && question.is_askable()).then_some(question)
    }

    /// How many octets follow the first length; `None` if nobody may send so many.
    pub fn length(octets: [u8; 2]) -> Option<usize> {
        let length = usize::from(u16::from_be_bytes(octets));
        (length <= QUESTION_OCTETS_MAX - LENGTH).then_some(length)
    }

    /// PAM modules make paths of user names (a tally for each, a home folder), and options of what
    /// scripts are called with.
    fn is_askable(&self) -> bool {
        let text = |text: &str, max| text.len() <= max && !text.chars().any(char::is_control);
        let is_name = !self.account.is_empty()
            && !self.account.starts_with(['-', '.'])
            && !self.account.contains('/');
        is_name
            && text(self.account, ACCOUNT_OCTETS_MAX)
            && text(self.remote, REMOTE_OCTETS_MAX)
            && !self.password.is_empty()
            && self.password.len() <= PASSWORD_OCTETS_MAX
            && !self.password.contains(&0)
    }
}

fn length_octets(length: usize) -> Option<[u8; LENGTH]> {
    Some(u16::try_from(length).ok()?.to_be_bytes())
}

fn take<'q>(rest: &mut &'q [u8]) -> Option<&'q [u8]> {
    let (length, behind) = rest.split_first_chunk::<LENGTH>()?;
    let (field, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
    *rest = behind;
    Some(field)
}

fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question<'q>(account: &'q str, password: &'q [u8]) -> Question<'q> {
        Question {
            account,
            password,
            remote: "192.0.2.7",
        }
    }

    #[test]
    fn question_arrives_as_it_was_asked() {
        let longest = "a".repeat(ACCOUNT_OCTETS_MAX);
        let password = [b'p'; PASSWORD_OCTETS_MAX];
        for question in [
            question("hana", b"correct horse"),
            question(r"CORP\hana", "pässwörd".as_bytes()),
            question("hana", &[0xff, 0xfe]),
            Question {
                account: &longest,
                password: &password,
                remote: &longest,
            },
        ] {
            let octets = question.encode().unwrap();
            let (length, rest) = octets.split_first_chunk().unwrap();
            assert_eq!(Question::length(*length), Some(rest.len()));
            assert_eq!(Question::decode(rest), Some(question));
            for cut in 0..rest.len() {
                assert_eq!(Question::decode(&rest[..cut]), None);
            }
            let longer = [rest, &[0]].concat();
            assert_eq!(Question::decode(&longer), None);
        }
        assert_eq!(Question::length([0xff, 0xff]), None);
    }

    #[test]
    fn r32_fields_can_not_be_moved_into_each_other() {
        let one = question("hana", b"xsecret").encode().unwrap();
        let other = question("hanax", b"secret").encode().unwrap();
        assert_ne!(*one, *other);
    }

    #[test]
    fn r34_names_that_are_paths_or_options_are_not_asked_about() {
        for account in [
            "",
            ".",
            "..",
            "../../etc/shadow",
            "a/b",
            "-c",
            "ha\0na",
            "ha\nna",
            ".profile",
        ] {
            assert!(question(account, b"secret").encode().is_none());
        }
    }

    #[test]
    fn r40_passwords_over_the_limit_are_not_asked_about() {
        let long = [b'p'; PASSWORD_OCTETS_MAX + 1];
        for password in [&b""[..], b"sec\0ret", &long] {
            assert!(question("hana", password).encode().is_none());
        }
        // Nor are they taken from somebody who sends them all the same.
        let mut octets = vec![VERSION, 0, 1, b'a', 0, 129];
        octets.extend(long);
        octets.extend([0, 0]);
        assert_eq!(Question::decode(&octets), None);
    }

    #[test]
    fn whatever_is_no_answer_says_that_nothing_is_known() {
        for octet in 0..=u8::MAX {
            let judged = Judged::from_octet(octet);
            assert!(judged.octet() == octet || judged == Judged::Unavailable);
        }
    }
}
