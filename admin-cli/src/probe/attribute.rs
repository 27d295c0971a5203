//! Attributes of a reply, for people.

use data_encoding::HEXLOWER;
use radius::core::packet::Packet;
use serde::Serialize;

/// An attribute; the value as text if it is printable, else as `0x` and hexadecimal digits.
#[derive(Debug, Serialize)]
pub(crate) struct Attribute {
    #[serde(rename = "type")]
    pub kind: u8,
    pub name: Option<&'static str>,
    pub value: String,
}

/// All attributes in order of type; the crate keeps their order to itself.
pub(crate) fn all(packet: &Packet) -> Vec<Attribute> {
    (0..=u8::MAX)
        .flat_map(|kind| {
            packet
                .lookup_all(kind)
                .into_iter()
                .map(move |avp| (kind, avp))
        })
        .map(|(kind, avp)| {
            let octets = avp.encode_bytes();
            Attribute {
                kind,
                name: name(kind),
                value: value(kind, &octets),
            }
        })
        .collect()
}

impl Attribute {
    pub(crate) fn label(&self) -> String {
        match self.name {
            Some(name) => name.to_owned(),
            None => format!("attribute {}", self.kind),
        }
    }
}

fn value(kind: u8, octets: &[u8]) -> String {
    if let (true, Ok(number)) = (is_number(kind), <[u8; 4]>::try_from(octets)) {
        return u32::from_be_bytes(number).to_string();
    }
    if let (true, Ok(address)) = (is_address(kind), <[u8; 4]>::try_from(octets)) {
        return std::net::Ipv4Addr::from(address).to_string();
    }
    match std::str::from_utf8(octets) {
        Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => text.to_owned(),
        _ => format!("0x{}", HEXLOWER.encode(octets)),
    }
}

/// RFC 2865 and RFC 2869.
fn is_number(kind: u8) -> bool {
    matches!(kind, 5..=7 | 10 | 12 | 13 | 15 | 16 | 27..=29 | 61..=63 | 76 | 101)
}

fn is_address(kind: u8) -> bool {
    matches!(kind, 4 | 8 | 9 | 14)
}

fn name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "User-Name",
        4 => "NAS-IP-Address",
        5 => "NAS-Port",
        6 => "Service-Type",
        7 => "Framed-Protocol",
        8 => "Framed-IP-Address",
        9 => "Framed-IP-Netmask",
        11 => "Filter-Id",
        12 => "Framed-MTU",
        18 => "Reply-Message",
        22 => "Framed-Route",
        24 => "State",
        25 => "Class",
        26 => "Vendor-Specific",
        27 => "Session-Timeout",
        28 => "Idle-Timeout",
        29 => "Termination-Action",
        32 => "NAS-Identifier",
        33 => "Proxy-State",
        76 => "Prompt",
        79 => "EAP-Message",
        80 => "Message-Authenticator",
        85 => "Acct-Interim-Interval",
        88 => "Framed-Pool",
        101 => "Error-Cause",
        _ => return None,
    })
}
