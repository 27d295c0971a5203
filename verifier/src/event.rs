//! Events: what the journal records, one for each decision and each operation.
//!
//! An event never holds a seed, nor a code that was received or expected.

use std::fmt;

use minicbor::{Decode, Encode, decode};

use crate::account::AccountName;
use crate::place::Place;
use crate::serial::Serial;
use crate::session::{EndOutcome, SessionId};
use crate::store::Position;
use crate::time::{Now, Time};

/// The longest word that an operator can put on a receipt.
pub const NOTE_OCTETS_MAX: usize = 200;
/// The longest text of what an operation changed.
pub const DETAIL_OCTETS_MAX: usize = 4_096;
/// The longest idempotency key.
pub const REQUEST_KEY_OCTETS_MAX: usize = 64;
/// The longest name of who did something.
pub const ACTOR_OCTETS_MAX: usize = 128;

/// What happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// The wall clock when it was decided.
    #[n(0)]
    pub time: Time,
    /// What happened.
    #[n(1)]
    pub what: What,
    /// Whether the wall clock was doubted then.
    #[n(2)]
    pub doubted: bool,
}

impl Event {
    /// What happened, as the clocks say.
    pub fn at(now: Now, what: What) -> Self {
        Self {
            time: now.time,
            what,
            doubted: !now.steady,
        }
    }

    /// The latest time that the clock was seen at, after this event; `before` is what it was
    /// before it. Only what a code was accepted for and what was done move it: anybody can be
    /// rejected, or not be asked, and a stranger must not be able to hold the store to a clock that
    /// is wrong. A clock that is doubted does not move it either: it may be ahead by years, and when
    /// it is right again it must not seem to have gone backwards. Only an operator's word sets it
    /// back.
    pub fn newest(&self, before: Option<Time>) -> Option<Time> {
        match &self.what {
            What::Operation(event) if event.outcome != OperationOutcome::Done => before,
            What::Operation(event) if event.operation == OperationKind::ClockTrust => {
                Some(self.time)
            }
            What::Login(event) if !event.reason.spends() => before,
            What::Session(_) => before,
            _ if self.doubted => before,
            _ => before.max(Some(self.time)),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum What {
    /// Somebody tried to log in, or was let pass without a code.
    #[n(0)]
    Login(#[n(0)] LoginEvent),
    /// Somebody changed a token or an account, or tried to.
    #[n(1)]
    Operation(#[n(0)] OperationEvent),
    /// A gateway told of a session, or one was ended.
    #[n(2)]
    Session(#[n(0)] SessionEvent),
}

/// What is known of a session at a gateway. It is short: gateways report of each session every few
/// minutes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionEvent {
    /// What happened to it.
    #[n(0)]
    pub change: SessionChange,
    /// Which; `None` when it is about all sessions of a gateway.
    #[n(1)]
    pub session: Option<SessionId>,
    /// Whose, as far as known.
    #[n(2)]
    pub account: Option<AccountName>,
    /// The RADIUS client's name in the settings.
    #[n(3)]
    pub client: Box<str>,
    /// The gateway: its name or address.
    #[n(4)]
    pub nas: Box<str>,
    /// When it happened, as the gateway tells.
    #[n(5)]
    pub told: Option<Time>,
    /// Octets from the user.
    #[n(6)]
    pub octets_in: Option<u64>,
    /// Octets to the user.
    #[n(7)]
    pub octets_out: Option<u64>,
    /// How long it has lasted.
    #[n(8)]
    pub seconds: Option<u32>,
    /// Why it is over (RFC 2866, Acct-Terminate-Cause).
    #[n(9)]
    pub cause: Option<u32>,
    /// The session that had to make room for it.
    #[n(10)]
    pub pushed_out: Option<SessionId>,
}

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum SessionChange {
    /// It began.
    #[n(0)]
    Start,
    /// It goes on.
    #[n(1)]
    Interim,
    /// It is over.
    #[n(2)]
    Stop,
    /// The gateway has just started: so many sessions of it are over.
    #[n(3)]
    On(#[n(0)] u64),
    /// The gateway is about to end: so many sessions of it are over.
    #[n(4)]
    Off(#[n(0)] u64),
    /// We asked the gateway to end it.
    #[n(5)]
    End {
        /// What became of that.
        #[n(0)]
        outcome: EndOutcome,
        /// The operation that asked for it, if there was one.
        #[n(1)]
        receipt: Option<Position>,
    },
}

impl SessionChange {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "session-start",
            Self::Interim => "session-interim",
            Self::Stop => "session-stop",
            Self::On(_) => "gateway-on",
            Self::Off(_) => "gateway-off",
            Self::End { .. } => "session-end",
        }
    }
}

/// One decided login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoginEvent {
    /// Why it was decided so.
    #[n(0)]
    pub reason: Reason,
    /// The canonical name; `None` when what was typed is no account name. (It may then be a
    /// password typed into the wrong field, so it is not kept.)
    #[n(1)]
    pub account: Option<AccountName>,
    /// The token that the code belongs to.
    #[n(2)]
    pub serial: Option<Serial>,
    /// The step or counter that the code belongs to.
    #[n(3)]
    pub step: Option<u64>,
    /// Where.
    #[n(4)]
    pub place: Place,
}

/// Why a login was decided as it was. For operators only: outside, every reject is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// Accepted: the code is right and fresh.
    #[n(0)]
    RightCode,
    /// Not asked: the policy wants no code here.
    #[n(1)]
    NotAsked,
    /// What was typed as a name can not be one.
    #[n(2)]
    MalformedName,
    /// No such account.
    #[n(3)]
    UnknownAccount,
    /// The account is disabled.
    #[n(4)]
    AccountDisabled,
    /// The account has no token that is in use.
    #[n(5)]
    NoToken,
    /// All its tokens are suspended.
    #[n(6)]
    TokenSuspended,
    /// Too many failures in a row disabled its tokens.
    #[n(7)]
    TokenDisabled,
    /// What was typed is not 6 to 8 digits. No guess.
    #[n(8)]
    MalformedCode,
    /// The code was accepted before, or is older than what was. No guess.
    #[n(9)]
    AlreadyUsed,
    /// The code is wrong. Charged.
    #[n(10)]
    WrongCode,
    /// Too soon after wrong codes; not judged.
    #[n(11)]
    Waiting,
    /// Locked after too many wrong codes; not judged.
    #[n(12)]
    Locked,
    /// The wall clock went backwards past the newest event; not judged.
    #[n(13)]
    ClockBackwards,
    /// A seed does not open: wrong key, or a changed record.
    #[n(14)]
    SeedDoesNotOpen,
    /// The wall clock made a step that nothing explains; not judged.
    #[n(15)]
    ClockStepped,
    /// Accepted again: the gateway repeated what had been accepted a moment before. Not a login of
    /// its own.
    #[n(16)]
    AnsweredAgain,
    /// The gateway repeated what had been wrong a moment before. Not judged again, and no guess.
    #[n(17)]
    RejectedAgain,
    /// This round of a conversation was taken already. No guess.
    #[n(18)]
    RoundUsed,
    /// The password before the code is wrong; the code was not judged. Charged.
    #[n(19)]
    WrongPassword,
    /// The password before the code could not be judged. No guess.
    #[n(20)]
    FirstFactorUnavailable,
    /// This round of a conversation is over, or claims to last longer than any may: too late, or
    /// another clock. No guess.
    #[n(21)]
    RoundExpired,
    /// Not asked: the account never had a token, and is let in until a day to put one into use.
    #[n(22)]
    Grace,
    /// Not asked: the same login session gave a code a moment before.
    #[n(23)]
    SecondUse,
    /// Accepted: an emergency code, which is spent.
    #[n(24)]
    EmergencyCode,
    /// Accepted: a start code, which is spent. A token is to be put into use.
    #[n(25)]
    StartCode,
    /// Digits of the start-of-use password are wrong. Charged.
    #[n(26)]
    WrongStartPassword,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 27] = [
        Self::RightCode,
        Self::NotAsked,
        Self::MalformedName,
        Self::UnknownAccount,
        Self::AccountDisabled,
        Self::NoToken,
        Self::TokenSuspended,
        Self::TokenDisabled,
        Self::MalformedCode,
        Self::AlreadyUsed,
        Self::WrongCode,
        Self::Waiting,
        Self::Locked,
        Self::ClockBackwards,
        Self::SeedDoesNotOpen,
        Self::ClockStepped,
        Self::AnsweredAgain,
        Self::RejectedAgain,
        Self::RoundUsed,
        Self::WrongPassword,
        Self::FirstFactorUnavailable,
        Self::RoundExpired,
        Self::Grace,
        Self::SecondUse,
        Self::EmergencyCode,
        Self::StartCode,
        Self::WrongStartPassword,
    ];

    /// Whether whoever asked was let in, or given the code's verdict once more.
    pub const fn accepts(self) -> bool {
        self.spends() || matches!(self, Self::AnsweredAgain)
    }

    /// Whether a code was right, fresh, and is spent by it.
    pub const fn spends(self) -> bool {
        matches!(
            self,
            Self::RightCode | Self::EmergencyCode | Self::StartCode
        )
    }

    /// Whether whoever asked went on without being asked for a code.
    pub const fn lets_pass(self) -> bool {
        matches!(self, Self::NotAsked | Self::Grace | Self::SecondUse)
    }

    /// Whether it counts towards a lock.
    pub const fn is_charged(self) -> bool {
        matches!(
            self,
            Self::WrongCode | Self::WrongPassword | Self::WrongStartPassword
        )
    }

    /// The word for it, in logs, audit and counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RightCode => "right-code",
            Self::NotAsked => "not-asked",
            Self::MalformedName => "malformed-name",
            Self::UnknownAccount => "unknown-account",
            Self::AccountDisabled => "account-disabled",
            Self::NoToken => "no-token",
            Self::TokenSuspended => "token-suspended",
            Self::TokenDisabled => "token-disabled",
            Self::MalformedCode => "malformed-code",
            Self::AlreadyUsed => "already-used",
            Self::WrongCode => "wrong-code",
            Self::Waiting => "waiting",
            Self::Locked => "locked",
            Self::ClockBackwards => "clock-backwards",
            Self::SeedDoesNotOpen => "seed-does-not-open",
            Self::ClockStepped => "clock-stepped",
            Self::AnsweredAgain => "answered-again",
            Self::RejectedAgain => "rejected-again",
            Self::RoundUsed => "round-used",
            Self::WrongPassword => "wrong-password",
            Self::FirstFactorUnavailable => "first-factor-unavailable",
            Self::RoundExpired => "round-expired",
            Self::Grace => "grace",
            Self::SecondUse => "second-use",
            Self::EmergencyCode => "emergency-code",
            Self::StartCode => "start-code",
            Self::WrongStartPassword => "wrong-start-password",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OperationEvent {
    /// What was done.
    #[n(0)]
    pub operation: OperationKind,
    /// Whether it was done. A proof that failed is an event without a receipt.
    #[n(1)]
    pub outcome: OperationOutcome,
    /// Which token.
    #[n(2)]
    pub serial: Option<Serial>,
    /// The token that takes its place.
    #[n(3)]
    pub new_serial: Option<Serial>,
    /// Whose.
    #[n(4)]
    pub account: Option<AccountName>,
    /// Who did it.
    #[n(5)]
    pub actor: Actor,
    /// The word given with it.
    #[n(6)]
    pub note: Option<Note>,
    /// How many tokens, for an import; for a retention, the first position that is kept: everything
    /// before it may be gone, and nothing else.
    #[n(7)]
    pub count: Option<u64>,
    /// What changed, for a change of an account; which key, file or part of the journal.
    #[n(8)]
    pub detail: Option<Note>,
    /// Through which door it was asked for.
    #[n(9)]
    pub channel: Channel,
    /// The idempotency key that it came with: asked for again with it, it is not done again.
    #[n(10)]
    pub request: Option<RequestKey>,
    /// Who let it go on, where it took a second person.
    #[n(11)]
    pub approver: Option<Actor>,
}

/// Through which door an operation was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    /// `sekisho`, the CLI of admins and help desk.
    #[default]
    #[n(0)]
    Cli,
    /// A PAM conversation.
    #[n(1)]
    Pam,
    /// The verifier itself, of its own accord.
    #[n(2)]
    Verifier,
    /// A tool that works on the data folder while no verifier runs.
    #[n(3)]
    Offline,
    /// `sekisho self`, by its owner.
    #[n(4)]
    Own,
}

impl Channel {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Pam => "pam",
            Self::Verifier => "verifier",
            Self::Offline => "offline",
            Self::Own => "self",
        }
    }
}

/// An idempotency key: what a caller calls one request, so that it can ask for it again without
/// having it done again. 1 to [`REQUEST_KEY_OCTETS_MAX`] printable ASCII characters without blank;
/// each user has keys of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct RequestKey(Box<str>);

impl RequestKey {
    /// `None` if `text` can not be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=REQUEST_KEY_OCTETS_MAX).contains(&text.len());
        let clean = text.bytes().all(|octet| octet.is_ascii_graphic());
        (fits && clean).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'b, C> Decode<'b, C> for RequestKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::parse(d.str()?).ok_or_else(|| decode::Error::message("idempotency key"))
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum OperationKind {
    /// A token came into stock.
    #[n(0)]
    Issue,
    /// Tokens came into stock or into use from a list.
    #[n(1)]
    Import,
    /// The use of a token started.
    #[n(2)]
    Enroll,
    /// A token took the place of another.
    #[n(3)]
    Exchange,
    /// A token was given up.
    #[n(4)]
    Stop,
    /// A token was reported lost.
    #[n(5)]
    Lost,
    /// A token was put out of use for a while.
    #[n(6)]
    Suspend,
    /// A token was put into use again.
    #[n(7)]
    Resume,
    /// An account's lock was ended.
    #[n(8)]
    Unlock,
    /// An account was made or changed.
    #[n(9)]
    AccountSet,
    /// The wall clock was accepted as it is.
    #[n(10)]
    ClockTrust,
    /// A new data key seals from now on, and everything is being sealed anew by it.
    #[n(11)]
    KeyRotate,
    /// Some records were sealed anew.
    #[n(12)]
    Reseal,
    /// Everything is sealed anew; an old key is about to be destroyed.
    #[n(13)]
    KeyDestroy,
    /// Old parts of the journal are about to be removed; a snapshot stands for them.
    #[n(14)]
    Retain,
    /// A backup was made.
    #[n(15)]
    Backup,
    /// The store was restored from a backup; a new epoch begins.
    #[n(16)]
    Restore,
    /// The password of an account was set or removed.
    #[n(17)]
    PasswordSet,
    /// Sessions at gateways are to be ended.
    #[n(18)]
    SessionEnd,
    /// The owner of an account put a first token into use.
    #[n(19)]
    Start,
    /// Emergency codes were made or revoked.
    #[n(20)]
    Emergency,
    /// A start code was made.
    #[n(21)]
    StartCode,
    /// A start-of-use password was made or removed.
    #[n(22)]
    StartPassword,
    /// It was learned from two codes how far a token is off.
    #[n(23)]
    Resync,
    /// Several accounts were disabled at once.
    #[n(24)]
    AccountsDisable,
    /// Something was asked for that takes a second person.
    #[n(25)]
    ApprovalAsk,
    /// A second person let it go on.
    #[n(26)]
    Approve,
    /// A second person refused it.
    #[n(27)]
    ApprovalRefuse,
    /// Another policy took effect.
    #[n(28)]
    PolicyApply,
}

impl OperationKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Import => "import",
            Self::Enroll => "enroll",
            Self::Exchange => "exchange",
            Self::Stop => "stop",
            Self::Lost => "lost",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Unlock => "unlock",
            Self::AccountSet => "account-set",
            Self::ClockTrust => "clock-trust",
            Self::KeyRotate => "key-rotate",
            Self::Reseal => "reseal",
            Self::KeyDestroy => "key-destroy",
            Self::Retain => "audit-retain",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::PasswordSet => "password-set",
            Self::SessionEnd => "session-end",
            Self::Start => "start",
            Self::Emergency => "emergency",
            Self::StartCode => "start-code",
            Self::StartPassword => "start-password",
            Self::Resync => "resync",
            Self::AccountsDisable => "accounts-disable",
            Self::ApprovalAsk => "approval-ask",
            Self::Approve => "approve",
            Self::ApprovalRefuse => "approval-refuse",
            Self::PolicyApply => "policy-apply",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for OperationEvent {
    /// As `exchange SKTS00012345 SKTS00012346 of hana by root (uid 0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        for serial in [&self.serial, &self.new_serial].into_iter().flatten() {
            write!(f, " {serial}")?;
        }
        if let Some(account) = &self.account {
            write!(f, " of {account}")?;
        }
        write!(f, " by {}", self.actor)
    }
}

/// Whether an operation was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum OperationOutcome {
    /// Done; the event is its receipt.
    #[n(0)]
    Done,
    /// The code did not prove the token.
    #[n(1)]
    NotProven(#[n(0)] Reason),
}

/// Who did something: a Unix user, as the kernel told it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Actor {
    /// The uid.
    #[n(0)]
    pub uid: u32,
    /// The name of that uid then; cleaned and cut.
    #[n(1)]
    #[cbor(decode_with = "decode_actor_name")]
    pub name: Box<str>,
}

impl Actor {
    /// Cleans and cuts `name`.
    pub fn new(uid: u32, name: &str) -> Self {
        Self {
            uid,
            name: printable(name, ACTOR_OCTETS_MAX).into(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (uid {})", self.name, self.uid)
    }
}

fn decode_actor_name<C>(
    d: &mut minicbor::Decoder<'_>,
    _: &mut C,
) -> Result<Box<str>, decode::Error> {
    decode_printable(d, ACTOR_OCTETS_MAX)
}

/// A word on a receipt: bounded, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
#[cbor(transparent)]
pub struct Note(Box<str>);

impl Note {
    /// Cleans and cuts `text`; nothing is left of an empty one.
    pub fn new(text: &str) -> Option<Self> {
        let clean = printable(text, NOTE_OCTETS_MAX);
        (!clean.is_empty()).then(|| Self(clean.into()))
    }

    /// What changed, which may be longer than a word.
    pub fn detail(text: &str) -> Option<Self> {
        let clean = printable(text, DETAIL_OCTETS_MAX);
        (!clean.is_empty()).then(|| Self(clean.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'b, C> Decode<'b, C> for Note {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decode_printable(d, DETAIL_OCTETS_MAX).map(Self)
    }
}

/// What was cleaned and cut before it was written. A line break in it would be a line of its own
/// in a signed receipt.
fn decode_printable(
    d: &mut minicbor::Decoder<'_>,
    octets: usize,
) -> Result<Box<str>, decode::Error> {
    let text = d.str()?;
    if text.len() > octets || text.chars().any(char::is_control) {
        return Err(decode::Error::message("text"));
    }
    Ok(text.into())
}

/// Control characters would reach the terminals of those who read the audit, and characters that
/// turn the direction of writing, or that nobody sees, would make it read otherwise.
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Cleans and cuts a text that comes from elsewhere.
pub(crate) fn printable(text: &str, octets: usize) -> String {
    let mut clean: String = text.trim().chars().filter(|&c| !misleads(c)).collect();
    clean.truncate(clean.floor_char_boundary(octets));
    clean
}
