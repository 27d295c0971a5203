//! Attributes: type, value, and iteration over them.

/// The largest value an attribute can hold (RFC 2865 section 5: Length is one octet).
pub const VALUE_MAX: usize = 253;
/// Octets of Type and Length.
pub(crate) const HEADER_OCTETS: usize = 2;

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
    /// Text that the NAS may show.
    pub const REPLY_MESSAGE: Self = Self(18);
    /// Ties an answer to a challenge.
    pub const STATE: Self = Self(24);
    /// Vendor-Specific.
    pub const VENDOR_SPECIFIC: Self = Self(26);
    /// Where the user calls from.
    pub const CALLING_STATION_ID: Self = Self(31);
    /// The name of the NAS. Never used to choose a secret.
    pub const NAS_IDENTIFIER: Self = Self(32);
    /// Put in by proxies; copied into every reply.
    pub const PROXY_STATE: Self = Self(33);
    /// The challenge of CHAP when it is not the Request Authenticator.
    pub const CHAP_CHALLENGE: Self = Self(60);
}

/// RFC 2866, 2869, 3579, 5090.
impl AttributeType {
    /// The session that a login is for.
    pub const ACCT_SESSION_ID: Self = Self(44);
    /// ARAP: the response.
    pub const ARAP_PASSWORD: Self = Self(70);
    /// EAP packets, in pieces.
    pub const EAP_MESSAGE: Self = Self(79);
    /// HMAC-MD5 over the packet.
    pub const MESSAGE_AUTHENTICATOR: Self = Self(80);
    /// The port of the NAS, as text.
    pub const NAS_PORT_ID: Self = Self(87);
    /// HTTP digest: the response.
    pub const DIGEST_RESPONSE: Self = Self(103);
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
    /// The response of MS-CHAP version 2.
    pub const CHAP2_RESPONSE: u8 = 25;
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

    /// The value as the type `text`, or nothing if it is not UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.value).ok()
    }

    /// Vendor id and vendor data of a Vendor-Specific attribute.
    pub fn vendor(&self) -> Option<(u32, &'a [u8])> {
        let (id, data) = self.value.split_first_chunk::<4>()?;
        Some((u32::from_be_bytes(*id), data))
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
