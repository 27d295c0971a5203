//! 500 seeds, each written in twelve ways, are looked for wherever no seed may be: in the files of
//! the verifier, in backups, in logs, and in the memory of everybody who only asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::backup::Keeper;
use sekisho_tests::installation::Plan;
use sekisho_tests::memory::{Needles, processes};
use sekisho_tests::process::{self, Guarded};
use sekisho_tests::terminal::Terminal;
use sekisho_tests::{Door, Installation, PrivateRoot, Token, Verdict, programs};
use sekisho_verifier::otp::Algorithm;

use crate::campaign;

/// So long that neither base 32 nor base 64 is without padding.
const SEED_OCTETS: usize = 22;
const SEEDS: usize = 500;
const LIMIT: Duration = Duration::from_secs(30);

fn based(octets: &[u8], bits: u32, alphabet: &[u8], padded_to: usize) -> String {
    let (mut text, mut held, mut count) = (String::new(), 0_u32, 0);
    let mut put = |value: u32| text.push(char::from(alphabet[value as usize]));
    for &octet in octets {
        held = held << 8 | u32::from(octet);
        count += 8;
        while count >= bits {
            count -= bits;
            put(held >> count & ((1 << bits) - 1));
        }
    }
    if count > 0 {
        put(held << (bits - count) & ((1 << bits) - 1));
    }
    while text.len() % padded_to != 0 {
        text.push('=');
    }
    text
}

fn joined(octets: &[u8], between: &str, form: fn(u8) -> String) -> String {
    let texts: Vec<String> = octets.iter().map(|&octet| form(octet)).collect();
    texts.join(between)
}

/// The twelve ways.
fn ways(seed: &[u8]) -> [(&'static str, Vec<u8>); 12] {
    let base32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let lower = |octet: u8| format!("{octet:02x}");
    let upper = |octet: u8| format!("{octet:02X}");
    let reversed: Vec<u8> = seed.iter().rev().copied().collect();
    let wide = joined(seed, "", lower)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let url = based(seed, 6, base64, 1)
        .replace('+', "-")
        .replace('/', "_");
    [
        ("as it is", seed.to_vec()),
        ("reversed", reversed),
        ("hex", joined(seed, "", lower).into()),
        ("upper-case hex", joined(seed, "", upper).into()),
        ("hex with colons", joined(seed, ":", lower).into()),
        ("hex with blanks", joined(seed, " ", upper).into()),
        ("hex of two octets", wide),
        ("base 32", based(seed, 5, base32, 8).into()),
        (
            "lower-case base 32",
            based(seed, 5, base32, 1).to_lowercase().into(),
        ),
        ("base 64", based(seed, 6, base64, 4).into()),
        ("base 64 for addresses", url.into()),
        (
            "a list of numbers",
            joined(seed, ", ", |octet| octet.to_string()).into(),
        ),
    ]
}

struct Canaries {
    tokens: Vec<Token>,
    needles: Needles,
}

fn canaries() -> Canaries {
    let mut tokens = Vec::new();
    let mut patterns = Vec::new();
    for number in 0..SEEDS * campaign().min(20) {
        let mut seed = vec![0; SEED_OCTETS];
        getrandom::fill(&mut seed).expect("random octets");
        let (account, serial) = (format!("user{number}"), format!("SKTS{number:08}"));
        for (way, octets) in ways(&seed) {
            patterns.push((format!("{serial}, {way}"), octets));
        }
        let token = Token::with_seed(&account, &serial, seed, Algorithm::Sha1, 6);
        tokens.push(token);
    }
    Canaries {
        tokens,
        needles: Needles::new(patterns),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path()),
            Ok(kind) if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}

/// The one process of a program that belongs to this installation.
fn the_process(program: &str, made: &Installation) -> u32 {
    let word = made.folder().display().to_string();
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(&process) = processes(program, &word).first() {
            return process;
        }
        assert!(Instant::now() < deadline, "no {program} runs");
        thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
fn check_memory(program: &str, process: u32, canaries: &Canaries) {
    let (found, octets) = canaries.needles.find_in_process(process);
    assert!(
        octets > 500_000,
        "{program}: only {octets} octets could be read"
    );
    assert!(found.is_empty(), "{program}: {found:?}");
}

#[test]
fn what_is_looked_for_is_found_where_it_is() {
    let canaries = canaries();
    let mut text = b"a line of a log, and then ".to_vec();
    for (_, octets) in ways(b"a seed of 22 octets...") {
        text.extend(octets);
    }
    let own = Needles::new(
        ways(b"a seed of 22 octets...")
            .map(|(way, octets)| (way.into(), octets))
            .into(),
    );
    let found = own.find(&text);
    for (way, _) in ways(b"a seed of 22 octets...") {
        assert!(found.contains(&way), "{way}");
    }
    assert!(canaries.needles.find(&text).is_empty());
    // The needles themselves are in our own memory.
    let (found, _) = canaries.needles.find_in_process(std::process::id());
    assert!(found.len() >= SEEDS * 12, "only {}", found.len());
}

#[test]
fn r16_500_seeds_are_nowhere_in_files_backups_logs_and_in_nobodys_memory() {
    let canaries = canaries();
    let keeper = Keeper::new();
    let mut made = Plan::default().settings(&keeper.settings()).start();
    made.import(&canaries.tokens.iter().collect::<Vec<_>>());
    for (n, token) in canaries.tokens.iter().take(60).enumerate() {
        let code = made.code(token, 0);
        let verdict = made.login(Door::BOTH[n % 2], &token.account, &code);
        assert_eq!(verdict, Verdict::Accept);
        // The second time it is a copy.
        if n % 10 == 0 {
            assert_eq!(
                made.login(Door::Radius, &token.account, &code),
                Verdict::Reject
            );
        }
    }
    made.json(&["token", "list", "--all"]);
    made.json(&["explain", "user1"]);
    let backups = [true, false].map(|history| keeper.file(&format!("{history}.age")));
    made.back_up(&backups[0], true);
    made.back_up(&backups[1], false);

    check_memory("sekisho-radiusd", made.radius().process(), &canaries);
    check_pam_host(&made, &canaries);
    check_tools(&made, &canaries);

    made.restart_verifier();
    let files = files_below(made.folder());
    let has = |part: &str| {
        files
            .iter()
            .any(|file| file.to_string_lossy().contains(part))
    };
    for part in [
        "data/journal/",
        "data/index/",
        "data/keyring",
        "verifierd",
        "radiusd",
    ] {
        assert!(has(part), "no {part} in {files:?}");
    }
    for file in files.iter().chain(&backups) {
        let found = canaries.needles.find_in_file(file);
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

/// A process that has PAM ask again and again.
fn check_pam_host(made: &Installation, canaries: &Canaries) {
    let token = &canaries.tokens[100];
    let wrong = made.wrong_code(token, 0);
    let words = made
        .pam()
        .words(&["-r", "100000"], "login", &token.account, &[&wrong]);
    let mut command = made.pam().root().command(&words[0]);
    command
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut host = Guarded::spawn(&mut command);
    let process = the_process("pam-driver", made);
    thread::sleep(Duration::from_millis(300));
    assert!(host.ended().is_none(), "the host has ended");
    check_memory("the PAM host", process, canaries);
}

/// The tool while it waits for a code, and while it hands on a backup.
fn check_tools(made: &Installation, canaries: &Canaries) {
    let program = programs::ours("sekisho").display().to_string();
    let settings = made.settings().display().to_string();
    let root = PrivateRoot::new(&made.folder().join("terminal"));
    // The verifier's socket is not below /run, so it is there as well.
    let line = format!("{program} --settings {settings} enroll user200 SKTS00000200");
    let mut terminal = Terminal::open(&root, None, &line);
    terminal.wait_for("ode");
    check_memory("sekisho enroll", the_process("sekisho", made), canaries);
    drop(terminal);
    let left = || !processes("sekisho", &settings).is_empty();
    let deadline = Instant::now() + LIMIT;
    while left() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }

    let mut command = process::leashed(&program);
    command.args(["--settings", &settings, "backup", "-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    // Nobody reads what it hands on, so it waits.
    let mut tool = Guarded::spawn(&mut command);
    let process = the_process("sekisho", made);
    thread::sleep(Duration::from_millis(500));
    assert!(tool.ended().is_none(), "the backup fits into a pipe");
    check_memory("sekisho backup", process, canaries);
}

/// Codes of eight digits, so that none is found by chance.
fn of_eight_digits(account: &str, serial: &str) -> Token {
    let mut seed = vec![0; SEED_OCTETS];
    getrandom::fill(&mut seed).expect("random octets");
    Token::with_seed(account, serial, seed, Algorithm::Sha1, 8)
}

/// What the help desk is told of failed codes comes from findings about them, and not from them.
#[test]
fn failed_codes_and_spare_codes_are_nowhere_in_files_logs_and_answers() {
    let (hana, spare) = (
        of_eight_digits("hana", "SKTS00000001"),
        of_eight_digits("", "SKTS00000002"),
    );
    let mut made = Plan::default().start();
    let rows = [&hana, &spare].map(|t| format!("{},{},{},8\n", t.account, t.serial, t.seed_hex()));
    let text = format!("account,serial,secret_hex,digits\n{}{}", rows[0], rows[1]);
    made.import_text(&text).expect_success();
    let mut typed = Vec::new();
    let mut spares = Vec::new();
    let issued = made.json(&[
        "emergency",
        "issue",
        "hana",
        "--count",
        "4",
        "--valid",
        "24h",
    ]);
    for code in issued["codes"].as_array().expect("codes") {
        spares.push(code.as_str().expect("a code").to_owned());
    }
    let spent = made.code(&hana, 0);
    for (n, code) in (-12..12)
        .filter(|offset| *offset != 0)
        .map(|offset| made.code(&hana, offset))
        .chain((-3..3).map(|offset| made.code(&spare, offset)))
        .chain([spent.clone(), spent.clone(), spent])
        .chain([
            "31415926".into(),
            spares[0].clone(),
            spares[0].clone(),
            spares[1].clone(),
        ])
        .enumerate()
    {
        made.login(Door::BOTH[n % 2], "hana", &code);
        // Refused if it is not locked, and it need not be.
        made.sekisho(&["unlock", "hana"]);
        made.clock().advance(1);
        typed.push(code);
    }
    let bare = spares.iter().map(|code| code.replace('-', ""));
    typed.extend(bare.collect::<Vec<_>>());
    typed.extend(spares);
    let mut told = made.sekisho(&["explain", "hana"]).expect_success().stdout;
    assert!(told.contains("fits"), "the findings are there: {told}");
    told += &made
        .sekisho(&["--language", "ja", "explain", "hana"])
        .stdout;
    told += &made.sekisho(&["audit", "list", "--all"]).stdout;
    told += &made.sekisho(&["--json", "audit", "list", "--all"]).stdout;
    told += &made.sekisho(&["status"]).stdout;
    told += &made.verifier().log();
    made.restart_verifier();
    let patterns = typed
        .iter()
        .map(|code| (code.clone(), code.clone().into_bytes()));
    let needles = Needles::new(patterns.collect());
    assert!(needles.find(told.as_bytes()).is_empty(), "{told}");
    for file in files_below(made.folder()) {
        let found = needles.find_in_file(&file);
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}
