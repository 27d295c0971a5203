//! The alarm: a code that was accepted is tried again somewhere else; and disabling many accounts at once.

use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::{Reason, What};
use sekisho_verifier::operation::{AccountChange, BULK_MAX, Operation, Refusal};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::policy::Policy;
use sekisho_verifier::store::{Outcome, Store};
use sekisho_verifier::verify::{Attempt, Duplicate, Login};

use crate::common::desk::{Desk, Device, enroll, exchange, name};

fn at(door: Door, service: &str, terminal: Option<&str>, remote: Option<&str>) -> Place {
    Place::new(door, service, terminal, remote)
}

fn sshd() -> Place {
    at(Door::Pam, "sshd", Some("ssh"), Some("192.0.2.9"))
}

/// Why a code was not accepted at `place`, and the alarm.
fn tried(desk: &mut Desk, code: &str, place: &Place) -> (Option<Reason>, Option<Duplicate>) {
    let code = code.as_bytes().to_vec().into();
    let attempt = Attempt::of_code("mori", code, place.clone());
    let mut login = Login::new(&desk.verifier, &attempt, desk.now);
    let outcomes = desk.store.commit(&mut [&mut login]).expect("a commit");
    assert!(matches!(outcomes[0], Outcome::Applied(_)));
    (login.reason(), login.duplicate().cloned())
}

#[test]
fn a_spent_code_elsewhere_is_told_with_both_places_and_the_time() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    assert_eq!(
        tried(&mut desk, &code, &sshd()),
        (Some(Reason::RightCode), None)
    );
    let when = desk.now;
    desk.pass(7);
    for elsewhere in [
        at(Door::Radius, "gw1", None, Some("192.0.2.9")),
        at(Door::Pam, "sshd", Some("ssh"), Some("203.0.113.9")),
    ] {
        let (reason, duplicate) = tried(&mut desk, &code, &elsewhere);
        assert_eq!(reason, Some(Reason::AlreadyUsed));
        let duplicate = duplicate.expect("an alarm");
        assert_eq!(duplicate.account, name("mori"));
        assert_eq!(duplicate.serial, device.serial);
        assert_eq!(duplicate.step, device.step(when));
        let used = duplicate.used.expect("the newest");
        assert_eq!((used.time, used.place), (when, Some(sshd())));
    }
}

#[test]
fn a_spent_code_where_it_was_good_is_no_alarm() {
    let device = Device::usual(1);
    let mut desk = Desk::of_mori(&device);
    let code = device.shows(desk.now);
    tried(&mut desk, &code, &sshd());
    for here in [
        sshd(),
        at(Door::Pam, "sshd", Some("pts/9"), Some("192.0.2.9")),
        // As people do who go on from login to sudo.
        at(Door::Pam, "sudo", Some("pts/3"), None),
        at(Door::Pam, "su", Some("pts/3"), Some("192.0.2.9")),
    ] {
        let found = tried(&mut desk, &code, &here);
        assert_eq!(found, (Some(Reason::AlreadyUsed), None), "{here}");
    }
    // A wrong code is none, nor one that was never accepted, nor one that proved the token.
    let elsewhere = at(Door::Radius, "gw1", None, None);
    let old = device.code(device.step(desk.now) - 1);
    assert_eq!(
        tried(&mut desk, &old, &elsewhere),
        (Some(Reason::AlreadyUsed), None)
    );
    let wrong = device.wrong(desk.now);
    assert_eq!(
        tried(&mut desk, &wrong, &elsewhere),
        (Some(Reason::WrongCode), None)
    );
    let new = Device::usual(2);
    desk.stock(&new);
    let proof = new.shows(desk.now);
    desk.done(&enroll("mori", &new, &proof));
    assert_eq!(
        tried(&mut desk, &proof, &elsewhere),
        (Some(Reason::AlreadyUsed), None)
    );
}

#[test]
fn an_older_code_is_told_by_its_step_and_that_of_an_exchanged_token_too() {
    let (device, new) = (Device::usual(1), Device::usual(2));
    let mut desk = Desk::of_mori(&device);
    desk.stock(&new);
    let first = (device.step(desk.now), device.shows(desk.now));
    tried(&mut desk, &first.1, &sshd());
    desk.pass(60);
    let code = device.shows(desk.now);
    tried(&mut desk, &code, &sshd());
    let elsewhere = at(Door::Radius, "gw1", None, None);
    let alarm = |desk: &mut Desk, code: &str| {
        let (reason, duplicate) = tried(desk, code, &elsewhere);
        assert_eq!(reason, Some(Reason::AlreadyUsed));
        duplicate.expect("an alarm")
    };
    let duplicate = alarm(&mut desk, &first.1);
    assert_eq!((duplicate.step, duplicate.used), (first.0, None));
    let proof = new.shows(desk.now);
    desk.done(&exchange(&device, &new, &proof));
    let duplicate = alarm(&mut desk, &code);
    assert_eq!(duplicate.serial, device.serial);
    assert_eq!(duplicate.used.expect("the newest").place, Some(sshd()));
}

#[test]
fn elsewhere_is_another_door_gateway_or_remote_host() {
    let places = [
        at(Door::Pam, "sshd", None, Some("192.0.2.9")),
        at(Door::Pam, "sshd", None, Some("192.0.2.8")),
        at(Door::Radius, "gw1", None, Some("192.0.2.9")),
        at(Door::Radius, "gw2", None, Some("192.0.2.9")),
    ];
    for (one, place) in places.iter().enumerate() {
        for (other, elsewhere) in places.iter().enumerate() {
            assert_eq!(
                place.is_elsewhere(elsewhere),
                one != other,
                "{place} {elsewhere}"
            );
        }
    }
}

fn names(texts: &[&str]) -> Vec<AccountName> {
    texts.iter().map(|text| name(text)).collect()
}

#[test]
fn many_accounts_are_disabled_in_one_commit_or_none_is() {
    let mut desk = Desk::new(Policy::default());
    for (n, account) in ["mori", "sato", "kato"].iter().enumerate() {
        desk.give(account, &Device::usual(n as u64 + 1));
    }
    desk.set(
        "mori",
        AccountChange {
            add_alias: Some(name("h.mori")),
            ..AccountChange::default()
        },
    );
    let disabled = |desk: &Desk| -> Vec<bool> {
        let of = |account| desk.account(account).disabled;
        vec![of("mori"), of("sato"), of("kato")]
    };
    let all = |texts: &[&str]| Operation::AccountsDisable(names(texts));
    assert_eq!(
        desk.refused(&all(&["sato", "nobody", "kato"])),
        Refusal::NoSuchAccount(name("nobody"))
    );
    assert_eq!(disabled(&desk), [false, false, false]);
    desk.done(&all(&["h.mori", "sato", "mori", "SATO"]));
    assert_eq!(disabled(&desk), [true, true, false]);
    let What::Operation(event) = desk.events().pop().expect("an event").what else {
        panic!("an operation");
    };
    assert_eq!(event.count, Some(2));
    assert_eq!(
        event.detail.as_ref().expect("a detail").as_str(),
        "mori, sato"
    );
    let canonical = |name: &AccountName| match name.as_str() {
        "h.mori" => AccountName::parse("mori").expect("a name"),
        _ => name.clone(),
    };
    assert!(all(&["h.mori", "sato"]).is_told_by(&event, &canonical));
    assert!(!all(&["h.mori", "kato"]).is_told_by(&event, &canonical));
    // Who is so already stays so; all of them or nobody is nothing to do.
    assert_eq!(
        desk.refused(&all(&["mori", "sato"])),
        Refusal::NothingToDisable
    );
    assert_eq!(desk.refused(&all(&[])), Refusal::NothingToDisable);
    desk.done(&all(&["mori", "kato"]));
    assert_eq!(disabled(&desk), [true, true, true]);
    let code = Device::usual(3).shows(desk.now);
    assert_eq!(desk.reason("kato", &code), Some(Reason::AccountDisabled));
}

#[test]
fn i11_so_many_accounts_are_disabled_as_one_event_can_tell() {
    let mut desk = Desk::new(Policy::default());
    let short: Vec<String> = (0..=BULK_MAX).map(|n| format!("user{n}")).collect();
    let long: Vec<String> = (0..60).map(|n| format!("{}{n}", "u".repeat(100))).collect();
    for account in short.iter().chain(&long) {
        desk.set(
            account,
            AccountChange {
                disabled: Some(false),
                ..AccountChange::default()
            },
        );
    }
    let all = |texts: &[String]| {
        Operation::AccountsDisable(texts.iter().map(|text| name(text)).collect())
    };
    assert_eq!(desk.refused(&all(&short)), Refusal::TooMuchAtOnce);
    assert_eq!(desk.refused(&all(&long)), Refusal::TooMuchAtOnce);
    assert!(!desk.account(&long[0]).disabled);
    desk.done(&all(&short[1..]));
    desk.done(&all(&long[..30]));
}
