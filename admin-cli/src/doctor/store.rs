//! What the verifier knows of itself: its clock, its store, its warnings.

use sekisho_verifier_socket::admin::HealthView;

use super::clock;
use super::finding::{Finding, Found, Kind};

/// Below this a few days of logins fill the disk.
const FREE_OCTETS_LEAST: u64 = 256 * 1024 * 1024;
const MEBI: u64 = 1024 * 1024;

/// `grace`: whether accounts without a token are let in for the time being.
pub(crate) fn look(health: &HealthView, grace: bool, found: &mut Found) {
    if !health.clock_trusted {
        found.add(Finding::new(Kind::ClockDoubted, "sekisho clock trust"));
    }
    if let Some(off) = health.clock_error_ms {
        clock::look_at_offset(off, found);
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
