//! The real daemon on loopback, with a verifier that does what a test wants.

mod daemon;
mod gateway;
mod logins;
mod operations;
mod trouble;
mod verifier;
