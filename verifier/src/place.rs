//! Where a login happens, for policy and for people who read the audit.

use std::fmt;

use minicbor::{Decode, Encode};

/// The longest part of a place; what is longer is cut.
pub const PLACE_PART_OCTETS_MAX: usize = 64;

/// Which kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Door {
    /// A Linux login.
    #[n(0)]
    Pam,
    /// A gateway.
    #[n(1)]
    Radius,
}

/// Where a login happens. Its parts are printable and bounded; only `door` and `name` bear on
/// policy, because the others can be made up by whoever logs in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// Which kind of client.
    #[n(0)]
    pub door: Door,
    /// The PAM service, or the RADIUS client's name.
    #[n(1)]
    pub name: Box<str>,
    /// The terminal, or the NAS port.
    #[n(2)]
    pub terminal: Option<Box<str>>,
    /// The remote host, or the calling station.
    #[n(3)]
    pub remote: Option<Box<str>>,
}

impl Place {
    /// Cuts and cleans the parts: they come from strangers and end in terminals and logs.
    pub fn new(door: Door, name: &str, terminal: Option<&str>, remote: Option<&str>) -> Self {
        let part = |text: &str| (!text.is_empty()).then(|| clean(text));
        Self {
            door,
            name: clean(name),
            terminal: terminal.and_then(part),
            remote: remote.and_then(part),
        }
    }
}

impl Place {
    /// Whether nobody can be both here and at `other` at once: another kind of door, another gateway, or
    /// another remote host. Another service on the same machine is no other place: people go on from
    /// login to sudo.
    pub fn is_elsewhere(&self, other: &Self) -> bool {
        let gateway = self.door == Door::Radius && self.name != other.name;
        let remote = match (&self.remote, &other.remote) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        };
        self.door != other.door || gateway || remote
    }
}

fn clean(text: &str) -> Box<str> {
    let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars()
        .take(PLACE_PART_OCTETS_MAX)
        .map(printable)
        .collect::<String>()
        .into()
}

impl fmt::Display for Place {
    /// As `pam:sshd pts/3 from 192.0.2.7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let door = match self.door {
            Door::Pam => "pam",
            Door::Radius => "radius",
        };
        write!(f, "{door}:{}", self.name)?;
        if let Some(terminal) = &self.terminal {
            write!(f, " {terminal}")?;
        }
        if let Some(remote) = &self.remote {
            write!(f, " from {remote}")?;
        }
        Ok(())
    }
}
