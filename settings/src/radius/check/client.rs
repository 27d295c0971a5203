//! One gateway: what its settings ask for together.

use std::collections::{HashMap, HashSet};

use super::text::{is_group, is_reply_attribute, is_reply_text, template_fault};
use super::{Refused, must, repeated};
use crate::radius::{Client, FirstFactor, MessageAuthenticator, Method, Mode, Quirk};
use crate::{Code, Prefix, ReplyAttribute};

/// The longest name of a client.
const NAME_OCTETS_MAX: usize = 64;
/// The most NAS-Identifiers of a client.
const NAS_IDENTIFIERS_MAX: usize = 256;
/// The most attributes in its replies: more do not fit.
const REPLY_ATTRIBUTES_MAX: usize = 64;
/// The most group patterns of one attribute.
const PATTERNS_MAX: usize = 64;

impl Client {
    pub(super) fn check<'a>(
        &'a self,
        names: &mut HashSet<&'a str>,
        prefixes: &mut HashMap<Prefix, &'a str>,
    ) -> Result<(), Refused> {
        self.check_name(names)?;
        self.check_addresses(prefixes)?;
        self.check_mode()?;
        self.check_methods()?;
        self.check_identity()?;
        self.check_code()?;
        for reply in &self.reply {
            self.check_reply(reply)?;
        }
        let port = self.disconnect.address.map(|address| address.port());
        must(
            port != Some(0),
            format!(
                "client `{}` has a disconnect.address without a port",
                self.name
            ),
            "write it with its port, as 192.0.2.7:3799",
        )
    }

    /// A gateway that can not ask for the code in a round of its own has nothing to leave out.
    fn check_code(&self) -> Result<(), Refused> {
        must(
            self.code == Code::Always && self.rule.is_empty(),
            format!("client `{}` has a code or a rule", self.name),
            "leave both out: this version asks for a code at every login over RADIUS",
        )
    }

    fn check_name<'a>(&'a self, names: &mut HashSet<&'a str>) -> Result<(), Refused> {
        let name = self.name.as_str();
        let printable = name.bytes().all(|b| b.is_ascii_graphic());
        must(
            (1..=NAME_OCTETS_MAX).contains(&name.len()) && printable,
            "the client's name is not usable",
            "use 1 to 64 printable ASCII characters without blanks",
        )?;
        must(
            names.insert(name),
            format!("a second client is named `{name}`"),
            "give each client a name of its own",
        )
    }

    fn check_addresses<'a>(
        &'a self,
        prefixes: &mut HashMap<Prefix, &'a str>,
    ) -> Result<(), Refused> {
        let name = self.name.as_str();
        must(
            !self.address.is_empty(),
            format!("client `{name}` has no address"),
            "add `address = [\"192.0.2.7\"]` with what it sends from",
        )?;
        for prefix in &self.address {
            let other = prefixes.insert(*prefix, name);
            must(
                other != Some(name),
                format!("client `{name}` has {prefix} twice"),
                "name each address and network once",
            )?;
            if let Some(other) = other {
                return Err(Refused::new(
                    format!("{prefix} belongs to `{other}` and `{name}`"),
                    "give each address and network to one client",
                ));
            }
        }
        // The first packet decides for all, and in a network that may be a stranger's.
        let several = self.address.len() > 1 || self.address.iter().any(|p| !p.is_host());
        must(
            self.message_authenticator != MessageAuthenticator::Auto || !several,
            format!("client `{name}` is more than one host, and `auto` learns from one"),
            "set message-authenticator to \"require\" or \"off\", or make each host a client",
        )
    }

    fn check_mode(&self) -> Result<(), Refused> {
        let name = &self.name;
        match (self.mode, self.first_factor) {
            (Mode::PasswordAndCode, FirstFactor::None) => Err(Refused::new(
                format!("client `{name}` sends password and code, and nobody judges the password"),
                "set first-factor to \"stored\", \"pam\" or \"ldap\"; or mode to \"code\"",
            )),
            (Mode::Code, FirstFactor::Stored | FirstFactor::Pam | FirstFactor::Ldap) => {
                Err(Refused::new(
                    format!("client `{name}` has a first-factor, and sends nothing but the code"),
                    "set mode to \"password-and-code\" or \"challenge\"; or leave first-factor out",
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_methods(&self) -> Result<(), Refused> {
        let name = &self.name;
        must(
            !self.methods.is_empty(),
            format!("client `{name}` has no methods"),
            "name one, as \"pap\"; or leave methods out",
        )?;
        if let Some(method) = repeated(&self.methods) {
            return Err(Refused::new(
                format!("client `{name}` has the method {} twice", method.name()),
                "name each once",
            ));
        }
        let hashes = |method: &&Method| {
            matches!(
                method,
                Method::Chap | Method::MsChapV2 | Method::EapMsChapV2
            )
        };
        let hashed = self.methods.iter().find(hashes);
        if let Some(method) = hashed.filter(|_| self.mode != Mode::Code) {
            return Err(Refused::new(
                format!(
                    "client `{name}` has the method {}, which shows no password",
                    method.name()
                ),
                "it goes with mode = \"code\" only; take pap or eap-gtc for the other modes",
            ));
        }
        if let Some(quirk) = repeated(&self.quirks) {
            return Err(Refused::new(
                format!("client `{name}` has the quirk {} twice", quirk.name()),
                "name each once",
            ));
        }
        let eap = |method: &Method| matches!(method, Method::EapGtc | Method::EapMsChapV2);
        must(
            !self.quirks.contains(&Quirk::OmitMessageAuthenticator)
                || !self.methods.iter().any(eap),
            format!("client `{name}` is to get replies to EAP without a Message-Authenticator"),
            "RFC 3579 asks for one: leave out the quirk, or the EAP methods",
        )
    }

    fn check_identity(&self) -> Result<(), Refused> {
        let name = &self.name;
        let identifiers = &self.nas_identifier;
        must(
            identifiers.len() <= NAS_IDENTIFIERS_MAX
                && identifiers.iter().all(|text| is_reply_text(text)),
            format!("client `{name}` has a nas-identifier that is not usable"),
            format!("name at most {NAS_IDENTIFIERS_MAX}, each of 1 to 253 octets"),
        )?;
        must(
            repeated(&self.groups).is_none(),
            format!("client `{name}` takes groups from one source twice"),
            "name each once",
        )
    }

    fn check_reply(&self, reply: &ReplyAttribute) -> Result<(), Refused> {
        let name = &self.name;
        must(
            self.reply.len() <= REPLY_ATTRIBUTES_MAX,
            format!("client `{name}` has more than {REPLY_ATTRIBUTES_MAX} reply attributes"),
            "a packet does not hold so many: leave some out",
        )?;
        must(
            is_reply_attribute(&reply.attribute),
            format!("client `{name}` has a reply attribute with no name"),
            "name it as in the dictionary, or by numbers, as 26.12356.1",
        )?;
        if let Some(fault) = template_fault(&reply.value) {
            return Err(Refused::new(
                format!("client `{name}`: the value of {} {fault}", reply.attribute),
                "use text, {account}, {group} and {attribute:NAME}",
            ));
        }
        must(
            reply.groups.len() <= PATTERNS_MAX && reply.groups.iter().all(|text| is_group(text)),
            format!(
                "client `{name}`: the groups of {} are not usable",
                reply.attribute
            ),
            "use patterns as vpn-users or vpn*",
        )
    }
}
