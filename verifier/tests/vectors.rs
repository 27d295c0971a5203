//! The codes are those of the RFCs.

use sekisho_verifier::otp::{Algorithm, Code, Digits, Generator, Seed};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::Period;

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split(' ').collect())
}

fn generator(algorithm: Algorithm, digits: u8) -> Generator {
    let octets = match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha512 => 64,
    };
    let seed = b"1234567890".iter().copied().cycle().take(octets).collect();
    let seed = Seed::new(seed).expect("a seed");
    Generator::new(&seed, algorithm, Digits::new(digits).expect("digits"))
}

#[test]
fn rfc_4226_appendix_d() {
    let generator = generator(Algorithm::Sha1, 6);
    let mut count = 0;
    for row in rows(include_str!("vectors/rfc4226.txt")) {
        let counter = row[0].parse().expect("counter");
        assert_eq!(*generator.code(counter), row[1]);
        assert!(generator.matches(&Code::parse(row[1].as_bytes()).expect("code"), counter));
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn rfc_6238_appendix_b() {
    let mut count = 0;
    for row in rows(include_str!("vectors/rfc6238.txt")) {
        let seconds: u64 = row[0].parse().expect("seconds");
        let algorithm = Algorithm::from_name(row[1]).expect("algorithm");
        let step = Period::default().step(Time::from_millis(seconds * 1_000));
        assert_eq!(*generator(algorithm, 8).code(step), row[2], "{row:?}");
        count += 1;
    }
    assert_eq!(count, 18);
}

#[test]
fn counters_reach_over_the_whole_64_bit_range() {
    // RFC 4226 section 5.1: the counter is 8 octets. Computed with an independent program.
    let generator = generator(Algorithm::Sha1, 6);
    for (counter, code) in [
        (u64::MAX, "094451"),
        (1 << 63, "959616"),
        (u64::MAX - 1, "488204"),
    ] {
        assert_eq!(*generator.code(counter), code, "{counter}");
    }
}

#[test]
fn a_code_is_six_to_eight_ascii_digits_and_nothing_else() {
    for code in ["000000", "123456", "1234567", "12345678"] {
        assert!(Code::parse(code.as_bytes()).is_ok(), "{code}");
    }
    let wide = "１２３４５６";
    for code in [
        "",
        "1",
        "12345",
        "123456789",
        "12345a",
        " 123456",
        "123456 ",
        "123456\n",
        "123 456",
        "-12345",
        "+12345",
        "0x1234",
        "12345\0",
        "1234\u{661}",
        wide,
        "\u{8}\n\r\u{7f}",
    ] {
        assert!(Code::parse(code.as_bytes()).is_err(), "{code:?}");
    }
}
