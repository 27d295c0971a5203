//! Receipts that prove themselves, commands that are sent twice, and a journal that is verified
//! without anybody's help.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::installation::ask_once;
use sekisho_tests::process::Finished;
use sekisho_tests::{Door, Installation, Token, Verdict};
use sekisho_verifier_socket::admin::{Answer, Change, NewToken, Refusal, RefusalKind, Verb};
use serde_json::Value;

const OLD: &str = "SKTS00000001";
const NEW: &str = "SKTS00000002";
/// Commands that are sent at once.
const COPIES: usize = 16;
/// How long a checkpoint may take, on a busy machine.
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(20);

fn hana() -> Token {
    Token::new("hana", OLD)
}

/// Waits until a checkpoint stands for everything.
#[track_caller]
fn wait_for_checkpoint(made: &Installation) -> Value {
    let deadline = Instant::now() + CHECKPOINT_LIMIT;
    loop {
        let verified = made.json(&["audit", "verify"]);
        if verified["unsigned_events"] == 0 && verified["signatures"] != 0 {
            return verified;
        }
        assert!(Instant::now() < deadline, "no checkpoint: {verified}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn save(made: &Installation, name: &str, text: &str) -> String {
    let path = made.folder().join(name);
    fs::write(&path, text).expect("the file can be written");
    path.display().to_string()
}

#[track_caller]
fn fails(done: &Finished, code: i32) {
    assert_eq!(done.status.code(), Some(code), "{done}");
}

#[test]
fn receipt_is_verified_offline_and_a_changed_one_is_not_trusted() {
    let made = Installation::with(&[&hana()]);
    let key = made.sekisho(&["audit", "key"]).expect_success().stdout;
    let key = save(&made, "kept.pub", &key);
    let given = made.json(&["lost", OLD, "--note", "left in a taxi"]);
    let number = given["number"].as_str().expect("a number").to_owned();
    assert_eq!(given["reason"], "left in a taxi");
    assert_eq!(given["channel"], "cli");
    let show = ["receipt", "show", number.as_str(), "--signed"];
    let signed = made.sekisho(&show).expect_success().stdout;
    assert_eq!(given["signed"], signed.as_str());
    wait_for_checkpoint(&made);

    // Nobody is asked.
    let mut made = made;
    made.take_verifier().stop();
    let file = save(&made, "lost.receipt", &signed);
    let data = made.data().display().to_string();
    let verified = made.json(&["receipt", "verify", &file, "--key", &key, "--data", &data]);
    assert_eq!(verified["signature_verified"], true);
    assert_eq!(verified["in_journal"], true);
    let receipt = &verified["receipt"];
    for field in [
        "number",
        "time_ms",
        "operation",
        "serial",
        "account",
        "actor",
        "channel",
        "reason",
        "position",
        "hash",
        "note",
    ] {
        assert_eq!(receipt[field], given[field], "{field}");
    }
    let by_number = made.json(&["receipt", "verify", &number, "--key", &key]);
    assert_eq!(by_number["receipt"]["hash"], given["hash"]);
    assert!(by_number["checkpoint_position"].as_u64() >= given["position"].as_u64());

    for (from, to) in [
        ("taxi", "tram"),
        (OLD, NEW),
        ("operation: lost", "operation: stop"),
        ("hash: ", "hash: A"),
    ] {
        let forged = save(&made, "forged", &signed.replacen(from, to, 1));
        fails(
            &made.sekisho(&["receipt", "verify", &forged, "--key", &key]),
            8,
        );
    }
    let unknown = made.sekisho(&["receipt", "verify", "3333-3333-3333", "--key", &key]);
    fails(&unknown, 3);
}

#[test]
fn journal_verifies_while_it_grows_and_every_kind_of_forgery_is_named() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    for offset in [0, 1] {
        let code = made.code(&hana, offset);
        assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Accept);
    }
    let verified = wait_for_checkpoint(&made);
    assert_eq!(verified["events"], made.events().len());
    // What the log got is a checkpoint of this journal.
    let verifier = made.take_verifier();
    let log = save(&made, "log", &verifier.log());
    verifier.stop();
    let verified = made.json(&["audit", "verify", "--checkpoints", &log]);
    assert!(verified["elsewhere"].as_u64() >= Some(1), "{verified}");

    let journal = newest_segment(&made.data());
    let whole = fs::read(&journal).expect("a journal");
    let filled = whole
        .iter()
        .rposition(|&octet| octet != 0)
        .expect("not empty");
    for at in [filled / 3, filled / 2] {
        let mut forged = whole.clone();
        forged[at] ^= 1;
        fs::write(&journal, &forged).expect("written");
        let done = made.sekisho(&["audit", "verify"]);
        fails(&done, 8);
        let name = journal.file_name().expect("a name").to_string_lossy();
        assert!(done.stderr.contains(&*name), "{done}");
    }
    fs::write(&journal, &whole).expect("written");
    made.json(&["audit", "verify", "--checkpoints", &log]);
}

fn newest_segment(data: &Path) -> PathBuf {
    let entries = fs::read_dir(data.join("journal")).expect("a journal");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let segments = paths.filter(|path| path.extension().is_some_and(|end| end == "journal"));
    segments.max().expect("a segment")
}

/// Sends one verb by many connections at once.
fn at_once(
    made: &Installation,
    verb: impl Fn(usize) -> Verb,
    key: &str,
) -> Vec<Result<Answer, Refusal>> {
    let calls: Vec<_> = (0..COPIES).map(|n| (made.connect(), verb(n))).collect();
    thread::scope(|scope| {
        let running: Vec<_> = calls
            .into_iter()
            .map(|(mut client, verb)| {
                scope.spawn(move || ask_once(&mut client, verb, Some(key)).expect("a reply"))
            })
            .collect();
        running
            .into_iter()
            .map(|call| call.join().expect("no panic"))
            .collect()
    })
}

#[test]
fn sixteen_copies_of_a_command_with_one_key_are_one_operation() {
    let made = Installation::with(&[&hana()]);
    let before = made.events().len();
    let lost = |_| Verb::Change {
        change: Change::Lost,
        serial: OLD.into(),
        keep_sessions: false,
        note: None,
    };
    let mut numbers = Vec::new();
    let mut first = 0;
    for answer in at_once(&made, lost, "ticket-1") {
        let Ok(Answer::Receipt(receipt)) = answer else {
            panic!("{answer:?}")
        };
        numbers.push(receipt.number);
        first += usize::from(!receipt.repeated);
    }
    numbers.dedup();
    assert_eq!((numbers.len(), first), (1, 1), "{numbers:?}");
    assert_eq!(made.events().len(), before + 1);

    // An issue shows its seed once.
    let mut uris = 0;
    for answer in at_once(&made, |_| Verb::Issue(NewToken::default()), "ticket-2") {
        match answer {
            Ok(Answer::Issued { .. }) => uris += 1,
            Ok(Answer::Receipt(receipt)) => assert!(receipt.repeated),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(uris, 1);
    assert_eq!(made.events().len(), before + 2);
}

#[test]
fn key_of_another_operation_is_a_conflict_and_a_failed_proof_uses_none_up() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let suspend = ["suspend", OLD, "--request-key", "ticket-1"];
    let first = made.json(&suspend);
    made.json(&["resume", OLD]);
    // Not done again: the token stays in use.
    for _ in 0..2 {
        let again = made.json(&suspend);
        assert_eq!(again["number"], first["number"]);
        assert_eq!(again["repeated"], true);
        let code = made.code(&hana, 0);
        made.login(Door::Radius, "hana", &code);
        made.crash_verifier();
    }
    for other in [
        ["resume", OLD, "--request-key", "ticket-1"],
        ["suspend", NEW, "--request-key", "ticket-1"],
    ] {
        let done = made.sekisho(&other);
        fails(&done, 4);
        assert!(done.stderr.contains("another operation"), "{done}");
    }

    made.json(&["token", "issue", NEW]);
    let exchange = [
        "exchange",
        OLD,
        NEW,
        "--code-stdin",
        "--request-key",
        "ticket-2",
    ];
    fails(&made.sekisho_with(&exchange, "000000"), 5);
    // The key is still free.
    let used = made.json(&["suspend", OLD, "--request-key", "ticket-2"]);
    assert_eq!(used["repeated"], false);
}

#[test]
fn import_that_is_sent_again_is_the_first_one() {
    let made = Installation::with(&[]);
    let seed = "3132333435363738393031323334353637383930";
    let file = save(
        &made,
        "tokens.csv",
        &format!("account,serial,secret_hex\nhana,{OLD},{seed}\n"),
    );
    let import = ["token", "import", &file, "--request-key", "delivery-7"];
    let first = made.json(&import);
    let again = made.json(&import);
    assert_eq!(again["number"], first["number"]);
    assert_eq!(again["repeated"], true);
    // Without the key it is a second import of the same seed.
    fails(&made.sekisho(&["token", "import", &file]), 4);
}

#[test]
fn nobody_shortens_the_retention_of_the_settings_by_the_tool() {
    let made = Installation::with(&[&hana()]);
    let nothing = made.json(&["audit", "retain", "--older-than", "400d"]);
    assert_eq!(nothing["removed"], Value::Null);
    assert_eq!(nothing["receipt"], Value::Null);
    let done = made.sekisho(&["audit", "retain", "--older-than", "399d"]);
    assert!(done.stderr.contains("kept for 400 days"), "{done}");
    assert!(done.stderr.contains("retention-days"), "{done}");
    fails(&done, 4);
    let mut client = made.connect();
    for dry_run in [false, true] {
        let verb = Verb::Retain {
            older_than_s: Some(400 * 86_400 - 1),
            dry_run,
            note: None,
        };
        let refused = ask_once(&mut client, verb, None).expect("a reply");
        let refusal = refused.expect_err("too young");
        assert_eq!(refusal.kind, RefusalKind::Conflict);
    }
}
