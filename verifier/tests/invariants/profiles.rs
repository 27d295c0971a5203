//! What gateways are told of an account, and the password that some of them ask for.

use sekisho_verifier::account::{
    ATTRIBUTES_MAX, AttributeName, AttributeValue, GROUPS_MAX, GroupName, PROFILE_OCTETS_MAX,
    PasswordHash,
};
use sekisho_verifier::event::What;
use sekisho_verifier::operation::{AccountChange, Operation, Refusal};

use crate::common::desk::{Desk, Device, name};

fn group(text: &str) -> GroupName {
    GroupName::parse(text).expect("a group")
}

fn attribute(name: &str, value: Option<&str>) -> (AttributeName, Option<AttributeValue>) {
    let value = value.map(|value| AttributeValue::parse(value).expect("a value"));
    (AttributeName::parse(name).expect("a name"), value)
}

fn groups(add: &[&str], remove: &[&str]) -> AccountChange {
    AccountChange {
        add_groups: add.iter().map(|text| group(text)).collect(),
        remove_groups: remove.iter().map(|text| group(text)).collect(),
        ..AccountChange::default()
    }
}

fn attributes(changes: &[(&str, Option<&str>)]) -> AccountChange {
    AccountChange {
        attributes: changes.iter().map(|(n, v)| attribute(n, *v)).collect(),
        ..AccountChange::default()
    }
}

fn set(change: AccountChange) -> Operation {
    Operation::AccountSet(name("mori"), change)
}

fn desk() -> Desk {
    Desk::of_mori(&Device::usual(1))
}

fn told(desk: &Desk) -> String {
    match desk.events().pop().expect("an event").what {
        What::Operation(event) => event.detail.expect("a detail").as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_are_kept_in_their_order_and_once() {
    let mut desk = desk();
    desk.set("mori", groups(&["VPN-Staff", "wheel", "VPN-Staff"], &[]));
    desk.set("mori", groups(&["admins"], &["wheel"]));
    let kept = desk.account("mori").groups;
    assert_eq!(kept, [group("VPN-Staff"), group("admins")]);
    assert_eq!(told(&desk), "group added: admins, group removed: wheel");
    let refusal = desk.refused(&set(groups(&[], &["wheel"])));
    assert_eq!(refusal, Refusal::NotInGroup(name("mori"), group("wheel")));
    // Gateways compare letter by letter.
    let refusal = desk.refused(&set(groups(&[], &["vpn-staff"])));
    assert!(matches!(refusal, Refusal::NotInGroup(..)));
    let refusal = desk.refused(&set(groups(&["admins"], &[])));
    assert_eq!(refusal, Refusal::NothingToChange(name("mori")));
}

#[test]
fn attributes_are_set_changed_and_removed() {
    let mut desk = desk();
    let framed = ("framed-ip", Some("192.0.2.7"));
    desk.set("mori", attributes(&[framed, ("vlan", Some("7"))]));
    assert_eq!(
        told(&desk),
        "attribute framed-ip: 192.0.2.7, attribute vlan: 7"
    );
    desk.set(
        "mori",
        attributes(&[("framed-ip", Some("192.0.2.8")), ("vlan", None)]),
    );
    assert_eq!(
        told(&desk),
        "attribute framed-ip: 192.0.2.8, attribute removed: vlan"
    );
    let kept = desk.account("mori").attributes;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].value.as_str(), "192.0.2.8");
    let refusal = desk.refused(&set(attributes(&[("vlan", None)])));
    assert!(matches!(refusal, Refusal::NoSuchAttribute(..)));
}

/// I11, and an accept has to fit into its frame.
#[test]
fn i11_groups_and_attributes_have_their_bounds() {
    let mut desk = desk();
    let many: Vec<String> = (0..=GROUPS_MAX).map(|n| format!("g{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refusal = desk.refused(&set(groups(&many, &[])));
    assert_eq!(refusal, Refusal::TooManyGroups(name("mori")));
    desk.set("mori", groups(&many[1..], &[]));
    let many: Vec<String> = (0..=ATTRIBUTES_MAX).map(|n| format!("a{n}")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), Some("x"))).collect();
    let refusal = desk.refused(&set(attributes(&many)));
    assert_eq!(refusal, Refusal::TooManyAttributes(name("mori")));
    let long = "x".repeat(253);
    let large: Vec<_> = many.iter().map(|(n, _)| (*n, Some(&*long))).collect();
    let refusal = desk.refused(&set(attributes(&large[..9])));
    assert_eq!(refusal, Refusal::ProfileTooLarge(name("mori")));
    desk.set("mori", attributes(&large[..7]));
    assert!(desk.account("mori").profile_octets() <= PROFILE_OCTETS_MAX);
    // One event has to tell all of it.
    let refusal = desk.refused(&set(attributes(&large)));
    assert_eq!(refusal, Refusal::TooMuchAtOnce);
}

#[test]
fn a_password_is_set_and_removed_and_its_hash_is_in_no_event() {
    let mut desk = desk();
    let hash = PasswordHash::parse("$argon2id$v=19$AVERYSECRETHASH").expect("a hash");
    let with = |hash| Operation::AccountPassword(name("Mori"), hash);
    desk.done(&with(Some(hash.clone())));
    assert_eq!(told(&desk), "set");
    assert_eq!(desk.account("mori").password, Some(hash));
    desk.done(&with(None));
    assert_eq!(told(&desk), "removed");
    assert_eq!(desk.account("mori").password, None);
    assert_eq!(desk.refused(&with(None)), Refusal::NoPassword(name("mori")));
    let nobody = Operation::AccountPassword(name("sato"), None);
    assert_eq!(desk.refused(&nobody), Refusal::NoSuchAccount(name("sato")));
    assert!(!format!("{:?}", desk.events()).contains("AVERYSECRETHASH"));
}
