//! Snapshots: all records as they were at one position of the journal. A snapshot stands for every
//! frame up to there, so that old segments can be removed, and a backup be without them.
//!
//! `docs/formats/journal.md` has the lay-out. What a snapshot says is believed when its hash is
//! right and, where the public key is known, its statement is signed.

use std::io;

use data_encoding::BASE64;
use minicbor::{Decode, Decoder, Encode};
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::event::RequestKey;
use sekisho_verifier::note::{PublicKey, Signer};
use sekisho_verifier::seal::TAG_OCTETS;
use sekisho_verifier::store::Position;
use sekisho_verifier::time::Time;
use sha2::{Digest, Sha256};

use crate::archive::{self, Archive, Spoilt};
use crate::body::{self, KeyOctets, ValueOctets};
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::frame::{ChainHash, u32_at};
use crate::records::Summary;
use crate::recovery::{GroupPlace, Point};
use crate::segment::StoreId;
use crate::walk::Entry;

/// A snapshot that is being made.
pub(crate) const TEMPORARY: &str = "snapshot.tmp";
/// A snapshot that is being made for an export.
pub(crate) const EXPORTED: &str = "export.tmp";

const MAGIC: &[u8; 8] = b"SEKISHOS";
const FORMAT: u32 = 1;
const TITLE: &str = "sekisho snapshot 1";
/// Of one that was made for a backup without history.
const EXPORT_TITLE: &str = "sekisho export 1";
const EXTENSION: &str = ".snapshot";
const START_OCTETS: usize = 12;
const LENGTH_OCTETS: usize = 4;
/// A block is closed when it has grown to this.
const BLOCK_OCTETS: usize = 256 << 10;
/// The longest block that is read: one record may be as long as a body of a frame.
const BLOCK_OCTETS_MAX: usize = BLOCK_OCTETS + (4 << 20);

/// What a snapshot stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) store: StoreId,
    pub(crate) epoch: u32,
    /// The last segment that there was. Where no segment is there, the next one comes behind it.
    pub(crate) segment: u64,
    /// The last frame that it stands for.
    pub(crate) point: Point,
    pub(crate) summary: Summary,
    /// It was made for a backup without history. Only a store that was restored from it begins with
    /// it: where the snapshot of a store belongs it stands for nothing.
    pub(crate) exported: bool,
}

#[derive(Encode, Decode)]
struct StoredHead {
    #[cbor(n(0), with = "minicbor::bytes")]
    store: StoreId,
    #[n(1)]
    epoch: u32,
    #[n(2)]
    segment: u64,
    #[n(3)]
    position: Position,
    #[cbor(n(4), with = "minicbor::bytes")]
    hash: ChainHash,
    #[n(5)]
    group: Option<StoredPlace>,
    #[n(6)]
    event: Position,
    #[n(7)]
    newest: Option<Time>,
    #[n(8)]
    exported: bool,
}

#[derive(Encode, Decode)]
struct StoredPlace {
    #[n(0)]
    segment: u64,
    #[n(1)]
    offset: u64,
}

impl From<&Head> for StoredHead {
    fn from(head: &Head) -> Self {
        let group = head.point.group.map(|group| StoredPlace {
            segment: group.segment,
            offset: group.offset,
        });
        Self {
            store: head.store,
            epoch: head.epoch,
            segment: head.segment,
            position: head.point.position,
            hash: head.point.hash,
            group,
            event: head.summary.position,
            newest: head.summary.newest,
            exported: head.exported,
        }
    }
}

impl From<StoredHead> for Head {
    fn from(stored: StoredHead) -> Self {
        let group = stored.group.map(|place| GroupPlace {
            segment: place.segment,
            offset: place.offset,
        });
        Self {
            store: stored.store,
            epoch: stored.epoch,
            segment: stored.segment,
            point: Point {
                position: stored.position,
                hash: stored.hash,
                group,
            },
            summary: Summary {
                newest: stored.newest,
                position: stored.event,
            },
            exported: stored.exported,
        }
    }
}

/// As `0000000007.snapshot`, after its last segment.
pub(crate) fn file_name(segment: u64) -> String {
    format!("{segment:010}{EXTENSION}")
}

/// The last segment of the snapshot that has this name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(EXTENSION)?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// The newest snapshot by name, if there is one.
pub(crate) fn newest(disk: &dyn Disk) -> Result<Option<String>, OpenError> {
    let names = disk
        .names()
        .map_err(|error| OpenError::io(&disk.path(""), "list the folder", &error))?;
    let newest = names.iter().filter_map(|name| number_of(name)).max();
    Ok(newest.map(file_name))
}

/// The text that is signed. Its first line is one that no checkpoint begins with.
fn statement(head: &Head, content: &[u8; 32]) -> String {
    let origin = Checkpoint::origin_of(&head.store);
    let (position, hash) = (head.point.position, BASE64.encode(&head.point.hash));
    let content = BASE64.encode(content);
    let title = match head.exported {
        true => EXPORT_TITLE,
        false => TITLE,
    };
    format!("{title}\n{origin}\n{position}\n{hash}\n{content}\n")
}

/// Writes a snapshot into a file that is made under the name `name`, and syncs it. `next` gives
/// the entries, and `None` at the end. Returns how long the file is.
pub(crate) fn write<E: From<OpenError>>(
    disk: &dyn Disk,
    name: &str,
    head: &Head,
    signer: Option<&Signer>,
    next: &mut dyn FnMut() -> Result<Option<Vec<Entry>>, E>,
) -> Result<u64, E> {
    let failed = |error: io::Error| OpenError::io(&disk.path(name), "write", &error);
    let file = archive::create(disk, name).map_err(failed)?;
    let mut out = Out::new(&*file, head).map_err(failed)?;
    while let Some(entries) = next()? {
        for (key, value) in &entries {
            out.entry(key, value).map_err(failed)?;
        }
    }
    let octets = out.finish(head, signer).map_err(failed)?;
    file.sync().map_err(failed)?;
    Ok(octets)
}

struct Out<'a> {
    writer: archive::Writer<'a>,
    hash: Sha256,
    records: (u64, Vec<u8>),
    requests: (u64, Vec<u8>),
}

impl<'a> Out<'a> {
    fn new(file: &'a dyn DiskFile, head: &Head) -> io::Result<Self> {
        let mut out = Self {
            writer: archive::Writer::new(file)?,
            hash: Sha256::new(),
            records: (0, Vec::new()),
            requests: (0, Vec::new()),
        };
        out.append(MAGIC)?;
        out.append(&FORMAT.to_be_bytes())?;
        let mut block = Vec::new();
        body::append(&mut block, &StoredHead::from(head));
        out.block(&block)?;
        Ok(out)
    }

    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        self.hash.update(octets);
        self.writer.write(octets)
    }

    fn block(&mut self, block: &[u8]) -> io::Result<()> {
        // Bounded by BLOCK_OCTETS_MAX.
        self.append(&(block.len() as u32).to_be_bytes())?;
        self.append(block)
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let unreadable = || io::Error::other("a record in memory can not be read");
        if body::is_request(key) {
            let (uid, name) = body::request_of(key).ok_or_else(unreadable)?;
            let position = body::request_position(value).ok_or_else(unreadable)?;
            let (count, items) = &mut self.requests;
            body::append(items, &(uid, name, position));
            *count += 1;
        } else {
            let (record, tag) = value
                .split_last_chunk::<TAG_OCTETS>()
                .ok_or_else(unreadable)?;
            let (count, items) = &mut self.records;
            body::append_array(items, 2);
            items.extend_from_slice(record);
            body::append_bytes(items, tag);
            *count += 1;
        }
        match self.records.1.len() + self.requests.1.len() >= BLOCK_OCTETS {
            true => self.entries(),
            false => Ok(()),
        }
    }

    fn entries(&mut self) -> io::Result<()> {
        let mut block = Vec::new();
        body::append_array(&mut block, 2);
        for (count, items) in [&mut self.records, &mut self.requests] {
            body::append_array(&mut block, std::mem::take(count));
            block.append(items);
        }
        self.block(&block)
    }

    fn finish(mut self, head: &Head, signer: Option<&Signer>) -> io::Result<u64> {
        self.entries()?;
        let text = statement(head, &self.hash.clone().finalize().into());
        let note = signer.map_or(text.clone(), |signer| signer.sign(&text));
        let mut block = Vec::new();
        body::append(&mut block, &note.as_str());
        self.block(&block)?;
        self.writer.finish()
    }
}

/// Reads a snapshot and verifies all of it: what it says of itself, and its signature if `key` is
/// known. `each` gets the entries before that is done.
pub(crate) fn read(
    disk: &dyn Disk,
    name: &str,
    key: Option<&PublicKey>,
    each: &mut dyn FnMut(KeyOctets, ValueOctets),
) -> Result<Head, OpenError> {
    let failed = |doing| {
        let path = disk.path(name);
        move |error: io::Error| match Spoilt::cause(&error) {
            Some(spoilt) => OpenError::Damaged {
                file: path.clone(),
                offset: spoilt.offset,
                damage: Damage::Compressed,
            },
            None => OpenError::io(&path, doing, &error),
        }
    };
    let file = disk.open(name).map_err(failed("open"))?;
    let archive = Archive::open(file).map_err(failed("read"))?;
    archive.check().map_err(failed("read"))?;
    let mut input = In {
        archive,
        at: 0,
        hash: Sha256::new(),
    };
    match input.read(key, each).map_err(failed("read"))? {
        Ok(head) => Ok(head),
        Err(Unfit::Format(format)) => Err(OpenError::Format {
            file: disk.path(name),
            format,
        }),
        Err(Unfit::Damage(damage)) => Err(OpenError::Damaged {
            file: disk.path(name),
            offset: input.at,
            damage,
        }),
    }
}

/// What a snapshot says that it stands for; nothing is verified yet.
pub(crate) fn head(disk: &dyn Disk, name: &str) -> Result<Head, OpenError> {
    let damaged = || OpenError::Damaged {
        file: disk.path(name),
        offset: 0,
        damage: Damage::Snapshot,
    };
    let failed = |error: io::Error| match Spoilt::cause(&error) {
        Some(_) => damaged(),
        None => OpenError::io(&disk.path(name), "read", &error),
    };
    let file = disk.open(name).map_err(failed)?;
    let mut input = In {
        archive: Archive::open(file).map_err(failed)?,
        at: 0,
        hash: Sha256::new(),
    };
    match input.head().map_err(failed)? {
        Ok(head) => Ok(head),
        Err(Unfit::Format(format)) => Err(OpenError::Format {
            file: disk.path(name),
            format,
        }),
        Err(Unfit::Damage(_)) => Err(damaged()),
    }
}

enum Unfit {
    Format(u32),
    Damage(Damage),
}

const DAMAGED: Unfit = Unfit::Damage(Damage::Snapshot);

struct In {
    archive: Archive,
    at: u64,
    hash: Sha256,
}

impl In {
    fn read(
        &mut self,
        key: Option<&PublicKey>,
        each: &mut dyn FnMut(KeyOctets, ValueOctets),
    ) -> io::Result<Result<Head, Unfit>> {
        let head = match self.head()? {
            Ok(head) => head,
            Err(unfit) => return Ok(Err(unfit)),
        };
        loop {
            let hash = self.hash.clone();
            let Some(block) = self.block()? else {
                return Ok(Err(DAMAGED));
            };
            if let Ok(note) = minicbor::decode::<&str>(&block) {
                let ends = self.at == self.archive.octets()?;
                let stated = stated(note, &head, &hash.finalize().into(), key);
                return Ok(match stated {
                    Ok(()) if ends => Ok(head),
                    Ok(()) => Err(DAMAGED),
                    Err(damage) => Err(Unfit::Damage(damage)),
                });
            }
            if entries(&block, each).is_err() {
                return Ok(Err(DAMAGED));
            }
        }
    }

    fn head(&mut self) -> io::Result<Result<Head, Unfit>> {
        let Some(start) = self.octets(START_OCTETS)? else {
            return Ok(Err(DAMAGED));
        };
        if start[..8] != *MAGIC {
            return Ok(Err(DAMAGED));
        }
        let format = u32_at(&start, 8);
        if format != FORMAT {
            return Ok(Err(Unfit::Format(format)));
        }
        let Some(block) = self.block()? else {
            return Ok(Err(DAMAGED));
        };
        let stored: Result<StoredHead, _> = minicbor::decode(&block);
        Ok(stored.map(Head::from).map_err(|_| DAMAGED))
    }

    fn block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(length) = self.octets(LENGTH_OCTETS)? else {
            return Ok(None);
        };
        match u32_at(&length, 0) as usize {
            length if length <= BLOCK_OCTETS_MAX => self.octets(length),
            _ => Ok(None),
        }
    }

    fn octets(&mut self, octets: usize) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; octets];
        if read_full(&self.archive, &mut buffer, self.at)? < octets {
            return Ok(None);
        }
        self.at += octets as u64;
        self.hash.update(&buffer);
        Ok(Some(buffer))
    }
}

/// Whether the statement is the one of this snapshot.
fn stated(
    note: &str,
    head: &Head,
    content: &[u8; 32],
    key: Option<&PublicKey>,
) -> Result<(), Damage> {
    let expected = statement(head, content);
    let text = match key {
        Some(key) => key.open(note).map_err(|_| Damage::Unsigned)?,
        // What stands behind the text are signatures that nobody can judge here.
        None => note.get(..expected.len()).unwrap_or(note),
    };
    (text == expected).then_some(()).ok_or(Damage::Snapshot)
}

/// Gives the entries of a block.
fn entries(
    block: &[u8],
    each: &mut dyn FnMut(KeyOctets, ValueOctets),
) -> Result<(), minicbor::decode::Error> {
    let mut decoder = Decoder::new(block);
    body::expect_array(&mut decoder, 2)?;
    for _ in 0..body::length(&mut decoder)? {
        body::expect_array(&mut decoder, 2)?;
        let from = decoder.position();
        let key = body::record_key(&mut decoder)?;
        decoder.set_position(from);
        decoder.skip()?;
        let record = &block[from..decoder.position()];
        let tag = decoder.bytes()?;
        if tag.len() != TAG_OCTETS {
            return Err(minicbor::decode::Error::message("length of a tag"));
        }
        each(key, [record, tag].concat().into());
    }
    for _ in 0..body::length(&mut decoder)? {
        let (uid, key, position): (u32, RequestKey, Position) = decoder.decode()?;
        let key = body::request_octets(uid, &key);
        each(key, position.to_be_bytes().into());
    }
    match decoder.position() == block.len() {
        true => Ok(()),
        false => Err(minicbor::decode::Error::message("octets behind a block")),
    }
}
