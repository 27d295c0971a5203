//! Files with keys in them: readable by nobody else, and whole after every crash.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// No right for group and others.
pub(crate) const FOR_OTHERS: u32 = 0o077;
const MODE: u32 = 0o400;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    NotAFile,
    /// Others have rights that they must not have.
    Open,
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads at most `most` octets and one more, so that a longer file is noticed. None of the rights
/// in `forbidden` may be given.
pub(crate) fn read(path: &Path, most: usize, forbidden: u32) -> Result<Zeroizing<Vec<u8>>, Unread> {
    check(&fs::symlink_metadata(path)?, forbidden)?;
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    // Somebody may have put another one there meanwhile.
    check(&file.metadata()?, forbidden)?;
    // Room for all of it, so that the buffer is never moved and left behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(most + 1));
    file.take(most as u64 + 1).read_to_end(&mut octets)?;
    Ok(octets)
}

fn check(about: &Metadata, forbidden: u32) -> Result<(), Unread> {
    if !about.is_file() {
        return Err(Unread::NotAFile);
    }
    if about.mode() & forbidden != 0 {
        return Err(Unread::Open);
    }
    Ok(())
}

/// Puts `octets` in the place of the file at `path`: after a crash there is the old one or the new
/// one, whole.
pub(crate) fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let new = written_beside(path, octets)?;
    fs::rename(&new, path).inspect_err(|_| remove(&new))?;
    sync_folder(path)
}

/// Makes a file that is not there yet; never takes the place of one.
pub(crate) fn make(path: &Path, octets: &[u8]) -> io::Result<()> {
    let new = written_beside(path, octets)?;
    // Unlike a rename, a link fails when the name is taken.
    let linked = fs::hard_link(&new, path);
    fs::remove_file(new)?;
    linked?;
    sync_folder(path)
}

/// Where the file at `path` is written before it takes its name; there is none while nobody writes,
/// unless a crash has left it.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    PathBuf::from(name)
}

fn written_beside(path: &Path, octets: &[u8]) -> io::Result<PathBuf> {
    let new = beside(path);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Keys must not be left behind where nobody looks for them.
    write_new(&new, octets).inspect_err(|_| remove(&new))?;
    Ok(new)
}

/// Of a file that only we know of.
fn remove(new: &Path) {
    let _ = fs::remove_file(new);
}

fn write_new(new: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(new)?;
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(octets)?;
    file.sync_all()
}

/// A name is on the disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
