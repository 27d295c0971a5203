//! The data folder: ours, for us alone, and refused otherwise.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use sekisho_store_embedded::{EmbeddedStore, FolderProblem, OpenError, Options};
use sekisho_verifier::store::Store;
use sekisho_verifier::testing::sample::{Write, keyring, spend};

fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, Options::new(keyring()))
}

fn problem(folder: &Path) -> FolderProblem {
    match open(folder).expect_err("a bad folder") {
        OpenError::Folder { problem, .. } => problem,
        error => panic!("{error}"),
    }
}

#[test]
fn a_folder_that_others_could_change_is_refused() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("data");
    assert_eq!(problem(&data), FolderProblem::Absent);
    fs::create_dir(&data).expect("a folder");
    for mode in [0o770, 0o707, 0o777] {
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).expect("a mode");
        assert_eq!(problem(&data), FolderProblem::Writable { mode });
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).expect("a mode");
    drop(open(&data).expect("a good folder"));
    let link = parent.path().join("link");
    symlink(&data, &link).expect("a link");
    assert_eq!(problem(&link), FolderProblem::NoFolder);
    let file = parent.path().join("file");
    fs::write(&file, "").expect("a file");
    assert_eq!(problem(&file), FolderProblem::NoFolder);
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let outside = tempfile::tempdir().expect("a folder");
    let target = outside.path().join("target");
    fs::write(&target, "untouched").expect("a file");
    for name in [
        "lock",
        "journal",
        "journal/0000000001.journal",
        "journal/next.tmp",
    ] {
        let data = tempfile::tempdir().expect("a folder");
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
        if name.contains('/') {
            fs::create_dir(data.path().join("journal")).expect("a folder");
        }
        symlink(&target, data.path().join(name)).expect("a link");
        if let Ok(store) = open(data.path()) {
            // A left-over temporary file is removed, and what it points to is not.
            assert_eq!(name, "journal/next.tmp");
            drop(store);
        }
        let now = fs::read_to_string(&target).expect("it is there");
        assert_eq!(now, "untouched", "{name}");
    }
}

#[test]
fn files_are_for_the_owner_alone() {
    let data = tempfile::tempdir().expect("a folder");
    open(data.path()).expect("it opens").close();
    let mode = |name: &str| {
        let metadata = fs::metadata(data.path().join(name)).expect("it is there");
        metadata.mode() & 0o7777
    };
    assert_eq!(mode("journal"), 0o700);
    assert_eq!(mode("journal/0000000001.journal"), 0o600);
    assert_eq!(mode("lock"), 0o600);
    assert_eq!(mode("index"), 0o700);
}

#[test]
fn a_store_is_open_once() {
    let data = tempfile::tempdir().expect("a folder");
    let store = open(data.path()).expect("it opens");
    let error = open(data.path()).expect_err("it is open");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    store.close();
    drop(open(data.path()).expect("it is free again"));
}

/// Every text names the file and has a second line with the way out.
#[test]
fn errors_say_the_way_out() {
    let data = tempfile::tempdir().expect("a folder");
    let mut store = open(data.path()).expect("it opens");
    store
        .commit(&mut [&mut Write(spend(1, 1))])
        .expect("a commit");
    store.close();
    let journal = data.path().join("journal/0000000001.journal");
    let mut octets = fs::read(&journal).expect("a file");
    octets[600] ^= 1;
    fs::write(&journal, &octets).expect("a file");
    let text = open(data.path()).expect_err("it is damaged").to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("0000000001.journal: at octet 512"),
        "{text}"
    );
    assert!(lines[1].contains("restore"), "{text}");
    fs::remove_file(&journal).expect("a file");
    let error = open(data.path()).expect_err("it is gone");
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
}

/// Whatever is done to sled's files, the store opens with what it held.
#[test]
fn a_spoilt_index_is_made_anew() {
    let data = tempfile::tempdir().expect("a folder");
    let mut store = open(data.path()).expect("it opens");
    for n in 0..200 {
        store
            .commit(&mut [&mut Write(spend(n, 1))])
            .expect("a commit");
    }
    store.close();
    let db = data.path().join("index/db");
    let mut rebuilt = 0;
    let whole = fs::read(&db).expect("sled's file");
    for (what, octets) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("zero", vec![0; whole.len()]),
        ("noise", whole.iter().map(|octet| octet ^ 0x5A).collect()),
    ] {
        fs::write(&db, octets).expect("a file");
        let store = open(data.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(store.counts().tokens, 200, "{what}");
        // Half of sled's file may be free space.
        rebuilt += u32::from(store.opened().index_rebuilt.is_some());
        store.close();
        let store = open(data.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(store.opened().replayed, 0, "{what}: it is made anew");
        store.close();
    }
    assert!(rebuilt >= 3, "{rebuilt}");
}

/// An attempt to open the index that ended the process is not made twice.
#[test]
fn an_index_that_killed_its_opener_is_thrown_away() {
    let data = tempfile::tempdir().expect("a folder");
    let mut store = open(data.path()).expect("it opens");
    store
        .commit(&mut [&mut Write(spend(1, 1))])
        .expect("a commit");
    store.close();
    fs::write(data.path().join("index.opening"), "").expect("a file");
    let store = open(data.path()).expect("it opens");
    assert!(store.opened().index_rebuilt.is_some());
    assert_eq!(store.counts().tokens, 1);
    drop(store);
    assert!(!data.path().join("index.opening").exists());
}
