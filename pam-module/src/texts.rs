//! What people at the prompt read.
//!
//! The prompt stands for itself: several hosts show messages late or never.

/// The question.
pub const PROMPT: &str = "One-time code: ";
/// Between two tries of one call; the same for every cause.
pub const NOT_ACCEPTED: &str = "One-time code not accepted.";
/// Nobody's code can be judged now. Says nothing about the account.
pub const UNAVAILABLE: &str = "One-time codes can not be checked now.";
