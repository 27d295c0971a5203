//! Names in a directory: templates that a typed name is put into, and the names of groups.

use ldap3::{dn_escape, ldap_escape, parse_filter};

use crate::first_factor::GROUP_OCTETS_MAX;

/// A DN or a filter with places for what was typed.
#[derive(Debug, Clone)]
pub(super) struct Template {
    parts: Vec<Part>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Account,
    Dn,
}

/// What a template makes, and so how names are escaped in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// RFC 4514.
    Dn,
    /// RFC 4515.
    Filter,
}

impl Template {
    /// The DN of a user: `uid={account},ou=people,dc=example`.
    pub(super) fn dn(text: &str) -> Result<Self, String> {
        let template = Self {
            parts: parts(text, &["account"])?,
            kind: Kind::Dn,
        };
        template.needs_account(text)
    }

    /// What finds a user: `(uid={account})`.
    pub(super) fn user_filter(text: &str) -> Result<Self, String> {
        Self::filter(text, &["account"])?.needs_account(text)
    }

    /// What finds the groups of a user: `(member={dn})`.
    pub(super) fn group_filter(text: &str) -> Result<Self, String> {
        let template = Self::filter(text, &["account", "dn"])?;
        let names = |part: &Part| !matches!(part, Part::Text(_));
        if template.parts.iter().any(names) {
            Ok(template)
        } else {
            Err(format!(
                "`{text}` names no user: write {{dn}} or {{account}}"
            ))
        }
    }

    fn filter(text: &str, known: &[&str]) -> Result<Self, String> {
        let template = Self {
            parts: parts(text, known)?,
            kind: Kind::Filter,
        };
        match parse_filter(template.fill("a", "cn=a")) {
            Ok(_) => Ok(template),
            Err(_) => Err(format!("`{text}` is no LDAP filter (RFC 4515)")),
        }
    }

    fn needs_account(self, text: &str) -> Result<Self, String> {
        if self.parts.iter().any(|part| matches!(part, Part::Account)) {
            Ok(self)
        } else {
            Err(format!("`{text}` names no user: write {{account}}"))
        }
    }

    /// With a name in its places, escaped so that it is a name and nothing else.
    pub(super) fn fill(&self, account: &str, dn: &str) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            let name = match part {
                Part::Text(text) => {
                    filled += text;
                    continue;
                }
                Part::Account => account,
                Part::Dn => dn,
            };
            filled += &match self.kind {
                Kind::Dn => dn_escape(name),
                Kind::Filter => ldap_escape(name),
            };
        }
        filled
    }
}

fn parts(text: &str, known: &[&str]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind
            .split_once('}')
            .ok_or_else(|| format!("`{text}` has a {{ without a }}"))?;
        if !known.contains(&name) {
            return Err(format!("`{text}` has an unknown place {{{name}}}"));
        }
        parts.push(Part::Text(before.to_owned()));
        parts.push(match name {
            "dn" => Part::Dn,
            _ => Part::Account,
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// The name of a group, of a value of `memberOf` or of the group's DN: the value of its first RDN.
/// A value that is no DN is the name itself.
pub(super) fn group(value: &str) -> Option<String> {
    let name = match value.split_once('=') {
        Some((_, rest)) => first_value(rest)?,
        None => value.to_owned(),
    };
    let usable =
        !name.is_empty() && name.len() <= GROUP_OCTETS_MAX && !name.chars().any(char::is_control);
    usable.then_some(name)
}

/// The value that begins here, without its escapes (RFC 4514 section 2.4). `None` for one in hex or
/// in quotes, which no server sends for a name.
fn first_value(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches(' ');
    if rest.starts_with(['#', '"']) {
        return None;
    }
    let mut value = Vec::new();
    // Up to here a blank counts: it was escaped, or something follows it.
    let mut kept = 0;
    let mut octets = rest.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b',' | b'+' | b';' => break,
            b'\\' => {
                value.push(unescaped(&mut octets)?);
                kept = value.len();
            }
            b' ' => value.push(octet),
            _ => {
                value.push(octet);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    String::from_utf8(value).ok()
}

/// Two hex digits, or a character that stands for itself.
fn unescaped(octets: &mut std::str::Bytes<'_>) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let first = octets.next()?;
    let Some(high) = digit(first) else {
        return Some(first);
    };
    let low = digit(octets.next()?)?;
    u8::try_from(high << 4 | low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_names_stay_names() {
        let dn = Template::dn("uid={account},ou=people,dc=example").unwrap();
        let filter = Template::user_filter("(&(objectClass=person)(uid={account}))").unwrap();
        for (account, in_dn, in_filter) in [
            ("hana", "hana", "hana"),
            ("*", "*", r"\2a"),
            ("*)(uid=*", r"*)(uid\3d*", r"\2a\29\28uid=\2a"),
            ("hana,ou=admins", r"hana\2cou\3dadmins", "hana,ou=admins"),
            ("a+b=c", r"a\2bb\3dc", "a+b=c"),
            (r"CORP\hana", r"CORP\5chana", r"CORP\5chana"),
            ("\0", r"\00", r"\00"),
            (" # ", r"\20#\20", " # "),
            ("#hana", r"\23hana", "#hana"),
            ("é;<>\"", r"é\3b\3c\3e\22", "é;<>\""),
            ("{dn}{account}", "{dn}{account}", "{dn}{account}"),
        ] {
            assert_eq!(
                dn.fill(account, ""),
                format!("uid={in_dn},ou=people,dc=example")
            );
            let filled = filter.fill(account, "");
            assert_eq!(filled, format!("(&(objectClass=person)(uid={in_filter}))"));
            assert!(parse_filter(filled).is_ok());
        }
        let groups = Template::group_filter("(|(member={dn})(memberUid={account}))").unwrap();
        assert_eq!(
            groups.fill("ha*na", r"cn=a\2cb,dc=example"),
            r"(|(member=cn=a\5c2cb,dc=example)(memberUid=ha\2ana))"
        );
    }

    #[test]
    fn templates_that_find_everybody_or_nobody_are_refused() {
        for text in ["ou=people", "uid={acount}", "uid={account", "uid={dn}", ""] {
            assert!(Template::dn(text).is_err(), "{text}");
        }
        for text in [
            "(uid=*)",
            "(uid={account}",
            "uid={account})(x=*",
            "",
            "(uid={dn})",
        ] {
            assert!(Template::user_filter(text).is_err(), "{text}");
        }
        assert!(Template::group_filter("(cn=vpn)").is_err());
        // By the matching rule of Active Directory, through nested groups.
        let nested = "(member:1.2.840.113556.1.4.1941:={dn})";
        assert!(Template::group_filter(nested).is_ok());
    }

    #[test]
    fn groups_are_called_by_their_first_rdn() {
        for (value, name) in [
            (
                "CN=VPN Users,OU=Groups,DC=corp,DC=example",
                Some("VPN Users"),
            ),
            ("cn=vpn", Some("vpn")),
            ("vpn", Some("vpn")),
            (r"CN=Smith\, Inc.,OU=Groups", Some("Smith, Inc.")),
            (r"CN=R\2bD,OU=Groups", Some("R+D")),
            (r"CN=caf\C3\A9,OU=Groups", Some("café")),
            (r"CN=\20end\20 ,OU=Groups", Some(" end ")),
            ("cn = vpn , ou = groups", Some("vpn")),
            ("cn=a+ou=b,dc=example", Some("a")),
            ("cn=a=b,dc=example", Some("a=b")),
            ("cn=#04024869,dc=example", None),
            (r"cn=\ff,dc=example", None),
            (r"cn=a\0ab,dc=example", None),
            (r"cn=a\", None),
            ("cn=,dc=example", None),
            ("", None),
        ] {
            assert_eq!(group(value).as_deref(), name, "{value}");
        }
        assert_eq!(group(&"g".repeat(GROUP_OCTETS_MAX + 1)), None);
    }
}
