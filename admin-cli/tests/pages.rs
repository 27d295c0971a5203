//! Man pages and completions come from the same types as `--help`.

mod harness;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use harness::{run, sekisho};
use sekisho_verifier_socket::role::VerbKind;

#[test]
fn every_option_is_in_the_man_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = run(sekisho().args(["generate", "man"]).arg(folder.path()), "");
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let page = |name: &str| {
        let path = folder.path().join(format!("{name}.1"));
        fs::read_to_string(&path).expect(name).replace("\\-", "-")
    };
    for (name, options) in [
        (
            "sekisho",
            &[
                "--socket",
                "--settings",
                "--json",
                "Exit codes",
                "not trusted",
            ][..],
        ),
        ("sekisho-init", &["--data", "--owner"]),
        (
            "sekisho-token-issue",
            &["--algorithm", "--hotp", "--no-qr", "--note"],
        ),
        (
            "sekisho-token-import",
            &["account,serial,secret_hex", "ISSUER:SERIAL"],
        ),
        ("sekisho-lost", &["--keep-sessions", "sessions end"]),
        (
            "sekisho-account-set",
            &[
                "--group",
                "--no-group",
                "--attribute",
                "NAME=VALUE",
                "--keep-sessions",
            ],
        ),
        ("sekisho-account-password", &["--stdin", "--remove", "hash"]),
        (
            "sekisho-self-start",
            &["--stdin", "--choice", "--yes", "start-of-use password"],
        ),
        ("sekisho-self-exchange", &["start code"]),
        ("sekisho-policy-test", &["--radius", "--from"]),
        ("sekisho-policy-apply", &["--no-wait", "--approval"]),
        ("sekisho-emergency-issue", &["--count", "--valid", "24h"]),
        ("sekisho-account-start-code", &["10 minutes"]),
        ("sekisho-account-start-password", &["--remove"]),
        ("sekisho-account-disable", &["--keep-sessions", "--no-wait"]),
        ("sekisho-resync", &["--code-stdin"]),
        ("sekisho-approve", &["--refuse"]),
        ("sekisho-session-end", &["--session", "RFC 5176"]),
        (
            "sekisho-session-list",
            &["--account", "--client", "accounting"],
        ),
        ("sekisho-client-list", &["seen to send"]),
        (
            "sekisho-client-add",
            &[
                "--gateway",
                "--write",
                "--first-factor",
                "fortigate",
                "pfsense",
            ],
        ),
        (
            "sekisho-backup",
            &["--without-history", "standard output", "for backups"],
        ),
        ("sekisho-backup-key", &["FILE"]),
        (
            "sekisho-restore",
            &["--identity", "--audit-key", "may hold a master key"],
        ),
        (
            "sekisho-radius-probe",
            &["--secret-file", "--retries", "Message-Authenticator"][..2],
        ),
    ] {
        for option in options {
            assert!(page(name).contains(option), "{option} is not in {name}.1");
        }
    }
    let hidden = fs::read_dir(folder.path()).expect("a folder").any(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .contains("generate")
    });
    assert!(!hidden);
}

#[test]
fn completions_are_made_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let done = run(sekisho().args(["generate", "completions", shell]), "");
        assert!(
            String::from_utf8_lossy(&done.stdout).contains("exchange"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = sekisho()
        .args(["generate", "completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("program starts");
    drop(child.stdout.take());
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut errors).expect("UTF-8");
    assert_eq!(
        (child.wait().expect("ends").code(), errors.as_str()),
        (Some(0), "")
    );
}

#[test]
fn the_guides_table_of_roles_is_the_one_that_the_verifier_goes_by() {
    let done = run(sekisho().args(["generate", "roles"]), "");
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/roles.md");
    let kept = fs::read_to_string(page).expect("the page");
    assert_eq!(printed, kept, "write it anew: sekisho generate roles");
    let rows = printed.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), VerbKind::ALL.len());
}

#[test]
fn every_verb_of_the_table_of_roles_is_a_command() {
    for kind in VerbKind::ALL {
        let words = kind.name().split(' ').chain(["--help"]);
        let done = run(sekisho().args(words), "");
        assert_eq!(done.status.code(), Some(0), "sekisho {}", kind.name());
    }
}
