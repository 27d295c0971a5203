//! The policy: which rule holds where, for whom and from where; and that nobody gets in more easily by
//! what can not be told about them.

use std::net::{IpAddr, Ipv4Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use sekisho_verifier::account::{Account, GroupName};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::policy::{
    CodeRule, LOGIN_SERVICES, Line, Need, Network, Policy, Rule, Ruled, Rules,
};
use sekisho_verifier::time::Time;

use crate::common::desk::name;
use crate::common::{START, config, seconds};

use CodeRule::{AccountChoice, Always, Never};

fn account(groups: &[&str]) -> Account {
    let mut account = Account::new(name("mori"), START);
    let group = |group: &&str| GroupName::parse(group).expect("a group");
    account.groups = groups.iter().map(group).collect();
    account
}

fn at(service: &str, remote: Option<&str>) -> Place {
    Place::new(Door::Pam, service, Some("pts/3"), remote)
}

fn net(text: &str) -> Network {
    let Some((address, length)) = text.split_once('/') else {
        return Network::Local;
    };
    Network::Remote {
        address: address.parse().expect("an address"),
        length: length.parse().expect("a length"),
    }
}

fn rule(groups: &[&str], networks: &[&str], code: CodeRule) -> Rule {
    let group = |group: &&str| GroupName::parse(group).expect("a group");
    Rule {
        groups: groups.iter().map(group).collect(),
        networks: networks.iter().map(|text| net(text)).collect(),
        code,
    }
}

fn policy_of(service: &str, otherwise: CodeRule, rules: Vec<Rule>) -> Policy {
    let mut policy = Policy::default();
    let rules = Rules { rules, otherwise };
    policy.asking.services.insert(service.into(), rules);
    policy
}

fn ruled(policy: &Policy, place: &Place, account: Option<&Account>) -> (CodeRule, String) {
    let Ruled { code, line } = policy.asking.rule(place, account);
    (code, line.to_string())
}

#[test]
fn logins_let_accounts_choose_and_everything_else_asks_always() {
    let policy = Policy::default();
    for service in LOGIN_SERVICES {
        let found = ruled(&policy, &at(service, None), None);
        assert_eq!(found, (AccountChoice, "default".into()), "{service}");
    }
    for service in ["sudo", "su", "polkit-1", "", "SSHD", "sshd ", "anything"] {
        let found = ruled(&policy, &at(service, None), None);
        assert_eq!(found, (Always, "default".into()), "{service}");
    }
    for client in LOGIN_SERVICES {
        let place = Place::new(Door::Radius, client, None, None);
        assert_eq!(ruled(&policy, &place, None).0, Always, "{client}");
    }
    let new = Account::new(name("mori"), START);
    assert!(new.code_required, "new accounts chose so");
    let need = |account: Option<&Account>| policy.need(&at("sshd", None), account, START).0;
    assert_eq!(need(Some(&new)), Need::Code);
    assert_eq!(need(None), Need::Code);
    let chose = Account {
        code_required: false,
        ..new
    };
    assert_eq!(need(Some(&chose)), Need::NoCode);
}

#[test]
fn the_first_rule_that_fits_wins_and_is_named() {
    let rules = vec![
        rule(&["night"], &["local"], Always),
        rule(
            &["staff", "night"],
            &["10.1.0.0/16", "2001:db8::/32"],
            Never,
        ),
        rule(&[], &["10.0.0.0/8"], AccountChoice),
        rule(&["night"], &[], Never),
    ];
    let policy = policy_of("sshd", Always, rules);
    let (nobody, staff, night) = (account(&[]), account(&["staff"]), account(&["x", "night"]));
    for (who, from, code, line) in [
        (&nobody, None, Always, "pam.service.sshd"),
        (
            &nobody,
            Some("10.1.2.3"),
            AccountChoice,
            "pam.service.sshd.rule[3]",
        ),
        (&staff, Some("10.1.2.3"), Never, "pam.service.sshd.rule[2]"),
        (
            &staff,
            Some("10.2.2.3"),
            AccountChoice,
            "pam.service.sshd.rule[3]",
        ),
        (
            &staff,
            Some("2001:db8::7"),
            Never,
            "pam.service.sshd.rule[2]",
        ),
        (&staff, Some("2001:db9::7"), Always, "pam.service.sshd"),
        (&staff, None, Always, "pam.service.sshd"),
        (&night, None, Always, "pam.service.sshd.rule[1]"),
        (&night, Some("192.0.2.1"), Never, "pam.service.sshd.rule[4]"),
    ] {
        let found = ruled(&policy, &at("sshd", from), Some(who));
        assert_eq!(found, (code, line.into()), "{:?} {from:?}", who.groups);
    }
    // Whoever is unknown is in no group.
    let found = ruled(&policy, &at("sshd", Some("10.1.2.3")), None);
    assert_eq!(found.1, "pam.service.sshd.rule[3]");
    // Another case is another group.
    let found = ruled(&policy, &at("sshd", None), Some(&account(&["Night"])));
    assert_eq!(found.1, "pam.service.sshd");
}

#[test]
fn a_gateway_has_rules_of_its_own() {
    let mut policy = policy_of("gw1", Never, Vec::new());
    let gateway = |name| Place::new(Door::Radius, name, None, Some("10.1.1.1"));
    assert_eq!(
        ruled(&policy, &gateway("gw1"), None),
        (Always, "default".into())
    );
    let rules = Rules {
        rules: vec![rule(&[], &["10.0.0.0/8"], Never)],
        otherwise: AccountChoice,
    };
    policy.asking.clients.insert("gw1".into(), rules);
    let found = ruled(&policy, &gateway("gw1"), None);
    assert_eq!(found, (Never, "radius.client.gw1.rule[1]".into()));
    assert_eq!(ruled(&policy, &gateway("gw2"), None).0, Always);
    assert_eq!(
        Line::Client("gw1".into(), None).to_string(),
        "radius.client.gw1"
    );
}

#[test]
fn a_mapped_address_is_the_one_that_it_maps() {
    for network in ["10.1.0.0/16", "::ffff:10.1.0.0/112"] {
        let policy = policy_of("sshd", Always, vec![rule(&[], &[network], Never)]);
        for (from, code) in [
            ("10.1.2.3", Never),
            ("::ffff:10.1.2.3", Never),
            ("::ffff:a01:203", Never),
            ("10.2.2.3", Always),
            ("::ffff:10.2.2.3", Always),
            ("::10.1.2.3", Always),
            ("2001:db8::10.1.2.3", Always),
        ] {
            let found = ruled(&policy, &at("sshd", Some(from)), None);
            assert_eq!(found.0, code, "{from} in {network}");
        }
    }
    // All of IPv6 is not all of IPv4.
    let policy = policy_of("sshd", Always, vec![rule(&[], &["::/0"], Never)]);
    assert_eq!(
        ruled(&policy, &at("sshd", Some("10.1.2.3")), None).0,
        Always
    );
    assert_eq!(
        ruled(&policy, &at("sshd", Some("::ffff:10.1.2.3")), None).0,
        Always
    );
}

/// Whoever can choose the name of the remote host, or is a process that nobody trusts, gains nothing.
#[test]
fn what_is_no_literal_address_makes_no_rule_weaker() {
    let untold = [
        "gate.example",
        "10.1.2.3.example",
        "010.1.2.3",
        "10.1.2",
        "10.1.2.3 ",
        "[::1]",
        "fe80::1%eth0",
        "localhost",
        "uid=1000",
        "10.1.2.3/8",
    ];
    let everywhere = ["local", "0.0.0.0/0", "::/0"];
    for from in untold {
        let place = at("sshd", Some(from));
        for (rules, otherwise, expected) in [
            (vec![rule(&[], &everywhere, Never)], Always, Always),
            (vec![rule(&[], &everywhere, AccountChoice)], Always, Always),
            (vec![rule(&[], &["10.0.0.0/8"], Always)], Never, Always),
            (
                vec![rule(&[], &["10.0.0.0/8"], AccountChoice)],
                Never,
                AccountChoice,
            ),
            (
                vec![
                    rule(&[], &["10.0.0.0/8"], Never),
                    rule(&[], &[], AccountChoice),
                ],
                Always,
                AccountChoice,
            ),
            // A rule that does not ask where from is as good as ever.
            (vec![rule(&["staff"], &[], Never)], Always, Never),
            (
                vec![rule(&["other"], &["10.0.0.0/8"], Always)],
                Never,
                Never,
            ),
        ] {
            let policy = policy_of("sshd", otherwise, rules.clone());
            let found = ruled(&policy, &place, Some(&account(&["staff"])));
            assert_eq!(found.0, expected, "{from} {rules:?} {otherwise:?}");
        }
    }
}

#[test]
fn grace_is_for_an_account_that_never_had_a_token_at_a_linux_login_until_a_day() {
    let until = START.after(seconds(1_000));
    let mut policy = Policy::default();
    policy.asking.grace_until = Some(until);
    let sudo = at("sudo", None);
    let new = account(&[]);
    let need = |account: Option<&Account>, place: &Place, now| policy.need(place, account, now).0;
    assert_eq!(need(Some(&new), &sudo, START), Need::Grace(until));
    assert_eq!(need(None, &sudo, START), Need::Code, "a name of nobody");
    assert_eq!(
        need(Some(&new), &at("sshd", None), START),
        Need::Grace(until)
    );
    assert_eq!(
        need(Some(&new), &sudo, until),
        Need::Code,
        "the last moment is over"
    );
    assert_eq!(need(Some(&new), &sudo, until.after(seconds(1))), Need::Code);
    let gateway = Place::new(Door::Radius, "gw1", None, None);
    assert_eq!(need(Some(&new), &gateway, START), Need::Code);

    let with = |change: fn(&mut Account)| {
        let mut account = new.clone();
        change(&mut account);
        need(Some(&account), &sudo, START)
    };
    fn a_serial() -> sekisho_verifier::serial::Serial {
        crate::common::desk::Device::usual(1).serial
    }
    assert_eq!(with(|account| account.serials.push(a_serial())), Need::Code);
    assert_eq!(with(|account| account.ended.push(a_serial())), Need::Code);
    assert_eq!(with(|account| account.disabled = true), Need::Code);
    let lock = |account: &mut Account| {
        account.guesses.wrong = 10;
        account.guesses.until = Some(START.after(seconds(60)));
    };
    assert_eq!(with(lock), Need::Code);
    let wait = |account: &mut Account| {
        account.guesses.wrong = 3;
        account.guesses.until = Some(START.after(seconds(1)));
    };
    assert_eq!(with(wait), Need::Code);
    // Where none is needed, none is.
    let chose = Account {
        code_required: false,
        ..new.clone()
    };
    assert_eq!(need(Some(&chose), &at("sshd", None), START), Need::NoCode);
    policy.asking.grace_until = None;
    assert_eq!(policy.need(&sudo, Some(&new), START).0, Need::Code);
}

fn codes() -> impl Strategy<Value = CodeRule> {
    prop_oneof![Just(Never), Just(AccountChoice), Just(Always)]
}

fn networks() -> impl Strategy<Value = Network> {
    let v4 = (any::<u32>(), 0..=32u8).prop_map(|(bits, length)| Network::Remote {
        // Few of them, so that some hold others.
        address: IpAddr::V4(Ipv4Addr::from(bits & 0x0A03_0003)),
        length,
    });
    let v6 = (0..4u128, 0..=128u8).prop_map(|(bits, length)| Network::Remote {
        address: IpAddr::V6((bits << 126 | bits).into()),
        length,
    });
    prop_oneof![1 => Just(Network::Local), 4 => v4, 2 => v6]
}

fn rules() -> impl Strategy<Value = Rules> {
    let groups = vec(prop_oneof![Just("a"), Just("b")], 0..2);
    let rule = (groups, vec(networks(), 0..3), codes()).prop_map(|(groups, networks, code)| Rule {
        networks,
        ..rule(&groups, &[], code)
    });
    (vec(rule, 0..5), codes()).prop_map(|(rules, otherwise)| Rules { rules, otherwise })
}

/// Written once more, by bits as text.
fn holds(network: Network, from: Option<IpAddr>) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("4{:032b}", u32::from(address)),
        IpAddr::V6(address) => format!("6{:0128b}", u128::from(address)),
    };
    match (network, from) {
        (Network::Local, None) => true,
        (Network::Remote { address, length }, Some(from)) => {
            let prefix = &bits(address)[..=usize::from(length)];
            bits(from).starts_with(prefix)
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn the_rule_that_holds_is_the_first_that_fits(
        rules in rules(),
        from in prop_oneof![
            Just(None),
            any::<u32>().prop_map(|bits| Some(IpAddr::V4((bits & 0x0A03_0003).into()))),
            (0..4u128).prop_map(|bits| Some(IpAddr::V6((bits << 126 | bits).into()))),
        ],
        groups in vec(prop_oneof![Just("a"), Just("b")], 0..3),
    ) {
        let account = account(&groups);
        let fits = |rule: &Rule| {
            let of_group = rule.groups.is_empty()
                || rule.groups.iter().any(|group| account.groups.contains(group));
            let there = rule.networks.is_empty()
                || rule.networks.iter().any(|network| holds(*network, from));
            of_group && there
        };
        let first = rules.rules.iter().position(fits);
        let code = first.map_or(rules.otherwise, |index| rules.rules[index].code);
        let mut policy = Policy::default();
        policy.asking.services.insert("sshd".into(), rules);
        let remote = from.map(|from| from.to_string());
        let place = at("sshd", remote.as_deref());
        let found = policy.asking.rule(&place, Some(&account));
        let line = Line::Service("sshd".into(), first.map(|index| index + 1));
        prop_assert_eq!(found, Ruled { code, line });
    }

    /// Whatever the rules are: from nowhere that can be told it is never weaker than from any place
    /// that it could be.
    #[test]
    fn who_can_not_be_placed_is_asked_as_strictly_as_anywhere(
        rules in rules(),
        groups in vec(prop_oneof![Just("a"), Just("b")], 0..3),
        elsewhere in any::<u32>(),
    ) {
        let account = account(&groups);
        let mut policy = Policy::default();
        policy.asking.services.insert("sshd".into(), rules);
        let code = |remote: Option<&str>| policy.asking.rule(&at("sshd", remote), Some(&account)).code;
        let untold = code(Some("gate.example"));
        let address = Ipv4Addr::from(elsewhere & 0x0A03_0003).to_string();
        for remote in [None, Some("0.0.0.0"), Some("::"), Some(&*address)] {
            prop_assert!(untold >= code(remote), "{remote:?}");
        }
    }

    #[test]
    fn a_need_is_never_less_than_the_rule_and_grace_never_outlasts_its_day(
        rules in rules(),
        required: bool,
        disabled: bool,
        had: bool,
        grace in prop_oneof![Just(None), (0..2_000u64).prop_map(Some)],
        now in 0..2_000u64,
    ) {
        let mut policy = Policy::default();
        policy.asking.services.insert("sshd".into(), rules);
        policy.asking.grace_until = grace.map(|at| START.after(seconds(at)));
        let mut account = account(&["a"]);
        account.code_required = required;
        account.disabled = disabled;
        if had {
            account.ended.push(crate::common::desk::Device::usual(1).serial);
        }
        let time = Time::from_millis(START.millis() + now * 1_000);
        let place = at("sshd", None);
        let (need, ruled) = policy.need(&place, Some(&account), time);
        match need {
            Need::NoCode => {
                let chose = ruled.code == AccountChoice && !required;
                prop_assert!(!disabled && (ruled.code == Never || chose));
            }
            Need::Grace(until) => {
                prop_assert!(!disabled && !had && ruled.code != Never);
                prop_assert_eq!(Some(until), policy.asking.grace_until);
                prop_assert!(time < until);
            }
            Need::Code => {}
        }
    }
}
