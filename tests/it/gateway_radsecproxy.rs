//! The real radsecproxy in front.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sekisho_tests::gateways::{Stage, radsecproxy};
use sekisho_tests::radius::{Nas, radclient, radclient_login};
use sekisho_tests::{Installation, Network, Token, Verdict};

/// Where the proxy listens.
const FRONT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 8_125);

#[test]
fn proxy_state_and_message_authenticator_survive_radsecproxy() {
    let _network = Network::enter();
    let hana = Token::new("hana", "SKTS00000001");
    let made = Installation::with(&[&hana]);
    let stage = Stage::new(made.folder());
    let _proxy = radsecproxy::start(&stage, FRONT, made.radius_address());
    // Nas looks at the Message-Authenticator of each reply, and wants it to be the first attribute.
    let mut nas = Nas::new(FRONT);
    assert_eq!(
        nas.login("hana", &made.wrong_code(&hana, 0)),
        Verdict::Reject
    );
    let code = made.code(&hana, 0);
    assert_eq!(nas.login("hana", &code), Verdict::Accept);
    assert_eq!(radclient_login(FRONT, "hana", &code), Verdict::Reject);
    let done = radclient(
        FRONT,
        &format!(
            "User-Name = hana\nUser-Password = {}\nMessage-Authenticator = 0x00\n\
             Proxy-State = 0x6f6e65\nProxy-State = 0x74776f\n",
            made.code(&hana, 1)
        ),
    )
    .expect_success();
    let reply = &done.stdout[done.stdout.find("Received").expect("a reply")..];
    let (one, two) = (reply.find("0x6f6e65"), reply.find("0x74776f"));
    assert!(one.is_some() && one < two, "{done}");
}
