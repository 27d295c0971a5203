//! Whose password is right.

use std::thread;

use sekisho_verifier_socket::password::{Judged, PASSWORD_OCTETS_MAX};

use crate::daemon::{Daemon, PASSWORD, UNIX, misbehaving};

#[test]
fn shadow_file_decides_and_accounts_that_may_not_log_in_are_wrong() {
    let daemon = Daemon::start(Some(UNIX));
    for (account, password, judged) in [
        ("hana", PASSWORD, Judged::Right),
        ("hana", "incorrect horse", Judged::Wrong),
        ("hana", "Correct horse", Judged::Wrong),
        ("hana", "correct horse ", Judged::Wrong),
        ("nobody-of-this-name", PASSWORD, Judged::Wrong),
        // Expired account, expired password, locked, and without a password.
        ("jiro", PASSWORD, Judged::Wrong),
        ("yuki", PASSWORD, Judged::Wrong),
        ("lock", "!", Judged::Wrong),
        ("bare", " ", Judged::Wrong),
    ] {
        assert_eq!(
            daemon.judge(account, password.as_bytes()),
            judged,
            "{account}"
        );
    }
    assert!(!daemon.log().contains("horse"), "{}", daemon.log());
}

#[test]
fn r40_longest_password_is_judged_as_any_other() {
    let daemon = Daemon::start(Some(UNIX));
    let longest = [b'p'; PASSWORD_OCTETS_MAX];
    assert_eq!(daemon.judge("hana", &longest), Judged::Wrong);
    assert_eq!(daemon.judge("hana", &[0xff; 16]), Judged::Wrong);
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
}

#[test]
fn r34_names_that_look_like_something_else_are_only_names() {
    let daemon = Daemon::start(Some(UNIX));
    for account in [
        "hana:x:0:0",
        "*",
        "hana ",
        "hana;id",
        "$(id)",
        "hana%s%n",
        "\u{202e}anah",
    ] {
        assert_eq!(daemon.judge(account, PASSWORD.as_bytes()), Judged::Wrong);
    }
}

#[test]
fn children_know_where_the_user_is_and_nothing_of_our_environment() {
    let daemon = Daemon::start(Some(&misbehaving("tells-its-surroundings")));
    assert_eq!(daemon.judge("hana", b"anything"), Judged::Right);
}

#[test]
fn checks_beyond_the_bound_wait_for_their_turn() {
    let daemon = Daemon::start_with(Some(UNIX), "checks = 2\ntimeout-ms = 10000\n");
    thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|n| {
                let right = n % 3 == 0;
                let password = if right { PASSWORD } else { "incorrect horse" };
                let daemon = &daemon;
                (
                    right,
                    scope.spawn(move || daemon.judge("hana", password.as_bytes())),
                )
            })
            .collect();
        for (right, judged) in asked {
            let expected = if right { Judged::Right } else { Judged::Wrong };
            assert_eq!(judged.join().unwrap(), expected);
        }
    });
}

#[test]
fn service_is_read_anew_for_each_check() {
    let daemon = Daemon::start(Some(UNIX));
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
    daemon.service("auth requisite pam_deny.so\naccount required pam_permit.so\n");
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Wrong);
}
