//! Man pages and completions come from the same types as `--help`.

mod harness;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use harness::{run, sekisho};

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
