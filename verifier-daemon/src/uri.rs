//! `otpauth://` URIs: how a new seed reaches the owner's app.

use std::fmt::Write;

use data_encoding::BASE32_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sekisho_verifier::otp::Seed;
use sekisho_verifier::token::{Factor, Shape};
use sekisho_verifier_socket::Secret;
use zeroize::Zeroizing;

/// A URI is shorter: a serial, a seed of 128 octets, and a few words.
const URI_OCTETS_MAX: usize = 1 << 10;
/// What apps show above the code, before the serial.
const ISSUER: &str = "Sekisho";

/// The URI of a token (the key URI format that authenticator apps read). Holds the seed.
pub(crate) fn of(serial: &str, seed: &Seed, shape: Shape) -> Secret {
    let label = utf8_percent_encode(serial, NON_ALPHANUMERIC);
    let secret = Zeroizing::new(BASE32_NOPAD.encode(seed.expose()));
    let algorithm = shape.algorithm.name().to_ascii_uppercase();
    let digits = shape.digits.value();
    let (kind, moving) = match shape.factor {
        Factor::Totp { period } => ("totp", format!("period={}", period.seconds())),
        Factor::Hotp { first } => ("hotp", format!("counter={first}")),
    };
    // Room for all of it, so that it is never moved and left behind.
    let mut uri = String::with_capacity(URI_OCTETS_MAX);
    // A String takes everything.
    let _ = write!(
        uri,
        "otpauth://{kind}/{ISSUER}:{label}?secret={}&issuer={ISSUER}\
         &algorithm={algorithm}&digits={digits}&{moving}",
        *secret
    );
    Secret::new(uri.into_bytes())
}
