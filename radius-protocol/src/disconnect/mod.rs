//! Ending sessions by Disconnect-Request (RFC 5176): our side of it, the asking one.
//!
//! A [`Sender`] takes orders and says what is to be sent when, and what became of each order. The
//! caller owns the sockets and the clock: after [`begin`](Sender::begin), after
//! [`receive`](Sender::receive), and when [`next_timer`](Sender::next_timer) has come, it calls
//! [`poll_transmit`](Sender::poll_transmit) until there is nothing to send, and then
//! [`poll_ended`](Sender::poll_ended) until there is nothing to tell.
//!
//! A retransmission has the same octets and so the same Identifier and Event-Timestamp (RFC 5176
//! section 2.3): a NAS that has ended the session already gives the same answer again. An
//! Identifier is free again only after an answer or the end of all tries.

mod cause;
mod identifiers;
mod session;
mod timer;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use cause::ErrorCause;
use identifiers::{Identifiers, Place};
pub use session::Session;
use session::{Extent, Written};
pub use timer::{IRT, MRC, MRD, MRT};
use timer::{JITTER_OCTETS, Timer};

use crate::attribute::AttributeType;
use crate::authenticator::{
    Authenticity, authenticity_of_digested, authenticity_of_reply, is_response_authentic,
};
use crate::error::{PacketError, WriteError};
use crate::packet::{Code, Packet};
use crate::server::{Client, Moment};

/// The port that a NAS listens on unless told otherwise (RFC 5176 section 2.1).
pub const PORT: u16 = 3799;
/// The most orders at one time, those that wait for an Identifier included.
pub const ORDERS_MAX: usize = 16_384;
/// The most source ports. Each has 256 Identifiers for each NAS.
pub const SLOTS_MAX: u16 = 64;
/// Random octets that one order needs: one for each time it is sent.
pub const RANDOM_OCTETS: usize = JITTER_OCTETS;
/// For how many NAS the last Identifiers are remembered while nothing is asked of them.
const PEERS_MAX: usize = 4096;

/// A session to end, and whom to ask.
#[derive(Debug)]
pub struct Order {
    /// Names the order; chosen by the caller.
    pub id: u64,
    /// Where the NAS listens.
    pub peer: SocketAddr,
    /// The client's entry, for its secret.
    pub client: Arc<Client>,
    /// Send Message-Authenticator. Off only for a NAS that drops requests that have one: the
    /// Request Authenticator proves the request as well.
    pub message_authenticator: bool,
    /// Believe only replies with Message-Authenticator. RFC 5176 leaves it to the NAS, and
    /// strongSwan, for one, sends none. Without it a reply is proven by the Response
    /// Authenticator; the attack on MD5 (CVE-2024-3596) needs a request that a stranger may write
    /// into, and here a NAS drops such a request.
    pub require_message_authenticator: bool,
    /// What is known of the session.
    pub session: Session,
    /// For the jitter of the timers.
    pub random: [u8; RANDOM_OCTETS],
}

/// Why an order is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    /// An order with this id is being carried out.
    #[error("the order is being carried out")]
    InProgress,
    /// There are [`ORDERS_MAX`] orders.
    #[error("too many orders at one time")]
    Full,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The NAS has ended the session.
    Ended,
    /// The NAS knows no such session (any more).
    Gone,
    /// The NAS refused, and said why, or did not.
    Refused(Option<ErrorCause>),
    /// The NAS does not do this.
    Unsupported,
    /// No answer that can be believed.
    Timeout,
    /// The session can not be named in a packet.
    Unwritable(WriteError),
}

/// Send this.
#[derive(Debug, Clone, Copy)]
pub struct Transmit<'s> {
    /// From which of our ports.
    pub slot: u16,
    /// To whom.
    pub peer: SocketAddr,
    /// What.
    pub octets: &'s [u8],
    /// True if it was sent before.
    pub is_again: bool,
}

/// Why a datagram is no reply to us. It changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoReply {
    /// Not a packet.
    Malformed(PacketError),
    /// No open request has this NAS, port and Identifier.
    NotAsked,
    /// Neither an ACK nor a NAK of Disconnect.
    Code,
    /// The Response Authenticator does not match.
    ResponseAuthenticator,
    /// There is none where there must be one.
    NoMessageAuthenticator,
    /// It is wrong.
    WrongMessageAuthenticator,
}

/// One order on its way.
#[derive(Debug)]
struct Exchange {
    peer: SocketAddr,
    client: Arc<Client>,
    message_authenticator: bool,
    require_message_authenticator: bool,
    session: Session,
    extent: Extent,
    /// True while it is in `ready`.
    is_ready: bool,
    /// Where the open request stands, from when it gets an Identifier.
    place: Option<Place>,
    /// The open request, from when it is first sent.
    written: Option<Written>,
    timer: Timer,
}

/// What is known of one NAS.
#[derive(Debug)]
struct Peer {
    identifiers: Identifiers,
    /// Orders that wait for an Identifier.
    waiting: VecDeque<u64>,
}

/// All orders on their way.
#[derive(Debug)]
pub struct Sender {
    slots: u16,
    start: u8,
    exchanges: HashMap<u64, Exchange>,
    /// Open requests, by what a reply to them must come with.
    open: HashMap<(SocketAddr, Place), u64>,
    peers: HashMap<SocketAddr, Peer>,
    timers: BTreeSet<(Duration, u64)>,
    /// Orders with something to send now.
    ready: VecDeque<u64>,
    ended: VecDeque<(u64, Outcome)>,
}

impl Sender {
    /// Without orders. `slots` source ports are there, at least 1 and at most [`SLOTS_MAX`].
    /// `random` decides which Identifier is used first.
    pub fn new(slots: u16, random: u8) -> Self {
        Self {
            slots: slots.clamp(1, SLOTS_MAX),
            start: random,
            exchanges: HashMap::new(),
            open: HashMap::new(),
            peers: HashMap::new(),
            timers: BTreeSet::new(),
            ready: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }

    /// How many orders are on their way.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Takes an order.
    pub fn begin(&mut self, order: Order) -> Result<(), NotBegun> {
        if self.exchanges.contains_key(&order.id) {
            return Err(NotBegun::InProgress);
        }
        if self.exchanges.len() + self.ended.len() >= ORDERS_MAX {
            return Err(NotBegun::Full);
        }
        let exchange = Exchange {
            peer: order.peer,
            client: order.client,
            message_authenticator: order.message_authenticator,
            require_message_authenticator: order.require_message_authenticator,
            extent: Extent::first(&order.session),
            session: order.session,
            is_ready: false,
            place: None,
            written: None,
            timer: Timer::new(order.random),
        };
        self.exchanges.insert(order.id, exchange);
        self.forget_idle_peers();
        self.queue(order.id, order.peer);
        Ok(())
    }

    /// Lets an order wait for an Identifier, behind the others.
    fn queue(&mut self, id: u64, peer: SocketAddr) {
        self.peer(peer).waiting.push_back(id);
        self.open_waiting(peer);
    }

    /// The same, before the others: its time runs.
    fn queue_first(&mut self, id: u64, peer: SocketAddr) {
        self.peer(peer).waiting.push_front(id);
        self.open_waiting(peer);
    }

    fn peer(&mut self, peer: SocketAddr) -> &mut Peer {
        let (slots, start) = (self.slots, self.start);
        self.peers.entry(peer).or_insert_with(|| Peer {
            identifiers: Identifiers::new(slots, start),
            waiting: VecDeque::new(),
        })
    }

    /// Gives the first that waits an Identifier, if both are there.
    fn open_waiting(&mut self, peer: SocketAddr) {
        let known = self.peer(peer);
        if known.waiting.is_empty() {
            return;
        }
        if let Some(place) = known.identifiers.take()
            && let Some(id) = known.waiting.pop_front()
        {
            self.open(id, peer, place);
        }
    }

    fn open(&mut self, id: u64, peer: SocketAddr, place: Place) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.place = Some(place);
            exchange.is_ready = true;
            self.open.insert((peer, place), id);
            self.ready.push_back(id);
        }
    }

    /// The Identifier of an open request is free again, and the next that waits for it gets one.
    fn close(&mut self, peer: SocketAddr, place: Place) {
        self.open.remove(&(peer, place));
        self.peer(peer).identifiers.give_back(place);
        self.open_waiting(peer);
    }

    fn forget_idle_peers(&mut self) {
        if self.peers.len() >= PEERS_MAX {
            self.peers
                .retain(|_, peer| !peer.identifiers.is_idle() || !peer.waiting.is_empty());
        }
    }

    /// When [`poll_transmit`](Self::poll_transmit) is to be called next, if nothing else happens.
    pub fn next_timer(&self) -> Option<Duration> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The next packet to be sent now, if there is one.
    pub fn poll_transmit(&mut self, at: Moment) -> Option<Transmit<'_>> {
        self.fire_timers(at.now);
        loop {
            let id = self.ready.pop_front()?;
            // An order that has ended meanwhile, or asks otherwise, has left its id behind.
            if !self
                .exchanges
                .get_mut(&id)
                .is_some_and(Exchange::take_ready)
            {
                continue;
            }
            match self.write(id, at) {
                Ok(is_again) => return self.transmit(id, is_again),
                Err(error) => self.end(id, Outcome::Unwritable(error)),
            }
        }
    }

    /// Makes sure that the request is written, and starts its timer.
    fn write(&mut self, id: u64, at: Moment) -> Result<bool, WriteError> {
        let Some(exchange) = self.exchanges.get_mut(&id) else {
            return Ok(false);
        };
        let is_again = exchange.written.is_some();
        if let (None, Some(place)) = (&exchange.written, exchange.place) {
            exchange.written = Some(session::write(
                &exchange.session,
                exchange.extent,
                place.identifier,
                at.wall.as_secs(),
                &exchange.client.secret,
                exchange.message_authenticator,
            )?);
        }
        let due = exchange.timer.start(at.now);
        self.timers.insert((due, id));
        Ok(is_again)
    }

    fn transmit(&self, id: u64, is_again: bool) -> Option<Transmit<'_>> {
        let exchange = self.exchanges.get(&id)?;
        Some(Transmit {
            slot: exchange.place?.slot,
            peer: exchange.peer,
            octets: &exchange.written.as_ref()?.octets,
            is_again,
        })
    }

    fn fire_timers(&mut self, now: Duration) {
        while let Some(&(due, id)) = self.timers.first()
            && due <= now
        {
            self.timers.pop_first();
            let Some(exchange) = self.exchanges.get_mut(&id) else {
                continue;
            };
            if exchange.timer.is_over(now) {
                self.end(id, Outcome::Timeout);
            } else {
                exchange.is_ready = true;
                self.ready.push_back(id);
            }
        }
    }

    /// Takes what came to one of our ports. Whatever is not a true reply to an open request
    /// changes nothing.
    pub fn receive(&mut self, slot: u16, peer: SocketAddr, datagram: &[u8]) -> Result<(), NoReply> {
        let packet = Packet::parse(datagram).map_err(NoReply::Malformed)?;
        let place = Place {
            slot,
            identifier: packet.identifier(),
        };
        let &id = self.open.get(&(peer, place)).ok_or(NoReply::NotAsked)?;
        let exchange = self.exchanges.get(&id).ok_or(NoReply::NotAsked)?;
        exchange.check(&packet)?;
        let cause = packet
            .first(AttributeType::ERROR_CAUSE)
            .and_then(|attribute| attribute.integer())
            .map(ErrorCause);
        match exchange.outcome(packet.code(), cause) {
            Some(outcome) => self.end(id, outcome),
            None => self.try_with_less(id, cause),
        }
        Ok(())
    }

    /// Asks again, in a new request, with fewer attributes.
    fn try_with_less(&mut self, id: u64, cause: Option<ErrorCause>) {
        let Some(exchange) = self.exchanges.get_mut(&id) else {
            return;
        };
        if let Some(extent) = exchange.extent.after(cause, &exchange.session) {
            exchange.extent = extent;
        }
        exchange.written = None;
        exchange.is_ready = false;
        let (peer, place) = (exchange.peer, exchange.place.take());
        if let Some(due) = exchange.timer.stop() {
            self.timers.remove(&(due, id));
        }
        // Before the old Identifier is free, so that the new one is another if there is any.
        self.queue_first(id, peer);
        if let Some(place) = place {
            self.close(peer, place);
        }
    }

    fn end(&mut self, id: u64, outcome: Outcome) {
        let Some(mut exchange) = self.exchanges.remove(&id) else {
            return;
        };
        if let Some(due) = exchange.timer.stop() {
            self.timers.remove(&(due, id));
        }
        self.ended.push_back((id, outcome));
        if let Some(place) = exchange.place {
            self.close(exchange.peer, place);
        }
    }

    /// An order that has ended, and how.
    pub fn poll_ended(&mut self) -> Option<(u64, Outcome)> {
        self.ended.pop_front()
    }
}

impl Exchange {
    fn take_ready(&mut self) -> bool {
        std::mem::take(&mut self.is_ready)
    }

    fn check(&self, packet: &Packet<'_>) -> Result<(), NoReply> {
        if !matches!(
            packet.code(),
            Code::DISCONNECT_ACK | Code::DISCONNECT_NAK | Code::PROTOCOL_ERROR
        ) {
            return Err(NoReply::Code);
        }
        // Not yet sent, so nothing can be a reply to it.
        let written = self.written.as_ref().ok_or(NoReply::NotAsked)?;
        let secret = &self.client.secret;
        if !is_response_authentic(secret, packet, &written.authenticator) {
            return Err(NoReply::ResponseAuthenticator);
        }
        match authenticity_of_reply(secret, packet, &written.authenticator) {
            Authenticity::Valid => Ok(()),
            Authenticity::Absent if self.require_message_authenticator => {
                Err(NoReply::NoMessageAuthenticator)
            }
            Authenticity::Absent => Ok(()),
            // Some compute it with zeros, as in a request: FreeRADIUS 3.0 did. That, too, needs the
            // secret.
            Authenticity::Invalid => match authenticity_of_digested(secret, packet) {
                Authenticity::Valid => Ok(()),
                _ => Err(NoReply::WrongMessageAuthenticator),
            },
        }
    }

    /// What a reply means, or nothing if it is worth to say less and ask again.
    fn outcome(&self, code: Code, cause: Option<ErrorCause>) -> Option<Outcome> {
        if code == Code::DISCONNECT_ACK {
            return Some(Outcome::Ended);
        }
        if self.extent.after(cause, &self.session).is_some() {
            return None;
        }
        Some(match cause {
            Some(ErrorCause::SESSION_CONTEXT_NOT_FOUND) => Outcome::Gone,
            Some(ErrorCause::UNSUPPORTED_EXTENSION) => Outcome::Unsupported,
            cause => Outcome::Refused(cause),
        })
    }
}
