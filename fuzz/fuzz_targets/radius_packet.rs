//! Any datagram is refused or read, and what was read fits into what was received.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_radius_protocol::eap::EapPacket;
use sekisho_radius_protocol::framed::Framed;
use sekisho_radius_protocol::{
    AttributeType, Packet, Secret, authenticator, mppe, request, user_password,
};

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
    let _ = authenticator::authenticity_of_digested(&secret, &packet);
    let _ = authenticator::is_digested_authentic(&secret, &packet);
    if let Some(eap) = packet.concatenated(AttributeType::EAP_MESSAGE) {
        assert!(eap.len() <= attributes);
        let _ = EapPacket::parse(&eap);
    }
    for attribute in packet.attributes() {
        let _ = (attribute.integer(), attribute.text(), attribute.vendor());
        let _ = (attribute.address(), attribute.ipv6_address());
        let inner: usize = attribute
            .vendor_attributes()
            .map(|a| a.value.len() + 2)
            .sum();
        assert!(inner == 0 || inner + 4 == attribute.value.len());
        if let Some(framed) = Framed::of(&attribute) {
            assert_eq!(framed.to_string().parse(), Ok(framed));
        }
        let _ = user_password::reveal(&secret, &packet.authenticator(), attribute.value);
        let _ = mppe::reveal(&secret, &packet.authenticator(), attribute.value);
    }
});
