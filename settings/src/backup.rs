//! `[backup]`.

use std::fmt;

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// What the text of a recipient begins with.
const PREFIX: &str = "age";
/// Octets of an X25519 public key.
const KEY_OCTETS: usize = 32;
/// The most recipients.
pub(crate) const RECIPIENTS_MAX: usize = 8;

/// Backups: who can read them.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Backup {
    /// Whoever holds the identity of any of these can read a backup. They are named here and not
    /// where a backup is asked for, so that an admin alone can not take the seeds out.
    pub recipients: Vec<Recipient>,
}

/// An X25519 recipient of age, as `age1…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(String);

impl Recipient {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
        let octets = checked.byte_iter().count();
        let known = checked.hrp().as_str() == PREFIX && octets == KEY_OCTETS;
        let lower_case = !text.bytes().any(|octet| octet.is_ascii_uppercase());
        (known && lower_case).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Not what was written: somebody may have put the identity there.
        Self::parse(&text).ok_or_else(|| {
            D::Error::invalid_value(
                Unexpected::Other("something else"),
                &"a recipient as `sekisho backup-key` prints it, age1 and 58 characters",
            )
        })
    }
}
