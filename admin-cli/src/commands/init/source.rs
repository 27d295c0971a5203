//! Where the master key will be, and what is left to do for it.

use std::path::{Path, PathBuf};

use sekisho_admin_cli::text;

use super::absolute;
use super::template::{DEFAULT_SOURCE, quoted};
use crate::cli::{Init, MasterKeySource};
use crate::failure::{Failure, Kind};

/// The commands that make a key which is never in clear on a disk.
const CREDENTIAL_COMMANDS: &str = "    \
    umask 077; key=$(od -An -vtx1 -N32 /dev/urandom | tr -d ' \\n')
    printf 'sekisho-master-key-1 %s\\n' \"$key\" | systemd-creds encrypt \\
        --name=sekisho-master-key - /etc/credstore.encrypted/sekisho-master-key
";
/// The lines for the verifier's unit.
const CREDENTIAL_UNIT: &str = "    \
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
                text!("init-pkcs11-only"),
                text!("init-pkcs11-only-way"),
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
            (Self::File, None) => text!("init-key-file"),
            (Self::Credential, _) => text!("init-key-credential"),
            (Self::Pkcs11 { token, .. }, _) => text!("init-key-token", token = token),
        }
    }

    /// What is left to do, in lines.
    pub(crate) fn next_steps(&self) -> String {
        match self {
            Self::File => format!("* {}\n", text!("init-next-copy")),
            Self::Credential => format!(
                "* {}\n{CREDENTIAL_COMMANDS}* {}\n{CREDENTIAL_UNIT}",
                text!("init-next-credential"),
                text!("init-next-credential-hand")
            ),
            Self::Pkcs11 { pin_file, .. } => format!(
                "* {}\n* {}\n",
                text!("init-next-pin", path = pin_file.display().to_string()),
                text!("init-next-module")
            ),
        }
    }
}
