//! Records, events and deciders to try stores with.

use std::sync::Arc;

use crate::account::{
    Account, AccountName, EMERGENCY_CODES_MAX, Language, MARK_OCTETS, Mark, SpareAnswered,
    SpareMark,
};
use crate::event::{
    Actor, Channel, Event, LoginEvent, OperationEvent, OperationKind, OperationOutcome, Reason,
    RequestKey, SessionChange, SessionEvent, What,
};
use crate::guess::Guesses;
use crate::lifecycle::TokenState;
use crate::otp::{Algorithm, Digits, SEED_OCTETS_MIN, Seed};
use crate::place::{Door, Place};
use crate::seal::{DataKey, KEY_OCTETS, Keyring, NONCE_OCTETS, SecretKind};
use crate::serial::Serial;
use crate::session::{Nas, Session, SessionId};
use crate::spare::SPARE_KEY_OCTETS;
use crate::store::{Change, Decider, Key, Record, StoreError, View};
use crate::time::Time;
use crate::token::{Factor, Period, Token, Use};

/// When samples happen: 2023-11-14T22:13:20Z and so many milliseconds.
pub fn time(millis: u64) -> Time {
    Time::from_millis(1_700_000_000_000 + millis)
}

/// The serial of number `n`; serials rise with `n`.
pub fn serial(n: u64) -> Serial {
    Serial::numbered("SKTS", n).expect("a serial")
}

/// The account name of number `n`; names rise with `n`.
pub fn name(n: u64) -> AccountName {
    AccountName::parse(&format!("user{n:08}")).expect("an account name")
}

/// Where samples log in.
pub fn place() -> Place {
    Place::new(Door::Radius, "vpn-gateway", None, Some("192.0.2.7"))
}

/// The token of number `n`, owned by the account of the same number, with `step` spent.
pub fn token(n: u64, step: u64) -> Record {
    let serial = serial(n);
    let seed = Seed::new(vec![0x5A; SEED_OCTETS_MIN + 4]).expect("a seed");
    let nonce = [0x3C; NONCE_OCTETS];
    let sealed = DataKey::new(1, &[7; KEY_OCTETS]).seal(&serial, 1, &seed, nonce);
    Record::Token(Token {
        serial,
        seed: sealed,
        algorithm: Algorithm::Sha1,
        digits: Digits::default(),
        factor: Factor::Totp {
            period: Period::default(),
        },
        state: TokenState::Active,
        account: Some(name(n)),
        spent: (0..8).map(|age| step.saturating_sub(age)).collect(),
        drift: 0,
        drift_evidence: 0,
        disabled: false,
        proofs: Guesses::default(),
        created: time(0),
        last_use: Some(Use {
            time: time(step),
            place: Some(place()),
        }),
        seal: 1,
        raised: None,
        answered: None,
    })
}

/// The keys that samples are sealed and tagged with.
pub fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::new(DataKey::new(1, &[7; KEY_OCTETS])))
}

/// The account of number `n`, with its token and so many wrong codes.
pub fn account(n: u64, wrong: u32) -> Record {
    let mut account = Account::new(name(n), time(0));
    account.serials.push(serial(n));
    account.guesses.wrong = wrong;
    Record::Account(account)
}

/// The account of number `n` with everything that can stand in for its token.
pub fn helped_account(n: u64) -> Record {
    let key = DataKey::new(1, &[7; KEY_OCTETS]);
    let mut account = Account::new(name(n), time(0));
    account.ended.push(serial(n));
    let seal = |kind, octets: &[u8]| key.seal_secret(kind, &account.name, octets, [0x3C; 12]);
    let password = seal(SecretKind::StartPassword, &[0x35; 26]);
    let spare_key = seal(SecretKind::SpareKey, &[0x5A; SPARE_KEY_OCTETS]);
    let spare = |octet| SpareMark {
        mark: Mark([octet; MARK_OCTETS]),
        until: time(u64::from(octet)),
    };
    account.language = Some(Language::Japanese);
    account.start_password = Some(password);
    account.start_tries = 3;
    account.spare_key = Some(spare_key);
    account.emergency = (0..EMERGENCY_CODES_MAX as u8).map(spare).collect();
    account.start_code = Some(spare(0xFF));
    account.start_granted_until = Some(time(9));
    account.exchange_required = true;
    account.emergency_spent = vec![Mark([0x96; MARK_OCTETS]); EMERGENCY_CODES_MAX];
    account.spare_answered = Some(SpareAnswered {
        by: Mark([0xC3; MARK_OCTETS]),
        until: time(10),
        times: 1,
    });
    Record::Account(account)
}

/// Another name for the account of number `n`.
pub fn alias(n: u64) -> Record {
    Record::Alias {
        alias: alias_name(n),
        account: name(n),
    }
}

/// The other name of the account of number `n`.
pub fn alias_name(n: u64) -> AccountName {
    AccountName::parse(&format!("other{n:08}")).expect("an account name")
}

/// The live session of number `n`, of the account of the same number, heard of at `updated`.
pub fn session(n: u64, updated: u64) -> Record {
    let nas = nas();
    Record::Session(Session {
        id: session_id(n),
        account: Some(name(n)),
        client: nas.client,
        from: nas.from,
        nas_identifier: nas.identifier,
        nas_address: nas.address,
        session: format!("session-{n}").into(),
        user_name: Some(format!("user{n:08}").into()),
        framed_address: Some("198.51.100.7".into()),
        calling_station: None,
        nas_port: Some(7),
        started: time(0),
        updated: time(updated),
        octets_in: n,
        octets_out: u64::MAX,
        told: time(updated),
    })
}

/// The gateway of all sessions.
pub fn nas() -> Nas {
    Nas {
        client: "vpn-gateway".into(),
        from: "192.0.2.1".into(),
        identifier: Some("gate-1".into()),
        address: None,
    }
}

/// The id of the session of number `n`; ids rise with `n`, and have zeros and all other octets.
pub fn session_id(n: u64) -> SessionId {
    SessionId(n.to_be_bytes())
}

/// The key of the session of number `n`.
pub fn session_key(n: u64) -> Key {
    Key::Session(session_id(n))
}

/// That the session of number `n` goes on.
pub fn session_event(n: u64, time: Time) -> Event {
    let nas = nas();
    let what = What::Session(SessionEvent {
        change: SessionChange::Interim,
        session: Some(session_id(n)),
        account: Some(name(n)),
        nas: nas.name().into(),
        client: nas.client,
        told: Some(time),
        octets_in: Some(n),
        octets_out: None,
        seconds: Some(60),
        cause: None,
        pushed_out: None,
    });
    Event::at(time.into(), what)
}

/// The key of the token of number `n`.
pub fn token_key(n: u64) -> Key {
    Key::Token(serial(n))
}

/// The key of the account of number `n`.
pub fn account_key(n: u64) -> Key {
    Key::Account(name(n))
}

/// An accepted login with the token of number `n`.
pub fn login(n: u64, step: u64, time: Time) -> Event {
    let what = What::Login(LoginEvent {
        reason: Reason::RightCode,
        account: Some(name(n)),
        serial: Some(serial(n)),
        step: Some(step),
        place: place(),
    });
    Event::at(time.into(), what)
}

/// An operation of root.
pub fn operation(kind: OperationKind, time: Time) -> Event {
    ordered(kind, time, 0, None)
}

/// The idempotency key of number `n`.
pub fn request(n: u64) -> RequestKey {
    RequestKey::parse(&format!("request-{n}")).expect("an idempotency key")
}

/// An operation of the user `uid` that came with the idempotency key of number `n`.
pub fn requested(uid: u32, n: u64, time: Time) -> Change {
    Change::event_only(ordered(OperationKind::Unlock, time, uid, Some(request(n))))
}

fn ordered(kind: OperationKind, time: Time, uid: u32, request: Option<RequestKey>) -> Event {
    let what = What::Operation(OperationEvent {
        operation: kind,
        outcome: OperationOutcome::Done,
        serial: None,
        new_serial: None,
        account: None,
        actor: Actor::new(uid, "root"),
        note: None,
        count: None,
        detail: None,
        channel: Channel::Cli,
        request,
        approver: None,
    });
    Event::at(time.into(), what)
}

/// A login of number `n` that spends `step`: two records and an event.
pub fn spend(n: u64, step: u64) -> Change {
    Change {
        event: login(n, step, time(step)),
        written: vec![token(n, step), account(n, 0)],
        removed: Vec::new(),
    }
}

/// The newest step that the token of number `n` has spent.
pub fn spent(view: &dyn View, n: u64) -> Result<Option<u64>, StoreError> {
    let token = view.token(&serial(n))?;
    Ok(token.and_then(|token| token.watermark()))
}

/// Writes `change` whatever there is.
#[derive(Debug)]
pub struct Write(pub Change);

impl Decider for Write {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}

/// Spends the step behind the newest of token `n`, or step 1.
#[derive(Debug)]
pub struct SpendNext {
    /// Which token.
    pub n: u64,
    /// The step that the last call wanted to spend.
    pub step: u64,
}

impl SpendNext {
    /// For the token of number `n`.
    pub fn new(n: u64) -> Self {
        Self { n, step: 0 }
    }
}

impl Decider for SpendNext {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.step = spent(view, self.n)?.map_or(1, |step| step + 1);
        Ok(Some(spend(self.n, self.step)))
    }
}

/// Wants nothing written.
#[derive(Debug)]
pub struct Abstain;

impl Decider for Abstain {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        Ok(None)
    }
}

/// Can not decide.
#[derive(Debug)]
pub struct Fail(pub StoreError);

impl Decider for Fail {
    fn decide(&mut self, _: &dyn View) -> Result<Option<Change>, StoreError> {
        Err(self.0)
    }
}

/// Decides as another does, and may take what is set aside for a full disk.
#[derive(Debug)]
pub struct Reserved<D>(pub D);

impl<D: Decider> Decider for Reserved<D> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.0.decide(view)
    }

    fn may_use_reserve(&self) -> bool {
        true
    }
}
