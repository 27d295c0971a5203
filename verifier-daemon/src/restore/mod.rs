//! `sekisho-verifierd restore`: sets up a data folder from a backup.
//!
//! Nobody knows what was accepted after the backup was made. So before anything counts, a new epoch
//! begins whose positions no run of before can have reached, and every accepted step is raised past
//! now: no code that was good before the restore is good after it, and no receipt number comes
//! twice.

mod failure;
mod place;
mod unpack;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use age::x25519::Identity;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use nix::unistd::{User, getuid};
use sekisho_settings::{Approved, Settings};
use sekisho_store_embedded::{
    EmbeddedStore, Options, Reached, Scrubbed, Verified, begin_epoch, verify,
};
use sekisho_verifier::account::AccountName;
use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::event::{Actor, Channel, Note, OperationEvent};
use sekisho_verifier::note::{PublicKey, Signer};
use sekisho_verifier::operation::{Done, Operate, Operation, Order};
use sekisho_verifier::receipt::ReceiptNumber;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::serial::Serial;
use sekisho_verifier::store::{Key, Kind as Records, Position, Record, Store, StoreError};
use sekisho_verifier::time::Time;
use sekisho_verifier::verify::Verifier;
use serde_json::json;
use zeroize::Zeroizing;

use crate::backup::manifest::Manifest;
use crate::{ANCHOR, clock, keys, policy, restored};

use failure::{Failure, Kind};
use place::Place;
pub(crate) use place::refuse_unfinished;
use unpack::{Unpacked, unpack};

/// The longest identity file, and the longest public key.
const LINES_OCTETS_MAX: u64 = 64 << 10;
/// Tokens that are listed at once.
const TOKENS_LISTED: usize = 10_000;
/// Longer than the unit in which the first position of an epoch counts time, so that the next
/// restore has a later one.
const APART: Duration = Duration::from_millis(50);
/// A clock that is further ahead of what the backup tells of is warned of.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);
/// Damaged records that are named.
const DAMAGED_SHOWN: usize = 3;
const ANOTHER: &str = "take another backup; this one can not be used";

/// Sets up the data folder from a backup.
///
/// The data folder may hold a master key and nothing else, and no verifier may run. Started by root,
/// it becomes the user who owns the data folder before it writes anything.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// The identity of one of its recipients, as `sekisho backup-key` makes it.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// Refuse the backup unless it is signed by this public key: audit.pub of the installation.
    #[arg(long, value_name = "FILE")]
    audit_key: Option<PathBuf>,
    /// Restore although the backup is from later than this machine's clock says, because the clock
    /// of before was wrong and this one is right.
    #[arg(long)]
    trust_clock: bool,
    /// A word for the receipt.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print JSON, errors included.
    #[arg(long)]
    json: bool,
}

/// Restores, and tells what came of it.
pub(crate) fn run(settings: &Path, restore: &Restore) -> ExitCode {
    match try_to_run(settings, restore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(restore.json),
    }
}

fn try_to_run(settings: &Path, restore: &Restore) -> Result<(), Failure> {
    let close = || sekisho_daemon::close_memory();
    let cannot_close =
        |error: io::Error| Failure::new(Kind::Failed, error.to_string(), "try again");
    close().map_err(cannot_close)?;
    // Where that is not allowed, a swap that is encrypted has to do.
    let _ = sekisho_daemon::lock_memory();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let actor = actor();
    let person = restored::own_person(actor.uid);
    // Read by whoever runs this: the owner of the data folder may not be able to.
    let settings =
        Settings::load(settings).map_err(|error| Failure::told(Kind::Invalid, &error))?;
    let file = open(&restore.file)?;
    let identity = identity(&restore.identity)?;
    let signed_by = restore.audit_key.as_deref().map(public_key).transpose()?;
    place::become_owner(&settings.verifier.data)?;
    // Another user's memory can be looked at again.
    close().map_err(cannot_close)?;

    let data = &settings.verifier.data;
    let mut place = Place::take(data, &settings.master_key.file(&settings.verifier))?;
    let folder = place.folder();
    let unpacked = unpack(file, &restore.file, &identity, signed_by.as_ref(), folder)?;
    drop(identity);
    let order = Order {
        channel: Channel::Offline,
        note: restore.note.as_deref().and_then(Note::new),
        ..Order::of(actor)
    };
    let mut restored = begin_anew(&settings, folder, &unpacked, &order, restore)?;
    if settings.approval.operations.contains(&Approved::Restore) {
        let marked = restored::mark(data, &order.actor, person);
        marked.map_err(|error| Failure::io(&data.join(restored::FILE), &error, "try again"))?;
    }
    place.finish()?;
    let anchor = settings.verifier.socket.with_file_name(ANCHOR);
    restored.warnings.extend(restored.reached.put_into(&anchor));
    drop(place);
    tell(restore, &unpacked, &restored)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string(), "the restore is done"))
}

/// Who runs this, before it becomes another.
fn actor() -> Actor {
    let uid = getuid();
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    Actor::new(uid.as_raw(), &name.unwrap_or_else(|| uid.to_string()))
}

fn open(path: &Path) -> Result<File, Failure> {
    let way_out = "name a file that you can read";
    let cannot = |error| Failure::io(path, &error, way_out);
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        let message = format!("{}: is a folder", path.display());
        return Err(Failure::new(Kind::Invalid, message, way_out));
    }
    Ok(file)
}

/// The first line that is an identity.
fn identity(path: &Path) -> Result<Identity, Failure> {
    let file = open(path)?;
    // Room for all of it, so that the buffer is never moved and left behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(LINES_OCTETS_MAX as usize));
    file.take(LINES_OCTETS_MAX)
        .read_to_end(&mut octets)
        .map_err(|error| Failure::io(path, &error, "name a file that you can read"))?;
    let text = std::str::from_utf8(&octets).unwrap_or_default();
    let found = text.lines().find_map(|line| line.trim().parse().ok());
    found.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            format!("{}: holds no identity", path.display()),
            "give the file that sekisho backup-key made; one that is locked by a passphrase must be unlocked first",
        )
    })
}

fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let mut lines = BufReader::new(open(path)?.take(LINES_OCTETS_MAX)).lines();
    let line = lines.next().and_then(Result::ok).unwrap_or_default();
    line.parse().map_err(|error| {
        Failure::new(
            Kind::Invalid,
            format!("{}: {error}", path.display()),
            "give audit.pub of the installation, or leave --audit-key out",
        )
    })
}

/// What was done, for the receipt.
struct Restored {
    position: Position,
    time: Time,
    event: OperationEvent,
    tokens: u64,
    accounts: u64,
    damaged: Scrubbed,
    public: Option<String>,
    reached: Reached,
    /// How far the clock is ahead of what the backup tells of last.
    ahead: Duration,
    warnings: Vec<String>,
}

/// Makes a keyring for this machine, begins a new epoch in `folder`, and raises every accepted step.
fn begin_anew(
    settings: &Settings,
    folder: &Path,
    unpacked: &Unpacked,
    order: &Order,
    restore: &Restore,
) -> Result<Restored, Failure> {
    let Unpacked { manifest, content } = unpacked;
    if manifest.history {
        // The manifest is signed and says what the journal came to, so no checkpoint needs to.
        let verified = verified(folder, manifest, None)?;
        if (verified.last, Some(verified.hash)) != (manifest.position, manifest.hash()) {
            return Err(another_journal());
        }
    }
    let now = clock::now();
    if !restore.json {
        let _ = writeln!(io::stderr(), "Clock  {}", clock_text(now));
    }
    keys::store_new(settings, folder, content)
        .map_err(|error| Failure::told(Kind::Failed, &error))?;
    let bad_keys = || Failure::new(Kind::Invalid, "the backup has no keys", ANOTHER);
    let keyring: Arc<Keyring> = content.keyring().ok_or_else(bad_keys)?;
    let options = Options {
        signing_key: Some(content.signing_key()),
        ..Options::new(Arc::clone(&keyring))
    };
    let mut store =
        begin_epoch(folder, options, now).map_err(|error| Failure::told(Kind::Invalid, &error))?;
    let policy = policy::of(settings).map_err(|error| Failure::told(Kind::Invalid, &error))?;
    let verifier =
        Verifier::new(policy, keyring).map_err(|error| Failure::told(Kind::Invalid, &error))?;
    let newest = store.view().newest().map_err(|error| unreadable(&error))?;
    let behind = newest.is_some_and(|newest| now < newest);
    if !restore.trust_clock && (behind || now.millis() < manifest.time) {
        return Err(Failure::new(
            Kind::Conflict,
            "this machine's clock is behind the backup",
            "set the clock, then restore again; if this clock is right, give --trust-clock",
        ));
    }
    let last = newest.map_or(0, Time::millis).max(manifest.time);
    let ahead = Duration::from_millis(now.millis().saturating_sub(last));
    let warnings = Vec::from_iter(ahead_text(ahead));
    if !restore.json {
        for warning in &warnings {
            let _ = writeln!(io::stderr(), "warning: {warning}");
        }
    }
    if behind {
        // Else no code would be judged until then, and steps would be raised to then.
        commit(&mut store, &verifier, &Operation::ClockTrust, order, now)?;
    }
    let scrubbed = store.keeper().scrub();
    let scrubbed = scrubbed.map_err(|error| Failure::told(Kind::Failed, &error))?;
    let operation = Operation::Restore {
        serials: serials(&store).map_err(|error| unreadable(&error))?,
        accounts: accounts(&store).map_err(|error| unreadable(&error))?,
        damaged: scrubbed.misfits,
    };
    let (position, event) = commit(&mut store, &verifier, &operation, order, now)?;
    let counts = store.counts();
    let public = store.signer().map(|signer| signer.public().to_string());
    let reached = store.how_far();
    store.close();
    let signer = Signer::new(&manifest.origin, &content.signing_key());
    let public_key = signer.map(|signer| signer.public());
    let verified = verified(folder, manifest, public_key.as_ref())?;
    if !manifest.history && verified.snapshot != Some(manifest.position) {
        return Err(another_journal());
    }
    // The next restore begins at a later moment, whatever is done in between.
    thread::sleep(APART);
    Ok(Restored {
        position,
        time: now,
        event,
        tokens: counts.tokens,
        accounts: counts.accounts,
        damaged: scrubbed,
        public,
        reached,
        ahead,
        warnings,
    })
}

/// The journal is whole, and signed by `key`.
fn verified(
    folder: &Path,
    manifest: &Manifest,
    key: Option<&PublicKey>,
) -> Result<Verified, Failure> {
    let verified = match verify(folder, key, &[], &mut |_, _| {}) {
        // A backup of the store's first moments. The manifest is signed, and opening the store asks
        // for the stamp of every frame.
        Err(fault) if fault.is_only_unsigned() => verify(folder, None, &[], &mut |_, _| {}),
        verified => verified,
    };
    let verified = verified.map_err(|fault| Failure::told(Kind::Invalid, &fault))?;
    if Checkpoint::origin_of(&verified.store) != manifest.origin {
        return Err(another_journal());
    }
    Ok(verified)
}

fn another_journal() -> Failure {
    let message = "the backup holds another journal than its manifest tells of";
    Failure::new(Kind::Invalid, message, ANOTHER)
}

fn commit(
    store: &mut EmbeddedStore,
    verifier: &Verifier,
    operation: &Operation,
    order: &Order,
    now: Time,
) -> Result<(Position, OperationEvent), Failure> {
    let mut operate = Operate::new(verifier, operation, order, now);
    let outcomes = store.commit(&mut [&mut operate]);
    let mut outcomes = outcomes.map_err(|error| unreadable(&error))?;
    match outcomes.pop().map(|outcome| operate.done(outcome)) {
        Some(Done::Receipt(position, event)) => Ok((position, event)),
        _ => Err(Failure::new(
            Kind::Failed,
            "the new journal could not be written",
            "see that the disk has room, then restore again",
        )),
    }
}

fn serials(store: &EmbeddedStore) -> Result<Vec<Serial>, StoreError> {
    let mut serials: Vec<Serial> = Vec::new();
    loop {
        let after = serials.last().cloned().map(Key::Token);
        let page = store.list(Records::Tokens, after.as_ref(), TOKENS_LISTED)?;
        if page.is_empty() {
            return Ok(serials);
        }
        serials.extend(page.into_iter().filter_map(|record| match record {
            Record::Token(token) => Some(token.serial),
            _ => None,
        }));
    }
}

fn accounts(store: &EmbeddedStore) -> Result<Vec<AccountName>, StoreError> {
    let mut names: Vec<AccountName> = Vec::new();
    loop {
        let after = names.last().cloned().map(Key::Account);
        let page = store.list(Records::Accounts, after.as_ref(), TOKENS_LISTED)?;
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page.into_iter().filter_map(|record| match record {
            Record::Account(account) => Some(account.name),
            _ => None,
        }));
    }
}

fn unreadable(error: &StoreError) -> Failure {
    Failure::new(Kind::Failed, error.to_string(), ANOTHER)
}

/// What is taken for now, for people to compare with their own clock.
fn clock_text(now: Time) -> String {
    let time = i64::try_from(now.millis()).ok();
    let time = time.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let Some(time) = time else {
        return format!("{} ms since 1970: is this right?", now.millis());
    };
    let utc = Zoned::new(time, TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC");
    let local = Zoned::new(time, TimeZone::system());
    let shown = local.strftime("%Y-%m-%d %H:%M:%S");
    match local.offset().seconds() {
        0 => format!("{utc}: is this right?"),
        _ => format!("{shown} here, {utc}: is this right?"),
    }
}

fn ahead_text(ahead: Duration) -> Option<String> {
    let (days, hours) = (ahead.as_secs() / 86_400, ahead.as_secs() / 3_600 % 24);
    (ahead > AHEAD_MAX).then(|| {
        format!(
            "this clock is {days} days and {hours} hours ahead of the backup; if \
             the clock is wrong, nobody gets in before that time: set it, and restore again from \
             the same backup"
        )
    })
}

/// Empty if nothing is damaged.
fn damaged_text(damaged: &Scrubbed) -> String {
    let (named, all) = (&damaged.named, damaged.misfits);
    let shown = named.iter().take(DAMAGED_SHOWN).cloned();
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    if all > DAMAGED_SHOWN as u64 {
        shown += ", …";
    }
    match all {
        0 => String::new(),
        all => format!("{all} ({shown}): left as they are, and nobody gets in by them"),
    }
}

fn tell(restore: &Restore, unpacked: &Unpacked, restored: &Restored) -> io::Result<()> {
    let Restored {
        position,
        event,
        tokens,
        accounts,
        damaged,
        ..
    } = restored;
    let number = ReceiptNumber::new(*position).map(|number| number.to_string());
    let number = number.unwrap_or_else(|| position.to_string());
    let texts = [&event.detail, &event.note].into_iter().flatten();
    let note = texts.map(Note::as_str).collect::<Vec<_>>().join("; ");
    let mut out = io::stdout().lock();
    if restore.json {
        let value = json!({
            "number": number,
            "time_ms": restored.time.millis(),
            "ahead_ms": u64::try_from(restored.ahead.as_millis()).unwrap_or(u64::MAX),
            "warnings": restored.warnings,
            "operation": event.operation.name(),
            "position": position,
            "actor": event.actor.to_string(),
            "channel": event.channel.name(),
            "note": note,
            "count": event.count,
            "tokens": tokens,
            "accounts": accounts,
            "damaged": damaged.misfits,
            "damaged_records": damaged.named,
            "backup_ms": unpacked.manifest.time,
            "backup_position": unpacked.manifest.position,
            "public_key": restored.public,
        });
        return writeln!(out, "{value}");
    }
    let manifest = &unpacked.manifest;
    let count = event.count.unwrap_or(0);
    let lines = [
        ("Receipt number", number),
        ("Clock", clock_text(restored.time)),
        ("Operation", event.operation.name().to_owned()),
        ("Backup of", manifest.origin.clone()),
        ("Up to event", manifest.position.to_string()),
        ("Tokens", format!("{tokens}, of which {count} were changed")),
        ("Accounts", accounts.to_string()),
        ("Damaged", damaged_text(damaged)),
        ("By", event.actor.to_string()),
        ("Note", note),
        ("Audit key", restored.public.clone().unwrap_or_default()),
    ];
    for (label, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{label:14}  {value}")?;
    }
    for warning in &restored.warnings {
        writeln!(out, "{:14}  {warning}", "Warning")?;
    }
    writeln!(
        out,
        "\nNo code of before is good any more: everybody waits a minute or two for the next one. HOTP \
         tokens\nthat were in use are to be enrolled again, with their next code.\n\nNext\n\
         * Was the clock right? If not, set it, and restore again from the same backup.\n\
         * Start the verifier: systemctl start sekisho-verifierd\n\
         * See that it is well: sekisho status\n\
         * Tokens that were issued, exchanged or reported lost after the backup are as they were at \
         the\n  backup: go through what you know was done since."
    )
}
