//! radclient and radtest, by every method they know.

use std::time::Duration;

use sekisho_tests::installation::Plan;
use sekisho_tests::process::{self, Finished};
use sekisho_tests::radius::{SECRET, radclient, radclient_to};
use sekisho_tests::token::hex;
use sekisho_tests::{Installation, Token, ms_chap};

const ALL: &str = "methods = [\"pap\", \"chap\", \"ms-chap-v2\"]";
const LIMIT: Duration = Duration::from_secs(20);

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn installation(client: &str) -> Installation {
    let made = Plan::default().client(client).start();
    made.import(&[&hana()]);
    made
}

fn is_accepted(done: &Finished) -> bool {
    let accepted = done.stdout.contains("Received Access-Accept");
    let rejected = done.stdout.contains("Received Access-Reject");
    assert!(accepted != rejected, "{done}");
    accepted
}

fn login(made: &Installation, proof: &str) -> Finished {
    let attributes = format!("User-Name = hana\nMessage-Authenticator = 0x00\n{proof}\n");
    radclient(made.radius_address(), &attributes)
}

/// The proof of MS-CHAPv2, computed by openssl.
fn ms_chap_v2(code: &str) -> String {
    let (challenge, peer) = ([0x5a; 16], [0xc3; 16]);
    let response = ms_chap::response("hana", code, &challenge, &peer);
    format!(
        "MS-CHAP-Challenge = 0x{}\nMS-CHAP2-Response = 0x{}",
        hex(&challenge),
        hex(&response)
    )
}

#[test]
fn radclient_gets_in_once_by_each_method() {
    let (made, hana) = (installation(ALL), hana());
    let proofs: [fn(&str) -> String; 3] = [
        |code| format!("User-Password = \"{code}\""),
        |code| format!("CHAP-Password = \"{code}\""),
        ms_chap_v2,
    ];
    for (nth, proof) in proofs.iter().enumerate() {
        made.clock().advance(30);
        let wrong = made.wrong_code(&hana, nth);
        assert!(
            !is_accepted(&login(&made, &proof(&wrong))),
            "{}",
            proof(&wrong)
        );
        let right = proof(&made.code(&hana, 0));
        let done = login(&made, &right);
        assert!(is_accepted(&done), "{done}");
        assert_eq!(done.stdout.contains("MS-CHAP2-Success"), nth == 2, "{done}");
        assert!(!is_accepted(&login(&made, &right)), "{right} a second time");
    }
    assert_eq!(made.count("right-code"), 3);
    assert_eq!(made.count("wrong-code"), 3);
}

#[test]
fn a_method_that_is_off_is_refused_before_any_token_is_looked_at() {
    let (made, hana) = (installation(""), hana());
    let code = made.code(&hana, 0);
    let before = made.events().len();
    for proof in [
        format!("CHAP-Password = \"{code}\""),
        format!("MS-CHAP-Password = \"{code}\""),
        ms_chap_v2(&code),
    ] {
        // As gateways do that try one method after the other with the same code.
        assert!(!is_accepted(&login(&made, &proof)), "{proof}");
    }
    assert_eq!(made.events().len(), before, "nothing is charged");
    assert!(is_accepted(&login(
        &made,
        &format!("User-Password = \"{code}\"")
    )));
}

#[test]
fn ms_chap_of_version_1_is_no_method() {
    let (made, hana) = (installation(ALL), hana());
    let code = made.code(&hana, 0);
    let before = made.events().len();
    assert!(!is_accepted(&login(
        &made,
        &format!("MS-CHAP-Password = \"{code}\"")
    )));
    assert_eq!(made.events().len(), before);
}

#[test]
fn radtest_gets_in_by_pap_and_chap() {
    let made = Plan::default()
        .client(ALL)
        // It sends a Message-Authenticator, and none of what a gateway would say of itself.
        .start();
    let hana = hana();
    made.import(&[&hana]);
    for kind in ["pap", "chap"] {
        made.clock().advance(30);
        let mut command = process::leashed("radtest");
        command
            .args(["-t", kind, "hana", &made.code(&hana, 0)])
            .arg(made.radius_address().to_string())
            .args(["0", SECRET]);
        let done = process::run(&mut command, b"", LIMIT);
        assert!(is_accepted(&done), "{kind}: {done}");
    }
}

#[test]
fn radclient_asks_whether_the_server_is_there() {
    let made = installation("");
    for address in [made.radius_address(), made.accounting_address()] {
        let done = radclient_to(address, "status", "Message-Authenticator = 0x00\n");
        assert!(done.stdout.contains("Received"), "{address}: {done}");
        let silent = radclient_to(address, "status", "User-Name = hana\n");
        assert!(!silent.stdout.contains("Received"), "{address}: {silent}");
    }
}

#[test]
fn radclient_reports_a_session_from_start_to_stop() {
    let made = installation("");
    let report = |status: &str, session: &str| {
        let attributes = format!(
            "User-Name = hana\nAcct-Status-Type = {status}\nAcct-Session-Id = {session}\n\
             NAS-Identifier = gateway\nFramed-IP-Address = 10.0.0.7\n"
        );
        let done = radclient_to(made.accounting_address(), "acct", &attributes);
        assert!(
            done.stdout.contains("Received Accounting-Response"),
            "{done}"
        );
    };
    let live = || {
        let list = made.json(&["session", "list"]);
        list["sessions"].as_array().map_or(0, Vec::len)
    };
    for session in ["first", "second", "third"] {
        report("Start", session);
    }
    report("Interim-Update", "first");
    assert_eq!(live(), 3);
    report("Stop", "first");
    assert_eq!(live(), 2);
    report("Accounting-On", "on");
    assert_eq!(
        live(),
        0,
        "the gateway started again: nothing of before goes on"
    );
}
