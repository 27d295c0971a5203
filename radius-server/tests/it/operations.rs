//! Start and end.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sekisho_radius_protocol::Code;

use crate::daemon::{Daemon, PATIENCE, Place, refused, settings};
use crate::gateway::Gateway;
use crate::verifier::{Manner, RIGHT};

#[test]
fn end_waits_for_rejects_that_are_held_back() {
    let place = Place::new();
    let verifier = place.verifier(Manner::Judge);
    let mut daemon = Daemon::start_ready(&place, &settings());
    let mut gateway = Gateway::new(daemon.address());
    gateway.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let wrong = gateway.request("mallory", "000000");
    gateway.send(&wrong.octets);
    while verifier.attempts().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    daemon.wait_for_line("stopping");
    let late = gateway.request("hanako", RIGHT);
    gateway.send(&late.octets);
    let reply = gateway.receive().unwrap();
    assert_eq!(gateway.check(&wrong, &reply), Code::ACCESS_REJECT);
    assert_eq!(daemon.end().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(4));
    assert!(!verifier.tries().contains_key("hanako"));
    daemon.wait_for_line("rejected=1");
}

/// Whoever waits for us at boot waits until logins are answered.
#[test]
fn ready_is_said_when_the_verifier_is_found_and_not_before() {
    let place = Place::new();
    let systemd = UnixDatagram::bind(place.notify()).unwrap();
    let quiet = Duration::from_millis(700);
    systemd.set_read_timeout(Some(quiet)).unwrap();
    let mut daemon = Daemon::start(&place, &settings());
    daemon.wait_for_line("verifier away");
    let mut word = [0; 256];
    assert!(systemd.recv(&mut word).is_err(), "there is nobody to ask");
    let _verifier = place.verifier(Manner::Judge);
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = systemd.recv(&mut word).unwrap();
    let said = String::from_utf8_lossy(&word[..length]);
    assert!(said.contains("READY=1"), "{said}");
    let mut gateway = Gateway::new(daemon.address());
    assert_eq!(gateway.login("hanako", RIGHT), Some(Code::ACCESS_ACCEPT));
}

#[test]
fn idle_daemon_ends_at_once_at_sigint_and_sigterm() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut daemon = Daemon::start(&place, &settings());
        let start = Instant::now();
        daemon.signal(signal);
        assert_eq!(daemon.end().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn empty_secret_is_refused_with_file_and_line_and_a_short_one_is_warned_about() {
    let place = Place::new();
    let empty = settings().replace(crate::gateway::SECRET, "");
    let complaint = refused(&place, &empty);
    assert!(complaint.contains("sekisho.toml:"), "{complaint}");
    assert!(complaint.contains("secret"), "{complaint}");

    let short = settings().replace(crate::gateway::SECRET, "fifteen octets.");
    let mut daemon = Daemon::start(&place, &short);
    let line = daemon.wait_for_line("warning: client vpn");
    assert!(!line.contains("fifteen"), "{line}");
}

#[test]
fn settings_out_of_bounds_are_refused_with_file_line_and_the_way_out() {
    for (wrong, what) in [
        ("reject-delay-ms = -1", "reject-delay-ms"),
        ("duplicate-seconds = 0", "duplicate-seconds"),
        ("duplicate-seconds = 31", "duplicate-seconds"),
        ("duplicate-entries = 0", "duplicate-entries"),
        ("attempts-in-flight = 0", "attempts-in-flight"),
        ("fail-open = true", "fail-open"),
    ] {
        let place = Place::new();
        let complaint = refused(&place, &format!("[radius]\n{wrong}\n"));
        let (first, way_out) = complaint.split_once('\n').unwrap();
        assert!(first.contains("sekisho.toml:6"), "{what}: {complaint}");
        assert!(way_out.len() > 10, "{what}: {complaint}");
    }
}

#[test]
fn address_that_is_taken_is_named() {
    let place = Place::new();
    let daemon = Daemon::start(&place, &settings());
    let taken = settings().replace("127.0.0.1:0", &daemon.address().to_string());
    let complaint = refused(&Place::new(), &taken);
    assert!(
        complaint.contains(&daemon.address().to_string()),
        "{complaint}"
    );
}

#[test]
fn unknown_option_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho-radiusd"))
        .arg("--setting")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn settings_can_be_checked_without_a_start() {
    let place = Place::new();
    for (text, expected) in [(settings(), 0), ("[radius]\nlisten = 7\n".into(), 1)] {
        let status = Command::new(env!("CARGO_BIN_EXE_sekisho-radiusd"))
            .arg("--check")
            .arg("--settings")
            .arg(place.write_settings(&text))
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(expected));
    }
}
