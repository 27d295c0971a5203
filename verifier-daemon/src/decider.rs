//! The one thread that decides, and the group commit.
//!
//! It takes what waits, lets the store decide and commit all of it with one sync, and only then
//! lets the replies go out. There is no timer: while one sync runs, the next group gathers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use sekisho_daemon::Log;
use sekisho_settings::LogLevel;
use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::{OperationKind, Reason};
use sekisho_verifier::operation::{Done, Operate, Operation, Order};
use sekisho_verifier::otp::Code;
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::proof::Proof;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::session::{
    EndOutcome, EndSession, Report, Restarted, Room, Session, SessionId, SessionReport,
};
use sekisho_verifier::store::{Decider, Outcome, Position, Store, StoreError};
use sekisho_verifier::time::{Now, Time};
use sekisho_verifier::verify::{Ask, Asked, Attempt, Login, Phase, Question, Verdict, Verifier};
use sekisho_verifier_socket::{Reply, Speech, Verdict as Told};
use tokio::sync::oneshot;

use crate::clock::{Clock, Moment};
use crate::counters::Counters;
use crate::current::Current;
use crate::findings::{self, Findings};
use crate::outbox::{Outbox, ReplyTo};
use crate::second_use::{Origin, SecondUse};
use crate::sessions::Sessions;
use crate::{logins, views};

/// Requests that may wait to be decided; what comes on top is not decided.
const QUEUE_JOBS: usize = 8_192;
/// Requests that share one commit.
const GROUP_JOBS: usize = 1_024;
/// How long nobody must want anything before the store is let do what it puts off.
const IDLE_PAUSE: Duration = Duration::from_millis(250);
/// The exit code after which a supervisor should start us again, and recovery decides.
const EXIT_STORE_LOST: i32 = 70;

/// Lines for the log, to be written when the replies are out.
type Lines = Vec<(LogLevel, String)>;

/// A look at the store between two groups.
pub(crate) type Look = Box<dyn FnOnce(&dyn Store) + Send>;

/// What can be asked of the thread.
pub(crate) enum Job {
    Ask {
        account: String,
        place: Place,
        phase: Phase,
        /// The token whose code the same login session gave a moment before.
        second_use: Option<Serial>,
        to: ReplyTo,
    },
    Login {
        attempt: Box<Attempt>,
        /// Which process of root asks, where its login session can have a second use of the code.
        origin: Option<Origin>,
        to: ReplyTo,
    },
    /// What a gateway reports of one session.
    Session {
        report: Box<SessionReport>,
        to: ReplyTo,
    },
    /// These sessions of a gateway are over; whether that is stored goes back.
    Restarted {
        report: Arc<SessionReport>,
        sessions: Vec<SessionId>,
        before: Time,
        to: oneshot::Sender<bool>,
    },
    /// What became of a session that was to be ended.
    EndSession {
        session: Box<Session>,
        outcome: EndOutcome,
        receipt: Option<Position>,
        to: oneshot::Sender<bool>,
    },
    Operate {
        operation: Operation,
        order: Order,
        to: oneshot::Sender<(Done, Operation)>,
    },
    Look(Look),
}

/// The job was not taken, and will not be decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoRoom;

/// The way to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Queue(SyncSender<Job>);

impl Queue {
    /// Puts a job in, if there is room for it and the thread still runs.
    pub(crate) fn put(&self, job: Job) -> Result<(), NoRoom> {
        self.0.try_send(job).map_err(|_| NoRoom)
    }

    /// Has an operation decided; `None` when it is not known what became of it.
    pub(crate) async fn operate(
        &self,
        operation: Operation,
        order: Order,
    ) -> Result<Option<(Done, Operation)>, NoRoom> {
        Ok(self.begin(operation, order)?.await.ok())
    }

    /// As [`Self::operate`], on a thread that may wait.
    pub(crate) fn operate_here(
        &self,
        operation: Operation,
        order: Order,
    ) -> Result<Option<(Done, Operation)>, NoRoom> {
        Ok(self.begin(operation, order)?.blocking_recv().ok())
    }

    fn begin(
        &self,
        operation: Operation,
        order: Order,
    ) -> Result<oneshot::Receiver<(Done, Operation)>, NoRoom> {
        let (to, done) = oneshot::channel();
        self.put(Job::Operate {
            operation,
            order,
            to,
        })?;
        Ok(done)
    }

    /// As [`Self::look`], on a thread that may wait.
    pub(crate) fn look_here<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, wait) = oneshot::channel();
        let look: Look = Box::new(move |store| {
            let _ = done.send(look(store));
        });
        self.put(Job::Look(look)).ok()?;
        wait.blocking_recv().ok()
    }

    /// Looks at the store between two groups; `None` when there is no room in the queue.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, wait) = oneshot::channel();
        let look: Look = Box::new(move |store| {
            // The connection may be gone; then nobody wants to know.
            let _ = done.send(look(store));
        });
        self.put(Job::Look(look)).ok()?;
        wait.await.ok()
    }
}

/// The queue and its other end.
pub(crate) fn queue() -> (Queue, Receiver<Job>) {
    let (sender, receiver) = sync_channel(QUEUE_JOBS);
    (Queue(sender), receiver)
}

/// Decides until the last [`Queue`] is gone.
pub(crate) struct Deciding<S> {
    pub(crate) store: S,
    pub(crate) current: Arc<Current>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) findings: Arc<Findings>,
    pub(crate) second_use: Arc<SecondUse>,
    /// How to speak with who has chosen no language.
    pub(crate) speech: Speech,
    pub(crate) log: Log,
    /// The store could not do what it puts off, and that was told.
    pub(crate) late: bool,
}

impl<S: Store> Deciding<S> {
    /// Runs the thread's loop; gives the store back at the end.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) -> S {
        while let Some(first) = self.next(jobs) {
            let mut group = vec![first];
            while group.len() < GROUP_JOBS
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            self.decide(group);
        }
        self.store
    }

    /// Waits for a job; `None` when there will be none. While nobody wants anything there is no
    /// timer, unless the store has something left to do.
    fn next(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        while self.store.wants_idle() {
            match jobs.recv_timeout(IDLE_PAUSE) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        jobs.recv().ok()
    }

    fn idle(&mut self) {
        match self.store.idle() {
            Ok(()) => {}
            Err(StoreError::Fatal) => self.give_up(),
            Err(error) => {
                // Told once: it is tried again and again.
                if !std::mem::replace(&mut self.late, true) {
                    let log = &self.log;
                    log.error(format_args!("no checkpoint can be written: {error}"));
                }
                return;
            }
        }
        self.late = false;
    }

    fn decide(&mut self, mut group: Vec<Job>) {
        // Looks come last, so that they do not hold up a login that came with them.
        let looks: Vec<_> = group
            .extract_if(.., |job| matches!(job, Job::Look(_)))
            .collect();
        let verifier = self.current.get();
        let now = self.clock.now();
        let mut rooms = self.rooms(&group).into_iter();
        let mut pending: Vec<_> = group
            .iter()
            .map(|job| Pending::new(job, &verifier, now, &mut rooms))
            .collect();
        let outcomes = self.commit(&mut pending);
        let decided = outcomes.len();
        let mut lines = Vec::new();
        let verdicts: Vec<_> = pending
            .into_iter()
            .zip(outcomes)
            .map(|(pending, outcome)| self.verdict(pending, outcome, &mut lines))
            .collect();
        answer(group, verdicts);
        // Nobody waits for the log.
        for (level, line) in lines {
            self.log.write(level, line);
        }
        let only_looks = !looks.is_empty() && decided == 0;
        for job in looks {
            if let Job::Look(look) = job {
                look(&self.store);
            }
        }
        // Who looks all the time must not keep the store from what it puts off.
        if only_looks && self.store.wants_idle() {
            self.idle();
        }
    }

    /// Room for the reports of sessions in a group.
    fn rooms(&self, group: &[Job]) -> Vec<Room> {
        let is_report = |job: &&Job| matches!(job, Job::Session { .. });
        match group.iter().filter(is_report).count() {
            0 => Vec::new(),
            wanted => self.sessions.rooms(wanted, self.store.counts().sessions),
        }
    }

    fn commit(&mut self, pending: &mut [Pending<'_>]) -> Vec<Outcome> {
        if pending.is_empty() {
            return Vec::new();
        }
        let mut deciders: Vec<_> = pending.iter_mut().map(Pending::decider).collect();
        match self.store.commit(&mut deciders) {
            Ok(outcomes) => outcomes,
            Err(StoreError::Fatal) => self.give_up(),
            Err(error) => {
                self.log.error(format_args!("nothing was decided: {error}"));
                vec![Outcome::NotApplied; pending.len()]
            }
        }
    }

    /// What is durable is no longer known: no reply goes out, and recovery finds out.
    fn give_up(&self) -> ! {
        self.log.error(
            "the store can no longer tell what is durable; stopping, so that a restart can recover",
        );
        self.log.flush();
        std::process::exit(EXIT_STORE_LOST)
    }

    fn verdict(&self, pending: Pending<'_>, outcome: Outcome, lines: &mut Lines) -> Answer {
        match pending {
            Pending::Ask(ask) => Answer::Reply(self.asked(&ask, outcome)),
            Pending::Login(attempt, origin, login) => {
                Answer::Reply(self.login(attempt, origin, &login, outcome, lines))
            }
            Pending::Operate(operate) => {
                let locked_out = operate.locked_out();
                let done = operate.done(outcome);
                if locked_out && let Done::Refused(refusal) = &done {
                    let line = format!("locked after too many wrong codes: {refusal}");
                    lines.push((LogLevel::Warning, line));
                }
                Answer::Done(self.operated(done))
            }
            Pending::Session(report) => Answer::Reply(self.reported(&report, outcome)),
            Pending::Restarted(_) | Pending::EndSession(_) => {
                Answer::Applied(matches!(outcome, Outcome::Applied(_)))
            }
            Pending::Nothing(_) => Answer::None,
        }
    }

    fn asked(&self, ask: &Ask<'_>, outcome: Outcome) -> Reply {
        let chosen = ask.language().map(views::language);
        let speech = Speech {
            chosen,
            ..self.speech
        };
        match ask.answer(outcome) {
            Asked::CodeNeeded => Reply::CodeNeeded(speech),
            Asked::CodeNotNeeded => Reply::CodeNotNeeded(speech),
            Asked::TokenWanted(wanted) => {
                Reply::TokenWanted(Box::new(views::wanted(wanted, speech)))
            }
            Asked::NothingWanted => Reply::NothingWanted(speech),
            Asked::Undecided => self.undecided(),
        }
    }

    /// What was done to more than records takes effect here, before anybody is told.
    fn operated(&self, done: Done) -> Done {
        if let Done::Receipt(_, event) = &done
            && event.operation == OperationKind::ClockTrust
        {
            self.clock.trust();
        }
        done
    }

    /// A session whose account may not log in any more is ended.
    fn reported(&self, report: &Report<'_>, outcome: Outcome) -> Reply {
        if !report.stored(outcome) {
            return self.undecided();
        }
        self.sessions.pushed_out(report.pushed_out().as_slice());
        if let Some(session) = report.unwelcome() {
            let orders = &self.sessions.orders;
            orders.add(session.clone(), None, Instant::now());
        }
        Reply::SessionStored
    }

    fn login(
        &self,
        attempt: &Attempt,
        origin: Option<Origin>,
        login: &Login<'_>,
        outcome: Outcome,
        lines: &mut Lines,
    ) -> Reply {
        let mut accepted = None;
        let verdict = match login.verdict(outcome) {
            Verdict::Accept(proof) => {
                // PAM has no use for more than the verdict.
                let granted = login.granted(proof);
                let granted = granted.filter(|_| attempt.place.door == Door::Radius);
                accepted = granted.map(|granted| Box::new(logins::accepted(granted)));
                self.may_be_used_again(attempt, origin, login);
                Told::Accept
            }
            Verdict::Reject => Told::Reject,
            Verdict::Undecided => return self.undecided(),
        };
        match (verdict, login.reason()) {
            // The same login once more.
            (Told::Accept, Some(Reason::AnsweredAgain)) => {}
            (Told::Accept, _) => self.counters.accepts.add(),
            (Told::Reject, _) => self.counters.rejects.add(),
        }
        if let Some(reason) = login.reason() {
            self.tell(attempt, login, reason, lines);
            if let Outcome::Applied(position) = outcome {
                self.find_out(attempt, login, reason, position, lines);
            }
        }
        Reply::Decided {
            verdict,
            account: attempt.account.clone(),
            accepted,
        }
    }

    /// One log line for a login, and an alarm when it locked the account.
    fn tell(&self, attempt: &Attempt, login: &Login<'_>, reason: Reason, lines: &mut Lines) {
        if !self.log.writes(LogLevel::Info) && !login.locked_out() {
            return;
        }
        let name = login.account();
        let name = name.map_or("(no account name)", AccountName::as_str);
        let verdict = match reason {
            reason if reason.spends() => "accept",
            Reason::AnsweredAgain => "accept again",
            _ => "reject",
        };
        let place = &attempt.place;
        let line = format!("{verdict} {name} at {place}: {reason}");
        lines.push((LogLevel::Info, line));
        if login.locked_out() {
            let line = format!("{name} is locked after too many wrong codes, the last at {place}");
            lines.push((LogLevel::Warning, line));
        }
    }

    /// The code of a login is good for its session for a while, if the settings say so.
    fn may_be_used_again(&self, attempt: &Attempt, origin: Option<Origin>, login: &Login<'_>) {
        let (Some(origin), Some(Reason::RightCode)) = (origin, login.reason()) else {
            return;
        };
        if let (Ok(name), Some(serial)) = (AccountName::parse(&attempt.account), login.serial()) {
            let now = Moment::now();
            self.second_use
                .accepted(&name, &attempt.place, serial, origin.session, now);
        }
    }

    /// What the help desk may want to know of a code is found out behind the answer; operators are
    /// alarmed at once.
    fn find_out(
        &self,
        attempt: &Attempt,
        login: &Login<'_>,
        reason: Reason,
        position: Position,
        lines: &mut Lines,
    ) {
        let Some(account) = login.account() else {
            return;
        };
        let about = || findings::Login {
            time: self.clock.now().time,
            position,
            account: account.clone(),
            place: attempt.place.clone(),
        };
        match reason {
            // Of names that are nobody's, which strangers try by the thousand, nothing can be told.
            Reason::WrongCode | Reason::NoToken => {
                if let Proof::Code(code) = &attempt.proof
                    && Code::parse(code).is_ok()
                {
                    self.findings.was_wrong(about(), code.clone());
                }
            }
            Reason::AlreadyUsed => {
                if let Some(duplicate) = login.duplicate() {
                    self.findings.was_spent(about(), duplicate.clone());
                }
            }
            Reason::EmergencyCode => {
                self.findings.emergency(&about());
                let place = &attempt.place;
                let line = format!("{account} has logged in with an emergency code at {place}");
                lines.push((LogLevel::Warning, line));
            }
            _ => {}
        }
    }

    fn undecided(&self) -> Reply {
        self.counters.undecided.add();
        Reply::Unavailable
    }
}

/// A job while it is being decided.
enum Pending<'a> {
    Ask(Ask<'a>),
    Login(&'a Attempt, Option<Origin>, Login<'a>),
    Operate(Operate<'a>),
    Session(Report<'a>),
    Restarted(Restarted<'a>),
    EndSession(EndSession<'a>),
    Nothing(NoDecision),
}

impl<'a> Pending<'a> {
    fn new(
        job: &'a Job,
        verifier: &'a Verifier,
        now: Now,
        rooms: &mut impl Iterator<Item = Room>,
    ) -> Self {
        match job {
            Job::Ask {
                account,
                place,
                phase,
                second_use,
                ..
            } => {
                let question = Question {
                    account,
                    place,
                    phase: *phase,
                    second_use: second_use.as_ref(),
                };
                Self::Ask(Ask::new(verifier, question, now))
            }
            Job::Login {
                attempt, origin, ..
            } => Self::Login(attempt, *origin, Login::new(verifier, attempt, now)),
            Job::Operate {
                operation, order, ..
            } => Self::Operate(Operate::new(verifier, operation, order, now)),
            Job::Session { report, .. } => {
                Self::Session(Report::new(report, rooms.next().unwrap_or(Room::None), now))
            }
            Job::Restarted {
                report,
                sessions,
                before,
                ..
            } => Self::Restarted(Restarted::new(report, sessions, *before, now)),
            Job::EndSession {
                session,
                outcome,
                receipt,
                ..
            } => Self::EndSession(EndSession::new(session, *outcome, *receipt, now)),
            Job::Look(_) => Self::Nothing(NoDecision),
        }
    }

    fn decider(&mut self) -> &mut dyn Decider {
        match self {
            Self::Ask(ask) => ask,
            Self::Login(_, _, login) => login,
            Self::Operate(operate) => operate,
            Self::Session(report) => report,
            Self::Restarted(restarted) => restarted,
            Self::EndSession(end) => end,
            Self::Nothing(nothing) => nothing,
        }
    }
}

/// Stands where nothing is to be decided.
struct NoDecision;

impl Decider for NoDecision {
    fn decide(
        &mut self,
        _: &dyn sekisho_verifier::store::View,
    ) -> Result<Option<sekisho_verifier::store::Change>, StoreError> {
        Ok(None)
    }
}

enum Answer {
    Reply(Reply),
    Done(Done),
    Applied(bool),
    None,
}

/// Hands out the answers, and wakes each connection once.
fn answer(group: Vec<Job>, answers: Vec<Answer>) {
    let mut filled: Vec<Arc<Outbox>> = Vec::new();
    for (job, answer) in group.into_iter().zip(answers) {
        match (job, answer) {
            (
                Job::Ask { to, .. } | Job::Login { to, .. } | Job::Session { to, .. },
                Answer::Reply(reply),
            ) => {
                to.outbox.put(to.id, reply);
                if !filled.iter().any(|outbox| Arc::ptr_eq(outbox, &to.outbox)) {
                    filled.push(to.outbox);
                }
            }
            (Job::Operate { to, operation, .. }, Answer::Done(done)) => {
                // The connection may be gone; the receipt is in the journal.
                let _ = to.send((done, operation));
            }
            (Job::Restarted { to, .. } | Job::EndSession { to, .. }, Answer::Applied(applied)) => {
                // Nobody may wait any more; the event is in the journal.
                let _ = to.send(applied);
            }
            _ => {}
        }
    }
    for outbox in filled {
        outbox.deliver();
    }
}
