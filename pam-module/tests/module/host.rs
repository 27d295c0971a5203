//! What the module does to the process it is loaded into: nothing.

use std::process::Command;

use crate::driver::{
    AUTH_ERR, AUTHINFO_UNAVAIL, Driver, LIMIT_US, NEW_AUTHTOK_REQD, Noticed, SERVICE_ERR, SUCCESS,
    built, module,
};
use crate::fake_verifier::{CODE, Does, FakeVerifier, start_wanted, started};

/// What is typed for a code and then for a token, over and over.
const TYPED: [&str; 9] = [
    "--cycle", "--answer", CODE, "--answer", "SKTS1", "--answer", CODE, "--answer", "yes",
];
/// Every call that a host makes, of one login.
const CALLS: [&str; 13] = [
    "--expired",
    "--call",
    "authenticate",
    "--call",
    "setcred",
    "--call",
    "acct_mgmt",
    "--call",
    "chauthtok",
    "--call",
    "open_session",
    "--call",
    "close_session",
];

fn wanting() -> FakeVerifier {
    FakeVerifier::starts(start_wanted(), |_| Does::Says(started()))
}

fn check_nothing_is_left(noticed: &Noticed) {
    assert_eq!(noticed.total("differing"), 0);
    for what in ["threads", "fds"] {
        let (start, end) = (noticed.state("start", what), noticed.state("end", what));
        assert_eq!(start, end, "{what}");
    }
    assert_eq!(noticed.state("first", "threads"), 1);
    assert_eq!(noticed.state("end", "module_maps"), 0, "unloaded");
    assert_eq!(
        noticed.state("warm", "maps"),
        noticed.state("first", "maps")
    );
    let grown = noticed
        .state("end", "rss_kb")
        .saturating_sub(noticed.state("warm", "rss_kb"));
    assert!(grown < 256, "{grown} kB");
    assert_eq!(noticed.total("signals_changed"), 0);
    assert_eq!(noticed.total("renamed"), 0);
}

/// A greeter lives as long as its machine: each login loads the module, and unloads it.
#[test]
fn twenty_thousand_logins_in_one_process_leave_nothing_behind() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .answer(CODE)
        .words(&["--repeat", "20000", "--call", "authenticate"])
        .run();
    assert_eq!(noticed.total("successes"), 20_000);
    assert_eq!(noticed.total("prompts"), 20_000);
    check_nothing_is_left(&noticed);
}

#[test]
fn thirty_thousand_calls_of_every_kind_in_one_handle_leave_nothing_behind() {
    let verifier = wanting();
    let noticed = Driver::new(verifier.path(), "combined digits=6")
        .words(&["--cycle", "--answer", "hunter2271828"])
        .words(&TYPED[3..])
        .words(&CALLS)
        .words(&["--repeat", "5000", "--same-handle"])
        .run();
    assert_eq!(noticed.total("successes"), 5_000);
    assert_eq!(noticed.total("prompts"), 20_000);
    assert_eq!(noticed.code("acct_mgmt"), NEW_AUTHTOK_REQD);
    for call in ["chauthtok", "open_session", "close_session"] {
        assert_eq!(noticed.code(call), SUCCESS, "{call}");
    }
    check_nothing_is_left(&noticed);
}

/// The same where everything is refused, the module loaded anew each time.
#[test]
fn thousands_of_refusals_in_every_phase_leave_nothing_behind() {
    let verifier = FakeVerifier::honest();
    let gone = verifier.folder().join("gone");
    for (socket, typed) in [
        (verifier.path(), &["--answer-null"] as &[&str]),
        (verifier.path(), &["--answer", "000000"]),
        (&gone, &[]),
    ] {
        let noticed = Driver::new(socket, "")
            .words(&CALLS)
            .words(typed)
            .words(&["--repeat", "2000"])
            .run();
        assert_eq!(noticed.total("successes"), 0);
        check_nothing_is_left(&noticed);
    }
}

#[test]
fn module_is_unloaded_after_each_kind_of_end() {
    let silent = FakeVerifier::attempts(|_| Does::Nothing);
    let honest = FakeVerifier::honest();
    let gone = honest.folder().join("gone");
    for driver in [
        Driver::new(silent.path(), ""),
        Driver::new(&gone, ""),
        Driver::new(honest.path(), "nosuch"),
        Driver::new(honest.path(), "debug"),
    ] {
        let noticed = driver.answer(CODE).run();
        assert!(noticed.state("first", "module_maps") > 0);
        assert_eq!(noticed.state("end", "module_maps"), 0);
        assert_eq!(noticed.state("start", "fds"), noticed.state("end", "fds"));
    }
}

/// OpenSSH CVE-2024-6387: signals at bad moments. Calls are interrupted all the time, and the limit
/// of 3 s holds all the same.
#[test]
fn r44_no_handlers_no_threads_and_alarms_at_any_point() {
    let honest = FakeVerifier::honest();
    let noticed = Driver::new(honest.path(), "")
        .answer(CODE)
        .words(&["--itimer", "200", "--repeat", "300"])
        .run();
    assert_eq!(noticed.total("successes"), 300);
    assert!(noticed.total("alarms") > 50);
    assert_eq!(noticed.total("signals_changed"), 0);

    let wanting = wanting();
    let noticed = Driver::new(wanting.path(), "")
        .words(&TYPED)
        .words(&CALLS)
        .words(&["--itimer", "200", "--repeat", "300"])
        .run();
    assert_eq!(noticed.total("successes"), 300);
    assert_eq!(noticed.total("differing"), 0);
    assert_eq!(noticed.code("chauthtok"), SUCCESS);
    assert_eq!(noticed.code("close_session"), SUCCESS);
    assert!(noticed.total("alarms") > 50);
    assert_eq!(noticed.total("signals_changed"), 0);

    let silent = FakeVerifier::attempts(|_| Does::Nothing);
    let noticed = Driver::new(silent.path(), "")
        .answer(CODE)
        .words(&["--itimer", "500", "--call", "authenticate"])
        .run();
    assert_eq!(noticed.code("authenticate"), AUTHINFO_UNAVAIL);
    assert!(noticed.total("alarms") > 500);
    assert!(noticed.total("first_us") < LIMIT_US);
    for line in noticed.lines("prompt") {
        assert_eq!(line["threads"], "1");
    }
}

/// pam-u2f CVE-2025-23013: what the system refused became PAM_IGNORE.
#[test]
fn r27_host_without_free_descriptors_gets_a_denial() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "")
        .answer(CODE)
        .words(&["--repeat", "2", "--same-handle", "--no-fds-after-first"])
        .run();
    assert_eq!(noticed.total("successes"), 1, "the first, with descriptors");
    // libpam's own audit finds no descriptor either, so that the host hears PAM_SYSTEM_ERR.
    assert_ne!(noticed.code("authenticate"), SUCCESS);
    assert_ne!(noticed.code("acct_mgmt"), SUCCESS);
    let denials = noticed.log().into_iter().filter(|(_, text)| {
        text.contains("denied: the verifier can not be reached: Too many open files")
    });
    assert_eq!(denials.count(), 2);
}

/// The driver leaves SIGPIPE as it is by default: a write into a closed socket would kill it.
#[test]
fn peer_that_closes_early_does_not_kill_the_host() {
    let folder = crate::fake_verifier::private_folder();
    let path = folder.path().join("verifier.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
    // Ends with the process: it accepts and closes, and reads nothing.
    std::thread::spawn(move || while listener.accept().is_ok() {});
    let noticed = Driver::new(&path, "")
        .answer(CODE)
        .words(&["--repeat", "500", "--call", "authenticate"])
        .run();
    assert_eq!(noticed.code("authenticate"), AUTHINFO_UNAVAIL);
    assert_eq!(noticed.total("differing"), 0);

    let verifier = FakeVerifier::asks(Does::Closes);
    let noticed = Driver::new(verifier.path(), "")
        .answer(CODE)
        .words(&["--repeat", "100"])
        .run();
    assert_eq!(noticed.total("successes"), 0);
}

/// Duo PSA-2017-002, pam_usb CVE-2026-44713: paths and proxies taken from the caller of sudo.
#[test]
fn environment_of_the_caller_changes_nothing() {
    let verifier = FakeVerifier::honest();
    for (code, expected) in [(CODE, SUCCESS), ("000000", AUTH_ERR)] {
        let mut driver = Driver::new(verifier.path(), "").answer(code);
        for (name, value) in [
            ("SEKISHO_SOCKET", "/tmp/evil.sock"),
            ("SOCKET", "/tmp/evil.sock"),
            ("HOME", "/nonexistent"),
            ("TMPDIR", "/nonexistent"),
            ("XDG_RUNTIME_DIR", "/nonexistent"),
            ("XDG_CONFIG_HOME", "/nonexistent"),
            ("http_proxy", "http://127.0.0.1:1"),
            ("LANG", "tlh_QO"),
            ("LC_ALL", "tlh_QO"),
            ("USER", "root"),
            ("LOGNAME", "root"),
            ("RUST_BACKTRACE", "full"),
            ("RUST_LOG", "trace"),
            ("RUST_MIN_STACK", "-1"),
            ("TZ", "/etc/shadow"),
        ] {
            driver = driver.environment(name, value);
        }
        let noticed = driver.run();
        assert_eq!(noticed.code("authenticate"), expected);
        assert!(noticed.errors.is_empty(), "{}", noticed.errors);
        assert!(noticed.lines("getenv").is_empty(), "{noticed:?}");
        assert_eq!(verifier.attempted().last().expect("attempt").0, "alice");
    }
}

/// Between the prompt and the end of the call, one socket is opened and nothing else.
#[test]
fn r02_no_file_is_opened_but_the_socket() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let verifier = wanting();
    let folder = tempfile::tempdir().expect("folder");
    let trace = folder.path().join("trace");
    let noticed = Driver::new(verifier.path(), "")
        .user("../../etc/passwd")
        .words(&TYPED)
        .words(&CALLS)
        .under(&[
            "strace",
            "-f",
            "-e",
            "trace=%file,socket,connect,clone,clone3,fork,vfork,execve,rt_sigaction,kill,ioctl",
            "-o",
            trace.to_str().expect("UTF-8"),
        ])
        .run();
    assert_eq!(noticed.code("authenticate"), SUCCESS);
    assert_eq!(noticed.code("chauthtok"), SUCCESS);
    let trace = std::fs::read_to_string(trace).expect("trace");
    // The driver looks at /proc/self/task at each prompt, which marks the beginning here: the
    // first call has loaded the module by then.
    let start = trace.find("/proc/self/task").expect("state at the start");
    let start = start + trace[start..].find("connect(").expect("first connection");
    let end = trace.rfind("connect(").expect("last connection");
    let end = end + trace[end..].find('\n').expect("line");
    let socket = verifier.path().to_str().expect("UTF-8");
    let folder = verifier.folder().to_str().expect("UTF-8");
    let mut connections = 0;
    for line in trace[start..end].lines() {
        let ours = line.contains("socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK")
            || line.contains("FIONBIO")
            || line.contains(&format!("\"{socket}\""))
            || line.contains(&format!("\"{folder}\""));
        // opendir(3) looks at the descriptor it has got, and libpam reports to the audit system,
        // after a look at its own state where it is not root, and with the name of the terminal.
        let others = ["\"/proc/", "AT_EMPTY_PATH", "NETLINK_AUDIT", "TCGETS"]
            .iter()
            .any(|word| line.contains(word));
        assert!(ours || others, "{line}");
        connections += usize::from(line.contains("connect("));
    }
    // A question and an attempt; account management; two questions and a start; two for sessions.
    assert_eq!(connections, 8);
    for call in ["clone", "fork", "execve", "rt_sigaction"] {
        assert!(!trace[start..end].contains(&format!("{call}(")), "{call}");
    }
}

/// Panics stay inside: the host lives, hears a denial, and its standard error stays clean. The
/// module of this test has other entry points behind the same guard.
#[test]
fn panic_becomes_a_denial_and_says_nothing() {
    let panics = built("../examples/libpam_panics.so");
    let noticed = Driver::stack(&format!(
        "auth required {0}\naccount required {0}\nauth optional pam_permit.so\n",
        panics.display()
    ))
    .environment("RUST_BACKTRACE", "full")
    .words(&["--repeat", "50"])
    .run();
    assert_eq!(noticed.code("authenticate"), SERVICE_ERR);
    assert_eq!(noticed.code("acct_mgmt"), SERVICE_ERR);
    assert_eq!(noticed.total("successes"), 0);
    assert!(noticed.errors.is_empty(), "{}", noticed.errors);
    assert!(!noticed.output.contains("123456"));
    assert!(noticed.lines("getenv").is_empty(), "{noticed:?}");
}

#[test]
fn host_is_named_in_the_log_by_libpam() {
    let verifier = FakeVerifier::honest();
    let noticed = Driver::new(verifier.path(), "").answer("000000").run();
    let log = noticed.log();
    // pam_syslog(3): module, service and phase.
    let module = module();
    let stem = module.file_stem().expect("stem").to_str().expect("UTF-8");
    assert!(
        log[0]
            .1
            .starts_with(&format!("{stem}(sekisho-test:auth): ")),
        "{log:?}"
    );
}
