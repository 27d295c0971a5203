//! The RADIUS clients: who may ask, found by the source address of a datagram alone.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_radius_protocol::Secret;
use sekisho_radius_protocol::server::{
    self, MessageAuthenticatorRule, Method, Mode, Quirks, Texts,
};
use sekisho_settings as settings;
use sekisho_texts::say;
use sekisho_verifier_socket::Language;

use crate::Failure;
use crate::replies::{Replies, dictionary};

/// A client of the settings.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its place among all clients.
    pub(crate) number: usize,
    /// Its name in the settings, for policy and audit.
    pub(crate) name: String,
    /// What the protocol demands of it.
    pub(crate) rules: Arc<server::Client>,
    /// Who judges the password that comes before the code.
    pub(crate) first_factor: settings::FirstFactor,
    /// How long its rejects wait.
    pub(crate) reject_delay: Duration,
    pub(crate) requests_per_second: u64,
    /// What its accepts carry.
    pub(crate) replies: Replies,
    /// How its sessions are ended; nothing if they are not.
    pub(crate) disconnect: Option<Disconnect>,
}

/// How the sessions of a client are ended.
#[derive(Debug)]
pub(crate) struct Disconnect {
    /// Where to; without it, to the address that reported the session.
    address: Option<SocketAddr>,
    port: u16,
    /// For the secret.
    pub(crate) rules: Arc<server::Client>,
    /// Whether Message-Authenticator is sent.
    pub(crate) message_authenticator: bool,
}

impl Disconnect {
    /// Where a session is ended that `from` has reported.
    pub(crate) fn target(&self, from: IpAddr) -> SocketAddr {
        self.address
            .unwrap_or_else(|| SocketAddr::new(from, self.port))
    }

    /// True if it does not depend on who has reported the session.
    pub(crate) fn is_fixed(&self) -> bool {
        self.address.is_some()
    }
}

impl Client {
    /// True if a login without a judged password is none.
    pub(crate) fn demands_password(&self) -> bool {
        self.first_factor != settings::FirstFactor::None && self.rules.mode != Mode::Code
    }
}

/// All clients. Never changed after the start, so that no thread needs a lock to read it.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    all: Vec<Arc<Client>>,
    by_network: HashMap<Network, Arc<Client>>,
    /// The prefix lengths in use, as lengths of IPv6 prefixes, longest first.
    lengths: Vec<u8>,
}

/// The leading bits of an address, and how many of them count. IPv4 lives where IPv6 maps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network {
    bits: u128,
    length: u8,
}

const IPV4_OFFSET: u8 = 96;

impl Network {
    fn of(address: IpAddr, length: u8) -> Self {
        let bits = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        // A length of 0 would shift by all bits, which is not defined.
        let mask = u128::MAX
            .checked_shl(128 - u32::from(length))
            .unwrap_or_default();
        Self {
            bits: bits & mask,
            length,
        }
    }

    fn of_prefix(prefix: &settings::Prefix) -> Self {
        let offset = if prefix.address.is_ipv4() {
            IPV4_OFFSET
        } else {
            0
        };
        Self::of(prefix.address, prefix.length + offset)
    }
}

impl Clients {
    /// Takes the clients of the settings, which have been checked: names and prefixes are unique,
    /// and no secret is empty.
    ///
    /// What stands in its reply attributes is checked here, against the dictionary; `file` is the
    /// settings file, for errors.
    pub(crate) fn new(settings: &settings::Settings, file: &Path) -> Result<Self, Failure> {
        let mut table = Self::default();
        let radius = &settings.radius;
        let dictionary = dictionary(radius)?;
        for spanned in &radius.client {
            let wanted = spanned.get_ref();
            let replies = Replies::new(wanted, radius, &dictionary).map_err(|why| {
                let line = line_of(file, spanned.span().start);
                format!("{}:{line}: client {}: {why}", file.display(), wanted.name)
            })?;
            let Some(client) = client(table.all.len(), wanted, settings, replies) else {
                continue;
            };
            let client = Arc::new(client);
            for prefix in &wanted.address {
                let network = Network::of_prefix(prefix);
                table.by_network.insert(network, Arc::clone(&client));
                table.lengths.push(network.length);
            }
            table.all.push(client);
        }
        table.lengths.sort_unstable_by(|a, b| b.cmp(a));
        table.lengths.dedup();
        Ok(table)
    }

    /// All of them, by their numbers.
    pub(crate) fn all(&self) -> &[Arc<Client>] {
        &self.all
    }

    /// The client of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Client>> {
        self.all.iter().find(|client| client.name == name)
    }

    /// The client with the longest prefix that `address` lies in.
    pub(crate) fn find(&self, address: IpAddr) -> Option<&Arc<Client>> {
        let is_v4 = address.to_canonical().is_ipv4();
        self.lengths
            .iter()
            // `::/0` is about IPv6; IPv4 addresses lie in it only by the way we write them.
            .filter(|&&length| !is_v4 || length >= IPV4_OFFSET)
            .find_map(|&length| self.by_network.get(&Network::of(address, length)))
    }
}

/// An empty secret makes no client: whoever sends from its address is unknown.
fn client(
    number: usize,
    wanted: &settings::Client,
    settings: &settings::Settings,
    replies: Replies,
) -> Option<Client> {
    let radius = &settings.radius;
    let mut rules = rules(wanted, radius)?;
    rules.texts = texts(settings);
    let rules = Arc::new(rules);
    Some(Client {
        number,
        name: wanted.name.clone(),
        first_factor: wanted.first_factor,
        reject_delay: wanted
            .reject_delay()
            .unwrap_or_else(|| radius.reject_delay()),
        requests_per_second: wanted.requests_per_second.value(),
        replies,
        disconnect: disconnect(wanted, &rules),
        rules,
    })
}

fn rules(wanted: &settings::Client, radius: &settings::Radius) -> Option<server::Client> {
    let secret = Secret::new(wanted.secret.expose()).ok()?;
    let mut rules = server::Client::new(wanted.name.as_str(), secret);
    // Behind a network there may be several gateways, of which the first must not decide for all.
    rules.is_network = wanted.address.len() > 1 || wanted.address.iter().any(is_network);
    rules.message_authenticator = match wanted.message_authenticator {
        settings::MessageAuthenticator::Require => MessageAuthenticatorRule::Require,
        settings::MessageAuthenticator::Auto => MessageAuthenticatorRule::Auto,
        settings::MessageAuthenticator::Off => MessageAuthenticatorRule::Off,
    };
    rules.limit_proxy_state = wanted.limit_proxy_state;
    rules.status_server = wanted.status_server;
    rules.nas_identifiers = wanted.nas_identifier.clone();
    rules.methods = wanted.methods.iter().copied().map(method).collect();
    rules.mode = match wanted.mode {
        settings::Mode::Code => Mode::Code,
        settings::Mode::PasswordAndCode => Mode::PasswordAndCode {
            code_length: octet(wanted.code_length.value()),
            code_at_end: wanted.code_at == settings::CodeAt::End,
        },
        settings::Mode::Challenge => Mode::Challenge {
            rounds: octet(radius.challenge_rounds.value()),
        },
    };
    rules.first_factor = wanted.first_factor != settings::FirstFactor::None;
    let has = |quirk| wanted.quirks.contains(&quirk);
    rules.quirks = Quirks {
        omit_message_authenticator: has(settings::Quirk::OmitMessageAuthenticator),
        strip_realm: has(settings::Quirk::StripRealm),
        strip_domain: has(settings::Quirk::StripDomain),
    };
    rules.challenge_lifetime = radius.challenge_life();
    Some(rules)
}

/// In the language of the settings: a challenge tells nobody whose account there is, and so it is not
/// in the account's. What MS-CHAP says of a failure stays ASCII, which its clients can show.
fn texts(settings: &settings::Settings) -> Texts {
    let said = sekisho_texts::Texts::of(match settings.language.default {
        settings::Tongue::English => Language::English,
        settings::Tongue::Japanese => Language::Japanese,
    });
    let code = settings.radius.challenge_text.clone();
    Texts {
        code: code.unwrap_or_else(|| say!(said, "radius-code")),
        password: say!(said, "radius-password"),
        password_and_code: say!(said, "radius-password-and-code"),
        ..Texts::default()
    }
}

/// Where a client begins. The file was read a moment ago.
fn line_of(file: &Path, offset: usize) -> usize {
    let text = std::fs::read(file).unwrap_or_default();
    let before = text.iter().take(offset);
    1 + before.filter(|&&octet| octet == b'\n').count()
}

fn is_network(prefix: &settings::Prefix) -> bool {
    let whole = if prefix.address.is_ipv4() { 32 } else { 128 };
    prefix.length < whole
}

/// Bounds of the settings are below 2^8.
fn octet(bounded: u64) -> u8 {
    u8::try_from(bounded).unwrap_or(u8::MAX)
}

fn method(method: settings::Method) -> Method {
    match method {
        settings::Method::Pap => Method::Pap,
        settings::Method::Chap => Method::Chap,
        settings::Method::MsChapV2 => Method::MsChapV2,
        settings::Method::EapGtc => Method::EapGtc,
        settings::Method::EapMsChapV2 => Method::EapMsChapV2,
    }
}

fn disconnect(wanted: &settings::Client, rules: &Arc<server::Client>) -> Option<Disconnect> {
    let wished = &wanted.disconnect;
    if !wished.enabled {
        return None;
    }
    let secret = wished.secret.as_ref();
    let own = secret.and_then(|secret| Secret::new(secret.expose()).ok());
    Some(Disconnect {
        address: wished.address,
        port: u16::try_from(wished.port.value()).unwrap_or(u16::MAX),
        rules: match own {
            Some(secret) => Arc::new(server::Client::new(wanted.name.as_str(), secret)),
            None => Arc::clone(rules),
        },
        message_authenticator: !rules.quirks.omit_message_authenticator,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(addresses: &[(&str, &str)]) -> Clients {
        let mut text = String::new();
        for (name, address) in addresses {
            text += &format!(
                "[[radius.client]]\nname = \"{name}\"\naddress = [\"{address}\"]\n\
                 secret = \"a secret that is long enough\"\n"
            );
        }
        let settings = settings::Settings::parse("test".as_ref(), &text).unwrap();
        Clients::new(&settings, "test".as_ref()).unwrap()
    }

    #[test]
    fn challenges_are_in_the_language_of_the_settings() {
        let of = |text: &str| texts(&settings::Settings::parse("test".as_ref(), text).unwrap());
        let english = of("");
        assert_eq!(english.code, Texts::default().code);
        assert_eq!(english.password, Texts::default().password);
        assert_eq!(
            english.password_and_code,
            Texts::default().password_and_code
        );
        let japanese = of("[language]\ndefault = \"ja\"\n");
        assert_eq!(japanese.code, "ワンタイムパスワードを入力してください");
        let own = of("[language]\ndefault = \"ja\"\n[radius]\nchallenge-text = \"Code?\"\n");
        assert_eq!(own.code, "Code?");
        for text in [japanese.code, japanese.password, japanese.password_and_code] {
            assert!(text.len() <= Texts::OCTETS_MAX, "{text}");
        }
    }

    #[track_caller]
    fn check(clients: &Clients, address: &str, expected: Option<&str>) {
        let found = clients.find(address.parse().unwrap());
        assert_eq!(found.map(|client| client.name.as_str()), expected);
    }

    #[test]
    fn longest_prefix_wins_whatever_the_order() {
        let mut table = [
            ("site", "192.0.2.0/24"),
            ("gateway", "192.0.2.7"),
            ("all", "0.0.0.0/0"),
            ("half", "192.0.2.128/25"),
        ];
        for _ in 0..table.len() {
            table.rotate_left(1);
            let clients = clients(&table);
            check(&clients, "192.0.2.7", Some("gateway"));
            check(&clients, "192.0.2.8", Some("site"));
            check(&clients, "192.0.2.200", Some("half"));
            check(&clients, "198.51.100.1", Some("all"));
            check(&clients, "2001:db8::1", None);
        }
    }

    #[test]
    fn ipv6_and_mapped_addresses_are_found() {
        let clients = clients(&[
            ("net", "2001:db8::/32"),
            ("host", "2001:db8::1"),
            ("old", "192.0.2.0/24"),
        ]);
        check(&clients, "2001:db8::1", Some("host"));
        check(&clients, "2001:db8:ffff::1", Some("net"));
        check(&clients, "2001:db9::1", None);
        check(&clients, "::ffff:192.0.2.1", Some("old"));
    }

    #[test]
    fn ipv6_networks_hold_no_ipv4() {
        let clients = clients(&[("v6", "::/0")]);
        check(&clients, "2001:db8::1", Some("v6"));
        check(&clients, "192.0.2.1", None);
    }

    #[test]
    fn without_clients_nobody_is_known() {
        check(&clients(&[]), "127.0.0.1", None);
    }
}
