//! Debian's google-authenticator and pam_oath beside ours: the same driver, the same scenarios.
//!
//! What ours does is asserted. What they do is measured and printed, since it is theirs to change:
//! `docs/development/peer-failures.md` keeps the table.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sekisho_tests::installation::Plan;
use sekisho_tests::pam::{Pam, Report, SUCCESS};
use sekisho_tests::process::{self, Guarded};
use sekisho_tests::{Installation, Token, programs};

const LIMIT: Duration = Duration::from_secs(60);
/// As long as a clock is set back.
const TEN_MINUTES: u64 = 600;
/// The processes with one code, and how often.
const COPIES: usize = 16;
const ROUNDS: usize = 20;
/// The users who come at once, and how often.
const USERS: usize = 16;
const CROWDS: usize = 5;
/// How far a token's clock is ahead, in steps, when it is to be learned: beyond what anybody accepts at
/// once.
const AHEAD: i64 = 20;

/// Starts a driver for each pair of user and code, all with this process's standard input, whose end is
/// the sign to begin.
const CROWD: &str = r#"
exec 3<&0
driver=$1 folder=$2 service=$3
shift 3
while [ $# -gt 1 ]; do
    "$driver" -g "$folder" "$service" "$1" "$2" <&3 &
    shift 2
done
wait
"#;

/// A module under test, and how it wants its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Module {
    Ours,
    GoogleAuthenticator,
    Oath,
}

impl Module {
    const ALL: [Self; 3] = [Self::GoogleAuthenticator, Self::Oath, Self::Ours];

    fn service(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::GoogleAuthenticator => "google-authenticator",
            Self::Oath => "oath",
        }
    }

    /// Debian's package, if it is another's.
    fn package(self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::GoogleAuthenticator => Some("libpam-google-authenticator"),
            Self::Oath => Some("libpam-oath"),
        }
    }

    /// Its name and version.
    fn title(self) -> String {
        let Some(package) = self.package() else {
            return "sekisho".to_owned();
        };
        let change_log = programs::gateways()
            .join("usr/share/doc")
            .join(package)
            .join("changelog.Debian.gz");
        let mut zcat = Command::new("zcat");
        let done = process::run(zcat.arg(change_log), b"", LIMIT).expect_success();
        let version = done
            .stdout
            .split(['(', ')'])
            .nth(1)
            .unwrap_or("?")
            .to_owned();
        format!("{package} {version}")
    }
}

/// All three, with the same tokens and one clock.
struct Bench {
    made: Installation,
    folder: PathBuf,
    libraries: PathBuf,
}

impl Bench {
    fn new(tokens: &[&Token]) -> Self {
        let mut made = Plan::default().build();
        made.start_verifier();
        made.import(tokens);
        let folder = made.folder().join("peers");
        fs::create_dir_all(folder.join("secrets")).expect("a folder");
        let security = security();
        let bench = Self {
            libraries: security.parent().expect("a folder").to_owned(),
            folder,
            made,
        };
        let pam = bench.made.pam();
        pam.service("ours", "");
        let secrets = bench.folder.join("secrets");
        pam.service_lines(
            "google-authenticator",
            &alone(&format!(
                "{} user=root secret={}/${{USER}}",
                security.join("pam_google_authenticator.so").display(),
                secrets.display()
            )),
        );
        pam.service_lines(
            "oath",
            &alone(&format!(
                "{} usersfile={} window=3 digits=6",
                security.join("pam_oath.so").display(),
                bench.folder.join("users.oath").display()
            )),
        );
        bench.enroll(tokens);
        bench
    }

    /// A file for each user, with reuse off; and one file for all.
    fn enroll(&self, tokens: &[&Token]) {
        let mut users = String::new();
        for token in tokens {
            let seed = HEXLOWER.decode(token.seed_hex().as_bytes()).expect("hex");
            let secret = BASE32_NOPAD.encode(&seed);
            let text = format!("{secret}\n\" DISALLOW_REUSE\n\" TOTP_AUTH\n");
            write(&self.folder.join("secrets").join(&token.account), &text);
            writeln!(
                users,
                "HOTP/T30/6\t{}\t-\t{}",
                token.account,
                token.seed_hex()
            )
            .expect("to a string");
        }
        write(&self.folder.join("users.oath"), &users);
    }

    fn pam(&self) -> &Pam {
        self.made.pam()
    }

    /// A program among the services, with the clock of this test and the libraries of the peers.
    fn command(&self, words: &[OsString]) -> Command {
        let mut command = self.pam().root().command(&words[0]);
        command.args(&words[1..]);
        self.made.clock().wind(&mut command);
        command.env("LD_LIBRARY_PATH", &self.libraries);
        command
    }

    /// So many logins at once with one code: how many get in?
    fn race(&self, module: Module, token: &Token, copies: usize) -> usize {
        let code = self.made.code(token, 0);
        let copies = copies.to_string();
        let words = self
            .pam()
            .words(&["-n", &copies], module.service(), &token.account, &[&code]);
        let done = process::run(&mut self.command(&words), b"", LIMIT).expect_success();
        accepted(&Pam::reports(&done))
    }

    /// One login with what the token shows so many steps from now.
    fn lets_in(&self, module: Module, token: &Token, offset: i64) -> bool {
        let code = self.made.code(token, offset);
        let words = self
            .pam()
            .words(&[], module.service(), &token.account, &[&code]);
        let done = process::run(&mut self.command(&words), b"", LIMIT).expect_success();
        accepted(&Pam::reports(&done)) == 1
    }

    /// Each of these users at once, each with a code of their own: how many get in?
    fn crowd(&self, module: Module, tokens: &[&Token]) -> usize {
        let mut words: Vec<OsString> = ["/bin/sh", "-c", CROWD, "sh"].map(OsString::from).into();
        words.push(programs::pam_driver().into());
        words.push(self.pam().folder().into());
        words.push(module.service().into());
        for token in tokens {
            words.push((&token.account).into());
            words.push(self.made.code(token, 0).into());
        }
        let mut command = self.command(&words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut crowd = Guarded::spawn(&mut command);
        let mut output = BufReader::new(crowd.child().stdout.take().expect("piped"));
        for _ in tokens {
            let mut ready = String::new();
            output
                .read_line(&mut ready)
                .expect("the drivers can be read");
            assert_eq!(ready, "ready\n");
        }
        drop(crowd.child().stdin.take());
        let mut lines = String::new();
        output
            .read_to_string(&mut lines)
            .expect("the drivers can be read");
        let status = crowd.wait_until(Instant::now() + LIMIT);
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        assert_eq!(lines.lines().count(), tokens.len(), "{lines}");
        lines
            .lines()
            .filter(|line| line.contains("\"authenticate\":0,"))
            .count()
    }
}

fn accepted(reports: &[Report]) -> usize {
    let accepted = reports
        .iter()
        .filter(|report| report.authenticate == SUCCESS);
    accepted.count()
}

/// A service that asks one module only.
fn alone(module: &str) -> String {
    format!("auth requisite {module}\naccount required pam_permit.so\n")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}

/// Where the peers' modules were unpacked.
fn security() -> PathBuf {
    let library = programs::gateways().join("usr/lib");
    let folders = fs::read_dir(&library).expect("a folder");
    let mut folders = folders.map(|entry| entry.expect("an entry").path().join("security"));
    let found = folders.find(|folder| folder.join("pam_oath.so").exists());
    found.expect("scripts/needs unpacks pam_oath")
}

/// The middle one, and the most.
fn middle_and_most(mut counts: Vec<usize>) -> (usize, usize) {
    counts.sort_unstable();
    (counts[counts.len() / 2], *counts.last().expect("some"))
}

/// A row of the table: what was done, what is right, and what came of it by module.
struct Row {
    claim: &'static str,
    right: &'static str,
    cells: Vec<String>,
}

fn row(claim: &'static str, right: &'static str, cell: impl Fn(Module) -> String) -> Row {
    Row {
        claim,
        right,
        cells: Module::ALL.map(cell).into(),
    }
}

/// As Markdown, on the terminal even if the test passes.
fn print(rows: &[Row]) {
    let titles = Module::ALL.map(Module::title).join(" | ");
    let mut table = format!("\n| row | right is | {titles} |\n|---|---|---|---|---|\n");
    for row in rows {
        let cells = row.cells.join(" | ");
        writeln!(table, "| {} | {} | {cells} |", row.claim, row.right).expect("to a string");
    }
    std::io::stderr()
        .write_all(table.as_bytes())
        .expect("written");
}

fn tokens(name: &str, count: usize) -> Vec<Token> {
    (0..count)
        .map(|n| {
            Token::new(
                &format!("{name}{n:02}"),
                &format!("{}{n:08}", name.to_uppercase()),
            )
        })
        .collect()
}

/// P1: a code that many processes bring at once.
fn one_code_in_many_processes(bench: &Bench, racers: &[Token]) -> Row {
    row(
        "P1: one code in 16 processes at once, 20 rounds: how many get in (middle, most)",
        "1, 1",
        |module| {
            let counts = racers.iter().map(|token| bench.race(module, token, COPIES));
            let counts: Vec<usize> = counts.collect();
            if module == Module::Ours {
                assert!(counts.iter().all(|count| *count == 1), "{counts:?}");
            }
            // Alone it is refused when it comes again: reuse is off.
            let last = racers.last().expect("some");
            assert!(!bench.lets_in(module, last, 0), "{module:?}");
            let (middle, most) = middle_and_most(counts);
            format!("{middle}, {most}")
        },
    )
}

/// P3: what the token showed before what was used last.
fn older_step(bench: &Bench, token: &Token) -> Row {
    row(
        "P3: the code of the step before, after that of now was used",
        "refused",
        |module| {
            assert!(bench.lets_in(module, token, 0), "{module:?}");
            let again = bench.lets_in(module, token, -1);
            assert!(module != Module::Ours || !again);
            verdict(again)
        },
    )
}

/// P4: three codes in a row of a clock that is far ahead teach how far; then the third once more.
fn learning(bench: &Bench, token: &Token) -> Row {
    row(
        "P4: the third of three codes in a row from a clock 10 min ahead, brought once more",
        "refused",
        |module| {
            let mut learned = false;
            for _ in 0..3 {
                bench.made.clock().advance(30);
                learned = bench.lets_in(module, token, AHEAD);
            }
            let again = bench.lets_in(module, token, AHEAD);
            assert!(module != Module::Ours || !again);
            let learned = if learned {
                ""
            } else {
                ", and so were the three"
            };
            format!("{}{learned}", verdict(again))
        },
    )
}

/// P4 where ours learns too: a clock that is one step ahead.
fn learning_one_step(bench: &Bench, token: &Token) -> Row {
    row(
        "P4: a code from a clock one step ahead, brought once more",
        "refused",
        |module| {
            assert!(bench.lets_in(module, token, 1), "{module:?}");
            let again = bench.lets_in(module, token, 1);
            assert!(module != Module::Ours || !again);
            verdict(again)
        },
    )
}

/// P5: users with good codes are not in each other's way.
fn a_crowd(bench: &Bench, crowd: &[Token]) -> Row {
    row(
        "P5: 16 users at once, each with a good code, 5 rounds: how many get in (fewest, most); pam_oath with one users file",
        "16, 16",
        |module| {
            let rounds = crowd.chunks(USERS);
            let counts = rounds.map(|users| bench.crowd(module, &users.iter().collect::<Vec<_>>()));
            let counts: Vec<usize> = counts.collect();
            if module == Module::Ours {
                assert!(counts.iter().all(|count| *count == USERS), "{counts:?}");
            }
            // One after the other all of them get in: it is the crowd that keeps them out.
            let last = &crowd[USERS * (CROWDS - 1)..];
            assert!(
                last.iter().all(|token| bench.lets_in(module, token, 1)),
                "{module:?}"
            );
            let fewest = counts.iter().min().expect("some rounds");
            let most = counts.iter().max().expect("some rounds");
            format!("{fewest}, {most}")
        },
    )
}

/// P2: the last, since it leaves ours in doubt of its clock.
fn clock_set_back(bench: &Bench, token: &Token) -> Row {
    let right_code = |module| {
        assert!(bench.lets_in(module, token, 0), "{module:?}");
    };
    for module in Module::ALL {
        right_code(module);
    }
    bench.made.clock().advance(TEN_MINUTES);
    for module in Module::ALL {
        right_code(module);
    }
    bench.made.clock().set_back(TEN_MINUTES);
    row(
        "P2: the clock set back by 10 min after two logins: the first code once more",
        "refused",
        |module| {
            let again = bench.lets_in(module, token, 0);
            assert!(module != Module::Ours || !again);
            verdict(again)
        },
    )
}

fn verdict(accepted: bool) -> String {
    if accepted { "**accepted**" } else { "refused" }.to_owned()
}

#[test]
fn p01_p02_p03_p04_p05_ours_beside_google_authenticator_and_pam_oath() {
    let racers = tokens("racer", ROUNDS);
    let crowd = tokens("crowd", USERS * CROWDS);
    let single = tokens("single", 4);
    let all: Vec<&Token> = racers.iter().chain(&crowd).chain(&single).collect();
    let bench = Bench::new(&all);
    let rows = [
        one_code_in_many_processes(&bench, &racers),
        older_step(&bench, &single[0]),
        learning(&bench, &single[1]),
        learning_one_step(&bench, &single[2]),
        a_crowd(&bench, &crowd),
        clock_set_back(&bench, &single[3]),
    ];
    print(&rows);
}
