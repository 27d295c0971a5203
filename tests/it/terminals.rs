//! A secret that is being typed: it shows nowhere, however its prompt ends.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sekisho_tests::memory::processes;
use sekisho_tests::terminal::Terminal;
use sekisho_tests::{Installation, PrivateRoot, Token, programs};

/// What is typed, in part.
const TYPED: &str = "4949";
const LIMIT: Duration = Duration::from_secs(10);

/// How a prompt is broken off.
#[derive(Debug)]
enum End {
    Key(&'static str),
    Signal(Signal),
}

#[test]
fn r42_partly_typed_code_is_not_echoed_and_not_left_behind_however_the_prompt_ends() {
    let made = Installation::with(&[&Token::new("", "SKTS00000001")]);
    let root = PrivateRoot::new(&made.folder().join("terminal"));
    let settings = made.settings().display().to_string();
    let program = programs::ours("sekisho").display().to_string();
    for end in [
        End::Key("\u{3}"),
        End::Key("\u{1c}"),
        End::Key("\u{4}\u{4}"),
        End::Signal(Signal::TERM),
        End::Signal(Signal::HUP),
        End::Signal(Signal::INT),
    ] {
        let line = format!("{program} --settings {settings} enroll hana SKTS00000001");
        // The shell lives on, as it does for people, and tells what is left of the prompt.
        let script = format!(
            "sh -c 'trap : INT QUIT HUP; stty sane; before=$(stty -g); {line}; \
             [ \"$before\" = \"$(stty -g)\" ] && echo ended as it was || stty -a; \
             echo ready; read rest; echo \"left=[$rest]\"'"
        );
        let mut terminal = Terminal::open(&root, None, &script);
        terminal.wait_for("ode");
        terminal.wait_for(": ");
        thread::sleep(Duration::from_millis(200));
        terminal.type_text(TYPED);
        thread::sleep(Duration::from_millis(200));
        match &end {
            End::Key(key) => terminal.type_text(key),
            End::Signal(signal) => kill(*signal, &settings),
        }
        terminal.wait_for("ready");
        terminal.type_line("");
        let ended = terminal.end();
        let screen = &ended.screen;
        assert!(!screen.contains(TYPED), "{end:?}: shown\n{screen}");
        assert!(screen.contains("left=[]"), "{end:?}: left behind\n{screen}");
        assert!(
            screen.contains("ended as it was"),
            "{end:?}: other modes\n{screen}"
        );
    }
}

/// Sends a signal to the tool that asks.
fn kill(signal: Signal, settings: &str) {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(&process) = processes("sekisho", settings).first() {
            let pid = Pid::from_raw(process.cast_signed()).expect("a process id");
            kill_process(pid, signal).expect("our own child can be signalled");
            return;
        }
        assert!(Instant::now() < deadline, "it does not run");
        thread::sleep(Duration::from_millis(5));
    }
}
