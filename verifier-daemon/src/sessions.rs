//! Live sessions at gateways: what is reported of them, and their end.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sekisho_verifier::account::AccountName;
use sekisho_verifier::session::{
    EndOutcome, Nas, RESTARTED_SESSIONS_MAX, Room, SESSIONS_MAX, Session, SessionId, SessionReport,
    Status, session_text,
};
use sekisho_verifier::store::{Key, Kind, Position, Record};
use sekisho_verifier::time::Time;
use sekisho_verifier_socket::Reply;
use sekisho_verifier_socket::admin::{
    Answer, EndingView, PAGE_MAX, Refusal, RefusalKind, SessionFilter, SessionView,
};
use sekisho_verifier_socket::radius::{self as wire, ORDERS_MAX, SessionStatus};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::decider::Job;
use crate::orders::{Ordered, Orders};
use crate::outbox::{Outbox, ReplyTo};
use crate::requests;
use crate::service::Shared;
use crate::speech::text;

/// Sessions that are looked at before logins get their turn again.
const SESSIONS_LOOKED_AT: usize = 500;
/// The most sessions that one operation ends.
const ENDED_AT_ONCE_MAX: usize = 1_024;
/// How long the RADIUS server waits for orders before it asks again.
const AWAITED: Duration = Duration::from_secs(20);
/// How long an operator waits for what became of sessions: longer than a gateway is tried, which is
/// 30 seconds.
const SETTLED: Duration = Duration::from_secs(33);
/// How often is looked for orders that nobody cares for.
const SWEEP: Duration = Duration::from_secs(1);
/// How often is looked whether there is room for more sessions.
const ROOM_LOOK: Duration = Duration::from_secs(10);
/// With so few places left, sessions are chosen that will have to go.
const ROOM_LEFT: u64 = 10_000;
/// So many are chosen at once.
const CHOSEN_MAX: usize = 10_000;
/// How often the end of a session is tried to be written down, and the pause between.
const WRITTEN_TRIES: usize = 5;
const WRITTEN_PAUSE: Duration = Duration::from_millis(500);
/// The most octets of one page of sessions: there are more of them than fit into a frame.
pub(crate) const PAGE_OCTETS_MAX: usize = 768 << 10;

/// What the decider, connections and admins share.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(crate) orders: Orders,
    /// Those that go when there is no room, the one that was heard of longest ago first.
    oldest: Mutex<VecDeque<SessionId>>,
}

impl Sessions {
    pub(crate) fn new(first_order: u64) -> Self {
        Self {
            orders: Orders::new(first_order),
            oldest: Mutex::default(),
        }
    }

    fn oldest(&self) -> MutexGuard<'_, VecDeque<SessionId>> {
        self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for each of `wanted` reports of one group, while `sessions` live.
    pub(crate) fn rooms(&self, wanted: usize, sessions: u64) -> Vec<Room> {
        let free = SESSIONS_MAX.saturating_sub(sessions);
        let free = usize::try_from(free).unwrap_or(usize::MAX).min(wanted);
        let mut rooms = vec![Room::Free; free];
        if free < wanted {
            let oldest = self.oldest();
            let places = oldest.iter().map(|id| Room::InPlaceOf(*id));
            rooms.extend(
                places
                    .chain(std::iter::repeat(Room::None))
                    .take(wanted - free),
            );
        }
        rooms
    }

    /// These are gone for good.
    pub(crate) fn pushed_out(&self, gone: &[SessionId]) {
        if !gone.is_empty() {
            self.oldest().retain(|id| !gone.contains(id));
        }
    }
}

/// From the wire. Texts are cleaned and cut.
pub(crate) fn report_of(report: wire::SessionReport) -> SessionReport {
    let text = |text: &Option<String>| text.as_deref().map(session_text).filter(|t| !t.is_empty());
    SessionReport {
        status: match report.status {
            SessionStatus::Start => Status::Start,
            SessionStatus::Interim => Status::Interim,
            SessionStatus::Stop => Status::Stop,
            SessionStatus::On => Status::On,
            SessionStatus::Off => Status::Off,
        },
        nas: Nas {
            client: session_text(&report.client),
            from: session_text(&report.from),
            identifier: text(&report.nas_identifier),
            address: text(&report.nas_address),
        },
        session: session_text(&report.session),
        user_name: text(&report.user_name),
        account: text(&report.account),
        framed_address: text(&report.framed_address),
        calling_station: text(&report.calling_station),
        nas_port: report.nas_port,
        told: Time::from_millis(report.time_ms),
        seconds: report.seconds,
        octets_in: report.octets_in,
        octets_out: report.octets_out,
        cause: report.cause,
    }
}

/// Takes a report in, and answers once it is stored.
pub(crate) fn reported(report: wire::SessionReport, to: ReplyTo, shared: &Arc<Shared>) {
    let report = report_of(report);
    match report.status {
        Status::On | Status::Off => {
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let stored = restarted(report, &shared).await.is_some();
                to.answer(match stored {
                    true => Reply::SessionStored,
                    false => Reply::Unavailable,
                });
            });
        }
        Status::Start | Status::Interim | Status::Stop => {
            let job = Job::Session {
                report: Box::new(report),
                to: to.clone(),
            };
            if shared.queue.put(job).is_err() {
                shared.counters.undecided.add();
                to.answer(Reply::Unavailable);
            }
        }
    }
}

/// Takes all sessions of a gateway away that were heard of before now, in pieces.
async fn restarted(report: SessionReport, shared: &Shared) -> Option<()> {
    let before = shared.clock.now().time;
    let report = Arc::new(report);
    let nas = report.nas.clone();
    let of_nas = move |session: &Session| session.nas() == nas;
    let sessions = find(of_nas, usize::MAX, shared).await.ok()?;
    let ids: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
    // Also of a gateway without sessions there is an event.
    let mut pieces: Vec<&[SessionId]> = ids.chunks(RESTARTED_SESSIONS_MAX).collect();
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    for piece in pieces {
        let (to, done) = oneshot::channel();
        let job = Job::Restarted {
            report: Arc::clone(&report),
            sessions: piece.to_vec(),
            before,
            to,
        };
        shared.queue.put(job).ok()?;
        done.await.ok().filter(|applied| *applied)?;
    }
    Some(())
}

/// All sessions that are wanted, `limit` at most. Looks in pieces, so that logins are not held up.
async fn find(
    wanted: impl Fn(&Session) -> bool + Clone + Send + 'static,
    limit: usize,
    shared: &Shared,
) -> Result<Vec<Session>, Refusal> {
    let mut found = Vec::new();
    let mut after: Option<SessionId> = None;
    loop {
        let from = after.take().map(Key::Session);
        let wanted = wanted.clone();
        let (page, last) = shared
            .read(move |store| {
                let records = store.list(Kind::Sessions, from.as_ref(), SESSIONS_LOOKED_AT)?;
                let last = records.last().map(Record::key);
                let sessions = records.into_iter().filter_map(session_of).filter(wanted);
                Ok((sessions.collect::<Vec<_>>(), last))
            })
            .await?;
        found.extend(page);
        match last {
            Some(Key::Session(last)) if found.len() < limit => after = Some(last),
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn session_of(record: Record) -> Option<Session> {
    match record {
        Record::Session(session) => Some(session),
        _ => None,
    }
}

/// Has all live sessions of `account` ended, for the operation at `receipt`. When they can not all be
/// found, who asks what became of them is told so.
pub(crate) async fn end_all(account: &AccountName, receipt: Position, shared: &Shared) {
    let name = account.clone();
    let of_account = move |session: &Session| session.account.as_ref() == Some(&name);
    let orders = &shared.sessions.orders;
    let why = match find(of_account, ENDED_AT_ONCE_MAX, shared).await {
        Err(refusal) => refusal.message,
        Ok(sessions) => {
            let all = sessions.len() < ENDED_AT_ONCE_MAX;
            for session in sessions {
                orders.add(session, Some(receipt), Instant::now());
            }
            if all {
                return;
            }
            format!("there may be more than {ENDED_AT_ONCE_MAX}")
        }
    };
    orders.set_incomplete(receipt);
    let log = &shared.log;
    log.error(format_args!(
        "not all sessions of {account} are being ended: {why}"
    ));
}

/// Has one session ended, for the operation at `receipt`.
pub(crate) async fn end_one(id: SessionId, receipt: Position, shared: &Shared) {
    let found = shared.read(move |store| store.view().session(id)).await;
    let orders = &shared.sessions.orders;
    match found {
        Ok(Some(session)) => orders.add(session, Some(receipt), Instant::now()),
        // It has ended meanwhile.
        Ok(None) => {}
        Err(_) => orders.set_incomplete(receipt),
    }
}

/// A connection, as long as it is there.
fn number_of(outbox: &Arc<Outbox>) -> usize {
    Arc::as_ptr(outbox) as usize
}

/// What the connection of `outbox` fetched is for another: it is gone.
pub(crate) fn gone(outbox: &Arc<Outbox>, shared: &Shared) {
    let orders = &shared.sessions.orders;
    orders.give_back(number_of(outbox), Instant::now());
}

/// Gives orders to the RADIUS server: at once if there are some, else after a while none.
pub(crate) fn await_orders(to: ReplyTo, shared: &Arc<Shared>) {
    let sessions = Arc::clone(&shared.sessions);
    let mut ending = shared.ending.clone();
    tokio::spawn(async move {
        let wait = async {
            loop {
                // Before the look: what comes in between wakes us up.
                let arrived = sessions.orders.arrived.notified();
                // Who is gone must not take orders with it.
                if to.outbox.is_closed() {
                    return Vec::new();
                }
                let by = number_of(&to.outbox);
                let orders = sessions.orders.take(ORDERS_MAX, by, Instant::now());
                if !orders.is_empty() {
                    return orders;
                }
                arrived.await;
            }
        };
        let orders = tokio::select! {
            orders = timeout(AWAITED, wait) => orders.unwrap_or_default(),
            _ = ending.wait_for(|&ending| ending) => Vec::new(),
        };
        to.answer(Reply::Orders(orders.into_iter().map(order_of).collect()));
    });
}

fn order_of(order: Ordered) -> wire::Order {
    let text = |text: Option<Box<str>>| text.map(Into::into);
    let session = order.session;
    wire::Order {
        id: order.id,
        client: session.client.into(),
        from: session.from.into(),
        nas_identifier: text(session.nas_identifier),
        nas_address: text(session.nas_address),
        session: session.session.into(),
        user_name: text(session.user_name),
        framed_address: text(session.framed_address),
        calling_station: text(session.calling_station),
        nas_port: session.nas_port,
    }
}

/// Takes note of what became of an order.
pub(crate) fn ended(ended: wire::Ended, shared: &Arc<Shared>) {
    let outcome = match ended.outcome {
        wire::EndOutcome::Ended => EndOutcome::Ended,
        wire::EndOutcome::Gone => EndOutcome::Gone,
        wire::EndOutcome::Refused(cause) => EndOutcome::Refused(cause),
        wire::EndOutcome::Unsupported => EndOutcome::Unsupported,
        wire::EndOutcome::Timeout => EndOutcome::Timeout,
        wire::EndOutcome::NotSent => EndOutcome::NotSent,
    };
    let settled = shared
        .sessions
        .orders
        .settle(ended.id, outcome, Instant::now());
    if let Some(order) = settled {
        tokio::spawn(write_down(order, Arc::clone(shared)));
    }
}

/// Writes down what became of an order. If the store has no room now it is tried a few times: the
/// operator has been told in any case.
async fn write_down(order: Ordered, shared: Arc<Shared>) {
    let Some(outcome) = order.outcome else {
        return;
    };
    let (id, name) = (order.session.id, outcome.name());
    let line = format!("session {id} at {}: {name}", order.session.client);
    match outcome.is_over() {
        true => shared.log.info(line),
        false => shared.log.warning(line),
    }
    for _ in 0..WRITTEN_TRIES {
        let (to, done) = oneshot::channel();
        let job = Job::EndSession {
            session: Box::new(order.session.clone()),
            outcome,
            receipt: order.receipt,
            to,
        };
        if shared.queue.put(job).is_ok() && done.await == Ok(true) {
            return;
        }
        tokio::time::sleep(WRITTEN_PAUSE).await;
    }
    shared.log.error(format_args!(
        "that session {id} is {name} could not be written down"
    ));
}

/// Gives up orders that nobody cares for, and chooses sessions to go when there will be no room.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut ending = shared.ending.clone();
    let mut looked: Option<Instant> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = ending.wait_for(|&ending| ending) => return,
        }
        for order in shared.sessions.orders.sweep(Instant::now()) {
            tokio::spawn(write_down(order, Arc::clone(&shared)));
        }
        if looked.is_none_or(|looked| looked.elapsed() >= ROOM_LOOK) {
            looked = Some(Instant::now());
            choose(&shared).await;
        }
    }
}

async fn choose(shared: &Shared) {
    let Ok(counts) = shared.look(|store| store.counts()).await else {
        return;
    };
    let few = CHOSEN_MAX / 2;
    let room = counts.sessions + ROOM_LEFT < SESSIONS_MAX;
    if room || shared.sessions.oldest().len() > few {
        return;
    }
    // Of each page the oldest, so that not all have to be kept.
    let mut oldest: BTreeSet<(Time, SessionId)> = BTreeSet::new();
    let mut after: Option<SessionId> = None;
    loop {
        let from = after.take().map(Key::Session);
        let page = shared
            .read(move |store| store.list(Kind::Sessions, from.as_ref(), SESSIONS_LOOKED_AT))
            .await;
        let Ok(page) = page else {
            return;
        };
        let sessions = page.into_iter().filter_map(session_of);
        for session in sessions {
            oldest.insert((session.updated, session.id));
            if oldest.len() > CHOSEN_MAX {
                oldest.pop_last();
            }
            after = Some(session.id);
        }
        if after.is_none() {
            break;
        }
    }
    *shared.sessions.oldest() = oldest.into_iter().map(|(_, id)| id).collect();
}

/// A page of live sessions.
pub(crate) async fn list(filter: SessionFilter, shared: &Shared) -> Result<Answer, Refusal> {
    let mut after = filter.after.as_deref().map(session_id).transpose()?;
    let account = match filter
        .account
        .as_deref()
        .map(requests::account)
        .transpose()?
    {
        Some(name) => {
            let wanted = name.clone();
            let known = shared
                .read(move |store| store.view().account_by_any_name(&wanted))
                .await?;
            Some(known.map_or(name, |account| account.name))
        }
        None => None,
    };
    let limit = usize::from(filter.limit.clamp(1, PAGE_MAX));
    let mut views = Vec::new();
    let mut octets = 0;
    loop {
        let from = after.take().map(Key::Session);
        let page = shared
            .read(move |store| store.list(Kind::Sessions, from.as_ref(), SESSIONS_LOOKED_AT))
            .await?;
        for session in page.into_iter().filter_map(session_of) {
            let wanted = account.is_none() || session.account == account;
            let client = filter.client.as_deref();
            if wanted && client.is_none_or(|client| *session.client == *client) {
                let view = view(&session);
                octets += size_of_view(&view);
                views.push(view);
            }
            if views.len() == limit || octets > PAGE_OCTETS_MAX {
                return Ok(Answer::Sessions(views));
            }
            after = Some(session.id);
        }
        if after.is_none() {
            return Ok(Answer::Sessions(views));
        }
    }
}

/// About what it takes in a frame.
fn size_of_view(view: &SessionView) -> usize {
    let texts = [
        &view.account,
        &view.user_name,
        &view.framed_address,
        &view.calling_station,
    ];
    let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
    100 + texts + view.id.len() + view.client.len() + view.nas.len() + view.session.len()
}

pub(crate) fn session_id(text: &str) -> Result<SessionId, Refusal> {
    SessionId::parse(text).ok_or_else(|| {
        requests::invalid(
            text!("refused-session-form"),
            text!("refused-session-form-way"),
        )
    })
}

/// What becomes of the sessions that the operation at `receipt` ends.
pub(crate) async fn endings(receipt: Position, shared: &Shared) -> Result<Answer, Refusal> {
    if shared.sessions.orders.is_incomplete(receipt) {
        return Err(requests::refusal(
            RefusalKind::Unavailable,
            text!("refused-sessions-missing"),
            text!("refused-sessions-missing-way"),
        ));
    }
    let mut ending = shared.ending.clone();
    let orders = tokio::select! {
        orders = shared.sessions.orders.settled(receipt, SETTLED) => orders,
        _ = ending.wait_for(|&ending| ending) => shared.sessions.orders.of(receipt),
    };
    let ending = |order: Ordered| EndingView {
        session: view(&order.session),
        outcome: order.outcome.map_or("waiting", EndOutcome::name).to_owned(),
        error_cause: match order.outcome {
            Some(EndOutcome::Refused(cause)) => cause,
            _ => None,
        },
    };
    Ok(Answer::Endings(orders.into_iter().map(ending).collect()))
}

fn view(session: &Session) -> SessionView {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    SessionView {
        id: session.id.to_string(),
        account: session.account.as_ref().map(ToString::to_string),
        user_name: text(&session.user_name),
        client: session.client.to_string(),
        nas: session.nas().name().to_owned(),
        session: session.session.to_string(),
        framed_address: text(&session.framed_address),
        calling_station: text(&session.calling_station),
        started_ms: session.started.millis(),
        updated_ms: session.updated.millis(),
        octets_in: session.octets_in,
        octets_out: session.octets_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_one_group_never_share_a_place() {
        let sessions = Sessions::new(0);
        assert_eq!(sessions.rooms(3, 0), [Room::Free; 3]);
        let id = |n| SessionId([n; 8]);
        *sessions.oldest() = [id(1), id(2)].into();
        let rooms = sessions.rooms(4, SESSIONS_MAX - 1);
        let expected = [
            Room::Free,
            Room::InPlaceOf(id(1)),
            Room::InPlaceOf(id(2)),
            Room::None,
        ];
        assert_eq!(rooms, expected);
        sessions.pushed_out(&[id(1)]);
        assert_eq!(
            sessions.rooms(1, SESSIONS_MAX + 5),
            [Room::InPlaceOf(id(2))]
        );
    }
}
