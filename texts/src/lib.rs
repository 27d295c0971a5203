//! What Sekisho says to people, in English and Japanese.
//!
//! The texts are Fluent files in `locales`, compiled in: a program that can not say why it refuses
//! because a file is missing helps nobody. Nothing here looks at the host's locale.
//!
//! ```
//! use sekisho_texts::{Texts, say};
//! use sekisho_verifier_socket::Language;
//!
//! let texts = Texts::of(Language::Japanese);
//! assert_eq!(say!(texts, "word-yes"), "はい");
//! assert_eq!(say!(texts, "sessions-counted", count = 1), "1件のセッション");
//! ```

use std::sync::LazyLock;

/// What is put into a text: a string, or a number that can choose a plural.
pub use fluent_bundle::FluentValue as Value;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use sekisho_verifier_socket::Language;

mod files;

/// All texts of one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Texts").field(&self.language).finish()
    }
}

impl Texts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::English));
        static JAPANESE: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::Japanese));
        match language {
            Language::English => &ENGLISH,
            Language::Japanese => &JAPANESE,
        }
    }

    fn read(language: Language) -> Self {
        let tag = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Marks around what is put in would be visible in logs and break comparisons.
        bundle.set_use_isolating(false);
        for (_, text) in files::of(language) {
            // What can not be read is left out; a test holds that there is nothing.
            let resource = match FluentResource::try_new((*text).to_owned()) {
                Ok(resource) | Err((resource, _)) => resource,
            };
            let _ = bundle.add_resource(resource);
        }
        Self { language, bundle }
    }

    /// Their language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// A text with what belongs into it; its id if there is none. See [`say!`].
    pub fn get(&self, id: &str, values: &[(&str, Value<'_>)]) -> String {
        self.find(id, values).unwrap_or_else(|| {
            debug_assert!(false, "no text {id}");
            id.to_owned()
        })
    }

    /// A text if there is one.
    pub fn find(&self, id: &str, values: &[(&str, Value<'_>)]) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut arguments = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            arguments.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(&arguments), &mut errors);
        debug_assert!(errors.is_empty(), "{id}: {errors:?}");
        Some(text.into_owned())
    }

    /// What people call a word of the protocol: `("state", "in-stock")` is the text
    /// `state-in-stock`. A word that has none stays as it is: the other side may be newer.
    pub fn word(&self, kind: &str, word: &str) -> String {
        self.find(&format!("{kind}-{word}"), &[])
            .unwrap_or_else(|| word.to_owned())
    }
}

/// `say!(texts, "id", name = value, ...)`: a text with what belongs into it.
#[macro_export]
macro_rules! say {
    ($texts:expr, $id:expr $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::Texts::get(
            $texts,
            $id,
            &[$((stringify!($name), $crate::Value::from($value))),*],
        )
    };
}
