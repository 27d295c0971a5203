//! For tests: the suite that every store passes, a memory store, and a store that fails on demand.

pub mod faulty;
pub mod memory;
pub mod sample;
pub mod suite;
