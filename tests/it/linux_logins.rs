//! Real sshd, sudo, su and login on the PAM module, in a private namespace.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_tests::pam::{Pam, service_lines};
use sekisho_tests::sshd::Sshd;
use sekisho_tests::terminal::{Ended, Terminal};
use sekisho_tests::{Door, Installation, PrivateRoot, Token, Verdict, process};

/// What the module asks.
const PROMPT: &str = "code: ";
/// What a shell that was reached prints.
const MARK: &str = "reached-by";

struct Machine {
    made: Installation,
    root: PrivateRoot,
    hana: Token,
}

impl Machine {
    /// A machine on which all of `services` ask for a code and nothing else.
    fn new(services: &[&str]) -> Self {
        let hana = Token::new("hana", "SKTS00000001");
        let made = Installation::with(&[&hana]);
        let root = PrivateRoot::new(&made.folder().join("machine"));
        for service in services {
            root.pam_service(service, &service_lines(&made.socket(), ""));
        }
        Self { made, root, hana }
    }

    fn code(&self, offset: i64) -> String {
        self.made.code(&self.hana, offset)
    }

    fn sshd(&self) -> Sshd {
        Sshd::start(&self.root, self.made.folder(), self.made.ssh_address())
    }

    /// Runs a program on a terminal that asks for one code, and answers it.
    #[track_caller]
    fn dialogue(&self, user: Option<&str>, command_line: &str, code: &str) -> Ended {
        let mut terminal = Terminal::open(&self.root, user, command_line);
        terminal.wait_for(PROMPT);
        terminal.type_line(code);
        terminal.end()
    }

    /// Right code in, wrong code out, same code again out, and out at the VPN too.
    #[track_caller]
    fn check(&self, user: Option<&str>, command_line: &str, who: &str) {
        let reached = format!("{MARK} {who}");
        let gets_in = |code: &str| {
            let ended = self.dialogue(user, command_line, code);
            let in_there = ended.screen.contains(&reached);
            assert_eq!(in_there, ended.code == Some(0), "{ended:?}");
            in_there
        };
        let code = self.code(0);
        assert!(!gets_in(&self.made.wrong_code(&self.hana, 0)), "wrong");
        assert!(gets_in(&code), "right");
        assert!(!gets_in(&code), "again");
        let at_the_vpn = self.made.login(Door::Radius, "hana", &code);
        assert_eq!(at_the_vpn, Verdict::Reject);
        assert!(gets_in(&self.code(1)), "next");
    }
}

#[test]
fn sshd_lets_in_by_the_right_code_once() {
    let machine = Machine::new(&["sshd"]);
    let sshd = machine.sshd();
    let code = machine.code(0);
    assert!(!sshd.lets_in("hana", &[&machine.made.wrong_code(&machine.hana, 0)]));
    assert!(sshd.lets_in("hana", &[&code]));
    assert!(!sshd.lets_in("hana", &[&code]));
    assert_eq!(
        machine.made.login(Door::Radius, "hana", &code),
        Verdict::Reject
    );
    let next = machine.code(1);
    assert_eq!(
        machine.made.login(Door::Radius, "hana", &next),
        Verdict::Accept
    );
    assert!(!sshd.lets_in("hana", &[&next]));
}

#[test]
fn sshd_audit_says_who_came_from_where() {
    let machine = Machine::new(&["sshd"]);
    let sshd = machine.sshd();
    assert!(sshd.lets_in("hana", &[&machine.code(0)]));
    let events = machine.made.events();
    let last = events.last().expect("a login is an event");
    assert_eq!(last["account"], "hana");
    assert_eq!(last["outcome"], "accept");
    let place = last["place"].as_str().unwrap_or("");
    assert!(place.contains("sshd") && place.contains("127."), "{last}");
}

#[test]
fn sshd_prompts_an_unknown_user_like_a_known_one() {
    let machine = Machine::new(&["sshd"]);
    let sshd = machine.sshd();
    let known = sshd.login("hana", &["000000x"]);
    let unknown = sshd.login("nobody-at-all", &["000000x"]);
    assert_eq!(known.status.code(), unknown.status.code());
    let said = |text: &str| text.replace("nobody-at-all", "hana");
    assert_eq!(said(&known.stderr), said(&unknown.stderr));
}

#[test]
fn sudo_lets_through_by_the_right_code_once() {
    let machine = Machine::new(&["sudo"]);
    machine.check(
        Some("hana"),
        &format!("sudo sh -c 'echo {MARK} $(id -un)'"),
        "root",
    );
}

#[test]
fn su_lets_through_by_the_right_code_once() {
    let machine = Machine::new(&["su"]);
    machine.check(
        Some("jiro"),
        &format!("su hana -c 'echo {MARK} $(id -un)'"),
        "hana",
    );
}

#[test]
fn login_lets_in_by_the_right_code_once() {
    let machine = Machine::new(&["login"]);
    let log_in = |code: &str| {
        let mut terminal = Terminal::open(&machine.root, None, "login hana");
        terminal.wait_for(PROMPT);
        terminal.type_line(code);
        // What is typed before the shell asks for it would be thrown away.
        if terminal.wait_for_one(&["incorrect", "$ "]) == 0 {
            return false;
        }
        terminal.type_line(&format!("echo {MARK} $(id -un); exit"));
        let ended = terminal.end();
        ended.screen.contains(&format!("{MARK} hana"))
    };
    let code = machine.code(0);
    assert!(!log_in(&machine.made.wrong_code(&machine.hana, 0)));
    assert!(log_in(&code));
    assert!(!log_in(&code));
    assert_eq!(
        machine.made.login(Door::Radius, "hana", &code),
        Verdict::Reject
    );
    assert!(log_in(&machine.code(1)));
}

#[test]
fn r28_password_and_code_are_both_needed() {
    let machine = Machine::new(&[]);
    let lines = format!(
        "auth requisite pam_unix.so\n{}",
        service_lines(&machine.made.socket(), "")
    );
    machine.root.pam_service("sshd", &lines);
    let sshd = machine.sshd();
    let password = sekisho_tests::namespace::PASSWORD;
    let code = machine.code(0);
    let wrong = machine.made.wrong_code(&machine.hana, 0);
    for answers in [
        &[password, &wrong] as &[&str],
        &["wrong horse", &code],
        &[password],
        &[&code],
        &[&code, password],
        &[password, ""],
    ] {
        assert!(!sshd.lets_in("hana", answers), "{answers:?}");
    }
    assert!(sshd.lets_in("hana", &[password, &code]));
    assert!(!sshd.lets_in("hana", &[password, &code]));
}

#[test]
fn r29_missing_module_keeps_everybody_out() {
    let machine = Machine::new(&["sshd"]);
    let right = service_lines(&machine.made.socket(), "");
    let gone = PathBuf::from("/nonexistent/libpam_sekisho.so");
    let module = sekisho_tests::programs::pam_module();
    let lines = right.replace(&module.display().to_string(), &gone.display().to_string());
    machine.root.pam_service("sshd", &lines);
    let sshd = machine.sshd();
    assert!(!sshd.lets_in("hana", &[&machine.code(0)]));
}

#[test]
fn r15_nothing_in_a_home_folder_changes_a_decision() {
    let machine = Machine::new(&["sshd"]);
    // What peers obey, and what we might be thought to.
    for name in [".google_authenticator", ".sekisho", ".sekisho.toml"] {
        let text = "\" WINDOW_SIZE 17\nnullok\nreusable = true\n";
        fs::write(machine.root.home("hana").join(name), text).expect("it can be planted");
    }
    let sshd = machine.sshd();
    let code = machine.code(0);
    assert!(sshd.lets_in("hana", &[&code]));
    assert!(!sshd.lets_in("hana", &[&code]));
    assert!(!sshd.lets_in("hana", &[""]));
}

#[test]
fn login_from_another_process_namespace_is_served() {
    // As from a container into which the socket is mounted: the kernel can not name the
    // listener's process there, and says 0.
    let machine = Machine::new(&[]);
    let code = machine.code(0);
    let pam = machine.made.pam();
    let words = pam.words(&[], "login", "hana", &[&code]);
    let mut driver = machine.root.command_in_container(&words[0]);
    let done = process::run(driver.args(&words[1..]), b"", Duration::from_secs(20));
    assert_eq!(Pam::reports(&done)[0].verdict(), Verdict::Accept, "{done}");
}
