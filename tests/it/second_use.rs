//! A second use within a moment of a login: sudo right behind it asks for no other code, if the
//! settings say so, and for nobody else and nowhere else.

use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::namespace::{PASSWORD, uid_of};
use sekisho_tests::pam::{Pam, service_lines};
use sekisho_tests::terminal::Terminal;
use sekisho_tests::{Machine, Token, process};

const ON: &str = "[pam]\nsecond-use-seconds = 30\nsecond-use-services = [\"sudo\"]";
const PROMPT: &str = "ime code: ";
const LIMIT: Duration = Duration::from_secs(20);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

struct Scene {
    machine: Machine,
    hana: Token,
}

impl Scene {
    fn new(settings: &str) -> Self {
        let machine = Machine::without_radius(Plan::default().settings(settings));
        let hana = hana();
        machine.made.import(&[&hana]);
        machine.ship(&["login", "sudo"], "fail_delay_ms=1");
        Self { machine, hana }
    }

    fn code(&self) -> String {
        self.machine.made.clock().advance(90);
        self.machine.made.code(&self.hana, 0)
    }

    /// Hana at a shell, by a code that was just spent.
    #[track_caller]
    fn logged_in(&self) -> Terminal {
        let mut terminal = self.machine.terminal(None, "login hana");
        terminal.wait_for("assword: ");
        terminal.type_line(PASSWORD);
        terminal.wait_for(PROMPT);
        terminal.type_line(&self.code());
        terminal.wait_for("$ ");
        terminal
    }

    /// Whether sudo asks for a code in this shell.
    #[track_caller]
    fn is_asked(terminal: &mut Terminal, command_line: &str) -> bool {
        terminal.type_line(command_line);
        terminal.wait_for("assword for hana: ");
        terminal.type_line(PASSWORD);
        let asked = terminal.wait_for_one(&[PROMPT, "uid=0"]) == 0;
        if asked {
            // sudo gives two tries.
            terminal.type_line("000000x");
            terminal.wait_for(PROMPT);
            terminal.type_line("000000x");
        }
        terminal.wait_for("$ ");
        asked
    }
}

#[test]
fn sudo_right_after_a_login_asks_for_a_code_unless_the_settings_say_otherwise() {
    let scene = Scene::new("");
    let mut shell = scene.logged_in();
    assert!(Scene::is_asked(&mut shell, "sudo id"));
    assert_eq!(scene.machine.made.count("second-use"), 0);
}

#[test]
fn sudo_right_after_a_login_needs_no_other_code_for_half_a_minute() {
    let scene = Scene::new(ON);
    let mut shell = scene.logged_in();
    assert!(!Scene::is_asked(&mut shell, "sudo id"));
    assert_eq!(scene.machine.made.count("second-use"), 1);
    // The code stays spent: that no other is asked for does not make it good again.
    let code = scene.machine.made.code(&scene.hana, 0);
    let report = scene.machine.made.pam_login("hana", &code);
    assert_ne!(report.authenticate, 0);
    scene.machine.made.clock().advance(29);
    assert!(!Scene::is_asked(&mut shell, "sudo id"), "within 30 seconds");
    scene.machine.made.clock().advance(2);
    assert!(
        Scene::is_asked(&mut shell, "sudo id"),
        "after them, however often it was used: {:#?}",
        scene.machine.made.events()
    );
}

#[test]
fn other_terminal_and_other_session_are_asked() {
    let scene = Scene::new(ON);
    let mut shell = scene.logged_in();
    // A terminal of its own in the same session.
    assert!(
        Scene::is_asked(&mut shell, "script -qec 'sudo id' /dev/null"),
        "terminal"
    );
    // The same user elsewhere.
    let mut elsewhere = scene.machine.terminal(Some("hana"), "sh");
    elsewhere.wait_for("$ ");
    assert!(Scene::is_asked(&mut elsewhere, "sudo id"), "session");
    assert!(
        !Scene::is_asked(&mut shell, "sudo id"),
        "and it is still good where it is"
    );
}

#[test]
fn lost_suspended_or_disabled_it_is_asked_again() {
    for (words, undo) in [
        (
            &["suspend", "SKTS00000001"] as &[&str],
            &["resume", "SKTS00000001"] as &[&str],
        ),
        (
            &["account", "set", "hana", "--disable"],
            &["account", "set", "hana", "--enable"],
        ),
        (&["lost", "SKTS00000001"], &[]),
    ] {
        let scene = Scene::new(ON);
        let mut shell = scene.logged_in();
        assert!(!Scene::is_asked(&mut shell, "sudo id"), "{words:?}: before");
        scene.machine.made.json(words);
        assert!(Scene::is_asked(&mut shell, "sudo id"), "{words:?}");
        if !undo.is_empty() {
            scene.machine.made.json(undo);
        }
    }
}

#[test]
fn r30_grant_of_a_second_use_does_not_outlive_the_verifier_or_the_token() {
    let mut scene = Scene::new(ON);
    let mut shell = scene.logged_in();
    assert!(!Scene::is_asked(&mut shell, "sudo id"), "before");
    scene.machine.made.crash_verifier();
    assert!(
        Scene::is_asked(&mut shell, "sudo id"),
        "a start of the verifier, as after a reboot"
    );
    drop(shell);
    let mut shell = scene.logged_in();
    assert!(!Scene::is_asked(&mut shell, "sudo id"), "before");
    let spare = Token::new("", "SKTS00000002");
    scene.machine.made.import(&[&spare]);
    let proof = scene.machine.made.code(&spare, 0);
    let words = [
        "exchange",
        &scene.hana.serial,
        &spare.serial,
        "--code-stdin",
    ];
    scene.machine.made.json_with(&words, &proof);
    assert!(
        Scene::is_asked(&mut shell, "sudo id"),
        "another token in its place"
    );
}

#[test]
fn logout_ends_it() {
    let scene = Scene::new(ON);
    let made = &scene.machine.made;
    let module = service_lines(&made.socket(), "");
    let session = format!(
        "session required {} socket={}\n",
        sekisho_tests::programs::pam_module().display(),
        made.socket().display()
    );
    let pam = made.pam();
    // An IGNORE of ours must not be the only word of a stack.
    let lines = format!("auth required pam_permit.so\n{module}{session}");
    pam.service_lines("login", &lines);
    pam.service_lines("sudo", &lines);
    let uid = uid_of("hana").to_string();
    let run = |uid: Option<&str>, code: &str| {
        let mut options = vec!["-t", "/dev/pts/77", "-x", "sudo"];
        options.extend(uid.iter().flat_map(|uid| ["-l", uid]));
        let words = pam.words(&options, "login", "hana", &[code]);
        let mut command = scene.machine.root.command(&words[0]);
        let done = process::run(command.args(&words[1..]), b"", LIMIT).expect_success();
        let reports = Pam::reports(&done);
        assert_eq!(reports[0].authenticate, 0, "{done}");
        [reports[1].prompts, reports[2].prompts]
    };
    assert_eq!(
        run(Some(&uid), &scene.code()),
        [0, 1],
        "inside, and after the logout"
    );
    // Without a login session the kernel vouches for nothing.
    assert_eq!(run(None, &scene.code()), [1, 1]);
}
