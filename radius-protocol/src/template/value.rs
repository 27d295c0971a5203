//! From text to the octets of a type.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::IntErrorKind;

use thiserror::Error;

use crate::dictionary::{DataType, Dictionary};
use crate::framed::prefix_value;

/// Why a text is no value of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Nothing is left.
    #[error("the value is empty")]
    Empty,
    /// More than an attribute holds.
    #[error("the value is too long")]
    TooLong,
    /// Neither a number nor a name that the dictionary gives to one.
    #[error("neither a number nor a name of the dictionary")]
    Number,
    /// A number that the type does not hold.
    #[error("the number is too large")]
    TooLarge,
    /// Not an address of the type.
    #[error("not an address of this kind")]
    Address,
    /// Not an address, `/` and a length.
    #[error("not a prefix of this kind")]
    Prefix,
    /// Not hexadecimal digits in pairs behind `0x`.
    #[error("not hexadecimal digits in pairs")]
    Hexadecimal,
    /// Neither seconds since 1970 nor `2026-11-22T17:00:00Z`.
    #[error("neither seconds since 1970 nor a time like 2026-11-22T17:00:00Z")]
    Date,
    /// What an account or a group is called holds a control character.
    #[error("a control character in a name")]
    ControlCharacter,
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'d> {
    pub(super) data_type: &'d DataType,
    /// True if the text was written as `0x…` in the template itself. A name that happens to begin
    /// like that stays a name.
    pub(super) is_hexadecimal: bool,
}

/// The names of numbers, copied from the dictionary.
pub(super) type Names = std::collections::HashMap<String, u64>;

pub(super) fn encode(
    reading: Reading<'_>,
    names: &Names,
    text: &str,
) -> Result<Vec<u8>, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    match reading.data_type {
        DataType::Octets if reading.is_hexadecimal => hexadecimal(text),
        DataType::Text | DataType::Octets => Ok(text.as_bytes().to_vec()),
        DataType::Integer(octets) => integer(names, text, *octets),
        DataType::Signed => match text.parse::<i32>() {
            Ok(number) => Ok(number.to_be_bytes().to_vec()),
            Err(error) => Err(of_integer(error.kind())),
        },
        DataType::Date => date(text),
        DataType::Address => Ok(address::<Ipv4Addr>(text)?.octets().to_vec()),
        DataType::Ipv6Address => Ok(address::<Ipv6Addr>(text)?.octets().to_vec()),
        DataType::AnyAddress => Ok(match address(text)? {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }),
        DataType::Ipv4Prefix => ipv4_prefix(text),
        DataType::Ipv6Prefix => {
            let (prefix, bits) = prefix(text, 128)?;
            Ok(prefix_value(prefix, bits))
        }
        // A template of such a type is refused when it is parsed.
        DataType::Other(_) => Err(ValueError::Number),
    }
}

/// Copies the names that the values of an attribute have.
pub(super) fn names(dictionary: &Dictionary, attribute: &str) -> Names {
    dictionary.values(attribute).cloned().unwrap_or_default()
}

fn integer(names: &Names, text: &str, octets: u8) -> Result<Vec<u8>, ValueError> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = match (number, names.get(&text.to_ascii_lowercase())) {
        (_, Some(named)) => *named,
        (Ok(number), None) => number,
        (Err(error), None) => return Err(of_integer(error.kind())),
    };
    let whole = number.to_be_bytes();
    let (above, kept) = whole.split_at(whole.len() - usize::from(octets));
    if above.iter().any(|&octet| octet != 0) {
        return Err(ValueError::TooLarge);
    }
    Ok(kept.to_vec())
}

fn of_integer(kind: &IntErrorKind) -> ValueError {
    match kind {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => ValueError::TooLarge,
        _ => ValueError::Number,
    }
}

fn address<T: std::str::FromStr>(text: &str) -> Result<T, ValueError> {
    text.parse().map_err(|_| ValueError::Address)
}

fn prefix<T: std::str::FromStr>(text: &str, bits_max: u8) -> Result<(T, u8), ValueError> {
    let (prefix, bits) = text.split_once('/').ok_or(ValueError::Prefix)?;
    match (prefix.parse(), bits.parse()) {
        (Ok(prefix), Ok(bits)) if bits <= bits_max => Ok((prefix, bits)),
        _ => Err(ValueError::Prefix),
    }
}

fn ipv4_prefix(text: &str) -> Result<Vec<u8>, ValueError> {
    let (prefix, bits) = prefix::<Ipv4Addr>(text, 32)?;
    let behind = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
    let mut value = vec![0, bits];
    value.extend((u32::from(prefix) & !behind).to_be_bytes());
    Ok(value)
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, ValueError> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return Err(ValueError::Hexadecimal);
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| ValueError::Hexadecimal)?;
            // `from_str_radix` would also take a sign.
            let is_digits = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| is_digits)
                .ok_or(ValueError::Hexadecimal)
        })
        .collect()
}

fn date(text: &str) -> Result<Vec<u8>, ValueError> {
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => calendar(text).ok_or(ValueError::Date)?,
    };
    let seconds = u32::try_from(seconds).map_err(|_| ValueError::TooLarge)?;
    Ok(seconds.to_be_bytes().to_vec())
}

/// `2026-11-22T17:00:00Z` as seconds since 1970.
fn calendar(text: &str) -> Option<u64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let is_valid = (1970..=2106).contains(&year)
        && (1..=*months.get(month)?).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_valid {
        return None;
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let before_year = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let before_month: u64 = months.iter().take(month).sum();
    let days = before_year + before_month + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}
