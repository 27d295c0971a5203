//! How a call ended, and the one path on which every denial leaves.

use std::fmt;

use crate::answer::Unfit;
use crate::handle::{Handle, Level, NoAnswer, NotKept};
use crate::login::NoLogin;
use crate::options::OptionError;
use crate::return_code::ReturnCode;
use crate::verifier::{Accepted, Exempt, Failure};

/// How an authentication ended well.
#[derive(Debug, PartialEq, Eq)]
pub enum Passed {
    /// With a code.
    Accepted(Accepted),
    /// Without, by policy.
    Exempt(Exempt),
}

impl From<&Passed> for ReturnCode {
    fn from(passed: &Passed) -> Self {
        match passed {
            Passed::Accepted(_) => Self::Success,
            Passed::Exempt(_) => Self::Ignore,
        }
    }
}

/// Why not.
#[derive(Debug)]
pub enum Denial {
    /// The verifier said no.
    Rejected,
    /// It said no as often as one call may ask.
    TriesUsedUp,
    /// What was typed was not sent.
    Unfit(Unfit),
    /// No account can have this name.
    NoSuchName,
    /// There was no answer.
    NoAnswer(NoAnswer),
    /// `use_first_pass`, and no code was there.
    NoFirstPass,
    /// The host did not say who logs in where.
    NoLogin(NoLogin),
    /// The verifier did not decide.
    Verifier(Failure),
    /// The service file.
    Options(OptionError),
    /// libpam did not take what was given to it.
    NotKept,
    /// libpam called the second pass of a change without the first, or nothing is wanted any more.
    NotWanted,
}

impl Denial {
    /// What PAM is told.
    pub fn return_code(&self) -> ReturnCode {
        match self {
            Self::Rejected
            | Self::Unfit(_)
            | Self::NoSuchName
            | Self::NoAnswer(_)
            | Self::NoFirstPass
            | Self::NoLogin(NoLogin::NoUser(_))
            | Self::Verifier(Failure::OtherAccount) => ReturnCode::AuthErr,
            Self::TriesUsedUp => ReturnCode::MaxTries,
            Self::Verifier(Failure::NotPermitted)
            | Self::NoLogin(NoLogin::NoService)
            | Self::Options(_)
            | Self::NotKept
            | Self::NotWanted => ReturnCode::ServiceErr,
            Self::Verifier(Failure::Client(_) | Failure::Unavailable | Failure::OutOfTurn) => {
                ReturnCode::AuthinfoUnavail
            }
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Verifier(_)
            | Self::Options(_)
            | Self::NoLogin(NoLogin::NoService)
            | Self::NotKept
            | Self::NotWanted => Level::Error,
            _ => Level::Notice,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "the verifier rejected the attempt",
            Self::TriesUsedUp => "the verifier rejected each attempt",
            Self::Unfit(Unfit::Empty) => "the answer is empty",
            Self::Unfit(Unfit::TooLong) => "the answer is too long",
            Self::Unfit(Unfit::Withheld) => "the host withheld the answer: no login of this user",
            Self::Unfit(Unfit::OnePart) => "the answer is not a password with a code behind it",
            Self::Unfit(Unfit::Unclear) => "the answer is neither yes nor no, or no text",
            Self::NoSuchName => "no account can have this name",
            Self::NoAnswer(_) => "there was no answer to the prompt",
            Self::NoFirstPass => "no module before this one has got a code",
            Self::NoLogin(NoLogin::NoUser(_)) => "the host has no user name",
            Self::NoLogin(NoLogin::NoService) => "the host has no usable service name",
            Self::Verifier(failure) => return failure.fmt(f),
            Self::Options(error) => return error.fmt(f),
            Self::NotKept => "libpam has no room for what it must keep",
            Self::NotWanted => "no token is wanted any more",
        })
    }
}

impl From<Failure> for Denial {
    fn from(failure: Failure) -> Self {
        Self::Verifier(failure)
    }
}

impl From<NoLogin> for Denial {
    fn from(error: NoLogin) -> Self {
        Self::NoLogin(error)
    }
}

impl From<NoAnswer> for Denial {
    fn from(error: NoAnswer) -> Self {
        Self::NoAnswer(error)
    }
}

impl From<Unfit> for Denial {
    fn from(error: Unfit) -> Self {
        Self::Unfit(error)
    }
}

impl From<NotKept> for Denial {
    fn from(_: NotKept) -> Self {
        Self::NotKept
    }
}

impl From<OptionError> for Denial {
    fn from(error: OptionError) -> Self {
        Self::Options(error)
    }
}

/// Logs a denial with its exact cause and gives the code that says no more than it must.
///
/// `user` is the name for the log, as far as it is known.
pub fn deny(handle: &mut impl Handle, denial: &Denial, user: Option<&str>) -> ReturnCode {
    match user {
        Some(user) => handle.log(denial.level(), &format!("denied: {denial}; user={user}")),
        None => handle.log(denial.level(), &format!("denied: {denial}")),
    }
    denial.return_code()
}
