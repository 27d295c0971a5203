//! `otpauth://` URIs, as authenticator apps read them from QR codes.
//!
//! `otpauth://TYPE/LABEL?secret=…&PARAMETERS`: TYPE is `totp` or `hotp`; LABEL is `ISSUER:SERIAL`
//! or `SERIAL`; a parameter `serial` wins over the label. Known parameters: `secret` (base32 of
//! RFC 4648, any case, padding optional), `algorithm`, `digits`, `period` (totp), `counter` (hotp,
//! required), `issuer` and `image` (both ignored).

use std::borrow::Cow;

use data_encoding::BASE32_NOPAD;
use percent_encoding::percent_decode_str;
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::ImportRow;
use zeroize::{Zeroize, Zeroizing};

use super::shape::{self, Written};
use crate::text;

const SCHEME: &str = "otpauth://";
/// Padding of base32 fills a group of eight.
const PADDING_MAX: usize = 6;

/// Whether a line is meant to be such a URI.
pub(super) fn is_uri(text: &str) -> bool {
    text.get(..SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

pub(super) fn row(line: u64, text: &str) -> Result<ImportRow, String> {
    if !is_uri(text) {
        return Err(text!("import-no-uri"));
    }
    let rest = text[SCHEME.len()..].trim_ascii_end();
    let (path, query) = rest
        .split_once('?')
        .ok_or_else(|| text!("import-no-parameters"))?;
    let (kind, label) = path
        .split_once('/')
        .ok_or_else(|| text!("import-no-label"))?;
    if query.contains('#') {
        return Err(text!("import-fragment"));
    }
    let parameters = Parameters::read(query)?;
    let counter = match kind.to_ascii_lowercase().as_str() {
        "totp" if parameters.counter.is_some() => return Err(text!("import-totp-counter")),
        "totp" => None,
        "hotp" if parameters.period.is_some() => return Err(text!("import-hotp-period")),
        "hotp" => {
            let counter = parameters.counter.as_deref();
            Some(counter.ok_or_else(|| text!("import-no-counter"))?)
        }
        _ => return Err(text!("import-type")),
    };
    let written = Written {
        algorithm: parameters.algorithm.as_deref(),
        digits: parameters.digits.as_deref(),
        period: parameters.period.as_deref(),
        counter,
    };
    let secret = parameters.secret.as_deref().map(String::as_str);
    Ok(ImportRow {
        line,
        account: None,
        serial: match &parameters.serial {
            Some(serial) => shape::serial(serial)?,
            None => serial_of(label)?,
        },
        seed: seed(secret.ok_or_else(|| text!("import-no-secret"))?)?,
        shape: written.shape()?,
    })
}

/// The part of the label behind its last colon; apps put a blank there.
fn serial_of(label: &str) -> Result<String, String> {
    let decoded = percent_decode_str(label)
        .decode_utf8()
        .map_err(|_| text!("import-label-utf8"))?;
    let behind = decoded.rsplit(':').next().unwrap_or(&decoded);
    shape::serial(behind.trim_start_matches(' '))
}

fn seed(text: &str) -> Result<Secret, String> {
    let wrong = || text!("import-base32");
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if padding > PADDING_MAX || (padding > 0 && !text.len().is_multiple_of(8)) {
        return Err(wrong());
    }
    let folded = Zeroizing::new(bare.to_ascii_uppercase());
    let mut octets = BASE32_NOPAD
        .decode(folded.as_bytes())
        .map_err(|_| wrong())?;
    if let Err(message) = shape::check_seed(octets.len()) {
        octets.zeroize();
        return Err(message);
    }
    Ok(Secret::new(octets))
}

/// The parameters, each at most once.
#[derive(Default)]
struct Parameters<'a> {
    secret: Option<Zeroizing<String>>,
    serial: Option<Cow<'a, str>>,
    algorithm: Option<Cow<'a, str>>,
    digits: Option<Cow<'a, str>>,
    period: Option<Cow<'a, str>>,
    counter: Option<Cow<'a, str>>,
    issuer: Option<Cow<'a, str>>,
    image: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, String> {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "secret" {
                let secret = Zeroizing::new(value.into_owned());
                if found.secret.replace(secret).is_some() {
                    return Err(text!("import-second-secret"));
                }
                continue;
            }
            let place = found
                .place(&name)
                .ok_or_else(|| text!("import-parameter"))?;
            if place.replace(value).is_some() {
                return Err(text!("import-parameter-twice"));
            }
        }
        Ok(found)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            "serial" => &mut self.serial,
            "algorithm" => &mut self.algorithm,
            "digits" => &mut self.digits,
            "period" => &mut self.period,
            "counter" => &mut self.counter,
            "issuer" => &mut self.issuer,
            "image" => &mut self.image,
            _ => return None,
        })
    }
}
