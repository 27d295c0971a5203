//! What is known of modules by name.

use super::evaluate::Part;
use super::stack::{Module, Step};

pub(crate) const OURS: &str = "pam_sekisho.so";

/// Ask who, where or when, and are set up by whoever set up the stack: a line of these that leads
/// past the code was meant to.
const CONDITIONS: &[&str] = &[
    "pam_access.so",
    "pam_group.so",
    "pam_listfile.so",
    "pam_localuser.so",
    "pam_succeed_if.so",
    "pam_time.so",
    "pam_usertype.so",
];

/// Services whose programs run with the real user of whoever calls them.
const CALLERS: &[&str] = &[
    "chage",
    "chfn",
    "chsh",
    "passwd",
    "runuser",
    "runuser-l",
    "su",
    "su-l",
];

/// Judge nobody. A module that is not here may ask for a password.
const HELPERS: &[&str] = &[
    "pam_cap.so",
    "pam_debug.so",
    "pam_deny.so",
    "pam_echo.so",
    "pam_ecryptfs.so",
    "pam_env.so",
    "pam_faildelay.so",
    "pam_faillock.so",
    "pam_gnome_keyring.so",
    "pam_issue.so",
    "pam_keyinit.so",
    "pam_kwallet5.so",
    "pam_limits.so",
    "pam_loginuid.so",
    "pam_mount.so",
    "pam_namespace.so",
    "pam_nologin.so",
    "pam_permit.so",
    "pam_rootok.so",
    "pam_securetty.so",
    "pam_selinux.so",
    "pam_sepermit.so",
    "pam_shells.so",
    "pam_tally2.so",
    "pam_umask.so",
    "pam_warn.so",
    "pam_wheel.so",
    "pam_xauth.so",
];

pub(crate) fn is_ours(step: &Step) -> bool {
    step.module.as_ref().is_some_and(|m| m.name() == OURS)
}

pub(crate) fn is_condition(step: &Step) -> bool {
    let module = step.module.as_ref();
    module.is_some_and(|module| CONDITIONS.contains(&module.name()))
}

/// Whether its success can be that of a password, a finger or a key.
fn judges(module: &Module) -> bool {
    let name = module.name();
    ![CONDITIONS, HELPERS, &[OURS]].concat().contains(&name)
}

/// For the question whether our code can be got around at this service.
pub(crate) fn part_for_code(service: &str) -> impl Fn(&Step) -> Part {
    move |step| match &step.module {
        Some(_) if is_ours(step) => Part::Needed,
        Some(module) => constant(module, service).unwrap_or(Part::Any),
        None => Part::Any,
    }
}

/// For the question whether the code is all that is asked for at this service.
pub(crate) fn part_for_password(service: &str) -> impl Fn(&Step) -> Part {
    move |step| match &step.module {
        Some(module) if judges(module) => Part::Needed,
        Some(module) => constant(module, service).unwrap_or(Part::Any),
        None => Part::Any,
    }
}

/// What can not answer anything else.
fn constant(module: &Module, service: &str) -> Option<Part> {
    match module.name() {
        "pam_permit.so" => Some(Part::Succeeds),
        "pam_deny.so" => Some(Part::Fails),
        // It asks whose process this is. That is the caller's in these, and whoever is root already
        // needs no code; in sshd, login or sudo it is root's, whoever logs in.
        "pam_rootok.so" if CALLERS.contains(&service) => Some(Part::Fails),
        "pam_faillock.so" if module.options.iter().any(|o| o == "authfail") => Some(Part::Fails),
        _ => None,
    }
}
