//! What texts may hold that come into packets or stand for names.

/// The longest value of an attribute (RFC 2865 section 5).
const VALUE_OCTETS_MAX: usize = 253;
/// The longest name of an attribute of accounts and groups; as in the verifier.
const ATTRIBUTE_OCTETS_MAX: usize = 32;
/// The longest name of an attribute of the dictionary.
const NAME_OCTETS_MAX: usize = 64;
/// The longest template.
const TEMPLATE_OCTETS_MAX: usize = 1_024;

/// A text that fits into one attribute.
pub(super) fn is_reply_text(text: &str) -> bool {
    (1..=VALUE_OCTETS_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The name of a group, or a pattern for some.
pub(super) fn is_group(text: &str) -> bool {
    is_reply_text(text)
}

/// The name of an attribute of accounts and groups.
pub(super) fn is_attribute_name(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=ATTRIBUTE_OCTETS_MAX).contains(&name.len()) && name.bytes().all(is_letter)
}

/// A name of the dictionary, or numbers as `26.12356.1`. Whether there is such a name only the
/// RADIUS server can say, which reads the dictionaries.
pub(super) fn is_reply_attribute(name: &str) -> bool {
    (1..=NAME_OCTETS_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b))
}

/// Why a template is not usable.
pub(super) fn template_fault(template: &str) -> Option<String> {
    if template.is_empty() || template.len() > TEMPLATE_OCTETS_MAX {
        return Some(format!("has not 1 to {TEMPLATE_OCTETS_MAX} octets"));
    }
    if template.chars().any(char::is_control) {
        return Some("holds a control character".into());
    }
    let mut rest = template;
    while let Some((_, behind)) = rest.split_once('{') {
        // Two of them are one.
        if let Some(behind) = behind.strip_prefix('{') {
            rest = behind;
            continue;
        }
        let Some((variable, behind)) = behind.split_once('}') else {
            return Some("holds a brace without an end; write {{ for a brace".into());
        };
        if !is_variable(variable) {
            return Some(format!("holds `{{{variable}}}`, which is no variable"));
        }
        rest = behind;
    }
    None
}

fn is_variable(name: &str) -> bool {
    match name.strip_prefix("attribute:") {
        Some(attribute) => is_attribute_name(attribute),
        None => matches!(name, "account" | "group"),
    }
}
