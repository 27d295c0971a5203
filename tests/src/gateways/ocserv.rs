//! ocserv, an SSL VPN whose RADIUS client is radcli, and openconnect in front of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::Certificates;
use super::{Program, Stage};
use crate::process::{self, Finished};
use crate::radius::SECRET;

/// Where it listens.
const PORT: u16 = 4443;
const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// What ocserv shall be like.
#[derive(Debug)]
pub struct Ocserv {
    servers: Vec<SocketAddr>,
    groups: Vec<String>,
    timeout: u8,
}

/// A running ocserv.
#[derive(Debug)]
pub struct Running<'a> {
    stage: &'a Stage,
    program: Program,
    authority: PathBuf,
}

impl Ocserv {
    /// Asks these servers, the first one first.
    pub fn new(servers: &[SocketAddr]) -> Self {
        Self {
            servers: servers.to_vec(),
            groups: Vec::new(),
            timeout: 5,
        }
    }

    /// Lets people choose one of these groups; they must be in it, as `Class` tells.
    pub fn groups(mut self, groups: &[&str]) -> Self {
        self.groups = groups.iter().map(|&group| group.to_owned()).collect();
        self
    }

    /// How many seconds it waits for a reply before it sends again.
    pub fn timeout(mut self, seconds: u8) -> Self {
        self.timeout = seconds;
        self
    }

    /// Starts it on `stage`.
    #[track_caller]
    pub fn start(self, stage: &Stage) -> Running<'_> {
        let certificates = Certificates::make(stage.folder());
        let authservers: String = self
            .servers
            .iter()
            .map(|server| format!("authserver {server}\n"))
            .collect();
        let mut secrets: Vec<String> = self
            .servers
            .iter()
            .map(|server| format!("{} {}\n", server.ip(), secret_word()))
            .collect();
        secrets.dedup();
        let secrets = stage.file("radcli-servers", &secrets.concat());
        let radcli = stage.file(
            "radcli.conf",
            &format!(
                "nas-identifier ocserv\n{authservers}servers {}\ndictionary /etc/radcli/dictionary\n\
                 default_realm\nradius_timeout {}\nradius_retries 3\nbindaddr *\n",
                secrets.display(),
                self.timeout,
            ),
        );
        let groups: String = self
            .groups
            .iter()
            .map(|group| format!("select-group = {group}\n"))
            .collect();
        let configuration = stage.file(
            "ocserv.conf",
            &format!(
                "auth = \"radius[config={},groupconfig=true]\"\n\
                 listen-host = 127.0.0.1\ntcp-port = {PORT}\n\
                 run-as-user = nobody\nrun-as-group = nogroup\n\
                 socket-file = /run/ocserv-socket\npid-file = /run/ocserv.pid\n\
                 isolate-workers = false\nserver-cert = {}\nserver-key = {}\n\
                 max-ban-score = 0\nmax-clients = 16\nmax-same-clients = 8\n\
                 auth-timeout = 60\ncookie-timeout = 60\nuse-occtl = false\n\
                 device = vpns\nipv4-network = 198.51.100.0\nipv4-netmask = 255.255.255.0\n\
                 cisco-client-compat = true\n{groups}",
                radcli.display(),
                certificates.certificate.display(),
                certificates.key.display(),
            ),
        );
        let mut command = stage.command("ocserv");
        command
            .args(["--foreground", "--debug", "3", "--config"])
            .arg(configuration);
        let program = stage.start("ocserv", &mut command, |program| {
            program.log().contains("initialized ocserv")
                && std::net::TcpStream::connect(("127.0.0.1", PORT)).is_ok()
        });
        Running {
            stage,
            program,
            authority: certificates.authority,
        }
    }
}

impl Running<'_> {
    /// What it said.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Somebody logs in with openconnect, and gives these answers when asked for passwords.
    pub fn login(&self, user: &str, group: Option<&str>, answers: &[&str]) -> Finished {
        let mut command = self.stage.command("openconnect");
        command
            .args(["--authenticate", "--passwd-on-stdin", "--no-system-trust"])
            .args(["--user", user, "--cafile"])
            .arg(&self.authority);
        if let Some(group) = group {
            command.args(["--authgroup", group]);
        }
        command.arg(format!("https://127.0.0.1:{PORT}"));
        let input: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        process::run(&mut command, input.as_bytes(), LOGIN_LIMIT)
    }

    /// Whether such a login gets a session.
    #[track_caller]
    pub fn lets_in(&self, user: &str, group: Option<&str>, answers: &[&str]) -> bool {
        let done = self.login(user, group, answers);
        let cookie = done.stdout.contains("COOKIE=");
        assert_eq!(cookie, done.status.success(), "{done}\n{}", self.log());
        cookie
    }
}

/// The secret as a word of a file whose words end at a blank.
fn secret_word() -> &'static str {
    assert!(!SECRET.contains(char::is_whitespace), "radcli cuts secrets");
    SECRET
}
