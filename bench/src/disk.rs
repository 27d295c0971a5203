//! The disk's own limits: what a program could commit that did nothing else.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::Failure;
use crate::figures::Figures;

/// About what the journal takes for one accepted login; measured as `journal_octets_per_accept`.
pub(crate) const RECORD_OCTETS: usize = 512;
/// The file exists in full before it is measured: to write into space that is there saves a part
/// of each sync, and the journal does the same.
const FILE_OCTETS: u64 = 32 << 20;

/// A file in the folder of a store.
#[derive(Debug)]
pub(crate) struct RawFile {
    path: PathBuf,
    file: File,
    offset: u64,
}

impl RawFile {
    /// Makes it, with zeros in it.
    pub(crate) fn create(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("raw");
        let file = File::create(&path)?;
        let zeros = vec![0; 1 << 20];
        for offset in (0..FILE_OCTETS).step_by(zeros.len()) {
            file.write_all_at(&zeros, offset)?;
        }
        file.sync_all()?;
        let offset = 0;
        Ok(Self { path, file, offset })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends and syncs for `time`, so many records to a sync; returns records per second.
    pub(crate) fn measure(
        &mut self,
        records: usize,
        time: Duration,
        figures: &mut Figures,
    ) -> Result<f64, Failure> {
        let syncs = self.run(records * RECORD_OCTETS, time)?;
        let rate = syncs.per_s() * records as f64;
        match records {
            1 => figures.put("fdatasync_per_s", rate),
            _ => figures.put(format!("append_fdatasync_records_per_s_{records}"), rate),
        }
        Ok(rate)
    }

    /// Writes so many octets into the file, syncs, and so on for `time`.
    pub(crate) fn run(&mut self, octets: usize, time: Duration) -> Result<Syncs, Failure> {
        let octets = vec![0xA5; octets];
        let mut syncs = Syncs::default();
        let started = Instant::now();
        while started.elapsed() < time {
            if self.offset + octets.len() as u64 > FILE_OCTETS {
                self.offset = 0;
            }
            self.file.write_all_at(&octets, self.offset)?;
            self.file.sync_data()?;
            self.offset += octets.len() as u64;
            syncs.count += 1;
        }
        syncs.elapsed = started.elapsed();
        Ok(syncs)
    }
}

/// What was measured of a file, perhaps in several parts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Syncs {
    /// How many.
    pub(crate) count: u64,
    /// How long they took.
    pub(crate) elapsed: Duration,
}

impl Syncs {
    /// In a second.
    pub(crate) fn per_s(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

impl std::ops::AddAssign for Syncs {
    fn add_assign(&mut self, more: Self) {
        self.count += more.count;
        self.elapsed += more.elapsed;
    }
}

/// A file that grows with each write. It is gone when it is dropped.
#[derive(Debug)]
pub(crate) struct GrowingFile(NamedTempFile);

impl GrowingFile {
    /// Makes it, empty.
    pub(crate) fn create(folder: &Path) -> Result<Self, Failure> {
        Ok(Self(NamedTempFile::new_in(folder)?))
    }

    /// Appends so many octets, syncs, and so on for `time`.
    pub(crate) fn run(&mut self, octets: usize, time: Duration) -> Result<Syncs, Failure> {
        let octets = vec![0xA5; octets];
        let mut syncs = Syncs::default();
        let started = Instant::now();
        while started.elapsed() < time {
            self.0.write_all(&octets)?;
            self.0.as_file().sync_data()?;
            syncs.count += 1;
        }
        syncs.elapsed = started.elapsed();
        Ok(syncs)
    }
}
