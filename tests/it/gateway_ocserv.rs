//! The real ocserv and openconnect.

use std::net::{Ipv4Addr, SocketAddr};

use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::ocserv::Ocserv;
use sekisho_tests::gateways::relay::{Direction, Fate, Relay};
use sekisho_tests::installation::Plan;
use sekisho_tests::{Network, Token};

use crate::gateway_passwords::{PASSWORD, give_password};

/// radcli of this version sends none.
const NO_MESSAGE_AUTHENTICATOR: &str = "message-authenticator = \"off\"";
const CHALLENGE: &str = "\
mode = \"challenge\"
first-factor = \"stored\"
[[radius.client.reply]]
attribute = \"Class\"
value = \"OU={group};\"
groups = [\"vpn-*\"]
";

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[test]
fn ocserv_lets_a_code_in_once() {
    let _network = Network::enter();
    let hana = hana();
    let made = Plan::default().client(NO_MESSAGE_AUTHENTICATOR).start();
    made.import(&[&hana]);
    let stage = Stage::new(made.folder());
    let ocserv = Ocserv::new(&[made.radius_address()]).start(&stage);
    assert!(!ocserv.lets_in("hana", None, &[&made.wrong_code(&hana, 0)]));
    let code = made.code(&hana, 0);
    assert!(ocserv.lets_in("hana", None, &[&code]));
    assert!(!ocserv.lets_in("hana", None, &[&code]));
    assert_eq!(made.count("right-code"), 1);
}

#[test]
fn ocserv_asks_in_two_rounds_and_takes_the_group_from_class() {
    let _network = Network::enter();
    let hana = hana();
    let made = Plan::default()
        .client(NO_MESSAGE_AUTHENTICATOR)
        .client(CHALLENGE)
        .start();
    made.import(&[&hana]);
    give_password(&made, "hana");
    made.sekisho(&[
        "account",
        "set",
        "hana",
        "--group",
        "vpn-staff",
        "--group",
        "other",
    ])
    .expect_success();
    let stage = Stage::new(made.folder());
    let ocserv = Ocserv::new(&[made.radius_address()])
        .groups(&["vpn-staff", "vpn-admins", "other"])
        .start(&stage);
    let staff = Some("vpn-staff");
    let code = made.code(&hana, 0);
    assert!(!ocserv.lets_in("hana", staff, &["wrong horse", &code]));
    assert_eq!(made.count("right-code"), 0, "the code is not spent");
    assert!(ocserv.lets_in("hana", staff, &[PASSWORD, &code]));
    assert!(!ocserv.lets_in("hana", staff, &[PASSWORD, &code]));
    // Right password, right code; but not in that group, or in none that is told to this gateway.
    for group in ["vpn-admins", "other"] {
        made.clock().advance(30);
        let code = made.code(&hana, 0);
        assert!(
            !ocserv.lets_in("hana", Some(group), &[PASSWORD, &code]),
            "{group}"
        );
    }
    assert_eq!(made.count("right-code"), 3);
}

#[test]
fn ocserv_sends_a_lost_login_again_and_it_is_judged_once() {
    let _network = Network::enter();
    let hana = hana();
    let made = Plan::default().client(NO_MESSAGE_AUTHENTICATOR).start();
    made.import(&[&hana]);
    let front = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 8_120));
    let relay = Relay::start(front, made.radius_address(), |direction, nth, _| {
        match (direction, nth) {
            (Direction::Reply, 0) => Fate::Lose,
            (Direction::Reply, _) => Fate::Twice,
            (Direction::Request, _) => Fate::Pass,
        }
    });
    let stage = Stage::new(made.folder());
    let ocserv = Ocserv::new(&[relay.address()]).timeout(2).start(&stage);
    assert!(ocserv.lets_in("hana", None, &[&made.code(&hana, 0)]));
    let sent = relay.seen_of(Direction::Request);
    assert!(
        sent.len() > 1 && sent[0] == sent[1],
        "the same octets from the same port"
    );
    let got = relay.seen_of(Direction::Reply);
    assert_eq!(got[0], got[1], "and the same reply");
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("already-used"), 0);
}
