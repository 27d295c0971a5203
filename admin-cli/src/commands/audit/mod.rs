//! `audit …`: reading, proving and keeping the audit trail.

mod checkpoints;
mod key;
mod list;
mod retain;
mod verify;

pub(crate) use key::{checkpoint, key};
pub(crate) use list::list;
pub(crate) use retain::retain;
pub(crate) use verify::{failure, verify};
