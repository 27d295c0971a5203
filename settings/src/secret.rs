//! A shared secret that prints nothing and wipes itself.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
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
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Answers every wrong type with the same words: serde's own would show the value.
struct SecretVisitor;

const NO_TEXT: &str = "the secret must be a text in quotes";

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        match text.len() {
            0 => Err(E::custom("the secret must not be empty")),
            1..=SECRET_OCTETS_MAX => Ok(Secret(Zeroizing::new(text.as_bytes().to_vec()))),
            _ => Err(E::custom(format!(
                "the secret is longer than {SECRET_OCTETS_MAX} octets"
            ))),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        self.visit_str(&Zeroizing::new(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(NO_TEXT))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(NO_TEXT))
    }
}
