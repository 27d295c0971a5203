//! What a gateway reports.

use super::{RESTARTED_SESSIONS_MAX, Session, SessionId, SessionReport, Status};
use crate::account::{Account, AccountName};
use crate::event::{Event, SessionChange, SessionEvent, What};
use crate::store::{Change, Decider, Key, Outcome, Record, StoreError, View};
use crate::time::{Now, Time};
use crate::verify::has_usable_token;

/// Whether there is room for one more session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Free,
    /// Only if this one goes.
    InPlaceOf(SessionId),
    /// There is none.
    None,
}

/// A report of one session.
#[derive(Debug)]
pub struct Report<'a> {
    report: &'a SessionReport,
    room: Room,
    now: Now,
    came: Came,
}

/// What the newest run of the decider came to.
#[derive(Debug, Default)]
struct Came {
    /// There was room, or none was needed.
    taken: bool,
    /// The session, if it begins and its account may not log in any more.
    unwelcome: Option<Session>,
    /// The session that had to make room.
    pushed_out: Option<SessionId>,
}

impl<'a> Report<'a> {
    /// A report that came in at `now`.
    pub fn new(report: &'a SessionReport, room: Room, now: impl Into<Now>) -> Self {
        Self {
            report,
            room,
            now: now.into(),
            came: Came::default(),
        }
    }

    /// Whether what it tells is kept, durably.
    pub fn stored(&self, outcome: Outcome) -> bool {
        // A repetition changes nothing: what it tells was kept before.
        let kept = matches!(outcome, Outcome::Applied(_) | Outcome::Nothing);
        kept && self.came.taken
    }

    /// The session, if it has just begun and ought to be ended: its account is disabled or has no token
    /// that could be used.
    pub fn unwelcome(&self) -> Option<&Session> {
        self.came.unwelcome.as_ref()
    }

    /// The session that had to make room for it.
    pub fn pushed_out(&self) -> Option<SessionId> {
        self.came.pushed_out
    }

    fn event(&self, change: SessionChange, account: Option<AccountName>) -> SessionEvent {
        let report = self.report;
        SessionEvent {
            change,
            session: Some(self.id()),
            account,
            client: report.nas.client.clone(),
            nas: report.nas.name().into(),
            told: Some(report.told),
            octets_in: report.octets_in,
            octets_out: report.octets_out,
            seconds: report.seconds,
            cause: report.cause,
            pushed_out: None,
        }
    }

    fn id(&self) -> SessionId {
        self.report.nas.session(&self.report.session)
    }

    /// Whose it is. A record that is damaged must not keep a gateway from reporting.
    fn account(&self, view: &dyn View) -> Result<Option<Account>, StoreError> {
        let name = self.report.account.as_deref();
        let Some(name) = name.and_then(|name| AccountName::parse(name).ok()) else {
            return Ok(None);
        };
        match view.account_by_any_name(&name) {
            Err(StoreError::Corrupt) => Ok(None),
            other => other,
        }
    }

    /// Whether its account may not log in any more.
    fn is_unwelcome(&self, view: &dyn View, account: &Account) -> Result<bool, StoreError> {
        let usable = match has_usable_token(view, account) {
            Err(StoreError::Corrupt) => true,
            other => other?,
        };
        Ok(account.disabled || !usable)
    }

    /// The session as it is behind this report.
    fn session(&self, known: Option<&Session>, account: Option<AccountName>) -> Session {
        let report = self.report;
        let lasted = u64::from(report.seconds.unwrap_or(0)).saturating_mul(1_000);
        let began = Time::from_millis(report.told.millis().saturating_sub(lasted));
        Session {
            id: self.id(),
            account: account.or_else(|| known?.account.clone()),
            client: report.nas.client.clone(),
            from: report.nas.from.clone(),
            nas_identifier: report.nas.identifier.clone(),
            nas_address: report.nas.address.clone(),
            session: report.session.clone(),
            user_name: newer(&report.user_name, known.map(|k| &k.user_name)),
            framed_address: newer(&report.framed_address, known.map(|k| &k.framed_address)),
            calling_station: newer(&report.calling_station, known.map(|k| &k.calling_station)),
            nas_port: report.nas_port.or_else(|| known?.nas_port),
            started: known.map_or(began, |known| known.started),
            updated: self.now.time,
            octets_in: report.octets_in.unwrap_or(known.map_or(0, |k| k.octets_in)),
            octets_out: report
                .octets_out
                .unwrap_or(known.map_or(0, |k| k.octets_out)),
            told: report.told,
        }
    }

    fn lives(&mut self, view: &dyn View, change: SessionChange) -> Decided {
        let account = self.account(view)?;
        let name = account.as_ref().map(|account| account.name.clone());
        let recorded = view.session(self.id())?;
        let known = recorded.clone().filter(|known| !self.is_another(known));
        let session = self.session(known.as_ref(), name.clone());
        // What goes on an operator may have left; but not what nobody knew of.
        if let Some(account) = &account
            && (self.is_start() || known.is_none())
            && self.is_unwelcome(view, account)?
        {
            self.came.unwelcome = Some(session.clone());
        }
        if let Some(known) = &known {
            let same = Session {
                updated: known.updated,
                ..session.clone()
            } == *known;
            if same {
                return Ok(None);
            }
            if session.told < known.told || (session.told == known.told && self.is_start()) {
                // An older report, or the beginning of what goes on already.
                return Ok(Some(Change::event_only(self.told(change, name))));
            }
        }
        let mut event = self.event(change, name);
        let mut removed = Vec::new();
        if recorded.is_none() {
            match self.room {
                Room::Free => {}
                Room::InPlaceOf(id) if id != session.id && view.session(id)?.is_some() => {
                    event.pushed_out = Some(id);
                    self.came.pushed_out = Some(id);
                    removed.push(Key::Session(id));
                }
                Room::InPlaceOf(_) | Room::None => {
                    self.came.taken = false;
                    return Ok(None);
                }
            }
        }
        Ok(Some(Change {
            event: Event::at(self.now, What::Session(event)),
            written: vec![Record::Session(session)],
            removed,
        }))
    }

    /// Whether the gateway has given the name of a session to another, as one does that counts anew.
    /// An older report says nothing of that: it may have been recorded.
    fn is_another(&self, known: &Session) -> bool {
        let differs = |told: &Option<Box<str>>, known: &Option<Box<str>>| {
            told.as_ref()
                .zip(known.as_ref())
                .is_some_and(|(t, k)| t != k)
        };
        let report = self.report;
        self.is_start()
            && report.told >= known.told
            && (differs(&report.user_name, &known.user_name)
                || differs(&report.calling_station, &known.calling_station))
    }

    fn is_start(&self) -> bool {
        self.report.status == Status::Start
    }

    fn told(&self, change: SessionChange, account: Option<AccountName>) -> Event {
        Event::at(self.now, What::Session(self.event(change, account)))
    }

    /// One that is not known is over already: nothing is to be told, and an event for it would let
    /// who recorded a report fill the journal.
    fn is_over(&self, view: &dyn View) -> Decided {
        let Some(known) = view.session(self.id())? else {
            return Ok(None);
        };
        let event = self.told(SessionChange::Stop, known.account.clone());
        // One that was recorded, and is sent again when the session has begun anew, ends nothing.
        let over = known.told <= self.report.told;
        Ok(Some(Change {
            removed: over.then_some(Key::Session(known.id)).into_iter().collect(),
            ..Change::event_only(event)
        }))
    }
}

type Decided = Result<Option<Change>, StoreError>;

/// What is not told again stays.
fn newer(told: &Option<Box<str>>, known: Option<&Option<Box<str>>>) -> Option<Box<str>> {
    told.clone().or_else(|| known?.clone())
}

impl Decider for Report<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        self.came = Came {
            taken: true,
            ..Came::default()
        };
        match self.report.status {
            Status::Start => self.lives(view, SessionChange::Start),
            Status::Interim => self.lives(view, SessionChange::Interim),
            Status::Stop => self.is_over(view),
            // About all sessions, see `Restarted`.
            Status::On | Status::Off => {
                self.came.taken = false;
                Ok(None)
            }
        }
    }
}

/// A gateway that has started or is about to end: none of its sessions lives on.
#[derive(Debug)]
pub struct Restarted<'a> {
    report: &'a SessionReport,
    sessions: &'a [SessionId],
    before: Time,
    now: Now,
}

impl<'a> Restarted<'a> {
    /// Takes up to [`RESTARTED_SESSIONS_MAX`] of `sessions` away, as far as they are of this gateway
    /// and were not heard of since: since `before`, when the report came in, and since it happened.
    pub fn new(
        report: &'a SessionReport,
        sessions: &'a [SessionId],
        before: Time,
        now: impl Into<Now>,
    ) -> Self {
        Self {
            report,
            sessions: &sessions[..sessions.len().min(RESTARTED_SESSIONS_MAX)],
            before,
            now: now.into(),
        }
    }
}

impl Decider for Restarted<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        let mut removed = Vec::new();
        for &id in self.sessions {
            let known = view.session(id)?;
            let over = known.is_some_and(|known| {
                let heard_of_since = known.updated > self.before || known.told > self.report.told;
                known.nas() == self.report.nas && !heard_of_since
            });
            removed.extend(over.then_some(Key::Session(id)));
        }
        let count = removed.len() as u64;
        let report = self.report;
        let what = What::Session(SessionEvent {
            change: match report.status {
                Status::Off => SessionChange::Off(count),
                _ => SessionChange::On(count),
            },
            session: None,
            account: None,
            client: report.nas.client.clone(),
            nas: report.nas.name().into(),
            told: Some(report.told),
            octets_in: None,
            octets_out: None,
            seconds: None,
            cause: report.cause,
            pushed_out: None,
        });
        Ok(Some(Change {
            removed,
            ..Change::event_only(Event::at(self.now, what))
        }))
    }
}
