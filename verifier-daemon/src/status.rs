//! How the verifier is.

use sekisho_verifier_socket::admin::{Answer, Refusal, StatusView};

use crate::service::Shared;
use crate::speech::text;

/// The newest alarms of a day that are told.
const ALARMS_SHOWN: usize = 20;

pub(crate) async fn answer(shared: &Shared) -> Result<Answer, Refusal> {
    view(shared).await.map(Answer::Status)
}

pub(crate) async fn view(shared: &Shared) -> Result<StatusView, Refusal> {
    let (counts, newest, mut warnings) = shared
        .look(|store| (store.counts(), store.view().newest(), store.warnings()))
        .await?;
    let now = shared.clock.now().time;
    if let Ok(Some(newest)) = newest
        && now < newest
    {
        warnings.push(text!("warn-clock-behind"));
    }
    if let Some(doubt) = shared.clock.doubt() {
        let (seconds, left) = (doubt.step.unsigned_abs(), doubt.settles_in);
        warnings.push(match doubt.step < 0 {
            true => text!("warn-clock-back", seconds = seconds, left = left),
            false => text!("warn-clock-forward", seconds = seconds, left = left),
        });
    }
    if shared.hold.is_on() {
        warnings.push(text!("warn-restore-waits"));
    }
    warnings.extend(shared.kept_policy.warning());
    warnings.extend(shared.keys.warnings());
    warnings.extend(shared.seen.warnings());
    for alarm in shared.findings.alarms(now).iter().take(ALARMS_SHOWN) {
        warnings.push(alarm.to_string());
    }
    let not_ended = shared.sessions.orders.not_ended();
    if not_ended > 0 {
        warnings.push(text!("warn-not-ended", count = not_ended));
    }
    let counters = &shared.counters;
    let undecided = counters.undecided.value();
    if undecided > 0 {
        warnings.push(text!("warn-undecided", count = undecided));
    }
    let refused = counters.refused_connections.value();
    if refused > 0 {
        warnings.push(text!("warn-refused", count = refused));
    }
    Ok(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: shared.started.millis(),
        now_ms: now.millis(),
        store: "embedded".to_owned(),
        position: counts.position,
        tokens: counts.tokens,
        accounts: counts.accounts,
        accepts: counters.accepts.value(),
        rejects: counters.rejects.value(),
        connections: counters.connections.value(),
        warnings,
    })
}
