//! The built object itself.

use std::collections::BTreeSet;
use std::process::Command;

use crate::driver::module;

fn readelf(words: &[&str]) -> String {
    let output = Command::new("readelf")
        .args(words)
        .arg(module())
        .output()
        .expect("readelf");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("ASCII")
}

/// xz CVE-2024-3094: a library that came along into sshd.
#[test]
fn r43_only_libc_libpam_and_libgcc_come_along() {
    let dynamic = readelf(&["-dW"]);
    let needed: BTreeSet<_> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    // libpam must be there: if only its archive is visible, it is linked in without a word.
    assert!(
        needed.contains("libpam.so.0") && needed.contains("libc.so.6"),
        "{needed:?}"
    );
    for name in &needed {
        let known = ["libpam.so.0", "libc.so.6", "libgcc_s.so.1"].contains(name)
            || name.starts_with("ld-linux");
        assert!(known, "{name}");
    }
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"));
    assert!(dynamic.contains("BIND_NOW") || dynamic.contains("NOW"));
    let segments = readelf(&["-lW"]);
    let stack = segments.lines().find(|line| line.contains("GNU_STACK"));
    assert!(!stack.expect("GNU_STACK").contains("RWE"));
}

#[test]
fn exactly_the_six_entry_points_are_exported() {
    let symbols = readelf(&["--dyn-syms", "-W"]);
    let exported: BTreeSet<_> = symbols
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| {
            words.len() >= 8 && words[0] != "Num:" && words[4] != "LOCAL" && words[6] != "UND"
        })
        .map(|words| words[7].to_owned())
        .collect();
    let expected: BTreeSet<_> = [
        "acct_mgmt",
        "authenticate",
        "chauthtok",
        "close_session",
        "open_session",
        "setcred",
    ]
    .map(|name| format!("pam_sm_{name}"))
    .into();
    assert_eq!(exported, expected);
}

/// With `panic = "abort"` each bug would kill sshd.
#[test]
fn panics_unwind() {
    let symbols = readelf(&["--dyn-syms", "-W"]);
    assert!(symbols.contains("_Unwind_RaiseException"));
}

/// What the module must not do at all leaves no trace among its imports.
#[test]
fn nothing_is_imported_that_the_module_must_not_use() {
    let symbols = readelf(&["--dyn-syms", "-W"]);
    for name in [
        "openlog",
        "closelog",
        "setlocale",
        "umask",
        "chdir",
        "setuid",
        "seteuid",
        "setenv",
        "sigaction",
        "signal",
        "fork",
        "execve",
    ] {
        assert!(!imports(&symbols, name), "{name}");
    }
}

/// sudo-rs GHSA-q428-6v73-fc4q: a password that was typed in part was shown after a time-out. The
/// terminal, its echo and what waits in it are the host's: the module has no way to touch them.
#[test]
fn r42_terminal_is_left_to_the_host() {
    let symbols = readelf(&["--dyn-syms", "-W"]);
    for name in [
        "tcgetattr",
        "tcsetattr",
        "tcflush",
        "cfmakeraw",
        "isatty",
        "ttyname",
        "getpass",
        "alarm",
        "setitimer",
        "timer_create",
    ] {
        assert!(!imports(&symbols, name), "{name}");
    }
}

fn imports(symbols: &str, name: &str) -> bool {
    symbols.lines().any(|line| {
        line.split_whitespace()
            .nth(7)
            .is_some_and(|symbol| symbol.split('@').next() == Some(name))
    })
}
