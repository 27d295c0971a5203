//! The verbs by which staff help: codes that stand in for a token, what the policy says, what waits
//! for a second person; and what people do with their own account.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_texts::{Texts, say};
use sekisho_verifier::account::AccountName;
use sekisho_verifier::event::{Channel, Note};
use sekisho_verifier::operation::{
    self, AccountChange, BULK_MAX, Keeping, Operation, Order, OwnProof, StateChange,
};
use sekisho_verifier::place::{Door, Place};
use sekisho_verifier::policy::Need;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::spare::{START_CODE_LASTS, SpareCode, SpareKey, SpareKind};
use sekisho_verifier::start_password::StartPassword;
use sekisho_verifier::store::{Decider, Outcome, StoreError};
use sekisho_verifier::time::Time;
use sekisho_verifier::verify::{Ask, Asked, Phase, Question, Verifier, has_usable_token};
use sekisho_verifier_socket::admin::{
    Answer, ApprovalView, CodesView, OwnVerb, OwnView, PolicyQuestion, PolicyView, Refusal,
    RefusalKind, Verb,
};
use sekisho_verifier_socket::{Secret, Speech};

use crate::admin::{Answered, Desk, unavailable};
use crate::approvals::{self, NotApproved, NotSettled, Subject};
use crate::clock::Moment;
use crate::owners::Password;
use crate::peer::Peer;
use crate::service::Shared;
use crate::speech::text;
use crate::{clock, requests, restored, sessions, views};

/// How long somebody waits for a second person before they ask again.
const SETTLED: Duration = Duration::from_secs(30);
/// The service that `sekisho self` stands for in events.
const SELF: &str = "self";

impl Desk {
    /// Who is no admin makes no codes for admins, nor for themselves: they would be more than they are.
    async fn may_make_codes(
        &self,
        account: &AccountName,
        peer: &Peer,
        shared: &Shared,
    ) -> Result<(), Refusal> {
        if peer.roles.admin {
            return Ok(());
        }
        // Under all the names that the account has.
        let mut names = vec![account.as_str().to_owned()];
        if let Some(known) = self.account_named(account.clone(), shared).await? {
            names.push(known.name.to_string());
            names.extend(known.aliases.iter().map(ToString::to_string));
        }
        let own = |name: &String| name.eq_ignore_ascii_case(&peer.name);
        let (directory, own) = (Arc::clone(&shared.directory), names.iter().any(own));
        let admins = move || names.iter().any(|name| directory.is_admins(name));
        let admins = tokio::task::spawn_blocking(admins).await;
        if !own && matches!(admins, Ok(false)) {
            return Ok(());
        }
        let log = &shared.log;
        log.warning(format_args!(
            "refused to {}: codes for {account}, who is an admin or themselves",
            self.actor
        ));
        Err(self.told(
            RefusalKind::NotPermitted,
            say!(self.texts(), "daemon-codes-of-admins"),
            say!(self.texts(), "daemon-codes-of-admins-way-out"),
        ))
    }

    /// Emergency codes, shown once.
    pub(crate) async fn emergency(
        &self,
        account: &str,
        (count, valid): (u8, Duration),
        note: Option<String>,
        peer: &Peer,
        shared: &Shared,
    ) -> Answered {
        let account = requests::account(account)?;
        self.may_make_codes(&account, peer, shared).await?;
        let codes = (0..count).map(|_| spare_code(SpareKind::Emergency));
        let codes: Vec<SpareCode> = codes.collect::<Result<_, _>>()?;
        let shown = codes.iter().map(shown).collect();
        let operation = Operation::Emergency {
            account,
            codes,
            valid,
            key: SpareKey::new(requests::random()?),
            nonce: requests::random()?,
        };
        let until = (count > 0).then_some(valid);
        let answer = self.operate(operation, note, shared).await?;
        Ok(with_codes(answer, shown, until))
    }

    /// A start code, shown once.
    pub(crate) async fn start_code(
        &self,
        account: &str,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let code = spare_code(SpareKind::Start)?;
        let shown = vec![shown(&code)];
        let operation = Operation::StartCode {
            account: requests::account(account)?,
            code,
            key: SpareKey::new(requests::random()?),
            nonce: requests::random()?,
        };
        let answer = self.operate(operation, note, shared).await?;
        Ok(with_codes(answer, shown, Some(START_CODE_LASTS)))
    }

    /// A start-of-use password, shown once; or none any more.
    pub(crate) async fn start_password(
        &self,
        account: &str,
        remove: bool,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let account = requests::account(account)?;
        let password = match remove {
            true => None,
            false => Some(StartPassword::new(requests::random()?)),
        };
        let show = |password: &StartPassword| Secret::new(password.show().as_bytes().to_vec());
        let shown = password.as_ref().map(show);
        let operation = Operation::StartPassword {
            account,
            password,
            nonce: requests::random()?,
        };
        let answer = self.operate(operation, note, shared).await?;
        match shown {
            Some(shown) => Ok(with_codes(answer, vec![shown], None)),
            None => Ok(answer),
        }
    }

    /// Disables several accounts, and ends their sessions.
    pub(crate) async fn accounts_disable(
        &self,
        accounts: &[String],
        keep_sessions: bool,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let names = self.names_of(accounts)?;
        let operation = Operation::AccountsDisable(names.clone());
        let answer = self.operate(operation, note, shared).await?;
        let Answer::Receipt(mut receipt) = answer else {
            return Ok(answer);
        };
        if !keep_sessions && self.ends_now(&receipt, shared) {
            for name in names {
                // Sessions are kept under the name that the account has.
                let name = match self.account_named(name.clone(), shared).await? {
                    Some(account) => account.name,
                    None => name,
                };
                sessions::end_all(&name, receipt.position, shared).await;
            }
        }
        receipt.sessions = shared.sessions.orders.count(receipt.position);
        Ok(Answer::Receipt(receipt))
    }

    /// The names of a bulk, if there are not too many.
    pub(crate) fn names_of(&self, accounts: &[String]) -> Result<Vec<AccountName>, Refusal> {
        if accounts.len() > BULK_MAX {
            return Err(self.told(
                RefusalKind::Invalid,
                say!(self.texts(), "daemon-too-many-accounts", most = BULK_MAX),
                say!(self.texts(), "daemon-too-many-accounts-way-out"),
            ));
        }
        accounts
            .iter()
            .map(|name| requests::account(name))
            .collect()
    }

    /// Whether a refusal is worth a line: whoever has no role could fill the log with them.
    pub(crate) fn may_log(&self, peer: &Peer, shared: &Shared) -> bool {
        peer.is_trusted() || shared.rates.take(peer.uid, Instant::now())
    }

    async fn account_named(
        &self,
        name: AccountName,
        shared: &Shared,
    ) -> Result<Option<sekisho_verifier::account::Account>, Refusal> {
        shared
            .read(move |store| store.view().account_by_any_name(&name))
            .await
    }

    /// What would happen at a login, and by which line.
    pub(crate) async fn policy_test(&self, question: PolicyQuestion, shared: &Shared) -> Answered {
        let texts = self.texts();
        let name = requests::account(&question.account)?;
        let door = match question.radius {
            true => Door::Radius,
            false => Door::Pam,
        };
        let place = Place::new(door, &question.name, None, question.from.as_deref());
        let wanted = name.clone();
        let (account, usable) = shared
            .read(move |store| {
                let view = store.view();
                let account = view.account_by_any_name(&wanted)?;
                let usable = match &account {
                    Some(account) => has_usable_token(view, account)?,
                    None => false,
                };
                Ok((account, usable))
            })
            .await?;
        let now = shared.clock.now();
        let verifier = shared.current.get();
        let policy = verifier.policy();
        let (need, ruled) = policy.need(&place, account.as_ref(), now.time);
        let mut because = Vec::new();
        let outcome = match (need, &account) {
            (Need::NoCode, _) => "no-code",
            (Need::Grace(until), _) => {
                because.push(say!(
                    texts,
                    "policy-because-grace",
                    until = views::last_minute(until)
                ));
                "start-of-use"
            }
            (Need::Code, None) => {
                because.push(say!(texts, "policy-because-unknown"));
                "refused"
            }
            (Need::Code, Some(account)) if account.disabled => {
                because.push(say!(texts, "policy-because-disabled"));
                "refused"
            }
            (Need::Code, Some(account)) => {
                let good = account
                    .emergency
                    .iter()
                    .filter(|code| now.time < code.until);
                let emergency = good.count();
                if emergency > 0 {
                    because.push(say!(texts, "policy-because-emergency", count = emergency));
                }
                if !usable {
                    because.push(say!(texts, "policy-because-no-token"));
                }
                if let Some(closed) = account.guesses.closed(&policy.limits, now.time) {
                    let until = views::wall_clock(closed.until());
                    because.push(say!(texts, "policy-because-locked", until = until));
                    "refused"
                } else if usable && account.exchange_required && !question.radius {
                    because.push(say!(texts, "policy-because-exchange"));
                    "code"
                } else if usable || emergency > 0 {
                    "code"
                } else {
                    "refused"
                }
            }
        };
        if ruled.code == sekisho_verifier::policy::CodeRule::AccountChoice {
            let required = account.as_ref().is_none_or(|account| account.code_required);
            because.push(match required {
                true => say!(texts, "policy-because-chose-code"),
                false => say!(texts, "policy-because-chose-none"),
            });
        }
        if shared.second_use.is_for(&place) && outcome == "code" {
            because.push(say!(texts, "policy-because-second-use"));
        }
        if !now.steady {
            because.push(say!(texts, "policy-because-clock"));
        }
        Ok(Answer::Policy(PolicyView {
            known: account.is_some(),
            account: account.map_or(name, |account| account.name).to_string(),
            outcome: outcome.to_owned(),
            rule: ruled.code.name().to_owned(),
            line: ruled.line.to_string(),
            because,
        }))
    }

    /// Lets a verb go on, or takes note that it waits for a second person. What else it depends on is
    /// approved with it.
    pub(crate) async fn gate(
        &mut self,
        verb: &Verb,
        detail: String,
        approval: Option<&str>,
        depends: &[u8],
        shared: &Shared,
    ) -> Result<Option<Answer>, Refusal> {
        let operation = approvals::operation_of(verb);
        let Some(operation) = operation.filter(|it| shared.approvals.takes_two(*it)) else {
            return Ok(None);
        };
        let subject = Subject::new(operation, verb, depends).ok_or_else(unavailable)?;
        let now = Moment::now();
        let Some(number) = approval else {
            let view = self.ask_approval(subject, detail, now, shared).await?;
            return Ok(Some(Answer::Waiting(view)));
        };
        let taken = shared
            .approvals
            .take(number, &subject, self.actor.uid, self.key.as_ref(), now);
        match taken {
            Ok(by) => {
                self.approver = Some(by);
                Ok(None)
            }
            Err(why) => Err(self.not_approved(why)),
        }
    }

    async fn ask_approval(
        &self,
        subject: Subject,
        detail: String,
        now: Moment,
        shared: &Shared,
    ) -> Result<ApprovalView, Refusal> {
        let number = approvals::number(requests::random()?);
        let asked = shared
            .approvals
            .ask(subject, detail, (&self.actor, self.person), number, now);
        let Ok((view, new)) = asked else {
            return Err(self.told(
                RefusalKind::Conflict,
                say!(self.texts(), "daemon-approvals-full"),
                say!(self.texts(), "daemon-approvals-full-way-out"),
            ));
        };
        if new {
            let told = self
                .keep_approval(Keeping::ApprovalAsk, &view, None, shared)
                .await;
            if let Err(refusal) = told {
                shared.approvals.forget(&view.number);
                return Err(refusal);
            }
        }
        Ok(view)
    }

    /// Puts the policy of the settings file into effect: the very text that was approved.
    pub(crate) async fn policy_apply(
        &mut self,
        verb: &Verb,
        note: Option<&str>,
        approval: Option<&str>,
        shared: &Shared,
    ) -> Answered {
        let operation = |differences: &str| Operation::Keep {
            what: Keeping::PolicyApply,
            count: None,
            detail: Note::detail(differences),
        };
        if let Some(position) = self.done_before(shared).await? {
            return self.repeated(position, &operation(""), shared).await;
        }
        let _turn = shared.kept_policy.turn.lock().await;
        let candidate = shared.kept_policy.candidate().await.map_err(|error| {
            let (message, way_out) = error.split_once('\n').unwrap_or((&error, ""));
            requests::invalid(message, way_out.trim_start())
        })?;
        let changes = candidate.changes(&shared.kept_policy.rules());
        if changes.is_empty() {
            return Err(self.told(
                RefusalKind::Conflict,
                say!(self.texts(), "daemon-policy-same"),
                say!(self.texts(), "daemon-policy-same-way-out"),
            ));
        }
        let octets = candidate.octets();
        let differences = shared.kept_policy.rules().differences(&candidate);
        let detail = differences.clone();
        if let Some(waiting) = self.gate(verb, detail, approval, octets, shared).await? {
            return Ok(waiting);
        }
        // What can not be is refused before anything is written.
        let verifier = Verifier::new(candidate.policy.clone(), Arc::clone(&shared.keyring));
        let verifier = verifier.map_err(|error| {
            requests::invalid(
                text!("refused-settings", error = error.to_string()),
                text!("refused-settings-way"),
            )
        })?;
        let order = self.order(note);
        let answer = self
            .operate_as(operation(&differences), order, shared)
            .await?;
        let (pam, operations) = (candidate.pam.clone(), candidate.operations.clone());
        let put = Arc::clone(&shared.kept_policy).put(candidate).await;
        put.map_err(|error| {
            let log = &shared.log;
            log.error(format_args!("the new policy can not be kept: {error}"));
            unavailable()
        })?;
        shared.second_use.set(&pam);
        shared.approvals.set_operations(operations);
        shared.current.set(Arc::new(verifier));
        Ok(answer)
    }

    /// The event of asking or settling. It has no request key: that is the verb's own.
    async fn keep_approval(
        &self,
        what: Keeping,
        view: &ApprovalView,
        note: Option<&str>,
        shared: &Shared,
    ) -> Result<(), Refusal> {
        let ApprovalView {
            number,
            operation,
            detail,
            asked_by,
            ..
        } = view;
        let detail = match detail.as_str() {
            "" => format!("{number} {operation} of {asked_by}"),
            detail => format!("{number} {operation} of {asked_by}: {detail}"),
        };
        let order = Order {
            note: note.and_then(Note::new),
            ..Order::of(self.actor.clone())
        };
        let operation = Operation::Keep {
            what,
            count: None,
            detail: Note::detail(&detail),
        };
        self.operate_as(operation, order, shared).await.map(|_| ())
    }

    fn not_approved(&self, why: NotApproved) -> Refusal {
        let texts = self.texts();
        let message = match why {
            NotApproved::Unknown => say!(texts, "daemon-approval-unknown"),
            NotApproved::Waiting => say!(texts, "daemon-approval-waiting"),
            NotApproved::Refused => say!(texts, "daemon-approval-refused"),
            NotApproved::Over => say!(texts, "daemon-approval-over"),
            NotApproved::Used => say!(texts, "daemon-approval-used"),
        };
        let way_out = match why {
            NotApproved::Waiting => say!(texts, "daemon-approval-waiting-way-out"),
            _ => say!(texts, "daemon-approval-way-out"),
        };
        self.told(RefusalKind::Conflict, message, way_out)
    }

    /// Says yes or no to what another admin waits with.
    pub(crate) async fn approve(
        &self,
        number: &str,
        refuse: bool,
        note: Option<String>,
        shared: &Shared,
    ) -> Answered {
        let now = Moment::now();
        let begun =
            shared
                .approvals
                .begin_to_settle(number, (&self.actor, self.person), refuse, now);
        let view = begun.map_err(|why| self.not_settled(why))?;
        let what = match refuse {
            true => Keeping::ApprovalRefuse,
            false => Keeping::Approve,
        };
        // If this connection's task ends here, it waits on as being settled, and nobody gets it.
        let told = self
            .keep_approval(what, &view, note.as_deref(), shared)
            .await;
        // Who refuses a restore says so, and it waits on: logins are held until somebody approves it.
        let settles = told.is_ok() && !(refuse && restored::is_it(&view.operation));
        let said = settles.then_some((&self.actor, refuse));
        let settled = shared.approvals.settle(&view.number, said, Moment::now());
        told?;
        if !refuse && restored::is_it(&view.operation) {
            shared.hold.end(&shared.log);
        }
        settled.map(Answer::Waiting).ok_or_else(unavailable)
    }

    fn not_settled(&self, why: NotSettled) -> Refusal {
        let texts = self.texts();
        let (kind, message, way_out) = match why {
            NotSettled::Unknown => (
                RefusalKind::NotFound,
                say!(texts, "daemon-approval-none"),
                say!(texts, "daemon-approval-none-way-out"),
            ),
            NotSettled::Own => (
                RefusalKind::NotPermitted,
                say!(texts, "daemon-approval-own"),
                say!(texts, "daemon-approval-own-way-out"),
            ),
            NotSettled::Settled => (
                RefusalKind::Conflict,
                say!(texts, "daemon-approval-settled"),
                say!(texts, "daemon-approval-none-way-out"),
            ),
            NotSettled::Over => (
                RefusalKind::Conflict,
                say!(texts, "daemon-approval-over"),
                say!(texts, "daemon-approval-way-out"),
            ),
        };
        self.told(kind, message, way_out)
    }

    /// Waits until something is settled, for a while.
    pub(crate) async fn approval_wait(&self, number: &str, shared: &Shared) -> Answered {
        let mut changes = shared.approvals.changes();
        let mut ending = shared.ending.clone();
        let end = tokio::time::sleep(SETTLED);
        tokio::pin!(end);
        loop {
            let view = shared.approvals.view(number, Moment::now());
            let view = view.ok_or_else(|| self.not_settled(NotSettled::Unknown))?;
            if view.state != "waiting" {
                return Ok(Answer::Waiting(view));
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = &mut end => return Ok(Answer::Waiting(view)),
                _ = ending.wait_for(|&ending| ending) => return Ok(Answer::Waiting(view)),
            }
        }
    }

    /// What the user on the other end does with their own account.
    pub(crate) async fn own(
        &mut self,
        password: Option<&Secret>,
        verb: OwnVerb,
        peer: &Peer,
        shared: &Shared,
    ) -> Answered {
        let account = AccountName::parse(&peer.name).map_err(|_| {
            self.told(
                RefusalKind::NotPermitted,
                say!(self.texts(), "daemon-self-no-name"),
                say!(self.texts(), "daemon-self-no-name-way-out"),
            )
        })?;
        self.channel = Channel::Own;
        // Each of the others is an event, and a full disk stops every login.
        let free = peer.is_trusted() || matches!(verb, OwnVerb::Status | OwnVerb::Wanted);
        if !free && !shared.rates.take(peer.uid, Instant::now()) {
            return Err(self.told(
                RefusalKind::Unavailable,
                say!(self.texts(), "daemon-self-often"),
                say!(self.texts(), "daemon-self-wait-way-out"),
            ));
        }
        if verb != OwnVerb::Status {
            self.prove_password(password, peer, shared).await?;
        }
        let gives = matches!(verb, OwnVerb::Start { .. } | OwnVerb::Choose { .. });
        if gives && shared.hold.is_on() {
            return Err(unavailable());
        }
        let uid = format!("uid={}", peer.uid);
        let place = || Some(Place::new(Door::Pam, SELF, None, Some(&uid)));
        match verb {
            OwnVerb::Status => self.own_status(account, shared).await,
            OwnVerb::Wanted => self.own_wanted(&account, &uid, shared).await,
            OwnVerb::Start {
                exchange,
                serial,
                code,
                old_code,
                characters,
                code_required,
            } => {
                let operation = Operation::Start(Box::new(operation::Start {
                    account,
                    place: place(),
                    exchange: Some(exchange),
                    serial: requests::serial(&serial)?,
                    code: requests::code(&code),
                    old_code: old_code.as_ref().map(requests::code),
                    characters: characters.as_ref().map(requests::code),
                    code_required,
                }));
                self.operate_own(operation, shared).await
            }
            OwnVerb::Stop { serial, code } => {
                let proof = OwnProof {
                    account,
                    place: place(),
                    code: requests::code(&code),
                };
                let operation = Operation::OwnStop(proof, requests::serial(&serial)?);
                let answer = self.operate_own(operation, shared).await?;
                Ok(self.end_sessions(answer, true, shared).await)
            }
            OwnVerb::Lost { serial } => {
                let serial = requests::serial(&serial)?;
                if !self.is_theirs(&account, &serial, shared).await? {
                    return Err(self.not_accepted());
                }
                // Whose a token is never changes once it is somebody's.
                let operation = Operation::Change(StateChange::Lost, serial);
                let answer = self.operate_own(operation, shared).await?;
                Ok(self.end_sessions(answer, true, shared).await)
            }
            OwnVerb::Choose {
                code_required,
                code,
            } => {
                let proof = OwnProof {
                    account,
                    place: place(),
                    code: requests::code(&code),
                };
                let operation = Operation::OwnChoice(proof, code_required);
                self.operate_own(operation, shared).await
            }
            OwnVerb::Language(tag) => {
                // An admin's change would make the account.
                self.own_account(account.clone(), shared).await?;
                let change = AccountChange {
                    language: Some(requests::language(&tag)?),
                    ..AccountChange::default()
                };
                let operation = Operation::AccountSet(account, change);
                self.operate(operation, None, shared).await
            }
            _ => Err(requests::invalid(
                text!("refused-verb"),
                text!("refused-verb-way"),
            )),
        }
    }

    async fn prove_password(
        &self,
        password: Option<&Secret>,
        peer: &Peer,
        shared: &Shared,
    ) -> Result<(), Refusal> {
        let texts = self.texts();
        let judged = match password {
            Some(password) => shared.owners.judge(peer, password, shared).await,
            None => Password::Wrong,
        };
        let (kind, message, way_out) = match judged {
            Password::Right => return Ok(()),
            Password::Wrong => (
                RefusalKind::NotProven,
                say!(texts, "daemon-self-wrong-password"),
                say!(texts, "daemon-self-wrong-password-way-out"),
            ),
            Password::Wait => (
                RefusalKind::NotProven,
                say!(texts, "daemon-self-wait"),
                say!(texts, "daemon-self-wait-way-out"),
            ),
            Password::Unavailable => (
                RefusalKind::Unavailable,
                say!(texts, "daemon-self-no-judge"),
                say!(texts, "daemon-self-no-judge-way-out"),
            ),
        };
        if password.is_some() && judged != Password::Wait && self.may_log(peer, shared) {
            let log = &shared.log;
            log.info(format_args!("refused to {}: {message}", self.actor));
        }
        Err(self.told(kind, message, way_out))
    }

    async fn own_account(
        &self,
        name: AccountName,
        shared: &Shared,
    ) -> Result<sekisho_verifier::account::Account, Refusal> {
        let account = self.account_named(name, shared).await?;
        account.ok_or_else(|| {
            self.told(
                RefusalKind::NotFound,
                say!(self.texts(), "daemon-self-no-account"),
                say!(self.texts(), "daemon-self-no-account-way-out"),
            )
        })
    }

    async fn own_status(&self, name: AccountName, shared: &Shared) -> Answered {
        let account = self.own_account(name, shared).await?;
        let serials = account.serials.clone();
        let tokens = shared
            .read(move |store| {
                let view = store.view();
                let tokens = serials.iter().map(|serial| view.token(serial));
                tokens.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let verifier = shared.current.get();
        Ok(Answer::Own(Box::new(OwnView {
            account: views::account(&account, &verifier.policy().limits, clock::now()),
            tokens: tokens.iter().flatten().map(views::token).collect(),
        })))
    }

    async fn own_wanted(&self, account: &AccountName, uid: &str, shared: &Shared) -> Answered {
        let verifier = shared.current.get();
        let (name, place) = (
            account.as_str().to_owned(),
            Place::new(Door::Pam, SELF, None, Some(uid)),
        );
        let now = shared.clock.now();
        let (asked, language) = shared
            .read(move |store| {
                let question = Question {
                    account: &name,
                    place: &place,
                    phase: Phase::Change,
                    second_use: None,
                };
                let mut ask = Ask::new(&verifier, question, now);
                // Nothing of it is written.
                ask.decide(store.view())?;
                Ok((ask.answer(Outcome::Nothing), ask.language()))
            })
            .await?;
        let speech = Speech {
            chosen: language.map(views::language),
            ..shared.speech
        };
        match asked {
            Asked::TokenWanted(wanted) => Ok(Answer::Wanted(Some(views::wanted(wanted, speech)))),
            Asked::NothingWanted => Ok(Answer::Wanted(None)),
            _ => Err(unavailable()),
        }
    }

    async fn is_theirs(
        &self,
        name: &AccountName,
        serial: &Serial,
        shared: &Shared,
    ) -> Result<bool, Refusal> {
        let account = self.account_named(name.clone(), shared).await?;
        Ok(account.is_some_and(|account| account.serials.contains(serial)))
    }

    /// All causes look the same: whoever asks was let in by a password, and no more is known of them.
    async fn operate_own(&self, operation: Operation, shared: &Shared) -> Answered {
        let answer = self.operate(operation, None, shared).await;
        answer.map_err(|refusal| match refusal.kind {
            RefusalKind::Unavailable => refusal,
            _ => self.not_accepted(),
        })
    }

    fn not_accepted(&self) -> Refusal {
        self.told(
            RefusalKind::NotProven,
            say!(self.texts(), "daemon-self-not-accepted"),
            say!(self.texts(), "daemon-self-not-accepted-way-out"),
        )
    }

    fn told(&self, kind: RefusalKind, message: String, way_out: String) -> Refusal {
        requests::refusal(kind, message, way_out)
    }

    /// Texts in the language of the request.
    pub(crate) fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }
}

fn spare_code(kind: SpareKind) -> Result<SpareCode, Refusal> {
    Ok(SpareCode::new(kind, requests::random()?))
}

fn shown(code: &SpareCode) -> Secret {
    Secret::new(code.show().as_bytes().to_vec())
}

/// A receipt with the codes that it is about. Those of a request that was done before are known to
/// nobody any more.
fn with_codes(answer: Answer, codes: Vec<Secret>, valid: Option<Duration>) -> Answer {
    match answer {
        Answer::Receipt(receipt) if !receipt.repeated => {
            let until = valid.map(|valid| Time::from_millis(receipt.time_ms).after(valid).millis());
            Answer::Codes(CodesView {
                receipt,
                codes,
                until_ms: until,
            })
        }
        other => other,
    }
}
