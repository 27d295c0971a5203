//! The child: one question, one walk through a PAM stack, one exit code.
//!
//! Its exit codes are far from 0 and from what a shell, a panic or a signal makes, so that a module
//! that ends the process has not said that a password is right.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use nonstick::conv::Exchange;
use nonstick::items::{Items, ItemsMut};
use nonstick::{
    AuthnFlags, Conversation, ErrorCode, LibPamTransaction, PamShared, Transaction,
    TransactionBuilder,
};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use sekisho_verifier_socket::password::{QUESTION_OCTETS_MAX, Question};
use zeroize::Zeroizing;

/// Where libpam looks for services.
const SERVICE_FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];
/// The longest name of a service.
const SERVICE_OCTETS_MAX: usize = 64;
/// How often a stack may ask for the password: each of its modules may.
const PROMPTS_MAX: usize = 8;
/// How much processor time a check may take. Above what the slowest hash needs.
const CPU_SECONDS_MAX: u64 = 20;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ended {
    Right = 80,
    Wrong = 81,
    NoQuestion = 160,
    NoService = 161,
    NoStart = 162,
    AuthInfoUnavailable = 163,
    BadModule = 164,
    OtherPrompt = 165,
    Renamed = 166,
    OtherError = 167,
}

impl Ended {
    const ALL: [Self; 10] = [
        Self::Right,
        Self::Wrong,
        Self::NoQuestion,
        Self::NoService,
        Self::NoStart,
        Self::AuthInfoUnavailable,
        Self::BadModule,
        Self::OtherPrompt,
        Self::Renamed,
        Self::OtherError,
    ];

    /// What an exit code says, if it is one of ours.
    pub(crate) fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|&ended| ended as i32 == code)
    }

    /// For operators.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::NoQuestion => "the child got no question",
            Self::NoService => "the PAM service does not exist",
            Self::NoStart => "PAM can not be started",
            Self::AuthInfoUnavailable => "a module can not reach what it judges by",
            Self::BadModule => "a module of the PAM service is missing or broken",
            Self::OtherPrompt => "a module asked for something else than a password",
            Self::Renamed => "a module changed the user's name",
            Self::OtherError => "the PAM service failed; its modules wrote to syslog why",
        }
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(ended as u8)
    }
}

/// Whether libpam can be asked for this service. It would take a path for its last part, and the
/// settings must not name another service than they seem to.
pub(crate) fn is_service_name(name: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=SERVICE_OCTETS_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(known)
}

/// Judges the question on standard input.
pub(crate) fn run(service: &str) -> Ended {
    // A check must not outlive the daemon that wants to know, nor its time by much.
    let guarded = set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
        && setrlimit(Resource::Cpu, cpu_limit()).is_ok()
        && sekisho_daemon::close_memory().is_ok();
    // Where the daemon was not let, it has said so.
    let _ = sekisho_daemon::lock_memory();
    let mut octets = Zeroizing::new(Vec::with_capacity(QUESTION_OCTETS_MAX + 1));
    let input = std::io::stdin().lock();
    let read = input
        .take(QUESTION_OCTETS_MAX as u64 + 1)
        .read_to_end(&mut octets);
    match question(&octets) {
        Some(question) if guarded && read.is_ok() => judge(service, &question),
        _ => Ended::NoQuestion,
    }
}

fn cpu_limit() -> Rlimit {
    Rlimit {
        current: Some(CPU_SECONDS_MAX),
        maximum: Some(CPU_SECONDS_MAX),
    }
}

fn question(octets: &[u8]) -> Option<Question<'_>> {
    let (length, rest) = octets.split_first_chunk()?;
    (Question::length(*length)? == rest.len())
        .then(|| Question::decode(rest))
        .flatten()
}

fn judge(service: &str, question: &Question<'_>) -> Ended {
    // libpam would take the service `other`, which denies: and that would count as a wrong guess.
    let exists = |folder: &&str| Path::new(folder).join(service).is_file();
    if !is_service_name(service) || !SERVICE_FOLDERS.iter().any(exists) {
        return Ended::NoService;
    }
    let answers = Answers {
        password: Zeroizing::new(question.password.to_vec()),
        asked: AtomicUsize::new(0),
    };
    let started = TransactionBuilder::new_with_service(service)
        .username(question.account)
        .build(answers);
    match started {
        Ok(mut transaction) => walk(&mut transaction, question).unwrap_or_else(meaning),
        Err(_) => Ended::NoStart,
    }
}

/// Authentication, and whether the account may log in: one that is locked or expired may not,
/// however right its password is.
fn walk(
    transaction: &mut LibPamTransaction<Answers>,
    question: &Question<'_>,
) -> Result<Ended, ErrorCode> {
    // Modules look names up, and write it into their logs.
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b".:-_".contains(&b);
    if !question.remote.is_empty() && question.remote.bytes().all(is_host) {
        let remote = OsStr::new(question.remote);
        transaction.items_mut().set_remote_host(Some(remote))?;
    }
    let flags = AuthnFlags::DISALLOW_NULL_AUTHTOK | AuthnFlags::SILENT;
    transaction.authenticate(flags)?;
    transaction.account_management(flags)?;
    // A module may map names. What was judged is then the password of somebody else.
    let user = transaction.items().user()?.unwrap_or_default();
    let same = user
        .as_bytes()
        .eq_ignore_ascii_case(question.account.as_bytes());
    Ok(if same { Ended::Right } else { Ended::Renamed })
}

/// What an error of PAM says about the password: only some say anything.
fn meaning(error: ErrorCode) -> Ended {
    match error {
        ErrorCode::AuthenticationError
        | ErrorCode::UserUnknown
        | ErrorCode::MaxTries
        | ErrorCode::PermissionDenied
        | ErrorCode::AccountExpired
        | ErrorCode::NewAuthTokRequired
        | ErrorCode::AuthTokExpired
        | ErrorCode::CredentialsExpired => Ended::Wrong,
        ErrorCode::AuthInfoUnavailable | ErrorCode::CredentialsInsufficient => {
            Ended::AuthInfoUnavailable
        }
        ErrorCode::OpenError | ErrorCode::SymbolError | ErrorCode::ModuleUnknown => {
            Ended::BadModule
        }
        ErrorCode::ConversationError => Ended::OtherPrompt,
        _ => Ended::OtherError,
    }
}

/// Answers what a password prompt asks for (one that does not show what is typed), and nothing
/// else: there is nobody here.
struct Answers {
    password: Zeroizing<Vec<u8>>,
    asked: AtomicUsize,
}

impl Conversation for Answers {
    fn communicate(&self, messages: &[Exchange<'_>]) {
        for message in messages {
            match message {
                Exchange::MaskedPrompt(prompt) => prompt.set_answer(self.password()),
                Exchange::Info(note) => note.set_answer(Ok(())),
                Exchange::Error(note) => note.set_answer(Ok(())),
                other => other.set_error(ErrorCode::ConversationError),
            }
        }
    }
}

impl Answers {
    /// The copy is PAM's, and lives no longer than this process.
    fn password(&self) -> Result<OsString, ErrorCode> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= PROMPTS_MAX {
            return Err(ErrorCode::ConversationError);
        }
        Ok(OsString::from_vec(self.password.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_told_apart_and_nothing_else_is_one() {
        for code in 0..=255 {
            match Ended::from_code(code) {
                Some(ended) => assert_eq!(ended as i32, code),
                None => assert!(!Ended::ALL.iter().any(|&ended| ended as i32 == code)),
            }
        }
        // Success, a general error, a panic, and what a shell says of a signal.
        for code in [0, 1, 2, 70, 101, 126, 127, 128, 134, 137, 139] {
            assert_eq!(Ended::from_code(code), None);
        }
    }

    #[test]
    fn r34_service_names_are_not_paths() {
        for name in [
            "",
            ".",
            "..",
            "../sudo",
            "a/b",
            "/etc/pam.d/su",
            "a b",
            "a\0b",
            ".a",
        ] {
            assert!(!is_service_name(name), "{name:?}");
        }
        assert!(is_service_name("sekisho-password"));
        assert!(!is_service_name(&"a".repeat(SERVICE_OCTETS_MAX + 1)));
    }

    #[test]
    fn only_what_is_about_the_password_is_wrong_and_nothing_is_right() {
        assert_eq!(meaning(ErrorCode::AuthenticationError), Ended::Wrong);
        assert_eq!(meaning(ErrorCode::UserUnknown), Ended::Wrong);
        assert_eq!(meaning(ErrorCode::AccountExpired), Ended::Wrong);
        for error in [
            ErrorCode::AuthInfoUnavailable,
            ErrorCode::ModuleUnknown,
            ErrorCode::ConversationError,
            ErrorCode::ServiceError,
            ErrorCode::SystemError,
            ErrorCode::Abort,
            ErrorCode::Ignore,
        ] {
            assert!(!matches!(meaning(error), Ended::Right | Ended::Wrong));
        }
    }
}
