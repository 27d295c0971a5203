//! Do the daemons run, and does the verifier answer?

use std::fs;

use sekisho_settings::Settings;
use sekisho_verifier_socket::admin::{Answer, Verb};

use super::finding::{Finding, Found, Kind};
use super::{clients, files, store};
use crate::cli::Global;
use crate::connection::Verifier;
use crate::failure::{self, Failure};

/// As the kernel cuts the names of processes.
const RADIUSD: &str = "sekisho-radiusd";
const PASSWORDD: &str = "sekisho-passwor";

/// Asks the verifier for what only it knows.
pub(crate) fn ask(global: &Global, settings: Option<&Settings>, grace: bool, found: &mut Found) {
    let answers = Verifier::new(global).and_then(|mut verifier| {
        let health = verifier.ask(Verb::Health)?;
        Ok((health, verifier.ask(Verb::ClientList)?))
    });
    match answers {
        Ok((Answer::Health(health), Answer::Clients(seen))) => {
            store::look(&health, grace, found);
            clients::look_at_seen(&seen, found);
        }
        Ok(_) => unanswered(&Failure::strange_answer(), found),
        Err(failure) => unanswered(&failure, found),
    }
    if let Some(settings) = settings {
        running(settings, found);
    }
}

fn unanswered(failure: &Failure, found: &mut Found) {
    match failure.kind {
        failure::Kind::Unavailable => {
            let mend = "systemctl restart sekisho-verifierd";
            let finding = Finding::new(Kind::VerifierSilent, mend);
            found.add(finding.with("error", failure.message.as_str()));
        }
        failure::Kind::NotTrusted => {
            let mend = "systemctl restart sekisho-verifierd";
            let finding = Finding::new(Kind::VerifierNotTrusted, mend);
            found.add(finding.with("error", failure.message.as_str()));
        }
        _ => found.unseen("verifier", failure.message.as_str()),
    }
}

fn running(settings: &Settings, found: &mut Found) {
    let names = processes();
    let mut wanted = Vec::new();
    if !settings.radius.client.is_empty() {
        wanted.push((Kind::RadiusNotRunning, RADIUSD, "sekisho-radiusd"));
    }
    if files::asks_pam(settings) {
        wanted.push((Kind::PasswordNotRunning, PASSWORDD, "sekisho-passwordd"));
    }
    for (kind, process, unit) in wanted {
        if !names.iter().any(|name| name == process) {
            let mend = format!("systemctl enable --now {unit}");
            found.add(Finding::new(kind, mend));
        }
    }
}

/// The names of all processes.
fn processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}
