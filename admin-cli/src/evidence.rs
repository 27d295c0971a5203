//! What is proved without a verifier: the data folder, and the public key.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sekisho_admin_cli::text;
use sekisho_settings::{DEFAULT_FILE, Settings};
use sekisho_verifier::note::{NoteError, PublicKey};

use crate::cli::{Evidence, Global};
use crate::failure::{Failure, Kind};
use crate::prompt::{open_regular, open_written};

/// Where `sekisho init` puts the data unless it is told otherwise.
const DEFAULT_DATA: &str = "/var/lib/sekisho";
/// The public key in the data folder.
const KEY_FILE: &str = "audit.pub";
/// A public key with comments around it.
const KEY_OCTETS_MAX: u64 = 64 * 1024;

/// `--data`, else what the settings file says if it can be read, else the default.
pub(crate) fn data(given: Option<&Path>, global: &Global) -> Result<PathBuf, Failure> {
    if let Some(data) = given {
        return Ok(data.to_owned());
    }
    let file = match &global.settings {
        Some(file) => file,
        None if File::open(DEFAULT_FILE).is_err() => return Ok(DEFAULT_DATA.into()),
        None => Path::new(DEFAULT_FILE),
    };
    Ok(Settings::load(file)?.verifier.data)
}

/// Fails before the work begins if there is no journal that we may read.
pub(crate) fn readable(data: &Path) -> Result<(), Failure> {
    let journal = data.join("journal");
    let seen = fs::read_dir(&journal).map(|_| ());
    seen.map_err(|error| {
        let way_out = text!("journal-way");
        match error.kind() {
            io::ErrorKind::NotFound => {
                let path = journal.display().to_string();
                let message = text!("journal-none", path = path);
                Failure::new(Kind::NotFound, message, way_out)
            }
            _ => Failure::local(journal.display(), &error, way_out),
        }
    })
}

/// The public key, and whether it came from the data folder that it is to vouch for.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) key: PublicKey,
    pub(crate) own: bool,
}

impl Key {
    /// `--key`, else the key in the data folder, if there is one.
    pub(crate) fn find(evidence: &Evidence, data: &Path) -> Result<Option<Self>, Failure> {
        if let Some(given) = &evidence.key {
            let key = given_key(given)?;
            return Ok(Some(Self { key, own: false }));
        }
        let path = data.join(KEY_FILE);
        let Some(text) = read_written(&path, KEY_OCTETS_MAX)? else {
            return Ok(None);
        };
        let key = key_in(&path, &text)?;
        Ok(Some(Self { key, own: true }))
    }

    /// What the key does not tell, for people.
    pub(crate) fn caveat(&self) -> Option<String> {
        self.own.then(|| text!("key-own-caveat"))
    }

    /// Why a note is not believed.
    pub(crate) fn refuse(&self, what: &str, error: NoteError) -> Failure {
        let why = error.to_string();
        let (kind, message, way_out) = match error {
            NoteError::Form => (
                Kind::Invalid,
                text!("note-form", what = what, error = why),
                text!("note-form-way"),
            ),
            NoteError::Unsigned => (
                Kind::NotTrusted,
                text!("note-unsigned", what = what, error = why),
                text!("note-unsigned-way", key = self.key.to_string()),
            ),
            NoteError::Wrong => (
                Kind::NotTrusted,
                text!("note-wrong", what = what, error = why),
                text!("note-wrong-way"),
            ),
        };
        Failure::new(kind, message, way_out)
    }
}

/// A key, or the file that holds it.
fn given_key(given: &str) -> Result<PublicKey, Failure> {
    match given.parse() {
        Ok(key) => Ok(key),
        Err(error) if given.contains('+') && !Path::new(given).exists() => Err(Failure::new(
            Kind::Invalid,
            text!("key-bad", error = error.to_string()),
            text!("key-bad-way"),
        )),
        Err(_) => key_file(Path::new(given)),
    }
}

fn key_file(path: &Path) -> Result<PublicKey, Failure> {
    key_in(path, &read_text(path, KEY_OCTETS_MAX)?)
}

/// The first line of a file's text that is a key.
fn key_in(path: &Path, text: &str) -> Result<PublicKey, Failure> {
    text.lines()
        .find_map(|line| line.parse().ok())
        .ok_or_else(|| {
            Failure::new(
                Kind::Invalid,
                text!("key-none-in", path = path.display().to_string()),
                text!("key-none-in-way"),
            )
        })
}

/// A text that the verifier has written into the data folder, if it is there. Who could write there
/// as well must not make us wait, or show what only we may read.
pub(crate) fn read_written(path: &Path, octets_max: u64) -> Result<Option<String>, Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => text_of(path, open_written(path)?, octets_max).map(Some),
    }
}

/// A text file; `-` is standard input.
pub(crate) fn read_text(path: &Path, octets_max: u64) -> Result<String, Failure> {
    match path == Path::new("-") {
        true => text_of(path, io::stdin(), octets_max),
        false => text_of(path, open_regular(path)?, octets_max),
    }
}

fn text_of(path: &Path, file: impl Read, octets_max: u64) -> Result<String, Failure> {
    let shown = path.display();
    let mut text = String::new();
    match file.take(octets_max + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > octets_max => Err(Failure::new(
            Kind::Invalid,
            text!("file-larger", path = shown.to_string(), max = octets_max),
            text!("file-larger-way"),
        )),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Failure::new(
            Kind::Invalid,
            text!("file-no-text", path = shown.to_string()),
            text!("file-no-text-way"),
        )),
        Err(error) => Err(Failure::local(shown, &error, text!("file-readable-way"))),
    }
}
