//! Modules that do not do what they should: nothing is known then, and nobody gets in.

use std::time::{Duration, Instant};

use sekisho_verifier_socket::password::Judged;

use crate::daemon::{Daemon, PASSWORD, UNIX, misbehaving};

#[track_caller]
fn check(service: Option<&str>, told: &str) {
    let daemon = Daemon::start(service);
    assert_eq!(
        daemon.judge("hana", PASSWORD.as_bytes()),
        Judged::Unavailable
    );
    daemon.expect_log(told);
    // It took one check with it and no more.
    daemon.service(UNIX);
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
}

#[test]
fn service_that_is_missing_is_not_a_wrong_password() {
    check(None, "the PAM service does not exist");
}

#[test]
fn module_that_is_missing_is_not_a_wrong_password() {
    let lines = "auth required pam_of_which_there_is_none.so\naccount required pam_permit.so\n";
    check(Some(lines), "missing or broken");
}

#[test]
fn module_that_crashes_takes_its_check_with_it() {
    check(Some(&misbehaving("crashes")), "signal: 11");
}

#[test]
fn module_that_ends_the_process_says_nothing() {
    check(Some(&misbehaving("exits")), "a module ended the check");
}

#[test]
fn module_that_has_nobody_to_ask_is_not_a_wrong_password() {
    check(Some(&misbehaving("has-nobody-to-ask")), "can not reach");
}

#[test]
fn module_that_asks_for_something_else_gets_no_password() {
    check(
        Some(&misbehaving("asks-in-clear")),
        "something else than a password",
    );
}

#[test]
fn module_that_renames_the_user_has_judged_somebody_else() {
    check(Some(&misbehaving("renames")), "changed the user's name");
}

#[test]
fn stack_in_which_nobody_decides_lets_nobody_in() {
    let daemon = Daemon::start(Some(&misbehaving("ignores")));
    assert_ne!(daemon.judge("hana", b"anything"), Judged::Right);
}

#[test]
fn module_that_prints_a_verdict_has_not_given_one() {
    let daemon = Daemon::start(Some(&misbehaving("prints")));
    assert_eq!(daemon.judge("hana", b"anything"), Judged::Wrong);
}

#[test]
fn module_that_hangs_is_killed_in_time_and_holds_nobody_up() {
    for how in ["hangs", "spins", "asks-for-ever"] {
        let daemon = Daemon::start_with(Some(&misbehaving(how)), "timeout-ms = 700\n");
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let judged = daemon.judge("hana", b"anything");
                    assert_eq!(judged, Judged::Unavailable, "{how}");
                });
            }
        });
        assert!(began.elapsed() < Duration::from_secs(5), "{how}");
        assert_eq!(children(&daemon), 0, "{how}");
    }
}

#[test]
fn what_a_module_leaves_behind_is_killed() {
    let daemon = Daemon::start(Some(&misbehaving("leaves-a-child")));
    assert_eq!(daemon.judge("hana", b"anything"), Judged::Right);
    // The daemon itself stays.
    expect_processes(&namespace(&daemon), 1);
}

#[test]
fn end_of_the_daemon_is_the_end_of_its_children() {
    let mut daemon = Daemon::start_with(Some(&misbehaving("hangs")), "timeout-ms = 20000\n");
    let socket = daemon.socket();
    std::thread::spawn(move || {
        let question = sekisho_verifier_socket::password::Question {
            account: "hana",
            password: b"anything",
            remote: "",
        };
        let octets = question.encode().unwrap();
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        std::io::Write::write_all(&mut stream, &octets).unwrap();
        std::io::Read::read_to_end(&mut stream, &mut Vec::new())
    });
    let end = Instant::now() + Duration::from_secs(10);
    while children(&daemon) == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    let marker = namespace(&daemon);
    daemon.terminate();
    expect_processes(&marker, 0);
    assert!(!daemon.socket().exists());
}

/// How many children the daemon has, of all its threads.
fn children(daemon: &Daemon) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid()));
    let threads = threads.expect("procfs is there").filter_map(Result::ok);
    let of_thread = |thread: std::fs::DirEntry| {
        let children = std::fs::read_to_string(thread.path().join("children"));
        children.unwrap_or_default().split_whitespace().count()
    };
    threads.map(of_thread).sum()
}

/// The mount namespace of the daemon: nobody else is in it.
fn namespace(daemon: &Daemon) -> String {
    let link = std::fs::read_link(format!("/proc/{}/ns/mnt", daemon.pid()));
    link.expect("a namespace").display().to_string()
}

/// Waits until so many processes are in a mount namespace: what was killed takes a moment to end.
#[track_caller]
fn expect_processes(namespace: &str, count: usize) {
    let end = Instant::now() + Duration::from_secs(10);
    while processes(namespace) != count {
        assert!(Instant::now() < end, "{} processes", processes(namespace));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many processes are in a mount namespace.
fn processes(namespace: &str) -> usize {
    let all = std::fs::read_dir("/proc").expect("procfs is there");
    let within = |entry: &std::fs::DirEntry| {
        let link = std::fs::read_link(entry.path().join("ns/mnt"));
        link.is_ok_and(|link| link.display().to_string() == namespace)
    };
    all.filter_map(Result::ok).filter(within).count()
}
