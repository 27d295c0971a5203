//! I10: seeds are sealed, and neither a seed nor a code is ever kept or printed.

use proptest::prelude::*;
use sekisho_verifier::otp::Seed;
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::{DataKey, SealedSeed};
use sekisho_verifier::store::Store;
use sekisho_verifier::verify::Login;

use crate::common::config;
use crate::common::desk::{Desk, Device, KEY, attempt, enroll, exchange};
use crate::common::history::{Did, Run};
use crate::common::oracle::could_be_a_code;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 without padding: `bits` of the octets for each character.
fn based(octets: &[u8], alphabet: &[u8], bits: u32) -> Vec<u8> {
    let (mut text, mut held, mut rest) = (Vec::new(), 0, 0u32);
    for octet in octets {
        held = (held << 8) | u32::from(*octet);
        rest += 8;
        while rest >= bits {
            rest -= bits;
            text.push(alphabet[(held >> rest) as usize & (alphabet.len() - 1)]);
        }
        held &= (1 << rest) - 1;
    }
    text
}

/// How a secret may look where it must not be: whole or in a good part.
fn looks(seed: &[u8]) -> Vec<Vec<u8>> {
    let part = &seed[..12];
    let hex: String = part.iter().map(|octet| format!("{octet:02x}")).collect();
    let list = format!("{part:?}");
    vec![
        part.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        based(part, BASE32, 5),
        based(part, BASE64, 6),
        list.trim_matches(['[', ']']).as_bytes().to_vec(),
    ]
}

fn holds(text: &[u8], secret: &[u8]) -> bool {
    text.windows(secret.len()).any(|window| window == secret)
}

/// Whether the digits of `code` stand in `text` as a number of their own, or octet by octet.
fn holds_code(text: &[u8], code: &str) -> bool {
    let list = format!("{:?}", code.as_bytes());
    let listed = holds(text, list.trim_matches(['[', ']']).as_bytes());
    let runs = text.split(|octet| !octet.is_ascii_digit());
    listed || runs.into_iter().any(|run| run == code.as_bytes())
}

/// The claim about a run: encoded and printed, nothing of it holds a seed or a code.
pub(crate) fn nothing_secret_is_kept(run: &Run) {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for record in run.desk.records() {
        texts.push(minicbor::to_vec(&record).expect("a record"));
        texts.push(format!("{record:?}").into_bytes());
    }
    for event in run.desk.events() {
        texts.push(minicbor::to_vec(&event).expect("an event"));
        texts.push(format!("{event:?}").into_bytes());
    }
    let mut codes = Vec::new();
    for seen in &run.seen {
        if let Some(change) = &seen.change {
            texts.push(minicbor::to_vec(change).expect("a change"));
            texts.push(format!("{change:?} {change:#?}").into_bytes());
        }
        match &seen.did {
            Did::Login { code, told, .. } => {
                codes.push(code.clone());
                texts.push(format!("{told:?}").into_bytes());
            }
            Did::Operation {
                operation,
                done,
                proof,
                ..
            } => {
                codes.extend(proof.iter().map(|(_, code, _)| code.clone()));
                texts.push(format!("{operation} {done:?}").into_bytes());
            }
        }
    }
    let expected = run.devices.iter().map(|device| device.shows(run.desk.now));
    codes.extend(expected);
    codes.retain(|code| could_be_a_code(code));
    let text = texts.concat();
    search(run, &text, &codes);
    let upper = text.to_ascii_uppercase();
    for spare in &run.spares {
        for look in [spare.clone(), spare.replace('-', "")] {
            assert!(!holds(&upper, look.as_bytes()), "a spare code is kept");
        }
    }
}

fn search(run: &Run, text: &[u8], codes: &[String]) {
    for device in &run.devices {
        for look in looks(&device.seed) {
            assert!(!holds(text, &look), "a seed is kept");
        }
    }
    let runs = text.split(|octet| !octet.is_ascii_digit());
    let kept: std::collections::HashSet<&[u8]> = runs.collect();
    for code in codes {
        assert!(!kept.contains(code.as_bytes()), "the code {code} is kept");
    }
}

#[test]
fn i10_the_search_finds_what_it_looks_for() {
    let seed = Device::usual(1).seed;
    for look in looks(&seed) {
        let text = [b"something ".to_vec(), look.clone(), b" else".to_vec()].concat();
        assert!(holds(&text, &look) && !holds(b"something else", &look));
    }
    assert_eq!(
        based(b"12345678901234567890", BASE32, 5),
        b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    );
    assert_eq!(based(b"any", BASE64, 6), b"YW55");
    assert!(holds_code(b"code: Some(\"123456\")", "123456"));
    assert!(holds_code(b"[49, 50, 51, 52, 53, 54]", "123456"));
    assert!(!holds_code(b"step: 1234567", "123456"));
}

#[test]
fn i10_nothing_that_holds_a_code_or_a_seed_prints_it() {
    let (device, other) = (Device::usual(1), Device::usual(2));
    let desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    let attempt = attempt("mori", &code, Door::Pam);
    let login = Login::new(&desk.verifier, &attempt, desk.now);
    let seed = device.seed();
    let sealed = desk.token(&device).seed;
    let code_text = device.generator().code(7);
    let printed = [
        format!("{attempt:?} {attempt:#?}"),
        format!("{login:?} {login:#?}"),
        format!("{:?}", enroll("mori", &device, &code)),
        format!("{:?}", exchange(&device, &other, &code)),
        format!("{:?} {seed:?} {sealed:?}", device.generator()),
        format!("{:?} {:?}", desk.verifier, desk.verifier.keyring()),
        format!("{code_text:?}"),
        format!("{:?}", sekisho_verifier::otp::Code::parse(code.as_bytes())),
    ];
    for text in printed {
        for code in [&code, &*code_text] {
            assert!(!holds_code(text.as_bytes(), code), "{text}");
        }
        let secrets = looks(&device.seed).into_iter().chain(looks(&KEY));
        assert!(
            secrets
                .into_iter()
                .all(|look| !holds(text.as_bytes(), &look)),
            "{text}"
        );
    }
}

#[test]
fn i10_a_name_that_is_none_is_not_kept() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    desk.login("my pass phrase", "hunter2 in the wrong field");
    let event = desk.events().pop().expect("an event");
    let kept = [
        format!("{event:?}").into_bytes(),
        minicbor::to_vec(&event).expect("an event"),
    ];
    for secret in ["phrase", "hunter2"] {
        assert!(kept.iter().all(|text| !holds(text, secret.as_bytes())));
    }
}

#[test]
fn i10_a_sealed_seed_opens_for_its_serial_only() {
    let devices: Vec<Device> = (1..=12).map(Device::usual).collect();
    let mut desk = Desk::new(Policy::default());
    devices.iter().for_each(|device| desk.stock(device));
    let key = desk.verifier.keyring();
    for owner in &devices {
        let sealed = desk.token(owner).seed;
        for device in &devices {
            let opened = key.open(&device.serial, 1, &sealed);
            assert_eq!(opened.is_ok(), device.serial == owner.serial);
        }
        assert_eq!(
            key.open(&owner.serial, 1, &sealed)
                .expect("a seed")
                .expose(),
            owner.seed
        );
        for foreign in [DataKey::new(1, &[0; 32]), DataKey::new(2, &KEY)] {
            assert!(foreign.open(&owner.serial, 1, &sealed).is_err());
        }
    }
    assert_eq!(desk.store.counts().tokens, 12);
}

fn octets(sealed: &SealedSeed) -> Vec<u8> {
    minicbor::to_vec(sealed).expect("octets")
}

#[test]
fn i10_no_flipped_bit_of_a_sealed_seed_opens() {
    for device in [Device::usual(1), Device::known(2)] {
        let key = DataKey::new(1, &KEY);
        let sealed = octets(&key.seal(&device.serial, 1, &device.seed(), [9; 12]));
        let opens = |octets: &[u8]| {
            let sealed = minicbor::decode::<SealedSeed>(octets);
            sealed.is_ok_and(|sealed| key.open(&device.serial, 1, &sealed).is_ok())
        };
        assert!(opens(&sealed));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&flipped), "bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn i10_what_is_sealed_opens_to_what_it_was(
        seed in prop::collection::vec(any::<u8>(), 16..=128),
        nonce: [u8; 12],
        key: [u8; 32],
        cut in 0..200usize,
    ) {
        let (key, serial) = (DataKey::new(7, &key), Device::usual(1).serial);
        let sealed = key.seal(&serial, 1, &Seed::new(seed.clone()).expect("a seed"), nonce);
        let opened = key.open(&serial, 1, &sealed).expect("a seed");
        prop_assert_eq!(opened.expose(), &seed);
        let whole: Vec<u8> = minicbor::decode::Decoder::new(&octets(&sealed)).bytes().expect("octets").to_vec();
        prop_assert!(!holds(&whole, &seed));
        let part = minicbor::bytes::ByteVec::from(whole[..cut.min(whole.len() - 1)].to_vec());
        let part: SealedSeed = minicbor::decode(&minicbor::to_vec(&part).expect("octets")).expect("octets");
        prop_assert!(key.open(&serial, 1, &part).is_err());
    }
}
