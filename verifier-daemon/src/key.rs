//! The master key: one file, one line, readable by nobody else.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS};
use zeroize::Zeroizing;

/// The file's name in the data folder.
pub(crate) const FILE_NAME: &str = "master.key";

/// What the line begins with: purpose and format.
const HEAD: &str = "sekisho-master-key-1 ";
/// The number that sealed seeds name their key by.
const KEY_NUMBER: u32 = 1;
const LINE_OCTETS: usize = HEAD.len() + 2 * KEY_OCTETS + 1;
const FOR_OTHERS: u32 = 0o077;

/// Why there is no key.
#[derive(Debug)]
pub(crate) struct KeyError {
    file: PathBuf,
    message: String,
    way_out: String,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, way_out) = (&self.message, &self.way_out);
        write!(f, "{}: {message}\n  {way_out}", self.file.display())
    }
}

/// Reads the key of the data folder `data`.
pub(crate) fn load(data: &Path) -> Result<DataKey, KeyError> {
    let file = data.join(FILE_NAME);
    let refuse = |message: String, way_out: String| KeyError {
        file: file.clone(),
        message,
        way_out,
    };
    let cannot = |error: std::io::Error| {
        let way_out = "run: sekisho init, or put the key back from where it is kept";
        refuse(format!("can not be read: {error}"), way_out.into())
    };
    let kind = fs::symlink_metadata(&file).map_err(cannot)?;
    if !kind.is_file() {
        let way_out = "put the key itself there, not a link or a device";
        return Err(refuse("is not a file".into(), way_out.into()));
    }
    if kind.mode() & FOR_OTHERS != 0 {
        return Err(refuse(
            "others than its owner can read or write the master key".into(),
            format!("run: chmod 0400 {}", file.display()),
        ));
    }
    let octets = read(&file).map_err(cannot)?;
    parse(&octets).ok_or_else(|| {
        let way_out = "put the key back from where it is kept; without it no seed opens";
        refuse("is no master key".into(), way_out.into())
    })
}

fn read(file: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let opened = File::options()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(file)?;
    // One octet more than there may be, so that a longer file is noticed; room for all of it, so
    // that the buffer is never moved and left behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(LINE_OCTETS + 1));
    opened
        .take(LINE_OCTETS as u64 + 1)
        .read_to_end(&mut octets)?;
    Ok(octets)
}

fn parse(octets: &[u8]) -> Option<DataKey> {
    let hex = octets.strip_prefix(HEAD.as_bytes())?.strip_suffix(b"\n")?;
    let key = Zeroizing::new(HEXLOWER.decode(hex).ok()?);
    let key: &[u8; KEY_OCTETS] = key.as_slice().try_into().ok()?;
    Some(DataKey::new(KEY_NUMBER, key))
}
