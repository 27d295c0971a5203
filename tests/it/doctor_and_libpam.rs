//! What `sekisho doctor` says of a PAM stack, and what libpam does with it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sekisho_tests::pam::{Pam, SUCCESS};
use sekisho_tests::{PrivateRoot, process, programs};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
/// So many stacks are made up.
const STACKS: usize = 80;
/// What other modules answer; the controls tell no more apart.
const RESULTS: [&str; 3] = ["success", "ignore", "auth_err"];
const ACTIONS: [&str; 9] = [
    "ignore", "ok", "ok", "done", "bad", "die", "reset", "1", "2",
];
/// What doctor finds where a code can be got around.
const AROUND: [&str; 3] = ["pam-skipped", "pam-ignored", "pam-reset"];

/// Runs a driver for each service, one after the other.
const EACH: &str = r#"
driver=$1 folder=$2
shift 2
for service in "$@"; do "$driver" "$folder" "$service" nobody; done
"#;

/// A line: its control, and whether it is ours. Lines 1 and 2 may stand in a substack.
struct Stack {
    lines: Vec<(String, bool)>,
    nested: bool,
}

/// A simple generator (Knuth's MMIX): the same stacks each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn stack(&mut self) -> Stack {
        let ours = self.below(4);
        let lines = (0..4).map(|number| {
            let mut action = || ACTIONS[self.below(ACTIONS.len())];
            let control = format!(
                "[success={} ignore={} default={}]",
                action(),
                action(),
                action()
            );
            (control, number == ours)
        });
        Stack {
            lines: lines.collect(),
            nested: self.below(2) == 0,
        }
    }
}

impl Stack {
    /// The service's file and that of its substack; `module` gives what stands behind a control.
    fn texts(&self, name: &str, module: impl Fn(usize) -> String) -> (String, String) {
        let (mut outer, mut inner) = (String::new(), String::new());
        for (number, (control, _)) in self.lines.iter().enumerate() {
            let nested = self.nested && (number == 1 || number == 2);
            if nested && number == 1 {
                writeln!(outer, "auth substack {name}-inner").expect("to a string");
            }
            let into = if nested { &mut inner } else { &mut outer };
            writeln!(into, "auth {control} {}", module(number)).expect("to a string");
        }
        (outer, inner)
    }

    fn others(&self) -> Vec<usize> {
        let others = self.lines.iter().enumerate();
        others
            .filter(|(_, (_, ours))| !ours)
            .map(|(n, _)| n)
            .collect()
    }
}

fn write(folder: &Path, name: &str, (outer, inner): (String, String)) {
    fs::write(folder.join(name), outer).expect("written");
    if !inner.is_empty() {
        fs::write(folder.join(format!("{name}-inner")), inner).expect("written");
    }
}

/// The services that doctor calls open.
fn called_open(stacks: &[Stack], folder: &Path) -> BTreeSet<String> {
    let services = folder.join("image/etc/pam.d");
    fs::create_dir_all(&services).expect("made");
    for (number, stack) in stacks.iter().enumerate() {
        let name = format!("stack{number}");
        let module = |line: usize| match stack.lines[line].1 {
            true => "pam_sekisho.so".to_owned(),
            false => "pam_unix.so".to_owned(),
        };
        write(&services, &name, stack.texts(&name, module));
    }
    let mut doctor = process::leashed(programs::ours("sekisho"));
    doctor
        .args(["--json", "doctor", "--root"])
        .arg(folder.join("image"));
    let done = process::run(&mut doctor, b"", LIMIT);
    let report: Value = serde_json::from_str(&done.stdout).expect("doctor prints JSON");
    let findings = report["findings"].as_array().into_iter().flatten();
    let around = findings.filter(|finding| AROUND.iter().any(|id| finding["id"] == **id));
    let names = around.filter_map(|finding| {
        let file = Path::new(finding["file"].as_str()?);
        let name = file.file_name()?.to_str()?;
        Some(name.trim_end_matches("-inner").to_owned())
    });
    names.collect()
}

/// The services that libpam lets somebody into while our module fails, whatever the others answer.
fn really_open(stacks: &[Stack], folder: &Path) -> BTreeSet<String> {
    // A substack is looked for in /etc/pam.d, also if the service is elsewhere.
    let root = PrivateRoot::new(folder);
    let mut runs = Vec::new();
    for (number, stack) in stacks.iter().enumerate() {
        let others = stack.others();
        for combination in 0..RESULTS.len().pow(3) {
            let name = format!("stack{number}-{combination}");
            let module = |line: usize| {
                let place = others.iter().position(|other| *other == line);
                let digit = place.map(|place| combination / RESULTS.len().pow(place as u32) % 3);
                let result = digit.map_or("auth_err", |digit| RESULTS[digit]);
                format!("pam_debug.so auth={result}")
            };
            let (outer, inner) = stack.texts(&name, module);
            root.pam_service(&name, &outer);
            root.pam_service(&format!("{name}-inner"), &inner);
            runs.push((number, name));
        }
    }
    let mut words: Vec<OsString> = ["-c", EACH, "sh"].map(OsString::from).into();
    words.push(programs::pam_driver().into());
    words.push("/etc/pam.d".into());
    words.extend(runs.iter().map(|(_, name)| name.into()));
    let mut command = root.command("/bin/sh");
    let done = process::run(command.args(words), b"", LIMIT).expect_success();
    let reports = Pam::reports(&done);
    assert_eq!(reports.len(), runs.len());
    let open = runs
        .iter()
        .zip(&reports)
        .filter(|(_, report)| report.authenticate == SUCCESS);
    open.map(|((number, _), _)| format!("stack{number}"))
        .collect()
}

#[test]
fn doctor_and_libpam_agree_on_which_stacks_let_people_in_without_a_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut chance = Chance(2_026);
    let stacks: Vec<Stack> = (0..STACKS).map(|_| chance.stack()).collect();
    let open = really_open(&stacks, folder.path());
    assert_eq!(called_open(&stacks, folder.path()), open);
    // Else it was no question.
    assert!(
        (STACKS / 10..STACKS * 9 / 10).contains(&open.len()),
        "{}",
        open.len()
    );
}
