//! Why a configuration file is refused: file, line, what is wrong, and the way out.

use std::fmt;
use std::path::PathBuf;

/// A configuration file that is refused.
#[derive(Debug)]
pub struct Error {
    pub(crate) file: PathBuf,
    /// From 1; `None` when the file as a whole is meant.
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
    pub(crate) way_out: String,
}

impl Error {
    /// The line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}\n  {}", self.message, self.way_out)
    }
}

impl std::error::Error for Error {}
