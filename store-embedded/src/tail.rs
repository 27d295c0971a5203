//! Tells the torn end of a write that was never acknowledged from damage.
//!
//! A group is written only after the sync of the one before it has returned, into space that was
//! zero and durable before. So what a power cut leaves of the last group is, sector by sector,
//! either what was written or zero, and nothing of a later group can be there. What does not look
//! like that is damage, and cutting it off could take away what was acknowledged.

use std::io;
use std::ops::Range;

use crate::frame::{ALIGNMENT, HEAD_OCTETS, Head};
use crate::scan::Scanner;

/// The smallest unit that a disk writes whole.
const SECTOR_OCTETS: u64 = 512;

/// What stands at the end of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros.
    Clean,
    /// A torn group, to be made zero.
    Torn(Range<u64>),
    /// Something else; it begins here.
    Damaged(u64),
    /// A frame that this version can not have written.
    LaterVersion(u64),
}

/// Where reading stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// Where the group begins that the unreadable frame would belong to.
    pub(crate) group_offset: u64,
    /// Position of the first frame of that group.
    pub(crate) group: u64,
    /// Where the frame is that can not be read.
    pub(crate) offset: u64,
}

/// Looks at everything from where reading stopped to the end of the file.
pub(crate) fn look(scanner: &mut Scanner<'_>, stop: Stop) -> io::Result<Tail> {
    let Some(written) = scanner.written(stop.group_offset)? else {
        return Ok(Tail::Clean);
    };
    match other_group(scanner, stop, written.end)? {
        Some(Other::Group(offset)) => return Ok(Tail::Damaged(stop.offset.min(offset))),
        Some(Other::LaterVersion(offset)) => return Ok(Tail::LaterVersion(offset)),
        None => {}
    }
    let torn = cut_short(scanner, stop.offset, written.end)?
        || sector_missing(scanner, stop.group_offset..written.end)?;
    if !torn {
        return Ok(Tail::Damaged(stop.offset));
    }
    Ok(Tail::Torn(stop.group_offset..written.end))
}

/// What can not be there after a torn write, and where it begins.
enum Other {
    Group(u64),
    LaterVersion(u64),
}

/// Looks behind the stop for a frame of another group, or of a kind that is not known.
fn other_group(scanner: &mut Scanner<'_>, stop: Stop, end: u64) -> io::Result<Option<Other>> {
    let mut offset = stop.offset;
    while offset + HEAD_OCTETS as u64 <= end {
        match scanner.head(offset)? {
            Some(head) if head.group != stop.group => {
                return Ok(Some(Other::Group(offset)));
            }
            None if scanner.is_of_later_version(offset)? => {
                return Ok(Some(Other::LaterVersion(offset)));
            }
            Some(head) if scanner.frame(offset)?.is_some() => offset += head.frame_octets(),
            _ => offset += ALIGNMENT as u64,
        }
    }
    Ok(None)
}

/// Whether the frame at `offset` begins as written and lacks its end.
fn cut_short(scanner: &mut Scanner<'_>, offset: u64, written_end: u64) -> io::Result<bool> {
    if written_end <= offset + HEAD_OCTETS as u64 {
        return Ok(true);
    }
    let Some(head) = scanner.head(offset)? else {
        return Ok(offset + HEAD_OCTETS as u64 > scanner.end());
    };
    Ok(lacks_end(&head, offset, written_end, scanner.end()))
}

/// The last octet of a body is never zero, nor is the padding. Both must be missing, so that no
/// change of a single octet reads like a cut.
fn lacks_end(head: &Head, offset: u64, written_end: u64, file_end: u64) -> bool {
    let body_end = offset + (HEAD_OCTETS + head.body_octets) as u64;
    offset + head.frame_octets() > file_end || written_end < body_end
}

/// Whether some sector of `written` is zero.
fn sector_missing(scanner: &mut Scanner<'_>, written: Range<u64>) -> io::Result<bool> {
    let mut from = written.start;
    while from < written.end {
        let to = ((from / SECTOR_OCTETS + 1) * SECTOR_OCTETS).min(written.end);
        let octets = scanner.octets(from, (to - from) as usize)?;
        if octets.is_some_and(|octets| octets.iter().all(|&octet| octet == 0)) {
            return Ok(true);
        }
        from = to;
    }
    Ok(false)
}
