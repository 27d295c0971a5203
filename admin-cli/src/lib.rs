//! The parser of import files as a library, so that tests and fuzz targets reach it.
//!
//! The program itself is the binary `sekisho`.

pub mod import;
