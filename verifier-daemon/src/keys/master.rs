//! The master key: wraps the keyring, and is kept outside of it. It has versions; the highest
//! wraps, the others only unwrap.

use std::path::PathBuf;

use sekisho_settings::{MasterKey, Settings, Source};
use sekisho_verifier::seal::NONCE_OCTETS;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::lines::Lines;
use super::pkcs11::Module;
use super::{credential, file};

/// Who computes: we, or a security module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Lines = 1,
    Module = 2,
}

impl Kind {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Lines),
            2 => Some(Self::Module),
            _ => None,
        }
    }
}

/// The master key, for as long as something is wrapped or unwrapped.
pub(super) enum Master {
    File(PathBuf, Lines),
    Credential(Lines),
    Pkcs11(Module),
}

impl Master {
    /// Reads the source that the settings name, as it is now.
    pub(super) fn open(settings: &Settings) -> Result<Self, KeyError> {
        let master: &MasterKey = &settings.master_key;
        match (master.source, &master.pkcs11) {
            (Source::File, _) => Self::file(master.file(&settings.verifier)),
            (Source::Credential, _) => Ok(Self::Credential(credential::load(master.credential())?)),
            (Source::Pkcs11, Some(pkcs11)) => Ok(Self::Pkcs11(Module::open(pkcs11)?)),
            (Source::Pkcs11, None) => Err(KeyError::new(
                "master-key.pkcs11",
                "is not in the settings",
                "add the table",
            )),
        }
    }

    /// From a file.
    pub(super) fn file(path: PathBuf) -> Result<Self, KeyError> {
        let lines = file::load(&path)?;
        Ok(Self::File(path, lines))
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::File(..) | Self::Credential(_) => Kind::Lines,
            Self::Pkcs11(_) => Kind::Module,
        }
    }

    /// The highest version, if there is any.
    pub(super) fn newest(&self) -> Option<u32> {
        match self {
            Self::File(_, lines) | Self::Credential(lines) => lines.versions().next_back(),
            Self::Pkcs11(module) => module.newest(),
        }
    }

    /// The version that shall wrap what is new, when `used` has wrapped so far: one that waits in
    /// the source already, else a fresh one where we can make one. A credential is made by others.
    pub(super) fn next(&mut self, used: u32) -> Result<u32, KeyError> {
        if let Some(newest) = self.newest()
            && newest > used
        {
            return Ok(newest);
        }
        match self {
            Self::File(path, lines) => {
                *lines = file::add(path, lines, used + 1)?;
                Ok(used + 1)
            }
            Self::Credential(_) => Ok(used),
            Self::Pkcs11(module) => {
                module.make(used + 1)?;
                Ok(used + 1)
            }
        }
    }

    /// The version that wraps a new keyring. A security module may have none yet.
    pub(super) fn first(&mut self) -> Result<u32, KeyError> {
        match self.newest() {
            Some(newest) => Ok(newest),
            None => self.next(0),
        }
    }

    /// Takes away the versions before `version`, where that is for us to do.
    pub(super) fn drop_before(&self, version: u32) -> Result<(), KeyError> {
        match self {
            Self::File(path, lines) if lines.versions().any(|older| older < version) => {
                file::drop_before(path, lines, version)
            }
            _ => Ok(()),
        }
    }

    /// Whether there are versions that are older than `version`.
    pub(super) fn has_before(&self, version: u32) -> bool {
        match self {
            Self::File(_, lines) | Self::Credential(lines) => lines.versions().any(|v| v < version),
            Self::Pkcs11(module) => module.versions().any(|v| v < version),
        }
    }

    pub(super) fn wrap(
        &self,
        version: u32,
        nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        clear: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::File(_, lines) | Self::Credential(lines) => lines
                .wrap(version, nonce, head, clear)
                .ok_or_else(|| self.no_version(version)),
            Self::Pkcs11(module) => module.wrap(version, nonce, head, clear),
        }
    }

    /// `None` if it was not wrapped so.
    pub(super) fn unwrap(
        &self,
        version: u32,
        nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        wrapped: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        match self {
            Self::File(_, lines) | Self::Credential(lines) => {
                if !lines.versions().any(|known| known == version) {
                    return Err(self.no_version(version));
                }
                Ok(lines.unwrap(version, nonce, head, wrapped))
            }
            Self::Pkcs11(module) => module.unwrap(version, nonce, head, wrapped),
        }
    }

    fn no_version(&self, version: u32) -> KeyError {
        let place = match self {
            Self::File(path, _) => path.display().to_string(),
            Self::Credential(_) => "the credential of the master key".to_owned(),
            Self::Pkcs11(_) => "the security module".to_owned(),
        };
        KeyError::new(
            place,
            format!("has no version {version} of the master key, which wraps the keyring"),
            "put that version back from where it is kept, or restore the newest backup: sekisho restore",
        )
    }
}
