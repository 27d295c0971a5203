//! Events as rows of a table.

use sekisho_verifier_socket::admin::EventView;

use super::time;

pub(crate) const HEADER: &[&str] = &[
    "Position",
    "Time",
    "Operation",
    "Outcome",
    "Reason",
    "Account",
    "Serial",
    "Where, who",
    "Receipt",
];

pub(crate) fn row(event: &EventView) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = [&event.place, &event.actor];
    let place: Vec<_> = place.into_iter().flatten().map(String::as_str).collect();
    vec![
        event.position.to_string(),
        time::local(event.time_ms),
        event.operation.clone(),
        event.outcome.clone(),
        some(&event.reason),
        some(&event.account),
        some(&event.serial),
        place.join(", "),
        some(&event.receipt),
    ]
}
