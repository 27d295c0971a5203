//! strongSwan with eap-radius as an IKEv2 gateway, and charon-cmd in a network of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{Certificates, NAME};
use super::{Program, Stage};
use crate::network::{GATEWAY, Visitor};
use crate::process::{self, leashed};
use crate::radius::SECRET;
use crate::terminal::Terminal;

const LOAD_LIMIT: Duration = Duration::from_secs(30);
/// What both sides need, and no more: some plugins of the packages do harm here. The tunnel is made
/// in the process, since not every kernel knows ESP.
const PLUGINS: &str = "random nonce openssl pem pkcs1 x509 pubkey constraints kdf hmac \
                       kernel-libipsec kernel-netlink socket-default eap-identity updown attr";

/// A running gateway.
#[derive(Debug)]
pub struct StrongSwan<'a> {
    stage: &'a Stage,
    program: Program,
    authority: PathBuf,
    vici: String,
}

impl<'a> StrongSwan<'a> {
    /// Starts one that asks `server` and tells the port `accounting` there of its sessions; it
    /// listens for Disconnect-Requests on its port 3799.
    #[track_caller]
    pub fn start(stage: &'a Stage, server: SocketAddr, accounting: u16) -> Self {
        let certificates = Certificates::make(stage.folder());
        let folder = stage.folder().join("swanctl");
        for (from, to) in [
            (&certificates.key, "private/gateway.key"),
            (&certificates.certificate, "x509/gateway.pem"),
            (&certificates.authority, "x509ca/authority.pem"),
        ] {
            let text = std::fs::read_to_string(from).expect("it was just made");
            stage.file(&format!("swanctl/{to}"), &text);
        }
        let vici = format!("unix://{}", stage.folder().join("vici").display());
        let settings = stage.file(
            "strongswan.conf",
            &format!(
                "charon {{\n  load = {PLUGINS} eap-radius vici\n  plugins {{\n\
                 vici {{\n socket = {vici}\n }}\n\
                 eap-radius {{\n  accounting = yes\n  class_group = yes\n\
                 dae {{\n  enable = yes\n  listen = 127.0.0.1\n  port = 3799\n  secret = {SECRET}\n }}\n\
                 servers {{\n  sekisho {{\n  address = {ip}\n  auth_port = {port}\n\
                 acct_port = {accounting}\n  secret = {SECRET}\n  nas_identifier = strongswan\n\
                 }}\n }}\n }}\n }}\n\
                 filelog {{\n  stderr {{\n  default = 1\n  cfg = 2\n  }}\n  }}\n}}\n",
                ip = server.ip(),
                port = server.port(),
            ),
        );
        stage.file(
            "swanctl/swanctl.conf",
            &format!(
                "connections {{\n rw {{\n  version = 2\n  local_addrs = {GATEWAY}\n\
                 send_cert = always\n  pools = inside\n\
                 local {{\n  auth = pubkey\n  certs = gateway.pem\n  id = {NAME}\n }}\n\
                 remote {{\n  auth = eap-radius\n  eap_id = %any\n }}\n\
                 children {{\n  net {{\n  local_ts = 10.9.0.0/24\n  }}\n }}\n }}\n}}\n\
                 pools {{\n inside {{\n  addrs = 10.9.1.0/24\n }}\n}}\n"
            ),
        );
        // What the tunnel leads to must be here: routes into it need a source.
        let mut inside = leashed("ip");
        inside.args(["addr", "add", "10.9.0.1/24", "dev", "lo"]);
        process::run(&mut inside, b"", LOAD_LIMIT).expect_success();
        let mut command = stage.command("/usr/lib/ipsec/charon");
        command.env("STRONGSWAN_CONF", &settings);
        let socket = stage.folder().join("vici");
        let program = stage.start("charon", &mut command, |_| socket.exists());
        let mut load = stage.command("swanctl");
        load.args(["--load-all", "--uri", &vici])
            .env("STRONGSWAN_CONF", &settings)
            .env("SWANCTL_DIR", &folder);
        process::run(&mut load, b"", LOAD_LIMIT).expect_success();
        Self {
            stage,
            program,
            authority: certificates.authority,
            vici,
        }
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Whether it says so in time.
    pub fn says(&self, words: &str, limit: Duration) -> bool {
        self.program.says(words, limit)
    }

    /// Its IKE sessions, as swanctl lists them.
    #[track_caller]
    pub fn sessions(&self) -> String {
        let mut command = self.stage.command("swanctl");
        command.args(["--list-sas", "--uri", &self.vici]);
        process::run(&mut command, b"", LOAD_LIMIT)
            .expect_success()
            .stdout
    }

    /// Somebody connects with charon-cmd, on a terminal where the password can be typed. It takes
    /// whichever of these EAP methods the gateway offers.
    #[track_caller]
    pub fn connect(&self, visitor: &Visitor, user: &str, methods: &str) -> Terminal {
        let settings = self.stage.file(
            "charon-cmd.conf",
            &format!(
                "charon-cmd {{\n  load = {PLUGINS} {methods}\n\
                 filelog {{\n  stderr {{\n  default = 1\n  }}\n  }}\n}}\n"
            ),
        );
        let line = format!(
            "charon-cmd --cert {} --host {GATEWAY} --identity {user} --remote-identity {NAME} \
             --profile ikev2-eap",
            self.authority.display()
        );
        let mut inside = visitor.command("unshare");
        // The client makes a session of its own; it is to end with its terminal.
        inside
            .args(["--pid", "--fork", "--kill-child", "--"])
            .args(["script", "-qefc", &line, "/dev/null"])
            .env("STRONGSWAN_CONF", settings);
        Terminal::of(self.stage.enter(inside))
    }
}
