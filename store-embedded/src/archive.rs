//! Compressed files: zstd in its seekable form, so that a reader can begin anywhere and `zstd -d`
//! reads it too. Segments that are sealed, and snapshots.
//!
//! The content is cut into frames of [`FRAME_OCTETS`], each with a checksum of its own. Behind
//! them stand two frames that zstd skips: the SHA-256 of all octets before it, so that not even a
//! change without effect goes unseen, and the seek table.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::disk::{Disk, DiskFile, read_full, write_full};
use crate::error::OpenError;
use crate::segment;

/// Octets of content in a frame; less in the last one.
pub(crate) const FRAME_OCTETS: usize = 1 << 20;
/// So many frames a file has at most. A segment is as long as its bound and one group, a snapshot
/// as all records: both are far below. Nobody can make a reader take more memory or time.
pub(crate) const FRAMES_MAX: u32 = 64 << 10;
/// Octets of content in a file, at most; a segment that is not compressed has no more either.
pub(crate) const CONTENT_OCTETS_MAX: u64 = FRAMES_MAX as u64 * FRAME_OCTETS as u64;
/// A file that is being made.
pub(crate) const TEMPORARY: &str = "archive.tmp";

/// zstd's own choice: it takes a tenth of the time of the levels that save another tenth.
const LEVEL: i32 = 3;
const EXTENSION: &str = ".zst";
/// Reading goes forward, with a look back now and then.
const CACHED_FRAMES: usize = 2;
/// What can not be compressed grows by less than this.
const GROWTH_OCTETS: usize = 64 << 10;

const HASH_MAGIC: u32 = 0x184D_2A50;
const HASH_FRAME_OCTETS: usize = SKIPPABLE_HEAD_OCTETS + HASH_OCTETS;
const HASH_OCTETS: usize = 32;
const TABLE_MAGIC: u32 = 0x184D_2A5E;
const FOOTER_MAGIC: u32 = 0x8F92_EAB1;
const SKIPPABLE_HEAD_OCTETS: usize = 8;
const ENTRY_OCTETS: usize = 8;
const FOOTER_OCTETS: usize = 9;

/// As `0000000001.journal.zst`.
pub(crate) fn file_name(number: u64) -> String {
    segment::file_name(number) + EXTENSION
}

/// The number of a compressed segment's file.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    segment::number_of(name.strip_suffix(EXTENSION)?)
}

/// A compressed file is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at octet {offset}")]
pub(crate) struct Spoilt {
    /// Where in the file as it is on the disk.
    pub(crate) offset: u64,
    what: &'static str,
}

fn spoilt(offset: u64, what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Spoilt { offset, what })
}

impl Spoilt {
    /// If this is why something could not be read.
    pub(crate) fn cause(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Writes a compressed file.
pub(crate) struct Writer<'a> {
    file: &'a dyn DiskFile,
    compressor: Compressor<'static>,
    /// Content of the frame that is not full yet.
    content: Vec<u8>,
    compressed: Vec<u8>,
    /// The seek table's entries.
    entries: Vec<u8>,
    frames: u32,
    hash: Sha256,
    at: u64,
}

impl<'a> Writer<'a> {
    /// Into `file`, which is empty.
    pub(crate) fn new(file: &'a dyn DiskFile) -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self {
            file,
            compressor,
            content: Vec::with_capacity(FRAME_OCTETS),
            compressed: Vec::with_capacity(FRAME_OCTETS + GROWTH_OCTETS),
            entries: Vec::new(),
            frames: 0,
            hash: Sha256::new(),
            at: 0,
        })
    }

    /// Appends content.
    pub(crate) fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            let room = FRAME_OCTETS - self.content.len();
            let (now, later) = octets.split_at(room.min(octets.len()));
            self.content.extend_from_slice(now);
            octets = later;
            if self.content.len() == FRAME_OCTETS {
                self.frame()?;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> io::Result<()> {
        if self.frames == FRAMES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.compressed.clear();
        let compressor = &mut self.compressor;
        let octets = compressor.compress_to_buffer(&self.content, &mut self.compressed)?;
        for octets in [octets, self.content.len()] {
            // Both are bounded by the size of a frame.
            self.entries
                .extend_from_slice(&(octets as u32).to_le_bytes());
        }
        self.frames += 1;
        self.content.clear();
        let compressed = std::mem::take(&mut self.compressed);
        self.append(&compressed)?;
        self.compressed = compressed;
        Ok(())
    }

    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        write_full(self.file, octets, self.at)?;
        self.hash.update(octets);
        self.at += octets.len() as u64;
        Ok(())
    }

    /// Ends the file. Returns its length.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if !self.content.is_empty() {
            self.frame()?;
        }
        let hash = self.hash.finalize_reset();
        let mut end = skippable(HASH_MAGIC, &hash);
        let mut table = std::mem::take(&mut self.entries);
        table.extend_from_slice(&footer(self.frames));
        end.extend(skippable(TABLE_MAGIC, &table));
        self.append(&end)?;
        Ok(self.at)
    }
}

fn skippable(magic: u32, content: &[u8]) -> Vec<u8> {
    [&skippable_head(magic, content.len()), content].concat()
}

fn skippable_head(magic: u32, octets: usize) -> [u8; SKIPPABLE_HEAD_OCTETS] {
    let mut head = [0; SKIPPABLE_HEAD_OCTETS];
    head[..4].copy_from_slice(&magic.to_le_bytes());
    // The table of the largest file that can be made has half a MiB.
    head[4..].copy_from_slice(&(octets as u32).to_le_bytes());
    head
}

/// What the table ends with. No checksums are in it: each frame has its own.
fn footer(frames: u32) -> [u8; FOOTER_OCTETS] {
    let mut footer = [0; FOOTER_OCTETS];
    footer[..4].copy_from_slice(&frames.to_le_bytes());
    footer[5..].copy_from_slice(&FOOTER_MAGIC.to_le_bytes());
    footer
}

/// A compressed file, read as if it were not.
pub(crate) struct Archive {
    file: Box<dyn DiskFile>,
    frames: Vec<Frame>,
    /// Octets of content.
    octets: u64,
    /// Where the frames end.
    frames_end: u64,
    cache: Mutex<Cache>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Archive({} frames of {:?})",
            self.frames.len(),
            self.file
        )
    }
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where it begins in the file.
    from: u64,
    compressed: usize,
    content: usize,
}

struct Cache {
    decompressor: Decompressor<'static>,
    /// Number and content, newest last.
    frames: VecDeque<(usize, Arc<[u8]>)>,
}

impl Archive {
    /// Reads the table of `file`.
    pub(crate) fn open(file: Box<dyn DiskFile>) -> io::Result<Self> {
        let end = file.octets()?;
        let (table, table_from) = table(&*file, end)?;
        let frames_end = table_from
            .checked_sub(HASH_FRAME_OCTETS as u64)
            .ok_or_else(|| spoilt(0, "this file is too short"))?;
        let mut frames = Vec::with_capacity(table.len() / ENTRY_OCTETS);
        let (mut from, mut octets) = (0, 0);
        for entry in table.chunks_exact(ENTRY_OCTETS) {
            let frame = Frame {
                from,
                compressed: u32_le(entry, 0) as usize,
                content: u32_le(entry, 4) as usize,
            };
            let is_last = frames.len() + 1 == table.len() / ENTRY_OCTETS;
            let full = frame.content == FRAME_OCTETS;
            let fits = full || (is_last && (1..FRAME_OCTETS).contains(&frame.content));
            if !fits || frame.compressed > FRAME_OCTETS + GROWTH_OCTETS {
                return Err(spoilt(table_from, "the table of this file is damaged"));
            }
            from += frame.compressed as u64;
            octets += frame.content as u64;
            frames.push(frame);
        }
        if from != frames_end {
            return Err(spoilt(table_from, "the table of this file is damaged"));
        }
        let cache = Cache {
            decompressor: Decompressor::new()?,
            frames: VecDeque::with_capacity(CACHED_FRAMES),
        };
        Ok(Self {
            file,
            frames,
            octets,
            frames_end,
            cache: Mutex::new(cache),
        })
    }

    /// Compares the file with the hash in it. Reading needs no such check: every frame has a
    /// checksum. It finds what is changed without effect as well.
    pub(crate) fn check(&self) -> io::Result<()> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; FRAME_OCTETS];
        let mut at = 0;
        while at < self.frames_end {
            let octets = (self.frames_end - at).min(buffer.len() as u64) as usize;
            read_exactly(&*self.file, &mut buffer[..octets], at)?;
            hash.update(&buffer[..octets]);
            at += octets as u64;
        }
        let mut found = [0; HASH_FRAME_OCTETS];
        read_exactly(&*self.file, &mut found, at)?;
        if found[..] != skippable(HASH_MAGIC, &hash.finalize()) {
            return Err(spoilt(at, "the file is changed: it does not have the hash"));
        }
        Ok(())
    }

    /// Whether the content is that of `plain`.
    fn equals(&self, plain: &dyn DiskFile) -> io::Result<bool> {
        if self.octets != plain.octets()? {
            return Ok(false);
        }
        let mut buffer = vec![0; FRAME_OCTETS];
        let mut at = 0;
        while at < self.octets {
            let content = self.content(at)?.1;
            let buffer = &mut buffer[..content.len()];
            read_exactly(plain, buffer, at)?;
            if *buffer != content[..] {
                return Ok(false);
            }
            at += content.len() as u64;
        }
        Ok(true)
    }

    /// Where the frame begins that holds the octet `at`, and its content.
    fn content(&self, at: u64) -> io::Result<(u64, Arc<[u8]>)> {
        let number = (at / FRAME_OCTETS as u64) as usize;
        let begins = number as u64 * FRAME_OCTETS as u64;
        let mut cache = self.cache();
        let known = cache.frames.iter().position(|&(known, _)| known == number);
        if let Some((_, content)) = known.and_then(|index| cache.frames.get(index)) {
            return Ok((begins, Arc::clone(content)));
        }
        let content: Arc<[u8]> = self.decompress(number, &mut cache.decompressor)?.into();
        if cache.frames.len() == CACHED_FRAMES {
            cache.frames.pop_front();
        }
        cache.frames.push_back((number, Arc::clone(&content)));
        Ok((begins, content))
    }

    fn decompress(
        &self,
        number: usize,
        decompressor: &mut Decompressor<'_>,
    ) -> io::Result<Vec<u8>> {
        let frame = self.frames[number];
        let mut compressed = vec![0; frame.compressed];
        read_exactly(&*self.file, &mut compressed, frame.from)?;
        let damaged = || spoilt(frame.from, "what is compressed here is damaged");
        let content = decompressor.decompress(&compressed, frame.content);
        let content = content.map_err(|_| damaged())?;
        if content.len() != frame.content {
            return Err(damaged());
        }
        Ok(content)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // What is in the cache is whole at any time.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries of the seek table, and where it begins.
fn table(file: &dyn DiskFile, end: u64) -> io::Result<(Vec<u8>, u64)> {
    let damaged = |at| spoilt(at, "the end of this file is damaged");
    let footer_from = end
        .checked_sub(FOOTER_OCTETS as u64)
        .ok_or_else(|| damaged(0))?;
    let mut footer = [0; FOOTER_OCTETS];
    read_exactly(file, &mut footer, footer_from)?;
    let frames = u32_le(&footer, 0);
    if frames > FRAMES_MAX {
        return Err(damaged(footer_from));
    }
    let octets = frames as usize * ENTRY_OCTETS;
    let entries_from = footer_from.checked_sub(octets as u64);
    let from = entries_from.and_then(|at| at.checked_sub(SKIPPABLE_HEAD_OCTETS as u64));
    let from = from.ok_or_else(|| damaged(footer_from))?;
    let mut table = vec![0; SKIPPABLE_HEAD_OCTETS + octets];
    read_exactly(file, &mut table, from)?;
    let entries = table.split_off(SKIPPABLE_HEAD_OCTETS);
    let head_fits = table == skippable_head(TABLE_MAGIC, octets + FOOTER_OCTETS);
    if !head_fits || footer != self::footer(frames) {
        return Err(damaged(from));
    }
    Ok((entries, from))
}

fn read_exactly(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    match read_full(file, buffer, offset)? {
        octets if octets == buffer.len() => Ok(()),
        _ => Err(spoilt(offset, "this file ends too soon")),
    }
}

fn u32_le(octets: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&octets[at..at + 4]);
    u32::from_le_bytes(word)
}

impl DiskFile for Archive {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.octets)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.octets {
            return Ok(0);
        }
        let (begins, content) = self.content(offset)?;
        let content = &content[(offset - begins) as usize..];
        let octets = content.len().min(buffer.len());
        buffer[..octets].copy_from_slice(&content[..octets]);
        Ok(octets)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        // Its name was given to it when it was durable.
        Ok(())
    }
}

/// Opens a compressed segment.
pub(crate) fn open(disk: &dyn Disk, number: u64) -> io::Result<Archive> {
    Archive::open(disk.open(&file_name(number))?)
}

/// Compresses the segment `number`, which must be sealed, and removes the plain file. Returns what
/// it took and what it takes now. A compressed one that is there already was left by a crash
/// before the plain one was removed; it is kept if it has the same content.
pub(crate) fn compress(disk: &dyn Disk, number: u64) -> Result<(u64, u64), OpenError> {
    let (plain_name, name) = (segment::file_name(number), file_name(number));
    let failed = |name: &str, doing| {
        let path = disk.path(name);
        move |error: io::Error| OpenError::io(&path, doing, &error)
    };
    let plain = disk
        .open(&plain_name)
        .map_err(failed(&plain_name, "open"))?;
    let before = plain.octets().map_err(failed(&plain_name, "examine"))?;
    // Any doubt about an older one is settled by making it again.
    if !matches!(same(disk, &name, &*plain), Ok(true)) {
        make(disk, &*plain).map_err(failed(TEMPORARY, "write"))?;
        let same = same(disk, TEMPORARY, &*plain).map_err(failed(TEMPORARY, "read"))?;
        if !same {
            let error = io::Error::other("it does not hold what was written");
            return Err(failed(TEMPORARY, "read")(error));
        }
        disk.rename(TEMPORARY, &name)
            .map_err(failed(&name, "rename"))?;
    }
    disk.sync_names()
        .map_err(failed(&name, "sync the folder of"))?;
    let after = disk.open(&name).and_then(|file| file.octets());
    let after = after.map_err(failed(&name, "examine"))?;
    disk.remove(&plain_name)
        .map_err(failed(&plain_name, "remove"))?;
    disk.sync_names()
        .map_err(failed(&plain_name, "sync the folder of"))?;
    Ok((before, after))
}

fn same(disk: &dyn Disk, name: &str, plain: &dyn DiskFile) -> io::Result<bool> {
    Archive::open(disk.open(name)?)?.equals(plain)
}

fn make(disk: &dyn Disk, plain: &dyn DiskFile) -> io::Result<()> {
    let file = create(disk, TEMPORARY)?;
    let mut writer = Writer::new(&*file)?;
    let mut buffer = vec![0; FRAME_OCTETS];
    let mut at = 0;
    loop {
        let octets = read_full(plain, &mut buffer, at)?;
        if octets == 0 {
            break;
        }
        writer.write(&buffer[..octets])?;
        at += octets as u64;
    }
    writer.finish()?;
    file.sync()
}

/// Makes a file, in the place of one that was left behind.
pub(crate) fn create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    disk.create(name)
}
