//! The start-of-use password: ten digits that came by letter, say. A start of use asks two of them.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::account::AccountName;
use crate::mark::mark;

/// Digits of it.
pub const START_PASSWORD_DIGITS: usize = 10;
/// How many of them are asked for.
pub const START_POSITIONS: usize = 2;
/// So many wrong answers use it up: with two digits asked, each is right once in a hundred.
pub const START_TRIES_MAX: u32 = 10;

const SALT_OCTETS: usize = 16;
const OCTETS: usize = START_PASSWORD_DIGITS + SALT_OCTETS;
const PURPOSE: &[u8] = b"sekisho start positions 1";

/// A start-of-use password in clear. Wipes itself, prints nothing.
///
/// With it goes a salt that nobody is told: positions that followed from the digits alone would tell
/// what they are.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct StartPassword([u8; OCTETS]);

impl fmt::Debug for StartPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StartPassword(..)")
    }
}

impl StartPassword {
    /// A new one, from fresh random octets.
    pub fn new(mut random: [u8; 32]) -> Self {
        let mut octets = [0; OCTETS];
        let (number, salt) = random.split_at(16);
        let mut whole = [0; 16];
        whole.copy_from_slice(number);
        let mut rest = u128::from_be_bytes(whole);
        for digit in &mut octets[..START_PASSWORD_DIGITS] {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        octets[START_PASSWORD_DIGITS..].copy_from_slice(salt);
        whole.zeroize();
        rest.zeroize();
        random.zeroize();
        Self(octets)
    }

    /// As it is shown, once.
    pub fn show(&self) -> Zeroizing<String> {
        let digits = self.0[..START_PASSWORD_DIGITS].iter();
        Zeroizing::new(digits.map(|digit| char::from(*digit)).collect())
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// From what was sealed.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }

    /// Which digits are asked for, counted from 1 and rising. They stay as long as no further wrong
    /// answer was charged: nobody can wait for those that they know.
    pub(crate) fn positions(&self, account: &AccountName, tries: u32) -> [u8; START_POSITIONS] {
        let salt = &self.0[START_PASSWORD_DIGITS..];
        let parts = [account.as_str().as_bytes(), &tries.to_be_bytes()];
        let drawn = u128::from_be_bytes(mark(salt, PURPOSE, &parts).0);
        let of = START_PASSWORD_DIGITS as u128;
        let first = (drawn % of) as u8;
        let mut second = (drawn / of % (of - 1)) as u8;
        if second >= first {
            second += 1;
        }
        [first.min(second) + 1, first.max(second) + 1]
    }

    /// Whether `typed` are the digits at `positions`.
    pub(crate) fn fits(&self, positions: [u8; START_POSITIONS], typed: &[u8]) -> bool {
        let expected = positions.map(|position| self.0[usize::from(position) - 1]);
        expected.ct_eq(typed).into()
    }
}
