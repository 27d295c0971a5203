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
        /// In which language texts for people come back.
        #[n(2)]
        language: Option<Language>,
        /// The number of the approval that this verb waited for.
        #[n(3)]
        approval: Option<String>,
    },
    /// Judge a password by the hash in the store, for a login whose code comes in a later request.
    #[cfg(feature = "radius")]
    #[n(3)]
    Password(#[n(0)] crate::radius::PasswordCheck),
    /// The keys that seal RADIUS State.
    #[cfg(feature = "radius")]
    #[n(4)]
    StateKeys,
    /// What a gateway reports of a session; answered once it is stored.
    #[cfg(feature = "radius")]
    #[n(5)]
    Session(#[n(0)] Box<crate::radius::SessionReport>),
    /// Give me sessions to end. Answered when there are some, or after a while with none.
    #[cfg(feature = "radius")]
    #[n(6)]
    AwaitOrders,
    /// What became of an order.
    #[cfg(feature = "radius")]
    #[n(7)]
    Ended(#[n(0)] crate::radius::Ended),
    /// What the RADIUS clients were seen to send.
    #[cfg(feature = "radius")]
    #[n(8)]
    Seen(#[n(0)] Vec<crate::radius::ClientSeen>),
    /// Start the use of a token, or put a token in the place of another, in a PAM conversation.
    /// Only of whoever may send attempts for anybody.
    #[n(9)]
    Start(#[n(0)] Box<Start>),
    /// A Linux login session of the account began or ended. Only of root.
    #[n(10)]
    LoginSession {
        /// The account name as the host has it.
        #[n(0)]
        account: String,
        /// Where.
        #[n(1)]
        place: Place,
        /// Whether it begins; else it ends.
        #[n(2)]
        opens: bool,
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
    /// In which part of a login.
    #[n(2)]
    pub phase: Phase,
}

/// The part of a Linux login in which it is asked what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// `pam_authenticate`: is a code needed?
    #[n(0)]
    Authenticate,
    /// `pam_acct_mgmt`: may the login go on, and must a token be put into use first?
    #[n(1)]
    Account,
    /// `pam_chauthtok`: is there a token to put into use?
    #[n(2)]
    Change,
}

/// The languages of texts for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Language {
    /// English.
    #[default]
    #[n(0)]
    English,
    /// Japanese.
    #[n(1)]
    Japanese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// Its tag (BCP 47): `en` or `ja`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The language of a tag; `None` for one that there are no texts in.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

/// In which language to speak with somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Speech {
    /// What the account has chosen; it goes before everything.
    #[n(0)]
    pub chosen: Option<Language>,
    /// What the settings say, for who has chosen nothing and is told nothing else.
    #[n(1)]
    pub usual: Language,
}

/// What a conversation about a token has to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Wanted {
    /// In which language.
    #[n(0)]
    pub speech: Speech,
    /// Whether a token takes the place of another; else the first one is put into use.
    #[n(1)]
    pub exchange: bool,
    /// Whether the code of the token in use is asked for. Not after a start code, and not where there
    /// is no token in use.
    #[n(2)]
    pub old_code: bool,
    /// Which characters of the start-of-use password are asked for, counted from 1; empty if it has
    /// none.
    #[n(3)]
    pub positions: Vec<u8>,
    /// Until when the account is let in without a token, if that is why: as the server's wall clock
    /// shows it, since the PAM module knows no time zone: `2026-12-01 09:00`.
    #[n(4)]
    pub grace_until: Option<String>,
}

/// A token to be put into use, as its owner typed it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Start {
    /// The account name as the host has it.
    #[n(0)]
    pub account: String,
    /// Where.
    #[n(1)]
    pub place: Place,
    /// The serial of the new token.
    #[n(2)]
    pub serial: String,
    /// What the new token shows.
    #[n(3)]
    pub code: Secret,
    /// What the token in use shows, where [`Wanted::old_code`].
    #[n(4)]
    pub old_code: Option<Secret>,
    /// The characters of the start-of-use password, in the order of [`Wanted::positions`].
    #[n(5)]
    pub characters: Option<Secret>,
    /// Whether logins where the account may choose shall ask for a code; `None` leaves it.
    #[n(6)]
    pub code_required: Option<bool>,
}

/// That a token was put into use, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Started {
    /// The receipt number.
    #[n(0)]
    pub number: String,
    /// When, as the server's wall clock shows it: `2026-11-22 20:15:03`.
    #[n(1)]
    pub time: String,
    /// The serial, as it is written in the store.
    #[n(2)]
    pub serial: String,
    /// The serial of the token that ended, after an exchange.
    #[n(3)]
    pub ended: Option<String>,
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
    /// The factor that comes before the code, if it is ours to ask for one.
    #[n(3)]
    pub first: Option<First>,
    /// The conversation that this answer belongs to, if it came in several rounds.
    #[n(4)]
    pub conversation: Option<Conversation>,
    /// What ties a request to the one that it repeats: the same for both, and never for two logins
    /// (a session id, say). Without it, each request is a login of its own.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub correlation: Option<Vec<u8>>,
    /// What no other packet has: its Request Authenticator. A packet that was recorded and is sent
    /// again is the same one, however late; it is not charged twice.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub packet: Option<[u8; 16]>,
}

impl Attempt {
    /// A code, and nothing else to it.
    pub fn of_code(account: String, code: Secret, place: Place) -> Self {
        Self {
            account,
            answer: Answer::Code(code),
            place,
            first: None,
            conversation: None,
            correlation: None,
            packet: None,
        }
    }
}

/// The longest [`Attempt::correlation`].
pub const CORRELATION_OCTETS_MAX: usize = 1024;

/// The factor before the code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum First {
    /// The asker has judged it: it was right.
    #[n(0)]
    Right,
    /// The asker has judged it: it was wrong.
    #[n(1)]
    Wrong,
    /// Nobody could judge it.
    #[n(2)]
    Unavailable,
    /// A password, to be judged by the hash in the store.
    #[n(3)]
    Password(#[n(0)] Secret),
    /// What `Request::Password` gave.
    #[n(4)]
    Ticket(#[n(0)] Secret),
}

/// One round of a conversation. The verifier takes each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Conversation {
    /// Random, new for each round.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Until when it can be continued; milliseconds since 1970-01-01T00:00:00Z.
    #[n(1)]
    pub until_ms: u64,
}

/// The proof that came with an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Answer {
    /// The code as typed.
    #[n(0)]
    Code(#[n(0)] Secret),
    /// A response to a challenge, computed from the code: CHAP (RFC 1994).
    #[n(1)]
    Chap {
        /// The octet before the challenge.
        #[n(0)]
        identifier: u8,
        /// The challenge.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        challenge: Vec<u8>,
        /// MD5 over identifier, code and challenge.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        response: [u8; 16],
    },
    /// A response to a challenge, computed from the code: MS-CHAPv2 (RFC 2759).
    #[n(2)]
    MsChapV2 {
        /// What we sent.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        challenge: [u8; 16],
        /// What the peer chose.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        peer_challenge: [u8; 16],
        /// NT-Response.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        response: [u8; 24],
        /// The name that went into the response, without a domain.
        #[n(3)]
        #[cbor(with = "minicbor::bytes")]
        user_name: Vec<u8>,
    },
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
    /// To `Ask`: prompt for a code and send an attempt; in account management, the login goes on.
    #[n(0)]
    CodeNeeded(#[n(0)] Speech),
    /// To `Ask`: the policy says no code is asked here; the event is written.
    #[n(1)]
    CodeNotNeeded(#[n(0)] Speech),
    /// To `Attempt`: decided, durably.
    #[n(2)]
    Decided {
        /// Accept or reject.
        #[n(0)]
        verdict: Verdict,
        /// The account name of the request, unchanged, so that a reply can not serve another.
        #[n(1)]
        account: String,
        /// With an accept for a gateway: what else it may want to know.
        #[n(2)]
        accepted: Option<Box<Accepted>>,
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
    /// To `Password`: sealed, so that only the verifier knows whether it was right.
    #[cfg(feature = "radius")]
    #[n(6)]
    Ticket(#[n(0)] Secret),
    /// To `StateKeys`: the newest seals, all open.
    #[cfg(feature = "radius")]
    #[n(7)]
    StateKeys(#[n(0)] Vec<crate::radius::StateKey>),
    /// To `Session`: it is stored, durably.
    #[cfg(feature = "radius")]
    #[n(8)]
    SessionStored,
    /// To `AwaitOrders`.
    #[cfg(feature = "radius")]
    #[n(9)]
    Orders(#[n(0)] Vec<crate::radius::Order>),
    /// To `Ended`, `Seen` and `LoginSession`: taken.
    #[n(10)]
    Taken,
    /// To `Ask` in account management and in a change: a token must be put into use.
    #[n(11)]
    TokenWanted(#[n(0)] Box<Wanted>),
    /// To `Ask` in a change: there is nothing to put into use.
    #[n(12)]
    NothingWanted(#[n(0)] Speech),
    /// To `Start`: done, durably.
    #[n(13)]
    Started(#[n(0)] Box<Started>),
    /// To `Start`: not done, whatever the cause; why is for operators.
    #[n(14)]
    NotStarted,
}

/// What goes with an accept. For gateways; small enough for a frame of attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Accepted {
    /// The canonical name of the account.
    #[n(0)]
    pub account: String,
    /// Its groups in the store, in the order in which they were given.
    #[n(1)]
    pub groups: Vec<String>,
    /// Its attributes in the store: names and values.
    #[n(2)]
    pub attributes: Vec<(String, String)>,
    /// To an MS-CHAPv2 response.
    #[n(3)]
    pub ms_chap: Option<MsChapKeys>,
}

/// What only who knows the code can compute (RFC 2759 section 8.7, RFC 3079 section 3).
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct MsChapKeys {
    /// The authenticator response, 20 octets.
    #[n(0)]
    pub authenticator_response: Secret,
    /// What the server sends with, 16 octets.
    #[n(1)]
    pub send: Secret,
    /// What the server receives with, 16 octets.
    #[n(2)]
    pub receive: Secret,
}

impl std::fmt::Debug for MsChapKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MsChapKeys(..)")
    }
}
