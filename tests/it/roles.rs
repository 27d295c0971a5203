//! Who may do what: each verb by each role, through the socket.

use sekisho_tests::installation::{Plan, call};
use sekisho_tests::{Machine, Token};
use sekisho_verifier_socket::admin::{
    AccountChange, AccountFilter, AuditFilter, Change, NewToken, OwnVerb, PolicyQuestion,
    RefusalKind, SessionFilter, TokenFilter, Verb,
};
use sekisho_verifier_socket::role::{Role, VerbKind};
use sekisho_verifier_socket::{Reply, Request};

/// Who of the machine has a role. An owner is whoever has no other.
fn somebody(role: Role) -> &'static str {
    match role {
        Role::Admin => "mori",
        Role::HelpDesk => "sato",
        Role::Auditor => "kato",
        Role::Owner => "hana",
    }
}

/// One verb of each row of the table, about what does not exist where it could do harm.
fn verb_of(kind: VerbKind) -> Verb {
    let nobody = || "nobody".to_owned();
    let serial = || "SKTS99999999".to_owned();
    let change = |change| Verb::Change {
        change,
        serial: serial(),
        note: None,
        keep_sessions: false,
    };
    let note = None;
    match kind {
        VerbKind::TokenIssue => Verb::Issue(NewToken::default()),
        VerbKind::TokenImport => Verb::ImportBegin,
        VerbKind::TokenList => Verb::TokenList(TokenFilter::default()),
        VerbKind::TokenShow => Verb::TokenShow(serial()),
        VerbKind::Enroll => Verb::Enroll {
            account: nobody(),
            serial: serial(),
            code: "123456".into(),
            note,
        },
        VerbKind::Exchange => Verb::Exchange {
            old: serial(),
            new: serial(),
            code: "123456".into(),
            note,
        },
        VerbKind::Stop => change(Change::Stop),
        VerbKind::Lost => change(Change::Lost),
        VerbKind::Suspend => change(Change::Suspend),
        VerbKind::Resume => change(Change::Resume),
        VerbKind::Resync => Verb::Resync {
            serial: serial(),
            first: "123456".into(),
            second: "234567".into(),
            note,
        },
        VerbKind::Unlock => Verb::Unlock {
            account: nobody(),
            note,
        },
        VerbKind::Emergency => Verb::Emergency {
            account: nobody(),
            count: 1,
            valid_s: 3_600,
            note,
        },
        VerbKind::AccountShow => Verb::AccountShow(nobody()),
        VerbKind::AccountList => Verb::AccountList(AccountFilter::default()),
        VerbKind::AccountSet => Verb::AccountSet {
            account: "jiro".into(),
            change: AccountChange {
                code_required: Some(true),
                ..AccountChange::default()
            },
            note,
            keep_sessions: true,
        },
        VerbKind::AccountsDisable => Verb::AccountsDisable {
            accounts: vec![nobody()],
            keep_sessions: true,
            note,
        },
        VerbKind::AccountPassword => Verb::AccountPassword {
            account: "jiro".into(),
            password: None,
            note,
        },
        VerbKind::StartCode => Verb::StartCode {
            account: nobody(),
            note,
        },
        VerbKind::StartPassword => Verb::StartPassword {
            account: nobody(),
            remove: true,
            note,
        },
        VerbKind::PolicyTest => Verb::PolicyTest(PolicyQuestion {
            account: "hana".into(),
            radius: false,
            name: "sshd".into(),
            from: None,
        }),
        VerbKind::PolicyApply => Verb::PolicyApply { note },
        VerbKind::Explain => Verb::Explain("hana".into()),
        VerbKind::SessionList => Verb::SessionList(SessionFilter::default()),
        VerbKind::SessionEnd => Verb::SessionEnd {
            account: Some(nobody()),
            session: None,
            note,
        },
        VerbKind::ClientList => Verb::ClientList,
        VerbKind::ReceiptShow => Verb::ReceiptShow("0000-0000-0000".into()),
        VerbKind::AuditList => Verb::AuditList(AuditFilter::default()),
        VerbKind::AuditKey => Verb::AuditKey,
        VerbKind::AuditRetain => Verb::Retain {
            older_than_s: None,
            dry_run: true,
            note,
        },
        VerbKind::Status => Verb::Status,
        VerbKind::Health => Verb::Health,
        VerbKind::ClockTrust => Verb::ClockTrust { note },
        VerbKind::KeyRotate => Verb::KeyRotate { note },
        VerbKind::KeyStatus => Verb::KeyStatus,
        VerbKind::Backup => Verb::Backup {
            history: false,
            note,
        },
        VerbKind::Approve => Verb::Approve {
            approval: "000-000".into(),
            refuse: false,
            note,
        },
        VerbKind::ApprovalList => Verb::ApprovalList,
        VerbKind::Own => Verb::Own {
            password: None,
            verb: OwnVerb::Status,
        },
    }
}

/// Whether the verifier does for `user` what they ask, or says what is wrong with it; else it is not
/// for them.
fn is_for(machine: &Machine, user: &str, verb: Verb) -> bool {
    let request = Request::Admin {
        verb: Box::new(verb),
        key: None,
        language: None,
        approval: None,
    };
    match call(&mut machine.connect_as(user), request) {
        Some(Reply::NotPermitted) => false,
        Some(Reply::Admin(result)) => match *result {
            Err(refusal) => refusal.kind != RefusalKind::NotPermitted,
            Ok(_) => true,
        },
        other => panic!("{user} was answered {other:?}"),
    }
}

#[test]
fn each_verb_is_for_the_roles_of_the_table_and_for_nobody_else() {
    let hana = Token::new("hana", "SKTS00000001");
    let machine = Machine::without_radius(Plan::default());
    machine.made.import(&[&hana]);
    for kind in VerbKind::ALL {
        let verb = verb_of(*kind);
        assert_eq!(verb.kind(), *kind);
        for role in Role::ALL {
            // Staff have accounts of their own too.
            let may = kind.roles().contains(&role) || *kind == VerbKind::Own;
            let is_for = is_for(&machine, somebody(role), verb.clone());
            assert_eq!(is_for, may, "{} by {}", kind.name(), role.name());
        }
    }
}
