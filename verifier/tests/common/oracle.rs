//! What ought to come of a login, kept apart from the core: who owns which device, what was
//! accepted, how often somebody failed. It shares no code with the decision but the codes.

use std::collections::BTreeMap;

use sekisho_verifier::event::Reason;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::proof::First;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::time::Time;
use sekisho_verifier::token::Factor;

use super::desk::{Device, Method, Tied};

/// How many accepted strings a token remembers.
pub(crate) const MEMORY: usize = 8;

/// How many ended tokens an account remembers.
const ENDED: usize = 4;

/// How often an accept is given again.
const AGAIN: u8 = 4;

/// How many wrong proofs an account remembers.
const WRONG: usize = 8;

/// What a gateway's request is known by: the data key of then, and its word.
type By = (u32, u8);

/// What a wrong proof is known by.
type WrongBy = (By, Method, String, First);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fit {
    Fresh(u64),
    Spent,
    Wrong,
}

/// A token as the oracle knows it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) device: Device,
    pub(crate) state: TokenState,
    pub(crate) disabled: bool,
    /// Accepted steps with their strings, newest first.
    pub(crate) accepted: Vec<(u64, String)>,
    /// Nothing up to this step is good since a restore.
    raised: Option<u64>,
    pub(crate) drift: i64,
    lean: i64,
    /// The newest accept, whom it was given to, until when and how often it is given again.
    pub(crate) answered: Option<(u64, By, Time, u8)>,
}

impl Held {
    pub(crate) fn new(device: Device, state: TokenState) -> Self {
        Self {
            device,
            state,
            disabled: false,
            accepted: Vec::new(),
            raised: None,
            drift: 0,
            lean: 0,
            answered: None,
        }
    }

    /// The step that was accepted for the same request with the same code, if that is still said.
    fn again(
        &self,
        policy: &Policy,
        code: &str,
        by: By,
        now: Time,
        acknowledges: bool,
    ) -> Option<u64> {
        let (step, known, until, times) = self.answered?;
        let near = match self.device.shape.factor {
            Factor::Totp { .. } => {
                let centre = self.centre(policy, now);
                step.abs_diff(centre) <= policy.acceptance.window
            }
            Factor::Hotp { .. } => true,
        };
        let lasts = now < until && until <= now.after(policy.acceptance.answer_again);
        let same = known == by && self.device.code(step) == code;
        // It was given so long before its end.
        let given = super::moved(until, -(policy.acceptance.answer_again.as_millis() as i64));
        let least = policy.acceptance.answer_again.max(super::seconds(10));
        let in_time = acknowledges && given <= now && now < given.after(least);
        (same && (near && lasts || in_time) && times < AGAIN).then_some(step)
    }

    pub(crate) fn mark(&self) -> Option<u64> {
        let accepted = self.accepted.first().map(|(step, _)| *step);
        accepted.max(self.raised)
    }

    /// Nothing that could be accepted at `now`, with any drift, is good any more; a counter is only
    /// believed again when its owner shows it.
    fn restore(&mut self, policy: &Policy, now: Time) {
        self.answered = None;
        let in_use = matches!(self.state, TokenState::Active | TokenState::Suspended);
        match self.device.shape.factor {
            Factor::Totp { .. } => {
                let acceptance = &policy.acceptance;
                let ahead = acceptance.window + acceptance.drift.unsigned_abs();
                self.raised = self.raised.max(Some(self.device.step(now) + ahead));
            }
            Factor::Hotp { .. } => self.disabled |= in_use,
        }
    }

    fn usable(&self) -> bool {
        self.state == TokenState::Active && !self.disabled
    }

    fn centre(&self, policy: &Policy, now: Time) -> u64 {
        let bound = policy.acceptance.drift;
        let drift = self.drift.clamp(-bound, bound);
        self.device.step(now).saturating_add_signed(drift)
    }

    /// What `code` is to this token.
    pub(crate) fn fit(&self, policy: &Policy, code: &str, now: Time) -> Fit {
        let acceptance = &policy.acceptance;
        let (low, high) = match self.device.shape.factor {
            Factor::Totp { .. } => {
                let centre = self.centre(policy, now);
                (centre - acceptance.window, centre + acceptance.window)
            }
            Factor::Hotp { first } => match self.mark() {
                Some(u64::MAX) => (1, 0),
                Some(mark) => (mark + 1, (mark + 1).saturating_add(acceptance.look_ahead)),
                None => (first, first.saturating_add(acceptance.look_ahead)),
            },
        };
        let generator = self.device.generator();
        let fits = |step: &u64| *generator.code(*step) == code;
        let (old, new): (Vec<u64>, Vec<u64>) = (low..=high)
            .filter(fits)
            .partition(|&step| self.mark().is_some_and(|mark| step <= mark));
        let remembered = self.accepted.iter().take(MEMORY);
        if !old.is_empty() || remembered.clone().any(|(_, spent)| spent == code) {
            return Fit::Spent;
        }
        new.last().map_or(Fit::Wrong, |&step| Fit::Fresh(step))
    }

    /// Three in a row that are off to one side move the drift by one.
    fn accept(&mut self, policy: &Policy, step: u64, code: &str, now: Time) {
        if matches!(self.device.shape.factor, Factor::Totp { .. }) {
            let side = (step as i64 - self.centre(policy, now) as i64).signum();
            self.lean = if self.lean * side > 0 {
                self.lean + side
            } else {
                side
            };
            if self.lean.abs() == 3 {
                let bound = policy.acceptance.drift;
                self.drift = (self.drift + side).clamp(-bound, bound);
                self.lean = 0;
            }
        }
        self.accepted.insert(0, (step, code.to_owned()));
        self.answered = None;
    }
}

/// An account as the oracle knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    pub(crate) live: Vec<Serial>,
    /// Newest first.
    ended: Vec<Serial>,
    pub(crate) off: bool,
    pub(crate) wrong: u32,
    pub(crate) row: u32,
    pub(crate) until: Option<Time>,
    /// Rounds that were taken.
    rounds: Vec<([u8; 16], Time)>,
    /// Wrong proofs, newest last, and until when each is known.
    wrong_proofs: Vec<(WrongBy, Time)>,
    /// Emergency codes in upper case without dashes, and until when each is good.
    pub(crate) spares: Vec<(String, Time)>,
    /// Those that were used, newest last.
    pub(crate) spent_spares: Vec<String>,
    /// The newest accept of one: whom it was given to, as what, until when and how often again.
    pub(crate) spare_answered: Option<(WrongBy, Time, u8)>,
}

impl Owner {
    fn clear(&mut self) {
        (self.wrong, self.row, self.until) = (0, 0, None);
    }

    fn forget_spares(&mut self) {
        self.spares.clear();
        self.spent_spares.clear();
        self.spare_answered = None;
    }

    fn charge(&mut self, policy: &Policy, now: Time) {
        let limits = &policy.limits;
        self.wrong = if self.wrong >= limits.wrong_codes {
            1
        } else {
            self.wrong + 1
        };
        self.row += 1;
        let lock = limits.lock.as_secs();
        let wait = match self.wrong {
            locked if locked >= limits.wrong_codes => lock,
            0..=2 => 0,
            more => (1 << (more - 3)).min(lock),
        };
        self.until = (wait > 0).then(|| now.after(super::seconds(wait)));
    }

    /// A wait of a clock that has been set back begins again.
    fn wait(&mut self, policy: &Policy, now: Time) {
        let mut anew = Self {
            wrong: self.wrong - 1,
            ..Self::default()
        };
        anew.charge(policy, now);
        self.until = self.until.min(anew.until);
    }
}

/// What a login ought to come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) reason: Reason,
    /// The canonical name.
    pub(crate) account: Option<String>,
    /// What is spent.
    pub(crate) spends: Option<(Serial, u64)>,
    /// Whose accept is given again.
    pub(crate) again: Option<Serial>,
    /// The emergency code that is spent.
    pub(crate) spare: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Oracle {
    pub(crate) policy: Policy,
    pub(crate) tokens: BTreeMap<Serial, Held>,
    pub(crate) owners: BTreeMap<String, Owner>,
    /// Every name in lower case, and whose it is.
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) newest: Option<Time>,
    /// Whether nobody doubts the clock.
    pub(crate) steady: bool,
    /// What was done with an idempotency key, and where.
    pub(crate) requests: BTreeMap<(u32, String), u64>,
    /// The number of the data key.
    pub(crate) key: u32,
}

impl Oracle {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            tokens: BTreeMap::new(),
            owners: BTreeMap::new(),
            names: BTreeMap::new(),
            newest: None,
            steady: true,
            requests: BTreeMap::new(),
            key: 1,
        }
    }

    fn by(&self, door: Door, tied: &Tied) -> Option<By> {
        let gateway = door == Door::Radius;
        tied.correlation
            .filter(|_| gateway)
            .map(|word| (self.key, word))
    }

    /// Takes note that an account was disabled or enabled.
    pub(crate) fn switched(&mut self, name: &str, off: bool) {
        let owner = self.owner(name);
        owner.off = off;
        if off {
            owner.spare_answered = None;
            for serial in owner.live.clone() {
                self.token(&serial).answered = None;
            }
        }
    }

    /// Takes note that a code was accepted or something was done.
    pub(crate) fn saw(&mut self, now: Time) {
        if self.steady {
            self.newest = self.newest.max(Some(now));
        }
    }

    /// Takes note of a restore of these tokens and accounts.
    pub(crate) fn restored(&mut self, serials: &[Serial], accounts: &[String], now: Time) {
        for account in accounts {
            self.owner(account).forget_spares();
        }
        let now = self.newest.unwrap_or(now).max(now);
        let restored = |token: &&mut Held| serials.contains(&token.device.serial);
        for token in self.tokens.values_mut().filter(restored) {
            token.restore(&self.policy, now);
        }
    }

    pub(crate) fn clock_is_back(&self, now: Time) -> bool {
        self.newest.is_some_and(|newest| now < newest)
    }

    pub(crate) fn give(&mut self, account: &str, device: &Device) {
        let held = Held::new(device.clone(), TokenState::Active);
        self.tokens.insert(device.serial.clone(), held);
        self.own(account, &device.serial);
    }

    /// The account of `name`, made when there is none.
    pub(crate) fn owner(&mut self, name: &str) -> &mut Owner {
        let name = name.to_ascii_lowercase();
        let canonical = self.names.entry(name.clone()).or_insert(name);
        self.owners.entry(canonical.clone()).or_default()
    }

    fn own(&mut self, name: &str, serial: &Serial) {
        self.owner(name).live.push(serial.clone());
    }

    fn owner_of(&mut self, serial: &Serial) -> Option<&mut Owner> {
        self.owners
            .values_mut()
            .find(|owner| owner.live.contains(serial))
    }

    /// What a login ought to come to at `now`.
    pub(crate) fn expected(
        &self,
        typed: &str,
        code: &str,
        door: Door,
        tied: &Tied,
        now: Time,
    ) -> Expected {
        let reject = |reason, account: Option<&String>| Expected {
            reason,
            account: account.cloned(),
            spends: None,
            again: None,
            spare: None,
        };
        if !could_be_a_name(typed) {
            return reject(Reason::MalformedName, None);
        }
        let typed = typed.to_ascii_lowercase();
        let Some(name) = self.names.get(&typed) else {
            return reject(Reason::UnknownAccount, Some(&typed));
        };
        let owner = &self.owners[name];
        let held: Vec<&Held> = owner.live.iter().map(|s| &self.tokens[s]).collect();
        let judges = !owner.off && !self.clock_is_back(now) && self.steady;
        let (mut fresh, mut over) = (true, false);
        if let Some(round) = &tied.round {
            over = round.until <= now || round.until > now.after(super::seconds(600));
            fresh = owner.rounds.iter().all(|(id, _)| *id != round.id);
        }
        if let (true, false, Some(by)) = (judges, over, self.by(door, tied)) {
            let wrong = (by, tied.method, code.to_owned(), tied.first);
            let latest = now.after(self.policy.acceptance.answer_again);
            let known = |(proof, until): &(WrongBy, Time)| {
                *proof == wrong && now < *until && *until <= latest
            };
            if owner.wrong_proofs.iter().any(known) {
                return reject(Reason::RejectedAgain, Some(name));
            }
            let first = matches!(tied.first, First::None | First::Right);
            if let Some((proof, until, times)) = &owner.spare_answered
                && first
                && (proof, now < *until && *until <= latest) == (&wrong, true)
                && *times < AGAIN
            {
                return reject(Reason::AnsweredAgain, Some(name));
            }
            let usable = held.iter().filter(|token| token.usable() && first);
            let mut again = usable.filter_map(|token| {
                let acknowledges = !fresh && tied.method == Method::MsChapV2;
                let step = token.again(&self.policy, code, by, now, acknowledges)?;
                Some((token.device.serial.clone(), step))
            });
            if let Some(again) = again.next() {
                return Expected {
                    reason: Reason::AnsweredAgain,
                    account: Some(name.clone()),
                    spends: None,
                    again: Some(again.0),
                    spare: None,
                };
            }
        }
        let spare = spare_text(code).filter(|_| tied.method == Method::Code);
        let good = |until: &Time| now < *until;
        let could_fit = spare.as_ref().is_some_and(|text| {
            let any_good = owner.spares.iter().any(|(_, until)| good(until));
            !owner.spent_spares.is_empty() || text.len() == 12 && any_good
        });
        let reason = match () {
            () if owner.off => Reason::AccountDisabled,
            () if self.clock_is_back(now) => Reason::ClockBackwards,
            () if !self.steady => Reason::ClockStepped,
            () if over => Reason::RoundExpired,
            () if !fresh => Reason::RoundUsed,
            () if owner.until.is_some_and(|until| now < until) => {
                let locked = owner.wrong >= self.policy.limits.wrong_codes;
                if locked {
                    Reason::Locked
                } else {
                    Reason::Waiting
                }
            }
            () if could_fit || held.iter().any(|token| token.usable()) => match tied.first {
                _ if tied.method == Method::Code && spare.is_none() && !could_be_a_code(code) => {
                    Reason::MalformedCode
                }
                First::Unavailable => Reason::FirstFactorUnavailable,
                First::Wrong => Reason::WrongPassword,
                First::None | First::Right if spare.is_some() => {
                    let fits = |(text, until): &&(String, Time)| {
                        Some(text) == spare.as_ref() && good(until)
                    };
                    let Some((text, _)) = owner.spares.iter().find(fits) else {
                        let spent = spare.is_some_and(|text| owner.spent_spares.contains(&text));
                        let reason = match spent {
                            true => Reason::AlreadyUsed,
                            false => Reason::WrongCode,
                        };
                        return reject(reason, Some(name));
                    };
                    return Expected {
                        spare: Some(text.clone()),
                        ..reject(Reason::EmergencyCode, Some(name))
                    };
                }
                First::None | First::Right => {
                    return self.weighed(name, &held, code, tied.method, now);
                }
            },
            () if held.iter().any(|token| token.disabled) => Reason::TokenDisabled,
            () if held.is_empty() => Reason::NoToken,
            () => Reason::TokenSuspended,
        };
        reject(reason, Some(name))
    }

    fn weighed(
        &self,
        name: &str,
        held: &[&Held],
        code: &str,
        method: Method,
        now: Time,
    ) -> Expected {
        let usable = held.iter().filter(|token| token.usable());
        let fits: Vec<(Serial, Fit)> = usable
            .map(|token| {
                (
                    token.device.serial.clone(),
                    token.fit(&self.policy, code, now),
                )
            })
            .collect();
        let fresh = fits.iter().find_map(|(serial, fit)| match fit {
            Fit::Fresh(step) => Some((serial.clone(), *step)),
            _ => None,
        });
        let (reason, spends) = match fresh {
            _ if method == Method::Code && !could_be_a_code(code) => (Reason::MalformedCode, None),
            _ if fits.iter().any(|(_, fit)| *fit == Fit::Spent) => (Reason::AlreadyUsed, None),
            Some(fresh) => (Reason::RightCode, Some(fresh)),
            None if self.is_copy(name, code) => (Reason::AlreadyUsed, None),
            None => (Reason::WrongCode, None),
        };
        Expected {
            reason,
            account: Some(name.to_owned()),
            spends,
            again: None,
            spare: None,
        }
    }

    /// Whether a token of the account, in use or not, remembers to have accepted `code`.
    fn is_copy(&self, name: &str, code: &str) -> bool {
        let owner = &self.owners[name];
        let known = owner.live.iter().chain(owner.ended.iter().take(ENDED));
        let tokens = known.map(|serial| &self.tokens[serial]);
        tokens
            .flat_map(|token| token.accepted.iter().take(MEMORY))
            .any(|(_, spent)| spent == code)
    }

    /// Takes note of a login that was applied as expected.
    pub(crate) fn logged_in(
        &mut self,
        expected: &Expected,
        code: &str,
        door: Door,
        tied: &Tied,
        now: Time,
    ) {
        let policy = self.policy.clone();
        let by = self.by(door, tied);
        let until = now.after(policy.acceptance.answer_again);
        if let Some(serial) = &expected.again {
            let answered = &mut self.token(serial).answered;
            answered.as_mut().expect("an accept").3 += 1;
        }
        if expected.reason == Reason::AnsweredAgain && expected.again.is_none() {
            let name = expected.account.as_ref().expect("an account");
            let owner = self.owners.get_mut(name).expect("an owner");
            owner.spare_answered.as_mut().expect("an accept").2 += 1;
        }
        let owner = expected.account.as_ref();
        let owner = owner.and_then(|name| self.owners.get_mut(name));
        let looked_at = !matches!(
            expected.reason,
            Reason::AccountDisabled | Reason::ClockBackwards | Reason::ClockStepped
        );
        if let (Some(owner), Some(round), true) = (owner, tied.round, looked_at) {
            let over = round.until <= now || round.until > now.after(super::seconds(600));
            if !over && owner.rounds.iter().all(|(id, _)| *id != round.id) {
                owner.rounds.push((round.id, round.until));
            }
        }
        if let Some((serial, step)) = &expected.spends {
            self.accept(serial, *step, code, now);
            self.owner_of(serial).expect("an owner").clear();
            self.token(serial).answered = by.map(|by| (*step, by, until, 0));
            self.saw(now);
        }
        if let Some(spare) = &expected.spare {
            let name = expected.account.as_ref().expect("an account");
            let owner = self.owners.get_mut(name).expect("an owner");
            owner.spares.retain(|(text, _)| text != spare);
            owner.spent_spares.push(spare.clone());
            let more = owner.spent_spares.len().saturating_sub(20);
            owner.spent_spares.drain(..more);
            let proof = |by| (by, tied.method, code.to_owned(), tied.first);
            owner.spare_answered = by.map(|by| (proof(by), until, 0));
            owner.clear();
            self.saw(now);
        }
        if matches!(expected.reason, Reason::Waiting | Reason::Locked) {
            let name = expected.account.as_ref().expect("an account");
            let owner = self.owners.get_mut(name).expect("an owner");
            owner.wait(&policy, now);
        }
        if matches!(expected.reason, Reason::WrongCode | Reason::WrongPassword) {
            let name = expected.account.as_ref().expect("an account");
            let owner = self.owners.get_mut(name).expect("an owner");
            owner.charge(&policy, now);
            if let Some(by) = by {
                owner.wrong_proofs.retain(|(_, until)| *until > now);
                let proof = (by, tied.method, code.to_owned(), tied.first);
                owner.wrong_proofs.push((proof, until));
                let more = owner.wrong_proofs.len().saturating_sub(WRONG);
                owner.wrong_proofs.drain(..more);
            }
            if owner.row >= policy.limits.failures_in_a_row {
                for serial in &owner.live {
                    let token = self.tokens.get_mut(serial).expect("a token");
                    token.disabled |= token.state == TokenState::Active;
                }
            }
        }
    }

    fn accept(&mut self, serial: &Serial, step: u64, code: &str, now: Time) {
        let token = self.tokens.get_mut(serial).expect("a token");
        token.accept(&self.policy, step, code, now);
    }

    pub(crate) fn fit(&self, serial: &Serial, code: &str, now: Time) -> Fit {
        self.tokens[serial].fit(&self.policy, code, now)
    }

    /// Takes note of an enrollment with a proof that was applied.
    pub(crate) fn enrolled(
        &mut self,
        name: &str,
        serial: &Serial,
        step: u64,
        code: &str,
        now: Time,
    ) {
        self.accept(serial, step, code, now);
        let token = self.tokens.get_mut(serial).expect("a token");
        let anew = std::mem::take(&mut token.disabled);
        token.state = TokenState::Active;
        if !anew {
            self.own(name, serial);
        }
        let owner = self.owner(name);
        owner.clear();
        owner.forget_spares();
    }

    /// Takes note of an exchange that was applied.
    pub(crate) fn exchanged(
        &mut self,
        old: &Serial,
        new: &Serial,
        step: u64,
        code: &str,
        now: Time,
    ) {
        self.accept(new, step, code, now);
        self.token(new).state = TokenState::Active;
        let owner = self.owner_of(old).expect("an owner");
        owner.clear();
        owner.forget_spares();
        owner.live.push(new.clone());
        self.ended(old, TokenState::Exchanged);
    }

    pub(crate) fn token(&mut self, serial: &Serial) -> &mut Held {
        self.tokens.get_mut(serial).expect("a token")
    }

    /// Takes note that `serial` is in a final state.
    pub(crate) fn ended(&mut self, serial: &Serial, state: TokenState) {
        self.token(serial).state = state;
        if let Some(owner) = self.owner_of(serial) {
            owner.live.retain(|live| live != serial);
            owner.ended.insert(0, serial.clone());
        }
    }
}

fn could_be_a_name(typed: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@+$".contains(c);
    (1..=128).contains(&typed.len())
        && typed.chars().all(allowed)
        && !typed.starts_with('-')
        && typed.chars().any(|c| c != '.')
}

/// What was typed, as the spare code that it looks like.
pub(crate) fn spare_text(typed: &str) -> Option<String> {
    let bare = typed.replace(['-', ' '], "").to_ascii_uppercase();
    let allowed = |c: char| "34679ACDEFGHJKMNPQRTWXY".contains(c);
    let fits = typed.len() <= 32 && matches!(bare.len(), 12 | 16);
    (fits && bare.chars().all(allowed)).then_some(bare)
}

pub(crate) fn could_be_a_code(typed: &str) -> bool {
    (6..=8).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_digit())
}
