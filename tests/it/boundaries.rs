//! What depends on what, read from the build itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sekisho_tests::{process, programs};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

struct Workspace(Value);

impl Workspace {
    fn read() -> Self {
        let mut cargo = cargo("metadata");
        cargo.arg("--format-version=1");
        // What other platforms need was never downloaded on this one.
        cargo.arg(format!("--filter-platform={}", host()));
        let done = process::run(&mut cargo, b"", LIMIT).expect_success();
        Self(serde_json::from_str(&done.stdout).expect("cargo prints JSON"))
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        self.0["packages"].as_array().into_iter().flatten()
    }

    fn ours(&self) -> impl Iterator<Item = &str> {
        let ours = self
            .packages()
            .filter(|package| package["source"].is_null());
        ours.filter_map(|package| package["name"].as_str())
    }

    fn package(&self, name: &str) -> &Value {
        let mut named = self.packages().filter(|package| package["name"] == name);
        named.next().unwrap_or_else(|| panic!("no package {name}"))
    }

    /// What a package of ours names as its dependencies for other builds than tests.
    fn direct(&self, name: &str) -> BTreeSet<&str> {
        let dependencies = self.package(name)["dependencies"]
            .as_array()
            .into_iter()
            .flatten();
        dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .collect()
    }
}

/// Everything that is linked into one package of ours when it is built by itself.
fn linked(name: &str) -> BTreeSet<String> {
    let mut tree = cargo("tree");
    tree.args(["--edges=normal", "--prefix=none", "--package", name]);
    let done = process::run(&mut tree, b"", LIMIT).expect_success();
    let names = done
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next());
    names.skip(1).map(str::to_owned).collect()
}

/// The platform that this test was built for, as cargo calls it.
fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn cargo(command: &str) -> Command {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([command, "--locked", "--offline", "--manifest-path"])
        .arg(manifest);
    cargo
}

#[test]
fn pure_crates_depend_on_none_of_ours() {
    let workspace = Workspace::read();
    let ours: BTreeSet<&str> = workspace.ours().collect();
    for pure in ["sekisho-verifier", "sekisho-radius-protocol"] {
        let direct = workspace.direct(pure);
        let of_ours: Vec<_> = direct.intersection(&ours).collect();
        assert!(of_ours.is_empty(), "{pure} depends on {of_ours:?}");
    }
}

#[test]
fn pure_crates_know_no_runtime_and_no_system() {
    for pure in ["sekisho-verifier", "sekisho-radius-protocol"] {
        let all = linked(pure);
        for forbidden in [
            "tokio",
            "mio",
            "rustix",
            "nix",
            "socket2",
            "sled",
            "getrandom",
            "jiff",
        ] {
            assert!(!all.contains(forbidden), "{pure} reaches {forbidden}");
        }
    }
}

#[test]
fn nothing_depends_on_the_tests() {
    let workspace = Workspace::read();
    for name in workspace.ours() {
        assert!(!linked(name).contains("sekisho-tests"), "{name}");
    }
}

#[test]
fn shells_reach_only_what_is_below_them() {
    let workspace = Workspace::read();
    let ours: BTreeSet<&str> = workspace.ours().collect();
    let table: [(&str, &[&str]); 10] = [
        ("sekisho-settings", &[]),
        ("sekisho-verifier-socket", &[]),
        ("sekisho-texts", &["sekisho-verifier-socket"]),
        ("sekisho-daemon", &["sekisho-settings"]),
        ("sekisho-store-embedded", &["sekisho-verifier"]),
        ("sekisho-pam-module", &["sekisho-verifier-socket"]),
        (
            "sekisho-radius-server",
            &[
                "sekisho-daemon",
                "sekisho-radius-protocol",
                "sekisho-settings",
                "sekisho-texts",
                "sekisho-verifier-socket",
            ],
        ),
        (
            "sekisho-password-daemon",
            &[
                "sekisho-daemon",
                "sekisho-settings",
                "sekisho-verifier-socket",
            ],
        ),
        (
            "sekisho-verifier-daemon",
            &[
                "sekisho-daemon",
                "sekisho-settings",
                "sekisho-store-embedded",
                "sekisho-texts",
                "sekisho-verifier",
                "sekisho-verifier-socket",
            ],
        ),
        (
            "sekisho-admin-cli",
            &[
                "sekisho-radius-protocol",
                "sekisho-settings",
                "sekisho-store-embedded",
                "sekisho-texts",
                "sekisho-verifier",
                "sekisho-verifier-socket",
            ],
        ),
    ];
    for (name, allowed) in table {
        let direct = workspace.direct(name);
        let of_ours: BTreeSet<&str> = direct.intersection(&ours).copied().collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let surplus: Vec<_> = of_ours.difference(&allowed).collect();
        assert!(surplus.is_empty(), "{name} depends on {surplus:?}");
    }
}

#[test]
fn whoever_parses_packets_from_the_network_can_open_no_seed() {
    let all = linked("sekisho-radius-server");
    for forbidden in ["sekisho-verifier", "sekisho-store-embedded", "sled"] {
        assert!(!all.contains(forbidden), "{forbidden}");
    }
    // Nor run what others wrote for PAM, which judges passwords in a process of its own.
    for forbidden in ["nonstick", "libpam-sys", "pam-bindings"] {
        assert!(!all.contains(forbidden), "{forbidden}");
    }
    assert!(linked("sekisho-password-daemon").contains("libpam-sys"));
}

#[test]
fn r43_pam_object_needs_libc_libpam_and_libgcc_only() {
    let mut readelf = Command::new("readelf");
    readelf
        .arg("--dynamic")
        .arg("--wide")
        .arg(programs::pam_module());
    let done = process::run(&mut readelf, b"", LIMIT).expect_success();
    let needed: BTreeSet<&str> = done
        .stdout
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    // The loader is where glibc keeps what thread-local storage needs.
    let loader = |name: &&str| name.starts_with("ld-linux");
    let others: Vec<_> = needed
        .iter()
        .filter(|name| !loader(name))
        .filter(|name| !["libc.so.6", "libpam.so.0", "libgcc_s.so.1"].contains(*name))
        .collect();
    assert!(
        others.is_empty() && needed.contains("libpam.so.0"),
        "{needed:?}"
    );
}

#[test]
fn r43_pam_object_exports_pams_functions_only() {
    let mut readelf = Command::new("readelf");
    readelf
        .args(["--dyn-syms", "--wide"])
        .arg(programs::pam_module());
    let done = process::run(&mut readelf, b"", LIMIT).expect_success();
    let exported: BTreeSet<&str> = done
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.len() >= 8 && columns[4] != "LOCAL" && columns[6] != "UND")
        .map(|columns| columns[7])
        .filter(|name| *name != "Name")
        .collect();
    let stray: Vec<_> = exported
        .iter()
        .filter(|name| !name.starts_with("pam_sm_"))
        .collect();
    assert!(stray.is_empty(), "{stray:?}");
    assert!(exported.contains("pam_sm_authenticate"), "{exported:?}");
}

#[test]
fn pam_module_brings_no_runtime_no_tls_and_no_global_logger() {
    let all = linked("sekisho-pam-module");
    for forbidden in [
        "tokio",
        "mio",
        "openssl-sys",
        "rustls",
        "ring",
        "log",
        "tracing",
        "serde",
        "clap",
        "sled",
    ] {
        assert!(!all.contains(forbidden), "{forbidden}: {all:?}");
    }
}

#[test]
fn panics_unwind_so_that_the_pam_module_can_turn_them_into_denials() {
    let manifest = include_str!("../../Cargo.toml");
    let profiles = manifest.split("[profile.").skip(1);
    for profile in profiles {
        assert!(!profile.contains("panic = \"abort\""), "[profile.{profile}");
    }
}

#[test]
fn unsafe_code_is_forbidden_but_in_the_pam_modules_ffi() {
    let workspace = Workspace::read();
    for package in workspace
        .packages()
        .filter(|package| package["source"].is_null())
    {
        let path = package["manifest_path"].as_str().expect("a path");
        let manifest = std::fs::read_to_string(path).expect("a manifest");
        let forbids = manifest.contains("[lints]\nworkspace = true");
        let is_pam = package["name"] == "sekisho-pam-module";
        assert!(
            forbids || is_pam && manifest.contains("unsafe_code = \"deny\""),
            "{path}"
        );
    }
    assert!(include_str!("../../Cargo.toml").contains("unsafe_code = \"forbid\""));
}
