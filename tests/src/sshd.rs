//! The real sshd on loopback, and the real ssh.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Finished, Guarded};
use crate::{PrivateRoot, programs};

const START_LIMIT: Duration = Duration::from_secs(20);
/// A login, with the waits after refusals.
const LOGIN_LIMIT: Duration = Duration::from_secs(40);
/// What a session that was let in prints.
const GREETING: &str = "let in as";

/// A running sshd with keyboard-interactive logins through PAM and nothing else.
#[derive(Debug)]
pub struct Sshd {
    process: Guarded,
    folder: PathBuf,
    address: SocketAddr,
}

impl Sshd {
    /// Starts it in `root` at `address`.
    pub fn start(root: &PrivateRoot, folder: &Path, address: SocketAddr) -> Self {
        let folder = folder.join("sshd");
        fs::create_dir_all(&folder).expect("a folder for sshd");
        let key = folder.join("host-key");
        let mut keygen = process::leashed("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key);
        process::run(&mut keygen, b"", LOGIN_LIMIT).expect_success();
        let configuration = folder.join("sshd_config");
        fs::write(&configuration, configure(address, &key)).expect("sshd_config can be written");
        let log = fs::File::create(folder.join("log")).expect("a log file");
        let mut command = root.command(programs::sshd());
        command
            .args(["-D", "-e", "-f"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = Guarded::spawn(&mut command);
        let mut sshd = Self {
            process,
            folder,
            address,
        };
        sshd.wait_until_it_listens();
        sshd
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.process.ended();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "sshd does not listen ({ended:?}):\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The command by which a person logs in.
    pub fn command_line(&self, user: &str) -> String {
        format!(
            "ssh {} -p {} {user}@{}",
            CLIENT_OPTIONS[..3].join(" "),
            self.address.port(),
            self.address.ip()
        )
    }

    /// The command line by which a person at a terminal logs in, for one try.
    pub fn interactive(&self, user: &str) -> String {
        format!(
            "ssh {} -oNumberOfPasswordPrompts=1 -t -p {} {user}@{}",
            CLIENT_OPTIONS.join(" "),
            self.address.port(),
            self.address.ip()
        )
    }

    /// Logs in with these answers, in order, and runs a command there. There is one try, and no
    /// more answers than these.
    pub fn login(&self, user: &str, answers: &[&str]) -> Finished {
        let askpass = self.askpass(answers);
        let mut ssh = process::leashed("ssh");
        ssh.args(CLIENT_OPTIONS)
            .args(["-o", "NumberOfPasswordPrompts=1"])
            .args(["-p", &self.address.port().to_string()])
            .arg(format!("{user}@{}", self.address.ip()))
            .arg(format!("echo {GREETING} $(id -un)"))
            .env("SSH_ASKPASS", askpass)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env_remove("SSH_AUTH_SOCK");
        process::run(&mut ssh, b"", LOGIN_LIMIT)
    }

    /// Whether a login with these answers gets in.
    pub fn lets_in(&self, user: &str, answers: &[&str]) -> bool {
        let done = self.login(user, answers);
        let greeted = done.stdout.trim() == format!("{GREETING} {user}");
        assert_eq!(greeted, done.status.success(), "{done}\n{}", self.log());
        greeted
    }

    /// A program that gives one answer each time it is asked, in order.
    fn askpass(&self, answers: &[&str]) -> PathBuf {
        let folder = tempfile::tempdir_in(&self.folder).expect("a folder").keep();
        for (index, answer) in answers.iter().enumerate() {
            fs::write(folder.join(format!("{index}.answer")), answer).expect("an answer");
        }
        let script = folder.join("askpass");
        let text = format!(
            "#!/bin/sh\ncd {} || exit 1\nfor answer in *.answer; do\n\
             [ -e \"$answer\" ] && cat \"$answer\" && rm \"$answer\" && exit 0\ndone\nexit 1\n",
            folder.display()
        );
        fs::write(&script, text).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("its mode");
        script
    }
}

const CLIENT_OPTIONS: [&str; 8] = [
    "-F/dev/null",
    "-oUserKnownHostsFile=/dev/null",
    "-oStrictHostKeyChecking=no",
    "-oPreferredAuthentications=keyboard-interactive",
    "-oPubkeyAuthentication=no",
    "-oLogLevel=ERROR",
    "-oConnectTimeout=10",
    "-oControlPath=none",
];

fn configure(address: SocketAddr, key: &Path) -> String {
    format!(
        "ListenAddress {address}\nHostKey {}\nPidFile none\nUsePAM yes\n\
         KbdInteractiveAuthentication yes\nPasswordAuthentication no\nPubkeyAuthentication no\n\
         PrintMotd no\nPrintLastLog no\nStrictModes no\nLogLevel VERBOSE\nMaxStartups 100\n",
        key.display()
    )
}
