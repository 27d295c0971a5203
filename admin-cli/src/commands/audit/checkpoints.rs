//! Checkpoints that were kept elsewhere: files with notes in them, and what logs make of them.

use std::path::Path;

use crate::evidence;
use crate::failure::{Failure, Kind};

/// The largest file: more than a million checkpoints.
const OCTETS_MAX: u64 = 512 << 20;
/// What the name of a journal begins with.
const ORIGIN: &str = "sekisho/";
const DASH: &str = "\u{2014}";

/// All checkpoints of a file, as notes.
pub(super) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let text = evidence::read_text(path, OCTETS_MAX)?;
    let notes = notes(&text);
    if notes.is_empty() {
        return Err(Failure::new(
            Kind::Invalid,
            format!("{}: there is no checkpoint in it", path.display()),
            "give what the verifier sent to the log: journalctl -u sekisho-verifierd, or the file of syslog",
        ));
    }
    Ok(notes)
}

/// The notes in a text. The verifier logs each in one line, with `\n` for its line breaks; syslog
/// and the tools behind it may write those, and the dash of the signature, in ways of their own.
fn notes(text: &str) -> Vec<String> {
    let text = text.replace("\\\\n", "\n");
    let text = text.replace("\\n", "\n").replace("#012", "\n");
    let mut notes = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        // What logs put before it ends with the name of the journal.
        let Some(at) = line.find(ORIGIN) else {
            continue;
        };
        let origin = &line[at..];
        if origin.contains(' ') {
            continue;
        }
        let mut rest = lines.clone();
        if let Some(note) = note(origin, &mut rest) {
            notes.push(note);
            lines = rest;
        }
    }
    notes
}

/// The note that begins with `origin` and goes on in `lines`, as it was signed.
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
    // In journalctl's JSON the value ends here.
    let signature = signature.trim_end_matches(['"', ',', '}']);
    Some(format!("{origin}\n{body}\n{DASH} {origin} {signature}\n"))
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::note::Signer;

    use super::*;

    fn signed(position: u64) -> (Signer, String) {
        let origin = "sekisho/00112233445566778899aabbccddeeff";
        let signer = Signer::new(origin, &[7; 32]).expect("a name");
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let text = format!("{origin}\n{position}\n{hash}\ntime 1795306442123\n");
        let note = signer.sign(&text);
        (signer, note)
    }

    #[test]
    fn checkpoints_are_found_in_whatever_a_log_makes_of_them() {
        let (signer, note) = signed(42);
        let before = "Nov 22 09:14:02 host sekisho-verifierd[7]: info: checkpoint ";
        for text in [
            note.clone(),
            format!("{before}{}\n", note.replace('\n', "\\n")),
            format!("{before}{}\n", note.replace('\n', "#012")),
            format!(
                "{before}{}",
                note.replace('\n', "#012").replace(DASH, "#342#200#224")
            ),
            format!(
                "{before}{}\n",
                note.replace('\n', "\\n").replace(DASH, "\\342\\200\\224")
            ),
            format!(
                "{{\"MESSAGE\":\"checkpoint {}\",\"PRIORITY\":\"6\"}}\n",
                note.replace('\n', "\\\\n")
            ),
            format!("what\n{before}{note}other lines\n\n"),
            format!(
                "{before}{}",
                note.replace('\n', "\\n").trim_end_matches("\\n")
            ),
        ] {
            let found = notes(&text);
            assert_eq!(found, std::slice::from_ref(&note), "{text}");
            assert!(signer.public().open(&found[0]).is_ok());
        }
    }

    #[test]
    fn many_are_found_in_order_and_nothing_else_is() {
        let ((_, first), (_, second)) = (signed(1), signed(2));
        let line = |note: &str| format!("x checkpoint {}\n", note.replace('\n', "\\n"));
        let log = format!(
            "ready on /run/sekisho/verifier.sock\n{}junk sekisho/\n{}",
            line(&first),
            line(&second)
        );
        assert_eq!(notes(&log), [first, second]);
        assert!(notes("sekisho/0011\n1\n2\n").is_empty());
        assert!(notes("").is_empty());
    }
}
