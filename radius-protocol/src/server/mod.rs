//! What to do with a datagram.
//!
//! [`Server::handle`] looks at one datagram and says: ignore it, send this, hold this reject back,
//! or ask the verifier. For the last, [`Server::conclude`] takes the verdict. A reject is made at
//! once but sent later, by [`Server::release`], when the caller finds its time has come; rejects
//! of every cause go this one way, so that neither octets nor timing tell them apart.
//!
//! A login can take several rounds, by Access-Challenge or by EAP. What must be known of it from
//! one round to the next travels in a sealed [State](crate::state), not in the server.
//!
//! One `Server` belongs to one thread. It knows no clock and no randomness: both are arguments.

mod client;
mod eap;
mod login;
mod memory;
mod outcome;
mod question;
mod refusal;
mod reply;
mod rounds;
mod summary;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use client::{
    CHALLENGE_LIFETIME, Client, MessageAuthenticatorRule, Method, Methods, Mode, Quirks, Texts,
};
pub use question::{Conversation, First, MsChapKeys, Proof, Question};
pub use refusal::{Ignored, Refusal};
pub use reply::{Answer, Verdict};

pub use crate::duplicate::Ticket;
use crate::duplicate::{Admission, Bounds, DuplicateCache, Key};
use crate::packet::{Code, PACKET_MAX, Packet};
use crate::state::{Binding, StateKeys};
use login::{Login, Step, Stop};
use memory::{Asked, Learned};
use reply::{Body, ReplyTo, Written};
use summary::Summary;
use work::{Shape, Then, Work};

/// Room for any packet.
pub type Buffer = [u8; PACKET_MAX];

/// How many challenges one account gets in a minute, and how many passwords with a code are judged
/// for it, unless told otherwise.
pub const CHALLENGES_PER_MINUTE: u32 = 10;

/// One moment, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic time since some origin of the caller.
    pub now: Duration,
    /// Since 1970-01-01T00:00:00Z: other servers read it in a State.
    pub wall: Duration,
}

/// Random octets for one call. Never the same for two calls: nonces and challenges are made of
/// them.
#[derive(Clone, Copy)]
pub struct Random(pub [u8; Random::OCTETS]);

impl Random {
    /// How many there are.
    pub const OCTETS: usize = 48;

    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut part = [0; N];
        part.copy_from_slice(&self.0[at..at + N]);
        part
    }

    fn nonce(&self) -> [u8; 12] {
        self.part(0)
    }

    fn id(&self) -> [u8; 16] {
        self.part(12)
    }

    fn challenge(&self) -> [u8; 16] {
        self.part(28)
    }

    fn salt(&self) -> [u8; 2] {
        self.part(44)
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

/// Where a datagram came from, and when.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When.
    pub at: Moment,
    /// Source address and port.
    pub peer: SocketAddr,
    /// Which of our sockets received it.
    pub socket: u16,
    /// Whether the verifier can be asked. Status-Server is answered only then, so that a gateway
    /// learns to try the next server.
    pub ready: bool,
    /// For challenges.
    pub random: Random,
}

/// What is to be done with a datagram.
#[derive(Debug)]
#[must_use]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and a box would cost every login an allocation"
)]
pub enum Action<'d> {
    /// Nothing. The reason is for counters only.
    Ignore(Ignored),
    /// Send these octets, the beginning of the buffer, back at once.
    Send(Resend),
    /// It is refused without the verifier. Wait, then call [`Server::release`].
    Hold(Ticket, Refusal),
    /// Ask the verifier, then call [`Server::conclude`] or [`Server::forget`].
    Ask(Question<'d>),
}

/// A reply that needs no judging, in the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend {
    /// How many octets of the buffer it has.
    pub length: usize,
    /// What it answers.
    pub cause: SendCause,
}

/// Why something is sent without judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendCause {
    /// The request was answered before; these are the same octets.
    Duplicate,
    /// A Status-Server.
    Status,
    /// More is asked: a challenge.
    Challenge,
}

/// A reply to be sent now.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'s> {
    /// To whom.
    pub peer: SocketAddr,
    /// From which of our sockets.
    pub socket: u16,
    /// What.
    pub octets: &'s [u8],
}

/// What became of a verdict.
#[derive(Debug)]
#[must_use]
pub enum Conclusion<'s> {
    /// Send this now. Of the attributes of the answer, so many had no room.
    Send(Outgoing<'s>, usize),
    /// A reject, or a challenge in its place: wait, then call [`Server::release`].
    Hold(Ticket),
    /// The client does not wait for this any more, or the reply can not be written.
    Nothing,
}

/// The state between datagrams.
#[derive(Debug)]
pub struct Server {
    duplicates: DuplicateCache<Work>,
    keys: StateKeys,
    learned: Learned,
    asked: Asked,
}

impl Server {
    /// A server that has seen nothing yet, and can make no challenge before it has
    /// [keys](Self::set_state_keys).
    pub fn new(bounds: Bounds) -> Self {
        Self {
            duplicates: DuplicateCache::new(bounds),
            keys: StateKeys::default(),
            learned: Learned::default(),
            asked: Asked::new(CHALLENGES_PER_MINUTE),
        }
    }

    /// The same, with another bound on the challenges that one account gets, and on the passwords
    /// with a code that are judged for it.
    #[must_use]
    pub fn with_challenges_per_minute(mut self, challenges: u32) -> Self {
        self.asked = Asked::new(challenges);
        self
    }

    /// Takes the keys of State, as the verifier gives them; again after each rotation.
    pub fn set_state_keys(&mut self, keys: StateKeys) {
        self.keys = keys;
    }

    /// How many requests the duplicate cache holds.
    pub fn remembered(&self) -> usize {
        self.duplicates.len()
    }

    /// What [`MessageAuthenticatorRule::Auto`] has come to for the client of this name; nothing
    /// while it is undecided.
    pub fn learned(&self, client: &str) -> Option<MessageAuthenticatorRule> {
        self.learned.of(client)
    }

    /// True if this datagram goes on with a conversation that we began. When more comes than can
    /// be read in time, such packets come first (RFC 5080 section 2.2.1). Costs one decryption.
    pub fn continues(&self, wall: Duration, client: &Client, datagram: &[u8]) -> bool {
        let Ok(packet) = Packet::parse(datagram) else {
            return false;
        };
        let summary = Summary::of(&packet);
        match (packet.code(), summary.state(), summary.user_name()) {
            (Code::ACCESS_REQUEST, Ok(Some(state)), Ok(account)) => {
                let binding = Binding {
                    client: &client.name,
                    account,
                };
                self.keys.open(state, &binding, wall).is_ok()
            }
            _ => false,
        }
    }

    /// Looks at one datagram. `client` was found by the source address alone: whatever a packet
    /// says about its sender is said by the sender.
    pub fn handle<'d>(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        datagram: &'d [u8],
        out: &mut Buffer,
    ) -> Action<'d> {
        let packet = match Packet::parse(datagram) {
            Ok(packet) => packet,
            Err(error) => return Action::Ignore(Ignored::Malformed(error)),
        };
        let outcome = match packet.code() {
            Code::ACCESS_REQUEST => self.access_request(arrival, client, packet, out),
            Code::STATUS_SERVER => status_server(arrival, client, packet, out),
            _ => Err(Ignored::Code),
        };
        outcome.unwrap_or_else(Action::Ignore)
    }

    /// The order matters: first who sent it, then whether it is a duplicate, and only then what
    /// it says. A packet that fails the first step changes nothing.
    fn access_request<'d>(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        packet: Packet<'d>,
        out: &mut Buffer,
    ) -> Result<Action<'d>, Ignored> {
        let summary = Summary::of(&packet);
        let is_signed = client.admits(self.learned.rule(client), &packet, &summary)?;
        let eap = summary.eap(&packet)?;
        let eap = eap::read(eap.as_ref().map(|octets| octets.as_slice()))?;
        self.learned.note(client, is_signed, summary.has_eap());
        let key = Key {
            peer: arrival.peer,
            socket: arrival.socket,
            identifier: packet.identifier(),
        };
        let work = || Work {
            client: Arc::clone(client),
            proxy_states: reply::proxy_states(&packet),
            account: summary.user_name().unwrap_or_default().into(),
            shape: login::shape(&summary, eap.as_ref()),
            then: Then::End,
        };
        let ticket = match self
            .duplicates
            .admit(arrival.at.now, key, &packet.authenticator(), work)
        {
            Admission::New(ticket) => ticket,
            Admission::InProgress => return Err(Ignored::InProgress),
            Admission::Full => return Err(Ignored::CacheFull),
            Admission::Answered(reply) => return Ok(again(reply, out)),
        };
        let login = Login {
            at: &arrival.at,
            random: &arrival.random,
            client,
            packet: &packet,
            summary: &summary,
        };
        let step = self.decide(&login, eap.as_ref());
        self.take(step, ticket, arrival, packet, out)
    }

    fn take<'d>(
        &mut self,
        step: Result<Step<'d>, Stop>,
        ticket: Ticket,
        arrival: &Arrival,
        packet: Packet<'d>,
        out: &mut Buffer,
    ) -> Result<Action<'d>, Ignored> {
        let random = &arrival.random;
        match step {
            Ok(Step::Ask(asked)) => {
                let is_final = asked.then.is_final();
                if let Some(work) = self.duplicates.judging_mut(ticket) {
                    work.then = asked.then;
                }
                Ok(Action::Ask(Question {
                    ticket,
                    account: asked.account,
                    proof: asked.proof,
                    first: asked.first,
                    conversation: asked.conversation,
                    is_final,
                    request: packet,
                }))
            }
            Ok(Step::Challenge(challenge)) => {
                let body = Body::Challenge(challenge);
                let written = self.write(ticket, &body, random, out);
                self.send(arrival.at.now, ticket, written, SendCause::Challenge)
            }
            Err(Stop::Refuse(refusal)) => {
                if self.write(ticket, &Body::Reject, random, out).is_some() {
                    return Ok(Action::Hold(ticket, refusal));
                }
                self.duplicates.forget(ticket);
                Err(Ignored::ReplyTooLarge)
            }
            Err(Stop::Ignore(why)) => {
                self.duplicates.forget(ticket);
                Err(why)
            }
        }
    }

    /// What was written is sent at once.
    fn send<'d>(
        &mut self,
        now: Duration,
        ticket: Ticket,
        written: Option<Written>,
        cause: SendCause,
    ) -> Result<Action<'d>, Ignored> {
        let Some(Written { length, .. }) = written else {
            self.duplicates.forget(ticket);
            return Err(Ignored::ReplyTooLarge);
        };
        self.duplicates.release(now, ticket);
        Ok(Action::Send(Resend { length, cause }))
    }

    /// Takes a verdict. An accept is to be sent at once, a reject to be held back.
    ///
    /// Only a verdict that the verifier gave for this ticket may come here. If it gave none,
    /// nothing is known: call [`forget`](Self::forget).
    pub fn conclude(
        &mut self,
        at: &Moment,
        ticket: Ticket,
        answer: &Answer<'_>,
        random: &Random,
        out: &mut Buffer,
    ) -> Conclusion<'_> {
        let Some((body, is_held)) = self.outcome(at, ticket, answer, random) else {
            self.duplicates.forget(ticket);
            return Conclusion::Nothing;
        };
        let Some(written) = self.write(ticket, &body, random, out) else {
            self.duplicates.forget(ticket);
            return Conclusion::Nothing;
        };
        if is_held {
            return Conclusion::Hold(ticket);
        }
        match self.release(at.now, ticket) {
            Some(outgoing) => Conclusion::Send(outgoing, written.left_out),
            None => Conclusion::Nothing,
        }
    }

    /// Writes the reply and gives it to the cache; nothing if nobody waits for it or it can not
    /// be.
    fn write(
        &mut self,
        ticket: Ticket,
        body: &Body<'_>,
        random: &Random,
        out: &mut Buffer,
    ) -> Option<Written> {
        let (key, request, work) = self.duplicates.judging(ticket)?;
        let reply_to = ReplyTo {
            client: &work.client,
            identifier: key.identifier,
            authenticator: request,
            proxy_states: &work.proxy_states,
            shape: work.shape,
        };
        let written = reply_to.write(body, random, out).ok()?;
        self.duplicates
            .hold(ticket, Box::from(&out[..written.length]))
            .then_some(written)
    }

    /// A reject whose time has come. Nothing if the client has given up meanwhile.
    pub fn release(&mut self, now: Duration, ticket: Ticket) -> Option<Outgoing<'_>> {
        let (key, octets) = self.duplicates.release(now, ticket)?;
        Some(Outgoing {
            peer: key.peer,
            socket: key.socket,
            octets,
        })
    }

    /// The verifier gave no verdict. We stay silent, and a retransmission starts afresh.
    pub fn forget(&mut self, ticket: Ticket) {
        self.duplicates.forget(ticket);
    }
}

fn again<'d>(reply: &[u8], out: &mut Buffer) -> Action<'d> {
    out[..reply.len()].copy_from_slice(reply);
    Action::Send(Resend {
        length: reply.len(),
        cause: SendCause::Duplicate,
    })
}

/// RFC 5997 section 3: needs a valid Message-Authenticator, changes nothing, is answered by an
/// Access-Accept on the authentication port. The answer follows from the request alone, so a
/// duplicate needs no cache.
fn status_server<'d>(
    arrival: &Arrival,
    client: &Client,
    packet: Packet<'d>,
    out: &mut Buffer,
) -> Result<Action<'d>, Ignored> {
    client.admits_status(&packet)?;
    if !arrival.ready {
        return Err(Ignored::NotReady);
    }
    let reply_to = ReplyTo {
        client,
        identifier: packet.identifier(),
        authenticator: &packet.authenticator(),
        proxy_states: &reply::proxy_states(&packet),
        shape: Shape::Plain,
    };
    let body = Body::Accept {
        text: "",
        attributes: &[],
        authenticator_response: None,
        keys: None,
    };
    let written = reply_to
        .write(&body, &arrival.random, out)
        .map_err(|_| Ignored::ReplyTooLarge)?;
    Ok(Action::Send(Resend {
        length: written.length,
        cause: SendCause::Status,
    }))
}
