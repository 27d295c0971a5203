//! A restore takes a second person, where the settings say so: whoever has a backup and its key could
//! else bring back accounts and tokens that were taken away. The restore itself is done while no
//! verifier runs, so what waits is what comes after it: until another admin approves, nobody gets in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho_daemon::Log;
use sekisho_settings::Approved;
use sekisho_verifier::event::Actor;

use crate::approvals::{self, Approvals};
use crate::clock::Moment;
use crate::keys::private_file;
use crate::peer;

/// Its file in the data folder: who restored, as long as nobody has approved it.
pub(crate) const FILE: &str = "restored";
/// The longest such file: two numbers and a name.
const FILE_OCTETS: usize = 256;

/// Notes that `actor` restored what is in `data`.
pub(crate) fn mark(data: &Path, actor: &Actor, person: u32) -> io::Result<()> {
    let text = format!("{} {person} {}\n", actor.uid, actor.name);
    private_file::replace(&data.join(FILE), text.as_bytes())
}

/// Who runs this process, where it takes two people.
pub(crate) fn own_person(uid: u32) -> u32 {
    let process = i32::try_from(std::process::id()).ok();
    process.and_then(peer::login_uid).unwrap_or(uid)
}

/// Whether logins wait for the approval of a restore.
#[derive(Debug)]
pub(crate) struct Hold {
    file: PathBuf,
    on: AtomicBool,
}

impl Hold {
    /// As the data folder and the policy say at a start; what waits is among `approvals` then.
    pub(crate) fn take(
        data: &Path,
        takes_two: bool,
        approvals: &Approvals,
        number: String,
        log: &Log,
    ) -> Self {
        let file = data.join(FILE);
        let marked = match private_file::read(&file, FILE_OCTETS, 0) {
            Ok(octets) => Some(read(&octets)),
            Err(private_file::Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            // There is something: nobody knows who restored.
            Err(_) => Some(read(b"")),
        };
        let hold = Self {
            file,
            on: AtomicBool::new(false),
        };
        match marked {
            None => {}
            Some(_) if !takes_two => hold.end(log),
            Some((actor, person)) => {
                approvals.hold(Approved::Restore, (&actor, person), number, Moment::now());
                hold.on.store(true, Ordering::Release);
                log.warning(format_args!(
                    "restored by {actor}: nobody gets in until another admin has approved it, see \
                     sekisho approval list"
                ));
            }
        }
        hold
    }

    /// Whether nobody gets in.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// A second person has approved it, durably.
    pub(crate) fn end(&self, log: &Log) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            let file = self.file.display();
            log.error(format_args!(
                "{file} can not be removed, so the restore waits again after the next start: {error}"
            ));
        }
        self.on.store(false, Ordering::Release);
    }
}

/// Who restored: the user, and who that is.
fn read(octets: &[u8]) -> (Actor, u32) {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    let mut words = text.trim_end().splitn(3, ' ');
    let mut number = || words.next().and_then(|word| word.parse().ok());
    match (number(), number()) {
        (Some(uid), Some(person)) => (Actor::new(uid, words.next().unwrap_or_default()), person),
        // Then it is nobody, and every admin is another.
        _ => (Actor::new(u32::MAX, "unknown"), u32::MAX),
    }
}

/// What is to be approved, for who is asked.
pub(crate) fn is_it(operation: &str) -> bool {
    operation == approvals::name(Approved::Restore)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let text = "[log]\nsyslog = false\nstderr = false\n";
        let settings = sekisho_settings::Settings::parse(Path::new("s.toml"), text);
        Log::start(&settings.expect("settings").log, "test").expect("a log")
    }

    fn start(data: &Path, takes_two: bool) -> (Hold, Approvals) {
        let approvals = Approvals::new(vec![Approved::Restore]);
        let number = "AAACCC".to_owned();
        let hold = Hold::take(data, takes_two, &approvals, number, &log());
        (hold, approvals)
    }

    #[test]
    fn nobody_gets_in_after_a_restore_until_another_has_approved_it() {
        let folder = tempfile::tempdir().expect("folder");
        let data = folder.path();
        assert!(!start(data, true).0.is_on(), "nothing was restored");
        mark(data, &Actor::new(0, "root"), 1_000).expect("marked");
        assert!(start(data, true).0.is_on());
        let (hold, approvals) = start(data, true);
        let views = approvals.views(Moment::now());
        assert_eq!(
            (views[0].operation.as_str(), views[0].state.as_str()),
            ("restore", "waiting")
        );
        assert_eq!(views[0].asked_by, "root (uid 0)");
        let settle = |uid, person| {
            let by = Actor::new(uid, "x");
            approvals
                .begin_to_settle("AAACCC", (&by, person), false, Moment::now())
                .is_ok()
        };
        assert!(!settle(0, 0), "root restored");
        assert!(!settle(1_000, 1_000), "who became root");
        assert!(settle(1_001, 1_001));
        hold.end(&log());
        assert!(!hold.is_on());
        assert!(!start(data, true).0.is_on(), "approved for good");
    }

    #[test]
    fn where_one_is_enough_it_is_over_and_what_can_not_be_read_waits() {
        let folder = tempfile::tempdir().expect("folder");
        let data = folder.path();
        mark(data, &Actor::new(0, "root"), 0).expect("marked");
        assert!(!start(data, false).0.is_on());
        assert!(!start(data, true).0.is_on(), "not again");
        std::fs::write(data.join(FILE), b"\xff").expect("written");
        let (hold, approvals) = start(data, true);
        assert!(hold.is_on());
        assert_eq!(approvals.views(Moment::now()).len(), 1);
    }
}
