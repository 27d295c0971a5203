//! The parser of import files as a library, so that tests and fuzz targets reach it, and the language
//! that it refuses lines in.
//!
//! The program itself is the binary `sekisho`.

pub mod import;
pub mod language;
