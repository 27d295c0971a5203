//! Why nothing was restored.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

/// The kinds are the exit codes, the same as those of `sekisho`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Failed = 1,
    Invalid = 2,
    Conflict = 4,
    NotPermitted = 6,
    NotTrusted = 8,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::NotPermitted => "not-permitted",
            Self::NotTrusted => "not-trusted",
        }
    }
}

/// What is wrong, and the way out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) way_out: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            way_out: way_out.into(),
        }
    }

    /// Of a file or folder.
    pub(crate) fn io(path: &Path, error: &io::Error, way_out: &str) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => Kind::NotPermitted,
            _ => Kind::Failed,
        };
        Self::new(kind, format!("{}: {error}", path.display()), way_out)
    }

    /// From an error that has its way out on a second line.
    pub(crate) fn told(kind: Kind, error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        let (message, way_out) = text
            .split_once('\n')
            .unwrap_or((&text, "see: man sekisho-verifierd"));
        Self::new(kind, message, way_out.trim())
    }

    /// Tells it on standard error.
    pub(crate) fn tell(&self, as_json: bool) -> ExitCode {
        let Self {
            kind,
            message,
            way_out,
        } = self;
        let text = if as_json {
            let error = json!({
                "kind": kind.name(),
                "exit_code": *kind as u8,
                "message": message,
                "way_out": way_out,
            });
            json!({ "error": error }).to_string()
        } else {
            format!("error: {message}\n  {way_out}")
        };
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(*kind as u8)
    }
}
