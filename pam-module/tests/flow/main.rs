//! The flows against a scripted host and a scripted verifier.

mod authenticate;
mod change;
mod phases;
mod script;
