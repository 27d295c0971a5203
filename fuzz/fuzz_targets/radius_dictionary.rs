//! Any text is read as a dictionary, or refused with a line that it has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::dictionary::{Dictionary, Source};

fuzz_target!(|text: &str| {
    let mut dictionary = Dictionary::new();
    // Each file includes what stands in the text, so includes include themselves.
    let mut include = |name: &str, _: &str| match name.len() % 2 {
        0 => Ok(Source {
            name: name.to_owned(),
            text: text.to_owned(),
        }),
        _ => Err("no such file".to_owned()),
    };
    if let Err(error) = dictionary.read("d", text, &mut include) {
        assert!(error.line <= text.lines().count());
        let _ = error.to_string();
    }
    for definition in dictionary.attributes() {
        assert!(dictionary.by_number(definition.number).is_some());
    }
});
