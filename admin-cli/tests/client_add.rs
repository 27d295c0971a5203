//! `client add`: the lines for the settings are good, new each time, and written whole or not at all.

mod harness;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use harness::{run, sekisho};
use sekisho_settings::{Client, FirstFactor, MessageAuthenticator, Method, Mode, Settings};
use serde_json::Value;

const GATEWAYS: [&str; 8] = [
    "fortigate",
    "strongswan",
    "ocserv",
    "openvpn",
    "mikrotik",
    "cisco",
    "pfsense",
    "generic",
];
const BEFORE: &str = "# Ours.\n[limits]\nwrong-codes = 5";

/// Gives the exit code and what was printed.
fn add(settings: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = sekisho();
    command
        .arg("--settings")
        .arg(settings)
        .args(["client", "add"]);
    let done = run(command.args(arguments), "");
    let printed = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8(printed).expect("UTF-8"),
    )
}

fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sekisho.toml");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
    (folder, path)
}

fn clients(path: &Path) -> Vec<Client> {
    let settings = Settings::load(path).expect("good settings");
    assert_eq!(
        settings.limits.wrong_codes.value(),
        5,
        "what was there stays"
    );
    settings
        .radius
        .client
        .into_iter()
        .map(|client| client.into_inner())
        .collect()
}

#[test]
fn every_gateway_can_be_appended_and_then_loads() {
    let (folder, path) = file(BEFORE, 0o640);
    for (number, gateway) in (1..).zip(GATEWAYS) {
        let address = format!("192.0.2.{number}");
        let arguments = [
            gateway,
            "--address",
            &address,
            "--gateway",
            gateway,
            "--write",
        ];
        let (code, printed) = add(&path, &arguments);
        assert_eq!(code, Some(0), "{printed}");
        assert!(
            printed.contains("systemctl restart sekisho-radiusd"),
            "{printed}"
        );
        assert!(printed.contains("SERVER is the address"), "{printed}");
        let clients = clients(&path);
        assert_eq!(clients.len(), number);
        let client = clients.last().expect("one");
        let secret = String::from_utf8(client.secret.expose().to_vec()).expect("letters");
        assert_eq!(secret.len(), 32);
        assert_eq!(
            printed.matches(&secret).count() - 1,
            own_lines(gateway),
            "{printed}"
        );
    }
    let text = fs::read_to_string(&path).expect("read");
    assert!(text.starts_with(BEFORE), "{text}");
    assert_eq!(path.metadata().expect("there").mode() & 0o777, 0o640);
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing is left beside it");
}

/// How often the secret stands in a gateway's own lines.
fn own_lines(gateway: &str) -> usize {
    match gateway {
        "fortigate" | "strongswan" => 2,
        _ => 1,
    }
}

#[test]
fn the_mode_and_the_first_factor_are_as_asked_for() {
    let (_folder, path) = file(BEFORE, 0o600);
    for (name, gateway, mode, methods) in [
        ("a", "strongswan", "challenge", [Method::EapGtc]),
        ("b", "fortigate", "challenge", [Method::Pap]),
        ("c", "strongswan", "code", [Method::EapMsChapV2]),
    ] {
        let address = format!("2001:db8::{name}");
        let mut arguments = vec![name, "--address", &address, "--gateway", gateway];
        arguments.extend(["--mode", mode, "--server", "192.0.2.1", "--write"]);
        if mode == "challenge" {
            arguments.extend(["--first-factor", "stored"]);
        }
        let (code, printed) = add(&path, &arguments);
        assert_eq!(code, Some(0), "{printed}");
        assert!(
            printed.contains("192.0.2.1") && !printed.contains("SERVER"),
            "{printed}"
        );
        let clients = clients(&path);
        let client = clients.last().expect("one");
        assert_eq!(client.methods, methods);
        let challenge = (Mode::Challenge, FirstFactor::Stored);
        let expected = [(Mode::Code, FirstFactor::None), challenge];
        assert_eq!(
            (client.mode, client.first_factor),
            expected[usize::from(mode == "challenge")]
        );
    }
}

#[test]
fn who_may_not_sign_is_told_apart() {
    let (_folder, path) = file(BEFORE, 0o600);
    for (name, gateway, address, word) in [
        ("a", "ocserv", "192.0.2.1", MessageAuthenticator::Auto),
        ("b", "ocserv", "198.51.100.0/24", MessageAuthenticator::Off),
        ("c", "openvpn", "192.0.2.2", MessageAuthenticator::Off),
        ("d", "mikrotik", "192.0.2.3", MessageAuthenticator::Require),
    ] {
        let arguments = [name, "--address", address, "--gateway", gateway, "--write"];
        let (code, printed) = add(&path, &arguments);
        assert_eq!(code, Some(0), "{printed}");
        let clients = clients(&path);
        assert_eq!(clients.last().expect("one").message_authenticator, word);
    }
}

#[test]
fn without_write_nothing_changes() {
    let (_folder, path) = file(BEFORE, 0o600);
    let arguments = ["fw", "--address", "192.0.2.7", "--gateway", "fortigate"];
    let (code, printed) = add(&path, &arguments);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("[[radius.client]]"), "{printed}");
    assert!(printed.contains("set auth-type pap"), "{printed}");
    assert_eq!(fs::read_to_string(&path).expect("read"), BEFORE);
    // Nor is it needed: the lines are printed for whoever may not read it.
    let (code, printed) = add(&path.with_extension("not-there"), &arguments);
    assert_eq!(code, Some(0), "{printed}");
}

#[test]
fn what_does_not_check_is_not_written() {
    let (folder, path) = file(BEFORE, 0o600);
    let arguments = [
        "fw",
        "--address",
        "192.0.2.7",
        "--gateway",
        "generic",
        "--write",
    ];
    assert_eq!(add(&path, &arguments).0, Some(0));
    let before = fs::read_to_string(&path).expect("read");
    let (code, printed) = add(&path, &arguments);
    assert_eq!(code, Some(2), "{printed}");
    assert!(
        printed.contains("a second client is named `fw`"),
        "{printed}"
    );
    assert_eq!(fs::read_to_string(&path).expect("read"), before);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn a_link_to_the_settings_stays_a_link() {
    let (folder, path) = file(BEFORE, 0o600);
    let link = folder.path().join("link.toml");
    symlink(&path, &link).expect("linked");
    let arguments = [
        "fw",
        "--address",
        "192.0.2.7",
        "--gateway",
        "generic",
        "--write",
    ];
    let (code, printed) = add(&link, &arguments);
    assert_eq!(code, Some(0), "{printed}");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(clients(&path).len(), 1);
}

#[test]
fn programs_get_the_pieces() {
    let (_folder, path) = file(BEFORE, 0o600);
    let arguments = [
        "fw",
        "--address",
        "192.0.2.7",
        "--gateway",
        "openvpn",
        "--json",
    ];
    let (code, printed) = add(&path, &arguments);
    assert_eq!(code, Some(0), "{printed}");
    let value: Value = serde_json::from_str(&printed).expect("JSON");
    let text = |key: &str| value[key].as_str().expect(key).to_owned();
    let secret = text("secret");
    assert!(text("settings").contains(&secret) && text("gateway").contains(&secret));
    assert_eq!(
        (text("name").as_str(), &value["written"]),
        ("fw", &Value::Bool(false))
    );
    assert_eq!(text("file"), path.to_str().expect("UTF-8"));
    let (_, second) = add(&path, &arguments);
    assert!(!second.contains(&secret), "each secret is new");
}
