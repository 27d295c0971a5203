//! I9: notes, checkpoints and receipts say what was signed, or are refused.

use proptest::prelude::*;
use sekisho_verifier::checkpoint::{Checkpoint, Hash};
use sekisho_verifier::event::{
    Actor, Channel, Note, OperationEvent, OperationKind, OperationOutcome,
};
use sekisho_verifier::note::{NOTE_OCTETS_MAX, NoteError, PublicKey, Signer};
use sekisho_verifier::receipt::{Receipt, ReceiptNumber, TITLE, fields};
use sekisho_verifier::time::Time;

use crate::common::desk::{Device, name};
use crate::common::{START, config};

fn signer(name: &str, key: u8) -> Signer {
    Signer::new(name, &[key; 32]).expect("a signer")
}

const TEXT: &str = "First line\nsecond — line\n";

/// Lines as a note can have them; the last may be empty.
fn texts() -> impl Strategy<Value = String> {
    let line = "[^\\p{Cc}]{0,30}";
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n") + "\n")
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn i09_what_was_signed_is_what_is_opened(text in texts(), key: [u8; 32]) {
        let signer = Signer::new("sekisho/00", &key).expect("a signer");
        let note = signer.sign(&text);
        prop_assert_eq!(signer.public().open(&note), Ok(&*text));
        let again: PublicKey = signer.public().to_string().parse().expect("a key");
        prop_assert_eq!(&again, &signer.public());
        prop_assert_eq!(again.open(&note), Ok(&*text));
    }

    #[test]
    fn i09_a_note_of_anything_is_refused(note: String) {
        prop_assert!(signer("a", 1).public().open(&note).is_err());
        prop_assert!(note.parse::<PublicKey>().is_err());
        prop_assert_eq!(Checkpoint::parse(&note), None);
        let _ = fields(&note);
    }

    #[test]
    fn i09_a_checkpoint_reads_back(position: u64, hash: [u8; 32], millis: u64, id: [u8; 16]) {
        let checkpoint = Checkpoint {
            origin: Checkpoint::origin_of(&id),
            position,
            hash,
            time: Time::from_millis(millis),
        };
        prop_assert_eq!(Checkpoint::parse(&checkpoint.text()), Some(checkpoint.clone()));
        prop_assert!(fields(&checkpoint.text()).is_none());
        let signer = signer(&checkpoint.origin, 3);
        let note = signer.sign(&checkpoint.text());
        prop_assert_eq!(Checkpoint::open(&signer.public(), &note), Some(checkpoint));
    }
}

#[test]
fn i09_a_note_with_any_octet_changed_is_refused() {
    let signer = signer("sekisho/00", 1);
    let note = signer.sign(TEXT);
    for at in 0..note.len() {
        for other in 0..=u8::MAX {
            let mut changed = note.clone().into_bytes();
            if changed[at] == other {
                continue;
            }
            changed[at] = other;
            // What is no text is no note.
            let Ok(changed) = String::from_utf8(changed) else {
                continue;
            };
            assert!(signer.public().open(&changed).is_err(), "{changed:?}");
        }
    }
}

#[test]
fn i09_a_note_that_is_cut_or_longer_is_refused() {
    let signer = signer("sekisho/00", 1);
    let note = signer.sign(TEXT);
    for (at, c) in note.char_indices() {
        let cut = &note[at + c.len_utf8()..];
        assert!(signer.public().open(&note[..at]).is_err());
        assert!(signer.public().open(cut).is_err(), "{cut:?}");
        for more in ["\n", "\r", " ", "x", "\n\n", "\0", "— "] {
            let longer = format!("{}{more}{}", &note[..at], &note[at..]);
            assert!(signer.public().open(&longer).is_err(), "{longer:?}");
        }
    }
    for more in ["\n", "\r\n", " ", "x", "— x y\n", "\0"] {
        assert!(signer.public().open(&format!("{note}{more}")).is_err());
    }
    let crlf = note.replace('\n', "\r\n");
    assert_eq!(signer.public().open(&crlf), Err(NoteError::Form));
    let mixed = format!("{}\r\n", note.trim_end());
    assert_eq!(signer.public().open(&mixed), Err(NoteError::Form));
    for none in [
        "",
        "\n",
        "\n\n",
        "\n\n\n",
        "a\n\n",
        "— a b\n",
        "a\n\n— a b",
        "a\n\n— \n",
    ] {
        let refused = signer.public().open(none);
        assert_eq!(refused, Err(NoteError::Form), "{none:?}");
    }
}

#[test]
fn i09_a_note_by_another_key_or_in_another_name_is_unsigned() {
    let note = signer("sekisho/00", 1).sign(TEXT);
    for other in [signer("sekisho/00", 2), signer("sekisho/01", 1)] {
        assert_eq!(other.public().open(&note), Err(NoteError::Unsigned));
    }
    // The other's signature under our name and id.
    let ours = signer("sekisho/00", 1).public();
    let theirs = signer("sekisho/00", 1).sign("Other\n");
    let signature = theirs.lines().last().expect("a line");
    let forged = format!("{TEXT}\n{signature}\n");
    assert_eq!(ours.open(&forged), Err(NoteError::Wrong));
}

#[test]
fn i09_signatures_by_others_are_passed_over() {
    let (ours, other) = (signer("sekisho/00", 1), signer("witness", 2));
    let line = |signer: &Signer, text: &str| {
        let note = signer.sign(text);
        note.lines().last().expect("a line").to_owned()
    };
    let (mine, theirs) = (line(&ours, TEXT), line(&other, TEXT));
    for lines in [
        vec![&mine, &theirs],
        vec![&theirs, &mine],
        vec![&theirs, &theirs, &mine, &theirs],
        vec![&mine, &mine],
    ] {
        let lines: Vec<&str> = lines.into_iter().map(String::as_str).collect();
        let note = format!("{TEXT}\n{}\n", lines.join("\n"));
        assert_eq!(ours.public().open(&note), Ok(TEXT));
    }
    // The first that is ours counts, wherever it stands.
    let wrong = line(&ours, "Other\n");
    for lines in [[&wrong, &mine], [&theirs, &wrong]] {
        let note = format!("{TEXT}\n{}\n{}\n", lines[0], lines[1]);
        assert_eq!(ours.public().open(&note), Err(NoteError::Wrong));
    }
    // A line that is no signature makes it no note.
    for line in [
        "",
        "— ",
        "— x",
        "— x x",
        "— x AAAA",
        "- x AAAAAAAA",
        "—  AAAAAAAA",
        "— a+b AAAAAAAA",
    ] {
        for note in [
            format!("{TEXT}\n{mine}\n{line}\n"),
            format!("{TEXT}\n{line}\n{mine}\n"),
        ] {
            assert!(ours.public().open(&note).is_err(), "{line:?}");
        }
    }
}

#[test]
fn i09_a_text_may_end_with_a_blank_line_or_look_like_a_note() {
    let signer = signer("sekisho/00", 1);
    for text in ["\n", "a\n\n", "\n\n\n", "— a b\n", &signer.sign(TEXT)] {
        let note = signer.sign(text);
        assert_eq!(signer.public().open(&note), Ok(text));
    }
}

#[test]
fn i11_a_note_has_its_bound() {
    let signer = signer("sekisho/00", 1);
    let rest = signer.sign("\n").len() - 1;
    let text = |octets: usize| "a".repeat(octets - 1) + "\n";
    let (fits, longer) = (
        text(NOTE_OCTETS_MAX - rest),
        text(NOTE_OCTETS_MAX - rest + 1),
    );
    assert_eq!(signer.public().open(&signer.sign(&fits)), Ok(&*fits));
    let refused = signer.sign(&longer);
    assert_eq!(signer.public().open(&refused), Err(NoteError::Form));
}

#[test]
fn i09_a_name_that_a_note_can_not_carry_signs_nothing() {
    for name in ["", " ", "a b", "a+b", "a\n", "a\u{a0}b", "\u{2003}", "a\0"] {
        assert!(Signer::new(name, &[1; 32]).is_none(), "{name:?}");
    }
    assert!(Signer::new("sekisho/é", &[1; 32]).is_some());
}

#[test]
fn i10_a_signer_prints_no_key() {
    let signer = signer("sekisho/00", 0x5C);
    assert_eq!(format!("{signer:?}"), "Signer(sekisho/00)");
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: Checkpoint::origin_of(&[0xAB; 16]),
        position: 1_000,
        hash: [7; 32],
        time: START,
    }
}

#[test]
fn i09_a_checkpoint_has_the_form_of_a_tlog_checkpoint() {
    let text = "sekisho/abababababababababababababababab\n1000\n\
        BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\ntime 1862261050000\n";
    assert_eq!(checkpoint().text(), text);
    assert_eq!(Checkpoint::parse(text), Some(checkpoint()));
    // Extension lines of later versions are skipped.
    let longer = format!("{text}something new\ntime 7\n");
    assert_eq!(Checkpoint::parse(&longer), Some(checkpoint()));
}

#[test]
fn i09_a_checkpoint_in_another_spelling_is_none() {
    let text = checkpoint().text();
    for (from, to) in [
        ("\n1000\n", "\n01000\n"),
        ("\n1000\n", "\n+1000\n"),
        ("\n1000\n", "\n-1\n"),
        ("\n1000\n", "\n 1000\n"),
        ("\n1000\n", "\n1000 \n"),
        ("\n1000\n", "\n\n"),
        ("\n1000\n", "\n18446744073709551616\n"),
        ("\n1000\n", "\n1000\r\n"),
        ("Bwc=", "Bwd="),
        ("Bwc=", "Bw=="),
        ("Bwc=", "Bwc"),
        ("Bwc=", "Bwc=="),
        ("time ", "time  "),
        ("time ", "Time "),
        ("time ", "time +"),
        ("time ", "time 0"),
        ("time ", "something\ntime "),
        ("time ", "\ntime "),
        ("sekisho/abab", "\nsekisho/abab"),
        ("050000\n", "050000"),
        ("050000\n", "050000\n\n"),
    ] {
        assert!(text.contains(from), "{from:?}");
        let other = text.replace(from, to);
        assert_eq!(Checkpoint::parse(&other), None, "{other:?}");
    }
    let lines: Vec<&str> = text.lines().collect();
    for left_out in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(left_out);
        assert_eq!(Checkpoint::parse(&(rest.join("\n") + "\n")), None);
    }
    assert_eq!(
        Checkpoint::parse(&text.replacen("sekisho/", "", 1)).map(|c| c.origin.len()),
        Some(32)
    );
}

#[test]
fn i09_a_checkpoint_counts_only_in_the_name_of_its_journal() {
    let text = checkpoint().text();
    let signer = signer("sekisho/00", 1);
    let note = signer.sign(&text);
    assert_eq!(signer.public().open(&note), Ok(&*text));
    assert_eq!(Checkpoint::open(&signer.public(), &note), None);
    let receipt = signer.sign(&receipt(&event(), &[1; 32]));
    assert_eq!(Checkpoint::open(&signer.public(), &receipt), None);
}

fn event() -> OperationEvent {
    OperationEvent {
        operation: OperationKind::Exchange,
        outcome: OperationOutcome::Done,
        serial: Some(Device::usual(1).serial),
        new_serial: Some(Device::usual(2).serial),
        account: Some(name("hana")),
        actor: Actor::new(0, "root"),
        note: Note::new("lost: on a train, says hana"),
        count: Some(2),
        detail: Note::new("something"),
        channel: Channel::Cli,
        request: None,
        approver: Some(Actor::new(1_001, "sato")),
    }
}

fn receipt(event: &OperationEvent, hash: &Hash) -> String {
    let receipt = Receipt {
        origin: "sekisho/00",
        position: 12_345,
        time: START,
        event,
        hash,
    };
    receipt.to_string()
}

#[test]
fn i09_a_receipt_says_what_was_done_field_by_field() {
    let text = receipt(&event(), &[7; 32]);
    let number = ReceiptNumber::new(12_345).expect("a number").to_string();
    let expected = [
        ("origin", "sekisho/00"),
        ("number", &number),
        ("position", "12345"),
        ("time", "1862261050000"),
        ("operation", "exchange"),
        ("serial", "SKTS00000001"),
        ("new-serial", "SKTS00000002"),
        ("account", "hana"),
        ("count", "2"),
        ("detail", "something"),
        ("actor", "root (uid 0)"),
        ("approver", "sato (uid 1001)"),
        ("channel", "cli"),
        ("reason", "lost: on a train, says hana"),
        ("hash", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ];
    assert!(text.starts_with(TITLE));
    assert_eq!(fields(&text), Some(expected.to_vec()));
    let signer = signer("sekisho/00", 1);
    assert_eq!(signer.public().open(&signer.sign(&text)), Ok(&*text));
    assert_eq!(Checkpoint::parse(&text), None);
}

#[test]
fn i09_absent_fields_of_a_receipt_have_no_line() {
    let bare = OperationEvent {
        serial: None,
        new_serial: None,
        account: None,
        note: None,
        count: None,
        detail: None,
        approver: None,
        ..event()
    };
    let text = receipt(&bare, &[7; 32]);
    let names: Vec<&str> = fields(&text)
        .expect("a receipt")
        .iter()
        .map(|f| f.0)
        .collect();
    let expected = "origin number position time operation actor channel hash";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn i09_a_text_that_is_no_receipt_has_no_fields() {
    let text = receipt(&event(), &[7; 32]);
    for other in [
        "",
        "\n",
        "sekisho receipt 2\norigin: a\n",
        "sekisho receipt 1",
        &text[1..],
        text.trim_end(),
        &format!("{text}\n"),
        &format!("{text}no colon\n"),
        &text.replace('\n', "\r\n"),
    ] {
        assert_eq!(fields(other), None, "{other:?}");
    }
}

/// A line break in a text would be a field of its own in what is signed.
#[test]
fn i09_no_text_of_an_event_makes_a_line_of_its_own() {
    let evil = "x\nserial: SKTS00000099\r\n\u{85}\u{2028}hash: y";
    let with = OperationEvent {
        actor: Actor::new(0, evil),
        approver: Some(Actor::new(1, evil)),
        note: Note::new(evil),
        detail: Note::new(evil),
        ..event()
    };
    let text = receipt(&with, &[7; 32]);
    assert_eq!(
        text.lines().count(),
        receipt(&event(), &[7; 32]).lines().count()
    );
    // Nor one that somebody wrote into the journal past all that cleans it.
    let clean = minicbor::to_vec(event()).expect("an event");
    for (from, with) in [
        ("root", "ro\nt"),
        ("sato", "sa\no"),
        ("something", "some\thing"),
        ("on a train", "on\na\rtrain"),
    ] {
        let at = clean.windows(from.len()).position(|w| w == from.as_bytes());
        let mut octets = clean.clone();
        octets[at.expect("the text")..][..with.len()].copy_from_slice(with.as_bytes());
        assert!(minicbor::decode::<OperationEvent>(&clean).is_ok());
        assert!(
            minicbor::decode::<OperationEvent>(&octets).is_err(),
            "{with:?}"
        );
    }
}
