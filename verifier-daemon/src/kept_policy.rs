//! The policy that is in effect, where a change of it takes a second person.
//!
//! Who can write the settings file must not change by that alone who gets in how. So the verifier
//! keeps, sealed, the text of the settings whose policy is in effect, and goes by it until `sekisho
//! policy apply`. What is kept also says whether that takes two: to strike `policy` out of the
//! settings is a change as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use sekisho_daemon::Log;
use sekisho_settings::{Approved, FILE_OCTETS_MAX, Pam, Settings};
use sekisho_verifier::account::NotAGroup;
use sekisho_verifier::event::{Actor, Channel, Note, OperationKind, What};
use sekisho_verifier::operation::{Done, Keeping, Operation, Order};
use sekisho_verifier::policy::{self as core, Policy};
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::time::Time;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::approvals::name;
use crate::decider::Queue;
use crate::policy;
use crate::sealed_file::{self, Sealed};
use crate::speech::text;
use crate::views;

/// Its file in the data folder.
const FILE: &str = "policy";
/// The most octets of what would be otherwise.
const DIFFERENCES_OCTETS: usize = 3_500;
/// What the name of a policy begins with, and octets of its digest.
const NAME: &str = "policy ";
const NAME_OCTETS: usize = 8;
/// Events that are looked at for the policy that took effect last, in so many looks.
const EVENTS_A_LOOK: usize = 5_000;
const LOOKS: usize = 40;
/// What it is sealed for.
const PURPOSE: &[u8] = b"sekisho policy in effect 1";

/// What of the settings is the policy.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// For the second use of a code.
    pub(crate) pam: Pam,
    /// What takes two people.
    pub(crate) operations: Vec<Approved>,
    /// The settings that say so, whole.
    text: Zeroizing<String>,
}

impl Rules {
    pub(crate) fn new(settings: &Settings, text: Zeroizing<String>) -> Result<Self, NotAGroup> {
        Ok(Self {
            policy: policy::of(settings)?,
            pam: settings.pam.clone(),
            operations: settings.approval.operations.clone(),
            text,
        })
    }

    /// Which parts of the settings say something else; none: it is the same policy.
    pub(crate) fn changes(&self, other: &Self) -> Vec<&'static str> {
        let (one, two) = (&self.policy, &other.policy);
        let operations = |rules: &Self| {
            let mut operations: Vec<_> = rules.operations.iter().map(|it| *it as u8).collect();
            operations.sort_unstable();
            operations
        };
        let services = |pam: &Pam| {
            let mut services = pam.second_use_services.clone();
            services.sort_unstable();
            services
        };
        let parts = [
            (one.acceptance != two.acceptance, "acceptance"),
            (one.limits != two.limits, "limits"),
            (
                one.asking.services != two.asking.services
                    || one.asking.grace_until != two.asking.grace_until
                    || self.pam.second_use() != other.pam.second_use()
                    || services(&self.pam) != services(&other.pam),
                "pam",
            ),
            (one.asking.clients != two.asking.clients, "radius"),
            (operations(self) != operations(other), "approval"),
        ];
        let changed = parts.into_iter().filter(|(changed, _)| *changed);
        changed.map(|(_, part)| part).collect()
    }

    /// What it depends on, for who approves it: exactly these settings.
    pub(crate) fn octets(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Line by line what would be otherwise in `new`, for who approves it; and the digest of its file.
    pub(crate) fn differences(&self, new: &Self) -> String {
        let lines = self.lines(new);
        let digest = HEXLOWER.encode(&Sha256::digest(new.octets()));
        let all = lines.len();
        let mut text = format!("{}; SHA-256 of the settings {digest}", new.name());
        for (at, line) in lines.into_iter().enumerate() {
            if text.len() + line.len() > DIFFERENCES_OCTETS {
                text.push_str(&format!("; and {} more: compare the file", all - at));
                break;
            }
            text.push_str("; ");
            text.push_str(&line);
        }
        text
    }

    /// What a policy is known again by, whatever else the settings say: `policy` and 16 digits.
    fn name(&self) -> String {
        let nothing = Self {
            policy: Policy::default(),
            pam: Pam::default(),
            operations: Vec::new(),
            text: Zeroizing::default(),
        };
        let whole = nothing.lines(self).join("\n");
        let digest = HEXLOWER.encode(&Sha256::digest(whole.as_bytes())[..NAME_OCTETS]);
        format!("{NAME}{digest}")
    }

    /// Each line that is otherwise in `new`.
    fn lines(&self, new: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut tell = |line: &str, old: String, new: String| {
            if old != new {
                lines.push(format!("{line}: {old} -> {new}"));
            }
        };
        let acceptance = |rules: &Self| format!("{:?}", rules.policy.acceptance);
        tell("acceptance", acceptance(self), acceptance(new));
        let limits = |rules: &Self| format!("{:?}", rules.policy.limits);
        tell("limits", limits(self), limits(new));
        let asking = |rules: &Self| rules.policy.asking.clone();
        let (old_asking, new_asking) = (asking(self), asking(new));
        let grace = |until: Option<Time>| until.map_or("none".to_owned(), views::wall_clock);
        let (old_grace, new_grace) = (old_asking.grace_until, new_asking.grace_until);
        tell("pam.grace-until", grace(old_grace), grace(new_grace));
        let second = |rules: &Self| match rules.pam.second_use() {
            Some(time) => {
                let services = rules.pam.second_use_services.join(" ");
                format!("{} s for {services}", time.as_secs())
            }
            None => "none".to_owned(),
        };
        tell("pam.second-use", second(self), second(new));
        let mut tables = |table: &str, old: &Table, new: &Table| {
            let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            for name in names {
                let line = format!("{table}.{name}");
                tell(&line, told(old.get(name)), told(new.get(name)));
            }
        };
        tables("pam.service", &old_asking.services, &new_asking.services);
        tables("radius.client", &old_asking.clients, &new_asking.clients);
        let operations = |rules: &Self| {
            let mut names: Vec<_> = rules.operations.iter().copied().map(name).collect();
            names.sort_unstable();
            names.join(" ")
        };
        tell("approval.operations", operations(self), operations(new));
        lines
    }
}

type Table = BTreeMap<Box<str>, core::Rules>;

/// The rules of a service or client, in one line.
fn told(rules: Option<&core::Rules>) -> String {
    let Some(rules) = rules else {
        return "default".to_owned();
    };
    let one = |(rule, number): (&core::Rule, usize)| {
        let groups: Vec<_> = rule.groups.iter().map(ToString::to_string).collect();
        let networks = rule.networks.iter().map(|network| match network {
            core::Network::Local => "local".to_owned(),
            core::Network::Remote { address, length } => format!("{address}/{length}"),
        });
        let networks = networks.collect::<Vec<_>>();
        let conditions = [("groups", groups), ("networks", networks)];
        let conditions = conditions
            .into_iter()
            .filter(|(_, items)| !items.is_empty());
        let conditions: Vec<_> = conditions
            .map(|(what, items)| format!("{what} {}", items.join(" ")))
            .collect();
        format!(
            ", rule[{number}] {} for {}",
            rule.code.name(),
            conditions.join(", ")
        )
    };
    let rules_told: String = rules.rules.iter().zip(1..).map(one).collect();
    format!("{}{rules_told}", rules.otherwise.name())
}

/// The policy that took effect last, as far as the newest part of the journal tells.
async fn last_applied(queue: &Queue) -> Option<String> {
    let mut before = None;
    for _ in 0..LOOKS {
        let page = queue
            .look(move |store| {
                store.events(before, 1, EVENTS_A_LOOK, &|event| match &event.what {
                    What::Operation(done) => done.operation == OperationKind::PolicyApply,
                    What::Login(_) | What::Session(_) => false,
                })
            })
            .await?
            .ok()?;
        if let Some((_, event)) = page.events.into_iter().next() {
            let What::Operation(done) = event.what else {
                return None;
            };
            let detail = done.detail?;
            let name = detail.as_str().split(';').next()?;
            return name.starts_with(NAME).then(|| name.to_owned());
        }
        before = Some(page.more_before?);
    }
    None
}

/// What became of the policy at a start, where it is not as it was.
#[derive(Debug)]
enum Taken {
    /// As it was; or there never was another.
    AsBefore,
    /// It was changed, and one person is enough for that.
    Changed(String),
    /// Nobody knows what it was.
    Lost(String),
}

/// The policy in effect, and where it comes from.
#[derive(Debug)]
pub(crate) struct KeptPolicy {
    settings: PathBuf,
    file: PathBuf,
    keyring: Arc<Keyring>,
    state: Mutex<State>,
    /// One change at a time.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    rules: Rules,
    /// Parts of the settings file that are not in effect, as far as is known.
    pending: Vec<&'static str>,
    taken: Taken,
}

impl KeptPolicy {
    /// What is in effect at a start, while the settings say `now`.
    pub(crate) fn take(
        settings: &Path,
        data: &Path,
        keyring: &Arc<Keyring>,
        now: Rules,
        log: &Log,
    ) -> Self {
        let file = data.join(FILE);
        let kept = Self::read(settings, &file, keyring);
        let state = |rules, pending, taken| State {
            rules,
            pending,
            taken,
        };
        let state = match kept {
            Ok(kept) => {
                let changes = kept.changes(&now);
                let takes_two = kept.operations.contains(&Approved::Policy);
                match (changes.is_empty(), takes_two) {
                    (true, _) => state(now, Vec::new(), Taken::AsBefore),
                    (false, true) => state(kept, changes, Taken::AsBefore),
                    (false, false) => {
                        let differences = kept.differences(&now);
                        state(now, Vec::new(), Taken::Changed(differences))
                    }
                }
            }
            Err(why) => {
                let why = why.unwrap_or_else(|| "it is not there".to_owned());
                state(now, Vec::new(), Taken::Lost(why))
            }
        };
        let taken = Self {
            settings: settings.to_owned(),
            file,
            keyring: Arc::clone(keyring),
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::default(),
        };
        // Under the key of now, too.
        if let Err(error) = taken.write(&taken.rules()) {
            log.warning(format_args!("{FILE} can not be written: {error}"));
        }
        if !taken.state().pending.is_empty()
            && let Some(warning) = taken.warning()
        {
            log.warning(warning);
        }
        taken
    }

    /// Tells the journal and the log of a policy that took effect without `policy apply`. Where there was
    /// never anything decided, `first`, nobody has changed anything.
    pub(crate) async fn tell(self: Arc<Self>, first: bool, queue: Queue, log: Log) {
        if first {
            self.state().taken = Taken::AsBefore;
            return;
        }
        let name = self.rules().name();
        let before = match &self.state().taken {
            Taken::AsBefore => true,
            Taken::Changed(_) | Taken::Lost(_) => false,
        };
        // Files that were put back are what they were; the journal tells what was applied since.
        if before
            && let Some(last) = last_applied(&queue).await
            && last != name
        {
            let why = format!("it is {name}, and the last that took effect is {last}");
            self.state().taken = Taken::Lost(why);
        }
        let detail = match &self.state().taken {
            Taken::AsBefore => return,
            Taken::Changed(differences) => format!("{differences}; at a start"),
            Taken::Lost(why) => format!("{name}; at a start, of another or none: {FILE}: {why}"),
        };
        log.warning(format_args!("a policy took effect: {detail}"));
        let operation = Operation::Keep {
            what: Keeping::PolicyApply,
            count: None,
            detail: Note::detail(&detail),
        };
        let uid = rustix::process::geteuid().as_raw();
        let order = Order {
            channel: Channel::Verifier,
            ..Order::of(Actor::new(uid, "sekisho-verifierd"))
        };
        if !matches!(
            queue.operate(operation, order).await,
            Ok(Some((Done::Receipt(..), _)))
        ) {
            log.error("no event tells that the policy of the settings took effect");
        }
    }

    /// What is kept; without a word if there was never anything.
    fn read(settings: &Path, file: &Path, keyring: &Keyring) -> Result<Rules, Option<String>> {
        let most = usize::try_from(FILE_OCTETS_MAX).unwrap_or(usize::MAX / 2);
        let (octets, _) =
            sealed_file::read(file, keyring, PURPOSE, most).map_err(|why| match why {
                Sealed::Missing => None,
                Sealed::DoesNotOpen => Some("it does not open".to_owned()),
                Sealed::Unread(why) => Some(why),
            })?;
        let text = std::str::from_utf8(&octets).map_err(|_| Some("it is no text".to_owned()))?;
        let text = Zeroizing::new(text.to_owned());
        let one_line = |error: String| Some(error.replace('\n', ": "));
        let parsed =
            Settings::parse(settings, &text).map_err(|error| one_line(error.to_string()))?;
        Rules::new(&parsed, text).map_err(|error| one_line(error.to_string()))
    }

    fn write(&self, rules: &Rules) -> std::io::Result<()> {
        sealed_file::write(&self.file, &self.keyring, PURPOSE, rules.octets())
    }

    /// Seals it anew, with the key that is current now.
    pub(crate) fn reseal(&self) -> std::io::Result<()> {
        self.write(&self.rules())
    }

    /// What is in effect.
    pub(crate) fn rules(&self) -> Rules {
        self.state().rules.clone()
    }

    /// What the settings file says now.
    pub(crate) async fn candidate(&self) -> Result<Rules, String> {
        let path = self.settings.clone();
        let read = move || {
            let (settings, text) =
                Settings::load_with_text(&path).map_err(|error| error.to_string())?;
            Rules::new(&settings, text).map_err(|error| error.to_string())
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| error.to_string())?
    }

    /// From now on `rules` are in effect, and after the next start.
    pub(crate) async fn put(self: Arc<Self>, rules: Rules) -> std::io::Result<()> {
        let written = move || {
            self.write(&rules)?;
            *self.state() = State {
                rules,
                pending: Vec::new(),
                taken: Taken::AsBefore,
            };
            Ok(())
        };
        let written = tokio::task::spawn_blocking(written).await;
        written.map_err(std::io::Error::other)?
    }

    /// That the settings say something else.
    pub(crate) fn warning(&self) -> Option<String> {
        let state = self.state();
        if let Taken::Lost(why) = &state.taken {
            return Some(text!("warn-policy-lost", why = why.as_str()));
        }
        (!state.pending.is_empty()).then(|| {
            let parts = state.pending.join("], [");
            text!("warn-policy-pending", parts = parts)
        })
    }

    /// Seals it anew whenever the data key has changed, so that it outlasts the old one.
    pub(crate) async fn keep(
        self: Arc<Self>,
        log: Log,
        mut ending: tokio::sync::watch::Receiver<bool>,
    ) {
        let mut number = self.keyring.current().number();
        loop {
            let ended = ending.wait_for(|ending| *ending);
            if tokio::time::timeout(LOOK, ended).await.is_ok() {
                return;
            }
            let current = self.keyring.current().number();
            if current == number {
                continue;
            }
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.reseal()).await {
                Ok(Ok(())) => number = current,
                Ok(Err(error)) => {
                    log.warning(format_args!("{FILE} can not be sealed anew: {error}"));
                }
                Err(_) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often is looked whether there is a new data key. A rotation seals everything before the old one
/// goes.
const LOOK: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use sekisho_verifier::seal::{DataKey, KEY_OCTETS};

    use super::*;

    const STRICT: &str = "[acceptance]\nprofile = \"strict\"\n";
    const ALONE: &str = "[approval]\noperations = []\n";
    const SILENT: &str = "[log]\nsyslog = false\nstderr = false\n";

    struct Folder {
        folder: tempfile::TempDir,
        keyring: Arc<Keyring>,
        log: Log,
    }

    impl Folder {
        fn new() -> Self {
            let settings = Settings::parse(Path::new("s.toml"), SILENT).expect("settings");
            Self {
                folder: tempfile::tempdir().expect("folder"),
                keyring: Arc::new(Keyring::new(DataKey::new(1, &[1; KEY_OCTETS]))),
                log: Log::start(&settings.log, "test").expect("a log"),
            }
        }

        fn start(&self, text: &str) -> KeptPolicy {
            let path = self.folder.path().join("sekisho.toml");
            std::fs::write(&path, text).expect("written");
            let settings = Settings::parse(&path, text).expect("settings");
            let rules = Rules::new(&settings, Zeroizing::new(text.to_owned())).expect("rules");
            KeptPolicy::take(&path, self.folder.path(), &self.keyring, rules, &self.log)
        }

        fn window(&self, text: &str) -> u64 {
            self.start(text).rules().policy.acceptance.window
        }
    }

    #[test]
    fn a_change_waits_where_it_takes_two_and_striking_that_out_is_one() {
        let folder = Folder::new();
        assert_eq!(folder.window(""), 1, "the first start");
        assert_eq!(folder.window(STRICT), 1);
        let both = format!("{STRICT}{ALONE}");
        let kept = folder.start(&both);
        assert_eq!(kept.rules().policy.acceptance.window, 1);
        let warning = kept.warning().expect("a warning");
        assert!(warning.contains("[acceptance], [approval]"), "{warning}");
        assert!(kept.rules().operations.contains(&Approved::Policy));
        assert_eq!(folder.start("").warning(), None, "as it was");
    }

    #[test]
    fn a_change_takes_effect_at_a_start_where_one_is_enough() {
        let folder = Folder::new();
        folder.start(ALONE);
        assert_eq!(folder.window(&format!("{STRICT}{ALONE}")), 0);
        // That it takes two from now on as well.
        assert_eq!(folder.window(STRICT), 0);
        assert_eq!(folder.window(""), 0);
    }

    #[test]
    fn what_is_no_policy_may_change() {
        let folder = Folder::new();
        folder.start("");
        let client = "[[radius.client]]\nname = \"gw\"\naddress = [\"192.0.2.1\"]\nsecret = \"0123456789abcdef\"\n";
        for text in [
            client,
            "[verifier]\nconnections = 64\n",
            "[language]\ndefault = \"ja\"\n",
        ] {
            assert_eq!(folder.start(text).warning(), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_put_into_effect_is_exactly_what_was_read() {
        let folder = Folder::new();
        folder.start("");
        let kept = Arc::new(folder.start(STRICT));
        let candidate = kept.candidate().await.expect("settings");
        assert_eq!(candidate.changes(&kept.rules()), ["acceptance"]);
        assert_eq!(candidate.octets(), STRICT.as_bytes());
        let told = kept.rules().differences(&candidate);
        assert!(
            told.contains("window: 1") && told.contains("window: 0"),
            "{told}"
        );
        Arc::clone(&kept).put(candidate).await.expect("written");
        assert_eq!(kept.warning(), None);
        assert_eq!(kept.rules().policy.acceptance.window, 0);
        assert_eq!(folder.window(STRICT), 0);
        assert_eq!(folder.window(""), 0, "now this one waits");
    }

    #[test]
    fn who_approves_sees_every_line_that_changes() {
        let folder = Folder::new();
        let old = folder.start("").rules();
        let text = "[pam]\ngrace-until = \"2026-12-31\"\nsecond-use-seconds = 30\nsecond-use-services = [\"sudo\"]\n\
                    [pam.service.sshd]\ncode = \"never\"\n[[pam.service.sshd.rule]]\ngroups = [\"staff\"]\n\
                    networks = [\"local\", \"192.0.2.0/24\"]\ncode = \"always\"\n[approval]\noperations = []\n";
        let settings = Settings::parse(Path::new("s.toml"), text).expect("settings");
        let new = Rules::new(&settings, Zeroizing::new(text.to_owned())).expect("rules");
        let told = old.differences(&new);
        for part in [
            "pam.service.sshd: default -> never, rule[1] always for groups staff, networks local 192.0.2.0/24",
            "pam.second-use: none -> 30 s for sudo",
            "pam.grace-until: none -> ",
            "approval.operations: backup bulk-disable key-rotate policy restore -> ",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let digest = |told: &str| told.split(';').nth(1).map(str::to_owned);
        assert!(told.starts_with(&new.name()), "{told}");
        assert_ne!(new.name(), old.name());
        assert_eq!(old.name(), old.clone().name());
        assert_ne!(digest(&told), digest(&new.differences(&old)));
        assert_eq!(new.differences(&new).matches("->").count(), 0);
    }

    #[test]
    fn it_outlasts_its_key_and_what_does_not_open_is_not_believed() {
        let folder = Folder::new();
        let kept = folder.start(STRICT);
        folder
            .keyring
            .make_current(DataKey::new(2, &[2; KEY_OCTETS]));
        kept.reseal().expect("sealed anew");
        folder.keyring.forget(1);
        assert_eq!(folder.window(""), 0);
        let path = folder.folder.path().join(FILE);
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, b"acceptance").expect("written");
        assert_eq!(folder.window(""), 1);
    }
}
