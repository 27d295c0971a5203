//! User-Password: notes 1.1 row 6.

use proptest::prelude::*;
use sekisho_radius_protocol::user_password::{hide, reveal};

use crate::nas::{AUTHENTICATOR, secret};

#[test]
fn only_whole_blocks_from_16_to_128_octets_are_passwords() {
    for length in 0..=253 {
        let permitted = (16..=128).contains(&length) && length % 16 == 0;
        let revealed = reveal(&secret(), &AUTHENTICATOR, &vec![1; length]);
        assert_eq!(revealed.is_ok(), permitted, "{length}");
    }
}

#[test]
fn trailing_nuls_are_padding_and_inner_ones_are_not() {
    for (typed, read) in [
        (&b"123456"[..], &b"123456"[..]),
        (b"ab\0cd", b"ab\0cd"),
        (b"ab\0\0", b"ab"),
        (b"\0ab", b"\0ab"),
        (b"", b""),
        (b"sixteen octets..", b"sixteen octets.."),
        (b"seventeen octets.", b"seventeen octets."),
    ] {
        let hidden = hide(&secret(), &AUTHENTICATOR, typed).unwrap();
        let revealed = reveal(&secret(), &AUTHENTICATOR, hidden.octets()).unwrap();
        assert_eq!(revealed.octets(), read);
        assert_eq!(revealed.is_empty(), read.is_empty());
    }
}

#[test]
fn password_over_128_octets_is_not_hidden() {
    assert!(hide(&secret(), &AUTHENTICATOR, &[b'a'; 128]).is_ok());
    assert!(hide(&secret(), &AUTHENTICATOR, &[b'a'; 129]).is_err());
}

#[test]
fn passwords_and_secrets_print_nothing() {
    let hidden = hide(&secret(), &AUTHENTICATOR, b"123456").unwrap();
    let revealed = reveal(&secret(), &AUTHENTICATOR, hidden.octets()).unwrap();
    assert_eq!(format!("{revealed:?}"), "Password");
    assert_eq!(format!("{:?}", secret()), "Secret");
}

proptest! {
    #[test]
    fn hidden_then_revealed_is_what_was_typed(
        mut typed in proptest::collection::vec(any::<u8>(), 0..=128),
        authenticator: [u8; 16],
    ) {
        while typed.last() == Some(&0) {
            typed.pop();
        }
        let hidden = hide(&secret(), &authenticator, &typed).unwrap();
        let revealed = reveal(&secret(), &authenticator, hidden.octets()).unwrap();
        prop_assert_eq!(revealed.octets(), typed);
    }

    #[test]
    fn no_value_panics(value in proptest::collection::vec(any::<u8>(), 0..=253)) {
        let _ = reveal(&secret(), &AUTHENTICATOR, &value);
    }
}
