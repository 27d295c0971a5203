//! A real directory as the first factor.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use sekisho_radius_protocol::Packet;
use sekisho_tests::Network;
use sekisho_tests::gateways::Stage;
use sekisho_tests::gateways::slapd::{BASE, PEOPLE, READER, READER_PASSWORD, Slapd};
use sekisho_tests::installation::Plan;
use sekisho_tests::radius::{Nas, Raw};
use sekisho_tests::{Installation, Token, Verdict};

const SOON: Duration = Duration::from_secs(10);
/// A gateway whose field is the code alone.
const PLAIN: [u8; 4] = [127, 0, 0, 50];
const CLASS: u8 = 25;

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

fn directory(stage: &Stage) -> Slapd {
    Slapd::start(stage)
}

fn installation(slapd: &Slapd, url: &str, more: &str) -> Installation {
    let made = Plan::default()
        .settings(&format!(
            "[radius.ldap]\nservers = [\"{url}\"]\nca-file = {:?}\nbind-dn = \"{READER}\"\n\
             bind-password = \"{READER_PASSWORD}\"\nbase = \"{BASE}\"\n{more}\n",
            slapd.authority()
        ))
        .client("mode = \"password-and-code\"\nfirst-factor = \"ldap\"\ngroups = [\"ldap\"]")
        .client("[[radius.client.reply]]\nattribute = \"Class\"\nvalue = \"{group}\"")
        .other_client("plain", "127.0.0.50/32", "")
        .start();
    made.import(&[&hana()]);
    made
}

#[test]
fn directory_judges_the_password_before_the_code_is_looked_at() {
    let _network = Network::enter();
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::new(folder.path());
    let slapd = directory(&stage);
    let hana = hana();
    let (_, password, groups) = PEOPLE[0];
    for url in [Slapd::url(), Slapd::url_tls()] {
        let made = installation(&slapd, &url, "");
        let code = made.code(&hana, 0);
        let mut nas = made.nas();
        for wrong in ["wrong horse", ""] {
            let verdict = nas.login("hana", &format!("{wrong}{code}"));
            assert_eq!(verdict, Verdict::Reject, "{url}");
        }
        assert_eq!(made.count("right-code"), 0, "{url}");
        let request = Raw::access(9, "hana")
            .password(format!("{password}{code}").as_bytes())
            .sealed()
            .build();
        nas.send(&request);
        let reply = nas.receive(SOON).expect("a reply");
        assert_eq!(request.verdict(&reply), Verdict::Accept, "{url}");
        let packet = Packet::parse(&reply).expect("a packet");
        let told: Vec<Vec<u8>> = packet
            .attributes()
            .filter(|attribute| attribute.kind.0 == CLASS)
            .map(|attribute| attribute.value.to_vec())
            .collect();
        let mut wanted: Vec<Vec<u8>> = groups.iter().map(|g| g.as_bytes().to_vec()).collect();
        let mut told_sorted = told.clone();
        told_sorted.sort();
        wanted.sort();
        assert_eq!(told_sorted, wanted, "{url}");
        assert_eq!(
            nas.login("hana", &format!("{password}{code}")),
            Verdict::Reject
        );
    }
}

#[test]
fn directory_that_is_down_rejects_in_bounded_time_and_holds_up_nobody_else() {
    let _network = Network::enter();
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::new(folder.path());
    let slapd = directory(&stage);
    let hana = hana();
    let made = installation(
        &slapd,
        &Slapd::url_tls(),
        "timeout-ms = 1000\ntotal-ms = 2000",
    );
    let (_, password, _) = PEOPLE[0];
    let code = made.code(&hana, 0);
    slapd.freeze();
    let mut nas = made.nas();
    let request = nas.prepare("hana", &format!("{password}{code}"));
    let started = Instant::now();
    nas.send(&request);
    let mut plain = Nas::at(IpAddr::from(PLAIN), made.radius_address());
    assert_eq!(plain.login("hana", &made.code(&hana, -1)), Verdict::Accept);
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
    let reply = nas.receive(SOON).expect("a reply");
    assert_eq!(request.verdict(&reply), Verdict::Reject);
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(made.count("first-factor-unavailable"), 1);
    slapd.thaw();
    let verdict = nas.login("hana", &format!("{password}{code}"));
    assert_eq!(verdict, Verdict::Accept, "nothing was spent meanwhile");
    drop(slapd);
    let started = Instant::now();
    made.clock().advance(30);
    let code = made.code(&hana, 0);
    assert_eq!(
        nas.login("hana", &format!("{password}{code}")),
        Verdict::Reject
    );
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(plain.login("hana", &code), Verdict::Accept);
}
