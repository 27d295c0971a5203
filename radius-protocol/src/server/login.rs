//! What an Access-Request comes to: a question to the verifier, a challenge, or a refusal.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Method, Mode};
use super::eap::Eap;
use super::question::{Conversation, First, Proof};
use super::refusal::{Ignored, Refusal};
use super::reply::Challenge;
use super::rounds::Rounds;
use super::summary::Summary;
use super::work::{Shape, Then};
use super::{Moment, Random, Server};
use crate::eap::ms_chap_v2;
use crate::packet::Packet;
use crate::state::{Binding, Content, FirstFactor, Kind, StateKeys};
use crate::user_password::{self, Password};

/// Octets of MS-CHAP2-Response: identifier, flags, peer challenge, reserved, NT-Response.
const MS_CHAP2_RESPONSE_OCTETS: usize = 50;

/// A request that was admitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'l, 'd> {
    pub(super) at: &'l Moment,
    pub(super) random: &'l Random,
    pub(super) client: &'l Arc<Client>,
    pub(super) packet: &'l Packet<'d>,
    pub(super) summary: &'l Summary<'d>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step<'d> {
    Ask(Box<Asked<'d>>),
    Challenge(Challenge),
}

/// What the verifier is asked, and what its verdict leads to.
#[derive(Debug)]
pub(super) struct Asked<'d> {
    pub(super) account: Cow<'d, str>,
    pub(super) proof: Proof,
    pub(super) first: First,
    pub(super) conversation: Option<Conversation>,
    pub(super) then: Then,
}

/// Why nothing comes next.
#[derive(Debug)]
pub(super) enum Stop {
    Refuse(Refusal),
    Ignore(Ignored),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

impl From<Ignored> for Stop {
    fn from(why: Ignored) -> Self {
        Self::Ignore(why)
    }
}

/// What the replies to this request look like, refusals included.
pub(super) fn shape(summary: &Summary<'_>, eap: Option<&Eap<'_>>) -> Shape {
    let response = summary.ms_chap2_response.only();
    match (eap, response) {
        (Some(eap), _) => Shape::Eap(eap.identifier()),
        (None, Some(&[identifier, ..])) => Shape::MsChap(identifier),
        (None, _) => Shape::Plain,
    }
}

impl<'d> Login<'_, 'd> {
    pub(super) fn takes(&self, method: Method) -> Result<(), Refusal> {
        match self.client.takes(method) {
            true => Ok(()),
            false => Err(Refusal::MethodOff),
        }
    }

    /// The account that the verifier is asked about.
    pub(super) fn account(&self) -> Result<Cow<'d, str>, Refusal> {
        match self.client.account(self.summary.user_name()?) {
            "" => Err(Refusal::UserName),
            account => Ok(account.into()),
        }
    }

    /// RFC 5080 section 2.1.1 forbids a State that was not given. Who sends one is confused or
    /// tries something.
    fn has_no_state(&self) -> Result<(), Refusal> {
        match self.summary.state()? {
            None => Ok(()),
            Some(_) => Err(Refusal::BadState),
        }
    }

    fn password(&self) -> Result<Password, Refusal> {
        let hidden = self
            .summary
            .user_password
            .only()
            .ok_or(Refusal::SeveralMethods)?;
        user_password::reveal(&self.client.secret, &self.packet.authenticator(), hidden)
            .map_err(|_| Refusal::PasswordSize)
    }

    /// A question that is answered in one round.
    fn ask_once(&self, proof: Proof, first: First) -> Result<Step<'d>, Stop> {
        Ok(Step::Ask(Box::new(Asked {
            account: self.account()?,
            proof,
            first,
            conversation: None,
            then: Then::End,
        })))
    }

    fn chap(&self) -> Result<Step<'d>, Stop> {
        self.takes(Method::Chap)?;
        self.has_no_state()?;
        let &[identifier, ref response @ ..] =
            self.summary.chap_password.only().unwrap_or_default()
        else {
            return Err(Refusal::ProofForm.into());
        };
        // RFC 2865 section 5.3.
        let challenge = match self.summary.chap_challenge.is_there() {
            false => self.packet.authenticator().to_vec(),
            true => match self.summary.chap_challenge.only() {
                Some(challenge) if !challenge.is_empty() => challenge.to_vec(),
                _ => return Err(Refusal::ProofForm.into()),
            },
        };
        let proof = Proof::Chap {
            identifier,
            challenge,
            response: response.try_into().map_err(|_| Refusal::ProofForm)?,
        };
        self.ask_once(proof, First::Known(FirstFactor::None))
    }

    fn ms_chap_v2(&self) -> Result<Step<'d>, Stop> {
        self.takes(Method::MsChapV2)?;
        self.has_no_state()?;
        let user_name = self.summary.user_name()?;
        let proof = self
            .ms_chap_v2_proof(user_name.as_bytes())
            .ok_or(Refusal::ProofForm)?;
        self.ask_once(proof, First::Known(FirstFactor::None))
    }

    fn ms_chap_v2_proof(&self, user_name: &[u8]) -> Option<Proof> {
        let response: &[u8; MS_CHAP2_RESPONSE_OCTETS] =
            self.summary.ms_chap2_response.only()?.try_into().ok()?;
        Some(Proof::MsChapV2 {
            challenge: self.summary.ms_chap_challenge.only()?.try_into().ok()?,
            peer_challenge: response[2..18].try_into().ok()?,
            response: response[26..].try_into().ok()?,
            user_name: ms_chap_v2::without_domain(user_name).into(),
        })
    }

    /// Password and code typed into one field. Neither may be empty: a directory takes an empty
    /// password for no login at all, and says yes to it. And where there is no code there is no
    /// login: what a stranger makes up must not be charged, here or in the directory.
    pub(super) fn split(
        &self,
        typed: &[u8],
        code_length: u8,
        code_at_end: bool,
    ) -> Result<(Password, Password), Refusal> {
        let code_length = usize::from(code_length);
        if typed.len() <= code_length || code_length == 0 {
            return Err(Refusal::PasswordEmpty);
        }
        let (password, code) = if code_at_end {
            typed.split_at(typed.len() - code_length)
        } else {
            let (code, password) = typed.split_at(code_length);
            (password, code)
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::NotACode);
        }
        match (Password::new(password), Password::new(code)) {
            (Some(password), Some(code)) => Ok((password, code)),
            _ => Err(Refusal::PasswordSize),
        }
    }

    pub(super) fn rounds<'s>(&'s self, keys: &'s StateKeys, shape: Shape) -> Rounds<'s> {
        Rounds {
            keys,
            client: self.client,
            account: self.summary.user_name().unwrap_or_default(),
            shape,
            at: self.at,
            random: self.random,
            until: None,
        }
    }
}

impl Server {
    pub(super) fn decide<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        eap: Option<&Eap<'_>>,
    ) -> Result<Step<'d>, Stop> {
        match (login.summary.method()?, eap) {
            (Method::Pap, _) => self.pap(login),
            (Method::Chap, _) => login.chap(),
            (Method::MsChapV2, _) => login.ms_chap_v2(),
            (Method::EapGtc | Method::EapMsChapV2, Some(eap)) => self.eap(login, eap),
            (Method::EapGtc | Method::EapMsChapV2, None) => Err(Refusal::NoMethod.into()),
        }
    }

    fn pap<'d>(&mut self, login: &Login<'_, 'd>) -> Result<Step<'d>, Stop> {
        login.takes(Method::Pap)?;
        let typed = login.password()?;
        login.account()?;
        match login.client.mode {
            Mode::Code => {
                login.has_no_state()?;
                if typed.is_empty() {
                    return Err(Refusal::PasswordEmpty.into());
                }
                login.ask_once(Proof::Code(typed), First::Known(FirstFactor::None))
            }
            Mode::PasswordAndCode {
                code_length,
                code_at_end,
            } => {
                login.has_no_state()?;
                let (password, code) = login.split(typed.octets(), code_length, code_at_end)?;
                self.may_ask_password(login)?;
                login.ask_once(Proof::Code(code), First::Password(password))
            }
            Mode::Challenge { .. } if login.summary.state.is_there() => {
                let content = self.open(login, login.summary.user_name()?)?;
                match content.kind {
                    Kind::Code => self.code(login, &content, typed),
                    _ => Err(Refusal::BadState.into()),
                }
            }
            Mode::Challenge { .. } => {
                let typed = login.client.first_factor.then_some(typed);
                self.first_round(login, login.random.id(), None, Shape::Plain, typed)
            }
        }
    }

    /// Opens the State of a request.
    pub(super) fn open(&self, login: &Login<'_, '_>, account: &str) -> Result<Content, Stop> {
        let state = login.summary.state()?.ok_or(Refusal::BadState)?;
        if self.keys.is_empty() {
            return Err(Ignored::NoStateKeys.into());
        }
        let binding = Binding {
            client: &login.client.name,
            account,
        };
        let opened = self.keys.open(state, &binding, login.at.wall);
        Ok(opened.map_err(|_| Refusal::BadState)?)
    }

    /// Counts a challenge that asks an account for its code.
    pub(super) fn may_challenge(&mut self, login: &Login<'_, '_>) -> Result<(), Refusal> {
        match self.asked.take(login.at.now, &login.account()?) {
            true => Ok(()),
            false => Err(Refusal::TooManyChallenges),
        }
    }

    /// Counts a password that comes with its code: the same bound, for without it a directory
    /// would be asked without end, and would lock accounts that are nobody's here.
    pub(super) fn may_ask_password(&mut self, login: &Login<'_, '_>) -> Result<(), Refusal> {
        match self.asked.take(login.at.now, &login.account()?) {
            true => Ok(()),
            false => Err(Refusal::TooManyPasswords),
        }
    }

    /// The first round of a conversation leads to a challenge always, whoever asks: it tells
    /// neither whether the account exists nor whether the password was right.
    pub(super) fn first_round<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        id: [u8; 16],
        until: Option<Duration>,
        shape: Shape,
        typed: Option<Password>,
    ) -> Result<Step<'d>, Stop> {
        let account = login.account()?;
        if self.keys.is_empty() {
            return Err(Ignored::NoStateKeys.into());
        }
        self.may_challenge(login)?;
        let first = match typed {
            None => FirstFactor::None,
            // A directory would say yes to an empty password.
            Some(password) if password.is_empty() => FirstFactor::Wrong,
            Some(password) => {
                return Ok(Step::Ask(Box::new(Asked {
                    account,
                    proof: Proof::Password,
                    first: First::Password(password),
                    conversation: None,
                    then: Then::FirstCode { id, until },
                })));
            }
        };
        let rounds = Rounds {
            until,
            ..login.rounds(&self.keys, shape)
        };
        let challenge = rounds.code(id, 1, first).ok_or(Ignored::ReplyTooLarge)?;
        Ok(Step::Challenge(challenge))
    }

    /// A code that was asked for.
    pub(super) fn code<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        content: &Content,
        typed: Password,
    ) -> Result<Step<'d>, Stop> {
        if typed.is_empty() {
            return Err(Refusal::PasswordEmpty.into());
        }
        Ok(Step::Ask(Box::new(Asked {
            account: login.account()?,
            proof: Proof::Code(typed),
            first: First::Known(content.first),
            conversation: Some(content.conversation()),
            then: Then::Code {
                id: content.id,
                round: content.round,
                expires: content.expires,
                first: content.first,
            },
        })))
    }
}
