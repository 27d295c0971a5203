//! What to do with a datagram on the accounting port (RFC 2866).
//!
//! [`Accounting::handle`] looks at one datagram and says: ignore it, send this, or store a report.
//! Only when the report is stored, [`Accounting::stored`] makes the response: a NAS that has its
//! answer forgets the report, so an answer to what is not stored would lose it. If it can not be
//! stored, [`Accounting::forget`] it: the NAS gets silence, and will say it again.

mod report;

use std::sync::Arc;
use std::time::Duration;

use report::NoReport;
pub use report::{Report, Status};

use crate::attribute::{AttributeType, Attributes};
use crate::authenticator::{
    Authenticator, Authenticity, authenticity_of_digested, is_digested_authentic,
};
use crate::duplicate::{Admission, Bounds, DuplicateCache, Key, Ticket};
use crate::error::{PacketError, WriteError};
use crate::packet::{Code, Packet, PacketWriter};
use crate::server::{Arrival, Buffer, Client, Outgoing, Resend, SendCause};

/// Attributes that have no place in an Accounting-Request (RFC 2866 section 5.13, RFC 3579
/// section 3.3). Message-Authenticator is not among them: peers send it, and it is verified.
const FORBIDDEN: [AttributeType; 5] = [
    AttributeType::USER_PASSWORD,
    AttributeType::CHAP_PASSWORD,
    AttributeType::REPLY_MESSAGE,
    AttributeType::STATE,
    AttributeType::EAP_MESSAGE,
];

/// What is to be done with a datagram.
#[derive(Debug)]
#[must_use]
pub enum Action<'d> {
    /// Nothing. The reason is for counters only.
    Ignore(Ignored),
    /// Send these octets, the beginning of the buffer, back at once.
    Send(Resend),
    /// Store this, then call [`Accounting::stored`] or [`Accounting::forget`].
    Store(Box<Question<'d>>),
}

/// A report to be stored.
#[derive(Debug)]
pub struct Question<'d> {
    /// Names the request until it is stored or forgotten.
    pub ticket: Ticket,
    /// What it says.
    pub report: Report<'d>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// Not a packet.
    Malformed(PacketError),
    /// A Code that an accounting server does not serve.
    Code,
    /// The Request Authenticator does not match: another secret, or another packet than was sent.
    RequestAuthenticator,
    /// There is no Message-Authenticator where there must be one.
    NoMessageAuthenticator,
    /// It is wrong.
    WrongMessageAuthenticator,
    /// A Status-Server from a client for which it is off.
    StatusServerOff,
    /// A Status-Server while nothing can be stored.
    NotReady,
    /// NAS-Identifier is none of those that the client is set to.
    NasIdentifier,
    /// An attribute that has no place in a report: a password, a State, an EAP-Message.
    Forbidden(AttributeType),
    /// Acct-Status-Type is missing.
    NoStatus,
    /// Acct-Session-Id is missing, empty or not text.
    NoSessionId,
    /// A duplicate of a request that has no answer yet.
    InProgress,
    /// The duplicate cache is full of requests that have no answer yet.
    CacheFull,
    /// The Proxy-States leave no room for an answer.
    ReplyTooLarge,
}

/// What is remembered of a request until it is stored.
#[derive(Debug)]
struct Work {
    client: Arc<Client>,
    /// The Proxy-State attributes as they came, one behind the other.
    proxy_states: Box<[u8]>,
}

/// The state between datagrams: the duplicate cache.
#[derive(Debug)]
pub struct Accounting {
    duplicates: DuplicateCache<Work>,
}

impl Accounting {
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

    /// Looks at one datagram. `client` was found by the source address alone.
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
            Code::ACCOUNTING_REQUEST => self.request(arrival, client, packet, out),
            Code::STATUS_SERVER => status_server(arrival, client, &packet, out),
            _ => Err(Ignored::Code),
        };
        outcome.unwrap_or_else(Action::Ignore)
    }

    /// First who sent it, then whether it may be said at all, then whether it is a duplicate.
    fn request<'d>(
        &mut self,
        arrival: &Arrival,
        client: &Arc<Client>,
        packet: Packet<'d>,
        out: &mut Buffer,
    ) -> Result<Action<'d>, Ignored> {
        check(client, &packet)?;
        let report = Report::of(&packet).map_err(|error| match error {
            NoReport::Status => Ignored::NoStatus,
            NoReport::SessionId => Ignored::NoSessionId,
        })?;
        let key = Key {
            peer: arrival.peer,
            socket: arrival.socket,
            identifier: packet.identifier(),
        };
        let work = || Work {
            client: Arc::clone(client),
            proxy_states: proxy_states(&packet),
        };
        match self
            .duplicates
            .admit(arrival.at.now, key, &packet.authenticator(), work)
        {
            Admission::New(ticket) => Ok(Action::Store(Box::new(Question { ticket, report }))),
            Admission::InProgress => Err(Ignored::InProgress),
            Admission::Full => Err(Ignored::CacheFull),
            Admission::Answered(reply) => {
                out[..reply.len()].copy_from_slice(reply);
                Ok(Action::Send(Resend {
                    length: reply.len(),
                    cause: SendCause::Duplicate,
                }))
            }
        }
    }

    /// The report is stored, durably: here is the response. Nothing if the NAS has given up
    /// meanwhile, or the response can not be written.
    pub fn stored(
        &mut self,
        now: Duration,
        ticket: Ticket,
        out: &mut Buffer,
    ) -> Option<Outgoing<'_>> {
        let (key, request, work) = self.duplicates.judging(ticket)?;
        let (peer, socket) = (key.peer, key.socket);
        let Ok(length) = respond(work, key.identifier, request, out) else {
            self.duplicates.forget(ticket);
            return None;
        };
        self.duplicates.hold(ticket, Box::from(&out[..length]));
        let (_, octets) = self.duplicates.release(now, ticket)?;
        Some(Outgoing {
            peer,
            socket,
            octets,
        })
    }

    /// The report is not stored. We stay silent, and a retransmission starts afresh.
    pub fn forget(&mut self, ticket: Ticket) {
        self.duplicates.forget(ticket);
    }
}

fn check(client: &Client, packet: &Packet<'_>) -> Result<(), Ignored> {
    if !is_digested_authentic(&client.secret, packet) {
        return Err(Ignored::RequestAuthenticator);
    }
    if authenticity_of_digested(&client.secret, packet) == Authenticity::Invalid {
        return Err(Ignored::WrongMessageAuthenticator);
    }
    let nas_identifier = packet.first(AttributeType::NAS_IDENTIFIER);
    client
        .admits_nas(nas_identifier.map(|attribute| attribute.value))
        .map_err(|_| Ignored::NasIdentifier)?;
    match packet
        .attributes()
        .find(|attribute| FORBIDDEN.contains(&attribute.kind))
    {
        Some(attribute) => Err(Ignored::Forbidden(attribute.kind)),
        None => Ok(()),
    }
}

fn proxy_states(request: &Packet<'_>) -> Box<[u8]> {
    let mut all = Vec::new();
    for attribute in request.all(AttributeType::PROXY_STATE) {
        // At most 253 octets: it came from an attribute.
        all.extend([attribute.kind.0, attribute.value.len() as u8 + 2]);
        all.extend(attribute.value);
    }
    all.into()
}

/// Writes the response: every Proxy-State, and nothing else (RFC 2866 section 4.2).
///
/// Not even Message-Authenticator. RFC 2869 section 5.19 has it in no packet of accounting, and
/// peers disagree about how it would be computed: FreeRADIUS 3.2 takes zeros for the Authenticator,
/// others the Request Authenticator, and each drops what it finds wrong. Nothing is lost: a
/// forged response would need a request that a stranger has written into, and such a request is
/// dropped.
fn respond(
    work: &Work,
    identifier: u8,
    request: &Authenticator,
    out: &mut Buffer,
) -> Result<usize, WriteError> {
    let mut writer = PacketWriter::bare_reply(out, Code::ACCOUNTING_RESPONSE, identifier, request)?;
    for proxy_state in Attributes::new(&work.proxy_states, 0) {
        writer.copy(proxy_state.kind, proxy_state.value)?;
    }
    Ok(writer.seal(&work.client.secret))
}

/// RFC 5997 section 3: needs a valid Message-Authenticator, changes nothing, is answered by an
/// Accounting-Response on the accounting port.
fn status_server<'d>(
    arrival: &Arrival,
    client: &Client,
    packet: &Packet<'_>,
    out: &mut Buffer,
) -> Result<Action<'d>, Ignored> {
    if !client.status_server {
        return Err(Ignored::StatusServerOff);
    }
    match crate::authenticator::authenticity_of_request(&client.secret, packet) {
        Authenticity::Valid => {}
        Authenticity::Invalid => return Err(Ignored::WrongMessageAuthenticator),
        Authenticity::Absent => return Err(Ignored::NoMessageAuthenticator),
    }
    if !arrival.ready {
        return Err(Ignored::NotReady);
    }
    let length = status_response(client, packet, out).map_err(|_| Ignored::ReplyTooLarge)?;
    Ok(Action::Send(Resend {
        length,
        cause: SendCause::Status,
    }))
}

/// With Message-Authenticator first: the request was one that carries it.
fn status_response(
    client: &Client,
    packet: &Packet<'_>,
    out: &mut Buffer,
) -> Result<usize, WriteError> {
    let mut writer = PacketWriter::reply(
        out,
        Code::ACCOUNTING_RESPONSE,
        packet.identifier(),
        &packet.authenticator(),
    )?;
    for proxy_state in packet.all(AttributeType::PROXY_STATE) {
        writer.copy(proxy_state.kind, proxy_state.value)?;
    }
    Ok(writer.seal(&client.secret))
}
