//! HOTP (RFC 4226) and TOTP (RFC 6238).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use minicbor::{Decode, Encode};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The shortest seed: RFC 4226 section 4, R6, asks for 128 bits.
pub const SEED_OCTETS_MIN: usize = 16;
/// The longest seed; HMAC hashes longer keys down anyway.
pub const SEED_OCTETS_MAX: usize = 128;
/// The most digits of a code.
pub const DIGITS_MAX: u8 = 8;
/// The fewest digits of a code: RFC 4226 section 5.3.
pub const DIGITS_MIN: u8 = 6;

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// HMAC-SHA-1: the one of RFC 4226, and what nearly every token has.
    #[default]
    #[n(0)]
    Sha1,
    /// HMAC-SHA-256.
    #[n(1)]
    Sha256,
    /// HMAC-SHA-512.
    #[n(2)]
    Sha512,
}

impl Algorithm {
    /// The name used in settings, URIs and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name, in either case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

/// How many digits a code has: 6 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
#[cbor(transparent)]
pub struct Digits(u8);

impl Digits {
    /// 6 to 8, nothing else.
    pub const fn new(digits: u8) -> Option<Self> {
        if digits < DIGITS_MIN || digits > DIGITS_MAX {
            return None;
        }
        Some(Self(digits))
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl Default for Digits {
    fn default() -> Self {
        Self(DIGITS_MIN)
    }
}

impl<'b, C> Decode<'b, C> for Digits {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::new(d.u8()?).ok_or_else(|| minicbor::decode::Error::message("digits"))
    }
}

/// A seed in clear. Lives for the moment of use, wipes itself, prints nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed(Vec<u8>);

impl Seed {
    /// Takes over `octets`, [`SEED_OCTETS_MIN`] to [`SEED_OCTETS_MAX`] of them.
    pub fn new(octets: Vec<u8>) -> Option<Self> {
        let seed = Self(octets);
        let fits = (SEED_OCTETS_MIN..=SEED_OCTETS_MAX).contains(&seed.0.len());
        fits.then_some(seed)
    }

    /// The octets in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Why something typed is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotACode;

/// A code as typed: 6 to 8 ASCII digits and nothing else. Wipes itself, prints nothing.
///
/// Nothing is trimmed, folded or normalised: what is not exactly `[0-9]{6,8}` is no code, so one
/// code has one spelling (Vault's CVE-2025-6014 was a code with a blank).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code(Vec<u8>);

impl Code {
    /// Checks what was typed.
    pub fn parse(typed: &[u8]) -> Result<Self, NotACode> {
        let lengths = usize::from(DIGITS_MIN)..=usize::from(DIGITS_MAX);
        let digits = typed.iter().all(u8::is_ascii_digit);
        if lengths.contains(&typed.len()) && digits {
            return Ok(Self(typed.to_vec()));
        }
        Err(NotACode)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// A seed made ready to compute codes: the HMAC's key is set up once for a whole window.
pub struct Generator {
    mac: Keyed,
    digits: Digits,
}

enum Keyed {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator(..)")
    }
}

/// The text of a code, for showing to its owner. Wipes itself.
pub type CodeText = Zeroizing<String>;

impl Generator {
    /// Prepares the codes of `seed`.
    pub fn new(seed: &Seed, algorithm: Algorithm, digits: Digits) -> Self {
        let key = seed.expose();
        let mac = match algorithm {
            Algorithm::Sha1 => Keyed::Sha1(Box::new(keyed(key))),
            Algorithm::Sha256 => Keyed::Sha256(Box::new(keyed(key))),
            Algorithm::Sha512 => Keyed::Sha512(Box::new(keyed(key))),
        };
        Self { mac, digits }
    }

    /// The code of `factor`, the moving factor: a counter (HOTP) or a step (TOTP).
    pub fn code(&self, factor: u64) -> CodeText {
        let width = usize::from(self.digits.value());
        Zeroizing::new(format!("{:0width$}", self.number(factor)))
    }

    /// Whether `code` is the one of `factor`, in time that does not tell how much of it fits.
    pub fn matches(&self, code: &Code, factor: u64) -> bool {
        let expected = self.code(factor);
        expected.as_bytes().ct_eq(&code.0).into()
    }

    /// RFC 4226 section 5.3: dynamic truncation, then the last digits.
    fn number(&self, factor: u64) -> u32 {
        let message = factor.to_be_bytes();
        let mut tag = Zeroizing::new([0; 64]);
        let length = match &self.mac {
            Keyed::Sha1(mac) => tag_of(&**mac, message, &mut tag),
            Keyed::Sha256(mac) => tag_of(&**mac, message, &mut tag),
            Keyed::Sha512(mac) => tag_of(&**mac, message, &mut tag),
        };
        // At most 15, and the shortest tag has 20 octets.
        let offset = usize::from(tag[length - 1] & 0x0f);
        let piece = [
            tag[offset],
            tag[offset + 1],
            tag[offset + 2],
            tag[offset + 3],
        ];
        let number = u32::from_be_bytes(piece) & 0x7fff_ffff;
        number % 10u32.pow(u32::from(self.digits.value()))
    }
}

/// Sets the key up. What that leaves on the stack, a block with the key in it, is written over by
/// setting up another key of the same length in the same place.
fn keyed<M: KeyInit>(key: &[u8]) -> M {
    let mac = set_up(key);
    std::hint::black_box(set_up::<M>(&[0; SEED_OCTETS_MAX][..key.len()]));
    mac
}

#[inline(never)]
fn set_up<M: KeyInit>(key: &[u8]) -> M {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn tag_of<M: Mac + Clone>(mac: &M, message: [u8; 8], tag: &mut [u8; 64]) -> usize {
    let mut mac = mac.clone();
    mac.update(&message);
    let full = mac.finalize().into_bytes();
    tag[..full.len()].copy_from_slice(&full);
    full.len()
}
