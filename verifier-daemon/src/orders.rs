//! Sessions that are to be ended, until the RADIUS server has tried to.
//!
//! Orders are in memory: after a restart of the verifier the operator is told of nothing that was
//! still open, and asks again. What became of an order is an event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sekisho_verifier::session::{EndOutcome, Session, SessionId};
use sekisho_verifier::store::Position;
use tokio::sync::{Notify, watch};

/// Orders that are kept, settled ones included; what comes on top is not sent.
pub(crate) const ORDERS_MAX: usize = 4_096;
/// How long an order waits for a RADIUS server to fetch it.
const FETCHED_WITHIN: Duration = Duration::from_secs(35);
/// How long the RADIUS server may take to say what became of it: it tries for 30 s.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long is remembered what became of it.
const KEPT: Duration = Duration::from_secs(600);

/// A session that is to be ended.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) id: u64,
    pub(crate) session: Session,
    /// The operation that asked for it, unless the verifier did so by itself.
    pub(crate) receipt: Option<Position>,
    pub(crate) outcome: Option<EndOutcome>,
    fetched: bool,
    /// Since when it is as it is.
    since: Instant,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// Ids in the order in which they are handed out.
    waiting: VecDeque<u64>,
    orders: BTreeMap<u64, Ordered>,
    /// Which orders an operation led to.
    operations: BTreeMap<Position, Vec<u64>>,
    /// Since the start.
    not_ended: u64,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Orders {
    state: Mutex<State>,
    /// There is something to fetch.
    pub(crate) arrived: Notify,
    settled: watch::Sender<u64>,
}

impl Orders {
    /// Ids begin at `first`, so that a word about an order of before a restart is about none of now.
    pub(crate) fn new(first: u64) -> Self {
        let state = State {
            last: first,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            arrived: Notify::new(),
            settled: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `session` ended. One that is being ended already is not ordered twice.
    pub(crate) fn add(&self, session: Session, receipt: Option<Position>, now: Instant) {
        let mut state = self.state();
        let open = state.open(session.id);
        if open.is_none() && !state.make_room() {
            state.not_ended += 1;
            return;
        }
        let id = open.unwrap_or(state.last + 1);
        if let Some(receipt) = receipt {
            let ids = state.operations.entry(receipt).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if open.is_some() {
            return;
        }
        state.last = id;
        state.waiting.push_back(id);
        let order = Ordered {
            id,
            session,
            receipt,
            outcome: None,
            fetched: false,
            since: now,
        };
        state.orders.insert(id, order);
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Up to `limit` orders that nobody has fetched yet.
    pub(crate) fn take(&self, limit: usize, now: Instant) -> Vec<Ordered> {
        let mut state = self.state();
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some(id) = state.waiting.pop_front()
        {
            if let Some(order) = state.orders.get_mut(&id) {
                (order.fetched, order.since) = (true, now);
                taken.push(order.clone());
            }
        }
        taken
    }

    /// Takes note of what became of an order. Gives it back the first time.
    pub(crate) fn settle(&self, id: u64, outcome: EndOutcome, now: Instant) -> Option<Ordered> {
        let settled = self.state().settle(id, outcome, now)?;
        self.settled.send_modify(|count| *count += 1);
        Some(settled)
    }

    /// Gives up what nobody cares for, and forgets what was settled long ago. Returns what was given
    /// up.
    pub(crate) fn sweep(&self, now: Instant) -> Vec<Ordered> {
        let mut state = self.state();
        let late = |order: &&Ordered| {
            let patience = match order.fetched {
                true => SETTLED_WITHIN,
                false => FETCHED_WITHIN,
            };
            order.outcome.is_none() && now.duration_since(order.since) >= patience
        };
        let late: Vec<(u64, bool)> = state
            .orders
            .values()
            .filter(late)
            .map(|order| (order.id, order.fetched))
            .collect();
        let mut given_up = Vec::new();
        for (id, fetched) in late {
            let outcome = match fetched {
                true => EndOutcome::Timeout,
                false => EndOutcome::NotSent,
            };
            given_up.extend(state.settle(id, outcome, now));
        }
        state.forget(now);
        drop(state);
        if !given_up.is_empty() {
            self.settled.send_modify(|count| *count += 1);
        }
        given_up
    }

    /// How many sessions the operation at `receipt` ends.
    pub(crate) fn count(&self, receipt: Position) -> u64 {
        let state = self.state();
        let ids = state.operations.get(&receipt);
        ids.map_or(0, |ids| ids.len() as u64)
    }

    /// What became of the sessions that the operation at `receipt` ends.
    pub(crate) fn of(&self, receipt: Position) -> Vec<Ordered> {
        let state = self.state();
        let ids = state.operations.get(&receipt).into_iter().flatten();
        ids.filter_map(|id| state.orders.get(id)).cloned().collect()
    }

    /// As [`Self::of`], once all of them are settled or `patience` is over.
    pub(crate) async fn settled(&self, receipt: Position, patience: Duration) -> Vec<Ordered> {
        let mut changes = self.settled.subscribe();
        let wait = async {
            loop {
                let orders = self.of(receipt);
                if orders.iter().all(|order| order.outcome.is_some()) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Whatever is there then is told.
        let _ = tokio::time::timeout(patience, wait).await;
        self.of(receipt)
    }

    /// How many sessions could not be ended since the start.
    pub(crate) fn not_ended(&self) -> u64 {
        self.state().not_ended
    }
}

impl State {
    fn open(&self, session: SessionId) -> Option<u64> {
        let open = |order: &&Ordered| order.session.id == session && order.outcome.is_none();
        self.orders.values().find(open).map(|order| order.id)
    }

    fn settle(&mut self, id: u64, outcome: EndOutcome, now: Instant) -> Option<Ordered> {
        let order = self.orders.get_mut(&id)?;
        if order.outcome.is_some() {
            return None;
        }
        (order.outcome, order.since) = (Some(outcome), now);
        let settled = order.clone();
        self.waiting.retain(|waiting| *waiting != id);
        self.not_ended += u64::from(!outcome.is_over());
        Some(settled)
    }

    /// Whether there is room for one more; the oldest that is settled goes for it.
    fn make_room(&mut self) -> bool {
        if self.orders.len() < ORDERS_MAX {
            return true;
        }
        let settled = self.orders.values().find(|order| order.outcome.is_some());
        let Some(id) = settled.map(|order| order.id) else {
            return false;
        };
        self.remove(id);
        true
    }

    fn forget(&mut self, now: Instant) {
        let old =
            |order: &&Ordered| order.outcome.is_some() && now.duration_since(order.since) >= KEPT;
        let old: Vec<u64> = self.orders.values().filter(old).map(|o| o.id).collect();
        for id in old {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        self.orders.remove(&id);
        self.operations.retain(|_, ids| {
            ids.retain(|known| *known != id);
            !ids.is_empty()
        });
    }
}
