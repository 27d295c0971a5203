//! What is accepted, what wrong codes lead to, and where a code is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::account::{Account, GroupName};
use crate::place::{Door, Place};
use crate::time::Time;

/// Bounds of [`Limits::wrong_codes`].
pub const WRONG_CODES: RangeInclusive<u32> = 3..=20;
/// Bounds of [`Limits::failures_in_a_row`].
pub const FAILURES_IN_A_ROW: RangeInclusive<u32> = 20..=1_000;
/// Bounds of [`Limits::lock`], in seconds.
pub const LOCK_SECONDS: RangeInclusive<u64> = 60..=86_400;
/// Bounds of [`Acceptance::window`].
pub const WINDOW: RangeInclusive<u64> = 0..=1;
/// Bounds of [`Acceptance::drift`].
pub const DRIFT: RangeInclusive<i64> = 0..=20;
/// Bounds of [`Acceptance::look_ahead`].
pub const LOOK_AHEAD: RangeInclusive<u64> = 1..=100;
/// Bounds of [`Acceptance::answer_again`], in seconds.
pub const ANSWER_AGAIN_SECONDS: RangeInclusive<u64> = 1..=60;

/// Everything that the decision depends on besides records and time.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Which codes are accepted.
    pub acceptance: Acceptance,
    /// What wrong codes lead to.
    pub limits: Limits,
    /// Where a code is asked.
    pub asking: Asking,
}

/// A policy value that is out of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is out of its bounds")]
pub struct OutOfBounds(&'static str);

impl Policy {
    /// Refuses what is out of bounds. The daemon calls it before it opens its socket.
    pub fn check(&self) -> Result<(), OutOfBounds> {
        let Self {
            acceptance, limits, ..
        } = self;
        let fits = |holds: bool, name| {
            if holds {
                Ok(())
            } else {
                Err(OutOfBounds(name))
            }
        };
        fits(WINDOW.contains(&acceptance.window), "window")?;
        fits(DRIFT.contains(&acceptance.drift), "drift")?;
        fits(LOOK_AHEAD.contains(&acceptance.look_ahead), "look-ahead")?;
        fits(
            ANSWER_AGAIN_SECONDS.contains(&acceptance.answer_again.as_secs()),
            "answer-again",
        )?;
        fits(WRONG_CODES.contains(&limits.wrong_codes), "wrong-codes")?;
        fits(LOCK_SECONDS.contains(&limits.lock.as_secs()), "lock")?;
        fits(
            FAILURES_IN_A_ROW.contains(&limits.failures_in_a_row),
            "failures-in-a-row",
        )
    }
}

/// Which codes are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// Steps on each side of the current one: 0 is the profile `strict`, 1 is `standard`.
    pub window: u64,
    /// How many whole steps a TOTP token's clock may be learned to be off.
    pub drift: i64,
    /// How many counters a HOTP token may be ahead.
    pub look_ahead: u64,
    /// How long a gateway that asks again about the same login gets the same verdict.
    pub answer_again: Duration,
}

impl Default for Acceptance {
    fn default() -> Self {
        Self {
            window: 1,
            drift: 4,
            look_ahead: 10,
            answer_again: Duration::from_secs(10),
        }
    }
}

/// What wrong codes lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many wrong codes lock the account's codes.
    pub wrong_codes: u32,
    /// For so long.
    pub lock: Duration,
    /// So many failures in a row disable the account's tokens until they are enrolled again.
    pub failures_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong_codes: 10,
            lock: Duration::from_secs(30 * 60),
            failures_in_a_row: 100,
        }
    }
}

/// Whether a code is asked at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeRule {
    /// Of nobody.
    Never,
    /// Of accounts that chose so.
    AccountChoice,
    /// Of everybody.
    #[default]
    Always,
}

impl CodeRule {
    /// The word for it, as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::AccountChoice => "account-choice",
            Self::Always => "always",
        }
    }
}

/// PAM services by which people begin to work. Where nothing else is said, accounts may choose whether
/// these ask for a code; everything else always does.
pub const LOGIN_SERVICES: [&str; 7] = [
    "login",
    "sshd",
    "gdm-password",
    "lightdm",
    "sddm",
    "xdm",
    "cockpit",
];

/// Where a code is asked: by PAM service and by RADIUS client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asking {
    /// Rules of PAM services. One that is not here has the rule of the default table, see
    /// [`LOGIN_SERVICES`].
    pub services: BTreeMap<Box<str>, Rules>,
    /// Rules of RADIUS clients. One that is not here always asks.
    pub clients: BTreeMap<Box<str>, Rules>,
    /// Before this moment an account that never had a token is let in at the PAM door where a code is
    /// needed, to put its first one into use. Not a name that nobody made an account for: it may be
    /// another spelling of somebody who has a token.
    pub grace_until: Option<Time>,
}

/// The rules of one service or client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The first that fits.
    pub rules: Vec<Rule>,
    /// Where none does.
    pub otherwise: CodeRule,
}

impl From<CodeRule> for Rules {
    /// The same for everybody.
    fn from(otherwise: CodeRule) -> Self {
        Self {
            rules: Vec::new(),
            otherwise,
        }
    }
}

/// A rule with conditions, all of which must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The account is in one of these; empty: whoever it is.
    pub groups: Vec<GroupName>,
    /// The login comes from one of these; empty: from wherever.
    pub networks: Vec<Network>,
    /// Whether a code is asked then.
    pub code: CodeRule,
}

/// Where logins come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The machine itself: there is no remote host.
    Local,
    /// Addresses whose first `length` bits are those of `address`.
    Remote {
        /// An address of it.
        address: IpAddr,
        /// How many bits count.
        length: u8,
    },
}

/// Where a login comes from, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Local,
    Address(IpAddr),
    /// A host name, or what an untrusted process is called. It may be anywhere.
    Untold,
}

impl Origin {
    fn of(place: &Place) -> Self {
        match &place.remote {
            None => Self::Local,
            Some(remote) => match remote.parse::<IpAddr>() {
                Ok(address) => Self::Address(address.to_canonical()),
                Err(_) => Self::Untold,
            },
        }
    }
}

impl Network {
    /// Whether `origin` lies in it; `None` if that can not be told.
    fn holds(&self, origin: Origin) -> Option<bool> {
        Some(match (self, origin) {
            (_, Origin::Untold) => return None,
            (Self::Local, origin) => origin == Origin::Local,
            (Self::Remote { .. }, Origin::Local) => false,
            (Self::Remote { address, length }, Origin::Address(origin)) => {
                same_network(*address, *length, origin)
            }
        })
    }
}

/// Whether the first `length` bits of both are the same. `other` is in canonical form.
fn same_network(address: IpAddr, length: u8, other: IpAddr) -> bool {
    const MAPPED: u8 = 96;
    match (address, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let differ = u32::from(one) ^ u32::from(other);
            differ.leading_zeros() >= u32::from(length)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let differ = u128::from(one) ^ u128::from(other);
            differ.leading_zeros() >= u32::from(length)
        }
        // An IPv4 network that is written as IPv6.
        (IpAddr::V6(one), IpAddr::V4(_)) if length >= MAPPED => match one.to_canonical() {
            IpAddr::V4(one) => same_network(IpAddr::V4(one), length - MAPPED, other),
            IpAddr::V6(_) => false,
        },
        _ => false,
    }
}

impl Rule {
    /// Whether its conditions hold; `None` if that can not be told.
    fn fits(&self, origin: Origin, account: Option<&Account>) -> Option<bool> {
        let in_group = |group| account.is_some_and(|account| account.groups.contains(group));
        if !self.groups.is_empty() && !self.groups.iter().any(in_group) {
            return Some(false);
        }
        if self.networks.is_empty() {
            return Some(true);
        }
        let mut untold = false;
        for network in &self.networks {
            match network.holds(origin) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => untold = true,
            }
        }
        if untold { None } else { Some(false) }
    }
}

/// What the policy says about a place and an account, and by which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruled {
    /// Whether a code is asked.
    pub code: CodeRule,
    /// Which line says so.
    pub line: Line,
}

/// A line of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// No line: the default table.
    Default,
    /// A line of a PAM service: one of its rules, counted from 1, or its `code`.
    Service(Box<str>, Option<usize>),
    /// A line of a RADIUS client.
    Client(Box<str>, Option<usize>),
}

impl fmt::Display for Line {
    /// As `pam.service.sshd.rule[2]`, `radius.client.gw1` or `default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self {
            Self::Default => return f.write_str("default"),
            Self::Service(name, rule) => {
                write!(f, "pam.service.{name}")?;
                rule
            }
            Self::Client(name, rule) => {
                write!(f, "radius.client.{name}")?;
                rule
            }
        };
        match rule {
            Some(number) => write!(f, ".rule[{number}]"),
            None => Ok(()),
        }
    }
}

/// What a login needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A code.
    Code,
    /// None.
    NoCode,
    /// A code would be needed, and there never was a token: it may go on until this moment, to put the
    /// first one into use.
    Grace(Time),
}

impl Asking {
    /// The rule that holds at `place` for `account`: the first whose conditions hold.
    ///
    /// Where it can not be told whether they hold, because the remote host is no literal address, the
    /// stricter one counts of the rule and what comes after it. So nobody gets in more easily by a name
    /// that they may have made up.
    pub fn rule(&self, place: &Place, account: Option<&Account>) -> Ruled {
        let rules = match place.door {
            Door::Pam => self.services.get(&place.name),
            Door::Radius => self.clients.get(&place.name),
        };
        let line = |number| {
            let name = place.name.clone();
            match place.door {
                Door::Pam => Line::Service(name, number),
                Door::Radius => Line::Client(name, number),
            }
        };
        let Some(rules) = rules else {
            let may_choose =
                place.door == Door::Pam && LOGIN_SERVICES.contains(&place.name.as_ref());
            return Ruled {
                code: if may_choose {
                    CodeRule::AccountChoice
                } else {
                    CodeRule::Always
                },
                line: Line::Default,
            };
        };
        let origin = Origin::of(place);
        let mut strictest: Option<(CodeRule, Option<usize>)> = None;
        let mut take = |code: CodeRule, number: Option<usize>| {
            if strictest.is_none_or(|(before, _)| code > before) {
                strictest = Some((code, number));
            }
        };
        let mut told = false;
        for (rule, number) in rules.rules.iter().zip(1..) {
            match rule.fits(origin, account) {
                Some(false) => {}
                None => take(rule.code, Some(number)),
                Some(true) => {
                    take(rule.code, Some(number));
                    told = true;
                    break;
                }
            }
        }
        if !told {
            take(rules.otherwise, None);
        }
        let (code, number) = strictest.unwrap_or((rules.otherwise, None));
        Ruled {
            code,
            line: line(number),
        }
    }
}

impl Policy {
    /// What a login of `account` at `place` needs, and by which line. Somebody unknown is asked like
    /// anybody. A disabled account is asked everywhere, so that it gets in nowhere.
    pub fn need(&self, place: &Place, account: Option<&Account>, now: Time) -> (Need, Ruled) {
        let ruled = self.asking.rule(place, account);
        let disabled = account.is_some_and(|account| account.disabled);
        let needed = match ruled.code {
            _ if disabled => true,
            CodeRule::Always => true,
            CodeRule::Never => false,
            CodeRule::AccountChoice => account.is_none_or(|account| account.code_required),
        };
        let closed = |account: &Account| account.guesses.closed(&self.limits, now).is_some();
        let may_start = place.door == Door::Pam
            && !disabled
            && account.is_some_and(|account| !account.had_token() && !closed(account));
        let need = match self.asking.grace_until {
            _ if !needed => Need::NoCode,
            Some(until) if may_start && now < until => Need::Grace(until),
            _ => Need::Code,
        };
        (need, ruled)
    }
}
