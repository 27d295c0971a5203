//! The master key in a file of its own.

use std::io;
use std::path::Path;

use super::error::KeyError;
use super::lines::{Lines, OCTETS_MAX};
use super::private_file::{self, FOR_OTHERS, Unread};

/// Reads the file at `path`.
pub(super) fn load(path: &Path) -> Result<Lines, KeyError> {
    let refuse = |message: String, way_out: String| KeyError::new(path.display(), message, way_out);
    let octets = private_file::read(path, OCTETS_MAX, FOR_OTHERS).map_err(|why| match why {
        Unread::Io(error) => refuse(
            format!("can not be read: {error}"),
            "run: sekisho init, or put the key back from where it is kept".into(),
        ),
        Unread::NotAFile => refuse(
            "is not a file".into(),
            "put the key itself there, not a link or a device".into(),
        ),
        Unread::Open => refuse(
            "others than its owner can read or write the master key".into(),
            format!("run: chmod 0400 {}", path.display()),
        ),
    })?;
    Lines::parse(octets).ok_or_else(|| {
        refuse(
            "is no master key".into(),
            "put the key back from where it is kept; without it no seed opens".into(),
        )
    })
}

/// Adds a fresh `version` behind the others, durably.
pub(super) fn add(path: &Path, lines: &Lines, version: u32) -> Result<Lines, KeyError> {
    if !lines.has_room() {
        let way_out = "take away the lines of versions that wrap nothing any more";
        return Err(KeyError::new(
            path.display(),
            "has no room for another version",
            way_out,
        ));
    }
    let text = lines
        .with_fresh(version)
        .map_err(|error| cannot_write(path, &io::Error::other(error)))?;
    private_file::replace(path, &text).map_err(|error| cannot_write(path, &error))?;
    load(path)
}

/// Takes away the versions before `version`, durably.
pub(super) fn drop_before(path: &Path, lines: &Lines, version: u32) -> Result<(), KeyError> {
    private_file::replace(path, &lines.from(version)).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> KeyError {
    KeyError::new(
        path.display(),
        format!("can not be written: {error}"),
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
            _ => "let the verifier's user write its folder, or change its lines by hand",
        },
    )
}
