//! Whatever attributes a client with the right secret reports, the server lives, and every
//! response it makes is one that a client believes.
//!
//! The first octet chooses; the rest are attributes. The authenticators are added here: a fuzzer
//! does not guess them.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::accounting::{Accounting, Action};
use sekisho_radius_protocol::authenticator::is_response_authentic;
use sekisho_radius_protocol::duplicate::Bounds;
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::server::{Arrival, Client, Moment, Random};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

const SECRET: &[u8] = b"a shared secret of 32 octets....";

fn secret() -> Secret {
    Secret::new(SECRET).expect("not empty")
}

fuzz_target!(|input: &[u8]| {
    let &[choice, ref attributes @ ..] = input else {
        return;
    };
    let datagram = datagram(choice, attributes);
    let request = Packet::parse(&datagram)
        .expect("we wrote it")
        .authenticator();
    let client = Arc::new(Client::new("vpn-1", secret()));
    let mut accounting = Accounting::new(Bounds::default());
    let mut out = [0; PACKET_MAX];
    let arrival = Arrival {
        at: Moment {
            now: Duration::from_secs(1000),
            wall: Duration::from_secs(1_800_000_000),
        },
        peer: ([192, 0, 2, 1], 4000).into(),
        socket: 0,
        ready: true,
        random: Random([0; Random::OCTETS]),
    };
    let ticket = match accounting.handle(&arrival, &client, &datagram, &mut out) {
        Action::Store(question) => {
            let _ = question.report.happened_at(1_800_000_000);
            question.ticket
        }
        Action::Ignore(_) | Action::Send(_) => return,
    };
    if choice & 2 != 0 {
        return accounting.forget(ticket);
    }
    let response = accounting
        .stored(arrival.at.now, ticket, &mut out)
        .expect("the NAS waits for it");
    let response = Packet::parse(response.octets).expect("well-formed");
    assert!(is_response_authentic(&secret(), &response, &request));
});

/// A report with the attributes as they stand, as far as they can be written.
fn datagram(choice: u8, mut attributes: &[u8]) -> Vec<u8> {
    let mut buffer = [0; PACKET_MAX];
    let mut writer = PacketWriter::digested(&mut buffer, Code::ACCOUNTING_REQUEST, 7)
        .expect("room for a header");
    if choice & 1 != 0 {
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
