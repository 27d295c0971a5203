//! Files beside the journal that only a verifier with the data keys can read, or write so that they
//! are believed.
//!
//! One octet format, four octets key number (big endian), the nonce, the ciphertext and its tag.
//! The key is derived from the data key for one purpose, which is also the associated data.

use std::io;
use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use sekisho_verifier::seal::{KEY_OCTETS, Keyring, NONCE_OCTETS};
use zeroize::Zeroizing;

use crate::keys::private_file::{self, Unread};

const FORMAT: u8 = 1;
const NUMBER_OCTETS: usize = 4;
const HEAD_OCTETS: usize = 1 + NUMBER_OCTETS + NONCE_OCTETS;
const TAG_OCTETS: usize = 16;
/// Nobody else may have a right to such a file.
const FOR_OTHERS: u32 = 0o077;

/// Why there is nothing to be had of a file.
#[derive(Debug)]
pub(crate) enum Sealed {
    /// There is no such file.
    Missing,
    /// It was not sealed by us for this, or by a key that is gone.
    DoesNotOpen,
    /// It can not be read.
    Unread(String),
}

/// Seals `clear` for `purpose` and puts it in the place of the file at `path`.
pub(crate) fn write(
    path: &Path,
    keyring: &Keyring,
    purpose: &[u8],
    clear: &[u8],
) -> io::Result<()> {
    let sealed = seal(keyring, purpose, clear).ok_or_else(|| io::Error::other("no seal"))?;
    private_file::replace(path, &sealed)
}

/// What was sealed for `purpose` in the file at `path`, at most `most` octets; and whether the key
/// is still the current one.
pub(crate) fn read(
    path: &Path,
    keyring: &Keyring,
    purpose: &[u8],
    most: usize,
) -> Result<(Zeroizing<Vec<u8>>, bool), Sealed> {
    let most = most + HEAD_OCTETS + TAG_OCTETS;
    let octets = private_file::read(path, most, FOR_OTHERS).map_err(|unread| match unread {
        Unread::Io(error) if error.kind() == io::ErrorKind::NotFound => Sealed::Missing,
        Unread::Io(error) => Sealed::Unread(error.to_string()),
        Unread::NotAFile => Sealed::Unread("it is not a file".to_owned()),
        Unread::Open => Sealed::Unread("others have rights to it".to_owned()),
    })?;
    if octets.len() > most {
        return Err(Sealed::Unread("it is too long".to_owned()));
    }
    open(keyring, purpose, &octets).ok_or(Sealed::DoesNotOpen)
}

fn seal(keyring: &Keyring, purpose: &[u8], clear: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_OCTETS];
    getrandom::fill(&mut nonce).ok()?;
    let keys = keyring.derive(purpose);
    let (number, key) = keys.first()?;
    let mut sealed = Vec::with_capacity(HEAD_OCTETS + clear.len() + TAG_OCTETS);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&number.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(clear);
    let body = &mut sealed[HEAD_OCTETS..];
    let tag = cipher(key)
        .encrypt_inout_detached(&Nonce::from(nonce), purpose, body.into())
        .ok()?;
    sealed.extend_from_slice(&tag);
    Some(sealed)
}

fn open(keyring: &Keyring, purpose: &[u8], sealed: &[u8]) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let (head, rest) = sealed.split_at_checked(HEAD_OCTETS)?;
    let (body, tag) = rest.split_last_chunk::<TAG_OCTETS>()?;
    let (format, number) = (head[0], &head[1..=NUMBER_OCTETS]);
    let keys = keyring.derive(purpose);
    let at = keys
        .iter()
        .position(|(known, _)| format == FORMAT && known.to_be_bytes() == number)?;
    let mut nonce = [0; NONCE_OCTETS];
    nonce.copy_from_slice(&head[1 + NUMBER_OCTETS..]);
    let mut clear = Zeroizing::new(body.to_vec());
    cipher(&keys[at].1)
        .decrypt_inout_detached(
            &Nonce::from(nonce),
            purpose,
            clear.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    // The current one is the first.
    Some((clear, at == 0))
}

fn cipher(key: &[u8; KEY_OCTETS]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

#[cfg(test)]
mod tests {
    use sekisho_verifier::seal::DataKey;

    use super::*;

    fn keyring(number: u32) -> Keyring {
        Keyring::new(DataKey::new(number, &[number as u8; KEY_OCTETS]))
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_whole() {
        let keys = keyring(1);
        let sealed = seal(&keys, b"one", b"findings").expect("sealed");
        assert!(!sealed.windows(8).any(|octets| octets == b"findings"));
        let (clear, current) = open(&keys, b"one", &sealed).expect("open");
        assert_eq!((clear.as_slice(), current), (&b"findings"[..], true));
        assert!(open(&keys, b"two", &sealed).is_none());
        assert!(open(&keyring(2), b"one", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&keys, b"one", &changed).is_none());
            assert!(open(&keys, b"one", &sealed[..at]).is_none());
        }
        keys.make_current(DataKey::new(2, &[2; KEY_OCTETS]));
        let (_, current) = open(&keys, b"one", &sealed).expect("open after a rotation");
        assert!(!current);
    }

    #[test]
    fn a_file_is_kept_for_us_alone_and_bounded() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("findings");
        let keys = keyring(1);
        assert!(matches!(read(&path, &keys, b"p", 10), Err(Sealed::Missing)));
        write(&path, &keys, b"p", b"0123456789").expect("written");
        write(&path, &keys, b"p", b"0123456789").expect("written again");
        let mode = std::fs::metadata(&path)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o400);
        assert!(read(&path, &keys, b"p", 10).is_ok());
        assert!(matches!(
            read(&path, &keys, b"p", 9),
            Err(Sealed::Unread(_))
        ));
        let other = read(&path, &keyring(2), b"p", 10);
        assert!(matches!(other, Err(Sealed::DoesNotOpen)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("chmod");
        assert!(matches!(
            read(&path, &keys, b"p", 10),
            Err(Sealed::Unread(_))
        ));
    }
}
