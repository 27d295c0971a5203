//! Why a command did not do what was asked: exit code, message, way out.

use std::fmt;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use sekisho_admin_cli::import::BadLine;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Refusal, RefusalKind};
use sekisho_verifier_socket::{ClientError, FrameError, PROTOCOL_VERSION, TrustError};
use serde::Serialize;

/// The kinds are the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Failed = 1,
    Invalid = 2,
    NotFound = 3,
    Conflict = 4,
    NotProven = 5,
    NotPermitted = 6,
    Unavailable = 7,
    NotTrusted = 8,
    NotEnded = 9,
    /// It takes a second person, and there is none yet or one who refuses. 10 is another's.
    NotApproved = 11,
}

/// What goes to standard error, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub kind: Kind,
    /// Lower case, no full stop, no secret.
    pub message: String,
    pub way_out: String,
    /// Of an import.
    pub bad_lines: Vec<BadLine>,
    /// Where in the journal, for programs.
    pub place: Option<serde_json::Value>,
    /// What it waits for, for programs.
    pub approval: Option<Box<serde_json::Value>>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            way_out: way_out.into(),
            bad_lines: Vec::new(),
            place: None,
            approval: None,
        }
    }

    /// Something about a file or the terminal.
    pub(crate) fn local(
        what: impl fmt::Display,
        error: &io::Error,
        way_out: impl Into<String>,
    ) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => Kind::NotPermitted,
            _ => Kind::Failed,
        };
        let message = text!(
            "failure-at",
            what = what.to_string(),
            error = describe(error)
        );
        Self::new(kind, message, way_out)
    }

    /// Settings that are refused.
    pub(crate) fn from_settings(error: &sekisho_settings::Error) -> Self {
        let text = error.to_string();
        let (message, way_out) = text.split_once('\n').unwrap_or((&text, ""));
        Self::new(Kind::Invalid, message, way_out.trim_start())
    }

    /// A reply that no verifier of this version gives.
    pub(crate) fn strange_answer() -> Self {
        Self::new(
            Kind::Failed,
            text!("verifier-strange-answer"),
            text!("verifier-versions-way"),
        )
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.kind {
            RefusalKind::NotPermitted => Kind::NotPermitted,
            RefusalKind::NotFound => Kind::NotFound,
            RefusalKind::Conflict => Kind::Conflict,
            RefusalKind::NotProven => Kind::NotProven,
            RefusalKind::Invalid => Kind::Invalid,
            RefusalKind::Unavailable => Kind::Unavailable,
        };
        Self::new(kind, refusal.message, refusal.way_out)
    }
}

impl From<sekisho_settings::Error> for Failure {
    fn from(error: sekisho_settings::Error) -> Self {
        Self::from_settings(&error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (kind, way_out) = match &error {
            ClientError::Io(io) if io.kind() == io::ErrorKind::PermissionDenied => {
                (Kind::NotPermitted, text!("verifier-who-way"))
            }
            ClientError::Io(_) | ClientError::Trust(TrustError::Io(..)) => {
                (Kind::Unavailable, text!("verifier-unreachable-way"))
            }
            ClientError::Trust(_) => (Kind::NotTrusted, text!("verifier-not-trusted-way")),
            ClientError::Frame(_) | ClientError::WrongReply => {
                (Kind::Failed, text!("verifier-versions-way"))
            }
        };
        Self::new(kind, of_client(&error), way_out)
    }
}

fn of_client(error: &ClientError) -> String {
    match error {
        ClientError::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => text!("verifier-closed"),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => text!("verifier-slow"),
            _ => text!("verifier-unreachable", error = describe(error)),
        },
        ClientError::Trust(error) => text!("verifier-not-trusted", error = of_trust(error)),
        ClientError::Frame(error) => text!("verifier-frame", error = of_frame(error)),
        ClientError::WrongReply => text!("verifier-other-request"),
    }
}

fn of_trust(error: &TrustError) -> String {
    let shown = |path: &Path| path.display().to_string();
    match error {
        TrustError::Io(path, error) => {
            text!("failure-at", what = shown(path), error = describe(error))
        }
        TrustError::NotASocket(path) => text!("trust-no-socket", path = shown(path)),
        TrustError::FolderWritable(path) => text!("trust-folder", path = shown(path)),
        TrustError::Owner {
            path,
            folder,
            socket,
            peer,
        } => text!(
            "trust-owner",
            path = shown(path),
            folder = folder.to_string(),
            socket = socket.to_string(),
            peer = peer.to_string(),
        ),
    }
}

fn of_frame(error: &FrameError) -> String {
    match error {
        FrameError::TooLong { length, limit } => text!(
            "frame-too-long",
            length = length.to_string(),
            limit = limit.to_string()
        ),
        FrameError::Version(version) => text!(
            "frame-version",
            version = version.to_string(),
            own = PROTOCOL_VERSION.to_string()
        ),
        FrameError::Malformed => text!("frame-malformed"),
    }
}

/// What the system says, in the language of the run as far as it is something usual.
pub(crate) fn describe(error: &io::Error) -> String {
    use io::ErrorKind as K;
    let id = match error.kind() {
        K::NotFound => "io-not-found",
        K::PermissionDenied => "io-permission-denied",
        K::AlreadyExists => "io-already-exists",
        K::ConnectionRefused => "io-refused",
        K::TimedOut | K::WouldBlock => "io-timed-out",
        K::IsADirectory => "io-is-a-directory",
        K::NotADirectory => "io-not-a-directory",
        K::StorageFull | K::QuotaExceeded => "io-full",
        K::ReadOnlyFilesystem => "io-read-only",
        K::UnexpectedEof => "io-unexpected-end",
        _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => "io-no-device",
        _ => "io-other",
    };
    text!(id, error = error.to_string())
}
