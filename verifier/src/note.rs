//! Signed notes: short texts with an Ed25519 signature (C2SP `signed-note`).
//!
//! A note is lines of text, a blank line, and one signature line for each key:
//! `— <name> <base64 of four octets key id and the signature>`. The text signed is everything
//! before the blank line, its last newline included. A note has no control characters but newlines.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Octets of a signing key.
pub const SIGNING_KEY_OCTETS: usize = 32;
/// The longest note that is read.
pub const NOTE_OCTETS_MAX: usize = 64 << 10;

const ED25519: u8 = 1;
const KEY_ID_OCTETS: usize = 4;
const DASH: &str = "— ";

/// Signs notes in a name.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// `name` must be a name that a note can carry: not empty, no blank, no `+`.
    pub fn new(name: &str, key: &[u8; SIGNING_KEY_OCTETS]) -> Option<Self> {
        is_name(name).then(|| Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(key),
        })
    }

    /// Whom its notes are by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What verifies its notes.
    pub fn public(&self) -> PublicKey {
        PublicKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The note of `text`, which ends with a newline.
    pub fn sign(&self, text: &str) -> String {
        debug_assert!(text.ends_with('\n') && is_text(text));
        let signature = self.key.sign(text.as_bytes());
        let mut octets = self.public().id().to_vec();
        octets.extend_from_slice(&signature.to_bytes());
        format!("{text}\n{DASH}{} {}\n", self.name, BASE64.encode(&octets))
    }
}

/// Verifies notes. Its text form is the `vkey` of C2SP: `<name>+<key id in hex>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

/// Why a note can not be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has not the form of a note.
    #[error("this is no signed note")]
    Form,
    /// It has no signature by the key.
    #[error("it is not signed by this key")]
    Unsigned,
    /// It has a signature by the key, and that is wrong.
    #[error("its signature is wrong: the text is not what was signed")]
    Wrong,
}

/// The text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no public key: it has the form NAME+ID+KEY")]
pub struct NoPublicKey;

impl PublicKey {
    /// Whose notes it verifies.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; KEY_ID_OCTETS] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        let mut id = [0; KEY_ID_OCTETS];
        id.copy_from_slice(&hash[..KEY_ID_OCTETS]);
        id
    }

    /// The text of a note that this key has signed. Signatures by other keys are not looked at, but
    /// must have the form of one; of several by this key the first counts.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_OCTETS_MAX || !is_text(note) {
            return Err(NoteError::Form);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, signatures) = (&note[..=split], &note[split + 2..]);
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        let id = self.id();
        let mut own = None;
        for line in signatures.split('\n') {
            let (name, octets) = signature_line(line).ok_or(NoteError::Form)?;
            if name == self.name && octets.starts_with(&id) {
                own = own.or(Some(octets));
            }
        }
        let own = own.ok_or(NoteError::Unsigned)?;
        let signature = own[KEY_ID_OCTETS..].try_into();
        let signature = signature.map_err(|_| NoteError::Form)?;
        self.key
            .verify_strict(text.as_bytes(), &Signature::from_bytes(signature))
            .map_err(|_| NoteError::Wrong)?;
        Ok(text)
    }
}

/// The name, and the octets: key id and signature.
fn signature_line(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, octets) = line.strip_prefix(DASH)?.split_once(' ')?;
    let octets = BASE64.decode(octets.as_bytes()).ok()?;
    (is_name(name) && octets.len() > KEY_ID_OCTETS).then_some((name, octets))
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        let id = HEXLOWER_PERMISSIVE.encode(&self.id());
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(&key))
    }
}

impl FromStr for PublicKey {
    type Err = NoPublicKey;

    fn from_str(text: &str) -> Result<Self, NoPublicKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoPublicKey);
        };
        let key = BASE64.decode(key.as_bytes()).map_err(|_| NoPublicKey)?;
        let [ED25519, key @ ..] = key.as_slice() else {
            return Err(NoPublicKey);
        };
        let key: &[u8; 32] = key.try_into().map_err(|_| NoPublicKey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoPublicKey)?;
        let public = Self {
            name: name.to_owned(),
            key,
        };
        let known = HEXLOWER_PERMISSIVE.decode(id.as_bytes()).ok();
        let fits = is_name(name) && known.as_deref() == Some(&public.id());
        fits.then_some(public).ok_or(NoPublicKey)
    }
}

fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_ascii_control() && c != '\n')
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}
