//! What the verifier is told about a login.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use sekisho_radius_protocol::authenticator::Authenticator;
use sekisho_radius_protocol::server::{Conversation, Proof, Question};
use sekisho_radius_protocol::state::FirstFactor;
use sekisho_radius_protocol::{AttributeType, Packet};
use sekisho_verifier_socket::{
    Answer, CORRELATION_OCTETS_MAX, Conversation as WireConversation, Door, First, Place, Secret,
};
use sha2::Sha256;

/// What names a NAS.
const NAS: [AttributeType; 3] = [
    AttributeType::NAS_IDENTIFIER,
    AttributeType::NAS_IP_ADDRESS,
    AttributeType::NAS_IPV6_ADDRESS,
];
/// Where somebody is. It counts beside a session id, too: some gateways send the same one for as
/// long as they run.
const WHERE: [AttributeType; 3] = [
    AttributeType::CALLING_STATION_ID,
    AttributeType::NAS_PORT,
    AttributeType::NAS_PORT_ID,
];

/// Octets of what tells one password from another.
pub(super) const PASSWORD_MARK_OCTETS: usize = 16;

/// What the correlation rests on; an octet in front, so that a session id can not pass for a port.
const BY_CONVERSATION: u8 = 1;
const BY_SESSION: u8 = 2;
const BY_PORT: u8 = 3;
const BY_PACKET: u8 = 4;

/// Where the login happens.
pub(super) fn place(client: &str, request: &Packet<'_>) -> Place {
    let port = || {
        let port = request.first(AttributeType::NAS_PORT)?.integer()?;
        Some(port.to_string())
    };
    Place {
        door: Door::Radius,
        name: client.to_owned(),
        terminal: text_of(request, AttributeType::NAS_PORT_ID).or_else(port),
        remote: text_of(request, AttributeType::CALLING_STATION_ID),
    }
}

fn text_of(request: &Packet<'_>, kind: AttributeType) -> Option<String> {
    Some(request.first(kind)?.text()?.to_owned())
}

/// What ties a request to the one that it repeats, though it is another packet: gateways send a
/// login again from another port, with another Identifier. The same for both, and never for two
/// logins. If the packet says too little to know, only the very same packet from the very same port
/// is it again, as for the duplicate cache, which has forgotten it when we had to stay silent.
///
/// Only for packets that were admitted: whoever can change a packet could else make one login look
/// like another.
pub(super) fn correlation(
    client: &str,
    peer: SocketAddr,
    question: &Question<'_>,
    password: Option<[u8; PASSWORD_MARK_OCTETS]>,
) -> Option<Vec<u8>> {
    let request = &question.request;
    let mut mark = Mark::default();
    let push = |kinds: &[AttributeType], mark: &mut Mark| {
        kinds
            .iter()
            .for_each(|&kind| mark.push(value(request, kind)));
    };
    if let Some(Conversation { id, .. }) = &question.conversation {
        // Random, and nobody else has it. Its rounds may come over other ports.
        mark.kind(BY_CONVERSATION);
        mark.push(Some(id));
    } else if let Some(session) = value(request, AttributeType::ACCT_SESSION_ID) {
        mark.kind(BY_SESSION);
        mark.push(Some(session));
        push(&WHERE, &mut mark);
    } else if is_at_a_port(request) {
        mark.kind(BY_PORT);
        push(&WHERE, &mut mark);
    } else {
        mark.kind(BY_PACKET);
        mark.push(Some(peer.to_string().as_bytes()));
        mark.push(Some(&[request.identifier()]));
        mark.push(Some(&request.authenticator()));
    }
    mark.push(Some(client.as_bytes()));
    push(&NAS, &mut mark);
    mark.push(password.as_ref().map(<[u8; _]>::as_slice));
    (mark.octets.len() <= CORRELATION_OCTETS_MAX).then_some(mark.octets)
}

/// True if the packet tells who is at which port. Port 0 is what gateways send that have none, and
/// the name of a port may be one for all who come in the same way.
fn is_at_a_port(request: &Packet<'_>) -> bool {
    let port = request.first(AttributeType::NAS_PORT);
    let has_port = port
        .and_then(|port| port.integer())
        .is_some_and(|port| port != 0);
    has_port && value(request, AttributeType::CALLING_STATION_ID).is_some()
}

/// An attribute that is there and says something.
fn value<'d>(request: &Packet<'d>, kind: AttributeType) -> Option<&'d [u8]> {
    request
        .first(kind)
        .map(|attribute| attribute.value)
        .filter(|value| !value.is_empty())
}

/// What tells one password from another, for who knows neither it nor the key.
///
/// The verifier takes a wrong attempt that comes again for the same one, and does not charge it
/// twice. A password that we judge ourselves it never sees; without this mark all passwords with
/// the same code would be one, and guessing them free.
pub(super) fn password_mark(key: &[u8], password: &[u8]) -> [u8; PASSWORD_MARK_OCTETS] {
    let mut mark = [0; PASSWORD_MARK_OCTETS];
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(b"sekisho password in a correlation");
        mac.update(password);
        mark.copy_from_slice(&mac.finalize().into_bytes()[..PASSWORD_MARK_OCTETS]);
    }
    mark
}

/// What tells one packet from all others. A gateway whose authenticators are not random must not
/// make free guesses of two passwords.
pub(super) fn packet(
    mut authenticator: Authenticator,
    password: Option<[u8; PASSWORD_MARK_OCTETS]>,
) -> Authenticator {
    for (octet, mark) in authenticator.iter_mut().zip(password.unwrap_or_default()) {
        *octet ^= mark;
    }
    authenticator
}

/// Octets that differ when any of the values does: each has its length in front.
#[derive(Default)]
struct Mark {
    octets: Vec<u8>,
}

impl Mark {
    fn kind(&mut self, kind: u8) {
        self.octets.push(kind);
    }

    fn push(&mut self, value: Option<&[u8]>) {
        // What is absent differs from what is empty.
        let length = value.map_or(u16::MAX, |value| value.len() as u16);
        self.octets.extend(length.to_be_bytes());
        self.octets.extend(value.unwrap_or_default());
    }
}

/// The proof of an attempt; nothing if it holds none but the first factor.
pub(super) fn answer(proof: Proof) -> Option<Answer> {
    match proof {
        Proof::Code(code) => Some(Answer::Code(Secret::new(code.octets().to_vec()))),
        Proof::Chap {
            identifier,
            challenge,
            response,
        } => Some(Answer::Chap {
            identifier,
            challenge,
            response,
        }),
        Proof::MsChapV2 {
            challenge,
            peer_challenge,
            response,
            user_name,
        } => Some(Answer::MsChapV2 {
            challenge,
            peer_challenge,
            response,
            user_name,
        }),
        _ => None,
    }
}

/// What was found out about the first factor in an earlier round. `demanded`: there must be one,
/// so none is not taken for an answer; the settings may have been others when the State was made.
pub(super) fn known(first: FirstFactor, demanded: bool) -> Option<First> {
    match first {
        FirstFactor::None if demanded => Some(First::Unavailable),
        FirstFactor::None => None,
        FirstFactor::Right => Some(First::Right),
        FirstFactor::Wrong => Some(First::Wrong),
        FirstFactor::Ticket(ticket) => Some(First::Ticket(Secret::new(ticket.octets().to_vec()))),
    }
}

pub(super) fn conversation(conversation: Conversation) -> WireConversation {
    WireConversation {
        id: conversation.id,
        until_ms: u64::try_from(conversation.until.as_millis()).unwrap_or(u64::MAX),
    }
}
