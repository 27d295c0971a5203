//! I10: what is sealed opens with its key, its serial and its version only; what is tagged fits
//! where it was written only; and a rotation changes nothing else.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::event::What;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{Done, Operation};
use sekisho_verifier::otp::Seed;
use sekisho_verifier::seal::{
    DataKey, DoesNotFit, KEY_OCTETS, Keyring, SealedSeed, TAG_OCTETS, Tag,
};
use sekisho_verifier::store::{Key, Record, Store};
use sekisho_verifier::testing::faulty::{Call, Fault};
use sekisho_verifier::testing::sample;
use sekisho_verifier::token::Token;

use crate::common::config;
use crate::common::desk::{Desk, Device, data_key, name};

fn ring(numbers: &[u32]) -> Keyring {
    let ring = Keyring::new(data_key(numbers[0]));
    for number in &numbers[1..] {
        ring.add(data_key(*number));
    }
    ring
}

fn seed() -> Seed {
    Seed::new(vec![0x5A; 20]).expect("a seed")
}

#[test]
fn i10_a_seed_opens_with_its_key_serial_and_version_only() {
    let devices = [1, 2, 3].map(Device::usual);
    for number in 1..=3 {
        for device in &devices {
            for version in [1, 2, 256, u64::MAX] {
                let sealed = data_key(number).seal(&device.serial, version, &seed(), [7; 12]);
                for other in 1..=3 {
                    for of in &devices {
                        for tried in [1, 2, 256, u64::MAX] {
                            let fits =
                                other == number && of.serial == device.serial && tried == version;
                            let opened = data_key(other).open(&of.serial, tried, &sealed);
                            assert_eq!(opened.is_ok(), fits);
                            let opened = ring(&[1, 2, 3]).open(&of.serial, tried, &sealed);
                            let fits = of.serial == device.serial && tried == version;
                            assert_eq!(opened.is_ok(), fits, "the ring finds the key");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn i10_a_key_of_another_number_opens_nothing_though_it_is_the_same() {
    let octets = [9; KEY_OCTETS];
    let serial = Device::usual(1).serial;
    let sealed = DataKey::new(1, &octets).seal(&serial, 1, &seed(), [7; 12]);
    assert!(DataKey::new(1, &octets).open(&serial, 1, &sealed).is_ok());
    assert!(DataKey::new(2, &octets).open(&serial, 1, &sealed).is_err());
    let tag = DataKey::new(1, &octets).tag(b"key", b"value");
    let ring = Keyring::new(DataKey::new(2, &octets));
    assert_eq!(ring.check(b"key", b"value", &tag), Err(DoesNotFit));
}

#[test]
fn i10_a_forgotten_key_opens_and_checks_nothing() {
    let serial = Device::usual(1).serial;
    let ring = ring(&[1]);
    let sealed = ring.current().seal(&serial, 1, &seed(), [7; 12]);
    let tag = ring.current().tag(b"key", b"value");
    ring.make_current(data_key(2));
    assert_eq!((ring.current().number(), ring.numbers()), (2, vec![1, 2]));
    assert!(ring.open(&serial, 1, &sealed).is_ok());
    assert_eq!(ring.check(b"key", b"value", &tag), Ok(()));
    ring.forget(1);
    assert_eq!(ring.numbers(), [2]);
    assert!(ring.open(&serial, 1, &sealed).is_err());
    assert_eq!(ring.check(b"key", b"value", &tag), Err(DoesNotFit));
    ring.add(data_key(1));
    assert_eq!((ring.current().number(), ring.numbers()), (2, vec![1, 2]));
    assert!(ring.open(&serial, 1, &sealed).is_ok(), "it was the key");
}

#[test]
fn i10_the_current_key_is_neither_forgotten_nor_replaced() {
    let ring = ring(&[1]);
    let tag = ring.current().tag(b"key", b"value");
    ring.forget(1);
    ring.forget(77);
    ring.add(DataKey::new(1, &[0; KEY_OCTETS]));
    assert_eq!(ring.numbers(), [1]);
    assert_eq!(ring.check(b"key", b"value", &tag), Ok(()));
    assert_eq!(ring.current().tag(b"key", b"value"), tag);
}

#[test]
fn i10_no_flipped_bit_of_a_tag_or_of_what_it_covers_fits() {
    let record = sample::token(1, 5);
    let key = minicbor::to_vec(record.key()).expect("a key");
    let value = minicbor::to_vec(record).expect("a record");
    let ring = ring(&[1, 2, 3]);
    let tag = ring.current().tag(&key, &value);
    assert_eq!(Tag::from_octets(*tag.octets()), tag);
    for bit in 0..TAG_OCTETS * 8 {
        let mut flipped = *tag.octets();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let fits = ring.check(&key, &value, &Tag::from_octets(flipped));
        assert_eq!(fits, Err(DoesNotFit), "bit {bit} of the tag");
    }
    let flipped = |octets: &[u8], bit: usize| {
        let mut octets = octets.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        octets
    };
    for bit in 0..key.len() * 8 {
        assert!(ring.check(&flipped(&key, bit), &value, &tag).is_err());
    }
    for bit in 0..value.len() * 8 {
        assert!(ring.check(&key, &flipped(&value, bit), &tag).is_err());
    }
}

#[test]
fn i10_a_seal_is_no_tag_and_each_has_a_key_of_its_own() {
    // Whoever could have the one computed at will gets nothing for the other.
    let key = data_key(1);
    let tag = key.tag(b"sekisho sealing key 1", b"");
    assert_ne!(tag, key.tag(b"sekisho tagging key 1", b""));
    assert_eq!(tag.key_number(), 1);
    assert!(!format!("{key:?} {:?}", ring(&[1])).contains("c5"));
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn i10_a_tag_fits_its_key_and_value_only(
        key in vec(any::<u8>(), 0..20),
        value in vec(any::<u8>(), 0..20),
        other_key in vec(any::<u8>(), 0..20),
        other_value in vec(any::<u8>(), 0..20),
        shift in 0..40usize,
    ) {
        let ring = ring(&[1]);
        let tag = ring.current().tag(&key, &value);
        prop_assert_eq!(ring.check(&key, &value, &tag), Ok(()));
        let same = other_key == key;
        prop_assert_eq!(ring.check(&other_key, &value, &tag).is_ok(), same);
        let same = other_value == value;
        prop_assert_eq!(ring.check(&key, &other_value, &tag).is_ok(), same);
        // The same octets, with the boundary elsewhere.
        let whole = [key.clone(), value].concat();
        let (left, right) = whole.split_at(shift.min(whole.len()));
        prop_assert_eq!(ring.check(left, right, &tag).is_ok(), left.len() == key.len());
    }

    #[test]
    fn i10_a_sealed_seed_of_any_octets_does_not_open(octets in vec(any::<u8>(), 0..200)) {
        let sealed = minicbor::to_vec(minicbor::bytes::ByteVec::from(octets)).expect("octets");
        let sealed: SealedSeed = minicbor::decode(&sealed).expect("octets");
        let serial = Device::usual(1).serial;
        prop_assert!(ring(&[1, 2]).open(&serial, 1, &sealed).is_err());
    }
}

fn without_seals(records: Vec<Record>) -> Vec<Record> {
    let blank = data_key(9).seal(&Device::usual(1).serial, 1, &seed(), [0; 12]);
    let record = |record| match record {
        Record::Token(token) => Record::Token(Token {
            seed: blank.clone(),
            seal: 0,
            ..token
        }),
        other => other,
    };
    records.into_iter().map(record).collect()
}

/// A desk with tokens in every state, some used, and other names.
fn busy() -> (Desk, Vec<Device>) {
    let devices: Vec<Device> = (1..=6).map(Device::usual).collect();
    let mut desk = Desk::of_mori(&devices[0]);
    desk.give("sato", &devices[1]);
    desk.give("sato", &devices[2]);
    devices[3..].iter().for_each(|device| desk.stock(device));
    desk.change(sekisho_verifier::operation::StateChange::Lost, &devices[2]);
    let add_alias = Some(name("h.mori"));
    desk.set(
        "mori",
        sekisho_verifier::operation::AccountChange {
            add_alias,
            ..Default::default()
        },
    );
    let code = devices[0].shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    (desk, devices)
}

#[test]
fn i10_a_reseal_writes_everything_and_changes_only_the_seal() {
    let (mut desk, devices) = busy();
    let before = desk.records();
    desk.verifier.keyring().make_current(data_key(2));
    let mut written = Vec::new();
    for part in desk.reseals(3) {
        let (done, _, change) = desk.operated(&part);
        let Done::Receipt(_, event) = done else {
            panic!("{done:?}");
        };
        let change = change.expect("a change");
        assert_eq!(event.count, Some(change.written.len() as u64));
        assert_eq!(event.detail, None);
        assert_eq!(change.removed, []);
        written.extend(change.written.iter().map(Record::key));
    }
    let keys: Vec<Key> = before.iter().map(Record::key).collect();
    assert_eq!(written, keys, "each record once");
    assert_eq!(without_seals(desk.records()), without_seals(before));
    desk.verifier.keyring().forget(1);
    for device in &devices {
        let token = desk.token(device);
        assert_eq!((token.seal, token.seed.key_number()), (2, Some(2)));
        assert!(data_key(1).open(&token.serial, 1, &token.seed).is_err());
        let opened = data_key(2).open(&token.serial, 2, &token.seed);
        assert_eq!(opened.expect("a seed").expose(), device.seed);
    }
    assert!(!desk.login("mori", &devices[0].shows(desk.now)).accepted());
    desk.pass(61);
    assert!(desk.login("h.mori", &devices[0].shows(desk.now)).accepted());
}

#[test]
fn i10_a_seed_that_was_sealed_before_has_the_version_of_then_only() {
    let (mut desk, devices) = busy();
    let old = desk.token(&devices[0]);
    desk.verifier.keyring().make_current(data_key(2));
    desk.reseals(100)
        .iter()
        .for_each(|part| _ = desk.done(part));
    // The old seal, put back into the record of now, does not open though its key is there.
    let mixed = Token {
        seed: old.seed,
        ..desk.token(&devices[0])
    };
    let keyring = desk.verifier.keyring();
    assert_eq!(keyring.numbers(), [1, 2]);
    assert!(
        keyring
            .open(&mixed.serial, mixed.seal, &mixed.seed)
            .is_err()
    );
}

#[test]
fn i10_a_reseal_that_is_done_again_writes_no_token_again() {
    let (mut desk, devices) = busy();
    desk.verifier.keyring().make_current(data_key(2));
    for _ in 0..2 {
        desk.reseals(100)
            .iter()
            .for_each(|part| _ = desk.done(part));
        assert!(devices.iter().all(|device| desk.token(device).seal == 2));
    }
}

#[test]
fn i10_a_reseal_leaves_what_is_damaged_as_it_is_and_says_so() {
    let (mut desk, devices) = busy();
    // One seed that no key of the ring opens.
    let broken = Token {
        seed: DataKey::new(5, &[5; KEY_OCTETS]).seal(
            &devices[3].serial,
            1,
            &devices[3].seed(),
            [1; 12],
        ),
        ..desk.token(&devices[3])
    };
    let mut write = sample::Write(sekisho_verifier::store::Change {
        written: vec![Record::Token(broken.clone())],
        ..sekisho_verifier::store::Change::event_only(desk.events().pop().expect("an event"))
    });
    desk.store.commit(&mut [&mut write]).expect("a commit");
    // And one record that can not be read.
    let mut reads = 0;
    let plan = move |call| {
        reads += usize::from(call == Call::Read);
        (call == Call::Read && reads == 2).then_some(Fault::Corrupt)
    };
    let mut desk = Desk::on(desk.store.into_inner(), Default::default(), plan);
    let before = desk.records();
    desk.verifier.keyring().make_current(data_key(2));
    let mut items = desk.reseals(100);
    let missing = (Key::Token(Device::usual(99).serial), [0; 12]);
    let Operation::Reseal(first) = &mut items[0] else {
        panic!("a reseal");
    };
    first.push(missing);
    desk.done(&items[0]);
    let What::Operation(event) = desk.events().pop().expect("an event").what else {
        panic!("an operation");
    };
    let detail = event.detail.expect("a detail");
    assert_eq!(detail.as_str(), "2 damaged records were left as they are");
    assert_eq!(event.count, Some(before.len() as u64 - 2));
    assert_eq!(desk.token(&devices[3]), broken);
    assert_eq!(desk.token(&devices[3]).state, TokenState::InStock);
}
