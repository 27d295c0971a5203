//! What the journal needs of a file system, so that tests can put a failing one under it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

/// A folder of files.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// The names of all files.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a new file.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names durable.
    fn sync_names(&self) -> io::Result<()>;
    /// Where a file is, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file. Calls may do less than asked.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// Its length.
    fn octets(&self) -> io::Result<u64>;
    /// Reads some octets.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some octets.
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes octets and length durable.
    fn sync(&self) -> io::Result<()>;
}

/// Reads until `buffer` is full or the file ends. Returns how much there was.
pub(crate) fn read_full(
    file: &dyn DiskFile,
    buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset) {
            Ok(0) => break,
            Ok(octets) => {
                done += octets;
                offset += octets as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `octets`, or fails.
pub(crate) fn write_full(
    file: &dyn DiskFile,
    mut octets: &[u8],
    mut offset: u64,
) -> io::Result<()> {
    while !octets.is_empty() {
        match file.write_at(octets, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(done) => {
                octets = &octets[done..];
                offset += done as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// So many zeros are written at once.
pub(crate) const ZEROS_OCTETS: u64 = 64 << 10;

/// Writes zeros.
pub(crate) fn write_zeros(file: &dyn DiskFile, mut from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; ZEROS_OCTETS as usize] = [0; ZEROS_OCTETS as usize];
    while from < to {
        let octets = (to - from).min(ZEROS_OCTETS);
        write_full(file, &ZEROS[..octets as usize], from)?;
        from += octets;
    }
    Ok(())
}

/// Opens never wait for the other end of a pipe, and never lead out of the folder.
const PLAINLY: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// A pipe or a device is no file: it could be without an end.
fn regular(file: OwnedFd) -> io::Result<File> {
    let file = File::from(file);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is no regular file",
        )),
    }
}

/// What is in a file that somebody else may write to, if that is not more than `octets_max`.
pub(crate) fn read_short(path: &Path, octets_max: usize) -> io::Result<Vec<u8>> {
    let file = rustix::fs::open(path, OFlags::RDONLY | PLAINLY, Mode::empty())?;
    let mut octets = Vec::new();
    let most = octets_max as u64 + 1;
    regular(file)?.take(most).read_to_end(&mut octets)?;
    match octets.len() > octets_max {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(octets),
    }
}

/// A folder of the real file system, held open: a folder that is moved meanwhile is no other one.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    folder: OwnedFd,
}

impl Folder {
    /// `folder` is what `path` led to.
    pub(crate) fn new(path: &Path, folder: OwnedFd) -> Self {
        Self {
            path: path.into(),
            folder,
        }
    }

    fn open_with(&self, name: &str, flags: OFlags) -> io::Result<Box<dyn DiskFile>> {
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.folder, name, flags | PLAINLY, mode)?;
        Ok(Box::new(RealFile(regular(file)?)))
    }
}

impl Disk for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder)? {
            // What is not UTF-8 is not ours.
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.open_with(name, OFlags::RDWR)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, from, &self.folder, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// A folder that somebody else may be writing to; nothing is ever changed in it.
#[derive(Debug)]
pub(crate) struct ReadOnly(Folder);

impl ReadOnly {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | PLAINLY;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self(Folder::new(path, folder)))
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for ReadOnly {
    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.0.open_with(name, OFlags::RDONLY)
    }

    fn create(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
        read_only()
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        read_only()
    }

    fn sync_names(&self) -> io::Result<()> {
        read_only()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(octets, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
