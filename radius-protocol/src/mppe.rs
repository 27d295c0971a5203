//! Keys in replies, hidden under the secret and a salt: MS-MPPE keys (RFC 2548 sections 2.4.2 and
//! 2.4.3) and Tunnel-Password (RFC 2868 section 3.5).
//!
//! Both hide in the same way. The salt makes the pad of each attribute its own; two attributes of
//! one packet under the same salt would tell the difference of what they hide.

use md5::{Digest, Md5};
use zeroize::{Zeroize, Zeroizing};

use crate::attribute::{VALUE_MAX, VENDOR_VALUE_MAX, microsoft};
use crate::authenticator::{Authenticator, DIGEST_OCTETS};
use crate::error::{HiddenError, WriteError};
use crate::packet::PacketWriter;
use crate::secret::Secret;

const BLOCK: usize = DIGEST_OCTETS;
/// Octets of a salt.
pub const SALT_OCTETS: usize = 2;
/// The most octets that can be hidden: 15 blocks less the octet that says how many there are.
pub const CLEAR_MAX: usize = 15 * BLOCK - 1;

/// A salt: its top bit is always set. Those of keys and those of templates differ in the bit below
/// it, so that no two attributes of one packet have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; SALT_OCTETS]);

impl Salt {
    /// For keys, from random octets.
    pub fn new(random: [u8; SALT_OCTETS]) -> Self {
        Self([random[0] & 0x3f | 0x80, random[1]])
    }

    /// For attributes of templates, from random octets.
    pub fn for_templates(random: [u8; SALT_OCTETS]) -> Self {
        Self([random[0] | 0xc0, random[1]])
    }

    /// The salt of the next attribute of the same packet; never the same within 16,384 of them.
    #[must_use]
    pub fn next(self) -> Self {
        let [high, low] = u16::from_be_bytes(self.0).wrapping_add(1).to_be_bytes();
        Self([self.0[0] & 0xc0 | high & 0x3f, low])
    }
}

/// Salt and hidden octets, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Hidden {
    octets: [u8; SALT_OCTETS + 15 * BLOCK],
    length: usize,
}

impl Hidden {
    /// The value of the attribute, or what follows the tag.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Hides `clear` in a reply to the request with this Request Authenticator.
pub fn hide(
    secret: &Secret,
    request: &Authenticator,
    salt: Salt,
    clear: &[u8],
) -> Result<Hidden, WriteError> {
    if clear.len() > CLEAR_MAX {
        return Err(WriteError::AttributeTooLong);
    }
    let mut octets = [0; SALT_OCTETS + 15 * BLOCK];
    let (head, body) = octets.split_at_mut(SALT_OCTETS);
    head.copy_from_slice(&salt.0);
    // At most CLEAR_MAX, which is below 256.
    body[0] = clear.len() as u8;
    body[1..=clear.len()].copy_from_slice(clear);
    let length = (1 + clear.len()).next_multiple_of(BLOCK);
    let mut pad = first_pad(secret, request, salt);
    for block in body[..length].chunks_mut(BLOCK) {
        cover(&pad, block);
        pad = next_pad(secret, block);
    }
    pad.zeroize();
    Ok(Hidden {
        octets,
        length: SALT_OCTETS + length,
    })
}

/// Uncovers what [`hide`] has hidden: what a NAS does.
pub fn reveal(
    secret: &Secret,
    request: &Authenticator,
    hidden: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HiddenError> {
    let (salt, body) = hidden.split_first_chunk().ok_or(HiddenError)?;
    if body.is_empty() || !body.len().is_multiple_of(BLOCK) || hidden.len() > VALUE_MAX {
        return Err(HiddenError);
    }
    let mut clear = Zeroizing::new(body.to_vec());
    let mut pad = first_pad(secret, request, Salt(*salt));
    for (clear, block) in clear.chunks_mut(BLOCK).zip(body.chunks(BLOCK)) {
        cover(&pad, clear);
        pad = next_pad(secret, block);
    }
    pad.zeroize();
    let length = usize::from(clear[0]);
    let clear = clear.get(1..=length).ok_or(HiddenError)?;
    Ok(Zeroizing::new(clear.to_vec()))
}

/// The two keys of a login, as the server sees them: MS-MPPE-Recv-Key is what the NAS receives
/// with, and the first half of an EAP method's MSK.
pub struct Keys<'k> {
    /// MS-MPPE-Recv-Key.
    pub receive: &'k [u8],
    /// MS-MPPE-Send-Key.
    pub send: &'k [u8],
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Appends MS-MPPE-Recv-Key and MS-MPPE-Send-Key, each under its own salt, to an accept; or
/// nothing at all.
pub fn write_keys<Kind>(
    writer: &mut PacketWriter<'_, Kind>,
    secret: &Secret,
    request: &Authenticator,
    salt: Salt,
    keys: &Keys<'_>,
) -> Result<(), WriteError> {
    let before = writer.length();
    let mut write = |kind, key: &[u8], salt| {
        let hidden = hide(secret, request, salt, key)?;
        writer.vendor(microsoft::VENDOR_ID, kind, hidden.octets())
    };
    let written = write(microsoft::MPPE_RECV_KEY, keys.receive, salt)
        .and_then(|()| write(microsoft::MPPE_SEND_KEY, keys.send, salt.next()));
    if written.is_err() {
        writer.cut(before);
    }
    written
}

// Salt and 15 blocks fit into an attribute with a tag, and into one of a vendor.
const _: () = assert!(1 + SALT_OCTETS + 15 * BLOCK <= VALUE_MAX);
const _: () = assert!(SALT_OCTETS + 15 * BLOCK <= VENDOR_VALUE_MAX);

fn first_pad(secret: &Secret, request: &Authenticator, salt: Salt) -> Authenticator {
    let mut digest = Md5::new();
    digest.update(secret.octets());
    digest.update(request);
    digest.update(salt.0);
    digest.finalize().into()
}

fn next_pad(secret: &Secret, hidden: &[u8]) -> Authenticator {
    let mut digest = Md5::new();
    digest.update(secret.octets());
    digest.update(hidden);
    digest.finalize().into()
}

/// Covers or uncovers one block: the operation is its own inverse.
fn cover(pad: &Authenticator, block: &mut [u8]) {
    for (octet, pad) in block.iter_mut().zip(pad) {
        *octet ^= pad;
    }
}
