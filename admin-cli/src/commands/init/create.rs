//! Making files and folders that were not there, durably, and taking them away again.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sekisho_admin_cli::text;
use zeroize::Zeroizing;

use super::owner::Owner;
use crate::failure::Failure;

const KEY_OCTETS: usize = 32;
/// What begins a master key file; a later form gets another number.
const KEY_HEAD: &str = "sekisho-master-key-1 ";

/// Remembers what it made.
#[derive(Debug, Default)]
pub(crate) struct Creator {
    made: Vec<PathBuf>,
}

impl Creator {
    /// Makes a folder, or takes an empty one over.
    pub(crate) fn folder(
        &mut self,
        path: &Path,
        mode: u32,
        owner: Option<&Owner>,
    ) -> Result<(), Failure> {
        self.parent_folder(path)?;
        let cannot = |e| cannot_make(path, &e);
        match DirBuilder::new().mode(mode).create(path) {
            Ok(()) => self.made.push(path.to_owned()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot(e)),
        }
        // Whatever the umask is, and whoever made it.
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(cannot)?;
        if let Some(owner) = owner {
            chown(path, owner.user, owner.group).map_err(cannot)?;
        }
        sync_parent(path).map_err(cannot)
    }

    /// Makes the folders above `path` that are missing.
    pub(crate) fn parent_folder(&mut self, path: &Path) -> Result<(), Failure> {
        let missing: Vec<_> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            DirBuilder::new()
                .mode(0o755)
                .create(folder)
                .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
                .map_err(|e| cannot_make(folder, &e))?;
            self.made.push(folder.to_owned());
            sync_parent(folder).map_err(|e| cannot_make(folder, &e))?;
        }
        Ok(())
    }

    /// The socket's folder: clients trust a socket by who owns its folder.
    pub(crate) fn socket_folder(
        &mut self,
        socket: &Path,
        owner: Option<&Owner>,
    ) -> Result<(), Failure> {
        let folder = socket.parent().unwrap_or(Path::new("/"));
        if folder.exists() {
            return Ok(());
        }
        self.folder(folder, 0o755, owner)
    }

    /// Makes a file that was not there, whole and on the disk.
    pub(crate) fn file(
        &mut self,
        path: &Path,
        mode: u32,
        owner: Option<&Owner>,
        octets: &[u8],
    ) -> Result<(), Failure> {
        let cannot = |e| cannot_make(path, &e);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)
            .map_err(cannot)?;
        self.made.push(path.to_owned());
        fill(&mut file, mode, owner, octets).map_err(cannot)?;
        sync_parent(path).map_err(cannot)
    }

    pub(crate) fn master_key(&mut self, path: &Path, owner: Option<&Owner>) -> Result<(), Failure> {
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        getrandom::fill(&mut *key)
            .map_err(|e| cannot_make(path, &io::Error::other(e.to_string())))?;
        let hex = Zeroizing::new(HEXLOWER.encode(&*key));
        let room = KEY_HEAD.len() + hex.len() + 1;
        let mut line = Zeroizing::new(String::with_capacity(room));
        for piece in [KEY_HEAD, &hex, "\n"] {
            line.push_str(piece);
        }
        self.file(path, 0o400, owner, line.as_bytes())
    }

    /// Takes away what was made, the last first. A folder that somebody used meanwhile stays.
    pub(crate) fn undo(&self) {
        for path in self.made.iter().rev() {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
        }
    }
}

fn fill(file: &mut File, mode: u32, owner: Option<&Owner>, octets: &[u8]) -> io::Result<()> {
    if let Some(owner) = owner {
        fchown(&*file, owner.user, owner.group)?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(octets)?;
    file.sync_all()
}

/// A name is on the disk when its folder is.
fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn cannot_make(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error, text!("init-make-way"))
}
