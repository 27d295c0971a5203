//! The pure core of Sekisho: one-time codes, tokens and their life, policy, the decision.
//!
//! Nothing here does I/O, reads a clock or draws random numbers: time, randomness and bytes are
//! arguments. A login is decided by [`verify::Login`], an operation on a token or an account by
//! [`operation::Operation`]; both read records through a [`store::View`], and what they decide
//! takes effect only through a [`store::Store`], which commits records and event together. The
//! verdict of a login can not be read before the store has said that the commit is durable.
//!
//! The invariants I1 to I12 that this crate upholds are in `ARCHITECTURE.md`; each has a property
//! test in `tests/invariants.rs` that names it.

#![warn(missing_docs)]

pub mod account;
pub mod checkpoint;
pub mod event;
pub mod guess;
pub mod lifecycle;
mod mark;
pub mod ms_chap;
pub mod note;
pub mod operation;
pub mod otp;
pub mod place;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod seal;
pub mod serial;
pub mod session;
pub mod spare;
pub mod start_password;
pub mod store;
pub mod time;
pub mod token;
pub mod verify;

#[cfg(feature = "testing")]
pub mod testing;
