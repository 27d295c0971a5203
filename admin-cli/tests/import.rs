//! `sekisho token import` with a million lines, against a verifier that counts.

mod harness;

use std::fmt::Write;
use std::fs;
use std::time::Instant;

use harness::verifier::FakeVerifier;
use harness::{answers, run, sekisho};
use sekisho_verifier_socket::Reply;
use sekisho_verifier_socket::admin::Verb;

const ROWS: usize = 1_000_000;
const PIECE_ROWS: usize = 2_000;

fn ready(count: usize) -> Vec<Reply> {
    let mut replies: Vec<_> = (0..count).map(|_| answers::reply("ready")).collect();
    replies.push(answers::reply("receipt operation=import count=1000000"));
    replies
}

#[test]
fn a_million_tokens_go_over_in_order_and_in_frames_that_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, file) = (
        folder.path().join("verifier.sock"),
        folder.path().join("tokens.csv"),
    );
    let mut text = String::from("account,serial,secret_hex\n");
    for number in 0..ROWS {
        writeln!(
            text,
            ",SKTS{number:08},3132333435363738393031323334353637383930"
        )
        .expect("a string");
    }
    fs::write(&file, text).expect("written");
    let pieces = ROWS / PIECE_ROWS;
    let verifier = FakeVerifier::start(&socket, ready(1 + pieces));
    let start = Instant::now();
    let mut command = sekisho();
    command
        .arg("--socket")
        .arg(&socket)
        .args(["token", "import"])
        .arg(&file);
    let done = run(&mut command, "");
    println!("1,000,000 lines checked and sent in {:?}", start.elapsed());
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let asked = verifier.asked();
    assert_eq!(asked.len(), pieces + 2);
    let rows = asked.iter().flat_map(|asked| match &asked.verb {
        Verb::ImportRows(rows) => &rows[..],
        _ => &[],
    });
    let mut count = 0;
    for (number, row) in rows.enumerate() {
        assert_eq!(
            (row.line, &row.serial),
            (number as u64 + 2, &format!("SKTS{number:08}"))
        );
        count += 1;
    }
    assert_eq!(count, ROWS);
}

#[test]
fn a_verifier_that_vanishes_in_the_middle_is_reported_and_nothing_is_claimed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, file) = (
        folder.path().join("verifier.sock"),
        folder.path().join("tokens.csv"),
    );
    fs::write(&file, "account,serial,secret_hex\n,S1,00\n").expect("written");
    for (answered, unknown) in [(1, false), (2, true)] {
        let _ = fs::remove_file(&socket);
        let mut replies = ready(2);
        replies.truncate(answered);
        let verifier = FakeVerifier::start(&socket, replies);
        let mut command = sekisho();
        command
            .arg("--socket")
            .arg(&socket)
            .args(["token", "import"])
            .arg(&file);
        let done = run(&mut command, "");
        verifier.asked();
        let errors = String::from_utf8(done.stderr).expect("UTF-8");
        assert_eq!(done.status.code(), Some(7), "{errors}");
        // Before the last message nothing can have taken effect.
        assert_eq!(errors.contains("not known whether"), unknown, "{errors}");
        assert!(done.stdout.is_empty());
    }
}
