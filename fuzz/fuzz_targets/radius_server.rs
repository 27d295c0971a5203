//! Whatever attributes a client with the right secret sends, the server lives, and every reply it
//! makes is one that a client believes.
//!
//! The first two octets choose the settings of the client and how far a conversation has come, the
//! third the code; the rest are attributes. Message-Authenticator and State are added here: a
//! fuzzer does not guess one.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::eap::ms_chap_v2::{self, Response};
use sekisho_radius_protocol::eap::{self, EapType};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Client, Conclusion, MessageAuthenticatorRule, Method, Methods, Mode,
    Moment, MsChapKeys, Proof, Question, Random, Server, Verdict,
};
use sekisho_radius_protocol::state::{FirstFactor, StateKeys};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

const SECRET: &[u8] = b"a shared secret of 32 octets....";
const AUTHENTICATOR: [u8; 16] = [0x5a; 16];
const AT: Moment = Moment {
    now: Duration::from_secs(1000),
    wall: Duration::from_secs(1_800_000_000),
};
/// A login by PAP, and one that begins with EAP-Response/Identity, Identifier 1.
const PAP: &[u8] = b"\x01\x04User\x02\x100123456789abcdef";
const EAP: &[u8] = b"\x01\x04User\x4f\x09\x02\x01\x00\x09\x01User";

fn secret() -> Secret {
    Secret::new(SECRET).expect("not empty")
}

fuzz_target!(|input: &[u8]| {
    let &[choice, settings, code, ref attributes @ ..] = input else {
        return;
    };
    let client = Arc::new(client(choice, settings));
    let mut server = Server::new(Bounds::default());
    server.set_state_keys(StateKeys::new([(1, &[1; 32])]));
    let begun = match choice >> 4 & 3 {
        1 => Some(PAP),
        2 | 3 => Some(EAP),
        _ => None,
    };
    let mut state = begun.and_then(|login| {
        let first = datagram(5, 1, true, None, login);
        serve(&mut server, &client, &first, choice)
    });
    if choice >> 4 & 3 == 3 {
        let second = datagram(6, 1, true, state.as_deref(), &response());
        state = serve(&mut server, &client, &second, choice);
    }
    let last = datagram(7, code, choice & 4 == 0, state.as_deref(), attributes);
    serve(&mut server, &client, &last, choice);
});

/// The attributes of a response by EAP-MSCHAPv2; an accept of it is to be acknowledged.
fn response() -> Vec<u8> {
    let said = Response {
        peer_challenge: [4; 16],
        nt_response: [5; 24],
        name: b"Somebody",
    };
    let data = ms_chap_v2::response(2, &said);
    let eap = eap::response(2, EapType::MS_CHAP_V2, &data).expect("it is short");
    let length = u8::try_from(eap.len()).expect("it is short");
    [b"\x01\x04User\x4f", [length].as_slice(), &eap].concat()
}

fn client(choice: u8, settings: u8) -> Client {
    let mut client = Client::new("vpn-1", secret());
    if choice & 1 != 0 {
        client.message_authenticator = match choice & 0x40 {
            0 => MessageAuthenticatorRule::Off,
            _ => MessageAuthenticatorRule::Auto,
        };
        client.limit_proxy_state = choice & 2 != 0;
    }
    let is_on = |bit: u8| settings >> bit & 1 != 0;
    // EAP-GTC is asked for alone where EAP-MSCHAPv2 would come first.
    client.methods = Method::ALL
        .into_iter()
        .filter(|method| is_on(0) || *method != Method::EapMsChapV2)
        .collect::<Methods>();
    client.first_factor = is_on(1);
    client.mode = match (is_on(2), is_on(3)) {
        (false, false) => Mode::Code,
        (false, true) => Mode::PasswordAndCode {
            code_length: 6 + u8::from(is_on(4)) * 2,
            code_at_end: is_on(5),
        },
        (true, _) => Mode::Challenge {
            rounds: 1 + (settings >> 4) % 5,
        },
    };
    client
}

/// A request with the attributes as they stand, as far as they can be written.
fn datagram(
    identifier: u8,
    code: u8,
    is_signed: bool,
    state: Option<&[u8]>,
    mut attributes: &[u8],
) -> Vec<u8> {
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::request(&mut buffer, Code(code), identifier, &AUTHENTICATOR)
        .expect("room for a header");
    if is_signed {
        writer.message_authenticator().expect("it is the first");
    }
    if let Some(state) = state {
        let written = writer.attribute(AttributeType::STATE, state);
        written.expect("room for a State");
    }
    while let &[kind, length, ref rest @ ..] = attributes {
        let (value, rest) = rest.split_at(usize::from(length).min(rest.len()));
        if writer.copy(AttributeType(kind), value).is_err() {
            break;
        }
        attributes = rest;
    }
    let length = writer.seal(&secret());
    buffer[..length].to_vec()
}

/// The State of the reply, if there is one.
fn serve(
    server: &mut Server,
    client: &Arc<Client>,
    datagram: &[u8],
    choice: u8,
) -> Option<Vec<u8>> {
    let mut out = [0; PACKET_MAX];
    let arrival = Arrival {
        at: AT,
        peer: ([192, 0, 2, 1], 4000).into(),
        socket: 0,
        ready: true,
        random: Random([datagram[1]; Random::OCTETS]),
    };
    let ticket = match server.handle(&arrival, client, datagram, &mut out) {
        Action::Ignore(_) => return None,
        Action::Send(resend) => return check(datagram, &out[..resend.length]),
        Action::Hold(ticket, _) => ticket,
        Action::Ask(question) => {
            let keys = MsChapKeys {
                authenticator_response: [1; 20],
                send: [2; 16],
                receive: [3; 16],
            };
            let answer = Answer::from(verdict(&question, choice))
                .with_ms_chap(&keys)
                .with_attributes(b"\x19\x03c");
            let ticket = question.ticket;
            let random = Random([!datagram[1]; Random::OCTETS]);
            match server.conclude(&AT, ticket, &answer, &random, &mut out) {
                Conclusion::Send(outgoing, _) => return check(datagram, outgoing.octets),
                Conclusion::Hold(ticket) => ticket,
                Conclusion::Nothing => return None,
            }
        }
    };
    let held = server.release(AT.now, ticket).expect("it was held");
    check(datagram, held.octets)
}

fn verdict(question: &Question<'_>, choice: u8) -> Verdict {
    match (&question.proof, choice & 8 != 0) {
        (_, false) => Verdict::Reject,
        (Proof::Password, true) => Verdict::Challenge(FirstFactor::Right),
        (_, true) => Verdict::Accept,
    }
}

fn check(request: &[u8], reply: &[u8]) -> Option<Vec<u8>> {
    let reply: Packet<'_> =
        check_reply(&secret(), request[1], &AUTHENTICATOR, reply).expect("a client believes it");
    Some(reply.first(AttributeType::STATE)?.value.to_vec())
}
