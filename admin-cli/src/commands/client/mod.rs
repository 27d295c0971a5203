//! `client list`, `client add`: the gateways.

mod add;
mod file;
mod gateway;
mod list;

pub(crate) use add::add;
pub(crate) use list::list;
