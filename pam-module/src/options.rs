//! The words behind the module's name in a PAM service file.
//!
//! A word that is not understood is a denial: a misspelt option that is ignored is a setting that
//! somebody believes in and that is not there.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_verifier_socket::DEFAULT_SOCKET;

use crate::login::shown;
use crate::texts;

/// How long libpam is asked to wait after a denial, unless an option says otherwise.
pub const DEFAULT_FAIL_DELAY: Duration = Duration::from_secs(2);
/// The most that `fail_delay_ms` takes; `login` gives 60 s for everything.
pub const FAIL_DELAY_MS_MAX: u32 = 10_000;
/// The most that `retry` takes.
pub const TRIES_MAX: u8 = 3;
/// The longest prompt in octets; Linux-PAM's conversation takes 512 with its end.
pub const PROMPT_MAX: usize = 256;
/// The longest path of a Unix socket (unix(7)), without its end.
pub const SOCKET_PATH_MAX: usize = 107;

/// What the service file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the verifier listens.
    pub socket: PathBuf,
    /// Whether the code may come from a module before us.
    pub first_pass: FirstPass,
    /// The question.
    pub prompt: String,
    /// Show the digits while they are typed.
    pub echo: bool,
    /// Log each step.
    pub debug: bool,
    /// How often one call may prompt.
    pub tries: u8,
    /// How long libpam is asked to wait after a denial.
    pub fail_delay: Duration,
}

/// Whether `PAM_AUTHTOK` is taken as the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstPass {
    /// Always prompt.
    Never,
    /// Prompt if it is not there, or not accepted.
    Try,
    /// Never prompt.
    Only,
}

/// Why the options are refused; the fault is the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionError {
    /// No such option. Only its name is kept: the rest may be a secret meant for another module.
    Unknown(String),
    /// Given more than once.
    Twice(&'static str),
    /// `use_first_pass` and `try_first_pass` together.
    Conflict,
    /// A value that the option does not take.
    Value(&'static str, &'static str),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "unknown option {name}"),
            Self::Twice(name) => write!(f, "option {name} is given twice"),
            Self::Conflict => f.write_str("use_first_pass and try_first_pass exclude each other"),
            Self::Value(name, expected) => write!(f, "option {name} takes {expected}"),
        }
    }
}

impl std::error::Error for OptionError {}

impl Default for Options {
    fn default() -> Self {
        Self {
            socket: DEFAULT_SOCKET.into(),
            first_pass: FirstPass::Never,
            prompt: texts::PROMPT.to_owned(),
            echo: false,
            debug: false,
            tries: 1,
            fail_delay: DEFAULT_FAIL_DELAY,
        }
    }
}

impl Options {
    /// Reads the words of the service file.
    pub fn parse(words: &[&[u8]]) -> Result<Self, OptionError> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for word in words {
            let name = options.take(word)?;
            if seen.contains(&name) {
                return Err(OptionError::Twice(name));
            }
            seen.push(name);
        }
        if seen.contains(&USE_FIRST_PASS) && seen.contains(&TRY_FIRST_PASS) {
            return Err(OptionError::Conflict);
        }
        Ok(options)
    }

    fn take(&mut self, word: &[u8]) -> Result<&'static str, OptionError> {
        let (name, value) = match word.iter().position(|&octet| octet == b'=') {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        match (name, value) {
            (b"debug", None) => {
                self.debug = true;
                Ok("debug")
            }
            (b"echo", None) => {
                self.echo = true;
                Ok("echo")
            }
            (b"use_first_pass", None) => {
                self.first_pass = FirstPass::Only;
                Ok(USE_FIRST_PASS)
            }
            (b"try_first_pass", None) => {
                self.first_pass = FirstPass::Try;
                Ok(TRY_FIRST_PASS)
            }
            (b"socket", Some(value)) => {
                self.socket = socket(value)?;
                Ok("socket")
            }
            (b"prompt", Some(value)) => {
                self.prompt = prompt(value)?;
                Ok("prompt")
            }
            (b"retry", Some(value)) => {
                self.tries = number(value, u32::from(TRIES_MAX))
                    .and_then(|tries| u8::try_from(tries).ok())
                    .ok_or(OptionError::Value("retry", "a number from 1 to 3"))?;
                Ok("retry")
            }
            (b"fail_delay_ms", Some(value)) => {
                let delay = number(value, FAIL_DELAY_MS_MAX).ok_or(OptionError::Value(
                    "fail_delay_ms",
                    "a number from 1 to 10000",
                ))?;
                self.fail_delay = Duration::from_millis(delay.into());
                Ok("fail_delay_ms")
            }
            _ => Err(OptionError::Unknown(shown(name))),
        }
    }
}

const USE_FIRST_PASS: &str = "use_first_pass";
const TRY_FIRST_PASS: &str = "try_first_pass";

fn socket(value: &[u8]) -> Result<PathBuf, OptionError> {
    // A relative path would be the host's current folder, which the caller of sudo chooses.
    if value.first() != Some(&b'/') || value.len() > SOCKET_PATH_MAX {
        return Err(OptionError::Value(
            "socket",
            "an absolute path of at most 107 octets",
        ));
    }
    Ok(OsStr::from_bytes(value).into())
}

fn prompt(value: &[u8]) -> Result<String, OptionError> {
    match std::str::from_utf8(value) {
        Ok(text)
            if !text.is_empty()
                && text.len() <= PROMPT_MAX
                && !text.chars().any(char::is_control) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(OptionError::Value(
            "prompt",
            "1 to 256 octets of UTF-8 text without control characters",
        )),
    }
}

/// A number from 1 to `most`: zero would be no limit or no try at all, and neither is wanted.
fn number(value: &[u8], most: u32) -> Option<u32> {
    // `parse` alone would also take a plus sign.
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u32 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, OptionError> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        Options::parse(&words)
    }

    #[test]
    fn each_option_does_what_it_says() {
        let default = Options::default();
        let cases: &[(&[&str], Options)] = &[
            (&[], default.clone()),
            (
                &["debug", "echo", "retry=3", "fail_delay_ms=1"],
                Options {
                    debug: true,
                    echo: true,
                    tries: 3,
                    fail_delay: Duration::from_millis(1),
                    ..default.clone()
                },
            ),
            (
                &["socket=/run/other/verifier.sock", "try_first_pass"],
                Options {
                    socket: "/run/other/verifier.sock".into(),
                    first_pass: FirstPass::Try,
                    ..default.clone()
                },
            ),
            (
                &["use_first_pass", "prompt=Code=? "],
                Options {
                    first_pass: FirstPass::Only,
                    prompt: "Code=? ".into(),
                    ..default
                },
            ),
        ];
        for (words, expected) in cases {
            assert_eq!(parse(words).as_ref(), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn r22_every_number_has_a_bound_and_zero_is_refused() {
        for name in ["retry", "fail_delay_ms"] {
            for value in [
                "0",
                "-1",
                "+1",
                "",
                " 1",
                "1 ",
                "0x1",
                "1.5",
                "4294967297",
                "10001",
            ] {
                let word = format!("{name}={value}");
                assert!(
                    matches!(parse(&[&word]), Err(OptionError::Value(of, _)) if of == name),
                    "{word}"
                );
            }
        }
        assert!(parse(&["retry=4"]).is_err());
        assert!(parse(&["retry=1"]).is_ok());
        assert!(parse(&["fail_delay_ms=10000"]).is_ok());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let long_path = format!("socket=/{}", "x".repeat(SOCKET_PATH_MAX));
        let long_prompt = format!("prompt={}", "x".repeat(PROMPT_MAX + 1));
        for words in [
            &["nullok"] as &[&str],
            &[""],
            &["Debug"],
            &["debug=1"],
            &["echo="],
            &["use_first_pass=yes"],
            &["socket"],
            &["socket="],
            &["socket=verifier.sock"],
            &["socket=../verifier.sock"],
            &[&long_path],
            &["prompt="],
            &["prompt=a\nb"],
            &["prompt=\x1b[2J"],
            &[&long_prompt],
            &["retry"],
            &["debug", "debug"],
            &["socket=/a", "socket=/b"],
            &["use_first_pass", "try_first_pass"],
            &["try_first_pass", "use_first_pass"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
        assert!(Options::parse(&[b"prompt=\xff"]).is_err());
    }

    #[test]
    fn message_names_the_option_and_nothing_behind_it() {
        let error = parse(&["secret=hunter2"]).unwrap_err();
        assert_eq!(error.to_string(), "unknown option \"secret\"");
    }
}
