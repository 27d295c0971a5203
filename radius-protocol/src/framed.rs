//! The address that a user has inside the tunnel.

use std::fmt;
use std::net::{AddrParseError, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::attribute::{Attribute, AttributeType};

/// Framed-IP-Address, Framed-IPv6-Address or Framed-IPv6-Prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framed {
    /// Framed-IP-Address.
    Ipv4(Ipv4Addr),
    /// Framed-IPv6-Address.
    Ipv6(Ipv6Addr),
    /// Framed-IPv6-Prefix, with its length in bits.
    Prefix(Ipv6Addr, u8),
}

impl Framed {
    /// What an attribute says, if it is one of the three and its value has the right size.
    pub fn of(attribute: &Attribute<'_>) -> Option<Self> {
        match attribute.kind {
            AttributeType::FRAMED_IP_ADDRESS => attribute.address().map(Self::Ipv4),
            AttributeType::FRAMED_IPV6_ADDRESS => attribute.ipv6_address().map(Self::Ipv6),
            AttributeType::FRAMED_IPV6_PREFIX => attribute
                .ipv6_prefix()
                .map(|(prefix, bits)| Self::Prefix(prefix, bits)),
            _ => None,
        }
    }

    /// Which of the three it is.
    pub fn kind(&self) -> AttributeType {
        match self {
            Self::Ipv4(_) => AttributeType::FRAMED_IP_ADDRESS,
            Self::Ipv6(_) => AttributeType::FRAMED_IPV6_ADDRESS,
            Self::Prefix(..) => AttributeType::FRAMED_IPV6_PREFIX,
        }
    }

    /// The value of that attribute.
    pub fn value(&self) -> Vec<u8> {
        match self {
            Self::Ipv4(address) => address.octets().to_vec(),
            Self::Ipv6(address) => address.octets().to_vec(),
            Self::Prefix(prefix, bits) => prefix_value(*prefix, *bits),
        }
    }
}

/// The value of an attribute of type `ipv6prefix` (RFC 3162 section 2.3). What is behind the
/// prefix is left out.
pub(crate) fn prefix_value(prefix: Ipv6Addr, bits: u8) -> Vec<u8> {
    let bits = bits.min(128);
    let behind = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
    let prefix = (u128::from(prefix) & !behind).to_be_bytes();
    let mut value = vec![0, bits];
    value.extend(&prefix[..usize::from(bits).div_ceil(8)]);
    value
}

impl fmt::Display for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Prefix(prefix, bits) => write!(f, "{prefix}/{bits}"),
        }
    }
}

/// Reads what [`Display`](fmt::Display) has written.
impl FromStr for Framed {
    type Err = FramedError;

    fn from_str(text: &str) -> Result<Self, FramedError> {
        let Some((prefix, bits)) = text.split_once('/') else {
            return Ok(match text.parse()? {
                std::net::IpAddr::V4(address) => Self::Ipv4(address),
                std::net::IpAddr::V6(address) => Self::Ipv6(address),
            });
        };
        match bits.parse() {
            Ok(bits) if bits <= 128 => Ok(Self::Prefix(prefix.parse()?, bits)),
            _ => Err(FramedError),
        }
    }
}

/// Neither an address nor an IPv6 prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor an IPv6 prefix")]
pub struct FramedError;

impl From<AddrParseError> for FramedError {
    fn from(_: AddrParseError) -> Self {
        Self
    }
}
