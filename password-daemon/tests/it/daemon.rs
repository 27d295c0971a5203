//! The daemon in a view of the file system where `/etc/pam.d` and the user tables are ours.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sekisho_verifier_socket::password::{Judged, Question};

/// The password of everybody in the tables.
pub(crate) const PASSWORD: &str = "correct horse";
/// Its hash, as crypt(3) writes it with a fixed salt.
const HASH: &str = "$6$sekishotests$/04ASXFMPDhkni43jOgjdwfqu9Va.pN6g1PtH4e2JK8AOfh6/sCUFwH8ejXqd.5mdi1gYpNF3M.CLC2wlLZlc.";
/// Who may ask beside root.
pub(crate) const RADIUS_USER: u32 = 61_812;
pub(crate) const VERIFIER_USER: u32 = 61_011;
/// Who the daemon runs as.
pub(crate) const DAEMON_USER: u32 = 61_813;
/// Where the module that misbehaves is for the daemon.
const MODULE: &str = "/etc/pam.d/pam_misbehaves.so";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The service that judges by the shadow file.
pub(crate) const UNIX: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n";

/// Runs what follows the pairs with each first path bound over the second, and without syslog.
const ENTER: &str = r#"
set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
log=$(readlink -f /dev/log || true)
[ -z "$log" ] || [ ! -e "$log" ] || mount --bind /dev/null "$log"
exec "$@"
"#;

/// A daemon that judges by one service.
pub(crate) struct Daemon {
    folder: tempfile::TempDir,
    child: Child,
}

impl Daemon {
    /// With the lines of the service, unless there is to be none.
    pub(crate) fn start(service: Option<&str>) -> Self {
        Self::start_with(service, "")
    }

    /// With more lines of `[radius.pam]`.
    pub(crate) fn start_with(service: Option<&str>, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        // The daemon's folder must belong to root, and the RADIUS user must be able to pass.
        mode(folder.path(), 0o755);
        fs::create_dir_all(at("pam.d")).expect("a folder");
        fs::create_dir_all(at("run")).expect("a folder");
        mode(&at("run"), 0o755);
        chown(at("run"), Some(DAEMON_USER), Some(DAEMON_USER)).expect("root can give folders away");
        let module = fs::copy(module(), at("pam.d/pam_misbehaves.so"));
        module.expect("a file can be copied");
        // Where it was built others may not pass.
        let program = fs::copy(
            env!("CARGO_BIN_EXE_sekisho-passwordd"),
            at("sekisho-passwordd"),
        );
        program.expect("a file can be copied");
        let denied = "auth requisite pam_deny.so\naccount requisite pam_deny.so\n";
        write(&at("pam.d/other"), denied, 0o644);
        if let Some(lines) = service {
            write(&at("pam.d/sekisho-password"), lines, 0o644);
        }
        let text = format!(
            "[verifier]\nuser = \"verifier-of-the-tests\"\nradius-user = \"radius-of-the-tests\"\n[log]\nsyslog = false\n\
             level = \"debug\"\n[radius.pam]\nsocket = \"{}\"\n{settings}",
            at("run/socket").display()
        );
        write(&at("sekisho.toml"), &text, 0o640);
        chown(at("sekisho.toml"), None, Some(DAEMON_USER)).expect("root can give files away");
        let shadow = shadow_group();
        tables(folder.path(), shadow);
        let log = fs::File::create(at("log")).expect("a file");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]);
        command.args(["/bin/sh", "-c", ENTER, "sh"]);
        for name in ["pam.d", "passwd", "shadow", "group"] {
            command.arg(at(name)).arg(Path::new("/etc").join(name));
        }
        command.arg("--").arg("setpriv").args(privileges(shadow));
        command.arg("--").arg(at("sekisho-passwordd"));
        command.arg("--settings").arg(at("sekisho.toml"));
        command.env("SECRET_OF_THE_DAEMON", "canary");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.process_group(0).spawn().expect("unshare starts");
        let mut daemon = Self { folder, child };
        daemon.wait_until_ready();
        daemon
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.log().contains("judging passwords") {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "ended: {ended:?}\n{}", self.log());
            assert!(Instant::now() < end, "never ready\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("run/socket")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Changes the service.
    pub(crate) fn service(&self, lines: &str) {
        write(
            &self.folder.path().join("pam.d/sekisho-password"),
            lines,
            0o644,
        );
    }

    /// What the daemon says about a password.
    #[track_caller]
    pub(crate) fn judge(&self, account: &str, password: &[u8]) -> Judged {
        let question = Question {
            account,
            password,
            remote: "192.0.2.7",
        };
        let octets = question.encode().expect("a question that may be asked");
        let answer = self.send(&octets);
        assert_eq!(answer.len(), 1, "{answer:?}\n{}", self.log());
        Judged::from_octet(answer[0])
    }

    /// Everything that comes back for some octets.
    pub(crate) fn send(&self, octets: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.socket()).expect("the daemon listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        // It may have hung up on us already.
        let _ = stream.write_all(octets);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// Waits until a line of the log holds `text`.
    #[track_caller]
    pub(crate) fn expect_log(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "no {text:?} in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks the daemon to end; panics if it does not.
    pub(crate) fn terminate(&mut self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").arg(&pid).status().expect("kill runs");
        assert!(sent.success());
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < end, "does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the unit leaves to the daemon, as setpriv(1) wants it: a user of its own, the groups that
/// it names, and no privilege at all.
fn privileges(shadow: u32) -> Vec<String> {
    let unit = include_str!("../../../packaging/systemd/sekisho-passwordd.service");
    for line in [
        "User=sekisho-password",
        "SupplementaryGroups=shadow",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
    ] {
        assert!(unit.lines().any(|known| known == line), "{line}");
    }
    vec![
        format!("--reuid={DAEMON_USER}"),
        format!("--regid={DAEMON_USER}"),
        format!("--groups={shadow},{RADIUS_USER}"),
        "--bounding-set=-all".into(),
        "--inh-caps=-all".into(),
        "--no-new-privs".into(),
    ]
}

/// The group that may read the shadow file.
fn shadow_group() -> u32 {
    let groups = fs::read_to_string("/etc/group").expect("groups");
    let line = groups.lines().find_map(|line| line.strip_prefix("shadow:"));
    let gid = line.and_then(|line| line.split(':').nth(1));
    gid.and_then(|gid| gid.parse().ok())
        .expect("a group shadow")
}

/// A line of a service with the module that misbehaves.
pub(crate) fn misbehaving(how: &str) -> String {
    format!("auth required {MODULE} {how}\naccount required {MODULE}\n")
}

/// The module that misbehaves, built once.
fn module() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules/pam_misbehaves.c");
        let object = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("pam_misbehaves-{}.so", std::process::id()));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&object, &source])
            .arg("-lpam")
            .status()
            .expect("cc runs");
        assert!(built.success());
        object
    })
}

/// hana may log in; jiro's account has expired, and yuki's password has.
fn tables(folder: &Path, shadow_group: u32) {
    let read = |path| fs::read_to_string(path).expect("root can read the user tables");
    let mut passwd = read("/etc/passwd");
    let mut shadow = read("/etc/shadow");
    let mut group = read("/etc/group");
    let people = [
        ("hana", 61_001, HASH, "19000:0:99999:7:::"),
        ("jiro", 61_002, HASH, "19000:0:99999:7::10000:"),
        ("yuki", 61_003, HASH, "10000:0:10:7:::"),
        ("lock", 61_004, "!", "19000:0:99999:7:::"),
        ("bare", 61_005, "", "19000:0:99999:7:::"),
        (
            "radius-of-the-tests",
            RADIUS_USER,
            "!",
            "19000:0:99999:7:::",
        ),
        (
            "verifier-of-the-tests",
            VERIFIER_USER,
            "!",
            "19000:0:99999:7:::",
        ),
    ];
    for (name, uid, hash, rest) in people {
        passwd += &format!("{name}:x:{uid}:{uid}::/nonexistent:/bin/sh\n");
        shadow += &format!("{name}:{hash}:{rest}\n");
        group += &format!("{name}:x:{uid}:\n");
    }
    write(&folder.join("passwd"), &passwd, 0o644);
    write(&folder.join("shadow"), &shadow, 0o640);
    chown(folder.join("shadow"), None, Some(shadow_group)).expect("root can give files away");
    write(&folder.join("group"), &group, 0o644);
}

fn write(path: &Path, text: &str, permissions: u32) {
    fs::write(path, text).expect("a file can be written");
    mode(path, permissions);
}

fn mode(path: &Path, permissions: u32) {
    let permissions = fs::Permissions::from_mode(permissions);
    fs::set_permissions(path, permissions).expect("its mode can be set");
}
