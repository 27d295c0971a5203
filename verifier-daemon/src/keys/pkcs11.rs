//! The master key in a security module (PKCS #11): made there, and never given out. Wrapping and
//! unwrapping is AES-GCM, which the module computes.
//!
//! The keys of the token are told apart by their labels: what the settings say, a dash, and the
//! version.

use std::collections::BTreeMap;
use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::{AuthPin, Ulong};
use sekisho_settings::Pkcs11 as Settings;
use sekisho_verifier::seal::{KEY_OCTETS, NONCE_OCTETS};
use zeroize::Zeroizing;

use super::credential;
use super::error::KeyError;
use super::keyring_file::TAG_OCTETS;
use super::private_file::{self, FOR_OTHERS, Unread};

/// The longest PIN.
const PIN_OCTETS_MAX: usize = 256;
/// Objects whose labels are looked at.
const OBJECTS_MAX: usize = 4_096;

/// A module with a session in which the user is logged in.
pub(super) struct Module {
    place: String,
    label: String,
    keys: BTreeMap<u32, ObjectHandle>,
    // Both are there until the module is dropped.
    session: Option<Session>,
    context: Option<Pkcs11>,
}

impl Drop for Module {
    fn drop(&mut self) {
        // A session of a module that is finalised can not be closed.
        self.session = None;
        if let Some(context) = self.context.take() {
            let _ = context.finalize();
        }
    }
}

impl Module {
    /// Loads the module, finds the token and logs in.
    pub(super) fn open(settings: &Settings) -> Result<Self, KeyError> {
        let place = format!("{}: token {}", settings.module.display(), settings.token);
        let mut module = Self {
            place,
            label: settings.label.clone(),
            keys: BTreeMap::new(),
            session: None,
            context: None,
        };
        module.start(settings)?;
        module.find_keys()?;
        Ok(module)
    }

    fn start(&mut self, settings: &Settings) -> Result<(), KeyError> {
        let pin = pin(settings)?;
        let refuse = |message: String, way_out: &str| {
            KeyError::new(settings.module.display(), message, way_out)
        };
        let context = Pkcs11::new(&settings.module).map_err(|error| {
            let way_out = "name the library of the security module in master-key.pkcs11.module";
            refuse(format!("can not be loaded: {error}"), way_out)
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        context.initialize(arguments).map_err(|error| {
            let way_out = "see what the security module needs: its settings, its service";
            refuse(format!("does not start: {error}"), way_out)
        })?;
        let context = self.context.insert(context);
        let slot = slot(context, &settings.token).map_err(|error| told(&self.place, &error))?;
        let slot = slot.ok_or_else(|| {
            KeyError::new(
                &self.place,
                "there is no such token, or more than one",
                "put it in, and name it by its label in master-key.pkcs11.token",
            )
        })?;
        let session = context.open_rw_session(slot);
        let session = session.map_err(|error| told(&self.place, &error))?;
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) => {}
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinLocked | RvError::PinExpired,
                _,
            )) => {
                return Err(KeyError::new(
                    &self.place,
                    "does not take the PIN",
                    "put the user's PIN where the settings say; some tokens lock after a few wrong ones",
                ));
            }
            Err(error) => return Err(told(&self.place, &error)),
        }
        self.session = Some(session);
        Ok(())
    }

    fn session(&self) -> Result<&Session, KeyError> {
        self.session
            .as_ref()
            .ok_or_else(|| KeyError::new(&self.place, "has no session", "start again"))
    }

    fn told<T>(&self, result: Result<T, Error>) -> Result<T, KeyError> {
        result.map_err(|error| told(&self.place, &error))
    }

    fn find_keys(&mut self) -> Result<(), KeyError> {
        let session = self.session()?;
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(true),
        ];
        let mut keys = BTreeMap::new();
        for object in self
            .told(session.find_objects(&wanted))?
            .into_iter()
            .take(OBJECTS_MAX)
        {
            let about = [
                AttributeType::Label,
                AttributeType::Sensitive,
                AttributeType::Extractable,
            ];
            let about = self.told(session.get_attributes(object, &about))?;
            let Some(version) = about.iter().find_map(|a| self.version(a)) else {
                continue;
            };
            let kept_in = about.contains(&Attribute::Sensitive(true))
                && about.contains(&Attribute::Extractable(false));
            if !kept_in {
                return Err(KeyError::new(
                    &self.place,
                    format!("gives out version {version} of the master key to whoever asks"),
                    "make a key in the token that is sensitive and not extractable",
                ));
            }
            if keys.insert(version, object).is_some() {
                return Err(KeyError::new(
                    &self.place,
                    format!("has two keys {}-{version}", self.label),
                    "take away the one that is not ours, or name it otherwise",
                ));
            }
        }
        self.keys = keys;
        Ok(())
    }

    fn version(&self, attribute: &Attribute) -> Option<u32> {
        let Attribute::Label(label) = attribute else {
            return None;
        };
        let label = std::str::from_utf8(label).ok()?;
        let version = label.strip_prefix(&self.label)?.strip_prefix('-')?;
        let plain = version.bytes().all(|b| b.is_ascii_digit()) && !version.starts_with('0');
        version.parse().ok().filter(|_| plain)
    }

    /// The versions, rising.
    pub(super) fn versions(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    /// The highest version, if there is any.
    pub(super) fn newest(&self) -> Option<u32> {
        self.keys.last_key_value().map(|(version, _)| *version)
    }

    /// Makes `version` in the token.
    pub(super) fn make(&mut self, version: u32) -> Result<(), KeyError> {
        let session = self.session()?;
        let label = format!("{}-{version}", self.label).into_bytes();
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen((KEY_OCTETS as u64).into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Label(label.clone()),
        ];
        let made = session.generate_key(&Mechanism::AesKeyGen, &template);
        let key = made.map_err(|error| {
            let label = String::from_utf8_lossy(&label);
            KeyError::new(
                &self.place,
                format!("does not make a key: {error}"),
                format!(
                    "let the user make keys; or make an AES-256 key {label} in the token, sensitive \
                     and not extractable, by the maker's tool"
                ),
            )
        })?;
        self.keys.insert(version, key);
        Ok(())
    }

    pub(super) fn wrap(
        &self,
        version: u32,
        mut nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        clear: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let key = self.key(version)?;
        let given = nonce;
        let wrapped = {
            let mechanism = Mechanism::AesGcm(self.told(parameters(&mut nonce, head))?);
            self.told(self.session()?.encrypt(&mechanism, key, clear))?
        };
        // Some modules draw a nonce of their own and put it in the place of ours.
        if nonce != given || wrapped.len() != clear.len() + TAG_OCTETS {
            return Err(KeyError::new(
                &self.place,
                "does not wrap as PKCS #11 describes AES-GCM",
                "use a module that takes the nonce it is given and adds a tag of 16 octets",
            ));
        }
        Ok(wrapped)
    }

    /// `None` if it was not wrapped so.
    pub(super) fn unwrap(
        &self,
        version: u32,
        mut nonce: [u8; NONCE_OCTETS],
        head: &[u8],
        wrapped: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let key = self.key(version)?;
        let mechanism = Mechanism::AesGcm(self.told(parameters(&mut nonce, head))?);
        match self.session()?.decrypt(&mechanism, key, wrapped) {
            Ok(clear) => Ok(Some(Zeroizing::new(clear))),
            // Modules have no common word for a wrong tag.
            Err(Error::Pkcs11(
                RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed,
                _,
            )) => Ok(None),
            Err(error) => Err(told(&self.place, &error)),
        }
    }

    fn key(&self, version: u32) -> Result<ObjectHandle, KeyError> {
        self.keys.get(&version).copied().ok_or_else(|| {
            KeyError::new(
                &self.place,
                format!(
                    "has no key {}-{version}, which wraps the keyring",
                    self.label
                ),
                "use the token that has it, or restore the newest backup: sekisho restore",
            )
        })
    }
}

fn parameters<'a>(
    nonce: &'a mut [u8; NONCE_OCTETS],
    head: &'a [u8],
) -> Result<GcmParams<'a>, Error> {
    GcmParams::new(nonce, head, Ulong::from(8 * TAG_OCTETS as u64))
}

/// The one slot with the token of this label.
fn slot(context: &Pkcs11, label: &str) -> Result<Option<Slot>, Error> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_initialized_token()? {
        if context.get_token_info(slot)?.label() == label {
            found.push(slot);
        }
    }
    Ok(match found.as_slice() {
        [slot] => Some(*slot),
        _ => None,
    })
}

fn told(place: &str, error: &Error) -> KeyError {
    KeyError::new(
        place,
        error.to_string(),
        "see what the security module says",
    )
}

fn pin(settings: &Settings) -> Result<AuthPin, KeyError> {
    let (place, octets) = match (&settings.pin_file, &settings.pin_credential) {
        (Some(path), _) => (path.display().to_string(), pin_file(path)?),
        (None, Some(name)) => (
            format!("credential {name}"),
            credential::read(name, PIN_OCTETS_MAX)?,
        ),
        (None, None) => {
            let way_out = "add pin-file or pin-credential";
            return Err(KeyError::new("master-key.pkcs11", "names no PIN", way_out));
        }
    };
    let pin = octets.strip_suffix(b"\n").unwrap_or(&octets);
    match std::str::from_utf8(pin) {
        Ok(pin) if !pin.is_empty() && octets.len() <= PIN_OCTETS_MAX => {
            Ok(AuthPin::new(pin.into()))
        }
        _ => Err(KeyError::new(
            place,
            "is no PIN",
            "put the PIN there and nothing else, at most 255 octets",
        )),
    }
}

fn pin_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    private_file::read(path, PIN_OCTETS_MAX, FOR_OTHERS).map_err(|why| match why {
        Unread::Io(error) => KeyError::new(
            path.display(),
            format!("can not be read: {error}"),
            "put the PIN of the token there, readable by the verifier's user only",
        ),
        Unread::NotAFile => KeyError::new(
            path.display(),
            "is not a file",
            "put the PIN itself there, not a link or a device",
        ),
        Unread::Open => KeyError::new(
            path.display(),
            "others than its owner can read or write the PIN",
            format!("run: chmod 0400 {}", path.display()),
        ),
    })
}
