//! The daemon itself, with PAM services and user tables of our own in a private mount namespace.
//! Needs root.

mod daemon;
mod judging;
mod strangers;
mod trouble;
