//! The stacks of distributions, and the ways in which people get around a code.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::control::{Action, Control, IGNORE, RESULTS, SUCCESS};
use super::evaluate::{Answer, Part, Way, evaluate};
use super::known::{part_for_code, part_for_password};
use super::stack::{self, Module, Step, Top, Type};
use crate::doctor::finding::Place;
use crate::doctor::tree::Tree;

/// Debian 12, as `pam-auth-update` writes it.
const DEBIAN_AUTH: &str = "\
auth\t[success=1 default=ignore]\tpam_unix.so nullok
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
auth\toptional\t\t\tpam_cap.so
";
/// Debian 12 with sssd.
const DEBIAN_SSS: &str = "\
auth [success=2 default=ignore] pam_unix.so nullok
auth [success=1 default=ignore] pam_sss.so use_first_pass
auth requisite pam_deny.so
auth required pam_permit.so
";
/// The same with our profile, which comes behind.
const DEBIAN_PROFILE: &str = "\
auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
auth requisite pam_sekisho.so
auth optional pam_cap.so
";
/// RHEL 9, authselect's sssd profile with faillock.
const RHEL_AUTH: &str = "\
auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        required                                     pam_faillock.so preauth silent
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so nullok
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_faillock.so authfail
auth        required                                     pam_deny.so
";
/// SUSE, as `pam-config` writes it.
const SUSE_AUTH: &str = "\
auth\trequired\tpam_env.so
auth\toptional\tpam_gnome_keyring.so
auth\trequired\tpam_unix.so\ttry_first_pass
";

/// The stack of a service among these files.
fn stack_of(files: &[(&str, &str)], name: &str, of: Type) -> Vec<Step> {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("etc/pam.d");
    fs::create_dir_all(&services).expect("made");
    for (name, text) in files {
        fs::write(services.join(name), text).expect("written");
    }
    let tree = Tree::new(folder.path()).expect("a tree");
    let service = stack::read(&tree, name).expect("a service");
    assert_eq!(service.trouble, []);
    service.stack(of).unwrap_or_default()
}

fn auth(text: &str) -> Vec<Step> {
    let files = [
        ("service", text),
        ("debian", DEBIAN_AUTH),
        ("debian-sss", DEBIAN_SSS),
        ("profile", DEBIAN_PROFILE),
        ("rhel", RHEL_AUTH),
        ("suse", SUSE_AUTH),
    ];
    stack_of(&files, "service", Type::Auth)
}

/// The modules that lead around our code, and how.
fn around(text: &str) -> Vec<(String, Way)> {
    let stack = auth(text);
    let answer = evaluate(&stack, part_for_code("su"));
    assert_eq!(
        answer.succeeds,
        !answer.ways.is_empty(),
        "{text}\n{answer:?}"
    );
    let name = |step: &Step| step.module.as_ref().map_or("", Module::name).to_owned();
    let ways = answer.ways.iter();
    ways.map(|(index, way)| (name(&stack[*index]), *way))
        .collect()
}

#[test]
fn good_stacks_let_nobody_in_without_the_code() {
    for text in [
        "@include debian\nauth requisite pam_sekisho.so",
        "@include debian-sss\nauth required pam_sekisho.so",
        "auth requisite pam_sekisho.so\n@include debian",
        "@include profile",
        "auth include profile",
        "auth substack rhel\nauth requisite pam_sekisho.so",
        "auth requisite pam_sekisho.so\nauth substack rhel",
        // The code is asked for before anything can end the stack.
        "auth requisite pam_sekisho.so\nauth include rhel",
        "auth include suse\nauth required pam_sekisho.so",
        // su: root becomes somebody else without a code.
        "auth sufficient pam_rootok.so\n@include debian\nauth requisite pam_sekisho.so",
        "@include debian\nauth [success=ok default=die] pam_sekisho.so",
        "@include debian\nauth [success=ok ignore=ignore default=bad] pam_sekisho.so",
        // A refusal is remembered although the stack goes on.
        "auth required pam_sekisho.so\nauth sufficient pam_unix.so\nauth required pam_deny.so",
        "auth requisite pam_nologin.so\n@include debian\nauth requisite pam_sekisho.so\nauth optional pam_group.so",
        // One of both asks in any case.
        "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_sekisho.so\n\
         auth requisite pam_sekisho.so",
        // More lines than there are: a failure.
        "auth required pam_permit.so\nauth [success=5 default=die] pam_unix.so\nauth required pam_sekisho.so",
        // Alone it is optional in name only.
        "auth optional pam_sekisho.so",
    ] {
        assert_eq!(around(text), [], "{text}");
    }
}

#[test]
fn every_known_way_around_the_code_is_found() {
    let skips = |name: &str| vec![(name.to_owned(), Way::Skips)];
    let ignores = vec![("pam_sekisho.so".to_owned(), Way::Ignores)];
    for (text, expected) in [
        (
            "auth sufficient pam_unix.so\nauth required pam_sekisho.so",
            skips("pam_unix.so"),
        ),
        // A helper as sufficient, before the code.
        (
            "auth sufficient pam_faillock.so preauth\n@include debian\nauth requisite pam_sekisho.so",
            skips("pam_faillock.so"),
        ),
        // What ends a substack ends the whole service where it is included.
        (
            "auth include rhel\nauth requisite pam_sekisho.so",
            vec![
                ("pam_unix.so".to_owned(), Way::Skips),
                ("pam_sss.so".to_owned(), Way::Skips),
            ],
        ),
        // A jump that is one too long.
        (
            "auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n\
             auth requisite pam_sekisho.so\nauth required pam_permit.so",
            skips("pam_unix.so"),
        ),
        // A jump counts a substack as one line.
        (
            "auth [success=2 default=ignore] pam_unix.so\nauth substack rhel\n\
             auth requisite pam_sekisho.so\nauth required pam_permit.so",
            skips("pam_unix.so"),
        ),
        (
            "@include debian\nauth [success=1 default=ignore] pam_succeed_if.so user ingroup staff\n\
             auth requisite pam_sekisho.so\nauth required pam_permit.so",
            skips("pam_succeed_if.so"),
        ),
        (
            "@include debian\nauth optional pam_sekisho.so",
            ignores.clone(),
        ),
        (
            "@include debian\nauth [success=ok default=ignore] pam_sekisho.so",
            ignores.clone(),
        ),
        // Three times Ctrl-C: the conversation fails, and so does the module.
        (
            "@include debian\nauth [success=ok conv_err=ignore default=die] pam_sekisho.so",
            ignores.clone(),
        ),
        // A verifier that is away lets people in.
        (
            "@include debian\nauth [success=ok authinfo_unavail=ignore default=die] pam_sekisho.so",
            ignores.clone(),
        ),
        // A missing module.
        (
            "@include debian\n-auth [success=ok module_unknown=ignore default=die] pam_sekisho.so",
            ignores.clone(),
        ),
        // The code or the password.
        (
            "auth sufficient pam_sekisho.so\n@include debian",
            ignores.clone(),
        ),
        (
            "auth [success=1 default=ignore] pam_sekisho.so\nauth requisite pam_unix.so\n\
             auth required pam_permit.so",
            ignores,
        ),
        (
            "@include debian\nauth required pam_sekisho.so\nauth [default=reset] pam_warn.so\n\
             auth required pam_permit.so",
            vec![("pam_warn.so".to_owned(), Way::Resets)],
        ),
        (
            "auth sufficient pam_wheel.so trust\n@include debian\nauth requisite pam_sekisho.so",
            skips("pam_wheel.so"),
        ),
        (
            "auth sufficient pam_permit.so\nauth requisite pam_sekisho.so",
            skips("pam_permit.so"),
        ),
    ] {
        assert_eq!(around(text), expected, "{text}");
    }
}

#[test]
fn a_stack_without_our_module_succeeds_without_it() {
    for text in ["@include debian", "auth substack rhel", "@include suse"] {
        let answer = evaluate(&auth(text), part_for_code("su"));
        assert!(answer.succeeds, "{text}");
    }
    for text in ["auth requisite pam_deny.so", "auth optional pam_deny.so"] {
        let answer = evaluate(&auth(text), part_for_code("su"));
        assert!(!answer.succeeds, "{text}");
    }
}

#[test]
fn a_code_that_is_all_that_is_asked_for_is_told_from_one_behind_a_password() {
    for (text, alone) in [
        ("@include debian\nauth requisite pam_sekisho.so", false),
        ("auth substack rhel\nauth requisite pam_sekisho.so", false),
        ("@include suse\nauth requisite pam_sekisho.so", false),
        ("auth requisite pam_sekisho.so", true),
        (
            "auth required pam_env.so\nauth required pam_sekisho.so",
            true,
        ),
        ("auth sufficient pam_sekisho.so\n@include debian", true),
        (
            "auth optional pam_unix.so\nauth required pam_sekisho.so",
            true,
        ),
    ] {
        let answer = evaluate(&auth(text), part_for_password("su"));
        assert_eq!(answer.succeeds, alone, "{text}");
    }
}

#[test]
fn files_are_read_as_libpam_reads_them() {
    let stack = auth(
        "AUTH required pam_env.so # why\n\
         -auth optional pam_cap.so\n\
         account required pam_unix.so\n\
         auth [success=ok \\\n  default=die] /lib/security/pam_sekisho.so retry=2 [prompt=One-time code: ]\n",
    );
    let modules: Vec<&Module> = stack
        .iter()
        .filter_map(|step| step.module.as_ref())
        .collect();
    let names: Vec<&str> = modules.iter().map(|module| module.name()).collect();
    assert_eq!(names, ["pam_env.so", "pam_cap.so", "pam_sekisho.so"]);
    assert!(modules[1].may_lack);
    assert_eq!(modules[2].options, ["retry=2", "[prompt=One-time code: ]"]);
    assert_eq!(modules[2].control.0[SUCCESS], Action::Ok);
    assert_eq!(modules[2].control.0[IGNORE], Action::Die);
    assert_eq!(stack[2].place.line, Some(4));
    assert_eq!(Control::read("sufficent"), None);
    assert_eq!(Control::read("[sucess=ok]"), None);
    assert_eq!(Control::read("[success=perhaps]"), None);
    assert_eq!(Control::read("[success=+1 default=ignore]"), None);
    let spaced = Control::read("[success = done default =ignore]").expect("as libpam 1.7 takes it");
    assert_eq!(
        (spaced.0[SUCCESS], spaced.0[IGNORE]),
        (Action::Done, Action::Ignore)
    );
}

#[test]
fn an_include_that_goes_round_in_a_circle_is_told_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("etc/pam.d");
    fs::create_dir_all(&services).expect("made");
    fs::write(services.join("a"), "@include b\n").expect("written");
    fs::write(services.join("b"), "auth include a\n").expect("written");
    let tree = Tree::new(folder.path()).expect("a tree");
    let service = stack::read(&tree, "a").expect("a service");
    assert_eq!(service.trouble.len(), 1, "{:?}", service.trouble);
    assert!(stack::read(&tree, "none").is_none());
}

#[test]
fn files_that_include_each_other_twice_end_and_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = folder.path().join("etc/pam.d");
    fs::create_dir_all(&services).expect("made");
    for number in 0..28 {
        let next = number + 1;
        let text = format!("@include s{next}\n@include s{next}\n");
        fs::write(services.join(format!("s{number}")), text).expect("written");
    }
    fs::write(services.join("s28"), "auth required pam_unix.so\n").expect("written");
    let tree = Tree::new(folder.path()).expect("a tree");
    let service = stack::read(&tree, "s0").expect("a service");
    assert_eq!(service.trouble.len(), 1);
}

#[test]
fn root_is_told_from_the_program_s_own_user() {
    let text = "auth sufficient pam_rootok.so\n@include debian\nauth requisite pam_sekisho.so";
    for (service, open) in [
        ("su", false),
        ("su-l", false),
        ("sudo", true),
        ("sshd", true),
    ] {
        assert_eq!(
            evaluate(&auth(text), part_for_code(service)).succeeds,
            open,
            "{service}"
        );
    }
}

/// Follows one run of a stack, each module with the result that it is given: libpam's rules written down
/// a second time, and as a walk instead of a search.
fn walk(stack: &[Step], results: &[usize]) -> (Option<bool>, bool) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mind {
        Open,
        Good(bool),
        Bad,
    }
    let mut mind = Mind::Open;
    let mut entered = [Mind::Open; stack::SUBSTACKS_MAX];
    let mut before = 0;
    let mut needed = false;
    let mut at = 0;
    while at < stack.len() {
        let step = &stack[at];
        if step.level > before {
            entered[step.level] = mind;
        }
        before = step.level;
        let inside = |at: usize| stack.get(at).is_some_and(|other| other.level >= step.level);
        let deeper = |at: usize| stack.get(at).is_some_and(|other| other.level > step.level);
        let Some(module) = &step.module else {
            at += 1;
            continue;
        };
        let result = results[at];
        needed |= module.name() == "pam_sekisho.so" && result == SUCCESS;
        at += 1;
        let mut leave = false;
        match module.control.0[result] {
            Action::Ignore => {}
            Action::Reset => mind = entered[step.level],
            Action::Ok | Action::Done => {
                if matches!(mind, Mind::Open | Mind::Good(true)) {
                    mind = Mind::Good(result == SUCCESS);
                }
                leave = module.control.0[result] == Action::Done && mind != Mind::Bad;
            }
            Action::Bad => mind = Mind::Bad,
            Action::Die => {
                mind = Mind::Bad;
                leave = true;
            }
            Action::Jump(lines) => {
                let mut left = lines;
                while left > 0 && inside(at) {
                    at += 1;
                    while deeper(at) {
                        at += 1;
                    }
                    left -= 1;
                }
                if left > 0 {
                    mind = Mind::Bad;
                }
            }
        }
        while leave && inside(at) {
            at += 1;
        }
    }
    (Some(mind == Mind::Good(true)), needed)
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Ignore),
        Just(Action::Ok),
        Just(Action::Done),
        Just(Action::Bad),
        Just(Action::Die),
        Just(Action::Reset),
        (1..4usize).prop_map(Action::Jump),
    ]
}

/// Three results tell all: success, ignore, and an error.
const TRIED: [usize; 3] = [SUCCESS, IGNORE, 7];

fn any_stack() -> impl Strategy<Value = Vec<Step>> {
    let line = (0..3usize, any_action(), any_action(), any_action(), 0..4u8);
    prop::collection::vec(line, 1..7).prop_map(|lines| {
        let mut level = 0;
        let step = |(wanted, success, ignore, other, kind): (usize, _, _, _, u8)| {
            // A level is entered by the line of a substack.
            let enters = wanted > level;
            let at = wanted.min(level);
            level = if enters { level + 1 } else { wanted };
            let mut control = Control([other; RESULTS]);
            control.0[SUCCESS] = success;
            control.0[IGNORE] = ignore;
            let path = if kind == 0 {
                "pam_sekisho.so"
            } else {
                "pam_unix.so"
            };
            let module = Module {
                control,
                control_word: String::new(),
                path: path.to_owned(),
                options: Vec::new(),
                may_lack: false,
            };
            Step {
                place: Place::file(Path::new("/etc/pam.d/any")),
                level: at,
                module: (!enters).then_some(module),
                top: Top {
                    line: 1,
                    includes: false,
                },
            }
        };
        lines.into_iter().map(step).collect()
    })
}

/// Tries every combination one by one.
fn try_all(stack: &[Step]) -> bool {
    let combinations = TRIED.len().pow(u32::try_from(stack.len()).expect("few"));
    (0..combinations).any(|mut number| {
        let results: Vec<usize> = stack
            .iter()
            .map(|step| {
                let result = TRIED[number % TRIED.len()];
                number /= TRIED.len();
                let ours = part_for_code("su")(step) == Part::Needed;
                // Ours is followed as one that fails.
                if ours { 7 } else { result }
            })
            .collect();
        walk(stack, &results) == (Some(true), false)
    })
}

/// A stack on a few lines: level, module, and what success, ignore and an error lead to.
fn shown(stack: &[Step]) -> String {
    let line = |step: &Step| match &step.module {
        Some(module) => {
            let actions = TRIED.map(|result| module.control.0[result]);
            format!("{} {} {actions:?}\n", step.level, module.path)
        }
        None => format!("{} substack\n", step.level),
    };
    stack.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_search_finds_what_trying_every_combination_finds(stack in any_stack()) {
        let Answer { succeeds, ways } = evaluate(&stack, part_for_code("su"));
        prop_assert_eq!(succeeds, try_all(&stack), "{}", shown(&stack));
        // Who is to blame is named, if our module is there at all.
        let there = stack.iter().any(|step| part_for_code("su")(step) == Part::Needed);
        prop_assert_eq!(succeeds && there, !ways.is_empty(), "{}", shown(&stack));
    }
}
