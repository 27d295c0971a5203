//! Lines that fit: columns of a terminal are counted, and Japanese is broken where Japanese may be.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What must not begin a line.
const NOT_FIRST: &str =
    "、。，．・：；？！）」』】〕〉》ーゝゞ々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;?!)]}%";
/// What must not end one.
const NOT_LAST: &str = "（「『【〔〈《([{";

/// Columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines of at most `columns`, as far as that can be done.
pub(super) fn lines(text: &str, columns: usize) -> Vec<String> {
    text.lines()
        .flat_map(|line| match line.is_empty() {
            true => vec![String::new()],
            false => wrapped(line, columns),
        })
        .collect()
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let fits = width(&line) + width(piece.trim_end()) <= columns;
        if !fits && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        let piece = if line.is_empty() && !lines.is_empty() {
            piece.trim_start()
        } else {
            piece
        };
        line.push_str(piece);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Pieces that a line can be broken between: words with their blanks, and single characters of
/// Japanese with what must not stand apart from them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, character) in text.char_indices() {
        if before.is_some_and(|before| may_break(before, character)) {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(character);
    }
    pieces.push(&text[start..]);
    pieces
}

fn may_break(before: char, next: char) -> bool {
    if NOT_FIRST.contains(next) || NOT_LAST.contains(before) || next == ' ' {
        return false;
    }
    before == ' ' || is_wide(before) || is_wide(next)
}

fn is_wide(character: char) -> bool {
    character.width() == Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_the_terminal_shows_them() {
        let text =
            "シリアル番号（省略時は次の空き番号）を指定します。sekisho token list で確認できます。";
        for columns in 8..60 {
            let lines = lines(text, columns);
            let joined: String = lines.concat().replace(' ', "");
            assert_eq!(joined, text.replace(' ', ""), "nothing is lost");
            for line in &lines {
                let first = line.chars().next().expect("not empty");
                assert!(!NOT_FIRST.contains(first), "{line}");
                // What must not stand apart may need a little more.
                assert!(width(line) <= columns.max(12), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn words_and_empty_lines_stay_whole() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("一\n\n二", 9), ["一", "", "二"]);
        assert_eq!(lines("設定ファイル/etc/sekisho/sekisho.toml", 30).len(), 2);
    }
}
