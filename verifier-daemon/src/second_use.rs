//! Second use: `sudo` right after a login, without a second code.
//!
//! No code is accepted twice for it. The accept of a login is bound to what the kernel says of the
//! login session that it opened, to its terminal, its account and its token, for as long as the
//! settings say; a service that the settings name is then not asked for a code there. Grants are in
//! memory only, so that a restart ends them, as the end of the session does. Whether the token is
//! still in use is for the decision to see.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use sekisho_settings::Pam;
use sekisho_verifier::account::AccountName;
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::serial::Serial;

use crate::clock::Moment;

/// How long after its code a login may open its session.
const OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Accepts that wait for their session, and grants: the oldest make room.
const KEPT_MAX: usize = 4_096;
/// What the kernel says of a process that is in no login session.
const NO_SESSION: u32 = u32::MAX;

/// A login session, by the kernel's number of it. It is given once since the machine was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KernelSession(u32);

impl KernelSession {
    /// The session of the process `pid`, if it is in one that can be seen.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/sessionid")).ok()?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Option<Self> {
        let number = text.trim_end().parse().ok()?;
        (number != NO_SESSION).then_some(Self(number))
    }
}

/// A process of root that asks for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The login session that it is in, if it is in one.
    pub(crate) session: Option<KernelSession>,
}

/// An accept whose session is not open yet.
#[derive(Debug)]
struct Recent {
    account: AccountName,
    place: Place,
    serial: Serial,
    at: Moment,
}

/// An accept of a login session.
#[derive(Debug)]
struct Grant {
    account: AccountName,
    session: KernelSession,
    /// `None` while the session has not been seen on a terminal: the first it is seen on is it.
    terminal: Option<Box<str>>,
    serial: Serial,
    at: Moment,
}

#[derive(Debug, Default)]
struct Kept {
    recent: VecDeque<Recent>,
    grants: VecDeque<Grant>,
}

/// All grants.
#[derive(Debug)]
pub(crate) struct SecondUse {
    rule: RwLock<Rule>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// For how long; `None`: never.
    within: Option<Duration>,
    services: BTreeSet<String>,
}

impl Rule {
    fn of(pam: &Pam) -> Self {
        Self {
            within: pam.second_use(),
            services: pam.second_use_services.iter().cloned().collect(),
        }
    }
}

impl SecondUse {
    /// Without grants, as the settings say.
    pub(crate) fn new(pam: &Pam) -> Self {
        Self {
            rule: RwLock::new(Rule::of(pam)),
            kept: Mutex::default(),
        }
    }

    /// From now on by other settings; what was granted by those of before is over.
    pub(crate) fn set(&self, pam: &Pam) {
        *self.rule.write().unwrap_or_else(PoisonError::into_inner) = Rule::of(pam);
        *self.kept() = Kept::default();
    }

    fn rule(&self) -> Rule {
        self.rule
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there is any second use, so that sessions need be looked up.
    pub(crate) fn is_on(&self) -> bool {
        let rule = self.rule.read();
        rule.unwrap_or_else(PoisonError::into_inner)
            .within
            .is_some()
    }

    /// Whether a second use is possible at a place.
    pub(crate) fn is_for(&self, place: &Place) -> bool {
        self.is_on() && place.door == Door::Pam && self.rule().services.contains(&*place.name)
    }

    /// A code was accepted, durably, of somebody whom root asked for in `session`.
    pub(crate) fn accepted(
        &self,
        account: &AccountName,
        place: &Place,
        serial: &Serial,
        session: Option<KernelSession>,
        now: Moment,
    ) {
        if !self.is_on() || place.door != Door::Pam {
            return;
        }
        let mut kept = self.kept();
        // A program that asks within a session. Any other than these opens a session of its own,
        // and may have been started in that of somebody else.
        if self.rule().services.contains(&*place.name)
            && let Some(session) = session
            && let Some(terminal) = terminal(place)
        {
            kept.grant(Grant {
                account: account.clone(),
                session,
                terminal: Some(terminal),
                serial: serial.clone(),
                at: now,
            });
            return;
        }
        make_room(&mut kept.recent);
        kept.recent.push_back(Recent {
            account: account.clone(),
            place: place.clone(),
            serial: serial.clone(),
            at: now,
        });
    }

    /// A login session was opened: the accept that it follows is bound to it, if there was one.
    pub(crate) fn opened(
        &self,
        account: &AccountName,
        place: &Place,
        session: Option<KernelSession>,
        now: Moment,
    ) {
        let (true, Some(session)) = (self.is_on(), session) else {
            return;
        };
        let mut kept = self.kept();
        kept.recent
            .retain(|recent| now.since(recent.at) < OPENS_WITHIN);
        let follows = |recent: &Recent| {
            recent.account == *account
                && recent.place.name == place.name
                && recent.place.remote == place.remote
                && (recent.place.terminal == place.terminal || terminal(&recent.place).is_none())
        };
        // The newest one; each is bound once.
        let Some(at) = kept.recent.iter().rposition(follows) else {
            return;
        };
        if let Some(recent) = kept.recent.remove(at) {
            kept.grant(Grant {
                account: recent.account,
                session,
                terminal: terminal(place),
                serial: recent.serial,
                at: recent.at,
            });
        }
    }

    /// A login session has ended.
    pub(crate) fn closed(&self, account: &AccountName, session: Option<KernelSession>) {
        let Some(session) = session else {
            return;
        };
        let ended = |grant: &Grant| grant.session == session && grant.account == *account;
        self.kept().grants.retain(|grant| !ended(grant));
    }

    /// A right was taken from an account: what its logins granted is over, and does not come back with
    /// the right.
    pub(crate) fn forget(&self, account: &AccountName) {
        let mut kept = self.kept();
        kept.recent.retain(|recent| recent.account != *account);
        kept.grants.retain(|grant| grant.account != *account);
    }

    /// The token whose code was accepted in this session, on this terminal, not long ago.
    pub(crate) fn granted(
        &self,
        account: &AccountName,
        place: &Place,
        session: Option<KernelSession>,
        now: Moment,
    ) -> Option<Serial> {
        let rule = self.rule();
        let (within, session) = (rule.within?, session?);
        if place.door != Door::Pam || !rule.services.contains(&*place.name) {
            return None;
        }
        let terminal = terminal(place)?;
        let mut kept = self.kept();
        kept.grants.retain(|grant| now.since(grant.at) <= within);
        let grant = kept.grants.iter_mut().find(|grant| {
            grant.account == *account
                && grant.session == session
                && grant
                    .terminal
                    .as_ref()
                    .is_none_or(|known| *known == terminal)
        })?;
        grant.terminal = Some(terminal);
        Some(grant.serial.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// A newer one of the same account, session and terminal takes the place of an older.
    fn grant(&mut self, grant: Grant) {
        self.grants.retain(|known| {
            known.session != grant.session
                || known.account != grant.account
                || known.terminal != grant.terminal
        });
        make_room(&mut self.grants);
        self.grants.push_back(grant);
    }
}

fn make_room<T>(kept: &mut VecDeque<T>) {
    if kept.len() >= KEPT_MAX {
        kept.pop_front();
    }
}

/// The terminal of a place, without `/dev/`. sshd calls what has none yet `ssh`.
fn terminal(place: &Place) -> Option<Box<str>> {
    let terminal = place.terminal.as_deref()?;
    let name = terminal.strip_prefix("/dev/").unwrap_or(terminal);
    (!name.is_empty() && name != "ssh").then(|| name.into())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sekisho_verifier::time::Time;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Machine {
        uses: SecondUse,
        now: Moment,
    }

    fn session(number: u32) -> Option<KernelSession> {
        KernelSession::parse(&number.to_string())
    }

    fn place(service: &str, terminal: &str) -> Place {
        let remote = (service == "sshd").then_some("192.0.2.7");
        Place::new(Door::Pam, service, Some(terminal), remote)
    }

    fn name(text: &str) -> AccountName {
        AccountName::parse(text).expect("a name")
    }

    impl Machine {
        fn new() -> Self {
            let text = "[pam]\nsecond-use-seconds = 30\nsecond-use-services = [\"sudo\"]\n";
            let path = std::path::Path::new("s.toml");
            let settings = sekisho_settings::Settings::parse(path, text).expect("settings");
            Self {
                uses: SecondUse::new(&settings.pam),
                now: Moment::of(Time::from_millis(1_800_000_000_000), Instant::now()),
            }
        }

        fn accepted(&self, who: &str, service: &str, terminal: &str, number: u32) {
            let serial = Serial::parse("SKTS1").expect("a serial");
            let place = place(service, terminal);
            self.uses
                .accepted(&name(who), &place, &serial, session(number), self.now);
        }

        fn opened(&self, who: &str, service: &str, terminal: &str, number: u32) {
            let place = place(service, terminal);
            self.uses
                .opened(&name(who), &place, session(number), self.now);
        }

        fn granted(&self, who: &str, service: &str, terminal: &str, number: u32) -> bool {
            let place = place(service, terminal);
            let granted = self
                .uses
                .granted(&name(who), &place, session(number), self.now);
            granted.is_some()
        }

        fn pass(&mut self, time: Duration) {
            let Moment { wall, running } = self.now;
            self.now = Moment::of(wall.after(time), running + time);
        }

        fn login(&self) {
            self.accepted("hana", "login", "tty1", NO_SESSION);
            self.opened("hana", "login", "tty1", 7);
        }
    }

    #[test]
    fn a_login_is_good_for_sudo_in_its_session_for_a_while() {
        let mut machine = Machine::new();
        machine.login();
        machine.pass(30 * SECOND);
        assert!(machine.granted("hana", "sudo", "tty1", 7));
        assert!(machine.granted("hana", "sudo", "/dev/tty1", 7));
        machine.pass(SECOND);
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
    }

    #[test]
    fn nobody_nowhere_and_nothing_else_has_it() {
        let machine = Machine::new();
        machine.login();
        assert!(
            !machine.granted("mori", "sudo", "tty1", 7),
            "another account"
        );
        assert!(
            !machine.granted("hana", "sudo", "tty2", 7),
            "another terminal"
        );
        assert!(
            !machine.granted("hana", "sudo", "tty1", 8),
            "another session"
        );
        assert!(
            !machine.granted("hana", "sudo", "tty1", NO_SESSION),
            "no session"
        );
        assert!(!machine.granted("hana", "su", "tty1", 7), "another service");
        let nowhere = Place::new(Door::Pam, "sudo", None, None);
        let granted = machine
            .uses
            .granted(&name("hana"), &nowhere, session(7), machine.now);
        assert_eq!(granted, None);
        assert!(machine.granted("hana", "sudo", "tty1", 7));
    }

    #[test]
    fn what_an_operation_ended_does_not_come_back_with_the_token() {
        let machine = Machine::new();
        machine.login();
        machine.uses.forget(&name("mori"));
        assert!(machine.granted("hana", "sudo", "tty1", 7));
        machine.uses.forget(&name("hana"));
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
        machine.accepted("hana", "login", "tty1", NO_SESSION);
        machine.uses.forget(&name("hana"));
        machine.opened("hana", "login", "tty1", 7);
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
    }

    #[test]
    fn a_session_that_no_code_opened_gives_nothing() {
        let mut machine = Machine::new();
        machine.opened("hana", "login", "tty1", 7);
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
        machine.accepted("hana", "login", "tty1", NO_SESSION);
        machine.opened("mori", "login", "tty1", 8);
        machine.opened("hana", "login", "tty2", 8);
        machine.opened("hana", "sshd", "tty1", 8);
        machine.opened("hana", "login", "tty1", NO_SESSION);
        assert!(!machine.granted("hana", "sudo", "tty1", 8));
        // One accept opens one session.
        machine.opened("hana", "login", "tty1", 8);
        machine.opened("hana", "login", "tty1", 9);
        assert!(machine.granted("hana", "sudo", "tty1", 8));
        assert!(!machine.granted("hana", "sudo", "tty1", 9));
        // And soon.
        machine.accepted("hana", "login", "tty1", NO_SESSION);
        machine.pass(OPENS_WITHIN);
        machine.opened("hana", "login", "tty1", 10);
        assert!(!machine.granted("hana", "sudo", "tty1", 10));
    }

    #[test]
    fn the_first_terminal_of_a_session_of_sshd_is_its_terminal() {
        let machine = Machine::new();
        machine.accepted("hana", "sshd", "ssh", NO_SESSION);
        machine.opened("hana", "sshd", "ssh", 7);
        assert!(machine.granted("hana", "sudo", "/dev/pts/3", 7));
        assert!(!machine.granted("hana", "sudo", "/dev/pts/4", 7));
        assert!(machine.granted("hana", "sudo", "pts/3", 7));
    }

    #[test]
    fn the_code_of_sudo_itself_is_good_in_its_session() {
        let machine = Machine::new();
        machine.accepted("hana", "sudo", "/dev/pts/3", 7);
        assert!(machine.granted("hana", "sudo", "/dev/pts/3", 7));
        // A daemon that an admin started by hand is in the admin's session.
        machine.accepted("mori", "sshd", "ssh", 7);
        assert!(!machine.granted("mori", "sudo", "/dev/pts/3", 7));
    }

    #[test]
    fn the_end_of_a_session_ends_its_grants() {
        let machine = Machine::new();
        machine.login();
        machine.uses.closed(&name("mori"), session(7));
        machine.uses.closed(&name("hana"), session(8));
        machine.uses.closed(&name("hana"), session(NO_SESSION));
        assert!(machine.granted("hana", "sudo", "tty1", 7));
        machine.uses.closed(&name("hana"), session(7));
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
    }

    #[test]
    fn either_clock_ends_it_and_other_settings_do() {
        let mut machine = Machine::new();
        machine.login();
        let begun = machine.now;
        let late = 31 * SECOND;
        for now in [
            Moment::of(begun.wall.after(late), begun.running),
            Moment::of(begun.wall, begun.running + late),
        ] {
            machine.now = begun;
            machine.login();
            assert!(machine.granted("hana", "sudo", "tty1", 7));
            machine.now = now;
            assert!(!machine.granted("hana", "sudo", "tty1", 7));
        }
        machine.now = begun;
        machine.login();
        machine.uses.set(&Pam::default());
        assert!(!machine.granted("hana", "sudo", "tty1", 7));
    }

    #[test]
    fn without_a_setting_there_is_none() {
        let uses = SecondUse::new(&Pam::default());
        let (hana, now) = (name("hana"), Machine::new().now);
        let serial = Serial::parse("SKTS1").expect("a serial");
        let sudo = place("sudo", "tty1");
        uses.accepted(&hana, &sudo, &serial, session(7), now);
        uses.opened(&hana, &sudo, session(7), now);
        assert_eq!(uses.granted(&hana, &sudo, session(7), now), None);
        assert!(uses.kept().grants.is_empty() && uses.kept().recent.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let machine = Machine::new();
        for number in 0..5_000 {
            machine.accepted("hana", "login", "tty1", NO_SESSION);
            machine.accepted("hana", "sudo", "tty1", number);
        }
        let kept = machine.uses.kept();
        assert_eq!((kept.recent.len(), kept.grants.len()), (KEPT_MAX, KEPT_MAX));
    }

    #[test]
    fn what_the_kernel_does_not_say_is_no_session() {
        for text in ["", "-1", "x", "4294967295", "4294967296", "7 8"] {
            assert_eq!(KernelSession::parse(text), None, "{text}");
        }
        assert_eq!(KernelSession::parse("7\n"), session(7));
        assert_eq!(KernelSession::of(i32::MAX), None);
    }
}
