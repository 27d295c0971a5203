//! What both formats have in common: serial, seed, algorithm, digits, period, counter.

use sekisho_verifier_socket::admin::NewToken;

use crate::text;

/// The longest serial.
const SERIAL_OCTETS_MAX: usize = 32;
/// The longest account name.
const ACCOUNT_OCTETS_MAX: usize = 256;
/// The longest seed: a block of SHA-512.
const SEED_OCTETS_MAX: usize = 128;
/// The numbers that the verifier knows.
const DIGITS: std::ops::RangeInclusive<u64> = 6..=8;
const PERIOD: std::ops::RangeInclusive<u64> = 15..=120;

pub(super) fn serial(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if text.is_empty() {
        return Err(text!("import-no-serial"));
    }
    if text.len() > SERIAL_OCTETS_MAX || !printable {
        return Err(text!("import-serial", max = SERIAL_OCTETS_MAX));
    }
    Ok(text.to_owned())
}

/// An empty account leaves the token in stock.
pub(super) fn account(text: &str) -> Result<Option<String>, String> {
    if text.len() > ACCOUNT_OCTETS_MAX {
        return Err(text!("import-account-long", max = ACCOUNT_OCTETS_MAX));
    }
    Ok(Some(text.to_owned()).filter(|name| !name.is_empty()))
}

pub(super) fn check_seed(length: usize) -> Result<(), String> {
    match length {
        0 => Err(text!("import-no-seed")),
        1..=SEED_OCTETS_MAX => Ok(()),
        _ => Err(text!("import-seed-long", max = SEED_OCTETS_MAX)),
    }
}

/// The rest of a token as it was written; `None` is the default.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    pub(super) algorithm: Option<&'a str>,
    pub(super) digits: Option<&'a str>,
    pub(super) period: Option<&'a str>,
    pub(super) counter: Option<&'a str>,
}

impl Written<'_> {
    pub(super) fn shape(&self) -> Result<NewToken, String> {
        if self.period.is_some() && self.counter.is_some() {
            return Err(text!("import-both"));
        }
        let digits = number("digits", self.digits, DIGITS)?;
        let period = number("period", self.period, PERIOD)?;
        Ok(NewToken {
            serial: None,
            algorithm: self.algorithm.map(algorithm).transpose()?,
            // Both lie in the ranges above, which fit.
            digits: digits.map(|digits| digits as u8),
            period: period.map(|period| period as u32),
            counter: number("counter", self.counter, 0..=u64::MAX)?,
            note: None,
        })
    }
}

fn algorithm(text: &str) -> Result<String, String> {
    let folded = text.to_ascii_lowercase();
    if ["sha1", "sha256", "sha512"].contains(&folded.as_str()) {
        return Ok(folded);
    }
    Err(text!("import-algorithm"))
}

fn number(
    name: &str,
    text: Option<&str>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, String> {
    let Some(text) = text else { return Ok(None) };
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && range.contains(number))
        .map(Some)
        .ok_or_else(|| {
            let (low, high) = range.into_inner();
            let (low, high) = (low.to_string(), high.to_string());
            text!("import-number", name = name, low = low, high = high)
        })
}
