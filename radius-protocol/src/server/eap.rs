//! Logins by EAP (RFC 3579): which method, and what its packets come to.
//!
//! The server keeps no session. Each request has a State that says what was asked and under which
//! Identifier, so conversations of one peer or NAS can be mixed at will.

use super::Server;
use super::client::{Method, Mode};
use super::login::{Asked, Login, Step, Stop};
use super::question::{First, Proof};
use super::refusal::{Ignored, Refusal};
use super::work::{Shape, Then};
use crate::eap::ms_chap_v2::{self, Said};
use crate::eap::{EapCode, EapPacket, EapType};
use crate::state::{Content, Extra, FirstFactor, Kind, Proved};
use crate::user_password::Password;

/// The methods in the order in which they are offered, with their bits in [`Extra::offered`].
/// First the one that shows the code to nobody.
const METHODS: [(Method, EapType, u8); 2] = [
    (Method::EapMsChapV2, EapType::MS_CHAP_V2, 1),
    (Method::EapGtc, EapType::GTC, 2),
];

/// What a peer says.
#[derive(Debug)]
pub(super) enum Eap<'e> {
    /// Begin (RFC 3579 section 2.1: an EAP-Message without data).
    Start,
    /// An answer.
    Response(EapPacket<'e>),
}

impl Eap<'_> {
    /// Of the response; any, if there is none.
    pub(super) fn identifier(&self) -> u8 {
        match self {
            Self::Start => 0,
            Self::Response(response) => response.identifier,
        }
    }
}

/// Reads what stood in the EAP-Messages of a request. We never send a Notification, so there is no
/// response to one.
pub(super) fn read(octets: Option<&[u8]>) -> Result<Option<Eap<'_>>, Ignored> {
    match octets {
        None => Ok(None),
        Some([]) => Ok(Some(Eap::Start)),
        Some(octets) => match EapPacket::parse(octets) {
            Ok(packet)
                if packet.code == EapCode::Response && packet.kind != EapType::NOTIFICATION =>
            {
                Ok(Some(Eap::Response(packet)))
            }
            _ => Err(Ignored::Eap),
        },
    }
}

impl Kind {
    fn extra(&self) -> Option<&Extra> {
        match self {
            Self::Code => None,
            Self::EapIdentity(eap)
            | Self::EapGtcPassword(eap)
            | Self::EapGtcCode(eap)
            | Self::EapMsChapV2 { eap, .. }
            | Self::EapAcknowledge { eap, .. } => Some(eap),
        }
    }
}

impl Server {
    pub(super) fn eap<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        eap: &Eap<'_>,
    ) -> Result<Step<'d>, Stop> {
        if !METHODS
            .iter()
            .any(|(method, ..)| login.client.takes(*method))
        {
            return Err(Refusal::MethodOff.into());
        }
        if self.keys.is_empty() {
            return Err(Ignored::NoStateKeys.into());
        }
        match eap {
            Eap::Start => self.eap_start(login),
            Eap::Response(response) if response.kind == EapType::IDENTITY => {
                self.eap_identity(login, response)
            }
            Eap::Response(response) => self.eap_method(login, response),
        }
    }

    fn eap_start<'d>(&mut self, login: &Login<'_, 'd>) -> Result<Step<'d>, Stop> {
        if login.summary.state()?.is_some() {
            return Err(Refusal::BadState.into());
        }
        let rounds = login.rounds(&self.keys, Shape::Eap(login.random.salt()[0]));
        let challenge = rounds
            .identity(login.random.id())
            .ok_or(Ignored::ReplyTooLarge)?;
        Ok(Step::Challenge(challenge))
    }

    /// Most NASes ask for the identity themselves, so this comes first, and without a State.
    fn eap_identity<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        response: &EapPacket<'_>,
    ) -> Result<Step<'d>, Stop> {
        let id = match login.summary.state()? {
            None => login.random.id(),
            Some(_) => match self.open(login, "")? {
                Content {
                    id,
                    kind: Kind::EapIdentity(extra),
                    ..
                } => {
                    fits(&extra, response)?;
                    id
                }
                _ => return Err(Refusal::BadState.into()),
            },
        };
        if login.summary.user_name()?.as_bytes() != response.data {
            return Err(Refusal::Identity.into());
        }
        login.account()?;
        self.offer(login, id, response, 0, |_| true)
    }

    /// Offers the first method that is on, was not offered before, and is wanted.
    fn offer<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        id: [u8; 16],
        response: &EapPacket<'_>,
        offered: u8,
        is_wanted: impl Fn(EapType) -> bool,
    ) -> Result<Step<'d>, Stop> {
        let &(method, _, bit) = METHODS
            .iter()
            .find(|&&(method, kind, bit)| {
                login.client.takes(method) && offered & bit == 0 && is_wanted(kind)
            })
            .ok_or(Refusal::EapDeclined)?;
        if matches!(login.client.mode, Mode::Challenge { .. }) && !login.client.first_factor {
            self.may_challenge(login)?;
        }
        let shape = Shape::Eap(response.identifier);
        let offered = offered | bit;
        let rounds = login.rounds(&self.keys, shape);
        let texts = &login.client.texts;
        let gtc = |kind, text| rounds.gtc(id, 1, FirstFactor::None, offered, kind, text);
        let challenge = match (method, login.client.mode) {
            (Method::EapMsChapV2, _) => rounds.ms_chap_v2(id, offered),
            (_, Mode::Code) => gtc(Kind::EapGtcCode, &texts.code),
            (_, Mode::PasswordAndCode { .. }) => gtc(Kind::EapGtcCode, &texts.password_and_code),
            (_, Mode::Challenge { .. }) if login.client.first_factor => {
                gtc(Kind::EapGtcPassword, &texts.password)
            }
            (_, Mode::Challenge { .. }) => gtc(Kind::EapGtcCode, &texts.code),
        };
        Ok(Step::Challenge(challenge.ok_or(Ignored::ReplyTooLarge)?))
    }

    fn eap_method<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        response: &EapPacket<'_>,
    ) -> Result<Step<'d>, Stop> {
        let content = self.open(login, login.summary.user_name()?)?;
        let extra = *content.kind.extra().ok_or(Refusal::BadState)?;
        fits(&extra, response)?;
        match (response.kind, &content.kind) {
            (EapType::NAK, Kind::EapIdentity(_) | Kind::EapAcknowledge { .. }) => {
                Err(Refusal::EapDeclined.into())
            }
            (EapType::NAK, _) => self.offer(login, content.id, response, extra.offered, |kind| {
                response.data.contains(&kind.0)
            }),
            (EapType::GTC, Kind::EapGtcPassword(_)) => self.gtc_password(login, &content, response),
            (EapType::GTC, Kind::EapGtcCode(_)) => self.gtc_code(login, &content, response),
            (EapType::MS_CHAP_V2, Kind::EapMsChapV2 { challenge, .. }) => {
                ms_chap_v2_response(login, &content, *challenge, response)
            }
            (EapType::MS_CHAP_V2, Kind::EapAcknowledge { proved, .. }) => {
                acknowledged(login, &content, proved, response)
            }
            // A method that is unknown, or not the one that was asked for.
            _ => Err(Refusal::EapDeclined.into()),
        }
    }

    fn gtc_password<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        content: &Content,
        response: &EapPacket<'_>,
    ) -> Result<Step<'d>, Stop> {
        login.takes(Method::EapGtc)?;
        let typed = Password::new(response.data).ok_or(Refusal::PasswordSize)?;
        match login.client.mode {
            Mode::Challenge { .. } if login.client.first_factor => self.first_round(
                login,
                content.id,
                Some(login.client.next_expiry(content.expires)),
                Shape::Eap(response.identifier),
                Some(typed),
            ),
            _ => Err(Refusal::BadState.into()),
        }
    }

    fn gtc_code<'d>(
        &mut self,
        login: &Login<'_, 'd>,
        content: &Content,
        response: &EapPacket<'_>,
    ) -> Result<Step<'d>, Stop> {
        login.takes(Method::EapGtc)?;
        let typed = Password::new(response.data).ok_or(Refusal::PasswordSize)?;
        let (code, first) = match login.client.mode {
            Mode::Challenge { .. } => return self.code(login, content, typed),
            Mode::Code if typed.is_empty() => return Err(Refusal::PasswordEmpty.into()),
            Mode::Code => (typed, First::Known(FirstFactor::None)),
            Mode::PasswordAndCode {
                code_length,
                code_at_end,
            } => {
                let (password, code) = login.split(typed.octets(), code_length, code_at_end)?;
                self.may_ask_password(login)?;
                (code, First::Password(password))
            }
        };
        Ok(Step::Ask(Box::new(Asked {
            account: login.account()?,
            proof: Proof::Code(code),
            first,
            conversation: Some(content.conversation()),
            then: Then::End,
        })))
    }
}

/// A response to another request than the State is for is dropped (RFC 3748 section 4.1).
fn fits(extra: &Extra, response: &EapPacket<'_>) -> Result<(), Ignored> {
    match extra.identifier == response.identifier {
        true => Ok(()),
        false => Err(Ignored::Eap),
    }
}

fn ms_chap_v2_response<'d>(
    login: &Login<'_, 'd>,
    content: &Content,
    challenge: [u8; 16],
    response: &EapPacket<'_>,
) -> Result<Step<'d>, Stop> {
    login.takes(Method::EapMsChapV2)?;
    let Some(Said::Response(said)) = ms_chap_v2::read(response.data) else {
        return Err(Refusal::ProofForm.into());
    };
    let name = ms_chap_v2::without_domain(said.name);
    let is_own = name == own_name(login)?;
    if !is_own && name.len() > Proved::NAME_OCTETS_MAX {
        return Err(Refusal::ProofForm.into());
    }
    let proved = Proved {
        challenge,
        peer_challenge: said.peer_challenge,
        response: said.nt_response,
        name: (!is_own).then(|| name.into()),
    };
    let then = Then::Acknowledge {
        id: content.id,
        proved: Box::new(proved.clone()),
    };
    ask_about(login, content, &proved, then)
}

/// The response was right, but the peer has taken its time to say that it believes us: the
/// verifier is asked about it once more. It says yes again only for a few seconds, only so often,
/// and only if the account and the token may still be used.
fn acknowledged<'d>(
    login: &Login<'_, 'd>,
    content: &Content,
    proved: &Proved,
    response: &EapPacket<'_>,
) -> Result<Step<'d>, Stop> {
    login.takes(Method::EapMsChapV2)?;
    if ms_chap_v2::read(response.data) != Some(Said::Success) {
        return Err(Refusal::EapDeclined.into());
    }
    ask_about(login, content, proved, Then::Acknowledged)
}

fn ask_about<'d>(
    login: &Login<'_, 'd>,
    content: &Content,
    proved: &Proved,
    then: Then,
) -> Result<Step<'d>, Stop> {
    let user_name = match &proved.name {
        Some(name) => name.to_vec(),
        None => own_name(login)?.to_vec(),
    };
    Ok(Step::Ask(Box::new(Asked {
        account: login.account()?,
        proof: Proof::MsChapV2 {
            challenge: proved.challenge,
            peer_challenge: proved.peer_challenge,
            response: proved.response,
            user_name,
        },
        first: First::Known(FirstFactor::None),
        conversation: Some(content.conversation()),
        then,
    })))
}

/// The name that a peer is expected to compute its response for.
fn own_name<'d>(login: &Login<'_, 'd>) -> Result<&'d [u8], Refusal> {
    let user_name = login.summary.user_name()?.as_bytes();
    Ok(ms_chap_v2::without_domain(user_name))
}
