//! RADIUS (RFC 2865) as a pure core: no socket, no clock, no randomness.
//!
//! Time, random octets and datagrams are arguments, and what is to be sent is a result, so every
//! rule of the protocol can be tested without a port or a sleep.
//!
//! - [`packet`]: a view over a received datagram, and a writer that never exceeds 4,096 octets;
//! - [`secret`], [`authenticator`], [`user_password`], [`mppe`]: everything that is keyed by the
//!   secret;
//! - [`duplicate`]: the cache that gives a retransmission its first reply again (RFC 5080);
//! - [`eap`]: the packets inside EAP-Message;
//! - [`state`]: what a conversation of several rounds leaves with the client, sealed;
//! - [`server`]: what to do with a datagram: ignore it, reply, or ask the verifier;
//! - [`accounting`]: the same on the accounting port: ignore, reply, or store a report;
//! - [`disconnect`]: ending sessions: when to send what, and what became of it;
//! - [`dictionary`], [`template`]: attributes by name, and what goes with an accept;
//! - [`request`]: the other side, for the probe and for load generators.

#![warn(missing_docs)]

pub mod accounting;
pub mod attribute;
pub mod authenticator;
pub mod dictionary;
pub mod disconnect;
pub mod duplicate;
pub mod eap;
pub mod error;
pub mod framed;
pub mod mppe;
pub mod packet;
pub mod request;
pub mod secret;
pub mod server;
pub mod state;
pub mod template;
pub mod user_password;

pub use attribute::{Attribute, AttributeType};
pub use packet::{Code, Packet};
pub use secret::Secret;
