//! Makes the challenges of a conversation, and the State that each of them leaves with the client.

use std::time::Duration;

use super::client::{Client, Mode, Texts};
use super::question::{Conversation, MsChapKeys};
use super::reply::{Ask, Challenge};
use super::work::Shape;
use super::{Moment, Random};
use crate::eap::{self, EapType, ms_chap_v2};
use crate::state::{Binding, Content, Extra, FirstFactor, Kind, Proved, StateKeys};

/// How long the peer has to acknowledge that it believes us. It is a program, so it answers at
/// once; the verifier gives its verdict again for as short a time.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

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

/// The longest that the verifier takes a round for.
const ROUND_LASTS_MAX: Duration = Duration::from_secs(600);

impl Client {
    /// Until when the challenge after one is waited for that is waited for until `expires`.
    ///
    /// It follows from that one, and not from when it is answered. So whoever answers one State
    /// again and again gets the same next round each time, as the verifier sees it, and none that
    /// outlives the verifier's memory of it.
    pub(super) fn next_expiry(&self, expires: Duration) -> Duration {
        let rounds = match self.mode {
            Mode::Challenge { rounds } => u32::from(rounds.max(1)),
            Mode::Code | Mode::PasswordAndCode { .. } => 1,
        };
        let room = ROUND_LASTS_MAX.saturating_sub(self.challenge_lifetime) / rounds;
        expires + Duration::from_secs(self.challenge_lifetime.min(room).as_secs())
    }
}

/// Makes the challenges of one conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounds<'r> {
    pub(super) keys: &'r StateKeys,
    pub(super) client: &'r Client,
    /// As sent.
    pub(super) account: &'r str,
    pub(super) shape: Shape,
    pub(super) at: &'r Moment,
    pub(super) random: &'r Random,
    /// Until when an answer is taken, if it follows from the challenge before.
    pub(super) until: Option<Duration>,
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
    pub(super) fn code(&self, id: [u8; 16], round: u8, first: FirstFactor) -> Option<Challenge> {
        match self.shape {
            Shape::Eap(_) => {
                let text = self.client.texts.code.as_str();
                self.gtc(id, round, first, OFFERED_ALL, Kind::EapGtcCode, text)
            }
            Shape::Plain | Shape::MsChap(_) => Some(Challenge {
                state: self.seal(id, round, first, Kind::Code)?,
                ask: Ask::Text(
                    Texts::cut(&self.client.texts.code).to_owned(),
                    self.expires().saturating_sub(self.at.wall).as_secs() as u32,
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

    /// Shows the peer that we know the code, and asks it to say so. What it has proved travels in
    /// the State: any server can ask the verifier about it again. The keys do not.
    pub(super) fn acknowledge(
        &self,
        id: [u8; 16],
        proved: &Proved,
        keys: &MsChapKeys,
    ) -> Option<Challenge> {
        let eap = Extra {
            identifier: self.next_identifier(),
            offered: OFFERED_ALL,
        };
        let data = ms_chap_v2::success(eap.identifier, &keys.authenticator_response);
        let request = eap::request(eap.identifier, EapType::MS_CHAP_V2, &data)?;
        let kind = Kind::EapAcknowledge {
            eap,
            proved: proved.clone(),
        };
        Some(Challenge {
            // The round that was accepted, not the next.
            state: self.seal(id, 1, FirstFactor::None, kind)?,
            ask: Ask::Eap(request),
        })
    }

    fn expires(&self) -> Duration {
        let usual = self.at.wall + self.client.challenge_lifetime;
        self.until.unwrap_or(usual)
    }

    fn seal(&self, id: [u8; 16], round: u8, first: FirstFactor, kind: Kind) -> Option<Vec<u8>> {
        let expires = match kind {
            Kind::EapAcknowledge { .. } => self.expires().min(self.at.wall + ACKNOWLEDGED_WITHIN),
            _ => self.expires(),
        };
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
const OFFERED_ALL: u8 = u8::MAX;
/// What the peer may show as the name of who challenges it.
const SERVER_NAME: &[u8] = b"sekisho";
