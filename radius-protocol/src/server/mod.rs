//! What to do with a datagram.
//!
//! [`Server::handle`] looks at one datagram and says: ignore it, send this, hold this reject back,
//! or ask the verifier. For the last, [`Server::conclude`] takes the verdict. A reject is made at
//! once but sent later, by [`Server::release`], when the caller finds its time has come; rejects
//! of every cause go this one way, so that neither octets nor timing tell them apart.
//!
//! One `Server` belongs to one thread. It knows no clock: `now` is monotonic time since some
//! origin of the caller.

mod client;
mod refusal;
mod reply;
mod summary;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use client::{Client, MessageAuthenticatorRule};
pub use refusal::{Ignored, Refusal};
use reply::ReplyTo;
pub use reply::{Answer, Verdict};

pub use crate::duplicate::Ticket;
use crate::duplicate::{Admission, Bounds, DuplicateCache, Key};
use crate::packet::{Code, PACKET_MAX, Packet};
use crate::user_password::Password;
use summary::Summary;

/// Room for any packet.
pub type Buffer = [u8; PACKET_MAX];

/// Where a datagram came from, and when.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Monotonic time.
    pub now: Duration,
    /// Source address and port.
    pub peer: SocketAddr,
    /// Which of our sockets received it.
    pub socket: u16,
    /// Whether the verifier can be asked. Status-Server is answered only then, so that a gateway
    /// learns to try the next server.
    pub ready: bool,
}

/// What is to be done with a datagram.
#[derive(Debug)]
#[must_use]
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
pub enum SendCause {
    /// The request was answered before; these are the same octets.
    Duplicate,
    /// A Status-Server.
    Status,
}

/// One attempt to log in.
#[derive(Debug)]
pub struct Question<'d> {
    /// Names the request until it is concluded or forgotten.
    pub ticket: Ticket,
    /// User-Name, as sent; it is for the verifier to make it canonical.
    pub user_name: &'d str,
    /// User-Password, in clear.
    pub password: Password,
    /// The request, for whatever else the verifier wants to know of it.
    pub request: Packet<'d>,
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
    /// Send this now.
    Send(Outgoing<'s>),
    /// A reject: wait, then call [`Server::release`].
    Hold(Ticket),
    /// The client does not wait for this any more, or the reply can not be written.
    Nothing,
}

/// What is remembered of a request until there is a verdict.
#[derive(Debug)]
struct Work {
    client: Arc<Client>,
    /// The Proxy-State attributes as they came, one behind the other.
    proxy_states: Box<[u8]>,
}

/// The state between datagrams: the duplicate cache.
#[derive(Debug)]
pub struct Server {
    duplicates: DuplicateCache<Work>,
}

impl Server {
    /// A server that has seen nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            duplicates: DuplicateCache::new(bounds),
        }
    }

    /// How many requests the duplicate cache holds.
    pub fn remembered(&self) -> usize {
        self.duplicates.len()
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
        client.admits(&packet, &summary)?;
        let key = Key {
            peer: arrival.peer,
            socket: arrival.socket,
            identifier: packet.identifier(),
        };
        let work = || Work {
            client: Arc::clone(client),
            proxy_states: reply::proxy_states(&packet),
        };
        let ticket = match self
            .duplicates
            .admit(arrival.now, key, &packet.authenticator(), work)
        {
            Admission::New(ticket) => ticket,
            Admission::InProgress => return Err(Ignored::InProgress),
            Admission::Full => return Err(Ignored::CacheFull),
            Admission::Answered(reply) => return Ok(again(reply, out)),
        };
        match summary.pap(client, &packet) {
            Ok((user_name, password)) => Ok(Action::Ask(Question {
                ticket,
                user_name,
                password,
                request: packet,
            })),
            Err(refusal) => self.refuse(ticket, refusal, out),
        }
    }

    fn refuse<'d>(
        &mut self,
        ticket: Ticket,
        refusal: Refusal,
        out: &mut Buffer,
    ) -> Result<Action<'d>, Ignored> {
        if self.write_reply(ticket, &Answer::from(Verdict::Reject), out) {
            return Ok(Action::Hold(ticket, refusal));
        }
        self.duplicates.forget(ticket);
        Err(Ignored::ReplyTooLarge)
    }

    /// Takes a verdict. An accept is to be sent at once, a reject to be held back.
    ///
    /// Only a verdict that the verifier gave for this ticket may come here. If it gave none,
    /// nothing is known: call [`forget`](Self::forget).
    pub fn conclude(
        &mut self,
        now: Duration,
        ticket: Ticket,
        answer: &Answer<'_>,
        out: &mut Buffer,
    ) -> Conclusion<'_> {
        if !self.write_reply(ticket, answer, out) {
            self.duplicates.forget(ticket);
            return Conclusion::Nothing;
        }
        match answer.verdict {
            Verdict::Reject => Conclusion::Hold(ticket),
            Verdict::Accept => match self.release(now, ticket) {
                Some(outgoing) => Conclusion::Send(outgoing),
                None => Conclusion::Nothing,
            },
        }
    }

    /// Writes the reply and gives it to the cache; false if nobody waits for it or it can not be.
    fn write_reply(&mut self, ticket: Ticket, answer: &Answer<'_>, out: &mut Buffer) -> bool {
        let Some((key, request, work)) = self.duplicates.judging(ticket) else {
            return false;
        };
        let reply_to = ReplyTo {
            secret: &work.client.secret,
            identifier: key.identifier,
            authenticator: request,
            proxy_states: &work.proxy_states,
        };
        match reply_to.write(answer, out) {
            Ok(length) => self.duplicates.hold(ticket, Box::from(&out[..length])),
            Err(_) => false,
        }
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
        secret: &client.secret,
        identifier: packet.identifier(),
        authenticator: &packet.authenticator(),
        proxy_states: &reply::proxy_states(&packet),
    };
    let length = reply_to
        .write(&Answer::from(Verdict::Accept), out)
        .map_err(|_| Ignored::ReplyTooLarge)?;
    Ok(Action::Send(Resend {
        length,
        cause: SendCause::Status,
    }))
}
