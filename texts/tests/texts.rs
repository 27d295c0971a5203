//! The texts of both languages against each other, and against the sources that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use sekisho_texts::Texts;
use sekisho_verifier_socket::Language;

/// The crates that say something.
const SPEAKERS: [&str; 3] = ["admin-cli", "verifier-daemon", "radius-server"];
/// What ids begin with that are put together when the program runs. Tests of those who do that hold
/// that each is there: `Texts::word`, and the help of each command.
const PUT_TOGETHER: &[&str] = &[
    "approval-operation-",
    "approval-state-",
    "cause-",
    "channel-",
    "doctor-",
    "help-",
    "kind-",
    "operation-",
    "outcome-",
    "policy-outcome-",
    "reason-",
    "role-",
    "rows-",
    "source-",
    "state-",
];
/// So many words in a row are a sentence, if they are no command to type.
const SENTENCE_WORDS: usize = 4;
/// What commands begin with that people are told to type, and lines for files.
const COMMANDS: &[&str] = &[
    "sekisho",
    "systemctl",
    "journalctl",
    "chmod",
    "chown",
    "useradd",
    "install",
    "apt",
    "auth",
    "sudo",
    "UsePAM",
    "mkdir",
];

/// A message as it stands in a file: its variables and its words.
#[derive(Debug, Default)]
struct Message {
    variables: BTreeSet<String>,
    text: String,
}

fn messages(language: Language) -> BTreeMap<String, Message> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("locales")
        .join(language.tag());
    let mut all = BTreeMap::new();
    for path in files(&folder, "ftl") {
        // Of the PAM module, which reads it itself.
        if path.ends_with("pam.ftl") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let parsed = fluent_syntax::parser::parse(text.as_str());
        let resource =
            parsed.unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", path.display()));
        for entry in &resource.body {
            let Entry::Message(message) = entry else {
                continue;
            };
            let mut read = Message::default();
            let value = message.value.as_ref();
            walk(
                value.unwrap_or_else(|| panic!("{} is empty", message.id.name)),
                &mut read,
            );
            let before = all.insert(message.id.name.to_owned(), read);
            assert!(before.is_none(), "{} is there twice", message.id.name);
        }
    }
    all
}

fn walk(pattern: &Pattern<&str>, into: &mut Message) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => into.text.push_str(value),
            PatternElement::Placeable { expression } => {
                into.text.push('\u{25a1}');
                match expression {
                    Expression::Inline(inline) => walk_inline(inline, into),
                    Expression::Select { selector, variants } => {
                        walk_inline(selector, into);
                        for variant in variants {
                            walk(&variant.value, into);
                        }
                    }
                }
            }
        }
    }
}

fn walk_inline(inline: &InlineExpression<&str>, into: &mut Message) {
    match inline {
        InlineExpression::VariableReference { id } => {
            into.variables.insert(id.name.to_owned());
        }
        InlineExpression::StringLiteral { value } => into.text.push_str(value),
        other => panic!("not used here: {other:?}"),
    }
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The sources of who says something, tests left out.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = SPEAKERS.map(|name| root.join(name).join("src"));
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    paths
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source");
            (path, text)
        })
        .collect()
}

/// The ids that stand in `say!` and `text!` themselves.
fn said(source: &str) -> impl Iterator<Item = &str> {
    ["say!(", "text!("].into_iter().flat_map(move |call| {
        source.split(call).skip(1).filter_map(|rest| {
            let (before, behind) = rest.split_once('"')?;
            // Of another thing, chosen elsewhere.
            let direct = before
                .chars()
                .all(|c| c.is_alphanumeric() || " \n,_.&:()".contains(c));
            direct.then(|| behind.split('"').next()).flatten()
        })
    })
}

#[test]
fn both_languages_say_the_same_things_with_the_same_values() {
    let english = messages(Language::English);
    let japanese = messages(Language::Japanese);
    let mut wrong = Vec::new();
    for id in english.keys().chain(japanese.keys()) {
        match (english.get(id), japanese.get(id)) {
            (Some(english), Some(japanese))
                if without_foreign(english) == without_foreign(japanese) => {}
            // The English help stands at the commands themselves.
            (None, Some(_)) if id.starts_with("help-") => {}
            (english, japanese) => wrong.push(format!("{id}: {english:?} {japanese:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(english.len() > 50, "only {}", english.len());
}

/// What the system or a library says is English, and need not stand in the Japanese.
fn without_foreign(message: &Message) -> BTreeSet<&str> {
    let names = message.variables.iter().map(String::as_str);
    names.filter(|name| *name != "error").collect()
}

#[test]
fn every_id_that_is_said_exists() {
    let all = messages(Language::English);
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        for id in said(&source).filter(|id| !all.contains_key(*id)) {
            wrong.push(format!("{}: {id}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_text_is_unused() {
    let sources = sources();
    let unused: Vec<String> = messages(Language::English)
        .into_keys()
        .filter(|id| !PUT_TOGETHER.iter().any(|start| id.starts_with(start)))
        .filter(|id| {
            let literal = format!("\"{id}\"");
            !sources.iter().any(|(_, source)| source.contains(&literal))
        })
        .collect();
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}

#[test]
fn no_english_sentence_is_left_in_the_japanese_texts() {
    let mut wrong = Vec::new();
    for (id, message) in messages(Language::Japanese) {
        for line in message.text.lines() {
            let words: Vec<&str> = line.split([' ', '\u{25a1}']).collect();
            let is_word = |word: &&str| {
                word.chars().count() > 1
                    && word.chars().all(|c| c.is_ascii_alphabetic() || c == ',')
            };
            for (at, row) in words.windows(SENTENCE_WORDS).enumerate() {
                let before = &words[..=at];
                let command = before
                    .iter()
                    .any(|word| COMMANDS.iter().any(|command| word.ends_with(command)));
                if row.iter().all(is_word) && !command {
                    wrong.push(format!("{id}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_are_read_and_no_marks_stand_around_what_is_put_in() {
    for language in Language::ALL {
        let texts = Texts::of(language);
        assert_eq!(texts.language(), language);
        let text = texts.get("word-ms", &[("ms", "七".into())]);
        assert!(text.starts_with('七'), "{text:?}");
        for (id, message) in messages(language) {
            let values: Vec<_> = message
                .variables
                .iter()
                .map(|name| (name.as_str(), 1.into()))
                .collect();
            assert!(texts.find(&id, &values).is_some(), "{id}");
        }
    }
}

#[test]
fn words_that_nobody_knows_yet_stay_as_they_are() {
    let texts = Texts::of(Language::Japanese);
    assert_eq!(texts.word("operation", "lost"), "紛失");
    assert_eq!(
        texts.word("operation", "from-the-future"),
        "from-the-future"
    );
}
