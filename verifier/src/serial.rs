//! Serials: what is shown above the code.

use std::fmt;

use minicbor::{Decode, Encode};

/// The longest serial.
pub const SERIAL_OCTETS_MAX: usize = 32;

/// Why a text is no serial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// Empty, or longer than [`SERIAL_OCTETS_MAX`].
    #[error("a serial has 1 to {SERIAL_OCTETS_MAX} characters")]
    Length,
    /// A character that a serial can not have.
    #[error("a serial has printable ASCII characters only, no blank, slash or backslash")]
    Character,
    /// Reads like an option or a path.
    #[error("a serial begins with a letter or a digit")]
    Start,
}

/// A token's serial, as `SKTS00012345`: vendor prefix and number, in upper case.
///
/// 1 to 32 printable ASCII characters; case is folded, so `skts1` and `SKTS1` are one token. It
/// never becomes part of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct Serial(Box<str>);

impl Serial {
    /// Checks and folds `text`.
    pub fn parse(text: &str) -> Result<Self, SerialError> {
        if text.is_empty() || text.len() > SERIAL_OCTETS_MAX {
            return Err(SerialError::Length);
        }
        let allowed = |b: u8| b.is_ascii_graphic() && b != b'/' && b != b'\\';
        if !text.bytes().all(allowed) {
            return Err(SerialError::Character);
        }
        if !text.as_bytes()[0].is_ascii_alphanumeric() {
            return Err(SerialError::Start);
        }
        Ok(Self(text.to_ascii_uppercase().into()))
    }

    /// A serial of a vendor prefix and a number of eight digits, as `SKTS00012345`.
    pub fn numbered(prefix: &str, number: u64) -> Result<Self, SerialError> {
        Self::parse(&format!("{prefix}{number:08}"))
    }

    /// The text, in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for Serial {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(minicbor::decode::Error::message)
    }
}
