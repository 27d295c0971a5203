//! The local protocol between the verifier and its clients: PAM, RADIUS and the CLI.
//!
//! A client connects to a Unix socket, sends frames, and gets one reply frame for each, matched
//! by an id that the client chose. Replies may come in any order, so many attempts can wait on one
//! connection. A frame is a length (4 octets, big endian, the octets that follow), one octet
//! protocol version, and a CBOR array (RFC 8949) of id and message. `docs/formats/socket.md` has
//! the messages.
//!
//! This crate is linked into `sshd`, `login` and `sudo` through the PAM module: it starts no
//! thread, holds no global state, and reads no environment.

#![warn(missing_docs)]

mod client;
mod frame;
mod message;
mod secret;
mod trust;

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "password")]
pub mod password;
#[cfg(feature = "radius")]
pub mod radius;
#[cfg(feature = "admin")]
pub mod role;

pub use client::{Client, ClientError};
pub use frame::{
    ATTEMPT_FRAME_MAX, FRAME_MAX, FrameError, LENGTH_OCTETS, PROTOCOL_VERSION, RADIUS_FRAME_MAX,
    decode, encode, frame_length,
};
pub use message::{
    Accepted, Answer, Ask, Attempt, CORRELATION_OCTETS_MAX, Conversation, Door, Envelope, First,
    Language, MsChapKeys, Phase, Place, Reply, Request, Speech, Start, Started, Verdict, Wanted,
};
pub use secret::Secret;
pub use trust::{TrustError, check_peer};

/// Where the verifier listens unless the settings say otherwise.
pub const DEFAULT_SOCKET: &str = "/run/sekisho/verifier.sock";
