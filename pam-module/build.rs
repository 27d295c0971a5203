//! Makes Rust functions of the texts in `texts/locales/*/pam.ftl`.
//!
//! They are read here and not when a login runs, so that nothing of Fluent comes along into sshd,
//! and a text that lacks a variable or a language does not compile.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};
use fluent_syntax::parser;

/// Folder and variant of each language.
const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("ja", "Japanese")];
/// What the name of a question begins with. Fluent drops blanks at the end of a line, and a question
/// needs one there.
const QUESTION: &str = "prompt-";
/// The longest text in octets, without its variables: Linux-PAM's conversation takes 512 with its
/// end, and the variables are short.
const TEXT_OCTETS_MAX: usize = 300;

/// One text, in pieces.
type Text = Vec<Piece>;

enum Piece {
    Words(String),
    Variable(String),
}

fn main() {
    let texts = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../texts/locales");
    let languages = LANGUAGES.map(|(tag, _)| {
        let path = texts.join(tag).join("pam.ftl");
        println!("cargo::rerun-if-changed={}", path.display());
        read(&path)
    });
    let target = PathBuf::from(variable("OUT_DIR")).join("texts.rs");
    fs::write(&target, functions(&languages))
        .unwrap_or_else(|error| panic!("{}: {error}", target.display()));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The texts of one language by their names.
fn read(path: &Path) -> BTreeMap<String, Text> {
    let source =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let resource = parser::parse(source.as_str())
        .unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", path.display()));
    let mut texts = BTreeMap::new();
    for entry in resource.body {
        let message = match entry {
            Entry::Message(message) => message,
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
            entry => panic!("{}: not a message: {entry:?}", path.display()),
        };
        let name = message.id.name;
        let place = format!("{}: {name}", path.display());
        assert!(message.attributes.is_empty(), "{place} has attributes");
        let pattern = message.value.unwrap_or_else(|| panic!("{place} is empty"));
        let mut text: Text = pattern
            .elements
            .into_iter()
            .map(|element| piece(element, &place))
            .collect();
        if name.starts_with(QUESTION) {
            text.push(Piece::Words(" ".into()));
        }
        assert!(octets(&text) <= TEXT_OCTETS_MAX, "{place} is too long");
        let before = texts.insert(name.to_owned(), text);
        assert!(before.is_none(), "{place} is there twice");
    }
    texts
}

fn piece(element: PatternElement<&str>, place: &str) -> Piece {
    match element {
        PatternElement::TextElement { value } => {
            assert!(
                !value.contains(char::is_control),
                "{place} is more than a line"
            );
            Piece::Words(value.to_owned())
        }
        PatternElement::Placeable {
            expression: Expression::Inline(InlineExpression::VariableReference { id }),
        } => Piece::Variable(id.name.to_owned()),
        PatternElement::Placeable { expression } => {
            panic!("{place} is more than text and variables: {expression:?}")
        }
    }
}

fn octets(text: &Text) -> usize {
    text.iter()
        .map(|piece| match piece {
            Piece::Words(words) => words.len(),
            Piece::Variable(_) => 0,
        })
        .sum()
}

fn variables(text: &Text) -> Vec<&str> {
    let mut names: Vec<_> = text
        .iter()
        .filter_map(|piece| match piece {
            Piece::Words(_) => None,
            Piece::Variable(name) => Some(name.as_str()),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// One function for each text: the language and the variables in, by their names, in the order of
/// the alphabet.
fn functions(languages: &[BTreeMap<String, Text>; LANGUAGES.len()]) -> String {
    let mut code = String::new();
    let [first, others @ ..] = languages;
    for other in others {
        assert!(
            first.keys().eq(other.keys()),
            "not the same messages in all languages of pam.ftl: {:?}, {:?}",
            first.keys(),
            other.keys()
        );
    }
    for (name, text) in first {
        let wanted = variables(text);
        let mut arms = String::new();
        for ((tag, variant), texts) in LANGUAGES.iter().zip(languages) {
            let text = &texts[name];
            assert_eq!(wanted, variables(text), "variables of {name} in {tag}");
            let _ = writeln!(arms, "        Language::{variant} => {},", expression(text));
        }
        let arguments: String = wanted
            .iter()
            .map(|name| format!(", {name}: &str"))
            .collect();
        let _ = writeln!(
            code,
            "/// `{name}`.\npub fn {}(language: Language{arguments}) -> String {{\n    \
             match language {{\n{arms}    }}\n}}",
            name.replace('-', "_")
        );
    }
    code
}

fn expression(text: &Text) -> String {
    if let [Piece::Variable(name)] = &text[..] {
        return format!("{name}.to_owned()");
    }
    let mut words = String::new();
    for piece in text {
        match piece {
            Piece::Words(piece) => words += &piece.replace('{', "{{").replace('}', "}}"),
            Piece::Variable(name) => {
                let _ = write!(words, "{{{name}}}");
            }
        }
    }
    if variables(text).is_empty() {
        let words = words.replace("{{", "{").replace("}}", "}");
        return format!("{words:?}.to_owned()");
    }
    format!("format!({words:?})")
}
