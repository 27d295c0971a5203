//! The disk's own limits: what a program could commit that did nothing else.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
        let syncs = self.syncs_per_s(records * RECORD_OCTETS, time)?;
        let rate = syncs * records as f64;
        match records {
            1 => figures.put("fdatasync_per_s", rate),
            _ => figures.put(format!("append_fdatasync_records_per_s_{records}"), rate),
        }
        Ok(rate)
    }

    /// Writes so many octets into the file, syncs, and so on for `time`.
    pub(crate) fn syncs_per_s(&mut self, octets: usize, time: Duration) -> Result<f64, Failure> {
        let octets = vec![0xA5; octets];
        let started = Instant::now();
        let mut syncs = 0.0;
        while started.elapsed() < time {
            if self.offset + octets.len() as u64 > FILE_OCTETS {
                self.offset = 0;
            }
            self.file.write_all_at(&octets, self.offset)?;
            self.file.sync_data()?;
            self.offset += octets.len() as u64;
            syncs += 1.0;
        }
        Ok(syncs / started.elapsed().as_secs_f64())
    }
}

/// Appends so many octets to a new file, which grows, syncs, and so on for `time`.
pub(crate) fn appends_per_s(folder: &Path, octets: usize, time: Duration) -> Result<f64, Failure> {
    let path = folder.join("appended");
    let mut file = File::options().append(true).create_new(true).open(&path)?;
    let octets = vec![0xA5; octets];
    let started = Instant::now();
    let mut syncs = 0.0;
    while started.elapsed() < time {
        file.write_all(&octets)?;
        file.sync_data()?;
        syncs += 1.0;
    }
    let rate = syncs / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
