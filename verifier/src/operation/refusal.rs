//! Why an operation was not done.

use super::IMPORT_TOKENS_MAX;
use crate::account::{
    ALIASES_MAX, ATTRIBUTES_MAX, AccountName, AttributeName, EMERGENCY_CODES_MAX, GROUPS_MAX,
    GroupName, PROFILE_OCTETS_MAX, TOKENS_MAX,
};
use crate::event::Reason;
use crate::lifecycle::TokenState;
use crate::serial::Serial;
use crate::session::SessionId;
use crate::spare::EMERGENCY_SECONDS;

/// Why an operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such token.
    #[error("there is no token {0}")]
    NoSuchToken(Serial),
    /// No such account.
    #[error("there is no account {0}")]
    NoSuchAccount(AccountName),
    /// The serial is taken.
    #[error("there is a token {0} already")]
    TokenExists(Serial),
    /// No free serial was found.
    #[error("no free serial was found for the prefix {0}")]
    NoFreeSerial(String),
    /// The token's state does not permit it.
    #[error("token {0} is {1}")]
    State(Serial, TokenState),
    /// An exchange for itself.
    #[error("token {0} can not be exchanged for itself")]
    SameToken(Serial),
    /// The code does not prove the token.
    #[error("the code does not prove token {0}: {1}")]
    NotProven(Serial, Reason),
    /// The account has all the tokens it may have.
    #[error("account {0} has {TOKENS_MAX} live tokens, the most there may be")]
    TooManyTokens(AccountName),
    /// The account is disabled.
    #[error("account {0} is disabled")]
    AccountDisabled(AccountName),
    /// The account is not locked.
    #[error("account {0} is not locked")]
    NotLocked(AccountName),
    /// The change changes nothing.
    #[error("account {0} is so already")]
    NothingToChange(AccountName),
    /// The name is in use.
    #[error("the name {0} is in use")]
    NameTaken(AccountName),
    /// Too many other names.
    #[error("account {0} has {ALIASES_MAX} other names, the most there may be")]
    TooManyAliases(AccountName),
    /// Not another name of this account.
    #[error("{1} is not another name of account {0}")]
    NotAnAlias(AccountName, AccountName),
    /// Not in this group.
    #[error("account {0} is not in the group {1}")]
    NotInGroup(AccountName, GroupName),
    /// Too many groups.
    #[error("account {0} would have more than {GROUPS_MAX} groups, the most there may be")]
    TooManyGroups(AccountName),
    /// No such attribute.
    #[error("account {0} has no attribute {1}")]
    NoSuchAttribute(AccountName, AttributeName),
    /// Too many attributes.
    #[error("account {0} would have more than {ATTRIBUTES_MAX} attributes, the most there may be")]
    TooManyAttributes(AccountName),
    /// Groups and attributes would not fit what a gateway is told.
    #[error(
        "the groups and attributes of account {0} would have more than {PROFILE_OCTETS_MAX} octets together, the most there may be"
    )]
    ProfileTooLarge(AccountName),
    /// One event could not tell of all of it.
    #[error("so much can not be changed at once")]
    TooMuchAtOnce,
    /// There is no password to remove.
    #[error("account {0} has no password here")]
    NoPassword(AccountName),
    /// No such session.
    #[error("there is no session {0}")]
    NoSuchSession(SessionId),
    /// The clock is right as it is.
    #[error("the clock is trusted")]
    ClockIsTrusted,
    /// The seeds of an import are sealed by a data key that is no longer current.
    #[error("the data key was changed while the file was read")]
    KeyChanged,
    /// Lines of an import, with what is wrong.
    #[error("{}", faults(.0))]
    Import(Vec<(u64, String)>),
    /// More tokens than an import may have.
    #[error("an import has at most {IMPORT_TOKENS_MAX} tokens")]
    ImportTooLarge,
    /// Whoever asks did not show that the account is theirs.
    #[error("it was not proven who owns account {0}: {1}")]
    NotOwner(AccountName, Reason),
    /// The old token's code or a start code is needed.
    #[error("account {0} has or had a token: its code or a start code is needed")]
    OldTokenNeeded(AccountName),
    /// An exchange where there is no token that could end.
    #[error("account {0} has no token that could be exchanged")]
    NoOldToken(AccountName),
    /// A first start where there is a token already.
    #[error("account {0} has a token: another takes its place by an exchange")]
    HasToken(AccountName),
    /// A start code would stand for one of several.
    #[error("account {0} has several tokens: end the one first that is gone")]
    SeveralTokens(AccountName),
    /// Not a token of this account.
    #[error("token {1} is not of account {0}")]
    NotTheirs(AccountName, Serial),
    /// Too many wrong answers.
    #[error("the start-of-use password of account {0} is used up: make another")]
    StartPasswordUsedUp(AccountName),
    /// There is no start-of-use password to remove.
    #[error("account {0} has no start-of-use password")]
    NoStartPassword(AccountName),
    /// Emergency codes that are too many, or good for too short or too long.
    #[error(
        "there are at most {EMERGENCY_CODES_MAX} emergency codes, good for {} to {} seconds",
        EMERGENCY_SECONDS.start(),
        EMERGENCY_SECONDS.end()
    )]
    EmergencyBounds,
    /// Farther off than the policy lets a token be.
    #[error("token {0} is {1} steps off, more than the policy allows: exchange it")]
    TooFarOff(Serial, i64),
    /// All of them are disabled already, or none was named.
    #[error("there is no account to disable")]
    NothingToDisable,
    /// An import of nothing.
    #[error("the import holds no token")]
    EmptyImport,
}

fn faults(lines: &[(u64, String)]) -> String {
    let text: Vec<_> = lines
        .iter()
        .map(|(line, fault)| format!("line {line}: {fault}"))
        .collect();
    text.join("; ")
}
