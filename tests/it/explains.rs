//! `explain` tells the help desk why a login failed; who stands at the prompt is told the same each
//! time.

use std::time::{Duration, Instant};

use sekisho_tests::installation::Plan;
use sekisho_tests::radius::Raw;
use sekisho_tests::{Door, Installation, Token, Verdict};

/// Findings come after the answer, which they must not delay.
const LIMIT: Duration = Duration::from_secs(10);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

/// A token in stock.
fn spare() -> Token {
    Token::new("", "SKTS00000002")
}

/// What the help desk reads, as soon as all of `words` are in one sentence of it.
#[track_caller]
fn explained(made: &Installation, words: &[&str]) -> String {
    let deadline = Instant::now() + LIMIT;
    loop {
        let told = made.json(&["explain", "hana"]);
        let findings = told["findings"].as_array().cloned().unwrap_or_default();
        let fits = findings
            .iter()
            .filter_map(|finding| finding.as_str())
            .find(|finding| {
                let finding = finding.to_lowercase();
                words
                    .iter()
                    .all(|word| finding.contains(&word.to_lowercase()))
            });
        if let Some(finding) = fits {
            return finding.to_owned();
        }
        assert!(
            Instant::now() < deadline,
            "{words:?} not in one of {findings:#?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What somebody at the prompt was told, and what the host was.
type Told = (i64, Vec<String>);

/// A failed login at a Linux host.
#[track_caller]
fn fails(made: &Installation, code: &str) -> Told {
    made.pam().service("sshd", "");
    let report = made
        .pam()
        .drive(&["-h", "branch-040"], "sshd", "hana", &[code])
        .remove(0);
    assert_eq!(report.verdict(), Verdict::Reject);
    (report.authenticate, report.told)
}

struct Case {
    name: &'static str,
    /// Brings it about, and gives the code that is typed.
    stage: fn(&mut Installation) -> String,
    /// What is in one sentence of the explanation.
    words: &'static [&'static str],
}

const CASES: [Case; 9] = [
    Case {
        name: "already used",
        stage: |made| {
            let code = made.code(&hana(), 0);
            made.pam().service("sshd", "");
            let first = made
                .pam()
                .drive(&["-h", "branch-012"], "sshd", "hana", &[&code]);
            assert_eq!(first[0].authenticate, 0);
            code
        },
        words: &["used", "17:00:10", "branch-012"],
    },
    Case {
        name: "slow",
        stage: |made| made.code(&hana(), -4),
        words: &["4 steps", "slow", "SKTS00000001"],
    },
    Case {
        name: "fast",
        stage: |made| made.code(&hana(), 5),
        words: &["5 steps", "fast", "SKTS00000001"],
    },
    Case {
        name: "exchanged",
        stage: |made| {
            let proof = made.code(&spare(), 0);
            let words = ["exchange", "SKTS00000001", "SKTS00000002", "--code-stdin"];
            made.json_with(&words, &proof);
            made.clock().advance(3 * 24 * 3_600);
            made.code(&hana(), 0)
        },
        words: &["exchanged", "SKTS00000001", "2031-06-23"],
    },
    Case {
        name: "another serial in stock",
        stage: |made| made.code(&spare(), 0),
        words: &["SKTS00000002", "stock"],
    },
    Case {
        name: "not started",
        stage: |made| {
            made.json(&["account", "set", "jiro", "--code", "required"]);
            made.json(&["lost", "SKTS00000001"]);
            "271828".into()
        },
        words: &["no token", "in use"],
    },
    Case {
        name: "locked",
        stage: |made| {
            let mut nas = made.nas();
            for n in 0..10 {
                nas.login("hana", &made.wrong_code(&hana(), n));
                made.clock().advance(70);
            }
            made.code(&hana(), 0)
        },
        words: &["locked", "until", "17:4"],
    },
    Case {
        name: "disabled",
        stage: |made| {
            made.json(&["account", "set", "hana", "--disable"]);
            made.code(&hana(), 0)
        },
        words: &["disabled"],
    },
    Case {
        name: "the server's clock",
        stage: |made| {
            let code = made.code(&hana(), 0);
            assert_eq!(made.login(Door::Pam, "hana", &code), Verdict::Accept);
            made.clock().set_back(7_200);
            made.code(&hana(), 0)
        },
        words: &["clock"],
    },
];

#[test]
fn each_cause_is_told_to_the_help_desk_and_none_at_the_prompt() {
    let mut told_before: Option<Told> = None;
    for case in &CASES {
        let mut made = Plan::default().start();
        made.import(&[&hana(), &spare()]);
        let code = (case.stage)(&mut made);
        let told = fails(&made, &code);
        let finding = explained(&made, case.words);
        assert!(!finding.contains(&code), "{}: {finding}", case.name);
        if let Some(before) = &told_before {
            assert_eq!(&told, before, "{}: another text at the prompt", case.name);
        }
        told_before = Some(told);
        // The same in the other language, with the same names in it.
        let japanese = made
            .sekisho(&["--language", "ja", "explain", "hana"])
            .expect_success();
        assert!(!japanese.stdout.is_ascii(), "{japanese}");
        let english = made
            .sekisho(&["--language", "en", "explain", "hana"])
            .expect_success();
        let findings = |text: &str| text.lines().take_while(|l| !l.is_empty()).count();
        assert!(english.stdout.contains(&finding), "{english}");
        assert_eq!(
            findings(&japanese.stdout),
            findings(&english.stdout),
            "{}",
            case.name
        );
    }
}

#[test]
fn account_that_never_had_a_token_is_explained_as_not_started() {
    let made = Plan::default().start();
    made.json(&["account", "set", "hana", "--code", "required"]);
    made.import(&[&spare()]);
    fails(&made, "271828");
    explained(&made, &["start"]);
}

#[test]
fn client_without_message_authenticator_is_explained() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let nas = made.nas();
    let code = made.code(&hana, 0);
    let bare = Raw::access(1, "hana").password(code.as_bytes()).build();
    let limit = Duration::from_millis(700);
    assert_eq!(nas.ask(&bare, limit), Verdict::Silent);
    explained(&made, &["Message-Authenticator", "vpn"]);
}

#[test]
fn spent_code_that_is_tried_elsewhere_raises_an_alarm_that_names_both_places() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    made.pam().service("sshd", "");
    let code = made.code(&hana, 0);
    let at = |host: &str| {
        let report = &made.pam().drive(&["-h", host], "sshd", "hana", &[&code])[0];
        report.authenticate == 0
    };
    assert!(at("branch-012"));
    // Once more from where it was: nobody else has it.
    assert!(!at("branch-012"));
    let quiet = made.json(&["status"])["warnings"].to_string();
    assert!(!quiet.contains("branch-012"), "{quiet}");
    assert!(!at("branch-040"));
    let alarm = explained(&made, &["branch-012", "branch-040"]);
    assert!(!alarm.contains(&code));
    let warnings = made.json(&["status"])["warnings"].to_string();
    assert!(
        warnings.contains("branch-012") && warnings.contains("branch-040"),
        "{warnings}"
    );
    let log = made.verifier().log();
    let names_both = |line: &str| line.contains("branch-012") && line.contains("branch-040");
    assert!(log.lines().any(names_both), "{log}");
}

#[test]
fn findings_outlive_a_restart_and_are_gone_after_a_day() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, -4);
    fails(&made, &code);
    explained(&made, &["4 steps"]);
    made.restart_verifier();
    explained(&made, &["4 steps"]);
    made.clock().advance(24 * 3_600 + 60);
    let told = made.json(&["explain", "hana"])["findings"].to_string();
    assert!(!told.contains("4 steps"), "{told}");
}
