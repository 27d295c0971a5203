//! The words behind the module's name in a PAM service file.
//!
//! A word that is not understood is a denial: a misspelt option that is ignored is a setting that
//! somebody believes in and that is not there.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_verifier_socket::{DEFAULT_SOCKET, Language};

use crate::login::shown;

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
/// The digits of a code behind a password, unless an option says otherwise.
pub const DEFAULT_DIGITS: usize = 6;
/// What `digits` takes.
pub const DIGITS: std::ops::RangeInclusive<u32> = 6..=8;

/// What the service file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the verifier listens.
    pub socket: PathBuf,
    /// Whether the code may come from a module before us.
    pub first_pass: FirstPass,
    /// The question in the place of ours.
    pub prompt: Option<String>,
    /// What people are spoken to in, unless their account says otherwise.
    pub language: Option<Language>,
    /// Ask for the password and the code behind it in one question; how many digits the code has.
    pub combined: Option<usize>,
    /// Tell nothing: only ask. For hosts that show messages late or never.
    pub prompt_only: bool,
    /// A token may be put into use though nobody has to.
    pub exchange: bool,
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
    /// Two that exclude each other.
    Conflict(&'static str, &'static str),
    /// One that needs another.
    Alone(&'static str, &'static str),
    /// A value that the option does not take.
    Value(&'static str, &'static str),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "unknown option {name}"),
            Self::Twice(name) => write!(f, "option {name} is given twice"),
            Self::Conflict(one, other) => write!(f, "{one} and {other} exclude each other"),
            Self::Alone(one, other) => write!(f, "option {one} goes with {other} only"),
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
            prompt: None,
            language: None,
            combined: None,
            prompt_only: false,
            exchange: false,
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
        for (one, other) in CONFLICTS {
            if seen.contains(&one) && seen.contains(&other) {
                return Err(OptionError::Conflict(one, other));
            }
        }
        if seen.contains(&DIGITS_OF_CODE) && !seen.contains(&COMBINED) {
            return Err(OptionError::Alone(DIGITS_OF_CODE, COMBINED));
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
                Ok(ECHO)
            }
            (b"prompt_only", None) => {
                self.prompt_only = true;
                Ok("prompt_only")
            }
            (b"exchange", None) => {
                self.exchange = true;
                Ok("exchange")
            }
            (b"combined", None) => {
                self.combined.get_or_insert(DEFAULT_DIGITS);
                Ok(COMBINED)
            }
            (b"digits", Some(value)) => {
                let digits = number(value, *DIGITS.end())
                    .filter(|digits| DIGITS.contains(digits))
                    .and_then(|digits| usize::try_from(digits).ok())
                    .ok_or(OptionError::Value(DIGITS_OF_CODE, "a number from 6 to 8"))?;
                self.combined = Some(digits);
                Ok(DIGITS_OF_CODE)
            }
            (b"lang", Some(value)) => {
                self.language = std::str::from_utf8(value)
                    .ok()
                    .and_then(Language::from_tag)
                    .map(Some)
                    .ok_or(OptionError::Value("lang", "en or ja"))?;
                Ok("lang")
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
                self.prompt = Some(prompt(value)?);
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
const COMBINED: &str = "combined";
const DIGITS_OF_CODE: &str = "digits";
const ECHO: &str = "echo";
/// What excludes each other: a password is never shown, and is asked for by one module.
const CONFLICTS: [(&str, &str); 4] = [
    (USE_FIRST_PASS, TRY_FIRST_PASS),
    (COMBINED, USE_FIRST_PASS),
    (COMBINED, TRY_FIRST_PASS),
    (COMBINED, ECHO),
];

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
                    prompt: Some("Code=? ".into()),
                    ..default.clone()
                },
            ),
            (
                &["lang=ja", "prompt_only", "exchange", "combined"],
                Options {
                    language: Some(Language::Japanese),
                    prompt_only: true,
                    exchange: true,
                    combined: Some(6),
                    ..default.clone()
                },
            ),
            (
                &["digits=8", "combined", "lang=en"],
                Options {
                    language: Some(Language::English),
                    combined: Some(8),
                    ..default.clone()
                },
            ),
            (
                &["combined", "digits=7"],
                Options {
                    combined: Some(7),
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
        for value in ["0", "1", "5", "9", "06x", "-6", ""] {
            let word = format!("digits={value}");
            assert!(parse(&["combined", &word]).is_err(), "{word}");
        }
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
            &["lang"],
            &["lang="],
            &["lang=de"],
            &["lang=ja_JP.UTF-8"],
            &["lang=ja", "lang=en"],
            &["combined=yes"],
            &["combined", "combined"],
            &["combined", "use_first_pass"],
            &["try_first_pass", "combined"],
            &["echo", "combined"],
            &["digits=6"],
            &["digits"],
            &["prompt_only="],
            &["exchange=1"],
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
