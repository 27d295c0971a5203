//! The harness of the tests that span crates: real daemons in private folders, real clients at
//! both doors, a clock that the test moves, and private namespaces for real logins.
//!
//! Everything that is started here is bounded by a time limit and ends with the test, also when
//! the test is killed. Functions panic when the harness itself fails: a test has no better answer.

pub mod backup;
pub mod clock;
pub mod daemon;
pub mod gateways;
pub mod impostor;
pub mod installation;
pub mod machine;
pub mod memory;
pub mod ms_chap;
pub mod namespace;
pub mod network;
pub mod pam;
pub mod process;
pub mod programs;
pub mod radius;
pub mod screens;
pub mod sshd;
pub mod terminal;
pub mod texts;
pub mod token;
pub mod witness;

pub use clock::Clock;
pub use daemon::Daemon;
pub use impostor::Impostor;
pub use installation::{Door, Installation, Verdict};
pub use machine::Machine;
pub use namespace::PrivateRoot;
pub use network::Network;
pub use token::Token;
