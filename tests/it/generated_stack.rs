//! Debian's own stack with our profile in it, made by the real `pam-auth-update`, while the verifier
//! is away; and root's way back (`docs/guide/way-back.md`).

use std::thread;
use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::namespace::PASSWORD;
use sekisho_tests::sshd::Sshd;
use sekisho_tests::{Machine, Token};

const MARK: &str = "let-in-as";
const PROMPT: &str = "ime code: ";
/// The service files of Debian's packages: what of them decides who gets in.
const SERVICES: [(&str, &str); 4] = [
    (
        "sshd",
        "@include common-auth\naccount required pam_nologin.so\n@include common-account\n\
         session required pam_loginuid.so\n@include common-session\n@include common-password\n",
    ),
    (
        "login",
        "auth requisite pam_nologin.so\n@include common-auth\n@include common-account\n\
         @include common-session\n@include common-password\n",
    ),
    (
        "su",
        "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n\
         @include common-session\n",
    ),
    (
        "sudo",
        "@include common-auth\n@include common-account\n@include common-session-noninteractive\n",
    ),
];

struct Stack {
    machine: Machine,
    sshd: Sshd,
    hana: Token,
}

impl Stack {
    fn new() -> Self {
        let machine = Machine::without_radius(Plan::default());
        let hana = Token::new("hana", "SKTS00000001");
        machine.made.import(&[&hana]);
        machine.generate("fail_delay_ms=1");
        for (service, lines) in SERVICES {
            machine.root.pam_service(service, lines);
        }
        let sshd = machine.sshd();
        Self {
            machine,
            sshd,
            hana,
        }
    }

    fn code(&self) -> String {
        self.machine.made.clock().advance(90);
        self.machine.made.code(&self.hana, 0)
    }

    /// Whether Hana gets in at a program with this code behind the right password; a program that
    /// asks for no code at all is one that let in or refused without it.
    #[track_caller]
    fn lets_in(&self, service: &str, code: &str) -> bool {
        let (user, line) = match service {
            "sshd" => (
                None,
                format!("{} 'echo {MARK} $(id -un)'", self.sshd.interactive("hana")),
            ),
            "login" => (None, "login hana".into()),
            "su" => (Some("jiro"), format!("su hana -c 'echo {MARK} $(id -un)'")),
            _ => (Some("hana"), format!("sudo sh -c 'echo {MARK} $SUDO_USER'")),
        };
        let mut terminal = self.machine.terminal(user, &line);
        terminal.wait_for_one(&["assword: ", "assword for hana: "]);
        terminal.type_line(PASSWORD);
        // The end of what each of them says to who is kept out, or in.
        let ends = [
            "\n$ ",
            "\r$ ",
            "incorrect",
            "failure",
            "denied",
            "try again",
            MARK,
            "not be checked",
        ];
        let mut all = vec![PROMPT];
        all.extend(ends);
        let mut end = terminal.wait_for_one(&all);
        if end == 0 {
            terminal.type_line(code);
            if service == "login" {
                end = terminal.wait_for_one(&all);
            }
        }
        if service == "login" && [1, 2].contains(&end) {
            terminal.type_line(&format!("echo {MARK} $(id -un); exit"));
        }
        let ended = terminal.end();
        ended.screen.contains(&format!("{MARK} hana"))
    }
}

#[test]
fn p07_generated_stack_of_debian_lets_nobody_in_without_a_code_while_the_verifier_is_away() {
    let mut stack = Stack::new();
    for (service, _) in SERVICES {
        let wrong = stack.machine.made.wrong_code(&stack.hana, 0);
        assert!(!stack.lets_in(service, &wrong), "{service}: wrong code");
        let code = stack.code();
        assert!(stack.lets_in(service, &code), "{service}: right code");
        assert!(!stack.lets_in(service, &code), "{service}: again");
    }
    stack.machine.made.take_verifier().stop();
    for (service, _) in SERVICES {
        let code = stack.code();
        assert!(
            !stack.lets_in(service, &code),
            "{service}: verifier stopped"
        );
    }
    // Killed, so that its socket is left; and frozen, so that it listens and never answers.
    stack.machine.made.start_verifier();
    stack.machine.made.take_verifier().kill();
    for (service, _) in SERVICES {
        let code = stack.code();
        assert!(!stack.lets_in(service, &code), "{service}: verifier killed");
    }
    stack.machine.made.start_verifier();
    stack.machine.made.verifier().freeze();
    for service in ["sshd", "su"] {
        let code = stack.code();
        assert!(!stack.lets_in(service, &code), "{service}: verifier frozen");
    }
    stack.machine.made.verifier().thaw();
    let code = stack.code();
    assert!(stack.lets_in("sudo", &code), "and it is back");
}

#[test]
fn p06_shipped_account_line_keeps_su_closed_while_the_verifier_is_away() {
    let mut stack = Stack::new();
    stack.machine.ship(&["su"], "fail_delay_ms=1");
    // Authentication passes by another way, as a public key does in sshd. Debian's common-account
    // has no line of ours: cron goes by it too.
    let text = include_str!("../../docs/examples/pam.d/su");
    let account: String = stack
        .machine
        .wired(text, "")
        .lines()
        .filter(|line| line.starts_with("account"))
        .map(|line| format!("{line}\n"))
        .collect();
    // Behind a success, where an IGNORE of ours would be one too.
    let passed = "auth required pam_permit.so\naccount required pam_permit.so\n\
                  session required pam_permit.so\n";
    stack
        .machine
        .root
        .pam_service("su", &format!("{passed}{account}"));
    let become_hana = |stack: &Stack| {
        let line = format!("su hana -c 'echo {MARK} $(id -un)'");
        let ended = stack.machine.terminal(Some("jiro"), &line).end();
        ended.screen.contains(&format!("{MARK} hana"))
    };
    assert!(become_hana(&stack), "with the verifier there");
    stack.machine.made.take_verifier().stop();
    assert!(!become_hana(&stack), "and without it");
}

/// So often the password is typed to the rescue shell, a second apart.
const RESCUE_TRIES: usize = 4;

#[test]
fn root_comes_back_by_the_way_that_the_guide_describes() {
    let mut stack = Stack::new();
    stack.machine.made.take_verifier().stop();
    assert!(!stack.lets_in("login", "271828"), "nobody by PAM");
    // The rescue shell asks for root's password, and no module.
    let mut rescue = stack.machine.terminal(None, "sulogin");
    rescue.wait_for("to continue): ");
    // sulogin throws away what was typed before it has turned the echo off, a moment after it has
    // asked. To the shell behind it a password too many is a command that it does not know.
    for _ in 0..RESCUE_TRIES {
        thread::sleep(Duration::from_secs(1));
        rescue.type_line(PASSWORD);
    }
    rescue.wait_for("# ");
    rescue.type_line(&format!("echo {MARK} $(id -un); exit"));
    let ended = rescue.end();
    assert!(ended.screen.contains(&format!("{MARK} root")), "{ended:?}");
    // What root does there: take the profile out, log in, mend, put it back.
    stack.machine.generate_without();
    for (service, _) in SERVICES {
        assert!(
            stack.lets_in(service, ""),
            "{service}: by the password alone"
        );
    }
    stack.machine.generate("fail_delay_ms=1");
    assert!(!stack.lets_in("login", "271828"), "closed again");
    stack.machine.made.start_verifier();
    let code = stack.code();
    assert!(stack.lets_in("login", &code));
}

/// What the guide tells root to do is what was tried here.
#[test]
fn guide_describes_that_way() {
    let page = include_str!("../../docs/guide/way-back.md");
    for word in [
        "sulogin",
        "rescue.target",
        "pam-auth-update --disable sekisho",
        "pam-auth-update --enable sekisho",
    ] {
        assert!(page.contains(word), "{word}");
    }
}
