//! From the settings to the core's policy.

use sekisho_settings::{Code, Profile, Settings, Tongue};
use sekisho_verifier::policy::{Acceptance, Asking, CodeRule, Limits, Policy};
use sekisho_verifier_socket::{Language, Speech};

/// The policy that the settings ask for. Its bounds are checked again by the core.
pub(crate) fn of(settings: &Settings) -> Policy {
    let services = settings.pam.service.iter();
    Policy {
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
        asking: Asking {
            services: services
                .map(|(name, service)| (name.as_str().into(), rule(service.code)))
                .collect(),
        },
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

fn rule(code: Code) -> CodeRule {
    match code {
        Code::Always => CodeRule::Always,
        Code::AccountChoice => CodeRule::AccountChoice,
        Code::Never => CodeRule::Never,
    }
}
