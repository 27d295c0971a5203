//! Any template is refused or read, and whatever an account is called, what it gives are
//! well-formed attributes that fit into one packet.
//!
//! The lines of the input: attribute, value, a pattern, and then names of groups.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::Secret;
use sekisho_radius_protocol::dictionary::Dictionary;
use sekisho_radius_protocol::mppe::Salt;
use sekisho_radius_protocol::template::{Cover, OCTETS_MAX, Profile, Template, Templates};

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(Dictionary::built_in);

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let (Some(attribute), Some(value)) = (lines.next(), lines.next()) else {
        return;
    };
    let patterns: Vec<&str> = lines.next().into_iter().filter(|p| !p.is_empty()).collect();
    let groups: Vec<String> = lines.map(str::to_owned).collect();
    let Ok(template) = Template::new(attribute, value, &patterns, &DICTIONARY) else {
        return;
    };
    let Ok(templates) = Templates::new(vec![template.clone(), template]) else {
        return;
    };
    let secret = Secret::new(*b"a shared secret of 32 octets....").expect("not empty");
    let profile = Profile {
        account: groups.first().map_or("hanako", String::as_str),
        groups: &groups,
        attributes: &[("a".to_owned(), value.to_owned())],
    };
    let cover = Cover {
        secret: &secret,
        request: &[0x5a; 16],
        salt: Salt::for_templates([1, 2]),
    };
    let expanded = templates.expand(&profile, cover);
    assert!(expanded.octets.len() <= OCTETS_MAX);
    let mut rest = expanded.octets.as_slice();
    while let &[_, length, ..] = rest {
        assert!(length > 2, "an attribute without a value");
        rest = &rest[usize::from(length)..];
    }
    assert!(rest.is_empty());
});
