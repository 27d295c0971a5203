//! Frames: length, version, CBOR.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::Envelope;

/// Octets of the length that begins a frame.
pub const LENGTH_OCTETS: usize = 4;
/// The first octet after the length.
pub const PROTOCOL_VERSION: u8 = 1;
/// The largest frame of a client that may only send attempts (octets after the length).
pub const ATTEMPT_FRAME_MAX: usize = 4 * 1024;
/// The largest frame of the RADIUS server, to and fro: a handful of orders, what a hundred clients
/// were seen to send. Its attempts keep to [`ATTEMPT_FRAME_MAX`].
pub const RADIUS_FRAME_MAX: usize = 64 * 1024;
/// The largest frame at all: a piece of an import, a page of a list.
pub const FRAME_MAX: usize = 1024 * 1024;

/// Why octets are not a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than the limit that holds for this peer.
    TooLong {
        /// What the frame claims.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Of a protocol version that this program does not speak.
    Version(u8),
    /// Not the CBOR that the version prescribes, or with something behind it.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, limit } => {
                write!(f, "frame of {length} octets, at most {limit} are allowed")
            }
            Self::Version(version) => write!(
                f,
                "protocol version {version}, this program speaks {PROTOCOL_VERSION}"
            ),
            Self::Malformed => f.write_str("malformed frame"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends `message` as one frame to `out`.
pub fn encode<T: Encode<()>>(message: &Envelope<T>, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_OCTETS]);
    out.push(PROTOCOL_VERSION);
    // Writing to a Vec does not fail, and our messages encode always.
    minicbor::encode(message, &mut *out).map_err(|_| FrameError::Malformed)?;
    let length = out.len() - start - LENGTH_OCTETS;
    if length > FRAME_MAX {
        out.truncate(start);
        return Err(FrameError::TooLong {
            length,
            limit: FRAME_MAX,
        });
    }
    // FRAME_MAX fits in 32 bits, and so does what is below it.
    out[start..start + LENGTH_OCTETS].copy_from_slice(&(length as u32).to_be_bytes());
    Ok(())
}

/// The octets that follow the length, or `None` while fewer than four octets have arrived.
///
/// A length over `limit` is an error before anything is read or kept for it.
pub fn frame_length(octets: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(head) = octets.first_chunk::<LENGTH_OCTETS>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*head) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    Ok(Some(length))
}

/// Reads the message of one frame; `octets` begins after the length and ends with the frame.
pub fn decode<'b, T: Decode<'b, ()>>(octets: &'b [u8]) -> Result<Envelope<T>, FrameError> {
    let (&version, body) = octets.split_first().ok_or(FrameError::Malformed)?;
    if version != PROTOCOL_VERSION {
        return Err(FrameError::Version(version));
    }
    let mut decoder = minicbor::Decoder::new(body);
    let message = decoder.decode().map_err(|_| FrameError::Malformed)?;
    if decoder.position() != body.len() {
        return Err(FrameError::Malformed);
    }
    Ok(message)
}
