//! Import files: tokens of a vendor, one a line, as `otpauth://` URIs or as CSV.
//!
//! The first significant line decides which of the two it is. Blank lines and lines that begin
//! with `#` are skipped in both. Nothing is guessed: an unknown parameter or column, a doubled one,
//! or a number out of its bounds makes the line bad, and a file with one bad line is bad as a
//! whole. No message quotes the file: with two columns swapped, a quoted serial would be a seed.

mod csv;
mod line;
mod otpauth;
mod shape;

use std::collections::HashMap;
use std::fmt;

use sekisho_verifier_socket::admin::ImportRow;

use crate::text;
use line::Lines;

/// The longest line.
pub const LINE_OCTETS_MAX: usize = 2_048;
/// The most tokens in one file.
pub const ROWS_MAX: u64 = 1_000_000;
/// How many bad lines are reported one by one.
pub const BAD_LINES_SHOWN: usize = 10;

/// Why a line is bad. Never holds a piece of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub line: u64,
    /// Lower case, no full stop.
    pub message: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, message) = (self.line, &self.message);
        f.write_str(&text!("import-line", line = line, message = message))
    }
}

/// What is wrong with a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// The first of them.
    pub shown: Vec<BadLine>,
    /// How many there are.
    pub count: u64,
}

/// How the lines of a file are to be read.
#[derive(Debug)]
enum Format {
    Otpauth,
    Csv(csv::Columns),
}

/// The rows of a file, read one by one from its octets.
///
/// Reading the same octets again gives the same rows, so a file can be checked whole before the
/// first row is used, without a million seeds in memory at once.
#[derive(Debug)]
pub struct Rows<'a> {
    lines: Lines<'a>,
    format: Option<Format>,
}

impl<'a> Rows<'a> {
    /// Begins at the first line.
    pub fn new(octets: &'a [u8]) -> Self {
        Self {
            lines: Lines::new(octets),
            format: None,
        }
    }

    /// How many octets have been read.
    pub fn octets_read(&self) -> usize {
        self.lines.octets_read()
    }

    fn row(&mut self, number: u64, text: &str) -> Result<Option<ImportRow>, String> {
        match &mut self.format {
            Some(Format::Otpauth) => otpauth::row(number, text).map(Some),
            Some(Format::Csv(columns)) => columns.row(number, text).map(Some),
            None => self.first(number, text),
        }
    }

    fn first(&mut self, number: u64, text: &str) -> Result<Option<ImportRow>, String> {
        if otpauth::is_uri(text) {
            self.format = Some(Format::Otpauth);
            return otpauth::row(number, text).map(Some);
        }
        self.format = Some(Format::Csv(csv::Columns::from_header(text)?));
        Ok(None)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<ImportRow, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, text) = self.lines.next()?;
            let row = text.and_then(|text| self.row(line, text));
            match row {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => {}
                Err(message) => {
                    // Without a format every line that follows would be bad for the same reason.
                    if self.format.is_none() {
                        self.lines.end();
                    }
                    return Some(Err(BadLine { line, message }));
                }
            }
        }
    }
}

/// Reads the whole file and says how many tokens it holds; calls `progress` with the octets read.
pub fn check(octets: &[u8], mut progress: impl FnMut(usize)) -> Result<u64, BadFile> {
    let mut rows = Rows::new(octets);
    let mut lines_of = HashMap::new();
    let mut bad = BadFile {
        shown: Vec::new(),
        count: 0,
    };
    let mut count = 0;
    while let Some(row) = rows.next() {
        progress(rows.octets_read());
        let found = row.and_then(|row| once(&mut lines_of, row));
        match found {
            Ok(()) => count += 1,
            Err(line) => bad.add(line),
        }
        if count > ROWS_MAX {
            bad.add(BadLine {
                line: rows.lines.number(),
                message: text!("import-many", max = ROWS_MAX),
            });
            break;
        }
    }
    if bad.count > 0 {
        return Err(bad);
    }
    Ok(count)
}

impl BadFile {
    fn add(&mut self, line: BadLine) {
        self.count += 1;
        if self.shown.len() < BAD_LINES_SHOWN {
            self.shown.push(line);
        }
    }
}

/// Refuses a serial that an earlier line has; the verifier folds their case as well.
fn once(lines_of: &mut HashMap<Box<str>, u64>, row: ImportRow) -> Result<(), BadLine> {
    let serial = row.serial.to_ascii_uppercase().into_boxed_str();
    match lines_of.insert(serial, row.line) {
        None => Ok(()),
        Some(earlier) => Err(BadLine {
            line: row.line,
            message: text!("import-serial-twice", line = earlier),
        }),
    }
}

#[cfg(test)]
mod tests;
