//! What the help desk is told of codes that were refused: to which token they fit, and how far its
//! clock is off; and the alarms of codes that came twice from different places.
//!
//! It is found out behind the answer, on a thread of its own, from what little is handed to it; when
//! there is too much, some of it is never found out. The string itself is wiped then: what is kept, for a
//! day, sealed, says only what it fitted.

mod examine;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use minicbor::{Decode, Encode};
use sekisho_daemon::Log;
use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::What;
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::place::Place;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Kind, Position, Record, StoreError};
use sekisho_verifier::time::Time;
use sekisho_verifier::token::Token;
use sekisho_verifier::verify::{Duplicate, Verifier};
use zeroize::Zeroizing;

use crate::decider::Queue;
use crate::sealed_file::{self, Sealed};
use crate::views;

/// How long a finding is kept.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The most findings that are kept, and the most of one account.
const FINDINGS_MAX: usize = 4_096;
const OF_ONE_MAX: usize = 32;
/// Refused codes that wait to be looked at, and spent ones, which may be an alarm.
const WRONG_MAX: usize = 64;
const WRONG_OF_ONE_MAX: usize = 4;
const SPENT_MAX: usize = 256;
const SPENT_OF_ONE_MAX: usize = 2;
/// The most alarms of one account that are told.
const ALARMS_OF_ONE: usize = 3;
/// The pause after each, so that whoever tries codes does not take the processor from logins.
const PAUSE: Duration = Duration::from_millis(20);
/// How often findings are written down, at most.
const WRITES: Duration = Duration::from_secs(5);
/// Tokens in stock that are looked at for one code.
const STOCK_TOKENS: usize = 4_000;
/// Tokens in one look at the store, behind each of which there is the pause, and looks for one code.
const TOKENS_A_LOOK: usize = 500;
const STOCK_LOOKS: usize = 100;
/// Events that are looked at for the first use of a code, in so many looks.
const EVENTS_A_LOOK: usize = 5_000;
const LOOKS: usize = 4;

/// What findings are sealed for.
const PURPOSE: &[u8] = b"sekisho findings 1";
/// Their file in the data folder.
const FILE: &str = "findings";
/// The most octets of that file.
const FILE_OCTETS: usize = FINDINGS_MAX * 1_024;

/// What a code that was refused fits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Fit {
    /// A token in use, so many steps from where it would be right; ahead is positive.
    #[n(0)]
    Off {
        #[n(0)]
        serial: Serial,
        #[n(1)]
        steps: i64,
    },
    /// A token of the account that is not in use.
    #[n(1)]
    Ended {
        #[n(0)]
        serial: Serial,
        #[n(1)]
        steps: i64,
    },
    /// A token that nobody uses yet.
    #[n(2)]
    Stock {
        #[n(0)]
        serial: Serial,
    },
    /// It was accepted before.
    #[n(3)]
    Used {
        #[n(0)]
        serial: Serial,
        /// When and where, if that is known.
        #[n(1)]
        first: Option<First>,
        /// Whether it came from elsewhere then: somebody may have copied it.
        #[n(2)]
        elsewhere: bool,
    },
    /// An emergency code, which was accepted.
    #[n(4)]
    Emergency,
}

/// When and where a code was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct First {
    #[n(0)]
    pub(crate) time: Time,
    #[n(1)]
    pub(crate) place: Option<Place>,
}

/// What was found out about one login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Finding {
    #[n(0)]
    pub(crate) time: Time,
    /// Its event.
    #[n(1)]
    pub(crate) position: Position,
    #[n(2)]
    pub(crate) account: AccountName,
    #[n(3)]
    pub(crate) place: Place,
    #[n(4)]
    pub(crate) fit: Fit,
}

impl Finding {
    /// Whether operators are warned of it.
    fn is_alarm(&self) -> bool {
        matches!(
            self.fit,
            Fit::Emergency
                | Fit::Used {
                    elsewhere: true,
                    ..
                }
        )
    }
}

impl std::fmt::Display for Finding {
    /// For operators, who are warned.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { account, place, .. } = self;
        let time = views::wall_clock(self.time);
        match &self.fit {
            Fit::Emergency => {
                write!(
                    f,
                    "{account} has logged in with an emergency code at {place} at {time}"
                )
            }
            Fit::Used { serial, first, .. } => {
                write!(f, "a code of token {serial} that {account} had used ")?;
                if let Some(First {
                    time,
                    place: Some(place),
                }) = first
                {
                    write!(f, "at {place} at {} ", views::wall_clock(*time))?;
                }
                write!(
                    f,
                    "was tried again at {place} at {time}: somebody may have copied it"
                )
            }
            _ => write!(f, "a login of {account} at {place} at {time} was refused"),
        }
    }
}

/// A login that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) time: Time,
    pub(crate) position: Position,
    pub(crate) account: AccountName,
    pub(crate) place: Place,
}

impl Login {
    fn finding(&self, fit: Fit) -> Finding {
        Finding {
            time: self.time,
            position: self.position,
            account: self.account.clone(),
            place: self.place.clone(),
            fit,
        }
    }
}

#[derive(Default)]
struct Inbox {
    /// Codes that were accepted before. These first: there are few, because each was once right.
    spent: VecDeque<(Login, Duplicate)>,
    /// Codes that fitted nothing.
    wrong: VecDeque<(Login, Zeroizing<Vec<u8>>)>,
    ending: bool,
}

/// What is known, and what is still to be looked at.
pub(crate) struct Findings {
    kept: Mutex<VecDeque<Finding>>,
    /// Something is not written down yet.
    changed: AtomicBool,
    inbox: Mutex<Inbox>,
    filled: Condvar,
}

impl std::fmt::Debug for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Findings(..)")
    }
}

impl Findings {
    /// With what was kept of before.
    pub(crate) fn new(kept: Vec<Finding>) -> Self {
        Self {
            kept: Mutex::new(kept.into()),
            changed: AtomicBool::new(false),
            inbox: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    /// Hands a wrong code over, if there is room for it. Never waits.
    pub(crate) fn was_wrong(&self, login: Login, code: Zeroizing<Vec<u8>>) {
        let mut inbox = self.inbox();
        let own = inbox
            .wrong
            .iter()
            .filter(|(known, _)| known.account == login.account);
        if inbox.wrong.len() < WRONG_MAX && own.count() < WRONG_OF_ONE_MAX {
            inbox.wrong.push_back((login, code));
            self.filled.notify_one();
        }
    }

    /// Hands a code over that was accepted before. Never waits.
    pub(crate) fn was_spent(&self, login: Login, duplicate: Duplicate) {
        let mut inbox = self.inbox();
        // Whoever sends their own code again and again must not take the room of others' alarms.
        let own = inbox
            .spent
            .iter()
            .filter(|(known, _)| known.account == login.account);
        if inbox.spent.len() < SPENT_MAX && own.count() < SPENT_OF_ONE_MAX {
            inbox.spent.push_back((login, duplicate));
            self.filled.notify_one();
        }
    }

    /// An emergency code was accepted.
    pub(crate) fn emergency(&self, login: &Login) {
        self.keep(login.finding(Fit::Emergency));
    }

    /// Keeps a finding.
    pub(crate) fn keep(&self, finding: Finding) {
        let mut kept = self.kept();
        // The same code once more at the same place is no other alarm.
        let same = |known: &Finding| {
            known.account == finding.account
                && known.place == finding.place
                && known.fit == finding.fit
                && matches!(known.fit, Fit::Used { .. })
        };
        kept.retain(|known| !same(known));
        let of_one = |known: &&Finding| known.account == finding.account;
        let full = kept.len() >= FINDINGS_MAX;
        if kept.iter().filter(of_one).count() >= OF_ONE_MAX {
            // The oldest that is no alarm, if there is one.
            let own = |known: &Finding| known.account == finding.account;
            let oldest = kept
                .iter()
                .position(|known| own(known) && !known.is_alarm())
                .or_else(|| kept.iter().position(own));
            oldest.and_then(|at| kept.remove(at));
        } else if full {
            let oldest = kept.iter().position(|known| !known.is_alarm());
            kept.remove(oldest.unwrap_or(0));
        }
        kept.push_back(finding);
        self.changed.store(true, Ordering::Release);
    }

    /// What is known of an account, the newest first.
    pub(crate) fn of(&self, account: &AccountName, now: Time) -> Vec<Finding> {
        let kept = self.kept();
        let wanted = |finding: &&Finding| finding.account == *account && is_kept(finding, now);
        kept.iter().rev().filter(wanted).cloned().collect()
    }

    /// What operators are to be warned of, the newest first.
    pub(crate) fn alarms(&self, now: Time) -> Vec<Finding> {
        let kept = self.kept();
        let mut told: HashMap<&AccountName, usize> = HashMap::new();
        let alarms = kept.iter().rev();
        let alarms = alarms.filter(|finding| finding.is_alarm() && is_kept(finding, now));
        let alarms = alarms.filter(|finding| {
            let count = told.entry(&finding.account).or_default();
            *count += 1;
            *count <= ALARMS_OF_ONE
        });
        alarms.cloned().collect()
    }

    /// Lets the thread end.
    pub(crate) fn end(&self) {
        self.inbox().ending = true;
        self.filled.notify_one();
    }

    fn next(&self, patience: Duration) -> Next {
        let mut inbox = self.inbox();
        loop {
            if let Some((login, duplicate)) = inbox.spent.pop_front() {
                return Next::Spent(login, duplicate);
            }
            if inbox.ending {
                return Next::End;
            }
            if let Some((login, code)) = inbox.wrong.pop_front() {
                return Next::Wrong(login, code);
            }
            let (woken, waited) = self
                .filled
                .wait_timeout(inbox, patience)
                .unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return Next::Nothing;
            }
            inbox = woken;
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Finding>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Spent(Login, Duplicate),
    Wrong(Login, Zeroizing<Vec<u8>>),
    Nothing,
    End,
}

fn is_kept(finding: &Finding, now: Time) -> bool {
    now < finding.time.after(LIFE)
}

/// What was kept of before, if it can be had. A day of findings is no reason not to start.
pub(crate) fn load(
    data: &std::path::Path,
    keyring: &Keyring,
    now: Time,
    log: &Log,
) -> Vec<Finding> {
    let why = match sealed_file::read(&data.join(FILE), keyring, PURPOSE, FILE_OCTETS) {
        Ok((clear, _)) => match minicbor::decode::<Vec<Finding>>(&clear) {
            Ok(mut findings) => {
                // Of a clock that was ahead then nothing would ever be too old.
                findings.retain(|finding| is_kept(finding, now) && finding.time <= now);
                findings.truncate(FINDINGS_MAX);
                return findings;
            }
            Err(_) => "it is not as it was written".to_owned(),
        },
        Err(Sealed::Missing) => return Vec::new(),
        Err(Sealed::DoesNotOpen) => "it does not open".to_owned(),
        Err(Sealed::Unread(why)) => why,
    };
    log.warning(format_args!(
        "what was found out about failed codes is lost: {FILE}: {why}"
    ));
    Vec::new()
}

/// Finds out what refused codes fit.
pub(crate) struct Finder {
    pub(crate) findings: Arc<Findings>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) queue: Queue,
    pub(crate) data: PathBuf,
    pub(crate) log: Log,
    pub(crate) clock: fn() -> Time,
}

impl Finder {
    /// Starts the thread. It holds a way to the decider, so it has to be ended before that.
    pub(crate) fn start(self) -> std::io::Result<JoinHandle<()>> {
        let thread = std::thread::Builder::new().name("findings".into());
        thread.spawn(move || self.run())
    }

    fn run(self) {
        let mut written = Instant::now();
        loop {
            let found = match self.findings.next(WRITES) {
                Next::Spent(login, duplicate) => Some(self.spent(&login, duplicate)),
                Next::Wrong(login, code) => self.wrong(&login, &code),
                Next::Nothing => None,
                Next::End => break,
            };
            if let Some(finding) = found {
                self.findings.keep(finding);
            }
            if written.elapsed() >= WRITES {
                self.forget_old();
                self.write();
                written = Instant::now();
            }
            std::thread::sleep(PAUSE);
        }
        self.write();
    }

    /// A code that was accepted before: when and where, and whether that is an alarm.
    fn spent(&self, login: &Login, duplicate: Duplicate) -> Finding {
        let Duplicate {
            serial, step, used, ..
        } = duplicate;
        let first = match used {
            Some(used) => Some(First {
                time: used.time,
                place: used.place,
            }),
            None => self.first_use(&serial, step),
        };
        let place = first.as_ref().and_then(|first| first.place.as_ref());
        let elsewhere = place.is_some_and(|place| place.is_elsewhere(&login.place));
        let finding = login.finding(Fit::Used {
            serial,
            first,
            elsewhere,
        });
        if elsewhere {
            self.log.warning(&finding);
        }
        finding
    }

    fn wrong(&self, login: &Login, code: &[u8]) -> Option<Finding> {
        let tokens = self.tokens_of(&login.account)?;
        if let Some(fit) = examine::own(&self.verifier, &tokens, code, login.time) {
            return Some(login.finding(fit));
        }
        let fits = |token: &Token| examine::stock(&self.verifier, token, code, login.time);
        let serial = self.find_in_stock(fits)?;
        Some(login.finding(Fit::Stock { serial }))
    }

    /// The tokens of an account, those that have ended as well; none if there is no account.
    fn tokens_of(&self, account: &AccountName) -> Option<Vec<Token>> {
        let account = account.clone();
        let tokens = self.queue.look_here(move |store| {
            let view = store.view();
            let mut tokens = Vec::new();
            if let Some(account) = view.account_by_any_name(&account)? {
                for serial in account.serials.iter().chain(&account.ended) {
                    tokens.extend(view.token(serial)?);
                }
            }
            Ok::<_, StoreError>(tokens)
        })?;
        tokens.ok()
    }

    fn find_in_stock(&self, fits: impl Fn(&Token) -> bool) -> Option<Serial> {
        let mut after: Option<Serial> = None;
        let mut left = STOCK_TOKENS;
        for _ in 0..STOCK_LOOKS {
            let from = after.take().map(Key::Token);
            let look = move |store: &dyn sekisho_verifier::store::Store| {
                store.list(Kind::Tokens, from.as_ref(), TOKENS_A_LOOK)
            };
            let page = self.queue.look_here(look)?.ok()?;
            for record in page {
                if let Record::Token(token) = record {
                    if token.state == TokenState::InStock {
                        if fits(&token) {
                            return Some(token.serial);
                        }
                        left = left.checked_sub(1)?;
                    }
                    after = Some(token.serial);
                }
            }
            after.as_ref()?;
            std::thread::sleep(PAUSE);
        }
        None
    }

    /// When and where the code of this step was accepted, by the journal.
    fn first_use(&self, serial: &Serial, step: u64) -> Option<First> {
        let mut before = None;
        for _ in 0..LOOKS {
            let serial = serial.clone();
            let look = move |store: &dyn sekisho_verifier::store::Store| {
                store.events(before, 1, EVENTS_A_LOOK, &|event| match &event.what {
                    What::Login(login) => {
                        login.reason.spends()
                            && login.serial.as_ref() == Some(&serial)
                            && login.step == Some(step)
                    }
                    What::Operation(_) | What::Session(_) => false,
                })
            };
            let page = self.queue.look_here(look)?.ok()?;
            if let Some((_, event)) = page.events.into_iter().next() {
                let What::Login(login) = event.what else {
                    return None;
                };
                return Some(First {
                    time: event.time,
                    place: Some(login.place),
                });
            }
            before = Some(page.more_before?);
        }
        None
    }

    fn forget_old(&self) {
        let now = (self.clock)();
        let mut kept = self.findings.kept();
        let before = kept.len();
        kept.retain(|finding| is_kept(finding, now));
        if kept.len() < before {
            self.findings.changed.store(true, Ordering::Release);
        }
    }

    /// Writes all of it down, if there is anything new.
    fn write(&self) {
        if !self.findings.changed.swap(false, Ordering::AcqRel) {
            return;
        }
        let findings: Vec<Finding> = self.findings.kept().iter().cloned().collect();
        let path = self.data.join(FILE);
        let written = minicbor::to_vec(&findings)
            .map_err(|error| error.to_string())
            .and_then(|clear| {
                let written = sealed_file::write(&path, self.verifier.keyring(), PURPOSE, &clear);
                written.map_err(|error| error.to_string())
            });
        if let Err(error) = written {
            let log = &self.log;
            log.warning(format_args!("{FILE} can not be written: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::place::Door;
    use sekisho_verifier::seal::{DataKey, KEY_OCTETS};

    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn place(door: Door, name: &str, terminal: Option<&str>, remote: Option<&str>) -> Place {
        Place::new(door, name, terminal, remote)
    }

    fn finding(account: &str, position: u64, fit: Fit) -> Finding {
        Finding {
            time: NOW,
            position,
            account: AccountName::parse(account).expect("a name"),
            place: place(Door::Pam, "sshd", None, None),
            fit,
        }
    }

    fn off(account: &str, position: u64) -> Finding {
        let serial = Serial::parse("SKTS1").expect("a serial");
        finding(account, position, Fit::Off { serial, steps: 4 })
    }

    fn name(text: &str) -> AccountName {
        AccountName::parse(text).expect("a name")
    }

    #[test]
    fn findings_are_bounded_and_alarms_go_last() {
        let findings = Findings::new(Vec::new());
        findings.keep(finding("hana", 0, Fit::Emergency));
        for position in 1..100 {
            findings.keep(off("hana", position));
        }
        let of = findings.of(&name("hana"), NOW);
        assert_eq!(of.len(), OF_ONE_MAX);
        assert_eq!(of[0].position, 99);
        assert_eq!(findings.alarms(NOW).len(), 1);
        for account in 0..FINDINGS_MAX as u64 {
            findings.keep(off(&format!("user{account}"), account));
        }
        assert_eq!(findings.kept().len(), FINDINGS_MAX);
        assert_eq!(findings.alarms(NOW).len(), 1);
    }

    #[test]
    fn a_day_later_nothing_is_known() {
        let findings = Findings::new(vec![off("hana", 1)]);
        let hana = name("hana");
        let last = Time::from_millis(NOW.after(LIFE).millis() - 1);
        assert_eq!(findings.of(&hana, last).len(), 1);
        assert_eq!(findings.of(&hana, NOW.after(LIFE)).len(), 0);
        assert_eq!(findings.of(&name("mori"), NOW).len(), 0);
    }

    #[test]
    fn what_waits_to_be_looked_at_is_bounded_and_alarms_go_first() {
        let findings = Findings::new(Vec::new());
        let login = |position| Login {
            time: NOW,
            position,
            account: name("hana"),
            place: place(Door::Pam, "sshd", None, None),
        };
        let duplicate = Duplicate {
            account: name("hana"),
            serial: Serial::parse("SKTS1").expect("a serial"),
            step: 1,
            used: None,
        };
        for position in 0..1_000 {
            let code = Zeroizing::new(b"123456".to_vec());
            findings.was_wrong(login(position), code.clone());
            let mut other = login(position);
            other.account = name(&format!("user{position}"));
            findings.was_wrong(other, code);
        }
        for position in 0..1_000 {
            findings.was_spent(login(position), duplicate.clone());
        }
        assert_eq!(findings.inbox().spent.len(), SPENT_OF_ONE_MAX);
        for position in 0..1_000 {
            let mut login = login(position);
            login.account = name(&format!("user{position}"));
            findings.was_spent(login, duplicate.clone());
        }
        let next = || findings.next(Duration::ZERO);
        let spent = (0..1_000).take_while(|_| matches!(next(), Next::Spent(..)));
        assert_eq!(spent.count(), SPENT_MAX);
        // One was taken to see that it is the first.
        let wrong = (0..1_000).take_while(|_| matches!(next(), Next::Wrong(..)));
        assert_eq!(wrong.count(), WRONG_MAX - 1);
        assert!(matches!(next(), Next::Nothing));
        findings.end();
        assert!(matches!(next(), Next::End));
    }

    #[test]
    fn findings_outlast_a_restart_and_hold_no_code() {
        let folder = tempfile::tempdir().expect("folder");
        let keyring = Keyring::new(DataKey::new(1, &[1; KEY_OCTETS]));
        let settings = sekisho_settings::Settings::parse(
            std::path::Path::new("s.toml"),
            "[log]\nsyslog = false\nstderr = false\n",
        );
        let log = Log::start(&settings.expect("settings").log, "test").expect("a log");
        let serial = Serial::parse("SKTS1").expect("a serial");
        let first = First {
            time: NOW,
            place: Some(place(Door::Radius, "gw1", None, Some("a"))),
        };
        let used = Fit::Used {
            serial,
            first: Some(first),
            elsewhere: true,
        };
        let kept = vec![off("hana", 1), finding("mori", 2, used)];
        let clear = minicbor::to_vec(&kept).expect("octets");
        assert!(clear.len() < FILE_OCTETS);
        sealed_file::write(&folder.path().join(FILE), &keyring, PURPOSE, &clear).expect("written");
        assert_eq!(load(folder.path(), &keyring, NOW, &log), kept);
        assert_eq!(load(folder.path(), &keyring, NOW.after(LIFE), &log), []);
        let other = Keyring::new(DataKey::new(2, &[2; KEY_OCTETS]));
        assert_eq!(load(folder.path(), &other, NOW, &log), []);
    }
}
