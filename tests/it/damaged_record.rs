//! One record that is not what was written: its owner gets in no more, and nobody else minds.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sekisho_store_embedded::EmbeddedStore;
use sekisho_tests::backup::Keeper;
use sekisho_tests::gateways::within;
use sekisho_tests::installation::{Plan, attempt, call};
use sekisho_tests::{Installation, Token};
use sekisho_verifier::event::Actor;
use sekisho_verifier::operation::{Done, Operate, Operation, Order, StateChange};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::Store;
use sekisho_verifier::time::Time;
use sekisho_verifier::verify::Verifier;
use sekisho_verifier_socket::{Reply, Verdict};
use serde_json::Value;

use crate::keys::opened;

/// How long a rotation of a handful of records may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes the token's record once more, with a tag that no key of the installation makes. The
/// journal is whole and signed, as it would be if the disk, or a fault of ours, had changed the
/// record under it. The verifier must not run.
fn damage(made: &Installation, token: &Token) {
    let read = |name: &str| fs::read(made.data().join(name)).expect("is there");
    let master = String::from_utf8(read("master.key")).expect("text");
    let content = opened(&master, &read("keyring")).expect("the keyring opens");
    let options = content.options();
    let keyring = Arc::clone(&options.keyring);
    let mut store = EmbeddedStore::open(&made.data(), options).expect("a good journal");
    keyring.make_current(DataKey::new(1_000, &[1; KEY_OCTETS]));
    let verifier = Verifier::new(Policy::default(), keyring).expect("a verifier");
    let serial = Serial::parse(&token.serial).expect("a serial");
    let suspend = Operation::Change(StateChange::Suspend, serial);
    let order = Order::of(Actor::new(0, "root"));
    let now = Time::from_millis(made.now() * 1_000);
    let mut operate = Operate::new(&verifier, &suspend, &order, now);
    let outcome = store.commit(&mut [&mut operate]).expect("it lives").pop();
    let done = operate.done(outcome.expect("one outcome"));
    assert!(matches!(done, Done::Receipt(..)), "{done:?}");
    // Until it is signed.
    let deadline = Instant::now() + PATIENCE;
    while store.wants_idle() {
        assert!(Instant::now() < deadline, "it is never at rest");
        store.idle().expect("it lives");
        thread::sleep(Duration::from_millis(50));
    }
    store.close();
}

/// By the code that the token shows now.
fn is_let_in(made: &Installation, token: &Token) -> bool {
    let login = attempt(&token.account, &made.code(token, 0));
    match call(&mut made.connect(), login) {
        Some(Reply::Decided { verdict, .. }) => verdict == Verdict::Accept,
        Some(Reply::Unavailable) => false,
        other => panic!("{}: {other:?}", token.serial),
    }
}

fn serials(made: &Installation) -> Vec<String> {
    let listed = made.json(&["token", "list"]);
    let tokens = listed["tokens"].as_array().expect("an array").iter();
    let serials = tokens.map(|token| token["serial"].as_str().expect("text").to_owned());
    serials.collect()
}

fn is_told_of(made: &Installation, token: &Token) -> bool {
    // All records are looked at while logins go on already.
    within(Duration::from_secs(20), || {
        let warnings = made.json(&["status"])["warnings"].to_string();
        warnings.contains(&format!("token {}", token.serial))
    })
}

/// The newest event of this operation.
fn receipt_note(made: &Installation, operation: &str) -> String {
    let events = made.events();
    let mut newest = events.iter().rev();
    let event = newest.find(|event| event["operation"] == operation);
    let number = event.expect("an event")["receipt"].as_str();
    let receipt = made.json(&["receipt", "show", number.expect("a receipt")]);
    receipt["note"].as_str().expect("a note").to_owned()
}

#[test]
fn damaged_record_stops_neither_import_nor_rotation_nor_backup_nor_restore() {
    let keeper = Keeper::new();
    let hana = Token::new("hana", "SKTS00000001");
    let jiro = Token::new("jiro", "SKTS00000002");
    let mari = Token::new("mari", "SKTS00000003");
    let mut made = Plan::default().settings(&keeper.settings()).build();
    made.start_verifier();
    made.import(&[&hana, &jiro]);
    made.take_verifier().stop();
    damage(&made, &jiro);
    made.start_verifier();

    made.import(&[&mari]);
    assert_eq!(serials(&made), [&*hana.serial, &*mari.serial]);
    assert!(is_told_of(&made, &jiro));
    assert!(is_let_in(&made, &hana) && !is_let_in(&made, &jiro));

    made.sekisho(&["key", "rotate"]).expect_success();
    let deadline = Instant::now() + PATIENCE;
    while made.json(&["key", "status"])["rotation"] != Value::Null {
        assert!(Instant::now() < deadline, "the rotation does not end");
        thread::sleep(Duration::from_millis(50));
    }
    let keys = &made.json(&["key", "status"])["data_keys"];
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
    let note = receipt_note(&made, "key-destroy");
    assert!(
        note.contains("1 damaged record was left as it is"),
        "{note}"
    );
    assert!(is_told_of(&made, &jiro));

    let files = [true, false].map(|history| {
        let file = keeper.file(&format!("{history}.age"));
        let path = file.display().to_string();
        let mut words = vec!["--json", "backup", &path];
        if !history {
            words.push("--without-history");
        }
        let done = made.sekisho(&words).expect_success();
        assert!(done.stderr.contains("damaged records: 1"), "{done}");
        let receipt: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!(receipt["damaged"], 1, "{receipt}");
        let note = receipt["note"].as_str().expect("a note");
        assert!(note.contains("damaged records 1"), "{note}");
        file
    });
    made.take_verifier().stop();
    for file in files {
        made.lose_data();
        made.clock().advance(180);
        let done = made.restore(&file, &keeper.identity()).expect_success();
        let receipt: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!(receipt["damaged"], 1, "{receipt}");
        assert_eq!(
            receipt["damaged_records"][0],
            format!("token {}", jiro.serial)
        );
        let note = receipt["note"].as_str().expect("a note");
        assert!(
            note.contains("1 damaged record was left as it is"),
            "{note}"
        );
        made.start_verifier();
        assert!(is_told_of(&made, &jiro));
        assert_eq!(serials(&made), [&*hana.serial, &*mari.serial]);
        made.clock().advance(600);
        assert!(is_let_in(&made, &mari) && !is_let_in(&made, &jiro));
        made.take_verifier().stop();
    }
}
