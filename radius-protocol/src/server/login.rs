//! What an Access-Request comes to: a question to the verifier, a challenge, or a refusal.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Method, Mode, Texts};
use super::eap::Eap;
use super::question::{Conversation, First, Proof};
use super::refusal::{Ignored, Refusal};
use super::reply::{Answer, Ask, Body, Challenge, Verdict};
use super::summary::Summary;
use super::work::{Shape, Then, Work};
use super::{Moment, Random, Server, Ticket};
use crate::eap::{self, EapType, ms_chap_v2};
use crate::mppe;
use crate::packet::Packet;
use crate::state::{Binding, Content, Extra, FirstFactor, Keys, Kind, StateKeys};
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
    /// It was accepted in the round before.
    Accept {
        keys: Keys,
        attributes: Box<[u8]>,
    },
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

impl Keys {
    pub(super) fn as_mppe(&self) -> mppe::Keys<'_> {
        mppe::Keys {
            receive: &self.receive,
            send: &self.send,
        }
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
    /// password for no login at all, and says yes to it.
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
                self.first_round(login, login.random.id(), Shape::Plain, typed)
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

    /// The first round of a conversation leads to a challenge always, whoever asks: it tells
    /// neither whether the account exists nor whether the password was right.
    pub(super) fn first_round<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        id: [u8; 16],
        shape: Shape,
        typed: Option<Password>,
    ) -> Result<Step<'d>, Stop> {
        let account = login.account()?;
        if self.keys.is_empty() {
            return Err(Ignored::NoStateKeys.into());
        }
        if !self
            .challenges
            .take(login.at.now, login.summary.user_name()?)
        {
            return Err(Refusal::TooManyChallenges.into());
        }
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
                    then: Then::FirstCode { id },
                })));
            }
        };
        let rounds = login.rounds(&self.keys, shape);
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
                first: content.first,
            },
        })))
    }

    /// What a verdict comes to, and whether it is held back. Nothing if nobody waits for it, or if
    /// there are no keys (any more) for a State.
    pub(super) fn outcome<'a>(
        &mut self,
        at: &Moment,
        ticket: Ticket,
        answer: &Answer<'a>,
        random: &Random,
    ) -> Option<(Body<'a>, bool)> {
        let (_, _, work) = self.duplicates.judging(ticket)?;
        let rounds = Rounds {
            keys: &self.keys,
            client: &work.client,
            account: &work.account,
            shape: work.shape,
            at,
            random,
        };
        let at_once = |body| Some((body, false));
        let body = match (answer.verdict, work.then) {
            (Verdict::Accept, Then::End | Then::Code { .. }) => accept(work, answer),
            (Verdict::Accept, Then::Acknowledge { id }) => match answer.ms_chap {
                Some(_) => {
                    let (challenge, is_inside) = rounds.acknowledge(id, answer)?;
                    if !is_inside {
                        self.kept.keep(id, answer.attributes);
                    }
                    return at_once(Body::Challenge(challenge));
                }
                None => None,
            },
            (Verdict::Challenge(first), Then::FirstCode { id }) => {
                return at_once(Body::Challenge(rounds.code(id, 1, first)?));
            }
            (Verdict::Reject, Then::Code { id, round, first })
                if work.client.has_round_after(round)
                    && self.challenges.take(at.now, &work.account) =>
            {
                // For whatever cause: a wrong password, a locked account and a code that was used
                // before are all told like this.
                return Some((Body::Challenge(rounds.code(id, round + 1, first)?), true));
            }
            // An accept of a password alone, or a challenge in the place of a verdict, is a
            // mistake of the caller. It lets nobody in.
            _ => None,
        };
        match body {
            Some(body) => at_once(body),
            None => Some((Body::Reject, true)),
        }
    }
}

impl Client {
    fn has_round_after(&self, round: u8) -> bool {
        matches!(self.mode, Mode::Challenge { rounds } if round < rounds)
    }
}

/// Nothing if the keys are not there that this reply must have.
fn accept<'a>(work: &Work, answer: &Answer<'a>) -> Option<Body<'a>> {
    let keys = match work.shape {
        Shape::MsChap(_) => Some(answer.ms_chap?),
        Shape::Plain | Shape::Eap(_) => None,
    };
    Some(Body::Accept {
        text: answer.reply_message.unwrap_or_default(),
        attributes: answer.attributes,
        authenticator_response: keys.map(|keys| &keys.authenticator_response),
        keys: keys.map(|keys| mppe::Keys {
            receive: &keys.receive,
            send: &keys.send,
        }),
    })
}

impl Content {
    /// The id of this round: that of the conversation, changed by the number of the round.
    pub(super) fn conversation(&self) -> Conversation {
        let mut id = self.id;
        id[15] ^= self.round;
        Conversation {
            id,
            until: self.expires,
        }
    }
}

/// Makes the challenges of one conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounds<'r> {
    keys: &'r StateKeys,
    client: &'r Client,
    /// As sent.
    account: &'r str,
    shape: Shape,
    at: &'r Moment,
    random: &'r Random,
}

impl Rounds<'_> {
    /// The Identifier of the next EAP request.
    fn next_identifier(&self) -> u8 {
        match self.shape {
            Shape::Eap(identifier) => identifier.wrapping_add(1),
            Shape::Plain | Shape::MsChap(_) => 0,
        }
    }

    /// Asks for a code. By EAP there is no way back to another method after this.
    fn code(&self, id: [u8; 16], round: u8, first: FirstFactor) -> Option<Challenge> {
        match self.shape {
            Shape::Eap(_) => {
                let text = self.client.texts.code.as_str();
                self.gtc(id, round, first, OFFERED_ALL, Kind::EapGtcCode, text)
            }
            Shape::Plain | Shape::MsChap(_) => Some(Challenge {
                state: self.seal(id, round, first, Kind::Code)?,
                ask: Ask::Text(
                    Texts::cut(&self.client.texts.code).to_owned(),
                    self.client.challenge_lifetime.as_secs() as u32,
                ),
            }),
        }
    }

    /// Asks for something by EAP-GTC.
    pub(super) fn gtc(
        &self,
        id: [u8; 16],
        round: u8,
        first: FirstFactor,
        offered: u8,
        kind: fn(Extra) -> Kind,
        text: &str,
    ) -> Option<Challenge> {
        let extra = Extra {
            identifier: self.next_identifier(),
            offered,
        };
        let request = eap::request(extra.identifier, EapType::GTC, Texts::cut(text).as_bytes())?;
        Some(Challenge {
            state: self.seal(id, round, first, kind(extra))?,
            ask: Ask::Eap(request),
        })
    }

    /// Asks for a response by EAP-MSCHAPv2.
    pub(super) fn ms_chap_v2(&self, id: [u8; 16], offered: u8) -> Option<Challenge> {
        let eap = Extra {
            identifier: self.next_identifier(),
            offered,
        };
        let challenge = self.random.challenge();
        let data = ms_chap_v2::challenge(eap.identifier, &challenge, SERVER_NAME);
        let request = eap::request(eap.identifier, EapType::MS_CHAP_V2, &data)?;
        let kind = Kind::EapMsChapV2 { eap, challenge };
        Some(Challenge {
            state: self.seal(id, 1, FirstFactor::None, kind)?,
            ask: Ask::Eap(request),
        })
    }

    /// Asks who is there.
    pub(super) fn identity(&self, id: [u8; 16]) -> Option<Challenge> {
        let extra = Extra {
            identifier: self.next_identifier(),
            offered: 0,
        };
        let request = eap::request(extra.identifier, EapType::IDENTITY, &[])?;
        let nobody = Rounds {
            account: "",
            ..*self
        };
        Some(Challenge {
            state: nobody.seal(id, 1, FirstFactor::None, Kind::EapIdentity(extra))?,
            ask: Ask::Eap(request),
        })
    }

    /// Shows the peer that we know the code, and asks it to say so. The attributes of the accept
    /// travel in the State if they fit, so that another server can send it; true if they do.
    fn acknowledge(&self, id: [u8; 16], answer: &Answer<'_>) -> Option<(Challenge, bool)> {
        let keys = answer.ms_chap?;
        let eap = Extra {
            identifier: self.next_identifier(),
            offered: OFFERED_ALL,
        };
        let data = ms_chap_v2::success(eap.identifier, &keys.authenticator_response);
        let request = eap::request(eap.identifier, EapType::MS_CHAP_V2, &data)?;
        let seal = |attributes: Option<&[u8]>| {
            let kind = Kind::EapAcknowledge {
                eap,
                keys: Keys {
                    send: keys.send,
                    receive: keys.receive,
                },
                attributes: attributes.map(Into::into),
            };
            self.seal(id, 1, FirstFactor::None, kind)
        };
        let (state, is_inside) = match seal(Some(answer.attributes)) {
            Some(state) => (state, true),
            None => (seal(None)?, false),
        };
        let ask = Ask::Eap(request);
        Some((Challenge { state, ask }, is_inside))
    }

    fn seal(&self, id: [u8; 16], round: u8, first: FirstFactor, kind: Kind) -> Option<Vec<u8>> {
        let expires = self.at.wall + self.client.challenge_lifetime;
        let content = Content {
            id,
            round,
            expires: Duration::from_secs(expires.as_secs()),
            first,
            kind,
        };
        let binding = Binding {
            client: &self.client.name,
            account: self.account,
        };
        self.keys.seal(&content, &binding, &self.random.nonce())
    }
}

/// No method is left to offer, or it is too late to change it.
pub(super) const OFFERED_ALL: u8 = u8::MAX;
/// What the peer may show as the name of who challenges it.
const SERVER_NAME: &[u8] = b"sekisho";
