//! The built object through the real libpam: a C application, a private folder of service files,
//! and a verifier that speaks the local protocol and does what the test says.

mod change;
mod conversation;
mod driver;
mod fake_verifier;
mod host;
mod object;
mod replies;
mod sessions;
mod socket;
mod stacks;
mod table;
