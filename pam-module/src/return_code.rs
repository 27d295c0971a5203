//! What PAM is told.

/// The return codes of this module, by their numbers in Linux-PAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnCode {
    /// The code was right and is spent. In account management: the verifier serves this login.
    Success = 0,
    /// The service file or the verifier's table of peers must be mended, or it is our bug.
    ServiceErr = 3,
    /// No.
    AuthErr = 7,
    /// Nothing could be decided.
    AuthinfoUnavail = 9,
    /// No, as often as one call may ask.
    MaxTries = 11,
    /// The policy asks no code here. Never from an error: behind a module that succeeded, an
    /// `IGNORE` lets people in (pam-u2f, CVE-2025-23013).
    Ignore = 25,
}
