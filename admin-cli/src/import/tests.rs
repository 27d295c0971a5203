use std::fmt::Write;
use std::time::Instant;

use proptest::prelude::*;
use sekisho_verifier_socket::admin::NewToken;

use super::*;

const SEED: &[u8] = b"12345678901234567890";
const BASE32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const HEX: &str = "3132333435363738393031323334353637383930";

fn rows(text: &str) -> Vec<ImportRow> {
    Rows::new(text.as_bytes())
        .collect::<Result<_, _>>()
        .expect("good file")
}

fn one(text: &str) -> ImportRow {
    let mut all = rows(text);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The first bad line of `text`, which must not quote it.
fn bad(text: &str) -> String {
    let file = check(text.as_bytes(), |_| ()).expect_err("must be bad");
    file.shown[0].to_string()
}

#[test]
fn otpauth_gives_serial_seed_and_shape() {
    for (uri, serial) in [
        (
            format!("otpauth://totp/Sekisho:SKTS1?secret={BASE32}"),
            "SKTS1",
        ),
        (
            format!("OTPAUTH://TOTP/SKTS1?secret={}", BASE32.to_lowercase()),
            "SKTS1",
        ),
        (
            format!("otpauth://totp/Bank%3A%20SKTS1?secret={BASE32}&issuer=Bank"),
            "SKTS1",
        ),
        (
            format!("otpauth://totp/Bank:alice?secret={BASE32}&serial=SKTS2"),
            "SKTS2",
        ),
        (
            format!("otpauth://totp/a:b:SKTS3?secret={BASE32}&image=x"),
            "SKTS3",
        ),
    ] {
        let row = one(&uri);
        assert_eq!(row.serial, serial);
        assert_eq!(row.seed.expose(), SEED);
        assert_eq!((row.account, row.shape), (None, NewToken::default()));
    }
}

#[test]
fn otpauth_takes_every_parameter_and_any_64_bit_counter() {
    let row = one(&format!(
        "otpauth://totp/X?secret={BASE32}&algorithm=SHA512&digits=8&period=60"
    ));
    assert_eq!(row.shape.algorithm.as_deref(), Some("sha512"));
    assert_eq!((row.shape.digits, row.shape.period), (Some(8), Some(60)));
    let row = one(&format!(
        "otpauth://hotp/X?secret={BASE32}&counter=18446744073709551615"
    ));
    assert_eq!(row.shape.counter, Some(u64::MAX));
}

#[test]
fn base32_padding_is_optional_but_right() {
    assert_eq!(
        one("otpauth://totp/X?secret=MZXW6===").seed.expose(),
        b"foo"
    );
    assert_eq!(
        one("otpauth://totp/X?secret=mzxw6%3D%3D%3D").seed.expose(),
        b"foo"
    );
    assert_eq!(one("otpauth://totp/X?secret=MZXW6").seed.expose(), b"foo");
    for secret in [
        "MZXW6=",
        "MZXW6========",
        "MZX=W6==",
        "MZXW61",
        "MZ XW6",
        "A",
    ] {
        let message = bad(&format!("otpauth://totp/X?secret={secret}"));
        assert_eq!(message, "line 1: the secret is not base32", "{secret}");
    }
}

#[test]
fn a_bad_uri_is_named_by_line_and_never_quoted() {
    for (uri, message) in [
        ("otpauth://totp/X", "no parameters"),
        ("otpauth://totp?secret=GEZDGNBV", "no label"),
        ("otpauth://totp/X?digits=6", "no secret"),
        ("otpauth://totp/X?secret=", "no seed"),
        ("otpauth://totp/?secret=GEZDGNBV", "no serial"),
        (
            "otpauth://steam/X?secret=GEZDGNBV",
            "the type is neither totp nor hotp",
        ),
        ("otpauth://hotp/X?secret=GEZDGNBV", "no counter"),
        (
            "otpauth://totp/X?secret=GEZDGNBV&counter=1",
            "a totp token has no counter",
        ),
        (
            "otpauth://hotp/X?secret=GEZDGNBV&counter=1&period=30",
            "a hotp token has no period",
        ),
        (
            "otpauth://hotp/X?secret=GEZDGNBV&counter=18446744073709551616",
            "the counter is not a whole number from 0 to 18446744073709551615",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&digits=9",
            "the digits is not a whole number from 6 to 8",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&digits=+6",
            "the digits is not a whole number from 6 to 8",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&period=0",
            "the period is not a whole number from 15 to 120",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&algorithm=MD5",
            "the algorithm is not SHA1, SHA256 or SHA512",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&secret=GEZDGNBV",
            "a second secret",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&digits=6&digits=6",
            "a parameter is there twice",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV&encoder=steam",
            "an unknown parameter",
        ),
        (
            "otpauth://totp/X?secret=GEZDGNBV#f",
            "a `#` behind the parameters",
        ),
        (
            "otpauth://totp/%ff?secret=GEZDGNBV",
            "the label is not UTF-8",
        ),
        (
            "otpauth://totp/a%20b?secret=GEZDGNBV",
            "the serial is not 1 to 32 printable ASCII characters without blanks",
        ),
    ] {
        assert_eq!(
            bad(&format!("# list\n\n{uri}\n")),
            format!("line 3: {message}"),
            "{uri}"
        );
    }
}

#[test]
fn csv_gives_rows_with_and_without_account() {
    let all = rows(&format!(
        "account,serial,secret_hex,counter,digits\r\nalice,A1,{HEX},,8\r\n\r\n# stock\n,A2,{},7,\n",
        HEX.to_uppercase()
    ));
    assert_eq!(all[0].account.as_deref(), Some("alice"));
    assert_eq!((all[0].shape.digits, all[0].shape.counter), (Some(8), None));
    assert_eq!((all[1].account.as_deref(), all[1].line), (None, 5));
    assert_eq!((all[1].shape.digits, all[1].shape.counter), (None, Some(7)));
    assert!(all.iter().all(|row| row.seed.expose() == SEED));
}

#[test]
fn csv_takes_quotes_and_a_byte_order_mark() {
    let row = one(&format!(
        "\u{feff}account,serial,secret_hex\n\"van \"\"der\"\" Berg, J\",A1,\"{HEX}\"\n"
    ));
    assert_eq!(row.account.as_deref(), Some("van \"der\" Berg, J"));
}

#[test]
fn a_bad_csv_line_is_named_and_never_quoted() {
    let header = "account,serial,secret_hex,algorithm,digits,period,counter";
    for (line, message) in [
        ("a,A1", "2 fields, the header has 7"),
        ("a,A1,00,,,,,", "8 fields, the header has 7"),
        ("a,A1,00,,,,,,", "more than 7 fields"),
        ("a,A1,0,,,,", "the secret is not hexadecimal"),
        ("a,A1,,,,,", "no seed"),
        ("a,,00,,,,", "no serial"),
        (
            "a,A1,00,,,30,1",
            "a token has a period or a counter, not both",
        ),
        ("\"a,A1,00,,,,", "a quote is not closed"),
        ("a,A\u{7},00,,,,", "a control character"),
    ] {
        assert_eq!(
            bad(&format!("{header}\n{line}\n")),
            format!("line 2: {message}"),
            "{line}"
        );
    }
    for header in ["serial,secret_hex", "account,serial,secret", "x"] {
        assert_eq!(
            bad(&format!("{header}\na,b,c\n")),
            format!(
                "line 1: {}",
                "neither an otpauth:// URI nor the header account,serial,secret_hex"
            )
        );
    }
    assert_eq!(
        bad("account,serial,secret_hex,pin\n"),
        "line 1: the header has an unknown column"
    );
    assert_eq!(
        bad("account,serial,secret_hex,digits,digits\n"),
        "line 1: the header has a column twice"
    );
}

#[test]
fn the_same_serial_twice_is_bad_in_any_case() {
    let text = "account,serial,secret_hex\n,ab1,00\n,AB1,00\n";
    assert_eq!(bad(text), "line 3: the serial is also on line 2");
}

#[test]
fn long_lines_and_other_encodings_are_bad() {
    let long = format!(
        "otpauth://totp/{}?secret={BASE32}",
        "x".repeat(LINE_OCTETS_MAX)
    );
    assert_eq!(bad(&long), "line 1: longer than 2048 octets");
    let file = check(b"otpauth://totp/\xff?secret=AA\n", |_| ()).expect_err("bad");
    assert_eq!(file.shown[0].to_string(), "line 1: not UTF-8");
}

#[test]
fn ten_bad_lines_are_shown_and_all_are_counted() {
    let text = "otpauth://totp/x\n".repeat(25);
    let file = check(text.as_bytes(), |_| ()).expect_err("bad");
    assert_eq!((file.shown.len(), file.count), (BAD_LINES_SHOWN, 25));
    assert_eq!(file.shown[9].line, 10);
}

#[test]
fn a_million_lines_are_read_and_the_next_is_refused() {
    let mut text = String::from("account,serial,secret_hex\n");
    for number in 0..ROWS_MAX {
        writeln!(text, ",SKTS{number:08},{HEX}").expect("to a string");
    }
    let start = Instant::now();
    assert_eq!(check(text.as_bytes(), |_| ()), Ok(ROWS_MAX));
    println!("1,000,000 lines of CSV checked in {:?}", start.elapsed());
    writeln!(text, ",ONE-MORE,{HEX}").expect("to a string");
    assert_eq!(bad(&text), "line 1000002: more than 1000000 tokens");
}

proptest! {
    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = check(&octets, |_| ());
    }

    #[test]
    fn no_line_panics(
        header in "(account,serial,secret_hex(,digits)?(,period)?|otpauth://(totp|hotp)/)",
        lines in prop::collection::vec("(otpauth://totp/|,|\"|[a-z%=&?:#0-9])*", 0..8),
    ) {
        let _ = check(format!("{header}\n{}", lines.join("\n")).as_bytes(), |_| ());
    }

    #[test]
    fn what_is_written_is_read(
        serial in "[A-Z]{2,6}[0-9]{1,10}",
        account in "[a-z \",\u{3042}]{0,20}",
        seed in prop::collection::vec(any::<u8>(), 1..=128),
        digits in 6u8..=8,
        counter in any::<u64>(),
    ) {
        let hex = data_encoding::HEXLOWER.encode(&seed);
        let quoted = account.replace('"', "\"\"");
        let row = one(&format!(
            "account,serial,secret_hex,digits,counter\n\"{quoted}\",{serial},{hex},{digits},{counter}\n"
        ));
        prop_assert_eq!(row.account.unwrap_or_default(), account);
        prop_assert_eq!(row.seed.expose(), &seed[..]);
        prop_assert_eq!(row.shape.counter, Some(counter));
        let base32 = data_encoding::BASE32_NOPAD.encode(&seed);
        let row = one(&format!(
            "otpauth://hotp/I:{serial}?secret={base32}&digits={digits}&counter={counter}"
        ));
        prop_assert_eq!(row.serial, serial);
        prop_assert_eq!(row.seed.expose(), &seed[..]);
        prop_assert_eq!((row.shape.digits, row.shape.counter), (Some(digits), Some(counter)));
    }
}
