//! Where a code is asked for: by which line of the settings, and that it happens so.

use sekisho_tests::installation::{Plan, ask, ask_approved};
use sekisho_tests::{Door, Installation, Machine, Token, Verdict};
use sekisho_verifier_socket::admin::{Answer, PolicyQuestion, PolicyView, Verb};

const RULES: &str = r#"
[pam.service.sshd]
code = "account-choice"
[[pam.service.sshd.rule]]
networks = ["local"]
code = "never"
[[pam.service.sshd.rule]]
groups = ["contractors"]
code = "always"
[[pam.service.sshd.rule]]
groups = ["branch"]
networks = ["192.0.2.0/24", "2001:db8::/32"]
code = "never"
"#;

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[track_caller]
fn policy(made: &Installation, account: &str, service: &str, from: Option<&str>) -> PolicyView {
    let verb = Verb::PolicyTest(PolicyQuestion {
        account: account.into(),
        radius: false,
        name: service.into(),
        from: from.map(str::to_owned),
    });
    match ask(&mut made.connect(), verb) {
        Some(Ok(Answer::Policy(view))) => view,
        other => panic!("no policy: {other:?}"),
    }
}

/// Whether a login at a service is asked for a code.
#[track_caller]
fn is_asked(made: &Installation, account: &str, service: &str, from: Option<&str>) -> bool {
    made.pam().service(service, "");
    let options = from.map_or(vec![], |from| vec!["-h", from]);
    let report = &made.pam().drive(&options, service, account, &["000000x"])[0];
    report.prompts > 0
}

#[test]
fn defaults_ask_everywhere_but_where_the_account_may_choose_and_it_begins_with_required() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let choosing = [
        "login",
        "sshd",
        "gdm-password",
        "lightdm",
        "sddm",
        "xdm",
        "cockpit",
    ];
    let always = [
        "sudo",
        "sudo-i",
        "su",
        "su-l",
        "polkit-1",
        "passwd",
        "anything-else",
    ];
    for chosen in [true, false] {
        let choice = if chosen { "required" } else { "not-required" };
        // It begins with "required"; setting what is set is refused.
        let words = ["account", "set", "hana", "--code", choice];
        assert_eq!(made.sekisho(&words).status.success(), !chosen);
        for (services, rule) in [(&choosing, "account-choice"), (&always, "always")] {
            for service in services {
                let view = policy(&made, "hana", service, None);
                assert_eq!((&*view.rule, &*view.line), (rule, "default"), "{service}");
                let asked = chosen || rule == "always";
                assert_eq!(view.outcome == "code", asked, "{service}: {view:?}");
                assert_eq!(is_asked(&made, "hana", service, None), asked, "{service}");
            }
        }
    }
    // At every gateway.
    let verb = Verb::PolicyTest(PolicyQuestion {
        account: "hana".into(),
        radius: true,
        name: "vpn".into(),
        from: None,
    });
    match ask(&mut made.connect(), verb) {
        Some(Ok(Answer::Policy(view))) => assert_eq!(view.rule, "always"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn first_rule_that_fits_decides_and_policy_test_names_its_line() {
    let hana = hana();
    let jiro = Token::new("jiro", "SKTS00000002");
    let made = Plan::default().settings(RULES).start();
    made.import(&[&hana, &jiro]);
    made.json(&["account", "set", "hana", "--group", "branch"]);
    made.json(&["account", "set", "jiro", "--group", "branch"]);
    made.json(&["account", "set", "jiro", "--group", "contractors"]);
    for (account, from, line, code) in [
        ("hana", None, "pam.service.sshd.rule[1]", false),
        ("jiro", None, "pam.service.sshd.rule[1]", false),
        ("hana", Some("192.0.2.7"), "pam.service.sshd.rule[3]", false),
        (
            "hana",
            Some("::ffff:192.0.2.7"),
            "pam.service.sshd.rule[3]",
            false,
        ),
        (
            "hana",
            Some("2001:db8::5"),
            "pam.service.sshd.rule[3]",
            false,
        ),
        ("jiro", Some("192.0.2.7"), "pam.service.sshd.rule[2]", true),
        ("hana", Some("192.0.3.7"), "pam.service.sshd", true),
        // A name says nothing about where it is: it weakens nothing.
        ("hana", Some("branch-012.example"), "pam.service.sshd", true),
        ("hana", Some("192.0.2.7.example"), "pam.service.sshd", true),
        ("hana", Some("192.0.2.007"), "pam.service.sshd", true),
    ] {
        let view = policy(&made, account, "sshd", from);
        let case = format!("{account} from {from:?}: {view:?}");
        assert!(view.line == line || view.line == zero_based(line), "{case}");
        assert_eq!(view.outcome == "code", code, "{case}");
        assert_eq!(is_asked(&made, account, "sshd", from), code, "{case}");
    }
}

/// Rules may be counted from 0.
fn zero_based(line: &str) -> String {
    match line.split_once('[') {
        Some((before, number)) => {
            let number: u32 = number.trim_end_matches(']').parse().expect("a number");
            format!("{before}[{}]", number - 1)
        }
        None => line.to_owned(),
    }
}

#[test]
fn caller_without_privileges_can_not_say_that_it_is_somewhere_else() {
    // "never" from a network, and "never" at the machine itself: neither is for who says so.
    let machine = Machine::without_radius(Plan::default().settings(RULES));
    let hana = hana();
    machine.made.import(&[&hana]);
    machine
        .made
        .json(&["account", "set", "hana", "--group", "branch"]);
    let pam = machine.made.pam();
    pam.service("sshd", "");
    for options in [&[] as &[&str], &["-h", "192.0.2.7"]] {
        let words = pam.words(options, "sshd", "hana", &["000000x"]);
        let mut command = machine.root.command_as("hana", &words[0]);
        let limit = std::time::Duration::from_secs(20);
        let done = sekisho_tests::process::run(command.args(&words[1..]), b"", limit);
        let report = &sekisho_tests::pam::Pam::reports(&done)[0];
        assert_eq!(report.prompts, 1, "{options:?}: {report:?}");
    }
}

#[test]
fn account_without_a_token_is_refused_where_a_code_is_needed_until_grace_lets_it_start() {
    let day = 24 * 3_600;
    // The harness's clock begins on 2031-06-23.
    for (settings, outcome) in [
        ("", "refused"),
        ("[pam]\ngrace-until = \"2031-06-30\"", "start-of-use"),
        ("[pam]\ngrace-until = \"2031-06-01\"", "refused"),
    ] {
        let made = Plan::default().settings(settings).start();
        made.json(&["account", "set", "taro", "--code", "required"]);
        let view = policy(&made, "taro", "sshd", None);
        assert_eq!(view.outcome, outcome, "{settings:?}: {view:?}");
        // Grace is for accounts that an admin made: another spelling of somebody's name is none.
        let view = policy(&made, "nobody-yet", "sshd", None);
        assert_eq!(view.outcome, "refused", "{settings:?}: {view:?}");
        assert!(is_asked(&made, "nobody-yet", "sshd", None));
        let in_grace = outcome == "start-of-use";
        assert_eq!(
            is_asked(&made, "taro", "sshd", None),
            !in_grace,
            "{settings:?}"
        );
        assert_eq!(made.count("grace") > 0, in_grace);
        // Not at gateways: nobody can start there.
        assert_eq!(made.login(Door::Radius, "taro", "123456"), Verdict::Reject);
        if in_grace {
            // It is over, for who ever had a token as well as by its date.
            let hana = hana();
            made.import(&[&hana]);
            made.json(&["lost", &hana.serial]);
            assert_eq!(policy(&made, "hana", "sshd", None).outcome, "refused");
            assert!(is_asked(&made, "hana", "sshd", None));
            made.clock().advance(10 * day);
            assert_eq!(policy(&made, "taro", "sshd", None).outcome, "refused");
            assert!(is_asked(&made, "taro", "sshd", None));
        }
    }
}

#[test]
fn changed_settings_take_effect_at_a_start_where_one_admin_is_enough() {
    let hana = hana();
    let mut made = Plan::default().start();
    made.import(&[&hana]);
    assert!(is_asked(&made, "hana", "kiosk", None));
    made.add_settings("[pam.service.kiosk]\ncode = \"never\"");
    made.restart_verifier();
    assert!(!is_asked(&made, "hana", "kiosk", None));
}

#[test]
fn changed_settings_wait_for_a_second_admin_where_policy_takes_two() {
    let hana = hana();
    let mut machine = Machine::without_radius(Plan::default().two_people(&["policy"]));
    machine.made.import(&[&hana]);
    machine
        .made
        .add_settings("[pam.service.kiosk]\ncode = \"never\"");
    machine.made.restart_verifier();
    assert!(
        is_asked(&machine.made, "hana", "kiosk", None),
        "the old one holds"
    );
    let status = machine.made.json(&["status"]);
    assert!(
        status["warnings"].to_string().contains("policy"),
        "{status}"
    );
    let apply = || Verb::PolicyApply { note: None };
    let mut mori = machine.connect_as("mori");
    let Some(Ok(Answer::Waiting(view))) = ask(&mut mori, apply()) else {
        panic!("it does not wait");
    };
    let approve = Verb::Approve {
        approval: view.number.clone(),
        refuse: false,
        note: None,
    };
    ask(&mut machine.connect_as("aoki"), approve)
        .expect("an answer")
        .expect("a second admin may");
    ask_approved(&mut mori, apply(), &view.number).expect("approved");
    assert!(!is_asked(&machine.made, "hana", "kiosk", None));
    machine.made.crash_verifier();
    assert!(
        !is_asked(&machine.made, "hana", "kiosk", None),
        "it is kept"
    );
}
