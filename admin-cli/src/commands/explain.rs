//! `explain`: why logins of an account fail.

use sekisho_admin_cli::text;
use sekisho_verifier_socket::admin::{Answer, ExplanationView, Verb};

use crate::Stop;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::{Output, clean, events, json, table};

pub(crate) fn run(account: &str, verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Explanation(explanation) = verifier.ask(Verb::Explain(account.to_owned()))? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(&explanation))?);
    }
    Ok(output.text(&text(&explanation))?)
}

fn text(explanation: &ExplanationView) -> String {
    let mut text = text!("explain-account", account = clean(&explanation.account)) + "\n";
    for finding in &explanation.findings {
        text += &format!("* {}\n", clean(finding));
    }
    let mut rows: Vec<_> = explanation.events.iter().collect();
    // As in the audit, the newest last.
    rows.sort_by_key(|event| event.position);
    if !rows.is_empty() {
        let rows: Vec<_> = rows.into_iter().map(events::row).collect();
        text += &format!("\n{}\n", text!("label-newest-events"));
        text += &table::render_used(events::HEADER, &rows);
    }
    text
}
