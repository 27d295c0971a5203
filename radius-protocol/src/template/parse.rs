//! Reading what the operator has written.

use super::{Piece, TAG_MAX, TemplateError};
use crate::attribute::{AttributeType, microsoft};
use crate::dictionary::{DataType, Definition, Dictionary, Hiding, Number, VendorFormat};

/// What the operator means by `attribute`, and by a tag behind it.
pub(super) fn definition(
    attribute: &str,
    dictionary: &Dictionary,
) -> Result<(Definition, Option<u8>), TemplateError> {
    if let Some(definition) = dictionary.attribute(attribute) {
        return Ok((definition.clone(), None));
    }
    if let Some(number) = by_number(attribute)? {
        let definition = match dictionary.by_number(number) {
            Some(known) => known.clone(),
            None => unnamed(attribute, number),
        };
        return Ok((definition, None));
    }
    let unknown = || TemplateError::UnknownAttribute(attribute.to_owned());
    let (name, tag) = attribute.rsplit_once(':').ok_or_else(unknown)?;
    let definition = dictionary.attribute(name).ok_or_else(unknown)?;
    match tag.parse() {
        Ok(number @ 1..=TAG_MAX) if definition.has_tag => Ok((definition.clone(), Some(number))),
        _ => Err(TemplateError::Tag(tag.to_owned())),
    }
}

/// `25`, `26.12356.1`, `Vendor-Specific:12356:1`, and the same behind `Attr-`; nothing if it does
/// not look like any of them.
fn by_number(attribute: &str) -> Result<Option<Number>, TemplateError> {
    let wrong = || TemplateError::Number(attribute.to_owned());
    let lower = attribute.to_ascii_lowercase();
    let lower = lower.strip_prefix("attr-").unwrap_or(&lower);
    let parts: Vec<&str> = lower.split(['.', ':']).collect();
    let is_vendor = matches!(parts[0], "26" | "vendor-specific");
    if !is_vendor && !parts[0].bytes().all(|octet| octet.is_ascii_digit()) {
        return Ok(None);
    }
    let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
    match parts.as_slice() {
        [_, vendor, kind] if is_vendor => Ok(Some(Number::Vendor {
            vendor: number(vendor)?,
            kind: number(kind)?,
        })),
        [kind] if !is_vendor => match u8::try_from(number(kind)?) {
            Ok(kind @ 1..) => Ok(Some(Number::Standard(kind))),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// An attribute that no dictionary knows: its value is octets, written as text or as `0x…`.
fn unnamed(attribute: &str, number: Number) -> Definition {
    Definition {
        name: attribute.to_owned(),
        number,
        data_type: DataType::Octets,
        has_tag: false,
        hiding: Hiding::None,
    }
}

/// Refuses what only the protocol itself may set: it would forge a proof, or a key, or answer for
/// a proxy.
pub(super) fn check(definition: &Definition) -> Result<(), TemplateError> {
    let is_forbidden = match definition.number {
        Number::Standard(kind) => matches!(
            AttributeType(kind),
            AttributeType::USER_PASSWORD
                | AttributeType::CHAP_PASSWORD
                | AttributeType::STATE
                | AttributeType::PROXY_STATE
                | AttributeType::CHAP_CHALLENGE
                | AttributeType::ARAP_PASSWORD
                | AttributeType::EAP_MESSAGE
                | AttributeType::MESSAGE_AUTHENTICATOR
                | AttributeType::VENDOR_SPECIFIC
        ),
        Number::Vendor { vendor, kind } => {
            vendor == microsoft::VENDOR_ID && !matches!(kind, 7 | 8 | 10 | 28..=31 | 34..)
        }
    };
    if is_forbidden || definition.hiding == Hiding::Other {
        return Err(TemplateError::Forbidden(definition.name.clone()));
    }
    let is_extended = matches!(definition.number, Number::Standard(241..=246));
    if is_extended || matches!(definition.data_type, DataType::Other(_)) {
        return Err(TemplateError::Type {
            name: definition.name.clone(),
            data_type: match is_extended {
                true => DataType::Other("extended".to_owned()),
                false => definition.data_type.clone(),
            },
        });
    }
    Ok(())
}

/// The format of a vendor, if it can be written and has room for the number.
pub(super) fn format(
    dictionary: &Dictionary,
    vendor: u32,
    kind: u32,
    name: &str,
) -> Result<VendorFormat, TemplateError> {
    let format = dictionary.format(vendor);
    let is_small = u64::from(kind) < 1 << (8 * u32::from(format.kind_octets));
    if format.continues || !is_small {
        return Err(TemplateError::Format(name.to_owned()));
    }
    Ok(format)
}

/// Integers and hidden values always have an octet for the tag; other texts have one only with a
/// tag, since without it peers take their first octet for text anyway (RFC 2868 section 3.3).
pub(super) fn default_tag(definition: &Definition) -> Option<u8> {
    let has_octet =
        definition.hiding == Hiding::Salted || matches!(definition.data_type, DataType::Integer(_));
    (definition.has_tag && has_octet).then_some(0)
}

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        literal.push_str(before);
        if let Some(behind) = after.strip_prefix('{') {
            literal.push('{');
            rest = behind;
            continue;
        }
        let (variable, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(self::variable(variable)?);
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn variable(text: &str) -> Result<Piece, TemplateError> {
    match (text, text.strip_prefix("attribute:")) {
        ("account", _) => Ok(Piece::Account),
        ("group", _) => Ok(Piece::Group),
        (_, Some(name)) if !name.is_empty() => Ok(Piece::Attribute(name.to_owned())),
        _ => Err(TemplateError::Variable(text.to_owned())),
    }
}
