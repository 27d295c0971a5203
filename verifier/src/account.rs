//! Accounts: who owns tokens.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::guess::Guesses;
use crate::serial::Serial;
use crate::time::Time;

/// The longest account name.
pub const ACCOUNT_OCTETS_MAX: usize = 128;
/// The most live tokens of an account: a second device, and one to change over.
pub const TOKENS_MAX: usize = 4;
/// How many ended tokens an account remembers, for explanations.
pub const ENDED_TOKENS_MAX: usize = 4;
/// The most other names of an account.
pub const ALIASES_MAX: usize = 8;

/// Why a text is no account name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountNameError {
    /// Empty, or longer than [`ACCOUNT_OCTETS_MAX`].
    #[error("an account name has 1 to {ACCOUNT_OCTETS_MAX} characters")]
    Length,
    /// A character that an account name can not have.
    #[error("an account name has ASCII letters, digits and . _ - @ + $ only")]
    Character,
    /// Reads like an option or a path.
    #[error("an account name does not begin with - or consist of dots")]
    Start,
}

/// An account's name in its one canonical spelling: lower case.
///
/// Case is folded because gateways let people type it as they like, and a second spelling must
/// not be a second account with tries of its own (Authelia's CVE-2025-24806, FortiOS's
/// CVE-2020-12812). What is not plain ASCII is refused instead of normalised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct AccountName(Box<str>);

impl AccountName {
    /// Checks and folds `text`.
    pub fn parse(text: &str) -> Result<Self, AccountNameError> {
        if text.is_empty() || text.len() > ACCOUNT_OCTETS_MAX {
            return Err(AccountNameError::Length);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+$".contains(&b);
        if !text.bytes().all(allowed) {
            return Err(AccountNameError::Character);
        }
        if text.starts_with('-') || text.bytes().all(|b| b == b'.') {
            return Err(AccountNameError::Start);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for AccountName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// The canonical name; the account's identity.
    #[n(0)]
    pub name: AccountName,
    /// Other names that mean this account; each has a record of its own.
    #[n(1)]
    pub aliases: Vec<AccountName>,
    /// Live tokens: active or suspended.
    #[n(2)]
    pub serials: Vec<Serial>,
    /// Tokens that ended, newest first.
    #[n(3)]
    pub ended: Vec<Serial>,
    /// Whether logins where accounts may choose ask for a code.
    #[n(4)]
    pub code_required: bool,
    /// Whether no login is accepted at all.
    #[n(5)]
    pub disabled: bool,
    /// Wrong codes, for all doors together.
    #[n(6)]
    pub guesses: Guesses,
    /// When it was made.
    #[n(7)]
    pub created: Time,
}

impl Account {
    /// A new account: no tokens, codes required.
    pub fn new(name: AccountName, now: Time) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            serials: Vec::new(),
            ended: Vec::new(),
            code_required: true,
            disabled: false,
            guesses: Guesses::default(),
            created: now,
        }
    }

    /// Takes note that the token `serial` has ended.
    pub fn end_token(&mut self, serial: &Serial) {
        self.serials.retain(|live| live != serial);
        self.ended.retain(|ended| ended != serial);
        self.ended.insert(0, serial.clone());
        self.ended.truncate(ENDED_TOKENS_MAX);
    }
}
