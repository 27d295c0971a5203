//! `[master-key]`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Verifier;

/// The file's name in the data folder unless the settings name another.
const FILE_NAME: &str = "master.key";
/// The credential's name unless the settings name another.
const CREDENTIAL: &str = "sekisho-master-key";
/// What the labels of keys in a PKCS#11 token begin with.
const LABEL: &str = "sekisho-master";
/// The longest name of a credential, as systemd has it.
const CREDENTIAL_OCTETS_MAX: usize = 255;
/// A PKCS#11 token's label has 32 octets.
const TOKEN_OCTETS_MAX: usize = 32;
/// The longest begin of a label: the version is still to come.
const LABEL_OCTETS_MAX: usize = 32;

/// The master key: what wraps the keys that seal seeds, and where it is kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MasterKey {
    /// Where it is kept.
    pub source: Source,
    file: Option<PathBuf>,
    credential: Option<String>,
    /// The security module, for the source `pkcs11`.
    pub pkcs11: Option<Pkcs11>,
}

/// Where the master key is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file that only the verifier can read.
    #[default]
    File,
    /// A credential of systemd, which may be sealed by the machine's TPM.
    Credential,
    /// A security module that never gives it out.
    Pkcs11,
}

impl Source {
    /// As written in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Credential => "credential",
            Self::Pkcs11 => "pkcs11",
        }
    }
}

/// Where in a security module the master key is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pkcs11 {
    /// The maker's library.
    pub module: PathBuf,
    /// The label of the token in it.
    pub token: String,
    /// A file that holds the user's PIN.
    pub pin_file: Option<PathBuf>,
    /// A credential of systemd that holds the user's PIN.
    pub pin_credential: Option<String>,
    /// What the labels of the keys begin with; a dash and the version follow.
    #[serde(default = "label")]
    pub label: String,
}

fn label() -> String {
    LABEL.to_owned()
}

impl MasterKey {
    /// The file of the source `file`.
    pub fn file(&self, verifier: &Verifier) -> PathBuf {
        let default = || verifier.data.join(FILE_NAME);
        self.file.clone().unwrap_or_else(default)
    }

    /// The name of the credential of the source `credential`.
    pub fn credential(&self) -> &str {
        self.credential.as_deref().unwrap_or(CREDENTIAL)
    }

    /// What is wrong, and the way out.
    pub(crate) fn check(&self) -> Result<(), (String, &'static str)> {
        for (key, is_there, source) in [
            ("file", self.file.is_some(), Source::File),
            ("credential", self.credential.is_some(), Source::Credential),
            ("pkcs11", self.pkcs11.is_some(), Source::Pkcs11),
        ] {
            if is_there && self.source != source {
                let message = format!(
                    "master-key.{key} is there, but the source is `{}`",
                    self.source.name()
                );
                return Err((message, "remove the one or change the other"));
            }
        }
        if self.file.as_ref().is_some_and(|file| !file.is_absolute()) {
            let message = "master-key.file is not an absolute path".into();
            return Err((message, "write the path from / on"));
        }
        if self
            .credential
            .as_deref()
            .is_some_and(|name| !is_credential(name))
        {
            return Err(no_credential("master-key.credential"));
        }
        match (&self.pkcs11, self.source) {
            (Some(pkcs11), _) => pkcs11.check(),
            (None, Source::Pkcs11) => Err((
                "master-key has the source `pkcs11` and no table of it".into(),
                "add [master-key.pkcs11] with module, token and pin-file",
            )),
            (None, _) => Ok(()),
        }
    }
}

impl Pkcs11 {
    fn check(&self) -> Result<(), (String, &'static str)> {
        let paths = [
            ("module", Some(&self.module)),
            ("pin-file", self.pin_file.as_ref()),
        ];
        for (key, path) in paths {
            if path.is_some_and(|path| !path.is_absolute()) {
                let message = format!("master-key.pkcs11.{key} is not an absolute path");
                return Err((message, "write the path from / on"));
            }
        }
        let token = &self.token;
        if token.is_empty() || token.len() > TOKEN_OCTETS_MAX {
            let message = "master-key.pkcs11.token is no label of a token".into();
            return Err((message, "use the 1 to 32 octets that the token was given"));
        }
        let graphic = self.label.bytes().all(|octet| octet.is_ascii_graphic());
        if self.label.is_empty() || self.label.len() > LABEL_OCTETS_MAX || !graphic {
            let message = "master-key.pkcs11.label is not usable".into();
            return Err((
                message,
                "use 1 to 32 printable ASCII characters without blanks",
            ));
        }
        match (&self.pin_file, &self.pin_credential) {
            (Some(_), None) => Ok(()),
            (None, Some(name)) if is_credential(name) => Ok(()),
            (None, Some(_)) => Err(no_credential("master-key.pkcs11.pin-credential")),
            (None, None) | (Some(_), Some(_)) => Err((
                "master-key.pkcs11 needs the PIN from one place".into(),
                "add either pin-file or pin-credential",
            )),
        }
    }
}

fn no_credential(key: &str) -> (String, &'static str) {
    (
        format!("{key} is no name of a credential"),
        "use letters, digits, dots, dashes and underscores, beginning with a letter",
    )
}

/// The name becomes part of a path.
fn is_credential(name: &str) -> bool {
    let known = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    name.len() <= CREDENTIAL_OCTETS_MAX
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && name.bytes().all(known)
}
