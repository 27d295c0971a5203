//! The first factor: passwords that are judged outside the verifier, and groups from there.
//!
//! A password that PAM judges goes to `sekisho-passwordd`, so that this process, which parses what
//! strangers send, does not need the shadow file. A directory (LDAP) is asked by ourselves.
//! Passwords in the store are judged by the verifier and never come here.
//!
//! There are three outcomes. *Right* is said only after the judge said so in as many words; all
//! that goes wrong on the way is *unavailable*, never right and never wrong, so that an outage
//! neither lets anybody in nor counts as a guess.

mod groups;
mod ldap;
mod pam;
mod report;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

pub(crate) use groups::Unix;
pub(crate) use ldap::{LDAP_THREAD, Ldap};
pub(crate) use pam::Pam;

/// The longest password that is passed on: what fits into RADIUS (RFC 2865 section 5.2). Longer
/// ones are wrong before anybody hashes them.
pub(crate) const PASSWORD_OCTETS_MAX: usize = 128;
/// The longest account name that is passed on.
pub(crate) const ACCOUNT_OCTETS_MAX: usize = 253;
/// The most groups that are taken of one account.
pub(crate) const GROUPS_MAX: usize = 256;
/// The longest name of a group: a reply attribute holds no more.
pub(crate) const GROUP_OCTETS_MAX: usize = 253;
/// An answer comes at a whole multiple of this after its question: whether there is somebody of that
/// name, and whether a hash had to be computed, would else show in its time.
const BEAT: Duration = Duration::from_millis(250);

/// What is known about a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is this account's password, and the account may log in.
    Right,
    /// It is not, or there is no such account, or the account is locked or expired there.
    Wrong,
    /// Nothing is known: nobody could be asked, or not in time.
    Unavailable,
}

/// Nobody could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// Who judges the passwords of a gateway's users.
#[derive(Debug, Clone)]
pub(crate) enum FirstFactor {
    /// A PAM service, through `sekisho-passwordd`.
    Pam(Arc<Pam>),
    /// A bind to a directory.
    Ldap(Arc<Ldap>),
}

impl FirstFactor {
    /// Judges `password` of `account`, both as typed. `remote` is where the user is, for PAM
    /// modules that care. Takes bounded time; [`rest`] belongs behind it.
    pub(crate) async fn judge(
        &self,
        account: &str,
        password: &[u8],
        remote: Option<&str>,
    ) -> Judged {
        match self {
            _ if !is_askable(account, password) => Judged::Wrong,
            Self::Pam(pam) => pam.judge(account, password, remote).await,
            Self::Ldap(ldap) => ldap.judge(account, password).await,
        }
    }
}

/// Where groups come from, beside the store.
#[derive(Debug, Clone)]
pub(crate) enum GroupSource {
    /// The system's user database (`getgrouplist`).
    Unix(Arc<Unix>),
    /// The directory.
    Ldap(Arc<Ldap>),
}

impl GroupSource {
    /// The groups of `account`, at most [`GROUPS_MAX`]; none if there is no such account. Takes
    /// bounded time.
    pub(crate) async fn groups(&self, account: &str) -> Result<Vec<String>, Unavailable> {
        if !is_name(account) {
            return Ok(Vec::new());
        }
        match self {
            Self::Unix(unix) => unix.groups(account).await,
            Self::Ldap(ldap) => ldap.groups(account).await,
        }
    }
}

/// Waits for the next beat after what was asked at `asked`. That nobody can be asked says nothing
/// about anybody, and does not wait. Nothing that is scarce should be held meanwhile.
pub(crate) async fn rest(asked: Instant, judged: Judged) {
    if judged != Judged::Unavailable {
        sleep_until(asked + on_the_beat(asked.elapsed())).await;
    }
}

/// The next multiple of [`BEAT`].
fn on_the_beat(elapsed: Duration) -> Duration {
    let beats = elapsed.as_millis() / BEAT.as_millis() + 1;
    BEAT * u32::try_from(beats).unwrap_or(u32::MAX)
}

/// Whether anybody could have this name and this password. An empty password is never passed on: a
/// directory takes it for a wish to remain anonymous, and says yes (RFC 4513 section 5.1.2). A NUL
/// would end the password early in whatever is written in C.
fn is_askable(account: &str, password: &[u8]) -> bool {
    is_name(account)
        && !password.is_empty()
        && password.len() <= PASSWORD_OCTETS_MAX
        && !password.contains(&0)
}

fn is_name(account: &str) -> bool {
    !account.is_empty()
        && account.len() <= ACCOUNT_OCTETS_MAX
        && !account.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r41_answers_come_on_the_beat() {
        for (elapsed, answered) in [(0, 250), (1, 250), (249, 250), (250, 500), (1_234, 1_250)] {
            let elapsed = Duration::from_millis(elapsed);
            assert_eq!(on_the_beat(elapsed), Duration::from_millis(answered));
        }
    }

    #[test]
    fn r40_nobody_is_asked_about_what_nobody_can_have() {
        let long_name = "a".repeat(ACCOUNT_OCTETS_MAX + 1);
        let long_password = vec![b'a'; PASSWORD_OCTETS_MAX + 1];
        for (account, password) in [
            ("", &b"secret"[..]),
            ("ha\0na", b"secret"),
            ("ha\nna", b"secret"),
            (&long_name, b"secret"),
            ("hana", b""),
            ("hana", b"sec\0ret"),
            ("hana", &long_password),
        ] {
            assert!(!is_askable(account, password), "{account:?}");
        }
        assert!(is_askable("hana", &long_password[1..]));
        assert!(is_askable("*)(uid=*", b" "));
    }
}
