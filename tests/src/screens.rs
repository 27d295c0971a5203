//! What people saw, as the guide shows it.
//!
//! The guide's pages are made from captured screens and held to them: `SEKISHO_SCREENS=update`
//! writes them anew. What differs each time (numbers of receipts, times, addresses, codes) is masked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The environment variable that has pages written.
const UPDATE: &str = "SEKISHO_SCREENS";
/// Stands where a screen goes, before its end mark.
const BEGIN: &str = "<!-- screen: ";
const END: &str = "<!-- end of screen -->";

/// Masks what differs each time.
#[derive(Debug, Default)]
pub struct Mask {
    words: Vec<(String, String)>,
}

impl Mask {
    /// Shows `word` as `shown`.
    pub fn word(mut self, word: &str, shown: &str) -> Self {
        self.words.push((word.to_owned(), shown.to_owned()));
        // The longest first: one may be a part of another.
        self.words
            .sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        self
    }

    /// The screen as it is kept.
    pub fn apply(&self, screen: &str) -> String {
        let lines = self.words(screen);
        let lines: Vec<String> = lines.lines().map(|line| times(&numbers(line))).collect();
        lines.join("\n")
    }

    /// The screen with its numbers and times, and only the words masked.
    pub fn words(&self, screen: &str) -> String {
        let mut text = plain(screen);
        for (word, shown) in &self.words {
            text = text.replace(word, shown);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n").trim_matches('\n').to_owned()
    }
}

/// Without carriage returns and the sequences by which terminals are steered.
fn plain(screen: &str) -> String {
    let mut text = String::new();
    let mut rest = screen.chars();
    while let Some(character) = rest.next() {
        match character {
            '\r' | '\u{7}' => {}
            '\u{1b}' => {
                // ESC [ … letter; of others only the next character goes.
                if rest.next() == Some('[') {
                    let _ = rest.by_ref().find(|c| c.is_ascii_alphabetic());
                }
            }
            other => text.push(other),
        }
    }
    text
}

/// Replaces what has the shape of `pattern`, where `9` is a digit and `X` one of a receipt's
/// characters, by `shown`.
fn shapes(line: &str, pattern: &str, shown: &str) -> String {
    let pattern: Vec<char> = pattern.chars().collect();
    let line: Vec<char> = line.chars().collect();
    let fits = |at: usize| {
        let here = line.get(at..at + pattern.len());
        let alone = at == 0 || !line[at - 1].is_ascii_alphanumeric();
        let ends = !line
            .get(at + pattern.len())
            .is_some_and(char::is_ascii_alphanumeric);
        here.is_some_and(|here| {
            alone
                && ends
                && here.iter().zip(&pattern).all(|(c, p)| match p {
                    '9' => c.is_ascii_digit(),
                    'X' => c.is_ascii_uppercase() || c.is_ascii_digit(),
                    other => c == other,
                })
        })
    };
    let mut text = String::new();
    let mut at = 0;
    while at < line.len() {
        if fits(at) {
            text.push_str(shown);
            at += pattern.len();
        } else {
            text.push(line[at]);
            at += 1;
        }
    }
    text
}

fn numbers(line: &str) -> String {
    shapes(line, "XXXX-XXXX-XXXX", "7F3A-9CDE-K4MN")
}

fn times(line: &str) -> String {
    shapes(line, "9999-99-99 99:99:99", "2026-11-22 20:15:03")
}

/// Holds the screen `name` of a page of the guide to what was seen, or writes it.
#[track_caller]
pub fn hold(page: &str, name: &str, seen: &str) {
    /// Tests run beside one another, and write to the same page.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = path(page);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let begin = format!("{BEGIN}{name} -->\n");
    let Some((before, rest)) = text.split_once(&begin) else {
        panic!("{} has no {begin:?}", path.display());
    };
    let Some((kept, after)) = rest.split_once(END) else {
        panic!("{} has no end of the screen {name}", path.display());
    };
    let wanted = format!("```text\n{seen}\n```\n");
    if std::env::var(UPDATE).is_ok_and(|value| value == "update") {
        write(&path, &format!("{before}{begin}{wanted}{END}{after}"));
        return;
    }
    assert_eq!(
        kept,
        wanted,
        "the screen {name} of {} is another now; if it is right, run the test with {UPDATE}=update",
        path.display()
    );
}

/// A page of the guide.
fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/guide")
        .join(page)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the guide can be written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_each_time_is_masked() {
        let mask = Mask::default().word("123456", "······");
        let seen =
            "code: 123456\r\n\u{1b}[1mreceipt\u{1b}[0m  AB12-CD34-EF56, 2031-06-21 01:02:03  \r\n";
        assert_eq!(
            mask.apply(seen),
            "code: ······\nreceipt  7F3A-9CDE-K4MN, 2026-11-22 20:15:03"
        );
        assert_eq!(
            mask.apply("SKTS-0001-0002"),
            "SKTS-0001-0002".replace("SKTS-0001-0002", "7F3A-9CDE-K4MN")
        );
    }
}
