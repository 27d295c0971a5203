//! A service's stack as libpam reads it: with `@include`, `include` and `substack` resolved.

use std::path::{Path, PathBuf};

use super::control::Control;
use crate::doctor::finding::Place;
use crate::doctor::tree::Tree;

/// Where services are, and where distributions put theirs; the first that has one counts.
const FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// As deep as libpam follows includes.
const INCLUDES_MAX: usize = 32;
/// More lines than any service has: files that include each other can come to millions.
const LINES_MAX: usize = 10_000;
/// As deep as libpam follows substacks.
pub(crate) const SUBSTACKS_MAX: usize = 16;

/// The types of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Auth,
    Account,
    Password,
    Session,
}

impl Type {
    fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "auth" => Self::Auth,
            "account" => Self::Account,
            "password" => Self::Password,
            "session" => Self::Session,
            _ => return None,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }
}

/// A line that calls a module, or where a substack begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) place: Place,
    /// How many substacks it is in.
    pub(crate) level: usize,
    /// `None` where a substack begins: the steps of the next level behind it.
    pub(crate) module: Option<Module>,
    /// The line of the service's own file that brought it.
    pub(crate) top: Top,
}

/// A line of a service's own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Top {
    pub(crate) line: usize,
    /// Whether the word `include` stands in it.
    pub(crate) includes: bool,
}

/// A line that calls a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) control: Control,
    /// As it is written.
    pub(crate) control_word: String,
    /// As it is written: a name, or an absolute path.
    pub(crate) path: String,
    pub(crate) options: Vec<String>,
    /// Written with `-`: its absence is not logged. It fails all the same.
    pub(crate) may_lack: bool,
}

impl Module {
    /// The name of its file.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Why a service can not be read as a whole; libpam then refuses every login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The file that this line includes is not there, or includes itself.
    Include(Place, String),
    /// A line that makes no sense.
    Line(Place, String),
}

/// What a service's file says.
#[derive(Debug, Default)]
pub(crate) struct Service {
    lines: Vec<(Type, Step)>,
    pub(crate) trouble: Vec<Trouble>,
    /// The files that it includes.
    pub(crate) includes: Vec<PathBuf>,
}

impl Service {
    /// The lines of one type; `None` if there are none, and libpam asks `other`.
    pub(crate) fn stack(&self, of: Type) -> Option<Vec<Step>> {
        let lines = self.lines.iter().filter(|(kind, _)| *kind == of);
        let steps: Vec<Step> = lines.map(|(_, step)| step.clone()).collect();
        (!steps.is_empty()).then_some(steps)
    }
}

/// The names of all services.
pub(crate) fn names(tree: &Tree) -> Vec<String> {
    let mut names: Vec<String> = FOLDERS
        .iter()
        .flat_map(|folder| tree.names(Path::new(folder)))
        .filter(|name| !is_leftover(name))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What editors and packagers leave; no program asks for such a service.
fn is_leftover(name: &str) -> bool {
    let endings = [
        "~",
        ".bak",
        ".orig",
        ".old",
        ".swp",
        ".dpkg-old",
        ".dpkg-dist",
        ".dpkg-new",
        ".pam-new",
        ".rpmnew",
        ".rpmsave",
        ".rpmorig",
    ];
    name.starts_with('.') || endings.iter().any(|ending| name.ends_with(ending))
}

/// The file of a service or of what another includes.
pub(crate) fn file_of(tree: &Tree, name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        let path = PathBuf::from(name);
        return tree.exists(&path).then_some(path);
    }
    let paths = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    paths.into_iter().find(|path| tree.exists(path))
}

/// Reads a service; `None` if it has no file.
pub(crate) fn read(tree: &Tree, name: &str) -> Option<Service> {
    let file = file_of(tree, name)?;
    let mut service = Service::default();
    let mut reader = Reader {
        tree,
        service: &mut service,
        top: None,
        lines_read: 0,
    };
    reader.file(&file, None, 0, 0);
    Some(service)
}

struct Reader<'a> {
    tree: &'a Tree,
    service: &'a mut Service,
    /// While a line of the service's own file is followed.
    top: Option<Top>,
    lines_read: usize,
}

impl Reader<'_> {
    /// Takes in a file, or its lines of one type.
    fn file(&mut self, file: &Path, only: Option<Type>, level: usize, depth: usize) {
        let text = match self.tree.text(file) {
            Ok(text) => text,
            Err(error) => {
                let trouble = Trouble::Include(Place::file(file), error.to_string());
                return self.service.trouble.push(trouble);
            }
        };
        if self.lines_read > LINES_MAX {
            return;
        }
        for (number, line) in logical_lines(&text) {
            if depth == 0 {
                let includes = words(&line).get(1).is_some_and(|word| word == "include");
                let line = number;
                self.top = Some(Top { line, includes });
            }
            let place = Place::line(file, number);
            self.lines_read += 1;
            if self.lines_read > LINES_MAX {
                if self.lines_read == LINES_MAX + 1 {
                    let trouble = Trouble::Include(place, "too many lines".into());
                    self.service.trouble.push(trouble);
                }
                return;
            }
            self.line(place, &line, only, level, depth);
        }
    }

    fn line(&mut self, place: Place, line: &str, only: Option<Type>, level: usize, depth: usize) {
        let words = words(line);
        let Some(first) = words.first() else {
            return;
        };
        if first == "@include" {
            let name = words.get(1).cloned().unwrap_or_default();
            return self.include(place, name, only, level, depth);
        }
        let (first, may_lack) = match first.strip_prefix('-') {
            Some(first) => (first, true),
            None => (first.as_str(), false),
        };
        let Some(kind) = Type::read(first) else {
            return self
                .service
                .trouble
                .push(Trouble::Line(place, line.to_owned()));
        };
        if only.is_some_and(|only| only != kind) {
            return;
        }
        let control_word = words.get(1).cloned().unwrap_or_default();
        let path = words.get(2).cloned().unwrap_or_default();
        match control_word.as_str() {
            "include" => return self.include(place, path, Some(kind), level, depth),
            "substack" => {
                self.step(kind, place.clone(), level, None);
                if level + 1 >= SUBSTACKS_MAX {
                    let trouble = Trouble::Include(place, "too many substacks".into());
                    return self.service.trouble.push(trouble);
                }
                return self.include(place, path, Some(kind), level + 1, depth);
            }
            _ => {}
        }
        let control = Control::read(&control_word).filter(|_| !path.is_empty());
        if control.is_none() {
            let trouble = Trouble::Line(place.clone(), line.to_owned());
            self.service.trouble.push(trouble);
        }
        let module = Module {
            control: control.unwrap_or(Control::FAILS),
            control_word,
            path,
            options: words.into_iter().skip(3).collect(),
            may_lack,
        };
        self.step(kind, place, level, Some(module));
    }

    fn step(&mut self, kind: Type, place: Place, level: usize, module: Option<Module>) {
        let top = self.top.clone().unwrap_or(Top {
            line: 1,
            includes: false,
        });
        let step = Step {
            place,
            level,
            module,
            top,
        };
        self.service.lines.push((kind, step));
    }

    fn include(
        &mut self,
        place: Place,
        name: String,
        only: Option<Type>,
        level: usize,
        depth: usize,
    ) {
        let file = file_of(self.tree, &name);
        match file.filter(|_| depth < INCLUDES_MAX) {
            Some(file) => {
                self.service.includes.push(file.clone());
                self.file(&file, only, level, depth + 1);
            }
            // Once is enough: a file that includes itself would come up at every depth.
            None if self.service.trouble.is_empty() => {
                self.service.trouble.push(Trouble::Include(place, name));
            }
            None => {}
        }
    }
}

/// Lines without comments, those that end with a backslash joined; with the number of the first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let (part, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        let (number, before) = open.take().unwrap_or((index + 1, String::new()));
        let joined = format!("{before} {part}");
        if goes_on {
            open = Some((number, joined));
        } else {
            lines.push((number, joined.trim().to_owned()));
        }
    }
    lines.extend(open.map(|(number, line)| (number, line.trim().to_owned())));
    lines
}

/// Words; what stands in brackets is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut bracket = false;
    let mut escaped = false;
    for character in line.chars() {
        if bracket {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
                continue;
            } else if character == ']' {
                bracket = false;
            }
            word.push(character);
        } else if character.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            bracket = character == '[' && word.is_empty();
            word.push(character);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
