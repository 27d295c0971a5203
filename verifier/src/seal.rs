//! Seeds at rest: AES-256-GCM, with the serial as associated data.
//!
//! A sealed seed is one octet format, four octets key number (big endian), the nonce, and the
//! ciphertext with its tag. The key number lets a later key open next to an older one.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::otp::{SEED_OCTETS_MAX, Seed};
use crate::serial::Serial;

/// Octets of a key.
pub const KEY_OCTETS: usize = 32;
/// Octets of a nonce, drawn at random for each seal.
pub const NONCE_OCTETS: usize = 12;

const FORMAT: u8 = 1;
const KEY_NUMBER_OCTETS: usize = 4;
const HEAD_OCTETS: usize = 1 + KEY_NUMBER_OCTETS + NONCE_OCTETS;
const TAG_OCTETS: usize = 16;
/// What the associated data begins with, so that a seal for one use opens for no other.
const PURPOSE: &[u8] = b"sekisho seed 1\0";

/// A seed as stored. Useless without the key, and with another serial.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SealedSeed(#[cbor(with = "minicbor::bytes")] Box<[u8]>);

impl fmt::Debug for SealedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSeed({} octets)", self.0.len())
    }
}

/// The seal is broken, or was made by another key or for another serial. Nothing more is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seed does not open")]
pub struct DoesNotOpen;

/// The key that seals and opens seeds.
pub struct SeedKey {
    number: u32,
    cipher: Aes256Gcm,
}

impl fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeedKey(number {})", self.number)
    }
}

impl SeedKey {
    /// Sets up the key `number`.
    pub fn new(number: u32, key: &[u8; KEY_OCTETS]) -> Self {
        Self {
            number,
            cipher: Aes256Gcm::new(key.into()),
        }
    }

    /// Seals `seed` for `serial`. A nonce must never be used twice with one key.
    pub fn seal(&self, serial: &Serial, seed: &Seed, nonce: [u8; NONCE_OCTETS]) -> SealedSeed {
        let mut sealed = Vec::with_capacity(HEAD_OCTETS + seed.expose().len() + TAG_OCTETS);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.number.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(seed.expose());
        let data = associated_data(serial);
        let body = &mut sealed[HEAD_OCTETS..];
        #[expect(
            clippy::expect_used,
            reason = "GCM fails from 64 GiB on, a seed has 128 octets"
        )]
        let tag = self
            .cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &data, body.into())
            .expect("a seed is short");
        sealed.extend_from_slice(&tag);
        SealedSeed(sealed.into())
    }

    /// Opens what was sealed for `serial`.
    pub fn open(&self, serial: &Serial, sealed: &SealedSeed) -> Result<Seed, DoesNotOpen> {
        let (head, rest) = sealed.0.split_at_checked(HEAD_OCTETS).ok_or(DoesNotOpen)?;
        let (body, tag) = rest.split_last_chunk::<TAG_OCTETS>().ok_or(DoesNotOpen)?;
        let (format, number) = (head[0], &head[1..1 + KEY_NUMBER_OCTETS]);
        let known = format == FORMAT && number == self.number.to_be_bytes();
        if !known || body.len() > SEED_OCTETS_MAX {
            return Err(DoesNotOpen);
        }
        let mut nonce = [0; NONCE_OCTETS];
        nonce.copy_from_slice(&head[1 + KEY_NUMBER_OCTETS..]);
        let mut clear = Zeroizing::new(body.to_vec());
        self.cipher
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                &associated_data(serial),
                clear.as_mut_slice().into(),
                &(*tag).into(),
            )
            .map_err(|_| DoesNotOpen)?;
        Seed::new(std::mem::take(&mut *clear)).ok_or(DoesNotOpen)
    }
}

fn associated_data(serial: &Serial) -> Vec<u8> {
    // One field behind a fixed text: nothing can be shifted from one into the other.
    [PURPOSE, serial.as_str().as_bytes()].concat()
}
