//! Backups and restores of an installation, as an operator makes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::Installation;
use crate::process::{self, Finished};
use crate::programs;

/// How long a restore may take.
const LIMIT: Duration = Duration::from_secs(60);
/// What a restore lets stand in the data folder.
const MASTER_KEY: &str = "master.key";

/// Who can read backups: an identity, kept away from every installation.
#[derive(Debug)]
pub struct Keeper {
    folder: TempDir,
    /// What goes into the settings.
    pub recipient: String,
}

impl Default for Keeper {
    fn default() -> Self {
        Self::new()
    }
}

impl Keeper {
    /// Makes an identity by the tool.
    #[track_caller]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = process::leashed(programs::ours("sekisho"));
        command.args(["--json", "backup-key"]);
        command.arg(folder.path().join("identity"));
        let done = process::run(&mut command, b"", LIMIT).expect_success();
        let told: Value = serde_json::from_str(&done.stdout).expect("JSON");
        let recipient = told["recipient"].as_str().expect("a recipient").to_owned();
        Self { folder, recipient }
    }

    /// The file with the identity.
    pub fn identity(&self) -> PathBuf {
        self.folder.path().join("identity")
    }

    /// A table of the settings.
    pub fn settings(&self) -> String {
        format!("[backup]\nrecipients = [{:?}]\n", self.recipient)
    }

    /// A file for a backup, beside the identity.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Installation {
    /// Backs up into `file`; the receipt.
    #[track_caller]
    pub fn back_up(&self, file: &Path, history: bool) -> Value {
        let file = file.display().to_string();
        let mut words = vec!["backup", file.as_str()];
        if !history {
            words.push("--without-history");
        }
        self.json(&words)
    }

    /// The command that restores `file`.
    pub fn restore_command(&self, file: &Path, identity: &Path) -> Command {
        let mut command = process::leashed(programs::ours("sekisho"));
        command.arg("--settings").arg(self.settings());
        command.args(["--json", "restore"]).arg(file);
        command.arg("--identity").arg(identity);
        self.clock().wind(&mut command);
        command
    }

    /// Restores `file` into the data folder.
    pub fn restore(&self, file: &Path, identity: &Path) -> Finished {
        process::run(&mut self.restore_command(file, identity), b"", LIMIT)
    }

    /// Removes everything but the master key, as after the loss of a disk. The verifier must not
    /// run.
    pub fn lose_data(&self) {
        for entry in fs::read_dir(self.data())
            .expect("the data folder")
            .flatten()
        {
            if entry.file_name() == MASTER_KEY {
                continue;
            }
            let path = entry.path();
            let gone = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            gone.expect("root can remove it");
        }
    }

    /// What is in the data folder.
    pub fn data_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.data())
            .expect("the data folder")
            .flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
