//! `pam_sekisho.so`: the door for Linux logins.
//!
//! A thin client of the verifier, loaded into `sshd`, `login` and `sudo`. It holds no seed and
//! decides nothing: it asks the verifier whether a code is needed or a token must be put into use,
//! prompts, and passes on what was typed. Everything that goes wrong is a denial.
//!
//! What is absent, and stays absent: threads, global state, thread-local destructors, signal
//! handlers, reads of the environment, files other than the verifier's socket, and any library
//! besides libc, libpam and libgcc_s. Unsafe code lives in [`ffi`] alone.

#![deny(unsafe_code)]

pub mod account;
pub mod answer;
pub mod authenticate;
pub mod change;
#[allow(unsafe_code)]
pub mod ffi;
pub mod handle;
pub mod login;
pub mod options;
pub mod outcome;
pub mod return_code;
pub mod session;
pub mod texts;
pub mod verifier;
