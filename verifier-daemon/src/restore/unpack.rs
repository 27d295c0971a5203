//! Reading a backup: every octet of it must be what was written.

use std::fs::{DirBuilder, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use age::x25519::Identity;
use age::{DecryptError, Decryptor};
use sekisho_verifier::note::{PublicKey, Signer};
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};
use zeroize::Zeroizing;

use super::failure::{Failure, Kind};
use crate::backup::manifest::{
    FORMAT, KEYRING, ListedFile, MANIFEST, MANIFEST_OCTETS_MAX, Manifest, NOTE, is_journal_file,
    signed_text,
};
use crate::keys::Content;

/// The longest keyring and the longest note.
const SMALL_OCTETS_MAX: u64 = 64 << 10;
const BUFFER_OCTETS: usize = 256 << 10;
const ANOTHER: &str = "take another backup; this one can not be used";

/// What was in a backup, beside the files of the journal.
pub(super) struct Unpacked {
    pub(super) manifest: Manifest,
    pub(super) content: Content,
}

/// Why a backup can not be used.
#[derive(Debug)]
enum Bad {
    /// Reading it, which also tells what was changed in it.
    Read(io::Error),
    /// Writing what is in it.
    Write(io::Error),
    /// It is not as a backup is.
    Form(String),
    /// Its signature is not by the key that is expected.
    Stranger,
}

/// Reads the backup `file` by `identity` into `folder`, where the journal's files then are, synced.
/// If `signed_by` is given, the backup must be signed by that key.
pub(super) fn unpack(
    file: File,
    shown: &Path,
    identity: &Identity,
    signed_by: Option<&PublicKey>,
    folder: &Path,
) -> Result<Unpacked, Failure> {
    let refuse = |message: String, way_out: &str| {
        Failure::new(
            Kind::Invalid,
            format!("{}: {message}", shown.display()),
            way_out,
        )
    };
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(BUFFER_OCTETS, file));
    let clear = decryptor
        .and_then(|decryptor| decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)))
        .map_err(|error| match error {
            DecryptError::NoMatchingKeys => refuse(
                "was not made for this identity".into(),
                "give the identity of one of the recipients that the backup names in its receipt",
            ),
            DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                refuse(error.to_string(), "name a file that can be read")
            }
            _ => refuse("is no backup, or is damaged".into(), ANOTHER),
        })?;
    let mut reading = Reading::new(folder).map_err(|error| cannot_write(folder, &error))?;
    reading.all(clear, signed_by).map_err(|bad| match bad {
        Bad::Read(error) if is_damage(&error) => refuse("is damaged or cut off".into(), ANOTHER),
        Bad::Read(error) => refuse(error.to_string(), ANOTHER),
        Bad::Write(error) => cannot_write(folder, &error),
        Bad::Form(message) => refuse(message, ANOTHER),
        Bad::Stranger => Failure::new(
            Kind::NotTrusted,
            format!(
                "{}: is not signed by this audit key: another installation made it",
                shown.display()
            ),
            "take a backup of this installation, or its own audit key",
        ),
    })
}

fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | InvalidInput | Other | UnexpectedEof
    )
}

fn cannot_write(folder: &Path, error: &io::Error) -> Failure {
    Failure::io(folder, error, "make room, and see that the disk is well")
}

/// A backup while it is read.
struct Reading<'a> {
    folder: &'a Path,
    files: Vec<ListedFile>,
    keyring: Option<Zeroizing<Vec<u8>>>,
    /// The manifest as it was signed.
    manifest: Option<Vec<u8>>,
    note: Option<Vec<u8>>,
}

impl<'a> Reading<'a> {
    fn new(folder: &'a Path) -> io::Result<Self> {
        let journal = folder.join("journal");
        DirBuilder::new().mode(0o700).create(journal)?;
        Ok(Self {
            folder,
            files: Vec::new(),
            keyring: None,
            manifest: None,
            note: None,
        })
    }

    fn all(&mut self, clear: impl Read, signed_by: Option<&PublicKey>) -> Result<Unpacked, Bad> {
        let mut archive = Archive::new(clear);
        for entry in archive.entries().map_err(Bad::Read)?.raw(true) {
            self.entry(entry.map_err(Bad::Read)?)?;
        }
        // What is behind the end of the tar must be read too: the last octets prove that nothing
        // was cut off.
        nothing_behind(archive.into_inner())?;
        for folder in [&self.folder.join("journal"), self.folder] {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(Bad::Write)?;
        }
        self.check(signed_by)
    }

    fn entry<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), Bad> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(Bad::Form(format!(
                "holds something that is no file: {name}"
            )));
        }
        if self.note.is_some() {
            return Err(Bad::Form(format!("holds something behind its end: {name}")));
        }
        if self.files.iter().any(|file| file.name == name) {
            return Err(Bad::Form(format!("holds {name} twice")));
        }
        match name.as_str() {
            KEYRING => {
                let octets = self.small(&name, &mut entry, SMALL_OCTETS_MAX)?;
                self.keyring = Some(octets);
            }
            MANIFEST => {
                let octets = small(&name, &mut entry, MANIFEST_OCTETS_MAX)?;
                self.manifest = Some(octets.to_vec());
            }
            NOTE => self.note = Some(small(&name, &mut entry, SMALL_OCTETS_MAX)?.to_vec()),
            _ if is_journal_file(&name) && self.manifest.is_none() => {
                self.journal_file(&name, &mut entry)?;
            }
            _ => return Err(Bad::Form(format!("holds what no backup has: {name}"))),
        }
        Ok(())
    }

    fn small(
        &mut self,
        name: &str,
        entry: &mut impl Read,
        most: u64,
    ) -> Result<Zeroizing<Vec<u8>>, Bad> {
        let octets = small(name, entry, most)?;
        let summed = Sha256::new_with_prefix(&*octets);
        let listed = ListedFile::new(name, octets.len() as u64, summed);
        self.files.push(listed);
        Ok(octets)
    }

    fn journal_file(&mut self, name: &str, entry: &mut impl Read) -> Result<(), Bad> {
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.folder.join(name));
        let mut file = file.map_err(Bad::Write)?;
        let mut buffer = vec![0; BUFFER_OCTETS];
        let (mut octets, mut hasher) = (0, Sha256::new());
        loop {
            let count = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Bad::Read(error)),
            };
            file.write_all(&buffer[..count]).map_err(Bad::Write)?;
            hasher.update(&buffer[..count]);
            octets += count as u64;
        }
        file.sync_all().map_err(Bad::Write)?;
        self.files.push(ListedFile::new(name, octets, hasher));
        Ok(())
    }

    /// Everything is there, as listed, and signed.
    fn check(&mut self, signed_by: Option<&PublicKey>) -> Result<Unpacked, Bad> {
        let form = |message: &str| Bad::Form(message.to_owned());
        let (Some(text), Some(note), Some(keyring)) =
            (&self.manifest, self.note.take(), self.keyring.take())
        else {
            return Err(form("is not whole"));
        };
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|_| form("has a manifest that is none"))?;
        if manifest.format != FORMAT {
            return Err(Bad::Form(format!(
                "is of another form, {}, made by version {}",
                manifest.format, manifest.version
            )));
        }
        if let Some((listed, _)) = manifest
            .files
            .iter()
            .zip(&self.files)
            .find(|(listed, found)| listed != found)
        {
            return Err(Bad::Form(format!(
                "does not hold what was written: {}",
                listed.name
            )));
        }
        if manifest.files.len() != self.files.len() {
            return Err(form("does not hold the files that it lists"));
        }
        let content =
            Content::decode(&keyring).ok_or_else(|| form("has a keyring that is none"))?;
        let own = Signer::new(&manifest.origin, &content.signing_key())
            .ok_or_else(|| form("names no journal"))?
            .public();
        let signed = std::str::from_utf8(&note).ok().and_then(|note| {
            signed_by
                .unwrap_or(&own)
                .open(note)
                .ok()
                .filter(|signed| **signed == signed_text(&manifest.origin, text))
        });
        if signed.is_none() {
            return Err(match signed_by {
                Some(_) => Bad::Stranger,
                None => form("is not signed by its own journal"),
            });
        }
        Ok(Unpacked { manifest, content })
    }
}

/// Reads a short file whole; no copy of it is left behind.
fn small(name: &str, entry: &mut impl Read, most: u64) -> Result<Zeroizing<Vec<u8>>, Bad> {
    let mut octets = Zeroizing::new(Vec::with_capacity(SMALL_OCTETS_MAX as usize + 1));
    let read = entry.take(most + 1).read_to_end(&mut octets);
    read.map_err(Bad::Read)?;
    if octets.len() as u64 > most {
        return Err(Bad::Form(format!("has a {name} that is too long")));
    }
    Ok(octets)
}

fn nothing_behind(mut rest: impl Read) -> Result<(), Bad> {
    let mut buffer = vec![0; BUFFER_OCTETS];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if buffer[..count].iter().all(|&octet| octet == 0) => {}
            Ok(_) => return Err(Bad::Form("holds something behind its end".into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Bad::Read(error)),
        }
    }
}
