//! What the caller is asked, and what the verifier makes of it.

use std::borrow::Cow;
use std::time::Duration;

use super::Ticket;
use crate::packet::Packet;
use crate::state::FirstFactor;
use crate::user_password::Password;

/// One attempt to log in, or one round of it.
#[derive(Debug)]
pub struct Question<'d> {
    /// Names the request until it is concluded or forgotten.
    pub ticket: Ticket,
    /// User-Name after the client's quirks; it is for the verifier to make it canonical.
    pub account: Cow<'d, str>,
    /// What is to be judged.
    pub proof: Proof,
    /// The factor before the code.
    pub first: First,
    /// The conversation that this is a round of. With [`Proof::Password`] there is none yet.
    pub conversation: Option<Conversation>,
    /// Whether an accept of it lets somebody in. If not, nothing that goes with an accept is
    /// needed yet: a response by EAP-MSCHAPv2 that was right is asked about once more, as the
    /// same round with the same proof, when the peer has acknowledged it.
    pub is_final: bool,
    /// The request, for whatever else the verifier wants to know of it.
    pub request: Packet<'d>,
}

/// What somebody offers as proof.
#[non_exhaustive]
pub enum Proof {
    /// The code as typed.
    Code(Password),
    /// Nothing but the factor before it, in [`Question::first`]. Nothing may be accepted yet: the
    /// answer is [`Verdict::Challenge`](super::Verdict::Challenge), right or wrong, or, if nobody
    /// can judge passwords now, [`Verdict::Reject`](super::Verdict::Reject).
    Password,
    /// A response that was computed from the code (RFC 1994).
    Chap {
        /// The octet before the challenge.
        identifier: u8,
        /// The challenge.
        challenge: Vec<u8>,
        /// MD5 over identifier, code and challenge.
        response: [u8; 16],
    },
    /// A response that was computed from the code (RFC 2759).
    MsChapV2 {
        /// What the NAS sent, or we did by EAP.
        challenge: [u8; 16],
        /// What the peer chose.
        peer_challenge: [u8; 16],
        /// NT-Response.
        response: [u8; 24],
        /// The name that goes into the response, without a domain.
        user_name: Vec<u8>,
    },
}

/// Only of which kind it is: who reads a response can try all codes on it.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code",
            Self::Password => "Password",
            Self::Chap { .. } => "Chap",
            Self::MsChapV2 { .. } => "MsChapV2",
        })
    }
}

/// The factor before the code.
#[derive(Debug)]
pub enum First {
    /// As typed, to be judged now.
    Password(Password),
    /// As it was judged in an earlier round; [`FirstFactor::None`] if it is not ours to judge.
    Known(FirstFactor),
}

/// One round of a conversation. The verifier takes each once; who repeats it with the same proof
/// gets the same verdict, for a few seconds and as long as it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Of this round: another in the next, and the same however often this one is sent.
    pub id: [u8; 16],
    /// Until when it can be answered, since 1970.
    pub until: Duration,
}

/// What only a server that knows the code can compute (RFC 2759 section 8.7, RFC 3079 section 3).
pub struct MsChapKeys {
    /// The authenticator response, as octets.
    pub authenticator_response: [u8; 20],
    /// What the server sends with.
    pub send: [u8; 16],
    /// What the server receives with.
    pub receive: [u8; 16],
}

impl Drop for MsChapKeys {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.send.zeroize();
        self.receive.zeroize();
    }
}

impl std::fmt::Debug for MsChapKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MsChapKeys")
    }
}
