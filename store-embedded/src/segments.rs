//! All segments of a journal, plain or compressed: they are there without a gap, and belong
//! together.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::archive::{self, CONTENT_OCTETS_MAX, Spoilt};
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::segment::{FIRST, HEADER_OCTETS, Header, HeaderError, file_name, number_of};

/// The headers of all segments. There may be none. They begin above 1 where a snapshot stands for
/// what came before.
pub(crate) fn headers(disk: &dyn Disk) -> Result<BTreeMap<u64, Header>, OpenError> {
    let names = disk
        .names()
        .map_err(|error| OpenError::io(&disk.path(""), "list the folder", &error))?;
    let mut headers = BTreeMap::new();
    for name in names {
        let number = number_of(&name).or_else(|| archive::number_of(&name));
        if let Some(number) = number.filter(|number| !headers.contains_key(number)) {
            headers.insert(number, header(disk, number)?);
        }
    }
    let first = headers.keys().next().copied().unwrap_or(FIRST);
    for (number, expected) in headers.keys().zip(first..) {
        if *number != expected {
            let file = disk.path(&file_name(expected));
            return Err(OpenError::Missing { file });
        }
    }
    belong_together(disk, &headers)?;
    Ok(headers)
}

/// All of one store, none before its time, and the first as it must be.
fn belong_together(disk: &dyn Disk, headers: &BTreeMap<u64, Header>) -> Result<(), OpenError> {
    let mut before: Option<&Header> = None;
    for header in headers.values() {
        let wrong = |damage| Err(damaged(disk, header.number, 0, damage));
        if header.number == FIRST && !header.is_first() {
            return wrong(Damage::Header);
        }
        if let Some(before) = before {
            if header.store != before.store {
                return wrong(Damage::OtherStore);
            }
            let follows = header.first_position > before.first_position;
            if !follows || header.epoch < before.epoch {
                return wrong(Damage::Joint);
            }
        }
        before = Some(header);
    }
    Ok(())
}

fn header(disk: &dyn Disk, number: u64) -> Result<Header, OpenError> {
    let mut octets = [0; HEADER_OCTETS];
    let file = open(disk, number)?;
    let read = read_full(&*file, &mut octets, 0);
    match read.map_err(|error| failed(disk, number, "read", &error))? {
        HEADER_OCTETS => {}
        _ => return Err(damaged(disk, number, 0, Damage::Header)),
    }
    match Header::parse(&octets) {
        Ok(header) if header.number == number => Ok(header),
        Ok(_) | Err(HeaderError::Damaged) => Err(damaged(disk, number, 0, Damage::Header)),
        Err(HeaderError::Format(format)) => Err(OpenError::Format {
            file: path(disk, number),
            format,
        }),
    }
}

/// Opens a segment. Where it is there plain and compressed, the plain file counts.
pub(crate) fn open(disk: &dyn Disk, number: u64) -> Result<Box<dyn DiskFile>, OpenError> {
    open_file(disk, number).map_err(|error| failed(disk, number, "open", &error))
}

/// As [`open`], for who has no use for the text.
pub(crate) fn open_file(disk: &dyn Disk, number: u64) -> io::Result<Box<dyn DiskFile>> {
    match disk.open(&file_name(number)) {
        // A plain file is removed only when the compressed one is there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match archive::open(disk, number) {
                Ok(archive) => Ok(Box::new(archive)),
                Err(later) if later.kind() == io::ErrorKind::NotFound => Err(error),
                Err(error) => Err(error),
            }
        }
        Ok(file) if file.octets()? > CONTENT_OCTETS_MAX => Err(io::ErrorKind::FileTooLarge.into()),
        opened => opened,
    }
}

/// Opens the file of a segment as it is on the disk, and tells its name.
pub(crate) fn open_stored(disk: &dyn Disk, number: u64) -> io::Result<(String, Box<dyn DiskFile>)> {
    let (plain, compressed) = (file_name(number), archive::file_name(number));
    match disk.open(&plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = disk.open(&compressed)?;
            Ok((compressed, file))
        }
        opened => Ok((plain, opened?)),
    }
}

/// Whether a segment is there compressed only.
pub(crate) fn is_compressed(disk: &dyn Disk, number: u64) -> bool {
    let names = disk.names().unwrap_or_default();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    !has(&file_name(number)) && has(&archive::file_name(number))
}

/// The file of a segment, for messages.
pub(crate) fn path(disk: &dyn Disk, number: u64) -> PathBuf {
    match is_compressed(disk, number) {
        true => disk.path(&archive::file_name(number)),
        false => disk.path(&file_name(number)),
    }
}

/// Says why a segment can not be opened or read.
pub(crate) fn failed(
    disk: &dyn Disk,
    number: u64,
    doing: &'static str,
    error: &io::Error,
) -> OpenError {
    match Spoilt::cause(error) {
        Some(spoilt) => damaged(disk, number, spoilt.offset, Damage::Compressed),
        None => OpenError::io(&path(disk, number), doing, error),
    }
}

/// Says what is wrong where.
pub(crate) fn damaged(disk: &dyn Disk, number: u64, offset: u64, damage: Damage) -> OpenError {
    OpenError::Damaged {
        file: path(disk, number),
        offset,
        damage,
    }
}
