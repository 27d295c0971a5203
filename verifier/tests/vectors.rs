//! The codes are those of the RFCs, the notes those of others who sign them.

use sekisho_verifier::note::{PublicKey, Signer};
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

fn octets(hex: &str) -> [u8; 32] {
    let octet = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
    std::array::from_fn(octet)
}

/// The `vkey` of a public key: name, id, algorithm 1 and the key.
fn key_of(public: &PublicKey) -> Vec<u8> {
    let text = public.to_string();
    let key = text.splitn(3, '+').nth(2).expect("a key");
    let key = data_encoding::BASE64
        .decode(key.as_bytes())
        .expect("base64");
    assert_eq!((key[0], key.len()), (1, 33));
    key[1..].to_vec()
}

/// RFC 8032 section 7.1: secret keys and the public keys that belong to them.
#[test]
fn rfc_8032_public_keys() {
    for (secret, public) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
        (
            "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
            "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        ),
    ] {
        let signer = Signer::new("rfc8032", &octets(secret)).expect("a signer");
        assert_eq!(key_of(&signer.public()), octets(public));
    }
}

/// The example of the Go package `golang.org/x/mod/sumdb/note`, which C2SP `signed-note` was made
/// from: the key of its documentation and tests, and the note that it signs.
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const NEUMANN_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const NEUMANN_SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuG\
    UgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn the_note_of_the_go_package_is_opened_and_signed_octet_by_octet() {
    let note = format!("{NEUMANN_TEXT}\n{NEUMANN_SIGNATURE}");
    let public: PublicKey = NEUMANN.parse().expect("a public key");
    assert_eq!(
        (public.name(), &*public.to_string()),
        ("PeterNeumann", NEUMANN)
    );
    assert_eq!(public.open(&note), Ok(NEUMANN_TEXT));
    let secret = data_encoding::BASE64.decode(NEUMANN_SECRET.as_bytes());
    let secret: [u8; 33] = secret.expect("base64").try_into().expect("a key");
    let secret = secret[1..].try_into().expect("a key");
    let signer = Signer::new("PeterNeumann", secret).expect("a signer");
    assert_eq!(signer.public(), public);
    assert_eq!(signer.sign(NEUMANN_TEXT), note);
}

#[test]
fn a_public_key_that_was_changed_or_cut_is_none() {
    for from in 0..NEUMANN.len() {
        for to in from..=NEUMANN.len() {
            let whole = (from, to) == (0, NEUMANN.len());
            let read = NEUMANN[from..to].parse::<PublicKey>();
            assert_eq!(read.is_ok(), whole, "{from} to {to}");
        }
    }
    for at in 0..NEUMANN.len() {
        for other in 0..128u8 {
            let mut changed = NEUMANN.as_bytes().to_vec();
            // The id is hexadecimal, in either case.
            if changed[at].eq_ignore_ascii_case(&other) && (13..21).contains(&at) {
                continue;
            }
            if changed[at] == other {
                continue;
            }
            changed[at] = other;
            let changed = String::from_utf8(changed).expect("text");
            assert!(changed.parse::<PublicKey>().is_err(), "{changed:?}");
        }
    }
    // Another length, and another algorithm, each with the id that belongs to it.
    for other in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "+",
        "++",
        "+++",
        "PeterNeumann",
    ] {
        assert!(other.parse::<PublicKey>().is_err(), "{other:?}");
    }
    // A file ends with a newline.
    assert!(format!("{NEUMANN}\n").parse::<PublicKey>().is_ok());
}
