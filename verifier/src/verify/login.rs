//! One login.

use super::repetition::Repetition;
use super::round::Taken;
use super::spare::{Spare, has_spare, spare_of};
use super::tokens::{Found, load, nothing_usable};
use super::{
    Accepted, Attempt, Duplicate, Granted, Verdict, Verifier, clock_obstacle, may_be_kept,
    reason_of, was_judged,
};
use crate::account::{
    Account, AccountName, SpareAnswered, WRONG_PACKETS_MAX, WRONG_PROOFS_MAX, WrongProof,
};
use crate::event::{Event, LoginEvent, Reason, What};
use crate::ms_chap::MsChapKeys;
use crate::place::Door;
use crate::proof::{Answer, First};
use crate::seal::DoesNotOpen;
use crate::serial::Serial;
use crate::spare::{START_GRANTED, SpareCode, SpareKind};
use crate::store::{Change, Decider, Outcome, Record, StoreError, View};
use crate::time::Now;
use crate::token::{Answered, Token};

/// One login on its way to a verdict.
#[derive(Debug)]
pub struct Login<'a> {
    pub(super) verifier: &'a Verifier,
    pub(super) attempt: &'a Attempt,
    pub(super) now: Now,
    reason: Option<Reason>,
    account: Option<AccountName>,
    serial: Option<Serial>,
    locked_out: bool,
    granted: Option<Granted>,
    duplicate: Option<Duplicate>,
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
            granted: None,
            serial: None,
            duplicate: None,
        }
    }

    /// Which account it was decided for; `None` when what was typed is no name to be written down.
    pub fn account(&self) -> Option<&AccountName> {
        self.account.as_ref()
    }

    /// Which token it was about, if it was about one.
    pub fn serial(&self) -> Option<&Serial> {
        self.serial.as_ref()
    }

    /// Why it was decided as it was; for operators.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// What goes with the accept that [`Self::verdict`] gave.
    pub fn granted(&self, _: Accepted) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// Whether it is a code that was accepted somewhere else, which operators are alarmed of. Only of a
    /// decision that was made.
    pub fn duplicate(&self) -> Option<&Duplicate> {
        self.duplicate.as_ref()
    }

    /// Whether this was the wrong code that locked the account, which operators are alarmed of.
    pub fn locked_out(&self) -> bool {
        self.locked_out
    }

    /// The verdict, against the store's word on what [`Decider::decide`] wanted written.
    pub fn verdict(&self, outcome: Outcome) -> Verdict {
        match (outcome, self.reason) {
            (Outcome::Applied(_), Some(reason)) if reason.accepts() => {
                Verdict::Accept(Accepted(()))
            }
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
        if self.attempt.round.is_none() {
            return self.weigh(account, view);
        }
        let mut findings = self.weigh(account.clone(), view)?;
        self.take_round(account, &mut findings);
        Ok(findings)
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

    /// What keeps anything from being looked at.
    fn obstacle(&self, account: &Account, view: &dyn View) -> Result<Option<Reason>, StoreError> {
        if account.disabled {
            return Ok(Some(Reason::AccountDisabled));
        }
        clock_obstacle(self.now, view)
    }

    /// What keeps a code from being judged, and then the code.
    fn weigh(&self, account: Account, view: &dyn View) -> Result<Findings, StoreError> {
        if let Some(reason) = self.obstacle(&account, view)? {
            return Ok(Findings::rejected(reason, Some(account.name)));
        }
        let tokens = load(view, &account.serials)?;
        let round = self.round(&account);
        let repetition = Repetition::of(self);
        // A verdict that was given is given again whatever has come since.
        if let Some(repetition) = &repetition
            && matches!(round, Taken::Now | Taken::Before)
        {
            let acknowledges = round == Taken::Before;
            if let Some(findings) = self.again(&account, &tokens, repetition, acknowledges) {
                return Ok(findings);
            }
        }
        match round {
            Taken::Now => {}
            Taken::Before | Taken::NoRoom => {
                let reason = Reason::RoundUsed;
                return Ok(Findings::rejected(reason, Some(account.name)));
            }
            Taken::Expired => {
                let reason = Reason::RoundExpired;
                return Ok(Findings::rejected(reason, Some(account.name)));
            }
        }
        let limits = &self.verifier.policy.limits;
        if let Some(closed) = account.guesses.closed(limits, self.now.time) {
            return Ok(self.wait(reason_of(closed), account));
        }
        let spare = spare_of(&self.attempt.proof);
        let could_fit = |code: &SpareCode| {
            !account.emergency_spent.is_empty() || self.has_spare(&account, code.kind())
        };
        if let Some(reason) = nothing_usable(&tokens)
            && !spare.as_ref().is_some_and(could_fit)
        {
            return Ok(Findings::rejected(reason, Some(account.name)));
        }
        // Before the password counts: who has typed no code at all has not guessed a password.
        let typed = match (spare, self.attempt.proof.answer()) {
            (Some(code), _) => Typed::Spare(code),
            (None, Ok(answer)) => Typed::Answer(answer),
            (None, Err(_)) => {
                let reason = Reason::MalformedCode;
                return Ok(Findings::rejected(reason, Some(account.name)));
            }
        };
        match self.attempt.first {
            First::None | First::Right => {}
            First::Unavailable => {
                let reason = Reason::FirstFactorUnavailable;
                return Ok(Findings::rejected(reason, Some(account.name)));
            }
            First::Wrong => {
                let reason = Reason::WrongPassword;
                let findings = Findings::rejected(reason, Some(account.name.clone()));
                return Ok(self.charge(findings, account, tokens, repetition.as_ref()));
            }
        }
        match typed {
            Typed::Spare(code) => Ok(self.judge_spare(account, tokens, &code, repetition.as_ref())),
            Typed::Answer(answer) => {
                self.judge(account, tokens, &answer, repetition.as_ref(), view)
            }
        }
    }

    /// Whether a spare code of this kind could be accepted here: a start code is none for a gateway.
    fn has_spare(&self, account: &Account, kind: SpareKind) -> bool {
        let at_the_door = self.attempt.place.door == Door::Pam || kind == SpareKind::Emergency;
        at_the_door && has_spare(account, kind, self.now.time)
    }

    /// Judges a spare code. What has the form of one is a guess like any other.
    fn judge_spare(
        &self,
        account: Account,
        tokens: Vec<Token>,
        code: &SpareCode,
        repetition: Option<&Repetition>,
    ) -> Findings {
        let now = self.now.time;
        let judged = self.verifier.judge_spare(&account, code, now);
        let name = Some(account.name.clone());
        match judged {
            Err(DoesNotOpen) => Findings::rejected(Reason::SeedDoesNotOpen, name),
            Ok(Spare::Fits(left)) if self.has_spare(&account, code.kind()) => {
                let mut account = *left;
                let reason = match code.kind() {
                    SpareKind::Emergency => Reason::EmergencyCode,
                    SpareKind::Start => {
                        account.start_granted_until = Some(now.after(START_GRANTED));
                        Reason::StartCode
                    }
                };
                account.guesses.clear();
                let by = repetition.and_then(|repetition| repetition.word_and_proof);
                let until = now.after(self.verifier.policy.acceptance.answer_again);
                account.spare_answered = by.map(|by| SpareAnswered {
                    by,
                    until,
                    times: 0,
                });
                let mut findings = Findings::rejected(reason, name);
                findings.granted = Some(granted(&account, None));
                findings.written.push(Record::Account(account));
                findings
            }
            Ok(Spare::Spent) => Findings::rejected(Reason::AlreadyUsed, name),
            Ok(_) => {
                let findings = Findings::rejected(Reason::WrongCode, name);
                self.charge(findings, account, tokens, repetition)
            }
        }
    }

    /// Judges the code against every usable token of the account.
    fn judge(
        &self,
        account: Account,
        tokens: Vec<Token>,
        answer: &Answer<'_>,
        repetition: Option<&Repetition>,
        view: &dyn View,
    ) -> Result<Findings, StoreError> {
        let mut tokens = tokens;
        let ended = load(view, &account.ended)?;
        let now = self.now.time;
        let unchanged = |reason, serial| Findings {
            serial: Some(serial),
            ..Findings::rejected(reason, Some(account.name.clone()))
        };
        Ok(
            match self.verifier.judge_all(&tokens, &ended, answer, now) {
                Found::Spent(serial) => {
                    let mut findings = unchanged(Reason::AlreadyUsed, serial.clone());
                    let mut all = tokens.iter().chain(&ended);
                    let token = all.find(|token| token.serial == serial);
                    findings.duplicate = token.and_then(|token| self.duplicate_of(token, answer));
                    findings
                }
                Found::Broken(serial) => unchanged(Reason::SeedDoesNotOpen, serial),
                Found::Fresh(index, step) => {
                    let token = tokens.swap_remove(index);
                    self.accept(account, token, step, answer, repetition)
                }
                Found::Nothing => {
                    let mut findings =
                        Findings::rejected(Reason::WrongCode, Some(account.name.clone()));
                    let mut usable = tokens.iter().filter(|token| token.is_usable());
                    if let (Some(only), None) = (usable.next(), usable.next()) {
                        findings.serial = Some(only.serial.clone());
                    }
                    self.charge(findings, account, tokens, repetition)
                }
            },
        )
    }

    /// Whether it is a copy of what was accepted elsewhere. Where it was accepted is known of the newest
    /// code; one that its owner tries again where it was good is none.
    fn duplicate_of(&self, token: &Token, answer: &Answer<'_>) -> Option<Duplicate> {
        let generator = self.verifier.generator(token).ok()?;
        let step = token.spent_step(&generator, answer)?;
        let newest = token.spent.first() == Some(&step);
        let used = token.last_use.clone().filter(|_| newest);
        if newest {
            let place = used.as_ref()?.place.as_ref()?;
            if !self.attempt.place.is_elsewhere(place) {
                return None;
            }
        }
        Some(Duplicate {
            account: token.account.clone()?,
            serial: token.serial.clone(),
            step,
            used,
        })
    }

    fn accept(
        &self,
        mut account: Account,
        mut token: Token,
        step: u64,
        answer: &Answer<'_>,
        repetition: Option<&Repetition>,
    ) -> Findings {
        let acceptance = &self.verifier.policy.acceptance;
        let now = self.now.time;
        let keys = match answer {
            Answer::MsChapV2(_) => {
                let generator = self.verifier.generator(&token);
                generator.ok().and_then(|it| answer.keys(&it, step))
            }
            Answer::Code(_) | Answer::Chap(_) => None,
        };
        token.spend(step, acceptance, now, Some(self.attempt.place.clone()));
        token.answered = repetition.and_then(|it| it.by).map(|by| Answered {
            step,
            by,
            until: now.after(acceptance.answer_again),
            times: 0,
        });
        let mut findings = Findings::unchanged(Reason::RightCode, &account, &token);
        findings.step = Some(step);
        findings.granted = Some(granted(&account, keys));
        findings.written.push(Record::Token(token));
        if !account.guesses.is_clear() {
            account.guesses.clear();
            findings.written.push(Record::Account(account));
        }
        findings
    }

    /// A wrong code or password, which is charged to the account and may disable its `tokens`.
    fn charge(
        &self,
        mut findings: Findings,
        mut account: Account,
        tokens: Vec<Token>,
        repetition: Option<&Repetition>,
    ) -> Findings {
        let policy = &self.verifier.policy;
        let now = self.now.time;
        if let Some(mark) = repetition.and_then(|repetition| repetition.word_and_proof) {
            account.wrong_proofs.retain(|wrong| wrong.until > now);
            if account.wrong_proofs.len() >= WRONG_PROOFS_MAX {
                account.wrong_proofs.remove(0);
            }
            account.wrong_proofs.push(WrongProof {
                mark,
                until: now.after(policy.acceptance.answer_again),
            });
        }
        if let Some(packet) = repetition.and_then(|repetition| repetition.packet) {
            if account.wrong_packets.len() >= WRONG_PACKETS_MAX {
                account.wrong_packets.remove(0);
            }
            account.wrong_packets.push(packet);
        }
        let charge = self.verifier.charge(account, tokens, now);
        findings.locked_out = charge.locked_out;
        findings.written.extend(charge.written);
        findings
    }
}

pub(super) fn granted(account: &Account, ms_chap: Option<MsChapKeys>) -> Granted {
    Granted {
        account: account.name.clone(),
        groups: account.groups.clone(),
        attributes: account.attributes.clone(),
        ms_chap,
    }
}

impl Decider for Login<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.reason = None;
        self.granted = None;
        self.duplicate = None;
        let findings = self.find(view)?;
        if !was_judged(findings.reason) || spare_of(&self.attempt.proof).is_some() {
            let decoy = &self.verifier.decoy;
            decoy.judge(self.verifier, &self.attempt.proof, self.now.time);
        }
        self.reason = Some(findings.reason);
        self.locked_out = findings.locked_out;
        self.granted = findings.granted;
        self.duplicate = findings.duplicate;
        self.serial.clone_from(&findings.serial);
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

/// What came as proof, by its form.
enum Typed<'a> {
    /// The code of a token, or a response that was computed from one.
    Answer(Answer<'a>),
    /// What stands in for one.
    Spare(SpareCode),
}

/// What a login comes to.
pub(super) struct Findings {
    pub(super) reason: Reason,
    account: Option<AccountName>,
    serial: Option<Serial>,
    pub(super) step: Option<u64>,
    locked_out: bool,
    pub(super) granted: Option<Granted>,
    duplicate: Option<Duplicate>,
    pub(super) written: Vec<Record>,
}

impl Findings {
    pub(super) fn rejected(reason: Reason, account: Option<AccountName>) -> Self {
        Self {
            reason,
            account,
            serial: None,
            step: None,
            locked_out: false,
            granted: None,
            duplicate: None,
            written: Vec::new(),
        }
    }

    pub(super) fn unchanged(reason: Reason, account: &Account, token: &Token) -> Self {
        Self {
            serial: Some(token.serial.clone()),
            ..Self::rejected(reason, Some(account.name.clone()))
        }
    }
}
