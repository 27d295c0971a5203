//! Who may use the CLI: groups, and whether a second person is there where two are needed.

use std::collections::BTreeSet;

use sekisho_settings::{Approved, Settings};

use super::finding::{Finding, Found, Kind, quoted};
use super::tree::Tree;

pub(crate) fn look(tree: &Tree, settings: &Settings, found: &mut Found) {
    let verifier = &settings.verifier;
    // Root is an admin without being in a group.
    let mut admins = BTreeSet::from(["root".to_owned()]);
    for (group, is_admin) in [
        (&verifier.admin_group, true),
        (&verifier.help_desk_group, false),
        (&verifier.auditor_group, false),
    ] {
        match tree.members(group) {
            None => {
                let mend = format!("groupadd --system {}", quoted(group));
                let finding = Finding::new(Kind::GroupMissing, mend);
                found.add(finding.with("group", group.as_str()));
            }
            Some(members) if members.is_empty() => {
                let mend = format!("usermod -aG {} NAME", quoted(group));
                let finding = Finding::new(Kind::GroupEmpty, mend);
                found.add(finding.with("group", group.as_str()));
            }
            Some(members) if is_admin => admins.extend(members),
            Some(_) => {}
        }
    }
    let operations = &settings.approval.operations;
    // A restore is done by whoever holds the machine.
    let waits = operations
        .iter()
        .any(|operation| *operation != Approved::Restore);
    if waits && admins.len() < 2 {
        let group = quoted(&verifier.admin_group);
        let finding = Finding::new(Kind::ApprovalOnePerson, format!("usermod -aG {group} NAME"));
        found.add(finding.with("group", verifier.admin_group.as_str()));
    }
}
