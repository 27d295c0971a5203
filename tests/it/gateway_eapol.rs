//! EAP by the real eapol_test, which checks the keys that come with an accept.

use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::eapol::Eapol;
use sekisho_tests::installation::Plan;
use sekisho_tests::{Installation, Network, Token};

const BOTH: &str = "methods = [\"pap\", \"eap-gtc\", \"eap-ms-chap-v2\"]";

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn installation(client: &str) -> Installation {
    let made = Plan::default().client(client).start();
    made.import(&[&hana()]);
    made
}

fn gtc(password: &str) -> Eapol<'_> {
    Eapol {
        method: "GTC",
        identity: "hana",
        password,
        keys: false,
        lines: "",
    }
}

fn ms_chap(password: &str) -> Eapol<'_> {
    Eapol {
        method: "MSCHAPV2",
        keys: true,
        ..gtc(password)
    }
}

#[test]
fn eapol_test_gets_in_by_either_method_and_the_keys_agree() {
    let _network = Network::enter();
    let (made, hana) = (installation(BOTH), hana());
    let stage = Stage::new(made.folder());
    let server = made.radius_address();
    let code = made.code(&hana, -1);
    assert!(gtc(&code).succeeds(&stage, server));
    assert!(!gtc(&code).succeeds(&stage, server), "a code is good once");
    let code = made.code(&hana, 0);
    let done = ms_chap(&code).run(&stage, server);
    assert!(done.status.success(), "{done}");
    assert!(
        done.stdout.contains("MPPE keys OK: 1  mismatch: 0"),
        "{done}"
    );
    assert!(!ms_chap(&code).succeeds(&stage, server));
    assert_eq!(made.count("right-code"), 2);
}

#[test]
fn eapol_test_with_a_wrong_code_ends_in_eap_failure() {
    let _network = Network::enter();
    let (made, hana) = (installation(BOTH), hana());
    let stage = Stage::new(made.folder());
    let wrong = made.wrong_code(&hana, 0);
    for login in [gtc(&wrong), ms_chap(&wrong)] {
        let done = login.run(&stage, made.radius_address());
        assert!(!done.status.success(), "{done}");
        assert!(done.stdout.contains("CTRL-EVENT-EAP-FAILURE"), "{done}");
        assert!(done.stdout.contains("code=3 (Access-Reject)"), "{done}");
    }
    assert_eq!(made.count("wrong-code"), 2);
    assert_eq!(made.count("right-code"), 0);
}

#[test]
fn eapol_test_that_wants_another_method_is_refused_before_any_token_is_looked_at() {
    let _network = Network::enter();
    let (made, hana) = (installation("methods = [\"pap\", \"eap-gtc\"]"), hana());
    let stage = Stage::new(made.folder());
    let code = made.code(&hana, 0);
    for method in ["MD5", "MSCHAPV2", "TLS", "PWD"] {
        let login = Eapol {
            method,
            lines: "ca_cert=\"/dev/null\"",
            ..gtc(&code)
        };
        let done = login.run(&stage, made.radius_address());
        assert!(!done.status.success(), "{method}: {done}");
    }
    assert_eq!(made.count("wrong-code"), 0);
    assert!(
        gtc(&code).succeeds(&stage, made.radius_address()),
        "it is not spent"
    );
}
