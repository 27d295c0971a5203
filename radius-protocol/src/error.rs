//! Why octets are not what they claim to be, and why a packet can not be written.

use thiserror::Error;

/// The datagram is not a RADIUS packet. The peer's fault; the answer is silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// Fewer octets than a header has.
    #[error("datagram shorter than a header")]
    DatagramTooShort,
    /// The Length field is below 20 or above 4,096.
    #[error("length field out of range")]
    LengthOutOfRange,
    /// The Length field claims more octets than have arrived.
    #[error("datagram shorter than its length field")]
    Truncated,
    /// An attribute is shorter than its own header, or reaches over the end.
    #[error("malformed attribute")]
    MalformedAttribute,
}

/// A packet would break a limit of the protocol. Our fault, or that of who chose the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The packet would exceed 4,096 octets, or the caller's buffer.
    #[error("packet too large")]
    PacketTooLarge,
    /// The value exceeds 253 octets.
    #[error("attribute value too long")]
    AttributeTooLong,
    /// The value is empty; RFC 2865 section 5 forbids to send such an attribute.
    #[error("attribute value empty")]
    AttributeEmpty,
    /// A second Message-Authenticator.
    #[error("message-authenticator written twice")]
    SecondMessageAuthenticator,
    /// The password is over 128 octets.
    #[error("password too long")]
    PasswordTooLong,
}

/// A User-Password that RFC 2865 section 5.2 does not allow. The peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("user-password is not 16 to 128 octets in blocks of 16")]
pub struct PasswordError;

/// A hidden key or Tunnel-Password that RFC 2548 section 2.4.2 does not allow. The peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("hidden value is not a salt and whole blocks that hold its length")]
pub struct HiddenError;

/// A shared secret that can not be used. The operator's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the shared secret is empty")]
pub struct EmptySecret;

/// A reply that a client must not believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Not a packet at all.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// For another request.
    #[error("reply to another request")]
    Identifier,
    /// The Response Authenticator does not match.
    #[error("wrong response authenticator")]
    ResponseAuthenticator,
    /// Message-Authenticator is missing, or not the first attribute.
    #[error("message-authenticator is not first")]
    NoMessageAuthenticator,
    /// Message-Authenticator does not match, or is there twice.
    #[error("wrong message-authenticator")]
    MessageAuthenticator,
}
