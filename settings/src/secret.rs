//! A shared secret that prints nothing and wipes itself.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use zeroize::Zeroizing;

/// Shorter secrets are taken, with a warning (RFC 2865 section 3 asks for 16 octets).
pub const SECRET_OCTETS_ADVISED: usize = 16;
/// The longest secret.
const SECRET_OCTETS_MAX: usize = 256;

/// The secret that a RADIUS client shares with us. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The octets in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is shorter than advised.
    pub fn is_short(&self) -> bool {
        self.0.len() < SECRET_OCTETS_ADVISED
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        match text.len() {
            0 => Err(D::Error::custom("the secret must not be empty")),
            1..=SECRET_OCTETS_MAX => Ok(Self(Zeroizing::new(text.as_bytes().to_vec()))),
            _ => Err(D::Error::custom(format!(
                "the secret is longer than {SECRET_OCTETS_MAX} octets"
            ))),
        }
    }
}
