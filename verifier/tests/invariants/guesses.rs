//! I3: a guess is charged before its answer is known, for all doors together.

use sekisho_verifier::event::Reason;
use sekisho_verifier::operation::{Operation, Refusal};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::store::Record;
use sekisho_verifier::store::{Change, Store};
use sekisho_verifier::testing::memory::MemoryStore;
use sekisho_verifier::testing::sample::Write;

use crate::common::desk::{Desk, Device, Told, attempt, enroll, name};
use crate::common::{START, moved};

const LIMIT: usize = 10;

/// `count` wrong codes over both doors, in groups of `group`, with a pause after each.
fn guess(desk: &mut Desk, device: &Device, count: usize, group: usize, pause: u64) -> Vec<Told> {
    let wrong = device.wrong(desk.now);
    let doors = [Door::Pam, Door::Radius].into_iter().cycle();
    let attempts: Vec<_> = doors
        .take(count)
        .map(|door| attempt("mori", &wrong, door))
        .collect();
    let mut told = Vec::new();
    for group in attempts.chunks(group) {
        told.extend(desk.logins(group));
        desk.pass(pause);
    }
    told
}

fn judged(told: &[Told]) -> usize {
    let wrong = told
        .iter()
        .filter(|told| told.reason == Some(Reason::WrongCode));
    wrong.count()
}

/// Lets wrong codes through one by one, each as soon as it is judged again.
fn fail(desk: &mut Desk, device: &Device) {
    if let Some(until) = desk.account("mori").guesses.until {
        desk.now = desk.now.max(until);
    }
    let reason = desk.reason("mori", &device.wrong(desk.now));
    assert_eq!(reason, Some(Reason::WrongCode));
}

#[test]
fn i03_parallel_guesses_are_judged_no_more_often_than_the_limit() {
    let check = |group, pause| {
        let device = Device::usual(1);
        let mut desk = Desk::of_mori(&device);
        let told = guess(&mut desk, &device, 64, group, pause);
        let count = judged(&told);
        assert!((3..=LIMIT).contains(&count), "groups of {group}: {count}");
        let rest = told.iter().filter(|t| t.reason != Some(Reason::WrongCode));
        assert!(
            rest.clone()
                .all(|t| t.change.as_ref().is_some_and(|c| c.written.is_empty()))
        );
        let charged = desk.account("mori").guesses.in_a_row;
        assert_eq!(charged as usize, count);
    };
    for group in [1, 2, 8, 64] {
        for pause in [0, 1, 7] {
            check(group, pause);
        }
    }
    // However long the pauses are, the lock comes.
    check(1, 27);
}

#[test]
fn i03_waits_grow_and_end_in_a_lock_of_30_minutes() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let waits = [0, 0, 1, 2, 4, 8, 16, 32, 64, 1_800];
    for (index, wait) in waits.into_iter().enumerate() {
        let told = desk.login("mori", &device.wrong(desk.now));
        assert_eq!(told.reason, Some(Reason::WrongCode), "{index}");
        assert_eq!(told.locked_out, index + 1 == LIMIT);
        let closed = if index + 1 == LIMIT {
            Reason::Locked
        } else {
            Reason::Waiting
        };
        let end = moved(desk.now, wait * 1_000);
        if wait > 0 {
            for early in [wait * 1_000, 1] {
                desk.now = moved(end, -early);
                assert_eq!(desk.reason("mori", &device.shows(desk.now)), Some(closed));
            }
        }
        desk.now = end;
    }
    assert!(desk.login("mori", &device.shows(desk.now)).accepted());
    assert!(desk.account("mori").guesses.is_clear());
}

#[test]
fn i03_a_hundred_failures_in_a_row_disable_until_enrolled_again() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    for count in 1..=100 {
        fail(&mut desk, &device);
        assert_eq!(desk.account("mori").guesses.in_a_row, count);
        assert_eq!(desk.token(&device).disabled, count == 100, "{count}");
        if count % 10 == 0 {
            // An unlock ends the lock and not the row.
            desk.done(&Operation::Unlock(name("mori")));
        }
    }
    desk.pass(86_400);
    let reason = desk.reason("mori", &device.shows(desk.now));
    assert_eq!(reason, Some(Reason::TokenDisabled));
    let elsewhere = enroll("sato", &device, &device.shows(desk.now));
    let state = desk.token(&device).state;
    assert_eq!(
        desk.refused(&elsewhere),
        Refusal::State(device.serial.clone(), state)
    );
    desk.done(&enroll("mori", &device, &device.shows(desk.now)));
    desk.pass(60);
    assert!(desk.login("mori", &device.shows(desk.now)).accepted());
    assert_eq!(desk.account("mori").guesses.in_a_row, 0);
}

#[test]
fn i03_every_name_of_an_account_has_one_count() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let alias = Some(name("h.mori@example"));
    desk.set(
        "mori",
        sekisho_verifier::operation::AccountChange {
            add_alias: alias,
            ..Default::default()
        },
    );
    let names = ["mori", "MORI", "Mori", "h.mori@example", "H.Mori@EXAMPLE"];
    let wrong = device.wrong(desk.now);
    let reasons: Vec<_> = names.iter().map(|name| desk.reason(name, &wrong)).collect();
    let [judged, closed] = [Reason::WrongCode, Reason::Waiting].map(Some);
    assert_eq!(reasons, [judged, judged, judged, closed, closed]);
}

#[test]
fn i03_wrong_proofs_are_charged_to_the_token() {
    let device = Device::usual(1);
    let mut desk = Desk::new(Policy::default());
    desk.stock(&device);
    let operation = enroll("mori", &device, &device.wrong(START));
    let mut judged = 0;
    for _ in 0..64 {
        let Refusal::NotProven(_, reason) = desk.refused(&operation) else {
            panic!("not refused for its proof");
        };
        judged += usize::from(reason == Reason::WrongCode);
        desk.now = moved(desk.now, 400);
    }
    assert!((3..=LIMIT).contains(&judged), "{judged}");
    assert_eq!(desk.token(&device).proofs.in_a_row as usize, judged);
}

/// One record that does not open must not make guesses at the others free.
#[test]
fn i03_a_wrong_code_is_charged_beside_a_seed_that_does_not_open() {
    let (broken, sound) = (Device::usual(1), Device::usual(2));
    let mut store = MemoryStore::new();
    let mut desk = Desk::of_mori(&broken);
    desk.give("mori", &sound);
    let mut records = desk.records();
    let foreign = desk.token(&sound).seed;
    for record in &mut records {
        if let Record::Token(token) = record
            && token.serial == broken.serial
        {
            token.seed = foreign.clone();
        }
    }
    let event = desk.events().pop().expect("an event");
    let change = Change {
        written: records,
        ..Change::event_only(event)
    };
    store.commit(&mut [&mut Write(change)]).expect("a commit");
    let mut desk = Desk::on(store, Policy::default(), |_| None);
    for _ in 0..64 {
        desk.login("mori", &sound.wrong(desk.now));
        desk.pass(1);
    }
    let told = desk.login("mori", &sound.shows(desk.now));
    assert!(!told.accepted(), "64 guesses at a sound token were free");
}

/// A clock that ran ahead for a moment must not lock anybody out until that future: rejects do not
/// move the newest time, and the lock begins again, once.
#[test]
fn i12_a_lock_of_a_wrong_future_does_not_last() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let right = desk.now;
    desk.now = moved(right, 10 * 365 * 86_400_000);
    for _ in 0..LIMIT {
        fail(&mut desk, &device);
    }
    assert_eq!(desk.reason("mori", "000000"), Some(Reason::Locked));
    desk.now = moved(right, 60_000);
    for pause in [0, 1, 1_798] {
        desk.pass(pause);
        let refused = desk.reason("mori", &device.shows(desk.now));
        assert_eq!(refused, Some(Reason::Locked));
    }
    desk.pass(1);
    let told = desk.login("mori", &device.shows(desk.now));
    assert!(told.accepted(), "{:?}", told.reason);
}

/// However far the clock goes back, and however often: no wait is shorter for it.
#[test]
fn i03_a_clock_that_goes_back_gives_no_free_guess() {
    for back in [1, 50, 999, 1_000, 60_000, 1_799_999, 1_800_001, 86_400_000] {
        let device = Device::usual(1);
        let mut desk = Desk::new(Policy::default());
        desk.now = moved(START, -1_000_000_000);
        desk.give("mori", &device);
        desk.now = START;
        let waits = [0, 0, 1, 2, 4, 8, 16, 32, 64, 1_800];
        for (index, wait) in waits.into_iter().enumerate() {
            assert_eq!(
                desk.reason("mori", &device.wrong(desk.now)),
                Some(Reason::WrongCode)
            );
            if wait == 0 {
                continue;
            }
            desk.now = moved(desk.now, -back);
            let told = guess(&mut desk, &device, 8, 1, 0);
            assert_eq!(judged(&told), 0, "{index}, back by {back} ms");
            desk.now = moved(desk.now, wait * 1_000 - 1);
            assert_eq!(
                judged(&guess(&mut desk, &device, 8, 1, 0)),
                0,
                "{index}, back by {back} ms"
            );
            // And not much longer.
            let until = desk.account("mori").guesses.until.expect("a wait");
            assert!(until <= moved(desk.now, 1), "{index}, back by {back} ms");
            desk.now = until;
        }
        assert_eq!(desk.account("mori").guesses.in_a_row as usize, LIMIT);
    }
}

#[test]
fn i03_a_clock_that_goes_back_gives_no_free_proof() {
    let device = Device::usual(1);
    let mut desk = Desk::new(Policy::default());
    desk.now = moved(START, -1_000_000_000);
    desk.stock(&device);
    desk.now = START;
    let prove = |desk: &mut Desk| match desk.refused(&enroll("mori", &device, &device.wrong(START)))
    {
        Refusal::NotProven(_, reason) => reason,
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        assert_eq!(prove(&mut desk), Reason::WrongCode);
    }
    for _ in 0..20 {
        desk.now = moved(desk.now, -3_600_000);
        assert_eq!(prove(&mut desk), Reason::Waiting);
        desk.now = moved(desk.now, 999);
        assert_eq!(prove(&mut desk), Reason::Waiting);
    }
    desk.now = moved(desk.now, 1);
    assert_eq!(prove(&mut desk), Reason::WrongCode);
    assert_eq!(desk.token(&device).proofs.in_a_row, 4);
}

#[test]
fn i03_a_hundred_wrong_proofs_end_the_hope_for_a_token() {
    let device = Device::usual(1);
    let mut desk = Desk::new(Policy::default());
    desk.stock(&device);
    let mut judged = 0;
    while judged < 100 {
        let Refusal::NotProven(_, reason) =
            desk.refused(&enroll("mori", &device, &device.wrong(desk.now)))
        else {
            panic!("not refused for its proof");
        };
        judged += usize::from(reason == Reason::WrongCode);
        desk.now = moved(desk.now, 400);
    }
    desk.now = moved(desk.now, 86_400);
    let right = device.shows(desk.now);
    assert_eq!(
        desk.refused(&enroll("mori", &device, &right)),
        Refusal::NotProven(device.serial.clone(), Reason::TokenDisabled)
    );
}
