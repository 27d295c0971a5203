//! How peers failed, as far as the core decides it: the rows of the table of known failures.

use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::Reason;
use sekisho_verifier::operation::{AccountChange, Operation, StateChange};
use sekisho_verifier::place::Door;
use sekisho_verifier::policy::Policy;
use sekisho_verifier::seal::{DataKey, Keyring};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Store};
use sekisho_verifier::time::Time;
use sekisho_verifier::verify::Verifier;

use crate::common::desk::{Desk, Device, Told, attempt, name, policy};
use crate::common::history::respelt;
use crate::common::{START, moved};

/// A desk at second 0 of a step.
fn at_a_step(device: &Device) -> Desk {
    let mut desk = Desk::of_mori(device);
    desk.now = Time::from_millis((device.step(START) + 1) * 30_000);
    desk
}

fn accepts(told: &[Told]) -> usize {
    told.iter().filter(|told| told.accepted()).count()
}

fn spread(account: &str, code: &str, count: usize) -> Vec<sekisho_verifier::verify::Attempt> {
    let doors = [Door::Pam, Door::Radius].into_iter().cycle();
    doors
        .take(count)
        .map(|door| attempt(account, code, door))
        .collect()
}

#[test]
fn r01_consumption_hits_the_live_record_among_odd_ones() {
    let live = Device::usual(1);
    let mut desk = at_a_step(&live);
    // The same seed under serials that read alike, ended, and another token out of use.
    for text in ["SKTS00000001#", "SKTS0000000", "SKTS000000010", "1"] {
        let serial = Serial::parse(text).expect("a serial");
        let twin = Device {
            serial,
            ..live.clone()
        };
        desk.give("mori", &twin);
        desk.change(StateChange::Stop, &twin);
    }
    assert!(Serial::parse("#SKTS00000001").is_err(), "no comment");
    desk.give("mori", &Device::usual(2));
    desk.change(StateChange::Suspend, &Device::usual(2));
    let code = live.shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    let step = live.step(desk.now);
    assert_eq!(desk.token(&live).watermark(), Some(step));
    assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
}

#[test]
fn r03_a_code_of_second_59_is_refused_at_61_and_89() {
    for window in [0, 1] {
        let device = Device::usual(1);
        let mut desk = Desk::new(policy(window, 4));
        desk.give("mori", &device);
        let minute = Time::from_millis((START.seconds() / 60 + 1) * 60_000);
        desk.now = moved(minute, 59_000);
        let code = device.shows(desk.now);
        assert!(desk.login("mori", &code).accepted());
        for second in [59, 60, 61, 89, 90, 119] {
            desk.now = moved(minute, second * 1_000);
            let reason = desk.reason("mori", &code);
            assert_eq!(reason, Some(Reason::AlreadyUsed), "second {second}");
        }
    }
}

#[test]
fn r04_learning_drift_accepts_nothing_at_or_below_the_watermark() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let mut spent: Vec<String> = Vec::new();
    for _ in 0..12 {
        desk.pass(31);
        let code = device.code(device.step(desk.now) - 1);
        let mark = desk.token(&device).watermark();
        desk.login("mori", &code);
        assert!(desk.token(&device).watermark() >= mark);
        spent.push(code);
        for copy in spent.iter().rev().take(3) {
            assert!(!desk.login("mori", copy).accepted());
        }
    }
    assert!(desk.token(&device).drift < 0, "it was learned");
}

#[test]
fn r05_a_replay_and_a_wrong_code_are_told_the_same() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let code = device.shows(desk.now);
    desk.login("mori", &code);
    let replay = desk.login("mori", &code);
    let wrong = desk.login("mori", &device.wrong(desk.now));
    assert_eq!(replay.verdict, wrong.verdict);
    assert_ne!(replay.reason, wrong.reason);
}

#[test]
fn r06_a_spent_code_in_another_spelling_stays_spent() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let code = device.shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    let mark = desk.token(&device).watermark();
    for spelling in 0..12 {
        let copy = respelt(&code, spelling);
        assert!(!desk.login("mori", &copy).accepted(), "{copy:?}");
        assert_eq!(desk.token(&device).watermark(), mark);
    }
}

#[test]
fn r07_spellings_of_codes_and_names_pass_no_limit() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let wrong = device.wrong(desk.now);
    let names = ["mori", "MORI", "Mori", "mOrI"];
    let tries = (0..64).map(|n| attempt(names[n % 4], &respelt(&wrong, n as u8 % 12), Door::Pam));
    let told = desk.logins(&tries.collect::<Vec<_>>());
    let judged = told
        .iter()
        .filter(|t| t.reason == Some(Reason::WrongCode))
        .count();
    assert_eq!(judged, 3);
    assert_eq!(desk.account("mori").guesses.in_a_row, 3);
    assert_eq!(accepts(&told), 0);
}

/// Every spelling of a name is one account with one counter, or refused.
fn one_counter(names: &[&str], refused: &[&str]) {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let wrong = device.wrong(desk.now);
    for (index, name) in names.iter().enumerate() {
        desk.login(name, &wrong);
        let counted = desk.account("mori").guesses.in_a_row as usize;
        assert_eq!(counted, (index + 1).min(3), "{name:?}");
    }
    for name in refused {
        let told = desk.login(name, &device.shows(desk.now));
        let none = [Some(Reason::MalformedName), Some(Reason::UnknownAccount)];
        assert!(none.contains(&told.reason) && !told.accepted(), "{name:?}");
    }
    assert_eq!(desk.store.counts().accounts, 1);
}

#[test]
fn r08_a_manipulated_name_has_no_counter_of_its_own() {
    one_counter(
        &["mori", "Mori", "MORI", "mOri"],
        &[
            "mori ",
            " mori",
            "mori\n",
            "mori\0",
            "mori/",
            "mori\u{200b}",
            "ｍori",
            "m\u{0}ori",
        ],
    );
}

#[test]
fn r09_alternating_replay_is_refused() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let first = device.shows(desk.now);
    assert!(desk.login("mori", &first).accepted());
    desk.pass(30);
    let second = device.shows(desk.now);
    assert!(desk.login("mori", &second).accepted());
    for copy in [&first, &second, &first, &second] {
        assert_eq!(desk.reason("mori", copy), Some(Reason::AlreadyUsed));
    }
}

#[test]
fn r12_the_memory_lives_longer_than_the_code() {
    for (window, drift) in [(0, 0), (1, 4), (1, 20)] {
        let device = Device::usual(1);
        let mut desk = Desk::new(policy(window, drift));
        desk.give("mori", &device);
        let code = device.code(device.step(desk.now) + window);
        assert!(desk.login("mori", &code).accepted());
        for _ in 0..2_000 {
            desk.pass(1);
            assert!(!desk.login("mori", &code).accepted());
        }
    }
}

#[test]
fn r15_no_change_of_an_account_lets_a_code_be_used_again() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let code = device.shows(desk.now);
    assert!(desk.login("mori", &code).accepted());
    let changes = [
        AccountChange {
            code_required: Some(false),
            ..AccountChange::default()
        },
        AccountChange {
            add_alias: Some(name("h.mori")),
            ..AccountChange::default()
        },
        AccountChange {
            disabled: Some(true),
            ..AccountChange::default()
        },
        AccountChange {
            disabled: Some(false),
            ..AccountChange::default()
        },
        AccountChange {
            remove_alias: Some(name("h.mori")),
            ..AccountChange::default()
        },
    ];
    for change in changes {
        desk.set("mori", change);
        for account in ["mori", "h.mori"] {
            assert!(!desk.login(account, &code).accepted());
        }
    }
    desk.change(StateChange::Suspend, &device);
    desk.change(StateChange::Resume, &device);
    assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
}

/// 64 wrong codes at once, over both doors: no more than the limit are judged.
fn parallel_guesses(group: usize) {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let wrong = device.wrong(desk.now);
    let mut judged = 0;
    for group in spread("mori", &wrong, 64).chunks(group) {
        let told = desk.logins(group);
        judged += told
            .iter()
            .filter(|t| t.reason == Some(Reason::WrongCode))
            .count();
        assert_eq!(accepts(&told), 0);
    }
    assert!((1..=10).contains(&judged), "{judged}");
    assert_eq!(desk.account("mori").guesses.in_a_row as usize, judged);
}

#[test]
fn r18_parallel_guesses_over_both_doors_are_one_count() {
    parallel_guesses(2);
}

#[test]
fn r19_parallel_guesses_in_one_group_do_not_beat_the_count() {
    parallel_guesses(64);
}

#[test]
fn r20_counts_are_kept_by_account_and_not_by_typed_name() {
    one_counter(
        &["MORI", "mORI", "mori"],
        &["mori@", "mori.", "mori+x", "xmori"],
    );
}

#[test]
fn r22_a_limit_of_zero_or_past_its_end_is_refused() {
    let check = |set: fn(&mut Policy, u32)| {
        for value in [0, 1_000_000, u32::MAX] {
            let mut policy = Policy::default();
            set(&mut policy, value);
            let keyring = Keyring::new(DataKey::new(1, &[0; 32]));
            assert!(Verifier::new(policy, keyring.into()).is_err(), "{value}");
        }
    };
    check(|policy, value| policy.limits.wrong_codes = value);
    check(|policy, value| policy.limits.failures_in_a_row = value);
    check(|policy, value| policy.limits.lock = std::time::Duration::from_secs(value.into()));
    check(|policy, value| policy.acceptance.look_ahead = value.into());
}

#[test]
fn r23_a_lock_is_not_overshot() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let mut judged = 0;
    for _ in 0..8 {
        desk.now = desk.account("mori").guesses.until.unwrap_or(desk.now);
        let told = desk.logins(&spread("mori", &device.wrong(desk.now), 64));
        judged += told
            .iter()
            .filter(|t| t.reason == Some(Reason::WrongCode))
            .count();
    }
    assert_eq!(desk.account("mori").guesses.wrong, 10);
    let told = desk.logins(&spread("mori", &device.wrong(desk.now), 64));
    assert!(told.iter().all(|t| t.reason == Some(Reason::Locked)));
    assert_eq!(judged, 10);
}

#[test]
fn r26_another_case_or_an_unknown_name_needs_a_code_all_the_same() {
    use sekisho_verifier::policy::{CodeRule, Need};
    let mut policy = Policy::default();
    let services = &mut policy.asking.services;
    services.insert("sshd".into(), CodeRule::AccountChoice.into());
    let place = crate::common::desk::place(Door::Pam);
    let (need, _) = policy.need(&place, None, START);
    assert_eq!(need, Need::Code, "somebody unknown");
    one_counter(&["Mori", "MORI"], &["nobody", "mori2", "root"]);
}

#[test]
fn r32_over_long_names_and_codes_are_refused_and_not_cut() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let long = "m".repeat(128);
    desk.set(&long, AccountChange::default());
    desk.give(&long, &Device::usual(2));
    let code = Device::usual(2).shows(desk.now);
    for more in [
        format!("{long}m"),
        format!("{long}{long}"),
        long.repeat(1_000),
    ] {
        assert_eq!(desk.reason(&more, &code), Some(Reason::MalformedName));
    }
    for more in [code.repeat(2), code.repeat(100_000)] {
        assert_eq!(desk.reason(&long, &more), Some(Reason::MalformedCode));
    }
    assert!(desk.login(&long, &code).accepted());
    // Parts of a key do not run into each other.
    let [one, two] = ["ab", "a"].map(|text| minicbor::to_vec(Key::Account(name(text))));
    assert!(!one.expect("a key").starts_with(&two.expect("a key")));
}

#[test]
fn r34_names_and_serials_that_are_paths_are_refused() {
    let paths = [
        "../mori",
        "..",
        ".",
        "/etc/passwd",
        "mori/..",
        "a\\b",
        "mori\0",
        "",
        "~/x",
        "-rf",
    ];
    for path in paths {
        assert!(AccountName::parse(path).is_err(), "{path:?}");
        assert!(Serial::parse(path).is_err(), "{path:?}");
    }
}

#[test]
fn p02_a_clock_set_back_makes_no_used_code_good() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    desk.pass(600);
    let mut used = Vec::new();
    for _ in 0..4 {
        desk.pass(30);
        used.push((desk.now, device.shows(desk.now)));
        assert!(desk.login("mori", &device.shows(desk.now)).accepted());
    }
    desk.now = moved(desk.now, -600_000);
    for trusted in [false, true] {
        if trusted {
            desk.done(&Operation::ClockTrust);
        }
        for (then, code) in &used {
            let before = desk.now;
            assert!(!desk.login("mori", code).accepted(), "trusted: {trusted}");
            desk.now = *then;
            assert!(!desk.login("mori", code).accepted(), "trusted: {trusted}");
            desk.now = before;
        }
    }
}

#[test]
fn p03_an_older_step_after_a_newer_one_is_refused() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    let step = device.step(desk.now);
    assert!(desk.login("mori", &device.code(step + 1)).accepted());
    for older in [step, step - 1] {
        assert!(!desk.login("mori", &device.code(older)).accepted());
    }
    assert_eq!(desk.token(&device).watermark(), Some(step + 1));
}

#[test]
fn p04_the_code_that_completes_learning_is_spent() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    for _ in 0..3 {
        assert_eq!(desk.token(&device).drift, 0);
        desk.pass(90);
        let code = device.code(device.step(desk.now) + 1);
        assert!(desk.login("mori", &code).accepted());
        for _ in 0..3 {
            assert_eq!(desk.reason("mori", &code), Some(Reason::AlreadyUsed));
            desk.pass(10);
        }
        desk.now = moved(desk.now, 30_000);
    }
    assert_eq!(desk.token(&device).drift, 1);
}

#[test]
fn p16_of_fifty_racing_copies_one_is_accepted_and_nobody_is_locked_out() {
    let device = Device::usual(1);
    let mut desk = at_a_step(&device);
    for _ in 0..20 {
        desk.pass(30);
        let told = desk.logins(&spread("mori", &device.shows(desk.now), 50));
        assert_eq!(accepts(&told), 1);
        let used = told
            .iter()
            .filter(|t| t.reason == Some(Reason::AlreadyUsed));
        assert_eq!(used.count(), 49);
        assert!(desk.account("mori").guesses.is_clear());
    }
}

#[test]
fn p19_the_first_and_the_last_millisecond_of_a_step_belong_to_it() {
    for period in [15, 30, 60, 120] {
        let shape = sekisho_verifier::token::Shape {
            factor: crate::common::desk::totp(period),
            ..Default::default()
        };
        let device = Device::new(1, shape);
        let mut desk = Desk::new(policy(0, 0));
        desk.give("mori", &device);
        let step = device.step(START) + 2;
        let begin = Time::from_millis(step * u64::from(period) * 1_000);
        let last = i64::from(period) * 1_000 - 1;
        for (step, now) in [(step, begin), (step + 1, moved(begin, 2 * last + 1))] {
            desk.now = now;
            assert!(!desk.login("mori", &device.code(step + 1)).accepted());
            assert!(
                desk.login("mori", &device.code(step)).accepted(),
                "{period}"
            );
        }
    }
}
