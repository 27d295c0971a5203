//! The texts and the guide against the table of findings.

use sekisho_texts::Texts;
use sekisho_verifier_socket::Language;

use super::finding::Kind;

#[test]
fn every_finding_has_its_texts_in_every_language() {
    let mut ids = Vec::new();
    for kind in Kind::ALL {
        for language in Language::ALL {
            let texts = Texts::of(language);
            let id = format!("doctor-{}", kind.id());
            // What belongs into it is not known here: every name that any of them uses.
            let names = [
                "place", "line", "services", "service", "what", "option", "socket", "settings",
                "module", "owner", "mode", "setting", "methods", "error", "user", "ms", "records",
                "free", "warning", "accounts", "client", "octets", "advised", "other", "value",
                "requests", "group", "until",
            ];
            let values = names.map(|name| (name, "x".into()));
            assert!(texts.find(&id, &values).is_some(), "{id}");
            assert!(texts.find(&format!("{id}-why"), &[]).is_some(), "{id}-why");
        }
        assert!(!ids.contains(&kind.id()), "{} is there twice", kind.id());
        ids.push(kind.id());
    }
}

#[test]
fn the_guide_has_every_finding_and_says_why_it_matters() {
    let guide = include_str!("../../../docs/guide/doctor.md");
    let texts = Texts::of(Language::English);
    for kind in Kind::ALL {
        let why = texts.get(&format!("doctor-{}-why", kind.id()), &[]);
        let row = format!("| `{}` | {why} |\n", kind.id());
        assert!(guide.contains(&row), "{row}");
    }
}
