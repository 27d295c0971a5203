//! `sekisho doctor` on a system that runs, beside its verifier.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::{Installation, Token, process, programs};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
/// Something was found.
const FOUND: i32 = 10;

/// The ids of what is found, in a private namespace with the settings of this installation.
fn found(made: &Installation) -> BTreeSet<String> {
    let mut doctor = made.pam().root().command(programs::ours("sekisho"));
    doctor
        .args(["--json", "--settings"])
        .arg(made.settings())
        .arg("doctor");
    let done = process::run(&mut doctor, b"", LIMIT);
    assert_eq!(done.status.code(), Some(FOUND), "{done}");
    let report: Value = serde_json::from_str(&done.stdout).expect("doctor prints JSON");
    let findings = report["findings"].as_array().into_iter().flatten();
    let ids = findings.filter_map(|finding| finding["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[test]
fn doctor_asks_the_verifier_and_says_when_it_is_silent_or_not_to_be_trusted() {
    let mut made = Plan::default().build();
    made.start_verifier();
    made.import(&[&Token::new("hana", "SKTS00000001")]);
    let well = found(&made);
    for id in [
        "verifier-silent",
        "verifier-not-trusted",
        "socket-missing",
        "accounts-without-token",
        "store-damaged",
        "clock-doubted",
    ] {
        assert!(!well.contains(id), "{well:?}");
    }
    made.json(&["lost", "SKTS00000001"]);
    assert!(found(&made).contains("accounts-without-token"));

    let folder = made.socket().parent().expect("a folder").to_owned();
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode));
    mode(0o777).expect("ours");
    let open = found(&made);
    for id in ["verifier-not-trusted", "socket-folder-writable"] {
        assert!(open.contains(id), "{open:?}");
    }
    mode(0o755).expect("ours");
    made.take_verifier().kill();
    let silent = found(&made);
    assert!(silent.contains("verifier-silent"), "{silent:?}");
    assert!(!silent.contains("accounts-without-token"), "{silent:?}");
}
