//! The manual page and the settings file of a new installation name every key that there is.

use std::fs;
use std::path::Path;

use sekisho_settings::Settings;

/// A table, and what the manual calls it.
const TABLES: [(&str, &str); 21] = [
    ("[verifier]", "[verifier]"),
    ("[master-key]", "[master-key]"),
    ("[master-key.pkcs11]", "[master-key.pkcs11]"),
    ("[acceptance]", "[acceptance]"),
    ("[limits]", "[limits]"),
    ("[pam]", "[pam]"),
    ("[pam.service.sshd]", "[pam.service.NAME]"),
    ("[[pam.service.sshd.rule]]", "[[pam.service.NAME.rule]]"),
    ("[radius]", "[radius]"),
    ("[radius.ldap]", "[radius.ldap]"),
    ("[radius.pam]", "[radius.pam]"),
    ("[[radius.client]]", "[[radius.client]]"),
    (
        "[[radius.client]]\n[[radius.client.rule]]",
        "[[radius.client.rule]]",
    ),
    (
        "[[radius.client]]\n[[radius.client.reply]]",
        "[[radius.client.reply]]",
    ),
    (
        "[[radius.client]]\n[radius.client.disconnect]",
        "[radius.client.disconnect]",
    ),
    ("[audit]", "[audit]"),
    ("[backup]", "[backup]"),
    ("[approval]", "[approval]"),
    ("[language]", "[language]"),
    ("[log]", "[log]"),
    ("[radius.group.NAME]", "[radius.group.NAME]"),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The keys of a table, as the refusal of another one lists them.
fn keys(table: &str) -> Vec<String> {
    let text = format!("{table}\nno-such-key = 1\n");
    let refused = Settings::parse(Path::new("s.toml"), &text).expect_err(table);
    let refused = refused.to_string();
    let known = refused
        .split_once("expected ")
        .map_or("", |(_, known)| known);
    let first = known.lines().next().unwrap_or_default();
    first
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// What stands under the heading of a table in the manual.
fn section<'a>(manual: &'a str, heading: &str) -> &'a str {
    let heading = format!(".Ss {heading}\n");
    let (_, rest) = manual
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no {heading}"));
    let end = rest.find("\n.Ss ").or(rest.find("\n.Sh "));
    &rest[..end.unwrap_or(rest.len())]
}

#[test]
fn every_key_is_in_the_manual_and_in_the_template() {
    let manual = read("../docs/man/sekisho.toml.5");
    let template = read("../admin-cli/src/commands/init/sekisho.toml");
    let mut count = 0;
    for (table, heading) in TABLES {
        let section = section(&manual, heading);
        for key in keys(table) {
            let listed = section.lines().any(|line| {
                let mut words = line.split(' ');
                words.next() == Some(".It")
                    && words.next() == Some("Ic")
                    && words.next() == Some(&key)
            });
            // A table of its own has a heading of its own.
            let headed = TABLES.iter().any(|(_, other)| {
                let inner = other.trim_matches(['[', ']']);
                let inner = inner.trim_end_matches(".NAME");
                inner.ends_with(&format!(".{key}"))
            });
            assert!(
                listed || headed,
                "{key} of {heading} is not in sekisho.toml.5"
            );
            let in_template = template.contains(&key);
            assert!(in_template, "{key} of {heading} is not in the template");
            count += 1;
        }
    }
    assert!(count > 80, "only {count} keys");
}

#[test]
fn the_examples_of_the_guide_can_be_loaded() {
    const CLIENT: &str = "[[radius.client]]\nname = \"a\"\naddress = [\"::1\"]\nsecret = \"x\"\n";
    const LDAP: &str = "[radius.ldap]\nservers = [\"ldaps://dc1\"]\nbase = \"dc=e\"\n\
                        bind-dn = \"cn=s\"\nbind-password = \"p\"\n";
    let mut count = 0;
    for page in ["radius", "passwords", "policy"] {
        let text = read(&format!("../docs/guide/{page}.md"));
        for piece in text.split("```toml\n").skip(1) {
            let (example, _) = piece.split_once("```").expect("an end");
            let before = match example.split_once(']') {
                Some(("[[radius.client.reply", _)) => CLIENT,
                Some(("[radius.ldap", _)) => "",
                _ => LDAP,
            };
            let whole = format!("{before}{example}");
            let settings = Settings::parse(Path::new("s.toml"), &whole);
            settings.unwrap_or_else(|error| panic!("{whole}\n{error}"));
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} examples");
}
