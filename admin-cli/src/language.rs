//! The language of this run: one process speaks one.

use std::ffi::OsStr;
use std::sync::OnceLock;

use sekisho_texts::Texts;
use sekisho_verifier_socket::Language;

static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Speaks `language` from now on. To be called once, before anything is said.
pub fn speak(language: Language) {
    let _ = LANGUAGE.set(language);
}

/// The language of this run; English as long as none was chosen.
pub fn language() -> Language {
    LANGUAGE.get().copied().unwrap_or_default()
}

/// Its texts.
pub fn texts() -> &'static Texts {
    Texts::of(language())
}

/// What people call a word of the protocol: see [`Texts::word`].
pub fn word(kind: &str, word: &str) -> String {
    texts().word(kind, word)
}

/// `text!(id, name = value, ...)`: a text in the language of this run.
#[macro_export]
macro_rules! text {
    ($id:expr $(, $name:ident = $value:expr)* $(,)?) => {
        ::sekisho_texts::say!($crate::language::texts(), $id $(, $name = $value)*)
    };
}

/// The language that the caller's locale names, if it does. The first of `variables` that is not
/// empty counts: they are LC_ALL, LC_MESSAGES and LANG.
///
/// A locale that can not write Japanese, as that of a plain console, gets English; a locale that
/// says nothing of a language (`C.UTF-8`), or one that there are no texts in, leaves it open.
pub fn of_locale<'a>(variables: impl IntoIterator<Item = &'a OsStr>) -> Option<Language> {
    let mut variables = variables.into_iter();
    let locale = variables.find(|value| !value.is_empty())?.to_str()?;
    let (name, encoding) = match locale.split_once('.') {
        Some((name, rest)) => (name, Some(rest.split('@').next().unwrap_or(rest))),
        None => (locale, None),
    };
    let unicode = encoding.is_some_and(|encoding| {
        ["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str())
    });
    let language = name.split(['_', '-', '@']).next().unwrap_or(name);
    match language {
        "C" | "POSIX" if !unicode => Some(Language::English),
        "ja" if encoding.is_some() && !unicode => Some(Language::English),
        tag => Language::from_tag(tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_of_the_caller_names_the_language() {
        let of = |values: &[&str]| of_locale(values.iter().map(OsStr::new));
        let (english, japanese) = (Some(Language::English), Some(Language::Japanese));
        for (values, language) in [
            (["", "", "ja_JP.UTF-8"], japanese),
            (["", "ja_JP.utf8", "en_US.UTF-8"], japanese),
            (["en_GB.UTF-8", "ja_JP.UTF-8", ""], english),
            (["", "", "ja"], japanese),
            (["", "", "ja_JP"], japanese),
            (["", "", "ja_JP.eucJP"], english),
            (["C", "", "ja_JP.UTF-8"], english),
            (["POSIX", "", ""], english),
            (["", "", "C.UTF-8"], None),
            (["", "", "de_DE.UTF-8"], None),
            (["", "", ""], None),
            (["", "", "jam"], None),
        ] {
            assert_eq!(of(&values), language, "{values:?}");
        }
    }
}
