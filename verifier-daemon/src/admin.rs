//! The desk of admins, help desk and auditors: one verb after the other.

use std::time::Duration;

use data_encoding::BASE64;
use sekisho_verifier::account::{Account, AccountName, PasswordHash};
use sekisho_verifier::checkpoint::Hash;
use sekisho_verifier::event::{
    Actor, Channel, Event, Note, OperationEvent, OperationOutcome, RequestKey, What,
};
use sekisho_verifier::lifecycle::TokenState;
use sekisho_verifier::operation::{
    Done, IMPORT_FAULTS_MAX, IMPORT_TOKENS_MAX, Imported, Keeping, Operation, Order,
    Refusal as CoreRefusal, SessionChoice,
};
use sekisho_verifier::otp::Seed;
use sekisho_verifier::receipt::{Receipt, ReceiptNumber};
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Kind, Position, Record, Store, StoreError};
use sekisho_verifier::time::Time;
use sekisho_verifier_socket::admin::{
    AccountFilter, Answer, AuditFilter, Change, ImportRow, NewToken, PAGE_MAX, ReceiptView,
    Refusal, RefusalKind, RemovedView, TokenFilter, Verb,
};
use sekisho_verifier_socket::{Language, Secret};
use tokio::sync::OwnedSemaphorePermit;
use zeroize::{Zeroize, Zeroizing};

use crate::backup::{Next, Running};
use crate::decider::NoRoom;
use crate::passwords::PASSWORD_OCTETS_MAX;
use crate::peer::Peer;
use crate::seeds::{self, SeedMarks};
use crate::service::Shared;
use crate::speech::text;
use crate::upkeep::{Retain, Retained};
use crate::{approvals, clock, explain, health, requests, sessions, speech, status, uri, views};

/// Events that are looked at before logins get their turn again.
const EVENTS_LOOKED_AT: usize = 20_000;
/// Rows of an import that are sealed anew before others get their turn again.
const ROWS_SEALED: usize = 500;
/// How often an audit list goes on looking for rows that its filter wants.
const LOOKS_MAX: usize = 2_000;

/// How long an operation that is asked for once more ends sessions once more.
const REPEATED_ENDS: Duration = Duration::from_secs(600);

/// The newest checkpoint, in the data folder.
const CHECKPOINT: &str = "checkpoint";

pub(crate) type Answered = Result<Answer, Refusal>;

/// What comes with a verb.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) key: Option<String>,
    pub(crate) language: Option<Language>,
    pub(crate) approval: Option<String>,
}

/// What one connection's admin has begun.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) actor: Actor,
    /// Who that is, where it takes two people.
    pub(crate) person: u32,
    /// The request key of the verb that is carried out now.
    pub(crate) key: Option<RequestKey>,
    /// Through which door it came.
    pub(crate) channel: Channel,
    /// Who approved it, if it took a second person.
    pub(crate) approver: Option<Actor>,
    /// In which language texts for people come back.
    pub(crate) language: Language,
    import: Option<Import>,
    backup: Option<Running>,
}

#[derive(Debug)]
struct Import {
    rows: Vec<Imported>,
    seeds: SeedMarks,
    /// One import at a time, because it is kept in memory.
    _turn: OwnedSemaphorePermit,
}

impl Desk {
    pub(crate) fn new(peer: &Peer) -> Self {
        Self {
            actor: Actor::new(peer.uid, &peer.name),
            person: peer.person(),
            key: None,
            channel: Channel::Cli,
            approver: None,
            language: Language::default(),
            import: None,
            backup: None,
        }
    }

    /// Carries out `verb` if the peer may use it: once for each `key`, if it changes something. The
    /// answer is in the language of the request.
    pub(crate) async fn handle(
        &mut self,
        verb: Verb,
        about: About,
        peer: &Peer,
        shared: &Shared,
    ) -> Answered {
        let language = about.language.unwrap_or(shared.speech.usual);
        self.language = language;
        speech::in_language(language, self.carry_out(verb, about, peer, shared)).await
    }

    async fn carry_out(
        &mut self,
        verb: Verb,
        about: About,
        peer: &Peer,
        shared: &Shared,
    ) -> Answered {
        self.channel = Channel::Cli;
        self.approver = None;
        if !peer.may_use(&verb) {
            let actor = &self.actor;
            if self.may_log(peer, shared) {
                shared
                    .log
                    .warning(format_args!("refused to {actor}: a verb without the role"));
            }
            return Err(not_permitted(peer));
        }
        let key = about.key.as_deref();
        self.key = key.map(requests::request_key).transpose()?;
        let approval = about.approval.as_deref();
        if let Verb::PolicyApply { note } = &verb {
            return self
                .policy_apply(&verb, note.as_deref(), approval, shared)
                .await;
        }
        if let Verb::AccountsDisable { accounts, .. } = &verb {
            // Else a second person would approve what can never be done.
            self.names_of(accounts)?;
        }
        let detail = approvals::detail(&verb);
        let waiting = self.gate(&verb, detail, approval, b"", shared).await?;
        if let Some(waiting) = waiting {
            return Ok(waiting);
        }
        match verb {
            Verb::Issue(new) => self.issue(&new, shared).await,
            Verb::ImportBegin => self.import_begin(shared),
            Verb::ImportRows(rows) => self.import_rows(&rows, shared),
            Verb::ImportFinish => self.import_finish(shared).await,
            Verb::Enroll {
                account,
                serial,
                code,
                note,
            } => {
                let operation = Operation::Enroll {
                    account: requests::account(&account)?,
                    serial: requests::serial(&serial)?,
                    code: requests::code(&code),
                };
                self.operate(operation, note, shared).await
            }
            Verb::Exchange {
                old,
                new,
                code,
                note,
            } => {
                let operation = Operation::Exchange {
                    old: requests::serial(&old)?,
                    new: requests::serial(&new)?,
                    code: requests::code(&code),
                };
                self.operate(operation, note, shared).await
            }
            Verb::Change {
                change,
                serial,
                note,
                keep_sessions,
            } => {
                let operation = requests::change(change, &serial)?;
                let takes = change != Change::Resume && !keep_sessions;
                let answer = self.operate(operation, note, shared).await?;
                Ok(self.end_sessions(answer, takes, shared).await)
            }
            Verb::Unlock { account, note } => {
                let operation = Operation::Unlock(requests::account(&account)?);
                self.operate(operation, note, shared).await
            }
            Verb::AccountSet {
                account,
                change,
                note,
                keep_sessions,
            } => {
                let change = requests::account_change(&change)?;
                let takes = change.disabled == Some(true) && !keep_sessions;
                let operation = Operation::AccountSet(requests::account(&account)?, change);
                let answer = self.operate(operation, note, shared).await?;
                Ok(self.end_sessions(answer, takes, shared).await)
            }
            Verb::AccountPassword {
                account,
                password,
                note,
            } => {
                let account = requests::account(&account)?;
                let password = match password {
                    Some(password) => Some(new_password(&password, shared).await?),
                    None => None,
                };
                let operation = Operation::AccountPassword(account, password);
                self.operate(operation, note, shared).await
            }
            Verb::Emergency {
                account,
                count,
                valid_s,
                note,
            } => {
                let codes = (count, Duration::from_secs(valid_s));
                self.emergency(&account, codes, note, peer, shared).await
            }
            Verb::StartCode { account, note } => self.start_code(&account, note, shared).await,
            Verb::StartPassword {
                account,
                remove,
                note,
            } => self.start_password(&account, remove, note, shared).await,
            Verb::Resync {
                serial,
                first,
                second,
                note,
            } => {
                let operation = Operation::Resync {
                    serial: requests::serial(&serial)?,
                    first: requests::code(&first),
                    second: requests::code(&second),
                };
                self.operate(operation, note, shared).await
            }
            Verb::AccountsDisable {
                accounts,
                keep_sessions,
                note,
            } => {
                self.accounts_disable(&accounts, keep_sessions, note, shared)
                    .await
            }
            Verb::PolicyTest(question) => self.policy_test(question, shared).await,
            Verb::Own { password, verb } => self.own(password.as_ref(), verb, peer, shared).await,
            Verb::Approve {
                approval,
                refuse,
                note,
            } => self.approve(&approval, refuse, note, shared).await,
            Verb::ApprovalList => {
                let now = clock::Moment::now();
                Ok(Answer::Approvals(shared.approvals.views(now)))
            }
            Verb::ApprovalWait(number) => self.approval_wait(&number, shared).await,
            Verb::Health => health::answer(shared).await,
            Verb::SessionList(filter) => sessions::list(filter, shared).await,
            Verb::SessionEnd {
                account,
                session,
                note,
            } => self.session_end(account, session, note, shared).await,
            Verb::SessionEndings(position) => sessions::endings(position, shared).await,
            Verb::ClientList => Ok(Answer::Clients(shared.seen.views())),
            Verb::ClockTrust { note } => self.operate(Operation::ClockTrust, note, shared).await,
            Verb::TokenList(filter) => token_list(filter, shared).await,
            Verb::TokenShow(serial) => token_show(requests::serial(&serial)?, shared).await,
            Verb::AccountShow(name) => account_show(requests::account(&name)?, shared).await,
            Verb::AccountList(filter) => account_list(filter, shared).await,
            Verb::ReceiptShow(number) => receipt_show(&number, shared).await,
            Verb::AuditList(filter) => audit_list(filter, shared).await,
            Verb::Explain(name) => {
                let name = requests::account(&name)?;
                let facts = explain::gather(name, self.texts(), shared).await?;
                Ok(Answer::Explanation(facts))
            }
            Verb::Status => status::answer(shared).await,
            Verb::Retain {
                older_than_s,
                dry_run,
                note,
            } => {
                let age = older_than_s.map(Duration::from_secs);
                self.retain(age, dry_run, note, shared).await
            }
            Verb::AuditKey => audit_key(shared).await,
            Verb::KeyRotate { note } => self.key_rotate(note, shared).await,
            Verb::KeyStatus => Ok(Answer::Keys(shared.keys.status())),
            Verb::Backup { history, note } => self.backup_begin(history, note, shared),
            Verb::BackupNext => self.backup_next(shared).await,
            _ => Err(requests::invalid(
                text!("refused-verb"),
                text!("refused-verb-way"),
            )),
        }
    }

    /// The receipt comes at once; records are sealed anew behind it.
    async fn key_rotate(&self, note: Option<String>, shared: &Shared) -> Answered {
        let operation = Operation::Keep {
            what: Keeping::KeyRotate,
            count: None,
            detail: None,
        };
        if let Some(position) = self.done_before(shared).await? {
            return self.repeated(position, &operation, shared).await;
        }
        let begun = shared.rotations.begin(self.order(note.as_deref()));
        match begun.await? {
            Done::Receipt(position, _) | Done::Before(position) => {
                receipt_at(position, shared).await
            }
            _ => Err(unknown()),
        }
    }

    async fn issue(&self, new: &NewToken, shared: &Shared) -> Answered {
        let shape = requests::shape(new)?;
        let tokens = shared.look(|store| store.counts().tokens).await?;
        let mut octets = requests::random::<{ requests::NEW_SEED_OCTETS }>()?;
        let seed = Seed::new(octets.to_vec());
        octets.zeroize();
        let Some(seed) = seed else {
            return Err(unavailable());
        };
        let operation = Operation::Issue {
            serial: requests::serial_choice(new.serial.as_deref(), &shared.serial_prefix, tokens)?,
            seed: seed.clone(),
            nonce: requests::random()?,
            shape,
        };
        let answer = self.operate(operation, new.note.clone(), shared).await?;
        let receipt = match answer {
            // This seed is not that token's.
            Answer::Receipt(receipt) if receipt.repeated => return Ok(Answer::Receipt(receipt)),
            Answer::Receipt(receipt) => receipt,
            _ => return Err(unavailable()),
        };
        let serial = receipt.serial.as_deref().unwrap_or_default();
        let uri = uri::of(serial, &seed, shape);
        Ok(Answer::Issued { receipt, uri })
    }

    fn import_begin(&mut self, shared: &Shared) -> Answered {
        self.import = None;
        let turn = std::sync::Arc::clone(&shared.import_turn);
        let Ok(turn) = turn.try_acquire_owned() else {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-import-turn"),
                text!("refused-import-turn-way"),
            ));
        };
        self.import = Some(Import {
            rows: Vec::new(),
            seeds: SeedMarks::default(),
            _turn: turn,
        });
        Ok(Answer::ImportReady)
    }

    /// A faulty row ends the import: nothing of it has taken effect.
    fn import_rows(&mut self, rows: &[ImportRow], shared: &Shared) -> Answered {
        let mut import = self.import.take().ok_or_else(no_import)?;
        if import.rows.len() + rows.len() > IMPORT_TOKENS_MAX {
            return Err(requests::refused(&CoreRefusal::ImportTooLarge));
        }
        let mut faults = Vec::new();
        for row in rows {
            let taken = match import.seeds.add(row.seed.expose(), row.line) {
                Some(line) => Err(format!("its seed is also on line {line}")),
                None => requests::imported(&shared.keyring, row),
            };
            match taken {
                Ok(row) => import.rows.push(row),
                Err(fault) => faults.push((row.line, fault)),
            }
            if faults.len() == IMPORT_FAULTS_MAX {
                break;
            }
        }
        if !faults.is_empty() {
            return Err(requests::refused(&CoreRefusal::Import(faults)));
        }
        self.import = Some(import);
        Ok(Answer::ImportReady)
    }

    async fn import_finish(&mut self, shared: &Shared) -> Answered {
        let mut import = self.import.take().ok_or_else(no_import)?;
        for rows in import.rows.chunks_mut(ROWS_SEALED) {
            for row in rows {
                requests::of_now(&shared.keyring, row)?;
            }
            tokio::task::yield_now().await;
        }
        let operation = Operation::Import(import.rows);
        // Else it would be refused because its own seeds are there already.
        if let Some(position) = self.done_before(shared).await? {
            return self.repeated(position, &operation, shared).await;
        }
        let known = seeds::known(&import.seeds, shared).await?;
        if !known.is_empty() {
            return Err(requests::refused(&CoreRefusal::Import(known)));
        }
        self.operate(operation, None, shared).await
    }

    fn backup_begin(&mut self, history: bool, note: Option<String>, shared: &Shared) -> Answered {
        // Ends one that was begun before on this connection.
        self.backup = None;
        let (mut running, answer) = shared.backups.begin(history, note)?;
        running.approver = self.approver.clone();
        let actor = &self.actor;
        shared.log.info(format_args!("backup begun by {actor}"));
        self.backup = Some(running);
        Ok(answer)
    }

    /// A backup that fails is no longer there to be asked for.
    async fn backup_next(&mut self, shared: &Shared) -> Answered {
        let missing =
            || requests::invalid(text!("refused-no-backup"), text!("refused-no-backup-way"));
        let mut running = self.backup.take().ok_or_else(missing)?;
        let piece = match running.next().await? {
            Next::Whole(receipt, damaged) => {
                return Ok(Answer::BackupWhole { receipt, damaged });
            }
            Next::Piece(piece) => piece,
            Next::Record(operation, note) => {
                self.approver = running.approver.clone();
                match self.operate(operation, note, shared).await? {
                    Answer::Receipt(receipt) => running.recorded(receipt),
                    _ => return Err(unavailable()),
                }
                // Nobody may have too little for one more.
                Vec::new()
            }
        };
        self.backup = Some(running);
        Ok(Answer::BackupPiece(piece))
    }

    /// Removes segments of the journal whose events are all older than `age`, which is not for an
    /// admin to make less than what the settings say: they are for root to write.
    async fn retain(
        &self,
        age: Option<Duration>,
        dry_run: bool,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let age = age.unwrap_or(shared.retention);
        if age < shared.retention {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!(
                    "refused-too-young",
                    days = shared.retention.as_secs() / 86_400
                ),
                text!("refused-too-young-way"),
            ));
        }
        let repeated = Operation::Keep {
            what: Keeping::Retain,
            count: None,
            detail: None,
        };
        if let Some(position) = self.done_before(shared).await? {
            let answer = self.repeated(position, &repeated, shared).await?;
            return Ok(retained(None, answer));
        }
        let now = shared.clock.now();
        if !now.steady {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-clock-doubted"),
                text!("refused-clock-doubted-way"),
            ));
        }
        let before = now.time.millis().saturating_sub(millis(age));
        let task = Retain {
            before: Time::from_millis(before),
            dry_run,
            order: self.order(note.as_deref()),
            queue: shared.queue.clone(),
        };
        let done = shared.upkeep.retain(task).await;
        match done.ok_or_else(unavailable)? {
            Retained::Nothing => Ok(Answer::Retained {
                removed: None,
                receipt: None,
            }),
            Retained::Would(removed) => Ok(Answer::Retained {
                removed: Some(views::removed(&removed)),
                receipt: None,
            }),
            Retained::Decided(removed, decided) => {
                let (done, operation) = *decided;
                let answer = self.done(done, &operation, shared).await?;
                Ok(retained(Some(views::removed(&removed)), answer))
            }
            Retained::Failed(error) => Err(requests::refusal(
                RefusalKind::Unavailable,
                text!("refused-retain", error = error.to_string()),
                text!("refused-retain-way"),
            )),
        }
    }

    /// Ends the sessions of the account of an operation that was done now.
    pub(crate) async fn end_sessions(
        &self,
        answer: Answer,
        takes: bool,
        shared: &Shared,
    ) -> Answer {
        let Answer::Receipt(mut receipt) = answer else {
            return answer;
        };
        let account = receipt.account.as_deref();
        let account = account.and_then(|name| AccountName::parse(name).ok());
        if let Some(account) = &account {
            shared.second_use.forget(account);
        }
        let takes = takes && self.ends_now(&receipt, shared);
        if let Some(account) = account.filter(|_| takes) {
            sessions::end_all(&account, receipt.position, shared).await;
        }
        receipt.sessions = shared.sessions.orders.count(receipt.position);
        Answer::Receipt(receipt)
    }

    /// Whether an operation ends sessions now. When it is asked for once more it does again: orders are
    /// in memory, and a verifier that died behind the receipt has none. But only for a while: whoever
    /// asks again the next day wants the receipt.
    pub(crate) fn ends_now(&self, receipt: &ReceiptView, shared: &Shared) -> bool {
        let age = shared
            .clock
            .now()
            .time
            .millis()
            .saturating_sub(receipt.time_ms);
        !receipt.repeated || age < millis(REPEATED_ENDS)
    }

    async fn session_end(
        &self,
        account: Option<String>,
        session: Option<String>,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let which = match (account, session) {
            (Some(account), None) => SessionChoice::Account(requests::account(&account)?),
            (None, Some(session)) => SessionChoice::Session(sessions::session_id(&session)?),
            _ => {
                return Err(requests::invalid(
                    text!("refused-either"),
                    text!("refused-either-way"),
                ));
            }
        };
        let one = match &which {
            SessionChoice::Session(id) => Some(*id),
            SessionChoice::Account(_) => None,
        };
        let operation = Operation::SessionEnd(which);
        let answer = self.operate(operation, note, shared).await?;
        if let (Answer::Receipt(receipt), Some(id)) = (&answer, one)
            && self.ends_now(receipt, shared)
        {
            sessions::end_one(id, receipt.position, shared).await;
        }
        Ok(self.end_sessions(answer, one.is_none(), shared).await)
    }

    /// Where the operation stands that was done for this request key.
    pub(crate) async fn done_before(&self, shared: &Shared) -> Result<Option<Position>, Refusal> {
        let Some(key) = self.key.clone() else {
            return Ok(None);
        };
        let uid = self.actor.uid;
        shared
            .read(move |store| store.view().request(uid, &key))
            .await
    }

    /// The receipt of what was done before for the same request key, if it is what is asked for
    /// now.
    pub(crate) async fn repeated(
        &self,
        position: Position,
        operation: &Operation,
        shared: &Shared,
    ) -> Answered {
        let Some(told) = told_at(position, shared).await? else {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-key-used"),
                text!("refused-key-forgotten-way"),
            ));
        };
        let known = match operation {
            Operation::Enroll { account, .. }
            | Operation::Unlock(account)
            | Operation::AccountPassword(account, _)
            | Operation::SessionEnd(SessionChoice::Account(account))
            | Operation::Emergency { account, .. }
            | Operation::StartCode { account, .. }
            | Operation::StartPassword { account, .. }
            | Operation::AccountSet(account, _) => account_of(account.clone(), shared).await?,
            _ => None,
        };
        let canonical = |name: &AccountName| match &known {
            Some(account) => account.name.clone(),
            None => name.clone(),
        };
        if !operation.is_told_by(&told.event, &canonical) {
            let number = views::number(position);
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-key-used"),
                text!("refused-key-used-way", number = number.to_string()),
            ));
        }
        let mut receipt = told.receipt(shared);
        receipt.repeated = true;
        Ok(Answer::Receipt(receipt))
    }

    /// What goes with an operation of this peer.
    pub(crate) fn order(&self, note: Option<&str>) -> Order {
        Order {
            actor: self.actor.clone(),
            channel: self.channel,
            note: note.and_then(Note::new),
            request: self.key.clone(),
            approver: self.approver.clone(),
        }
    }

    pub(crate) async fn operate(
        &self,
        operation: Operation,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let order = self.order(note.as_deref());
        self.operate_as(operation, order, shared).await
    }

    pub(crate) async fn operate_as(
        &self,
        operation: Operation,
        order: Order,
        shared: &Shared,
    ) -> Answered {
        let done = shared.queue.operate(operation, order).await;
        match done.map_err(|NoRoom| unavailable())? {
            Some((done, operation)) => self.done(done, &operation, shared).await,
            None => Err(unknown()),
        }
    }

    /// What an operation came to, for who asked.
    pub(crate) async fn done(
        &self,
        done: Done,
        operation: &Operation,
        shared: &Shared,
    ) -> Answered {
        match done {
            Done::Receipt(position, event) => {
                let log = &shared.log;
                log.info(format_args!("{event} (event {position})"));
                receipt_at(position, shared).await
            }
            Done::Before(position) => self.repeated(position, operation, shared).await,
            Done::Refused(refusal) => {
                let actor = &self.actor;
                shared
                    .log
                    .info(format_args!("refused to {actor}: {refusal}"));
                Err(requests::refused(&refusal))
            }
            Done::NotDone => Err(unavailable()),
            Done::Unknown => Err(unknown()),
        }
    }
}

fn retained(removed: Option<RemovedView>, answer: Answer) -> Answer {
    let receipt = match answer {
        Answer::Receipt(receipt) => Some(receipt),
        _ => None,
    };
    Answer::Retained { removed, receipt }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn audit_key(shared: &Shared) -> Answered {
    let Some(signer) = &shared.signer else {
        return Err(requests::refusal(
            RefusalKind::NotFound,
            text!("refused-no-signer"),
            text!("refused-log-way"),
        ));
    };
    let path = shared.data.join(CHECKPOINT);
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    Ok(Answer::AuditKey {
        key: signer.public().to_string(),
        // Before the first event there is none.
        checkpoint: read.ok().and_then(Result::ok),
    })
}

/// The hash of a new password.
async fn new_password(password: &Secret, shared: &Shared) -> Result<PasswordHash, Refusal> {
    let octets = Zeroizing::new(password.expose().to_vec());
    if octets.is_empty() || octets.len() > PASSWORD_OCTETS_MAX {
        return Err(requests::invalid(
            text!("refused-password", max = PASSWORD_OCTETS_MAX),
            text!("refused-password-way"),
        ));
    }
    shared.passwords.make(octets).await.ok_or_else(unavailable)
}

fn unknown() -> Refusal {
    requests::refusal(
        RefusalKind::Unavailable,
        text!("refused-unknown"),
        text!("refused-unknown-way"),
    )
}

fn not_permitted(peer: &Peer) -> Refusal {
    requests::refusal(
        RefusalKind::NotPermitted,
        text!("refused-not-permitted", user = peer.name.as_str()),
        text!("refused-not-permitted-way"),
    )
}

pub(crate) fn unavailable() -> Refusal {
    requests::refusal(
        RefusalKind::Unavailable,
        text!("refused-unavailable"),
        text!("refused-unavailable-way"),
    )
}

fn no_import() -> Refusal {
    requests::invalid(text!("refused-no-import"), text!("refused-no-import-way"))
}

fn store_failed(error: StoreError) -> Refusal {
    requests::refusal(
        RefusalKind::Unavailable,
        text!("refused-store", error = error.to_string()),
        text!("refused-store-way"),
    )
}

impl Shared {
    /// Looks at the store between two groups of logins.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.queue.look(look).await.ok_or_else(unavailable)
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.look(read).await?.map_err(store_failed)
    }
}

fn page(limit: u16) -> usize {
    usize::from(limit.clamp(1, PAGE_MAX))
}

async fn token_list(filter: TokenFilter, shared: &Shared) -> Answered {
    let after = filter.after.as_deref().map(requests::serial).transpose()?;
    let state = match filter.state.as_deref() {
        None => None,
        Some(name) => Some(TokenState::from_name(name).ok_or_else(|| {
            let names = TokenState::ALL.map(TokenState::name).join(", ");
            requests::invalid(
                text!("refused-state-name"),
                text!("refused-state-name-way", names = names),
            )
        })?),
    };
    let limit = page(filter.limit);
    let mut views = Vec::new();
    let mut after: Option<Serial> = after;
    loop {
        let key = after.take().map(Key::Token);
        let records = shared
            .read(move |store| store.list(Kind::Tokens, key.as_ref(), PAGE_MAX.into()))
            .await?;
        let last = records.len() < usize::from(PAGE_MAX);
        for record in records {
            let Record::Token(token) = record else {
                continue;
            };
            if state.is_none_or(|state| token.state == state) {
                views.push(views::token(&token));
            }
            if views.len() == limit {
                return Ok(Answer::Tokens(views));
            }
            after = Some(token.serial);
        }
        if last {
            return Ok(Answer::Tokens(views));
        }
    }
}

async fn token_show(serial: Serial, shared: &Shared) -> Answered {
    let wanted = serial.clone();
    let token = shared
        .read(move |store| store.view().token(&wanted))
        .await?
        .ok_or_else(|| {
            let missing = CoreRefusal::NoSuchToken(serial);
            requests::refused(&missing)
        })?;
    Ok(Answer::Tokens(vec![views::token(&token)]))
}

async fn account_show(name: AccountName, shared: &Shared) -> Answered {
    let account = account_of(name.clone(), shared).await?.ok_or_else(|| {
        let missing = CoreRefusal::NoSuchAccount(name);
        requests::refused(&missing)
    })?;
    let limits = shared.current.get().policy().limits;
    let view = views::account(&account, &limits, clock::now());
    Ok(Answer::Accounts(vec![view]))
}

async fn account_list(filter: AccountFilter, shared: &Shared) -> Answered {
    let after = filter.after.as_deref().map(requests::account).transpose()?;
    let limit = page(filter.limit);
    let records = shared
        .read(move |store| store.list(Kind::Accounts, after.map(Key::Account).as_ref(), limit))
        .await?;
    let limits = shared.current.get().policy().limits;
    let now = clock::now();
    // With groups and attributes a page could be longer than a frame: then it is short, and the
    // next one goes on behind it.
    let mut octets = 0;
    let views = records.iter().filter_map(|record| match record {
        Record::Account(account) => Some(views::account(account, &limits, now)),
        _ => None,
    });
    let views = views.take_while(|view| {
        let fits = octets <= sessions::PAGE_OCTETS_MAX;
        octets += views::account_octets(view);
        fits
    });
    Ok(Answer::Accounts(views.collect()))
}

async fn receipt_show(number: &str, shared: &Shared) -> Answered {
    let number: ReceiptNumber = number.parse().map_err(|error| {
        requests::invalid(
            text!("refused-receipt-form", error = format!("{error}")),
            text!("refused-receipt-form-way"),
        )
    })?;
    let missing = || {
        requests::refusal(
            RefusalKind::NotFound,
            text!("refused-no-receipt", number = number.to_string()),
            text!("refused-no-receipt-way"),
        )
    };
    receipt_at(number.position(), shared)
        .await
        .map_err(|refusal| match refusal.kind {
            RefusalKind::NotFound => missing(),
            _ => refusal,
        })
}

async fn receipt_at(position: Position, shared: &Shared) -> Answered {
    match told_at(position, shared).await? {
        Some(told) => Ok(Answer::Receipt(told.receipt(shared))),
        None => Err(requests::refusal(
            RefusalKind::NotFound,
            text!("refused-no-such-receipt"),
            text!("refused-no-such-receipt-way"),
        )),
    }
}

/// The receipt of what was done at this position.
pub(crate) async fn receipt_view(
    position: Position,
    shared: &Shared,
) -> Result<Option<ReceiptView>, Refusal> {
    let told = told_at(position, shared).await?;
    Ok(told.map(|told| told.receipt(shared)))
}

/// What the journal tells of an operation that was done.
struct Told {
    position: Position,
    time: Time,
    event: OperationEvent,
    hash: Option<Hash>,
}

impl Told {
    /// Signed, if there is a key.
    fn receipt(&self, shared: &Shared) -> ReceiptView {
        let Self {
            position,
            time,
            event,
            hash,
        } = self;
        let mut view = views::receipt(*position, *time, event);
        if let Some(hash) = hash {
            view.hash = Some(BASE64.encode(hash));
            view.signed = shared.signer.as_ref().map(|signer| {
                let receipt = Receipt {
                    origin: signer.name(),
                    position: *position,
                    time: *time,
                    event,
                    hash,
                };
                signer.sign(&receipt.to_string())
            });
        }
        view
    }
}

async fn told_at(position: Position, shared: &Shared) -> Result<Option<Told>, Refusal> {
    let (event, hash) = shared
        .read(move |store| Ok((store.event(position)?, store.hash(position)?)))
        .await?;
    Ok(match event {
        Some(Event {
            time,
            what: What::Operation(event),
            ..
        }) if event.outcome == OperationOutcome::Done => Some(Told {
            position,
            time,
            event,
            hash,
        }),
        _ => None,
    })
}

async fn account_of(name: AccountName, shared: &Shared) -> Result<Option<Account>, Refusal> {
    shared
        .read(move |store| store.view().account_by_any_name(&name))
        .await
}

async fn audit_list(filter: AuditFilter, shared: &Shared) -> Answered {
    let account = filter
        .account
        .as_deref()
        .map(requests::account)
        .transpose()?;
    let serial = filter.serial.as_deref().map(requests::serial).transpose()?;
    let since = filter.since_ms.map(Time::from_millis);
    let wanted = Wanted {
        account,
        serial,
        since,
    };
    let limit = page(filter.limit);
    let (events, more_before) = find_events(wanted, filter.before, limit, shared).await?;
    let events = events
        .iter()
        .map(|(position, event)| views::event(*position, event))
        .collect();
    Ok(Answer::Events {
        events,
        more_before,
    })
}

/// Which events somebody wants to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) account: Option<AccountName>,
    pub(crate) serial: Option<Serial>,
    pub(crate) since: Option<Time>,
}

impl Wanted {
    fn wants(&self, event: &Event) -> bool {
        let (account, serials) = match &event.what {
            What::Login(login) => (&login.account, [&login.serial, &None]),
            What::Operation(done) => (&done.account, [&done.serial, &done.new_serial]),
            What::Session(told) => (&told.account, [&None, &None]),
        };
        let asked_for = |serial: &Serial| serials.iter().any(|s| s.as_ref() == Some(serial));
        self.account
            .as_ref()
            .is_none_or(|name| account.as_ref() == Some(name))
            && self.serial.as_ref().is_none_or(asked_for)
            && self.since.is_none_or(|since| event.time >= since)
    }
}

/// Looks through the journal in pieces, newest first, so that logins are not held up.
pub(crate) async fn find_events(
    wanted: Wanted,
    mut before: Option<Position>,
    limit: usize,
    shared: &Shared,
) -> Result<(Vec<(Position, Event)>, Option<Position>), Refusal> {
    let mut found = Vec::new();
    for _ in 0..LOOKS_MAX {
        let wanted = wanted.clone();
        let left = limit - found.len();
        let page = shared
            .read(move |store| {
                store.events(before, left, EVENTS_LOOKED_AT, &|event| wanted.wants(event))
            })
            .await?;
        found.extend(page.events);
        before = page.more_before;
        if found.len() >= limit || before.is_none() {
            break;
        }
    }
    Ok((found, before))
}
