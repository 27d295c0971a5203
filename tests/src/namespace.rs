//! Private mount namespaces: real logins with configuration of our own, while the machine's stays
//! as it is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::leashed;
use crate::programs;

/// People who can log in inside; nobody of that name is made on the machine.
pub const PEOPLE: [(&str, u32); 2] = [("hana", 61_001), ("jiro", 61_002)];
/// Staff, each with a group of the default settings; they can log in as well.
pub const STAFF: [(&str, u32, &str); 4] = [
    ("mori", 61_011, "sekisho-admin"),
    ("aoki", 61_012, "sekisho-admin"),
    ("sato", 61_013, "sekisho-help-desk"),
    ("kato", 61_014, "sekisho-auditor"),
];
/// The groups of staff, and their numbers.
const GROUPS: [(&str, u32); 3] = [
    ("sekisho-admin", 61_101),
    ("sekisho-help-desk", 61_102),
    ("sekisho-auditor", 61_103),
];

/// Everybody inside, but for the system's own.
fn everybody() -> impl Iterator<Item = (&'static str, u32)> {
    let staff = STAFF.iter().map(|(name, uid, _)| (*name, *uid));
    PEOPLE.into_iter().chain(staff)
}

/// The uid of somebody inside; root's is 0.
pub fn uid_of(name: &str) -> u32 {
    if name == "root" {
        return 0;
    }
    let found = everybody().find(|(known, _)| *known == name);
    found.map(|(_, uid)| uid).expect("one of those inside")
}

/// The Unix password of each of them.
pub const PASSWORD: &str = "correct horse";
/// Its hash, as crypt(3) writes it with a fixed salt.
const PASSWORD_HASH: &str = "$6$sekishotests$/04ASXFMPDhkni43jOgjdwfqu9Va.pN6g1PtH4e2JK8AOfh6/sCUFwH8ejXqd.5mdi1gYpNF3M.CLC2wlLZlc.";

/// Runs what follows the pairs with each first path bound over the second. The logs of utmp, sudo
/// and syslog go nowhere.
const ENTER: &str = r#"
set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
log=$(readlink -f /dev/log || true)
[ -z "$log" ] || [ ! -e "$log" ] || mount --bind /dev/null "$log"
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /var/log
mkdir -p /run/sshd /run/sudo /run/lock
exec "$@"
"#;

/// A view of the file system in which some files of `/etc` are ours.
#[derive(Debug)]
pub struct PrivateRoot {
    folder: PathBuf,
    binds: Vec<(PathBuf, PathBuf)>,
}

impl PrivateRoot {
    /// Copies what logins read into `folder`, and adds [`PEOPLE`]. `/etc/pam.d` is empty but for
    /// `other`, which denies.
    pub fn new(folder: &Path) -> Self {
        programs::require_root();
        let mut root = Self {
            folder: folder.join("root"),
            binds: Vec::new(),
        };
        fs::create_dir_all(root.folder.join("pam.d")).expect("a folder for PAM");
        root.bind(&root.folder.join("pam.d"), "/etc/pam.d");
        root.add_people();
        root.put("/etc/sudoers", SUDOERS, 0o440);
        root.put("/etc/login.defs", LOGIN_DEFS, 0o644);
        root.pam_service(
            "other",
            "auth requisite pam_deny.so\naccount requisite pam_deny.so\n",
        );
        let split = programs::tools().join("usr/lib/openssh/sshd-session");
        if split.exists() {
            // Newer versions of sshd start other programs by their full paths.
            root.bind(
                &programs::tools().join("usr/lib/openssh"),
                "/usr/lib/openssh",
            );
        }
        root
    }

    /// Writes a file of `/etc/pam.d`.
    pub fn pam_service(&self, service: &str, lines: &str) {
        let path = self.folder.join("pam.d").join(service);
        fs::write(path, lines).expect("a PAM service can be written");
    }

    /// A command that runs inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.command_with(&[], program)
    }

    /// A command that runs inside, and in a process namespace of its own, as in a container.
    pub fn command_in_container(&self, program: impl AsRef<Path>) -> Command {
        self.command_with(
            &["--pid", "--fork", "--kill-child", "--mount-proc"],
            program,
        )
    }

    fn command_with(&self, options: &[&str], program: impl AsRef<Path>) -> Command {
        let mut command = leashed("unshare");
        command
            .args(["--mount", "--propagation", "private"])
            .args(options)
            .args(["--", "/bin/sh", "-c", ENTER, "sh"]);
        for (ours, theirs) in &self.binds {
            command.args([ours, theirs]);
        }
        command.arg("--").arg(program.as_ref());
        command
    }

    /// A command that runs inside as somebody else.
    pub fn command_as(&self, user: &str, program: impl AsRef<Path>) -> Command {
        let mut command = self.command("setpriv");
        command
            .args(["--reuid", user, "--regid", user, "--init-groups", "--"])
            .arg(program.as_ref())
            .env("USER", user);
        command
    }

    /// The home folder of one of [`PEOPLE`].
    pub fn home(&self, name: &str) -> PathBuf {
        self.folder.join("home").join(name)
    }

    fn make_home(&self, name: &str, uid: u32) -> PathBuf {
        let home = self.home(name);
        fs::create_dir_all(&home).expect("a home folder");
        chown(&home, Some(uid), Some(uid)).expect("root can give folders away");
        home
    }

    fn bind(&mut self, ours: &Path, theirs: &str) {
        self.binds.push((ours.to_owned(), theirs.into()));
    }

    /// Puts a file over one of the machine's; what the machine does not have is left out.
    fn put(&mut self, theirs: &str, text: &str, mode: u32) {
        if !Path::new(theirs).exists() {
            return;
        }
        let name = Path::new(theirs).file_name().expect("a file has a name");
        let ours = self.folder.join(name);
        fs::write(&ours, text).expect("a private copy can be written");
        fs::set_permissions(&ours, fs::Permissions::from_mode(mode)).expect("its mode can be set");
        self.bind(&ours, theirs);
    }

    fn add_people(&mut self) {
        let read = |path| fs::read_to_string(path).expect("root can read the user tables");
        let mut passwd = read("/etc/passwd");
        let mut shadow = read("/etc/shadow");
        let mut group = read("/etc/group");
        // Root too has a password, for the one door without PAM.
        let line = |line: &str| match line.strip_prefix("root:") {
            Some(rest) => {
                let behind = rest.split_once(':').map_or("", |(_, behind)| behind);
                format!("root:{PASSWORD_HASH}:{behind}\n")
            }
            None => format!("{line}\n"),
        };
        shadow = shadow.lines().map(line).collect();
        if !passwd.contains("\nsshd:") {
            passwd.push_str("sshd:x:61000:65534::/run/sshd:/usr/sbin/nologin\n");
        }
        for (name, gid) in GROUPS {
            let members: Vec<&str> = STAFF
                .iter()
                .filter(|(_, _, group)| *group == name)
                .map(|(member, _, _)| *member)
                .collect();
            group.push_str(&format!("{name}:x:{gid}:{}\n", members.join(",")));
        }
        for (name, uid) in everybody() {
            let home = self.make_home(name, uid);
            let home = home.display();
            passwd.push_str(&format!("{name}:x:{uid}:{uid}::{home}:/bin/sh\n"));
            shadow.push_str(&format!("{name}:{PASSWORD_HASH}:19000:0:99999:7:::\n"));
            group.push_str(&format!("{name}:x:{uid}:\n"));
        }
        self.put("/etc/passwd", &passwd, 0o644);
        self.put("/etc/shadow", &shadow, 0o600);
        self.put("/etc/group", &group, 0o644);
    }
}

/// Everybody of [`PEOPLE`] may become anybody, and is asked each time.
const SUDOERS: &str = "\
Defaults timestamp_timeout=0, lecture=never, passwd_tries=1, !syslog
hana ALL=(ALL) ALL
jiro ALL=(ALL) ALL
";

const LOGIN_DEFS: &str = "\
LOGIN_RETRIES 1
LOGIN_TIMEOUT 20
LOG_UNKFAIL_ENAB no
MAIL_DIR /var/mail
ENV_PATH PATH=/usr/local/bin:/usr/bin:/bin
ENV_SUPATH PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
";
