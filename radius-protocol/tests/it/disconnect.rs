//! Ending sessions: notes 1.9 and the client's side of 1.4; RFC 5176, RFC 5080 section 2.2.1.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use proptest::prelude::*;
use sekisho_radius_protocol::authenticator::{
    Authenticity, authenticity_of_digested, is_digested_authentic,
};
use sekisho_radius_protocol::disconnect::{
    ErrorCause, IRT, MRC, MRD, MRT, NoReply, NotBegun, ORDERS_MAX, Order, Outcome, Sender, Session,
};
use sekisho_radius_protocol::error::WriteError;
use sekisho_radius_protocol::framed::Framed;
use sekisho_radius_protocol::packet::PacketWriter;
use sekisho_radius_protocol::server::{Client, Moment};
use sekisho_radius_protocol::{AttributeType, Code, Packet};

use crate::nas::{SECRET, client, secret};

const UNIX: u64 = 1_800_000_000;
/// Octets that make no jitter.
const EVEN: [u8; 15] = [128; 15];

fn peer() -> SocketAddr {
    "192.0.2.1:3799".parse().expect("an address")
}

fn full() -> Session {
    Session {
        user_name: Some("hanako".to_owned()),
        nas_identifier: Some("vpn-1".to_owned()),
        nas_address: Some([192, 0, 2, 1].into()),
        framed: Some(Framed::Ipv4([10, 9, 0, 1].into())),
        calling_station: Some("198.51.100.4".to_owned()),
        nas_port: Some(7),
        ..Session::new("5F00-1")
    }
}

fn names() -> Session {
    Session {
        user_name: Some("hanako".to_owned()),
        ..Session::new("5F00-1")
    }
}

/// A packet as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    slot: u16,
    peer: SocketAddr,
    octets: Vec<u8>,
    is_again: bool,
}

impl Sent {
    fn kinds(&self) -> Vec<u8> {
        let packet = Packet::parse(&self.octets).expect("well-formed");
        packet.attributes().map(|a| a.kind.0).collect()
    }

    fn identifier(&self) -> u8 {
        self.octets[1]
    }

    /// A reply with these attributes, without Message-Authenticator, as strongSwan sends it.
    fn bare(&self, code: Code, attributes: &[(AttributeType, &[u8])]) -> Vec<u8> {
        let mut buffer = [0; 512];
        let request = self.octets[4..20].try_into().expect("16 octets");
        let mut writer = PacketWriter::bare_reply(&mut buffer, code, self.identifier(), &request)
            .expect("room for it");
        for (kind, value) in attributes {
            writer.copy(*kind, value).expect("room for it");
        }
        let length = writer.seal(&secret());
        buffer[..length].to_vec()
    }

    fn ack(&self) -> Vec<u8> {
        self.bare(Code::DISCONNECT_ACK, &[])
    }

    fn nak(&self, cause: u32) -> Vec<u8> {
        let cause = cause.to_be_bytes();
        self.bare(
            Code::DISCONNECT_NAK,
            &[(AttributeType::ERROR_CAUSE, &cause)],
        )
    }
}

struct Side {
    sender: Sender,
    client: Arc<Client>,
    now: Duration,
}

impl Side {
    fn new(slots: u16) -> Self {
        Self {
            sender: Sender::new(slots, 250),
            client: Arc::new(client()),
            now: Duration::from_secs(5),
        }
    }

    fn order(&self, id: u64, session: Session) -> Order {
        Order {
            id,
            peer: peer(),
            client: Arc::clone(&self.client),
            message_authenticator: true,
            require_message_authenticator: false,
            session,
            random: EVEN,
        }
    }

    fn begin(&mut self, id: u64, session: Session) {
        let order = self.order(id, session);
        self.sender.begin(order).expect("a new order");
    }

    fn at(&self) -> Moment {
        Moment {
            now: self.now,
            wall: Duration::from_secs(UNIX) + self.now,
        }
    }

    fn sent(&mut self) -> Option<Sent> {
        let at = self.at();
        let transmit = self.sender.poll_transmit(at)?;
        Some(Sent {
            slot: transmit.slot,
            peer: transmit.peer,
            octets: transmit.octets.to_vec(),
            is_again: transmit.is_again,
        })
    }

    fn all_sent(&mut self) -> Vec<Sent> {
        std::iter::from_fn(|| self.sent()).collect()
    }

    fn reply(&mut self, to: &Sent, octets: &[u8]) -> Result<(), NoReply> {
        self.sender.receive(to.slot, to.peer, octets)
    }

    /// One order and the replies that its requests get in turn; what was sent, and the outcome.
    fn talk(&mut self, session: Session, causes: &[Option<u32>]) -> (Vec<Sent>, Option<Outcome>) {
        self.begin(1, session);
        let mut all = Vec::new();
        for cause in causes {
            let sent = self.sent().expect("a request");
            let reply = match cause {
                None => sent.ack(),
                Some(0) => sent.bare(Code::DISCONNECT_NAK, &[]),
                Some(cause) => sent.nak(*cause),
            };
            assert_eq!(self.reply(&sent, &reply), Ok(()));
            all.push(sent);
        }
        assert_eq!(self.sent(), None, "nothing more is asked");
        let ended = self.sender.poll_ended();
        assert!(self.sender.is_empty());
        (all, ended.map(|(_, outcome)| outcome))
    }
}

#[test]
fn request_names_nas_and_session_and_is_authentic() {
    let mut side = Side::new(1);
    side.begin(1, full());
    let sent = side.sent().unwrap();
    let packet = Packet::parse(&sent.octets).unwrap();
    assert_eq!(packet.code(), Code::DISCONNECT_REQUEST);
    assert_eq!(sent.kinds(), [80, 4, 32, 1, 44, 8, 31, 5, 55]);
    assert!(is_digested_authentic(&secret(), &packet));
    assert_eq!(
        authenticity_of_digested(&secret(), &packet),
        Authenticity::Valid
    );
    let stamp = packet.first(AttributeType::EVENT_TIMESTAMP).unwrap();
    assert_eq!(stamp.integer(), Some((UNIX + 5) as u32));
    // The same, computed without the crate.
    let mut zeroed = sent.octets.clone();
    zeroed[4..20].fill(0);
    zeroed[22..38].fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET).unwrap();
    mac.update(&zeroed);
    assert_eq!(sent.octets[22..38], mac.finalize().into_bytes()[..]);
}

#[test]
fn message_authenticator_is_left_out_when_told() {
    let mut side = Side::new(1);
    let mut order = side.order(1, names());
    order.message_authenticator = false;
    side.sender.begin(order).unwrap();
    assert_eq!(side.sent().unwrap().kinds(), [1, 44, 55]);
}

#[test]
fn ipv6_names_stand_in_their_own_attributes() {
    let mut side = Side::new(1);
    side.begin(
        1,
        Session {
            nas_address: Some("2001:db8::1".parse().unwrap()),
            framed: Some("2001:db8:7::/48".parse().unwrap()),
            ..Session::new("5F00-1")
        },
    );
    let sent = side.sent().unwrap();
    assert_eq!(sent.kinds(), [80, 95, 44, 97, 55]);
    let packet = Packet::parse(&sent.octets).unwrap();
    let prefix = packet.first(AttributeType::FRAMED_IPV6_PREFIX).unwrap();
    assert_eq!(prefix.value, [0, 48, 0x20, 1, 0xd, 0xb8, 0, 7]);
}

#[test]
fn replies_are_understood() {
    use Outcome::{Ended, Gone, Refused, Unsupported};
    let refused = |cause| Some(Refused(Some(ErrorCause(cause))));
    let everything: &[u8] = &[80, 4, 32, 1, 44, 8, 31, 5, 55];
    let both: &[u8] = &[80, 1, 44, 55];
    let alone: &[u8] = &[80, 44, 55];
    type Row<'r> = (Session, &'r [Option<u32>], Option<Outcome>, &'r [&'r [u8]]);
    let rows: &[Row<'_>] = &[
        (full(), &[None], Some(Ended), &[everything]),
        // The session is gone only if its name alone is unknown.
        (
            full(),
            &[Some(503), Some(503)],
            Some(Gone),
            &[everything, both],
        ),
        (full(), &[Some(503), None], Some(Ended), &[everything, both]),
        (names(), &[Some(503)], Some(Gone), &[both]),
        (Session::new("5F00-1"), &[Some(503)], Some(Gone), &[alone]),
        // Fewer attributes may help.
        (full(), &[Some(401), None], Some(Ended), &[everything, both]),
        (full(), &[Some(402), None], Some(Ended), &[everything, both]),
        (full(), &[Some(403), None], Some(Ended), &[everything, both]),
        (full(), &[Some(404), None], Some(Ended), &[everything, both]),
        (full(), &[Some(407), None], Some(Ended), &[everything, both]),
        (
            full(),
            &[Some(0), Some(0)],
            Some(Refused(None)),
            &[everything, both],
        ),
        (
            full(),
            &[Some(401), Some(401)],
            refused(401),
            &[everything, both],
        ),
        (names(), &[Some(401)], refused(401), &[both]),
        // Several sessions: the one is named by its id alone.
        (
            full(),
            &[Some(508), None],
            Some(Ended),
            &[everything, alone],
        ),
        (
            full(),
            &[Some(404), Some(508), None],
            Some(Ended),
            &[everything, both, alone],
        ),
        (
            full(),
            &[Some(508), Some(508)],
            refused(508),
            &[everything, alone],
        ),
        // Nothing helps.
        (full(), &[Some(406)], Some(Unsupported), &[everything]),
        (full(), &[Some(501)], refused(501), &[everything]),
        (full(), &[Some(504)], refused(504), &[everything]),
        (full(), &[Some(506)], refused(506), &[everything]),
        (full(), &[Some(999)], refused(999), &[everything]),
    ];
    for (session, causes, expected, requests) in rows {
        let (sent, outcome) = Side::new(1).talk(session.clone(), causes);
        assert_eq!(outcome, *expected, "{causes:?}");
        let kinds: Vec<Vec<u8>> = sent.iter().map(Sent::kinds).collect();
        assert_eq!(kinds, *requests, "{causes:?}");
        // Another request has another Identifier.
        let identifiers: std::collections::HashSet<u8> =
            sent.iter().map(Sent::identifier).collect();
        assert_eq!(identifiers.len(), sent.len());
    }
}

#[test]
fn protocol_error_is_a_refusal() {
    let mut side = Side::new(1);
    side.begin(1, names());
    let sent = side.sent().unwrap();
    let cause = 406u32.to_be_bytes();
    let reply = sent.bare(
        Code::PROTOCOL_ERROR,
        &[(AttributeType::ERROR_CAUSE, &cause)],
    );
    assert_eq!(side.reply(&sent, &reply), Ok(()));
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Unsupported)));
}

#[test]
fn retransmissions_have_the_same_octets_and_come_when_they_should() {
    let mut side = Side::new(1);
    side.begin(1, full());
    let first = side.sent().unwrap();
    assert!(!first.is_again);
    let start = side.now;
    let mut times = vec![Duration::ZERO];
    while let Some(due) = side.sender.next_timer() {
        side.now = due - Duration::from_millis(1);
        assert_eq!(side.sent(), None, "too early");
        side.now = due;
        if let Some(again) = side.sent() {
            assert_eq!(again.octets, first.octets);
            assert_eq!(again.slot, first.slot);
            assert!(again.is_again);
            times.push(due - start);
        }
    }
    let seconds: Vec<u64> = times
        .iter()
        .map(|time| (time.as_secs_f64() + 0.5) as u64)
        .collect();
    assert_eq!(seconds, [0, 2, 6, 14]);
    assert_eq!(side.now - start, MRD);
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Timeout)));
    assert!(side.sender.is_empty());
}

#[test]
fn all_of_an_order_ends_within_its_time_even_if_it_is_asked_twice() {
    let mut side = Side::new(1);
    side.begin(1, full());
    let first = side.sent().unwrap();
    let start = side.now;
    side.now += Duration::from_secs(20);
    assert!(side.sent().unwrap().is_again);
    side.reply(&first, &first.nak(404)).unwrap();
    let second = side.sent().unwrap();
    assert_ne!(second.octets[4..20], first.octets[4..20]);
    assert!(!second.is_again);
    while let Some(due) = side.sender.next_timer() {
        side.now = due;
        side.all_sent();
    }
    assert_eq!(side.now - start, MRD);
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Timeout)));
}

#[test]
fn what_is_no_true_reply_changes_nothing() {
    let mut side = Side::new(2);
    side.begin(1, full());
    let sent = side.sent().unwrap();
    let mut wrong_digest = sent.ack();
    wrong_digest[7] ^= 1;
    let mut other_identifier = sent.ack();
    other_identifier[1] ^= 1;
    let bad_mac = sent.bare(
        Code::DISCONNECT_ACK,
        &[(AttributeType::MESSAGE_AUTHENTICATOR, &[7; 16])],
    );
    let short_mac = sent.bare(
        Code::DISCONNECT_ACK,
        &[(AttributeType::MESSAGE_AUTHENTICATOR, &[7; 15])],
    );
    for (datagram, expected) in [
        (sent.octets.clone(), NoReply::Code),
        (sent.bare(Code::COA_ACK, &[]), NoReply::Code),
        (sent.bare(Code::ACCESS_ACCEPT, &[]), NoReply::Code),
        (wrong_digest, NoReply::ResponseAuthenticator),
        (other_identifier, NoReply::NotAsked),
        (bad_mac, NoReply::WrongMessageAuthenticator),
        (short_mac, NoReply::WrongMessageAuthenticator),
    ] {
        assert_eq!(side.reply(&sent, &datagram), Err(expected));
    }
    let ack = sent.ack();
    let stranger = "192.0.2.2:3799".parse().unwrap();
    assert_eq!(
        side.sender.receive(sent.slot, stranger, &ack),
        Err(NoReply::NotAsked)
    );
    assert_eq!(
        side.sender.receive(sent.slot + 1, sent.peer, &ack),
        Err(NoReply::NotAsked)
    );
    for bit in 0..ack.len() * 8 {
        let mut changed = ack.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(side.reply(&sent, &changed).is_err());
    }
    assert_eq!(side.sender.poll_ended(), None);
    assert_eq!(side.reply(&sent, &ack), Ok(()));
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Ended)));
    assert_eq!(side.reply(&sent, &ack), Err(NoReply::NotAsked), "twice");
}

#[test]
fn message_authenticator_of_a_reply_is_demanded_when_told_and_verified_when_there() {
    let mut side = Side::new(1);
    let mut order = side.order(1, full());
    order.require_message_authenticator = true;
    side.sender.begin(order).unwrap();
    let sent = side.sent().unwrap();
    assert_eq!(
        side.reply(&sent, &sent.ack()),
        Err(NoReply::NoMessageAuthenticator)
    );
    let mut buffer = [0; 64];
    let request = sent.octets[4..20].try_into().unwrap();
    let writer = PacketWriter::reply(
        &mut buffer,
        Code::DISCONNECT_ACK,
        sent.identifier(),
        &request,
    );
    let length = writer.unwrap().seal(&secret());
    assert_eq!(side.reply(&sent, &buffer[..length]), Ok(()));
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Ended)));
}

/// FreeRADIUS 3.0 computes Message-Authenticator of an ACK over zeros, not over the authenticator
/// of the request; 3.2 does as RFC 5176 says.
#[test]
fn message_authenticator_of_a_reply_over_zeros_is_taken_too() {
    let mut side = Side::new(1);
    side.begin(1, full());
    let sent = side.sent().unwrap();
    let mut reply = sent.bare(
        Code::DISCONNECT_ACK,
        &[(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])],
    );
    let mut over_zeros = reply.clone();
    over_zeros[4..20].fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(SECRET).unwrap();
    mac.update(&over_zeros);
    let mac = mac.finalize().into_bytes();
    reply = sent.bare(
        Code::DISCONNECT_ACK,
        &[(AttributeType::MESSAGE_AUTHENTICATOR, &mac[..])],
    );
    assert_eq!(side.reply(&sent, &reply), Ok(()));
}

#[test]
fn reply_to_a_request_that_is_given_up_is_not_believed_for_another() {
    let mut side = Side::new(1);
    side.begin(1, names());
    let given_up = side.sent().unwrap();
    side.now += MRD;
    assert_eq!(side.sent(), None);
    assert_eq!(side.sender.poll_ended(), Some((1, Outcome::Timeout)));
    // Until its Identifier comes round again.
    for id in 2..=257 {
        side.begin(id, names());
    }
    let again: Vec<Sent> = side.all_sent();
    assert_eq!(again.len(), 256);
    let same = again
        .iter()
        .find(|sent| sent.identifier() == given_up.identifier());
    assert_eq!(
        side.reply(same.unwrap(), &given_up.ack()),
        Err(NoReply::ResponseAuthenticator)
    );
}

#[test]
fn identifiers_are_used_again_only_when_free_and_the_longest_free_first() {
    let mut side = Side::new(1);
    for id in 0..300 {
        side.begin(id, names());
    }
    let sent = side.all_sent();
    assert_eq!(sent.len(), 256, "the other 44 wait");
    let expected: Vec<u8> = (0..=255u8).map(|n| n.wrapping_add(250)).collect();
    let identifiers: Vec<u8> = sent.iter().map(Sent::identifier).collect();
    assert_eq!(identifiers, expected);
    // Three are answered; their Identifiers are used in that order.
    for at in [9, 200, 30] {
        let ack = sent[at].ack();
        side.reply(&sent[at], &ack).unwrap();
    }
    let next: Vec<u8> = side.all_sent().iter().map(Sent::identifier).collect();
    assert_eq!(next, [9, 200, 30].map(|at| expected[at]));
}

/// strongSwan answers from memory whatever has the port and Identifier of its last answer.
#[test]
fn identifier_is_not_used_twice_in_a_row() {
    let mut side = Side::new(1);
    let mut last = None;
    for id in 0..1000 {
        side.begin(id, names());
        let sent = side.sent().unwrap();
        assert_ne!(Some(sent.identifier()), last);
        last = Some(sent.identifier());
        side.reply(&sent, &sent.ack()).unwrap();
        assert_eq!(side.sender.poll_ended(), Some((id, Outcome::Ended)));
    }
}

#[test]
fn mass_disconnect_spreads_over_ports_and_every_order_ends() {
    let mut side = Side::new(8);
    for id in 0..5000 {
        side.begin(id, full());
    }
    let mut ended = HashMap::new();
    let mut at_once = side.all_sent();
    assert_eq!(at_once.len(), 8 * 256);
    while !at_once.is_empty() {
        let places: std::collections::HashSet<(u16, u8)> =
            at_once.iter().map(|s| (s.slot, s.identifier())).collect();
        assert_eq!(
            places.len(),
            at_once.len(),
            "no two open requests look alike"
        );
        for sent in &at_once {
            side.reply(sent, &sent.ack()).unwrap();
        }
        at_once = side.all_sent();
    }
    while let Some((id, outcome)) = side.sender.poll_ended() {
        assert_eq!(outcome, Outcome::Ended);
        assert!(ended.insert(id, ()).is_none(), "{id} ended twice");
    }
    assert_eq!(ended.len(), 5000);
    assert_eq!(side.sender.next_timer(), None);
}

#[test]
fn dead_nas_does_not_stop_another() {
    let mut side = Side::new(1);
    for id in 0..400 {
        side.begin(id, names());
    }
    let mut order = side.order(1000, names());
    order.peer = "192.0.2.9:3799".parse().unwrap();
    side.sender.begin(order).unwrap();
    let sent = side.all_sent();
    let alive = sent.iter().find(|sent| sent.peer != peer()).unwrap();
    side.reply(alive, &alive.ack()).unwrap();
    assert_eq!(side.sender.poll_ended(), Some((1000, Outcome::Ended)));
    let start = side.now;
    while let Some(due) = side.sender.next_timer() {
        side.now = due;
        side.all_sent();
    }
    let timeouts = std::iter::from_fn(|| side.sender.poll_ended())
        .filter(|(_, outcome)| *outcome == Outcome::Timeout)
        .count();
    assert_eq!(timeouts, 400);
    assert!(side.now - start <= 2 * MRD, "those that waited come second");
}

#[test]
fn order_is_taken_once_and_not_without_bound() {
    let mut side = Side::new(1);
    side.begin(1, names());
    let again = side.order(1, names());
    assert_eq!(side.sender.begin(again), Err(NotBegun::InProgress));
    for id in 2..=ORDERS_MAX as u64 {
        side.begin(id, names());
    }
    let more = side.order(u64::MAX, names());
    assert_eq!(side.sender.begin(more), Err(NotBegun::Full));
    assert_eq!(side.sender.len(), ORDERS_MAX);
}

#[test]
fn session_that_can_not_be_named_is_told_at_once() {
    let mut side = Side::new(1);
    side.begin(1, Session::new(""));
    side.begin(2, Session::new("a".repeat(254)));
    side.begin(3, Session::new("5F00-1"));
    assert_eq!(side.all_sent().len(), 1);
    let told: Vec<(u64, Outcome)> = std::iter::from_fn(|| side.sender.poll_ended()).collect();
    assert_eq!(
        told,
        [
            (1, Outcome::Unwritable(WriteError::AttributeEmpty)),
            (2, Outcome::Unwritable(WriteError::AttributeTooLong)),
        ]
    );
}

#[test]
fn causes_have_names() {
    assert_eq!(
        ErrorCause::SESSION_CONTEXT_NOT_FOUND.to_string(),
        "session context not found (503)"
    );
    assert_eq!(ErrorCause(999).to_string(), "error cause 999");
}

/// Cisco ISE CVE-2025-20152, and FreeRADIUS CVE-2017-10978 to 10988, from the other side: what a
/// NAS answers.
#[test]
fn r37_r39_no_answer_of_a_nas_ends_the_sender() {
    let mut side = Side::new(1);
    side.begin(1, full());
    let sent = side.sent().unwrap();
    let nak = sent.nak(404);
    for at in 0..nak.len() {
        for octet in 0..=u8::MAX {
            let mut mutated = nak.clone();
            mutated[at] = octet;
            if mutated != nak {
                assert!(side.reply(&sent, &mutated).is_err());
            }
        }
        assert!(side.reply(&sent, &nak[..at]).is_err());
    }
    assert_eq!(side.reply(&sent, &nak), Ok(()));
}

proptest! {
    #[test]
    fn waits_double_within_a_tenth_and_end_in_time(random: [u8; 15]) {
        let mut side = Side::new(1);
        let mut order = side.order(1, names());
        order.random = random;
        side.sender.begin(order).unwrap();
        let start = side.now;
        let mut sent_at = vec![];
        while side.sender.poll_ended().is_none() {
            if side.sent().is_some() {
                sent_at.push(side.now);
            }
            side.now = side.sender.next_timer().unwrap_or(side.now);
        }
        prop_assert!(sent_at.len() <= usize::from(MRC));
        prop_assert!(side.now - start <= MRD);
        let waits: Vec<f64> = sent_at.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
        prop_assert!((0.89..=1.11).contains(&(waits[0] / IRT.as_secs_f64())));
        for pair in waits.windows(2) {
            let is_longest = (0.89..=1.11).contains(&(pair[1] / MRT.as_secs_f64()));
            prop_assert!(is_longest || (1.89..=2.11).contains(&(pair[1] / pair[0])));
        }
    }

    #[test]
    fn no_datagram_panics_the_sender(
        body in proptest::collection::vec(any::<u8>(), 0..100),
        code in prop_oneof![Just(41u8), Just(42), any::<u8>()],
    ) {
        let mut side = Side::new(1);
        side.begin(1, full());
        let sent = side.sent().unwrap();
        let mut octets = vec![code, sent.identifier(), 0, body.len() as u8 + 20];
        octets.extend([0; 16]);
        octets.extend(body);
        prop_assert!(side.reply(&sent, &octets).is_err());
    }

    /// Whatever a NAS answers, lets go unanswered, or answers twice: every order ends once, and
    /// no two open requests look alike.
    #[test]
    fn every_order_ends_exactly_once(
        steps in proptest::collection::vec((0usize..64, 0u8..8, 0u64..9), 1..200),
    ) {
        let mut side = Side::new(1);
        let mut open: Vec<Sent> = Vec::new();
        let mut ended = std::collections::HashSet::new();
        let mut begun = 0;
        for (which, action, seconds) in steps {
            if action < 3 {
                begun += 1;
                side.begin(begun, if which % 2 == 0 { full() } else { names() });
            }
            side.now += Duration::from_secs(seconds);
            open.extend(side.all_sent());
            if !open.is_empty() {
                let sent = open[which % open.len()].clone();
                let reply = match action {
                    3 => sent.ack(),
                    4 => sent.nak(503),
                    5 => sent.nak(404),
                    6 => sent.nak(508),
                    _ => continue,
                };
                let _ = side.reply(&sent, &reply);
            }
            while let Some((id, _)) = side.sender.poll_ended() {
                prop_assert!(ended.insert(id));
            }
        }
        side.all_sent();
        while let Some(due) = side.sender.next_timer() {
            side.now = due.max(side.now);
            side.all_sent();
        }
        while let Some((id, _)) = side.sender.poll_ended() {
            prop_assert!(ended.insert(id));
        }
        prop_assert_eq!(ended.len() as u64, begun);
        prop_assert!(side.sender.is_empty());
    }
}
