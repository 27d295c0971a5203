//! The way out: what the verifier is asked, and what its replies mean here.
//!
//! [`Accepted`], [`Exempt`] and [`InUse`] are made in this file only, each from the one reply that
//! means it.
//! A wrong answer of this file is an attack on the login.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use sekisho_verifier_socket::{
    Ask, Attempt, Client, ClientError, Phase, Place, Reply, Request, Secret, Speech, Start,
    Started, Verdict, Wanted,
};

/// Carries one request to the verifier and its reply back, by `deadline`.
///
/// Returning a reply that the verifier did not give to this very request is an attack.
pub trait Verifier {
    /// See the trait.
    fn call(
        &mut self,
        socket: &Path,
        request: Request,
        deadline: Instant,
    ) -> Result<Reply, ClientError>;
}

/// The real verifier: connect, ask, close.
///
/// No connection is kept while somebody looks for a token: it would be one that strangers at a
/// prompt hold open, and one that a restart of the verifier breaks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketVerifier;

impl Verifier for SocketVerifier {
    fn call(
        &mut self,
        socket: &Path,
        request: Request,
        deadline: Instant,
    ) -> Result<Reply, ClientError> {
        Client::connect(socket, deadline)?.call(request, deadline)
    }
}

/// The verifier said, about this account, that the code is right and now spent.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted(());

/// The verifier said that its policy asks no code here, and wrote that down.
#[derive(Debug, PartialEq, Eq)]
pub struct Exempt(());

/// The verifier put a token into use, and wrote that down.
#[derive(Debug, PartialEq, Eq)]
pub struct InUse(Started);

impl InUse {
    /// Number, time and serials.
    pub fn receipt(&self) -> &Started {
        &self.0
    }
}

/// What is needed to log in.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    /// A code, asked for like this.
    Code(Speech),
    /// None.
    Nothing(Exempt),
}

/// Whether a token is to be put into use.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    /// And what to ask for.
    Wanted(Box<Wanted>),
    /// The verifier said so; being away is no such word.
    NotWanted(Speech),
}

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    /// Right.
    Accepted(Accepted),
    /// Anything else.
    Rejected,
}

/// Why there is no judgement.
#[derive(Debug)]
pub enum Failure {
    /// No reply.
    Client(ClientError),
    /// The verifier could not decide.
    Unavailable,
    /// A reply that does not belong to this request.
    OutOfTurn,
    /// A verdict about somebody else.
    OtherAccount,
    /// The verifier does not take this from us.
    NotPermitted,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Unavailable => f.write_str("the verifier can not decide now"),
            Self::OutOfTurn => f.write_str("the verifier's reply is to another kind of request"),
            Self::OtherAccount => f.write_str("the verifier's verdict is about another account"),
            Self::NotPermitted => f.write_str("the verifier does not take this from this process"),
        }
    }
}

impl std::error::Error for Failure {}

/// How long the verifier has for all that one call of ours leaves unanswered.
///
/// `login` gives 60 s for everything, and a person waits: 3 s, then no.
pub const LIMIT: Duration = Duration::from_secs(3);
/// The share of [`LIMIT`] that the first question may use, so that a code, once it is sent, has
/// time to be answered: a code whose answer is lost is spent for nothing.
pub const ASK_LIMIT: Duration = Duration::from_millis(1_500);

/// The most characters of a start-of-use password that one question names.
pub const POSITIONS_MAX: usize = 10;

/// The verifier at one socket, on behalf of one login.
#[derive(Debug)]
pub struct Line<'a, V> {
    verifier: &'a mut V,
    socket: &'a Path,
    left: Duration,
}

impl<'a, V: Verifier> Line<'a, V> {
    /// Nothing is connected before something is asked.
    pub fn new(verifier: &'a mut V, socket: &'a Path) -> Self {
        Self {
            verifier,
            socket,
            left: LIMIT,
        }
    }

    /// Is a code needed?
    pub fn ask(&mut self, account: &str, place: &Place) -> Result<Need, Failure> {
        match self.question(account, place, Phase::Authenticate)? {
            Reply::CodeNeeded(speech) => Ok(Need::Code(speech)),
            Reply::CodeNotNeeded(_) => Ok(Need::Nothing(Exempt(()))),
            reply => Err(unwanted(&reply)),
        }
    }

    /// Must a token be put into use before the login goes on ([`Phase::Account`]); could one be
    /// ([`Phase::Change`])?
    pub fn ask_token(
        &mut self,
        account: &str,
        place: &Place,
        phase: Phase,
    ) -> Result<Token, Failure> {
        match (phase, self.question(account, place, phase)?) {
            (Phase::Account | Phase::Change, Reply::TokenWanted(wanted))
                if wanted.positions.len() <= POSITIONS_MAX =>
            {
                Ok(Token::Wanted(wanted))
            }
            (Phase::Account, Reply::CodeNeeded(speech) | Reply::CodeNotNeeded(speech))
            | (Phase::Change, Reply::NothingWanted(speech)) => Ok(Token::NotWanted(speech)),
            (_, reply) => Err(unwanted(&reply)),
        }
    }

    fn question(&mut self, account: &str, place: &Place, phase: Phase) -> Result<Reply, Failure> {
        let asked = Instant::now();
        let request = Request::Ask(Ask {
            account: account.to_owned(),
            place: place.clone(),
            phase,
        });
        let reply = self
            .verifier
            .call(self.socket, request, asked + ASK_LIMIT)
            .map_err(Failure::Client)?;
        self.left = LIMIT.saturating_sub(asked.elapsed());
        Ok(reply)
    }

    /// Is this code right? Sent once: a request that is repeated would be a second guess.
    pub fn attempt(
        &mut self,
        account: &str,
        code: Secret,
        place: &Place,
    ) -> Result<Judged, Failure> {
        let request = Request::Attempt(Attempt::of_code(account.to_owned(), code, place.clone()));
        let reply = self
            .verifier
            .call(self.socket, request, Instant::now() + self.left)
            .map_err(Failure::Client)?;
        match reply {
            Reply::Decided { account: about, .. } if about != account => Err(Failure::OtherAccount),
            Reply::Decided {
                verdict: Verdict::Accept,
                ..
            } => Ok(Judged::Accepted(Accepted(()))),
            Reply::Decided {
                verdict: Verdict::Reject,
                ..
            } => Ok(Judged::Rejected),
            reply => Err(unwanted(&reply)),
        }
    }

    /// Puts a token into use; `None` if the verifier did not. Sent once: a receipt that is lost is
    /// told by an admin, and a second try would be charged.
    pub fn start(&mut self, start: Start) -> Result<Option<InUse>, Failure> {
        let request = Request::Start(Box::new(start));
        let reply = self
            .verifier
            .call(self.socket, request, Instant::now() + self.left)
            .map_err(Failure::Client)?;
        match reply {
            Reply::Started(started) => Ok(Some(InUse(*started))),
            Reply::NotStarted => Ok(None),
            reply => Err(unwanted(&reply)),
        }
    }

    /// Tells that a session began or ended.
    pub fn session(&mut self, account: &str, place: &Place, opens: bool) -> Result<(), Failure> {
        let request = Request::LoginSession {
            account: account.to_owned(),
            place: place.clone(),
            opens,
        };
        let reply = self
            .verifier
            .call(self.socket, request, Instant::now() + ASK_LIMIT)
            .map_err(Failure::Client)?;
        match reply {
            Reply::Taken => Ok(()),
            reply => Err(unwanted(&reply)),
        }
    }
}

fn unwanted(reply: &Reply) -> Failure {
    match reply {
        Reply::Unavailable => Failure::Unavailable,
        Reply::NotPermitted => Failure::NotPermitted,
        _ => Failure::OutOfTurn,
    }
}
