//! I10: a seed is in clear only for the moment of use. This process looks into its own memory.
#![cfg(all(feature = "testing", target_os = "linux"))]

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::{Actor, Reason};
use sekisho_verifier::operation::{Done, Imported, Operate, Operation, Order};
use sekisho_verifier::otp::{Algorithm, Digits, Generator, Seed};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::{DataKey, KEY_OCTETS, Keyring};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Store};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::{place, time};
use sekisho_verifier::token::{Period, Shape};
use sekisho_verifier::verify::{Attempt, Login, Verifier};

/// So many octets in a row are no chance.
const PART: usize = 12;
/// In clear, and as HMAC begins with it: RFC 2104 section 2.
const LOOKS: [u8; 3] = [0, 0x36, 0x5C];

/// The octets of a seed, which stand nowhere until they are asked for.
fn octet(salt: u8, index: usize) -> u8 {
    let index = index as u8;
    index.wrapping_mul(167).wrapping_add(salt).rotate_left(3) ^ 0xB1
}

fn seed(salt: u8, octets: usize) -> Seed {
    let octets = (0..octets).map(|index| octet(salt, index)).collect();
    Seed::new(octets).expect("a seed")
}

/// How often a part of the seed stands in memory that can be written to.
fn found(salt: u8) -> usize {
    let memory = File::open("/proc/self/mem").expect("our memory");
    let maps = read_to_string("/proc/self/maps").expect("our memory");
    let mut part = vec![0; 1 << 20];
    let own = part.as_ptr() as usize..part.as_ptr() as usize + part.len();
    let mut found = 0;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a range");
        let (from, to) = range.split_once('-').expect("a range");
        let number = |hex| usize::from_str_radix(hex, 16).expect("an address");
        let (mut at, end) = (number(from), number(to));
        while rest.starts_with("rw") && at < end {
            let wanted = part.len().min(end - at);
            let read = memory.read_at(&mut part[..wanted], at as u64);
            let read = read.unwrap_or(0);
            let first = LOOKS.map(|look| look ^ octet(salt, 0));
            let hit = |offset: &usize| {
                let window = &part[*offset..*offset + PART];
                !own.contains(&(at + offset)) && holds(window, salt)
            };
            let begins = part[..read.saturating_sub(PART - 1)].iter().enumerate();
            let begins = begins.filter(|(_, found)| first.contains(found));
            found += begins.map(|(offset, _)| offset).filter(hit).count();
            // A seed may lie across the end of what was read.
            at += if read < wanted || wanted < part.len() {
                wanted
            } else {
                wanted - PART
            };
        }
    }
    found
}

fn holds(window: &[u8], salt: u8) -> bool {
    LOOKS.iter().any(|look| {
        let octets = window.iter().enumerate();
        octets
            .clone()
            .all(|(index, found)| found ^ look == octet(salt, index))
    })
}

fn verifier() -> Verifier {
    let keyring = Keyring::new(DataKey::new(1, &[7; KEY_OCTETS]));
    Verifier::new(Policy::default(), Arc::new(keyring)).expect("a policy")
}

fn account() -> AccountName {
    AccountName::parse("mori").expect("a name")
}

fn serial() -> Serial {
    Serial::parse("SKTS1").expect("a serial")
}

#[inline(never)]
fn import(store: &mut MemoryStore, verifier: &Verifier, salt: u8, shape: Shape, octets: usize) {
    let keyring = verifier.keyring().current();
    let seed = seed(salt, octets);
    assert!(found(salt) > 0, "the search finds what is there");
    let line = Imported {
        line: 1,
        account: Some(account()),
        serial: serial(),
        seed: keyring.seal(&serial(), 1, &seed, [3; 12]),
        shape,
    };
    drop(seed);
    operate(store, verifier, &Operation::Import(vec![line]));
}

#[inline(never)]
fn operate(store: &mut MemoryStore, verifier: &Verifier, operation: &Operation) {
    let order = Order::of(Actor::new(0, "root"));
    let mut operate = Operate::new(verifier, operation, &order, time(0));
    let outcomes = store.commit(&mut [&mut operate]).expect("a commit");
    assert!(matches!(operate.done(outcomes[0]), Done::Receipt(..)));
}

#[inline(never)]
fn code(salt: u8, shape: Shape, octets: usize) -> Vec<u8> {
    let generator = Generator::new(&seed(salt, octets), shape.algorithm, shape.digits);
    let code = generator.code(Period::default().step(time(0)));
    code.as_bytes().to_vec()
}

#[inline(never)]
fn login(store: &mut MemoryStore, verifier: &Verifier, code: &[u8]) -> Option<Reason> {
    let attempt = Attempt::of_code("mori", code.to_vec().into(), place());
    let mut login = Login::new(verifier, &attempt, time(0));
    store.commit(&mut [&mut login]).expect("a commit");
    login.reason()
}

#[test]
fn i10_nothing_of_a_seed_is_left_in_memory_behind_its_use() {
    let shapes = [
        (Algorithm::Sha1, 20),
        (Algorithm::Sha256, 32),
        (Algorithm::Sha512, 64),
        // HMAC hashes it down.
        (Algorithm::Sha1, 100),
    ];
    for (salt, (algorithm, octets)) in (1..).zip(shapes) {
        let shape = Shape {
            algorithm,
            digits: Digits::default(),
            ..Shape::default()
        };
        let (mut store, verifier) = (MemoryStore::new(), verifier());
        import(&mut store, &verifier, salt, shape, octets);
        assert_eq!(found(salt), 0, "{algorithm:?}: behind an import");
        let code = code(salt, shape, octets);
        assert_eq!(found(salt), 0, "{algorithm:?}: behind a generator");
        let accepted = login(&mut store, &verifier, &code);
        assert_eq!(accepted, Some(Reason::RightCode));
        assert_eq!(found(salt), 0, "{algorithm:?}: behind a login");
        let copied = login(&mut store, &verifier, &code);
        assert_eq!(copied, Some(Reason::AlreadyUsed));
        assert_eq!(found(salt), 0, "{algorithm:?}: behind a copy");
        let ring = verifier.keyring();
        ring.make_current(DataKey::new(2, &[8; KEY_OCTETS]));
        let reseal = Operation::Reseal(vec![(Key::Token(serial()), [4; 12])]);
        operate(&mut store, &verifier, &reseal);
        assert_eq!(found(salt), 0, "{algorithm:?}: behind a reseal");
    }
}
