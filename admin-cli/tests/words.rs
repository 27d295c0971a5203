//! Every word of the core that a screen shows has a text in each language.

use std::collections::BTreeSet;

use sekisho_texts::Texts;
use sekisho_verifier::event::Reason;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier_socket::Language;

const EVENTS: &str = include_str!("../../verifier/src/event.rs");

/// The words that `name` of a type gives, read from its source: not every type lists its values.
fn words_of(name: &str) -> BTreeSet<&'static str> {
    let (_, behind) = EVENTS
        .split_once(&format!("\nimpl {name} {{"))
        .expect("the type");
    let (body, _) = behind.split_once("\n}").expect("an end");
    let (_, body) = body.split_once("pub const fn name(self)").expect("names");
    let words = body.lines().filter_map(|line| line.split_once("=> \""));
    let words = words.filter_map(|(_, rest)| rest.split('"').next());
    words.collect()
}

#[test]
fn every_word_of_the_core_has_a_text() {
    let mut wanted: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (kind, of) in [
        ("operation", "OperationKind"),
        ("operation", "SessionChange"),
        ("channel", "Channel"),
    ] {
        let words = words_of(of);
        assert!(words.len() >= 4, "{of}: {words:?}");
        wanted.extend(words.into_iter().map(|word| (kind, word)));
    }
    wanted.extend(Reason::ALL.map(|reason| ("reason", reason.name())));
    wanted.extend(TokenState::ALL.map(|state| ("state", state.name())));
    wanted.extend(
        [
            "accept",
            "reject",
            "answered-again",
            "not-asked",
            "done",
            "refused",
        ]
        .map(|word| ("outcome", word)),
    );
    for language in Language::ALL {
        let texts = Texts::of(language);
        for (kind, word) in &wanted {
            let found = texts.find(&format!("{kind}-{word}"), &[]);
            assert!(found.is_some(), "{}: {kind}-{word}", language.tag());
        }
    }
}
