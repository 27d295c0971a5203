//! No panic reaches the host.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// Runs `work` on `subject`; if it panics, `instead` gives the result.
///
/// `instead` gets nothing of the panic, whose text may hold anything. What the panic carries is
/// left behind unreleased: releasing it could panic again, and then the host would abort.
pub(crate) fn guarded<S, T>(
    subject: &mut S,
    work: impl FnOnce(&mut S) -> T,
    instead: impl FnOnce(&mut S) -> T,
) -> T {
    match catch_unwind(AssertUnwindSafe(|| work(subject))) {
        Ok(result) => result,
        Err(payload) => {
            std::mem::forget(payload);
            instead(subject)
        }
    }
}

/// Keeps the text of a panic off the host's standard error, and its default report away from the
/// environment. The hook is that of the standard library inside our object: no other module's, and
/// gone when we are unloaded. It holds nothing, so that setting it again costs no memory.
pub(crate) fn keep_panics_quiet() {
    set_hook(Box::new(|_| {}));
}
