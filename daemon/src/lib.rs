//! What both daemons need to run: a log that never holds up a login, readiness for systemd, and an
//! end that is clean when asked for and abrupt after a panic.

#![warn(missing_docs)]

mod log;

pub use log::Log;

use std::io;
use std::time::Duration;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use sd_notify::NotifyState;

/// Keeps our memory to ourselves: no core dump, and no tracing by another process of our user.
pub fn close_memory() -> io::Result<()> {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, nothing)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Keeps memory from being swapped out: what is touched from now on, and what was before. Only
/// without a bound on locked memory, because with one the process would end when it reaches it.
pub fn lock_memory() -> io::Result<()> {
    let unbounded = Rlimit {
        current: None,
        maximum: None,
    };
    setrlimit(Resource::Memlock, unbounded)?;
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)?;
    Ok(())
}

/// Tells systemd, or whoever set `NOTIFY_SOCKET`, that requests are answered from now on.
pub fn notify_ready() {
    // Without a NOTIFY_SOCKET there is nobody to tell.
    let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status("deciding")]);
}

/// Tells systemd how far a long start has come, and asks it to wait so much longer for the next
/// word.
pub fn notify_progress(status: &str, patience: Duration) {
    let micros = u32::try_from(patience.as_micros()).unwrap_or(u32::MAX);
    let _ = sd_notify::notify(&[
        NotifyState::Status(status),
        NotifyState::ExtendTimeoutUsec(micros),
    ]);
}

/// Tells systemd that the daemon is on its way out.
pub fn notify_stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// A panic in any thread ends the process: half a daemon must not go on deciding. Its message is
/// printed by the hook that was there before.
///
/// Threads whose names begin with one of `disposable` are left to whoever started them: what they
/// do can be done again.
pub fn abort_on_panic(disposable: &'static [&'static str]) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        if !disposable.iter().any(|prefix| name.starts_with(prefix)) {
            std::process::abort();
        }
    }));
}
