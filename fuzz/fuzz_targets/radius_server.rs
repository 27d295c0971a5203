//! Whatever attributes a client with the right secret sends, the server lives, and every reply it
//! makes is one that a client believes.
//!
//! The first octet chooses the settings of the client, the second the code; the rest are
//! attributes. The Message-Authenticator is added here: a fuzzer does not guess one.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::request::check_reply;
use sekisho_radius_protocol::server::{
    Action, Answer, Arrival, Client, Conclusion, MessageAuthenticatorRule, Server, Verdict,
};
use sekisho_radius_protocol::{AttributeType, Code, Secret};

const SECRET: &[u8] = b"a shared secret of 32 octets....";
const AUTHENTICATOR: [u8; 16] = [0x5a; 16];
const NOW: Duration = Duration::from_secs(1000);

fn secret() -> Secret {
    Secret::new(SECRET).expect("not empty")
}

fuzz_target!(|input: &[u8]| {
    let &[choice, code, ref attributes @ ..] = input else {
        return;
    };
    let mut client = Client::new(secret());
    if choice & 1 != 0 {
        client.message_authenticator = MessageAuthenticatorRule::Off;
        client.limit_proxy_state = choice & 2 != 0;
    }
    let datagram = datagram(choice & 4 == 0, code, attributes);
    serve(&Arc::new(client), &datagram, choice & 8 != 0);
});

/// A request with the attributes as they stand, as far as they can be written.
fn datagram(is_signed: bool, code: u8, mut attributes: &[u8]) -> Vec<u8> {
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::request(&mut buffer, Code(code), 7, &AUTHENTICATOR)
        .expect("room for a header");
    if is_signed {
        writer.message_authenticator().expect("it is the first");
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

fn serve(client: &Arc<Client>, datagram: &[u8], is_accepted: bool) {
    let mut server = Server::new(Bounds::default());
    let mut out = [0; PACKET_MAX];
    let arrival = Arrival {
        now: NOW,
        peer: ([192, 0, 2, 1], 4000).into(),
        socket: 0,
        ready: true,
    };
    let ticket = match server.handle(&arrival, client, datagram, &mut out) {
        Action::Ignore(_) => return,
        Action::Send(resend) => return check(&out[..resend.length]),
        Action::Hold(ticket, _) => ticket,
        Action::Ask(question) => {
            let verdict = if is_accepted {
                Verdict::Accept
            } else {
                Verdict::Reject
            };
            let ticket = question.ticket;
            match server.conclude(NOW, ticket, &Answer::from(verdict), &mut out) {
                Conclusion::Send(outgoing) => return check(outgoing.octets),
                Conclusion::Hold(ticket) => ticket,
                Conclusion::Nothing => return,
            }
        }
    };
    check(server.release(NOW, ticket).expect("it was held").octets);
}

fn check(reply: &[u8]) {
    check_reply(&secret(), 7, &AUTHENTICATOR, reply).expect("a client believes it");
}
