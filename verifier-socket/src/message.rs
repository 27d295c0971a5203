//! What clients ask and what the verifier answers.
//!
//! Names and codes travel as they were typed. The verifier alone canonicalises them, so that no
//! two doors can disagree about which account is meant.

use minicbor::{Decode, Encode};

use crate::Secret;

/// A message and the id that ties a reply to its request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Envelope<T> {
    /// Chosen by the client, unique among its open requests; echoed in the reply.
    #[n(0)]
    pub id: u64,
    /// The message itself.
    #[n(1)]
    pub body: T,
}

/// What a client may ask. Which verbs there are depends on features, and grows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Request {
    /// Is a code needed at this place? Asked before anybody is prompted; charges nothing.
    #[n(0)]
    Ask(#[n(0)] Ask),
    /// One try to log in.
    #[n(1)]
    Attempt(#[n(0)] Attempt),
    /// A verb of an admin, the help desk or an auditor.
    #[cfg(feature = "admin")]
    #[n(2)]
    Admin {
        /// What to do.
        #[n(0)]
        verb: Box<crate::admin::Verb>,
        /// The request key: a verb that changes something is done once for each key that its user
        /// chooses, however often it is sent.
        #[n(1)]
        key: Option<String>,
    },
}

/// Who wants to log in where.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// The account name as typed.
    #[n(0)]
    pub account: String,
    /// Where the login happens.
    #[n(1)]
    pub place: Place,
}

/// One try to log in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Attempt {
    /// The account name as typed.
    #[n(0)]
    pub account: String,
    /// What was typed or computed as proof.
    #[n(1)]
    pub answer: Answer,
    /// Where the login happens.
    #[n(2)]
    pub place: Place,
}

/// The proof that came with an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Answer {
    /// The code as typed.
    #[n(0)]
    Code(#[n(0)] Secret),
}

/// Which kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Door {
    /// A Linux login.
    #[n(0)]
    Pam,
    /// A gateway.
    #[n(1)]
    Radius,
}

/// Where a login happens, for policy and for people who read the audit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// Which kind of client.
    #[n(0)]
    pub door: Door,
    /// The PAM service, or the RADIUS client's name in the settings.
    #[n(1)]
    pub name: String,
    /// PAM_TTY, or NAS-Port-Id.
    #[n(2)]
    pub terminal: Option<String>,
    /// PAM_RHOST, or Calling-Station-Id. Informative: never trusted for policy.
    #[n(3)]
    pub remote: Option<String>,
}

/// The one verdict that leaves the verifier; why is for operators only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Verdict {
    /// The code was right and is now spent, durably.
    #[n(0)]
    Accept,
    /// Anything else.
    #[n(1)]
    Reject,
}

/// What the verifier answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Reply {
    /// To `Ask`: prompt for a code and send an attempt.
    #[n(0)]
    CodeNeeded,
    /// To `Ask`: the policy says no code is asked here; the event is written.
    #[n(1)]
    CodeNotNeeded,
    /// To `Attempt`: decided, durably.
    #[n(2)]
    Decided {
        /// Accept or reject.
        #[n(0)]
        verdict: Verdict,
        /// The account name of the request, unchanged, so that a reply can not serve another.
        #[n(1)]
        account: String,
    },
    /// Nothing was decided, and nothing may be concluded: neither accept nor reject.
    #[n(3)]
    Unavailable,
    /// This peer may not ask this, or the request makes no sense.
    #[n(4)]
    NotPermitted,
    /// To an admin verb.
    #[cfg(feature = "admin")]
    #[n(5)]
    Admin(#[n(0)] Box<Result<crate::admin::Answer, crate::admin::Refusal>>),
}
