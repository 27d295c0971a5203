//! Codes for who has lost the token: emergency codes, and start codes.

use std::fs;

use sekisho_tests::installation::{Plan, ask};
use sekisho_tests::{Door, Installation, Token, Verdict};
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::{Answer, CodesView, Verb};

const DAY: u64 = 24 * 3_600;

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[track_caller]
fn codes_of(made: &Installation, verb: Verb) -> (CodesView, Vec<String>) {
    match ask(&mut made.connect(), verb) {
        Some(Ok(Answer::Codes(view))) => {
            let codes = view.codes.iter().map(text).collect();
            (view, codes)
        }
        other => panic!("no codes: {other:?}"),
    }
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

#[track_caller]
fn emergency(made: &Installation, account: &str, count: u8) -> Vec<String> {
    let verb = Verb::Emergency {
        account: account.into(),
        count,
        valid_s: DAY,
        note: None,
    };
    codes_of(made, verb).1
}

/// How many characters of a code are no decoration.
fn length(code: &str) -> usize {
    code.chars().filter(char::is_ascii_alphanumeric).count()
}

#[track_caller]
fn check(made: &Installation, door: Door, code: &str, expected: Verdict) {
    assert_eq!(made.login(door, "hana", code), expected, "{door:?} {code}");
}

#[test]
fn emergency_codes_let_in_once_each_at_both_doors_after_the_token_is_lost() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    made.json(&["lost", &hana.serial]);
    let codes = emergency(&made, "hana", 4);
    assert_eq!(codes.len(), 4);
    for code in &codes {
        assert!(length(code) >= 12, "{code}");
    }
    for (door, code) in Door::BOTH.into_iter().zip(&codes) {
        check(&made, door, code, Verdict::Accept);
        check(&made, door, code, Verdict::Reject);
        check(&made, door.other(), code, Verdict::Reject);
    }
    // As people type: without dashes, in small letters.
    let typed = codes[2].replace('-', "").to_lowercase();
    check(&made, Door::Pam, &typed, Verdict::Accept);
    check(&made, Door::Radius, &codes[2], Verdict::Reject);
    assert_eq!(made.count("emergency-code"), 3);
    // Each use is an alarm: in the log, in the status, and where the help desk looks.
    let status = made.json(&["status"]);
    assert!(
        status["warnings"].to_string().contains("emergency"),
        "{status}"
    );
    let explained = made.json(&["explain", "hana"]);
    assert!(
        explained["findings"].to_string().contains("emergency"),
        "{explained}"
    );
    let log = made.verifier().log();
    assert!(log.contains("emergency"), "{log}");
    // Kept as marks, and written to no log.
    made.crash_verifier();
    for code in &codes {
        for folder in ["data/journal", "data/index", "data"] {
            for entry in fs::read_dir(made.folder().join(folder))
                .expect("data")
                .flatten()
            {
                let Ok(octets) = fs::read(entry.path()) else {
                    continue;
                };
                let text = String::from_utf8_lossy(&octets);
                assert!(!text.contains(code.as_str()), "{:?}", entry.path());
                assert!(!text.contains(&code.replace('-', "")), "{:?}", entry.path());
            }
        }
        assert!(!log.contains(code.as_str()));
    }
    check(&made, Door::Pam, &codes[0], Verdict::Reject);
    check(&made, Door::Radius, &codes[3], Verdict::Accept);
}

#[test]
fn racing_copies_of_an_emergency_code_get_one_in() {
    const EACH: usize = 16;
    let hana = hana();
    let made = Installation::with(&[&hana]);
    for round in 0..3 {
        let code = emergency(&made, "hana", 1).remove(0);
        let mut gateways: Vec<_> = (0..EACH).map(|_| made.nas()).collect();
        let requests: Vec<_> = gateways
            .iter_mut()
            .map(|nas| nas.prepare("hana", &code))
            .collect();
        let mut logins = made.pam().line_up(EACH, "hana", &code);
        logins.go();
        for (nas, request) in gateways.iter().zip(&requests) {
            nas.send(request);
        }
        let limit = std::time::Duration::from_secs(10);
        let by_radius = gateways.iter().zip(&requests).filter(|(nas, request)| {
            let reply = nas.receive(limit).expect("each copy is answered");
            request.verdict(&reply) == Verdict::Accept
        });
        let by_radius = by_radius.count();
        let reports = logins.reports();
        let by_pam = reports.iter().filter(|r| r.verdict() == Verdict::Accept);
        assert_eq!(by_radius + by_pam.count(), 1, "round {round}");
        made.clock().advance(3_600);
    }
    assert_eq!(made.count("emergency-code"), 3);
}

#[test]
fn emergency_codes_end_by_time_by_new_ones_and_by_the_next_start_of_use() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let first = emergency(&made, "hana", 2);
    made.clock().advance(DAY + 1);
    check(&made, Door::Radius, &first[0], Verdict::Reject);
    let second = emergency(&made, "hana", 2);
    let third = emergency(&made, "hana", 2);
    check(&made, Door::Pam, &second[0], Verdict::Reject);
    check(&made, Door::Pam, &third[0], Verdict::Accept);
    let spare = Token::new("", "SKTS00000002");
    made.import(&[&spare]);
    made.json(&["lost", &hana.serial]);
    // Losing the token takes none away: they are for that.
    let more = emergency(&made, "hana", 2);
    let proof = made.code(&spare, 0);
    made.json_with(&["enroll", "hana", &spare.serial, "--code-stdin"], &proof);
    for code in [&third[1], &more[0], &more[1]] {
        check(&made, Door::Pam, code, Verdict::Reject);
    }
}

#[test]
fn emergency_codes_of_a_locked_or_disabled_account_let_nobody_in_and_guesses_are_charged() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let codes = emergency(&made, "hana", 3);
    made.json(&["account", "set", "hana", "--disable"]);
    check(&made, Door::Pam, &codes[0], Verdict::Reject);
    made.json(&["account", "set", "hana", "--enable"]);
    let wrong = |nth: usize| {
        let alphabet: Vec<char> = codes[0]
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let mut code = alphabet.clone();
        code.rotate_left(nth + 1);
        code.into_iter().collect::<String>()
    };
    let mut nas = made.nas();
    for nth in 0..10 {
        assert_eq!(nas.login("hana", &wrong(nth)), Verdict::Reject);
        made.clock().advance(70);
    }
    check(&made, Door::Pam, &codes[1], Verdict::Reject);
    assert!(made.count("locked") > 0);
    made.json(&["unlock", "hana"]);
    check(&made, Door::Pam, &codes[1], Verdict::Accept);
    // A code of somebody else's is nobody's.
    let jiro = Token::new("jiro", "SKTS00000003");
    made.import(&[&jiro]);
    assert_eq!(made.login(Door::Pam, "jiro", &codes[2]), Verdict::Reject);
}

#[test]
fn start_code_lets_in_at_linux_logins_once_within_ten_minutes_and_never_at_gateways() {
    let hana = hana();
    let made = Plan::default().start();
    made.import(&[&hana]);
    made.json(&["lost", &hana.serial]);
    let start_code = || {
        let verb = Verb::StartCode {
            account: "hana".into(),
            note: None,
        };
        let (view, codes) = codes_of(&made, verb);
        assert_eq!(codes.len(), 1);
        assert!(length(&codes[0]) >= 16, "64 bits: {codes:?}");
        let left = view.until_ms.expect("it ends") / 1000 - made.now();
        assert!((595..=600).contains(&left), "{left}");
        codes[0].clone()
    };
    let code = start_code();
    check(&made, Door::Radius, &code, Verdict::Reject);
    let report = made.pam_login("hana", &code);
    assert_eq!(report.authenticate, 0, "{report:?}");
    // Account management then wants a token in the place of the lost one: that is no plain login.
    assert_ne!(report.account, 0, "{report:?}");
    let again = made.pam_login("hana", &code);
    assert_ne!(again.authenticate, 0, "once: {again:?}");
    let late = start_code();
    made.clock().advance(601);
    let report = made.pam_login("hana", &late);
    assert_ne!(report.authenticate, 0, "ten minutes: {report:?}");
}
