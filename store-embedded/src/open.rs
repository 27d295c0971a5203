//! Opening: the index as far as it can be believed, then the journal.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use sekisho_verifier::checkpoint::Checkpoint;
use sekisho_verifier::note::{PublicKey, SIGNING_KEY_OCTETS, Signer};
use sekisho_verifier::receipt::floor;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier::time::Time;
use zeroize::Zeroizing;

use crate::anchor::{self, Anchor};
use crate::audit::{Audit, Proof};
use crate::beginning::{self, Beginning};
use crate::checkpoints;
use crate::checkpoints::{Signing, Teller};
use crate::disk::{Disk, Folder};
use crate::error::OpenError;
use crate::folder::DataFolder;
use crate::index::{Base, Index, IndexError, Mark};
use crate::indexer::{INDEX_THREAD, Indexer, Shared, State};
use crate::journal::{self, CommitError, Journal, Sizes};
use crate::records::Records;
use crate::recovery::{self, Listener, Recovered, Replayed, Start};
use crate::segment::{FIRST, Header, StoreId, file_name};
use crate::sled_index::{self, SledIndex};
use crate::store::{EmbeddedStore, Parts};
use crate::tracker::{Digests, Sum};

/// A segment of the journal is closed when it has grown to this, unless asked otherwise.
pub const SEGMENT_OCTETS: u64 = 64 << 20;

/// Called with octets done and octets in all.
pub type Progress = Box<dyn FnMut(u64, u64) + Send>;
/// Called with a checkpoint: a signed note.
pub type Publish = Box<dyn FnMut(&str) + Send>;

/// How to open a store.
pub struct Options {
    /// The keys that tag records.
    pub keyring: Arc<Keyring>,
    /// Closes segments of the journal when they have grown to so many octets, in the place of
    /// [`SEGMENT_OCTETS`].
    pub segment_octets: Option<u64>,
    /// Verifies and replays the whole journal instead of beginning where the index ends.
    pub replay_all: bool,
    /// Is told how far the replay has come.
    pub progress: Option<Progress>,
    /// The Ed25519 key that signs checkpoints. Without it there are none.
    pub signing_key: Option<Zeroizing<[u8; SIGNING_KEY_OCTETS]>>,
    /// Is given the newest checkpoint, at most once a second, to anchor it elsewhere. Must not
    /// block: the deciding thread calls it.
    pub publish: Option<Publish>,
    /// A small file that does not come back with the data folder, best on a tmpfs, which
    /// remembers how far the journal was acknowledged. The store's id is added to its name.
    pub anchor: Option<PathBuf>,
}

impl Options {
    /// The usual way, with these keys.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self {
            keyring,
            segment_octets: None,
            replay_all: false,
            progress: None,
            signing_key: None,
            publish: None,
            anchor: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("segment_octets", &self.segment_octets)
            .field("replay_all", &self.replay_all)
            .field("anchor", &self.anchor)
            .finish_non_exhaustive()
    }
}

/// What opening a store came upon, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// The store is new.
    pub made: bool,
    /// Changes replayed from the journal.
    pub replayed: u64,
    /// Octets of a group that was cut off by a crash, and never acknowledged.
    pub torn_octets: u64,
    /// Why the index was thrown away, if it was.
    pub index_rebuilt: Option<String>,
}

/// An index, or why there is none to begin with.
pub(crate) struct Found {
    pub(crate) index: Option<Box<dyn Index>>,
    pub(crate) thrown_away: Option<String>,
}

/// Opens a folder that was restored from a backup, and begins a new epoch: what follows stands at
/// positions that no run of before can have reached.
///
/// What an index or an anchor remembers of before does not count.
pub fn begin_epoch(data: &Path, options: Options, now: Time) -> Result<EmbeddedStore, OpenError> {
    open_folder(data, options, Some(now))
}

/// Opens the store in the folder at `path`.
pub(crate) fn open(path: &Path, options: Options) -> Result<EmbeddedStore, OpenError> {
    open_folder(path, options, None)
}

fn open_folder(
    path: &Path,
    options: Options,
    new_epoch: Option<Time>,
) -> Result<EmbeddedStore, OpenError> {
    let folder = DataFolder::open(path)?;
    let journal = path.join("journal");
    let disk = Arc::new(Folder::new(&journal, folder.journal(path)?));
    let sizes = Sizes::new(options.segment_octets.unwrap_or(SEGMENT_OCTETS));
    let existed = sled_index::exists(path);
    let how = How { sizes, new_epoch };
    let mut store = open_on(disk, existed, || find(path), how, options)?;
    if new_epoch.is_none() {
        kept_checkpoint(&folder, &store, path)?;
    }
    store.teller.keep_in(folder.again(path)?);
    store.folder = Some(Arc::new(folder));
    Ok(store)
}

/// The newest checkpoint beside the journal was told after its sync: a journal that ends before it,
/// or says something else there, is not the one that we have written. What can not be read, or is
/// not signed by us, says nothing.
fn kept_checkpoint(
    folder: &DataFolder,
    store: &EmbeddedStore,
    path: &Path,
) -> Result<(), OpenError> {
    let Some(signer) = store.signer() else {
        return Ok(());
    };
    let again = folder.again(path)?;
    let Some(kept) = checkpoints::kept(&again, &signer.public()) else {
        return Ok(());
    };
    let file = path.join("journal");
    let end = store.end();
    if kept.position > end {
        let seen = kept.position;
        return Err(OpenError::EndLost { file, end, seen });
    }
    match store.frame_hash(kept.position) {
        Ok(Some(hash)) if hash != kept.hash => Err(OpenError::Rewritten {
            file,
            position: kept.position,
        }),
        // A part of the journal that is no longer there, or that whoever reads it will refuse.
        _ => Ok(()),
    }
}

fn find(data: &Path) -> Found {
    match apart(|| SledIndex::open(data)) {
        Ok((index, thrown_away)) => Found {
            index: Some(Box::new(index)),
            thrown_away,
        },
        Err(error) => Found {
            index: None,
            thrown_away: Some(error.to_string()),
        },
    }
}

/// Runs what sled may panic in, in a thread of the name that panics are expected of.
fn apart<T: Send>(work: impl FnOnce() -> Result<T, IndexError> + Send) -> Result<T, IndexError> {
    let panicked = || IndexError("sled panicked".into());
    let started = thread::scope(|scope| {
        thread::Builder::new()
            .name(INDEX_THREAD.into())
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)))
            .map(|thread| thread.join())
    });
    match started {
        Ok(Ok(Ok(result))) => result,
        Ok(_) => Err(panicked()),
        Err(error) => Err(IndexError(error.to_string())),
    }
}

/// How a store is opened, besides what its user may choose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) sizes: Sizes,
    /// Begins a new epoch; this is the time.
    pub(crate) new_epoch: Option<Time>,
}

/// Opens a store whose journal is on `disk`. The index is looked for when there is a journal: one
/// without the other tells that the journal was lost.
pub(crate) fn open_on(
    disk: Arc<dyn Disk>,
    index_existed: bool,
    find: impl FnOnce() -> Found,
    how: How,
    mut options: Options,
) -> Result<EmbeddedStore, OpenError> {
    let mut opened = Opened::default();
    let beginning = beginning(&*disk, &options.keyring, index_existed, how, &mut opened)?;
    let last = beginning.last();
    let mut found = find();
    opened.index_rebuilt = found.thrown_away.take();
    options.replay_all |= how.new_epoch.is_some();
    let digests = Digests::new(options.signing_key.as_deref());
    let mut records = Records::new(Arc::clone(&options.keyring), digests);
    let (mut start, mut base) = load(&mut found, &beginning, &mut records, &options, &mut opened);
    if how.new_epoch.is_some() {
        // The index is of another time, if there is one.
        (start, base) = (Start::default(), None);
    }
    let signing = signing(&options, &last, how.sizes);
    let key = signing.as_ref().map(|signing| signing.signer.public());
    // Without an index, the snapshot spares what came before it; and it must, where that is gone.
    if start.point.is_none() && !(options.replay_all && beginning.is_whole()) {
        let loaded = beginning.load(&*disk, key.as_ref(), &mut records)?;
        start.point = loaded.and_then(|loaded| loaded.point);
        start.seen = start.seen.max(loaded.map_or(0, |loaded| loaded.seen));
    }
    let recovered = replay(
        &*disk,
        start,
        key.clone(),
        &mut records,
        &mut options,
        &mut opened,
    )?;
    opened.torn_octets = recovered.torn;

    let proof = Proof {
        keyring: Arc::clone(&options.keyring),
        key,
    };
    let segments = recovered.segments.clone();
    let audit = Audit::new(Arc::clone(&disk), segments, recovered.end, proof);
    let audit = Arc::new(audit);
    let file = disk.path(&file_name(recovered.last.number));
    let (journal_audit, sizes) = (Arc::clone(&audit), how.sizes);
    let keyring = Arc::clone(&options.keyring);
    let mut journal = Journal::new(disk, journal_audit, &recovered, sizes, signing, keyring)
        .map_err(|error| OpenError::io(&file, "open", &error))?;
    let mut anchor = options
        .anchor
        .as_deref()
        .map(|path| Anchor::open(&anchor::path_of(path, &last.store)));
    match how.new_epoch {
        Some(now) => begin(&mut journal, Some(now).max(records.summary().newest))?,
        None => anchor.as_mut().map_or(Ok(()), |anchor| {
            anchor.check(&file, &journal.reached(), &audit)
        })?,
    }
    let shared = Arc::new(Shared::new(State::new(records, *journal.point())));
    let indexer = start_indexer(&shared, found.index, &journal, base);
    Ok(EmbeddedStore::new(Parts {
        shared,
        journal,
        audit,
        indexer,
        teller: Teller::new(options.publish, how.sizes.pace),
        anchor,
        opened,
    }))
}

fn signing(options: &Options, last: &Header, sizes: Sizes) -> Option<Signing> {
    let origin = Checkpoint::origin_of(&last.store);
    let signer = Signer::new(&origin, options.signing_key.as_deref()?)?;
    Some(Signing {
        signer: Arc::new(signer),
        pace: sizes.pace,
    })
}

fn begin(journal: &mut Journal, now: Option<Time>) -> Result<(), OpenError> {
    let floor = floor(
        now.unwrap_or(Time::from_millis(0)),
        journal.point().position,
    );
    let begun = match floor {
        Some(floor) => journal.begin_epoch(floor),
        None => Err(CommitError::NotWritten(io::Error::other(
            "no number is left",
        ))),
    };
    let error = match begun {
        Ok(()) => return Ok(()),
        Err(CommitError::NotWritten(error) | CommitError::Full(error)) => error,
        Err(CommitError::Fatal) => io::Error::other("the disk failed"),
    };
    let doing = "begin an epoch behind";
    Err(OpenError::io(&journal.path(), doing, &error))
}

/// What the journal begins with. Makes the first segment of a new store, or of one that was
/// restored without its history.
fn beginning(
    disk: &dyn Disk,
    keyring: &Keyring,
    index_existed: bool,
    how: How,
    opened: &mut Opened,
) -> Result<Beginning, OpenError> {
    if let Some(beginning) = Beginning::find(disk)? {
        return Ok(beginning);
    }
    let next = beginning::behind_snapshot(disk)?;
    let number = next.map_or(FIRST, |next| next.number);
    let file = disk.path(&file_name(number));
    // A store that has had a journal goes on without it only when it was restored.
    if index_existed || next.is_some() != how.new_epoch.is_some() {
        return Err(OpenError::Missing { file });
    }
    let failed = |error| OpenError::io(&file, "make", &error);
    let header = match next {
        Some(next) => next,
        None => Header::first(new_id().map_err(failed)?, 0),
    };
    journal::create(disk, &header, &keyring.current(), how.sizes).map_err(failed)?;
    opened.made = next.is_none();
    Beginning::find(disk)?.ok_or(OpenError::Missing { file })
}

fn new_id() -> io::Result<StoreId> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    Ok(id)
}

/// Takes the records from the index, if it can be believed.
pub(crate) fn load(
    found: &mut Found,
    beginning: &Beginning,
    records: &mut Records,
    options: &Options,
    opened: &mut Opened,
) -> (Start, Option<Base>) {
    let Some(index) = &mut found.index else {
        return (Start::default(), None);
    };
    let replay_all = options.replay_all;
    let keyring = &options.keyring;
    let digests = records.digests();
    let load = || loaded(&mut **index, beginning, keyring, &digests, replay_all);
    let (mark, loaded) = match apart(load) {
        Ok((mark, loaded)) => (mark, loaded),
        Err(error) => (None, Err(error.to_string())),
    };
    let seen = mark.map_or(0, |mark| mark.seen);
    let reason = match loaded {
        Ok((read, base, sum)) => {
            *records = read;
            records.tracker().index_holds(sum);
            records.set_summary(base.summary);
            let start = Start {
                point: Some(base.point),
                seen: seen.max(base.point.position),
            };
            return (start, Some(base));
        }
        Err(reason) => reason,
    };
    records.tracker().index_is_empty();
    if !opened.made && opened.index_rebuilt.is_none() {
        opened.index_rebuilt = Some(reason);
    }
    if let Err(error) = apart(|| index.clear()) {
        opened.index_rebuilt = Some(error.to_string());
        found.index = None;
    }
    (Start { point: None, seen }, None)
}

type Loaded = Result<(Records, Base, Sum), String>;

/// The mark if it belongs to this journal, and the records if they are what it says.
fn loaded(
    index: &mut dyn Index,
    beginning: &Beginning,
    keyring: &Arc<Keyring>,
    digests: &Digests,
    replay_all: bool,
) -> Result<(Option<Mark>, Loaded), IndexError> {
    let Some(octets) = index.mark()? else {
        return Ok((None, Err("it has no mark".into())));
    };
    let Some(mark) = Mark::parse(&octets, keyring) else {
        return Ok((None, Err("its mark is not what was written".into())));
    };
    let last = beginning.last();
    if mark.store != last.store || mark.epoch != last.epoch {
        return Ok((None, Err("it belongs to another store".into())));
    }
    let Some(base) = mark.base.filter(|_| !replay_all) else {
        return Ok((Some(mark), Err("it was not complete".into())));
    };
    if !beginning.has(&base.point) {
        return Ok((Some(mark), Err("what follows on it was removed".into())));
    }
    let mut records = Records::new(Arc::clone(keyring), digests.clone());
    let mut sum: Sum = 0;
    let read = index.load(&mut |key, value| {
        sum = sum.wrapping_add(digests.of(key, value));
        records.load(key.into(), value.into());
    });
    let loaded = match read {
        Err(error) => Err(error.to_string()),
        Ok(()) if sum != mark.sum => Err("it does not hold what was written".into()),
        Ok(()) => Ok((records, base, sum)),
    };
    Ok((Some(mark), loaded))
}

fn replay(
    disk: &dyn Disk,
    start: Start,
    key: Option<PublicKey>,
    records: &mut Records,
    options: &mut Options,
    opened: &mut Opened,
) -> Result<Recovered, OpenError> {
    let mut apply = |replayed: Replayed| {
        for (key, value) in replayed.steps {
            records.put(key, value);
        }
        for (key, value) in records.requested(&replayed.event, replayed.position) {
            records.put(key, value);
        }
        records.happened(&replayed.event, replayed.position);
        opened.replayed += 1;
    };
    let mut nobody: Progress = Box::new(|_, _| {});
    let progress = options.progress.as_mut().unwrap_or(&mut nobody);
    let listener = Listener {
        apply: &mut apply,
        progress,
        key,
        keyring: Some(Arc::clone(&options.keyring)),
        watch: None,
        live: false,
    };
    recovery::recover(disk, start, listener)
}

fn start_indexer(
    shared: &Arc<Shared>,
    index: Option<Box<dyn Index>>,
    journal: &Journal,
    base: Option<Base>,
) -> Option<Indexer> {
    let mark = Mark {
        store: journal.store(),
        epoch: journal.epoch(),
        base,
        seen: 0,
        sum: 0,
    };
    match Indexer::start(shared, index?, mark) {
        Ok(indexer) => Some(indexer),
        Err(error) => {
            shared.lock().warning = Some(format!("the index is not kept: {error}"));
            None
        }
    }
}
