//! A store that fails on demand, around one that works.

use std::cell::RefCell;
use std::fmt;

use crate::checkpoint::Hash;
use crate::event::{Event, RequestKey};
use crate::store::{
    Change, Counts, Decider, EventPage, Key, Kind, Outcome, Position, Record, Store, StoreError,
    View,
};
use crate::time::Time;

/// A call that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Store::commit`].
    Commit,
    /// A record or the newest time is read, by a decider or through [`Store::view`].
    Read,
    /// Records or events are listed.
    List,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; the caller is told so: outcomes [`Outcome::NotApplied`], or
    /// [`StoreError::Unavailable`] from a read.
    Refused,
    /// Nothing is done; the caller is told [`Outcome::Unknown`].
    RequestLost,
    /// It is done; the caller is told [`Outcome::Unknown`].
    AnswerLost,
    /// Each decider is called once for nothing and once again, as after a lost race.
    Conflict,
    /// What is read is damaged.
    Corrupt,
    /// Nothing is done; the store has to be given up.
    Fatal,
}

/// Says for each call whether and how it fails.
pub type Plan = Box<dyn FnMut(Call) -> Option<Fault> + Send>;

/// A store that fails as its [`Plan`] says.
pub struct FaultyStore<S> {
    inner: S,
    plan: RefCell<Plan>,
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({:?})", self.inner)
    }
}

impl<S: Store> FaultyStore<S> {
    /// `inner`, failing as `plan` says.
    pub fn new(inner: S, plan: impl FnMut(Call) -> Option<Fault> + Send + 'static) -> Self {
        Self {
            inner,
            plan: RefCell::new(Box::new(plan)),
        }
    }

    /// The store without faults.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The store without faults.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn listing(&self) -> Result<(), StoreError> {
        read_fault(&self.plan, Call::List)
    }
}

fn read_fault(plan: &RefCell<Plan>, call: Call) -> Result<(), StoreError> {
    match plan.borrow_mut()(call) {
        None | Some(Fault::Conflict) => Ok(()),
        Some(Fault::Corrupt) => Err(StoreError::Corrupt),
        Some(Fault::Fatal) => Err(StoreError::Fatal),
        Some(Fault::Refused | Fault::RequestLost | Fault::AnswerLost) => {
            Err(StoreError::Unavailable)
        }
    }
}

struct FaultyView<'a> {
    inner: &'a dyn View,
    plan: &'a RefCell<Plan>,
}

impl View for FaultyView<'_> {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        read_fault(self.plan, Call::Read)?;
        self.inner.record(key)
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        read_fault(self.plan, Call::Read)?;
        self.inner.newest()
    }

    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError> {
        read_fault(self.plan, Call::Read)?;
        self.inner.request(uid, key)
    }
}

struct FaultyDecider<'a, 'b> {
    inner: &'a mut &'b mut dyn Decider,
    plan: &'a RefCell<Plan>,
    twice: bool,
}

impl Decider for FaultyDecider<'_, '_> {
    fn decide(&mut self, view: &dyn View) -> Result<Option<Change>, StoreError> {
        let plan = self.plan;
        let view = FaultyView { inner: view, plan };
        if self.twice {
            self.inner.decide(&view)?;
        }
        self.inner.decide(&view)
    }

    fn may_use_reserve(&self) -> bool {
        self.inner.may_use_reserve()
    }
}

impl<S: Store> FaultyStore<S> {
    fn pass_on(
        &mut self,
        group: &mut [&mut dyn Decider],
        twice: bool,
    ) -> Result<Vec<Outcome>, StoreError> {
        let plan = &self.plan;
        let mut wrapped: Vec<FaultyDecider<'_, '_>> = group
            .iter_mut()
            .map(|inner| FaultyDecider { inner, plan, twice })
            .collect();
        let mut group: Vec<&mut dyn Decider> = wrapped
            .iter_mut()
            .map(|decider| decider as &mut dyn Decider)
            .collect();
        self.inner.commit(&mut group)
    }
}

impl<S: Store> View for FaultyStore<S> {
    fn record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        read_fault(&self.plan, Call::Read)?;
        self.inner.view().record(key)
    }

    fn newest(&self) -> Result<Option<Time>, StoreError> {
        read_fault(&self.plan, Call::Read)?;
        self.inner.view().newest()
    }

    fn request(&self, uid: u32, key: &RequestKey) -> Result<Option<Position>, StoreError> {
        read_fault(&self.plan, Call::Read)?;
        self.inner.view().request(uid, key)
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn commit(&mut self, group: &mut [&mut dyn Decider]) -> Result<Vec<Outcome>, StoreError> {
        let fault = self.plan.get_mut()(Call::Commit);
        match fault {
            None => self.pass_on(group, false),
            Some(Fault::Conflict) => self.pass_on(group, true),
            Some(Fault::Refused) => Ok(vec![Outcome::NotApplied; group.len()]),
            Some(Fault::RequestLost) => Ok(vec![Outcome::Unknown; group.len()]),
            Some(Fault::AnswerLost) => {
                self.pass_on(group, false)?;
                Ok(vec![Outcome::Unknown; group.len()])
            }
            Some(Fault::Corrupt) => Err(StoreError::Corrupt),
            Some(Fault::Fatal) => Err(StoreError::Fatal),
        }
    }

    fn view(&self) -> &dyn View {
        self
    }

    fn list(
        &self,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.listing()?;
        self.inner.list(kind, after, limit)
    }

    fn event(&self, position: Position) -> Result<Option<Event>, StoreError> {
        self.listing()?;
        self.inner.event(position)
    }

    fn events(
        &self,
        before: Option<Position>,
        limit: usize,
        look: usize,
        wanted: &dyn Fn(&Event) -> bool,
    ) -> Result<EventPage, StoreError> {
        self.listing()?;
        self.inner.events(before, limit, look, wanted)
    }

    fn hash(&self, position: Position) -> Result<Option<Hash>, StoreError> {
        self.listing()?;
        self.inner.hash(position)
    }

    fn epoch(&self) -> u32 {
        self.inner.epoch()
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.warnings()
    }

    fn wants_idle(&self) -> bool {
        self.inner.wants_idle()
    }

    fn idle(&mut self) -> Result<(), StoreError> {
        self.inner.idle()
    }
}
