//! Checkpoints that were kept elsewhere: files with notes in them, and what logs make of them.
//!
//! A log also holds what strangers have typed, and the lines of other programs. So a checkpoint is
//! looked for only where the verifier writes one, at the beginning of its message; and what merely
//! looks like one says nothing about the journal.

use std::borrow::Cow;
use std::path::Path;

use sekisho_admin_cli::text;
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::PublicKey;
use serde_json::Value;

use crate::evidence;
use crate::failure::{Failure, Kind};

/// The largest file: more than a million checkpoints.
const OCTETS_MAX: u64 = 512 << 20;
/// What the name of a journal begins with.
const ORIGIN: &str = "sekisho/";
/// What the verifier logs before a checkpoint.
const LOGGED: &str = "checkpoint ";
/// What it puts before its lines on standard error.
const LEVEL: &str = "info: ";
/// What it is called in a log.
const PROGRAM: &str = "sekisho-verifierd";
const DASH: &str = "\u{2014}";

/// What a file says about one journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its checkpoints, as notes.
    pub(super) notes: Vec<String>,
    /// So many look like its checkpoints, and the key has not signed them.
    pub(super) not_signed: u64,
    /// So many are of other journals.
    pub(super) others: u64,
}

/// Reads the checkpoints of the journal `origin`. Without a key, what has the form of one is.
pub(super) fn read(path: &Path, origin: &str, key: Option<&PublicKey>) -> Result<Kept, Failure> {
    let text = evidence::read_text(path, OCTETS_MAX)?;
    let kept = Kept::find(&text, origin, key);
    if kept == Kept::default() {
        return Err(Failure::new(
            Kind::Invalid,
            text!("checkpoints-none", path = path.display().to_string()),
            text!("checkpoints-none-way"),
        ));
    }
    Ok(kept)
}

impl Kept {
    fn find(text: &str, origin: &str, key: Option<&PublicKey>) -> Self {
        let mut kept = Self::default();
        for (of, note) in claims(text) {
            let is_one = |note: &String| match key {
                Some(key) => Checkpoint::open(key, note).is_some(),
                None => note
                    .split_once("\n\n")
                    .is_some_and(|(text, _)| Checkpoint::parse(&format!("{text}\n")).is_some()),
            };
            match note.filter(is_one) {
                _ if of != origin => kept.others += 1,
                Some(note) => kept.notes.push(note),
                None => kept.not_signed += 1,
            }
        }
        kept
    }

    /// Fails if nothing in the file says anything about the journal.
    pub(super) fn enough(&self, path: &Path) -> Result<(), Failure> {
        if !self.notes.is_empty() {
            return Ok(());
        }
        let path = path.display().to_string();
        let (forged, others) = (self.not_signed, self.others);
        let (kind, message, way_out) = match forged {
            0 => (
                Kind::Invalid,
                text!("checkpoints-others", path = path, others = others),
                text!("checkpoints-others-way"),
            ),
            _ => (
                Kind::NotTrusted,
                text!("checkpoints-forged", path = path, forged = forged),
                text!("checkpoints-forged-way"),
            ),
        };
        Err(Failure::new(kind, message, way_out))
    }
}

/// What claims to be a checkpoint: the name of the journal, and the note if it has the form of one.
fn claims(text: &str) -> Vec<(String, Option<String>)> {
    let mut claims = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let message = message(line);
        let Some(claim) = claim(&message) else {
            continue;
        };
        let claim = unescaped(claim);
        let mut own = claim.lines();
        let of = own.next().unwrap_or_default().to_owned();
        let note = match own.clone().next() {
            Some(_) => note(&of, &mut own),
            // A note as it was saved goes on in the next lines.
            None => {
                let mut rest = lines.clone();
                let note = note(&of, &mut rest);
                if note.is_some() {
                    lines = rest;
                }
                note
            }
        };
        claims.push((of, note));
    }
    claims
}

/// What a line of a log has as its message: behind what syslog or the journal puts before it, or in
/// JSON. Of other programs' lines the whole line is given, which begins with no checkpoint.
fn message(line: &str) -> Cow<'_, str> {
    let json = line.trim_start();
    if json.starts_with('{') || json.starts_with("\"MESSAGE\"") {
        return json_message(json).map_or(Cow::Borrowed(""), Cow::Owned);
    }
    if let Some(message) = line.strip_prefix("MESSAGE=") {
        return message.into();
    }
    if line.starts_with('<') {
        return syslog_message(line).unwrap_or("").into();
    }
    // The first colon with a blank ends the tag. Strangers come later in a line.
    if let Some((before, message)) = line.split_once(": ")
        && let Some(tag) = before.rsplit(' ').next()
        && (tag.starts_with(PROGRAM) || tag == LEVEL.trim_end_matches(": "))
    {
        return message.into();
    }
    line.into()
}

/// The message of a line of `journalctl -o json`, or of the line with it of `json-pretty`.
fn json_message(line: &str) -> Option<String> {
    let value = match line.strip_prefix("\"MESSAGE\"") {
        Some(rest) => {
            let value = rest.trim_start().strip_prefix(':')?;
            serde_json::from_str(value.trim_end().trim_end_matches(',')).ok()?
        }
        None => serde_json::from_str::<Value>(line).ok()?["MESSAGE"].take(),
    };
    match value {
        Value::String(message) => Some(message),
        // What journald does not take for text.
        Value::Array(octets) => {
            let octets = octets.iter().map(|octet| octet.as_u64()?.try_into().ok());
            let octets: Option<Vec<u8>> = octets.collect();
            String::from_utf8(octets?).ok()
        }
        _ => None,
    }
}

/// The message of a line as it goes over the wire (RFC 5424).
fn syslog_message(line: &str) -> Option<&str> {
    // Priority and version, time, host, program, process, kind; then data and message.
    let mut fields = line.splitn(7, ' ');
    let program = fields.nth(3)?;
    let rest = fields.nth(2)?;
    let message = match rest.strip_prefix("- ") {
        Some(message) => message,
        None => rest.strip_prefix('[')?.split_once("] ")?.1,
    };
    let message = message.trim_start_matches('\u{feff}');
    program.starts_with(PROGRAM).then_some(message)
}

/// What begins with the name of a journal, if the message does.
fn claim(message: &str) -> Option<&str> {
    let message = message.strip_prefix(LEVEL).unwrap_or(message);
    if let Some(claim) = message.strip_prefix(LOGGED) {
        return claim.starts_with(ORIGIN).then_some(claim);
    }
    // A note as it was saved.
    (message.starts_with(ORIGIN) && !message.contains(' ')).then_some(message)
}

/// The verifier logs a note in one line, with `\n` for its line breaks; syslog and the tools behind
/// it may write those in ways of their own.
fn unescaped(claim: &str) -> String {
    let claim = claim.replace("\\\\n", "\n");
    claim.replace("\\n", "\n").replace("#012", "\n")
}

/// The note that begins with `origin` and goes on in `lines`, as it was signed; the dash of the
/// signature may have suffered.
fn note<'a>(origin: &str, lines: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    let mut body = String::new();
    loop {
        let line = lines.next()?;
        if line.is_empty() {
            break;
        }
        body.push_str(line);
        body.push('\n');
        // Position, hash, time: a note of ours has no more.
        if body.lines().count() > 3 {
            return None;
        }
    }
    let signed_by = lines.next()?;
    let (_, signature) = signed_by.split_once(origin)?;
    let signature = signature.split_whitespace().next()?;
    Some(format!("{origin}\n{body}\n{DASH} {origin} {signature}\n"))
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::note::Signer;

    use super::*;

    const ORIGIN: &str = "sekisho/00112233445566778899aabbccddeeff";
    const BEFORE: &str = "Nov 22 09:14:02 host sekisho-verifierd[7]: ";

    fn signer() -> Signer {
        Signer::new(ORIGIN, &[7; 32]).expect("a name")
    }

    fn signed_by(signer: &Signer, position: u64) -> String {
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let origin = signer.name();
        signer.sign(&format!(
            "{origin}\n{position}\n{hash}\ntime 1795306442123\n"
        ))
    }

    fn signed(position: u64) -> String {
        signed_by(&signer(), position)
    }

    fn logged(note: &str) -> String {
        format!("checkpoint {}", note.replace('\n', "\\n"))
    }

    fn find(text: &str) -> Kept {
        let key = signer().public();
        Kept::find(text, ORIGIN, Some(&key))
    }

    #[test]
    fn checkpoints_are_found_in_whatever_a_log_makes_of_them() {
        let note = signed(42);
        let logged = logged(&note);
        let hashed = logged.replace("\\n", "#012");
        let octets: Vec<String> = logged.bytes().map(|octet| octet.to_string()).collect();
        for text in [
            note.clone(),
            format!("{logged}\n"),
            format!("info: {logged}\n"),
            format!("{BEFORE}{logged}\n"),
            format!("{BEFORE}info: {logged}\n"),
            format!("{BEFORE}{hashed}"),
            format!("{BEFORE}{}", hashed.replace(DASH, "#342#200#224")),
            format!("{BEFORE}{}\n", logged.replace(DASH, "\\342\\200\\224")),
            format!("{BEFORE}{}", logged.trim_end_matches("\\n")),
            format!("2026-11-22T09:14:02+0900 host sekisho-verifierd[7]: {logged}"),
            format!("2026-11-22T09:14:02.123Z info: {logged}"),
            format!("<86>1 2026-11-22T09:14:02Z host sekisho-verifierd 7 0 - {logged}"),
            format!("<86>1 2026-11-22T09:14:02Z host sekisho-verifierd 7 - [a b=\"c\"] {logged}"),
            format!("PRIORITY=6\nMESSAGE=info: {logged}\n"),
            format!(
                "{}\n",
                serde_json::json!({ "MESSAGE": logged, "PRIORITY": "6" })
            ),
            format!("{{\n\t\"MESSAGE\" : {},\n}}\n", serde_json::json!(logged)),
            format!("{{\"MESSAGE\":[{}]}}\n", octets.join(",")),
            format!("what\n{BEFORE}checkpoint {note}other lines\n\n"),
        ] {
            let found = find(&text);
            assert_eq!(found.notes, std::slice::from_ref(&note), "{text}");
            assert_eq!((found.not_signed, found.others), (0, 0), "{text}");
            let without_key = Kept::find(&text, ORIGIN, None);
            assert_eq!(without_key, found, "{text}");
        }
    }

    #[test]
    fn many_are_found_in_order_and_nothing_else_is() {
        let (first, second) = (signed(1), signed(2));
        let line = |note: &str| format!("{BEFORE}{}\n", logged(note));
        let log = format!(
            "ready on /run/sekisho/verifier.sock\n{}junk sekisho/\n{}",
            line(&first),
            line(&second)
        );
        assert_eq!(find(&log).notes, [first, second]);
        assert_eq!(find(""), Kept::default());
    }

    #[test]
    fn what_strangers_have_typed_is_no_checkpoint() {
        let typed = r"sekisho/z\n1\n\nsekisho/z";
        let forged = logged(&signed_by(
            &Signer::new(ORIGIN, &[8; 32]).expect("a name"),
            9,
        ));
        let hashed = forged.replace("\\n", "#012");
        for text in [
            format!("{BEFORE}reject (no account name) at radius:vpn from {typed}: malformed-name"),
            format!("info: reject hana at radius:vpn from {typed}: wrong-code"),
            format!("{BEFORE}reject hana at radius:vpn from x\\n{forged}: wrong-code"),
            format!("{BEFORE}reject hana at radius:vpn from x#012{hashed}: wrong-code"),
            format!("{BEFORE}reject hana at pam:sshd sekisho-verifierd: {forged}"),
            format!("Nov 22 09:14:02 host sshd[9]: Invalid user sekisho-verifierd[7]: {forged}"),
            format!("<86>1 2026-11-22T09:14:02Z host sshd 7 0 - {forged}"),
            serde_json::json!({ "MESSAGE": format!("reject x at y from z\n{forged}") }).to_string(),
        ] {
            assert_eq!(find(&text), Kept::default(), "{text}");
            assert_eq!(Kept::find(&text, ORIGIN, None), Kept::default(), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_checkpoint_is_counted_and_says_nothing() {
        let forger = Signer::new(ORIGIN, &[8; 32]).expect("a name");
        let other = Signer::new("sekisho/ff", &[7; 32]).expect("a name");
        let changed = signed(42).replacen("42", "43", 1);
        let mut log = String::new();
        for line in [
            logged(&signed_by(&forger, 9)),
            logged(&signed_by(&other, 9)),
            logged(&signed(42)),
            logged(&changed),
            format!("checkpoint {ORIGIN}\\n1\\n\\n{ORIGIN}"),
            format!("checkpoint {ORIGIN}"),
        ] {
            log += &format!("{BEFORE}{line}\n");
        }
        let kept = Kept {
            notes: vec![signed(42)],
            not_signed: 4,
            others: 1,
        };
        assert_eq!(find(&log), kept);
        kept.enough(Path::new("log")).expect("one is enough");
        let forged = find(&log.replace(&logged(&signed(42)), ""));
        let refused = forged.enough(Path::new("log")).expect_err("none is left");
        assert!(matches!(refused.kind, Kind::NotTrusted));
        let foreign = find(&logged(&signed_by(&other, 9)));
        let refused = foreign.enough(Path::new("log")).expect_err("none is there");
        assert!(matches!(refused.kind, Kind::Invalid));
    }
}
