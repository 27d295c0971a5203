//! As much of an object file (ELF) as tells whether libpam can load it.

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// The machine's number (`e_machine`).
    pub(crate) machine: u16,
    /// 32 or 64 bits.
    pub(crate) bits: u8,
    /// Whether it is a shared object.
    pub(crate) shared: bool,
    /// The libraries that it asks for (`DT_NEEDED`).
    pub(crate) needed: Vec<String>,
}

const MAGIC: &[u8] = b"\x7fELF";
const SHARED: u64 = 3;
const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const NEEDED: u64 = 1;
const STRINGS: u64 = 5;
/// More program headers than any object has.
const HEADERS_MAX: u64 = 256;
/// More dynamic entries than any object has.
const ENTRIES_MAX: u64 = 4_096;

/// A part of the file that is loaded at an address.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

impl Object {
    /// `None` if it is none, or broken.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        if octets.get(..4)? != MAGIC {
            return None;
        }
        let file = File {
            octets,
            wide: *octets.get(4)? == 2,
            big: *octets.get(5)? == 2,
        };
        let machine = u16::try_from(file.number(18, 2)?).ok()?;
        Some(Self {
            machine,
            bits: if file.wide { 64 } else { 32 },
            shared: file.number(16, 2)? == SHARED,
            needed: file.needed()?,
        })
    }
}

struct File<'a> {
    octets: &'a [u8],
    /// 64 bits.
    wide: bool,
    /// Big endian.
    big: bool,
}

impl File<'_> {
    fn number(&self, at: u64, octets: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let octets = self
            .octets
            .get(at..at.checked_add(usize::try_from(octets).ok()?)?)?;
        let shift = |number: u64, octet: &u8| number << 8 | u64::from(*octet);
        Some(if self.big {
            octets.iter().fold(0, shift)
        } else {
            octets.iter().rev().fold(0, shift)
        })
    }

    /// An address or a size.
    fn word(&self, at: u64) -> Option<u64> {
        self.number(at, if self.wide { 8 } else { 4 })
    }

    fn segments(&self) -> Option<Vec<Segment>> {
        let (table, size_at, count_at) = if self.wide {
            (32, 54, 56)
        } else {
            (28, 42, 44)
        };
        let table = self.word(table)?;
        let size = self.number(size_at, 2)?;
        let count = self.number(count_at, 2)?.min(HEADERS_MAX);
        let segment = |index: u64| {
            let at = table.checked_add(index.checked_mul(size)?)?;
            let (offset, address, size) = if self.wide { (8, 16, 32) } else { (4, 8, 16) };
            Some(Segment {
                kind: self.number(at, 4)?,
                offset: self.word(at.checked_add(offset)?)?,
                address: self.word(at.checked_add(address)?)?,
                size: self.word(at.checked_add(size)?)?,
            })
        };
        (0..count).map(segment).collect()
    }

    fn needed(&self) -> Option<Vec<String>> {
        let segments = self.segments()?;
        let Some(dynamic) = segments.iter().find(|segment| segment.kind == DYNAMIC) else {
            return Some(Vec::new());
        };
        let width = if self.wide { 8 } else { 4 };
        let mut names = Vec::new();
        let mut strings = None;
        for index in 0..(dynamic.size / (2 * width)).min(ENTRIES_MAX) {
            let at = dynamic.offset.checked_add(index * 2 * width)?;
            let value = self.word(at.checked_add(width)?)?;
            match self.word(at)? {
                0 => break,
                NEEDED => names.push(value),
                STRINGS => strings = Some(value),
                _ => {}
            }
        }
        let strings = strings?;
        let table = segments.iter().find(|segment| {
            let inside = strings.checked_sub(segment.address);
            segment.kind == LOAD && inside.is_some_and(|inside| inside < segment.size)
        })?;
        let start = strings - table.address + table.offset;
        names
            .into_iter()
            .map(|name| self.text(start.checked_add(name)?))
            .collect()
    }

    fn text(&self, at: u64) -> Option<String> {
        let rest = self.octets.get(usize::try_from(at).ok()?..)?;
        let end = rest.iter().position(|octet| *octet == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_program_is_read_and_no_cut_of_it_panics() {
        let own = std::env::current_exe().expect("a path");
        let octets = std::fs::read(own).expect("readable");
        let object = Object::read(&octets).expect("an object");
        assert!(object.needed.iter().any(|name| name.starts_with("libc.so")));
        let head = &octets[..4_096];
        for length in 0..head.len() {
            let _ = Object::read(&head[..length]);
        }
        for at in 0..64 {
            let mut changed = head.to_vec();
            changed[at] ^= 0xff;
            let _ = Object::read(&changed);
        }
        assert_eq!(Object::read(b"#!/bin/sh\n"), None);
    }
}
