//! A machine of its own: people with passwords, staff in groups, the services that we ship, and an
//! installation that knows all of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sekisho_verifier_socket::Client;
use serde_json::Value;

use crate::installation::Plan;
use crate::namespace::{PrivateRoot, uid_of};
use crate::process::{self, Finished};
use crate::sshd::Sshd;
use crate::terminal::Terminal;
use crate::{Daemon, Installation, programs};

/// How long a program may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The name of our module in service files.
const MODULE: &str = "pam_sekisho.so";
/// What judges the passwords of `sekisho self`.
const PASSWORD_SERVICE: &str = include_str!("../../docs/examples/pam.d/sekisho-password");
/// Runs Debian's own tool in the folder of the first argument with the second as what to do, on a copy
/// of what it remembers.
const PAM_AUTH_UPDATE: &str = r#"
set -e
folder=$1 what=$2
mkdir -p "$folder/debconf" "$folder/etc/pam.d" "$folder/var/lib/pam"
cp -a /var/cache/debconf/. "$folder/debconf"
mount --bind "$folder/debconf" /var/cache/debconf
DEBIAN_FRONTEND=noninteractive exec pam-auth-update --root "$folder" --force "$what" sekisho
"#;

/// The installation, and the view of the file system that its daemons and its people have.
#[derive(Debug)]
pub struct Machine {
    // Dropped in this order.
    passwords: Option<Daemon>,
    /// The installation.
    pub made: Installation,
    /// Where everything runs.
    pub root: PrivateRoot,
}

impl Machine {
    /// Makes it by a plan and starts the verifier, `sekisho-passwordd`, and the RADIUS server.
    #[track_caller]
    pub fn start(plan: Plan) -> Self {
        let mut machine = Self::without_radius(plan);
        machine.made.start_radius();
        machine
    }

    /// The same without a RADIUS server.
    #[track_caller]
    pub fn without_radius(plan: Plan) -> Self {
        let mut made = plan.build();
        let folder = made.folder().join("machine");
        let root = PrivateRoot::new(&folder);
        let socket = made.folder().join("run/password.sock");
        made.add_settings(&format!("[radius.pam]\nsocket = {socket:?}\n"));
        root.pam_service("sekisho-password", PASSWORD_SERVICE);
        let common = [
            "common-auth",
            "common-account",
            "common-password",
            "common-session",
            "common-session-noninteractive",
        ];
        for name in common {
            root.pam_service(name, &common_lines(name));
        }
        made.live_in(&root);
        made.start_verifier();
        let mut command = root.command(programs::ours("sekisho-passwordd"));
        command.arg("--settings").arg(made.settings());
        let passwords = Daemon::start("passwordd", made.folder(), &mut command);
        Self {
            passwords: Some(passwords),
            made,
            root,
        }
    }

    /// What judges login passwords.
    #[track_caller]
    pub fn passwords(&mut self) -> &mut Option<Daemon> {
        &mut self.passwords
    }

    /// Installs the service files of the documentation, with these options for our module.
    #[track_caller]
    pub fn ship(&self, services: &[&str], options: &str) {
        for service in services {
            let path = shipped("docs/examples/pam.d").join(service);
            let text = fs::read_to_string(&path).expect("the service file is shipped");
            self.root.pam_service(service, &self.wired(&text, options));
        }
    }

    /// Installs what Debian's `pam-auth-update` makes of the profile that we ship, for the service
    /// files that Debian has.
    #[track_caller]
    pub fn generate(&self, options: &str) {
        self.pam_auth_update("--enable", options);
    }

    /// The same after root has taken our profile out.
    #[track_caller]
    pub fn generate_without(&self) {
        self.pam_auth_update("--disable", "");
    }

    #[track_caller]
    fn pam_auth_update(&self, what: &str, options: &str) {
        let folder = self.made.folder().join("generated");
        let profiles = folder.join("usr/share/pam-configs");
        fs::create_dir_all(&profiles).expect("a folder for profiles");
        for profile in [
            Path::new("/usr/share/pam-configs/unix"),
            &shipped("packaging/pam-configs/sekisho"),
        ] {
            let name = profile.file_name().expect("a profile has a name");
            fs::copy(profile, profiles.join(name)).expect("a profile can be copied");
        }
        let mut command = process::leashed("unshare");
        command
            .args(["--mount", "--propagation", "private", "--"])
            .args(["/bin/sh", "-c", PAM_AUTH_UPDATE, "sh"])
            .arg(&folder)
            .arg(what);
        process::run(&mut command, b"", LIMIT).expect_success();
        for entry in fs::read_dir(folder.join("etc/pam.d"))
            .expect("what was made")
            .flatten()
        {
            let text = fs::read_to_string(entry.path()).expect("a stack");
            let name = entry.file_name();
            let name = name.to_str().expect("a plain name");
            self.root.pam_service(name, &self.wired(&text, options));
        }
    }

    /// The lines of a service file, with our module where it was built and our socket.
    pub fn wired(&self, text: &str, options: &str) -> String {
        let module = programs::pam_module();
        let (module, socket) = (module.display(), self.made.socket());
        let with_path = format!("{module} socket={} {options}", socket.display());
        let wire = |line: &str| match line.trim_start().starts_with('#') {
            true => String::new(),
            false => format!("{}\n", line.replace(MODULE, &with_path)),
        };
        text.lines().map(wire).collect()
    }

    /// Starts an sshd.
    #[track_caller]
    pub fn sshd(&self) -> Sshd {
        Sshd::start(&self.root, self.made.folder(), self.made.ssh_address())
    }

    /// A program on a terminal: of `user`, else of root.
    pub fn terminal(&self, user: Option<&str>, command_line: &str) -> Terminal {
        Terminal::open(&self.root, user, command_line)
    }

    /// The command line of the CLI.
    pub fn sekisho_line(&self, words: &str) -> String {
        let program = programs::ours("sekisho");
        let settings = self.made.settings();
        format!(
            "{} --settings {} {words}",
            program.display(),
            settings.display()
        )
    }

    /// The CLI as one of the people, from a pipe.
    pub fn sekisho_as(&self, user: &str, words: &[&str], input: &str) -> Finished {
        let mut command = self.sekisho_command_as(user, words);
        process::run(&mut command, input.as_bytes(), LIMIT)
    }

    /// The command that runs the CLI as one of the people.
    pub fn sekisho_command_as(&self, user: &str, words: &[&str]) -> Command {
        let mut command = self.root.command_as(user, programs::ours("sekisho"));
        // The settings hold secrets, and are not for everybody to read.
        command
            .arg("--socket")
            .arg(self.made.socket())
            .args(words)
            .env("NO_COLOR", "1")
            .env("TZ", "UTC");
        command
    }

    /// The CLI as one of the people, who must succeed; what it prints for programs.
    #[track_caller]
    pub fn json_as(&self, user: &str, words: &[&str], input: &str) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        let done = self.sekisho_as(user, &all, input).expect_success();
        serde_json::from_str(&done.stdout)
            .unwrap_or_else(|error| panic!("{words:?} printed no JSON: {error}\n{done}"))
    }

    /// A connection to the verifier as one of the people.
    #[track_caller]
    pub fn connect_as(&self, user: &str) -> Client {
        connect_as(&self.made.socket(), uid_of(user))
    }
}

/// A connection to the socket as the user `uid`. Threads have uids of their own on Linux.
#[track_caller]
pub fn connect_as(socket: &Path, uid: u32) -> Client {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
    let socket = socket.to_owned();
    let connected = std::thread::spawn(move || {
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        set_thread_res_gid(group, group, group).expect("root may be anybody");
        set_thread_res_uid(user, user, user).expect("root may be anybody");
        Client::connect(&socket, Instant::now() + LIMIT)
    });
    let client = connected.join().expect("the thread ends");
    client.expect("the verifier listens")
}

/// A path in the repository.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// What Debian has in such a file, without what only some machines have.
fn common_lines(name: &str) -> String {
    let unix = |kind: &str, options: &str| {
        format!(
            "{kind} [success=1 default=ignore] pam_unix.so {options}\n\
             {kind} requisite pam_deny.so\n{kind} required pam_permit.so\n"
        )
    };
    match name {
        // Without the delay of pam_unix, which only costs time.
        "common-auth" => unix("auth", "nodelay"),
        "common-account" => {
            "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n\
             account requisite pam_deny.so\naccount required pam_permit.so\n"
                .into()
        }
        "common-password" => unix("password", "obscure yescrypt"),
        _ => "session required pam_permit.so\nsession required pam_unix.so\n".into(),
    }
}
