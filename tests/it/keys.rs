//! The keys: rotated while logins go on and the verifier is killed, and kept by systemd or in a
//! security module.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::HEXLOWER;
use sekisho_store_embedded::{EmbeddedStore, Options};
use sekisho_tests::installation::{self, Plan, ask, call};
use sekisho_tests::radius::random;
use sekisho_tests::{Installation, Token, process};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Kind, Record, Store, StoreError};
use sekisho_verifier_socket::admin::{Answer, KeyStatusView, Refusal, RefusalKind, Verb};
use sekisho_verifier_socket::{self as socket, Client, Reply, Request};

use crate::campaign;

const TOKENS: usize = 10_000;
const KILLS: usize = 50;
/// The longest time from the start of the verifier to its end, in milliseconds.
const LIFE_MAX: u64 = 400;
/// How long a rotation may take once nobody is in its way, for each 10,000 tokens.
const PATIENCE: Duration = Duration::from_secs(120);
/// Connections that log in at the same time.
const DOORS: usize = 8;

fn attempt(token: &Token, now: u64) -> Request {
    installation::attempt(&token.account, &token.shows(now, 0))
}

fn is_accepted(client: &mut Client, token: &Token, now: u64) -> Option<bool> {
    match call(client, attempt(token, now))? {
        Reply::Decided { verdict, .. } => Some(verdict == socket::Verdict::Accept),
        other => panic!("{}: {other:?}", token.serial),
    }
}

fn status_by(client: &mut Client) -> KeyStatusView {
    match ask(client, Verb::KeyStatus) {
        Some(Ok(Answer::Keys(keys))) => keys,
        other => panic!("{other:?}"),
    }
}

fn status(made: &Installation) -> KeyStatusView {
    status_by(&mut made.connect())
}

fn rotate(made: &Installation) -> Option<Result<Answer, Refusal>> {
    ask(&mut made.connect(), Verb::KeyRotate { note: None })
}

#[track_caller]
fn wait_until_rotated(made: &Installation, limit: Duration) -> KeyStatusView {
    let deadline = Instant::now() + limit;
    loop {
        let keys = status(made);
        if keys.rotation.is_none() {
            return keys;
        }
        assert!(Instant::now() < deadline, "{keys:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What is in a keyring.
pub(crate) struct Content {
    data_keys: BTreeMap<u32, [u8; KEY_OCTETS]>,
    signing_key: [u8; SIGNING_KEY_OCTETS],
}

impl Content {
    fn ring(&self) -> Arc<Keyring> {
        let mut keys = self.data_keys.iter().rev();
        let mut next = || keys.next().map(|(number, key)| DataKey::new(*number, key));
        let ring = Keyring::new(next().expect("a current key"));
        while let Some(key) = next() {
            ring.add(key);
        }
        Arc::new(ring)
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            signing_key: Some(self.signing_key.into()),
            ..Options::new(self.ring())
        }
    }
}

/// What is in a keyring file, as `docs/formats/keyring.md` describes it; `None` if it does
/// not open with any line of this master key file.
pub(crate) fn opened(master: &str, keyring: &[u8]) -> Option<Content> {
    let (head, rest) = keyring.split_at(22);
    let (nonce, body) = rest.split_first_chunk::<12>()?;
    let (body, tag) = body.split_last_chunk::<16>()?;
    let clear = master.lines().find_map(|line| {
        let key = HEXLOWER.decode(line.rsplit(' ').next()?.as_bytes()).ok()?;
        let mut clear = body.to_vec();
        Aes256Gcm::new_from_slice(&key)
            .ok()?
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                head,
                clear.as_mut_slice().into(),
                &(*tag).into(),
            )
            .ok()?;
        Some(clear)
    })?;
    let mut decoder = minicbor::Decoder::new(&clear);
    decoder.array().ok()?;
    decoder.u32().ok()?;
    let count = decoder.array().ok()??;
    let mut data_keys = BTreeMap::new();
    for _ in 0..count {
        decoder.array().ok()?;
        let number = decoder.u32().ok()?;
        data_keys.insert(number, decoder.bytes().ok()?.try_into().ok()?);
    }
    Some(Content {
        data_keys,
        signing_key: decoder.bytes().ok()?.try_into().ok()?,
    })
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.expect("cp").success());
}

/// What was copied before the rotation opens neither the keyring nor one record of after.
#[track_caller]
fn check_old_keys_open_nothing(
    data: &Path,
    old_master: &str,
    old_keyring: &[u8],
    tokens: &[Token],
) {
    let read = |name: &str| fs::read(data.join(name)).expect("is there");
    let (master, keyring) = (read("master.key"), read("keyring"));
    let master = String::from_utf8(master).expect("text");
    let old = opened(old_master, old_keyring).expect("it was good before");
    let new = opened(&master, &keyring).expect("it is good now");
    assert!(opened(old_master, &keyring).is_none());
    assert!(opened(&master, old_keyring).is_none());
    assert_eq!(new.data_keys.len(), 1);
    let destroyed = |number| !new.data_keys.contains_key(number);
    assert!(old.data_keys.keys().all(destroyed));

    // The whole folder, by the old keys: no journal, or no record that fits its tag.
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    copy(data, &first);
    if let Ok(store) = EmbeddedStore::open(&first, old.options()) {
        for token in tokens {
            let serial = Serial::parse(&token.serial).expect("a serial");
            let read = store.view().token(&serial);
            assert_eq!(read.err(), Some(StoreError::Corrupt), "{serial}");
        }
    }
    // And where the records are read by the new keys, the old ones open no seed.
    copy(data, &second);
    let store = EmbeddedStore::open(&second, new.options()).expect("a good journal");
    let (old, new) = (old.ring(), new.ring());
    let mut after: Option<Key> = None;
    let mut seen = 0;
    loop {
        let page = store
            .list(Kind::Tokens, after.as_ref(), 1_000)
            .expect("good records");
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        for record in page {
            let Record::Token(token) = record else {
                panic!("{record:?}")
            };
            assert!(new.open(&token.serial, token.seal, &token.seed).is_ok());
            assert!(old.open(&token.serial, token.seal, &token.seed).is_err());
            seen += 1;
        }
    }
    assert_eq!(seen, tokens.len());
}

fn doors(made: &Installation) -> Vec<Client> {
    (0..DOORS).map(|_| made.connect()).collect()
}

/// Each of `tokens` logs in once; returns which were let in before the verifier was gone.
fn log_in(doors: Vec<Client>, tokens: &[Token], now: u64, over: &AtomicBool) -> Vec<usize> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let doors: Vec<_> = doors
            .into_iter()
            .map(|mut client| {
                let next = &next;
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    while !over.load(Ordering::SeqCst) {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        let Some(token) = tokens.get(at) else { break };
                        match is_accepted(&mut client, token, now) {
                            Some(true) => accepted.push(at),
                            // Accepted just before the kill, and nobody was told.
                            Some(false) | None => break,
                        }
                    }
                    accepted
                })
            })
            .collect();
        let accepted = doors.into_iter().map(|door| door.join().expect("no panic"));
        accepted.flatten().collect()
    })
}

#[test]
fn rotation_with_50_kills_loses_nothing_while_logins_go_on() {
    let tokens: Vec<Token> = (0..TOKENS * campaign())
        .map(|n| Token::new(&format!("user{n:07}"), &format!("SKTS{n:08}")))
        .collect();
    let mut made = Plan::default().build();
    made.start_verifier();
    made.import(&tokens.iter().collect::<Vec<_>>());
    let read = |name: &str| fs::read(made.data().join(name)).expect("is there");
    let old_master = String::from_utf8(read("master.key")).expect("text");
    let old_keyring = read("keyring");

    // A share of the tokens logs in during each life of the verifier.
    let share = tokens.len() / 2 / KILLS;
    let mut accepted = 0;
    let mut killed_within = 0;
    let mut logged_in_within = 0;
    for (kill, tokens) in tokens.chunks(share).take(KILLS).enumerate() {
        match rotate(&made) {
            Some(Ok(Answer::Receipt(_))) => {}
            // That of an earlier life still goes on.
            Some(Err(refusal)) => {
                assert_eq!(refusal.kind, RefusalKind::Conflict, "{refusal:?}");
                assert!(refusal.message.contains("is under way"), "{refusal:?}");
            }
            other => panic!("{other:?}"),
        }
        let over = AtomicBool::new(false);
        let life = Duration::from_millis(LIFE_MAX * u64::from(random()[0]) / 255);
        let (doors, now, mut asking) = (doors(&made), made.now(), made.connect());
        let verifier = made.take_verifier();
        let (done, rotating) = thread::scope(|scope| {
            let over = &over;
            let logins = scope.spawn(move || log_in(doors, tokens, now, over));
            thread::sleep(life);
            let rotating = status_by(&mut asking).rotation.is_some();
            verifier.kill();
            over.store(true, Ordering::SeqCst);
            (logins.join().expect("no panic"), rotating)
        });
        made.start_verifier();
        killed_within += usize::from(rotating);
        if rotating {
            logged_in_within += done.len();
        }
        accepted += done.len();
        // What was let in is spent.
        let mut client = made.connect();
        for at in done {
            assert_eq!(
                is_accepted(&mut client, &tokens[at], made.now()),
                Some(false),
                "{} after kill {kill}",
                tokens[at].serial
            );
        }
    }
    assert!(
        killed_within >= KILLS / 4,
        "{killed_within} kills came into a rotation"
    );
    assert!(
        logged_in_within > 0 && accepted >= KILLS,
        "{accepted} logins"
    );

    // The last one, or one more.
    if status(&made).rotation.is_none() {
        assert!(matches!(rotate(&made), Some(Ok(Answer::Receipt(_)))));
    }
    let keys = wait_until_rotated(&made, PATIENCE * campaign() as u32);
    assert_eq!(keys.data_keys, [keys.data_key]);
    // Everybody who had not logged in yet can.
    let rest = &tokens[share * KILLS..];
    let over = AtomicBool::new(false);
    assert_eq!(
        log_in(doors(&made), rest, made.now(), &over).len(),
        rest.len()
    );
    let told = made.json(&["status"]);
    assert_eq!(told["tokens"], tokens.len());

    made.take_verifier().stop();
    check_old_keys_open_nothing(&made.data(), &old_master, &old_keyring, &tokens);
    println!(
        "{killed_within} of {KILLS} kills within a rotation, {} data keys, {accepted} logins \
         before and {} after",
        keys.data_key,
        rest.len()
    );
}

#[test]
fn rotation_is_told_refused_while_it_goes_on_and_its_events_come_once() {
    let tokens: Vec<Token> = (0..2_000)
        .map(|n| Token::new(&format!("user{n:07}"), &format!("SKTS{n:08}")))
        .collect();
    let mut made = Plan::default().build();
    made.start_verifier();
    made.import(&tokens.iter().collect::<Vec<_>>());
    let receipt = made.json(&[
        "key",
        "rotate",
        "--note",
        "yearly",
        "--request-key",
        "ticket-1",
    ]);
    assert_eq!(receipt["operation"], "key-rotate");
    let again = made.json(&["key", "rotate", "--request-key", "ticket-1"]);
    assert_eq!(again["number"], receipt["number"], "asked for once");
    made.crash_verifier();
    wait_until_rotated(&made, PATIENCE);
    let status = made.json(&["key", "status"]);
    assert_eq!(status["source"], "file");
    assert_eq!(status["master_version"], 2);
    assert_eq!(status["data_keys"].to_string(), "[2]");
    let public = fs::read_to_string(made.data().join("audit.pub")).expect("the public key");
    assert_eq!(status["public_key"], public.trim_end());
    let events = made.events();
    let count = |operation: &str| {
        events
            .iter()
            .filter(|e| e["operation"] == operation)
            .count()
    };
    assert_eq!((count("key-rotate"), count("key-destroy")), (1, 1));
    assert!(count("reseal") >= 2_000 / 256);
    let line = fs::read_to_string(made.data().join("master.key")).expect("the master key");
    assert!(line.starts_with("sekisho-master-key-2 2 ") && line.lines().count() == 1);
}

#[test]
fn import_that_was_read_before_a_rotation_is_refused_and_not_left_behind() {
    use sekisho_verifier_socket::admin::{ImportRow, NewToken};

    let early = Token::new("early", "SKTS00000001");
    let late = Token::new("late", "SKTS00000002");
    let mut made = Installation::with(&[&early]);
    let mut importer = made.connect();
    let seed = HEXLOWER.decode(late.seed_hex().as_bytes()).expect("hex");
    let seed = String::from_utf8(seed).expect("such a seed is text");
    let row = ImportRow {
        line: 1,
        account: Some(late.account.clone()),
        serial: late.serial.clone(),
        seed: seed.as_str().into(),
        shape: NewToken::default(),
    };
    ask(&mut importer, Verb::ImportBegin)
        .expect("a reply")
        .expect("begun");
    let rows = Verb::ImportRows(vec![row]);
    ask(&mut importer, rows).expect("a reply").expect("taken");
    rotate(&made).expect("a reply").expect("begun");
    wait_until_rotated(&made, PATIENCE);
    // What sealed it is gone: nothing is taken in that would never open again.
    match ask(&mut importer, Verb::ImportFinish).expect("a reply") {
        Err(refusal) => {
            assert_eq!(refusal.kind, RefusalKind::Conflict, "{refusal:?}");
            assert!(
                refusal.message.contains("data key was changed"),
                "{refusal:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    made.import(&[&late]);
    made.restart_verifier();
    for token in [&early, &late] {
        let accepted = is_accepted(&mut made.connect(), token, made.now());
        assert_eq!(accepted, Some(true), "{}", token.serial);
    }
}

#[test]
fn master_key_moves_from_its_file_to_a_credential_and_is_rotated_there() {
    let token = Token::new("hana", "SKTS00000001");
    let mut made = Installation::with(&[&token]);
    made.take_verifier().stop();
    let credentials = made.folder().join("credentials");
    fs::create_dir(&credentials).expect("a folder");
    let moved = credentials.join("sekisho-master-key");
    fs::rename(made.data().join("master.key"), &moved).expect("moved");
    fs::set_permissions(&credentials, Permissions::from_mode(0o500)).expect("its mode");
    made.add_settings("[master-key]\nsource = \"credential\"\n");
    made.tell_verifier("CREDENTIALS_DIRECTORY", &credentials);
    made.start_verifier();
    assert_eq!(
        is_accepted(&mut made.connect(), &token, made.now()),
        Some(true)
    );

    // Somebody makes another version and starts the verifier again, as systemd does.
    let old = fs::read_to_string(&moved).expect("a key");
    let both = format!("{old}sekisho-master-key-2 2 {}\n", "5a".repeat(32));
    fs::set_permissions(&moved, Permissions::from_mode(0o600)).expect("its mode");
    fs::write(&moved, both).expect("written");
    made.restart_verifier();
    rotate(&made).expect("a reply").expect("begun");
    let keys = wait_until_rotated(&made, PATIENCE);
    assert_eq!((keys.master_version, keys.data_keys), (2, vec![2]));
    let warnings = made.json(&["status"])["warnings"].to_string();
    assert!(
        warnings.contains("versions of the master key before 2"),
        "{warnings}"
    );
    fs::write(
        &moved,
        format!("sekisho-master-key-2 2 {}\n", "5a".repeat(32)),
    )
    .expect("written");
    made.restart_verifier();
    made.clock().advance(30);
    assert_eq!(
        is_accepted(&mut made.connect(), &token, made.now()),
        Some(true)
    );
}

/// A security module in software with a token, in a folder of its own.
fn security_module(folder: &Path) -> std::path::PathBuf {
    let tokens = folder.join("tokens");
    fs::create_dir(&tokens).expect("a folder");
    let settings = folder.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::write(&settings, text).expect("written");
    let mut make = Command::new("softhsm2-util");
    make.env("SOFTHSM2_CONF", &settings).args([
        "--init-token",
        "--free",
        "--label",
        "sekisho",
        "--so-pin",
        "87654321",
        "--pin",
        "4711",
    ]);
    process::run(&mut make, b"", Duration::from_secs(30)).expect_success();
    settings
}

/// Where packages put the library.
fn library() -> &'static str {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
    ];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("softhsm2 is installed; run: make test")
}

#[test]
fn master_key_moves_into_a_security_module_and_never_comes_out() {
    let token = Token::new("hana", "SKTS00000001");
    let mut made = Installation::with(&[&token]);
    made.take_verifier().stop();
    let module = security_module(made.folder());
    made.tell_verifier("SOFTHSM2_CONF", &module);
    let pin = made.folder().join("pin");
    fs::write(&pin, "4711\n").expect("written");
    made.add_settings(&format!(
        "[master-key]\nsource = \"pkcs11\"\n[master-key.pkcs11]\nmodule = {:?}\n\
         token = \"sekisho\"\npin-file = {pin:?}\n",
        library()
    ));
    // A PIN that others can read is refused.
    let refused = made.refused_verifier();
    assert!(
        refused.contains("others than its owner") && refused.contains("chmod 0400"),
        "{refused}"
    );
    fs::set_permissions(&pin, Permissions::from_mode(0o400)).expect("its mode");
    let file = fs::read(made.data().join("master.key")).expect("the key of before");
    made.start_verifier();
    assert_eq!(
        is_accepted(&mut made.connect(), &token, made.now()),
        Some(true)
    );
    // The keyring is wrapped anew behind the first logins.
    let told = || made.json(&["status"])["warnings"].to_string();
    let deadline = Instant::now() + PATIENCE;
    while !told().contains("master.key is not the master key any more") {
        assert!(Instant::now() < deadline, "{}", told());
        thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(made.data().join("master.key")).expect("ours");

    rotate(&made).expect("a reply").expect("begun");
    let keys = wait_until_rotated(&made, PATIENCE);
    assert_eq!(keys.source, "pkcs11");
    assert_eq!((keys.master_version, keys.data_keys), (2, vec![2]));
    made.crash_verifier();
    made.clock().advance(30);
    assert_eq!(
        is_accepted(&mut made.connect(), &token, made.now()),
        Some(true)
    );

    // The file of before is of no use, and neither is a token without the key.
    made.take_verifier().stop();
    let keyring = fs::read(made.data().join("keyring")).expect("the keyring");
    let file = String::from_utf8(file).expect("text");
    assert!(opened(&file, &keyring).is_none());
    let other = made.folder().join("other");
    fs::create_dir(&other).expect("a folder");
    made.tell_verifier("SOFTHSM2_CONF", &security_module(&other));
    let refused = made.refused_verifier();
    assert!(refused.contains("has no key sekisho-master-2"), "{refused}");
    // Nor one whose PIN is another.
    made.tell_verifier("SOFTHSM2_CONF", &module);
    fs::remove_file(&pin).expect("ours");
    fs::write(&pin, "4712").expect("written");
    fs::set_permissions(&pin, Permissions::from_mode(0o400)).expect("its mode");
    let refused = made.refused_verifier();
    assert!(refused.contains("does not take the PIN"), "{refused}");
    assert!(!refused.contains("4712"));
}

#[test]
fn verifier_that_finds_no_keyring_beside_its_journal_does_not_start() {
    let mut made = Installation::with(&[&Token::new("hana", "SKTS00000001")]);
    made.take_verifier().stop();
    let keyring = made.data().join("keyring");
    fs::rename(&keyring, made.folder().join("away")).expect("moved");
    let refused = made.refused_verifier();
    assert!(
        refused.contains("is not there") && refused.contains("sekisho restore"),
        "{refused}"
    );
    assert!(!keyring.exists());
    fs::rename(made.folder().join("away"), &keyring).expect("moved");
    made.start_verifier();
}
