//! The decision: who gets in.
//!
//! `(records, attempt, policy, now) → (verdict, reason, changes, event)`, without side effects. The
//! verdict comes out only against the store's word that the change is durable, and accept is a
//! value that nothing outside this module can make.

mod ask;
mod spare;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::{
    Account, AccountName, Attribute, GroupName, Mark, ROUNDS_MAX, UsedRound, WRONG_PACKETS_MAX,
    WRONG_PROOFS_MAX, WrongProof,
};
use crate::event::{Event, LoginEvent, Reason, What};
use crate::guess::Closed;
use crate::mark::{mark, same};
use crate::ms_chap::MsChapKeys;
use crate::otp::{Algorithm, Code, Digits, Generator, Seed};
use crate::place::{Door, Place};
use crate::policy::{OutOfBounds, Policy};
use crate::proof::{Answer, First, Proof, Round};
use crate::seal::{DataKey, DoesNotOpen, KEY_OCTETS, Keyring, NONCE_OCTETS, SealedSeed};
use crate::serial::Serial;
use crate::spare::{START_GRANTED, SpareCode, SpareKind};
use crate::store::{Change, Decider, Outcome, Record, StoreError, View};
use crate::time::{Now, Time};
use crate::token::{Answered, Finding, Period, SPENT_MEMORY, Token, Use};

pub(crate) use ask::start_password;
use spare::has_spare;
pub(crate) use spare::{Spare, spare_of};
pub use tokens::has_usable_token;
pub(crate) use tokens::{Found, load, nothing_usable};

pub use ask::{Ask, Asked, Phase, Question, Wanted};

/// The longest that a round of a conversation can be continued; one that claims more is refused.
pub const ROUND_LASTS_MAX: Duration = Duration::from_secs(600);

/// What repetitions are recognised with.
const REPETITIONS: &[u8] = b"sekisho repetitions 1";

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
    /// of one within `reach`: the nearest one. For explanations; it bears on no decision.
    pub fn fits(&self, token: &Token, code: &[u8], now: Time, reach: u64) -> Option<i64> {
        let code = Code::parse(code).ok()?;
        let generator = self.generator(token).ok()?;
        let here = token.here(now);
        let reach = i64::try_from(reach).ok()?;
        let near = (0..=reach).flat_map(|far| [far, -far]);
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

    /// As much work as a token makes that has been used for a while.
    fn judge(&self, verifier: &Verifier, proof: &Proof, now: Time) {
        let (Some(serial), Some(sealed), Some(code)) = (&self.serial, &self.sealed, &self.code)
        else {
            return;
        };
        let Ok(seed) = self.key.open(serial, 1, sealed) else {
            return;
        };
        let generator = Generator::new(&seed, Algorithm::Sha1, Digits::default());
        let answer = proof.answer().unwrap_or_else(|_| code.clone().into());
        let centre = Period::default().step(now);
        let window = verifier.policy.acceptance.window;
        let near = centre.saturating_sub(window)..=centre.saturating_add(window);
        for step in near.chain(0..SPENT_MEMORY as u64) {
            std::hint::black_box(answer.fits(&generator, step));
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
    /// What no other packet has that brought an attempt.
    pub packet: Option<Vec<u8>>,
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
            packet: None,
            place,
        }
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

/// One login on its way to a verdict.
#[derive(Debug)]
pub struct Login<'a> {
    verifier: &'a Verifier,
    attempt: &'a Attempt,
    now: Now,
    reason: Option<Reason>,
    account: Option<AccountName>,
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
            duplicate: None,
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
        if view.newest()?.is_some_and(|newest| self.now.time < newest) {
            return Ok(Some(Reason::ClockBackwards));
        }
        if !self.now.steady {
            return Ok(Some(Reason::ClockStepped));
        }
        Ok(None)
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
        let could_fit = |code: &SpareCode| self.has_spare(&account, code.kind());
        if let Some(reason) = nothing_usable(&tokens)
            && !spare.as_ref().is_some_and(could_fit)
        {
            return Ok(Findings::rejected(reason, Some(account.name)));
        }
        // Before the password counts: who has typed no code at all has not guessed a password.
        let answer = match (&spare, self.attempt.proof.answer()) {
            (Some(_), _) => None,
            (None, Ok(answer)) => Some(answer),
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
        match (spare, answer) {
            (Some(code), _) => Ok(self.judge_spare(account, tokens, &code, repetition.as_ref())),
            (None, Some(answer)) => self.judge(account, tokens, &answer, repetition.as_ref(), view),
            (None, None) => Ok(Findings::rejected(
                Reason::MalformedCode,
                Some(account.name),
            )),
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
        mut account: Account,
        tokens: Vec<Token>,
        code: &SpareCode,
        repetition: Option<&Repetition>,
    ) -> Findings {
        let now = self.now.time;
        let judged = self.verifier.judge_spare(&account, code, now);
        let name = Some(account.name.clone());
        match judged {
            Err(DoesNotOpen) => Findings::rejected(Reason::SeedDoesNotOpen, name),
            Ok(Spare::Fits) if self.has_spare(&account, code.kind()) => {
                self.verifier.spend_spare(&mut account, code);
                let reason = match code.kind() {
                    SpareKind::Emergency => Reason::EmergencyCode,
                    SpareKind::Start => {
                        account.start_granted_until = Some(now.after(START_GRANTED));
                        Reason::StartCode
                    }
                };
                account.guesses.clear();
                let mut findings = Findings::rejected(reason, name);
                findings.granted = Some(granted(&account, None));
                findings.written.push(Record::Account(account));
                findings
            }
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

    /// Whether the round that this attempt is may be taken.
    fn round(&self, account: &Account) -> Taken {
        let Some(round) = &self.attempt.round else {
            return Taken::Now;
        };
        let now = self.now.time;
        if round.until <= now || round.until > now.after(ROUND_LASTS_MAX) {
            return Taken::Expired;
        }
        if account.rounds.iter().any(|used| used.id == round.id) {
            return Taken::Before;
        }
        // With no room to remember it, it could be taken twice.
        match account
            .rounds
            .iter()
            .filter(|used| used.until > now)
            .count()
        {
            ROUNDS_MAX.. => Taken::NoRoom,
            _ => Taken::Now,
        }
    }

    /// Takes note that this round was taken, whatever the verdict. Where nothing was looked at it is not:
    /// a disabled account judges nothing, and no time can be held against a bad clock.
    fn take_round(&self, account: Account, findings: &mut Findings) {
        let looked_at = !matches!(
            findings.reason,
            Reason::AccountDisabled | Reason::ClockBackwards | Reason::ClockStepped
        );
        let Some(round) = self.attempt.round.filter(|_| looked_at) else {
            return;
        };
        if self.round(&account) != Taken::Now {
            return;
        }
        let written = findings.written.iter_mut().find_map(|record| match record {
            Record::Account(account) => Some(account),
            _ => None,
        });
        let note = |account: &mut Account| {
            account.rounds.retain(|used| used.until > self.now.time);
            account.rounds.push(UsedRound {
                id: round.id,
                until: round.until,
            });
        };
        match written {
            Some(written) => note(written),
            None => {
                let mut account = account;
                note(&mut account);
                findings.written.push(Record::Account(account));
            }
        }
    }

    /// The verdict of before, if this is the same login once more; it `acknowledges` the accept if it is
    /// of the very round that was accepted, as the last answer of EAP-MSCHAPv2 is.
    fn again(
        &self,
        account: &Account,
        tokens: &[Token],
        repetition: &Repetition,
        acknowledges: bool,
    ) -> Option<Findings> {
        let acceptance = &self.verifier.policy.acceptance;
        let now = self.now.time;
        let latest = now.after(acceptance.answer_again);
        let is_known = |wrong: &WrongProof| {
            let same = repetition
                .wrong
                .is_some_and(|known| same(&wrong.mark, &known));
            same && now < wrong.until && wrong.until <= latest
        };
        let is_packet = |wrong: &Mark| repetition.packet.is_some_and(|packet| same(wrong, &packet));
        let known = account.wrong_proofs.iter().any(is_known);
        if known | account.wrong_packets.iter().any(is_packet) {
            let account = Some(account.name.clone());
            return Some(Findings::rejected(Reason::RejectedAgain, account));
        }
        if !matches!(self.attempt.first, First::None | First::Right) {
            return None;
        }
        let by = repetition.by?;
        let acknowledges = acknowledges && matches!(self.attempt.proof, Proof::MsChapV2(_));
        let answer = self.attempt.proof.answer().ok()?;
        let usable = tokens.iter().filter(|token| token.is_usable());
        for token in usable.filter(|token| token.answers_again(&by, acceptance, now, acknowledges))
        {
            let mut token = token.clone();
            let Some(answered) = &mut token.answered else {
                continue;
            };
            let step = answered.step;
            answered.times = answered.times.saturating_add(1);
            let Ok(generator) = self.verifier.generator(&token) else {
                continue;
            };
            if answer.fits(&generator, step) {
                let mut findings = Findings::unchanged(Reason::AnsweredAgain, account, &token);
                findings.step = Some(step);
                findings.granted = Some(granted(account, answer.keys(&generator, step)));
                findings.written.push(Record::Token(token));
                return Some(findings);
            }
        }
        None
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
        if let Some(mark) = repetition.and_then(|repetition| repetition.wrong) {
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

/// What tells a login that is asked for once more from another.
struct Repetition {
    /// The gateway and its request, by its own word: an accept is given again to these, for a moment.
    by: Option<Mark>,
    /// The gateway's word and the proof to the octet: that it is wrong is charged once.
    wrong: Option<Mark>,
    /// The packet and the proof to the octet, however late it comes again. With the proof, a gateway
    /// whose packets are not told apart has no guess for nothing.
    packet: Option<Mark>,
}

impl Repetition {
    /// `None` where each attempt is a login of its own: where nothing ties it to another, and where
    /// people log in themselves.
    fn of(login: &Login<'_>) -> Option<Self> {
        let attempt = login.attempt;
        let given = |octets: &'_ Option<Vec<u8>>| octets.as_ref().is_some_and(|o| !o.is_empty());
        let (word, packet) = (given(&attempt.correlation), given(&attempt.packet));
        if attempt.place.door != Door::Radius || !(word || packet) {
            return None;
        }
        let (kind, proof) = attempt.proof.parts();
        let first = match attempt.first {
            First::None => 0,
            First::Right => 1,
            First::Wrong => 2,
            First::Unavailable => 3,
        };
        let key = login.verifier.keyring.current().derive(REPETITIONS);
        let with = |what: &[u8], said: &Vec<u8>, proof: &[&[u8]]| {
            let request = [attempt.place.name.as_bytes(), said];
            mark(&*key, what, &[request.as_slice(), proof].concat())
        };
        let request = attempt.correlation.as_ref().filter(|_| word);
        let packet = attempt.packet.as_ref().filter(|_| packet);
        Some(Self {
            by: request.map(|said| with(&[0], said, &[])),
            wrong: request.map(|said| with(&[1, kind, first], said, &proof)),
            packet: packet.map(|said| with(&[2, kind, first], said, &proof)),
        })
    }
}

/// Whether a round of a conversation may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It may; or there is none to take.
    Now,
    /// It was taken before: at most the same verdict is given again.
    Before,
    /// It is over, or claims too much.
    Expired,
    /// It could not be remembered.
    NoRoom,
}

fn granted(account: &Account, ms_chap: Option<MsChapKeys>) -> Granted {
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
        if !was_judged(findings.reason) {
            let decoy = &self.verifier.decoy;
            decoy.judge(self.verifier, &self.attempt.proof, self.now.time);
        }
        self.reason = Some(findings.reason);
        self.locked_out = findings.locked_out;
        self.granted = findings.granted;
        self.duplicate = findings.duplicate;
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

/// What a login comes to.
struct Findings {
    reason: Reason,
    account: Option<AccountName>,
    serial: Option<Serial>,
    step: Option<u64>,
    locked_out: bool,
    granted: Option<Granted>,
    duplicate: Option<Duplicate>,
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
            granted: None,
            duplicate: None,
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

/// A code typed into the wrong field is still good: it must not be written down.
fn may_be_kept(name: &AccountName) -> bool {
    Code::parse(name.as_str().as_bytes()).is_err()
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
