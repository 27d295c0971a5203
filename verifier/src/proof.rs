//! What a login is proved by: a code as typed, or a response that was computed from one.

use zeroize::Zeroizing;

use crate::time::Time;

/// What came as proof of a code.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The code as typed.
    Code(Zeroizing<Vec<u8>>),
    /// A CHAP response (RFC 1994 section 4.1).
    Chap(Chap),
    /// An MS-CHAPv2 response (RFC 2759 section 8).
    MsChapV2(MsChapV2),
}

/// A CHAP response: MD5 over identifier, code and challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chap {
    /// The octet before the challenge.
    pub identifier: u8,
    /// The challenge.
    pub challenge: Vec<u8>,
    /// The response.
    pub response: [u8; 16],
}

/// An MS-CHAPv2 response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MsChapV2 {
    /// What the authenticator sent.
    pub challenge: [u8; 16],
    /// What the peer chose.
    pub peer_challenge: [u8; 16],
    /// NT-Response.
    pub response: [u8; 24],
    /// The name that went into it, without a domain.
    pub user_name: Vec<u8>,
}

/// The factor before the code, as it was judged before the code is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum First {
    /// There is none, or it is not ours to ask for.
    #[default]
    None,
    /// It was right.
    Right,
    /// It was wrong: the code is neither judged nor spent.
    Wrong,
    /// Nobody could judge it. No guess.
    Unavailable,
}

/// One round of a conversation, taken once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Random.
    pub id: [u8; 16],
    /// Until when it can be continued.
    pub until: Time,
}
