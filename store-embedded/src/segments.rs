//! All segments of a journal: they are there without a gap, and belong together.

use std::collections::BTreeMap;

use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::segment::{FIRST, HEADER_OCTETS, Header, HeaderError, file_name, number_of};

/// The headers of all segments. There may be none.
pub(crate) fn headers(disk: &dyn Disk) -> Result<BTreeMap<u64, Header>, OpenError> {
    let names = disk
        .names()
        .map_err(|error| OpenError::io(&disk.path(""), "list the folder", &error))?;
    let mut headers = BTreeMap::new();
    for name in names {
        if let Some(number) = number_of(&name) {
            headers.insert(number, header(disk, number)?);
        }
    }
    for (number, expected) in headers.keys().zip(FIRST..) {
        if *number != expected {
            let file = disk.path(&file_name(expected));
            return Err(OpenError::Missing { file });
        }
    }
    let store = headers.values().next().map(|first| first.store);
    match headers.values().find(|header| Some(header.store) != store) {
        None => Ok(headers),
        Some(other) => Err(damaged(disk, other.number, 0, Damage::OtherStore)),
    }
}

fn header(disk: &dyn Disk, number: u64) -> Result<Header, OpenError> {
    let name = file_name(number);
    let mut octets = [0; HEADER_OCTETS];
    let read = open(disk, number)?;
    let read = read_full(&*read, &mut octets, 0);
    match read.map_err(|error| OpenError::io(&disk.path(&name), "read", &error))? {
        HEADER_OCTETS => {}
        _ => return Err(damaged(disk, number, 0, Damage::Header)),
    }
    match Header::parse(&octets) {
        Ok(header) if header.number == number => Ok(header),
        Ok(_) | Err(HeaderError::Damaged) => Err(damaged(disk, number, 0, Damage::Header)),
        Err(HeaderError::Format(format)) => Err(OpenError::Format {
            file: disk.path(&name),
            format,
        }),
    }
}

/// Opens a segment.
pub(crate) fn open(disk: &dyn Disk, number: u64) -> Result<Box<dyn DiskFile>, OpenError> {
    let name = file_name(number);
    disk.open(&name)
        .map_err(|error| OpenError::io(&disk.path(&name), "open", &error))
}

/// Says what is wrong where.
pub(crate) fn damaged(disk: &dyn Disk, number: u64, offset: u64, damage: Damage) -> OpenError {
    OpenError::Damaged {
        file: disk.path(&file_name(number)),
        offset,
        damage,
    }
}
