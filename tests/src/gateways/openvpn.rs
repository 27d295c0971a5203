//! OpenVPN with its RADIUS plugin, and a client in a network of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{Certificates, NAME};
use super::{Program, Stage, within};
use crate::network::{GATEWAY, Visitor};
use crate::radius::SECRET;

/// The server's address inside the tunnel.
pub const INSIDE: &str = "10.8.0.1";
/// A connection is up, or refused, by then.
const SETTLED: Duration = Duration::from_secs(60);

/// What the server shall be like.
#[derive(Debug)]
pub struct OpenVpn {
    authentication: SocketAddr,
    accounting: u16,
    wait: u8,
    retries: u8,
    lines: String,
}

/// A running OpenVPN server.
#[derive(Debug)]
pub struct Running<'a> {
    stage: &'a Stage,
    program: Program,
    authority: PathBuf,
}

/// A client, connected or about to be.
#[derive(Debug)]
pub struct Client {
    program: Program,
}

impl OpenVpn {
    /// Asks the server at `authentication`, and tells the port `accounting` there of its sessions.
    pub fn new(authentication: SocketAddr, accounting: u16) -> Self {
        Self {
            authentication,
            accounting,
            wait: 5,
            retries: 1,
            lines: String::new(),
        }
    }

    /// How many seconds the plugin waits for a reply, and how many times it sends again.
    pub fn patience(mut self, wait: u8, retries: u8) -> Self {
        (self.wait, self.retries) = (wait, retries);
        self
    }

    /// Adds lines to the server's configuration.
    pub fn lines(mut self, lines: &str) -> Self {
        self.lines.push_str(lines);
        self.lines.push('\n');
        self
    }

    /// Starts it on `stage`.
    #[track_caller]
    pub fn start(self, stage: &Stage) -> Running<'_> {
        let certificates = Certificates::make(stage.folder());
        let status = stage.folder().join("openvpn.status");
        let clients = stage.folder().join("ccd");
        std::fs::create_dir_all(&clients).expect("a folder for the plugin");
        let plugin = stage.folder().join("radiusplugin.cnf");
        let server = stage.file(
            "openvpn.conf",
            &format!(
                "mode server\ntls-server\nlocal {GATEWAY}\nport 1194\nproto udp\ndev tun\n\
                 topology subnet\nserver 10.8.0.0 255.255.255.0\n\
                 ca {ca}\ncert {cert}\nkey {key}\ndh none\n\
                 verify-client-cert none\nusername-as-common-name\nduplicate-cn\n\
                 client-config-dir {ccd}\nstatus {status} 1\nstatus-version 1\n\
                 plugin /usr/lib/openvpn/radiusplugin.so {plugin}\nverb 4\n{lines}",
                ca = certificates.authority.display(),
                cert = certificates.certificate.display(),
                key = certificates.key.display(),
                ccd = clients.display(),
                status = status.display(),
                plugin = plugin.display(),
                lines = self.lines,
            ),
        );
        stage.file(
            "radiusplugin.cnf",
            &format!(
                "NAS-Identifier=openvpn\nService-Type=5\nFramed-Protocol=1\nNAS-Port-Type=5\n\
                 NAS-IP-Address=127.0.0.1\nOpenVPNConfig={}\nsubnet=255.255.255.0\n\
                 overwriteccfiles=true\nserver\n{{\n\tacctport={}\n\tauthport={}\n\tname={}\n\
                 \tretry={}\n\twait={}\n\tsharedsecret={SECRET}\n}}\n",
                server.display(),
                self.accounting,
                self.authentication.port(),
                self.authentication.ip(),
                self.retries,
                self.wait,
            ),
        );
        let mut command = stage.command("openvpn");
        command.arg("--config").arg(server);
        let program = stage.start("openvpn-server", &mut command, |program| {
            program.log().contains("Initialization Sequence Completed")
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

    /// A client of `user` with a password tries to connect, once.
    #[track_caller]
    pub fn connect(&self, visitor: &Visitor, user: &str, password: &str, lines: &str) -> Client {
        let login = self.stage.file("login", &format!("{user}\n{password}\n"));
        let configuration = self.stage.file(
            "client.conf",
            &format!(
                "client\ndev tun\nproto udp\nremote {GATEWAY} 1194\nnobind\nca {}\n\
                 verify-x509-name {NAME} name\nremote-cert-tls server\nauth-user-pass {}\n\
                 auth-retry none\nconnect-retry-max 1\nexplicit-exit-notify 1\nverb 3\nreneg-sec 0\n{lines}\n",
                self.authority.display(),
                login.display(),
            ),
        );
        let mut inside = visitor.command("openvpn");
        inside.arg("--config").arg(configuration);
        let mut command = self.stage.enter(inside);
        let program = self.stage.start("openvpn-client", &mut command, |_| true);
        Client { program }
    }
}

impl Client {
    /// Whether the session comes up.
    pub fn comes_up(&mut self) -> bool {
        let mut up = false;
        within(SETTLED, || {
            up = self.log().contains("Initialization Sequence Completed");
            up || !self.program.runs()
        });
        up
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Whether it says so in time.
    pub fn says(&self, words: &str, limit: Duration) -> bool {
        self.program.says(words, limit)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.program.runs()
    }

    /// Hangs up.
    pub fn hang_up(self) {
        self.program.stop(Duration::from_secs(10));
    }
}
