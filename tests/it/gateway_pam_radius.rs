//! The real `pam_radius_auth`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::pam_radius::PamRadius;
use sekisho_tests::gateways::relay::{Direction, Fate, Relay};
use sekisho_tests::installation::Plan;
use sekisho_tests::{Installation, Network, Token};

use crate::gateway_passwords::{PASSWORD, give_password};

/// This version sends none.
const NO_MESSAGE_AUTHENTICATOR: &str = "message-authenticator = \"off\"";
const CHALLENGE: &str = "mode = \"challenge\"\nfirst-factor = \"stored\"";
/// Where the first of two servers seems to be.
const FIRST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)), 8_120);
const REMOTE: Option<&str> = Some("192.0.2.7");

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn installation(client: &str) -> Installation {
    let made = Plan::default()
        .client(NO_MESSAGE_AUTHENTICATOR)
        .client(client)
        .start();
    made.import(&[&hana()]);
    made
}

#[test]
fn pam_radius_lets_a_code_in_once() {
    let _network = Network::enter();
    let (made, hana) = (installation(""), hana());
    let stage = Stage::new(made.folder());
    let pam = PamRadius::new(&stage, &[made.radius_address()], 5, "");
    assert!(!pam.lets_in("hana", &[&made.wrong_code(&hana, 0)]));
    let code = made.code(&hana, 0);
    assert!(pam.lets_in("hana", &[&code]));
    assert!(!pam.lets_in("hana", &[&code]));
    assert_eq!(made.count("right-code"), 1);
}

#[test]
fn pam_radius_asks_in_two_rounds() {
    let _network = Network::enter();
    let (made, hana) = (installation(CHALLENGE), hana());
    give_password(&made, "hana");
    let stage = Stage::new(made.folder());
    let pam = PamRadius::new(&stage, &[made.radius_address()], 5, "");
    let code = made.code(&hana, 0);
    let wrong = made.wrong_code(&hana, 0);
    let done = pam.login_from(None, "hana", &[PASSWORD, &wrong, &code]);
    assert!(
        done.status.success(),
        "a second try in one conversation: {done}"
    );
    made.clock().advance(30);
    let code = made.code(&hana, 0);
    assert!(!pam.lets_in("hana", &["wrong horse", &code, &code, &code]));
    assert_eq!(made.count("right-code"), 1);
    made.clock().advance(300);
    let code = made.code(&hana, 0);
    assert!(pam.lets_in("hana", &[PASSWORD, &code]));
}

#[test]
fn p13_pam_radius_at_the_end_of_its_input_is_let_go_after_a_few_rounds() {
    let _network = Network::enter();
    let made = installation(CHALLENGE);
    give_password(&made, "hana");
    let relay = Relay::start(FIRST, made.radius_address(), |_, _, _| Fate::Pass);
    let stage = Stage::new(made.folder());
    let pam = PamRadius::new(&stage, &[relay.address()], 5, "");
    let started = Instant::now();
    // There is one line of input. This program answers all further challenges with nothing, as
    // fast as it can.
    assert!(!pam.lets_in("hana", &[PASSWORD]));
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    let rounds = relay.seen_of(Direction::Request).len();
    assert!((2..=6).contains(&rounds), "{rounds} rounds");
}

#[test]
fn pam_radius_that_lost_the_first_servers_reply_is_let_in_by_the_second() {
    let _network = Network::enter();
    let (made, hana) = (installation(""), hana());
    let lossy = Relay::start(
        FIRST,
        made.radius_address(),
        |direction, _, _| match direction {
            Direction::Reply => Fate::Lose,
            Direction::Request => Fate::Pass,
        },
    );
    let stage = Stage::new(made.folder());
    let servers = [lossy.address(), made.radius_address()];
    let pam = PamRadius::new(&stage, &servers, 3, "retry=1");
    let code = made.code(&hana, 0);
    assert!(pam.lets_in_from(REMOTE, "hana", &[&code]));
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("answered-again"), 1);
    // From somewhere else, or by another process there, it is another login.
    assert!(!pam.lets_in_from(Some("192.0.2.8"), "hana", &[&code]));
    assert!(!pam.lets_in_from(REMOTE, "hana", &[&code]));
    assert_eq!(made.count("right-code"), 1);
}

#[test]
fn pam_radius_without_a_remote_host_is_never_answered_again() {
    let _network = Network::enter();
    let (made, hana) = (installation(""), hana());
    let lossy = Relay::start(
        FIRST,
        made.radius_address(),
        |direction, _, _| match direction {
            Direction::Reply => Fate::Lose,
            Direction::Request => Fate::Pass,
        },
    );
    let stage = Stage::new(made.folder());
    let servers = [lossy.address(), made.radius_address()];
    let pam = PamRadius::new(&stage, &servers, 3, "retry=1");
    assert!(!pam.lets_in("hana", &[&made.code(&hana, 0)]));
    assert_eq!(made.count("right-code"), 1);
    assert_eq!(made.count("answered-again"), 0);
}
