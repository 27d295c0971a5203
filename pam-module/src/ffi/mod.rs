//! Where Rust meets libpam: entry points, the handle, and the guard between the two.

mod entry;
mod guard;
mod handle;
