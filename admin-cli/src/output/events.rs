//! Events as rows of a table.

use sekisho_admin_cli::language::word;
use sekisho_verifier_socket::admin::EventView;

use super::time;

pub(crate) const HEADER: &[&str] = &[
    "label-position",
    "label-time",
    "label-operation",
    "label-outcome",
    "label-reason",
    "label-account",
    "label-serial",
    "label-where-who",
    "label-receipt",
];

pub(crate) fn row(event: &EventView) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = [&event.place, &event.actor];
    let place: Vec<_> = place.into_iter().flatten().map(String::as_str).collect();
    vec![
        event.position.to_string(),
        time::local(event.time_ms),
        word("operation", &event.operation),
        word("outcome", &event.outcome),
        reason(event),
        some(&event.account),
        some(&event.serial),
        place.join(", "),
        some(&event.receipt),
    ]
}

/// Why; of an operation it is what somebody wrote, which stays as it is.
fn reason(event: &EventView) -> String {
    let reason = event.reason.clone().unwrap_or_default();
    match event.operation.as_str() {
        "login" => word("reason", &reason),
        _ => reason,
    }
}
