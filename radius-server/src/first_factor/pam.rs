//! A PAM service, through `sekisho-passwordd`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_daemon::Log;
use sekisho_settings as settings;
use sekisho_verifier_socket::check_peer;
use sekisho_verifier_socket::password::{self, Question};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Judged;
use super::report::Report;

/// What may pass beside the check itself, which takes its own bounded time.
const MARGIN: Duration = Duration::from_millis(500);

/// The way to `sekisho-passwordd`.
#[derive(Debug)]
pub(crate) struct Pam {
    socket: PathBuf,
    time: Duration,
    checks: Semaphore,
    report: Report,
}

impl Pam {
    /// At most `checks` questions at once.
    pub(crate) fn new(pam: &settings::PasswordDaemon, checks: usize, log: &Log) -> Self {
        Self {
            socket: pam.socket.clone(),
            time: Duration::from_millis(pam.timeout_ms.value()) + MARGIN,
            checks: Semaphore::new(checks),
            report: Report::new(log, "the password daemon"),
        }
    }

    /// Whether the password is this account's. Neither may be empty.
    pub(crate) async fn judge(
        &self,
        account: &str,
        password: &[u8],
        remote: Option<&str>,
    ) -> Judged {
        let question = Question {
            account,
            password,
            remote: remote.unwrap_or_default(),
        };
        // What can not be asked about is nobody's. Where the user is may be anything, and is only
        // for modules that want to know.
        let without_remote = Question {
            remote: "",
            ..question
        };
        let Some(octets) = question.encode().or_else(|| without_remote.encode()) else {
            return Judged::Wrong;
        };
        let asking = timeout(self.time, self.ask(&octets));
        let judged = asking.await.unwrap_or_else(|late| Err(late.into()));
        match judged {
            Ok(password::Judged::Right) => self.answered(Judged::Right),
            Ok(password::Judged::Wrong) => self.answered(Judged::Wrong),
            // It has told its own log why.
            Ok(password::Judged::Unavailable) => self.answered(Judged::Unavailable),
            Err(error) => {
                let socket = self.socket.display();
                self.report.trouble(format_args!("{socket}: {error}"));
                Judged::Unavailable
            }
        }
    }

    fn answered(&self, judged: Judged) -> Judged {
        self.report.fine();
        judged
    }

    async fn ask(&self, octets: &[u8]) -> io::Result<password::Judged> {
        let _permit = self.checks.acquire().await.map_err(io::Error::other)?;
        let stream = UnixStream::connect(&self.socket).await?.into_std()?;
        // Before any password is written into it.
        check_peer(&self.socket, &stream).map_err(io::Error::other)?;
        let mut stream = UnixStream::from_std(stream)?;
        stream.write_all(octets).await?;
        stream.read_u8().await.map(password::Judged::from_octet)
    }
}
