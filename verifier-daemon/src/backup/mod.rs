//! Backups: everything that another machine needs to go on, in one file that only the recipients
//! in the settings can read. The keys never leave this process in clear.

mod make;
pub(crate) mod manifest;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_settings as settings;
use sekisho_store_embedded::{Exported, Keeper};
use sekisho_verifier::event::{Actor, Note};
use sekisho_verifier::note::Signer;
use sekisho_verifier::operation::{Keeping, Operation};
use sekisho_verifier_socket::admin::{Answer, ReceiptView, Refusal, RefusalKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::keys::Keys;
use crate::speech::text;
use crate::{clock, requests};

use make::{Plan, Product};

/// What the names of our threads begin with. A backup that fails takes nothing else with it.
pub(crate) const BACKUP_THREAD: &str = "backup";
/// Pieces that wait to be fetched.
const PIECES_WAITING: usize = 4;

/// Characters of a recipient that an event tells, so that all of them have room in it.
const RECIPIENT_SHOWN: usize = 16;

fn no_readers() -> Refusal {
    requests::invalid(text!("refused-no-readers"), text!("refused-no-readers-way"))
}

/// What all backups need.
pub(crate) struct Backups {
    recipients: Vec<settings::Recipient>,
    journal: PathBuf,
    keeper: Keeper,
    keys: Arc<Keys>,
    signer: Option<Arc<Signer>>,
    /// One at a time: each reads the whole journal.
    turn: Arc<Semaphore>,
}

impl std::fmt::Debug for Backups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backups")
            .field("recipients", &self.recipients)
            .finish_non_exhaustive()
    }
}

impl Backups {
    pub(crate) fn new(
        settings: &settings::Settings,
        keeper: Keeper,
        keys: Arc<Keys>,
        signer: Option<Arc<Signer>>,
    ) -> Self {
        Self {
            recipients: settings.backup.recipients.clone(),
            journal: settings.verifier.data.join("journal"),
            keeper,
            keys,
            signer,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Begins a backup, and tells how large it will be.
    pub(crate) fn begin(
        &self,
        history: bool,
        note: Option<String>,
    ) -> Result<(Running, Answer), Refusal> {
        let recipients = self.recipients();
        let (Some(signer), false) = (&self.signer, recipients.is_empty()) else {
            return Err(no_readers());
        };
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-backup-turn"),
                text!("refused-backup-turn-way"),
            ));
        };
        let Some((keys, no_rotation)) = self.keys.for_backup() else {
            return Err(requests::refusal(
                RefusalKind::Conflict,
                text!("refused-backup-rotation"),
                text!("refused-backup-rotation-way"),
            ));
        };
        let plan = Plan {
            keeper: self.keeper.clone(),
            history,
            keys,
            no_rotation,
            signer: Arc::clone(signer),
            recipients,
            time: clock::now(),
        };
        let turn = Arc::new(turn);
        let running_turn = Arc::clone(&turn);
        let (out, products) = mpsc::channel(PIECES_WAITING);
        let thread = std::thread::Builder::new().name(BACKUP_THREAD.into());
        let making = move || {
            make::make(plan, &out);
            // Held until the last file of it is closed.
            drop(turn);
        };
        thread.spawn(making).map_err(|error| broke_off(&error))?;
        let answer = Answer::BackupBegun {
            octets: octets_in(&self.journal),
            recipients: self.texts(),
        };
        let running = Running {
            products,
            note,
            recipients: self.texts(),
            receipt: None,
            damaged: 0,
            approver: None,
            _turn: running_turn,
        };
        Ok((running, answer))
    }

    fn recipients(&self) -> Vec<age::x25519::Recipient> {
        let texts = self.recipients.iter().map(settings::Recipient::as_str);
        // Checked when the settings were read.
        texts.filter_map(|text| text.parse().ok()).collect()
    }

    fn texts(&self) -> Vec<String> {
        let texts = self.recipients.iter().map(settings::Recipient::as_str);
        texts.map(str::to_owned).collect()
    }
}

/// About: segments are compressed, and the newest one has room.
fn octets_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|about| about.len())
        .sum()
}

/// A backup that one connection fetches. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    products: mpsc::Receiver<Product>,
    note: Option<String>,
    recipients: Vec<String>,
    receipt: Option<ReceiptView>,
    damaged: u64,
    /// Who approved it, if it took a second person.
    pub(crate) approver: Option<Actor>,
    /// It is somebody else's when both the last piece is fetched and the last file closed.
    _turn: Arc<OwnedSemaphorePermit>,
}

/// What to do next for whoever fetches.
#[derive(Debug)]
pub(crate) enum Next {
    /// Hand this out.
    Piece(Vec<u8>),
    /// Write this down, give [`Running::recorded`] the receipt, and ask again.
    Record(Operation, Option<String>),
    /// It is whole: hand out the receipt, and say how many records in it are damaged.
    Whole(ReceiptView, u64),
}

impl Running {
    pub(crate) async fn next(&mut self) -> Result<Next, Refusal> {
        match self.products.recv().await {
            Some(Product::Piece(piece)) => Ok(Next::Piece(piece)),
            Some(Product::Complete { exported, damaged }) => {
                self.damaged = damaged;
                let operation = self.operation(&exported);
                Ok(Next::Record(operation, self.note.take()))
            }
            Some(Product::Failed(failed)) => Err(broke_off(&failed)),
            Some(Product::End) => match self.receipt.take() {
                Some(receipt) => Ok(Next::Whole(receipt, self.damaged)),
                None => Err(broke_off(&"it has no receipt")),
            },
            None => Err(broke_off(&"its thread has ended")),
        }
    }

    pub(crate) fn recorded(&mut self, receipt: ReceiptView) {
        self.receipt = Some(receipt);
    }

    fn operation(&self, exported: &Exported) -> Operation {
        let begins = self.recipients.iter().map(|text| &text[..RECIPIENT_SHOWN]);
        let who: Vec<_> = begins.collect();
        let who = who.join(" ");
        let damaged = match self.damaged {
            0 => String::new(),
            damaged => format!(", damaged records {damaged}"),
        };
        let detail = format!("up to event {}{damaged}, for {who}", exported.position);
        Operation::Keep {
            what: Keeping::Backup,
            count: None,
            detail: Note::new(&detail),
        }
    }
}

fn broke_off(why: &dyn std::fmt::Display) -> Refusal {
    // Errors of the store have their own way out on a line of its own.
    let text = why.to_string();
    let (message, way_out) = text.split_once('\n').unwrap_or((&text, ""));
    let way_out = match way_out.trim() {
        "" => text!("refused-backup-broke-off-way"),
        way_out => way_out.to_owned(),
    };
    let message = text!("refused-backup-broke-off", error = message);
    requests::refusal(RefusalKind::Unavailable, message, way_out)
}
