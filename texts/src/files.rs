//! The files, one for each area and language.

use sekisho_verifier_socket::Language;

/// Names and texts of the files of a language.
pub(crate) const fn of(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::English => ENGLISH,
        Language::Japanese => JAPANESE,
    }
}

/// The same names for both: a file that one of them lacks does not compile.
macro_rules! files {
    ($($name:literal)+) => {
        const ENGLISH: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../locales/en/", $name)))),+
        ];
        const JAPANESE: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../locales/ja/", $name)))),+
        ];
    };
}

files! {
    "approval.ftl"
    "cli.ftl"
    "client.ftl"
    "codes.ftl"
    "daemon.ftl"
    "doctor.ftl"
    "errors.ftl"
    "explain.ftl"
    "help.ftl"
    "policy.ftl"
    "radius.ftl"
    "receipt.ftl"
    "refusals.ftl"
    "self.ftl"
    "usage.ftl"
    "words.ftl"
}
