//! EAP packets (RFC 3748 section 4), as EAP-Message attributes carry them, one behind the other
//! (RFC 3579 section 3.1).

pub mod ms_chap_v2;

use thiserror::Error;

/// Octets of Code, Identifier and Length.
pub const HEADER_OCTETS: usize = 4;

/// Codes.
const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;

/// The type of a request or response. Unknown types are ordinary values of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EapType(pub u8);

impl EapType {
    /// Who are you?
    pub const IDENTITY: Self = Self(1);
    /// A text to be shown.
    pub const NOTIFICATION: Self = Self(2);
    /// The peer wants another method. In responses alone.
    pub const NAK: Self = Self(3);
    /// A text, and what the user types to it.
    pub const GTC: Self = Self(6);
    /// MS-CHAPv2 inside EAP.
    pub const MS_CHAP_V2: Self = Self(26);
    /// Nak for methods with longer numbers. In responses alone.
    pub const EXPANDED: Self = Self(254);
}

/// A well-formed EAP packet, borrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EapPacket<'e> {
    /// What kind of packet it is.
    pub code: EapCode,
    /// Ties a response to its request.
    pub identifier: u8,
    /// The type; [`EapType::IDENTITY`] has no meaning in a success or failure.
    pub kind: EapType,
    /// What follows the type.
    pub data: &'e [u8],
}

/// Data may be a code, so only its size is shown.
impl std::fmt::Debug for EapPacket<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EapPacket")
            .field("code", &self.code)
            .field("identifier", &self.identifier)
            .field("kind", &self.kind.0)
            .field("octets", &self.data.len())
            .finish()
    }
}

/// What kind of packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EapCode {
    /// From us.
    Request,
    /// From the peer.
    Response,
    /// From us: it is in.
    Success,
    /// From us: it is not.
    Failure,
}

/// The octets are not an EAP packet. The peer's fault, or that of the NAS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EapError {
    /// Fewer octets than a header has, or than a request or response needs for its type.
    #[error("eap packet too short")]
    TooShort,
    /// Length claims more octets than have arrived.
    #[error("eap packet shorter than its length field")]
    Truncated,
    /// A Code that RFC 3748 does not know.
    #[error("unknown eap code")]
    Code,
}

impl<'e> EapPacket<'e> {
    /// Looks at the octets of all EAP-Messages of a packet. Octets after Length are padding
    /// (RFC 3748 section 4.1).
    pub fn parse(octets: &'e [u8]) -> Result<Self, EapError> {
        let &[code, identifier, high, low, ..] = octets else {
            return Err(EapError::TooShort);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let octets = octets.get(..length).ok_or(EapError::Truncated)?;
        let body = octets.get(HEADER_OCTETS..).ok_or(EapError::TooShort)?;
        let code = match code {
            REQUEST => EapCode::Request,
            RESPONSE => EapCode::Response,
            SUCCESS => EapCode::Success,
            FAILURE => EapCode::Failure,
            _ => return Err(EapError::Code),
        };
        let (kind, data) = match code {
            EapCode::Request | EapCode::Response => {
                let (&kind, data) = body.split_first().ok_or(EapError::TooShort)?;
                (EapType(kind), data)
            }
            EapCode::Success | EapCode::Failure => (EapType::IDENTITY, body),
        };
        Ok(Self {
            code,
            identifier,
            kind,
            data,
        })
    }
}

/// A request; nothing if it would be longer than EAP can say.
pub fn request(identifier: u8, kind: EapType, data: &[u8]) -> Option<Vec<u8>> {
    with_type(REQUEST, identifier, kind, data)
}

/// A response: what a peer does.
pub fn response(identifier: u8, kind: EapType, data: &[u8]) -> Option<Vec<u8>> {
    with_type(RESPONSE, identifier, kind, data)
}

/// A success.
pub fn success(identifier: u8) -> [u8; HEADER_OCTETS] {
    [SUCCESS, identifier, 0, HEADER_OCTETS as u8]
}

/// A failure.
pub fn failure(identifier: u8) -> [u8; HEADER_OCTETS] {
    [FAILURE, identifier, 0, HEADER_OCTETS as u8]
}

fn with_type(code: u8, identifier: u8, kind: EapType, data: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(HEADER_OCTETS + 1 + data.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut packet = vec![code, identifier, high, low, kind.0];
    packet.extend(data);
    Some(packet)
}
