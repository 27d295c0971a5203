//! The service files and the profile that are shipped: with the verifier away, nobody gets in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::driver::{AUTHINFO_UNAVAIL, Driver, SUCCESS, module};
use crate::fake_verifier::{CODE, Does, FakeVerifier};

use sekisho_verifier_socket::{Reply, Speech};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The file with this build of the module, and with all other modules succeeding.
fn stack_of(text: &str, socket: &Path) -> String {
    let ours = format!("{} socket={}", module().display(), socket.display());
    let mut stack = String::new();
    for line in text.lines() {
        if let Some(include) = line.strip_prefix("@include common-") {
            let kind = include.split('-').next().expect("a word");
            stack += &format!("{kind} required pam_permit.so\n");
        } else if line.contains("pam_sekisho.so") && !line.starts_with('#') {
            stack += &line.replace("pam_sekisho.so", &ours);
            stack.push('\n');
        }
    }
    stack
}

fn check_fails_closed(name: &str, text: &str) {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::stack(&stack_of(text, verifier.path()))
        .answer(CODE)
        .run();
    assert_eq!(noticed.codes(), [SUCCESS; 3], "{name}");

    let gone = verifier.folder().join("gone");
    let noticed = Driver::stack(&stack_of(text, &gone)).answer(CODE).run();
    assert_eq!(noticed.code("authenticate"), AUTHINFO_UNAVAIL, "{name}");

    let exempting = FakeVerifier::asks(Does::Says(Reply::CodeNotNeeded(Speech::default())));
    let noticed = Driver::stack(&stack_of(text, exempting.path())).run();
    assert_eq!(noticed.codes(), [SUCCESS; 3], "{name}");
}

#[test]
fn p06_shipped_service_files_fail_closed() {
    let mut files = 0;
    for entry in fs::read_dir(root().join("docs/examples/pam.d")).expect("examples") {
        let path = entry.expect("entry").path();
        // It judges passwords for the RADIUS server, which asks for the code itself.
        if path.ends_with("sekisho-password") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("read");
        let name = path.display().to_string();
        for line in text.lines().filter(|line| line.contains("pam_sekisho.so")) {
            let control = line.split_whitespace().nth(1);
            assert!(matches!(control, Some("requisite" | "required")), "{line}");
        }
        check_fails_closed(&name, &text);
        files += 1;
    }
    assert!(files >= 4);
}

/// Debian's generated stack ends its first block with success, and our line runs after it.
#[test]
fn p07_profile_fails_closed_behind_a_primed_success() {
    let profile = fs::read_to_string(root().join("packaging/pam-configs/sekisho")).expect("read");
    let line = profile
        .lines()
        .find(|line| line.contains("pam_sekisho.so"))
        .expect("a line with the module");
    assert!(line.trim_start().starts_with("requisite"));
    let generated = format!(
        "@include common-auth\nauth {}\n@include common-account\n",
        line.trim()
    );
    check_fails_closed("profile", &generated);
}
