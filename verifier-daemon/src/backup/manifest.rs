//! What a backup says of itself. `docs/formats/backup.md` describes it.

use data_encoding::{BASE64, HEXLOWER};
use sekisho_store_embedded::Exported;
use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::time::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The form of a backup; another form gets another name.
pub(crate) const FORMAT: &str = "sekisho-backup-1";
/// What the files of the journal are named behind.
pub(crate) const JOURNAL: &str = "journal/";
/// The keys, in clear: only the recipients can read the file around it.
pub(crate) const KEYRING: &str = "keyring";
/// The last but one: a [`Manifest`].
pub(crate) const MANIFEST: &str = "manifest.json";
/// The last: the journal's signature over the manifest.
pub(crate) const NOTE: &str = "manifest.note";
/// The longest manifest: a journal of a hundred thousand files.
pub(crate) const MANIFEST_OCTETS_MAX: u64 = 16 << 20;

/// The first line of what is signed, so that it can be taken for nothing else.
const TITLE: &str = "sekisho backup 1";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    /// The program that made it.
    pub(crate) version: String,
    /// Which journal.
    pub(crate) origin: String,
    pub(crate) epoch: u32,
    /// The newest event that is in it.
    pub(crate) position: u64,
    /// The chain hash there, in base64.
    pub(crate) hash: String,
    /// When it was made, in milliseconds since 1970.
    pub(crate) time: u64,
    /// Whether everything that the journal held is in it, and not only the newest state.
    pub(crate) history: bool,
    /// All files before this one, in order.
    pub(crate) files: Vec<ListedFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListedFile {
    pub(crate) name: String,
    pub(crate) octets: u64,
    /// In lower-case hex.
    pub(crate) sha256: String,
}

impl ListedFile {
    pub(crate) fn new(name: &str, octets: u64, hasher: Sha256) -> Self {
        Self {
            name: name.to_owned(),
            octets,
            sha256: HEXLOWER.encode(&hasher.finalize()),
        }
    }
}

impl Manifest {
    pub(crate) fn new(
        exported: &Exported,
        history: bool,
        time: Time,
        files: Vec<ListedFile>,
    ) -> Self {
        Self {
            format: FORMAT.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: Checkpoint::origin_of(&exported.store),
            epoch: exported.epoch,
            position: exported.position,
            hash: BASE64.encode(&exported.hash),
            time: time.millis(),
            history,
            files,
        }
    }

    /// The chain hash, if it is one.
    pub(crate) fn hash(&self) -> Option<Hash> {
        BASE64.decode(self.hash.as_bytes()).ok()?.try_into().ok()
    }
}

/// What is signed of a backup: with the manifest, everything that is in it.
pub(crate) fn signed_text(origin: &str, manifest: &[u8]) -> String {
    let sum = HEXLOWER.encode(&Sha256::digest(manifest));
    format!("{TITLE}\n{origin}\n{sum}\n")
}

/// Whether `name` can be that of a file of the journal: a plain name that leads nowhere else.
pub(crate) fn is_journal_file(name: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let Some(name) = name.strip_prefix(JOURNAL) else {
        return false;
    };
    let known = |octet: u8| plain(octet) || b".-_".contains(&octet);
    name.len() <= 64 && name.bytes().next().is_some_and(plain) && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_lead_nowhere_else() {
        for good in [
            "journal/0000000001.journal",
            "journal/0000000001.journal.zst",
        ] {
            assert!(is_journal_file(good), "{good}");
        }
        for bad in [
            "journal/",
            "journal/.",
            "journal/..",
            "journal/../x",
            "journal/a/b",
            "journal",
            "x",
            "/journal/a",
            "journal//a",
            "journal/.a",
            "journal/A",
            "journal/a\0",
        ] {
            assert!(!is_journal_file(bad), "{bad}");
        }
    }
}
