//! Who is asked besides the verifier, on the thread of the runtime: passwords go to PAM or a
//! directory, and groups come from the system or a directory. Their words come back through the
//! mailbox. A slow directory holds up nobody but those whose passwords it judges.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sekisho_radius_protocol::server::Ticket;
use sekisho_settings::{FirstFactor as Judge, GroupSource as From};
use tokio::runtime::Handle;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::first_factor::{self, FirstFactor, GROUPS_MAX, GroupSource, Judged};
use crate::mailbox::{Mailbox, Word};

/// How many look-ups of groups may run for each password that may be judged at once.
const GROUPS_FACTOR: usize = 4;

/// All who can be asked.
#[derive(Debug)]
pub(crate) struct Judges {
    pub(crate) runtime: Handle,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) pam: Option<FirstFactor>,
    pub(crate) ldap: Option<FirstFactor>,
    pub(crate) unix_groups: Option<GroupSource>,
    pub(crate) ldap_groups: Option<GroupSource>,
    /// How many passwords may be judged at once, by each: a directory that hangs must not take the
    /// places of those whom PAM judges.
    pub(crate) passwords_max: usize,
    pub(crate) with_pam: Arc<AtomicUsize>,
    pub(crate) with_ldap: Arc<AtomicUsize>,
    pub(crate) lookups: Arc<AtomicUsize>,
}

/// One of those that may run at once.
struct Place(Arc<AtomicUsize>);

impl Place {
    /// Nothing if all are taken. Only one thread takes places.
    fn take(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        if count.load(Ordering::Relaxed) >= most {
            return None;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Judges {
    /// Lets a password be judged; false if too many are. A word about it comes, whatever happens.
    pub(crate) fn judge(
        &self,
        judge: Judge,
        ticket: Ticket,
        account: &str,
        password: &[u8],
        remote: Option<&str>,
    ) -> bool {
        let (judge, judging) = match judge {
            Judge::Pam => (self.pam.clone(), &self.with_pam),
            Judge::Ldap | Judge::None | Judge::Stored => (self.ldap.clone(), &self.with_ldap),
        };
        let Some(place) = Place::take(judging, self.passwords_max) else {
            return false;
        };
        let mailbox = Arc::clone(&self.mailbox);
        let account = account.to_owned();
        let password = Zeroizing::new(password.to_vec());
        let remote = remote.map(str::to_owned);
        self.runtime.spawn(async move {
            let asked = Instant::now();
            let judged = match judge {
                Some(judge) => judge.judge(&account, &password, remote.as_deref()).await,
                None => Judged::Unavailable,
            };
            drop(place);
            first_factor::rest(asked, judged).await;
            mailbox.post(&mut vec![Word::Judged(ticket, judged)]);
        });
        true
    }

    /// Looks groups up; false if too many are. A word about them comes, whatever happens.
    /// Those in the store are known already.
    pub(crate) fn groups(
        &self,
        sources: &[From],
        ticket: Ticket,
        account: &str,
        stored: &[String],
    ) -> bool {
        let most = self.passwords_max * GROUPS_FACTOR;
        let Some(place) = Place::take(&self.lookups, most) else {
            return false;
        };
        let sources: Vec<Groups> = sources
            .iter()
            .map(|source| match source {
                From::Store => Groups::Known(stored.to_vec()),
                From::Unix => Groups::LookUp(self.unix_groups.clone()),
                From::Ldap => Groups::LookUp(self.ldap_groups.clone()),
            })
            .collect();
        let mailbox = Arc::clone(&self.mailbox);
        let account = account.to_owned();
        self.runtime.spawn(async move {
            let groups = gather(sources, &account).await;
            drop(place);
            mailbox.post(&mut vec![Word::Groups(ticket, groups)]);
        });
        true
    }
}

/// Groups of one source.
enum Groups {
    Known(Vec<String>),
    LookUp(Option<GroupSource>),
}

/// All of them, in the order of the sources, or nothing: with a part of the groups a gateway could
/// put a user where nobody wants them.
async fn gather(sources: Vec<Groups>, account: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for source in sources {
        let found = match source {
            Groups::Known(groups) => groups,
            Groups::LookUp(source) => source?.groups(account).await.ok()?,
        };
        for group in found {
            if !all.contains(&group) && all.len() < GROUPS_MAX {
                all.push(group);
            }
        }
    }
    Some(all)
}
