//! Groups of the system's user database.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{Group, User, getgrouplist};
use sekisho_daemon::Log;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::report::Report;
use super::{GROUP_OCTETS_MAX, GROUPS_MAX, Unavailable};

/// How long a look-up may take. What answers (sssd, winbind) may be waiting for its own server.
const LOOK_UP_TIME: Duration = Duration::from_millis(2_000);
/// How many may be looked up at once: a look-up holds a thread, and can not be interrupted.
const LOOK_UPS_MAX: usize = 16;

/// The system's user database: files, or what `nsswitch.conf` says.
#[derive(Debug)]
pub(crate) struct Unix {
    look_ups: Arc<Semaphore>,
    report: Report,
}

impl Unix {
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            look_ups: Arc::new(Semaphore::new(LOOK_UPS_MAX)),
            report: Report::new(log, "the system's user database"),
        }
    }

    /// The names of the groups of the user of this name; none if there is no such user.
    pub(crate) async fn groups(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        match timeout(LOOK_UP_TIME, self.look_up(account)).await {
            Ok(Ok(groups)) => {
                self.report.fine();
                return Ok(groups);
            }
            Ok(Err(error)) => self.report.trouble(error),
            Err(_) => self.report.trouble("no answer in time"),
        }
        Err(Unavailable)
    }

    async fn look_up(&self, account: &str) -> Result<Vec<String>, String> {
        let permit = Arc::clone(&self.look_ups).acquire_owned().await;
        let permit = permit.map_err(|error| error.to_string())?;
        let account = account.to_owned();
        let looking = tokio::task::spawn_blocking(move || {
            // Kept by the thread: one that hangs still counts when nobody waits for it any more.
            let _permit = permit;
            groups(&account)
        });
        let groups = looking.await.map_err(|error| error.to_string())?;
        groups.map_err(|error| error.to_string())
    }
}

fn groups(account: &str) -> Result<Vec<String>, Errno> {
    let Some(user) = User::from_name(account)? else {
        return Ok(Vec::new());
    };
    let name = CString::new(user.name).map_err(|_| Errno::EINVAL)?;
    let mut groups = Vec::new();
    for gid in getgrouplist(&name, user.gid)?.into_iter().take(GROUPS_MAX) {
        // A group without a name can not be told of.
        if let Some(group) = Group::from_gid(gid)?
            && (1..=GROUP_OCTETS_MAX).contains(&group.name.len())
        {
            groups.push(group.name);
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_system_are_told_by_name() {
        assert!(groups("root").unwrap().contains(&"root".into()));
        let nobody = groups("nobody-of-this-name").unwrap();
        assert!(nobody.is_empty());
        assert!(groups("*").unwrap().is_empty());
    }
}
