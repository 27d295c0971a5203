//! Logins by EAP: notes 1.7.

use std::time::Duration;

use proptest::prelude::*;
use sekisho_radius_protocol::attribute::microsoft;
use sekisho_radius_protocol::eap::ms_chap_v2::{self, Response};
use sekisho_radius_protocol::eap::{EapCode, EapPacket, EapType, request, response};
use sekisho_radius_protocol::mppe;
use sekisho_radius_protocol::server::{
    Answer, Client, Conversation, Method, Methods, Mode, SendCause, Ticket, Verdict,
};
use sekisho_radius_protocol::state::FirstFactor;
use sekisho_radius_protocol::{AttributeType, Code};

use crate::methods::{
    NT_RESPONSE, PEER_CHALLENGE, RECEIVE, SEND, SUCCESS, all_methods, ms_chap_keys,
};
use crate::nas::{
    Asked, AskedFirst, CODE, Gate, Outcome, Raw, fresh_authenticator, kinds, only, read, secret,
};

fn gtc_only(client: &mut Client) {
    client.methods = Methods::from_iter([Method::EapGtc]);
}

fn ms_chap_only(client: &mut Client) {
    client.methods = Methods::from_iter([Method::EapMsChapV2]);
}

fn in_rounds(client: &mut Client) {
    gtc_only(client);
    client.mode = Mode::Challenge { rounds: 2 };
}

/// A peer and its NAS: they remember the last EAP request and its State.
#[derive(Clone)]
struct Peer {
    packet: Raw,
    /// The request that was answered last with a challenge.
    eap: Vec<u8>,
    state: Vec<u8>,
}

impl Peer {
    fn new(name: &[u8]) -> Self {
        let packet = Raw {
            authenticator: fresh_authenticator(),
            ..Raw::new(Code::ACCESS_REQUEST)
        };
        Self {
            packet: packet.with(AttributeType::USER_NAME, name),
            eap: Vec::new(),
            state: Vec::new(),
        }
    }

    /// Answers the identity request that the NAS has made up, Identifier 1.
    fn identity(name: &[u8]) -> Self {
        let mut peer = Self::new(name);
        peer.packet = peer
            .packet
            .eap(&response(1, EapType::IDENTITY, name).expect("names are short"));
        peer
    }

    fn request(&self) -> EapPacket<'_> {
        EapPacket::parse(&self.eap).expect("an EAP request")
    }

    /// Takes a challenge.
    #[track_caller]
    fn take(&mut self, reply: &[u8]) {
        let packet = read(&self.packet, reply);
        assert_eq!(packet.code(), Code::ACCESS_CHALLENGE);
        self.eap = packet
            .concatenated(AttributeType::EAP_MESSAGE)
            .expect("an EAP-Message");
        self.state = only(&packet, AttributeType::STATE).to_vec();
        assert_eq!(packet.count(AttributeType::REPLY_MESSAGE), 0);
        assert_eq!(self.request().code, EapCode::Request);
    }

    /// Sends what is ready, and takes the challenge that must come at once.
    #[track_caller]
    fn challenged(&mut self, gate: &mut Gate) {
        match gate.receive(&self.packet.signed()) {
            Outcome::Sent(reply, SendCause::Challenge) => self.take(&reply),
            other => panic!("{other:?}"),
        }
    }

    /// Makes the answer to the last request ready.
    fn answer(&mut self, kind: EapType, data: &[u8]) {
        let identifier = self.request().identifier;
        self.answer_as(identifier, kind, data);
    }

    fn answer_as(&mut self, identifier: u8, kind: EapType, data: &[u8]) {
        let eap = response(identifier, kind, data).expect("test data is short");
        self.packet = self.packet.clone().next(&self.state).eap(&eap);
    }

    fn answer_ms_chap(&mut self, name: &[u8]) {
        let said = Response {
            peer_challenge: PEER_CHALLENGE,
            nt_response: NT_RESPONSE,
            name,
        };
        let identifier = self.request().identifier;
        let data = ms_chap_v2::response(identifier, &said);
        self.answer(EapType::MS_CHAP_V2, &data);
    }

    #[track_caller]
    fn asked(&self, gate: &mut Gate) -> (Ticket, Asked, AskedFirst, Option<Conversation>) {
        match gate.receive(&self.packet.signed()) {
            Outcome::Asked {
                ticket,
                proof,
                first,
                conversation,
                ..
            } => (ticket, proof, first, conversation),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(&self, gate: &mut Gate, expected: &str) {
        assert_eq!(gate.receive(&self.packet.signed()).kind(), expected);
    }

    /// The reply must be a reject with an EAP-Failure for this request.
    #[track_caller]
    fn failed(&self, reply: &[u8]) {
        let packet = read(&self.packet, reply);
        assert_eq!(packet.code(), Code::ACCESS_REJECT);
        assert_eq!(kinds(&packet), [80, 79]);
        let sent = self
            .packet
            .attributes
            .iter()
            .find(|(kind, _)| *kind == 79)
            .map_or(0, |(_, eap)| eap.get(1).copied().unwrap_or(0));
        assert_eq!(only(&packet, AttributeType::EAP_MESSAGE), [4, sent, 0, 4]);
    }

    /// Refused without the verifier, with an EAP-Failure.
    #[track_caller]
    fn refused(&self, gate: &mut Gate, why: &str) {
        let outcome = gate.receive(&self.packet.signed());
        assert_eq!(outcome.kind(), format!("refused {why}"));
        let reply = gate
            .release(outcome.ticket())
            .expect("somebody waits for this");
        self.failed(&reply);
    }
}

/// A peer that was asked for a code by EAP-GTC.
#[track_caller]
fn asked_for_code(gate: &mut Gate) -> Peer {
    let mut peer = Peer::identity(b"hanako");
    peer.challenged(gate);
    assert_eq!(peer.request().kind, EapType::GTC);
    peer
}

/// A peer with a response to our challenge, for this name.
#[track_caller]
fn responding(gate: &mut Gate, user_name: &[u8], name: &[u8]) -> Peer {
    let mut peer = Peer::identity(user_name);
    peer.challenged(gate);
    peer.answer_ms_chap(name);
    peer
}

/// Accepts a response; the peer is ready to acknowledge it.
#[track_caller]
fn prove(gate: &mut Gate, peer: &mut Peer, ticket: Ticket) {
    let keys = ms_chap_keys();
    let answer = Answer::from(Verdict::Accept)
        .with_attributes(b"\x19\x0btoo early")
        .with_ms_chap(&keys);
    let reply = gate
        .conclude_with(ticket, &answer)
        .expect("somebody waits for this");
    peer.take(&reply);
    peer.answer(EapType::MS_CHAP_V2, &ms_chap_v2::acknowledgement());
}

/// A peer that has our proof and is to acknowledge it.
#[track_caller]
fn proven(gate: &mut Gate) -> Peer {
    let mut peer = responding(gate, b"User", b"User");
    let (ticket, ..) = peer.asked(gate);
    prove(gate, &mut peer, ticket);
    peer
}

#[test]
fn gtc_asks_for_the_code_and_an_accept_carries_eap_success_and_no_text() {
    let mut gate = Gate::with(gtc_only);
    let mut peer = asked_for_code(&mut gate);
    assert_eq!(peer.request().data, b"Enter your one-time code");
    assert_eq!(peer.request().identifier, 2);
    peer.answer(EapType::GTC, CODE);
    let (ticket, proof, first, conversation) = peer.asked(&mut gate);
    assert_eq!(proof, Asked::Code(CODE.to_vec()));
    assert_eq!(first, AskedFirst::Known(FirstFactor::None));
    assert!(conversation.is_some());
    let answer = Answer::from(Verdict::Accept)
        .with_reply_message("welcome")
        .with_attributes(b"\x19\x05vpn\x12\x04hi");
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    let packet = read(&peer.packet, &reply);
    assert_eq!(packet.code(), Code::ACCESS_ACCEPT);
    assert_eq!(kinds(&packet), [80, 79, 25]);
    assert_eq!(only(&packet, AttributeType::EAP_MESSAGE), [3, 2, 0, 4]);
}

#[test]
fn wrong_code_is_a_reject_with_eap_failure() {
    let mut gate = Gate::with(gtc_only);
    let mut peer = asked_for_code(&mut gate);
    peer.answer(EapType::GTC, b"000000");
    let (ticket, ..) = peer.asked(&mut gate);
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    peer.failed(&reply);
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = Peer::identity(b"User");
    peer.challenged(&mut gate);
    peer.answer_ms_chap(b"User");
    let (ticket, ..) = peer.asked(&mut gate);
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    peer.failed(&reply);
}

#[test]
fn gtc_in_challenge_mode_asks_for_the_password_then_for_the_code_in_rounds() {
    let mut gate = Gate::with(|client| {
        in_rounds(client);
        client.first_factor = true;
    });
    let mut peer = Peer::identity(b"hanako");
    peer.challenged(&mut gate);
    assert_eq!(peer.request().data, b"Enter your password");
    peer.answer(EapType::GTC, b"secret");
    let (ticket, proof, first, conversation) = peer.asked(&mut gate);
    assert_eq!(proof, Asked::Password);
    assert_eq!(first, AskedFirst::Password(b"secret".to_vec()));
    assert_eq!(conversation, None);
    let verdict = Verdict::Challenge(FirstFactor::Right);
    let reply = gate.conclude(ticket, verdict).unwrap();
    peer.take(&reply);
    for is_last in [false, true] {
        assert_eq!(peer.request().data, b"Enter your one-time code");
        peer.answer(EapType::GTC, b"000000");
        let (ticket, _, first, _) = peer.asked(&mut gate);
        assert_eq!(first, AskedFirst::Known(FirstFactor::Right));
        gate.hold(ticket, &Answer::from(Verdict::Reject));
        let reply = gate.release(ticket).unwrap();
        if is_last {
            peer.failed(&reply);
        } else {
            peer.take(&reply);
        }
    }
}

/// As with Access-Challenge without EAP: see `challenges`.
#[test]
fn gtc_code_is_the_same_round_however_late_the_password_is_sent_again() {
    let mut gate = Gate::with(|client| {
        in_rounds(client);
        client.first_factor = true;
    });
    let mut peer = Peer::identity(b"hanako");
    peer.challenged(&mut gate);
    let asked_for_password = peer.clone();
    let mut rounds = Vec::new();
    for later in [0, 50, 60] {
        gate.now += Duration::from_secs(later);
        let mut peer = asked_for_password.clone();
        peer.answer(EapType::GTC, b"secret");
        let (ticket, ..) = peer.asked(&mut gate);
        let verdict = Verdict::Challenge(FirstFactor::Right);
        let reply = gate.conclude(ticket, verdict).unwrap();
        peer.take(&reply);
        peer.answer(EapType::GTC, CODE);
        rounds.push(peer.asked(&mut gate).3.unwrap());
    }
    rounds.dedup();
    assert_eq!(rounds.len(), 1);
}

#[test]
fn gtc_without_a_first_factor_of_ours_asks_for_the_code_at_once() {
    let mut gate = Gate::with(in_rounds);
    let peer = asked_for_code(&mut gate);
    assert_eq!(peer.request().data, b"Enter your one-time code");
}

#[test]
fn gtc_takes_password_and_code_in_one() {
    let mut gate = Gate::with(|client| {
        gtc_only(client);
        client.first_factor = true;
        client.mode = Mode::PasswordAndCode {
            code_length: 6,
            code_at_end: true,
        };
    });
    let mut peer = asked_for_code(&mut gate);
    assert_eq!(
        peer.request().data,
        b"Enter your password and one-time code"
    );
    peer.answer(EapType::GTC, b"secret123456");
    let (_, proof, first, _) = peer.asked(&mut gate);
    assert_eq!(proof, Asked::Code(b"123456".to_vec()));
    assert_eq!(first, AskedFirst::Password(b"secret".to_vec()));
}

#[test]
fn gtc_answers_that_are_empty_or_too_long_are_refused_without_an_attempt() {
    for (typed, why) in [
        (vec![], "PasswordEmpty"),
        (vec![b'1'; 129], "PasswordSize"),
        (vec![b'1'; 2000], "PasswordSize"),
    ] {
        let mut gate = Gate::with(gtc_only);
        let mut peer = asked_for_code(&mut gate);
        peer.answer(EapType::GTC, &typed);
        peer.refused(&mut gate, why);
    }
}

#[test]
fn ms_chap_v2_challenge_and_success_have_the_form_of_the_draft() {
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = Peer::identity(b"CORP\\User");
    peer.challenged(&mut gate);
    let request = peer.request();
    assert_eq!((request.kind, request.identifier), (EapType::MS_CHAP_V2, 2));
    let data = request.data.to_vec();
    assert_eq!(data[..2], [1, 2]);
    assert_eq!(usize::from(data[3]), peer.eap.len() - 5);
    assert_eq!(data[4], 16);
    assert_eq!(&data[21..], b"sekisho");
    peer.answer_ms_chap(b"CORP\\User");
    let (ticket, proof, ..) = peer.asked(&mut gate);
    let expected = Asked::MsChapV2 {
        challenge: data[5..21].try_into().unwrap(),
        peer_challenge: PEER_CHALLENGE,
        response: NT_RESPONSE,
        user_name: b"User".to_vec(),
    };
    assert_eq!(proof, expected);
    let keys = ms_chap_keys();
    let answer = Answer::from(Verdict::Accept).with_ms_chap(&keys);
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    peer.take(&reply);
    let data = peer.request().data;
    assert_eq!(data[..2], [3, 3]);
    assert_eq!(usize::from(data[3]), peer.eap.len() - 5);
    assert_eq!(data[4..], [SUCCESS, b" M=OK"].concat());
}

#[test]
fn ms_chap_v2_acknowledged_and_accepted_again_brings_eap_success_keys_and_attributes() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = proven(&mut gate);
    let (ticket, ..) = peer.asked(&mut gate);
    let keys = ms_chap_keys();
    let answer = Answer::from(Verdict::Accept)
        .with_reply_message("welcome")
        .with_attributes(b"\x19\x05vpn")
        .with_ms_chap(&keys);
    let reply = gate.conclude_with(ticket, &answer).unwrap();
    let packet = read(&peer.packet, &reply);
    assert_eq!(packet.code(), Code::ACCESS_ACCEPT);
    assert_eq!(kinds(&packet), [80, 79, 26, 26, 26, 26, 25]);
    assert_eq!(only(&packet, AttributeType::EAP_MESSAGE), [3, 3, 0, 4]);
    assert_eq!(only(&packet, AttributeType::CLASS), b"vpn");
    let key = |kind| {
        let hidden = packet
            .vendor(microsoft::VENDOR_ID)
            .find(|a| a.kind == kind)
            .unwrap();
        mppe::reveal(&secret(), &peer.packet.authenticator, hidden.value).unwrap()
    };
    assert_eq!(*key(microsoft::MPPE_RECV_KEY), RECEIVE);
    assert_eq!(*key(microsoft::MPPE_SEND_KEY), SEND);
    let success = packet
        .vendor(microsoft::VENDOR_ID)
        .any(|a| a.kind == microsoft::CHAP2_SUCCESS);
    assert!(!success, "the peer has it already");
    let again = gate.receive(&peer.packet.signed());
    assert_eq!(again, Outcome::Sent(reply, SendCause::Duplicate));
}

/// The verifier knows by the round and the proof that it is the same login once more.
#[test]
fn acknowledgement_asks_about_the_same_round_and_proof_again_at_any_server() {
    let long = [b'n'; 128];
    let longest = [b'u'; 253];
    for (user_name, name) in [
        (b"User".as_slice(), b"User".as_slice()),
        (b"CORP\\User", b"User"),
        (b"CORP\\User", b"OTHER\\User"),
        (b"User", b"another name"),
        (b"User", b""),
        (b"User", &long),
        (&longest, &longest),
    ] {
        let mut gate = Gate::with(ms_chap_only);
        let mut peer = responding(&mut gate, user_name, name);
        let (ticket, proof, first, round) = peer.asked(&mut gate);
        prove(&mut gate, &mut peer, ticket);
        gate.now += Duration::from_secs(5);
        let mut other = gate.other_server();
        other.peer.set_port(1);
        for server in [&mut gate, &mut other] {
            let (_, again, first_again, round_again) = peer.asked(server);
            assert_eq!(again, proof);
            assert_eq!(first_again, first);
            assert_eq!(round_again.map(|it| it.id), round.map(|it| it.id));
        }
    }
}

/// A thief who answers with the right code and waits until the loss is reported gets nothing.
#[test]
fn right_that_was_taken_away_before_the_acknowledgement_lets_nobody_in() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = proven(&mut gate);
    let (ticket, ..) = peer.asked(&mut gate);
    gate.hold(ticket, &Answer::from(Verdict::Reject));
    peer.check(&mut gate, "ignored InProgress");
    let reply = gate.release(ticket).unwrap();
    peer.failed(&reply);
    let again = gate.receive(&peer.packet.signed());
    assert_eq!(again, Outcome::Sent(reply, SendCause::Duplicate));
}

#[test]
fn acknowledgement_is_taken_for_ten_seconds_whatever_the_life_of_challenges() {
    for (lifetime, milliseconds, expected) in [
        (600, 9_000, "asked"),
        (600, 10_000, "refused BadState"),
        (5, 4_000, "asked"),
        (5, 5_000, "refused BadState"),
    ] {
        let mut gate = Gate::with(|client| {
            ms_chap_only(client);
            client.challenge_lifetime = Duration::from_secs(lifetime);
        });
        let peer = proven(&mut gate);
        gate.now += Duration::from_millis(milliseconds);
        peer.check(&mut gate, expected);
    }
}

#[test]
fn neither_response_nor_acknowledgement_lets_anybody_in_without_keys() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = responding(&mut gate, b"User", b"User");
    let (ticket, ..) = peer.asked(&mut gate);
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    peer.failed(&reply);
    let peer = proven(&mut gate);
    let (ticket, ..) = peer.asked(&mut gate);
    let reply = gate.conclude(ticket, Verdict::Accept).unwrap();
    peer.failed(&reply);
}

/// Groups are looked up, and a login is counted, once.
#[test]
fn only_the_acknowledgement_is_final() {
    let is_final = |gate: &mut Gate, peer: &Peer| match gate.receive(&peer.packet.signed()) {
        Outcome::Asked {
            is_final, ticket, ..
        } => (is_final, ticket),
        other => panic!("{other:?}"),
    };
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = responding(&mut gate, b"User", b"User");
    let (response, ticket) = is_final(&mut gate, &peer);
    prove(&mut gate, &mut peer, ticket);
    let (acknowledgement, _) = is_final(&mut gate, &peer);
    assert_eq!((response, acknowledgement), (false, true));
    let mut gate = Gate::with(gtc_only);
    let mut peer = asked_for_code(&mut gate);
    peer.answer(EapType::GTC, CODE);
    assert!(is_final(&mut gate, &peer).0);
}

#[test]
fn success_is_not_a_way_around_the_response() {
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = Peer::identity(b"User");
    peer.challenged(&mut gate);
    peer.answer(EapType::MS_CHAP_V2, &ms_chap_v2::acknowledgement());
    peer.refused(&mut gate, "ProofForm");
    let mut peer = proven(&mut gate);
    peer.answer_ms_chap(b"User");
    peer.refused(&mut gate, "EapDeclined");
    let mut other = proven(&mut gate);
    other.packet = other
        .packet
        .without(AttributeType::USER_NAME)
        .with(AttributeType::USER_NAME, b"taro");
    other.refused(&mut gate, "BadState");
}

#[test]
fn peer_that_does_not_believe_us_is_rejected() {
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = proven(&mut gate);
    for data in [&[4][..], &[1], &[0], b""] {
        peer.answer(EapType::MS_CHAP_V2, data);
        peer.refused(&mut gate, "EapDeclined");
    }
}

#[test]
fn ms_chap_v2_responses_of_the_wrong_form_are_refused_without_an_attempt() {
    let said = Response {
        peer_challenge: PEER_CHALLENGE,
        nt_response: NT_RESPONSE,
        name: b"User",
    };
    let good = ms_chap_v2::response(2, &said);
    let with = |at: usize, octet: u8| {
        let mut data = good.clone();
        data[at] = octet;
        data
    };
    let long = ms_chap_v2::response(
        2,
        &Response {
            name: &[b'n'; 129],
            ..said
        },
    );
    for data in [
        with(0, 1),
        with(0, 3),
        with(0, 9),
        with(3, 0),
        with(4, 16),
        good[..good.len() - 1].to_vec(),
        good[..20].to_vec(),
        vec![2],
        vec![],
        long,
    ] {
        let mut gate = Gate::with(ms_chap_only);
        let mut peer = Peer::identity(b"User");
        peer.challenged(&mut gate);
        peer.answer(EapType::MS_CHAP_V2, &data);
        peer.refused(&mut gate, "ProofForm");
    }
}

#[test]
fn start_is_answered_by_an_identity_request() {
    for name in [b"".as_slice(), b"hanako"] {
        let mut gate = Gate::with(gtc_only);
        let mut peer = Peer::new(b"hanako");
        if name.is_empty() {
            peer.packet = peer.packet.without(AttributeType::USER_NAME);
        }
        peer.packet = peer.packet.with(AttributeType::EAP_MESSAGE, b"");
        peer.challenged(&mut gate);
        assert_eq!(peer.request().kind, EapType::IDENTITY);
        peer.answer(EapType::IDENTITY, b"hanako");
        peer.packet = peer
            .packet
            .without(AttributeType::USER_NAME)
            .with(AttributeType::USER_NAME, b"hanako");
        peer.challenged(&mut gate);
        assert_eq!(peer.request().kind, EapType::GTC);
    }
}

#[test]
fn nak_brings_another_method_that_is_on_once_and_no_other() {
    let mut gate = Gate::with(all_methods);
    let mut peer = Peer::identity(b"User");
    peer.challenged(&mut gate);
    assert_eq!(peer.request().kind, EapType::MS_CHAP_V2);
    let mut wants_tls = peer.clone();
    wants_tls.answer(EapType::NAK, &[13, 21, 25]);
    wants_tls.refused(&mut gate, "EapDeclined");
    let mut wants_nothing = peer.clone();
    wants_nothing.answer(EapType::NAK, &[0]);
    wants_nothing.refused(&mut gate, "EapDeclined");
    let mut expanded = peer.clone();
    expanded.answer(EapType::EXPANDED, &[0; 7]);
    expanded.refused(&mut gate, "EapDeclined");
    let mut same = peer.clone();
    same.answer(EapType::NAK, &[26]);
    same.refused(&mut gate, "EapDeclined");
    peer.answer(EapType::NAK, &[13, 6]);
    peer.challenged(&mut gate);
    assert_eq!(peer.request().kind, EapType::GTC);
    peer.answer(EapType::NAK, &[26, 6]);
    peer.refused(&mut gate, "EapDeclined");
}

#[test]
fn nak_is_too_late_after_a_password_or_a_code() {
    let mut gate = Gate::with(in_rounds);
    let mut peer = asked_for_code(&mut gate);
    peer.answer(EapType::GTC, b"000000");
    let (ticket, ..) = peer.asked(&mut gate);
    let reply = gate.conclude(ticket, Verdict::Reject).unwrap();
    peer.take(&reply);
    peer.answer(EapType::NAK, &[6, 26]);
    peer.refused(&mut gate, "EapDeclined");
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = proven(&mut gate);
    peer.answer(EapType::NAK, &[6, 26]);
    peer.refused(&mut gate, "EapDeclined");
}

#[test]
fn unknown_method_or_one_that_was_not_asked_for_is_a_reject() {
    for kind in [4, 5, 13, 21, 25, 26, 43, 52, 255] {
        let mut gate = Gate::with(gtc_only);
        let mut peer = asked_for_code(&mut gate);
        peer.answer(EapType(kind), b"123456");
        peer.refused(&mut gate, "EapDeclined");
    }
}

#[test]
fn identity_that_is_not_user_name_is_a_reject() {
    for identity in [b"taro".as_slice(), b"", b"Hanako", b"hanako\0"] {
        let mut gate = Gate::with(gtc_only);
        let mut peer = Peer::new(b"hanako");
        peer.packet = peer
            .packet
            .eap(&response(1, EapType::IDENTITY, identity).unwrap());
        peer.refused(&mut gate, "Identity");
    }
}

#[test]
fn broken_eap_is_dropped_and_leaves_no_trace() {
    let good = response(1, EapType::IDENTITY, b"hanako").unwrap();
    let with = |at: usize, octet: u8| {
        let mut eap = good.clone();
        eap[at] = octet;
        eap
    };
    for eap in [
        with(3, 12),
        with(2, 1),
        with(3, 3),
        with(3, 4),
        with(3, 0),
        good[..3].to_vec(),
        good[..1].to_vec(),
        with(0, 1),
        with(0, 3),
        with(0, 4),
        with(0, 0),
        with(0, 5),
        response(1, EapType::NOTIFICATION, b"").unwrap(),
    ] {
        let mut gate = Gate::with(gtc_only);
        let mut peer = Peer::new(b"hanako");
        peer.packet = peer.packet.eap(&eap);
        peer.check(&mut gate, "ignored Eap");
        assert_eq!(gate.server.remembered(), 0);
    }
    let mut padded = good.clone();
    padded.extend([0; 9]);
    let mut peer = Peer::new(b"hanako");
    peer.packet = peer.packet.eap(&padded);
    peer.check(&mut Gate::with(gtc_only), "sent Challenge");
}

#[test]
fn response_to_another_request_is_dropped_and_the_right_one_still_works() {
    let mut gate = Gate::with(gtc_only);
    let mut peer = asked_for_code(&mut gate);
    for identifier in [0, 1, 3, 255] {
        let mut wrong = peer.clone();
        wrong.answer_as(identifier, EapType::GTC, CODE);
        wrong.check(&mut gate, "ignored Eap");
    }
    peer.answer(EapType::GTC, CODE);
    peer.asked(&mut gate);
}

#[test]
fn long_eap_comes_in_pieces_that_must_be_in_order_and_together() {
    let name = [b'n'; 240];
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = Peer::identity(&name);
    peer.challenged(&mut gate);
    peer.answer_ms_chap(&name);
    assert_eq!(
        peer.packet.attributes.iter().filter(|a| a.0 == 79).count(),
        2
    );
    let mut scattered = peer.clone();
    let last = scattered.packet.attributes.pop().unwrap();
    scattered.packet = scattered.packet.with(AttributeType::NAS_PORT, &[0; 4]);
    scattered.packet.attributes.push(last);
    scattered.check(&mut gate, "ignored Eap");
    match peer.asked(&mut gate).1 {
        Asked::MsChapV2 { user_name, .. } => assert_eq!(user_name, name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn long_texts_leave_in_one_piece_of_an_attribute_each() {
    let mut gate = Gate::with(|client| {
        gtc_only(client);
        client.texts.code = "x".repeat(1000);
    });
    let mut peer = asked_for_code(&mut gate);
    assert_eq!(peer.request().data.len(), 253);
    assert_eq!(peer.eap.len(), 258);
    peer.answer(EapType::GTC, CODE);
    peer.asked(&mut gate);
}

#[test]
fn conversations_do_not_disturb_each_other() {
    let mut gate = Gate::with(gtc_only);
    let mut peers: Vec<Peer> = (0..20u8)
        .map(|n| {
            let mut peer = Peer::identity(format!("user{}", n / 2).as_bytes());
            peer.packet.identifier = n;
            peer
        })
        .collect();
    for peer in &mut peers {
        peer.challenged(&mut gate);
    }
    let mut ids = Vec::new();
    for (n, peer) in peers.iter_mut().enumerate().rev() {
        let code = format!("{n:06}");
        peer.answer(EapType::GTC, code.as_bytes());
        peer.packet.identifier = 100 + n as u8;
        let (_, proof, _, conversation) = peer.asked(&mut gate);
        assert_eq!(proof, Asked::Code(code.into_bytes()));
        ids.push(conversation.unwrap().id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[test]
fn state_of_one_conversation_or_method_does_not_serve_another() {
    let mut gate = Gate::with(all_methods);
    let mut gtc_gate = Gate::with(gtc_only);
    let mut hanako = asked_for_code(&mut gtc_gate);
    let mut taro = Peer::identity(b"taro");
    taro.challenged(&mut gtc_gate);
    std::mem::swap(&mut hanako.state, &mut taro.state);
    hanako.answer(EapType::GTC, CODE);
    hanako.refused(&mut gtc_gate, "BadState");

    let mut ms_chap = Peer::identity(b"hanako");
    ms_chap.challenged(&mut gate);
    ms_chap.answer(EapType::GTC, CODE);
    ms_chap.refused(&mut gate, "EapDeclined");

    let mut stateless = asked_for_code(&mut gtc_gate);
    stateless.answer(EapType::GTC, CODE);
    stateless.packet = stateless.packet.without(AttributeType::STATE);
    stateless.refused(&mut gtc_gate, "BadState");

    let mut late = asked_for_code(&mut gtc_gate);
    late.answer(EapType::GTC, CODE);
    gtc_gate.now += Duration::from_secs(120);
    late.refused(&mut gtc_gate, "BadState");

    let mut restarted = Peer::identity(b"hanako");
    restarted.packet = restarted.packet.with(AttributeType::STATE, b"made up");
    restarted.refused(&mut gtc_gate, "BadState");
}

#[test]
fn eap_without_message_authenticator_is_dropped_whatever_the_settings_say() {
    use sekisho_radius_protocol::server::MessageAuthenticatorRule;
    for rule in [
        MessageAuthenticatorRule::Require,
        MessageAuthenticatorRule::Auto,
        MessageAuthenticatorRule::Off,
    ] {
        let mut gate = Gate::with(|client| {
            all_methods(client);
            client.message_authenticator = rule;
            client.limit_proxy_state = false;
        });
        let peer = Peer::identity(b"hanako");
        let outcome = gate.receive(&peer.packet.octets());
        assert_eq!(outcome.kind(), "ignored NoMessageAuthenticator");
    }
}

#[test]
fn eap_with_another_proof_is_refused() {
    let mut gate = Gate::with(all_methods);
    let mut peer = Peer::identity(b"hanako");
    peer.packet = peer.packet.password(CODE);
    peer.refused(&mut gate, "SeveralMethods");
}

#[test]
fn without_keys_eap_is_met_with_silence() {
    let mut gate = Gate::with(all_methods);
    gate.server.set_state_keys(Default::default());
    Peer::identity(b"hanako").check(&mut gate, "ignored NoStateKeys");
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        identifier: u8,
        kind: u8,
        data in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        for (octets, code) in [
            (request(identifier, EapType(kind), &data), EapCode::Request),
            (response(identifier, EapType(kind), &data), EapCode::Response),
        ] {
            let octets = octets.unwrap();
            let packet = EapPacket { code, identifier, kind: EapType(kind), data: &data };
            prop_assert_eq!(EapPacket::parse(&octets), Ok(packet));
            prop_assert!(EapPacket::parse(&octets[..octets.len() - 1]).is_err());
        }
    }

    #[test]
    fn no_eap_panics_the_reader_or_the_server(
        eap in proptest::collection::vec(any::<u8>(), 0..80),
        header in proptest::option::of((prop_oneof![Just(1u8), Just(3), Just(6), Just(26), any::<u8>()], any::<u8>())),
    ) {
        let mut eap = eap;
        if let (Some((kind, identifier)), true) = (header, eap.len() >= 5) {
            let length = (eap.len() as u16).to_be_bytes();
            eap[..5].copy_from_slice(&[2, identifier, length[0], length[1], kind]);
        }
        let _ = EapPacket::parse(&eap);
        let _ = ms_chap_v2::read(&eap);
        let mut gate = Gate::with(all_methods);
        let mut peer = Peer::identity(b"User");
        peer.challenged(&mut gate);
        peer.packet = peer.packet.clone().next(&peer.state).eap(&eap);
        gate.receive(&peer.packet.signed());
    }
}
