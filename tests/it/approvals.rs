//! Operations that take two people.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::backup::Keeper;
use sekisho_tests::installation::{Plan, ask, ask_approved};
use sekisho_tests::process::Guarded;
use sekisho_tests::{Door, Machine, Token, Verdict};
use sekisho_verifier_socket::Client;
use sekisho_verifier_socket::admin::{
    Answer, ApprovalView, Change, ReceiptView, Refusal, RefusalKind, Verb,
};

/// How long a request waits.
const WAITS: u64 = 15 * 60;
const LIMIT: Duration = Duration::from_secs(20);

fn plan() -> Plan {
    let operations = ["backup", "restore", "key-rotate", "policy", "bulk-disable"];
    Plan::default()
        .two_people(&operations)
        .settings(&Keeper::new().settings())
}

fn disable(accounts: &[&str]) -> Verb {
    Verb::AccountsDisable {
        accounts: accounts.iter().map(|name| (*name).to_owned()).collect(),
        keep_sessions: true,
        note: Some("they left".into()),
    }
}

fn approve(approval: &str) -> Verb {
    Verb::Approve {
        approval: approval.into(),
        refuse: false,
        note: None,
    }
}

#[track_caller]
fn answer(client: &mut Client, verb: Verb) -> Result<Answer, Refusal> {
    ask(client, verb).expect("the verifier answers")
}

/// Asks for what takes two, and returns what waits.
#[track_caller]
fn waiting(client: &mut Client, verb: Verb) -> ApprovalView {
    match answer(client, verb) {
        Ok(Answer::Waiting(view)) => {
            assert_eq!(view.state, "waiting");
            view
        }
        other => panic!("it does not wait: {other:?}"),
    }
}

#[track_caller]
fn receipt(answer: Result<Answer, Refusal>) -> ReceiptView {
    match answer {
        Ok(Answer::Receipt(receipt)) => receipt,
        other => panic!("no receipt: {other:?}"),
    }
}

#[track_caller]
fn refused(answer: Result<Answer, Refusal>, what: &str) {
    match answer {
        Err(refusal) => assert_ne!(refusal.kind, RefusalKind::Unavailable, "{what}"),
        Ok(answer) => panic!("{what}: {answer:?}"),
    }
}

/// How many accounts are disabled.
#[track_caller]
fn disabled(machine: &Machine) -> usize {
    let listed = machine.made.json(&["account", "list"]);
    let accounts = listed["accounts"].as_array().cloned().unwrap_or_default();
    assert!(!accounts.is_empty(), "{listed}");
    accounts.iter().filter(|a| a["disabled"] == true).count()
}

struct Staged {
    machine: Machine,
    mori: Client,
    aoki: Client,
}

/// Two admins, and two accounts.
fn staged() -> Staged {
    let machine = Machine::without_radius(plan());
    machine.made.import(&[
        &Token::new("hana", "SKTS00000001"),
        &Token::new("jiro", "SKTS00000002"),
    ]);
    let (mori, aoki) = (machine.connect_as("mori"), machine.connect_as("aoki"));
    Staged {
        machine,
        mori,
        aoki,
    }
}

#[test]
fn second_admin_approves_and_both_names_are_on_the_receipt() {
    let Staged {
        machine,
        mut mori,
        mut aoki,
    } = staged();
    let both = disable(&["hana", "jiro"]);
    let view = waiting(&mut mori, both.clone());
    assert_eq!(view.operation, "bulk-disable");
    assert!(view.asked_by.starts_with("mori"), "{view:?}");
    assert_eq!(disabled(&machine), 0, "nothing is done yet");
    let listed = answer(&mut machine.connect_as("kato"), Verb::ApprovalList);
    let Ok(Answer::Approvals(listed)) = listed else {
        panic!("{listed:?}");
    };
    assert_eq!(listed[0].number, view.number);
    answer(&mut aoki, approve(&view.number)).expect("a second admin may");
    assert_eq!(disabled(&machine), 0, "approving alone does nothing");
    let receipt = receipt(ask_approved(&mut mori, both.clone(), &view.number));
    let named = |shown: Option<&str>, name: &str| shown.is_some_and(|text| text.starts_with(name));
    assert!(named(Some(&receipt.actor), "mori"), "{receipt:?}");
    assert!(named(receipt.approver.as_deref(), "aoki"), "{receipt:?}");
    assert_eq!(disabled(&machine), 2);
    let shown = machine.made.json(&["receipt", "show", &receipt.number]);
    assert!(named(shown["actor"].as_str(), "mori"), "{shown}");
    assert!(named(shown["approver"].as_str(), "aoki"), "{shown}");
    // Asking and settling are events too.
    let told = machine.made.events();
    let tells = |word: &str| {
        told.iter().any(|event| {
            event["operation"]
                .as_str()
                .is_some_and(|o| o.contains(word))
        })
    };
    assert!(tells("approv"), "{told:?}");
    refused(ask_approved(&mut mori, both, &view.number), "used twice");
}

#[test]
fn nobody_approves_what_they_asked_for_and_help_desk_and_auditors_approve_nothing() {
    let Staged {
        machine, mut mori, ..
    } = staged();
    let both = disable(&["hana", "jiro"]);
    let view = waiting(&mut mori, both.clone());
    refused(answer(&mut mori, approve(&view.number)), "the asker");
    // From another connection as well: it is the uid that counts.
    let mut again = machine.connect_as("mori");
    refused(answer(&mut again, approve(&view.number)), "the asker again");
    for user in ["sato", "kato", "hana"] {
        let mut client = machine.connect_as(user);
        refused(answer(&mut client, approve(&view.number)), user);
    }
    // Unsettled, it lets nothing go on.
    match ask_approved(&mut mori, both, &view.number) {
        Err(_) | Ok(Answer::Waiting(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(disabled(&machine), 0);
}

#[test]
fn approval_is_for_the_verb_and_the_admin_that_asked() {
    let Staged {
        machine,
        mut mori,
        mut aoki,
    } = staged();
    let view = waiting(&mut mori, disable(&["hana", "jiro"]));
    answer(&mut aoki, approve(&view.number)).expect("a second admin may");
    for (what, verb) in [
        ("other accounts", disable(&["hana", "taro"])),
        ("one more account", disable(&["hana", "jiro", "taro"])),
        ("another verb", Verb::KeyRotate { note: None }),
    ] {
        match ask_approved(&mut mori, verb, &view.number) {
            Err(_) | Ok(Answer::Waiting(_)) => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    match ask_approved(&mut aoki, disable(&["hana", "jiro"]), &view.number) {
        Err(_) | Ok(Answer::Waiting(_)) => {}
        other => panic!("by who approved: {other:?}"),
    }
    assert_eq!(disabled(&machine), 0);
    // None of that has used it up.
    receipt(ask_approved(
        &mut mori,
        disable(&["hana", "jiro"]),
        &view.number,
    ));
    assert_eq!(disabled(&machine), 2);
}

#[test]
fn what_waits_is_over_after_a_quarter_of_an_hour() {
    let Staged {
        machine,
        mut mori,
        mut aoki,
    } = staged();
    let both = disable(&["hana", "jiro"]);
    let view = waiting(&mut mori, both.clone());
    machine.made.clock().advance(WAITS + 1);
    refused(
        answer(&mut aoki, approve(&view.number)),
        "too late to approve",
    );
    let view = waiting(&mut mori, both.clone());
    answer(&mut aoki, approve(&view.number)).expect("in time");
    machine.made.clock().advance(WAITS + 1);
    match ask_approved(&mut mori, both, &view.number) {
        Err(_) | Ok(Answer::Waiting(_)) => {}
        other => panic!("too late to go on: {other:?}"),
    }
    assert_eq!(disabled(&machine), 0);
}

#[test]
fn refused_request_is_done_by_nobody() {
    let Staged {
        machine,
        mut mori,
        mut aoki,
    } = staged();
    let both = disable(&["hana", "jiro"]);
    let view = waiting(&mut mori, both.clone());
    let no = Verb::Approve {
        approval: view.number.clone(),
        refuse: true,
        note: Some("they have not left".into()),
    };
    answer(&mut aoki, no).expect("a second admin may refuse");
    refused(answer(&mut aoki, approve(&view.number)), "settled");
    match ask_approved(&mut mori, both, &view.number) {
        Err(_) | Ok(Answer::Waiting(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(disabled(&machine), 0);
}

#[test]
fn each_operation_of_the_settings_waits_and_lost_and_stop_never_do() {
    let Staged { mut machine, .. } = staged();
    // There must be a policy to apply.
    machine
        .made
        .add_settings("[pam.service.kiosk]\ncode = \"never\"");
    machine.made.restart_verifier();
    let mut mori = machine.connect_as("mori");
    for (operation, verb) in [
        (
            "backup",
            Verb::Backup {
                history: false,
                note: None,
            },
        ),
        ("key-rotate", Verb::KeyRotate { note: None }),
        ("policy", Verb::PolicyApply { note: None }),
        ("bulk-disable", disable(&["hana", "jiro"])),
    ] {
        assert_eq!(waiting(&mut mori, verb).operation, operation);
    }
    for (change, serial) in [
        (Change::Lost, "SKTS00000001"),
        (Change::Stop, "SKTS00000002"),
    ] {
        let verb = Verb::Change {
            change,
            serial: serial.into(),
            note: None,
            keep_sessions: false,
        };
        receipt(answer(&mut mori, verb));
    }
    let hana = Token::new("hana", "SKTS00000001");
    let verdict = machine
        .made
        .login(Door::Pam, "hana", &machine.made.code(&hana, 0));
    assert_eq!(verdict, Verdict::Reject);
}

#[test]
fn restart_forgets_what_waits() {
    let Staged {
        mut machine,
        mut mori,
        ..
    } = staged();
    let view = waiting(&mut mori, disable(&["hana", "jiro"]));
    machine.made.restart_verifier();
    let mut aoki = machine.connect_as("aoki");
    refused(answer(&mut aoki, approve(&view.number)), "forgotten");
}

#[test]
fn tool_waits_for_the_second_admin_and_goes_on() {
    let Staged { machine, .. } = staged();
    let words = ["account", "disable", "hana", "jiro"];
    let mut command = machine.sekisho_command_as("mori", &words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut first = Guarded::spawn(&mut command);
    let number = number_that_waits(&machine);
    assert!(first.ended().is_none(), "it waits");
    let own = machine.sekisho_as("mori", &["approve", &number], "");
    assert!(!own.status.success(), "{own}");
    machine
        .sekisho_as("aoki", &["approve", &number], "")
        .expect_success();
    let status = first.wait_until(Instant::now() + LIMIT);
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
    assert_eq!(disabled(&machine), 2);
    // Who does not want to wait is told the number.
    let told = machine.sekisho_as(
        "mori",
        &["account", "disable", "jiro", "taro", "--no-wait"],
        "",
    );
    assert_eq!(told.status.code(), Some(11), "{told}");
}

/// The number of what waits, as soon as something does.
#[track_caller]
fn number_that_waits(machine: &Machine) -> String {
    let deadline = Instant::now() + LIMIT;
    loop {
        let listed = answer(&mut machine.connect_as("aoki"), Verb::ApprovalList);
        if let Ok(Answer::Approvals(listed)) = &listed
            && let Some(view) = listed.first()
        {
            return view.number.clone();
        }
        assert!(Instant::now() < deadline, "nothing waits: {listed:?}");
        thread::sleep(Duration::from_millis(20));
    }
}
