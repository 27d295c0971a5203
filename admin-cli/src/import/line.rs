//! Lines of a file, bounded, with their numbers.

use super::LINE_OCTETS_MAX;
use crate::text;

/// What spreadsheets put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Significant lines: not blank, no comment.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    octets: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self {
            octets,
            at: if octets.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len()
            } else {
                0
            },
            number: 0,
        }
    }

    pub(super) fn octets_read(&self) -> usize {
        self.at
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Gives no further line.
    pub(super) fn end(&mut self) {
        self.at = self.octets.len();
    }

    /// The next significant line and its number.
    pub(super) fn next(&mut self) -> Option<(u64, Result<&'a str, String>)> {
        loop {
            let line = self.raw()?;
            let significant = !line.trim_ascii().is_empty() && !line.starts_with(b"#");
            if significant {
                return Some((self.number, text(line)));
            }
        }
    }

    fn raw(&mut self) -> Option<&'a [u8]> {
        let rest = &self.octets[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|&b| b == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        self.at += end.map_or(rest.len(), |end| end + 1);
        self.number += 1;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn text(line: &[u8]) -> Result<&str, String> {
    if line.len() > LINE_OCTETS_MAX {
        return Err(text!("import-long", max = LINE_OCTETS_MAX));
    }
    let text = std::str::from_utf8(line).map_err(|_| text!("import-not-utf8"))?;
    if text.chars().any(char::is_control) {
        return Err(text!("import-control"));
    }
    Ok(text)
}
