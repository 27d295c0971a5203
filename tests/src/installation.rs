//! An installation in a folder of its own: settings, data, daemons, and the doors in front.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_verifier_socket::admin::{Answer, Refusal, Verb};
use sekisho_verifier_socket::{self as socket, Client, Reply, Request};
use serde_json::Value;
use tempfile::TempDir;

use crate::clock::{BEGINNING, Clock};
use crate::pam::{Pam, Report};
use crate::process::{self, Finished};
use crate::radius::{Nas, Request as Packet, SECRET};
use crate::token::CSV_HEADER;
use crate::{Daemon, PrivateRoot, Token, programs};

/// Of four digits: the RADIUS plugin of OpenVPN reads no more of them.
const RADIUS_PORT: u16 = 8_120;
const ACCOUNTING_PORT: u16 = 8_130;
const SSH_PORT: u16 = 22_022;
/// How often the RADIUS server is asked whether it is ready.
const RADIUS_PAUSE: Duration = Duration::from_millis(200);
/// How long the CLI may take.
const CLI_LIMIT: Duration = Duration::from_secs(60);
/// Puts a small disk over the folder in the first argument, with the same content, and runs what
/// follows its size in MiB.
const ON_A_DISK: &str = r#"
set -e
data=$1 size=$2
shift 2
copy=$(mktemp -d "$data.XXXXXX")
cp -a "$data/." "$copy"
mount -t tmpfs -o "size=${size}m,mode=0700" tmpfs "$data"
cp -a "$copy/." "$data"
rm -rf "$copy"
exec "$@"
"#;
/// How long the verifier may take for one call.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// What somebody is told at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Accept,
    /// Kept out.
    Reject,
    /// Nothing was decided: RADIUS is silent, PAM denies for want of a verifier.
    Silent,
}

/// Where somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A Linux login.
    Pam,
    /// The VPN.
    Radius,
}

impl Door {
    /// Both, since what holds at one must hold at the other.
    pub const BOTH: [Self; 2] = [Self::Pam, Self::Radius];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Pam => Self::Radius,
            Self::Radius => Self::Pam,
        }
    }
}

/// What an installation shall be like.
#[derive(Debug)]
pub struct Plan {
    approval: String,
    tables: String,
    radius: String,
    client: String,
    others: String,
    clock: Option<u64>,
}

impl Default for Plan {
    /// Defaults but for the delay of rejects, which only costs time, and for operations that take
    /// two people, of whom most tests have one; the clock stands still.
    fn default() -> Self {
        Self {
            approval: "[approval]\noperations = []\n".into(),
            tables: String::new(),
            radius: "reject-delay-ms = 0\n".into(),
            client: String::new(),
            others: String::new(),
            clock: Some(BEGINNING),
        }
    }
}

impl Plan {
    /// Adds tables to the settings.
    pub fn settings(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self.tables.push('\n');
        self
    }

    /// These operations take two people.
    pub fn two_people(mut self, operations: &[&str]) -> Self {
        self.approval = format!("[approval]\noperations = {operations:?}\n");
        self
    }

    /// Replaces the lines of `[radius]`; `listen` comes from the harness.
    pub fn radius(mut self, lines: &str) -> Self {
        self.radius = format!("{lines}\n");
        self
    }

    /// Adds lines to the block of the one client, `vpn`, which is everybody on loopback. Blocks
    /// below it may follow.
    pub fn client(mut self, lines: &str) -> Self {
        self.client.push_str(lines);
        self.client.push('\n');
        self
    }

    /// Adds a client of this name that sends from `address`.
    pub fn other_client(mut self, name: &str, address: &str, lines: &str) -> Self {
        self.others.push_str(&format!(
            "[[radius.client]]\nname = \"{name}\"\naddress = [\"{address}\"]\n\
             secret = \"{SECRET}\"\n{lines}\n"
        ));
        self
    }

    /// The verifier has a clock that stands at `seconds`.
    pub fn clock_at(mut self, seconds: u64) -> Self {
        self.clock = Some(seconds);
        self
    }

    /// The verifier has the machine's clock.
    pub fn real_clock(mut self) -> Self {
        self.clock = None;
        self
    }

    /// Makes it by `sekisho init`, and starts nothing.
    #[track_caller]
    pub fn build(self) -> Installation {
        Installation::build(self)
    }

    /// Makes it and starts both daemons.
    #[track_caller]
    pub fn start(self) -> Installation {
        let mut made = self.build();
        made.start_verifier();
        made.start_radius();
        made
    }
}

/// An installation. Everything is gone when it is dropped.
#[derive(Debug)]
pub struct Installation {
    // Dropped in this order: the daemons before their folder.
    radius: Option<Daemon>,
    verifier: Option<Daemon>,
    clock: Option<Clock>,
    pam: OnceLock<Pam>,
    address: Ipv4Addr,
    environment: Vec<(String, PathBuf)>,
    /// What a daemon's command begins with, where it lives in a view of the file system of its own.
    entrance: Option<Vec<OsString>>,
    folder: TempDir,
}

impl Installation {
    /// An installation with daemons, a clock that stands still, and these tokens, enrolled.
    #[track_caller]
    pub fn with(tokens: &[&Token]) -> Self {
        let made = Plan::default().start();
        made.import(tokens);
        made
    }

    #[track_caller]
    fn build(plan: Plan) -> Self {
        programs::require_root();
        let folder = tempfile::Builder::new()
            .prefix("sekisho-")
            .tempdir()
            .expect("a temporary folder");
        // Users without privileges must reach the socket.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let made = Self {
            radius: None,
            verifier: None,
            clock: plan.clock.map(|now| Clock::new(folder.path(), now)),
            pam: OnceLock::new(),
            address: own_address(),
            environment: Vec::new(),
            entrance: None,
            folder,
        };
        let (settings, data, socket) = (made.settings(), made.data(), made.socket());
        let mut init = process::leashed(programs::ours("sekisho"));
        init.arg("init").arg("--settings").arg(&settings);
        init.arg("--data").arg(&data).arg("--socket").arg(&socket);
        init.args(["--owner", "root"]);
        process::run(&mut init, b"", CLI_LIMIT).expect_success();
        let text = made.settings_text(&plan);
        // In place, so that owner and mode stay as `init` made them.
        fs::write(&settings, text).expect("the settings can be written");
        made
    }

    fn settings_text(&self, plan: &Plan) -> String {
        format!(
            "[verifier]\ndata = {:?}\nsocket = {:?}\n\n[log]\nsyslog = false\nlevel = \"debug\"\n\n\
             {}\n{}\n[radius]\nlisten = [\"{}\"]\naccounting-listen = [\"{}\"]\n{}\n\
             [[radius.client]]\nname = \"vpn\"\naddress = [\"127.0.0.0/8\"]\nsecret = \"{SECRET}\"\n\
             requests-per-second = 1000000\n{}\n{}",
            self.data(),
            self.socket(),
            plan.approval,
            plan.tables,
            self.radius_address(),
            self.accounting_address(),
            plan.radius,
            plan.client,
            plan.others,
        )
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The settings file.
    pub fn settings(&self) -> PathBuf {
        self.folder().join("etc/sekisho.toml")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The verifier's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder().join("run/verifier.sock")
    }

    /// Where the RADIUS server listens.
    pub fn radius_address(&self) -> SocketAddr {
        (IpAddr::V4(self.address), RADIUS_PORT).into()
    }

    /// Where the RADIUS server listens for accounting.
    pub fn accounting_address(&self) -> SocketAddr {
        (IpAddr::V4(self.address), ACCOUNTING_PORT).into()
    }

    /// Where an sshd may listen.
    pub fn ssh_address(&self) -> SocketAddr {
        (IpAddr::V4(self.address), SSH_PORT).into()
    }

    /// The verifier's clock, which it must have.
    #[track_caller]
    pub fn clock(&self) -> &Clock {
        self.clock.as_ref().expect("this test has its own clock")
    }

    /// What the verifier takes as now, in seconds since 1970.
    pub fn now(&self) -> u64 {
        match &self.clock {
            Some(clock) => clock.now(),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| now.as_secs()),
        }
    }

    /// What `token` shows, `offset` steps from now.
    pub fn code(&self, token: &Token, offset: i64) -> String {
        token.shows(self.now(), offset)
    }

    /// The `nth` wrong code of `token`.
    pub fn wrong_code(&self, token: &Token, nth: usize) -> String {
        token.wrong(self.now(), nth)
    }

    /// From their next start on the daemons live in `root`, and know who lives there.
    pub fn live_in(&mut self, root: &PrivateRoot) {
        let command = root.command("");
        let mut words = vec![command.get_program().to_owned()];
        words.extend(command.get_args().map(OsStr::to_owned));
        // The last one is the program.
        words.pop();
        self.entrance = Some(words);
    }

    /// The command that starts a daemon.
    pub fn daemon_command(&self, program: &str) -> Command {
        let program = programs::ours(program);
        let mut command = match &self.entrance {
            Some(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).arg(program);
                command
            }
            None => process::leashed(program),
        };
        command.arg("--settings").arg(self.settings());
        command
    }

    fn verifier_command(&self) -> Command {
        let mut command = self.daemon_command("sekisho-verifierd");
        if let Some(clock) = &self.clock {
            clock.wind(&mut command);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the verifier, which must refuse, and returns what it says.
    #[track_caller]
    pub fn refused_verifier(&self) -> String {
        let mut command = self.verifier_command();
        match Daemon::try_start("verifierd", self.folder(), &mut command) {
            Ok(_) => panic!("the verifier started"),
            Err((_, log)) => log,
        }
    }

    /// The verifier finds this in its environment from its next start on.
    pub fn tell_verifier(&mut self, name: &str, value: &Path) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Adds tables to the settings, for the next start.
    #[track_caller]
    pub fn add_settings(&self, tables: &str) {
        let text = fs::read_to_string(self.settings()).expect("settings");
        fs::write(self.settings(), format!("{text}\n{tables}")).expect("written");
    }

    /// Starts the verifier.
    #[track_caller]
    pub fn start_verifier(&mut self) {
        let mut command = self.verifier_command();
        self.verifier = Some(Daemon::start("verifierd", self.folder(), &mut command));
    }

    /// Starts the verifier with its data on a disk of its own that holds so many MiB, in a mount
    /// namespace of its own. Returns where that disk is to be seen from outside; it is gone with
    /// the verifier.
    #[track_caller]
    pub fn start_verifier_on_a_disk(&mut self, mebibytes: u32) -> PathBuf {
        let inner = self.verifier_command();
        let mut command = process::leashed("unshare");
        command
            .args(["--mount", "--propagation", "private", "--"])
            .args(["/bin/sh", "-c", ON_A_DISK, "sh"])
            .arg(self.data())
            .arg(mebibytes.to_string())
            .arg(inner.get_program())
            .args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let verifier = Daemon::start("verifierd", self.folder(), &mut command);
        let root = PathBuf::from(format!("/proc/{}/root", verifier.process()));
        self.verifier = Some(verifier);
        let data = self.data();
        root.join(data.strip_prefix("/").unwrap_or(&data))
    }

    /// Starts the RADIUS server.
    #[track_caller]
    pub fn start_radius(&mut self) {
        let mut command = self.daemon_command("sekisho-radiusd");
        if let Some(clock) = &self.clock {
            // A State expires by the clock of who made it, and is looked at by the verifier too.
            clock.wind(&mut command);
        }
        self.radius = Some(Daemon::start("radiusd", self.folder(), &mut command));
        if self.verifier.is_some() {
            // It listens at once, and answers when it has found the verifier.
            let status = self.nas().insist(&Packet::status(0), RADIUS_PAUSE);
            assert_eq!(
                status,
                Verdict::Accept,
                "the RADIUS server finds the verifier"
            );
        }
    }

    /// The running verifier.
    #[track_caller]
    pub fn verifier(&mut self) -> &mut Daemon {
        self.verifier.as_mut().expect("the verifier runs")
    }

    /// The running RADIUS server.
    #[track_caller]
    pub fn radius(&mut self) -> &mut Daemon {
        self.radius.as_mut().expect("the RADIUS server runs")
    }

    /// Takes the verifier out, to be stopped or killed.
    #[track_caller]
    pub fn take_verifier(&mut self) -> Daemon {
        self.verifier.take().expect("the verifier runs")
    }

    /// Takes the RADIUS server out, to be stopped or killed.
    #[track_caller]
    pub fn take_radius(&mut self) -> Daemon {
        self.radius.take().expect("the RADIUS server runs")
    }

    /// Stops the verifier and starts it again.
    #[track_caller]
    pub fn restart_verifier(&mut self) {
        self.take_verifier().stop();
        self.start_verifier();
    }

    /// kill -9 of the verifier, and its start.
    #[track_caller]
    pub fn crash_verifier(&mut self) {
        self.take_verifier().kill();
        self.start_verifier();
    }

    /// The door of Linux logins.
    pub fn pam(&self) -> &Pam {
        self.pam
            .get_or_init(|| Pam::new(self.folder(), &self.socket()))
    }

    /// A gateway.
    pub fn nas(&self) -> Nas {
        Nas::new(self.radius_address())
    }

    /// One login at a door.
    #[track_caller]
    pub fn login(&self, door: Door, user: &str, code: &str) -> Verdict {
        match door {
            Door::Pam => self.pam_login(user, code).verdict(),
            Door::Radius => self.nas().login(user, code),
        }
    }

    /// One login through PAM.
    #[track_caller]
    pub fn pam_login(&self, user: &str, code: &str) -> Report {
        self.pam().login(user, &[code])
    }

    /// Runs the CLI with `input` as its standard input.
    pub fn sekisho_with(&self, words: &[&str], input: &str) -> Finished {
        let mut command = process::leashed(programs::ours("sekisho"));
        command
            .arg("--settings")
            .arg(self.settings())
            .args(words)
            .env("NO_COLOR", "1")
            .env("TZ", "UTC");
        process::run(&mut command, input.as_bytes(), CLI_LIMIT)
    }

    /// Runs the CLI.
    pub fn sekisho(&self, words: &[&str]) -> Finished {
        self.sekisho_with(words, "")
    }

    /// Runs the CLI, which must succeed, and returns what it prints for programs.
    #[track_caller]
    pub fn json_with(&self, words: &[&str], input: &str) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        let done = self.sekisho_with(&all, input).expect_success();
        match serde_json::from_str(&done.stdout) {
            Ok(value) => value,
            Err(error) => panic!("sekisho {words:?} printed no JSON: {error}\n{done}"),
        }
    }

    /// Runs the CLI, which must succeed, and returns what it prints for programs.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        self.json_with(words, "")
    }

    /// Imports tokens; those with an account are enrolled at once.
    #[track_caller]
    pub fn import(&self, tokens: &[&Token]) {
        if tokens.is_empty() {
            return;
        }
        let lines: String = tokens.iter().map(|token| token.csv_line()).collect();
        self.import_text(&format!("{CSV_HEADER}{lines}"))
            .expect_success();
    }

    /// Imports the text of a file.
    pub fn import_text(&self, text: &str) -> Finished {
        let file = tempfile::NamedTempFile::new_in(self.folder()).expect("a file");
        fs::write(file.path(), text).expect("the file can be written");
        let path = file.path().display().to_string();
        self.sekisho(&["token", "import", &path])
    }

    /// All events, the newest last.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let listed = self.json(&["audit", "list", "--all"]);
        listed["events"].as_array().cloned().unwrap_or_default()
    }

    /// How many logins were decided for this reason.
    #[track_caller]
    pub fn count(&self, reason: &str) -> usize {
        let events = self.events();
        events.iter().filter(|e| e["reason"] == reason).count()
    }

    /// A connection to the verifier, as root.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let deadline = std::time::Instant::now() + CALL_LIMIT;
        Client::connect(&self.socket(), deadline).expect("the verifier listens")
    }
}

/// A login as the PAM module asks for it.
pub fn attempt(account: &str, code: &str) -> Request {
    let place = socket::Place {
        door: socket::Door::Pam,
        name: "login".into(),
        terminal: None,
        remote: None,
    };
    Request::Attempt(socket::Attempt::of_code(
        account.to_owned(),
        code.into(),
        place,
    ))
}

/// Asks one thing on a connection; `None` if no reply came.
pub fn call(client: &mut Client, request: Request) -> Option<Reply> {
    let deadline = std::time::Instant::now() + CALL_LIMIT;
    client.call(request, deadline).ok()
}

/// An admin's verb on a connection; `None` if no reply came.
pub fn ask(client: &mut Client, verb: Verb) -> Option<Result<Answer, Refusal>> {
    ask_once(client, verb, None)
}

/// An admin's verb on a connection, to be done once for each `key`; `None` if no reply came.
pub fn ask_once(
    client: &mut Client,
    verb: Verb,
    key: Option<&str>,
) -> Option<Result<Answer, Refusal>> {
    ask_with(client, verb, key, None)
}

/// An admin's verb on a connection that waited for this approval.
#[track_caller]
pub fn ask_approved(client: &mut Client, verb: Verb, approval: &str) -> Result<Answer, Refusal> {
    ask_with(client, verb, None, Some(approval)).expect("the verifier answers")
}

fn ask_with(
    client: &mut Client,
    verb: Verb,
    key: Option<&str>,
    approval: Option<&str>,
) -> Option<Result<Answer, Refusal>> {
    let request = Request::Admin {
        verb: Box::new(verb),
        key: key.map(str::to_owned),
        language: None,
        approval: approval.map(str::to_owned),
    };
    match call(client, request)? {
        Reply::Admin(result) => Some(*result),
        other => panic!("the verifier answered a verb with {other:?}"),
    }
}

/// An address of loopback that no other installation of this machine uses now, so that ports can
/// be fixed.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let process = std::process::id();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(
        127,
        1 + (process % 250) as u8,
        1 + (process / 250 % 250) as u8,
        number,
    )
}
