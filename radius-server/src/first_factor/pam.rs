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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn pam(folder: &Path) -> Pam {
        let text = format!(
            "[log]\nsyslog = false\nstderr = false\n\
             [radius.pam]\nsocket = \"{}\"\ntimeout-ms = 100\n",
            folder.join("socket").display()
        );
        let all = settings::Settings::parse(Path::new("test"), &text).unwrap();
        let log = Log::start(&all.log, "test").unwrap();
        Pam::new(&all.radius.pam, 4, &log)
    }

    /// A daemon that answers everything by these octets, and keeps quiet without any.
    fn daemon(folder: &Path, answer: &'static [u8]) -> std::sync::mpsc::Receiver<Vec<u8>> {
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let (heard, hears) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut question = vec![0; password::QUESTION_OCTETS_MAX];
                let count = stream.read(&mut question).unwrap();
                question.truncate(count);
                // Nobody may listen any more.
                let _ = heard.send(question);
                let _ = stream.write_all(answer);
                if answer.is_empty() {
                    open.push(stream);
                }
            }
        });
        hears
    }

    async fn asked(pam: &Pam) -> Judged {
        pam.judge("hana", b"correct horse", Some("192.0.2.7")).await
    }

    #[tokio::test]
    async fn answer_is_taken_as_it_is_said_and_nothing_else_is_one() {
        for (answer, judged) in [
            (&b"R"[..], Judged::Right),
            (b"W", Judged::Wrong),
            (b"U", Judged::Unavailable),
            (b"r", Judged::Unavailable),
            (b"\0", Judged::Unavailable),
            (b"", Judged::Unavailable),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let heard = daemon(folder.path(), answer);
            let began = Instant::now();
            assert_eq!(asked(&pam(folder.path())).await, judged, "{answer:?}");
            assert!(began.elapsed() < Duration::from_secs(3));
            let question = heard.recv().unwrap();
            let question = Question::decode(&question[2..]).unwrap();
            assert_eq!((question.account, question.remote), ("hana", "192.0.2.7"));
            assert_eq!(question.password, b"correct horse");
        }
    }

    #[tokio::test]
    async fn nobody_who_could_be_somebody_else_is_told_a_password() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(asked(&pam(folder.path())).await, Judged::Unavailable);
        let heard = daemon(folder.path(), b"R");
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open).unwrap();
        assert_eq!(asked(&pam(folder.path())).await, Judged::Unavailable);
        // It was connected to, and hung up on.
        assert_eq!(heard.recv().unwrap(), b"");
    }

    #[tokio::test]
    async fn r34_names_that_modules_would_make_paths_of_are_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let heard = daemon(folder.path(), b"R");
        let pam = pam(folder.path());
        for account in ["../../etc/shadow", "a/b", "..", "-v", ""] {
            assert_eq!(pam.judge(account, b"secret", None).await, Judged::Wrong);
        }
        assert!(heard.try_recv().is_err());
        // What a gateway says about the user's place never is in the way.
        for remote in ["", "\u{7}\n", &"x".repeat(254)] {
            let judged = pam.judge("hana", b"secret", Some(remote)).await;
            assert_eq!(judged, Judged::Right);
        }
    }
}
