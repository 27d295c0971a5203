//! The keys of the verifier: where the master key comes from, the keyring that it wraps, and their
//! rotation.
//!
//! Data keys seal seeds and tag records; a signing key signs checkpoints and receipts. Both stand
//! in the keyring file, wrapped by the master key, which is kept elsewhere or in a file of its own.

mod content;
mod credential;
mod error;
mod file;
mod keyring_file;
mod lines;
mod master;
mod pkcs11;
pub(crate) mod private_file;
pub(crate) mod rotation;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sekisho_settings::Settings;
use sekisho_verifier::note::SIGNING_KEY_OCTETS;
use sekisho_verifier::seal::Keyring;
use sekisho_verifier_socket::admin::{KeyStatusView, RotationView};
use zeroize::Zeroizing;

pub(crate) use content::Content;
pub(crate) use error::KeyError;
pub(crate) use rotation::{Rotations, rotator};

use keyring_file::Wrapped;
use master::{Kind, Master};

/// Folders of the data folder that are there once the store is.
const STORE_FOLDERS: [&str; 2] = ["journal", "index"];
/// What is said when memory may be swapped out.
pub(crate) const NOT_LOCKED: &str = "the verifier's memory is not locked and may be swapped out";
/// Where the public key is for everybody who verifies, in the data folder.
const PUBLIC_FILE: &str = "audit.pub";

/// The keys while the verifier runs. One for the process: rotation changes it.
pub(crate) struct Keys {
    settings: Settings,
    keyring: Arc<Keyring>,
    state: Mutex<State>,
    public: OnceLock<String>,
    memory_locked: bool,
}

struct State {
    content: Content,
    /// The version of the master key that wraps the keyring.
    version: u32,
    kind: Kind,
    phase: Phase,
    /// Backups that are being made; a rotation does not begin meanwhile.
    backups: u32,
    done: u64,
    all: u64,
    /// Why the rotation does not get on, if it does not.
    trouble: Option<String>,
    /// What an operator should do about the keys.
    advice: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting,
    /// A rotation has been asked for; the keyring may or may not have the new key already.
    Beginning,
    /// Records are sealed and tagged anew.
    Resealing,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.keyring.numbers())
    }
}

/// Opens the keyring of the data folder, or makes it when the installation is new.
pub(crate) fn open(settings: &Settings) -> Result<Keys, KeyError> {
    let data = &settings.verifier.data;
    let mut master = Master::open(settings)?;
    let (wrapped, content) = match keyring_file::read(data)? {
        Some(wrapped) => {
            let content = open_wrapped(settings, &wrapped, &master)?;
            (wrapped, content)
        }
        None => make(settings, &mut master)?,
    };
    let keyring = content
        .keyring()
        .ok_or_else(|| keyring_file::missing(data))?;
    Ok(Keys {
        settings: settings.clone(),
        keyring,
        state: Mutex::new(State {
            phase: match content.is_rotating() {
                true => Phase::Resealing,
                false => Phase::Resting,
            },
            content,
            version: wrapped.head.version,
            kind: wrapped.head.kind,
            backups: 0,
            done: 0,
            all: 0,
            trouble: None,
            advice: Vec::new(),
        }),
        public: OnceLock::new(),
        memory_locked: false,
    })
}

/// By the master key of the settings; or by the file it was in before the settings named a
/// security module.
fn open_wrapped(
    settings: &Settings,
    wrapped: &Wrapped,
    master: &Master,
) -> Result<Content, KeyError> {
    let data = &settings.verifier.data;
    let path = data.join(keyring_file::FILE_NAME);
    if wrapped.head.kind == master.kind() {
        return wrapped.open(&path, master);
    }
    match (wrapped.head.kind, Master::file(data.join("master.key"))) {
        (Kind::Lines, Ok(before)) => wrapped.open(&path, &before),
        _ => Err(KeyError::new(
            path.display(),
            "is not wrapped by a master key of the source that the settings name",
            "name the source of before in [master-key]; to go from a file to a security module \
             leave master.key in the data folder for one start",
        )),
    }
}

/// A new keyring, if there is nothing yet that one must open.
fn make(settings: &Settings, master: &mut Master) -> Result<(Wrapped, Content), KeyError> {
    let data = &settings.verifier.data;
    if has_store(data)? {
        return Err(keyring_file::missing(data));
    }
    let content = Content::fresh().map_err(|error| no_random(&error))?;
    let wrapped = store_new_by(data, master, &content)?;
    Ok((wrapped, content))
}

fn has_store(data: &Path) -> Result<bool, KeyError> {
    for name in STORE_FOLDERS {
        let path = data.join(name);
        let filled = match fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                let message = format!("can not be read: {error}");
                let way_out = "let the verifier's user own the data folder";
                return Err(KeyError::new(path.display(), message, way_out));
            }
        };
        if filled {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the keyring file in `folder`, which has none, wrapped by the master key that the settings
/// name.
pub(crate) fn store_new(
    settings: &Settings,
    folder: &Path,
    content: &Content,
) -> Result<(), KeyError> {
    let mut master = Master::open(settings)?;
    store_new_by(folder, &mut master, content).map(|_| ())
}

fn store_new_by(
    folder: &Path,
    master: &mut Master,
    content: &Content,
) -> Result<Wrapped, KeyError> {
    let version = master.first()?;
    let wrapped = Wrapped::new(master, version, content)?;
    keyring_file::make(folder, &wrapped)?;
    Ok(wrapped)
}

fn no_random(error: &getrandom::Error) -> KeyError {
    KeyError::new(
        "random source",
        error.to_string(),
        "see what the system lacks",
    )
}

/// While one is there no rotation begins, so that the keys of a backup open what is in it.
#[derive(Debug)]
pub(crate) struct NoRotation(Arc<Keys>);

impl Drop for NoRotation {
    fn drop(&mut self) {
        self.0.state().backups -= 1;
    }
}

impl Keys {
    /// Takes note of whether memory is locked.
    pub(crate) fn with_memory_locked(self, memory_locked: bool) -> Self {
        Self {
            memory_locked,
            ..self
        }
    }

    /// The ring that everybody shares.
    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// What signs checkpoints and receipts.
    pub(crate) fn signing_key(&self) -> Zeroizing<[u8; SIGNING_KEY_OCTETS]> {
        self.state().content.signing_key()
    }

    /// What the keyring holds, for a backup. Keep the guard until the backup is whole. `None` while
    /// a rotation is just beginning; one that goes on is no harm, because both keys are there.
    pub(crate) fn for_backup(self: &Arc<Self>) -> Option<(Zeroizing<Vec<u8>>, NoRotation)> {
        let mut state = self.state();
        if state.phase == Phase::Beginning {
            return None;
        }
        state.backups += 1;
        let content = state.content.encode();
        drop(state);
        Some((content, NoRotation(Arc::clone(self))))
    }

    /// Takes note of the public key, and writes it where those find it who verify.
    pub(crate) fn publish(&self, public: &str) -> io::Result<()> {
        let path = self.settings.verifier.data.join(PUBLIC_FILE);
        let text = format!("{public}\n");
        let _ = self.public.set(public.to_owned());
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        private_file::replace(&path, text.as_bytes())
    }

    /// What needs an operator's attention.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let state = self.state();
        let mut warnings: Vec<_> = state.trouble.iter().chain(&state.advice).cloned().collect();
        if !self.memory_locked {
            let way_out = "allow it: LimitMEMLOCK=infinity in the unit";
            warnings.push(format!("{NOT_LOCKED}; {way_out}"));
        }
        warnings
    }

    /// For `key status`.
    pub(crate) fn status(&self) -> KeyStatusView {
        let state = self.state();
        KeyStatusView {
            source: self.settings.master_key.source.name().to_owned(),
            master_version: state.version,
            data_key: state.content.current(),
            data_keys: state.content.numbers(),
            rotation: (state.phase != Phase::Resting).then(|| RotationView {
                done: state.done,
                all: state.all,
            }),
            public_key: self.public.get().cloned(),
            memory_locked: self.memory_locked,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is done while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
