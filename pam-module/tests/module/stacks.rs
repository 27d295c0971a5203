//! The service files and the profile that are shipped: with the verifier away, nobody gets in.

use std::fs;
use std::path::{Path, PathBuf};

use sekisho_verifier_socket::{Reply, Speech};

use crate::driver::{
    AUTH_ERR, AUTHINFO_UNAVAIL, AUTHTOK_ERR, Driver, NEW_AUTHTOK_REQD, Noticed, SUCCESS, compiled,
    module,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, start_wanted, started};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The file with this build of the module, and with all other modules succeeding. The one of the
/// password tells which passes of a change it ran, and judges what it is handed on.
fn stack_of(text: &str, socket: &Path) -> String {
    let ours = format!("{} socket={}", module().display(), socket.display());
    let password = compiled("authtok.so");
    let mut stack = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(include) = line.strip_prefix("@include common-") {
            let kind = include.split('-').next().expect("a word");
            stack += &match kind {
                "password" => format!("password required {}\n", password.display()),
                _ => format!("{kind} required pam_permit.so\n"),
            };
        } else if line.contains("pam_sekisho.so") {
            stack += &line.replace("pam_sekisho.so", &ours);
            stack.push('\n');
        } else if line.contains("pam_unix.so try_first_pass") {
            stack += &format!("auth required {} judge=hunter2\n", password.display());
        } else if line.starts_with("account") && line.ends_with("pam_unix.so") {
            stack += "account required pam_permit.so\n";
        }
    }
    stack
}

fn shipped(name: &str) -> String {
    fs::read_to_string(root().join("docs/examples/pam.d").join(name)).expect("read")
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
        // The first judges passwords for the RADIUS server, which asks for the code itself; the
        // second has a test of its own.
        if path.ends_with("sekisho-password") || path.ends_with("screen-locker") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("read");
        let name = path.display().to_string();
        for line in text.lines().filter(|line| line.contains("pam_sekisho.so")) {
            if line.starts_with('#') {
                continue;
            }
            let words: Vec<_> = line.split_whitespace().collect();
            let control = words[1..].join(" ");
            let control = control.split(" pam_sekisho.so").next().expect("a control");
            let good: &[&str] = match words[0] {
                "auth" | "account" => &["requisite", "required"],
                "password" => &["[success=done ignore=ignore default=die]"],
                "session" => &["optional"],
                _ => &[],
            };
            assert!(good.contains(&control), "{line}");
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

fn change(text: &str, socket: &Path, words: &[&str]) -> Noticed {
    Driver::stack(&stack_of(text, socket))
        .words(&["--call", "acct_mgmt", "--call", "chauthtok"])
        .words(words)
        .run()
}

fn passes(noticed: &Noticed) -> String {
    let lines = noticed.lines("passes");
    lines
        .first()
        .map_or_else(String::new, |line| line["value"].to_owned())
}

/// `pam_unix` wants a new password whenever something has expired, also where only a token has.
#[test]
fn shipped_password_lines_put_tokens_into_use_and_leave_passwords_alone() {
    let right = &[
        "--expired",
        "--answer",
        "SKTS1",
        "--answer",
        CODE,
        "--answer",
        "yes",
    ];
    for name in ["login", "sshd", "sshd-code-first", "su", "sudo"] {
        let text = shipped(name);
        let wanted = FakeVerifier::starts(start_wanted(), |_| Does::Says(started()));
        let noticed = change(&text, wanted.path(), right);
        assert_eq!(noticed.code("acct_mgmt"), NEW_AUTHTOK_REQD, "{name}");
        assert_eq!(noticed.code("chauthtok"), SUCCESS, "{name}");
        assert_eq!(passes(&noticed), "", "{name}: the password's module");

        for broken in ["--conv-error", "--answer-null"] {
            let noticed = change(
                &text,
                wanted.path(),
                &["--expired", "--answer", "SKTS1", broken],
            );
            assert_eq!(noticed.code("chauthtok"), AUTHTOK_ERR, "{name}");
            assert_eq!(passes(&noticed), "", "{name}");
        }
        let gone = wanted.folder().join("gone");
        let noticed = change(&text, &gone, right);
        assert_eq!(noticed.code("acct_mgmt"), AUTHINFO_UNAVAIL, "{name}");
        assert_eq!(noticed.code("chauthtok"), AUTHINFO_UNAVAIL, "{name}");
        assert_eq!(passes(&noticed), "", "{name}");

        // Where no token is wanted, the password is asked for as ever, and the host of `passwd` does
        // not even reach the verifier.
        let honest = FakeVerifier::honest();
        for (socket, words) in [(honest.path(), right as &[&str]), (&gone, &[])] {
            let noticed = change(&text, socket, words);
            assert_eq!(noticed.code("chauthtok"), SUCCESS, "{name}");
            assert_eq!(passes(&noticed), "first,second,", "{name}");
        }
    }
}

/// Why our line stands before the password's. Nothing is changed here: no password of this user is
/// right.
#[test]
fn pam_unix_wants_a_new_password_also_where_only_a_token_is_wanted() {
    let wanted = FakeVerifier::starts(start_wanted(), |_| Does::Says(started()));
    let ours = format!("{} socket={}", module().display(), wanted.path().display());
    let run = |stack: String| {
        Driver::stack(&stack)
            .user("nobody")
            .words(&["--call", "chauthtok", "--expired"])
            .words(&["--answer", "SKTS1", "--answer", CODE, "--answer", "yes"])
            .word("--conv-error")
            .run()
    };
    let behind = run(format!(
        "password required {ours}\npassword required pam_unix.so\n"
    ));
    assert_ne!(behind.code("chauthtok"), SUCCESS);
    assert!(
        wanted.started().is_empty(),
        "its first pass comes before our second"
    );
    let control = "[success=done ignore=ignore default=die]";
    let before = run(format!(
        "password {control} {ours}\npassword required pam_unix.so\n"
    ));
    assert_eq!(before.code("chauthtok"), SUCCESS);
    assert_eq!(before.total("prompts"), 3, "ours");
    assert_eq!(wanted.started().len(), 1);
}

/// What the second pass refuses stays refused, whatever succeeds around it.
#[test]
fn p07_failed_change_is_not_mended_by_a_module_that_succeeds() {
    let wanted = FakeVerifier::starts(start_wanted(), |_| Does::Says(Reply::NotStarted));
    let ours = format!("{} socket={}", module().display(), wanted.path().display());
    for control in [
        "requisite",
        "required",
        "[success=done ignore=ignore default=die]",
        "[success=1 ignore=ignore default=die]",
    ] {
        for before in ["", "password required pam_permit.so\n"] {
            let noticed = Driver::stack(&format!(
                "{before}password {control} {ours}\n\
                 password optional pam_permit.so\npassword required pam_permit.so\n"
            ))
            .words(&["--call", "chauthtok", "--expired", "--cycle"])
            .words(&["--answer", "SKTS1", "--answer", CODE, "--answer", "yes"])
            .run();
            assert_ne!(noticed.code("chauthtok"), SUCCESS, "{control} {before}");
            assert_eq!(noticed.total("prompts"), 9, "{control} {before}");
        }
    }
}

/// The password goes to the module behind us once the code was right, and nobody gets in with one of
/// the two.
#[test]
fn r28_shipped_locker_wants_password_and_code_in_one_field() {
    let text = shipped("screen-locker");
    let verifier = FakeVerifier::honest();
    let gone = verifier.folder().join("gone");
    let run = |socket: &Path, typed: &str| {
        let noticed = Driver::stack(&stack_of(&text, socket)).answer(typed).run();
        assert!(noticed.lines("message").is_empty());
        (noticed.code("authenticate"), noticed.total("prompts"))
    };
    assert_eq!(run(verifier.path(), "hunter2271828"), (SUCCESS, 1));
    for wrong in [
        "hunter2",
        "271828",
        "hunter2000000",
        "hunter3271828",
        "hunter2 271828",
        "",
    ] {
        assert_eq!(run(verifier.path(), wrong), (AUTH_ERR, 1), "{wrong}");
    }
    assert_eq!(run(&gone, "hunter2271828"), (AUTHINFO_UNAVAIL, 0));
    // No code is needed, and the password is: nobody was asked for it here.
    let exempting = FakeVerifier::asks(Does::Says(Reply::CodeNotNeeded(Speech::default())));
    assert_eq!(run(exempting.path(), "hunter2271828"), (AUTH_ERR, 0));
}
