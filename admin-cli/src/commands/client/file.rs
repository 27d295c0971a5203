//! The settings file, changed whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use sekisho_admin_cli::text;
use sekisho_settings::Settings;
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};
use crate::prompt;

/// A file that is good as it is, and its text.
#[derive(Debug)]
pub(super) struct SettingsFile {
    /// The file itself, not a link to it: a link is kept.
    path: PathBuf,
    text: Zeroizing<String>,
}

impl SettingsFile {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        // What is wrong already is not for us to append to.
        Settings::load(path)?;
        let cannot = |error| Failure::local(path.display(), &error, text!("client-write-way"));
        let path = fs::canonicalize(path).map_err(cannot)?;
        let text = text_of(&path)?;
        Ok(Self { path, text })
    }

    /// The text with `block` behind it.
    pub(super) fn with(&self, block: &str) -> Zeroizing<String> {
        let mut whole = Zeroizing::new(String::with_capacity(self.text.len() + block.len() + 1));
        whole.push_str(&self.text);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            whole.push('\n');
        }
        whole.push_str(block);
        whole
    }

    /// Puts `whole` in its place, with the same owner and mode.
    pub(super) fn replace(&self, whole: &str) -> Result<(), Failure> {
        let temporary = self.temporary();
        let done = self.write(&temporary, whole);
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done
    }

    fn write(&self, temporary: &Path, whole: &str) -> Result<(), Failure> {
        let cannot = |error: io::Error| {
            Failure::local(self.path.display(), &error, text!("client-write-way"))
        };
        let before = fs::metadata(&self.path).map_err(cannot)?;
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temporary)
            .map_err(cannot)?;
        fchown(&file, Some(before.uid()), Some(before.gid())).map_err(cannot)?;
        let mode = before.mode() & 0o7777;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(cannot)?;
        file.write_all(whole.as_bytes()).map_err(cannot)?;
        file.sync_all().map_err(cannot)?;
        if *text_of(&self.path)? != *self.text {
            return Err(Failure::new(
                Kind::Conflict,
                text!("client-changed", path = self.path.display().to_string()),
                text!("client-changed-way"),
            ));
        }
        fs::rename(temporary, &self.path).map_err(cannot)?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(cannot)
    }

    fn temporary(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path
            .with_file_name(format!(".{name}.{}.tmp", std::process::id()))
    }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut file = prompt::open_regular(path)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(|error| Failure::local(path.display(), &error, text!("client-write-way")))?;
    Ok(text)
}
