//! Bad settings are refused with file, line and the way out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sekisho_settings::{Code, Network, Prefix, Settings, Source};

const CLIENT: &str = "[[radius.client]]\nname = \"vpn\"\naddress = [\"192.0.2.1\"]\n";

fn refused(text: &str) -> String {
    Settings::parse(Path::new("s.toml"), text)
        .expect_err("must be refused")
        .to_string()
}

fn check(text: &str, line: &str, part: &str) {
    let message = refused(text);
    assert!(message.starts_with(&format!("s.toml{line}: ")), "{message}");
    assert!(message.contains(part), "{message}");
    assert_eq!(message.lines().count(), 2, "{message}");
}

#[test]
fn an_empty_file_is_safe_defaults() {
    let settings = Settings::parse(Path::new("s.toml"), "").expect("defaults");
    assert_eq!(settings.limits.wrong_codes.value(), 10);
    assert_eq!(settings.limits.lock().as_secs(), 1800);
    assert_eq!(settings.limits.failures_in_a_row.value(), 100);
    assert_eq!(settings.radius.reject_delay().as_millis(), 1000);
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    check(
        "[limits]\nwrong-code = 3\n",
        ":2",
        "unknown field `wrong-code`",
    );
    check("[limit]\n", ":1", "unknown field `limit`");
    check("[acceptance]\n\nreusable = true\n", ":3", "unknown field");
}

#[test]
fn r22_zero_negative_and_over_the_bound_are_refused() {
    for (section, key, over) in [
        ("limits", "wrong-codes", 21),
        ("limits", "lock-minutes", 1_441),
        ("limits", "failures-in-a-row", 1_001),
        ("acceptance", "look-ahead", 101),
        ("verifier", "connections", 65_537),
        ("verifier", "connections-per-user", 1_025),
        ("radius", "duplicate-seconds", 31),
        ("radius", "duplicate-entries", 1_048_577),
        ("radius", "receive-buffer-octets", 268_435_457),
        ("radius", "attempts-in-flight", 65_537),
    ] {
        for value in [0, -1, over, i64::MAX, i64::MIN] {
            check(
                &format!("[{section}]\n{key} = {value}\n"),
                ":2",
                "a whole number from",
            );
        }
    }
}

#[test]
fn a_wrong_type_is_refused_with_its_line() {
    check(
        "[limits]\nwrong-codes = \"10\"\n",
        ":2",
        "a whole number from",
    );
    check(
        "[limits]\nwrong-codes = 10.0\n",
        ":2",
        "a whole number from",
    );
    check(
        "[acceptance]\nprofile = \"loose\"\n",
        ":2",
        "unknown variant",
    );
    check(
        "[pam.service.sshd]\ncode = \"sometimes\"\n",
        ":2",
        "unknown variant",
    );
}

#[test]
fn an_empty_secret_is_refused_and_never_shown() {
    check(
        &format!("{CLIENT}secret = \"\"\n"),
        ":4",
        "must not be empty",
    );
    for secret in [
        "\"4711471147114711\" x",
        "4711471147114711",
        "4711.5",
        "-4711",
        "'4711",
        "4711-01-01",
        "[4711]",
        "[\"4711\"]",
        "{ a = 4711 }",
        "0x4711",
        "\"4711\\q\"",
    ] {
        let message = refused(&format!("{CLIENT}secret = {secret}\n"));
        assert!(!message.contains("4711"), "{message}");
    }
}

#[test]
fn clients_must_differ_in_name_and_address() {
    let one = format!("{CLIENT}secret = \"0123456789abcdef\"\n");
    check(
        &format!("{one}{one}"),
        ":5",
        "a second client is named `vpn`",
    );
    let other = one.replace("\"vpn\"", "\"other\"");
    check(&format!("{one}{other}"), ":5", "192.0.2.1/32 belongs to");
    check(&one.replace("\"192.0.2.1\"", ""), ":1", "has no address");
}

#[test]
fn a_prefix_is_an_address_with_zero_bits_behind_it() {
    for text in [
        "192.0.2.0/24",
        "0.0.0.0/0",
        "2001:db8::/32",
        "::1",
        "192.0.2.255",
    ] {
        text.parse::<Prefix>().expect(text);
    }
    for text in [
        "",
        "/",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "2001:db8::1/64",
        "::/129",
        "host",
        "::ffff:192.0.2.1",
        "192.0.2.0/+8",
        "192.0.2.0/",
        " 192.0.2.1",
    ] {
        assert!(text.parse::<Prefix>().is_err(), "{text}");
    }
}

#[test]
fn a_file_that_others_can_read_or_write_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sekisho.toml");
    fs::write(&path, format!("{CLIENT}secret = \"0123456789abcdef\"\n")).expect("write");
    for (mode, fine) in [
        (0o640, true),
        (0o600, true),
        (0o644, false),
        (0o660, false),
        (0o602, false),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        let loaded = Settings::load(&path);
        assert_eq!(loaded.is_ok(), fine, "{mode:o}");
        if let Err(error) = loaded {
            assert!(error.to_string().contains("run: chmod"), "{error}");
        }
    }
}

/// The recipient of age's own README.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

#[test]
fn who_can_read_backups_is_checked() {
    let backup = |list: &str| format!("[backup]\nrecipients = [{list}]\n");
    let good = Settings::parse(Path::new("s.toml"), &backup(&format!("{RECIPIENT:?}")));
    assert_eq!(good.expect("good").backup.recipients[0].as_str(), RECIPIENT);
    let swapped = RECIPIENT.replace("z7hj", "7zhj");
    let upper = RECIPIENT.to_uppercase();
    let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    for wrong in ["", "age1", "hana", &swapped, &upper, identity] {
        check(&backup(&format!("{wrong:?}")), ":2", "a recipient as");
        assert!(wrong.len() < 5 || !refused(&backup(&format!("{wrong:?}"))).contains(wrong));
    }
    let twice = format!("{RECIPIENT:?}, {RECIPIENT:?}");
    check(&backup(&twice), "", "names one twice");
    let many = vec![format!("{RECIPIENT:?}"); 9].join(", ");
    check(&backup(&many), "", "more than 8");
}

#[test]
fn a_master_key_comes_from_one_source_that_is_told_whole() {
    let pkcs11 = "[master-key]\nsource = \"pkcs11\"\n[master-key.pkcs11]\n";
    let whole = "module = \"/m.so\"\ntoken = \"t\"\n";
    for (text, part) in [
        (
            "[master-key]\nsource = \"tpm\"\n".to_owned(),
            "unknown variant",
        ),
        (
            "[master-key]\nsource = \"pkcs11\"\n".to_owned(),
            "no table of it",
        ),
        (
            "[master-key]\nsource = \"credential\"\nfile = \"/k\"\n".to_owned(),
            "the source is `credential`",
        ),
        (
            "[master-key]\ncredential = \"k\"\n".to_owned(),
            "the source is `file`",
        ),
        (
            format!("[master-key.pkcs11]\n{whole}pin-file = \"/p\"\n"),
            "the source is `file`",
        ),
        (
            "[master-key]\nfile = \"k\"\n".to_owned(),
            "not an absolute path",
        ),
        (format!("{pkcs11}token = \"t\"\n"), "missing field `module`"),
        (
            format!("{pkcs11}module = \"/m.so\"\n"),
            "missing field `token`",
        ),
        (format!("{pkcs11}{whole}"), "the PIN from one place"),
        (
            format!("{pkcs11}{whole}pin-file = \"/p\"\npin-credential = \"p\"\n"),
            "the PIN from one place",
        ),
        (
            format!("{pkcs11}{whole}pin-file = \"p\"\n"),
            "pin-file is not an absolute path",
        ),
        (
            format!("{pkcs11}{whole}pin-file = \"/p\"\nlabel = \"a b\"\n"),
            "label is not usable",
        ),
        (
            format!("{pkcs11}module = \"/m\"\ntoken = \"\"\npin-file = \"/p\"\n"),
            "no label of a token",
        ),
    ] {
        let message = refused(&text);
        assert!(message.contains(part), "{text}: {message}");
        assert_eq!(message.lines().count(), 2, "{message}");
    }
    for name in ["", "../k", "a/b", ".k", "a b", &"k".repeat(256)] {
        let text = format!("[master-key]\nsource = \"credential\"\ncredential = \"{name}\"\n");
        assert!(refused(&text).contains("no name of a credential"), "{name}");
    }
}

#[test]
fn each_source_of_the_master_key_can_be_written() {
    for (text, source) in [
        ("", Source::File),
        ("[master-key]\nfile = \"/etc/k\"\n", Source::File),
        (
            "[master-key]\nsource = \"credential\"\n",
            Source::Credential,
        ),
        (
            "[master-key]\nsource = \"pkcs11\"\n[master-key.pkcs11]\nmodule = \"/m.so\"\n\
             token = \"t\"\npin-credential = \"sekisho-pin\"\n",
            Source::Pkcs11,
        ),
    ] {
        let settings = Settings::parse(Path::new("s.toml"), text).expect("good settings");
        assert_eq!(settings.master_key.source, source);
    }
}

/// Services with rules, and what else `[pam]` says.
const PAM: &str = "[pam]\ngrace-until = \"2026-12-31\"\nsecond-use-seconds = 30\n\
                   second-use-services = [\"sudo\"]\n\
                   [pam.service.sshd]\ncode = \"account-choice\"\n\
                   [[pam.service.sshd.rule]]\ngroups = [\"staff\", \"Branch-012\"]\n\
                   networks = [\"local\", \"192.0.2.0/24\"]\ncode = \"never\"\n";

#[test]
fn a_policy_can_be_written_with_all_that_it_has() {
    let settings = Settings::parse(Path::new("s.toml"), PAM).expect("good settings");
    let pam = settings.pam;
    assert_eq!(pam.second_use().map(|time| time.as_secs()), Some(30));
    // The first moment of the new year.
    let until = pam.grace_until.expect("a day").end_ms;
    assert_eq!(until, 1_798_761_600_000);
    let rule = &pam.service["sshd"].rule[0];
    assert_eq!(rule.groups, ["staff", "Branch-012"]);
    assert_eq!(rule.networks[0], Network::Local);
    assert_eq!(rule.code, Code::Never);
}

#[test]
fn a_policy_that_says_something_else_than_was_meant_is_refused() {
    let rule = |keys: &str| {
        format!("[pam.service.sshd]\ncode = \"always\"\n[[pam.service.sshd.rule]]\n{keys}")
    };
    let service = |name: &str| format!("[pam.service.{name:?}]\ncode = \"never\"\n");
    let line = "pam.service.sshd.rule[1]";
    for (text, part) in [
        (
            rule("code = \"never\"\n"),
            format!("{line} has no condition"),
        ),
        (
            rule("groups = []\ncode = \"never\"\n"),
            format!("{line} has no condition"),
        ),
        (
            rule("groups = [\"a b\"]\ncode = \"never\"\n"),
            "no group of an account".into(),
        ),
        (
            rule("groups = [\"-a\"]\ncode = \"never\"\n"),
            "no group of an account".into(),
        ),
        (
            rule("groups = [\"\"]\ncode = \"never\"\n"),
            "no group of an account".into(),
        ),
        (
            rule("groups = [\"a\", \"a\"]\ncode = \"never\"\n"),
            "groups twice".into(),
        ),
        (
            rule("networks = [\"local\", \"local\"]\ncode = \"never\"\n"),
            "networks twice".into(),
        ),
        (
            rule("networks = [\"branch\"]\ncode = \"never\"\n"),
            "no address like".into(),
        ),
        (
            rule("networks = [\"192.0.2.7/24\"]\ncode = \"never\"\n"),
            "bits set behind".into(),
        ),
        (
            rule("networks = [\"local\"]\n"),
            "missing field `code`".into(),
        ),
        (
            rule("user = \"root\"\ncode = \"never\"\n"),
            "unknown field `user`".into(),
        ),
        (service("SSHD"), "no name of a PAM service".into()),
        (service("../login"), "no name of a PAM service".into()),
        (service(""), "no name of a PAM service".into()),
        (service(&"s".repeat(65)), "no name of a PAM service".into()),
    ] {
        let message = refused(&text);
        assert!(message.contains(&part), "{text}: {message}");
        assert_eq!(message.lines().count(), 2, "{message}");
    }
    let many: Vec<_> = (0..65).map(|n| format!("\"g{n}\"")).collect();
    let many = format!("groups = [{}]\ncode = \"never\"\n", many.join(", "));
    assert!(refused(&rule(&many)).contains("more than 64 groups"));
    let rules = "[[pam.service.sshd.rule]]\nnetworks = [\"local\"]\ncode = \"never\"\n".repeat(64);
    assert!(
        refused(&(rule("networks = [\"::1\"]\ncode = \"never\"\n") + &rules))
            .contains("more than 64 rules")
    );
    let services: String = (0..257).map(|n| service(&format!("s{n}"))).collect();
    assert!(refused(&services).contains("more than 256 services"));
}

#[test]
fn a_second_use_is_for_named_services_and_a_time() {
    for (keys, part) in [
        ("second-use-seconds = 30\n", "no service may use it"),
        ("second-use-services = [\"sudo\"]\n", "not for how long"),
        (
            "second-use-seconds = 30\nsecond-use-services = [\"sudo\", \"sudo\"]\n",
            "names `sudo` twice",
        ),
        (
            "second-use-seconds = 30\nsecond-use-services = [\"Sudo\"]\n",
            "no name of a PAM service",
        ),
        ("second-use-seconds = 0\n", "a whole number from 1 to 300"),
        ("second-use-seconds = 301\n", "a whole number from 1 to 300"),
        ("grace-until = \"2026-02-29\"\n", "a day is written as"),
        ("grace-until = \"2026-2-9\"\n", "a day is written as"),
        ("grace-until = \"26-02-09\"\n", "a day is written as"),
        ("grace-until = \"9999-01-01\"\n", "a day is written as"),
        ("grace-until = 2026-12-31\n", "invalid type"),
    ] {
        let message = refused(&format!("[pam]\n{keys}"));
        assert!(message.contains(part), "{keys}: {message}");
    }
}

#[test]
fn what_takes_two_people_is_named_once_and_known() {
    let operations = |list: &str| format!("[approval]\noperations = [{list}]\n");
    let default = Settings::parse(Path::new("s.toml"), "").expect("defaults");
    assert_eq!(default.approval.operations.len(), 5);
    let none = Settings::parse(Path::new("s.toml"), &operations("")).expect("none");
    assert!(none.approval.operations.is_empty());
    check(&operations("\"lost\""), ":2", "unknown variant");
    check(&operations("\"backup\", \"backup\""), "", "names one twice");
    check("[language]\ndefault = \"de\"\n", ":2", "unknown variant");
}
