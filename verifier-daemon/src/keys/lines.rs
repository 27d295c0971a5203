//! Master keys as text: one line for each version.
//!
//! `sekisho-master-key-1 <64 hexadecimal digits>` is version 1;
//! `sekisho-master-key-2 <version> <64 hexadecimal digits>` is any version.

use std::ops::Range;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::HEXLOWER;
use sekisho_verifier::seal::{KEY_OCTETS, NONCE_OCTETS};
use zeroize::Zeroizing;

use super::keyring_file::TAG_OCTETS;

/// The most versions: the one that wraps, and those that nobody has taken away.
const VERSIONS_MAX: usize = 16;
const FIRST_HEAD: &str = "sekisho-master-key-1 ";
const HEAD: &str = "sekisho-master-key-2 ";
const HEX_OCTETS: usize = 2 * KEY_OCTETS;
const VERSION_DIGITS_MAX: usize = 10;
const LINE_OCTETS_MAX: usize = HEAD.len() + VERSION_DIGITS_MAX + 1 + HEX_OCTETS + 1;
/// The longest text.
pub(super) const OCTETS_MAX: usize = VERSIONS_MAX * LINE_OCTETS_MAX;

/// The text, and where in it the keys are: decoded only for the moment of use.
pub(super) struct Lines {
    text: Zeroizing<Vec<u8>>,
    versions: Vec<(u32, Range<usize>)>,
}

impl Lines {
    /// `None` if anything is not as it must be.
    pub(super) fn parse(text: Zeroizing<Vec<u8>>) -> Option<Self> {
        let mut versions: Vec<(u32, Range<usize>)> = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            let (version, hex) = parse_line(line)?;
            let end = at + line.len() - 1;
            let rises = versions.last().is_none_or(|(last, _)| *last < version);
            if !rises || versions.len() == VERSIONS_MAX || hex != HEX_OCTETS {
                return None;
            }
            let keys = end - hex..end;
            HEXLOWER
                .decode_mut(&text[keys.clone()], &mut *Zeroizing::new([0; KEY_OCTETS]))
                .ok()?;
            versions.push((version, keys));
            at += line.len();
        }
        (!versions.is_empty()).then_some(Self { text, versions })
    }

    /// The versions, rising.
    pub(super) fn versions(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.versions.iter().map(|(version, _)| *version)
    }

    /// The text of these versions and of a fresh `new` one.
    pub(super) fn with_fresh(&self, new: u32) -> Result<Zeroizing<Vec<u8>>, getrandom::Error> {
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        getrandom::fill(&mut *key)?;
        let mut hex = Zeroizing::new([0; HEX_OCTETS]);
        HEXLOWER.encode_mut(&*key, &mut *hex);
        let mut text = Zeroizing::new(Vec::with_capacity(self.text.len() + LINE_OCTETS_MAX));
        text.extend_from_slice(&self.text);
        push_line(&mut text, new, &*hex);
        Ok(text)
    }

    /// The text of version `from` and those behind it.
    pub(super) fn from(&self, from: u32) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(OCTETS_MAX));
        for (version, hex) in &self.versions {
            if *version >= from {
                push_line(&mut text, *version, &self.text[hex.clone()]);
            }
        }
        text
    }

    /// Whether one more version fits in.
    pub(super) fn has_room(&self) -> bool {
        self.versions.len() < VERSIONS_MAX
    }

    fn cipher(&self, version: u32) -> Option<Aes256Gcm> {
        let (_, hex) = self.versions.iter().find(|(known, _)| *known == version)?;
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        HEXLOWER
            .decode_mut(&self.text[hex.clone()], &mut *key)
            .ok()?;
        Some(Aes256Gcm::new((&*key).into()))
    }

    /// `clear` as wrapped by `version`, the tag at its end.
    pub(super) fn wrap(
        &self,
        version: u32,
        nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        clear: &[u8],
    ) -> Option<Vec<u8>> {
        // Encrypted in place: the clear octets are overwritten.
        let mut octets = Vec::with_capacity(clear.len() + TAG_OCTETS);
        octets.extend_from_slice(clear);
        let tag = self
            .cipher(version)?
            .encrypt_inout_detached(&Nonce::from(nonce), head, octets.as_mut_slice().into())
            .ok()?;
        octets.extend_from_slice(&tag);
        Some(octets)
    }

    /// What `version` has wrapped.
    pub(super) fn unwrap(
        &self,
        version: u32,
        nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        wrapped: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (body, tag) = wrapped.split_last_chunk::<TAG_OCTETS>()?;
        let mut clear = Zeroizing::new(body.to_vec());
        self.cipher(version)?
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                head,
                clear.as_mut_slice().into(),
                &(*tag).into(),
            )
            .ok()?;
        Some(clear)
    }
}

/// The version, and how many octets of key stand at the end before the line break.
fn parse_line(line: &[u8]) -> Option<(u32, usize)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    if let Some(hex) = line.strip_prefix(FIRST_HEAD) {
        return Some((1, hex.len()));
    }
    let (version, hex) = line.strip_prefix(HEAD)?.split_once(' ')?;
    let plain = version.bytes().all(|b| b.is_ascii_digit()) && !version.starts_with('0');
    let version = version.parse().ok().filter(|_| plain)?;
    Some((version, hex.len()))
}

fn push_line(text: &mut Vec<u8>, version: u32, hex: &[u8]) {
    if version == 1 {
        text.extend_from_slice(FIRST_HEAD.as_bytes());
    } else {
        text.extend_from_slice(format!("{HEAD}{version} ").as_bytes());
    }
    text.extend_from_slice(hex);
    text.push(b'\n');
}
