//! Key rotation, while logins go on.
//!
//! What is written, in this order, and each of it durable before the next:
//!
//! 1. the master key file with a new version (a file; elsewhere the newest version is taken),
//! 2. the keyring with a new data key beside the old one, wrapped by that version;
//!    from now on everything new is sealed and tagged by the new key,
//! 3. the event `key-rotate`,
//! 4. every record, sealed and tagged anew, in batches with an event `reseal` each,
//! 5. the event `key-destroy`,
//! 6. the keyring without the old key,
//! 7. the master key file without the old version.
//!
//! A crash before 2 leaves a version that the next rotation takes. A keyring with two data keys is
//! a rotation to be gone on with, from 3. A crash before 7 is made good at the next start.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_daemon::Log;
use sekisho_settings::Settings;
use sekisho_store_embedded::Keeper;
use sekisho_verifier::event::{Channel, Note, RequestKey};
use sekisho_verifier::operation::{
    Done, Keeping, Operation, Order, RESEAL_RECORDS_MAX, left_as_they_are,
};
use sekisho_verifier::seal::NONCE_OCTETS;
use sekisho_verifier::store::{Key, Kind, Record, Store, StoreError};
use sekisho_verifier_socket::admin::{Refusal, RefusalKind};
use tokio::sync::{mpsc, oneshot, watch};

use super::content::Asked;
use super::error::KeyError;
use super::keyring_file::{self, Wrapped};
use super::master::Master;
use super::{Keys, PUBLIC_FILE, Phase, no_random, private_file};
use crate::decider::{Job, Queue};
use crate::requests;
use crate::speech::text;

/// The master key file, unless the settings name another.
const OWN_MASTER_KEY: &str = "master.key";
/// How long to wait when the queue is full or something can not be written.
const TROUBLE_PAUSE: Duration = Duration::from_millis(200);
/// After each batch logins have the disk for themselves, for as long as the batch took and no
/// longer than this.
const REST_MAX: Duration = Duration::from_millis(200);

/// A rotation that somebody asks for.
#[derive(Debug)]
pub(crate) struct Command {
    asked: Asked,
    to: oneshot::Sender<Result<Done, Refusal>>,
}

/// The way to the task that rotates.
#[derive(Debug, Clone)]
pub(crate) struct Rotations {
    keys: Arc<Keys>,
    commands: mpsc::Sender<Command>,
}

/// The task that rotates, and the way to it. One rotation at a time, so there is never more than
/// one command.
pub(crate) fn rotator(
    keys: &Arc<Keys>,
    keeper: Keeper,
    queue: Queue,
    log: Log,
    ending: watch::Receiver<bool>,
) -> (Rotations, Rotator) {
    let (commands, wait) = mpsc::channel(1);
    let rotations = Rotations {
        keys: Arc::clone(keys),
        commands,
    };
    let rotator = Rotator {
        keys: Arc::clone(keys),
        keeper,
        queue,
        log,
        commands: wait,
        ending,
    };
    (rotations, rotator)
}

impl Rotations {
    /// Begins a rotation. What comes back is the event that tells of it; the rest goes on behind.
    pub(crate) async fn begin(&self, order: Order) -> Result<Done, Refusal> {
        let request = match order.request {
            Some(request) => request,
            None => own_request()?,
        };
        let ended = own_request()?;
        self.keys.take_turn()?;
        let (to, done) = oneshot::channel();
        let asked = Asked {
            actor: order.actor,
            note: order.note,
            begun: request,
            ended,
            approver: order.approver,
        };
        // There is room, because it was our turn.
        if self.commands.try_send(Command { asked, to }).is_err() {
            self.keys.give_turn_back();
            return Err(crate::admin::unavailable());
        }
        done.await.unwrap_or(Ok(Done::Unknown))
    }
}

/// A name for a rotation that nobody named.
fn own_request() -> Result<RequestKey, Refusal> {
    let octets = requests::random::<8>()?;
    let text = format!("key-rotate-{:016x}", u64::from_be_bytes(octets));
    RequestKey::parse(&text).ok_or_else(crate::admin::unavailable)
}

impl Keys {
    pub(super) fn take_turn(&self) -> Result<(), Refusal> {
        let mut state = self.state();
        let (done, all) = (state.done, state.all);
        let conflict = |message: String, way_out: String| {
            Err(requests::refusal(RefusalKind::Conflict, message, way_out))
        };
        match (state.phase, state.backups) {
            (Phase::Resting, 0) => {
                state.phase = Phase::Beginning;
                Ok(())
            }
            (Phase::Resting, _) => conflict(
                text!("refused-rotation-backup"),
                text!("refused-rotation-backup-way"),
            ),
            (Phase::Beginning | Phase::Resealing, _) => conflict(
                text!("refused-rotating", done = done, all = all),
                text!("refused-rotating-way"),
            ),
        }
    }

    fn give_turn_back(&self) {
        self.state().phase = Phase::Resting;
    }

    /// What the crash of an earlier process has left undone. Only after the store is open: it is
    /// what keeps a second verifier away from the data folder.
    pub(super) fn settle(&self) -> Result<(), KeyError> {
        self.tidy();
        let mut master = Master::open(&self.settings)?;
        let (content, kind, rotating) = {
            let state = self.state();
            let rotating = state.content.is_rotating();
            (state.content.clone(), state.kind, rotating)
        };
        if kind != master.kind() {
            // The settings name another source than before.
            let version = master.first()?;
            let wrapped = Wrapped::new(&master, version, &content)?;
            keyring_file::replace(&self.settings.verifier.data, &wrapped)?;
            let mut state = self.state();
            state.version = version;
            state.kind = master.kind();
        }
        let version = self.state().version;
        if !rotating {
            master.drop_before(version)?;
        }
        self.advise(&master);
        Ok(())
    }

    /// The files that we write keys into, and the public key.
    fn files(&self) -> [PathBuf; 4] {
        let Settings {
            verifier,
            master_key,
            ..
        } = &self.settings;
        let own = [OWN_MASTER_KEY, keyring_file::FILE_NAME, PUBLIC_FILE];
        let [own, keyring, public] = own.map(|name| verifier.data.join(name));
        [own, master_key.file(verifier), keyring, public]
    }

    /// Takes away what writes have left that were cut off. There may be clear keys in it.
    fn tidy(&self) {
        let files = self.files();
        let left = files.iter().map(|file| private_file::beside(file));
        for left in left.filter(|left| !files.contains(left)) {
            // What can not be taken away is told below.
            let _ = fs::remove_file(left);
        }
    }

    /// What only an operator can do.
    fn advise(&self, master: &Master) {
        let mut advice = Vec::new();
        let version = self.state().version;
        let own = self.settings.verifier.data.join(OWN_MASTER_KEY);
        match master {
            Master::File(path, _) if *path == own => {}
            _ if own.exists() => advice.push(format!(
                "{} is not the master key any more: keep it elsewhere or destroy it",
                own.display()
            )),
            _ => {}
        }
        if !matches!(master, Master::File(..)) && master.has_before(version) {
            advice.push(format!(
                "there are versions of the master key before {version}, which wrap nothing any \
                 more: take them away"
            ));
        }
        let files = self.files();
        let left = files.iter().map(|file| private_file::beside(file));
        for left in left.filter(|left| !files.contains(left) && left.exists()) {
            advice.push(format!(
                "{} is left over from a write that was cut off and may hold keys: destroy it",
                left.display()
            ));
        }
        self.state().advice = advice;
    }

    /// Steps 1 and 2.
    pub(super) fn begin(&self, asked: Asked) -> Result<(), KeyError> {
        let mut master = Master::open(&self.settings)?;
        let (before, used) = {
            let state = self.state();
            (state.content.clone(), state.version)
        };
        let version = master.next(used)?;
        let (content, key) = before
            .begin_rotation(asked)
            .map_err(|error| no_random(&error))?;
        let wrapped = Wrapped::new(&master, version, &content)?;
        keyring_file::replace(&self.settings.verifier.data, &wrapped)?;
        self.keyring.make_current(key);
        let mut state = self.state();
        state.content = content;
        state.version = version;
        state.phase = Phase::Resealing;
        (state.done, state.all) = (0, 0);
        Ok(())
    }

    /// Steps 6 and 7.
    pub(super) fn end(&self) -> Result<(), KeyError> {
        let master = Master::open(&self.settings)?;
        let (before, version) = {
            let state = self.state();
            (state.content.clone(), state.version)
        };
        let content = before.end_rotation();
        let wrapped = Wrapped::new(&master, version, &content)?;
        keyring_file::replace(&self.settings.verifier.data, &wrapped)?;
        for number in before.numbers() {
            self.keyring.forget(number);
        }
        self.state().content = content;
        master.drop_before(version)?;
        self.advise(&master);
        self.state().phase = Phase::Resting;
        Ok(())
    }

    /// Whose rotation is under way.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.state().content.rotation().cloned()
    }

    fn trouble(&self, trouble: Option<String>) {
        self.state().trouble = trouble;
    }
}

/// The task that rotates.
pub(crate) struct Rotator {
    keys: Arc<Keys>,
    keeper: Keeper,
    queue: Queue,
    log: Log,
    commands: mpsc::Receiver<Command>,
    ending: watch::Receiver<bool>,
}

impl Rotator {
    /// Works until the daemon ends. What is left undone then is gone on with at the next start.
    pub(crate) async fn run(self) {
        let mut ending = self.ending.clone();
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => {}
            () = self.work() => {}
        }
    }

    async fn work(mut self) {
        self.insist(Keys::settle).await;
        if let Some(asked) = self.keys.asked() {
            self.log.info("the key rotation of before goes on");
            self.go_on(&asked, None).await;
        }
        while let Some(Command { asked, to }) = self.commands.recv().await {
            let begun = {
                let asked = asked.clone();
                self.apart(move |keys| keys.begin(asked)).await
            };
            match begun {
                Ok(()) => self.go_on(&asked, Some(to)).await,
                Err(error) => {
                    self.log
                        .error(format_args!("no key rotation: {}", error.line()));
                    self.keys.give_turn_back();
                    let _ = to.send(Err(error.refusal()));
                }
            }
        }
    }

    /// Steps 3 to 7.
    async fn go_on(&self, asked: &Asked, to: Option<oneshot::Sender<Result<Done, Refusal>>>) {
        let current = self.keys.keyring.current().number();
        let older: Vec<String> = self
            .keys
            .keyring
            .numbers()
            .into_iter()
            .filter(|number| *number != current)
            .map(|number| number.to_string())
            .collect();
        let older = older.join(", ");
        let version = self.keys.state().version;
        let detail =
            format!("data key {current} in the place of {older}, master key version {version}");
        let done = self
            .keep(
                Keeping::KeyRotate,
                &detail,
                asked,
                Channel::Cli,
                &asked.begun,
            )
            .await;
        if let Some(to) = to {
            // The connection may be gone; the receipt is in the journal.
            let _ = to.send(Ok(done));
        }
        self.log.info(format_args!("key rotation: {detail}"));
        self.reseal_all(asked, current).await;
        let mut detail = format!("data key {older}");
        match self.damaged().await {
            0 => {}
            damaged => {
                let left = left_as_they_are(damaged);
                self.log.warning(format_args!("key rotation: {left}"));
                detail = format!("{detail}; {left}");
            }
        }
        self.keep(
            Keeping::KeyDestroy,
            &detail,
            asked,
            Channel::Verifier,
            &asked.ended,
        )
        .await;
        self.insist(Keys::end).await;
        self.log.info(format_args!(
            "key rotation has ended: data key {older} is destroyed"
        ));
    }

    async fn keep(
        &self,
        what: Keeping,
        detail: &str,
        asked: &Asked,
        channel: Channel,
        request: &RequestKey,
    ) -> Done {
        let order = Order {
            channel,
            request: Some(request.clone()),
            note: asked.note.clone(),
            approver: asked.approver.clone(),
            ..Order::of(asked.actor.clone())
        };
        let operation = || Operation::Keep {
            what,
            count: None,
            detail: Note::new(detail),
        };
        self.operate(operation, &order).await
    }

    /// Goes through all records until nothing is left that another key has sealed. A seal that is
    /// under way during the switch is by the old key, but it is in the queue before the first look;
    /// an import that was sealed before the switch is refused or sealed anew when it is finished.
    async fn reseal_all(&self, asked: &Asked, current: u32) {
        let order = Order {
            channel: Channel::Verifier,
            ..Order::of(asked.actor.clone())
        };
        let counts = self.look(|store| Ok(store.counts())).await;
        // Tokens come first, because it can be seen which of them are done: however often the
        // verifier is killed meanwhile, it gets on.
        loop {
            {
                let mut state = self.keys.state();
                (state.done, state.all) = (0, counts.tokens + counts.accounts);
            }
            if self.pass(Kind::Tokens, current, &order).await == 0 {
                break;
            }
        }
        self.pass(Kind::Accounts, current, &order).await;
        self.pass(Kind::Aliases, current, &order).await;
        self.pass(Kind::Sessions, current, &order).await;
    }

    /// Seals and tags the records of one kind anew; returns how many there were to be.
    async fn pass(&self, kind: Kind, current: u32, order: &Order) -> u64 {
        let mut after: Option<Key> = None;
        let mut written = 0;
        loop {
            let from = after.take();
            let page = self
                .look(move |store| store.list(kind, from.as_ref(), RESEAL_RECORDS_MAX))
                .await;
            let Some(last) = page.last() else {
                return written;
            };
            after = Some(last.key());
            let stale: Vec<Key> = page
                .iter()
                .filter(|record| is_stale(record, current))
                .map(Record::key)
                .collect();
            if !stale.is_empty() {
                let begun = Instant::now();
                written += self.reseal(&stale, order).await;
                tokio::time::sleep(begun.elapsed().min(REST_MAX)).await;
            }
            if matches!(kind, Kind::Tokens | Kind::Accounts) {
                let mut state = self.keys.state();
                state.done = (state.done + page.len() as u64).min(state.all);
            }
        }
    }

    /// How many records do not read: nothing seals or tags them anew.
    async fn damaged(&self) -> u64 {
        loop {
            let keeper = self.keeper.clone();
            match tokio::task::spawn_blocking(move || keeper.scrub()).await {
                Ok(Ok(scrubbed)) => return scrubbed.misfits,
                Ok(Err(error)) => self.wait(&error.to_string()),
                Err(error) => self.wait(&error.to_string()),
            }
            tokio::time::sleep(TROUBLE_PAUSE).await;
        }
    }

    async fn reseal(&self, keys: &[Key], order: &Order) -> u64 {
        let operation = || {
            let with_nonce = |key: &Key| {
                let nonce = requests::random::<NONCE_OCTETS>().ok()?;
                Some((key.clone(), nonce))
            };
            // Without randomness nothing is sealed, and the next pass tries again.
            Operation::Reseal(keys.iter().filter_map(with_nonce).collect())
        };
        match self.operate(operation, order).await {
            Done::Receipt(_, event) => event.count.unwrap_or(0),
            _ => 0,
        }
    }

    /// Has an operation done, however long that takes.
    async fn operate(&self, operation: impl Fn() -> Operation, order: &Order) -> Done {
        loop {
            let (to, done) = oneshot::channel();
            let job = Job::Operate {
                operation: operation(),
                order: order.clone(),
                to,
            };
            if self.queue.put(job).is_ok() {
                match done.await.map(|(done, _)| done) {
                    Ok(done @ (Done::Receipt(..) | Done::Before(_))) => {
                        self.keys.trouble(None);
                        return done;
                    }
                    Ok(Done::Refused(refusal)) => self.wait(&refusal.to_string()),
                    _ => self.wait("nothing can be written"),
                }
            }
            tokio::time::sleep(TROUBLE_PAUSE).await;
        }
    }

    /// Has a look at the store, however long that takes.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        loop {
            match self.queue.look(look.clone()).await {
                Some(Ok(seen)) => return seen,
                Some(Err(error)) => self.wait(&error.to_string()),
                None => {}
            }
            tokio::time::sleep(TROUBLE_PAUSE).await;
        }
    }

    /// Has something done to files, however long that takes.
    async fn insist(&self, work: fn(&Keys) -> Result<(), KeyError>) {
        while let Err(error) = self.apart(work).await {
            self.wait(&error.line());
            tokio::time::sleep(TROUBLE_PAUSE).await;
        }
        self.keys.trouble(None);
    }

    /// Waits for files in another thread, so that logins do not.
    async fn apart(
        &self,
        work: impl FnOnce(&Keys) -> Result<(), KeyError> + Send + 'static,
    ) -> Result<(), KeyError> {
        let keys = Arc::clone(&self.keys);
        let done = tokio::task::spawn_blocking(move || work(&keys)).await;
        done.unwrap_or_else(|error| {
            Err(KeyError::new(
                "keys",
                error.to_string(),
                "see the log of before",
            ))
        })
    }

    /// Tells why the rotation does not get on; once, until it does or the cause is another.
    fn wait(&self, cause: &str) {
        let trouble = format!("the key rotation does not get on: {cause}");
        if self.keys.state().trouble.as_deref() != Some(&trouble) {
            self.log.warning(&trouble);
            self.keys.trouble(Some(trouble));
        }
    }
}

/// What a pass takes. The tag of a record can not be seen, so those without a seed are all taken.
fn is_stale(record: &Record, current: u32) -> bool {
    match record {
        Record::Token(token) => token.seed.key_number() != Some(current),
        Record::Account(_) | Record::Alias { .. } | Record::Session(_) => true,
    }
}
