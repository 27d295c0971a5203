//! An independent RADIUS client: packets by the `radius` crate, which shares no code with our
//! server, and beside it what that crate lacks.
//!
//! The crate's own client hands out no octets of a reply, so nothing about its authenticators could
//! be checked, and it knows neither Message-Authenticator nor retransmission.

mod attribute;
mod exchange;
mod reply;
mod request;

pub(crate) use exchange::{Outcome, exchange};
pub(crate) use reply::{MessageAuthenticator, Reply};
pub(crate) use request::Question;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// Octets of a header (RFC 2865 section 3).
const HEADER_OCTETS: usize = 20;
/// The authenticator within the header.
const AUTHENTICATOR: std::ops::Range<usize> = 4..HEADER_OCTETS;
/// Octets of an authenticator, and of a Message-Authenticator's value.
const AUTHENTICATOR_OCTETS: usize = 16;

/// HMAC-MD5 of RFC 3579 section 3.2.
fn message_authenticator(secret: &[u8], octets: &[u8]) -> [u8; AUTHENTICATOR_OCTETS] {
    // HMAC takes keys of any length.
    let mut mac = <Hmac<Md5> as KeyInit>::new_from_slice(secret).expect("any key length");
    mac.update(octets);
    mac.finalize().into_bytes().into()
}
