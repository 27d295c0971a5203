//! `policy test`, `policy apply`.

use sekisho_admin_cli::language::word;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, PolicyQuestion, PolicyView, Verb};

use crate::Stop;
use crate::cli::{PolicyApply, PolicyTest};
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::block::Block;
use crate::output::{Output, clean, json, receipt};

pub(crate) fn test(
    test: &PolicyTest,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let question = PolicyQuestion {
        account: test.account.clone(),
        radius: test.radius,
        name: test.service.clone(),
        from: test.from.map(|address| address.to_string()),
    };
    let Answer::Policy(view) = verifier.ask(Verb::PolicyTest(question))? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(&view))?);
    }
    output.text(&block(&view).render())?;
    for reason in &view.because {
        output.line(&format!("* {}", clean(reason)))?;
    }
    Ok(())
}

pub(crate) fn apply(
    apply: &PolicyApply,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let note = apply.note.text.clone();
    let receipt = verifier.ask_for_receipt(Verb::PolicyApply { note })?;
    Ok(receipt::show(output, &receipt)?)
}

fn block(view: &PolicyView) -> Block {
    let account = match view.known {
        true => view.account.clone(),
        false => text!("policy-unknown", account = view.account.as_str()),
    };
    Block::new()
        .with("policy-label-account", account)
        .with(
            "policy-label-outcome",
            word("policy-outcome", &view.outcome),
        )
        // As the settings write it.
        .with("policy-label-rule", &view.rule)
        .with("policy-label-line", &view.line)
}
