//! eapol_test: EAP as a wireless access point would carry it.

use std::net::SocketAddr;
use std::time::Duration;

use super::Stage;
use crate::process::{self, Finished};
use crate::radius::SECRET;

const LIMIT: Duration = Duration::from_secs(40);

/// A login by an EAP method.
#[derive(Debug)]
pub struct Eapol<'a> {
    /// The method, as wpa_supplicant calls it.
    pub method: &'a str,
    /// Who.
    pub identity: &'a str,
    /// What is typed.
    pub password: &'a str,
    /// Whether the method makes keys, which both sides must agree on.
    pub keys: bool,
    /// More lines for the network block.
    pub lines: &'a str,
}

impl Eapol<'_> {
    /// Runs it.
    pub fn run(&self, stage: &Stage, server: SocketAddr) -> Finished {
        let configuration = stage.file(
            "eapol.conf",
            &format!(
                "network={{\nkey_mgmt=IEEE8021X\neap={}\nidentity=\"{}\"\npassword=\"{}\"\n{}\n}}\n",
                self.method, self.identity, self.password, self.lines
            ),
        );
        let mut command = stage.command("eapol_test");
        command
            .arg("-c")
            .arg(configuration)
            .args(["-a", &server.ip().to_string()])
            .args(["-p", &server.port().to_string()])
            .args(["-s", SECRET, "-t", "15"]);
        if !self.keys {
            command.arg("-n");
        }
        process::run(&mut command, b"", LIMIT)
    }

    /// Whether it ends in success.
    #[track_caller]
    pub fn succeeds(&self, stage: &Stage, server: SocketAddr) -> bool {
        let done = self.run(stage, server);
        let last = done.stdout.lines().last().unwrap_or_default().trim();
        assert_eq!(last == "SUCCESS", done.status.success(), "{done}");
        done.status.success()
    }
}
