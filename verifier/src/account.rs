//! Accounts: who owns tokens.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::guess::Guesses;
use crate::seal::SealedSecret;
use crate::serial::Serial;
use crate::spare::START_GRANTED;
use crate::time::Time;

/// The longest account name.
pub const ACCOUNT_OCTETS_MAX: usize = 128;
/// The most live tokens of an account: a second device, and one to change over.
pub const TOKENS_MAX: usize = 4;
/// How many ended tokens an account remembers, for explanations.
pub const ENDED_TOKENS_MAX: usize = 4;
/// The most other names of an account.
pub const ALIASES_MAX: usize = 8;
/// The most groups of an account.
pub const GROUPS_MAX: usize = 32;
/// The longest name of a group.
pub const GROUP_OCTETS_MAX: usize = 128;
/// The most attributes of an account.
pub const ATTRIBUTES_MAX: usize = 16;
/// The longest name of an attribute.
pub const ATTRIBUTE_NAME_OCTETS_MAX: usize = 32;
/// The longest value of an attribute: what a RADIUS attribute holds.
pub const ATTRIBUTE_VALUE_OCTETS_MAX: usize = 253;
/// Octets of all groups and attributes of an account together: they go into the frame of an accept.
pub const PROFILE_OCTETS_MAX: usize = 2_048;
/// The longest hash of a password.
pub const PASSWORD_HASH_OCTETS_MAX: usize = 256;
/// How many rounds of conversations an account remembers as taken. When so many can still be
/// continued no further one is taken.
pub const ROUNDS_MAX: usize = 64;
/// How many wrong proofs an account remembers, so that a repetition of one is not charged.
pub const WRONG_PROOFS_MAX: usize = 8;
/// How many packets with a wrong proof an account remembers, however old they are: who recorded one
/// must not lock the account by sending it again.
pub const WRONG_PACKETS_MAX: usize = 32;
/// The most emergency codes of an account.
pub const EMERGENCY_CODES_MAX: usize = 20;
/// Octets of a [`Mark`].
pub const MARK_OCTETS: usize = 16;

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

/// Why a text is no group's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a group has 1 to {GROUP_OCTETS_MAX} ASCII letters, digits and . _ - @ + $, and does not begin with -"
)]
pub struct NotAGroup;

/// A group's name. It has the characters of an account name, and the case in which it was given:
/// gateways compare what they are told letter by letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct GroupName(Box<str>);

impl GroupName {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, NotAGroup> {
        // An account name's rules, and its length.
        AccountName::parse(text).map_err(|_| NotAGroup)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for GroupName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}

/// Why a text is no attribute's name, or no value of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// The name.
    #[error(
        "an attribute's name has 1 to {ATTRIBUTE_NAME_OCTETS_MAX} lower-case ASCII letters, digits and -"
    )]
    Name,
    /// The value.
    #[error(
        "an attribute's value has 1 to {ATTRIBUTE_VALUE_OCTETS_MAX} octets and no control characters"
    )]
    Value,
}

/// The name of an attribute of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct AttributeName(Box<str>);

impl AttributeName {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, AttributeError> {
        let fits = (1..=ATTRIBUTE_NAME_OCTETS_MAX).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (fits && text.bytes().all(allowed))
            .then(|| Self(text.into()))
            .ok_or(AttributeError::Name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for AttributeName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}

/// The value of an attribute of an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
#[cbor(transparent)]
pub struct AttributeValue(Box<str>);

impl AttributeValue {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, AttributeError> {
        let fits = (1..=ATTRIBUTE_VALUE_OCTETS_MAX).contains(&text.len());
        (fits && !text.chars().any(misleads))
            .then(|| Self(text.into()))
            .ok_or(AttributeError::Value)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for AttributeValue {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}

/// An attribute of an account: what a gateway may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Attribute {
    /// Its name, which an account has once.
    #[n(0)]
    pub name: AttributeName,
    /// Its value.
    #[n(1)]
    pub value: AttributeValue,
}

/// The text is no hash of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no hash of a password")]
pub struct NotAHash;

/// The hash of a password, as a PHC string. What it holds is judged by who makes it; here it is a
/// bounded text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Checks the form of `text`.
    pub fn parse(text: &str) -> Result<Self, NotAHash> {
        let fits = (2..=PASSWORD_HASH_OCTETS_MAX).contains(&text.len());
        let printable = text.bytes().all(|b| b.is_ascii_graphic());
        (fits && printable && text.starts_with('$'))
            .then(|| Self(Zeroizing::new(text.to_owned())))
            .ok_or(NotAHash)
    }

    /// The PHC string.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl<C> Encode<C> for PasswordHash {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PasswordHash {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}

/// What a proof is recognised by when it comes again: a keyed digest, which tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Mark(#[cbor(with = "minicbor::bytes")] pub [u8; MARK_OCTETS]);

/// A round of a conversation that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct UsedRound {
    /// Its id.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Until when it could be continued; later it need not be remembered.
    #[n(1)]
    pub until: Time,
}

/// A wrong proof that was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct WrongProof {
    /// What it is recognised by.
    #[n(0)]
    pub mark: Mark,
    /// Until when its repetition is not charged.
    #[n(1)]
    pub until: Time,
}

/// The languages that there are texts in.
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

    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The language of a tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

/// A code that was not used yet and works without a token: an emergency code, or a start code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SpareMark {
    /// What it is recognised by.
    #[n(0)]
    pub mark: Mark,
    /// Until when it is good.
    #[n(1)]
    pub until: Time,
}

/// The newest accept of an emergency code, as long as the gateway that it was given to may ask for it
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SpareAnswered {
    /// What the gateway, its request and the code are recognised by.
    #[n(0)]
    pub by: Mark,
    /// Until when it is given again.
    #[n(1)]
    pub until: Time,
    /// How often it was.
    #[n(2)]
    pub times: u8,
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
    /// Its groups, in the order in which they were given.
    #[n(8)]
    #[cbor(default)]
    pub groups: Vec<GroupName>,
    /// Its attributes, in the order in which they were given.
    #[n(9)]
    #[cbor(default)]
    pub attributes: Vec<Attribute>,
    /// The hash of its password, for gateways that ask for one that is kept here.
    #[n(10)]
    pub password: Option<PasswordHash>,
    /// Rounds of conversations that were taken and could still be continued; at most
    /// [`ROUNDS_MAX`].
    #[n(11)]
    #[cbor(default)]
    pub rounds: Vec<UsedRound>,
    /// The newest wrong proofs that came with a correlation, newest last; at most
    /// [`WRONG_PROOFS_MAX`].
    #[n(12)]
    #[cbor(default)]
    pub wrong_proofs: Vec<WrongProof>,
    /// The newest packets whose proof was wrong, newest last; at most [`WRONG_PACKETS_MAX`].
    #[n(13)]
    #[cbor(default)]
    pub wrong_packets: Vec<Mark>,
    /// The language to speak with it, if it has chosen one.
    #[n(14)]
    pub language: Option<Language>,
    /// The start-of-use password, of which a start of use asks some digits.
    #[n(15)]
    pub start_password: Option<SealedSecret>,
    /// So many wrong answers were given to it.
    #[n(16)]
    #[cbor(default)]
    pub start_tries: u32,
    /// What the marks of spare codes are made with, as long as there are any.
    #[n(17)]
    pub spare_key: Option<SealedSecret>,
    /// Emergency codes that were not used; at most [`EMERGENCY_CODES_MAX`].
    #[n(18)]
    #[cbor(default)]
    pub emergency: Vec<SpareMark>,
    /// A start code that was not used.
    #[n(19)]
    pub start_code: Option<SpareMark>,
    /// A start code was used: until this moment a token can be put into use without the old one.
    #[n(20)]
    pub start_granted_until: Option<Time>,
    /// Whether its next login must put another token in the place of the one in use.
    #[n(21)]
    #[cbor(default)]
    pub exchange_required: bool,
    /// The newest accept of an emergency code, if it came with a correlation.
    #[n(22)]
    pub spare_answered: Option<SpareAnswered>,
    /// Emergency codes that were used, newest last: who types one again has not guessed. At most
    /// [`EMERGENCY_CODES_MAX`].
    #[n(23)]
    #[cbor(default)]
    pub emergency_spent: Vec<Mark>,
}

/// Characters that would make a terminal or a line of a receipt read otherwise.
fn misleads(c: char) -> bool {
    crate::event::misleads(c)
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
            groups: Vec::new(),
            attributes: Vec::new(),
            password: None,
            rounds: Vec::new(),
            wrong_proofs: Vec::new(),
            wrong_packets: Vec::new(),
            language: None,
            start_password: None,
            start_tries: 0,
            spare_key: None,
            emergency: Vec::new(),
            start_code: None,
            start_granted_until: None,
            exchange_required: false,
            spare_answered: None,
            emergency_spent: Vec::new(),
        }
    }

    /// Whether it has a token, or ever had one.
    pub fn had_token(&self) -> bool {
        !self.serials.is_empty() || !self.ended.is_empty()
    }

    /// Whether a start code that was used still stands for the old token at `now`.
    pub fn is_granted(&self, now: Time) -> bool {
        let latest = now.after(START_GRANTED);
        self.start_granted_until
            .is_some_and(|until| now < until && until <= latest)
    }

    /// Takes note that the use of a token starts: whatever helped to do without one is over.
    pub(crate) fn token_started(&mut self) {
        self.drop_spare_codes();
        self.start_password = None;
        self.start_tries = 0;
        self.exchange_required = false;
    }

    /// A key that makes no mark any more goes.
    pub(crate) fn drop_unused_spare_key(&mut self) {
        let unused = self.emergency.is_empty()
            && self.emergency_spent.is_empty()
            && self.start_code.is_none();
        if unused {
            self.spare_key = None;
        }
    }

    /// Takes all spare codes away, and what a used one permits. Whether there was anything.
    pub(crate) fn drop_spare_codes(&mut self) -> bool {
        let had = self.spare_key.is_some()
            || !self.emergency.is_empty()
            || self.start_code.is_some()
            || self.start_granted_until.is_some()
            || self.spare_answered.is_some();
        self.spare_key = None;
        self.emergency.clear();
        self.start_code = None;
        self.start_granted_until = None;
        self.spare_answered = None;
        self.emergency_spent.clear();
        had
    }

    /// Octets of all groups and attributes together; at most [`PROFILE_OCTETS_MAX`].
    pub fn profile_octets(&self) -> usize {
        let groups = self.groups.iter().map(|group| group.as_str().len());
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|a| a.name.as_str().len() + a.value.as_str().len());
        groups.sum::<usize>() + attributes.sum::<usize>()
    }

    /// Takes note that the token `serial` has ended.
    pub fn end_token(&mut self, serial: &Serial) {
        self.serials.retain(|live| live != serial);
        self.ended.retain(|ended| ended != serial);
        self.ended.insert(0, serial.clone());
        self.ended.truncate(ENDED_TOKENS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was written before gateways wanted to know more, and before people could help themselves.
    #[test]
    fn an_account_of_before_reads_without_what_came_later() {
        let name = AccountName::parse("mori").expect("a name");
        let account = Account::new(name, Time::from_millis(7));
        let mut whole = minicbor::to_vec(&account).expect("octets");
        let for_gateways = [0x80, 0x80, 0xF6, 0x80, 0x80, 0x80];
        let for_people = [0xF6, 0xF6, 0x00, 0xF6, 0x80, 0xF6, 0xF6, 0xF4, 0xF6, 0x80];
        let later = [for_gateways.as_slice(), &for_people].concat();
        assert!(whole.ends_with(&later));
        assert_eq!(whole[..2], [0x98, 24], "an array of 24");
        for (fields, dropped) in [(14, for_people.len()), (8, for_gateways.len())] {
            whole.truncate(whole.len() - dropped);
            let head = [0x80 + fields];
            let before = [&head, &whole[2..]].concat();
            let read: Account = minicbor::decode(&before).expect("an account");
            assert_eq!(read, account);
        }
    }

    #[test]
    fn groups_and_attributes_are_bounded() {
        for good in ["VPN-Staff", "a", "x@y.z_1+$"] {
            assert_eq!(GroupName::parse(good).expect("a group").as_str(), good);
        }
        for bad in ["", "-a", "a b", "a,b", "gr\u{fc}n", "a\n", &"a".repeat(129)] {
            assert_eq!(GroupName::parse(bad), Err(NotAGroup), "{bad:?}");
        }
        for bad in ["", "Upper", "a_b", "a b", &"a".repeat(33)] {
            assert_eq!(
                AttributeName::parse(bad),
                Err(AttributeError::Name),
                "{bad:?}"
            );
        }
        assert!(AttributeName::parse("framed-ip-1").is_ok());
        for bad in ["", "a\nb", "\u{202e}", &"a".repeat(254)] {
            assert_eq!(
                AttributeValue::parse(bad),
                Err(AttributeError::Value),
                "{bad:?}"
            );
        }
        assert!(AttributeValue::parse("ip:addr-pool=staff, \u{fc}").is_ok());
    }

    #[test]
    fn a_hash_is_bounded_and_never_printed() {
        let hash = PasswordHash::parse("$argon2id$v=19$secret").expect("a hash");
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
        let long = format!("${}", "a".repeat(PASSWORD_HASH_OCTETS_MAX));
        for bad in ["", "$", "clear", "$a b", "$a\n", &long] {
            assert_eq!(PasswordHash::parse(bad), Err(NotAHash), "{bad:?}");
        }
    }
}
