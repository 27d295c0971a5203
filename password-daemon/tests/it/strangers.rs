//! Who may ask, and what becomes of what is no question.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sekisho_verifier_socket::password::{Judged, QUESTION_OCTETS_MAX, Question};

use crate::daemon::{DAEMON_USER, Daemon, PASSWORD, RADIUS_USER, UNIX, VERIFIER_USER};

/// Sends a question as another user.
fn ask_as(daemon: &Daemon, uid: u32, gid: u32) -> Output {
    const ASK: &str = "import socket, sys\n\
        s = socket.socket(socket.AF_UNIX)\n\
        s.connect(sys.argv[1])\n\
        s.sendall(bytes.fromhex(sys.argv[2]))\n\
        sys.stdout.write(s.recv(2).decode())\n";
    let question = Question {
        account: "hana",
        password: PASSWORD.as_bytes(),
        remote: "",
    };
    let octets = question.encode().expect("a question that may be asked");
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    Command::new("setpriv")
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={gid}"))
        .args(["--clear-groups", "--", "/usr/bin/python3", "-c", ASK])
        .arg(daemon.socket())
        .arg(hex)
        .output()
        .expect("setpriv runs")
}

#[test]
fn only_root_the_radius_server_and_the_verifier_may_ask() {
    let daemon = Daemon::start(Some(UNIX));
    let socket = std::fs::metadata(daemon.socket()).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o660);
    assert_eq!((socket.uid(), socket.gid()), (DAEMON_USER, RADIUS_USER));

    let answer = ask_as(&daemon, RADIUS_USER, RADIUS_USER);
    assert_eq!(answer.stdout, b"R", "{answer:?}");
    let answer = ask_as(&daemon, VERIFIER_USER, RADIUS_USER);
    assert_eq!(answer.stdout, b"R", "{answer:?}");
    let answer = ask_as(&daemon, 61_001, 61_001);
    assert!(
        !answer.status.success() && answer.stdout.is_empty(),
        "{answer:?}"
    );
    // Who has the group, and so can connect, is still somebody else.
    let answer = ask_as(&daemon, 61_001, RADIUS_USER);
    assert!(answer.stdout.is_empty(), "{answer:?}");
    daemon.expect_log("user 61001 may not ask");
}

#[test]
fn what_is_no_question_gets_no_answer_and_holds_nobody_up() {
    let daemon = Daemon::start(Some(UNIX));
    for octets in [
        &b""[..],
        b"\0",
        b"\0\0",
        b"\xff\xff",
        b"\0\x01\x01",
        b"\0\x08\x02\0\x01a\0\x01b\0\0",
        b"\0\x09\x01\0\x04ha\0n\0\x01b\0\0",
        &[0; QUESTION_OCTETS_MAX],
        &[0xff; 4 * QUESTION_OCTETS_MAX],
    ] {
        assert_eq!(daemon.send(octets), b"", "{octets:?}");
    }
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
}

#[test]
fn connections_that_say_nothing_are_closed() {
    let daemon = Daemon::start(Some(UNIX));
    let began = Instant::now();
    let mut silent: Vec<_> = (0..100)
        .map(|_| UnixStream::connect(daemon.socket()).unwrap())
        .collect();
    for stream in &mut silent {
        stream.write_all(b"\0").unwrap();
    }
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn second_daemon_does_not_take_the_socket_of_the_first() {
    let daemon = Daemon::start(Some(UNIX));
    let settings = daemon.socket().parent().unwrap().join("../sekisho.toml");
    let second = Command::new(env!("CARGO_BIN_EXE_sekisho-passwordd"))
        .arg("--settings")
        .arg(settings)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && told.contains("can not listen"),
        "{told}"
    );
    assert_eq!(daemon.judge("hana", PASSWORD.as_bytes()), Judged::Right);
}
