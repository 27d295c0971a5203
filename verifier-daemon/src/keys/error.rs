//! Why a key can not be had.

use std::fmt;

use sekisho_verifier_socket::admin::{Refusal, RefusalKind};

use crate::requests;

/// What is wrong, where, and the way out.
#[derive(Debug)]
pub(crate) struct KeyError {
    /// A file, or what else holds the key.
    place: String,
    message: String,
    way_out: String,
}

impl KeyError {
    pub(super) fn new(
        place: impl fmt::Display,
        message: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self {
            place: place.to_string(),
            message: message.into(),
            way_out: way_out.into(),
        }
    }

    /// For whoever asked for something that needs the key.
    pub(super) fn refusal(&self) -> Refusal {
        let message = format!("{}: {}", self.place, self.message);
        requests::refusal(RefusalKind::Unavailable, message, self.way_out.as_str())
    }

    /// For one line of a log.
    pub(super) fn line(&self) -> String {
        format!("{}: {}; {}", self.place, self.message, self.way_out)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, message, way_out) = (&self.place, &self.message, &self.way_out);
        write!(f, "{place}: {message}\n  {way_out}")
    }
}

impl std::error::Error for KeyError {}
