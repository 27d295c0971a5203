//! What a login is proved by: a code as typed, or a response that was computed from one.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ms_chap::{Exchange, MsChapKeys};
use crate::otp::{Code, Generator, NotACode};
use crate::time::Time;

/// What came as proof of a code.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The code as typed.
    Code(Zeroizing<Vec<u8>>),
    /// A CHAP response (RFC 1994 section 4.1).
    Chap(Chap),
    /// An MS-CHAPv2 response (RFC 2759 section 8).
    MsChapV2(MsChapV2),
}

/// A CHAP response: MD5 over identifier, code and challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chap {
    /// The octet before the challenge.
    pub identifier: u8,
    /// The challenge.
    pub challenge: Vec<u8>,
    /// The response.
    pub response: [u8; 16],
}

/// An MS-CHAPv2 response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MsChapV2 {
    /// What the authenticator sent.
    pub challenge: [u8; 16],
    /// What the peer chose.
    pub peer_challenge: [u8; 16],
    /// NT-Response.
    pub response: [u8; 24],
    /// The name that went into it, without a domain.
    pub user_name: Vec<u8>,
}

/// A proof that has the form of one: it can be held against the codes of a token.
#[derive(Debug)]
pub enum Answer<'a> {
    /// A code.
    Code(Code),
    /// A CHAP response.
    Chap(&'a Chap),
    /// An MS-CHAPv2 response.
    MsChapV2(ExchangeOf<'a>),
}

/// An MS-CHAPv2 response on its way to a verdict.
#[derive(Debug)]
pub struct ExchangeOf<'a>(Exchange<'a>);

impl Proof {
    /// Checks the form. A response always has it, by its type.
    pub fn answer(&self) -> Result<Answer<'_>, NotACode> {
        Ok(match self {
            Self::Code(typed) => Answer::Code(Code::parse(typed)?),
            Self::Chap(chap) => Answer::Chap(chap),
            Self::MsChapV2(response) => Answer::MsChapV2(ExchangeOf(Exchange::new(response))),
        })
    }

    /// What it is, for a keyed digest: one octet for its kind, and each part with its length.
    pub(crate) fn parts(&self) -> (u8, Vec<&[u8]>) {
        match self {
            Self::Code(typed) => (0, vec![typed]),
            Self::Chap(chap) => {
                let identifier = std::slice::from_ref(&chap.identifier);
                (1, vec![identifier, &chap.challenge, &chap.response])
            }
            Self::MsChapV2(it) => {
                let parts: Vec<&[u8]> = vec![
                    &it.challenge,
                    &it.peer_challenge,
                    &it.response,
                    &it.user_name,
                ];
                (2, parts)
            }
        }
    }
}

impl From<Code> for Answer<'_> {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl Answer<'_> {
    /// Whether it is, or was computed from, the code of `factor`, in time that does not tell how much
    /// of it fits.
    pub fn fits(&self, generator: &Generator, factor: u64) -> bool {
        match self {
            Self::Code(code) => generator.matches(code, factor),
            Self::Chap(chap) => chap.fits(&generator.code(factor)),
            Self::MsChapV2(ExchangeOf(exchange)) => exchange.fits(&generator.code(factor)),
        }
    }

    /// What goes with an accept of the code of `factor`.
    pub(crate) fn keys(&self, generator: &Generator, factor: u64) -> Option<MsChapKeys> {
        match self {
            Self::Code(_) | Self::Chap(_) => None,
            Self::MsChapV2(ExchangeOf(exchange)) => Some(exchange.keys(&generator.code(factor))),
        }
    }
}

impl Chap {
    /// RFC 1994 section 4.1.
    fn fits(&self, code: &str) -> bool {
        let expected = Md5::new()
            .chain_update([self.identifier])
            .chain_update(code)
            .chain_update(&self.challenge)
            .finalize();
        expected.as_slice().ct_eq(&self.response).into()
    }
}

/// The factor before the code, as it was judged before the code is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum First {
    /// There is none, or it is not ours to ask for.
    #[default]
    None,
    /// It was right.
    Right,
    /// It was wrong: the code is neither judged nor spent.
    Wrong,
    /// Nobody could judge it. No guess.
    Unavailable,
}

/// One round of a conversation, taken once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Random.
    pub id: [u8; 16],
    /// Until when it can be continued.
    pub until: Time,
}
