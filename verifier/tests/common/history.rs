//! Random histories of a few accounts, and their run against the oracle.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::account::PasswordHash;
use sekisho_verifier::event::{Actor, Note, Reason, RequestKey};
use sekisho_verifier::lifecycle::{self, TokenState, Transition};
use sekisho_verifier::operation::{
    AccountChange, Done, Keeping, Operation, Order, SessionChoice, StateChange,
};
use sekisho_verifier::otp::Algorithm;
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::proof::{First, Round};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::spare::SpareKind;
use sekisho_verifier::store::{Change, Outcome, Position, Record, Store};
use sekisho_verifier::testing::faulty::{Call, Fault};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::{Factor, Shape, Token};

use super::desk::{
    Desk, Device, Method, Tied, Told, data_key, enroll, exchange, name, of_root, policy, shape,
    tied, totp,
};
use super::oracle::{Expected, Fit, Held, Oracle};
use super::people::{emergency, spare};
use super::{moved, seconds};

pub(crate) const ACCOUNTS: [&str; 3] = ["mori", "sato", "kato"];
/// Devices of all accounts together, and behind them those in stock.
const DEVICES_MAX: usize = 12;

/// What somebody types as a code; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    /// The code of a device, so many steps away.
    Code(u8, i8),
    /// A copy of one accepted so long ago, with one of the spellings of codes.
    Copy(u8, u8),
    /// The code of a device in another spelling.
    Respelt(u8, u8),
    /// Any digits.
    Guess(u32),
    /// An emergency code that was made so long ago, in upper or in lower case.
    Spare(u8, bool),
}

#[derive(Debug, Clone)]
pub(crate) struct Try {
    account: u8,
    spelling: u8,
    typed: Typed,
    door: bool,
    method: Method,
    first: First,
    /// One of a few rounds; the last two of them are no good.
    round: Option<u8>,
    correlation: Option<u8>,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Login(Try),
    Group(Vec<Try>),
    /// So many copies of one try, at both doors.
    Copies(Try, u8),
    /// So many wrong codes of an account, each as soon as one is judged again.
    Fail(u8, u8),
    Clock(i64),
    Trust,
    Enroll(u8, u8, Typed),
    Exchange(u8, u8, Typed),
    Change(StateChange, u8),
    Unlock(u8),
    Off(u8, bool),
    Alias(u8, bool),
    /// Whether the clock is doubted from now on.
    Doubt(bool),
    /// The next operation is ordered by this user, with this idempotency key.
    Order(u8, u8),
    /// A new data key, everything sealed anew in parts of so many records, and the old key gone.
    Rotate(u8),
    Restore,
    Keep(Keeping),
    /// One try, and the very same so many times more, with so long between.
    Again(Try, u8, i64),
    Password(u8, bool),
    EndSessions(u8),
    /// So many emergency codes for so many seconds.
    Emergency(u8, u8, u64),
    /// An emergency code at a gateway, and the same request so many times more.
    Helped(u8, u8, i64),
}

#[derive(Debug, Clone)]
pub(crate) struct History {
    window: u64,
    drift: i64,
    wrong_codes: u32,
    /// Shapes of each account's tokens, and of those in stock.
    owned: Vec<Vec<Shape>>,
    stock: Vec<Shape>,
    actions: Vec<Action>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    use Algorithm::{Sha1, Sha256, Sha512};
    let algorithm = prop_oneof![4 => Just(Sha1), 1 => Just(Sha256), 1 => Just(Sha512)];
    let period = prop_oneof![1 => Just(15), 4 => Just(30), 1 => Just(60), 1 => Just(120)];
    let first = prop_oneof![0..1000u64, (0..14u64).prop_map(|left| u64::MAX - left)];
    let factor = prop_oneof![
        4 => period.prop_map(totp),
        1 => first.prop_map(|first| Factor::Hotp { first }),
    ];
    (algorithm, 6..=8u8, factor).prop_map(|(a, d, f)| shape(a, d, f))
}

fn typed() -> impl Strategy<Value = Typed> {
    prop_oneof![
        6 => (any::<u8>(), -1..=1i8).prop_map(|(d, o)| Typed::Code(d, o)),
        3 => (any::<u8>(), -3..=3i8).prop_map(|(d, o)| Typed::Code(d, o)),
        4 => (0..10u8).prop_map(|age| Typed::Copy(age, 0)),
        1 => (0..3u8, 1..12u8).prop_map(|(age, spelling)| Typed::Copy(age, spelling)),
        1 => (any::<u8>(), 1..12u8).prop_map(|(d, spelling)| Typed::Respelt(d, spelling)),
        3 => any::<u32>().prop_map(Typed::Guess),
        2 => (0..6u8, any::<bool>()).prop_map(|(age, upper)| Typed::Spare(age, upper)),
    ]
}

fn tries() -> impl Strategy<Value = Try> {
    let account = prop_oneof![19 => 0..3u8, 1 => Just(3)];
    let spelling = prop_oneof![12 => 0..3u8, 1 => Just(3), 1 => 4..14u8];
    let method = prop_oneof![
        6 => Just(Method::Code), 1 => Just(Method::Chap), 1 => Just(Method::MsChapV2),
    ];
    let first = prop_oneof![
        8 => Just(First::None),
        4 => Just(First::Right),
        1 => Just(First::Wrong),
        1 => Just(First::Unavailable),
    ];
    let round = prop_oneof![8 => Just(None), 2 => (0..ROUNDS).prop_map(Some)];
    let correlation = prop_oneof![1 => Just(None), 1 => (0..2u8).prop_map(Some)];
    let tied = (method, first, round, correlation);
    (account, spelling, typed(), any::<bool>(), tied).prop_map(
        |(account, spelling, typed, door, (method, first, round, correlation))| Try {
            account,
            spelling,
            typed,
            door,
            method,
            first,
            round,
            correlation,
        },
    )
}

/// How many rounds histories know at a time.
const ROUNDS: u8 = 6;

/// The round of a number at `now`: the same for a few minutes.
fn round(number: u8, now: Time) -> Round {
    let period = now.seconds() / 240;
    let until = match number {
        4 => now,
        5 => now.after(seconds(601)),
        _ => Time::from_millis((period + 2) * 240_000),
    };
    let mut id = [number; 16];
    id[8..].copy_from_slice(&period.to_be_bytes());
    Round { id, until }
}

fn clock() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 1..2_000i64,
        8 => 15_000..65_000i64,
        2 => 60_000..7_200_000i64,
        1 => -100_000..0i64,
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    use StateChange::{Lost, Resume, Stop, Suspend};
    let change = prop_oneof![
        1 => Just(Stop), 1 => Just(Lost), 6 => Just(Suspend), 5 => Just(Resume),
    ];
    prop_oneof![
        28 => tries().prop_map(Action::Login),
        1 => vec(tries(), 1..=64).prop_map(Action::Group),
        1 => (0..3u8, 1..30u8).prop_map(|(a, n)| Action::Fail(a, n)),
        2 => (tries(), 2..=64u8).prop_map(|(t, n)| Action::Copies(t, n)),
        24 => clock().prop_map(Action::Clock),
        2 => Just(Action::Trust),
        2 => (0..3u8, any::<u8>(), typed()).prop_map(|(a, d, t)| Action::Enroll(a, d, t)),
        2 => (any::<u8>(), any::<u8>(), typed()).prop_map(|(o, n, t)| Action::Exchange(o, n, t)),
        3 => (change, any::<u8>()).prop_map(|(c, d)| Action::Change(c, d)),
        3 => (0..4u8).prop_map(Action::Unlock),
        1 => (0..3u8, prop::bool::weighted(0.3)).prop_map(|(a, off)| Action::Off(a, off)),
        1 => (0..3u8, any::<bool>()).prop_map(|(a, add)| Action::Alias(a, add)),
        1 => prop::bool::weighted(0.3).prop_map(Action::Doubt),
        8 => (0..2u8, 0..=2u8).prop_map(|(user, key)| Action::Order(user, key.min(1))),
        1 => (1..20u8).prop_map(Action::Rotate),
        // As a gateway that has lost the answer.
        8 => (tries(), 1..8u8, 0..4_000i64).prop_map(|(t, n, pause)| Action::Again(t, n, pause)),
        1 => (0..3u8, any::<bool>()).prop_map(|(a, set)| Action::Password(a, set)),
        1 => (0..3u8).prop_map(Action::EndSessions),
        3 => (0..3u8, 0..4u8, 60..4_000u64).prop_map(|(a, n, s)| Action::Emergency(a, n, s)),
        2 => (0..3u8, 0..7u8, 0..4_000i64).prop_map(|(a, n, pause)| Action::Helped(a, n, pause)),
        1 => Just(Action::Restore),
        1 => any::<bool>().prop_map(|backup| {
            Action::Keep(if backup { Keeping::Backup } else { Keeping::Retain })
        }),
    ]
}

pub(crate) fn histories() -> impl Strategy<Value = History> {
    let drift = prop_oneof![Just(0), Just(4), 0..=20i64];
    let wrong_codes = prop_oneof![Just(10), 3..=20u32];
    let owned = vec(vec(shapes(), 1..=3), 3);
    let stock = vec(shapes(), 1..=3);
    (
        0..=1u64,
        drift,
        wrong_codes,
        owned,
        stock,
        vec(actions(), 1..120),
    )
        .prop_map(
            |(window, drift, wrong_codes, owned, stock, actions)| History {
                window,
                drift,
                wrong_codes,
                owned,
                stock,
                actions,
            },
        )
}

/// What was done, and what ought to have come of it.
#[derive(Debug, Clone)]
pub(crate) enum Did {
    Login {
        account: String,
        code: String,
        tied: Tied,
        expected: Expected,
        told: Box<Told>,
    },
    Operation {
        operation: String,
        order: Order,
        /// Where it was done before with its idempotency key.
        before: Option<Position>,
        done: Done,
        /// What the code given as proof was to the token, and what the code was.
        proof: Option<(Serial, String, Fit)>,
    },
}

/// One decision of a run.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) now: Time,
    /// The clock is behind the newest time, or doubted.
    pub(crate) clock_is_bad: bool,
    pub(crate) outcome: Outcome,
    /// Whether it is in the store, whatever was told.
    pub(crate) applied: bool,
    /// Position of the newest event behind it.
    pub(crate) newest: Position,
    pub(crate) change: Option<Change>,
    pub(crate) did: Did,
    /// States of all tokens before.
    pub(crate) states: Vec<(Serial, TokenState)>,
}

impl Seen {
    /// The token, step and code that this decision spent.
    pub(crate) fn spends(&self) -> Option<(Serial, u64, String)> {
        let change = self.change.as_ref().filter(|_| self.applied)?;
        let (serial, code) = match &self.did {
            Did::Login { code, told, .. } if told.reason == Some(Reason::RightCode) => {
                (written_tokens(change).next()?.serial.clone(), code)
            }
            Did::Operation {
                proof: Some((serial, code, _)),
                ..
            } => (serial.clone(), code),
            _ => return None,
        };
        let token = written_tokens(change).find(|token| token.serial == serial)?;
        let proven = token.last_use.as_ref()?.time == self.now && token.proofs.is_clear();
        proven.then_some((serial, *token.spent.first()?, code.clone()))
    }

    /// The account and the emergency code that this decision spent.
    pub(crate) fn by_spare(&self) -> Option<(&String, &String)> {
        match &self.did {
            Did::Login { expected, told, .. } if told.reason == Some(Reason::EmergencyCode) => {
                expected.account.as_ref().zip(expected.spare.as_ref())
            }
            _ => None,
        }
    }

    /// Whether the accept of an emergency code was given again.
    pub(crate) fn spare_again(&self) -> bool {
        match &self.did {
            Did::Login { expected, told, .. } => {
                let again = told.reason == Some(Reason::AnsweredAgain);
                again && expected.again.is_none()
            }
            Did::Operation { .. } => false,
        }
    }

    pub(crate) fn accepted(&self) -> bool {
        match &self.did {
            Did::Login { told, .. } => told.accepted(),
            Did::Operation { done, proof, .. } => {
                proof.is_some() && matches!(done, Done::Receipt(..))
            }
        }
    }
}

pub(crate) fn written_tokens(change: &Change) -> impl Iterator<Item = &Token> {
    change.written.iter().filter_map(|record| match record {
        Record::Token(token) => Some(token),
        _ => None,
    })
}

/// A run from its beginning to its end.
pub(crate) struct Run {
    pub(crate) desk: Desk,
    pub(crate) oracle: Oracle,
    pub(crate) devices: Vec<Device>,
    pub(crate) seen: Vec<Seen>,
    /// Every code that was accepted, newest last.
    copies: Vec<String>,
    /// Every emergency code that was made, newest last.
    pub(crate) spares: Vec<String>,
    /// What the next operation is ordered with.
    order: Option<Order>,
}

impl Run {
    /// Plays `history` on a store that fails as `plan` says once all is set up.
    pub(crate) fn of(
        history: &History,
        plan: impl FnMut(Call) -> Option<Fault> + Send + 'static,
    ) -> Self {
        let mut run = Self::start(history, plan);
        for action in &history.actions {
            run.play(action);
        }
        run
    }

    fn start(history: &History, plan: impl FnMut(Call) -> Option<Fault> + Send + 'static) -> Self {
        let mut policy: Policy = policy(history.window, history.drift);
        policy.limits.wrong_codes = history.wrong_codes;
        policy.limits.failures_in_a_row = 20;
        let mut desk = Desk::new(policy.clone());
        let mut oracle = Oracle::new(policy.clone());
        let mut devices = Vec::new();
        for (account, shapes) in ACCOUNTS.iter().zip(&history.owned) {
            for shape in shapes {
                let mut device = Device::new(devices.len() as u64 + 1, *shape);
                if devices.is_empty() {
                    // It shows one code for the first two steps.
                    device = Device::known(1);
                }
                desk.give(account, &device);
                oracle.give(account, &device);
                devices.push(device);
            }
        }
        for shape in &history.stock {
            let device = Device::new(devices.len() as u64 + 1, *shape);
            desk.stock(&device);
            let held = Held::new(device.clone(), TokenState::InStock);
            oracle.tokens.insert(device.serial.clone(), held);
            devices.push(device);
        }
        assert!(devices.len() <= DEVICES_MAX);
        oracle.saw(desk.now);
        Self {
            desk: Desk::on(desk.store.into_inner(), policy, plan),
            oracle,
            devices,
            seen: Vec::new(),
            copies: Vec::new(),
            spares: Vec::new(),
            order: None,
        }
    }

    fn play(&mut self, action: &Action) {
        match action {
            Action::Login(one) => self.logins(std::slice::from_ref(one)),
            Action::Group(tries) => self.logins(tries),
            Action::Copies(one, count) => {
                let other = Try {
                    door: !one.door,
                    ..one.clone()
                };
                let both = [one.clone(), other];
                let tries: Vec<Try> = both
                    .iter()
                    .cycle()
                    .take(usize::from(*count))
                    .cloned()
                    .collect();
                self.logins(&tries);
            }
            Action::Fail(account, count) => {
                for _ in 0..*count {
                    self.fail(ACCOUNTS[usize::from(*account) % 3]);
                }
            }
            Action::Clock(millis) => self.desk.now = moved(self.desk.now, *millis),
            Action::Trust => self.operation(&Operation::ClockTrust, None),
            Action::Enroll(account, device, typed) => {
                let device = self.device(*device);
                let code = self.code(typed, Some(&device));
                let name = ACCOUNTS[usize::from(*account) % 3];
                self.operation(&enroll(name, &device, &code), Some((&device, &code)));
            }
            Action::Exchange(old, new, typed) => {
                let (old, new) = (self.device(*old), self.device(*new));
                let code = self.code(typed, Some(&new));
                self.operation(&exchange(&old, &new, &code), Some((&new, &code)));
            }
            Action::Change(change, device) => {
                let serial = self.device(*device).serial;
                self.operation(&Operation::Change(*change, serial), None);
            }
            Action::Unlock(account) => {
                let account = name(&spelt(*account, 2));
                self.operation(&Operation::Unlock(account), None);
            }
            Action::Doubt(doubt) => {
                self.desk.steady = !doubt;
                self.oracle.steady = !doubt;
            }
            Action::Order(user, key) => self.order = Some(order(*user, *key)),
            Action::Rotate(part) => self.rotate(usize::from(*part)),
            Action::Restore => self.operation(&self.desk.restore(), None),
            Action::Keep(what) => self.keep(*what),
            Action::Again(one, count, pause) => {
                let one = Try {
                    correlation: one.correlation.or(Some(7)),
                    door: false,
                    ..one.clone()
                };
                let typed = self.typed_of(&one);
                for _ in 0..=*count {
                    self.typed(std::slice::from_ref(&typed));
                    self.desk.now = moved(self.desk.now, *pause);
                }
            }
            Action::Helped(account, count, pause) => {
                let none = self
                    .oracle
                    .owner(ACCOUNTS[usize::from(*account)])
                    .spares
                    .is_empty();
                if none {
                    self.play(&Action::Emergency(*account, 2, 3_000));
                }
                let one = Try {
                    account: *account,
                    spelling: 0,
                    typed: Typed::Spare(0, true),
                    door: false,
                    method: Method::Code,
                    first: First::None,
                    round: None,
                    correlation: Some(1),
                };
                self.play(&Action::Again(one, *count, *pause));
            }
            Action::Password(account, set) => {
                let account = name(ACCOUNTS[usize::from(*account) % 3]);
                let hash = PasswordHash::parse("$argon2id$x").expect("a hash");
                let password = set.then_some(hash);
                self.operation(&Operation::AccountPassword(account, password), None);
            }
            Action::EndSessions(account) => {
                let account = name(ACCOUNTS[usize::from(*account) % 3]);
                let which = SessionChoice::Account(account);
                self.operation(&Operation::SessionEnd(which), None);
            }
            Action::Emergency(account, count, valid) => {
                let account = ACCOUNTS[usize::from(*account) % 3];
                let first = self.spares.len() as u64 + 1;
                let operation = emergency(account, first, u64::from(*count), *valid);
                self.operation(&operation, None);
                let codes = (first..first + u64::from(*count))
                    .map(|n| spare(SpareKind::Emergency, n).show().to_string());
                self.spares.extend(codes);
            }
            Action::Off(account, off) => self.set(*account, |change| change.disabled = Some(*off)),
            Action::Alias(account, add) => {
                let alias = name(&spelt(*account, 3));
                self.set(*account, |change| {
                    let slot = match add {
                        true => &mut change.add_alias,
                        false => &mut change.remove_alias,
                    };
                    *slot = Some(alias);
                });
            }
        }
    }

    fn keep(&mut self, what: Keeping) {
        let detail = Note::new("something");
        let count = None;
        self.operation(
            &Operation::Keep {
                what,
                count,
                detail,
            },
            None,
        );
    }

    /// As the verifier does it: the old key goes when nothing is left that it sealed.
    fn rotate(&mut self, part: usize) {
        let keyring = Arc::clone(self.desk.verifier.keyring());
        let number = keyring.current().number() + 1;
        keyring.make_current(data_key(number));
        self.oracle.key = number;
        self.keep(Keeping::KeyRotate);
        for reseal in self.desk.reseals(part) {
            self.operation(&reseal, None);
        }
        let sealed_before = |record: &Record| match record {
            Record::Token(token) => token.seed.key_number() != Some(number),
            Record::Account(account) => {
                let key = account.spare_key.as_ref();
                key.is_some_and(|sealed| sealed.key_number() != Some(number))
            }
            _ => false,
        };
        if self.desk.records().iter().any(sealed_before) {
            return;
        }
        self.keep(Keeping::KeyDestroy);
        for old in keyring.numbers() {
            keyring.forget(old);
        }
        assert_eq!(keyring.numbers(), [number]);
    }

    fn device(&self, index: u8) -> Device {
        self.devices[usize::from(index) % self.devices.len()].clone()
    }

    fn set(&mut self, account: u8, set: impl FnOnce(&mut AccountChange)) {
        let mut change = AccountChange::default();
        set(&mut change);
        let account = name(ACCOUNTS[usize::from(account) % 3]);
        self.operation(&Operation::AccountSet(account, change), None);
    }

    /// The text of what is typed; `of` is the device that it should be of.
    fn code(&self, typed: &Typed, of: Option<&Device>) -> String {
        match typed {
            Typed::Code(index, offset) => self.code_of(*index, *offset, of),
            Typed::Respelt(index, spelling) => respelt(&self.code_of(*index, 0, of), *spelling),
            Typed::Copy(age, spelling) => {
                let copy = self.copies.iter().rev().nth(usize::from(*age));
                respelt(copy.map_or("000000", String::as_str), *spelling)
            }
            Typed::Guess(number) => format!("{:06}", number % 1_000_000),
            Typed::Spare(age, upper) => {
                let made = self.spares.iter().rev().nth(usize::from(*age));
                let code = made.map_or("3333-3333-3333", String::as_str);
                match upper {
                    true => code.to_owned(),
                    false => code.to_lowercase(),
                }
            }
        }
    }

    fn code_of(&self, index: u8, offset: i8, of: Option<&Device>) -> String {
        let device = of.cloned().unwrap_or_else(|| self.device(index));
        let held = &self.oracle.tokens[&device.serial];
        let step = match (device.shape.factor, held.mark()) {
            (Factor::Hotp { .. }, Some(mark)) => mark.saturating_add(1),
            _ => device.step(self.desk.now),
        };
        device.code(step.saturating_add_signed(i64::from(offset)))
    }

    /// A device of the account that is tried, most often.
    fn code_for(&self, one: &Try) -> String {
        let owner = ACCOUNTS
            .get(usize::from(one.account))
            .and_then(|name| self.oracle.owners.get(*name));
        if let (Typed::Spare(age, _), Some(owner)) = (&one.typed, owner)
            && let (0, Some((text, _))) = (age % 2, owner.spares.first())
        {
            return text.clone();
        }
        let index = match one.typed {
            Typed::Code(index, _) | Typed::Respelt(index, _) => usize::from(index),
            _ => 0,
        };
        let live = owner.filter(|o| !o.live.is_empty() && index % 8 > 0);
        let own = live.map(|o| &self.oracle.tokens[&o.live[index % o.live.len()]].device);
        self.code(&one.typed, own)
    }

    fn logins(&mut self, tries: &[Try]) {
        let typed: Vec<_> = tries.iter().map(|one| self.typed_of(one)).collect();
        self.typed(&typed);
    }

    fn typed_of(&self, one: &Try) -> (String, String, Door, Tied) {
        let door = if one.door { Door::Pam } else { Door::Radius };
        let tied = Tied {
            method: one.method,
            first: one.first,
            round: one.round.map(|number| round(number, self.desk.now)),
            correlation: one.correlation,
        };
        let account = spelt(one.account, one.spelling);
        (account, self.code_for(one), door, tied)
    }

    /// Decides names with codes in one commit, and what the oracle says to each.
    fn typed(&mut self, typed: &[(String, String, Door, Tied)]) {
        let attempts: Vec<_> = typed
            .iter()
            .map(|(account, code, door, with)| tied(account, code, *door, with))
            .collect();
        let now = self.desk.now;
        let before = self.desk.store.inner().counts().position;
        let told = self.desk.logins(&attempts);
        let written = self.desk.store.inner().counts().position > before;
        for (told, (account, code, door, tied)) in told.into_iter().zip(typed) {
            let expected = self.oracle.expected(account, code, *door, tied, now);
            let applied = written && told.change.is_some();
            let (change, outcome) = (told.change.clone(), told.outcome);
            let did = Did::Login {
                account: account.clone(),
                code: code.clone(),
                tied: tied.clone(),
                expected: expected.clone(),
                told: Box::new(told),
            };
            self.see(applied, outcome, change, did);
            if applied {
                self.oracle.logged_in(&expected, code, *door, tied, now);
                let spent = expected.spends.is_some();
                self.copies.extend(spent.then(|| code.clone()));
            }
        }
    }

    fn fail(&mut self, account: &str) {
        let owner = self.oracle.owner(account);
        self.desk.now = self.desk.now.max(owner.until.unwrap_or(self.desk.now));
        let live = owner.live.first().cloned();
        let device = live.map(|serial| self.oracle.token(&serial).device.clone());
        let code = device.map_or_else(|| "123456".into(), |own| own.wrong(self.desk.now));
        let typed = (account.to_owned(), code, Door::Pam, Tied::default());
        self.typed(&[typed]);
    }

    fn see(&mut self, applied: bool, outcome: Outcome, change: Option<Change>, did: Did) {
        let tokens = self.oracle.tokens.iter();
        let states = tokens.map(|(serial, token)| (serial.clone(), token.state));
        self.seen.push(Seen {
            now: self.desk.now,
            clock_is_bad: self.oracle.clock_is_back(self.desk.now) || !self.oracle.steady,
            outcome,
            applied,
            newest: self.desk.store.inner().counts().position,
            change,
            did,
            states: states.collect(),
        });
    }

    fn operation(&mut self, operation: &Operation, proof: Option<(&Device, &str)>) {
        let now = self.desk.now;
        let before = self.desk.store.inner().counts().position;
        let order = self.order.take().unwrap_or_else(of_root);
        let request = request(&order);
        let done_before = request
            .as_ref()
            .and_then(|key| self.oracle.requests.get(key))
            .copied();
        let (done, outcome, change) = self.desk.ordered(operation, &order);
        let applied = self.desk.store.inner().counts().position > before;
        let proof = proof.map(|(device, code)| {
            let fit = self.oracle.fit(&device.serial, code, now);
            (device.serial.clone(), code.to_owned(), fit)
        });
        let is_done = applied && !matches!(done, Done::Refused(_)) && proves(&change);
        let did = Did::Operation {
            operation: format!("{operation:?}"),
            order,
            before: done_before,
            done,
            proof: proof.clone(),
        };
        let written = change.iter().flat_map(written_tokens);
        let written: Vec<Serial> = written.map(|token| token.serial.clone()).collect();
        self.see(applied, outcome, change.clone(), did);
        if is_done && matches!(operation, Operation::Restore { .. }) {
            // A token that could not be read is left as it is.
            let accounts: Vec<String> = change
                .iter()
                .flat_map(|change| &change.written)
                .filter_map(|record| match record {
                    Record::Account(account) => Some(account.name.to_string()),
                    _ => None,
                })
                .collect();
            self.oracle.restored(&written, &accounts, now);
        }
        if is_done {
            self.note(operation, proof, now);
            let position = self.desk.store.inner().counts().position;
            let key = request.map(|key| (key, position));
            self.oracle.requests.extend(key);
        }
        if is_done && matches!(operation, Operation::ClockTrust) {
            self.oracle.newest = Some(now);
        } else if is_done {
            self.oracle.saw(now);
        }
    }

    /// Takes note of an operation that was done.
    fn note(&mut self, operation: &Operation, proof: Option<(Serial, String, Fit)>, now: Time) {
        let step = match &proof {
            Some((_, _, Fit::Fresh(step))) => *step,
            Some(other) => panic!("I1: {operation:?} was done with {other:?}"),
            None => 0,
        };
        let code = proof.map(|(_, code, _)| code).unwrap_or_default();
        let oracle = &mut self.oracle;
        match operation {
            Operation::Enroll {
                account, serial, ..
            } => {
                oracle.enrolled(account.as_str(), serial, step, &code, now);
                self.copies.push(code);
            }
            Operation::Exchange { old, new, .. } => {
                oracle.exchanged(old, new, step, &code, now);
                self.copies.push(code);
            }
            Operation::Change(change, serial) => {
                let state = oracle.tokens[serial].state;
                let state = lifecycle::next(state, transition(*change)).expect("a state");
                if state.is_final() {
                    oracle.ended(serial, state);
                }
                oracle.token(serial).state = state;
                oracle.token(serial).answered = None;
            }
            Operation::Emergency {
                account,
                codes,
                valid,
                ..
            } => {
                let until = now.after(*valid);
                let texts = codes.iter().map(|code| code.show().replace('-', ""));
                let owner = oracle.owner(account.as_str());
                owner.spares = texts.map(|text| (text, until)).collect();
                owner.spent_spares.clear();
                owner.spare_answered = None;
            }
            Operation::Unlock(account) => {
                let owner = oracle.owner(account.as_str());
                (owner.wrong, owner.until) = (0, None);
            }
            Operation::AccountSet(account, change) => {
                if let Some(off) = change.disabled {
                    oracle.switched(account.as_str(), off);
                }
                if let Some(alias) = &change.add_alias {
                    let (alias, account) = (alias.as_str().into(), account.as_str().into());
                    oracle.names.insert(alias, account);
                }
                if let Some(alias) = &change.remove_alias {
                    oracle.names.remove(alias.as_str());
                }
            }
            _ => {}
        }
    }
}

/// One of the orders that histories are made of: some with an idempotency key, some without.
fn order(user: u8, key: u8) -> Order {
    Order {
        request: RequestKey::parse(&"k".repeat(usize::from(key))),
        note: Note::new("as agreed"),
        ..Order::of(Actor::new(u32::from(user), "root"))
    }
}

/// What an order with an idempotency key is known by.
pub(crate) fn request(order: &Order) -> Option<(u32, String)> {
    let key = order.request.as_ref()?;
    Some((order.actor.uid, key.as_str().to_owned()))
}

/// Whether a change of an operation tells that it was done.
fn proves(change: &Option<Change>) -> bool {
    use sekisho_verifier::event::{OperationOutcome, What};
    let what = change.as_ref().map(|change| &change.event.what);
    matches!(what, Some(What::Operation(event)) if event.outcome == OperationOutcome::Done)
}

pub(crate) fn transition(change: StateChange) -> Transition {
    match change {
        StateChange::Stop => Transition::Stop,
        StateChange::Lost => Transition::Lost,
        StateChange::Suspend => Transition::Suspend,
        StateChange::Resume => Transition::Resume,
    }
}

/// A name as somebody types it: four spellings that mean the account (one of them its other
/// name, if it has one), and others that mean nobody.
fn spelt(account: u8, spelling: u8) -> String {
    let name = ACCOUNTS
        .get(usize::from(account))
        .copied()
        .unwrap_or("nobody");
    match spelling {
        0 => name.to_owned(),
        1 => name.to_uppercase(),
        2 => name[..1].to_uppercase() + &name[1..],
        3 => format!("{name}@VPN.example"),
        4 => format!("{name} "),
        5 => format!(" {name}"),
        6 => format!("{name}\0"),
        7 => format!("{name}\n"),
        8 => name.replace('o', "\u{43e}"),
        9 => format!("-{name}"),
        10 => format!("../{name}"),
        11 => String::new(),
        12 => name.repeat(40),
        _ => format!("{name}."),
    }
}

/// Other spellings of a code.
pub(crate) fn respelt(code: &str, spelling: u8) -> String {
    let wide = |c: char| match c.to_digit(10) {
        Some(digit) => char::from_u32(0xFF10 + digit).expect("a digit"),
        None => c,
    };
    match spelling {
        0 => code.to_owned(),
        1 => format!(" {code}"),
        2 => format!("{code} "),
        3 => format!("{code}\n"),
        4 => format!("{code}\r\n"),
        5 => format!("{code}\0"),
        6 => code.chars().map(wide).collect(),
        7 => format!("0{code}"),
        8 => format!("{code}0"),
        9 => format!("{} {}", &code[..3], &code[3..]),
        10 => format!("+{code}"),
        _ => code.repeat(30),
    }
}
