//! A file that has its name only when it is whole and on the disk.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags};
use rustix::io::Errno;
use sekisho_admin_cli::text;

use crate::failure::{Failure, Kind};

/// Gone when it is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Begins the file that will be at `path`, where nothing may be.
    pub(super) fn create(path: &Path, mode: u32) -> Result<Self, Failure> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(is_there(path));
        }
        let temporary = temporary_of(path)?;
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)
            .map_err(|error| cannot_write(&temporary, &error))?;
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
            kept: false,
        })
    }

    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(octets)
            .map_err(|error| cannot_write(&self.path, &error))
    }

    /// Makes it durable and gives it its name.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        let cannot = |error: io::Error| cannot_write(&self.path, &error);
        self.file.sync_all().map_err(cannot)?;
        match rename_new(&self.temporary, &self.path) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(is_there(&self.path)),
            Err(error) => return Err(cannot(error.into())),
        }
        self.kept = true;
        File::open(folder_of(&self.path))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| cannot_write(&self.path, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Renames, but never over something: as far as the file system can promise that.
fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    match rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty()) {
        Ok(()) => rustix::fs::unlink(from),
        // Nor can it link, as that of a stick from a shop.
        Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP) if fs::symlink_metadata(to).is_err() => {
            rustix::fs::rename(from, to)
        }
        Err(error) => Err(error),
    }
}

fn temporary_of(path: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = path.file_name() else {
        return Err(Failure::new(
            Kind::Invalid,
            text!("backup-no-name", path = path.display().to_string()),
            text!("backup-no-name-way"),
        ));
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(temporary))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn is_there(path: &Path) -> Failure {
    Failure::new(
        Kind::Conflict,
        text!("file-exists", path = path.display().to_string()),
        text!("backup-exists-way"),
    )
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error, text!("backup-write-way"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const OWNER_ONLY: u32 = 0o600;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        entries.map(|entry| entry.file_name()).collect()
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("b.age");
        let mut given_up = NewFile::create(&path, OWNER_ONLY).expect("new");
        given_up.write(b"half").expect("written");
        assert!(!path.exists());
        drop(given_up);
        assert!(names(folder.path()).is_empty());

        let mut kept = NewFile::create(&path, OWNER_ONLY).expect("new");
        kept.write(b"whole").expect("written");
        kept.keep().expect("kept");
        assert_eq!(names(folder.path()), ["b.age"]);
        assert_eq!(fs::read(&path).expect("there"), b"whole");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
    }

    #[test]
    fn what_is_there_stays_also_when_it_came_meanwhile() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("b.age");
        let late = NewFile::create(&path, OWNER_ONLY).expect("new");
        fs::write(&path, b"another").expect("written");
        assert_eq!(
            NewFile::create(&path, OWNER_ONLY).expect_err("there").kind,
            Kind::Conflict
        );
        assert_eq!(late.keep().expect_err("there").kind, Kind::Conflict);
        assert_eq!(names(folder.path()), ["b.age"]);
        assert_eq!(fs::read(&path).expect("there"), b"another");
    }
}
