//! The packet of RFC 2865 section 3: a view over received octets.

mod writer;

pub use writer::{Digested, PacketWriter, Replying, Requesting};

use crate::attribute::{Attribute, AttributeType, Attributes, VendorAttribute};
use crate::authenticator::Authenticator;
use crate::error::PacketError;

/// Octets of Code, Identifier, Length and Authenticator: the smallest packet.
pub const HEADER_OCTETS: usize = 20;
/// The largest packet over UDP (RFC 2865 section 3).
pub const PACKET_MAX: usize = 4096;
/// Where the Authenticator stands.
pub(crate) const AUTHENTICATOR_RANGE: std::ops::Range<usize> = 4..HEADER_OCTETS;

/// What kind of packet this is. Unknown codes are ordinary values of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

impl Code {
    /// Somebody wants in.
    pub const ACCESS_REQUEST: Self = Self(1);
    /// Let in.
    pub const ACCESS_ACCEPT: Self = Self(2);
    /// Not let in.
    pub const ACCESS_REJECT: Self = Self(3);
    /// A report of a session (RFC 2866).
    pub const ACCOUNTING_REQUEST: Self = Self(4);
    /// The report is stored.
    pub const ACCOUNTING_RESPONSE: Self = Self(5);
    /// More is asked.
    pub const ACCESS_CHALLENGE: Self = Self(11);
    /// Are you there (RFC 5997)?
    pub const STATUS_SERVER: Self = Self(12);
    /// End a session (RFC 5176).
    pub const DISCONNECT_REQUEST: Self = Self(40);
    /// The session is ended.
    pub const DISCONNECT_ACK: Self = Self(41);
    /// The session is not ended.
    pub const DISCONNECT_NAK: Self = Self(42);
    /// Change a session (RFC 5176).
    pub const COA_REQUEST: Self = Self(43);
    /// The session is changed.
    pub const COA_ACK: Self = Self(44);
    /// The session is not changed.
    pub const COA_NAK: Self = Self(45);
    /// The request was understood, but can not be served (RFC 7930).
    pub const PROTOCOL_ERROR: Self = Self(52);
}

/// A well-formed packet inside a datagram, borrowed.
///
/// Well-formed means: the lengths of packet and attributes fit. Nothing is said about who sent
/// it; that is for [`authenticator`](crate::authenticator).
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    octets: &'a [u8],
}

/// A packet holds a password, so only its frame is shown.
impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet")
            .field("code", &self.code().0)
            .field("identifier", &self.identifier())
            .field("length", &self.octets.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Packet<'a> {
    /// Looks at a datagram once and either refuses it or gives a view that needs no more checks.
    ///
    /// Octets after Length are padding (RFC 2865 section 3): they are cut off here, so that no
    /// digest is ever computed over them.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let &[_, _, high, low, ..] = datagram else {
            return Err(PacketError::DatagramTooShort);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER_OCTETS..=PACKET_MAX).contains(&length) {
            return Err(PacketError::LengthOutOfRange);
        }
        let octets = datagram.get(..length).ok_or(PacketError::Truncated)?;
        let mut attributes = Attributes::new(octets, HEADER_OCTETS);
        attributes.by_ref().for_each(drop);
        if !attributes.is_exhausted() {
            return Err(PacketError::MalformedAttribute);
        }
        Ok(Self { octets })
    }

    /// The Code.
    pub fn code(&self) -> Code {
        Code(self.octets[0])
    }

    /// The Identifier.
    pub fn identifier(&self) -> u8 {
        self.octets[1]
    }

    /// The Authenticator, whichever it is for this Code.
    pub fn authenticator(&self) -> Authenticator {
        let mut authenticator = Authenticator::default();
        authenticator.copy_from_slice(&self.octets[AUTHENTICATOR_RANGE]);
        authenticator
    }

    /// All octets within Length.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The attributes, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.octets, HEADER_OCTETS)
    }

    /// All attributes of one type, in order.
    pub fn all(&self, kind: AttributeType) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.attributes().filter(move |a| a.kind == kind)
    }

    /// The first attribute of one type.
    pub fn first(&self, kind: AttributeType) -> Option<Attribute<'a>> {
        self.all(kind).next()
    }

    /// The values of all attributes of one type, one behind the other: EAP-Message comes in
    /// pieces (RFC 3579 section 3.1). Nothing if there is no such attribute.
    pub fn concatenated(&self, kind: AttributeType) -> Option<Vec<u8>> {
        let mut pieces = self.all(kind).map(|attribute| attribute.value).peekable();
        pieces.peek()?;
        Some(pieces.collect::<Vec<_>>().concat())
    }

    /// The attributes of one vendor, in order. Data of other formats is passed over.
    pub fn vendor(&self, vendor: u32) -> impl Iterator<Item = VendorAttribute<'a>> + use<'a> {
        self.attributes()
            .flat_map(|attribute| attribute.vendor_attributes())
            .filter(move |attribute| attribute.vendor == vendor)
    }

    /// How many attributes of one type there are.
    pub fn count(&self, kind: AttributeType) -> usize {
        self.all(kind).count()
    }
}
