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

/// A peer that has our proof and is to acknowledge it.
#[track_caller]
fn proven(gate: &mut Gate, attributes: &[u8]) -> Peer {
    let mut peer = Peer::identity(b"User");
    peer.challenged(gate);
    peer.answer_ms_chap(b"User");
    let (ticket, ..) = peer.asked(gate);
    let keys = ms_chap_keys();
    let answer = Answer::from(Verdict::Accept)
        .with_attributes(attributes)
        .with_ms_chap(&keys);
    let reply = gate
        .conclude_with(ticket, &answer)
        .expect("somebody waits for this");
    peer.take(&reply);
    peer.answer(EapType::MS_CHAP_V2, &ms_chap_v2::acknowledgement());
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
fn ms_chap_v2_acknowledged_brings_eap_success_keys_and_attributes() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = proven(&mut gate, b"\x19\x05vpn");
    let Outcome::Sent(reply, SendCause::Acknowledged) = gate.receive(&peer.packet.signed()) else {
        panic!("no accept");
    };
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

#[test]
fn acknowledged_state_is_good_for_one_accept_and_keys_are_not_given_twice() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = proven(&mut gate, b"");
    peer.check(&mut gate, "sent Acknowledged");
    let mut again = peer.clone();
    again.answer(EapType::MS_CHAP_V2, &ms_chap_v2::acknowledgement());
    again.refused(&mut gate, "BadState");
    gate.peer.set_port(1);
    again.refused(&mut gate, "BadState");
}

#[test]
fn another_server_can_send_the_accept_if_its_attributes_fit_into_the_state() {
    let mut gate = Gate::with(ms_chap_only);
    let peer = proven(&mut gate, b"\x19\x05vpn");
    let mut other = gate.other_server();
    let Outcome::Sent(reply, SendCause::Acknowledged) = other.receive(&peer.packet.signed()) else {
        panic!("no accept");
    };
    let packet = read(&peer.packet, &reply);
    assert_eq!(only(&packet, AttributeType::CLASS), b"vpn");

    let long = [&[25, 202][..], &[b'v'; 200]].concat();
    let peer = proven(&mut gate, &long);
    let mut other = gate.other_server();
    peer.refused(&mut other, "ReplyForgotten");
    let Outcome::Sent(reply, SendCause::Acknowledged) = gate.receive(&peer.packet.signed()) else {
        panic!("no accept");
    };
    let packet = read(&peer.packet, &reply);
    assert_eq!(only(&packet, AttributeType::CLASS), [b'v'; 200]);
}

#[test]
fn peer_that_does_not_believe_us_is_rejected() {
    let mut gate = Gate::with(ms_chap_only);
    let mut peer = proven(&mut gate, b"");
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
            name: &[b'n'; 254],
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
    let mut peer = proven(&mut gate, b"");
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
