//! A directory (LDAP, Active Directory): passwords by a bind, groups by a search.
//!
//! What a directory sends is parsed on a thread of its own, behind a guard: a panic there is one
//! login that is not judged, and not the end of the daemon. Copies of a password that `ldap3` and
//! TLS make are not wiped; they live as long as one login.

mod guard;
mod names;
mod server;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ldap3::{DerefAliases, Scope, SearchEntry, SearchOptions, SearchResult};
use sekisho_daemon::Log;
use sekisho_settings as settings;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::report::Report;
use super::{GROUPS_MAX, Judged, Unavailable};
use names::Template;
use server::{Server, Session, Trouble};

/// The thread that talks to directories. What it does can be done again.
pub(crate) const LDAP_THREAD: &str = "ldap";
/// How many names may be looked up (DNS) at once: a look-up can not be interrupted.
const LOOK_UPS_MAX: usize = 16;
/// What a password is judged against when there is nobody of that name: the value holds what no
/// name may hold.
const NOBODY: &str = r"cn=sekisho\00nobody";

/// Result codes of RFC 4511 appendix A.
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INVALID_DN_SYNTAX: u32 = 34;
    pub(super) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
    pub(super) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(super) const UNWILLING_TO_PERFORM: u32 = 53;
}

/// A directory, on one or several servers.
#[derive(Debug)]
pub(crate) struct Ldap {
    directory: Arc<Directory>,
    runtime: Handle,
    checks: Arc<Semaphore>,
    total: Duration,
}

impl Ldap {
    /// The directory of the settings; at most `checks` questions at once. An error says what is
    /// wrong with the settings.
    pub(crate) fn new(ldap: &settings::Ldap, checks: usize, log: &Log) -> Result<Self, String> {
        let directory = Directory::new(ldap, log)?;
        for server in directory.servers.iter().filter(|server| server.is_open()) {
            log.warning(format!(
                "{}: passwords travel in clear and can be read on the way",
                server.url
            ));
        }
        Ok(Self {
            directory: Arc::new(directory),
            runtime: runtime().map_err(|error| error.to_string())?,
            checks: Arc::new(Semaphore::new(checks)),
            total: Duration::from_millis(ldap.total_ms.value()),
        })
    }

    /// Whether the password is this account's. Neither may be empty.
    pub(crate) async fn judge(&self, account: &str, password: &[u8]) -> Judged {
        let directory = Arc::clone(&self.directory);
        let account = account.to_owned();
        let password = Zeroizing::new(password.to_vec());
        let judging = async move { directory.judge(&account, &password).await };
        match self.run(judging).await {
            Some(true) => Judged::Right,
            Some(false) => Judged::Wrong,
            None => Judged::Unavailable,
        }
    }

    /// The names of the account's groups.
    pub(crate) async fn groups(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        let directory = Arc::clone(&self.directory);
        let account = account.to_owned();
        let looking = async move { directory.groups(&account).await };
        self.run(looking).await.ok_or(Unavailable)
    }

    /// Runs a question on the thread of directories, within the bounds.
    async fn run<T: Send + 'static>(
        &self,
        question: impl Future<Output = Option<T>> + Send + 'static,
    ) -> Option<T> {
        let checks = Arc::clone(&self.checks);
        let bounded = async move {
            let _permit = checks.acquire_owned().await.ok()?;
            question.await
        };
        let total = self.total;
        let task = self
            .runtime
            .spawn(async move { timeout(total, bounded).await });
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                self.directory.late();
                None
            }
            // A panic, of which the hook has told.
            Err(_) => None,
        }
    }
}

/// A runtime on a thread of its own, which lives as long as the process.
fn runtime() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name(LDAP_THREAD)
        .max_blocking_threads(LOOK_UPS_MAX)
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name(LDAP_THREAD.into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// How the entry of a user is found.
#[derive(Debug)]
enum Users {
    /// By its DN.
    At(Template),
    /// By a search, below a base.
    Found { base: String, filter: Template },
}

/// Where the groups of a user are found.
#[derive(Debug)]
enum Groups {
    /// In an attribute of the user's entry.
    Attribute(String),
    /// By a search, below a base.
    Found { base: String, filter: Template },
}

/// Who searches.
#[derive(Debug)]
struct Searcher {
    dn: String,
    password: Zeroizing<String>,
}

/// What the settings say about a directory, and what is known about its servers.
#[derive(Debug)]
struct Directory {
    servers: Vec<Server>,
    /// The one that answered last.
    good: AtomicUsize,
    searcher: Option<Searcher>,
    users: Users,
    groups: Groups,
    report: Report,
}

impl Directory {
    fn new(ldap: &settings::Ldap, log: &Log) -> Result<Self, String> {
        let users = match (&ldap.user_dn, &ldap.base) {
            (Some(dn), _) => Users::At(Template::dn(dn)?),
            (None, Some(base)) => Users::Found {
                base: base.clone(),
                filter: Template::user_filter(&ldap.filter)?,
            },
            (None, None) => return Err("radius.ldap needs user-dn or base".into()),
        };
        let groups = match (&ldap.group_filter, &ldap.group_base) {
            (Some(filter), Some(base)) => Groups::Found {
                base: base.clone(),
                filter: Template::group_filter(filter)?,
            },
            (None, None) => Groups::Attribute(ldap.group_attribute.clone()),
            _ => return Err("radius.ldap: group-base and group-filter go together".into()),
        };
        Ok(Self {
            servers: Server::all(ldap)?,
            good: AtomicUsize::new(0),
            searcher: searcher(ldap)?,
            users,
            groups,
            report: Report::new(log, "the directory"),
        })
    }

    fn late(&self) {
        self.report.trouble("no answer in time");
    }

    /// The servers, the one that answered last before the others.
    fn in_order(&self) -> impl Iterator<Item = (usize, &Server)> {
        let good = self.good.load(Ordering::Relaxed);
        let all = || self.servers.iter().enumerate();
        let first = all().filter(move |(at, _)| *at == good);
        first.chain(all().filter(move |(at, _)| *at != good))
    }

    /// Takes what a server answered, or tells why it did not.
    fn settle<T>(&self, at: usize, answer: Result<T, Trouble>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.good.store(at, Ordering::Relaxed);
                self.report.fine();
                Some(answer)
            }
            Err(trouble) => {
                let url = &self.servers[at].url;
                self.report.trouble(format_args!("{url}: {trouble}"));
                None
            }
        }
    }

    async fn judge(&self, account: &str, password: &[u8]) -> Option<bool> {
        for (at, server) in self.in_order() {
            let judged = self.judge_at(server, account, password).await;
            if let Some(judged) = self.settle(at, judged) {
                return Some(judged);
            }
        }
        None
    }

    async fn groups(&self, account: &str) -> Option<Vec<String>> {
        for (at, server) in self.in_order() {
            let groups = self.groups_at(server, account).await;
            if let Some(groups) = self.settle(at, groups) {
                return Some(groups);
            }
        }
        None
    }

    async fn judge_at(
        &self,
        server: &Server,
        account: &str,
        password: &[u8],
    ) -> Result<bool, Trouble> {
        let mut asking = Asking::open(server).await?;
        let user = match &self.users {
            Users::At(template) => Some(template.fill(account, "")),
            Users::Found { base, filter } => {
                asking.introduce(self.searcher.as_ref()).await?;
                asking.find_user(base, &filter.fill(account, "")).await?
            }
        };
        // Passwords are text in LDAP. Whatever is not, and whoever is not there, is judged all the
        // same, so that the time does not tell.
        let (dn, password) = match (&user, std::str::from_utf8(password)) {
            (Some(dn), Ok(password)) => (dn.as_str(), password),
            _ => (NOBODY, "nobody's password"),
        };
        let is_right = asking.bind_user(dn, password).await?;
        Ok(is_right && dn != NOBODY)
    }

    async fn groups_at(&self, server: &Server, account: &str) -> Result<Vec<String>, Trouble> {
        let mut asking = Asking::open(server).await?;
        asking.introduce(self.searcher.as_ref()).await?;
        let user = match &self.users {
            Users::At(template) => Some(template.fill(account, "")),
            Users::Found { base, filter } => {
                asking.find_user(base, &filter.fill(account, "")).await?
            }
        };
        let Some(dn) = user else {
            return Ok(Vec::new());
        };
        let values = match &self.groups {
            Groups::Attribute(name) => asking.values(&dn, name).await?,
            Groups::Found { base, filter } => {
                asking.find_groups(base, &filter.fill(account, &dn)).await?
            }
        };
        let mut groups = Vec::new();
        for name in values.iter().filter_map(|value| names::group(value)) {
            if groups.len() < GROUPS_MAX && !groups.contains(&name) {
                groups.push(name);
            }
        }
        Ok(groups)
    }
}

fn searcher(ldap: &settings::Ldap) -> Result<Option<Searcher>, String> {
    let (dn, password) = match (&ldap.bind_dn, &ldap.bind_password) {
        (Some(dn), Some(password)) => (dn, password),
        (None, None) => return Ok(None),
        _ => return Err("radius.ldap: bind-dn and bind-password go together".into()),
    };
    if dn.is_empty() {
        return Err("radius.ldap.bind-dn is empty".into());
    }
    let password = std::str::from_utf8(password.expose())
        .map_err(|_| "radius.ldap.bind-password is no UTF-8")?;
    Ok(Some(Searcher {
        dn: dn.clone(),
        password: Zeroizing::new(password.to_owned()),
    }))
}

/// One session, on which each step takes bounded time.
struct Asking {
    session: Session,
    step: Duration,
}

impl Asking {
    async fn open(server: &Server) -> Result<Self, Trouble> {
        Ok(Self {
            session: server.open().await?,
            step: server.step(),
        })
    }

    async fn bind(&mut self, dn: &str, password: &str) -> Result<u32, Trouble> {
        // An empty password, or an empty DN, asks to remain anonymous, and that is granted
        // (RFC 4513 section 5.1.2). It has been refused before; to send it would be fatal.
        if dn.is_empty() || password.is_empty() {
            return Ok(code::INVALID_CREDENTIALS);
        }
        let binding = self.session.ldap.simple_bind(dn, password);
        Ok(timeout(self.step, binding).await??.rc)
    }

    /// Binds as who searches; without one, searches are anonymous.
    async fn introduce(&mut self, searcher: Option<&Searcher>) -> Result<(), Trouble> {
        let Some(Searcher { dn, password }) = searcher else {
            return Ok(());
        };
        match self.bind(dn, password).await? {
            code::SUCCESS => Ok(()),
            code => Err(Trouble(format!("{dn} can not bind: result code {code}"))),
        }
    }

    /// Whether the bind succeeds. Servers have many words for an account that may not log in; none
    /// of them is about the server, so none of them may look like an outage.
    async fn bind_user(&mut self, dn: &str, password: &str) -> Result<bool, Trouble> {
        match self.bind(dn, password).await? {
            code::SUCCESS => Ok(true),
            code::INVALID_CREDENTIALS
            | code::NO_SUCH_OBJECT
            | code::INVALID_DN_SYNTAX
            | code::CONSTRAINT_VIOLATION
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::INSUFFICIENT_ACCESS_RIGHTS
            | code::UNWILLING_TO_PERFORM => Ok(false),
            code => Err(Trouble(format!("a bind ended with result code {code}"))),
        }
    }

    async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        entries_max: usize,
    ) -> Result<(Vec<SearchEntry>, u32), Trouble> {
        let seconds = self.step.as_secs() + 1;
        let options = SearchOptions::new()
            .deref(DerefAliases::Never)
            .sizelimit(i32::try_from(entries_max).unwrap_or(i32::MAX))
            .timelimit(i32::try_from(seconds).unwrap_or(i32::MAX));
        let searching = self
            .session
            .ldap
            .with_search_options(options)
            .search(base, scope, filter, attributes);
        let SearchResult(entries, result) = timeout(self.step, searching).await??;
        let entries = entries.into_iter().take(entries_max);
        Ok((entries.map(SearchEntry::construct).collect(), result.rc))
    }

    /// The DN of the one entry that fits; none if none or several do.
    async fn find_user(&mut self, base: &str, filter: &str) -> Result<Option<String>, Trouble> {
        let found = self
            .search(base, Scope::Subtree, filter, &["1.1"], 2)
            .await?;
        match found {
            (mut entries, code::SUCCESS | code::SIZE_LIMIT_EXCEEDED) => {
                let only = entries.pop().filter(|_| entries.is_empty());
                Ok(only.map(|entry| entry.dn))
            }
            (_, code) => Err(Trouble(format!("searching {base}: result code {code}"))),
        }
    }

    /// The values of one attribute of one entry.
    async fn values(&mut self, dn: &str, attribute: &str) -> Result<Vec<String>, Trouble> {
        let all = "(objectClass=*)";
        let found = self.search(dn, Scope::Base, all, &[attribute], 1).await?;
        let entry = match found {
            (mut entries, code::SUCCESS) => entries.pop(),
            (_, code::NO_SUCH_OBJECT | code::INVALID_DN_SYNTAX) => None,
            (_, code) => return Err(Trouble(format!("reading an entry: result code {code}"))),
        };
        let attributes = entry.into_iter().flat_map(|entry| entry.attrs);
        // Servers write the name as they like.
        let named = attributes.filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
        Ok(named.flat_map(|(_, values)| values).collect())
    }

    /// The DNs of the entries that fit. More than there may be are cut, not refused.
    async fn find_groups(&mut self, base: &str, filter: &str) -> Result<Vec<String>, Trouble> {
        let found = self
            .search(base, Scope::Subtree, filter, &["1.1"], GROUPS_MAX)
            .await?;
        match found {
            (entries, code::SUCCESS | code::SIZE_LIMIT_EXCEEDED) => {
                Ok(entries.into_iter().map(|entry| entry.dn).collect())
            }
            (_, code) => Err(Trouble(format!("searching {base}: result code {code}"))),
        }
    }
}
