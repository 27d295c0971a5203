//! The decision: who gets in.
//!
//! `(records, attempt, policy, now) → (verdict, reason, changes, event)`, without side effects. The
//! verdict comes out only against the store's word that the change is durable, and accept is a
//! value that nothing outside this module can make.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::account::{Account, AccountName};
use crate::event::{Event, LoginEvent, Reason, What};
use crate::guess::Closed;
use crate::lifecycle::TokenState;
use crate::otp::{Algorithm, Code, Digits, Generator, Seed};
use crate::place::Place;
use crate::policy::{OutOfBounds, Policy};
use crate::proof::{First, Proof, Round};
use crate::seal::{DataKey, DoesNotOpen, KEY_OCTETS, Keyring, NONCE_OCTETS, SealedSeed};
use crate::serial::Serial;
use crate::store::{Change, Decider, Outcome, Record, StoreError, View};
use crate::time::{Now, Time};
use crate::token::{Finding, Period, Token};

/// What decisions need besides records: the policy, and the keys that open seeds.
#[derive(Debug)]
pub struct Verifier {
    policy: Policy,
    keyring: Arc<Keyring>,
    decoy: Decoy,
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

    /// What `code` means to `token` at `now`.
    pub(crate) fn judge(
        &self,
        token: &Token,
        code: &Code,
        now: Time,
    ) -> Result<Finding, DoesNotOpen> {
        let seed = self.open(token)?;
        let generator = Generator::new(&seed, token.algorithm, token.digits);
        Ok(token.judge(&generator, code, &self.policy.acceptance, now))
    }
}

/// A token that nobody has, judged where there is none to judge: the time an answer takes must
/// not tell whether an account exists (OpenSSH's CVE-2016-6210).
#[derive(Debug)]
struct Decoy {
    /// A key of its own, which no rotation takes away. It protects nothing.
    key: DataKey,
    serial: Option<Serial>,
    sealed: Option<SealedSeed>,
    code: Option<Code>,
}

impl Decoy {
    fn new() -> Self {
        let key = DataKey::new(0, &[0; KEY_OCTETS]);
        let serial = Serial::parse("DECOY").ok();
        let seed = Seed::new(vec![0; 20]);
        let sealed = serial
            .as_ref()
            .zip(seed)
            .map(|(serial, seed)| key.seal(serial, 1, &seed, [0xff; NONCE_OCTETS]));
        let code = Code::parse(b"000000").ok();
        Self {
            key,
            serial,
            sealed,
            code,
        }
    }

    fn judge(&self, verifier: &Verifier, now: Time) {
        let (Some(serial), Some(sealed), Some(code)) = (&self.serial, &self.sealed, &self.code)
        else {
            return;
        };
        let Ok(seed) = self.key.open(serial, 1, sealed) else {
            return;
        };
        let generator = Generator::new(&seed, Algorithm::Sha1, Digits::default());
        let centre = Period::default().step(now);
        let window = verifier.policy.acceptance.window;
        for step in centre.saturating_sub(window)..=centre.saturating_add(window) {
            std::hint::black_box(generator.matches(code, step));
        }
    }
}

/// One try to log in, as it came.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The account name as typed.
    pub account: String,
    /// What came as proof of a code.
    pub proof: Proof,
    /// The factor before the code.
    pub first: First,
    /// The round of a conversation that it is; the same is not taken twice.
    pub round: Option<Round>,
    /// What ties it to the request that it repeats, if it is a repetition.
    pub correlation: Option<Vec<u8>>,
    /// Where.
    pub place: Place,
}

impl Attempt {
    /// A code, and nothing else to it.
    pub fn of_code(account: &str, code: Zeroizing<Vec<u8>>, place: Place) -> Self {
        Self {
            account: account.to_owned(),
            proof: Proof::Code(code),
            first: First::None,
            round: None,
            correlation: None,
            place,
        }
    }
}

/// Proof that a code was right, fresh, and is durably spent.
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

/// One login on its way to a verdict.
#[derive(Debug)]
pub struct Login<'a> {
    verifier: &'a Verifier,
    attempt: &'a Attempt,
    now: Now,
    reason: Option<Reason>,
    account: Option<AccountName>,
    locked_out: bool,
}

impl<'a> Login<'a> {
    /// A login to be decided at `now`.
    pub fn new(verifier: &'a Verifier, attempt: &'a Attempt, now: impl Into<Now>) -> Self {
        Self {
            verifier,
            attempt,
            now: now.into(),
            reason: None,
            account: None,
            locked_out: false,
        }
    }

    /// Which account it was decided for; `None` when what was typed is no name to be written down.
    pub fn account(&self) -> Option<&AccountName> {
        self.account.as_ref()
    }

    /// Why it was decided as it was; for operators.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Whether this was the wrong code that locked the account, which operators are alarmed of.
    pub fn locked_out(&self) -> bool {
        self.locked_out
    }

    /// The verdict, against the store's word on what [`Decider::decide`] wanted written.
    pub fn verdict(&self, outcome: Outcome) -> Verdict {
        match (outcome, self.reason) {
            (Outcome::Applied(_), Some(Reason::RightCode)) => Verdict::Accept(Accepted(())),
            (Outcome::Applied(_), Some(_)) => Verdict::Reject,
            _ => Verdict::Undecided,
        }
    }

    fn find(&self, view: &dyn View) -> Result<Findings, StoreError> {
        let Ok(name) = AccountName::parse(&self.attempt.account) else {
            return Ok(Findings::rejected(Reason::MalformedName, None));
        };
        let Some(account) = view.account_by_any_name(&name)? else {
            let name = Some(name).filter(may_be_kept);
            return Ok(Findings::rejected(Reason::UnknownAccount, name));
        };
        match self.obstacle(&account, view)? {
            Some(reason @ (Reason::Waiting | Reason::Locked)) => Ok(self.wait(reason, account)),
            Some(reason) => Ok(Findings::rejected(reason, Some(account.name))),
            None => self.weigh(account, view),
        }
    }

    /// Not judged yet; a clock that was set back makes the wait begin again.
    fn wait(&self, reason: Reason, mut account: Account) -> Findings {
        let limits = &self.verifier.policy.limits;
        let mut findings = Findings::rejected(reason, Some(account.name.clone()));
        if account.guesses.begin_again(limits, self.now.time) {
            findings.written.push(Record::Account(account));
        }
        findings
    }

    /// What keeps a code from being judged at all.
    fn obstacle(&self, account: &Account, view: &dyn View) -> Result<Option<Reason>, StoreError> {
        if account.disabled {
            return Ok(Some(Reason::AccountDisabled));
        }
        if view.newest()?.is_some_and(|newest| self.now.time < newest) {
            return Ok(Some(Reason::ClockBackwards));
        }
        if !self.now.steady {
            return Ok(Some(Reason::ClockStepped));
        }
        let closed = account
            .guesses
            .closed(&self.verifier.policy.limits, self.now.time);
        Ok(closed.map(reason_of))
    }

    /// Judges the code against every usable token of the account.
    fn weigh(&self, account: Account, view: &dyn View) -> Result<Findings, StoreError> {
        let tokens = load(view, &account.serials)?;
        if let Some(reason) = nothing_usable(&tokens) {
            return Ok(Findings::rejected(reason, Some(account.name)));
        }
        let Proof::Code(typed) = &self.attempt.proof else {
            let reason = Reason::MalformedCode;
            return Ok(Findings::rejected(reason, Some(account.name)));
        };
        let Ok(code) = Code::parse(typed) else {
            let reason = Reason::MalformedCode;
            return Ok(Findings::rejected(reason, Some(account.name)));
        };
        let (mut usable, mut unusable): (Vec<_>, Vec<_>) = tokens.into_iter().partition(is_usable);
        let judged = self.judge_each(&usable, &code);
        // A string that one token has spent is not good for another either: the same seed may
        // have come in twice, under two serials.
        if let Some(index) = judged.spent {
            return Ok(Findings::unchanged(
                Reason::AlreadyUsed,
                &account,
                &usable[index],
            ));
        }
        unusable.extend(load(view, &account.ended)?);
        let copy = unusable.iter().find(|token| self.is_copy(token, &code));
        if let Some(token) = copy {
            return Ok(Findings::unchanged(Reason::AlreadyUsed, &account, token));
        }
        if let Some((index, step)) = judged.fresh {
            return Ok(self.accept(account, usable.swap_remove(index), step));
        }
        match judged.broken {
            // Nothing was compared, so nothing was guessed.
            Some(index) if !judged.compared => {
                let reason = Reason::SeedDoesNotOpen;
                Ok(Findings::unchanged(reason, &account, &usable[index]))
            }
            _ => Ok(self.charge(account, usable)),
        }
    }

    fn judge_each(&self, tokens: &[Token], code: &Code) -> Judged {
        let mut judged = Judged::default();
        for (index, token) in tokens.iter().enumerate() {
            let finding = self.verifier.judge(token, code, self.now.time);
            judged.compared |= finding.is_ok();
            match finding {
                Ok(Finding::Fresh(step)) => judged.fresh = judged.fresh.or(Some((index, step))),
                Ok(Finding::Spent) => judged.spent = judged.spent.or(Some(index)),
                Ok(Finding::Unknown) => {}
                Err(DoesNotOpen) => judged.broken = judged.broken.or(Some(index)),
            }
        }
        judged
    }

    /// Whether `code` was accepted by a token that is out of use now. It is not accepted again, and
    /// it is no guess: a gateway that sends a saved code again after an exchange must not lock its
    /// owner out.
    fn is_copy(&self, token: &Token, code: &Code) -> bool {
        let opened = self.verifier.open(token);
        opened.is_ok_and(|seed| {
            let generator = Generator::new(&seed, token.algorithm, token.digits);
            token.has_spent(&generator, code)
        })
    }

    fn accept(&self, mut account: Account, mut token: Token, step: u64) -> Findings {
        let place = Some(self.attempt.place.clone());
        token.spend(step, &self.verifier.policy.acceptance, self.now.time, place);
        let mut findings = Findings::unchanged(Reason::RightCode, &account, &token);
        findings.step = Some(step);
        findings.written.push(Record::Token(token));
        if !account.guesses.is_clear() {
            account.guesses.clear();
            findings.written.push(Record::Account(account));
        }
        findings
    }

    fn charge(&self, mut account: Account, tokens: Vec<Token>) -> Findings {
        let limits = &self.verifier.policy.limits;
        let mut findings = Findings::rejected(Reason::WrongCode, Some(account.name.clone()));
        if let [only] = tokens.as_slice() {
            findings.serial = Some(only.serial.clone());
        }
        account.guesses.charge(limits, self.now.time);
        findings.locked_out = account.guesses.wrong >= limits.wrong_codes;
        if account.guesses.exhausted(limits) {
            let disabled = tokens.into_iter().map(|mut token| {
                token.disabled = true;
                Record::Token(token)
            });
            findings.written.extend(disabled);
        }
        findings.written.push(Record::Account(account));
        findings
    }
}

impl Decider for Login<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.reason = None;
        let findings = self.find(view)?;
        if !was_judged(findings.reason) {
            self.verifier.decoy.judge(self.verifier, self.now.time);
        }
        self.reason = Some(findings.reason);
        self.locked_out = findings.locked_out;
        self.account.clone_from(&findings.account);
        Ok(Some(Change {
            event: Event::at(
                self.now,
                What::Login(LoginEvent {
                    reason: findings.reason,
                    account: findings.account,
                    serial: findings.serial,
                    step: findings.step,
                    place: self.attempt.place.clone(),
                }),
            ),
            written: findings.written,
            removed: Vec::new(),
        }))
    }
}

/// What the usable tokens of an account make of a code; tokens by index.
#[derive(Default)]
struct Judged {
    /// The first that it is fresh for, and the step.
    fresh: Option<(usize, u64)>,
    /// The first that has spent it.
    spent: Option<usize>,
    /// The first whose seed does not open.
    broken: Option<usize>,
    /// Whether it was compared with the codes of any.
    compared: bool,
}

/// What a login comes to.
struct Findings {
    reason: Reason,
    account: Option<AccountName>,
    serial: Option<Serial>,
    step: Option<u64>,
    locked_out: bool,
    written: Vec<Record>,
}

impl Findings {
    fn rejected(reason: Reason, account: Option<AccountName>) -> Self {
        Self {
            reason,
            account,
            serial: None,
            step: None,
            locked_out: false,
            written: Vec::new(),
        }
    }

    fn unchanged(reason: Reason, account: &Account, token: &Token) -> Self {
        Self {
            serial: Some(token.serial.clone()),
            ..Self::rejected(reason, Some(account.name.clone()))
        }
    }
}

fn load(view: &dyn View, serials: &[Serial]) -> Result<Vec<Token>, StoreError> {
    let token = |serial| view.token(serial)?.ok_or(StoreError::Corrupt);
    serials.iter().map(token).collect()
}

/// A code typed into the wrong field is still good: it must not be written down.
fn may_be_kept(name: &AccountName) -> bool {
    Code::parse(name.as_str().as_bytes()).is_err()
}

fn is_usable(token: &Token) -> bool {
    token.state == TokenState::Active && !token.disabled
}

/// Whether some code could be right for `account`.
pub(crate) fn has_usable_token(view: &dyn View, account: &Account) -> Result<bool, StoreError> {
    Ok(load(view, &account.serials)?.iter().any(is_usable))
}

/// Why none of `tokens` can be used, or `None` if one can.
fn nothing_usable(tokens: &[Token]) -> Option<Reason> {
    if tokens.iter().any(is_usable) {
        return None;
    }
    let disabled = tokens.iter().any(|token| token.disabled);
    let suspended = tokens
        .iter()
        .any(|token| token.state == TokenState::Suspended);
    Some(match (disabled, suspended) {
        (true, _) => Reason::TokenDisabled,
        (false, true) => Reason::TokenSuspended,
        (false, false) => Reason::NoToken,
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
        Reason::RightCode | Reason::AlreadyUsed | Reason::WrongCode | Reason::SeedDoesNotOpen
    )
}

/// The question whether a code is needed, asked before anybody is prompted.
#[derive(Debug)]
pub struct Ask<'a> {
    verifier: &'a Verifier,
    account: &'a str,
    place: &'a Place,
    now: Now,
    needed: bool,
}

/// Whether a code is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Prompt for one.
    CodeNeeded,
    /// The policy wants none here, and the event that says so is durable.
    CodeNotNeeded,
    /// Nothing is known: treat it as needed and not given.
    Undecided,
}

impl<'a> Ask<'a> {
    /// A question to be answered at `now`; `account` is the name as typed.
    pub fn new(
        verifier: &'a Verifier,
        account: &'a str,
        place: &'a Place,
        now: impl Into<Now>,
    ) -> Self {
        Self {
            verifier,
            account,
            place,
            now: now.into(),
            needed: true,
        }
    }

    /// The answer, against the store's word.
    pub fn answer(&self, outcome: Outcome) -> Asked {
        match (outcome, self.needed) {
            (Outcome::Nothing, true) => Asked::CodeNeeded,
            (Outcome::Applied(_), false) => Asked::CodeNotNeeded,
            _ => Asked::Undecided,
        }
    }
}

impl Decider for Ask<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        let name = AccountName::parse(self.account).ok();
        let account = match &name {
            Some(name) => view.account_by_any_name(name)?,
            None => None,
        };
        let asking = &self.verifier.policy.asking;
        self.needed = asking.needs_code(self.place, account.as_ref());
        if self.needed {
            return Ok(None);
        }
        let name = name.filter(may_be_kept);
        let what = What::Login(LoginEvent {
            reason: Reason::NotAsked,
            account: account.map(|account| account.name).or(name),
            serial: None,
            step: None,
            place: self.place.clone(),
        });
        Ok(Some(Change::event_only(Event::at(self.now, what))))
    }
}
