//! Error-Cause (RFC 5176 section 3.5): why a NAS refuses.

use std::fmt;

/// The value of an Error-Cause. Unknown ones are ordinary values of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCause(pub u32);

impl ErrorCause {
    /// An attribute that the NAS does not support.
    pub const UNSUPPORTED_ATTRIBUTE: Self = Self(401);
    /// An attribute that the NAS wants.
    pub const MISSING_ATTRIBUTE: Self = Self(402);
    /// The NAS is called otherwise.
    pub const NAS_IDENTIFICATION_MISMATCH: Self = Self(403);
    /// Something else is wrong with the request.
    pub const INVALID_REQUEST: Self = Self(404);
    /// The NAS does not do this at all.
    pub const UNSUPPORTED_EXTENSION: Self = Self(406);
    /// A value that the NAS does not support.
    pub const INVALID_ATTRIBUTE_VALUE: Self = Self(407);
    /// No such session.
    pub const SESSION_CONTEXT_NOT_FOUND: Self = Self(503);
    /// The attributes fit several sessions.
    pub const MULTIPLE_SESSIONS: Self = Self(508);

    /// What it means, in a few words, if it is a known one.
    pub fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            201 => "residual session context removed",
            202 => "invalid EAP packet ignored",
            401 => "unsupported attribute",
            402 => "missing attribute",
            403 => "NAS identification mismatch",
            404 => "invalid request",
            405 => "unsupported service",
            406 => "unsupported extension",
            407 => "invalid attribute value",
            501 => "administratively prohibited",
            502 => "request not routable",
            503 => "session context not found",
            504 => "session context not removable",
            505 => "other proxy processing error",
            506 => "resources unavailable",
            507 => "request initiated",
            508 => "multiple session selection unsupported",
            510 => "message-authenticator missing",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{meaning} ({})", self.0),
            None => write!(f, "error cause {}", self.0),
        }
    }
}
