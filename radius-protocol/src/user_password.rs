//! User-Password: PAP's password, hidden under the secret (RFC 2865 section 5.2).

use md5::{Digest, Md5};
use zeroize::Zeroize;

use crate::authenticator::{Authenticator, DIGEST_OCTETS};
use crate::error::{PasswordError, WriteError};
use crate::secret::Secret;

/// The longest User-Password.
pub const PASSWORD_MAX: usize = 128;
const BLOCK: usize = DIGEST_OCTETS;

/// A password in clear. It wipes itself when dropped and prints nothing.
pub struct Password {
    octets: [u8; PASSWORD_MAX],
    length: usize,
}

impl Password {
    /// What was typed somewhere else than in a User-Password; nothing if it is too long.
    pub fn new(typed: &[u8]) -> Option<Self> {
        let mut password = Self {
            octets: [0; PASSWORD_MAX],
            length: typed.len(),
        };
        password
            .octets
            .get_mut(..typed.len())?
            .copy_from_slice(typed);
        Some(password)
    }

    /// What was typed.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// True if nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// Uncovers the value of a User-Password.
///
/// Only the NULs at the end are padding. One in the middle belongs to the password: to cut there
/// would make `ab` out of `ab\0cd`, and so one password out of many.
pub fn reveal(
    secret: &Secret,
    request: &Authenticator,
    hidden: &[u8],
) -> Result<Password, PasswordError> {
    if hidden.is_empty() || hidden.len() > PASSWORD_MAX || !hidden.len().is_multiple_of(BLOCK) {
        return Err(PasswordError);
    }
    let mut password = Password {
        octets: [0; PASSWORD_MAX],
        length: hidden.len(),
    };
    password.octets[..hidden.len()].copy_from_slice(hidden);
    let mut previous: &[u8] = request;
    for (clear, block) in password.octets.chunks_mut(BLOCK).zip(hidden.chunks(BLOCK)) {
        cover(secret, previous, clear);
        previous = block;
    }
    password.length = password.octets[..hidden.len()]
        .iter()
        .rposition(|&octet| octet != 0)
        .map_or(0, |last| last + 1);
    Ok(password)
}

/// Hides a password: for those who send Access-Requests.
pub fn hide(
    secret: &Secret,
    request: &Authenticator,
    password: &[u8],
) -> Result<Hidden, WriteError> {
    if password.len() > PASSWORD_MAX {
        return Err(WriteError::PasswordTooLong);
    }
    // An empty password is one block of padding.
    let length = password.len().next_multiple_of(BLOCK).max(BLOCK);
    let mut octets = [0; PASSWORD_MAX];
    octets[..password.len()].copy_from_slice(password);
    let mut previous = *request;
    for block in octets[..length].chunks_mut(BLOCK) {
        cover(secret, &previous, block);
        previous.copy_from_slice(block);
    }
    Ok(Hidden { octets, length })
}

/// The value of a User-Password, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Hidden {
    octets: [u8; PASSWORD_MAX],
    length: usize,
}

impl Hidden {
    /// The value.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Covers or uncovers one block: the operation is its own inverse.
fn cover(secret: &Secret, previous: &[u8], block: &mut [u8]) {
    let mut digest = Md5::new();
    digest.update(secret.octets());
    digest.update(previous);
    let mut pad: Authenticator = digest.finalize().into();
    for (octet, pad) in block.iter_mut().zip(pad) {
        *octet ^= pad;
    }
    pad.zeroize();
}
