//! Attributes: type, value, and iteration over them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The largest value an attribute can hold (RFC 2865 section 5: Length is one octet).
pub const VALUE_MAX: usize = 253;
/// Octets of Type and Length.
pub(crate) const HEADER_OCTETS: usize = 2;
/// Octets of Vendor-Id, vendor type and vendor length.
pub(crate) const VENDOR_HEADER_OCTETS: usize = 6;
/// The largest value inside a Vendor-Specific attribute of the usual format.
pub const VENDOR_VALUE_MAX: usize = VALUE_MAX - VENDOR_HEADER_OCTETS;

/// The Type of an attribute. Unknown types are ordinary values of this type: a server ignores
/// them and lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType(pub u8);

/// RFC 2865.
impl AttributeType {
    /// The name of who asks for access.
    pub const USER_NAME: Self = Self(1);
    /// PAP: the password, hidden under the secret.
    pub const USER_PASSWORD: Self = Self(2);
    /// CHAP: identifier and response.
    pub const CHAP_PASSWORD: Self = Self(3);
    /// The address of the NAS. Never used to choose a secret.
    pub const NAS_IP_ADDRESS: Self = Self(4);
    /// The port of the NAS.
    pub const NAS_PORT: Self = Self(5);
    /// What kind of service is asked for.
    pub const SERVICE_TYPE: Self = Self(6);
    /// The address of the user inside the tunnel.
    pub const FRAMED_IP_ADDRESS: Self = Self(8);
    /// The largest packet that fits on the link to the user.
    pub const FRAMED_MTU: Self = Self(12);
    /// Text that the NAS may show.
    pub const REPLY_MESSAGE: Self = Self(18);
    /// Ties an answer to a challenge.
    pub const STATE: Self = Self(24);
    /// Given in an accept, sent back in accounting.
    pub const CLASS: Self = Self(25);
    /// Vendor-Specific.
    pub const VENDOR_SPECIFIC: Self = Self(26);
    /// How long a session, or an answer to a challenge, may last.
    pub const SESSION_TIMEOUT: Self = Self(27);
    /// Where the user calls from.
    pub const CALLING_STATION_ID: Self = Self(31);
    /// The name of the NAS. Never used to choose a secret.
    pub const NAS_IDENTIFIER: Self = Self(32);
    /// Put in by proxies; copied into every reply.
    pub const PROXY_STATE: Self = Self(33);
    /// The challenge of CHAP when it is not the Request Authenticator.
    pub const CHAP_CHALLENGE: Self = Self(60);
}

/// RFC 2866: accounting.
impl AttributeType {
    /// What happened to the session; see [`crate::accounting::Status`].
    pub const ACCT_STATUS_TYPE: Self = Self(40);
    /// For how many seconds the NAS has tried to send this.
    pub const ACCT_DELAY_TIME: Self = Self(41);
    /// Octets from the user, modulo 2^32.
    pub const ACCT_INPUT_OCTETS: Self = Self(42);
    /// Octets to the user, modulo 2^32.
    pub const ACCT_OUTPUT_OCTETS: Self = Self(43);
    /// The session that a login or a report is for.
    pub const ACCT_SESSION_ID: Self = Self(44);
    /// How many seconds the session has lasted.
    pub const ACCT_SESSION_TIME: Self = Self(46);
    /// Packets from the user.
    pub const ACCT_INPUT_PACKETS: Self = Self(47);
    /// Packets to the user.
    pub const ACCT_OUTPUT_PACKETS: Self = Self(48);
    /// Why the session ended.
    pub const ACCT_TERMINATE_CAUSE: Self = Self(49);
}

/// RFC 2868, 2869, 3162, 3579, 5090, 5176, 6911.
impl AttributeType {
    /// How many times 2^32 octets came from the user.
    pub const ACCT_INPUT_GIGAWORDS: Self = Self(52);
    /// How many times 2^32 octets went to the user.
    pub const ACCT_OUTPUT_GIGAWORDS: Self = Self(53);
    /// When it happened, in seconds since 1970.
    pub const EVENT_TIMESTAMP: Self = Self(55);
    /// The password of a tunnel, hidden under the secret and a salt.
    pub const TUNNEL_PASSWORD: Self = Self(69);
    /// ARAP: the response.
    pub const ARAP_PASSWORD: Self = Self(70);
    /// Whether what is typed may be shown.
    pub const PROMPT: Self = Self(76);
    /// EAP packets, in pieces.
    pub const EAP_MESSAGE: Self = Self(79);
    /// HMAC-MD5 over the packet.
    pub const MESSAGE_AUTHENTICATOR: Self = Self(80);
    /// The port of the NAS, as text.
    pub const NAS_PORT_ID: Self = Self(87);
    /// The address of the NAS. Never used to choose a secret.
    pub const NAS_IPV6_ADDRESS: Self = Self(95);
    /// The prefix that the user has inside the tunnel.
    pub const FRAMED_IPV6_PREFIX: Self = Self(97);
    /// Why a NAS refuses; see [`crate::disconnect::ErrorCause`].
    pub const ERROR_CAUSE: Self = Self(101);
    /// HTTP digest: the response.
    pub const DIGEST_RESPONSE: Self = Self(103);
    /// The address of the user inside the tunnel.
    pub const FRAMED_IPV6_ADDRESS: Self = Self(168);
}

/// Values of Service-Type (RFC 2865 section 5.6, RFC 5176 section 3.1) that are not logins.
pub mod service_type {
    /// A call is announced, nobody logs in.
    pub const CALL_CHECK: u32 = 10;
    /// Only authorisation of an open session is asked for.
    pub const AUTHORIZE_ONLY: u32 = 17;
}

/// Microsoft's attributes of RFC 2548, inside Vendor-Specific.
pub mod microsoft {
    /// Microsoft's vendor id.
    pub const VENDOR_ID: u32 = 311;
    /// The response of MS-CHAP version 1.
    pub const CHAP_RESPONSE: u8 = 1;
    /// Why MS-CHAP failed, and whether to try again.
    pub const CHAP_ERROR: u8 = 2;
    /// Whether the session must be encrypted by MPPE.
    pub const MPPE_ENCRYPTION_POLICY: u8 = 7;
    /// Which strengths of MPPE are permitted.
    pub const MPPE_ENCRYPTION_TYPES: u8 = 8;
    /// The challenge of MS-CHAP.
    pub const CHAP_CHALLENGE: u8 = 11;
    /// The key for what the NAS sends, hidden.
    pub const MPPE_SEND_KEY: u8 = 16;
    /// The key for what the NAS receives, hidden.
    pub const MPPE_RECV_KEY: u8 = 17;
    /// The response of MS-CHAP version 2.
    pub const CHAP2_RESPONSE: u8 = 25;
    /// The server's proof, in an accept by MS-CHAP version 2.
    pub const CHAP2_SUCCESS: u8 = 26;
}

/// One attribute of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its Type.
    pub kind: AttributeType,
    /// Its value, without Type and Length.
    pub value: &'a [u8],
    /// Where the value begins, counted from the start of the packet.
    pub(crate) offset: usize,
}

/// Values may be passwords or names, so only their size is shown.
impl std::fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attribute({}, {} octets)", self.kind.0, self.value.len())
    }
}

impl<'a> Attribute<'a> {
    /// The value as the type `integer`, or nothing if the size is wrong: a value of the wrong
    /// size makes the attribute invalid, not the packet (RFC 6929 section 2.8).
    pub fn integer(&self) -> Option<u32> {
        Some(u32::from_be_bytes(self.value.try_into().ok()?))
    }

    /// The value as the type `ipaddr`, or nothing if the size is wrong.
    pub fn address(&self) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.value).ok()?))
    }

    /// The value as the type `ipv6addr`, or nothing if the size is wrong.
    pub fn ipv6_address(&self) -> Option<Ipv6Addr> {
        Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.value).ok()?))
    }

    /// The value as the type `ipv6prefix` (RFC 3162 section 2.3): the prefix and its length in
    /// bits. Nothing if the size is wrong, or a bit after the prefix is set.
    pub fn ipv6_prefix(&self) -> Option<(Ipv6Addr, u8)> {
        let &[_, bits, ref prefix @ ..] = self.value else {
            return None;
        };
        let mut address = [0; 16];
        address.get_mut(..prefix.len())?.copy_from_slice(prefix);
        let mask = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
        let is_clean = bits <= 128 && u128::from_be_bytes(address) & mask == 0;
        is_clean.then(|| (Ipv6Addr::from(address), bits))
    }

    /// The value as the type `text`, or nothing if it is not UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.value).ok()
    }

    /// Vendor id and vendor data of a Vendor-Specific attribute.
    pub fn vendor(&self) -> Option<(u32, &'a [u8])> {
        let (id, data) = self.value.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*id), data))
    }

    /// What a Vendor-Specific attribute of the usual format holds (RFC 2865 section 5.26).
    ///
    /// Nothing at all if one of the inner lengths is wrong: such data is opaque, since nobody
    /// knows where in it the next attribute begins.
    pub fn vendor_attributes(&self) -> impl Iterator<Item = VendorAttribute<'a>> + use<'a> {
        let (vendor, data) = match self.kind {
            AttributeType::VENDOR_SPECIFIC => self.vendor().unwrap_or_default(),
            _ => Default::default(),
        };
        let mut check = Attributes::new(data, 0);
        check.by_ref().for_each(drop);
        let data = if check.is_exhausted() { data } else { &[] };
        Attributes::new(data, 0).map(move |inner| VendorAttribute {
            vendor,
            kind: inner.kind.0,
            value: inner.value,
        })
    }
}

/// One attribute inside a Vendor-Specific attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VendorAttribute<'a> {
    /// The vendor's number.
    pub vendor: u32,
    /// The vendor's type.
    pub kind: u8,
    /// The value, without type and length.
    pub value: &'a [u8],
}

/// Values may be keys or responses, so only their size is shown.
impl std::fmt::Debug for VendorAttribute<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            vendor,
            kind,
            value,
        } = self;
        write!(
            f,
            "VendorAttribute({vendor}, {kind}, {} octets)",
            value.len()
        )
    }
}

/// The attributes of a packet, in order.
///
/// Stops at the first attribute that does not fit. [`Packet`](crate::Packet) has checked that
/// there is none.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    /// Those of `packet` from `at` on.
    pub(crate) fn new(packet: &'a [u8], at: usize) -> Self {
        Self { packet, at }
    }

    /// True when every octet belonged to an attribute.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.at == self.packet.len()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let &[kind, length, ..] = self.packet.get(self.at..)? else {
            return None;
        };
        let offset = self.at + HEADER_OCTETS;
        // A Length of 0 or 1 makes this range backwards, and `get` refuses it.
        let value = self.packet.get(offset..self.at + usize::from(length))?;
        self.at = offset + value.len();
        Some(Attribute {
            kind: AttributeType(kind),
            value,
            offset,
        })
    }
}
