//! The way to the verifier: which socket, one question after the other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sekisho_admin_cli::language::language;
use sekisho_admin_cli::text;
use sekisho_settings::{DEFAULT_FILE, Settings};
use sekisho_verifier_socket::admin::{Answer, OwnVerb, Verb};
use sekisho_verifier_socket::{Client, ClientError, DEFAULT_SOCKET, Reply, Request};

use crate::cli::{Global, SecondPerson};
use crate::commands::approval;
use crate::failure::{Failure, Kind};

/// How long a question may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that is made when the first question is asked: a person may take minutes to type a
/// code, and the verifier need not wait for that.
#[derive(Debug)]
pub(crate) struct Verifier {
    socket: PathBuf,
    client: Option<Client>,
    request_key: Option<String>,
    second_person: SecondPerson,
    json: bool,
}

impl Verifier {
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        Ok(Self {
            socket: socket(global)?,
            client: None,
            request_key: None,
            second_person: SecondPerson::default(),
            json: global.json,
        })
    }

    /// What is asked for from now on is done once for this key.
    pub(crate) fn once_for(&mut self, key: Option<&str>) {
        self.request_key = key.map(str::to_owned);
    }

    /// What to do if it takes a second person.
    pub(crate) fn with_second_person(&mut self, second_person: Option<&SecondPerson>) {
        self.second_person = second_person.cloned().unwrap_or_default();
    }

    pub(crate) fn second_person(&self) -> &SecondPerson {
        &self.second_person
    }

    /// Whether a program reads what is said meanwhile.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Asks, and waits as long as most questions may take.
    pub(crate) fn ask(&mut self, verb: Verb) -> Result<Answer, Failure> {
        self.ask_patiently(verb, PATIENCE)
    }

    /// Asks; if it takes a second person, waits for one and asks again.
    pub(crate) fn ask_patiently(
        &mut self,
        verb: Verb,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let again = may_wait(&verb).then(|| verb.clone());
        let number = self.second_person.approval.take();
        match (self.call(verb, number, patience)?, again) {
            (Answer::Waiting(view), Some(verb)) => {
                let number = approval::wait(view, self)?;
                match self.call(verb, Some(number), patience)? {
                    Answer::Waiting(_) => Err(Failure::strange_answer()),
                    answer => Ok(answer),
                }
            }
            (answer, _) => Ok(answer),
        }
    }

    fn call(
        &mut self,
        verb: Verb,
        approval: Option<String>,
        patience: Duration,
    ) -> Result<Answer, Failure> {
        let deadline = Instant::now() + patience;
        let changes = changes_something(&verb);
        let request = Request::Admin {
            verb: Box::new(verb),
            key: self.request_key.clone(),
            language: Some(language()),
            approval,
        };
        let client = self.client(deadline)?;
        match client.call(request, deadline) {
            Ok(Reply::Admin(answer)) => (*answer).map_err(Failure::from),
            Ok(Reply::NotPermitted) => Err(not_permitted()),
            Ok(Reply::Unavailable) => Err(unavailable(changes)),
            Ok(_) => Err(Failure::strange_answer()),
            Err(error) => Err(lost_reply(error, changes)),
        }
    }

    /// Asks what ends in a receipt only.
    pub(crate) fn ask_for_receipt(
        &mut self,
        verb: Verb,
    ) -> Result<sekisho_verifier_socket::admin::ReceiptView, Failure> {
        match self.ask(verb)? {
            Answer::Receipt(receipt) => Ok(receipt),
            _ => Err(Failure::strange_answer()),
        }
    }

    fn client(&mut self, deadline: Instant) -> Result<&mut Client, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(&self.socket, deadline).map_err(|error| {
                let mut failure = Failure::from(error);
                failure.message = text!(
                    "failure-at",
                    what = self.socket.display().to_string(),
                    error = failure.message
                );
                failure
            })?,
        };
        Ok(self.client.insert(client))
    }
}

/// `--socket`, else what the settings file says if it can be read, else the default: the help desk
/// need not be able to read a file that holds the gateways' secrets.
fn socket(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(socket) = &global.socket {
        return Ok(socket.clone());
    }
    let socket = settings(global)?.map(|settings| settings.verifier.socket);
    Ok(socket.unwrap_or_else(|| DEFAULT_SOCKET.into()))
}

/// The settings; nothing if nobody named a file and this user can not read the usual one.
pub(crate) fn settings(global: &Global) -> Result<Option<Settings>, Failure> {
    let file = match &global.settings {
        Some(file) => file,
        None if File::open(DEFAULT_FILE).is_err() => return Ok(None),
        None => Path::new(DEFAULT_FILE),
    };
    Ok(Some(Settings::load(file)?))
}

/// Whether a verb may take a second person. Approving does not, and the rows of an import, of which
/// no copy is kept, are nothing without its end.
fn may_wait(verb: &Verb) -> bool {
    !matches!(
        verb,
        Verb::Approve { .. } | Verb::ApprovalWait(_) | Verb::ApprovalList | Verb::ImportRows(_)
    )
}

/// Whether a verb may have taken effect although no reply came.
fn changes_something(verb: &Verb) -> bool {
    !matches!(
        verb,
        Verb::ImportBegin
            | Verb::ImportRows(_)
            | Verb::TokenList(_)
            | Verb::TokenShow(_)
            | Verb::AccountShow(_)
            | Verb::AccountList(_)
            | Verb::ReceiptShow(_)
            | Verb::AuditList(_)
            | Verb::Explain(_)
            | Verb::Status
            | Verb::KeyStatus
            | Verb::AuditKey
            | Verb::Retain { dry_run: true, .. }
            | Verb::Backup { .. }
            | Verb::SessionList(_)
            | Verb::SessionEndings(_)
            | Verb::ClientList
            | Verb::PolicyTest(_)
            | Verb::Own {
                verb: OwnVerb::Status | OwnVerb::Wanted,
                ..
            }
            | Verb::ApprovalList
            | Verb::ApprovalWait(_)
            | Verb::Health
    )
}

fn lost_reply(error: ClientError, changes: bool) -> Failure {
    let too_long = matches!(error, ClientError::Frame(_));
    let mut failure = Failure::from(error);
    if changes && !too_long {
        failure.message = text!("verifier-not-known-done", message = failure.message);
        failure.way_out = text!("verifier-look-first-way");
    }
    failure
}

fn not_permitted() -> Failure {
    Failure::new(
        Kind::NotPermitted,
        text!("verifier-not-permitted"),
        text!("verifier-who-way"),
    )
}

fn unavailable(changes: bool) -> Failure {
    let mut failure = Failure::new(
        Kind::Unavailable,
        text!("verifier-unavailable"),
        text!("verifier-unavailable-way"),
    );
    if changes {
        // A store that did not answer in time has said neither yes nor no.
        failure.message = text!("verifier-not-known-stored");
        failure.way_out = text!("verifier-look-first-way");
    }
    failure
}
