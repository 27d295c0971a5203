//! Checks of `[pam]`, `[approval]` and of the rules that say where a code is asked.

use std::collections::HashSet;

use crate::verifier::{Approval, Pam, Rule};

/// The most services in `[pam.service]`.
const SERVICES_MAX: usize = 256;
/// The most rules of one service.
const RULES_MAX: usize = 64;
/// The most groups, and the most networks, of one rule.
const CONDITIONS_MAX: usize = 64;
/// The longest name of a group.
const GROUP_OCTETS_MAX: usize = 128;
/// The longest name of a PAM service.
const SERVICE_OCTETS_MAX: usize = 64;

/// What is wrong, and the way out.
type Wrong = (String, &'static str);

impl Pam {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        if self.service.len() > SERVICES_MAX {
            return Err((
                format!("[pam.service] has more than {SERVICES_MAX} services"),
                "leave out those that are as in the default table",
            ));
        }
        for (name, service) in &self.service {
            service_name(name)?;
            rules(&service.rule, &format!("pam.service.{name}"))?;
        }
        self.check_second_use()
    }

    fn check_second_use(&self) -> Result<(), Wrong> {
        let services = &self.second_use_services;
        let wrong = |message: &str, way_out| Err((message.to_owned(), way_out));
        match (self.second_use().is_some(), services.is_empty()) {
            (true, true) => {
                return wrong(
                    "pam.second-use-seconds is given, and no service may use it",
                    "name them in second-use-services, as [\"sudo\"]",
                );
            }
            (false, false) => {
                return wrong(
                    "pam.second-use-services names services, and not for how long",
                    "give second-use-seconds as well, as 30",
                );
            }
            _ => {}
        }
        if services.len() > SERVICES_MAX {
            return wrong(
                "pam.second-use-services names too many services",
                "name those that ask right after a login, as [\"sudo\"]",
            );
        }
        let mut once = HashSet::new();
        for name in services {
            service_name(name)?;
            if !once.insert(name) {
                return Err((
                    format!("pam.second-use-services names `{name}` twice"),
                    "name each once",
                ));
            }
        }
        Ok(())
    }
}

impl Approval {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        let operations = &self.operations;
        let twice = |(at, one)| operations[..at].contains(one);
        match operations.iter().enumerate().any(twice) {
            true => Err((
                "approval.operations names one twice".to_owned(),
                "name each once",
            )),
            false => Ok(()),
        }
    }
}

/// PAM puts the names of services into lower case, so another one would never be met.
fn service_name(name: &str) -> Result<(), Wrong> {
    let allowed = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase() && b != b'/';
    if (1..=SERVICE_OCTETS_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err((
        format!("{name:?} in [pam] is no name of a PAM service"),
        "name it as its file in /etc/pam.d, in lower case",
    ))
}

/// Checks the rules of one service; `line` is what they are called by.
fn rules(rules: &[Rule], line: &str) -> Result<(), Wrong> {
    if rules.len() > RULES_MAX {
        return Err((
            format!("{line} has more than {RULES_MAX} rules"),
            "put groups and networks with the same code into one rule",
        ));
    }
    for (at, rule) in rules.iter().enumerate() {
        let line = format!("{line}.rule[{}]", at + 1);
        if rule.groups.is_empty() && rule.networks.is_empty() {
            return Err((
                format!("{line} has no condition, so that no rule behind it counts"),
                "give it groups or networks, or write its code above the rules",
            ));
        }
        conditions(&rule.groups, &line, "groups")?;
        conditions(&rule.networks, &line, "networks")?;
        if let Some(group) = rule.groups.iter().find(|group| !is_group_name(group)) {
            return Err((
                format!("{line} names {group:?}, which can be no group of an account"),
                "a group has 1 to 128 ASCII letters, digits and . _ - @ + $, and does not begin with -",
            ));
        }
    }
    Ok(())
}

fn conditions<T: PartialEq>(all: &[T], line: &str, what: &str) -> Result<(), Wrong> {
    if all.len() > CONDITIONS_MAX {
        return Err((
            format!("{line} has more than {CONDITIONS_MAX} {what}"),
            "make two rules of it",
        ));
    }
    let twice = |(at, one)| all[..at].contains(one);
    match all.iter().enumerate().any(twice) {
        true => Err((
            format!("{line} names one of its {what} twice"),
            "name each once",
        )),
        false => Ok(()),
    }
}

/// As the verifier takes them: its own check of a group's name.
fn is_group_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+$".contains(&b);
    (1..=GROUP_OCTETS_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.bytes().all(|b| b == b'.')
}
