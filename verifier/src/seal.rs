//! What the store keeps is sealed: seeds are encrypted, and every record is tagged.
//!
//! A *data key* seals seeds (AES-256-GCM) and tags records (HMAC-SHA-256), each with a key of its
//! own that is derived from it. Data keys are numbered. A [`Keyring`] holds those that still open
//! something; one of them is current, and everything new is sealed by it. How data keys are kept
//! is the daemon's business: they are wrapped by the master key.
//!
//! A sealed seed is one octet format, four octets key number (big endian), the nonce, and the
//! ciphertext with its tag. Serial and version of the seal are its associated data.
//!
//! A tag covers the whole record and what it is found by. So nothing of one token (its seed, a
//! spent step, its state, a counter) can be copied over that of another, by whoever can write to
//! the disk.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use minicbor::{Decode, Encode};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::account::AccountName;
use crate::otp::{SEED_OCTETS_MAX, Seed};
use crate::serial::Serial;
use crate::start_password::StartPassword;

/// Octets of a data key.
pub const KEY_OCTETS: usize = 32;
/// Octets of a nonce, drawn at random for each seal.
pub const NONCE_OCTETS: usize = 12;
/// Octets of a tag: four of the key's number, and sixteen of the code.
pub const TAG_OCTETS: usize = KEY_NUMBER_OCTETS + CODE_OCTETS;

const FORMAT: u8 = 2;
const SECRET_FORMAT: u8 = 3;
const KEY_NUMBER_OCTETS: usize = 4;
const CODE_OCTETS: usize = 16;
const HEAD_OCTETS: usize = 1 + KEY_NUMBER_OCTETS + NONCE_OCTETS;
const GCM_TAG_OCTETS: usize = 16;
/// What the associated data begins with, so that a seal for one use opens for no other.
const PURPOSE: &[u8] = b"sekisho seed 2\0";
/// What the keys are derived with.
const SEALING: &[u8] = b"sekisho sealing key 1";
const TAGGING: &[u8] = b"sekisho tagging key 1";
const DERIVING: &[u8] = b"sekisho deriving key 1";

type HmacSha256 = Hmac<Sha256>;

/// A seed as stored. Useless without the key, and with another serial or version.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SealedSeed(#[cbor(with = "minicbor::bytes")] Box<[u8]>);

impl SealedSeed {
    /// The number of the data key that sealed it.
    pub fn key_number(&self) -> Option<u32> {
        key_number(&self.0)
    }
}

/// A secret of an account as stored. Useless without the key, and for another account.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SealedSecret(#[cbor(with = "minicbor::bytes")] Box<[u8]>);

impl SealedSecret {
    /// The number of the data key that sealed it.
    pub fn key_number(&self) -> Option<u32> {
        key_number(&self.0)
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret({} octets)", self.0.len())
    }
}

/// What a sealed secret of an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// Its start-of-use password.
    StartPassword,
    /// What the marks of its spare codes are made with.
    SpareKey,
}

impl SecretKind {
    fn purpose(self) -> &'static [u8] {
        match self {
            Self::StartPassword => b"sekisho start password 1",
            Self::SpareKey => b"sekisho spare key 1",
        }
    }
}

fn key_number(sealed: &[u8]) -> Option<u32> {
    let number = sealed.get(1..=KEY_NUMBER_OCTETS)?;
    Some(u32::from_be_bytes(number.try_into().ok()?))
}

impl fmt::Debug for SealedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSeed({} octets)", self.0.len())
    }
}

/// The seal is broken, or was made by another key, for another serial or of another version.
/// Nothing more is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seed does not open")]
pub struct DoesNotOpen;

/// The tag does not fit the record, or was made by a key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record does not fit its tag")]
pub struct DoesNotFit;

/// What proves that a record is as it was written: the key's number, and the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; TAG_OCTETS]);

impl Tag {
    /// As stored.
    pub fn octets(&self) -> &[u8; TAG_OCTETS] {
        &self.0
    }

    /// From what was stored.
    pub const fn from_octets(octets: [u8; TAG_OCTETS]) -> Self {
        Self(octets)
    }

    /// The number of the data key that made it.
    pub fn key_number(&self) -> u32 {
        let mut number = [0; KEY_NUMBER_OCTETS];
        number.copy_from_slice(&self.0[..KEY_NUMBER_OCTETS]);
        u32::from_be_bytes(number)
    }
}

/// A key that seals seeds and tags records.
pub struct DataKey {
    number: u32,
    cipher: Aes256Gcm,
    tagger: HmacSha256,
    deriver: HmacSha256,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey(number {})", self.number)
    }
}

impl DataKey {
    /// Sets up the key `number`.
    pub fn new(number: u32, key: &[u8; KEY_OCTETS]) -> Self {
        let sealing = derive(key, SEALING);
        let tagging = derive(key, TAGGING);
        let deriving = derive(key, DERIVING);
        Self {
            number,
            cipher: Aes256Gcm::new((&*sealing).into()),
            tagger: keyed(&*tagging),
            deriver: keyed(&*deriving),
        }
    }

    /// A key for something else that is to last no longer than this one.
    pub fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; KEY_OCTETS]> {
        finish(self.deriver.clone().chain_update(purpose))
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Seals `seed` for `serial`. A nonce must never be used twice with one key.
    pub fn seal(
        &self,
        serial: &Serial,
        version: u64,
        seed: &Seed,
        nonce: [u8; NONCE_OCTETS],
    ) -> SealedSeed {
        let data = associated_data(serial, version);
        SealedSeed(self.lock(&self.cipher, FORMAT, &data, seed.expose(), nonce))
    }

    /// Opens what was sealed for `serial` in `version`.
    pub fn open(
        &self,
        serial: &Serial,
        version: u64,
        sealed: &SealedSeed,
    ) -> Result<Seed, DoesNotOpen> {
        let data = associated_data(serial, version);
        let mut clear = self.unlock(&self.cipher, FORMAT, &data, &sealed.0)?;
        Seed::new(std::mem::take(&mut *clear)).ok_or(DoesNotOpen)
    }

    /// Seals a secret of `account`. Each kind has a key of its own, so one nonce will do for one secret
    /// of each kind.
    pub(crate) fn seal_secret(
        &self,
        kind: SecretKind,
        account: &AccountName,
        secret: &[u8],
        nonce: [u8; NONCE_OCTETS],
    ) -> SealedSecret {
        let data = account.as_str().as_bytes();
        SealedSecret(self.lock(
            &self.secret_cipher(kind),
            SECRET_FORMAT,
            data,
            secret,
            nonce,
        ))
    }

    /// Opens what was sealed for `account`.
    fn open_secret(
        &self,
        kind: SecretKind,
        account: &AccountName,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let data = account.as_str().as_bytes();
        self.unlock(&self.secret_cipher(kind), SECRET_FORMAT, data, &sealed.0)
    }

    fn secret_cipher(&self, kind: SecretKind) -> Aes256Gcm {
        let key = self.derive(kind.purpose());
        Aes256Gcm::new((&*key).into())
    }

    fn lock(
        &self,
        cipher: &Aes256Gcm,
        format: u8,
        data: &[u8],
        clear: &[u8],
        nonce: [u8; NONCE_OCTETS],
    ) -> Box<[u8]> {
        let mut sealed = Vec::with_capacity(HEAD_OCTETS + clear.len() + GCM_TAG_OCTETS);
        sealed.push(format);
        sealed.extend_from_slice(&self.number.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(clear);
        let body = &mut sealed[HEAD_OCTETS..];
        #[expect(
            clippy::expect_used,
            reason = "GCM fails from 64 GiB on, what is sealed has 128 octets"
        )]
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), data, body.into())
            .expect("a secret is short");
        sealed.extend_from_slice(&tag);
        sealed.into()
    }

    fn unlock(
        &self,
        cipher: &Aes256Gcm,
        format: u8,
        data: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let (head, rest) = sealed.split_at_checked(HEAD_OCTETS).ok_or(DoesNotOpen)?;
        let (body, tag) = rest
            .split_last_chunk::<GCM_TAG_OCTETS>()
            .ok_or(DoesNotOpen)?;
        let number = &head[1..1 + KEY_NUMBER_OCTETS];
        let known = head[0] == format && number == self.number.to_be_bytes();
        if !known || body.len() > SEED_OCTETS_MAX {
            return Err(DoesNotOpen);
        }
        let mut nonce = [0; NONCE_OCTETS];
        nonce.copy_from_slice(&head[1 + KEY_NUMBER_OCTETS..]);
        let mut clear = Zeroizing::new(body.to_vec());
        cipher
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                data,
                clear.as_mut_slice().into(),
                &(*tag).into(),
            )
            .map_err(|_| DoesNotOpen)?;
        Ok(clear)
    }

    /// The tag of the value that is found by `key`.
    pub fn tag(&self, key: &[u8], value: &[u8]) -> Tag {
        let mut octets = [0; TAG_OCTETS];
        octets[..KEY_NUMBER_OCTETS].copy_from_slice(&self.number.to_be_bytes());
        octets[KEY_NUMBER_OCTETS..].copy_from_slice(&self.code(key, value));
        Tag(octets)
    }

    fn fits(&self, key: &[u8], value: &[u8], tag: &Tag) -> bool {
        let code = self.code(key, value);
        code.ct_eq(&tag.0[KEY_NUMBER_OCTETS..]).into()
    }

    fn code(&self, key: &[u8], value: &[u8]) -> [u8; CODE_OCTETS] {
        // The length of the key goes first, so that nothing can be shifted from one to the other.
        let whole = self
            .tagger
            .clone()
            .chain_update((key.len() as u64).to_be_bytes())
            .chain_update(key)
            .chain_update(value)
            .finalize()
            .into_bytes();
        let mut code = [0; CODE_OCTETS];
        code.copy_from_slice(&whole[..CODE_OCTETS]);
        code
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    <HmacSha256 as KeyInit>::new_from_slice(key).expect("a key of any length")
}

fn derive(key: &[u8; KEY_OCTETS], purpose: &[u8]) -> Zeroizing<[u8; KEY_OCTETS]> {
    finish(keyed(key).chain_update(purpose))
}

fn finish(mac: HmacSha256) -> Zeroizing<[u8; KEY_OCTETS]> {
    let mut whole = mac.finalize().into_bytes();
    let mut derived = Zeroizing::new([0; KEY_OCTETS]);
    derived.copy_from_slice(&whole);
    whole.as_mut_slice().zeroize();
    derived
}

fn associated_data(serial: &Serial, version: u64) -> Vec<u8> {
    // One field of variable length, and it is the last: nothing can be shifted.
    [PURPOSE, &version.to_be_bytes(), serial.as_str().as_bytes()].concat()
}

/// The data keys that still open something. Shared by everybody who seals, opens, tags or checks;
/// a rotation changes it while they go on.
#[derive(Debug)]
pub struct Keyring {
    keys: RwLock<Keys>,
}

#[derive(Debug)]
struct Keys {
    current: Arc<DataKey>,
    /// The current one included.
    all: BTreeMap<u32, Arc<DataKey>>,
}

impl Keyring {
    /// A ring with one key, which is current.
    pub fn new(current: DataKey) -> Self {
        let current = Arc::new(current);
        let all = BTreeMap::from([(current.number, Arc::clone(&current))]);
        Self {
            keys: RwLock::new(Keys { current, all }),
        }
    }

    /// Adds an older key, which opens and checks but seals nothing new. The key of a number that is
    /// there already stays.
    pub fn add(&self, key: DataKey) {
        let mut keys = self.write();
        keys.all.entry(key.number).or_insert_with(|| Arc::new(key));
    }

    /// Adds a key and makes it current.
    pub fn make_current(&self, key: DataKey) {
        let key = Arc::new(key);
        let mut keys = self.write();
        keys.all.insert(key.number, Arc::clone(&key));
        keys.current = key;
    }

    /// Forgets a key. The current one stays.
    pub fn forget(&self, number: u32) {
        let mut keys = self.write();
        if keys.current.number != number {
            keys.all.remove(&number);
        }
    }

    /// The key that seals and tags what is new.
    pub fn current(&self) -> Arc<DataKey> {
        Arc::clone(&self.read().current)
    }

    /// The numbers of all keys, rising.
    pub fn numbers(&self) -> Vec<u32> {
        self.read().all.keys().copied().collect()
    }

    /// A key for something else from each data key, with its number; the current one is the first.
    pub fn derive(&self, purpose: &[u8]) -> Vec<(u32, Zeroizing<[u8; KEY_OCTETS]>)> {
        let keys = self.read();
        let current = keys.current.number;
        let others = keys.all.values().filter(|key| key.number != current);
        std::iter::once(&keys.current)
            .chain(others)
            .map(|key| (key.number, key.derive(purpose)))
            .collect()
    }

    /// Opens what any of the keys sealed.
    pub fn open(
        &self,
        serial: &Serial,
        version: u64,
        sealed: &SealedSeed,
    ) -> Result<Seed, DoesNotOpen> {
        let number = sealed.key_number().ok_or(DoesNotOpen)?;
        self.of(number)
            .ok_or(DoesNotOpen)?
            .open(serial, version, sealed)
    }

    /// Opens the start-of-use password of `account`.
    pub(crate) fn open_start_password(
        &self,
        account: &AccountName,
        sealed: &SealedSecret,
    ) -> Result<StartPassword, DoesNotOpen> {
        let octets = self.open_secret(SecretKind::StartPassword, account, sealed)?;
        StartPassword::from_octets(&octets).ok_or(DoesNotOpen)
    }

    /// Opens a secret of `account` that any of the keys sealed.
    pub(crate) fn open_secret(
        &self,
        kind: SecretKind,
        account: &AccountName,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let number = sealed.key_number().ok_or(DoesNotOpen)?;
        self.of(number)
            .ok_or(DoesNotOpen)?
            .open_secret(kind, account, sealed)
    }

    /// Checks a tag that any of the keys made.
    pub fn check(&self, key: &[u8], value: &[u8], tag: &Tag) -> Result<(), DoesNotFit> {
        let data_key = self.of(tag.key_number()).ok_or(DoesNotFit)?;
        data_key
            .fits(key, value, tag)
            .then_some(())
            .ok_or(DoesNotFit)
    }

    fn of(&self, number: u32) -> Option<Arc<DataKey>> {
        self.read().all.get(&number).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        // Nothing that can panic is done while it is held.
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}
