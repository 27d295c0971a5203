//! From the settings to the core's policy.

use sekisho_settings as settings;
use sekisho_settings::{Code, Profile, Settings, Tongue};
use sekisho_verifier::account::{GroupName, NotAGroup};
use sekisho_verifier::policy::{
    Acceptance, Asking, CodeRule, Limits, Network, Policy, Rule, Rules,
};
use sekisho_verifier::time::Time;
use sekisho_verifier_socket::{Language, Speech};

/// The policy that the settings ask for. Its bounds are checked again by the core.
pub(crate) fn of(settings: &Settings) -> Result<Policy, NotAGroup> {
    Ok(Policy {
        acceptance: Acceptance {
            window: match settings.acceptance.profile {
                Profile::Strict => 0,
                Profile::Standard => 1,
            },
            // At most 20.
            drift: settings.acceptance.drift_steps.value() as i64,
            look_ahead: settings.acceptance.look_ahead.value(),
            answer_again: settings.acceptance.answer_again(),
        },
        limits: Limits {
            // At most 20, and at most 1,000.
            wrong_codes: settings.limits.wrong_codes.value() as u32,
            lock: settings.limits.lock(),
            failures_in_a_row: settings.limits.failures_in_a_row.value() as u32,
        },
        asking: asking(settings)?,
    })
}

fn asking(settings: &Settings) -> Result<Asking, NotAGroup> {
    let services = settings.pam.service.iter();
    let services = services
        .map(|(name, service)| Ok((name.as_str().into(), rules(&service.rule, service.code)?)));
    let clients = settings.radius.client.iter();
    let clients = clients.map(|client| client.get_ref());
    // Those that say nothing have the default: a new gateway is no change of the policy.
    let says = |client: &&settings::Client| client.code != Code::Always || !client.rule.is_empty();
    let clients = clients.filter(says).map(|client| {
        Ok((
            client.name.as_str().into(),
            rules(&client.rule, client.code)?,
        ))
    });
    let grace = settings.pam.grace_until;
    Ok(Asking {
        services: services.collect::<Result<_, _>>()?,
        clients: clients.collect::<Result<_, _>>()?,
        grace_until: grace.map(|day| Time::from_millis(day.end_ms)),
    })
}

fn rules(rules: &[settings::Rule], otherwise: Code) -> Result<Rules, NotAGroup> {
    let one = |rule: &settings::Rule| {
        let groups = rule.groups.iter().map(|name| GroupName::parse(name));
        Ok(Rule {
            groups: groups.collect::<Result<_, _>>()?,
            networks: rule.networks.iter().copied().map(network).collect(),
            code: code(rule.code),
        })
    };
    Ok(Rules {
        rules: rules.iter().map(one).collect::<Result<_, _>>()?,
        otherwise: code(otherwise),
    })
}

fn network(network: settings::Network) -> Network {
    match network {
        settings::Network::Local => Network::Local,
        settings::Network::Remote(prefix) => Network::Remote {
            address: prefix.address,
            length: prefix.length,
        },
    }
}

fn code(code: Code) -> CodeRule {
    match code {
        Code::Always => CodeRule::Always,
        Code::AccountChoice => CodeRule::AccountChoice,
        Code::Never => CodeRule::Never,
    }
}

/// How to speak with who has chosen no language.
pub(crate) fn speech(settings: &Settings) -> Speech {
    Speech {
        chosen: None,
        usual: match settings.language.default {
            Tongue::English => Language::English,
            Tongue::Japanese => Language::Japanese,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sekisho_verifier::place::{Door, Place};

    use super::*;

    #[test]
    fn lines_of_the_settings_are_lines_of_the_policy() {
        let text = "[pam]\ngrace-until = \"2026-12-31\"\n[pam.service.su]\ncode = \"account-choice\"\n\
                    [[pam.service.su.rule]]\nnetworks = [\"192.0.2.0/24\"]\ncode = \"never\"\n\
                    [[pam.service.su.rule]]\nnetworks = [\"local\"]\ncode = \"always\"\n\
                    [[radius.client]]\nname = \"gw1\"\naddress = [\"192.0.2.1\"]\nsecret = \"0123456789abcdef\"\n";
        let settings = Settings::parse(Path::new("s.toml"), text).expect("settings");
        let policy = of(&settings).expect("a policy");
        let grace = policy.asking.grace_until.expect("a day");
        assert_eq!(grace.millis(), 1_798_761_600_000);
        let place = |door, name, from| Place::new(door, name, None, from);
        for (place, code, line) in [
            (
                place(Door::Pam, "su", Some("192.0.2.7")),
                "never",
                "pam.service.su.rule[1]",
            ),
            (
                place(Door::Pam, "su", None),
                "always",
                "pam.service.su.rule[2]",
            ),
            (
                place(Door::Pam, "su", Some("198.51.100.1")),
                "account-choice",
                "pam.service.su",
            ),
            (place(Door::Pam, "sudo", None), "always", "default"),
            (place(Door::Pam, "sshd", None), "account-choice", "default"),
            (place(Door::Radius, "gw1", None), "always", "default"),
        ] {
            let ruled = policy.asking.rule(&place, None);
            assert_eq!(
                (ruled.code.name(), ruled.line.to_string().as_str()),
                (code, line)
            );
        }
    }
}
