//! The machine's own passwords as the first factor of RADIUS logins: PAM, pam_unix, a shadow file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sekisho_tests::installation::Plan;
use sekisho_tests::namespace::{PASSWORD, PrivateRoot};
use sekisho_tests::{Daemon, Installation, Token, Verdict, programs};

const PROGRAM: &str = "sekisho-passwordd";
/// As the example of the guide has it.
const SERVICE: &str = include_str!("../../docs/examples/pam.d/sekisho-password");

/// An installation whose gateway sends password and code in one field.
fn installation(folder: &Path) -> (Installation, Token) {
    // Whoever looks at the socket looks at its folder as well.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    let made = Plan::default()
        .settings(&format!(
            "[radius.pam]\nsocket = {:?}\ntimeout-ms = 3000",
            folder.join("socket")
        ))
        .client("mode = \"password-and-code\"\nfirst-factor = \"pam\"")
        .start();
    let hana = Token::new("hana", "SKTS00000001");
    made.import(&[&hana]);
    (made, hana)
}

fn start(made: &Installation, folder: &Path) -> Daemon {
    let root = PrivateRoot::new(folder);
    root.pam_service("sekisho-password", SERVICE);
    let mut command = root.command(programs::ours(PROGRAM));
    command.arg("--settings").arg(made.settings());
    Daemon::start(PROGRAM, folder, &mut command)
}

#[test]
fn shadow_file_judges_the_password_before_the_code_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, hana) = installation(folder.path());
    let daemon = start(&made, folder.path());
    let mut nas = made.nas();
    let code = made.code(&hana, 0);
    // Few: after three that count, the account waits.
    for wrong in ["incorrect horse", ""] {
        let verdict = nas.login("hana", &format!("{wrong}{code}"));
        assert_eq!(verdict, Verdict::Reject, "{wrong}");
    }
    let verdict = nas.login("jiro", &format!("{PASSWORD}{code}"));
    assert_eq!(verdict, Verdict::Reject, "a password without a token");
    let wrong_code = made.wrong_code(&hana, 0);
    let verdict = nas.login("hana", &format!("{PASSWORD}{wrong_code}"));
    assert_eq!(verdict, Verdict::Reject, "a password without its code");
    let verdict = nas.login("hana", &format!("{PASSWORD}{code}"));
    assert_eq!(verdict, Verdict::Accept, "nothing was spent meanwhile");
    assert_eq!(made.count("wrong-password"), 1);
    assert_eq!(made.count("right-code"), 1);
    // All that RADIUS can carry.
    made.clock().advance(30);
    let longest = format!("{}{}", "p".repeat(122), made.code(&hana, 0));
    assert_eq!(nas.login("hana", &longest), Verdict::Reject);
    assert_eq!(made.count("wrong-password"), 2);
    assert!(!daemon.log().contains("horse"), "{}", daemon.log());
}

#[test]
fn password_daemon_that_is_away_lets_nobody_in_and_counts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (made, hana) = installation(folder.path());
    let mut nas = made.nas();
    let code = made.code(&hana, 0);
    let login = format!("{PASSWORD}{code}");
    assert_eq!(nas.login("hana", &login), Verdict::Reject);
    let daemon = start(&made, folder.path());
    daemon.freeze();
    assert_eq!(nas.login("hana", &login), Verdict::Reject);
    daemon.kill();
    assert_eq!(nas.login("hana", &login), Verdict::Reject);
    assert_eq!(made.count("first-factor-unavailable"), 3);
    let _daemon = start(&made, folder.path());
    assert_eq!(nas.login("hana", &login), Verdict::Accept);
}
