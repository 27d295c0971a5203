//! The question what a login needs, asked before anybody is prompted.

use super::spare::has_spare;
use super::{Verifier, clock_obstacle, has_usable_token, may_be_kept};
use crate::account::{Account, AccountName, Language};
use crate::event::{Event, LoginEvent, Reason, What};
use crate::place::{Door, Place};
use crate::policy::Need;
use crate::serial::Serial;
use crate::spare::SpareKind;
use crate::start_password::StartPassword;
use crate::store::{Change, Decider, Outcome, StoreError, View};
use crate::time::{Now, Time};

/// The part of a Linux login in which it is asked what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Is a code needed? That none is, is an event.
    Authenticate,
    /// May the login go on, or must a token be put into use first?
    Account,
    /// Is there a token that could be put into use?
    Change,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The account name as typed.
    pub account: &'a str,
    /// Where.
    pub place: &'a Place,
    /// In which part of a login.
    pub phase: Phase,
    /// The token whose code the same login session gave a moment before, if it did: then it need not
    /// give another, as long as that token is in use.
    pub second_use: Option<&'a Serial>,
}

impl<'a> Question<'a> {
    /// Whether a code is needed, with nothing else to it.
    pub fn of(account: &'a str, place: &'a Place) -> Self {
        Self {
            account,
            place,
            phase: Phase::Authenticate,
            second_use: None,
        }
    }
}

/// One question on its way to its answer.
#[derive(Debug)]
pub struct Ask<'a> {
    verifier: &'a Verifier,
    question: Question<'a>,
    now: Now,
    came: Option<Came>,
    language: Option<Language>,
}

/// What the newest run of the decider came to, and whether that is an event.
#[derive(Debug)]
struct Came {
    asked: Asked,
    written: bool,
}

/// What is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Prompt for a code. In account management: the login goes on.
    CodeNeeded,
    /// The policy wants none here; where that lets somebody in, its event is durable.
    CodeNotNeeded,
    /// A token must be put into use, or could be.
    TokenWanted(Wanted),
    /// There is no token to put into use.
    NothingWanted,
    /// Nothing is known: treat it as needed and not given.
    Undecided,
}

/// What a conversation about a token has to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whether it takes the place of another; else it is the first one.
    pub exchange: bool,
    /// Whether the code of the token in use is asked for, or a start code.
    pub old_code: bool,
    /// Which digits of the start-of-use password are asked for, counted from 1; none if it has none.
    pub positions: Vec<u8>,
    /// Until when the account is let in without a token, if that is why.
    pub grace_until: Option<Time>,
}

impl<'a> Ask<'a> {
    /// A question to be answered at `now`.
    pub fn new(verifier: &'a Verifier, question: Question<'a>, now: impl Into<Now>) -> Self {
        Self {
            verifier,
            question,
            now: now.into(),
            came: None,
            language: None,
        }
    }

    /// The answer, against the store's word.
    pub fn answer(&self, outcome: Outcome) -> Asked {
        match (outcome, &self.came) {
            (Outcome::Nothing, Some(came)) if !came.written => came.asked.clone(),
            (Outcome::Applied(_), Some(came)) if came.written => came.asked.clone(),
            _ => Asked::Undecided,
        }
    }

    /// The language that the account has chosen.
    pub fn language(&self) -> Option<Language> {
        self.language
    }

    fn find(
        &self,
        view: &dyn View,
        account: Option<&Account>,
    ) -> Result<(Asked, Option<Told>), StoreError> {
        let asking = Asking {
            ask: self,
            account,
            view,
            in_time: clock_obstacle(self.now, view)?.is_none(),
        };
        Ok(match self.question.phase {
            Phase::Authenticate => asking.authenticate()?,
            Phase::Account => (asking.account()?, None),
            Phase::Change => (asking.change()?, None),
        })
    }
}

/// What the event of an answer tells.
struct Told {
    reason: Reason,
    serial: Option<Serial>,
}

/// A question with what was read for it. Tokens are read only where they bear on the answer: a damaged
/// one must not keep somebody out who needs no code.
struct Asking<'a> {
    ask: &'a Ask<'a>,
    account: Option<&'a Account>,
    view: &'a dyn View,
    /// Whether the clock is good: what lasts until some moment is not to be had by a clock that went
    /// back behind it.
    in_time: bool,
}

impl Asking<'_> {
    fn need(&self) -> Need {
        let policy = &self.ask.verifier.policy;
        let (need, _) = policy.need(self.ask.question.place, self.account, self.ask.now.time);
        match need {
            Need::Grace(_) if !self.in_time => Need::Code,
            need => need,
        }
    }

    fn authenticate(&self) -> Result<(Asked, Option<Told>), StoreError> {
        let let_pass = |reason, serial| {
            let told = Told { reason, serial };
            (Asked::CodeNotNeeded, Some(told))
        };
        Ok(match self.need() {
            Need::NoCode => let_pass(Reason::NotAsked, None),
            Need::Grace(_) => let_pass(Reason::Grace, None),
            Need::Code => match self.second_use()? {
                Some(serial) => let_pass(Reason::SecondUse, Some(serial)),
                None => (Asked::CodeNeeded, None),
            },
        })
    }

    /// The token by which this is a second use of a code, if it is and that token is still in use.
    fn second_use(&self) -> Result<Option<Serial>, StoreError> {
        let (Some(serial), Some(account)) = (self.ask.question.second_use, self.account) else {
            return Ok(None);
        };
        let limits = &self.ask.verifier.policy.limits;
        let closed = account.guesses.closed(limits, self.ask.now.time);
        let pam = self.ask.question.place.door == Door::Pam;
        let theirs = account.serials.contains(serial);
        if !pam || !theirs || !self.in_time || account.disabled || closed.is_some() {
            return Ok(None);
        }
        let token = self.view.token(serial)?.ok_or(StoreError::Corrupt)?;
        Ok(token.is_usable().then_some(token.serial))
    }

    /// Whether the owner can prove the account by the code of a token, or by a start code that was
    /// used.
    fn is_granted(&self) -> bool {
        let now = self.ask.now.time;
        self.in_time && self.account.is_some_and(|account| account.is_granted(now))
    }

    fn account(&self) -> Result<Asked, StoreError> {
        let Some(account) = self.account.filter(|account| !account.disabled) else {
            return self.as_needed();
        };
        if self.is_granted() {
            return self.wanted(!account.serials.is_empty(), false, None);
        }
        if account.exchange_required && has_usable_token(self.view, account)? {
            return self.wanted(true, true, None);
        }
        self.as_needed()
    }

    fn as_needed(&self) -> Result<Asked, StoreError> {
        match self.need() {
            Need::Grace(until) => self.wanted(false, false, Some(until)),
            Need::Code => Ok(Asked::CodeNeeded),
            Need::NoCode => Ok(Asked::CodeNotNeeded),
        }
    }

    fn change(&self) -> Result<Asked, StoreError> {
        let grace_until = match self.need() {
            Need::Grace(until) => Some(until),
            Need::Code | Need::NoCode => None,
        };
        let Some(account) = self.account else {
            return Ok(Asked::NothingWanted);
        };
        if account.disabled {
            return Ok(Asked::NothingWanted);
        }
        if !account.had_token() {
            return self.wanted(false, false, grace_until);
        }
        if self.is_granted() {
            return self.wanted(!account.serials.is_empty(), false, None);
        }
        let by_start_code = self.in_time && has_spare(account, SpareKind::Start, self.ask.now.time);
        if by_start_code || has_usable_token(self.view, account)? {
            return self.wanted(true, true, None);
        }
        Ok(Asked::NothingWanted)
    }

    fn wanted(
        &self,
        exchange: bool,
        old_code: bool,
        grace_until: Option<Time>,
    ) -> Result<Asked, StoreError> {
        let positions = match self.account {
            Some(account) => positions(self.ask.verifier, account)?,
            None => None,
        };
        Ok(Asked::TokenWanted(Wanted {
            exchange,
            old_code,
            positions: positions.map(Vec::from).unwrap_or_default(),
            grace_until,
        }))
    }
}

fn positions(
    verifier: &Verifier,
    account: &Account,
) -> Result<Option<[u8; crate::start_password::START_POSITIONS]>, StoreError> {
    let Some(password) = start_password(verifier, account)? else {
        return Ok(None);
    };
    Ok(Some(password.positions(&account.name, account.start_tries)))
}

/// The start-of-use password of an account, if it has one.
pub(crate) fn start_password(
    verifier: &Verifier,
    account: &Account,
) -> Result<Option<StartPassword>, StoreError> {
    let Some(sealed) = &account.start_password else {
        return Ok(None);
    };
    let opened = verifier.keyring.open_start_password(&account.name, sealed);
    opened.map(Some).map_err(|_| StoreError::Corrupt)
}

impl Decider for Ask<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.came = None;
        self.language = None;
        let name = AccountName::parse(self.question.account).ok();
        let account = match &name {
            Some(name) => view.account_by_any_name(name)?,
            None => None,
        };
        self.language = account.as_ref().and_then(|account| account.language);
        let (asked, told) = self.find(view, account.as_ref())?;
        self.came = Some(Came {
            asked,
            written: told.is_some(),
        });
        let event = told.map(|told| {
            let name = name.filter(may_be_kept);
            let what = What::Login(LoginEvent {
                reason: told.reason,
                account: account.map(|account| account.name).or(name),
                serial: told.serial,
                step: None,
                place: self.question.place.clone(),
            });
            Change::event_only(Event::at(self.now, what))
        });
        Ok(event)
    }
}
