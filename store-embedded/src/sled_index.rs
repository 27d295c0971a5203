//! The index in sled 0.34.
//!
//! sled's `flush` does not survive a power cut by itself: it ends in `sync_file_range`. So each of
//! its files is synced after it. And sled has no repair: an index that it can not open is thrown
//! away, also when the attempt ended the process.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::body::Step;
use crate::index::{Index, IndexError};

/// sled needs little: the index is written in batches and read once.
const CACHE_OCTETS: u64 = 16 << 20;
/// No key of a record begins with this.
const MARK_KEY: &[u8] = &[0xFF];
/// There while sled opens: if it is found, the last attempt ended the process.
const ATTEMPT: &str = "index.opening";
const FOLDER: &str = "index";
/// It is closed and opened again after so many entries.
const REOPEN_ENTRIES: usize = 100_000;
/// How often, and after what time, opening it again is tried.
const REOPEN_TRIES: u32 = 100;
const REOPEN_WAIT: Duration = Duration::from_millis(50);

/// A tree in a folder of its own.
#[derive(Debug)]
pub(crate) struct SledIndex {
    folder: PathBuf,
    attempt: PathBuf,
    /// Open only while it is used.
    db: Option<sled::Db>,
    /// Entries written since it was opened.
    written: usize,
}

/// Whether there is an index in the data folder.
pub(crate) fn exists(data: &Path) -> bool {
    fs::symlink_metadata(data.join(FOLDER)).is_ok()
}

impl SledIndex {
    /// Opens or makes the index of a data folder. The second value tells why an older one was
    /// thrown away.
    pub(crate) fn open(data: &Path) -> Result<(Self, Option<String>), IndexError> {
        let mut index = Self {
            folder: data.join(FOLDER),
            attempt: data.join(ATTEMPT),
            db: None,
            written: 0,
        };
        if index.attempt.exists() {
            index.clear()?;
            return Ok((index, Some("opening it ended the process".into())));
        }
        File::create(&index.attempt).map_err(said("make", &index.attempt))?;
        index.make_folder()?;
        match index.config().open() {
            Ok(db) => {
                index.db = Some(db);
                Ok((index, None))
            }
            Err(error) => {
                index.clear()?;
                Ok((index, Some(error.to_string())))
            }
        }
    }

    /// sled would make it readable for everybody.
    fn make_folder(&self) -> Result<(), IndexError> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(said("make", &self.folder)(error));
            }
            _ => {}
        }
        let metadata = fs::symlink_metadata(&self.folder);
        if !metadata.map_err(said("examine", &self.folder))?.is_dir() {
            let path = self.folder.display();
            return Err(IndexError(format!("{path} is a link or no folder")));
        }
        Ok(())
    }

    fn config(&self) -> sled::Config {
        sled::Config::new()
            .path(&self.folder)
            .cache_capacity(CACHE_OCTETS)
            .flush_every_ms(None)
    }

    /// Opens it if it is closed. The threads of the last one may take a while to let go of it.
    fn db(&mut self) -> Result<&sled::Db, IndexError> {
        let mut tries = 0;
        while self.db.is_none() {
            match self.config().open() {
                Ok(db) => self.db = Some(db),
                Err(error) if tries == REOPEN_TRIES => return Err(sled_said(error)),
                Err(_) => thread::sleep(REOPEN_WAIT),
            }
            tries += 1;
        }
        self.db
            .as_ref()
            .ok_or_else(|| IndexError("it does not open".into()))
    }

    /// sled keeps about 500 octets in memory for each entry that it has written, whatever its
    /// cache may hold. Closing it is the way to get them back.
    fn close(&mut self) -> Result<(), IndexError> {
        self.db()?.flush().map_err(sled_said)?;
        self.db = None;
        self.written = 0;
        Ok(())
    }

    /// The index has been read whole: it can be opened.
    pub(crate) fn opened(&self) -> Result<(), IndexError> {
        match fs::remove_file(&self.attempt) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(said("remove", &self.attempt)(error))
            }
            _ => Ok(()),
        }
    }
}

fn said(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> IndexError {
    move |error| IndexError(format!("cannot {doing} {}: {error}", path.display()))
}

fn sled_said(error: sled::Error) -> IndexError {
    IndexError(error.to_string())
}

impl Index for SledIndex {
    fn mark(&mut self) -> Result<Option<Vec<u8>>, IndexError> {
        let octets = self.db()?.get(MARK_KEY).map_err(sled_said)?;
        Ok(octets.map(|octets| octets.to_vec()))
    }

    fn load(&mut self, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), IndexError> {
        for entry in self.db()?.range(..MARK_KEY) {
            let (key, value) = entry.map_err(sled_said)?;
            each(&key, &value);
        }
        self.close()?;
        self.opened()
    }

    fn write(&mut self, steps: Vec<Step>, mark: &[u8]) -> Result<(), IndexError> {
        self.written += steps.len();
        let mut batch = sled::Batch::default();
        for (key, value) in steps {
            match value {
                Some(value) => batch.insert(&*key, &*value),
                None => batch.remove(&*key),
            }
        }
        batch.insert(MARK_KEY, mark);
        self.db()?.apply_batch(batch).map_err(sled_said)?;
        if self.written >= REOPEN_ENTRIES {
            self.close()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), IndexError> {
        self.close()?;
        sync_files(&self.folder).map_err(said("sync", &self.folder))
    }

    fn octets(&self) -> u64 {
        octets_below(&self.folder).unwrap_or(0)
    }

    fn clear(&mut self) -> Result<(), IndexError> {
        drop(self.db.take());
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(said("remove", &self.folder)(error));
            }
            _ => {}
        }
        self.written = 0;
        self.make_folder()?;
        self.opened()
    }
}

fn octets_below(folder: &Path) -> io::Result<u64> {
    let mut octets = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        octets += match entry.file_type()?.is_dir() {
            true => octets_below(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(octets)
}

/// Syncs each file below `folder`, and the folders.
fn sync_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_files(&entry.path())?;
            continue;
        }
        match File::open(entry.path()) {
            Ok(file) => file.sync_data()?,
            // sled removes old snapshots meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(folder)?.sync_all()
}
