//! The data folder: whose it is, and who uses it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{FolderProblem, OpenError};

const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
/// Nobody but the owner may change what is in our folders.
const OTHERS_WRITE: u32 = 0o022;

/// The data folder, locked for us.
#[derive(Debug)]
pub(crate) struct DataFolder {
    folder: OwnedFd,
    /// The lock ends when this is closed.
    _lock: OwnedFd,
}

impl DataFolder {
    /// Checks and locks the folder at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let folder = open_folder(path, rustix::fs::CWD, path)?;
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let lock_path = path.join(LOCK);
        let lock = rustix::fs::openat(&folder, LOCK, flags, mode)
            .map_err(|errno| OpenError::io(&lock_path, "open", &errno.into()))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                folder,
                _lock: lock,
            }),
            Err(Errno::WOULDBLOCK) => Err(OpenError::InUse { path: lock_path }),
            Err(errno) => Err(OpenError::io(&lock_path, "lock", &errno.into())),
        }
    }

    /// The folder of the journal; made if it is not there.
    pub(crate) fn journal(&self, path: &Path) -> Result<OwnedFd, OpenError> {
        let path = path.join(JOURNAL);
        match rustix::fs::mkdirat(&self.folder, JOURNAL, Mode::RWXU) {
            Ok(()) => self.sync(&path)?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(OpenError::io(&path, "make", &errno.into())),
        }
        open_folder(&path, &self.folder, Path::new(JOURNAL))
    }

    /// Another handle of the folder itself.
    pub(crate) fn again(&self, path: &Path) -> Result<OwnedFd, OpenError> {
        let again = self.folder.try_clone();
        again.map_err(|error| OpenError::io(path, "open", &error))
    }

    fn sync(&self, path: &Path) -> Result<(), OpenError> {
        rustix::fs::fsync(&self.folder)
            .map_err(|errno| OpenError::io(path, "sync the folder of", &errno.into()))
    }
}

fn open_folder(
    path: &Path,
    parent: impl std::os::fd::AsFd,
    name: &Path,
) -> Result<OwnedFd, OpenError> {
    let problem = |problem| OpenError::Folder {
        path: path.into(),
        problem,
    };
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Err(problem(FolderProblem::Absent)),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(problem(FolderProblem::NoFolder)),
        Err(errno) => return Err(OpenError::io(path, "open", &errno.into())),
    };
    let metadata = File::from(folder);
    let (uid, mode) =
        owner_and_mode(&metadata).map_err(|error| OpenError::io(path, "examine", &error))?;
    let ours = rustix::process::geteuid().as_raw();
    if uid != ours {
        return Err(problem(FolderProblem::Owner { uid, ours }));
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(problem(FolderProblem::Writable { mode }));
    }
    Ok(metadata.into())
}

fn owner_and_mode(folder: &File) -> io::Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = folder.metadata()?;
    Ok((metadata.uid(), metadata.mode() & 0o7777))
}
