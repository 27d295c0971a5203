//! The real strongSwan as an IKEv2 gateway, and charon-cmd.

use std::time::Duration;

use sekisho_tests::gateways::strongswan::StrongSwan;
use sekisho_tests::gateways::{Stage, within};
use sekisho_tests::installation::Plan;
use sekisho_tests::network::Visitor;
use sekisho_tests::terminal::Terminal;
use sekisho_tests::{Installation, Network, Token};

const SOON: Duration = Duration::from_secs(20);
const CLIENT: &str = "\
methods = [\"eap-ms-chap-v2\", \"eap-gtc\"]
[[radius.client.reply]]
attribute = \"Class\"
value = \"{group}\"
";

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn installation() -> Installation {
    let made = Plan::default().client(CLIENT).start();
    made.import(&[&hana()]);
    made
}

fn sessions(made: &Installation) -> usize {
    let list = made.json(&["session", "list"]);
    list["sessions"].as_array().map_or(0, Vec::len)
}

/// Connects, types the code, and says whether the tunnel is up.
#[track_caller]
fn connect(
    gateway: &StrongSwan<'_>,
    visitor: &Visitor,
    method: &str,
    code: &str,
) -> Option<Terminal> {
    let mut terminal = gateway.connect(visitor, "hana", method);
    terminal.wait_for("EAP password:");
    terminal.type_line(code);
    match terminal.wait_for_one(&["CHILD_SA cmd{1} established", "EAP authentication failed"]) {
        0 => Some(terminal),
        _ => None,
    }
}

#[test]
fn charon_cmd_gets_in_by_eap_ms_chap_v2_and_by_gtc_and_lost_ends_the_tunnel() {
    let network = Network::enter();
    let visitor = network.visitor();
    let (made, hana) = (installation(), hana());
    let stage = Stage::new(made.folder());
    let gateway = StrongSwan::start(
        &stage,
        made.radius_address(),
        made.accounting_address().port(),
    );
    let wrong = made.wrong_code(&hana, 0);
    assert!(connect(&gateway, &visitor, "eap-mschapv2", &wrong).is_none());
    assert_eq!(sessions(&made), 0);

    let code = made.code(&hana, -1);
    let tunnel = connect(&gateway, &visitor, "eap-gtc", &code).expect("a tunnel by EAP-GTC");
    assert!(within(SOON, || sessions(&made) == 1), "{}", gateway.log());
    drop(tunnel);
    made.sekisho(&["session", "end", "hana"]).expect_success();
    assert!(within(SOON, || sessions(&made) == 0), "{}", gateway.log());

    let code = made.code(&hana, 0);
    let _tunnel =
        connect(&gateway, &visitor, "eap-mschapv2", &code).expect("a tunnel by EAP-MSCHAPv2");
    assert!(within(SOON, || sessions(&made) == 1), "{}", gateway.log());
    assert!(
        gateway.sessions().contains("ESTABLISHED"),
        "{}",
        gateway.sessions()
    );
    let said = made.sekisho(&["lost", "SKTS00000001"]).expect_success();
    assert!(
        within(SOON, || !gateway.sessions().contains("ESTABLISHED")),
        "{said}\n{}",
        gateway.log()
    );
    assert!(
        within(SOON, || sessions(&made) == 0),
        "{said}\n{}",
        gateway.log()
    );
}
