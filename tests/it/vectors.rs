//! The RFCs' own codes, as files, through the whole program: import, daemon, RADIUS.

use sekisho_tests::installation::Plan;
use sekisho_tests::token::{CSV_HEADER, hex};
use sekisho_tests::{Token, Verdict};
use sekisho_verifier::otp::Algorithm;

const HOTP: &str = include_str!("../vectors/rfc4226-appendix-d.txt");
const TOTP: &str = include_str!("../vectors/rfc6238-appendix-b.txt");

fn rows(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_whitespace().collect())
}

/// The seeds of RFC 6238: the digits repeated to the length of the hash.
fn seed(octets: usize) -> Vec<u8> {
    b"1234567890".iter().copied().cycle().take(octets).collect()
}

fn of(algorithm: &str) -> (Algorithm, usize) {
    match algorithm {
        "sha1" => (Algorithm::Sha1, 20),
        "sha256" => (Algorithm::Sha256, 32),
        "sha512" => (Algorithm::Sha512, 64),
        other => panic!("{other} is not in the RFC"),
    }
}

#[test]
fn rfc4226_codes_are_accepted_in_order_and_once() {
    let made = Plan::default().start();
    let line = format!("hana,HOTP1,{},sha1,6,0", hex(&seed(20)));
    let text = format!(
        "{},algorithm,digits,counter\n{line}\n",
        CSV_HEADER.trim_end()
    );
    made.import_text(&text).expect_success();
    let generator = Token::with_seed("hana", "HOTP1", seed(20), Algorithm::Sha1, 6);
    let mut nas = made.nas();
    for row in rows(HOTP) {
        let counter: u64 = row[0].parse().expect("a counter");
        assert_eq!(
            generator.code(counter),
            row[1],
            "the harness's own generator"
        );
        assert_eq!(
            nas.login("hana", row[1]),
            Verdict::Accept,
            "counter {counter}"
        );
        assert_eq!(
            nas.login("hana", row[1]),
            Verdict::Reject,
            "counter {counter} again"
        );
    }
}

#[test]
fn rfc6238_codes_are_accepted_at_their_times_and_once() {
    // The first of the times is in the first minute of 1970.
    let made = Plan::default().clock_at(30).start();
    let mut text = format!("{},algorithm,digits,period\n", CSV_HEADER.trim_end());
    for algorithm in ["sha1", "sha256", "sha512"] {
        let (_, octets) = of(algorithm);
        let seed = hex(&seed(octets));
        text.push_str(&format!(
            "{algorithm},TOTP-{algorithm},{seed},{algorithm},8,30\n"
        ));
    }
    made.import_text(&text).expect_success();
    let mut nas = made.nas();
    for row in rows(TOTP) {
        let [time, code, algorithm] = row[..] else {
            panic!("{row:?}");
        };
        let (hash, octets) = of(algorithm);
        let time: u64 = time.parse().expect("a time");
        let generator = Token::with_seed(algorithm, "", seed(octets), hash, 8);
        assert_eq!(
            generator.shows(time, 0),
            code,
            "the harness's own generator"
        );
        made.clock().set(time);
        assert_eq!(nas.login(algorithm, code), Verdict::Accept, "{row:?}");
        assert_eq!(nas.login(algorithm, code), Verdict::Reject, "{row:?}");
    }
}
