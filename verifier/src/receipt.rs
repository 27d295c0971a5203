//! Receipts: number and time of an operation, and the signed text of it.
//!
//! The number is the position of the operation's event in the journal: positions rise and are never
//! given twice. So a number tells where the event is, and no counter of its own has to be kept. A
//! store that was restored from a backup goes on at a position that no run of before can have
//! reached, see [`floor`].

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;

use crate::checkpoint::Hash;
use crate::event::OperationEvent;
use crate::store::Position;
use crate::time::Time;

/// The characters of a number, in rising order: none that looks like another (no 0 O, 1 I L, 2 Z,
/// 5 S, 8 B, U V), so that a number survives the telephone.
pub const ALPHABET: &[u8; 23] = b"34679ACDEFGHJKMNPQRTWXY";
const BASE: u64 = ALPHABET.len() as u64;
const POSITION_CHARACTERS: u32 = 11;
const CHARACTERS: usize = POSITION_CHARACTERS as usize + 1;
const GROUP: usize = 4;

/// How many numbers there are: 953 million million.
pub const POSITIONS: u64 = BASE.pow(POSITION_CHARACTERS);

/// No store records more events than this in a second, on average over its life; ten times what
/// was measured at most, over less than a minute.
pub const EVENTS_PER_SECOND_MAX: u64 = 200_000;
/// 2026-01-01T00:00:00Z: no store is older.
const BEGINNING: Time = Time::from_millis(1_767_225_600_000);
/// What a restore skips where the clock can not tell how far it is: a year of events.
const SKIPPED: u64 = 366 * 86_400 * EVENTS_PER_SECOND_MAX;

/// The first position of a store that is restored at `now` and whose newest event in the backup is
/// at `last`: no run of it can have come so far, however long it went on after the backup was made.
/// `now` is the later one of the wall clock and the newest time in the backup.
///
/// A store that is further than its clock explains was restored once while the clock was ahead; it
/// skips a year of events. By a right clock the numbers last until the year 2176; `None` when there
/// is no number left.
pub fn floor(now: Time, last: Position) -> Option<Position> {
    // By milliseconds, so that two restores within a second are apart as well.
    let millis = now.millis().saturating_sub(BEGINNING.millis());
    let explained = millis.saturating_mul(EVENTS_PER_SECOND_MAX / 1_000);
    let first = if explained > last {
        explained
    } else {
        last.saturating_add(SKIPPED)
    };
    (first < POSITIONS).then_some(first)
}

/// A receipt number, shown as `3334-3333-334A`: position, check character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptNumber {
    position: Position,
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
    /// The number of the event at `position`, or `None` past the last number.
    pub fn new(position: Position) -> Option<Self> {
        (position < POSITIONS).then_some(Self { position })
    }

    /// The position of the event.
    pub fn position(self) -> Position {
        self.position
    }

    fn values(self) -> [u64; CHARACTERS] {
        let mut values = [0; CHARACTERS];
        let mut rest = self.position;
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
        let position = number.iter().fold(0, |sum, value| sum * BASE + value);
        Ok(Self { position })
    }
}

/// What a receipt says. Its text is signed as a note; who has it and the public key needs nobody to
/// verify it.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// Which journal; also the name that signs.
    pub origin: &'a str,
    /// Position of its event.
    pub position: Position,
    /// When.
    pub time: Time,
    /// What was done.
    pub event: &'a OperationEvent,
    /// Chain hash of the event: with a checkpoint behind it, it proves that the event is in the
    /// journal.
    pub hash: &'a Hash,
}

/// The first line of a receipt's text, so that it can not be taken for a checkpoint.
pub const TITLE: &str = "sekisho receipt 1";

impl fmt::Display for Receipt<'_> {
    /// One line for each field, always in this order; fields that are absent have none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event;
        writeln!(f, "{TITLE}")?;
        writeln!(f, "origin: {}", self.origin)?;
        if let Some(number) = ReceiptNumber::new(self.position) {
            writeln!(f, "number: {number}")?;
        }
        writeln!(f, "position: {}", self.position)?;
        writeln!(f, "time: {}", self.time.millis())?;
        writeln!(f, "operation: {}", event.operation)?;
        field(f, "serial", event.serial.as_ref())?;
        field(f, "new-serial", event.new_serial.as_ref())?;
        field(f, "account", event.account.as_ref())?;
        field(f, "count", event.count)?;
        field(f, "detail", event.detail.as_ref().map(|note| note.as_str()))?;
        writeln!(f, "actor: {}", event.actor)?;
        field(f, "approver", event.approver.as_ref())?;
        writeln!(f, "channel: {}", event.channel.name())?;
        field(f, "reason", event.note.as_ref().map(|note| note.as_str()))?;
        writeln!(f, "hash: {}", BASE64.encode(self.hash))
    }
}

/// Values are names, numbers and cleaned texts: none has a line break.
fn field(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    match value {
        Some(value) => writeln!(f, "{name}: {value}"),
        None => Ok(()),
    }
}

/// The fields of a receipt's text, if it is one.
pub fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next() != Some(TITLE) {
        return None;
    }
    lines.map(|line| line.split_once(": ")).collect()
}
