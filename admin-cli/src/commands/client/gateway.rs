//! What is known of each make of gateway: what our settings for it say, and what its own have to.

use sekisho_settings::Prefix;

use crate::cli::{Gateway, Mode};

/// Whether a gateway signs its requests with a Message-Authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signs {
    Always,
    /// Newer releases do.
    Perhaps,
    Never,
}

/// How its sessions are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// At the usual port, if it listens there.
    Usual,
    /// It can not be asked to.
    Not,
}

/// One make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Make {
    /// Its name for people, or the id of one.
    pub(super) name: &'static str,
    /// Its own lines, with `@NAME@`, `@SECRET@`, `@SERVER@` and `@ADDRESS@` in them.
    lines: &'static str,
    signs: Signs,
    ends: Ends,
    /// How it is told of groups: the attribute, and the template of its value.
    groups: Option<(&'static str, &'static str)>,
    /// Whether it can ask its user a second time.
    challenge: bool,
    /// Whether it carries EAP only.
    eap: bool,
}

/// What most are like.
const USUAL: Make = Make {
    name: "client-gateway",
    lines: include_str!("gateways/generic.txt"),
    signs: Signs::Always,
    ends: Ends::Usual,
    groups: Some(("Class", "{group}")),
    challenge: true,
    eap: false,
};

impl Make {
    pub(super) fn of(gateway: Gateway) -> Self {
        match gateway {
            Gateway::Fortigate => Self {
                name: "FortiGate",
                lines: include_str!("gateways/fortigate.txt"),
                groups: Some(("Fortinet-Group-Name", "{group}")),
                ..USUAL
            },
            Gateway::Strongswan => Self {
                name: "strongSwan",
                lines: include_str!("gateways/strongswan.txt"),
                eap: true,
                ..USUAL
            },
            Gateway::Ocserv => Self {
                name: "ocserv",
                lines: include_str!("gateways/ocserv.txt"),
                signs: Signs::Perhaps,
                ends: Ends::Not,
                groups: Some(("Class", "OU={group}")),
                ..USUAL
            },
            Gateway::Openvpn => Self {
                name: "OpenVPN",
                lines: include_str!("gateways/openvpn.txt"),
                signs: Signs::Never,
                ends: Ends::Not,
                groups: None,
                challenge: false,
                ..USUAL
            },
            Gateway::Mikrotik => Self {
                name: "MikroTik",
                lines: include_str!("gateways/mikrotik.txt"),
                groups: Some(("Mikrotik-Group", "{group}")),
                challenge: false,
                ..USUAL
            },
            Gateway::Cisco => Self {
                name: "Cisco ASA",
                lines: include_str!("gateways/cisco.txt"),
                signs: Signs::Perhaps,
                groups: Some(("Class", "OU={group};")),
                ..USUAL
            },
            Gateway::Pfsense => Self {
                name: "pfSense",
                lines: include_str!("gateways/pfsense.txt"),
                signs: Signs::Perhaps,
                ends: Ends::Not,
                challenge: false,
                ..USUAL
            },
            Gateway::Generic => USUAL,
        }
    }

    /// Whether it can do what a mode asks of it.
    pub(super) fn can(&self, mode: Mode) -> bool {
        self.challenge || mode != Mode::Challenge
    }

    /// The method that goes with a mode, if it is not the default.
    pub(super) fn method(&self, mode: Mode) -> Option<&'static str> {
        match (self.eap, mode) {
            (false, _) => None,
            (true, Mode::Code) => Some("eap-ms-chap-v2"),
            // A password has to arrive as it was typed.
            (true, Mode::PasswordAndCode | Mode::Challenge) => Some("eap-gtc"),
        }
    }

    /// `message-authenticator`, if it is not the default.
    pub(super) fn message_authenticator(&self, addresses: &[Prefix]) -> Option<&'static str> {
        let one_host = matches!(addresses, [only] if only.is_host());
        match self.signs {
            Signs::Always => None,
            Signs::Perhaps if one_host => Some("auto"),
            Signs::Perhaps | Signs::Never => Some("off"),
        }
    }

    pub(super) fn can_end_sessions(&self) -> bool {
        self.ends == Ends::Usual
    }

    pub(super) fn groups(&self) -> Option<(&'static str, &'static str)> {
        self.groups
    }

    /// Its own lines.
    pub(super) fn lines(&self, name: &str, secret: &str, server: &str, address: &str) -> String {
        self.lines
            .replace("@NAME@", name)
            .replace("@SERVER@", server)
            .replace("@ADDRESS@", address)
            .replace("@SECRET@", secret)
    }
}
