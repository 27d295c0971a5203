//! What is damaged is found, what others can read is refused, and a crash between any two writes of
//! a rotation leaves something that opens.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sekisho_settings::Settings;
use sekisho_verifier::event::{Actor, RequestKey};
use sekisho_verifier::otp::Seed;
use sekisho_verifier::seal::SealedSeed;
use sekisho_verifier::serial::Serial;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::content::{Asked, Content};
use super::lines::Lines;
use super::master::Master;
use super::{Keys, credential, keyring_file, open, private_file, store_new};

const KEY: &str = "sekisho-master-key-1 \
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const OTHER: &str = "sekisho-master-key-1 \
    0001020304050607f8090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

/// A data folder with a master key.
struct Data {
    folder: TempDir,
    settings: Settings,
}

impl Data {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("[verifier]\ndata = {:?}\n", folder.path());
        let settings = Settings::parse(Path::new("s.toml"), &text).expect("good settings");
        let data = Self { folder, settings };
        data.put("master.key", KEY.as_bytes(), 0o400);
        data
    }

    fn with_keyring() -> Self {
        let data = Self::new();
        data.open();
        data
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, octets: &[u8], mode: u32) {
        let path = self.at(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, octets).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).expect("is there")
    }

    #[track_caller]
    fn open(&self) -> Keys {
        match open(&self.settings) {
            Ok(keys) => keys,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn refused(&self) -> String {
        match open(&self.settings) {
            Ok(keys) => panic!("opened: {keys:?}"),
            Err(error) => {
                let text = error.to_string();
                assert_eq!(text.lines().count(), 2, "{text}");
                text
            }
        }
    }
}

fn asked() -> Asked {
    Asked {
        actor: Actor::new(0, "root"),
        note: None,
        begun: RequestKey::parse("one").expect("a key"),
        ended: RequestKey::parse("two").expect("a key"),
        approver: None,
    }
}

fn serial() -> Serial {
    Serial::parse("SKTS1").expect("a serial")
}

fn sealed(keys: &Keys) -> SealedSeed {
    let seed = Seed::new(vec![7; 20]).expect("a seed");
    keys.keyring().current().seal(&serial(), 1, &seed, [9; 12])
}

fn opens(keys: &Keys, sealed: &SealedSeed) -> bool {
    keys.keyring().open(&serial(), 1, sealed).is_ok()
}

#[test]
fn new_installation_gets_a_keyring_once() {
    let data = Data::new();
    let first = data.open();
    let seed = sealed(&first);
    assert_eq!(
        fs::metadata(data.at("keyring")).expect("made").mode() & 0o7777,
        0o400
    );
    let before = data.read("keyring");
    let again = data.open();
    assert!(opens(&again, &seed));
    assert_eq!(first.signing_key(), again.signing_key());
    assert_eq!(data.read("keyring"), before);
    assert!(
        !opens(&Data::with_keyring().open(), &seed),
        "keys are drawn"
    );
}

#[test]
fn lost_keyring_is_never_made_anew_beside_a_journal() {
    for folder in ["journal", "index"] {
        let data = Data::new();
        fs::create_dir(data.at(folder)).expect("made");
        data.open();
        fs::remove_file(data.at("keyring")).expect("ours");
        fs::write(data.at(folder).join("file"), "x").expect("written");
        let text = data.refused();
        assert!(
            text.contains("is not there") && text.contains("sekisho restore"),
            "{text}"
        );
        assert!(!data.at("keyring").exists());
    }
}

#[test]
fn each_flipped_bit_of_the_keyring_is_found() {
    let data = Data::with_keyring();
    let good = data.read("keyring");
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        data.put("keyring", &bad, 0o400);
        let text = data.refused();
        assert!(
            text.contains("keyring") || text.contains("master.key"),
            "{text}"
        );
    }
    data.put("keyring", &good, 0o400);
    data.open();
}

#[test]
fn keyring_that_is_cut_or_longer_says_the_way_out() {
    let data = Data::with_keyring();
    let good = data.read("keyring");
    for length in 0..good.len() {
        data.put("keyring", &good[..length], 0o400);
        assert!(data.refused().contains("sekisho restore"), "{length}");
    }
    for more in [1, 16, 10_000] {
        data.put("keyring", &[good.clone(), vec![0; more]].concat(), 0o400);
        assert!(data.refused().contains("sekisho restore"), "{more}");
    }
}

#[test]
fn another_master_key_does_not_open_the_keyring() {
    let data = Data::with_keyring();
    data.put("master.key", OTHER.as_bytes(), 0o400);
    assert!(data.refused().contains("does not open with version 1"));
    let second = KEY.replace("key-1 ", "key-2 2 ");
    data.put("master.key", second.as_bytes(), 0o400);
    assert!(data.refused().contains("has no version 1"));
}

#[test]
fn files_that_others_can_reach_are_refused() {
    for name in ["master.key", "keyring"] {
        let data = Data::with_keyring();
        for mode in [0o440, 0o404, 0o420, 0o402, 0o410, 0o401, 0o600 | 0o040] {
            fs::set_permissions(data.at(name), Permissions::from_mode(mode)).expect("its mode");
            let text = data.refused();
            assert!(text.contains("others than its owner"), "{text}");
            assert!(text.contains("chmod 0400"), "{text}");
        }
        fs::rename(data.at(name), data.at("elsewhere")).expect("ours");
        fs::set_permissions(data.at("elsewhere"), Permissions::from_mode(0o400)).expect("its mode");
        symlink(data.at("elsewhere"), data.at(name)).expect("a link");
        assert!(data.refused().contains("is not a file"));
        fs::remove_file(data.at(name)).expect("ours");
        fs::create_dir(data.at(name)).expect("a folder");
        assert!(data.refused().contains("is not a file"));
    }
}

#[test]
fn store_new_never_takes_the_place_of_a_keyring() {
    let data = Data::with_keyring();
    let before = data.read("keyring");
    let content = Content::fresh().expect("random");
    let folder = &data.settings.verifier.data;
    let error = store_new(&data.settings, folder, &content).expect_err("it is there");
    assert!(error.to_string().contains("can not be written"), "{error}");
    assert_eq!(data.read("keyring"), before);
    assert!(!data.at("keyring.new").exists());

    fs::remove_file(data.at("keyring")).expect("ours");
    store_new(&data.settings, folder, &content).expect("made");
    assert_eq!(*data.open().signing_key(), *content.signing_key());
}

#[test]
fn rotation_goes_on_after_a_crash_between_any_two_writes() {
    let data = Data::with_keyring();
    let keys = data.open();
    let old = sealed(&keys);

    // 1, and no more: the version that waits is taken by the next rotation, not a third one.
    let mut master = Master::open(&data.settings).expect("a master key");
    assert_eq!(master.next(1).expect("made"), 2);
    let waiting = data.read("master.key");
    let keys = data.open();
    keys.settle().expect("settled");
    assert_eq!(data.read("master.key"), waiting);
    assert!(opens(&keys, &old) && keys.status().rotation.is_none());

    // 2, and no more.
    keys.begin(asked()).expect("begun");
    assert_eq!(data.read("master.key"), waiting);
    let keys = data.open();
    keys.settle().expect("settled");
    let status = keys.status();
    assert!(status.rotation.is_some() && keys.asked() == Some(asked()));
    assert_eq!((status.master_version, status.data_keys), (2, vec![1, 2]));
    assert!(opens(&keys, &old));
    let new = sealed(&keys);
    assert_eq!(new.key_number(), Some(2));

    // 6, and no more.
    keys.end().expect("ended");
    data.put("master.key", &waiting, 0o400);
    let keys = data.open();
    assert!(!opens(&keys, &old) && opens(&keys, &new));
    assert_eq!(keys.status().data_keys, [2]);
    keys.settle().expect("settled");
    assert_ne!(data.read("master.key"), waiting, "7 is made good");
    let keys = data.open();
    assert!(opens(&keys, &new));

    // Neither what was wrapped before nor the version of before is of use.
    data.put("master.key", KEY.as_bytes(), 0o400);
    assert!(data.refused().contains("has no version 2"));
}

#[test]
fn half_written_file_of_a_crash_is_in_nobodys_way() {
    let data = Data::with_keyring();
    let before = data.open();
    for name in ["master.key.new", "keyring.new"] {
        data.put(name, b"half", 0o400);
    }
    before.begin(asked()).expect("begun");
    before.end().expect("ended");
    assert!(!data.at("keyring.new").exists() && !data.at("master.key.new").exists());
    assert_eq!(data.open().status().data_keys, [2]);
}

#[test]
fn half_written_file_of_a_crash_is_gone_after_the_next_start() {
    let data = Data::with_keyring();
    let left = ["master.key.new", "keyring.new", "audit.pub.new"];
    for name in left {
        data.put(name, b"half", 0o400);
    }
    data.open().settle().expect("settled");
    assert!(left.iter().all(|name| !data.at(name).exists()));
    assert!(data.at("master.key").exists() && data.at("keyring").exists());
    // What can not be taken away is told.
    fs::create_dir(data.at("master.key.new")).expect("made");
    let keys = data.open();
    keys.settle().expect("settled");
    let warnings = keys.warnings().join("\n");
    assert!(
        warnings.contains("master.key.new is left over"),
        "{warnings}"
    );
}

#[test]
fn file_that_could_not_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    // A rename can not take the place of a folder.
    fs::create_dir(&path).expect("made");
    assert!(private_file::replace(&path, b"key").is_err());
    assert!(private_file::make(&path, b"key").is_err());
    assert!(!private_file::beside(&path).exists());
}

#[test]
fn what_was_copied_before_a_rotation_opens_nothing_of_after() {
    let data = Data::with_keyring();
    let keys = data.open();
    let copies = (data.read("master.key"), data.read("keyring"));
    keys.begin(asked()).expect("begun");
    keys.end().expect("ended");
    let new = sealed(&keys);
    // The old master key with the keyring of after.
    let keyring = data.read("keyring");
    data.put("master.key", &copies.0, 0o400);
    data.refused();
    // Both copies: they open, and what is in them opens nothing that was sealed since.
    data.put("keyring", &copies.1, 0o400);
    assert!(!opens(&data.open(), &new));
    assert_ne!(keyring, copies.1);
}

#[test]
fn rotation_and_backup_keep_out_of_each_others_way() {
    let data = Data::with_keyring();
    let keys = std::sync::Arc::new(data.open());
    let (content, guard) = keys.for_backup().expect("nothing is under way");
    assert!(Content::decode(&content).is_some());
    assert!(keys.take_turn().is_err());
    drop(guard);
    assert!(keys.take_turn().is_ok());
    assert!(
        keys.for_backup().is_none(),
        "nobody knows which keys there are"
    );
    keys.begin(asked()).expect("begun");
    let (content, _guard) = keys.for_backup().expect("both keys are there");
    assert_eq!(
        Content::decode(&content).expect("content").numbers(),
        [1, 2]
    );
    assert!(keys.take_turn().is_err(), "one rotation at a time");
}

#[test]
fn lines_are_taken_only_in_their_form() {
    let hex = "00".repeat(32);
    let one = format!("sekisho-master-key-1 {hex}\n");
    let two = format!("sekisho-master-key-2 2 {hex}\n");
    for good in [
        one.clone(),
        two.clone(),
        format!("{one}{two}"),
        format!("sekisho-master-key-2 1 {hex}\n{two}sekisho-master-key-2 4294967295 {hex}\n"),
    ] {
        assert!(
            Lines::parse(Zeroizing::new(good.clone().into())).is_some(),
            "{good}"
        );
    }
    for bad in [
        String::new(),
        "\n".into(),
        one.trim_end().into(),
        one.to_uppercase(),
        one.replace("00\n", "0\n"),
        one.replace("00\n", "000\n"),
        one.replace("00\n", "0g\n"),
        one.replace("00\n", "0A\n"),
        one.replace("\n", "\r\n"),
        format!(" {one}"),
        format!("{one}{one}"),
        format!("{two}{one}"),
        format!("{one}\n"),
        format!("sekisho-master-key-2 0 {hex}\n"),
        format!("sekisho-master-key-2 02 {hex}\n"),
        format!("sekisho-master-key-2 +2 {hex}\n"),
        format!("sekisho-master-key-2 4294967296 {hex}\n"),
        format!("sekisho-master-key-2 {hex}\n"),
        format!("sekisho-master-key-3 3 {hex}\n"),
        (1..=17)
            .map(|n| format!("sekisho-master-key-2 {n} {hex}\n"))
            .collect(),
    ] {
        assert!(
            Lines::parse(Zeroizing::new(bad.clone().into())).is_none(),
            "{bad}"
        );
    }
}

#[test]
fn credential_is_read_from_a_closed_folder_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("credentials");
    fs::create_dir(&at).expect("made");
    fs::write(at.join("key"), KEY).expect("written");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
    };
    let read = || credential::read_in(&at, "key", 200);
    // The group's rights are the mask of systemd's access control list.
    for (folder_mode, mode, good) in [
        (0o500, 0o400, true),
        (0o550, 0o440, true),
        (0o500, 0o444, false),
        (0o500, 0o420, false),
        (0o555, 0o400, false),
        (0o570, 0o400, false),
    ] {
        set(&at.join("key"), mode);
        set(&at, folder_mode);
        assert_eq!(read().is_ok(), good, "{folder_mode:o} {mode:o}");
    }
    set(&at, 0o700);
    fs::remove_file(at.join("key")).expect("ours");
    symlink("/etc/hostname", at.join("key")).expect("a link");
    assert!(read().is_err());
}

#[test]
fn private_file_is_replaced_whole_and_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    private_file::make(&path, b"one").expect("made");
    assert!(private_file::make(&path, b"two").is_err());
    assert_eq!(fs::read(&path).expect("is there"), b"one");
    private_file::replace(&path, b"three").expect("replaced");
    assert_eq!(fs::read(&path).expect("is there"), b"three");
    assert_eq!(
        fs::metadata(&path).expect("is there").mode() & 0o7777,
        0o400
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn content_never_outgrows_its_bound() {
    let asked = Asked {
        actor: Actor::new(u32::MAX, &"n".repeat(10_000)),
        note: sekisho_verifier::event::Note::new(&"n".repeat(10_000)),
        begun: RequestKey::parse(&"k".repeat(64)).expect("a key"),
        ended: RequestKey::parse(&"k".repeat(64)).expect("a key"),
        approver: None,
    };
    let content = Content::fresh().expect("random");
    let (content, _) = content.begin_rotation(asked).expect("random");
    let octets = content.encode();
    assert!(
        octets.len() <= super::content::CONTENT_OCTETS_MAX / 2,
        "{}",
        octets.len()
    );
    assert!(
        octets.len() <= octets.capacity()
            && octets.capacity() == super::content::CONTENT_OCTETS_MAX
    );
    assert_eq!(Content::decode(&octets).as_ref(), Some(&content));
}

proptest! {
    #[test]
    fn content_is_read_as_it_was_written(rotations in 0_usize..3, begun: bool) {
        let mut content = Content::fresh().expect("random");
        for _ in 0..rotations {
            content = content.begin_rotation(asked()).expect("random").0.end_rotation();
        }
        if begun {
            content = content.begin_rotation(asked()).expect("random").0;
        }
        prop_assert_eq!(content.numbers().len(), 1 + usize::from(begun));
        prop_assert_eq!(Content::decode(&content.encode()), Some(content));
    }

    #[test]
    fn any_octets_are_read_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Content::decode(&octets);
        let _ = keyring_file::Wrapped::parse(&octets);
        let _ = Lines::parse(Zeroizing::new(octets));
    }

    #[test]
    fn lines_keep_their_keys_when_versions_come_and_go(first in 1_u32..5, dropped in 1_u32..8) {
        let hex = "ab".repeat(32);
        let text = format!("sekisho-master-key-2 {first} {hex}\n");
        let mut lines = Lines::parse(Zeroizing::new(text.into())).expect("good");
        let wrapped = lines.wrap(first, [1; 12], b"head", b"clear").expect("wraps");
        for version in first + 1..first + 4 {
            let text = lines.with_fresh(version).expect("random");
            lines = Lines::parse(text).expect("good");
        }
        let clear = lines.unwrap(first, [1; 12], b"head", &wrapped).expect("opens");
        prop_assert_eq!(clear.as_slice(), b"clear");
        prop_assert!(lines.unwrap(first + 1, [1; 12], b"head", &wrapped).is_none());
        prop_assert!(lines.unwrap(first, [1; 12], b"hea", &wrapped).is_none());
        let rest = Lines::parse(lines.from(dropped));
        let left: Vec<u32> = (first..first + 4).filter(|version| *version >= dropped).collect();
        match rest {
            Some(rest) => prop_assert_eq!(rest.versions().collect::<Vec<_>>(), left),
            None => prop_assert!(left.is_empty()),
        }
    }
}
