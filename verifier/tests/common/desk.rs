//! A desk where logins and operations are decided, and the devices that people bring to it.

use std::sync::Arc;

use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use md4::Md4;
use md5::{Digest, Md5};
use sha1::Sha1;

use sekisho_verifier::account::{Account, AccountName};
use sekisho_verifier::event::{Actor, Event, Reason};
use sekisho_verifier::operation::{
    AccountChange, Done, Imported, Operate, Operation, Order, Refusal, StateChange,
};
use sekisho_verifier::otp::{Algorithm, Digits, Generator, Seed};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::policy::{Acceptance, Policy};
use sekisho_verifier::proof::{Chap, First, MsChapV2, Proof, Round};
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring, NONCE_OCTETS, SealedSeed};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{
    Change, Decider, Key, Outcome, Position, Record, Store, StoreError, View,
};
use sekisho_verifier::testing::faulty::{Call, Fault, FaultyStore};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::time::{Now, Time};
use sekisho_verifier::token::{Factor, Period, Shape, Token};
use sekisho_verifier::verify::{Attempt, Granted, Login, Verdict, Verifier};

use super::{START, seconds};

/// The data key of number 1, which all that comes in is sealed with.
pub(crate) const KEY: [u8; KEY_OCTETS] = [0xC5; KEY_OCTETS];

/// The key of the RFCs' test vectors.
pub(crate) const KNOWN_SEED: &[u8] = b"12345678901234567890";

/// A token as its owner holds it.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) serial: Serial,
    pub(crate) seed: Vec<u8>,
    pub(crate) shape: Shape,
}

impl Device {
    /// The device of number `n`, with a seed of its own.
    pub(crate) fn new(n: u64, shape: Shape) -> Self {
        let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut octet = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        let octets = match shape.algorithm {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        };
        Self {
            serial: Serial::numbered("SKTS", n).expect("a serial"),
            seed: (0..octets).map(|_| octet()).collect(),
            shape,
        }
    }

    /// What nearly everybody has: SHA-1, 6 digits, 30 seconds.
    pub(crate) fn usual(n: u64) -> Self {
        Self::new(n, Shape::default())
    }

    /// The usual one with the key of the RFCs' vectors.
    pub(crate) fn known(n: u64) -> Self {
        Self {
            seed: KNOWN_SEED.to_vec(),
            ..Self::usual(n)
        }
    }

    /// One that counts, from `first` on.
    pub(crate) fn counting(n: u64, first: u64) -> Self {
        Self::new(n, shape(Algorithm::Sha1, 6, Factor::Hotp { first }))
    }

    pub(crate) fn seed(&self) -> Seed {
        Seed::new(self.seed.clone()).expect("a seed")
    }

    pub(crate) fn generator(&self) -> Generator {
        Generator::new(&self.seed(), self.shape.algorithm, self.shape.digits)
    }

    pub(crate) fn code(&self, step: u64) -> String {
        self.generator().code(step).to_string()
    }

    /// The step of `now`, or the first counter.
    pub(crate) fn step(&self, now: Time) -> u64 {
        match self.shape.factor {
            Factor::Totp { period } => now.seconds() / u64::from(period.seconds()),
            Factor::Hotp { first } => first,
        }
    }

    /// What it shows at `now`, or shows first.
    pub(crate) fn shows(&self, now: Time) -> String {
        self.code(self.step(now))
    }

    /// A code that none of the steps near `now` has.
    pub(crate) fn wrong(&self, now: Time) -> String {
        let step = self.step(now);
        let near: Vec<String> = (step.saturating_sub(30)..=step.saturating_add(30))
            .map(|step| self.code(step))
            .collect();
        let width = usize::from(self.shape.digits.value());
        let mut wrong = (0..).map(|number| format!("{number:0width$}"));
        wrong.find(|code| !near.contains(code)).expect("a code")
    }

    fn sealed(&self) -> SealedSeed {
        let mut nonce = [0; NONCE_OCTETS];
        for (slot, octet) in nonce.iter_mut().zip(self.serial.as_str().bytes().rev()) {
            *slot = octet;
        }
        DataKey::new(1, &KEY).seal(&self.serial, 1, &self.seed(), nonce)
    }

    /// A line of an import.
    pub(crate) fn imported(&self, line: u64, account: Option<&str>) -> Imported {
        Imported {
            line,
            account: account.map(name),
            serial: self.serial.clone(),
            seed: self.sealed(),
            shape: self.shape,
        }
    }
}

pub(crate) fn shape(algorithm: Algorithm, digits: u8, factor: Factor) -> Shape {
    Shape {
        algorithm,
        digits: Digits::new(digits).expect("digits"),
        factor,
    }
}

pub(crate) fn totp(period: u32) -> Factor {
    let period = Period::new(period).expect("a period");
    Factor::Totp { period }
}

pub(crate) fn name(text: &str) -> AccountName {
    AccountName::parse(text).expect("an account name")
}

pub(crate) fn place(door: Door) -> Place {
    match door {
        Door::Pam => Place::new(door, "sshd", Some("pts/3"), Some("192.0.2.9")),
        Door::Radius => Place::new(door, "vpn-gateway", None, Some("192.0.2.7")),
    }
}

pub(crate) fn attempt(account: &str, code: &str, door: Door) -> Attempt {
    Attempt::of_code(account, code.as_bytes().to_vec().into(), place(door))
}

/// What else an attempt at a gateway may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tied {
    pub(crate) method: Method,
    pub(crate) first: First,
    pub(crate) round: Option<Round>,
    pub(crate) correlation: Option<u8>,
}

/// How a code is proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Method {
    #[default]
    Code,
    Chap,
    MsChapV2,
}

/// A response that was computed from any text.
pub(crate) fn proof(method: Method, code: &str) -> Proof {
    match method {
        Method::Code => Proof::Code(code.as_bytes().to_vec().into()),
        Method::Chap => Proof::Chap(chap(7, b"a challenge of ours", code)),
        Method::MsChapV2 => Proof::MsChapV2(ms_chap([0x21; 16], code)),
    }
}

pub(crate) fn chap(identifier: u8, challenge: &[u8], code: &str) -> Chap {
    let octets = [&[identifier], code.as_bytes(), challenge].concat();
    Chap {
        identifier,
        challenge: challenge.to_vec(),
        response: Md5::digest(octets).into(),
    }
}

/// RFC 2759 section 8.1, written once more.
pub(crate) fn ms_chap(peer_challenge: [u8; 16], code: &str) -> MsChapV2 {
    let challenge = [0x5B; 16];
    let user_name = b"mori".to_vec();
    let hash = Sha1::new()
        .chain_update(peer_challenge)
        .chain_update(challenge)
        .chain_update(&user_name)
        .finalize();
    let text: Vec<u8> = code.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut key = Md4::digest(text).to_vec();
    key.resize(21, 0);
    let mut response = Vec::new();
    for seven in key.chunks(7) {
        let bit = |n: usize| seven[n / 8] >> (7 - n % 8) & 1;
        let mut eight = [0_u8; 8];
        for n in 0..56 {
            eight[n / 7] |= bit(n) << (7 - n % 7);
        }
        let mut block = [0_u8; 8];
        block.copy_from_slice(&hash[..8]);
        let mut block = block.into();
        Des::new(&eight.into()).encrypt_block(&mut block);
        response.extend_from_slice(&block);
    }
    MsChapV2 {
        challenge,
        peer_challenge,
        response: response.try_into().expect("24 octets"),
        user_name,
    }
}

/// An attempt with all that a gateway can add.
pub(crate) fn tied(account: &str, code: &str, door: Door, tied: &Tied) -> Attempt {
    Attempt {
        proof: proof(tied.method, code),
        first: tied.first,
        round: tied.round,
        correlation: tied.correlation.map(|n| vec![n; 16]),
        ..attempt(account, code, door)
    }
}

pub(crate) fn policy(window: u64, drift: i64) -> Policy {
    Policy {
        acceptance: Acceptance {
            window,
            drift,
            ..Acceptance::default()
        },
        ..Policy::default()
    }
}

/// What root orders, with nothing else to it.
pub(crate) fn of_root() -> Order {
    Order::of(Actor::new(0, "root"))
}

/// The data key of a number.
pub(crate) fn data_key(number: u32) -> DataKey {
    let key = KEY.map(|octet| octet ^ number.wrapping_sub(1) as u8);
    DataKey::new(number, &key)
}

/// One that knows a single data key.
pub(crate) fn verifier(policy: Policy, number: u32, key: &[u8; KEY_OCTETS]) -> Verifier {
    let keyring = Arc::new(Keyring::new(DataKey::new(number, key)));
    Verifier::new(policy, keyring).expect("a policy")
}

/// Passes a decider on and keeps what its last run wanted written.
pub(crate) struct Watched<D> {
    pub(crate) inner: D,
    pub(crate) change: Option<Change>,
}

impl<D> Watched<D> {
    pub(crate) fn new(inner: D) -> Self {
        let change = None;
        Self { inner, change }
    }
}

impl<D: Decider> Decider for Watched<D> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.change = None;
        let change = self.inner.decide(view)?;
        self.change.clone_from(&change);
        Ok(change)
    }
}

/// What came of one login.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<Reason>,
    pub(crate) locked_out: bool,
    pub(crate) outcome: Outcome,
    pub(crate) change: Option<Change>,
    pub(crate) granted: Option<Granted>,
}

impl Told {
    pub(crate) fn accepted(&self) -> bool {
        matches!(self.verdict, Verdict::Accept(_))
    }
}

/// A verifier, a store and a clock.
pub(crate) struct Desk {
    pub(crate) store: FaultyStore<MemoryStore>,
    pub(crate) verifier: Verifier,
    pub(crate) now: Time,
    pub(crate) steady: bool,
}

impl Desk {
    pub(crate) fn new(policy: Policy) -> Self {
        Self::failing(policy, |_| None)
    }

    /// One whose store fails as `plan` says.
    pub(crate) fn failing(
        policy: Policy,
        plan: impl FnMut(Call) -> Option<Fault> + Send + 'static,
    ) -> Self {
        Self::on(MemoryStore::new(), policy, plan)
    }

    pub(crate) fn on(
        store: MemoryStore,
        policy: Policy,
        plan: impl FnMut(Call) -> Option<Fault> + Send + 'static,
    ) -> Self {
        Self {
            store: FaultyStore::new(store, plan),
            verifier: verifier(policy, 1, &KEY),
            now: START,
            steady: true,
        }
    }

    /// One with the usual policy, where `mori` owns `device`.
    pub(crate) fn of_mori(device: &Device) -> Self {
        let mut desk = Self::new(Policy::default());
        desk.give("mori", device);
        desk
    }

    /// What the clocks say.
    pub(crate) fn clock(&self) -> Now {
        Now {
            time: self.now,
            steady: self.steady,
        }
    }

    /// The keys of all records there are.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.records().iter().map(Record::key).collect()
    }

    /// A reseal of everything, in parts of `part` records.
    pub(crate) fn reseals(&self, part: usize) -> Vec<Operation> {
        let nonce = |index: usize| {
            let mut nonce = [0; NONCE_OCTETS];
            nonce[..8].copy_from_slice(&index.to_be_bytes());
            nonce
        };
        let keys = self.keys().into_iter().enumerate();
        let items: Vec<_> = keys.map(|(index, key)| (key, nonce(index))).collect();
        items
            .chunks(part)
            .map(|part| Operation::Reseal(part.to_vec()))
            .collect()
    }

    /// A restore of all tokens.
    pub(crate) fn restore(&self) -> Operation {
        let serial = |key| match key {
            Key::Token(serial) => Some(serial),
            _ => None,
        };
        let account = |key| match key {
            Key::Account(name) => Some(name),
            _ => None,
        };
        Operation::Restore {
            serials: self.keys().into_iter().filter_map(serial).collect(),
            accounts: self.keys().into_iter().filter_map(account).collect(),
            damaged: 0,
        }
    }

    pub(crate) fn pass(&mut self, count: u64) {
        self.now = self.now.after(seconds(count));
    }

    pub(crate) fn login(&mut self, account: &str, code: &str) -> Told {
        let attempt = attempt(account, code, Door::Radius);
        self.logins(&[attempt]).pop().expect("one answer")
    }

    pub(crate) fn reason(&mut self, account: &str, code: &str) -> Option<Reason> {
        self.login(account, code).reason
    }

    /// An attempt at a gateway with what it adds.
    pub(crate) fn tied(&mut self, account: &str, code: &str, with: &Tied) -> Told {
        let attempt = tied(account, code, Door::Radius, with);
        self.logins(&[attempt]).pop().expect("one answer")
    }

    /// Decides all of `attempts` in one commit. A store that has to be given up tells nothing.
    pub(crate) fn logins(&mut self, attempts: &[Attempt]) -> Vec<Told> {
        let now = self.clock();
        let login = |attempt| Watched::new(Login::new(&self.verifier, attempt, now));
        let mut logins: Vec<_> = attempts.iter().map(login).collect();
        let mut group: Vec<&mut dyn Decider> = logins.iter_mut().map(|l| l as _).collect();
        let Ok(outcomes) = self.store.commit(&mut group) else {
            return Vec::new();
        };
        let told = |(login, outcome): (Watched<Login<'_>>, Outcome)| Told {
            verdict: login.inner.verdict(outcome),
            reason: login.inner.reason(),
            locked_out: login.inner.locked_out(),
            outcome,
            granted: match login.inner.verdict(outcome) {
                Verdict::Accept(accepted) => login.inner.granted(accepted).cloned(),
                _ => None,
            },
            change: login.change,
        };
        logins.into_iter().zip(outcomes).map(told).collect()
    }

    pub(crate) fn operate(&mut self, operation: &Operation) -> Done {
        self.operated(operation).0
    }

    /// What came of it, the store's word, and what was to be written.
    pub(crate) fn operated(&mut self, operation: &Operation) -> (Done, Outcome, Option<Change>) {
        self.ordered(operation, &of_root())
    }

    pub(crate) fn ordered(
        &mut self,
        operation: &Operation,
        order: &Order,
    ) -> (Done, Outcome, Option<Change>) {
        let now = self.clock();
        let operate = Operate::new(&self.verifier, operation, order, now);
        let mut operate = Watched::new(operate);
        let outcomes = self.store.commit(&mut [&mut operate]).expect("a commit");
        (operate.inner.done(outcomes[0]), outcomes[0], operate.change)
    }

    pub(crate) fn done(&mut self, operation: &Operation) -> Position {
        match self.operate(operation) {
            Done::Receipt(position, _) => position,
            other => panic!("{operation:?}: {other:?}"),
        }
    }

    pub(crate) fn refused(&mut self, operation: &Operation) -> Refusal {
        match self.operate(operation) {
            Done::Refused(refusal) => refusal,
            other => panic!("{operation:?}: {other:?}"),
        }
    }

    /// Ends the wait or lock of an account, if there is one.
    pub(crate) fn unlock(&mut self, account: &str) {
        self.operate(&Operation::Unlock(name(account)));
    }

    pub(crate) fn stock(&mut self, device: &Device) {
        self.done(&Operation::Import(vec![device.imported(1, None)]));
    }

    /// Enrolls `device` without a proof.
    pub(crate) fn give(&mut self, account: &str, device: &Device) {
        let line = device.imported(1, Some(account));
        self.done(&Operation::Import(vec![line]));
    }

    pub(crate) fn change(&mut self, change: StateChange, device: &Device) -> Position {
        self.done(&Operation::Change(change, device.serial.clone()))
    }

    pub(crate) fn set(&mut self, account: &str, change: AccountChange) {
        self.done(&Operation::AccountSet(name(account), change));
    }

    pub(crate) fn token(&self, device: &Device) -> Token {
        let found = self.store.inner().token(&device.serial).expect("a read");
        found.expect("a token")
    }

    pub(crate) fn account(&self, account: &str) -> Account {
        let found = self.store.inner().account(&name(account)).expect("a read");
        found.expect("an account")
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.store.inner().records().cloned().collect()
    }

    /// Every event, oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        let inner = self.store.inner();
        (1..=inner.counts().position)
            .map(|position| inner.event(position).expect("a read").expect("an event"))
            .collect()
    }
}

pub(crate) fn enroll(account: &str, device: &Device, code: &str) -> Operation {
    Operation::Enroll {
        account: name(account),
        serial: device.serial.clone(),
        code: code.as_bytes().to_vec().into(),
    }
}

pub(crate) fn exchange(old: &Device, new: &Device, code: &str) -> Operation {
    Operation::Exchange {
        old: old.serial.clone(),
        new: new.serial.clone(),
        code: code.as_bytes().to_vec().into(),
    }
}
