//! `doctor`: is the set-up as it should be?
//!
//! Reads what is there and changes nothing. Each finding has a stable id, says what is wrong and why it
//! matters, and the command that mends it. What could not be looked at is said as well: silence must mean
//! that all is well.

mod clients;
mod clock;
mod daemons;
mod elf;
mod files;
mod finding;
mod modules;
mod pam;
mod roles;
mod settings;
mod sshd;
mod store;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::geteuid;
use sekisho_admin_cli::{language, text};
use sekisho_settings::DEFAULT_FILE;
use sekisho_texts::{Texts, Value};
use sekisho_verifier_socket::Language;
use serde_json::json;

use crate::Stop;
use crate::cli::{Doctor, Global};
use crate::failure::Failure;
use crate::output::{Output, clean};
use finding::{Finding, Found, Kind, Severity};
use tree::Tree;

/// Something was found.
const FOUND: u8 = 10;
/// Nothing was found, but not all could be looked at.
const NOT_ALL_SEEN: u8 = 12;

/// Looks, and says what it saw.
pub(crate) fn run(global: &Global, doctor: &Doctor, output: &mut Output) -> Result<(), Stop> {
    let root = doctor.root.as_deref().unwrap_or(Path::new("/"));
    let tree = Tree::new(root)
        .map_err(|error| Failure::local(root.display(), &error, text!("folder-exists-way")))?;
    let mut found = look(&tree, global);
    found
        .findings
        .sort_by_key(|finding| (finding.kind.severity(), finding.kind));
    if output.is_json() {
        output.value(&value(&tree, &found))?;
    } else {
        output.text(&text(&tree, &found, language::texts()))?;
    }
    match (found.findings.is_empty(), found.unseen.is_empty()) {
        (false, _) => Err(Stop::Code(FOUND)),
        (true, false) => Err(Stop::Code(NOT_ALL_SEEN)),
        (true, true) => Ok(()),
    }
}

fn look(tree: &Tree, global: &Global) -> Found {
    let mut found = Found::default();
    let file = global
        .settings
        .as_deref()
        .unwrap_or(Path::new(DEFAULT_FILE));
    let settings = files::settings(tree, file, &mut found);
    let settings = settings.as_ref();
    let sshd = sshd::read(tree, &mut found);
    let keys_first = sshd.as_ref().is_some_and(sshd::Sshd::wants_keys);
    let stacks = pam::look(tree, settings, keys_first, &mut found);
    modules::look(tree, &stacks, &mut found);
    if let Some(sshd) = sshd {
        let asks = stacks.asking.contains(&sshd.service());
        sshd.look(tree, asks, &mut found);
    }
    let now_ms = now_ms();
    let grace = settings.and_then(|settings| settings.pam.grace_until);
    let grace = grace.is_some_and(|day| now_ms < day.end_ms);
    if let Some(settings) = settings {
        files::look(tree, settings, &mut found);
        clients::look(tree, file, settings, &mut found);
        roles::look(tree, settings, &mut found);
        settings::look(tree, file, settings, now_ms, &mut found);
    }
    if tree.is_live() {
        if !geteuid().is_root() {
            found.unseen("root", "");
        }
        clock::look(&mut found);
        daemons::ask(global, settings, grace, &mut found);
    }
    found
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn values<'a>(tree: &Tree, finding: &'a Finding) -> Vec<(&'a str, Value<'a>)> {
    let mut values: Vec<(&str, Value<'_>)> = Vec::new();
    if let Some(place) = &finding.place {
        let file = tree.shown(&place.file).display().to_string();
        let place = match place.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        };
        values.push(("place", place.into()));
    }
    for (name, value) in &finding.values {
        values.push((name, value.as_str().into()));
    }
    values
}

fn what(tree: &Tree, finding: &Finding, texts: &Texts) -> String {
    let id = format!("doctor-{}", finding.kind.id());
    texts.get(&id, &values(tree, finding))
}

fn why(kind: Kind, texts: &Texts) -> String {
    texts.get(&format!("doctor-{}-why", kind.id()), &[])
}

fn unseen(unseen: &finding::Unseen, texts: &Texts) -> String {
    let because = unseen.because.as_str();
    let id = format!("doctor-unseen-{}", unseen.what);
    texts.get(&id, &[("because", because.into())])
}

fn count(found: &Found, severity: Severity) -> usize {
    let of = found
        .findings
        .iter()
        .filter(|f| f.kind.severity() == severity);
    of.count()
}

/// For programs: English, whatever the language of this run.
fn value(tree: &Tree, found: &Found) -> serde_json::Value {
    let texts = Texts::of(Language::English);
    let findings = found.findings.iter().map(|finding| {
        let place = finding.place.as_ref();
        json!({
            "id": finding.kind.id(),
            "severity": finding.kind.severity().name(),
            "what": what(tree, finding, texts),
            "why": why(finding.kind, texts),
            "mend": finding.mend,
            "file": place.map(|place| tree.shown(&place.file)),
            "line": place.and_then(|place| place.line),
        })
    });
    let not_seen = found.unseen.iter();
    json!({
        "findings": findings.collect::<Vec<_>>(),
        "not_looked_at": not_seen.map(|one| unseen(one, texts)).collect::<Vec<_>>(),
        "errors": count(found, Severity::Error),
        "warnings": count(found, Severity::Warning),
        "notes": count(found, Severity::Note),
    })
}

/// For people.
fn text(tree: &Tree, found: &Found, texts: &Texts) -> String {
    let mut text = String::new();
    for finding in &found.findings {
        let kind = finding.kind;
        let severity = texts.get(severity_text(kind.severity()), &[]);
        text += &format!("{severity}: {}\n", kind.id());
        for line in [what(tree, finding, texts), why(kind, texts)] {
            text += &format!("  {}\n", clean(&line));
        }
        text += &format!("  > {}\n\n", clean(&finding.mend));
    }
    if !found.unseen.is_empty() {
        text += &format!("{}\n", texts.get("doctor-not-looked-at", &[]));
        for one in &found.unseen {
            text += &format!("* {}\n", clean(&unseen(one, texts)));
        }
        text += "\n";
    }
    let counts = Severity::ALL.map(|severity| count(found, severity));
    let [errors, warnings, notes] = counts;
    let sum = if found.findings.is_empty() {
        texts.get("doctor-nothing", &[])
    } else {
        let values = [
            ("errors", errors.into()),
            ("warnings", warnings.into()),
            ("notes", notes.into()),
        ];
        texts.get("doctor-sum", &values)
    };
    text + &format!("{sum}\n")
}

fn severity_text(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "doctor-error",
        Severity::Warning => "doctor-warning",
        Severity::Note => "doctor-note",
    }
}
