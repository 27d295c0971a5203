//! The decision: who gets in.
//!
//! `(records, attempt, policy, now) → (verdict, reason, changes, event)`, without side effects. The
//! verdict comes out only against the store's word that the change is durable, and accept is a
//! value that nothing outside this module can make.

mod ask;
mod attempt;
mod decoy;
mod login;
mod repetition;
mod round;
mod spare;
mod tokens;

use std::sync::Arc;

use crate::account::{AccountName, Attribute, GroupName};
use crate::event::Reason;
use crate::guess::Closed;
use crate::ms_chap::MsChapKeys;
use crate::otp::{Code, Generator, Seed};
use crate::policy::{OutOfBounds, Policy};
use crate::proof::Answer;
use crate::seal::{DoesNotOpen, Keyring};
use crate::serial::Serial;
use crate::spare::SpareCode;
use crate::store::{StoreError, View};
use crate::time::{Now, Time};
use crate::token::{Finding, Token, Use};

pub use ask::{Ask, Asked, Phase, Question, Wanted};
pub use attempt::Attempt;
pub use login::Login;
pub use round::ROUND_LASTS_MAX;
pub use tokens::has_usable_token;

pub(crate) use ask::start_password;
pub(crate) use spare::{Spare, spare_of};
pub(crate) use tokens::{Found, load, nothing_usable};

use decoy::Decoy;

/// What decisions need besides records: the policy, and the keys that open seeds.
#[derive(Debug)]
pub struct Verifier {
    policy: Policy,
    keyring: Arc<Keyring>,
    decoy: Decoy,
}

/// A spent code that was tried once more, somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The account.
    pub account: AccountName,
    /// The token.
    pub serial: Serial,
    /// The step or counter of the code.
    pub step: u64,
    /// When and where it was accepted, if it was the newest; else the journal tells.
    pub used: Option<Use>,
}

impl Verifier {
    /// Refuses a policy that is out of bounds.
    pub fn new(policy: Policy, keyring: Arc<Keyring>) -> Result<Self, OutOfBounds> {
        policy.check()?;
        let decoy = Decoy::new();
        Ok(Self {
            policy,
            keyring,
            decoy,
        })
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys that seal seeds and tag records.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    fn open(&self, token: &Token) -> Result<Seed, DoesNotOpen> {
        self.keyring.open(&token.serial, token.seal, &token.seed)
    }

    pub(crate) fn generator(&self, token: &Token) -> Result<Generator, DoesNotOpen> {
        let seed = self.open(token)?;
        Ok(Generator::new(&seed, token.algorithm, token.digits))
    }

    /// How many steps or counters away from where `token` is now `code` would be right, if it is the code
    /// of one within `reach`, so many behind and so many ahead: the nearest one. For explanations; it
    /// bears on no decision.
    pub fn fits(&self, token: &Token, code: &[u8], now: Time, reach: (u64, u64)) -> Option<i64> {
        let code = Code::parse(code).ok()?;
        let generator = self.generator(token).ok()?;
        let here = token.here(now);
        let (behind, ahead) = (i64::try_from(reach.0).ok()?, i64::try_from(reach.1).ok()?);
        let near = (0..=behind.max(ahead)).flat_map(|far| [far, -far]);
        let near = near.filter(|off| (-behind..=ahead).contains(off));
        let mut at = near.filter_map(|off| Some((off, here.checked_add_signed(off)?)));
        let found = at.find(|(_, step)| generator.matches(&code, *step));
        found.map(|(off, _)| off)
    }

    /// What `answer` means to `token` at `now`.
    pub(crate) fn judge(
        &self,
        token: &Token,
        answer: &Answer<'_>,
        now: Time,
    ) -> Result<Finding, DoesNotOpen> {
        let generator = self.generator(token)?;
        Ok(token.judge(&generator, answer, &self.policy.acceptance, now))
    }
}

/// Proof that a code was right, fresh, and is durably spent; or that the gateway that was told so
/// asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted(());

/// What the door is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Accept(Accepted),
    /// Keep out, whatever the cause.
    Reject,
    /// Nothing is known to be decided: keep out, and promise nothing.
    Undecided,
}

/// What goes with an accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The canonical name.
    pub account: AccountName,
    /// The account's groups.
    pub groups: Vec<GroupName>,
    /// The account's attributes.
    pub attributes: Vec<Attribute>,
    /// To an MS-CHAPv2 response.
    pub ms_chap: Option<MsChapKeys>,
}

/// A code typed into the wrong field is still good: it must not be written down.
fn may_be_kept(name: &AccountName) -> bool {
    let typed = name.as_str().as_bytes();
    Code::parse(typed).is_err() && SpareCode::parse(typed).is_none()
}

/// What the clock keeps from being accepted: all of it, where it is behind what was accepted or done, or
/// made a step that nothing explains.
pub(crate) fn clock_obstacle(now: Now, view: &dyn View) -> Result<Option<Reason>, StoreError> {
    Ok(match view.newest()? {
        Some(newest) if now.time < newest => Some(Reason::ClockBackwards),
        _ if !now.steady => Some(Reason::ClockStepped),
        _ => None,
    })
}

pub(crate) fn reason_of(closed: Closed) -> Reason {
    match closed {
        Closed::Waiting(_) => Reason::Waiting,
        Closed::Locked(_) => Reason::Locked,
    }
}

/// Whether a seed was opened and codes were computed on the way to this reason.
fn was_judged(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RightCode
            | Reason::AnsweredAgain
            | Reason::AlreadyUsed
            | Reason::WrongCode
            | Reason::SeedDoesNotOpen
    )
}
