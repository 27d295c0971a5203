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

    /// What a module before us was told (`PAM_AUTHTOK`): the place of the long-term password, with
    /// which keyrings are opened. A code never stands there.
    fn first_pass(&self) -> Option<Secret>;

    /// Hands a password on to the modules behind us, as `PAM_AUTHTOK`.
    fn hand_on(&mut self, password: &Secret) -> Result<(), NotKept>;

    /// Asks the person one question, in a conversation of one message.
    fn prompt(&mut self, echo: Echo, text: &str) -> Result<Secret, NoAnswer>;

    /// Tells the person something. Nothing depends on whether it was shown.
    fn tell(&mut self, tone: Tone, text: &str);

    /// Writes to the system log, facility `authpriv`.
    fn log(&self, level: Level, text: &str);

    /// Keeps, until the transaction ends, whether a token is wanted: what the first pass of a change
    /// found, for the second.
    fn keep_wanted(&mut self, wanted: bool) -> Result<(), NotKept>;

    /// What was kept last; `None` without a first pass.
    fn kept_wanted(&self) -> Option<bool>;

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

/// How something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Info,
    /// As something that went wrong.
    Error,
}

/// libpam did not take what was given to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotKept;

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
