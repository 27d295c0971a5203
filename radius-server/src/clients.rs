//! The RADIUS clients: who may ask, found by the source address of a datagram alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use sekisho_radius_protocol::Secret;
use sekisho_radius_protocol::server::{self, MessageAuthenticatorRule};
use sekisho_settings as settings;

/// A client of the settings.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its name in the settings, for policy and audit.
    pub(crate) name: String,
    /// What the protocol demands of it.
    pub(crate) rules: Arc<server::Client>,
}

/// All clients. Never changed after the start, so that no thread needs a lock to read it.
#[derive(Debug, Default)]
pub(crate) struct Clients {
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
    pub(crate) fn new<'s>(clients: impl Iterator<Item = &'s settings::Client>) -> Self {
        let mut table = Self::default();
        for wanted in clients {
            let Some(client) = client(wanted) else {
                continue;
            };
            for prefix in &wanted.address {
                let network = Network::of_prefix(prefix);
                table.by_network.insert(network, Arc::clone(&client));
                table.lengths.push(network.length);
            }
        }
        table.lengths.sort_unstable_by(|a, b| b.cmp(a));
        table.lengths.dedup();
        table
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
fn client(wanted: &settings::Client) -> Option<Arc<Client>> {
    let mut rules = server::Client::new(
        wanted.name.as_str(),
        Secret::new(wanted.secret.expose()).ok()?,
    );
    rules.message_authenticator = match wanted.message_authenticator {
        settings::MessageAuthenticator::Require | settings::MessageAuthenticator::Auto => {
            MessageAuthenticatorRule::Require
        }
        settings::MessageAuthenticator::Off => MessageAuthenticatorRule::Off,
    };
    rules.limit_proxy_state = wanted.limit_proxy_state;
    rules.status_server = wanted.status_server;
    Some(Arc::new(Client {
        name: wanted.name.clone(),
        rules: Arc::new(rules),
    }))
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
        Clients::new(settings.radius.client.iter().map(|c| c.get_ref()))
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
