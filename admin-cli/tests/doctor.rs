//! `sekisho doctor --root`: a good set-up, and the same with one thing wrong, again and again.

mod harness;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::{run, sekisho};
use serde_json::Value;
use tempfile::TempDir;

/// `doctor` found something.
const FOUND: i32 = 10;
/// It found nothing, but could not look at everything.
const NOT_ALL_SEEN: i32 = 12;

const COMMON_AUTH: &str = "\
auth\t[success=1 default=ignore]\tpam_unix.so nullok
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
";
const COMMON_ACCOUNT: &str = "\
account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so
account\trequisite\t\t\tpam_deny.so
account\trequired\t\t\tpam_permit.so
";
const COMMON_SESSION: &str = "session\trequired\tpam_unix.so\n";
const COMMON_PASSWORD: &str = "password\trequired\tpam_unix.so yescrypt\n";
const SSHD: &str = "\
Include /etc/ssh/sshd_config.d/*.conf
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods keyboard-interactive
";
const SETTINGS: &str = "\
[pam.service.sshd]
code = \"always\"

[pam.service.sudo]
code = \"always\"

[backup]
recipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]

[[radius.client]]
name = \"branch-012\"
address = [\"192.0.2.7\"]
secret = \"a-secret-that-is-long-enough-012\"

[[radius.client]]
name = \"branch-013\"
address = [\"192.0.2.8\"]
secret = \"another-one-that-is-long-enough-013\"
";
const MODULES: &str = "pam_deny.so pam_limits.so pam_loginuid.so pam_nologin.so pam_permit.so pam_rootok.so pam_unix.so";

/// An image of a machine.
struct Tree {
    folder: TempDir,
    /// Keeps the socket there.
    _listener: UnixListener,
}

impl Tree {
    /// As the guide says that it should be.
    fn good() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        fs::set_permissions(at, Permissions::from_mode(0o755)).expect("ours");
        for made in [
            "etc/pam.d",
            "etc/ssh/sshd_config.d",
            "etc/sekisho",
            "usr/lib/x86_64-linux-gnu/security",
            "run/sekisho",
            "var/lib/sekisho",
        ] {
            fs::create_dir_all(at.join(made)).expect("made");
        }
        symlink("/usr/lib", at.join("lib")).expect("a link");
        let uid = fs::metadata(at).expect("there").uid();
        let listener = UnixListener::bind(at.join("run/sekisho/verifier.sock")).expect("bound");
        let tree = Self {
            folder,
            _listener: listener,
        };
        tree.mode("run/sekisho/verifier.sock", 0o666);
        tree.mode("var/lib/sekisho", 0o700);
        tree.services();
        tree.modules();
        tree.write("etc/ssh/sshd_config", SSHD);
        let users = format!("root:x:0:0::/root:/bin/sh\nsekisho:x:{uid}:990::/:/bin/false\n");
        tree.write(
            "etc/passwd",
            &(users + "sekisho-radius:x:991:991::/:/bin/false\n"),
        );
        tree.write(
            "etc/group",
            "root:x:0:\nsekisho-admin:x:980:hana,kenji\nsekisho-help-desk:x:981:yuki\n\
             sekisho-auditor:x:982:rin\n",
        );
        tree.write("etc/sekisho/sekisho.toml", SETTINGS);
        tree.mode("etc/sekisho/sekisho.toml", 0o640);
        tree.write("var/lib/sekisho/master.key", "no key\n");
        tree.mode("var/lib/sekisho/master.key", 0o400);
        tree
    }

    fn services(&self) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/pam.d");
        for entry in fs::read_dir(examples).expect("examples") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            let text = fs::read_to_string(entry.path()).expect("an example");
            self.write(&format!("etc/pam.d/{name}"), &text);
        }
        for (name, text) in [
            ("common-auth", COMMON_AUTH),
            ("common-account", COMMON_ACCOUNT),
            ("common-session", COMMON_SESSION),
            ("common-session-noninteractive", COMMON_SESSION),
            ("common-password", COMMON_PASSWORD),
            ("other", "@include common-auth\n@include common-account\n"),
        ] {
            self.write(&format!("etc/pam.d/{name}"), text);
        }
    }

    /// Ours is another module under its name: doctor looks at what it is made of, and runs nothing.
    fn modules(&self) {
        for name in MODULES.split(' ') {
            self.write(&Self::module(name), "");
        }
        let at = self.at(&Self::module("pam_sekisho.so"));
        fs::copy(some_module(), &at).expect("copied");
        fs::set_permissions(at, Permissions::from_mode(0o644)).expect("ours");
    }

    fn module(name: &str) -> String {
        format!("usr/lib/x86_64-linux-gnu/security/{name}")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).expect("written");
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), Permissions::from_mode(mode)).expect("ours");
    }

    /// Replaces what is there once.
    fn change(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.at(path)).expect("there");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
        let mode = fs::metadata(self.at(path)).expect("there").mode();
        fs::write(self.at(path), text.replace(from, to)).expect("written");
        self.mode(path, mode & 0o7777);
    }

    fn doctor(&self, more: &[&str]) -> Output {
        let mut command = sekisho();
        command
            .args(["doctor", "--root"])
            .arg(self.folder.path())
            .args(more);
        run(&mut command, "")
    }

    fn findings(&self) -> (i32, Vec<Value>) {
        let done = self.doctor(&["--json"]);
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        let report: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|error| panic!("{error}: {errors}"));
        assert_eq!(
            report["not_looked_at"],
            Value::Array(Vec::new()),
            "{report:#}"
        );
        let findings = report["findings"].as_array().expect("an array").clone();
        (done.status.code().expect("no signal"), findings)
    }
}

/// A module of this machine, linked as one should be.
fn some_module() -> PathBuf {
    let folders = ["/lib", "/usr/lib"].into_iter().flat_map(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().join("security/pam_permit.so"))
    });
    let rest = [
        "/lib64/security/pam_permit.so",
        "/lib/security/pam_permit.so",
    ];
    let mut all = folders.chain(rest.map(PathBuf::from));
    all.find(|path| path.is_file())
        .expect("Linux-PAM is installed")
}

/// Whether the command that is told mends it, as far as a command alone can.
#[derive(Clone, Copy, PartialEq)]
enum Mend {
    Works,
    /// An editor, a name to choose, a daemon to start.
    ByHand,
}
use Mend::{ByHand, Works};

type Plant = (&'static str, Mend, fn(&Tree));

const CLIENT: &str = "secret = \"a-secret-that-is-long-enough-012\"";
const ASKS: &str = "auth       requisite    pam_sekisho.so\n";

/// One thing wrong, and the id by which it is found. Nothing else is found then.
const PLANTED: &[Plant] = &[
    // sshd
    ("sshd-keyboard-interactive-off", Works, |tree| {
        tree.write(
            "etc/ssh/sshd_config.d/50-redhat.conf",
            "KbdInteractiveAuthentication no\n",
        );
    }),
    ("sshd-no-pam", Works, |tree| {
        tree.change("etc/ssh/sshd_config", "UsePAM yes\n", "")
    }),
    ("sshd-keys-alone", Works, |tree| {
        tree.change(
            "etc/ssh/sshd_config",
            "AuthenticationMethods keyboard-interactive\n",
            "",
        );
    }),
    ("sshd-methods-skip-code", Works, |tree| {
        let text = SSHD.to_owned() + "Match User backup\n  AuthenticationMethods publickey\n";
        tree.write("etc/ssh/sshd_config", &text);
    }),
    ("sshd-password-method", Works, |tree| {
        tree.change("etc/ssh/sshd_config", "PasswordAuthentication no\n", "");
        tree.change(
            "etc/ssh/sshd_config",
            "AuthenticationMethods keyboard-interactive\n",
            "AuthenticationMethods keyboard-interactive password\n",
        );
    }),
    ("sshd-root-login", Works, |tree| {
        tree.write(
            "etc/ssh/sshd_config",
            &(SSHD.to_owned() + "PermitRootLogin yes\n"),
        );
    }),
    // Stacks
    ("pam-skipped", Works, |tree| {
        let text = format!("auth sufficient pam_unix.so\n{ASKS}auth required pam_deny.so\n");
        tree.write("etc/pam.d/sudo", &text);
    }),
    ("pam-skipped", Works, |tree| {
        // As on RHEL, with include in the place of substack.
        tree.write(
            "etc/pam.d/password-auth",
            "auth sufficient pam_unix.so\nauth required pam_deny.so\n",
        );
        tree.write(
            "etc/pam.d/sudo",
            &format!("auth include password-auth\n{ASKS}"),
        );
    }),
    ("pam-skipped", Works, |tree| {
        // One line too many is jumped over.
        tree.write(
            "etc/pam.d/sudo",
            "auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n\
             auth requisite pam_sekisho.so\nauth required pam_permit.so\n",
        );
    }),
    ("pam-ignored", Works, |tree| {
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth optional pam_sekisho.so\n",
        );
    }),
    ("pam-ignored", Works, |tree| {
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth [success=ok default=ignore] pam_sekisho.so retry=2\n",
        );
    }),
    ("pam-reset", Works, |tree| {
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth required pam_sekisho.so\n\
             auth [success=ok default=reset] pam_limits.so\nauth required pam_permit.so\n",
        );
    }),
    ("pam-exempted", Works, |tree| {
        tree.write(&Tree::module("pam_succeed_if.so"), "");
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth sufficient pam_succeed_if.so user ingroup staff\n\
             auth requisite pam_sekisho.so\n",
        );
    }),
    ("pam-not-asked", Works, |tree| {
        tree.write("etc/pam.d/sudo", "@include common-auth\n")
    }),
    ("pam-default-not-asked", Works, |tree| {
        tree.write(
            "etc/pam.d/cockpit",
            "@include common-auth\n@include common-account\n",
        );
    }),
    ("pam-no-account", Works, |tree| {
        tree.write(
            "etc/pam.d/sshd",
            &format!("@include common-auth\n{ASKS}@include common-account\n"),
        );
    }),
    ("pam-account-skipped", ByHand, |tree| {
        tree.write(
            "etc/pam.d/sshd",
            &format!(
                "@include common-auth\n{ASKS}account sufficient pam_unix.so\n\
                      account requisite pam_sekisho.so\n"
            ),
        );
    }),
    ("pam-skipped", Works, |tree| {
        // sshd is root whoever logs in.
        let text = fs::read_to_string(tree.at("etc/pam.d/sshd")).expect("there");
        tree.write(
            "etc/pam.d/sshd",
            &format!("auth sufficient pam_rootok.so\n{text}"),
        );
    }),
    ("pam-default-not-asked", ByHand, |tree| {
        tree.write(
            "etc/pam.d/gdm-autologin",
            "auth required pam_permit.so\n@include common-account\n",
        );
    }),
    ("pam-others-not-asked", ByHand, |tree| {
        tree.write(
            "etc/pam.d/branch-kiosk",
            "@include common-auth\n@include common-account\n",
        );
    }),
    ("pam-password-skipped", ByHand, |tree| {
        let lines = "password optional pam_sekisho.so\npassword required pam_permit.so\n";
        let text = fs::read_to_string(tree.at("etc/pam.d/login")).expect("there");
        let kept = text
            .lines()
            .filter(|line| !line.starts_with("password") && *line != "@include common-password");
        tree.write(
            "etc/pam.d/login",
            &(kept.collect::<Vec<_>>().join("\n") + "\n" + lines),
        );
    }),
    ("pam-code-alone", ByHand, |tree| {
        tree.write("etc/pam.d/sudo", ASKS)
    }),
    ("pam-option", ByHand, |tree| {
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth requisite pam_sekisho.so nullok\n",
        );
    }),
    ("pam-include", ByHand, |tree| {
        let text = fs::read_to_string(tree.at("etc/pam.d/sudo")).expect("there");
        tree.write("etc/pam.d/sudo", &(text + "@include common-nothing\n"));
    }),
    ("pam-line", ByHand, |tree| {
        let text = fs::read_to_string(tree.at("etc/pam.d/sudo")).expect("there");
        tree.write("etc/pam.d/sudo", &(text + "auth sufficent pam_unix.so\n"));
    }),
    ("pam-socket-differs", ByHand, |tree| {
        tree.write(
            "etc/pam.d/sudo",
            "@include common-auth\nauth requisite pam_sekisho.so socket=/tmp/verifier.sock\n",
        );
    }),
    ("pam-service-unknown", ByHand, |tree| {
        tree.change(
            "etc/sekisho/sekisho.toml",
            "[pam.service.sudo]",
            "[pam.service.sudoo]",
        );
    }),
    ("pam-other-open", Works, |tree| {
        tree.write("etc/pam.d/other", "auth required pam_permit.so\n")
    }),
    // Modules
    ("module-missing", ByHand, |tree| {
        fs::remove_file(tree.at(&Tree::module("pam_sekisho.so"))).expect("there");
    }),
    ("module-other-missing", ByHand, |tree| {
        fs::remove_file(tree.at(&Tree::module("pam_nologin.so"))).expect("there");
    }),
    ("module-writable", Works, |tree| {
        tree.mode(&Tree::module("pam_sekisho.so"), 0o664)
    }),
    ("module-foreign", ByHand, |tree| {
        tree.write(
            &Tree::module("pam_sekisho.so"),
            "<html>404 Not Found</html>\n",
        );
    }),
    ("module-foreign", ByHand, |tree| {
        // Another machine's: the number behind the type.
        let at = tree.at(&Tree::module("pam_sekisho.so"));
        let mut octets = fs::read(&at).expect("there");
        octets[18] ^= 0xff;
        fs::write(at, octets).expect("written");
    }),
    ("module-linked", ByHand, |tree| {
        let at = tree.at(&Tree::module("pam_sekisho.so"));
        let mut octets = fs::read(&at).expect("there");
        let name = b"libpam.so.0";
        let found = octets.windows(name.len()).position(|window| window == name);
        octets[found.expect("it asks for it")] = b'x';
        fs::write(at, octets).expect("written");
    }),
    // Files
    ("settings-missing", ByHand, |tree| {
        fs::remove_file(tree.at("etc/sekisho/sekisho.toml")).expect("there");
    }),
    ("settings-refused", ByHand, |tree| {
        tree.change("etc/sekisho/sekisho.toml", "[backup]", "[bakcup]");
    }),
    ("settings-readable", Works, |tree| {
        tree.mode("etc/sekisho/sekisho.toml", 0o644)
    }),
    ("settings-writable", Works, |tree| {
        tree.mode("etc/sekisho/sekisho.toml", 0o660)
    }),
    ("socket-missing", ByHand, |tree| {
        fs::remove_file(tree.at("run/sekisho/verifier.sock")).expect("there");
    }),
    ("socket-folder-writable", Works, |tree| {
        tree.mode("run/sekisho", 0o775)
    }),
    ("socket-mode", Works, |tree| {
        tree.mode("run/sekisho/verifier.sock", 0o660)
    }),
    ("data-missing", ByHand, |tree| {
        fs::remove_dir_all(tree.at("var/lib/sekisho")).expect("there");
    }),
    ("data-mode", Works, |tree| {
        tree.mode("var/lib/sekisho", 0o750)
    }),
    ("master-key-mode", Works, |tree| {
        tree.mode("var/lib/sekisho/master.key", 0o440)
    }),
    ("master-key-missing", ByHand, |tree| {
        fs::remove_file(tree.at("var/lib/sekisho/master.key")).expect("there");
    }),
    ("user-missing", ByHand, |tree| {
        tree.change("etc/passwd", "sekisho-radius:", "sekisho-radios:");
    }),
    // RADIUS
    ("radius-secret-short", ByHand, |tree| {
        tree.change("etc/sekisho/sekisho.toml", CLIENT, "secret = \"short\"");
    }),
    ("radius-secret-shared", ByHand, |tree| {
        tree.change(
            "etc/sekisho/sekisho.toml",
            CLIENT,
            "secret = \"another-one-that-is-long-enough-013\"",
        );
    }),
    ("radius-message-authenticator-off", ByHand, |tree| {
        tree.change(
            "etc/sekisho/sekisho.toml",
            CLIENT,
            &format!("{CLIENT}\nmessage-authenticator = \"off\""),
        );
    }),
    // People
    ("group-missing", ByHand, |tree| {
        tree.change("etc/group", "sekisho-auditor:x:982:rin\n", "");
    }),
    ("group-empty", ByHand, |tree| {
        tree.change("etc/group", "982:rin", "982:")
    }),
    ("approval-one-person", ByHand, |tree| {
        tree.change("etc/group", "hana,kenji", "root")
    }),
    ("backup-no-recipients", ByHand, |tree| {
        let text = SETTINGS
            .lines()
            .filter(|line| !line.starts_with("recipients"));
        tree.write(
            "etc/sekisho/sekisho.toml",
            &text.collect::<Vec<_>>().join("\n"),
        );
    }),
    ("grace-over", ByHand, |tree| {
        let text = format!("{SETTINGS}\n[pam]\ngrace-until = \"2020-01-31\"\n");
        tree.write("etc/sekisho/sekisho.toml", &text);
    }),
];

#[test]
fn nothing_is_found_in_a_good_set_up() {
    let (code, findings) = Tree::good().findings();
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(code, 0);
}

#[test]
fn every_planted_mistake_is_found_by_its_id_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for (number, (id, _, plant)) in PLANTED.iter().enumerate() {
        let tree = Tree::good();
        plant(&tree);
        let (code, findings) = tree.findings();
        let ids: BTreeSet<&str> = findings.iter().filter_map(|f| f["id"].as_str()).collect();
        if ids != BTreeSet::from([*id]) || code != FOUND {
            wrong.push(format!("{number} {id}: exit {code}, {findings:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ids: BTreeSet<&str> = PLANTED.iter().map(|(id, ..)| *id).collect();
    assert!(ids.len() >= 40, "only {}", ids.len());
}

#[test]
fn the_command_that_is_told_mends_it() {
    let mut wrong = Vec::new();
    for (id, _, plant) in PLANTED.iter().filter(|(_, mend, _)| *mend == Works) {
        let tree = Tree::good();
        plant(&tree);
        let mut told = Vec::new();
        // One after the other, as an admin would.
        while let Some(finding) = tree.findings().1.first() {
            let mend = finding["mend"].as_str().expect("a command").to_owned();
            assert!(!mend.starts_with("editor"), "{id}: {finding:#}");
            let done = Command::new("sh")
                .args(["-c", &mend])
                .output()
                .expect("a shell");
            told.push(format!("{mend}: {}", String::from_utf8_lossy(&done.stderr)));
            if told.len() > 3 {
                wrong.push(format!("{id}: {told:#?}"));
                break;
            }
        }
        assert!(!told.is_empty(), "{id} was not found");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Needs root, as the machines do on which it matters.
#[test]
fn files_of_strangers_are_found() {
    let tree = Tree::good();
    let at = tree.at(&Tree::module("pam_sekisho.so"));
    if chown(&at, Some(12_345), None).is_err() {
        return;
    }
    let (_, findings) = tree.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["id"], "module-owner");
    let tree = Tree::good();
    chown(tree.at("var/lib/sekisho/master.key"), Some(12_345), None).expect("root");
    let (_, findings) = tree.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["id"], "data-owner");
    let tree = Tree::good();
    chown(tree.at("run/sekisho/verifier.sock"), Some(12_345), None).expect("root");
    let (_, findings) = tree.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["id"], "socket-owner");
}

#[test]
fn a_jump_that_is_too_long_is_told_to_end_at_the_code() {
    let tree = Tree::good();
    let text = "auth [success=3 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n\
                auth required pam_permit.so\nauth requisite pam_sekisho.so\nauth required pam_permit.so\n";
    tree.write("etc/pam.d/sudo", text);
    let (_, findings) = tree.findings();
    let mend = findings[0]["mend"].as_str().expect("a command");
    assert!(
        mend.contains("1c\\auth  [success=2 default=ignore]  pam_unix.so"),
        "{mend}"
    );
}

#[test]
fn what_is_included_by_its_path_is_no_service_of_its_own() {
    let tree = Tree::good();
    tree.write("etc/pam.d/one-time-code", "auth requisite pam_sekisho.so\n");
    let include = format!("@include {}\n", "/etc/pam.d/one-time-code");
    tree.write(
        "etc/pam.d/sudo",
        &format!("@include common-auth\n{include}"),
    );
    let (code, findings) = tree.findings();
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(code, 0);
}

#[test]
fn every_mistake_that_one_line_makes_is_told_once_with_all_its_services() {
    let tree = Tree::good();
    // pam-auth-update with a profile that is written wrongly: every service has it.
    tree.write(
        "etc/pam.d/common-auth",
        &format!("{COMMON_AUTH}auth optional pam_sekisho.so\n"),
    );
    for (name, rest) in [
        ("sudo", ""),
        ("su", ""),
        ("login", "account requisite pam_sekisho.so\n"),
    ] {
        tree.write(
            &format!("etc/pam.d/{name}"),
            &format!("@include common-auth\n{rest}"),
        );
    }
    let (_, findings) = tree.findings();
    let ignored: Vec<&Value> = findings
        .iter()
        .filter(|f| f["id"] == "pam-ignored")
        .collect();
    assert_eq!(ignored.len(), 1, "{findings:#?}");
    let what = ignored[0]["what"].as_str().expect("a text");
    for service in ["login", "su", "sudo"] {
        assert!(what.contains(service), "{what}");
    }
    assert_eq!(ignored[0]["line"], 4);
    assert!(
        ignored[0]["file"]
            .as_str()
            .expect("a path")
            .ends_with("etc/pam.d/common-auth")
    );
}

#[test]
fn people_read_the_worst_first_in_their_language_and_programs_english() {
    let tree = Tree::good();
    tree.write("etc/pam.d/sudo", "@include common-auth\n");
    tree.change("etc/group", "982:rin", "982:");
    tree.mode("etc/sekisho/sekisho.toml", 0o644);
    let text = |more: &[&str]| String::from_utf8(tree.doctor(more).stdout).expect("UTF-8");
    let english = text(&[]);
    let ids: Vec<&str> = english
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(' '))
        .collect();
    assert_eq!(
        ids,
        [
            "error: settings-readable",
            "error: pam-not-asked",
            "note: group-empty",
            "2 errors, 0 warnings, 1 note",
        ],
        "{english}"
    );
    let japanese = text(&["--language", "ja"]);
    assert!(
        japanese.ends_with("エラー2件、警告0件、注意1件\n"),
        "{japanese}"
    );
    assert_eq!(text(&["--json"]), text(&["--json", "--language", "ja"]));
}

#[test]
fn what_can_not_be_looked_at_is_said() {
    let tree = Tree::good();
    fs::remove_dir_all(tree.at("etc/pam.d")).expect("there");
    let done = tree.doctor(&[]);
    let text = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(text.contains("Not looked at\n* the PAM services"), "{text}");
    // A file that was not read is not one without lines.
    let tree = Tree::good();
    fs::remove_file(tree.at("etc/ssh/sshd_config")).expect("there");
    fs::create_dir(tree.at("etc/ssh/sshd_config")).expect("made");
    let done = tree.doctor(&["--json"]);
    assert_eq!(done.status.code(), Some(NOT_ALL_SEEN));
    let report: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(report["findings"], Value::Array(Vec::new()), "{report:#}");
    assert!(
        report["not_looked_at"][0]
            .as_str()
            .is_some_and(|text| text.contains("sshd_config"))
    );
    let empty = tempfile::tempdir().expect("a folder");
    let mut command = sekisho();
    let done = run(
        command
            .args(["doctor", "--root"])
            .arg(empty.path().join("none")),
        "",
    );
    assert_eq!(done.status.code(), Some(1));
}
