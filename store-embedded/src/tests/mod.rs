//! Tests on a disk that fails, forgets and tears.

mod checkpoints;
mod copied;
mod crash;
mod damage;
mod epoch;
mod fault;
mod flips;
mod forged;
mod hostile;
mod index;
mod keeping;
mod layout;
mod model;
mod requests;
mod reserve;
mod sim;

use std::sync::Arc;
use std::time::Duration;

use sekisho_verifier::event::{Event, OperationKind};
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::seal::TAG_OCTETS;
use sekisho_verifier::store::{Change, Decider, Kind, Outcome, Record, Store, StoreError};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::{
    Write, account_key, alias, keyring, operation, session, session_event, session_key, spend,
    time, token, token_key,
};
use sekisho_verifier::time::Time;
use zeroize::Zeroizing;

use crate::body::append_stamp;
use crate::checkpoints::Pace;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame::{ChainHash, FrameKind};
use crate::index::Index;
use crate::journal::Sizes;
use crate::open::{Found, How, Options, open_on};
use crate::stamp::Stamped;
use crate::store::EmbeddedStore;
use crate::tracker::Digests;

/// Small, so that a short run goes over several segments and grows each more than once.
const SMALL: Sizes = Sizes {
    segment_octets: 4 << 10,
    grow_octets: 2 << 10,
    reserve_octets: 1 << 10,
    retry: Duration::ZERO,
    pace: Pace {
        events: 5,
        after: Duration::MAX,
        told: Duration::ZERO,
    },
};

/// How many times as much is tried: `SEKISHO_CAMPAIGN=100 cargo test`.
fn campaign() -> u64 {
    let times = std::env::var("SEKISHO_CAMPAIGN").ok();
    times.map_or(1, |times| times.parse().expect("a number"))
}

const HOW: How = How {
    sizes: SMALL,
    new_epoch: None,
};

/// With checkpoints.
fn options() -> Options {
    Options {
        signing_key: Some(Zeroizing::new(SIGNING_KEY)),
        ..Options::new(keyring())
    }
}

const SIGNING_KEY: [u8; SIGNING_KEY_OCTETS] = [9; SIGNING_KEY_OCTETS];

/// Opens a store without an index.
fn open(disk: &Arc<impl Disk + 'static>) -> Result<EmbeddedStore, OpenError> {
    open_found(disk, false, None)
}

/// Opens a store with an index.
fn open_with(
    disk: &Arc<impl Disk + 'static>,
    index: impl Index + 'static,
) -> Result<EmbeddedStore, OpenError> {
    open_found(disk, true, Some(Box::new(index)))
}

fn open_found(
    disk: &Arc<impl Disk + 'static>,
    existed: bool,
    index: Option<Box<dyn Index>>,
) -> Result<EmbeddedStore, OpenError> {
    open_how(disk, existed, index, HOW)
}

fn open_how(
    disk: &Arc<impl Disk + 'static>,
    existed: bool,
    index: Option<Box<dyn Index>>,
    how: How,
) -> Result<EmbeddedStore, OpenError> {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    let find = || Found {
        index,
        thrown_away: None,
    };
    open_on(disk, existed, find, how, options())
}

/// Everything that a store tells, but for positions.
#[derive(Debug, Clone, PartialEq)]
struct Content {
    tokens: Vec<Record>,
    accounts: Vec<Record>,
    sessions: Vec<Record>,
    alias: Option<Record>,
    events: Vec<Event>,
    newest: Option<Time>,
    counts: (u64, u64, u64),
}

fn content(store: &dyn Store) -> Content {
    let list = |kind| store.list(kind, None, usize::MAX).expect("a list");
    let page = store.events(None, usize::MAX, usize::MAX, &|_| true);
    let events = page.expect("events").events;
    let counts = store.counts();
    Content {
        tokens: list(Kind::Tokens),
        accounts: list(Kind::Accounts),
        sessions: list(Kind::Sessions),
        alias: store.view().record(&alias(1).key()).expect("a read"),
        events: events.into_iter().map(|(_, event)| event).collect(),
        newest: store.view().newest().expect("a read"),
        counts: (counts.tokens, counts.accounts, counts.sessions),
    }
}

/// All tokens and accounts.
fn records(store: &dyn Store) -> [Vec<Record>; 2] {
    [Kind::Tokens, Kind::Accounts].map(|kind| store.list(kind, None, usize::MAX).expect("a list"))
}

/// Groups of changes: small and large ones, removals, an import in parts, clock trust.
fn script() -> Vec<Vec<Change>> {
    let mut groups = Vec::new();
    for round in 1..=8u64 {
        groups.push(vec![spend(round % 3, round)]);
        groups.push((0..round % 4 + 1).map(|n| spend(n, round * 10)).collect());
        groups.push(vec![
            Change {
                written: vec![alias(1)],
                removed: vec![token_key(round % 4), account_key(2)],
                ..spend(5, round)
            },
            Change::event_only(operation(OperationKind::ClockTrust, time(round))),
            Change {
                written: vec![session(round, round)],
                removed: vec![session_key(round / 2)],
                ..Change::event_only(session_event(round, time(round)))
            },
        ]);
    }
    groups.insert(9, vec![import(), spend(1, 2_000)]);
    groups
}

/// More than a segment in one change.
fn import() -> Change {
    Change {
        event: operation(OperationKind::Import, time(1)),
        written: (10..50).map(|n| token(n, 1)).collect(),
        removed: vec![account_key(1)],
    }
}

fn commit(store: &mut dyn Store, changes: &[Change]) -> Result<Vec<Outcome>, StoreError> {
    let mut writes: Vec<Write> = changes.iter().cloned().map(Write).collect();
    let mut group: Vec<&mut dyn Decider> = Vec::new();
    for write in &mut writes {
        group.push(write);
    }
    store.commit(&mut group)
}

/// What the store must hold: after all that was acknowledged, and perhaps one group more.
#[derive(Debug, Clone)]
struct Oracle {
    model: MemoryStore,
    /// The model with a group of unknown outcome.
    perhaps: Option<MemoryStore>,
}

impl Oracle {
    fn new() -> Self {
        Self {
            model: MemoryStore::new(),
            perhaps: None,
        }
    }

    /// Commits to both. `false` when the store has to be given up.
    fn commit(&mut self, store: &mut EmbeddedStore, changes: &[Change]) -> bool {
        let mut next = self.model.clone();
        commit(&mut next, changes).expect("the model works");
        match commit(store, changes) {
            Ok(outcomes) if outcomes.iter().all(|o| matches!(o, Outcome::Applied(_))) => {
                self.model = next;
            }
            Ok(outcomes) => {
                let refused = outcomes.iter().all(|o| *o == Outcome::NotApplied);
                assert!(refused, "a group is all or nothing: {outcomes:?}");
                assert!(content(store) == content(&self.model), "undone");
                assert_ne!(store.warnings(), Vec::<String>::new());
            }
            Err(error) => {
                assert_eq!(error, StoreError::Fatal);
                self.perhaps = Some(next);
                assert_eq!(commit(store, changes), Err(StoreError::Fatal), "for ever");
                return false;
            }
        }
        true
    }

    /// As [`Self::holds`], without a look at the events.
    fn holds_records(&self, store: &EmbeddedStore) -> bool {
        let found = records(store);
        let perhaps = self.perhaps.as_ref().map(|model| records(model));
        found == records(&self.model) || Some(found) == perhaps
    }

    fn holds(&self, store: &EmbeddedStore) -> bool {
        let found = content(store);
        let perhaps = self.perhaps.as_ref().map(|model| content(model));
        found == content(&self.model) || Some(found) == perhaps
    }
}

/// Makes the stamp of a body right again, as only a holder of the key can.
fn restamp(kind: FrameKind, position: u64, previous: &ChainHash, body: &mut Vec<u8>) {
    if !matches!(kind, FrameKind::Change | FrameKind::Part | FrameKind::Seal) {
        return;
    }
    // A byte string of 20 octets, and true.
    body.truncate(body.len() - TAG_OCTETS - 2);
    let place = Stamped {
        kind,
        position,
        previous,
    };
    let stamp = place.stamp(&keyring().current(), body);
    append_stamp(body, &stamp);
}

/// What the digests of the stores here are made with.
fn digests() -> Digests {
    Digests::new(Some(&SIGNING_KEY))
}
