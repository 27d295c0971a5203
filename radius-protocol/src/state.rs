//! State: what ties the answer to a challenge, sealed so that nobody can read or make one.
//!
//! The server keeps nothing of a conversation: all it must know of it travels in the State
//! attribute (RFC 2865 section 5.24), so that every server with the same keys can go on with it.
//! A State opens only with the client and the account name that it was made for. Address and port
//! are not bound: gateways send the next round from another port, or to another server.
//!
//! The octets are: one of format, four of the key's number (big endian), the nonce, and the
//! content under AES-256-GCM with its tag. The format, the client's name and the account name as
//! sent, in lower case, are the associated data.
//!
//! No octet of the attribute is zero: ocserv keeps a State as text that ends at the first zero, and
//! would send back a piece. So each zero is replaced by the distance to the next one, behind one
//! octet that holds the distance to the first (consistent overhead byte stuffing).

use std::fmt;
use std::time::Duration;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use crate::attribute::VALUE_MAX;

mod content;

pub(crate) use content::{Content, Extra, Kind, Proved};

/// Octets of a key.
pub const KEY_OCTETS: usize = 32;
/// The longest [`FirstTicket`].
pub const TICKET_OCTETS_MAX: usize = 64;
/// Octets of a nonce, random for each State.
pub(crate) const NONCE_OCTETS: usize = 12;

const FORMAT: u8 = 1;
const NUMBER_OCTETS: usize = 4;
const HEAD_OCTETS: usize = 1 + NUMBER_OCTETS + NONCE_OCTETS;
const TAG_OCTETS: usize = 16;
/// The most that can be sealed into one attribute.
pub(crate) const CONTENT_OCTETS_MAX: usize = VALUE_MAX - 1 - HEAD_OCTETS - TAG_OCTETS;

/// What is known of the factor before the code, from one round to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFactor {
    /// There is none, or the gateway has judged it.
    None,
    /// It was right.
    Right,
    /// It was wrong. The code is asked for all the same, so that nobody learns it here.
    Wrong,
    /// The verifier knows. This is its sealed note of it.
    Ticket(FirstTicket),
}

/// A sealed note of the verifier. Nothing in it can be read here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FirstTicket {
    octets: [u8; TICKET_OCTETS_MAX],
    length: u8,
}

impl FirstTicket {
    /// Nothing if it is longer than [`TICKET_OCTETS_MAX`].
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut ticket = Self {
            octets: [0; TICKET_OCTETS_MAX],
            length: u8::try_from(octets.len()).ok()?,
        };
        ticket
            .octets
            .get_mut(..octets.len())?
            .copy_from_slice(octets);
        Some(ticket)
    }

    /// As the verifier gave it.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }
}

impl fmt::Debug for FirstTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstTicket({} octets)", self.length)
    }
}

/// The keys that seal and open State. They come from the verifier, so that all servers of one
/// store have the same.
#[derive(Default)]
pub struct StateKeys {
    /// The one with the highest number first: it seals.
    keys: Vec<(u32, Aes256Gcm)>,
}

/// Only how many there are.
impl fmt::Debug for StateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateKeys({} keys)", self.keys.len())
    }
}

/// What a State is bound to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<'b> {
    /// The client's name in the settings.
    pub(crate) client: &'b str,
    /// User-Name as sent, or nothing while it is not known yet.
    pub(crate) account: &'b str,
}

impl Binding<'_> {
    /// With the length of the first name before it, so that no octet can move from one name to
    /// the other.
    fn associated_data(&self) -> Vec<u8> {
        let account = self.account.to_lowercase();
        let mut data = Vec::with_capacity(16 + self.client.len() + account.len());
        data.extend(b"sekisho state");
        data.push(FORMAT);
        data.extend((self.client.len() as u64).to_be_bytes());
        data.extend(self.client.as_bytes());
        data.extend(account.as_bytes());
        data
    }
}

/// It was not made by us, or not for this, or it is too late. Nothing more is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DoesNotOpen;

impl StateKeys {
    /// The highest number seals, all open.
    pub fn new<'k>(keys: impl IntoIterator<Item = (u32, &'k [u8; KEY_OCTETS])>) -> Self {
        let mut keys: Vec<_> = keys
            .into_iter()
            .map(|(number, key)| (number, Aes256Gcm::new(key.into())))
            .collect();
        keys.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        Self { keys }
    }

    /// True if nothing can be sealed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Seals `content` into the value of a State attribute; nothing without a key, or if it is
    /// too long. A nonce must never be used twice with one key.
    pub(crate) fn seal(
        &self,
        content: &Content,
        binding: &Binding<'_>,
        nonce: &[u8; NONCE_OCTETS],
    ) -> Option<Vec<u8>> {
        let (number, cipher) = self.keys.first()?;
        let clear = content.encode();
        if clear.len() > CONTENT_OCTETS_MAX {
            return None;
        }
        let mut state = Vec::with_capacity(VALUE_MAX);
        state.push(FORMAT);
        state.extend(number.to_be_bytes());
        state.extend(nonce);
        state.extend(clear.as_slice());
        let tag = cipher
            .encrypt_inout_detached(
                &Nonce::from(*nonce),
                &binding.associated_data(),
                (&mut state[HEAD_OCTETS..]).into(),
            )
            .ok()?;
        state.extend_from_slice(&tag);
        Some(without_zeros(&state))
    }

    /// Opens what was sealed for the same client and account, if it has not expired. `wall` is
    /// the time since 1970.
    pub(crate) fn open(
        &self,
        state: &[u8],
        binding: &Binding<'_>,
        wall: Duration,
    ) -> Result<Content, DoesNotOpen> {
        if state.len() > VALUE_MAX {
            return Err(DoesNotOpen);
        }
        let state = with_zeros(state).ok_or(DoesNotOpen)?;
        let (head, rest) = state
            .split_first_chunk::<HEAD_OCTETS>()
            .ok_or(DoesNotOpen)?;
        let (body, tag) = rest.split_last_chunk::<TAG_OCTETS>().ok_or(DoesNotOpen)?;
        let (number, nonce) = head[1..].split_at(NUMBER_OCTETS);
        let cipher = self.cipher(head[0], number).ok_or(DoesNotOpen)?;
        let nonce = <[u8; NONCE_OCTETS]>::try_from(nonce).map_err(|_| DoesNotOpen)?;
        let mut clear = Zeroizing::new(body.to_vec());
        cipher
            .decrypt_inout_detached(
                &Nonce::from(nonce),
                &binding.associated_data(),
                clear.as_mut_slice().into(),
                &(*tag).into(),
            )
            .map_err(|_| DoesNotOpen)?;
        let content = Content::decode(&clear).ok_or(DoesNotOpen)?;
        if wall >= content.expires {
            return Err(DoesNotOpen);
        }
        Ok(content)
    }

    fn cipher(&self, format: u8, number: &[u8]) -> Option<&Aes256Gcm> {
        self.keys
            .iter()
            .find(|(known, _)| format == FORMAT && number == known.to_be_bytes())
            .map(|(_, cipher)| cipher)
    }
}

/// The same octets without a zero among them, and one more.
fn without_zeros(octets: &[u8]) -> Vec<u8> {
    let mut text = vec![0];
    let mut zero = 0;
    for &octet in octets {
        if octet == 0 {
            text[zero] = (text.len() - zero) as u8;
            zero = text.len();
        }
        text.push(octet);
    }
    // An attribute holds 253 octets, so that a distance always fits.
    text[zero] = (text.len() - zero) as u8;
    text
}

/// What [`without_zeros`] made this of; nothing if it was not made so.
fn with_zeros(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = text.to_vec();
    let mut zero = 0;
    if text.contains(&0) {
        return None;
    }
    while zero < octets.len() {
        let next = zero + usize::from(octets[zero]);
        octets[zero] = 0;
        zero = next;
    }
    // The octet in front was no zero. Every other text for the same octets is refused.
    let octets = octets.get(1..)?.to_vec();
    (zero == text.len()).then_some(octets)
}

#[cfg(test)]
mod tests;
