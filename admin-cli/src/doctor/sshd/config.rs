//! The effective settings of sshd: from `sshd -T`, or from its files as sshd reads them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::doctor::finding::Place;
use crate::doctor::tree::Tree;

pub(crate) const FILE: &str = "/etc/ssh/sshd_config";
/// As deep as sshd follows includes.
const INCLUDES_MAX: usize = 16;

/// A value, and where it stands; nowhere if it is sshd's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
}

/// What holds for all logins, or for those that a `Match` line fits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// The line; `None` for what holds for all.
    pub(crate) matches: Option<(Place, String)>,
    values: BTreeMap<String, Value>,
}

impl Section {
    /// The first value counts.
    fn set(&mut self, keyword: &str, value: Value) {
        self.values.entry(keyword.to_owned()).or_insert(value);
    }

    pub(crate) fn own(&self, keyword: &str) -> Option<&Value> {
        self.values.get(keyword)
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) global: Section,
    pub(crate) matches: Vec<Section>,
}

impl Config {
    /// What `sshd -T` prints goes before what the files say of all logins.
    pub(crate) fn take(&mut self, printed: &str) {
        for line in printed.lines() {
            let (keyword, text) = line.split_once(' ').unwrap_or((line, ""));
            let place = self
                .global
                .values
                .get(keyword)
                .and_then(|v| v.place.clone());
            let value = Value {
                text: text.trim().to_owned(),
                place,
            };
            self.global.values.insert(keyword.to_owned(), value);
        }
    }

    /// Reads the files; `None` if there are none.
    pub(crate) fn read(tree: &Tree) -> io::Result<Option<Self>> {
        let mut config = Self::default();
        if !tree.exists(Path::new(FILE)) {
            return Ok(None);
        }
        // What was not read must not look like the defaults.
        tree.read(Path::new(FILE))?;
        let mut current = None;
        config.file(tree, Path::new(FILE), &mut current, 0);
        Ok(Some(config))
    }

    /// `current` is the `Match` that lines belong to.
    fn file(&mut self, tree: &Tree, file: &Path, current: &mut Option<usize>, depth: usize) {
        if depth > INCLUDES_MAX {
            return;
        }
        let text = tree.text(file).unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            let Some((keyword, rest)) = split(line) else {
                continue;
            };
            let place = Place::line(file, index + 1);
            match keyword.as_str() {
                "include" => {
                    for file in rest
                        .split_whitespace()
                        .flat_map(|name| included(tree, name))
                    {
                        // A Match in the file ends with it.
                        let mut inside = *current;
                        self.file(tree, &file, &mut inside, depth + 1);
                    }
                }
                "match" if rest.eq_ignore_ascii_case("all") => *current = None,
                "match" => {
                    *current = Some(self.matches.len());
                    self.matches.push(Section {
                        matches: Some((place, rest)),
                        values: BTreeMap::new(),
                    });
                }
                keyword => {
                    let section = match *current {
                        Some(index) => &mut self.matches[index],
                        None => &mut self.global,
                    };
                    let value = Value {
                        text: rest,
                        place: Some(place),
                    };
                    section.set(canonical(keyword), value);
                }
            }
        }
    }
}

/// Old names of keywords.
fn canonical(keyword: &str) -> &str {
    match keyword {
        "challengeresponseauthentication" | "skeyauthentication" => "kbdinteractiveauthentication",
        "dsaauthentication" => "pubkeyauthentication",
        other => other,
    }
}

/// The keyword in lower case, and the rest without quotes.
fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=');
    let (keyword, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    // A comment may stand behind the value.
    let rest = rest.split(" #").next().unwrap_or(rest);
    let rest = rest.replace('"', "");
    Some((keyword.to_ascii_lowercase(), rest.trim().to_owned()))
}

/// The files of an `Include`, in the order in which sshd reads them.
fn included(tree: &Tree, pattern: &str) -> Vec<PathBuf> {
    let pattern = Path::new("/etc/ssh").join(pattern);
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy();
    let names = tree.names(folder).into_iter();
    let fitting = names.filter(|candidate| fits(&name, candidate));
    // A file that begins with a dot fits no pattern, as in a shell.
    let shown = fitting.filter(|candidate| !candidate.starts_with('.') || name.starts_with('.'));
    shown.map(|name| folder.join(name)).collect()
}

/// `*` and `?` as in a shell.
fn fits(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| fits(rest.as_str(), &name[at..]))
        }
        Some(wanted) => {
            let mut name = name.chars();
            let next = name.next();
            next.is_some_and(|c| wanted == '?' || c == wanted) && fits(rest.as_str(), name.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "50-cloud.conf", true),
            ("*.conf", "conf", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("*b*", "abc", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn keywords_are_read_as_sshd_does() {
        let split = |line| split(line).expect("a keyword");
        assert_eq!(split("  UsePAM yes"), ("usepam".into(), "yes".into()));
        assert_eq!(split("UsePAM=yes"), ("usepam".into(), "yes".into()));
        assert_eq!(split("UsePAM \"no\" # why"), ("usepam".into(), "no".into()));
    }
}
