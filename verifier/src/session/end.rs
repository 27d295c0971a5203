//! What became of our asking a gateway to end a session.

use super::{EndOutcome, Session};
use crate::event::{Event, SessionChange, SessionEvent, What};
use crate::store::{Change, Decider, Key, Position, StoreError, View};
use crate::time::Now;

/// Takes note of it; a session that is over is no longer kept.
#[derive(Debug)]
pub struct EndSession<'a> {
    session: &'a Session,
    outcome: EndOutcome,
    receipt: Option<Position>,
    now: Now,
}

impl<'a> EndSession<'a> {
    /// `session` as it was when the gateway was asked, for the operation at `receipt`.
    pub fn new(
        session: &'a Session,
        outcome: EndOutcome,
        receipt: Option<Position>,
        now: impl Into<Now>,
    ) -> Self {
        Self {
            session,
            outcome,
            receipt,
            now: now.into(),
        }
    }
}

impl Decider for EndSession<'_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        let Self {
            session,
            outcome,
            receipt,
            now,
        } = self;
        let known = view.session(session.id)?;
        // One of the same name that has begun since is another.
        let same = known.is_some_and(|known| known.started == session.started);
        let what = What::Session(SessionEvent {
            change: SessionChange::End {
                outcome: *outcome,
                receipt: *receipt,
            },
            session: Some(session.id),
            account: session.account.clone(),
            client: session.client.clone(),
            nas: session.nas().name().into(),
            told: None,
            octets_in: None,
            octets_out: None,
            seconds: None,
            cause: None,
            pushed_out: None,
        });
        let over = same && outcome.is_over();
        Ok(Some(Change {
            removed: over
                .then_some(Key::Session(session.id))
                .into_iter()
                .collect(),
            ..Change::event_only(Event::at(*now, what))
        }))
    }
}
