//! Backups: no code and no receipt number of before a restore comes again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use age::x25519::Identity;
use sekisho_tests::backup::Keeper;
use sekisho_tests::installation::{Plan, ask, attempt, call};
use sekisho_tests::process::{self, Finished, Guarded};
use sekisho_tests::radius::random;
use sekisho_tests::{Installation, Token, programs};
use sekisho_verifier_socket::admin::{Answer, Verb};
use sekisho_verifier_socket::{self as socket, Client, Reply, Verdict};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::campaign;

const LIMIT: Duration = Duration::from_secs(60);

/// Without learned drift a code is acceptable for three steps, and a restore moves every token past
/// them.
const SETTINGS: &str = "[acceptance]\ndrift-steps = 0\n";
/// From one round to the next, so that none of its codes is one of the round before.
const ROUND: u64 = 180;

/// An installation whose backups `keeper` can read.
fn installation(keeper: &Keeper, tokens: &[&Token]) -> Installation {
    let mut made = Plan::default()
        .settings(SETTINGS)
        .settings(&keeper.settings())
        .build();
    made.start_verifier();
    made.import(tokens);
    made
}

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn verdict(client: &mut Client, account: &str, code: &str) -> Verdict {
    match call(client, attempt(account, code)) {
        Some(Reply::Decided { verdict, .. }) => verdict,
        other => panic!("nothing was decided: {other:?}"),
    }
}

/// An operation that is always done; its receipt's number.
fn operate(client: &mut Client) -> String {
    let set = |client: &mut Client, required| {
        let verb = Verb::AccountSet {
            account: "jiro".into(),
            change: socket::admin::AccountChange {
                code_required: Some(required),
                ..Default::default()
            },
            keep_sessions: false,
            note: None,
        };
        match ask(client, verb) {
            Some(Ok(Answer::Receipt(receipt))) => Some(receipt.number),
            _ => None,
        }
    };
    // One of the two is a change.
    let number = set(client, false).or_else(|| set(client, true));
    number.expect("a receipt")
}

fn number(receipt: &Value) -> String {
    receipt["number"].as_str().expect("a number").to_owned()
}

#[track_caller]
fn restored(done: Finished) -> Value {
    serde_json::from_str(&done.expect_success().stdout).expect("JSON")
}

#[track_caller]
fn refused(done: &Finished, exit_code: i32, part: &str) {
    assert_eq!(done.status.code(), Some(exit_code), "{done}");
    assert!(done.stderr.contains(part), "{part} is not in {done}");
    let error: Value = serde_json::from_str(&done.stderr).expect("errors are JSON as well");
    assert_eq!(error["error"]["exit_code"], exit_code, "{done}");
}

#[test]
fn codes_of_before_a_restore_stay_refused_and_no_receipt_number_comes_again_in_100_cycles() {
    let keeper = Keeper::new();
    let token = hana();
    let mut made = installation(&keeper, &[&token]);
    let mut receipts = HashSet::new();
    for cycle in 0..100 * campaign() {
        let file = keeper.file(&format!("{cycle}.age"));
        let receipt = made.back_up(&file, cycle % 2 == 0);
        assert!(receipts.insert(number(&receipt)), "{receipt} came twice");
        // Three accepts that the backup knows nothing of, and a receipt.
        let codes = [-1, 0, 1].map(|offset| made.code(&token, offset));
        let mut client = made.connect();
        for code in &codes {
            assert_eq!(
                verdict(&mut client, "hana", code),
                Verdict::Accept,
                "{cycle}"
            );
        }
        assert!(receipts.insert(operate(&mut client)), "cycle {cycle}");
        drop(client);
        made.take_verifier().kill();
        made.lose_data();
        made.clock().advance(1);
        let receipt = restored(made.restore(&file, &keeper.identity()));
        assert!(receipts.insert(number(&receipt)), "{receipt} came twice");
        made.start_verifier();
        let mut client = made.connect();
        for code in &codes {
            assert_eq!(
                verdict(&mut client, "hana", code),
                Verdict::Reject,
                "{cycle}"
            );
        }
        assert!(receipts.insert(operate(&mut client)), "cycle {cycle}");
        made.clock().advance(ROUND);
        fs::remove_file(file).expect("it was there");
    }
    let code = made.code(&token, 0);
    let after = verdict(&mut made.connect(), "hana", &code);
    assert_eq!(after, Verdict::Accept, "later codes are good");
    made.sekisho(&["audit", "verify"]).expect_success();
}

#[test]
fn same_backup_restored_twice_gives_no_number_twice_and_takes_no_code_twice() {
    for history in [true, false] {
        let keeper = Keeper::new();
        let token = hana();
        let mut made = installation(&keeper, &[&token]);
        let file = keeper.file("b.age");
        let mut numbers = vec![number(&made.back_up(&file, history))];
        let mut spent: Vec<String> = Vec::new();
        for _ in 0..5 {
            made.take_verifier().stop();
            made.lose_data();
            // Real clocks do not stand still.
            made.clock().advance(1);
            numbers.push(number(&restored(made.restore(&file, &keeper.identity()))));
            made.start_verifier();
            let mut client = made.connect();
            for code in &spent {
                assert_eq!(verdict(&mut client, "hana", code), Verdict::Reject);
            }
            made.clock().advance(ROUND);
            let code = made.code(&token, 0);
            assert_eq!(verdict(&mut client, "hana", &code), Verdict::Accept);
            spent.push(code);
            numbers.extend((0..20).map(|_| operate(&mut client)));
        }
        let distinct: HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "{numbers:?}");
    }
}

#[test]
fn restore_brings_back_what_the_backup_has_and_says_what_it_did() {
    for history in [true, false] {
        let keeper = Keeper::new();
        let (token, other) = (hana(), Token::new("jiro", "SKTS00000002"));
        let mut made = installation(&keeper, &[&token, &other]);
        made.import_text(&format!(
            "account,serial,secret_hex,algorithm,digits,period,counter\n\
             kei,SKTH00000003,{},sha1,6,,0\n",
            "4b".repeat(20)
        ))
        .expect_success();
        made.json(&["lost", "SKTS00000002"]);
        let before = made.events().len();
        let file = keeper.file("b.age");
        let receipt = made.back_up(&file, history);
        assert_eq!(receipt["operation"], "backup");
        let note = receipt["note"].as_str().expect("what and for whom");
        assert!(note.contains(&keeper.recipient[..16]), "{note}");
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
        made.take_verifier().stop();
        made.lose_data();
        made.clock().advance(1);
        let receipt = restored(made.restore(&file, &keeper.identity()));
        assert_eq!(receipt["channel"], "offline");
        assert_eq!(receipt["tokens"], 3);
        let note = receipt["note"].to_string();
        assert!(
            note.contains("1 HOTP tokens are to be enrolled again"),
            "{note}"
        );
        made.start_verifier();
        let state = |serial: &str| made.json(&["token", "show", serial])["state"].clone();
        assert_eq!(state("SKTS00000001"), "active");
        assert_eq!(state("SKTS00000002"), "lost");
        let counted = made.json(&["token", "show", "SKTH00000003"]);
        assert_eq!(counted["disabled"], true, "{counted}");
        // That the policy of the settings takes effect is told when the verifier starts.
        let of_then = |event: &Value| event["operation"] != "policy-apply";
        let events: Vec<Value> = made.events().into_iter().filter(of_then).collect();
        assert_eq!(events.last().expect("events")["operation"], "restore");
        // The backup's own event is not in it.
        assert_eq!(events.len(), if history { before + 1 } else { 1 });
        made.sekisho(&["audit", "verify"]).expect_success();
        let shown = made.json(&["receipt", "show", &number(&receipt)]);
        assert_eq!(shown["operation"], "restore");
    }
}

#[test]
fn restore_refuses_a_folder_that_is_in_use_or_not_empty() {
    let keeper = Keeper::new();
    let mut made = installation(&keeper, &[&hana()]);
    let file = keeper.file("b.age");
    made.back_up(&file, true);
    let before = made.data_names();
    refused(
        &made.restore(&file, &keeper.identity()),
        4,
        "a verifier runs",
    );
    made.take_verifier().stop();
    let done = made.restore(&file, &keeper.identity());
    refused(&done, 4, "is not empty: ");
    assert!(done.stderr.contains("journal"), "{done}");
    assert_eq!(made.data_names(), before);
    made.start_verifier();
    made.take_verifier().stop();
    made.lose_data();
    fs::remove_file(made.data().join("master.key")).expect("it was there");
    let done = made.restore(&file, &keeper.identity());
    assert_eq!(done.status.code(), Some(1), "{done}");
    assert!(done.stderr.contains("master.key"), "{done}");
    assert_eq!(made.data_names(), ["lock"]);
}

/// Everything in a folder: which file it is, its mode, and its octets.
fn all_of(folder: &Path) -> BTreeMap<PathBuf, (u64, u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let about = fs::symlink_metadata(&path).expect("it is there");
            let octets = match () {
                () if about.is_symlink() => {
                    let to = fs::read_link(&path).expect("a link");
                    to.into_os_string().into_encoded_bytes()
                }
                () if about.is_dir() => {
                    folders.push(path.clone());
                    Vec::new()
                }
                () => fs::read(&path).expect("a file"),
            };
            all.insert(path, (about.ino(), about.mode(), octets));
        }
    }
    all
}

/// A restore that was cut off in the data folder, at its end or earlier.
fn leave_unfinished(data: &Path, at_the_end: bool) {
    let folder = data.join("restore.tmp/1");
    fs::create_dir_all(folder.join("journal")).expect("folders");
    fs::write(folder.join("journal/0000000001.journal"), "half").expect("written");
    fs::write(folder.join("keyring"), "of it").expect("written");
    if at_the_end {
        fs::hard_link(folder.join("keyring"), data.join("keyring")).expect("a link");
    }
}

#[test]
fn refused_restore_changes_nothing_that_was_there() {
    let keeper = Keeper::new();
    let token = hana();
    let mut made = installation(&keeper, &[&token]);
    let (file, bad) = (keeper.file("b.age"), keeper.file("bad.age"));
    made.back_up(&file, true);
    let good = fs::read(&file).expect("a backup");
    fs::write(&bad, &good[..good.len() - 1]).expect("written");
    made.take_verifier().stop();
    made.clock().advance(1);
    let data = made.data();
    let identity = keeper.identity();
    let unchanged = |made: &Installation, what: &str, file: &Path, part: &str| {
        let before = all_of(&data);
        let done = made.restore(file, &identity);
        assert!(!done.status.success(), "{what}: {done}");
        assert!(done.stderr.contains(part), "{what}: {done}");
        assert!(all_of(&data) == before, "{what}: {:?}", made.data_names());
    };
    unchanged(&made, "the whole store", &file, "is not empty: ");
    let away = tempfile::tempdir_in(made.folder()).expect("a folder");
    let move_all = |from: &Path, to: &Path, names: &[&str]| {
        for name in names {
            fs::rename(from.join(name), to.join(name)).expect("moved");
        }
    };
    // Moved away to look at it, or on a disk of its own that is not there.
    move_all(&data, away.path(), &["journal"]);
    unchanged(&made, "no journal", &file, "keyring");
    move_all(away.path(), &data, &["journal"]);
    made.start_verifier();
    made.take_verifier().stop();
    let names = made.data_names();
    let parts = names.iter().filter(|name| *name != "master.key");
    let parts: Vec<&str> = parts.map(String::as_str).collect();
    move_all(&data, away.path(), &parts);
    for part in parts.iter().filter(|part| **part != "lock") {
        move_all(away.path(), &data, &[part]);
        unchanged(&made, part, &file, &format!("is not empty: {part}"));
        move_all(&data, away.path(), &[part]);
    }
    for name in ["notes.txt", "restore.tmp"] {
        symlink(away.path(), data.join(name)).expect("a link");
        unchanged(&made, name, &file, &format!("is not empty: {name}"));
        fs::remove_file(data.join(name)).expect("it is there");
    }
    leave_unfinished(&data, false);
    fs::copy(away.path().join("keyring"), data.join("keyring")).expect("a copy");
    unchanged(&made, "another keyring", &file, "is not empty: keyring");
    fs::remove_dir_all(data.join("restore.tmp")).expect("it was there");
    fs::remove_file(data.join("keyring")).expect("it was there");

    for at_the_end in [false, true] {
        leave_unfinished(&data, at_the_end);
        fs::write(data.join("keyring.new"), "left by a write that failed").expect("written");
        fs::write(data.join("lock"), "").expect("written");
        unchanged(&made, "a bad backup", &bad, "is damaged");
        made.clock().set_back(60);
        unchanged(&made, "a wrong clock", &file, "clock is behind");
        made.clock().advance(61);
        restored(made.restore(&file, &keeper.identity()));
        assert_eq!(
            made.data_names(),
            ["journal", "keyring", "lock", "master.key"]
        );
        made.lose_data();
    }
}

#[test]
fn restore_by_a_clock_that_is_ahead_warns_and_can_be_done_again() {
    let keeper = Keeper::new();
    let token = hana();
    let mut made = installation(&keeper, &[&token]);
    let file = keeper.file("b.age");
    made.back_up(&file, true);
    made.take_verifier().stop();
    made.lose_data();
    let days = 3 * 86_400;
    made.clock().advance(days);
    let wrong = made.clock().now() * 1_000;
    let receipt = restored(made.restore(&file, &keeper.identity()));
    let time = receipt["time_ms"].as_u64().expect("milliseconds");
    assert!(time.abs_diff(wrong) < 60_000, "{receipt}");
    let ahead = receipt["ahead_ms"].as_u64().expect("milliseconds");
    assert!(ahead.abs_diff(days * 1_000) < 60_000, "{receipt}");
    let warning = receipt["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("restore again"), "{warning}");
    made.start_verifier();
    operate(&mut made.connect());
    made.take_verifier().stop();
    made.lose_data();
    made.clock().set_back(days - 60);
    let mut plain = process::leashed(programs::ours("sekisho"));
    plain.arg("--settings").arg(made.settings());
    plain.arg("restore").arg(&file);
    plain.arg("--identity").arg(keeper.identity());
    made.clock().wind(&mut plain);
    let done = process::run(&mut plain, b"", LIMIT).expect_success();
    assert!(done.stderr.starts_with("Clock  "), "{done}");
    assert!(done.stderr.contains(" UTC: is this right?"), "{done}");
    assert!(done.stdout.contains(" UTC: is this right?"), "{done}");
    assert!(!format!("{done}").contains("ahead"), "{done}");
    // The anchor saw more than this one has, and lets it start all the same.
    made.start_verifier();
    made.clock().advance(ROUND);
    let code = made.code(&token, 0);
    let after = verdict(&mut made.connect(), "hana", &code);
    assert_eq!(after, Verdict::Accept);
    made.sekisho(&["audit", "verify"]).expect_success();
}

#[test]
fn restore_by_a_clock_that_is_behind_the_backup_is_refused_unless_it_is_right() {
    let keeper = Keeper::new();
    let token = hana();
    let mut made = installation(&keeper, &[&token]);
    let file = keeper.file("b.age");
    made.back_up(&file, true);
    made.take_verifier().stop();
    made.lose_data();
    made.clock().set_back(60);
    refused(
        &made.restore(&file, &keeper.identity()),
        4,
        "clock is behind",
    );
    assert_eq!(made.data_names(), ["lock", "master.key"]);
    // The clock of before was wrong, and somebody says so.
    let mut command = made.restore_command(&file, &keeper.identity());
    command.arg("--trust-clock");
    restored(process::run(&mut command, b"", LIMIT));
    made.start_verifier();
    made.clock().advance(ROUND);
    let code = made.code(&token, 0);
    let after = verdict(&mut made.connect(), "hana", &code);
    assert_eq!(after, Verdict::Accept);
}

/// A store that is not as it was made: a new key seals it, and old events are gone.
#[test]
fn backup_of_a_store_in_the_middle_of_a_rotation_or_without_its_oldest_events_is_whole() {
    let keeper = Keeper::new();
    let tokens: Vec<Token> = (0..3_000)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let mut made = installation(&keeper, &tokens.iter().collect::<Vec<_>>());
    for history in [true, false, true] {
        made.json(&["key", "rotate"]);
        let file = keeper.file("b.age");
        made.back_up(&file, history);
        made.take_verifier().kill();
        made.lose_data();
        made.clock().advance(1);
        restored(made.restore(&file, &keeper.identity()));
        fs::remove_file(&file).expect("it was there");
        made.start_verifier();
        let deadline = Instant::now() + LIMIT;
        loop {
            let status = made.json(&["key", "status"]);
            if status["data_keys"].as_array().map(Vec::len) == Some(1) {
                break;
            }
            assert!(Instant::now() < deadline, "{status}");
            thread::sleep(Duration::from_millis(50));
        }
        made.clock().advance(ROUND);
        let code = made.code(&tokens[7], 0);
        let after = verdict(&mut made.connect(), "user7", &code);
        assert_eq!(after, Verdict::Accept, "{history}");
        // What is older than the last restore is sealed, and can go.
        made.clock().advance(500 * 86_400);
        let code = made.code(&tokens[8], 0);
        verdict(&mut made.connect(), "user8", &code);
        made.sekisho(&["audit", "retain"]).expect_success();
        let first = made.data().join("journal/0000000001.journal");
        assert!(!first.exists() && !first.with_extension("journal.zst").exists());
    }
    made.sekisho(&["audit", "verify"]).expect_success();
}

#[test]
fn what_root_restores_belongs_to_the_owner_of_the_data_folder() {
    let keeper = Keeper::new();
    let mut made = installation(&keeper, &[&hana()]);
    let file = keeper.file("b.age");
    made.back_up(&file, true);
    made.take_verifier().stop();
    made.lose_data();
    let nobody = 65_534;
    for path in [made.data(), made.data().join("master.key")] {
        chown(path, Some(nobody), Some(nobody)).expect("root can give files away");
    }
    made.clock().advance(1);
    restored(made.restore(&file, &keeper.identity()));
    let mut folders = vec![made.data()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let about = entry.metadata().expect("it is there");
            assert_eq!(
                (about.uid(), about.mode() & 0o077),
                (nobody, 0),
                "{entry:?}"
            );
            files += 1;
            if about.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(files > 3, "only {files} files");
}

/// A backup that is taken apart.
struct Opened {
    files: Vec<(String, Vec<u8>)>,
}

impl Opened {
    fn open(keeper: &Keeper, file: &Path) -> Self {
        let text = fs::read_to_string(keeper.identity()).expect("an identity");
        let identity = text.lines().find_map(|line| line.parse::<Identity>().ok());
        let identity = identity.expect("an identity");
        let octets = fs::read(file).expect("a backup");
        let clear = age::decrypt(&identity, &octets).expect("it opens");
        let mut archive = tar::Archive::new(&*clear);
        let files = archive.entries().expect("a tar").map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            let mut octets = Vec::new();
            entry.read_to_end(&mut octets).expect("its octets");
            (name, octets)
        });
        Self {
            files: files.collect(),
        }
    }

    fn seal(&self, keeper: &Keeper, file: &Path) {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, octets) in &self.files {
            let mut header = tar::Header::new_ustar();
            // Names that lead elsewhere, too.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(match name.ends_with(".link") {
                true => tar::EntryType::Symlink,
                false => tar::EntryType::Regular,
            });
            header.set_size(octets.len() as u64);
            header.set_mode(0o400);
            header.set_cksum();
            tar.append(&header, &**octets)
                .expect("a buffer takes everything");
        }
        let clear = tar.into_inner().expect("a buffer takes everything");
        let recipient: age::x25519::Recipient = keeper.recipient.parse().expect("a recipient");
        fs::write(file, age::encrypt(&recipient, &clear).expect("it seals")).expect("written");
    }

    fn place(&self, name: &str) -> usize {
        let found = self.files.iter().position(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    fn file(&mut self, name: &str) -> &mut Vec<u8> {
        let place = self.place(name);
        &mut self.files[place].1
    }

    /// The first file of the journal.
    fn journal(&self) -> usize {
        let found = self
            .files
            .iter()
            .position(|(name, _)| name.starts_with("journal/"));
        found.expect("a journal")
    }

    /// Makes the manifest fit what is in the backup, as somebody could who is not the verifier.
    fn list_anew(&mut self) {
        let text = self.file("manifest.json").clone();
        let mut manifest: Value = serde_json::from_slice(&text).expect("JSON");
        let listed = self
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("manifest"));
        manifest["files"] = listed
            .map(|(name, octets)| {
                let sum = Sha256::digest(octets);
                let hex: String = sum.iter().map(|octet| format!("{octet:02x}")).collect();
                json!({ "name": name, "octets": octets.len(), "sha256": hex })
            })
            .collect();
        *self.file("manifest.json") = manifest.to_string().into_bytes();
    }
}

#[test]
fn backup_in_which_anything_was_changed_is_refused_and_leaves_nothing() {
    let keeper = Keeper::new();
    let mut made = installation(&keeper, &[&hana()]);
    let file = keeper.file("good.age");
    made.back_up(&file, true);
    let other = installation(&keeper, &[&hana()]);
    let others = keeper.file("other.age");
    other.back_up(&others, true);
    drop(other);
    made.take_verifier().stop();
    made.lose_data();
    made.clock().advance(1);
    let bad = keeper.file("bad.age");
    let check = |what: &str| {
        let done = made.restore(&bad, &keeper.identity());
        assert_eq!(done.status.code(), Some(2), "{what}: {done}");
        assert!(done.stderr.contains("way_out"), "{what}: {done}");
        assert_eq!(made.data_names(), ["lock", "master.key"], "{what}");
    };
    let good = fs::read(&file).expect("a backup");
    for round in 0..20 * campaign() {
        let at = u32::from_be_bytes(random()[..4].try_into().expect("four")) as usize;
        let at = match round {
            0 => 0,
            1 => good.len() - 1,
            _ => at % good.len(),
        };
        fs::write(&bad, &good[..at]).expect("written");
        check(&format!("cut off at {at}"));
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (round % 8);
        fs::write(&bad, &flipped).expect("written");
        check(&format!("bit {round} of {at} flipped"));
    }
    fs::write(&bad, [&*good, b"x"].concat()).expect("written");
    check("an octet behind");

    type Change = fn(&mut Opened, &mut Opened);
    let changes: [(&str, Change); 13] = [
        ("an octet of the journal", |ours, _| {
            let at = ours.journal();
            ours.files[at].1[200] ^= 1;
        }),
        ("an octet of the journal, listed", |ours, _| {
            let at = ours.journal();
            ours.files[at].1[200] ^= 1;
            ours.list_anew();
        }),
        ("another journal", |ours, theirs| {
            let (at, from) = (ours.journal(), theirs.journal());
            ours.files[at] = theirs.files[from].clone();
        }),
        ("another journal, listed", |ours, theirs| {
            let (at, from) = (ours.journal(), theirs.journal());
            ours.files[at] = theirs.files[from].clone();
            ours.list_anew();
        }),
        ("another keyring, listed", |ours, theirs| {
            *ours.file("keyring") = theirs.file("keyring").clone();
            ours.list_anew();
        }),
        ("another manifest and note", |ours, theirs| {
            for name in ["manifest.json", "manifest.note"] {
                *ours.file(name) = theirs.file(name).clone();
            }
        }),
        ("no journal", |ours, _| {
            let at = ours.journal();
            ours.files.remove(at);
        }),
        ("no keyring", |ours, _| {
            let at = ours.place("keyring");
            ours.files.remove(at);
        }),
        ("no note", |ours, _| {
            let at = ours.place("manifest.note");
            ours.files.remove(at);
        }),
        ("one more file", |ours, _| {
            let more = ("journal/0000000009.journal".into(), b"more".to_vec());
            ours.files.insert(0, more);
        }),
        ("a file that leads elsewhere", |ours, _| {
            let more = ("journal/../../escaped".into(), b"more".to_vec());
            ours.files.insert(0, more);
        }),
        ("a link", |ours, _| {
            let more = ("journal/a.link".into(), Vec::new());
            ours.files.insert(0, more);
        }),
        ("a file twice", |ours, _| {
            let at = ours.journal();
            let again = ours.files[at].clone();
            ours.files.insert(at, again);
        }),
    ];
    for (what, change) in changes {
        let mut ours = Opened::open(&keeper, &file);
        change(&mut ours, &mut Opened::open(&keeper, &others));
        ours.seal(&keeper, &bad);
        check(what);
    }
    assert!(!made.data().join("escaped").exists());

    // Nothing was wrong with the way it was sealed again.
    Opened::open(&keeper, &file).seal(&keeper, &bad);
    restored(made.restore(&bad, &keeper.identity()));
}

#[test]
fn backup_for_another_identity_or_by_another_installation_is_refused() {
    let (keeper, stranger) = (Keeper::new(), Keeper::new());
    let mut made = installation(&keeper, &[&hana()]);
    let file = keeper.file("b.age");
    made.back_up(&file, true);
    let kept = keeper.file("audit.pub");
    fs::copy(made.data().join("audit.pub"), &kept).expect("the public key");
    let other = installation(&keeper, &[&hana()]);
    let others = keeper.file("other.age");
    other.back_up(&others, true);
    made.take_verifier().stop();
    made.lose_data();
    made.clock().advance(1);
    let done = made.restore(&file, &stranger.identity());
    refused(&done, 2, "was not made for this identity");
    let done = made.restore(&file, &file);
    refused(&done, 2, "holds no identity");
    let signed = |file: &Path| {
        let mut command = made.restore_command(file, &keeper.identity());
        command.arg("--audit-key").arg(&kept);
        process::run(&mut command, b"", LIMIT)
    };
    refused(&signed(&others), 8, "another installation made it");
    assert_eq!(made.data_names(), ["lock", "master.key"]);
    restored(signed(&file));
}

#[test]
fn restore_that_is_killed_leaves_nothing_usable_or_everything() {
    let keeper = Keeper::new();
    let token = hana();
    let mut made = installation(&keeper, &[&token]);
    let (mut killed, mut unfinished) = (0, 0);
    for round in 0..40 * campaign() {
        let file = keeper.file(&format!("{round}.age"));
        made.back_up(&file, round % 2 == 0);
        let codes = [-1, 0, 1].map(|offset| made.code(&token, offset));
        let mut client = made.connect();
        for code in &codes {
            assert_eq!(
                verdict(&mut client, "hana", code),
                Verdict::Accept,
                "{round}"
            );
        }
        drop(client);
        made.take_verifier().kill();
        made.lose_data();
        made.clock().advance(1);
        let mut command = made.restore_command(&file, &keeper.identity());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut restoring = Guarded::spawn(&mut command);
        thread::sleep(Duration::from_micros(u64::from(random()[0]) * 1_000));
        killed += usize::from(restoring.ended().is_none());
        restoring.kill();
        if !made.data().join("journal").exists() {
            if made.data().join("restore.tmp").exists() {
                unfinished += 1;
                let mut start = made.daemon_command("sekisho-verifierd");
                made.clock().wind(&mut start);
                let done = process::run(&mut start, b"", LIMIT);
                assert!(!done.status.success(), "{round}: {done}");
                let plain = done.stderr.contains("run sekisho restore again");
                assert!(plain, "{round}: {done}");
            }
            restored(made.restore(&file, &keeper.identity()));
        }
        made.start_verifier();
        let mut client = made.connect();
        for code in &codes {
            assert_eq!(
                verdict(&mut client, "hana", code),
                Verdict::Reject,
                "{round}"
            );
        }
        assert!(!made.data().join("restore.tmp").exists(), "{round}");
        made.clock().advance(ROUND);
    }
    assert!(
        killed > 5 && unfinished > 2,
        "only {killed} and {unfinished} in the middle"
    );
}

#[test]
fn backup_has_everything_up_to_its_event_while_logins_go_on() {
    let keeper = Keeper::new();
    let tokens: Vec<Token> = (0..40)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let mut made = installation(&keeper, &tokens.iter().collect::<Vec<_>>());
    let codes: Vec<_> = tokens.iter().map(|token| made.code(token, 0)).collect();
    let file = keeper.file("b.age");
    thread::scope(|scope| {
        let logins = scope.spawn(|| {
            let mut client = made.connect();
            for (token, code) in tokens.iter().zip(&codes) {
                assert_eq!(verdict(&mut client, &token.account, code), Verdict::Accept);
            }
        });
        for history in [true, false] {
            made.back_up(&keeper.file(&format!("{history}.age")), history);
        }
        logins.join().expect("all were let in");
    });
    made.back_up(&file, true);
    made.take_verifier().stop();
    for name in ["true.age", "false.age", "b.age"] {
        made.lose_data();
        made.clock().advance(1);
        restored(made.restore(&keeper.file(name), &keeper.identity()));
        made.start_verifier();
        let mut client = made.connect();
        for (token, code) in tokens.iter().zip(&codes) {
            assert_eq!(
                verdict(&mut client, &token.account, code),
                Verdict::Reject,
                "{name}"
            );
        }
        drop(client);
        made.take_verifier().stop();
    }
}

#[test]
fn backup_never_overwrites_and_one_is_made_at_a_time() {
    let keeper = Keeper::new();
    let made = installation(&keeper, &[&hana()]);
    let file = keeper.file("b.age");
    fs::write(&file, "something else").expect("written");
    let path = file.display().to_string();
    let done = made.sekisho(&["backup", &path]);
    assert_eq!(done.status.code(), Some(4), "{done}");
    assert_eq!(fs::read(&file).expect("there"), b"something else");
    let begin = || Verb::Backup {
        history: true,
        note: None,
    };
    let mut first = made.connect();
    assert!(matches!(
        ask(&mut first, begin()),
        Some(Ok(Answer::BackupBegun { .. }))
    ));
    let mut second = made.connect();
    assert!(matches!(ask(&mut second, begin()), Some(Err(_))));
    // Who goes away ends it, and makes room.
    drop(first);
    let mut tries = 0;
    while !matches!(ask(&mut second, begin()), Some(Ok(_))) {
        tries += 1;
        assert!(tries < 200, "the first backup never ends");
        thread::sleep(Duration::from_millis(20));
    }
    drop(second);
    let events = made.events();
    assert!(
        events.iter().all(|event| event["operation"] != "backup"),
        "{events:?}"
    );
}

#[test]
fn backup_goes_through_a_pipe() {
    let keeper = Keeper::new();
    let mut made = installation(&keeper, &[&hana()]);
    let file = keeper.file("b.age");
    let mut command = process::leashed("sh");
    command
        .args(["-c", "\"$0\" --settings \"$1\" backup - > \"$2\""])
        .arg(programs::ours("sekisho"))
        .arg(made.settings())
        .arg(&file);
    let done = process::run(&mut command, b"", LIMIT).expect_success();
    assert!(done.stderr.contains("Receipt number"), "{done}");
    made.take_verifier().stop();
    made.lose_data();
    made.clock().advance(1);
    restored(made.restore(&file, &keeper.identity()));
}

#[test]
fn backup_without_recipients_is_refused_with_the_way_out() {
    let mut made = Plan::default().build();
    made.start_verifier();
    let file = made.folder().join("b.age").display().to_string();
    let done = made.sekisho(&["backup", &file]);
    assert_eq!(done.status.code(), Some(2), "{done}");
    assert!(done.stderr.contains("sekisho backup-key"), "{done}");
    assert!(!Path::new(&file).exists());
}

/// The blocks of the guide's drill, each with the machine that it is for.
fn drill() -> Vec<(String, String)> {
    let guide = include_str!("../../docs/guide.md");
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in guide.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(word)) => {
                let name = word.strip_prefix("sh drill ").unwrap_or_default();
                open = Some((name.to_owned(), String::new()));
            }
            (Some(_), Some(_)) => {
                let block = open.take().expect("it is open");
                if !block.0.is_empty() {
                    blocks.push(block);
                }
            }
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// A machine of its own: nothing of the real one's is changed. `systemctl` stands for systemd.
const MACHINE: &str = r#"
set -eu
machine=$1 programs=$2 media=$3
mkdir -p "$machine/etc" "$machine/lib" "$machine/bin"
cp -a /etc/. "$machine/etc"
mount --bind "$machine/etc" /etc
rm -rf /etc/sekisho
mkdir -p "$machine/varlib"
mount --bind "$machine/varlib" /var/lib
chmod 0755 "$machine/varlib"
mount -t tmpfs -o mode=0755 tmpfs /run
mount --bind "$media" /mnt
mount --bind "$programs" /opt
mkdir -p /run/bin
printf '%s\n' "$SYSTEMCTL" > /run/bin/systemctl
# One admin acts in the drill, where the settings would have two.
cat > /run/bin/sekisho <<'EOF'
#!/bin/sh
set -eu
/opt/sekisho "$@"
case " $* " in
    *" init "*) sed -i 's/^#operations = .*/operations = []/' /etc/sekisho/sekisho.toml ;;
esac
EOF
chmod 0755 /run/bin/systemctl /run/bin/sekisho
export PATH=/run/bin:/opt:$PATH
grep -q '^sekisho:' /etc/passwd || {
    echo 'sekisho:x:61010:61010::/:/usr/sbin/nologin' >> /etc/passwd
    echo 'sekisho:x:61010:' >> /etc/group
}
"#;

const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
stop() {
    [ ! -e /run/verifier.pid ] || {
        kill "$(cat /run/verifier.pid)"
        while kill -0 "$(cat /run/verifier.pid)" 2> /run/null; do sleep 0.05; done
        rm /run/verifier.pid
    }
}
start() {
    install -d -o sekisho -g sekisho -m 0755 /run/sekisho
    setpriv --reuid sekisho --regid sekisho --clear-groups -- \
        sekisho-verifierd > /run/verifier.log 2>&1 < /dev/null &
    echo $! > /run/verifier.pid
    n=0
    until [ -S /run/sekisho/verifier.sock ]; do
        sleep 0.05
        n=$((n + 1))
        [ $n -lt 400 ] || { cat /run/verifier.log >&2; exit 1; }
    done
}
case $1 in
    start) start ;;
    stop) stop ;;
    restart) stop; start ;;
    enable) start ;;
esac
"#;

#[test]
fn drill_of_the_guide_works_as_it_stands_there() {
    programs::require_root();
    let blocks = drill();
    let named = |name: &str| -> String {
        let found = blocks.iter().filter(|(known, _)| known == name);
        let text: String = found.map(|(_, text)| text.as_str()).collect();
        assert!(!text.is_empty(), "the guide has no drill {name}");
        text
    };
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("its mode");
    let media = folder.path().join("media");
    fs::create_dir(&media).expect("a folder");
    let built = programs::ours("sekisho");
    let run = |machine: &str, body: &str| {
        let place = folder.path().join(machine);
        let mut command = process::leashed("unshare");
        command
            .args(["--mount", "--propagation", "private", "--pid", "--fork"])
            .args(["--kill-child", "--mount-proc", "--", "sh", "-c"])
            .arg(format!("{MACHINE}\n{body}"))
            .arg("sh")
            .args([
                &place,
                &built.parent().expect("a folder").to_owned(),
                &media,
            ])
            .env("SYSTEMCTL", SYSTEMCTL)
            .env("NO_COLOR", "1");
        process::run(&mut command, b"", LIMIT).expect_success()
    };
    let tokens = "sekisho --json token list --all";
    let first = run(
        "first",
        &format!(
            "sekisho init > /run/init\nsystemctl enable --now sekisho-verifierd\n\
             sekisho token issue --no-qr > /run/issued\n{}\n{}\n\
             sekisho token issue --no-qr > /run/issued\n{}\n\
             echo ---; {tokens}",
            named("key"),
            named("backup"),
            named("same-machine"),
        ),
    );
    let second = run(
        "second",
        &format!("{}\necho ---; {tokens}", named("new-machine")),
    );
    let listed = |done: &Finished| {
        let (_, text) = done.stdout.rsplit_once("---\n").expect("a list");
        let value: Value = serde_json::from_str(text).expect("JSON");
        value.to_string().matches("\"serial\"").count()
    };
    // What was issued after the backup is not in it.
    assert_eq!(
        (listed(&first), listed(&second)),
        (1, 1),
        "{first}\n{second}"
    );
}
