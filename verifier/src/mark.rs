//! Keyed digests by which something is recognised when it comes again.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::account::{MARK_OCTETS, Mark};

/// A keyed digest of `parts`, each with its length before it, so that nothing can be shifted from one
/// to the other.
pub(crate) fn mark(key: &[u8], kind: &[u8], parts: &[&[u8]]) -> Mark {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length");
    let mut mac = mac.chain_update(kind);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let mut octets = [0; MARK_OCTETS];
    octets.copy_from_slice(&mac.finalize().into_bytes()[..MARK_OCTETS]);
    Mark(octets)
}

/// In time that does not tell how much of them is the same.
pub(crate) fn same(one: &Mark, other: &Mark) -> bool {
    one.0.ct_eq(&other.0).into()
}
