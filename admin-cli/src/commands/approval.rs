//! What takes a second person: `approve`, `approval list`, and how the first one waits.

use std::thread;
use std::time::{Duration, Instant};

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, ApprovalView, Verb};
use serde_json::json;

use crate::Stop;
use crate::cli::Approve;
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::block::Block;
use crate::output::{Output, clean, hint, json, time};

/// How long one question for what became of it may take: the verifier answers within half a minute.
const PATIENCE: Duration = Duration::from_secs(35);
/// The longest that a second person is waited for; the verifier's own limit is shorter.
const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// Between two questions, where the verifier answers at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Between the parts of what an operation would do.
const PARTS: &str = "; ";

pub(crate) fn approve(
    approve: &Approve,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let answer = verifier.ask(Verb::Approve {
        approval: approve.number.clone(),
        refuse: approve.refuse,
        note: approve.note.text.clone(),
    })?;
    let view = one(answer)?;
    if output.is_json() {
        return Ok(output.value(&json::value(&view))?);
    }
    Ok(output.text(&block(&view).render())?)
}

pub(crate) fn list(verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Approvals(views) = verifier.ask(Verb::ApprovalList)? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json!({ "approvals": json::value(&views) }))?);
    }
    if views.is_empty() {
        hint(&text!("approval-none"));
        return Ok(());
    }
    // No table: what a change of the policy would do takes many lines.
    let blocks: Vec<String> = views.iter().map(|view| block(view).render()).collect();
    Ok(output.text(&blocks.join("\n"))?)
}

/// Waits until a second person has approved it; `Ok` if one has.
pub(crate) fn wait(mut view: ApprovalView, verifier: &mut Verifier) -> Result<String, Failure> {
    if verifier.second_person().no_wait {
        return Err(failure(&view));
    }
    tell(&view, verifier.is_json());
    let until = Instant::now() + WAIT_MAX;
    while view.state == "waiting" && Instant::now() < until {
        let asked = Instant::now();
        let answer = verifier.ask_patiently(Verb::ApprovalWait(view.number.clone()), PATIENCE);
        view = one(answer.map_err(|failure| lost(failure, &view.number))?)?;
        if view.state == "waiting" {
            thread::sleep(PAUSE.saturating_sub(asked.elapsed()));
        }
    }
    if view.state != "approved" {
        return Err(failure(&view));
    }
    if let (Some(by), false) = (&view.settled_by, verifier.is_json()) {
        hint(&text!("approval-approved", by = clean(by)));
    }
    Ok(view.number)
}

/// An answer about one.
fn one(answer: Answer) -> Result<ApprovalView, Failure> {
    match answer {
        Answer::Waiting(view) => Ok(view),
        Answer::Approvals(views) => views.into_iter().next().ok_or_else(Failure::strange_answer),
        _ => Err(Failure::strange_answer()),
    }
}

/// Says who must do what. Who interrupts this can go on later.
fn tell(view: &ApprovalView, is_json: bool) {
    if is_json {
        hint(&json!({ "waiting": json::value(view) }).to_string());
        return;
    }
    let number = clean(&view.number);
    hint(&text!(
        "approval-waits",
        until = time::local(view.until_ms),
        number = number.as_ref(),
    ));
    hint(&text!("approval-interrupt", number = number));
}

/// What became of it is not known, unless the verifier says that there is no such thing any more.
fn lost(mut failure: Failure, number: &str) -> Failure {
    if failure.kind != Kind::NotFound {
        failure.way_out = text!("approval-lost", number = clean(number));
    }
    failure
}

fn failure(view: &ApprovalView) -> Failure {
    let number = clean(&view.number);
    let by = clean(view.settled_by.as_deref().unwrap_or_default());
    let (message, way_out) = match view.state.as_str() {
        "waiting" => (
            text!(
                "approval-not-yet",
                until = time::local(view.until_ms),
                number = number.as_ref(),
            ),
            text!("approval-go-on", number = number),
        ),
        "refused" => (
            text!("approval-refused", by = by, number = number),
            text!("approval-refused-way-out"),
        ),
        _ => (
            text!("approval-over", number = number),
            text!("approval-over-way-out"),
        ),
    };
    let mut failure = Failure::new(Kind::NotApproved, message, way_out);
    failure.approval = Some(Box::new(json::value(view)));
    failure
}

fn block(view: &ApprovalView) -> Block {
    let block = Block::new()
        .with("approval-label-number", &view.number)
        .with("approval-label-operation", operation(view))
        .with("approval-label-asked-by", &view.asked_by)
        .with("approval-label-until", time::local(view.until_ms))
        .with("approval-label-state", state(view))
        .with_some("approval-label-settled-by", view.settled_by.as_ref());
    let parts = view.detail.split(PARTS).filter(|part| !part.is_empty());
    parts.enumerate().fold(block, |block, (at, part)| {
        let label = if at == 0 { "approval-label-detail" } else { "" };
        block.with(label, part)
    })
}

fn operation(view: &ApprovalView) -> String {
    word("approval-operation", &view.operation)
}

fn state(view: &ApprovalView) -> String {
    word("approval-state", &view.state)
}
