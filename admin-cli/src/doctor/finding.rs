//! What can be found: one row for each, with its stable id.

use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Somebody gets in without a code, or nobody gets in.
    Error,
    /// It works, but not as it should.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    pub(crate) const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// For programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Makes the kinds and their list of one text, so that none is forgotten.
macro_rules! kinds {
    ($($kind:ident $id:literal $severity:ident;)+) => {
        /// What can be found. The ids are for programs and stay.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind {
            $($kind),+
        }

        impl Kind {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kind),+];

            pub(crate) const fn id(self) -> &'static str {
                match self {
                    $(Self::$kind => $id),+
                }
            }

            pub(crate) const fn severity(self) -> Severity {
                match self {
                    $(Self::$kind => Severity::$severity),+
                }
            }
        }
    };
}

// In the order in which they are shown among those of one severity.
kinds! {
    SettingsMissing "settings-missing" Error;
    SettingsRefused "settings-refused" Error;
    SettingsWritable "settings-writable" Error;
    SettingsReadable "settings-readable" Error;
    PamSkipped "pam-skipped" Error;
    PamIgnored "pam-ignored" Error;
    PamReset "pam-reset" Error;
    PamNotAsked "pam-not-asked" Error;
    PamInclude "pam-include" Error;
    PamLine "pam-line" Error;
    PamOption "pam-option" Error;
    PamOtherOpen "pam-other-open" Error;
    ModuleMissing "module-missing" Error;
    ModuleForeign "module-foreign" Error;
    ModuleLinked "module-linked" Error;
    ModuleOwner "module-owner" Error;
    ModuleWritable "module-writable" Error;
    SshdNoPam "sshd-no-pam" Error;
    SshdKeyboardInteractive "sshd-keyboard-interactive-off" Error;
    SshdMethods "sshd-methods-skip-code" Error;
    SshdKeysAlone "sshd-keys-alone" Error;
    VerifierSilent "verifier-silent" Error;
    VerifierNotTrusted "verifier-not-trusted" Error;
    SocketMissing "socket-missing" Error;
    SocketFolder "socket-folder-writable" Error;
    SocketOwner "socket-owner" Error;
    SocketMode "socket-mode" Error;
    DataMissing "data-missing" Error;
    DataMode "data-mode" Error;
    DataOwner "data-owner" Error;
    MasterKeyMissing "master-key-missing" Error;
    MasterKeyMode "master-key-mode" Error;
    UserMissing "user-missing" Error;
    ClockDoubted "clock-doubted" Error;
    ClockOff "clock-off" Error;
    StoreDamaged "store-damaged" Error;
    PamDefaultNotAsked "pam-default-not-asked" Warning;
    PamExempted "pam-exempted" Warning;
    PamAccountSkipped "pam-account-skipped" Warning;
    PamPasswordSkipped "pam-password-skipped" Warning;
    PamNoAccount "pam-no-account" Warning;
    PamNoPassword "pam-no-password" Warning;
    PamNoSession "pam-no-session" Warning;
    PamCodeAlone "pam-code-alone" Warning;
    PamSocket "pam-socket-differs" Warning;
    PamServiceUnknown "pam-service-unknown" Warning;
    ModuleOtherMissing "module-other-missing" Warning;
    SshdPasswordMethod "sshd-password-method" Warning;
    ClockNotSynchronised "clock-not-synchronised" Warning;
    DiskNearlyFull "disk-nearly-full" Warning;
    VerifierWarning "verifier-warning" Warning;
    RadiusNotRunning "radiusd-not-running" Warning;
    PasswordNotRunning "passwordd-not-running" Warning;
    SecretShort "radius-secret-short" Warning;
    SecretShared "radius-secret-shared" Warning;
    MessageAuthenticatorOff "radius-message-authenticator-off" Warning;
    MessageAuthenticatorNever "radius-message-authenticator-never" Warning;
    GroupMissing "group-missing" Warning;
    ApprovalOnePerson "approval-one-person" Warning;
    BackupNoRecipients "backup-no-recipients" Warning;
    AccountsWithoutToken "accounts-without-token" Warning;
    PamOthersNotAsked "pam-others-not-asked" Note;
    GraceOver "grace-over" Note;
    GraceRunning "grace-running" Note;
    GroupEmpty "group-empty" Note;
    SshdRootLogin "sshd-root-login" Note;
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Below the root.
    pub(crate) file: PathBuf,
    /// From 1 on.
    pub(crate) line: Option<usize>,
}

impl Place {
    pub(crate) fn file(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            line: None,
        }
    }

    pub(crate) fn line(file: impl Into<PathBuf>, line: usize) -> Self {
        Self {
            file: file.into(),
            line: Some(line),
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) place: Option<Place>,
    /// What belongs into the texts.
    pub(crate) values: Vec<(&'static str, String)>,
    /// The command.
    pub(crate) mend: String,
}

impl Finding {
    pub(crate) fn new(kind: Kind, mend: impl Into<String>) -> Self {
        Self {
            kind,
            place: None,
            values: Vec::new(),
            mend: mend.into(),
        }
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn at_file(self, file: &Path) -> Self {
        self.at(Place::file(file))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) unseen: Vec<Unseen>,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// What: the text `doctor-unseen-…`.
    pub(crate) what: &'static str,
    /// What belongs into it.
    pub(crate) because: String,
}

impl Found {
    pub(crate) fn add(&mut self, finding: Finding) {
        // The same line of a file that many services include is found once.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(crate) fn unseen(&mut self, what: &'static str, because: impl Into<String>) {
        let unseen = Unseen {
            what,
            because: because.into(),
        };
        if !self.unseen.contains(&unseen) {
            self.unseen.push(unseen);
        }
    }
}

/// A word as a shell takes it for one.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
