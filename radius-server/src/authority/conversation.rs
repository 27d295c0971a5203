//! One connection to the verifier, from its first frame to its end.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sekisho_verifier_socket::radius::{Ended, ORDERS_MAX, StateKey};
use sekisho_verifier_socket::{
    Accepted, LENGTH_OCTETS, RADIUS_FRAME_MAX, Reply, Request, Verdict, decode, frame_length,
};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::Instant;
use zeroize::{Zeroize, Zeroizing};

use super::errands::Asked;
use super::liveness::Lane;
use super::wiping::WipingBuffer;
use super::{Connection, Errand, Errands, Writer, lock};
use crate::mailbox::{Opinion, Word};

/// Room for replies that were read and not understood yet; more than any one of them needs.
const INPUT_OCTETS: usize = 2 * RADIUS_FRAME_MAX;
/// How long an errand waits for its answer. Gateways give up after 3 to 10 s, and a verdict that
/// comes later would only go stale in the duplicate cache.
const VERDICT_TIME: Duration = Duration::from_secs(3);
/// How often the State keys are asked for: after a rotation, States of the new key come from other
/// servers at once.
const KEYS_INTERVAL: Duration = Duration::from_secs(60);
/// How soon again, while there are none.
const KEYS_RETRY: Duration = Duration::from_secs(1);
/// How soon orders are asked for again, when the verifier can give none now.
const ORDERS_RETRY: Duration = Duration::from_secs(1);
/// How often the verifier is told what was seen of the clients.
const SEEN_INTERVAL: Duration = Duration::from_secs(10);
/// How long it may be silent, not having been asked, before it is asked something.
const PROBE_INTERVAL: Duration = Duration::from_secs(3);
/// How often to look what is due.
const TICK: Duration = Duration::from_millis(500);
/// Reports of ended sessions that wait for their answers at a time.
const ENDED_OPEN_MAX: usize = 64;
/// Ids of what we ask ourselves; far above all those of the processor.
const OWN_IDS: u64 = 1 << 63;

/// A question that waits for its reply.
#[derive(Debug)]
enum Waiting {
    Errand { errand: Errand, account: String },
    StateKeys,
    Orders,
    Ended(Ended),
    Seen,
}

pub(super) struct Conversation<'c> {
    connection: &'c Connection,
    stream: UnixStream,
    taken: Errands,
    output: WipingBuffer,
    /// What is in it may be keys.
    input: Zeroizing<Vec<u8>>,
    /// How many octets of the input have been read.
    filled: usize,
    waiting: HashMap<u64, Waiting>,
    /// Of errands, in the order of asking, which is the order of giving up. Holds answered ones too.
    deadlines: VecDeque<(Instant, u64)>,
    opinions: Vec<Word>,
    writer: Writer,
    decisions: Lane,
    chores: Lane,
    keys_due: Instant,
    seen_due: Instant,
    has_keys: bool,
    orders_due: Instant,
    awaits_orders: bool,
    ended_open: usize,
    says_farewell: bool,
    last_answer: Option<Instant>,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(connection: &'c Connection, stream: UnixStream) -> Self {
        let now = Instant::now();
        Self {
            connection,
            stream,
            taken: Errands::default(),
            output: WipingBuffer::default(),
            input: Zeroizing::new(vec![0; INPUT_OCTETS]),
            filled: 0,
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            opinions: Vec::new(),
            writer: Writer::starting_at(OWN_IDS),
            decisions: Lane::default(),
            chores: Lane::default(),
            keys_due: now,
            seen_due: now + SEEN_INTERVAL,
            has_keys: false,
            orders_due: now,
            awaits_orders: false,
            ended_open: 0,
            says_farewell: false,
            last_answer: None,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.last_answer.is_some()
    }

    /// Writes what is to be asked, waits until something happens, reads what was answered.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        self.take_errands();
        self.do_chores(Instant::now())?;
        self.write()?;
        self.wait().await?;
        self.read()?;
        let now = Instant::now();
        self.give_up_late(now);
        let is_live = self.has_keys && !self.decisions.is_slow(now) && !self.chores.is_slow(now);
        let authority = &self.connection.authority;
        authority.live.store(is_live, Ordering::Relaxed);
        self.connection.settle(&mut self.opinions);
        Ok(())
    }

    fn take_errands(&mut self) {
        // The frames change places with an empty buffer, so this lock is held for no time.
        let waiting = &self.connection.authority.waiting;
        std::mem::swap(&mut *lock(waiting), &mut self.taken);
        self.output.append(&mut self.taken.frames);
        let now = Instant::now();
        for asked in self.taken.asked.drain(..) {
            let Asked {
                id,
                errand,
                account,
            } = asked;
            self.waiting.insert(id, Waiting::Errand { errand, account });
            self.deadlines.push_back((now + VERDICT_TIME, id));
            self.decisions.asked(now);
        }
    }

    /// What is asked for nobody who waits.
    fn do_chores(&mut self, now: Instant) -> io::Result<()> {
        if now >= self.keys_due {
            self.keys_due = now + KEYS_INTERVAL;
            self.ask(Request::StateKeys, Waiting::StateKeys)?;
            self.chores.asked(now);
        }
        self.tell_seen(now)?;
        let orders = &self.connection.orders;
        let may_await = self.has_keys && !self.awaits_orders && now >= self.orders_due;
        if may_await && orders.capacity() >= ORDERS_MAX {
            self.awaits_orders = true;
            self.ask(Request::AwaitOrders, Waiting::Orders)?;
        }
        while self.has_keys && self.ended_open < ENDED_OPEN_MAX {
            let Some(ended) = lock(&self.connection.authority.ended).pop_front() else {
                break;
            };
            self.ended_open += 1;
            self.ask(Request::Ended(ended.clone()), Waiting::Ended(ended))?;
            self.chores.asked(now);
        }
        Ok(())
    }

    fn tell_seen(&mut self, now: Instant) -> io::Result<()> {
        let leaving = self.connection.authority.leaving.load(Ordering::Relaxed);
        let is_due = now >= self.seen_due || (leaving && !self.says_farewell);
        if self.has_keys && is_due {
            self.says_farewell |= leaving;
            self.seen_due = now + SEEN_INTERVAL;
            for clients in self.connection.seen.frames() {
                self.ask(Request::Seen(clients), Waiting::Seen)?;
                self.chores.asked(now);
            }
            return Ok(());
        }
        let is_silent = self
            .last_answer
            .is_some_and(|last| now.saturating_duration_since(last) > PROBE_INTERVAL);
        if is_silent && self.has_keys && self.chores.is_idle() {
            self.ask(Request::Seen(Vec::new()), Waiting::Seen)?;
            self.chores.asked(now);
        }
        Ok(())
    }

    fn ask(&mut self, request: Request, waiting: Waiting) -> io::Result<()> {
        let (id, _) = self
            .writer
            .frame(request, &mut self.output)
            .map_err(io::Error::other)?;
        self.waiting.insert(id, waiting);
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.try_write(self.output.unread()) {
                Ok(written) => self.output.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn wait(&self) -> io::Result<()> {
        let interest = if self.output.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let next = Instant::now() + TICK;
        let next = match self.deadlines.front() {
            Some(&(deadline, _)) => deadline.min(next),
            None => next,
        };
        tokio::select! {
            ready = self.stream.ready(interest) => ready.map(drop),
            () = self.connection.authority.arrived.notified() => Ok(()),
            () = tokio::time::sleep_until(next) => Ok(()),
        }
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.try_read(&mut self.input[self.filled..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(octets) => {
                self.filled += octets;
                self.understand()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes every whole frame out of the input and wipes it. What is left is less than one frame,
    /// so there is always room to read more.
    fn understand(&mut self) -> io::Result<()> {
        let mut at = 0;
        while let Some(length) = frame_length(&self.input[at..self.filled], RADIUS_FRAME_MAX)
            .map_err(io::Error::other)?
        {
            let start = at + LENGTH_OCTETS;
            let Some(frame) = self.input[..self.filled].get(start..start + length) else {
                break;
            };
            let envelope = decode::<Reply>(frame).map_err(io::Error::other)?;
            at = start + length;
            self.answered(envelope.id, envelope.body)?;
        }
        self.input.copy_within(at..self.filled, 0);
        let rest = self.filled - at;
        self.input[rest..self.filled].zeroize();
        self.filled = rest;
        Ok(())
    }

    /// A reply that nobody waits for came too late; what it says is lost on purpose.
    fn answered(&mut self, id: u64, reply: Reply) -> io::Result<()> {
        let now = Instant::now();
        match self.waiting.remove(&id) {
            None => return Ok(()),
            Some(Waiting::Errand { errand, account }) => {
                let opinion = opinion(errand, &account, reply);
                let (said, outcome) = match opinion {
                    Ok(opinion) => (opinion, Ok(())),
                    Err(error) => (Opinion::Undecided, Err(error)),
                };
                self.opinions.push(Word::Opinion(errand, said));
                outcome?;
                self.decisions.answered(now);
            }
            Some(chore) => self.chore_answered(chore, reply, now)?,
        }
        self.last_answer = Some(now);
        Ok(())
    }

    fn chore_answered(&mut self, chore: Waiting, reply: Reply, now: Instant) -> io::Result<()> {
        match (chore, reply) {
            (_, Reply::NotPermitted) => {
                return Err(io::Error::other("not permitted to ask as a RADIUS server"));
            }
            (Waiting::StateKeys, Reply::StateKeys(keys)) => self.take_keys(keys),
            (Waiting::StateKeys, Reply::Unavailable) => self.keys_due = now + KEYS_RETRY,
            (Waiting::Orders, Reply::Orders(orders)) => {
                self.awaits_orders = false;
                for order in orders {
                    // There was room for as many as one reply holds, and nobody else sends.
                    let _ = self.connection.orders.try_send(order);
                }
                return Ok(());
            }
            (Waiting::Orders, Reply::Unavailable) => {
                self.awaits_orders = false;
                self.orders_due = now + ORDERS_RETRY;
                return Ok(());
            }
            (Waiting::Ended(_), Reply::Taken | Reply::Unavailable) => self.ended_open -= 1,
            (Waiting::Seen, Reply::Taken | Reply::Unavailable) => {}
            _ => return Err(io::Error::other("reply to another question")),
        }
        self.chores.answered(now);
        if self.says_farewell && self.chores.is_idle() {
            self.connection.authority.left.notify_one();
        }
        Ok(())
    }

    fn take_keys(&mut self, keys: Vec<StateKey>) {
        if keys.is_empty() {
            return;
        }
        self.connection.mailbox.post_keys(keys);
        if !self.has_keys {
            self.has_keys = true;
            self.connection.authority.first_keys.notify_one();
        }
    }

    fn give_up_late(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.front() {
            let is_answered = !self.waiting.contains_key(&id);
            if !is_answered && deadline > now {
                break;
            }
            self.deadlines.pop_front();
            if let Some(Waiting::Errand { errand, .. }) = self.waiting.remove(&id) {
                self.opinions
                    .push(Word::Opinion(errand, Opinion::Undecided));
                self.decisions.given_up();
            }
        }
    }

    /// The connection has ended: nothing is known about whatever waits. What became of sessions is
    /// told again.
    pub(super) fn abandon(&mut self) {
        self.take_errands();
        for (_, lost) in self.waiting.drain() {
            match lost {
                Waiting::Errand { errand, .. } => self
                    .opinions
                    .push(Word::Opinion(errand, Opinion::Undecided)),
                Waiting::Ended(ended) => {
                    lock(&self.connection.authority.ended).push_front(ended);
                }
                Waiting::StateKeys | Waiting::Orders | Waiting::Seen => {}
            }
        }
        self.connection.settle(&mut self.opinions);
    }
}

/// What a reply says about the errand that waits for it. An accept comes from here only.
///
/// An error means that the other side does not keep to the protocol, and nothing more it says on
/// this connection can be believed.
fn opinion(errand: Errand, asked: &str, reply: Reply) -> io::Result<Opinion> {
    match (errand, reply) {
        (
            Errand::Attempt(_),
            Reply::Decided {
                verdict,
                account,
                accepted,
            },
        ) if account == asked => Ok(match verdict {
            Verdict::Accept => Opinion::Accept(accepted.unwrap_or_else(|| {
                Box::new(Accepted {
                    account,
                    ..Accepted::default()
                })
            })),
            Verdict::Reject => Opinion::Reject,
        }),
        (Errand::Attempt(_), Reply::Decided { .. }) => {
            Err(io::Error::other("reply for another account"))
        }
        (Errand::Password(_), Reply::Ticket(ticket)) => Ok(Opinion::Ticket(ticket)),
        (Errand::Session(_), Reply::SessionStored) => Ok(Opinion::Stored),
        (_, Reply::Unavailable) => Ok(Opinion::Undecided),
        (_, Reply::NotPermitted) => Err(io::Error::other("not permitted to send attempts")),
        _ => Err(io::Error::other("reply to another question")),
    }
}
