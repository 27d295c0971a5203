//! The directory against a real slapd, and against servers that behave as none should.

mod fake;
mod slapd;
mod trouble;
mod users;

use std::path::Path;
use std::time::{Duration, Instant};

use sekisho_daemon::Log;
use sekisho_settings as settings;

use super::Ldap;
use crate::first_factor::{FirstFactor, Judged};

/// Where the tests' users are searched for, and by whom.
const SEARCH: &str = "base = \"ou=people,dc=example\"\n\
     bind-dn = \"cn=searcher,dc=example\"\nbind-password = \"seeker of people\"\n";
/// Where they are without searching.
const AT: &str = "user-dn = \"uid={account},ou=people,dc=example\"\n";

/// A directory of these servers, with these further lines of its settings.
fn directory(servers: &[&str], lines: &str) -> Ldap {
    let text = format!(
        "[log]\nsyslog = false\nstderr = false\n[radius.ldap]\nservers = {servers:?}\n{lines}"
    );
    let settings = settings::Settings::parse(Path::new("test"), &text).expect("settings");
    let log = Log::start(&settings.log, "test").expect("a log");
    let ldap = settings.radius.ldap.expect("a directory");
    Ldap::new(&ldap, 16, &log).expect("a directory")
}

/// What it says, and how long it took.
async fn timed(ldap: &Ldap, account: &str, password: &str) -> (Judged, Duration) {
    let began = Instant::now();
    let judged = ldap.judge(account, password.as_bytes()).await;
    (judged, began.elapsed())
}

/// With the checks that come before any directory.
async fn judge(ldap: Ldap, account: &str, password: &[u8]) -> Judged {
    let factor = FirstFactor::Ldap(ldap.into());
    factor.judge(account, password, None).await
}
