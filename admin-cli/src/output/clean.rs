//! Text from outside, made harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Shows control characters and those that turn the direction of text as `\u{…}`.
///
/// User names and addresses in the audit were chosen by strangers; an escape sequence among them
/// could rewrite what the auditor sees.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_harmful(character) {
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escape_sequences_and_direction_marks_do_not_reach_the_terminal() {
        for (text, shown) in [
            ("佐藤 alice", "佐藤 alice"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\u{9b}c", "a\\u{a}b\\u{9b}c"),
            ("\u{202e}ecila", "\\u{202e}ecila"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }
}
