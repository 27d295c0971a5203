//! The thread that decides what is done with each datagram.
//!
//! One thread owns the state of the protocol, so nothing in it needs a lock. It takes all work
//! that waits, and passes attempts and replies on in batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Buffer, Conclusion, Outgoing, Question, Resend, SendCause, Server,
    Ticket, Verdict,
};
use sekisho_radius_protocol::{AttributeType, Packet};
use sekisho_verifier_socket::{Attempt, Door, Place, Secret};

use crate::authority::{Attempts, Authority, Writer};
use crate::clients::{Client, Clients};
use crate::endpoints::Endpoints;
use crate::held::Held;
use crate::mailbox::{Datagram, Mailbox, Opinion, Work};
use crate::metrics::{Counter, Metrics};
use crate::outbox::{BATCH, Outbox};

/// How long to sleep when there is nothing to do.
const IDLE: Duration = Duration::from_secs(60);
/// How often to look whether all is done, once the daemon is about to end.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// What the processor works with.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) server: Server,
    pub(crate) clients: Clients,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) held: Held,
    pub(crate) metrics: Arc<Metrics>,
    /// Set once every request that was taken has got what it will get.
    pub(crate) finished: Arc<AtomicBool>,
}

/// Starts the thread.
pub(crate) fn start(pieces: Pieces) -> io::Result<()> {
    thread::Builder::new()
        .name("processor".into())
        .spawn(move || Processor::new(pieces).run())?;
    Ok(())
}

struct Processor {
    server: Server,
    clients: Clients,
    mailbox: Arc<Mailbox>,
    authority: Arc<Authority>,
    held: Held,
    metrics: Arc<Metrics>,
    finished: Arc<AtomicBool>,
    outbox: Outbox,
    origin: Instant,
    writer: Writer,
    attempts: Attempts,
    buffer: Box<Buffer>,
}

impl Processor {
    fn new(pieces: Pieces) -> Self {
        Self {
            outbox: Outbox::new(pieces.endpoints, Arc::clone(&pieces.metrics)),
            server: pieces.server,
            clients: pieces.clients,
            mailbox: pieces.mailbox,
            authority: pieces.authority,
            held: pieces.held,
            metrics: pieces.metrics,
            finished: pieces.finished,
            origin: Instant::now(),
            writer: Writer::new(),
            attempts: Attempts::default(),
            buffer: Box::new([0; PACKET_MAX]),
        }
    }

    /// Works until [`Mailbox::stop`], and then until nothing is open any more.
    fn run(mut self) {
        let mut work = Work::default();
        loop {
            let patience = self.patience(work.stopping);
            // Read before the mailbox is: if no attempt is open, all opinions are in it.
            let open = self.authority.open();
            self.mailbox.take(&mut work, patience);
            self.process(&work);
            let is_done = open + self.authority.open() + self.held.len() == 0;
            if work.stopping && is_done {
                return self.finished.store(true, Ordering::Release);
            }
        }
    }

    fn patience(&self, stopping: bool) -> Duration {
        let longest = if stopping { DRAIN_TICK } else { IDLE };
        let wait = self.held.wait(self.origin.elapsed());
        wait.unwrap_or(longest).min(longest)
    }

    fn process(&mut self, work: &Work) {
        let now = self.origin.elapsed();
        for &(ticket, opinion) in &work.opinions {
            self.conclude(now, ticket, opinion);
        }
        for datagram in &work.datagrams {
            self.receive(now, datagram, work.octets(datagram));
        }
        self.release(self.origin.elapsed());
        self.authority.submit(&mut self.attempts);
        self.outbox.flush();
    }

    fn receive(&mut self, now: Duration, datagram: &Datagram, octets: &[u8]) {
        let Some(client) = self.clients.find(datagram.peer.ip()) else {
            return self.metrics.count(Counter::UnknownClient);
        };
        let Some(random) = random() else {
            return self.metrics.count(Counter::Undecided);
        };
        let arrival = Arrival {
            at: moment(now),
            peer: datagram.peer,
            socket: datagram.endpoint,
            ready: self.authority.is_ready(),
            random,
        };
        let client = Arc::clone(client);
        let action = self
            .server
            .handle(&arrival, &client.rules, octets, &mut self.buffer);
        match action {
            Action::Ignore(why) => self.metrics.ignored(why),
            Action::Send(resend) => self.resend(datagram, resend),
            Action::Hold(ticket, why) => {
                self.metrics.refused(why);
                self.hold(now, ticket);
            }
            Action::Ask(question) => self.ask(&client, question),
        }
    }

    fn resend(&mut self, datagram: &Datagram, resend: Resend) {
        self.metrics.count(match resend.cause {
            SendCause::Duplicate => Counter::Duplicate,
            SendCause::Status => Counter::Status,
            _ => Counter::Asked,
        });
        self.outbox.push(&Outgoing {
            peer: datagram.peer,
            socket: datagram.endpoint,
            octets: &self.buffer[..resend.length],
        });
    }

    /// Without the verifier nothing can be known: silence, and the retransmission starts afresh.
    fn ask(&mut self, client: &Client, question: Question<'_>) {
        let ticket = question.ticket;
        let obstacle = if !self.authority.is_ready() {
            Some(Counter::VerifierAway)
        } else if !self.authority.has_room(self.attempts.len() + 1) {
            Some(Counter::TooManyAttempts)
        } else {
            attempt(client, &question)
                .and_then(|attempt| {
                    self.writer
                        .write(ticket, attempt, &mut self.attempts)
                        .ok()
                })
                .is_none()
                .then_some(Counter::Undecided)
        };
        match obstacle {
            Some(counter) => {
                self.metrics.count(counter);
                self.server.forget(ticket);
            }
            None => self.metrics.count(Counter::Asked),
        }
        // The verifier need not wait until a long queue has been read.
        if self.attempts.len() >= BATCH {
            self.authority.submit(&mut self.attempts);
        }
    }

    fn conclude(&mut self, now: Duration, ticket: Ticket, opinion: Opinion) {
        let (verdict, counter) = match opinion {
            Opinion::Accept => (Verdict::Accept, Counter::Accepted),
            Opinion::Reject => (Verdict::Reject, Counter::Rejected),
            Opinion::Undecided => return self.server.forget(ticket),
        };
        self.metrics.count(counter);
        let Some(random) = random() else {
            return self.server.forget(ticket);
        };
        let answer = Answer::from(verdict);
        let at = moment(now);
        match self
            .server
            .conclude(&at, ticket, &answer, &random, &mut self.buffer)
        {
            Conclusion::Send(outgoing, _) => self.outbox.push(&outgoing),
            Conclusion::Hold(ticket) => self.hold(now, ticket),
            Conclusion::Nothing => self.metrics.count(Counter::Abandoned),
        }
    }

    fn hold(&mut self, now: Duration, ticket: Ticket) {
        // Without randomness there is no jitter, and nothing worse.
        let random = getrandom::u32().unwrap_or_default();
        if !self.held.hold(now, ticket, random) {
            self.metrics.count(Counter::TooManyRejects);
            self.server.forget(ticket);
        }
    }

    fn release(&mut self, now: Duration) {
        while let Some(ticket) = self.held.due(now) {
            match self.server.release(now, ticket) {
                Some(outgoing) => self.outbox.push(&outgoing),
                None => self.metrics.count(Counter::Abandoned),
            }
        }
    }
}

/// What the verifier is told about a login.
fn attempt(client: &Client, question: &Question<'_>) -> Option<Attempt> {
    let Proof::Code(code) = &question.proof else {
        return None;
    };
    let text = |kind: AttributeType| text_of(&question.request, kind);
    let place = Place {
        door: Door::Radius,
        name: client.name.clone(),
        terminal: text(AttributeType::NAS_PORT_ID),
        remote: text(AttributeType::CALLING_STATION_ID),
    };
    let code = Secret::new(code.octets().to_vec());
    Some(Attempt::of_code(
        question.account.clone().into_owned(),
        code,
        place,
    ))
}

fn text_of(request: &Packet<'_>, kind: AttributeType) -> Option<String> {
    Some(request.first(kind)?.text()?.to_owned())
}

/// The moment by both clocks.
fn moment(now: Duration) -> Moment {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Moment {
        now,
        // Before 1970 every State has expired: nothing is believed.
        wall: wall.unwrap_or(Duration::MAX / 2),
    }
}

fn random() -> Option<Random> {
    let mut octets = [0; Random::OCTETS];
    getrandom::fill(&mut octets).ok()?;
    Some(Random(octets))
}
