//! What is remembered of a request until there is a verdict.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use crate::state::{FirstFactor, Proved};

/// What is remembered.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) client: Arc<Client>,
    /// The Proxy-State attributes as they came, one behind the other.
    pub(super) proxy_states: Box<[u8]>,
    /// User-Name as sent: the State of the next round is bound to it.
    pub(super) account: Box<str>,
    /// What the replies look like.
    pub(super) shape: Shape,
    /// What comes after the verdict.
    pub(super) then: Then,
}

/// What the replies to a request look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Plain,
    /// MS-CHAPv2: the identifier of the response.
    MsChap(u8),
    /// EAP: the Identifier of the response.
    Eap(u8),
}

/// What comes after a verdict.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Accept or reject, and no more.
    End,
    /// The password was asked about; the first code comes next.
    FirstCode {
        /// The conversation.
        id: [u8; 16],
        /// Until when the code is waited for, if it follows from the challenge before.
        until: Option<Duration>,
    },
    /// A code was asked about; after a wrong one there may be another.
    Code {
        /// The conversation.
        id: [u8; 16],
        /// The how many-th code it was.
        round: u8,
        /// Until when it was waited for.
        expires: Duration,
        /// Of the conversation.
        first: FirstFactor,
    },
    /// EAP-MSCHAPv2: after an accept the peer is to acknowledge it.
    Acknowledge {
        /// The conversation.
        id: [u8; 16],
        /// What was accepted.
        proved: Box<Proved>,
    },
    /// EAP-MSCHAPv2: the peer has acknowledged it. An accept carries keys.
    Acknowledged,
}

impl Then {
    /// Whether an accept lets somebody in.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::End | Self::Code { .. } | Self::Acknowledged => true,
            Self::FirstCode { .. } | Self::Acknowledge { .. } => false,
        }
    }
}
