//! What a State says, and its octets.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{FirstFactor, FirstTicket};

/// What is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// The conversation: random, from its first challenge on.
    pub(crate) id: [u8; 16],
    /// The code that is asked for is the nth of the conversation.
    pub(crate) round: u8,
    /// Until when an answer is taken, since 1970, in whole seconds.
    pub(crate) expires: Duration,
    /// What is known of the factor before the code.
    pub(crate) first: FirstFactor,
    /// What was asked.
    pub(crate) kind: Kind,
}

/// What was asked, and what an answer to it must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A code, by Access-Challenge without EAP.
    Code,
    /// EAP: who are you?
    EapIdentity(Extra),
    /// EAP-GTC: the password.
    EapGtcPassword(Extra),
    /// EAP-GTC: the code.
    EapGtcCode(Extra),
    /// EAP-MSCHAPv2: a response to this challenge.
    EapMsChapV2 {
        /// What every EAP request has.
        eap: Extra,
        /// The challenge.
        challenge: [u8; 16],
    },
    /// EAP-MSCHAPv2: the peer is to acknowledge our success. Then the verifier is asked about the
    /// same response again: a right that was taken away meanwhile is gone.
    EapAcknowledge {
        /// What every EAP request has.
        eap: Extra,
        /// The response that was right.
        proved: Proved,
    },
}

/// A response by EAP-MSCHAPv2, with all that it was computed from but the code.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proved {
    /// Our challenge.
    pub(crate) challenge: [u8; 16],
    /// What the peer chose.
    pub(crate) peer_challenge: [u8; 16],
    /// NT-Response.
    pub(crate) response: [u8; 24],
    /// The name that goes into the response, without a domain; nothing if it is that of User-Name.
    pub(crate) name: Option<Box<[u8]>>,
}

impl Proved {
    /// The longest name that a State has room for.
    pub(crate) const NAME_OCTETS_MAX: usize = 128;
}

/// Nothing of it: who reads a response can try all codes on it.
impl std::fmt::Debug for Proved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proved")
    }
}

/// What every EAP request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extra {
    /// The Identifier of our request, which the response must have.
    pub(crate) identifier: u8,
    /// The methods that were offered so far, as bits; a Nak can not bring them back.
    pub(crate) offered: u8,
}

const CODE: u8 = 1;
const EAP_IDENTITY: u8 = 2;
const EAP_GTC_PASSWORD: u8 = 3;
const EAP_GTC_CODE: u8 = 4;
const EAP_MS_CHAP_V2: u8 = 5;
const EAP_ACKNOWLEDGE: u8 = 6;

const FIRST_NONE: u8 = 0;
const FIRST_RIGHT: u8 = 1;
const FIRST_WRONG: u8 = 2;
const FIRST_TICKET: u8 = 3;

const NAME_OF_USER_NAME: u8 = 0;
const NAME_HERE: u8 = 1;

impl Content {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Never grows beyond this, so that nothing of it stays behind in freed memory.
        let mut out = Zeroizing::new(Vec::with_capacity(512));
        out.extend(self.id);
        out.push(self.round);
        out.extend(self.expires.as_secs().to_be_bytes());
        match &self.first {
            FirstFactor::None => out.push(FIRST_NONE),
            FirstFactor::Right => out.push(FIRST_RIGHT),
            FirstFactor::Wrong => out.push(FIRST_WRONG),
            FirstFactor::Ticket(ticket) => {
                out.extend([FIRST_TICKET, ticket.octets().len() as u8]);
                out.extend(ticket.octets());
            }
        }
        self.kind.encode(&mut out);
        out
    }

    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = Reader(octets);
        let content = Self {
            id: rest.chunk()?,
            round: rest.octet()?,
            expires: Duration::from_secs(u64::from_be_bytes(rest.chunk()?)),
            first: match rest.octet()? {
                FIRST_NONE => FirstFactor::None,
                FIRST_RIGHT => FirstFactor::Right,
                FIRST_WRONG => FirstFactor::Wrong,
                FIRST_TICKET => {
                    let length = rest.octet()?;
                    FirstFactor::Ticket(FirstTicket::new(rest.take(length.into())?)?)
                }
                _ => return None,
            },
            kind: Kind::decode(&mut rest)?,
        };
        rest.0.is_empty().then_some(content)
    }
}

impl Kind {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Code => out.push(CODE),
            Self::EapIdentity(eap) => eap.encode(EAP_IDENTITY, out),
            Self::EapGtcPassword(eap) => eap.encode(EAP_GTC_PASSWORD, out),
            Self::EapGtcCode(eap) => eap.encode(EAP_GTC_CODE, out),
            Self::EapMsChapV2 { eap, challenge } => {
                eap.encode(EAP_MS_CHAP_V2, out);
                out.extend(challenge);
            }
            Self::EapAcknowledge { eap, proved } => {
                eap.encode(EAP_ACKNOWLEDGE, out);
                proved.encode(out);
            }
        }
    }

    fn decode(rest: &mut Reader<'_>) -> Option<Self> {
        Some(match rest.octet()? {
            CODE => Self::Code,
            EAP_IDENTITY => Self::EapIdentity(Extra::decode(rest)?),
            EAP_GTC_PASSWORD => Self::EapGtcPassword(Extra::decode(rest)?),
            EAP_GTC_CODE => Self::EapGtcCode(Extra::decode(rest)?),
            EAP_MS_CHAP_V2 => Self::EapMsChapV2 {
                eap: Extra::decode(rest)?,
                challenge: rest.chunk()?,
            },
            EAP_ACKNOWLEDGE => Self::EapAcknowledge {
                eap: Extra::decode(rest)?,
                proved: Proved::decode(rest)?,
            },
            _ => return None,
        })
    }
}

impl Proved {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.challenge);
        out.extend(self.peer_challenge);
        out.extend(self.response);
        match &self.name {
            Some(name) => {
                out.push(NAME_HERE);
                out.extend(name);
            }
            None => out.push(NAME_OF_USER_NAME),
        }
    }

    fn decode(rest: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            challenge: rest.chunk()?,
            peer_challenge: rest.chunk()?,
            response: rest.chunk()?,
            name: match rest.octet()? {
                NAME_HERE => Some(rest.all().into()),
                NAME_OF_USER_NAME => None,
                _ => return None,
            },
        })
    }
}

impl Extra {
    fn encode(self, kind: u8, out: &mut Vec<u8>) {
        out.extend([kind, self.identifier, self.offered]);
    }

    fn decode(rest: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            identifier: rest.octet()?,
            offered: rest.octet()?,
        })
    }
}

/// Octets that have not been read yet.
struct Reader<'o>(&'o [u8]);

impl<'o> Reader<'o> {
    fn take(&mut self, length: usize) -> Option<&'o [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.chunk::<1>().map(|[octet]| octet)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn all(&mut self) -> &'o [u8] {
        std::mem::take(&mut self.0)
    }
}
