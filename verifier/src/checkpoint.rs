//! Checkpoints: signed statements of how far the journal reached, and with which hash.
//!
//! The text has the form of a C2SP `tlog-checkpoint`: origin, size, hash in base64, and one
//! extension line with the time. Our log is a chain and no tree: *size* is the position of a frame,
//! and *hash* is the chain hash of that frame, which stands for everything before it.

use data_encoding::BASE64;

use crate::note::PublicKey;
use crate::store::Position;
use crate::time::Time;

/// A chain hash: SHA-256.
pub type Hash = [u8; 32];

const TIME: &str = "time ";

/// How far the journal reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which journal; also the name that signs.
    pub origin: String,
    /// Position of the last frame that it stands for.
    pub position: Position,
    /// Chain hash of that frame.
    pub hash: Hash,
    /// The wall clock when it was made.
    pub time: Time,
}

impl Checkpoint {
    /// The name of the journal of the store `id`: `sekisho/` and the id in hex.
    pub fn origin_of(id: &[u8; 16]) -> String {
        format!("sekisho/{}", data_encoding::HEXLOWER.encode(id))
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let (origin, position) = (&self.origin, self.position);
        let hash = BASE64.encode(&self.hash);
        format!(
            "{origin}\n{position}\n{hash}\n{TIME}{}\n",
            self.time.millis()
        )
    }

    /// Reads a text; `None` if it is none. Extension lines behind the time are skipped.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next()?;
        let position = number(lines.next()?)?;
        let hash = BASE64.decode(lines.next()?.as_bytes()).ok()?;
        let time = lines.next()?.strip_prefix(TIME)?;
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        Some(Self {
            origin: origin.to_owned(),
            position,
            hash: hash.try_into().ok()?,
            time: Time::from_millis(number(time)?),
        })
    }

    /// Reads a note; `None` if it is not signed by `key`, or not in the name of its journal.
    pub fn open(key: &PublicKey, note: &str) -> Option<Self> {
        let checkpoint = Self::parse(key.open(note).ok()?)?;
        (checkpoint.origin == key.name()).then_some(checkpoint)
    }
}

/// A decimal number without sign and leading zeros.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
