//! How the verifier is.

use sekisho_verifier_socket::admin::{Answer, Refusal, StatusView};

use crate::service::Shared;

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
        warnings.push(
            "the wall clock is behind the last accepted code or change: no code is accepted; set the clock, or \
             run sekisho clock trust if it is right"
                .to_owned(),
        );
    }
    if let Some(doubt) = shared.clock.doubt() {
        let left = doubt.settles_in;
        warnings.push(format!(
            "{doubt}: no code is accepted; set it right, or run sekisho clock trust if it is; if it \
             is left as it is, it will be trusted in {left} s"
        ));
    }
    warnings.extend(shared.kept_policy.warning());
    warnings.extend(shared.keys.warnings());
    warnings.extend(shared.seen.warnings());
    for alarm in shared.findings.alarms(now).iter().take(ALARMS_SHOWN) {
        warnings.push(alarm.to_string());
    }
    let not_ended = shared.sessions.orders.not_ended();
    if not_ended > 0 {
        warnings.push(format!(
            "{not_ended} sessions at gateways could not be ended since the start: see sekisho audit list"
        ));
    }
    let counters = &shared.counters;
    let undecided = counters.undecided.value();
    if undecided > 0 {
        warnings.push(format!(
            "{undecided} requests could not be decided since the start"
        ));
    }
    let refused = counters.refused_connections.value();
    if refused > 0 {
        warnings.push(format!(
            "{refused} connections over the limit were closed since the start"
        ));
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
