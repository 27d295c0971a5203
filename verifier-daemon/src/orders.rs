//! Sessions that are to be ended, until the RADIUS server has tried to.
//!
//! Orders are in memory: after a restart of the verifier the operator is told of nothing that was
//! still open, and asks again. What became of an order is an event.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sekisho_verifier::session::{EndOutcome, Session, SessionId};
use sekisho_verifier::store::Position;
use tokio::sync::{Notify, watch};

/// Orders that are kept, settled ones included; what comes on top is not sent.
pub(crate) const ORDERS_MAX: usize = 4_096;
/// Operations that are remembered as incomplete.
const INCOMPLETE_MAX: usize = 256;
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
    /// The connection that fetched it.
    fetched: Option<usize>,
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
    /// Operations some of whose sessions are not known to be ordered.
    incomplete: BTreeSet<Position>,
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
            drop(state);
            return self.set_incomplete(receipt.unwrap_or_default());
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
            fetched: None,
            since: now,
        };
        state.orders.insert(id, order);
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Up to `limit` orders that nobody has fetched yet, for the connection `by`.
    pub(crate) fn take(&self, limit: usize, by: usize, now: Instant) -> Vec<Ordered> {
        let mut state = self.state();
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some(id) = state.waiting.pop_front()
        {
            if let Some(order) = state.orders.get_mut(&id) {
                (order.fetched, order.since) = (Some(by), now);
                taken.push(order.clone());
            }
        }
        taken
    }

    /// The connection `by` is gone, and whatever it fetched and did not settle is for the next one: to
    /// ask a gateway twice does no harm.
    pub(crate) fn give_back(&self, by: usize, now: Instant) {
        let mut state = self.state();
        let open = |order: &&mut Ordered| order.outcome.is_none() && order.fetched == Some(by);
        let mut back = Vec::new();
        for order in state.orders.values_mut().filter(open) {
            (order.fetched, order.since) = (None, now);
            back.push(order.id);
        }
        for id in back.into_iter().rev() {
            state.waiting.push_front(id);
        }
        drop(state);
        // Also whoever waits on the connection that is gone.
        self.arrived.notify_waiters();
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
                Some(_) => SETTLED_WITHIN,
                None => FETCHED_WITHIN,
            };
            order.outcome.is_none() && now.duration_since(order.since) >= patience
        };
        let late: Vec<(u64, bool)> = state
            .orders
            .values()
            .filter(late)
            .map(|order| (order.id, order.fetched.is_some()))
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

    /// Not all sessions that the operation at `receipt` should end are known.
    pub(crate) fn set_incomplete(&self, receipt: Position) {
        let mut state = self.state();
        state.not_ended += 1;
        state.incomplete.insert(receipt);
        if state.incomplete.len() > INCOMPLETE_MAX {
            state.incomplete.pop_first();
        }
    }

    pub(crate) fn is_incomplete(&self, receipt: Position) -> bool {
        self.state().incomplete.contains(&receipt)
    }

    /// How many sessions the operation at `receipt` ends, as far as known; at least one if some are
    /// not.
    pub(crate) fn count(&self, receipt: Position) -> u64 {
        let state = self.state();
        let ids = state.operations.get(&receipt);
        let count = ids.map_or(0, |ids| ids.len() as u64);
        count.max(u64::from(state.incomplete.contains(&receipt)))
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

#[cfg(test)]
mod tests {
    use sekisho_verifier::time::Time;

    use super::*;

    const FIRST: u64 = 1_000;

    fn session(n: u64) -> Session {
        let time = Time::from_millis(n);
        Session {
            id: SessionId(n.to_be_bytes()),
            account: None,
            client: "vpn".into(),
            from: "192.0.2.1".into(),
            nas_identifier: None,
            nas_address: None,
            session: "a".into(),
            user_name: None,
            framed_address: None,
            calling_station: None,
            nas_port: None,
            started: time,
            updated: time,
            octets_in: 0,
            octets_out: 0,
            told: time,
        }
    }

    fn outcomes(orders: &Orders, receipt: Position) -> Vec<Option<EndOutcome>> {
        orders
            .of(receipt)
            .iter()
            .map(|order| order.outcome)
            .collect()
    }

    #[test]
    fn an_order_is_handed_out_once_and_settled_once() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        orders.add(session(1), Some(7), now);
        orders.add(session(2), Some(7), now);
        let taken = orders.take(1, 1, now);
        assert_eq!(taken.len(), 1);
        assert_eq!(orders.take(16, 1, now).len(), 1);
        assert!(orders.take(16, 1, now).is_empty());
        let id = taken[0].id;
        assert!(id > FIRST);
        assert_eq!(outcomes(&orders, 7), [None, None]);
        assert!(orders.settle(id, EndOutcome::Ended, now).is_some());
        assert!(orders.settle(id, EndOutcome::Timeout, now).is_none());
        assert!(orders.settle(id + 100, EndOutcome::Ended, now).is_none());
        assert_eq!(outcomes(&orders, 7), [Some(EndOutcome::Ended), None]);
        assert_eq!((orders.count(7), orders.count(8)), (2, 0));
        assert_eq!(orders.not_ended(), 0);
    }

    #[test]
    fn a_session_that_is_being_ended_is_not_ordered_twice() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        orders.add(session(1), Some(7), now);
        orders.add(session(1), Some(8), now);
        orders.add(session(1), None, now);
        let taken = orders.take(16, 1, now);
        assert_eq!(taken.len(), 1);
        orders.settle(taken[0].id, EndOutcome::Gone, now);
        assert_eq!(outcomes(&orders, 7), [Some(EndOutcome::Gone)]);
        assert_eq!(outcomes(&orders, 8), [Some(EndOutcome::Gone)]);
        orders.add(session(1), Some(9), now);
        assert_eq!(orders.take(16, 1, now).len(), 1, "another time");
    }

    #[test]
    fn what_nobody_cares_for_is_given_up_and_later_forgotten() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        orders.add(session(1), Some(7), now);
        orders.add(session(2), Some(7), now);
        orders.take(1, 1, now);
        assert!(
            orders
                .sweep(now + FETCHED_WITHIN - Duration::from_millis(1))
                .is_empty()
        );
        let given_up = orders.sweep(now + FETCHED_WITHIN);
        assert_eq!(given_up.len(), 1);
        assert_eq!(given_up[0].outcome, Some(EndOutcome::NotSent));
        assert!(
            orders.take(16, 1, now).is_empty(),
            "nor handed out any more"
        );
        let given_up = orders.sweep(now + SETTLED_WITHIN);
        assert_eq!(given_up[0].outcome, Some(EndOutcome::Timeout));
        assert_eq!(orders.not_ended(), 2);
        orders.sweep(now + SETTLED_WITHIN + KEPT);
        assert!(orders.of(7).is_empty());
        assert!(orders.state().operations.is_empty());
    }

    #[test]
    fn what_a_connection_did_not_settle_is_for_the_next_one() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        for n in 1..=4 {
            orders.add(session(n), Some(7), now);
        }
        let taken = orders.take(3, 1, now);
        orders.settle(taken[0].id, EndOutcome::Ended, now);
        let later = now + FETCHED_WITHIN;
        orders.give_back(2, later);
        assert_eq!(orders.take(16, 3, later).len(), 1, "nothing of another's");
        orders.give_back(1, later);
        assert!(orders.sweep(later).is_empty(), "it has its time anew");
        let again: Vec<u64> = orders.take(16, 2, later).iter().map(|o| o.id).collect();
        assert_eq!(again, [taken[1].id, taken[2].id]);
    }

    #[test]
    fn orders_have_a_bound() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        let most = ORDERS_MAX as u64;
        for n in 0..most + 10 {
            orders.add(session(n), Some(n), now);
        }
        assert_eq!(orders.state().orders.len(), ORDERS_MAX);
        assert_eq!(orders.not_ended(), 10);
        assert!(orders.is_incomplete(most), "not passed over");
        assert!(orders.of(most).is_empty());
        let id = orders.take(1, 1, now)[0].id;
        orders.settle(id, EndOutcome::Ended, now);
        orders.add(session(most), Some(most), now);
        assert_eq!(orders.of(most).len(), 1, "what is settled makes room");
        assert_eq!(orders.state().orders.len(), ORDERS_MAX);
    }

    #[test]
    fn that_not_all_are_known_is_not_passed_over() {
        let orders = Orders::new(FIRST);
        orders.set_incomplete(7);
        assert_eq!((orders.count(7), orders.count(8)), (1, 0), "asked for");
        assert!(orders.is_incomplete(7) && !orders.is_incomplete(8));
        assert_eq!(orders.not_ended(), 1);
        for receipt in 8..8 + INCOMPLETE_MAX as u64 {
            orders.set_incomplete(receipt);
        }
        assert!(!orders.is_incomplete(7), "bounded");
    }

    #[tokio::test]
    async fn who_waits_is_told_when_all_are_settled_or_the_time_is_over() {
        let (orders, now) = (Orders::new(FIRST), Instant::now());
        assert!(orders.settled(7, Duration::from_secs(60)).await.is_empty());
        orders.add(session(1), Some(7), now);
        let late = orders.settled(7, Duration::from_millis(10)).await;
        assert_eq!(late[0].outcome, None);
        let id = orders.take(1, 1, now)[0].id;
        let settle = async {
            tokio::task::yield_now().await;
            orders.settle(id, EndOutcome::Refused(Some(501)), now);
        };
        let (told, _) = tokio::join!(orders.settled(7, Duration::from_secs(60)), settle);
        assert_eq!(told[0].outcome, Some(EndOutcome::Refused(Some(501))));
    }
}
