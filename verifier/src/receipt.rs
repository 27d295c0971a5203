//! Receipts: number and time of an operation.
//!
//! The number is made of the store's epoch and the position of the operation's event in the
//! journal: positions rise and are never given twice, and a restored store begins a new epoch. So
//! a number tells where the event is, and no counter of its own has to be kept.

use std::fmt;
use std::str::FromStr;

/// The characters of a number, in rising order: none that looks like another (no 0 O, 1 I L, 2 Z,
/// 5 S, 8 B, U V), so that a number survives the telephone.
const ALPHABET: &[u8; 23] = b"34679ACDEFGHJKMNPQRTWXY";
const BASE: u64 = ALPHABET.len() as u64;
const EPOCH_CHARACTERS: u32 = 2;
const POSITION_CHARACTERS: u32 = 9;
const CHARACTERS: usize = (EPOCH_CHARACTERS + POSITION_CHARACTERS) as usize + 1;
const GROUP: usize = 4;

/// How many epochs a number can tell apart: a store is not restored so often.
pub const EPOCHS: u64 = BASE.pow(EPOCH_CHARACTERS);
/// How many positions an epoch has: 1.8 million million.
pub const POSITIONS: u64 = BASE.pow(POSITION_CHARACTERS);

/// A receipt number, shown as `3334-3333-334A`: epoch, position, check character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptNumber {
    epoch: u64,
    position: u64,
}

/// Why a text is no receipt number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptNumberError {
    /// Not twelve characters of the alphabet.
    #[error("a receipt number has twelve characters, as 3334-3333-334A")]
    Form,
    /// The check character does not fit: a character is wrong, or two are swapped.
    #[error("a character of the receipt number is wrong, or two are swapped")]
    Check,
}

impl ReceiptNumber {
    /// The number of the event at `position` in `epoch`, or `None` when either is past its end.
    pub fn new(epoch: u32, position: u64) -> Option<Self> {
        let epoch = u64::from(epoch);
        (epoch < EPOCHS && position < POSITIONS).then_some(Self { epoch, position })
    }

    /// The epoch.
    pub fn epoch(self) -> u32 {
        // Below EPOCHS.
        self.epoch as u32
    }

    /// The position of the event.
    pub fn position(self) -> u64 {
        self.position
    }

    fn values(self) -> [u64; CHARACTERS] {
        let mut values = [0; CHARACTERS];
        let mut rest = self.epoch * POSITIONS + self.position;
        for value in values[..CHARACTERS - 1].iter_mut().rev() {
            *value = rest % BASE;
            rest /= BASE;
        }
        values[CHARACTERS - 1] = check(&values[..CHARACTERS - 1]);
        values
    }
}

/// A weighted sum modulo the prime 23 with different weights, none zero: it finds every single
/// wrong character and every swap of two.
fn check(values: &[u64]) -> u64 {
    let weighted = values.iter().zip(2..).map(|(value, weight)| value * weight);
    weighted.sum::<u64>() % BASE
}

impl fmt::Display for ReceiptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.values().into_iter().enumerate() {
            if index > 0 && index % GROUP == 0 {
                f.write_str("-")?;
            }
            // Below BASE, the alphabet's length.
            write!(f, "{}", char::from(ALPHABET[value as usize]))?;
        }
        Ok(())
    }
}

impl FromStr for ReceiptNumber {
    type Err = ReceiptNumberError;

    /// Takes either case, with or without the dashes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut values = [0; CHARACTERS];
        let mut characters = text.bytes().filter(|&b| b != b'-');
        for value in &mut values {
            let character = characters.next().ok_or(ReceiptNumberError::Form)?;
            let index = ALPHABET
                .iter()
                .position(|&known| known == character.to_ascii_uppercase());
            *value = index.ok_or(ReceiptNumberError::Form)? as u64;
        }
        if characters.next().is_some() {
            return Err(ReceiptNumberError::Form);
        }
        let (number, last) = values.split_at(CHARACTERS - 1);
        if check(number) != last[0] {
            return Err(ReceiptNumberError::Check);
        }
        let whole = number.iter().fold(0, |sum, value| sum * BASE + value);
        Ok(Self {
            epoch: whole / POSITIONS,
            position: whole % POSITIONS,
        })
    }
}
