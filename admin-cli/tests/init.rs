//! `sekisho init`: what it makes, and that it never overwrites.

mod harness;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Output;

use harness::{run, sekisho};
use sekisho_settings::{Settings, Source};

/// Runs it for a private installation in `folder`.
fn init(folder: &Path, more: &[&str]) -> Output {
    let mut command = sekisho();
    command
        .arg("init")
        .arg("--settings")
        .arg(folder.join("etc/sekisho.toml"))
        .arg("--data")
        .arg(folder.join("var/data"))
        .arg("--socket")
        .arg(folder.join("run/verifier.sock"))
        .args(more);
    run(&mut command, "")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("is there").mode() & 0o7777
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn a_private_installation_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let done = init(at, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", errors(&done));
    assert_eq!(mode(&at.join("etc/sekisho.toml")), 0o640);
    assert_eq!(mode(&at.join("var/data")), 0o700);
    assert_eq!(mode(&at.join("var/data/master.key")), 0o400);
    let settings = Settings::load(&at.join("etc/sekisho.toml")).expect("good settings");
    assert_eq!(settings.verifier.data, at.join("var/data"));
    assert_eq!(settings.verifier.socket, at.join("run/verifier.sock"));
}

#[test]
fn the_master_key_is_one_line_of_its_form_and_never_shown() {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().expect("a folder");
        let done = init(folder.path(), &[]);
        let key = fs::read_to_string(folder.path().join("var/data/master.key")).expect("a key");
        let hex = key.strip_prefix("sekisho-master-key-1 ").expect("head");
        let hex = hex.strip_suffix('\n').expect("one line");
        assert_eq!(hex.len(), 64);
        assert!(hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        assert!(!String::from_utf8_lossy(&done.stdout).contains(hex));
        keys.push(key);
    }
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_second_run_changes_nothing_and_says_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    init(at, &[]);
    let key = fs::read(at.join("var/data/master.key")).expect("a key");
    let again = init(at, &[]);
    assert_eq!(again.status.code(), Some(4));
    assert!(errors(&again).contains("exists already"));
    assert_eq!(errors(&again).lines().count(), 2);
    // Nor when only the key is left.
    fs::remove_file(at.join("etc/sekisho.toml")).expect("ours");
    let again = init(at, &[]);
    assert_eq!(again.status.code(), Some(4));
    assert!(errors(&again).contains("master.key: exists already"));
    assert_eq!(
        fs::read(at.join("var/data/master.key")).expect("a key"),
        key
    );
    assert!(!at.join("etc/sekisho.toml").exists());
}

#[test]
fn what_is_there_already_is_refused() {
    type Prepare = fn(&Path);
    let cases: [(&str, Prepare); 4] = [
        ("is not an empty folder", |at| {
            fs::create_dir_all(at.join("var/data")).expect("made");
            fs::write(at.join("var/data/journal"), "x").expect("written");
        }),
        ("is not an empty folder", |at| {
            fs::create_dir_all(at.join("elsewhere")).expect("made");
            fs::create_dir_all(at.join("var")).expect("made");
            symlink(at.join("elsewhere"), at.join("var/data")).expect("linked");
        }),
        ("exists already", |at| {
            fs::create_dir_all(at.join("var/data")).expect("made");
            symlink("/nowhere", at.join("var/data/master.key")).expect("linked");
        }),
        ("exists already", |at| {
            fs::create_dir_all(at.join("etc")).expect("made");
            symlink("/nowhere", at.join("etc/sekisho.toml")).expect("linked");
        }),
    ];
    for (message, prepare) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let done = init(folder.path(), &[]);
        assert_eq!(done.status.code(), Some(4), "{message}");
        assert!(errors(&done).contains(message), "{}", errors(&done));
    }
}

#[test]
fn an_empty_folder_is_taken_over_and_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("var/data");
    fs::create_dir_all(&data).expect("made");
    assert_eq!(init(folder.path(), &[]).status.code(), Some(0));
    assert_eq!(mode(&data), 0o700);
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    // A file stands where the settings' folder would be.
    fs::write(at.join("etc"), "").expect("written");
    let done = init(at, &[]);
    assert_eq!(done.status.code(), Some(1), "{}", errors(&done));
    assert!(!at.join("var").exists() && !at.join("run").exists());
}

#[test]
fn an_owner_is_taken_by_name_or_number_and_unknown_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let about = fs::metadata(at).expect("a folder");
    let owner = format!("{}:{}", about.uid(), about.gid());
    assert_eq!(init(at, &["--owner", &owner]).status.code(), Some(0));
    let key = fs::metadata(at.join("var/data/master.key")).expect("a key");
    assert_eq!((key.uid(), key.gid()), (about.uid(), about.gid()));

    let other = tempfile::tempdir().expect("a folder");
    for owner in ["no-such-user-here", "0:no-such-group-here", ""] {
        let done = init(other.path(), &["--owner", owner]);
        assert_eq!(done.status.code(), Some(3), "{owner}");
    }
    assert_eq!(fs::read_dir(other.path()).expect("a folder").count(), 0);
}

#[test]
fn json_names_what_was_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = init(folder.path(), &["--json"]);
    let made: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    for name in ["settings", "data", "master_key"] {
        assert!(
            Path::new(made[name].as_str().expect("a path")).exists(),
            "{name}"
        );
    }
}

#[test]
fn other_sources_of_the_master_key_leave_no_key_on_the_disk() {
    let module = [
        "--master-key=pkcs11",
        "--pkcs11-module=/usr/lib/softhsm/libsofthsm2.so",
        "--pkcs11-token=our token",
        "--pin-file=/etc/sekisho/pin",
    ];
    let credential = ["--master-key=credential"];
    for (words, source, next) in [
        (&credential[..], Source::Credential, "systemd-creds encrypt"),
        (&module[..], Source::Pkcs11, "/etc/sekisho/pin, mode 0400"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let done = init(at, words);
        assert_eq!(done.status.code(), Some(0), "{}", errors(&done));
        let settings = Settings::load(&at.join("etc/sekisho.toml")).expect("good settings");
        assert_eq!(settings.master_key.source, source);
        let data = fs::read_dir(at.join("var/data")).expect("a folder");
        assert_eq!(data.count(), 0, "{source:?}");
        let told = String::from_utf8(done.stdout).expect("UTF-8");
        assert!(told.contains(next), "{told}");
    }
}
