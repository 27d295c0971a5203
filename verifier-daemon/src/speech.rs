//! In which language an answer is: that of the request that is answered now.

use sekisho_texts::Texts;
use sekisho_verifier_socket::Language;

tokio::task_local! {
    static LANGUAGE: Language;
}

/// Answers a request in its language, wherever the text comes from.
pub(crate) async fn in_language<F: Future>(language: Language, answer: F) -> F::Output {
    LANGUAGE.scope(language, answer).await
}

/// The texts of that language; English where nobody asked, as for the log.
pub(crate) fn texts() -> &'static Texts {
    Texts::of(LANGUAGE.try_with(|language| *language).unwrap_or_default())
}

/// `text!(id, name = value, ...)`: a text in the language of the request that is answered now.
macro_rules! text {
    ($id:expr $(, $name:ident = $value:expr)* $(,)?) => {
        ::sekisho_texts::say!($crate::speech::texts(), $id $(, $name = $value)*)
    };
}

pub(crate) use text;
