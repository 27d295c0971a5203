//! Why a command did not do what was asked: exit code, message, way out.

use std::fmt;
use std::io;

use sekisho_admin_cli::import::BadLine;
use sekisho_verifier_socket::admin::{Refusal, RefusalKind};
use sekisho_verifier_socket::{ClientError, TrustError};
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
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            way_out: way_out.into(),
            bad_lines: Vec::new(),
            place: None,
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
        Self::new(kind, format!("{what}: {error}"), way_out)
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
            "the verifier's answer does not fit the question",
            "compare the versions: sekisho --version, sekisho-verifierd --version",
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
            ClientError::Io(io) if io.kind() == io::ErrorKind::PermissionDenied => (
                Kind::NotPermitted,
                "run as root, or as a member of the admin, help-desk or auditor group",
            ),
            ClientError::Io(_) | ClientError::Trust(TrustError::Io(..)) => (
                Kind::Unavailable,
                "see whether it runs: systemctl status sekisho-verifierd; or name its socket with --socket",
            ),
            ClientError::Trust(_) => (
                Kind::NotTrusted,
                "the folder of the socket must belong to the verifier's user and be writable by no other",
            ),
            ClientError::Frame(_) | ClientError::WrongReply => (
                Kind::Failed,
                "compare the versions: sekisho --version, sekisho-verifierd --version",
            ),
        };
        Self::new(kind, error.to_string(), way_out)
    }
}
