//! What people at the prompt read, in their language.
//!
//! Made of `texts/locales/*/pam.ftl` by `build.rs`: a function for each message. Nothing is asked of
//! the host's locale, which is the caller's to choose and for all threads of the host.

use sekisho_verifier_socket::{Language, Speech};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// The language of one call: what the account has chosen, else what the service file says, else what
/// the settings say, else English.
///
/// Before the verifier has answered, only the service file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    option: Option<Language>,
    /// In which to speak now.
    pub language: Language,
}

impl Speaker {
    /// With the option `lang`.
    pub fn new(option: Option<Language>) -> Self {
        Self {
            option,
            language: option.unwrap_or_default(),
        }
    }

    /// The verifier has told what the account and the settings say.
    pub fn hears(&mut self, speech: Speech) {
        self.language = speech.chosen.or(self.option).unwrap_or(speech.usual);
    }
}

/// "1 and 10": positions as the language counts them.
pub fn positions(language: Language, positions: &[u8]) -> String {
    let mut told = String::new();
    for (index, at) in positions.iter().enumerate() {
        let at = at.to_string();
        told = if index == 0 {
            position(language, &at)
        } else {
            positions_and(language, &at, &told)
        };
    }
    told
}

/// Whether the answer to [`prompt_choice`] is yes or no; either language is understood, for people do
/// not always answer in the one in which they were asked.
pub fn choice(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "yes" | "y" | "はい" => Some(true),
        "no" | "n" | "いいえ" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Japanese};

    #[test]
    fn account_goes_before_option_before_settings() {
        let said = |option, chosen, usual| {
            let mut speaker = Speaker::new(option);
            speaker.hears(Speech { chosen, usual });
            speaker.language
        };
        assert_eq!(said(None, None, English), English);
        assert_eq!(said(None, None, Japanese), Japanese);
        assert_eq!(said(Some(English), None, Japanese), English);
        assert_eq!(said(Some(Japanese), None, English), Japanese);
        assert_eq!(said(Some(Japanese), Some(English), Japanese), English);
        assert_eq!(said(None, Some(Japanese), English), Japanese);
        // Before anything was heard.
        assert_eq!(Speaker::new(None).language, English);
        assert_eq!(Speaker::new(Some(Japanese)).language, Japanese);
    }

    #[test]
    fn positions_are_counted_in_each_language() {
        assert_eq!(positions(English, &[1, 10]), "1 and 10");
        assert_eq!(positions(Japanese, &[1, 10]), "1桁目と10桁目");
        assert_eq!(positions(English, &[3]), "3");
        assert_eq!(positions(English, &[]), "");
    }

    #[test]
    fn choice_is_yes_or_no_and_nothing_else() {
        for yes in ["yes", "y", " YES ", "はい"] {
            assert_eq!(choice(yes), Some(true), "{yes}");
        }
        for no in ["no", "N", "いいえ"] {
            assert_eq!(choice(no), Some(false), "{no}");
        }
        for other in ["", " ", "1", "ja", "nope", "yes no", "271828"] {
            assert_eq!(choice(other), None, "{other}");
        }
    }

    /// Linux-PAM's conversation takes 512 octets with their end, and the longest prompt is a receipt
    /// with a question behind it.
    #[test]
    fn every_text_fits_into_one_message() {
        let serial = "A".repeat(32);
        let number = "18446744073709551615-4294967295";
        let time = "2026-11-22 20:15:03";
        for language in Language::ALL {
            let receipt = exchanged(language, &serial, number, &serial, time);
            let longest = format!("{receipt} {}", prompt_enter(language));
            assert!(longest.len() < 512, "{}: {longest}", longest.len());
            assert!(start_wanted_until(language, time).len() < 512);
            assert!(prompt_code(language).ends_with(": "));
        }
    }
}
