//! The directory: nothing in it may send a password in clear, or ask for nobody.

use std::net::IpAddr;

use super::{Refused, must};
use crate::radius::Ldap;

/// The most servers.
const SERVERS_MAX: usize = 8;
/// The longest text of any kind.
const TEXT_OCTETS_MAX: usize = 1_024;

const ACCOUNT: &str = "{account}";
const DN: &str = "{dn}";

impl Ldap {
    pub(super) fn check(&self) -> Result<(), Refused> {
        self.check_servers()?;
        self.check_users()?;
        self.check_groups()?;
        let ca_file = self.ca_file.as_ref();
        must(
            ca_file.is_none_or(|file| file.is_absolute()),
            "radius.ldap.ca-file is not an absolute path",
            "write the path from / on",
        )?;
        must(
            self.timeout_ms.value() <= self.total_ms.value(),
            "radius.ldap.timeout-ms is more than total-ms",
            "one server can not take longer than all of them together",
        )
    }

    fn check_servers(&self) -> Result<(), Refused> {
        must(
            (1..=SERVERS_MAX).contains(&self.servers.len()),
            format!("radius.ldap.servers has not 1 to {SERVERS_MAX} servers"),
            "name them in the order in which to ask, as \"ldaps://dc1.example\"",
        )?;
        for server in &self.servers {
            let known = ["ldaps://", "ldap://", "ldapi://"];
            let rest = known.iter().find_map(|scheme| server.strip_prefix(scheme));
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
            must(
                rest.is_some_and(plain) && server.len() <= TEXT_OCTETS_MAX,
                "radius.ldap.servers holds something that is no server",
                "write it as ldaps://dc1.example, ldap://dc1.example:389 or ldapi://%2frun%2fldapi",
            )?;
            must(
                self.start_tls || self.allow_plain || !leaves_in_clear(server),
                format!("passwords would go to {server} in clear"),
                "use ldaps://, or leave start-tls on; allow-plain = true if you must",
            )?;
        }
        Ok(())
    }

    fn check_users(&self) -> Result<(), Refused> {
        let long = [&self.user_dn, &self.bind_dn, &self.base, &self.group_base]
            .into_iter()
            .flatten()
            .find(|text| text.is_empty() || text.len() > TEXT_OCTETS_MAX);
        must(
            long.is_none(),
            "a text of [radius.ldap] is empty or too long",
            format!("use 1 to {TEXT_OCTETS_MAX} octets, or leave the key out"),
        )?;
        must(
            self.bind_dn.is_some() == self.bind_password.is_some(),
            "of radius.ldap.bind-dn and bind-password there is only one",
            "give both: a bind without a password proves nothing",
        )?;
        if let Some(user_dn) = &self.user_dn {
            return must(
                user_dn.contains(ACCOUNT),
                "radius.ldap.user-dn names the same user for everybody",
                "put {account} where the name goes, as uid={account},ou=people,dc=example",
            );
        }
        must(
            self.base.is_some() && self.bind_dn.is_some(),
            "[radius.ldap] does not say how a user is found",
            "give user-dn; or base, bind-dn and bind-password, to search with filter",
        )?;
        must(
            is_filter(&self.filter) && self.filter.contains(ACCOUNT),
            "radius.ldap.filter does not look for one user",
            "put {account} where the name goes, as (uid={account})",
        )
    }

    fn check_groups(&self) -> Result<(), Refused> {
        let attribute = self.group_attribute.as_bytes();
        must(
            (1..=64).contains(&attribute.len())
                && attribute
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || b"-.;".contains(b)),
            "radius.ldap.group-attribute is no name of an attribute",
            "use one as memberOf",
        )?;
        let Some(filter) = &self.group_filter else {
            return must(
                self.group_base.is_none(),
                "radius.ldap.group-base is there without group-filter",
                "give both, or none of them",
            );
        };
        must(
            self.group_base.is_some() && self.bind_dn.is_some(),
            "radius.ldap.group-filter is there, and nobody can search by it",
            "give group-base, bind-dn and bind-password as well",
        )?;
        must(
            is_filter(filter) && (filter.contains(ACCOUNT) || filter.contains(DN)),
            "radius.ldap.group-filter finds the same groups for everybody",
            "put {account} or {dn} where the user goes, as (member={dn})",
        )
    }
}

/// Whether what goes to a server is on a network, and not encrypted from the start.
fn leaves_in_clear(server: &str) -> bool {
    let Some(place) = server.strip_prefix("ldap://") else {
        return false;
    };
    let host = match place.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => place.split([':', '/']).next(),
    };
    let host = host.unwrap_or_default();
    let here = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    !here && host != "localhost"
}

/// Its brackets close; whether it means something the directory says.
fn is_filter(filter: &str) -> bool {
    let mut depth = 0_i32;
    let closes = filter.bytes().all(|b| {
        depth += i32::from(b == b'(') - i32::from(b == b')');
        depth >= 0
    });
    let whole = filter.starts_with('(') && filter.ends_with(')');
    closes && depth == 0 && whole && filter.len() <= TEXT_OCTETS_MAX
}
