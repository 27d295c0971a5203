//! Any datagram is refused or read, and what was read fits into what was received.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::{Packet, Secret, authenticator, request, user_password};

fuzz_target!(|datagram: &[u8]| {
    let secret = Secret::new(*b"a shared secret of 32 octets....").expect("not empty");
    let _ = request::check_reply(&secret, 0, &[0; 16], datagram);
    let Ok(packet) = Packet::parse(datagram) else {
        return;
    };
    let attributes: usize = packet.attributes().map(|a| a.value.len() + 2).sum();
    assert_eq!(attributes + 20, packet.octets().len());
    assert!(packet.octets().len() <= datagram.len().min(4096));
    let _ = authenticator::authenticity_of_request(&secret, &packet);
    for attribute in packet.attributes() {
        let _ = (attribute.integer(), attribute.text(), attribute.vendor());
        let _ = user_password::reveal(&secret, &packet.authenticator(), attribute.value);
    }
});
