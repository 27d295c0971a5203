//! Where the master key will be, and what is left to do for it.

use std::path::{Path, PathBuf};

use super::absolute;
use super::template::{DEFAULT_SOURCE, quoted};
use crate::cli::{Init, MasterKeySource};
use crate::failure::{Failure, Kind};

/// The commands that make a key which is never in clear on a disk.
const CREDENTIAL_STEPS: &str = "\
* Make the master key, sealed by this machine, and keep a copy of it in a safe place:
    umask 077; key=$(od -An -vtx1 -N32 /dev/urandom | tr -d ' \\n')
    printf 'sekisho-master-key-1 %s\\n' \"$key\" | systemd-creds encrypt \\
        --name=sekisho-master-key - /etc/credstore.encrypted/sekisho-master-key
* Hand it to the verifier: systemctl edit sekisho-verifierd, and add
    [Service]
    LoadCredentialEncrypted=sekisho-master-key:/etc/credstore.encrypted/sekisho-master-key
";

#[derive(Debug)]
pub(crate) enum Source {
    File,
    Credential,
    Pkcs11 {
        module: PathBuf,
        token: String,
        pin_file: PathBuf,
    },
}

impl Source {
    pub(crate) fn of(init: &Init) -> Result<Self, Failure> {
        let module = &init.module;
        match (
            init.master_key,
            &module.pkcs11_module,
            &module.pkcs11_token,
            &module.pin_file,
        ) {
            (MasterKeySource::File, None, None, None) => Ok(Self::File),
            (MasterKeySource::Credential, None, None, None) => Ok(Self::Credential),
            (MasterKeySource::Pkcs11, Some(module), Some(token), Some(pin_file)) => {
                Ok(Self::Pkcs11 {
                    module: absolute(module)?,
                    token: token.clone(),
                    pin_file: absolute(pin_file)?,
                })
            }
            _ => Err(Failure::new(
                Kind::Invalid,
                "only --master-key pkcs11 has a module, a token and a PIN file",
                "leave them out, or add --master-key pkcs11",
            )),
        }
    }

    /// The lines of the settings.
    pub(crate) fn settings(&self) -> Result<String, Failure> {
        Ok(match self {
            Self::File => DEFAULT_SOURCE.to_owned(),
            Self::Credential => "source = \"credential\"\n".to_owned(),
            Self::Pkcs11 {
                module,
                token,
                pin_file,
            } => format!(
                "source = \"pkcs11\"\npkcs11 = {{ module = {}, token = {}, pin-file = {} }}\n",
                quoted(module)?,
                quoted(Path::new(token))?,
                quoted(pin_file)?
            ),
        })
    }

    /// Where the key is or will be.
    pub(crate) fn place(&self, file: Option<&Path>) -> String {
        match (self, file) {
            (Self::File, Some(file)) => file.to_string_lossy().into_owned(),
            (Self::File, None) => "file".to_owned(),
            (Self::Credential, _) => "credential sekisho-master-key".to_owned(),
            (Self::Pkcs11 { token, .. }, _) => format!("token {token}"),
        }
    }

    /// What is left to do, in lines.
    pub(crate) fn next_steps(&self) -> String {
        match self {
            Self::File => {
                "* Keep a copy of the master key in a safe place: without it no seed can \
                           be read.\n"
                    .to_owned()
            }
            Self::Credential => CREDENTIAL_STEPS.to_owned(),
            Self::Pkcs11 { pin_file, .. } => format!(
                "* Put the PIN of the token into {}, mode 0400, owned by the verifier's user.\n\
                 * The verifier makes the key in the token at its first start; keep the token, or a \
                 copy by\n  its maker's tool: without it only a backup can be read.\n",
                pin_file.display()
            ),
        }
    }
}
