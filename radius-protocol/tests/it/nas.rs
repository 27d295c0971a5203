//! A NAS that can also misbehave, and a server with a hand-driven clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Buffer, Client, Conclusion, Conversation, First, Ignored,
    MessageAuthenticatorRule, Moment, Proof, Random, Refusal, SendCause, Server, Ticket, Verdict,
};
use sekisho_radius_protocol::state::{FirstFactor, StateKeys};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret, user_password};

pub(crate) const SECRET: &[u8] = b"a shared secret of 32 octets....";
pub(crate) const CODE: &[u8] = b"123456";
pub(crate) const AUTHENTICATOR: [u8; 16] = [0x5a; 16];

pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).expect("the test secret is not empty")
}

/// An authenticator that no other packet has.
pub(crate) fn fresh_authenticator() -> [u8; 16] {
    static LAST: AtomicU64 = AtomicU64::new(1);
    let mut authenticator = [0xa5; 16];
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    authenticator[..8].copy_from_slice(&number.to_be_bytes());
    authenticator
}

/// A client with the safe settings.
pub(crate) fn client() -> Client {
    Client::new("vpn-1", secret())
}

/// The keys of all servers of one store.
pub(crate) fn state_keys() -> StateKeys {
    StateKeys::new([(1, &[1; 32])])
}

/// A packet put together without the crate under test, so that any mistake can be made.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) code: u8,
    pub(crate) identifier: u8,
    pub(crate) authenticator: [u8; 16],
    pub(crate) attributes: Vec<(u8, Vec<u8>)>,
}

impl Raw {
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code: code.0,
            identifier: 7,
            authenticator: AUTHENTICATOR,
            attributes: Vec::new(),
        }
    }

    /// A PAP login as a good NAS sends it, without Message-Authenticator.
    pub(crate) fn login() -> Self {
        Self::new(Code::ACCESS_REQUEST)
            .with(AttributeType::USER_NAME, b"hanako")
            .password(CODE)
            .with(AttributeType::NAS_IDENTIFIER, b"vpn-1")
    }

    pub(crate) fn with(mut self, kind: AttributeType, value: &[u8]) -> Self {
        self.attributes.push((kind.0, value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, kind: AttributeType) -> Self {
        self.attributes.retain(|(k, _)| *k != kind.0);
        self
    }

    pub(crate) fn password(self, clear: &[u8]) -> Self {
        let hidden = user_password::hide(&secret(), &self.authenticator, clear)
            .expect("test passwords are short");
        self.with(AttributeType::USER_PASSWORD, hidden.octets())
    }

    /// A request that goes on: State as it was given, another Identifier and Authenticator.
    pub(crate) fn next(mut self, state: &[u8]) -> Self {
        self.identifier = self.identifier.wrapping_add(1);
        self.authenticator = fresh_authenticator();
        self.without(AttributeType::STATE)
            .without(AttributeType::USER_PASSWORD)
            .without(AttributeType::EAP_MESSAGE)
            .with(AttributeType::STATE, state)
    }

    /// The EAP packet, in pieces.
    pub(crate) fn eap(mut self, eap: &[u8]) -> Self {
        for piece in eap.chunks(253) {
            self = self.with(AttributeType::EAP_MESSAGE, piece);
        }
        self
    }

    /// The same login, encrypted for another Request Authenticator.
    pub(crate) fn with_authenticator(mut self, authenticator: [u8; 16]) -> Self {
        self.authenticator = authenticator;
        self.without(AttributeType::USER_PASSWORD).password(CODE)
    }

    pub(crate) fn with_identifier(mut self, identifier: u8) -> Self {
        self.identifier = identifier;
        self
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut octets = vec![self.code, self.identifier, 0, 0];
        octets.extend(self.authenticator);
        for (kind, value) in &self.attributes {
            octets.extend([*kind, value.len() as u8 + 2]);
            octets.extend(value);
        }
        let length = (octets.len() as u16).to_be_bytes();
        octets[2..4].copy_from_slice(&length);
        octets
    }

    /// With a right Message-Authenticator as the last attribute: its place must not matter.
    pub(crate) fn signed(&self) -> Vec<u8> {
        self.signed_with(SECRET)
    }

    pub(crate) fn signed_with(&self, secret: &[u8]) -> Vec<u8> {
        let mut octets = self
            .clone()
            .with(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])
            .octets();
        let mut mac = Hmac::<Md5>::new_from_slice(secret).expect("any key will do");
        mac.update(&octets);
        let end = octets.len();
        octets[end - 16..].copy_from_slice(&mac.finalize().into_bytes());
        octets
    }
}

/// What came of a datagram, without borrows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ignored(Ignored),
    Sent(Vec<u8>, SendCause),
    Held(Ticket, Refusal),
    Asked {
        ticket: Ticket,
        account: String,
        proof: Asked,
        first: AskedFirst,
        conversation: Option<Conversation>,
        is_final: bool,
    },
}

/// What is to be judged, without borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Code(Vec<u8>),
    Password,
    Chap(u8, Vec<u8>, [u8; 16]),
    MsChapV2 {
        challenge: [u8; 16],
        peer_challenge: [u8; 16],
        response: [u8; 24],
        user_name: Vec<u8>,
    },
}

impl From<Proof> for Asked {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Code(code) => Self::Code(code.octets().to_vec()),
            Proof::Password => Self::Password,
            Proof::Chap {
                identifier,
                challenge,
                response,
            } => Self::Chap(identifier, challenge, response),
            Proof::MsChapV2 {
                challenge,
                peer_challenge,
                response,
                user_name,
            } => Self::MsChapV2 {
                challenge,
                peer_challenge,
                response,
                user_name,
            },
            other => panic!("{other:?}"),
        }
    }
}

/// The factor before the code, without borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AskedFirst {
    Password(Vec<u8>),
    Known(FirstFactor),
}

impl From<First> for AskedFirst {
    fn from(first: First) -> Self {
        match first {
            First::Password(password) => Self::Password(password.octets().to_vec()),
            First::Known(known) => Self::Known(known),
        }
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn ticket(&self) -> Ticket {
        match self {
            Self::Asked { ticket, .. } | Self::Held(ticket, _) => *ticket,
            other => panic!("no ticket: {other:?}"),
        }
    }

    /// Whatever differs from call to call left out.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Ignored(why) => format!("ignored {why:?}"),
            Self::Sent(_, cause) => format!("sent {cause:?}"),
            Self::Held(_, why) => format!("refused {why:?}"),
            Self::Asked { .. } => "asked".to_owned(),
        }
    }
}

pub(crate) struct Gate {
    pub(crate) server: Server,
    pub(crate) client: Arc<Client>,
    pub(crate) now: Duration,
    /// How much the wall clock is ahead of the other.
    pub(crate) epoch: Duration,
    calls: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) socket: u16,
    pub(crate) ready: bool,
    buffer: Box<Buffer>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self::of(client())
    }

    /// For a client that sends no Message-Authenticator.
    pub(crate) fn lenient() -> Self {
        let mut client = client();
        client.message_authenticator = MessageAuthenticatorRule::Off;
        Self::of(client)
    }

    /// For a client that is set up like this.
    pub(crate) fn with(change: impl FnOnce(&mut Client)) -> Self {
        let mut client = client();
        change(&mut client);
        Self::of(client)
    }

    /// Another server with the same settings and keys, that knows nothing of the first.
    pub(crate) fn other_server(&self) -> Self {
        let mut server = Server::new(Bounds::default());
        server.set_state_keys(state_keys());
        Self {
            server,
            client: Arc::clone(&self.client),
            now: self.now,
            epoch: self.epoch,
            calls: self.calls + 1000,
            peer: self.peer,
            socket: self.socket,
            ready: true,
            buffer: Box::new([0; 4096]),
        }
    }

    pub(crate) fn of(client: Client) -> Self {
        Self::with_bounds(client, Bounds::default())
    }

    pub(crate) fn with_bounds(client: Client, bounds: Bounds) -> Self {
        let mut server = Server::new(bounds);
        server.set_state_keys(state_keys());
        Self {
            server,
            client: Arc::new(client),
            now: Duration::from_secs(1000),
            epoch: Duration::from_secs(1_800_000_000),
            calls: 0,
            peer: "192.0.2.1:40000".parse().expect("an address"),
            socket: 0,
            ready: true,
            buffer: Box::new([0; 4096]),
        }
    }

    pub(crate) fn at(&self) -> Moment {
        Moment {
            now: self.now,
            wall: self.epoch + self.now,
        }
    }

    /// Never the same twice within one gate.
    fn random(&mut self) -> Random {
        self.calls += 1;
        let mut octets = [0; Random::OCTETS];
        for (at, octet) in octets.iter_mut().enumerate() {
            *octet = (self.calls as u8).wrapping_mul(31) ^ (at as u8).wrapping_mul(7);
        }
        octets[..8].copy_from_slice(&self.calls.to_be_bytes());
        octets[12..20].copy_from_slice(&self.calls.to_be_bytes());
        octets[28..36].copy_from_slice(&self.calls.to_be_bytes());
        Random(octets)
    }

    pub(crate) fn receive(&mut self, datagram: &[u8]) -> Outcome {
        let arrival = Arrival {
            at: self.at(),
            peer: self.peer,
            socket: self.socket,
            ready: self.ready,
            random: self.random(),
        };
        let action = self
            .server
            .handle(&arrival, &self.client, datagram, &mut self.buffer);
        match action {
            Action::Ignore(why) => Outcome::Ignored(why),
            Action::Send(resend) => {
                Outcome::Sent(self.buffer[..resend.length].to_vec(), resend.cause)
            }
            Action::Hold(ticket, why) => Outcome::Held(ticket, why),
            Action::Ask(question) => Outcome::Asked {
                ticket: question.ticket,
                account: question.account.into_owned(),
                proof: question.proof.into(),
                first: question.first.into(),
                conversation: question.conversation,
                is_final: question.is_final,
            },
        }
    }

    /// Gives the verdict and waits for as long as a reject is held back.
    pub(crate) fn conclude(&mut self, ticket: Ticket, verdict: Verdict) -> Option<Vec<u8>> {
        self.conclude_with(ticket, &Answer::from(verdict))
    }

    pub(crate) fn conclude_with(&mut self, ticket: Ticket, answer: &Answer<'_>) -> Option<Vec<u8>> {
        let random = self.random();
        match self
            .server
            .conclude(&self.at(), ticket, answer, &random, &mut self.buffer)
        {
            Conclusion::Send(outgoing, _) => return Some(outgoing.octets.to_vec()),
            Conclusion::Hold(held) => assert_eq!(held, ticket),
            Conclusion::Nothing => return None,
        }
        self.now += Duration::from_secs(1);
        self.release(ticket)
    }

    /// Accepts, and tells how many attributes were left out.
    #[track_caller]
    pub(crate) fn conclude_counting(
        &mut self,
        ticket: Ticket,
        answer: &Answer<'_>,
    ) -> (Vec<u8>, usize) {
        let random = self.random();
        let at = self.at();
        match self
            .server
            .conclude(&at, ticket, answer, &random, &mut self.buffer)
        {
            Conclusion::Send(outgoing, left_out) => (outgoing.octets.to_vec(), left_out),
            other => panic!("{other:?}"),
        }
    }

    /// Gives a verdict that must be held back, and does not wait.
    #[track_caller]
    pub(crate) fn hold(&mut self, ticket: Ticket, answer: &Answer<'_>) {
        let random = self.random();
        let at = self.at();
        match self
            .server
            .conclude(&at, ticket, answer, &random, &mut self.buffer)
        {
            Conclusion::Hold(held) => assert_eq!(held, ticket),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn release(&mut self, ticket: Ticket) -> Option<Vec<u8>> {
        let outgoing = self.server.release(self.now, ticket)?;
        assert_eq!((outgoing.peer, outgoing.socket), (self.peer, self.socket));
        Some(outgoing.octets.to_vec())
    }

    /// Asks, accepts, and returns the accept.
    #[track_caller]
    pub(crate) fn accept(&mut self, datagram: &[u8]) -> Vec<u8> {
        let ticket = self.receive(datagram).ticket();
        self.conclude(ticket, Verdict::Accept)
            .expect("somebody waits for this")
    }
}

/// A reply, read by the crate's own reader after it was checked by its authenticators.
#[track_caller]
pub(crate) fn read<'a>(request: &Raw, reply: &'a [u8]) -> Packet<'a> {
    check_reply(&secret(), request.identifier, &request.authenticator, reply)
        .expect("an authentic reply")
}

/// The value of the one attribute of this type.
#[track_caller]
pub(crate) fn only<'a>(packet: &Packet<'a>, kind: AttributeType) -> &'a [u8] {
    let mut values = packet.all(kind).map(|attribute| attribute.value);
    let value = values.next().expect("one such attribute");
    assert_eq!(values.next(), None, "one such attribute");
    value
}

/// The types of the attributes in their order.
pub(crate) fn kinds(packet: &Packet<'_>) -> Vec<u8> {
    packet
        .attributes()
        .map(|attribute| attribute.kind.0)
        .collect()
}
