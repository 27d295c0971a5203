//! `generate roles`: the guide's table of who may do what, from the table that the verifier goes by.

use sekisho_verifier_socket::role::{Role, VerbKind};

const HEAD: &str = "\
# Who may do what

Printed by `sekisho generate roles` from the table that the verifier goes by. Roles follow from Unix groups; a user may
have several.

* **admin**: root, and members of `admin-group` (`sekisho-admin`);
* **help desk**: members of `help-desk-group` (`sekisho-help-desk`);
* **auditor**: members of `auditor-group` (`sekisho-auditor`): reads, and changes nothing;
* **owner**: everybody with a login on this machine, for the account of the same name.

";

/// The whole page.
pub(crate) fn page() -> String {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let mut page = format!("{HEAD}| command | {} |\n|---|", names.join(" | "));
    page += &"---|".repeat(names.len());
    page += "\n";
    for kind in VerbKind::ALL {
        page += &format!("| `sekisho {}` |", kind.name());
        for role in Role::ALL {
            page += match kind.roles().contains(&role) {
                true => " yes |",
                false => "  |",
            };
        }
        page += "\n";
    }
    page
}
