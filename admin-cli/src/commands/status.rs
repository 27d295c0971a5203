//! `status`: how the verifier is.

use sekisho_verifier_socket::admin::{Answer, StatusView, Verb};

use crate::Stop;
use crate::connection::Verifier;
use crate::failure::Failure;
use crate::output::block::Block;
use crate::output::{Output, clean, json, time};

pub(crate) fn run(verifier: &mut Verifier, output: &mut Output) -> Result<(), Stop> {
    let Answer::Status(status) = verifier.ask(Verb::Status)? else {
        return Err(Failure::strange_answer().into());
    };
    if output.is_json() {
        return Ok(output.value(&json::value(&status))?);
    }
    output.text(&block(&status).render())?;
    if status.warnings.is_empty() {
        return Ok(());
    }
    output.line("\nNeeds attention")?;
    for warning in &status.warnings {
        output.line(&format!("* {}", clean(warning)))?;
    }
    Ok(())
}

fn block(status: &StatusView) -> Block {
    Block::new()
        .with("Version", &status.version)
        .with("Started", time::local(status.started_ms))
        .with("Its clock", time::local(status.now_ms))
        .with("Store", &status.store)
        .with("Position", status.position.to_string())
        .with("Tokens", status.tokens.to_string())
        .with("Accounts", status.accounts.to_string())
        .with("Accepts", status.accepts.to_string())
        .with("Rejects", status.rejects.to_string())
        .with("Connections", status.connections.to_string())
}
