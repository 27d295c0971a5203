//! The master key as a credential of systemd: `LoadCredential`, or `LoadCredentialEncrypted` with
//! what `systemd-creds encrypt` has sealed by the machine's TPM.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::KeyError;
use super::lines::{Lines, OCTETS_MAX};
use super::private_file::{self, Unread};

/// Where systemd tells the folder of a service's credentials.
const FOLDER_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// No right for others, and none to write for the group. systemd lets a service's user read by an
/// access control list, whose mask shows where the rights of the group stand.
const FOR_OTHERS: u32 = 0o027;

/// Reads the credential `name`, at most `most` octets of it.
pub(super) fn read(name: &str, most: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let folder = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| folder.is_absolute()) else {
        return Err(KeyError::new(
            format_args!("credential {name}"),
            "systemd has handed over no credentials",
            format!(
                "add LoadCredentialEncrypted={name} or LoadCredential={name} to the unit, and \
                 start it by systemctl"
            ),
        ));
    };
    read_in(&folder, name, most)
}

pub(super) fn read_in(
    folder: &Path,
    name: &str,
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let path = folder.join(name);
    let refuse = |message: String, way_out: &str| KeyError::new(path.display(), message, way_out);
    let cannot = |error: std::io::Error| {
        refuse(
            format!("can not be read: {error}"),
            "see that the unit loads a credential of this name",
        )
    };
    let open = "others can reach this credential";
    let about = fs::symlink_metadata(folder).map_err(cannot)?;
    if !about.is_dir() || about.mode() & FOR_OTHERS != 0 {
        return Err(refuse(
            open.into(),
            "let systemd make the folder of credentials",
        ));
    }
    private_file::read(&path, most, FOR_OTHERS).map_err(|why| match why {
        Unread::Io(error) => cannot(error),
        Unread::NotAFile => refuse("is not a file".into(), "let systemd load the credential"),
        Unread::Open => refuse(open.into(), "let systemd load the credential"),
    })
}

/// Reads the master keys in the credential `name`.
pub(super) fn load(name: &str) -> Result<Lines, KeyError> {
    Lines::parse(read(name, OCTETS_MAX)?).ok_or_else(|| {
        KeyError::new(
            format_args!("credential {name}"),
            "is no master key",
            "put the key back from where it is kept; without it no seed opens",
        )
    })
}
