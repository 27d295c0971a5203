//! What staff meet at real logins: the first start of use, the next codes, another token in the place
//! of the old one, a choice, and the end of grace; in both languages. What they saw is in the guide.

use sekisho_tests::installation::{Plan, ask};
use sekisho_tests::namespace::PASSWORD;
use sekisho_tests::screens::{Mask, hold};
use sekisho_tests::sshd::Sshd;
use sekisho_tests::terminal::Terminal;
use sekisho_tests::texts::Tongue;
use sekisho_tests::{Machine, Token};
use sekisho_verifier_socket::admin::{Answer, Verb};

/// What a shell that was reached prints.
const MARK: &str = "let-in-as";
/// Accounts without a token are let in until the end of this day; the clock stands a week before it.
const GRACE: &str = "[pam]\ngrace-until = \"2031-06-30\"";
const DAY: u64 = 24 * 3_600;
const PAGE: &str = "screens.md";

/// A program that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Sshd,
    Login,
    Su,
    Sudo,
}

impl Program {
    fn service(self) -> &'static str {
        match self {
            Self::Sshd => "sshd",
            Self::Login => "login",
            Self::Su => "su",
            Self::Sudo => "sudo",
        }
    }

    /// Whether accounts may choose there whether they are asked.
    fn gives_a_choice(self) -> bool {
        matches!(self, Self::Sshd | Self::Login)
    }
}

struct Story {
    machine: Machine,
    sshd: Option<Sshd>,
    program: Program,
    tongue: Tongue,
}

/// How a login ended.
struct Done {
    is_in: bool,
    /// As the guide shows it.
    screen: String,
    /// As it was.
    raw: String,
}

/// One person at one login.
struct Dialogue<'a> {
    story: &'a Story,
    terminal: Terminal,
    mask: Mask,
}

impl Story {
    fn begin(program: Program, tongue: Tongue) -> Self {
        let language = format!("[language]\ndefault = \"{}\"", tongue.tag());
        let plan = Plan::default().settings(GRACE).settings(&language);
        let machine = Machine::without_radius(plan);
        machine.ship(&[program.service()], "fail_delay_ms=1");
        let sshd = (program == Program::Sshd).then(|| machine.sshd());
        Self {
            machine,
            sshd,
            program,
            tongue,
        }
    }

    /// Somebody begins a login and gives the password, if it is asked for.
    fn log_in(&self, user: &str) -> Dialogue<'_> {
        // Where a shell is given, it is told to say so; elsewhere a command says it.
        let (who, line) = match self.program {
            Program::Sshd => {
                let sshd = self.sshd.as_ref().expect("it runs");
                (None, sshd.interactive(user))
            }
            Program::Login => (None, format!("login {user}")),
            Program::Su => {
                let other = if user == "hana" { "jiro" } else { "hana" };
                (Some(other), format!("su {user} -c 'echo {MARK} $(id -un)'"))
            }
            Program::Sudo => (Some(user), format!("sudo sh -c 'echo {MARK} $SUDO_USER'")),
        };
        let mut terminal = self.machine.terminal(who, &line);
        terminal.wait_for_one(&["assword: ", &format!("password for {user}: ")]);
        terminal.type_line(PASSWORD);
        let address = self.machine.made.ssh_address().ip().to_string();
        Dialogue {
            story: self,
            terminal,
            mask: Mask::default().word(&address, "server"),
        }
    }

    fn code(&self, token: &Token) -> String {
        // Each code is used once, so each use has a time of its own.
        self.machine.made.clock().advance(90);
        self.machine.made.code(token, 0)
    }

    /// Holds a screen of the guide to what was seen, if it is one of those that the guide has.
    fn shown(&self, name: &str, done: &Done) {
        let kept = match self.program {
            Program::Sshd => true,
            Program::Login => ["start", "exchange"].contains(&name),
            Program::Su | Program::Sudo => name == "start",
        };
        if !kept {
            return;
        }
        let name = format!("{} {name} {}", self.program.service(), self.tongue.tag());
        // What the test itself typed and had printed.
        let shell = format!("$ echo {MARK}");
        let lines = done.screen.lines().filter(|line| !line.starts_with(MARK));
        let lines: Vec<&str> = lines
            .map(|line| if line.starts_with(&shell) { "$" } else { line })
            .collect();
        hold(PAGE, &name, &lines.join("\n"));
    }

    #[track_caller]
    fn codes(&self, verb: Verb) -> String {
        match ask(&mut self.machine.made.connect(), verb) {
            Some(Ok(Answer::Codes(view))) => {
                String::from_utf8_lossy(view.codes[0].expose()).into_owned()
            }
            other => panic!("no code: {other:?}"),
        }
    }
}

impl Dialogue<'_> {
    /// Waits for a prompt of ours and answers it.
    #[track_caller]
    fn answer(&mut self, prompt: &str, text: &str) {
        self.terminal
            .wait_for(&format!("{} ", self.story.tongue.pam(prompt)));
        self.terminal.type_line(text);
    }

    /// Answers with what is not shown to who reads the guide.
    #[track_caller]
    fn answer_masked(&mut self, prompt: &str, text: &str) {
        let mask = std::mem::take(&mut self.mask);
        self.mask = mask.word(text, &"•".repeat(text.chars().count()));
        self.answer(prompt, text);
    }

    /// Gives a code that is not accepted, as often as it is asked for.
    #[track_caller]
    fn refused(&mut self, code: &str) {
        self.answer_masked("prompt-code", code);
        if self.story.program == Program::Sudo {
            self.answer("prompt-code", code);
        }
    }

    /// Answers with the characters of the start-of-use password that are asked for.
    #[track_caller]
    fn characters(&mut self, password: &str) {
        let tongue = self.story.tongue;
        self.terminal.wait_for(tongue.pam("prompt-characters"));
        let before = self.terminal.seen().len();
        self.terminal.wait_for(": ");
        let asked = &self.terminal.seen()[before..];
        let positions: Vec<usize> = asked
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        assert_eq!(positions.len(), 2, "{asked}");
        let digits: Vec<char> = password.chars().filter(char::is_ascii_digit).collect();
        let text: String = positions.iter().map(|at| digits[at - 1]).collect();
        let told: Vec<String> = positions.iter().map(ToString::to_string).collect();
        // Which ones are asked for differs each time.
        let kept = asked.replacen(&told[1], "9", 1).replacen(&told[0], "2", 1);
        let mask = std::mem::take(&mut self.mask);
        self.mask = mask.word(asked, &kept);
        self.terminal.type_line(&text);
    }

    /// The start of use, as it goes after the password.
    #[track_caller]
    fn start(&mut self, token: &Token, code: &str, password: Option<&str>, choice: &str) {
        self.answer("prompt-serial", &token.serial);
        self.answer_masked("prompt-code-shown", code);
        if let Some(password) = password {
            self.characters(password);
        }
        self.answer("prompt-choice", choice);
    }

    /// Waits for the end, or for the shell and ends it.
    #[track_caller]
    fn end(mut self, user: &str) -> Done {
        if self.story.program.gives_a_choice() {
            // What is typed before the shell asks for it would be thrown away.
            let ends = ["\n$ ", "\r$ ", "incorrect", "failure", "denied"];
            if self.terminal.wait_for_one(&ends) < 2 {
                self.terminal
                    .type_line(&format!("echo {MARK} $(id -un); exit"));
            }
        }
        let ended = self.terminal.end();
        let is_in = ended.screen.contains(&format!("{MARK} {user}"));
        Done {
            is_in,
            screen: self.mask.apply(&ended.screen),
            raw: ended.screen,
        }
    }
}

fn whole_story(program: Program, tongue: Tongue) {
    let story = Story::begin(program, tongue);
    let made = &story.machine.made;
    let (first, second, third) = (
        Token::new("", "SKTS00000001"),
        Token::new("", "SKTS00000002"),
        Token::new("", "SKTS00000003"),
    );
    made.import(&[&first, &second, &third]);
    let password = story.codes(Verb::StartPassword {
        account: "hana".into(),
        remove: false,
        note: None,
    });

    // The first login, in grace: wrong characters do not start it, right ones do.
    let mut dialogue = story.log_in("hana");
    let code = story.code(&first);
    dialogue.start(&first, &code, Some(&password), tongue.yes());
    let done = dialogue.end("hana");
    assert!(done.is_in, "{}", done.screen);
    assert!(
        done.screen.contains(tongue.pam_end("started")),
        "{}",
        done.screen
    );
    story.shown("start", &done);
    let owned = made.json(&["token", "show", &first.serial]);
    assert_eq!(
        (&owned["account"], &owned["state"]),
        (&"hana".into(), &"active".into())
    );
    let events = made.events();
    let event = events.iter().find(|event| event["operation"] == "start");
    let number = event.and_then(|event| event["receipt"].as_str());
    let receipt = made.json(&["receipt", "show", number.expect("a start has a receipt")]);
    assert_eq!(
        (&receipt["channel"], &receipt["account"]),
        (&"pam".into(), &"hana".into())
    );
    assert!(
        done.raw.contains(number.unwrap_or_default()),
        "{}",
        done.screen
    );

    // The next logins take a code, once each.
    let code_spent = story.code(&first);
    for (code, expected) in [
        (made.wrong_code(&first, 0), false),
        (code_spent.clone(), true),
        (code_spent, false),
    ] {
        let mut dialogue = story.log_in("hana");
        if expected {
            dialogue.answer_masked("prompt-code", &code);
        } else {
            dialogue.refused(&code);
        }
        let done = dialogue.end("hana");
        assert_eq!(done.is_in, expected, "{}", done.screen);
        story.shown(if expected { "code" } else { "not-accepted" }, &done);
    }

    // An admin has another token put in its place: the old one's code is asked for.
    made.json(&["account", "set", "hana", "--exchange-required", "yes"]);
    let mut dialogue = story.log_in("hana");
    dialogue.answer_masked("prompt-code", &story.code(&first));
    dialogue.answer("prompt-new-serial", &second.serial);
    let code = story.code(&second);
    dialogue.answer_masked("prompt-code-shown", &code);
    dialogue.answer_masked("prompt-old-code", &made.code(&first, 0));
    let done = dialogue.end("hana");
    assert!(done.is_in, "{}", done.screen);
    story.shown("exchange", &done);
    assert_eq!(
        made.json(&["token", "show", &first.serial])["state"],
        "exchanged"
    );

    // The token is lost: a start code takes the place of its code.
    made.json(&["lost", &second.serial]);
    let start_code = story.codes(Verb::StartCode {
        account: "hana".into(),
        note: None,
    });
    let mut dialogue = story.log_in("hana");
    dialogue.answer_masked("prompt-code", &start_code);
    let code = story.code(&third);
    dialogue.start(&third, &code, None, tongue.no());
    let done = dialogue.end("hana");
    assert!(done.is_in, "{}", done.screen);
    story.shown("start-code", &done);

    // "no" was chosen: where accounts may choose, nothing is asked.
    let mut dialogue = story.log_in("hana");
    if !program.gives_a_choice() {
        dialogue.answer_masked("prompt-code", &story.code(&third));
    }
    let done = dialogue.end("hana");
    assert!(done.is_in, "{}", done.screen);
    // An admin chooses for it, and it is asked again.
    made.json(&["account", "set", "hana", "--code", "required"]);
    let mut dialogue = story.log_in("hana");
    dialogue.refused(&made.wrong_code(&third, 0));
    assert!(!dialogue.end("hana").is_in);

    // Grace is over: who never started is asked like everybody else, and kept out.
    made.clock().advance(10 * DAY);
    let mut dialogue = story.log_in("jiro");
    dialogue.refused("271828");
    let done = dialogue.end("jiro");
    assert!(!done.is_in, "{}", done.screen);
    story.shown("grace-over", &done);
}

#[test]
fn sshd_tells_the_whole_story_in_english() {
    whole_story(Program::Sshd, Tongue::English);
}

#[test]
fn sshd_tells_the_whole_story_in_japanese() {
    whole_story(Program::Sshd, Tongue::Japanese);
}

#[test]
fn login_tells_the_whole_story_in_english() {
    whole_story(Program::Login, Tongue::English);
}

#[test]
fn login_tells_the_whole_story_in_japanese() {
    whole_story(Program::Login, Tongue::Japanese);
}

#[test]
fn su_tells_the_whole_story_in_english() {
    whole_story(Program::Su, Tongue::English);
}

#[test]
fn su_tells_the_whole_story_in_japanese() {
    whole_story(Program::Su, Tongue::Japanese);
}

#[test]
fn sudo_tells_the_whole_story_in_english() {
    whole_story(Program::Sudo, Tongue::English);
}

#[test]
fn sudo_tells_the_whole_story_in_japanese() {
    whole_story(Program::Sudo, Tongue::Japanese);
}

#[test]
fn account_chooses_the_language_before_the_service_and_the_service_before_the_settings() {
    let machine = Machine::without_radius(Plan::default());
    let hana = Token::new("hana", "SKTS00000001");
    machine.made.import(&[&hana]);
    let asked = |options: &str| {
        machine.made.pam().service("sudo", options);
        let report = &machine.made.pam().drive(&[], "sudo", "hana", &["000000x"])[0];
        report.told.join(" ")
    };
    let [english, japanese] = Tongue::BOTH.map(|tongue| tongue.pam("prompt-code"));
    assert!(asked("").contains(english));
    assert!(asked("lang=ja").contains(japanese));
    machine
        .made
        .json(&["account", "set", "hana", "--account-language", "en"]);
    assert!(asked("lang=ja").contains(english));
    machine
        .made
        .json(&["account", "set", "hana", "--account-language", "ja"]);
    assert!(asked("lang=en").contains(japanese));
}
