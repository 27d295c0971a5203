//! What the settings say that will not do for long.

use std::path::Path;

use sekisho_settings::Settings;

use super::finding::{Finding, Found, Kind};
use super::tree::Tree;
use crate::output::time;

pub(crate) fn look(tree: &Tree, file: &Path, settings: &Settings, now_ms: u64, found: &mut Found) {
    let edit = format!("editor {}", tree.word(file));
    if let Some(day) = settings.pam.grace_until {
        let kind = if now_ms < day.end_ms {
            Kind::GraceRunning
        } else {
            Kind::GraceOver
        };
        let until = time::rfc3339(day.end_ms).unwrap_or_default();
        let finding = Finding::new(kind, edit).at_file(file);
        found.add(finding.with("until", until));
    }
    if settings.backup.recipients.is_empty() {
        let finding = Finding::new(Kind::BackupNoRecipients, "sekisho backup-key backup.key");
        found.add(finding.at_file(file));
    }
}
