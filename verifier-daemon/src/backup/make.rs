//! Making a backup: a tar of the journal and the keys, encrypted while it is made, in pieces that
//! wait for whoever takes them.

use std::io::{self, Read, Write};
use std::sync::Arc;

use age::Encryptor;
use sekisho_store_embedded::{Exported, KeepError, Keeper, Sink};
use sekisho_verifier::note::Signer;
use sekisho_verifier::time::Time;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc::Sender;
use zeroize::Zeroizing;

use super::manifest::{JOURNAL, KEYRING, ListedFile, MANIFEST, Manifest, NOTE, signed_text};
use crate::keys::NoRotation;

/// Octets of a piece; a frame takes more.
pub(super) const PIECE_OCTETS: usize = 256 << 10;
/// Of everything in a backup.
const MODE: u32 = 0o400;

/// What comes out of the thread, in order.
#[derive(Debug)]
pub(super) enum Product {
    Piece(Vec<u8>),
    /// Everything is in it, and so many records that are damaged. Its last pieces follow.
    Complete {
        exported: Exported,
        damaged: u64,
    },
    /// That was the last piece.
    End,
    Failed(Failed),
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error("the backup can not be written: {0}")]
    Io(#[from] io::Error),
}

/// What a backup is made of.
pub(super) struct Plan {
    pub(super) keeper: Keeper,
    pub(super) history: bool,
    /// What the keyring holds. No key comes meanwhile; one that goes is in it.
    pub(super) keys: Zeroizing<Vec<u8>>,
    pub(super) no_rotation: NoRotation,
    pub(super) signer: Arc<Signer>,
    pub(super) recipients: Vec<age::x25519::Recipient>,
    pub(super) time: Time,
}

/// Makes a backup; ends early when nobody takes the pieces any more.
pub(super) fn make(plan: Plan, out: &Sender<Product>) {
    let made = try_to_make(&plan, out);
    drop(plan.no_rotation);
    if let Err(failed) = made {
        // Whoever waited may be the one who ended it.
        let _ = out.blocking_send(Product::Failed(failed));
    }
}

fn try_to_make(plan: &Plan, out: &Sender<Product>) -> Result<(), Failed> {
    let recipients = plan.recipients.iter().map(|r| r as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    let encrypted = encryptor.wrap_output(Pieces::new(out))?;
    let mut archive = Archive {
        tar: Builder::new(encrypted),
        time: plan.time,
        files: Vec::new(),
    };
    archive.add(KEYRING, &plan.keys)?;
    let exported = plan.keeper.export(plan.history, &mut archive)?;
    let files = std::mem::take(&mut archive.files);
    let manifest = Manifest::new(&exported, plan.history, plan.time, files);
    let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
    archive.add(MANIFEST, &text)?;
    let note = plan.signer.sign(&signed_text(&manifest.origin, &text));
    archive.add(NOTE, note.as_bytes())?;
    let encrypted = archive.tar.into_inner()?;
    // Before the last piece, without which nothing opens: no backup without its event.
    let damaged = plan.keeper.scrub()?.misfits;
    send(out, Product::Complete { exported, damaged })?;
    encrypted.finish()?.finish()?;
    send(out, Product::End)?;
    Ok(())
}

fn send(out: &Sender<Product>, product: Product) -> io::Result<()> {
    out.blocking_send(product)
        .map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Cuts what is written into pieces.
struct Pieces<'a> {
    out: &'a Sender<Product>,
    piece: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(out: &'a Sender<Product>) -> Self {
        Self {
            out,
            piece: Vec::with_capacity(PIECE_OCTETS),
        }
    }

    fn hand_out(&mut self) -> io::Result<()> {
        let next = Vec::with_capacity(PIECE_OCTETS);
        let piece = std::mem::replace(&mut self.piece, next);
        send(self.out, Product::Piece(piece))
    }

    fn finish(mut self) -> io::Result<()> {
        self.hand_out()
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let room = PIECE_OCTETS - self.piece.len();
        let taken = room.min(octets.len());
        self.piece.extend_from_slice(&octets[..taken]);
        if self.piece.len() == PIECE_OCTETS {
            self.hand_out()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The tar, and what is in it so far.
struct Archive<W: Write> {
    tar: Builder<W>,
    time: Time,
    files: Vec<ListedFile>,
}

impl<W: Write> Archive<W> {
    fn add(&mut self, name: &str, octets: &[u8]) -> io::Result<()> {
        self.append(name, octets.len() as u64, &mut &*octets)
    }

    fn append(&mut self, name: &str, octets: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(octets);
        header.set_mode(MODE);
        header.set_mtime(self.time.seconds());
        header.set_cksum();
        let mut summed = Summed {
            content,
            hasher: Sha256::new(),
            octets: 0,
        };
        self.tar.append(&header, &mut summed)?;
        if summed.octets != octets {
            return Err(io::Error::other(format!("{name} has another length")));
        }
        let listed = ListedFile::new(name, octets, summed.hasher);
        self.files.push(listed);
        Ok(())
    }
}

impl<W: Write> Sink for Archive<W> {
    fn file(&mut self, name: &str, octets: u64, content: &mut dyn Read) -> io::Result<()> {
        self.append(&format!("{JOURNAL}{name}"), octets, content)
    }
}

/// Counts and sums what is read.
struct Summed<'a> {
    content: &'a mut dyn Read,
    hasher: Sha256,
    octets: u64,
}

impl Read for Summed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.octets += count as u64;
        Ok(count)
    }
}
