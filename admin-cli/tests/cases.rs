//! Each file in `tests/cases` is one run of the program.
//!
//! ```text
//! # What this case claims.
//! $ arguments, `{dir}` is a folder of its own, `{socket}` its socket
//! file NAME MODE          (lines that begin with `| ` follow: its content)
//! stdin TEXT              (one line; several come in order)
//! hide TEXT               (the word that follows it in what is printed is new each time)
//! < an answer of the verifier, see harness/answers.rs
//! > a verb that it was asked, `[once for KEY]` behind it if a request key came with it, and
//!   `[approved as NUMBER]` if it waited for a second person
//! exit CODE
//! out | what is printed
//! err | what goes to standard error
//! ja out | what is printed where the locale of the caller is Japanese, and `ja err |` as well;
//! ja same  stands there if it is what is printed in English, as it is for programs
//! ```
//!
//! `UPDATE_CASES=1 cargo test --test cases` writes what is expected; read the difference.

mod harness;

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::verifier::FakeVerifier;
use harness::{answers, run, sekisho, text};
use sekisho_verifier_socket::Language;

const GIVEN: [&str; 7] = ["# ", "$ ", "file ", "| ", "stdin ", "hide ", "< "];

#[test]
fn every_case_file_holds() {
    let mut failed = Vec::new();
    let mut count = 0;
    for path in case_files() {
        let case = fs::read_to_string(&path).expect("a case");
        let played = play(&case);
        count += 1;
        if played == case {
            continue;
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, played).expect("written");
        } else {
            failed.push(format!("{}\n--- got\n{played}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 30, "only {count} cases were found");
}

/// Every command has its help page among the cases.
#[test]
fn every_help_page_is_a_case() {
    let mut pages = vec![String::new()];
    let mut seen = 0;
    while let Some(command) = pages.pop() {
        let arguments = command.split_whitespace().chain(["--help"]);
        let help = run(sekisho().args(arguments), "");
        let help = String::from_utf8(help.stdout).expect("UTF-8");
        let line = format!("$ {}\n", format!("{command} --help").trim());
        let covered =
            case_files().any(|path| fs::read_to_string(path).expect("a case").contains(&line));
        assert!(covered, "no case for {line}");
        seen += 1;
        pages.extend(subcommands(&help).map(|name| format!("{command} {name}").trim().to_owned()));
    }
    assert!(seen >= 25, "only {seen} pages");
}

fn subcommands(help: &str) -> impl Iterator<Item = &str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
}

fn case_files() -> impl Iterator<Item = PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.into_iter()
}

/// Runs a case in both languages and writes it as it turned out.
fn play(case: &str) -> String {
    let given = case
        .lines()
        .filter(|line| GIVEN.iter().any(|start| line.starts_with(start)));
    let given: Vec<&str> = given.collect();
    let english = play_in(Language::English, &given);
    let japanese = play_in(Language::Japanese, &given);
    let mut played = given.join("\n") + "\n";
    for asked in &english.asked {
        writeln!(played, "> {asked}").expect("to a string");
    }
    writeln!(played, "exit {}", english.exit).expect("to a string");
    played += &lines("out", &english.out);
    played += &lines("err", &english.err);
    if (japanese.exit, &japanese.asked) != (english.exit, &english.asked) {
        writeln!(
            played,
            "ja exit {}, asked {:?}",
            japanese.exit, japanese.asked
        )
        .expect("to a string");
    }
    if (&japanese.out, &japanese.err) == (&english.out, &english.err) {
        return played + "ja same\n";
    }
    played += &lines("ja out", &japanese.out);
    played += &lines("ja err", &japanese.err);
    played
}

/// What came of one run.
struct Played {
    asked: Vec<String>,
    exit: i32,
    out: String,
    err: String,
}

fn play_in(language: Language, given: &[&str]) -> Played {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let socket = at.join("verifier.sock");
    make_files(given, at);
    let replies: Vec<_> = with(given, "< ").map(answers::reply).collect();
    let verifier = (!replies.is_empty()).then(|| FakeVerifier::start(&socket, replies));
    let arguments = with(given, "$ ").next().expect("arguments");
    let fill = |word: String| {
        word.replace("{dir}", at.to_str().expect("UTF-8"))
            .replace("{socket}", socket.to_str().expect("UTF-8"))
    };
    let arguments: Vec<_> = answers::words(arguments).into_iter().map(fill).collect();
    // Programs read English whatever the locale is; a case may say itself what is spoken.
    let own = given
        .iter()
        .any(|line| line.contains("--language") || line.contains("[language]"));
    let expected = match arguments.iter().any(|word| word == "--json") {
        true => Some(Language::English),
        false => (!own).then_some(language),
    };
    let stdin: String = with(given, "stdin ")
        .map(|line| format!("{line}\n"))
        .collect();
    let mut program = sekisho();
    program.args(arguments);
    if language == Language::Japanese {
        program.env("LANG", "ja_JP.UTF-8");
    }
    let done = run(&mut program, &stdin);
    let asked = verifier.into_iter().flat_map(FakeVerifier::asked);
    let asked = asked.map(|asked| {
        let as_expected = expected.is_none() || asked.language == expected;
        assert!(as_expected, "{:?} of {:?}", asked.language, asked.verb);
        let key = asked.key;
        let key = key.map_or(String::new(), |key| format!(" [once for {key}]"));
        let approval = asked.approval;
        let approval = approval.map_or(String::new(), |number| format!(" [approved as {number}]"));
        format!("{:?}{key}{approval}", asked.verb)
    });
    let (mut out, mut err) = (text(&done.stdout, at), text(&done.stderr, at));
    for start in with(given, "hide ") {
        let (_, behind) = out.split_once(start).expect("what is to be hidden");
        let ends = |c: char| c == '"' || c.is_whitespace();
        let word = behind.split(ends).next().expect("a word").to_owned();
        assert!(word.len() > 8, "{word} is not random");
        out = out.replace(&word, "(new)");
        err = err.replace(&word, "(new)");
    }
    Played {
        asked: asked.collect(),
        exit: done.status.code().expect("no signal"),
        out,
        err,
    }
}

fn lines(name: &str, text: &str) -> String {
    let line = |line: &str| format!("{name} | {line}").trim_end().to_owned() + "\n";
    text.lines().map(line).collect()
}

fn with<'a>(given: &'a [&'a str], start: &'a str) -> impl Iterator<Item = &'a str> {
    given
        .iter()
        .filter_map(move |line| line.strip_prefix(start))
}

fn make_files(given: &[&str], folder: &Path) {
    let mut current = None;
    for line in given {
        if let Some(about) = line.strip_prefix("file ") {
            let (name, mode) = about.split_once(' ').expect("name and mode");
            let path = folder.join(name);
            fs::write(&path, "").expect("written");
            let mode = u32::from_str_radix(mode, 8).expect("octal");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
            current = Some(path);
        } else if let (Some(content), Some(path)) = (line.strip_prefix("| "), &current) {
            let before = fs::read_to_string(path).expect("read");
            fs::write(path, before + content + "\n").expect("written");
        }
    }
}
