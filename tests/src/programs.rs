//! Where the programs under test and their peers are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::process;

const WAY_OUT: &str = "run: make test (or make demo), which builds and installs what is needed";

/// The folder that cargo puts programs in, beside the one that runs now.
fn built_folder() -> PathBuf {
    let own = env::current_exe().expect("the running program has a path");
    let mut folder = own.parent().expect("it is in a folder");
    if folder.ends_with("deps") {
        folder = folder.parent().expect("deps is in a folder");
    }
    folder.to_owned()
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing; {WAY_OUT}", path.display());
    path
}

/// One of our own programs.
pub fn ours(name: &str) -> PathBuf {
    existing(built_folder().join(name))
}

/// The PAM module.
pub fn pam_module() -> PathBuf {
    ours("libpam_sekisho.so")
}

/// Where `scripts/needs` unpacked what must not be installed.
pub fn tools() -> PathBuf {
    let built = built_folder();
    built.parent().unwrap_or(&built).join("tools")
}

/// The tree of gateways that `scripts/needs` unpacked.
pub fn gateways() -> PathBuf {
    existing(tools().join("gateways"))
}

/// The real sshd: the machine's own, or the one that was unpacked.
pub fn sshd() -> PathBuf {
    let installed = PathBuf::from("/usr/sbin/sshd");
    if installed.exists() {
        return installed;
    }
    existing(tools().join("usr/sbin/sshd"))
}

/// The C program that stands for a PAM application; compiled once for each run.
pub fn pam_driver() -> &'static Path {
    static COMPILED: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) =
        COMPILED.get_or_init(|| compile(include_str!("pam_driver.c"), "pam-driver", &["-lpam"]));
    program
}

/// The library that stands between a daemon and its clocks; compiled once for each run.
pub fn clock_library() -> &'static Path {
    static COMPILED: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let options = ["-shared", "-fPIC"];
    let (_, library) =
        COMPILED.get_or_init(|| compile(include_str!("clock.c"), "clock.so", &options));
    library
}

fn compile(text: &str, name: &str, options: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("source.c");
    let made = folder.path().join(name);
    std::fs::write(&source, text).expect("the source can be written");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&made, &source])
        .args(options);
    process::run(&mut cc, b"", Duration::from_secs(60)).expect_success();
    (folder, made)
}

/// Real logins need namespaces, and those need root. Nothing is skipped in silence.
pub fn require_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "these tests start real logins in private namespaces and need root; {WAY_OUT}, by sudo"
    );
}
