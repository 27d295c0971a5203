//! The keyring: the data keys and the signing key in one file, wrapped by the master key.
//! `docs/formats/keyring.md` describes it.
//!
//! It is not in the journal. So when a rotation has taken an old data key out of it, nothing in
//! the data folder opens what that key sealed, not even the history in the journal.

use std::io;
use std::path::Path;

use sekisho_verifier::seal::NONCE_OCTETS;
use zeroize::Zeroizing;

use super::content::{CONTENT_OCTETS_MAX, Content};
use super::error::KeyError;
use super::master::{Kind, Master};
use super::private_file::{self, FOR_OTHERS, Unread};

/// The file's name in the data folder.
pub(super) const FILE_NAME: &str = "keyring";
/// Octets of the tag behind what is wrapped.
pub(super) const TAG_OCTETS: usize = 16;

const MAGIC: &[u8; 16] = b"sekisho keyring\n";
const FORMAT: u8 = 1;
const HEAD_OCTETS: usize = MAGIC.len() + 2 + 4;
const OCTETS_MAX: usize = HEAD_OCTETS + NONCE_OCTETS + CONTENT_OCTETS_MAX + TAG_OCTETS;

/// What stands in clear before what is wrapped, and is its associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What kind of master key wraps it.
    pub(super) kind: Kind,
    /// Which version of it.
    pub(super) version: u32,
}

impl Head {
    fn octets(self) -> Vec<u8> {
        let kind = self.kind as u8;
        [&MAGIC[..], &[FORMAT, kind], &self.version.to_be_bytes()].concat()
    }

    fn parse(octets: &[u8]) -> Option<Self> {
        let (kind, version) = match octets.strip_prefix(MAGIC)? {
            [FORMAT, kind, version @ ..] => (*kind, version.try_into().ok()?),
            _ => return None,
        };
        Some(Self {
            kind: Kind::from_number(kind)?,
            version: u32::from_be_bytes(version),
        })
    }
}

/// A keyring as it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) head: Head,
    nonce: [u8; NONCE_OCTETS],
    body: Vec<u8>,
}

impl Wrapped {
    /// `content` as wrapped by a version of `master`.
    pub(super) fn new(master: &Master, version: u32, content: &Content) -> Result<Self, KeyError> {
        let head = Head {
            kind: master.kind(),
            version,
        };
        let mut nonce = [0; NONCE_OCTETS];
        getrandom::fill(&mut nonce).map_err(|error| {
            KeyError::new(
                "random source",
                error.to_string(),
                "see what the system lacks",
            )
        })?;
        let body = master.wrap(version, nonce, &head.octets(), &content.encode())?;
        Ok(Self { head, nonce, body })
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        [&self.head.octets()[..], &self.nonce, &self.body].concat()
    }

    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        let (head, rest) = octets.split_at_checked(HEAD_OCTETS)?;
        let (nonce, body) = rest.split_first_chunk()?;
        Some(Self {
            head: Head::parse(head)?,
            nonce: *nonce,
            body: body.to_vec(),
        })
    }

    /// What is in it, if `master` has wrapped it and not one bit is another.
    pub(super) fn open(&self, path: &Path, master: &Master) -> Result<Content, KeyError> {
        let Head { version, .. } = self.head;
        let clear: Option<Zeroizing<Vec<u8>>> =
            master.unwrap(version, self.nonce, &self.head.octets(), &self.body)?;
        clear
            .and_then(|clear| Content::decode(&clear))
            .ok_or_else(|| {
                KeyError::new(
                    path.display(),
                    format!("does not open with version {version} of the master key"),
                    format!(
                        "the file is damaged, or it is another master key: put the right one \
                         back; else {RESTORE}"
                    ),
                )
            })
    }
}

const RESTORE: &str = "restore the newest backup: sekisho restore";

/// Reads the file in `data`; `None` if there is none.
pub(super) fn read(data: &Path) -> Result<Option<Wrapped>, KeyError> {
    let path = data.join(FILE_NAME);
    let refuse = |message: String, way_out: String| KeyError::new(path.display(), message, way_out);
    let octets = match private_file::read(&path, OCTETS_MAX, FOR_OTHERS) {
        Ok(octets) => octets,
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(Unread::Io(error)) => {
            let way_out = "let the verifier's user read it, or ";
            return Err(refuse(
                format!("can not be read: {error}"),
                format!("{way_out}{RESTORE}"),
            ));
        }
        Err(Unread::NotAFile) => {
            return Err(refuse(
                "is not a file".into(),
                format!("put it back, or {RESTORE}"),
            ));
        }
        Err(Unread::Open) => {
            return Err(refuse(
                "others than its owner can read or write the keyring".into(),
                format!("run: chmod 0400 {}", path.display()),
            ));
        }
    };
    let whole = octets.len() <= OCTETS_MAX;
    match Wrapped::parse(&octets).filter(|_| whole) {
        Some(wrapped) => Ok(Some(wrapped)),
        None => Err(refuse(
            "is no keyring of this version of Sekisho, or is damaged".into(),
            RESTORE.into(),
        )),
    }
}

/// What to say when there must be a keyring and there is none.
pub(super) fn missing(data: &Path) -> KeyError {
    KeyError::new(
        data.join(FILE_NAME).display(),
        "is not there, and without it nothing in this data folder opens",
        format!("put it back, or {RESTORE}"),
    )
}

/// Makes the file, which must not be there yet.
pub(super) fn make(data: &Path, wrapped: &Wrapped) -> Result<(), KeyError> {
    let path = data.join(FILE_NAME);
    private_file::make(&path, &wrapped.octets()).map_err(|error| cannot_write(&path, &error))
}

/// Puts another in the place of the file.
pub(super) fn replace(data: &Path, wrapped: &Wrapped) -> Result<(), KeyError> {
    let path = data.join(FILE_NAME);
    private_file::replace(&path, &wrapped.octets()).map_err(|error| cannot_write(&path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> KeyError {
    KeyError::new(
        path.display(),
        format!("can not be written: {error}"),
        "make room on the disk, and let the verifier's user write the data folder",
    )
}
