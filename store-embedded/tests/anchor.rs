//! The anchor beside the socket tells when an older data folder was put back by hand, and nothing
//! else that stands in its place does any harm.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sekisho_store_embedded::{EmbeddedStore, OpenError, Options, begin_epoch};
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::store::Store;
use sekisho_verifier::testing::sample::{Write, keyring, spend, time};
use tempfile::TempDir;
use zeroize::Zeroizing;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        fs::create_dir(place.data()).expect("a folder");
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The anchor of the store that is in the data folder.
    fn anchor(&self) -> PathBuf {
        let segment = fs::read(self.data().join("journal/0000000001.journal"));
        let id = &segment.expect("a segment")[16..32];
        let id: String = id.iter().map(|octet| format!("{octet:02x}")).collect();
        self.folder.path().join(format!("anchor-{id}"))
    }

    fn options(&self) -> Options {
        Options {
            signing_key: Some(Zeroizing::new([3; 32])),
            anchor: Some(self.folder.path().join("anchor")),
            ..Options::new(keyring())
        }
    }

    fn open(&self) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open(&self.data(), self.options())
    }

    /// Commits so many logins and ends as after a crash.
    fn log_in(&self, times: u64) {
        let mut store = self.open().expect("it opens");
        for step in 1..=times {
            commit(&mut store, step);
        }
        drop(store);
    }

    fn copy_data(&self, to: &str) -> PathBuf {
        let to = self.folder.path().join(to);
        copy(&self.data(), &to);
        to
    }

    /// Puts a copy in the place of the data folder.
    fn put_back(&self, copy_of: &Path) {
        fs::remove_dir_all(self.data()).expect("a folder");
        copy(copy_of, &self.data());
    }
}

fn commit(store: &mut EmbeddedStore, step: u64) {
    let outcome = store.commit(&mut [&mut Write(spend(1, step))]);
    outcome.expect("a commit");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

#[test]
fn a_data_folder_that_was_put_back_is_refused_with_a_way_out() {
    let place = Place::new();
    place.log_in(3);
    let yesterday = place.copy_data("yesterday");
    place.log_in(3);
    let today = place.copy_data("today");
    place.put_back(&yesterday);
    let error = place.open().expect_err("it is older");
    assert!(matches!(error, OpenError::PutBack { .. }), "{error}");
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("anchor"), "{text}");
    assert!(lines[1].contains("sekisho restore"), "{text}");
    // It is refused again, until the newest is back.
    place.open().expect_err("it is older");
    place.put_back(&today);
    let store = place.open().expect("it is the newest");
    assert_eq!(store.warnings(), Vec::<String>::new());
}

/// Two runs from the same folder: as long, and not the same.
#[test]
fn another_journal_of_the_same_store_is_refused() {
    let place = Place::new();
    place.log_in(2);
    let before = place.copy_data("before");
    place.log_in(2);
    fs::remove_file(place.anchor()).expect("an anchor");
    let first = place.copy_data("first");
    place.put_back(&before);
    let mut store = place.open().expect("it opens");
    for step in 100..110 {
        commit(&mut store, step);
    }
    drop(store);
    place.put_back(&first);
    let error = place.open().expect_err("it is shorter");
    assert!(
        matches!(error, OpenError::PutBack { differs: false, .. }),
        "{error}"
    );
    // It grows on another machine until it is longer.
    let elsewhere = Options {
        anchor: None,
        ..place.options()
    };
    let mut store = EmbeddedStore::open(&place.data(), elsewhere).expect("it opens");
    for step in 200..220 {
        commit(&mut store, step);
    }
    drop(store);
    let error = place.open().expect_err("it is another one");
    assert!(
        matches!(error, OpenError::PutBack { differs: true, .. }),
        "{error}"
    );
}

/// A crash between the commit and the anchor, and a machine that was switched off.
#[test]
fn an_anchor_that_is_behind_or_gone_says_nothing() {
    let place = Place::new();
    place.log_in(2);
    let behind = fs::read(place.anchor()).expect("an anchor");
    place.log_in(2);
    fs::write(place.anchor(), behind).expect("an anchor");
    assert_eq!(
        place.open().expect("it opens").warnings(),
        Vec::<String>::new()
    );
    fs::remove_file(place.anchor()).expect("an anchor");
    assert_eq!(
        place.open().expect("it opens").warnings(),
        Vec::<String>::new()
    );
    let mode = fs::metadata(place.anchor()).expect("it is made anew");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

/// A restore is the way out, so it must not be refused; and what ran before it is.
#[test]
fn a_new_epoch_takes_the_anchor_over() {
    let place = Place::new();
    place.log_in(3);
    let backup = place.copy_data("backup");
    place.log_in(3);
    let before = place.copy_data("before");
    place.put_back(&backup);
    place.open().expect_err("it is older");
    let store = begin_epoch(&place.data(), place.options(), time(0)).expect("it begins");
    assert_eq!((store.epoch(), store.opened().made), (1, false));
    drop(store);
    let mut store = place.open().expect("it opens");
    assert_eq!(store.epoch(), 1);
    commit(&mut store, 50);
    drop(store);
    place.put_back(&before);
    let error = place.open().expect_err("it is of an epoch before");
    assert!(matches!(error, OpenError::PutBack { .. }), "{error}");
}

#[test]
fn what_is_not_an_anchor_of_ours_is_left_alone_and_told() {
    type Put = fn(&Path, &Path);
    let target = tempfile::tempdir().expect("a folder");
    let outside = target.path().join("outside");
    fs::write(&outside, "untouched").expect("a file");
    let in_its_place: [(&str, Put); 4] = [
        ("a link", |anchor, outside| {
            symlink(outside, anchor).expect("a link")
        }),
        ("a folder", |anchor, _| {
            fs::create_dir(anchor).expect("a folder")
        }),
        ("a pipe", |anchor, _| {
            let made = Command::new("mkfifo").arg(anchor).status();
            assert!(made.expect("mkfifo").success());
        }),
        ("a file of everybody", |anchor, _| {
            fs::write(anchor, "x").expect("a file");
            fs::set_permissions(anchor, fs::Permissions::from_mode(0o666)).expect("a mode");
        }),
    ];
    for (what, put) in in_its_place {
        let place = Place::new();
        place.log_in(1);
        fs::remove_file(place.anchor()).expect("an anchor");
        put(&place.anchor(), &outside);
        let store = place.open().expect(what);
        let warnings = store.warnings().join("\n");
        assert!(
            warnings.contains("the anchor cannot be used"),
            "{what}: {warnings}"
        );
        let now = fs::read_to_string(&outside).expect("it is there");
        assert_eq!(now, "untouched", "{what}");
    }
    // Where there is no folder for it, there is none.
    let place = Place::new();
    let options = Options {
        anchor: Some(place.folder.path().join("nowhere/anchor")),
        ..place.options()
    };
    let store = EmbeddedStore::open(&place.data(), options).expect("it opens");
    assert_eq!(store.warnings().len(), 1);
}

#[test]
fn noise_and_another_store_are_told_and_replaced() {
    let place = Place::new();
    place.log_in(1);
    let sound = fs::read(place.anchor()).expect("an anchor");
    let mut changed = sound.clone();
    changed[35] ^= 1;
    let other = Place::new();
    other.log_in(9);
    let foreign = fs::read(other.anchor()).expect("an anchor");
    let contents = [
        ("empty", Vec::new()),
        ("short", sound[..40].to_vec()),
        ("long", [sound.clone(), vec![0]].concat()),
        ("changed", changed),
        ("of another store", foreign),
    ];
    for (what, octets) in contents {
        fs::write(place.anchor(), octets).expect("an anchor");
        let store = place.open().expect(what);
        assert_eq!(store.warnings().len(), 1, "{what}");
        drop(store);
        assert_eq!(
            fs::read(place.anchor()).expect("an anchor"),
            sound,
            "{what}"
        );
    }
}

/// The newest checkpoint stands in the data folder, for who looks from outside.
#[test]
fn the_newest_checkpoint_is_kept_in_the_data_folder() {
    let place = Place::new();
    let mut store = place.open().expect("it opens");
    for step in 1..=2_500 {
        commit(&mut store, step);
    }
    let key = store.signer().expect("a key").public();
    store.close();
    let file = place.data().join("checkpoint");
    let note = fs::read_to_string(&file).expect("a checkpoint");
    let checkpoint = Checkpoint::open(&key, &note).expect("it is signed");
    assert!(checkpoint.position > 1_900, "{checkpoint:?}");
    assert!(!place.data().join("checkpoint.tmp").exists());
    assert_eq!(
        place.open().expect("it opens").warnings(),
        Vec::<String>::new()
    );
}
