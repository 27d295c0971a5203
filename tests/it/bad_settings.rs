//! Bad settings: both daemons refuse to start and say file, line and the way out.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sekisho_tests::{Daemon, Installation, installation::Plan};

const DAEMONS: [&str; 2] = ["sekisho-verifierd", "sekisho-radiusd"];

/// What a daemon says instead of starting.
#[track_caller]
fn refusal(made: &Installation, program: &str) -> String {
    let mut command = made.daemon_command(program);
    match Daemon::try_start(program, made.folder(), &mut command) {
        Ok(_) => panic!("{program} started with bad settings"),
        Err((status, log)) => {
            let code = status.and_then(|status| status.code());
            assert!(
                code.is_some_and(|code| code != 0),
                "{program}: {status:?}\n{log}"
            );
            log
        }
    }
}

/// Each daemon names the line on which `line` stands, and a way out below it.
#[track_caller]
fn check(tables: &str, line: &str) {
    let made = Plan::default().settings(tables).build();
    let text = fs::read_to_string(made.settings()).expect("the settings");
    let number = 1 + text.lines().position(|l| l == line).expect("the bad line");
    for program in DAEMONS {
        let said = refusal(&made, program);
        let place = format!("{}:{number}: ", made.settings().display());
        let at = said.find(&place);
        let at = at.unwrap_or_else(|| panic!("{program} does not say {place:?}:\n{said}"));
        let way_out = said[at..].lines().nth(1).unwrap_or("");
        assert!(
            way_out.starts_with("  ") && way_out.len() > 10,
            "{program}:\n{said}"
        );
    }
}

#[test]
fn unknown_key_is_refused() {
    check("[limits]\nwrong-code = 3", "wrong-code = 3");
    check("[acceptance]\nreusable = true", "reusable = true");
    check("[pam]\nfail-open = true", "fail-open = true");
}

#[test]
fn r22_zero_negative_and_over_the_bound_are_refused() {
    for line in [
        "wrong-codes = 0",
        "wrong-codes = -1",
        "wrong-codes = 21",
        "lock-minutes = 0",
        "lock-minutes = 1441",
        "failures-in-a-row = 0",
        "failures-in-a-row = 9223372036854775807",
    ] {
        check(&format!("[limits]\n{line}"), line);
    }
    check("[acceptance]\nlook-ahead = 0", "look-ahead = 0");
    check("[acceptance]\ndrift-steps = 21", "drift-steps = 21");
}

#[test]
fn empty_secret_is_refused_and_no_secret_is_shown() {
    let client = "[[radius.client]]\nname = \"b\"\naddress = [\"192.0.2.1\"]\nsecret = \"\"";
    let made = Plan::default().radius(client).build();
    for program in DAEMONS {
        let said = refusal(&made, program);
        assert!(said.contains("secret") && !said.contains(sekisho_tests::radius::SECRET));
    }
}

#[test]
fn settings_that_others_can_read_or_write_are_refused() {
    let made = Plan::default().build();
    for mode in [0o644, 0o660, 0o666] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(made.settings(), permissions).expect("chmod");
        for program in DAEMONS {
            let said = refusal(&made, program);
            let file = made.settings().display().to_string();
            assert!(
                said.contains(&file) && said.contains("chmod"),
                "{mode:o} {said}"
            );
        }
    }
}

#[test]
fn master_key_that_others_can_read_is_refused() {
    let made = Plan::default().build();
    let key = made.data().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("chmod");
    let said = refusal(&made, DAEMONS[0]);
    assert!(
        said.contains("master.key") && said.contains("chmod"),
        "{said}"
    );
}

#[test]
fn missing_settings_are_refused_with_the_way_out() {
    let made = Plan::default().build();
    fs::remove_file(made.settings()).expect("removed");
    for program in DAEMONS {
        assert!(
            refusal(&made, program).contains("sekisho init"),
            "{program}"
        );
    }
}

#[test]
fn second_verifier_on_the_same_data_is_refused_and_the_first_lives() {
    let mut made = Plan::default().start();
    let said = refusal(&made, DAEMONS[0]);
    assert!(!said.is_empty());
    assert!(made.verifier().runs());
    made.json(&["status"]);
}

#[test]
fn what_init_makes_is_taken_by_both_daemons() {
    let made = Plan::default().build();
    let again = made.sekisho(&["init", "--data", &made.data().display().to_string()]);
    assert_eq!(
        again.status.code(),
        Some(4),
        "init overwrites nothing: {again}"
    );
    let mode = |path| {
        fs::metadata(path)
            .expect("made by init")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(made.settings()), 0o640);
    assert_eq!(mode(made.data()), 0o700);
    assert_eq!(mode(made.data().join("master.key")), 0o400);
}
