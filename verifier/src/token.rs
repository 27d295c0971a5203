//! Tokens: one seed with one serial.

use std::time::Duration;

use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;

use crate::account::{AccountName, Mark};
use crate::guess::Guesses;
use crate::lifecycle::TokenState;
use crate::otp::{Algorithm, Digits, Generator};
use crate::place::Place;
use crate::policy::Acceptance;
use crate::proof::Answer;
use crate::seal::SealedSeed;
use crate::serial::Serial;
use crate::time::Time;

/// The shortest step of a TOTP token, in seconds.
pub const PERIOD_MIN: u32 = 15;
/// The longest step of a TOTP token, in seconds.
pub const PERIOD_MAX: u32 = 120;
/// How many spent codes are recognised as such at any age, so that a copy is never a guess.
pub const SPENT_MEMORY: usize = 8;
/// So many accepted codes in a row, off in the same direction, move the learned drift one step.
pub const DRIFT_EVIDENCE: i8 = 3;

/// Seconds of a TOTP step: 15 to 120.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
#[cbor(transparent)]
pub struct Period(u32);

impl Period {
    /// [`PERIOD_MIN`] to [`PERIOD_MAX`].
    pub const fn new(seconds: u32) -> Option<Self> {
        if seconds < PERIOD_MIN || seconds > PERIOD_MAX {
            return None;
        }
        Some(Self(seconds))
    }

    /// The number.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The step that `now` belongs to (RFC 6238 section 4.2, T0 = 0).
    pub fn step(self, now: Time) -> u64 {
        now.seconds() / u64::from(self.0)
    }
}

impl Default for Period {
    fn default() -> Self {
        Self(30)
    }
}

impl<'b, C> Decode<'b, C> for Period {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::new(d.u32()?).ok_or_else(|| minicbor::decode::Error::message("period"))
    }
}

/// What moves from code to code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Factor {
    /// Time, in steps (RFC 6238).
    #[n(0)]
    Totp {
        /// Length of a step.
        #[n(0)]
        period: Period,
    },
    /// A counter (RFC 4226).
    #[n(1)]
    Hotp {
        /// The first counter whose code is acceptable.
        #[n(0)]
        first: u64,
    },
}

/// When and where a code of a token was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Use {
    /// When.
    #[n(0)]
    pub time: Time,
    /// Where; `None` when its use was started by an admin.
    #[n(1)]
    pub place: Option<Place>,
}

/// So often an accept is given again to the gateway that repeats its request.
pub const ANSWERS_AGAIN_MAX: u8 = 4;

/// So long an accept can be acknowledged at least, where a method asks for that.
pub const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// The newest accept of a token, as long as the gateway that it was given to may ask for it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Answered {
    /// The step or counter that was accepted.
    #[n(0)]
    pub step: u64,
    /// What the gateway and its request are recognised by.
    #[n(1)]
    pub by: Mark,
    /// Until when it is given again.
    #[n(2)]
    pub until: Time,
    /// How often it was.
    #[n(3)]
    pub times: u8,
}

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// The serial.
    #[n(0)]
    pub serial: Serial,
    /// The seed, sealed for this serial.
    #[n(1)]
    pub seed: SealedSeed,
    /// The hash.
    #[n(2)]
    pub algorithm: Algorithm,
    /// How long its codes are.
    #[n(3)]
    pub digits: Digits,
    /// Time or counter.
    #[n(4)]
    pub factor: Factor,
    /// Where it is in its life.
    #[n(5)]
    pub state: TokenState,
    /// Who owns it, or owned it last.
    #[n(6)]
    pub account: Option<AccountName>,
    /// The accepted steps (or counters), newest first, at most [`SPENT_MEMORY`]; see
    /// [`Self::watermark`].
    #[n(7)]
    pub spent: Vec<u64>,
    /// How many whole steps its clock was learned to be ahead of ours.
    #[n(8)]
    pub drift: i64,
    /// How many codes in a row were off in one direction: its sign.
    #[n(9)]
    pub drift_evidence: i8,
    /// Too many failures in a row: of no use until it is enrolled again.
    #[n(10)]
    pub disabled: bool,
    /// Wrong proofs while somebody tried to start its use.
    #[n(11)]
    pub proofs: Guesses,
    /// When it came into stock.
    #[n(12)]
    pub created: Time,
    /// When and where a code of it was accepted last.
    #[n(13)]
    pub last_use: Option<Use>,
    /// The version of the seal of [`Self::seed`]: one more each time the seed is sealed anew.
    #[n(14)]
    pub seal: u64,
    /// Up to this step nothing is accepted since a restore, though nobody knows what was.
    #[n(15)]
    pub raised: Option<u64>,
    /// The newest accept, if it came with a correlation.
    #[n(16)]
    pub answered: Option<Answered>,
}

/// How the codes of a token are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The hash.
    pub algorithm: Algorithm,
    /// How long codes are.
    pub digits: Digits,
    /// Time or counter.
    pub factor: Factor,
}

impl Default for Shape {
    /// What nearly every token is: SHA-1, 6 digits, 30 seconds.
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            digits: Digits::default(),
            factor: Factor::Totp {
                period: Period::default(),
            },
        }
    }
}

/// What a code means to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is the code of this step, which may still be accepted.
    Fresh(u64),
    /// It was accepted before, or is older than what was.
    Spent,
    /// It is none of those that could be accepted.
    Unknown,
}

impl Token {
    /// A token that comes into stock at `now`: nobody's, with nothing spent.
    pub fn in_stock(serial: Serial, seed: SealedSeed, shape: Shape, now: Time) -> Self {
        Self {
            serial,
            seed,
            algorithm: shape.algorithm,
            digits: shape.digits,
            factor: shape.factor,
            state: TokenState::InStock,
            account: None,
            spent: Vec::new(),
            drift: 0,
            drift_evidence: 0,
            disabled: false,
            proofs: Guesses::default(),
            created: now,
            last_use: None,
            seal: 1,
            raised: None,
            answered: None,
        }
    }

    /// Whether its codes are good.
    pub fn is_usable(&self) -> bool {
        self.state == TokenState::Active && !self.disabled
    }

    /// Nothing at or below this step or counter is ever accepted: the newest that was accepted, or
    /// what a restore raised it to.
    pub fn watermark(&self) -> Option<u64> {
        self.spent.first().copied().max(self.raised)
    }

    /// What `answer` means at `now`.
    ///
    /// Every candidate is computed and compared whatever the others gave, so the time taken does
    /// not tell which of them fits. Of several that fit the highest counts. A string equal to
    /// one that was accepted is spent even where it is also the code of a later step: who copied
    /// it knows as much as the owner.
    pub fn judge(
        &self,
        generator: &Generator,
        answer: &Answer<'_>,
        acceptance: &Acceptance,
        now: Time,
    ) -> Finding {
        let mut fresh = None;
        let mut spent = false;
        for step in self.window(acceptance, now) {
            let fits = answer.fits(generator, step);
            if self.watermark().is_some_and(|mark| step <= mark) {
                spent |= fits;
            } else if fits {
                fresh = Some(step);
            }
        }
        spent |= self.has_spent(generator, answer);
        match fresh {
            _ if spent => Finding::Spent,
            Some(step) => Finding::Fresh(step),
            None => Finding::Unknown,
        }
    }

    /// Whether `answer` is one of those that were accepted last.
    pub fn has_spent(&self, generator: &Generator, answer: &Answer<'_>) -> bool {
        let mut spent = false;
        for &step in &self.spent {
            spent |= answer.fits(generator, step);
        }
        spent
    }

    /// The newest step of those that were accepted last whose code `answer` is.
    pub(crate) fn spent_step(&self, generator: &Generator, answer: &Answer<'_>) -> Option<u64> {
        let mut spent = self.spent.iter().copied();
        spent.find(|&step| answer.fits(generator, step))
    }

    /// Whether the newest accept is still to be given again at `now` to whom `by` says: not so often
    /// yet, and its code inside its window. Who only acknowledges it has [`ACKNOWLEDGED_WITHIN`], and
    /// the window does not matter: the code was spent inside it.
    pub(crate) fn answers_again(
        &self,
        by: &Mark,
        acceptance: &Acceptance,
        now: Time,
        acknowledges: bool,
    ) -> bool {
        let Some(answered) = &self.answered else {
            return false;
        };
        // One that would last longer than it can was given by a clock that has been set back since.
        let lasts = now < answered.until && answered.until <= now.after(acceptance.answer_again);
        let in_window = match self.factor {
            Factor::Totp { .. } => self
                .window(acceptance, now)
                .any(|step| step == answered.step),
            Factor::Hotp { .. } => true,
        };
        let newest = self.spent.first() == Some(&answered.step);
        let raised = self.raised.is_some_and(|raised| answered.step <= raised);
        let given = self.last_use.as_ref().map(|last_use| last_use.time);
        let in_time = given.is_some_and(|given| {
            let least = acceptance.answer_again.max(ACKNOWLEDGED_WITHIN);
            acknowledges && given <= now && now < given.after(least)
        });
        let known: bool = answered.by.0.ct_eq(&by.0).into();
        let lasts = (lasts && in_window) || in_time;
        known && lasts && newest && !raised && answered.times < ANSWERS_AGAIN_MAX
    }

    /// The steps or counters whose codes are looked at, in rising order.
    ///
    /// A TOTP window may reach below the watermark, to tell a spent code from a wrong one; a
    /// HOTP window begins behind it, and is empty once the last of the 64-bit range is spent.
    fn window(&self, acceptance: &Acceptance, now: Time) -> impl Iterator<Item = u64> + use<> {
        let (low, high) = match self.factor {
            Factor::Totp { period } => {
                let centre = self.centre(period, acceptance, now);
                let low = centre.saturating_sub(acceptance.window);
                (Some(low), centre.saturating_add(acceptance.window))
            }
            Factor::Hotp { first } => {
                let low = match self.watermark() {
                    None => Some(first),
                    Some(mark) => mark.checked_add(1),
                };
                let high = low.map_or(0, |low| low.saturating_add(acceptance.look_ahead));
                (low, high)
            }
        };
        low.into_iter().flat_map(move |low| low..=high)
    }

    /// The middle of the window: the current step, corrected by the learned drift. The bound holds
    /// also for a drift that was learned when the bound was wider.
    fn centre(&self, period: Period, acceptance: &Acceptance, now: Time) -> u64 {
        let drift = self.drift.clamp(-acceptance.drift, acceptance.drift);
        period.step(now).saturating_add_signed(drift)
    }

    /// The step of `now` by a clock that is right, or the first counter that can be accepted.
    pub(crate) fn here(&self, now: Time) -> u64 {
        match self.factor {
            Factor::Totp { period } => period.step(now),
            Factor::Hotp { first } => self
                .watermark()
                .map_or(first, |mark| mark.saturating_add(1)),
        }
    }

    /// How many steps a TOTP token is ahead of `now` that shows the code of `step`.
    pub(crate) fn off_by(&self, step: u64, now: Time) -> i64 {
        match self.factor {
            Factor::Totp { .. } => step.wrapping_sub(self.here(now)).cast_signed(),
            Factor::Hotp { .. } => 0,
        }
    }

    /// Takes note that it showed the codes of `first` and of the step after it, right before `now`: both
    /// are spent, and how far it is off is known.
    pub(crate) fn resync(&mut self, first: u64, acceptance: &Acceptance, now: Time) {
        let last = first.saturating_add(1);
        self.spend(first, acceptance, now, None);
        self.spend(last, acceptance, now, None);
        self.drift = self
            .off_by(last, now)
            .clamp(-acceptance.drift, acceptance.drift);
        self.drift_evidence = 0;
    }

    /// Takes note that the code of `step` is accepted. The watermark only rises.
    pub fn spend(&mut self, step: u64, acceptance: &Acceptance, now: Time, place: Option<Place>) {
        debug_assert!(self.watermark().is_none_or(|mark| step > mark));
        self.learn_drift(step, acceptance, now);
        self.spent.insert(0, step);
        self.spent.truncate(SPENT_MEMORY);
        self.answered = None;
        self.last_use = Some(Use { time: now, place });
    }

    /// Raises the watermark of a TOTP token past every step that can be accepted at `now`, whatever
    /// drift it may have learned. It only rises. What was accepted stays remembered.
    pub fn raise(&mut self, acceptance: &Acceptance, now: Time) {
        let Factor::Totp { period } = self.factor else {
            return;
        };
        let furthest = period
            .step(now)
            .saturating_add_signed(acceptance.drift)
            .saturating_add(acceptance.window);
        self.raised = self.raised.max(Some(furthest));
    }

    /// Moves the middle of the window after a token whose clock is off, one step at a time. It
    /// bears on where the window lies and never on the watermark (LinOTP's CVE-2019-12887).
    fn learn_drift(&mut self, step: u64, acceptance: &Acceptance, now: Time) {
        let Factor::Totp { period } = self.factor else {
            return;
        };
        let direction: i8 = match step.cmp(&self.centre(period, acceptance, now)) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        };
        let same = direction != 0 && self.drift_evidence.signum() != -direction;
        self.drift_evidence = if same {
            self.drift_evidence + direction
        } else {
            direction
        };
        if self.drift_evidence.abs() >= DRIFT_EVIDENCE {
            let moved = self.drift + i64::from(direction);
            self.drift = moved.clamp(-acceptance.drift, acceptance.drift);
            self.drift_evidence = 0;
        }
    }
}
