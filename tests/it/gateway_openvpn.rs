//! The real OpenVPN and its RADIUS plugin.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::openvpn::OpenVpn;
use sekisho_tests::gateways::relay::{Direction, Fate, Relay};
use sekisho_tests::gateways::within;
use sekisho_tests::installation::Plan;
use sekisho_tests::{Installation, Network, Token};

/// The plugin sends none.
const NO_MESSAGE_AUTHENTICATOR: &str = "message-authenticator = \"off\"";
const SOON: Duration = Duration::from_secs(20);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn installation() -> Installation {
    let made = Plan::default().client(NO_MESSAGE_AUTHENTICATOR).start();
    made.import(&[&hana()]);
    made
}

fn sessions(made: &Installation) -> usize {
    let list = made.json(&["session", "list"]);
    list["sessions"].as_array().map_or(0, Vec::len)
}

#[test]
fn openvpn_opens_a_session_for_a_code_and_reports_it() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let stage = Stage::new(made.folder());
    let openvpn =
        OpenVpn::new(made.radius_address(), made.accounting_address().port()).start(&stage);
    let mut refused = openvpn.connect(&visitor, "hana", &made.wrong_code(&hana, 0), "");
    assert!(!refused.comes_up());
    assert_eq!(sessions(&made), 0);
    let code = made.code(&hana, 0);
    let mut session = openvpn.connect(&visitor, "hana", &code, "");
    assert!(session.comes_up(), "{}", openvpn.log());
    assert_eq!(sessions(&made), 1);
    let mut second = openvpn.connect(&visitor, "hana", &code, "");
    assert!(!second.comes_up(), "{}", openvpn.log());
    session.hang_up();
    assert!(within(SOON, || sessions(&made) == 0), "{}", openvpn.log());
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("wrong-code"), 1);
}

#[test]
fn p12_openvpn_that_lost_a_reply_is_let_in_once_from_another_port() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let front = |port| SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), port));
    let relay = Relay::losing_the_first_reply(front(8_120), made.radius_address());
    let reports = Relay::start(front(8_130), made.accounting_address(), |_, _, _| {
        Fate::Pass
    });
    let stage = Stage::new(made.folder());
    let openvpn = OpenVpn::new(relay.address(), reports.address().port())
        .patience(1, 2)
        .start(&stage);
    let mut session = openvpn.connect(&visitor, "hana", &made.code(&hana, 0), "");
    assert!(session.comes_up(), "{}", openvpn.log());
    let sent = relay.seen_of(Direction::Request);
    assert!(sent.len() > 1, "{sent:?}");
    assert_ne!(sent[0].gateway, sent[1].gateway, "it takes a new port");
    assert_ne!(sent[0].octets, sent[1].octets, "and a new authenticator");
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("answered-again"), 1);
    assert_eq!(made.count("already-used"), 0);
}

#[test]
fn p12_openvpn_that_lost_a_reject_is_charged_once() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let front = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 8_120));
    let relay = Relay::losing_the_first_reply(front, made.radius_address());
    let stage = Stage::new(made.folder());
    let openvpn = OpenVpn::new(relay.address(), made.accounting_address().port())
        .patience(1, 2)
        .start(&stage);
    let mut refused = openvpn.connect(&visitor, "hana", &made.wrong_code(&hana, 0), "");
    assert!(!refused.comes_up(), "{}", openvpn.log());
    assert!(relay.seen_of(Direction::Request).len() > 1);
    assert_eq!(made.count("wrong-code"), 1);
    assert_eq!(made.count("rejected-again"), 1);
}

#[test]
fn openvpn_that_renegotiates_with_a_spent_code_loses_the_session() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let stage = Stage::new(made.folder());
    let openvpn = OpenVpn::new(made.radius_address(), made.accounting_address().port())
        .lines("reneg-sec 6")
        .start(&stage);
    let mut session = openvpn.connect(&visitor, "hana", &made.code(&hana, 0), "");
    assert!(session.comes_up(), "{}", openvpn.log());
    made.clock().advance(120);
    assert!(within(SOON, || !session.runs()), "{}", session.log());
    assert!(session.log().contains("AUTH_FAILED"), "{}", session.log());
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("answered-again"), 0);
}

#[test]
fn openvpn_with_a_token_of_its_own_renegotiates_without_asking() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let stage = Stage::new(made.folder());
    let openvpn = OpenVpn::new(made.radius_address(), made.accounting_address().port())
        .lines("reneg-sec 10\nhand-window 5\nauth-gen-token")
        .start(&stage);
    let mut session = openvpn.connect(&visitor, "hana", &made.code(&hana, 0), "");
    assert!(session.comes_up(), "{}", openvpn.log());
    made.clock().advance(120);
    let negotiated = || session.log().matches("Control Channel:").count();
    assert!(within(SOON, || negotiated() >= 2), "{}", session.log());
    assert!(session.runs(), "{}", session.log());
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("already-used"), 0);
}
