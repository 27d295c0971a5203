//! What PAM is told.

/// The return codes of this module, by their numbers in Linux-PAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnCode {
    /// The code was right and is spent. In account management: the verifier serves this login. In a
    /// change: the token is in use. In a session: the verifier knows of it.
    Success = 0,
    /// The service file or the verifier's table of peers must be mended, or it is our bug.
    ServiceErr = 3,
    /// No.
    AuthErr = 7,
    /// Nothing could be decided.
    AuthinfoUnavail = 9,
    /// No, as often as one call may ask.
    MaxTries = 11,
    /// In account management: a token must be put into use first.
    NewAuthtokReqd = 12,
    /// The verifier does not know of this session.
    SessionErr = 14,
    /// No token was put into use.
    AuthtokErr = 20,
    /// The policy asks no code here, or no token is wanted of anybody. Never from an error: behind a module that succeeded, an
    /// `IGNORE` lets people in (pam-u2f, CVE-2025-23013).
    Ignore = 25,
}
