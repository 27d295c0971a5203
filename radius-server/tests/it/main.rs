//! The real daemon on loopback, with a verifier that does what a test wants.

mod clients;
mod daemon;
mod gateway;
mod logins;
mod methods;
mod operations;
mod sessions;
mod trouble;
mod verifier;
