//! Reads the frames of a segment one after the other.

use std::io;
use std::ops::Range;

use crate::disk::{DiskFile, read_full};
use crate::frame::{self, BODY_OCTETS_MAX, HEAD_OCTETS, Head};

/// So much is read at once.
const READ_OCTETS: usize = 1 << 20;

/// A window over a file.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    file: &'a dyn DiskFile,
    end: u64,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    at: u64,
    read_octets: usize,
}

/// An intact frame: head and body have the right checksums.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) head: Head,
    /// Head and body.
    pub(crate) octets: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn body(&self) -> &'a [u8] {
        &self.octets[HEAD_OCTETS..]
    }
}

impl<'a> Scanner<'a> {
    /// Over `file` up to `end`.
    pub(crate) fn new(file: &'a dyn DiskFile, end: u64) -> Self {
        Self {
            file,
            end,
            buffer: Vec::new(),
            at: 0,
            read_octets: READ_OCTETS,
        }
    }

    /// Reads less at once, for a short look.
    pub(crate) fn reading(mut self, octets: usize) -> Self {
        self.read_octets = octets;
        self
    }

    /// Where the file ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The head at `offset`, if there is an intact one.
    pub(crate) fn head(&mut self, offset: u64) -> io::Result<Option<Head>> {
        let Some(octets) = self.octets(offset, HEAD_OCTETS)? else {
            return Ok(None);
        };
        Ok(octets.first_chunk().and_then(Head::parse))
    }

    /// Whether a head stands at `offset` that a later version must have written.
    pub(crate) fn is_of_later_version(&mut self, offset: u64) -> io::Result<bool> {
        let octets = self.octets(offset, HEAD_OCTETS)?;
        let head = octets.and_then(<[u8]>::first_chunk);
        Ok(head.is_some_and(Head::is_of_later_version))
    }

    /// The frame at `offset`, if there is an intact one.
    pub(crate) fn frame(&mut self, offset: u64) -> io::Result<Option<Frame<'_>>> {
        let Some(head) = self.head(offset)? else {
            return Ok(None);
        };
        let Some(octets) = self.octets(offset, HEAD_OCTETS + head.body_octets)? else {
            return Ok(None);
        };
        let frame = Frame { head, octets };
        Ok(head.fits(frame.body()).then_some(frame))
    }

    /// Whether the frame at `offset`, which is intact, has its filling as it is always written.
    pub(crate) fn is_filled(&mut self, offset: u64) -> io::Result<bool> {
        let Some(head) = self.head(offset)? else {
            return Ok(false);
        };
        let octets = self.octets(offset, head.frame_octets() as usize)?;
        Ok(
            octets
                .is_some_and(|octets| frame::is_filled(&octets[HEAD_OCTETS + head.body_octets..])),
        )
    }

    /// `octets` octets from `offset` on, unless the file ends before.
    pub(crate) fn octets(&mut self, offset: u64, octets: usize) -> io::Result<Option<&[u8]>> {
        if offset + octets as u64 > self.end {
            return Ok(None);
        }
        if !self.holds(offset, octets) && !self.fill(offset, octets)? {
            return Ok(None);
        }
        let from = (offset - self.at) as usize;
        Ok(Some(&self.buffer[from..from + octets]))
    }

    fn holds(&self, offset: u64, octets: usize) -> bool {
        offset >= self.at && offset + octets as u64 <= self.at + self.buffer.len() as u64
    }

    fn fill(&mut self, offset: u64, octets: usize) -> io::Result<bool> {
        debug_assert!(octets <= HEAD_OCTETS + BODY_OCTETS_MAX);
        let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
        self.buffer
            .resize(octets.max(self.read_octets).min(left), 0);
        self.at = offset;
        let done = read_full(self.file, &mut self.buffer, offset)?;
        self.buffer.truncate(done);
        Ok(done >= octets)
    }

    /// The first and the last octet between `from` and the end of the file that is not zero.
    pub(crate) fn written(&mut self, from: u64) -> io::Result<Option<Range<u64>>> {
        let mut found: Option<Range<u64>> = None;
        let mut offset = from;
        while offset < self.end {
            let octets = (self.end - offset).min(READ_OCTETS as u64);
            let Some(part) = self.octets(offset, octets as usize)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let first = part.iter().position(|&octet| octet != 0);
            let last = part.iter().rposition(|&octet| octet != 0);
            if let (Some(first), Some(last)) = (first, last) {
                let start = found.map_or(offset + first as u64, |found| found.start);
                found = Some(start..offset + last as u64 + 1);
            }
            offset += octets;
        }
        Ok(found)
    }
}
