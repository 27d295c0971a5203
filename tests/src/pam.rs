//! The door of Linux logins: a C program on libpam, with a scripted conversation.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{self, Guarded};
use crate::{PrivateRoot, Verdict, programs};

/// How long a driver may take as a whole.
const LIMIT: Duration = Duration::from_secs(60);

/// `PAM_SUCCESS`.
pub const SUCCESS: i64 = 0;
/// `PAM_SERVICE_ERR`.
pub const SERVICE_ERR: i64 = 3;
/// `PAM_AUTH_ERR`.
pub const AUTH_ERR: i64 = 7;
/// `PAM_AUTHINFO_UNAVAIL`.
pub const AUTHINFO_UNAVAIL: i64 = 9;
/// `PAM_MAXTRIES`.
pub const MAXTRIES: i64 = 11;
/// `PAM_IGNORE`.
pub const IGNORE: i64 = 25;

/// PAM services in a private folder, all with our module, and who calls them.
#[derive(Debug)]
pub struct Pam {
    folder: PathBuf,
    root: PrivateRoot,
    socket: PathBuf,
}

/// What came of one `pam_authenticate`, and of what follows a success.
#[derive(Debug, Clone)]
pub struct Report {
    /// What `pam_authenticate` returned.
    pub authenticate: i64,
    /// What `pam_acct_mgmt` returned; -1 if it was not called.
    pub account: i64,
    /// What `pam_setcred` returned; -1 if it was not called.
    pub setcred: i64,
    /// How long `pam_authenticate` took.
    pub took: Duration,
    /// How many questions were asked.
    pub prompts: u64,
    /// The fail delay that was asked for.
    pub delay: Duration,
    /// Everything that was shown.
    pub told: Vec<String>,
}

impl Report {
    fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("the driver printed {line:?}: {error}"));
        let number = |key: &str| value[key].as_i64().expect("the driver prints numbers");
        assert_eq!(number("start"), SUCCESS, "pam_start: {line}");
        let told = value["told"].as_array().into_iter().flatten();
        Self {
            authenticate: number("authenticate"),
            account: number("account"),
            setcred: number("setcred"),
            took: Duration::from_secs_f64(value["milliseconds"].as_f64().unwrap_or(0.0) / 1e3),
            prompts: number("prompts").cast_unsigned(),
            delay: Duration::from_micros(number("delay_us").cast_unsigned()),
            told: told.map(|t| t.as_str().unwrap_or("").to_owned()).collect(),
        }
    }

    /// What it means at the door. A code that a login must never end with is a failure.
    #[track_caller]
    pub fn verdict(&self) -> Verdict {
        match self.authenticate {
            SUCCESS => {
                assert_eq!((self.account, self.setcred), (SUCCESS, SUCCESS), "{self:?}");
                Verdict::Accept
            }
            AUTH_ERR | MAXTRIES => Verdict::Reject,
            AUTHINFO_UNAVAIL | SERVICE_ERR => Verdict::Silent,
            other => panic!("PAM returned {other}: {self:?}"),
        }
    }
}

impl Pam {
    /// Services in `folder` that ask the verifier at `socket`; `login` is one, and there an
    /// `IGNORE` of ours would let people in.
    pub fn new(folder: &Path, socket: &Path) -> Self {
        let pam = Self {
            folder: folder.join("pam-services"),
            root: PrivateRoot::new(folder),
            socket: socket.to_owned(),
        };
        fs::create_dir_all(&pam.folder).expect("a folder for services");
        pam.service_lines("login", &primed(&service_lines(socket, "")));
        pam
    }

    /// Makes or changes a service whose module has these options beside the socket.
    pub fn service(&self, name: &str, options: &str) {
        self.service_lines(name, &service_lines(&self.socket, options));
    }

    /// Makes or changes a service by its lines.
    pub fn service_lines(&self, name: &str, lines: &str) {
        fs::write(self.folder.join(name), lines).expect("a service can be written");
    }

    /// One login: the answers to the prompts, in order.
    #[track_caller]
    pub fn login(&self, user: &str, answers: &[&str]) -> Report {
        let reports = self.drive(&[], "login", user, answers);
        reports.into_iter().next().expect("one login, one report")
    }

    /// The driver with options (see its source); a report for each round.
    #[track_caller]
    pub fn drive(
        &self,
        options: &[&str],
        service: &str,
        user: &str,
        answers: &[&str],
    ) -> Vec<Report> {
        let mut command = self.command(options, service, user, answers);
        let done = process::run(&mut command, b"", LIMIT).expect_success();
        Self::reports(&done)
    }

    /// The words of a driver's command line, for running it by other means.
    pub fn words(
        &self,
        options: &[&str],
        service: &str,
        user: &str,
        answers: &[&str],
    ) -> Vec<OsString> {
        let mut words = vec![programs::pam_driver().into()];
        words.extend(options.iter().map(OsString::from));
        words.push(self.folder.clone().into());
        words.extend([service, user].iter().map(OsString::from));
        words.extend(answers.iter().map(OsString::from));
        words
    }

    fn command(&self, options: &[&str], service: &str, user: &str, answers: &[&str]) -> Command {
        let words = self.words(options, service, user, answers);
        let mut command = self.root.command(&words[0]);
        command.args(&words[1..]);
        command
    }

    /// What a driver's command printed.
    pub fn reports(done: &process::Finished) -> Vec<Report> {
        done.stdout.lines().map(Report::parse).collect()
    }

    /// The namespace that drivers run in.
    pub fn root(&self) -> &PrivateRoot {
        &self.root
    }

    /// The folder of the services.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// So many processes that are all about to call `pam_authenticate`.
    pub fn line_up(&self, copies: usize, user: &str, answer: &str) -> LinedUp {
        let copies = copies.to_string();
        let mut command = self.command(&["-g", "-n", &copies], "login", user, &[answer]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut driver = Guarded::spawn(&mut command);
        let stdout = driver.child().stdout.take().expect("its output is piped");
        let mut stdout = BufReader::new(stdout);
        let mut ready = String::new();
        stdout
            .read_line(&mut ready)
            .expect("the driver can be read");
        assert_eq!(ready, "ready\n");
        LinedUp { driver, stdout }
    }
}

/// Processes behind a barrier.
#[derive(Debug)]
pub struct LinedUp {
    driver: Guarded,
    stdout: BufReader<ChildStdout>,
}

impl LinedUp {
    /// Lets all of them go at once.
    pub fn go(&mut self) {
        // The end of its input is the sign.
        drop(self.driver.child().stdin.take());
    }

    /// What came of them.
    pub fn reports(mut self) -> Vec<Report> {
        let status = self.driver.wait_until(Instant::now() + LIMIT);
        assert!(status.is_some_and(|s| s.success()), "driver: {status:?}");
        let mut lines = String::new();
        self.stdout
            .read_to_string(&mut lines)
            .expect("the driver can be read");
        lines.lines().map(Report::parse).collect()
    }
}

/// The lines of a service that asks our module, and nobody else, at `socket`.
pub fn service_lines(socket: &Path, options: &str) -> String {
    let module = programs::pam_module();
    let (module, socket) = (module.display(), socket.display());
    format!(
        "auth requisite {module} socket={socket} {options}\n\
         account required {module} socket={socket}\n\
         session required pam_permit.so\n\
         password required pam_deny.so\n"
    )
}

/// The line by which a token is put into use at a login.
pub fn password_line(socket: &Path) -> String {
    let (module, socket) = (programs::pam_module(), socket.display());
    format!("password required {} socket={socket}", module.display())
}

/// The same behind a module that succeeded, as in Debian's generated stacks.
pub fn primed(lines: &str) -> String {
    format!("auth required pam_permit.so\naccount required pam_permit.so\n{lines}")
}
