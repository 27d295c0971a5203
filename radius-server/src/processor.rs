//! The thread that decides what is done with each datagram.
//!
//! One thread owns the state of the protocol, so nothing in it needs a lock. It takes all work
//! that waits, and passes errands and replies on in batches.

mod accounting;
mod attempt;
mod login;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use sekisho_daemon::Log;
use sekisho_radius_protocol::Packet;
use sekisho_radius_protocol::accounting::Accounting;
use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_radius_protocol::server::{
    Arrival, Buffer, Moment, Outgoing, Resend, SendCause, Server, Ticket,
};
use sekisho_radius_protocol::state::StateKeys;
use sekisho_verifier_socket::Request;
use sekisho_verifier_socket::radius::StateKey;
use zeroize::Zeroizing;

use crate::authority::{Authority, Errand, Errands, Writer};
use crate::clients::{Client, Clients};
use crate::endpoints::Endpoints;
use crate::held::Held;
use crate::judges::Judges;
use crate::mailbox::{Datagram, Mailbox, Port, Word, Work};
use crate::metrics::{Counter, Metrics};
use crate::outbox::{BATCH, Outbox};
use crate::random::Pool;
use crate::rates::Rates;
use crate::seen::{Lines, Recent, Seen, Sight};
use login::Open;

/// How long to sleep when there is nothing to do.
const IDLE: Duration = Duration::from_secs(60);
/// How often to look whether all is done, once the daemon is about to end.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// What the processor works with.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) server: Server,
    pub(crate) accounting: Accounting,
    pub(crate) clients: Arc<Clients>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) judges: Judges,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) held: Held,
    pub(crate) seen: Arc<Seen>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Log,
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
    accounting: Accounting,
    clients: Arc<Clients>,
    mailbox: Arc<Mailbox>,
    authority: Arc<Authority>,
    judges: Judges,
    held: Held,
    rates: Rates,
    seen: Arc<Seen>,
    recent: Recent,
    lines: Lines,
    metrics: Arc<Metrics>,
    log: Log,
    finished: Arc<AtomicBool>,
    outbox: Outbox,
    origin: Instant,
    /// When the work at hand was taken.
    at: Moment,
    writer: Writer,
    errands: Errands,
    random: Pool,
    /// For marks of passwords: the newest State key, so that all servers of one verifier make the
    /// same, or what is random until there is one.
    password_key: Zeroizing<Vec<u8>>,
    /// Logins that somebody was asked about.
    open: HashMap<Ticket, Open>,
    /// Reports that the verifier was given, and from which client they are.
    reports: HashMap<Ticket, usize>,
    buffer: Box<Buffer>,
}

impl Processor {
    fn new(pieces: Pieces) -> Self {
        let all = pieces.clients.all();
        let mut random = Pool::default();
        Self {
            rates: Rates::new(all.iter().map(|client| client.requests_per_second)),
            outbox: Outbox::new(pieces.endpoints, Arc::clone(&pieces.metrics)),
            server: pieces.server,
            accounting: pieces.accounting,
            clients: pieces.clients,
            mailbox: pieces.mailbox,
            authority: pieces.authority,
            judges: pieces.judges,
            held: pieces.held,
            seen: pieces.seen,
            recent: Recent::default(),
            lines: Lines::default(),
            metrics: pieces.metrics,
            log: pieces.log,
            finished: pieces.finished,
            origin: Instant::now(),
            at: Moment {
                now: Duration::ZERO,
                wall: wall(),
            },
            writer: Writer::new(),
            errands: Errands::default(),
            password_key: Zeroizing::new(random.next().map_or(Vec::new(), |key| key.0.to_vec())),
            random,
            open: HashMap::new(),
            reports: HashMap::new(),
            buffer: Box::new([0; PACKET_MAX]),
        }
    }

    /// Works until [`Mailbox::stop`], and then until nothing is open any more.
    fn run(mut self) {
        let mut work = Work::default();
        loop {
            let patience = self.patience(work.stopping);
            self.mailbox.take(&mut work, patience);
            self.process(&mut work);
            let is_done = self.open.len() + self.reports.len() + self.held.len() == 0;
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

    fn process(&mut self, work: &mut Work) {
        self.at = Moment {
            now: self.origin.elapsed(),
            wall: wall(),
        };
        if let Some(keys) = work.keys.take() {
            if let Some(newest) = keys.iter().max_by_key(|key| key.number) {
                self.password_key = Zeroizing::new(newest.key.expose().to_vec());
            }
            self.server.set_state_keys(state_keys(&keys));
        }
        for word in work.words.drain(..) {
            self.hear(word);
        }
        for datagram in &work.datagrams {
            self.receive(datagram, work.octets(datagram));
        }
        self.release(self.origin.elapsed());
        self.authority.submit(&mut self.errands);
        self.outbox.flush();
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Opinion(Errand::Session(ticket), opinion) => {
                self.conclude_report(self.at.now, ticket, &opinion);
            }
            Word::Opinion(Errand::Attempt(ticket) | Errand::Password(ticket), opinion) => {
                self.conclude(ticket, opinion);
            }
            Word::Judged(ticket, judged) => self.judged(ticket, judged),
            Word::Groups(ticket, groups) => self.gathered(ticket, groups),
        }
    }

    fn receive(&mut self, datagram: &Datagram, octets: &[u8]) {
        let Some(client) = self.clients.find(datagram.peer.ip()) else {
            return self.metrics.count(Counter::UnknownClient);
        };
        let client = Arc::clone(client);
        let Some(random) = self.random.next() else {
            return self.dropped(&client, Counter::NoRandomness);
        };
        let arrival = Arrival {
            at: self.at,
            peer: datagram.peer,
            socket: datagram.endpoint,
            ready: self.authority.is_live(),
            random,
        };
        match datagram.port {
            Port::Authentication => self.receive_login(&arrival, &client, datagram, octets),
            Port::Accounting => self.receive_report(&arrival, &client, datagram, octets),
        }
        // The verifier need not wait until a long queue has been read.
        if self.errands.len() >= BATCH {
            self.authority.submit(&mut self.errands);
        }
    }

    fn resend(&mut self, datagram: &Datagram, resend: Resend) {
        self.metrics.count(match resend.cause {
            SendCause::Duplicate => Counter::Duplicate,
            SendCause::Status => Counter::Status,
            SendCause::Challenge => Counter::Challenged,
            // The protocol crate may learn new causes before we give them a counter.
            _ => Counter::Duplicate,
        });
        self.outbox.push(&Outgoing {
            peer: datagram.peer,
            socket: datagram.endpoint,
            octets: &self.buffer[..resend.length],
        });
    }

    /// Counts an authentic request; true if it is one too many.
    fn is_too_fast(&mut self, client: &Client) -> bool {
        let is_too_fast = !self.rates.take(client.number, self.at.now);
        if is_too_fast {
            self.dropped(client, Counter::TooFast);
        }
        is_too_fast
    }

    /// Puts an errand to those that leave with the next batch. Without the verifier nothing can be
    /// known: then there is silence, and the retransmission starts afresh.
    fn submit(&mut self, errand: Errand, request: Request, preferred: bool) -> Result<(), Counter> {
        if !self.authority.is_connected() {
            return Err(Counter::VerifierAway);
        }
        if !self.authority.has_room(self.errands.len() + 1, preferred) {
            return Err(Counter::TooManyAttempts);
        }
        self.writer
            .write(errand, request, &mut self.errands)
            .map_err(|_| Counter::Undecided)
    }

    /// An authentic request, seen for the first time.
    fn saw(&mut self, client: &Client, datagram: &Datagram, octets: &[u8]) {
        if let Ok(packet) = Packet::parse(octets) {
            self.recent.note(self.at.now, datagram.peer, &packet);
            let sight = Sight::of(&packet);
            self.seen.request(client.number, self.wall_ms(), sight);
        }
    }

    /// An authentic request that came before.
    fn again(&mut self, client: &Client, datagram: &Datagram, octets: &[u8]) {
        if let Ok(packet) = Packet::parse(octets) {
            let after = self.recent.note(self.at.now, datagram.peer, &packet);
            self.seen.again(client.number, after);
        }
    }

    fn dropped(&mut self, client: &Client, why: Counter) {
        self.metrics.count(why);
        self.seen.dropped(client.number, self.wall_ms(), why);
        if why.is_worth_a_line() {
            self.tell(client, why.reason(), "no answer");
        }
    }

    /// Writes a line, if there was none like it for a while.
    fn tell(&mut self, client: &Client, what: &'static str, then: &str) {
        if let Some(left_out) = self.lines.may(self.at.now, client.number, what) {
            let name = &client.name;
            let more = match left_out {
                0 => String::new(),
                more => format!(" ({more} more since the last such line)"),
            };
            self.log
                .warning(format_args!("client {name}: {what}: {then}{more}"));
        }
    }

    fn hold(&mut self, client: &Client, ticket: Ticket) {
        let random = self.random.jitter();
        let delay = client.reject_delay;
        if !self.held.hold(self.at.now, delay, ticket, random) {
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

    fn wall_ms(&self) -> u64 {
        u64::try_from(self.at.wall.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Time since 1970. A clock before that is none.
fn wall() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Keys of another length are none of ours.
fn state_keys(keys: &[StateKey]) -> StateKeys {
    let usable = keys
        .iter()
        .filter_map(|key| Some((key.number, key.key.expose().try_into().ok()?)));
    StateKeys::new(usable)
}
