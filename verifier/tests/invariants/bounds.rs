//! I9, I11: receipt numbers survive the telephone, and every limit has a bound.

use std::time::Duration;

use proptest::prelude::*;
use sekisho_verifier::account::{
    ACCOUNT_OCTETS_MAX, ALIASES_MAX, Account, AccountName, ENDED_TOKENS_MAX, TOKENS_MAX,
};
use sekisho_verifier::event::{ACTOR_OCTETS_MAX, Actor, NOTE_OCTETS_MAX, Note};
use sekisho_verifier::operation::{
    AccountChange, IMPORT_FAULTS_MAX, Operation, Refusal, StateChange,
};
use sekisho_verifier::otp::{Code, Digits, SEED_OCTETS_MAX, SEED_OCTETS_MIN, Seed};
use sekisho_verifier::place::{Door, PLACE_PART_OCTETS_MAX, Place};
use sekisho_verifier::policy::{CodeRule, Need, Policy};
use sekisho_verifier::receipt::{POSITIONS, ReceiptNumber};
use sekisho_verifier::serial::{SERIAL_OCTETS_MAX, Serial};
use sekisho_verifier::token::Period;

use crate::common::desk::{Desk, Device, enroll, name};
use crate::common::{START, config};

const ALPHABET: &str = "34679ACDEFGHJKMNPQRTWXY";

pub(crate) fn serial(text: &str) -> Serial {
    Serial::parse(text).expect("a serial")
}

fn samples() -> Vec<String> {
    let positions = [
        0,
        1,
        22,
        23,
        528,
        12_345,
        999_999_937,
        31_536_000 * 200_000,
        POSITIONS / 2,
        POSITIONS - 1,
    ];
    let numbers = positions.map(|at| ReceiptNumber::new(at).expect("a number"));
    numbers.iter().map(ToString::to_string).collect()
}

#[test]
fn i09_a_wrong_character_of_a_receipt_number_is_found() {
    for number in samples() {
        for (at, right) in number.char_indices().filter(|(_, c)| *c != '-') {
            for wrong in ALPHABET.chars().filter(|wrong| *wrong != right) {
                let mut typed = number.clone();
                typed.replace_range(at..=at, &wrong.to_string());
                assert!(
                    typed.parse::<ReceiptNumber>().is_err(),
                    "{number} as {typed}"
                );
            }
        }
    }
}

#[test]
fn i09_two_swapped_characters_of_a_receipt_number_are_found() {
    for number in samples() {
        let plain: Vec<char> = number.chars().filter(|c| *c != '-').collect();
        for one in 0..plain.len() {
            for other in one + 1..plain.len() {
                let mut swapped = plain.clone();
                swapped.swap(one, other);
                let found = swapped.iter().collect::<String>().parse::<ReceiptNumber>();
                assert_eq!(found.is_ok(), plain[one] == plain[other], "{number}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn i09_a_receipt_number_reads_back(position in 0..POSITIONS) {
        let number = ReceiptNumber::new(position).expect("a number");
        for text in [number.to_string(), number.to_string().to_lowercase().replace('-', "")] {
            let read: ReceiptNumber = text.parse().expect("a number");
            prop_assert_eq!(read.position(), position);
        }
    }

    #[test]
    fn i09_receipt_numbers_rise(a in 0..POSITIONS, b in 0..POSITIONS) {
        let number = |at| ReceiptNumber::new(at).expect("a number");
        prop_assert_eq!(number(a).cmp(&number(b)), a.cmp(&b));
        // The text sorts as the numbers do.
        let text = |at| number(at).to_string();
        prop_assert_eq!(text(a).cmp(&text(b)), a.cmp(&b));
    }

    #[test]
    fn i11_no_text_makes_the_parsers_panic(text: String, octets: Vec<u8>) {
        let _ = (AccountName::parse(&text), Serial::parse(&text), Code::parse(&octets));
        let _ = text.parse::<ReceiptNumber>();
        let place = Place::new(Door::Pam, &text, Some(&text), Some(&text));
        prop_assert!(place.name.len() <= PLACE_PART_OCTETS_MAX);
        if let Some(note) = Note::new(&text) {
            prop_assert!((1..=NOTE_OCTETS_MAX).contains(&note.as_str().len()));
        }
        prop_assert!(Actor::new(1, &text).name.len() <= ACTOR_OCTETS_MAX);
    }
}

#[test]
fn i11_a_receipt_number_past_its_end_is_none() {
    assert!(ReceiptNumber::new(POSITIONS - 1).is_some());
    assert!(ReceiptNumber::new(POSITIONS).is_none());
    assert!(ReceiptNumber::new(u64::MAX).is_none());
}

#[test]
fn i11_policy_values_out_of_bounds_are_refused() {
    type Set = fn(&mut Policy, u64);
    let check = |set: Set, bounds: std::ops::RangeInclusive<u64>| {
        let fits = |value| {
            let mut policy = Policy::default();
            set(&mut policy, value);
            policy.check().is_ok()
        };
        assert!(fits(*bounds.start()) && fits(*bounds.end()), "{bounds:?}");
        assert!(!fits(bounds.end() + 1), "{bounds:?}");
        assert!(!fits(u64::from(u32::MAX)), "{bounds:?}");
        for low in bounds.start().checked_sub(1).into_iter().chain([0]) {
            assert_eq!(fits(low), bounds.contains(&low), "{low} and {bounds:?}");
        }
    };
    check(
        |policy, value| policy.limits.wrong_codes = value as u32,
        3..=20,
    );
    check(
        |policy, value| policy.limits.failures_in_a_row = value as u32,
        20..=1_000,
    );
    check(
        |policy, value| policy.limits.lock = Duration::from_secs(value),
        60..=86_400,
    );
    check(|policy, value| policy.acceptance.window = value, 0..=1);
    check(
        |policy, value| policy.acceptance.look_ahead = value,
        1..=100,
    );
    check(
        |policy, value| policy.acceptance.drift = value as i64,
        0..=20,
    );
    let mut policy = Policy::default();
    policy.acceptance.drift = -1;
    assert!(policy.check().is_err());
}

#[test]
fn i11_shapes_and_texts_out_of_bounds_are_refused() {
    let periods: Vec<u32> = (0..200).filter(|s| Period::new(*s).is_some()).collect();
    assert_eq!(periods, (15..=120).collect::<Vec<_>>());
    let digits: Vec<u8> = (0..=u8::MAX)
        .filter(|d| Digits::new(*d).is_some())
        .collect();
    assert_eq!(digits, [6, 7, 8]);
    let check = |fits: &dyn Fn(usize) -> bool, bounds: std::ops::RangeInclusive<usize>| {
        let found: Vec<usize> = (0..600).filter(|length| fits(*length)).collect();
        assert_eq!(found, bounds.collect::<Vec<_>>());
    };
    check(
        &|n| Seed::new(vec![1; n]).is_some(),
        SEED_OCTETS_MIN..=SEED_OCTETS_MAX,
    );
    check(
        &|n| AccountName::parse(&"a".repeat(n)).is_ok(),
        1..=ACCOUNT_OCTETS_MAX,
    );
    check(
        &|n| Serial::parse(&"A".repeat(n)).is_ok(),
        1..=SERIAL_OCTETS_MAX,
    );
    check(&|n| Code::parse(&vec![b'1'; n]).is_ok(), 6..=8);
}

#[test]
fn i11_an_account_has_no_more_tokens_than_its_bound() {
    let mut desk = Desk::new(Policy::default());
    let bound = TOKENS_MAX as u64;
    for n in 1..=bound {
        desk.give("mori", &Device::usual(n));
    }
    let more = Device::usual(bound + 1);
    desk.stock(&more);
    let before = desk.records();
    let refusal = desk.refused(&enroll("mori", &more, &more.shows(desk.now)));
    assert_eq!(refusal, Refusal::TooManyTokens(name("mori")));
    assert_eq!(desk.records(), before);
    for n in 1..=bound {
        desk.change(StateChange::Stop, &Device::usual(n));
    }
    for n in 10..20 {
        desk.give("mori", &Device::usual(n));
        desk.change(StateChange::Lost, &Device::usual(n));
    }
    let ended: Vec<Serial> = (16..20).rev().map(|n| Device::usual(n).serial).collect();
    assert_eq!(desk.account("mori").ended, ended);
    assert_eq!(ended.len(), ENDED_TOKENS_MAX);
}

#[test]
fn i11_an_account_has_no_more_names_than_its_bound() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let add = |n: usize| AccountChange {
        add_alias: Some(name(&format!("mori{n}"))),
        ..AccountChange::default()
    };
    for n in 0..ALIASES_MAX {
        desk.set("mori", add(n));
    }
    let refusal = desk.refused(&Operation::AccountSet(name("mori"), add(ALIASES_MAX)));
    assert_eq!(refusal, Refusal::TooManyAliases(name("mori")));
    assert!(!desk.login("mori8", &device.shows(desk.now)).accepted());
    assert!(desk.login("MORI7", &device.shows(desk.now)).accepted());
}

#[test]
fn i11_an_import_names_no_more_faults_than_its_bound() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let lines: Vec<_> = (1..=50).map(|line| device.imported(line, None)).collect();
    let Refusal::Import(faults) = desk.refused(&Operation::Import(lines)) else {
        panic!("not refused for its lines");
    };
    let named: Vec<u64> = faults.iter().map(|(line, _)| *line).collect();
    assert_eq!(named, (1..=IMPORT_FAULTS_MAX as u64).collect::<Vec<_>>());
}

#[test]
fn i11_what_strangers_send_is_cut_and_printable() {
    let long = "\u{1b}[31m漢字 ".repeat(500);
    let place = Place::new(Door::Pam, &long, Some(&long), Some(&long));
    let parts = [Some(place.name), place.terminal, place.remote];
    for part in parts.into_iter().flatten() {
        assert_eq!(part.len(), PLACE_PART_OCTETS_MAX);
        assert!(part.bytes().all(|b| b.is_ascii_graphic()));
    }
    for text in [
        Note::new(&long).expect("a note").as_str(),
        &*Actor::new(0, &long).name,
    ] {
        assert!(!text.chars().any(char::is_control) && text.len() <= NOTE_OCTETS_MAX);
    }
    assert_eq!(Note::new(" \n\0\t "), None);
}

#[test]
fn i11_a_note_holds_nothing_that_makes_it_read_otherwise() {
    let hidden = "a\u{202e}b\u{200b}c\u{2066}d\u{feff}e\u{1b}f\n";
    let note = Note::new(hidden).expect("a note");
    assert_eq!(note.as_str(), "abcdef");
}

#[test]
fn r26_a_disabled_account_is_asked_where_nobody_is() {
    let place = Place::new(Door::Pam, "login", None, None);
    let mut policy = Policy::default();
    let services = &mut policy.asking.services;
    services.insert("login".into(), CodeRule::Never.into());
    let need = |account: Option<&Account>| policy.need(&place, account, START).0;
    let name = AccountName::parse("mori").expect("a name");
    let mut account = Account::new(name, START);
    assert_eq!(need(Some(&account)), Need::NoCode);
    assert_eq!(need(None), Need::NoCode);
    account.disabled = true;
    assert_eq!(need(Some(&account)), Need::Code);
}
