//! Whatever a NAS answers, every order ends exactly once and within its time.
//!
//! The input is a list of steps: begin an order, let time pass, or answer the newest request with
//! a code and an attribute, truly signed or not.

#![no_main]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::disconnect::{Order, RANDOM_OCTETS, Sender, Session};
use sekisho_radius_protocol::packet::PacketWriter;
use sekisho_radius_protocol::server::{Client, Moment};
use sekisho_radius_protocol::{AttributeType, Code, Secret};

fn secret() -> Secret {
    Secret::new(*b"a shared secret of 32 octets....").expect("not empty")
}

struct Run {
    sender: Sender,
    client: Arc<Client>,
    now: Duration,
    begun: u64,
    ended: HashSet<u64>,
    newest: Option<Vec<u8>>,
}

fuzz_target!(|input: &[u8]| {
    let mut run = Run {
        sender: Sender::new(1, 0),
        client: Arc::new(Client::new("vpn-1", secret())),
        now: Duration::ZERO,
        begun: 0,
        ended: HashSet::new(),
        newest: None,
    };
    for step in input.chunks(8) {
        run.step(step);
        run.turn();
    }
    while let Some(due) = run.sender.next_timer() {
        run.now = run.now.max(due);
        run.turn();
    }
    assert!(run.sender.is_empty());
    assert_eq!(run.ended.len() as u64, run.begun);
});

impl Run {
    fn step(&mut self, step: &[u8]) {
        match step {
            [0..64, which, ..] => self.begin(*which),
            [64..96, millis, ..] => self.now += Duration::from_millis(u64::from(*millis) * 50),
            [choice, code, attributes @ ..] => self.answer(*choice, *code, attributes),
            _ => {}
        }
    }

    fn begin(&mut self, which: u8) {
        self.begun += 1;
        let order = Order {
            id: self.begun,
            peer: ([192, 0, 2, 1], 3799).into(),
            client: Arc::clone(&self.client),
            message_authenticator: which & 1 == 0,
            require_message_authenticator: which & 2 != 0,
            session: Session {
                user_name: (which & 4 == 0).then(|| "hanako".to_owned()),
                nas_port: (which & 8 == 0).then_some(1),
                ..Session::new("5F00-1")
            },
            random: [which; RANDOM_OCTETS],
        };
        self.sender.begin(order).expect("the id is new");
    }

    fn answer(&mut self, choice: u8, code: u8, attributes: &[u8]) {
        let Some(request) = &self.newest else {
            return;
        };
        let mut buffer = [0; 512];
        let authenticator = request[4..20].try_into().expect("16 octets");
        let mut writer =
            PacketWriter::bare_reply(&mut buffer, Code(code), request[1], &authenticator)
                .expect("room for a header");
        if choice & 1 != 0 {
            let cause = 400 + u32::from(attributes.first().copied().unwrap_or_default());
            writer
                .attribute(AttributeType::ERROR_CAUSE, &cause.to_be_bytes())
                .expect("room for it");
        } else if let [kind, value @ ..] = attributes {
            writer
                .copy(AttributeType(*kind), value)
                .expect("room for it");
        }
        let length = writer.seal(&secret());
        if choice & 2 != 0 {
            buffer[length - 1] ^= choice;
        }
        let _ = self
            .sender
            .receive(0, ([192, 0, 2, 1], 3799).into(), &buffer[..length]);
    }

    fn turn(&mut self) {
        let at = Moment {
            now: self.now,
            wall: self.now,
        };
        while let Some(transmit) = self.sender.poll_transmit(at) {
            self.newest = Some(transmit.octets.to_vec());
        }
        while let Some((id, _)) = self.sender.poll_ended() {
            assert!(self.ended.insert(id), "{id} ended twice");
        }
    }
}
