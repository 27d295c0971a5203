//! A program on a pseudo-terminal, and somebody who types into it.

use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::PrivateRoot;
use crate::process::Guarded;

/// How long a dialogue may take as a whole.
const LIMIT: Duration = Duration::from_secs(40);

/// A dialogue that goes on.
#[derive(Debug)]
pub struct Terminal {
    process: Guarded,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The beginning of a character of which the rest has not come yet.
    begun: Vec<u8>,
    /// How much of `seen` has been waited for.
    read: usize,
    deadline: Instant,
}

/// A dialogue that is over.
#[derive(Debug)]
pub struct Ended {
    /// The exit status of the program.
    pub code: Option<i32>,
    /// Everything that the screen showed.
    pub screen: String,
}

impl Terminal {
    /// Runs a command line in `root` with a terminal of its own; as `user`, if one is given.
    pub fn open(root: &PrivateRoot, user: Option<&str>, command_line: &str) -> Self {
        let mut command = match user {
            Some(user) => root.command_as(user, "script"),
            None => root.command("script"),
        };
        // script(1) makes the terminal: that needs no unsafe code here.
        command.args(["-qefc", command_line, "/dev/null"]);
        Self::of(command)
    }

    /// The same with a command that runs script(1) itself.
    pub fn of(mut command: Command) -> Self {
        command
            // As people have it: else ssh would show Japanese as numbers.
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Guarded::spawn(&mut command);
        let keyboard = process.child().stdin.take().expect("stdin is piped");
        let mut stdout = process.child().stdout.take().expect("stdout is piped");
        let (shown, screen) = channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                if shown.send(piece[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            process,
            keyboard,
            screen,
            seen: String::new(),
            begun: Vec::new(),
            read: 0,
            deadline: Instant::now() + LIMIT,
        }
    }

    /// Waits until the screen shows `text`, behind what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait_for_one(&[text]);
    }

    /// Waits until the screen shows one of `texts`, and says which.
    #[track_caller]
    pub fn wait_for_one(&mut self, texts: &[&str]) -> usize {
        loop {
            for (index, text) in texts.iter().enumerate() {
                if let Some(at) = self.seen[self.read..].find(text) {
                    self.read += at + text.len();
                    return index;
                }
            }
            assert!(
                self.look(),
                "none of {texts:?} on the screen:\n{}",
                self.seen
            );
        }
    }

    /// What the screen has shown, as far as it was waited for.
    pub fn seen(&self) -> &str {
        &self.seen[..self.read]
    }

    /// Types a line.
    pub fn type_line(&mut self, text: &str) {
        self.type_text(&format!("{text}\n"));
    }

    /// Types, and presses no Enter.
    pub fn type_text(&mut self, text: &str) {
        // A program that has ended reads nothing more; what it showed tells why.
        let _ = self.keyboard.write_all(text.as_bytes());
    }

    /// Waits for the end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        while self.look() {}
        drop(self.keyboard);
        let status = self.process.wait_until(self.deadline);
        assert!(status.is_some(), "the dialogue has no end:\n{}", self.seen);
        Ended {
            code: status.and_then(|status| status.code()),
            screen: self.seen,
        }
    }

    /// Takes in what the screen shows next; false at the end of it.
    fn look(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.screen.recv_timeout(left) {
            Ok(piece) => {
                self.begun.extend(piece);
                let whole = match std::str::from_utf8(&self.begun) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => self.begun.len(),
                };
                let octets: Vec<u8> = self.begun.drain(..whole).collect();
                self.seen.push_str(&String::from_utf8_lossy(&octets));
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                panic!("the dialogue ran into its limit:\n{}", self.seen)
            }
        }
    }
}
