//! What waits for a second person.
//!
//! A verb that takes two people is not carried out when it is asked for. It gets a number, another
//! admin says yes, and then the first one sends the very same verb again. What is approved is one
//! verb, to the octet, of one user, once, within [`LIFE`]. It is all in memory: a restart forgets
//! what waits, and whoever wanted it asks again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_settings::Approved;
use sekisho_verifier::event::{Actor, RequestKey};
use sekisho_verifier::receipt::ALPHABET;
use sekisho_verifier_socket::admin::{ApprovalView, Verb};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::clock::Moment;

/// How long something waits, and how long an approval is good.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// For ever, for something that was done already.
const HELD: Duration = Duration::from_secs(10 * 365 * 86_400);
/// The most that wait, or were settled and are still told of.
const OPEN_MAX: usize = 64;
/// The most of one user.
const OPEN_OF_ONE_MAX: usize = 8;
/// Characters of a number.
pub(crate) const NUMBER_CHARACTERS: usize = 6;
/// The most octets of names in what a second person is shown.
const DETAIL_OCTETS: usize = 3_500;

/// What exactly is to be done: an operation, and the octets of its verb in a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) operation: Approved,
    digest: [u8; 32],
}

impl Subject {
    /// `verb` to the octet, and what else it depends on.
    pub(crate) fn new(operation: Approved, verb: &Verb, depends: &[u8]) -> Option<Self> {
        let verb = Zeroizing::new(minicbor::to_vec(verb).ok()?);
        let digest = Sha256::new()
            .chain_update((verb.len() as u64).to_be_bytes())
            .chain_update(&*verb)
            .chain_update(depends);
        Some(Self {
            operation,
            digest: digest.finalize().into(),
        })
    }
}

/// Why a verb does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotApproved {
    /// There is no such number, or it is another user's or another verb's: which, nobody is told.
    Unknown,
    /// Nobody has said yes yet.
    Waiting,
    /// Somebody said no.
    Refused,
    /// It waited too long.
    Over,
    /// It was good once.
    Used,
}

/// Why somebody can not settle something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSettled {
    /// There is no such number.
    Unknown,
    /// Who asked can not approve.
    Own,
    /// It was settled, or another is settling it.
    Settled,
    /// It waited too long.
    Over,
}

/// Too much waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Waiting,
    /// Somebody's word is being written down.
    Settling,
    Approved(Actor),
    Refused(Actor),
    /// With the key of the request that used it.
    Used(Actor, Option<RequestKey>),
}

#[derive(Debug)]
struct Asked {
    number: String,
    subject: Subject,
    detail: String,
    asker: Actor,
    /// Who that is: root may be somebody who is known by another uid as well.
    person: u32,
    until: Moment,
    state: State,
}

impl Asked {
    fn is_over(&self, now: Moment) -> bool {
        now.wall >= self.until.wall || now.running >= self.until.running
    }

    /// Nothing can come of it any more.
    fn is_done(&self, now: Moment) -> bool {
        match self.state {
            State::Settling => false,
            State::Waiting | State::Approved(_) => self.is_over(now),
            State::Refused(_) | State::Used(..) => true,
        }
    }

    fn view(&self, now: Moment) -> ApprovalView {
        let (state, by) = match &self.state {
            State::Refused(by) => ("refused", Some(by)),
            State::Used(by, _) => ("used", Some(by)),
            State::Approved(by) if self.is_over(now) => ("over", Some(by)),
            State::Approved(by) => ("approved", Some(by)),
            State::Waiting if self.is_over(now) => ("over", None),
            State::Waiting | State::Settling => ("waiting", None),
        };
        ApprovalView {
            number: written(&self.number),
            operation: name(self.subject.operation).to_owned(),
            detail: self.detail.clone(),
            asked_by: self.asker.to_string(),
            until_ms: self.until.wall.millis(),
            state: state.to_owned(),
            settled_by: by.map(ToString::to_string),
        }
    }
}

/// What waits, for all connections.
#[derive(Debug)]
pub(crate) struct Approvals {
    operations: Mutex<Vec<Approved>>,
    open: Mutex<Vec<Asked>>,
    /// Counts what was settled, so that who waits looks again.
    settled: watch::Sender<u64>,
}

impl Approvals {
    /// Nothing waits yet; these operations will.
    pub(crate) fn new(operations: Vec<Approved>) -> Self {
        Self {
            operations: Mutex::new(operations),
            open: Mutex::default(),
            settled: watch::Sender::new(0),
        }
    }

    /// From now on these operations wait.
    pub(crate) fn set_operations(&self, operations: Vec<Approved>) {
        *self.operations() = operations;
    }

    /// Whether this operation takes two people.
    pub(crate) fn takes_two(&self, operation: Approved) -> bool {
        self.operations().contains(&operation)
    }

    /// Takes note that `asker` wants something; the same once more is the same. Whether it is new
    /// comes back with it.
    pub(crate) fn ask(
        &self,
        subject: Subject,
        detail: String,
        (asker, person): (&Actor, u32),
        number: String,
        now: Moment,
    ) -> Result<(ApprovalView, bool), Full> {
        let mut open = self.open();
        let same = |asked: &&Asked| {
            asked.asker.uid == asker.uid && asked.subject == subject && !asked.is_done(now)
        };
        if let Some(asked) = open.iter().find(same) {
            return Ok((asked.view(now), false));
        }
        let of_one = |asked: &&Asked| asked.asker.uid == asker.uid && !asked.is_done(now);
        if open.iter().filter(of_one).count() >= OPEN_OF_ONE_MAX {
            return Err(Full);
        }
        if open.len() >= OPEN_MAX {
            let done = open.iter().position(|asked| asked.is_done(now));
            open.remove(done.ok_or(Full)?);
        }
        // Drawn at random; that it is there already happens to nobody.
        if open.iter().any(|asked| asked.number == number) {
            return Err(Full);
        }
        let asked = Asked {
            number,
            subject,
            detail,
            asker: asker.clone(),
            person,
            until: Moment {
                wall: now.wall.after(LIFE),
                running: now.running + LIFE,
            },
            state: State::Waiting,
        };
        let view = asked.view(now);
        open.push(asked);
        Ok((view, true))
    }

    /// Takes note of what was done already and waits for a second person all the same, without an end.
    pub(crate) fn hold(
        &self,
        operation: Approved,
        (asker, person): (&Actor, u32),
        number: String,
        now: Moment,
    ) {
        self.open().push(Asked {
            number,
            subject: Subject {
                operation,
                digest: [0; 32],
            },
            detail: String::new(),
            asker: asker.clone(),
            person,
            until: Moment {
                wall: now.wall.after(HELD),
                running: now.running + HELD,
            },
            state: State::Waiting,
        });
    }

    /// Forgets what could not be written down.
    pub(crate) fn forget(&self, number: &str) {
        let number = read(number);
        self.open()
            .retain(|asked| Some(&asked.number) != number.as_ref());
    }

    /// Begins to settle something in the name of `by`: from here on nobody else can, until
    /// [`Self::settle`]. Who asked can only refuse.
    pub(crate) fn begin_to_settle(
        &self,
        number: &str,
        (by, person): (&Actor, u32),
        refuse: bool,
        now: Moment,
    ) -> Result<ApprovalView, NotSettled> {
        let mut open = self.open();
        let asked = find(&mut open, number).ok_or(NotSettled::Unknown)?;
        // Two names of one uid are one person, and so is who became another.
        let own = asked.asker.uid == by.uid
            || asked.person == person
            || asked.asker.uid == person
            || asked.person == by.uid;
        if !refuse && own {
            return Err(NotSettled::Own);
        }
        match asked.state {
            State::Waiting if asked.is_over(now) => Err(NotSettled::Over),
            State::Waiting => {
                asked.state = State::Settling;
                Ok(asked.view(now))
            }
            _ => Err(NotSettled::Settled),
        }
    }

    /// Ends what [`Self::begin_to_settle`] began: `by` said yes or no, and that is written down; or
    /// nothing is, and it waits on.
    pub(crate) fn settle(
        &self,
        number: &str,
        said: Option<(&Actor, bool)>,
        now: Moment,
    ) -> Option<ApprovalView> {
        let mut open = self.open();
        let asked = find(&mut open, number)?;
        if asked.state != State::Settling {
            return None;
        }
        asked.state = match said {
            None => State::Waiting,
            Some((by, true)) => State::Refused(by.clone()),
            Some((by, false)) => State::Approved(by.clone()),
        };
        let view = asked.view(now);
        drop(open);
        self.settled.send_modify(|count| *count += 1);
        Some(view)
    }

    /// Takes an approval for exactly this: it is good once. A request with a key that used it may
    /// come again, because nothing is done twice for one key. Who approved comes back.
    pub(crate) fn take(
        &self,
        number: &str,
        subject: &Subject,
        uid: u32,
        key: Option<&RequestKey>,
        now: Moment,
    ) -> Result<Actor, NotApproved> {
        let mut open = self.open();
        let asked = find(&mut open, number).ok_or(NotApproved::Unknown)?;
        if asked.asker.uid != uid || asked.subject != *subject {
            return Err(NotApproved::Unknown);
        }
        if asked.is_over(now) {
            return Err(NotApproved::Over);
        }
        match &asked.state {
            State::Waiting | State::Settling => Err(NotApproved::Waiting),
            State::Refused(_) => Err(NotApproved::Refused),
            State::Approved(by) => {
                let by = by.clone();
                // A backup is made anew each time, whatever its key.
                let key = key.filter(|_| subject.operation != Approved::Backup);
                asked.state = State::Used(by.clone(), key.cloned());
                Ok(by)
            }
            State::Used(by, Some(used)) if Some(used) == key => Ok(by.clone()),
            State::Used(..) => Err(NotApproved::Used),
        }
    }

    /// All that is known, the newest first.
    pub(crate) fn views(&self, now: Moment) -> Vec<ApprovalView> {
        let open = self.open();
        open.iter().rev().map(|asked| asked.view(now)).collect()
    }

    /// One of them.
    pub(crate) fn view(&self, number: &str, now: Moment) -> Option<ApprovalView> {
        find(&mut self.open(), number).map(|asked| asked.view(now))
    }

    /// Comes back when something was settled since.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }

    fn operations(&self) -> MutexGuard<'_, Vec<Approved>> {
        let operations = self.operations.lock();
        operations.unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(open: &'a mut [Asked], number: &str) -> Option<&'a mut Asked> {
    let number = read(number)?;
    open.iter_mut().find(|asked| asked.number == number)
}

/// Which operation a verb is that may take two people. `lost` and `stop` are none of them.
pub(crate) fn operation_of(verb: &Verb) -> Option<Approved> {
    match verb {
        Verb::Backup { .. } => Some(Approved::Backup),
        Verb::KeyRotate { .. } => Some(Approved::KeyRotate),
        Verb::PolicyApply { .. } => Some(Approved::Policy),
        Verb::AccountsDisable { accounts, .. } if accounts.len() > 1 => Some(Approved::BulkDisable),
        _ => None,
    }
}

/// The word for an operation, as in the settings.
pub(crate) const fn name(operation: Approved) -> &'static str {
    match operation {
        Approved::Backup => "backup",
        Approved::Restore => "restore",
        Approved::KeyRotate => "key-rotate",
        Approved::Policy => "policy",
        Approved::BulkDisable => "bulk-disable",
    }
}

/// What a verb would do, for who is to approve it.
pub(crate) fn detail(verb: &Verb) -> String {
    match verb {
        Verb::Backup { history: true, .. } => "with the whole history".to_owned(),
        Verb::AccountsDisable { accounts, .. } => {
            let mut text = format!("{} accounts:", accounts.len());
            for (at, account) in accounts.iter().enumerate() {
                if text.len() + account.len() > DETAIL_OCTETS {
                    text.push_str(&format!(" and {} more", accounts.len() - at));
                    break;
                }
                text.push(' ');
                text.push_str(account);
            }
            text
        }
        _ => String::new(),
    }
}

/// A number out of random octets.
pub(crate) fn number(random: [u8; NUMBER_CHARACTERS]) -> String {
    // Not quite even, and no secret.
    let character = |octet: u8| char::from(ALPHABET[usize::from(octet) % ALPHABET.len()]);
    random.into_iter().map(character).collect()
}

/// As people write it: `7F3-A9C`.
fn written(number: &str) -> String {
    let (first, second) = number
        .split_at_checked(NUMBER_CHARACTERS / 2)
        .unwrap_or((number, ""));
    format!("{first}-{second}")
}

/// What somebody typed as a number.
fn read(text: &str) -> Option<String> {
    let characters = text.chars().filter(|c| !matches!(c, '-' | ' '));
    let number: String = characters
        .take(NUMBER_CHARACTERS + 1)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    (number.len() == NUMBER_CHARACTERS && number.bytes().all(|b| ALPHABET.contains(&b)))
        .then_some(number)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sekisho_verifier::time::Time;

    use super::*;

    fn moment() -> Moment {
        Moment {
            wall: Time::from_millis(1_800_000_000_000),
            running: Instant::now(),
        }
    }

    fn later(moment: Moment, by: Duration) -> Moment {
        Moment {
            wall: moment.wall.after(by),
            running: moment.running + by,
        }
    }

    fn actor(uid: u32) -> Actor {
        Actor::new(uid, &format!("user{uid}"))
    }

    fn backup(note: &str) -> Verb {
        Verb::Backup {
            history: false,
            note: Some(note.into()),
        }
    }

    fn subject(verb: &Verb) -> Subject {
        Subject::new(operation_of(verb).expect("two people"), verb, b"").expect("octets")
    }

    struct Desk {
        approvals: Approvals,
        now: Moment,
    }

    impl Desk {
        fn new() -> Self {
            Self {
                approvals: Approvals::new(vec![Approved::Backup, Approved::BulkDisable]),
                now: moment(),
            }
        }

        fn ask(&self, verb: &Verb, uid: u32, number: &str) -> Result<String, Full> {
            let asked = self.approvals.ask(
                subject(verb),
                detail(verb),
                (&actor(uid), uid),
                number.to_owned(),
                self.now,
            );
            asked.map(|(view, _)| view.number)
        }

        fn say(&self, number: &str, uid: u32, refuse: bool) -> Result<(), NotSettled> {
            let by = actor(uid);
            self.approvals
                .begin_to_settle(number, (&by, uid), refuse, self.now)?;
            let view = self.approvals.settle(number, Some((&by, refuse)), self.now);
            assert!(view.is_some());
            Ok(())
        }

        fn take(&self, number: &str, verb: &Verb, uid: u32) -> Result<u32, NotApproved> {
            let taken = self
                .approvals
                .take(number, &subject(verb), uid, None, self.now);
            taken.map(|by| by.uid)
        }
    }

    #[test]
    fn a_second_person_lets_a_verb_go_on_once() {
        let desk = Desk::new();
        let verb = backup("nightly");
        let number = desk.ask(&verb, 1, "AAACCC").expect("room");
        assert_eq!(number, "AAA-CCC");
        assert_eq!(desk.take(&number, &verb, 1), Err(NotApproved::Waiting));
        assert_eq!(desk.say("aaa ccc", 2, false), Ok(()));
        assert_eq!(desk.take(&number, &verb, 1), Ok(2));
        assert_eq!(desk.take(&number, &verb, 1), Err(NotApproved::Used));
        assert_eq!(desk.say(&number, 3, false), Err(NotSettled::Settled));
        let view = desk.approvals.view(&number, desk.now).expect("known");
        assert_eq!(
            (view.state.as_str(), view.settled_by.as_deref()),
            ("used", Some("user2 (uid 2)"))
        );
    }

    #[test]
    fn nobody_approves_their_own() {
        let desk = Desk::new();
        let verb = backup("mine");
        let number = desk.ask(&verb, 1, "AAACCC").expect("room");
        assert_eq!(desk.say(&number, 1, false), Err(NotSettled::Own));
        let other_name = Actor::new(1, "another name of the same uid");
        let begin = |by: &Actor, person| {
            let begun = desk
                .approvals
                .begin_to_settle(&number, (by, person), false, desk.now);
            begun.map(|_| ())
        };
        let begun = begin(&other_name, 1);
        assert_eq!(begun, Err(NotSettled::Own));
        // Nor by becoming root, or another admin.
        for uid in [0, 2] {
            assert_eq!(begin(&actor(uid), 1), Err(NotSettled::Own));
        }
        assert_eq!(desk.take(&number, &verb, 1), Err(NotApproved::Waiting));
        // They may say that they do not want it any more.
        assert_eq!(desk.say(&number, 1, true), Ok(()));
        assert_eq!(desk.take(&number, &verb, 1), Err(NotApproved::Refused));
    }

    #[test]
    fn what_is_approved_is_one_verb_of_one_user() {
        let desk = Desk::new();
        let verb = backup("nightly");
        let number = desk.ask(&verb, 1, "AAACCC").expect("room");
        desk.say(&number, 2, false).expect("yes");
        for (other, uid) in [
            (backup("nightly "), 1),
            (
                Verb::Backup {
                    history: true,
                    note: Some("nightly".into()),
                },
                1,
            ),
            (verb.clone(), 2),
            (verb.clone(), 0),
        ] {
            assert_eq!(desk.take(&number, &other, uid), Err(NotApproved::Unknown));
        }
        assert_eq!(desk.take("ZZZ-ZZZ", &verb, 1), Err(NotApproved::Unknown));
        assert_eq!(desk.take("", &verb, 1), Err(NotApproved::Unknown));
        let other_policy = Subject::new(Approved::Backup, &verb, b"x").expect("octets");
        let taken = desk
            .approvals
            .take(&number, &other_policy, 1, None, desk.now);
        assert_eq!(taken, Err(NotApproved::Unknown));
        assert_eq!(desk.take(&number, &verb, 1), Ok(2));
    }

    #[test]
    fn after_a_quarter_of_an_hour_it_is_over_whichever_clock_says_so() {
        let asked = moment();
        for late in [
            later(asked, LIFE),
            Moment {
                wall: asked.wall.after(LIFE),
                ..asked
            },
            Moment {
                running: asked.running + LIFE,
                ..asked
            },
        ] {
            let mut desk = Desk::new();
            desk.now = asked;
            let verb = backup("late");
            let one = desk.ask(&verb, 1, "AAACCC").expect("room");
            let other = desk.ask(&backup("other"), 1, "DDDEEE").expect("room");
            desk.say(&one, 2, false).expect("yes");
            desk.now = late;
            assert_eq!(desk.take(&one, &verb, 1), Err(NotApproved::Over));
            assert_eq!(desk.say(&other, 2, false), Err(NotSettled::Over));
            let states: Vec<_> = desk
                .approvals
                .views(late)
                .into_iter()
                .map(|v| v.state)
                .collect();
            assert_eq!(states, ["over", "over"]);
            // What is over does not stand in the way of the same once more.
            assert_eq!(desk.ask(&verb, 1, "FFFHHH").as_deref(), Ok("FFF-HHH"));
        }
    }

    #[test]
    fn a_word_that_was_not_written_down_is_none() {
        let desk = Desk::new();
        let verb = backup("nightly");
        let number = desk.ask(&verb, 1, "AAACCC").expect("room");
        let begin = |uid| {
            desk.approvals
                .begin_to_settle(&number, (&actor(uid), uid), false, desk.now)
        };
        assert!(begin(2).is_ok());
        assert_eq!(begin(3).err(), Some(NotSettled::Settled), "one at a time");
        desk.approvals.settle(&number, None, desk.now);
        assert_eq!(desk.take(&number, &verb, 1), Err(NotApproved::Waiting));
        assert!(begin(3).is_ok());
    }

    #[test]
    fn the_same_request_may_come_again_where_nothing_is_done_twice() {
        let desk = Desk::new();
        let disable = Verb::AccountsDisable {
            accounts: vec!["hana".into(), "mori".into()],
            keep_sessions: false,
            note: None,
        };
        let key = |text| RequestKey::parse(text).expect("a key");
        let take = |verb: &Verb, number: &str, key: &str| {
            let key = RequestKey::parse(key);
            let taken = desk
                .approvals
                .take(number, &subject(verb), 1, key.as_ref(), desk.now);
            taken.map(|by| by.uid)
        };
        let number = desk.ask(&disable, 1, "AAACCC").expect("room");
        desk.say(&number, 2, false).expect("yes");
        assert_eq!(take(&disable, &number, key("a").as_str()), Ok(2));
        assert_eq!(take(&disable, &number, "a"), Ok(2));
        assert_eq!(take(&disable, &number, "b"), Err(NotApproved::Used));
        let number = desk.ask(&backup(""), 1, "DDDEEE").expect("room");
        desk.say(&number, 2, false).expect("yes");
        assert_eq!(take(&backup(""), &number, "a"), Ok(2));
        assert_eq!(take(&backup(""), &number, "a"), Err(NotApproved::Used));
    }

    #[test]
    fn what_waits_is_bounded_for_one_user_and_for_all() {
        let desk = Desk::new();
        let number = |n: usize| number([(n / 23) as u8, (n % 23) as u8, 0, 0, 0, 0]);
        let mut count = 0;
        for uid in 1..=20 {
            for n in 0..=OPEN_OF_ONE_MAX {
                let verb = backup(&n.to_string());
                if desk.ask(&verb, uid, &number(count)).is_ok() {
                    count += 1;
                }
            }
        }
        assert_eq!(count, OPEN_MAX);
        // The same once more takes no place.
        assert_eq!(
            desk.ask(&backup("0"), 1, "YYYYYY").as_deref(),
            Ok("333-333")
        );
        assert_eq!(desk.ask(&backup("new"), 99, "YYYYYY"), Err(Full));
        desk.say("333-333", 2, true).expect("no");
        assert_eq!(
            desk.ask(&backup("new"), 99, "YYYYYY").as_deref(),
            Ok("YYY-YYY")
        );
    }

    #[test]
    fn one_account_takes_one_person_and_lost_and_stop_never_wait() {
        use sekisho_verifier_socket::admin::Change;
        let disable = |accounts: &[&str]| Verb::AccountsDisable {
            accounts: accounts.iter().map(ToString::to_string).collect(),
            keep_sessions: false,
            note: None,
        };
        assert_eq!(operation_of(&disable(&["hana"])), None);
        let two = disable(&["hana", "mori"]);
        assert_eq!(operation_of(&two), Some(Approved::BulkDisable));
        assert_eq!(detail(&two), "2 accounts: hana mori");
        let many = disable(&["a-name-of-sixteen"; 200]);
        assert!(detail(&many).ends_with(" more") && detail(&many).len() < DETAIL_OCTETS + 20);
        for change in [Change::Stop, Change::Lost, Change::Suspend] {
            let verb = Verb::Change {
                change,
                serial: "S1".into(),
                note: None,
                keep_sessions: false,
            };
            assert_eq!(operation_of(&verb), None);
        }
    }
}
