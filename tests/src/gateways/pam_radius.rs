//! `pam_radius_auth`, through which Linux machines of others ask, and pamtester in front of it.

use std::net::SocketAddr;
use std::time::Duration;

use super::Stage;
use crate::process::{self, Finished};
use crate::radius::SECRET;

const LOGIN_LIMIT: Duration = Duration::from_secs(60);
const SERVICE: &str = "sekisho-test";

/// A PAM service that asks RADIUS servers, and nothing else.
#[derive(Debug)]
pub struct PamRadius<'a> {
    stage: &'a Stage,
}

impl<'a> PamRadius<'a> {
    /// Asks these servers, the first one first; waits `timeout` seconds for each reply.
    pub fn new(stage: &'a Stage, servers: &[SocketAddr], timeout: u8, options: &str) -> Self {
        let lines: String = servers
            .iter()
            .map(|server| format!("{server} {SECRET} {timeout}\n"))
            .collect();
        let configuration = stage.file("pam_radius.conf", &lines);
        stage.etc(
            &format!("pam.d/{SERVICE}"),
            &format!(
                "auth required pam_radius_auth.so conf={} {options}\n\
                 account required pam_permit.so\n",
                configuration.display()
            ),
        );
        Self { stage }
    }

    /// Somebody logs in from `remote`, which is the Calling-Station-Id, and gives these answers; the input ends with the last one.
    pub fn login_from(&self, remote: Option<&str>, user: &str, answers: &[&str]) -> Finished {
        let mut command = self.stage.command("pamtester");
        if let Some(remote) = remote {
            command.args(["-I", &format!("rhost={remote}")]);
        }
        command.args([SERVICE, user, "authenticate"]);
        let input: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        process::run(&mut command, input.as_bytes(), LOGIN_LIMIT)
    }

    /// Whether a login with these answers succeeds.
    #[track_caller]
    pub fn lets_in(&self, user: &str, answers: &[&str]) -> bool {
        self.lets_in_from(None, user, answers)
    }

    /// Whether a login from `remote` with these answers succeeds.
    #[track_caller]
    pub fn lets_in_from(&self, remote: Option<&str>, user: &str, answers: &[&str]) -> bool {
        let done = self.login_from(remote, user, answers);
        let said = done.stdout.contains("successfully authenticated");
        assert_eq!(said, done.status.success(), "{done}");
        said
    }
}
