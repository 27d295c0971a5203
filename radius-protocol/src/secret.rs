//! The secret that a client and the server share.

use hmac::{Hmac, KeyInit};
use md5::Md5;
use zeroize::Zeroizing;

use crate::error::EmptySecret;

/// A shared secret. It wipes itself when dropped and prints nothing.
///
/// Never empty: RFC 2865 section 3 forbids that, since every reply of such a server can be forged.
pub struct Secret {
    octets: Zeroizing<Box<[u8]>>,
    /// The key schedule of HMAC-MD5, made once: it is half of the work for a small packet.
    hmac: Hmac<Md5>,
}

impl Secret {
    /// Below this a secret can be guessed from one captured packet; callers should warn.
    pub const RECOMMENDED_OCTETS: usize = 16;

    /// Takes the secret over.
    pub fn new(octets: impl Into<Box<[u8]>>) -> Result<Self, EmptySecret> {
        let octets = Zeroizing::new(octets.into());
        if octets.is_empty() {
            return Err(EmptySecret);
        }
        // HMAC takes keys of every length.
        let hmac = Hmac::new_from_slice(&octets).map_err(|_| EmptySecret)?;
        Ok(Self { octets, hmac })
    }

    /// True if it is shorter than it should be.
    pub fn is_short(&self) -> bool {
        self.octets.len() < Self::RECOMMENDED_OCTETS
    }

    /// The octets, for MD5 as RFC 2865 uses it.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// HMAC-MD5 with the key already in it.
    pub(crate) fn hmac(&self) -> Hmac<Md5> {
        self.hmac.clone()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
