//! How peers failed: the rows that are not told elsewhere. Find a row by its number.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::pam::{AUTH_ERR, MAXTRIES, SUCCESS};
use sekisho_tests::radius::{Request, random};
use sekisho_tests::{Door, Installation, Token, Verdict, process};

use crate::campaign;

const LIMIT: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_millis(500);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[track_caller]
fn check(made: &Installation, door: Door, user: &str, code: &str, expected: Verdict) {
    assert_eq!(
        made.login(door, user, code),
        expected,
        "{door:?} {user:?} {code:?}"
    );
}

#[test]
fn r01_odd_records_beside_the_live_one_do_not_catch_its_consumption() {
    let hana = hana();
    let others = [
        Token::new("hana", "SKTS0000000"),
        Token::new("hana", "SKTS000000010"),
        Token::new("hana2", "SKTS00000002"),
        Token::new("han", "SKTS00000003"),
        Token::new("hana.", "SKTS00000004"),
    ];
    let mut all = vec![&hana];
    all.extend(&others);
    let made = Installation::with(&all);
    made.json(&["lost", "SKTS0000000"]);
    made.json(&["suspend", "SKTS000000010"]);
    let commented = "account,serial,secret_hex\n# hana,SKTS00000001,00\n";
    assert!(!made.import_text(commented).status.success());
    for door in Door::BOTH {
        let code = made.code(&hana, 0);
        check(&made, door, "hana", &code, Verdict::Accept);
        check(&made, door, "hana", &code, Verdict::Reject);
        check(&made, door.other(), "hana", &code, Verdict::Reject);
        made.clock().advance(90);
    }
    let code = made.code(&others[2], 0);
    check(&made, Door::Pam, "hana2", &code, Verdict::Accept);
}

#[test]
fn r02_pam_module_opens_no_path_that_users_own() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let trace = made.folder().join("trace");
    let words = made
        .pam()
        .words(&[], "login", "hana", &[&made.code(&hana, 0)]);
    let mut strace = made.pam().root().command("strace");
    strace
        .args(["-f", "-e", "trace=%file,fchown,fchmod,connect", "-o"])
        .arg(&trace)
        .args(&words)
        .env("HOME", "/nonexistent/home");
    let done = process::run(&mut strace, b"", LIMIT).expect_success();
    assert!(done.stdout.contains("\"authenticate\":0"), "{done}");
    let text = std::fs::read_to_string(&trace).expect("a trace");
    let trusted = [
        "/etc/",
        "/lib",
        "/usr/",
        "/proc/",
        "/dev/",
        "/run/",
        "/var/run/",
        "/sys/",
    ];
    let folder = made.folder().display().to_string();
    let built = sekisho_tests::programs::pam_module();
    let driver = sekisho_tests::programs::pam_driver();
    for line in text.lines().filter(|line| line.contains('"')) {
        let path = line.split('"').nth(1).unwrap_or("");
        // An empty path is the descriptor beside it.
        let known = path.is_empty()
            || trusted.iter().any(|start| path.starts_with(start))
            || path.starts_with(&folder)
            || path == built.to_string_lossy()
            || path == driver.to_string_lossy();
        assert!(known, "{line}");
        assert!(!line.contains("chown("), "{line}");
    }
}

#[test]
fn r03_code_of_second_59_is_refused_at_61_and_89() {
    for door in Door::BOTH {
        let hana = hana();
        let minute = 1_940_000_400;
        let made = Plan::default().clock_at(minute + 59).start();
        made.import(&[&hana]);
        let code = made.code(&hana, 0);
        check(&made, door, "hana", &code, Verdict::Accept);
        for second in [61, 89] {
            made.clock().set(minute + second);
            check(&made, door, "hana", &code, Verdict::Reject);
            check(&made, door.other(), "hana", &code, Verdict::Reject);
        }
    }
}

#[test]
fn r04_p04_learning_drift_never_accepts_at_or_below_the_watermark() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let mut spent = Vec::new();
    // A clock that is a step ahead each time moves the window; each code stays spent.
    for _ in 0..12 {
        let code = made.code(&hana, 1);
        check(&made, Door::Radius, "hana", &code, Verdict::Accept);
        spent.push(code);
        for code in spent.iter().rev().take(4) {
            check(&made, Door::Pam, "hana", code, Verdict::Reject);
        }
        made.clock().advance(60);
    }
    let shown = made.json(&["token", "show", "SKTS00000001"]);
    assert!(
        shown["drift_steps"].as_i64().is_some_and(|drift| drift > 0),
        "{shown}"
    );
    assert_eq!(made.count("right-code"), spent.len());
}

#[test]
fn r05_no_switch_makes_a_code_reusable() {
    for line in ["reusable = true", "allow-reuse = true", "reuse = 1"] {
        for table in ["acceptance", "limits", "pam"] {
            let made = Plan::default()
                .settings(&format!("[{table}]\n{line}"))
                .build();
            let mut check = made.daemon_command("sekisho-verifierd");
            let done = process::run(check.arg("--check"), b"", LIMIT);
            assert!(!done.status.success(), "[{table}] {line}");
        }
    }
}

#[test]
fn r06_r07_spent_code_in_another_spelling_is_not_accepted_and_no_guess() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    check(&made, Door::Pam, "hana", &code, Verdict::Accept);
    let full_width: String = code
        .chars()
        .map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0xff10).unwrap_or(digit))
        .collect();
    let spellings = [
        format!(" {code}"),
        format!("{code} "),
        format!("{code}\n"),
        format!("{code}\r"),
        format!("{code}\t"),
        format!("0{code}"),
        format!("00{code}"),
        format!("+{code}"),
        format!("{} {}", &code[..3], &code[3..]),
        format!("{}-{}", &code[..3], &code[3..]),
        format!("{code}{code}"),
        format!("{code}."),
        full_width,
    ];
    for (n, spelling) in spellings.iter().enumerate() {
        for door in Door::BOTH {
            check(&made, door, "hana", spelling, Verdict::Reject);
        }
        // `0` in front makes seven digits: a code, and a wrong one, so the wait is waited out.
        made.clock().advance(if n < 4 { 0 } else { 1 });
    }
    for password in [
        format!("{code}\0"),
        format!("{code}\0\0x"),
        format!("\0{code}"),
    ] {
        let request = Request::pap(1, b"hana", password.as_bytes());
        assert_ne!(
            made.nas().ask(&request, QUIET),
            Verdict::Accept,
            "{password:?}"
        );
    }
    assert_eq!(made.count("right-code"), 1);
}

#[test]
fn r08_r20_r26_every_spelling_of_a_name_is_one_account_with_one_counter() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    made.json(&["account", "set", "hana", "--add-alias", "h.suzuki"]);
    let spellings = ["hana", "HANA", "Hana", "hAnA", "h.suzuki", "H.Suzuki"];
    let code = made.code(&hana, -1);
    check(&made, Door::Radius, "HANA", &code, Verdict::Accept);
    for spelling in spellings {
        for door in Door::BOTH {
            check(&made, door, spelling, &code, Verdict::Reject);
        }
    }
    for spelling in [
        "hana ",
        " hana",
        "hana\n",
        "ｈａｎａ",
        "hana@",
        "hána",
        "han\u{430}",
        "corp\\hana",
    ] {
        check(
            &made,
            Door::Radius,
            spelling,
            &made.code(&hana, 0),
            Verdict::Reject,
        );
        check(
            &made,
            Door::Pam,
            spelling,
            &made.code(&hana, 0),
            Verdict::Reject,
        );
    }
    for n in 0..12 {
        let spelling = spellings[n % spellings.len()];
        check(
            &made,
            Door::BOTH[n % 2],
            spelling,
            &made.wrong_code(&hana, n),
            Verdict::Reject,
        );
        made.clock().advance(70);
    }
    assert_eq!(
        made.count("wrong-code"),
        10,
        "one counter for all spellings"
    );
}

#[test]
fn r09_alternating_replay_is_refused() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let codes = [made.code(&hana, 0), made.code(&hana, 1)];
    for (code, door) in codes.iter().zip(Door::BOTH) {
        check(&made, door, "hana", code, Verdict::Accept);
    }
    for code in codes.iter().chain(&codes) {
        for door in Door::BOTH {
            check(&made, door, "hana", code, Verdict::Reject);
        }
    }
    assert_eq!(made.count("already-used"), 8);
}

#[test]
fn r10_spent_code_with_a_rewritten_name_is_refused() {
    let (hana, jiro) = (hana(), Token::new("jiro", "SKTS00000002"));
    let made = Installation::with(&[&hana, &jiro]);
    let code = made.code(&hana, 0);
    check(&made, Door::Radius, "hana", &code, Verdict::Accept);
    for name in ["HANA", "jiro", "Jiro", "nobody"] {
        for door in Door::BOTH {
            check(&made, door, name, &code, Verdict::Reject);
        }
    }
}

#[test]
fn r12_memory_of_spent_codes_has_no_lifetime() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let then = made.now();
    check(&made, Door::Pam, "hana", &code, Verdict::Accept);
    for later in [31, 61, 91, 601, 3_600, 90_000] {
        made.clock().set(then + later);
        check(&made, Door::Radius, "hana", &code, Verdict::Reject);
        made.crash_verifier();
        check(&made, Door::Pam, "hana", &code, Verdict::Reject);
    }
    assert_eq!(made.count("right-code"), 1);
}

#[test]
fn r14_what_strangers_send_has_no_effect() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let before = made.events().len();
    for round in 0..2_000 * campaign() {
        let Ok(mut stream) = UnixStream::connect(made.socket()) else {
            panic!("round {round}: the verifier does not listen any more");
        };
        stream.set_read_timeout(Some(QUIET)).expect("a limit");
        // A frame of any length, with a body that is no request.
        let mut octets = random().repeat(1 + round % 20);
        if round % 2 == 0 {
            let length = (octets.len() - 4) as u32;
            octets[..4].copy_from_slice(&length.to_be_bytes());
            octets[4] = 1;
        }
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 64]);
    }
    assert!(made.verifier().runs());
    assert_eq!(made.events().len(), before);
    check(
        &made,
        Door::Pam,
        "hana",
        &made.code(&hana, 0),
        Verdict::Accept,
    );
}

#[test]
fn r15_user_without_privileges_can_neither_read_state_nor_change_it() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let as_nobody = |program: &str, words: &[&str]| {
        let mut command = process::leashed("setpriv");
        command
            .args([
                "--reuid",
                "nobody",
                "--regid",
                "nogroup",
                "--clear-groups",
                "--",
            ])
            .arg(program)
            .args(words);
        process::run(&mut command, b"", LIMIT)
    };
    let path = |path: std::path::PathBuf| path.display().to_string();
    for secret in [made.settings(), made.data().join("master.key"), made.data()] {
        let read = as_nobody("ls", &["-l", &path(secret.join("."))]);
        let open = as_nobody("cat", &[&path(secret.clone())]);
        assert!(
            !open.status.success() && !read.status.success(),
            "{}",
            secret.display()
        );
    }
    let socket = path(made.socket());
    let program = path(sekisho_tests::programs::ours("sekisho"));
    // A program that only root can reach is no answer of the verifier.
    let copy = made.folder().join("sekisho");
    std::fs::copy(&program, &copy).expect("a copy");
    for words in [
        &["audit", "list"] as &[&str],
        &["unlock", "hana"],
        &["lost", "SKTS00000001"],
        &["token", "issue"],
        &["status"],
        &["account", "set", "hana", "--disable"],
    ] {
        let all = [&["--socket", &socket] as &[&str], words].concat();
        let done = as_nobody(&path(copy.clone()), &all);
        assert_eq!(done.status.code(), Some(6), "{words:?}: {done}");
    }
    check(
        &made,
        Door::Pam,
        "hana",
        &made.code(&hana, 0),
        Verdict::Accept,
    );
}

#[test]
fn r16_debug_logs_hold_no_code_and_no_seed() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let mut secrets = vec![hana.seed_hex(), "SKTS00000001--------".into()];
    for offset in [-1, 0, 1] {
        let code = made.code(&hana, offset);
        check(
            &made,
            Door::BOTH[(offset + 1) as usize % 2],
            "hana",
            &code,
            Verdict::Accept,
        );
        secrets.push(code);
    }
    let wrong = made.wrong_code(&hana, 654_321);
    check(&made, Door::Radius, "hana", &wrong, Verdict::Reject);
    secrets.push(wrong);
    secrets.extend([2, 3].map(|offset| made.code(&hana, offset)));
    secrets.push(sekisho_tests::radius::SECRET.into());
    let mut written = made.verifier().log() + &made.radius().log();
    written.push_str(&made.sekisho(&["audit", "list", "--all"]).stdout);
    written.push_str(&made.sekisho(&["explain", "hana"]).stdout);
    written.push_str(&made.sekisho(&["token", "show", "SKTS00000001"]).stdout);
    assert!(written.contains("hana"));
    for secret in &secrets {
        assert!(!written.contains(secret), "{secret} is in\n{written}");
    }
    // Nor are seeds in clear on the disk.
    for entry in walk(&made.data()) {
        let octets = std::fs::read(&entry).expect("root can read it");
        let clear = b"SKTS00000001--------".as_slice();
        let seed = b"--------SKTS00000001".as_slice();
        let holds = |part: &[u8]| octets.windows(part.len()).any(|window| window == part);
        assert!(!holds(clear) && !holds(seed), "{}", entry.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path),
            path => vec![path],
        })
        .collect()
}

#[test]
fn r21_thousand_conversations_on_one_pam_handle_are_judged_at_most_ten_times() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let wrong = made.wrong_code(&hana, 0);
    let reports = made
        .pam()
        .drive(&["-r", "1000"], "login", "hana", &[&wrong]);
    assert_eq!(reports.len(), 1_000);
    assert!(reports.iter().all(|report| report.authenticate == AUTH_ERR));
    assert!(made.count("wrong-code") <= 10);
}

#[test]
fn r24_limit_holds_over_gateways_ports_and_services() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    for service in ["sshd", "sudo", "su"] {
        made.pam().service(service, "");
    }
    for n in 0..20 {
        let wrong = made.wrong_code(&hana, n);
        match n % 4 {
            0 => check(&made, Door::Radius, "hana", &wrong, Verdict::Reject),
            other => {
                let service = ["sshd", "sudo", "su"][other - 1];
                let report = &made.pam().drive(&[], service, "hana", &[&wrong])[0];
                assert_eq!(report.authenticate, AUTH_ERR);
            }
        }
        made.clock().advance(70);
    }
    assert_eq!(made.count("wrong-code"), 10);
}

#[test]
fn r25_conversation_that_is_broken_off_is_no_guess() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let reports = made.pam().drive(&["-r", "50"], "login", "hana", &[]);
    assert!(reports.iter().all(|report| report.authenticate != SUCCESS));
    let empty = made.pam().drive(&["-r", "50"], "login", "hana", &[""]);
    assert!(empty.iter().all(|report| report.authenticate != SUCCESS));
    assert_eq!(made.count("wrong-code"), 0);
    for (door, offset) in Door::BOTH.into_iter().zip([0, 1]) {
        check(
            &made,
            door,
            "hana",
            &made.code(&hana, offset),
            Verdict::Accept,
        );
    }
}

#[test]
fn r26_account_without_a_token_is_refused_and_not_waved_through() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    made.json(&["account", "set", "jiro", "--code", "required"]);
    made.json(&["account", "set", "saburo", "--code", "not-required"]);
    // Where accounts may choose, as at "login", Saburo has chosen to be asked for nothing.
    made.pam().service("sudo", "");
    for name in ["jiro", "saburo", "nobody", "root"] {
        for code in ["000000", "", "123456"] {
            let report = &made.pam().drive(&[], "sudo", name, &[code])[0];
            assert_eq!(report.verdict(), Verdict::Reject, "{name} {code:?}");
            for door in Door::BOTH {
                let is_asked = door == Door::Radius || name != "saburo";
                let request_is_possible = door == Door::Pam || !code.is_empty();
                if is_asked && request_is_possible {
                    check(&made, door, name, code, Verdict::Reject);
                }
            }
        }
    }
}

#[test]
fn r32_r40_names_and_codes_over_the_limit_are_refused() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let long_name = format!("hana{}", "a".repeat(300));
    check(&made, Door::Pam, &long_name, &code, Verdict::Reject);
    check(
        &made,
        Door::Radius,
        &format!("hana{}", "a".repeat(240)),
        &code,
        Verdict::Reject,
    );
    let long_code = format!("{code}{}", "0".repeat(300));
    let report = made.pam_login("hana", &long_code);
    assert_ne!(report.authenticate, SUCCESS);
    let longest = format!("{code}{}", "0".repeat(100));
    check(&made, Door::Radius, "hana", &longest, Verdict::Reject);
    check(&made, Door::Pam, "hana", &code, Verdict::Accept);
}

#[test]
fn r34_names_and_serials_never_become_paths() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    // The index and the newest checkpoint are written when their time comes; none of their files is
    // named by anybody.
    let others = ["index", "checkpoint", "checkpoint.tmp"].map(|name| made.data().join(name));
    let listed = || -> BTreeSet<_> {
        let files = walk(&made.data()).into_iter();
        files
            .filter(|file| !others.iter().any(|other| file.starts_with(other)))
            .collect()
    };
    let before = listed();
    for name in [
        "../hana",
        "../../etc/passwd",
        "/etc/passwd",
        ".",
        "..",
        "hana/../hana",
        "./hana",
    ] {
        for door in Door::BOTH {
            check(&made, door, name, &made.code(&hana, 0), Verdict::Reject);
        }
        let words = ["enroll", name, "SKTS00000001", "--code-stdin"];
        assert!(
            !made.sekisho_with(&words, "123456").status.success(),
            "{name}"
        );
        assert!(
            !made.sekisho(&["token", "issue", name]).status.success(),
            "{name}"
        );
        assert!(
            !made.sekisho(&["token", "show", name]).status.success(),
            "{name}"
        );
    }
    assert!(!made.sekisho(&["token", "show", ""]).status.success());
    assert!(!made.sekisho(&["explain", ""]).status.success());
    for request in [
        Request::pap(1, b"hana\0", made.code(&hana, 0).as_bytes()),
        Request::pap(2, b"\xff\xfe", made.code(&hana, 0).as_bytes()),
    ] {
        assert_ne!(made.nas().ask(&request, QUIET), Verdict::Accept);
    }
    assert_eq!(listed(), before);
}

#[test]
fn r44_alarms_at_any_moment_change_nothing() {
    let tokens: Vec<Token> = (0..20)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let made = Installation::with(&tokens.iter().collect::<Vec<_>>());
    for token in &tokens {
        let code = made.code(token, 0);
        let reports = made
            .pam()
            .drive(&["-a", "200"], "login", &token.account, &[&code]);
        assert_eq!(reports[0].verdict(), Verdict::Accept, "{reports:?}");
    }
}

#[test]
fn p02_clock_that_is_set_back_brings_no_spent_code_back() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    check(&made, Door::Pam, "hana", &code, Verdict::Accept);
    made.clock().advance(600);
    check(
        &made,
        Door::Radius,
        "hana",
        &made.code(&hana, 0),
        Verdict::Accept,
    );
    made.clock().set_back(600);
    for door in Door::BOTH {
        for offset in [-1, 0, 1] {
            check(
                &made,
                door,
                "hana",
                &made.code(&hana, offset),
                Verdict::Reject,
            );
        }
    }
    assert!(made.count("clock-backwards") > 0);
    let explained = made.json(&["explain", "hana"]);
    assert!(explained.to_string().contains("clock"), "{explained}");
    // Also when an operator says that this is the right time.
    made.json(&["clock", "trust"]);
    for door in Door::BOTH {
        check(&made, door, "hana", &code, Verdict::Reject);
    }
}

#[test]
fn p03_older_step_after_a_newer_one_is_refused() {
    for door in Door::BOTH {
        let hana = hana();
        let made = Installation::with(&[&hana]);
        check(&made, door, "hana", &made.code(&hana, 0), Verdict::Accept);
        check(
            &made,
            door.other(),
            "hana",
            &made.code(&hana, -1),
            Verdict::Reject,
        );
        check(&made, door, "hana", &made.code(&hana, -1), Verdict::Reject);
        check(
            &made,
            door.other(),
            "hana",
            &made.code(&hana, 1),
            Verdict::Accept,
        );
        check(&made, door, "hana", &made.code(&hana, 0), Verdict::Reject);
    }
}

#[test]
fn p13_rounds_of_one_conversation_are_bounded() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    made.pam().service("retries", "retry=3");
    let answers = ["000000x"; 40];
    let report = &made.pam().drive(&[], "retries", "hana", &answers)[0];
    assert!(report.prompts <= 3, "{report:?}");
    assert!(
        [AUTH_ERR, MAXTRIES].contains(&report.authenticate),
        "{report:?}"
    );
    let at_the_end_of_input = &made.pam().drive(&[], "retries", "hana", &[])[0];
    assert!(at_the_end_of_input.prompts <= 3, "{at_the_end_of_input:?}");
}

#[test]
fn p19_codes_are_good_in_the_first_and_last_second_of_a_step() {
    let step = 1_940_000_400;
    for (second, name) in [(0, "user0"), (29, "user29")] {
        let token = Token::new(name, &format!("SKTS{second:08}"));
        let made = Plan::default().clock_at(step + second).start();
        made.import(&[&token]);
        check(
            &made,
            Door::Radius,
            name,
            &made.code(&token, 0),
            Verdict::Accept,
        );
    }
}
