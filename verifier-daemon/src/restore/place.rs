//! Where a restore happens: the data folder, which must be empty but for the master key, and a
//! folder in it that has everything until it is finished.
//!
//! Nothing outside that folder is touched before all is well, and what an earlier restore left
//! unfinished goes only when another has ended. Last of all the keyring and then the journal get
//! their places, when no old code can be accepted any more. Until then the verifier does not start,
//! see [`refuse_unfinished`].

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

use super::failure::{Failure, Kind};

/// Holds a folder for each restore that has begun, with everything until it is finished.
const UNFINISHED: &str = "restore.tmp";
const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
const KEYRING: &str = "keyring";
/// What a write that failed may have left in the data folder: keys, or a checkpoint.
const LEFT_OVER: [&str; 4] = [
    "master.key.new",
    "keyring.new",
    "audit.pub.new",
    "checkpoint.tmp",
];
const OWNER_ONLY: u32 = 0o700;
const CANNOT: &str = "run it as root, or as the user who owns the data folder";

/// Refuses a data folder in which a restore has begun and not ended. Takes away what one that has
/// ended left behind.
pub(crate) fn refuse_unfinished(data: &Path) -> Result<(), String> {
    let folder = data.join(UNFINISHED);
    if fs::symlink_metadata(&folder).is_err() {
        return Ok(());
    }
    if is_finished(data) {
        // What is left is of no use, and in nobody's way.
        let _ = fs::remove_dir_all(&folder);
        return Ok(());
    }
    Err(format!(
        "{}: a restore has begun and not ended; nothing here can be used\n  \
         run sekisho restore again; it begins anew",
        folder.display()
    ))
}

/// The journal comes last.
fn is_finished(data: &Path) -> bool {
    let left = unfinished(data).max();
    let has_journal = |number| folder_of(data, number).join(JOURNAL).exists();
    data.join(JOURNAL).exists() && !left.is_some_and(has_journal)
}

/// The numbers of the restores that have begun and left something.
fn unfinished(data: &Path) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(data.join(UNFINISHED)).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn folder_of(data: &Path, number: u32) -> PathBuf {
    data.join(UNFINISHED).join(number.to_string())
}

/// Whether the keyring in its place is there because a restore was cut off right before its end: it
/// is the same file as in that restore's folder, and not only one of the same name.
fn is_left_keyring(data: &Path) -> bool {
    let identity = |path: PathBuf| {
        let about = fs::symlink_metadata(path).ok()?;
        Some((about.dev(), about.ino()))
    };
    identity(data.join(KEYRING)).is_some_and(|placed| {
        unfinished(data)
            .any(|number| identity(folder_of(data, number).join(KEYRING)) == Some(placed))
    })
}

/// The data folder, locked for us.
#[derive(Debug)]
pub(crate) struct Place {
    data: PathBuf,
    master_key: PathBuf,
    /// Of this restore alone.
    folder: PathBuf,
    /// Whether the keyring in its place is ours.
    has_keyring: bool,
    finished: bool,
    /// Its file stays when we go: a verifier that is starting may have opened it already.
    _lock: Flock<File>,
}

impl Place {
    /// Takes the data folder, in which there may be nothing but `master_key` and what an earlier
    /// restore left unfinished. Changes nothing of that.
    pub(crate) fn take(data: &Path, master_key: &Path) -> Result<Self, Failure> {
        let lock_file = data.join(LOCK);
        if fs::symlink_metadata(&lock_file).is_err() {
            // Not even the lock's file is made where something is.
            check_nothing_is_there(data, master_key)?;
        }
        let lock = lock(&lock_file)?;
        check_nothing_is_there(data, master_key)?;
        let folder = make_folder(data)
            .map_err(|error| Failure::io(&data.join(UNFINISHED), &error, CANNOT))?;
        Ok(Self {
            data: data.to_owned(),
            master_key: master_key.to_owned(),
            folder,
            has_keyring: false,
            finished: false,
            _lock: lock,
        })
    }

    /// Where everything is until it is finished.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the keyring and then the journal into their places: from then on they count.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.put_keyring()
            .and_then(|()| {
                // Only an empty folder would be replaced, and there was not even that.
                fs::rename(self.folder.join(JOURNAL), self.data.join(JOURNAL))
            })
            .map_err(|error| Failure::io(&self.folder, &error, "run it again; it begins anew"))?;
        self.finished = true;
        let synced = sync(&self.folder).and_then(|()| sync(&self.data));
        synced.map_err(|error| not_synced(&self.data, &error))
    }

    fn put_keyring(&mut self) -> io::Result<()> {
        let placed = self.data.join(KEYRING);
        if is_left_keyring(&self.data) {
            fs::remove_file(&placed)?;
        }
        // Unlike a rename, a link fails when the name is taken. And it tells the next restore whose
        // keyring this is, should we be cut off now.
        fs::hard_link(self.folder.join(KEYRING), &placed)?;
        self.has_keyring = true;
        sync(&self.data)
    }
}

impl Drop for Place {
    /// Nothing of ours is left behind unless it is finished; then nothing of all that has begun.
    fn drop(&mut self) {
        let unfinished = self.data.join(UNFINISHED);
        if self.finished {
            let _ = fs::remove_dir_all(unfinished);
            for left in LEFT_OVER.map(|name| self.data.join(name)) {
                if left != self.master_key {
                    let _ = fs::remove_file(left);
                }
            }
        } else {
            if self.has_keyring {
                let _ = fs::remove_file(self.data.join(KEYRING));
            }
            let _ = fs::remove_dir_all(&self.folder);
            // Fails if it holds what was there before us.
            let _ = fs::remove_dir(unfinished);
        }
        let _ = sync(&self.data);
    }
}

fn check_nothing_is_there(data: &Path, master_key: &Path) -> Result<(), Failure> {
    let cannot = |error| Failure::io(data, &error, CANNOT);
    let known = |name: &OsString| {
        let path = data.join(name);
        let unfinished =
            name == UNFINISHED && fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
        let left =
            LEFT_OVER.iter().any(|ours| name == ours) || (name == KEYRING && is_left_keyring(data));
        // Of a restore that was cut off.
        let left = left || name == crate::restored::FILE;
        path == master_key || name == LOCK || name == "lost+found" || unfinished || left
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(data).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        if !known(&name) {
            found.push(name.to_string_lossy().into_owned());
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    found.sort();
    let (data, found) = (data.display(), found.join(", "));
    Err(Failure::new(
        Kind::Conflict,
        format!("{data}: is not empty: {found}"),
        format!(
            "move what is there to another folder, all but the master key, and keep it: mkdir {data}.old && mv …"
        ),
    ))
}

/// Makes a folder beside those of earlier restores, the newest with the highest number.
fn make_folder(data: &Path) -> io::Result<PathBuf> {
    let all = data.join(UNFINISHED);
    let make = |path: &Path| DirBuilder::new().mode(OWNER_ONLY).create(path);
    match make(&all) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let number = unfinished(data)
        .max()
        .map_or(1, |last| last.saturating_add(1));
    let folder = folder_of(data, number);
    make(&folder)?;
    sync(&all)?;
    sync(data)?;
    Ok(folder)
}

fn lock(path: &Path) -> Result<Flock<File>, Failure> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600)
        .open(path)
        .map_err(|error| Failure::io(path, &error, CANNOT))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Failure::new(
            Kind::Conflict,
            "a verifier runs in this data folder, or another restore",
            "stop it first: systemctl stop sekisho-verifierd",
        )
    })
}

/// Names are on the disk when their folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Everything is in its place, but may be gone after a power cut.
fn not_synced(data: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Failed,
        format!(
            "{}: the store is complete, but the disk did not say that it has all of it: {error}",
            data.display()
        ),
        "see that the disk is well, then start the verifier; if it finds no whole store, move it \
         away and restore again",
    )
}

/// Becomes the owner of the data folder, if root runs this and it belongs to another: the verifier
/// must be able to read what is made, and as little as possible is done as root.
pub(crate) fn become_owner(data: &Path) -> Result<(), Failure> {
    let missing = "set up this machine first: sekisho init";
    let about = fs::metadata(data).map_err(|error| Failure::io(data, &error, missing))?;
    let owner = Uid::from_raw(about.uid());
    if owner == geteuid() {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(Failure::new(
            Kind::NotPermitted,
            format!("{}: belongs to another user", data.display()),
            CANNOT,
        ));
    }
    let group = User::from_uid(owner).ok().flatten().map(|user| user.gid);
    let group = group.unwrap_or(Gid::from_raw(about.gid()));
    let done = setgroups(&[group])
        .and_then(|()| setgid(group))
        .and_then(|()| setuid(owner));
    done.map_err(|error| {
        Failure::io(
            data,
            &error.into(),
            "run it as the owner of the data folder",
        )
    })
}
