//! What `audit verify` and `receipt verify` say of journals that somebody has forged, or that no key
//! vouches for: never more than was looked at.

mod harness;

use std::fs;
use std::path::Path;
use std::process::Output;

use harness::{run, sekisho};
use sekisho_store_embedded::{EmbeddedStore, Options, begin_epoch};
use sekisho_verifier::event::{Event, OperationKind};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::store::{Change, Decider, Outcome, Store};
use sekisho_verifier::testing::sample::{Write, keyring, login, operation, time};
use serde_json::Value;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A data folder, its public key kept outside, and the checkpoints that the log got.
struct Made {
    folder: TempDir,
    checkpoints: Vec<String>,
}

fn options(signs: bool) -> Options {
    Options {
        signing_key: signs.then(|| Zeroizing::new([4; SIGNING_KEY_OCTETS])),
        ..Options::new(keyring())
    }
}

fn commit(store: &mut EmbeddedStore, event: Event) {
    let mut write = Write(Change::event_only(event));
    let deciders: &mut [&mut dyn Decider] = &mut [&mut write];
    let outcome = store.commit(deciders).expect("a commit")[0];
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}

fn logins(store: &mut EmbeddedStore, count: u64) {
    (0..count).for_each(|n| commit(store, login(n, n, time(n))));
}

/// Waits until everything is signed.
fn sign(store: &mut EmbeddedStore) {
    std::thread::sleep(std::time::Duration::from_millis(600));
    store.idle().expect("it signs");
}

impl Made {
    fn new(signs: bool, events: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("data")).expect("a folder");
        let mut made = Self {
            folder,
            checkpoints: Vec::new(),
        };
        let mut store = made.open(signs);
        logins(&mut store, events);
        if signs {
            sign(&mut store);
        }
        store.close();
        let store = made.open(true);
        let public = store.signer().expect("a key").public().to_string();
        store.close();
        fs::write(made.path("kept.pub"), &public).expect("a file");
        fs::write(made.path("data/audit.pub"), &public).expect("a file");
        made.keep_checkpoint();
        made
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, signs: bool) -> EmbeddedStore {
        EmbeddedStore::open(&self.path("data"), options(signs)).expect("it opens")
    }

    fn keep_checkpoint(&mut self) {
        let newest = fs::read_to_string(self.path("data/checkpoint"));
        self.checkpoints.extend(newest);
        fs::write(self.path("kept"), self.checkpoints.concat()).expect("a file");
    }

    /// Somebody takes a copy of the journal now and puts it back later.
    fn copy(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let names = fs::read_dir(self.path("data/journal")).expect("a journal");
        let paths = names.map(|entry| entry.expect("a file").path());
        paths
            .map(|path| (path.clone(), fs::read(&path).expect("a file")))
            .collect()
    }

    /// And takes away all else that could tell.
    fn put_back(&self, copy: Vec<(std::path::PathBuf, Vec<u8>)>) {
        for (path, octets) in copy {
            fs::write(path, octets).expect("a file");
        }
        fs::remove_file(self.path("data/checkpoint")).expect("it is there");
        fs::remove_dir_all(self.path("data/index")).expect("it is there");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let data = self.path("data");
        let mut command = sekisho();
        command.args(arguments).arg("--data").arg(data);
        run(&mut command, "")
    }

    /// With key and checkpoints from outside.
    fn verify(&self, more: &[&str]) -> Output {
        let (key, kept) = (self.path("kept.pub"), self.path("kept"));
        let outside = ["--key", text(&key), "--checkpoints", text(&kept)];
        self.run(&[&["audit", "verify"], &outside[..], more].concat())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[track_caller]
fn says(done: &Output, code: i32, what: &str) -> String {
    let all = [&done.stdout[..], &done.stderr].concat();
    let all = String::from_utf8(all).expect("UTF-8");
    assert!(all.contains(what), "{what}: {all}");
    assert_eq!(done.status.code(), Some(code), "{all}");
    all
}

fn json(done: &Output) -> Value {
    serde_json::from_slice(&done.stdout).expect("JSON")
}

/// The journal is cut behind an event, and an epoch is made up that skips what was cut.
#[test]
fn an_epoch_that_no_restore_began_hides_nothing() {
    let mut made = Made::new(true, 3);
    let copy = made.copy();
    let mut store = made.open(true);
    logins(&mut store, 4);
    sign(&mut store);
    store.close();
    made.keep_checkpoint();
    says(
        &made.verify(&[]),
        0,
        "2 checkpoints from elsewhere bear out",
    );
    let japanese = made.verify(&["--language", "ja"]);
    let screen = says(
        &japanese,
        0,
        "別に保管したチェックポイント2件と一致しました。",
    );
    for line in [
        "番号の範囲        1～9\n",
        "別保管との一致    2\n",
        "\n\n正当です: 番号1から8まで、",
    ] {
        assert!(screen.contains(line), "{line}: {screen}");
    }

    made.put_back(copy);
    says(&made.verify(&[]), 8, "its end is gone");
    let store = begin_epoch(&made.path("data"), options(false), time(1 << 40));
    let mut store = store.expect("an epoch");
    says(&made.verify(&[]), 8, "no restore that is signed for");
    let cut = made.verify(&["--json"]);
    assert!(!String::from_utf8_lossy(&cut.stdout).contains("\"good\":true"));
    logins(&mut store, 1);
    store.close();
    says(&made.verify(&[]), 8, "is no restore");
    // The verifier would sign it.
    let mut store = made.open(true);
    sign(&mut store);
    store.close();
    says(&made.verify(&[]), 8, "is no restore");
}

#[test]
fn what_a_restore_left_out_is_told_in_words_of_its_own() {
    let mut made = Made::new(true, 3);
    let copy = made.copy();
    let mut store = made.open(true);
    logins(&mut store, 4);
    sign(&mut store);
    store.close();
    made.keep_checkpoint();
    made.put_back(copy);
    let store = begin_epoch(&made.path("data"), options(true), time(1 << 40));
    let mut store = store.expect("an epoch");
    commit(&mut store, operation(OperationKind::Restore, time(1 << 40)));
    says(&made.verify(&[]), 8, "no restore that is signed for");
    sign(&mut store);
    store.close();
    let said = "1 checkpoint from elsewhere is of events that were left out by the restore of 2058";
    says(&made.verify(&[]), 0, said);
    let found = json(&made.verify(&["--json"]));
    assert_eq!(found["left_out"], 1, "{found}");
    assert_eq!(found["left_out_by"][0]["checkpoints"], 1, "{found}");
    assert_eq!(found["good"], true, "{found}");
}

#[test]
fn a_journal_that_nobody_signed_is_not_good() {
    let made = Made::new(false, 3);
    let key = made.path("kept.pub");
    let with_key = ["audit", "verify", "--key", text(&key)];
    says(&made.run(&with_key), 8, "nothing is signed");

    // Up to 1,000 events may wait for a signature.
    let made = Made::new(true, 3);
    let key = made.path("kept.pub");
    let with_key = ["audit", "verify", "--key", text(&key)];
    let with_json = [&with_key[..], &["--json"]].concat();
    let mut store = made.open(false);
    logins(&mut store, 1_000);
    store.close();
    let said = "1000 events behind the last checkpoint are not signed yet (since ";
    says(&made.run(&with_key), 0, said);
    let found = json(&made.run(&with_json));
    assert_eq!(found["unsigned_events"], 1_000, "{found}");
    assert_eq!(found["good"], true, "{found}");
    let mut store = made.open(false);
    logins(&mut store, 1);
    store.close();
    says(&made.run(&with_key), 8, "1001 events are not signed");
    // Nor does the verifier believe it, unless the index says that it wrote that.
    fs::remove_dir_all(made.path("data/index")).expect("it is there");
    let refused = EmbeddedStore::open(&made.path("data"), options(true));
    let error = refused.expect_err("it is not signed").to_string();
    assert!(error.contains("more than 1,000 events"), "{error}");
}

#[test]
fn without_a_key_of_their_own_nobody_is_told_that_all_is_good() {
    let made = Made::new(true, 3);
    let own = says(
        &made.run(&["audit", "verify"]),
        0,
        "could change this key too",
    );
    assert!(own.contains("Good: "), "{own}");
    assert!(
        own.contains("That its end was not cut off is not known"),
        "{own}"
    );
    fs::remove_file(made.path("data/audit.pub")).expect("it is there");
    let none = says(
        &made.run(&["audit", "verify"]),
        0,
        "No signature was checked",
    );
    assert!(!none.contains("Good"), "{none}");
    let found = json(&made.run(&["audit", "verify", "--json"]));
    assert_eq!(found["signatures_checked"], false, "{found}");
    assert_eq!(found["good"], Value::Null, "{found}");
    assert_eq!(found["signed_position"], Value::Null, "{found}");
}
