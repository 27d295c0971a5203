//! An import is whole or not at all, and names the lines that are wrong.

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::account::TOKENS_MAX;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{AccountChange, Done, Imported, Operation, Refusal};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::store::Store;

use crate::common::config;
use crate::common::desk::{Desk, Device, name};

/// A desk where Mori, who is also `h.mori`, has token 1, and token 2 is in stock.
fn desk() -> Desk {
    let mut desk = Desk::of_mori(&Device::usual(1));
    desk.stock(&Device::usual(2));
    let add_alias = Some(name("h.mori"));
    desk.set(
        "mori",
        AccountChange {
            add_alias,
            ..AccountChange::default()
        },
    );
    desk
}

fn lines(of: &[(u64, Option<&str>)]) -> Vec<Imported> {
    let numbered = of.iter().zip(2..);
    let line = |(&(n, account), line): (&(u64, Option<&str>), u64)| {
        Device::usual(n).imported(line, account)
    };
    numbered.map(line).collect()
}

#[test]
fn an_import_is_refused_whole_and_names_its_lines() {
    let check = |of: &[(u64, Option<&str>)], wrong: &[u64]| {
        let mut desk = desk();
        let before = (desk.records(), desk.events());
        let Refusal::Import(faults) = desk.refused(&Operation::Import(lines(of))) else {
            panic!("not refused for its lines");
        };
        let named: Vec<u64> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(named, wrong, "{of:?}");
        assert_eq!((desk.records(), desk.events()), before);
    };
    // Against the store, inside the list, and both.
    check(&[(10, None), (1, None)], &[3]);
    check(&[(2, Some("mori")), (10, None)], &[2]);
    check(
        &[(10, None), (11, None), (10, Some("sato")), (12, None)],
        &[4],
    );
    check(&[(1, None), (10, None), (10, None), (2, None)], &[2, 4, 5]);
    // Too many for one account, whichever of its names they are for.
    let own = [(10, Some("mori")), (11, Some("h.mori")), (12, Some("MORI"))];
    check(&[own[0], own[1], own[2], (13, Some("H.Mori"))], &[5]);
    check(
        &[
            own[0],
            own[1],
            own[2],
            (13, Some("mori")),
            (14, Some("mori")),
        ],
        &[5, 6],
    );
}

#[test]
fn an_import_of_nothing_is_refused() {
    assert_eq!(
        desk().refused(&Operation::Import(Vec::new())),
        Refusal::EmptyImport
    );
}

#[test]
fn an_import_enrolls_by_every_name_of_an_account() {
    let mut desk = desk();
    let of = [
        (10, Some("h.mori")),
        (11, Some("Sato")),
        (12, Some("sato")),
        (13, None),
    ];
    let Done::Receipt(_, event) = desk.operate(&Operation::Import(lines(&of))) else {
        panic!("not done");
    };
    assert_eq!(event.count, Some(4));
    assert_eq!(desk.account("mori").serials.len(), 2);
    assert_eq!(desk.account("sato").serials.len(), 2);
    assert_eq!(desk.store.counts().accounts, 2);
    for (n, account) in [(10, "mori"), (11, "sato"), (12, "SATO")] {
        let device = Device::usual(n);
        assert_eq!(desk.token(&device).state, TokenState::Active);
        assert!(
            desk.login(account, &device.shows(desk.now)).accepted(),
            "{n}"
        );
        desk.pass(1);
    }
    assert_eq!(desk.token(&Device::usual(13)).state, TokenState::InStock);
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn an_import_is_whole_or_not_at_all(of in vec((3..40u64, 0..4usize), 1..12)) {
        const NAMES: [Option<&str>; 4] = [None, Some("mori"), Some("sato"), Some("h.mori")];
        let of: Vec<_> = of.into_iter().map(|(n, name)| (n, NAMES[name])).collect();
        let mut desk = Desk::new(Policy::default());
        desk.give("mori", &Device::usual(1));
        let before = desk.records();
        let mut numbers: Vec<u64> = of.iter().map(|(n, _)| *n).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // Nobody is also called h.mori here, so that is an account of its own.
        let room = NAMES.iter().skip(1).all(|name| {
            let own = usize::from(*name == Some("mori"));
            of.iter().filter(|(_, account)| account == name).count() + own <= TOKENS_MAX
        });
        let good = numbers.len() == of.len() && room;
        match desk.operate(&Operation::Import(lines(&of))) {
            Done::Receipt(..) => {
                prop_assert!(good);
                prop_assert_eq!(desk.store.counts().tokens, 1 + of.len() as u64);
            }
            Done::Refused(Refusal::Import(_)) => {
                prop_assert!(!good);
                prop_assert_eq!(desk.records(), before);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
