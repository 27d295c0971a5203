//! kill -9 of the verifier at random moments: nothing that was acknowledged is lost.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sekisho_tests::installation::{Plan, ask, attempt, call};
use sekisho_tests::radius::{Nas, random};
use sekisho_tests::{Door, Installation, Token, Verdict};
use sekisho_verifier_socket::admin::{self, Change, Verb};
use sekisho_verifier_socket::{self as socket, Client, Reply};

use crate::campaign;

/// So often the verifier is killed.
const KILLS: usize = 500;
/// Users at each kind of client; each has a token of its own.
const USERS: usize = 40;

/// What was acknowledged before a crash.
#[derive(Default)]
struct Acknowledged {
    /// Account and code of each accept.
    accepts: Vec<(String, String)>,
    /// Receipts of operations.
    receipts: Vec<String>,
}

/// What will be asked until the crash.
struct Load {
    logins: Vec<(String, String)>,
    radius: Vec<(String, String)>,
    serials: Vec<String>,
}

/// Logs in through the verifier's socket until nobody answers.
fn log_in(mut client: Client, logins: &[(String, String)], over: &AtomicBool) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for (account, code) in logins {
        match call(&mut client, attempt(account, code)) {
            Some(Reply::Decided {
                verdict: socket::Verdict::Accept,
                ..
            }) => {
                acknowledged.accepts.push((account.clone(), code.clone()));
            }
            Some(other) => panic!("a right code got {other:?}"),
            None => break,
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
    }
    acknowledged
}

/// Logs in through the RADIUS server until nobody answers.
fn dial_in(mut nas: Nas, logins: &[(String, String)], over: &AtomicBool) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for (account, code) in logins {
        let request = nas.prepare(account, code);
        match nas.ask(&request, Duration::from_millis(300)) {
            Verdict::Accept => acknowledged.accepts.push((account.clone(), code.clone())),
            Verdict::Reject => panic!("a right code was rejected"),
            Verdict::Silent => break,
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
    }
    acknowledged
}

/// Suspends and resumes tokens until nobody answers.
fn operate(mut client: Client, serials: &[String], over: &AtomicBool) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for serial in serials.iter().cycle() {
        for change in [Change::Suspend, Change::Resume] {
            let verb = Verb::Change {
                change,
                serial: serial.clone(),
                keep_sessions: false,
                note: None,
            };
            match ask(&mut client, verb) {
                Some(Ok(admin::Answer::Receipt(receipt))) => {
                    acknowledged.receipts.push(receipt.number);
                }
                // The crash before this one came between the two.
                Some(Err(_)) => {}
                Some(other) => panic!("{other:?}"),
                None => return acknowledged,
            }
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
    }
    acknowledged
}

/// Runs the load, kills the verifier after `pause`, and returns what had been acknowledged.
fn crash_under(made: &mut Installation, load: &Load, pause: Duration) -> Vec<Acknowledged> {
    let over = AtomicBool::new(false);
    let (first, second, nas) = (made.connect(), made.connect(), made.nas());
    let verifier = made.take_verifier();
    thread::scope(|scope| {
        let workers = [
            scope.spawn(|| log_in(first, &load.logins, &over)),
            scope.spawn(|| operate(second, &load.serials, &over)),
            scope.spawn(|| dial_in(nas, &load.radius, &over)),
        ];
        thread::sleep(pause);
        verifier.kill();
        over.store(true, Ordering::SeqCst);
        workers
            .map(|worker| worker.join().expect("workers do not fail"))
            .into()
    })
}

/// What was acknowledged holds, as the verifier says that was started again.
#[track_caller]
fn check(made: &Installation, acknowledged: &Acknowledged) {
    let mut client = made.connect();
    for (account, code) in &acknowledged.accepts {
        let Some(Reply::Decided { verdict, .. }) = call(&mut client, attempt(account, code)) else {
            panic!("no verdict after the crash");
        };
        assert_eq!(
            verdict,
            socket::Verdict::Reject,
            "{account}: a spent code works again"
        );
    }
    for number in &acknowledged.receipts {
        let shown = ask(&mut client, Verb::ReceiptShow(number.clone()));
        assert!(
            matches!(&shown, Some(Ok(admin::Answer::Receipt(r))) if r.number == *number),
            "receipt {number} is missing: {shown:?}"
        );
    }
}

#[test]
fn r45_kill_at_random_moments_500_times_loses_nothing_acknowledged() {
    let token = |n: usize| Token::new(&format!("user{n}"), &format!("SKTS{n:08}"));
    let tokens: Vec<Token> = (0..3 * USERS).map(token).collect();
    // Without learned drift: else who logs in early in each round moves the window.
    let mut made = Plan::default()
        .settings("[acceptance]\ndrift-steps = 0")
        .start();
    made.import(&tokens.iter().collect::<Vec<_>>());
    let (mut accepts, mut receipts) = (0, HashSet::new());
    // Six digits come again by chance, in so many steps, and what was spent is rejected rightly.
    let mut shown = HashSet::new();
    for _ in 0..KILLS * campaign() {
        // Three codes of each token are acceptable, and none of those of the round before.
        made.clock().advance(90);
        let mut codes = |tokens: &[Token]| {
            [-1, 0, 1]
                .iter()
                .flat_map(|offset| tokens.iter().map(move |t| (t, *offset)))
                .map(|(t, offset)| (t.account.clone(), made.code(t, offset)))
                .filter(|login| shown.insert(login.clone()))
                .collect()
        };
        let load = Load {
            logins: codes(&tokens[..USERS]),
            radius: codes(&tokens[USERS..2 * USERS]),
            serials: tokens[2 * USERS..]
                .iter()
                .map(|t| t.serial.clone())
                .collect(),
        };
        let pause = Duration::from_micros(u64::from(random()[0]) * 250);
        let acknowledged = crash_under(&mut made, &load, pause);
        made.start_verifier();
        for part in &acknowledged {
            check(&made, part);
            accepts += part.accepts.len();
            for number in &part.receipts {
                assert!(
                    receipts.insert(number.clone()),
                    "receipt {number} came twice"
                );
            }
        }
    }
    // Else nothing was under load.
    assert!(
        accepts > KILLS && receipts.len() > KILLS,
        "{accepts} and {}",
        receipts.len()
    );
    let recorded = made.count("right-code");
    assert!(
        recorded >= accepts,
        "{recorded} events for {accepts} accepts"
    );
}

#[test]
fn verifier_starts_again_without_its_index() {
    let hana = Token::new("hana", "SKTS00000001");
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Accept);
    let lost = made.json(&["suspend", "SKTS00000001"]);
    made.take_verifier().kill();
    for entry in std::fs::read_dir(made.data())
        .expect("the data folder")
        .flatten()
    {
        let name = entry.file_name();
        let is_truth = name.to_string_lossy().contains("journal") || name == "master.key";
        if is_truth || entry.path().is_file() {
            continue;
        }
        std::fs::remove_dir_all(entry.path()).expect("the index is disposable");
    }
    made.start_verifier();
    assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Reject);
    let number = lost["number"].as_str().expect("a receipt has a number");
    made.sekisho(&["receipt", "show", number]).expect_success();
}

#[test]
fn radius_server_outlives_a_crash_of_the_verifier() {
    let hana = Token::new("hana", "SKTS00000001");
    let mut made = Installation::with(&[&hana]);
    for offset in [-1, 0, 1] {
        let code = made.code(&hana, offset);
        assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Accept);
        made.crash_verifier();
        assert_eq!(made.login(Door::Radius, "hana", &code), Verdict::Reject);
    }
}
