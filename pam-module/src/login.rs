//! Who logs in where, taken from the host once, with bounds.

use sekisho_verifier_socket::{Door, Place};

use crate::handle::{Handle, Item, NoAnswer};

/// The longest account name that is asked about.
pub const ACCOUNT_MAX: usize = 256;
/// The longest service name: a file's name.
pub const SERVICE_MAX: usize = 255;
/// The longest terminal or remote host that is passed on; what is over it is cut, since both are
/// read by people only.
pub const ITEM_MAX: usize = 255;
/// How much of a name goes into the log.
const SHOWN_MAX: usize = 64;

/// One login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// As typed; `None` if no account can be called so. Such a login is prompted like any other
    /// and then denied, so that nothing outside tells the two apart.
    pub account: Option<String>,
    /// Where.
    pub place: Place,
    /// The account name for the log.
    pub shown: String,
}

/// Why there is no login to speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLogin {
    /// The host has no account name.
    NoUser(NoAnswer),
    /// The host gave no usable service name. Without it no policy can be found.
    NoService,
}

impl Login {
    /// Takes what the host knows. Nothing is changed or made canonical: that is the verifier's,
    /// so that no two doors disagree about which account is meant.
    pub fn of(handle: &mut impl Handle) -> Result<Self, NoLogin> {
        let user = handle.user().map_err(NoLogin::NoUser)?;
        let name = handle
            .item(Item::Service)
            .filter(|name| !name.is_empty() && name.len() <= SERVICE_MAX)
            .and_then(|name| String::from_utf8(name).ok())
            .ok_or(NoLogin::NoService)?;
        let shown = shown(&user);
        let account = Some(user)
            .filter(|user| !user.is_empty() && user.len() <= ACCOUNT_MAX)
            .and_then(|user| String::from_utf8(user).ok());
        let place = Place {
            door: Door::Pam,
            name,
            terminal: handle.item(Item::Terminal).map(informative),
            remote: handle.item(Item::Remote).map(informative),
        };
        Ok(Self {
            account,
            place,
            shown,
        })
    }
}

fn informative(mut octets: Vec<u8>) -> String {
    octets.truncate(ITEM_MAX);
    String::from_utf8_lossy(&octets).into_owned()
}

/// A name for the log: quoted, ASCII, on one line, and cut.
///
/// A name of digits is not shown, for it may be a code that was typed at the wrong prompt; nor one in
/// three or four groups of four, as emergency and start codes are.
pub fn shown(octets: &[u8]) -> String {
    if octets.len() >= 6 && octets.iter().all(|o| o.is_ascii_digit() || *o == b' ') {
        return "(digits)".to_owned();
    }
    if looks_spare(octets) {
        return "(a code)".to_owned();
    }
    let cut = &octets[..octets.len().min(SHOWN_MAX)];
    let more = if cut.len() < octets.len() { "..." } else { "" };
    format!("\"{}\"{more}", cut.escape_ascii())
}

/// The characters of emergency and start codes: those of receipt numbers.
const SPARE_ALPHABET: &[u8] = b"34679ACDEFGHJKMNPQRTWXY";
/// How many of them an emergency code and a start code have.
const SPARE_CHARACTERS: [usize; 2] = [12, 16];

/// Whether it may be an emergency or a start code, in either case, with dashes and blanks as people
/// put them.
fn looks_spare(octets: &[u8]) -> bool {
    let mut characters = 0;
    for octet in octets.iter().filter(|octet| !b"- ".contains(octet)) {
        if !SPARE_ALPHABET.contains(&octet.to_ascii_uppercase()) {
            return false;
        }
        characters += 1;
    }
    SPARE_CHARACTERS.contains(&characters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_the_log_is_one_quoted_line() {
        let long = [b'a'; 65];
        let cases: &[(&[u8], &str)] = &[
            (b"alice", "\"alice\""),
            (b"", "\"\""),
            (b"a\nroot: accepted", "\"a\\nroot: accepted\""),
            (b"\"", "\"\\\"\""),
            (b"\xff\x1b[2J", "\"\\xff\\x1b[2J\""),
            (b"123456", "(digits)"),
            (b"123 456", "(digits)"),
            (b"3T9M-N6PD-EEWK", "(a code)"),
            (b"3t9mn6pdeewk7777", "(a code)"),
            (b"tanaka-hanako", "\"tanaka-hanako\""),
            (b"1234", "\"1234\""),
        ];
        for (name, expected) in cases {
            assert_eq!(shown(name), *expected);
        }
        assert!(shown(&long).ends_with("\"..."));
    }
}
