//! Spare codes: what stands in for a token that is not at hand.
//!
//! An *emergency code* is a login's code for somebody whose token is lost. A *start code* lets one put
//! a new token into use without the old one. Both are typed where a code is typed, are good once and
//! not for long, and are kept as keyed marks: who reads the store can not tell them.
//!
//! The key of the marks is the account's own, sealed by a data key and sealed anew when that is
//! rotated. So codes outlive a rotation, and a copy of the journal of before does not open them.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::account::{AccountName, Mark};
use crate::mark::mark;
use crate::receipt::ALPHABET;

/// Characters of an emergency code: 54 bits.
pub const EMERGENCY_CHARACTERS: usize = 12;
/// Characters of a start code: 72 bits.
pub const START_CHARACTERS: usize = 16;
/// For how many seconds emergency codes may be good.
pub const EMERGENCY_SECONDS: RangeInclusive<u64> = 60..=7 * 86_400;
/// How long a start code is good.
pub const START_CODE_LASTS: Duration = Duration::from_secs(600);
/// How long a start code that was used stands for the old token.
pub const START_GRANTED: Duration = Duration::from_secs(600);
/// Octets of the key that marks are made with.
pub const SPARE_KEY_OCTETS: usize = 32;

/// The longest text that is looked at as a spare code: one blank or dash behind each character.
const TYPED_OCTETS_MAX: usize = 2 * START_CHARACTERS;
const GROUP: usize = 4;
const PURPOSE: &[u8] = b"sekisho spare code 1";

/// Which kind of spare code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpareKind {
    /// In the place of a token's code.
    Emergency,
    /// In the place of the old token at a start of use.
    Start,
}

impl SpareKind {
    fn characters(self) -> usize {
        match self {
            Self::Emergency => EMERGENCY_CHARACTERS,
            Self::Start => START_CHARACTERS,
        }
    }
}

/// A spare code in clear, in canonical form: upper case, no dashes. Wipes itself, prints nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SpareCode {
    text: Vec<u8>,
    #[zeroize(skip)]
    kind: SpareKind,
}

impl fmt::Debug for SpareCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpareCode(..)")
    }
}

impl SpareCode {
    /// A new one, from fresh random octets.
    pub fn new(kind: SpareKind, mut random: [u8; 16]) -> Self {
        let mut rest = u128::from_be_bytes(random);
        random.zeroize();
        let base = ALPHABET.len() as u128;
        let text = (0..kind.characters())
            .map(|_| {
                let index = (rest % base) as usize;
                rest /= base;
                ALPHABET[index]
            })
            .collect();
        rest.zeroize();
        Self { text, kind }
    }

    /// What was typed, if it has the form of a spare code: either case, with blanks and dashes where
    /// people put them.
    pub fn parse(typed: &[u8]) -> Option<Self> {
        if typed.len() > TYPED_OCTETS_MAX {
            return None;
        }
        let mut text = Vec::with_capacity(START_CHARACTERS);
        let characters = typed.iter().filter(|octet| !b"- ".contains(octet));
        for character in characters.map(u8::to_ascii_uppercase) {
            if !ALPHABET.contains(&character) || text.len() == START_CHARACTERS {
                text.zeroize();
                return None;
            }
            text.push(character);
        }
        let kind = match text.len() {
            EMERGENCY_CHARACTERS => SpareKind::Emergency,
            START_CHARACTERS => SpareKind::Start,
            _ => {
                text.zeroize();
                return None;
            }
        };
        Some(Self { text, kind })
    }

    /// Which kind.
    pub fn kind(&self) -> SpareKind {
        self.kind
    }

    /// As it is shown to who is to type it: in groups of four.
    pub fn show(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(TYPED_OCTETS_MAX));
        for (index, octet) in self.text.iter().enumerate() {
            if index > 0 && index % GROUP == 0 {
                shown.push('-');
            }
            shown.push(char::from(*octet));
        }
        shown
    }

    /// What it is recognised by. It is bound to the account and the kind.
    pub(crate) fn mark(&self, key: &[u8], account: &AccountName) -> Mark {
        let kind = match self.kind {
            SpareKind::Emergency => 0,
            SpareKind::Start => 1,
        };
        let parts = [PURPOSE, account.as_str().as_bytes(), &self.text];
        mark(key, &[kind], &parts)
    }
}

/// The random octets that marks are made with, for an account that has no spare codes yet.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SpareKey(pub(crate) [u8; SPARE_KEY_OCTETS]);

impl SpareKey {
    /// Fresh from the random source.
    pub fn new(random: [u8; SPARE_KEY_OCTETS]) -> Self {
        Self(random)
    }
}

impl fmt::Debug for SpareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpareKey(..)")
    }
}
