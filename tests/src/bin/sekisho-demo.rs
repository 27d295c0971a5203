//! The story of Sekisho, played with real daemons, a real sshd, radclient and the CLI.
//!
//! `DEMO_STAY=1` keeps everything running and says what to try.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::io::{IsTerminal, Read};
use std::thread;
use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::radius::{Nas, SECRET, radclient_login};
use sekisho_tests::screens::Mask;
use sekisho_tests::sshd::Sshd;
use sekisho_tests::terminal::Terminal;
use sekisho_tests::texts::Tongue;
use sekisho_tests::{Installation, PrivateRoot, Token, Verdict, pam, programs};
use serde_json::Value;

/// Seconds of a step.
const PERIOD: u64 = 30;
/// A proof that is started in the last seconds of a step might arrive in the next one.
const EDGE: u64 = 2;

fn main() {
    let mut story = Story::begin();
    let hana = story.issue_and_enroll("hana");
    story.one_code_two_doors(&hana);
    let jiro = story.issue_and_enroll("jiro");
    story.race(&jiro);
    story.lose(&jiro);
    story.emergency("jiro");
    story.come_back("jiro");
    story.look_back();
    if std::env::var("DEMO_STAY").is_ok_and(|stay| !stay.is_empty()) {
        story.stay(&hana);
    }
}

/// A token in somebody's hand, and the step at which its use started: its codes at that step and
/// the next are fresh, and acceptable for half a minute at least.
struct Phone {
    token: Token,
    began: u64,
}

impl Phone {
    fn code(&self, offset: u64) -> String {
        self.token.code(self.began + offset)
    }
}

struct Story {
    stage: Stage,
    made: Installation,
    root: PrivateRoot,
    sshd: Sshd,
    scene: u32,
}

impl Story {
    fn begin() -> Self {
        let stage = Stage::new();
        stage.title();
        let made = Plan::default().radius("").real_clock().start();
        let root = PrivateRoot::new(&made.folder().join("machine"));
        let lines = pam::service_lines(&made.socket(), "");
        let refusing = "password required pam_deny.so";
        let starting = lines.replace(refusing, &pam::password_line(&made.socket()));
        root.pam_service("sshd", &starting);
        let sshd = Sshd::start(&root, made.folder(), made.ssh_address());
        stage.fact("verifier", &made.socket().display().to_string());
        stage.fact(
            "VPN door",
            &format!("sekisho-radiusd on {}", made.radius_address()),
        );
        stage.fact(
            "Linux door",
            &format!("sshd with pam_sekisho.so on {}", made.ssh_address()),
        );
        Self {
            stage,
            made,
            root,
            sshd,
            scene: 0,
        }
    }

    fn scene(&mut self, text: &str) {
        self.scene += 1;
        self.stage.scene(self.scene, text);
    }

    fn issue_and_enroll(&mut self, account: &str) -> Phone {
        self.scene(&format!("An admin issues a token for {account}'s phone"));
        let first = self.scene == 1;
        let words: &[&str] = match first {
            true => &["token", "issue", "--qr"],
            false => &["token", "issue", "--no-qr"],
        };
        self.stage.command(words);
        let issued = self.made.sekisho(words).expect_success().stdout;
        self.stage.quote(&issued);
        let uri = issued
            .split_whitespace()
            .find(|word| word.starts_with("otpauth://"));
        let uri = uri.expect("a new token is shown as a URI");
        let shown = self.made.json(&["token", "list", "--state", "in-stock"]);
        let serial = first_text(&shown, "serial").expect("a token is in stock");
        let token = Token::from_uri(account, &serial, uri);
        self.enroll(token)
    }

    fn enroll(&mut self, token: Token) -> Phone {
        let account = token.account.clone();
        self.scene(&format!(
            "Serial and code together prove that {account} has it"
        ));
        self.stage.wait_for_room();
        let began = self.made.now() / PERIOD;
        // The code before the one that is shown now: good as well, and two more are left.
        let code = token.code(began - 1);
        let words = ["enroll", &account, &token.serial, "--code-stdin"];
        self.stage.command(&words);
        let receipt = self.made.json_with(&words, &code);
        self.stage.row(
            "admin",
            "CLI",
            &format!("enroll {account}, code {code}"),
            Mark::Done,
            &receipt_of(&receipt),
        );
        Phone { token, began }
    }

    fn one_code_two_doors(&mut self, hana: &Phone) {
        self.scene("Hana logs in to a server, and somebody who saw the code tries it at the VPN");
        let code = hana.code(0);
        self.by_ssh("hana", "hana", &code, true);
        self.at_the_vpn("stranger", "hana", &code, false);
        self.scene("The next code the other way round: VPN first");
        let code = hana.code(1);
        self.at_the_vpn("hana", "hana", &code, true);
        self.by_ssh("stranger", "hana", &code, false);
    }

    fn race(&mut self, jiro: &Phone) {
        const EACH: usize = 32;
        self.scene("64 copies of one code of Jiro at the same moment, half at each door");
        let code = jiro.code(0);
        let mut gateways: Vec<Nas> = (0..EACH).map(|_| self.made.nas()).collect();
        let requests: Vec<_> = gateways
            .iter_mut()
            .map(|nas| nas.prepare("jiro", &code))
            .collect();
        let mut logins = self.made.pam().line_up(EACH, "jiro", &code);
        logins.go();
        for (nas, request) in gateways.iter().zip(&requests) {
            nas.send(request);
        }
        let by_radius = gateways.iter().zip(&requests).filter(|(nas, request)| {
            let reply = nas
                .receive(Duration::from_secs(10))
                .expect("each copy is answered");
            request.verdict(&reply) == Verdict::Accept
        });
        let by_radius = by_radius.count();
        let reports = logins.reports();
        let by_pam = reports
            .iter()
            .filter(|report| report.verdict() == Verdict::Accept)
            .count();
        self.stage.row(
            "jiro ×32",
            "PAM",
            &format!("code {code}"),
            Mark::of(by_pam > 0),
            &format!("{by_pam} in, {} refused", EACH - by_pam),
        );
        self.stage.row(
            "jiro ×32",
            "VPN",
            &format!("code {code}"),
            Mark::of(by_radius > 0),
            &format!("{by_radius} in, {} refused", EACH - by_radius),
        );
        assert_eq!(by_pam + by_radius, 1, "exactly one copy gets in");
        self.stage
            .note("exactly one of 64 got in; the others were replays, and nobody is locked out");
    }

    fn lose(&mut self, jiro: &Phone) {
        self.scene("Jiro leaves his phone in a taxi and calls the help desk");
        let words = ["lost", &jiro.token.serial, "--note", "left in a taxi"];
        self.stage.command(&words);
        let receipt = self.made.json(&words);
        self.stage.row(
            "help desk",
            "CLI",
            &format!("lost {}", jiro.token.serial),
            Mark::Done,
            &receipt_of(&receipt),
        );
        self.scene("The finder reads a fresh code from the screen");
        let code = jiro.code(1);
        self.by_ssh("finder", "jiro", &code, false);
        self.at_the_vpn("finder", "jiro", &code, false);
        self.scene("Why does it not work? The help desk asks, in either language");
        self.show(&["explain", "jiro"]);
        println!();
        self.show(&["--language", "ja", "explain", "jiro"]);
    }

    fn emergency(&mut self, account: &str) {
        self.scene("Jiro has to work tonight: codes to read over the telephone, good once each");
        let words = [
            "emergency",
            "issue",
            account,
            "--count",
            "2",
            "--valid",
            "24h",
        ];
        self.stage.command(&words);
        let issued = self.made.json(&words);
        let code = issued["codes"][0].as_str().expect("a code").to_owned();
        let shown = "emergency code";
        self.stage.row(
            "help desk",
            "CLI",
            "two emergency codes",
            Mark::Done,
            &receipt_of(&issued["receipt"]),
        );
        let gets_in = self.sshd.lets_in(account, &[&code]);
        self.verdict(account, account, "ssh", shown, gets_in, true);
        let again = self.sshd.lets_in(account, &[&code]);
        self.verdict("listener", account, "ssh", shown, again, false);
    }

    fn come_back(&mut self, account: &str) {
        self.scene("The next day: a new token, and a start code to put it into use with");
        self.stage.command(&["token", "issue"]);
        let issued = self.made.json(&["token", "issue"]);
        let uri = issued["uri"]
            .as_str()
            .expect("a new token is shown as a URI");
        let serial = issued["serial"].as_str().expect("it has a serial");
        let token = Token::from_uri(account, serial, uri);
        let words = ["account", "start-code", account];
        self.stage.command(&words);
        let given = self.made.json(&words);
        let start_code = given["codes"][0].as_str().expect("a start code").to_owned();
        let speaks = ["account", "set", account, "--account-language", "ja"];
        self.stage.command(&speaks);
        self.made.json(&speaks);
        self.scene("Jiro puts it into use himself, at the login, in the language that is his");
        self.stage.wait_for_room();
        let began = self.made.now() / PERIOD;
        let code = token.code(began - 1);
        let screen = self.conversation(account, &[&start_code, serial, &code, "はい"]);
        self.stage.quote(&screen);
        let phone = Phone { token, began };
        self.scene("And Jiro is back, at both doors, with a code for each");
        self.by_ssh(account, account, &phone.code(0), true);
        self.at_the_vpn(account, account, &phone.code(1), true);
    }

    /// A login at a terminal, with an answer for each prompt; what the screen showed.
    fn conversation(&self, account: &str, answers: &[&str]) -> String {
        let prompts = [
            "prompt-code",
            "prompt-serial",
            "prompt-code-shown",
            "prompt-choice",
        ];
        // A shell and no command: only then sshd shows what PAM told last, which is the receipt.
        let line = self.sshd.interactive(account);
        let mut terminal = Terminal::open(&self.root, None, &line);
        for (prompt, answer) in prompts.into_iter().zip(answers) {
            // Before the account is known, the language is that of the settings.
            let asked = Tongue::BOTH.map(|tongue| format!("{} ", tongue.pam(prompt)));
            terminal.wait_for_one(&[&asked[0], &asked[1]]);
            terminal.type_line(answer);
        }
        let address = self.made.ssh_address().ip().to_string();
        terminal.wait_for("$ ");
        terminal.type_line("exit");
        let ended = terminal.end();
        assert_eq!(
            ended.code,
            Some(0),
            "the story went wrong:\n{}",
            ended.screen
        );
        Mask::default()
            .word(&address, "server")
            .words(&ended.screen)
    }

    fn look_back(&mut self) {
        self.scene("Every operation left a receipt, and every decision an event");
        let events = self.made.events();
        let last = events
            .iter()
            .rev()
            .find(|event| event["operation"] == "lost");
        let number = last
            .and_then(|event| event["receipt"].as_str())
            .unwrap_or("")
            .to_owned();
        self.show(&["receipt", "show", &number]);
        println!();
        self.show(&["audit", "list", "--limit", "10"]);
        self.stage.end();
    }

    fn show(&self, words: &[&str]) {
        self.stage.command(words);
        let shown = self.made.sekisho(words).expect_success().stdout;
        self.stage.quote(&shown);
    }

    fn by_ssh(&self, who: &str, user: &str, code: &str, expected: bool) {
        let gets_in = self.sshd.lets_in(user, &[code]);
        self.verdict(who, user, "ssh", code, gets_in, expected);
    }

    fn at_the_vpn(&self, who: &str, user: &str, code: &str, expected: bool) {
        let verdict = radclient_login(self.made.radius_address(), user, code);
        self.verdict(who, user, "VPN", code, verdict == Verdict::Accept, expected);
    }

    fn verdict(
        &self,
        who: &str,
        user: &str,
        door: &str,
        code: &str,
        gets_in: bool,
        expected: bool,
    ) {
        let events = self
            .made
            .json(&["audit", "list", "--account", user, "--limit", "1"]);
        let reason = first_text(&events["events"], "reason").unwrap_or_default();
        let asked = format!("{user}, code {code}");
        self.stage
            .row(who, door, &asked, Mark::of(gets_in), &reason);
        assert_eq!(
            gets_in, expected,
            "the story went wrong: {user} {code} at {door}"
        );
    }

    fn stay(&self, phone: &Phone) {
        let settings = self.made.settings().display().to_string();
        let server = self.made.radius_address();
        let cli = programs::ours("sekisho").display().to_string();
        self.stage.scene(
            self.scene + 1,
            "Everything stays up: try it from another terminal",
        );
        let radclient = format!(
            "echo 'User-Name=hana,User-Password=CODE,Message-Authenticator=0x00' | radclient -x {server} auth '{SECRET}'"
        );
        for line in [
            self.sshd.command_line("hana"),
            radclient,
            format!("{cli} --settings {settings} explain hana"),
            format!("{cli} --settings {settings} audit list"),
            format!("{cli} --settings {settings} lost {}", phone.token.serial),
        ] {
            println!("    {line}");
        }
        println!(
            "\n    Enter ends it. Codes of {} ({}):",
            phone.token.serial, phone.token.account
        );
        self.show_codes(phone);
    }

    /// Shows the code that is good now until somebody presses Enter.
    fn show_codes(&self, phone: &Phone) {
        let (pressed, enter) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _ = std::io::stdin().read(&mut [0]);
            let _ = pressed.send(());
        });
        loop {
            let now = self.made.now();
            let left = PERIOD - now % PERIOD;
            println!("    {}  for {left} s", phone.token.shows(now, 0));
            if enter.recv_timeout(Duration::from_secs(left)).is_ok() {
                return;
            }
        }
    }
}

/// The first text of that name, at whatever depth a list of rows stands.
fn first_text(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(fields) => match fields.get(key) {
            Some(text) => text.as_str().map(str::to_owned),
            None => fields.values().find_map(|inner| first_text(inner, key)),
        },
        Value::Array(rows) => rows.iter().find_map(|row| first_text(row, key)),
        _ => None,
    }
}

fn receipt_of(receipt: &Value) -> String {
    format!("receipt {}", receipt["number"].as_str().unwrap_or("?"))
}

/// What came of something.
#[derive(Clone, Copy)]
enum Mark {
    In,
    Out,
    Done,
}

impl Mark {
    fn of(gets_in: bool) -> Self {
        match gets_in {
            true => Self::In,
            false => Self::Out,
        }
    }
}

/// Printing, with colours on a terminal.
struct Stage {
    colours: bool,
}

impl Stage {
    fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none();
        Self {
            colours: wanted && std::io::stdout().is_terminal(),
        }
    }

    fn paint(&self, style: &str, text: &str) -> String {
        match self.colours {
            true => format!("\x1b[{style}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn title(&self) {
        let title = self.paint("1", "Sekisho: one code, two doors");
        println!("\n  {title}\n");
    }

    fn fact(&self, what: &str, text: &str) {
        println!("    {what:<11} {}", self.paint("2", text));
    }

    fn scene(&self, number: u32, text: &str) {
        println!(
            "\n  {} {}\n",
            self.paint("2", &format!("{number:>2}")),
            self.paint("1", text)
        );
    }

    fn command(&self, words: &[&str]) {
        let quoted: Vec<String> = words
            .iter()
            .map(|word| match word.contains(' ') {
                true => format!("'{word}'"),
                false => (*word).to_owned(),
            })
            .collect();
        println!(
            "    {}",
            self.paint("36", &format!("$ sekisho {}", quoted.join(" ")))
        );
    }

    fn quote(&self, text: &str) {
        for line in text.trim_end().lines() {
            println!("    {line}");
        }
    }

    fn row(&self, who: &str, door: &str, asked: &str, mark: Mark, why: &str) {
        let verdict = match mark {
            Mark::In => self.paint("1;32", "in     "),
            Mark::Out => self.paint("1;31", "refused"),
            Mark::Done => self.paint("1;34", "done   "),
        };
        println!(
            "    {who:<10} {door:<4} {asked:<26} {verdict}  {}",
            self.paint("2", why)
        );
    }

    fn note(&self, text: &str) {
        println!("    {}", self.paint("2", text));
    }

    fn end(&self) {
        println!(
            "\n  {}\n",
            self.paint("1;32", "The same code was never taken twice.")
        );
    }

    /// Waits out the last seconds of a step.
    fn wait_for_room(&self) {
        let now = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        };
        if now() % PERIOD >= PERIOD - EDGE {
            self.note("the code changes in a moment; waiting for the next one");
        }
        while now() % PERIOD >= PERIOD - EDGE {
            thread::sleep(Duration::from_millis(100));
        }
    }
}
