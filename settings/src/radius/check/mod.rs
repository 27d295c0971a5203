//! The checks of `[radius]` that concern more than one key, or what a text may hold.

mod client;
mod ldap;
mod text;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{GroupSource, Radius};
use crate::{FirstFactor, Prefix};

use text::{is_attribute_name, is_group, is_reply_text};

/// The most files of attribute names.
const DICTIONARIES_MAX: usize = 32;
/// The longest name of a PAM service.
const SERVICE_OCTETS_MAX: usize = 64;

/// What is wrong, where it stands if that is known, and the way out.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) span: Option<Range<usize>>,
    pub(crate) message: String,
    pub(crate) way_out: String,
}

impl Refused {
    fn new(message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            span: None,
            message: message.into(),
            way_out: way_out.into(),
        }
    }
}

/// Fails with `message` and `way_out` unless something holds.
fn must(
    holds: bool,
    message: impl Into<String>,
    way_out: impl Into<String>,
) -> Result<(), Refused> {
    match holds {
        true => Ok(()),
        false => Err(Refused::new(message, way_out)),
    }
}

/// The first item that stands in a list twice.
fn repeated<T: std::hash::Hash + Eq>(items: &[T]) -> Option<&T> {
    let mut seen = HashSet::new();
    items.iter().find(|item| !seen.insert(*item))
}

impl Radius {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        self.check_sockets()?;
        self.check_texts()?;
        self.pam.check()?;
        if let Some(ldap) = &self.ldap {
            ldap.check()?;
        }
        let mut names = HashSet::new();
        let mut prefixes: HashMap<Prefix, &str> = HashMap::new();
        for spanned in &self.client {
            let client = spanned.get_ref();
            let checked = client
                .check(&mut names, &mut prefixes)
                .and_then(|()| self.check_directory(client));
            checked.map_err(|refused| Refused {
                span: Some(spanned.span()),
                ..refused
            })?;
        }
        Ok(())
    }

    fn check_sockets(&self) -> Result<(), Refused> {
        // Port 0 takes any free one.
        let mut both = self.listen.iter().filter(|address| address.port() != 0);
        match both.find(|address| self.accounting_listen.contains(address)) {
            None => Ok(()),
            Some(address) => Err(Refused::new(
                format!("radius.listen and radius.accounting-listen both have {address}"),
                "give accounting a port of its own; 1813 is usual",
            )),
        }
    }

    fn check_texts(&self) -> Result<(), Refused> {
        must(
            self.challenge_text.as_deref().is_none_or(is_reply_text),
            "radius.challenge-text is no text for a reply",
            "use 1 to 253 octets without control characters",
        )?;
        let files = &self.dictionary;
        must(
            files.len() <= DICTIONARIES_MAX && files.iter().all(|file| file.is_absolute()),
            "radius.dictionary is not usable",
            format!("name at most {DICTIONARIES_MAX} files, each with its path from / on"),
        )?;
        for (group, attributes) in &self.group {
            must(
                is_group(group),
                "[radius.group] has a name that no group has",
                "use 1 to 253 octets without control characters",
            )?;
            for (name, value) in attributes {
                must(
                    is_attribute_name(name) && is_reply_text(value),
                    format!("an attribute of [radius.group.{group:?}] is not usable"),
                    "name it by 1 to 32 lower-case letters, digits and -; give it 1 to 253 octets",
                )?;
            }
        }
        Ok(())
    }

    /// What a client wants of the directory can be had.
    fn check_directory(&self, client: &super::Client) -> Result<(), Refused> {
        let name = &client.name;
        let wants_groups = client.groups.contains(&GroupSource::Ldap);
        if client.first_factor != FirstFactor::Ldap && !wants_groups {
            return Ok(());
        }
        let Some(ldap) = &self.ldap else {
            return Err(Refused::new(
                format!("client `{name}` needs a directory, and there is no [radius.ldap]"),
                "say in [radius.ldap] which servers to ask",
            ));
        };
        // Groups are asked for after the code, when nobody has the user's password any more.
        must(
            !wants_groups || ldap.bind_dn.is_some(),
            format!("client `{name}` wants groups from the directory, and nobody can look them up"),
            "give [radius.ldap] a bind-dn and a bind-password",
        )
    }
}

impl super::PasswordDaemon {
    fn check(&self) -> Result<(), Refused> {
        must(
            self.socket.is_absolute(),
            "radius.pam.socket is not an absolute path",
            "write the path from / on",
        )?;
        // It becomes the name of a file in /etc/pam.d.
        let service = self.service.as_bytes();
        let fits = (1..=SERVICE_OCTETS_MAX).contains(&service.len())
            && service
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b))
            && service[0] != b'.';
        must(
            fits,
            "radius.pam.service is no name of a PAM service",
            "use 1 to 64 letters, digits, -, _ and ., as sekisho-password",
        )
    }
}
