//! Reading the file, and the checks that concern more than one key.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::backup::RECIPIENTS_MAX;
use crate::{Error, Recipient, Settings};

/// Where the file is unless a program is told otherwise.
pub const DEFAULT_FILE: &str = "/etc/sekisho/sekisho.toml";

/// The largest file that is read.
pub const FILE_OCTETS_MAX: u64 = 4 * 1024 * 1024;
/// The most serial prefix letters.
const SERIAL_PREFIX_MAX: usize = 16;

const OTHERS_MAY_WRITE: u32 = 0o022;
const OTHERS_MAY_READ: u32 = 0o004;

impl Settings {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::load_with_text(path).map(|(settings, _)| settings)
    }

    /// As [`Self::load`], with the text that was read. It may hold secrets.
    pub fn load_with_text(path: &Path) -> Result<(Self, Zeroizing<String>), Error> {
        let (text, mode) = read(path)?;
        let settings = Self::parse(path, &text)?;
        settings.check_mode(path, mode)?;
        Ok((settings, text))
    }

    /// Checks the text of a file; `path` is for messages only.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            at(
                path,
                text,
                error.span(),
                // A piece of the text may be a secret; toml's message holds none, its display does.
                error.message().trim_end().replace('\n', ": "),
                "correct this line; the manual page sekisho.toml(5) lists every key and its bounds",
            )
        })?;
        settings.check_verifier(path)?;
        let asking = settings
            .pam
            .check()
            .and_then(|()| settings.approval.check());
        asking.map_err(|(message, way_out)| whole(path, message, way_out))?;
        let radius = settings.radius.check();
        radius.map_err(|r| at(path, text, r.span, r.message, &r.way_out))?;
        let master_key = settings.master_key.check();
        master_key.map_err(|(message, way_out)| whole(path, message, way_out))?;
        settings.check_backup(path)?;
        Ok(settings)
    }

    fn check_verifier(&self, path: &Path) -> Result<(), Error> {
        let verifier = &self.verifier;
        for (key, value) in [("data", &verifier.data), ("socket", &verifier.socket)] {
            if !value.is_absolute() {
                return Err(whole(
                    path,
                    format!("verifier.{key} is not an absolute path"),
                    "write the path from / on",
                ));
            }
        }
        let prefix = &verifier.serial_prefix;
        let letters = prefix.bytes().all(|b| b.is_ascii_alphabetic());
        if prefix.is_empty() || prefix.len() > SERIAL_PREFIX_MAX || !letters {
            return Err(whole(
                path,
                "verifier.serial-prefix is no vendor prefix".into(),
                "use 1 to 16 letters, as SKTS",
            ));
        }
        Ok(())
    }

    fn check_backup(&self, path: &Path) -> Result<(), Error> {
        let recipients = &self.backup.recipients;
        if recipients.len() > RECIPIENTS_MAX {
            return Err(whole(
                path,
                format!("backup.recipients has more than {RECIPIENTS_MAX} of them"),
                "leave out who need not read backups",
            ));
        }
        let once: HashSet<&str> = recipients.iter().map(Recipient::as_str).collect();
        if once.len() < recipients.len() {
            return Err(whole(
                path,
                "backup.recipients names one twice".into(),
                "name each once",
            ));
        }
        Ok(())
    }

    /// A file with secrets must not be readable by everybody.
    fn check_mode(&self, path: &Path, mode: u32) -> Result<(), Error> {
        if mode & OTHERS_MAY_WRITE != 0 {
            return Err(whole(
                path,
                "others than its owner can write this file".into(),
                &format!("run: chmod go-w {}", path.display()),
            ));
        }
        let directory = self.radius.ldap.as_ref();
        let secrets = !self.radius.client.is_empty()
            || directory.is_some_and(|ldap| ldap.bind_password.is_some());
        if mode & OTHERS_MAY_READ != 0 && secrets {
            return Err(whole(
                path,
                "this file holds secrets and everybody can read it".into(),
                &format!("run: chmod o-rwx {}", path.display()),
            ));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<(Zeroizing<String>, u32), Error> {
    let cannot = |error: std::io::Error| {
        let way_out = match error.kind() {
            std::io::ErrorKind::NotFound => "run: sekisho init".to_owned(),
            _ => "run as root, or as a member of the file's group".to_owned(),
        };
        whole(path, format!("can not be read: {error}"), &way_out)
    };
    // A FIFO would block the open, and a device might have no end.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(whole(
            path,
            "is not a file".into(),
            "name the settings file, as /etc/sekisho/sekisho.toml",
        ));
    }
    let file = File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.mode();
    let mut text = Zeroizing::new(String::new());
    let mut bounded = file.take(FILE_OCTETS_MAX + 1);
    bounded.read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > FILE_OCTETS_MAX {
        return Err(whole(
            path,
            format!("is larger than {FILE_OCTETS_MAX} octets"),
            "name the settings file, as /etc/sekisho/sekisho.toml",
        ));
    }
    Ok((text, mode))
}

fn whole(path: &Path, message: String, way_out: &str) -> Error {
    Error {
        file: path.to_owned(),
        line: None,
        message,
        way_out: way_out.to_owned(),
    }
}

fn at(
    path: &Path,
    text: &str,
    span: Option<Range<usize>>,
    message: String,
    way_out: &str,
) -> Error {
    let line = span.map(|span| 1 + text[..span.start].matches('\n').count());
    Error {
        line,
        ..whole(path, message, way_out)
    }
}
