//! A line that is typed at the terminal and not shown.
//!
//! However the typing ends, by Enter, by a key or by a signal, the terminal is as it was, and nothing
//! of what was typed is left in it for whoever reads next. Only the echo is switched off: the keys
//! that edit and interrupt work as everywhere.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The longest line that a terminal hands over (termios(3)).
const LINE_OCTETS_MAX: usize = 4_096;
/// What ends the typing.
const ENDING: [Signal; 4] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// Asks at the terminal and reads a line without showing it.
pub(crate) fn read(prompt: &str) -> io::Result<Zeroizing<String>> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let signals = Signals::hold()?;
    let hidden = Hidden::begin(&terminal)?;
    (&terminal).write_all(prompt.as_bytes())?;
    let line = line(&terminal, &signals);
    drop(hidden);
    // Enter was not shown either.
    (&terminal).write_all(b"\n")?;
    line
}

fn line(mut terminal: &File, signals: &Signals) -> io::Result<Zeroizing<String>> {
    if !signals.wait_for_line(terminal)? {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let mut octets = Zeroizing::new(vec![0; LINE_OCTETS_MAX]);
    let count = terminal.read(&mut octets)?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let typed = octets[..count].strip_suffix(b"\n");
    let text = std::str::from_utf8(typed.unwrap_or(&octets[..count]));
    match text {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "what was typed is no text",
        )),
    }
}

/// The terminal without echo, until this is dropped.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        modes
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ECHONL);
        // What was typed ahead was shown, so it can be no secret.
        tcsetattr(terminal, SetArg::TCSAFLUSH, &modes)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that has gone needs no modes.
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

/// The signals that would end or stop the program with the echo off, held back until this is dropped.
struct Signals {
    ending: SignalFd,
    before: SigSet,
}

impl Signals {
    fn hold() -> io::Result<Self> {
        let mut ending = SigSet::empty();
        for signal in ENDING {
            ending.add(signal);
        }
        let before = SigSet::thread_get_mask()?;
        let mut held = ending;
        held.add(Signal::SIGTSTP);
        held.thread_block()?;
        let ending = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { ending, before })
    }

    /// Whether a line came before a signal.
    fn wait_for_line(&self, terminal: &File) -> io::Result<bool> {
        let mut ready = [
            PollFd::new(terminal.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.ending.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut ready, PollTimeout::NONE)?;
        Ok(!ready[1].any().unwrap_or(true))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // What came meanwhile takes its course now, with the terminal as it was.
        let _ = self.before.thread_set_mask();
    }
}
