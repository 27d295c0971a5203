//! Where a restore happens: the data folder, which must be empty but for the master key, and a
//! folder in it that has everything until it is finished.
//!
//! The journal is moved out of that folder last of all, when no old code can be accepted any more.
//! Until then the verifier does not start, see [`refuse_unfinished`].

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

use super::failure::{Failure, Kind};

/// Holds everything until the restore is finished.
const UNFINISHED: &str = "restore.tmp";
const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
const KEYRING: &str = "keyring";
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
    !data.join(UNFINISHED).join(JOURNAL).exists() && data.join(JOURNAL).exists()
}

/// The data folder, locked for us.
#[derive(Debug)]
pub(crate) struct Place {
    data: PathBuf,
    /// Whether the lock's file was not there before us.
    made_lock: bool,
    finished: bool,
    _lock: Flock<File>,
}

impl Place {
    /// Takes the data folder, in which there may be nothing but `master_key`. Changes nothing but
    /// what an earlier restore left unfinished.
    pub(crate) fn take(data: &Path, master_key: &Path) -> Result<Self, Failure> {
        let lock_file = data.join(LOCK);
        let made_lock = fs::symlink_metadata(&lock_file).is_err();
        let lock = lock(&lock_file)?;
        let place = Self {
            data: data.to_owned(),
            made_lock,
            finished: false,
            _lock: lock,
        };
        let begun = place.folder().exists() && !is_finished(data);
        place.check_nothing_is_there(master_key, begun)?;
        let cannot = |error| Failure::io(&place.folder(), &error, CANNOT);
        if begun {
            let _ = fs::remove_file(data.join(KEYRING));
        }
        place.clear().map_err(cannot)?;
        let made = DirBuilder::new().mode(OWNER_ONLY).create(place.folder());
        made.and_then(|()| sync(data)).map_err(cannot)?;
        Ok(place)
    }

    /// A restore that was cut off may have left its keyring. No other can be there: none was when it
    /// began, and no verifier has started since.
    fn check_nothing_is_there(&self, master_key: &Path, begun: bool) -> Result<(), Failure> {
        let cannot = |error| Failure::io(&self.data, &error, CANNOT);
        let known = |name: &OsString| {
            let path = self.data.join(name);
            let left = begun && name == KEYRING;
            path == master_key || name == LOCK || name == UNFINISHED || name == "lost+found" || left
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.data).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            if !known(&name) {
                found.push(name.to_string_lossy().into_owned());
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        found.sort();
        let (data, found) = (self.data.display(), found.join(", "));
        Err(Failure::new(
            Kind::Conflict,
            format!("{data}: is not empty: {found}"),
            format!(
                "move what is there to another folder, all but the master key, and keep it: mkdir {data}.old && mv …"
            ),
        ))
    }

    /// Where everything is until it is finished.
    pub(crate) fn folder(&self) -> PathBuf {
        self.data.join(UNFINISHED)
    }

    /// Puts the journal into its place: from then on it counts. The keyring is there already.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let folder = self.folder();
        let moved = fs::rename(folder.join(JOURNAL), self.data.join(JOURNAL))
            .and_then(|()| sync(&folder))
            .and_then(|()| sync(&self.data));
        moved.map_err(|error| Failure::io(&folder, &error, "run it again; it begins anew"))?;
        self.finished = true;
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.folder()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync(&self.data),
        }
    }
}

impl Drop for Place {
    /// Nothing is left behind: half a restore would only be in the way of the next.
    fn drop(&mut self) {
        if !self.finished && !is_finished(&self.data) {
            let _ = fs::remove_file(self.data.join(KEYRING));
        }
        let _ = self.clear();
        if self.made_lock {
            let _ = fs::remove_file(self.data.join(LOCK));
        }
    }
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
