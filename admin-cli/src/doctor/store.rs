//! What the verifier knows of itself: its clock, its store, its warnings.

use sekisho_verifier_socket::admin::HealthView;

use super::finding::{Finding, Found, Kind};

/// Below this a few days of logins fill the disk.
const FREE_OCTETS_LEAST: u64 = 256 * 1024 * 1024;
const MEBI: u64 = 1024 * 1024;

/// `grace`: whether accounts without a token are let in for the time being.
pub(crate) fn look(health: &HealthView, grace: bool, found: &mut Found) {
    if !health.clock_trusted {
        found.add(Finding::new(Kind::ClockDoubted, "sekisho clock trust"));
    }
    if health.damaged_records > 0 {
        let finding = Finding::new(Kind::StoreDamaged, "sekisho audit verify");
        found.add(finding.with("records", health.damaged_records.to_string()));
    }
    if health.data_free_octets < FREE_OCTETS_LEAST {
        let finding = Finding::new(Kind::DiskNearlyFull, "sekisho audit retain");
        let free = health.data_free_octets / MEBI;
        found.add(finding.with("free", free.to_string()));
    }
    if health.accounts_without_token > 0 && !grace {
        let finding = Finding::new(Kind::AccountsWithoutToken, "sekisho account list");
        found.add(finding.with("accounts", health.accounts_without_token.to_string()));
    }
    for warning in &health.status.warnings {
        let finding = Finding::new(Kind::VerifierWarning, "sekisho status");
        found.add(finding.with("warning", warning.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use sekisho_verifier_socket::admin::StatusView;

    use super::*;

    fn health() -> HealthView {
        let status = StatusView {
            version: "0.1.0".into(),
            started_ms: 0,
            now_ms: 0,
            store: "embedded".into(),
            position: 0,
            tokens: 0,
            accounts: 0,
            accepts: 0,
            rejects: 0,
            connections: 0,
            warnings: Vec::new(),
        };
        HealthView {
            status,
            clock_trusted: true,
            data_free_octets: FREE_OCTETS_LEAST,
            damaged_records: 0,
            accounts_without_token: 0,
        }
    }

    fn kinds(health: &HealthView, grace: bool) -> Vec<Kind> {
        let mut found = Found::default();
        look(health, grace, &mut found);
        found.findings.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn what_the_verifier_knows_of_itself_is_found() {
        assert_eq!(kinds(&health(), false), []);
        let mut bad = health();
        bad.clock_trusted = false;
        bad.damaged_records = 1;
        bad.data_free_octets -= 1;
        bad.accounts_without_token = 3;
        bad.status.warnings = vec!["no backup was ever made".into()];
        let mut all = vec![
            Kind::ClockDoubted,
            Kind::StoreDamaged,
            Kind::DiskNearlyFull,
            Kind::AccountsWithoutToken,
            Kind::VerifierWarning,
        ];
        assert_eq!(kinds(&bad, false), all);
        // They are let in for the time being.
        all.retain(|kind| *kind != Kind::AccountsWithoutToken);
        assert_eq!(kinds(&bad, true), all);
    }
}
