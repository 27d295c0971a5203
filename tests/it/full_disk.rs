//! A full disk: nobody gets in on an accept that is not durable, a lost token dies all the same,
//! and it mends itself when there is space again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sekisho_tests::installation::{attempt, call};
use sekisho_tests::{Door, Installation, Token, Verdict};
use sekisho_verifier_socket::{Client, Reply};

/// The verifier's disk, in MiB: a few times what the journal grows by at once.
const DISK_MIB: u32 = 24;
/// So many decisions fill what the journal has set aside for logins, and more.
const DECISIONS_MAX: usize = 40_000;
const MENDED_WITHIN: Duration = Duration::from_secs(10);

/// Takes all space that is left on the disk below `folder`.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).expect("a file on the small disk");
    let mut octets: &[u8] = &[0; 64 << 10];
    loop {
        match file.write(octets) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull && octets.len() > 1 => {
                octets = &octets[..octets.len() / 2];
            }
            Err(error) if error.kind() == ErrorKind::StorageFull => return path,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Tries to log in as somebody whom nobody knows until nothing can be decided any more.
fn exhaust(client: &mut Client) {
    for _ in 0..DECISIONS_MAX {
        match call(client, attempt("stranger", "000000")) {
            Some(Reply::Decided { .. }) => {}
            Some(Reply::Unavailable) => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("{DECISIONS_MAX} decisions found room on a full disk");
}

fn warnings(made: &Installation) -> String {
    made.json(&["status"])["warnings"].to_string()
}

#[test]
fn full_disk_gives_no_accept_says_so_and_mends_itself() {
    let hana = Token::new("hana", "SKTS00000001");
    let jiro = Token::new("jiro", "SKTS00000002");
    let mut made = Installation::with(&[&hana, &jiro]);
    made.take_verifier().stop();
    let disk = made.start_verifier_on_a_disk(DISK_MIB);
    assert_eq!(
        made.login(Door::Radius, "hana", &made.code(&hana, -1)),
        Verdict::Accept
    );
    let filler = fill(&disk);
    exhaust(&mut made.connect());

    let code = made.code(&hana, 0);
    for door in Door::BOTH {
        assert_eq!(made.login(door, "hana", &code), Verdict::Silent, "{door:?}");
    }
    assert!(
        warnings(&made).contains("No space left on device"),
        "{}",
        warnings(&made)
    );
    // What takes a right away must not wait for an administrator who makes room.
    let lost = made.json(&["lost", "SKTS00000002"]);
    let number = lost["number"].as_str().expect("a receipt has a number");
    made.sekisho(&["receipt", "show", number]).expect_success();

    fs::remove_file(filler).expect("the filler can be removed");
    let deadline = Instant::now() + MENDED_WITHIN;
    while made.login(Door::Radius, "hana", &code) != Verdict::Accept {
        assert!(Instant::now() < deadline, "{}", warnings(&made));
    }
    assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Reject);
    assert_eq!(
        made.login(Door::Radius, "jiro", &made.code(&jiro, 0)),
        Verdict::Reject
    );
    assert!(
        !warnings(&made).contains("No space left"),
        "{}",
        warnings(&made)
    );
}
