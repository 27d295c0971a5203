//! Tokens as their owners have them: a serial, and codes.

use sekisho_verifier::otp::{Algorithm, Digits, Generator, Seed};

/// Seconds of a step.
pub const PERIOD: u64 = 30;
/// How many steps around now a wrong code must not fit.
const FAR: u64 = 30;

/// A token and who has it.
#[derive(Debug)]
pub struct Token {
    /// Who has it.
    pub account: String,
    /// What is written on it.
    pub serial: String,
    seed: Vec<u8>,
    generator: Generator,
}

impl Token {
    /// The token `serial` of `account`; its seed follows from the serial.
    pub fn new(account: &str, serial: &str) -> Self {
        let seed = format!("{serial:->20}").into_bytes();
        Self::with_seed(account, serial, seed, Algorithm::Sha1, 6)
    }

    /// A token of any kind.
    pub fn with_seed(
        account: &str,
        serial: &str,
        seed: Vec<u8>,
        algorithm: Algorithm,
        digits: u8,
    ) -> Self {
        let secret = Seed::new(seed.clone()).expect("16 to 128 octets");
        let digits = Digits::new(digits).expect("6 to 8 digits");
        Self {
            account: account.to_owned(),
            serial: serial.to_owned(),
            seed,
            generator: Generator::new(&secret, algorithm, digits),
        }
    }

    /// The token that an `otpauth://` URI describes.
    pub fn from_uri(account: &str, serial: &str, uri: &str) -> Self {
        let (_, query) = uri.split_once('?').expect("an otpauth URI has a query");
        let secret = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("secret="))
            .expect("an otpauth URI has a secret");
        Self::with_seed(account, serial, base32(secret), Algorithm::Sha1, 6)
    }

    /// A line of an import file, for [`CSV_HEADER`].
    pub fn csv_line(&self) -> String {
        format!("{},{},{}\n", self.account, self.serial, hex(&self.seed))
    }

    /// The seed, as hexadecimal digits.
    pub fn seed_hex(&self) -> String {
        hex(&self.seed)
    }

    /// The code of a moving factor.
    pub fn code(&self, factor: u64) -> String {
        self.generator.code(factor).to_string()
    }

    /// What it shows at `seconds`, or `offset` steps from there.
    pub fn shows(&self, seconds: u64, offset: i64) -> String {
        self.code((seconds / PERIOD).saturating_add_signed(offset))
    }

    /// The `nth` code that is wrong at `seconds`, and for a quarter of an hour around it.
    pub fn wrong(&self, seconds: u64, nth: usize) -> String {
        let now = seconds / PERIOD;
        let right: Vec<String> = (now.saturating_sub(FAR)..=now + FAR)
            .map(|step| self.code(step))
            .collect();
        (0..1_000_000)
            .map(|number| format!("{number:06}"))
            .filter(|code| !right.contains(code))
            .nth(nth)
            .expect("nearly all codes are wrong")
    }
}

/// The header of the import files that [`Token::csv_line`] fits.
pub const CSV_HEADER: &str = "account,serial,secret_hex\n";

/// Octets as hexadecimal digits.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// RFC 4648 section 6, without padding.
fn base32(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let (mut bits, mut held) = (0u64, 0);
    for character in text.bytes().filter(|&b| b != b'=') {
        let value = match character.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            other => panic!("{other:#x} is not in base 32"),
        };
        bits = bits << 5 | u64::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648_section_10() {
        for (text, clear) in [
            ("", ""),
            ("MY", "f"),
            ("MZXQ", "fo"),
            ("MZXW6", "foo"),
            ("MZXW6YTBOI", "foobar"),
        ] {
            assert_eq!(base32(text), clear.as_bytes());
        }
    }
}
