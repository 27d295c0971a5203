//! What the module needs of its host, as a trait, so that the flow is tested without C.

use std::time::Duration;

use sekisho_verifier_socket::Secret;

/// The host (`sshd`, `login`, `sudo`) as seen through libpam.
pub trait Handle {
    /// The account name as the host has it; the host may ask for it now. Never changed by us:
    /// a module that lets people pick another name has opened the wrong account before.
    fn user(&mut self) -> Result<Vec<u8>, NoAnswer>;

    /// A fact about the login, if the host gave it.
    fn item(&self, item: Item) -> Option<Vec<u8>>;

    /// What a module before us was told (`PAM_AUTHTOK`). Only read: it is the place of the
    /// long-term password, and keyrings are opened with it.
    fn first_pass(&self) -> Option<Secret>;

    /// Asks the person one question, in a conversation of one message.
    fn prompt(&mut self, echo: Echo, text: &str) -> Result<Secret, NoAnswer>;

    /// Tells the person something. Nothing depends on whether it was shown.
    fn tell(&mut self, text: &str);

    /// Writes to the system log, facility `authpriv`.
    fn log(&self, level: Level, text: &str);

    /// Asks libpam to wait before it reports a failure.
    fn ask_fail_delay(&mut self, delay: Duration);
}

/// Facts about a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The PAM service.
    Service,
    /// The terminal.
    Terminal,
    /// The remote host.
    Remote,
}

/// Whether what is typed can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Hidden.
    Off,
    /// Shown.
    On,
}

/// How much an entry of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Our bug.
    Critical,
    /// Somebody must mend something.
    Error,
    /// Part of the ordinary day: a wrong code, an exemption.
    Notice,
    /// Only with the option `debug`.
    Debug,
}

/// Why there is nothing to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The conversation failed: end of input, a closed terminal, no conversation at all.
    Conversation,
    /// The conversation succeeded and held no answer.
    Nothing,
}
